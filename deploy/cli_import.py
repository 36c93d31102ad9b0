"""`millrace import`: orders out of a file of any size."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

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
    from collections.abc import Callable

    from connectors.channels.columns import Columns
    from connectors.channels.mapping import Mapped, Rejected
    from connectors.channels.tables import Part
    from deploy.cluster import Cluster
    from deploy.import_progress import FailedList, Kept, Progress

_PLACE = re.compile(r"\b(row|line|number) ([0-9]+)")


@click.command("import")
@click.argument("file", type=existing_file)
@own("--channel", required=True, help="csv for a table, or a channel whose orders are JSON Lines.")
@own("--columns", type=existing_file, help="TOML file that says how the table's columns are named.")
@own("--mapping", default="", help="A column mapping of --mappings, by its name.")
@own(
    "--mappings",
    type=click.Path(path_type=Path, exists=True),
    help="Where mappings are: a TOML file of [import.NAME], or a folder of NAME.toml.",
)
@own("--resume", is_flag=True, help="Go on where the import of this FILE was stopped.")
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
    mapping: str,
    mappings: Path | None,
    resume: bool,
    dry_run: bool,
    failed: Path | None,
    vault_key_file: Path | None,
    data: Path,
    as_json: bool,
) -> None:
    """Send the orders of a FILE of any size: a table (CSV or Excel's .xlsx), or JSON Lines.

    Rows of one order stand together. What fails is listed with row, field and reason. The same FILE
    again is harmless, because orders keep their ids; after a stop, --resume goes on with the rest.

    \b
    Examples:
      millrace import orders.csv --channel csv --columns shop-a.toml --dry-run
      millrace import orders.xlsx --channel csv --mappings import.toml --mapping shop-a --resume
    """
    from connectors.channels.columns import BadTable
    from connectors.channels.registry import CHANNELS
    from deploy.import_progress import CannotResume, FailedList, Kept, Progress, hash_of_file

    if channel not in CHANNELS:
        raise click.UsageError(f"there is no channel {channel!r}; see `millrace channels`")
    if resume and dry_run:
        raise click.UsageError("--resume goes on with sending, and --dry-run sends nothing")
    aside = failed or file.with_suffix(".failed.csv")
    if aside.resolve() == file.resolve():
        raise click.UsageError("--failed names the file that is imported")
    how = _columns(channel, columns, mapping, mappings)
    start = Progress(
        str(file.resolve()), hash_of_file(file), hashlib.sha256(repr((channel, how)).encode())
        .hexdigest(), str(aside.resolve()),
    )  # fmt: skip
    kept = None if dry_run else Kept(data, start)
    with ExitStack() as stack:
        try:
            progress = kept.found() if kept is not None and resume else start
            listed = stack.enter_context(FailedList(aside, progress.failed_bytes))
            if kept is not None and not resume:
                kept.end()
            send = None if dry_run else _sender(stack, cluster, channel, vault_key_file, data)
            imported = _Import(file, channel, how, listed, kept, send)
            progress = imported.run(progress)
        except CannotResume as error:
            raise Unreadable(str(error)) from error
        except BadTable as error:
            raise Unreadable(f"{error}; what stands before that is imported") from error
    if not progress.last_row:
        raise Unreadable(f"{file}: there is no order in it")
    if kept is not None:
        kept.end()
    _tell(progress, aside, as_json, imported.only_unreadable)


def _tell(progress: Progress, aside: Path, as_json: bool, only_unreadable: bool) -> None:
    """Print what became of the file, and end with its status."""
    good, bad = progress.good, progress.failed
    if as_json:
        output.line({"imported": good, "failed": bad, "failed_file": str(aside) if bad else None})
    else:
        click.echo(f"{good} orders, {bad} failed")
    if bad:
        output.say(f"what failed is in {aside}")
        sys.exit(UNREADABLE if only_unreadable and not good else SOME_REJECTED)


class _Import:
    """One file on its way, part by part."""

    def __init__(
        self,
        file: Path,
        channel: str,
        columns: Columns | None,
        listed: FailedList,
        kept: Kept | None,
        send: Callable[[bytes], None] | None,
    ) -> None:
        self.only_unreadable = True
        """nothing failed that could be told from noise"""
        self._file = file
        self._channel = channel
        self._columns = columns
        self._listed = listed
        self._kept = kept
        self._send = send

    def run(self, progress: Progress) -> Progress:
        """Send what is not sent yet; how far it came. Raises BadTable and Unavailable."""
        from connectors.channels import tables
        from connectors.channels.sheets import is_workbook

        if self._columns is None and is_workbook(self._file):
            raise click.UsageError("a workbook goes with --channel csv")
        parts = (
            tables.json_parts(self._file)
            if self._columns is None
            else tables.table_parts(self._file, self._columns)
        )
        # What a workbook unpacks to is not known beforehand: its bar has no end.
        done, total = 0, None if is_workbook(self._file) else self._file.stat().st_size
        with output.progress("orders", total, "B") as advance:
            for part in parts:
                if part.last > progress.last_row:
                    progress = self._sent(part, progress)
                done += len(part.payload)
                advance(done)
        return progress

    def _sent(self, part: Part, before: Progress) -> Progress:
        from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES, Rejected
        from connectors.channels.registry import CHANNELS

        found: list[Mapped] = list(part.refused)
        if part.payload:
            if self._send is not None and len(part.payload) <= MAXIMUM_PAYLOAD_BYTES:
                self._send(part.payload)
            mapping = CHANNELS[self._channel]
            found += [
                _placed(one, part, self._channel) if isinstance(one, Rejected) else one
                for one in mapping.orders(part.payload, "", "", time.time_ns() // 1_000_000)
            ]
        faults = [one for one in found if isinstance(one, Rejected)]
        self.only_unreadable &= all(fault.reason == "unreadable" for fault in faults)
        after = msgspec.structs.replace(
            before,
            last_row=part.last,
            good=before.good + len(found) - len(faults),
            failed=before.failed + len(faults),
            failed_bytes=self._listed.add(faults, before.failed == 0),
        )
        if self._kept is not None:
            self._kept.keep(after)
        return after


def _columns(
    channel: str, columns: Path | None, mapping: str, mappings: Path | None
) -> Columns | None:
    """How the table's columns are named; None for what is no table. Raises Unreadable."""
    from connectors.channels.columns import BadTable, columns_of
    from deploy.import_mappings import BadMapping
    from deploy.import_mappings import columns as kept_columns

    if channel != "csv":
        if columns is not None or mapping:
            raise click.UsageError("--columns and --mapping go with --channel csv")
        return None
    if columns is not None and mapping:
        raise click.UsageError("--columns and --mapping say the same twice; give one of them")
    try:
        if mapping:
            if mappings is None:
                raise click.UsageError("--mapping is a name in --mappings, which is not given")
            return kept_columns(mappings, mapping)
        return columns_of("" if columns is None else columns.read_text(encoding="utf-8"))
    except (BadMapping, BadTable, UnicodeDecodeError) as error:
        raise Unreadable(f"{columns}: {error}" if columns else str(error)) from error


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
