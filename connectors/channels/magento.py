"""Magento / Adobe Commerce: orders of its REST API V1, as answers and events carry them.

Source: Adobe Commerce REST reference 2.4, salesOrderRepositoryV1 (GET /V1/orders and
/V1/orders/ID); order states and statuses as in its user guide; Adobe I/O Events for Commerce
(`data.value`). Amounts are JSON numbers and are read exactly; times are UTC and name no zone.
"""

from __future__ import annotations

from functools import partial

from connectors.channels import listing, magento_lines, magento_payment, mapping, shop_fields
from connectors.channels.magento_people import billing_address, contact, personal, ship_to
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.shopify_fields import told
from schemas.customers import Contact
from schemas.orders import CancelOrder, PlaceOrder

_STATES = {
    "pending": "new",
    "pending_paypal": "pending_payment",
    "fraud": "payment_review",
    "paypal_reversed": "holded",
    "paypal_canceled_reversal": "holded",
}
"""The state of a status that Magento has by itself and that is not called as its state is."""
_NOT_READY = {
    "pending_payment": "waits for its payment",
    "payment_review": "waits for its payment to be reviewed",
    "holded": "is on hold",
}
_DONE = {
    "complete": "has been shipped and paid at the channel already",
    "closed": "has been refunded at the channel, so that it is closed",
}
_OPEN = frozenset({"new", "processing"})
_OTHER_OBJECTS = (
    ("order_id", "an invoice, a shipment or a refund, not the order that it belongs to"),
    ("type_id", "a product, not an order"),
    ("items_count", "a cart, not an order"),
    ("website_id", "a customer, not an order"),
)
"""What else comes from Magento, by a field that it has and an order has not."""
_GRAPHQL = ("customerOrders", "guestOrder", "guestOrderByToken")
_MARKS = ("id", "items", "state", "status", "store_id", "created_at")
_ORDERS = ("entity_id", "increment_id", "grand_total", "order_currency_code", "base_grand_total")


class Magento:
    """Reads an order bare, in a list, in the `items` of a search, in `entity` or `order`, in an
    event, or on a line of its own."""

    name = "magento"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        return listing.results(
            lambda: _found(payload),
            lambda value: self._order(value, raw_id, now_ms),
            listing.field("entity_id"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        return listing.contacts(lambda: _found(payload), contact)

    def _order(self, value: object, raw_id: str, now_ms: int) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        _check_is_order(order)
        external_id = order.identifier("entity_id")
        order_id = mapping.order_id(self.name, external_id)
        state = _state(order)
        if state == "canceled":
            when = told(lambda: shop_fields.utc(order, "updated_at"), now_ms)
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, when)
        if state or order.names("items"):
            _check_state(order, state)
        if not order.names("items"):
            raise Rejected("incomplete", "items", "the order's items are missing")
        currency = order.currency("order_currency_code")
        amounts = magento_lines.read(order, currency)
        total = _total(order, currency)
        payment = magento_payment.read(order, currency, total, state)
        placed_at_ms = shop_fields.utc(order, "created_at")
        to = ship_to(order)
        billing = billing_address(order)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=shop_fields.utc(order, "updated_at")
            if order.has("updated_at")
            else placed_at_ms,
            placed_at_ms=placed_at_ms,
            currency=currency,
            lines=amounts.lines,
            discount_minor=amounts.discount_minor,
            shipping_minor=amounts.shipping_minor,
            tax_minor=amounts.added_minor,
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=payment.paid_minor,
            paid_currency=currency,
            ship_to=to,
            backorder=False,
            raw_id=raw_id,
            tenders=payment.tenders,
            discounts=told(partial(magento_lines.discounts, order, currency), []),
            shipping_method=told(lambda: order.optional_text("shipping_description"), ""),
            purchase_order_number=payment.purchase_order_number,
            personal=personal(value, to),
            billing_country=told(lambda: billing.country("country_id") if billing else "", ""),
        )


