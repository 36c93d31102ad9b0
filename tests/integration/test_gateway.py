"""The gateway connector on a real broker: killed, slow, and with others in its group.

python -m tests.integration.test_gateway BOOTSTRAP EVENTS COMMANDS GROUP JOURNAL
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.payment_gateways import connector, sandbox
from connectors.payment_gateways.connector import Route, Status
from connectors.payment_gateways.desk import Limits
from deploy.broker import EmbeddedBroker
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    PaymentAuthorized,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record

pytestmark = pytest.mark.integration

MODULE = "tests.integration.test_gateway"
PARTITIONS = 2
ORDERS = 4_000
KILLS = 3
SESSION_SECONDS = 6.0
PATIENCE_SECONDS = 30.0
IN_FLIGHT = 250
SILENT_EVERY = 100
VOID_EVERY = 10
REQUEST_SECONDS = 0.3


class Authorizes:
    """A gateway that is asked for authorizations alone."""

    async def inquire(self, request: AuthorizationRequested) -> RecordAuthorization:
        raise NotImplementedError

    async def capture(self, request: CaptureRequested) -> RecordCapture:
        raise NotImplementedError

    async def inquire_capture(self, request: CaptureRequested) -> RecordCapture:
        raise NotImplementedError

    async def refund(self, request: RefundRequested) -> RecordRefund:
        raise NotImplementedError

    async def inquire_refund(self, request: RefundRequested) -> RecordRefund:
        raise NotImplementedError


class Journal(Authorizes):
    """A gateway that takes its time and writes down what it was asked, beyond its own death."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        await self._work("authorize", request.order_id, request.token)
        key = sandbox.authorization_id(request.idempotency_key)
        return RecordAuthorization(
            request.order_id, "approved", key, request.amount_minor, request.currency, ""
        )

    async def void(self, request: VoidRequested) -> RecordVoid:
        await self._work("void", request.order_id, "")
        return RecordVoid(request.order_id, "voided", request.authorization_id)

    async def close(self) -> None:
        os.close(self._file)

    async def _work(self, kind: str, order_id: str, card: str) -> None:
        os.write(self._file, f"begin {kind} {order_id}\n".encode())
        silent = card == sandbox.TIMES_OUT_APPROVED
        await asyncio.sleep(3600 if silent else hash(order_id) % 20 / 1000)
        os.write(self._file, f"end {kind} {order_id}\n".encode())


