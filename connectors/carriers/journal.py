"""The tracker's side of Kafka: fulfillment.events in, commands and its own memory out.

Guarantee: `write` is one transaction. An earlier self that still believes it is alone is fenced by
`start`, and its transaction is over before anything is read.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from connectors.carriers.tracker import Round
from schemas import codec
from schemas.carriers import EventsFollowed, ShipmentFollowed
from schemas.records import Record
from schemas.topics import CARRIERS_SHIPMENTS, FULFILLMENT_COMMANDS, FULFILLMENT_EVENTS

KAFKA_SECONDS = 30.0
TRANSACTION_MS = 60_000
READ_RECORDS = 1_000
POSITION_SECONDS = 5.0
"""after which a position is written too that nothing has come of"""
TRANSACTIONAL_ID = "millrace-carriers"

log = logging.getLogger("millrace.carriers")


class Unready(RuntimeError):
    """What stands on Kafka could not be read."""


class KafkaJournal:
    """See connectors.carriers.tracker.Journal; of one thread."""

    def __init__(
        self,
        bootstrap: str,
        kafka: Mapping[str, str | int] | None = None,
        transactional_id: str = TRANSACTIONAL_ID,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        common: dict[str, str | int] = {
            "log_level": 0, **(kafka or {}), "bootstrap.servers": bootstrap,
        }  # fmt: skip
        self._producer = Producer(
            {
                **common,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_MS,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
            }
        )
        self._consumer = Consumer(
            {
                **common,
                "group.id": "millrace-carriers",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )
        self._positions: dict[int, int] = {}
        """next offset of each partition of fulfillment.events"""
        self._written: dict[int, int] = {}
        self._write_at = 0.0

    def followed(self) -> Sequence[ShipmentFollowed]:
        """See Journal. Raises Unready and KafkaException."""
        self._producer.init_transactions(KAFKA_SECONDS)
        found: dict[bytes, ShipmentFollowed] = {}
        for message in self._kept():
            key, value = message.key() or b"", message.value()
            record = codec.decode(value) if value is not None else None
            if isinstance(record, EventsFollowed):
                self._positions[record.partition] = record.offset
            elif isinstance(record, ShipmentFollowed):
                found[key] = record
            else:
                found.pop(key, None)
        self._written = dict(self._positions)
        self._consumer.assign(
            [
                TopicPartition(
                    FULFILLMENT_EVENTS.name, number, self._positions.get(number, OFFSET_BEGINNING)
                )
                for number in self._partitions(FULFILLMENT_EVENTS.name)
            ]
        )
        return list(found.values())

    def read(self, seconds: float) -> Sequence[Record]:
        """See Journal. Raises KafkaException."""
        first = self._consumer.poll(seconds)
        if first is None:
            return []
        events = []
        for message in [first, *self._consumer.consume(READ_RECORDS, 0)]:
            if not _is_record(message):
                continue
            number, offset = message.partition() or 0, message.offset() or 0
            self._positions[number] = offset + 1
            try:
                events.append(codec.decode(message.value() or b""))
            except codec.UnreadableRecord as error:
                log.error("%s[%d]@%d: %s", FULFILLMENT_EVENTS.name, number, offset, error)
        return events

    def write(self, changed: Round) -> None:
        """See Journal. Raises KafkaException and BufferError."""
        moved = {n: at for n, at in self._positions.items() if self._written.get(n) != at}
        nothing = not changed.commands and not changed.followed
        if nothing and (not moved or time.monotonic() < self._write_at):
            return
        self._producer.begin_transaction()
        for record in changed.commands:
            self._produce(FULFILLMENT_COMMANDS.name, record.order_id, record)
        for name, one in changed.followed.items():
            self._produce(CARRIERS_SHIPMENTS.name, name, one)
        for number, offset in moved.items():
            position = EventsFollowed(number, offset)
            self._produce(CARRIERS_SHIPMENTS.name, f"@{number}", position)
        self._producer.commit_transaction(KAFKA_SECONDS)
        self._written.update(moved)
        self._write_at = time.monotonic() + POSITION_SECONDS

    def close(self) -> None:
        """Let go of Kafka; what is not written is read again."""
        self._consumer.close()

    def _produce(self, topic: str, key: str, record: Record | None) -> None:
        value = None if record is None else codec.encode(record)
        self._producer.produce(topic, value, key.encode())

    def _kept(self) -> Iterator[Message]:
        """All of carriers.shipments as it is committed. Raises Unready."""
        topic = CARRIERS_SHIPMENTS.name
        unread = set(self._partitions(topic))
        self._consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in unread])
        deadline = time.monotonic() + KAFKA_SECONDS
        while unread:
            for message in self._consumer.consume(READ_RECORDS, 0.2):
                deadline = time.monotonic() + KAFKA_SECONDS
                if _is_record(message):
                    yield message
                elif _is_end(message.error()):
                    unread.discard(message.partition() or 0)
            if time.monotonic() > deadline:
                raise Unready(f"{topic} could not be read in {KAFKA_SECONDS:.0f} s")
        self._consumer.unassign()

    def _partitions(self, topic: str) -> list[int]:
        found = self._consumer.list_topics(topic, timeout=KAFKA_SECONDS).topics[topic].partitions
        if not found:
            raise Unready(f"there is no topic {topic}; `millrace topics` makes it")
        return sorted(found)


def _is_record(message: Message) -> bool:
    """It is one, and no end of a partition. Raises KafkaException."""
    error = message.error()
    if error is None:
        return True
    if not _is_end(error) and (error.fatal() or not error.retriable()):
        raise KafkaException(error)
    return False


def _is_end(error: KafkaError | None) -> bool:
    return error is not None and error.code() == KafkaError._PARTITION_EOF
