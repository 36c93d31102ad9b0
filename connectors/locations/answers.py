"""What is told of a fulfillment order. Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import asdict

from connectors.levels.answers import iso
from schemas.fulfillment_work import FulfillmentOrder, PackedLine, PackedParcel
from schemas.promises import Promise

Instant = Annotated[str | None, Meta(description="ISO 8601 to the millisecond, UTC")]


class LineTold(Struct, frozen=True):
    """A line that is to be sent."""

    line_id: str
    sku: str
    quantity: int


class PiecesTold(Struct, frozen=True):
    """Pieces of a line."""

    line_id: str
    quantity: int


class ParcelTold(Struct, frozen=True):
    """A parcel that it is packed in."""

    parcel_id: str
    weight_grams: int
    length_mm: Annotated[int, Meta(description="0 with the others where it was not measured")]
    width_mm: int
    height_mm: int
    lines: list[PiecesTold]


class FulfillmentOrderTold(Struct, frozen=True):
    """A fulfillment order as it stands."""

    order_id: str
    fulfillment_order_id: str
    location_id: str
    destination: Annotated[
        str,
        Meta(description="empty for the order's own address, a further one's number, or pickup"),
    ]
    status: str
    since: Instant
    reason: Annotated[str, Meta(description="of its rejection, hold, refused shipment or end")]
    lines: Annotated[list[LineTold], Meta(description="what is left of them")]
    missing: Annotated[list[PiecesTold], Meta(description="that were short")]
    parcels: list[ParcelTold]
    carrier: str
    service: str
    tracking_number: str


class PromiseTold(Struct, frozen=True):
    """Until when it leaves and when it is there."""

    ship_by: Instant
    promised_day: Annotated[str, Meta(description="empty where nothing is promised")]
    promised_by: Instant
    at_risk: Annotated[list[str], Meta(description="why it may come too late; missed: it has")]


class FulfillmentOrderShown(FulfillmentOrderTold, frozen=True):
    """A fulfillment order as it stands, and what is promised of it."""

    promise: PromiseTold


def order_of(fulfillment_order_id: str) -> str:
    """The order that a fulfillment order belongs to; empty where it is not the name of one."""
    order_id, _, number = fulfillment_order_id.rpartition("/")
    return order_id if number.isascii() and number.isdecimal() else ""


def told(order_id: str, one: FulfillmentOrder) -> FulfillmentOrderTold:
    """A fulfillment order for programs."""
    return FulfillmentOrderTold(
        order_id=order_id,
        fulfillment_order_id=one.fulfillment_order_id,
        location_id=one.location_id,
        destination=one.destination,
        status=one.status,
        since=iso(one.changed_at_ms),
        reason=one.reason,
        lines=[LineTold(line.line_id, line.sku, line.quantity) for line in one.lines],
        missing=pieces(one.missing),
        parcels=[parcel(each) for each in one.parcels],
        carrier=one.carrier,
        service=one.service,
        tracking_number=one.tracking_number,
    )


def shown(order_id: str, one: FulfillmentOrder, promise: Promise | None) -> FulfillmentOrderShown:
    """The same, and what is promised of it."""
    return FulfillmentOrderShown(**asdict(told(order_id, one)), promise=promise_told(promise))


def promise_told(promise: Promise | None) -> PromiseTold:
    """What is promised of a fulfillment order; None for nothing."""
    if promise is None:
        return PromiseTold(None, "", None, [])
    return PromiseTold(
        iso(promise.ship_by_ms), promise.promised_day, iso(promise.promised_by_ms), at_risk(promise)
    )


def at_risk(promise: Promise | None) -> list[str]:
    """Why it may come too late, as it was told; `missed` where the promised day is over."""
    if promise is None:
        return []
    return [*promise.told, *(["missed"] if promise.missed else [])]


def parcel(one: PackedParcel) -> ParcelTold:
    """A parcel for programs."""
    return ParcelTold(
        one.parcel_id,
        one.weight_grams,
        one.length_mm,
        one.width_mm,
        one.height_mm,
        pieces(one.lines),
    )


def pieces(lines: list[PackedLine]) -> list[PiecesTold]:
    """Pieces of lines for programs."""
    return [PiecesTold(line.line_id, line.quantity) for line in lines]
