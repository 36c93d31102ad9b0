"""Carries work to a payment gateway and its answers back.

Guarantee: at least once. Answers are durable (acks=all) before the work's offset is committed, and
an offset is committed only when every request before it is answered; a crash or a rebalance
repeats work and never drops it. Idempotency key: the request's own, the same for every try of one
authorization, capture, refund or void. A duplicate of an answer changes nothing: an answer names
the try or the authorization that it is about, and the payments room takes only the one that it
waits for.

Requests of one order are answered in the order of the log. A record that cannot be read is counted,
logged by its position, and passed over: the payments room asks again for what was in it.

Crash-only: whatever Kafka does not take ends `run` with an exception, and a new start goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from prometheus_client import Counter, Gauge

from connectors.payment_gateways.desk import ConcurrentDesk, Desk, InstantDesk, Limits
from connectors.payment_gateways.gateway import Gateway, InstantGateway, Request
from connectors.payment_gateways.sandbox import Sandbox
from connectors.payment_gateways.window import Window, Work
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RefundRequested,
    VoidRequested,
)
from schemas.topics import PAYMENTS_COMMANDS, PAYMENTS_EVENTS

log = logging.getLogger("millrace.payment_gateway")
GROUP = "millrace-payment-gateway"
MAXIMUM_BATCH_RECORDS = 2_000
POLL_SECONDS = 0.2
BUSY_POLL_SECONDS = 0.01
"""How long to wait for a record while answers may come in."""
LINGER_SECONDS = 0.003
FLUSH_SECONDS = 30.0
READY_SECONDS = 10.0
"""A turn that takes longer means that Kafka does not answer."""
SESSION_TIMEOUT_MS = 6_000
MAXIMUM_POLL_INTERVAL_MS = 300_000
"""No turn waits for the gateway; the longest thing in one is a flush."""
REQUESTS = Counter("millrace_gateway_requests_total", "Requests to the gateway", ["kind"])
UNREADABLE = Counter("millrace_gateway_unreadable_records_total", "Records that were set aside")
IN_WINDOW = Gauge("millrace_gateway_window_requests", "Requests from the lowest unfinished on")


class Undelivered(RuntimeError):
    """Answers could not be made durable; the work stays uncommitted and is done again."""


@dataclass(frozen=True, slots=True)
class Route:
    """Which topics, as which group."""

    reads: str = PAYMENTS_EVENTS.name
    writes: str = PAYMENTS_COMMANDS.name
    group: str = GROUP


class Status:
    """What a /ready probe may say. The connector's thread writes it, any thread reads it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turned_at = -READY_SECONDS
        self._joined = False

    @property
    def ready(self) -> bool:
        """Whether the group has given this member its partitions, and Kafka answers."""
        return self._joined and self._clock() - self._turned_at < READY_SECONDS

    def joined(self, joined: bool) -> None:
        """Partitions were assigned, or taken away. No partitions are an assignment too."""
        self._joined = joined

    def turned(self) -> None:
        """Everything that was read has been handed over, what was answered is committed."""
        self._turned_at = self._clock()


def run(
    bootstrap: str,
    stop: threading.Event,
    gateway: Gateway | InstantGateway | None = None,
    *,
    instance: str = "",
    kafka: Mapping[str, str | int] | None = None,
    status: Status | None = None,
    limits: Limits | None = None,
    route: Route | None = None,
) -> None:
    """Work until `stop` is set, by default for the sandbox.

    `instance` names the member: the same after a restart, another for each process of the group.
    With it, a killed process that comes back within the session has its partitions at once.
    `kafka` are further librdkafka settings of both clients, such as security.protocol.
    Raises Undelivered, GatewayStuck or KafkaException; the caller starts again.
    """
    route = route or Route()
    clients = {"bootstrap.servers": bootstrap, **(kafka or {})}
    gateway = gateway or Sandbox()
    desk: Desk
    if isinstance(gateway, InstantGateway):
        desk = InstantDesk(gateway, MAXIMUM_BATCH_RECORDS)
    else:
        desk = ConcurrentDesk(gateway, limits)
    fatal: list[KafkaError] = []
    consumer = Consumer(_consumer_settings(clients, route.group, instance, fatal))
    producer = Producer(_producer_settings(clients))
    carrier = Carrier(consumer, producer, desk, route, status or Status())
    try:
        consumer.subscribe(
            [route.reads],
            on_assign=carrier.assigned,
            on_revoke=carrier.revoked,
            on_lost=carrier.lost,
        )
        while not stop.is_set():
            carrier.turn()
            if fatal:
                raise KafkaException(fatal[0])
        carrier.settle()
    finally:
        carrier.let_go()
        consumer.close()
        desk.close()


