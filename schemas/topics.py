"""Every topic once: name, key, values, owner, and how long it is kept.

Keys are UTF-8 text. A record's partition is murmur2 of its key, as Kafka's Java client computes
it, except on `*.state` and for RegisterLocation and SetPolicy, where it is the room's partition.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from schemas import (
    accounting,
    carriers,
    channel_stock,
    channels,
    customers,
    engine,
    fulfillment,
    fulfillment_moves,
    fulfillment_work,
    inventory,
    locations,
    orders,
    payments,
    policies,
    promises,
    purchasing,
    routing,
    stock,
    webhooks,
)
from schemas.partitions import partitions
from schemas.records import Record

PARTITIONS = partitions(os.environ)
"""Of every keyed topic: as many workers can share one room. Chosen before the topics are made, and
then the same for every process, for keys cannot move. Each partition that a transaction touches
costs the broker a request (librdkafka issue 1700), so more than the machines can use is slower."""
DAY_MS = 86_400_000
FOREVER = -1


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic of the contract."""

    name: str
    key: str
    """what the key is"""
    values: tuple[type[Record], ...]
    written_by: str
    read_by: str
    purpose: str
    compacted: bool = False
    retention_ms: int = FOREVER
    partitions: int = PARTITIONS
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def configuration(self) -> dict[str, str]:
        """Kafka's topic settings, as `kafka-configs` knows them."""
        if self.compacted:
            return {
                "cleanup.policy": "compact",
                "delete.retention.ms": str(DAY_MS),
                **self.settings,
            }
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms), **self.settings}


_LARGE = {"max.message.bytes": str(25 * 1024 * 1024)}

