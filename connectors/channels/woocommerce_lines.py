"""The lines of a WooCommerce order, and what is added to or taken off their sum.

WooCommerce gives each line without tax, before coupons (`subtotal`) and after them (`total`), with
the tax of both beside. Where the shop's prices include tax, price and tax of a line are one amount
here; elsewhere the order's tax is added. Both are how WooCommerce itself comes to `total`: lines
and shipping after coupons, fees, and the tax of all of them.
Source: WooCommerce REST API documentation v3, Orders (line items, fee lines, shipping lines, coupon
lines); Product Bundles, Composite Products and Mix and Match Products, REST reference
(`bundled_by`, `composite_parent`) and their order item meta; Gift Cards, REST reference
(`gift_cards`, which `total` is without).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from connectors.channels import mapping, shop_fields
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import Sums, optional_millionths, optional_positive, positive
from connectors.channels.shopify_fields import told
from connectors.channels.woocommerce_bundles import containers
from connectors.channels.woocommerce_refunds import Gone, Refunded
from schemas.money import MAXIMUM_MINOR
from schemas.orders import Discount, LineKind, OrderLine
from schemas.totals import rounded

_MOST_DISCOUNTS = 500
_PICKUP_METHODS = frozenset({"local_pickup", "pickup_location"})


@dataclass(frozen=True, slots=True)
class Amounts:
    """An order's lines and what else its total is made of, in minor units."""

    lines: list[OrderLine]
    discount_minor: int
    shipping_minor: int
    added_minor: int
    """tax on top, fees, and what was kept of lines that are gone"""


@dataclass(frozen=True, slots=True)
class _Item:
    """What is left of a line, in millionths; with tax where prices include it."""

    fields: Fields
    line_id: str
    quantity: int
    price: int
    discount: int
    tax: int


def read(order: Fields, currency: str, refunded: Refunded) -> Amounts:
    """The lines that still have pieces, and the sums beside them."""
    gross = order.boolean("prices_include_tax")
    found = order.objects("line_items")
    items = [_item(line, gross, refunded) for line in found]
    left = [item for item in items if item.quantity]
    if found and not left:
        detail = "line_items has no piece left: all were refunded"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "line_items", detail)
    sums = Sums(currency)
    known = {item.line_id for item in left}
    parents = {
        part: container
        for part, container in containers(found).items()
        if part in known and container in known
    }
    no_rates: dict[str, int] = {}
    rates = told(partial(_rates, order), no_rates)
    pickup = told(lambda: _pickup_location(order), "")
    lines = [_line(item, sums, Sums(currency), parents, rates, pickup) for item in left]
    mapping.check_lines(lines, "line_items")
    kept = sum(item.price - item.discount for item in items if not item.quantity)
    return _with_sums(order, lines, gross, sums, refunded, kept)


def _item(line: Fields, gross: bool, refunded: Refunded) -> _Item:
    line_id = line.identifier("id")
    ordered = line.quantity("quantity")
    gone = refunded.of_lines.get(line_id, Gone())
    left = ordered - gone.quantity
    if left < 0:
        path = line.path("quantity")
        raise Rejected("invalid_quantity", path, f"{path} is less than what was refunded of it")
    total, tax = positive(line, "total"), optional_positive(line, "total_tax")
    price = positive(line, "subtotal") if line.has("subtotal") else total
    total -= gone.total
    if gross:
        price += optional_positive(line, "subtotal_tax") if line.has("subtotal") else tax
        total += tax - gone.tax
    # Staff may set a line's total above its subtotal; then it is the price.
    price = max(rounded(price * left, ordered), total)
    return _Item(line, line_id, left, price, price - total, max(0, tax - gone.tax))


def _line(
    item: _Item,
    sums: Sums,
    tax: Sums,
    parents: dict[str, str],
    rates: dict[str, int],
    pickup: str,
) -> OrderLine:
    line = item.fields
    title = told(lambda: line.optional_text("name"), "")
    sku = line.raw("sku")
    has_sku = bool(sku.strip()) if isinstance(sku, str) else sku is not None
    kind = LineKind.GOODS if has_sku or not title else LineKind.CUSTOM
    parent = parents.get(item.line_id, "")
    # A container in a container stands by itself, as a bundle is a part of none.
    if item.line_id in parents.values():
        kind = LineKind.BUNDLE
    price, per = shop_fields.unit_price(sums.minor(item.price), item.quantity)
    return OrderLine(
        line_id=item.line_id,
        sku=line.identifier("sku") if has_sku or not title else "",
        quantity=item.quantity,
        unit_price_minor=price,
        per=per,
        kind=kind,
        parent_line_id="" if kind == LineKind.BUNDLE else parent,
        title=title,
        discount_minor=-sums.minor(-item.discount),
        tax_minor=min(tax.minor(item.tax), MAXIMUM_MINOR),
        tax_rate_ppm=told(lambda: _rate(line, rates), 0),
        pickup_location_id=pickup if kind == LineKind.GOODS else "",
    )


