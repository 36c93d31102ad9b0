"""The worker's Kafka clients: one consumer, one transactional producer, and how state is restored.

Delivery: exactly once from Kafka to Kafka. Outputs, states and input offsets of a poll commit in
one transaction; the group's generation travels with the offsets, so that a worker which was
stopped and replaced cannot commit (KIP-447). Every error of unknown outcome raises `Crash`: the
process ends, and starts again from what is committed.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from schemas import codec
from schemas.messages import Room
from schemas.records import Record
from streams.engine import metrics
from streams.engine.checkpoint import Checkpoint
from streams.engine.handover import HEADERS, Inbox, Place, hand_over, is_decided, place_of
from streams.engine.partition import PartitionBatch, PartitionState, Raw
from streams.engine.settings import (
    KAFKA_PATIENCE_SECONDS,
    LINGER_SECONDS,
    MAXIMUM_BATCH_RECORDS,
    MAXIMUM_DIRTY_STATES,
    OFFSETS_SECONDS,
    POLL_SECONDS,
    RESTORE_PATIENCE_SECONDS,
    TRANSACTION_TIMEOUT_MS,
    Settings,
)

log = logging.getLogger("millrace.engine")
RETRY_SECONDS = 0.05
PARTITION_BY_KEY = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner decides."""


Rebalance = Callable[[Consumer, list[TopicPartition]], None]


class Crash(RuntimeError):
    """The worker cannot know what Kafka has kept, and must start again from what it committed."""


class Held:
    """A partition that this worker holds."""

    __slots__ = (
        "committed_offset", "inbox", "next_offset", "number", "room", "saved_at", "state",
    )  # fmt: skip

    def __init__(
        self, room: Room, number: int, state: PartitionState, next_offset: int, inbox: Inbox
    ) -> None:
        self.room = room
        self.number = number
        self.state = state
        self.next_offset = next_offset
        self.committed_offset = next_offset
        self.inbox = inbox
        self.saved_at = time.monotonic()


