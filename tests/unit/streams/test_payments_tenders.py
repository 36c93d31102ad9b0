"""Which tender pays what, and what a change of the total does."""

from __future__ import annotations

import pytest

from schemas.orders import RecordPayment, Tender
from schemas.payments import (
    AuthorizationRequested,
    ChangePayment,
    PaymentAuthorized,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentStatus,
    PaymentTotalChanged,
    PaymentVoided,
    Refusal,
    VoidPayment,
    VoidRequested,
)
from tests.unit.streams.till import CARD, GIFT, Till, authorize

VOID = VoidPayment("o", "cancelled")


def change(amount: int, revision: int = 1, *tenders: Tender) -> ChangePayment:
    return ChangePayment("o", revision, amount, list(tenders))


def test_a_gift_card_pays_what_it_has_and_the_card_the_rest() -> None:
    till = Till(authorize(CARD, GIFT))
    asked = till.last(AuthorizationRequested)
    assert (asked.tender_id, asked.method, asked.amount_minor, asked.partial) == (
        "g", "gift_card", 3000, True,
    )  # fmt: skip
    assert till.approve(1200) == ["PaymentAuthorized", "AuthorizationRequested"]
    asked = till.last(AuthorizationRequested)
    assert (asked.tender_id, asked.amount_minor, asked.partial) == ("c", 1800, False)
    assert till.state.status == PaymentStatus.PARTLY_AUTHORIZED
    assert till.approve() == ["PaymentAuthorized", "RecordPayment"]
    assert (till.reply.authorized, till.reply.amount_minor) == (True, 3000)
    assert till.reply.status == PaymentStatus.AUTHORIZED


def test_what_a_gift_card_held_goes_back_when_the_rest_is_declined() -> None:
    till = Till(authorize(GIFT, CARD))
    till.approve(1200)
    assert till.decline() == ["PaymentDeclined", "RecordPayment", "VoidRequested"]
    assert (till.reply.authorized, till.reply.reason) == (False, Refusal.INSUFFICIENT_FUNDS)
    assert till.last(VoidRequested).authorization_id == "auth-g1"
    assert till.voided() == ["PaymentVoided"]
    assert (till.state.status, till.state.wake_at_ms) == (PaymentStatus.DECLINED, 0)


def test_a_gift_card_with_nothing_on_it_leaves_all_to_the_card() -> None:
    till = Till(authorize(GIFT, CARD))
    assert till.decline() == ["PaymentDeclined", "AuthorizationRequested"]
    assert till.last(AuthorizationRequested).amount_minor == 3000


def test_tenders_that_name_sums_come_before_the_one_that_takes_what_they_leave() -> None:
    fixed = Tender("f", "card", 1000, "4000")
    paid = Tender("p", "channel", 500, "", 500, "EUR")
    till = Till(authorize(CARD, fixed, paid))
    assert till.last(AuthorizationRequested).tender_id == "f"
    assert till.approve() == ["PaymentAuthorized", "PaymentAuthorized", "AuthorizationRequested"]
    assert till.last(AuthorizationRequested).amount_minor == 1500
    till.approve()
    told = [(event.tender_id, event.amount_minor) for event in till.every(PaymentAuthorized)]
    assert told == [("f", 1000), ("p", 500), ("c", 1500)]


def test_sums_that_do_not_come_to_the_total_are_declined_before_anybody_is_asked() -> None:
    till = Till()
    asked = authorize(Tender("a", "card", 1000, "1"), Tender("b", "card", 1999, "2"))
    assert till.ask(asked) == ["PaymentDeclined", "RecordPayment"]
    assert till.reply.reason == Refusal.AMOUNT_TOO_SMALL


@pytest.mark.parametrize("method", ["barter", ""])
def test_a_method_that_nobody_knows_is_declined(method: str) -> None:
    till = Till(authorize(Tender("x", method, 0)))
    assert till.last(PaymentDeclined).reason == Refusal.METHOD_NOT_ALLOWED


def test_only_a_gift_card_may_hold_less_than_was_asked_for() -> None:
    till = Till(authorize())
    assert till.approve(2999) == ["PaymentAuthorized", "RecordPayment", "VoidRequested"]
    assert till.reply.reason == Refusal.AMOUNT_TOO_SMALL


@pytest.mark.parametrize("method", ["invoice", "cash_on_delivery"])
def test_a_promise_authorizes_at_once_and_is_withdrawn_at_once(method: str) -> None:
    till = Till()
    assert till.ask(authorize(Tender("i", method, 0))) == ["PaymentAuthorized", "RecordPayment"]
    assert till.last(PaymentAuthorized).authorization_id == method
    assert till.ask(VOID) == ["PaymentVoided", "RecordPayment"]
    assert till.reply.status == PaymentStatus.VOIDED


def test_each_authorization_has_a_key_of_its_own_and_each_question_a_number() -> None:
    till = Till(authorize(GIFT, CARD))
    till.approve(1)
    till.approve()
    till.ask(change(3500))
    asked = till.every(AuthorizationRequested)
    assert [one.idempotency_key for one in asked] == ["o|g|1", "o|c|1", "o|c|2"]
    assert [one.attempt for one in asked] == [1, 2, 3]


# -- another total ----------------------------------------------------------------------------


def authorized(amount: int = 3000) -> Till:
    till = Till(authorize(amount=amount))
    till.approve()
    return till


