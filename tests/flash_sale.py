"""A flash sale through the whole pipeline: many orders for one SKU of which there are few pieces.

    python -m tests.flash_sale --orders 100000 --units 1000

Raw payloads go in at one end, some of them twice; rooms, gateway and broker are those of
`millrace up`. Then every record is read: exactly as many orders as there are units have one
reserved and paid, each of the others is refused for want of stock and never asked for money, and
none is lost. The last line is one JSON object; the exit status is 1 when any of that is not so.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from typing import Any

from schemas.stock import SetStock, StockSet
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_EVENTS
from tests.chaos.__main__ import end, print_broken
from tests.chaos.auditor import AuditStopped, Contract, read
from tests.chaos.ledger import Event
from tests.chaos.quiet import Progress, wait_until_quiet
from tests.chaos.rules import Audit, Report
from tests.load import (
    APPROVED,
    LOCATIONS,
    Sender,
    money,
    order,
    wait_for,
    wait_for_locations,
)
from tests.pipeline import Pipeline

HOT = "SKU-HOT"
PRICE_MINOR = 4_999
SHIPPING_MINOR = 499
TWICE_EVERY = 50
"""each so many payloads comes again"""
OUT_OF_STOCK = "out_of_stock"
SHOWN = 20


class Tally:
    """What became of each order, by the events."""

    def __init__(self) -> None:
        self.records = 0
        self.placed: set[str] = set()
        self.reserved: Counter[str] = Counter()
        """pieces by order"""
        self.given_back: Counter[str] = Counter()
        self.refused_stock: dict[str, set[str]] = defaultdict(set)
        """reasons of the inventory room by order"""
        self.refused: dict[str, str] = {}
        """reason of the order's refusal"""
        self.released: set[str] = set()
        self.asked_for_money: set[str] = set()
        self.paid: set[str] = set()
        self.times: dict[str, list[int]] = {"orders": [], "stock": []}

    def feed(self, event: Event) -> None:
        """Take the next record."""
        self.records += 1
        told, order_id = event.fields, str(event.fields.get("order_id", ""))
        match event.topic, event.name:
            case "orders.events", "OrderPlaced":
                self.placed.add(order_id)
                self.times["orders"].append(told["at_ms"])
            case "orders.events", "OrderRefused":
                self.refused[order_id] = told["reason"]
                self.times["orders"].append(told["at_ms"])
            case "orders.events", "OrderReleased":
                self.released.add(order_id)
                self.times["orders"].append(told["at_ms"])
            case "inventory.events", "StockReserved":
                self.reserved[order_id] += told["quantity"]
                self.times["stock"].append(told["at_ms"])
            case "inventory.events", "StockRefused":
                self.refused_stock[order_id].add(told["reason"])
                self.times["stock"].append(told["at_ms"])
            case "inventory.events", "StockReleased":
                self.given_back[order_id] += told["quantity"]
            case "payments.events", "AuthorizationRequested":
                self.asked_for_money.add(order_id)
            case "payments.events", "PaymentAuthorized":
                self.paid.add(order_id)

    def judge(self, report: Report, orders: int, units: int) -> None:
        """Add what is not as a flash sale should be."""
        got = min(orders, units)
        reserved = {*self.reserved}
        pieces = self.reserved.total() - self.given_back.total()

        def must(rule: str, holds: bool, detail: object) -> None:
            if not holds:
                report.add(rule, HOT, str(detail)[:300])

        def same(rule: str, one: set[str], other: set[str]) -> None:
            must(rule, one == other, f"{len(one ^ other)}: {sorted(one ^ other)[:SHOWN]}")

        must("every_unit_reserved", pieces == got, f"{pieces} pieces of {units}")
        must("one_unit_an_order", len(reserved) == got, f"{len(reserved)} orders of {got}")
        must("no_order_lost", len(self.placed) == orders, f"{len(self.placed)} of {orders}")
        same("others_refused", {*self.refused}, self.placed - reserved)
        same("reserved_is_released", self.released, reserved)
        same("paid_as_reserved", self.paid, reserved)
        same("asked_for_money_as_reserved", self.asked_for_money, reserved)
        same("stock_refused_as_orders", {*self.refused_stock}, {*self.refused})
        reasons = {
            *self.refused.values(),
            *(one for some in self.refused_stock.values() for one in some),
        }
        must("refused_with_its_reason", reasons <= {OUT_OF_STOCK}, reasons)

    def rate(self, of: str) -> float:
        """Decisions a second from the first to the last; of orders, outcomes since placed."""
        times, count = self.times[of], len(self.placed)
        if not times or not count:
            return 0.0
        return round(count / max(0.001, (max(times) - min(times)) / 1000), 1)


