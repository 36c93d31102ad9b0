"""WooCommerce: orders of its REST API, as webhooks, answers and exports carry them.

Source: WooCommerce REST API documentation v3, Orders and Webhooks; order statuses as in
WooCommerce's documentation "Managing orders"; payment methods by the ids of its own gateways.
"""

from __future__ import annotations

from functools import partial

from connectors.channels import (
    listing,
    mapping,
    shop_fields,
    woocommerce_legacy,
    woocommerce_lines,
    woocommerce_refunds,
)
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.shopify_fields import told
from connectors.channels.woocommerce_people import address, contact, personal
from connectors.channels.woocommerce_ping import is_ping
from schemas.customers import Contact
from schemas.orders import CancelOrder, PlaceOrder, Tender
from schemas.payments import Method

_TOPICS = frozenset(f"order.{what}" for what in ("created", "updated", "deleted", "restored"))
"""Webhook topics whose payload is an order."""
_NOT_READY = {
    "pending": "waits for its payment",
    "on-hold": "waits for its payment to be confirmed",
    "failed": "has no payment: it failed",
    "checkout-draft": "is a draft: its checkout is not completed",
    "auto-draft": "is a draft",
    "draft": "is a draft",
}
_DONE = {
    "completed": "has been fulfilled at the channel already",
    "refunded": "has been refunded in full",
}
_LATER = frozenset({"bacs", "cheque"})
"""Bank transfer and cheque: where the shop lets such an order go unpaid, the money comes later."""
_OTHER_OBJECTS = (
    ("billing_period", "a subscription, not an order"),
    ("delivery_url", "a webhook, not an order"),
    ("discount_type", "a coupon, not an order"),
    ("catalog_visibility", "a product, not an order"),
    ("regular_price", "a product, not an order"),
    ("is_paying_customer", "a customer, not an order"),
    ("customer_note_added", "a note, not an order"),
    ("request_url", "a record of a webhook's delivery, not an order"),
    ("reviewer", "a review, not an order"),
)
"""What else comes from WooCommerce, by a field that it has and an order has not."""
_MARKS = ("id", "order_key", "billing", "date_created")
_BATCH = ("create", "update", "delete")


class WooCommerce:
    """Reads an order bare, in a list, in `orders` or `order`, in a batch's answer, or on a line of
    its own; with its refunds beside it where it has some."""

    name = "woocommerce"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        try:
            found, refunds = _found(payload, topic)
        except Rejected as error:
            return [error]
        return listing.each(
            found,
            lambda value: self._order(value, refunds, topic, raw_id, now_ms),
            listing.field("id"),
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            return [_contact(value) for value in _found(payload, topic)[0]]
        except Rejected:
            return []

    def _order(
        self, value: object, refunds: dict[str, object], topic: str, raw_id: str, now_ms: int
    ) -> PlaceOrder | CancelOrder:
        if isinstance(value, dict) and woocommerce_legacy.speaks(value):
            named = woocommerce_legacy.in_rest_names(value)
            try:
                return self._order(named, refunds, topic, raw_id, now_ms)
            except Rejected as error:
                raise woocommerce_legacy.in_own_names(error) from None
        order = Fields(value)
        _check_is_order(order, topic)
        external_id = order.identifier("id")
        order_id = mapping.order_id(self.name, external_id)
        status = order.optional_text("status").lower().removeprefix("wc-")
        if topic == "order.deleted" or status == "trash":
            return CancelOrder(order_id, mapping.DELETED_AT_CHANNEL, _changed_at(order, now_ms))
        if status == "cancelled":
            return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, _changed_at(order, now_ms))
        _check_status(status)
        currency = order.currency("currency")
        refunded = woocommerce_refunds.read(order, refunds)
        amounts = woocommerce_lines.read(order, currency, refunded)
        total = shop_fields.whole_minor(
            shop_fields.positive(order, "total") - refunded.amount, currency, "total"
        )
        tender = _to_come(order)
        billing = order.optional_object("billing")
        shipping = order.optional_object("shipping")
        ship_to = address(shipping, billing)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=_moment(order, "date_modified" if _has(order, "date_modified") else None),
            placed_at_ms=_moment(order, None),
            currency=currency,
            lines=amounts.lines,
            discount_minor=amounts.discount_minor,
            shipping_minor=amounts.shipping_minor,
            tax_minor=amounts.added_minor,
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=total if tender is None else 0,
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            tenders=[tender] if tender and total else [],
            prices_include_tax=order.boolean("prices_include_tax"),
            discounts=told(partial(woocommerce_lines.discounts, order, currency), []),
            shipping_method=told(partial(woocommerce_lines.shipping_method, order), ""),
            shipping_tax_rate_ppm=told(partial(woocommerce_lines.shipping_tax_rate, order), 0),
            subscription_id=told(partial(_subscription, order), ""),
            personal=personal(value, ship_to),
            billing_country=told(lambda: billing.country("country") if billing else "", ""),
        )


