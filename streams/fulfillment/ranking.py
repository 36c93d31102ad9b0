"""From which locations an order is asked for its stock, and what follows where none has it. Pure.

With rules routing.py says which; without, the nearest ones of the country do, and then the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from schemas.fulfillment import (
    CapacityState,
    DecideShortage,
    LineToSource,
    LocationsRanked,
    RankLocations,
)
from schemas.inventory import ReserveStock
from schemas.locations import LocationsState
from schemas.messages import Send
from schemas.orders import Refusal
from schemas.topics import FULFILLMENT_EVENTS, INVENTORY_COMMANDS, ORDERS_COMMANDS
from streams.fulfillment import routing_otherwise, routing_room
from streams.fulfillment.model import RANKED_MAXIMUM, UNKNOWN_DISTANCE_KM, distance_km, share
from streams.fulfillment.routing import NO_PLAN, Ranked, Router
from streams.fulfillment.routing_sites import Asked
from streams.fulfillment.rules import used_today

Place = tuple[int, str, frozenset[str]]
"""where lines go: the number of the address, or the location where they are fetched; and what goods
they are, where rules tell those apart"""


def rank(
    known: LocationsState | None,
    capacity: CapacityState | None,
    command: RankLocations,
    now_ms: int,
    router: Router | None = None,
) -> list[Send]:
    """Reservations to ask for, at the locations that the rules say, in their order; without rules
    at the nearest locations first, those of the country before all."""
    order_id, attempt = command.order_id, command.attempt
    rankings = _rankings(known, capacity, command, now_ms, router)
    if not all([ranked.locations for ranked in rankings.values()]):
        lost = [one for one in command.lines if not rankings[_place(one, router)].locations]
        return [_failure(capacity, command, rankings, lost, Refusal.NO_LOCATION, now_ms, router)]
    sends = [
        Send(
            FULFILLMENT_EVENTS,
            order_id,
            LocationsRanked(
                order_id, attempt, ranked.locations, now_ms, address, ",".join(sorted(goods))
            ),
        )
        for (address, only, goods), ranked in rankings.items()
        if not only
    ]
    for line in command.lines:
        ranked = rankings[_place(line, router)]
        reserve = ReserveStock(
            order_id,
            line.line_id,
            line.sku,
            line.quantity,
            attempt,
            ranked.locations,
            command.reserved_until_ms,
            command.channel,
            command.customer_group,
            command.backorder,
            command.priority,
            held=line.held,
            ruled=ranked.plan.decides,
            choices=ranked.choices() if ranked.plan.by_stock else [],
        )
        sends.append(Send(INVENTORY_COMMANDS, line.sku, reserve))
    return sends


def decide_shortage(
    known: LocationsState | None,
    capacity: CapacityState | None,
    command: DecideShortage,
    now_ms: int,
    router: Router | None,
) -> list[Send]:
    """What becomes of an order of which some lines have no stock, as the rules say."""
    wanted, missing = command.wanted, set(command.line_ids)
    rankings = _rankings(known, capacity, wanted, now_ms, router)
    lines = [one for one in wanted.lines if one.line_id in missing]
    return [_failure(capacity, wanted, rankings, lines, Refusal.OUT_OF_STOCK, now_ms, router)]


def _failure(
    capacity: CapacityState | None,
    command: RankLocations,
    rankings: Mapping[Place, Ranked],
    lines: Sequence[LineToSource],
    reason: Refusal,
    now_ms: int,
    router: Router | None,
) -> Send:
    """Tell orders that these lines cannot be served. Rules do not speak of what is fetched."""
    used = used_today(capacity, now_ms)
    lacking = []
    for line in lines:
        ranked = rankings[_place(line, router)]
        if router is None or ranked.plan is NO_PLAN:
            continue
        nowhere = ""
        if not ranked.locations:
            asked = _asked(router, command, _place(line, router))
            nowhere = routing_otherwise.why_nowhere(router, asked, used, now_ms)
        lacking.append(routing_otherwise.Lacking(line.line_id, ranked, nowhere))
    told = routing_otherwise.failure(command.order_id, command.attempt, reason, lacking)
    return Send(ORDERS_COMMANDS, command.order_id, told)


def _place(line: LineToSource, router: Router | None) -> Place:
    if line.only_location_id:
        return 0, line.only_location_id, frozenset()
    goods = router.goods_of((line.sku,)) if router is not None else frozenset[str]()
    return line.address, "", goods


def _rankings(
    known: LocationsState | None,
    capacity: CapacityState | None,
    command: RankLocations,
    now_ms: int,
    router: Router | None,
) -> dict[Place, Ranked]:
    """The locations for each place that lines go to; none for a place that no location serves.

    What the customer fetches is served where they fetch it, if that location works and has
    capacity today, whichever channel it sells for.
    """
    found: dict[Place, Ranked] = {}
    for line in command.lines:
        place = address, only, _ = _place(line, router)
        if place in found:
            continue
        if only:
            there = [only] if _works(known, capacity, only, now_ms) else []
            found[place] = Ranked(there, [], NO_PLAN)
        elif router is None:
            there = ranking(known, capacity, _going_to(command, address), now_ms)
            found[place] = Ranked(there, [], NO_PLAN)
        else:
            asked = _asked(router, command, place)
            found[place] = router.ranked(asked, used_today(capacity, now_ms), now_ms)
    return found


def _going_to(command: RankLocations, address: int) -> RankLocations:
    """The command with one of the order's addresses as its own."""
    there = next((one for one in command.more_destinations if one.address == address), None)
    if there is None:
        return command
    return replace(
        command,
        country=there.country,
        postal_code=there.postal_code,
        latitude=there.latitude,
        longitude=there.longitude,
    )


