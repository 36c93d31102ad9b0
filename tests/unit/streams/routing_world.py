"""Locations, rules and orders for the tests of routing."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.locations import LocationsState, LocationState
from schemas.routing import (
    Calendar,
    Exclusion,
    Goods,
    OrderIs,
    Places,
    RoutingRule,
    RoutingRules,
    Zone,
)
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_planning import Line, Order

MONDAY = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ALL_DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WORKDAYS = ALL_DAYS[:5]
EVERYONE = OrderIs()
ANYWHERE = Places()


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def location(
    name: str, country: str, latitude: float, longitude: float, kind: str = "warehouse",
    groups: tuple[str, ...] = (), daily_capacity: int = 0,
) -> LocationState:  # fmt: skip
    return LocationState(
        name, name, country, latitude, longitude, True, kind, list(groups), daily_capacity
    )


BERLIN = location("berlin", "DE", 52.52, 13.40)
HAMBURG = location("hamburg", "DE", 53.55, 9.99, "store", ("stores",))
MUNICH = location("munich", "DE", 48.14, 11.58, "store", ("stores",), daily_capacity=10)
LYON = location("lyon", "FR", 45.76, 4.84)
MAKER = location("maker", "DE", 51.0, 9.0, "supplier")
EVERY = (BERLIN, HAMBURG, LYON, MAKER, MUNICH)


def rule(
    name: str = "all", places: Places = ANYWHERE, when: OrderIs = EVERYONE,
    sort: tuple[str, ...] = ("same_country", "distance"), **settings: object,
) -> RoutingRule:  # fmt: skip
    return RoutingRule(name, 1, when, places, list(sort), **settings)  # type: ignore[arg-type]


def zone(
    name: str = "parcel", cost: int = 500, per_100_km: int = 0, transit: int = 1,
    places: Places = ANYWHERE, to: tuple[str, ...] = (), per_piece: int = 0,
    goods: tuple[str, ...] = (), not_goods: tuple[str, ...] = (),
) -> Zone:  # fmt: skip
    return Zone(
        name, 1, places, list(to), cost, per_100_km, per_piece, transit, WORKDAYS, [],
        list(goods), list(not_goods),
    )  # fmt: skip


def calendar(
    cut_off: int = 14 * 60, handling: int = 0, zone_name: str = "Europe/Berlin",
    places: Places = ANYWHERE, holidays: tuple[str, ...] = (),
) -> Calendar:  # fmt: skip
    return Calendar("c", 1, places, zone_name, WORKDAYS, list(holidays), cut_off, handling)


def rules(
    *tried: RoutingRule, exclusions: tuple[Exclusion, ...] = (), goods: tuple[Goods, ...] = (),
    calendars: tuple[Calendar, ...] = (), zones: tuple[Zone, ...] = (),
    sequence: tuple[str, ...] = (), consolidate: str = "cost",
) -> RoutingRules:  # fmt: skip
    return RoutingRules(
        1, 1, "test", "", "EUR", list(tried), list(exclusions), list(goods), list(calendars),
        list(zones), list(sequence), consolidate,
    )  # fmt: skip


def router(made: RoutingRules, *locations: LocationState) -> Router:
    return Router(made, LocationsState(list(locations or EVERY)), lambda bound: bound)


def order(
    *skus: str, country: str = "DE", latitude: float = 52.5, longitude: float = 13.3,
    pieces: int = 1, value: int = 1_000, group: str = "", channel: str = "shop", postal: str = "",
) -> Order:  # fmt: skip
    lines = tuple(
        Line(str(number), sku, pieces, value) for number, sku in enumerate(skus or ("MUG",), 1)
    )
    total = value * len(lines)
    return Order("o", channel, group, country, postal, latitude, longitude, lines, total)
