"""The policies of the payments room."""

from __future__ import annotations

import pytest

from schemas.messages import Send
from schemas.orders import CancelOrder, RecordPayment
from schemas.payments import (
    AuthorizationRequested,
    AuthorizationState,
    AuthorizePayment,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentRefunded,
    PaymentState,
    PaymentStatus,
    PaymentVoided,
    RecordAuthorization,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    Refusal,
    Status,
    VoidPayment,
    VoidRequested,
)
from schemas.records import Record
from streams.payments.agent import PaymentsRoom
from streams.payments.model import (
    AUTHORIZATION_LIFE_MS,
    FREE,
    GATEWAY_PATIENCE_MS,
    MAXIMUM_BACKOFF_MS,
    TRANSITIONS,
    after,
    backoff_ms,
)
from streams.transitions import IllegalTransition
from tests.unit.streams.memory import NOW, Desk, names, only

CARD = AuthorizePayment("o", 3000, "EUR", "card", "tok", 0, "")
VOID = VoidPayment("o", "cancelled")
VOIDED = RecordVoid("o", "voided", "auth-1")
MINUTE_MS = 60_000
HOLD_MS = 30 * MINUTE_MS
"""how long an order may take from its reservation to its release"""


def channel(paid: int = 3000, currency: str = "EUR", amount: int = 3000) -> AuthorizePayment:
    return AuthorizePayment("o", amount, "EUR", "channel", "", paid, currency)


def answer(
    outcome: str,
    amount: int = 3000,
    currency: str = "EUR",
    reason: str = "",
    *,
    attempt: int = 0,
    authorization_id: str = "auth-1",
) -> RecordAuthorization:
    named = authorization_id if outcome == "approved" else ""
    return RecordAuthorization("o", outcome, named, amount, currency, reason, attempt)


def second(outcome: str = "approved") -> RecordAuthorization:
    return answer(outcome, authorization_id="auth-2")


def desk(*commands: object) -> Desk:
    made = Desk(PaymentsRoom())
    for command in commands:
        made.ask("o", command)  # type: ignore[arg-type]
    return made


def first(made: Desk) -> AuthorizationState:
    """The first authorization."""
    return made.state("o", PaymentState).authorizations[0]


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


@pytest.mark.parametrize("method", ["channel", "card"])
def test_an_order_that_costs_nothing_needs_no_payment(method: str) -> None:
    made = desk()
    sends = made.ask("o", AuthorizePayment("o", 0, "EUR", method, "", 0, ""))
    assert names(sends) == ["PaymentAuthorized", "RecordPayment"]
    assert only(sends, PaymentAuthorized).authorization_id == FREE
    assert only(sends, RecordPayment).authorized
    assert only(made.ask("o", VOID), PaymentVoided).amount_minor == 0


@pytest.mark.parametrize("method", ["channel", "card"])
def test_a_negative_total_is_declined_whoever_paid(method: str) -> None:
    sends = desk().ask("o", AuthorizePayment("o", -1, "EUR", method, "tok", 3000, "EUR"))
    assert names(sends) == ["PaymentDeclined", "RecordPayment"]
    assert only(sends, RecordPayment).reason == Refusal.AMOUNT_NEGATIVE


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
        (answer("approved", amount=3001), Refusal.AMOUNT_TOO_LARGE),
        (answer("approved", currency="USD"), Refusal.CURRENCY_DIFFERS),
    ],
)
def test_an_approval_of_another_sum_is_refused_to_orders_and_given_back(
    approval: RecordAuthorization, reason: Refusal
) -> None:
    made = desk(CARD)
    sends = made.ask("o", approval)
    assert names(sends) == ["PaymentAuthorized", "RecordPayment", "VoidRequested"]
    held = only(sends, PaymentAuthorized)
    assert (held.amount_minor, held.currency) == (approval.amount_minor, approval.currency)
    reply = only(sends, RecordPayment)
    assert (reply.authorized, reply.reason) == (False, reason)
    assert only(made.ask("o", CARD), RecordPayment) == reply
    voided = only(made.ask("o", VOIDED), PaymentVoided)
    assert (voided.amount_minor, voided.currency) == (approval.amount_minor, approval.currency)
    assert only(made.ask("o", CARD), RecordPayment) == reply


