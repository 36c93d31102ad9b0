"""The embedded broker keeps its data and its address, and leaves nothing running."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.broker import POM, BrokerError, EmbeddedBroker, fetch_jars, free_port, new_cluster_id

pytestmark = pytest.mark.integration

TIMEOUT_SECONDS = 30.0
OPEN_TRANSACTIONS = 16
TRANSACTION_TIMEOUTS_MS = range(2_000, 2_000 + OPEN_TRANSACTIONS * 400, 400)
"""so spread that some end while the killed broker comes back and leads no partition yet"""


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """Run a broker that the test may kill."""
    with EmbeddedBroker(tmp_path / "kafka") as running:
        yield running


def create_topic(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(TIMEOUT_SECONDS)


def produce(bootstrap: str, topic: str, value: bytes) -> None:
    """Write one record and return when the broker has acknowledged it."""
    errors: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    producer.produce(topic, value, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(TIMEOUT_SECONDS) == 0
    assert errors == [None]


def first_value(bootstrap: str, topic: str) -> bytes | None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"{topic}.readers",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    try:
        consumer.subscribe([topic])
        record = consumer.poll(TIMEOUT_SECONDS)
        assert record is not None and record.error() is None
        return record.value()
    finally:
        consumer.close()


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_acknowledged_record_survives_a_kill_of_the_broker(own_broker: EmbeddedBroker) -> None:
    address = own_broker.bootstrap
    create_topic(address, "orders")
    produce(address, "orders", b"first")

    own_broker.kill()
    assert own_broker.pid is None
    own_broker.start()

    assert own_broker.bootstrap == address
    assert first_value(address, "orders") == b"first"


def end_of_topic(bootstrap: str, topic: str, isolation: str) -> int:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "ends", "isolation.level": isolation}
    )
    try:
        place = TopicPartition(topic, 0)
        return int(consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)[1])
    finally:
        consumer.close()


def test_no_transaction_hangs_after_a_kill_of_the_broker(own_broker: EmbeddedBroker) -> None:
    """A broker with KAFKA-20734 forgets the markers of some of these (deploy/DECISIONS.md 1)."""
    open_ones = []
    for timeout_ms in TRANSACTION_TIMEOUTS_MS:
        create_topic(own_broker.bootstrap, f"open-{timeout_ms}")
        producer = Producer(
            {
                "bootstrap.servers": own_broker.bootstrap,
                "transactional.id": f"open-{timeout_ms}",
                "transaction.timeout.ms": timeout_ms,
            }
        )
        producer.init_transactions(TIMEOUT_SECONDS)
        open_ones.append(producer)
    for timeout_ms, producer in zip(TRANSACTION_TIMEOUTS_MS, open_ones, strict=True):
        producer.begin_transaction()
        producer.produce(f"open-{timeout_ms}", b"never committed")
    for producer in open_ones:
        assert producer.flush(TIMEOUT_SECONDS) == 0

    own_broker.kill()
    own_broker.start()

    deadline = time.monotonic() + TIMEOUT_SECONDS
    hanging = {f"open-{timeout_ms}" for timeout_ms in TRANSACTION_TIMEOUTS_MS}
    while hanging and time.monotonic() < deadline:
        time.sleep(0.5)
        hanging = {
            topic
            for topic in hanging
            if end_of_topic(own_broker.bootstrap, topic, "read_committed")
            < end_of_topic(own_broker.bootstrap, topic, "read_uncommitted")
        }
    assert not hanging


def test_another_owner_finds_the_data_and_the_address_and_stop_leaves_no_process(
    tmp_path: Path,
) -> None:
    port = free_port("127.0.0.1")
    with EmbeddedBroker(tmp_path, port) as broker:
        address, pid = broker.bootstrap, broker.pid
        assert address == f"127.0.0.1:{port}"
        create_topic(address, "orders")
        produce(address, "orders", b"first")
    assert pid is not None and not is_running(pid)

    with EmbeddedBroker(tmp_path) as broker:
        assert broker.bootstrap == address
        assert first_value(address, "orders") == b"first"


def test_a_data_directory_has_one_owner_at_a_time(own_broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerError, match="in use"):
        EmbeddedBroker(own_broker.data_dir).start()
    assert own_broker.pid is not None


def test_the_broker_of_a_killed_owner_is_ended_and_its_data_found(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib; from deploy.broker import EmbeddedBroker;"
            "broker = EmbeddedBroker(pathlib.Path(sys.argv[1])).start();"
            "print(broker.pid, broker.bootstrap, flush=True); time.sleep(600)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        pid, address = owner.stdout.readline().split()
        create_topic(address, "orders")
        produce(address, "orders", b"first")
        owner.send_signal(signal.SIGKILL)
    assert is_running(int(pid))

    with EmbeddedBroker(tmp_path) as broker:
        assert not is_running(int(pid))
        assert broker.bootstrap == address
        assert first_value(address, "orders") == b"first"


def test_a_taken_port_is_named(own_broker: EmbeddedBroker, tmp_path: Path) -> None:
    port = int(own_broker.bootstrap.rpartition(":")[2])
    second = EmbeddedBroker(tmp_path / "second", port)
    with pytest.raises(BrokerError, match=f"port {port} .* is taken"):
        second.start()
    assert second.pid is None


def test_a_broker_that_cannot_start_says_why_and_leaves_no_process(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        storage = tmp_path / "log" / "meta.properties"
    storage.write_text(storage.read_text().replace("node.id=1", "node.id=2"))

    with pytest.raises(BrokerError, match=r"ended with code [\s\S]*node.?id"):
        broker.start()

    assert broker.pid is None
    assert not (tmp_path / "broker.pid").exists()


def test_a_jvm_that_cannot_start_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("deploy.broker.JVM_OPTIONS", ("-XX:+NoSuchOption",))
    with pytest.raises(BrokerError, match=r"ended with code 1 [\s\S]*NoSuchOption"):
        EmbeddedBroker(tmp_path).start()


def logged(directory: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in directory.glob("broker.log*")}


def test_what_the_broker_logs_is_bounded_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 100_000  # half of what a start says
    monkeypatch.setattr("deploy.broker.LOG_BYTES_MAX", limit)
    names = ["broker.log", "broker.log.1", "broker.log.2"]
    with EmbeddedBroker(tmp_path) as broker:
        for number in range(40):
            create_topic(broker.bootstrap, f"topic-{number}")
        found = logged(tmp_path)
        assert sorted(found) == names
        # A file is full when what has been said last made it so, and Kafka says much at once.
        assert max(found.values()) < 2 * limit
        assert min(found[name] for name in names[1:]) >= limit
        assert "topic-39" in "".join(file.read_text() for file in tmp_path.glob("broker.log*"))
    broker.start()
    broker.stop()
    assert sorted(logged(tmp_path)) == names


def test_jars_of_another_pom_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(jars: Path) -> None:
        jars.mkdir()

    monkeypatch.delenv("MILLRACE_KAFKA_JARS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("deploy.broker._download_jars", download)
    first = fetch_jars()
    assert fetch_jars() == first
    pom = tmp_path / "pom.xml"
    pom.write_text(POM.read_text().replace("1.7.36", "1.7.35"))
    monkeypatch.setattr("deploy.broker.POM", pom)
    assert fetch_jars() != first


def test_storage_of_another_cluster_is_refused(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        storage = tmp_path / "log" / "meta.properties"
    other = new_cluster_id()
    storage.write_text(re.sub("cluster.id=.*", f"cluster.id={other}", storage.read_text()))

    with pytest.raises(BrokerError, match=f"cluster {other}, not ours"):
        broker.start()

    assert broker.pid is None


def test_maven_failing_leaves_no_half_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven = tmp_path / "bin" / "mvn"
    maven.parent.mkdir()
    maven.write_text("#!/bin/sh\necho no route to the repository\nexit 1\n")
    maven.chmod(0o755)
    monkeypatch.setenv("PATH", f"{maven.parent}{os.pathsep}{os.environ['PATH']}")
    jars = tmp_path / "cache" / "kafka"
    monkeypatch.setenv("MILLRACE_KAFKA_JARS", str(jars))

    with pytest.raises(BrokerError, match="no route to the repository"):
        fetch_jars()

    assert not jars.exists()
    assert [path.name for path in jars.parent.iterdir()] == ["kafka.lock"]
