"""What could not be understood or decided, read from the topics, and sent again.

A rejected payload is settled by the channels room, with the record that its replay leads to. A
dead letter is settled here, in the transaction that puts its record back on the room's inbox:
either both are there or neither. To be sent twice does no harm, since rooms answer a repeat as
they answered before.
"""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from connectors.channels.publisher import new_raw_id
from connectors.channels.sealing import opened, sealed
from connectors.clickhouse.lag import WORKERS
from connectors.vault.master import Unreadable
from connectors.vault.ring import KeyRing, KeysUnavailable
from connectors.vault.sealing import Vault
from deploy import records
from deploy.cluster import PATIENCE_SECONDS, Cluster
from deploy.options import NotFound, Unavailable
from deploy.records import Found, Place
from schemas import codec
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.engine import DeadLetter, DeadLetterReplayed
from schemas.topics import ALL, CHANNELS_RAW, CHANNELS_REJECTED, CUSTOMERS_KEYS, Topic

DEAD_LETTERS = tuple(topic for topic in ALL if topic.name.endswith(".dead-letter"))
DECIDED_SECONDS = 15.0
"""how long a replay waits to hear what became of it"""
POLL_SECONDS = 0.1
TIMER_OFFSET = -1
"""of a dead letter that was no record but a moment that had come"""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One payload, order or record that is not settled."""

    id: str
    """raw_id of a payload; topic/partition/offset of a dead letter"""
    source: str
    """the channel, or the room's inbox"""
    reason: str
    field: str
    detail: str
    at_ms: int
    place: Place
    """of the payload on channels.raw, or of the dead letter itself"""

    @property
    def is_dead_letter(self) -> bool:
        """A room failed over it, rather than refusing it."""
        return self.place.topic != CHANNELS_RAW.name


class Outcome(StrEnum):
    """What became of a replay."""

    SETTLED = "settled"
    REJECTED = "rejected again"
    WAITING = "not decided yet"


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay and what became of it."""

    sent_as: str
    """raw_id of the new payload, or topic/partition/offset of the record on the room's inbox"""
    outcome: Outcome
    again: tuple[Rejection, ...]
    """what was rejected this time"""


def unsettled(cluster: Cluster) -> list[Rejection]:
    """Everything that is rejected or dead and has not been replayed, oldest first."""
    found: list[Rejection] = []
    settled: set[str] = set()
    for each in records.read(cluster, (CHANNELS_REJECTED, *DEAD_LETTERS)):
        if isinstance(each.record, PayloadReplayed):
            settled.add(each.record.raw_id)
        elif isinstance(each.record, DeadLetterReplayed):
            place = Place(each.place.topic, each.record.partition, each.record.offset)
            settled.add(_name(place))
        else:
            found.extend(_rejections([each]))
    return sorted(
        (one for one in found if one.id not in settled), key=lambda one: (one.at_ms, one.id)
    )


def find(cluster: Cluster, rejected_id: str) -> Rejection:
    """The rejection of that id. Raises NotFound."""
    for one in unsettled(cluster):
        if one.id == rejected_id:
            return one
    raise NotFound(f"nothing unsettled is called {rejected_id}")


def content(cluster: Cluster, rejection: Rejection, vault: Vault) -> bytes:
    """What was rejected, as it came; the record of a dead letter as JSON. Raises NotFound.

    What is personal in the record of a room stays encrypted.
    """
    record = records.read_one(cluster, rejection.place)
    partition = rejection.place.partition
    if isinstance(record, DeadLetter):
        partition = record.partition
        value = record.value
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord:
            return value
        if not isinstance(record, RawPayload):
            return msgspec.json.encode(record) + b"\n"
    if isinstance(record, RawPayload):
        return _in_clear(cluster, record, partition, vault).payload
    raise NotFound(f"{rejection.place.topic} no longer keeps what {rejection.id} was")


def replay(cluster: Cluster, rejection: Rejection, mended: bytes | None, vault: Vault) -> Replay:
    """Send it again, as it was or mended, and wait for a decision. Raises Unavailable."""
    told_on = _topic(rejection.place.topic) if rejection.is_dead_letter else CHANNELS_REJECTED
    before = records.ends(cluster, told_on)
    if rejection.is_dead_letter:
        place = _revive(cluster, rejection)
        sent_as = _name(place)
    else:
        raw, key = sealed(_renewed(cluster, rejection, mended, vault), vault)
        producer = cluster.producer()
        _sent(producer, CUSTOMERS_KEYS, key.key_id, codec.encode(key))
        place = _sent(producer, CHANNELS_RAW, raw.raw_id, codec.encode(raw))
        sent_as = raw.raw_id
    if not _decided(cluster, place):
        return Replay(sent_as, Outcome.WAITING, ())
    again = tuple(
        one
        for each in records.read_from(cluster, before)
        for one in _rejections([each])
        if one.place == place or _died_of(each, place)
    )
    return Replay(sent_as, Outcome.REJECTED if again else Outcome.SETTLED, again)


