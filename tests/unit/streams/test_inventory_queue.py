"""The policies of the queue: who waits, who is served first, and what is promised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.inventory import (
    BackorderEnded,
    BackorderPromised,
    Refusal,
    ReservationState,
    ReserveStock,
    StockBackordered,
    StockRefused,
    StockReleased,
    StockReserved,
    StockState,
    Waiting,
)
from schemas.locations import RegisterLocation, SwitchLocation
from schemas.orders import RecordAvailability, RecordReservation
from schemas.stock import ChannelThreshold, ExpectSupply, PositionAt, Quota, SetStock, Supply
from streams.inventory import queue
from streams.inventory.model import MAXIMUM_WAITING, QUEUE_HOLD_MS
from streams.inventory.promises import promises
from tests.unit.streams.memory import NOW, names, only
from tests.unit.streams.stockroom import HELD_UNTIL, Stockroom, all_of, release, reserve

DAY = 86_400_000
FIRST, SECOND = NOW + DAY, NOW + 2 * DAY
LATER = [
    Supply("po-1", "BER", 3, FIRST),
    Supply("po-2", "HAM", 2, SECOND),
]


def room(*supplies: Supply, **on_hand: int) -> Stockroom:
    made = Stockroom()
    made.stock(supplies=supplies, **on_hand)
    return made


def count(on_hand: int, location_id: str = "BER") -> SetStock:
    return SetStock("MUG", location_id, on_hand, 0, "count")


def wait(
    order_id: str = "o", quantity: int = 2, priority: int = 0, attempt: int = 1
) -> ReserveStock:
    return reserve(order_id, quantity, backorder=True, priority=priority, attempt=attempt)


def line(order_id: str, quantity: int, *locations: str, channel: str = "") -> Waiting:
    return Waiting(order_id, "1", quantity, 1, list(locations), channel, "", 0, NOW, 0)


def test_a_line_that_finds_no_stock_waits_where_its_order_wants_that() -> None:
    made = room(BER=1)
    sends = made.tell(wait())
    assert names(sends) == ["StockBackordered", "RecordReservation"]
    reply = only(sends, RecordReservation)
    assert (reply.reserved, reply.reason, reply.waiting) == (False, Refusal.OUT_OF_STOCK, True)
    assert made.waiting() == ["o"]
    assert made.at("BER").reserved == 0


def test_a_line_that_may_not_wait_is_refused() -> None:
    made = room(BER=1)
    assert not only(made.tell(reserve()), RecordReservation).waiting
    assert made.waiting() == []


def test_nobody_waits_for_a_sku_that_was_never_counted() -> None:
    reply = only(Stockroom().tell(wait()), RecordReservation)
    assert (reply.reason, reply.waiting) == (Refusal.UNKNOWN_SKU, False)


def test_the_same_line_waits_once() -> None:
    made = room(Supply("po", "BER", 5, FIRST), BER=1)
    first = only(made.tell(wait()), RecordReservation)
    again = made.tell(wait())
    assert [send.record for send in again] == [first]
    assert made.waiting() == ["o"]


def test_a_waiting_line_of_another_quantity_is_a_conflict() -> None:
    made = room(BER=1)
    made.tell(wait(quantity=2))
    assert only(made.tell(wait(quantity=3)), RecordReservation).reason == (
        Refusal.RESERVATION_CONFLICT
    )
    assert made.waiting() == ["o"]


def test_a_queue_has_an_end() -> None:
    made = room(BER=0)
    made.tell(*(wait(f"o{number}") for number in range(MAXIMUM_WAITING)))
    sends = made.tell(wait("one-more"))
    assert only(sends, StockRefused).reason == Refusal.QUEUE_FULL
    reply = only(sends, RecordReservation)
    assert (reply.reason, reply.waiting) == (Refusal.QUEUE_FULL, False)
    made.tell(release("o0"))
    assert only(made.tell(wait("one-more")), RecordReservation).waiting


def test_who_waits_is_served_as_soon_as_stock_is_there() -> None:
    made = room(BER=0)
    made.tell(wait())
    sends = made.tell(count(2))
    assert names(sends) == ["StockSet", "BackorderEnded", "StockReserved", "RecordAvailability"]
    assert only(sends, BackorderEnded).reason == "served"
    assert only(sends, StockReserved).reserved_until_ms == NOW + QUEUE_HOLD_MS
    assert only(sends, RecordAvailability) == RecordAvailability("o", "1", 1)
    assert made.waiting() == []
    assert made.at("BER").reserved == 2


def test_a_release_serves_the_next_in_the_queue() -> None:
    made = room(BER=2)
    made.tell(reserve("a"), wait("b"))
    assert only(made.tell(release("a")), StockReserved).order_id == "b"


def test_the_greater_priority_is_served_first_and_then_who_waits_longest() -> None:
    made = room(BER=0)
    for order_id, priority in (("late", 0), ("b", 1), ("a", 1), ("urgent", 2)):
        made.now += 1 if order_id != "a" else 0
        made.tell(wait(order_id, priority=priority))
    assert made.waiting() == ["urgent", "a", "b", "late"]
    sends = made.tell(count(5))
    assert [event.order_id for event in all_of(sends, StockReserved)] == ["urgent", "a"]


def test_a_smaller_line_is_served_before_one_that_must_wait_on() -> None:
    made = room(BER=0)
    made.tell(wait("large", 5), wait("small", 2))
    assert only(made.tell(count(3)), StockReserved).order_id == "small"
    assert made.waiting() == ["large"]


def test_a_waiting_line_is_served_only_where_it_is_ranked() -> None:
    made = room(BER=0, ZRH=0)
    made.tell(wait())
    assert names(made.tell(count(5, "ZRH"))) == ["StockSet"]
    assert made.waiting() == ["o"]


def test_nobody_is_served_or_promised_anything_at_a_location_that_is_closed() -> None:
    made = room(Supply("po", "BER", 5, FIRST), Supply("po", "HAM", 5, SECOND), BER=0, HAM=0)
    switch = SwitchLocation("BER", False, True, "water damage", "ann")
    made.ask("BER", RegisterLocation("BER", "Berlin", "DE", 52.5, 13.4, True))
    made.ask("BER", switch)
    assert only(made.tell(wait()), StockBackordered).promised_at_ms == SECOND
    made.tell(count(2))
    assert made.waiting() == ["o"]
    made.ask("BER", SwitchLocation("BER", True, True, "dry", "ann"))
    assert only(made.tell(count(3)), StockReserved).location_id == "BER"


def test_the_queue_respects_what_quotas_keep() -> None:
    made = Stockroom()
    made.stock(quotas=(Quota("pos", "pos", "", 2, 0),), BER=0)
    made.tell(wait())
    assert names(made.tell(count(3))) == ["StockSet"]
    assert only(made.tell(count(4)), StockReserved).order_id == "o"


def test_the_order_takes_over_what_the_queue_reserved_for_it() -> None:
    made = room(BER=0)
    made.tell(wait(), count(2))
    sends = made.tell(wait(attempt=2))
    reply = only(sends, RecordReservation)
    assert (reply.attempt, reply.reserved, reply.location_id) == (2, True, "BER")
    taken = made.state("MUG|o|1", ReservationState)
    assert (taken.attempt, taken.reserved_until_ms, taken.wake_at_ms) == (2, HELD_UNTIL, 0)


def test_what_the_order_does_not_take_goes_to_the_next() -> None:
    made = room(BER=0)
    made.tell(wait("o"), wait("p"), count(2))
    sends = made.wake("MUG|o|1", QUEUE_HOLD_MS)
    assert only(sends, StockReleased).reason == "expired"
    assert only(sends, StockReserved).order_id == "p"


def test_a_line_can_leave_the_queue() -> None:
    made = room(BER=0)
    made.tell(wait())
    assert only(made.tell(release()), BackorderEnded).reason == "cancelled"
    assert made.waiting() == []
    assert only(made.tell(release()), StockRefused).reason == Refusal.UNKNOWN_RESERVATION


def test_a_later_attempt_keeps_the_place_in_the_queue() -> None:
    made = room(BER=0)
    made.tell(wait("first"))
    made.now += 1
    made.tell(wait("second"))
    sends = made.tell(wait("first", attempt=2))
    assert names(sends) == ["RecordReservation"]
    reply = only(sends, RecordReservation)
    assert (reply.attempt, reply.waiting) == (2, True)
    assert made.waiting() == ["first", "second"]
    late = only(made.tell(wait("first", attempt=1)), RecordReservation)
    assert (late.attempt, late.waiting) == (1, True)
    assert only(made.tell(count(2)), RecordAvailability).attempt == 2


def test_a_later_attempt_is_served_where_only_it_may_be() -> None:
    made = room(BER=0, ZRH=5)
    made.tell(wait())
    sends = made.tell(reserve(attempt=2, locations=["ZRH"], backorder=True))
    assert names(sends) == ["BackorderEnded", "StockReserved", "RecordReservation"]
    assert made.waiting() == []


def test_a_later_attempt_that_may_not_wait_leaves_the_queue() -> None:
    made = room(BER=0)
    made.tell(wait())
    sends = made.tell(reserve(attempt=2))
    assert only(sends, BackorderEnded).reason == Refusal.OUT_OF_STOCK
    assert not only(sends, RecordReservation).waiting
    assert made.waiting() == []


def test_a_waiting_line_is_promised_the_supply_that_covers_it() -> None:
    made = room(Supply("po", "BER", 5, FIRST), BER=0)
    sends = made.tell(wait())
    assert only(sends, StockBackordered).promised_at_ms == FIRST
    assert only(sends, RecordReservation).promised_at_ms == FIRST


def test_supply_without_a_date_promises_nothing_and_hides_no_dated_one() -> None:
    made = room(Supply("someday", "BER", 2, 0), Supply("po", "BER", 1, FIRST), BER=0)
    assert only(made.tell(wait()), StockBackordered).promised_at_ms == 0
    sends = made.tell(ExpectSupply("po", "MUG", "BER", 2, FIRST, "more"))
    assert only(sends, BackorderPromised).promised_at_ms == FIRST


def test_a_promise_that_changes_is_told() -> None:
    made = room(BER=0)
    made.tell(wait())
    better = made.tell(ExpectSupply("po", "MUG", "BER", 2, FIRST, "confirmed"))
    event = only(better, BackorderPromised)
    assert (event.previously_ms, event.promised_at_ms) == (0, FIRST)
    worse = made.tell(ExpectSupply("po", "MUG", "BER", 2, SECOND, "late"))
    event = only(worse, BackorderPromised)
    assert (event.previously_ms, event.promised_at_ms) == (FIRST, SECOND)
    gone = made.tell(ExpectSupply("po", "MUG", "BER", 0, SECOND, "cancelled"))
    assert only(gone, BackorderPromised).promised_at_ms == 0
    assert made.state("MUG", StockState).waiting[0].promised_at_ms == 0


def test_a_line_with_priority_takes_over_what_another_was_promised() -> None:
    made = room(Supply("po", "BER", 2, FIRST), BER=0)
    made.tell(wait("o"))
    sends = made.tell(wait("vip", priority=1))
    assert names(sends) == ["StockBackordered", "BackorderPromised", "RecordReservation"]
    event = only(sends, BackorderPromised)
    assert (event.order_id, event.promised_at_ms) == ("o", 0)
    back = only(made.tell(release("vip")), BackorderPromised)
    assert (back.order_id, back.promised_at_ms) == ("o", FIRST)


def test_what_is_sold_to_someone_else_is_no_longer_promised() -> None:
    made = room(Supply("po", "BER", 2, FIRST), BER=1)
    made.tell(wait("o", 3))
    assert made.state("MUG", StockState).waiting[0].promised_at_ms == FIRST
    assert only(made.tell(reserve("p", 1)), BackorderPromised).promised_at_ms == 0
    assert only(made.tell(release("p")), BackorderPromised).promised_at_ms == FIRST


def test_nothing_is_looked_at_again_while_nothing_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    made = room(BER=4)
    made.tell(reserve("a", 1), reserve("b", 1), wait("o", 3))
    monkeypatch.setattr(queue, "promises", None)
    monkeypatch.setattr(queue, "_give", None)
    made.tell(reserve("c", 1), reserve("c", 1), wait("o", 3), wait("p", 4))
    assert made.waiting() == ["o", "p"]


def test_supply_is_promised_in_the_order_of_the_queue() -> None:
    queued = [line("a", 3, "BER"), line("b", 2, "BER", "HAM"), line("c", 1, "BER", "HAM")]
    assert promises([], LATER, queued) == [FIRST, SECOND, 0]


def test_a_line_is_promised_the_earliest_date_among_its_locations() -> None:
    supplies = [Supply("a", "BER", 2, SECOND), Supply("b", "HAM", 2, FIRST)]
    assert promises([], supplies, [line("o", 2, "BER", "HAM")]) == [FIRST]


def test_supplies_of_one_location_add_up() -> None:
    supplies = [Supply("a", "BER", 2, SECOND), Supply("b", "BER", 2, FIRST)]
    assert promises([], supplies, [line("o", 3, "BER"), line("p", 1, "BER")]) == [SECOND, SECOND]


def test_supplies_of_two_locations_do_not_add_up() -> None:
    assert promises([], LATER, [line("o", 4, "BER", "HAM")]) == [0]


def test_what_is_there_counts_and_what_is_missing_is_filled_first() -> None:
    supplies = [Supply("a", "BER", 2, FIRST), Supply("b", "BER", 5, SECOND)]
    some = [PositionAt("BER", 3, 2, 0)]
    short = [PositionAt("BER", 2, 1, 3)]
    assert promises(some, supplies, [line("o", 3, "BER")]) == [FIRST]
    assert promises(short, supplies, [line("o", 3, "BER")]) == [SECOND]
    assert promises(short, supplies, [line("o", 6, "BER")]) == [0]


def test_a_promise_leaves_a_channel_its_threshold() -> None:
    thresholds = [ChannelThreshold("ebay", 1)]
    both = [line("o", 3, "BER", channel="ebay"), line("p", 3, "BER")]
    assert promises([], LATER, both, thresholds) == [0, FIRST]


def test_a_promise_leaves_what_quotas_keep() -> None:
    kept = [Quota("pos", "pos", "", 2, 0)]
    both = [line("o", 3, "BER"), line("p", 2, "HAM", channel="pos")]
    assert promises([], LATER, both, (), kept) == [SECOND, SECOND]
    assert promises([], LATER[:1], both, (), kept) == [0, 0]


amounts = st.integers(1, 6)
places = st.sampled_from(["BER", "HAM", "MUC"])


@given(
    supplies=st.lists(st.tuples(places, amounts, st.integers(1, 5)), max_size=8),
    wanted=st.lists(st.tuples(amounts, st.lists(places, unique=True)), max_size=8),
)
def test_no_piece_is_ever_promised_twice(
    supplies: list[tuple[str, int, int]], wanted: list[tuple[int, list[str]]]
) -> None:
    coming = [Supply(str(index), *supply) for index, supply in enumerate(supplies)]
    queued = [line(str(index), pieces, *ranked) for index, (pieces, ranked) in enumerate(wanted)]
    dates = promises([], coming, queued)
    for day in range(1, 6):
        promised = sum(
            one.quantity for one, date in zip(queued, dates, strict=True) if 0 < date <= day
        )
        assert promised <= sum(one.quantity for one in coming if one.expected_at_ms <= day)


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.integers(0, 5), amounts),
            st.tuples(st.just("release"), st.integers(0, 5), st.just(0)),
            st.tuples(st.just("count"), st.integers(0, 12), st.just(0)),
            st.tuples(st.just("expect"), st.integers(0, 6), st.integers(1, 3)),
        ),
        max_size=20,
    )
)
def test_no_stock_lies_idle_that_a_waiting_line_could_have(
    steps: list[tuple[str, int, int]],
) -> None:
    made = room(BER=0)
    for step, number, more in steps:
        match step:
            case "wait":
                made.tell(wait(f"o{number}", more))
            case "release":
                made.tell(release(f"o{number}"))
            case "count":
                made.tell(count(number))
            case "expect":
                made.tell(ExpectSupply("po", "MUG", "BER", number, NOW + more, ""))
        stock = made.state("MUG", StockState)
        position = made.at("BER")
        free = position.on_hand - position.reserved
        held = [one for one in made.states.kept.values() if isinstance(one, ReservationState)]
        assert position.reserved == sum(one.quantity for one in held) <= position.on_hand
        assert all(one.quantity > free for one in stock.waiting)
        assert [one.promised_at_ms for one in stock.waiting] == promises(
            stock.positions, stock.supplies, stock.waiting
        )
