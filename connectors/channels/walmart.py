"""Walmart: purchase orders of its Marketplace, as the Orders API gives them for the United States,
Canada and Chile. Orders of Walmart Mexico have a form of their own, which is not read.

Reads an order bare, in `order`, in the pages of a search (`list.elements.order`), in a list, or on
a line of its own. The events PO_CREATED and ORDER_UPDATES tell of an order without its charges and
its address, so that they are incomplete.

Walmart sends no total of an order. What the customer pays is the sum of its charges and their
taxes, which is then the claim of the source; see `walmart_lines` for what a charge covers.
Source: Walmart Marketplace API, Orders, version 3 (OpenAPI 3.0.1 of 2024), and the guides to
multi-line multi-quantity orders and to order events.
"""

from __future__ import annotations

from connectors.channels import countries, listing, mapping, people, walmart_lines
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.customers import Contact, Personal
from schemas.orders import Address, CancelOrder, PlaceOrder

_OTHERS = {
    "error": "an error of Walmart, and no order",
    "errors": "an error of Walmart, and no order",
    "orderShipment": "a message that tells Walmart of a shipment, and no order",
    "orderCancellation": "a message that tells Walmart of a cancellation, and no order",
    "orderRefund": "a message that tells Walmart of a refund, and no order",
    "orderAcknowledgement": "a message that acknowledges an order, and not the order",
    "returnOrders": "returns, not the orders that they belong to",
    "ItemResponse": "items, and no order",
    "feedId": "a feed, and no order",
}
"""What else comes from Walmart, by the name of its envelope or of a field that it has."""
_BY_WALMART = "WFSFulfilled"
_THREE_LETTERS = {"CAN": "CA", "CHL": "CL", "MEX": "MX", "PRI": "PR", "USA": "US"}
"""ISO 3166-1 alpha-3 of the countries in which Walmart sells, as its addresses have it."""
_FETCHED = frozenset({"PICKUP", "PUT"})
"""`fulfillmentOption` of what the customer fetches; S2H is sent home, S2S to a store."""


class Walmart:
    """Reads an order bare, in `order`, in `list.elements.order`, in a list, or on its own line."""

    name = "walmart"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            listing.field("purchaseOrderId"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: _found(payload), _contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        external_id = order.identifier("purchaseOrderId")
        order_id = mapping.order_id(self.name, external_id)
        found = _lines(order)
        if walmart_lines.all_cancelled(found):
            when = walmart_lines.changed(found) or now_ms
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        _check_ours(order)
        walmart_lines.check_not_shipped(found)
        placed = walmart_lines.moment(order, "orderDate")
        sums = walmart_lines.read(found, _pickup)
        ship_to, shipping_method = _ship_to(order)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=max(placed, walmart_lines.changed(found)),
            placed_at_ms=placed,
            currency=sums.currency,
            lines=sums.lines,
            discount_minor=sums.discount_minor,
            shipping_minor=sums.shipping_minor,
            tax_minor=sums.added_minor,
            total_minor=sums.total_minor,
            payment_method="channel",
            payment_token="",
            paid_minor=sums.total_minor,
            paid_currency=sums.currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            discounts=sums.discounts,
            shipping_method=shipping_method,
            personal=people.written(Personal(_contact(value), [ship_to])),
        )


def _found(payload: bytes) -> list[object]:
    """The orders in a payload. Raises Rejected."""
    try:
        value, lines = listing.loaded(payload, mapping.load_exact_json)
    except Rejected as error:
        if error.reason == "unreadable" and mapping.without_bom(payload).lstrip()[:1] == b"<":
            detail = "not JSON, but XML: Walmart sends JSON to those who accept application/json"
            raise Rejected("unreadable", "", detail) from None
        raise
    if lines is not None:
        return [_unwrapped(line) for line in lines]
    return _several(value)


def _several(value: object) -> list[object]:
    """The orders of a page, of a list, or the one that there is. Raises Rejected."""
    if isinstance(value, dict) and isinstance(value.get("list"), dict | mapping.Repeated):
        elements = Fields(value).object("list").object("elements")
        return _listed(elements.raw("order"), elements.path("order"))
    if isinstance(value, dict) and isinstance(value.get("order"), list):
        return _listed(value["order"], "order")
    if isinstance(value, list):
        return _listed(value, "")
    if not isinstance(value, dict | mapping.Repeated):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    return [_unwrapped(value)]


