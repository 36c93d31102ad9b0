"""Lines, discounts, shipping and tax of a commercetools order.

A line's price is `price.discounted` or else `price`, and cart discounts make it the prices in
`discountedPricePerQuantity`. `totalPrice` includes tax where the tax rate says `includedInPrice`;
an order may have both kinds. `taxedPrice` of the order says what is paid with tax.
Source: commercetools Composable Commerce HTTP API, types LineItem, CustomLineItem, ShippingInfo,
TaxedItemPrice and DiscountOnTotalPrice; Carts, "Price selection" and "Tax calculation" (2025).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from connectors.channels import commercetools_money as money
from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from schemas.money import MAXIMUM_MINOR
from schemas.orders import Discount, LineKind, OrderLine
from schemas.totals import line_total, part_of, rounded

_WITHOUT_NAME = "discount"
_MOST_DISCOUNTS = 500
T = TypeVar("T")


def told(read: Callable[[], T], otherwise: T) -> T:
    """What `read` gives, or `otherwise` where it cannot: for what no sum of the order hangs on."""
    try:
        return read()
    except Rejected:
        return otherwise


@dataclass(frozen=True, slots=True)
class Priced:
    """What an item of the order costs, in minor units."""

    unit_minor: int
    per: int
    discount_minor: int
    quantity: int

    @property
    def total_minor(self) -> int:
        """What it comes to after its discount."""
        return rounded(self.unit_minor * self.quantity, self.per) - self.discount_minor


@dataclass(frozen=True, slots=True)
class Basket:
    """All that an order is made of."""

    lines: list[OrderLine]
    discount_minor: int
    discounts: list[Discount]
    shipping_minor: int
    shipping_method: str
    shipping_tax_rate_ppm: int
    tax_minor: int
    prices_include_tax: bool


def read(order: Fields, currency: str, addresses: dict[str, int]) -> Basket:
    """The basket of an order. `addresses` are places in the order's list, by key.

    Raises Rejected.
    """
    items = [*order.objects("lineItems"), *order.objects("customLineItems")]
    shippings = _shippings(order)
    flags = {_includes(each, currency) for each in (*items, *shippings)} - {None}
    included = flags == {True} or (not flags and _order_includes(order, currency))
    # Where both kinds stand side by side, all are read without tax.
    net = len(flags) > 1
    lines: list[OrderLine] = []
    nothing: list[Discount] = []
    discount, discounts = _of_total(order, currency, net)
    for item in items:
        priced = _net(item, currency) if net else _priced(item, currency)
        if priced.total_minor < 0 or priced.unit_minor < 0:
            discount -= priced.total_minor
            name = money.localized(item, "name", order.raw("locale")) or _WITHOUT_NAME
            discounts.append(Discount(name, max(0, -priced.total_minor)))
            continue
        line = _line(item, priced, currency, order.raw("locale"))
        lines += _sent(item, line, addresses)
        discounts += told(partial(_of_line, item, line, currency), nothing)
    if items and not lines:
        detail = "lineItems and customLineItems have nothing to deliver"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "lineItems", detail)
    mapping.check_lines(lines, "lineItems")
    shipping = sum(_shipping(each, currency, net) for each in shippings)
    if discount < 0 or shipping < 0:
        raise Rejected("invalid_amount", "totalPrice", "discounts or shipping are below 0")
    return Basket(
        lines=lines,
        discount_minor=mapping.check_sum((discount,), "discountOnTotalPrice"),
        discounts=[each for each in discounts if each.amount_minor][:_MOST_DISCOUNTS],
        shipping_minor=mapping.check_sum((shipping,), "shippingInfo"),
        shipping_method=told(lambda: _method(shippings), ""),
        shipping_tax_rate_ppm=next(filter(None, map(_rate_ppm, shippings)), 0),
        tax_minor=0 if included else _tax(order, currency),
        prices_include_tax=included,
    )


def total(order: Fields, currency: str) -> int:
    """What the customer pays: with tax, as soon as commercetools has computed it."""
    taxed = order.optional_object("taxedPrice")
    if taxed is not None:
        return money.positive(taxed, "totalGross", currency)
    return money.positive(order, "totalPrice", currency)


def _line(item: Fields, priced: Priced, currency: str, locale: object) -> OrderLine:
    variant = item.optional_object("variant")
    title = money.localized(item, "name", locale)
    sku = ""
    if variant is not None and (variant.has("sku") or not title):
        sku = variant.identifier("sku")
    elif not title:
        title = item.text("slug" if item.has("slug") else "name")
    return OrderLine(
        line_id=item.identifier("id"),
        sku=sku,
        quantity=priced.quantity,
        unit_price_minor=priced.unit_minor,
        per=priced.per,
        kind=LineKind.GOODS if sku else LineKind.CUSTOM,
        title=title,
        discount_minor=priced.discount_minor,
        tax_minor=told(lambda: _item_tax(item, currency), 0),
        tax_rate_ppm=_rate_ppm(item),
    )


def _priced(item: Fields, currency: str) -> Priced:
    """A line by its prices; by its total where only that is set, or the price is too precise."""
    quantity = item.quantity("quantity")
    held, name = _price_held(item, quantity)
    if not held.has(name) or item.raw("priceMode") == "ExternalTotal":
        return _by_total(money.minor(item, "totalPrice", currency), quantity)
    unit, per = money.price(held, name, currency)
    full = rounded(unit * quantity, per)
    if abs(full) > MAXIMUM_MINOR:
        path = held.path(name)
        raise Rejected("invalid_amount", path, f"{path} comes to more than any order may")
    after, exact = _after_discounts(item, currency, quantity, full)
    if per > 1 or not exact:
        claimed = money.minor(item, "totalPrice", currency) if item.has("totalPrice") else after
        # commercetools rounds as its project says; a unit of rounding is not a difference.
        after = claimed if not exact or abs(claimed - after) <= 1 else after
    if after == full:
        return Priced(unit, per, 0, quantity)
    if after > full or after < 0 or per > 1:
        return _by_total(after, quantity)
    return Priced(unit, per, full - after, quantity)


def _price_held(item: Fields, quantity: int) -> tuple[Fields, str]:
    """Where the price for so many pieces stands: `discounted`, a tier, the price, or `money`."""
    price = item.optional_object("price")
    if price is None:
        return item, "money"
    discounted = price.optional_object("discounted")
    if discounted is not None:
        return discounted, "value"
    tiers = [(each.quantity("minimumQuantity"), each) for each in price.objects("tiers")]
    reached = [(least, each) for least, each in tiers if least <= quantity]
    return max(reached, key=lambda tier: tier[0], default=(0, price))[1], "value"


def _after_discounts(item: Fields, currency: str, quantity: int, full: int) -> tuple[int, bool]:
    """What a line comes to after cart discounts, and whether no rounding is in that."""
    parts = item.objects("discountedPricePerQuantity")
    if not parts:
        # Orders from before 2015 have one discounted price for all pieces of a line.
        one = item.optional_object("discountedPrice")
        if one is None:
            return full, True
        unit, per = money.price(one, "value", currency)
        return rounded(unit * quantity, per), per == 1
    after = pieces = 0
    exact = True
    for part in parts:
        count = part.quantity("quantity")
        unit, per = money.price(part.object("discountedPrice"), "value", currency)
        after += rounded(unit * count, per)
        pieces += count
        exact = exact and per == 1
    if pieces != quantity:
        path = item.path("discountedPricePerQuantity")
        raise Rejected("invalid_quantity", path, f"{path} is not about as many pieces as the line")
    return after, exact


def _by_total(amount: int, quantity: int) -> Priced:
    if amount % quantity:
        return Priced(amount, quantity, 0, quantity)
    return Priced(amount // quantity, 1, 0, quantity)


def _net(item: Fields, currency: str) -> Priced:
    """A line without its tax."""
    if not item.has("taxedPrice"):
        return _priced(item, currency)
    amount = money.minor(item.object("taxedPrice"), "totalNet", currency)
    return _by_total(amount, item.quantity("quantity"))


def _item_tax(item: Fields, currency: str) -> int:
    taxed = item.optional_object("taxedPrice")
    return max(0, _tax_of(taxed, currency)) if taxed is not None else 0


def _tax(order: Fields, currency: str) -> int:
    """Tax on top of the prices."""
    taxed = order.optional_object("taxedPrice")
    if taxed is None:
        return 0
    tax = _tax_of(taxed, currency)
    if tax < 0:
        raise Rejected("invalid_amount", "taxedPrice", "taxedPrice has a tax below 0")
    return tax


def _tax_of(taxed: Fields, currency: str) -> int:
    if taxed.has("totalTax"):
        return money.minor(taxed, "totalTax", currency)
    return money.minor(taxed, "totalGross", currency) - money.minor(taxed, "totalNet", currency)


def _rate(item: Fields) -> Fields | None:
    """The tax rate of a line or of shipping; of the first method where there are several."""
    rate = item.optional_object("taxRate")
    if rate is None:
        several = item.objects("perMethodTaxRate")
        rate = several[0].optional_object("taxRate") if several else None
    return rate


def _rate_ppm(item: Fields) -> int:
    return told(lambda: money.rate_ppm(_rate(item)), 0)


def _includes(item: Fields, currency: str) -> bool | None:
    """The item's price includes tax; None where it says nothing about that, or costs nothing."""
    rate = _rate(item)
    name = "totalPrice" if item.has("totalPrice") else "price"
    if item.has(name) and told(lambda: money.minor(item, name, currency), 1) == 0:
        return None
    if rate is not None and rate.has("includedInPrice"):
        # At a rate of 0 both are the same, and its flag should not decide for the others.
        return (
            None if told(lambda: money.rate_ppm(rate), 1) == 0 else rate.boolean("includedInPrice")
        )
    return _same(item, name, currency)


