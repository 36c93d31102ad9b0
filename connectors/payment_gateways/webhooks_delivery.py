"""Puts what gateways tell on payments.commands.

Guarantee: `deliver` returns once every in-sync replica has the records. Idempotency key: none; the
payments room takes the same answer once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.payment_gateways.gateway import Answer
from connectors.payment_gateways.webhooks import Undelivered
from schemas import codec
from schemas.topics import PAYMENTS_COMMANDS

log = logging.getLogger("millrace.gateway_webhooks")
DELIVERY_SECONDS = 10.0
POLL_SECONDS = 0.1


class KafkaDelivery:
    """See Delivery. One event loop may call it."""

    def __init__(
        self,
        bootstrap: str,
        kafka: Mapping[str, str | int] | None = None,
        topic: str = PAYMENTS_COMMANDS.name,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self.failed = threading.Event()
        """set once nothing can be delivered any more and the process must start anew"""
        self._topic = topic
        self._closing = threading.Event()
        self._producer = Producer(
            {
                "log_level": 0,
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": int(DELIVERY_SECONDS * 1000),
                "linger.ms": 2,
                "error_cb": self._on_error,
            }
        )
        self._thread = threading.Thread(target=self._poll, name="notices", daemon=True)
        self._thread.start()

    async def deliver(self, answers: Sequence[Answer]) -> None:
        """See Delivery."""
        loop = asyncio.get_running_loop()
        waiting = [self._send(loop, answer) for answer in answers]
        for failure in await asyncio.gather(*waiting):
            if failure is not None:
                raise Undelivered(failure)

    def close(self) -> None:
        """End; whatever is in flight has somebody who waits for it and sends it again."""
        self._closing.set()
        self._thread.join()

    def _send(self, loop: asyncio.AbstractEventLoop, answer: Answer) -> asyncio.Future[str | None]:
        """A future of what went wrong. Raises Undelivered."""
        future: asyncio.Future[str | None] = loop.create_future()

        def settle(text: str | None) -> None:
            if not future.done():
                future.set_result(text)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            text = None if error is None else error.str()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, text)

        try:
            self._producer.produce(
                self._topic, codec.encode(answer), answer.order_id.encode(), on_delivery=delivered
            )
        except (BufferError, KafkaException) as error:
            raise Undelivered(type(error).__name__) from error
        return future

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            except Exception:
                log.exception("a delivery report could not be told")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            log.critical("delivery: %s", error)
            self.failed.set()
