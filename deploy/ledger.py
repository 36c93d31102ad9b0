"""Sums inventory.events and says where a record and the sum, or the sum and the state, differ.

Pure, and it shares no code with the room whose work it checks: it knows the contract (schemas) and
the one rule that whatever happens to stock stands in the ledger, with the position after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from sys import intern
from typing import NamedTuple

from schemas.inventory import (
    ReservationExtended,
    ReservationMoved,
    ReservationState,
    StockAllocated,
    StockReleased,
    StockReserved,
    StockShipped,
    StockState,
)
from schemas.records import Record
from schemas.stock import StockMoved, StockSet

BUCKETS = ("on_hand", "reserved", "allocated", "in_transit", "quarantined")
ON_HAND, RESERVED, ALLOCATED, IN_TRANSIT, QUARANTINED = range(len(BUCKETS))
NOTHING = (0, 0, 0, 0, 0)
MOVES = (
    StockSet
    | StockMoved
    | StockReserved
    | ReservationMoved
    | ReservationExtended
    | StockAllocated
    | StockReleased
    | StockShipped
)
"""What a position or a reservation follows from; the other events change neither."""

Reservation = (
    StockReserved
    | ReservationMoved
    | ReservationState
    | StockAllocated
    | StockReleased
    | StockShipped
)
"""What names an order and a line."""

Buckets = list[int]
"""Pieces, in the order of BUCKETS."""


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


NOWHERE = Place("", 0, -1)


class Difference(NamedTuple):
    """What does not add up, where, in words."""

    place: Place
    sku: str
    location_id: str
    """empty where it is not about one location"""
    what: str


class Hold(NamedTuple):
    """A reservation as the ledger has it."""

    location_id: str
    quantity: int
    allocated: bool


Line = tuple[str, str]
"""Order and line."""


@lru_cache(maxsize=65_536)
def _hold(location_id: str, quantity: int, allocated: bool) -> Hold:
    """Most reservations of a shop are alike: one object stands for all of them."""
    return Hold(location_id, quantity, allocated)


def _line(record: Reservation) -> Line:
    """The ledger and the state name the same orders: one text stands for both."""
    return intern(record.order_id), intern(record.line_id)


@dataclass(slots=True)
class Account:
    """One SKU: its buckets by location, and the reservations that stand."""

    positions: dict[str, Buckets] = field(default_factory=dict)
    holds: dict[Line, Hold] = field(default_factory=dict)
    """by order and line"""
    latest: Place = NOWHERE
    """of the record that was taken last"""

    def at(self, location_id: str) -> Buckets:
        """The buckets of a location; all 0 until a record says otherwise."""
        return self.positions.setdefault(location_id, list(NOTHING))


class Ledger:
    """The sum of all records so far, by SKU."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.accounts: dict[str, Account] = {}
        self.records = 0

    def take(self, place: Place, record: Record, says_previously: bool = True) -> list[Difference]:
        """Add one record; what it says and the sum does not.

        Afterwards the sum is what the record says, so that one fault is told once.
        `says_previously`: false for a StockSet of a schema that had no such field.
        """
        self.records += 1
        if not isinstance(record, MOVES):
            return []
        sku = record.sku
        account = self.accounts.get(sku)
        if account is None:
            account = self.accounts[sku] = Account()
        account.latest = place
        found = list(_differences(account, record, says_previously))
        return [Difference(place, sku, location_id, what) for location_id, what in found]


def _differences(
    account: Account, record: Record, says_previously: bool
) -> Iterator[tuple[str, str]]:
    """Location and words, one by one, while the record is added."""
    match record:
        case StockMoved():
            at = account.at(record.location_id)
            at[ON_HAND] += record.quantity
            at[IN_TRANSIT] += record.in_transit_change
            at[QUARANTINED] += record.quarantined_change
            said = [
                record.on_hand, record.reserved, record.allocated,
                record.in_transit, record.quarantined,
            ]  # fmt: skip
            yield from _compared(account, record.location_id, said)
        case StockSet():
            at = account.at(record.location_id)
            if says_previously and at[ON_HAND] != record.previously:
                yield (
                    record.location_id,
                    f"StockSet says that on_hand was {record.previously}, the sum is {at[ON_HAND]}",
                )
            at[ON_HAND] = record.on_hand
            said = [record.on_hand, record.reserved, record.allocated, *at[IN_TRANSIT:]]
            yield from _compared(account, record.location_id, said)
        case StockReserved():
            yield from _reserved(account, record)
        case ReservationMoved():
            yield from _moved(account, record)
        case StockAllocated() | StockReleased() | StockShipped():
            yield from _held(account, record)
        case ReservationExtended():
            if (record.order_id, record.line_id) not in account.holds:
                yield "", f"{_named(record)} does not stand: ReservationExtended"


