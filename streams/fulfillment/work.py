"""What the room decides about a fulfillment order, in the order in which it lives.

Every function is pure. The same state object again means that nothing changes. A command that asks
for what is the case already changes nothing and is not refused. What is rejected or short goes on
in work_rerouting.py; what people do with it before it leaves in work_moving.py,
work_dividing.py and work_redirecting.py; what becomes of it on its way in work_carriage.py.
"""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from schemas.fulfillment import CancelFulfillment, FulfillmentState, RecordMove
from schemas.fulfillment_moves import (
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentHoldEnded,
    FulfillmentOrder,
    FulfillmentOrderAccepted,
    FulfillmentOrderCancelled,
    FulfillmentOrderHeld,
    FulfillmentOrderPacked,
    HoldFulfillmentOrder,
    PackedParcel,
    PickingStarted,
    RecordCarrierEvent,
    RecordGoodsLeft,
    RecordPacked,
    RecordShipmentAnswer,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    ShipFulfillmentOrder,
    StartPicking,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.inventory import AllocateStock
from schemas.messages import Send
from schemas.records import Record
from schemas.topics import INVENTORY_COMMANDS
from streams.fulfillment import (
    work_carriage,
    work_dividing,
    work_moving,
    work_redirecting,
    work_rerouting,
)
from streams.fulfillment.work_model import HELD_AGAIN, MAXIMUM_PARCELS, OVER, after, begun
from streams.fulfillment.work_places import Around
from streams.fulfillment.work_told import (
    AboutWork,
    Changed,
    changed,
    event,
    reached,
    refused,
    refused_or_not,
    with_order,
)

Decision = tuple[WorkState | None, list[Send]]
_PACKED_ON = (WorkStatus.PACKED, *reached(WorkStatus.PACKED))


def decide(
    around: Around,
    routing: FulfillmentState | None,
    state: WorkState | None,
    command: AboutWork,
    now_ms: int,
) -> Decision:
    """The fulfillment orders of an order after `command`, and what to write."""
    before = state if state is not None else begun(routing)
    if before is None:
        detail = "the order has no fulfillment orders"
        return None, refused_or_not(command, WorkRefusal.NOT_ROUTED, detail, now_ms)
    after_it, sends = _ruled(around, before, command, now_ms)
    return (state if after_it is before else after_it), sends


def _ruled(around: Around, state: WorkState, command: AboutWork, now_ms: int) -> Changed:
    if isinstance(command, RouteLinesTo):
        return work_rerouting.route_to(around, state, command, now_ms)
    if isinstance(command, RecordGoodsLeft):
        state, sends = work_carriage.left_by_hand(state, command, now_ms)
        state, more = work_moving.settled(around, state, now_ms)
        return state, sends + more
    if isinstance(command, RecordWhereTo):
        return work_rerouting.where_to(around, state, command, now_ms)
    if isinstance(command, RedirectFulfillmentOrder):
        return work_redirecting.redirect(around, state, command, now_ms)
    name = command.fulfillment_order_id
    one = next((order for order in state.orders if order.fulfillment_order_id == name), None)
    if one is None:
        reason, detail = WorkRefusal.UNKNOWN_FULFILLMENT_ORDER, f"the order has no {name}"
        return state, refused_or_not(command, reason, detail, now_ms)
    match command:
        case AcceptFulfillmentOrder():
            return _accept(state, one, command, now_ms)
        case StartPicking():
            return _pick(state, one, command, now_ms)
        case RecordPacked():
            return _pack(state, one, command, now_ms)
        case ShipFulfillmentOrder():
            return work_carriage.ship(state, one, command, now_ms)
        case RecordShipmentAnswer():
            return work_carriage.answered(state, one, command, now_ms)
        case RecordCarrierEvent():
            return work_carriage.told_by_carrier(state, one, command, now_ms)
        case RejectFulfillmentOrder():
            return work_rerouting.reject(around, state, one, command, now_ms)
        case ReportShort():
            return work_rerouting.short(around, state, one, command, now_ms)
        case HoldFulfillmentOrder():
            return _hold(state, one, command, now_ms)
        case ReleaseFulfillmentOrder():
            return _release(state, one, command, now_ms)
        case MoveFulfillmentOrder():
            return work_moving.move(around, state, one, command, now_ms)
        case SplitFulfillmentOrder():
            return work_dividing.split(around, state, one, command, now_ms)
        case MergeFulfillmentOrders():
            return work_dividing.merge(around, state, one, command, now_ms)


def follow(around: Around, state: WorkState, command: Record, now_ms: int) -> Changed:
    """What else a command of the routing means for fulfillment orders that are worked on."""
    match command:
        case RecordMove():
            return work_moving.answered(around, state, command, now_ms)
        case CancelFulfillment():
            return _withdraw(around, state, command, now_ms)
    return state, []


def _accept(
    state: WorkState, one: FulfillmentOrder, command: AcceptFulfillmentOrder, now_ms: int
) -> Changed:
    if one.status in reached(WorkStatus.RELEASED):
        return state, []
    if one.status != WorkStatus.RELEASED:
        return state, [refused(one, command, now_ms)]
    told = FulfillmentOrderAccepted(
        state.order_id, one.fulfillment_order_id, one.location_id, command.actor, now_ms
    )
    return changed(state, one, FulfillmentOrderAccepted, now_ms), [event(state, told)]


def _pick(state: WorkState, one: FulfillmentOrder, command: StartPicking, now_ms: int) -> Changed:
    if one.status in reached(WorkStatus.ACCEPTED):
        return state, []
    if one.status != WorkStatus.ACCEPTED:
        return state, [refused(one, command, now_ms)]
    told = PickingStarted(
        state.order_id, one.fulfillment_order_id, one.location_id, command.actor, now_ms
    )
    return changed(state, one, PickingStarted, now_ms), [event(state, told)]


def _pack(state: WorkState, one: FulfillmentOrder, command: RecordPacked, now_ms: int) -> Changed:
    """All of it is in parcels, and its stock is bound: from now on it can no longer move."""
    if one.parcels == command.parcels and one.status in _PACKED_ON:
        return state, []
    if one.status not in (WorkStatus.PICKING, WorkStatus.PACKED):
        return state, [refused(one, command, now_ms)]
    fault = _fault(one, command.parcels)
    if fault is not None:
        return state, [refused(one, command, now_ms, *fault)]
    told = FulfillmentOrderPacked(
        state.order_id, one.fulfillment_order_id, one.location_id, command.parcels,
        command.actor, now_ms,
    )  # fmt: skip
    sends = [event(state, told)]
    if one.status == WorkStatus.PICKING:
        sends += [
            Send(
                INVENTORY_COMMANDS,
                line.sku,
                AllocateStock(state.order_id, line.line_id, line.sku),
            )
            for line in one.lines
        ]
    following = replace(one, parcels=command.parcels)
    return changed(state, following, FulfillmentOrderPacked, now_ms), sends


def _fault(one: FulfillmentOrder, parcels: list[PackedParcel]) -> tuple[WorkRefusal, str] | None:
    """Why it is not packed like this; None where it is."""
    wanted = Counter({line.line_id: line.quantity for line in one.lines})
    packed: Counter[str] = Counter()
    for parcel in parcels:
        for line in parcel.lines:
            if line.line_id not in wanted:
                return WorkRefusal.UNKNOWN_LINE, f"line {line.line_id} is not in it"
            if line.quantity < 1:
                return WorkRefusal.INVALID_QUANTITY, f"{line.quantity} of line {line.line_id}"
            packed[line.line_id] += line.quantity
    for parcel in parcels:
        sides = (parcel.length_mm, parcel.width_mm, parcel.height_mm)
        if parcel.weight_grams < 1 or not parcel.parcel_id or not parcel.lines:
            detail = f"parcel {parcel.parcel_id} has no weight, no id or nothing in it"
            return WorkRefusal.INVALID_PARCEL, detail
        if any(sides) and min(sides) < 1:
            return WorkRefusal.INVALID_PARCEL, f"parcel {parcel.parcel_id} lacks a dimension"
    if len({parcel.parcel_id for parcel in parcels}) < len(parcels):
        return WorkRefusal.INVALID_PARCEL, "two parcels have the same id"
    if len(parcels) > MAXIMUM_PARCELS:
        return WorkRefusal.INVALID_PARCEL, f"more than {MAXIMUM_PARCELS} parcels"
    for line_id, pieces in wanted.items():
        if packed[line_id] != pieces:
            detail = f"{packed[line_id]} of {pieces} pieces of line {line_id} are packed"
            return WorkRefusal.NOT_ALL_PACKED, detail
    return None


def _hold(
    state: WorkState, one: FulfillmentOrder, command: HoldFulfillmentOrder, now_ms: int
) -> Changed:
    if one.status == WorkStatus.HELD:
        return state, []
    if one.status not in HELD_AGAIN:
        return state, [refused(one, command, now_ms)]
    if not command.reason:
        return state, [refused(one, command, now_ms, WorkRefusal.NO_REASON)]
    told = FulfillmentOrderHeld(
        state.order_id, one.fulfillment_order_id, one.location_id, command.reason,
        command.actor, now_ms,
    )  # fmt: skip
    held = replace(one, held_from=one.status, reason=command.reason)
    return changed(state, held, FulfillmentOrderHeld, now_ms), [event(state, told)]


def _release(
    state: WorkState, one: FulfillmentOrder, command: ReleaseFulfillmentOrder, now_ms: int
) -> Changed:
    if one.status in HELD_AGAIN:
        return state, []
    if one.status != WorkStatus.HELD:
        return state, [refused(one, command, now_ms)]
    step = HELD_AGAIN[one.held_from]
    told = FulfillmentHoldEnded(
        state.order_id, one.fulfillment_order_id, one.location_id, after(one.status, step),
        command.actor, now_ms,
    )  # fmt: skip
    free = replace(one, held_from="", reason="")
    return changed(state, free, step, now_ms), [event(state, told)]


def _withdraw(around: Around, state: WorkState, command: CancelFulfillment, now_ms: int) -> Changed:
    """Lines are no longer wanted, or none of them. What has left stays what it is: orders cancels
    nothing that it has let leave."""
    gone = set(command.line_ids)
    following, sends = state, list[Send]()
    for one in state.orders:
        left = [line for line in one.lines if gone and line.line_id not in gone]
        if len(left) == len(one.lines) or one.status in _LEFT:
            continue
        fewer = replace(one, lines=left)
        if left:
            # What is packed has a line too many in its parcels: it is packed anew.
            following = with_order(following, _repacked(fewer, now_ms))
            continue
        told = FulfillmentOrderCancelled(
            state.order_id, one.fulfillment_order_id, one.location_id, command.reason, now_ms
        )
        fewer = replace(fewer, reason=command.reason)
        following = changed(following, fewer, FulfillmentOrderCancelled, now_ms)
        sends.append(event(state, told))
        sends += work_rerouting.supplier_withdrawn(around, one, command.reason)
    if following.without_place:
        rest = [line for line in state.without_place if gone and line.line_id not in gone]
        following = replace(following, without_place=rest)
    following, more = work_moving.settled(around, following, now_ms)
    return following, sends + more


_LEFT = frozenset({*OVER, WorkStatus.SHIPPED, WorkStatus.DAMAGED, WorkStatus.LOST})


def _repacked(one: FulfillmentOrder, now_ms: int) -> FulfillmentOrder:
    """The parcels without what is no longer wanted."""
    wanted = {line.line_id for line in one.lines}
    parcels = [
        replace(parcel, lines=[line for line in parcel.lines if line.line_id in wanted])
        for parcel in one.parcels
    ]
    return replace(one, parcels=[parcel for parcel in parcels if parcel.lines])
