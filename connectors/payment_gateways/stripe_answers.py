"""What Stripe's objects mean here. Every function is pure.

Sources: Stripe, "How PaymentIntents and SetupIntents work" (statuses), "Decline codes", "Error
codes", "Place a hold on a payment method", "Refund and cancel payments".
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

from connectors.payment_gateways.stripe_amounts import from_stripe
from connectors.payment_gateways.stripe_objects import Fault, Intent, Refund
from schemas.payments import (
    CaptureRequested,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    Refusal,
)

ORDER, TENDER, NUMBER = "millrace_order_id", "millrace_tender_id", "millrace_number"
KEY = "millrace_key"
"""Digest of the idempotency key, to search by."""
CAPTURE_PREFIX = "millrace_capture_"
"""Before the digest of a capture's id; the value says how much, and which. An intent has room for
46 of them, and Stripe captures 50 times at most (Stripe, "Metadata", "Capture a payment multiple
times")."""
REFUND = "millrace_refund_id"

BY_CODE: dict[str, Refusal] = {
    "amount_too_small": Refusal.AMOUNT_TOO_SMALL,
    "amount_too_large": Refusal.AMOUNT_TOO_LARGE,
    "authentication_required": Refusal.AUTHENTICATION_REQUIRED,
    "card_velocity_exceeded": Refusal.INSUFFICIENT_FUNDS,
    "charge_already_refunded": Refusal.AMOUNT_TOO_LARGE,
    "currency_not_supported": Refusal.AMOUNT_UNPAYABLE,
    "expired_card": Refusal.INVALID_CARD,
    "expired_or_canceled_card": Refusal.INVALID_CARD,
    "incorrect_cvc": Refusal.INVALID_CARD,
    "incorrect_number": Refusal.INVALID_CARD,
    "insufficient_funds": Refusal.INSUFFICIENT_FUNDS,
    "invalid_account": Refusal.INVALID_CARD,
    "invalid_amount": Refusal.AMOUNT_UNPAYABLE,
    "invalid_cvc": Refusal.INVALID_CARD,
    "invalid_expiry_month": Refusal.INVALID_CARD,
    "invalid_expiry_year": Refusal.INVALID_CARD,
    "invalid_number": Refusal.INVALID_CARD,
    "new_account_information_available": Refusal.INVALID_CARD,
    "payment_intent_authentication_failure": Refusal.AUTHENTICATION_REQUIRED,
    "token_already_used": Refusal.INVALID_CARD,
    "withdrawal_count_limit_exceeded": Refusal.INSUFFICIENT_FUNDS,
}
"""Of `decline_code`, `code` and `failure_reason`. What is not here is `card_declined`, and of a
lost or stolen card nothing more is to be said (Stripe, "Decline codes")."""
EXPIRED_BY_ITSELF = frozenset({"automatic", "expired"})
"""Cancellation reasons of Stripe's own for a hold that has run out."""


class Standing(NamedTuple):
    """Where an intent is, as an outcome of RecordAuthorization."""

    outcome: str
    amount_minor: int = 0
    """that is or was held"""
    reason: str = ""
    expires_at_ms: int = 0


def digest(text: str) -> str:
    """A name for `text` in 24 characters that Stripe takes anywhere."""
    return blake2b(text.encode(), digest_size=12).hexdigest()


def refusal_of(fault: Fault) -> Refusal | None:
    """The reason where the payment is refused for good, None where it is the request's fault."""
    known = BY_CODE.get(fault.decline_code or "") or BY_CODE.get(fault.code or "")
    if known is not None or fault.type == "card_error":
        return known or Refusal.CARD_DECLINED
    if fault.param == "currency":
        return Refusal.AMOUNT_UNPAYABLE
    if fault.param == "payment_method" or (fault.param or "").startswith("payment_method_data"):
        return Refusal.INVALID_CARD
    return None


def standing(intent: Intent) -> Standing:
    """What has become of an authorization. Raises MalformedAmount."""
    currency = intent.currency.upper()
    if intent.status in ("requires_capture", "succeeded"):
        held = intent.amount
        if intent.status == "requires_capture" and not intent.amount_received:
            held = intent.amount_capturable
        until = (intent.card.capture_before or 0) * 1000
        return Standing("approved", from_stripe(held, currency), "", until)
    if intent.status == "canceled":
        reason = Refusal.CANCELLED
        if intent.cancellation_reason in EXPIRED_BY_ITSELF:
            reason = Refusal.AUTHORIZATION_EXPIRED
        return Standing("declined", 0, reason)
    if intent.is_blank:
        return Standing("not_found")
    fault = intent.last_payment_error
    if intent.status == "requires_payment_method" and fault is not None:
        return Standing("declined", 0, refusal_of(fault) or Refusal.CARD_DECLINED)
    return Standing("unknown")


def void_outcome(intent: Intent) -> str:
    """An outcome of RecordVoid; "unknown" where the intent is as it was."""
    if intent.status == "canceled":
        return "expired" if intent.cancellation_reason in EXPIRED_BY_ITSELF else "voided"
    if intent.status == "succeeded":
        return "captured"
    return "unknown"


def is_ours(intent: Intent) -> bool:
    """Whether an order here is behind it."""
    return all(intent.metadata.get(name) for name in (ORDER, TENDER, KEY))


def capture_name(capture_id: str) -> str:
    """The name of a capture's metadata."""
    return CAPTURE_PREFIX + digest(capture_id)[:20]


def capture_note(request: CaptureRequested) -> str:
    """What an intent keeps of a capture."""
    return f"{request.amount_minor}:{request.capture_id}"


def captures(intent: Intent) -> Iterator[tuple[str, int]]:
    """The captures that are noted, with their sums."""
    for name, note in intent.metadata.items():
        amount, colon, capture_id = note.partition(":")
        if name.startswith(CAPTURE_PREFIX) and colon and amount.isdecimal():
            yield capture_id, int(amount)


def captured(request: CaptureRequested, outcome: str, reason: str = "") -> RecordCapture:
    """The answer to a capture."""
    return RecordCapture(
        request.order_id,
        request.tender_id,
        request.capture_id,
        outcome,
        request.amount_minor if outcome == "captured" else 0,
        request.currency,
        reason,
        request.attempt,
    )


def refused_refund(request: RefundRequested, outcome: str, reason: str = "") -> RecordRefund:
    """The answer to a refund that is not there."""
    named = (request.order_id, request.tender_id, request.refund_id)
    return RecordRefund(*named, outcome, 0, request.currency, reason, request.attempt)


def refund_standing(refund: Refund) -> tuple[str, int, str]:
    """Outcome, sum and reason of RecordRefund. Raises MalformedAmount."""
    amount_minor = from_stripe(refund.amount, refund.currency.upper())
    if refund.status == "succeeded":
        return "refunded", amount_minor, ""
    if refund.status in ("pending", "requires_action"):
        return "pending", amount_minor, ""
    if refund.status == "canceled":
        return "declined", 0, Refusal.CANCELLED
    if refund.status == "failed":
        return "declined", 0, BY_CODE.get(refund.failure_reason or "", Refusal.CARD_DECLINED)
    return "unknown", 0, ""


def refund_answer(refund: Refund, attempt: int = 0) -> RecordRefund | None:
    """What has become of a refund; None where it is not ours. Raises MalformedAmount."""
    metadata = refund.metadata or {}
    named = [metadata.get(name, "") for name in (ORDER, TENDER, REFUND)]
    if not all(named):
        return None
    outcome, amount_minor, reason = refund_standing(refund)
    order_id, tender_id, refund_id = named
    currency = refund.currency.upper()
    return RecordRefund(
        order_id, tender_id, refund_id, outcome, amount_minor, currency, reason, attempt
    )


def voided(order_id: str, intent: Intent) -> RecordVoid:
    """What has become of an authorization that was to be given back, or ran out."""
    return RecordVoid(order_id, void_outcome(intent), intent.id)
