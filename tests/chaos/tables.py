"""Which events the auditor knows, and what it knows of each by its name alone."""

from __future__ import annotations

EVENT_TOPICS = (
    "orders.events",
    "inventory.events",
    "payments.events",
    "fulfillment.events",
    "purchasing.events",
    "customers.events",
    "accounting.events",
)
OUTCOMES = ("OrderReleased", "OrderRefused", "OrderCancelled")
BESIDE = (
    "OrderAmended", "AmendmentRefused", "OrderHeld", "HoldEnded", "OrderShipped", "OrderRefunded",
)  # fmt: skip
"""what happens to an order and leaves its place on the way as it is"""
AFTER = {
    "OrderReleased": (
        "OrderCancelled", "OrderAmended", "AmendmentRefused", "OrderShipped", "OrderRefunded",
    ),
    "OrderRefused": ("AmendmentRefused", "HoldEnded"),
    "OrderCancelled": ("AmendmentRefused", "HoldEnded"),
}  # fmt: skip
"""what may come after an outcome"""

# What may stand in the log once, and by which fields it is known.
ONCE: dict[str, tuple[str, ...]] = {
    "OrderAuthorized": ("order_id",),
    "OrderBackordered": ("order_id", "attempt"),
    "AuthorizationRequested": ("order_id", "attempt", "inquiry"),
    "VoidRequested": ("order_id", "attempt"),
    "CaptureRequested": ("order_id", "attempt", "inquiry"),
    "RefundRequested": ("order_id", "attempt", "inquiry"),
    "PaymentCaptured": ("order_id", "capture_id", "part"),
    "PaymentRefunded": ("order_id", "refund_id", "part"),
    "OrderAmended": ("order_id", "revision"),
    "OrderShipped": ("order_id", "shipment_id"),
    "OrderRefunded": ("order_id", "refund_id"),
    "InvoiceIssued": ("legal_entity", "document_key"),
    "CreditNoteIssued": ("legal_entity", "document_key"),
    "OrderHeld": ("order_id", "hold_id"),
    "HoldEnded": ("order_id", "hold_id"),
    "LocationsRanked": ("order_id", "attempt", "address", "destination", "goods"),
    "FulfillmentOrderReleased": ("fulfillment_order_id",),
    "FulfillmentOrderRerouted": ("fulfillment_order_id",),
    "FulfillmentOrderSplit": ("fulfillment_order_id",),
    "FulfillmentOrdersMerged": ("merged_id",),
    "FulfillmentOrderShipped": ("fulfillment_order_id",),
    "OrderRouted": ("order_id",),
    "FulfillmentCancelled": ("order_id",),
    "PurchaseOrderProposed": ("purchase_order_id",),
    "PurchaseOrderApproved": ("purchase_order_id",),
    "PurchaseOrderSent": ("purchase_order_id",),
    "PurchaseOrderClosed": ("purchase_order_id",),
    "PurchaseOrderCancelled": ("purchase_order_id",),
    "DeliveryRecorded": ("purchase_order_id", "delivery_id"),
}
# The first of these fields that an event has is its key.
KEY_FIELDS = {
    "orders.events": ("order_id",),
    "payments.events": ("order_id",),
    "inventory.events": ("sku",),
    "fulfillment.events": ("order_id",),
    "purchasing.events": ("purchase_order_id", "sku"),
    "customers.events": ("customer_id",),
    "accounting.events": ("legal_entity",),
}
