"""Commands, events and state of the payments room. Key of every record: order_id."""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from schemas.orders import Tender
from schemas.records import Millis, Record

RULES_KEY = "@rules"
"""State key of the rules that payments are validated by, in every partition of the room."""


class Status(StrEnum):
    """Where one authorization is. The transitions stand in streams/payments/model.py."""

    REQUESTED = "requested"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    VOIDING = "voiding"
    VOIDED = "voided"
    CAPTURED = "captured"
    """nothing of it is held any more, all is taken"""


class Method(StrEnum):
    """How a tender is paid."""

    CHANNEL = "channel"
    """authorized or paid at the channel, which says how much"""
    CARD = "card"
    """authorized, captured and refunded at a gateway of ours"""
    GIFT_CARD = "gift_card"
    """as a card, but what it lacks another tender pays"""
    CASH_ON_DELIVERY = "cash_on_delivery"
    """promised, due when captured, there when received"""
    INVOICE = "invoice"
    """paid later, within its terms; else as cash_on_delivery"""


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
    NOT_AUTHORIZED = "not_authorized"
    NOT_CAPTURED = "not_captured"
    UNKNOWN_TENDER = "unknown_tender"
    TOO_MANY = "too_many"
    """captures, refunds, receipts or tenders of one order"""
    AMOUNT_NEGATIVE = "amount_negative"
    AMOUNT_ZERO = "amount_zero"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CURRENCY_NOT_ALLOWED = "currency_not_allowed"
    TOO_MANY_TENDERS = "too_many_tenders"
    LIMIT_EXCEEDED = "limit_exceeded"
    RISK_TOO_HIGH = "risk_too_high"
    NOT_PAID = "not_paid"
    CURRENCY_DIFFERS = "currency_differs"
    AMOUNT_TOO_SMALL = "amount_too_small"
    AMOUNT_TOO_LARGE = "amount_too_large"
    CARD_DECLINED = "card_declined"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_CARD = "invalid_card"
    AUTHENTICATION_REQUIRED = "authentication_required"
    """the bank wants the card holder to prove who they are"""
    AMOUNT_UNPAYABLE = "amount_unpayable"
    """the gateway cannot take this sum in this currency"""
    GATEWAY_SILENT = "gateway_silent"
    AUTHORIZATION_EXPIRED = "authorization_expired"
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
    orders_last_hour: int = 0
    """of the same customer, before this one; 0 where nobody has counted"""
    orders_last_day: int = 0
    billing_country: str = ""
    """ISO 3166-1 alpha-2 code of who pays; empty where unknown"""


class ChangePayment(Record, frozen=True):
    """The order's total has changed: authorize the difference, or hold less. Answered by
    RecordPayment with this revision; where it says no, the sums are as they were."""

    order_id: str
    revision: int
    amount_minor: int
    """the new total, in the payment's currency"""
    tenders: list[Tender] = field(default_factory=list)
    """further tenders to use before the others; empty for none. One whose id is known replaces
    what was said of it: how much of the order it may pay, and what the channel was paid"""


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
    """Give everything back, now or as soon as its outcome is known: what is authorized is voided,
    what is taken is refunded."""

    order_id: str
    reason: str


class RecordReceipt(Record, frozen=True):
    """Money for a delivery or an invoice has come in. The same receipt_id again changes nothing;
    other content under it is refused."""

    order_id: str
    receipt_id: str
    """e.g. of the bank's or the carrier's statement; unique within the order"""
    amount_minor: int
    currency: str
    tender_id: str = ""
    """empty: the first that something is outstanding of"""
    reference: str = ""
    """number of the invoice, the tour or the statement; nothing that names a person"""
    actor: str = ""


class PaymentRule(Record, frozen=True):
    """What is asked of payments of a channel before anybody is charged."""

    rule_id: str
    """for people; named where it refuses"""
    channel: str
    """empty: of every channel"""
    kind: str
    """one of PaymentRuleKind"""
    words: list[str] = field(default_factory=list)
    """the methods, currencies or countries that the kind allows"""
    limit: int = 0
    """the greatest number that passes: minor units, tenders or orders"""
    currency: str = ""
    """whose minor units, for maximum_amount; empty: of any"""
    points: int = 0
    """that a payment gets which does not pass; 0: it is refused"""