def document(chance: random.Random, number: int) -> dict[str, Any]:
    """An order of one piece of the hot SKU, by a card that is approved."""
    made = order(chance, number, APPROVED)
    line = {"line_id": "1", "sku": HOT, "quantity": 1, "unit_price": money(PRICE_MINOR)}
    return {
        **made,
        "lines": [line],
        "discount": money(0),
        "shipping": money(SHIPPING_MINOR),
        "tax": money(0),
        "total": money(PRICE_MINOR + SHIPPING_MINOR),
        "backorder": False,
    }


def stock_up(bootstrap: str, units: int) -> None:
    """Register the locations and spread the units over them. Raises LoadError."""
    sender = Sender(bootstrap)
    sender.locations()
    for number, (location, *_) in enumerate(LOCATIONS):
        share = units // len(LOCATIONS) + (number < units % len(LOCATIONS))
        sender.send(INVENTORY_COMMANDS, HOT, SetStock(HOT, location, share, 0, "flash sale"))
    sender.flush()
    wait_for(bootstrap, INVENTORY_EVENTS, StockSet, len(LOCATIONS))
    wait_for_locations(bootstrap)


def rush(sender: Sender, orders: int, seed: int) -> None:
    """All orders, as fast as the broker takes them."""
    chance = random.Random(seed)
    for number in range(orders):
        made = document(chance, number)
        sender.raw(made, f"raw-{number:08d}")
        if number % TWICE_EVERY == 0:
            sender.raw(made, f"raw-{number:08d}-again")
    sender.flush()


def await_outcomes(bootstrap: str, orders: int) -> None:
    """Wait until nothing is open any more, or nothing changes."""
    progress = Progress(bootstrap)
    try:
        seen = -1
        while seen != progress.events and (progress.open() or progress.orders().total() < orders):
            seen = progress.events
            wait_until_quiet(bootstrap, progress, orders)
    finally:
        progress.close()


def run(orders: int, units: int, seed: int) -> tuple[dict[str, Any], Report]:
    """One sale from an empty directory to the judgement."""
    began = time.monotonic()
    with Pipeline(analytics=False) as pipeline:
        pipeline.start()
        stock_up(pipeline.bootstrap, units)
        sender = Sender(pipeline.bootstrap)
        rush(sender, orders, seed)
        await_outcomes(pipeline.bootstrap, orders)
        forced = pipeline.stop()
        contract, tally = Contract(), Tally()
        audit = Audit(sender.sent.raws, contract.messages)
        try:
            for event in read(pipeline.bootstrap, contract):
                audit.feed(event)
                tally.feed(event)
        except AuditStopped as error:
            audit.broken("readable_to_the_end", pipeline.bootstrap, str(error))
        report = audit.finish()
        tally.judge(report, orders, units)
        for name in forced:
            report.add("stops_when_asked", name, pipeline.log_tail(name)[-200:])
        pipeline.keep_directory = report.violations > 0
        result = {
            "orders": orders,
            "units": units,
            "seed": seed,
            "payloads": len(sender.sent.raws),
            "reserved": len(tally.reserved),
            "released": len(tally.released),
            "paid": len(tally.paid),
            "refused": dict(Counter(tally.refused.values())),
            "stock_refused": sum(len(some) for some in tally.refused_stock.values()),
            "orders_per_second": tally.rate("orders"),
            "reservations_per_second": tally.rate("stock"),
            "records": tally.records,
            "restarts": sum(pipeline.restarts().values()),
            "seconds": round(time.monotonic() - began, 1),
            "violations": report.violations,
        }
        return result, report


def main() -> int:
    """Run by the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.flash_sale", description=__doc__)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, end)
    result, report = run(options.orders, options.units, options.seed)
    print_broken(report)
    print(json.dumps(result))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
