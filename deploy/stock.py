"""Reads stock files row by row: one position a row, and what it says of its location."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from schemas.identifiers import InvalidIdentifier, checked
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.stock import SetStock
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS

REQUIRED = ("sku", "location", "on_hand")
OPTIONAL = ("safety_stock", "location_name", "country", "latitude", "longitude")
REASON = "reason"
"""the column that rows set aside have in addition; ignored when they are loaded again"""
MAXIMUM_PIECES = 10**12
MAXIMUM_LOCATIONS = 10_000
"""Each partition of the fulfillment room holds all locations in one record."""
MAXIMUM_NAME = 200


class BadFile(ValueError):
    """Not a stock file at all; the message names the file."""


class BadField(ValueError):
    """One field of a row is wrong."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class Location(NamedTuple):
    """What a row says of its location; empty, or 0 and 0, where it says nothing."""

    name: str = ""
    country: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


class Position(NamedTuple):
    """One good row."""

    sku: str
    location_id: str
    on_hand: int
    safety_stock: int
    location: Location


class Row(NamedTuple):
    """A row as it stands in the file."""

    line: int
    """where it starts, the header being line 1"""
    cells: list[str]
    fault: str
    """why it is no row of cells; empty when it is one"""


class StockFile:
    """A stock file, open; its rows are read one at a time, so that its size does not matter."""

    def __init__(self, path: Path) -> None:
        """Open it and read the header. Raises BadFile."""
        self.path = path
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
        self.ignored = [name for name in self.columns if name not in (*REQUIRED, *OPTIONAL, REASON)]

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

    def position(self, row: Row) -> Position:
        """The position of a row. Raises BadField."""
        return parsed(dict(zip(self.columns, row.cells, strict=False)))

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
        missing = [name for name in REQUIRED if name not in columns]
        if len(missing) == len(REQUIRED):
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


def parsed(row: dict[str, str]) -> Position:
    """The position of a row. Raises BadField."""
    latitude = _degrees(row.get("latitude"), "latitude", 90)
    longitude = _degrees(row.get("longitude"), "longitude", 180)
    if (latitude is None) != (longitude is None):
        absent = "latitude" if latitude is None else "longitude"
        raise BadField(absent, "is missing, though the other coordinate is given")
    return Position(
        sku=_identifier(row.get("sku"), "sku"),
        location_id=_identifier(row.get("location"), "location"),
        on_hand=_pieces(row.get("on_hand"), "on_hand"),
        safety_stock=_pieces(row.get("safety_stock") or "0", "safety_stock"),
        location=Location(
            _name(row.get("location_name")),
            _country(row.get("country")),
            latitude or 0.0,
            longitude or 0.0,
        ),
    )


def _identifier(text: str | None, field: str) -> str:
    try:
        return checked(text or "", field)
    except InvalidIdentifier as error:
        raise BadField(field, str(error).removeprefix(f"{field}: ")) from error


def _pieces(text: str | None, field: str) -> int:
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


def _name(text: str | None) -> str:
    name = (text or "").strip()
    if len(name) > MAXIMUM_NAME:
        raise BadField("location_name", f"is longer than {MAXIMUM_NAME} characters")
    return name


def _country(text: str | None) -> str:
    country = (text or "").strip().upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadField("country", f"{country[:40]!r} is not an ISO 3166-1 alpha-2 code")
    return country


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


def commands(positions: Iterable[Position], cause: str, partitions: int) -> Iterator[Send]:
    """A location before its first stock, to all `partitions` of fulfillment; then the stock.

    What rows leave empty stays as it is known (streams/fulfillment/rules.py, `register`), so a
    location is sent again only when a row says something else of it. Raises BadFile when there
    are too many of them.
    """
    told: dict[str, Location] = {}
    for one in positions:
        before, says = told.get(one.location_id), one.location
        if before is None or (says != Location() and says != before):
            told[one.location_id] = says
            if len(told) > MAXIMUM_LOCATIONS:
                raise BadFile(f"more than {MAXIMUM_LOCATIONS} locations")
            yield from registrations(one.location_id, says, partitions)
        count = SetStock(one.sku, one.location_id, one.on_hand, one.safety_stock, cause)
        yield Send(INVENTORY_COMMANDS, one.sku, count)


def registrations(location_id: str, says: Location, partitions: int) -> Iterator[Send]:
    """A location, to every partition of the fulfillment room."""
    register = RegisterLocation(location_id, *says, active=True)
    for partition in range(partitions):
        yield Send(FULFILLMENT_COMMANDS, location_id, register, partition)
