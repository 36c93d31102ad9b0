"""Stock files and locations: what a row says, and what is sent of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from sys import intern
from typing import NamedTuple

from deploy.csvfile import (
    BadField,
    BadFile,
    CsvFile,
    Row,
    coordinates,
    country,
    identifier,
    name,
    pieces,
)
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.records import Record
from schemas.stock import SetStock
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS, Topic

REQUIRED = ("sku", "location", "on_hand")
OPTIONAL = ("safety_stock", "location_name", "country", "latitude", "longitude")
MAXIMUM_LOCATIONS = 10_000
"""Each partition of the fulfillment room holds all locations in one record."""
ROOMS = (FULFILLMENT_COMMANDS, INVENTORY_COMMANDS)
"""Inboxes of the rooms that know locations, in each of their partitions."""
WINDOW_ROWS = 200_000
"""Rows that are sorted by SKU before they are sent, about 40 MB of them: the inventory room writes
a SKU once a batch, so a file in the order of its locations would have it write each SKU of many
locations over and over."""
Rooms = Sequence[tuple[Topic, int]]
"""Inboxes, and how many partitions each has."""

__all__ = ["BadField", "BadFile", "Location", "Position", "StockFile", "commands", "parsed"]


class Location(NamedTuple):
    """What a row says of its location; empty, or 0 and 0, where it says nothing."""

    name: str = ""
    country: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


NOTHING = Location()


class Position(NamedTuple):
    """One good row."""

    sku: str
    location_id: str
    on_hand: int
    safety_stock: int
    location: Location


class StockFile(CsvFile):
    """A file of counts."""

    def __init__(self, path: Path) -> None:
        """Open it and read the header. Raises BadFile."""
        super().__init__(path, REQUIRED, OPTIONAL)

    def position(self, row: Row) -> Position:
        """The position of a row. Raises BadField."""
        return parsed(self.fields(row))


def parsed(row: dict[str, str]) -> Position:
    """The position of a row. Raises BadField."""
    latitude, longitude = coordinates(row)
    location = Location(
        name(row.get("location_name"), "location_name"),
        country(row.get("country")),
        latitude,
        longitude,
    )
    return Position(
        sku=identifier(row.get("sku"), "sku"),
        location_id=intern(identifier(row.get("location"), "location")),
        on_hand=pieces(row.get("on_hand"), "on_hand"),
        safety_stock=pieces(row.get("safety_stock") or "0", "safety_stock"),
        location=location if location != NOTHING else NOTHING,
    )


def commands(positions: Iterable[Position], cause: str, partitions: int) -> Iterator[Send]:
    """A location before its first stock, to all `partitions` of its rooms; then the stock.

    The stock goes by SKU within a window; rows of one position stay in their order. What rows
    leave empty stays as it is known (schemas/locations.py, `registered`), so a location is sent
    again only when a row says something else of it. Raises BadFile when there are too many of them.
    """
    told: dict[str, Location] = {}
    window: list[Position] = []
    try:
        for one in positions:
            before, says = told.get(one.location_id), one.location
            if before is None or (says != NOTHING and says != before):
                told[one.location_id] = says
                if len(told) > MAXIMUM_LOCATIONS:
                    raise BadFile(f"more than {MAXIMUM_LOCATIONS} locations")
                yield from registrations(one.location_id, says, partitions)
            window.append(one)
            if len(window) == WINDOW_ROWS:
                yield from _counts(window, cause)
                window = []
    except BadFile:
        yield from _counts(window, cause)
        raise
    yield from _counts(window, cause)


def _counts(window: list[Position], cause: str) -> Iterator[Send]:
    """The counts of a window by SKU."""
    window.sort(key=_sku)
    for one in window:
        count = SetStock(one.sku, one.location_id, one.on_hand, one.safety_stock, cause)
        yield Send(INVENTORY_COMMANDS, one.sku, count)


def _sku(one: Position) -> str:
    return one.sku


def registrations(location_id: str, says: Location, partitions: int) -> Iterator[Send]:
    """A location, to every partition of the rooms that know locations."""
    register = RegisterLocation(location_id, *says, active=True)
    return everywhere(location_id, register, [(room, partitions) for room in ROOMS])


def everywhere(key: str, record: Record, partitions: Rooms) -> Iterator[Send]:
    """A record, to every partition of these inboxes."""
    for room, number in partitions:
        for partition in range(number):
            yield Send(room, key, record, partition)