def _order_includes(order: Fields, currency: str) -> bool:
    return _same(order, "totalPrice", currency) is True


def _same(fields: Fields, name: str, currency: str) -> bool | None:
    """The price is the gross of its taxedPrice; None where it is gross and net, or neither."""
    taxed = fields.optional_object("taxedPrice")
    if taxed is None or not fields.has(name) or not taxed.has("totalNet"):
        return None
    told_price = told(lambda: money.minor(fields, name, currency), 0)
    net, gross = (
        told(partial(money.minor, taxed, side, currency), 0) for side in ("totalNet", "totalGross")
    )
    if net == gross or told_price not in (net, gross):
        return None
    return bool(told_price == gross)


def _of_total(order: Fields, currency: str, net: bool) -> tuple[int, list[Discount]]:
    """What is off the whole order."""
    held = order.optional_object("discountOnTotalPrice")
    if held is None:
        return 0, []
    name = "discountedNetAmount" if net and held.has("discountedNetAmount") else "discountedAmount"
    amount = money.positive(held, name, currency)
    return amount, [Discount(told(lambda: _discount_name(held), _WITHOUT_NAME), amount)]


def _discount_name(held: Fields) -> str:
    """What a discount is known by: its key or name where it is expanded, or else its id."""
    included = held.objects("includedDiscounts")
    discount = included[0].optional_object("discount") if included else None
    if discount is None:
        return _WITHOUT_NAME
    full = discount.optional_object("obj") or discount
    known = full.optional_text("key") or money.localized(full, "name", "")
    return known or full.optional_text("id") or _WITHOUT_NAME


