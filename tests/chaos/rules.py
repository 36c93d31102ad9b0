"""What must hold over all records of a pipeline that is quiet. No I/O, nothing of the project.

`audit(events)` is the whole; `Audit` is the same for events that come one at a time. Within one
partition they must come in offset order; between partitions any order does.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

VIOLATIONS_KEPT = 1_000
"""a broken pipeline breaks every order; the first thousand tell enough"""
DETAIL_CHARACTERS = 300

EVENT_TOPICS = ("orders.events", "inventory.events", "payments.events", "fulfillment.events")
OUTCOMES = ("OrderReleased", "OrderRefused", "OrderCancelled")

# What may stand in the log once, and by which fields it is known.
ONCE: dict[str, tuple[str, ...]] = {
    "OrderAuthorized": ("order_id",),
    "OrderBackordered": ("order_id", "attempt"),
    "AuthorizationRequested": ("order_id", "attempt", "inquiry"),
    "VoidRequested": ("order_id", "attempt"),
    "LocationsRanked": ("order_id", "attempt"),
    "FulfillmentOrderReleased": ("fulfillment_order_id",),
    "OrderRouted": ("order_id",),
    "FulfillmentCancelled": ("order_id",),
}
KEY_FIELD = {
    "orders.events": "order_id",
    "payments.events": "order_id",
    "inventory.events": "sku",
    "fulfillment.events": "order_id",
}


class Event(NamedTuple):
    """A committed record."""

    topic: str
    partition: int
    offset: int
    key: str
    name: str
    """of its schema; empty for a deletion, `?` for what cannot be read"""
    fields: dict[str, Any]


class Violation(NamedTuple):
    """A rule that is broken."""

    rule: str
    subject: str
    detail: str


@dataclass(slots=True)
class Report:
    """What an audit found."""

    records: dict[str, int]
    """committed records by topic"""
    events: dict[str, int]
    """committed records by name"""
    orders: dict[str, int]
    """orders by how they stand"""
    violations: int
    broken: list[Violation]
    """the first of them"""

    def add(self, rule: str, subject: str, detail: str) -> None:
        """Note a violation that was found beside the topics."""
        self.violations += 1
        self.broken.append(Violation(rule, subject, detail))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON knows it."""
        return {
            "records": self.records,
            "events": self.events,
            "orders": self.orders,
            "violations": self.violations,
            "broken": [violation._asdict() for violation in self.broken],
        }


@dataclass(slots=True)
class Order:
    """One order, as its events tell it."""

    placed: dict[str, Any] | None = None
    last: str = ""
    """name of its last event that was not a refused command"""
    seen: Counter[str] = field(default_factory=Counter)
    reserved_in_attempt: bool = False
    shipments_told: int = -1


@dataclass(slots=True)
class Position:
    """Stock of one SKU at one location, by the auditor's own sums."""

    on_hand: int = 0
    reserved: int = 0
    safety: int = 0


class Held(NamedTuple):
    """A reservation that stands."""

    sku: str
    location: str
    quantity: int


