"""Why an event happened, in words: for `millrace order` and `millrace purchase show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from deploy.timeline_accounting import of_accounting
from deploy.timeline_customers import of_customer
from deploy.timeline_fulfillment import of_fulfillment
from deploy.timeline_orders import of_order
from deploy.timeline_payments import of_money
from deploy.timeline_promises import of_promise, promised
from schemas import fulfillment, inventory, payments, purchasing
from schemas.money import text as money
from schemas.records import Record
from schemas.topics import EVENT_TOPICS

EVENTS = {record.__name__: record for topic in EVENT_TOPICS for record in topic.values}
WITHHELD = {"token": "", "personal": "", "key_id": ""}
"""Fields that stay on Kafka, so that the dashboard's API does not have them."""


def why(event: str, detail: Mapping[str, Any], reason: str) -> str:
    """One sentence for an event as the dashboard tells it; its bare reason for one unknown here."""
    kind = EVENTS.get(event)
    if kind is None:
        return _plain(reason)
    try:
        record = msgspec.convert({**WITHHELD, **detail}, kind)
    except msgspec.ValidationError:
        return _plain(reason)
    return words(record)


def words(record: Record) -> str:
    """One sentence for an event; empty for one that is of no order and of no purchase."""
    return (
        of_order(record)
        or _of_stock(record)
        or _of_waiting(record)
        or _of_payment(record)
        or _of_routing(record)
        or of_fulfillment(record)
        or of_promise(record)
        or _of_purchase(record)
        or of_customer(record)
        or of_accounting(record)
        or of_money(record)
    )


def _plain(reason: str) -> str:
    """`out_of_stock` as words."""
    return reason.replace("_", " ")


def _clock(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _of_stock(record: Record) -> str:
    match record:
        case inventory.StockReserved():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} at {record.location_id},"
                f" held until {_clock(record.reserved_until_ms)}"
                f"{f', of quota {record.quota_id}' if record.quota_id else ''}"
            )
        case inventory.StockRefused():
            what = f"line {record.line_id}" if record.line_id else f"movement {record.movement_id}"
            return f"{what}: {record.quantity} × {record.sku}: {_plain(record.reason)}"
        case inventory.StockReleased():
            stopped = ", being worked on until now" if record.was_allocated else ""
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} back at"
                f" {record.location_id}{stopped}: {_plain(record.reason)}"
            )
        case inventory.ReservationMoved():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} from"
                f" {record.from_location_id} to {record.location_id}, to save a shipment"
            )
        case inventory.ReservationExtended():
            until = _clock(record.reserved_until_ms)
            return f"line {record.line_id}: {record.sku} is held until {until}"
        case inventory.StockAllocated():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} at {record.location_id}"
                f" are worked on{_lots(record.lots)}"
            )
        case inventory.StockShipped():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} have left"
                f" {record.location_id}{_lots(record.lots)}"
            )
    return ""


def _of_waiting(record: Record) -> str:
    match record:
        case inventory.StockBackordered():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} waits in the queue,"
                f" {_promised(record.promised_at_ms)}"
            )
        case inventory.BackorderPromised():
            before = _promised(record.previously_ms)
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku}"
                f" {_promised(record.promised_at_ms)}; before: {before}"
            )
        case inventory.BackorderEnded():
            return (
                f"line {record.line_id}: {record.quantity} × {record.sku} waits no longer:"
                f" {_plain(record.reason)}"
            )
    return ""


def _promised(milliseconds: int) -> str:
    return f"promised for {_clock(milliseconds)}" if milliseconds else "without a date"


def _lots(lots: Sequence[inventory.LotPick]) -> str:
    return f", lot {', '.join(f'{lot.lot_id} ({lot.quantity})' for lot in lots)}" if lots else ""


