"""Fetches page after page of one source, each with its cursor in one transaction.

Crash-only: what goes wrong with Kafka ends `run` with an exception; a new start goes on behind the
last page that was committed. What goes wrong at the source is tried again, ever more slowly, and
stops no other source.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from prometheus_client import Counter, Gauge

from connectors.channels.publisher import new_raw_id
from connectors.channels.sealing import sealed
from connectors.polling.pace import Backoff, NotYet
from connectors.polling.source import Page, Refused, Source, SourceError, Throttled
from connectors.vault.sealing import Vault
from schemas import codec
from schemas.channels import ChannelCursor, RawPayload
from schemas.partitions import partition_of
from schemas.topics import CHANNELS_CURSORS, CHANNELS_RAW, CUSTOMERS_KEYS

log = logging.getLogger("millrace.poller")
POLL_SECONDS = 30.0
"""Between two rounds, where a source has nothing more."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 300.0
KAFKA_SECONDS = 30.0
TRANSACTION_MS = 60_000

PAGES = Counter("millrace_poller_pages_total", "Requests by outcome", ["source", "outcome"])
PAYLOADS = Counter("millrace_poller_payloads_total", "Payloads put on channels.raw", ["source"])
FAILING = Gauge("millrace_poller_failing_ratio", "1 while a source cannot be fetched", ["source"])


class CursorUnreadable(RuntimeError):
    """The cursor of a source could not be read in time."""


class Standing(NamedTuple):
    """How a source does; nothing in it is secret or personal."""

    state: str
    """starting, fetching, waiting (for its rate limit), failing or refused"""
    at_ms: int
    """since when"""
    payloads: int = 0
    """put on channels.raw since the beginning of the source"""
    failures: int = 0
    """in a row"""
    why: str = ""
    """what the last failure was; empty where there is none"""
    again_seconds: float = 0.0
    """after which the source is asked again, counted from `at_ms`"""


