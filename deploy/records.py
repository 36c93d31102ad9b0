"""Writes and reads whole topics for the commands of a person; not for the pipeline itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from schemas import codec
from schemas.records import Record
from schemas.topics import Topic

REACH_SECONDS = 5.0
DELIVERY_SECONDS = 20.0
READ_SECONDS = 60.0
LARGEST_BYTES = 25 * 1024 * 1024


class Unreachable(Exception):
    """The broker does not answer, or does not take what is sent."""


class Found(NamedTuple):
    """A record that can be read, and where it stands."""

    topic: str
    partition: int
    offset: int
    key: bytes
    record: Record


def _client(bootstrap: str) -> dict[str, str | int | bool]:
    return {"bootstrap.servers": bootstrap, "log_level": 0}


class Sender:
    """Sends records; `close` tells whether all are durable."""

    def __init__(self, bootstrap: str) -> None:
        """Ask the broker. Raises Unreachable."""
        self._bootstrap = bootstrap
        self._failures: list[str] = []
        self._producer = Producer(
            {
                **_client(bootstrap),
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": 5,
                "message.max.bytes": LARGEST_BYTES,
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
            }
        )
        try:
            self._producer.list_topics(timeout=REACH_SECONDS)
        except KafkaException:
            raise Unreachable(f"no Kafka broker answers at {bootstrap}") from None

    def send(self, topic: Topic, key: str, record: Record) -> None:
        """One record, to the partition of its key."""
        self.send_bytes(topic.name, key.encode(), codec.encode(record))

    def send_everywhere(self, topic: Topic, key: str, record: Record) -> None:
        """One record to every partition that the topic has."""
        value = codec.encode(record)
        for partition in range(topic.partitions):
            self.send_bytes(topic.name, key.encode(), value, partition)

    def send_bytes(self, topic: str, key: bytes, value: bytes, partition: int = -1) -> None:
        """One record as it is. Raises Unreachable."""
        deadline = time.monotonic() + DELIVERY_SECONDS
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered)
                self._producer.poll(0)
                return
            except BufferError:
                if time.monotonic() >= deadline:
                    raise Unreachable(f"Kafka at {self._bootstrap} takes no more") from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise Unreachable(f"Kafka at {self._bootstrap}: {error}") from None

    def flush(self) -> None:
        """Wait until everything is durable. Raises Unreachable."""
        left = self._producer.flush(DELIVERY_SECONDS)
        if left or self._failures:
            why = self._failures[0] if self._failures else "no answer"
            raise Unreachable(f"Kafka at {self._bootstrap} did not take everything: {why}")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failures.append(error.str())


def read_all(bootstrap: str, topics: Sequence[Topic]) -> Iterator[Found]:
    """Every committed record from the first to the end as of now. Raises Unreachable."""
    consumer = Consumer(
        {
            **_client(bootstrap),
            "group.id": "millrace-cli",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        try:
            known = consumer.list_topics(timeout=REACH_SECONDS).topics
        except KafkaException:
            raise Unreachable(f"no Kafka broker answers at {bootstrap}") from None
        open_ends = {
            (topic.name, partition)
            for topic in topics
            if topic.name in known
            for partition in known[topic.name].partitions
        }
        consumer.assign([TopicPartition(topic, number, 0) for topic, number in open_ends])
        deadline = time.monotonic() + READ_SECONDS
        while open_ends:
            message = consumer.poll(1.0)
            if message is None:
                if time.monotonic() >= deadline:
                    raise Unreachable(f"Kafka at {bootstrap} stopped answering")
                continue
            place = (message.topic() or "", message.partition() or 0)
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    open_ends.discard(place)
                elif error.fatal() or not error.retriable():
                    raise Unreachable(f"Kafka at {bootstrap}: {error.str()}")
                continue
            deadline = time.monotonic() + READ_SECONDS
            record = readable(message)
            if record is not None:
                yield Found(*place, message.offset() or 0, message.key() or b"", record)
    finally:
        consumer.close()


def read_one(bootstrap: str, topic: Topic, partition: int, offset: int) -> Record | None:
    """The record at one place; None where it is gone. Raises Unreachable."""
    consumer = Consumer(
        {
            **_client(bootstrap),
            "group.id": "millrace-cli",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": LARGEST_BYTES,
        }
    )
    try:
        consumer.assign([TopicPartition(topic.name, partition, offset)])
        deadline = time.monotonic() + 2 * REACH_SECONDS
        while time.monotonic() < deadline:
            message = consumer.poll(0.5)
            if message is None:
                continue
            if message.error() is not None:
                if message.error().code() == KafkaError._PARTITION_EOF:
                    return None
                continue
            return readable(message) if message.offset() == offset else None
        raise Unreachable(f"no Kafka broker answers at {bootstrap}")
    finally:
        consumer.close()


def readable(message: Message) -> Record | None:
    """The record, or None where the bytes are none of the contract's."""
    try:
        return codec.decode(message.value() or b"")
    except codec.UnreadableRecord:
        return None