CHANNELS_RAW = Topic(
    "channels.raw",
    "raw_id",
    (channels.RawPayload,),
    "intake, api, millrace submit",
    "channels",
    "Payloads as they came, before they are understood.",
    settings=_LARGE,
)
CHANNELS_REJECTED = Topic(
    "channels.rejected",
    "raw_id",
    (channels.PayloadRejected, channels.PayloadReplayed),
    "channels",
    "millrace rejected, analytics",
    "Payloads that could not be mapped, and why.",
)
CHANNELS_DEAD_LETTER = Topic(
    "channels.dead-letter",
    "key of the record",
    (engine.DeadLetter, engine.DeadLetterReplayed),
    "channels, millrace rejected",
    "millrace rejected, analytics",
    "Payloads whose mapping failed unexpectedly, and which of them were sent again.",
    settings=_LARGE,
)
CHANNELS_CURSORS = Topic(
    "channels.cursors",
    "source",
    (channels.ChannelCursor,),
    "millrace poll",
    "millrace poll",
    "How far the orders of each polled source have been fetched.",
    compacted=True,
)
ORDERS_COMMANDS = Topic(
    "orders.commands",
    "order_id, or @policy",
    (
        orders.PlaceOrder,
        orders.CancelOrder,
        orders.RecordReservation,
        orders.RecordSourcingFailure,
        orders.RecordAvailability,
        orders.RecordPayment,
        orders.RecordRouting,
        orders.RecordShipment,
        orders.RecordAssessment,
        orders.AmendOrder,
        orders.HoldOrder,
        orders.ReleaseHold,
        policies.SetPolicy,
        orders.RefundOrder,
        fulfillment_moves.AskWhereTo,
        fulfillment_moves.RedirectShipment,
        routing.RecordUnrouted,
    ),
    "channels, api, inventory, payments, fulfillment, millrace policy, millrace fulfillment",
    "orders",
    "Inbox of the orders room.",
    retention_ms=7 * DAY_MS,
)
ORDERS_EVENTS = Topic(
    "orders.events",
    "order_id, or @policy",
    (
        orders.OrderPlaced,
        orders.OrderReserved,
        orders.OrderAuthorized,
        orders.OrderReleased,
        orders.OrderBackordered,
        orders.OrderRefused,
        orders.OrderCancelled,
        orders.OrderCommandRefused,
        orders.OrderAmended,
        orders.AmendmentRefused,
        orders.OrderHeld,
        orders.HoldEnded,
        orders.OrderShipped,
        policies.PolicySet,
        orders.OrderRefunded,
    ),
    "orders",
    "analytics, downstream",
    "Every decision about an order.",
)
ORDERS_STATE = Topic(
    "orders.state",
    "order_id, or @policy",
    (orders.OrderState, orders.EarlyState, policies.PolicyState),
    "orders",
    "orders",
    "The latest state of each order.",
    compacted=True,
)
ORDERS_POLICIES = Topic(
    "orders.policies",
    "@policy/ and the partition of the orders room",
    (policies.PolicyState,),
    "orders",
    "millrace policy, downstream",
    "The policy that each partition of the orders room decides by.",
    compacted=True,
    partitions=1,
)
INVENTORY_COMMANDS = Topic(
    "inventory.commands",
    "sku, or location_id or channel",
    (
        inventory.ReserveStock,
        inventory.ReleaseStock,
        inventory.MoveReservation,
        inventory.ExtendReservation,
        inventory.AllocateStock,
        inventory.ShipStock,
        inventory.RecordComponent,
        stock.SetStock,
        stock.AdjustStock,
        stock.CountStock,
        stock.ReceiveStock,
        stock.ChangeDisposition,
        stock.ShipTransfer,
        stock.ReceiveTransfer,
        stock.ExpectSupply,
        stock.SetSku,
        locations.RegisterLocation,
        locations.SwitchLocation,
        locations.SetChannelSourcing,
    ),
    "orders, inventory, fulfillment, purchasing, millrace stock",
    "inventory",
    "Inbox of the inventory room.",
    retention_ms=7 * DAY_MS,
)
INVENTORY_EVENTS = Topic(
    "inventory.events",
    "sku",
    (
        stock.StockSet,
        inventory.StockReserved,
        inventory.StockRefused,
        inventory.StockReleased,
        inventory.ReservationMoved,
        inventory.ReservationExtended,
        inventory.StockAllocated,
        inventory.StockShipped,
        inventory.StockBackordered,
        inventory.BackorderPromised,
        inventory.BackorderEnded,
        stock.StockMoved,
        stock.SupplyExpected,
        stock.SkuSet,
        stock.StockLevelChanged,
        stock.ReplenishmentSuggested,
    ),
    "inventory",
    "analytics, downstream",
    "The ledger: every movement of stock, with the position after it, and every promise.",
)
INVENTORY_LEVELS = Topic(
    "inventory.levels",
    "sku",
    (stock.StockLevels,),
    "inventory",
    "channels out, levels, api, downstream",
    "What is there of each SKU and what each channel may sell, as it stands.",
    compacted=True,
)
INVENTORY_STATE = Topic(
    "inventory.state",
    "sku, sku|order_id|line_id, sku|@kind|id, @locations or @skus",
    (
        inventory.StockState,
        inventory.ReservationState,
        inventory.KitState,
        stock.MovementState,
        stock.TransferState,
        stock.LotsState,
        stock.DemandState,
        stock.SkusState,
        locations.LocationsState,
    ),
    "inventory",
    "inventory",
    "The latest positions of each SKU, the reservations that stand, and what is under way.",
    compacted=True,
)
PAYMENTS_COMMANDS = Topic(
    "payments.commands",
    "order_id, or @rules",
    (
        payments.AuthorizePayment,
        payments.VoidPayment,
        payments.RecordAuthorization,
        payments.RecordVoid,
        payments.ChangePayment,
        payments.CapturePayment,
        payments.RefundPayment,
        payments.RecordCapture,
        payments.RecordRefund,
        payments.RecordReceipt,
        payments.SetPaymentRules,
    ),
    "orders, payment gateways, millrace payment, millrace policy",
    "payments",
    "Inbox of the payments room.",
    retention_ms=7 * DAY_MS,
)
PAYMENTS_EVENTS = Topic(
    "payments.events",
    "order_id, or @rules",
    (
        payments.AuthorizationRequested,
        payments.PaymentAuthorized,
        payments.PaymentDeclined,
        payments.VoidRequested,
        payments.CaptureRequested,
        payments.RefundRequested,
        payments.PaymentVoided,
        payments.PaymentCommandRefused,
        payments.PaymentCaptured,
        payments.PaymentCaptureFailed,
        payments.PaymentRefunded,
        payments.PaymentRefundFailed,
        payments.PaymentReceived,
        payments.PaymentOverdue,
        payments.PaymentTotalChanged,
        payments.PaymentRulesSet,
    ),
    "payments",
    "payment gateways, analytics, downstream",
    "Every decision about a payment.",
)
PAYMENTS_STATE = Topic(
    "payments.state",
    "order_id, or @rules",
    (payments.PaymentState, payments.PaymentRulesState),
    "payments",
    "payments",
    "The latest state of each payment.",
    compacted=True,
)
FULFILLMENT_COMMANDS = Topic(
    "fulfillment.commands",
    "order_id, or location_id or channel, or @routing",
    (
        locations.RegisterLocation,
        locations.SwitchLocation,
        locations.SetChannelSourcing,
        fulfillment.RankLocations,
        fulfillment.RouteOrder,
        fulfillment.RecordMove,
        fulfillment.CancelFulfillment,
        *fulfillment_moves.COMMANDS,
        routing.SetRoutingRules,
        fulfillment.DecideShortage,
    ),
    "orders, inventory, millrace stock, millrace fulfillment, millrace routing, carriers",
    "fulfillment",
    "Inbox of the fulfillment room.",
    retention_ms=7 * DAY_MS,
)
FULFILLMENT_EVENTS = Topic(
    "fulfillment.events",
    "order_id, or location_id, or @routing",
    (
        locations.LocationRegistered,
        locations.ChannelSourcingSet,
        fulfillment.LocationsRanked,
        fulfillment.OrderRouted,
        fulfillment.FulfillmentOrderReleased,
        fulfillment.FulfillmentCancelled,
        fulfillment.FulfillmentLinesCancelled,
        fulfillment.FulfillmentCommandRefused,
        *fulfillment_moves.EVENTS,
        *promises.EVENTS,
        routing.RoutingRulesSet,
    ),
    "fulfillment",
    "analytics, downstream",
    "Every decision about where an order is served from.",
)
FULFILLMENT_STATE = Topic(
    "fulfillment.state",
    "order_id, order_id|work, order_id|promise, @locations, @capacity or @routing",
    (
        fulfillment.FulfillmentState,
        locations.LocationsState,
        fulfillment.CapacityState,
        fulfillment_work.WorkState,
        promises.PromiseState,
        routing.RoutingState,
    ),
    "fulfillment",
    "fulfillment",
    "Locations, and the routing of each order.",
    compacted=True,
)
PURCHASING_COMMANDS = Topic(
    "purchasing.commands",
    "sku, or purchase_order_id",
    purchasing.COMMANDS,
    "inventory, fulfillment, purchasing, millrace purchase",
    "purchasing",
    "Inbox of the purchasing room.",
    retention_ms=7 * DAY_MS,
)
PURCHASING_EVENTS = Topic(
    "purchasing.events",
    "sku, or purchase_order_id",
    purchasing.EVENTS,
    "purchasing",
    "analytics, downstream",
    "Every decision about suppliers and purchase orders.",
)
PURCHASING_STATE = Topic(
    "purchasing.state",
    "sku, or purchase_order_id",
    purchasing.STATES,
    "purchasing",
    "purchasing",
    "What suppliers offer of each SKU, and purchase orders.",
    compacted=True,
)

