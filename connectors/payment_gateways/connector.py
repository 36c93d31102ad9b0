"""Carries work to a payment gateway and its answers back.

Guarantee: at least once. Answers are durable (acks=all) before the work's offset is committed, so
a crash repeats work and never drops it. Idempotency key: the request's own, the same for every
try of one payment. A duplicate of an answer changes nothing: the payments room takes only the
answer that it waits for.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter

from connectors.payment_gateways import sandbox
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    RecordAuthorization,
    RecordVoid,
    VoidRequested,
)
from schemas.topics import PAYMENTS_COMMANDS, PAYMENTS_EVENTS

log = logging.getLogger("millrace.payment_gateway")
GROUP = "millrace-payment-gateway"
MAXIMUM_BATCH_RECORDS = 2_000
POLL_SECONDS = 0.2
LINGER_SECONDS = 0.003
FLUSH_SECONDS = 30.0
REQUESTS = Counter("millrace_gateway_requests_total", "Requests to the gateway", ["kind"])

Authorize = Callable[[AuthorizationRequested], Sequence[RecordAuthorization]]
Void = Callable[[VoidRequested], Sequence[RecordVoid]]


class Undelivered(RuntimeError):
    """Answers could not be made durable; the work stays uncommitted and is done again."""


def run(
    bootstrap: str,
    stop: threading.Event,
    authorize: Authorize = sandbox.authorize,
    void: Void = sandbox.void,
) -> None:
    """Work until `stop` is set. Raises Undelivered or KafkaException; the caller starts again."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": GROUP,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": 16_384,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "delivery.timeout.ms": int(FLUSH_SECONDS * 1000),
        }
    )
    consumer.subscribe([PAYMENTS_EVENTS.name])
    try:
        while not stop.is_set():
            first = consumer.poll(POLL_SECONDS)
            if first is None:
                continue
            rest = consumer.consume(MAXIMUM_BATCH_RECORDS - 1, LINGER_SECONDS)
            _carry(consumer, producer, [first, *rest], authorize, void)
    finally:
        consumer.close()


def _carry(
    consumer: Consumer,
    producer: Producer,
    messages: Sequence[Message],
    authorize: Authorize,
    void: Void,
) -> None:
    failures: list[str] = []

    def delivered(error: object, _message: Message) -> None:
        if error is not None:
            failures.append(str(error))

    ends: dict[int, int] = {}
    authorization, voiding = codec.mark(AuthorizationRequested), codec.mark(VoidRequested)
    for message in messages:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise KafkaException(error)
            log.warning("consumer: %s", error)
            continue
        value = message.value() or b""
        ends[message.partition() or 0] = (message.offset() or 0) + 1
        mark = value[: codec.HEADER_BYTES]
        answers: Sequence[RecordAuthorization | RecordVoid] = ()
        if mark == authorization:
            request = codec.decode(value)
            assert isinstance(request, AuthorizationRequested)
            answers = authorize(request)
            REQUESTS.labels("inquiry" if request.inquiry else "authorize").inc()
        elif mark == voiding:
            wish = codec.decode(value)
            assert isinstance(wish, VoidRequested)
            answers = void(wish)
            REQUESTS.labels("void").inc()
        for answer in answers:
            producer.produce(
                PAYMENTS_COMMANDS.name,
                codec.encode(answer),
                answer.order_id.encode(),
                on_delivery=delivered,
            )
    left = producer.flush(FLUSH_SECONDS)
    if left or failures:
        raise Undelivered(f"{left} answers not delivered; {failures[:1]}")
    if ends:
        consumer.commit(
            offsets=[TopicPartition(PAYMENTS_EVENTS.name, p, o) for p, o in ends.items()],
            asynchronous=False,
        )
