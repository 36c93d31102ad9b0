"""How many records the rooms have not decided yet."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.topics import ALL, CHANNELS_RAW

WORKERS = "millrace-workers"
INBOXES = tuple(topic for topic in ALL if topic is CHANNELS_RAW or topic.name.endswith(".commands"))
TIMEOUT_SECONDS = 5.0
PROBE_SECONDS = 1.0
MARKERS_MAX = 64
Place = tuple[str, int]


class PipelineLag:
    """Ends of the rooms' inboxes less what the workers have committed. One thread at a time."""

    def __init__(self, bootstrap: str, group: str = WORKERS) -> None:
        """Take a broker's address. Joins no group: it only asks for the group's offsets."""
        self._settled: dict[Place, tuple[int, int]] = {}
        self._consumer = Consumer(
            {
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
        places = [
            TopicPartition(topic.name, partition)
            for topic in INBOXES
            for partition in range(topic.partitions)
        ]
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
