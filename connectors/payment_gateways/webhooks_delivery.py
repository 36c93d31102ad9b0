"""Puts what gateways tell on payments.commands.

Guarantee: `deliver` returns once every in-sync replica has the records. Idempotency key: none; the
payments room takes the same answer once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message

from connectors.delivery import PolledProducer
from connectors.payment_gateways.gateway import Answer
from connectors.payment_gateways.webhooks import Undelivered
from schemas import codec
from schemas.topics import PAYMENTS_COMMANDS

log = logging.getLogger("millrace.gateway_webhooks")
DELIVERY_SECONDS = 10.0


class KafkaDelivery:
    """See Delivery. One event loop may call it."""

    def __init__(
        self,
        bootstrap: str,
        kafka: Mapping[str, str | int] | None = None,
        topic: str = PAYMENTS_COMMANDS.name,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self._topic = topic
        self._polled = PolledProducer("notices", log, bootstrap, kafka or {}, DELIVERY_SECONDS, {})
        self.failed = self._polled.failed
        """set once nothing can be delivered any more and the process must start anew"""
        self._producer = self._polled.producer

    async def deliver(self, answers: Sequence[Answer]) -> None:
        """See Delivery."""
        loop = asyncio.get_running_loop()
        waiting = [self._send(loop, answer) for answer in answers]
        for failure in await asyncio.gather(*waiting):
            if failure is not None:
                raise Undelivered(failure)

    def close(self) -> None:
        """End; whatever is in flight has somebody who waits for it and sends it again."""
        self._polled.close()

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
