"""What the world is told of fulfillment orders, and how one takes the place of itself."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from schemas.fulfillment import FulfillmentCommandRefused
from schemas.fulfillment_moves import (
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrder,
    HoldFulfillmentOrder,
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
from schemas.messages import Send
from schemas.records import Record
from schemas.topics import FULFILLMENT_EVENTS
from streams.fulfillment.work_model import after
from streams.transitions import Step

AboutOne = (
    AcceptFulfillmentOrder
    | RejectFulfillmentOrder
    | StartPicking
    | ReportShort
    | RecordPacked
    | ShipFulfillmentOrder
    | RecordCarrierEvent
    | HoldFulfillmentOrder
    | ReleaseFulfillmentOrder
    | MoveFulfillmentOrder
    | SplitFulfillmentOrder
    | MergeFulfillmentOrders
)
"""What people and carriers say of one fulfillment order."""
Silent = RecordShipmentAnswer | RecordGoodsLeft | RecordWhereTo
"""What orders says: it is never refused, but may mean nothing."""
AboutWork = AboutOne | Silent | RouteLinesTo | RedirectFulfillmentOrder
Changed = tuple[WorkState, list[Send]]
_ORDER = (
    WorkStatus.RELEASED, WorkStatus.ACCEPTED, WorkStatus.PICKING, WorkStatus.PACKED,
    WorkStatus.SHIPPING, WorkStatus.SHIPPED, WorkStatus.DELIVERED,
)  # fmt: skip
_AWAY = (WorkStatus.DAMAGED, WorkStatus.LOST, WorkStatus.RETURNED_TO_SENDER)


def reached(status: WorkStatus) -> Sequence[str]:
    """The statuses on the straight way that lie behind `status`."""
    return (*_ORDER[_ORDER.index(status) + 1 :], *_AWAY)


def event(state: WorkState, told: Record) -> Send:
    """An event of the order."""
    return Send(FULFILLMENT_EVENTS, state.order_id, told)


def changed(state: WorkState, one: FulfillmentOrder, step: Step, now_ms: int) -> WorkState:
    """The state with `one` after `step`. Raises IllegalTransition."""
    status = after(one.status, step)
    if status != one.status:
        one = replace(one, status=status, changed_at_ms=now_ms)
    return with_order(state, one)


def with_order(state: WorkState, one: FulfillmentOrder) -> WorkState:
    """The state with `one` in the place of what it was."""
    name = one.fulfillment_order_id
    return replace(
        state,
        orders=[one if order.fulfillment_order_id == name else order for order in state.orders],
    )


def refused(
    one: FulfillmentOrder,
    command: AboutOne | RedirectFulfillmentOrder,
    now_ms: int,
    reason: WorkRefusal = WorkRefusal.WRONG_STATUS,
    detail: str = "",
) -> Send:
    """Tell that a command changed nothing, and in which status it came."""
    detail = detail or f"it is {one.status}"
    [send] = refused_or_not(command, reason, detail, now_ms)
    return send


def refused_or_not(
    command: AboutWork,
    reason: WorkRefusal,
    detail: str,
    now_ms: int,
) -> list[Send]:
    """The same of any command; what orders says is not refused."""
    if isinstance(command, Silent):
        return []
    name = "" if isinstance(command, RouteLinesTo) else command.fulfillment_order_id
    told = FulfillmentCommandRefused(
        command.order_id, type(command).__name__, reason, now_ms, name, detail, command.actor
    )
    return [Send(FULFILLMENT_EVENTS, command.order_id, told)]


def unknown_line(one: FulfillmentOrder, line_ids: Sequence[str]) -> str:
    """A line of these that is not in it; empty where all are."""
    there = {line.line_id for line in one.lines}
    return next((line_id for line_id in line_ids if line_id not in there), "")
