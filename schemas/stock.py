"""What is physically there, what is on its way, and the ledger of both. Key: sku.

Every command has a `movement_id`: the same again changes nothing, another under the same id is
refused. Dispositions and business steps follow GS1's Core Business Vocabulary 2.0 in meaning.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Disposition(StrEnum):
    """What may be done with goods."""

    SELLABLE = "sellable"
    REFURBISH = "refurbish"
    DAMAGED = "damaged"
    SCRAP = "scrap"


class Movement(StrEnum):
    """What a line of the ledger is."""

    COUNT = "count"
    ADJUSTMENT = "adjustment"
    RECEIPT = "receipt"
    RETURN = "return"
    DISPOSITION = "disposition"
    EXPIRY = "expiry"
    TRANSFER_OUT = "transfer_out"
    TRANSFER_IN = "transfer_in"
    TRANSFER_LOSS = "transfer_loss"


class PositionAt(Record, frozen=True):
    """Stock of one SKU at one location."""

    location_id: str
    on_hand: int
    """sellable pieces that are there, reserved and allocated ones included"""
    reserved: int
    safety_stock: int
    allocated: int = 0
    """pieces of those on hand that are being worked on, not counted in reserved"""
    in_transit: int = 0
    """pieces of transfers on their way here"""
    quarantined: int = 0
    """pieces that are there and not sellable: damaged, or to be refurbished"""


class ChannelThreshold(Record, frozen=True):
    """Pieces at each location that a channel may not sell."""

    channel: str
    quantity: int


class Quota(Record, frozen=True):
    """Pieces over all locations that are kept for a channel or a customer group."""

    quota_id: str
    channel: str
    """empty where it is for a customer group"""
    customer_group: str
    """empty where it is for a channel"""
    quantity: int
    consumed: int
    """of them, in reservations that stand or were shipped; 0 in a command"""
    held: int = 0
    """of those, in reservations that stand; 0 in a command"""


class UnitOfMeasure(Record, frozen=True):
    """A unit that a SKU is counted in besides pieces."""

    code: str
    """UN/ECE Recommendation 20, e.g. CS for a case"""
    pieces: int
    """whole multiple, 1 or more"""


class Component(Record, frozen=True):
    """What one kit is made of."""

    sku: str
    quantity: int


class ReorderRule(Record, frozen=True):
    """When and how much of a SKU is ordered again for a location."""

    location_id: str
    lead_time_days: int
    service_level: float
    """probability of no stock-out during the lead time, e.g. 0.95"""
    reorder_point: int
    """pieces; 0: from the demand"""
    review_days: int
    """the order covers the demand of lead time and so many days"""
    minimum: int
    """pieces of an order, at least; 0 for none"""
    multiple: int
    """an order is a multiple of so many pieces; 0 or 1 for any"""


class SetStock(Record, frozen=True):
    """The counted stock of a SKU at a location."""

    sku: str
    location_id: str
    on_hand: int
    """pieces, 0 or more"""
    safety_stock: int
    """pieces that are never promised"""
    cause: str
    """why, e.g. load of stock.csv"""
    actor: str = ""


class AdjustStock(Record, frozen=True):
    """Correct what is on hand by a difference, with the reason."""

    movement_id: str
    sku: str
    location_id: str
    quantity: int
    """pieces, positive or negative"""
    reason: str
    actor: str
    lot_id: str = ""


class CountStock(Record, frozen=True):
    """A cycle count: so many sellable pieces were found."""

    movement_id: str
    sku: str
    location_id: str
    counted: int
    reason: str
    actor: str
    lot_id: str = ""
    """empty: all lots together, where lots are not tracked"""


class ReceiveStock(Record, frozen=True):
    """Goods have arrived: from a supplier, or back from a customer."""

    movement_id: str
    sku: str
    location_id: str
    quantity: int
    """in `unit`, 1 or more"""
    unit: str
    """a unit of the SKU; empty for pieces"""
    supply_id: str
    """the expected supply that this is of; empty for none"""
    disposition: str
    """sellable, refurbish, damaged or scrap"""
    is_return: bool
    reference: str
    """purchase order, return or delivery note"""
    reason: str
    actor: str
    lot_id: str = ""
    expires_at_ms: Millis = 0
    """of the lot; 0 for never"""
    serials: list[str] = []
    """one a piece, where serial numbers are tracked"""
    purchase_order_id: str = ""
    """whose room is told what came of it; empty where nobody waits for an answer"""


class ChangeDisposition(Record, frozen=True):
    """Take pieces out of sale, put them back, or scrap them."""

    movement_id: str
    sku: str
    location_id: str
    quantity: int
    from_disposition: str
    to_disposition: str
    reason: str
    actor: str
    lot_id: str = ""


class ShipTransfer(Record, frozen=True):
    """Pieces have left a location for another one."""

    movement_id: str
    """the transfer's id"""
    sku: str
    from_location_id: str
    location_id: str
    """where to"""
    quantity: int
    expected_at_ms: Millis
    reason: str
    actor: str
    lot_id: str = ""
    """all pieces are of it, where lots are tracked; a serial number travels alone"""


