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
            }
        )

    def __call__(self) -> int:
        """Records that wait. Raises KafkaException when the broker does not answer."""
        places = [
            TopicPartition(topic.name, partition)
            for topic in INBOXES
            for partition in range(topic.partitions)
        ]
        waiting = 0
        for each in self._consumer.committed(places, timeout=TIMEOUT_SECONDS):
            if each.error is not None:
                raise KafkaException(each.error)
            low, high = self._consumer.get_watermark_offsets(
                TopicPartition(each.topic, each.partition), timeout=TIMEOUT_SECONDS
            )
            committed = max(each.offset, low)
            behind = high - committed
            if 0 < behind <= MARKERS_MAX and self._only_markers(each, committed, high):
                behind = 0
            waiting += max(0, behind)
        return waiting

    def _only_markers(self, each: TopicPartition, committed: int, high: int) -> bool:
        """Whether the offsets up to `high` are ends of transactions, which nobody decides."""
        place = (each.topic, each.partition)
        if self._settled.get(place) == (committed, high):
            return True
        self._consumer.assign([TopicPartition(each.topic, each.partition, committed)])
        try:
            until = time.monotonic() + PROBE_SECONDS
            while time.monotonic() < until:
                message = self._consumer.poll(PROBE_SECONDS / 10)
                if message is None:
                    continue
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    self._settled[place] = (committed, high)
                    return True
                return False
            return False
        finally:
            self._consumer.unassign()

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()