def _of_payment(record: Record) -> str:
    match record:
        case payments.AuthorizationRequested():
            amount = money(record.amount_minor, record.currency)
            asked = "looked up" if record.inquiry else "asked for"
            return f"{amount} {asked} at the gateway, try {record.attempt}"
        case payments.PaymentAuthorized():
            amount = money(record.amount_minor, record.currency)
            if record.method == "channel":
                return f"{amount}, authorized or paid at the channel"
            return f"{amount} by {record.method}, {record.authorization_id}"
        case payments.PaymentDeclined():
            return f"{money(record.amount_minor, record.currency)}: {_plain(record.reason)}"
        case payments.VoidRequested():
            return f"{record.authorization_id} to be given back, try {record.attempt}"
        case payments.PaymentVoided():
            amount = money(record.amount_minor, record.currency)
            return f"{amount} given back: {_plain(record.reason)}"
        case payments.PaymentCommandRefused():
            return f"{record.command}: {_plain(record.reason)}"
    return ""


def _of_routing(record: Record) -> str:
    match record:
        case fulfillment.LocationsRanked():
            return f"tried in this order: {', '.join(record.locations)}"
        case fulfillment.OrderRouted():
            moved = f", {_count(record.moved, 'reservation')} moved" if record.moved else ""
            return _count(record.shipments, "shipment") + moved
        case fulfillment.FulfillmentOrderReleased():
            lines = ", ".join(record.line_ids)
            name = record.fulfillment_order_id
            return f"{name} at {record.location_id}: line {lines}{promised(record)}"
        case fulfillment.FulfillmentCancelled():
            return record.reason
        case fulfillment.FulfillmentLinesCancelled():
            return f"line {', '.join(record.line_ids)}: {record.reason}"
        case fulfillment.FulfillmentCommandRefused():
            name = f"{record.fulfillment_order_id}, " if record.fulfillment_order_id else ""
            detail = f" ({record.detail})" if record.detail else ""
            return f"{name}{record.command}: {_plain(record.reason)}{detail}"
    return ""


def _of_purchase(record: Record) -> str:
    match record:
        case purchasing.PurchaseOrderProposed():
            lines = ", ".join(f"{line.quantity} × {line.sku}" for line in record.lines)
            where = record.location_id or "the customer"
            words = f"{record.purchase_order_id}: {lines} from {record.supplier_id} to {where}"
            return words + (f": {_plain(record.reason)}" if record.reason else "")
        case purchasing.PurchaseOrderApproved():
            return f"{record.purchase_order_id} may be sent{_by(record.actor)}"
        case purchasing.PurchaseOrderSent():
            due = _due(record.expected_at_ms)
            return f"{record.purchase_order_id} is with the supplier, {due}{_by(record.actor)}"
        case purchasing.PurchaseOrderConfirmed():
            words = f"{record.purchase_order_id} is {_due(record.expected_at_ms)}"
            if record.previously_ms and record.previously_ms != record.expected_at_ms:
                words += f", no longer {_clock(record.previously_ms)}"
            return words + (f": {_plain(record.reason)}" if record.reason else "")
        case purchasing.DeliveryRecorded():
            lines = ", ".join(f"{line.quantity} of line {line.line_id}" for line in record.lines)
            rest = "nothing is open any more" if record.complete else "more is open"
            return f"{record.purchase_order_id}, delivery {record.delivery_id}: {lines}; {rest}"
        case purchasing.ReceiptRefused():
            what = f"delivery {record.delivery_id}, line {record.line_id}"
            return f"{what}: {record.quantity} × {record.sku}: {_plain(record.reason)}"
        case purchasing.PurchaseOrderClosed():
            return f"{record.purchase_order_id}, nothing more is expected: {_plain(record.reason)}"
        case purchasing.PurchaseOrderCancelled():
            return f"{record.purchase_order_id} is withdrawn: {_plain(record.reason)}"
        case purchasing.PurchaseRefused():
            detail = f" ({record.detail})" if record.detail else ""
            return f"{record.command}: {_plain(record.reason)}{detail}"
    return ""


def _by(actor: str) -> str:
    return f", by {actor}" if actor else ""


def _due(milliseconds: int) -> str:
    return f"due {_clock(milliseconds)}" if milliseconds else "due nobody knows when"
