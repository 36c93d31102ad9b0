"""The payments room's states as tables, and its bounds."""

from __future__ import annotations

from schemas.payments import (
    AuthorizationRequested,
    AuthorizePayment,
    CapturePayment,
    ChangePayment,
    Method,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentDeclined,
    PaymentReceived,
    PaymentRefunded,
    PaymentStatus,
    PaymentTotalChanged,
    PaymentVoided,
    RecordCapture,
    Status,
    VoidPayment,
    VoidRequested,
)
from streams.transitions import IllegalTransition, Step, following

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
"""whether a gateway that was given up holds or has taken money; a void is tried until it
succeeds"""
PENDING_PATIENCE_MS = 3_600_000
"""how often a gateway is asked about a refund that it has accepted"""
MAXIMUM_PENDING_INQUIRIES = AUTHORIZATION_LIFE_MS // PENDING_PATIENCE_MS
"""A refund takes 5 to 10 business days, and some gateways tell of a failure up to 30 days later.
Source: Stripe, "Refund and cancel payments"."""
MAXIMUM_RENEWALS = 3
"""authorizations that may expire under one capture"""
MAXIMUM_TENDERS = 20
MAXIMUM_REQUESTS = 1_000
"""captures, refunds and receipts of one order each: all of them are kept, to know repeats"""
DAY_MS = 86_400_000

CHANNEL = "channel"
FREE = "free"
"""With the methods that no gateway is asked for, what stands for the authorization's id."""
VOID_REFUND = "@void"
"""refund_id of what a void gives back of money that was taken"""

GATEWAY_METHODS = frozenset({Method.CARD, Method.GIFT_CARD})
PROMISES = frozenset({Method.CASH_ON_DELIVERY, Method.INVOICE})
"""The money is there when somebody says that it was received."""

START = ""


class LastCapture(PaymentCaptured, frozen=True):
    """The PaymentCaptured after which nothing of the authorization is held."""


TRANSITIONS: dict[str, dict[Step, Status]] = {
    START: {
        AuthorizationRequested: Status.REQUESTED,
        PaymentAuthorized: Status.AUTHORIZED,
    },
    Status.REQUESTED: {
        AuthorizationRequested: Status.REQUESTED,
        PaymentAuthorized: Status.AUTHORIZED,
        PaymentDeclined: Status.DECLINED,
        PaymentVoided: Status.VOIDED,
    },
    Status.AUTHORIZED: {
        VoidRequested: Status.VOIDING,
        PaymentCaptured: Status.AUTHORIZED,
        LastCapture: Status.CAPTURED,
        PaymentVoided: Status.VOIDED,
    },
    Status.VOIDING: {
        VoidRequested: Status.VOIDING,
        PaymentCaptured: Status.VOIDING,
        LastCapture: Status.CAPTURED,
        PaymentVoided: Status.VOIDED,
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
"""An authorization's status, and what is written, to the next status. One that was declined or
withdrawn can still turn out to be authorized, when a gateway answers late; it is then voided at
once."""

_AUTHORIZED = (PaymentStatus.PARTLY_AUTHORIZED, PaymentStatus.AUTHORIZED)
_PAID = (PaymentStatus.PARTLY_PAID, PaymentStatus.PAID)
_REFUNDED = (PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED)
_UNTAKEN = (PaymentStatus.PENDING, *_AUTHORIZED, PaymentStatus.VOIDED, PaymentStatus.DECLINED)


def _untaken(status: PaymentStatus) -> dict[Step, tuple[PaymentStatus, ...]]:
    """The steps of a payment of which nothing is taken. How much is held decides."""
    others = tuple(one for one in _UNTAKEN if one != status)
    gone = tuple(one for one in others if one != PaymentStatus.AUTHORIZED)
    steps: dict[Step, tuple[PaymentStatus, ...]] = {
        PaymentAuthorized: tuple(one for one in _AUTHORIZED if one != status),
        PaymentDeclined: others,
        PaymentTotalChanged: tuple(one for one in _AUTHORIZED if one != status),
        PaymentVoided: gone,
        PaymentCaptured: _PAID,
        PaymentReceived: _PAID,
        PaymentRefunded: (PaymentStatus.REFUNDED,),
        VoidRequested: gone,
        RecordCapture: gone,
        AuthorizePayment: others,
        ChangePayment: others,
        CapturePayment: gone,
        VoidPayment: (PaymentStatus.VOIDED,),
    }
    return {step: following for step, following in steps.items() if status not in following}


STATUSES: dict[PaymentStatus, dict[Step, tuple[PaymentStatus, ...]]] = {
    **{status: _untaken(status) for status in _UNTAKEN},
    PaymentStatus.PARTLY_PAID: {
        PaymentCaptured: (PaymentStatus.PAID,),
        PaymentReceived: (PaymentStatus.PAID,),
        PaymentTotalChanged: (PaymentStatus.PAID,),
        PaymentRefunded: (PaymentStatus.PAID, *_REFUNDED),
    },
    PaymentStatus.PAID: {
        PaymentTotalChanged: (PaymentStatus.PARTLY_PAID,),
        PaymentRefunded: _REFUNDED,
    },
    PaymentStatus.PARTLY_REFUNDED: {PaymentRefunded: (PaymentStatus.REFUNDED,)},
    PaymentStatus.REFUNDED: {
        PaymentCaptured: (PaymentStatus.PARTLY_REFUNDED, *_AUTHORIZED, *_PAID),
    },
}
"""A payment's status, which is computed from its sums, and which step may lead it to which other.
Of an increase that is sought, and of what goes back, a status takes no note."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads an authorization to. Raises IllegalTransition."""
    return following(TRANSITIONS, status, step)


def check(before: PaymentStatus, now: PaymentStatus, steps: set[Step]) -> None:
    """One of the steps may lead a payment from one status to the other. Raises
    IllegalTransition."""
    allowed = STATUSES[before]
    if not any(now in allowed.get(step, ()) for step in steps):
        words = ", ".join(sorted(step.__name__ for step in steps))
        raise IllegalTransition(f"{words} from {before} to {now}")


def backoff_ms(tries: int) -> int:
    """How long to wait after try number `tries`, from 1."""
    return int(min(MAXIMUM_BACKOFF_MS, SHORTEST_BACKOFF_MS * 2 ** min(tries - 1, 16)))
