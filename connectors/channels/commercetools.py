"""commercetools: orders of its HTTP API and GraphQL API, and messages of its subscriptions.

Read are one order, a paged answer, a list, JSON Lines, GraphQL answers, messages as each of the
brokers wraps them, and `{"documents": []}` with orders and the payments that they name.
Source: commercetools Composable Commerce HTTP API, types Order, OrderImportDraft, BaseAddress
and Message (2025).
"""

from __future__ import annotations

from functools import partial

from connectors.channels import (
    commercetools_envelopes,
    commercetools_lines,
    commercetools_payment,
    countries,
    listing,
    mapping,
    people,
)
from connectors.channels.commercetools_envelopes import Found
from connectors.channels.commercetools_lines import told
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.customers import Contact, Personal
from schemas.orders import Address, CancelOrder, PlaceOrder

_CANCELLED = "Cancelled"
_GOES_ON = frozenset({"Open", "Confirmed"})
_SHIPPED = {
    "Shipped": "has been shipped",
    "Delivered": "has been delivered",
    "Partial": "has been shipped in part",
}
_NOT_SHIPPED = frozenset({"Ready", "Pending", "Delayed", "Backorder", "Canceled"})
_QUOTES = ("quoteState", "quoteRequestState", "stagedQuoteState")
_MARKS = ("orderState", "totalPrice", "orderNumber")
_NUMBER_FIRST = frozenset({"US", "CA", "GB", "IE", "AU", "NZ", "FR", "IN", "SG", "ZA"})
"""Countries that write the number of the house before the name of the street."""
_UNKNOWN_VERSION = 1


class Commercetools:
    """Reads orders in any of the envelopes that commercetools has for them."""

    name = "commercetools"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        try:
            found = commercetools_envelopes.found(payload)
        except Rejected as error:
            return [error]
        return listing.each(
            [each.value if isinstance(each.value, Rejected) else each for each in found],
            lambda each: self._command(each, raw_id, now_ms),
            lambda each: each.ended or _known_id(each.value),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            return [_contact(each.value) for each in commercetools_envelopes.found(payload)]
        except Rejected:
            return []

    def _command(self, found: Found, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        if found.ended:
            message = Fields({"id": found.ended, "createdAt": found.at})
            return CancelOrder(
                mapping.order_id(self.name, message.identifier("id")),
                mapping.DELETED_AT_CHANNEL if found.deleted else mapping.CANCELLED_AT_CHANNEL,
                told(lambda: message.instant("createdAt"), now_ms),
            )
        order = Fields(found.value)
        _check_is_order(order)
        external_id = order.identifier("id")
        order_id = mapping.order_id(self.name, external_id)
        state = order.text("orderState")
        if state == _CANCELLED:
            when = told(lambda: order.instant("lastModifiedAt"), now_ms)
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        _check_open(order, state)
        return self._order(order, found.value, external_id, raw_id)

    def _order(self, order: Fields, said: object, external_id: str, raw_id: str) -> PlaceOrder:
        currency = order.object("totalPrice").currency("currencyCode")
        addresses, places = _addresses(order)
        basket = commercetools_lines.read(order, currency, places)
        total = commercetools_lines.total(order, currency)
        paid, tenders = commercetools_payment.tenders(order, currency, total)
        return PlaceOrder(
            order_id=mapping.order_id(self.name, external_id),
            channel=self.name,
            external_id=external_id,
            version=order.quantity("version") if order.has("version") else _UNKNOWN_VERSION,
            placed_at_ms=order.instant("completedAt" if order.has("completedAt") else "createdAt"),
            currency=currency,
            lines=basket.lines,
            discount_minor=basket.discount_minor,
            shipping_minor=basket.shipping_minor,
            tax_minor=basket.tax_minor,
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=paid,
            paid_currency=currency,
            ship_to=addresses[0],
            backorder=False,
            raw_id=raw_id,
            tenders=tenders,
            prices_include_tax=basket.prices_include_tax,
            discounts=basket.discounts,
            shipping_method=basket.shipping_method,
            shipping_tax_rate_ppm=basket.shipping_tax_rate_ppm,
            more_addresses=addresses[1:],
            purchase_order_number=told(lambda: order.optional_text("purchaseOrderNumber"), ""),
            subscription_id=told(lambda: _subscription(order), ""),
            personal=_personal(order, said, addresses),
            billing_country=told(lambda: _billing_country(order), ""),
        )


def _known_id(value: object) -> object:
    return value.get("id") if isinstance(value, dict) else None


def _check_is_order(order: Fields) -> None:
    """Raise Rejected for a cart or a draft, and for an order without its lines."""
    if order.has("cartState") or order.raw("type") == "Cart":
        raise Rejected("not_ready", "cartState", "a cart, which nobody has ordered yet")
    if order.raw("type") not in (None, "Order"):
        raise Rejected("not_an_order", "type", "something of commercetools' that is no order")
    if order.has("totalPrice") and not any(
        order.has(name) for name in ("id", "version", "createdAt", "lastModifiedAt", "type")
    ):
        detail = "a draft for an import, which commercetools has not taken in yet"
        raise Rejected("not_ready", "id", detail)
    for name in _QUOTES:
        if order.has(name):
            raise Rejected("not_an_order", name, "a quote, which nobody has ordered yet")
    marked = order.has("type") or any(order.names(name) for name in _MARKS)
    if not marked and order.raw("typeId") != "order":
        listing.check_speaks(order, ("version", "typeId", "resource", "lineItems"), "commercetools")
        raise Rejected("not_an_order", "", "something of commercetools' that is no order")
    if not order.has("lineItems") and not order.has("customLineItems"):
        detail = "lineItems are missing: the whole order is needed"
        raise Rejected("incomplete", "lineItems", detail)


def _check_open(order: Fields, state: str) -> None:
    """Raise Rejected for an order that is done: it must not be sent a second time."""
    if state == "Complete":
        detail = "the order is complete at the channel, so that it is not delivered from here"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "orderState", detail)
    if state not in _GOES_ON:
        raise Rejected("wrong_type", "orderState", "orderState is none of commercetools'")
    shipment = order.optional_text("shipmentState")
    if shipment in _SHIPPED:
        detail = f"the order {_SHIPPED[shipment]} at the channel, so that it does not leave here"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "shipmentState", detail)
    if shipment and shipment not in _NOT_SHIPPED:
        raise Rejected("wrong_type", "shipmentState", "shipmentState is none of commercetools'")
    # Returns are only taken of what has been shipped; one that was taken back counts below 0.
    returned = (
        item.raw("quantity")
        for each in order.objects("returnInfo")
        for item in each.objects("items")
    )
    if sum(count for count in returned if isinstance(count, int)) > 0:
        detail = "goods of the order have come back, so that it left the channel already"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "returnInfo", detail)


