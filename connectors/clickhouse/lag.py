"""How many records the rooms have not decided yet."""

from __future__ import annotations

import time
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.topics import ALL, CHANNELS_RAW

WORKERS = "millrace-workers"
INBOXES = tuple(topic for topic in ALL if topic is CHANNELS_RAW or topic.name.endswith(".commands"))
TIMEOUT_SECONDS = 5.0
PARTITIONS_SECONDS = 30.0
"""How long it is good how many partitions Kafka said there are."""
PROBE_SECONDS = 1.0
MARKERS_MAX = 64
Place = tuple[str, int]


class PipelineLag:
    """Ends of the rooms' inboxes less what the workers have committed. One thread at a time."""

    def __init__(
        self,
        bootstrap: str,
        group: str = WORKERS,
        *,
        kafka: Mapping[str, str | int] | None = None,
    ) -> None:
        """Take a broker's address. Joins no group: it only asks for the group's offsets.

        `kafka` are further librdkafka settings, such as security.protocol. Raises KafkaException
        where librdkafka does not take them.
        """
        self._settled: dict[Place, tuple[int, int]] = {}
        self._places: list[Place] = []
        self._places_until = 0.0
        self._consumer = Consumer(
            {
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                # The broker answers in turn: a fetch that waits would hold up the next call.
                "fetch.wait.max.ms": 10,
                "max.partition.fetch.bytes": 65_536,
                "queued.max.messages.kbytes": 1_024,
            }
        )

    def __call__(self) -> int:
        """Records that wait. Raises KafkaException when the broker does not answer."""
        places = [TopicPartition(*place) for place in self._inboxes()]
        waiting: dict[Place, int] = {}
        doubtful: dict[Place, tuple[int, int]] = {}
        for each in self._consumer.committed(places, timeout=TIMEOUT_SECONDS):
            if each.error is not None:
                raise KafkaException(each.error)
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(each.topic, each.partition), timeout=TIMEOUT_SECONDS
            )
            place, committed = (each.topic, each.partition), max(each.offset, low)
            if self._settled.get(place) == (committed, high):
                continue
            waiting[place] = max(0, high - committed)
            if 0 < high - committed <= MARKERS_MAX:
                doubtful[place] = (committed, high)
        if doubtful:
            for place in self._only_markers(doubtful):
                self._settled[place] = doubtful[place]
                del waiting[place]
        return sum(waiting.values())

    def _inboxes(self) -> list[Place]:
        """Every partition of the inboxes.

        As many as Kafka has: the contract's number is the one with which they would be made.
        """
        if time.monotonic() >= self._places_until:
            found = []
            for topic in INBOXES:
                told = self._consumer.list_topics(topic.name, timeout=TIMEOUT_SECONDS)
                error = told.topics[topic.name].error
                if error is not None:
                    raise KafkaException(error)
                found += [(topic.name, number) for number in told.topics[topic.name].partitions]
            self._places, self._places_until = found, time.monotonic() + PARTITIONS_SECONDS
        return self._places

    def _only_markers(self, doubtful: dict[Place, tuple[int, int]]) -> list[Place]:
        """Where the offsets up to the end are ends of transactions, which nobody decides."""
        unanswered, found = set(doubtful), []
        self._consumer.assign(
            [TopicPartition(*place, committed) for place, (committed, _) in doubtful.items()]
        )
        try:
            until = time.monotonic() + PROBE_SECONDS
            while unanswered and time.monotonic() < until:
                for message in self._consumer.consume(MARKERS_MAX, PROBE_SECONDS / 20):
                    place = (message.topic() or "", message.partition() or 0)
                    if place not in unanswered:
                        continue
                    unanswered.remove(place)
                    error = message.error()
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        found.append(place)
        finally:
            self._consumer.unassign()
        return found

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()
