"""Routing rules in the room: kept on each partition, asked for rankings and for consolidation. Pure
but for a memory of what the rules come to, which changes no answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.fulfillment import Allocation, Destination, LineTerms, RankLocations, RouteOrder
from schemas.locations import LocationsState
from schemas.messages import Send
from schemas.routing import (
    ROUTING_KEY,
    RecordUnrouted,
    RoutingRules,
    RoutingRulesSet,
    RoutingState,
    SetRoutingRules,
)
from schemas.topics import FULFILLMENT_EVENTS
from streams.fulfillment.routing import NO_BOUNDS, Bounds, Router
from streams.fulfillment.routing_otherwise import Unserved
from streams.fulfillment.routing_planning import (
    Group,
    Line,
    Order,
    bounds_of,
    consolidated_lines,
    grouped,
    no_way,
)
from streams.fulfillment.routing_sites import UNKNOWN_VALUE, Asked

ANNOUNCING_PARTITION = 0
"""Rules stand in every partition; the event is written by one of them."""
KNOWN_ROUTERS = 64
"""of partitions that one process works for"""


class Routers:
    """What rules come to with the locations that there are, made once for both."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[RoutingState, LocationsState, Router]] = {}

    def of(self, state: RoutingState | None, known: LocationsState | None) -> Router | None:
        """None where no rules hold, or no location is known."""
        if state is None or known is None:
            return None
        # A state never changes, and is kept here: as long as it is, no other one has its id.
        made = self._made.get(id(state))
        if made is None or made[1] is not known:
            if made is None and len(self._made) >= KNOWN_ROUTERS:
                self._made.pop(next(iter(self._made)))
            made = self._made[id(state)] = (state, known, Router(state.rules, known))
        return made[2]


def learn(
    state: RoutingState | None, command: SetRoutingRules, partition: int, now_ms: int
) -> tuple[RoutingState, list[Send]]:
    """The rules of one partition after SetRoutingRules, and what is written of it.

    The same again, or older ones, change nothing. Raises what Router raises, so that rules which
    cannot be asked never hold.
    """
    rules = command.rules
    if state is not None and _mark(rules) <= _mark(state.rules):
        return state, []
    Router(rules, LocationsState([]))
    following = RoutingState(rules, command.actor, now_ms)
    if partition != ANNOUNCING_PARTITION:
        return following, []
    before = state.rules.version if state is not None else 0
    number = len(rules.rules) + len(rules.exclusions)
    event = RoutingRulesSet(
        rules.version, before, rules.text_hash, rules.name, number, command.actor, now_ms
    )
    return following, [Send(FULFILLMENT_EVENTS, ROUTING_KEY, event)]


def _mark(rules: RoutingRules) -> tuple[int, int]:
    return rules.version, rules.text_hash


def asked(router: Router, command: RankLocations, skus: Sequence[str], address: int) -> Asked:
    """What the rules look at, for lines with these SKUs; the command is about their address."""
    known = command.currency == router.rules.currency
    return Asked(
        command.channel,
        command.customer_group,
        command.country,
        command.postal_code,
        command.latitude,
        command.longitude,
        tuple(skus),
        sum(line.quantity for line in command.lines if line.address == address),
        command.total_minor if known else UNKNOWN_VALUE,
    )


class Consolidation(NamedTuple):
    """Where the lines of a reserved order are to be."""

    together: dict[str, str]
    """the location of each line, by line id, where the rules can tell"""
    unrouted: RecordUnrouted | None = None
    """what orders is told instead; nothing moves then"""


def consolidation(router: Router, command: RouteOrder, now_ms: int) -> Consolidation:
    """What the rules make of the order's shipments. What is used of a day's capacity has been
    looked at when the locations were ranked.

    Lines of a destination that the order does not name, such as what is fetched, stay out of it.
    Rules about the value of shipments and about bundles are asked only where there are several
    shipments, and then with what orders tells of the lines.
    """
    found: dict[str, str] = {}
    for there in command.destinations:
        name = str(there.address) if there.address else ""
        lines = [one for one in command.allocations if one.destination == name]
        if not lines:
            continue
        groups = grouped(router, _order(router, command, there, lines), {}, now_ms)
        able = {one.line_id: (one.location_id, *one.also_at) for one in lines}
        bounds = NO_BOUNDS if command.overruled else bounds_of(groups)
        choice = consolidated_lines(router, groups, able, bounds)
        if choice is not None:
            if len(set(choice.locations)) > 1 and not command.terms and _asks_terms(bounds):
                return Consolidation({}, RecordUnrouted(command.order_id, True))
            found.update(zip(_line_ids(groups), choice.locations, strict=True))
        elif not command.overruled:
            why = no_way(router, groups, able)
            return Consolidation({}, _unrouted(command.order_id, why))
    return Consolidation(found)


def _asks_terms(bounds: Bounds) -> bool:
    return bounds.kits_together or bounds.minimum_minor > 0


def _unrouted(order_id: str, found: Unserved) -> RecordUnrouted:
    return RecordUnrouted(
        order_id, False, found.otherwise, found.rule, found.why, found.cancel_after_ms
    )


def _order(
    router: Router, command: RouteOrder, there: Destination, lines: Sequence[Allocation]
) -> Order:
    known = command.currency == router.rules.currency
    terms = {one.line_id: one for one in command.terms}
    return Order(
        command.order_id,
        command.channel,
        command.customer_group,
        there.country,
        there.postal_code,
        there.latitude,
        there.longitude,
        tuple(_line(one, terms.get(one.line_id), known) for one in lines),
        command.total_minor if known else UNKNOWN_VALUE,
    )


def _line(one: Allocation, terms: LineTerms | None, known: bool) -> Line:
    if terms is None:
        return Line(one.line_id, one.sku, one.quantity, UNKNOWN_VALUE)
    value = terms.value_minor if known else UNKNOWN_VALUE
    return Line(one.line_id, one.sku, one.quantity, value, terms.kit)


def _line_ids(groups: Sequence[Group]) -> Iterator[str]:
    return (line.line_id for group in groups for line in group.lines)