def _of_line(item: Fields, line: OrderLine, currency: str) -> list[Discount]:
    if not line.discount_minor:
        return []
    parts = item.objects("discountedPricePerQuantity")
    held = parts[0].optional_object("discountedPrice") if parts else None
    name = _discount_name(held) if held is not None else _WITHOUT_NAME
    return [Discount(name, line.discount_minor, line.line_id)]


def _shippings(order: Fields) -> list[Fields]:
    """The one way of shipping, or all of them where the order has several."""
    one = order.optional_object("shippingInfo")
    several = [each.object("shippingInfo") for each in order.objects("shipping")]
    return several or ([one] if one is not None else [])


def _shipping(info: Fields, currency: str, net: bool) -> int:
    if net and info.has("taxedPrice"):
        return money.positive(info.object("taxedPrice"), "totalNet", currency)
    discounted = info.optional_object("discountedPrice")
    if discounted is not None:
        return money.positive(discounted, "value", currency)
    return money.positive(info, "price", currency)


def _method(shippings: list[Fields]) -> str:
    return shippings[0].optional_text("shippingMethodName") if shippings else ""


def _sent(item: Fields, line: OrderLine, addresses: dict[str, int]) -> list[OrderLine]:
    """The line, cut up where its pieces go to several addresses."""
    details = item.optional_object("shippingDetails")
    targets = details.objects("targets") if details is not None else []
    if details is None or not targets or line.kind != LineKind.GOODS:
        return [line]
    pieces: dict[int, int] = {}
    for target in targets:
        key = target.identifier("addressKey")
        if key not in addresses:
            path = target.path("addressKey")
            raise Rejected("incomplete", path, f"{path} is not a key in itemShippingAddresses")
        count = target.quantity("quantity", least=0)
        pieces[addresses[key]] = pieces.get(addresses[key], 0) + count
    pieces = {at: count for at, count in pieces.items() if count}
    if sum(pieces.values()) != line.quantity:
        path = details.path("targets")
        raise Rejected("incomplete", path, f"{path} do not name an address for each piece")
    return _cut(line, pieces)


def _cut(line: OrderLine, pieces: dict[int, int]) -> list[OrderLine]:
    """A line for each address; the amounts of all of them are the line's."""
    if len(pieces) == 1:
        return [_changed(line, line.line_id, next(iter(pieces)), line.quantity, 0)]
    cut = []
    already = 0
    for number, (at, count) in enumerate(pieces.items(), 1):
        line_id = line.line_id if number == 1 else f"{line.line_id}/{number}"
        cut.append(_changed(line, line_id, at, count, already))
        already += count
    return cut


def _changed(line: OrderLine, line_id: str, address: int, count: int, already: int) -> OrderLine:
    unit, per = line.unit_price_minor, line.per
    if per > 1 and count != line.quantity:
        unit, per = part_of(line_total(line), count, line.quantity, already), count
    return OrderLine(
        line_id=line_id,
        sku=line.sku,
        quantity=count,
        unit_price_minor=unit,
        per=per,
        kind=line.kind,
        title=line.title,
        discount_minor=part_of(line.discount_minor, count, line.quantity, already),
        tax_minor=part_of(line.tax_minor, count, line.quantity, already),
        tax_rate_ppm=line.tax_rate_ppm,
        address=address,
    )
