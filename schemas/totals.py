"""What an order costs, what each of its lines bears of that, and what a part of a line is worth.

Pure arithmetic in integer minor units. The functions take anything that has the prices of an order
(`OrderPrices`): PlaceOrder as it comes, or `PricedOrder` built from a room's own state.

Rounding is half away from zero (commercial rounding, DIN 1333), so that giving money back mirrors
taking it; for amounts of 0 or more it is what the validation artefacts of EN 16931 compute. Each
line is rounded before the lines are summed (EN 16931, BT-131 and BR-CO-10); tax is rounded once for
each rate (BR-CO-17). Whatever is divided is divided by largest remainder, so that the parts always
sum to the whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from schemas.orders import LineKind

MILLION = 1_000_000


class LinePrices(Protocol):
    """The prices of a line: OrderLine or `PricedLine`. The fields mean what OrderLine's mean."""

    @property
    def line_id(self) -> str: ...
    @property
    def quantity(self) -> int: ...
    @property
    def unit_price_minor(self) -> int: ...
    @property
    def per(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def discount_minor(self) -> int: ...
    @property
    def tax_minor(self) -> int: ...
    @property
    def tax_rate_ppm(self) -> int: ...


class OrderPrices(Protocol):
    """The prices of an order: PlaceOrder or `PricedOrder`. The fields mean what PlaceOrder's do."""

    @property
    def lines(self) -> Sequence[LinePrices]: ...
    @property
    def discount_minor(self) -> int: ...
    @property
    def shipping_minor(self) -> int: ...
    @property
    def tax_minor(self) -> int: ...
    @property
    def prices_include_tax(self) -> bool: ...
    @property
    def shipping_tax_rate_ppm(self) -> int: ...


class PricedLine(Struct, frozen=True):
    """The prices of one line."""

    line_id: str
    quantity: int
    unit_price_minor: int
    per: int = 1
    kind: str = LineKind.GOODS
    discount_minor: int = 0
    tax_minor: int = 0
    tax_rate_ppm: int = 0


class PricedOrder(Struct, frozen=True):
    """The prices of one order."""

    lines: list[PricedLine]
    discount_minor: int = 0
    shipping_minor: int = 0
    tax_minor: int = 0
    prices_include_tax: bool = False
    shipping_tax_rate_ppm: int = 0


class Share(Struct, frozen=True):
    """What one line, or a part of one, bears of its order. No field is below 0, save where the
    order's discount is more than everything that it could be taken off."""

    line_id: str
    goods_minor: int
    """the line after its own discount"""
    discount_minor: int
    """its part of the order's discount"""
    tax_minor: int
    """its part of the order's tax_minor: tax, duties, fees and tips on top of the prices"""
    shipping_minor: int
    """its part of shipping, after the discount that goods could not take"""
    goods_tax_minor: int = 0
    """tax on the goods that is within total_minor, whether prices include it or not"""
    shipping_tax_minor: int = 0
    """tax on the shipping that is within total_minor, whether prices include it or not"""
    tax_rate_ppm: int = 0
    """of the goods"""
    shipping_tax_rate_ppm: int = 0
    prices_include_tax: bool = False

    @property
    def total_minor(self) -> int:
        """What the customer pays for it, all told."""
        return self.goods_minor - self.discount_minor + self.tax_minor + self.shipping_minor


class RateSum(Struct, frozen=True):
    """Net and tax at one rate, e.g. a line of an invoice's tax table (EN 16931, BG-23)."""

    tax_rate_ppm: int
    """millionths of the net; 0 also where tax is charged and nobody says at what rate"""
    net_minor: int
    tax_minor: int


def rounded(numerator: int, denominator: int) -> int:
    """`numerator / denominator`, half away from zero. The denominator is 1 or more."""
    half_up = (2 * abs(numerator) + denominator) // (2 * denominator)
    return half_up if numerator >= 0 else -half_up


def line_total(line: LinePrices) -> int:
    """Quantity times price before any discount, rounded to the minor unit.

    Source: EN 16931, BT-131: price (BT-146) x quantity (BT-129) / price base quantity (BT-149).
    """
    return rounded(line.quantity * line.unit_price_minor, line.per)


def recomputed_total(order: OrderPrices) -> int:
    """What the order costs by its own lines, to be held against what the channel claims.

    Below 0 where the discounts are more than everything else.
    """
    total = order.shipping_minor + order.tax_minor - order.discount_minor
    for line in order.lines:
        total += line_total(line) - line.discount_minor
    return total


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """`amount_minor` divided in proportion to `weights` by largest remainder.

    The parts sum to the amount; none is below 0; a larger weight never gets less than a smaller
    one; of equal remainders the earlier one is served first. A weight of 0 gets nothing, unless
    all are 0: then the parts are as equal as they can be. Raises ValueError for a negative amount
    or weight, and where an amount has nobody to go to.
    """
    if amount_minor < 0 or any(weight < 0 for weight in weights):
        raise ValueError(f"{amount_minor} cannot be divided by {list(weights)}: below 0")
    if not weights:
        if amount_minor:
            raise ValueError(f"{amount_minor} cannot be divided among nobody")
        return []
    whole = sum(weights)
    if whole == 0:
        weights = [1] * len(weights)
        whole = len(weights)
    parts = [amount_minor * weight // whole for weight in weights]
    rest = amount_minor - sum(parts)
    first = sorted(range(len(weights)), key=lambda at: (-(amount_minor * weights[at] % whole), at))
    for at in first[:rest]:
        parts[at] += 1
    return parts


def shares(order: OrderPrices) -> list[Share]:
    """What each line bears of the order, in the order of the lines; the total_minor of all of them
    sum to `recomputed_total`.

    The order's discount goes by the lines' goods; gift cards take of it only what other lines
    cannot (Shopify: an order's discounts pass gift cards by), then shipping, then what is added on
    top. A line's own discount beyond the line counts as the order's. Shipping goes by what the
    goods cost before the order's discount. Tax goes to the line that it is charged on, as the
    channel gives it by line, or else by rate; what is on top beyond that (duties, fees, tips) goes
    by goods. Gift cards bear neither shipping nor such extras while another line can: they are
    vouchers, taxed when they are used (Directive 2006/112/EC, Article 30b).

    Raises ValueError for an order without lines that costs something, and for amounts below 0.
    """
    goods, discount = _goods(order)
    value = _without_gift_cards(order, goods)
    discounts, left = _discounts(order, goods, discount)
    shipping = max(0, order.shipping_minor - left)
    left -= order.shipping_minor - shipping
    added = max(0, order.tax_minor - left)
    left -= order.tax_minor - added
    if left:
        discounts = [a + b for a, b in zip(discounts, allocate(left, value), strict=True)]
    shippings = allocate(shipping, value)
    nets = [max(0, a - b) for a, b in zip(goods, discounts, strict=True)]
    goods_taxes, shipping_tax = _taxes(order, nets, shipping, added)
    shipping_taxes = allocate(shipping_tax, shippings)
    within = 0 if order.prices_include_tax else sum(goods_taxes) + shipping_tax
    extras = allocate(added - within, value)
    return [
        Share(
            line_id=line.line_id,
            goods_minor=goods[at],
            discount_minor=discounts[at],
            tax_minor=extras[at]
            + (0 if order.prices_include_tax else goods_taxes[at] + shipping_taxes[at]),
            shipping_minor=shippings[at],
            goods_tax_minor=goods_taxes[at],
            shipping_tax_minor=shipping_taxes[at],
            tax_rate_ppm=line.tax_rate_ppm,
            shipping_tax_rate_ppm=order.shipping_tax_rate_ppm,
            prices_include_tax=order.prices_include_tax,
        )
        for at, line in enumerate(order.lines)
    ]


def part_of(amount_minor: int, quantity: int, of_quantity: int, already: int) -> int:
    """What `quantity` pieces of a line of `of_quantity` bear when `already` pieces went before.

    The difference of two rounded sums, so that all parts of a line are its amount exactly.
    """
    upto = rounded(amount_minor * (already + quantity), of_quantity)
    return upto - rounded(amount_minor * already, of_quantity)


def part(share: Share, quantity: int, of_quantity: int, already: int) -> Share:
    """What `quantity` pieces of a line of `of_quantity` bear, when `already` pieces went before.

    Rounding is cumulative: the first n of q pieces are worth n/q of the line's total, rounded, and
    each part is the difference of two such sums, so that the parts of a line sum to its share
    exactly, however it is cut, and no total is below 0. Its tax and shipping are cut likewise;
    what rounding leaves between them and the total is in discount_minor. Raises ValueError where
    the pieces are more than the line has.
    """
    if quantity < 0 or already < 0 or of_quantity < 1 or already + quantity > of_quantity:
        raise ValueError(f"{quantity} after {already} are not pieces of {of_quantity}")

    def cut(amount_minor: int) -> int:
        return part_of(amount_minor, quantity, of_quantity, already)

    goods = cut(share.goods_minor)
    tax = cut(share.tax_minor)
    shipping = cut(share.shipping_minor)
    return replace(
        share,
        goods_minor=goods,
        discount_minor=goods + tax + shipping - cut(share.total_minor),
        tax_minor=tax,
        shipping_minor=shipping,
        goods_tax_minor=cut(share.goods_tax_minor),
        shipping_tax_minor=cut(share.shipping_tax_minor),
    )


def by_rate(order: OrderPrices) -> list[RateSum]:
    """Net and tax of the order at each rate, the highest first; together they are its total.

    Tax on a rate's lines is what the channel gives for them, or else the rate on their sum.
    Source: EN 16931, BG-23 and BR-CO-17.
    """
    return rate_sums(shares(order))


def rate_sums(borne: Sequence[Share]) -> list[RateSum]:
    """Net and tax of shares, or parts of shares, at each rate, the highest first: for a credit
    note. All parts of an order together give `by_rate` of it."""
    sums: dict[int, tuple[int, int]] = {}

    def add(rate_ppm: int, net: int, tax: int) -> None:
        nets, taxes = sums.get(rate_ppm, (0, 0))
        sums[rate_ppm] = (nets + net, taxes + tax)

    for share in borne:
        goods = share.goods_minor - share.discount_minor
        goods_tax, shipping_tax = share.goods_tax_minor, share.shipping_tax_minor
        if share.prices_include_tax:
            add(share.tax_rate_ppm, goods - goods_tax, goods_tax)
            add(share.shipping_tax_rate_ppm, share.shipping_minor - shipping_tax, shipping_tax)
            add(0, share.tax_minor, 0)
        else:
            add(share.tax_rate_ppm, goods, goods_tax)
            add(share.shipping_tax_rate_ppm, share.shipping_minor, shipping_tax)
            add(0, share.tax_minor - goods_tax - shipping_tax, 0)
    return [RateSum(rate, *sums[rate]) for rate in sorted(sums, reverse=True) if any(sums[rate])]


def _goods(order: OrderPrices) -> tuple[list[int], int]:
    """The lines after their own discounts, none below 0, and the discount that is the order's."""
    after = [line_total(line) - line.discount_minor for line in order.lines]
    beyond = -sum(amount for amount in after if amount < 0)
    return [max(0, amount) for amount in after], order.discount_minor + beyond


def _without_gift_cards(order: OrderPrices, goods: list[int]) -> list[int]:
    """The goods as weights, gift cards at 0; with them where nothing else costs anything."""
    value = [
        0 if line.kind == LineKind.GIFT_CARD else amount
        for line, amount in zip(order.lines, goods, strict=True)
    ]
    return value if any(value) else goods


def _discounts(order: OrderPrices, goods: list[int], discount: int) -> tuple[list[int], int]:
    """What of `discount` each line takes, and what no line can."""
    value = _without_gift_cards(order, goods)
    taken = min(discount, sum(value))
    discounts = allocate(taken, value)
    rest = [amount - gone for amount, gone in zip(goods, discounts, strict=True)]
    more = min(discount - taken, sum(rest))
    discounts = [a + b for a, b in zip(discounts, allocate(more, rest), strict=True)]
    return discounts, discount - taken - more


def _taxes(order: OrderPrices, nets: list[int], shipping: int, added: int) -> tuple[list[int], int]:
    """Tax within the order's total: on each line, and on shipping.

    Where tax comes on top, `added` is what there is for it. A difference of a minor unit a line is
    taken for rounding, and what is too little goes by what should be.
    """
    taxes, shipping_tax = _charged(order, nets, shipping)
    if order.prices_include_tax:
        return taxes, shipping_tax
    due = sum(taxes) + shipping_tax
    if due == 0:
        return allocate(added, _without_gift_cards(order, nets)), 0
    over = added - due
    if over > len(nets) + 1 or over == 0:
        return taxes, shipping_tax
    *given, on_shipping = allocate(added, [*taxes, shipping_tax])
    return given, on_shipping


def _charged(order: OrderPrices, nets: list[int], shipping: int) -> tuple[list[int], int]:
    """Tax by the lines' own sums, or else by rate, on each line and on shipping."""
    taxes = [0] * len(nets)
    shipping_tax = 0
    for rate in sorted({line.tax_rate_ppm for line in order.lines} | {order.shipping_tax_rate_ppm}):
        at_rate = [at for at, line in enumerate(order.lines) if line.tax_rate_ppm == rate]
        shipped = shipping if order.shipping_tax_rate_ppm == rate else 0
        if any(order.lines[at].tax_minor for at in at_rate):
            for at in at_rate:
                tax = order.lines[at].tax_minor or _tax(nets[at], rate, order.prices_include_tax)
                taxes[at] = min(tax, nets[at]) if order.prices_include_tax else tax
            shipping_tax += _tax(shipped, rate, order.prices_include_tax)
            continue
        weights = [*(nets[at] for at in at_rate), shipped]
        *parts, on_shipping = allocate(_tax(sum(weights), rate, order.prices_include_tax), weights)
        for at, amount in zip(at_rate, parts, strict=True):
            taxes[at] = amount
        shipping_tax += on_shipping
    return taxes, shipping_tax


def _tax(amount_minor: int, rate_ppm: int, included: bool) -> int:
    """Tax in, or on top of, an amount."""
    return rounded(amount_minor * rate_ppm, MILLION + (rate_ppm if included else 0))
