"""The engine against a bare loop, and how long a killed worker takes to come back.

Both sides make the same decision with the same codec: the toy room of the engine's own tests. The
bare loop is what one would write by hand against confluent-kafka: a dict for state, one
transaction per batch, and nothing that could restore it.

    python -m tests.benchmarks.engine {bare,engine} BOOTSTRAP NAME RECORDS DIRECTORY PORT

runs one side as a process of its own; it prints JSON when RECORDS are decided, and goes on
until it is ended.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import cast

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.broker import free_port
from schemas import codec
from schemas.messages import Inbound, Room, Send, States
from schemas.records import Record
from schemas.stock import SetStock
from schemas.topics import WORKER_CONTROL
from streams.app import run as run_rooms
from streams.engine.settings import LINGER_SECONDS, MAXIMUM_BATCH_RECORDS, POLL_SECONDS, Settings
from tests.integration.toy import ToyRoom
from tests.load import committed_consumer
from tests.pipeline import HOST, peak_rss_mb

RATIO_RECORDS = 200_000
RATIO_KEYS = 10_000
RESTART_KEYS = 1_000_000
READY_TIMEOUT_SECONDS = 120.0
DECIDED_TIMEOUT_SECONDS = 900.0
STOP_TIMEOUT_SECONDS = 30.0
FLUSH_TIMEOUT_SECONDS = 300.0
CREATE_TIMEOUT_SECONDS = 30.0
SETTLE_SECONDS = 1.0
"""for the last commit, and for a checkpoint, to be behind us"""


class BenchmarkError(Exception):
    """A side did not do its work in time; the message has its log."""


class CountedRoom(ToyRoom):
    """The toy room, with its CPU from the first decision to the last."""

    def __init__(self, name: str, records: int) -> None:
        """`records`: after so many the measurement is over."""
        super().__init__(name)
        self.left = records
        self.cpu_before = 0.0
        self.over = threading.Event()

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """See ToyRoom."""
        if not self.cpu_before:
            self.cpu_before = own_cpu_seconds()
        self.left -= 1
        if self.left == 0:
            self.over.set()
        return super().decide(inbound, states, now_ms)


class DictStates:
    """The bare loop's state."""

    def __init__(self) -> None:
        """Empty, and not restored from anything."""
        self.held: dict[str, Record | None] = {}
        self.changes: dict[str, Record | None] = {}

    def get(self, key: str) -> Record | None:
        """See schemas.messages.States."""
        return self.held.get(key)

    def put(self, key: str, record: Record | None) -> None:
        """See schemas.messages.States."""
        self.held[key] = record
        self.changes[key] = record


def own_cpu_seconds() -> float:
    """User and system time of this process, all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def report(room: CountedRoom, records: int) -> None:
    """Print what the side has used, once its last commit is done."""
    time.sleep(SETTLE_SECONDS)
    used = own_cpu_seconds() - room.cpu_before
    print(json.dumps({"cpu_us": used / records * 1e6}), flush=True)


def run_engine(bootstrap: str, name: str, records: int, directory: Path, port: int) -> None:
    """One side: the engine."""
    room = CountedRoom(name, records)

    def watch() -> None:
        room.over.wait()
        report(room, records)

    threading.Thread(target=watch, daemon=True).start()
    settings = Settings(bootstrap, "bench-0", directory, group=f"{name}-workers", web_port=port)
    run_rooms([cast(Room, room)], settings)


def run_bare(bootstrap: str, name: str, records: int) -> None:
    """The other side: a loop."""
    room = CountedRoom(name, records)
    states = DictStates()
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": f"{name}-bare",
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"{name}-bare",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 100,
            "queued.max.messages.kbytes": 16_384,
            "fetch.message.max.bytes": 2 * 1024 * 1024,
        }
    )
    producer.init_transactions(READY_TIMEOUT_SECONDS)
    consumer.subscribe([room.commands.name])
    while room.left > 0:
        first = consumer.poll(POLL_SECONDS)
        if first is None or first.error() is not None:
            continue
        messages = [first, *consumer.consume(MAXIMUM_BATCH_RECORDS - 1, LINGER_SECONDS)]
        producer.begin_transaction()
        ends: dict[int, int] = {}
        now_ms = time.time_ns() // 1_000_000
        for message in messages:
            value, partition, offset = message.value(), message.partition(), message.offset()
            if message.error() is not None or value is None or partition is None or offset is None:
                continue
            inbound = Inbound((message.key() or b"").decode(), codec.decode(value), 0, 0)
            for send in room.decide(inbound, states, now_ms):
                producer.produce(send.topic.name, codec.encode(send.record), send.key.encode())
            for key, record in states.changes.items():
                assert record is not None
                encoded = codec.encode(record)
                producer.produce(room.state.name, encoded, key.encode(), partition)
            states.changes.clear()
            ends[partition] = offset + 1
        producer.send_offsets_to_transaction(
            [TopicPartition(room.commands.name, *end) for end in ends.items()],
            consumer.consumer_group_metadata(),
        )
        producer.commit_transaction()
    report(room, records)


def make_topics(bootstrap: str, room: ToyRoom) -> None:
    """Make the room's topics, and the one that the application subscribes to."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    present = admin.list_topics(timeout=CREATE_TIMEOUT_SECONDS).topics
    wanted = [
        NewTopic(topic.name, topic.partitions, 1, config=topic.configuration)
        for topic in (*room.topics, WORKER_CONTROL)
        if topic.name not in present
    ]
    for future in admin.create_topics(wanted).values():
        future.result(CREATE_TIMEOUT_SECONDS)


