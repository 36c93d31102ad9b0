"""Whom a Square order names, read leniently.

Source: Square API, objects FulfillmentRecipient, FulfillmentPickupDetails (`note`),
FulfillmentShipmentDetails (`shipping_note`), OrderLineItem (`note`).
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.channels.mapping import MAXIMUM_TEXT
from connectors.channels.people import MAXIMUM_NOTE, NOBODY
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address

_DETAILS = ("shipment_details", "delivery_details", "pickup_details")
_NOTES = ("note", "shipping_note", "dropoff_notes")


def contact(order: object) -> Contact:
    """The first recipient; NOBODY where there is none and no customer."""
    if not isinstance(order, dict):
        return NOBODY
    recipients = [_object(each, "recipient") for each in _details(order)]
    first: dict[str, object] = next(filter(None, recipients), {})
    return Contact(
        name=_text(first, "display_name"),
        email=_text(first, "email_address"),
        phone=_text(first, "phone_number"),
        channel_customer_id=_text(order, "customer_id") or _text(first, "customer_id"),
    )


def personal(order: object, addresses: Sequence[Address]) -> Personal:
    """All that is personal of an order."""
    if not isinstance(order, dict):
        return Personal(addresses=list(addresses))
    notes = [_text(each, name, MAXIMUM_NOTE) for each in _details(order) for name in _NOTES]
    wishes = [
        Personalisation(_text(line, "uid"), "note", note)
        for line in _objects(order, "line_items")
        if (note := _text(line, "note"))
    ]
    return Personal(
        contact=contact(order),
        addresses=list(addresses),
        note="\n".join(filter(None, notes))[:MAXIMUM_NOTE],
        personalisation=wishes,
    )


def _details(order: dict[str, object]) -> list[dict[str, object]]:
    """What the fulfillments say in detail."""
    return [
        _object(fulfillment, name)
        for fulfillment in _objects(order, "fulfillments")
        for name in _DETAILS
        if name in fulfillment
    ]


def _objects(value: dict[str, object], name: str) -> list[dict[str, object]]:
    found = value.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _object(value: dict[str, object], name: str) -> dict[str, object]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, object], name: str, longest: int = MAXIMUM_TEXT) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        return ""
    return found.strip()[:longest].encode(errors="replace").decode()
