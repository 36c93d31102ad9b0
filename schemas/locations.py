"""Locations and who sells from them. Every command goes to every partition of a room.

Rooms: fulfillment, which ranks locations, and inventory, which tells channels what they may sell.
Key: location_id, or channel.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from schemas.records import Millis, Record

LOCATIONS_KEY = "@locations"
"""State key of all locations, in every partition of a room."""


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


def registered(known: LocationsState | None, command: RegisterLocation) -> LocationsState:
    """The locations with this one as it is from now on.

    What the command leaves empty stays as it is known: a stock file without coordinates says
    nothing about where a place is. A command that says nothing at all only makes it known.
    """
    before = _location(known, command.location_id)
    if before is None:
        before = LocationState(command.location_id, "", "", 0.0, 0.0, command.active)
    located = bool(command.latitude or command.longitude)
    said = (
        command.name or command.country or located
        or command.kind or command.groups or command.daily_capacity
    )  # fmt: skip
    after = LocationState(
        location_id=command.location_id,
        name=command.name or before.name or command.location_id,
        country=command.country or before.country,
        latitude=command.latitude if located else before.latitude,
        longitude=command.longitude if located else before.longitude,
        active=command.active if said else before.active,
        kind=command.kind or before.kind or Kind.WAREHOUSE.value,
        groups=command.groups or before.groups,
        daily_capacity=command.daily_capacity or before.daily_capacity,
        selling=before.selling,
        fulfilling=before.fulfilling,
    )
    return _with_location(known, after)


def switched(known: LocationsState | None, command: SwitchLocation) -> LocationsState:
    """The locations with selling and fulfilling at this one as commanded.

    One that nobody has registered becomes known by it, so that a stop holds from the first moment.
    """
    before = _location(known, command.location_id)
    if before is None:
        name = command.location_id
        before = LocationState(name, name, "", 0.0, 0.0, True, Kind.WAREHOUSE.value)
    after = replace(before, selling=command.selling, fulfilling=command.fulfilling)
    return _with_location(known, after)


def sourced(known: LocationsState | None, command: SetChannelSourcing) -> LocationsState:
    """The locations with the groups that the channel sells from; no group is no word about it."""
    locations = known.locations if known is not None else []
    channels = {one.channel: one for one in (known.channels if known is not None else [])}
    if command.groups:
        channels[command.channel] = ChannelSourcing(command.channel, sorted(set(command.groups)))
    else:
        channels.pop(command.channel, None)
    return LocationsState(locations, sorted(channels.values(), key=lambda one: one.channel))


def _location(known: LocationsState | None, location_id: str) -> LocationState | None:
    for one in known.locations if known is not None else []:
        if one.location_id == location_id:
            return one
    return None


def _with_location(known: LocationsState | None, after: LocationState) -> LocationsState:
    locations = {one.location_id: one for one in (known.locations if known is not None else [])}
    locations[after.location_id] = after
    channels = known.channels if known is not None else []
    return LocationsState(sorted(locations.values(), key=lambda one: one.location_id), channels)
