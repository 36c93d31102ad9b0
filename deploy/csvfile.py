"""CSV files that people load: read row by row, and each field checked where it enters.

A file says what is wrong by line and field; rows are good or bad one by one.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from schemas.identifiers import InvalidIdentifier, checked

REASON = "reason"
"""the column that rows set aside have in addition; ignored when they are loaded again"""
MAXIMUM_PIECES = 10**12
MAXIMUM_NAME = 200
SEPARATOR = ";"
"""between the parts of a field that has several"""


class BadFile(ValueError):
    """Not such a file at all; the message names the file."""


class BadField(ValueError):
    """One field of a row is wrong."""

    def __init__(self, field: str, why: str, row: int = 0) -> None:
        """`row` counts from 0, where several rows are one thing."""
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why
        self.row = row


class Row(NamedTuple):
    """A row as it stands in the file."""

    line: int
    """where it starts, the header being line 1"""
    cells: list[str]
    fault: str
    """why it is no row of cells; empty when it is one"""


class CsvFile:
    """A file, open; its rows are read one at a time, so that its size does not matter."""

    def __init__(self, path: Path, required: Sequence[str], optional: Sequence[str]) -> None:
        """Open it and read the header. Raises BadFile."""
        self.path = path
        self._required = required
        try:
            self.size = path.stat().st_size
            self._bytes = path.open("rb")
        except OSError as error:
            raise BadFile(f"{path}: {error.strerror}") from error
        try:
            self._text = io.TextIOWrapper(self._bytes, encoding="utf-8-sig", newline="")
            self._reader = csv.reader(self._text, strict=True)
            self.columns = self._header()
        except BaseException:
            self._bytes.close()
            raise
        self.ignored = [name for name in self.columns if name not in (*required, *optional, REASON)]

    def read_bytes(self) -> int:
        """How far it has been read; a little ahead of the rows."""
        return self._bytes.tell()

    def __iter__(self) -> Iterator[Row]:
        """Every row that is not blank. Raises BadFile where it is no text."""
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, [], f"is no row of CSV: {error}")
                continue
            except UnicodeDecodeError as error:
                raise BadFile(f"{self.path}, line {line} or after: {_no_text(error)}") from error
            if len(cells) > len(self.columns):
                fault = f"has {len(cells)} cells, but there are {len(self.columns)} columns"
                yield Row(line, cells, fault)
            elif any(cell.strip() for cell in cells):
                yield Row(line, cells, "")

    def fields(self, row: Row) -> dict[str, str]:
        """The cells of a row by column; without those that it does not have."""
        return dict(zip(self.columns, row.cells, strict=False))

    def close(self) -> None:
        """Let go of the file."""
        self._bytes.close()

    def _header(self) -> list[str]:
        try:
            first = next(self._reader)
        except StopIteration:
            raise BadFile(f"{self.path}: is empty") from None
        except UnicodeDecodeError as error:
            raise BadFile(f"{self.path}: {_no_text(error)}") from error
        except csv.Error as error:
            raise BadFile(f"{self.path}: has no header: {error}") from error
        columns = [name.strip().lower() for name in first]
        for separator, word in ((";", "';'"), ("\t", "tabs")):
            if len(columns) == 1 and separator in columns[0]:
                raise BadFile(f"{self.path}: its cells are separated by {word}, not by commas")
        missing = [name for name in self._required if name not in columns]
        if len(missing) == len(self._required):
            raise BadFile(f"{self.path}: has no header; the first line names the columns")
        if missing:
            raise BadFile(f"{self.path}: has no column {', '.join(missing)}")
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise BadFile(f"{self.path}: has column {', '.join(twice)} more than once")
        return columns


def _no_text(error: UnicodeDecodeError) -> str:
    if error.object[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "is UTF-16 text; save it as UTF-8"
    return f"is not UTF-8 text: {error.reason}"


def identifier(text: str | None, field: str) -> str:
    """What identifies something. Raises BadField."""
    try:
        return checked(text or "", field)
    except InvalidIdentifier as error:
        raise BadField(field, str(error).removeprefix(f"{field}: ")) from error


def pieces(text: str | None, field: str) -> int:
    """A number of pieces, 0 or more. Raises BadField."""
    cleaned = (text or "").strip()
    if not cleaned:
        raise BadField(field, "is empty")
    digits = cleaned.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise BadField(field, f"{cleaned[:40]!r} is not a whole number of pieces")
    if cleaned.startswith("-"):
        raise BadField(field, f"{cleaned[:40]!r} is below 0")
    if len(digits) > 20 or int(digits) > MAXIMUM_PIECES:
        raise BadField(field, f"is more than {MAXIMUM_PIECES} pieces")
    return int(digits)


def name(text: str | None, field: str) -> str:
    """Words for people; may be empty. Raises BadField."""
    words = (text or "").strip()
    if len(words) > MAXIMUM_NAME:
        raise BadField(field, f"is longer than {MAXIMUM_NAME} characters")
    return words


def country(text: str | None) -> str:
    """A country's code; may be empty. Raises BadField."""
    code = (text or "").strip().upper()
    if code and not (len(code) == 2 and code.isascii() and code.isalpha()):
        raise BadField("country", f"{code[:40]!r} is not an ISO 3166-1 alpha-2 code")
    return code


