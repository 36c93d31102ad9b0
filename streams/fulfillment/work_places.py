"""Which further locations are tried for lines that were given back: what the rules in force say of
where they go, less the locations that gave the order back or had no stock. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.fulfillment import CapacityState, Destination, LineToSource, RankLocations
from schemas.fulfillment_moves import AskWhereTo, RecordWhereTo
from schemas.fulfillment_work import LineWithoutPlace
from schemas.locations import LocationsState
from schemas.messages import Send
from schemas.topics import ORDERS_COMMANDS
from streams.fulfillment import ranking, routing_room, rules
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_sites import UNKNOWN_VALUE, Asked


class Around(NamedTuple):
    """What the room knows beside the order."""

    known: LocationsState | None
    router: Router | None = None
    """None where no rules hold"""
    capacity: CapacityState | None = None

    def working(self) -> set[str]:
        """The locations that work on orders."""
        locations = self.known.locations if self.known is not None else []
        return {one.location_id for one in locations if one.active and one.fulfilling}

    def suppliers(self) -> set[str]:
        """Those that are suppliers."""
        return rules.suppliers_of(self.known)


def ask(order_id: str) -> Send:
    """Ask orders where its lines go to."""
    return Send(ORDERS_COMMANDS, order_id, AskWhereTo(order_id))


def under_way(line: LineWithoutPlace) -> bool:
    """Whether inventory or orders is still to answer for it."""
    return not line.found and not line.reason


def waits_for_orders(line: LineWithoutPlace) -> bool:
    """Whether orders is to say where it goes."""
    return under_way(line) and not line.trying


def ranked(
    around: Around,
    told: RecordWhereTo,
    lines: Sequence[LineWithoutPlace],
    gave_back: Collection[str],
    now_ms: int,
) -> list[LineWithoutPlace]:
    """The lines with the locations that are tried for each from now on, the best first, at most
    16: those of the rules for its goods and its destination. A bundle goes on as a whole where the
    rules keep its parts together."""
    found: dict[tuple[str, frozenset[str]], list[LineWithoutPlace]] = {}
    for line in lines:
        goods = around.router.goods_of((line.sku,)) if around.router else frozenset[str]()
        found.setdefault((line.destination, goods), []).append(line)
    there = {str(one.address) if one.address else "": one for one in told.destinations}
    kits = {one.line_id: one.kit for one in told.kits}
    after: list[LineWithoutPlace] = []
    for (destination, _), together in found.items():
        places: list[str] = []
        to, is_kept = there.get(destination), False
        if to is not None:
            pieces = [line for line in lines if line.destination == destination]
            wish = _wish(told, to, pieces)
            places, is_kept = _ranked(around, wish, together, gave_back, now_ms)
        after += [
            replace(
                line,
                also_at=[name for name in places if name not in line.tried],
                ranked=True,
                kit=kits.get(line.line_id, "") if is_kept else "",
            )
            for line in together
        ]
    return _of_kits(after, kits)


def _of_kits(lines: Sequence[LineWithoutPlace], kits: Mapping[str, str]) -> list[LineWithoutPlace]:
    """The lines, where the parts of a bundle that is kept together have the same locations: those
    that are named for all of them. There are none while a part is elsewhere."""
    kept = {line.kit for line in lines if line.kit}
    if not kept:
        return list(lines)
    here = {line.line_id for line in lines}
    apart = {kit for line_id, kit in kits.items() if line_id not in here}
    after = []
    for line in lines:
        kit = kits.get(line.line_id, "")
        if kit in kept:
            unit = [one for one in lines if kits.get(one.line_id) == kit]
            shared = [] if kit in apart else shared_places(unit)
            after.append(replace(line, kit=kit, also_at=shared))
        else:
            after.append(line)
    return after


def shared_places(unit: Sequence[LineWithoutPlace]) -> list[str]:
    """Locations that are named for every one of these lines, in the order of the first."""
    first, *others = unit
    return [name for name in first.also_at if all(name in one.also_at for one in others)]


def reaches(around: Around, to: Destination, location_id: str, skus: Sequence[str]) -> bool:
    """Whether by the rules a carrier goes there from a location with these goods."""
    router = around.router
    if router is None:
        return True
    asked = Asked(
        "", "", to.country, to.postal_code, to.latitude, to.longitude, tuple(skus), 0,
        UNKNOWN_VALUE,
    )  # fmt: skip
    plan = router.plan(asked)
    return location_id not in plan.ways or bool(router.costs(asked, plan, [location_id]))


def _ranked(
    around: Around,
    wish: RankLocations,
    together: Sequence[LineWithoutPlace],
    gave_back: Collection[str],
    now_ms: int,
) -> tuple[list[str], bool]:
    """The locations, and whether the parts of a bundle leave together."""
    known = around.known
    if known is None:
        return [], False
    if around.router is None:
        left = [one for one in known.locations if one.location_id not in gave_back]
        nearest = replace(known, locations=left)
        return ranking.ranking(nearest, around.capacity, wish, now_ms), False
    asked = routing_room.asked(around.router, wish, [line.sku for line in together], 0)
    used = rules.used_today(around.capacity, now_ms)
    ranked = around.router.ranked(asked, used, now_ms, gave_back)
    return ranked.locations, ranked.plan.bounds.kits_together


def _wish(told: RecordWhereTo, to: Destination, lines: Sequence[LineWithoutPlace]) -> RankLocations:
    """The lines that go there, as a wish for locations."""
    return RankLocations(
        told.order_id, 0, to.country, to.postal_code, to.latitude, to.longitude,
        [LineToSource(line.line_id, line.sku, line.quantity) for line in lines],
        0, told.channel, told.customer_group, currency=told.currency,
        total_minor=told.total_minor,
    )  # fmt: skip
