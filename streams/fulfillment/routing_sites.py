"""Locations as rules see them, and what sending from one costs and how long it takes. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from schemas.locations import LocationState
from schemas.routing import Goods, OrderIs, Places, RoutingRules, Zone
from streams.fulfillment.model import EARTH_RADIUS_KM, UNKNOWN_DISTANCE_KM
from streams.fulfillment.promise import DAY_MINUTES, NEVER, Delivered, Leaves, delivered, leaves

EPOCH_DAY = date(1970, 1, 1).toordinal()
KNOWN_SKUS = 65_536
"""SKUs whose goods are kept"""
UNKNOWN_VALUE = -1
"""of an order or a line in another currency than that of the rules: no condition on it fits"""
FULL = 1.0
"""the share of capacity that is left where there is no bound"""
UNKNOWN_COSINE = -2.0
"""of a place whose coordinates are not known: farther than any"""
HALFWAY_KM = EARTH_RADIUS_KM * math.pi
Vector = tuple[float, float, float]


class Asked(NamedTuple):
    """What rules look at in an order, for one of its addresses."""

    channel: str
    customer_group: str
    country: str
    postal_code: str
    latitude: float
    """degrees; 0 with longitude 0 where unknown"""
    longitude: float
    skus: tuple[str, ...]
    """of the lines that go there"""
    pieces: int
    value_minor: int
    """what the customer pays for the order, in the rules' currency, or UNKNOWN_VALUE"""


class Site(NamedTuple):
    """A location that sells and fulfills."""

    location_id: str
    kind: str
    country: str
    groups: frozenset[str]
    at: Vector | None
    """None where its coordinates are not known"""
    bound: int
    """fulfillment orders a day; 0 for no bound"""
    sequence: int
    """its place in the rules' sequence"""
    leaves: Leaves | None
    """its calendar; None: goods leave on the day they are ordered"""


class Transport(NamedTuple):
    """A zone, with its days of delivery."""

    zone: Zone
    delivered: Delivered


class Leg(NamedTuple):
    """The way from a location to a country, for some goods."""

    site: Site
    transports: tuple[Transport, ...]
    """that fit but for the distance, in the order of the rules"""
    free: bool
    """the rules have no zones: every way can be gone and costs nothing"""


class Terms(NamedTuple):
    """What one shipment costs and when it is delivered."""

    zone: str
    """empty where the rules have no zones"""
    cost_minor: int
    per_piece_minor: int
    delivery: date


def vector(latitude: float, longitude: float) -> Vector | None:
    """A place as a unit vector; None for 0, 0, which stands for an unknown one."""
    if not latitude and not longitude:
        return None
    north, east = math.radians(latitude), math.radians(longitude)
    flat = math.cos(north)
    return (flat * math.cos(east), flat * math.sin(east), math.sin(north))


def cosine(one: Vector | None, other: Vector | None) -> float:
    """Of the angle between two places: the nearer, the greater. UNKNOWN_COSINE where unknown."""
    if one is None or other is None:
        return UNKNOWN_COSINE
    return one[0] * other[0] + one[1] * other[1] + one[2] * other[2]


def kilometres(angle_cosine: float) -> float:
    """The great-circle distance; UNKNOWN_DISTANCE_KM where it is not known."""
    if angle_cosine < -1:
        return UNKNOWN_DISTANCE_KM if angle_cosine == UNKNOWN_COSINE else HALFWAY_KM
    return EARTH_RADIUS_KM * math.acos(1.0 if angle_cosine > 1 else angle_cosine)


def sites(
    rules: RoutingRules, locations: Sequence[LocationState], bound: Callable[[int], int]
) -> list[Site]:
    """Those that are active, sell and fulfill; `bound` tells what is theirs to use of a day's
    capacity. Raises ZoneInfoNotFoundError."""
    calendars = [(one.places, leaves(one)) for one in rules.calendars]
    places = {name: number for number, name in enumerate(rules.sequence)}
    found = []
    for one in locations:
        if not (one.active and one.selling and one.fulfilling):
            continue
        bare = Site(
            one.location_id,
            one.kind,
            one.country,
            frozenset(one.groups),
            vector(one.latitude, one.longitude),
            bound(one.daily_capacity) if one.daily_capacity else 0,
            places.get(one.location_id, len(places)),
            None,
        )
        works = next((there for fitting, there in calendars if stands_in(bare, fitting)), None)
        found.append(bare._replace(leaves=works))
    return found


def stands_in(site: Site, places: Places, country: str = "") -> bool:
    """Whether a location is one of these, as far as that never changes; `country` is where the
    goods go to."""
    return (
        (not places.kinds or site.kind in places.kinds)
        and (not places.countries or site.country in places.countries)
        and (not places.locations or site.location_id in places.locations)
        and (not places.groups or not site.groups.isdisjoint(places.groups))
        and (not places.same_country or not country or site.country == country)
    )


