"""The command against a broker of its own, with a worker that decides what it sends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from connectors.clickhouse.lag import INBOXES, PipelineLag
from deploy import records, stock
from deploy.broker import EmbeddedBroker, free_port
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.topics import create
from schemas import codec
from schemas.engine import DeadLetter, DeadLetterReplayed
from schemas.locations import LocationsState
from schemas.orders import OrderCommandRefused, OrderPlaced
from schemas.records import Record
from schemas.stock import SetStock, StockSet
from schemas.topics import (
    ALL,
    FULFILLMENT_COMMANDS,
    FULFILLMENT_STATE,
    INVENTORY_COMMANDS,
    INVENTORY_DEAD_LETTER,
    INVENTORY_EVENTS,
    ORDERS_COMMANDS,
    ORDERS_EVENTS,
    Topic,
)
from tests.integration.waiting import HOST, PATIENCE_SECONDS, is_ready, until

pytestmark = pytest.mark.integration
EXAMPLES = Path(stock.__file__).parent / "examples"


@dataclass(frozen=True)
class Shop:
    """A broker with the real topics, and one worker on them."""

    broker: EmbeddedBroker
    worker: subprocess.Popen[bytes]

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.broker.bootstrap)

    def run(self, *arguments: str) -> Result:
        environment = {"MILLRACE_BROKERS": self.broker.bootstrap}
        return CliRunner().invoke(cli, list(arguments), env=environment)

    def lines(self, *arguments: str) -> list[dict[str, Any]]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    def records(self, topic: Topic) -> list[Record]:
        return [found.record for found in records.read(self.cluster, [topic])]

    def put(self, topic: Topic, key: str, value: bytes, partition: int = -1) -> None:
        producer = Producer({"bootstrap.servers": self.broker.bootstrap})
        producer.produce(topic.name, value, key.encode(), partition)
        assert producer.flush(PATIENCE_SECONDS) == 0


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        started = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *arguments], stdout=output, stderr=output
        )
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.wait(PATIENCE_SECONDS)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    directory, port = tmp_path_factory.mktemp("shop"), free_port(HOST)
    with EmbeddedBroker(directory / "kafka") as broker:
        assert create(broker.bootstrap) == len(ALL)
        arguments = ["worker", "--instance", "w", "--brokers", broker.bootstrap]
        arguments += ["--data", str(directory), "--port", str(port)]
        with process(*arguments, log=directory / "worker.log") as worker:
            until(lambda: is_ready(port))
            yield Shop(broker, worker)


def order(external_id: str, currency: str = "EUR") -> dict[str, Any]:
    made: dict[str, Any] = json.loads((EXAMPLES / "order.json").read_text())
    return {**made, "external_id": external_id, "currency": currency}


def submitted(shop: Shop, path: Path, *orders: dict[str, Any]) -> str:
    """Send orders of which one at least is rejected; the id that the list names."""
    path.write_text(json.dumps(list(orders)))
    before = {line["id"] for line in shop.lines("rejected", "list")}
    assert shop.run("submit", str(path), "--channel", "json").exit_code == 1
    found: list[str] = []

    def listed() -> bool:
        found.extend({line["id"] for line in shop.lines("rejected", "list")} - before)
        return bool(found)

    until(listed)
    return found[0]


def test_topics_that_are_there_are_left_alone(shop: Shop) -> None:
    assert shop.lines("topics") == [{"created": 0, "topics": len(ALL)}]


def test_a_rejected_payload_is_listed_shown_mended_and_settled(shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    name = submitted(shop, path, order("m-1", "EUX"), order("m-2"), order("m-3", "EUY"))
    listed = [line for line in shop.lines("rejected", "list") if line["id"] == name]
    assert [(line["from"], line["reason"], line["field"]) for line in listed] == [
        ("json", "unknown_currency", "currency")
    ] * 2
    assert shop.run("rejected", "show", name).stdout_bytes == path.read_bytes()
    [shown] = shop.lines("rejected", "show", name)
    assert shown["payload"] == path.read_text()

    mended = tmp_path / "mended.json"
    mended.write_text(shown["payload"].replace("EUX", "EUR").replace("EUY", "EUR"))
    [told] = shop.lines("rejected", "replay", name, "--file", str(mended))
    assert (told["id"], told["outcome"], told["rejected"]) == (name, "settled", [])
    assert name not in {line["id"] for line in shop.lines("rejected", "list")}
    placed = {one.order_id for one in shop.records(ORDERS_EVENTS) if isinstance(one, OrderPlaced)}
    assert {"json-m-1", "json-m-2", "json-m-3"} <= placed


def test_a_replay_that_is_rejected_again_names_the_new_reason(shop: Shop, tmp_path: Path) -> None:
    name = submitted(shop, tmp_path / "orders.json", order("r-1", "EUX"))
    result = shop.run("rejected", "replay", name, "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["outcome"]) == (1, "rejected again")
    [again] = told["rejected"]
    assert (again["id"], again["reason"]) == (told["sent_as"], "unknown_currency")
    listed = {line["id"] for line in shop.lines("rejected", "list")}
    assert again["id"] in listed
    assert name not in listed


def test_what_nobody_rejected_is_not_found(shop: Shop) -> None:
    for command in (["show", "nope"], ["replay", "nope"]):
        result = shop.run("rejected", *command)
        assert (result.exit_code, result.stdout) == (1, "")


def test_a_dead_letter_whose_record_can_be_decided_now_is_settled(shop: Shop) -> None:
    command = SetStock("DEAD", "berlin", 7, 0, "count")
    letter = DeadLetter(
        "inventory", INVENTORY_COMMANDS.name, 0, 0, "KeyError: x", b"DEAD", codec.encode(command), 1
    )
    shop.put(INVENTORY_DEAD_LETTER, "DEAD", codec.encode(letter))
    [line] = [one for one in shop.lines("rejected", "list") if one["detail"] == "KeyError: x"]
    assert (line["kind"], line["from"]) == ("dead letter", "inventory.commands")
    assert json.loads(shop.run("rejected", "show", line["id"]).stdout)["sku"] == "DEAD"

    [told] = shop.lines("rejected", "replay", line["id"])
    assert told["outcome"] == "settled"
    assert line["id"] not in {one["id"] for one in shop.lines("rejected", "list")}
    counts = [one for one in shop.records(INVENTORY_EVENTS) if isinstance(one, StockSet)]
    assert [(one.sku, one.on_hand) for one in counts if one.sku == "DEAD"] == [("DEAD", 7)]
    [settled] = [
        one for one in shop.records(INVENTORY_DEAD_LETTER) if isinstance(one, DeadLetterReplayed)
    ]
    assert line["id"] == f"{INVENTORY_DEAD_LETTER.name}/{settled.partition}/{settled.offset}"
    assert shop.run("rejected", "replay", line["id"]).exit_code == 1


def test_a_record_that_kills_again_is_a_new_dead_letter_and_the_old_one_is_gone(shop: Shop) -> None:
    shop.put(ORDERS_COMMANDS, "o", b"no record at all")

    def dead() -> list[dict[str, Any]]:
        return [
            line for line in shop.lines("rejected", "list") if line["from"] == "orders.commands"
        ]

    until(dead)
    [first] = dead()
    assert shop.run("rejected", "show", first["id"]).stdout_bytes == b"no record at all"
    refused = shop.run("rejected", "replay", first["id"], "--file", str(EXAMPLES / "order.json"))
    assert refused.exit_code == 2
    result = shop.run("rejected", "replay", first["id"], "--json")
    told = json.loads(result.stdout)
    assert (result.exit_code, told["outcome"]) == (1, "rejected again")
    [second] = dead()
    assert second["id"] == told["rejected"][0]["id"] != first["id"]


def test_a_replay_without_workers_is_kept_and_says_so(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.rejected.DECIDED_SECONDS", 1.0)
    name = submitted(shop, tmp_path / "orders.json", order("w-1", "EUX"))
    mended = tmp_path / "mended.json"
    mended.write_text(json.dumps(order("w-1")))
    os.kill(shop.worker.pid, signal.SIGSTOP)
    try:
        [told] = shop.lines("rejected", "replay", name, "--file", str(mended))
        assert told["outcome"] == "not decided yet"
    finally:
        os.kill(shop.worker.pid, signal.SIGCONT)
    until(lambda: name not in {line["id"] for line in shop.lines("rejected", "list")})


def test_stock_without_location_columns_leaves_a_known_location_where_it_is(
    shop: Shop, tmp_path: Path
) -> None:
    assert shop.run("stock", "load", str(EXAMPLES / "stock.csv")).exit_code == 0
    plain = tmp_path / "plain.csv"
    plain.write_text("sku,location,on_hand\nTEA-GREEN-100,berlin,99\nTEA-GREEN-100,oslo,1\n")
    assert shop.lines("stock", "load", str(plain))[-1]["loaded"] == 2

    def known() -> dict[str, tuple[str, float]]:
        states = [one for one in shop.records(FULFILLMENT_STATE) if isinstance(one, LocationsState)]
        latest = states[-1].locations if states else []
        return {one.location_id: (one.country, one.latitude) for one in latest}

    until(lambda: "oslo" in known())
    assert known()["berlin"] == ("DE", 52.52)
    assert known()["oslo"] == ("", 0.0)


def test_cancelling_an_order_that_nobody_placed_is_refused_by_its_room(shop: Shop) -> None:
    assert shop.lines("cancel", "json-never", "--reason", "x") == [
        {"order_id": "json-never", "asked": "cancel"}
    ]
    until(
        lambda: any(
            isinstance(one, OrderCommandRefused) and one.order_id == "json-never"
            for one in shop.records(ORDERS_EVENTS)
        )
    )


def test_a_demonstration_that_ctrl_c_stops_says_what_was_sent(shop: Shop, tmp_path: Path) -> None:
    arguments = ["demo", "--rate", "50", "--seconds", "60", "--brokers", shop.broker.bootstrap]
    with process(*arguments, "--json", log=tmp_path / "demo.log") as running:
        time.sleep(4)
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_SECONDS) == 130
    told = json.loads((tmp_path / "demo.log").read_text())
    assert 0 < told["sent"] < told["total"] == 3_000
    assert told["failed"] == 0


def test_kafka_that_goes_away_is_one_line_and_69(tmp_path: Path) -> None:
    """Each command that writes or reads says it, and leaves no traceback."""
    away = f"127.0.0.1:{free_port(HOST)}"
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *arguments, "--brokers", away],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for arguments in (
            ["rejected", "list"],
            ["submit", str(EXAMPLES / "order.json"), "--channel", "json"],
            ["stock", "load", str(EXAMPLES / "stock.csv")],
            ["cancel", "o-1", "--reason", "x"],
            ["demo"],
            ["topics"],
        )
    ]
    for started in running:
        _, said = started.communicate(timeout=PATIENCE_SECONDS)
        assert (started.returncode, said.count(b"\n")) == (69, 1), said
        assert away.encode() in said


def test_up_that_is_killed_leaves_no_process_and_a_second_start_finds_its_data(
    tmp_path: Path,
) -> None:
    names = ("broker", "dashboard", "intake", "levels", "locations", "api", "probe")
    ports = {name: free_port(HOST) for name in names}
    arguments = ["up", "--data", str(tmp_path / "data"), "--workers", "1"]
    for name, port in ports.items():
        arguments += [f"--{name}-port", str(port)]
    with process(*arguments, log=tmp_path / "first.log") as first:
        until(lambda: "Ctrl-C stops" in (tmp_path / "first.log").read_text())
        second = CliRunner().invoke(cli, arguments)
        assert second.exit_code == 69
        assert f"already runs on {tmp_path / 'data'} (process {first.pid})" in second.output
        assert create(f"{HOST}:{ports['broker']}") == 0
        first.kill()
        first.wait(PATIENCE_SECONDS)
        if sys.platform == "linux":
            until(lambda: not of(tmp_path))
    with process(*arguments, log=tmp_path / "again.log") as again:
        until(lambda: "Ctrl-C stops" in (tmp_path / "again.log").read_text())
        assert create(f"{HOST}:{ports['broker']}") == 0
        again.send_signal(signal.SIGINT)
        assert again.wait(PATIENCE_SECONDS) == 0
    until(lambda: not of(tmp_path))


def of(directory: Path) -> list[int]:
    """Processes that name the directory, but those that nobody has collected."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                named = os.fsencode(str(directory)) in (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if named:
                found.append(int(entry.name))
    return found


def test_a_cluster_with_more_partitions_than_is_usual_is_served_in_all_of_them(
    tmp_path: Path,
) -> None:
    """What is asked for them asks Kafka how many there are, whatever its environment says."""
    with EmbeddedBroker(tmp_path / "kafka") as broker:
        made = subprocess.run(
            [sys.executable, "-m", "deploy.cli", "topics", "--brokers", broker.bootstrap],
            env={**os.environ, "MILLRACE_PARTITIONS": "5"},
            capture_output=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        environment = {"MILLRACE_BROKERS": broker.bootstrap}
        loading = ["stock", "load", str(EXAMPLES / "stock.csv")]
        assert CliRunner().invoke(cli, loading, env=environment).exit_code == 0
        found = records.read(Cluster(broker.bootstrap), [FULFILLMENT_COMMANDS])
        registered = [one.place.partition for one in found if one.key == b"berlin"]
        assert sorted(registered) == [0, 1, 2, 3, 4]
        waiting = list(records.read(Cluster(broker.bootstrap), INBOXES))
        with closing(PipelineLag(broker.bootstrap)) as lag:
            assert lag() == len(waiting) >= 5
