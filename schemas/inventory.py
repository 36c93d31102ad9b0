"""Commands, events and state of the inventory room. Key of commands and events: sku."""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Refusal(StrEnum):
    """Why stock is refused; the order of checks."""

    RESERVATION_CONFLICT = "reservation_conflict"
    UNKNOWN_SKU = "unknown_sku"
    OUT_OF_STOCK = "out_of_stock"
    UNKNOWN_RESERVATION = "unknown_reservation"
    BELOW_RESERVED = "below_reserved"


class SetStock(Record, frozen=True):
    """The counted stock of a SKU at a location."""

    sku: str
    location_id: str
    on_hand: int
    """pieces, 0 or more"""
    safety_stock: int
    """pieces that are never promised"""
    cause: str
    """why, e.g. load of stock.csv"""


class ReserveStock(Record, frozen=True):
    """Reserve a line at the first ranked location that can serve it whole."""

    order_id: str
    line_id: str
    sku: str
    quantity: int
    attempt: int
    locations: list[str]
    """ranked, best first"""
    reserved_until_ms: Millis


class ReleaseStock(Record, frozen=True):
    """Give a reservation back. One that is not there is refused and changes nothing."""

    order_id: str
    line_id: str
    sku: str
    reason: str


class MoveReservation(Record, frozen=True):
    """Move a reservation to another location, to save a shipment."""

    order_id: str
    line_id: str
    sku: str
    location_id: str
    """where to"""


class StockSet(Record, frozen=True):
    """The position after a count."""

    sku: str
    location_id: str
    on_hand: int
    reserved: int
    safety_stock: int
    cause: str
    at_ms: Millis


class StockReserved(Record, frozen=True):
    """A line is reserved at a location. on_hand and reserved are the position afterwards."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    reserved_until_ms: Millis
    at_ms: Millis


class StockRefused(Record, frozen=True):
    """Nothing was reserved or changed."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    reason: str
    at_ms: Millis


class StockReleased(Record, frozen=True):
    """A reservation was given back. on_hand and reserved are the position afterwards."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    reason: str
    at_ms: Millis


class ReservationMoved(Record, frozen=True):
    """A reservation left from_location_id for location_id; the positions afterwards of both."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    from_location_id: str
    from_on_hand: int
    from_reserved: int
    location_id: str
    on_hand: int
    reserved: int
    at_ms: Millis


class PositionAt(Record, frozen=True):
    """Stock of one SKU at one location."""

    location_id: str
    on_hand: int
    reserved: int
    safety_stock: int


class StockState(Record, frozen=True):
    """All positions of a SKU (inventory.state, key: sku)."""

    sku: str
    positions: list[PositionAt]


class ReservationState(Record, frozen=True):
    """One reservation (inventory.state, key: sku|order_id|line_id); deleted when released."""

    order_id: str
    line_id: str
    sku: str
    location_id: str
    quantity: int
    attempt: int
    reserved_until_ms: Millis