class ReceiveTransfer(Record, frozen=True):
    """Pieces of a transfer have arrived; what is neither received nor lost is still under way."""

    movement_id: str
    transfer_id: str
    sku: str
    quantity: int
    lost: int
    """pieces that will not come any more"""
    reason: str
    actor: str


class ExpectSupply(Record, frozen=True):
    """What a supplier has promised, as it stands from now on."""

    supply_id: str
    """e.g. purchase order and line"""
    sku: str
    location_id: str
    quantity: int
    """pieces that are still to come; 0 for none any more"""
    expected_at_ms: Millis
    reason: str


class SetSku(Record, frozen=True):
    """How a SKU is handled. Replaces what was said before; quotas keep what is consumed."""

    sku: str
    thresholds: list[ChannelThreshold]
    quotas: list[Quota]
    units: list[UnitOfMeasure]
    components: list[Component]
    """not empty: the SKU is a kit, has no stock of its own, and its thresholds count kits"""
    tracking: str
    """empty, lot or serial"""
    low_at: int
    """available pieces at or below which stock is low; 0 for never"""
    reorder: list[ReorderRule]
    actor: str


class SkuSet(Record, frozen=True):
    """How a SKU is handled from now on."""

    sku: str
    thresholds: list[ChannelThreshold]
    quotas: list[Quota]
    units: list[UnitOfMeasure]
    components: list[Component]
    tracking: str
    """empty, lot or serial"""
    low_at: int
    """available pieces at or below which stock is low; 0 for never"""
    reorder: list[ReorderRule]
    actor: str
    at_ms: Millis


class StockSet(Record, frozen=True):
    """The position after a count."""

    sku: str
    location_id: str
    on_hand: int
    reserved: int
    safety_stock: int
    cause: str
    at_ms: Millis
    allocated: int = 0
    previously: int = 0
    """pieces on hand before"""
    actor: str = ""


class StockMoved(Record, frozen=True):
    """A line of the ledger: what is there, or on its way, has changed; the position afterwards."""

    sku: str
    location_id: str
    movement: str
    """count, adjustment, receipt, return, disposition, expiry, transfer_out, transfer_in or
    transfer_loss"""
    movement_id: str
    quantity: int
    """change of on_hand"""
    in_transit_change: int
    quarantined_change: int
    on_hand: int
    reserved: int
    allocated: int
    in_transit: int
    quarantined: int
    lot_id: str
    """empty where lots are not tracked or more than one is meant"""
    reference: str
    """purchase order, return, delivery note or transfer; may be empty"""
    reason: str
    actor: str
    at_ms: Millis


class SupplyExpected(Record, frozen=True):
    """What is expected of a supply from now on."""

    sku: str
    supply_id: str
    location_id: str
    quantity: int
    """pieces that are still to come; 0 for none any more"""
    previously: int
    """pieces that were to come before"""
    expected_at_ms: Millis
    reason: str
    at_ms: Millis


class StockLevelChanged(Record, frozen=True):
    """A SKU became low, ran out, or is well stocked again."""

    sku: str
    level: str
    """ok, low or out"""
    previously: str
    available: int
    """pieces over all locations"""
    at_ms: Millis


