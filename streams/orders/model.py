"""The orders room's states as a table, and its bounds."""

from __future__ import annotations

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
from schemas.records import Record

MINUTE_MS = 60_000
RESERVATION_HOLD_MS = 30 * MINUTE_MS
"""how long an order may take from its reservation to its release"""
BACKORDER_RETRY_MS = 15 * MINUTE_MS
BACKORDER_LIMIT_MS = 30 * 24 * 60 * MINUTE_MS
"""how long a backordered order waits for stock before it is refused"""
REPLY_PATIENCE_MS = 60 * MINUTE_MS
"""how long an order that is to be cancelled waits for replies that are still out"""
RESERVATION_EXPIRED = Refusal.RESERVATION_EXPIRED

Step = type[Record]

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
    inventory.Refusal.UNKNOWN_SKU: Refusal.UNKNOWN_SKU,
    inventory.Refusal.RESERVATION_CONFLICT: Refusal.ORDER_CONFLICT,
}
"""What inventory says of a line, to what it means for the order."""


class IllegalTransition(RuntimeError):
    """A rule wanted a step that the table does not have; nothing has changed."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    following = TRANSITIONS[status].get(step)
    if following is None:
        raise IllegalTransition(f"{step.__name__} in status {status or 'unknown'}")
    return following
