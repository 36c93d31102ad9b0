"""Measures the inventory room: one hot SKU, beside PostgreSQL, and a million positions.

    python -m tests.benchmarks.flash [--only hot postgresql positions] [--reservations 100000]

prints one JSON object. `room` as the first argument runs the room alone as a worker process.

PostgreSQL does what a shop's database does: one row for the stock, one statement for each
reservation (an UPDATE that takes the row's lock and an INSERT, in a function), as many clients at
a time as are fastest. It is Debian's, with its own defaults; `synchronous_commit` is on.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from confluent_kafka import Producer

from deploy.broker import EmbeddedBroker, free_port
from deploy.topics import create
from schemas import codec
from schemas.inventory import ReserveStock, StockRefused, StockReserved
from schemas.messages import Room
from schemas.records import Record
from schemas.stock import SetStock, StockSet
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_EVENTS
from tests.load import committed_consumer, fingerprint
from tests.pipeline import HOST, cpu_seconds, peak_rss_mb

PARTS = ("hot", "postgresql", "positions")
RESERVATIONS = 100_000
UNITS = 1_000
HOT = "SKU-HOT"
FAR_MS = 4_000_000_000_000
LOCATIONS = ("berlin", "lyon", "rotterdam", "vienna")
POSITIONS = (10_000, 1_000_000)
TOUCHED = 2_000
"""SKUs that are reserved, of however many there are"""
WARM_SHARE = 0.1
"""of the events, the first, which are not timed: the process is starting"""
TIMEOUT_SECONDS = 900.0
BATCH = 10_000
POSTGRESQL_CLIENTS = (1, 4, 16)
POSTGRESQL_SECONDS = 5
Results = dict[str, Any]


def run_room(bootstrap: str, directory: str, port: str) -> None:
    """The inventory room as a worker of its own; does not return."""
    from streams.app import run
    from streams.engine.settings import Settings
    from streams.inventory.agent import InventoryRoom

    settings = Settings(bootstrap, "flash-0", Path(directory), group="flash", web_port=int(port))
    run([cast(Room, InventoryRoom())], settings)


@contextmanager
def room(bootstrap: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The room as a process, from its start to the end of the block."""
    command = [sys.executable, "-m", "tests.benchmarks.flash", "room", bootstrap, str(directory)]
    with (directory / "room.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, str(free_port(HOST))], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def fill(bootstrap: str, records: Iterable[Record]) -> None:
    """Put commands into the room's inbox."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "enable.idempotence": True,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for record in records:
        while True:
            try:
                producer.produce(INVENTORY_COMMANDS.name, codec.encode(record), record.sku)  # type: ignore[attr-defined]
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    if producer.flush(TIMEOUT_SECONDS):
        raise RuntimeError("the commands were not acknowledged")


def reservation(sku: str, number: int) -> ReserveStock:
    """One piece of a SKU, wherever it is."""
    return ReserveStock(f"shop-{number}", "1", sku, 1, 1, list(LOCATIONS), FAR_MS)


class Events:
    """Follows the room's events; counts them by kind."""

    def __init__(self, bootstrap: str) -> None:
        """Read from the beginning."""
        self._reader = committed_consumer(bootstrap, [INVENTORY_EVENTS])
        kinds = (StockSet, StockReserved, StockRefused)
        self._kinds = {fingerprint(kind): kind.__name__ for kind in kinds}
        self.counts: Counter[str] = Counter()
        self.times: list[int] = []
        """when each answer to a reservation was written, in milliseconds"""

    def until(self, kinds: tuple[str, ...], wanted: int) -> None:
        """Read on until there are so many of those kinds. Raises TimeoutError."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while sum(self.counts[kind] for kind in kinds) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dict(self.counts)} instead of {wanted} of {kinds}")
            for message in self._reader.consume(BATCH, 0.05):
                value = message.value()
                if message.error() is not None or value is None:
                    continue
                kind = self._kinds.get(value[:10], "other")
                self.counts[kind] += 1
                if kind in ("StockReserved", "StockRefused"):
                    self.times.append(message.timestamp()[1])

    def close(self) -> None:
        """Stop following."""
        self._reader.close()


def hot_sku(bootstrap: str, directory: Path, reservations: int) -> Results:
    """Reservations a second of one SKU that a thousandth of the buyers can have."""
    wishes = (reservation(HOT, number) for number in range(reservations))
    fill(bootstrap, [SetStock(HOT, LOCATIONS[0], UNITS, 0, "benchmark")])
    fill(bootstrap, wishes)
    events = Events(bootstrap)
    with room(bootstrap, directory) as process:
        events.until(("StockReserved", "StockRefused"), reservations)
        peak = peak_rss_mb(process.pid)
    events.close()
    times = sorted(events.times)
    skipped = int(reservations * WARM_SHARE)
    seconds = (times[-1] - times[skipped]) / 1000
    return {
        "hot_sku_reservations_per_second": round((reservations - skipped) / seconds),
        "hot_sku_reserved": events.counts["StockReserved"],
        "hot_sku_refused": events.counts["StockRefused"],
        "hot_sku_peak_rss_mb": round(peak),
    }


def positions(count: int, reservations: int) -> Results:
    """Memory, restart and CPU per reservation with so many positions."""
    with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
        directory = Path(scratch)
        with EmbeddedBroker(directory / "broker") as broker:
            create(broker.bootstrap)
            return _positions(broker.bootstrap, directory, count, reservations)


def _positions(bootstrap: str, directory: Path, count: int, reservations: int) -> Results:
    skus = [f"SKU-{number:07d}" for number in range(count // len(LOCATIONS))]
    chance = random.Random(count)
    touched = chance.sample(skus, TOUCHED)
    fill(
        bootstrap,
        (SetStock(sku, name, 1_000_000, 0, "benchmark") for sku in skus for name in LOCATIONS),
    )
    events = Events(bootstrap)
    with room(bootstrap, directory) as process:
        events.until(("StockSet",), count)
        time.sleep(6)  # past a checkpoint
        loaded = _rss_mb(process.pid)
        before = cpu_seconds(process.pid)
        fill(bootstrap, (reservation(chance.choice(touched), n) for n in range(reservations)))
        events.until(("StockReserved",), reservations)
        used = cpu_seconds(process.pid) - before
        peak = peak_rss_mb(process.pid)
    began = time.monotonic()
    with room(bootstrap, directory):
        fill(bootstrap, (reservation(sku, reservations + n) for n, sku in enumerate(touched[:16])))
        events.until(("StockReserved",), reservations + 1)
        restart = time.monotonic() - began
    events.close()
    return {
        "cpu_us": round(used / reservations * 1e6, 1),
        "rss_mb": round(loaded),
        "peak_rss_mb": round(peak),
        "restart_seconds": round(restart, 1),
    }


def _rss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    return int(found.group(1)) / 1024 if found else 0.0


SCHEMA = """
CREATE TABLE stock (sku text PRIMARY KEY, on_hand bigint NOT NULL, reserved bigint NOT NULL);
CREATE TABLE reservation (order_id bigint PRIMARY KEY, sku text NOT NULL, reserved boolean);
CREATE SEQUENCE orders;
INSERT INTO stock VALUES ('SKU-HOT', 1000, 0);
CREATE FUNCTION reserve(wanted text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE stock SET reserved = reserved + 1 WHERE sku = wanted AND on_hand - reserved >= 1;
  INSERT INTO reservation VALUES (nextval('orders'), wanted, FOUND);
  RETURN FOUND;
END $$;
"""


def postgresql(seconds: int = POSTGRESQL_SECONDS) -> Results:
    """Reservations a second of one hot row in PostgreSQL; empty where it is not installed."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not places:
        return {}
    tools = places[-1].parent
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    scratch = Path(tempfile.mkdtemp(prefix="millrace-pg-"))
    if os.geteuid() == 0:
        shutil.chown(scratch, user)

    def run(*command: str) -> str:
        line = ["runuser", "-u", user, "--", *command] if os.geteuid() == 0 else [*command]
        answer = subprocess.run(line, capture_output=True, text=True, cwd=scratch, check=False)
        if answer.returncode != 0:
            raise RuntimeError(f"{command[0]}: {answer.stderr[-500:]}")
        return answer.stdout

    port = str(free_port(HOST))
    data = str(scratch / "data")
    try:
        run(str(tools / "initdb"), "-D", data, "--auth=trust", "--no-locale", "-E", "UTF8")
        options = f"-p {port} -k {scratch} -c listen_addresses=''"
        run(str(tools / "pg_ctl"), "-D", data, "-w", "-l", f"{data}/log", "-o", options, "start")
        try:
            at = ("-h", str(scratch), "-p", port)
            run(str(tools / "psql"), *at, "-d", "postgres", "-c", SCHEMA)
            script = scratch / "reserve.sql"
            script.write_text("SELECT reserve('SKU-HOT');\n")
            script.chmod(0o644)
            told: Results = {}
            for clients in POSTGRESQL_CLIENTS:
                said = run(
                    str(tools / "pgbench"), *at, "-n", "-f", str(script), "-c", str(clients),
                    "-j", "2", "-M", "prepared", "-T", str(seconds), "postgres",
                )  # fmt: skip
                found = re.search(r"tps = ([\d.]+)", said)
                assert found is not None, said
                told[f"{clients} clients"] = round(float(found.group(1)))
            version = run(str(tools / "postgres"), "--version").split()[2]
        finally:
            run(str(tools / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(scratch)
    return {
        "postgresql_version": version,
        "postgresql_reservations_per_second": max(told.values()),
        "postgresql_by_clients": told,
    }


def measure(only: list[str], reservations: int = RESERVATIONS) -> Results:
    """The parts that are named, one after the other in one run."""
    results: Results = {}
    if "hot" in only:
        with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
            directory = Path(scratch)
            with EmbeddedBroker(directory / "broker") as broker:
                create(broker.bootstrap)
                results.update(hot_sku(broker.bootstrap, directory, reservations))
    if "postgresql" in only:
        results.update(postgresql())
    if "positions" in only:
        few, many = (positions(count, reservations) for count in POSITIONS)
        results["positions_10000"] = few
        results["positions_1000000"] = many
        more_bytes = (many["rss_mb"] - few["rss_mb"]) * 1024 * 1024
        results["bytes_per_position"] = round(more_bytes / (POSITIONS[1] - POSITIONS[0]))
        results["cpu_of_a_million_positions_over_ten_thousand"] = many["cpu_us"] / few["cpu_us"]
    return results


def main() -> int:
    """Measure by the command line, or run the room."""
    if sys.argv[1:2] == ["room"]:
        run_room(*sys.argv[2:])
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.flash", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--reservations", type=int, default=RESERVATIONS)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    print(json.dumps(measure(options.only, options.reservations), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
