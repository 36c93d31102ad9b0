"""`millrace stock`: counts in, positions out."""

from __future__ import annotations

import csv
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    NotFound,
    Unreadable,
    dashboard_option,
    existing_file,
    json_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from deploy.stock import Position, Row, StockFile


@click.group()
def stock() -> None:
    """Load and show stock.

    \b
    Examples:
      millrace stock load deploy/examples/stock.csv
      millrace stock show TEA-GREEN-100
    """


@stock.command("load")
@click.argument("file", type=existing_file)
@own(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    show_default=False,
    help="Where rows that are set aside go; beside FILE when not given.",
)
@json_option
@on_kafka
def stock_load(cluster: Cluster, file: Path, rejected: Path | None, as_json: bool) -> None:
    """Load counts from a CSV FILE.

    UTF-8, with a header: sku, location and on_hand, and if you like safety_stock, location_name,
    country, latitude and longitude. What a row leaves empty of its location stays as it is known.

    Rows that cannot be read are named by line and field and set aside into NAME.rejected.csv, with
    the reason in a further column; mended, that file can be loaded as it is. All others are loaded.
    """
    from deploy.records import partitions, send
    from deploy.stock import BadFile, StockFile, commands
    from schemas.topics import FULFILLMENT_COMMANDS

    aside = rejected or file.with_suffix(".rejected.csv")
    if aside.resolve() == file.resolve():
        raise click.UsageError("--rejected names the file that is loaded")
    try:
        source = StockFile(file)
    except BadFile as error:
        raise Unreadable(str(error)) from error
    if source.ignored:
        output.say(f"{file}: ignored: {', '.join(source.ignored)}")
    with ExitStack() as stack:
        stack.callback(source.close)
        advance = stack.enter_context(output.progress("stock", source.size, "B"))
        sorted_out = _Sorting(source, aside, as_json, advance)
        stack.callback(sorted_out.close)
        rows, cause = sorted_out.good_rows(), f"load of {file.name}"
        everywhere = partitions(cluster, FULFILLMENT_COMMANDS)
        try:
            send(cluster, commands(rows, cause, everywhere))
        except BadFile as error:
            raise Unreadable(
                f"{error}; {sorted_out.good} positions before that were sent"
            ) from error
    if as_json:
        output.line(
            {
                "loaded": sorted_out.good,
                "rejected": sorted_out.bad,
                "rejected_file": str(aside) if sorted_out.bad else None,
            }
        )
    else:
        click.echo(f"{sorted_out.good} positions loaded, {sorted_out.bad} rows set aside")
    if sorted_out.bad:
        output.say(f"rows set aside are in {aside}")
        sys.exit(SOME_REJECTED)


class _Sorting:
    """Rows on their way: the good ones go on, the bad ones are named and set aside."""

    def __init__(
        self, source: StockFile, aside: Path, as_json: bool, advance: output.Advance
    ) -> None:
        self.good = self.bad = 0
        self._source = source
        self._aside = aside
        self._as_json = as_json
        self._advance = advance
        self._file: IO[str] | None = None

    def good_rows(self) -> Iterator[Position]:
        """Positions, in the order of the file. Raises BadFile."""
        from deploy.stock import BadField

        for row in self._source:
            self._advance(self._source.read_bytes())
            if row.fault:
                self._set_aside(row, "", row.fault)
                continue
            try:
                position = self._source.position(row)
            except BadField as error:
                self._set_aside(row, error.field, error.why)
                continue
            self.good += 1
            yield position

    def _set_aside(self, row: Row, field: str, why: str) -> None:
        from deploy.stock import REASON

        self.bad += 1
        reason = f"{field}: {why}" if field else why
        if self._as_json:
            output.line({"line": row.line, "field": field, "reason": why})
        else:
            output.say(f"{self._source.path.name}, line {row.line}: {reason}")
        columns = [name for name in self._source.columns if name != REASON]
        if self._file is None:
            try:
                self._file = self._aside.open("w", newline="", encoding="utf-8")
            except OSError as error:
                raise click.UsageError(
                    f"{self._aside}: {error.strerror}; choose another place with --rejected"
                ) from error
            csv.writer(self._file).writerow([*columns, REASON])
        # The reason of an earlier load gives way to the new one.
        at = self._source.columns.index(REASON) if REASON in self._source.columns else None
        cells = [cell for number, cell in enumerate(row.cells) if number != at]
        cells += [""] * (len(columns) - len(cells))
        here, beyond = cells[: len(columns)], cells[len(columns) :]
        csv.writer(self._file).writerow([*here, f"line {row.line}: {reason}", *beyond])

    def close(self) -> None:
        """End the file of rows set aside."""
        if self._file is not None:
            self._file.close()


@stock.command("show")
@click.argument("sku")
@dashboard_option
@json_option
def stock_show(sku: str, dashboard: str, as_json: bool) -> None:
    """Show where a SKU is and how much of it can be promised.

    Available is what is on hand, less what is reserved and the safety stock.
    """
    from deploy.dashboard import ask

    told = ask(dashboard, f"/api/stock/{urllib.parse.quote(sku, safe='')}")
    if told is None:
        raise NotFound(f"no stock of {sku}")
    if as_json:
        output.line(told)
        return
    names = ("location_id", "on_hand", "reserved", "safety_stock", "available")
    rows = [[position.get(name, "") for name in names] for position in told["positions"]]
    output.table(("location", *names[1:]), rows, right=4)
