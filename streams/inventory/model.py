"""The inventory room's bounds and the shape of its keys."""

from __future__ import annotations

from schemas.stock import PositionAt

ALSO_AT_MAXIMUM = 8
"""further locations named in a reply"""


def reservation_key(sku: str, order_id: str, line_id: str) -> str:
    """The key of a reservation; it stands in the partition of its SKU."""
    return f"{sku}|{order_id}|{line_id}"


def available(position: PositionAt) -> int:
    """Available to promise, in pieces, 0 or more."""
    return max(0, position.on_hand - position.reserved - position.safety_stock)