def _consumer_settings(
    clients: Mapping[str, str | int], group: str, instance: str, fatal: list[KafkaError]
) -> dict[str, object]:
    """Settings of the reading client; what the guarantee stands on comes last."""

    def on_error(error: KafkaError) -> None:
        # Being fenced comes here and not with a record.
        if error.fatal():
            fatal.append(error)

    return {
        "session.timeout.ms": SESSION_TIMEOUT_MS,
        "heartbeat.interval.ms": SESSION_TIMEOUT_MS // 6,
        "max.poll.interval.ms": MAXIMUM_POLL_INTERVAL_MS,
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16_384,
        **clients,
        **({"group.instance.id": instance} if instance else {}),
        "group.id": group,
        # Eager: all partitions go at once, see `Carrier.revoked`; and a static member that is
        # killed within a cooperative rebalance can leave partitions without an owner.
        "partition.assignment.strategy": "roundrobin",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "error_cb": on_error,
    }


def _producer_settings(clients: Mapping[str, str | int]) -> dict[str, object]:
    return {
        "linger.ms": 2,
        "compression.type": "lz4",
        **clients,
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "delivery.timeout.ms": int(FLUSH_SECONDS * 1000),
        "delivery.report.only.error": True,
    }


class Carrier:
    """Between Kafka and a desk. Every method is called from one thread."""

    def __init__(
        self, consumer: Consumer, producer: Producer, desk: Desk, route: Route, status: Status
    ) -> None:
        self._consumer = consumer
        self._producer = producer
        self._desk = desk
        self._route = route
        self._status = status
        self._windows: dict[int, Window] = {}
        self._passed: set[bytes] = set()
        """First bytes of the events that ask nothing of a gateway, as they come to be known."""
        self._failure: KafkaError | None = None
        self._authorizations = REQUESTS.labels("authorize")
        self._inquiries = REQUESTS.labels("inquiry")
        self._voids = REQUESTS.labels("void")
        self._captures = REQUESTS.labels("capture")
        self._refunds = REQUESTS.labels("refund")

    # -- assignment ---------------------------------------------------------------------------

    def assigned(self, _consumer: Consumer, places: list[TopicPartition]) -> None:
        """Begin with what is given: all partitions of this member at once."""
        for place in places:
            self._windows[place.partition] = Window()
        self._status.joined(True)
        log.info("assigned %s", sorted(self._windows))

    def revoked(self, consumer: Consumer, _places: list[TopicPartition]) -> None:
        """Commit what is answered and abandon the rest: the next member does it again."""
        self.settle()
        held_back = [each for each, window in self._windows.items() if window.held_back]
        if held_back:
            consumer.resume(self._switch(held_back, False))
        self.let_go()

    def lost(self, _consumer: Consumer, _places: list[TopicPartition]) -> None:
        """Others have the partitions already: nothing may be committed."""
        self.let_go()

    def let_go(self) -> None:
        """Forget all partitions and what is in flight."""
        self._status.joined(False)
        if self._windows:
            log.info("lets go of %s", sorted(self._windows))
            self._windows.clear()
            self._desk.abandon()

    # -- work ---------------------------------------------------------------------------------

    def turn(self) -> None:
        """Read what there is, hand it over, and see to what is answered."""
        self.take(self._read())
        self.settle()
        self._hold_back()
        self._status.turned()

    def _read(self) -> list[Message]:
        """The next records; no partition's window comes to hold more than the desk's capacity."""
        first = self._consumer.poll(BUSY_POLL_SECONDS if self._desk.busy else POLL_SECONDS)
        if first is None:
            return []
        room = min(MAXIMUM_BATCH_RECORDS, self._desk.capacity)
        for window in self._windows.values():
            if not window.held_back:
                room = min(room, self._desk.capacity - len(window))
        if room <= 1:
            return [first]
        return [first, *self._consumer.consume(room - 1, LINGER_SECONDS)]

    def take(self, messages: Sequence[Message]) -> None:
        """Hand over the requests among the records. Raises KafkaException for a fatal error."""
        works: list[Work] = []
        windows, passed, header = self._windows, self._passed, codec.HEADER_BYTES
        for message in messages:
            error = message.error()
            if error is not None:
                if error.fatal():
                    raise KafkaException(error)
                log.warning("consumer: %s", error)
                continue
            window = windows.get(message.partition() or 0)
            if window is None:  # given up while it was on its way
                continue
            offset = message.offset() or 0
            window.next_offset = offset + 1
            value = message.value() or b""
            if value[:header] in passed:
                continue
            request = self._request(message, value)
            if request is not None:
                window.begin(offset)
                works.append(Work(window, offset, request))
        if works:
            self._desk.take(works)

    def _request(self, message: Message, value: bytes) -> Request | None:
        """The request in a record, None when there is none."""
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord as error:
            UNREADABLE.inc()
            log.error(
                "%s/%s@%s is set aside: %s",
                message.topic(), message.partition(), message.offset(), error,
            )  # fmt: skip
            return None
        if isinstance(record, AuthorizationRequested):
            (self._inquiries if record.inquiry else self._authorizations).inc()
            return record
        if isinstance(record, VoidRequested):
            self._voids.inc()
            return record
        if isinstance(record, CaptureRequested):
            (self._inquiries if record.inquiry else self._captures).inc()
            return record
        if isinstance(record, RefundRequested):
            (self._inquiries if record.inquiry else self._refunds).inc()
            return record
        self._passed.add(value[: codec.HEADER_BYTES])
        return None

    def settle(self) -> None:
        """Make the answers durable, then commit. Raises Undelivered, KafkaException."""
        finished = self._desk.finished()
        if finished:
            produce, topic, delivered = self._producer.produce, self._route.writes, self._delivered
            for work, values in finished:
                key = work.request.order_id.encode()
                for value in values:
                    produce(topic, value, key, on_delivery=delivered)
            left = self._producer.flush(FLUSH_SECONDS)
            if left or self._failure is not None:
                raise Undelivered(f"{left} answers not delivered; {self._failure}")
            for work, _ in finished:
                work.window.finish(work.offset)
        self._commit()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failure = error

    def _commit(self) -> None:
        done = {
            partition: window.position
            for partition, window in self._windows.items()
            if window.position not in (window.committed, -1)
        }
        if not done:
            return
        offsets = [TopicPartition(self._route.reads, *place) for place in done.items()]
        for place in self._consumer.commit(offsets=offsets, asynchronous=False) or ():
            if place.error is not None:
                raise KafkaException(place.error)
        for partition, offset in done.items():
            self._windows[partition].committed = offset

    def _hold_back(self) -> None:
        """Stop reading partitions whose window is full, and go on where it is half empty."""
        capacity = self._desk.capacity
        full, free = [], []
        waiting = 0
        for partition, window in self._windows.items():
            waiting += len(window)
            if window.held_back and len(window) <= capacity // 2:
                free.append(partition)
            elif not window.held_back and len(window) >= capacity:
                full.append(partition)
        IN_WINDOW.set(waiting)
        if full:
            self._consumer.pause(self._switch(full, True))
        if free:
            self._consumer.resume(self._switch(free, False))

    def _switch(self, partitions: list[int], held_back: bool) -> list[TopicPartition]:
        for partition in partitions:
            self._windows[partition].held_back = held_back
        return [TopicPartition(self._route.reads, partition) for partition in partitions]
