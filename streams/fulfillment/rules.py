"""What the fulfillment room decides about an order that is reserved: consolidate, then route; and
what it knows of locations. Every function is pure. Ranking stands in ranking.py."""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from schemas import locations
from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    CapacityState,
    FulfillmentCancelled,
    FulfillmentCommandRefused,
    FulfillmentLinesCancelled,
    FulfillmentOrderReleased,
    FulfillmentState,
    LocationUse,
    OrderRouted,
    RecordMove,
    RouteOrder,
    Status,
)
from schemas.inventory import MoveReservation
from schemas.locations import (
    ChannelSourcingSet,
    Kind,
    LocationRegistered,
    LocationsState,
    RegisterLocation,
    SetChannelSourcing,
    SwitchLocation,
)
from schemas.messages import Send
from schemas.orders import RecordRouting, Refusal
from schemas.purchasing import CancelPurchaseOrder, CreatePurchaseOrder, PurchaseLine
from schemas.records import Record
from schemas.topics import (
    DAY_MS,
    FULFILLMENT_EVENTS,
    INVENTORY_COMMANDS,
    ORDERS_COMMANDS,
    PURCHASING_COMMANDS,
)
from streams.fulfillment import routing_room
from streams.fulfillment.routing import Router

Sourcing = RegisterLocation | SwitchLocation | SetChannelSourcing
Decision = tuple[FulfillmentState | None, list[Send]]


def learn(known: LocationsState | None, command: Sourcing) -> LocationsState:
    """The locations as they are from now on."""
    match command:
        case RegisterLocation():
            return locations.registered(known, command)
        case SwitchLocation():
            return locations.switched(known, command)
        case SetChannelSourcing():
            return locations.sourced(known, command)


def announced(known: LocationsState, command: Sourcing, now_ms: int) -> Send:
    """What the world is told after `command`: all that is known of its location or channel."""
    if isinstance(command, SetChannelSourcing):
        channel = command.channel
        groups = next((one.groups for one in known.channels if one.channel == channel), [])
        told = ChannelSourcingSet(channel, groups, command.actor, now_ms)
        return Send(FULFILLMENT_EVENTS, channel, told)
    location = next(one for one in known.locations if one.location_id == command.location_id)
    event = LocationRegistered(
        location.location_id,
        location.name,
        location.country,
        location.latitude,
        location.longitude,
        location.active,
        now_ms,
        location.kind,
        location.groups,
        location.daily_capacity,
        location.selling,
        location.fulfilling,
    )
    return Send(FULFILLMENT_EVENTS, location.location_id, event)


def used_today(capacity: CapacityState | None, now_ms: int) -> dict[str, int]:
    """Fulfillment orders that this partition has released today, UTC, by location."""
    if capacity is None or capacity.day != now_ms // DAY_MS:
        return {}
    return {use.location_id: use.fulfillment_orders for use in capacity.used}


def counted(
    known: LocationsState | None,
    capacity: CapacityState | None,
    before: FulfillmentState | None,
    after: FulfillmentState | None,
    now_ms: int,
) -> CapacityState | None:
    """What is used of today's capacity, after an order's fulfillment orders have changed.

    Only locations with a bound are counted. One that is withdrawn on the day of its release gives
    back what it has used; later, that day's work is over.
    """
    change = _at_each(after)
    if before is not None and before.routed_at_ms // DAY_MS == now_ms // DAY_MS:
        change.subtract(_at_each(before))
    elif before is not None and before.routed_at_ms:
        return capacity
    return used_with(known, capacity, change, now_ms)


