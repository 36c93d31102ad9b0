"""How a fulfillment order becomes two, and two become one, before they are packed.

The stock stays where it is. What is split off is where the whole was; two are merged that are
equally far. A supplier's purchase order stands as it was sent: it is not divided.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment_moves import (
    FulfillmentOrdersMerged,
    FulfillmentOrderSplit,
    MergeFulfillmentOrders,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import FulfillmentOrder, WorkRefusal, WorkState, WorkStatus
from streams.fulfillment.work_model import (
    MAXIMUM_FULFILLMENT_ORDERS,
    SPLIT,
    START,
    MergedInto,
    after,
    allows,
)
from streams.fulfillment.work_places import Around
from streams.fulfillment.work_told import (
    Changed,
    changed,
    event,
    refused,
    unknown_line,
    with_order,
)

Fault = tuple[WorkRefusal, str]


def split(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: SplitFulfillmentOrder,
    now_ms: int,
) -> Changed:
    """Some of its lines are a fulfillment order of their own from now on."""
    wanted = set(command.line_ids)
    if wanted and any(
        other.origin == one.fulfillment_order_id
        and other.status != WorkStatus.MERGED
        and wanted <= {line.line_id for line in other.lines}
        for other in state.orders
    ):
        return state, []
    fault = _split_fault(around, state, one, command)
    if fault is not None:
        return state, [refused(one, command, now_ms, *fault)]
    order_id, name = state.order_id, f"{state.order_id}/{len(state.orders) + 1}"
    part = FulfillmentOrder(
        name, one.location_id, one.destination, after(START, SPLIT[one.status]),
        [line for line in one.lines if line.line_id in wanted], now_ms,
        released_at_ms=now_ms, origin=one.fulfillment_order_id,
    )  # fmt: skip
    told = FulfillmentOrderSplit(
        order_id, name, one.fulfillment_order_id, one.location_id,
        [line.line_id for line in part.lines], one.destination, part.status, command.actor, now_ms,
    )  # fmt: skip
    rest = replace(one, lines=[line for line in one.lines if line.line_id not in wanted])
    state = changed(state, rest, FulfillmentOrderSplit, now_ms)
    return replace(state, orders=[*state.orders, part]), [event(state, told)]


def _split_fault(
    around: Around, state: WorkState, one: FulfillmentOrder, command: SplitFulfillmentOrder
) -> Fault | None:
    """Why it stays one, in the order of checks; None where it becomes two."""
    if not allows(one.status, FulfillmentOrderSplit):
        return WorkRefusal.WRONG_STATUS, f"it is {one.status}"
    unknown = unknown_line(one, command.line_ids)
    if unknown or not command.line_ids:
        return WorkRefusal.UNKNOWN_LINE, f"line {unknown} is not in it" if unknown else "no line"
    if one.location_id in around.suppliers():
        return WorkRefusal.WITH_SUPPLIER, f"{one.location_id} has its purchase order"
    if len(set(command.line_ids)) == len(one.lines):
        return WorkRefusal.NOTHING_LEFT, "these are all of its lines"
    if len(state.orders) >= MAXIMUM_FULFILLMENT_ORDERS:
        return WorkRefusal.TOO_MANY, f"the order has had {len(state.orders)}"
    return None


def merge(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: MergeFulfillmentOrders,
    now_ms: int,
) -> Changed:
    """The lines of another one leave with it."""
    name = one.fulfillment_order_id
    other = next(
        (order for order in state.orders if order.fulfillment_order_id == command.merged_id), None
    )
    if other is None:
        detail = f"the order has no {command.merged_id}"
        reason = WorkRefusal.UNKNOWN_FULFILLMENT_ORDER
        return state, [refused(one, command, now_ms, reason, detail)]
    if other.status == WorkStatus.MERGED and other.origin == name:
        return state, []
    fault = _merge_fault(around, one, other)
    if fault is not None:
        return state, [refused(one, command, now_ms, *fault)]
    told = FulfillmentOrdersMerged(
        state.order_id, name, command.merged_id, one.location_id,
        [line.line_id for line in other.lines], after(one.status, FulfillmentOrdersMerged),
        command.actor, now_ms,
    )  # fmt: skip
    state = with_order(state, replace(one, lines=[*one.lines, *other.lines]))
    ended = replace(other, lines=[], origin=name)
    return changed(state, ended, MergedInto, now_ms), [event(state, told)]


def _merge_fault(around: Around, one: FulfillmentOrder, other: FulfillmentOrder) -> Fault | None:
    """Why they stay two, in the order of checks; None where they become one."""
    if one is other:
        return WorkRefusal.CONFLICT, "they are the same"
    if not allows(one.status, FulfillmentOrdersMerged):
        return WorkRefusal.WRONG_STATUS, f"it is {one.status}"
    if other.status != one.status:
        detail = f"it is {one.status}, {other.fulfillment_order_id} is {other.status}"
        return WorkRefusal.WRONG_STATUS, detail
    if one.location_id in around.suppliers():
        return WorkRefusal.WITH_SUPPLIER, f"{one.location_id} has its purchase order"
    if other.location_id != one.location_id:
        detail = f"it is at {one.location_id}, the other at {other.location_id}"
        return WorkRefusal.OTHER_PLACE, detail
    if other.destination != one.destination:
        detail = f"they go to addresses {one.destination or 0} and {other.destination or 0}"
        return WorkRefusal.OTHER_PLACE, detail
    return None
