"""An order from its ranking to its shipments, with the stock that is there. Pure.

`consolidated_lines` is the step that the room takes once stock is reserved; `planned` is all of it
at once, for what is tried out without a room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from schemas.inventory import StockChoice
from schemas.routing import Consolidate
from streams.fulfillment.routing import Bounds, Ranked, Router
from streams.fulfillment.routing_consolidation import Choice, Costs, consolidated
from streams.fulfillment.routing_otherwise import (
    Lacking,
    Unserved,
    not_allowed,
    unserved,
    why_nowhere,
)
from streams.fulfillment.routing_sites import (
    UNKNOWN_VALUE,
    Asked,
    cosine,
    delivery_day,
    kilometres,
    vector,
)

SCALE = 1 << 16
"""a move counts as one part of so many of a minor unit: of equal costs the fewest moves win"""
FEWEST = 10**12
"""minor units that a shipment costs beside its cost, where the fewest shipments win"""
ROUTED = "routed"
AS_POLICY = "as_policy"
"""no rule says what becomes of an order without stock: it waits or is refused as its policy says"""


class Line(NamedTuple):
    """A line that goes to the order's address."""

    line_id: str
    sku: str
    pieces: int
    value_minor: int
    """in the rules' currency, or UNKNOWN_VALUE"""
    kit: str = ""
    """line_id of the bundle that it is a part of; empty for none"""


class Order(NamedTuple):
    """An order, or what of it goes to one address."""

    order_id: str
    channel: str
    customer_group: str
    country: str
    postal_code: str
    latitude: float
    longitude: float
    lines: tuple[Line, ...]
    total_minor: int = UNKNOWN_VALUE
    """what the customer pays, in the rules' currency, or UNKNOWN_VALUE"""

    def asked(self, lines: Sequence[Line]) -> Asked:
        """What rules look at, for these of its lines; pieces and value are those of all."""
        return Asked(
            self.channel,
            self.customer_group,
            self.country,
            self.postal_code,
            self.latitude,
            self.longitude,
            tuple(line.sku for line in lines),
            sum(line.pieces for line in self.lines),
            self.total_minor,
        )


class Shipment(NamedTuple):
    """What leaves one location together."""

    location_id: str
    line_ids: list[str]
    cost_minor: int
    km: float
    """UNKNOWN_DISTANCE_KM where unknown"""
    delivery: str
    """day, ISO 8601; empty where none can be told"""


class Planned(NamedTuple):
    """What becomes of an order."""

    order_id: str
    outcome: str
    """routed, queue, backorder or cancel, or as_policy"""
    why: str
    """empty where it is routed"""
    shipments: list[Shipment]
    cancel_at_ms: int = 0
    """when it is cancelled, if it still waits then; 0 for never"""


Stock = Callable[[str], Mapping[str, int] | None]
"""pieces of a SKU by location; None where every location has all that is asked for"""


class Group(NamedTuple):
    """Lines that rules and carriers do not tell apart."""

    asked: Asked
    lines: tuple[Line, ...]
    ranked: Ranked


def grouped(router: Router, order: Order, used: Mapping[str, int], now_ms: int) -> list[Group]:
    """The order's lines by the goods that they are, with the locations that are tried for them."""
    found: dict[frozenset[str], list[Line]] = {}
    for line in order.lines:
        found.setdefault(router.goods_of((line.sku,)), []).append(line)
    groups = []
    for lines in found.values():
        asked = order.asked(lines)
        groups.append(Group(asked, tuple(lines), router.ranked(asked, used, now_ms)))
    return groups


def bounds_of(groups: Sequence[Group]) -> Bounds:
    """What the shipments of all the groups must keep to: the strictest, where rules differ."""
    every = [group.ranked.plan.bounds for group in groups]
    if len(every) == 1:
        return every[0]
    return Bounds(
        min([one.split for one in every if one.split], default=0),
        max(one.minimum_minor for one in every),
        any(one.kits_together for one in every),
    )