def coordinates(row: dict[str, str]) -> tuple[float, float]:
    """Latitude and longitude; 0 and 0 where there are none. Raises BadField."""
    latitude = _degrees(row.get("latitude"), "latitude", 90)
    longitude = _degrees(row.get("longitude"), "longitude", 180)
    if (latitude is None) != (longitude is None):
        absent = "latitude" if latitude is None else "longitude"
        raise BadField(absent, "is missing, though the other coordinate is given")
    return latitude or 0.0, longitude or 0.0


def _degrees(text: str | None, field: str, limit: int) -> float | None:
    cleaned = (text or "").strip()
    if not cleaned:
        return None
    try:
        degrees = float(cleaned)
    except ValueError:
        raise BadField(field, f"{cleaned[:40]!r} is not a number of degrees") from None
    if not math.isfinite(degrees) or abs(degrees) > limit:
        raise BadField(field, f"{cleaned[:40]!r} is not between -{limit} and {limit}")
    return degrees


def choice(text: str | None, field: str, of: type[StrEnum]) -> str:
    """One of a closed set of words; may be empty. Raises BadField."""
    word = (text or "").strip().lower()
    known = [str(one) for one in of]
    if word and word not in known:
        raise BadField(field, f"{word[:40]!r} is none of {', '.join(known)}")
    return word


def yes(text: str | None, field: str) -> bool:
    """Whether it says yes, which an empty field does. Raises BadField."""
    word = (text or "").strip().lower()
    if word in ("", "yes", "true", "1"):
        return True
    if word in ("no", "false", "0"):
        return False
    raise BadField(field, f"{word[:40]!r} is neither yes nor no")


def share(text: str | None, field: str) -> float:
    """A probability above 0 and below 1. Raises BadField."""
    cleaned = (text or "").strip()
    try:
        number = float(cleaned)
    except ValueError:
        raise BadField(field, f"{cleaned[:40]!r} is not a number such as 0.95") from None
    if not 0 < number < 1:
        raise BadField(field, f"{cleaned[:40]!r} is not between 0 and 1")
    return number


def parts(text: str | None) -> list[str]:
    """What stands between semicolons, without what is blank."""
    return [part.strip() for part in (text or "").split(SEPARATOR) if part.strip()]


def pairs(text: str | None, field: str, least: int) -> list[tuple[str, int]]:
    """`CS=12;PF=480`: names, each once, with so many pieces, `least` or more. Raises BadField."""
    found: dict[str, int] = {}
    for part in parts(text):
        name_, equals, number = part.rpartition("=")
        if not equals:
            raise BadField(field, f"{part[:40]!r} is not written as NAME=PIECES")
        key = identifier(name_, field)
        if key in found:
            raise BadField(field, f"{key!r} stands there twice")
        found[key] = pieces(number, field)
        if found[key] < least:
            raise BadField(field, f"{part[:40]!r} is less than {least}")
    return list(found.items())
