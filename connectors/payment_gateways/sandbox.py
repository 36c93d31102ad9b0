"""A gateway that charges nobody and answers by card number, as the sandboxes of real ones do.

It keeps nothing: every answer follows from the request, so a restart cannot change one. The same
idempotency key has the same authorization id, and what the card does later stands in that id.
README.md has the table of cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from connectors.payment_gateways.gateway import Answer, Request
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    Refusal,
    VoidRequested,
)

APPROVED = "4242424242424242"
DECLINED = "4000000000000002"
INSUFFICIENT_FUNDS = "4000000000009995"
EXPIRED = "4000000000000069"
TIMES_OUT_APPROVED = "4000000000000119"
"""the first try has no answer; the inquiry finds it approved"""
TIMES_OUT_NOT_FOUND = "4000000000000127"
"""the first try never arrived; the inquiry finds nothing, and the second try is approved"""
ANSWERS_TWICE = "4000000000000259"
CAPTURE_DECLINED = "4000000000000341"
CAPTURE_TIMES_OUT = "4000000000003006"
"""a capture has no answer; the inquiry finds it done"""
CAPTURE_NOT_FOUND = "4000000000003014"
"""a capture's first try never arrived; the inquiry finds nothing, and the second try is done"""
EXPIRES_EARLY = "4000000000003022"
"""holds for a minute, and says so"""
EXPIRES_UNTOLD = "4000000000003030"
"""the first authorization of the tender has expired when it is captured"""
REFUND_PENDING = "4000000000007726"
"""a refund is accepted, and found done when it is looked up"""
REFUND_DECLINED = "4000000000005126"
GIFT_CARD = "gift-"
"""and the balance in minor units: a gift card that approves no more than that"""

AUTHORIZATION_LIFE_MS = 7 * 86_400_000
SHORT_LIFE_MS = 60_000
_DECLINES = {
    DECLINED: Refusal.CARD_DECLINED,
    INSUFFICIENT_FUNDS: Refusal.INSUFFICIENT_FUNDS,
    EXPIRED: Refusal.INVALID_CARD,
}
_LATER = {
    CAPTURE_DECLINED: "cd",
    CAPTURE_TIMES_OUT: "ct",
    CAPTURE_NOT_FOUND: "cn",
    EXPIRES_UNTOLD: "ex",
    REFUND_PENDING: "rp",
    REFUND_DECLINED: "rd",
}
"""What the card does later, as the end of its authorizations' ids."""
_SHORTEST, _LONGEST = 12, 19


class Sandbox:
    """The gateway, as the connector asks it. Asked again, it gives the same answers."""

    def answer(self, request: Request) -> Sequence[Answer]:
        """The answers to a request; two by ANSWERS_TWICE."""
        if isinstance(request, AuthorizationRequested):
            return authorize(request)
        if isinstance(request, VoidRequested):
            return void(request)
        if isinstance(request, CaptureRequested):
            return [capture(request)]
        return [refund(request)]


def passes_luhn(number: str) -> bool:
    """The check digit is right (ISO/IEC 7812-1, annex B)."""
    if not (number.isascii() and number.isdigit() and _SHORTEST <= len(number) <= _LONGEST):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def authorization_id(idempotency_key: str, later: str = "") -> str:
    """The id that this key has, today and after a restart."""
    digest = blake2b(idempotency_key.encode(), digest_size=10).hexdigest()
    return f"sbx_{digest}_{later}" if later else f"sbx_{digest}"


def authorize(request: AuthorizationRequested) -> list[RecordAuthorization]:
    """The gateway's answers; more than one where it answers twice."""
    card = request.token
    if request.method == "gift_card":
        return [_gift_card(request)]
    if not passes_luhn(card):
        return [_answer(request, "declined", Refusal.INVALID_CARD)]
    if card in _DECLINES:
        return [_answer(request, "declined", _DECLINES[card])]
    if card in (TIMES_OUT_APPROVED, TIMES_OUT_NOT_FOUND) and request.attempt == 1:
        return [_answer(request, "unknown")]
    if card == TIMES_OUT_NOT_FOUND and request.inquiry:
        return [_answer(request, "not_found")]
    answers = [_answer(request, "approved", amount_minor=request.amount_minor)]
    return answers * 2 if card == ANSWERS_TWICE else answers


def _gift_card(request: AuthorizationRequested) -> RecordAuthorization:
    """Approves what there is, where less than the amount will do."""
    balance = request.token.removeprefix(GIFT_CARD)
    if not request.token.startswith(GIFT_CARD) or not (balance.isascii() and balance.isdigit()):
        return _answer(request, "declined", Refusal.INVALID_CARD)
    approved = min(int(balance), request.amount_minor)
    if not approved or (approved < request.amount_minor and not request.partial):
        return _answer(request, "declined", Refusal.INSUFFICIENT_FUNDS)
    return _answer(request, "approved", amount_minor=approved)


def capture(request: CaptureRequested) -> RecordCapture:
    """The gateway's answer to a capture, of which an authorization allows several."""
    outcome, reason = "captured", ""
    match _later(request.authorization_id):
        case "cd":
            outcome, reason = "declined", Refusal.CARD_DECLINED
        case "ct" if not request.inquiry:
            outcome = "unknown"
        case "cn" if request.inquiry:
            outcome = "not_found"
        case "cn" if request.attempt == 1:
            outcome = "unknown"
        case "ex":
            outcome = "expired"
        case later if later.isdigit() and request.at_ms >= int(later):
            outcome = "expired"
    amount_minor = request.amount_minor if outcome == "captured" else 0
    return RecordCapture(
        request.order_id, request.tender_id, request.capture_id, outcome, amount_minor,
        request.currency, reason, request.attempt,
    )  # fmt: skip


def refund(request: RefundRequested) -> RecordRefund:
    """The gateway's answer to a refund."""
    outcome, reason = "refunded", ""
    match _later(request.authorization_id):
        case "rd":
            outcome, reason = "declined", Refusal.CARD_DECLINED
        case "rp" if not request.inquiry:
            outcome = "pending"
    amount_minor = request.amount_minor if outcome == "refunded" else 0
    return RecordRefund(
        request.order_id, request.tender_id, request.refund_id, outcome, amount_minor,
        request.currency, reason, request.attempt,
    )  # fmt: skip


def _later(authorization: str) -> str:
    return authorization.removeprefix("sbx_").partition("_")[2]


def void(request: VoidRequested) -> list[RecordVoid]:
    """The gateway's answer to a void: done, or that nothing is held any more."""
    later = _later(request.authorization_id)
    expired = later == "ex" or (later.isdigit() and request.at_ms >= int(later))
    outcome = "expired" if expired else "voided"
    return [RecordVoid(request.order_id, outcome, request.authorization_id)]


def _answer(
    request: AuthorizationRequested, outcome: str, reason: str = "", amount_minor: int = 0
) -> RecordAuthorization:
    approved = outcome == "approved"
    later = _LATER.get(request.token, "")
    if later == "ex" and request.number > 1:
        later = ""
    expires_at_ms = request.at_ms + AUTHORIZATION_LIFE_MS
    if request.token == EXPIRES_EARLY:
        expires_at_ms = request.at_ms + SHORT_LIFE_MS
        later = str(expires_at_ms)
    return RecordAuthorization(
        order_id=request.order_id,
        outcome=outcome,
        authorization_id=authorization_id(request.idempotency_key, later) if approved else "",
        amount_minor=amount_minor,
        currency=request.currency,
        reason=reason,
        tender_id=request.tender_id,
        expires_at_ms=expires_at_ms if approved else 0,
        number=request.number,
    )
