"""Reads and writes records for the commands. Raises KafkaException and Unavailable."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from deploy.cluster import PATIENCE_SECONDS, Cluster, await_answer
from deploy.options import Unavailable
from schemas import codec
from schemas.messages import Send
from schemas.partitions import partition_of
from schemas.records import Record
from schemas.topics import Topic

BY_KEY = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner decides."""
READ_SECONDS = 0.2
"""How long a read waits to fill; without it every topic costs the whole patience."""
READ_RECORDS = 1_000
FULL_SECONDS = 0.1


class Place(NamedTuple):
    """Where a record lies."""

    topic: str
    partition: int
    offset: int


class Found(NamedTuple):
    """A record and where it lies."""

    place: Place
    key: bytes
    record: Record


def send(cluster: Cluster, sends: Iterable[Send], sent: Callable[[], object] = lambda: None) -> int:
    """Write records to their topics and return how many are durable. Raises Unavailable.

    Stops at the first one that Kafka does not take: what follows it would not be taken either.
    """
    failures: list[str] = []
    done = 0

    def delivered(error: KafkaError | None, _message: object) -> None:
        nonlocal done
        if error is not None:
            failures.append(error.str())
        else:
            done += 1
            sent()

    producer = cluster.producer()
    for topic, key, record, partition in sends:
        place = BY_KEY if partition is None else partition
        _queue(producer, topic.name, key.encode(), codec.encode(record), place, delivered)
        producer.poll(0)
        if failures:
            break
    left = flush(producer)
    if failures or left:
        raise Unavailable(
            f"Kafka at {cluster.brokers} took {done} records, and then no more:"
            f" {failures[0] if failures else 'no answer in time'}"
        )
    return done


def _queue(
    producer: Producer,
    topic: str,
    key: bytes,
    value: bytes,
    partition: int,
    delivered: Callable[[KafkaError | None, object], None],
) -> None:
    """Bounded by the delivery timeout: what is queued ends, well or not, and makes room."""
    while True:
        try:
            producer.produce(topic, value, key, partition, on_delivery=delivered)
            return
        except BufferError:
            producer.poll(FULL_SECONDS)


def flush(producer: Producer) -> int:
    """Wait for what is in flight, in steps between which Ctrl-C is heard; return what is left."""
    deadline = time.monotonic() + PATIENCE_SECONDS + 1
    left = producer.flush(0)
    while left and time.monotonic() < deadline:
        left = producer.flush(0.5)
    return left


def read(cluster: Cluster, topics: Sequence[Topic]) -> Iterator[Found]:
    """Every record that is committed on the topics now; in order within a partition."""
    places = [
        TopicPartition(topic.name, number, 0)
        for topic in topics
        for number in range(partitions(cluster, topic))
    ]
    yield from read_from(cluster, places)


def partitions(cluster: Cluster, topic: Topic) -> int:
    """How many partitions a topic has. Raises Unavailable when there is no such topic.

    Asked of Kafka: the contract's number is the one with which it would be made.
    """
    admin = cluster.admin()
    await_answer(admin)
    found = admin.list_topics(topic.name, timeout=PATIENCE_SECONDS).topics[topic.name]
    if found.error is not None:
        _end_or_raise(found.error, topic.name)
    return len(found.partitions)


def beginnings(
    cluster: Cluster, topic: Topic, keys: Collection[bytes] = ()
) -> list[TopicPartition]:
    """Where each partition of a topic begins that has one of the keys; all of them without keys."""
    number = partitions(cluster, topic)
    numbers = sorted({partition_of(key, number) for key in keys}) if keys else range(number)
    return [TopicPartition(topic.name, one, OFFSET_BEGINNING) for one in numbers]


def messages_of(cluster: Cluster, topic: Topic, key: str | None = None) -> Iterator[Message]:
    """The records of a key, from its partition, deletions included; those of all without one. In
    order within a partition."""
    wanted = [] if key is None else [key.encode()]
    for message in messages(cluster, beginnings(cluster, topic, wanted)):
        if not wanted or message.key() == wanted[0]:
            yield message


def place_of(message: Message) -> Place:
    """Where a record lies that Kafka has given."""
    return Place(message.topic() or "", message.partition() or 0, message.offset() or 0)


def read_from(cluster: Cluster, places: Sequence[TopicPartition]) -> Iterator[Found]:
    """Every record from the places on, up to the end that each partition has now.

    What is no record of the contract is left out; the dashboard counts it as Unreadable.
    """
    for message in messages(cluster, places):
        try:
            record = codec.decode(message.value() or b"")
        except codec.UnreadableRecord:
            continue
        yield Found(place_of(message), message.key() or b"", record)


def messages(cluster: Cluster, places: Sequence[TopicPartition]) -> Iterator[Message]:
    """The same records as Kafka has them, deletions included."""
    consumer = cluster.consumer()
    try:
        await_answer(consumer)
        consumer.assign(list(places))
        yield from _to_the_ends(consumer, cluster, {(p.topic, p.partition) for p in places})
    finally:
        consumer.close()


def _to_the_ends(
    consumer: Consumer, cluster: Cluster, unread: set[tuple[str, int]]
) -> Iterator[Message]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while unread:
        messages = consumer.consume(READ_RECORDS, READ_SECONDS)
        if messages:
            deadline = time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() > deadline:
            raise Unavailable(f"Kafka at {cluster.brokers} does not answer")
        for message in messages:
            error, topic = message.error(), message.topic() or ""
            if error is not None:
                _end_or_raise(error, topic)
                unread.discard((topic, message.partition() or 0))
                continue
            yield message


def _end_or_raise(error: KafkaError, topic: str) -> None:
    if error.code() == KafkaError._PARTITION_EOF:
        return
    if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        raise Unavailable(f"there is no topic {topic}; `millrace topics` makes it")
    raise KafkaException(error)


def read_one(cluster: Cluster, place: Place) -> Record | None:
    """The record at a place; None when the topic no longer keeps it."""
    for found in read_from(cluster, [TopicPartition(*place)]):
        return found.record if found.place == place else None
    return None


def ends(cluster: Cluster, topic: Topic) -> list[TopicPartition]:
    """Where each partition of a topic ends now."""
    consumer = cluster.consumer()
    try:
        return [
            TopicPartition(
                topic.name,
                number,
                consumer.get_watermark_offsets(
                    TopicPartition(topic.name, number), timeout=PATIENCE_SECONDS
                )[1],
            )
            for number in range(partitions(cluster, topic))
        ]
    finally:
        consumer.close()
