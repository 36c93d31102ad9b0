"""Whom a WooCommerce order names, and where it goes.

Source: WooCommerce REST API documentation v3, Orders (billing and shipping properties,
`customer_id`, `customer_note`).
"""

from __future__ import annotations

from connectors.channels import countries, mapping, people
from connectors.channels.mapping import Fields
from connectors.channels.shopify_fields import told
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address

_PLACE = ("address_1", "city", "postcode", "country")


def contact(order: object) -> Contact:
    """Of an order; people.NOBODY where it names nobody. Nothing that it says is verified."""
    if not isinstance(order, dict):
        return people.NOBODY
    billing = _fields(order, "billing")
    shipping = _fields(order, "shipping")
    known = order.get("customer_id")
    # A guest has the customer id 0.
    own = str(known)[:100] if isinstance(known, int) and known is not True and known > 0 else ""
    return Contact(
        name=_name(billing) or _name(shipping),
        company=_text(billing, "company") or _text(shipping, "company"),
        email=_text(billing, "email"),
        phone=_text(billing, "phone") or _text(shipping, "phone"),
        channel_customer_id=own,
    )


def personal(order: object, ship_to: Address) -> bytes:
    """PlaceOrder.personal in clear."""
    if not isinstance(order, dict):
        return b""
    billing = told(lambda: _address(_fields(order, "billing")), mapping.NOWHERE)
    nothing: list[Personalisation] = []
    said = order.get("customer_note")
    note = said.strip()[: people.MAXIMUM_NOTE] if isinstance(said, str) else ""
    note = note.encode(errors="replace").decode()
    known = billing if billing != mapping.NOWHERE else None
    wishes = told(lambda: _wishes(Fields(order)), nothing)
    return people.written(Personal(contact(order), [ship_to], known, note, wishes))


def _wishes(order: Fields) -> list[Personalisation]:
    """What add-ons write into a line's meta; `_` begins what is hidden, `pa_` a product's own."""
    return [
        Personalisation(line.identifier("id"), _text(meta, "key"), _text(meta, "value"))
        for line in order.objects("line_items")
        for meta in line.objects("meta_data")
        if _text(meta, "value") and not _text(meta, "key").startswith(("_", "pa_"))
    ]


def address(shipping: Fields | None, billing: Fields | None) -> Address:
    """Where the order goes: to the billing address where that for shipping is blank."""
    for each in (shipping, billing):
        if each is not None and any(each.has(name) and each.raw(name) != "" for name in _PLACE):
            return _address(each)
    return mapping.NOWHERE


def _address(fields: Fields) -> Address:
    country = fields.optional_text("country")
    code = countries.code(country) or fields.country("country")
    return Address(
        name=_name(fields) or _text(fields, "company"),
        line1=fields.optional_text("address_1"),
        line2=fields.optional_text("address_2"),
        city=fields.optional_text("city"),
        # WooCommerce's own codes of states have the country in front in some countries: DE-BY.
        region=fields.optional_text("state").removeprefix(f"{code}-"),
        postal_code=fields.optional_text("postcode"),
        country=code,
        latitude=0.0,
        longitude=0.0,
    )


def _name(fields: Fields) -> str:
    return " ".join(filter(None, (_text(fields, "first_name"), _text(fields, "last_name"))))


def _text(fields: Fields, name: str) -> str:
    return told(lambda: fields.optional_text(name), "")


def _fields(order: dict[str, object], name: str) -> Fields:
    value = order.get(name)
    return Fields(value if isinstance(value, dict) else {}, name)
