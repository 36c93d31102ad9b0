"""The life of a fulfillment order: commands, events and state. Key: order_id.

A location accepts or rejects what was released to it, picks, packs and ships it; carriers tell what
becomes of it then. Whether a shipment counts is decided by orders, which takes the money for it.
"""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class WorkStatus(StrEnum):
    """Where a fulfillment order is; `streams/fulfillment/work_model.py` has what follows what."""

    RELEASED = "released"
    ACCEPTED = "accepted"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPING = "shipping"
    """it is ready to leave, and orders has been asked"""
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    SHORT = "short"
    """none of its lines was there"""
    HELD = "held"
    DAMAGED = "damaged"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"
    CANCELLED = "cancelled"
    MOVING = "moving"
    """inventory has been asked to move its lines to another location"""
    MOVED = "moved"
    """all of its lines are at another location"""
    MERGED = "merged"
    """its lines are in another fulfillment order of the same location"""


class WorkRefusal(StrEnum):
    """Why a command about a fulfillment order changed nothing; the order of checks."""

    NOT_ROUTED = "not_routed"
    UNKNOWN_FULFILLMENT_ORDER = "unknown_fulfillment_order"
    CONFLICT = "conflict"
    """it was said before with other content"""
    WRONG_STATUS = "wrong_status"
    UNKNOWN_LINE = "unknown_line"
    INVALID_QUANTITY = "invalid_quantity"
    INVALID_PARCEL = "invalid_parcel"
    """no weight, a dimension without the others, or too many of them"""
    NOT_ALL_PACKED = "not_all_packed"
    """the parcels hold other pieces than the fulfillment order has"""
    NO_REASON = "no_reason"
    REJECTED_BEFORE = "rejected_before"
    """the location has given back the order's goods and is not asked again"""
    UNKNOWN_LOCATION = "unknown_location"
    PICKUP_STAYS = "pickup_stays"
    """what the customer fetches is not sent from elsewhere, unless it was agreed with them"""
    WITH_SUPPLIER = "with_supplier"
    """a supplier has its purchase order as it is: it is moved as a whole or not at all"""
    OTHER_PLACE = "other_place"
    """the two are at two locations, or go to two places"""
    NOTHING_LEFT = "nothing_left"
    """no line would stay"""
    TOO_MANY = "too_many"
    """the order has had as many fulfillment orders as it may"""
    NO_CARRIER = "no_carrier"
    """by the rules no carrier goes there from its location with these goods"""


class Unroutable(StrEnum):
    """Why lines stand in the queue of those without a location."""

    PICKUP_REJECTED = "pickup_rejected"
    """where the customer wanted to fetch them they are not; nothing else was agreed"""
    NO_OTHER_LOCATION = "no_other_location"
    """every location that could have served them has been tried"""
    NO_RESERVATION = "no_reservation"
    """inventory holds nothing for them"""
    KIT_STAYS = "kit_stays"
    """all of a kit is in one place, and inventory does not move it"""
    KIT_APART = "kit_apart"
    """by the rules the parts of a bundle leave together, and no location has all of them"""


class CarrierKind(StrEnum):
    """What a carrier tells of a shipment."""

    IN_TRANSIT = "in_transit"
    EXCEPTION = "exception"
    """it is late or could not be delivered yet"""
    DAMAGED = "damaged"
    LOST = "lost"
    DELIVERED = "delivered"
    RETURNED_TO_SENDER = "returned_to_sender"


class PackedLine(Record, frozen=True):
    """Pieces of a line in a parcel."""

    line_id: str
    quantity: int


class PackedParcel(Record, frozen=True):
    """One parcel of a fulfillment order."""

    parcel_id: str
    """unique within the fulfillment order"""
    weight_grams: int
    length_mm: int
    """0 with the others where it was not measured"""
    width_mm: int
    height_mm: int
    lines: list[PackedLine]


class AcceptFulfillmentOrder(Record, frozen=True):
    """The location will do it."""

    order_id: str
    fulfillment_order_id: str
    actor: str


class RejectFulfillmentOrder(Record, frozen=True):
    """The location will not do it: its lines go elsewhere, and never back there."""

    order_id: str
    fulfillment_order_id: str
    reason: str
    actor: str


