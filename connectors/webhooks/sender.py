"""Reads the events of one subscription and delivers them, one after the other.

Crash-only: an error of Kafka that does not pass ends `run` with an exception. What was delivered
since the last commit, at most COMMIT_SECONDS ago, is then delivered again.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import Counter, Gauge

from connectors.webhooks.posting import (
    Answer,
    Poster,
    Receiver,
    gives_up,
    pause_seconds,
    sets_aside,
)
from connectors.webhooks.subscriptions import Subscription, message_id
from schemas import codec
from schemas.records import Record
from schemas.webhooks import WebhookAttempted, WebhookSwitched

log = logging.getLogger("millrace.webhooks")
POLL_SECONDS = 0.2
COMMIT_SECONDS = 1.0
SESSION_MS = 6_000
"""How long the partitions of a process that was killed wait for another."""
MILLRACE = "millrace"

ATTEMPTS = Counter(
    "millrace_webhooks_attempts_total", "Attempts to deliver", ["subscription", "outcome"]
)
ENABLED = Gauge(
    "millrace_webhooks_enabled_ratio", "0 for a subscription that is switched off", ["subscription"]
)

Write = Callable[[WebhookAttempted | WebhookSwitched], None]
IsEnabled = Callable[[str], bool]


class Sender:
    """One subscription. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        subscription: Subscription,
        write: Write,
        is_enabled: IsEnabled,
        kafka: Mapping[str, str | int] | None = None,
        receiver: Receiver | None = None,
        pause: Callable[[int, Answer], float] | None = None,
    ) -> None:
        """`write` keeps the log of attempts; `is_enabled` knows the latest WebhookSwitched.

        Raises KafkaException for a setting that librdkafka does not know.
        """
        self._subscription = subscription
        self._write = write
        self._is_enabled = is_enabled
        self._receiver = receiver or Poster(subscription)
        chance = random.Random()
        self._pause = pause or (lambda attempt, answer: pause_seconds(attempt, answer, chance))
        self._failure: KafkaError | None = None
        self._early: deque[Message] = deque()
        """what came while another event was waited for, as a rebalance can bring"""
        self._consumer = Consumer(
            {
                "log_level": 0,
                **(kafka or {}),
                "bootstrap.servers": bootstrap,
                "group.id": f"millrace-webhooks-{subscription.name}",
                "isolation.level": "read_committed",
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 3,
                "enable.auto.commit": True,
                "auto.commit.interval.ms": int(COMMIT_SECONDS * 1000),
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest" if subscription.from_beginning else "latest",
                "fetch.wait.max.ms": 100,
                "queued.max.messages.kbytes": 4_096,
                "error_cb": self._on_error,
            }
        )

    def run(self, stop: threading.Event) -> None:
        """Deliver until `stop` is set. Raises KafkaException."""
        self._consumer.subscribe(
            [topic.name for topic in self._subscription.topics],
            on_revoke=lambda _consumer, gone: self._forget(gone),
        )
        try:
            while not stop.is_set():
                message = self._early.popleft() if self._early else self._polled()
                if message is not None:
                    self._take(message, stop)
        finally:
            self._consumer.close()
            self._receiver.close()

    def _take(self, message: Message, stop: threading.Event) -> None:
        event = self._wanted(message)
        if event is not None and not self._deliver(message, event, stop):
            return
        try:
            self._consumer.store_offsets(message)
        except KafkaException as error:
            # The partition is another process's by now, which delivers the event again.
            if error.args[0].code() != KafkaError._STATE:
                raise

    def _wanted(self, message: Message) -> Record | None:
        """The event, if the subscription asks for it. What is no record is left out."""
        try:
            event = codec.decode(message.value() or b"")
        except codec.UnreadableRecord:
            return None
        return event if self._subscription.wants(event) else None

    def _deliver(self, message: Message, event: Record, stop: threading.Event) -> bool:
        """Try until it is delivered; False where the process ends before."""
        name = self._subscription.name
        place = message.topic() or "", message.partition() or 0, message.offset() or 0
        written_at_ms, known_as = message.timestamp()[1], message_id(*place)
        attempt = 0
        while not stop.is_set():
            if not self._is_enabled(name):
                ENABLED.labels(name).set(0)
                self._wait(1.0, stop)
                attempt = 0
                continue
            ENABLED.labels(name).set(1)
            attempt += 1
            answer = self._receiver.deliver(known_as, event, written_at_ms)
            ATTEMPTS.labels(name, "delivered" if answer.delivered else "failed").inc()
            aside, given_up = sets_aside(attempt, answer), gives_up(attempt, answer)
            over = answer.delivered or aside or given_up
            pause = 0.0 if over else self._pause(attempt, answer)
            self._note(known_as, event, attempt, answer, pause)
            if aside:
                ATTEMPTS.labels(name, "set_aside").inc()
                log.error("%s does not take %s: %s", name, known_as, answer.reason)
            if answer.delivered or aside:
                return True
            if given_up:
                log.error("webhooks to %s are switched off: %s", name, given_up)
                now_ms = time.time_ns() // 1_000_000
                self._write(WebhookSwitched(name, False, given_up, MILLRACE, now_ms))
                self._wait_until_off(stop)
            else:
                self._wait(pause, stop)
        return False

    def _note(
        self, known_as: str, event: Record, attempt: int, answer: Answer, pause: float
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        self._write(
            WebhookAttempted(
                self._subscription.name,
                known_as,
                type(event).__name__,
                attempt,
                answer.status,
                answer.reason,
                now_ms,
                now_ms + int(pause * 1000) if pause else 0,
            )
        )

    def _wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait, and stay in the group: a consumer that is not polled is taken for dead."""
        until = time.monotonic() + seconds
        while not stop.is_set() and (left := until - time.monotonic()) > 0:
            # Anew each time: a rebalance brings partitions that are not paused.
            self._consumer.pause(self._consumer.assignment())
            message = self._polled(min(left, POLL_SECONDS))
            if message is not None:
                self._early.append(message)
        self._consumer.resume(self._consumer.assignment())

    def _wait_until_off(self, stop: threading.Event) -> None:
        """Until the own switch has been read back, so that it is not overtaken by an attempt."""
        while not stop.is_set() and self._is_enabled(self._subscription.name):
            self._wait(POLL_SECONDS, stop)

    def _forget(self, gone: list[TopicPartition]) -> None:
        """What came early of partitions that another process has from now on."""
        places = {(place.topic, place.partition) for place in gone}
        self._early = deque(
            message
            for message in self._early
            if (message.topic(), message.partition()) not in places
        )

    def _polled(self, seconds: float = POLL_SECONDS) -> Message | None:
        message = self._consumer.poll(seconds)
        if self._failure is not None:
            raise KafkaException(self._failure)
        if message is None:
            return None
        error = message.error()
        if error is None:
            return message
        if error.fatal() or not error.retriable():
            raise KafkaException(error)
        return None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._failure = error
