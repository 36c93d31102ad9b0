"""Routing rules at random: what is excluded, tried, bounded, and done otherwise."""

from __future__ import annotations

import random

from schemas.routing import (
    ROUTING_KEY,
    Calendar,
    Consolidate,
    Exclusion,
    Goods,
    OrderIs,
    Otherwise,
    Places,
    RoutingRule,
    RoutingRules,
    SetRoutingRules,
    Sort,
    Zone,
)
from schemas.topics import FULFILLMENT_COMMANDS
from tests.properties.saga_world import PARTITIONS, Outside
from tests.unit.streams.memory import NOW

EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
HOUR_MS = 3_600_000


def rules_set(chance: random.Random, version: int) -> list[Outside]:
    """Rules, for every partition of the room."""
    command = SetRoutingRules(any_rules(chance, version), "jo", NOW)
    return [(FULFILLMENT_COMMANDS.name, ROUTING_KEY, command, seat) for seat in range(PARTITIONS)]


def any_rules(chance: random.Random, version: int) -> RoutingRules:
    """A few rules; some orders fit none of them."""
    return RoutingRules(
        version, version, "random", "", chance.choice(["EUR", "EUR", "USD"]),
        [_rule(chance, number) for number in range(chance.randint(1, 3))],
        [Exclusion("off", 1, _when(chance), Places(locations=[chance.choice(["BER", "POZ"])]))]
        if chance.random() < 0.3 else [],
        [Goods("caps", 1, ["CAP"])],
        _calendars(chance),
        _zones(chance),
        consolidate=chance.choice(list(Consolidate)),
    )  # fmt: skip


def _rule(chance: random.Random, number: int) -> RoutingRule:
    places = [
        Places(), Places(), Places(countries=["DE"]), Places(locations=["HAM"]),
        Places(same_country=True), Places(kinds=["store"]),
    ]  # fmt: skip
    return RoutingRule(
        f"rule-{number}", 1, _when(chance), chance.choice(places),
        [chance.choice([Sort.DISTANCE, Sort.COST, Sort.SAME_COUNTRY]),
         *chance.choice([[], [], [Sort.OVERSTOCK], [Sort.AGE]])],
        chance.choice(list(Otherwise)),
        chance.choice([0, 0, 1, 2]),
        chance.choice([0, 0, 900, 2_000]),
        chance.choice([0, 100]),
        chance.choice([0, 0, HOUR_MS, 72 * HOUR_MS]),
        chance.random() < 0.3,
    )  # fmt: skip


def _when(chance: random.Random) -> OrderIs:
    return chance.choice(
        [
            OrderIs(), OrderIs(), OrderIs(channels=["shop"]), OrderIs(goods=["caps"]),
            OrderIs(pieces_at_least=3), OrderIs(value_below_minor=2_500), OrderIs(countries=["PL"]),
        ]
    )  # fmt: skip


def _calendars(chance: random.Random) -> list[Calendar]:
    """None, where nothing is promised, or one of some locations."""
    if chance.random() < 0.3:
        return []
    places = chance.choice([Places(), Places(), Places(countries=["DE"])])
    handling = chance.choice([0, 0, 1])
    return [Calendar("c", 1, places, "Europe/Berlin", EVERY_DAY, [], 960, handling)]


def _zones(chance: random.Random) -> list[Zone]:
    """None, where every way is free, or some that leave out a location or a kind of goods."""
    if chance.random() < 0.3:
        return []
    home = Places(countries=["DE"]) if chance.random() < 0.3 else Places()
    not_goods = ["caps"] if chance.random() < 0.2 else []
    return [Zone("parcel", 1, home, [], 400, chance.choice([0, 90]), 15, 1, EVERY_DAY, [], [],
                 not_goods)]  # fmt: skip
