"""A topic into memory, from its first record on or from now on, and then as it goes on.

Guarantee: after `caught_up`, what is kept is what is committed, but for what is on its way from the
broker. It joins no group and commits nothing; a start reads the topic again. Idempotency key: the
record's; the later record wins, so that a duplicate changes nothing.

Crash-only: an error of Kafka that does not pass ends `run` with an exception, and a new start
reads everything again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import NamedTuple, Protocol

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from prometheus_client import Counter, Gauge

WAIT_SECONDS = 0.2
READ_RECORDS = 10_000
METADATA_SECONDS = 5.0
TOPIC_SECONDS = 1.0
"""Pause before it is asked again whether the topic is there."""


class Keeper(Protocol):
    """Where the records go. Only the follower's thread calls it, but for `len`."""

    def put(self, key: str, value: bytes | None) -> None:
        """Keep a record; None: there is none any more."""

    def sort(self) -> None:
        """All that was there at the start has been put."""

    def __len__(self) -> int:
        """How many things are kept."""


class Figures(NamedTuple):
    """What is measured of a follower, and what it is called."""

    name: str
    """of the program, in logs and to the broker"""
    things: str
    """what is kept, for people"""
    records: Counter
    kept: Gauge
    caught_up: Gauge


class TopicFollower:
    """Keeps a keeper. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        keeper: Keeper,
        topic: str,
        figures: Figures,
        *,
        kafka: Mapping[str, str | int] | None = None,
        from_beginning: bool = True,
    ) -> None:
        """Take a broker's address; `kafka` are further librdkafka settings.

        Raises KafkaException where librdkafka does not take them.
        """
        self._keeper = keeper
        self._topic = topic
        self._figures = figures
        self._from_beginning = from_beginning
        self._log = logging.getLogger(figures.name.replace("-", "."))
        self._unread: set[int] = set()
        """partitions that have not been read to where they ended at the start"""
        self._ends: dict[int, int] = {}
        self._caught_up = False
        self._failure: KafkaError | None = None
        self._consumer = Consumer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": figures.name,
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
        """What still has to be read before what is kept is to be believed; empty when it is."""
        if self._caught_up:
            return ""
        if not self._ends:
            return f"topic {self._topic} has not been found yet"
        count, left = len(self._keeper), len(self._unread)
        return f"{count} {self._figures.things} read; {left} partitions are not at their end"

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
                    self._figures.records.inc(sum(map(self._take, messages)))
                    self._figures.kept.set(len(self._keeper))
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
            self._log.warning("kafka: %s", error)
            return False
        if self._from_beginning:
            self._unread = {number for number, (low, high) in ends.items() if high > low}
        self._ends = {number: high for number, (_, high) in ends.items()}
        self._consumer.assign(
            [
                TopicPartition(
                    self._topic, number, OFFSET_BEGINNING if self._from_beginning else high
                )
                for number, high in self._ends.items()
            ]
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
        self._keeper.put((key or b"").decode(errors="replace"), value)
        if number in self._unread and (message.offset() or 0) >= self._ends[number] - 1:
            self._read_to_the_end(number)
        return 1

    def _read_to_the_end(self, number: int) -> None:
        self._unread.discard(number)
        self._settle()

    def _settle(self) -> None:
        if not self._unread and not self._caught_up:
            self._keeper.sort()
            self._caught_up = True
            self._figures.caught_up.set(1)
            self._log.info("caught up: %d %s", len(self._keeper), self._figures.things)

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
        else:
            self._log.warning("kafka: %s", error)
