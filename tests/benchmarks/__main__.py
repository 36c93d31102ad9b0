"""Measures millrace on this machine.

    python -m tests.benchmarks [--only pipeline latency … positions] [--orders 30000]

Prints a table and writes build/bench.json. Latency is measured at half the rate of `pipeline`,
or at half of --rate where that part is left out. Peak memory is part of every run.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.broker import EmbeddedBroker
from schemas import codec
from schemas.orders import OrderPlaced, OrderRefused, OrderReleased
from schemas.topics import ORDERS_EVENTS
from tests.benchmarks import flash, intake, routing
from tests.benchmarks.engine import (
    RATIO_RECORDS,
    RESTART_KEYS,
    engine_against_bare_loop,
    restart_after_kill,
)
from tests.load import APPROVED, PLENTY, Sender, committed_consumer, fingerprint, order, register
from tests.pipeline import Pipeline

PARTS = ("pipeline", "latency", "engine", "restart", *flash.PARTS, "routing", "intake")
BUILD = Path(__file__).parents[2] / "build"
LATENCY_SECONDS = 20.0
WARM_UP_ORDERS = 10_000
OUTCOMES_TIMEOUT_SECONDS = 300.0
Results = dict[str, Any]


class Stalled(Exception):
    """The pipeline did not finish its orders in time; the message says how far it came."""


def documents(first: int, count: int) -> list[dict[str, Any]]:
    """Orders that can all be served: cards that are approved, stock in plenty."""
    chance = random.Random(first)
    return [order(chance, number, APPROVED) for number in range(first, first + count)]


def placed_and_outcomes(bootstrap: str, expected: int) -> tuple[list[int], list[int]]:
    """When each order was accepted and when each had its outcome, in milliseconds. Raises Stalled.

    Waits for so many outcomes; both lists are sorted.
    """
    accepted, marks = (
        fingerprint(OrderPlaced),
        (
            fingerprint(OrderReleased),
            fingerprint(OrderRefused),
        ),
    )
    reader = committed_consumer(bootstrap, [ORDERS_EVENTS])
    placed: list[int] = []
    ended: list[int] = []
    deadline = time.monotonic() + OUTCOMES_TIMEOUT_SECONDS
    try:
        while len(ended) < expected:
            if time.monotonic() > deadline:
                raise Stalled(f"{len(ended)} of {expected} orders have an outcome")
            for message in reader.consume(5_000, 0.2):
                value = message.value()
                if message.error() is not None or value is None:
                    continue
                if value.startswith(accepted):
                    placed.append(message.timestamp()[1])
                elif value.startswith(marks):
                    ended.append(message.timestamp()[1])
    finally:
        reader.close()
    return sorted(placed), sorted(ended)


def measure_pipeline(pipeline: Pipeline, orders: int) -> Results:
    """Orders a second while a backlog on channels.raw is worked off by two workers and the gateway.

    From the first order that is accepted to the last that has its outcome; the start of the
    processes is not counted.
    """
    pipeline.stop()
    sender = Sender(pipeline.bootstrap)
    for document in documents(0, orders):
        sender.raw(document, f"raw-{document['external_id']}")
    sender.flush()
    began = time.time()
    before = pipeline.cpu_seconds()
    pipeline.start()
    placed, ended = placed_and_outcomes(pipeline.bootstrap, orders)
    used = pipeline.cpu_seconds()
    return {
        "cpu_us_per_order": {
            name: round((seconds - before.get(name, 0.0)) / orders * 1e6)
            for name, seconds in used.items()
        },
        "orders_per_second": orders / max(0.001, (ended[-1] - placed[0]) / 1000),
        "backlog_seconds": ended[-1] / 1000 - began,
    }


def measure_latency(pipeline: Pipeline, first: int, rate: float) -> Results:
    """Milliseconds from accepted to routed, at a steady rate."""
    sender = Sender(pipeline.bootstrap)
    batch = documents(first, max(1, int(rate * LATENCY_SECONDS)))
    sent: dict[str, int] = {}
    began = time.monotonic()
    for number, document in enumerate(batch):
        ahead = number / rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        raw_id = f"raw-{document['external_id']}"
        sent[raw_id] = time.time_ns() // 1_000_000
        sender.raw(document, raw_id)
    sender.flush()
    placed_and_outcomes(pipeline.bootstrap, first + len(batch))
    reader = committed_consumer(pipeline.bootstrap, [ORDERS_EVENTS])
    placed: dict[str, int] = {}
    waits: list[int] = []
    whole: list[int] = []
    last_new = time.monotonic()
    wanted = {sender.sent.raws[raw_id]: at_ms for raw_id, at_ms in sent.items()}
    try:
        while len(waits) < len(wanted) and time.monotonic() - last_new < OUTCOMES_TIMEOUT_SECONDS:
            for message in reader.consume(5_000, 0.2):
                last_new = time.monotonic()
                value = message.value()
                record = codec.decode(value) if value is not None else None
                if isinstance(record, OrderPlaced) and record.order_id in wanted:
                    placed[record.order_id] = record.at_ms
                elif isinstance(record, OrderReleased) and record.order_id in placed:
                    waits.append(record.at_ms - placed[record.order_id])
                    whole.append(record.at_ms - wanted[record.order_id])
    finally:
        reader.close()
    return {
        "latency_rate": rate,
        **{f"p{part}_ms": _percentile(waits, part) for part in (50, 95, 99)},
        **{f"from_raw_p{part}_ms": _percentile(whole, part) for part in (50, 95, 99)},
    }


def _percentile(values: list[int], part: int) -> int:
    return sorted(values)[min(len(values) - 1, len(values) * part // 100)]


def measure_flow(options: argparse.Namespace, results: Results) -> None:
    """What needs the whole pipeline."""
    with Pipeline(workers=2, gateway=True, analytics=False) as pipeline:
        pipeline.start()
        register(pipeline.bootstrap, scarce=PLENTY)
        first = 0
        if "pipeline" in options.only:
            results.update(measure_pipeline(pipeline, options.orders))
            first = options.orders
        elif "latency" in options.only:
            # A broker and workers that have just started are many times slower.
            measure_pipeline(pipeline, WARM_UP_ORDERS)
            first = WARM_UP_ORDERS
        if "latency" in options.only:
            rate = results.get("orders_per_second", options.rate) / 2
            results.update(measure_latency(pipeline, first, rate))
        peaks = {name: round(peak) for name, peak in pipeline.peaks_mb().items()}
        results.setdefault("peak_rss_mb", {}).update(peaks)


def measure_engine(options: argparse.Namespace, results: Results) -> None:
    """What needs only a broker and the toy room."""
    parts: dict[str, Callable[[str, Path], Results]] = {
        "engine": lambda bootstrap, place: engine_against_bare_loop(
            bootstrap, place, options.records
        ),
        "restart": lambda bootstrap, place: restart_after_kill(bootstrap, place, options.keys),
    }
    for name, measure in parts.items():
        if name not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="millrace-") as scratch:
            directory = Path(scratch)
            with EmbeddedBroker(directory / "broker") as broker:
                results.update(measure(broker.bootstrap, directory / name))
        peak = results.pop("restart_peak_rss_mb", None)
        if peak is not None:
            results.setdefault("peak_rss_mb", {})["restarted worker"] = round(peak)


def table(results: Results) -> Table:
    """The results for a person."""
    shown = Table("measure", "value")
    for name, value in results.items():
        if isinstance(value, dict):
            for part, number in value.items():
                shown.add_row(f"{name}, {part}", f"{number:,}")
        elif isinstance(value, str):
            shown.add_row(name, value)
        else:
            shown.add_row(name, f"{value:,.2f}" if value < 100 else f"{value:,.0f}")
    return shown


def main() -> int:
    """Measure by the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--orders", type=int, default=30_000)
    parser.add_argument("--rate", type=float, default=1_000.0, help="orders a second")
    parser.add_argument("--records", type=int, default=RATIO_RECORDS, help="for `engine`")
    parser.add_argument("--keys", type=int, default=RESTART_KEYS, help="for `restart`")
    parser.add_argument("--requests", type=int, default=intake.REQUESTS, help="for `intake`")
    options = parser.parse_args()
    results: Results = {}
    if {"pipeline", "latency"} & set(options.only):
        measure_flow(options, results)
    measure_engine(options, results)
    results.update(flash.measure(options.only))
    if "routing" in options.only:
        results.update(routing.measure())
    if "intake" in options.only:
        results.update(intake.measure(options.requests))
    BUILD.mkdir(exist_ok=True)
    (BUILD / "bench.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    Console().print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
