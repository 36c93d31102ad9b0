"""The orders room's states as a table, and its bounds."""

from __future__ import annotations

from zlib import crc32

from schemas import inventory
from schemas.fulfillment import RankLocations
from schemas.orders import (
    OrderAuthorized,
    OrderBackordered,
    OrderCancelled,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    Refusal,
    Status,
)
from streams.transitions import Step, following

MINUTE_MS = 60_000
RESERVATION_HOLD_MS = 30 * MINUTE_MS
"""how long an order may take from its reservation to its release"""
BACKORDER_RETRY_MS = 15 * MINUTE_MS
"""until an order tries again of which some missing line stands in no queue"""
TOLD_RETRY_MS = 6 * 60 * MINUTE_MS
"""until an order tries again of which every missing line waits in a queue: inventory will tell"""
AT_ONCE_ATTEMPTS = 3
"""so many attempts follow at once on word of stock; the further ones keep a distance"""
BACKORDER_LIMIT_MS = 30 * 24 * 60 * MINUTE_MS
"""how long a backordered order waits for stock before it is refused"""
REPLY_PATIENCE_MS = 60 * MINUTE_MS
"""how long an order that is to be cancelled waits for replies that are still out"""
RESERVATION_EXPIRED = Refusal.RESERVATION_EXPIRED


START = ""
"""The status of an order that is not known."""

TRANSITIONS: dict[str, dict[Step, Status]] = {
    START: {OrderPlaced: Status.RESERVING},
    Status.RESERVING: {
        OrderReserved: Status.AUTHORIZING,
        OrderBackordered: Status.BACKORDERED,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.BACKORDERED: {
        RankLocations: Status.RESERVING,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.AUTHORIZING: {
        OrderAuthorized: Status.ROUTING,
        OrderRefused: Status.REFUSED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.ROUTING: {
        OrderReleased: Status.RELEASED,
        OrderCancelled: Status.CANCELLED,
    },
    Status.RELEASED: {OrderCancelled: Status.CANCELLED},
    Status.REFUSED: {},
    Status.CANCELLED: {},
}
"""Status, and what is written, to the next status. A retry is no event but its RankLocations."""

LINE_REFUSALS: dict[str, Refusal] = {
    inventory.Refusal.OUT_OF_STOCK: Refusal.OUT_OF_STOCK,
    inventory.Refusal.QUEUE_FULL: Refusal.OUT_OF_STOCK,
    inventory.Refusal.UNKNOWN_SKU: Refusal.UNKNOWN_SKU,
    inventory.Refusal.RESERVATION_CONFLICT: Refusal.ORDER_CONFLICT,
    inventory.Refusal.INVALID_QUANTITY: Refusal.ORDER_CONFLICT,
}
"""What inventory says of a line, to what it means for the order."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    return following(TRANSITIONS, status, step)


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
