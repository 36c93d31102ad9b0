"""The sink is killed at random, and every record stands in the table once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from connectors.clickhouse.rows import Entry
from connectors.clickhouse.sink import BLOCK_BYTES_MAX, Sink, SinkError, _cut
from deploy.broker import EmbeddedBroker
from schemas.codec import encode
from schemas.inventory import StockReserved
from schemas.orders import HoldEnded, OrderHeld, OrderLine, OrderPlaced, OrderReserved

pytestmark = pytest.mark.integration

PARTITIONS = 3
ORDERS = 30_000
BATCH = 500
HELD_EVERY = 10
KILLS = 8
SECONDS = 90.0
MODULE = "tests.integration.sink_process"


def make_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(30)


def placed(order_id: str) -> bytes:
    line = OrderLine(line_id="1", sku="TEA", quantity=1, unit_price_minor=500)
    return encode(
        OrderPlaced(
            order_id=order_id, channel="pos", external_id="1", currency="EUR", total_minor=500,
            total_difference_minor=0, lines=[line], country="DE", placed_at_ms=1, raw_id="r",
            at_ms=1_700_000_000_000,
        )
    )  # fmt: skip


def holds(order_id: str, number: int) -> list[OrderHeld | HoldEnded]:
    """Of every tenth order one, and of every twentieth it has ended."""
    held = OrderHeld(order_id, "h", "fraud", "", 0, "", "", "ada", 1_700_000_000_002)
    ended = HoldEnded(order_id, "h", "fraud", "", "ada", 1_700_000_000_003)
    if number % HELD_EVERY:
        return []
    return [held] if number % (2 * HELD_EVERY) else [held, ended]


def produce(bootstrap: str, orders: str, stock: str, number: int, seed: int) -> None:
    """Write transactions, every fourth of which is aborted: offsets that nobody may count."""
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": orders, "linger.ms": 20}
    )
    producer.init_transactions(30)
    chance = random.Random(seed)
    for start in range(0, number, BATCH):
        for lost in (True, False) if chance.random() < 0.25 else (False,):
            producer.begin_transaction()
            for i in range(start, min(start + BATCH, number)):
                key = f"pos-{i}"
                producer.produce(orders, placed(key), key)
                producer.produce(orders, encode(OrderReserved(key, 1_700_000_000_001)), key)
                for record in holds(key, i):
                    producer.produce(orders, encode(record), key)
                reserved = StockReserved(
                    "TEA", key, "1", "north", 1, number, i + 1, 0, 1_700_000_000_002
                )
                producer.produce(stock, encode(reserved), "TEA")
            if lost:
                producer.flush(30)  # so that the aborted records are on the broker
                producer.abort_transaction(30)
            else:
                producer.commit_transaction(30)


class Process:
    """A sink that can be killed and started again."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", MODULE, "run", *self.arguments])

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        os.kill(self.process.pid, number)
        return self.process.wait(60)


