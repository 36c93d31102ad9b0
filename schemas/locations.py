"""Locations and who sells from them. Every command goes to every partition of a room.

Rooms: fulfillment, which ranks locations, and inventory, which tells channels what they may sell.
Key: location_id, or channel.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Kind(StrEnum):
    """What a location is."""

    WAREHOUSE = "warehouse"
    STORE = "store"
    SUPPLIER = "supplier"
    THIRD_PARTY = "3pl"


class RegisterLocation(Record, frozen=True):
    """A location and where it stands. What is empty stays as it is known."""

    location_id: str
    name: str
    country: str
    latitude: float
    longitude: float
    active: bool
    kind: str = ""
    """warehouse, store, supplier or 3pl; the first of them when never said"""
    groups: list[str] = []
    """groups of locations that it belongs to, e.g. stores-de"""
    daily_capacity: int = 0
    """fulfillment orders a day (UTC); 0 for no bound"""


class SwitchLocation(Record, frozen=True):
    """Stop or start selling from, or fulfilling at, a location."""

    location_id: str
    selling: bool
    fulfilling: bool
    reason: str
    actor: str


class SetChannelSourcing(Record, frozen=True):
    """The groups of locations that a channel sells from; none means all locations."""

    channel: str
    groups: list[str]
    actor: str


class LocationRegistered(Record, frozen=True):
    """The location as it is known from now on. Key: location_id."""

    location_id: str
    name: str
    country: str
    latitude: float
    longitude: float
    active: bool
    at_ms: Millis
    kind: str = ""
    groups: list[str] = []
    daily_capacity: int = 0
    selling: bool = True
    fulfilling: bool = True


class ChannelSourcingSet(Record, frozen=True):
    """The groups of locations that a channel sells from, from now on. Key: channel."""

    channel: str
    groups: list[str]
    actor: str
    at_ms: Millis


class LocationState(Record, frozen=True):
    """A location, as LocationsState holds it."""

    location_id: str
    name: str
    country: str
    latitude: float
    longitude: float
    active: bool
    kind: str = ""
    groups: list[str] = []
    daily_capacity: int = 0
    selling: bool = True
    fulfilling: bool = True


class ChannelSourcing(Record, frozen=True):
    """The groups of locations that a channel sells from."""

    channel: str
    groups: list[str]


class LocationsState(Record, frozen=True):
    """Every location, by location_id (state of every partition of a room, key: @locations)."""

    locations: list[LocationState]
    channels: list[ChannelSourcing] = []
