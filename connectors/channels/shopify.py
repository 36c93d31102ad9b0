"""Shopify: orders of its Admin API, as webhooks, answers and exports carry them.

The names are those of the REST Order resource; `shopify_graphql` turns the GraphQL Order into them.
Source: Shopify's Admin API, REST Order resource (2024-07), Order object, webhook topics.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.channels import (
    countries,
    listing,
    mapping,
    people,
    shopify_discounts,
    shopify_graphql,
    shopify_lines,
    shopify_payment,
    shopify_sums,
)
from connectors.channels.mapping import Fields, Mapped, Rejected
from connectors.channels.shopify_fields import identifier, told
from schemas.customers import Contact
from schemas.orders import Address, CancelOrder, Discount, OrderLine, PlaceOrder

_TOPICS = frozenset(
    f"orders/{what}"
    for what in (
        "create",
        "updated",
        "paid",
        "cancelled",
        "delete",
        "fulfilled",
        "partially_fulfilled",
    )
)
"""Webhook topics whose payload is an order."""
_FULFILLED = {
    "fulfilled": "has been fulfilled",
    "partial": "has been fulfilled in part",
    "restocked": "has gone back to stock",
}
_MARKS = ("id", "line_items", "total_price", "currency", "created_at")
_OF_NUMBERS = frozenset({"invalid_amount", "invalid_quantity"})
_OTHER_OBJECTS = (
    ("abandoned_checkout_url", "a checkout that nobody has completed"),
    ("refund_line_items", "a refund, not the order that it belongs to"),
    ("tracking_numbers", "a fulfillment, not the order that it belongs to"),
    ("parent_id", "a payment transaction, not the order that it belongs to"),
    ("variants", "a product"),
)
"""What else comes from Shopify, by a field that it has and an order has not."""
_OTHER_ENVELOPES = {
    "errors": "an error of Shopify, and no order",
    "order_edit": "a change to an order; the changed order itself comes as orders/updated",
    "checkout": "a checkout, not an order",
    "checkouts": "checkouts, not orders",
    "refund": "a refund, not the order that it belongs to",
    "refunds": "refunds, not the orders that they belong to",
    "fulfillment": "a fulfillment, not the order that it belongs to",
    "fulfillments": "fulfillments, not the orders that they belong to",
    "fulfillment_orders": "fulfillment orders, not the order that they belong to",
    "transaction": "a payment transaction, not the order that it belongs to",
    "transactions": "payment transactions, not the order that they belong to",
    "product": "a product",
    "products": "products",
    "customer": "a customer",
    "customers": "customers",
    "count": "a count of orders, and no order",
}


class Shopify:
    """Reads an order bare, in `order`, `orders`, `data`, in a list, or on a line of its own."""

    name = "shopify"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected.

        Shopify writes amounts as text, for which the fast reader of JSON is enough. Where somebody
        has turned them into numbers, what stands in the payload is read digit by digit.
        """
        results = self._read(payload, topic, raw_id, now_ms, mapping.load_json)
        if any(isinstance(one, Rejected) and one.reason in _OF_NUMBERS for one in results):
            return self._read(payload, topic, raw_id, now_ms, mapping.load_exact_json)
        return results

    def _read(
        self,
        payload: bytes,
        topic: str,
        raw_id: str,
        now_ms: int,
        load: Callable[[bytes], object],
    ) -> list[Mapped]:
        try:
            found, topic = _found(payload, topic, load)
        except Rejected as error:
            return [error]
        return listing.each(
            found,
            lambda value: self._command(value, topic, raw_id, now_ms),
            _known_id,
        )

    def contacts(self, payload: bytes, topic: str) -> list[Contact]:
        """See Mapping."""
        try:
            found, _ = _found(payload, topic, mapping.load_json)
            return [people.of_shopify(value) for value in found]
        except Rejected:
            return []

    def _command(
        self, value: object, topic: str, raw_id: str, now_ms: int
    ) -> PlaceOrder | CancelOrder:
        if not isinstance(value, dict) or "line_items" in value:
            return self._order(Fields(value), value, topic, raw_id, now_ms)
        if not shopify_graphql.speaks(value):
            return self._order(Fields(value), value, topic, raw_id, now_ms)
        with shopify_graphql.own_names():
            order = Fields(shopify_graphql.in_rest_names(value))
            return self._order(order, value, topic, raw_id, now_ms)

    def _order(
        self, order: Fields, said: object, topic: str, raw_id: str, now_ms: int
    ) -> PlaceOrder | CancelOrder:
        """`said` is the order in the names in which it came."""
        _check_is_order(order)
        external_id = identifier(order, "id")
        order_id = mapping.order_id(self.name, external_id)
        cancelled = order.has("cancelled_at")
        if cancelled or topic == "orders/cancelled":
            reason = order.optional_text("cancel_reason") or mapping.CANCELLED_AT_CHANNEL
            when = order.instant("cancelled_at") if cancelled else now_ms
            return CancelOrder(order_id, reason, when)
        if topic == "orders/delete":
            return CancelOrder(order_id, mapping.DELETED_AT_CHANNEL, now_ms)
        _check_to_deliver(order)
        currency = shopify_sums.currency(order)
        discounts = shopify_discounts.read(order, currency)
        lines = shopify_lines.lines(order, currency, discounts.of_lines)
        sums = shopify_sums.read(order, currency, lines, discounts)
        paid = shopify_payment.paid(order, currency, sums.total)
        ship_to = _ship_to(order)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=order.instant("updated_at" if order.has("updated_at") else "created_at"),
            placed_at_ms=order.instant(
                "processed_at" if order.has("processed_at") else "created_at"
            ),
            currency=currency,
            lines=lines.read,
            discount_minor=sums.discount,
            shipping_minor=shopify_lines.shipping(order, currency) - discounts.of_shipping,
            tax_minor=sums.added,
            total_minor=sums.total,
            payment_method="channel",
            payment_token="",
            paid_minor=paid,
            paid_currency=currency,
            ship_to=ship_to,
            backorder=False,
            raw_id=raw_id,
            tenders=shopify_payment.tenders(order, currency, paid),
            prices_include_tax=order.boolean("taxes_included"),
            discounts=_known(discounts.made_of, lines.read),
            shipping_method=shopify_lines.shipping_method(order),
            shipping_tax_rate_ppm=shopify_lines.shipping_tax_rate(order, currency),
            purchase_order_number=told(lambda: order.optional_text("po_number"), ""),
            subscription_id=told(lambda: order.optional_text("subscription_id"), ""),
            personal=people.personal_shopify(said, ship_to),
            billing_country=told(lambda: _billing_country(order), ""),
        )