def count(path: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "count", str(path)],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def settled(bootstrap: str, group: str, topics: Sequence[str]) -> bool:
    """Whether the group has read everything and has no block in flight."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        for topic in topics:
            places = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
            for each in consumer.committed(places, timeout=10):
                high = consumer.get_watermark_offsets(
                    TopicPartition(each.topic, each.partition), timeout=10
                )[1]
                # The last offsets may be ends of transactions, one for each that was aborted.
                if each.metadata or high - max(each.offset, 0) > ORDERS // BATCH:
                    return False
        return True
    finally:
        consumer.close()


def test_every_record_is_in_the_table_once_although_the_sink_is_killed(
    broker: EmbeddedBroker, unique: Callable[[str], str], tmp_path: Path
) -> None:
    orders, stock = unique("orders.events"), unique("inventory.events")
    group, path = unique("sink"), tmp_path / "clickhouse"
    for topic in (orders, stock):
        make_topic(broker.bootstrap, topic)
    writer = threading.Thread(
        target=produce, args=(broker.bootstrap, orders, stock, ORDERS, 7), daemon=True
    )
    writer.start()
    sink = Process(broker.bootstrap, str(path), group, "2000", orders, stock)
    chance = random.Random(11)
    for _ in range(KILLS):
        sink.start()
        time.sleep(chance.uniform(1.5, 4))
        assert sink.end(signal.SIGKILL) == -signal.SIGKILL
    writer.join(SECONDS)
    assert not writer.is_alive()
    sink.start()
    until = time.monotonic() + SECONDS
    while not settled(broker.bootstrap, group, (orders, stock)) and time.monotonic() < until:
        time.sleep(0.5)
    time.sleep(1)
    assert sink.end(signal.SIGTERM) == 0
    found = count(path)
    topics = {each["topic"]: each for each in found["topics"]}
    still_held = ended = ORDERS // (2 * HELD_EVERY)
    told = 2 * ORDERS + still_held + 2 * ended
    assert topics[orders]["rows"] == topics[orders]["positions"] == told
    assert found["holds"] == [
        {"kind": "fraud", "is_open": False, "holds": ended},
        {"kind": "fraud", "is_open": True, "holds": still_held},
    ]
    assert topics[stock]["rows"] == topics[stock]["positions"] == ORDERS
    assert topics[stock]["quantity"] == ORDERS
    assert found["orders"] == [{"status": "authorizing", "orders": ORDERS}]
    assert found["stock"] == [
        {"sku": "TEA", "location_id": "north", "on_hand": ORDERS, "reserved": ORDERS}
    ]


def test_an_insert_of_large_rows_is_one_part(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "parts", str(tmp_path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout) == [{"parts": 1, "rows": 20_000}]


def test_tables_of_an_earlier_version_get_what_they_lack(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "upgrade", str(tmp_path)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert json.loads(done.stdout) == {
        "events": [
            {"order_id": "a", "kind": "", "revision": 0},
            {"order_id": "b", "kind": "fraud", "revision": 0},
        ],
        "holds": [{"order_id": "b", "kind": "fraud", "is_open": True}],
    }


def test_a_block_ends_at_its_bounds() -> None:
    small, large = Entry(0, 0, b"x"), Entry(1, 0, bytes(BLOCK_BYTES_MAX))
    assert _cut([small] * 5, 3) == 3
    assert _cut([small] * 2, 3) == 2
    assert _cut([small, large, small], 3) == 1
    assert _cut([large, large], 3) == 1


def test_an_error_in_an_assignment_ends_the_sink_and_is_not_swallowed() -> None:
    class Away:
        def committed(self, _partitions: Any, timeout: float) -> None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    sink = Sink("127.0.0.1:1", Remembered(), "one", kafka={"log_level": 0})
    sink._assigned(cast(Any, Away()), [])
    with pytest.raises(KafkaException, match="TIMED_OUT"):
        sink.run(threading.Event())
    assert sink.waiting_for() == "the sink is joining the group"


class Remembered:
    """A table in memory that can fail after or swallow an insert."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, int, int]] = []
        self.tokens: list[str] = []
        self.failing = ""

    def query(self, _sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        asked = parameters or {}
        found = [
            row for row in self.rows
            if row[:2] == (asked["topic"], asked["partition"])
            and asked["first"] <= row[2] <= asked["last"]
        ]  # fmt: skip
        return [{"rows": len(found)}]

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str = "") -> None:
        if table != "events":
            return
        added = list(zip(columns["_topic"], columns["_partition"], columns["_offset"], strict=True))
        if self.failing == "before":
            raise ConnectionError
        if self.failing == "log":  # the token is remembered, the part is not
            self.tokens.append(token)
            raise ConnectionError
        if token not in self.tokens:
            self.tokens.append(token)
            self.rows += added[:3] if self.failing == "torn" else added
        if self.failing:
            raise ConnectionError


@pytest.mark.parametrize("failing", ["before", "after", "log"])
def test_an_insert_of_unknown_outcome_is_repeated_or_skipped(
    failing: str, broker: EmbeddedBroker, unique: Callable[[str], str]
) -> None:
    table = start_failing(failing, broker, unique)
    assert len(table.rows) == len(set(table.rows)) == 2 * BATCH


def test_a_part_of_a_block_in_the_table_is_an_error(
    broker: EmbeddedBroker, unique: Callable[[str], str]
) -> None:
    with pytest.raises(SinkError, match="of 1000 rows are in the table"):
        start_failing("torn", broker, unique)