def _contact(value: object) -> Contact:
    if isinstance(value, dict) and woocommerce_legacy.speaks(value):
        value = woocommerce_legacy.in_rest_names(value)
    return contact(value)


def _found(payload: bytes, topic: str) -> tuple[list[object], dict[str, object]]:
    """The orders in a payload, and by id the refunds that came with them. Raises Rejected."""
    if is_ping(payload):
        raise Rejected("not_an_order", "webhook_id", "a ping, with which a webhook is tried out")
    if "." in topic and topic not in _TOPICS:
        raise Rejected("not_an_order", "", f"topic {topic[:100]!r} carries no orders")
    value, lines = listing.loaded(payload, mapping.load_exact_json)
    values = _unwrapped(value) if lines is None else lines
    mapping.check_orders(len(values))
    refunds: dict[str, object] = {
        str(value["id"]): value
        for value in values
        if isinstance(value, dict) and woocommerce_refunds.is_refund(value) and "id" in value
    }
    orders = [
        value
        for value in values
        if not (isinstance(value, dict) and woocommerce_refunds.is_refund(value))
    ]
    if not orders and refunds:
        raise Rejected("not_an_order", "", "a refund, not the order that it belongs to")
    if not orders:
        raise Rejected("missing_field", "", "the payload has no order")
    return orders, refunds


def _unwrapped(value: object) -> list[object]:
    """The objects in an envelope. Raises Rejected."""
    if isinstance(value, mapping.Repeated):
        return [value]
    if isinstance(value, list):
        if not value:
            raise Rejected("missing_field", "", "the list has no order")
        return value
    if not isinstance(value, dict):
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if "documents" in value:
        # An order without refunds has an empty list of them.
        documents = [document for document in _list(value, "documents") if document != []]
        return [one for document in documents for one in _unwrapped_or_why(document)]
    if "id" in value:
        return [value]
    if "order" in value:
        return [value["order"]]
    if "orders" in value:
        return _list(value, "orders")
    batch = [name for name in _BATCH if isinstance(value.get(name), list)]
    if batch:
        return [_of_batch(one, name) for name in batch for one in _list(value, name, least=0)]
    # As WordPress.com passes answers on from a shop.
    if isinstance(value.get("data"), dict | list | mapping.Repeated) and "message" not in value:
        return _unwrapped(value["data"])
    if "code" in value and "message" in value:
        raise Rejected("not_an_order", "code", "an error of WooCommerce, and no order")
    return [value]


def _unwrapped_or_why(value: object) -> list[object]:
    try:
        return _unwrapped(value)
    except Rejected as error:
        return [error]


def _list(value: dict[str, object], name: str, least: int = 1) -> list[object]:
    found = value[name]
    if not isinstance(found, list):
        raise Rejected("wrong_type", name, f"{name} is not a list")
    if len(found) < least:
        raise Rejected("missing_field", name, f"{name} has no order")
    return found