CUSTOMERS_COMMANDS = Topic(
    "customers.commands",
    "customer_id, or @segments",
    customers.COMMANDS,
    "orders, customers, millrace customer",
    "customers",
    "Inbox of the customers room.",
    retention_ms=7 * DAY_MS,
)
CUSTOMERS_EVENTS = Topic(
    "customers.events",
    "customer_id, or @segments",
    customers.EVENTS,
    "customers",
    "analytics, downstream",
    "Every decision about a customer; nothing personal stands here in clear.",
)
CUSTOMERS_STATE = Topic(
    "customers.state",
    "customer_id, customer_id|order_id or @segments",
    customers.STATES,
    "customers",
    "customers, api, millrace customer",
    "The latest state of each customer and of each of their orders.",
    compacted=True,
)
CUSTOMERS_KEYS = Topic(
    "customers.keys",
    "key_id",
    (customers.KeyIssued,),
    "intake, api, millrace submit, channels, millrace customer",
    "channels, api, millrace rejected, millrace customer",
    "The keys of what is personal, encrypted with the master key. A deleted one is erased.",
    compacted=True,
    # What is deleted leaves the disk within hours, also where few deletions stand against much.
    settings={
        "segment.ms": "600000",
        "max.compaction.lag.ms": "3600000",
    },
)

ACCOUNTING_COMMANDS = Topic(
    "accounting.commands",
    "legal_entity",
    accounting.COMMANDS,
    "orders, payments, millrace entity",
    "accounting",
    "Inbox of the accounting room.",
    retention_ms=7 * DAY_MS,
)
ACCOUNTING_EVENTS = Topic(
    "accounting.events",
    "legal_entity",
    accounting.EVENTS,
    "accounting",
    "millrace invoice, analytics, downstream",
    "Every invoice and credit note, with its number and all that stands on it.",
)
ACCOUNTING_JOURNAL = Topic(
    "accounting.journal",
    "legal_entity",
    (accounting.JournalEntry,),
    "accounting",
    "millrace journal, downstream",
    "The accounting journal in double entry: each record is an entry that balances.",
)
ACCOUNTING_STATE = Topic(
    "accounting.state",
    "legal_entity, legal_entity|document|document_key or legal_entity|payment|entry_key",
    accounting.STATES,
    "accounting",
    "accounting, millrace invoice",
    "The latest numbers of each legal entity, and each document and payment that it has entered.",
    compacted=True,
)


