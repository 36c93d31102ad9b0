"""Puts commands on the inboxes of rooms, for servers that answer once they are there.

Guarantee: `send` returns once every in-sync replica has the records, in their order. Idempotency
key: the command's own; what is sent again, the room knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message

from connectors.delivery import PolledProducer
from schemas import codec
from schemas.messages import Send

log = logging.getLogger("millrace.sending")
DELIVERY_SECONDS = 10.0
METADATA_SECONDS = 2.0


class Unsent(Exception):
    """Kafka has not taken everything; send it again. The message is librdkafka's word for why."""


class Sender(Protocol):
    """What servers need of this module."""

    async def send(self, sends: Sequence[Send]) -> None:
        """Send all and wait until they are durable. Raises Unsent."""

    def ready(self) -> bool:
        """Kafka answers. May block."""


class KafkaSender:
    """See Sender. One event loop may call `send`."""

    def __init__(
        self, bootstrap: str, kafka: Mapping[str, str | int] | None = None, name: str = "commands"
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self._polled = PolledProducer(name, log, bootstrap, kafka or {}, DELIVERY_SECONDS, {})
        self.failed = self._polled.failed
        """set once nothing can be delivered any more and the process must start anew"""
        self._producer = self._polled.producer

    async def send(self, sends: Sequence[Send]) -> None:
        """See Sender."""
        loop = asyncio.get_running_loop()
        waiting = [self._produce(loop, each) for each in sends]
        for failure in await asyncio.gather(*waiting):
            if failure:
                raise Unsent(failure)

    def ready(self) -> bool:
        """See Sender."""
        if self.failed.is_set():
            return False
        try:
            self._producer.list_topics(timeout=METADATA_SECONDS)
        except KafkaException:
            return False
        return True

    def close(self) -> None:
        """End; whatever is in flight has somebody who waits for it and sends it again."""
        self._polled.close()

    def _produce(self, loop: asyncio.AbstractEventLoop, each: Send) -> asyncio.Future[str]:
        """A future of what went wrong; empty for nothing. Raises Unsent."""
        future: asyncio.Future[str] = loop.create_future()

        def settle(text: str) -> None:
            if not future.done():
                future.set_result(text)

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, "" if error is None else error.str())

        value = codec.encode(each.record)
        try:
            if each.partition is None:
                self._producer.produce(
                    each.topic.name, value, each.key.encode(), on_delivery=delivered
                )
            else:
                self._producer.produce(
                    each.topic.name, value, each.key.encode(), each.partition, on_delivery=delivered
                )
        except (BufferError, KafkaException) as error:
            raise Unsent(type(error).__name__) from error
        return future
