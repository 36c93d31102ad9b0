"""Amazon orders in version 2026-01-01 of its Orders API, which tells an order in one piece.

Amounts stand in `proceeds`, by item and by kind: each is that of all pieces of the item. DISCOUNT
is taken off, whichever its sign; its detailed breakdown says what of it is off shipping.
Source: Selling Partner API model orders_2026-01-01.json: searchOrders and getOrder.
"""

from __future__ import annotations

from connectors.channels import amazon_sums, mapping
from connectors.channels.amazon_sums import Charged, Sums
from connectors.channels.mapping import Fields, Rejected
from schemas.orders import Tender
from schemas.payments import Method

_ITEMS = "orderItems"
_NAMES = ("orderItemId", "quantityOrdered", "sellerSku", "title")
_FEES = frozenset({"GIFT_WRAP", "COD_FEE", "OTHER"})
_ON_DELIVERY = "CashOnDelivery"


def status(order: Fields) -> str:
    """The status of the order. Raises Rejected: incomplete where the answer has none."""
    if not order.has("fulfillment"):
        detail = "fulfillment is missing; ask for it with includedData"
        raise Rejected("incomplete", "fulfillment", detail)
    return order.object("fulfillment").text("fulfillmentStatus")


def open_items(order: Fields) -> list[Fields]:
    """The items of which pieces are ordered. Raises Rejected."""
    if not order.has(_ITEMS):
        detail = "orderItems is missing: the order without its items"
        raise Rejected("incomplete", _ITEMS, detail)
    items = order.objects(_ITEMS)
    if not items:
        raise Rejected("missing_field", _ITEMS, f"{_ITEMS} has no item")
    for item in items:
        state = item.optional_object("fulfillment")
        if state is not None and state.has("quantityFulfilled"):
            _check_open(state)
    left = [item for item in items if item.quantity("quantityOrdered", least=0)]
    if not left:
        detail = "every item of the order has been cancelled"
        raise Rejected(mapping.NOTHING_TO_DELIVER, _ITEMS, detail)
    return left


def _check_open(state: Fields) -> None:
    if state.quantity("quantityFulfilled", least=0):
        detail = "pieces of the order have been shipped at the channel; it is not sent from here"
        path = state.path("quantityFulfilled")
        raise Rejected(mapping.NOTHING_TO_DELIVER, path, detail)


def is_replacement(order: Fields) -> bool:
    """The order replaces another one, and is free."""
    associated = order.objects("associatedOrders")
    return any(each.raw("associationType") == "REPLACEMENT_ORIGINAL_ID" for each in associated)


def total(order: Fields) -> tuple[int, str]:
    """What the order says that it costs, and its currency. Raises Rejected."""
    proceeds = order.optional_object("proceeds")
    if proceeds is not None and proceeds.has("grandTotal"):
        money = proceeds.object("grandTotal")
        currency = money.currency("currencyCode")
        return money.amount("amount", currency), currency
    currency = amazon_sums.currency_of(marketplace(order))
    if is_replacement(order) and currency:
        return 0, currency
    detail = "proceeds.grandTotal is missing: the order without what it costs"
    raise Rejected("incomplete", "proceeds.grandTotal", detail)


def marketplace(order: Fields) -> str:
    """The id of the marketplace; empty where it is not told."""
    channel = order.optional_object("salesChannel")
    return channel.optional_text("marketplaceId") if channel is not None else ""


def read(order: Fields, items: list[Fields], total_minor: int, currency: str) -> Sums:
    """What the items come to. Raises Rejected."""
    free = is_replacement(order)
    charged = [_charged(item, currency, free) for item in items]
    lines = [
        amazon_sums.line(item, item.object("product"), _NAMES, one)
        for item, one in zip(items, charged, strict=True)
    ]
    # What is charged for the order alone, such as a tip.
    proceeds = order.optional_object("proceeds") or Fields({})
    for each in proceeds.objects("breakdowns"):
        if each.raw("type") == "DELIVERY_TIP":
            charged.append(Charged(fees=_subtotal(each, currency)))
    return amazon_sums.summed(lines, charged, total_minor, marketplace(order), _ITEMS)


def _charged(item: Fields, currency: str, free: bool) -> Charged:
    charged = Charged()
    proceeds = item.optional_object("proceeds") or Fields({}, item.path("proceeds"))
    kinds = proceeds.objects("breakdowns")
    if not free and not any(each.raw("type") == "ITEM" for each in kinds):
        path = proceeds.path("breakdowns")
        raise Rejected("incomplete", path, f"{path} does not say what the item costs")
    for each in kinds:
        kind = each.text("type")
        minor = _subtotal(each, currency)
        if kind == "ITEM":
            charged.goods += minor
        elif kind == "SHIPPING":
            charged.shipping += minor
        elif kind in _FEES:
            charged.fees += minor
        elif kind == "TAX":
            of_goods = minor - _detailed(each, currency, but="ITEM")
            charged.goods_tax += of_goods
            charged.other_tax += minor - of_goods
        elif kind == "DISCOUNT":
            off_shipping = _detailed(each, currency, only="SHIPPING")
            charged.shipping -= off_shipping
            charged.discount += minor - off_shipping
        else:
            path = each.path("type")
            raise Rejected("wrong_type", path, f"{path} is none of Amazon's")
    if charged.goods < 0:
        path = proceeds.path("breakdowns")
        raise Rejected("invalid_amount", path, f"{path} has an item of less than 0")
    return charged


def _subtotal(breakdown: Fields, currency: str) -> int:
    minor = _money(breakdown.object("subtotal"), currency)
    return abs(minor) if breakdown.raw("type") == "DISCOUNT" else minor


def _detailed(breakdown: Fields, currency: str, only: str = "", but: str = "") -> int:
    """What of a breakdown is of the subtype `only`, or of any but `but`, at most all of it."""
    found = 0
    for each in breakdown.objects("detailedBreakdowns"):
        kind = each.raw("subtype")
        if kind == only or (but and kind not in (but, "DISCOUNT")):
            minor = _money(each.object("value"), currency)
            found += abs(minor) if only else minor
    return min(found, _subtotal(breakdown, currency))


def _money(money: Fields, currency: str) -> int:
    minor = money.balance("amount", currency)
    if money.currency("currencyCode") != currency:
        path = money.path("currencyCode")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    return minor


def tenders(order: Fields, currency: str, total_minor: int) -> list[Tender]:
    """How the order is paid; empty where Amazon has the money for all of it."""
    payment = order.optional_object("payment")
    executions = payment.objects("paymentExecutions") if payment is not None else []
    due = [each for each in executions if each.raw("paymentMethod") == _ON_DELIVERY]
    if not due or not total_minor:
        return []
    others = [each for each in executions if each.raw("paymentMethod") != _ON_DELIVERY]
    paid = sum(_money(each.object("paymentAmount"), currency) for each in others)
    if not 0 <= paid <= total_minor:
        path = "payment.paymentExecutions"
        raise Rejected("invalid_amount", path, f"{path} comes to more than the order does")
    cash = Tender("2" if paid else "1", Method.CASH_ON_DELIVERY, 0)
    if not paid:
        return [cash]
    return [Tender("1", Method.CHANNEL, paid, paid_minor=paid, paid_currency=currency), cash]