def _dead_letter(room: str) -> Topic:
    return Topic(
        f"{room}.dead-letter",
        "key of the record",
        (engine.DeadLetter, engine.DeadLetterReplayed),
        f"{room}, millrace rejected",
        "millrace rejected, analytics",
        f"Records that the {room} room could not decide, and which of them were sent again.",
    )


ORDERS_DEAD_LETTER = _dead_letter("orders")
INVENTORY_DEAD_LETTER = _dead_letter("inventory")
PAYMENTS_DEAD_LETTER = _dead_letter("payments")
FULFILLMENT_DEAD_LETTER = _dead_letter("fulfillment")
PURCHASING_DEAD_LETTER = _dead_letter("purchasing")
CUSTOMERS_DEAD_LETTER = _dead_letter("customers")
ACCOUNTING_DEAD_LETTER = _dead_letter("accounting")
WEBHOOKS_ATTEMPTS = Topic(
    "webhooks.attempts",
    "subscription",
    (webhooks.WebhookAttempted,),
    "webhooks, millrace webhooks",
    "millrace webhooks",
    "Every attempt to tell a downstream team of an event.",
    retention_ms=30 * DAY_MS,
)
WEBHOOKS_SWITCHES = Topic(
    "webhooks.switches",
    "subscription",
    (webhooks.WebhookSwitched,),
    "webhooks, millrace webhooks",
    "webhooks, millrace webhooks",
    "Which subscriptions are switched off, and on again.",
    compacted=True,
)
AVAILABILITY_PUSHED = Topic(
    "availability.pushed",
    "account|sku",
    (channel_stock.AvailabilityPushed,),
    "millrace availability",
    "millrace availability",
    "What each account at a channel was told last of each SKU.",
    compacted=True,
)
AVAILABILITY_ATTEMPTS = Topic(
    "availability.attempts",
    "account",
    (channel_stock.AvailabilityAttempted,),
    "millrace availability",
    "millrace availability",
    "Every attempt to tell a channel of stock, and what was read back.",
    retention_ms=30 * DAY_MS,
)
CARRIERS_SHIPMENTS = Topic(
    "carriers.shipments",
    "fulfillment_order_id, or @ and a partition",
    (carriers.ShipmentFollowed, carriers.EventsFollowed),
    "millrace carriers",
    "millrace carriers",
    "Shipments that carriers are asked about, how far each has been told, and events been read.",
    compacted=True,
)
WORKER_CONTROL = Topic(
    "worker.control",
    "none",
    (),
    "nobody",
    "workers",
    "Empty. The stream application subscribes to it, because it must subscribe to something.",
    retention_ms=DAY_MS,
    partitions=1,
)

ALL: tuple[Topic, ...] = (
    CHANNELS_RAW,
    CHANNELS_REJECTED,
    CHANNELS_DEAD_LETTER,
    CHANNELS_CURSORS,
    ORDERS_COMMANDS,
    ORDERS_EVENTS,
    ORDERS_STATE,
    ORDERS_POLICIES,
    ORDERS_DEAD_LETTER,
    INVENTORY_COMMANDS,
    INVENTORY_EVENTS,
    INVENTORY_LEVELS,
    INVENTORY_STATE,
    INVENTORY_DEAD_LETTER,
    PAYMENTS_COMMANDS,
    PAYMENTS_EVENTS,
    PAYMENTS_STATE,
    PAYMENTS_DEAD_LETTER,
    FULFILLMENT_COMMANDS,
    FULFILLMENT_EVENTS,
    FULFILLMENT_STATE,
    FULFILLMENT_DEAD_LETTER,
    PURCHASING_COMMANDS,
    PURCHASING_EVENTS,
    PURCHASING_STATE,
    PURCHASING_DEAD_LETTER,
    CUSTOMERS_COMMANDS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_STATE,
    CUSTOMERS_KEYS,
    CUSTOMERS_DEAD_LETTER,
    ACCOUNTING_COMMANDS,
    ACCOUNTING_EVENTS,
    ACCOUNTING_JOURNAL,
    ACCOUNTING_STATE,
    ACCOUNTING_DEAD_LETTER,
    WEBHOOKS_ATTEMPTS,
    WEBHOOKS_SWITCHES,
    AVAILABILITY_PUSHED,
    AVAILABILITY_ATTEMPTS,
    CARRIERS_SHIPMENTS,
    WORKER_CONTROL,
)
EVENT_TOPICS = (
    ORDERS_EVENTS,
    INVENTORY_EVENTS,
    PAYMENTS_EVENTS,
    FULFILLMENT_EVENTS,
    PURCHASING_EVENTS,
    CUSTOMERS_EVENTS,
    ACCOUNTING_EVENTS,
)
RECORDS: tuple[type[Record], ...] = tuple(
    dict.fromkeys(record for topic in ALL for record in topic.values)
)