class PaymentRuleKind(StrEnum):
    """What a rule looks at; the order of checks."""

    METHODS = "methods"
    """authenticity: by which methods a channel's orders may be paid; without channel among them,
    its word that an order is paid does not count"""
    CURRENCIES = "currencies"
    COUNTRIES = "countries"
    """where the goods may go"""
    MAXIMUM_TENDERS = "maximum_tenders"
    MAXIMUM_AMOUNT = "maximum_amount"
    BILLING_COUNTRY = "billing_country"
    """who pays and where the goods go must not differ"""
    ORDERS_LAST_HOUR = "orders_last_hour"
    """velocity: orders of the same customer"""
    ORDERS_LAST_DAY = "orders_last_day"


class SetPaymentRules(Record, frozen=True):
    """The rules for payments from now on; they replace those before. To every partition."""

    rules: list[PaymentRule]
    refuse_at_points: int
    """a payment whose points come to so many is refused; 0: points refuse nobody"""
    actor: str = ""


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
    number: int = 0
    """of the tender's authorization that this is about; 0 where the connector does not say"""


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
    """as in the request"""
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
    """as in the request"""
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
    """of this sum: the capture's own id, a slash and the number of its part"""
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
    """as in CaptureRequested: whose money it is; empty where the gateway may choose"""
    refund_id: str
    """of this sum: the refund's own id, a slash and the number of its part"""
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
    number: int = 1
    """which authorization of this tender"""


class PaymentAuthorized(Record, frozen=True):
    """The gateway, or the channel, holds this sum for the order, or it is promised. Another one
    than was asked for is voided at once."""

    order_id: str
    authorization_id: str
    amount_minor: int
    currency: str
    method: str
    at_ms: Millis
    tender_id: str = "1"
    expires_at_ms: Millis = 0
    """until when it holds; 0 where the gateway does not say"""


class PaymentDeclined(Record, frozen=True):
    """The sum is not authorized. Whatever was authorized before still is."""

    order_id: str
    reason: str
    amount_minor: int
    currency: str
    at_ms: Millis
    tender_id: str = "1"
    """empty where it is no tender's fault"""
    rule_id: str = ""
    """of SetPaymentRules: the rule that refuses it; empty where none does"""
    points: int = 0
    """by those rules"""


class VoidRequested(Record, frozen=True):
    """Work for the gateway connector: void the authorization. One that was never told by
    PaymentAuthorized is a second one for the same order."""

    order_id: str
    authorization_id: str
    idempotency_key: str
    """the same for every try to void this authorization"""
    attempt: int
    at_ms: Millis
    tender_id: str = "1"


class PaymentVoided(Record, frozen=True):
    """The authorization is given back, or had expired by itself. amount_minor is what had been
    authorized and was not taken; 0, without an authorization_id, where the request had never
    reached the gateway. A promise, or what a channel holds, can also be given back in part."""

    order_id: str
    authorization_id: str
    amount_minor: int
    currency: str
    reason: str
    at_ms: Millis
    tender_id: str = "1"


class PaymentCaptured(Record, frozen=True):
    """Money that was authorized is taken; of a delivery or an invoice: is due."""

    order_id: str
    tender_id: str
    capture_id: str
    """of CapturePayment; empty where the gateway had taken it by itself"""
    part: int
    """number within the capture, from 1: one authorization each"""
    authorization_id: str
    method: str
    amount_minor: int
    currency: str
    at_ms: Millis
    due_at_ms: Millis = 0
    """when an invoice is to be paid; 0 where the money is there"""


class PaymentCaptureFailed(Record, frozen=True):
    """A sum of a capture is not taken and will not be; another CapturePayment may try."""

    order_id: str
    tender_id: str
    """empty where it is no tender's fault"""
    capture_id: str
    amount_minor: int
    currency: str
    reason: str
    at_ms: Millis