class StartPicking(Record, frozen=True):
    """Somebody fetches the pieces from the shelves."""

    order_id: str
    fulfillment_order_id: str
    actor: str


class ReportShort(Record, frozen=True):
    """Pieces of a line are not there. The whole line goes elsewhere: a reservation is one piece."""

    order_id: str
    fulfillment_order_id: str
    line_id: str
    quantity: int
    """pieces that are missing"""
    actor: str


class RecordPacked(Record, frozen=True):
    """All of it is in parcels. Other parcels replace those that were told before."""

    order_id: str
    fulfillment_order_id: str
    parcels: list[PackedParcel]
    actor: str


class ShipFulfillmentOrder(Record, frozen=True):
    """It leaves the location. It has left when orders has said so."""

    order_id: str
    fulfillment_order_id: str
    carrier: str
    service: str
    """of the carrier, e.g. express"""
    tracking_number: str
    at_ms: Millis
    """when it left"""
    actor: str


class RecordShipmentAnswer(Record, frozen=True):
    """Reply of orders to a RecordShipment that names a fulfillment order."""

    order_id: str
    fulfillment_order_id: str
    taken: bool
    """true: its money is asked for, and with a line's last piece it leaves the stock"""
    reason: str
    """why it was refused; empty where it was not"""


class RecordGoodsLeft(Record, frozen=True):
    """Orders was told by hand that goods have left: nobody is to send them again."""

    order_id: str
    shipment_id: str
    """of the order"""
    pieces: list[PackedLine]
    """that have left"""
    carrier: str
    tracking_number: str


class RecordCarrierEvent(Record, frozen=True):
    """What a carrier tells. The same event_id again changes nothing, and what is older than what is
    known changes nothing either, but that a delivery counts whenever it is told."""

    order_id: str
    fulfillment_order_id: str
    event_id: str
    """the carrier's; unique for the fulfillment order"""
    kind: str
    """one of CarrierKind"""
    tracking_number: str
    """empty for that of the fulfillment order"""
    occurred_at_ms: Millis
    """by the carrier's clock"""
    carrier_words: str
    actor: str


class HoldFulfillmentOrder(Record, frozen=True):
    """Keep it from being worked on."""

    order_id: str
    fulfillment_order_id: str
    reason: str
    actor: str


class ReleaseFulfillmentOrder(Record, frozen=True):
    """End its hold: it is where it was before."""

    order_id: str
    fulfillment_order_id: str
    actor: str


class RouteLinesTo(Record, frozen=True):
    """Try lines of the queue of those without a location at one that a person names."""

    order_id: str
    location_id: str
    line_ids: list[str]
    """empty for all that the order has in the queue"""
    actor: str


class FulfillmentOrderAccepted(Record, frozen=True):
    """The location does it."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    actor: str
    at_ms: Millis


class FulfillmentOrderRejected(Record, frozen=True):
    """The location does not do it, and does nothing more for the order."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    line_ids: list[str]
    """that go elsewhere"""
    reason: str
    actor: str
    at_ms: Millis


class PickingStarted(Record, frozen=True):
    """Its pieces are being fetched."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    actor: str
    at_ms: Millis


class FulfillmentOrderShort(Record, frozen=True):
    """Pieces of a line were not there; the line goes elsewhere."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    line_id: str
    sku: str
    quantity: int
    """pieces that are missing"""
    status: str
    """of the fulfillment order then: short once it has no line left"""
    actor: str
    at_ms: Millis


class FulfillmentOrderPacked(Record, frozen=True):
    """All of it is in parcels."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    parcels: list[PackedParcel]
    actor: str
    at_ms: Millis


class ShipmentRequested(Record, frozen=True):
    """It is ready to leave, and orders is asked."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    carrier: str
    service: str
    tracking_number: str
    actor: str
    at_ms: Millis


class FulfillmentOrderShipped(Record, frozen=True):
    """It has left, and orders takes the money for it."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    lines: list[PackedLine]
    """all that has left"""
    carrier: str
    service: str
    tracking_number: str
    at_ms: Millis


class ShipmentRefused(Record, frozen=True):
    """Orders does not let it leave; it stays packed."""

    order_id: str
    fulfillment_order_id: str
    reason: str
    at_ms: Millis


class CarrierEventRecorded(Record, frozen=True):
    """What became of it on its way."""

    order_id: str
    fulfillment_order_id: str
    event_id: str
    """the carrier's"""
    kind: str
    """one of CarrierKind"""
    status: str
    """of the fulfillment order then"""
    carrier: str
    tracking_number: str
    occurred_at_ms: Millis
    """by the carrier's clock"""
    carrier_words: str
    actor: str
    at_ms: Millis


