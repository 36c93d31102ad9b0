"""Whom an order names, read leniently: a fault here must neither lose an order nor hide a person.

The intake and the mappings read with the same functions, so that a payload is encrypted for the
very customers whose orders are read from it.
"""

from __future__ import annotations

import msgspec

from connectors.channels.mapping import MAXIMUM_TEXT, NOWHERE, Rejected
from connectors.channels.shopify_graphql import nodes, plain_id
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address, PlaceOrder

MAXIMUM_NOTE = 5_000
POSTAL_CHARACTERS = 3
"""Of a postal code on plain topics: enough to route by, shared by thousands of people.
Source: 45 CFR 164.514 (b)(2)(i)(B), which lets the first three digits of a ZIP code stand."""
DECIMALS = 2
"""Of degrees on plain topics: about a kilometre."""
NOBODY = Contact()
_PLAIN = ("name", "line1", "line2", "city", "region", "postal_code", "country")
_REST = ("name", "address1", "address2", "city", "province_code", "zip", "country_code")
_GRAPHQL = ("name", "address1", "address2", "city", "provinceCode", "zip", "countryCodeV2")
"""The fields of an address in the order of schemas.orders.Address, as each channel calls them."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Personal).decode


def of_json(order: object) -> Contact:
    """Of an order of the `json` channel; NOBODY where it names nobody."""
    if not isinstance(order, dict):
        return NOBODY
    customer = _object(order, "customer")
    return Contact(
        name=_text(customer, "name") or _text(_object(order, "ship_to"), "name"),
        company=_text(customer, "company"),
        email=_text(customer, "email") or _text(order, "email"),
        email_verified=customer.get("email_verified") is True,
        phone=_text(customer, "phone") or _text(order, "phone"),
        phone_verified=customer.get("phone_verified") is True,
        channel_customer_id=_identifier(customer, "id"),
    )


def of_csv(row: dict[str, str]) -> Contact:
    """Of the first row of an order of the `csv` channel."""
    return Contact(
        name=_text(row, "name"),
        company=_text(row, "company"),
        email=_text(row, "email"),
        email_verified=_text(row, "email_verified").casefold() == "true",
        phone=_text(row, "phone"),
        phone_verified=_text(row, "phone_verified").casefold() == "true",
        channel_customer_id=_text(row, "customer_id"),
    )


def of_shopify(order: object) -> Contact:
    """Of an order in the names of REST or of GraphQL.

    Only the customer's own address counts as verified: that of the order was typed at the checkout.
    Source: Shopify's Admin API, REST resource Customer (`verified_email`) and GraphQL object
    Customer (`verifiedEmail`, `defaultEmailAddress`, `defaultPhoneNumber`).
    """
    if not isinstance(order, dict):
        return NOBODY
    customer = _object(order, "customer")
    own = _text(customer, "email") or _text(
        _object(customer, "defaultEmailAddress"), "emailAddress"
    )
    phone = _text(customer, "phone") or _text(
        _object(customer, "defaultPhoneNumber"), "phoneNumber"
    )
    verified = customer.get("verified_email", customer.get("verifiedEmail"))
    email = own or _text(order, "email") or _text(order, "contact_email")
    shipping = _object(order, "shipping_address") or _object(order, "shippingAddress")
    names = [
        _text(customer, "first_name") or _text(customer, "firstName"),
        _text(customer, "last_name") or _text(customer, "lastName"),
    ]
    return Contact(
        name=" ".join(filter(None, names)) or _text(shipping, "name"),
        company=_text(shipping, "company"),
        email=email,
        email_verified=bool(own) and verified is True,
        phone=phone or _text(order, "phone") or _text(shipping, "phone"),
        channel_customer_id=plain_id(_identifier(customer, "id")),
    )


def personal_json(order: object, *addresses: Address) -> bytes:
    """PlaceOrder.personal in clear, of an order of the `json` channel."""
    if not isinstance(order, dict):
        return b""
    wishes = [
        Personalisation(
            _identifier(line, "line_id") or str(number), _text(wish, "name"), _text(wish, "value")
        )
        for number, line in enumerate(_objects(order, "lines"), 1)
        for wish in _objects(line, "personalisation")
    ]
    billing = _address(_object(order, "billing"), _PLAIN)
    return written(Personal(of_json(order), list(addresses), billing, _note(order), wishes))


def personal_csv(row: dict[str, str], ship_to: Address) -> bytes:
    """The same of the first row of an order of the `csv` channel."""
    return written(Personal(of_csv(row), [ship_to], None, _note(row), []))


def personal_shopify(order: object, ship_to: Address) -> bytes:
    """The same of an order of Shopify's, in the names of REST or of GraphQL.

    Personalisation is what apps and themes write into a line's properties.
    Source: Shopify's Admin API, REST LineItem (`properties`), GraphQL LineItem
    (`customAttributes`).
    """
    if not isinstance(order, dict):
        return b""
    lines = _objects(order, "line_items") or _nodes(order.get("lineItems"))
    wishes = [
        Personalisation(
            plain_id(_identifier(line, "id")),
            _text(wish, "name") or _text(wish, "key"),
            _text(wish, "value"),
        )
        for line in lines
        for wish in _objects(line, "properties") or _objects(line, "customAttributes")
    ]
    billing = _address(_object(order, "billing_address"), _REST) or _address(
        _object(order, "billingAddress"), _GRAPHQL
    )
    return written(Personal(of_shopify(order), [ship_to], billing, _note(order), wishes))


def read(order: PlaceOrder) -> Personal:
    """What a mapping wrote with `personal_of`."""
    return _decode(order.personal)


def coarse(address: Address) -> Address:
    """The address as plain topics have it: where to send from can be told, but not who to."""
    return Address(
        name="",
        line1="",
        line2="",
        city="",
        region=address.region,
        postal_code=address.postal_code.replace(" ", "")[:POSTAL_CHARACTERS],
        country=address.country,
        latitude=round(address.latitude, DECIMALS),
        longitude=round(address.longitude, DECIMALS),
    )


def _identifies(address: Address) -> bool:
    return bool(address.name or address.line1 or address.line2 or address.city) or (
        address != coarse(address)
    )


def written(personal: Personal) -> bytes:
    """PlaceOrder.personal in clear: as JSON; empty where nothing in it is personal."""
    empty = Personal(addresses=personal.addresses)
    if personal == empty and not any(map(_identifies, personal.addresses)):
        return b""
    return _encode(personal)


def _address(value: dict[str, object], names: tuple[str, ...]) -> Address | None:
    """A billing address, of which nothing is decided; None where it is empty."""
    name, line1, line2, city, region, postal_code, country = (_text(value, one) for one in names)
    address = Address(name, line1, line2, city, region, postal_code, country, 0.0, 0.0)
    return address if address != NOWHERE else None


def _note(order: dict[str, object] | dict[str, str]) -> str:
    return _text(order, "note", MAXIMUM_NOTE)


def _objects(value: dict[str, object], name: str) -> list[dict[str, object]]:
    found = value.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _nodes(value: object) -> list[dict[str, object]]:
    """The items of a connection, or of a list in its place."""
    try:
        return [one for one in nodes(value, "") if isinstance(one, dict)]
    except Rejected:
        return []


def _object(value: dict[str, object], name: str) -> dict[str, object]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: dict[str, object] | dict[str, str], name: str, longest: int = MAXIMUM_TEXT) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        return ""
    text = found.strip()[:longest]
    return text if text.isascii() else text.encode(errors="replace").decode()


def _identifier(value: dict[str, object], name: str) -> str:
    found = value.get(name)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return _text(value, name)
