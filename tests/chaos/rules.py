"""What must hold over all records of a pipeline that is quiet. No I/O, nothing of the project.

`audit(events)` is the whole; `Audit` is the same for events that come one at a time. Within one
partition they must come in offset order; between partitions any order does. What is about stock
stands in `tests/chaos/ledger.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.chaos import chain
from tests.chaos.books import Books
from tests.chaos.ledger import Event, Held, Ledger
from tests.chaos.money import Money, Sums
from tests.chaos.promises import Promises
from tests.chaos.purchases import Purchases
from tests.chaos.tables import AFTER, BESIDE, EVENT_TOPICS, KEY_FIELDS, ONCE, OUTCOMES
from tests.chaos.work import Work

VIOLATIONS_KEPT = 1_000
"""a broken pipeline breaks every order; the first thousand tell enough"""
DETAIL_CHARACTERS = 300


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
    waiting: int = 0
    """orders that wait for a person, because rules of routing do not let them go"""

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
            "waiting": self.waiting,
            "violations": self.violations,
            "broken": [violation._asdict() for violation in self.broken],
        }


@dataclass(slots=True)
class Order:
    """One order, as its events tell it."""

    placed: dict[str, Any] | None = None
    last: str = ""
    """name of its last event that was neither a refused command nor BESIDE"""
    seen: Counter[str] = field(default_factory=Counter)
    reserved_in_attempt: bool = False
    shipments_told: int = -1
    lines: list[dict[str, Any]] = field(default_factory=list)
    """as they are now"""
    routed: list[dict[str, Any]] = field(default_factory=list)
    """as they were when it was released"""
    total_minor: int = 0
    """as it is now"""
    was_more: bool = False
    """the total has been larger"""
    holds: set[str] = field(default_factory=set)
    queued: set[str] = field(default_factory=set)
    """holds of routing: it waits for a person"""
    fulfillment: str = ""
    sequence: int = 0
    digest: bytes = b""


def goods(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines that are reserved and shipped."""
    return [line for line in lines if line.get("kind", "goods") == "goods"]


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
        self._ledger = Ledger(self.broken)
        self._money = Money(self.broken)
        self._books = Books(self.broken)
        self._shipments: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._routed: dict[str, int] = {}
        self._withdrawn: set[str] = set()
        self._once: set[tuple[Any, ...]] = set()
        self._homes: dict[tuple[str, str], int] = {}
        self._shipped: dict[str, dict[str, Held]] = {}
        self._purchases = Purchases(self.broken)
        self._work = Work(self.broken)
        self._promises = Promises(self.broken)

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
        elif event.topic == "accounting.journal":
            self._books.feed(event.name, event.fields)
        elif event.topic == "inventory.state":
            self._ledger.feed_state(event)
        elif event.topic in EVENT_TOPICS and event.name:
            self._feed_event(event, where)

    def _feed_event(self, event: Event, where: str) -> None:
        names = KEY_FIELDS[event.topic]
        own = next((event.fields[name] for name in names if event.fields.get(name)), None)
        if own is not None:
            if own != event.key:
                self.broken("keyed", where, f"key {event.key!r}, but {event.name} is of {own!r}")
            home = self._homes.setdefault((event.topic, event.key), event.partition)
            if home != event.partition:
                self.broken("one_partition_a_key", where, f"{event.key} was on {home} before")
        known_by = ONCE.get(event.name)
        if known_by is not None:
            mark = (event.name, *(event.fields.get(name) for name in known_by))
            if mark in self._once:
                self.broken("once", where, " ".join(map(str, mark)))
            self._once.add(mark)
        match event.topic:
            case "orders.events":
                self._feed_order(event)
            case "inventory.events":
                self._ledger.feed(event, where)
            case "payments.events":
                if event.fields.get("order_id"):
                    self._money.feed(event.name, event.fields)
            case "accounting.events":
                self._books.feed(event.name, event.fields)
            case "purchasing.events":
                self._purchases.feed(event.name, event.fields, where)
            case "fulfillment.events":
                self._feed_fulfillment(event)

    def _feed_order(self, event: Event) -> None:
        name, told = event.name, event.fields
        order_id = told.get("order_id")
        if not order_id:
            return
        order = self._orders.get(order_id) or Order()
        if told.get("sequence"):
            self._judge_chain(order_id, order, event)
            self._orders[order_id] = order
        if name == "OrderCommandRefused":
            return
        self._orders[order_id] = order
        order.seen[name] += 1
        if name == "OrderPlaced":
            if order.placed is not None:
                self.broken("placed_once", order_id, f"again at {event.partition}@{event.offset}")
            if order.last and order.placed is None:
                self.broken("placed_first", order_id, f"{order.last} came before OrderPlaced")
            order.placed = order.placed or told
            order.lines, order.total_minor = told["lines"], told["total_minor"]
        elif order.placed is None:
            self.broken("placed_first", order_id, f"{name} without OrderPlaced")
        if order.last in OUTCOMES and name not in AFTER[order.last]:
            self.broken("one_outcome", order_id, f"{name} after {order.last}")
        self._follow(order_id, order, name, told)
        if name not in BESIDE:
            order.last = name

    def _follow(self, order_id: str, order: Order, name: str, told: Mapping[str, Any]) -> None:
        match name:
            case "OrderReserved":
                if order.reserved_in_attempt:
                    self.broken("once", order_id, "OrderReserved twice in one attempt")
                order.reserved_in_attempt = True
            case "OrderBackordered":
                order.reserved_in_attempt = False
            case "OrderReleased":
                order.shipments_told = told["shipments"]
                order.routed = order.lines
                if order.holds:
                    self.broken("held_is_not_released", order_id, f"held: {sorted(order.holds)}")
            case "OrderAmended":
                if order.total_minor + told["difference_minor"] != told["total_minor"]:
                    detail = f"{order.total_minor}, {told['difference_minor']} more or less"
                    self.broken("amended_by_the_difference", order_id, detail)
                order.was_more = order.was_more or told["difference_minor"] < 0
                order.lines, order.total_minor = told["lines"], told["total_minor"]
            case "OrderHeld":
                order.holds.add(told["hold_id"])
                if told.get("kind") == "routing":
                    order.queued.add(told["hold_id"])
                    if not told["reason"]:
                        self.broken("waits_with_a_reason", order_id, told["hold_id"])
            case "HoldEnded":
                if told["hold_id"] not in order.holds:
                    self.broken("held_before_it_ends", order_id, told["hold_id"])
                order.holds.discard(told["hold_id"])
                order.queued.discard(told["hold_id"])
            case "OrderShipped":
                order.fulfillment = told["fulfillment_status"]
                self._work.let_go(told)
            case "OrderRefunded":
                self._money.told_by_order(told)

    def _judge_chain(self, order_id: str, order: Order, event: Event) -> None:
        """Numbers without a gap, each event tied to the one before."""
        told = event.fields
        if told["sequence"] != order.sequence + 1:
            detail = f"{event.name} is number {told['sequence']} after {order.sequence}"
            self.broken("chained", order_id, detail)
        elif told["digest"] != chain.digest(order.digest, event.name, told):
            self.broken("chained", order_id, f"{event.name}, number {told['sequence']}")
        order.sequence, order.digest = told["sequence"], told["digest"]

    def _feed_fulfillment(self, event: Event) -> None:
        self._promises.feed(event.name, event.fields)
        if event.name == "FulfillmentOrderReleased":
            self._shipments[event.fields["order_id"]].append(event.fields)
            self._work.feed(event.name, event.fields)
        elif event.name == "OrderRouted":
            self._routed[event.fields["order_id"]] = event.fields["shipments"]
        elif event.name == "FulfillmentCancelled":
            self._withdrawn.add(event.fields["order_id"])
        else:
            self._work.feed(event.name, event.fields)

    def finish(self, rows: Mapping[str, tuple[int, int]] | None = None) -> Report:
        """Judge what can be judged only at the end.

        `rows`: for each topic, the rows in ClickHouse and how many distinct positions they have.
        """
        self._judge_senders()
        held = self._ledger.of_orders()
        self._shipped = self._ledger.shipped_of_orders()
        for order_id in sorted(self._orders.keys() | held.keys() | self._money.orders.keys()):
            self._judge_order(order_id, held.get(order_id, {}))
        for order_id in sorted(self._shipments.keys() - self._orders.keys()):
            self.broken("shipments_of_an_order", order_id, "fulfillment orders without an order")
        self._judge_waits()
        self._books.judge()
        self._ledger.judge_state()
        if rows is not None:
            self._judge_rows(rows)
        return Report(
            dict(sorted(self._records.items())),
            dict(sorted(self._names.items())),
            dict(sorted(Counter(order.last for order in self._orders.values()).items())),
            self._found,
            self._kept,
            sum(bool(order.queued) for order in self._orders.values()),
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
            if self._money.orders.get(order_id, Sums()).kept(with_gifts=False):
                self.broken("paid_for_an_order", order_id, "authorized, never placed")
            return
        for name in OUTCOMES:
            if order.seen[name] > 1:
                self.broken("one_outcome", order_id, f"{name} {order.seen[name]} times")
        if order.last not in (*OUTCOMES, "OrderBackordered") and not order.queued:
            self.broken("one_outcome", order_id, f"none; the last event is {order.last}")
        self._money.judge(order_id)
        self._judge_money(order_id, order, order.placed)
        self._judge_reservations(order_id, order, order.placed, held)
        self._judge_shipments(order_id, order, order.placed, held)
        self._work.judge(order_id)

    def _judge_money(self, order_id: str, order: Order, placed: Mapping[str, Any]) -> None:
        sums = self._money.orders.get(order_id, Sums())
        if order.last in ("OrderRefused", "OrderCancelled"):
            kept = sums.kept(with_gifts=False)
            if kept and not sums.failed:
                detail = f"{order.last}: authorized less voided and refunded is {kept}"
                self.broken("money_nets", order_id, detail)
            return
        kept = sums.kept(with_gifts=True)
        code, total = placed["currency"], {placed["currency"]: order.total_minor}
        total = total if order.total_minor else {}
        # What was authorized for more is captured for less, and only then the rest is given back.
        over = order.was_more and kept.keys() <= {code} and kept.get(code, 0) > order.total_minor
        if kept != total and not over and (kept or order.last == "OrderReleased"):
            detail = f"{order.last}, of {total}: authorized less voided and refunded is {kept}"
            self.broken("money_nets", order_id, detail)
        if sums.failed:
            return
        billed, taken = (
            self._books.billed[order_id, code],
            sums.captured[code] - sums.returned(code),
        )
        if billed != taken:
            detail = f"invoiced less credited {billed}, captured less refunded {taken} {code}"
            self.broken("billed_as_captured", order_id, detail)
        if order.fulfillment == "shipped" and kept != total:
            self.broken("shipped_is_paid", order_id, f"{kept} of {total}")
        if order.fulfillment == "shipped":
            taken = sums.captured[code] - sums.refunded[code] + sums.beside[code]
            if taken != order.total_minor:
                self.broken("shipped_is_paid", order_id, f"took {taken} of {order.total_minor}")

    def _judge_reservations(
        self, order_id: str, order: Order, placed: Mapping[str, Any], held: Mapping[str, Held]
    ) -> None:
        if order.last in ("OrderRefused", "OrderCancelled"):
            if held:
                detail = f"{order.last}, but holds {sorted(held)}"
                self.broken("nothing_held_after_the_end", order_id, detail)
            return
        served = {**self._shipped.get(order_id, {}), **held}
        wanted = [self._ledger.wanted(line) for line in goods(order.lines)]
        known = {
            line_id: one for line in wanted for parts in line for line_id, one in parts.items()
        }
        for line_id, reservation in served.items():
            pieces = (reservation.sku, reservation.quantity)
            if not any(parts.get(line_id) == pieces for line in wanted for parts in line):
                detail = f"{line_id}: {reservation}, ordered {known.get(line_id)}"
                self.broken("reserved_as_ordered", order_id, detail)
        if order.last == "OrderReleased":
            missing = [
                min(line[0])
                for line in wanted
                if not any(parts.keys() <= served.keys() for parts in line)
            ]
            if missing:
                self.broken("released_is_reserved", order_id, f"not reserved: {missing}")

    def _judge_waits(self) -> None:
        """No order that has its outcome waits for stock, nor does a part of it for the rest."""
        for sku, order_id, line_id in sorted(self._ledger.queued):
            order = self._orders.get(order_id)
            if order is None or order.placed is None:
                self.broken("queued_for_an_order", order_id, f"{line_id} waits for {sku}")
            elif order.last in OUTCOMES:
                detail = f"{order.last}, but {line_id} waits for {sku}"
                self.broken("nothing_queued_after_the_end", order_id, detail)
        for state in self._ledger.kit_states.values():
            order = self._orders.get(state["order_id"])
            if order is not None and order.last in ("OrderRefused", "OrderCancelled"):
                detail = f"{order.last}, but holds the kit {state['sku']}"
                self.broken("nothing_held_after_the_end", state["order_id"], detail)

    def _judge_shipments(
        self, order_id: str, order: Order, placed: Mapping[str, Any], held: Mapping[str, Held]
    ) -> None:
        shipments = self._shipments.get(order_id, [])
        if shipments:
            covered = Counter(line_id for part in shipments for line_id in part["line_ids"])
            lines = goods(order.routed or order.lines)
            if covered != Counter(line["line_id"] for line in lines):
                detail = f"fulfillment orders cover {dict(covered)}"
                self.broken("lines_covered_once", order_id, detail)
            if self._routed.get(order_id) != len(shipments):
                told = self._routed.get(order_id)
                self.broken("shipments_add_up", order_id, f"{len(shipments)}, routed as {told}")
        if order.last == "OrderReleased":
            if not shipments and goods(order.routed):
                self.broken("lines_covered_once", order_id, "released, nothing to work on")
            if order.shipments_told != len(shipments):
                detail = f"{len(shipments)}, released as {order.shipments_told}"
                self.broken("shipments_add_up", order_id, detail)
            if order_id in self._withdrawn:
                self.broken("released_is_worked_on", order_id, "fulfillment was cancelled")
            self._judge_places(order_id, shipments, order.routed, held)
        elif shipments and order_id not in self._withdrawn:
            detail = f"{order.last}, but {len(shipments)} fulfillment orders stand"
            self.broken("nothing_shipped_after_the_end", order_id, detail)

    def _judge_places(
        self,
        order_id: str,
        shipments: list[dict[str, Any]],
        lines: list[dict[str, Any]],
        held: Mapping[str, Held],
    ) -> None:
        """What is shipped, kits by their parts, is held where it is shipped from."""
        served = {**self._shipped.get(order_id, {}), **held}
        names = {
            line["line_id"]: {name for parts in self._ledger.wanted(line) for name in parts}
            for line in lines
        }
        for part in shipments:
            for line_id in part["line_ids"]:
                for name in sorted(names.get(line_id, {line_id}) & served.keys()):
                    place = self._work.place(order_id, line_id, part["location_id"])
                    if place and served[name].location != place:
                        detail = f"{name}: {place}, held at {served[name]}"
                        self.broken("shipped_from_where_held", order_id, detail)

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
