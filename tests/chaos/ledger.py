"""The stock that the events of inventory add up to, and where they do not. Nothing of the project.

Positions, reservations, the queues and what is expected are summed here from the first event on and
held against every position that an event tells, and at the end against the room's state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

Broken = Callable[[str, str, str], None]
Line = tuple[str, str]
"""order and line"""
REMEMBERED_MS = 30 * 86_400_000
"""so long a movement's id is known; it may be used again after that"""
FIGURES = ("on_hand", "reserved", "allocated", "in_transit", "quarantined")


class Event(NamedTuple):
    """A committed record."""

    topic: str
    partition: int
    offset: int
    key: str
    name: str
    """of its schema; empty for a deletion, `?` for what cannot be read"""
    fields: dict[str, Any]


@dataclass(slots=True)
class Position:
    """Stock of one SKU at one location, by the auditor's own sums."""

    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    in_transit: int = 0
    quarantined: int = 0
    safety_stock: int = 0


class Held(NamedTuple):
    """A reservation that stands, or has been shipped."""

    sku: str
    location: str
    quantity: int
    allocated: bool = False


class Wait(NamedTuple):
    """A place in the queue of a SKU."""

    quantity: int
    promised_at_ms: int


class Supply(NamedTuple):
    """What is expected of a supply."""

    location: str
    quantity: int
    expected_at_ms: int


