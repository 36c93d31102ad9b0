"""What was refunded of a WooCommerce order, where its refunds come along.

An order names its refunds only by id, reason and sum. Their lines come in another call,
GET /orders/ID/refunds, or one by one: quantities and totals below 0, and in `_refunded_item_id` the
line that they belong to.
Source: WooCommerce REST API documentation v3, Orders (`refunds`) and Order refunds; the meta key as
in WC_Order::get_qty_refunded_for_item.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connectors.channels.mapping import MAXIMUM_QUANTITY, Fields, Rejected
from connectors.channels.shop_fields import optional_millionths, positive

_REFUNDED_ITEM = "_refunded_item_id"


@dataclass(slots=True)
class Gone:
    """What was refunded of one line: pieces, and millionths without tax and of tax."""

    quantity: int = 0
    total: int = 0
    tax: int = 0


@dataclass(slots=True)
class Refunded:
    """What was refunded of an order, in millionths."""

    of_lines: dict[str, Gone] = field(default_factory=dict)
    of_others: Gone = field(default_factory=Gone)
    """shipping and fees"""
    amount: int = 0
    """all of it"""


def is_refund(value: Mapping[str, object]) -> bool:
    """The object is a refund, not an order."""
    return "refunded_by" in value or ("amount" in value and "line_items" in value)


def read(order: Fields, known: Mapping[str, object]) -> Refunded:
    """What was refunded; `known` are the refunds that came along, by id.

    Raises Rejected, incomplete where one is missing.
    """
    refunded = Refunded()
    for named in order.objects("refunds"):
        if named.raw("id") == 0:  # what a refund that was deleted again leaves behind
            continue
        refund_id = named.identifier("id")
        if refund_id not in known:
            detail = (
                "the order was refunded in part, and what of it is only in its refunds "
                "(GET /orders/ID/refunds), which are missing"
            )
            raise Rejected("incomplete", "refunds", detail)
        _add(refunded, Fields(known[refund_id], f"refund {refund_id[:40]}"))
    return refunded


def _add(refunded: Refunded, refund: Fields) -> None:
    refunded.amount += positive(refund, "amount")
    for line in refund.objects("line_items"):
        gone = refunded.of_lines.setdefault(_line_id(line), Gone())
        gone.quantity += _pieces(line)
        _take(gone, line)
    for name in ("shipping_lines", "fee_lines"):
        for line in refund.objects(name):
            _take(refunded.of_others, line)


def _take(gone: Gone, line: Fields) -> None:
    gone.total += abs(optional_millionths(line, "total"))
    gone.tax += abs(optional_millionths(line, "total_tax"))


def _line_id(line: Fields) -> str:
    for meta in line.objects("meta_data"):
        if meta.raw("key") == _REFUNDED_ITEM:
            return meta.identifier("value")
    path = line.path("meta_data")
    raise Rejected("missing_field", path, f"{path} does not name the line ({_REFUNDED_ITEM})")


def _pieces(line: Fields) -> int:
    """Pieces, which are written below 0; none where only money was given back."""
    value = line.raw("quantity")
    if isinstance(value, int) and not isinstance(value, bool) and 0 >= value >= -MAXIMUM_QUANTITY:
        return -value
    return line.quantity("quantity", least=0)
