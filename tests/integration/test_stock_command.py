"""What there is of stock, looked up and proved, against a broker whose records the test writes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from deploy import audit, levels, records
from deploy.broker import EmbeddedBroker, free_port
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.topics import create
from schemas import codec
from schemas.inventory import ReservationState, StockReserved, StockState
from schemas.partitions import partition_of
from schemas.purchasing import (
    PurchaseLine,
    PurchaseLineState,
    PurchaseOrderApproved,
    PurchaseOrderProposed,
    PurchaseOrderState,
)
from schemas.records import Record
from schemas.stock import LocationLevel, PositionAt, StockLevels, StockSet
from schemas.topics import (
    ALL,
    INVENTORY_EVENTS,
    INVENTORY_LEVELS,
    INVENTORY_STATE,
    PURCHASING_EVENTS,
    PURCHASING_STATE,
    Topic,
)

pytestmark = pytest.mark.integration
HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
NOW = 1_700_000_000_000
Write = tuple[Topic, str, Record | None]


class Books:
    """Writes as a room does: what belongs together, in one transaction."""

    def __init__(self, bootstrap: str, name: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": name,
                "partitioner": "murmur2_random",
                "log_level": 0,
            }
        )
        self._producer.init_transactions(PATIENCE_SECONDS)

    def begin(self, writes: Sequence[Write]) -> None:
        self._producer.begin_transaction()
        for topic, key, record in writes:
            # State stands in the partition of the SKU, whatever its own key is.
            place = partition_of(key.split("|")[0].encode(), topic.partitions)
            value = None if record is None else codec.encode(record)
            self._producer.produce(topic.name, value, key.encode(), place)
        self._producer.flush(PATIENCE_SECONDS)

    def commit(self, writes: Sequence[Write]) -> None:
        self.begin(writes)
        self._producer.commit_transaction(PATIENCE_SECONDS)

    def lose(self, writes: Sequence[Write]) -> None:
        self.begin(writes)
        self._producer.abort_transaction(PATIENCE_SECONDS)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "kafka") as started:
        assert create(started.bootstrap) == len(ALL)
        yield started


def run(broker: EmbeddedBroker, *arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env={"MILLRACE_BROKERS": broker.bootstrap})


def level(sku: str, on_hand: int) -> Write:
    here = LocationLevel("berlin", on_hand, 1, 0, 0, 0, 0, 0, on_hand - 1, True)
    told = StockLevels(sku, on_hand - 1, [here], [], 0, 0, "ok", [], NOW)
    return INVENTORY_LEVELS, sku, told


def until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def asked(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError:
        return 0, None


def test_levels_are_what_is_committed_and_are_shown_with_the_look_up_and_without_it(
    broker: EmbeddedBroker,
) -> None:
    books = Books(broker.bootstrap, "books")
    books.commit([level(f"SKU-{number}", 100) for number in range(500)])
    books.commit([level("SKU-7", 50)])
    books.lose([level("SKU-7", 999), level("NEVER", 1)])
    port = free_port(HOST)
    command = [sys.executable, "-m", "deploy.cli", "levels", "--brokers", broker.bootstrap]
    process = subprocess.Popen([*command, "--port", str(port)])
    address = f"http://{HOST}:{port}"
    try:
        until(lambda: asked(f"{address}/ready")[0] == 200)
        assert asked(f"{address}/stock/SKU-7")[1]["available"] == 49
        assert asked(f"{address}/stock/NEVER")[0] == 404
        assert len(asked(f"{address}/stock?limit=1000")[1]["stock"]) == 500
        shown = run(broker, "stock", "show", "SKU-7", "--levels-url", address, "--json")
        books.commit([level("SKU-7", 51)])
        until(lambda: asked(f"{address}/stock/SKU-7")[1]["available"] == 50)
        broker.kill()
        assert asked(f"{address}/stock/SKU-7")[1]["available"] == 50
        broker.start()
        Books(broker.bootstrap, "books").commit([level("SKU-7", 52)])
        until(lambda: asked(f"{address}/stock/SKU-7")[1]["available"] == 51)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)
    scanned = run(broker, "stock", "show", "SKU-7", "--levels-url", address, "--json")
    assert "does not answer; reading Kafka" in scanned.stderr
    before, after = json.loads(shown.stdout), json.loads(scanned.stdout)
    assert (before["available"], after["available"]) == (49, 51)
    assert before.keys() == after.keys()
    explained = run(broker, "stock", "show", "SKU-7", "--explain")
    assert "berlin\ton hand\t52\nberlin\treserved\t-1\n" in explained.stdout
    assert explained.stdout.endswith("over all\tavailable to promise\t51\navailable: 51 (ok)\n")
    assert run(broker, "stock", "show", "NEVER").exit_code == 1


def test_a_sku_is_looked_for_in_the_partition_that_kafka_gives_it(broker: EmbeddedBroker) -> None:
    """By the hash of the Java client, which is not written by the code that is tested."""
    skus = ["", "a", "ab", "abc", "abcd", "TEA-GREEN-100", "茶", "x" * 200]
    producer = Producer({"bootstrap.servers": broker.bootstrap, "partitioner": "murmur2_random"})
    places: dict[bytes, int] = {}

    def delivered(_error: object, message: Any) -> None:
        places[message.key()] = message.partition()

    for sku in skus[1:]:
        _, _, told = level(sku, 5)
        assert told is not None
        producer.produce(
            INVENTORY_LEVELS.name, codec.encode(told), sku.encode(), on_delivery=delivered
        )
    assert producer.flush(PATIENCE_SECONDS) == 0
    number = INVENTORY_LEVELS.partitions
    assert places == {key: partition_of(key, number) for key in places}
    found = levels.latest(Cluster(broker.bootstrap), skus)
    assert sorted(found) == sorted(skus[1:])


def counted(sku: str, on_hand: int) -> Write:
    return INVENTORY_EVENTS, sku, StockSet(sku, "b", on_hand, 0, 0, "count", NOW, 0, 0)


def reserved(sku: str, order: str, total: int, on_hand: int = 100) -> Write:
    made = StockReserved(sku, order, "1", "b", 1, on_hand, total, NOW, NOW)
    return INVENTORY_EVENTS, sku, made


def position(sku: str, held: int, on_hand: int = 100) -> Write:
    return INVENTORY_STATE, sku, StockState(sku, [PositionAt("b", on_hand, held, 0)])


def reservation(sku: str, order: str) -> Write:
    key = f"{sku}|{order}|1"
    return INVENTORY_STATE, key, ReservationState(order, "1", sku, "b", 1, 1, NOW)


def audited(broker: EmbeddedBroker) -> tuple[int, dict[str, Any]]:
    result = run(broker, "audit", "stock", "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "SETTLED_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_the_audit_proves_what_adds_up_and_names_what_does_not(broker: EmbeddedBroker) -> None:
    books = Books(broker.bootstrap, "books")
    for sku in ("TEA", "POT"):
        books.commit([counted(sku, 100), position(sku, 0)])
        writes = [reserved(sku, "a", 1), position(sku, 1), reservation(sku, "a")]
        books.commit(writes)
        books.lose([reserved(sku, "lost", 2), position(sku, 2), reservation(sku, "lost")])
    status, told = audited(broker)
    assert (status, told["proved"], told["first"]) == (0, True, None)
    assert (told["events"], told["skus"], told["positions"], told["reservations"]) == (4, 2, 2, 2)
    plain = run(broker, "audit", "stock")
    assert "nothing is oversold" in plain.stdout

    books.commit([position("TEA", 7)])
    status, told = audited(broker)
    assert (status, told["proved"], told["differences"]) == (1, False, 1)
    first = told["first"]
    assert (first["topic"], first["sku"], first["location_id"]) == (
        "inventory.state", "TEA", "b",
    )  # fmt: skip
    assert first["what"] == "the state says reserved 7, the sum of the ledger is 1"
    books.commit([position("TEA", 1)])
    assert audited(broker)[0] == 0

    books.commit([reserved("POT", "b", 3), reservation("POT", "b"), position("POT", 3)])
    status, told = audited(broker)
    [place] = [
        found.place
        for found in records.read(Cluster(broker.bootstrap), [INVENTORY_EVENTS])
        if isinstance(found.record, StockReserved) and found.record.reserved == 3
    ]
    assert (told["first"]["partition"], told["first"]["offset"]) == place[1:]
    assert told["first"]["what"] == "the record says reserved 3, the sum is 2"
    assert "partition" in run(broker, "audit", "stock").stdout


@pytest.mark.usefixtures("impatient")
def test_a_lost_event_and_a_lost_reservation_are_found(broker: EmbeddedBroker) -> None:
    books = Books(broker.bootstrap, "books")
    books.commit([counted("TEA", 100), position("TEA", 0)])
    books.commit([position("TEA", 1), reservation("TEA", "a")])
    _, told = audited(broker)
    assert told["first"]["what"] == "the state says reserved 1, the sum of the ledger is 0"
    books.commit([reserved("TEA", "a", 1)])
    assert audited(broker)[0] == 0
    books.commit([(INVENTORY_STATE, "TEA|a|1", None)])
    _, told = audited(broker)
    assert "reservation a line 1: not there in the state" in told["first"]["what"]


def test_stock_that_moves_all_the_time_is_proved_all_the_same(broker: EmbeddedBroker) -> None:
    """One SKU is written without a pause: no two readings of the topics are of one moment."""
    books = Books(broker.bootstrap, "books")
    hot = 10**6
    books.commit([counted("HOT", hot), position("HOT", 0, hot)])
    stop, failures = threading.Event(), []

    def write() -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                order = f"o-{number}"
                books.commit([
                    reserved("HOT", order, number, hot), position("HOT", number, hot),
                    reservation("HOT", order),
                ])  # fmt: skip
        except Exception as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        time.sleep(1)
        for _ in range(3):
            status, told = audited(broker)
            assert (status, told["differences"], told["unmet"]) == (0, 0, [])
    finally:
        stop.set()
        writer.join(PATIENCE_SECONDS)
    assert failures == []


def test_purchase_orders_are_listed_and_shown_with_what_happened(broker: EmbeddedBroker) -> None:
    books = Books(broker.bootstrap, "books")
    lines = [PurchaseLineState("1", "TEA", 40, 320, 0, 0, 0)]
    for number, status in enumerate(("proposed", "approved", "closed")):
        one = PurchaseOrderState(
            f"po-{number}", status, 1, "acme", "b", lines, "EUR", NOW, NOW, "", 0, []
        )
        books.commit([(PURCHASING_STATE, one.purchase_order_id, one)])
    proposed = PurchaseOrderProposed(
        "po-1", "acme", "b", [PurchaseLine("1", "TEA", 40, 320)], "EUR", NOW, "", "low", "", NOW
    )
    approved = PurchaseOrderApproved("po-1", "ada", NOW + 1000)
    books.commit([(PURCHASING_EVENTS, "po-1", proposed), (PURCHASING_EVENTS, "po-1", approved)])
    listed = run(broker, "purchase", "list").stdout.splitlines()
    assert [line.split("\t")[:3] for line in listed[1:]] == [
        ["po-0", "proposed", "acme"], ["po-1", "approved", "acme"],
    ]  # fmt: skip
    assert listed[2].endswith("2023-11-14 22:13:20\t128.00 EUR\t40")
    closed = run(broker, "purchase", "list", "--status", "closed", "--json")
    assert json.loads(closed.stdout)["purchase_order_id"] == "po-2"
    shown = json.loads(run(broker, "purchase", "show", "po-1", "--json").stdout)
    assert [event["event"] for event in shown["events"]] == [
        "PurchaseOrderProposed", "PurchaseOrderApproved",
    ]  # fmt: skip
    assert shown["lines"][0]["quantity"] == 40
    plain = run(broker, "purchase", "show", "po-1").stdout
    assert "po-1: 40 × TEA from acme to b: low" in plain
    assert "po-1 may be sent, by ada" in plain
    assert run(broker, "purchase", "show", "po-9").exit_code == 1
