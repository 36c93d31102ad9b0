"""The Stripe-shaped gateway in its own process: a real broker before it, the fake behind it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.broker import EmbeddedBroker, free_port
from deploy.topics import create
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RefundRequested,
)
from schemas.records import Record
from schemas.topics import PAYMENTS_COMMANDS, PAYMENTS_EVENTS
from tests.fakes.stripe import LOST_ANSWER, SECRET_KEY, WEBHOOK_SECRET, StripeFake
from tests.fakes.stripe_ledger import PENDING_REFUND
from tests.integration.waiting import HOST, PATIENCE_SECONDS, is_ready

pytestmark = pytest.mark.integration


class Beside:
    """The fake on a loop of its own, beside the test."""

    def __init__(self) -> None:
        self.fake = StripeFake()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = self.run(self.fake.start())

    def run(self, work: object) -> object:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    def stop(self) -> None:
        self.run(self.fake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def beside() -> Iterator[Beside]:
    place = Beside()
    try:
        yield place
    finally:
        place.stop()


class Payments:
    """The payments room's side: its events and its commands."""

    def __init__(self, bootstrap: str) -> None:
        create(bootstrap, {}, PATIENCE_SECONDS)
        self._producer = Producer({"bootstrap.servers": bootstrap})
        self._reader = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader"})
        # Not asked of the broker: what is being made at the same time it may not show yet.
        partitions = range(PAYMENTS_COMMANDS.partitions)
        self._reader.assign([TopicPartition(PAYMENTS_COMMANDS.name, p, 0) for p in partitions])
        self.told: list[Record] = []

    def ask(self, request: AuthorizationRequested | CaptureRequested | RefundRequested) -> None:
        self._producer.produce(PAYMENTS_EVENTS.name, codec.encode(request), request.order_id)
        assert self._producer.flush(30) == 0

    def await_told(self, is_it: Callable[[Record], bool]) -> Record:
        """The first record that is it, of those that nobody has been given yet."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            for place, record in enumerate(self.told):
                if is_it(record):
                    del self.told[: place + 1]
                    return record
            for message in self._reader.consume(100, 0.1):
                self.told.append(codec.decode(message.value() or b""))
        raise AssertionError(f"it is not told; {self.told}")

    def close(self) -> None:
        self._reader.close()


@contextmanager
def running(bootstrap: str, url: str, folder: Path) -> Iterator[str]:
    """The gateway's process, ready; where its webhooks come in."""
    key, webhook, log = folder / "key", folder / "webhook", folder / "log"
    key.write_text(SECRET_KEY)
    webhook.write_text(f"whsec_next\n{WEBHOOK_SECRET}\n")
    (folder / "millrace.toml").write_text(
        f'[gateway]\nkind = "stripe"\nstripe_url = "{url}"\n'
        f'stripe_secret_key_file = "{key}"\nstripe_webhook_secret_file = "{webhook}"\n'
    )
    port = free_port(HOST)
    webhook_port = free_port(HOST, port)
    command = [
        sys.executable, "-m", "deploy.cli", "--config", str(folder / "millrace.toml"), "gateway",
        "--brokers", bootstrap, "--port", str(port), "--webhook-port", str(webhook_port),
    ]  # fmt: skip
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env={**os.environ})
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_ready(port):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{webhook_port}/gateways/stripe/webhooks"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, log.read_text()
        text = log.read_text()
        assert SECRET_KEY not in text and WEBHOOK_SECRET not in text and "pm_card" not in text
    finally:
        process.kill()
        process.wait(10)


def test_a_payment_is_held_taken_and_given_back_and_its_end_is_told_by_a_webhook(
    broker: EmbeddedBroker, beside: Beside, tmp_path: Path, unique: Callable[[str], str]
) -> None:
    order_id, now = unique("json"), time.time_ns() // 1_000_000
    payments = Payments(broker.bootstrap)

    def mine(kind: type[Record], outcome: str) -> Callable[[Record], bool]:
        return lambda record: (
            isinstance(record, kind)
            and getattr(record, "order_id", "") == order_id
            and getattr(record, "outcome", "") == outcome
        )

    def wish(inquiry: bool, attempt: int) -> AuthorizationRequested:
        return AuthorizationRequested(
            order_id, f"{order_id}/1", 4500, "EUR", PENDING_REFUND, inquiry, attempt, now
        )

    with running(broker.bootstrap, beside.url, tmp_path) as address:
        beside.fake.faults.extend([("confirm", LOST_ANSWER)] * 3)
        payments.ask(wish(False, 1))
        payments.await_told(mine(RecordAuthorization, "unknown"))
        payments.ask(wish(True, 2))
        approved = payments.await_told(mine(RecordAuthorization, "approved"))
        assert isinstance(approved, RecordAuthorization)
        assert (approved.amount_minor, approved.attempt, approved.number) == (4500, 2, 1)
        held = approved.authorization_id
        payments.ask(
            CaptureRequested(
                order_id, "1", held, "s-1/1", f"{order_id}/c", 4000, "EUR", True, False, 1, now
            )
        )
        payments.await_told(mine(RecordCapture, "captured"))
        payments.ask(
            RefundRequested(
                order_id, "1", held, "s-1/1", "r-1/1", f"{order_id}/r", 1000, "EUR", False, 1, now
            )
        )
        payments.await_told(mine(RecordRefund, "pending"))
        [refund_id] = beside.fake.ledger.refunds
        beside.fake.ledger.settle_refund(refund_id, "succeeded")
        statuses = beside.run(beside.fake.tell(address, times=2))
        assert isinstance(statuses, list) and set(statuses) == {200}
        refunded = payments.await_told(mine(RecordRefund, "refunded"))
        assert refunded == RecordRefund(order_id, "1", "r-1/1", "refunded", 1000, "EUR", "", 0)
    payments.close()
    assert beside.fake.ledger.holds_made == 1