class Carrier:
    """Reads batches, commits what they lead to. Every method is called from one thread."""

    def __init__(self, rooms: Sequence[Room], settings: Settings) -> None:
        self._settings = settings
        self._rooms = {room.commands.name: room for room in rooms}
        self._held: dict[tuple[str, int], Held] = {}
        self._parked: dict[tuple[str, int], PartitionState] = {}
        self.assigned = False
        self._handed_over = 0
        """records that the transaction decides besides those that it has read"""
        self._committed_at = time.monotonic()
        common: dict[str, str | int | float | bool] = {
            "bootstrap.servers": settings.bootstrap,
            "client.id": settings.instance,
            **settings.kafka,
        }
        self._common = common
        self._failure: str = ""
        """what went wrong in a callback; it is raised after the call that ran the callback"""
        self._producer = Producer(
            {
                **common,
                "transactional.id": f"{settings.group}-{settings.instance}",
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "compression.type": settings.compression,
                "queue.buffering.max.messages": 1_000_000,
                "message.max.bytes": 25 * 1024 * 1024,
            }
        )
        self._consumer = Consumer(
            {
                **common,
                "group.id": settings.group,
                "group.instance.id": settings.instance,
                # DECISIONS.md 6: cooperative with static members can leave partitions unassigned.
                "partition.assignment.strategy": "roundrobin",
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": settings.session_timeout_ms // 6,
                "max.poll.interval.ms": 300_000,
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                # Tells when an inbox has been read to its end, behind which markers may stand.
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 16_384,
                "fetch.message.max.bytes": 2 * 1024 * 1024,
                "error_cb": self._on_error,
            }
        )
        self._ends = Consumer(
            {
                **common,
                "group.id": f"{settings.group}-ends",
                # librdkafka's default is read_committed, which does not see open transactions.
                "isolation.level": "read_uncommitted",
            }
        )
        self._cluster = ""
        self._topic_ids: dict[str, str] = {}

    def start(self) -> None:
        """Fence an earlier self, learn which log this is, join the group."""
        self._producer.init_transactions(KAFKA_PATIENCE_SECONDS)
        admin = AdminClient(self._common)
        names = [room.state.name for room in self._rooms.values() if room.state is not None]
        cluster = admin.list_topics(timeout=KAFKA_PATIENCE_SECONDS)
        self._cluster = str(cluster.cluster_id)
        for room in self._rooms.values():
            for topic in filter(None, (room.commands, room.state)):
                there = cluster.topics.get(topic.name)
                if there is not None and len(there.partitions) != topic.partitions:
                    raise Crash(
                        f"{topic.name} has {len(there.partitions)} partitions, not"
                        f" {topic.partitions}: set MILLRACE_PARTITIONS as when it was made"
                    )
        if names:
            for name, future in admin.describe_topics(TopicCollection(names)).items():
                self._topic_ids[name] = str(future.result(KAFKA_PATIENCE_SECONDS).topic_id)
        self._consumer.subscribe(
            list(self._rooms),
            on_assign=self._guarded(self._on_assign),
            on_revoke=self._guarded(self._on_revoke),
            on_lost=self._guarded(self._on_lost),
        )

    def _guarded(self, callback: Rebalance) -> Rebalance:
        """The callback, with nothing raised through librdkafka.

        confluent-kafka hands a KafkaException on as an object that is no BaseException: it passes
        every handler, and a worker would go on sending heartbeats without a thread that works.
        """

        def called(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            try:
                callback(consumer, partitions)
            except Exception as error:
                self._failure = self._failure or f"{type(error).__name__}: {error}"

        return called

    def _on_error(self, error: KafkaError) -> None:
        """A fatal error, such as being fenced, comes here and not with a record."""
        if error.fatal():
            self._failure = str(error)

    # -- assignment ---------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        committed = consumer.committed(partitions, timeout=KAFKA_PATIENCE_SECONDS)
        for place in committed:
            if place.error is not None:
                raise Crash(f"committed offset of {place.topic}/{place.partition}: {place.error}")
            room = self._rooms[place.topic]
            state = self._restore(room, place.partition)
            start = max(place.offset, 0)
            # Taken after the committed offset, which waits for transactions of former owners.
            _, end = self._ends.get_watermark_offsets(place, timeout=KAFKA_PATIENCE_SECONDS)
            self._held[place.topic, place.partition] = Held(
                room, place.partition, state, start, Inbox(end)
            )
            metrics.PARTITIONS.labels(room.name).inc()
        self._close_parked()
        consumer.assign(
            [
                TopicPartition(
                    p.topic, p.partition, p.offset if p.offset >= 0 else OFFSET_BEGINNING
                )
                for p in committed
            ]
        )
        self.assigned = True
        log.info("assigned %s", [f"{p.topic}/{p.partition}@{p.offset}" for p in committed])

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Every partition goes at once; most come back, so their states stay open until then."""
        for place in partitions:
            held = self._held.pop((place.topic, place.partition), None)
            if held is not None:
                self._save(held)
                self._parked[place.topic, place.partition] = held.state
                metrics.PARTITIONS.labels(held.room.name).dec()
        consumer.unassign()
        log.info("revoked %s", [f"{p.topic}/{p.partition}" for p in partitions])

    def _on_lost(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        raise Crash(f"{len(partitions)} partitions were lost to another worker")

    def _close_parked(self) -> None:
        """Let go of the states that did not come back."""
        for state in self._parked.values():
            state.close()
        self._parked.clear()

    def _restore(self, room: Room, partition: int) -> PartitionState:
        """The partition's state as of the end of its state topic.

        The end is taken without regard to transactions, and reading goes on until committed
        reading has reached it: a transaction of the former owner whose outcome is not yet written
        is waited for.
        """
        if room.state is None:
            return PartitionState(None)
        began = time.monotonic()
        topic = room.state.name
        place = TopicPartition(topic, partition)
        first, end = self._ends.get_watermark_offsets(place, timeout=KAFKA_PATIENCE_SECONDS)
        state = self._parked.pop((room.commands.name, partition), None)
        if state is None or state.checkpoint is None:
            path = self._settings.state_directory / self._settings.instance / room.name
            log_name = f"{self._cluster}/{self._topic_ids[topic]}"
            state = PartitionState(Checkpoint(path / str(partition), log_name, end))
        assert state.checkpoint is not None
        start = max(state.checkpoint.meta.offset, first)
        if start < end:
            self._replay(state, topic, partition, start, end)
            state.save(end)
        metrics.RESTORE_SECONDS.observe(time.monotonic() - began)
        return state

    def _replay(
        self, state: PartitionState, topic: str, partition: int, start: int, end: int
    ) -> None:
        reader = Consumer(
            {
                **self._common,
                "group.id": f"{self._settings.group}-restore",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "fetch.wait.max.ms": 50,
            }
        )
        reader.assign([TopicPartition(topic, partition, start)])
        deadline = time.monotonic() + RESTORE_PATIENCE_SECONDS
        try:
            reached = start
            while reached < end:
                if time.monotonic() > deadline:
                    raise Crash(f"{topic}/{partition} could not be restored up to {end}")
                for message in reader.consume(5_000, 0.2):
                    error = message.error()
                    if error is None:
                        state.restored((message.key() or b"").decode(), message.value())
                        reached = (message.offset() or 0) + 1
                        if len(state.dirty) >= MAXIMUM_DIRTY_STATES:
                            state.save(reached)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        reached = max(reached, message.offset() or 0)
                    elif not error.retriable():
                        raise Crash(f"restoring {topic}/{partition}: {error}")
        finally:
            reader.close()

    # -- batches ------------------------------------------------------------------------------

    def poll(self) -> list[tuple[PartitionBatch, list[str]]]:
        """The next batches with the timers that are due in each; may be empty. Raises Crash."""
        messages: list[Message] = []
        first = self._consumer.poll(0 if self._any_due() else POLL_SECONDS)
        if first is not None:
            messages.append(first)
            messages.extend(self._consumer.consume(MAXIMUM_BATCH_RECORDS - 1, LINGER_SECONDS))
        if self._failure:
            raise Crash(f"consumer: {self._failure}")
        by_partition: dict[tuple[str, int], list[Raw]] = defaultdict(list)
        for message in messages:
            error = message.error()
            place = (message.topic() or "", message.partition() or 0)
            held = self._held.get(place)
            offset = message.offset() or 0
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    if held is not None:
                        held.inbox.read_to(offset)
                elif error.fatal():
                    raise Crash(f"consumer: {error}")
                else:
                    log.warning("consumer: %s", error)
                continue
            if held is None or offset < held.next_offset:
                continue
            held.next_offset = offset + 1
            held.inbox.read_to(offset + 1)
            if is_decided(message):
                continue
            by_partition[place].append(Raw(message.key(), message.value(), offset))
        now_ms = time.time_ns() // 1_000_000
        batches = []
        self._handed_over = 0
        for place, held in self._held.items():
            records = by_partition.get(place, [])
            due = held.state.due(now_ms)
            if records or due:
                batch = PartitionBatch(held.room, held.number, held.state, records, now_ms)
                batches.append((batch, due))
        if not batches:
            if self._offsets_due():
                self.commit([])
            self._save_old()
        return batches

    def hand_over(self, batches: dict[Place, PartitionBatch]) -> list[PartitionBatch]:
        """The batches, some of them new in `batches`, to which others hand something over."""
        now_ms = next(iter(batches.values())).now_ms

        def opened(place: Place) -> PartitionBatch:
            held = self._held[place]
            return PartitionBatch(held.room, held.number, held.state, [], now_ms)

        inboxes = {place: held.inbox for place, held in self._held.items()}
        following = hand_over(batches, inboxes, opened, self._handed_over)
        self._handed_over += sum(len(batch.arrivals) for batch in following)
        return following

    def _offsets_due(self) -> bool:
        """Whether records that had been decided before were passed, and no commit has told so."""
        return time.monotonic() - self._committed_at > OFFSETS_SECONDS and any(
            held.next_offset != held.committed_offset for held in self._held.values()
        )

    def _any_due(self) -> bool:
        now_ms = time.time_ns() // 1_000_000
        return any(held.state.next_due_ms() <= now_ms for held in self._held.values())

    def commit(self, batches: Sequence[PartitionBatch]) -> None:
        """Write everything that the batches led to, in one transaction. Raises Crash."""
        began = time.monotonic()
        # Later than this the coordinator has given the transaction up, and waiting is in vain.
        deadline = began + TRANSACTION_TIMEOUT_MS / 1000
        committed: list[tuple[Held, str, Record | None, bytes | None]] = []
        encode, produce = codec.encode, self._produce
        try:
            self._producer.begin_transaction()
            for batch in batches:
                held = self._held[batch.room.commands.name, batch.partition]
                self._write(batch)
                state = batch.room.state
                for key, changed in batch.changes.items():
                    assert state is not None, f"{batch.room.name} has no state topic"
                    encoded = encode(changed) if changed is not None else None
                    produce(state.name, key.encode(), encoded, batch.partition)
                    committed.append((held, key, changed, encoded))
            # Also for timers alone: only the offsets carry the group's generation, which is what
            # keeps a worker out that was replaced while it slept.
            touched = {(batch.room.commands.name, batch.partition) for batch in batches}
            offsets = [
                TopicPartition(*place, held.next_offset)
                for place, held in self._held.items()
                if place in touched or held.next_offset != held.committed_offset
            ]
            self._retried(
                lambda patience: self._producer.send_offsets_to_transaction(
                    offsets, self._consumer.consumer_group_metadata(), patience
                ),
                deadline,
            )
            self._retried(self._producer.commit_transaction, deadline)
        except KafkaException as error:
            raise Crash(f"transaction: {error}") from error
        self._producer.poll(0)
        for held, key, changed, encoded in committed:
            held.state.committed(key, changed, encoded)
        for held in self._held.values():
            held.committed_offset = held.next_offset
        self._committed_at = time.monotonic()
        metrics.TRANSACTIONS.inc()
        metrics.COMMIT_SECONDS.observe(time.monotonic() - began)
        self._save_old()

    def _write(self, batch: PartitionBatch) -> None:
        """Produce what the batch leads to."""
        for number, send in enumerate(batch.sends):
            topic, partition = send.topic.name, send.partition
            headers, report = None, None
            if topic in self._rooms:
                topic, partition = place = place_of(send)
                held = self._held.get(place)
                if number in batch.handed_over:
                    headers = HEADERS
                elif held is not None:
                    held.inbox.leave()
                    report = held.inbox.written
            key, value = send.key.encode(), codec.encode(send.record)
            self._produce(topic, key, value, partition, headers, report)

    def _produce(
        self,
        topic: str,
        key: bytes,
        value: bytes | None,
        partition: int | None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
        on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        place = PARTITION_BY_KEY if partition is None else partition
        deadline = 0.0
        while True:
            try:
                self._producer.produce(
                    topic, value, key, place, on_delivery=on_delivery, headers=headers
                )
                return
            except BufferError:
                now = time.monotonic()
                deadline = deadline or now + KAFKA_PATIENCE_SECONDS
                if now > deadline:
                    raise Crash("the producer's queue stayed full") from None
                self._producer.poll(0.05)

    def _retried(self, call: Callable[[float], object], deadline: float) -> None:
        """Call again while librdkafka says that the same call may simply be repeated.

        The call gets the seconds that are left, never fewer than none: that would mean for ever.
        """
        while True:
            try:
                call(max(RETRY_SECONDS, deadline - time.monotonic()))
                return
            except KafkaException as error:
                cause = error.args[0]
                if not cause.retriable() or cause.txn_requires_abort() or cause.fatal():
                    raise
                if time.monotonic() > deadline:
                    raise
                time.sleep(RETRY_SECONDS)

    # -- checkpoints --------------------------------------------------------------------------

    def _save_old(self) -> None:
        """Save the checkpoint that is longest due: one at a time, so that no turn takes long."""
        due = [held for held in self._held.values() if self._is_due(held)]
        if due:
            self._save(min(due, key=lambda held: held.saved_at))

    def _is_due(self, held: Held) -> bool:
        old = time.monotonic() - held.saved_at >= self._settings.checkpoint_seconds
        return bool(held.state.dirty) and (old or len(held.state.dirty) >= MAXIMUM_DIRTY_STATES)

    def _save(self, held: Held) -> None:
        state_topic = held.room.state
        if state_topic is None or not held.state.dirty:
            return
        place = TopicPartition(state_topic.name, held.number)
        try:
            _, end = self._ends.get_watermark_offsets(place, timeout=KAFKA_PATIENCE_SECONDS)
        except KafkaException as error:
            log.warning("checkpoint of %s/%d put off: %s", state_topic.name, held.number, error)
            held.saved_at = time.monotonic()
            return
        held.state.save(end)
        held.saved_at = time.monotonic()

    def close(self) -> None:
        """Save every checkpoint and leave; nothing is in flight between two calls."""
        for held in self._held.values():
            self._save(held)
            held.state.close()
        self._held.clear()
        self._close_parked()
        self._consumer.close()
        self._ends.close()
