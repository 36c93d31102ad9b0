"""inventory.levels into memory, from its first record on and then as it goes on.

Guarantee: after `caught_up`, the store is what is committed, but for what is on its way from the
broker. It joins no group and commits nothing; a start reads the topic again, which is compacted.
Idempotency key: the SKU; the later record wins, so that a duplicate changes nothing.

Crash-only: an error of Kafka that does not pass ends `run` with an exception, and a new start
reads everything again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from prometheus_client import Counter, Gauge

from connectors.levels.store import Store
from schemas.topics import INVENTORY_LEVELS

WAIT_SECONDS = 0.2
READ_RECORDS = 10_000
METADATA_SECONDS = 5.0
TOPIC_SECONDS = 1.0
"""Pause before it is asked again whether the topic is there."""

RECORDS = Counter("millrace_levels_records_total", "Records read from inventory.levels")
SKUS = Gauge("millrace_levels_skus", "SKUs in memory")
CAUGHT_UP = Gauge("millrace_levels_caught_up_ratio", "1 once what was there at the start is read")

log = logging.getLogger("millrace.levels")


class Follower:
    """Keeps a store. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        store: Store,
        *,
        kafka: Mapping[str, str | int] | None = None,
        topic: str = INVENTORY_LEVELS.name,
    ) -> None:
        """Take a broker's address; `kafka` are further librdkafka settings.

        Raises KafkaException where librdkafka does not take them.
        """
        self._store = store
        self._topic = topic
        self._unread: set[int] = set()
        """partitions that have not been read to where they ended at the start"""
        self._ends: dict[int, int] = {}
        self._caught_up = False
        self._failure: KafkaError | None = None
        self._consumer = Consumer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": "millrace-levels",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                # A fetch ends with the first record; this is how long one without any waits.
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 65_536,
                "error_cb": self._on_error,
            }
        )

    def waiting_for(self) -> str:
        """What still has to be read before the store is to be believed; empty when it is."""
        if self._caught_up:
            return ""
        if not self._ends:
            return f"topic {self._topic} has not been found yet"
        return f"{len(self._store)} SKUs read; {len(self._unread)} partitions are not at their end"

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set. Raises KafkaException."""
        consumer = self._consumer
        try:
            while not stop.is_set() and not self._assign():
                stop.wait(TOPIC_SECONDS)
            while not stop.is_set():
                # `consume` waits for the whole of its time unless it is filled; `poll` does not.
                first = consumer.poll(WAIT_SECONDS)
                if first is not None:
                    messages = [first, *consumer.consume(READ_RECORDS, 0)]
                    RECORDS.inc(sum(map(self._take, messages)))
                    SKUS.set(len(self._store))
                if self._failure is not None:
                    raise KafkaException(self._failure)
        finally:
            consumer.close()

    def _assign(self) -> bool:
        """Take every partition there is; False while there is no such topic, or no answer."""
        try:
            found = self._consumer.list_topics(self._topic, METADATA_SECONDS).topics[self._topic]
            if found.error is not None or not found.partitions:
                return False
            # As a read_committed consumer is told: up to the first open transaction.
            ends = {
                number: self._consumer.get_watermark_offsets(
                    TopicPartition(self._topic, number), timeout=METADATA_SECONDS
                )
                for number in found.partitions
            }
        except KafkaException as error:
            log.warning("kafka: %s", error)
            return False
        self._unread = {number for number, (low, high) in ends.items() if high > low}
        self._ends = {number: high for number, (_, high) in ends.items()}
        self._consumer.assign(
            [TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in ends]
        )
        self._settle()
        return True

    def _take(self, message: Message) -> int:
        """Keep one record; 0 where it is none."""
        error, number = message.error(), message.partition() or 0
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._read_to_the_end(number)
            elif error.fatal() or not error.retriable():
                raise KafkaException(error)
            return 0
        key, value = message.key(), message.value()
        self._store.put((key or b"").decode(errors="replace"), value)
        if number in self._unread and (message.offset() or 0) >= self._ends[number] - 1:
            self._read_to_the_end(number)
        return 1

    def _read_to_the_end(self, number: int) -> None:
        self._unread.discard(number)
        self._settle()

    def _settle(self) -> None:
        if not self._unread and not self._caught_up:
            self._store.sort()
            self._caught_up = True
            CAUGHT_UP.set(1)
            log.info("caught up: %d SKUs", len(self._store))

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
        else:
            log.warning("kafka: %s", error)