def _rejections(found: Iterable[Found]) -> Iterator[Rejection]:
    for place, _, record in found:
        if isinstance(record, PayloadRejected):
            yield Rejection(
                record.raw_id,
                record.channel,
                record.reason,
                record.field,
                record.detail,
                record.at_ms,
                Place(CHANNELS_RAW.name, record.raw_partition, record.raw_offset),
            )
        elif isinstance(record, DeadLetter):
            what = "timer" if record.offset == TIMER_OFFSET else "undecidable"
            name, at = _name(place), record.at_ms
            yield Rejection(name, record.topic, what, "", record.cause, at, place)


def _name(place: Place) -> str:
    return f"{place.topic}/{place.partition}/{place.offset}"


def _topic(name: str) -> Topic:
    return next(topic for topic in ALL if topic.name == name)


def _died_of(found: Found, place: Place) -> bool:
    letter = found.record
    return (
        isinstance(letter, DeadLetter)
        and Place(letter.topic, letter.partition, letter.offset) == place
    )


def _in_clear(cluster: Cluster, raw: RawPayload, partition: int, vault: Vault) -> RawPayload:
    """Raises NotFound where it is erased, or was encrypted with another vault key."""
    ring = KeyRing(cluster.brokers, vault, cluster.kafka)
    try:
        found = opened(raw, partition, ring)
    except Unreadable as error:
        raise NotFound(f"{raw.raw_id} was written with another vault key: {error}") from error
    except KeysUnavailable as error:
        raise Unavailable(str(error)) from error
    finally:
        ring.close()
    if found is None:
        raise NotFound(f"{raw.raw_id} is erased: it named a customer who is")
    return found


def _renewed(
    cluster: Cluster, rejection: Rejection, mended: bytes | None, vault: Vault
) -> RawPayload:
    """The payload under a new id, with what its channel said of it. Raises NotFound."""
    before = records.read_one(cluster, rejection.place)
    kept = before if isinstance(before, RawPayload) else None
    payload = mended
    if payload is None and kept is not None:
        payload = _in_clear(cluster, kept, rejection.place.partition, vault).payload
    if payload is None:
        raise NotFound(f"{rejection.place.topic} no longer keeps what {rejection.id} was")
    return RawPayload(
        raw_id=new_raw_id(),
        channel=rejection.source,
        source="replay",
        topic=kept.topic if kept is not None else "",
        received_at_ms=time.time_ns() // 1_000_000,
        payload=payload,
        replay_of=rejection.id,
    )


def _revive(cluster: Cluster, rejection: Rejection) -> Place:
    """Put the dead letter's record back and settle the letter, in one transaction."""
    letter = records.read_one(cluster, rejection.place)
    if not isinstance(letter, DeadLetter):
        raise NotFound(f"{rejection.place.topic} no longer keeps {rejection.id}")
    if letter.offset == TIMER_OFFSET:
        raise NotFound(
            f"{rejection.id} was a timer, so there is no record to send;"
            " its room tries again when its worker starts anew"
        )
    settled = DeadLetterReplayed(
        room=letter.room,
        partition=rejection.place.partition,
        offset=rejection.place.offset,
        at_ms=time.time_ns() // 1_000_000,
    )
    producer = cluster.producer(f"millrace-rejected-{uuid.uuid4()}")
    producer.init_transactions(PATIENCE_SECONDS)
    producer.begin_transaction()
    key = letter.key.decode("utf-8", "replace")
    try:
        # Back to its partition: RegisterLocation stands in all of them.
        place = _sent(producer, _topic(letter.topic), letter.key, letter.value, letter.partition)
        _sent(producer, _topic(rejection.place.topic), key, codec.encode(settled))
    except BaseException:
        # Left open, it would hold back every reader until it times out.
        with contextlib.suppress(KafkaException):
            producer.abort_transaction(PATIENCE_SECONDS)
        raise
    try:
        producer.commit_transaction(PATIENCE_SECONDS)
    except KafkaException as error:
        raise Unavailable(
            f"Kafka did not confirm it ({error.args[0].str()});"
            " `millrace rejected list` tells whether it was sent"
        ) from error
    return place


def _sent(
    producer: Producer,
    topic: Topic,
    key: str | bytes,
    value: bytes,
    partition: int = records.BY_KEY,
) -> Place:
    """Write one record and return where it lies. Raises Unavailable."""
    answers: list[Place | KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        place = Place(topic.name, message.partition() or 0, message.offset() or 0)
        answers.append(place if error is None else error)

    producer.produce(topic.name, value, key, partition, on_delivery=delivered)
    records.flush(producer)
    if not answers or not isinstance(answers[0], Place):
        why = answers[0].str() if answers else "no answer in time"  # type: ignore[union-attr]
        raise Unavailable(f"Kafka did not take it: {why}")
    return answers[0]


def _decided(cluster: Cluster, place: Place) -> bool:
    """Wait until the workers have committed beyond the record; False when they do not in time."""
    consumer = cluster.consumer(WORKERS)
    wanted: Sequence[TopicPartition] = [TopicPartition(place.topic, place.partition)]
    deadline = time.monotonic() + DECIDED_SECONDS
    try:
        while time.monotonic() < deadline:
            [committed] = consumer.committed(list(wanted), timeout=PATIENCE_SECONDS)
            if committed.error is None and committed.offset > place.offset:
                return True
            time.sleep(POLL_SECONDS)
    finally:
        consumer.close()
    return False
