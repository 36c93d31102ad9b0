"""Shopify's discounts: what each line bears, what shipping does, and what is left for the order.

`total_discounts` is the sum of all of them. Where the order says how it is allocated, each line has
its own part; where the allocations and the sum do not fit, the sum alone counts.
Source: Shopify's Admin API, REST Order (`discount_applications`, `discount_codes`), LineItem and
ShippingLine (`discount_allocations`, `discounted_price`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shopify_fields import amount, optional_amount, told
from connectors.channels.shopify_lines import known_as, shipping_lines
from schemas.orders import Discount

_WITHOUT_NAME = "discount"
_MOST = 500


@dataclass(frozen=True, slots=True)
class Discounts:
    """The parts of `total_discounts`, in minor units."""

    of_lines: dict[str, int]
    """by line id, for all pieces that were ordered"""
    of_shipping: int
    of_order: int
    made_of: list[Discount]


def read(order: Fields, currency: str) -> Discounts:
    """The discounts of an order. Raises Rejected where `total_discounts` cannot be read."""
    total = optional_amount(order, "total_discounts", currency)
    try:
        names = _names(order)
        found = order.objects("line_items")
        lines = [
            Discount(name, part, known_as(line, found, number))
            for number, line in enumerate(found, 1)
            for name, part in _allocated(line, names, currency)
        ]
        shipping = [
            Discount(name, part)
            for line in shipping_lines(order)
            for name, part in _off_shipping(line, names, currency)
        ]
    except Rejected:
        lines, shipping = [], []
    of_shipping = sum(each.amount_minor for each in shipping)
    left = total - of_shipping - sum(each.amount_minor for each in lines)
    if left < 0 or not (lines or shipping):
        return Discounts({}, 0, total, told(lambda: _codes(order, currency), []))
    of_lines: dict[str, int] = {}
    for each in lines:
        of_lines[each.line_id] = of_lines.get(each.line_id, 0) + each.amount_minor
    return Discounts(of_lines, of_shipping, left, [*lines, *shipping][:_MOST])


def _allocated(line: Fields, names: list[str], currency: str) -> list[tuple[str, int]]:
    found = []
    for part in line.objects("discount_allocations"):
        name = part.optional_text("name") or _name_at(names, part.raw("discount_application_index"))
        if off := amount(part, "amount", currency):
            found.append((name, off))
    return found


def _name_at(names: list[str], index: object) -> str:
    if isinstance(index, int) and 0 <= index < len(names):
        return names[index] or _WITHOUT_NAME
    return _WITHOUT_NAME


def _off_shipping(line: Fields, names: list[str], currency: str) -> list[tuple[str, int]]:
    """What is off a shipping line: its allocations, or else how far it is below its price."""
    price = amount(line, "price", currency)
    found = _allocated(line, names, currency)
    if not found and line.has("discounted_price"):
        off = price - amount(line, "discounted_price", currency)
        found = [(_WITHOUT_NAME, off)] if off > 0 else []
    if sum(off for _, off in found) > price:
        path = line.path("discount_allocations")
        raise Rejected("invalid_amount", path, f"{path} are more than the shipping costs")
    return found


def _names(order: Fields) -> list[str]:
    """What the discount applications are called, in the order by which allocations name them."""
    held = order.raw("discount_applications")
    # Shopify's documentation shows the list in an object of its own name.
    inner = Fields(held) if isinstance(held, dict) else order
    return [
        each.optional_text("code")
        or each.optional_text("title")
        or each.optional_text("description")
        or each.optional_text("type")
        for each in inner.objects("discount_applications")
    ]


def _codes(order: Fields, currency: str) -> list[Discount]:
    """The codes with their sums, of an order that allocates nothing."""
    return [
        Discount(code.text("code"), code.amount("amount", currency))
        for code in order.objects("discount_codes")[:_MOST]
    ]
