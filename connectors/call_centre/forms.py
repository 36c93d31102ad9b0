"""A draft's form, what it comes to, and the order that is made of it. Pure.

The form is that of the `call-centre` channel (connectors/channels/call_centre.py) without what the
desk adds: external_id, status, agent_id, placed_at and total. Its rules are the channel's own, so
that what the page says of a form is what becomes of the order.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson
from msgspec import Struct

from connectors.channels.call_centre import CallCentre
from connectors.channels.mapping import Rejected
from connectors.http_api import Fault, pointer
from schemas.money import EXPONENTS
from schemas.orders import PlaceOrder
from schemas.totals import line_total, recomputed_total

CHANNEL = CallCentre()
ADDED = frozenset(
    {"external_id", "status", "agent_id", "placed_at", "updated_at", "total", "cancelled"}
)
"""What the desk says, whatever a form has."""
LINK = "payment_link"
Unwritable = orjson.JSONEncodeError
"""JSON cannot write it, though it could be read."""


class LineSum(Struct, frozen=True):
    """What one line comes to."""

    sku: str
    quantity: int
    total: str
    """less its own discount"""


class Sum(Struct, frozen=True):
    """What a form comes to."""

    currency: str
    lines: list[LineSum]
    goods: str
    discount: str
    shipping: str
    tax: str
    total: str
    total_minor: int


def text(minor: int, currency: str) -> str:
    """Major units, with the currency's decimals."""
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))}"


def order_of(
    form: dict[str, Any], draft_id: str, agent_id: str, at_ms: int, total: str
) -> dict[str, Any]:
    """The channel's form, placed; a payment link counts as paid in full."""
    own = {name: value for name, value in form.items() if name not in ADDED}
    payment = own.get("payment")
    if isinstance(payment, dict) and payment.get("method") == LINK:
        currency = own.get("currency")
        own["payment"] = {"method": LINK, "status": "paid", "paid": total, "currency": currency}
    at = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        **own,
        "external_id": draft_id,
        "status": "placed",
        "agent_id": agent_id,
        "placed_at": at,
        "total": total,
    }


def read(form: dict[str, Any], draft_id: str, agent_id: str) -> Sum | Fault:
    """What the form comes to, or what is missing or wrong in it first."""
    result = mapped(order_of(form, draft_id, agent_id, 1, "0"))
    if isinstance(result, Fault):
        return result
    total = recomputed_total(result)
    if total < 0:
        return Fault("the discounts are more than everything else", "/discount", reason="too_much")
    currency = result.currency
    goods = [line_total(line) - line.discount_minor for line in result.lines]
    return Sum(
        currency=currency,
        lines=[
            LineSum(line.sku, line.quantity, text(one, currency))
            for line, one in zip(result.lines, goods, strict=True)
        ],
        goods=text(sum(goods), currency),
        discount=text(result.discount_minor, currency),
        shipping=text(result.shipping_minor, currency),
        tax=text(result.tax_minor, currency),
        total=text(total, currency),
        total_minor=total,
    )


def mapped(order: dict[str, Any]) -> PlaceOrder | Fault:
    """The order that the channel makes of a form, or why it makes none."""
    try:
        payload = written(order)
    except Unwritable:
        return Fault("holds what JSON cannot write", reason="unreadable")
    (result,) = CHANNEL.orders(payload, "", "", 1)
    if isinstance(result, Rejected):
        return Fault(result.detail, pointer(result.field), reason=result.reason)
    if not isinstance(result, PlaceOrder):
        return Fault("is no order", reason="not_an_order")
    return result


def written(order: dict[str, Any]) -> bytes:
    """The payload of an order. Raises Unwritable."""
    return orjson.dumps(order)


def impersonal(form: dict[str, Any]) -> dict[str, Any]:
    """What is shown of an order that is placed: nothing that names or reaches anybody."""
    return {name: form[name] for name in ("currency", "lines", "delivery") if name in form}
