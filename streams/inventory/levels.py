"""What is there of each SKU and what channels may sell, told once a batch.

Locations and sourcing are kept in every partition of the room. Where they change, the SKUs that a
batch changes are told by them from then on, and all others bit by bit (sweep.py), for a switch must
not rewrite a million SKUs in one transaction. Sourcing never ranks such a location from the first
moment on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec.structs import replace

from schemas.inventory import StockState
from schemas.locations import (
    LOCATIONS_KEY,
    LocationsState,
    RegisterLocation,
    SetChannelSourcing,
    SwitchLocation,
    registered,
    sourced,
    switched,
)
from schemas.messages import Send, States
from schemas.stock import (
    ChannelLevel,
    LocationLevel,
    StockLevelChanged,
    StockLevels,
    Supply,
)
from schemas.topics import INVENTORY_EVENTS, INVENTORY_LEVELS
from streams.inventory import quotas
from streams.inventory.model import available

OK = "ok"
LOW = "low"
OUT = "out"


def learn(
    states: States, command: RegisterLocation | SwitchLocation | SetChannelSourcing
) -> str | None:
    """Keep what is said of a location or of a channel's sourcing, and what that changes of levels.

    None for nothing; a location_id where it is that of SKUs there; "" where it is that of all.
    """
    known = _known(states)
    match command:
        case RegisterLocation():
            after = registered(known, command)
        case SwitchLocation():
            after = switched(known, command)
        case SetChannelSourcing():
            after = sourced(known, command)
    if after == known:
        return None
    states.put(LOCATIONS_KEY, after)
    was, now = Sources(known), Sources(after)
    if was.channels != now.channels:
        return ""
    if isinstance(command, SetChannelSourcing):
        return None
    location_id = command.location_id
    return location_id if was.of(location_id) != now.of(location_id) else None


def summarise(changed: Collection[str], states: States, now_ms: int) -> list[Send]:
    """One StockLevels for each SKU that the batch has changed, and where its level has crossed."""
    sends: list[Send] = []
    sources: Sources | None = None
    for key in changed:
        if "|" in key or key[:1] == "@":
            continue
        stock = states.get(key)
        if not isinstance(stock, StockState):
            continue
        if sources is None:
            sources = Sources(_known(states))
        sends += tell(stock, sources, states, now_ms)
    return sends


def tell(stock: StockState, sources: Sources, states: States, now_ms: int) -> list[Send]:
    """The levels of a SKU, and what they crossed; keeps the level that was told."""
    sku = stock.sku
    told, total = levels(stock, sources, now_ms)
    sends = [Send(INVENTORY_LEVELS, sku, told)]
    if told.level != (stock.level or OK) and (stock.positions or stock.level):
        states.put(sku, replace(stock, level=told.level))
        if told.level:
            crossed = StockLevelChanged(sku, told.level, stock.level or OK, total, now_ms)
            sends.append(Send(INVENTORY_EVENTS, sku, crossed))
    return sends


class Sources:
    """Which locations channels sell from, made of the locations' state once a batch.

    A location that nobody has registered sells, to every channel that has no groups.
    """

    __slots__ = ("_groups", "_known", "channels", "closed")

    def __init__(self, known: LocationsState | None) -> None:
        locations = known.locations if known is not None else []
        self.closed = {one.location_id for one in locations if not (one.active and one.selling)}
        self.channels = {one.channel: {*one.groups} for one in known.channels} if known else {}
        self._groups = {one.location_id: one.groups for one in locations} if self.channels else {}

    def of(self, location_id: str) -> tuple[bool, list[str]]:
        """Whether channels sell from a location, and which of those that have groups do."""
        here = self._groups.get(location_id, ())
        among = [name for name, groups in self.channels.items() if not groups.isdisjoint(here)]
        return location_id not in self.closed, among

    def excluded(self, channel: str, positions: Iterable[LocationLevel]) -> list[str]:
        """The locations among these that the channel does not sell from, by its groups."""
        groups = self.channels.get(channel)
        if groups is None:
            return []
        of = self._groups
        return [
            one.location_id for one in positions if groups.isdisjoint(of.get(one.location_id, ()))
        ]


def levels(stock: StockState, sources: Sources, now_ms: int) -> tuple[StockLevels, int]:
    """What is told of a SKU, and the pieces that channels may sell, those of quotas included."""
    closed, supplies = sources.closed, stock.supplies
    expected = _expected(supplies) if supplies else None
    locations: list[LocationLevel] = []
    total = 0
    for position in stock.positions:
        location_id, on_hand, reserved = position.location_id, position.on_hand, position.reserved
        allocated, safety_stock = position.allocated, position.safety_stock
        available = on_hand - reserved - allocated - safety_stock
        if available < 0:
            available = 0
        selling = location_id not in closed
        if selling:
            total += available
        locations.append(
            LocationLevel(
                location_id, on_hand, reserved, allocated, safety_stock, position.in_transit,
                expected.pop(location_id, 0) if expected else 0,
                position.quarantined, available, selling,
            )
        )  # fmt: skip
    if expected:
        locations += _without_position(expected, closed)
    if not stock.components:
        level = OUT if total <= 0 else LOW if total <= stock.low_at else OK
    else:
        level = ""
    told = StockLevels(
        stock.sku,
        max(0, total - quotas.kept_for_others(stock.quotas, "", "")) if stock.quotas else total,
        sorted(locations, key=_place),
        _channels(stock, sources, locations),
        next((one.expected_at_ms for one in supplies if one.expected_at_ms), 0),
        sum(line.quantity for line in stock.waiting) if stock.waiting else 0,
        level,
        stock.components,
        now_ms,
        stock.thresholds,
        stock.quotas,
        supplies,
    )
    return told, total


def _channels(
    stock: StockState, sources: Sources, locations: list[LocationLevel]
) -> list[ChannelLevel]:
    """What each channel may sell that has a threshold, a quota or groups of its own."""
    if not (stock.thresholds or stock.quotas or sources.channels):
        return []
    at_each = {one.channel: one.quantity for one in stock.thresholds}
    names = {*at_each, *sources.channels, *(one.channel for one in stock.quotas)}
    found: list[ChannelLevel] = []
    for channel in sorted(names - {""}):
        excluded = sources.excluded(channel, locations)
        less = at_each.get(channel, 0)
        pieces = sum(
            available(one, less)
            for one in locations
            if one.selling and one.location_id not in excluded
        )
        kept = quotas.kept_for_others(stock.quotas, channel, "")
        found.append(ChannelLevel(channel, max(0, pieces - kept), sorted(excluded)))
    return found


def _expected(supplies: Iterable[Supply]) -> dict[str, int]:
    expected: dict[str, int] = {}
    for one in supplies:
        expected[one.location_id] = expected.get(one.location_id, 0) + one.quantity
    return expected


def _without_position(expected: dict[str, int], closed: set[str]) -> list[LocationLevel]:
    """Locations that wait for their first pieces."""
    return [
        LocationLevel(location_id, 0, 0, 0, 0, 0, pieces, 0, 0, location_id not in closed)
        for location_id, pieces in expected.items()
    ]


def _place(one: LocationLevel) -> str:
    return one.location_id


def _known(states: States) -> LocationsState | None:
    known = states.get(LOCATIONS_KEY)
    assert known is None or isinstance(known, LocationsState)
    return known