def _named(record: Record) -> str:
    return f"reservation {getattr(record, 'order_id', '')} line {getattr(record, 'line_id', '')}"


def _reserved(account: Account, record: StockReserved) -> Iterator[tuple[str, str]]:
    key, at = _line(record), account.at(record.location_id)
    if key in account.holds:
        yield record.location_id, f"{_named(record)} is made although it stands"
    account.holds[key] = _hold(record.location_id, record.quantity, False)
    at[RESERVED] += record.quantity
    yield from _compared(
        account, record.location_id, [record.on_hand, record.reserved, *at[ALLOCATED:]]
    )


def _moved(account: Account, record: ReservationMoved) -> Iterator[tuple[str, str]]:
    key = _line(record)
    expected = Hold(record.from_location_id, record.quantity, False)
    yield from _stands(account, record, expected)
    account.holds[key] = _hold(record.location_id, record.quantity, False)
    left, come = account.at(record.from_location_id), account.at(record.location_id)
    left[RESERVED] -= record.quantity
    come[RESERVED] += record.quantity
    said = [record.from_on_hand, record.from_reserved, *left[ALLOCATED:]]
    yield from _compared(account, record.from_location_id, said)
    said = [record.on_hand, record.reserved, *come[ALLOCATED:]]
    yield from _compared(account, record.location_id, said)


def _held(
    account: Account, record: StockAllocated | StockReleased | StockShipped
) -> Iterator[tuple[str, str]]:
    """A reservation goes on to be worked on, or ends."""
    key, at = _line(record), account.at(record.location_id)
    worked_on = not isinstance(record, StockAllocated) and record.was_allocated
    yield from _stands(account, record, Hold(record.location_id, record.quantity, worked_on))
    at[ALLOCATED if worked_on else RESERVED] -= record.quantity
    if isinstance(record, StockAllocated):
        at[ALLOCATED] += record.quantity
        account.holds[key] = _hold(record.location_id, record.quantity, True)
    else:
        account.holds.pop(key, None)
        if isinstance(record, StockShipped):
            at[ON_HAND] -= record.quantity
    said = [record.on_hand, record.reserved, record.allocated, *at[IN_TRANSIT:]]
    yield from _compared(account, record.location_id, said)


def _stands(account: Account, record: Record, expected: Hold) -> Iterator[tuple[str, str]]:
    """The reservation that a record is about is as the record says."""
    key = (getattr(record, "order_id", ""), getattr(record, "line_id", ""))
    found, kind = account.holds.get(key), type(record).__name__
    if found is None:
        yield expected.location_id, f"{_named(record)} does not stand: {kind}"
    elif found != expected:
        yield (
            expected.location_id,
            f"{_named(record)} is {_told(found)}, and {kind} says {_told(expected)}",
        )


def _told(hold: Hold) -> str:
    state = "allocated" if hold.allocated else "reserved"
    return f"{hold.quantity} {state} at {hold.location_id}"


def _compared(account: Account, location_id: str, said: Buckets) -> Iterator[tuple[str, str]]:
    """The sum is what the record says, which is possible at all, and not oversold."""
    summed = account.at(location_id)
    for bucket, sums, says in zip(BUCKETS, summed, said, strict=True):
        if sums != says:
            yield location_id, f"the record says {bucket} {says}, the sum is {sums}"
    account.positions[location_id] = said
    for bucket, says in zip(BUCKETS, said, strict=True):
        if says < 0:
            yield location_id, f"{bucket} is {says}"
    held = said[RESERVED] + said[ALLOCATED]
    if held > said[ON_HAND]:
        yield location_id, f"oversold: {held} reserved and allocated of {said[ON_HAND]} on hand"


