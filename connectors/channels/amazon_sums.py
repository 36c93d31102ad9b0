"""What the items of an Amazon order come to, in either version of its Orders API.

Prices are those of a whole item, whatever its quantity. Whether they include tax depends on the
marketplace: where VAT or consumption tax is shown to shoppers it is within ItemPrice, in North
America it comes on top. And tax that Amazon withholds as marketplace facilitator or as deemed
reseller need not be in what the order says that it costs. So all that the order says is compared:
tax counts as added where prices and tax together are the total, and as included, or as none of
ours, where the prices alone are.
Source: Selling Partner API, Orders, `OrderItem` and `TaxCollection`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import unit_price
from connectors.channels.shopify_fields import told
from schemas.orders import Discount, LineKind, OrderLine

_TAX_ON_TOP = frozenset(
    {
        "ATVPDKIKX0DER",  # United States
        "A2EUQ1WTGCTBG2",  # Canada
        "A1AM78C64UM0Y8",  # Mexico
    }
)
"""Marketplaces that show prices without tax. Source: Selling Partner API, Marketplace IDs."""
_CURRENCIES = {
    "ATVPDKIKX0DER": "USD",
    "A2EUQ1WTGCTBG2": "CAD",
    "A1AM78C64UM0Y8": "MXN",
    "A2Q3Y263D00KWC": "BRL",
    "A1F83G8C2ARO7P": "GBP",
    "A1PA6795UKMFR9": "EUR",
    "A13V1IB3VIYZZH": "EUR",
    "APJ6JRA9NG5V4": "EUR",
    "A1RKKUPIHCS9HS": "EUR",
    "A1805IZSGTT6HS": "EUR",
    "AMEN7PMS3EDWL": "EUR",
    "A28R8C7NBKEWEA": "EUR",
    "A2NODRKZP88ZB9": "SEK",
    "A1C3SOZRARQ6R3": "PLN",
    "A33AVAJ2PDY3EV": "TRY",
    "A2VIGQ35RCS4UG": "AED",
    "A17E79C6D8DWNP": "SAR",
    "ARBP9OOSHTCHU": "EGP",
    "AE08WJ6YKNBMC": "ZAR",
    "A21TJRUUN4KGV": "INR",
    "A19VAU5U5O7RUS": "SGD",
    "A39IBJ37TRP1C6": "AUD",
    "A1VC38T7YXB528": "JPY",
}
"""Currencies of the marketplaces, for replacements, which come without any amount."""


Names = tuple[str, str, str, str]
"""What an item's id, quantity, SKU and title are called."""


@dataclass
class Charged:
    """What one item comes to, in minor units."""

    goods: int = 0
    discount: int = 0
    shipping: int = 0
    """less what is waived of it"""
    fees: int = 0
    """gift wrap, cash on delivery and others"""
    goods_tax: int = 0
    """after discounts"""
    other_tax: int = 0


@dataclass
class Sums:
    """What an order comes to, in minor units."""

    lines: list[OrderLine] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    shipping_minor: int = 0
    discount_minor: int = 0
    tax_minor: int = 0
    prices_include_tax: bool = False


def line(
    item: Fields, product: Fields, names: Names, charged: Charged, pickup: str = ""
) -> OrderLine:
    """A line of an item. One without a SKU is known by its title. `pickup` is the store at which
    it is fetched. Raises Rejected.
    """
    key, quantity_name, sku_name, title_name = names
    quantity = item.quantity(quantity_name)
    title = told(lambda: product.optional_text(title_name), "")
    sku = product.raw(sku_name)
    has_sku = bool(sku.strip()) if isinstance(sku, str) else sku is not None
    price, per = unit_price(charged.goods, quantity)
    return OrderLine(
        line_id=item.identifier(key),
        sku=product.identifier(sku_name) if has_sku or not title else "",
        quantity=quantity,
        unit_price_minor=price,
        per=per,
        kind=LineKind.GOODS if has_sku or not title else LineKind.CUSTOM,
        title=title,
        discount_minor=charged.discount,
        tax_minor=max(0, charged.goods_tax),
        pickup_location_id=pickup if has_sku or not title else "",
    )


def summed(
    lines: list[OrderLine], items: list[Charged], total: int, marketplace: str, path: str
) -> Sums:
    """All items of an order that says that it costs `total`. Raises Rejected."""
    mapping.check_lines(lines, path)
    goods = mapping.check_sum((one.goods for one in items), path)
    shipping = sum(one.shipping for one in items)
    fees = sum(one.fees for one in items)
    tax = sum(one.goods_tax + one.other_tax for one in items)
    for part in (abs(shipping), fees, tax, sum(one.discount for one in items)):
        mapping.check_sum((part,), path)
    net = goods - sum(one.discount for one in items) + shipping + fees
    if fees < 0 or tax < 0 or fees + tax < 0:
        raise Rejected("invalid_amount", path, f"{path} has fees or taxes that come to less than 0")
    on_top = marketplace in _TAX_ON_TOP
    withheld = on_top and tax > 0 and net == total
    if tax and net + tax == total:
        on_top = True
    if withheld:
        lines = [replace(each, tax_minor=0) for each in lines]
        tax = 0
    sums = Sums(lines, shipping_minor=max(0, shipping), discount_minor=max(0, -shipping))
    sums.tax_minor = mapping.check_sum((fees, tax if on_top else 0), path)
    sums.prices_include_tax = not on_top
    sums.discounts = [
        Discount("", each.discount_minor, each.line_id) for each in lines if each.discount_minor
    ]
    return sums


def currency_of(marketplace: str) -> str:
    """ISO 4217 code; empty for a marketplace that is not known."""
    return _CURRENCIES.get(marketplace, "")
