"""The policies for holds: by rule and by hand, several at once, never lost."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.fulfillment import RankLocations, RouteOrder
from schemas.orders import (
    HoldEnded,
    OrderAmended,
    OrderCancelled,
    OrderCommandRefused,
    OrderHeld,
    OrderRefused,
    OrderState,
    Refusal,
    Status,
)
from schemas.policies import (
    POLICY_KEY,
    Condition,
    Field,
    HoldRule,
    HoldTerms,
    IntakeRule,
    Measure,
    Number,
    Operator,
    Policy,
    SetPolicy,
    TotalsRule,
)
from streams.orders.model import MAXIMUM_HOLDS, RESERVATION_HOLD_MS
from tests.unit.streams.memory import NOW, names, only, place
from tests.unit.streams.order_desk import ID, OrderDesk, amend, cancel, free, hold, paid, resize

HOUR = 3_600_000
BIG = [Condition(Operator.OVER, Field.TOTAL, [], [Number(2500, "EUR")])]
MUCH = [Condition(Operator.OVER, Field.QUANTITY, [], [Number(3)])]


def rule(name: str, when: list[Condition], limit_ms: int = 0, then: str = "release") -> HoldRule:
    return HoldRule(name, 1, when, HoldTerms("fraud", limit_ms, then))


def policy(**parts: object) -> SetPolicy:
    return SetPolicy(replace(Policy(1, 1, "p", "", "UTC"), **parts), "jo", NOW)


def desk(*rules: HoldRule, **parts: object) -> OrderDesk:
    """A room with a policy."""
    made = OrderDesk()
    made.ask(POLICY_KEY, policy(holds=list(rules), **parts))
    return made


def test_an_order_that_a_rule_holds_asks_for_nothing_until_it_is_released() -> None:
    made = desk(rule("big", BIG))
    sends = made.tell(made.order)
    assert names(sends) == ["OrderPlaced", "OrderHeld"]
    held = only(sends, OrderHeld)
    assert (held.hold_id, held.kind, held.rule, held.until_ms) == ("policy/big", "fraud", "big", 0)
    assert (made.now_is.status, made.now_is.wake_at_ms) == (Status.HELD, 0)
    sends = made.tell(free("policy/big"))
    assert names(sends) == ["HoldEnded", "RankLocations"]
    assert made.now_is.wake_at_ms == NOW + RESERVATION_HOLD_MS


def test_an_order_goes_on_with_its_last_hold_and_all_can_be_released_at_once() -> None:
    made = desk(rule("big", BIG), rule("odd", BIG))
    made.tell(made.order, hold())
    assert names(made.tell(free("policy/odd"))) == ["HoldEnded"]
    assert names(made.tell(free())) == ["HoldEnded", "HoldEnded", "RankLocations"]


@pytest.mark.parametrize(("then", "status"), [("release", "reserving"), ("cancel", "cancelled")])
def test_a_hold_ends_at_its_limit(then: str, status: str) -> None:
    made = desk(rule("big", BIG, HOUR, then))
    made.tell(made.order)
    assert made.now_is.wake_at_ms == NOW + HOUR
    assert made.wake(ID, HOUR - 1) == []
    sends = made.wake(ID, 1)
    assert only(sends, HoldEnded).reason == Refusal.HOLD_EXPIRED
    assert made.now_is.status == status
    if then == "cancel":
        assert only(sends, OrderCancelled).reason == Refusal.HOLD_EXPIRED


def test_a_hold_by_hand_lets_the_order_get_its_stock_and_money_and_keeps_it_before_its_release(
) -> None:  # fmt: skip
    made = OrderDesk().until(Status.RESERVING)
    assert only(made.tell(hold(until_ms=NOW + HOUR)), OrderHeld).actor == "jo"
    sends = made.answered(made.answered(made.written.copy()))
    assert names(sends) == ["OrderAuthorized"]
    assert (made.now_is.status, made.now_is.wake_at_ms) == (Status.READY, NOW + HOUR)
    made.now += RESERVATION_HOLD_MS
    sends = made.tell(free("h"))
    assert names(sends) == ["HoldEnded", "RouteOrder"]
    assert made.now_is.wake_at_ms == made.now + RESERVATION_HOLD_MS


def test_a_hold_does_not_put_off_what_its_order_has_to_do() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(hold(until_ms=NOW + 2 * RESERVATION_HOLD_MS))
    assert made.now_is.wake_at_ms == NOW + RESERVATION_HOLD_MS
    made.wake(ID, RESERVATION_HOLD_MS)
    assert made.now_is.cancel_reason == Refusal.RESERVATION_EXPIRED


def test_a_hold_whose_limit_comes_while_the_order_reserves_leaves_its_timer_alone() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(hold(until_ms=NOW + 5))
    assert names(made.wake(ID, 5)) == ["HoldEnded"]
    assert made.now_is.wake_at_ms == NOW + RESERVATION_HOLD_MS


def test_a_hold_that_cancels_waits_for_the_replies_that_are_out() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(hold(until_ms=NOW + 5, then="cancel"))
    made.wake(ID, 5)
    sends = made.answered(made.written.copy())
    assert only(sends, OrderCancelled).reason == Refusal.HOLD_EXPIRED


def test_the_same_hold_again_changes_nothing_also_when_it_has_ended() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(hold())
    assert made.tell(hold()) == []
    other = only(made.tell(hold(then="cancel")), OrderCommandRefused)
    assert (other.reason, other.request_id) == (Refusal.ORDER_CONFLICT, "h")
    made.tell(free("h"))
    assert made.tell(free("h"), hold(), free()) == []
    assert only(made.tell(hold(then="cancel")), OrderCommandRefused).actor == "jo"


def test_a_hold_that_is_not_there_cannot_be_released() -> None:
    made = OrderDesk().until(Status.RESERVING)
    event = only(made.tell(free("x")), OrderCommandRefused)
    assert (event.reason, event.request_id) == (Refusal.UNKNOWN_HOLD, "x")


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (Status.ROUTING, Refusal.TOO_LATE),
        (Status.RELEASED, Refusal.TOO_LATE),
        (Status.CANCELLED, Refusal.ALREADY_ENDED),
    ],
)
def test_an_order_that_goes_or_is_gone_cannot_be_held(status: str, reason: str) -> None:
    made = OrderDesk()
    if status == Status.CANCELLED:
        made.until(Status.RELEASED).tell(cancel())
    else:
        made.until(status)
    assert only(made.tell(hold()), OrderCommandRefused).reason == reason


def test_an_order_has_no_more_holds_than_there_is_room_for() -> None:
    made = OrderDesk().until(Status.RESERVING)
    for number in range(MAXIMUM_HOLDS):
        made.tell(hold(f"h{number}"))
    assert only(made.tell(hold()), OrderCommandRefused).reason == Refusal.TOO_MANY


def test_holds_end_with_their_order() -> None:
    made = desk(rule("big", BIG))
    made.tell(made.order)
    assert names(made.tell(cancel())) == ["OrderCancelled"]
    assert made.now_is.holds == []


def test_a_rule_refuses_an_order_and_is_named() -> None:
    made = desk(intake=[IntakeRule("no_big_ones", 1, BIG)])
    sends = made.tell(made.order)
    assert names(sends) == ["OrderPlaced", "OrderRefused"]
    event = only(sends, OrderRefused)
    assert (event.reason, event.rule) == (Refusal.POLICY, "no_big_ones")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("trust", ["OrderPlaced", "RankLocations"]),
        ("hold", ["OrderPlaced", "OrderHeld"]),
        ("refuse", ["OrderPlaced", "OrderRefused"]),
    ],
)
def test_a_channel_whose_total_differs_is_trusted_held_or_refused(
    action: str, expected: list[str]
) -> None:
    terms = HoldTerms("total_mismatch", 0, "release")
    made = desk(totals=[TotalsRule("", 1, Measure(1, action, terms))])
    assert names(made.tell(place(total=2998))) == expected
    made = desk(totals=[TotalsRule("", 1, Measure(1, action, terms))])
    assert names(made.tell(place(total=2999))) == ["OrderPlaced", "RankLocations"]


def test_a_change_that_a_rule_would_hold_is_made_and_held_before_the_release() -> None:
    made = desk(rule("much", MUCH)).until(Status.AUTHORIZING)
    made.tell(resize("1", 5))
    sends = made.answered(made.answered(made.tell(paid())))
    assert names(sends) == ["OrderAmended", "OrderHeld"]
    assert made.now_is.status == Status.READY
    assert names(made.tell(free())) == ["HoldEnded", "RouteOrder"]


def test_a_rule_that_a_person_has_overruled_does_not_hold_the_order_again() -> None:
    made = desk(rule("big", BIG))
    made.tell(made.order, free())
    made.tell(hold())
    made.answered(made.answered(made.written.copy()))
    sends = made.tell(amend(shipping_method="express"))
    assert names(sends) == ["OrderAmended"]


def test_a_change_that_a_rule_refuses_leaves_the_order_as_it_is() -> None:
    made = desk(intake=[IntakeRule("not_so_many", 1, MUCH)])
    made.tell(place(lines=(("1", "MUG", 3),)))
    refused = made.tell(resize("1", 4))
    assert names(refused) == ["AmendmentRefused"]
    assert refused[0].record.reason == Refusal.POLICY  # type: ignore[attr-defined]
    assert made.tell(resize("1", 4)) == []


def test_a_held_order_is_changed_at_once_and_asks_for_stock_as_it_is_then() -> None:
    made = desk(rule("big", BIG))
    made.tell(made.order)
    sends = made.tell(resize("1", 4))
    assert only(sends, OrderAmended).total_minor == 5000
    assert made.now_is.status == Status.HELD
    asked = only(made.tell(free()), RankLocations)
    assert [(line.line_id, line.quantity) for line in asked.lines] == [("1", 4), ("2", 1)]


def test_a_policy_says_who_waits_for_stock_and_who_goes_first() -> None:
    made = desk()
    sends = made.tell(place(backorder=True, priority=3))
    assert (only(sends, RankLocations).backorder, only(sends, RankLocations).priority) == (True, 3)


def test_a_hold_that_comes_before_its_order_holds_it() -> None:
    made = OrderDesk()
    made.tell(hold())
    sends = made.tell(made.order)
    assert names(sends) == ["OrderPlaced", "RankLocations", "OrderHeld"]
    made.answered(made.answered(made.written.copy()))
    assert made.now_is.status == Status.READY
    assert isinstance(made.states.get(ID), OrderState)
    assert only(made.tell(free()), RouteOrder).order_id == ID


@pytest.mark.parametrize("hold_id", ["h", ""])
def test_a_hold_that_comes_and_ends_before_its_order_does_not_keep_it(hold_id: str) -> None:
    made = OrderDesk()
    made.tell(hold(), free(hold_id), free(hold_id))
    sends = made.tell(made.order)
    assert only(sends, HoldEnded).hold_id == "h"
    assert not made.now_is.holds


def test_the_end_of_a_hold_that_nobody_knows_is_not_kept() -> None:
    made = OrderDesk()
    assert only(made.tell(free("h")), OrderCommandRefused).reason == Refusal.UNKNOWN_ORDER
    made.tell(hold())
    assert only(made.tell(free("other")), OrderCommandRefused).reason == Refusal.UNKNOWN_ORDER
    assert "HoldEnded" not in names(made.tell(made.order))
