"""The locations of one rule, and which of them serve an order, in which order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from schemas.routing import Places, RoutingRule, Sort
from streams.fulfillment.model import UNKNOWN_DISTANCE_KM
from streams.fulfillment.routing_sites import (
    FULL,
    Asked,
    Leg,
    Site,
    Vector,
    cosine,
    cost_minor,
    kilometres,
    ordered_day,
    reaching,
    stands_in,
    terms,
    vector,
)

MINUTE_MS = 60_000
_BY_DISTANCE = (Sort.DISTANCE,)
_BY_COST = (Sort.COST, Sort.DISTANCE)
_STATIC = (Sort.SAME_COUNTRY, Sort.SEQUENCE)
"""what never changes for a country"""
BY_STOCK = (Sort.OVERSTOCK, Sort.AGE)
"""what inventory decides, among those that are tried"""


class Why(StrEnum):
    """Why a location is not in a rule's list; the order of checks."""

    EXCLUDED = "an exclusion names it"
    OTHER_CHANNEL = "it is in no group that the channel sells from"
    NOT_OF_RULE = "no rule for this order names it"
    NO_CAPACITY = "its capacity of today is used up"
    LITTLE_CAPACITY = "too little of its capacity is left"
    NO_CARRIER = "no carrier goes from there with these goods"
    TOO_FAR = "it is too far away"
    AFTER_CUT_OFF = "it is after its cut-off"
    TOO_LATE = "it would be delivered too late"
    TOO_DEAR = "a shipment costs too much"


class Band(NamedTuple):
    """Legs of a tier, with where they start."""

    points: tuple[tuple[float, float, float, int], ...]
    """unit vector and number of the leg"""
    outwards: bool
    """the nearer is the better one, by the tier's first sort"""
    check: bool
    """some of them may not serve, or not at this moment"""


class Tier(NamedTuple):
    """Locations of one rule that what never changes leaves equal."""

    rule: RoutingRule
    legs: tuple[Leg, ...]
    sort: tuple[Sort, ...]
    """what is left of the rule's"""
    bands: tuple[Band, ...]
    """the same legs, apart where the nearer one is not always the better one"""


class Here(NamedTuple):
    """An order, as it is compared with locations."""

    at: Vector | None
    country: str
    minute: int
    used: Mapping[str, int]
    """fulfillment orders of today, by location"""


