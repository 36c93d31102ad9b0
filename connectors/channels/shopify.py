"""Shopify: the Order of its Admin REST API, as webhooks and exports carry it."""

from __future__ import annotations

from functools import partial

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Mapped, Rejected
from schemas.orders import Address, CancelOrder, OrderLine, PlaceOrder

_COVERED = frozenset({"authorized", "paid"})


class Shopify:
    """Reads a bare order (webhook), `{"order": {}}` or `{"orders": []}`."""

    name = "shopify"

    def orders(self, payload: bytes, topic: str, raw_id: str, now_ms: int) -> list[Mapped]:
        """One result per order; a payload that fails as a whole gives one Rejected."""
        try:
            found = _found(mapping.load_json(payload), topic)
        except Rejected as error:
            return [error]
        return [
            mapping.one(
                partial(self._order, value, topic, raw_id, now_ms),
                value.get("id") if isinstance(value, dict) else None,
                f"number {number}" if len(found) > 1 else "",
            )
            for number, value in enumerate(found, 1)
        ]

    def _order(
        self, value: object, topic: str, raw_id: str, now_ms: int
    ) -> PlaceOrder | CancelOrder:
        order = Fields(value)
        drafted = order.has("invoice_url") or order.has("invoice_sent_at")
        if drafted and not order.has("financial_status"):
            raise Rejected("not_an_order", "", "a draft order, which nobody has placed yet")
        external_id = order.identifier("id")
        order_id = mapping.order_id(self.name, external_id)
        if order.has("cancelled_at") or topic == "orders/cancelled":
            return CancelOrder(
                order_id=order_id,
                reason=order.optional_text("cancel_reason") or mapping.CANCELLED_AT_CHANNEL,
                requested_at_ms=(
                    order.instant("cancelled_at") if order.has("cancelled_at") else now_ms
                ),
            )
        currency = order.currency("currency")
        lines = _lines(order, currency)
        total = order.amount("total_price", currency)
        return PlaceOrder(
            order_id=order_id,
            channel=self.name,
            external_id=external_id,
            version=order.instant("updated_at" if order.has("updated_at") else "created_at"),
            placed_at_ms=order.instant(
                "processed_at" if order.has("processed_at") else "created_at"
            ),
            currency=currency,
            lines=lines,
            discount_minor=order.optional_amount("total_discounts", currency),
            shipping_minor=mapping.check_sum(
                (line.amount("price", currency) for line in order.objects("shipping_lines")),
                "shipping_lines",
            ),
            tax_minor=_tax(order, currency),
            total_minor=total,
            payment_method="channel",
            payment_token="",
            paid_minor=_paid(order, currency, total),
            paid_currency=currency,
            ship_to=_ship_to(order),
            backorder=False,
            raw_id=raw_id,
        )


def _found(value: object, topic: str) -> list[object]:
    """The orders in a payload. Raises Rejected."""
    if "/" in topic and not topic.startswith("orders/"):
        raise Rejected("not_an_order", "", f"topic {topic[:100]!r} carries no orders")
    if not isinstance(value, dict):
        raise Rejected("wrong_type", "", "the payload is not an object")
    if "draft_order" in value or "draft_orders" in value:
        raise Rejected("not_an_order", "", "a draft order, which nobody has placed yet")
    if "order" in value:
        return [value["order"]]
    if "orders" not in value:
        return [value]
    orders = value["orders"]
    if not isinstance(orders, list):
        raise Rejected("wrong_type", "orders", "orders is not a list")
    if not orders:
        raise Rejected("missing_field", "orders", "orders is empty")
    mapping.check_orders(len(orders))
    return orders


def _lines(order: Fields, currency: str) -> list[OrderLine]:
    """The lines that still have pieces.

    Removed pieces stay in `quantity` and leave `current_quantity`, which orders have since version
    2024-01 of the API. Source: Shopify's changelog of 2023-12-05.
    """
    lines = [
        OrderLine(
            line_id=line.identifier("id"),
            sku=line.identifier("sku"),
            quantity=quantity,
            unit_price_minor=line.amount("price", currency),
        )
        for line in order.objects("line_items")
        if (quantity := _pieces(line))
    ]
    mapping.check_lines(lines, "line_items")
    return lines


def _pieces(line: Fields) -> int:
    """What is left of a line. Raises Rejected."""
    ordered = line.quantity("quantity", least=0)
    if not line.has("current_quantity"):
        return ordered
    left = line.quantity("current_quantity", least=0)
    if left > ordered:
        path = line.path("current_quantity")
        raise Rejected("invalid_quantity", path, f"{path} is more than what was ordered")
    return left


def _tax(order: Fields, currency: str) -> int:
    tax = order.optional_amount("total_tax", currency)
    return 0 if order.boolean("taxes_included") else tax


def _paid(order: Fields, currency: str, total: int) -> int:
    """What the channel holds for the order; a refunded or voided payment covers nothing."""
    status = order.optional_text("financial_status")
    if status in _COVERED:
        return total
    if status != "partially_paid" or not order.has("total_outstanding"):
        return 0
    outstanding = order.amount("total_outstanding", currency)
    if outstanding > total:
        raise Rejected(
            "invalid_amount", "total_outstanding", "total_outstanding is more than total_price"
        )
    return total - outstanding


def _ship_to(order: Fields) -> Address:
    address = order.optional_object("shipping_address") or order.optional_object("billing_address")
    if address is None:
        return mapping.NOWHERE
    latitude, longitude = address.position()
    return Address(
        name=address.optional_text("name"),
        line1=address.optional_text("address1"),
        line2=address.optional_text("address2"),
        city=address.optional_text("city"),
        region=address.optional_text("province_code"),
        postal_code=address.optional_text("zip"),
        country=address.country("country_code"),
        latitude=latitude,
        longitude=longitude,
    )