class PaymentRefunded(Record, frozen=True):
    """Money that was taken is given back; of what was due and has not come: is owed no more. With
    the method channel the channel has to do it."""

    order_id: str
    tender_id: str
    refund_id: str
    """of RefundPayment; @void where the payment was voided"""
    part: int
    """number within the refund, from 1: one captured sum each"""
    capture_id: str
    authorization_id: str
    method: str
    amount_minor: int
    currency: str
    reason: str
    at_ms: Millis
    paid_back_minor: int = 0
    """of that, the money that goes back: without what was owed and has not come"""


class PaymentRefundFailed(Record, frozen=True):
    """A sum is not given back and will not be; another RefundPayment may try."""

    order_id: str
    tender_id: str
    refund_id: str
    part: int
    capture_id: str
    method: str
    amount_minor: int
    currency: str
    reason: str
    at_ms: Millis


class PaymentReceived(Record, frozen=True):
    """Money for a delivery or an invoice has come in."""

    order_id: str
    tender_id: str
    receipt_id: str
    method: str
    amount_minor: int
    currency: str
    reference: str
    actor: str
    at_ms: Millis


class PaymentOverdue(Record, frozen=True):
    """An invoice was not paid within its terms."""

    order_id: str
    tender_id: str
    capture_id: str
    amount_minor: int
    """what has not come of everything that is due by now"""
    currency: str
    due_at_ms: Millis
    at_ms: Millis


class PaymentTotalChanged(Record, frozen=True):
    """From now on the payment is for this total; it is authorized or taken."""

    order_id: str
    revision: int
    previously_minor: int
    amount_minor: int
    currency: str
    at_ms: Millis


class PaymentCommandRefused(Record, frozen=True):
    """A command to the payment was refused and changed nothing."""

    order_id: str
    command: str
    reason: str
    at_ms: Millis
    request_id: str = ""
    """capture_id, refund_id or receipt_id of the command; empty for another"""


class PaymentRulesSet(Record, frozen=True):
    """The rules for payments from now on."""

    rules: list[PaymentRule]
    refuse_at_points: int
    actor: str
    at_ms: Millis


class PaymentRulesState(Record, frozen=True):
    """State of the rules for payments (payments.state, key @rules)."""

    rules: list[PaymentRule]
    refuse_at_points: int


class TenderState(Record, frozen=True):
    """One way in which a part of the order is paid."""

    tender_id: str
    method: str
    """one of Method"""
    amount_minor: int
    """how much of the order it pays at most; 0 for whatever the others leave"""
    token: str
    paid_minor: int
    paid_currency: str
    terms_days: int
    exhausted: bool = False
    """it has no more to give"""
    received_minor: int = 0
    """of what it promised, what has come"""


class AuthorizationState(Record, frozen=True):
    """One authorization of a tender, from the wish for it to its end."""

    tender_id: str
    number: int
    """within the tender, from 1; below 0 for one that nobody asked for"""
    round: int
    """which search for money it was made in"""
    status: str
    """one of Status"""
    wanted_minor: int
    authorization_id: str = ""
    currency: str = ""
    """of what is held; empty where it is the payment's"""
    held_minor: int = 0
    """authorized, and neither taken nor given back"""
    captured_minor: int = 0
    attempt: int = 0
    """number of the latest AuthorizationRequested; one more while the next is only planned"""
    tries: int = 0
    void_reason: str = ""
    """why it is to be given back; empty when it is not"""
    void_tries: int = 0
    expires_at_ms: Millis = 0
    wake_at_ms: Millis = 0


class CaptureState(Record, frozen=True):
    """One CapturePayment."""

    capture_id: str
    amount_minor: int
    final: bool
    status: str
    """one of Progress"""
    failed_minor: int = 0
    renewals: int = 0
    """how often an authorization had to be renewed for it"""


