"""An order from its ranking to its shipments, with the stock that is there. Pure.

`consolidated_lines` is the step that the room takes once stock is reserved; `planned` is all of it
at once, for what is tried out without a room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from schemas.routing import Consolidate, Otherwise
from streams.fulfillment.routing import Ranked, Router
from streams.fulfillment.routing_consolidation import Choice, Costs, consolidated
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


class Line(NamedTuple):
    """A line that goes to the order's address."""

    line_id: str
    sku: str
    pieces: int
    value_minor: int
    """in the rules' currency, or UNKNOWN_VALUE"""


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
    """routed, or one of Otherwise"""
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


def consolidated_lines(
    router: Router, groups: Sequence[Group], able: Mapping[str, Sequence[str]]
) -> Choice | None:
    """The locations of the groups' lines, in the order of `groups`, at the least cost.

    `able` has for each line the locations that can serve it, the one that holds it first. None
    where the rules allow no way, as they bound the shipments or their value.
    """
    opening: dict[str, int] = {}
    costs: list[Costs] = []
    every = [line for group in groups for line in group.lines]
    fewest = FEWEST if router.rules.consolidate == Consolidate.SHIPMENTS else 0
    for asked, lines, ranked in groups:
        names = dict.fromkeys(name for line in lines for name in able[line.line_id])
        known = router.costs(asked, ranked.plan, names)
        for name, (cost, _) in known.items():
            opening[name] = max(opening.get(name, 0), (cost + fewest) * SCALE)
        costs += [_line_costs(line, able[line.line_id], known) for line in lines]
    ranked = groups[0].ranked
    minimum = ranked.first_of("minimum_minor")

    def valid(chosen: Sequence[str]) -> bool:
        worth: dict[str, int] = {}
        for line, name in zip(every, chosen, strict=True):
            worth[name] = worth.get(name, 0) + line.value_minor
        return len(worth) == 1 or min(worth.values()) >= minimum

    if any(line.value_minor == UNKNOWN_VALUE for line in every):
        minimum = 0
    found = consolidated(opening, costs, ranked.first_of("split"), valid if minimum else None)
    if found is None or not fewest:
        return found
    held = tuple(able[line.line_id][0] for line in every)
    stays = len(set(held)) <= len(set(found.locations)) and (not minimum or valid(held))
    return found._replace(locations=held) if stays else found


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
    for _, lines, ranked in groups:
        for line in lines:
            there = stock(line.sku)
            able[line.line_id] = [
                name
                for name in ranked.locations
                if there is None or there.get(name, 0) >= line.pieces
            ]
            if not able[line.line_id]:
                return _unroutable(order, line, ranked, now_ms)
    choice = consolidated_lines(router, groups, able)
    if choice is None:
        most = groups[0].ranked.first_of("split")
        why = f"it takes more than {most} shipments" if most else ""
        worth = "a shipment would be worth less than the minimum"
        return Planned(order.order_id, Otherwise.QUEUE, why or worth, [])
    return Planned(order.order_id, ROUTED, "", _shipments(router, order, groups, choice, now_ms))


def _unroutable(order: Order, line: Line, ranked: Ranked, now_ms: int) -> Planned:
    otherwise = ranked.plan.otherwise
    waits = otherwise in (Otherwise.BACKORDER, Otherwise.CANCEL) and ranked.locations
    outcome = otherwise if waits or otherwise == Otherwise.CANCEL else Otherwise.QUEUE
    lacks = "no location that is tried has enough" if ranked.locations else "no location serves it"
    why, after = f"line {line.line_id}: {lacks}", ranked.first_of("cancel_after_ms")
    cancel_at = now_ms + after if after and outcome != Otherwise.CANCEL else 0
    return Planned(order.order_id, outcome, why, [], cancel_at)


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
