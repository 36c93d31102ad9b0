"""A Kafka cluster and how to speak to it: every client that a command makes comes from here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from deploy.configuration import KafkaSettings

MESSAGE_BYTES_MAX = 25 * 1024 * 1024
PATIENCE_SECONDS = 15.0
PROBE_SECONDS = 2.0
STEP_SECONDS = 0.5

Settings = dict[str, str | int | float | bool]
Client = TypeVar("Client")


class BadSettings(ValueError):
    """librdkafka does not take these settings; the message is its own."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is."""

    brokers: str
    kafka: KafkaSettings = field(default_factory=dict, repr=False)
    """further librdkafka settings, such as security.protocol; may hold secrets"""

    def _settings(self, own: Settings) -> Settings:
        # What librdkafka says on stderr, a command says in its own words.
        return {"log_level": 0, **self.kafka, **own, "bootstrap.servers": self.brokers}

    def producer(self, transactional_id: str = "") -> Producer:
        """A producer that loses nothing; transactional when it has an id."""
        own: Settings = {
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "compression.type": "lz4",
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "delivery.timeout.ms": int(PATIENCE_SECONDS * 1000),
        }
        if transactional_id:
            own["transactional.id"] = transactional_id
            own["transaction.timeout.ms"] = int(PATIENCE_SECONDS * 1000)
        return _made(Producer, self._settings(own))

    def consumer(self, group: str = "millrace-command") -> Consumer:
        """A consumer of what is committed, which joins no group and commits nothing."""
        own: Settings = {
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 65_536,
        }
        return _made(Consumer, self._settings(own))

    def admin(self) -> AdminClient:
        """A client that asks about the cluster."""
        return _made(AdminClient, self._settings({}))


def _made(kind: Callable[[Settings], Client], settings: Settings) -> Client:
    try:
        return kind(settings)
    except KafkaException as error:
        cause = error.args[0]
        if cause.code() == KafkaError._INVALID_ARG:
            raise BadSettings(cause.str()) from error
        raise


def await_answer(client: AdminClient | Consumer, patience: float = PATIENCE_SECONDS) -> None:
    """Return once Kafka answers. Raises KafkaException when it does not in time.

    In steps, between which Ctrl-C is heard: a call to librdkafka cannot be interrupted.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            client.list_topics(timeout=STEP_SECONDS)
            return
        except KafkaException:
            if time.monotonic() > deadline:
                raise


def answers(admin: AdminClient, topic: str) -> bool:
    """Kafka answers and has the topic. Blocks for up to PROBE_SECONDS."""
    try:
        found = admin.list_topics(topic, timeout=PROBE_SECONDS).topics.get(topic)
    except KafkaException:
        return False
    return found is not None and found.error is None
