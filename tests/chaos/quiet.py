"""Waits until a pipeline has nothing left to do."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter, defaultdict

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from tests.chaos.auditor import Contract
from tests.chaos.tables import BESIDE

GROUP = "millrace-workers"
WATCHED = ("orders.events", "payments.events")
SETTLED_SECONDS = 4.0
"""nothing new for so long, with nothing open, is quiet"""
STUCK_SECONDS = 60.0
"""nothing new for so long is quiet too: what is open will stay open, and the audit says so"""
QUIET_TIMEOUT_SECONDS = 300.0
CALL_TIMEOUT_SECONDS = 10.0
PROGRESS_SECONDS = 5.0


class Progress:
    """Follows orders and payments, and knows which of them still wait for something."""

    def __init__(self, bootstrap: str) -> None:
        """Read from the beginning; nothing is read before `poll`."""
        self._contract = Contract()
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "progress",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "log_level": 0,
            }
        )
        topics = self._consumer.list_topics(timeout=CALL_TIMEOUT_SECONDS).topics
        self._consumer.assign(
            [
                TopicPartition(name, partition, OFFSET_BEGINNING)
                for name in WATCHED
                for partition in topics[name].partitions
            ]
        )
        self.events = 0
        self._orders: dict[str, str] = {}
        self._payments: dict[str, str] = {}
        self._queued: dict[str, set[str]] = defaultdict(set)
        """by order: its holds of routing, for which it waits for a person"""

    def poll(self, seconds: float = 0.2) -> None:
        """Take what has come."""
        for message in self._consumer.consume(5_000, seconds):
            if message.error() is not None:
                continue
            name, fields = self._contract.decode(message.value())
            self.events += 1
            if name == "OrderHeld" and fields["kind"] == "routing" and not fields["until_ms"]:
                self._queued[fields["order_id"]].add(fields["hold_id"])
            elif name == "HoldEnded":
                self._queued[fields["order_id"]].discard(fields["hold_id"])
            if name.endswith("CommandRefused") or name in BESIDE or "order_id" not in fields:
                continue
            states = self._orders if message.topic() == WATCHED[0] else self._payments
            states[fields["order_id"]] = name

    def orders(self) -> Counter[str]:
        """Orders by their last event."""
        return Counter(self._orders.values())

    def open(self) -> int:
        """Orders that are not at rest, and payments whose answer is out."""
        # A backordered order waits longer for its next try than any run lasts.
        ended = ("OrderReleased", "OrderRefused", "OrderCancelled", "OrderBackordered")
        orders = sum(
            last not in ended and not self._queued.get(order_id)
            for order_id, last in self._orders.items()
        )
        payments = sum(last.endswith("Requested") for last in self._payments.values())
        return orders + payments

    def close(self) -> None:
        """Stop following."""
        self._consumer.close()


def lag(bootstrap: str, group: str = GROUP) -> int:
    """Committed records that the group has still to read; -1 when that cannot be told now."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    ends = Consumer({"bootstrap.servers": bootstrap, "group.id": "lag", "log_level": 0})
    try:
        future = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
        places = future.result(CALL_TIMEOUT_SECONDS).topic_partitions
        left = 0
        for place in places:
            if place.offset < 0:
                continue
            # The committed offset never counts the transaction's own marker behind it.
            end = ends.get_watermark_offsets(place, timeout=CALL_TIMEOUT_SECONDS)[1]
            left += _records_between(ends, place, end) if end > place.offset else 0
        return left
    except (KafkaException, TimeoutError):
        return -1
    finally:
        ends.close()


def _records_between(reader: Consumer, place: TopicPartition, end: int) -> int:
    """1 when a record that is no marker stands between the place and `end`, else 0."""
    reader.assign([TopicPartition(place.topic, place.partition, place.offset)])
    message = reader.poll(1.0)
    reader.unassign()
    return int(message is not None and message.error() is None and (message.offset() or 0) < end)


def wait_until_quiet(bootstrap: str, progress: Progress, expected: int) -> float:
    """Wait until `expected` orders are placed and nothing is open any more; return the seconds.

    Ends after QUIET_TIMEOUT_SECONDS in any case: what is missing then is for the audit to tell.
    """
    began = last_change = last_told = time.monotonic()
    seen = -1
    while time.monotonic() - began < QUIET_TIMEOUT_SECONDS:
        with contextlib.suppress(KafkaException):
            progress.poll()
        now = time.monotonic()
        if progress.events != seen:
            seen, last_change = progress.events, now
        still = now - last_change
        if now - last_told >= PROGRESS_SECONDS:
            last_told = now
            counts = ", ".join(f"{count} {name}" for name, count in progress.orders().most_common())
            told = f"waiting: {progress.open()} open, still for {still:.0f} s; {counts}"
            print(told, file=sys.stderr, flush=True)
        settled = progress.open() == 0 and progress.orders().total() >= expected
        if (settled and still >= SETTLED_SECONDS and lag(bootstrap) == 0) or (
            still >= STUCK_SECONDS
        ):
            break
    return time.monotonic() - began