class ReplenishmentSuggested(Record, frozen=True):
    """A location should be stocked up; the figures that say so."""

    sku: str
    location_id: str
    quantity: int
    """pieces that are suggested"""
    available: int
    """on hand less reserved and allocated"""
    on_order: int
    """expected and in transit"""
    reorder_point: int
    daily_mean: float
    """pieces a day"""
    daily_deviation: float
    """standard deviation, pieces a day"""
    lead_time_days: int
    service_level: float
    at_ms: Millis
    backordered: int = 0
    """pieces that lines wait for, which ask for this location first"""


class Supply(Record, frozen=True):
    """Stock that is expected."""

    supply_id: str
    location_id: str
    quantity: int
    expected_at_ms: Millis


class MovementState(Record, frozen=True):
    """A movement that was made (inventory.state, key: sku|@movement|movement_id), for 30 days."""

    movement_id: str
    content_hash: int
    wake_at_ms: Millis


class TransferState(Record, frozen=True):
    """A transfer under way (inventory.state, key: sku|@transfer|transfer_id)."""

    transfer_id: str
    from_location_id: str
    location_id: str
    """where to"""
    quantity: int
    """pieces that are still under way"""
    expected_at_ms: Millis
    lot_id: str = ""
    expires_at_ms: Millis = 0


class Lot(Record, frozen=True):
    """Sellable pieces of a lot at a location; a serial number is a lot of one piece."""

    lot_id: str
    quantity: int
    allocated: int
    """of them, being worked on"""
    expires_at_ms: Millis


class LotsState(Record, frozen=True):
    """The lots at a location (inventory.state, key: sku|@lots|location_id)."""

    location_id: str
    lots: list[Lot]
    """earliest expiry first"""
    wake_at_ms: Millis


class DayDemand(Record, frozen=True):
    """Pieces that were reserved on a day, less those given back on it."""

    day: int
    """days since 1970-01-01, UTC"""
    quantity: int


class DemandState(Record, frozen=True):
    """Demand at a location (inventory.state, key: sku|@demand|location_id)."""

    location_id: str
    days: list[DayDemand]
    """days with demand: today and of the 28 days before it, oldest first"""
    first_day: int
    """since when it is counted"""
    suggested_at_ms: Millis
    """when an order was last suggested; 0 for never"""


class SkusState(Record, frozen=True):
    """The SKUs of a partition, and a round over them (inventory.state, key: @skus).

    They are a chain: `newest` names the latest, and each one's StockState the one before it. A
    round tells the levels of SKUs anew that a change of locations or sourcing is about.
    """

    newest: str
    """the SKU that came last; empty where there is none"""
    next: str = ""
    """the SKU that the round looks at next; empty where none is under way"""
    done: str = ""
    """the SKU that it has looked at latest; empty before the first"""
    last: str = ""
    """the SKU with which it ends"""
    locations: list[str] = []
    """SKUs with a position or supply at these are told"""
    everything: bool = False
    """true: all SKUs are told"""
    wake_at_ms: Millis = 0


class LocationLevel(Record, frozen=True):
    """A SKU at a location, as StockLevels tells it."""

    location_id: str
    on_hand: int
    reserved: int
    allocated: int
    safety_stock: int
    in_transit: int
    expected: int
    """pieces of expected supply"""
    quarantined: int
    available: int
    """on_hand less reserved, allocated and safety_stock, 0 or more"""
    selling: bool
    """false: channels do not sell from here"""


class ChannelLevel(Record, frozen=True):
    """What a channel may sell of a SKU."""

    channel: str
    available: int
    """pieces over the locations it sells from, less its threshold at each and others' quotas"""
    excluded: list[str] = []
    """locations with a position that are not of its groups, by location_id"""


class StockLevels(Record, frozen=True):
    """What is there of a SKU and what may be sold (inventory.levels, key: sku), one a change batch.

    Channels without words of their own may sell `available`.
    """

    sku: str
    available: int
    """pieces over all locations that channels sell from, less what quotas keep"""
    locations: list[LocationLevel]
    channels: list[ChannelLevel]
    next_supply_at_ms: Millis
    """when the next expected supply is due; 0 where none is"""
    backordered: int
    """pieces that lines in the queue wait for"""
    level: str
    """ok, low or out: of what channels may sell, what quotas keep included; empty for a kit"""
    components: list[Component]
    """of a kit, whose availability follows from theirs, less its own thresholds at each location"""
    at_ms: Millis
    thresholds: list[ChannelThreshold] = []
    quotas: list[Quota] = []
    supplies: list[Supply] = []
