"""Fulfillment orders that are moved, redirected, split and merged before they leave. Key: order_id.

Where lines are to go is the orders room's to know: fulfillment asks it before it looks for another
location, and an address that goods are redirected to is one that orders has.
"""

from __future__ import annotations

from schemas import fulfillment_work as work
from schemas.fulfillment import Destination
from schemas.orders import Address
from schemas.records import Millis, Record


class AskWhereTo(Record, frozen=True):
    """Ask orders where its lines are to go, as lines were given back."""

    order_id: str


class KitPart(Record, frozen=True):
    """A line that is a part of a bundle."""

    line_id: str
    kit: str
    """line_id of the bundle"""


class RecordWhereTo(Record, frozen=True):
    """Reply of orders to AskWhereTo: what locations are ranked by."""

    order_id: str
    channel: str
    customer_group: str
    destinations: list[Destination]
    """every address of the order, its own as 0; none where nothing is to leave any more"""
    currency: str
    """ISO 4217"""
    total_minor: int
    """what the customer pays, for rules about an order's value"""
    kits: list[KitPart] = []
    """those of its lines that are parts of bundles"""


class RedirectShipment(Record, frozen=True):
    """Have goods that have not left go to another address of the order, or to a new one.

    Asked of orders, which knows the addresses; fulfillment decides whether it is still possible.
    The same redirect_id again changes nothing; other content under it is refused.
    """

    order_id: str
    redirect_id: str
    """unique within the order"""
    fulfillment_order_id: str
    """empty for the lines that wait for a location"""
    address: int
    """number of the order's address; of the new one that which it gets, the next"""
    new_address: list[Address]
    """one, or none: then `address` names one of the order's"""
    key_id: str
    """the key that `personal` is encrypted with"""
    personal: bytes
    """encrypted schemas.customers.Personal with the new address in full, behind the others"""
    personal_hash: int
    ship_instead: bool
    """true: the customer has agreed that what they were to fetch is sent; `reason` says how"""
    reason: str
    actor: str
    requested_at_ms: Millis


class RedirectFulfillmentOrder(Record, frozen=True):
    """Orders has the address: send it there."""

    order_id: str
    fulfillment_order_id: str
    """empty for the lines that wait for a location"""
    address: int
    """number of the order's address"""
    ship_instead: bool
    """true: what the customer was to fetch is sent, as agreed with them"""
    reason: str
    actor: str
    to: list[Destination] = []
    """the address, as far as carriers are chosen by it"""


class MoveFulfillmentOrder(Record, frozen=True):
    """Another location is to send it, or some of its lines."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    """where to"""
    line_ids: list[str]
    """empty for all"""
    reason: str
    actor: str


class SplitFulfillmentOrder(Record, frozen=True):
    """Some of its lines leave by themselves, from the same location."""

    order_id: str
    fulfillment_order_id: str
    line_ids: list[str]
    """whole lines: a reservation is one piece"""
    actor: str


class MergeFulfillmentOrders(Record, frozen=True):
    """Two that go from one location to one address leave together."""

    order_id: str
    fulfillment_order_id: str
    """that stays"""
    merged_id: str
    """fulfillment order that ends in it"""
    actor: str


class FulfillmentOrderMoving(Record, frozen=True):
    """Inventory is asked to move its lines to another location; until then nobody works on it."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    to_location_id: str
    line_ids: list[str]
    reason: str
    actor: str
    at_ms: Millis


class FulfillmentMoveEnded(Record, frozen=True):
    """Inventory has answered. What has moved is in a FulfillmentOrderRerouted."""

    order_id: str
    fulfillment_order_id: str
    """that they were in"""
    location_id: str
    to_location_id: str
    line_ids: list[str]
    """that have moved"""
    stayed: list[str]
    """lines that inventory could not move"""
    reason: str
    """why they stay, in inventory's words; empty where none does"""
    status: str
    """of the fulfillment order then: moved once it has no line left"""
    at_ms: Millis


class FulfillmentOrderSplit(Record, frozen=True):
    """Some of its lines are a fulfillment order of their own. It takes the place of the
    FulfillmentOrderReleased of these lines."""

    order_id: str
    fulfillment_order_id: str
    """the new one"""
    from_id: str
    """fulfillment order that they were in"""
    location_id: str
    line_ids: list[str]
    destination: str
    """as FulfillmentOrderReleased has it"""
    status: str
    """of both"""
    actor: str
    at_ms: Millis


class FulfillmentOrdersMerged(Record, frozen=True):
    """The lines of one are in another one, and the first has ended."""

    order_id: str
    fulfillment_order_id: str
    """that stays"""
    merged_id: str
    """fulfillment order that has ended"""
    location_id: str
    line_ids: list[str]
    """that have come to it"""
    status: str
    """of the one that stays"""
    actor: str
    at_ms: Millis


class FulfillmentOrderRedirected(Record, frozen=True):
    """It goes to another address of the order."""

    order_id: str
    fulfillment_order_id: str
    """empty for lines that wait for a location"""
    line_ids: list[str]
    destination: str
    """from now on, as FulfillmentOrderReleased has it"""
    before: str
    """destination until now"""
    reason: str
    actor: str
    at_ms: Millis


COMMANDS: tuple[type[Record], ...] = (
    work.AcceptFulfillmentOrder,
    work.RejectFulfillmentOrder,
    work.StartPicking,
    work.ReportShort,
    work.RecordPacked,
    work.ShipFulfillmentOrder,
    work.RecordShipmentAnswer,
    work.RecordGoodsLeft,
    work.RecordCarrierEvent,
    work.HoldFulfillmentOrder,
    work.ReleaseFulfillmentOrder,
    work.RouteLinesTo,
    RecordWhereTo,
    MoveFulfillmentOrder,
    SplitFulfillmentOrder,
    MergeFulfillmentOrders,
    RedirectFulfillmentOrder,
)
"""of the life of a fulfillment order, to the fulfillment room"""
EVENTS: tuple[type[Record], ...] = (
    work.FulfillmentOrderAccepted,
    work.FulfillmentOrderRejected,
    work.PickingStarted,
    work.FulfillmentOrderShort,
    work.FulfillmentOrderPacked,
    work.ShipmentRequested,
    work.FulfillmentOrderShipped,
    work.ShipmentRefused,
    work.CarrierEventRecorded,
    work.FulfillmentOrderHeld,
    work.FulfillmentHoldEnded,
    work.FulfillmentOrderCancelled,
    work.FulfillmentOrderRerouted,
    work.LinesUnroutable,
    FulfillmentOrderMoving,
    FulfillmentMoveEnded,
    FulfillmentOrderSplit,
    FulfillmentOrdersMerged,
    FulfillmentOrderRedirected,
)
