"""What one account was told, on Kafka, and the log of attempts.

Guarantee: what a `write` has is there in full or not at all. Opening the book of an account fences
whoever has it open: two processes for one account do not both go on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from schemas import codec
from schemas.channel_stock import AvailabilityAttempted, AvailabilityPushed
from schemas.topics import AVAILABILITY_ATTEMPTS, AVAILABILITY_PUSHED

KAFKA_SECONDS = 30.0
READ_SECONDS = 120.0
READ_RECORDS = 10_000
TRANSACTION_MS = 60_000


class BookUnreadable(RuntimeError):
    """What an account was told could not be read in time."""


class Book(Protocol):
    """What the pusher needs of this module."""

    def open(self) -> dict[str, AvailabilityPushed]:
        """What was told last, by SKU."""

    def write(
        self, told: Sequence[AvailabilityPushed], attempts: Sequence[AvailabilityAttempted]
    ) -> None:
        """Keep it; it is durable then."""


class KafkaBook:
    """See Book. Methods raise KafkaException, and `open` BookUnreadable."""

    def __init__(
        self, bootstrap: str, account: str, kafka: Mapping[str, str | int] | None = None
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self._account = account
        self._common = {"log_level": 0, **(kafka or {}), "bootstrap.servers": bootstrap}
        self._producer = Producer(
            {
                **self._common,
                "transactional.id": f"millrace-availability-{account}",
                "transaction.timeout.ms": TRANSACTION_MS,
                "partitioner": "murmur2_random",
                "linger.ms": 0,
            }
        )

    def open(self) -> dict[str, AvailabilityPushed]:
        """See Book."""
        self._producer.init_transactions(KAFKA_SECONDS)
        # Read after the fence, so that nobody can add to it any more.
        consumer = Consumer(
            {
                **self._common,
                "group.id": "millrace-availability",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            return self._read(consumer)
        finally:
            consumer.close()

    def write(
        self, told: Sequence[AvailabilityPushed], attempts: Sequence[AvailabilityAttempted]
    ) -> None:
        """See Book."""
        self._producer.begin_transaction()
        for one in told:
            key = f"{one.account}|{one.sku}".encode()
            self._producer.produce(AVAILABILITY_PUSHED.name, codec.encode(one), key)
        for attempt in attempts:
            key = attempt.account.encode()
            self._producer.produce(AVAILABILITY_ATTEMPTS.name, codec.encode(attempt), key)
        self._producer.commit_transaction(KAFKA_SECONDS)

    def _read(self, consumer: Consumer) -> dict[str, AvailabilityPushed]:
        topic = AVAILABILITY_PUSHED.name
        partitions = consumer.list_topics(topic, timeout=KAFKA_SECONDS).topics[topic].partitions
        if not partitions:
            raise BookUnreadable(f"there is no topic {topic}; `millrace topics` makes it")
        consumer.assign([TopicPartition(topic, one, OFFSET_BEGINNING) for one in partitions])
        unread, prefix = set(partitions), f"{self._account}|".encode()
        found: dict[str, AvailabilityPushed] = {}
        deadline = time.monotonic() + READ_SECONDS
        while unread:
            if time.monotonic() > deadline:
                raise BookUnreadable(
                    f"what {self._account} was told could not be read in {READ_SECONDS:.0f} s"
                )
            first = consumer.poll(0.5)
            for message in [first, *consumer.consume(READ_RECORDS, 0)] if first else []:
                error, key, value = message.error(), message.key() or b"", message.value()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        unread.discard(message.partition() or 0)
                elif key.startswith(prefix) and value is not None:
                    record = codec.decode(value)
                    if isinstance(record, AvailabilityPushed):
                        found[record.sku] = record
        return found