class Poller:
    """One source. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        source: Source,
        vault: Vault,
        kafka: Mapping[str, str | int] | None = None,
        *,
        poll_seconds: float = POLL_SECONDS,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        """Raises KafkaException for a setting that librdkafka does not know."""
        self._source = source
        self._vault = vault
        self._poll_seconds = poll_seconds
        self._backoff = Backoff(first_pause_seconds, LONGEST_PAUSE_SECONDS, random.Random())
        self._common = {"log_level": 0, **(kafka or {}), "bootstrap.servers": bootstrap}
        self._producer = Producer(
            {
                **self._common,
                # Fences an earlier self that still believes it is alone.
                "transactional.id": f"millrace-poller-{source.name}",
                "transaction.timeout.ms": TRANSACTION_MS,
                "partitioner": "murmur2_random",
                "message.max.bytes": 25 * 1024 * 1024,
                "compression.type": "lz4",
            }
        )
        self.ready = threading.Event()
        self.standing = Standing("starting", _now_ms())

    def told(self) -> dict[str, object]:
        """How the source does, for /health."""
        source = {"name": self._source.name, "channel": self._source.channel}
        return {**source, **self.standing._asdict()}

    def run(self, stop: threading.Event) -> None:
        """Fetch until `stop` is set. Raises KafkaException and CursorUnreadable."""
        name = self._source.name
        self._producer.init_transactions(KAFKA_SECONDS)
        # Read after the fence, so that nobody can move it any more.
        known = self._known()
        cursor = known.cursor
        count, failures = known.payloads, 0
        if not cursor:
            # Durable before the first request: else a source that fails at first would begin later
            # with every start, and skip what changed in between.
            cursor = self._source.first_cursor(_now_ms())
            self._commit(Page([], cursor, True), count)
        self.ready.set()
        log.info("%s: fetching, after %d payloads so far", name, count)
        self._stands("fetching", count)
        while not stop.is_set():
            try:
                page = self._page(cursor)
            except NotYet as early:
                # Nothing was asked and nothing failed; what has been fetched of the page stays.
                self._stands("waiting", count, failures, self.standing.why, early.seconds)
                PAGES.labels(name, "paced").inc()
                stop.wait(early.seconds)
                continue
            except SourceError as error:
                failures += 1
                stop.wait(self._failed(error, failures, count))
                continue
            if failures:
                log.info("%s: works again", name)
            failures = 0
            FAILING.labels(name).set(0)
            PAGES.labels(name, "fetched").inc()
            if page.payloads or page.cursor != cursor:
                count += len(page.payloads)
                self._commit(page, count)
                cursor = page.cursor
            self._stands("fetching", count)
            stop.wait(page.pause_seconds if page.more else self._poll_seconds)

    def _page(self, cursor: str) -> Page:
        """What a source never gives by its documentation is a fault of that source, whatever
        exception it leads to: no other source stops for it."""
        try:
            return self._source.page(cursor)
        except (SourceError, NotYet):
            raise
        except Exception as error:
            # Neither the message nor the traceback is told: they may quote an order.
            raise SourceError(f"could not be read: {type(error).__name__}") from error

    def _failed(self, error: SourceError, failures: int, count: int) -> float:
        """How long to wait after a failure, which is told."""
        name = self._source.name
        FAILING.labels(name).set(1)
        if isinstance(error, Refused):
            state, outcome, pause = "refused", "refused", self._backoff.longest()
        elif isinstance(error, Throttled):
            state, outcome = "failing", "throttled"
            pause = self._backoff.seconds(failures, error.seconds)
        else:
            state, outcome, pause = "failing", "failed", self._backoff.seconds(failures)
        PAGES.labels(name, outcome).inc()
        self._stands(state, count, failures, str(error), pause)
        log.warning("%s: %s; again in %.0f s", name, error, pause)
        return pause

    def _stands(
        self, state: str, count: int, failures: int = 0, why: str = "", again: float = 0.0
    ) -> None:
        """Tell how the source does. One assignment, so that other threads read all of it."""
        self.standing = Standing(state, _now_ms(), count, failures, why, round(again, 1))

    def _commit(self, page: Page, count: int) -> None:
        """Write the payloads, their keys and the cursor, all or nothing."""
        source, now_ms = self._source, _now_ms()
        self._producer.begin_transaction()
        for payload in page.payloads:
            raw = RawPayload(new_raw_id(), source.channel, "poll", "", now_ms, payload)
            closed, key = sealed(raw, self._vault)
            self._produce(CUSTOMERS_KEYS.name, key.key_id, codec.encode(key))
            self._produce(CHANNELS_RAW.name, raw.raw_id, codec.encode(closed))
        cursor = ChannelCursor(source.name, page.cursor, count, now_ms)
        self._produce(CHANNELS_CURSORS.name, source.name, codec.encode(cursor))
        self._producer.commit_transaction(KAFKA_SECONDS)
        PAYLOADS.labels(source.name).inc(len(page.payloads))

    def _produce(self, topic: str, key: str, value: bytes) -> None:
        self._producer.produce(topic, value, key.encode())

    def _known(self) -> ChannelCursor:
        """The latest cursor of the source. Raises CursorUnreadable."""
        name = self._source.name
        found = ChannelCursor(name, "", 0, 0)
        consumer = Consumer(
            {
                **self._common,
                "group.id": "millrace-pollers",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            }
        )
        topic = CHANNELS_CURSORS.name
        try:
            parts = consumer.list_topics(topic, timeout=KAFKA_SECONDS).topics[topic].partitions
            if not parts:
                raise CursorUnreadable(f"there is no topic {topic}; `millrace topics` makes it")
            number = partition_of(name.encode(), len(parts))
            consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)])
            deadline = time.monotonic() + KAFKA_SECONDS
            while time.monotonic() < deadline:
                message = consumer.poll(0.5)
                error = message.error() if message is not None else None
                if message is None or error is not None:
                    if error is not None and error.code() == KafkaError._PARTITION_EOF:
                        return found
                    continue
                record = codec.decode(message.value() or b"")
                if isinstance(record, ChannelCursor) and record.source == name:
                    found = record
        finally:
            consumer.close()
        raise CursorUnreadable(f"the cursor of {name} could not be read in {KAFKA_SECONDS:.0f} s")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