class Stalled(Authorizes):
    """A gateway that answers when it is let, or after some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.asked: list[str] = []
        self.free = threading.Event()

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        self.asked.append(request.order_id)
        began = time.monotonic()
        while not self.free.is_set() and time.monotonic() - began < self.seconds:
            await asyncio.sleep(0.02)
        return sandbox.authorize(request)[0]

    async def void(self, request: VoidRequested) -> RecordVoid:
        raise NotImplementedError

    async def close(self) -> None:
        self.free.set()


class Topics:
    """A pair of topics and a group that no other test has."""

    def __init__(self, bootstrap: str, unique: Callable[[str], str]) -> None:
        self.bootstrap = bootstrap
        self.route = Route(unique("events"), unique("commands"), unique("gateway"))
        self._producer = Producer(
            {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 20}
        )
        admin = AdminClient({"bootstrap.servers": bootstrap})
        names = (self.route.reads, self.route.writes)
        for future in admin.create_topics([NewTopic(n, PARTITIONS, 1) for n in names]).values():
            future.result(30)

    def write(self, order_id: str, record: Record) -> None:
        self._producer.produce(self.route.reads, codec.encode(record), order_id)

    def write_bytes(self, partition: int, value: bytes | None) -> None:
        self._producer.produce(self.route.reads, value, partition=partition)

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def answers(self) -> list[tuple[int, RecordAuthorization | RecordVoid]]:
        """What is on the topic of answers now, each with its partition, in its order."""
        reader = self._reader("reader")
        try:
            ends = [
                reader.get_watermark_offsets(TopicPartition(self.route.writes, each), timeout=10)[1]
                for each in range(PARTITIONS)
            ]
            reader.assign(
                [TopicPartition(self.route.writes, each, 0) for each in range(PARTITIONS)]
            )
            found: list[tuple[int, RecordAuthorization | RecordVoid]] = []
            deadline = time.monotonic() + PATIENCE_SECONDS
            while len(found) < sum(ends) and time.monotonic() < deadline:
                for message in reader.consume(5_000, 0.1):
                    record = codec.decode(message.value() or b"")
                    assert isinstance(record, RecordAuthorization | RecordVoid)
                    found.append((message.partition() or 0, record))
            assert len(found) == sum(ends)
            return found
        finally:
            reader.close()

    def is_done(self) -> bool:
        """Whether the group has committed everything."""
        reader = self._reader(self.route.group)
        try:
            places = [TopicPartition(self.route.reads, each) for each in range(PARTITIONS)]
            return all(
                place.offset
                == reader.get_watermark_offsets(
                    TopicPartition(place.topic, place.partition), timeout=10
                )[1]
                for place in reader.committed(places, timeout=10)
            )
        except KafkaException:  # a new topic's leader is not known everywhere at once
            return False
        finally:
            reader.close()

    def _reader(self, group: str) -> Consumer:
        return Consumer({"bootstrap.servers": self.bootstrap, "group.id": group})


@pytest.fixture
def topics(broker: EmbeddedBroker, unique: Callable[[str], str]) -> Topics:
    return Topics(broker.bootstrap, unique)


def request(order_id: str, card: str = sandbox.APPROVED) -> AuthorizationRequested:
    now_ms = time.time_ns() // 1_000_000
    return AuthorizationRequested(order_id, f"{order_id}/1", 500, "EUR", card, False, 1, now_ms)


def is_silent(number: int) -> bool:
    return number % SILENT_EVERY == 1


def write_work(topics: Topics) -> None:
    """Requests, other events among them, voids right behind, and damage in the middle."""
    for number in range(ORDERS):
        order_id = f"o-{number}"
        card = sandbox.TIMES_OUT_APPROVED if is_silent(number) else sandbox.APPROVED
        topics.write(order_id, request(order_id, card))
        topics.write(order_id, PaymentAuthorized(order_id, "x", 500, "EUR", "card", 1))
        if number % VOID_EVERY == 0:
            topics.write(order_id, VoidRequested(order_id, "a", f"{order_id}/void", 1, 1))
        if number == ORDERS // 2:
            for partition in range(PARTITIONS):
                topics.write_bytes(partition, b"no record at all")
                topics.write_bytes(partition, None)
                topics.write_bytes(partition, codec.encode(request("torn"))[:-5])
    topics.flush()


def start(topics: Topics, journal: Path) -> subprocess.Popen[bytes]:
    route = topics.route
    places = [route.reads, route.writes, route.group, str(journal)]
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, topics.bootstrap, *places], stderr=subprocess.DEVNULL
    )


def wait_for(what: Callable[[], bool], pause: float = 0.05) -> float:
    """Seconds until it was so."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < PATIENCE_SECONDS, "it does not come"
        time.sleep(pause)
    return time.monotonic() - began