# -- a gateway that does not know -------------------------------------------------------------


def test_a_timeout_is_looked_into_before_anything_is_repeated() -> None:
    made = desk(CARD)
    assert made.ask("o", answer("unknown")) == []
    asked = only(made.wake("o", backoff_ms(1)), AuthorizationRequested)
    assert (asked.inquiry, asked.attempt, asked.idempotency_key) == (True, 2, "o/1")
    again = only(made.ask("o", answer("not_found")), AuthorizationRequested)
    assert (again.inquiry, again.attempt, again.idempotency_key) == (False, 3, "o/1")


def given_up(*before: object, silent: bool = True) -> Desk:
    """A payment whose gateway has not answered, or only that it does not know, until the end."""
    made = desk(CARD, *before)
    sends: list[Send] = []
    while (state := first(made)).status == Status.REQUESTED:
        if not silent:
            sends = made.ask("o", answer("unknown", attempt=state.attempt))
            state = first(made)
        if state.status == Status.REQUESTED:
            sends = made.wake("o", state.wake_at_ms - made.now)
    assert only(sends, PaymentDeclined).reason == Refusal.GATEWAY_SILENT
    assert names(sends)[1:] == ([] if before else ["RecordPayment"])
    return made


@pytest.mark.parametrize("silent", [True, False])
def test_an_outage_of_a_quarter_of_an_hour_declines_nobody_and_a_longer_one_in_time(
    silent: bool,
) -> None:
    made = given_up(silent=silent)
    assert 15 * MINUTE_MS < made.now - NOW < HOLD_MS


def test_the_wait_between_questions_grows() -> None:
    made = desk(CARD)
    waits = []
    for attempt in range(1, 5):
        assert made.ask("o", answer("unknown", attempt=attempt)) == []
        waits.append(made.state("o", PaymentState).wake_at_ms - made.now)
        made.wake("o", waits[-1])
    assert waits == [backoff_ms(attempt) for attempt in range(1, 5)]


@pytest.mark.parametrize("outcome", ["pending", "", "APPROVED"])
def test_an_outcome_that_the_contract_does_not_have_is_looked_into(outcome: str) -> None:
    made = desk(CARD)
    assert made.ask("o", answer(outcome)) == []
    assert only(made.wake("o", backoff_ms(1)), AuthorizationRequested).inquiry


def test_an_approval_that_names_no_authorization_is_looked_into() -> None:
    made = desk(CARD)
    assert made.ask("o", answer("approved", authorization_id="")) == []
    assert only(made.wake("o", backoff_ms(1)), AuthorizationRequested).inquiry


def test_an_answer_to_an_earlier_question_changes_nothing() -> None:
    made = desk(CARD, answer("unknown", attempt=1))
    made.wake("o", backoff_ms(1))
    assert only(made.ask("o", answer("not_found", attempt=2)), AuthorizationRequested).attempt == 3
    before = made.state("o", PaymentState)
    for stale in ("not_found", "unknown", "declined"):
        assert made.ask("o", answer(stale, attempt=2)) == []
    assert made.state("o", PaymentState) is before


def test_an_approval_counts_whichever_question_it_answers() -> None:
    made = desk(CARD)
    made.wake("o", GATEWAY_PATIENCE_MS)
    sends = made.ask("o", answer("approved", attempt=1))
    assert names(sends) == ["PaymentAuthorized", "RecordPayment"]


# -- a gateway that was given up --------------------------------------------------------------


def test_a_late_approval_is_voided_once() -> None:
    made = given_up()
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "VoidRequested"]
    assert made.ask("o", answer("approved")) == []
    assert made.ask("o", answer("unknown")) == []
    assert only(made.ask("o", VOIDED), PaymentVoided).reason == Refusal.GATEWAY_SILENT
    assert made.ask("o", answer("approved")) == []