class Audit:
    """Takes events and keeps what is needed to judge them."""

    def __init__(
        self,
        sent: Mapping[str, str] | None = None,
        contract: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        """`sent`: order id by acknowledged raw_id. `contract`: names of records by topic."""
        self._sent = sent or {}
        self._contract = contract or {}
        self._found = 0
        self._kept: list[Violation] = []
        self._records: Counter[str] = Counter()
        self._names: Counter[str] = Counter()
        self._raw: set[str] = set()
        self._orders: dict[str, Order] = defaultdict(Order)
        self._positions: dict[tuple[str, str], Position] = defaultdict(Position)
        self._held: dict[tuple[str, str], Held] = {}
        self._paid: dict[str, Counter[str]] = defaultdict(Counter)
        self._authorized: dict[str, str] = {}
        self._shipments: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._routed: dict[str, int] = {}
        self._withdrawn: set[str] = set()
        self._once: set[tuple[Any, ...]] = set()
        self._homes: dict[tuple[str, str], int] = {}
        self._stock_states: dict[str, dict[str, Any]] = {}
        self._reservation_states: dict[str, dict[str, Any]] = {}

    def broken(self, rule: str, subject: str, detail: str) -> None:
        """Note a violation."""
        self._found += 1
        if len(self._kept) < VIOLATIONS_KEPT:
            self._kept.append(Violation(rule, subject, detail[:DETAIL_CHARACTERS]))

    def feed(self, event: Event) -> None:
        """Take the next record."""
        self._records[event.topic] += 1
        self._names[event.name or "deletion"] += 1
        where = f"{event.topic}[{event.partition}]@{event.offset}"
        if event.name == "?":
            self.broken("readable", where, str(event.fields.get("why")))
            return
        expected = self._contract.get(event.topic)
        if event.name and expected is not None and event.name not in expected:
            self.broken("of_the_contract", where, f"{event.name} does not belong on this topic")
        if event.topic.endswith(".dead-letter"):
            self.broken("dead_letters_empty", where, str(event.fields.get("cause", event.name)))
        elif event.topic == "channels.raw" and event.name:
            self._raw.add(event.fields["raw_id"])
        elif event.topic == "inventory.state":
            self._feed_inventory_state(event)
        elif event.topic in EVENT_TOPICS and event.name:
            self._feed_event(event, where)

    def _feed_event(self, event: Event, where: str) -> None:
        own = event.fields.get(KEY_FIELD[event.topic])
        if own is not None:
            if own != event.key:
                self.broken("keyed", where, f"key {event.key!r}, but {event.name} is of {own!r}")
            home = self._homes.setdefault((event.topic, event.key), event.partition)
            if home != event.partition:
                self.broken("one_partition_a_key", where, f"{event.key} was on {home} before")
        names = ONCE.get(event.name)
        if names is not None:
            mark = (event.name, *(event.fields[name] for name in names))
            if mark in self._once:
                self.broken("once", where, " ".join(map(str, mark)))
            self._once.add(mark)
        match event.topic:
            case "orders.events":
                self._feed_order(event)
            case "inventory.events":
                self._feed_stock(event, where)
            case "payments.events":
                self._feed_payment(event)
            case _:
                self._feed_fulfillment(event)

    def _feed_order(self, event: Event) -> None:
        name, order_id = event.name, event.fields["order_id"]
        if name == "OrderCommandRefused":
            return
        order = self._orders[order_id]
        order.seen[name] += 1
        if name == "OrderPlaced":
            if order.placed is not None:
                self.broken("placed_once", order_id, f"again at {event.partition}@{event.offset}")
            if order.last and order.placed is None:
                self.broken("placed_first", order_id, f"{order.last} came before OrderPlaced")
            order.placed = order.placed or event.fields
        elif order.placed is None:
            self.broken("placed_first", order_id, f"{name} without OrderPlaced")
        only_cancelled = order.last == "OrderReleased" and name == "OrderCancelled"
        if order.last in OUTCOMES and not only_cancelled:
            self.broken("one_outcome", order_id, f"{name} after {order.last}")
        if name == "OrderReserved":
            if order.reserved_in_attempt:
                self.broken("once", order_id, "OrderReserved twice in one attempt")
            order.reserved_in_attempt = True
        elif name == "OrderBackordered":
            order.reserved_in_attempt = False
        elif name == "OrderReleased":
            order.shipments_told = event.fields["shipments"]
        order.last = name

    def _feed_stock(self, event: Event, where: str) -> None:
        told = event.fields
        if event.name == "StockRefused":
            return
        if event.name == "StockSet":
            position = self._positions[told["sku"], told["location_id"]]
            position.on_hand, position.safety = told["on_hand"], told["safety_stock"]
            self._check_position(told["sku"], told["location_id"], told, where)
            return
        line = (told["order_id"], told["line_id"])
        sku, location, quantity = told["sku"], told["location_id"], told["quantity"]
        held = self._held.get(line)
        if event.name == "StockReserved":
            if held is not None:
                self.broken("reserved_once", where, f"{line} is held already: {held}")
            self._held[line] = Held(sku, location, quantity)
            self._positions[sku, location].reserved += quantity
            self._check_position(sku, location, told, where, promised=True)
        elif event.name == "StockReleased":
            if held != Held(sku, location, quantity):
                self.broken("released_as_held", where, f"{line} was held as {held}")
            self._held.pop(line, None)
            self._positions[sku, location].reserved -= quantity
            self._check_position(sku, location, told, where)
        elif event.name == "ReservationMoved":
            left = told["from_location_id"]
            if held != Held(sku, left, quantity):
                self.broken("released_as_held", where, f"{line} was held as {held}")
            self._held[line] = Held(sku, location, quantity)
            self._positions[sku, left].reserved -= quantity
            self._positions[sku, location].reserved += quantity
            before = {"on_hand": told["from_on_hand"], "reserved": told["from_reserved"]}
            self._check_position(sku, left, before, where)
            self._check_position(sku, location, told, where, promised=True)

    def _check_position(
        self, sku: str, location: str, told: Mapping[str, Any], where: str, promised: bool = False
    ) -> None:
        """Hold the position that an event tells against the sums; `promised`: and its safety."""
        own = self._positions[sku, location]
        place = f"{sku} at {location}"
        if told["reserved"] != own.reserved:
            detail = f"{place}: reserved is told as {told['reserved']}, the sum is {own.reserved}"
            self.broken("reserved_adds_up", where, detail)
        if told["on_hand"] != own.on_hand:
            detail = f"{place}: on hand is told as {told['on_hand']}, it was {own.on_hand}"
            self.broken("on_hand_adds_up", where, detail)
        if not 0 <= own.reserved <= own.on_hand:
            self.broken("never_oversold", where, f"{place}: {own.reserved} of {own.on_hand}")
        if promised and own.on_hand - own.reserved < own.safety:
            detail = f"{place}: {own.on_hand} − {own.reserved} is below {own.safety}"
            self.broken("safety_stock_kept", where, detail)

    def _feed_inventory_state(self, event: Event) -> None:
        states = self._reservation_states if "|" in event.key else self._stock_states
        if event.name:
            states[event.key] = event.fields
        else:
            states.pop(event.key, None)

    def _feed_payment(self, event: Event) -> None:
        order_id = event.fields["order_id"]
        if event.name == "PaymentAuthorized":
            if order_id in self._authorized:
                self.broken("authorized_once", order_id, "authorized without a void between")
            self._authorized[order_id] = event.fields["authorization_id"]
            self._paid[order_id][event.fields["currency"]] += event.fields["amount_minor"]
        elif event.name == "PaymentVoided":
            authorization = self._authorized.pop(order_id, None)
            if authorization is None:
                # What was withdrawn before it was authorized gives back nothing.
                if event.fields["amount_minor"] != 0:
                    self.broken("voided_as_authorized", order_id, "voided, never authorized")
            elif authorization != event.fields["authorization_id"]:
                told = event.fields["authorization_id"]
                detail = f"{told} is voided, {authorization} was authorized"
                self.broken("voided_as_authorized", order_id, detail)
            self._paid[order_id][event.fields["currency"]] -= event.fields["amount_minor"]

    def _feed_fulfillment(self, event: Event) -> None:
        if event.name == "FulfillmentOrderReleased":
            self._shipments[event.fields["order_id"]].append(event.fields)
        elif event.name == "OrderRouted":
            self._routed[event.fields["order_id"]] = event.fields["shipments"]
        elif event.name == "FulfillmentCancelled":
            self._withdrawn.add(event.fields["order_id"])

    def finish(self, rows: Mapping[str, tuple[int, int]] | None = None) -> Report:
        """Judge what can be judged only at the end.

        `rows`: for each topic, the rows in ClickHouse and how many distinct positions they have.
        """
        self._judge_senders()
        held: dict[str, dict[str, Held]] = defaultdict(dict)
        for (order_id, line_id), reservation in self._held.items():
            held[order_id][line_id] = reservation
        for order_id in sorted(self._orders.keys() | held.keys() | self._paid.keys()):
            self._judge_order(order_id, held.get(order_id, {}))
        for order_id in sorted(self._shipments.keys() - self._orders.keys()):
            self.broken("shipments_of_an_order", order_id, "fulfillment orders without an order")
        self._judge_inventory_state()
        if rows is not None:
            self._judge_rows(rows)
        return Report(
            dict(sorted(self._records.items())),
            dict(sorted(self._names.items())),
            dict(sorted(Counter(order.last for order in self._orders.values()).items())),
            self._found,
            self._kept,
        )

    def _judge_senders(self) -> None:
        for raw_id, order_id in self._sent.items():
            if raw_id not in self._raw:
                self.broken("acknowledged_is_kept", raw_id, f"{order_id}: not on channels.raw")
            # Looked up with get: asking a defaultdict would place the order.
            order = self._orders.get(order_id)
            if order is None or order.placed is None:
                self.broken("acknowledged_is_placed", order_id, f"no OrderPlaced for {raw_id}")
        for order_id, order in self._orders.items():
            if order.placed is not None and self._raw and order.placed["raw_id"] not in self._raw:
                self.broken("placed_from_raw", order_id, f"{order.placed['raw_id']} is unknown")

    def _judge_order(self, order_id: str, held: Mapping[str, Held]) -> None:
        order = self._orders.get(order_id)
        if order is None or order.placed is None:
            if held:
                self.broken("reserved_for_an_order", order_id, f"holds {dict(held)} unplaced")
            if any(self._paid.get(order_id, Counter()).values()):
                self.broken("paid_for_an_order", order_id, "authorized, never placed")
            return
        for name in OUTCOMES:
            if order.seen[name] > 1:
                self.broken("one_outcome", order_id, f"{name} {order.seen[name]} times")
        if order.last not in (*OUTCOMES, "OrderBackordered"):
            self.broken("one_outcome", order_id, f"none; the last event is {order.last}")
        self._judge_money(order_id, order, order.placed)
        self._judge_reservations(order_id, order, order.placed, held)
        self._judge_shipments(order_id, order, order.placed, held)

    def _judge_money(self, order_id: str, order: Order, placed: Mapping[str, Any]) -> None:
        paid = {code: sum_ for code, sum_ in self._paid.get(order_id, Counter()).items() if sum_}
        total = {placed["currency"]: placed["total_minor"]} if placed["total_minor"] else {}
        ended = order.last in ("OrderRefused", "OrderCancelled")
        allowed = [{}] if ended else [total] if order.last == "OrderReleased" else [{}, total]
        if paid not in allowed:
            detail = f"{order.last}, of {total}: authorized less voided is {paid}"
            self.broken("money_nets", order_id, detail)

    def _judge_reservations(
        self, order_id: str, order: Order, placed: Mapping[str, Any], held: Mapping[str, Held]
    ) -> None:
        if order.last in ("OrderRefused", "OrderCancelled"):
            if held:
                detail = f"{order.last}, but holds {sorted(held)}"
                self.broken("nothing_held_after_the_end", order_id, detail)
            return
        lines = {line["line_id"]: (line["sku"], line["quantity"]) for line in placed["lines"]}
        for line_id, reservation in held.items():
            if lines.get(line_id) != (reservation.sku, reservation.quantity):
                detail = f"{line_id}: {reservation}, ordered {lines.get(line_id)}"
                self.broken("reserved_as_ordered", order_id, detail)
        if order.last == "OrderReleased" and lines.keys() != held.keys():
            missing = sorted(lines.keys() - held.keys())
            self.broken("released_is_reserved", order_id, f"not reserved: {missing}")

    def _judge_shipments(
        self, order_id: str, order: Order, placed: Mapping[str, Any], held: Mapping[str, Held]
    ) -> None:
        shipments = self._shipments.get(order_id, [])
        if shipments:
            covered = Counter(line_id for part in shipments for line_id in part["line_ids"])
            if covered != Counter(line["line_id"] for line in placed["lines"]):
                detail = f"fulfillment orders cover {dict(covered)}"
                self.broken("lines_covered_once", order_id, detail)
            if self._routed.get(order_id) != len(shipments):
                told = self._routed.get(order_id)
                self.broken("shipments_add_up", order_id, f"{len(shipments)}, routed as {told}")
        if order.last == "OrderReleased":
            if not shipments:
                self.broken("lines_covered_once", order_id, "released, nothing to work on")
            if order.shipments_told != len(shipments):
                detail = f"{len(shipments)}, released as {order.shipments_told}"
                self.broken("shipments_add_up", order_id, detail)
            if order_id in self._withdrawn:
                self.broken("released_is_worked_on", order_id, "fulfillment was cancelled")
            for part in shipments:
                for line_id in part["line_ids"]:
                    if line_id in held and held[line_id].location != part["location_id"]:
                        detail = f"{line_id}: {part['location_id']}, held at {held[line_id]}"
                        self.broken("shipped_from_where_held", order_id, detail)
        elif shipments and order_id not in self._withdrawn:
            detail = f"{order.last}, but {len(shipments)} fulfillment orders stand"
            self.broken("nothing_shipped_after_the_end", order_id, detail)

    def _judge_inventory_state(self) -> None:
        """Hold the room's state, where the log has one, against the sums over its events."""
        for sku, state in self._stock_states.items():
            for told in state["positions"]:
                own = self._positions.get((sku, told["location_id"]), Position())
                stands = (told["on_hand"], told["reserved"], told["safety_stock"])
                if stands != (own.on_hand, own.reserved, own.safety):
                    detail = f"{told['location_id']}: state {stands}, events {own}"
                    self.broken("state_follows_events", sku, detail)
        if not self._stock_states:
            return
        stand = {f"{held.sku}|{line[0]}|{line[1]}" for line, held in self._held.items()}
        for key in sorted(stand ^ self._reservation_states.keys()):
            side = "events" if key in stand else "state"
            self.broken("state_follows_events", key, f"reserved only by the {side}")

    def _judge_rows(self, rows: Mapping[str, tuple[int, int]]) -> None:
        for topic in sorted(rows.keys() | {*EVENT_TOPICS} & self._records.keys()):
            count, unique = rows.get(topic, (0, 0))
            if count != unique:
                self.broken("rows_exactly_once", topic, f"{count} rows, {unique} positions")
            if unique != self._records[topic]:
                detail = f"{unique} positions in ClickHouse, {self._records[topic]} records"
                self.broken("rows_exactly_once", topic, detail)


def audit(
    events: Iterable[Event],
    sent: Mapping[str, str] | None = None,
    rows: Mapping[str, tuple[int, int]] | None = None,
    contract: Mapping[str, frozenset[str]] | None = None,
) -> Report:
    """Audit all events at once."""
    whole = Audit(sent, contract)
    for event in events:
        whole.feed(event)
    return whole.finish(rows)
