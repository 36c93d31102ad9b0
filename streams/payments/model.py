"""The payments room's states as a table, and its bounds."""

from __future__ import annotations

from schemas.payments import (
    AuthorizationRequested,
    PaymentAuthorized,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentVoided,
    Status,
    VoidRequested,
)
from streams.transitions import Step, following

GATEWAY_PATIENCE_MS = 30_000
"""how long a gateway may take to answer before it is asked again"""
SHORTEST_BACKOFF_MS = 4_000
MAXIMUM_BACKOFF_MS = 600_000
"""between two tries; so long after a request was sent it is no longer under way"""
MAXIMUM_ATTEMPTS = 9
"""to authorize, before orders is told no: 17 minutes where the gateway answers that it does not
know, 28 where it does not answer; less than the 30 for which orders has reserved"""
AUTHORIZATION_LIFE_MS = 30 * 24 * 3_600_000
"""No card network keeps an authorization for longer. Source: Stripe, "Place an extended hold on
an online card payment"."""
MAXIMUM_INQUIRIES = MAXIMUM_ATTEMPTS + AUTHORIZATION_LIFE_MS // MAXIMUM_BACKOFF_MS
"""whether a gateway that was given up holds money; a void is tried until it succeeds"""

CHANNEL = "channel"
FREE = "free"
"""With CHANNEL, what stands for the authorization where no gateway was asked for one."""

START = ""
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
        PaymentVoided: Status.VOIDED,
    },
    Status.AUTHORIZED: {VoidRequested: Status.VOIDING, PaymentVoided: Status.VOIDED},
    Status.VOIDING: {
        PaymentVoided: Status.VOIDED,
        PaymentCommandRefused: Status.CAPTURED,
    },
    Status.DECLINED: {
        AuthorizationRequested: Status.DECLINED,
        PaymentAuthorized: Status.AUTHORIZED,
    },
    Status.VOIDED: {
        AuthorizationRequested: Status.VOIDED,
        PaymentAuthorized: Status.AUTHORIZED,
    },
    Status.CAPTURED: {},
}
"""Status, and what is written, to the next status. A payment that was declined or withdrawn can
still turn out to be authorized, when a gateway answers late; it is then voided at once. A void
that is tried again, and that of a second authorization, leave the status as it is."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    return following(TRANSITIONS, status, step)


def backoff_ms(attempt: int) -> int:
    """How long to wait after try number `attempt`, from 1."""
    return int(min(MAXIMUM_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** min(attempt - 1, 16)))
