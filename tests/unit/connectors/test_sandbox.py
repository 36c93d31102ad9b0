"""The sandbox gateway answers by card number, and the same after a restart."""

from __future__ import annotations

import pytest

from connectors.payment_gateways import sandbox
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RefundRequested,
    VoidRequested,
)


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


# -- after the authorization ------------------------------------------------------------------


def authorized(card: str, *, method: str = "card", number: int = 1) -> str:
    asked = AuthorizationRequested(
        "o-1", f"o-1|c|{number}", 1999, "EUR", card, False, 1, 5, "c", method, number=number
    )
    (answer, *_) = sandbox.authorize(asked)
    assert answer.outcome == "approved"
    return answer.authorization_id


def capture(
    authorization_id: str, *, inquiry: bool = False, attempt: int = 1, at_ms: int = 5
) -> CaptureRequested:
    return CaptureRequested(
        "o-1", "c", authorization_id, "s1/1", "o-1|capture|s1/1", 700, "EUR", False, inquiry,
        attempt, at_ms,
    )  # fmt: skip


def refund(authorization_id: str, *, inquiry: bool = False) -> RefundRequested:
    return RefundRequested(
        "o-1", "c", authorization_id, "s1/1", "r1/1", "o-1|refund|r1/1", 300, "EUR", inquiry, 1, 5
    )


@pytest.mark.parametrize(
    ("card", "outcome"),
    [
        (sandbox.APPROVED, "captured"),
        (sandbox.CAPTURE_DECLINED, "declined"),
        (sandbox.CAPTURE_TIMES_OUT, "unknown"),
        (sandbox.CAPTURE_NOT_FOUND, "unknown"),
        (sandbox.EXPIRES_UNTOLD, "expired"),
        (sandbox.EXPIRES_EARLY, "captured"),
        (sandbox.REFUND_PENDING, "captured"),
    ],
)
def test_the_card_decides_about_captures(card: str, outcome: str) -> None:
    answer = sandbox.capture(capture(authorized(card)))
    assert (answer.outcome, answer.capture_id) == (outcome, "s1/1")
    assert answer.amount_minor == (700 if outcome == "captured" else 0)


def test_a_capture_that_times_out_is_resolved_by_inquiry() -> None:
    done, lost = authorized(sandbox.CAPTURE_TIMES_OUT), authorized(sandbox.CAPTURE_NOT_FOUND)
    assert sandbox.capture(capture(done, inquiry=True, attempt=2)).outcome == "captured"
    assert sandbox.capture(capture(lost, inquiry=True, attempt=2)).outcome == "not_found"
    assert sandbox.capture(capture(lost, attempt=3)).outcome == "captured"


def test_an_authorization_expires_when_it_says_and_its_renewal_holds() -> None:
    early = authorized(sandbox.EXPIRES_EARLY)
    over = 5 + sandbox.SHORT_LIFE_MS
    assert sandbox.capture(capture(early, at_ms=over - 1)).outcome == "captured"
    assert sandbox.capture(capture(early, at_ms=over)).outcome == "expired"
    assert sandbox.void(VoidRequested("o-1", early, "k", 1, over))[0].outcome == "expired"
    renewed = authorized(sandbox.EXPIRES_UNTOLD, number=2)
    assert sandbox.capture(capture(renewed)).outcome == "captured"


@pytest.mark.parametrize(
    ("card", "first", "looked_up"),
    [
        (sandbox.APPROVED, "refunded", "refunded"),
        (sandbox.REFUND_PENDING, "pending", "refunded"),
        (sandbox.REFUND_DECLINED, "declined", "declined"),
    ],
)
def test_the_card_decides_about_refunds(card: str, first: str, looked_up: str) -> None:
    authorization_id = authorized(card)
    assert sandbox.refund(refund(authorization_id)).outcome == first
    assert sandbox.refund(refund(authorization_id, inquiry=True)).outcome == looked_up


@pytest.mark.parametrize(
    ("token", "partial", "expected"),
    [
        ("gift-5000", True, ("approved", 1999)),
        ("gift-700", True, ("approved", 700)),
        ("gift-700", False, ("declined", 0)),
        ("gift-0", True, ("declined", 0)),
        ("gift-", True, ("declined", 0)),
        ("gift-x", True, ("declined", 0)),
        (sandbox.APPROVED, True, ("declined", 0)),
    ],
)
def test_a_gift_card_approves_what_is_on_it(
    token: str, partial: bool, expected: tuple[str, int]
) -> None:
    asked = AuthorizationRequested(
        "o-1", "o-1|g|1", 1999, "EUR", token, False, 1, 5, "g", "gift_card", partial
    )
    (answer,) = sandbox.authorize(asked)
    assert (answer.outcome, answer.amount_minor) == expected


def test_the_gateway_tells_captures_from_refunds() -> None:
    gateway, authorization_id = sandbox.Sandbox(), authorized(sandbox.APPROVED)
    taken, back = capture(authorization_id), refund(authorization_id)
    assert gateway.answer(taken) == [sandbox.capture(taken)]
    assert gateway.answer(back) == [sandbox.refund(back)]


@pytest.mark.parametrize(
    "card",
    [
        card
        for name, card in vars(sandbox).items()
        if name.isupper() and str(card)[:2] in ("40", "42")
    ],
)
def test_every_card_has_a_right_check_digit(card: str) -> None:
    assert sandbox.passes_luhn(card)
