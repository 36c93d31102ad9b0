"""Proves a running system's stock: the ledger adds up, and the state is what it adds up to.

Both are read with read_committed while the rooms go on working. A room commits events and state
together, but no two partitions can be read at one moment; so the state that was read for a SKU is
compared with the sum after each further record of that SKU, until the two have met. Only where
nothing has moved for SETTLED_SECONDS and they still differ is it a difference.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from deploy.cluster import PATIENCE_SECONDS, Cluster, await_answer
from deploy.ledger import (
    Account,
    Difference,
    Ledger,
    Place,
    States,
    compared,
    counted,
    held_as_told,
)
from deploy.options import Unavailable
from deploy.records import partitions
from schemas import codec
from schemas.stock import StockSet
from schemas.topics import INVENTORY_EVENTS, INVENTORY_STATE, Topic

READ_RECORDS = 5_000
READ_SECONDS = 0.2
PAUSE_SECONDS = 0.2
SETTLED_SECONDS = 10.0
"""longer than the ends of one transaction are apart on two partitions"""
MEETING_SECONDS = 120.0
"""how long a SKU that never rests may take to meet its state"""

Advance = Callable[[int], None]


@dataclass(slots=True)
class Report:
    """What was found."""

    events: int = 0
    skus: int = 0
    positions: int = 0
    reservations: int = 0
    states: int = 0
    differences: int = 0
    first: Difference | None = None
    unmet: list[str] = field(default_factory=list)
    """SKUs that never rested and never met their state in time"""

    @property
    def proved(self) -> bool:
        """Everything adds up."""
        return not self.differences and not self.unmet

    def note(self, difference: Difference) -> None:
        """Count one; the first is kept."""
        self.differences += 1
        if self.first is None:
            self.first = difference


class Tail:
    """A topic from its first record on, further and further."""

    def __init__(self, cluster: Cluster, topic: Topic) -> None:
        """Raises Unavailable and KafkaException."""
        self.topic = topic.name
        self._cluster = cluster
        self._numbers = range(partitions(cluster, topic))
        self._consumer = cluster.consumer()
        await_answer(self._consumer)
        self._consumer.assign(
            [TopicPartition(self.topic, number, OFFSET_BEGINNING) for number in self._numbers]
        )
        self._next = dict.fromkeys(self._numbers, 0)
        """offsets that have been read to"""

    def ends(self) -> dict[int, int]:
        """Where each partition ends now, up to the first open transaction."""
        return {
            number: self._consumer.get_watermark_offsets(
                TopicPartition(self.topic, number), timeout=PATIENCE_SECONDS
            )[1]
            for number in self._numbers
        }

    @property
    def read(self) -> int:
        """Offsets that are behind us."""
        return sum(self._next.values())

    def to(self, ends: dict[int, int]) -> Iterator[Message]:
        """The records up to these ends, and some further ones. Raises KafkaException."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(self._next[number] < end for number, end in ends.items()):
            messages = self._consumer.consume(READ_RECORDS, READ_SECONDS)
            if messages:
                deadline = time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise Unavailable(f"Kafka does not answer; {self.topic} was not read to its end")
            for message in messages:
                error, number = message.error(), message.partition() or 0
                offset = message.offset() or 0
                if error is None:
                    self._next[number] = max(self._next[number], offset + 1)
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._next[number] = max(self._next[number], offset)
                else:
                    raise KafkaException(error)

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()


