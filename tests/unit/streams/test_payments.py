"""The policies of the payments room."""

from __future__ import annotations

import pytest

from schemas.orders import CancelOrder, RecordPayment
from schemas.payments import (
    AuthorizationRequested,
    AuthorizePayment,
    PaymentAuthorized,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentState,
    PaymentVoided,
    RecordAuthorization,
    RecordVoid,
    Refusal,
    Status,
    VoidPayment,
    VoidRequested,
)
from streams.payments.agent import PaymentsRoom
from streams.payments.model import (
    GATEWAY_PATIENCE_MS,
    INQUIRY_DELAY_MS,
    MAXIMUM_ATTEMPTS,
    MAXIMUM_BACKOFF_MS,
    TRANSITIONS,
    IllegalTransition,
    after,
    backoff_ms,
)
from tests.unit.streams.memory import NOW, Desk, names, only

CARD = AuthorizePayment("o", 3000, "EUR", "card", "tok", 0, "")
VOID = VoidPayment("o", "cancelled")


def channel(paid: int = 3000, currency: str = "EUR", amount: int = 3000) -> AuthorizePayment:
    return AuthorizePayment("o", amount, "EUR", "channel", "", paid, currency)


def answer(
    outcome: str, amount: int = 3000, currency: str = "EUR", reason: str = ""
) -> RecordAuthorization:
    return RecordAuthorization("o", outcome, "auth-1", amount, currency, reason)


def desk(*commands: object) -> Desk:
    made = Desk(PaymentsRoom())
    for command in commands:
        made.ask("o", command)  # type: ignore[arg-type]
    return made


def test_what_the_channel_was_paid_is_authorized_at_once() -> None:
    sends = desk().ask("o", channel())
    assert only(sends, PaymentAuthorized).authorization_id == "channel"
    assert only(sends, RecordPayment).authorized


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (channel(paid=0, currency="USD"), Refusal.NOT_PAID),
        (channel(currency="USD"), Refusal.CURRENCY_DIFFERS),
        (channel(paid=2999), Refusal.AMOUNT_TOO_SMALL),
    ],
)
def test_a_channel_payment_that_does_not_cover_the_order_is_declined(
    command: AuthorizePayment, reason: Refusal
) -> None:
    sends = desk().ask("o", command)
    assert only(sends, PaymentDeclined).reason == reason
    assert only(sends, RecordPayment).reason == reason


def test_an_order_that_costs_nothing_needs_no_payment() -> None:
    sends = desk().ask("o", channel(paid=0, currency="", amount=0))
    assert only(sends, RecordPayment).authorized


def test_a_card_is_authorized_at_the_gateway() -> None:
    made = desk()
    asked = only(made.ask("o", CARD), AuthorizationRequested)
    assert (asked.idempotency_key, asked.inquiry, asked.attempt) == ("o/1", False, 1)
    assert made.state("o", PaymentState).wake_at_ms == NOW + GATEWAY_PATIENCE_MS
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "RecordPayment"]
    assert made.ask("o", answer("approved")) == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("insufficient_funds", Refusal.INSUFFICIENT_FUNDS),
        ("do not honor", Refusal.CARD_DECLINED),
    ],
)
def test_a_declined_card_has_a_reason_of_ours(words: str, reason: Refusal) -> None:
    sends = desk(CARD).ask("o", answer("declined", reason=words))
    assert only(sends, PaymentDeclined).reason == reason
    assert not only(sends, RecordPayment).authorized


@pytest.mark.parametrize(
    ("approval", "reason"),
    [
        (answer("approved", amount=2999), Refusal.AMOUNT_TOO_SMALL),
        (answer("approved", currency="USD"), Refusal.CURRENCY_DIFFERS),
    ],
)
def test_an_approval_of_another_sum_is_refused_to_orders_and_given_back(
    approval: RecordAuthorization, reason: Refusal
) -> None:
    made = desk(CARD)
    sends = made.ask("o", approval)
    assert names(sends) == ["PaymentAuthorized", "RecordPayment", "VoidRequested"]
    reply = only(sends, RecordPayment)
    assert (reply.authorized, reply.reason) == (False, reason)
    voided = only(made.ask("o", RecordVoid("o", "voided", "auth-1")), PaymentVoided)
    assert (voided.amount_minor, voided.currency) == (approval.amount_minor, approval.currency)


