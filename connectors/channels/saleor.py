"""Saleor: orders of its webhooks, with and without a subscription, and of its GraphQL API.

Source: Saleor documentation 3.20, "Asynchronous webhooks", "Subscription webhook payloads", API
reference: objects Order, OrderLine, Address, enums OrderStatus and WebhookEventTypeAsyncEnum.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import partial

from connectors.channels import countries, listing, mapping, people, saleor_lines, saleor_payment
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.saleor_fields import own, rate_ppm, text, told
from schemas.customers import Contact, Personal
from schemas.orders import Address, CancelOrder, PlaceOrder

EXPIRED_AT_CHANNEL = "expired at the channel"

_ENDED = {"CANCELED": mapping.CANCELLED_AT_CHANNEL, "EXPIRED": EXPIRED_AT_CHANNEL}
_NOT_YET = {"DRAFT": "it is a draft", "UNCONFIRMED": "nobody has confirmed it yet"}
_DONE = {
    "FULFILLED": "has been fulfilled",
    "PARTIALLY_FULFILLED": "has been fulfilled in part",
    "RETURNED": "has been returned",
    "PARTIALLY_RETURNED": "has been returned in part",
}
_GOES_ON = "UNFULFILLED"
_CANCELLED = frozenset({"ORDER_CANCELLED", "ORDERCANCELLED"})
_IN_FULL = frozenset({"ORDER_FULLY_PAID", "ORDERFULLYPAID"})
_OTHERS = {
    "notify_event": ("not_an_order", "a message for a customer; the order comes by itself"),
    "recipient_email": ("not_an_order", "a message for a customer; the order comes by itself"),
    "checkout": ("not_ready", "a checkout, which nobody has completed yet"),
    "fulfillment": ("not_an_order", "a fulfillment, not the order that it belongs to"),
    "invoice": ("not_an_order", "an invoice, not the order that it belongs to"),
    "transaction": ("not_an_order", "a transaction, not the order that it belongs to"),
    "payment": ("not_an_order", "a payment, not the order that it belongs to"),
    "taxBase": ("not_an_order", "a question about taxes"),
    "product": ("not_an_order", "a product"),
    "productVariant": ("not_an_order", "a variant of a product"),
    "customer": ("not_an_order", "a customer"),
    "errors": ("not_an_order", "an error of Saleor, and no order"),
}
"""What else comes from Saleor, by the name under which it comes."""
_AROUND = frozenset({"fulfillment", "notify_event", "recipient_email"})
"""What an order may stand beside without being what the payload is about."""
_MARKS = ("lines", "total", "status", "total_gross_amount")


@dataclass(frozen=True, slots=True)
class _Found:
    """An order as it came, or a Rejected in its place, and the event around it."""

    value: object
    event: str = ""
    issued_at: object = None


class Saleor:
    """Reads an order bare, in a list, in an event, in an answer, or on a line of its own."""

    name = "saleor"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        try:
            found = _found(payload, topic)
        except Rejected as error:
            return [error]
        return listing.each(
            [each.value if isinstance(each.value, Rejected) else each for each in found],
            lambda each: self._command(each, raw_id, now_ms),
            lambda each: each.value.get("id") if isinstance(each.value, dict) else None,
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            return [_contact(each.value) for each in _found(payload, topic)]
        except Rejected:
            return []

    def _command(self, found: _Found, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(found.value)
        _check_is_order(order)
        external_id = order.identifier("id")
        order_id = mapping.order_id(self.name, external_id)
        event = found.event.upper()
        if event in _CANCELLED and not order.has("status"):
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, now_ms)
        if not order.has("status") and not order.names("lines"):
            raise _without_lines()
        if not order.has("status"):
            detail = "status is missing: the event or the query has to ask for it"
            raise Rejected("incomplete", "status", detail)
        # The older webhooks write `partially fulfilled`.
        status = order.text("status").upper().replace(" ", "_")
        if status in _ENDED:
            when = told(lambda: _version(order, found.issued_at), now_ms)
            return CancelOrder(order_id, _ENDED[status], when)
        _check_open(status)
        if not order.has("lines"):
            raise _without_lines()
        return self._order(order, found, external_id, raw_id)

    def _order(self, order: Fields, found: _Found, external_id: str, raw_id: str) -> PlaceOrder:
        currency = _currency(order)
        basket = saleor_lines.read(order, currency)
        in_full = found.event.upper() in _IN_FULL
        address = _optional_address(order, "shippingAddress") or _optional_address(
            order, "billingAddress"
        )
        ship_to = _address(address) if address is not None else mapping.NOWHERE
        created = "createdAt" if order.has("createdAt") else "created"
        return PlaceOrder(
            order_id=mapping.order_id(self.name, external_id),
            channel=self.name,
            external_id=external_id,
            version=_version(order, found.issued_at),
            placed_at_ms=order.instant(created),
            currency=currency,
            lines=basket.lines,
            discount_minor=basket.discount_minor,
            shipping_minor=basket.shipping_minor,
            tax_minor=basket.tax_minor,
            total_minor=basket.total_minor,
            payment_method="channel",
            payment_token="",
            paid_minor=saleor_payment.paid(order, currency, basket.total_minor, in_full),
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            prices_include_tax=basket.prices_include_tax,
            discounts=basket.discounts,
            shipping_method=told(lambda: _shipping_method(order), ""),
            shipping_tax_rate_ppm=rate_ppm(order, "shippingTaxRate"),
            personal=_personal(order, found.value, ship_to),
            billing_country=told(lambda: _billing_country(order), ""),
        )


def _found(payload: bytes, topic: str) -> list[_Found]:
    """The orders in a payload. Raises Rejected."""
    event = topic.strip().upper()
    value, lines = listing.loaded(payload, mapping.load_exact_json)
    if lines is not None:
        return [each for line in lines for each in _tried(line, event)]
    if not isinstance(value, dict | list | mapping.Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if value == []:
        raise Rejected("missing_field", "", "the list has no order")
    # Webhooks without a subscription are a list of one.
    found = (
        [each for item in value for each in _tried(item, event)]
        if isinstance(value, list)
        else _unwrapped(value, event)
    )
    mapping.check_orders(len(found))
    return found


def _tried(value: object, event: str) -> list[_Found]:
    try:
        return _unwrapped(value, event)
    except Rejected as error:
        return [_Found(error)]


def _unwrapped(value: object, event: str) -> list[_Found]:
    """The orders within an envelope. Raises Rejected."""
    if not isinstance(value, dict):
        return [_Found(value)]
    for name in ("data", "event"):
        if isinstance(value.get(name), dict):
            return _answered(value[name], event, name)
    if "id" in value or "lines" in value or "total" in value:
        return [_Found(value, event)]
    return _answered(value, event, "")


def _answered(held: dict[str, object], event: str, path: str) -> list[_Found]:
    """The orders of a GraphQL answer or of an event."""
    inner = held.get("event")
    if isinstance(inner, dict):
        return _answered(inner, event, "event")
    named = held.get("__typename")
    event = named.upper() if isinstance(named, str) else event
    _check_others(held)
    orders: list[_Found] = []
    for name, value in held.items():
        where = f"{path}.{name}" if path else name
        if name in ("order", "orders") and value is None:
            detail = f"{where} is null: no such order"
            orders.append(_Found(Rejected("missing_field", where, detail)))
        elif isinstance(value, dict | list):
            orders += [_Found(each, event, held.get("issuedAt")) for each in _nodes(value)]
    if not orders:
        if held.keys() & {"orders", "order"}:
            raise Rejected("missing_field", path or "orders", "there is no order in it")
        if not path and not event and "errors" not in held:
            raise Rejected("unreadable", "", "the payload is no order of Saleor, and no event")
        raise Rejected("not_an_order", path, "nothing in it is an order")
    return orders


def _nodes(value: object) -> list[object]:
    """The orders of a connection, of a mutation's answer, or the one that it is."""
    if isinstance(value, list):
        return [each for each in value if isinstance(each, dict) and "message" not in each]
    if not isinstance(value, dict):
        return []
    edges = value.get("edges")
    if isinstance(edges, list):
        return [edge.get("node") if isinstance(edge, dict) else edge for edge in edges]
    if isinstance(value.get("nodes"), list):
        return list(value["nodes"])
    if "order" in value and "id" not in value:
        return [value["order"]]
    return [value] if value.keys() & {"id", "total", "status"} else []


