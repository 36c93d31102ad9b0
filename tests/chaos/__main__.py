"""Kills and stops processes while orders flow, then audits what is on the topics.

    python -m tests.chaos --orders 50000 --seed 7 --faults 20

One seed gives one load and one plan of faults. The last line is one JSON object; the exit status
is 1 when a rule is broken, and then the logs stay and their place is printed.
"""

from __future__ import annotations

import argparse
import heapq
import itertools
import json
import random
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from schemas.orders import CancelOrder, ReleaseHold
from tests.chaos import changes, routing
from tests.chaos.auditor import AuditStopped, audit_topics, clickhouse_counts
from tests.chaos.faults import MEAN_INTERVAL_SECONDS, Faults
from tests.chaos.quiet import Progress, wait_until_quiet
from tests.chaos.rules import Report
from tests.load import CHANNEL, OrderCommand, Sender, WorkCommand, order, register, scarce_for
from tests.pipeline import BROKER, INTAKE_TOKEN, Pipeline

DUPLICATE_SHARE = 0.05
POST_EVERY = 10
"""each so many orders goes through the intake by HTTP, the others straight to channels.raw"""
POSTERS = 8
CANCEL_SHARE = 0.03
CANCEL_DELAY_SECONDS = 4.0
LET_GO_SHARE = 0.05
"""of the orders, which staff has tried again if routing keeps them waiting"""
LET_GO_SECONDS = (3.0, 9.0)
REGISTER_SECONDS = 8.0
"""what it takes to register stock and locations, and to have rules hold"""
UNDISTURBED_RATE = 2_000.0
"""orders a second when nothing is killed"""
FAULTS_TIMEOUT_SECONDS = 600.0
UP_TIMEOUT_SECONDS = 60.0
PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run does."""

    orders: int
    seed: int
    faults: int

    @property
    def rate(self) -> float:
        """Orders a second, so that the orders last as long as the faults."""
        if not self.faults:
            return UNDISTURBED_RATE
        return self.orders / (self.faults * MEAN_INTERVAL_SECONDS + MEAN_INTERVAL_SECONDS)

    @property
    def has_rules(self) -> bool:
        """Whether orders are routed by rules."""
        return routing.wanted(self.seed)


def feed(pipeline: Pipeline, sender: Sender, plan: Plan, faults: Faults) -> None:
    """Send all orders at the plan's rate, some twice, some by HTTP, and what is asked of them."""
    with ThreadPoolExecutor(POSTERS, "poster") as posters:
        posted = _feed(pipeline, sender, plan, faults, posters)
    for future in posted:
        future.result()


def _feed(
    pipeline: Pipeline, sender: Sender, plan: Plan, faults: Faults, posters: ThreadPoolExecutor
) -> list[Future[None]]:
    chance = random.Random(plan.seed)
    posted: list[Future[None]] = []
    later: list[tuple[float, int, OrderCommand | WorkCommand]] = []
    count = itertools.count()
    began = told = time.monotonic()
    for number in range(plan.orders):
        ahead = number / plan.rate - (time.monotonic() - began)
        if ahead > 0:
            time.sleep(ahead)
        document = order(chance, number)
        if number % POST_EVERY == 0:
            job = posters.submit(sender.post, pipeline.intake, INTAKE_TOKEN, document)
            posted.append(job)
        else:
            sender.raw(document, f"raw-{number:08d}")
        if chance.random() < DUPLICATE_SHARE:
            sender.raw(document, f"raw-{number:08d}-again")
        now, now_ms = time.monotonic(), int(time.time() * 1000)
        if chance.random() < CANCEL_SHARE:
            at = now + chance.uniform(0.0, CANCEL_DELAY_SECONDS)
            name = f"{CHANNEL}-{document['external_id']}"
            cancel = CancelOrder(name, "customer changed their mind", now_ms)
            heapq.heappush(later, (at, next(count), cancel))
        if plan.has_rules and chance.random() < LET_GO_SHARE:
            at = now + chance.uniform(*LET_GO_SECONDS)
            name = f"{CHANNEL}-{document['external_id']}"
            again = ReleaseHold(name, "routing/1", "other rules", "staff-1", now_ms, True)
            heapq.heappush(later, (at, next(count), again))
        for delay, command in changes.plan(chance, document, now_ms):
            heapq.heappush(later, (now + delay, next(count), command))
        while later and later[0][0] <= time.monotonic():
            sender.command(heapq.heappop(later)[2])
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            state = f"{number + 1}/{plan.orders} orders, {faults.done}/{plan.faults} faults"
            print(state, file=sys.stderr, flush=True)
    while later:
        at, _, command = heapq.heappop(later)
        time.sleep(max(0.0, at - time.monotonic()))
        sender.command(command)
    return posted


