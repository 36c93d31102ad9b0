"""Suppliers' offers and purchase orders. Key: sku of offers, purchase_order_id of all else."""

from __future__ import annotations

from enum import StrEnum

from schemas.records import Millis, Record


class Status(StrEnum):
    """Where a purchase order is. The transitions stand in streams/purchasing/model.py."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    SENT = "sent"
    PARTLY_RECEIVED = "partly_received"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Refusal(StrEnum):
    """Why a command is refused; the order of checks."""

    PURCHASE_CONFLICT = "purchase_conflict"
    DELIVERY_CONFLICT = "delivery_conflict"
    NO_OFFER = "no_offer"
    UNKNOWN_PURCHASE_ORDER = "unknown_purchase_order"
    WRONG_STATUS = "wrong_status"
    UNKNOWN_LINE = "unknown_line"
    INVALID_QUANTITY = "invalid_quantity"


class SetOffer(Record, frozen=True):
    """What a supplier asks for a SKU. Key: sku."""

    sku: str
    supplier_id: str
    supplier_sku: str
    """the supplier's own number"""
    price_minor: int
    """of a piece, in minor units of the currency"""
    currency: str
    lead_time_days: int
    """from sending the order to receipt, as the supplier says"""
    minimum: int
    """pieces of an order, at least; 0 for none"""
    multiple: int
    """an order is a multiple of so many pieces; 0 or 1 for any"""
    active: bool
    actor: str


class ProposePurchase(Record, frozen=True):
    """Order a SKU for a location from the best supplier. Key: sku."""

    sku: str
    location_id: str
    quantity: int
    reason: str
    suggested_at_ms: Millis


class PurchaseLine(Record, frozen=True):
    """A line of a purchase order."""

    line_id: str
    sku: str
    quantity: int
    price_minor: int
    """of a piece, in minor units of the order's currency; 0 where unknown"""


class CreatePurchaseOrder(Record, frozen=True):
    """Propose a purchase order; one for a drop-shipped part of an order is sent at once."""

    purchase_order_id: str
    supplier_id: str
    location_id: str
    """where the goods go; empty where they go to the customer"""
    lines: list[PurchaseLine]
    currency: str
    """ISO 4217; empty where no price is known"""
    expected_at_ms: Millis
    order_id: str
    """of the customer's order that is drop-shipped; empty for stock"""
    reason: str
    actor: str


class ApprovePurchaseOrder(Record, frozen=True):
    """Let a proposed purchase order be sent."""

    purchase_order_id: str
    actor: str


class SendPurchaseOrder(Record, frozen=True):
    """The supplier has an approved purchase order; its goods are expected from now on."""

    purchase_order_id: str
    actor: str


class ConfirmPurchaseOrder(Record, frozen=True):
    """The supplier says when the goods come; also that they slip."""

    purchase_order_id: str
    expected_at_ms: Millis
    reason: str
    actor: str


class DeliveredLine(Record, frozen=True):
    """What came of a line in one delivery."""

    line_id: str
    quantity: int
    disposition: str
    """sellable, refurbish, damaged or scrap"""
    lot_id: str
    expires_at_ms: Millis
    serials: list[str]


class RecordDelivery(Record, frozen=True):
    """Goods of a purchase order have come. The same delivery again changes nothing."""

    purchase_order_id: str
    delivery_id: str
    lines: list[DeliveredLine]
    actor: str


class RecordGoodsReceipt(Record, frozen=True):
    """Reply of inventory to ReceiveStock: whether it has taken in a line of a delivery."""

    purchase_order_id: str
    movement_id: str
    """of the ReceiveStock that this answers"""
    sku: str
    accepted: bool
    """true: it is in stock"""
    reason: str
    """of inventory's refusals; empty when accepted"""


class ClosePurchaseOrder(Record, frozen=True):
    """Nothing more is expected of it, whatever is open."""

    purchase_order_id: str
    reason: str
    actor: str


class CancelPurchaseOrder(Record, frozen=True):
    """Withdraw a purchase order of which nothing has come."""

    purchase_order_id: str
    reason: str
    actor: str


class RecordPerformance(Record, frozen=True):
    """How a line of a supplier turned out, when it is over. Key: sku."""

    sku: str
    supplier_id: str
    purchase_order_id: str
    line_id: str
    ordered: int
    received: int
    """sellable pieces that came"""
    sent_at_ms: Millis
    expected_at_ms: Millis
    received_at_ms: Millis
    """of the last delivery; 0 where nothing came"""


class OfferSet(Record, frozen=True):
    """What a supplier asks from now on. Key: sku."""

    sku: str
    supplier_id: str
    supplier_sku: str
    price_minor: int
    """of a piece, in minor units of the currency"""
    currency: str
    lead_time_days: int
    minimum: int
    multiple: int
    active: bool
    actor: str
    at_ms: Millis


class PerformanceMeasured(Record, frozen=True):
    """A supplier's record for a SKU, after one more line. Key: sku."""

    sku: str
    supplier_id: str
    lines: int
    """that it rests on"""
    on_time_share: float
    """0 to 1, exponentially weighted"""
    fill_share: float
    """received of ordered, 0 to 1, exponentially weighted"""
    lead_time_days: float
    """as it was, exponentially weighted"""
    at_ms: Millis


class PurchaseOrderProposed(Record, frozen=True):
    """A purchase order waits for approval, or is drop-shipped."""

    purchase_order_id: str
    supplier_id: str
    location_id: str
    lines: list[PurchaseLine]
    currency: str
    expected_at_ms: Millis
    order_id: str
    reason: str
    actor: str
    at_ms: Millis