def test_a_gateway_that_was_given_up_is_asked_slowly_until_it_knows() -> None:
    made = given_up()
    attempts = set()
    for _ in range(20):
        state = made.state("o", PaymentState)
        assert 0 < state.wake_at_ms - made.now <= MAXIMUM_BACKOFF_MS + GATEWAY_PATIENCE_MS
        asked = only(made.wake("o", state.wake_at_ms - made.now), AuthorizationRequested)
        assert asked.inquiry
        attempts.add(asked.attempt)
        assert made.ask("o", answer("unknown", attempt=asked.attempt)) == []
    assert len(attempts) == 20
    found = made.ask("o", answer("approved", attempt=max(attempts)))
    assert names(found) == ["PaymentAuthorized", "VoidRequested"]
    assert only(found, VoidRequested).attempt == 1


@pytest.mark.parametrize("outcome", ["not_found", "declined"])
def test_a_gateway_that_holds_nothing_is_asked_no_more(outcome: str) -> None:
    made = given_up()
    asked = only(made.wake("o", MAXIMUM_BACKOFF_MS), AuthorizationRequested)
    assert made.ask("o", answer(outcome, attempt=asked.attempt)) == []
    assert made.state("o", PaymentState).wake_at_ms == 0


def test_no_gateway_is_asked_for_longer_than_an_authorization_lives() -> None:
    made = given_up()
    asked = 0
    while due := made.state("o", PaymentState).wake_at_ms:
        asked += len(made.wake("o", due - made.now))
    assert made.now - NOW >= AUTHORIZATION_LIFE_MS
    assert asked <= AUTHORIZATION_LIFE_MS // MAXIMUM_BACKOFF_MS


# -- again ------------------------------------------------------------------------------------


def test_the_same_request_again_has_the_same_answer_once_there_is_one() -> None:
    assert desk(CARD).ask("o", CARD) == []
    assert names(desk(channel()).ask("o", channel())) == ["RecordPayment"]


@pytest.mark.parametrize(
    ("command", "before", "reason"),
    [
        (channel(paid=1), [], Refusal.AMOUNT_TOO_SMALL),
        (CARD, [answer("declined", reason="insufficient_funds")], Refusal.INSUFFICIENT_FUNDS),
        (CARD, [answer("declined")], Refusal.CARD_DECLINED),
        (CARD, [answer("approved"), VOID], "cancelled"),
        (CARD, [answer("approved"), VOID, VOIDED], "cancelled"),
    ],
)
def test_a_refused_request_again_has_the_reason_that_it_had(
    command: AuthorizePayment, before: list[Record], reason: str
) -> None:
    reply = only(desk(command, *before).ask("o", command), RecordPayment)
    assert (reply.authorized, reply.reason) == (False, reason)


def test_a_payment_that_was_given_up_says_so_again() -> None:
    assert only(given_up().ask("o", CARD), RecordPayment).reason == Refusal.GATEWAY_SILENT


def test_another_sum_for_the_same_order_is_a_conflict() -> None:
    sends = desk(channel()).ask("o", channel(amount=1))
    assert only(sends, PaymentCommandRefused).reason == Refusal.PAYMENT_CONFLICT


# -- voids ------------------------------------------------------------------------------------


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
    assert only(made.ask("o", VOIDED), PaymentVoided).reason == "cancelled"
    assert made.ask("o", VOIDED) == []


def test_voids_are_counted_from_one_whatever_the_authorization_took() -> None:
    made = desk(CARD)
    made.wake("o", GATEWAY_PATIENCE_MS)
    made.ask("o", VOID)
    voids = [only(made.ask("o", answer("approved")), VoidRequested)]
    voids += [only(made.wake("o", MAXIMUM_BACKOFF_MS), VoidRequested) for _ in range(2)]
    assert [void.attempt for void in voids] == [1, 2, 3]
    assert len({void.idempotency_key for void in voids}) == 1


@pytest.mark.parametrize("outcome", ["voided", "expired", "captured", "unknown"])
def test_a_void_of_another_authorization_does_not_count(outcome: str) -> None:
    made = desk(CARD, answer("approved"), VOID)
    before = made.state("o", PaymentState)
    assert made.ask("o", RecordVoid("o", outcome, "auth-9")) == []
    assert made.state("o", PaymentState) is before