def _known_id(value: object) -> object:
    """What names the order where it is rejected; None where nothing does."""
    known = value.get("id") if isinstance(value, dict) else None
    return shopify_graphql.plain_id(known) if isinstance(known, str) else known


def _found(payload: bytes, topic: str, load: Callable[[bytes], object]) -> tuple[list[object], str]:
    """The orders in a payload and the topic that they came under. Raises Rejected."""
    _check_topic(topic)
    value, lines = listing.loaded(payload, load)
    if lines is not None:
        return shopify_graphql.gathered(lines), topic
    if isinstance(value, dict) and "detail-type" in value:
        value, topic = _event(value, topic)
        _check_topic(topic)
    found = _unwrapped(value)
    mapping.check_orders(len(found))
    return found, topic


def _check_topic(topic: str) -> None:
    if "/" in topic and topic not in _TOPICS:
        raise Rejected("not_an_order", "", f"topic {topic[:100]!r} carries no orders")


def _event(event: dict[str, object], topic: str) -> tuple[object, str]:
    """Payload and topic of a webhook that came through Amazon EventBridge."""
    detail = Fields(event).object("detail")
    metadata = detail.optional_object("metadata")
    named = metadata.optional_text("X-Shopify-Topic") if metadata else ""
    return detail.raw("payload"), named or topic