def test_a_timeout_is_looked_into_before_anything_is_repeated() -> None:
    made = desk(CARD)
    assert made.ask("o", answer("unknown")) == []
    asked = only(made.wake("o", INQUIRY_DELAY_MS), AuthorizationRequested)
    assert (asked.inquiry, asked.attempt, asked.idempotency_key) == (True, 2, "o/1")
    again = only(made.ask("o", answer("not_found")), AuthorizationRequested)
    assert (again.inquiry, again.attempt, again.idempotency_key) == (False, 3, "o/1")


def test_a_silent_gateway_is_given_up_and_a_late_approval_voided_once() -> None:
    made = desk(CARD)
    for _ in range(MAXIMUM_ATTEMPTS - 1):
        assert names(made.wake("o", GATEWAY_PATIENCE_MS)) == ["AuthorizationRequested"]
    sends = made.wake("o", GATEWAY_PATIENCE_MS)
    assert only(sends, PaymentDeclined).reason == Refusal.GATEWAY_SILENT
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "VoidRequested"]
    assert made.ask("o", answer("approved")) == []
    assert made.ask("o", answer("unknown")) == []


def test_the_same_request_again_has_the_same_answer_once_there_is_one() -> None:
    assert desk(CARD).ask("o", CARD) == []
    assert names(desk(channel()).ask("o", channel())) == ["RecordPayment"]
    again = desk(channel(paid=1)).ask("o", channel(paid=1))
    assert names(again) == ["RecordPayment"]
    assert not only(again, RecordPayment).authorized


def test_another_sum_for_the_same_order_is_a_conflict() -> None:
    sends = desk(channel()).ask("o", channel(amount=1))
    assert only(sends, PaymentCommandRefused).reason == Refusal.PAYMENT_CONFLICT


def test_a_channel_payment_is_voided_at_once_and_only_once() -> None:
    made = desk(channel())
    assert only(made.ask("o", VOID), PaymentVoided).amount_minor == 3000
    assert made.ask("o", VOID) == []


def test_a_card_is_voided_at_the_gateway_until_it_answers() -> None:
    made = desk(CARD, answer("approved"))
    assert only(made.ask("o", VOID), VoidRequested).attempt == 1
    assert made.ask("o", VOID) == []
    assert made.ask("o", RecordVoid("o", "unknown", "auth-1")) == []
    assert only(made.wake("o", backoff_ms(1)), VoidRequested).attempt == 2
    assert made.state("o", PaymentState).wake_at_ms > made.now
    voided = RecordVoid("o", "voided", "auth-1")
    assert only(made.ask("o", voided), PaymentVoided).reason == "cancelled"
    assert made.ask("o", voided) == []


def test_the_wait_between_voids_grows_to_ten_minutes() -> None:
    assert backoff_ms(1) < backoff_ms(2) < backoff_ms(3)
    assert backoff_ms(20) == backoff_ms(1000) == MAXIMUM_BACKOFF_MS == 600_000


def test_a_void_before_the_outcome_is_remembered_and_orders_hears_no_more() -> None:
    made = desk(CARD)
    assert made.ask("o", VOID) == []
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "VoidRequested"]
    assert made.state("o", PaymentState).status == Status.VOIDING


def test_a_void_before_a_decline_leaves_nothing_to_give_back() -> None:
    assert names(desk(CARD, VOID).ask("o", answer("declined"))) == ["PaymentDeclined"]


@pytest.mark.parametrize("command", [VOID, answer("approved"), RecordVoid("o", "voided", "")])
def test_nothing_is_said_of_an_unknown_payment(command: VoidPayment) -> None:
    made = desk()
    sends = made.ask("o", command)
    assert only(sends, PaymentCommandRefused).reason == Refusal.UNKNOWN_PAYMENT
    assert made.states.kept == {}


@pytest.mark.parametrize("status", list(Status))
def test_the_table_names_every_status_and_an_illegal_step_raises(status: Status) -> None:
    assert status in TRANSITIONS
    with pytest.raises(IllegalTransition):
        after(status, CancelOrder)


def test_a_foreign_record_is_no_command() -> None:
    with pytest.raises(TypeError):
        desk().ask("o", CancelOrder("o", "", NOW))