def test_an_authorization_that_has_expired_is_given_back() -> None:
    made = desk(CARD, answer("approved"), VOID)
    assert only(made.ask("o", RecordVoid("o", "expired", "auth-1")), PaymentVoided)
    assert made.state("o", PaymentState).wake_at_ms == 0


def test_money_that_was_taken_already_is_not_said_to_be_given_back() -> None:
    made = desk(CARD, answer("approved"), VOID)
    sends = made.ask("o", RecordVoid("o", "captured", "auth-1"))
    assert names(sends) == ["PaymentCaptured", "PostPayment", "RefundRequested", "RecordPayment"]
    assert only(sends, PaymentCaptured).capture_id == ""
    asked = only(sends, RefundRequested)
    assert (asked.amount_minor, asked.authorization_id) == (3000, "auth-1")
    assert first(made).status == Status.CAPTURED
    assert made.ask("o", RecordVoid("o", "captured", "auth-1")) == []
    done = RecordRefund("o", "1", asked.refund_id, "refunded", 3000, "EUR", "", 1)
    assert only(made.ask("o", done), PaymentRefunded).reason == "cancelled"
    assert made.state("o", PaymentState).wake_at_ms == 0
    assert made.ask("o", VOID) == []
    assert not only(made.ask("o", CARD), RecordPayment).authorized


def test_a_void_outcome_that_the_contract_does_not_have_is_asked_for_again() -> None:
    made = desk(CARD, answer("approved"), VOID)
    assert made.ask("o", RecordVoid("o", "pending", "auth-1")) == []
    assert only(made.wake("o", backoff_ms(1)), VoidRequested).attempt == 2


# -- a second authorization -------------------------------------------------------------------


def test_a_second_authorization_is_voided_and_the_first_one_kept() -> None:
    made = desk(CARD, answer("approved"))
    void = only(made.ask("o", second()), VoidRequested)
    assert (void.authorization_id, void.attempt) == ("auth-2", 1)
    assert made.ask("o", second()) == []
    assert made.ask("o", RecordVoid("o", "unknown", "auth-2")) == []
    again = only(made.wake("o", backoff_ms(1)), VoidRequested)
    assert (again.authorization_id, again.attempt) == ("auth-2", 2)
    assert made.ask("o", RecordVoid("o", "voided", "auth-2")) == []
    state = made.state("o", PaymentState)
    assert (state.status, state.wake_at_ms) == (PaymentStatus.AUTHORIZED, 0)
    void = only(made.ask("o", VOID), VoidRequested)
    assert (void.authorization_id, void.attempt) == ("auth-1", 3)
    assert only(made.ask("o", VOIDED), PaymentVoided).authorization_id == "auth-1"


def test_two_voids_are_asked_for_until_both_are_done() -> None:
    made = desk(CARD, answer("approved"), VOID)
    assert names(made.ask("o", second())) == ["VoidRequested"]
    sends = made.wake("o", MAXIMUM_BACKOFF_MS)
    voids = [send.record for send in sends if isinstance(send.record, VoidRequested)]
    tries = [(void.authorization_id, void.attempt) for void in voids]
    assert tries == [("auth-1", 3), ("auth-2", 4)]
    assert len({void.idempotency_key for void in voids}) == 2
    assert names(made.ask("o", VOIDED)) == ["PaymentVoided"]
    assert made.state("o", PaymentState).wake_at_ms > 0
    assert made.ask("o", RecordVoid("o", "expired", "auth-2")) == []
    assert made.state("o", PaymentState).wake_at_ms == 0


def test_a_second_authorization_that_was_captured_leaves_the_first_one_alone() -> None:
    made = desk(CARD, answer("approved"), second())
    sends = made.ask("o", RecordVoid("o", "captured", "auth-2"))
    assert names(sends)[-3:] == ["PaymentCaptured", "PostPayment", "RefundRequested"]
    asked = only(sends, RefundRequested)
    done = RecordRefund("o", "1", asked.refund_id, "refunded", 3000, "EUR", "", 1)
    assert names(made.ask("o", done)) == ["PaymentRefunded", "PostPayment"]
    state = made.state("o", PaymentState)
    assert (state.status, state.wake_at_ms) == (PaymentStatus.AUTHORIZED, 0)
    assert first(made).held_minor == 3000


