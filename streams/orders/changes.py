"""What an order comes to when it is changed. Pure arithmetic on PlaceOrder.

A change that takes something out takes its share of the order's discount, tax and shipping with it,
so that what remains and what goes are together the total to the minor unit. A change that adds
something adds its price, and its tax where tax is on top of prices.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from schemas.orders import AmendOrder, LineKind, OrderLine, PlaceOrder, Refusal
from schemas.totals import MILLION, line_total, part, part_of, recomputed_total, rounded, shares
from streams.orders import terms
from streams.orders.model import MAXIMUM_LINES

_ALSO = (
    ("address", ("ship_to", "more_addresses", "personal_hash")),
    ("shipping", ("shipping_method", "shipping_minor")),
    ("payment", ("tenders", "payment_method", "payment_token", "paid_minor", "paid_currency")),
    ("discount", ("discount_minor",)),
    ("tax", ("tax_minor", "prices_include_tax")),
)
"""What an order has besides its lines, and the fields of PlaceOrder that say it."""


class NotPossible(ValueError):
    """The change cannot be; the order stays as it is."""

    def __init__(self, reason: Refusal, line_id: str = "", detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.line_id = line_id
        self.detail = detail


class Difference(NamedTuple):
    """What is different between two orders."""

    added: list[str]
    removed: list[str]
    changed: list[str]
    also: list[str]


def applied(order: PlaceOrder, change: AmendOrder) -> PlaceOrder:
    """The order with the change. Raises NotPossible; the order of checks is that of the steps."""
    _check(order, change)
    changed = order
    for wanted in change.quantities:
        changed = _resized(changed, wanted.line_id, wanted.quantity)
    changed = without(changed, change.remove)
    for line in change.add:
        changed = _with(changed, line)
    if change.shipping_minor >= 0:
        by = change.shipping_minor - changed.shipping_minor
        changed = replace(
            changed,
            shipping_minor=change.shipping_minor,
            total_minor=changed.total_minor + by,
        )
    if change.ship_to:
        changed = replace(changed, ship_to=change.ship_to[0])
    if change.personal:
        changed = replace(
            changed,
            key_id=change.key_id,
            personal=change.personal,
            personal_hash=change.personal_hash,
        )
    if change.shipping_method:
        changed = replace(changed, shipping_method=change.shipping_method)
    if change.tenders:
        known = {one.tender_id: one for one in (*terms.tenders(changed), *change.tenders)}
        changed = replace(changed, tenders=list(known.values()))
    return checked(changed)


def checked(order: PlaceOrder) -> PlaceOrder:
    """The same order. Raises NotPossible where it could not be one."""
    if not order.lines:
        raise NotPossible(Refusal.NOTHING_LEFT)
    if len(order.lines) > MAXIMUM_LINES:
        raise NotPossible(Refusal.TOO_MANY)
    if order.total_minor < 0:
        raise NotPossible(Refusal.INVALID_AMOUNT)
    seen: set[str] = set()
    for line in order.lines:
        if line.line_id in seen:
            raise NotPossible(Refusal.LINE_EXISTS, line.line_id)
        seen.add(line.line_id)
        if line.quantity < 1 or line.per < 1:
            raise NotPossible(Refusal.INVALID_QUANTITY, line.line_id)
        if not 0 <= line.address <= len(order.more_addresses):
            raise NotPossible(Refusal.NOT_AMENDABLE, line.line_id, "there is no such address")
        if line.kind == LineKind.GOODS and not line.sku:
            raise NotPossible(Refusal.UNKNOWN_SKU, line.line_id)
    return order


def _check(order: PlaceOrder, change: AmendOrder) -> None:
    """Whether the change speaks of this order at all. Raises NotPossible."""
    known = {line.line_id: line for line in order.lines}
    heads = {line.line_id for line in order.lines if line.kind == LineKind.BUNDLE}
    for line_id in (*change.remove, *(wanted.line_id for wanted in change.quantities)):
        if line_id not in known:
            raise NotPossible(Refusal.UNKNOWN_LINE, line_id)
    torn = terms.torn_bundle(order, change.remove)
    if torn:
        raise NotPossible(Refusal.PART_OF_BUNDLE, torn)
    for wanted in change.quantities:
        if wanted.line_id in heads or known[wanted.line_id].parent_line_id in heads:
            raise NotPossible(Refusal.PART_OF_BUNDLE, wanted.line_id)
        if wanted.quantity < 1:
            raise NotPossible(Refusal.INVALID_QUANTITY, wanted.line_id)
    for line in change.add:
        if line.line_id in known:
            raise NotPossible(Refusal.LINE_EXISTS, line.line_id)
        if min(line.unit_price_minor, line.discount_minor, line.tax_minor, line.tax_rate_ppm) < 0:
            raise NotPossible(Refusal.INVALID_AMOUNT, line.line_id)
        if line.quantity < 1 or line.per < 1:
            raise NotPossible(Refusal.INVALID_QUANTITY, line.line_id)


def without(order: PlaceOrder, line_ids: list[str]) -> PlaceOrder:
    """The order without these lines, bundles' parts included, and without what they bear.

    What is left is what the order came to less the worth of each line (solidus 512).
    """
    gone = set(terms.with_parts(order, line_ids))
    if not gone:
        return order
    left = [line for line in order.lines if line.line_id not in gone]
    worth = sum(amount for line_id, amount in terms.worths(order).items() if line_id in gone)
    going = {line.line_id: line.quantity for line in order.lines if line.line_id in gone}
    return _left(order, left, order.total_minor - worth, going)


def _resized(order: PlaceOrder, line_id: str, quantity: int) -> PlaceOrder:
    """The order with another quantity of a line."""
    line = next(one for one in order.lines if one.line_id == line_id)
    if quantity == line.quantity:
        return order
    scaled = replace(
        line,
        quantity=quantity,
        discount_minor=rounded(line.discount_minor * quantity, line.quantity),
        tax_minor=rounded(line.tax_minor * quantity, line.quantity),
    )
    lines = [scaled if one is line else one for one in order.lines]
    if quantity > line.quantity:
        return _more(order, lines, _gross(order, scaled) - _gross(order, line),
                     _on_top(order, scaled) - _on_top(order, line))  # fmt: skip
    going = line.quantity - quantity
    worth = part_of(terms.worths(order)[line_id], going, line.quantity, quantity)
    return _left(order, lines, order.total_minor - worth, {line_id: going})


def _with(order: PlaceOrder, line: OrderLine) -> PlaceOrder:
    return _more(order, [*order.lines, line], _gross(order, line), _on_top(order, line))


def _gross(order: PlaceOrder, line: OrderLine) -> int:
    """What a line adds to the order's total by itself."""
    return line_total(line) - line.discount_minor + _on_top(order, line)


