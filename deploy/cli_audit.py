"""`millrace audit`: proofs over a running system."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import SOME_REJECTED, json_option, on_kafka

if TYPE_CHECKING:
    from deploy.audit import Report
    from deploy.cluster import Cluster


@click.group()
def audit() -> None:
    """Prove that the books add up.

    \b
    Example:
      millrace audit stock
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
