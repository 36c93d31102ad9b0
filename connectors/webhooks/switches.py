"""Which subscriptions are switched off, as webhooks.switches tells it.

Guarantee: after `caught_up`, what is committed, but for what is on its way from the broker. It
joins no group and commits nothing. Idempotency key: the subscription; the later record wins.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from schemas import codec
from schemas.topics import WEBHOOKS_SWITCHES
from schemas.webhooks import WebhookSwitched

log = logging.getLogger("millrace.webhooks")
WAIT_SECONDS = 0.2
METADATA_SECONDS = 5.0
TOPIC_SECONDS = 1.0


class Switches:
    """The latest switch of each subscription. Any thread may ask."""

    def __init__(self, bootstrap: str, kafka: Mapping[str, str | int] | None = None) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self.caught_up = threading.Event()
        self._off: dict[str, str] = {}
        self._unread: set[int] = set()
        self._consumer = Consumer(
            {
                "log_level": 0,
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": "millrace-webhooks-switches",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 100,
            }
        )

    def is_enabled(self, subscription: str) -> bool:
        """Nobody has switched it off, or it is on again."""
        return subscription not in self._off

    def run(self, stop: threading.Event) -> None:
        """Follow the topic until `stop` is set. Raises KafkaException."""
        try:
            while not stop.is_set() and not self._assign():
                stop.wait(TOPIC_SECONDS)
            while not stop.is_set():
                message = self._consumer.poll(WAIT_SECONDS)
                if message is None:
                    continue
                error = message.error()
                if error is None:
                    self._learn(message.value())
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._unread.discard(message.partition() or 0)
                    if not self._unread:
                        self.caught_up.set()
                elif error.fatal() or not error.retriable():
                    raise KafkaException(error)
        finally:
            self._consumer.close()

    def _learn(self, value: bytes | None) -> None:
        switched = codec.decode(value) if value is not None else None
        if not isinstance(switched, WebhookSwitched):
            return
        if switched.enabled:
            self._off.pop(switched.subscription, None)
        else:
            self._off[switched.subscription] = switched.reason

    def _assign(self) -> bool:
        name = WEBHOOKS_SWITCHES.name
        try:
            found = self._consumer.list_topics(name, METADATA_SECONDS).topics[name]
        except KafkaException as error:
            log.warning("kafka: %s", error)
            return False
        if found.error is not None or not found.partitions:
            return False
        self._unread = set(found.partitions)
        self._consumer.assign(
            [TopicPartition(name, number, OFFSET_BEGINNING) for number in found.partitions]
        )
        return True
