"""The life of a fulfillment order as a table, and its bounds."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import FulfillmentOrderReleased, FulfillmentState, Status
from schemas.fulfillment_moves import (
    FulfillmentMoveEnded,
    FulfillmentOrderMoving,
    FulfillmentOrderRedirected,
    FulfillmentOrdersMerged,
    FulfillmentOrderSplit,
)
from schemas.fulfillment_work import (
    CarrierEventRecorded,
    FulfillmentHoldEnded,
    FulfillmentOrder,
    FulfillmentOrderAccepted,
    FulfillmentOrderCancelled,
    FulfillmentOrderHeld,
    FulfillmentOrderPacked,
    FulfillmentOrderRejected,
    FulfillmentOrderRerouted,
    FulfillmentOrderShipped,
    FulfillmentOrderShort,
    PickingStarted,
    ShipmentRefused,
    ShipmentRequested,
    WorkLine,
    WorkState,
    WorkStatus,
)
from streams.fulfillment.rules import parts_of
from streams.transitions import Step, following

WORK_SUFFIX = "|work"
"""of the state key, behind the order_id, which has no | in it"""
MAXIMUM_PARCELS = 200
"""of one fulfillment order"""
MAXIMUM_CARRIER_EVENTS = 64
"""whose ids are kept, to know repeats; older ones are known by their time"""
MAXIMUM_EARLY = 16
"""that wait for orders to answer"""
MAXIMUM_TRIES = 64
"""locations without stock, after which a line waits for a person"""
MAXIMUM_FULFILLMENT_ORDERS = 200
"""of one order, after which none is moved or split by hand"""
PICKUP = "pickup"
"""destination of what the customer fetches"""


class LastLineShort(FulfillmentOrderShort, frozen=True):
    """A step of the table and no record: the FulfillmentOrderShort that leaves no line."""


class LeftByHand(FulfillmentOrderShipped, frozen=True):
    """A step of the table and no record: the FulfillmentOrderShipped of what was told by hand."""


class ReleasedAgain(FulfillmentHoldEnded, frozen=True):
    """A step of the table and no record: the hold of one that was released ends."""


class AcceptedAgain(FulfillmentHoldEnded, frozen=True):
    """The same of one that was accepted."""


class PickingAgain(FulfillmentHoldEnded, frozen=True):
    """The same of one that was being picked."""


class PackedAgain(FulfillmentHoldEnded, frozen=True):
    """The same of one that was packed."""


class StillReleased(FulfillmentMoveEnded, frozen=True):
    """A step of the table and no record: a move ends that left something of a released one."""


class StillAccepted(FulfillmentMoveEnded, frozen=True):
    """The same of one that was accepted."""


class StillPicking(FulfillmentMoveEnded, frozen=True):
    """The same of one that was being picked."""


class LastLineMoved(FulfillmentMoveEnded, frozen=True):
    """A step of the table and no record: the FulfillmentMoveEnded that leaves no line."""


class SplitAccepted(FulfillmentOrderSplit, frozen=True):
    """A step of the table and no record: a part of one that was accepted is one by itself."""


class SplitPicking(FulfillmentOrderSplit, frozen=True):
    """The same of one that was being picked."""


class MergedInto(FulfillmentOrdersMerged, frozen=True):
    """A step of the table and no record: the FulfillmentOrdersMerged that another one stays of."""


class OnItsWay(CarrierEventRecorded, frozen=True):
    """A step of the table and no record: in transit, or an exception."""


class Damaged(CarrierEventRecorded, frozen=True):
    """The carrier has damaged it."""


class Lost(CarrierEventRecorded, frozen=True):
    """The carrier has lost it."""


class Delivered(CarrierEventRecorded, frozen=True):
    """It is where it was to go."""


class Returned(CarrierEventRecorded, frozen=True):
    """It is back."""


START = ""
"""The status of a fulfillment order that is not known."""

_BEFORE_PACKING: dict[Step, WorkStatus] = {
    FulfillmentOrderRejected: WorkStatus.REJECTED,
    FulfillmentOrderHeld: WorkStatus.HELD,
    FulfillmentOrderCancelled: WorkStatus.CANCELLED,
    LeftByHand: WorkStatus.SHIPPED,
    FulfillmentOrderMoving: WorkStatus.MOVING,
    MergedInto: WorkStatus.MERGED,
}
_AWAY: dict[Step, WorkStatus] = {
    Delivered: WorkStatus.DELIVERED,
    Damaged: WorkStatus.DAMAGED,
    Lost: WorkStatus.LOST,
    Returned: WorkStatus.RETURNED_TO_SENDER,
}


def _staying(status: WorkStatus) -> dict[Step, WorkStatus]:
    """What changes its lines or its address, and not where it is."""
    return {
        FulfillmentOrderSplit: status,
        FulfillmentOrdersMerged: status,
        FulfillmentOrderRedirected: status,
    }


WORK: dict[str, dict[Step, WorkStatus]] = {
    START: {
        FulfillmentOrderReleased: WorkStatus.RELEASED,
        FulfillmentOrderRerouted: WorkStatus.RELEASED,
        FulfillmentOrderSplit: WorkStatus.RELEASED,
        SplitAccepted: WorkStatus.ACCEPTED,
        SplitPicking: WorkStatus.PICKING,
    },
    WorkStatus.RELEASED: {
        FulfillmentOrderAccepted: WorkStatus.ACCEPTED,
        **_staying(WorkStatus.RELEASED),
        **_BEFORE_PACKING,
    },
    WorkStatus.ACCEPTED: {
        PickingStarted: WorkStatus.PICKING,
        FulfillmentOrderShort: WorkStatus.ACCEPTED,
        LastLineShort: WorkStatus.SHORT,
        **_staying(WorkStatus.ACCEPTED),
        **_BEFORE_PACKING,
    },
    WorkStatus.PICKING: {
        FulfillmentOrderPacked: WorkStatus.PACKED,
        FulfillmentOrderShort: WorkStatus.PICKING,
        LastLineShort: WorkStatus.SHORT,
        **_staying(WorkStatus.PICKING),
        **_BEFORE_PACKING,
    },
    WorkStatus.MOVING: {
        StillReleased: WorkStatus.RELEASED,
        StillAccepted: WorkStatus.ACCEPTED,
        StillPicking: WorkStatus.PICKING,
        LastLineMoved: WorkStatus.MOVED,
        FulfillmentOrderCancelled: WorkStatus.CANCELLED,
        LeftByHand: WorkStatus.SHIPPED,
    },
    WorkStatus.PACKED: {
        FulfillmentOrderPacked: WorkStatus.PACKED,
        ShipmentRequested: WorkStatus.SHIPPING,
        FulfillmentOrderHeld: WorkStatus.HELD,
        FulfillmentOrderCancelled: WorkStatus.CANCELLED,
        LeftByHand: WorkStatus.SHIPPED,
    },
    WorkStatus.SHIPPING: {
        FulfillmentOrderShipped: WorkStatus.SHIPPED,
        ShipmentRefused: WorkStatus.PACKED,
        FulfillmentOrderCancelled: WorkStatus.CANCELLED,
        LeftByHand: WorkStatus.SHIPPED,
    },
    WorkStatus.SHIPPED: {OnItsWay: WorkStatus.SHIPPED, **_AWAY},
    WorkStatus.DAMAGED: {OnItsWay: WorkStatus.DAMAGED, **_AWAY},
    WorkStatus.LOST: {OnItsWay: WorkStatus.SHIPPED, **_AWAY},
    WorkStatus.HELD: {
        ReleasedAgain: WorkStatus.RELEASED,
        AcceptedAgain: WorkStatus.ACCEPTED,
        PickingAgain: WorkStatus.PICKING,
        PackedAgain: WorkStatus.PACKED,
        FulfillmentOrderRedirected: WorkStatus.HELD,
        FulfillmentOrderCancelled: WorkStatus.CANCELLED,
        LeftByHand: WorkStatus.SHIPPED,
    },
    WorkStatus.DELIVERED: {},
    WorkStatus.RETURNED_TO_SENDER: {},
    WorkStatus.MOVED: {},
    WorkStatus.MERGED: {},
    WorkStatus.REJECTED: {},
    WorkStatus.SHORT: {},
    WorkStatus.CANCELLED: {},
}
"""Status, and what is written, to the next status. What a carrier has lost may be found again; what
is delivered stays delivered."""

HELD_AGAIN: dict[str, Step] = {
    WorkStatus.RELEASED: ReleasedAgain,
    WorkStatus.ACCEPTED: AcceptedAgain,
    WorkStatus.PICKING: PickingAgain,
    WorkStatus.PACKED: PackedAgain,
}
"""The step back out of a hold, by where it was before."""
STILL: dict[str, Step] = {
    WorkStatus.RELEASED: StillReleased,
    WorkStatus.ACCEPTED: StillAccepted,
    WorkStatus.PICKING: StillPicking,
}
"""The step back after a move that left something, by where it was before."""
SPLIT: dict[str, Step] = {
    WorkStatus.RELEASED: FulfillmentOrderSplit,
    WorkStatus.ACCEPTED: SplitAccepted,
    WorkStatus.PICKING: SplitPicking,
}
"""The first step of a part, by where the whole is."""
OVER = frozenset(status for status, steps in WORK.items() if status and not steps)
"""Statuses that nothing follows."""


def after(status: str, step: Step) -> WorkStatus:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    return following(WORK, status, step)


def allows(status: str, step: Step) -> bool:
    """Whether the table has the step."""
    return step in WORK[status]


def begun(routing: FulfillmentState | None) -> WorkState | None:
    """The fulfillment orders as they were released, before anything was said of them; None of an
    order that is not routed."""
    if routing is None or not routing.routed_at_ms:
        return None
    withdrawn = routing.status == Status.CANCELLED
    made = []
    for fulfillment_order_id, allocations in parts_of(routing).items():
        lines = [
            WorkLine(one.line_id, one.sku, one.quantity, one.also_at)
            for one in allocations
            if one.line_id not in routing.cancelled and not withdrawn
        ]
        released = FulfillmentOrder(
            fulfillment_order_id,
            allocations[0].location_id,
            allocations[0].destination,
            after(START, FulfillmentOrderReleased),
            lines,
            routing.routed_at_ms,
            released_at_ms=routing.routed_at_ms,
        )
        if not lines:
            status = after(released.status, FulfillmentOrderCancelled)
            released = replace(released, status=status)
        made.append(released)
    return WorkState(routing.order_id, made, [], [])
