"""Commands, events and state of the payments room. Key of every record: order_id."""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from schemas.orders import Tender
from schemas.records import Millis, Record


class Status(StrEnum):
    """Where a payment is."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    VOIDING = "voiding"
    VOIDED = "voided"
    CAPTURED = "captured"


class Method(StrEnum):
    """How a tender is paid."""

    CHANNEL = "channel"
    """authorized or paid at the channel, which says how much"""
    CARD = "card"
    """authorized, captured and refunded at a gateway of ours"""
    GIFT_CARD = "gift_card"
    """as a card, but what it lacks another tender pays"""
    CASH_ON_DELIVERY = "cash_on_delivery"
    INVOICE = "invoice"
    """paid later, within its terms"""


class PaymentStatus(StrEnum):
    """What the sums of all tenders come to, against the order's total."""

    PENDING = "pending"
    PARTLY_AUTHORIZED = "partly_authorized"
    AUTHORIZED = "authorized"
    """all of the total is held or promised, nothing is taken"""
    PARTLY_PAID = "partly_paid"
    PAID = "paid"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    DECLINED = "declined"


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
    tenders: list[Tender] = field(default_factory=list)
    """empty: one tender, as method and what goes with it say"""
    channel: str = ""
    customer_id: str = ""
    country: str = ""
    """where the goods go"""
    revision: int = 0
    """version of the order's total, from 0; the reply names it"""


class ChangePayment(Record, frozen=True):
    """The order's total has changed: authorize the difference, or hold less. Answered by
    RecordPayment with this revision; where it says no, the sums are as they were."""

    order_id: str
    revision: int
    amount_minor: int
    """the new total, in the payment's currency"""
    tenders: list[Tender] = field(default_factory=list)
    """further tenders to use before the others; empty for none"""


class CapturePayment(Record, frozen=True):
    """Take money that is authorized, e.g. for a shipment. The same capture_id again changes
    nothing; other content under it is refused."""

    order_id: str
    capture_id: str
    amount_minor: int
    final: bool = False
    """true: nothing more will be taken, so that what else is authorized is given back"""


class RefundPayment(Record, frozen=True):
    """Give money back that was taken; what was only authorized is voided instead. The same
    refund_id again changes nothing; other content under it is refused."""

    order_id: str
    refund_id: str
    amount_minor: int
    reason: str


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
    tender_id: str = "1"
    expires_at_ms: Millis = 0
    """until when the authorization holds; 0 where the gateway does not say"""


class RecordVoid(Record, frozen=True):
    """Answer of a payment gateway to VoidRequested."""

    order_id: str
    outcome: str
    """voided, expired (it holds nothing any more), captured (the money is taken, and only a refund
    gives it back), or unknown (timed out)"""
    authorization_id: str


class RecordCapture(Record, frozen=True):
    """Answer of a payment gateway to CaptureRequested."""

    order_id: str
    tender_id: str
    capture_id: str
    outcome: str
    """captured, declined, expired (the authorization holds nothing any more), unknown (timed out),
    or not_found (to an inquiry)"""
    amount_minor: int
    currency: str
    reason: str
    attempt: int


class RecordRefund(Record, frozen=True):
    """Answer of a payment gateway to RefundRequested."""

    order_id: str
    tender_id: str
    refund_id: str
    outcome: str
    """refunded, pending (accepted, and told by a later answer), declined, unknown, or not_found"""
    amount_minor: int
    currency: str
    reason: str
    attempt: int


class CaptureRequested(Record, frozen=True):
    """Work for the gateway connector: capture, or look up when inquiry is true."""

    order_id: str
    tender_id: str
    authorization_id: str
    capture_id: str
    idempotency_key: str
    """the same for every try of this capture"""
    amount_minor: int
    currency: str
    final: bool
    """true: nothing more is taken of this authorization"""
    inquiry: bool
    attempt: int
    at_ms: Millis


class RefundRequested(Record, frozen=True):
    """Work for the gateway connector: refund, or look up when inquiry is true."""

    order_id: str
    tender_id: str
    authorization_id: str
    capture_id: str
    """whose money it is; empty where the gateway may choose"""
    refund_id: str
    idempotency_key: str
    """the same for every try of this refund"""
    amount_minor: int
    currency: str
    inquiry: bool
    attempt: int
    at_ms: Millis


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
    tender_id: str = "1"
    method: str = "card"
    """card or gift_card"""
    partial: bool = False
    """true: less than the amount may be approved"""


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
