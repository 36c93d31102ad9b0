"""The orders room's states as tables, and its bounds."""

from __future__ import annotations

from zlib import crc32

from schemas import inventory
from schemas.customers import AssessOrder
from schemas.fulfillment import RankLocations, RouteOrder
from schemas.orders import (
    AmendmentRefused,
    AmendOrder,
    FulfillmentStatus,
    OrderAmended,
    OrderAuthorized,
    OrderBackordered,
    OrderCancelled,
    OrderHeld,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    OrderShipped,
    Refusal,
    Status,
)
from schemas.payments import AuthorizePayment
from schemas.routing import RecordUnrouted
from streams.transitions import Step, following

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
RESERVATION_HOLD_MS = 30 * MINUTE_MS
"""how long an order may take from its reservation to its release"""
BACKORDER_RETRY_MS = 15 * MINUTE_MS
"""until an order tries again of which some missing line stands in no queue"""
TOLD_RETRY_MS = 6 * 60 * MINUTE_MS
"""until an order tries again of which every missing line waits in a queue: inventory will tell"""
AT_ONCE_ATTEMPTS = 3
"""so many attempts follow at once on word of stock; the further ones keep a distance"""
BACKORDER_LIMIT_MS = 30 * DAY_MS
"""how long a backordered order waits for stock before it is refused"""
REPLY_PATIENCE_MS = 60 * MINUTE_MS
"""how long an order that is to be cancelled waits for replies that are still out"""
ASSESSMENT_PATIENCE_MS = 5 * MINUTE_MS
"""how long an order waits for what is known of its customer before it goes on without"""
AMENDMENT_PATIENCE_MS = 60 * MINUTE_MS
"""how long stock, and then money, may take to answer for a change"""
EARLY_MS = DAY_MS
"""how long a command waits for the order that it is about"""
MAXIMUM_EARLY = 8
"""commands that wait for one order"""
MAXIMUM_AMENDMENTS = 8
"""changes of one order that wait"""
MAXIMUM_LINES = 1_000
"""of one order"""
MAXIMUM_HOLDS = 32
"""of one order at one time"""
MAXIMUM_REQUESTS = 1_000
"""amendments, shipments and ended holds of one order: all of them are kept, to know repeats"""
RESERVATION_EXPIRED = Refusal.RESERVATION_EXPIRED


START = ""
"""The status of an order that is not known."""

TRANSITIONS: dict[str, dict[Step, Status]] = {
    START: {
        OrderPlaced: Status.RESERVING,
        AssessOrder: Status.ASSESSING,
        OrderHeld: Status.HELD,
        AuthorizePayment: Status.AUTHORIZING,
        OrderRefused: Status.REFUSED,
    },
    Status.ASSESSING: {
        RankLocations: Status.RESERVING,
        OrderHeld: Status.HELD,
        AuthorizePayment: Status.AUTHORIZING,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.HELD: {
        RankLocations: Status.RESERVING,
        AuthorizePayment: Status.AUTHORIZING,
        OrderCancelled: Status.CANCELLED,
    },
    Status.RESERVING: {
        OrderReserved: Status.AUTHORIZING,
        RankLocations: Status.RESERVING,
        AuthorizePayment: Status.AUTHORIZING,
        OrderBackordered: Status.BACKORDERED,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.BACKORDERED: {
        RankLocations: Status.RESERVING,
        AuthorizePayment: Status.AUTHORIZING,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.AUTHORIZING: {
        OrderAuthorized: Status.READY,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.READY: {
        AmendOrder: Status.AMENDING,
        RouteOrder: Status.ROUTING,
        OrderReleased: Status.RELEASED,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.AMENDING: {
        OrderAmended: Status.READY,
        AmendmentRefused: Status.READY,
        OrderCancelled: Status.CANCELLED,
    },
    Status.ROUTING: {
        OrderReleased: Status.RELEASED,
        RecordUnrouted: Status.READY,
        OrderCancelled: Status.CANCELLED,
    },
    Status.RELEASED: {OrderCancelled: Status.CANCELLED},
    Status.REFUSED: {},
    Status.CANCELLED: {},
}
"""Status, and what is written, to the next status. A retry is no event but its RankLocations, an
order without goods goes on with its AuthorizePayment, and one whose shipments no rule allows goes
back with what fulfillment says, RecordUnrouted."""


class LastShipped(OrderShipped, frozen=True):
    """The OrderShipped after which nothing is still to be shipped."""


class LastOpenCancelled(OrderAmended, frozen=True):
    """The OrderAmended that takes out all that was still to be shipped."""


_OPEN: dict[Step, FulfillmentStatus] = {
    OrderShipped: FulfillmentStatus.PARTLY_SHIPPED,
    LastShipped: FulfillmentStatus.SHIPPED,
}
FULFILLMENT: dict[str, dict[Step, FulfillmentStatus]] = {
    START: {OrderPlaced: FulfillmentStatus.UNFULFILLED},
    FulfillmentStatus.UNFULFILLED: {
        **_OPEN,
        LastOpenCancelled: FulfillmentStatus.CANCELLED,
        OrderRefused: FulfillmentStatus.CANCELLED,
        OrderCancelled: FulfillmentStatus.CANCELLED,
    },
    FulfillmentStatus.PARTLY_SHIPPED: {
        **_OPEN,
        LastOpenCancelled: FulfillmentStatus.SHIPPED,
    },
    FulfillmentStatus.SHIPPED: {},
    FulfillmentStatus.CANCELLED: {},
}
"""What has become of the goods, and what is written, to what has become of them then."""

LINE_REFUSALS: dict[str, Refusal] = {
    inventory.Refusal.OUT_OF_STOCK: Refusal.OUT_OF_STOCK,
    inventory.Refusal.QUEUE_FULL: Refusal.OUT_OF_STOCK,
    inventory.Refusal.UNKNOWN_SKU: Refusal.UNKNOWN_SKU,
    inventory.Refusal.KIT_HAS_NO_STOCK: Refusal.UNKNOWN_SKU,
    inventory.Refusal.RESERVATION_CONFLICT: Refusal.ORDER_CONFLICT,
    inventory.Refusal.INVALID_QUANTITY: Refusal.ORDER_CONFLICT,
    inventory.Refusal.UNKNOWN_RESERVATION: Refusal.RESERVATION_EXPIRED,
    inventory.Refusal.ALREADY_ALLOCATED: Refusal.TOO_LATE,
}
"""What inventory says of a line, to what it means for the order."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    return following(TRANSITIONS, status, step)


def goods_after(status: str, step: Step) -> FulfillmentStatus:
    """What has become of the goods after `step`. Raises IllegalTransition."""
    return following(FULFILLMENT, status, step)


def pause_ms(order_id: str, attempt: int) -> int:
    """How long after the start of `attempt` word of stock leads to the next one.

    Two orders that each hold what the other one lacks give it back, are told of it and hold it the
    other way round, for ever if they do so in step; so does an order with two lines of one SKU, all
    alone. The distance grows up to BACKORDER_RETRY_MS and differs from order to order. Stock that
    the queue holds stays held meanwhile.
    """
    if attempt <= AT_ONCE_ATTEMPTS:
        return 0
    longest = min(BACKORDER_RETRY_MS, MINUTE_MS << min(attempt - AT_ONCE_ATTEMPTS, 16))
    return longest // 2 + crc32(f"{order_id}/{attempt}".encode()) % (longest // 2)
