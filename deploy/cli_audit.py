"""`millrace audit`: proofs over a running system."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import SOME_REJECTED, NotFound, json_option, on_kafka, own

if TYPE_CHECKING:
    from deploy.audit import Report
    from deploy.cluster import Cluster
    from deploy.order_audit import Break


@click.group()
def audit() -> None:
    """Prove that the books add up.

    \b
    Examples:
      millrace audit stock
      millrace audit orders shopify-450789469 --export order.jsonl
    """


@audit.command("stock")
@json_option
@on_kafka
def audit_stock(cluster: Cluster, as_json: bool) -> None:
    """Sum the ledger of stock, and compare the sum with the state.

    Reads inventory.events from the first record to the last that is committed. After each one, what
    it says of its position must be the sum so far of on_hand, reserved, allocated, in_transit and
    quarantined, none of them below 0, and reserved and allocated together at most what is on hand:
    otherwise something was oversold. Then every position and reservation of inventory.state must be
    what the ledger comes to. The pipeline may go on meanwhile; nothing is written.

    Ends with 0 when all of it is proved, and with 1 when there is a difference; the first one is
    named with its place on Kafka.
    """
    from deploy.audit import Audit

    started = time.monotonic()
    with output.stages() as advance:
        report = Audit(cluster).run(advance)
    seconds = time.monotonic() - started
    if as_json:
        output.line(_as_json(report, seconds))
    else:
        _say(report, seconds)
    if not report.proved:
        sys.exit(SOME_REJECTED)


def _as_json(report: Report, seconds: float) -> dict[str, object]:
    first = report.first
    return {
        "proved": report.proved,
        "events": report.events,
        "states": report.states,
        "skus": report.skus,
        "positions": report.positions,
        "reservations": report.reservations,
        "differences": report.differences,
        "unmet": report.unmet,
        "seconds": round(seconds, 3),
        "first": first
        and {
            **first.place._asdict(),
            "sku": first.sku,
            "location_id": first.location_id,
            "what": first.what,
        },
    }


def _say(report: Report, seconds: float) -> None:
    click.echo(
        f"{report.events} events of {report.skus} SKUs: {report.positions} positions,"
        f" {report.reservations} reservations that stand; {seconds:.1f} s"
    )
    if report.proved:
        click.echo("the ledger adds up, nothing is oversold, and the state is its sum")
    if report.first is not None:
        first, place = report.first, report.first.place
        where = f" at {first.location_id}" if first.location_id else ""
        output.told(
            f"{report.differences} differences; the first: {place.topic}, partition"
            f" {place.partition}, offset {place.offset}: SKU {first.sku}{where}: {first.what}"
        )
    if report.unmet:
        output.told(
            f"{len(report.unmet)} SKUs never rested and did not meet their state:"
            f" {', '.join(report.unmet[:10])}"
        )


@audit.command("orders")
@click.argument("order_id", default="")
@own(
    "--export",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write the events to this file as well, a line each, as they were sealed.",
)
@json_option
@on_kafka
def audit_orders(cluster: Cluster, order_id: str, export: Path | None, as_json: bool) -> None:
    """Verify that nobody has changed, dropped or added an event of ORDER_ID, or of any order.

    Each event of an order has a number and a digest that ties it to the one before (the contract's
    text says how); the last ones must be those of the order's state. Events from before there were
    digests are counted and believed.

    Ends with 0 when every chain holds, and with 1 when one is broken; the first break is named with
    its place on Kafka.
    """
    from deploy import order_audit

    # Read first: an event that comes in between is in no state yet, and no break.
    states = order_audit.states(cluster, order_id)
    chains = order_audit.Chains()
    with nullcontext() if export is None else export.open("w", encoding="utf-8") as file:
        for event in order_audit.events(cluster, order_id):
            chains.feed(event)
            if file is not None:
                file.write(f"{order_audit.exported(event)}\n")
    report = chains.finish(states)
    if order_id and not (report.orders or report.before):
        raise NotFound(f"no order {order_id}")
    first = report.first
    if as_json:
        place = first.place._asdict() if first is not None and first.place is not None else {}
        output.line(
            {
                "proved": report.proved,
                "orders": report.orders,
                "events": report.events,
                "before": report.before,
                "breaks": report.breaks,
                "first": first and {**place, "order_id": first.order_id, "what": first.what},
            }
        )
    else:
        click.echo(f"{report.events} events of {report.orders} orders, {report.before} unchained")
        if first is None:
            click.echo("every chain holds")
        else:
            output.told(f"{report.breaks} breaks; the first: {_place(first)}")
    if not report.proved:
        sys.exit(SOME_REJECTED)


def _place(first: Break) -> str:
    if first.place is None:
        return f"{first.order_id}: {first.what}"
    topic, partition, offset = first.place
    return f"{topic}, partition {partition}, offset {offset}: {first.order_id}: {first.what}"
