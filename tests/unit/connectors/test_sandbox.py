"""The sandbox gateway answers by card number, and the same after a restart."""

from __future__ import annotations

import pytest

from connectors.payment_gateways import sandbox
from schemas.payments import AuthorizationRequested, VoidRequested


def request(card: str, *, attempt: int = 1, inquiry: bool = False) -> AuthorizationRequested:
    return AuthorizationRequested("o-1", "o-1/1", 1999, "EUR", card, inquiry, attempt, 5)


def outcomes(card: str, *, attempt: int = 1, inquiry: bool = False) -> list[tuple[str, str]]:
    answers = sandbox.authorize(request(card, attempt=attempt, inquiry=inquiry))
    return [(answer.outcome, answer.reason) for answer in answers]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        (sandbox.APPROVED, [("approved", "")]),
        (sandbox.DECLINED, [("declined", "card_declined")]),
        (sandbox.INSUFFICIENT_FUNDS, [("declined", "insufficient_funds")]),
        (sandbox.EXPIRED, [("declined", "invalid_card")]),
        (sandbox.TIMES_OUT_APPROVED, [("unknown", "")]),
        (sandbox.ANSWERS_TWICE, [("approved", ""), ("approved", "")]),
        ("4242424242424241", [("declined", "invalid_card")]),
        ("", [("declined", "invalid_card")]),
        ("４２４２４２４２４２４２４２４２", [("declined", "invalid_card")]),
    ],
)
def test_the_card_number_decides(card: str, expected: list[tuple[str, str]]) -> None:
    assert outcomes(card) == expected


def test_a_time_out_is_resolved_by_inquiry() -> None:
    assert outcomes(sandbox.TIMES_OUT_APPROVED, attempt=2, inquiry=True) == [("approved", "")]
    assert outcomes(sandbox.TIMES_OUT_NOT_FOUND, attempt=2, inquiry=True) == [("not_found", "")]
    assert outcomes(sandbox.TIMES_OUT_NOT_FOUND, attempt=3) == [("approved", "")]


def test_the_same_key_has_the_same_authorization() -> None:
    first, second = (
        sandbox.authorize(request(sandbox.APPROVED)),
        sandbox.authorize(request(sandbox.APPROVED, attempt=2)),
    )
    assert first[0].authorization_id == second[0].authorization_id != ""
    assert first[0].amount_minor == 1999


def test_a_void_is_always_done() -> None:
    answers = sandbox.void(VoidRequested("o-1", "sbx_1", "o-1/void", 1, 5))
    assert [(answer.outcome, answer.authorization_id) for answer in answers] == [
        ("voided", "sbx_1")
    ]


def test_the_gateway_tells_authorizations_from_voids() -> None:
    gateway = sandbox.Sandbox()
    asked, wished = request(sandbox.APPROVED), VoidRequested("o-1", "sbx_1", "o-1/void", 1, 5)
    assert gateway.answer(asked) == sandbox.authorize(asked)
    assert gateway.answer(wished) == sandbox.void(wished)
