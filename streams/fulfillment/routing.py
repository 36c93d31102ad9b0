"""Which locations are tried for an order, by rules. Pure: the same order, rules, locations and
capacity in the same minute give the same answer.

Every rule that speaks of the order adds its locations, sorted as it says, behind those of the rules
before it, until one of them says what is done otherwise. A location that an exclusion names, that
no carrier goes from, or that has no capacity left is in no rule's list.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from schemas.inventory import ChosenByStock
from schemas.locations import Kind, LocationsState
from schemas.routing import Exclusion, OrderIs, Otherwise, Places, RoutingRule, RoutingRules
from streams.fulfillment.model import RANKED_MAXIMUM, share
from streams.fulfillment.routing_ranking import (
    BY_STOCK,
    MINUTE_MS,
    Here,
    Tier,
    Why,
    fault,
    here_of,
    tiers_of,
    tried,
)
from streams.fulfillment.routing_sites import (
    Asked,
    Leg,
    Matching,
    Site,
    Terms,
    cosine,
    cost_minor,
    delivery_day,
    kilometres,
    leg,
    reaching,
    sites,
    speaks_of,
    stands_in,
    terms,
    transports,
    vector,
)

KNOWN_PLANS = 1_024
"""kinds of orders, by rules, country and goods, whose locations are kept"""
EVERY_SUPPLIER = Places(kinds=[Kind.SUPPLIER.value])


class Bounds(NamedTuple):
    """What the shipments of an order must keep to."""

    split: int = 0
    """at most so many; 0 for any number"""
    minimum_minor: int = 0
    """value of each where there are several; 0 for any"""
    kits_together: bool = False
    """the parts of a bundle leave one location together"""


NO_BOUNDS = Bounds()


class Plan(NamedTuple):
    """What the rules say of one kind of order."""

    rules: tuple[RoutingRule, ...]
    tiers: tuple[Tier, ...]
    otherwise: str
    """one of Otherwise; next where no rule says"""
    surcharges: Mapping[str, int]
    """of the rule that names the location first"""
    ways: Mapping[str, Leg]
    """from every location that works"""
    bounds: Bounds = NO_BOUNDS
    """of the first rule that has each of them"""
    decides: bool = False
    """the rules say what becomes of an order without stock, or how long it waits"""
    by_stock: Mapping[str, str] = {}
    """names of rules among whose locations stock decides, with the StockChoice of each"""


NO_PLAN = Plan((), (), Otherwise.NEXT, {}, {})
"""of what no rule is asked about"""


class Ranked(NamedTuple):
    """What the rules decide about an order."""

    locations: list[str]
    """the first to be tried first, at most 16"""
    rules: list[str]
    """the rule of each"""
    plan: Plan

    def choices(self) -> list[ChosenByStock]:
        """Among which of the locations stock decides. Those of one rule stand together."""
        found = []
        for name, by in self.plan.by_stock.items():
            if (number := self.rules.count(name)) > 1:
                first = self.rules.index(name)
                found.append(ChosenByStock(first, first + number - 1, by))
        return found

    def first_of(self, field: str) -> int:
        """The first number that a rule of the order gives for this field; 0 where none does."""
        return next((found for rule in self.plan.rules if (found := getattr(rule, field))), 0)


class Verdict(NamedTuple):
    """What became of a location."""

    location_id: str
    position: int
    """from 1; 0 where it is not tried"""
    rule: str
    """that it is tried by, or that leaves it out; empty where no rule names it"""
    why: str
    """one of Why, or empty"""
    km: float
    cost_minor: int
    """of one shipment, with the rule's surcharge"""
    delivery: str
    """day, ISO 8601; empty where none can be told"""


