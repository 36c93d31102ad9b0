"""The engine against a real broker: exactly once while it is killed, stopped and handed over."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from deploy.broker import EmbeddedBroker
from schemas import codec
from schemas.engine import DeadLetter
from schemas.records import Record
from schemas.stock import SetStock, StockSet
from schemas.topics import PARTITIONS, WORKER_CONTROL, Topic
from streams.engine.settings import COMMIT_PATIENCE_SECONDS
from streams.engine.worker import CRASHED
from tests.integration.toy import POISON, ToyRoom

PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def made_on(broker: EmbeddedBroker) -> ToyRoom:
    """A toy room whose topics this broker has."""
    made = ToyRoom(f"toy{time.monotonic_ns()}")
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    existing = admin.list_topics(timeout=10).topics
    wanted = [topic for topic in (*made.topics, WORKER_CONTROL) if topic.name not in existing]
    for future in admin.create_topics(
        [NewTopic(t.name, t.partitions, 1, config=t.configuration) for t in wanted]
    ).values():
        future.result(30)
    return made


@pytest.fixture
def room(broker: EmbeddedBroker) -> ToyRoom:
    return made_on(broker)


@contextmanager
def worker(
    broker: EmbeddedBroker, room: ToyRoom, directory: Path, instance: str = "w0"
) -> Iterator[subprocess.Popen[bytes]]:
    port = free_port()
    log = (directory / f"{instance}-{port}.log").open("wb")
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.integration.toy",
            broker.bootstrap,
            instance,
            str(directory),
            room.name,
            str(port),
        ],
        stdout=log,
        stderr=log,
    )
    process.port = port  # type: ignore[attr-defined]
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait(10)
        log.close()


def send(broker: EmbeddedBroker, room: ToyRoom, skus: list[str]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "partitioner": "murmur2_random",
            "acks": "all",
            "enable.idempotence": True,
        }
    )
    for sku in skus:
        value = codec.encode(SetStock(sku, "x", 1, 0, "test"))
        producer.produce(room.commands.name, value, sku.encode())
    assert producer.flush(30) == 0


def read(broker: EmbeddedBroker, topic: Topic) -> list[Record]:
    """Everything committed on a topic now, in offset order within each partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "test-reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic.name, p, 0) for p in range(PARTITIONS)])
    records, ended = [], 0
    while ended < PARTITIONS:
        for message in consumer.consume(1000, 1.0):
            if message.error() is not None:
                ended += 1
            else:
                records.append(codec.decode(message.value() or b""))
    consumer.close()
    return records


def counted_until(broker: EmbeddedBroker, room: ToyRoom, total: int) -> list[StockSet]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        events = [e for e in read(broker, room.events) if isinstance(e, StockSet)]
        if len(events) >= total or time.monotonic() > deadline:
            return events
        time.sleep(0.3)


def assert_each_counted_once(events: list[StockSet], sent: list[str]) -> None:
    by_sku: dict[str, list[int]] = {}
    for event in events:
        by_sku.setdefault(event.sku, []).append(event.on_hand)
    assert {sku: len(counts) for sku, counts in by_sku.items()} == Counter(sent)
    for counts in by_sku.values():
        assert counts == list(range(1, len(counts) + 1))


def test_every_record_is_counted_once_while_workers_are_killed_and_stopped(
    broker: EmbeddedBroker, room: ToyRoom, tmp_path: Path
) -> None:
    chance = random.Random(5)
    sent = [f"sku-{chance.randrange(50)}" for _ in range(20_000)]
    for first in range(0, len(sent), 5_000):
        send(broker, room, sent[first : first + 5_000])
        with worker(broker, room, tmp_path, "w0") as one, worker(broker, room, tmp_path, "w1"):
            time.sleep(chance.uniform(2.0, 4.0))
            if first == 5_000:
                one.send_signal(signal.SIGSTOP)
                send(broker, room, ["late"] * 100)
                sent = [*sent, *["late"] * 100]
                time.sleep(8)
                one.send_signal(signal.SIGCONT)
                time.sleep(1)
    with worker(broker, room, tmp_path, "w0"):
        assert_each_counted_once(counted_until(broker, room, len(sent)), sent)


def test_a_worker_ends_when_a_commit_has_no_answer_and_its_successor_goes_on(
    tmp_path: Path,
) -> None:
    with EmbeddedBroker(tmp_path / "kafka") as silent:
        room = made_on(silent)
        sent = ["first", *(f"sku-{number % 50}" for number in range(20_000))]
        with worker(silent, room, tmp_path) as wedged:
            send(silent, room, sent[:1])
            counted_until(silent, room, 1)
            send(silent, room, sent[1:])
            assert silent.pid is not None
            os.kill(silent.pid, signal.SIGSTOP)
            try:
                status = wedged.wait(COMMIT_PATIENCE_SECONDS + 20)
            finally:
                os.kill(silent.pid, signal.SIGCONT)
            assert status == CRASHED
        with worker(silent, room, tmp_path):
            assert_each_counted_once(counted_until(silent, room, len(sent)), sent)


def test_a_worker_without_its_checkpoint_restores_from_the_state_topic(
    broker: EmbeddedBroker, room: ToyRoom, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    send(broker, room, ["a", "b", "a"])
    with worker(broker, room, first):
        assert len(counted_until(broker, room, 3)) == 3
    send(broker, room, ["a", "b", "c"])
    with worker(broker, room, second):
        assert_each_counted_once(counted_until(broker, room, 6), ["a", "b", "a", "a", "b", "c"])


def test_a_record_that_cannot_be_decided_is_set_aside_whole_and_the_rest_go_on(
    broker: EmbeddedBroker, room: ToyRoom, tmp_path: Path
) -> None:
    send(broker, room, ["a", POISON, "b"])
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(room.commands.name, b"\xc3\x01rubbish", b"a")
    producer.flush(30)
    with worker(broker, room, tmp_path):
        assert_each_counted_once(counted_until(broker, room, 2), ["a", "b"])
        deadline = time.monotonic() + PATIENCE_SECONDS
        letters: list[Record] = []
        while len(letters) < 2 and time.monotonic() < deadline:
            letters = read(broker, room.dead_letter)
    causes = sorted(letter.cause for letter in letters if isinstance(letter, DeadLetter))
    assert [cause.split(":")[0] for cause in causes] == ["UnreadableRecord", "ValueError"]
    assert {
        codec.decode(x.value)
        for x in letters
        if isinstance(x, DeadLetter) and x.key == POISON.encode()
    } == {SetStock(POISON, "x", 1, 0, "test")}
    assert len(read(broker, room.state)) == 2


def test_a_worker_tells_how_it_is_and_ends_cleanly_on_sigterm(
    broker: EmbeddedBroker, room: ToyRoom, tmp_path: Path
) -> None:
    with worker(broker, room, tmp_path) as process:
        send(broker, room, ["a"])
        assert len(counted_until(broker, room, 1)) == 1
        base = f"http://127.0.0.1:{process.port}"  # type: ignore[attr-defined]
        for path, wanted in (
            ("/health", b"ok"),
            ("/ready", b"ready"),
            ("/metrics", b"millrace_engine_records_read_total"),
        ):
            with urllib.request.urlopen(base + path, timeout=5) as answer:
                assert wanted in answer.read()
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(20) == 0
