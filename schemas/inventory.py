"""What is held, promised and reserved. Key of commands and events: sku.

Movements of what is physically there, and of what is on its way, stand in `schemas/stock.py`.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record
from schemas.stock import (
    ChannelThreshold,
    Component,
    PositionAt,
    Quota,
    ReorderRule,
    Supply,
    UnitOfMeasure,
)


class Refusal(StrEnum):
    """Why stock is refused; the order of checks."""

    MOVEMENT_CONFLICT = "movement_conflict"
    RESERVATION_CONFLICT = "reservation_conflict"
    UNKNOWN_SKU = "unknown_sku"
    UNKNOWN_POSITION = "unknown_position"
    UNKNOWN_UNIT = "unknown_unit"
    INVALID_QUANTITY = "invalid_quantity"
    OUT_OF_STOCK = "out_of_stock"
    QUEUE_FULL = "queue_full"
    UNKNOWN_RESERVATION = "unknown_reservation"
    ALREADY_ALLOCATED = "already_allocated"
    BELOW_RESERVED = "below_reserved"
    UNKNOWN_TRANSFER = "unknown_transfer"
    LOT_REQUIRED = "lot_required"
    UNKNOWN_LOT = "unknown_lot"
    SERIAL_CONFLICT = "serial_conflict"
    KIT_HAS_NO_STOCK = "kit_has_no_stock"


class StockChoice(StrEnum):
    """By which stock one of several locations is chosen."""

    OVERSTOCK = "overstock"
    """the one with the most pieces available, safety stock taken off"""
    AGE = "age"
    """the one whose pieces expire first; of a SKU without lots all are equal"""


class ChosenByStock(Record, frozen=True):
    """Of these locations inventory takes the one that its stock speaks for, and not the first."""

    first: int
    """number of the first of them among the ranked ones, from 0"""
    last: int
    """number of the last of them; those between are among them"""
    by: str
    """one of StockChoice; of equals the earlier one is taken"""


class ReserveStock(Record, frozen=True):
    """Reserve a line at the first ranked location that can serve it whole."""

    order_id: str
    line_id: str
    sku: str
    quantity: int
    attempt: int
    locations: list[str]
    """ranked, best first"""
    reserved_until_ms: Millis
    channel: str = ""
    """whose thresholds and quotas apply; empty for none"""
    customer_group: str = ""
    backorder: bool = False
    """true: wait in the queue of the SKU when nothing is there"""
    priority: int = 0
    """in the queue; the greater goes first"""
    expires: bool = False
    """true: given back at reserved_until_ms; false: whoever reserved it sees to that"""
    kit_sku: str = ""
    """the kit whose component this is; the answer then goes to the kit"""
    leave: int = 0
    """pieces that have to be left at the location: what its channel may not sell of the kit"""
    held: bool = False
    """true: the line is reserved and is to have this quantity; where that cannot be, it stays as it
    is and this is refused"""
    ruled: bool = False
    """the rules of routing say what becomes of the order where this is refused"""
    choices: list[ChosenByStock] = []
    """where stock decides; kits, and lines that wait, go by the ranking alone"""


class ReleaseStock(Record, frozen=True):
    """Give a reservation, or a place in the queue, back. One that is not there is refused."""

    order_id: str
    line_id: str
    sku: str
    reason: str


class MoveReservation(Record, frozen=True):
    """Move a reservation to another location, to save a shipment."""

    order_id: str
    line_id: str
    sku: str
    location_id: str
    """where to"""


class ExtendReservation(Record, frozen=True):
    """Hold a reservation longer. An earlier time than it has is refused."""

    order_id: str
    line_id: str
    sku: str
    reserved_until_ms: Millis


class AllocateStock(Record, frozen=True):
    """Bind a reservation to be worked on: it no longer expires and takes its lots."""

    order_id: str
    line_id: str
    sku: str


class ShipStock(Record, frozen=True):
    """The reserved or allocated pieces have left the location."""

    order_id: str
    line_id: str
    sku: str
    actor: str


class RecordComponent(Record, frozen=True):
    """Reply of a component's partition to a kit. Key: sku of the kit."""

    kit_sku: str
    order_id: str
    line_id: str
    """of the kit"""
    component_sku: str
    attempt: int
    reserved: bool
    location_id: str
    reason: str


class StockReserved(Record, frozen=True):
    """A line is reserved at a location. on_hand and reserved are the position afterwards."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    reserved_until_ms: Millis
    at_ms: Millis
    quota_id: str = ""
    """the quota that it consumes; empty for none"""


class StockRefused(Record, frozen=True):
    """Nothing was reserved or changed."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    reason: str
    at_ms: Millis
    movement_id: str = ""
    """of the movement, or the supply, that was refused; empty where it was a reservation"""
    location_id: str = ""
    actor: str = ""