def _of_batch(value: object, name: str) -> object:
    """One of a batch's answer: an order, or why it was not made, changed or deleted."""
    if isinstance(value, dict) and "error" in value:
        known = value.get("id")
        external_id = str(known)[:40] if isinstance(known, str | int) else ""
        return Rejected("not_an_order", f"{name}.error", "an error of WooCommerce", external_id)
    if name == "delete" and isinstance(value, dict):
        return {**value, "status": "trash"}
    return value


def _check_is_order(order: Fields, topic: str) -> None:
    """Raise Rejected for something else of WooCommerce's."""
    for name, what in _OTHER_OBJECTS:
        if order.names(name):
            raise Rejected("not_an_order", name, what)
    if order.names("type") and order.raw("type") == "refund":
        raise Rejected("not_an_order", "type", "a refund, not the order that it belongs to")
    if topic == "order.deleted" or order.raw("status") == "trash":
        return
    if not order.names("line_items") and not order.names("status"):
        if order.names("id") and not order.names("currency"):
            raise Rejected("incomplete", "line_items", "an id, and nothing else of an order")
        listing.check_speaks(order, _MARKS, "WooCommerce")
        raise Rejected("not_an_order", "", "neither status nor line_items, so that it is no order")


def _check_status(status: str) -> None:
    """Raise Rejected where nothing of the order is to be delivered, or not yet."""
    if status == "processing":
        return
    if why := _NOT_READY.get(status):
        raise Rejected("not_ready", "status", f"the order {why}")
    if why := _DONE.get(status):
        raise Rejected(
            mapping.NOTHING_TO_DELIVER, "status", f"the order {why}, so that nothing is delivered"
        )
    if not status:
        raise Rejected("missing_field", "status", "status is missing or empty")
    detail = "status is none of WooCommerce's own; only processing lets an order go"
    raise Rejected("not_ready", "status", detail)


def _to_come(order: Fields) -> Tender | None:
    """How the shop will get the money of an order that it lets go unpaid; None where it has it.

    An order is in processing once it is paid, or where its gateway asks for no payment before. Only
    what is paid has `date_paid`.
    """
    if _has(order, "date_paid") or not (
        order.names("date_paid") or order.names("date_paid_gmt") or _method(order) == "cod"
    ):
        return None
    method = _method(order)
    if method == "cod":
        return Tender("cash", Method.CASH_ON_DELIVERY, 0)
    if method in _LATER or "invoice" in method:
        return Tender("terms", Method.INVOICE, 0)
    return Tender("1", Method.CHANNEL, 0, paid_currency=order.currency("currency"))


def _subscription(order: Fields) -> str:
    """The subscription that an order renews, by WooCommerce Subscriptions' own meta."""
    for meta in order.objects("meta_data"):
        if meta.raw("key") == "_subscription_renewal":
            return meta.identifier("value")
    return ""


def _method(order: Fields) -> str:
    return told(lambda: order.optional_text("payment_method").lower(), "")


def _has(order: Fields, name: str) -> bool:
    """A time is there, in UTC or with a zone of its own."""
    return any(order.raw(each) not in (None, "") for each in (f"{name}_gmt", name))


def _moment(order: Fields, name: str | None) -> int:
    """A time, or else when the order was made. In epoch milliseconds.

    `…_gmt` is UTC and names no zone; the field without that is in the shop's own time zone, which
    the order does not tell. Version 1 of the API has no other: its times are read as UTC, off by
    the shop's distance from it, which no sum hangs on and which keeps their order.
    Source: REST API documentation, v3 and v1, Orders, `date_created_gmt` and `date_created`.
    """
    name = name or "date_created"
    gmt = f"{name}_gmt"
    told_local = order.raw(gmt) in (None, "") and order.raw(name) not in (None, "")
    return shop_fields.utc(order, name if told_local else gmt)


def _changed_at(order: Fields, now_ms: int) -> int:
    return told(lambda: _moment(order, "date_modified"), now_ms)
