"""The lines of a Square order, its taxes, service charges and discounts.

What a line costs is its base price times its quantity, and the prices of its modifiers.
`gross_sales_money` is not read: in America and Japan it is without an inclusive tax, elsewhere with
it. Every discount, also one of the whole order, is divided among the lines by Square.

A quantity with a unit is a measure: with a precision of 3, "1.5" kilograms are 1500 pieces of a
gram, and the price buys 1000 of them. Without a unit it is a count, and "1.5" is refused.
Source: Square API, objects OrderLineItem, OrderQuantityUnit, CatalogMeasurementUnit (precision 3
where none is given), OrderLineItemModifier, OrderLineItemTax, OrderServiceCharge.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from connectors.channels import mapping
from connectors.channels.mapping import MAXIMUM_QUANTITY, Fields, Rejected
from connectors.channels.square_fulfillments import Way
from connectors.channels.square_money import balance, money, optional_money
from schemas.orders import Discount, LineKind, OrderLine
from schemas.totals import line_total, rounded

_QUANTITY = re.compile(r"[0-9]{1,10}(\.[0-9]{1,5})?", re.ASCII)
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?", re.ASCII)
_PPM_OF_PERCENT = 10_000
_DEFAULT_PRECISION = 3
_MOST_PRECISION = 5
_SHIPPING = ("shipping", "delivery", "postage")
"""In the name of a service charge with which a checkout has charged for shipping."""
MAXIMUM_DISCOUNTS = 500


@dataclass(frozen=True)
class Taxes:
    """The taxes of an order, and which of them are in its prices."""

    included: bool
    """prices include tax, and none comes on top of them"""
    added_minor: int
    """all tax on top of the prices"""
    rates: dict[str, tuple[int, bool]]
    """rate in millionths, and whether it is in the price, by the tax's uid"""


@dataclass(frozen=True)
class Charges:
    """Service charges."""

    shipping_minor: int
    other_minor: int


def taxes(order: Fields, currency: str) -> Taxes:
    """The taxes of an order. Raises Rejected.

    What is on top is all tax without what the inclusive taxes come to.
    """
    found = order.objects("taxes")
    rates: dict[str, tuple[int, bool]] = {}
    inclusive = 0
    kinds = set()
    for tax in found:
        within = tax.optional_text("type").upper() == "INCLUSIVE"
        kinds.add(within)
        if within:
            inclusive += optional_money(tax, "applied_money", currency)
        if tax.has("uid"):
            rates[tax.identifier("uid")] = (_rate(tax), within)
    total = optional_money(order, "total_tax_money", currency)
    if kinds == {True}:
        return Taxes(True, 0, rates)
    return Taxes(False, max(0, total - inclusive), rates)


def service_charges(order: Fields, currency: str) -> Charges:
    """What service charges add. Tax on top of them is in the order's tax.

    Those that the order says it has, but does not list, are no shipping.
    """
    total = optional_money(order, "total_service_charge_money", currency)
    shipping = 0
    for charge in order.objects("service_charges"):
        name = charge.optional_text("name").casefold()
        if any(word in name for word in _SHIPPING):
            shipping += optional_money(charge, "applied_money", currency)
    if not order.has("total_service_charge_money"):
        total = sum(
            optional_money(charge, "applied_money", currency)
            for charge in order.objects("service_charges")
        )
    mapping.check_sum((total,), "total_service_charge_money")
    shipping = min(shipping, total)
    return Charges(shipping, total - shipping)


def lines(
    order: Fields, currency: str, taxed: Taxes, way_of: Callable[[str], Way]
) -> list[OrderLine]:
    """All lines; those with a quantity of 0 are left out, as Square does when it is paid."""
    found = order.objects("line_items")
    read = []
    for number, line in enumerate(found, 1):
        quantity, per = _quantity(line)
        if quantity:
            read.append(_line(line, number, quantity, per, currency, taxed, way_of))
    if found and not read:
        detail = "line_items has no line with a quantity above 0"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "line_items", detail)
    mapping.check_lines(read, "line_items")
    return read


def discounts(order: Fields, currency: str, read: list[OrderLine]) -> list[Discount]:
    """What each line's discount is made of, by the names of the discounts.

    Empty where it cannot be told: no sum hangs on it.
    """
    try:
        named = {
            each.identifier("uid"): each.optional_text("name")
            for each in order.objects("discounts")
            if each.has("uid")
        }
        known = {line.line_id for line in read}
        made_of = [
            Discount(
                named.get(part.optional_text("discount_uid"), ""),
                optional_money(part, "applied_money", currency),
                line_id,
            )
            for number, line in enumerate(order.objects("line_items"), 1)
            if (line_id := _line_id(line, number)) in known
            for part in line.objects("applied_discounts")
        ]
    except Rejected:
        return []
    return [each for each in made_of if each.amount_minor][:MAXIMUM_DISCOUNTS]


def _line(
    line: Fields,
    number: int,
    quantity: int,
    per: int,
    currency: str,
    taxed: Taxes,
    way_of: Callable[[str], Way],
) -> OrderLine:
    line_id = _line_id(line, number)
    way = way_of(line_id)
    title = _title(line)
    kind = _kind(line, title, way)
    price, per = _price(line, quantity, per, currency)
    tax_minor, tax_rate_ppm = _tax(line, currency, taxed)
    goods = kind == LineKind.GOODS
    return OrderLine(
        line_id=line_id,
        sku=line.identifier("catalog_object_id")
        if line.has("catalog_object_id") or not title
        else "",
        quantity=quantity,
        unit_price_minor=price,
        per=per,
        kind=kind,
        title=title,
        discount_minor=_discount(line, currency),
        tax_minor=tax_minor,
        tax_rate_ppm=tax_rate_ppm,
        address=way.address if goods else 0,
        pickup_location_id=way.location_id if goods else "",
    )


