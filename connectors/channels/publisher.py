"""Puts payloads on channels.raw, as they came but encrypted, each after its key.

Guarantee: what `on_done(None)` was called for is on every in-sync replica, and so was its key
before it was sent: no payload is ever there without its key, but a key may be without a payload.
Idempotency key: none, because a payload that is sent twice maps twice to the same order id.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message

from connectors.channels.sealing import sealed
from connectors.delivery import PolledProducer
from connectors.vault.sealing import Vault
from schemas import codec
from schemas.channels import RawPayload
from schemas.customers import KeyIssued
from schemas.records import Record
from schemas.topics import CHANNELS_RAW, CUSTOMERS_KEYS, Topic

log = logging.getLogger("millrace.publisher")
MAXIMUM_IN_FLIGHT = 10_000
MESSAGE_BYTES_MAX = 25 * 1024 * 1024
BUFFER_KBYTES_MAX = 256 * 1024
DELIVERY_SECONDS = 20.0
READY_SECONDS = 2.0
RETRY_SECONDS = 0.01
LATE_SECONDS = 1.0
"""after the delivery time, for the reports of what it ended"""

OnDone = Callable[[Exception | None], None]
OnDelivery = Callable[[KafkaError | None, Message], None]


class Full(Exception):
    """So much is in flight that nothing more is taken; try again shortly."""


class Undelivered(Exception):
    """Kafka did not take the payload in time."""


def new_raw_id() -> str:
    """An id that no other payload has; ids of later payloads sort behind it."""
    return f"{time.time_ns():016x}{secrets.token_hex(6)}"


class RawPublisher:
    """Any thread may call anything. `on_done` is called in the publisher's own thread."""

    def __init__(
        self,
        bootstrap: str,
        kafka: Mapping[str, str | int] | None = None,
        vault: Vault | None = None,
    ) -> None:
        """Take a broker's address, which need not answer yet, and librdkafka settings beside ours.

        Without a vault payloads are written in clear, which only tests want. Raises KafkaException
        for a setting that librdkafka does not know.
        """
        self._vault = vault
        self._in_flight = 0
        self._lock = threading.Lock()
        self._polled = PolledProducer(
            "publisher",
            log,
            bootstrap,
            kafka or {},
            DELIVERY_SECONDS,
            {
                "message.max.bytes": MESSAGE_BYTES_MAX,
                "queue.buffering.max.kbytes": BUFFER_KBYTES_MAX,
                "compression.type": "lz4",
            },
        )
        self.failed = self._polled.failed
        """set once this publisher can never deliver again and its process must start anew"""
        self._producer = self._polled.producer

    def publish(self, raw: RawPayload, on_done: OnDone) -> None:
        """Send; `on_done` tells how it went. Raises Full, and then `on_done` is never called."""
        with self._lock:
            if self._in_flight >= MAXIMUM_IN_FLIGHT:
                raise Full(f"{MAXIMUM_IN_FLIGHT} payloads wait for Kafka")
            self._in_flight += 1

        try:
            if self._vault is None:
                self._send_payload(raw, on_done)
            else:
                self._send_key_first(*sealed(raw, self._vault), on_done)
        except BaseException:
            self._done()
            raise

    def _send_payload(self, raw: RawPayload, on_done: OnDone) -> None:
        def delivered(error: KafkaError | None, _message: Message) -> None:
            self._done()
            on_done(None if error is None else Undelivered(error.str()))

        self._produce(CHANNELS_RAW, raw.raw_id, raw, delivered)

    def _send_key_first(self, raw: RawPayload, key: KeyIssued, on_done: OnDone) -> None:
        def delivered(error: KafkaError | None, _message: Message) -> None:
            failure: Exception | None = None if error is None else Undelivered(error.str())
            if failure is None:
                try:
                    self._send_payload(raw, on_done)
                    return
                except (Full, Undelivered) as refused:
                    failure = refused
            self._done()
            on_done(failure)

        self._produce(CUSTOMERS_KEYS, key.key_id, key, delivered)

    def _produce(self, topic: Topic, key: str, record: Record, delivered: OnDelivery) -> None:
        """Raises Full and Undelivered."""
        try:
            self._producer.produce(
                topic.name, codec.encode(record), key.encode(), on_delivery=delivered
            )
        except BufferError:
            raise Full("too many bytes wait for Kafka") from None
        except KafkaException as error:
            raise Undelivered(str(error)) from error

    def publish_all(self, payloads: Sequence[RawPayload]) -> None:
        """Send all and wait for them. Raises Undelivered where any was not taken."""
        failures: list[Exception] = []
        left = threading.Semaphore(0)

        def done(error: Exception | None) -> None:
            if error is not None:
                failures.append(error)
            left.release()

        for payload in payloads:
            deadline = time.monotonic() + DELIVERY_SECONDS
            while True:
                try:
                    self.publish(payload, done)
                    break
                except Full as error:
                    if time.monotonic() >= deadline:
                        raise Undelivered(str(error)) from error
                    time.sleep(RETRY_SECONDS)
        for _ in payloads:
            if not left.acquire(timeout=2 * DELIVERY_SECONDS):
                raise Undelivered("no answer from Kafka")
        if failures:
            raise Undelivered(f"{len(failures)} of {len(payloads)}: {failures[0]}")

    def ready(self) -> bool:
        """Kafka answers and has the topic. Blocks for up to READY_SECONDS."""
        if self.failed.is_set():
            return False
        try:
            found = self._producer.list_topics(CHANNELS_RAW.name, timeout=READY_SECONDS)
        except KafkaException:
            return False
        return found.topics[CHANNELS_RAW.name].error is None

    def close(self) -> int:
        """Wait for what is in flight, and end; how many payloads are left without an answer."""
        deadline = time.monotonic() + DELIVERY_SECONDS + LATE_SECONDS
        # Not `flush`, which would call `on_done` in this thread as well, and not hear Ctrl-C.
        while self._in_flight and time.monotonic() < deadline:
            time.sleep(RETRY_SECONDS)
        self._polled.close()
        return self._in_flight

    def _done(self) -> None:
        with self._lock:
            self._in_flight -= 1
