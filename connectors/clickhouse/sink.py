"""Kafka to ClickHouse: every event, rejected payload and dead letter as one row, exactly once.

Idempotency key: topic, partition and offset. A block, consecutive records of one partition, is
inserted in one atomic insert, and its bounds are known to Kafka before it is:

    intent   commit offset `first` with the metadata `last`; a commit of a consumer that lost the
             partition fails, and with it the process
    insert   the block that runs from `first` to `last`
    next     the next block's intent, or, when there is nothing to read, `last` + 1 alone

What an assignment finds is therefore the last intent. The sink reads exactly that block again and
asks the table how many of its rows are there: none, and it inserts; all, and it goes on behind
them; anything else cannot be, and is an error. The rows of the current tables are written before
the block and replace themselves, so that a repeat of them changes nothing.

Crash-only: an error of Kafka or ClickHouse ends `run` with an exception, and a new start goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Counter, Histogram

from connectors.clickhouse.rows import Block, Columns, Entry, merged, rows
from schemas.topics import (
    ALL,
    CHANNELS_REJECTED,
    EVENT_TOPICS,
)

GROUP = "millrace-clickhouse"
TOPICS = tuple(
    topic.name
    for topic in ALL
    if topic in EVENT_TOPICS or topic is CHANNELS_REJECTED or topic.name.endswith(".dead-letter")
)
FLUSH_SECONDS = 0.5
POLL_SECONDS = 0.1
BLOCK_ROWS_MAX = 20_000
BLOCK_BYTES_MAX = 16 * 2**20
ROUND_ROWS_MAX = 100_000
CONSUME_MAX = 10_000
SESSION_MS = 10_000
KAFKA_SECONDS_MAX = 30.0
STUCK_SECONDS = 60.0
"""A round that takes longer is no round that somebody should wait for."""
COUNT = (
    "SELECT count() AS rows FROM events WHERE _topic = {topic:String}"
    " AND _partition = {partition:Int32} AND _offset BETWEEN {first:Int64} AND {last:Int64}"
)

ROWS = Counter("millrace_clickhouse_rows_inserted_total", "Rows inserted", ["topic"])
BLOCKS = Counter("millrace_clickhouse_blocks_total", "Blocks inserted")
RECOVERED = Counter(
    "millrace_clickhouse_recovered_blocks_total", "Blocks found after a crash", ["outcome"]
)
FLUSH = Histogram("millrace_clickhouse_flush_seconds", "Writing one round of blocks")

log = logging.getLogger(__name__)
Place = tuple[str, int]


class SinkError(Exception):
    """The table and the log disagree, or Kafka failed for good; a person or a restart helps."""


class Store(Protocol):
    """What the sink needs of a database."""

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows by column name."""

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str = "") -> None:
        """Insert one block."""


