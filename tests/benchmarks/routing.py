"""How fast routing decides, and how good: against the optimum of a mixed-integer solver (HiGHS).

    python -m tests.benchmarks --only routing

The solver knows nothing of rules: it has for each order every location with stock, what a shipment
from there costs by great circle and zone, and chooses the cheapest way of all.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.locations import LocationsState, LocationState
from schemas.routing import OrderIs, Places, RoutingRule, RoutingRules, Zone
from streams.fulfillment.model import distance_km
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_planning import (
    ROUTED,
    Line,
    Order,
    consolidated_lines,
    grouped,
    planned,
)

NOW_MS = 1_767_600_000_000
"""a Monday morning"""
COUNTRIES = ("DE", "FR", "NL")
KINDS = ("warehouse", "store", "3pl")
STOCKED = 0.35
"""of the locations, at which a SKU is"""
SKUS = 200
LINES = (1, 1, 2, 3, 4, 6)
"""of an order, each as likely as the other"""
LOCATIONS = 20
ORDERS = 1_000
DECISIONS = 20_000
FEW, MANY = 50, 2_000
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
Results = dict[str, Any]


class World(NamedTuple):
    """Locations, their rules and what they have."""

    router: Router
    known: LocationsState
    stock: Mapping[str, Mapping[str, int]]


def zone(name: str, countries: list[str], cost: int, per_100_km: int, within: bool) -> Zone:
    """A zone within the country of the location, or from anywhere."""
    places = Places(same_country=within)
    return Zone(name, 1, places, countries, cost, per_100_km, 15, 1 if within else 3, WEEKDAYS, [])


def rules() -> RoutingRules:
    """Rules whose costs differ by country, distance and kind of location."""
    tiers = [
        RoutingRule("warehouses", 1, OrderIs(), Places(kinds=["warehouse", "3pl"]),
                    ["same_country", "cost", "distance"]),
        RoutingRule("stores", 2, OrderIs(), Places(kinds=["store"]), ["same_country", "distance"],
                    surcharge_minor=150),
    ]  # fmt: skip
    zones = [zone("home", [], 390, 20, True), zone("abroad", [], 890, 40, False)]
    return RoutingRules(1, 1, "benchmark", "", "EUR", tiers, zones=zones)


def world(chance: random.Random, locations: int) -> World:
    """Locations at random in three countries, each SKU at a third of them."""
    known = LocationsState(
        [
            LocationState(
                f"L{number:04}", f"L{number:04}", chance.choice(COUNTRIES),
                chance.uniform(43.0, 54.0), chance.uniform(-1.0, 15.0), True,
                chance.choice(KINDS), daily_capacity=chance.choice((0, 10**6)),
            )
            for number in range(locations)
        ]
    )  # fmt: skip
    names = [one.location_id for one in known.locations]
    stock = {
        f"SKU-{number}": {name: 10**6 for name in names if chance.random() < STOCKED}
        or {chance.choice(names): 10**6}
        for number in range(SKUS)
    }
    return World(Router(rules(), known), known, stock)


def orders(chance: random.Random, number: int) -> list[Order]:
    """Orders of one to six lines, from anywhere in the three countries."""
    return [
        Order(
            f"order-{one}", "shop", "", chance.choice(COUNTRIES), "",
            chance.uniform(43.0, 54.0), chance.uniform(-1.0, 15.0),
            tuple(
                Line(str(n), f"SKU-{sku}", chance.randint(1, 3), 1_000)
                for n, sku in enumerate(chance.sample(range(SKUS), chance.choice(LINES)))
            ),
        )
        for one in range(number)
    ]  # fmt: skip


def shipment_costs(there: World, order: Order) -> dict[str, int]:
    """What a shipment from each location costs, reckoned without the router."""
    costs = {}
    for one in there.known.locations:
        home = one.country == order.country
        km = distance_km(order.latitude, order.longitude, one.latitude, one.longitude)
        base, per_100_km = (390, 20) if home else (890, 40)
        surcharge = 150 if one.kind == "store" else 0
        costs[one.location_id] = base + round(per_100_km * km / 100) + surcharge
    return costs


def optimum(there: World, order: Order) -> int:
    """The least cost at which the order can be served by all that have its goods, by HiGHS."""
    import highspy

    model = highspy.Highs()  # type: ignore[no-untyped-call]
    model.silent()
    model.setOptionValue("threads", 1)
    model.setOptionValue("mip_rel_gap", 0.0)
    costs = shipment_costs(there, order)
    able = [list(there.stock[line.sku]) for line in order.lines]
    used = {name: model.addBinary(costs[name]) for name in sorted({n for at in able for n in at})}
    for line, names in zip(order.lines, able, strict=True):
        serving = {name: model.addBinary(15 * line.pieces) for name in names}
        model.addConstr(model.qsum(serving.values()) == 1)
        for name, chosen in serving.items():
            model.addConstr(chosen <= used[name])
    model.run()
    assert model.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return round(model.getObjectiveValue())


def cost_over_optimum(seed: int, locations: int, number: int) -> float:
    """What routing costs over what the solver needs, for all orders together; 1 is the optimum."""
    chance = random.Random(seed)
    there = world(chance, locations)
    ours = least = 0
    for order in orders(chance, number):
        made = planned(there.router, order, there.stock.get, {}, NOW_MS)
        assert made.outcome == ROUTED, made
        ours += sum(one.cost_minor for one in made.shipments)
        least += optimum(there, order)
    return ours / least


def decide(there: World, order: Order, used: Mapping[str, int]) -> int:
    """One decision: rank, reserve at what is stocked, consolidate. Returns the cost."""
    groups = grouped(there.router, order, used, NOW_MS)
    able = {}
    for _, lines, ranked in groups:
        for line in lines:
            stocked = there.stock[line.sku]
            able[line.line_id] = [name for name in ranked.locations if name in stocked]
            if not able[line.line_id]:
                return 0
    found = consolidated_lines(there.router, groups, able)
    return found.cost if found is not None else 0


def decisions_per_second(seed: int, locations: int, number: int) -> float:
    """Decisions a second in one process."""
    chance = random.Random(seed)
    there = world(chance, locations)
    asked: Sequence[Order] = orders(chance, number)
    for order in asked[: number // 10]:
        decide(there, order, {})
    began = time.perf_counter()
    for order in asked:
        decide(there, order, {})
    return number / (time.perf_counter() - began)


def measure() -> Results:
    """All of it."""
    return {
        "routing_decisions_per_second": round(decisions_per_second(1, FEW, DECISIONS)),
        "routing_decisions_per_second_2000_stores": round(
            decisions_per_second(1, MANY, DECISIONS // 10)
        ),
        "routing_cost_over_optimum": round(cost_over_optimum(1, LOCATIONS, ORDERS), 4),
    }


if __name__ == "__main__":
    print(measure())