def used_with(
    known: LocationsState | None, capacity: CapacityState | None, change: Counter[str], now_ms: int
) -> CapacityState | None:
    """What is used of today's capacity, with so many fulfillment orders more or less at each
    location; the same object where that is none."""
    bounded = {one.location_id for one in known.locations if one.daily_capacity} if known else set()
    used = used_today(capacity, now_ms)
    following = {
        name: pieces
        for name in sorted({*used, *(change.keys() & bounded)})
        if (pieces := used.get(name, 0) + change[name] * (name in bounded)) > 0
    }
    if following == used:
        return capacity
    return CapacityState(now_ms // DAY_MS, [LocationUse(*one) for one in following.items()])


def _at_each(state: FulfillmentState | None) -> Counter[str]:
    """Fulfillment orders that stand, by location."""
    if state is None or state.status != Status.ROUTED:
        return Counter()
    return Counter(lines[0].location_id for lines in parts_of(state).values())


def decide(
    known: LocationsState | None,
    state: FulfillmentState | None,
    command: Record,
    now_ms: int,
    router: Router | None = None,
) -> Decision:
    """An order's routing after `command`. Raises TypeError for a foreign record."""
    match command:
        case RouteOrder():
            return _route(known, state, command, now_ms, router)
        case RecordMove():
            return _record_move(known, state, command, now_ms)
        case CancelFulfillment():
            return _cancel(known, state, command, now_ms)
    raise TypeError(f"the fulfillment room takes no {type(command).__name__}")


def _route(
    known: LocationsState | None,
    state: FulfillmentState | None,
    command: RouteOrder,
    now_ms: int,
    router: Router | None,
) -> Decision:
    if state is not None:
        return state, []
    order_id, allocations = command.order_id, command.allocations
    fresh = FulfillmentState(order_id, Status.CONSOLIDATING, allocations, [], 0)
    if router is not None and command.destinations:
        way = routing_room.consolidation(router, command, now_ms)
        if way.unrouted is not None:
            return None, [Send(ORDERS_COMMANDS, order_id, way.unrouted)]
        together = way.together
    elif one := _one_for_all(allocations):
        together = {line.line_id: one for line in allocations}
    else:
        together = {}
    moving = [
        line
        for line in allocations
        if together.get(line.line_id, line.location_id) != line.location_id
    ]
    if not moving:
        return _routed(known, fresh, now_ms)
    sends = [
        Send(
            INVENTORY_COMMANDS,
            line.sku,
            MoveReservation(order_id, line.line_id, line.sku, together[line.line_id]),
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


def _record_move(
    known: LocationsState | None, state: FulfillmentState | None, reply: RecordMove, now_ms: int
) -> Decision:
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
    return _routed(known, following, now_ms)


def _routed(known: LocationsState | None, state: FulfillmentState, now_ms: int) -> Decision:
    order_id = state.order_id
    parts = parts_of(state)
    routed = OrderRouted(order_id, len(parts), state.moved, now_ms)
    sends = [Send(FULFILLMENT_EVENTS, order_id, routed)]
    suppliers = suppliers_of(known)
    for fulfillment_order_id, lines in parts.items():
        location_id = lines[0].location_id
        line_ids = [line.line_id for line in lines]
        released = FulfillmentOrderReleased(
            order_id, fulfillment_order_id, location_id, line_ids, now_ms, lines[0].destination
        )
        sends.append(Send(FULFILLMENT_EVENTS, order_id, released))
        if location_id in suppliers:
            sends.append(drop_ship(order_id, fulfillment_order_id, lines))
    sends.append(Send(ORDERS_COMMANDS, order_id, RecordRouting(order_id, len(parts))))
    return replace(state, status=Status.ROUTED, routed_at_ms=now_ms), sends


def parts_of(state: FulfillmentState) -> dict[str, list[Allocation]]:
    """The order's fulfillment orders by id, one for each location and where they go from there."""
    by_location: dict[tuple[str, str], list[Allocation]] = {}
    for line in state.allocations:
        by_location.setdefault((line.location_id, line.destination), []).append(line)
    return {
        f"{state.order_id}/{number}": lines
        for number, lines in enumerate(by_location.values(), start=1)
    }


def suppliers_of(known: LocationsState | None) -> set[str]:
    locations = known.locations if known is not None else []
    return {one.location_id for one in locations if one.kind == Kind.SUPPLIER}


def drop_ship(order_id: str, fulfillment_order_id: str, lines: list[Allocation]) -> Send:
    """The supplier's part of an order: a purchase order whose goods go to the customer."""
    command = CreatePurchaseOrder(
        purchase_order_id=fulfillment_order_id,
        supplier_id=lines[0].location_id,
        location_id="",
        lines=[PurchaseLine(line.line_id, line.sku, line.quantity, 0) for line in lines],
        currency="",
        expected_at_ms=0,
        order_id=order_id,
        reason="drop-ship",
        actor="fulfillment",
    )
    return Send(PURCHASING_COMMANDS, fulfillment_order_id, command)


def _cancel(
    known: LocationsState | None,
    state: FulfillmentState | None,
    command: CancelFulfillment,
    now_ms: int,
) -> Decision:
    order_id = command.order_id
    if state is None:
        refused = FulfillmentCommandRefused(
            order_id, "CancelFulfillment", Refusal.UNKNOWN_ORDER, now_ms
        )
        return None, [Send(FULFILLMENT_EVENTS, order_id, refused)]
    if state.status == Status.CANCELLED:
        return state, []
    if command.line_ids:
        return _cancel_lines(known, state, command, now_ms)
    event = FulfillmentCancelled(order_id, command.reason, now_ms)
    sends = [Send(FULFILLMENT_EVENTS, order_id, event)]
    if state.status == Status.ROUTED:
        suppliers = suppliers_of(known)
        for fulfillment_order_id, lines in parts_of(state).items():
            if lines[0].location_id in suppliers:
                withdraw = CancelPurchaseOrder(fulfillment_order_id, command.reason, "fulfillment")
                sends.append(Send(PURCHASING_COMMANDS, fulfillment_order_id, withdraw))
    return replace(state, status=Status.CANCELLED, pending=[]), sends


def _cancel_lines(
    known: LocationsState | None,
    state: FulfillmentState,
    command: CancelFulfillment,
    now_ms: int,
) -> Decision:
    """Withdraw some lines. A supplier's part goes with the last of its lines: until then the
    purchase order stands as it is."""
    order_id, gone = command.order_id, set(command.line_ids)
    there = [
        line.line_id
        for line in state.allocations
        if line.line_id in gone and line.line_id not in state.cancelled
    ]
    if not there:
        return state, []
    event = FulfillmentLinesCancelled(order_id, there, command.reason, now_ms)
    sends = [Send(FULFILLMENT_EVENTS, order_id, event)]
    if state.status == Status.ROUTED:
        suppliers, cancelled = suppliers_of(known), {*state.cancelled, *there}
        for fulfillment_order_id, lines in parts_of(state).items():
            ids = {line.line_id for line in lines}
            if lines[0].location_id in suppliers and ids & gone and ids <= cancelled:
                withdraw = CancelPurchaseOrder(fulfillment_order_id, command.reason, "fulfillment")
                sends.append(Send(PURCHASING_COMMANDS, fulfillment_order_id, withdraw))
    return replace(state, cancelled=[*state.cancelled, *there]), sends