def disturb(pipeline: Pipeline, plan: Plan, sender: Sender) -> tuple[Faults, float]:
    """Load and faults, and then the wait until nothing is open; return the seconds of that."""
    faults = Faults(pipeline, plan.seed, plan.faults)
    faults.start()
    try:
        feed(pipeline, sender, plan, faults)
        faults.join(FAULTS_TIMEOUT_SECONDS)
    finally:
        faults.end()
    await_all_up(pipeline)
    sender.flush()
    progress = Progress(pipeline.bootstrap)
    try:
        return faults, wait_until_quiet(pipeline.bootstrap, progress, plan.orders)
    finally:
        progress.close()


def await_all_up(pipeline: Pipeline) -> None:
    """Wait until the supervisor has everything running again."""
    deadline = time.monotonic() + UP_TIMEOUT_SECONDS
    wanted = {*pipeline.parts, BROKER}
    while set(pipeline.running()) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)


@contextmanager
def open_clocks(pipeline: Pipeline, plan: Plan) -> Iterator[None]:
    """Time zones whose midnights come while orders flow, for the processes of the run."""
    clocks = routing.Clocks(pipeline.directory / "zones")
    begins, lasts = time.time() + REGISTER_SECONDS, plan.orders / plan.rate
    clocks.midnight(routing.EARLY, begins)
    clocks.midnight(routing.LATE, begins + lasts)
    try:
        yield
    finally:
        clocks.close()


def run(plan: Plan) -> tuple[dict[str, Any], Report]:
    """One run from an empty directory to the audit."""
    began = time.monotonic()
    with Pipeline(intake=True) as pipeline, open_clocks(pipeline, plan):
        pipeline.start()
        register(pipeline.bootstrap, scarce_for(plan.orders))
        if plan.has_rules:
            routing.set_rules(pipeline.bootstrap, plan.seed)
        sender = Sender(pipeline.bootstrap)
        flow_began = time.monotonic()
        faults, quiet_seconds = disturb(pipeline, plan, sender)
        flow_seconds = time.monotonic() - flow_began
        forced = pipeline.stop()
        unreadable = ""
        rows: dict[str, tuple[int, int]] | None = None
        try:
            rows = clickhouse_counts(pipeline.clickhouse)
        except AuditStopped as error:
            unreadable = str(error)
        report = audit_topics(pipeline.bootstrap, sender.sent.raws, rows)
        if unreadable:
            report.add("rows_exactly_once", str(pipeline.clickhouse), unreadable)
        for name in forced:
            report.add("stops_when_asked", name, pipeline.log_tail(name)[-200:])
        pipeline.keep_directory = report.violations > 0
        result = {
            "orders": plan.orders,
            "seed": plan.seed,
            "rules": plan.has_rules,
            "faults": faults.done,
            "struck": dict(sorted(faults.counts.items())),
            "restarts": pipeline.restarts(),
            "acknowledged": len(sender.sent.raws),
            "cancellations": sender.sent.cancellations,
            "changes": dict(sorted(sender.sent.changes.items())),
            "outcomes": report.orders,
            "waiting_for_a_person": report.waiting,
            "promises": {
                name: report.events.get(name, 0)
                for name in ("PromiseChanged", "FulfillmentOrderAtRisk", "PromiseMissed")
            },
            "records": sum(report.records.values()),
            "clickhouse_rows": sum(count for count, _ in (rows or {}).values()),
            "peak_rss_mb": {name: round(peak) for name, peak in pipeline.peaks_mb().items()},
            "flow_seconds": round(flow_seconds, 1),
            "quiet_seconds": round(quiet_seconds, 1),
            "seconds": round(time.monotonic() - began, 1),
            "violations": report.violations,
        }
        return result, report


def print_report(result: dict[str, Any], report: Report) -> None:
    """The faults and counts for a person."""
    print("with routing rules" if result["rules"] else "without routing rules")
    for title, counts in (
        ("faults", result["struck"]),
        ("restarts", result["restarts"]),
        ("orders", report.orders),
        ("events", report.events),
        ("records", report.records),
    ):
        print(title)
        for name, count in counts.items():
            print(f"  {count:>9,}  {name}")


def print_broken(report: Report) -> None:
    """The broken rules, beside whatever stdout is for."""
    for violation in report.broken:
        told = f"broken: {violation.rule}: {violation.subject}: {violation.detail}"
        print(told, file=sys.stderr)


def end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run through every clean-up."""
    raise SystemExit(143)


def main() -> int:
    """Run by the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--orders", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="only the JSON object on stdout")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    result, report = run(Plan(options.orders, options.seed, options.faults))
    if not options.json:
        print_report(result, report)
    print_broken(report)
    print(json.dumps(result))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