class Kept:
    """What inventory.state says of one SKU."""

    __slots__ = ("holds", "latest", "offsets", "positions")

    def __init__(self) -> None:
        self.latest = NOWHERE
        self.positions: dict[str, Buckets] = {}
        self.holds: dict[Line, Hold] = {}
        self.offsets: dict[Line | None, int] = {}
        """where that lies: None for the positions, else by order and line"""

    def keep(self, what: Line | None, place: Place) -> None:
        """Remember where something lies; everything of a SKU is in one partition."""
        self.latest = place
        self.offsets[what] = place.offset

    def place(self, what: Line | None, otherwise: Place) -> Place:
        """Where something lies, if it is there."""
        offset = self.offsets.get(what)
        return otherwise if offset is None else self.latest._replace(offset=offset)


class States:
    """The latest of inventory.state, by SKU."""

    def __init__(self) -> None:
        """Nothing is known."""
        self.kept: dict[str, Kept] = {}
        self.records = 0

    def take(self, place: Place, key: str, record: Record | None) -> str:
        """Keep one record, None being a deletion; the SKU, empty where it is about none."""
        self.records += 1
        if isinstance(record, StockState):
            kept = self.kept.setdefault(record.sku, Kept())
            kept.positions = {
                one.location_id: [
                    one.on_hand, one.reserved, one.allocated, one.in_transit, one.quarantined,
                ]
                for one in record.positions
            }  # fmt: skip
            kept.keep(None, place)
            return record.sku
        if isinstance(record, ReservationState):
            kept = self.kept.setdefault(record.sku, Kept())
            line = _line(record)
            kept.holds[line] = _hold(record.location_id, record.quantity, record.allocated)
            kept.keep(line, place)
            return record.sku
        parts = key.split("|")
        if record is not None or len(parts) != 3:
            return ""
        ended = self.kept.get(parts[0])
        if ended is not None and ended.holds.pop((parts[1], parts[2]), None) is not None:
            ended.offsets.pop((parts[1], parts[2]), None)
        return parts[0]


def compared(sku: str, account: Account | None, kept: Kept | None) -> Difference | None:
    """The first thing in which the sum and the state of a SKU differ."""
    summed, state = account or Account(), kept or Kept()
    beside = state.place(None, summed.latest)
    for location_id in sorted(summed.positions.keys() | state.positions.keys()):
        sums = summed.positions.get(location_id, list(NOTHING))
        says = state.positions.get(location_id, list(NOTHING))
        for bucket, one, other in zip(BUCKETS, sums, says, strict=True):
            if one != other:
                what = f"the state says {bucket} {other}, the sum of the ledger is {one}"
                return Difference(beside, sku, location_id, what)
    for line in sorted(summed.holds.keys() | state.holds.keys()):
        told, found = summed.holds.get(line), state.holds.get(line)
        if told != found:
            name = f"reservation {line[0]} line {line[1]}"
            ledger = _told(told) if told else "not there"
            kept_as = _told(found) if found else "not there"
            place = state.place(line, summed.latest)
            where = (told or found or Hold("", 0, False)).location_id
            what = f"{name}: {kept_as} in the state, {ledger} in the ledger"
            return Difference(place, sku, where, what)
    return None


def held_as_told(account: Account) -> Iterator[tuple[str, str]]:
    """Reserved and allocated of each location are the sums of the reservations that stand."""
    sums: dict[str, list[int]] = {}
    for hold in account.holds.values():
        sums.setdefault(hold.location_id, [0, 0])[hold.allocated] += hold.quantity
    for location_id, at in account.positions.items():
        reserved, allocated = sums.get(location_id, [0, 0])
        if (at[RESERVED], at[ALLOCATED]) != (reserved, allocated):
            yield (
                location_id,
                f"reserved {at[RESERVED]} and allocated {at[ALLOCATED]}, but the reservations"
                f" that stand come to {reserved} and {allocated}",
            )


def counted(accounts: Iterable[Account]) -> tuple[int, int]:
    """How many positions and reservations there are."""
    positions = holds = 0
    for account in accounts:
        positions += len(account.positions)
        holds += len(account.holds)
    return positions, holds
