"""Fulfillment orders as they stand, and what happened to them. Reads Kafka."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.levels.answers import iso
from deploy import records
from deploy.cluster import Cluster
from deploy.timeline import words
from schemas import codec
from schemas.fulfillment import FulfillmentOrderReleased, FulfillmentState
from schemas.fulfillment_work import EVENTS, FulfillmentOrder, WorkState
from schemas.records import Record
from schemas.topics import FULFILLMENT_EVENTS, FULFILLMENT_STATE
from streams.fulfillment.work_model import WORK_SUFFIX, begun


def order_of(fulfillment_order_id: str) -> str:
    """The order that a fulfillment order belongs to; empty where it is not the name of one."""
    order_id, _, number = fulfillment_order_id.rpartition("/")
    return order_id if number.isdecimal() else ""


def standing(cluster: Cluster, order_id: str | None = None) -> list[WorkState]:
    """What locations work on, by order: of every order, or of one."""
    routed: dict[str, FulfillmentState] = {}
    worked_on: dict[str, WorkState] = {}
    for key, record in _of_topic(cluster, order_id):
        name = key.removesuffix(WORK_SUFFIX)
        if isinstance(record, FulfillmentState):
            routed[name] = record
        elif isinstance(record, WorkState):
            worked_on[name] = record
    found = [worked_on.get(name) or begun(state) for name, state in sorted(routed.items())]
    return [one for one in found if one is not None]


def _of_topic(cluster: Cluster, order_id: str | None) -> Iterator[tuple[str, Record]]:
    """The states that stand; those of an order lie in its partition under two keys."""
    keys = () if order_id is None else (order_id.encode(),)
    wanted = {order_id, f"{order_id}{WORK_SUFFIX}"}
    for found in records.read_from(cluster, records.beginnings(cluster, FULFILLMENT_STATE, keys)):
        key = found.key.decode()
        if order_id is None or key in wanted:
            yield key, found.record


def one_of(state: WorkState, fulfillment_order_id: str) -> FulfillmentOrder | None:
    """The fulfillment order of that name."""
    name = fulfillment_order_id
    return next((one for one in state.orders if one.fulfillment_order_id == name), None)


def history(cluster: Cluster, fulfillment_order_id: str) -> list[dict[str, Any]]:
    """What happened to a fulfillment order: at, event, why, actor and where it lies on Kafka."""
    found = []
    order_id = order_of(fulfillment_order_id)
    for message in records.messages_of(cluster, FULFILLMENT_EVENTS, order_id):
        try:
            record = codec.decode(message.value() or b"")
        except codec.UnreadableRecord:
            continue
        named = getattr(record, "fulfillment_order_id", "") == fulfillment_order_id
        if named and isinstance(record, (FulfillmentOrderReleased, *EVENTS)):
            found.append(
                {
                    "at": iso(getattr(record, "at_ms", 0)),
                    "event": type(record).__name__,
                    "why": words(record),
                    "actor": getattr(record, "actor", ""),
                    **records.place_of(message)._asdict(),
                }
            )
    return found


def as_json(order_id: str, one: FulfillmentOrder) -> dict[str, Any]:
    """A fulfillment order for scripts."""
    return {
        "order_id": order_id,
        "fulfillment_order_id": one.fulfillment_order_id,
        "location_id": one.location_id,
        "destination": one.destination,
        "status": one.status,
        "since": iso(one.changed_at_ms),
        "reason": one.reason,
        "lines": [
            {"line_id": line.line_id, "sku": line.sku, "quantity": line.quantity}
            for line in one.lines
        ],
        "missing": [{"line_id": line.line_id, "quantity": line.quantity} for line in one.missing],
        "parcels": [
            {
                "parcel_id": parcel.parcel_id,
                "weight_grams": parcel.weight_grams,
                "length_mm": parcel.length_mm,
                "width_mm": parcel.width_mm,
                "height_mm": parcel.height_mm,
                "lines": [
                    {"line_id": line.line_id, "quantity": line.quantity} for line in parcel.lines
                ],
            }
            for parcel in one.parcels
        ],
        "carrier": one.carrier,
        "service": one.service,
        "tracking_number": one.tracking_number,
    }
