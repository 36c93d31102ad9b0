"""Which items of a Magento order are lines, and what is left of each.

A configurable product comes as two items: itself with the price, and the variant under it with
none; they are one line. A bundle comes as itself and an item for each of its parts. With a fixed
price the bundle has the price and its parts have none; with a dynamic one the parts have it, and
the bundle repeats their sum, which is not counted again.
Source: Adobe Commerce REST reference 2.4, sales-data-order-item-interface (`parent_item_id`,
`parent_item`, `product_type`, `qty_ordered`, `qty_canceled`, `qty_refunded`, `qty_shipped`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import optional_millionths
from schemas.orders import LineKind
from schemas.totals import rounded

_BUNDLE = "bundle"
_GIFT_CARD = "giftcard"
_NOT_SHIPPED = frozenset({"virtual", "downloadable"})
_WHOLE = re.compile(r"(-?[0-9]{1,18})\.0+", re.ASCII)
_UNPRICED = ("row_total", "tax_amount", "discount_amount")


@dataclass(frozen=True, slots=True)
class Item:
    """An item that is a line."""

    fields: Fields
    line_id: str
    ordered: int
    left: int
    """pieces that are neither cancelled nor refunded"""
    product_type: str
    priced: bool
    """false: its price is with its parts, or with the bundle"""
    is_bundle: bool
    bundle_id: str
    """line id of the bundle that it is a part of; empty for none"""

    def share(self, name: str) -> int:
        """What the pieces that are left have of an amount of the item, in millionths."""
        if not self.priced:
            return 0
        amount = optional_millionths(self.fields, name)
        if amount < 0 and name in _UNPRICED:
            path = self.fields.path(name)
            raise Rejected("invalid_amount", path, f"{path} is negative")
        return rounded(amount * self.left, self.ordered)

    def sku(self, title: str) -> str:
        """The SKU; empty for a line that is known by its title alone."""
        return self.fields.identifier("sku") if self._has_sku() or not title else ""

    def kind(self, title: str) -> str:
        """One of LineKind."""
        if self.is_bundle:
            return LineKind.BUNDLE
        if self.product_type == _GIFT_CARD:
            return LineKind.GIFT_CARD
        return LineKind.GOODS if self.is_goods(title) else LineKind.CUSTOM

    def is_goods(self, title: str) -> bool:
        """It has a SKU and is shipped."""
        if self.is_bundle or self.product_type == _GIFT_CARD:
            return False
        virtual = self.product_type in _NOT_SHIPPED or self.fields.raw("is_virtual") in (1, "1")
        # Without a title there is nothing else than its SKU to know it by.
        return not title or (self._has_sku() and not virtual)

    def _has_sku(self) -> bool:
        sku = self.fields.raw("sku")
        return bool(sku.strip()) if isinstance(sku, str) else sku is not None


def items(order: Fields) -> list[Item]:
    """The items that are lines, in their order. Raises Rejected where some have been shipped."""
    found = _with_parents(order.objects("items"))
    parents = {item.identifier("item_id"): item for item in found if not _parent_id(item)}
    parts: dict[str, list[Fields]] = {}
    for item in found:
        if _parent_id(item) in parents:
            parts.setdefault(_parent_id(item), []).append(item)
    read = []
    for item in found:
        _check_not_shipped(item)
        parent = parents.get(_parent_id(item))
        if parent is None:
            read.append(_item(item, parts.get(item.identifier("item_id"), []), None))
        elif _type(parent) == _BUNDLE:
            read.append(_item(item, [], parent))
        else:
            pieces(item, "qty_ordered")  # the variant of a configurable product
    return read


def _item(item: Fields, parts: list[Fields], bundle: Fields | None) -> Item:
    """`parts` are those of the item, `bundle` is what it is a part of."""
    line_id = item.identifier("item_id")
    ordered = pieces(item, "qty_ordered", least=1)
    gone = sum(pieces(item, name) for name in ("qty_canceled", "qty_refunded"))
    if gone > ordered:
        path = item.path("qty_ordered")
        raise Rejected("invalid_quantity", path, f"{path} is less than what was taken back of it")
    is_bundle = bundle is None and _type(item) == _BUNDLE and bool(parts)
    if bundle is None:
        item.required("row_total")
    in_parts = is_bundle and any(optional_millionths(part, "row_total") for part in parts)
    return Item(
        fields=item,
        line_id=line_id,
        ordered=ordered,
        left=ordered - gone,
        product_type=_type(parts[0]) if parts and not is_bundle else _type(item),
        priced=not in_parts,
        is_bundle=is_bundle,
        bundle_id=bundle.identifier("item_id") if bundle is not None else "",
    )


def _with_parents(found: list[Fields]) -> list[Fields]:
    """The items, and before its part each parent that only its part names."""
    known = {item.identifier("item_id") for item in found}
    read: list[Fields] = []
    for item in found:
        embedded = item.optional_object("parent_item")
        if embedded is not None and embedded.has("item_id"):
            parent_id = embedded.identifier("item_id")
            if parent_id not in known:
                known.add(parent_id)
                read.append(embedded)
        read.append(item)
    return read


def _parent_id(item: Fields) -> str:
    if item.raw("parent_item_id") not in (None, "", 0):
        return item.identifier("parent_item_id")
    embedded = item.optional_object("parent_item")
    if embedded is not None and embedded.has("item_id"):
        return embedded.identifier("item_id")
    return ""


def _type(item: Fields) -> str:
    return item.optional_text("product_type").lower()


def _check_not_shipped(item: Fields) -> None:
    if pieces(item, "qty_shipped"):
        raise Rejected(
            mapping.NOTHING_TO_DELIVER,
            item.path("qty_shipped"),
            "the order has been shipped in part at the channel, so that it is not delivered here",
        )


def pieces(item: Fields, name: str, least: int = 0) -> int:
    """A whole number of pieces, be it written as 1.0000; 0 where it may be missing and is."""
    value = item.raw(name)
    if least == 0 and value in (None, ""):
        return 0
    if isinstance(value, str) and (whole := _WHOLE.fullmatch(value.strip())):
        above = item.path(name)[: -len(name) - 1]
        return Fields({name: whole[1]}, above).quantity(name, least)
    return item.quantity(name, least)