def test_an_increase_is_authorized_by_the_difference() -> None:
    till = authorized()
    assert till.ask(change(3700)) == ["AuthorizationRequested"]
    assert till.last(AuthorizationRequested).amount_minor == 700
    assert till.approve() == ["PaymentAuthorized", "PaymentTotalChanged", "RecordPayment"]
    assert (till.reply.authorized, till.reply.revision, till.reply.amount_minor) == (True, 1, 3700)
    changed = till.last(PaymentTotalChanged)
    assert (changed.previously_minor, changed.amount_minor) == (3000, 3700)


def test_a_declined_increase_leaves_everything_as_it_was() -> None:
    till = authorized()
    till.ask(change(3700))
    assert till.decline() == ["PaymentDeclined", "RecordPayment"]
    reply = till.reply
    assert (reply.authorized, reply.revision, reply.amount_minor) == (False, 1, 3000)
    assert reply.status == PaymentStatus.AUTHORIZED
    assert (till.state.agreed_minor, till.state.wake_at_ms) == (3000, 0)
    assert till.ask(change(3700)) == ["RecordPayment"]
    assert not till.reply.authorized


def test_what_an_increase_has_found_goes_back_when_it_does_not_come_to_it() -> None:
    till = authorized()
    gift = Tender("n", "gift_card", 0, "gift-2")
    till.ask(change(3700, 1, gift))
    assert till.approve(200) == ["PaymentAuthorized", "AuthorizationRequested"]
    assert till.last(AuthorizationRequested).amount_minor == 500
    assert till.decline() == ["PaymentDeclined", "RecordPayment", "VoidRequested"]
    till.voided()
    assert till.last(PaymentVoided).amount_minor == 200
    assert till.state.status == PaymentStatus.AUTHORIZED


def test_a_decrease_voids_what_is_surplus_as_a_whole() -> None:
    till = authorized()
    till.ask(change(3700))
    till.approve()
    assert till.ask(change(3000, 2)) == ["PaymentTotalChanged", "RecordPayment", "VoidRequested"]
    assert till.last(VoidRequested).authorization_id == "auth-c2"
    assert till.voided() == ["PaymentVoided"]
    assert till.state.wake_at_ms == 0


def test_a_decrease_that_is_a_part_of_an_authorization_is_remembered() -> None:
    till = authorized()
    assert till.ask(change(2500)) == ["PaymentTotalChanged", "RecordPayment"]
    assert till.reply.authorized
    assert till.ask(change(2900, 2)) == ["PaymentTotalChanged", "RecordPayment"]
    assert till.ask(change(3100, 3)) == ["AuthorizationRequested"]
    assert till.last(AuthorizationRequested).amount_minor == 100


def test_a_promise_is_lessened_by_the_surplus() -> None:
    till = Till(authorize(Tender("i", "invoice", 0)))
    till.ask(change(2500))
    assert till.last(PaymentVoided).amount_minor == 500
    assert till.state.authorizations[0].held_minor == 2500


def test_the_same_change_again_has_the_same_answer_and_another_sum_is_a_conflict() -> None:
    till = authorized()
    till.ask(change(2500))
    assert till.ask(change(2500)) == ["RecordPayment"]
    assert till.ask(change(2600)) == ["PaymentCommandRefused"]
    assert till.last(PaymentCommandRefused).reason == Refusal.PAYMENT_CONFLICT
    assert till.ask(change(1, 0)) == []


def test_a_change_while_the_first_answer_is_out_is_answered_in_its_place() -> None:
    till = Till(authorize())
    assert till.ask(change(2000)) == []
    assert till.approve() == ["PaymentAuthorized", "RecordPayment"]
    assert (till.reply.revision, till.reply.authorized) == (1, True)
    assert till.state.agreed_minor == 2000


def test_a_declined_payment_may_be_paid_by_another_tender() -> None:
    till = Till(authorize())
    till.decline()
    other = Tender("d", "card", 0, "5555")
    assert till.ask(change(3000, 1, other)) == ["AuthorizationRequested"]
    assert till.last(AuthorizationRequested).token == "5555"
    assert till.approve() == ["PaymentAuthorized", "RecordPayment"]


def test_while_orders_waits_for_an_answer_it_is_told_nothing_that_looks_like_one() -> None:
    till = Till(authorize())
    till.decline()
    till.ask(change(3000, 1, Tender("d", "card", 0, "5555")))
    assert len(till.every(RecordPayment)) == 1


def test_a_cancelled_payment_is_not_changed() -> None:
    till = authorized()
    till.ask(VOID)
    assert till.ask(change(3700)) == ["RecordPayment"]
    assert (till.reply.authorized, till.reply.reason) == (False, "cancelled")


def test_a_change_of_an_unknown_payment_is_answered() -> None:
    till = Till()
    assert till.ask(change(3700)) == ["PaymentCommandRefused", "RecordPayment"]
    assert (till.reply.authorized, till.reply.reason) == (False, Refusal.UNKNOWN_PAYMENT)


def test_every_authorization_is_voided_at_the_end() -> None:
    till = Till(authorize(GIFT, CARD))
    till.approve(1200)
    till.approve()
    assert till.ask(VOID) == ["VoidRequested", "VoidRequested", "RecordPayment"]
    voids = {(one.authorization_id, one.attempt) for one in till.every(VoidRequested)}
    assert voids == {("auth-g1", 1), ("auth-c1", 2)}