def _line_id(line: Fields, number: int) -> str:
    return line.identifier("uid") if line.has("uid") else str(number)


def _title(line: Fields) -> str:
    names = [_told(line, "name"), _told(line, "variation_name")]
    title = ", ".join(filter(None, names))[: mapping.MAXIMUM_TEXT]
    # An amount that somebody typed in at the till need not have a name.
    return title or ("Custom amount" if _told(line, "item_type") == "CUSTOM_AMOUNT" else "")


def _told(line: Fields, name: str) -> str:
    try:
        return line.optional_text(name)
    except Rejected:
        return ""


def _kind(line: Fields, title: str, way: Way) -> str:
    """Goods have an object of the catalog; its id is what the shop's stock is known by."""
    if line.optional_text("item_type").upper() == "GIFT_CARD":
        return LineKind.GIFT_CARD
    if title and not (line.has("catalog_object_id") and way.delivered):
        return LineKind.CUSTOM
    return LineKind.GOODS


def _quantity(line: Fields) -> tuple[int, int]:
    """Pieces, and how many of them the price is for. Raises Rejected."""
    value = line.required("quantity")
    path = line.path("quantity")
    written = str(value).strip() if isinstance(value, str | int) else ""
    if isinstance(value, bool) or not _QUANTITY.fullmatch(written):
        detail = f"{path} is not a number of 0 or more, written as text"
        raise Rejected("invalid_quantity", path, detail)
    precision = _precision(line)
    per = 10**precision
    pieces = Decimal(written) * per
    if pieces != pieces.to_integral_value():
        what = "has more decimals than its unit" if precision else "is not a whole number"
        raise Rejected("invalid_quantity", path, f"{path} {what}")
    if pieces > MAXIMUM_QUANTITY:
        raise Rejected("invalid_quantity", path, f"{path} is larger than any quantity may be")
    return int(pieces), per


def _precision(line: Fields) -> int:
    """How many decimals a quantity has: 0 where it is a count.

    A precision out of Square's bounds, as placeholders in its documentation have it, measures
    nothing.
    """
    unit = line.optional_object("quantity_unit")
    if unit is None:
        return 0
    value = unit.raw("precision")
    if value is None:
        return _DEFAULT_PRECISION
    if isinstance(value, bool) or not isinstance(value, int):
        path = unit.path("precision")
        raise Rejected("wrong_type", path, f"{path} is not a whole number")
    return value if 0 <= value <= _MOST_PRECISION else 0


def _price(line: Fields, quantity: int, per: int, currency: str) -> tuple[int, int]:
    """Price with modifiers, and how many pieces it buys. Raises Rejected."""
    base = money(line, "base_price_money", currency)
    alone = rounded(base * quantity, per)
    whole = optional_money(line, "variation_total_price_money", currency)
    # Square rounds half to even; its own sum counts where it is that of this price.
    if line.has("variation_total_price_money") and abs(whole - alone) == 1 and quantity % per:
        alone = whole
    modified = sum(_modifier(each, quantity, per, currency) for each in line.objects("modifiers"))
    total = alone + modified
    if total < 0:
        path = line.path("modifiers")
        raise Rejected("invalid_amount", path, f"{path} take off more than the price")
    if not modified and _comes_to(base, quantity, per, total):
        return base, per
    return (total // quantity, 1) if per == 1 and total % quantity == 0 else (total, quantity)


def _comes_to(price: int, quantity: int, per: int, total: int) -> bool:
    """A line of this price comes to `total`."""
    return line_total(OrderLine("1", "", quantity, price, per)) == total


def _modifier(modifier: Fields, quantity: int, per: int, currency: str) -> int:
    """What a modifier adds to its line; below 0 for one that makes it cheaper."""
    if modifier.has("total_price_money"):
        return balance(modifier, "total_price_money", currency)
    if not modifier.has("base_price_money"):
        return 0
    times = modifier.quantity("quantity", least=0) if modifier.has("quantity") else 1
    return rounded(balance(modifier, "base_price_money", currency) * times * quantity, per)


def _discount(line: Fields, currency: str) -> int:
    if line.has("total_discount_money"):
        return optional_money(line, "total_discount_money", currency)
    applied = line.objects("applied_discounts")
    amounts = [optional_money(each, "applied_money", currency) for each in applied]
    return mapping.check_sum(amounts, line.path("applied_discounts"))


def _tax(line: Fields, currency: str, taxed: Taxes) -> tuple[int, int]:
    """Amount and rate (in millionths) of a line's taxes: of those on top of prices, or else in."""
    applied = line.objects("applied_taxes")
    minor = rate = 0
    for each in applied:
        uid = each.optional_text("tax_uid")
        of_tax, within = taxed.rates.get(uid, (0, False))
        if within == taxed.included:
            minor += optional_money(each, "applied_money", currency)
            rate += of_tax
    if not applied and (taxed.included or not any(inside for _, inside in taxed.rates.values())):
        minor = optional_money(line, "total_tax_money", currency)
    return mapping.check_sum((minor,), line.path("applied_taxes")), rate


def _rate(tax: Fields) -> int:
    """Of percent as text, in millionths; 0 for what cannot be read."""
    value = tax.raw("percentage")
    if not isinstance(value, str) or not _PERCENT.fullmatch(value.strip()):
        return 0
    return int(Decimal(value.strip()) * _PPM_OF_PERCENT)