def _check_others(held: dict[str, object]) -> None:
    """Raise Rejected for an event, or an answer, about something else."""
    beside = held.keys() & {"order", "orders"}
    for name, (reason, what) in _OTHERS.items():
        if held.get(name) is not None and (not beside or name in _AROUND):
            raise Rejected(reason, name, what)


def _check_is_order(order: Fields) -> None:
    """Raise Rejected for something else of Saleor's."""
    if order.names("included_taxes_in_prices"):
        raise Rejected("not_an_order", "included_taxes_in_prices", "a question about taxes")
    for name in ("type", "__typename"):
        kind = order.raw(name)
        if kind in (None, "Order"):
            continue
        found = _OTHERS.get(kind[:1].lower() + kind[1:]) if isinstance(kind, str) else None
        reason, what = found or ("not_an_order", "something of Saleor's that is no order")
        raise Rejected(reason, name, what)
    kind = _kind(order.raw("id"))
    marked = not kind and any(order.names(name) for name in _MARKS)
    if kind != "Order" and not marked and not order.names("lines"):
        what = "something of Saleor's" if kind else "something"
        raise Rejected("not_an_order", "id", f"{what} that is no order, and without lines")


def _kind(identifier: object) -> str:
    """`Order` of a global id, which is Order and a number or UUID as Base64; empty for no such."""
    if not isinstance(identifier, str):
        return ""
    try:
        told_kind = base64.b64decode(identifier[:200], validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        return ""
    kind, colon, _ = told_kind.partition(":")
    return kind if colon and kind.isalpha() else ""


def _without_lines() -> Rejected:
    detail = "lines are missing: the event or the query has to ask for them"
    return Rejected("incomplete", "lines", detail)


def _check_open(status: str) -> None:
    """Raise Rejected for an order that is not let go yet, or that is done."""
    if status == _GOES_ON:
        return
    if status in _NOT_YET:
        detail = f"Saleor has not let the order go: {_NOT_YET[status]}"
        raise Rejected("not_ready", "status", detail)
    if status in _DONE:
        detail = f"the order {_DONE[status]} at the channel, so that it is not delivered from here"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "status", detail)
    raise Rejected("wrong_type", "status", "status is none of Saleor's")