def _addresses(order: Fields) -> tuple[list[Address], dict[str, int]]:
    """Where the order goes, and the place of each address in that list by its key."""
    found: list[Fields] = []
    one = order.optional_object("shippingAddress")
    if one is not None:
        found.append(one)
    several = [each.optional_object("shippingAddress") for each in order.objects("shipping")]
    found += [each for each in several if each is not None]
    found += order.objects("itemShippingAddresses")
    addresses: list[Address] = []
    places: dict[str, int] = {}
    for each in found:
        address = _address(each)
        if address not in addresses:
            addresses.append(address)
        if each.has("key"):
            places.setdefault(each.identifier("key"), addresses.index(address))
    if len(addresses) > mapping.MAXIMUM_LINES:
        path = "itemShippingAddresses"
        raise Rejected("too_large", path, f"{path} are more than {mapping.MAXIMUM_LINES}")
    return addresses or [mapping.NOWHERE], places


def _address(address: Fields) -> Address:
    country = _country(address)
    return Address(
        name=_name(address),
        line1=_street(address, country),
        line2=_joined(address, "additionalStreetInfo", "building", "apartment", "pOBox"),
        city=address.optional_text("city"),
        region=address.optional_text("state") or address.optional_text("region"),
        postal_code=address.optional_text("postalCode"),
        country=country,
        latitude=0.0,
        longitude=0.0,
    )


def _name(address: Fields) -> str:
    names = (address.optional_text("firstName"), address.optional_text("lastName"))
    return " ".join(filter(None, names)) or address.optional_text("company")


def _street(address: Fields, country: str) -> str:
    parts = [address.optional_text("streetName"), address.optional_text("streetNumber")]
    if country in _NUMBER_FIRST:
        parts.reverse()
    return " ".join(filter(None, parts))


def _joined(address: Fields, *names: str) -> str:
    return ", ".join(filter(None, (address.optional_text(name) for name in names)))


def _country(address: Fields) -> str:
    text = address.optional_text("country")
    return countries.code(text) or address.country("country")


def _billing_country(order: Fields) -> str:
    address = order.optional_object("billingAddress")
    return _country(address) if address is not None else ""


def _subscription(order: Fields) -> str:
    """The recurring order that this one repeats."""
    recurring = order.optional_object("recurringOrder")
    return recurring.optional_text("id") if recurring is not None else ""


def _personal(order: Fields, said: object, addresses: list[Address]) -> bytes:
    held = told(lambda: order.optional_object("billingAddress"), None)
    billing = told(lambda: _address(held), None) if held is not None else None
    return people.written(Personal(_contact(said), addresses, billing, "", []))


def _contact(value: object) -> Contact:
    """Whom an order names, read leniently."""
    if not isinstance(value, dict):
        return people.NOBODY
    order = Fields(value)
    addresses = [
        told(partial(order.optional_object, name), None)
        for name in ("shippingAddress", "billingAddress")
    ]
    address = next(filter(None, addresses), None) or Fields({})

    def text(fields: Fields, name: str) -> str:
        return told(lambda: fields.optional_text(name), "")

    return Contact(
        name=told(lambda: _name(address), ""),
        company=text(address, "company"),
        email=text(order, "customerEmail") or text(address, "email"),
        phone=text(address, "phone") or text(address, "mobile"),
        channel_customer_id=text(order, "customerId"),
    )
