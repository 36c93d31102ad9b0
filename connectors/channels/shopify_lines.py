"""The lines of a Shopify order, and how they are to reach the customer.

Source: Shopify's Admin API, REST LineItem (`gift_card`, `requires_shipping`, `tax_lines`,
`current_quantity`) and ShippingLine (`delivery_category`, `source`, `code`).
"""

from __future__ import annotations

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shopify_fields import amount, identifier, of_set, tax, told
from schemas.orders import LineKind, OrderLine
from schemas.totals import rounded


def lines(order: Fields, currency: str, discounts: dict[str, int]) -> tuple[list[OrderLine], int]:
    """The lines that still have pieces to deliver, and the tips among the lines.

    `discounts` are those of the lines' own, for all pieces that were ordered.
    """
    found = order.objects("line_items")
    refunded: dict[str, int] = {}
    if order.raw("refunds") and not all(line.has("current_quantity") for line in found):
        refunded = _refunded(order)
    location_id = pickup_location(order)
    read = []
    tips = 0
    for line in found:
        # A tip comes as a line of its own; the field is there, though null for a cash tip.
        if line.names("tip_payment_gateway") and not _has_sku(line):
            tips += line.quantity("quantity", least=0) * amount(line, "price", currency)
        elif pieces := _pieces(line, refunded):
            read.append(_line(line, pieces, currency, discounts, location_id))
    if found and not read:
        detail = "line_items has no piece left: all were removed, refunded, or are tips"
        raise Rejected(mapping.NOTHING_TO_DELIVER, "line_items", detail)
    mapping.check_lines(read, "line_items")
    return read, tips


def _line(
    line: Fields, pieces: int, currency: str, discounts: dict[str, int], location_id: str
) -> OrderLine:
    """A line with its part of tax and discounts, which Shopify gives for all pieces ordered."""
    line_id = identifier(line, "id")
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
    """Shipping before discounts."""
    found = order.objects("shipping_lines")
    if not found:
        return of_set(order, "total_shipping_price_set", currency)
    return mapping.check_sum((amount(line, "price", currency) for line in found), "shipping_lines")


def shipping_method(order: Fields) -> str:
    """What the first way of shipping is called; empty where there is none."""
    found = order.objects("shipping_lines")
    if not found:
        return ""
    return told(lambda: found[0].optional_text("title") or found[0].optional_text("code"), "")


def shipping_tax_rate(order: Fields, currency: str) -> int:
    """Of the first shipping line that is taxed, in millionths."""
    rates = (tax(line, currency)[1] for line in order.objects("shipping_lines"))
    return next((rate for rate in rates if rate), 0)


def pickup_location(order: Fields) -> str:
    """Where the customer fetches the order: the code of its shipping line, which is the location's
    name at Shopify. Empty where it is sent, or only a part of it is fetched and nothing says which.
    """
    found = order.objects("shipping_lines")
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