class FulfillmentOrderHeld(Record, frozen=True):
    """It is kept from being worked on."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    reason: str
    actor: str
    at_ms: Millis


class FulfillmentHoldEnded(Record, frozen=True):
    """It can be worked on again."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    status: str
    """where it is again"""
    actor: str
    at_ms: Millis


class FulfillmentOrderCancelled(Record, frozen=True):
    """None of its lines is wanted any more."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    reason: str
    at_ms: Millis


class FulfillmentOrderRerouted(Record, frozen=True):
    """Lines that a location gave back, or that were moved by hand, are released to another one. It
    takes the place of the FulfillmentOrderReleased of these lines."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    line_ids: list[str]
    destination: str
    """as FulfillmentOrderReleased has it"""
    at_ms: Millis
    ship_by_ms: Millis = 0
    promised_by_ms: Millis = 0
    promised_day: str = ""


class LinesUnroutable(Record, frozen=True):
    """No location is left for lines that were given back: they wait for a person."""

    order_id: str
    line_ids: list[str]
    reason: str
    """one of Unroutable"""
    tried: list[str]
    """locations that gave the order back"""
    at_ms: Millis


class WorkLine(Record, frozen=True):
    """A line of a fulfillment order."""

    line_id: str
    sku: str
    quantity: int
    also_at: list[str]
    tried: list[str] = []
    """locations that had no stock when it was to go there"""


class FulfillmentOrder(Record, frozen=True):
    """A fulfillment order as it stands."""

    fulfillment_order_id: str
    location_id: str
    destination: str
    """as FulfillmentOrderReleased has it"""
    status: str
    """one of WorkStatus"""
    lines: list[WorkLine]
    """what is left of them"""
    changed_at_ms: Millis
    """when it came to its status"""
    held_from: str = ""
    """status to which it goes back when its hold ends"""
    reason: str = ""
    """of its rejection, hold, refused shipment or end"""
    parcels: list[PackedParcel] = []
    carrier: str = ""
    service: str = ""
    tracking_number: str = ""
    carrier_at_ms: Millis = 0
    """time of the latest that its carrier told"""
    carrier_event_ids: list[str] = []
    """the latest of them"""
    early: list[RecordCarrierEvent] = []
    """what its carrier told before orders has answered"""
    missing: list[PackedLine] = []
    """lines that were short, with the pieces that were missing"""
    released_at_ms: Millis = 0
    """0 for one from before this was kept"""
    origin: str = ""
    """fulfillment order that it was split from, or that it ended in when they were merged"""
    moving_to: str = ""
    """location that its lines go to, or went to last"""
    moving: list[str] = []
    """line ids that inventory has not answered for"""
    moved: list[str] = []
    """line ids that are reserved there, until the others are answered for"""
    stayed: list[str] = []
    """line ids that inventory could not move there"""


class LineWithoutPlace(Record, frozen=True):
    """A line that a location gave back, and that is at none again yet."""

    line_id: str
    sku: str
    quantity: int
    destination: str
    """as FulfillmentOrderReleased has it"""
    also_at: list[str]
    trying: str
    """location that inventory has been asked for; empty while it waits for a person"""
    found: str
    """location where it is reserved now, until the others of the order are answered for"""
    reason: str
    """one of Unroutable; empty while locations are tried, or orders is asked where it goes"""
    tried: list[str] = []
    """locations that had no stock for it"""
    ranked: bool = False
    """also_at is what orders' answer has led to: after it there are no others"""
    kit: str = ""
    """line_id of the bundle whose parts go on together by the rules; empty for none"""


class WorkState(Record, frozen=True):
    """The fulfillment orders of an order (fulfillment.state, key: order_id|work). There is none
    before the first command about one of them: all are released then."""

    order_id: str
    orders: list[FulfillmentOrder]
    """in the order in which they were released"""
    rejected: list[str]
    """locations that gave something of the order back; never tried again"""
    without_place: list[LineWithoutPlace]