def _with_sums(
    order: Fields,
    lines: list[OrderLine],
    gross: bool,
    sums: Sums,
    refunded: Refunded,
    kept: int,
) -> Amounts:
    fees = [
        optional_millionths(fee, "total") + (optional_millionths(fee, "total_tax") if gross else 0)
        for fee in order.objects("fee_lines")
    ]
    cards = sum(positive(card, "amount") for card in order.objects("gift_cards"))
    shipping = _shipping(order, gross)
    added = [fee for fee in fees if fee > 0]
    if not gross:
        added.append(optional_positive(order, "total_tax"))
    added.append(max(0, kept))
    # What was refunded beyond lines: shipping, fees, tax, or a sum that is for nothing of these.
    of_lines = sum(gone.total + (gone.tax if gross else 0) for gone in refunded.of_lines.values())
    off = [fee for fee in fees if fee < 0]
    off += [-cards, min(0, kept), of_lines - refunded.amount]
    discount = sum(-sums.minor(amount) for amount in off)
    amounts = Amounts(
        lines=lines,
        discount_minor=max(0, discount),
        shipping_minor=sums.minor(shipping),
        added_minor=sum(sums.minor(amount) for amount in added) - min(0, discount),
    )
    mapping.check_sum((amounts.discount_minor,), "fee_lines")
    mapping.check_sum((amounts.shipping_minor,), "shipping_total")
    mapping.check_sum((amounts.added_minor,), "total_tax")
    return amounts


def _shipping(order: Fields, gross: bool) -> int:
    """Shipping; with its tax where prices include it."""
    if order.has("shipping_total"):
        tax = optional_positive(order, "shipping_tax") if gross else 0
        return positive(order, "shipping_total") + tax
    return sum(
        positive(line, "total") + (optional_positive(line, "total_tax") if gross else 0)
        for line in order.objects("shipping_lines")
    )


def discounts(order: Fields, currency: str) -> list[Discount]:
    """The coupons with their sums, for people; the lines bear them."""
    gross = order.boolean("prices_include_tax")
    found = []
    for coupon in order.objects("coupon_lines")[:_MOST_DISCOUNTS]:
        amount = optional_positive(coupon, "discount")
        if gross:
            amount += optional_positive(coupon, "discount_tax")
        if minor := Sums(currency).minor(amount):
            mapping.check_sum((minor,), coupon.path("discount"))
            found.append(Discount(coupon.text("code"), minor))
    return found


def shipping_method(order: Fields) -> str:
    """What the first way of shipping is called; empty where there is none."""
    found = order.objects("shipping_lines")
    if not found:
        return ""
    return found[0].optional_text("method_title") or found[0].optional_text("method_id")


def shipping_tax_rate(order: Fields) -> int:
    """Of the first shipping line that is taxed, in millionths."""
    rates = _rates(order)
    return next(filter(None, (_rate(line, rates) for line in order.objects("shipping_lines"))), 0)


def _rates(order: Fields) -> dict[str, int]:
    """The tax rates of the order by id, in millionths."""
    return {
        line.identifier("rate_id"): shop_fields.rate_ppm(line.raw("rate_percent"))
        for line in order.objects("tax_lines")
    }


def _rate(line: Fields, rates: dict[str, int]) -> int:
    """The sum of the rates at which a line is taxed."""
    return sum(
        rates.get(tax.identifier("id"), 0)
        for tax in line.objects("taxes")
        if optional_millionths(tax, "total")
    )


def _pickup_location(order: Fields) -> str:
    """The name of the location where the customer fetches all of the order; empty for none."""
    found = order.objects("shipping_lines")
    if not found or not all(line.optional_text("method_id") in _PICKUP_METHODS for line in found):
        return ""
    for meta in found[0].objects("meta_data"):
        if meta.raw("key") == "pickup_location":
            return meta.identifier("value")
    return ""
