"""`millrace availability`: channels are told how many pieces they may sell."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    Unreadable,
    existing_file,
    host_option,
    json_option,
    on_kafka,
    own,
    port_option,
)

if TYPE_CHECKING:
    from deploy.availability import Served
    from deploy.cluster import Cluster
    from schemas.channel_stock import AvailabilityAttempted, AvailabilityPushed

MAXIMUM_SHOWN = 100_000
MAXIMUM_NAMED = 5
"""SKUs of an attempt that a table shows."""


@click.group()
def availability() -> None:
    """Tell channels how many pieces of each SKU they may sell.

    Only changes are told, the latest of each SKU, what has run out before all else, as fast as each
    service takes them. A part of it is read back. deploy/examples/availability.toml is a FILE with
    comments.
    """


@availability.command()
@click.argument("file", type=existing_file)
@json_option
def check(file: Path, as_json: bool) -> None:
    """Say what is wrong in FILE, with the lines; needs no broker, and no channel."""
    for one in _loaded(file):
        if as_json:
            output.line(
                {
                    "account": one.account.name,
                    "channel": one.account.channel,
                    "batch": one.account.batch,
                    "per_minute": one.per_minute,
                    "read_back_percent": round(one.settings.share * 100),
                }
            )
        else:
            click.echo(
                f"{one.account.name}: {one.account.channel}, up to {one.account.batch} SKUs a"
                f" request, {one.per_minute} requests a minute"
            )


@availability.command()
@click.argument("file", type=existing_file)
@host_option
@port_option(8474)
@on_kafka
def run(cluster: Cluster, file: Path, host: str, port: int) -> None:
    """Tell the accounts of FILE until Ctrl-C.

    What each account was told last stands on Kafka: a new start tells what has changed since. One
    that fails is tried again by itself and holds up no other.

    \b
    Example:
      millrace availability run deploy/examples/availability.toml
    """
    from deploy import processes
    from deploy.cli_processes import running

    served = _loaded(file)
    accounts = [(one.account, one.settings) for one in served]
    running(lambda: processes.availability(cluster, accounts, host, port))


@availability.command()
@click.argument("account", required=False, default="")
@json_option
@on_kafka
def status(cluster: Cluster, account: str, as_json: bool) -> None:
    """Show each account, or ACCOUNT: what it was told, what it does not take, its last attempt."""
    told: dict[str, dict[str, int]] = {}
    for one in _pushed(cluster, account):
        counts = told.setdefault(one.account, {"told": 0, "not_taken": 0})
        counts["not_taken" if one.reason else "told"] += 1
    last: dict[str, AvailabilityAttempted] = {}
    for attempt in _attempts(cluster, account):
        if attempt.account not in last or attempt.at_ms >= last[attempt.account].at_ms:
            last[attempt.account] = attempt
    rows = []
    for name in sorted(told.keys() | last.keys()):
        counts, latest = told.get(name, {"told": 0, "not_taken": 0}), last.get(name)
        at = output.moment(latest.at_ms) if latest else ""
        reason = latest.reason if latest else ""
        next_at = output.moment(latest.next_at_ms) if latest and latest.next_at_ms else ""
        if as_json:
            said = {"last_attempt_at": at, "reason": reason, "next_at": next_at}
            output.line({"account": name, **counts, **said})
        else:
            row = (counts["told"], counts["not_taken"], at, reason or "ok", next_at)
            rows.append((name, *row))
    if rows:
        output.table(("account", "told", "not taken", "last attempt", "outcome", "next at"), rows)


@availability.command()
@click.argument("account", required=False, default="")
@own("--failed", is_flag=True, help="Only attempts that failed, or found or made a difference.")
@own("--last", default=20, type=click.IntRange(1, MAXIMUM_SHOWN), help="How many.")
@json_option
@on_kafka
def attempts(cluster: Cluster, account: str, failed: bool, last: int, as_json: bool) -> None:
    """Show the latest attempts, of ACCOUNT or of all."""
    kept: list[AvailabilityAttempted] = []
    for one in _attempts(cluster, account):
        if failed and not one.reason and not one.failed_count:
            continue
        kept.append(one)
        if len(kept) > 2 * MAXIMUM_SHOWN:
            kept = sorted(kept, key=lambda each: each.at_ms)[-last:]
    rows = []
    for one in sorted(kept, key=lambda each: each.at_ms)[-last:]:
        next_at = output.moment(one.next_at_ms) if one.next_at_ms else ""
        if as_json:
            output.line(
                {
                    "account": one.account,
                    "action": one.action,
                    "status": one.status,
                    "reason": one.reason,
                    "count": one.count,
                    "skus": one.skus,
                    "failed": one.failed,
                    "failed_count": one.failed_count,
                    "at": output.moment(one.at_ms),
                    "next_at": next_at,
                }
            )
        else:
            skus = " ".join(one.skus[:MAXIMUM_NAMED])
            outcome = one.reason or (f"{one.failed_count} not taken" if one.failed_count else "ok")
            if one.action == "read_back" and one.failed_count:
                outcome = f"{one.failed_count} differ"
            at = output.moment(one.at_ms)
            rows.append((one.account, one.action, one.count, skus, outcome, at, next_at))
    if rows:
        output.table(("account", "action", "SKUs", "first", "outcome", "at", "next at"), rows)


@availability.command("not-taken")
@click.argument("account", required=False, default="")
@own("--last", default=100, type=click.IntRange(1, MAXIMUM_SHOWN), help="How many.")
@json_option
@on_kafka
def not_taken(cluster: Cluster, account: str, last: int, as_json: bool) -> None:
    """Show the SKUs that ACCOUNT, or any, does not know or does not take, and why.

    Such a SKU is tried again with its next change, six hours later at the earliest.
    """
    kept = deque(
        sorted((one for one in _pushed(cluster, account) if one.reason), key=lambda x: x.at_ms),
        maxlen=last,
    )
    rows = []
    for one in kept:
        at = output.moment(one.at_ms)
        if as_json:
            said = {"sku": one.sku, "item_id": one.item_id, "reason": one.reason, "at": at}
            output.line({"account": one.account, **said})
        else:
            rows.append((one.account, one.sku, one.reason, at))
    if rows:
        output.table(("account", "SKU", "reason", "at"), rows)


def _pushed(cluster: Cluster, account: str) -> list[AvailabilityPushed]:
    """What was told last of each SKU."""
    from deploy.records import messages_of
    from schemas import codec
    from schemas.channel_stock import AvailabilityPushed
    from schemas.topics import AVAILABILITY_PUSHED

    latest: dict[bytes, AvailabilityPushed] = {}
    for message in messages_of(cluster, AVAILABILITY_PUSHED):
        key, value = message.key() or b"", message.value()
        record = codec.decode(value) if value is not None else None
        if isinstance(record, AvailabilityPushed) and account in ("", record.account):
            latest[key] = record
    return list(latest.values())


def _attempts(cluster: Cluster, account: str) -> list[AvailabilityAttempted]:
    from deploy.records import messages_of
    from schemas import codec
    from schemas.channel_stock import AvailabilityAttempted
    from schemas.topics import AVAILABILITY_ATTEMPTS

    found = []
    for message in messages_of(cluster, AVAILABILITY_ATTEMPTS, account or None):
        record = codec.decode(message.value() or b"")
        if isinstance(record, AvailabilityAttempted) and account in ("", record.account):
            found.append(record)
    return found


def _loaded(file: Path) -> list[Served]:
    """The file, checked. Raises Unreadable."""
    from deploy.availability import BadAvailability, load

    try:
        return load(file)
    except BadAvailability as error:
        raise Unreadable(str(error)) from error
