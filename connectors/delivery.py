"""A producer for processes that answer somebody only once Kafka has what they were told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from confluent_kafka import KafkaError, Producer

POLL_SECONDS = 0.1


class PolledProducer:
    """An idempotent producer that waits for every in-sync replica, and the thread that calls its
    delivery reports. `name` is the thread's, and what the log calls it."""

    def __init__(
        self,
        name: str,
        log: logging.Logger,
        bootstrap: str,
        kafka: Mapping[str, str | int],
        delivery_seconds: float,
        further: Mapping[str, str | int],
    ) -> None:
        """`kafka` are settings of the user's, which ours and `further` outweigh.

        Raises KafkaException for a setting that librdkafka does not know.
        """
        self.failed = threading.Event()
        """set once nothing can be delivered any more and the process must start anew"""
        self._name = name
        self._log = log
        self._closing = threading.Event()
        self.producer = Producer(
            {
                "log_level": 0,
                **kafka,
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "delivery.timeout.ms": int(delivery_seconds * 1000),
                "linger.ms": 2,
                "error_cb": self._on_error,
                **further,
            }
        )
        self._thread = threading.Thread(target=self._poll, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread; nobody hears any more of what is in flight."""
        self._closing.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                self.producer.poll(POLL_SECONDS)
            except Exception:
                self._log.exception("a delivery report could not be told")

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._log.critical("%s: %s", self._name, error)
            self.failed.set()