def _asked(router: Router, command: RankLocations, place: Place) -> Asked:
    """What the rules look at, for the lines that go to a place."""
    address = place[0]
    skus = [one.sku for one in command.lines if _place(one, router) == place]
    return routing_room.asked(router, _going_to(command, address), skus, address)


def _works(
    known: LocationsState | None, capacity: CapacityState | None, location_id: str, now_ms: int
) -> bool:
    """Whether a location sells and fulfills, and has not used up today's capacity."""
    used = used_today(capacity, now_ms)
    return any(
        one.active
        and one.selling
        and one.fulfilling
        and (not one.daily_capacity or used.get(location_id, 0) < share(one.daily_capacity))
        for one in (known.locations if known is not None else [])
        if one.location_id == location_id
    )


def ranking(
    known: LocationsState | None,
    capacity: CapacityState | None,
    command: RankLocations,
    now_ms: int,
) -> list[str]:
    """Locations that may serve the channel, best first: same country, then distance, then id.

    At most 16. Left out are those that are not active, do not sell or do not fulfill, stand in none
    of the channel's groups, or have used up today's capacity (`model.share`).
    """
    if known is None:
        return []
    groups: list[str] = []
    for sourcing in known.channels:
        if sourcing.channel == command.channel:
            groups = sourcing.groups
    used = used_today(capacity, now_ms)
    located = bool(command.latitude or command.longitude)
    weighed = []
    for location in known.locations:
        if not (location.active and location.selling and location.fulfilling):
            continue
        if groups and not any(group in groups for group in location.groups):
            continue
        name, bound = location.location_id, location.daily_capacity
        if bound and used.get(name, 0) >= share(bound):
            continue
        far = UNKNOWN_DISTANCE_KM
        if located and (location.latitude or location.longitude):
            far = distance_km(
                command.latitude, command.longitude, location.latitude, location.longitude
            )
        weighed.append((location.country != command.country, far, name))
    weighed.sort()
    return [location_id for _, _, location_id in weighed[:RANKED_MAXIMUM]]
