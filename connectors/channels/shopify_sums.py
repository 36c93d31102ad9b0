"""What a Shopify order costs: as it was placed, or as it stands after pieces were removed from it.

`total_price` keeps what was removed or refunded later. Where pieces are gone, the lines are those
that are left, and so are the sums: Shopify gives them as `current_total_price` and its parts.
Source: Shopify's Admin API, REST Order (`current_total_price`, `current_total_tax`,
`current_total_discounts`, `current_total_duties_set`, `current_total_additional_fees_set`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels import mapping
from connectors.channels.mapping import Fields
from connectors.channels.shopify_discounts import Discounts
from connectors.channels.shopify_fields import amount, of_set, optional_amount
from connectors.channels.shopify_lines import Lines


@dataclass(frozen=True, slots=True)
class _Names:
    """The fields that belong together."""

    total: str
    tax: str
    discounts: str
    duties: str
    fees: str


_PLACED = _Names(
    "total_price",
    "total_tax",
    "total_discounts",
    "original_total_duties_set",
    "original_total_additional_fees_set",
)
_CURRENT = _Names(
    "current_total_price",
    "current_total_tax",
    "current_total_discounts",
    "current_total_duties_set",
    "current_total_additional_fees_set",
)


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of an order, in minor units of its currency."""

    total: int
    discount: int
    """what is off the order beside its lines and its shipping"""
    added: int
    """what comes on top of goods and shipping: tax, duties, fees and tips"""


def currency(order: Fields) -> str:
    """The shop's currency, in which all sums are; where the order does not name it by itself, that
    of its total. Raises Rejected."""
    if not order.has("currency"):
        for name in (_PLACED.total, _CURRENT.total):
            prices = order.optional_object(f"{name}_set")
            shop = prices.optional_object("shop_money") if prices is not None else None
            if shop is not None and shop.has("currency_code"):
                return shop.currency("currency_code")
    return order.currency("currency")


def read(order: Fields, currency: str, lines: Lines, discounts: Discounts) -> Sums:
    """The sums that fit the lines. Raises Rejected."""
    names = _CURRENT if lines.fewer and _tells_current(order) else _PLACED
    # Of an order of which nothing was removed both are the same, and a query asks for one of them.
    total = names.total if _has(order, names.total) else _CURRENT.total
    discount = discounts.of_order
    if names is _CURRENT:
        off = discounts.of_shipping + sum(line.discount_minor for line in lines.read)
        discount = max(0, optional_amount(order, names.discounts, currency) - off)
    if not _has(order, total):
        total = names.total
    added = _added(order, names, currency, lines.tips)
    return Sums(amount(order, total, currency), discount, added)


def _tells_current(order: Fields) -> bool:
    """The order says what it costs now, with all that it is made of."""
    return all(_has(order, name) for name in (_CURRENT.total, _CURRENT.tax, _CURRENT.discounts))


def _has(order: Fields, name: str) -> bool:
    return order.has(name) or order.has(f"{name}_set")


def _added(order: Fields, names: _Names, currency: str, tips: int) -> int:
    added = max(tips, optional_amount(order, "total_tip_received", currency))
    tax_name = names.tax if _has(order, names.tax) else _CURRENT.tax
    tax = optional_amount(order, tax_name, currency)
    if not order.boolean("taxes_included"):
        added += tax
    if not order.boolean("duties_included"):
        added += of_set(order, names.duties, currency)
    added += of_set(order, names.fees, currency)
    return mapping.check_sum((added,), names.tax)
