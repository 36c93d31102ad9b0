"""Measures what people ask of stock: the look-up of levels, a file of counts, and the audit.

    python -m tests.benchmarks.stock [--only levels load audit] [--rows 1000000]

Starts a broker of its own on this machine and prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from confluent_kafka import Producer

from deploy.broker import EmbeddedBroker, free_port
from deploy.topics import create
from schemas import codec
from schemas.inventory import ReservationState, StockReserved, StockState
from schemas.partitions import partition_of
from schemas.records import Record
from schemas.stock import ChannelLevel, LocationLevel, PositionAt, StockLevels, StockSet
from schemas.topics import INVENTORY_EVENTS, INVENTORY_LEVELS, INVENTORY_STATE, Topic

HOST = "127.0.0.1"
PARTS = ("levels", "load", "audit")
RESERVED_OF_A_SKU = 100
ROWS = 1_000_000
BATCH = 10_000
FRESH_SAMPLES = 200
GETS = 2_000
READY_SECONDS = 300.0
Results = dict[str, Any]


def levels(number: int, on_hand: int, at_ms: int) -> StockLevels:
    """A SKU at two locations, with two channels that have words of their own."""
    locations = [
        LocationLevel(name, on_hand, 3, 1, 2, 0, 0, 0, on_hand - 6, True)
        for name in ("berlin", "rotterdam")
    ]
    channels = [ChannelLevel("web", 2 * on_hand - 14), ChannelLevel("pos", 2 * on_hand - 12)]
    sku = f"SKU-{number:08}"
    return StockLevels(sku, 2 * on_hand - 12, locations, channels, 0, 0, "ok", [], at_ms)


class Writer:
    """Commits levels as the inventory room does: in transactions."""

    def __init__(self, bootstrap: str) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": "bench-levels",
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "queue.buffering.max.messages": 500_000,
            }
        )
        self._producer.init_transactions(30)

    def write(self, records: list[StockLevels]) -> float:
        """Commit levels; when that was done."""
        return self.commit([(INVENTORY_LEVELS, record.sku, -1, record) for record in records])

    def commit(self, sends: list[tuple[Topic, str, int, Record]]) -> float:
        """Commit records with their keys and partitions; when that was done."""
        self._producer.begin_transaction()
        for topic, key, partition, record in sends:
            self._producer.produce(topic.name, codec.encode(record), key, partition)
            self._producer.poll(0)
        self._producer.commit_transaction(60)
        return time.perf_counter()


@contextmanager
def served(bootstrap: str) -> Iterator[tuple[str, psutil.Process]]:
    """`millrace levels`, ready."""
    port = free_port(HOST)
    command = [sys.executable, "-m", "deploy.cli", "levels", "--brokers", bootstrap]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://{HOST}:{port}"
    try:
        wait(lambda: asked(f"{address}/ready") is not None)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def asked(url: str) -> Any:
    """The JSON there; None where there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    except OSError:
        return None


def wait(holds: Callable[[], bool]) -> None:
    """Until it holds. Raises TimeoutError."""
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.02)


