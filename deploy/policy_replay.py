"""What another policy would have decided about recent orders: `millrace policy simulate`.

Orders are read from orders.commands as they came, each with the answer that the customers room gave
about it, if it was asked. The comparison is without I/O; its memory does not grow with the orders.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from confluent_kafka import TopicPartition

from deploy.cluster import PATIENCE_SECONDS, Cluster
from deploy.policy_tables import duration_ms
from deploy.records import messages, partitions
from schemas import codec
from schemas.orders import PlaceOrder, RecordAssessment
from schemas.policies import Action, Policy, PolicyState
from schemas.records import Record
from schemas.topics import ORDERS_COMMANDS
from schemas.totals import recomputed_total
from streams.orders.policy import Hold, Intake, asks_customers, intake

MAXIMUM_WAITING = 10_000
"""Orders whose assessment has not been read yet; the oldest then goes without."""
MAXIMUM_KNOWN = 200_000
"""Orders that are remembered, so that a repeat or an amendment is not counted again."""
EXAMPLES = 3
"""of each change"""

Advance = Callable[[int], None]


class Seen(NamedTuple):
    """A record of orders.commands, and when it came in."""

    record: Record
    at_ms: int


class Change(NamedTuple):
    """One thing that is decided differently."""

    kind: str
    """refused, taken, refused_otherwise, held, not_held, held_otherwise, waits, does_not_wait,
    priority or dispatch"""
    rule: str
    """rules that make the difference; empty where it is none with a name"""
    before: str
    after: str


class Difference(NamedTuple):
    """An order about which something is decided differently."""

    order: PlaceOrder
    changes: list[Change]


@dataclass(slots=True)
class Summary:
    """What a replay came to."""

    orders: int = 0
    different: int = 0
    unassessed: int = 0
    """of known customers, and never assessed: the rules about customers took them for unknown"""
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """by kind and rule"""
    examples: dict[str, list[Difference]] = field(default_factory=dict)
    """a few, by kind of change"""

    def count(self, difference: Difference) -> None:
        """Take a difference in."""
        self.different += 1
        for change in difference.changes:
            self.changes[change.kind, change.rule] += 1
        for kind in dict.fromkeys(change.kind for change in difference.changes):
            kept = self.examples.setdefault(kind, [])
            if len(kept) < EXAMPLES:
                kept.append(difference)


class Replay:
    """Compares two policies over orders, one after the other."""

    def __init__(self, before: Policy | None, after: Policy | None) -> None:
        """None: every order is taken as its channel says."""
        self._before = PolicyState(before, "", 0) if before is not None else None
        self._after = PolicyState(after, "", 0) if after is not None else None
        self._asks = asks_customers(self._before) or asks_customers(self._after)
        self._waiting: OrderedDict[str, Seen] = OrderedDict()
        self._known: OrderedDict[int, None] = OrderedDict()
        self.summary = Summary()

    def run(self, seen: Iterable[Seen]) -> Iterator[Difference]:
        """Every order about which something is decided differently; counted in `summary`."""
        for one in seen:
            record = one.record
            if isinstance(record, PlaceOrder):
                if self._is_new(record.order_id):
                    yield from self._placed(record, one)
            elif isinstance(record, RecordAssessment):
                asked = self._waiting.pop(record.order_id, None)
                if asked is not None:
                    yield from self._compared(asked, record)
        while self._waiting:
            yield from self._unassessed()

    def _is_new(self, order_id: str) -> bool:
        mark = hash(order_id)
        if mark in self._known:
            return False
        self._known[mark] = None
        if len(self._known) > MAXIMUM_KNOWN:
            self._known.popitem(last=False)
        return True

    def _placed(self, order: PlaceOrder, seen: Seen) -> Iterator[Difference]:
        if not self._asks or not order.customer_id:
            yield from self._compared(seen, None)
            return
        self._waiting[order.order_id] = seen
        if len(self._waiting) > MAXIMUM_WAITING:
            yield from self._unassessed()

    def _unassessed(self) -> Iterator[Difference]:
        _, oldest = self._waiting.popitem(last=False)
        self.summary.unassessed += 1
        yield from self._compared(oldest, None)

    def _compared(self, seen: Seen, assessment: RecordAssessment | None) -> Iterator[Difference]:
        order = seen.record
        assert isinstance(order, PlaceOrder)
        self.summary.orders += 1
        changes = compared(
            settled(intake(self._before, order, assessment, seen.at_ms), order),
            settled(intake(self._after, order, assessment, seen.at_ms), order),
        )
        if changes:
            difference = Difference(order, changes)
            self.summary.count(difference)
            yield difference


def settled(decided: Intake, order: PlaceOrder) -> Intake:
    """The decision with what follows from a total that differs from that of the lines."""
    difference = abs(recomputed_total(order) - order.total_minor)
    if decided.refused_by or difference <= decided.tolerance_minor:
        return decided
    hold = decided.mismatch_hold
    if decided.total_mismatch == Action.REFUSE:
        return decided._replace(refused_by=hold.rule)
    if decided.total_mismatch == Action.HOLD:
        return decided._replace(holds=(*decided.holds, hold))
    return decided


def compared(before: Intake, after: Intake) -> list[Change]:
    """What differs, the weightiest first; of a refused order only that."""
    if before.refused_by or after.refused_by:
        return list(_refusal(before.refused_by, after.refused_by))
    changes = list(_holding(before.holds, after.holds))
    if before.backorder != after.backorder:
        kind = "waits" if after.backorder else "does_not_wait"
        changes.append(Change(kind, "", _waits(before), _waits(after)))
    if before.priority != after.priority:
        changes.append(Change("priority", "", str(before.priority), str(after.priority)))
    if before.dispatch_by_ms != after.dispatch_by_ms:
        rule = after.cut_off or before.cut_off
        changes.append(Change("dispatch", rule, _dispatch(before), _dispatch(after)))
    return changes


def _refusal(before: str, after: str) -> Iterator[Change]:
    if before == after:
        return
    kind = "taken" if not after else "refused_otherwise" if before else "refused"
    yield Change(kind, after or before, before or "taken", after or "taken")


def _holding(before: tuple[Hold, ...], after: tuple[Hold, ...]) -> Iterator[Change]:
    if before == after:
        return
    kind = "not_held" if not after else "held_otherwise" if before else "held"
    rules = sorted({hold.rule for hold in set(before) ^ set(after)})
    yield Change(kind, ", ".join(rules), _holds(before), _holds(after))


def _holds(holds: tuple[Hold, ...]) -> str:
    return ", ".join(f"{hold.rule} ({hold.kind})" for hold in holds) or "not held"


def _waits(decided: Intake) -> str:
    return "waits for stock" if decided.backorder else "does not wait"


def _dispatch(decided: Intake) -> str:
    if not decided.dispatch_by_ms:
        return "no time"
    return f"{datetime.fromtimestamp(decided.dispatch_by_ms // 1000, UTC):%Y-%m-%d %H:%M} UTC"


def since_ms(text: str, now_ms: int) -> int:
    """`24h`, `3d`, a day (from its start, UTC) or a time. Raises ValueError."""
    back = duration_ms(text)
    if back:
        return max(0, now_ms - back)
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int(aware.timestamp()) * 1000)


class Recent:
    """The orders and assessments of orders.commands since a moment."""

    def __init__(self, cluster: Cluster, since: int) -> None:
        """Raises KafkaException and Unavailable."""
        self._cluster = cluster
        topic = ORDERS_COMMANDS
        numbers = range(partitions(cluster, topic))
        consumer = cluster.consumer()
        try:
            asked = [TopicPartition(topic.name, number, since) for number in numbers]
            found = consumer.offsets_for_times(asked, timeout=PATIENCE_SECONDS)
            ends = {
                place.partition: consumer.get_watermark_offsets(
                    TopicPartition(topic.name, place.partition), timeout=PATIENCE_SECONDS
                )[1]
                for place in found
            }
        finally:
            consumer.close()
        self._starts = {
            place.partition: place.offset if place.offset >= 0 else ends[place.partition]
            for place in found
        }
        self.total = sum(end - self._starts[number] for number, end in ends.items())
        """offsets to read; some of them are no records"""

    def read(self, advance: Advance) -> Iterator[Seen]:
        """In order within a partition; `advance` is told how many offsets are read."""
        places = [
            TopicPartition(ORDERS_COMMANDS.name, number, start)
            for number, start in self._starts.items()
        ]
        others = {
            codec.mark(kind)
            for kind in ORDERS_COMMANDS.values
            if kind not in (PlaceOrder, RecordAssessment)
        }
        done = dict.fromkeys(self._starts, 0)
        for message in messages(self._cluster, places):
            number, offset = message.partition() or 0, message.offset() or 0
            done[number] = offset + 1 - self._starts[number]
            advance(sum(done.values()))
            value = message.value() or b""
            if value[: codec.HEADER_BYTES] in others:
                continue
            try:
                record = codec.decode(value)
            except codec.UnreadableRecord:
                continue
            yield Seen(record, message.timestamp()[1])
