"""`millrace import`: orders out of a file of any size."""

from __future__ import annotations

import csv
import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    UNREADABLE,
    Unavailable,
    Unreadable,
    data_option,
    existing_file,
    json_option,
    on_kafka,
    own,
    vault_key_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from connectors.channels.mapping import Rejected
    from connectors.channels.tables import Part
    from deploy.cluster import Cluster

_PLACE = re.compile(r"\b(row|line|number) ([0-9]+)")


@click.command("import")
@click.argument("file", type=existing_file)
@own("--channel", required=True, help="csv for a table, or a channel whose orders are JSON Lines.")
@own("--columns", type=existing_file, help="TOML file that says how the table's columns are named.")
@own("--dry-run", is_flag=True, help="Only say what would be understood; needs no broker.")
@own(
    "--failed",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    show_default=False,
    help="Where what failed is listed; beside FILE when not given.",
)
@vault_key_option
@data_option
@json_option
@on_kafka
def import_orders(
    cluster: Cluster,
    file: Path,
    channel: str,
    columns: Path | None,
    dry_run: bool,
    failed: Path | None,
    vault_key_file: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Send the orders of a FILE of any size: a CSV table, or JSON Lines.

    Rows of one order stand together. What fails is listed with row, field and reason. The same FILE
    again is harmless, because orders keep their ids: after a stop it is simply imported again.

    \b
    Example:
      millrace import orders.csv --channel csv --columns shop-a.toml --dry-run
    """
    from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES, Rejected
    from connectors.channels.registry import CHANNELS
    from connectors.channels.tables import BadTable

    mapping = CHANNELS.get(channel)
    if mapping is None:
        raise click.UsageError(f"there is no channel {channel!r}; see `millrace channels`")
    aside = failed or file.with_suffix(".failed.csv")
    if aside.resolve() == file.resolve():
        raise click.UsageError("--failed names the file that is imported")
    good = done = 0
    faults: list[Rejected] = []
    with ExitStack() as stack:
        send = None if dry_run else _sender(stack, cluster, channel, vault_key_file, data)
        advance = stack.enter_context(output.progress("orders", file.stat().st_size, "B"))
        try:
            for part in _parts(file, channel, columns):
                if send is not None and len(part.payload) <= MAXIMUM_PAYLOAD_BYTES:
                    send(part.payload)
                for order in mapping.orders(part.payload, "", "", time.time_ns() // 1_000_000):
                    if isinstance(order, Rejected):
                        faults.append(_placed(order, part, channel))
                    else:
                        good += 1
                done += len(part.payload)
                advance(done)
        except BadTable as error:
            _list(faults, aside)
            raise Unreadable(f"{error}; {good} orders before that were read") from error
    if not done:
        raise Unreadable(f"{file}: there is no order in it")
    _list(faults, aside)
    if as_json:
        listed = str(aside) if faults else None
        output.line({"imported": good, "failed": len(faults), "failed_file": listed})
    else:
        click.echo(f"{good} orders, {len(faults)} failed")
    if faults:
        output.say(f"what failed is in {aside}")
        unreadable = not good and all(fault.reason == "unreadable" for fault in faults)
        sys.exit(UNREADABLE if unreadable else SOME_REJECTED)


def _parts(file: Path, channel: str, columns: Path | None) -> Iterator[Part]:
    """Raises BadTable."""
    from connectors.channels import tables

    if channel == "csv":
        text = columns.read_text(encoding="utf-8") if columns is not None else ""
        return tables.csv_parts(file, tables.columns_of(text))
    if columns is not None:
        raise click.UsageError("--columns goes with --channel csv")
    return tables.json_parts(file)


def _sender(
    stack: ExitStack, cluster: Cluster, channel: str, vault_key_file: Path | None, data: Path
) -> Callable[[bytes], None]:
    """Has Kafka take a payload. What it returns raises Unavailable."""
    from connectors.channels.publisher import RawPublisher, Undelivered, new_raw_id
    from deploy.vault import opened
    from schemas.channels import RawPayload

    publisher = RawPublisher(cluster.brokers, cluster.kafka, opened(vault_key_file, data))
    stack.callback(publisher.close)

    def send(payload: bytes) -> None:
        now_ms = time.time_ns() // 1_000_000
        raw = RawPayload(new_raw_id(), channel, "file", "", now_ms, payload)
        try:
            publisher.publish_all([raw])
        except Undelivered as error:
            raise Unavailable(f"Kafka at {cluster.brokers} did not take it: {error}") from error

    return send


def _placed(fault: Rejected, part: Part, channel: str) -> Rejected:
    """The fault with the rows of the file in place of those of the payload."""
    from connectors.channels.mapping import Rejected

    first = 2 if channel == "csv" else 1

    def moved(found: re.Match[str]) -> str:
        at = int(found[2]) - first
        row = part.rows[at] if 0 <= at < len(part.rows) else int(found[2])
        return f"{found[1]} {row}"

    name = fault.external_id
    return Rejected(
        fault.reason,
        _PLACE.sub(moved, fault.field),
        _PLACE.sub(moved, fault.detail),
        _PLACE.sub(moved, name) if _PLACE.fullmatch(name) else name,
    )


def _list(faults: list[Rejected], aside: Path) -> None:
    """Write what failed, if anything did."""
    if not faults:
        return
    with aside.open("w", newline="", encoding="utf-8") as target:
        listed = csv.writer(target)
        listed.writerow(["order", "field", "reason", "detail"])
        listed.writerows(
            [fault.external_id, fault.field, fault.reason, fault.detail] for fault in faults
        )
