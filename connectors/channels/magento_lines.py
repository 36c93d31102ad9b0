"""The lines of a Magento order and the sums beside them.

Magento gives each row without tax and before discounts, and comes to `grand_total` by adding up
totals: subtotal, shipping, discount (below 0), tax, the tax within discounts (discount tax
compensation), fixed product taxes and gift wrapping, less gift cards, store credit and reward
points. All of them are read as they are, in the currency of the order. What was refunded or
cancelled of the order is off, pieces as well as sums.
Source: Adobe Commerce REST reference 2.4, salesOrderRepositoryV1 (sales-data-order-interface,
sales-data-order-item-interface); its documentation of product types (configurable, bundle) and of
tax calculation.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels import mapping, shop_fields
from connectors.channels.magento_items import Item, items
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import Sums, optional_millionths, optional_positive
from connectors.channels.shopify_fields import told
from schemas.orders import Discount, OrderLine

_WEEE = "weee_tax_applied_row_amount"
_WRAPPING = ("gw_price", "gw_items_price", "gw_card_price")
_PAID_BEFORE = ("gift_cards_amount", "customer_balance_amount", "reward_currency_amount")
"""What `grand_total` is without."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """An order's lines and what else its total is made of, in minor units."""

    lines: list[OrderLine]
    discount_minor: int
    shipping_minor: int
    added_minor: int


@dataclass(frozen=True, slots=True)
class _Discounts:
    """What is taken off, without the tax in it, in millionths."""

    of_lines: dict[str, int]
    of_shipping: int
    of_order: int


def read(order: Fields, currency: str) -> Amounts:
    """The lines that still have pieces, and the sums beside them."""
    found = items(order)
    if found and not any(item.left for item in found):
        detail = "items has no piece left: all were cancelled or refunded"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "items", detail)
    left = [item for item in found if item.left]
    discounts = _discounts(order, left)
    sums = Sums(currency)
    pickup = told(lambda: _pickup_location(order), "")
    known = {item.line_id for item in left}
    lines = [
        _line(item, sums, currency, discounts.of_lines.get(item.line_id, 0), pickup, known)
        for item in left
    ]
    mapping.check_lines(lines, "items")
    shipping = max(0, _left(order, "shipping_amount") - discounts.of_shipping)
    over = max(0, discounts.of_shipping - _left(order, "shipping_amount"))
    added, off = _added(order, found)
    off += discounts.of_order + over
    amounts = Amounts(
        lines=lines,
        discount_minor=-sums.minor(-off),
        shipping_minor=sums.minor(shipping),
        added_minor=sums.minor(added),
    )
    mapping.check_sum((amounts.discount_minor,), "discount_amount")
    mapping.check_sum((amounts.shipping_minor,), "shipping_amount")
    mapping.check_sum((amounts.added_minor,), "tax_amount")
    return amounts


def _line(
    item: Item, sums: Sums, currency: str, discount: int, pickup: str, known: set[str]
) -> OrderLine:
    line = item.fields
    price, per = shop_fields.unit_price(sums.minor(item.share("row_total")), item.left)
    title = told(lambda: line.optional_text("name"), "")
    tax = Sums(currency).minor(item.share("tax_amount"))
    mapping.check_sum((tax,), line.path("tax_amount"))
    return OrderLine(
        line_id=item.line_id,
        sku=item.sku(title),
        quantity=item.left,
        unit_price_minor=price,
        per=per,
        kind=item.kind(title),
        parent_line_id=item.bundle_id if item.bundle_id in known else "",
        title=title,
        discount_minor=-sums.minor(-discount),
        tax_minor=tax,
        tax_rate_ppm=shop_fields.rate_ppm(line.raw("tax_percent")),
        pickup_location_id=pickup if item.is_goods(title) else "",
    )


def _discounts(order: Fields, left: list[Item]) -> _Discounts:
    """By line and for shipping, where that is not more than the order says; else in one sum."""
    whole = _left(order, "discount_amount")
    whole -= optional_millionths(order, "discount_tax_compensation_amount")
    whole += optional_millionths(order, "discount_tax_compensation_refunded")
    whole -= optional_millionths(order, "shipping_discount_tax_compensation_amount")
    of_lines = {
        item.line_id: max(
            0, item.share("discount_amount") - item.share("discount_tax_compensation_amount")
        )
        for item in left
    }
    of_shipping = max(
        0,
        optional_positive(order, "shipping_discount_amount")
        - optional_millionths(order, "shipping_discount_tax_compensation_amount"),
    )
    rest = whole - sum(of_lines.values()) - of_shipping
    # Sums of rounded parts may be a little above the rounded sum.
    if rest < 0:
        return _Discounts({}, 0, max(0, whole))
    return _Discounts(of_lines, of_shipping, rest)


def _left(order: Fields, name: str) -> int:
    """An order's amount without its sign, less what was refunded and cancelled of it."""
    stem = name.removesuffix("_amount")
    amount = abs(optional_millionths(order, name))
    for what in ("refunded", "canceled"):
        amount -= abs(optional_millionths(order, f"{stem}_{what}"))
    return max(0, amount)


def _added(order: Fields, found: list[Item]) -> tuple[int, int]:
    """What is added to lines and shipping, and what is taken off them besides discounts."""
    more = order.optional_object("extension_attributes")
    added = _left(order, "tax_amount")
    added += sum(item.share(_WEEE) for item in found if item.left)
    added += sum(_also(order, more, name) for name in _WRAPPING)
    added += optional_positive(order, "adjustment_negative")
    off = sum(_also(order, more, name) for name in _PAID_BEFORE)
    off += optional_positive(order, "adjustment_positive")
    return added, off


def _also(order: Fields, more: Fields | None, name: str) -> int:
    """An amount of the order's extension attributes, or of the order itself."""
    if more is not None and more.has(name):
        return abs(optional_millionths(more, name))
    return abs(optional_millionths(order, name))


def discounts(order: Fields, currency: str) -> list[Discount]:
    """The discount with its coupon or description, for people."""
    minor = Sums(currency).minor(abs(optional_millionths(order, "discount_amount")))
    if not minor:
        return []
    mapping.check_sum((minor,), "discount_amount")
    code = order.optional_text("coupon_code") or order.optional_text("discount_description")
    return [Discount(code or "discount", minor)]


def _pickup_location(order: Fields) -> str:
    """The source from which the customer fetches the order; empty where it is sent."""
    more = order.optional_object("extension_attributes")
    if more is None or not more.has("pickup_location_code"):
        return ""
    return more.identifier("pickup_location_code")
