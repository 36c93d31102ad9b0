"""The policies of orders that the rules of routing cannot serve: a queue with reasons, not an
error."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas import inventory
from schemas.fulfillment import DecideShortage, LineTerms, RankLocations, RouteOrder
from schemas.inventory import ReleaseStock
from schemas.messages import Send
from schemas.orders import (
    CancelOrder,
    HoldEnded,
    LineKind,
    OrderBackordered,
    OrderCancelled,
    OrderHeld,
    OrderLine,
    OrderRefused,
    RecordAvailability,
    RecordReservation,
    RecordSourcingFailure,
    ReleaseHold,
    Status,
)
from schemas.payments import VoidPayment
from schemas.routing import RecordUnrouted
from tests.unit.streams.memory import NOW, names, only, place
from tests.unit.streams.order_desk import ID, OrderDesk

HOUR = 3_600_000
LACKS = "line 1: no location that is tried has enough"


def no_stock(line_id: str, attempt: int = 1, *, waiting: bool = False) -> RecordReservation:
    """Inventory has nothing, and rules say what follows."""
    reason = inventory.Refusal.OUT_OF_STOCK
    return RecordReservation(ID, line_id, attempt, False, "", reason, [], waiting, ruled=True)


def stock(line_id: str, attempt: int = 1) -> RecordReservation:
    return RecordReservation(ID, line_id, attempt, True, "BER", "", [])


def says(otherwise: str, attempt: int = 1, after_ms: int = 0) -> RecordSourcingFailure:
    """What fulfillment answers."""
    return RecordSourcingFailure(
        ID, attempt, "out_of_stock", otherwise, "last-rule", LACKS, after_ms
    )


def lacking(*, backorder: bool = True) -> OrderDesk:
    """An order of which line 1 has no stock, and line 2 has."""
    made = OrderDesk(place(backorder=backorder))
    made.tell(made.order, no_stock("1", waiting=backorder), stock("2"))
    return made


def queued(after_ms: int = 0) -> OrderDesk:
    made = lacking()
    made.tell(says("queue", after_ms=after_ms))
    return made


def test_fulfillment_is_asked_only_where_rules_say_what_follows() -> None:
    made = OrderDesk(place(backorder=True))
    plain = replace(no_stock("1", waiting=True), ruled=False)
    assert names(made.tell(made.order, plain, stock("2")))[-1] == "OrderBackordered"
    asked = OrderDesk(place(backorder=True))
    sends = asked.tell(asked.order, no_stock("1", waiting=True), stock("2"))
    question = only(sends, DecideShortage)
    assert (question.line_ids, question.wanted.attempt) == (["1"], 1)
    assert asked.now_is.status == Status.RESERVING


def test_what_waiting_cannot_mend_is_refused_without_asking() -> None:
    made = OrderDesk()
    unknown = replace(no_stock("1"), reason=inventory.Refusal.UNKNOWN_SKU)
    assert only(made.tell(made.order, unknown, stock("2")), OrderRefused).reason == "unknown_sku"


def test_an_order_that_a_rule_queues_is_held_with_the_reasons_and_keeps_its_place_for_stock() -> (
    None
):
    made = lacking()
    sends = made.tell(says("queue", after_ms=HOUR))
    held = only(sends, OrderHeld)
    assert (held.kind, held.rule, held.reason) == ("routing", "last-rule", LACKS)
    assert (held.until_ms, held.then) == (NOW + HOUR, "cancel")
    assert only(sends, ReleaseStock).line_id == "2"
    assert (made.now_is.status, made.line("1").waiting) == (Status.BACKORDERED, True)


def test_stock_that_comes_ends_the_hold_and_the_order_goes_on() -> None:
    made = queued(after_ms=HOUR)
    sends = made.tell(RecordAvailability(ID, "1", 1))
    assert only(sends, RankLocations).attempt == 2
    sends = made.tell(stock("1", 2), stock("2", 2))
    assert names(sends) == ["OrderReserved", "AuthorizePayment", "HoldEnded"]
    assert (made.now_is.holds, made.now_is.waits_until_ms) == ([], 0)
    assert made.now_is.wake_at_ms == made.now_is.reserved_until_ms


def test_an_order_whose_last_goods_are_taken_out_waits_for_no_stock() -> None:
    lines = [
        OrderLine("1", "MUG", 2, 1000),
        OrderLine("s", "", 1, 1000, kind=LineKind.CUSTOM, title="engraving"),
    ]
    made = OrderDesk(replace(place(backorder=True), lines=lines))
    made.tell(made.order, no_stock("1", waiting=True))
    made.tell(says("queue", after_ms=HOUR))
    sends = made.tell(CancelOrder(ID, "changed", NOW, ["1"], "jo"))
    assert names(sends) == ["ReleaseStock", "OrderAmended", "AuthorizePayment", "HoldEnded"]
    assert (made.now_is.status, made.now_is.holds) == (Status.AUTHORIZING, [])
    assert made.now_is.waits_until_ms == 0


def test_an_order_that_still_lacks_stock_is_told_of_once() -> None:
    made = queued()
    made.tell(RecordAvailability(ID, "1", 1), no_stock("1", 2, waiting=True), stock("2", 2))
    sends = made.tell(says("queue", 2))
    assert names(sends) == ["ReleaseStock", "OrderBackordered"]
    assert len(made.now_is.holds) == 1


def test_a_person_who_ends_the_hold_has_it_tried_again_and_it_is_held_again() -> None:
    made = queued()
    release = ReleaseHold(ID, "routing/1", "look again", "anna", NOW)
    assert names(made.tell(release)) == ["HoldEnded", "RankLocations"]
    made.tell(no_stock("1", 2, waiting=True), stock("2", 2))
    assert only(made.tell(says("queue", 2)), OrderHeld).hold_id == "routing/2"


def test_a_hold_by_hand_does_not_end_when_stock_comes() -> None:
    made = queued()
    hold = replace(made.now_is.holds[0], hold_id="by-hand", kind="manual", actor="anna")
    made.states.put(ID, replace(made.now_is, holds=[*made.now_is.holds, hold]))
    made.tell(RecordAvailability(ID, "1", 1), stock("1", 2), stock("2", 2))
    assert [one.hold_id for one in made.now_is.holds] == ["by-hand"]


@pytest.mark.parametrize("otherwise", ["queue", "backorder"])
def test_an_order_whose_policy_would_refuse_it_gets_its_places_in_queues(otherwise: str) -> None:
    made = lacking(backorder=False)
    event = only(made.tell(says(otherwise)), OrderBackordered)
    assert event.retry_at_ms == NOW
    ranked = only(made.wake(ID), RankLocations)
    assert (ranked.backorder, ranked.attempt) == (True, 2)


def test_a_rule_can_refuse_what_the_policy_would_let_wait() -> None:
    made = lacking()
    refused = only(sends := made.tell(says("cancel")), OrderRefused)
    assert (refused.reason, refused.rule) == ("routing", "last-rule")
    given_back = {one.record.line_id for one in sends if isinstance(one.record, ReleaseStock)}
    assert given_back == {"1", "2"}


@pytest.mark.parametrize("backorder", [True, False])
def test_the_policy_decides_where_no_rule_does(backorder: bool) -> None:
    made = lacking(backorder=backorder)
    made.tell(says(""))
    assert made.now_is.status == (Status.BACKORDERED if backorder else Status.REFUSED)
    assert made.now_is.holds == []


@pytest.mark.parametrize("otherwise", ["queue", "backorder"])
def test_what_waits_longer_than_a_rule_says_is_cancelled(otherwise: str) -> None:
    made = lacking()
    made.tell(says(otherwise, after_ms=HOUR))
    assert made.now_is.wake_at_ms == NOW + HOUR
    assert made.wake(ID, HOUR - 1) == []
    sends = made.wake(ID, 1)
    assert only(sends, OrderCancelled).reason in ("hold_expired", "backorder_expired")
    assert {one.record.line_id for one in sends if isinstance(one.record, ReleaseStock)} == {"1"}


def test_a_rule_can_say_how_long_the_policy_has_an_order_wait() -> None:
    made = lacking()
    made.tell(says("", after_ms=HOUR))
    assert (made.now_is.wake_at_ms, made.now_is.holds) == (NOW + HOUR, [])
    assert only(made.wake(ID, HOUR), OrderCancelled).reason == "backorder_expired"


def test_the_time_counts_from_the_first_wait() -> None:
    made = lacking()
    made.tell(says("backorder", after_ms=HOUR))
    made.now += HOUR // 2
    made.tell(RecordAvailability(ID, "1", 1), no_stock("1", 2, waiting=True), stock("2", 2))
    made.tell(says("backorder", 2, after_ms=HOUR))
    assert made.now_is.wake_at_ms == NOW + HOUR


def test_an_order_without_any_location_waits_in_the_queue_and_tries_again() -> None:
    made = OrderDesk(place(backorder=False))
    made.tell(made.order)
    sends = made.tell(replace(says("queue"), reason="no_location"))
    assert names(sends) == ["OrderHeld", "OrderBackordered"]
    assert only(sends, OrderBackordered).reason == "no_location"
    assert only(made.wake(ID, HOUR // 4), RankLocations).attempt == 2


def test_a_cancellation_while_the_rules_are_asked_waits_for_the_answer() -> None:
    made = lacking()
    assert made.tell(CancelOrder(ID, "no", NOW)) == []
    assert only(made.tell(says("queue")), OrderCancelled).reason == "no"


def test_a_late_answer_of_an_earlier_attempt_changes_nothing() -> None:
    made = queued()
    made.tell(RecordAvailability(ID, "1", 1))
    assert made.tell(says("cancel", 1)) == []


def unrouted(otherwise: str = "queue", after_ms: int = 0) -> RecordUnrouted:
    return RecordUnrouted(ID, False, otherwise, "one-parcel", "it takes too many", after_ms)


def test_an_order_with_more_shipments_than_allowed_keeps_its_stock_and_money_and_waits() -> None:
    made = OrderDesk().until(Status.ROUTING)
    sends = made.tell(unrouted())
    assert names(sends) == ["OrderHeld"]
    held = only(sends, OrderHeld)
    assert (held.kind, held.rule, held.reason) == ("routing", "one-parcel", "it takes too many")
    assert (made.now_is.status, made.now_is.wake_at_ms) == (Status.READY, 0)
    assert all(line.location_id for line in made.now_is.lines)


def test_a_person_who_ends_that_hold_lets_the_order_go_as_it_is() -> None:
    made = OrderDesk().until(Status.ROUTING)
    made.tell(unrouted())
    sends = made.tell(ReleaseHold(ID, "", "fine", "anna", NOW))
    assert [one for one in names(sends) if one != "HoldEnded"] == ["RouteOrder"]
    assert only(sends, RouteOrder).overruled


def test_other_rules_are_asked_again_where_nobody_has_let_it_go() -> None:
    made = OrderDesk().until(Status.ROUTING)
    first = only(made.tell(unrouted()), OrderHeld).hold_id
    sends = made.tell(ReleaseHold(ID, first, "other rules", "anna", NOW, True))
    assert not only(sends, RouteOrder).overruled
    second = only(made.tell(unrouted()), OrderHeld).hold_id
    assert first != second
    assert only(made.tell(ReleaseHold(ID, second, "fine", "anna", NOW)), RouteOrder).overruled


def test_it_is_cancelled_when_its_time_is_over() -> None:
    made = OrderDesk().until(Status.ROUTING)
    made.tell(unrouted(after_ms=HOUR))
    sends = made.wake(ID, HOUR)
    assert only(sends, OrderCancelled).reason == "hold_expired"
    assert only(sends, VoidPayment).order_id == ID


def test_a_rule_can_cancel_what_cannot_go_as_it_says() -> None:
    made = OrderDesk().until(Status.ROUTING)
    sends = made.tell(unrouted("cancel"))
    event = only(sends, OrderCancelled)
    assert (event.reason, event.actor) == ("routing, one-parcel: it takes too many", "routing")
    assert names(sends).count("ReleaseStock") == 2
    assert "VoidPayment" in names(sends)
    assert "CancelFulfillment" not in names(sends)


def test_fulfillment_is_told_of_values_and_bundles_where_it_asks() -> None:
    lines = [
        OrderLine("b", "", 1, 1_001, kind=LineKind.BUNDLE),
        OrderLine("1", "MUG", 1, 0, parent_line_id="b"),
        OrderLine("2", "TEE", 1, 0, parent_line_id="b"),
        OrderLine("3", "CAP", 2, 1_000, discount_minor=1),
    ]
    made = OrderDesk(replace(place(), lines=lines)).until(Status.ROUTING)
    sends: list[Send] = made.tell(RecordUnrouted(ID, True))
    assert only(sends, RouteOrder).terms == [
        LineTerms("1", 501, "b"), LineTerms("2", 500, "b"), LineTerms("3", 1_999, ""),
    ]  # fmt: skip
    assert made.now_is.status == Status.ROUTING


def test_what_comes_after_the_order_has_left_routing_changes_nothing() -> None:
    made = OrderDesk().until(Status.RELEASED)
    assert made.tell(unrouted()) == []
    assert isinstance(made.now_is.holds, list)
    assert not [one for one in made.written if isinstance(one.record, HoldEnded)]