class Ledger:
    """Takes the events of inventory and its states."""

    def __init__(self, broken: Broken) -> None:
        """`broken` notes a violation: rule, subject and detail."""
        self.held: dict[Line, Held] = {}
        self.shipped: dict[Line, Held] = {}
        self._resized: dict[Line, Held] = {}
        """what a line held until it was given another quantity"""
        self.queued: dict[tuple[str, str, str], Wait] = {}
        """by SKU, order and line"""
        self.kits: dict[str, list[dict[str, int]]] = defaultdict(list)
        """what each kit was made of, one after the other"""
        self.kit_states: dict[str, dict[str, Any]] = {}
        self._broken = broken
        self._positions: dict[tuple[str, str], Position] = defaultdict(Position)
        self._supplies: dict[tuple[str, str], Supply] = {}
        self._moved: dict[tuple[str, ...], int] = {}
        self._stock_states: dict[str, dict[str, Any]] = {}
        self._reservation_states: dict[str, dict[str, Any]] = {}

    def feed(self, event: Event, where: str) -> None:
        """Take the next event."""
        told = event.fields
        match event.name:
            case "StockSet" | "StockMoved":
                self._feed_movement(event.name, told, where)
            case "SkuSet":
                self._feed_sku(told)
            case "SupplyExpected":
                self._feed_supply(told, where)
            case "StockBackordered" | "BackorderPromised" | "BackorderEnded":
                self._feed_queue(event.name, told, where)
            case "StockReserved":
                self._reserved(told, where)
            case "StockReleased" | "StockShipped":
                self._ended(event.name, told, where)
            case "ReservationMoved":
                self._moved_on(told, where)
            case "StockAllocated":
                self._allocated(told, where)

    def _feed_movement(self, name: str, told: Mapping[str, Any], where: str) -> None:
        sku, location = told["sku"], told["location_id"]
        position = self._positions[sku, location]
        if name == "StockSet":
            if told.get("previously", position.on_hand) != position.on_hand:
                detail = f"{sku} at {location}: {told['previously']} told, {position.on_hand} were"
                self._broken("on_hand_adds_up", where, detail)
            position.on_hand, position.safety_stock = told["on_hand"], told["safety_stock"]
        else:
            mark = (sku, location, told["movement"], told["movement_id"])
            if told["at_ms"] < self._moved.get(mark, -REMEMBERED_MS) + REMEMBERED_MS:
                self._broken("moved_once", where, " ".join(mark))
            self._moved[mark] = told["at_ms"]
            position.on_hand += told["quantity"]
            position.in_transit += told["in_transit_change"]
            position.quarantined += told["quarantined_change"]
        self._check(sku, location, told, where)

    def _feed_sku(self, told: Mapping[str, Any]) -> None:
        if told["components"]:
            parts = {part["sku"]: part["quantity"] for part in told["components"]}
            self.kits[told["sku"]].append(parts)
            for (sku, _), position in self._positions.items():
                if sku == told["sku"]:
                    # A kit has no positions; whatever one of them said of safety is forgotten.
                    position.safety_stock = 0

    def _feed_supply(self, told: Mapping[str, Any], where: str) -> None:
        mark = (told["sku"], told["supply_id"])
        known = self._supplies.pop(mark, None)
        previously = known.quantity if known is not None else 0
        if told["previously"] != previously:
            detail = f"{mark}: {told['previously']} told, {previously} were expected"
            self._broken("supply_adds_up", where, detail)
        if told["quantity"]:
            self._supplies[mark] = Supply(
                told["location_id"], told["quantity"], told["expected_at_ms"]
            )

    def _feed_queue(self, name: str, told: Mapping[str, Any], where: str) -> None:
        mark = (told["sku"], told["order_id"], told["line_id"])
        place = self.queued.get(mark)
        if name == "StockBackordered":
            held = self.held.get(mark[1:])
            if place is not None or held is not None:
                self._broken("queued_once", where, f"{mark}: waits {place}, holds {held}")
            self.queued[mark] = Wait(told["quantity"], told["promised_at_ms"])
            return
        if place is None or place.quantity != told["quantity"]:
            self._broken("waits_as_queued", where, f"{mark} waited as {place}")
        if name == "BackorderEnded":
            self.queued.pop(mark, None)
            return
        if place is not None and place.promised_at_ms != told["previously_ms"]:
            detail = f"{mark}: {told['previously_ms']} told, promised was {place.promised_at_ms}"
            self._broken("promise_follows", where, detail)
        self.queued[mark] = Wait(told["quantity"], told["promised_at_ms"])

    def _reserved(self, told: Mapping[str, Any], where: str) -> None:
        line, sku, location = _line(told), told["sku"], told["location_id"]
        if line in self.held:
            self._broken("reserved_once", where, f"{line} is held already: {self.held[line]}")
        if (sku, *line) in self.queued:
            self._broken("queued_once", where, f"{line} is reserved and still waits")
        self.held[line] = Held(sku, location, told["quantity"])
        self._positions[sku, location].reserved += told["quantity"]
        before = self._resized.pop(line, None)
        # Fewer pieces where they were held are no new promise.
        promised = (
            before is None or before.location != location or told["quantity"] > before.quantity
        )
        self._check(sku, location, told, where, promised=promised)

    def _ended(self, name: str, told: Mapping[str, Any], where: str) -> None:
        line, sku, location = _line(told), told["sku"], told["location_id"]
        quantity, was_allocated = told["quantity"], told.get("was_allocated", False)
        held = self.held.pop(line, None)
        ending = Held(sku, location, quantity, was_allocated)
        if held != ending:
            rule = "released_as_held" if name == "StockReleased" else "shipped_as_held"
            self._broken(rule, where, f"{line} was held as {held}")
        if told.get("reason") == "resized":
            self._resized[line] = ending
        position = self._positions[sku, location]
        if was_allocated:
            position.allocated -= quantity
        else:
            position.reserved -= quantity
        if name == "StockShipped":
            position.on_hand -= quantity
            self.shipped[line] = ending
        self._check(sku, location, told, where)

    def _moved_on(self, told: Mapping[str, Any], where: str) -> None:
        line, sku, location = _line(told), told["sku"], told["location_id"]
        left, quantity = told["from_location_id"], told["quantity"]
        held = self.held.get(line)
        if held != Held(sku, left, quantity):
            self._broken("released_as_held", where, f"{line} was held as {held}")
        self.held[line] = Held(sku, location, quantity)
        self._positions[sku, left].reserved -= quantity
        self._positions[sku, location].reserved += quantity
        before = {"on_hand": told["from_on_hand"], "reserved": told["from_reserved"]}
        self._check(sku, left, before, where)
        self._check(sku, location, told, where, promised=True)

    def _allocated(self, told: Mapping[str, Any], where: str) -> None:
        line, sku, location = _line(told), told["sku"], told["location_id"]
        quantity = told["quantity"]
        held = self.held.get(line)
        if held != Held(sku, location, quantity):
            self._broken("allocated_as_held", where, f"{line} was held as {held}")
        self.held[line] = Held(sku, location, quantity, True)
        position = self._positions[sku, location]
        position.reserved -= quantity
        position.allocated += quantity
        self._check(sku, location, told, where)

    def _check(
        self, sku: str, location: str, told: Mapping[str, Any], where: str, promised: bool = False
    ) -> None:
        """Hold the position that an event tells against the sums; `promised`: and its safety."""
        own = self._positions[sku, location]
        place = f"{sku} at {location}"
        for figure in FIGURES:
            summed = getattr(own, figure)
            if told.get(figure, summed) != summed:
                detail = f"{place}: {figure} is told as {told[figure]}, the sum is {summed}"
                self._broken(f"{figure}_adds_up", where, detail)
            if summed < 0:
                self._broken("never_below_zero", where, f"{place}: {figure} is {summed}")
        if own.reserved + own.allocated > own.on_hand:
            detail = f"{place}: {own.reserved} + {own.allocated} of {own.on_hand}"
            self._broken("never_oversold", where, detail)
        if promised and own.on_hand - own.reserved - own.allocated < own.safety_stock:
            self._broken("safety_stock_kept", where, f"{place}: {own}")

    def feed_state(self, event: Event) -> None:
        """Take a record of inventory.state."""
        key = event.key
        if "|@" in key:
            return
        for kept in (self._stock_states, self._reservation_states, self.kit_states):
            kept.pop(key, None)
        match event.name:
            case "StockState":
                self._stock_states[key] = event.fields
            case "ReservationState":
                self._reservation_states[key] = event.fields
            case "KitState":
                self.kit_states[key] = event.fields

    def judge_state(self) -> None:
        """Hold the room's state, where the log has one, against the sums over its events."""
        if not self._stock_states:
            return
        self._judge_positions()
        waits: dict[str, dict[Line, Wait]] = defaultdict(dict)
        for (sku, *line), place in self.queued.items():
            waits[sku][line[0], line[1]] = place
        supplies: dict[str, dict[str, Supply]] = defaultdict(dict)
        for (sku, supply_id), supply in self._supplies.items():
            supplies[sku][supply_id] = supply
        for sku in sorted(self._stock_states.keys() | waits.keys() | supplies.keys()):
            state = self._stock_states.get(sku, {})
            told_waits = {
                (one["order_id"], one["line_id"]): Wait(one["quantity"], one["promised_at_ms"])
                for one in state.get("waiting", ())
            }
            self._same(sku, "waiting", told_waits, waits[sku])
            told_supplies = {
                one["supply_id"]: Supply(one["location_id"], one["quantity"], one["expected_at_ms"])
                for one in state.get("supplies", ())
            }
            self._same(sku, "expected", told_supplies, supplies[sku])
        told_held = {
            key: Held(
                state["sku"], state["location_id"], state["quantity"],
                state.get("allocated", False),
            )
            for key, state in self._reservation_states.items()
        }  # fmt: skip
        stand = {f"{held.sku}|{line[0]}|{line[1]}": held for line, held in self.held.items()}
        for key in sorted(stand.keys() | told_held.keys()):
            self._same(key, "reserved", told_held.get(key), stand.get(key))

    def _judge_positions(self) -> None:
        names = (*FIGURES, "safety_stock")
        own = {
            place: tuple(getattr(position, name) for name in names)
            for place, position in self._positions.items()
        }
        told = {
            (sku, one["location_id"]): tuple(one.get(name, 0) for name in names)
            for sku, state in self._stock_states.items()
            for one in state["positions"]
        }
        nothing = (0,) * len(names)
        for place in sorted(own.keys() | told.keys()):
            subject = f"{place[0]} at {place[1]}"
            self._same(subject, str(names), told.get(place, nothing), own.get(place, nothing))

    def _same(self, subject: str, what: str, state: object, events: object) -> None:
        if state != events:
            detail = f"{what}: {state} by the state, {events} by the events"
            self._broken("state_follows_events", subject, detail)

    def of_orders(self) -> dict[str, dict[str, Held]]:
        """What each order holds, by line."""
        return _by_order(self.held.items())

    def shipped_of_orders(self) -> dict[str, dict[str, Held]]:
        """What of each order has been shipped, by line."""
        return _by_order(self.shipped.items())

    def wanted(self, line: Mapping[str, Any]) -> list[dict[str, tuple[str, int]]]:
        """What may be held for an order line: its SKU, or all that its kit was made of once."""
        line_id, sku, quantity = line["line_id"], line["sku"], line["quantity"]
        return [
            {line_id: (sku, quantity)},
            *(
                {f"{line_id}/{part}": (part, pieces * quantity) for part, pieces in parts.items()}
                for parts in self.kits.get(sku, ())
            ),
        ]


def _line(told: Mapping[str, Any]) -> Line:
    return told["order_id"], told["line_id"]


def _by_order(lines: Iterable[tuple[Line, Held]]) -> dict[str, dict[str, Held]]:
    found: dict[str, dict[str, Held]] = defaultdict(dict)
    for (order_id, line_id), held in lines:
        found[order_id][line_id] = held
    return found