def _on_top(order: PlaceOrder, line: OrderLine) -> int:
    """Tax of the line that is not in its price."""
    if order.prices_include_tax:
        return 0
    net = line_total(line) - line.discount_minor
    return line.tax_minor or rounded(net * line.tax_rate_ppm, MILLION)


def _more(order: PlaceOrder, lines: list[OrderLine], amount: int, tax: int) -> PlaceOrder:
    return replace(
        order,
        lines=lines,
        tax_minor=order.tax_minor + tax,
        total_minor=order.total_minor + amount,
    )


def _left(
    order: PlaceOrder, lines: list[OrderLine], total_minor: int, going: dict[str, int]
) -> PlaceOrder:
    """The order with only `lines`, worth `total_minor`, when the pieces that are `going` are gone.

    Tax and shipping lose what those pieces bore of them, and the discount what makes the sum
    exact, so that the order comes to as much beside what the channel claimed as it did before.
    """
    if not lines:
        return replace(order, lines=lines, total_minor=total_minor)
    tax, shipping = _borne(order, going)
    tax, shipping = max(0, order.tax_minor - tax), max(0, order.shipping_minor - shipping)
    goods = sum(line_total(line) - line.discount_minor for line in lines)
    discount = goods + tax + shipping - total_minor - terms.difference(order)
    return replace(
        order,
        lines=lines,
        tax_minor=tax,
        shipping_minor=shipping + max(0, -discount),
        discount_minor=max(0, discount),
        total_minor=total_minor,
    )


def _borne(order: PlaceOrder, going: dict[str, int]) -> tuple[int, int]:
    """Tax on top of prices, and shipping, that the pieces bear."""
    tax = shipping = 0
    try:
        borne = shares(order)
    except ValueError:  # amounts below 0, which no channel should send
        return 0, 0
    for line, share in zip(order.lines, borne, strict=True):
        pieces = going.get(line.line_id, 0)
        if pieces:
            gone = part(share, pieces, line.quantity, line.quantity - pieces)
            tax += gone.tax_minor
            shipping += gone.shipping_minor
    return tax, shipping


def merged(now: PlaceOrder, base: PlaceOrder, newer: PlaceOrder) -> PlaceOrder:
    """The order as it is `now` with what the channel has changed from `base` to `newer`.

    What was changed by hand since stays. Raises NotPossible.
    """
    if now is base or now == base:
        return checked(newer)
    old = {line.line_id: line for line in base.lines}
    new = {line.line_id: line for line in newer.lines}
    known = {line.line_id for line in now.lines}
    lines = [
        new[line.line_id]
        if line.line_id in new and new[line.line_id] != old.get(line.line_id)
        else line
        for line in now.lines
        if line.line_id in new or line.line_id not in old
    ]
    lines += [line for line in newer.lines if line.line_id not in old and line.line_id not in known]
    sums = {
        name: max(0, getattr(now, name) + getattr(newer, name) - getattr(base, name))
        for name in ("discount_minor", "shipping_minor", "tax_minor")
    }
    other = {
        name: getattr(newer, name)
        for name in newer.__struct_fields__
        if name not in (*sums, "lines", "total_minor")
        and getattr(newer, name) != getattr(base, name)
    }
    order = replace(now, lines=lines, **sums, **other)
    return checked(replace(order, total_minor=recomputed_total(order) - terms.difference(newer)))


def between(before: PlaceOrder, now: PlaceOrder) -> Difference:
    """What is different, for people and for whoever keeps a copy of the order."""
    old = {line.line_id: line for line in before.lines}
    new = {line.line_id: line for line in now.lines}
    also = [
        word
        for word, names in _ALSO
        if any(getattr(before, name) != getattr(now, name) for name in names)
    ]
    return Difference(
        [line_id for line_id in new if line_id not in old],
        [line_id for line_id in old if line_id not in new],
        [line_id for line_id, line in new.items() if line_id in old and old[line_id] != line],
        also,
    )