def transports(rules: RoutingRules) -> list[Transport]:
    """Every zone."""
    return [Transport(zone, delivered(zone)) for zone in rules.zones]


def leg(site: Site, known: Sequence[Transport], country: str, goods: frozenset[str]) -> Leg:
    """The way from a location to a country, for an order with these goods."""
    fitting = tuple(
        one
        for one in known
        if (not one.zone.countries or country in one.zone.countries)
        and stands_in(site, one.zone.places, country)
        and (not one.zone.goods or (goods <= frozenset(one.zone.goods) and goods))
        and goods.isdisjoint(one.zone.not_goods)
    )
    # What is behind a zone for any distance is never reached.
    for number, one in enumerate(fitting):
        if not one.zone.places.within_km:
            fitting = fitting[: number + 1]
            break
    return Leg(site, fitting, not known)


def reaching(way: Leg, km: float) -> Transport | None:
    """The first zone for that distance; None where no carrier goes."""
    for one in way.transports:
        within = one.zone.places.within_km
        if not within or km <= within:
            return one
    return None


def cost_minor(transport: Transport | None, km: float) -> int:
    """Of one shipment, without what is added for pieces; an unknown distance adds nothing."""
    if transport is None:
        return 0
    zone = transport.zone
    if not zone.per_100_km_minor or km >= UNKNOWN_DISTANCE_KM:
        return zone.cost_minor
    return zone.cost_minor + round(zone.per_100_km_minor * km / 100)


def terms(way: Leg, km: float, minute: int) -> Terms | None:
    """Of what is ordered in that minute; None where no carrier goes."""
    transport = reaching(way, km)
    if transport is None and not way.free:
        return None
    day = leaving_day(way.site, minute)
    if transport is None:
        return Terms("", 0, 0, day)
    zone = transport.zone
    return Terms(
        zone.name, cost_minor(transport, km), zone.per_piece_minor, transport.delivered(day)
    )


def delivery_day(found: Terms) -> str:
    """The day of delivery, ISO 8601; empty where none can be told."""
    return "" if found.delivery == NEVER else found.delivery.isoformat()


def leaving_day(site: Site, minute: int) -> date:
    """The day on which goods leave; without a calendar that on which they are ordered."""
    return _day(minute) if site.leaves is None else site.leaves(minute).day


def ordered_day(site: Site, minute: int) -> date:
    """The day on which is ordered, as the location counts it."""
    return _day(minute) if site.leaves is None else site.leaves(minute).ordered


def _day(minute: int) -> date:
    return date.fromordinal(EPOCH_DAY + minute // DAY_MINUTES)


class Matching:
    """Which goods SKUs are, and which orders conditions speak of."""

    def __init__(self, goods: Sequence[Goods]) -> None:
        """`goods` as the rules name them."""
        patterns = [
            (one.name, re.compile("|".join(map(_pattern, one.skus)), re.DOTALL)) for one in goods
        ]

        @lru_cache(maxsize=KNOWN_SKUS)
        def of_sku(sku: str) -> frozenset[str]:
            return frozenset(name for name, pattern in patterns if pattern.fullmatch(sku))

        self._of_sku = of_sku
        self._any = bool(patterns)

    def goods(self, skus: Iterable[str]) -> frozenset[str]:
        """The names of all goods among the SKUs."""
        if not self._any:
            return frozenset()
        return frozenset().union(*map(self._of_sku, skus))


def _pattern(text: str) -> str:
    return ".*".join(map(re.escape, text.split("*")))


def speaks_of(when: OrderIs, asked: Asked, goods: frozenset[str]) -> bool:
    """Whether the order is one of these."""
    return (
        (not when.channels or asked.channel in when.channels)
        and (not when.countries or asked.country in when.countries)
        and asked.country not in when.not_countries
        and (not when.goods or not goods.isdisjoint(when.goods))
        and (not when.customer_groups or asked.customer_group in when.customer_groups)
        and (not when.postal_codes or _begins(asked.postal_code, when.postal_codes))
        and asked.pieces >= when.pieces_at_least
        and (not when.pieces_at_most or asked.pieces <= when.pieces_at_most)
        and (not when.value_at_least_minor or asked.value_minor >= when.value_at_least_minor)
        and (not when.value_below_minor or 0 <= asked.value_minor < when.value_below_minor)
    )


def _begins(postal_code: str, beginnings: Sequence[str]) -> bool:
    return postal_code.upper().replace(" ", "").startswith(tuple(beginnings))
