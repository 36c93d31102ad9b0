"""One order out of its events, as analytics tells them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from connectors.api.forms import (
    Happened,
    LineTold,
    OrderTold,
    ShipmentTold,
    ShippedPieces,
)
from connectors.clickhouse.rows import ENTERED
from schemas.money import EXPONENTS
from schemas.orders import (
    FulfillmentStatus,
    HoldEnded,
    LineKind,
    OrderAmended,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderShipped,
    Status,
)

_STEPS = {kind.__name__: str(status) for kind, status in ENTERED.items()}
_FOLDED = {
    kind.__name__: kind for kind in (OrderPlaced, OrderAmended, OrderShipped, OrderHeld, HoldEnded)
}


class Event(Struct, frozen=True):
    """One event as analytics tells it."""

    at: str
    room: str
    event: str
    why: str
    detail: dict[str, Any]


def amount(minor: int, currency: str) -> str:
    """Major units as text, with the currency's decimals."""
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))}"


def order(order_id: str, events: Sequence[Event]) -> OrderTold | None:
    """The order as it stands after its events; None where none of them places it."""
    placed: OrderPlaced | None = None
    status, revision, total = "", 0, 0
    lines: Sequence[OrderLine] = ()
    shipments: list[ShipmentTold] = []
    holds: dict[str, str] = {}
    for each in events:
        status = _STEPS.get(each.event, status)
        match _record(each):
            case OrderPlaced() as record:
                placed, lines, total = record, record.lines, record.total_minor
            case OrderAmended() as record:
                lines, total, revision = record.lines, record.total_minor, record.revision
            case OrderShipped() as record:
                status = record.fulfillment_status
                shipments.append(_shipment(record, each.at))
            case OrderHeld() as record:
                holds[record.hold_id] = record.kind
            case HoldEnded() as record:
                holds.pop(record.hold_id, None)
            case _:
                pass
    if placed is None:
        return None
    return OrderTold(
        order_id=order_id,
        channel=placed.channel,
        external_id=placed.external_id,
        customer_id=placed.customer_id,
        status=_step(status, lines, shipments, bool(holds)),
        holds=sorted(set(holds.values())),
        revision=revision,
        currency=placed.currency,
        total=amount(total, placed.currency),
        placed_at=next(each.at for each in events if each.event == OrderPlaced.__name__),
        lines=_lines(lines, shipments, placed.currency),
        shipments=shipments,
        timeline=[Happened(each.at, each.room, each.event, each.why) for each in events],
    )


def _step(
    status: str, lines: Sequence[OrderLine], shipments: Sequence[ShipmentTold], is_held: bool
) -> str:
    """The step as the dashboard counts it (dashboards/queries/steps.sql)."""
    if is_held and status not in (Status.REFUSED, Status.CANCELLED):
        return Status.HELD
    goods = sum(line.quantity for line in lines if line.kind == LineKind.GOODS)
    left = sum(one.quantity for shipment in shipments for one in shipment.lines)
    if status == FulfillmentStatus.PARTLY_SHIPPED and left >= goods:
        return FulfillmentStatus.SHIPPED  # what was left was cancelled
    return status


def _record(each: Event) -> object:
    """The event's record; None for one that changes nothing here, or is of another version."""
    kind = _FOLDED.get(each.event)
    try:
        return None if kind is None else msgspec.convert(each.detail, kind, strict=False)
    except msgspec.ValidationError:
        return None


def _shipment(record: OrderShipped, at: str) -> ShipmentTold:
    pieces = [ShippedPieces(line.line_id, line.quantity) for line in record.lines]
    return ShipmentTold(
        record.shipment_id, record.location_id, record.carrier, record.tracking_number, at, pieces
    )


def _lines(
    lines: Sequence[OrderLine], shipments: Sequence[ShipmentTold], currency: str
) -> list[LineTold]:
    shipped: dict[str, int] = {}
    for shipment in shipments:
        for one in shipment.lines:
            shipped[one.line_id] = shipped.get(one.line_id, 0) + one.quantity
    return [
        LineTold(
            line.line_id,
            line.sku,
            line.title,
            line.quantity,
            shipped.get(line.line_id, 0),
            amount(line.unit_price_minor, currency),
        )
        for line in lines
    ]