def fill(bootstrap: str, room: ToyRoom, records: int, keys: int) -> None:
    """Put so many commands for so many SKUs into the room's inbox."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "compression.type": "lz4",
            "enable.idempotence": True,
        }
    )
    for number in range(records):
        sku = f"SKU-{number % keys:08d}"
        value = codec.encode(SetStock(sku, "x", 1, 0, "benchmark"))
        while True:
            try:
                producer.produce(room.commands.name, value, sku)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(FLUSH_TIMEOUT_SECONDS):
        raise BenchmarkError("the commands were not acknowledged")


class Side:
    """One side as a process."""

    def __init__(self, kind: str, bootstrap: str, name: str, records: int, directory: Path) -> None:
        """Start it."""
        directory.mkdir(parents=True, exist_ok=True)
        self.log = directory / f"{name}-{kind}.log"
        command = [sys.executable, "-m", "tests.benchmarks.engine", kind, bootstrap, name]
        command += [str(records), str(directory), str(free_port(HOST))]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True
            )

    @property
    def peak_mb(self) -> float:
        """The most memory it has had resident, in MiB."""
        return peak_rss_mb(self._process.pid)

    def cpu_us(self) -> float:
        """Wait until its records are decided; CPU microseconds of each. Raises BenchmarkError."""
        assert self._process.stdout is not None
        timer = threading.Timer(DECIDED_TIMEOUT_SECONDS, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                # Faust greets on stdout before.
                if line.startswith("{"):
                    return float(json.loads(line)["cpu_us"])
        finally:
            timer.cancel()
        raise BenchmarkError(self.log.read_text(errors="replace")[-2_000:])

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Ask it to end."""
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def engine_against_bare_loop(
    bootstrap: str, directory: Path, records: int = RATIO_RECORDS
) -> dict[str, float]:
    """CPU microseconds per record of the engine and of the bare loop, and their ratio."""
    told: dict[str, float] = {}
    for kind in ("bare", "engine"):
        room = ToyRoom(f"bench-{kind}")
        make_topics(bootstrap, room)
        fill(bootstrap, room, records, RATIO_KEYS)
        side = Side(kind, bootstrap, room.name, records, directory / kind)
        try:
            told[kind] = side.cpu_us()
        finally:
            side.stop()
    return {
        "engine_cpu_us": told["engine"],
        "bare_cpu_us": told["bare"],
        "engine_cpu_ratio": told["engine"] / told["bare"],
    }


def restart_after_kill(
    bootstrap: str, directory: Path, keys: int = RESTART_KEYS
) -> dict[str, float]:
    """Seconds from SIGKILL to the first commit, with so many keys of state.

    Once with the checkpoint on disk, and once without any, from the state topic alone.
    """
    room = ToyRoom("bench-restart")
    make_topics(bootstrap, room)
    fill(bootstrap, room, keys, keys)
    side = Side("engine", bootstrap, room.name, keys, directory)
    told: dict[str, float] = {}
    try:
        side.cpu_us()
        for name, forgets in (("restart_seconds", False), ("restart_from_topic_seconds", True)):
            before = _outputs(bootstrap, room)
            began = time.monotonic()
            side.kill()
            if forgets:
                shutil.rmtree(directory / "bench-0")
            side = Side("engine", bootstrap, room.name, keys, directory)
            fill(bootstrap, room, room.commands.partitions * 16, keys)
            _await_output(bootstrap, room, before)
            told[name] = time.monotonic() - began
            told["restart_peak_rss_mb"] = max(told.get("restart_peak_rss_mb", 0.0), side.peak_mb)
            time.sleep(SETTLE_SECONDS)
    finally:
        side.kill()
    return told


def _outputs(bootstrap: str, room: ToyRoom) -> dict[int, int]:
    """Where each partition of the room's events ends."""
    reader = committed_consumer(bootstrap, [room.events])
    try:
        return {
            partition: reader.get_watermark_offsets(
                TopicPartition(room.events.name, partition), timeout=CREATE_TIMEOUT_SECONDS
            )[1]
            for partition in range(room.events.partitions)
        }
    finally:
        reader.close()


def _await_output(bootstrap: str, room: ToyRoom, ends: dict[int, int]) -> None:
    """Wait for the first committed event behind `ends`. Raises BenchmarkError."""
    reader = committed_consumer(bootstrap, [room.events])
    try:
        reader.assign([TopicPartition(room.events.name, *end) for end in ends.items()])
        deadline = time.monotonic() + READY_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            message = reader.poll(0.05)
            if message is not None and message.error() is None:
                return
        raise BenchmarkError(f"nothing was committed within {READY_TIMEOUT_SECONDS:.0f} s")
    finally:
        reader.close()


def main() -> None:
    """Run one side."""
    kind, bootstrap, name, records, directory, port = sys.argv[1:]
    if kind == "bare":
        run_bare(bootstrap, name, int(records))
    else:
        run_engine(bootstrap, name, int(records), Path(directory), int(port))


if __name__ == "__main__":
    main()