def here_of(asked: Asked, used: Mapping[str, int], now_ms: int) -> Here:
    """What is compared of the order at that moment."""
    at = vector(asked.latitude, asked.longitude)
    return Here(at, asked.country, now_ms // MINUTE_MS, used)


def tiers_of(rule: RoutingRule, legs: list[Leg], country: str) -> list[Tier]:
    """The rule's locations, apart by the sorts at its head that never change for a country."""
    sort = [one for one in map(Sort, rule.sort) if one not in BY_STOCK] or [Sort.DISTANCE]
    head = 0
    while head < len(sort) and sort[head] in _STATIC:
        head += 1

    def place(way: Leg) -> tuple[int, ...]:
        return tuple(
            int(way.site.country != country) if one == Sort.SAME_COUNTRY else way.site.sequence
            for one in sort[:head]
        )

    mine = sorted(
        (way for way in legs if stands_in(way.site, rule.places, country)),
        key=lambda way: way.site.location_id,
    )
    rest = tuple(sort[head:])
    return [
        Tier(rule, legs, rest, _bands(rule.places, legs, rest))
        for legs in (tuple(equal) for _, equal in groupby(sorted(mine, key=place), key=place))
    ]


def _bands(places: Places, legs: Sequence[Leg], sort: Sequence[Sort]) -> tuple[Band, ...]:
    """The legs, apart by their zones where cost comes first: within one zone cost grows with
    distance. Those of which no distance is known, or of several zones, are weighed one by one."""
    first = sort[0] if sort else None
    bands: dict[object, list[tuple[float, float, float, int]]] = {}
    for number, way in enumerate(legs):
        single = way.free or not way.transports[0].zone.places.within_km
        band: object = None
        if way.site.at is not None and first == Sort.DISTANCE:
            band = ""
        elif way.site.at is not None and first == Sort.COST and single:
            band = way.transports[0].zone.name if way.transports else ""
        point = way.site.at or (0.0, 0.0, 0.0)
        bands.setdefault(band, []).append((*point, number))
    always = Places(
        places.kinds, places.groups, places.countries, places.locations, places.same_country
    )
    return tuple(
        Band(
            tuple(points),
            band is not None,
            places != always
            or any(
                legs[number].site.bound
                or (not legs[number].free and legs[number].transports[-1].zone.places.within_km)
                for *_, number in points
            ),
        )
        for band, points in bands.items()
    )


def tried(tier: Tier, here: Here, at_most: int, but: Collection[str]) -> list[str]:
    """The ids of a tier's locations that serve the order, the best first, but these.

    Where the nearer one is the better one, it goes from the nearest outwards and stops once it has
    enough, so that thousands of stores cost little more than a few.
    """
    found: list[tuple[tuple[float, ...], str]] = []
    for band in tier.bands:
        if band.outwards and here.at is not None:
            if len(tier.bands) == 1 and tier.sort in (_BY_DISTANCE, _BY_COST):
                return _nearest(tier, band, here, at_most, but)
            found += _outwards(tier, band, here, at_most, but)
            continue
        for *_, number in band.points:
            way = tier.legs[number]
            near = cosine(here.at, way.site.at)
            if way.site.location_id not in but and not fault(tier.rule.places, way, near, here):
                found.append((_key(tier.sort, way, near, here), way.site.location_id))
    found.sort()
    return [location_id for _, location_id in found][:at_most]


def _from_nearest(band: Band, here: Here) -> list[tuple[float, int]]:
    """The legs of a band, the nearest first: cosine of the angle, negative, and number."""
    assert here.at is not None, "asked of orders whose place is known"
    x, y, z = here.at
    ways = [(-(px * x + py * y + pz * z), number) for px, py, pz, number in band.points]
    ways.sort()
    return ways


def _nearest(tier: Tier, band: Band, here: Here, at_most: int, but: Collection[str]) -> list[str]:
    """The nearest of a band that serve the order: within it they stand in order already."""
    found: list[str] = []
    places, check, legs = tier.rule.places, band.check, tier.legs
    for far, number in _from_nearest(band, here):
        way = legs[number]
        location_id = way.site.location_id
        if location_id in but or (check and fault(places, way, -far, here)):
            continue
        found.append(location_id)
        if len(found) == at_most:
            break
    return found


def _outwards(
    tier: Tier, band: Band, here: Here, at_most: int, but: Collection[str]
) -> list[tuple[tuple[float, ...], str]]:
    """The nearest of a band that serve the order: enough of them, and those that the first sort
    leaves equal to the last."""
    found: list[tuple[tuple[float, ...], str]] = []
    places, sort, check = tier.rule.places, tier.sort, band.check
    last = 0.0
    for far, number in _from_nearest(band, here):
        way = tier.legs[number]
        location_id = way.site.location_id
        if location_id in but or (check and fault(places, way, -far, here)):
            continue
        key = _key(sort, way, -far, here)
        if len(found) >= at_most and key[0] != last:
            break
        found.append((key, location_id))
        last = key[0]
    return found


def _key(sort: tuple[Sort, ...], way: Leg, near: float, here: Here) -> tuple[float, ...]:
    if sort == _BY_DISTANCE:
        return (-near,)
    if sort == _BY_COST:
        km = kilometres(near)
        return (cost_minor(reaching(way, km), km), -near)
    return tuple([_term(one, way, near, here) for one in sort])


def _term(sort: Sort, way: Leg, near: float, here: Here) -> float:
    """What a sort goes by; the less, the better."""
    match sort:
        case Sort.DISTANCE:
            return -near
        case Sort.COST:
            km = kilometres(near)
            return cost_minor(reaching(way, km), km)
        case Sort.PROMISE:
            found = terms(way, kilometres(near), here.minute)
            return found.delivery.toordinal() if found is not None else UNKNOWN_DISTANCE_KM
        case Sort.CAPACITY:
            return -_left(way.site, here)
        case Sort.SEQUENCE:
            return way.site.sequence
        case Sort.SAME_COUNTRY:
            return way.site.country != here.country
        case Sort.OVERSTOCK | Sort.AGE:
            raise AssertionError("the stock is not known here: tiers_of has left it out")


def _left(site: Site, here: Here) -> float:
    """The share of the day's capacity that is left."""
    if not site.bound:
        return FULL
    return 1 - here.used.get(site.location_id, 0) / site.bound


def fault(places: Places, way: Leg, near: float, here: Here) -> Why | None:
    """Why a location does not serve the order now, though the rule names it; None: it does."""
    site = way.site
    if site.bound and here.used.get(site.location_id, 0) >= site.bound:
        return Why.NO_CAPACITY
    if places.capacity_left_percent and _left(site, here) * 100 < places.capacity_left_percent:
        return Why.LITTLE_CAPACITY
    if not way.free and way.transports[-1].zone.places.within_km:
        km = kilometres(near)
        if reaching(way, km) is None:
            return Why.NO_CARRIER
    if places.within_km and kilometres(near) > places.within_km:
        return Why.TOO_FAR
    if places.before_cut_off and site.leaves is not None and not site.leaves(here.minute).today:
        return Why.AFTER_CUT_OFF
    if places.promise_within_days:
        found = terms(way, kilometres(near), here.minute)
        ordered = ordered_day(site, here.minute)
        if found is None or (found.delivery - ordered).days > places.promise_within_days:
            return Why.TOO_LATE
    if places.cost_at_most_minor:
        km = kilometres(near)
        if cost_minor(reaching(way, km), km) > places.cost_at_most_minor:
            return Why.TOO_DEAR
    return None
