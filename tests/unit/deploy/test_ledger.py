"""The audit of stock: a story that adds up, and every way in which it can be made not to."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from deploy.ledger import Difference, Ledger, Place, States, compared, held_as_told
from schemas.inventory import (
    LotPick,
    ReservationExtended,
    ReservationMoved,
    ReservationState,
    StockAllocated,
    StockRefused,
    StockReleased,
    StockReserved,
    StockShipped,
    StockState,
)
from schemas.records import Record
from schemas.stock import PositionAt, StockMoved, StockSet

NOW = 1_700_000_000_000
EVENTS, STATE = "inventory.events", "inventory.state"


def moved(location_id: str, movement: str, changes: str, after: str) -> StockMoved:
    """Changes of on hand, in transit and quarantined; then the five buckets."""
    return StockMoved(
        "TEA", location_id, movement, "m", *map(int, changes.split()),
        *map(int, after.split()), "", "", "", "ada", NOW,
    )  # fmt: skip


STORY: list[Record] = [
    StockSet("TEA", "north", 10, 0, 2, "count", NOW, 0, 0),
    moved("south", "receipt", "6 0 1", "6 0 0 0 1"),
    StockReserved("TEA", "a", "1", "north", 4, 10, 4, NOW, NOW),
    StockReserved("TEA", "b", "1", "north", 2, 10, 6, NOW, NOW),
    StockReserved("TEA", "c", "1", "south", 1, 6, 1, NOW, NOW),
    StockRefused("TEA", "d", "1", 99, "out_of_stock", NOW),
    ReservationExtended("TEA", "a", "1", NOW + 1, NOW),
    ReservationMoved("TEA", "b", "1", 2, "north", 10, 4, "south", 6, 3, NOW),
    StockAllocated("TEA", "a", "1", "north", 4, 10, 0, 4, [LotPick("L", 4)], NOW),
    StockShipped("TEA", "a", "1", "north", 4, 6, 0, 0, [], "ada", NOW, True),
    StockReleased("TEA", "c", "1", "south", 1, 6, 2, "cancelled", NOW, 0, False),
    moved("north", "transfer_out", "-3 0 0", "3 0 0 0 0"),
    moved("south", "transfer_out", "0 3 0", "6 2 0 3 1"),
    moved("south", "transfer_in", "2 -2 0", "8 2 0 1 1"),
    moved("south", "transfer_loss", "0 -1 0", "8 2 0 0 1"),
    moved("south", "disposition", "1 0 -1", "9 2 0 0 0"),
    StockSet("TEA", "north", 5, 0, 2, "count", NOW, 0, 3),
]
STATES: list[tuple[str, Record]] = [
    ("TEA", StockState("TEA", [PositionAt("north", 5, 0, 2), PositionAt("south", 9, 2, 0)])),
    ("TEA|b|1", ReservationState("b", "1", "TEA", "south", 2, 1, NOW)),
]


def summed(records: list[Record]) -> tuple[Ledger, list[Difference]]:
    ledger, found = Ledger(), []
    for offset, record in enumerate(records):
        found += ledger.take(Place(EVENTS, 0, offset), record)
    for account in ledger.accounts.values():
        found += [Difference(account.latest, "TEA", *each) for each in held_as_told(account)]
    return ledger, found


def kept(records: list[tuple[str, Record]]) -> States:
    states = States()
    for offset, (key, record) in enumerate(records):
        states.take(Place(STATE, 0, offset), key, record)
    return states


def against(ledger: Ledger, states: States, sku: str = "TEA") -> Difference | None:
    return compared(sku, ledger.accounts.get(sku), states.kept.get(sku))


def test_a_story_that_adds_up_is_proved() -> None:
    ledger, found = summed(STORY)
    assert found == []
    assert against(ledger, kept(STATES)) is None
    assert ledger.records == len(STORY)


COUNTED = {
    "quantity", "in_transit_change", "quarantined_change", "on_hand", "reserved", "allocated",
    "in_transit", "quarantined", "from_on_hand", "from_reserved", "previously",
}  # fmt: skip
SABOTAGE = [
    (number, name, change)
    for number, record in enumerate(STORY)
    if not isinstance(record, StockRefused)
    for name in record.__struct_fields__
    if name in COUNTED
    for change in (1, -1)
]


@pytest.mark.parametrize(("number", "name", "change"), SABOTAGE)
def test_no_figure_can_be_changed_unseen(number: int, name: str, change: int) -> None:
    bent = replace(STORY[number], **{name: getattr(STORY[number], name) + change})
    ledger, found = summed([*STORY[:number], bent, *STORY[number + 1 :]])
    if isinstance(bent, StockSet) and name == "on_hand":  # a count says what is there, not a change
        assert found or against(ledger, kept(STATES)) is not None
        return
    assert found[0].place == Place(EVENTS, 0, number)
    assert found[0].sku == "TEA"


@pytest.mark.parametrize(
    "number", [n for n, one in enumerate(STORY) if not isinstance(one, StockRefused)]
)
def test_no_record_can_be_left_out_or_told_twice_unseen(number: int) -> None:
    ledger, lost = summed([*STORY[:number], *STORY[number + 1 :]])
    harmless = isinstance(STORY[number], ReservationExtended)
    if not harmless:
        assert lost or against(ledger, kept(STATES)) is not None
    ledger, twice = summed([*STORY[: number + 1], STORY[number], *STORY[number + 1 :]])
    if not harmless:
        assert twice or against(ledger, kept(STATES)) is not None


def test_where_a_reservation_lies_cannot_be_changed_unseen() -> None:
    for number in (7, 8, 9, 10):
        bent = replace(STORY[number], order_id="z")
        _, found = summed([*STORY[:number], bent, *STORY[number + 1 :]])
        assert found[0].place.offset == number
        assert "reservation z line 1 does not stand" in found[0].what


def test_one_fault_is_told_once() -> None:
    bent = replace(STORY[2], on_hand=11)
    _, found = summed([*STORY[:2], bent, *STORY[3:]])
    assert [each.what for each in found] == [
        "the record says on_hand 11, the sum is 10",
        "the record says on_hand 10, the sum is 11",
    ]


def test_oversold_is_said_even_when_every_sum_is_right() -> None:
    _, found = summed([
        StockSet("TEA", "north", 3, 0, 0, "count", NOW, 0, 0),
        StockReserved("TEA", "a", "1", "north", 2, 3, 2, NOW, NOW),
        StockReserved("TEA", "b", "1", "north", 2, 3, 4, NOW, NOW),
    ])  # fmt: skip
    assert found == [
        Difference(
            Place(EVENTS, 0, 2), "TEA", "north",
            "oversold: 4 reserved and allocated of 3 on hand",
        )
    ]  # fmt: skip


def test_fewer_than_none_is_said() -> None:
    _, found = summed([moved("north", "adjustment", "-1 0 0", "-1 0 0 0 0")])
    assert found[0].what == "on_hand is -1"


def test_a_count_of_an_older_schema_does_not_say_what_was_there_before() -> None:
    ledger = Ledger()
    for record in (STORY[0], replace(STORY[0], on_hand=8)):
        assert ledger.take(Place(EVENTS, 0, 0), record, says_previously=False) == []


@pytest.mark.parametrize("bucket", ["on_hand", "reserved", "allocated", "in_transit"])
def test_a_state_that_differs_is_named_with_its_place(bucket: str) -> None:
    ledger, _ = summed(STORY)
    (key, state), reservation = STATES
    assert isinstance(state, StockState)
    bent = replace(state.positions[1], **{bucket: getattr(state.positions[1], bucket) + 1})
    positions = [state.positions[0], bent]
    found = against(ledger, kept([reservation, (key, replace(state, positions=positions))]))
    assert found is not None
    assert (found.place, found.location_id) == (Place(STATE, 0, 1), "south")
    assert f"the state says {bucket}" in found.what


def test_a_reservation_that_only_one_side_has_is_named() -> None:
    ledger, _ = summed(STORY)
    lost = against(ledger, kept(STATES[:1]))
    assert lost is not None
    assert lost.what == (
        "reservation b line 1: not there in the state, 2 reserved at south in the ledger"
    )
    extra = ReservationState("z", "1", "TEA", "south", 5, 1, NOW)
    found = against(ledger, kept([*STATES, ("TEA|z|1", extra)]))
    assert found is not None
    assert (found.place, found.location_id) == (Place(STATE, 0, 2), "south")


def test_a_reservation_that_was_deleted_is_gone_and_other_keys_mean_nothing() -> None:
    states = kept(STATES)
    assert states.take(Place(STATE, 0, 9), "TEA|b|1", None) == "TEA"
    assert states.kept["TEA"].holds == {}
    assert states.take(Place(STATE, 0, 9), "TEA|@movement|m", None) == "TEA"
    assert states.take(Place(STATE, 0, 9), "@locations", None) == ""


def test_the_story_has_every_record_that_moves_stock() -> None:
    assert {type(one) for one in STORY} >= {
        StockSet, StockMoved, StockReserved, ReservationMoved, ReservationExtended,
        StockAllocated, StockReleased, StockShipped,
    }  # fmt: skip
    assert all(isinstance(one, msgspec.Struct) for one in STORY)