class Router:
    """Rules with the locations that there are."""

    def __init__(
        self,
        rules: RoutingRules,
        known: LocationsState,
        bound: Callable[[int], int] = share,
    ) -> None:
        """`bound` tells what may be used here of a day's capacity.

        Raises ZoneInfoNotFoundError for a time zone that this machine does not have.
        """
        self.rules = rules
        self.sites = sites(rules, known.locations, bound)
        self._channels = {one.channel: frozenset(one.groups) for one in known.channels}
        self._transports = transports(rules)
        self._matching = Matching(rules.goods)
        self._legs = lru_cache(maxsize=KNOWN_PLANS)(self._every_leg)
        self._plan_of = lru_cache(maxsize=KNOWN_PLANS)(self._planned)
        self._settled = lru_cache(maxsize=KNOWN_PLANS)(self._settles)

    def goods_of(self, skus: Iterable[str]) -> frozenset[str]:
        """The names of the goods among these SKUs."""
        return self._matching.goods(skus)

    def plan(self, asked: Asked) -> Plan:
        """What the rules say of orders like this one."""
        goods = self._matching.goods(asked.skus)
        settled = self._settled(asked.channel, asked.customer_group, asked.country)
        applying = tuple(
            [speaks_of(when, asked, goods) if fits is None else fits for when, fits in settled]
        )
        return self._plan_of(asked.channel, asked.country, goods, applying)

    def _settles(
        self, channel: str, customer_group: str, country: str
    ) -> list[tuple[OrderIs, bool | None]]:
        """Of each rule and exclusion whether it speaks of such orders; None: that depends."""
        whens = [rule.when for rule in self.rules.rules]
        whens += [one.when for one in self.rules.exclusions]
        nobody = Asked(channel, customer_group, country, "", 0.0, 0.0, (), 0, 0)
        found: list[tuple[OrderIs, bool | None]] = []
        for when in whens:
            known = OrderIs(when.channels, when.customer_groups, when.countries, when.not_countries)
            fits = speaks_of(known, nobody, frozenset())
            found.append((when, None if fits and when != known else fits))
        return found

    def ranked(
        self, asked: Asked, used: Mapping[str, int], now_ms: int, but: Collection[str] = ()
    ) -> Ranked:
        """The locations to try, but these; `used` are fulfillment orders of today, by location."""
        plan = self.plan(asked)
        here = here_of(asked, used, now_ms)
        places: dict[str, str] = {}
        for tier in plan.tiers:
            off = {*places, *but} if but else places
            places.update(
                dict.fromkeys(tried(tier, here, RANKED_MAXIMUM - len(places), off), tier.rule.name)
            )
            if len(places) >= RANKED_MAXIMUM:
                break
        return Ranked(list(places)[:RANKED_MAXIMUM], list(places.values())[:RANKED_MAXIMUM], plan)

    def costs(
        self, asked: Asked, plan: Plan, location_ids: Iterable[str]
    ) -> dict[str, tuple[int, int]]:
        """What a shipment from each of these costs, with the surcharge of the rule that names the
        location first, and what is added for a piece. Left out are those from where no carrier
        goes. `plan` is that of the order."""
        here_at = vector(asked.latitude, asked.longitude)
        ways, surcharges = plan.ways, plan.surcharges
        found = {}
        for location_id in location_ids:
            way = ways.get(location_id)
            if way is None:
                continue
            km = kilometres(cosine(here_at, way.site.at))
            transport = reaching(way, km)
            if transport is not None:
                cost = cost_minor(transport, km) + surcharges.get(location_id, 0)
                found[location_id] = (cost, transport.zone.per_piece_minor)
            elif way.free:
                found[location_id] = (surcharges.get(location_id, 0), 0)
        return found

    def terms(
        self, asked: Asked, plan: Plan, location_ids: Iterable[str], now_ms: int
    ) -> dict[str, Terms]:
        """As `costs`, with the zone and the day of delivery."""
        here_at, minute = vector(asked.latitude, asked.longitude), now_ms // MINUTE_MS
        found = {}
        for location_id, (cost, _) in self.costs(asked, plan, location_ids).items():
            way = plan.ways[location_id]
            one = terms(way, kilometres(cosine(here_at, way.site.at)), minute)
            assert one is not None, "what has a cost can be gone"
            found[location_id] = one._replace(cost_minor=cost)
        return found

    def explained(self, asked: Asked, used: Mapping[str, int], now_ms: int) -> list[Verdict]:
        """Every location and what became of it: those that are tried first, then by id."""
        ranked = self.ranked(asked, used, now_ms)
        here = here_of(asked, used, now_ms)
        places = {name: number for number, name in enumerate(ranked.locations, start=1)}
        told, ways = [], ranked.plan.ways
        costs = self.terms(asked, ranked.plan, ways, now_ms)
        for location_id, way in ways.items():
            km = kilometres(cosine(here.at, way.site.at))
            found = costs.get(location_id)
            position = places.get(location_id, 0)
            rule, why = (
                (ranked.rules[position - 1], "")
                if position
                else self._left_out(asked, ranked.plan, way, here)
            )
            told.append(
                Verdict(
                    location_id, position, rule, why, km,
                    found.cost_minor if found is not None else 0,
                    delivery_day(found) if found is not None else "",
                )
            )  # fmt: skip
        return sorted(told, key=lambda one: (not one.position, one.position, one.location_id))

    def _every_leg(self, country: str, goods: frozenset[str]) -> Mapping[str, Leg]:
        return {
            site.location_id: leg(site, self._transports, country, goods) for site in self.sites
        }

    def _planned(
        self,
        channel: str,
        country: str,
        goods: frozenset[str],
        applying: tuple[bool, ...],
    ) -> Plan:
        number = len(self.rules.rules)
        rules = [
            rule for rule, fits in zip(self.rules.rules, applying[:number], strict=True) if fits
        ]
        excluding = applying[number:]
        last = next(
            (n for n, rule in enumerate(rules) if rule.otherwise != Otherwise.NEXT), len(rules)
        )
        rules = rules[: last + 1]
        otherwise = rules[-1].otherwise if rules else Otherwise.NEXT.value
        off = [one for one, fits in zip(self.rules.exclusions, excluding, strict=True) if fits]
        groups = self._channels.get(channel, frozenset())
        legs = [
            way
            for way in self._legs(country, goods).values()
            if (way.free or way.transports)
            and (not groups or not way.site.groups.isdisjoint(groups))
            and _excluded_by(way.site, off, country) is None
        ]
        tiers: list[Tier] = []
        for rule in rules:
            tiers += tiers_of(rule, legs, country)
        if otherwise == Otherwise.DROP_SHIP:
            suppliers = RoutingRule(rules[-1].name, rules[-1].line, OrderIs(), EVERY_SUPPLIER,
                                    rules[-1].sort)  # fmt: skip
            tiers += tiers_of(suppliers, legs, country)
        surcharges = {
            way.site.location_id: tier.rule.surcharge_minor
            for tier in reversed(tiers)
            for way in tier.legs
        }
        bounds = Bounds(
            next((rule.split for rule in rules if rule.split), 0),
            next((rule.minimum_minor for rule in rules if rule.minimum_minor), 0),
            any(rule.kits_together for rule in rules),
        )
        legs_here = self._legs(country, goods)
        decides = otherwise != Otherwise.NEXT or any(rule.cancel_after_ms for rule in rules)
        by_stock = {rule.name: one for rule in rules for one in rule.sort if one in BY_STOCK}
        return Plan(
            tuple(rules), tuple(tiers), otherwise, surcharges, legs_here, bounds, decides, by_stock
        )

    def _left_out(self, asked: Asked, plan: Plan, way: Leg, here: Here) -> tuple[str, str]:
        """The rule or exclusion that leaves a location out, and why."""
        site, goods = way.site, self._matching.goods(asked.skus)
        off = [one for one in self.rules.exclusions if speaks_of(one.when, asked, goods)]
        excluded = _excluded_by(site, off, asked.country)
        if excluded is not None:
            return excluded.name, Why.EXCLUDED
        groups = self._channels.get(asked.channel)
        if groups and site.groups.isdisjoint(groups):
            return "", Why.OTHER_CHANNEL
        if not way.free and not way.transports:
            return "", Why.NO_CARRIER
        found = Why.NOT_OF_RULE, ""
        for rule in dict.fromkeys(tier.rule.name for tier in plan.tiers if way in tier.legs):
            places = next(one.places for one in plan.rules if one.name == rule)
            why = fault(places, way, cosine(here.at, site.at), here)
            if why is None:
                return rule, f"{RANKED_MAXIMUM} better ones are tried"
            if not found[1]:
                found = why, rule
        return found[1], found[0]


def _excluded_by(site: Site, off: list[Exclusion], country: str) -> Exclusion | None:
    return next((one for one in off if stands_in(site, one.places, country)), None)