def consolidated_lines(
    router: Router,
    groups: Sequence[Group],
    able: Mapping[str, Sequence[str]],
    bounds: Bounds | None = None,
) -> Choice | None:
    """The locations of the groups' lines, in the order of `groups`, at the least cost.

    `able` has for each line the locations that can serve it, the one that holds it first. None
    where there is no way that keeps to the bounds, which are those of the groups unless others are
    given. A minimum does not count where the value of a line is not known. Where stock has decided
    about a line, nothing moves that saves no shipment.
    """
    limits = bounds_of(groups) if bounds is None else bounds
    opening: dict[str, int] = {}
    costs: list[Costs] = []
    every = [line for group in groups for line in group.lines]
    by_stock = any([group.ranked.plan.by_stock and _by_stock(group, able) for group in groups])
    fewest = FEWEST if by_stock or router.rules.consolidate == Consolidate.SHIPMENTS else 0
    for asked, lines, ranked in groups:
        names = dict.fromkeys(name for line in lines for name in able[line.line_id])
        known = router.costs(asked, ranked.plan, names)
        for name, (cost, _) in known.items():
            opening[name] = max(opening.get(name, 0), (cost + fewest) * SCALE)
        costs += [_line_costs(line, able[line.line_id], known) for line in lines]
    units = _units(every) if limits.kits_together else None
    minimum = limits.minimum_minor
    if minimum and any(line.value_minor == UNKNOWN_VALUE for line in every):
        minimum = 0

    def valid(chosen: Sequence[str]) -> bool:
        names = chosen if units is None else _each(chosen, units)
        return _is_worth(every, names, minimum)

    if units is not None:
        costs = [_together([costs[number] for number in unit]) for unit in units]
    found = consolidated(opening, costs, limits.split, valid if minimum else None)
    if found is not None and units is not None:
        found = found._replace(locations=_each(found.locations, units))
    if found is None or not fewest:
        return found
    held = tuple(able[line.line_id][0] for line in every)
    stays = len(set(held)) <= len(set(found.locations)) and _is_worth(every, held, minimum)
    if stays and units is not None:
        stays = all(len({held[number] for number in unit}) == 1 for unit in units)
    return found._replace(locations=held) if stays else found


def _by_stock(group: Group, able: Mapping[str, Sequence[str]]) -> bool:
    """Whether some line is held at a location that its stock has spoken for."""
    ranked = group.ranked
    places = {
        name
        for among in ranked.choices()
        for name in ranked.locations[among.first : among.last + 1]
    }
    return any(able[line.line_id][0] in places for line in group.lines)


def _is_worth(lines: Sequence[Line], chosen: Sequence[str], minimum_minor: int) -> bool:
    """Whether each of several shipments is worth the minimum."""
    if not minimum_minor:
        return True
    worth: dict[str, int] = {}
    for line, name in zip(lines, chosen, strict=True):
        worth[name] = worth.get(name, 0) + line.value_minor
    return len(worth) == 1 or min(worth.values()) >= minimum_minor


Units = Sequence[Sequence[int]]
"""numbers of lines that go from one location, each in one of them"""


def _units(lines: Sequence[Line]) -> Units | None:
    """The parts of each bundle together, and every other line alone; None where that is nothing."""
    found: dict[tuple[str, int], list[int]] = {}
    for number, line in enumerate(lines):
        found.setdefault((line.kit, 0 if line.kit else number), []).append(number)
    return list(found.values()) if len(found) < len(lines) else None


def _each(chosen: Sequence[str], units: Units) -> tuple[str, ...]:
    """The location of each line, from those of the units."""
    there = {number: name for unit, name in zip(units, chosen, strict=True) for number in unit}
    return tuple(there[number] for number in range(len(there)))


def _together(costs: Sequence[Costs]) -> Costs:
    """What lines cost together, at the locations that all of them have."""
    first, *others = costs
    return {
        name: cost + sum(one[name] for one in others)
        for name, cost in first.items()
        if all(name in one for one in others)
    }


def no_way(router: Router, groups: Sequence[Group], able: Mapping[str, Sequence[str]]) -> Unserved:
    """Why there is no way that the rules allow, and what becomes of the order; asked where
    consolidated_lines has found none."""
    every = [group.ranked for group in groups]
    for asked, lines, ranked in groups:
        for line in lines:
            if not router.costs(asked, ranked.plan, able[line.line_id]):
                where = ", ".join(able[line.line_id])
                why = f"line {line.line_id}: no carrier goes there from {where}"
                return not_allowed(every, "", why)
    bounds = bounds_of(groups)

    def fits(alone: Bounds) -> bool:
        return consolidated_lines(router, groups, able, alone) is not None

    if bounds.split and not fits(Bounds(split=bounds.split)):
        plural = "" if bounds.split == 1 else "s"
        why = f"it takes more than {bounds.split} shipment{plural}"
        return not_allowed(every, "split", why)
    if bounds.kits_together and not fits(Bounds(kits_together=True)):
        return not_allowed(every, "kits_together", "no location has all parts of a bundle")
    if bounds.minimum_minor and not fits(Bounds(minimum_minor=bounds.minimum_minor)):
        worth = "a shipment would be worth less than the minimum"
        return not_allowed(every, "minimum_minor", worth)
    broken = next((one for one in ("split", "minimum_minor") if getattr(bounds, one)), "")
    return not_allowed(every, broken, "no way keeps to all that is asked of its shipments")