class PurchaseOrderApproved(Record, frozen=True):
    """It may be sent."""

    purchase_order_id: str
    actor: str
    at_ms: Millis


class PurchaseOrderSent(Record, frozen=True):
    """The supplier has it."""

    purchase_order_id: str
    expected_at_ms: Millis
    actor: str
    at_ms: Millis


class PurchaseOrderConfirmed(Record, frozen=True):
    """When the goods come, as the supplier says from now on."""

    purchase_order_id: str
    expected_at_ms: Millis
    previously_ms: Millis
    reason: str
    actor: str
    at_ms: Millis


class DeliveryRecorded(Record, frozen=True):
    """Goods have come, and inventory has taken them in."""

    purchase_order_id: str
    delivery_id: str
    lines: list[DeliveredLine]
    """those that inventory has accepted"""
    complete: bool
    """true: nothing more is open"""
    actor: str
    at_ms: Millis


class ReceiptRefused(Record, frozen=True):
    """Inventory has not taken in a line of a delivery; its pieces are open as before.

    Corrected, it can be sent again: under the same id where nothing of the delivery was accepted,
    else as a delivery of its own.
    """

    purchase_order_id: str
    delivery_id: str
    line_id: str
    sku: str
    quantity: int
    reason: str
    """of inventory's refusals"""
    actor: str
    at_ms: Millis


class PurchaseOrderClosed(Record, frozen=True):
    """Nothing more is expected of it."""

    purchase_order_id: str
    reason: str
    actor: str
    at_ms: Millis


class PurchaseOrderCancelled(Record, frozen=True):
    """It was withdrawn before anything came."""

    purchase_order_id: str
    reason: str
    actor: str
    at_ms: Millis


class PurchaseRefused(Record, frozen=True):
    """A command was refused and changed nothing. Key: that of the command."""

    command: str
    sku: str
    """empty where it was about a purchase order"""
    purchase_order_id: str
    """empty where it was about an offer"""
    reason: str
    detail: str
    actor: str
    at_ms: Millis


class Offer(Record, frozen=True):
    """What a supplier asks for a SKU, and how it has done so far."""

    supplier_id: str
    supplier_sku: str
    price_minor: int
    """of a piece, in minor units of the currency"""
    currency: str
    lead_time_days: int
    minimum: int
    multiple: int
    active: bool
    lines: int
    """that the measured figures rest on"""
    on_time_share: float
    fill_share: float
    measured_lead_time_days: float


class Suggestion(Record, frozen=True):
    """The latest purchase that was proposed for a location, so that it is proposed once."""

    location_id: str
    suggested_at_ms: Millis


class OffersState(Record, frozen=True):
    """All offers for a SKU (purchasing.state, key: sku)."""

    sku: str
    offers: list[Offer]
    proposed: int
    """purchase orders that were proposed for it so far"""
    suggestions: list[Suggestion]
    """the latest of each location for which a purchase order was proposed"""


class PurchaseLineState(Record, frozen=True):
    """A line of a purchase order and what came of it."""

    line_id: str
    sku: str
    quantity: int
    price_minor: int
    received: int
    """pieces that came, sellable or not"""
    sellable: int
    """of them, sellable"""
    received_at_ms: Millis


class ReceiptStatus(StrEnum):
    """What inventory has said of a line of a delivery."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class ReceiptState(Record, frozen=True):
    """A line of a delivery on its way into inventory."""

    movement_id: str
    delivered: DeliveredLine
    """as it was reported"""
    status: str
    """asked, accepted or refused"""
    reason: str
    """of inventory's refusals; empty otherwise"""


class DeliveryState(Record, frozen=True):
    """A delivery of which inventory has not answered every line."""

    delivery_id: str
    content_hash: int
    actor: str
    receipts: list[ReceiptState]


class PurchaseOrderState(Record, frozen=True):
    """A purchase order (purchasing.state, key: purchase_order_id)."""

    purchase_order_id: str
    status: str
    content_hash: int
    supplier_id: str
    location_id: str
    lines: list[PurchaseLineState]
    currency: str
    expected_at_ms: Millis
    first_expected_at_ms: Millis
    """as it was promised at first; lateness is measured against it"""
    order_id: str
    sent_at_ms: Millis
    deliveries: list[str]
    """delivery ids that were recorded, each with | and a hash of its content; at most 1,000"""
    under_way: list[DeliveryState] = []
    """deliveries that inventory is taking in"""


def open_pieces(state: PurchaseOrderState) -> dict[str, int]:
    """What is still to come of each line, by line_id: neither received nor being taken in."""
    rest = {line.line_id: line.quantity - line.received for line in state.lines}
    for delivery in state.under_way:
        for receipt in delivery.receipts:
            if receipt.status != ReceiptStatus.REFUSED:
                rest[receipt.delivered.line_id] -= receipt.delivered.quantity
    return rest


COMMANDS: tuple[type[Record], ...] = (
    SetOffer,
    ProposePurchase,
    CreatePurchaseOrder,
    ApprovePurchaseOrder,
    SendPurchaseOrder,
    ConfirmPurchaseOrder,
    RecordDelivery,
    ClosePurchaseOrder,
    CancelPurchaseOrder,
    RecordPerformance,
    RecordGoodsReceipt,
)
EVENTS: tuple[type[Record], ...] = (
    OfferSet,
    PerformanceMeasured,
    PurchaseOrderProposed,
    PurchaseOrderApproved,
    PurchaseOrderSent,
    PurchaseOrderConfirmed,
    DeliveryRecorded,
    ReceiptRefused,
    PurchaseOrderClosed,
    PurchaseOrderCancelled,
    PurchaseRefused,
)
STATES: tuple[type[Record], ...] = (OffersState, PurchaseOrderState)