def _unwrapped(value: object) -> list[object]:
    """The orders in an envelope. Raises Rejected."""
    if isinstance(value, list):
        return _not_empty(value, "the list")
    if not isinstance(value, dict):
        if isinstance(value, mapping.Repeated):
            return [value]
        raise Rejected("unreadable", "", "the payload is neither an object nor a list")
    if "order" in value and "id" not in value:
        return [value["order"]]
    if "orders" in value:
        orders = value["orders"]
        if shopify_graphql.is_connection(orders):
            return _not_empty(shopify_graphql.nodes(orders, "orders"), "orders")
        if not isinstance(orders, list):
            raise Rejected("wrong_type", "orders", "orders is not a list")
        return _not_empty(orders, "orders")
    drafts = value.get("draft_orders")
    if isinstance(drafts, list):
        return _not_empty([_draft(draft) for draft in drafts], "draft_orders")
    if isinstance(value.get("data"), dict):
        return _not_empty(shopify_graphql.found(value["data"]), "data")
    if "id" not in value:
        _check_envelope(value)
    return [value]


def _not_empty(orders: list[object], path: str) -> list[object]:
    if not orders:
        raise Rejected("missing_field", path if path != "the list" else "", f"{path} has no order")
    return orders


def _check_envelope(value: dict[str, object]) -> None:
    """Raise Rejected for an envelope of something else."""
    if "line_items" in value or shopify_graphql.speaks(value):
        return
    if "draft_order" in value:
        raise _draft(value["draft_order"])
    for name, what in _OTHER_ENVELOPES.items():
        if name in value:
            raise Rejected("not_an_order", name, what)


def _draft(value: object) -> Rejected:
    draft = value if isinstance(value, dict) else {}
    if draft.get("order_id") is None:
        detail = "a draft order, which nobody has placed yet"
    else:
        detail = f"the draft of order {str(draft['order_id'])[:40]}, which comes by itself"
    known = draft.get("id")
    external_id = str(known)[:40] if isinstance(known, str | int) else ""
    return Rejected("not_an_order", "", detail, external_id)


def _check_is_order(order: Fields) -> None:
    """Raise Rejected for something else of Shopify's."""
    if order.has("financial_status"):
        return
    listing.check_speaks(order, _MARKS, "Shopify")
    if any(order.names(name) for name in ("applied_discount", "invoice_url", "invoice_sent_at")):
        raise _draft({"id": order.raw("id"), "order_id": order.raw("order_id")})
    for name, what in _OTHER_OBJECTS:
        if order.has(name):
            raise Rejected("not_an_order", name, what)


def _check_to_deliver(order: Fields) -> None:
    """Raise Rejected for an order that has left, which must not be sent a second time, and for one
    whose money went back whole."""
    status = order.raw("fulfillment_status")
    if isinstance(status, str) and (done := _FULFILLED.get(status.lower())):
        raise Rejected(
            mapping.NOTHING_TO_DELIVER,
            "fulfillment_status",
            f"the order {done} at the channel already, so that it is not delivered from here",
        )
    paid = order.raw("financial_status")
    if isinstance(paid, str) and paid.strip().lower() == "refunded":
        detail = "all that was paid for the order has been given back"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "financial_status", detail)


def _known(discounts: list[Discount], lines: list[OrderLine]) -> list[Discount]:
    """The discounts of lines that still have pieces, and of the order."""
    known = {"", *(line.line_id for line in lines)}
    return [each for each in discounts if each.line_id in known]


def _ship_to(order: Fields) -> Address:
    address = order.optional_object("shipping_address") or order.optional_object("billing_address")
    return _address(address) if address is not None else mapping.NOWHERE


def _billing_country(order: Fields) -> str:
    address = order.optional_object("billing_address")
    return _country(address) if address is not None else ""


def _country(address: Fields) -> str:
    return address.country("country_code") or countries.code(address.optional_text("country"))


def _address(address: Fields) -> Address:
    latitude, longitude = address.position()
    return Address(
        name=address.optional_text("name"),
        line1=address.optional_text("address1"),
        line2=address.optional_text("address2"),
        city=address.optional_text("city"),
        region=address.optional_text("province_code"),
        postal_code=address.optional_text("zip"),
        country=_country(address),
        latitude=latitude,
        longitude=longitude,
    )