def _listed(orders: object, path: str) -> list[object]:
    if isinstance(orders, dict | mapping.Repeated):
        orders = [orders]
    if not isinstance(orders, list):
        raise Rejected("wrong_type", path, f"{path} is not a list")
    if not orders:
        raise Rejected("missing_field", path, f"{path or 'the list'} has no order")
    mapping.check_orders(len(orders))
    return [_unwrapped(order) for order in orders]


def _unwrapped(value: object) -> object:
    """The order in its envelope; a Rejected for an envelope of something else."""
    if not isinstance(value, dict) or "purchaseOrderId" in value:
        return value
    if "order" in value:
        return value["order"]
    if "payload" in value and "source" in value:
        return _event(value["payload"])
    for name, what in _OTHERS.items():
        if name in value:
            return Rejected("not_an_order", name, what)
    if "orderLines" in value or "customerOrderId" in value:
        return value
    detail = "the payload is no order of Walmart's: it has no purchaseOrderId, order or list"
    return Rejected("unreadable", "", detail)


def _event(payload: object) -> Rejected:
    """What is said of an event: only those of orders name one, and none tells all of it."""
    told = payload if isinstance(payload, dict) else {}
    order = told["order"] if isinstance(told.get("order"), dict) else told
    known = order.get("purchaseOrderId")
    if not isinstance(known, str | int) or isinstance(known, bool):
        return Rejected("not_an_order", "payload", "an event that names no purchase order")
    detail = "an event tells neither charges nor address of its order; fetch the order itself"
    return Rejected("incomplete", "payload", detail, str(known).strip()[:40])


def _lines(order: Fields) -> list[Fields]:
    if isinstance(order.raw("orderLines"), list):
        detail = "orderLines is a list, as in orders of Walmart Mexico, whose form is not read"
        raise Rejected("wrong_type", "orderLines", detail)
    if not order.has("orderLines"):
        detail = "orderLines is missing: the order without its lines"
        raise Rejected("incomplete", "orderLines", detail)
    lines = order.object("orderLines")
    if isinstance(lines.raw("orderLine"), dict):
        return [lines.object("orderLine")]
    found = lines.objects("orderLine")
    if not found:
        path = lines.path("orderLine")
        raise Rejected("missing_field", path, f"{path} has no line")
    return found


def _check_ours(order: Fields) -> None:
    """Raise Rejected for an order that Walmart itself sends, from its own warehouses.

    What `3PLFulfilled` says is the seller's own logistics provider, which is for routing to choose.
    An order without a node is answered with a list in its place.
    """
    node = order.raw("shipNode")
    kind = node.get("type") if isinstance(node, dict) else None
    if isinstance(kind, str) and kind.strip().casefold() == _BY_WALMART.casefold():
        detail = "Walmart's own fulfillment services send the order, so that it is not sent by us"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "shipNode.type", detail)


def _pickup(line: Fields) -> str:
    """The store at which the customer fetches a line; empty where it is sent."""
    fulfillment = line.raw("fulfillment")
    if not isinstance(fulfillment, dict):
        return ""
    fields = Fields(fulfillment, line.path("fulfillment"))
    option = fields.optional_text("fulfillmentOption").upper()
    if option not in _FETCHED or not fields.has("storeId"):
        return ""
    return fields.identifier("storeId")


def _ship_to(order: Fields) -> tuple[Address, str]:
    """Where the order goes, and by which of Walmart's methods."""
    info = order.optional_object("shippingInfo")
    if info is None:
        return mapping.NOWHERE, ""
    address = info.optional_object("postalAddress")
    method = info.optional_text("methodCode")
    return (_address(address) if address is not None else mapping.NOWHERE), method


def _address(address: Fields) -> Address:
    country = address.optional_text("country")
    return Address(
        name=address.optional_text("name"),
        line1=address.optional_text("address1"),
        line2=address.optional_text("address2"),
        city=address.optional_text("city"),
        region=address.optional_text("state"),
        postal_code=address.optional_text("postalCode"),
        country=_THREE_LETTERS.get(country.upper()) or countries.code(country),
        latitude=0.0,
        longitude=0.0,
    )


def _contact(value: object) -> Contact:
    """Whom an order names, read leniently. The email is an address of Walmart's own that relays."""
    if not isinstance(value, dict):
        return people.NOBODY
    info = value.get("shippingInfo")
    info = info if isinstance(info, dict) else {}
    address = info.get("postalAddress")
    address = address if isinstance(address, dict) else {}
    return Contact(
        name=_text(address, "name"),
        email=_text(value, "customerEmailId"),
        phone=_text(info, "phone"),
    )


def _text(value: dict[str, object], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        return ""
    return found.strip()[: mapping.MAXIMUM_TEXT].encode(errors="replace").decode()
