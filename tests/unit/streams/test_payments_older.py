"""Payments that were written before there were tenders go on."""

from __future__ import annotations

import pytest

from schemas.payments import (
    CapturePayment,
    ChangePayment,
    PaymentState,
    PaymentStatus,
    RecordVoid,
    Status,
    VoidPayment,
    VoidRequested,
)
from tests.unit.streams.memory import NOW
from tests.unit.streams.till import Till, authorize

VOID = VoidPayment("o", "cancelled")


def older(
    status: Status, method: str = "card", authorization_id: str = "", **more: object
) -> PaymentState:
    named = authorization_id or ("auth-1" if status in (Status.AUTHORIZED, Status.VOIDING) else "")
    fields: dict[str, object] = {"attempt": 1, "void_reason": "", **more}
    return PaymentState("o", status, 3000, "EUR", method, "4242", named, **fields)  # type: ignore[arg-type]


def till(state: PaymentState) -> Till:
    made = Till()
    made.desk.states.put("o", state)
    return made


def test_one_that_waits_for_its_answer_is_approved() -> None:
    made = till(older(Status.REQUESTED, wake_at_ms=NOW + 5))
    assert made.wake() == ["AuthorizationRequested"]
    assert made.approve() == ["PaymentAuthorized", "RecordPayment"]
    assert (made.reply.authorized, made.reply.amount_minor) == (True, 3000)


def test_one_that_is_authorized_is_changed_captured_and_refunded() -> None:
    made = till(older(Status.AUTHORIZED))
    assert made.ask(ChangePayment("o", 1, 3500)) == ["AuthorizationRequested"]
    made.approve()
    assert made.ask(CapturePayment("o", "s1", 3500)) == ["CaptureRequested", "CaptureRequested"]


@pytest.mark.parametrize("held", [{}, {"held_minor": 3000, "held_currency": "EUR"}])
def test_one_that_is_authorized_is_voided(held: dict[str, object]) -> None:
    made = till(older(Status.AUTHORIZED, **held))
    assert made.ask(VOID) == ["VoidRequested", "RecordPayment"]
    assert made.voided() == ["PaymentVoided"]


def test_one_that_a_channel_was_paid_for_is_captured() -> None:
    made = till(older(Status.AUTHORIZED, "channel", "channel"))
    assert made.ask(CapturePayment("o", "s1", 3000)) == ["PaymentCaptured", "RecordPayment"]


def test_one_that_was_free_stays_free() -> None:
    state = PaymentState("o", Status.AUTHORIZED, 0, "EUR", "card", "", "free", 0, "")
    assert till(state).ask(VOID) == ["PaymentVoided", "RecordPayment"]


def test_one_that_was_captured_is_voided_once_more_and_refunded_then() -> None:
    made = till(older(Status.CAPTURED, authorization_id="auth-1", void_reason="no"))
    made.ask(VOID)
    made.desk.ask("o", RecordVoid("o", "captured", "auth-1"))
    assert made.state.refund_parts[0].amount_minor == 3000


def test_a_second_authorization_that_was_being_voided_goes_on_being_voided() -> None:
    state = older(Status.AUTHORIZED, voiding=["auth-2"], void_attempt=1, wake_at_ms=NOW + 5)
    made = till(state)
    assert made.desk.wake("o", 5)[0].record.authorization_id == "auth-2"  # type: ignore[attr-defined]
    assert made.desk.ask("o", RecordVoid("o", "voided", "auth-2")) == []
    assert (made.state.status, made.state.wake_at_ms) == (PaymentStatus.AUTHORIZED, 0)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (older(Status.DECLINED, refusal="card_declined"), "card_declined"),
        (older(Status.VOIDED, authorization_id="auth-1", void_reason="no"), "no"),
        (older(Status.VOIDED, void_reason="no", refusal="gateway_silent"), "gateway_silent"),
    ],
)
def test_one_that_has_ended_answers_as_it_did(state: PaymentState, reason: str) -> None:
    made = till(state)
    assert made.ask(authorize()) == ["RecordPayment"]
    assert (made.reply.authorized, made.reply.reason) == (False, reason)
    assert not made.every(VoidRequested)
