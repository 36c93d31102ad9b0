"""The line items and sums of an eBay order.

lineItemCost is the price of all units of a line before discounts, and discountedLineItemCost the
same after its own. pricingSummary has the sums of the order, where discounts are below 0. Tax that
eBay collects and remits stands in ebayCollectAndRemitTaxes, and is only in the total where the
order's own tax has it too. Refunds are sums, never pieces, and leave the total as it is.
Source: eBay Sell Fulfillment API v1: `LineItem`, `PricingSummary`, `Amount`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import unit_price
from connectors.channels.shopify_fields import told
from schemas.orders import Discount, LineKind, OrderLine

_SUMMARY = "pricingSummary"


@dataclass
class Sums:
    """What an order comes to, in minor units of its currency."""

    currency: str
    total_minor: int
    lines: list[OrderLine] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    discount_minor: int = 0
    shipping_minor: int = 0
    added_minor: int = 0
    """taxes, fees, and what the seller has added since"""


def read(order: Fields, pickup: str) -> Sums:
    """What the order comes to. `pickup` is where it is fetched; empty: it is sent. Raises
    Rejected.
    """
    if not order.has("lineItems"):
        raise Rejected("incomplete", "lineItems", "lineItems is missing: the order without them")
    if not order.has(_SUMMARY):
        detail = "pricingSummary is missing: the order without what it costs"
        raise Rejected("incomplete", _SUMMARY, detail)
    summary = order.object(_SUMMARY)
    total = summary.object("total")
    currency = total.currency("currency")
    sums = Sums(currency, total.amount("value", currency))
    tax = 0
    for item in order.objects("lineItems"):
        sums.lines.append(_line(item, currency, pickup))
        tax += sums.lines[-1].tax_minor
        sums.discounts += _promotions(item, sums.lines[-1])
    mapping.check_lines(sums.lines, "lineItems")
    _add_summary(sums, summary, order, tax)
    return sums


def _line(item: Fields, currency: str, pickup: str) -> OrderLine:
    quantity = item.quantity("quantity")
    cost = _amount(item, "lineItemCost", currency)
    if cost < 0:
        path = item.path("lineItemCost.value")
        raise Rejected("invalid_amount", path, f"{path} is negative")
    less = 0
    if item.has("discountedLineItemCost"):
        less = cost - _amount(item, "discountedLineItemCost", currency)
    if not 0 <= less <= cost:
        path = item.path("discountedLineItemCost.value")
        raise Rejected("invalid_amount", path, f"{path} is not between 0 and lineItemCost")
    sku, title = _sku(item), told(lambda: item.optional_text("title"), "")
    if not sku and not title:
        path = item.path("sku")
        raise Rejected("missing_field", path, f"{path} is missing or empty")
    price, per = unit_price(cost, quantity)
    return OrderLine(
        line_id=item.identifier("lineItemId"),
        sku=sku,
        quantity=quantity,
        unit_price_minor=price,
        per=per,
        kind=LineKind.GOODS if sku else LineKind.CUSTOM,
        title=title,
        discount_minor=less,
        tax_minor=_taxes(item, currency),
        pickup_location_id=pickup if sku else "",
    )


def _sku(item: Fields) -> str:
    """The seller's SKU, or else what eBay calls the variation or the listing."""
    for name in ("sku", "legacyVariationId", "legacyItemId"):
        value = item.raw(name)
        blank = value is None or (isinstance(value, str) and not value.strip())
        # A listing without variations may have the variation 0.
        if not blank and not (name == "legacyVariationId" and value in ("0", 0)):
            return item.identifier(name)
    return ""


def _taxes(item: Fields, currency: str) -> int:
    """What stands in `taxes`, which is not what eBay collects and remits by itself."""
    taxes = sum(_amount(tax, "amount", currency) for tax in item.objects("taxes"))
    if taxes < 0:
        path = item.path("taxes")
        raise Rejected("invalid_amount", path, f"{path} comes to less than 0")
    return taxes


def _promotions(item: Fields, line: OrderLine) -> list[Discount]:
    if not line.discount_minor:
        return []
    nothing: list[Fields] = []
    promotions = told(lambda: item.objects("appliedPromotions"), nothing)
    first = promotions[0] if len(promotions) == 1 else Fields({})
    code = told(lambda: first.optional_text("promotionId"), "")
    return [Discount(code, line.discount_minor, line.line_id)]


def _add_summary(sums: Sums, summary: Fields, order: Fields, of_lines: int) -> None:
    """Add what the order has beyond its lines. Raises Rejected."""

    def amount(name: str) -> int:
        return _amount(summary, name, sums.currency) if summary.has(name) else 0

    taken = sum(line.discount_minor for line in sums.lines)
    # eBay called it priceDiscountSubtotal in earlier versions.
    given = "priceDiscount" if summary.has("priceDiscount") else "priceDiscountSubtotal"
    beyond = max(0, abs(amount(given)) - taken)
    if beyond:
        sums.discounts.append(Discount("", beyond))
    delivery = amount("deliveryCost")
    if not summary.has("deliveryCost"):
        delivery = sum(_delivery(item, sums.currency) for item in order.objects("lineItems"))
    shipping = delivery - abs(amount("deliveryDiscount"))
    adjustment = amount("adjustment")
    sums.shipping_minor = max(0, shipping)
    sums.discount_minor = beyond + max(0, -shipping) + max(0, -adjustment)
    fees = amount("fee") + max(0, adjustment)
    goods = sum(line.unit_price_minor * line.quantity // line.per for line in sums.lines)
    for part in (goods + sums.shipping_minor, fees, sums.discount_minor, of_lines):
        mapping.check_sum((part,), _SUMMARY)
    tax = amount("tax")
    if not summary.has("tax"):
        rest = goods - taken - sums.discount_minor + sums.shipping_minor + fees
        tax = of_lines if rest + of_lines == sums.total_minor else 0
    sums.added_minor = mapping.check_sum((fees, tax), _SUMMARY)
    if delivery < 0 or fees < 0 or tax < 0:
        path = _SUMMARY
        raise Rejected("invalid_amount", path, f"{path} has a cost, fee or tax of less than 0")


def _delivery(item: Fields, currency: str) -> int:
    cost = item.optional_object("deliveryCost")
    if cost is None:
        return 0
    names = ("shippingCost", "shippingIntermediationFee", "importCharges")
    return sum(_amount(cost, name, currency) for name in names if cost.has(name))


def _amount(fields: Fields, name: str, currency: str) -> int:
    """An amount in the order's currency, also where eBay has converted it into another one."""
    amount = fields.object(name)
    if amount.currency("currency") == currency:
        return amount.balance("value", currency)
    if amount.raw("convertedFromCurrency") == currency:
        return amount.balance("convertedFromValue", currency)
    path = amount.path("currency")
    raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
