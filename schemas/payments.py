"""Commands, events and state of the payments room. Key of every record: order_id."""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from schemas.records import Millis, Record


class Status(StrEnum):
    """Where a payment is."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    VOIDING = "voiding"
    VOIDED = "voided"
    CAPTURED = "captured"


class Refusal(StrEnum):
    """Why a payment is declined, or a command refused; the order of checks."""

    PAYMENT_CONFLICT = "payment_conflict"
    UNKNOWN_PAYMENT = "unknown_payment"
    ALREADY_CAPTURED = "already_captured"
    AMOUNT_NEGATIVE = "amount_negative"
    NOT_PAID = "not_paid"
    CURRENCY_DIFFERS = "currency_differs"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    CARD_DECLINED = "card_declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_CARD = "invalid_card"
    GATEWAY_SILENT = "gateway_silent"
    CANCELLED = "cancelled"


class AuthorizePayment(Record, frozen=True):
    """Make sure that the order's total is authorized."""

    order_id: str
    amount_minor: int
    currency: str
    method: str
    """channel or card"""
    token: str
    paid_minor: int
    """what the channel says is authorized or paid"""
    paid_currency: str


class VoidPayment(Record, frozen=True):
    """Give the authorization back, now or as soon as its outcome is known."""

    order_id: str
    reason: str


class RecordAuthorization(Record, frozen=True):
    """Answer of a payment gateway to AuthorizationRequested."""

    order_id: str
    outcome: str
    """approved, declined, unknown (timed out), or not_found (to an inquiry)"""
    authorization_id: str
    amount_minor: int
    currency: str
    reason: str
    attempt: int = 0
    """of the request that this answers; 0 where the connector does not say"""


class RecordVoid(Record, frozen=True):
    """Answer of a payment gateway to VoidRequested."""

    order_id: str
    outcome: str
    """voided, expired (it holds nothing any more), captured (the money is taken, and only a refund
    gives it back), or unknown (timed out)"""
    authorization_id: str


class AuthorizationRequested(Record, frozen=True):
    """Work for the gateway connector: authorize, or look up when inquiry is true."""

    order_id: str
    idempotency_key: str
    """the same for every try of one payment"""
    amount_minor: int
    currency: str
    token: str
    inquiry: bool
    attempt: int
    at_ms: Millis


class PaymentAuthorized(Record, frozen=True):
    """The gateway, or the channel, holds this sum for the order. Another one than was asked for is
    voided at once."""

    order_id: str
    authorization_id: str
    amount_minor: int
    currency: str
    method: str
    at_ms: Millis


class PaymentDeclined(Record, frozen=True):
    """The sum is not authorized."""

    order_id: str
    reason: str
    amount_minor: int
    currency: str
    at_ms: Millis


class VoidRequested(Record, frozen=True):
    """Work for the gateway connector: void the authorization. One that was never told by
    PaymentAuthorized is a second one for the same order."""

    order_id: str
    authorization_id: str
    idempotency_key: str
    """the same for every try to void this authorization"""
    attempt: int
    at_ms: Millis


class PaymentVoided(Record, frozen=True):
    """The authorization is given back, or had expired by itself. amount_minor is what had been
    authorized; 0, without an authorization_id, where the request had never reached the gateway."""

    order_id: str
    authorization_id: str
    amount_minor: int
    currency: str
    reason: str
    at_ms: Millis


class PaymentCommandRefused(Record, frozen=True):
    """A command to the payment was refused and changed nothing."""

    order_id: str
    command: str
    reason: str
    at_ms: Millis


class PaymentState(Record, frozen=True):
    """State of one payment (payments.state)."""

    order_id: str
    status: str
    amount_minor: int
    """what orders asked for, in minor units of the currency"""
    currency: str
    method: str
    token: str
    authorization_id: str
    """the one that PaymentAuthorized told; empty before"""
    attempt: int
    """number of the latest AuthorizationRequested; one more while the next is only planned"""
    void_reason: str
    """why it is to be given back, also before the outcome is known; empty when it is not"""
    wake_at_ms: Millis = 0
    held_minor: int = 0
    """what the gateway said it holds, in minor units of held_currency"""
    held_currency: str = ""
    """ISO 4217 code; empty where no gateway has said: then it is what was asked for"""
    refusal: str = ""
    """why orders was told no; empty when it was not"""
    void_attempt: int = 0
    """number of the latest VoidRequested, from 1"""
    voiding: list[str] = field(default_factory=list)
    """authorizations that are to be void, and that the gateway has not yet said to be"""
