"""Whom a Magento order names, and where it goes.

Source: Adobe Commerce REST reference 2.4, sales-data-order-interface (`customer_…`,
`billing_address`, `extension_attributes.shipping_assignments`) and sales-data-order-address.
"""

from __future__ import annotations

from connectors.channels import countries, mapping, people
from connectors.channels.mapping import Fields
from connectors.channels.shopify_fields import told
from schemas.customers import Contact, Personal
from schemas.orders import Address


def contact(order: object) -> Contact:
    """Of an order; people.NOBODY where it names nobody. Nothing that it says is verified."""
    if not isinstance(order, dict):
        return people.NOBODY
    fields = Fields(order)
    billing = told(lambda: billing_address(fields), None) or Fields({})
    known = order.get("customer_id")
    own = str(known).strip()[:100] if isinstance(known, str | int) and known is not True else ""
    return Contact(
        name=_name(fields, "customer_firstname", "customer_lastname") or _name(billing),
        company=_text(billing, "company"),
        email=_text(fields, "customer_email") or _text(billing, "email"),
        phone=_text(billing, "telephone"),
        channel_customer_id=told(lambda: Fields({"id": own}).identifier("id"), "")
        if own not in ("", "0")
        else "",
    )


def personal(order: object, ship_to: Address) -> bytes:
    """PlaceOrder.personal in clear."""
    if not isinstance(order, dict):
        return b""
    fields = Fields(order)
    billing = told(lambda: _optional_address(billing_address(fields)), None)
    said = order.get("customer_note")
    note = said.strip()[: people.MAXIMUM_NOTE] if isinstance(said, str) else ""
    note = note.encode(errors="replace").decode()
    return people.written(Personal(contact(order), [ship_to], billing, note, []))


def ship_to(order: Fields) -> Address:
    """Where the order goes; where it has nothing to ship, where its bill goes."""
    return _optional_address(_shipping(order) or billing_address(order)) or mapping.NOWHERE


def billing_address(order: Fields) -> Fields | None:
    """The billing address; None where there is none."""
    return order.optional_object("billing_address") or _of_type(order, "billing")


def _shipping(order: Fields) -> Fields | None:
    more = order.optional_object("extension_attributes")
    for assignment in more.objects("shipping_assignments") if more else []:
        shipping = assignment.optional_object("shipping")
        address = shipping.optional_object("address") if shipping else None
        if address is not None:
            return address
    return order.optional_object("shipping_address") or _of_type(order, "shipping")


def _of_type(order: Fields, name: str) -> Fields | None:
    """Of the list of addresses that events carry."""
    return next(
        (each for each in order.objects("addresses") if each.raw("address_type") == name), None
    )


def _optional_address(fields: Fields | None) -> Address | None:
    if fields is None:
        return None
    street = _street(fields)
    country = fields.optional_text("country_id")
    return Address(
        name=_name(fields) or _text(fields, "company"),
        line1=street[0] if street else "",
        line2=", ".join(street[1:])[: mapping.MAXIMUM_TEXT],
        city=fields.optional_text("city"),
        region=fields.optional_text("region_code") or _region(fields),
        postal_code=fields.optional_text("postcode"),
        country=countries.code(country) or fields.country("country_id"),
        latitude=0.0,
        longitude=0.0,
    )


def _region(fields: Fields) -> str:
    """The name of the region, which some of Magento's APIs give as an object."""
    value = fields.raw("region")
    if isinstance(value, dict):
        inner = Fields(value, fields.path("region"))
        return inner.optional_text("region_code") or inner.optional_text("region")
    return fields.optional_text("region")


def _street(fields: Fields) -> list[str]:
    """The lines of the street: a list, or one text with line breaks."""
    value = fields.raw("street")
    lines = value.splitlines() if isinstance(value, str) else value
    if lines is None:
        return []
    path = fields.path("street")
    if not isinstance(lines, list):
        raise mapping.Rejected("wrong_type", path, f"{path} is neither a list nor text")
    read = [Fields({"street": line}, path).optional_text("street") for line in lines]
    return [line for line in read if line]


def _name(fields: Fields, first: str = "firstname", last: str = "lastname") -> str:
    return " ".join(filter(None, (_text(fields, first), _text(fields, last))))


def _text(fields: Fields, name: str) -> str:
    return told(lambda: fields.optional_text(name), "")