class Audit:
    """The ledger and the state, read side by side."""

    def __init__(self, cluster: Cluster) -> None:
        """Raises Unavailable and KafkaException where Kafka does not answer."""
        self.report = Report()
        self._ledger = Ledger()
        self._states = States()
        self._events = Tail(cluster, INVENTORY_EVENTS)
        self._state = Tail(cluster, INVENTORY_STATE)
        self._open: set[str] = set()
        """SKUs whose state has not met the sum yet"""

    def run(self, advance: Callable[[str, int, int], None] = lambda *_: None) -> Report:
        """Read everything and compare. `advance` is told what is read, how far, and of how much."""
        try:
            self._read_events(self._events.ends(), advance)
            self._check_holds()
            self._read_state(self._state.ends(), advance)
            self._open = {
                sku
                for sku in self._ledger.accounts.keys() | self._states.kept.keys()
                if self._differs(sku) is not None
            }
            self._meet()
            self._count()
            return self.report
        finally:
            self._events.close()
            self._state.close()

    def _read_events(self, ends: dict[int, int], advance: Callable[[str, int, int], None]) -> bool:
        """Whether a record came that is about a SKU which has not met its state."""
        whole, moved = sum(ends.values()), False
        for message in self._events.to(ends):
            sku = self._take(message)
            moved |= sku in self._open
            if sku in self._open and self._differs(sku) is None:
                self._open.discard(sku)
            if self._ledger.records % READ_RECORDS == 0:
                advance("events", self._events.read, whole)
        return moved

    def _take(self, message: Message) -> str:
        """Add one event to the sum; its SKU."""
        value = message.value() or b""
        place = Place(message.topic() or "", message.partition() or 0, message.offset() or 0)
        key = (message.key() or b"").decode(errors="replace")
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord as error:
            self.report.note(Difference(place, key, "", f"cannot be read: {error}"))
            return key
        if getattr(record, "sku", key) != key:
            what = f"is of SKU {getattr(record, 'sku', '')}, and has another key"
            self.report.note(Difference(place, key, "", what))
        says_previously = value.startswith(codec.mark(StockSet))
        for difference in self._ledger.take(place, record, says_previously):
            self.report.note(difference)
        return key

    def _check_holds(self) -> None:
        """The positions are the sums of the reservations: once, as every record kept it so."""
        for sku, account in self._ledger.accounts.items():
            for location_id, what in held_as_told(account):
                self.report.note(Difference(account.latest, sku, location_id, what))

    def _read_state(self, ends: dict[int, int], advance: Callable[[str, int, int], None]) -> bool:
        """Whether a record came that is about a SKU which has not met its state."""
        whole, moved = sum(ends.values()), False
        for message in self._state.to(ends):
            value = message.value()
            place = Place(message.topic() or "", message.partition() or 0, message.offset() or 0)
            key = (message.key() or b"").decode(errors="replace")
            try:
                record = None if value is None else codec.decode(value)
            except codec.UnreadableRecord as error:
                self.report.note(Difference(place, key, "", f"cannot be read: {error}"))
                continue
            moved |= self._states.take(place, key, record) in self._open
            if self._states.records % READ_RECORDS == 0:
                advance("state", self._state.read, whole)
        return moved

    def _differs(self, sku: str) -> Difference | None:
        account: Account | None = self._ledger.accounts.get(sku)
        return compared(sku, account, self._states.kept.get(sku))

    def _meet(self) -> None:
        """Go on until every SKU has met its state, or rests and differs."""
        rested_since = time.monotonic()
        until = rested_since + MEETING_SECONDS
        while self._open:
            # The sum first runs after the state that was read, then the state is read again.
            moved = self._read_events(self._events.ends(), lambda *_: None)
            moved |= self._read_state(self._state.ends(), lambda *_: None)
            self._open = {sku for sku in self._open if self._differs(sku) is not None}
            now = time.monotonic()
            if moved:
                rested_since = now
            if self._open and now - rested_since > SETTLED_SECONDS:
                break
            if now > until:
                self.report.unmet = sorted(self._open)
                return
            if self._open:
                time.sleep(PAUSE_SECONDS)
        found = [each for each in map(self._differs, sorted(self._open)) if each is not None]
        for difference in sorted(found, key=lambda each: each.place):
            self.report.note(difference)

    def _count(self) -> None:
        report = self.report
        report.events, report.states = self._ledger.records, self._states.records
        report.skus = len(self._ledger.accounts)
        report.positions, report.reservations = counted(self._ledger.accounts.values())