def _currency(order: Fields) -> str:
    """The order's, or else that of its total, of its channel or of its first line."""
    if order.has("currency"):
        return order.currency("currency")
    total = order.optional_object("total")
    gross = total.optional_object("gross") if total is not None else None
    for held in (total, gross):
        if held is not None and held.has("currency"):
            return held.currency("currency")
    channel = order.optional_object("channel")
    if channel is not None and channel.has(own(channel, "currencyCode")):
        return channel.currency(own(channel, "currencyCode"))
    lines = order.objects("lines")
    if lines and lines[0].has("currency"):
        return lines[0].currency("currency")
    return (gross or order).currency("currency")


def _version(order: Fields, issued_at: object) -> int:
    """When it last changed; in older webhooks, when they were issued."""
    name = own(order, "updatedAt")
    if order.has(name):
        return order.instant(name)
    meta = told(lambda: order.optional_object("meta"), None)
    if meta is not None and meta.has("issued_at"):
        return meta.instant("issued_at")
    if issued_at is not None:
        return Fields({"issuedAt": issued_at}).instant("issuedAt")
    return order.instant("createdAt" if order.has("createdAt") else "created")


def _optional_address(order: Fields, name: str) -> Fields | None:
    return order.optional_object(own(order, name))


def _address(address: Fields) -> Address:
    return Address(
        name=_name(address),
        line1=text(address, "streetAddress1"),
        line2=text(address, "streetAddress2"),
        city=text(address, "city"),
        region=text(address, "countryArea"),
        postal_code=text(address, "postalCode"),
        country=_country(address),
        latitude=0.0,
        longitude=0.0,
    )


def _name(address: Fields) -> str:
    names = (text(address, "firstName"), text(address, "lastName"))
    return " ".join(filter(None, names)) or text(address, "companyName")


def _country(address: Fields) -> str:
    if isinstance(address.raw("country"), dict):
        address = address.object("country")
        if address.has("code"):
            return address.country("code")
    return countries.code(address.optional_text("country")) or address.country("country")


def _billing_country(order: Fields) -> str:
    address = _optional_address(order, "billingAddress")
    return _country(address) if address is not None else ""


def _shipping_method(order: Fields) -> str:
    name = text(order, "shippingMethodName")
    method = order.optional_object("deliveryMethod") or order.optional_object("shipping_method")
    return name or (method.optional_text("name") if method is not None else "")


def _personal(order: Fields, said: object, ship_to: Address) -> bytes:
    held = told(lambda: _optional_address(order, "billingAddress"), None)
    billing = told(lambda: _address(held), None) if held is not None else None
    name = own(order, "customerNote")
    note = order.raw(name)
    text_of_note = note.strip()[: people.MAXIMUM_NOTE] if isinstance(note, str) else ""
    kept = text_of_note.encode(errors="replace").decode()
    return people.written(Personal(_contact(said), [ship_to], billing, kept, []))


def _contact(value: object) -> Contact:
    """Whom an order names, read leniently."""
    if not isinstance(value, dict):
        return people.NOBODY
    order = Fields(value)
    user = told(lambda: order.optional_object("user"), None) or Fields({})
    found = [
        told(partial(_optional_address, order, name), None)
        for name in ("shippingAddress", "billingAddress")
    ]
    address = next(filter(None, found), None) or Fields({})

    def said(fields: Fields, name: str) -> str:
        return told(lambda: text(fields, name), "")

    names = (said(user, "firstName"), said(user, "lastName"))
    return Contact(
        name=" ".join(filter(None, names)) or told(lambda: _name(address), ""),
        company=said(address, "companyName"),
        email=said(order, "userEmail") or said(user, "email"),
        phone=said(address, "phone"),
        channel_customer_id=said(user, "id"),
    )
