"""All subscriptions in one process, a thread for each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, Message

from connectors.delivery import PolledProducer
from connectors.webhooks.sender import ENABLED, Sender
from connectors.webhooks.shops import receiver_of
from connectors.webhooks.subscriptions import Subscription
from connectors.webhooks.switches import Switches
from schemas import codec
from schemas.topics import WEBHOOKS_ATTEMPTS, WEBHOOKS_SWITCHES
from schemas.webhooks import WebhookAttempted, WebhookSwitched

log = logging.getLogger("millrace.webhooks")
DELIVERY_SECONDS = 60.0
STOP_SECONDS = 20.0
FULL_SECONDS = 0.1


class Journal:
    """Writes the log of attempts and the switches. Any thread may write."""

    def __init__(self, bootstrap: str, kafka: Mapping[str, str | int]) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self._polled = PolledProducer("webhooks", log, bootstrap, kafka, DELIVERY_SECONDS, {})
        self.failed = self._polled.failed

    def write(self, record: WebhookAttempted | WebhookSwitched) -> None:
        """Write one record; what Kafka does not take in time ends the process."""
        is_attempt = isinstance(record, WebhookAttempted)
        topic = WEBHOOKS_ATTEMPTS if is_attempt else WEBHOOKS_SWITCHES
        while True:
            try:
                self._polled.producer.produce(
                    topic.name,
                    codec.encode(record),
                    record.subscription.encode(),
                    on_delivery=self._delivered,
                )
                return
            except BufferError:
                if self.failed.wait(FULL_SECONDS):
                    return

    def close(self) -> None:
        """Wait for what is in flight, and end."""
        self._polled.producer.flush(STOP_SECONDS)
        self._polled.close()

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            log.critical("the log of attempts: %s", error)
            self.failed.set()


class Webhooks:
    """Every subscription of a file."""

    def __init__(
        self,
        bootstrap: str,
        subscriptions: Sequence[Subscription],
        kafka: Mapping[str, str | int] | None = None,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self.journal = Journal(bootstrap, kafka or {})
        self.switches = Switches(bootstrap, kafka)
        self.senders = {
            one.name: Sender(
                bootstrap,
                one,
                self.journal.write,
                self.switches.is_enabled,
                kafka,
                receiver_of(one),
            )
            for one in subscriptions
        }
        for name in self.senders:
            ENABLED.labels(name).set(1)

    def waiting_for(self) -> str:
        """What is still to be done before events are delivered; empty when it is."""
        return "" if self.switches.caught_up.is_set() else "reading which ones are switched off"

    def start(
        self, begin: Callable[[str, Callable[[], None]], threading.Thread], stop: threading.Event
    ) -> list[threading.Thread]:
        """Have every part run in a thread that `begin` makes of a name and what it does."""

        def deliver(sender: Sender) -> None:
            # What is switched off must be known before anything is sent.
            while not stop.is_set() and not self.switches.caught_up.wait(0.2):
                pass
            if not stop.is_set():
                sender.run(stop)

        def watch() -> None:
            while not stop.is_set():
                if self.journal.failed.wait(0.2):
                    raise RuntimeError("the log of attempts cannot be written")

        return [
            begin("switches", lambda: self.switches.run(stop)),
            begin("journal", watch),
            *(
                begin(f"webhooks {name}", lambda sender=sender: deliver(sender))  # type: ignore[misc]
                for name, sender in self.senders.items()
            ),
        ]
