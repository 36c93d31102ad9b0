"""The payments room's states as a table, and its bounds."""

from __future__ import annotations

from schemas.payments import (
    AuthorizationRequested,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentVoided,
    Status,
    VoidRequested,
)
from schemas.records import Record

GATEWAY_PATIENCE_MS = 30_000
"""how long a gateway may take to answer before it is asked again"""
INQUIRY_DELAY_MS = 2_000
"""after a gateway has said that it does not know"""
MAXIMUM_ATTEMPTS = 10
"""to authorize; a void is tried until it succeeds"""
MAXIMUM_BACKOFF_MS = 600_000

START = ""
Step = type[Record]
TRANSITIONS: dict[str, dict[Step, Status]] = {
    START: {
        AuthorizationRequested: Status.REQUESTED,
        PaymentAuthorized: Status.AUTHORIZED,
        PaymentDeclined: Status.DECLINED,
    },
    Status.REQUESTED: {
        AuthorizationRequested: Status.REQUESTED,
        PaymentAuthorized: Status.AUTHORIZED,
        PaymentDeclined: Status.DECLINED,
    },
    Status.AUTHORIZED: {VoidRequested: Status.VOIDING, PaymentVoided: Status.VOIDED},
    Status.VOIDING: {VoidRequested: Status.VOIDING, PaymentVoided: Status.VOIDED},
    Status.DECLINED: {PaymentAuthorized: Status.AUTHORIZED},
    Status.VOIDED: {},
}
"""Status, and what is written, to the next status. A declined payment can still turn out to be
authorized, when a gateway that was given up answers late; it is then voided at once."""


class IllegalTransition(RuntimeError):
    """A rule wanted a step that the table does not have; nothing has changed."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    following = TRANSITIONS[status].get(step)
    if following is None:
        raise IllegalTransition(f"{step.__name__} in status {status or 'unknown'}")
    return following


def backoff_ms(attempt: int) -> int:
    """How long to wait after try number `attempt`."""
    return int(min(MAXIMUM_BACKOFF_MS, INQUIRY_DELAY_MS * 2 ** min(attempt, 16)))
