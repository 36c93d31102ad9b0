"""Files of any size, cut into payloads that a channel takes: tables, and JSON Lines.

A file is read in a stream. Rows of a table, in CSV or in an Excel workbook, are renamed and
rewritten by a column mapping, so that the `csv` channel reads them; rows of one order stay in one
payload where they stand together. The cut is a function of the file and the mapping alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from connectors.channels import sheets
from connectors.channels.columns import AMOUNTS, TIMES, BadTable, Columns
from connectors.channels.mapping import Rejected
from connectors.channels.sheets import BadCell

PART_BYTES = 1024 * 1024
PART_ROWS = 5_000
"""Both bound a payload; only an order with more rows than that makes a larger one."""
KEY = "external_id"
Raw = TypeVar("Raw")


class Part(NamedTuple):
    """A payload, and where it stood in the file."""

    payload: bytes
    rows: tuple[int, ...]
    """the file's row for each row or line of the payload below any header"""
    last: int
    """the file's last row that is dealt with once this part is"""
    refused: tuple[Rejected, ...] = ()
    """orders that are not in the payload, because a cell of theirs is not certain"""


class _Row(NamedTuple):
    number: int
    cells: list[str]
    fault: Rejected | None


def table_parts(path: Path, columns: Columns) -> Iterator[Part]:
    """The table in payloads of the `csv` channel. Raises BadTable."""
    if sheets.is_workbook(path):
        cells = sheets.rows(path, columns.sheet)
        header = _header(list(map(_name, next(cells, []))), columns)
        of_sheet = partial(sheets.cell_text, columns)
        yield from _parts(header, columns, _read(cells, header, of_sheet))
        return
    with path.open(encoding=_encoding(columns), newline="") as source:
        reader = csv.reader(source, delimiter=columns.separator, strict=True)
        try:
            header = _header([name.strip() for name in next(reader, [])], columns)
            yield from _parts(header, columns, _read(reader, header, columns.cell))
        except (csv.Error, UnicodeError) as error:
            raise BadTable(f"{path.name}: near row {reader.line_num}: {error}") from error


def _encoding(columns: Columns) -> str:
    return "utf-8-sig" if columns.encoding == "utf-8" else columns.encoding


def _name(cell: sheets.Cell) -> str:
    return str(cell.value).strip() if cell.value is not None else ""


def _header(theirs: list[str], columns: Columns) -> list[str]:
    """Our names of their columns; empty for those that are not read. Raises BadTable."""
    missing = columns.missing(theirs)
    if missing:
        raise BadTable(f"the header has no column {missing[0]}, which the mapping names")
    names = [columns.ours(name) for name in theirs]
    if KEY not in names:
        raise BadTable(f"the header has no column {KEY}")
    named = [name for name in names if name]
    for name in named:
        if named.count(name) > 1:
            raise BadTable(f"two columns of the header are {name}")
    return names


def _read(
    source: Iterator[list[Raw]], header: list[str], text: Callable[[str, Raw], str]
) -> Iterator[_Row]:
    """The rows below the header that are not blank."""
    for number, raw in enumerate(source, 2):
        cells: list[str] = []
        fault = None
        for at, one in enumerate(raw):
            beyond = at >= len(header)
            name = "" if beyond else header[at]
            try:
                # A column that is not read goes no further: what differs in it is no fault.
                cells.append(text(name, one) if name or beyond else "")
            except BadCell as error:
                cells.append("")
                field = f"row {number}.{name}" if name else f"row {number}"
                fault = fault or Rejected(_reason(name), field, f"{field} {error}")
        if fault is not None or any(cells):
            yield _Row(number, cells, fault)


def _reason(name: str) -> str:
    if name in AMOUNTS:
        return "invalid_amount"
    if name in TIMES:
        return "invalid_time"
    return "invalid_quantity" if name == "quantity" else "wrong_type"


def _parts(header: list[str], columns: Columns, rows: Iterator[_Row]) -> Iterator[Part]:
    names = header + list(columns.constants)
    key, constants = names.index(KEY), list(columns.constants.values())
    kept: list[_Row] = []
    size = 0
    ended: set[str] = set()
    for number, cells, fault in rows:
        # Short rows are filled, so that constants stand below their names; long ones stay long.
        cells = cells + [""] * (len(header) - len(cells))
        row = cells[: len(header)] + constants + cells[len(header) :]
        full = size >= PART_BYTES or len(kept) >= PART_ROWS
        if full and row[key] != kept[-1].cells[key]:
            yield _part(names, kept, key)
            ended.update(one.cells[key] for one in kept if one.cells[key])
            kept, size = [], 0
        if row[key] in ended:
            # The order has gone out without this row; rows of one order have to stand together.
            raise BadTable(f"row {number} belongs to an order that stands further up; sort by it")
        kept.append(_Row(number, row, fault))
        size += sum(map(len, row))
    if kept:
        yield _part(names, kept, key)


def _part(names: list[str], rows: Sequence[_Row], key: int) -> Part:
    """The rows as a payload, less the orders of which a cell is not certain."""
    faults: dict[tuple[str, int], Rejected] = {}
    for row in rows:
        if row.fault is not None:
            one = row.fault
            named = Rejected(one.reason, one.field, one.detail, row.cells[key])
            faults.setdefault(_whose(row, key), named)
    good = [row for row in rows if _whose(row, key) not in faults]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([names, *(row.cells for row in good)])
    payload = text.getvalue().encode() if good else b""
    numbers = tuple(row.number for row in good)
    return Part(payload, numbers, rows[-1].number, tuple(faults.values()))


def _whose(row: _Row, key: int) -> tuple[str, int]:
    """The order; a row that names none stands alone."""
    return row.cells[key], 0 if row.cells[key] else row.number


def json_parts(path: Path) -> Iterator[Part]:
    """The lines of a file of JSON Lines in payloads."""
    kept: list[bytes] = []
    rows: list[int] = []
    size = 0
    with path.open("rb") as source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            if kept and (size + len(line) > PART_BYTES or len(kept) >= PART_ROWS):
                yield Part(b"".join(kept), tuple(rows), rows[-1])
                kept, rows, size = [], [], 0
            kept.append(line)
            rows.append(number)
            size += len(line)
    if kept:
        yield Part(b"".join(kept), tuple(rows), rows[-1])
