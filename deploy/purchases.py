"""Purchase orders as they stand, and what happened to them. Reads Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.levels.answers import iso
from deploy import records
from deploy.cluster import Cluster
from deploy.records import Place
from deploy.timeline import words
from schemas import codec
from schemas.money import text as money
from schemas.purchasing import OfferSet, PurchaseOrderState, Status
from schemas.purchasing import open_pieces as still_open
from schemas.records import Record
from schemas.topics import PURCHASING_EVENTS, PURCHASING_STATE, Topic

OVER = frozenset({Status.RECEIVED, Status.CLOSED, Status.CANCELLED})


def standing(cluster: Cluster) -> list[PurchaseOrderState]:
    """Every purchase order, by id."""
    found: dict[bytes, PurchaseOrderState] = {}
    for key, _, record in _of_topic(cluster, PURCHASING_STATE, None):
        if isinstance(record, PurchaseOrderState):
            found[key] = record
        elif record is None:
            found.pop(key, None)
    return sorted(found.values(), key=lambda one: one.purchase_order_id)


def state(cluster: Cluster, purchase_order_id: str) -> PurchaseOrderState | None:
    """One purchase order as it stands."""
    found: Record | None = None
    for _, _, record in _of_topic(cluster, PURCHASING_STATE, purchase_order_id):
        found = record
    return found if isinstance(found, PurchaseOrderState) else None


def history(cluster: Cluster, purchase_order_id: str) -> list[dict[str, Any]]:
    """What happened to a purchase order: at, event, why, actor and where it lies on Kafka."""
    found = []
    for _, place, record in _of_topic(cluster, PURCHASING_EVENTS, purchase_order_id):
        if record is None or isinstance(record, OfferSet):
            continue
        found.append(
            {
                "at": iso(getattr(record, "at_ms", 0)),
                "event": type(record).__name__,
                "why": words(record),
                "actor": getattr(record, "actor", ""),
                **place._asdict(),
            }
        )
    return found


def _of_topic(
    cluster: Cluster, topic: Topic, key: str | None
) -> Iterator[tuple[bytes, Place, Record | None]]:
    """The records of one key, in its partition, or of all; None where it was deleted."""
    for message in records.messages_of(cluster, topic, key):
        name, place, value = message.key() or b"", records.place_of(message), message.value()
        try:
            yield name, place, None if value is None else codec.decode(value)
        except codec.UnreadableRecord:
            continue


def as_json(one: PurchaseOrderState) -> dict[str, Any]:
    """A purchase order for scripts."""
    return {
        "purchase_order_id": one.purchase_order_id,
        "status": one.status,
        "supplier_id": one.supplier_id,
        "location_id": one.location_id,
        "order_id": one.order_id,
        "currency": one.currency,
        "expected_at": iso(one.expected_at_ms),
        "first_expected_at": iso(one.first_expected_at_ms),
        "sent_at": iso(one.sent_at_ms),
        "deliveries": list(one.deliveries),
        "under_way": [
            {
                "delivery_id": delivery.delivery_id,
                "movement_id": receipt.movement_id,
                "line_id": receipt.delivered.line_id,
                "quantity": receipt.delivered.quantity,
                "status": receipt.status,
                "reason": receipt.reason,
            }
            for delivery in one.under_way
            for receipt in delivery.receipts
        ],
        "lines": [
            {
                "line_id": line.line_id,
                "sku": line.sku,
                "quantity": line.quantity,
                "received": line.received,
                "sellable": line.sellable,
                "price_minor": line.price_minor,
            }
            for line in one.lines
        ],
    }


def open_pieces(one: PurchaseOrderState) -> dict[str, int]:
    """What is still to come, by line, nothing of one that is over; what is being taken in has."""
    if one.status in OVER:
        return {}
    return {line_id: rest for line_id, rest in still_open(one).items() if rest}


def total(one: PurchaseOrderState) -> str:
    """What it costs; empty where no price is known."""
    if not one.currency:
        return ""
    return money(sum(line.quantity * line.price_minor for line in one.lines), one.currency)