def _line_costs(
    line: Line, able: Sequence[str], known: Mapping[str, tuple[int, int]]
) -> dict[str, int]:
    return {
        name: known[name][1] * line.pieces * SCALE + (number > 0)
        for number, name in enumerate(able)
        if name in known
    }


def planned(
    router: Router, order: Order, stock: Stock, used: Mapping[str, int], now_ms: int
) -> Planned:
    """The order's shipments, as ranking, reserving and consolidating come to them.

    Where a line has no location, nothing of the order leaves; `otherwise` of its rules says what
    becomes of it.
    """
    groups = grouped(router, order, used, now_ms)
    able: dict[str, list[str]] = {}
    lacking: list[Lacking] = []
    for group in groups:
        ranked = group.ranked
        for line in group.lines:
            there = stock(line.sku)
            able[line.line_id] = [
                name
                for name in ranked.locations
                if there is None or there.get(name, 0) >= line.pieces
            ]
            if there is not None and ranked.plan.by_stock:
                able[line.line_id] = _most_first(ranked, able[line.line_id], there)
            if not able[line.line_id]:
                nowhere = "" if ranked.locations else why_nowhere(router, group.asked, used, now_ms)
                lacking.append(Lacking(line.line_id, ranked, nowhere))
    if lacking:
        return _not_routed(order, unserved(lacking), now_ms)
    choice = consolidated_lines(router, groups, able)
    if choice is None:
        return _not_routed(order, no_way(router, groups, able), now_ms)
    return Planned(order.order_id, ROUTED, "", _shipments(router, order, groups, choice, now_ms))


def _most_first(ranked: Ranked, able: list[str], there: Mapping[str, int]) -> list[str]:
    """The locations with the one first that has the most, where it decides among the first one and
    others. How old stock is, nobody knows here."""
    for among in ranked.choices():
        names = [one for one in ranked.locations[among.first : among.last + 1] if one in able]
        if among.by == StockChoice.OVERSTOCK and able and able[0] in names:
            most = max(names, key=lambda name: there.get(name, 0))
            return [most, *(one for one in able if one != most)]
    return able


def _not_routed(order: Order, found: Unserved, now_ms: int) -> Planned:
    after = found.cancel_after_ms
    outcome = found.otherwise or AS_POLICY
    return Planned(order.order_id, outcome, found.why, [], now_ms + after if after else 0)


def _shipments(
    router: Router, order: Order, groups: Sequence[Group], choice: Choice, now_ms: int
) -> list[Shipment]:
    """Each with what it costs and when its last line is delivered. One with several goods costs
    what the dearest of them does."""
    at = {site.location_id: site.at for site in router.sites}
    here = vector(order.latitude, order.longitude)
    line_ids: dict[str, list[str]] = {}
    opening: dict[str, int] = {}
    pieces: dict[str, int] = {}
    days: dict[str, str] = {}
    names = iter(choice.locations)
    for asked, lines, ranked in groups:
        chosen = [(line, next(names)) for line in lines]
        served = dict.fromkeys(name for _, name in chosen)
        known = router.terms(asked, ranked.plan, served, now_ms)
        for line, name in chosen:
            one = known[name]
            line_ids.setdefault(name, []).append(line.line_id)
            opening[name] = max(opening.get(name, 0), one.cost_minor)
            pieces[name] = pieces.get(name, 0) + one.per_piece_minor * line.pieces
            days[name] = max(days.get(name, ""), delivery_day(one))
    return [
        Shipment(
            name, ids, opening[name] + pieces[name], kilometres(cosine(here, at[name])), days[name]
        )
        for name, ids in line_ids.items()
    ]
