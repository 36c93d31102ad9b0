"""What the fulfillment room decides: rank, then consolidate, then route. Every function is pure."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    FulfillmentCancelled,
    FulfillmentCommandRefused,
    FulfillmentOrderReleased,
    FulfillmentState,
    LocationsRanked,
    OrderRouted,
    RankLocations,
    RecordMove,
    RouteOrder,
    Status,
)
from schemas.inventory import MoveReservation, ReserveStock
from schemas.locations import LocationRegistered, LocationsState, LocationState, RegisterLocation
from schemas.messages import Send
from schemas.orders import RecordRouting, RecordSourcingFailure, Refusal
from schemas.records import Record
from schemas.topics import FULFILLMENT_EVENTS, INVENTORY_COMMANDS, ORDERS_COMMANDS
from streams.fulfillment.model import RANKED_MAXIMUM, UNKNOWN_DISTANCE_KM, distance_km

Decision = tuple[FulfillmentState | None, list[Send]]


def register(known: LocationsState | None, command: RegisterLocation) -> LocationsState:
    """The locations with this one as it is from now on.

    What the command leaves empty stays as it is known: a stock file without coordinates says
    nothing about where a place is. A command that says nothing at all only makes it known.
    """
    locations = {one.location_id: one for one in (known.locations if known is not None else [])}
    nowhere = LocationState(command.location_id, command.location_id, "", 0.0, 0.0, command.active)
    before = locations.get(command.location_id, nowhere)
    located = bool(command.latitude or command.longitude)
    if command.name or command.country or located:
        before = LocationState(
            command.location_id,
            command.name or before.name,
            command.country or before.country,
            command.latitude if located else before.latitude,
            command.longitude if located else before.longitude,
            command.active,
        )
    locations[command.location_id] = before
    return LocationsState(sorted(locations.values(), key=lambda one: one.location_id))


def registered(known: LocationsState, location_id: str, now_ms: int) -> Send:
    """What the world is told of a location: all that is known of it. It must be known."""
    location = next(one for one in known.locations if one.location_id == location_id)
    event = LocationRegistered(
        location.location_id,
        location.name,
        location.country,
        location.latitude,
        location.longitude,
        location.active,
        now_ms,
    )
    return Send(FULFILLMENT_EVENTS, location_id, event)


def rank(known: LocationsState | None, command: RankLocations, now_ms: int) -> list[Send]:
    """Reservations to ask for, at the nearest locations first, those of the country before all."""
    order_id = command.order_id
    ranked = ranking(known, command)
    if not ranked:
        failure = RecordSourcingFailure(order_id, command.attempt, Refusal.NO_LOCATION)
        return [Send(ORDERS_COMMANDS, order_id, failure)]
    sends = [
        Send(
            FULFILLMENT_EVENTS,
            order_id,
            LocationsRanked(order_id, command.attempt, ranked, now_ms),
        )
    ]
    for line in command.lines:
        reserve = ReserveStock(
            order_id,
            line.line_id,
            line.sku,
            line.quantity,
            command.attempt,
            ranked,
            command.reserved_until_ms,
        )
        sends.append(Send(INVENTORY_COMMANDS, line.sku, reserve))
    return sends


def ranking(known: LocationsState | None, command: RankLocations) -> list[str]:
    """Active locations, best first: same country, then distance, then id; at most 16."""
    located = bool(command.latitude or command.longitude)
    weighed = []
    for location in known.locations if known is not None else []:
        if not location.active:
            continue
        far = UNKNOWN_DISTANCE_KM
        if located and (location.latitude or location.longitude):
            far = distance_km(
                command.latitude, command.longitude, location.latitude, location.longitude
            )
        weighed.append((location.country != command.country, far, location.location_id))
    weighed.sort()
    return [location_id for _, _, location_id in weighed[:RANKED_MAXIMUM]]


def decide(state: FulfillmentState | None, command: Record, now_ms: int) -> Decision:
    """An order's routing after `command`. Raises TypeError for a foreign record."""
    match command:
        case RouteOrder():
            return _route(state, command, now_ms)
        case RecordMove():
            return _record_move(state, command, now_ms)
        case CancelFulfillment():
            return _cancel(state, command, now_ms)
    raise TypeError(f"the fulfillment room takes no {type(command).__name__}")