class StockReleased(Record, frozen=True):
    """A reservation was given back. on_hand and reserved are the position afterwards."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    reason: str
    at_ms: Millis
    allocated: int = 0
    was_allocated: bool = False
    """true: the pieces came out of allocated, not out of reserved"""


class ReservationMoved(Record, frozen=True):
    """A reservation left from_location_id for location_id; the positions afterwards of both."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    from_location_id: str
    from_on_hand: int
    from_reserved: int
    location_id: str
    on_hand: int
    reserved: int
    at_ms: Millis


class ReservationExtended(Record, frozen=True):
    """A reservation is held until a later time."""

    sku: str
    order_id: str
    line_id: str
    reserved_until_ms: Millis
    at_ms: Millis


class LotPick(Record, frozen=True):
    """Pieces of a lot; a serial number is a lot of one piece."""

    lot_id: str
    quantity: int


class StockAllocated(Record, frozen=True):
    """A reservation is worked on: its pieces went from reserved to allocated."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    allocated: int
    lots: list[LotPick]
    """earliest expiry first; empty where lots are not tracked"""
    at_ms: Millis


class StockShipped(Record, frozen=True):
    """The pieces of a line have left; the position afterwards."""

    sku: str
    order_id: str
    line_id: str
    location_id: str
    quantity: int
    on_hand: int
    reserved: int
    allocated: int
    lots: list[LotPick]
    actor: str
    at_ms: Millis
    was_allocated: bool = False
    """true: the pieces came out of allocated, not out of reserved"""


class StockBackordered(Record, frozen=True):
    """A line waits in the queue of its SKU."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    priority: int
    promised_at_ms: Millis
    """when expected supply covers it; 0 where none does"""
    at_ms: Millis


class BackorderPromised(Record, frozen=True):
    """What a waiting line was promised has changed, for better or worse."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    promised_at_ms: Millis
    previously_ms: Millis
    at_ms: Millis


class BackorderEnded(Record, frozen=True):
    """A line waits no longer: it was given stock (StockReserved follows) or withdrawn."""

    sku: str
    order_id: str
    line_id: str
    quantity: int
    reason: str
    at_ms: Millis


class Waiting(Record, frozen=True):
    """A line in the queue of its SKU."""

    order_id: str
    line_id: str
    quantity: int
    attempt: int
    locations: list[str]
    channel: str
    customer_group: str
    priority: int
    since_ms: Millis
    promised_at_ms: Millis


class StockState(Record, frozen=True):
    """Everything about a SKU but its reservations (inventory.state, key: sku)."""

    sku: str
    positions: list[PositionAt]
    thresholds: list[ChannelThreshold] = []
    quotas: list[Quota] = []
    units: list[UnitOfMeasure] = []
    components: list[Component] = []
    """not empty: the SKU is a kit and has no stock of its own"""
    tracking: str = ""
    """empty, lot or serial"""
    waiting: list[Waiting] = []
    """in the order in which they are served"""
    supplies: list[Supply] = []
    """expected, earliest first"""
    level: str = ""
    """ok, low or out, as it was last told"""
    low_at: int = 0
    """available pieces at or below which stock is low; 0 for never"""
    reorder: list[ReorderRule] = []
    dropped: list[Quota] = []
    """quotas that are no more, while reservations stand that were made of them"""
    earlier: str = ""
    """the SKU that its partition knew before it, its own for the first; see SkusState"""


class ReservationState(Record, frozen=True):
    """One reservation (inventory.state, key: sku|order_id|line_id); deleted when it ends."""

    order_id: str
    line_id: str
    sku: str
    location_id: str
    quantity: int
    attempt: int
    reserved_until_ms: Millis
    allocated: bool = False
    quota_id: str = ""
    kit_sku: str = ""
    lots: list[LotPick] = []
    wake_at_ms: Millis = 0


class KitLine(Record, frozen=True):
    """A component of a kit that is being reserved."""

    sku: str
    quantity: int
    status: str
    """asked, held, refused or free"""


class KitState(Record, frozen=True):
    """A kit's reservation (inventory.state, key: sku|order_id|line_id of the kit)."""

    order_id: str
    line_id: str
    sku: str
    quantity: int
    attempt: int
    """of the order"""
    locations: list[str]
    tried: int
    """index in locations of the one that is being tried"""
    lines: list[KitLine]
    status: str
    """reserving, reserved or undoing"""
    location_id: str
    reserved_until_ms: Millis
    reason: str
    """why it is undone; while it is being reserved, what no other location can mend"""
    channel: str = ""
    customer_group: str = ""
    wake_at_ms: Millis = 0
    ruled: bool = False
    """as ReserveStock has it"""
