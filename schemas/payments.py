"""Commands, events and state of the payments room. Key of every record: order_id."""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Status(StrEnum):
    """Where a payment is."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    VOIDING = "voiding"
    VOIDED = "voided"


class Refusal(StrEnum):
    """Why a payment is declined, or a command refused; the order of checks."""

    PAYMENT_CONFLICT = "payment_conflict"
    UNKNOWN_PAYMENT = "unknown_payment"
    NOT_PAID = "not_paid"
    CURRENCY_DIFFERS = "currency_differs"
    AMOUNT_TOO_SMALL = "amount_too_small"
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


class RecordVoid(Record, frozen=True):
    """Answer of a payment gateway to VoidRequested."""

    order_id: str
    outcome: str
    """voided or unknown (timed out)"""
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
    """The whole sum is authorized."""

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
    """Work for the gateway connector: void the authorization."""

    order_id: str
    authorization_id: str
    idempotency_key: str
    attempt: int
    at_ms: Millis


class PaymentVoided(Record, frozen=True):
    """The authorization is given back. amount_minor is what had been authorized."""

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
    currency: str
    method: str
    token: str
    authorization_id: str
    attempt: int
    void_reason: str
    """a void was asked for before the outcome was known; empty when not"""
    wake_at_ms: Millis = 0
