"""The items and the payment of an Amazon order in version 0 of its Orders API.

An amount of an item is that of all its pieces, and excludes what has a field of its own.
PointsGranted are given to the buyer, and are no part of what the order costs. A cancelled item
stays with a quantity of 0.
Source: Selling Partner API, Orders v0: `OrderItem`, `OrderTotal`, `PaymentExecutionDetail`.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.channels import amazon_sums, mapping
from connectors.channels.amazon_documents import ITEMS, UNFINISHED
from connectors.channels.amazon_sums import Charged, Sums
from connectors.channels.mapping import Fields, Rejected
from schemas.orders import OrderLine, Tender
from schemas.payments import Method

_NAMES = ("OrderItemId", "QuantityOrdered", "SellerSKU", "Title")


def open_items(order: Fields) -> list[Fields]:
    """The items that are not cancelled, all of them there. Raises Rejected."""
    if not order.has(ITEMS):
        detail = "OrderItems is missing: the order without its items; submit getOrderItems with it"
        raise Rejected("incomplete", ITEMS, detail)
    items = order.objects(ITEMS)
    pieces = sum(item.quantity("QuantityOrdered", least=0) for item in items)
    told = [name for name in ("NumberOfItemsShipped", "NumberOfItemsUnshipped") if order.has(name)]
    expected = sum(order.quantity(name, least=0) for name in told)
    if pieces < expected or (order.has(UNFINISHED) and len(told) < 2):
        detail = "OrderItems has not all items of the order; submit the pages that NextToken names"
        raise Rejected("incomplete", ITEMS, detail)
    if not items:
        raise Rejected("missing_field", ITEMS, f"{ITEMS} has no item")
    shipped = any(item.has("QuantityShipped") and _shipped(item) for item in items)
    if shipped:
        path = f"{ITEMS}.QuantityShipped"
        detail = "pieces of the order have been shipped at the channel; it is not sent from here"
        raise Rejected(mapping.NOTHING_TO_DELIVER, path, detail)
    left = [item for item in items if item.quantity("QuantityOrdered", least=0)]
    if not left:
        detail = "every item of the order has been cancelled"
        raise Rejected(mapping.NOTHING_TO_DELIVER, ITEMS, detail)
    return left


def _shipped(item: Fields) -> int:
    return item.quantity("QuantityShipped", least=0)


def total(order: Fields, items: Sequence[Fields], free: bool) -> tuple[int, str]:
    """What the order says that it costs, and its currency. A replacement is free."""
    if order.has("OrderTotal"):
        money = order.object("OrderTotal")
        currency = money.currency("CurrencyCode")
        return money.amount("Amount", currency), currency
    if not free:
        raise Rejected("missing_field", "OrderTotal", "OrderTotal is missing or empty")
    for item in items:
        if item.has("ItemPrice"):
            return 0, item.object("ItemPrice").currency("CurrencyCode")
    currency = amazon_sums.currency_of(order.optional_text("MarketplaceId"))
    if not currency:
        path = "OrderTotal.CurrencyCode"
        raise Rejected("missing_field", path, f"{path} is missing or empty")
    return 0, currency


def read(
    order: Fields, items: Sequence[Fields], total_minor: int, currency: str, free: bool
) -> Sums:
    """What the items come to. Raises Rejected."""
    charged = [_charged(item, currency, free) for item in items]
    pickup = flag(order, "IsISPU")
    lines = [_line(item, one, pickup) for item, one in zip(items, charged, strict=True)]
    marketplace = order.optional_text("MarketplaceId")
    return amazon_sums.summed(lines, charged, total_minor, marketplace, ITEMS)


def _line(item: Fields, charged: Charged, pickup: bool) -> OrderLine:
    store = ""
    if pickup and item.has("StoreChainStoreId"):
        store = item.identifier("StoreChainStoreId")
    return amazon_sums.line(item, item, _NAMES, charged, store)


def _charged(item: Fields, currency: str, free: bool) -> Charged:
    if not item.has("ItemPrice") and not free:
        path = item.path("ItemPrice")
        raise Rejected("incomplete", path, f"{path} is missing: the item without what it costs")

    def money(name: str) -> int:
        return _money(item, name, currency)

    buyer = item.optional_object("BuyerInfo") or Fields({})
    wrap = _wrap(item, buyer, currency)
    return Charged(
        goods=money("ItemPrice"),
        discount=money("PromotionDiscount"),
        shipping=money("ShippingPrice") - money("ShippingDiscount"),
        fees=wrap[0] + money("CODFee") - money("CODFeeDiscount"),
        goods_tax=money("ItemTax") - money("PromotionDiscountTax"),
        other_tax=money("ShippingTax") - money("ShippingDiscountTax") + wrap[1],
    )


def _wrap(item: Fields, buyer: Fields, currency: str) -> tuple[int, int]:
    """Gift wrap and its tax, which older answers have on the item itself."""
    where = buyer if buyer.has("GiftWrapPrice") else item
    return _money(where, "GiftWrapPrice", currency), _money(where, "GiftWrapTax", currency)


def _money(fields: Fields, name: str, currency: str) -> int:
    """An amount of 0 or more in the order's currency; 0 where there is none."""
    money = fields.optional_object(name)
    if money is None or not money.has("Amount"):
        return 0
    minor = money.amount("Amount", currency)
    if minor and money.currency("CurrencyCode") != currency:
        path = money.path("CurrencyCode")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    return minor


def tenders(order: Fields, currency: str, total_minor: int) -> list[Tender]:
    """How the order is paid; empty where Amazon has the money for all of it.

    PaymentExecutionDetail says what of an order that is paid on delivery was paid before, with
    gift cards or points.
    """
    if order.raw("PaymentMethod") != "COD" or not total_minor:
        return []
    details = order.objects("PaymentExecutionDetail")
    paid = sum(
        each.object("Payment").amount("Amount", currency)
        for each in details
        if each.text("PaymentMethod") != "COD"
    )
    if paid > total_minor:
        path = "PaymentExecutionDetail"
        raise Rejected("invalid_amount", path, f"{path} comes to more than the order does")
    cash = Tender("2" if paid else "1", Method.CASH_ON_DELIVERY, 0)
    if not paid:
        return [cash]
    if paid == total_minor:
        return []
    return [Tender("1", Method.CHANNEL, paid, paid_minor=paid, paid_currency=currency), cash]


def flag(fields: Fields, name: str) -> bool:
    """A boolean, which older answers write as text."""
    value = fields.raw(name)
    if isinstance(value, str) and value.strip().casefold() in ("true", "false", ""):
        return value.strip().casefold() == "true"
    return fields.boolean(name)
