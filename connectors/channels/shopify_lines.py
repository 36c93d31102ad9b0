"""The lines of a Shopify order, and how they are to reach the customer.

Source: Shopify's Admin API, REST LineItem (`gift_card`, `requires_shipping`, `tax_lines`,
`current_quantity`) and ShippingLine (`delivery_category`, `source`, `code`).
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shopify_fields import amount, identifier, of_set, tax, told
from schemas.orders import LineKind, OrderLine
from schemas.totals import rounded


@dataclass(frozen=True, slots=True)
class Lines:
    """What is left of an order's lines."""

    read: list[OrderLine]
    """those that still have pieces to deliver"""
    tips: int
    """the tips among the lines, in minor units"""
    fewer: bool
    """pieces were removed or refunded since the order was placed"""


def lines(order: Fields, currency: str, discounts: dict[str, int]) -> Lines:
    """The lines of an order. `discounts` are the lines' own, for all pieces that were ordered."""
    if not order.has("line_items"):
        detail = "line_items is missing: the order without its lines"
        raise Rejected("incomplete", "line_items", detail)
    found = order.objects("line_items")
    refunded: dict[str, int] = {}
    if order.raw("refunds") and not all(line.has("current_quantity") for line in found):
        refunded = _refunded(order)
    location_id = pickup_location(order)
    read = []
    tips = 0
    fewer = False
    for number, line in enumerate(found, 1):
        # A tip comes as a line of its own; the field is there, though null for a cash tip.
        if line.names("tip_payment_gateway") and not _has_sku(line):
            tips += line.quantity("quantity", least=0) * amount(line, "price", currency)
            continue
        pieces = _pieces(line, refunded)
        fewer = fewer or pieces < line.quantity("quantity", least=0)
        if pieces:
            line_id = known_as(line, found, number)
            read.append(_line(line, line_id, pieces, currency, discounts, location_id))
    if found and not read:
        detail = "line_items has no piece left: all were removed, refunded, or are tips"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "line_items", detail)
    mapping.check_lines(read, "line_items")
    return Lines(read, tips, fewer)


def known_as(line: Fields, lines: list[Fields], number: int) -> str:
    """The id of the line with a number; its number where nobody asked for the ids of the lines.

    Shopify answers with the lines of an order in an order that stays.
    """
    if line.has("id") or any(each.has("id") for each in lines):
        return identifier(line, "id")
    return str(number)


def _line(
    line: Fields,
    line_id: str,
    pieces: int,
    currency: str,
    discounts: dict[str, int],
    location_id: str,
) -> OrderLine:
    """A line with its part of tax and discounts, which Shopify gives for all pieces ordered."""
    ordered = line.quantity("quantity", least=0)
    title = told(lambda: line.optional_text("name") or line.optional_text("title"), "")
    kind = _kind(line, title)
    tax_minor, tax_rate_ppm = tax(line, currency)
    return OrderLine(
        line_id=line_id,
        sku=line.identifier("sku") if _has_sku(line) or not title else "",
        quantity=pieces,
        unit_price_minor=amount(line, "price", currency),
        kind=kind,
        title=title,
        discount_minor=rounded(discounts.get(line_id, 0) * pieces, ordered),
        tax_minor=rounded(tax_minor * pieces, ordered),
        tax_rate_ppm=tax_rate_ppm,
        pickup_location_id=location_id if kind == LineKind.GOODS else "",
    )


def _kind(line: Fields, title: str) -> str:
    """Goods are what has a SKU and is to be shipped; a custom line has only a title."""
    if line.boolean("gift_card"):
        return LineKind.GIFT_CARD
    if line.raw("requires_shipping") is False or (title and not _has_sku(line)):
        return LineKind.CUSTOM
    return LineKind.GOODS


def _has_sku(line: Fields) -> bool:
    sku = line.raw("sku")
    return bool(sku.strip()) if isinstance(sku, str) else sku is not None


def _pieces(line: Fields, refunded: dict[str, int]) -> int:
    """What is left of a line: pieces that were removed or refunded stay in `quantity`.

    Orders have `current_quantity` since version 2024-01 of the API, and only their refunds before.
    Source: Shopify's changelog of 2023-12-05.
    """
    ordered = line.quantity("quantity", least=0)
    if line.has("current_quantity"):
        left = line.quantity("current_quantity", least=0)
        if left > ordered:
            path = line.path("current_quantity")
            raise Rejected("invalid_quantity", path, f"{path} is more than what was ordered")
        return left
    if not refunded:
        return ordered
    gone = refunded.get(identifier(line, "id"), 0)
    if gone > ordered:
        path = line.path("quantity")
        raise Rejected("invalid_quantity", path, f"{path} is less than what was refunded of it")
    return ordered - gone


def _refunded(order: Fields) -> dict[str, int]:
    """Pieces that were refunded, by line."""
    pieces: dict[str, int] = {}
    for refund in order.objects("refunds"):
        for item in refund.objects("refund_line_items"):
            line_id = identifier(item, "line_item_id")
            pieces[line_id] = pieces.get(line_id, 0) + item.quantity("quantity", least=0)
    return pieces


def shipping(order: Fields, currency: str) -> int:
    """Shipping before discounts, without the ways of shipping that an edit took off."""
    found = shipping_lines(order)
    if not found:
        return (
            0
            if order.raw("shipping_lines")
            else of_set(order, "total_shipping_price_set", currency)
        )
    return mapping.check_sum((amount(line, "price", currency) for line in found), "shipping_lines")


def shipping_lines(order: Fields) -> list[Fields]:
    """The ways of shipping that no edit of the order has removed."""
    return [line for line in order.objects("shipping_lines") if line.raw("is_removed") is not True]


def shipping_method(order: Fields) -> str:
    """What the first way of shipping is called; empty where there is none."""
    found = shipping_lines(order)
    if not found:
        return ""
    return told(lambda: found[0].optional_text("title") or found[0].optional_text("code"), "")


def shipping_tax_rate(order: Fields, currency: str) -> int:
    """Of the first shipping line that is taxed, in millionths."""
    rates = (tax(line, currency)[1] for line in shipping_lines(order))
    return next((rate for rate in rates if rate), 0)


def pickup_location(order: Fields) -> str:
    """Where the customer fetches the order: the code of its shipping line, which is the location's
    name at Shopify. Empty where it is sent, or only a part of it is fetched and nothing says which.
    """
    found = shipping_lines(order)
    if not found or not all(_is_pickup(line) for line in found):
        return ""
    name = "code" if found[0].has("code") else "title"
    return told(lambda: found[0].identifier(name), "")


def _is_pickup(line: Fields) -> bool:
    """`pickup`, `pick_up` or `local_pickup`; a pick-up point is a carrier's, which ships to it."""
    words = (line.raw("delivery_category"), line.raw("source"))
    return any(
        isinstance(word, str) and "".join(filter(str.isalpha, word)).lower().endswith("pickup")
        for word in words
    )
