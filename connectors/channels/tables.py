"""Files of any size, cut into payloads that a channel takes: tables in CSV, and JSON Lines.

A file is read in a stream. Rows of a table are renamed and rewritten by a column mapping, so that
the `csv` channel reads them; rows of one order stay in one payload where they stand together.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

PART_BYTES = 1024 * 1024
PART_ROWS = 5_000
"""Both bound a payload; only an order with more rows than that makes a larger one."""
KEY = "external_id"
_TIMES = frozenset({"placed_at", "updated_at"})
_AMOUNTS = frozenset({"unit_price", "discount", "shipping", "tax", "total"})
_KEYS = frozenset({"columns", "constants", "time_format", "decimal", "separator"})


class BadTable(ValueError):
    """The file, or the column mapping, is not what it should be; the message says where."""


class Part(NamedTuple):
    """A payload, and where it stood in the file."""

    payload: bytes
    rows: tuple[int, ...]
    """the file's row for each row or line of the payload below any header"""


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table's columns are called and written."""

    names: dict[str, str] = field(default_factory=dict)
    """ours by theirs"""
    constants: dict[str, str] = field(default_factory=dict)
    """what every row has, e.g. currency"""
    time_format: str = ""
    """as strptime takes it, UTC unless it reads a zone; empty for ISO 8601"""
    decimal: str = "."
    separator: str = ","

    def cell(self, name: str, text: str) -> str:
        """A cell as the channel wants it; what cannot be read stays, for the channel to refuse."""
        text = text.strip()
        if name in _TIMES and self.time_format and text:
            try:
                when = datetime.strptime(text, self.time_format)
            except ValueError:
                return text
            return (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat()
        if name in _AMOUNTS and self.decimal == ",":
            # A point then groups thousands; what it groups is refused rather than guessed.
            return text.replace(".", " ").replace(",", ".")
        return text


def columns_of(text: str) -> Columns:
    """A column mapping written as TOML. Raises BadTable.

    `columns` is a table of our name = "their name", `constants` one of our name = "value".
    """
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadTable(f"not TOML: {error}") from error
    unknown = sorted(read.keys() - _KEYS)
    if unknown:
        raise BadTable(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    decimal, separator = _text(read, "decimal", "."), _text(read, "separator", ",")
    if decimal not in (".", ",") or len(separator) != 1:
        raise BadTable("decimal is . or , and separator one character")
    names = {theirs: ours for ours, theirs in _texts(read, "columns").items()}
    return Columns(
        names, _texts(read, "constants"), _text(read, "time_format", ""), decimal, separator
    )


def _text(read: dict[str, object], name: str, default: str) -> str:
    value = read.get(name, default)
    if not isinstance(value, str):
        raise BadTable(f"{name} is not text")
    return value


def _texts(read: dict[str, object], name: str) -> dict[str, str]:
    value = read.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise BadTable(f"{name} is not a table of texts")
    return value


def csv_parts(path: Path, columns: Columns) -> Iterator[Part]:
    """The table in payloads of the `csv` channel. Raises BadTable."""
    with path.open(encoding="utf-8-sig", newline="") as source:
        reader = csv.reader(source, delimiter=columns.separator, strict=True)
        try:
            yield from _csv_parts(reader, columns)
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadTable(f"{path.name}: near row {reader.line_num}: {error}") from error


def _csv_parts(reader: Iterator[list[str]], columns: Columns) -> Iterator[Part]:
    theirs = [name.strip() for name in next(reader, [])]
    names = [columns.names.get(name, name) for name in theirs] + list(columns.constants)
    if KEY not in names:
        raise BadTable(f"the header has no column {KEY}")
    key, constants = names.index(KEY), list(columns.constants.values())
    kept: list[list[str]] = []
    rows: list[int] = []
    size = 0
    ended: set[str] = set()
    for number, cells in enumerate(reader, 2):
        if not any(cell.strip() for cell in cells):
            continue
        # Short rows are filled, so that constants stand below their names; long ones stay long.
        cells = cells + [""] * (len(theirs) - len(cells))
        own, beyond = cells[: len(theirs)], cells[len(theirs) :]
        row = [columns.cell(n, c) for n, c in zip(names, own, strict=False)] + constants + beyond
        full = size >= PART_BYTES or len(kept) >= PART_ROWS
        if full and row[key] != kept[-1][key]:
            yield Part(_written(names, kept), tuple(rows))
            ended.update(one[key] for one in kept if one[key])
            kept, rows, size = [], [], 0
        if row[key] in ended:
            # The order has gone out without this row; rows of one order have to stand together.
            raise BadTable(f"row {number} belongs to an order that stands further up; sort by it")
        kept.append(row)
        rows.append(number)
        size += sum(map(len, row))
    if kept:
        yield Part(_written(names, kept), tuple(rows))


def _written(names: list[str], rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([names, *rows])
    return text.getvalue().encode()


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
                yield Part(b"".join(kept), tuple(rows))
                kept, rows, size = [], [], 0
            kept.append(line)
            rows.append(number)
            size += len(line)
    if kept:
        yield Part(b"".join(kept), tuple(rows))