def work_with_kills(topics: Topics, journal: Path) -> list[float]:
    """Kill it as its work goes on; return the seconds from each kill to the next request."""
    waits: list[float] = []
    share = ORDERS // (KILLS + 1)
    process = start(topics, journal)
    try:
        for kill in range(KILLS):
            wait_for(lambda kill=kill: lines(journal) > 2 * share * (kill + 1), 0.005)  # type: ignore[misc]
            process.send_signal(signal.SIGKILL)
            process.wait(10)
            seen = lines(journal)
            process = start(topics, journal)
            waits.append(wait_for(lambda seen=seen: lines(journal) > seen, 0.005))  # type: ignore[misc]
        wait_for(topics.is_done, 0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait(10)
    return waits


def lines(journal: Path) -> int:
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def test_a_killed_gateway_loses_no_request_and_no_void_overtakes(
    topics: Topics, tmp_path: Path
) -> None:
    write_work(topics)
    waits = work_with_kills(topics, tmp_path / "journal")

    by_order: dict[str, list[RecordAuthorization | RecordVoid]] = defaultdict(list)
    answers = topics.answers()
    for _, answer in answers:
        by_order[answer.order_id].append(answer)
    assert len(by_order) == ORDERS
    for number in range(ORDERS):
        order_id = f"o-{number}"
        expected = (
            RecordAuthorization(order_id, "unknown", "", 0, "EUR", "", 1, number=1)
            if is_silent(number)
            else RecordAuthorization(
                order_id,
                "approved",
                sandbox.authorization_id(f"{order_id}/1"),
                500,
                "EUR",
                "",
                1,
                number=1,
            )
        )
        mine = by_order[order_id]
        assert mine[0] == expected
        assert {type(each) for each in mine[1:] if each != expected} <= {RecordVoid}
        voids = [each for each in mine if isinstance(each, RecordVoid)]
        assert bool(voids) == (number % VOID_EVERY == 0)
        assert {each.outcome for each in voids} <= {"voided"}

    repeated = len(answers) - ORDERS - ORDERS // VOID_EVERY
    assert repeated <= KILLS * PARTITIONS * IN_FLIGHT
    # A member that comes back under its name is not waited for.
    assert max(waits) < SESSION_SECONDS
    assert list(overtakers(tmp_path / "journal")) == []


def overtakers(journal: Path) -> Iterator[str]:
    """Orders whose void began before their authorization was done."""
    done: set[str] = set()
    for line in journal.read_text().splitlines():
        step, kind, order_id = line.split()
        if kind == "authorize" and step == "end":
            done.add(order_id)
        if kind == "void" and order_id not in done and not is_silent(int(order_id[2:])):
            yield order_id


@contextmanager
def running(topics: Topics, gateway: Any, **options: Any) -> Iterator[Status]:
    """A connector in this process, for the time of the block."""
    stop, status, faults = threading.Event(), Status(), []

    def work() -> None:
        try:
            connector.run(
                topics.bootstrap, stop, gateway, status=status, route=topics.route, **options
            )
        except BaseException as error:
            faults.append(error)

    thread = threading.Thread(target=work, name="connector")
    thread.start()
    try:
        wait_for(lambda: status.ready or bool(faults))
        yield status
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive() and faults == []
        assert not status.ready


def test_a_gateway_slower_than_kafkas_patience_does_not_cost_the_membership(
    topics: Topics,
) -> None:
    gateway = Stalled(seconds=7)
    for number in range(4):
        topics.write(f"o-{number}", request(f"o-{number}"))
    topics.flush()
    kafka = {"max.poll.interval.ms": 6_000}
    with running(topics, gateway, kafka=kafka, limits=Limits(request_seconds=20)) as status:
        wait_for(lambda: not status.ready or topics.is_done(), 0.2)
        assert status.ready
    assert sorted(gateway.asked) == [f"o-{number}" for number in range(4)]
    assert [answer.outcome for _, answer in topics.answers()] == ["approved"] * 4


def test_partitions_that_stood_still_are_read_on_after_others_have_come_and_gone(
    topics: Topics,
) -> None:
    limits = Limits(request_seconds=20, in_flight=4)
    gateway = Stalled(seconds=3600)
    for number in range(40):
        topics.write(f"o-{number}", request(f"o-{number}"))
    topics.flush()
    with running(topics, gateway, limits=limits):
        wait_for(lambda: len(gateway.asked) == 4 * PARTITIONS)
        with running(topics, Stalled(seconds=3600), limits=limits):
            pass
        # It has back what it had and begins again; what it abandoned is asked for once more.
        wait_for(lambda: len(gateway.asked) >= 4 * PARTITIONS + 4)
        gateway.free.set()
        wait_for(topics.is_done, 0.2)
    assert {answer.order_id for _, answer in topics.answers()} == {f"o-{n}" for n in range(40)}


if __name__ == "__main__":
    bootstrap, reads, writes, group, path = sys.argv[1:]
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    connector.run(
        bootstrap,
        ended,
        Journal(Path(path)),
        instance="gateway-0",
        limits=Limits(REQUEST_SECONDS, concurrent_requests=32, in_flight=IN_FLIGHT),
        route=Route(reads, writes, group),
    )