class Sink:
    """One member of the group. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        database: Store,
        instance_id: str,
        *,
        group: str = GROUP,
        topics: Sequence[str] = TOPICS,
        block_rows_max: int = BLOCK_ROWS_MAX,
        kafka: Mapping[str, str | int] | None = None,
    ) -> None:
        """Take a broker's address; `instance_id` is the same after a restart.

        `kafka` are further librdkafka settings, such as security.protocol. Raises KafkaException
        where librdkafka does not take them.
        """
        self._database = database
        self._topics = list(topics)
        self._block_rows_max = block_rows_max
        self._read: dict[Place, list[Entry]] = {}
        self._intents: dict[Place, int] = {}
        self._unsettled: dict[Place, int] = {}
        self._joined = False
        self._unproven: set[Place] = set()
        """assigned, with no block written and no end seen since then"""
        self._turned_at = time.monotonic()
        self._failure: Exception | None = None
        """what went wrong in a callback; it is raised after the call that ran the callback"""
        self._consumer = Consumer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "group.instance.id": instance_id,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "range",
                "session.timeout.ms": SESSION_MS,
                "queued.max.messages.kbytes": 65_536,
                "topic.metadata.refresh.interval.ms": 5_000,
                "error_cb": self._on_error,
            }
        )

    def run(self, stop: threading.Event) -> None:
        """Read and insert until `stop` is set. Raises what Kafka or ClickHouse raised."""
        consumer = self._consumer
        try:
            consumer.subscribe(
                self._topics, on_assign=self._assigned, on_revoke=self._gone, on_lost=self._gone
            )
            while not stop.is_set():
                self._turned_at = time.monotonic()
                self._gather(stop)
                self._flush()
            self._settle()
        finally:
            consumer.close()

    def waiting_for(self) -> str:
        """What still has to happen before this sink does its work; empty when it does.

        It does when the group has given it its partitions, and of each a block has been written or
        there was none to write. Any thread may ask.
        """
        if not self._joined:
            return "the sink is joining the group"
        if self._unproven:
            return f"the sink has not come round to {len(self._unproven)} of its partitions"
        took = time.monotonic() - self._turned_at
        return f"the sink has been writing for {took:.0f} s" if took > STUCK_SECONDS else ""

    def _gather(self, stop: threading.Event) -> None:
        """Read until there is a round's worth of records, or it is time to write."""
        until = time.monotonic() + FLUSH_SECONDS
        gathered = sum(map(len, self._read.values()))
        while gathered < ROUND_ROWS_MAX and not stop.is_set():
            remaining = until - time.monotonic()
            if remaining <= 0:
                return
            messages = self._consumer.consume(CONSUME_MAX, min(POLL_SECONDS, remaining))
            for message in messages:
                gathered += self._take(message)
            if self._failure is not None:
                raise self._failure

    def _take(self, message: Message) -> int:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._ended((message.topic() or "", message.partition() or 0))
                return 0
            # A topic that is not there yet is found when it has been made.
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART or (
                error.retriable() and not error.fatal()
            ):
                return 0
            raise KafkaException(error)
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        assert topic is not None and partition is not None and offset is not None
        entries = self._read.get((topic, partition))
        if entries is None:  # revoked while it was on its way
            return 0
        entries.append(Entry(offset, message.timestamp()[1], message.value()))
        return 1

    def _ended(self, place: Place) -> None:
        """There is nothing more to read now. What has been read proves itself when written."""
        if not self._read.get(place) and place not in self._intents:
            self._unproven.discard(place)

    def _flush(self) -> None:
        """Write what has been read: first the block that was in flight at a crash, if any."""
        for place, last in list(self._intents.items()):
            entries = self._read[place]
            if not entries or entries[-1].offset < last:
                continue
            count = next(i for i, entry in enumerate(entries) if entry.offset >= last) + 1
            block = Block(*place, entries[:count])
            if block.last != last:
                raise SinkError(f"{place}: the block that ended at {last} is no longer on Kafka")
            self._recover(block)
            self._read[place] = entries[count:]
            del self._intents[place]
            self._wrote(place, last)
        blocks = [
            Block(*place, entries[: _cut(entries, self._block_rows_max)])
            for place, entries in self._read.items()
            if entries and place not in self._intents
        ]
        if not blocks:
            self._settle()
            return
        with FLUSH.time():
            self._commit([_intent(block) for block in blocks])
            for block in blocks:
                self._read[block.topic, block.partition] = self._read[block.topic, block.partition][
                    len(block.entries) :
                ]
            self._write(blocks)
        for block in blocks:
            self._wrote((block.topic, block.partition), block.last)

    def _wrote(self, place: Place, last: int) -> None:
        self._unsettled[place] = last + 1
        self._unproven.discard(place)

    def _write(self, blocks: list[Block]) -> None:
        made = [rows(block) for block in blocks]
        self._upsert("orders_current", merged(each.orders for each in made))
        self._upsert("holds_current", merged(each.holds for each in made))
        self._upsert("stock_current", merged(each.stock for each in made))
        self._upsert("allocated_current", merged(each.allocated for each in made))
        self._upsert("safety_stock_current", merged(each.safety_stock for each in made))
        for block, each in zip(blocks, made, strict=True):
            self._database.insert("events", each.events, block.token)
            BLOCKS.inc()
            ROWS.labels(block.topic).inc(len(block.entries))

    def _upsert(self, table: str, columns: Columns) -> None:
        if columns and columns["_offset"]:
            self._database.insert(table, columns)

    def _recover(self, block: Block) -> None:
        """Insert the block of an intent, unless it is there.

        ClickHouse writes its deduplication log before the part itself is in place. After a crash
        between the two it swallows the insert although no row is there, hence the second token.
        """
        expected = len(block.entries)
        found = self._count(block)
        if found not in (0, expected):
            raise SinkError(f"{block.token}: {found} of {expected} rows are in the table")
        if found == expected:
            RECOVERED.labels("present").inc()
            return
        self._write([block])
        if self._count(block) == 0:
            log.warning("%s: deduplicated although absent, inserting it again", block.token)
            self._database.insert("events", rows(block).events, f"{block.token}:again")
        if self._count(block) != expected:
            raise SinkError(f"{block.token}: the table does not take its {expected} rows")
        RECOVERED.labels("inserted").inc()

    def _count(self, block: Block) -> int:
        answer = self._database.query(
            COUNT,
            {
                "topic": block.topic,
                "partition": block.partition,
                "first": block.first,
                "last": block.last,
            },
        )
        return int(answer[0]["rows"])

    def _settle(self) -> None:
        """Say that nothing is in flight, so that the group's lag can be read."""
        if self._unsettled:
            self._commit(
                [TopicPartition(*place, offset) for place, offset in self._unsettled.items()]
            )
            self._unsettled.clear()

    def _commit(self, offsets: list[TopicPartition]) -> None:
        answered = self._consumer.commit(offsets=offsets, asynchronous=False)
        for each in answered or []:
            if each.error is not None:
                raise KafkaException(each.error)

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Nothing is raised through librdkafka.

        confluent-kafka hands a KafkaException on as an object that is no BaseException: it passes
        every handler, and the process would stay without its sink.
        """
        try:
            self._take_over(consumer, partitions)
        except Exception as error:
            self._failure = error

    def _take_over(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._forget()
        for each in consumer.committed(partitions, timeout=KAFKA_SECONDS_MAX):
            if each.error is not None:
                raise KafkaException(each.error)
            place = (each.topic, each.partition)
            self._read[place] = []
            if each.metadata:
                self._intents[place] = int(each.metadata)
        self._unproven = set(self._read)
        self._joined = True

    def _gone(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._forget()

    def _forget(self) -> None:
        """With the range strategy a rebalance takes and gives all partitions at once."""
        self._joined = False
        self._read.clear()
        self._intents.clear()
        self._unsettled.clear()
        self._unproven.clear()

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = KafkaException(error)
        else:
            log.warning("kafka: %s", error)


def _cut(entries: Sequence[Entry], rows_max: int) -> int:
    """How many records the next block has: one at least, and no more than one part can hold."""
    size = 0
    for index, entry in enumerate(entries[:rows_max]):
        size += len(entry.value or b"")
        if size > BLOCK_BYTES_MAX:
            return max(1, index)
    return min(len(entries), rows_max)


def _intent(block: Block) -> TopicPartition:
    return TopicPartition(block.topic, block.partition, block.first, metadata=str(block.last))