@pytest.mark.parametrize("command", [channel(), channel(amount=0), CARD])
def test_an_authorization_that_nobody_waits_for_is_voided_also_after_the_end(
    command: AuthorizePayment,
) -> None:
    first = [answer("approved")] if command == CARD else []
    made = desk(command, *first, VOID, VOIDED)
    assert made.state("o", PaymentState).status == PaymentStatus.VOIDED
    assert only(made.ask("o", second()), VoidRequested).authorization_id == "auth-2"
    assert made.ask("o", RecordVoid("o", "voided", "auth-2")) == []
    assert made.state("o", PaymentState).wake_at_ms == 0


# -- a void before the outcome ----------------------------------------------------------------


def test_the_wait_between_voids_grows_to_ten_minutes() -> None:
    assert backoff_ms(1) < backoff_ms(2) < backoff_ms(3)
    assert backoff_ms(20) == backoff_ms(1000) == MAXIMUM_BACKOFF_MS == 600_000


def test_a_void_before_the_outcome_is_remembered_and_orders_hears_no_more() -> None:
    made = desk(CARD)
    assert made.ask("o", VOID) == []
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "VoidRequested"]
    assert first(made).status == Status.VOIDING


def test_a_void_before_a_decline_leaves_nothing_to_give_back() -> None:
    assert names(desk(CARD, VOID).ask("o", answer("declined"))) == ["PaymentDeclined"]


def withdrawn() -> Desk:
    """A cancelled order's payment of which the gateway knows nothing."""
    made = desk(CARD, VOID, answer("unknown", attempt=1))
    made.wake("o", backoff_ms(1))
    sends = made.ask("o", answer("not_found", attempt=2))
    assert names(sends) == ["PaymentVoided"]
    voided = only(sends, PaymentVoided)
    assert (voided.authorization_id, voided.amount_minor, voided.currency) == ("", 0, "EUR")
    return made


def test_what_never_reached_the_gateway_is_not_authorized_for_a_cancelled_order() -> None:
    made = withdrawn()
    assert made.ask("o", answer("not_found", attempt=2)) == []
    look = only(made.wake("o", MAXIMUM_BACKOFF_MS), AuthorizationRequested)
    assert look.inquiry and look.attempt > 2
    assert made.ask("o", answer("not_found", attempt=look.attempt)) == []
    assert made.state("o", PaymentState).wake_at_ms == 0


@pytest.mark.parametrize("looked", [True, False])
def test_a_wish_that_reaches_the_gateway_after_all_is_voided(looked: bool) -> None:
    made = withdrawn()
    attempt = 1
    if looked:
        attempt = only(made.wake("o", MAXIMUM_BACKOFF_MS), AuthorizationRequested).attempt
    sends = made.ask("o", answer("approved", attempt=attempt))
    assert names(sends) == ["PaymentAuthorized", "VoidRequested"]
    assert only(made.ask("o", VOIDED), PaymentVoided).amount_minor == 3000
    assert made.ask("o", answer("approved", attempt=attempt)) == []
    assert made.state("o", PaymentState).wake_at_ms == 0


def test_a_gateway_that_was_given_up_on_a_cancelled_order_is_asked_on() -> None:
    made = given_up(VOID)
    assert only(made.wake("o", MAXIMUM_BACKOFF_MS), AuthorizationRequested).inquiry
    assert names(made.ask("o", answer("approved"))) == ["PaymentAuthorized", "VoidRequested"]


def test_a_void_that_was_under_way_before_voids_were_counted_apart_goes_on() -> None:
    older = PaymentState("o", Status.VOIDING, 3000, "EUR", "card", "tok", "auth-1", 2, "no", NOW)
    made = desk()
    made.states.put("o", older)
    void = only(made.wake("o"), VoidRequested)
    assert (void.authorization_id, void.attempt) == ("auth-1", 3)
    made.states.put("o", older)
    assert only(made.ask("o", VOIDED), PaymentVoided).amount_minor == 3000


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