def _found(payload: bytes) -> list[object]:
    """The orders in a payload. Raises Rejected."""
    value, lines = listing.loaded(payload, mapping.load_exact_json)
    if lines is None:
        found = _unwrapped(value)
    else:
        found = [
            one
            for line in lines
            for one in ([line] if isinstance(line, Rejected) else _unwrapped_or_why(line))
        ]
    mapping.check_orders(len(found))
    return found


def _unwrapped_or_why(value: object) -> list[object]:
    try:
        return _unwrapped(value)
    except Rejected as error:
        return [error]


def _unwrapped(value: object, depth: int = 0) -> list[object]:
    """The orders in an envelope. Raises Rejected."""
    if isinstance(value, mapping.Repeated):
        return [value]
    if isinstance(value, list):
        if not value:
            raise Rejected("missing_field", "", "the list has no order")
        return value
    if not isinstance(value, dict):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if any(name in value for name in _ORDERS):
        return [value]
    if "documents" in value:
        return [
            one for document in _list(value, "documents") for one in _unwrapped_or_why(document)
        ]
    if "items" in value:
        return _list(value, "items")
    if any(name in value for name in _GRAPHQL) or _has_orders(value.get("customer")):
        detail = "an answer of Magento's GraphQL API to a customer; the orders of its REST API are"
        raise Rejected("wrong_type", "data", f"{detail} read")
    # An event has its order in event.data.value; depth bounds an envelope in an envelope.
    for name in ("event", "data", "value", "detail", "entity", "order"):
        if isinstance(value.get(name), dict | list | mapping.Repeated) and depth < 5:
            return _unwrapped(value[name], depth + 1)
    if "message" in value:
        raise Rejected("not_an_order", "message", "an error of Magento, and no order")
    return [value]


def _has_orders(customer: object) -> bool:
    return isinstance(customer, dict) and "orders" in customer


def _list(value: dict[str, object], name: str) -> list[object]:
    found = value[name]
    if not isinstance(found, list):
        raise Rejected("wrong_type", name, f"{name} is not a list")
    if not found:
        raise Rejected("missing_field", name, f"{name} has no order")
    return found


def _check_is_order(order: Fields) -> None:
    """Raise Rejected for something else of Magento's."""
    if order.names("item_id") and order.names("sku"):
        raise Rejected("incomplete", "", "an item, without the order that it belongs to")
    for name, what in _OTHER_OBJECTS:
        if order.has(name) and not order.names("order_currency_code"):
            raise Rejected("not_an_order", name, what)
    if order.has("order_id"):
        raise Rejected("not_an_order", "order_id", _OTHER_OBJECTS[0][1])
    if not any(order.names(name) for name in _ORDERS):
        listing.check_speaks(order, _MARKS, "Magento")
        raise Rejected("not_an_order", "", "neither entity_id nor grand_total: it is no order")


def _state(order: Fields) -> str:
    """The state, or else that of the status. A status of fraud counts before any state."""
    status = order.optional_text("status").lower()
    if status == "fraud":
        return "payment_review"
    return order.optional_text("state").lower() or _STATES.get(status, status)


def _check_state(order: Fields, state: str) -> None:
    """Raise Rejected where nothing of the order is to be delivered, or not yet."""
    if state in _OPEN:
        return
    name = "state" if order.has("state") else "status"
    if why := _NOT_READY.get(state):
        raise Rejected("not_ready", name, f"the order {why}")
    if why := _DONE.get(state):
        raise Rejected(mapping.NOTHING_TO_DELIVER, name, f"the order {why}")
    if not state:
        raise Rejected("missing_field", "state", "state is missing or empty")
    raise Rejected("not_ready", name, f"{name} is none of Magento's own that lets an order go")


def _total(order: Fields, currency: str) -> int:
    """What the customer pays, less what has been refunded or cancelled of it."""
    total = shop_fields.positive(order, "grand_total")
    for name in ("total_refunded", "total_canceled"):
        total -= shop_fields.optional_positive(order, name)
    return shop_fields.whole_minor(total, currency, "grand_total")
