"""Commands, events and state of the fulfillment room. Key: order_id."""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Status(StrEnum):
    """Where the routing of an order is."""

    CONSOLIDATING = "consolidating"
    ROUTED = "routed"
    CANCELLED = "cancelled"


class LineToSource(Record, frozen=True):
    """A line that wants stock."""

    line_id: str
    sku: str
    quantity: int
    address: int = 0
    """which of the order's addresses it goes to, from 0"""
    only_location_id: str = ""
    """where the customer fetches it: the only location to reserve it at; empty for any"""
    held: bool = False
    """true: it is reserved already, and is to have this quantity from now on"""


class Destination(Record, frozen=True):
    """A further address of an order, as far as ranking needs it."""

    address: int
    """number of the address; 0 for the order's own"""
    country: str
    postal_code: str
    latitude: float
    longitude: float


class RankLocations(Record, frozen=True):
    """Rank the locations for an order and have inventory reserve its lines in that order."""

    order_id: str
    attempt: int
    country: str
    postal_code: str
    latitude: float
    longitude: float
    lines: list[LineToSource]
    reserved_until_ms: Millis
    channel: str = ""
    customer_group: str = ""
    backorder: bool = False
    priority: int = 0
    more_destinations: list[Destination] = []
    """further addresses that lines go to; address 0 is the order's own"""
    currency: str = ""
    """ISO 4217; empty where the total is not said"""
    total_minor: int = 0
    """what the customer pays, for rules about an order's value"""


class Allocation(Record, frozen=True):
    """A line with the location that holds its stock."""

    line_id: str
    sku: str
    quantity: int
    location_id: str
    also_at: list[str]
    """further locations that could have served it"""
    destination: str = ""
    """what goes there is worked on together: empty for the order's own address, else the number of
    the further one, or pickup"""


class DecideShortage(Record, frozen=True):
    """Say what the rules do with an order of which some lines have no stock."""

    order_id: str
    wanted: RankLocations
    """as it was asked for in this attempt"""
    line_ids: list[str]
    """those without stock"""


class LineTerms(Record, frozen=True):
    """What rules about shipments ask of a line."""

    line_id: str
    value_minor: int
    """its price less its own discount, in minor units of the order's currency"""
    kit: str
    """line_id of the bundle that it is a part of; empty for none"""


class RouteOrder(Record, frozen=True):
    """Make fulfillment orders from a reserved and paid order."""

    order_id: str
    allocations: list[Allocation]
    channel: str = ""
    customer_group: str = ""
    destinations: list[Destination] = []
    """every address that lines go to, the order's own as 0; none where costs do not count"""
    currency: str = ""
    """ISO 4217; empty where the total is not said"""
    total_minor: int = 0
    """what the customer pays, for rules about an order's value"""
    terms: list[LineTerms] = []
    """of every line, once fulfillment has asked for them; empty before"""
    overruled: bool = False
    """a person has let it go: rules about shipments do not keep it"""
    dispatch_by_ms: Millis = 0
    """until when it is to leave by the policy's cut-off; 0 where no rule says"""


class RecordMove(Record, frozen=True):
    """Reply of inventory to MoveReservation."""

    order_id: str
    line_id: str
    moved: bool
    location_id: str
    reason: str = ""
    """one of schemas.inventory.Refusal; empty where it was moved"""


class CancelFulfillment(Record, frozen=True):
    """Withdraw the order's fulfillment orders, or some lines of them."""

    order_id: str
    reason: str
    line_ids: list[str] = []
    """empty for all"""


class LocationsRanked(Record, frozen=True):
    """The order in which locations are tried for an order."""

    order_id: str
    attempt: int
    locations: list[str]
    """best first, at most 16"""
    at_ms: Millis
    address: int = 0
    """which of the order's addresses it is for; there is one event for each, and for goods that
    rules tell apart"""
    goods: str = ""
    """names of these goods, with commas; empty for lines that are none of them"""


class FulfillmentOrderReleased(Record, frozen=True):
    """One location's part of an order, released to be worked on."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    line_ids: list[str]
    at_ms: Millis
    destination: str = ""
    """empty for the order's own address, else the number of the further one, or pickup"""
    ship_by_ms: Millis = 0
    promised_by_ms: Millis = 0
    promised_day: str = ""


class OrderRouted(Record, frozen=True):
    """Every line has its location."""

    order_id: str
    shipments: int
    moved: int
    """reservations that were moved to save a shipment"""
    at_ms: Millis


class FulfillmentLinesCancelled(Record, frozen=True):
    """Some lines are withdrawn from the order's fulfillment orders."""

    order_id: str
    line_ids: list[str]
    reason: str
    at_ms: Millis


class FulfillmentCancelled(Record, frozen=True):
    """The order's fulfillment orders are withdrawn."""

    order_id: str
    reason: str
    at_ms: Millis


class FulfillmentCommandRefused(Record, frozen=True):
    """A command was refused and changed nothing."""

    order_id: str
    command: str
    reason: str
    at_ms: Millis
    fulfillment_order_id: str = ""
    """empty where it was about the order"""
    detail: str = ""
    actor: str = ""


class FulfillmentState(Record, frozen=True):
    """Routing of one order (fulfillment.state, key: order_id)."""

    order_id: str
    status: str
    allocations: list[Allocation]
    pending: list[str]
    """line ids whose move has not been answered"""
    moved: int
    cancelled: list[str] = []
    """line ids that were withdrawn"""
    routed_at_ms: Millis = 0
    """when its fulfillment orders were released; 0 before"""


class LocationUse(Record, frozen=True):
    """How much of a day's capacity of a location this partition has used."""

    location_id: str
    fulfillment_orders: int


class CapacityState(Record, frozen=True):
    """Use of capacity on one day (fulfillment.state of every partition, key: @capacity)."""

    day: int
    """days since 1970-01-01, UTC"""
    used: list[LocationUse]
