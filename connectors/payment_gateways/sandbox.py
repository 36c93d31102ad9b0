"""A gateway that charges nobody and answers by card number, as the sandboxes of real ones do.

It keeps nothing: every answer follows from the request, so a restart cannot change one. The same
idempotency key has the same authorization id.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from connectors.payment_gateways.gateway import Answer, Request
from schemas.payments import (
    AuthorizationRequested,
    RecordAuthorization,
    RecordVoid,
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

_DECLINES = {
    DECLINED: Refusal.CARD_DECLINED,
    INSUFFICIENT_FUNDS: Refusal.INSUFFICIENT_FUNDS,
    EXPIRED: Refusal.INVALID_CARD,
}
_SHORTEST, _LONGEST = 12, 19


class Sandbox:
    """The gateway, as the connector asks it. Asked again, it gives the same answers."""

    def answer(self, request: Request) -> Sequence[Answer]:
        """The answers to a request; two by ANSWERS_TWICE."""
        return void(request) if isinstance(request, VoidRequested) else authorize(request)


def passes_luhn(number: str) -> bool:
    """The check digit is right (ISO/IEC 7812-1, annex B)."""
    if not (number.isascii() and number.isdigit() and _SHORTEST <= len(number) <= _LONGEST):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def authorization_id(idempotency_key: str) -> str:
    """The id that this key has, today and after a restart."""
    return "sbx_" + blake2b(idempotency_key.encode(), digest_size=10).hexdigest()


def authorize(request: AuthorizationRequested) -> list[RecordAuthorization]:
    """The gateway's answers; more than one where it answers twice."""
    card = request.token
    if not passes_luhn(card):
        return [_answer(request, "declined", Refusal.INVALID_CARD)]
    if card in _DECLINES:
        return [_answer(request, "declined", _DECLINES[card])]
    if card in (TIMES_OUT_APPROVED, TIMES_OUT_NOT_FOUND) and request.attempt == 1:
        return [_answer(request, "unknown")]
    if card == TIMES_OUT_NOT_FOUND and request.inquiry:
        return [_answer(request, "not_found")]
    answers = [_answer(request, "approved")]
    return answers * 2 if card == ANSWERS_TWICE else answers


def void(request: VoidRequested) -> list[RecordVoid]:
    """The gateway's answer to a void: always done."""
    return [RecordVoid(request.order_id, "voided", request.authorization_id)]


def _answer(request: AuthorizationRequested, outcome: str, reason: str = "") -> RecordAuthorization:
    approved = outcome == "approved"
    return RecordAuthorization(
        order_id=request.order_id,
        outcome=outcome,
        authorization_id=authorization_id(request.idempotency_key) if approved else "",
        amount_minor=request.amount_minor if approved else 0,
        currency=request.currency,
        reason=reason,
    )