def start_failing(failing: str, broker: EmbeddedBroker, unique: Callable[[str], str]) -> Remembered:
    """Fail one insert, start again, and read to the end."""
    topic, group, table = unique("orders.events"), unique("sink"), Remembered()
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": topic})
    producer.init_transactions(30)
    producer.begin_transaction()
    for i in range(BATCH):
        producer.produce(topic, placed(f"pos-{i}"), f"pos-{i}")
        producer.produce(topic, encode(OrderReserved(f"pos-{i}", 1)), f"pos-{i}")
    producer.commit_transaction(30)
    table.failing = failing
    with pytest.raises(ConnectionError):
        Sink(broker.bootstrap, table, "one", group=group, topics=[topic]).run(threading.Event())
    table.failing = ""
    stop = threading.Event()
    timer = threading.Timer(6, stop.set)
    timer.start()
    try:
        Sink(broker.bootstrap, table, "one", group=group, topics=[topic]).run(stop)
    finally:
        timer.cancel()
    return table


class Slow(Remembered):
    """A table that takes nothing before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.may = threading.Event(), threading.Event()

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]], token: str = "") -> None:
        self.asked.set()
        self.may.wait(SECONDS)
        super().insert(table, columns, token)


@pytest.fixture
def running() -> Iterator[Callable[[Sink], None]]:
    """Run sinks in threads, until the end of the test."""
    stop, threads = threading.Event(), []

    def start(sink: Sink) -> None:
        threads.append(threading.Thread(target=sink.run, args=(stop,)))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join(SECONDS)


def until_ready(sink: Sink) -> None:
    deadline = time.monotonic() + SECONDS
    while sink.waiting_for():
        assert time.monotonic() < deadline, sink.waiting_for()
        time.sleep(0.05)


def test_a_sink_is_ready_when_it_has_written(
    broker: EmbeddedBroker,
    unique: Callable[[str], str],
    running: Callable[[Sink], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    topic, table = unique("orders.events"), Slow()
    make_topic(broker.bootstrap, topic)
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    for partition in range(PARTITIONS):
        producer.produce(topic, placed("pos-1"), "pos-1", partition)
    producer.flush(30)
    sink = Sink(broker.bootstrap, table, "one", group=unique("sink"), topics=[topic])
    assert sink.waiting_for() == "the sink is joining the group"
    running(sink)
    assert table.asked.wait(SECONDS)
    assert sink.waiting_for().startswith("the sink has not come round to ")
    table.may.set()
    until_ready(sink)
    assert len(table.rows) == PARTITIONS
    monkeypatch.setattr("connectors.clickhouse.sink.STUCK_SECONDS", -1.0)
    assert sink.waiting_for().startswith("the sink has been writing for ")


def test_a_sink_is_ready_when_there_is_nothing_to_write(
    broker: EmbeddedBroker, unique: Callable[[str], str], running: Callable[[Sink], None]
) -> None:
    topic, table = unique("orders.events"), Remembered()
    make_topic(broker.bootstrap, topic)
    sink = Sink(broker.bootstrap, table, "one", group=unique("sink"), topics=[topic])
    running(sink)
    until_ready(sink)
    assert table.rows == []


def test_a_sink_that_another_has_taken_the_place_of_ends(
    broker: EmbeddedBroker, unique: Callable[[str], str]
) -> None:
    topic, group = unique("orders.events"), unique("sink")
    make_topic(broker.bootstrap, topic)
    errors: list[KafkaError] = []
    stop = threading.Event()

    def first() -> None:
        try:
            Sink(broker.bootstrap, Remembered(), "same", group=group, topics=[topic]).run(stop)
        except KafkaException as error:
            errors.append(error.args[0])

    old = threading.Thread(target=first)
    old.start()
    time.sleep(5)
    until = threading.Event()
    timer = threading.Timer(15, until.set)
    timer.start()
    Sink(broker.bootstrap, Remembered(), "same", group=group, topics=[topic]).run(until)
    stop.set()
    old.join(20)
    # librdkafka says _FATAL where the fencing was told to it before.
    assert len(errors) == 1
    assert errors[0].code() in (KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL)
