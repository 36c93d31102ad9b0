"""Lines, discounts, gift cards, shipping and tax of a Saleor order.

Saleor gives each price with and without tax. Prices are read with it, save where the order says
that it shows them without (`displayGrossPrices`). A line's `totalPrice` is after all discounts,
those of the order among them; versions before 3.1 took the order's off the total alone, and a gift
card is always taken off it.
Source: Saleor documentation 3.20, "Price calculation", "Discounts" and "Gift cards".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from connectors.channels import mapping, shop_fields
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.saleor_fields import (
    GROSS,
    NET,
    amount,
    money,
    own,
    price,
    rate_ppm,
    required,
    tax,
    text,
    told,
)
from schemas.orders import Discount, LineKind, OrderLine
from schemas.totals import line_total, rounded

_WITHOUT_NAME = "discount"
_GIFT_CARD = "gift card"
_GIFT_CARD_KIND = "GIFT_CARD"
_USED = "USED_IN_ORDER"
_MOST_DISCOUNTS = 500


@dataclass(frozen=True, slots=True)
class Basket:
    """All that an order is made of."""

    lines: list[OrderLine]
    discount_minor: int
    discounts: list[Discount]
    shipping_minor: int
    tax_minor: int
    total_minor: int
    prices_include_tax: bool


def read(order: Fields, currency: str) -> Basket:
    """The basket of an order. Raises Rejected."""
    found = order.objects("lines")
    total = required(order, "total", GROSS, currency)
    side = _side(order, found, currency)
    pickup = _pickup(order)
    lines = [
        _line(line, str(number), side, currency, pickup)
        for number, line in enumerate(found, 1)
        if line.quantity("quantity", least=0)
    ]
    if found and not lines:
        raise Rejected(mapping.NOTHING_TO_DELIVER, "lines", "lines have no piece left")
    mapping.check_lines(lines, "lines")
    added = 0 if side == GROSS else tax(order, "total", currency)
    goods = sum(line_total(line) - line.discount_minor for line in lines)
    shipping = _shipping(order, side, currency, total - added - goods)
    off = _off(order, currency, shipping + added + goods - total)
    return Basket(
        lines=lines,
        discount_minor=mapping.check_sum((each.amount_minor for each in off), "discounts"),
        discounts=[*off, *_of_lines(order, found, lines)][:_MOST_DISCOUNTS],
        shipping_minor=shipping,
        tax_minor=added,
        total_minor=total,
        prices_include_tax=side == GROSS,
    )


def _shipping(order: Fields, side: str, currency: str, left: int) -> int:
    """Shipping; where it is not asked for, what the total has beyond the subtotal.

    `left` is what the total has beyond the lines. Raises Rejected, as incomplete, where there is
    something left that nothing tells to be shipping.
    """
    told_shipping = amount(order, "shippingPrice", side, currency)
    if told_shipping is not None:
        return told_shipping
    subtotal = amount(order, "subtotal", side, currency)
    whole = amount(order, "total", side, currency)
    if subtotal is not None and whole is not None:
        return max(0, whole - subtotal)
    if left > 0:
        detail = "shippingPrice is missing: the event or the query has to ask for it"
        raise Rejected("incomplete", "shippingPrice", detail)
    return 0


def _side(order: Fields, lines: list[Fields], currency: str) -> str:
    """Prices with or without tax, whichever all lines have and the shop shows."""
    shown = order.raw(own(order, "displayGrossPrices"))
    wanted = NET if shown is False else GROSS
    other = GROSS if wanted == NET else NET
    for side in (wanted, other):
        if all(_has(line, side, currency) for line in lines):
            return side
    return wanted


def _has(line: Fields, side: str, currency: str) -> bool:
    return (
        amount(line, "totalPrice", side, currency) is not None
        or price(line, "unitPrice", side, currency) is not None
    )


def _line(line: Fields, number: str, side: str, currency: str, pickup: str) -> OrderLine:
    quantity = line.quantity("quantity")
    sku = _sku(line)
    title = _title(line)
    kind = _kind(line, sku)
    unit, per, discount = _price(line, quantity, side, currency)
    return OrderLine(
        # A query need not ask for the ids of lines, whose order in the answer stays.
        line_id=line.identifier("id") if line.names("id") else number,
        sku=sku if sku or title else line.identifier(own(line, "productSku")),
        quantity=quantity,
        unit_price_minor=unit,
        per=per,
        kind=kind,
        title=title,
        discount_minor=discount,
        tax_minor=told(lambda: tax(line, "totalPrice", currency), 0),
        tax_rate_ppm=rate_ppm(line, "taxRate"),
        pickup_location_id=pickup if kind == LineKind.GOODS else "",
    )


def _price(line: Fields, quantity: int, side: str, currency: str) -> tuple[int, int, int]:
    """Price, the pieces that it buys, and the discount of the line.

    What the line comes to is its `totalPrice`; the price before discounts is only kept where it is
    no less than that.
    """
    total = amount(line, "totalPrice", side, currency)
    before = told(lambda: price(line, "undiscountedUnitPrice", side, currency), None)
    if total is None:
        found = price(line, "unitPrice", side, currency)
        if found is None:
            total = required(line, "totalPrice", side, currency)
        else:
            total = rounded(found[0] * quantity, found[1])
    before = before or told(lambda: price(line, "unitPrice", side, currency), None)
    if before is not None and before[1] == 1 and before[0] * quantity >= total:
        return before[0], 1, before[0] * quantity - total
    return *shop_fields.unit_price(total, quantity), 0


def _sku(line: Fields) -> str:
    name = own(line, "productSku")
    if line.has(name) and line.raw(name) != "":
        return line.identifier(name)
    variant = line.optional_object("variant")
    return variant.identifier("sku") if variant is not None and variant.raw("sku") else ""


def _title(line: Fields) -> str:
    names = (
        told(lambda: text(line, "productName"), ""),
        told(lambda: text(line, "variantName"), ""),
    )
    return ", ".join(filter(None, names))


def _kind(line: Fields, sku: str) -> str:
    if line.raw(own(line, "isGiftCard")) is True or _product_kind(line) == _GIFT_CARD_KIND:
        return LineKind.GIFT_CARD
    if not sku or line.raw(own(line, "isShippingRequired")) is False:
        return LineKind.CUSTOM if _title(line) else LineKind.GOODS
    return LineKind.GOODS


def _product_kind(line: Fields) -> object:
    held: object = line.raw("variant")
    for name in ("product", "productType", "kind"):
        held = held.get(name) if isinstance(held, dict) else None
    return held


def _pickup(order: Fields) -> str:
    """The warehouse in which the customer fetches the order; empty where it is sent."""
    point = told(lambda: order.optional_object("collection_point"), None)
    if point is None:
        method = told(lambda: order.optional_object("deliveryMethod"), None)
        point = method if method is not None and method.raw("__typename") == "Warehouse" else None
    if point is not None:
        return told(lambda: point.identifier("name" if point.has("name") else "id"), "")
    name = own(order, "collectionPointName")
    return told(lambda: order.identifier(name), "") if order.has(name) else ""


def _off(order: Fields, currency: str, difference: int) -> list[Discount]:
    """What is taken off the total beside the lines: nothing, the order's discounts, gift cards.

    Whichever of them explains the difference between the lines and the total; none where neither
    does, so that the difference is seen.
    """
    if difference <= 0:
        return []
    nothing: list[Discount] = []
    discounts = told(lambda: _order_discounts(order, currency), nothing)
    cards = told(lambda: _gift_cards(order, currency), nothing)
    for off in (discounts, cards, [*discounts, *cards]):
        if sum(each.amount_minor for each in off) == difference:
            return off
    return []


def _order_discounts(order: Fields, currency: str) -> list[Discount]:
    found = [
        Discount(_name(each), money(each, "amount", "amount_value", currency))
        for each in order.objects("discounts")[:_MOST_DISCOUNTS]
    ]
    if not found:
        # One discount of the order's own, before there were several.
        held = money(order, "discount", "discount_amount", currency)
        found = [Discount(_code(order), held)]
    return [each for each in found if each.amount_minor]


def _name(discount: Fields) -> str:
    found = (told(partial(text, discount, name), "") for name in ("name", "reason"))
    return next(filter(None, found), _WITHOUT_NAME)


def _gift_cards(order: Fields, currency: str) -> list[Discount]:
    """What each gift card has paid of this order, as its events say."""
    used = []
    for card in order.objects(own(order, "giftCards")):
        for event in card.objects("events"):
            if event.raw("type") != _USED or event.raw("orderId") not in (None, order.raw("id")):
                continue
            balance = event.object("balance")
            before = money(balance, "oldCurrentBalance", "old_current_balance", currency)
            after = money(balance, "currentBalance", "current_balance", currency)
            used.append(Discount(_GIFT_CARD, max(0, before - after)))
    return used


def _of_lines(order: Fields, found: list[Fields], lines: list[OrderLine]) -> list[Discount]:
    kept = [line for line in found if line.raw("quantity") not in (0, "0")]
    return [
        Discount(
            told(partial(text, said, "voucherCode"), "")
            or told(partial(text, said, "unitDiscountReason"), "")
            or _code(order),
            line.discount_minor,
            line.line_id,
        )
        for said, line in zip(kept, lines, strict=False)
        if line.discount_minor
    ]


def _code(order: Fields) -> str:
    voucher = told(lambda: order.optional_object("voucher"), None)
    code = told(lambda: voucher.optional_text("code"), "") if voucher is not None else ""
    return told(lambda: text(order, "voucherCode"), "") or code or _WITHOUT_NAME
