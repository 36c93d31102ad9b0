"""The rows of an Excel workbook (.xlsx), read one by one with openpyxl.

Excel keeps every number as a double, so a cell is read by this rule, and what it does not cover is
refused with row and column:

- A number is what Excel itself shows of it with no format: 15 significant digits. 19.99 is 19.99,
  and so is what sums have made 19.990000000000002. A format that rounds what is shown does not
  count: 19.994 shown as 19.99 has too many decimals for EUR, and the channel refuses it.
- A number of 10^15 or more is refused: Excel has put zeros for its last digits.
- Where a text is wanted (ids, SKUs, postal codes), a number counts only with the format General,
  or a row of zeros, such as 00000, which is shown with leading zeros and read so.
- A date is one only with a date format. It has no zone, so the mapping must say `time_zone`.
- A formula counts by its result; one without its result in the file, and an error, are refused.
"""

from __future__ import annotations

import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

from connectors.channels.columns import NUMBERS, TIMES, BadTable, Columns

MAXIMUM_UNPACKED_BYTES = 2 * 1024 * 1024 * 1024
"""of all parts of a workbook; a small file can be packed from more than any disk holds"""
LOST_FROM = 10**15
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_PLAIN_FORMATS = frozenset({"General", "@", "0", "#", ""})
_ZEROS = re.compile(r"0+")
_FORMULA = re.compile(rb"<(\w+:)?f[ />]")
_CHUNK = 1024 * 1024
_BROKEN = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, OSError, EOFError, RuntimeError,
    SyntaxError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""what openpyxl and the standard library raise of a workbook that is damaged"""


class BadCell(ValueError):
    """A cell whose value is not certain; the message says why and quotes nothing of it."""


class Cell(NamedTuple):
    """What stands in a cell."""

    value: object
    number_format: str
    fault: str
    """empty, or why the value is not certain"""


def is_workbook(path: Path) -> bool:
    """By the file's first bytes. Raises BadTable for an older format, or an encrypted one."""
    with path.open("rb") as source:
        mark = source.read(4)
    if mark == _OLE:
        raise BadTable(f"{path.name}: is an .xls file, or encrypted; save it as .xlsx")
    return mark == _ZIP


def rows(path: Path, sheet: str) -> Iterator[list[Cell]]:
    """The rows from the first on, blank ones too. Raises BadTable."""
    try:
        computed = _rows(path, sheet, data_only=True)
        written = _rows(path, sheet, data_only=False) if _has_formulas(path) else repeat(())
        while (cells := _next(computed)) is not None:
            sources = _next(written) or ()
            row = [
                _cell(cell, sources[at] if at < len(sources) else None)
                for at, cell in enumerate(cells)
            ]
            while row and row[-1].value is None and not row[-1].fault:
                row.pop()  # cells that are only formatted
            yield row
    except BadTable:
        raise
    except _BROKEN as error:
        raise BadTable(f"{path.name}: is no whole .xlsx file: {type(error).__name__}") from error


def cell_text(columns: Columns, name: str, cell: Cell) -> str:
    """The cell as the `csv` channel wants it in the column `name`. Raises BadCell."""
    if cell.fault:
        raise BadCell(cell.fault)
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return columns.cell(name, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and name in TIMES:
        return columns.zoned(value)
    if isinstance(value, date) or not isinstance(value, int | float):
        raise BadCell("is a date or a time, and none is wanted here")
    text = number_text(value)
    if name in NUMBERS or cell.number_format in _PLAIN_FORMATS:
        return text
    if _ZEROS.fullmatch(cell.number_format) and text.isdigit():
        return text.zfill(len(cell.number_format))
    raise BadCell("is a number in a format of its own where text is wanted; make it text")


def number_text(value: float) -> str:
    """Up to 15 significant digits, without an exponent. Raises BadCell."""
    if not math.isfinite(value) or abs(value) >= LOST_FROM:
        raise BadCell("is a number of more than 15 digits, of which Excel has lost the last")
    return f"{Decimal(f'{value:.15g}'):f}"


def _rows(path: Path, sheet: str, data_only: bool) -> Iterator[tuple[Any, ...]]:
    # Imported here, because it is large, and all but this reads tables without it.
    import openpyxl  # type: ignore[import-untyped]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of parts that it does not know, such as drop-down lists
        book = openpyxl.load_workbook(path, read_only=True, data_only=data_only, keep_links=False)
    try:
        found = [one.title for one in book.worksheets]
        if sheet not in found and (sheet or len(found) != 1):
            raise BadTable(f"{path.name}: has the sheets {', '.join(found)}; "
                           "the mapping's `sheet` names one")  # fmt: skip
        table = book[sheet or found[0]]
        table.reset_dimensions()  # what the file says of its size need not be so
        yield from table.iter_rows()
    finally:
        book.close()


def _next(source: Iterator[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a date beyond all dates, which is then an error cell
        return next(source, None)


def _cell(cell: Any, source: Any) -> Cell:
    if cell.value is None:
        formula = source is not None and source.data_type == "f"
        return Cell(None, "", "is a formula without its result; save the file in Excel"
                    if formula else "")  # fmt: skip
    if cell.data_type == "e":
        return Cell(None, "", "is an error of Excel's")
    return Cell(cell.value, cell.number_format if cell.data_type == "n" else "", "")


def _has_formulas(path: Path) -> bool:
    """Some sheet has a formula. Raises BadTable for a file that unpacks to more than is read."""
    with zipfile.ZipFile(path) as packed:
        if sum(part.file_size for part in packed.infolist()) > MAXIMUM_UNPACKED_BYTES:
            raise BadTable(f"{path.name}: unpacks to more than {MAXIMUM_UNPACKED_BYTES} bytes")
        for part in packed.infolist():
            if not part.filename.startswith("xl/worksheets/"):
                continue
            with packed.open(part) as source:
                before = b""
                while chunk := source.read(_CHUNK):
                    if _FORMULA.search(before + chunk):
                        return True
                    before = chunk[-16:]
    return False