def timed(*arguments: str) -> float:
    """Seconds that a command takes."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def look_up(bootstrap: str, rows: int) -> Results:
    """Memory a SKU, time of a start, freshness, and the time of a look-up with and without it."""
    writer, found = Writer(bootstrap), Results()
    now = time.time_ns() // 1_000_000
    found["record_bytes"] = len(codec.encode(levels(0, 100, now)))
    with served(bootstrap) as (_, process):
        empty = process.memory_info().rss
    for first in range(0, rows, BATCH):
        writer.write([levels(n, 100, now) for n in range(first, min(first + BATCH, rows))])
    started = time.perf_counter()
    with served(bootstrap) as (address, process):
        found["start_seconds"] = time.perf_counter() - started
        found["bytes_per_sku"] = (process.memory_info().rss - empty) / rows
        found["memory_mib"] = process.memory_info().rss / 2**20
        found["fresh_ms"] = freshness(writer, address, now)
        started = time.perf_counter()
        for number in range(GETS):
            asked(f"{address}/stock/SKU-{number * (rows // GETS):08}")
        found["get_ms"] = (time.perf_counter() - started) / GETS * 1000
        started, after, pages = time.perf_counter(), "", 0
        while after is not None and pages < 100:
            after = asked(f"{address}/stock?limit=1000&after={after}")["next"]
            pages += 1
        found["page_of_1000_ms"] = (time.perf_counter() - started) / pages * 1000
        found["show_by_look_up_seconds"] = timed(
            "stock", "show", "SKU-00000007", "--levels-url", address, "--brokers", bootstrap
        )
        found["memory_after_mib"] = process.memory_info().rss / 2**20
    found["show_by_scan_seconds"] = timed("stock", "show", "SKU-00000007", "--brokers", bootstrap)
    return found


def freshness(writer: Writer, address: str, now: int) -> Results:
    """Milliseconds from a commit's return to the first answer that has it."""
    took = []
    for number in range(FRESH_SAMPLES):
        committed = writer.write([levels(number, 200 + number, now)])
        wanted = 2 * (200 + number) - 12
        while asked(f"{address}/stock/SKU-{number:08}")["available"] != wanted:
            pass
        took.append((time.perf_counter() - committed) * 1000)
    took.sort()
    return {
        "median": statistics.median(took),
        "p99": took[int(len(took) * 0.99) - 1],
        "most": took[-1],
    }


def load(bootstrap: str, rows: int, directory: Path) -> Results:
    """`millrace stock load` of so many counts at ten locations."""
    path = directory / "counts.csv"
    with path.open("w") as file:
        file.write("sku,location,on_hand,safety_stock\n")
        file.writelines(
            f"SKU-{n // 10:08},place-{n % 10},{n % 1000},{n % 7}\n" for n in range(rows)
        )
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    seconds = timed("stock", "load", str(path), "--brokers", bootstrap)
    used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return {"rows": rows, "seconds": seconds, "cpu_seconds": used, "rows_a_second": rows / seconds}


def audit(bootstrap: str, rows: int) -> Results:
    """`millrace audit stock` over so many reservations, all of which stand."""
    writer, now = Writer(bootstrap), time.time_ns() // 1_000_000
    number, on_hand = INVENTORY_EVENTS.partitions, RESERVED_OF_A_SKU
    for first in range(0, rows, BATCH):
        sends: list[tuple[Topic, str, int, Record]] = []
        for n in range(first // on_hand, min(first + BATCH, rows) // on_hand):
            sku = f"SKU-{n:08}"
            place = partition_of(sku.encode(), number)
            count = StockSet(sku, "berlin", on_hand, 0, 0, "count", now)
            sends.append((INVENTORY_EVENTS, sku, place, count))
            for held in range(1, on_hand + 1):
                order = f"json-{n}-{held}"
                made = StockReserved(sku, order, "1", "berlin", 1, on_hand, held, now, now)
                kept = ReservationState(order, "1", sku, "berlin", 1, 1, now)
                sends.append((INVENTORY_EVENTS, sku, place, made))
                sends.append((INVENTORY_STATE, f"{sku}|{order}|1", place, kept))
            position = PositionAt("berlin", on_hand, on_hand, 0)
            sends.append((INVENTORY_STATE, sku, place, StockState(sku, [position])))
        writer.commit(sends)
    seconds = timed("audit", "stock", "--brokers", bootstrap)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {"reservations": rows, "seconds": seconds, "peak_mib_of_any_part": peak}


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rows", type=int, default=ROWS)
    asked_for = parser.parse_args()
    found = Results()
    with tempfile.TemporaryDirectory() as name, EmbeddedBroker(Path(name) / "kafka") as broker:
        create(broker.bootstrap)
        if "levels" in asked_for.only:
            found["levels"] = look_up(broker.bootstrap, asked_for.rows)
        if "load" in asked_for.only:
            found["load"] = load(broker.bootstrap, asked_for.rows, Path(name))
        if "audit" in asked_for.only:
            found["audit"] = audit(broker.bootstrap, asked_for.rows)
    json.dump(found, sys.stdout, indent=2)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
