"""How a fulfillment order leaves, and what its carrier tells of it.

Orders decides whether it may leave: it knows what is cancelled and paid. Until its answer has come
the fulfillment order is shipping, so that what was cancelled meanwhile does not count as shipped.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment_work import (
    CarrierEventRecorded,
    CarrierKind,
    FulfillmentOrder,
    FulfillmentOrderShipped,
    PackedLine,
    RecordCarrierEvent,
    RecordGoodsLeft,
    RecordShipmentAnswer,
    ShipFulfillmentOrder,
    ShipmentRefused,
    ShipmentRequested,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.messages import Send
from schemas.orders import RecordShipment, ShippedLine
from schemas.topics import ORDERS_COMMANDS
from streams.fulfillment.work_model import (
    MAXIMUM_CARRIER_EVENTS,
    MAXIMUM_EARLY,
    Damaged,
    Delivered,
    LeftByHand,
    Lost,
    OnItsWay,
    Returned,
    after,
    allows,
)
from streams.fulfillment.work_told import (
    Changed,
    changed,
    event,
    reached,
    refused,
    with_order,
)
from streams.transitions import Step

STEPS: dict[str, Step] = {
    CarrierKind.IN_TRANSIT: OnItsWay,
    CarrierKind.EXCEPTION: OnItsWay,
    CarrierKind.DAMAGED: Damaged,
    CarrierKind.LOST: Lost,
    CarrierKind.DELIVERED: Delivered,
    CarrierKind.RETURNED_TO_SENDER: Returned,
}


def ship(
    state: WorkState, one: FulfillmentOrder, command: ShipFulfillmentOrder, now_ms: int
) -> Changed:
    """Ask orders, which takes the money and the stock of what leaves."""
    said = (command.carrier, command.service, command.tracking_number)
    if one.status in reached(WorkStatus.PACKED):
        if said == (one.carrier, one.service, one.tracking_number):
            return state, []
        detail = f"it left by {one.carrier or 'no carrier'}, {one.tracking_number or 'no number'}"
        return state, [refused(one, command, now_ms, WorkRefusal.CONFLICT, detail)]
    if one.status != WorkStatus.PACKED:
        return state, [refused(one, command, now_ms)]
    order_id, name = state.order_id, one.fulfillment_order_id
    told = ShipmentRequested(order_id, name, one.location_id, *said, command.actor, now_ms)
    asked = RecordShipment(
        order_id, name, [ShippedLine(line.line_id, line.quantity) for line in one.lines],
        command.at_ms, one.location_id, command.carrier, command.tracking_number,
        command.actor, name,
    )  # fmt: skip
    one = replace(
        one, carrier=command.carrier, service=command.service,
        tracking_number=command.tracking_number, reason="",
    )  # fmt: skip
    sends = [event(state, told), Send(ORDERS_COMMANDS, order_id, asked)]
    return changed(state, one, ShipmentRequested, now_ms), sends


def answered(
    state: WorkState, one: FulfillmentOrder, reply: RecordShipmentAnswer, now_ms: int
) -> Changed:
    """Orders has let it leave, or not."""
    if one.status != WorkStatus.SHIPPING:
        return state, []
    order_id, name = state.order_id, one.fulfillment_order_id
    if not reply.taken:
        told = ShipmentRefused(order_id, name, reply.reason, now_ms)
        one = replace(one, reason=reply.reason, early=[])
        return changed(state, one, ShipmentRefused, now_ms), [event(state, told)]
    shipped = FulfillmentOrderShipped(
        order_id, name, one.location_id,
        [PackedLine(line.line_id, line.quantity) for line in one.lines],
        one.carrier, one.service, one.tracking_number, now_ms,
    )  # fmt: skip
    early, one = one.early, replace(one, early=[])
    state, sends = changed(state, one, FulfillmentOrderShipped, now_ms), [event(state, shipped)]
    for told_early in early:
        current = next(order for order in state.orders if order.fulfillment_order_id == name)
        state, more = told_by_carrier(state, current, told_early, now_ms)
        sends += more
    return state, sends


def left_by_hand(state: WorkState, command: RecordGoodsLeft, now_ms: int) -> Changed:
    """Pieces have left that no fulfillment order was told of: nobody is to send them again. One
    with nothing left to send has left."""
    gone = {one.line_id: one.quantity for one in command.pieces}
    sends: list[Send] = []
    for one in state.orders:
        if not allows(one.status, LeftByHand) or not any(ln.line_id in gone for ln in one.lines):
            continue
        rest = [
            replace(line, quantity=line.quantity - gone.get(line.line_id, 0)) for line in one.lines
        ]
        rest = [line for line in rest if line.quantity > 0]
        if rest:
            state = with_order(state, replace(one, lines=rest))
            continue
        told = FulfillmentOrderShipped(
            state.order_id, one.fulfillment_order_id, one.location_id,
            [PackedLine(line.line_id, line.quantity) for line in one.lines],
            command.carrier, "", command.tracking_number, now_ms,
        )  # fmt: skip
        one = replace(
            one, carrier=command.carrier, service="", tracking_number=command.tracking_number,
            held_from="", reason=command.shipment_id, early=[],
        )  # fmt: skip
        state = changed(state, one, LeftByHand, now_ms)
        sends.append(event(state, told))
    if any(line.line_id in gone for line in state.without_place):
        fewer = [
            replace(line, quantity=line.quantity - gone.get(line.line_id, 0))
            for line in state.without_place
        ]
        state = replace(state, without_place=[line for line in fewer if line.quantity > 0])
    return state, sends


def told_by_carrier(
    state: WorkState, one: FulfillmentOrder, command: RecordCarrierEvent, now_ms: int
) -> Changed:
    """What a carrier tells comes late, twice and in any order: the latest by its clock counts, and
    a delivery always."""
    step = STEPS.get(command.kind)
    if step is None:
        detail = f"{command.kind} is nothing that a carrier tells"
        return state, [refused(one, command, now_ms, WorkRefusal.CONFLICT, detail)]
    if command.tracking_number not in ("", one.tracking_number):
        detail = f"it goes by {one.tracking_number or 'no number'}"
        return state, [refused(one, command, now_ms, WorkRefusal.CONFLICT, detail)]
    if one.status == WorkStatus.SHIPPING:
        return _kept(state, one, command, now_ms), []
    if command.event_id in one.carrier_event_ids:
        return state, []
    if one.status not in reached(WorkStatus.SHIPPING):
        return state, [refused(one, command, now_ms)]
    older = command.occurred_at_ms < one.carrier_at_ms and step is not Delivered
    if not allows(one.status, step) or older:
        return state, []
    status = after(one.status, step)
    told = CarrierEventRecorded(
        state.order_id, one.fulfillment_order_id, command.event_id, command.kind, status,
        one.carrier, one.tracking_number, command.occurred_at_ms, command.carrier_words,
        command.actor, now_ms,
    )  # fmt: skip
    one = replace(
        one,
        carrier_at_ms=max(one.carrier_at_ms, command.occurred_at_ms),
        carrier_event_ids=[*one.carrier_event_ids, command.event_id][-MAXIMUM_CARRIER_EVENTS:],
    )
    return changed(state, one, step, now_ms), [event(state, told)]


def _kept(
    state: WorkState, one: FulfillmentOrder, command: RecordCarrierEvent, now_ms: int
) -> WorkState:
    """It has left before orders has said so: what its carrier tells waits."""
    known = any(kept.event_id == command.event_id for kept in one.early)
    if known or len(one.early) >= MAXIMUM_EARLY:
        return state
    return with_order(state, replace(one, early=[*one.early, command]))
