"""Orders of WooCommerce's legacy API in the names of its REST API: one mapping reads both.

The legacy API has been apart from WooCommerce since version 9, and webhooks that were made for it
still send its form. Its sums are without tax, whatever the shop's prices are, and its times are in
UTC. What was refunded is not told.
Source: WooCommerce, "Legacy REST API" documentation, versions 1 to 3, Orders.
"""

from __future__ import annotations

from connectors.channels.mapping import Rejected

_ORDER = {
    "id": "id",
    "number": "order_number",
    "status": "status",
    "currency": "currency",
    "date_created_gmt": "created_at",
    "date_modified_gmt": "updated_at",
    "total": "total",
    "total_tax": "total_tax",
    "shipping_total": "total_shipping",
    "shipping_tax": "shipping_tax",
    "discount_total": "total_discount",
    "billing": "billing_address",
    "shipping": "shipping_address",
    "customer_note": "note",
    "customer_id": "customer_id",
    "shipping_lines": "shipping_lines",
}
_OWN = _ORDER | {"date_created": "created_at", "date_modified": "updated_at"}
_LINE = {"meta_data": "meta"}
_FEE = {"name": "title"}
_COUPON = {"discount": "amount"}


def speaks(order: dict[str, object]) -> bool:
    """The order is in the form of the legacy API."""
    return order.get("order_number") is not None and "number" not in order


def in_rest_names(order: dict[str, object]) -> dict[str, object]:
    """The order in the names of the REST API; what is of another type than documented stays."""
    named = {name: order.get(own) for name, own in _ORDER.items()}
    named["line_items"] = _renamed(order.get("line_items"), _LINE)
    named["fee_lines"] = _renamed(order.get("fee_lines"), _FEE)
    named["coupon_lines"] = _renamed(order.get("coupon_lines"), _COUPON)
    payment = order.get("payment_details")
    details = payment if isinstance(payment, dict) else {}
    named["payment_method"] = details.get("method_id")
    named["date_paid_gmt"] = order.get("updated_at") if details.get("paid") is True else None
    return named


def in_own_names(error: Rejected) -> Rejected:
    """A fault with the path of its field as the legacy API calls it."""
    name, dot, rest = error.field.partition(".")
    own = _OWN.get(name, name) + dot + rest
    detail = error.detail.replace(error.field, own, 1) if error.field else error.detail
    return Rejected(error.reason, own, detail, error.external_id)


def _renamed(found: object, names: dict[str, str]) -> object:
    if not isinstance(found, list):
        return found
    return [
        {**one, **{name: one.get(own) for name, own in names.items()}}
        if isinstance(one, dict)
        else one
        for one in found
    ]
