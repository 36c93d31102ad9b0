"""`millrace stock load`, `millrace stock import`, `millrace purchase import`: CSV files in."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, TypeVar

import click

from deploy import output
from deploy.options import (
    SOME_REJECTED,
    Unreadable,
    actor_option,
    existing_file,
    json_option,
    on_kafka,
    own,
)

if TYPE_CHECKING:
    from deploy.cluster import Cluster
    from deploy.csvfile import CsvFile, Row
    from deploy.imports import Format

Thing = TypeVar("Thing")
ADVANCE_ROWS = 256
"""rows between two looks at the bar"""


def _file_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """FILE, --rejected, --json and Kafka, which every import has."""
    rejected = own(
        "--rejected",
        type=click.Path(path_type=Path, dir_okay=False, writable=True),
        show_default=False,
        help="Where rows that are set aside go; beside FILE when not given.",
    )
    file = click.argument("file", type=existing_file)
    return file(rejected(json_option(on_kafka(command))))


@click.command("load")
@_file_options
def load_counts(cluster: Cluster, file: Path, rejected: Path | None, as_json: bool) -> None:
    """Load counts from a CSV FILE.

    UTF-8, with a header: sku, location and on_hand, and if you like safety_stock, location_name,
    country, latitude and longitude. What a row leaves empty of its location stays as it is known.

    Rows that cannot be read are named by line and field and set aside into NAME.rejected.csv, with
    the reason in a further column; mended, that file can be loaded as it is. All others are loaded.
    """
    from deploy.imports import counts
    from deploy.records import partitions
    from schemas.topics import FULFILLMENT_COMMANDS

    form = counts(f"load of {file.name}", lambda: partitions(cluster, FULFILLMENT_COMMANDS))
    _run(cluster, form, file, rejected, as_json)


@click.command("skus")
@actor_option
@_file_options
def import_skus(
    cluster: Cluster, file: Path, rejected: Path | None, actor: str, as_json: bool
) -> None:
    """Load how SKUs are handled from a CSV FILE.

    UTF-8, with a header: sku, and if you like tracking (lot or serial), low_at, units
    (CS=12;PF=480), thresholds (web=5;pos=2), quotas (vip:group=gold:100;shop:channel=web:50),
    components of a kit (SKU=2;OTHER=1), which has no quotas of its own, and a rule when to order
    again: reorder_location, lead_time_days, service_level, reorder_point, review_days, minimum,
    multiple. Further rows of the same SKU, right below, have a rule for a further location each.

    A row says everything about its SKU: what it leaves empty is so no longer. What is consumed of
    quotas is kept.

    Bad rows are set aside as by `millrace stock load`, together with all others of their SKU.
    """
    from deploy.imports import skus

    _run(cluster, skus(actor), file, rejected, as_json)


@click.command("locations")
@_file_options
def import_locations(cluster: Cluster, file: Path, rejected: Path | None, as_json: bool) -> None:
    """Load locations from a CSV FILE.

    UTF-8, with a header: location, and if you like name, country, latitude, longitude, kind
    (warehouse, store, supplier or 3pl), groups (stores-de;stores) and daily_capacity, fulfillment
    orders a day. What a row leaves empty stays as it is known.

    Bad rows are set aside as by `millrace stock load`.
    """
    from deploy.imports import locations

    _run(cluster, locations(lambda: rooms(cluster)), file, rejected, as_json)


@click.command("offers")
@actor_option
@_file_options
def import_offers(
    cluster: Cluster, file: Path, rejected: Path | None, actor: str, as_json: bool
) -> None:
    """Load suppliers' offers from a CSV FILE.

    UTF-8, with a header: sku, supplier, price of a piece (12.50), currency and lead_time_days, and
    if you like supplier_sku, minimum, multiple and active (yes or no).

    Bad rows are set aside as by `millrace stock load`.
    """
    from deploy.imports import offers

    _run(cluster, offers(actor), file, rejected, as_json)


def rooms(cluster: Cluster) -> list[tuple[Any, int]]:
    """The inboxes of the rooms that know locations, and how many partitions Kafka has of each."""
    from deploy.records import partitions
    from deploy.stock import ROOMS

    return [(room, partitions(cluster, room)) for room in ROOMS]


def _run(
    cluster: Cluster,
    form: Format[Thing],
    file: Path,
    rejected: Path | None,
    as_json: bool,
) -> None:
    """Send what is good of the file, and say what is not."""
    from deploy.csvfile import BadFile, CsvFile
    from deploy.records import send

    aside = rejected or file.with_suffix(".rejected.csv")
    if aside.resolve() == file.resolve():
        raise click.UsageError("--rejected names the file that is loaded")
    try:
        source = CsvFile(file, form.required, form.optional)
    except BadFile as error:
        raise Unreadable(str(error)) from error
    if source.ignored:
        output.say(f"{file}: ignored: {', '.join(source.ignored)}")
    with ExitStack() as stack:
        stack.callback(source.close)
        advance = stack.enter_context(output.progress(form.things, source.size, "B"))
        sorting = _Sorting(source, form, aside, as_json, advance)
        stack.callback(sorting.close)
        try:
            send(cluster, form.send(sorting.good_things()))
        except BadFile as error:
            raise Unreadable(
                f"{error}; {sorting.good} {form.things} before that were sent"
            ) from error
    if as_json:
        output.line(
            {
                "loaded": sorting.good,
                "rejected": sorting.bad,
                "rejected_file": str(aside) if sorting.bad else None,
            }
        )
    else:
        click.echo(f"{sorting.good} {form.things} loaded, {sorting.bad} rows set aside")
    if sorting.bad:
        output.say(f"rows set aside are in {aside}")
        sys.exit(SOME_REJECTED)


class _Sorting(Generic[Thing]):
    """Rows on their way: the good ones go on, the bad ones are named and set aside."""

    def __init__(
        self,
        source: CsvFile,
        form: Format[Thing],
        aside: Path,
        as_json: bool,
        advance: output.Advance,
    ) -> None:
        self.good = self.bad = 0
        self._source = source
        self._form = form
        self._aside = aside
        self._as_json = as_json
        self._advance = advance
        self._file: IO[str] | None = None

    def good_things(self) -> Iterator[Thing]:
        """In the order of the file. Raises BadFile."""
        from deploy.csvfile import BadField

        fields, read = self._source.fields, self._form.read
        for number, rows in enumerate(self._groups()):
            if number % ADVANCE_ROWS == 0:
                self._advance(self._source.read_bytes())
            at = next((at for at, row in enumerate(rows) if row.fault), None)
            if at is not None:
                self._set_all_aside(rows, at, "", rows[at].fault)
                continue
            try:
                thing = read([fields(row) for row in rows])
            except BadField as error:
                self._set_all_aside(rows, error.row, error.field, error.why)
                continue
            self.good += 1
            yield thing

    def _groups(self) -> Iterator[list[Row]]:
        """The rows that are one thing; what comes again further down is set aside."""
        column = self._form.one
        seen: dict[str, int] = {}
        group: list[Row] = []
        name = ""
        for row in self._source:
            value = self._source.fields(row).get(column, "").strip() if column else ""
            if not value:
                if group:
                    yield group
                group = []
                yield [row]
            elif group and value == name:
                group.append(row)
            else:
                if group:
                    yield group
                group = []
                if value in seen:
                    self._set_aside(row, column, f"stands in line {seen[value]} already")
                    continue
                seen[value] = row.line
                group, name = [row], value
        if group:
            yield group

    def _set_all_aside(self, rows: list[Row], bad: int, field: str, why: str) -> None:
        """The bad row, and with it those that are one thing with it."""
        for at, row in enumerate(rows):
            if at == bad:
                self._set_aside(row, field, why)
            else:
                self._set_aside(row, "", f"belongs to line {rows[bad].line}, which is bad")

    def _set_aside(self, row: Row, field: str, why: str) -> None:
        from deploy.csvfile import REASON

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