def _route(state: FulfillmentState | None, command: RouteOrder, now_ms: int) -> Decision:
    if state is not None:
        return state, []
    order_id, allocations = command.order_id, command.allocations
    fresh = FulfillmentState(order_id, Status.CONSOLIDATING, allocations, [], 0)
    together = _one_for_all(allocations)
    moving = [line for line in allocations if together and line.location_id != together]
    if not moving:
        return _routed(fresh, now_ms)
    sends = [
        Send(
            INVENTORY_COMMANDS,
            line.sku,
            MoveReservation(order_id, line.line_id, line.sku, together),
        )
        for line in moving
    ]
    return replace(fresh, pending=[line.line_id for line in moving]), sends


def _one_for_all(allocations: list[Allocation]) -> str:
    """A location that could serve every line, the one with the fewest moves; "" if there is none.

    Ties go to the better ranked, which is the one that a line names first.
    """
    candidates: dict[str, int] = {}
    for line in allocations:
        for location_id in (line.location_id, *line.also_at):
            candidates[location_id] = candidates.get(location_id, 0) + 1
    serving = [name for name, lines in candidates.items() if lines == len(allocations)]
    if not serving:
        return ""
    return min(serving, key=lambda name: sum(line.location_id != name for line in allocations))


def _record_move(state: FulfillmentState | None, reply: RecordMove, now_ms: int) -> Decision:
    if state is None or state.status != Status.CONSOLIDATING or reply.line_id not in state.pending:
        return state, []
    allocations = state.allocations
    if reply.moved:
        allocations = [
            replace(line, location_id=reply.location_id) if line.line_id == reply.line_id else line
            for line in allocations
        ]
    following = replace(
        state,
        allocations=allocations,
        pending=[line_id for line_id in state.pending if line_id != reply.line_id],
        moved=state.moved + reply.moved,
    )
    if following.pending:
        return following, []
    return _routed(following, now_ms)


def _routed(state: FulfillmentState, now_ms: int) -> Decision:
    order_id = state.order_id
    by_location: dict[str, list[str]] = {}
    for line in state.allocations:
        by_location.setdefault(line.location_id, []).append(line.line_id)
    shipments = len(by_location)
    routed = OrderRouted(order_id, shipments, state.moved, now_ms)
    sends = [Send(FULFILLMENT_EVENTS, order_id, routed)]
    for number, (location_id, line_ids) in enumerate(by_location.items(), 1):
        released = FulfillmentOrderReleased(
            order_id, f"{order_id}/{number}", location_id, line_ids, now_ms
        )
        sends.append(Send(FULFILLMENT_EVENTS, order_id, released))
    sends.append(Send(ORDERS_COMMANDS, order_id, RecordRouting(order_id, shipments)))
    return replace(state, status=Status.ROUTED), sends


def _cancel(state: FulfillmentState | None, command: CancelFulfillment, now_ms: int) -> Decision:
    order_id = command.order_id
    if state is None:
        refused = FulfillmentCommandRefused(
            order_id, "CancelFulfillment", Refusal.UNKNOWN_ORDER, now_ms
        )
        return None, [Send(FULFILLMENT_EVENTS, order_id, refused)]
    if state.status == Status.CANCELLED:
        return state, []
    event = FulfillmentCancelled(order_id, command.reason, now_ms)
    cancelled = replace(state, status=Status.CANCELLED, pending=[])
    return cancelled, [Send(FULFILLMENT_EVENTS, order_id, event)]