class CapturePart(Record, frozen=True):
    """What a capture takes of one authorization."""

    capture_id: str
    number: int
    """within the capture, from 1"""
    tender_id: str
    authorization_id: str
    amount_minor: int
    final: bool
    status: str
    """one of Progress"""
    refunded_minor: int = 0
    """given back, or under way back"""
    attempt: int = 0
    tries: int = 0
    due_at_ms: Millis = 0
    wake_at_ms: Millis = 0
    unwanted: bool = False
    """taken by the gateway itself: it is refunded by itself"""
    currency: str = ""
    """empty where it is the payment's"""


class RefundState(Record, frozen=True):
    """One RefundPayment, or what a void gives back."""

    refund_id: str
    amount_minor: int
    reason: str
    status: str
    """one of Progress"""


class RefundPart(Record, frozen=True):
    """What a refund gives back of one captured sum."""

    refund_id: str
    number: int
    """within the refund, from 1"""
    capture_id: str
    capture_number: int
    tender_id: str
    authorization_id: str
    amount_minor: int
    status: str
    """one of Progress"""
    attempt: int = 0
    tries: int = 0
    wake_at_ms: Millis = 0
    currency: str = ""
    """empty where it is the payment's"""
    paid_back_minor: int = 0
    """of that, the money that went back"""


class ReceiptState(Record, frozen=True):
    """One RecordReceipt."""

    receipt_id: str
    tender_id: str
    """as the command named it"""
    amount_minor: int


class Progress(StrEnum):
    """Where a capture or a refund is, or a part of one."""

    UNDER_WAY = "under_way"
    PENDING = "pending"
    """accepted by the gateway, and not done yet"""
    DONE = "done"
    FAILED = "failed"
    """all that could be done of it is done"""


class PaymentState(Record, frozen=True):
    """State of one payment (payments.state). Written before there were tenders, it has none."""

    order_id: str
    status: str
    """one of PaymentStatus; from before there were tenders, one of Status"""
    amount_minor: int
    """the total that orders asked for, with `revision`, in minor units of the currency"""
    currency: str
    method: str
    """of the first tender"""
    token: str
    """from before there were tenders"""
    authorization_id: str
    """from before there were tenders"""
    attempt: int
    """number of the latest AuthorizationRequested of any tender"""
    void_reason: str
    """why everything is to be given back, also before outcomes are known; empty when it is not"""
    wake_at_ms: Millis = 0
    held_minor: int = 0
    """from before there were tenders"""
    held_currency: str = ""
    """from before there were tenders"""
    refusal: str = ""
    """why orders was told no; empty when it was not"""
    void_attempt: int = 0
    """number of the latest VoidRequested, from 1"""
    voiding: list[str] = field(default_factory=list)
    """from before there were tenders"""
    tenders: list[TenderState] = field(default_factory=list)
    """in the order in which they are used"""
    authorizations: list[AuthorizationState] = field(default_factory=list)
    """in the order in which they were made, which is the one in which they are captured"""
    captures: list[CaptureState] = field(default_factory=list)
    capture_parts: list[CapturePart] = field(default_factory=list)
    refunds: list[RefundState] = field(default_factory=list)
    refund_parts: list[RefundPart] = field(default_factory=list)
    receipts: list[ReceiptState] = field(default_factory=list)
    revision: int = 0
    agreed_minor: int = -1
    """the total that the payment has covered and is for; -1 before there is one"""
    seeking: str = ""
    """total or renewal: what money is sought for; empty when none is"""
    round: int = 0
    """number of the latest search for money"""
    returned_minor: int = 0
    """of what is refunded, what was taken beyond the total"""
    closing: bool = False
    """a final capture has been made: what is still held goes back"""
    capture_attempt: int = 0
    """number of the latest CaptureRequested"""
    refund_attempt: int = 0
    """number of the latest RefundRequested"""
    told: str = ""
    """the status that orders was told last; empty where it was told none"""
    told_captured_minor: int = 0
    told_refunded_minor: int = 0
    channel: str = ""
    answered: int = 0
    """the revision that orders has an answer to"""
