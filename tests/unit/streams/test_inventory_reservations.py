"""The policies of reservations: channels and quotas, expiry, allocation and shipment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    LotPick,
    MoveReservation,
    Refusal,
    ReservationExtended,
    ReservationState,
    ShipStock,
    StockAllocated,
    StockRefused,
    StockReleased,
    StockReserved,
    StockShipped,
    StockState,
)
from schemas.orders import RecordReservation
from schemas.records import Record
from schemas.stock import PositionAt, Quota, ReorderRule, SetSku, SetStock
from streams.inventory import lots, replenishment
from streams.inventory.account import Account
from streams.inventory.model import QUEUE_HOLD_MS
from tests.unit.streams.memory import NOW, names, only
from tests.unit.streams.stockroom import HELD_UNTIL, Stockroom, all_of, release, reserve

KEY = "MUG|o|1"
ALLOCATE = AllocateStock("o", "1", "MUG")
SHIP = ShipStock("o", "1", "MUG", "packer")
TO_HAM = MoveReservation("o", "1", "MUG", "HAM")


def room(**on_hand: int) -> Stockroom:
    made = Stockroom()
    made.stock(**on_hand)
    return made


def refusal(made: Stockroom, *commands: Record) -> str:
    """Why the last of the commands is refused; empty where it is not."""
    *before, last = commands
    made.tell(*before)
    sends = made.tell(last)
    return next((one.record.reason for one in sends if isinstance(one.record, StockRefused)), "")


def quota(quantity: int, *, channel: str = "", group: str = "", consumed: int = 0) -> Quota:
    return Quota(channel or group, channel, group, quantity, consumed)


def consumed(made: Stockroom) -> list[int]:
    return [one.consumed for one in made.state("MUG", StockState).quotas]


def test_a_line_of_no_pieces_is_refused() -> None:
    assert refusal(room(BER=5), reserve(quantity=0)) == Refusal.INVALID_QUANTITY
    assert refusal(room(BER=5), reserve(quantity=-1)) == Refusal.INVALID_QUANTITY


def test_pieces_that_are_worked_on_are_not_available() -> None:
    made = room(BER=3)
    made.tell(reserve(quantity=2), ALLOCATE)
    assert made.at("BER") == PositionAt("BER", 3, 0, 0, 2)
    assert refusal(made, reserve("p", 2)) == Refusal.OUT_OF_STOCK


def test_a_channel_leaves_its_threshold_at_each_location() -> None:
    made = Stockroom()
    made.stock(thresholds={"ebay": 2}, BER=3, HAM=4)
    reply = only(made.tell(reserve("o", 2, channel="ebay")), RecordReservation)
    assert reply.location_id == "HAM"
    assert refusal(made, reserve("p", 2, channel="ebay")) == Refusal.OUT_OF_STOCK
    reply = only(made.tell(reserve("p", 3, channel="shop")), RecordReservation)
    assert (reply.location_id, reply.also_at) == ("BER", [])


def test_pieces_of_a_quota_are_kept_from_everyone_else_over_all_locations() -> None:
    made = Stockroom()
    made.stock(quotas=(quota(3, channel="pos"),), BER=2, HAM=2)
    assert refusal(made, reserve("a", 2, channel="shop")) == Refusal.OUT_OF_STOCK
    assert refusal(made, reserve("b", 1, channel="shop")) == ""
    assert refusal(made, reserve("c", 1)) == Refusal.OUT_OF_STOCK
    assert refusal(made, reserve("d", 2, channel="pos")) == ""
    assert consumed(made) == [2]


def test_a_customer_group_has_a_quota_of_its_own() -> None:
    made = Stockroom()
    made.stock(quotas=(quota(4, group="vip"),), BER=4)
    assert refusal(made, reserve("a", 1, channel="shop")) == Refusal.OUT_OF_STOCK
    event = only(made.tell(reserve("b", 1, channel="shop", group="vip")), StockReserved)
    assert event.quota_id == "vip"


def test_a_line_that_its_quota_does_not_cover_uses_what_is_free_to_all() -> None:
    made = Stockroom()
    made.stock(quotas=(quota(2, channel="pos"), quota(1, channel="shop")), BER=6)
    event = only(made.tell(reserve("a", 3, channel="pos")), StockReserved)
    assert event.quota_id == ""
    assert consumed(made) == [0, 0]
    assert refusal(made, reserve("b", 3, channel="pos")) == Refusal.OUT_OF_STOCK


def test_a_quota_gets_back_what_is_released_and_not_what_is_shipped() -> None:
    made = Stockroom()
    made.stock(quotas=(quota(4, channel="pos"),), BER=9)
    made.tell(reserve("o", 2, channel="pos"), reserve("p", 2, channel="pos"))
    assert consumed(made) == [4]
    made.tell(release("p"))
    assert consumed(made) == [2]
    made.tell(ALLOCATE, SHIP)
    assert consumed(made) == [2]


def test_a_quota_that_comes_back_knows_what_reservations_still_hold_of_it() -> None:
    made = Stockroom()
    made.stock(quotas=(quota(4, channel="pos"),), BER=9)
    made.tell(reserve("o", 2, channel="pos"), reserve("p", 1, channel="pos"))
    made.tell(reserve("q", 1, channel="pos"), ALLOCATE, SHIP)
    none, again = (
        SetSku("MUG", [], quotas, [], [], "", 0, [], "ann")
        for quotas in ([], [quota(9, channel="pos", consumed=7)])
    )
    made.tell(none)
    assert made.state("MUG", StockState).quotas == []
    made.tell(again)
    assert consumed(made) == [2]
    made.tell(none, release("p"))
    assert [one.held for one in made.state("MUG", StockState).dropped] == [1]
    made.tell(release("q"))
    assert made.state("MUG", StockState).dropped == []
    made.tell(again)
    assert consumed(made) == [0]


def test_a_reservation_with_an_end_is_given_back_then() -> None:
    made = room(BER=2)
    made.tell(reserve(expires=True))
    assert made.state(KEY, ReservationState).wake_at_ms == HELD_UNTIL
    event = only(made.wake(KEY, HELD_UNTIL - NOW), StockReleased)
    assert (event.reason, event.reserved) == ("expired", 0)
    assert KEY not in made.states.kept


def test_a_reservation_without_an_end_stays() -> None:
    made = room(BER=2)
    made.tell(reserve())
    assert made.state(KEY, ReservationState).wake_at_ms == 0


def test_a_moment_that_was_put_off_gives_nothing_back() -> None:
    made = room(BER=2)
    made.tell(reserve(expires=True), ExtendReservation("o", "1", "MUG", HELD_UNTIL + 5))
    assert made.wake(KEY, HELD_UNTIL - NOW) == []
    assert made.state(KEY, ReservationState).wake_at_ms == HELD_UNTIL + 5
    assert names(made.wake(KEY, 5)) == ["StockReleased"]
    assert made.wake(KEY, 5) == []


def test_a_later_attempt_takes_over_what_was_set_aside_for_its_order() -> None:
    made = room(BER=2)
    made.tell(reserve(expires=True))
    sends = made.tell(reserve(attempt=2, until_ms=HELD_UNTIL + 9))
    assert names(sends) == ["RecordReservation"]
    assert only(sends, RecordReservation).reserved
    taken = made.state(KEY, ReservationState)
    assert (taken.attempt, taken.reserved_until_ms, taken.wake_at_ms) == (2, HELD_UNTIL + 9, 0)
    assert refusal(made, reserve(attempt=3)) == Refusal.RESERVATION_CONFLICT


def test_an_earlier_attempt_or_another_quantity_takes_nothing_over() -> None:
    made = room(BER=9)
    made.tell(reserve(attempt=2, expires=True))
    assert refusal(made, reserve(attempt=1)) == Refusal.RESERVATION_CONFLICT
    assert refusal(made, reserve(attempt=3, quantity=1)) == Refusal.RESERVATION_CONFLICT


def test_a_reservation_is_held_longer_but_not_shorter() -> None:
    made = room(BER=2)
    made.tell(reserve())
    event = only(made.tell(ExtendReservation("o", "1", "MUG", HELD_UNTIL + 1)), ReservationExtended)
    assert event.reserved_until_ms == HELD_UNTIL + 1
    assert made.state(KEY, ReservationState).wake_at_ms == 0
    assert made.tell(ExtendReservation("o", "1", "MUG", HELD_UNTIL + 1)) == []
    earlier = ExtendReservation("o", "1", "MUG", HELD_UNTIL)
    assert refusal(made, earlier) == Refusal.RESERVATION_CONFLICT
    assert made.state(KEY, ReservationState).reserved_until_ms == HELD_UNTIL + 1


@pytest.mark.parametrize("command", [ALLOCATE, SHIP, ExtendReservation("o", "1", "MUG", 5)])
def test_nothing_is_done_to_a_reservation_that_is_not_there(command: Record) -> None:
    assert refusal(room(BER=2), command) == Refusal.UNKNOWN_RESERVATION


def test_an_allocated_reservation_no_longer_expires() -> None:
    made = room(BER=5)
    made.tell(reserve(expires=True))
    event = only(made.tell(ALLOCATE), StockAllocated)
    assert (event.on_hand, event.reserved, event.allocated, event.lots) == (5, 0, 2, [])
    assert made.state(KEY, ReservationState).wake_at_ms == 0
    assert made.tell(ALLOCATE) == []
    assert made.at("BER").allocated == 2


def test_an_allocated_reservation_does_not_move() -> None:
    made = room(BER=2, HAM=2)
    made.tell(reserve(), ALLOCATE)
    sends = made.tell(TO_HAM)
    assert only(sends, StockRefused).reason == Refusal.ALREADY_ALLOCATED
    assert only(sends, RecordMove) == RecordMove("o", "1", False, "BER", Refusal.ALREADY_ALLOCATED)


def test_a_release_gives_back_what_was_being_worked_on() -> None:
    made = room(BER=2)
    made.tell(reserve(), ALLOCATE)
    event = only(made.tell(release()), StockReleased)
    assert (event.was_allocated, event.on_hand, event.reserved, event.allocated) == (True, 2, 0, 0)
    assert made.at("BER") == PositionAt("BER", 2, 0, 0)


@pytest.mark.parametrize("allocated", [True, False])
def test_what_is_shipped_is_no_longer_there(allocated: bool) -> None:
    made = room(BER=5)
    made.tell(reserve(), *([ALLOCATE] if allocated else []))
    event = only(made.tell(SHIP), StockShipped)
    assert (event.on_hand, event.reserved, event.allocated) == (3, 0, 0)
    assert (event.was_allocated, event.actor) == (allocated, "packer")
    assert made.at("BER") == PositionAt("BER", 3, 0, 0)
    assert refusal(made, SHIP) == Refusal.UNKNOWN_RESERVATION


def test_the_picked_lots_are_remembered_until_they_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    picks = [LotPick("L1", 1), LotPick("L2", 1)]
    shipped: list[list[LotPick]] = []
    freed: list[list[LotPick]] = []
    monkeypatch.setattr(lots, "pick", lambda account, location_id, quantity: picks)
    monkeypatch.setattr(lots, "ship", lambda account, location_id, taken: shipped.append(taken))
    monkeypatch.setattr(lots, "unpick", lambda account, location_id, taken: freed.append(taken))
    made = room(BER=5)
    made.tell(reserve())
    assert only(made.tell(ALLOCATE), StockAllocated).lots == picks
    assert only(made.tell(SHIP), StockShipped).lots == picks
    made.tell(reserve(), ALLOCATE, release())
    assert (shipped, freed) == ([picks], [picks])


@pytest.mark.parametrize("command", [ALLOCATE, SHIP])
def test_nothing_is_worked_on_for_which_there_are_no_lots(
    command: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lots, "short", lambda account, location_id, quantity: True)
    assert refusal(room(BER=5), reserve(), command) == Refusal.OUT_OF_STOCK


def test_demand_is_counted_where_a_sku_is_reordered(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[tuple[str, int]] = []

    def demanded(account: Account, location_id: str, quantity: int) -> None:
        counted.append((location_id, quantity))

    monkeypatch.setattr(replenishment, "demanded", demanded)
    monkeypatch.setattr(replenishment, "review", lambda account: None)
    made = Stockroom()
    made.stock(reorder=(ReorderRule("BER", 7, 0.95, 0, 7, 0, 0),), BER=2, HAM=2)
    made.tell(reserve(), TO_HAM, release(), reserve("p"))
    assert counted == [("BER", 2), ("BER", -2), ("HAM", 2), ("HAM", -2), ("BER", 2)]
    counted.clear()
    made.stock(BER=2)
    made.tell(reserve("q"))
    assert counted == []


one, mug = st.just("1"), st.just("MUG")
orders = st.sampled_from(["a", "b", "c"])
pieces = st.integers(1, 4)


@given(
    steps=st.lists(
        st.one_of(
            st.builds(
                reserve,
                orders,
                pieces,
                attempt=st.integers(1, 2),
                channel=st.sampled_from(["", "pos", "ebay"]),
                backorder=st.booleans(),
                expires=st.booleans(),
            ),
            st.builds(release, orders),
            st.builds(MoveReservation, orders, one, mug, st.sampled_from(["BER", "HAM"])),
            st.builds(AllocateStock, orders, one, mug),
            st.builds(ShipStock, orders, one, mug, st.just("packer")),
            st.builds(
                SetStock,
                mug,
                st.sampled_from(["BER", "HAM"]),
                st.integers(0, 8),
                st.integers(0, 2),
                st.just("count"),
            ),
            orders.map(lambda order_id: f"MUG|{order_id}|1"),
        ),
        max_size=25,
    )
)
def test_nothing_is_ever_promised_that_is_not_there(steps: list[Record | str]) -> None:
    made = Stockroom()
    made.stock(thresholds={"ebay": 1}, quotas=(quota(3, channel="pos"),), BER=5, HAM=4)
    shipped_of_quota = 0
    for step in steps:
        if isinstance(step, str):
            made.wake(step, 10)
            made.now += QUEUE_HOLD_MS
        else:
            before = dict(made.states.kept)
            sends = made.tell(step)
            for event in all_of(sends, StockShipped):
                held = before[f"MUG|{event.order_id}|1"]
                assert isinstance(held, ReservationState)
                shipped_of_quota += held.quantity if held.quota_id else 0
            for reply in all_of(sends, RecordReservation):
                assert reply.reserved == (not reply.reason)
        stock = made.state("MUG", StockState)
        standing = [one for one in made.states.kept.values() if isinstance(one, ReservationState)]
        for position in stock.positions:
            here = [one for one in standing if one.location_id == position.location_id]
            assert position.reserved == sum(one.quantity for one in here if not one.allocated)
            assert position.allocated == sum(one.quantity for one in here if one.allocated)
            assert position.reserved + position.allocated <= position.on_hand
        of_quota = sum(one.quantity for one in standing if one.quota_id)
        assert stock.quotas[0].consumed == of_quota + shipped_of_quota
        lines = {(one.order_id, one.line_id) for one in stock.waiting}
        assert len(lines) == len(stock.waiting)
        assert not lines & {(one.order_id, one.line_id) for one in standing}
