"""Reads stock files: one position a row."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from schemas.fulfillment import RegisterLocation
from schemas.identifiers import checked
from schemas.inventory import SetStock
from schemas.records import Record
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS, Topic

REQUIRED = ("sku", "location", "on_hand")
MAXIMUM_PIECES = 10**12
BY_KEY = -1
Command = tuple[Topic, str, Record, int]


class BadFile(ValueError):
    """Not a stock file at all."""


class Position(NamedTuple):
    """One good row."""

    sku: str
    location_id: str
    on_hand: int
    safety_stock: int
    name: str
    country: str
    latitude: float
    longitude: float


def read(path: Path) -> tuple[Iterator[tuple[int, dict[str, str]]], list[str]]:
    """Rows with their line numbers, and the columns. Raises BadFile."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"{path.name}: is not UTF-8 text: {error.reason}") from error
    reader = csv.DictReader(text.splitlines())
    columns = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = columns
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise BadFile(f"{path.name}: has no column {', '.join(missing)}")
    return ((reader.line_num, row) for row in reader), columns


def parsed(row: dict[str, str]) -> Position:
    """The position of a row. Raises ValueError with the field and the reason."""
    return Position(
        sku=checked(row.get("sku") or "", "sku"),
        location_id=checked(row.get("location") or "", "location"),
        on_hand=_pieces(row.get("on_hand"), "on_hand"),
        safety_stock=_pieces(row.get("safety_stock") or "0", "safety_stock"),
        name=(row.get("location_name") or "").strip(),
        country=_country(row.get("country")),
        latitude=_degrees(row.get("latitude"), "latitude", 90),
        longitude=_degrees(row.get("longitude"), "longitude", 180),
    )


def _pieces(text: str | None, field: str) -> int:
    cleaned = (text or "").strip()
    if not (cleaned.isascii() and cleaned.isdigit()) or len(cleaned) > 13:
        raise ValueError(f"{field}: {cleaned!r} is not a whole number of pieces, 0 or more")
    pieces = int(cleaned)
    if pieces > MAXIMUM_PIECES:
        raise ValueError(f"{field}: more than {MAXIMUM_PIECES} pieces")
    return pieces


def _country(text: str | None) -> str:
    country = (text or "").strip().upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise ValueError(f"country: {country!r} is not an ISO 3166-1 alpha-2 code")
    return country


def _degrees(text: str | None, field: str, limit: int) -> float:
    cleaned = (text or "").strip() or "0"
    try:
        degrees = float(cleaned)
    except ValueError:
        raise ValueError(f"{field}: {cleaned!r} is not a number of degrees") from None
    if not math.isfinite(degrees) or abs(degrees) > limit:
        raise ValueError(f"{field}: {cleaned!r} is not between -{limit} and {limit}")
    return degrees


def commands(positions: list[Position], cause: str) -> Iterator[Command]:
    """Locations first, to every partition of fulfillment; then the stock."""
    locations: dict[str, RegisterLocation] = {}
    for one in positions:
        known = locations.get(one.location_id)
        if known is None or (one.country and not known.country):
            locations[one.location_id] = RegisterLocation(
                one.location_id, one.name or one.location_id, one.country,
                one.latitude, one.longitude, True,
            )  # fmt: skip
    for location_id, location in locations.items():
        for partition in range(FULFILLMENT_COMMANDS.partitions):
            yield FULFILLMENT_COMMANDS, location_id, location, partition
    for one in positions:
        count = SetStock(one.sku, one.location_id, one.on_hand, one.safety_stock, cause)
        yield INVENTORY_COMMANDS, one.sku, count, BY_KEY
