"""The inventory room's bounds, the shape of its keys, and what is available at a location."""

from __future__ import annotations

from enum import StrEnum

from schemas.inventory import Waiting
from schemas.stock import LocationLevel, PositionAt

HOUR_MS = 3_600_000
ALSO_AT_MAXIMUM = 8
"""further locations named in a reply"""
MAXIMUM_WAITING = 1_000
"""lines in the queue of a SKU"""
QUEUE_HOLD_MS = 24 * HOUR_MS
"""how long stock that the queue gave to a line waits for its order to take it"""
KIT_LOCATIONS_MAXIMUM = 16
"""ranked locations at which a kit is tried"""

EXPIRED = "expired"
"""reason of a release whose time had come"""
SERVED = "served"
"""reason of a wait that ended with stock"""
RESIZED = "resized"
"""reason of a release that a reservation of another quantity follows at once"""
KIT_INCOMPLETE = "kit_incomplete"
"""reason of a component's release: another one was missing at the location"""


class KitStatus(StrEnum):
    """Where the reservation of a kit is."""

    RESERVING = "reserving"
    RESERVED = "reserved"
    UNDOING = "undoing"
    """released while answers were out; what they bring is given back"""


class PartStatus(StrEnum):
    """What a component has answered at the location that is being tried."""

    ASKED = "asked"
    HELD = "held"
    REFUSED = "refused"


def reservation_key(sku: str, order_id: str, line_id: str) -> str:
    """The key of a reservation; it stands in the partition of its SKU."""
    return f"{sku}|{order_id}|{line_id}"


def spare(position: PositionAt | LocationLevel) -> int:
    """Pieces that nobody has a claim to; less than 0 where safety stock is eaten into."""
    return position.on_hand - position.reserved - position.allocated - position.safety_stock


def available(position: PositionAt | LocationLevel, threshold: int = 0) -> int:
    """Available to promise, in pieces, 0 or more. `threshold`: what the channel may not sell."""
    return max(0, spare(position) - threshold)


def turn(line: Waiting) -> tuple[int, int, str, str]:
    """What the queue is sorted by: the greater priority, then who has waited longest."""
    return (-line.priority, line.since_ms, line.order_id, line.line_id)
