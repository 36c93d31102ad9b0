"""What is billed as it leaves, and credited as it is given back: each minor unit on a line.

What a line bears is divided into its goods, its shipping and its fees, net and tax, by cuts that
only ever grow with the sum that is cut. So whatever pieces are billed or given back together, no
part is below 0, the parts are together what is taken for them, and all of them what the line bears.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.accounting import (
    DEFAULT_ENTITY,
    DocumentLine,
    DocumentLineKind,
    IssueCreditNote,
    IssueInvoice,
)
from schemas.messages import Send
from schemas.orders import BilledLine, LineKind, OrderLine, OrderState, Parcel, PlaceOrder
from schemas.payments import Method
from schemas.topics import ACCOUNTING_COMMANDS
from schemas.totals import Share, rounded, shares
from streams.orders import terms
from streams.orders.ending import Changed
from streams.orders.model import DAY_MS

SHIPPING, FEES = "|shipping", "|fees"
"""line_id of what is no line of the order; no channel's has a bar"""
TITLES = {SHIPPING: "Shipping", FEES: "Fees"}


class Sum(NamedTuple):
    """Of one line of a document."""

    net_minor: int
    tax_minor: int

    @property
    def gross_minor(self) -> int:
        """What the customer pays."""
        return self.net_minor + self.tax_minor

    def plus(self, other: Sum) -> Sum:
        """Both together."""
        return Sum(self.net_minor + other.net_minor, self.tax_minor + other.tax_minor)

    def minus(self, other: Sum) -> Sum:
        """This without the other."""
        return Sum(self.net_minor - other.net_minor, self.tax_minor - other.tax_minor)

    def part(self, gross_minor: int) -> Sum:
        """So much of it, its tax in proportion."""
        tax = rounded(self.tax_minor * gross_minor, self.gross_minor) if gross_minor else 0
        return Sum(gross_minor - tax, tax)


NOTHING = Sum(0, 0)
Sums = dict[str, Sum]
"""by the line_id of a document"""


class Bearer(NamedTuple):
    """A line that is billed by its pieces: what it bears itself, and for the bundle that it is a
    part of."""

    line: OrderLine
    share: Share | None
    own_minor: int
    head: OrderLine | None = None
    head_share: Share | None = None
    head_before_minor: int = 0
    """what the bundle's parts before this one bear of it"""
    head_minor: int = 0

    def pieces(self, first: int, upto: int) -> Sums:
        """What the pieces from number `first` to before number `upto` bear, from 0."""
        before, after = self._upto(first), self._upto(upto)
        return {name: after[name].minus(before.get(name, NOTHING)) for name in after}

    def _upto(self, pieces: int) -> Sums:
        whole = self.own_minor + self.head_minor
        amount = rounded(whole * pieces, self.line.quantity)
        own, of_head = _cut(amount, (self.own_minor, self.head_minor))
        sums = _divided(self.line, self.share, own)
        if self.head is not None:
            before = self.head_before_minor
            start = _divided(self.head, self.head_share, before)
            for name, one in _divided(self.head, self.head_share, before + of_head).items():
                sums[name] = sums.get(name, NOTHING).plus(one.minus(start[name]))
        return sums


def bearers(order: PlaceOrder) -> dict[str, Bearer]:
    """The lines that are billed by their pieces: all but the heads of bundles that have goods."""
    worths = terms.worths(order)
    try:
        borne: list[Share | None] = [*shares(order)]
    except ValueError:  # amounts below 0, which no channel should send
        borne = [None] * len(order.lines)
    by_id = {line.line_id: share for line, share in zip(order.lines, borne, strict=True)}
    spread = terms.shipped_worths(order)
    heads = bundles(order)
    before: dict[str, int] = {}
    found = {}
    for line in order.lines:
        if line.line_id in heads:
            continue
        own = worths[line.line_id]
        of_head = spread[line.line_id] - own
        one = Bearer(line, by_id[line.line_id], own)
        if of_head:
            head = next(each for each in order.lines if each.line_id == line.parent_line_id)
            start = before.get(head.line_id, 0)
            one = one._replace(
                head=head, head_share=by_id[head.line_id], head_before_minor=start,
                head_minor=of_head,
            )  # fmt: skip
            before[head.line_id] = start + of_head
        found[line.line_id] = one
    return found


def bundles(order: PlaceOrder) -> dict[str, list[OrderLine]]:
    """The heads of bundles that have goods among their parts, with these."""
    heads: dict[str, list[OrderLine]] = {
        line.line_id: [] for line in order.lines if line.kind == LineKind.BUNDLE
    }
    for line in order.lines:
        if line.kind == LineKind.GOODS and line.parent_line_id in heads:
            heads[line.parent_line_id].append(line)
    return {line_id: parts for line_id, parts in heads.items() if parts}


def _cut(amount: int, weights: Sequence[int]) -> list[int]:
    """`amount` divided in proportion to `weights`, so that no part is less for a larger amount.

    The first gets all where no weight is more than 0.
    """
    parts = []
    whole = sum(weights)
    for weight in weights[:-1]:
        taken = rounded(amount * weight, whole) if whole else amount
        parts.append(taken)
        amount, whole = amount - taken, whole - weight
    return [*parts, amount]


def _divided(line: OrderLine, share: Share | None, amount: int) -> Sums:
    """`amount` as goods, shipping and fees of a line, in proportion to what it bears of them."""
    if share is None:
        return {line.line_id: Sum(amount, 0), SHIPPING: NOTHING, FEES: NOTHING}
    goods, goods_tax = share.goods_minor - share.discount_minor, share.goods_tax_minor
    shipping, shipping_tax = share.shipping_minor, share.shipping_tax_minor
    fees = share.tax_minor
    if not share.prices_include_tax:
        goods, shipping = goods + goods_tax, shipping + shipping_tax
        fees -= goods_tax + shipping_tax
    weights = [max(0, each) for each in (goods, shipping, fees)]
    goods, shipping, fees = weights
    of_goods, of_shipping, of_fees = _cut(amount, weights)
    return {
        line.line_id: Sum(*_cut(of_goods, (max(0, goods - goods_tax), goods_tax))),
        SHIPPING: Sum(*_cut(of_shipping, (max(0, shipping - shipping_tax), shipping_tax))),
        FEES: Sum(of_fees, 0),
    }


def billed(
    state: OrderState, capture_id: str, pieces: Mapping[str, int], amount_minor: int, at_ms: int,
    *, final: bool,
) -> Changed:  # fmt: skip
    """Bill the pieces that have left, which count as shipped already; with the last of them, what
    is not shipped at all. What costs nothing has no invoice."""
    order = terms.of(state)
    bears = bearers(order)
    shipped = {line.line_id: line.shipped for line in state.lines}
    wanted: dict[str, tuple[int, int]] = {
        name: (shipped[name] - quantity, shipped[name]) for name, quantity in pieces.items()
    }
    if final:
        wanted |= {
            name: (0, one.line.quantity)
            for name, one in bears.items()
            if one.line.kind != LineKind.GOODS and name not in state.cancelled_lines
        }
    if not wanted:
        return state, []
    sums: Sums = {}
    for name, (first, upto) in wanted.items():
        add(sums, bears[name].pieces(first, upto))
    quantities = with_heads(order, {name: upto - at for name, (at, upto) in wanted.items()})
    parcel = Parcel(capture_id, _billed_lines(order, sums, quantities))
    state = _with_parcel(state, parcel)
    if amount_minor <= 0:
        return state, []
    invoice = _invoice(state, order, parcel, amount_minor, at_ms)
    return state, [Send(ACCOUNTING_COMMANDS, DEFAULT_ENTITY, invoice)]


def add(sums: Sums, more: Sums) -> None:
    """Put `more` to `sums`."""
    for name, one in more.items():
        sums[name] = sums.get(name, NOTHING).plus(one)


def with_heads(order: PlaceOrder, quantities: Mapping[str, int]) -> dict[str, int]:
    """The quantities, and those of bundles of which all parts are there as a whole."""
    known = {line.line_id: line for line in order.lines}
    whole = dict(quantities)
    for line_id, parts in bundles(order).items():
        if all(quantities.get(each.line_id) == each.quantity for each in parts):
            whole[line_id] = known[line_id].quantity
    return whole


def _billed_lines(order: PlaceOrder, sums: Sums, quantities: Mapping[str, int]) -> list[BilledLine]:
    lines = [
        BilledLine(
            line.line_id, line.kind, quantities.get(line.line_id, 0), *sums[line.line_id],
            line.tax_rate_ppm,
        )
        for line in order.lines
        if line.line_id in sums
    ]  # fmt: skip
    for name, kind, rate in (
        (SHIPPING, DocumentLineKind.SHIPPING, order.shipping_tax_rate_ppm),
        (FEES, DocumentLineKind.FEE, 0),
    ):
        if sums[name].gross_minor:
            lines.append(BilledLine(name, kind, 1, *sums[name], rate))
    return lines


def _with_parcel(state: OrderState, parcel: Parcel) -> OrderState:
    return replace(state, parcels=[*state.parcels, parcel])


def invoice_key(order_id: str, capture_id: str) -> str:
    """document_key of what was billed with a capture."""
    return f"{order_id}/{capture_id}"


def _invoice(
    state: OrderState, order: PlaceOrder, parcel: Parcel, amount_minor: int, at_ms: int
) -> IssueInvoice:
    terms_days = max(
        (one.terms_days for one in terms.tenders(order) if one.method == Method.INVOICE), default=0
    )
    return IssueInvoice(
        legal_entity=DEFAULT_ENTITY,
        document_key=invoice_key(state.order_id, parcel.capture_id),
        order_id=state.order_id,
        currency=state.currency,
        lines=_document_lines(order, [(one, one.quantity, _of(one)) for one in parcel.lines]),
        total_minor=amount_minor,
        issued_at_ms=at_ms,
        customer_id=state.customer_id,
        key_id=order.key_id,
        personal=order.personal,
        due_at_ms=at_ms + terms_days * DAY_MS if terms_days else 0,
        purchase_order_number=order.purchase_order_number,
    )


def _of(line: BilledLine) -> Sum:
    return Sum(line.net_minor, line.tax_minor)


def left(line: BilledLine) -> Sum:
    """What of it was not given back."""
    return _of(line).minus(Sum(line.back_net_minor, line.back_tax_minor))


def credited(
    state: OrderState, parcel: Parcel, back: Sums, quantities: Mapping[str, int], refund_id: str,
    reason: str, at_ms: int,
) -> list[Send]:  # fmt: skip
    """Credit what is given back of a parcel; nothing where it comes to nothing."""
    total = sum(one.gross_minor for one in back.values())
    if not total:
        return []
    order = terms.of(state)
    lines = [
        (one, quantities.get(one.line_id, 0), back.get(one.line_id, NOTHING))
        for one in parcel.lines
        if back.get(one.line_id, NOTHING).gross_minor or quantities.get(one.line_id)
    ]
    note = IssueCreditNote(
        legal_entity=DEFAULT_ENTITY,
        # With bars, so that it can be no invoice's.
        document_key=f"{state.order_id}|{refund_id}|{parcel.capture_id}",
        invoice_key=invoice_key(state.order_id, parcel.capture_id),
        order_id=state.order_id,
        currency=state.currency,
        lines=_document_lines(order, lines),
        total_minor=total,
        issued_at_ms=at_ms,
        customer_id=state.customer_id,
        key_id=order.key_id,
        personal=order.personal,
        purchase_order_number=order.purchase_order_number,
        reason=reason,
    )
    return [Send(ACCOUNTING_COMMANDS, DEFAULT_ENTITY, note)]


def _document_lines(
    order: PlaceOrder, lines: Iterable[tuple[BilledLine, int, Sum]]
) -> list[DocumentLine]:
    known = {line.line_id: line for line in order.lines}
    made = []
    for one, quantity, sum_ in lines:
        line = known.get(one.line_id)
        made.append(
            DocumentLine(
                one.line_id,
                line.sku if line is not None else "",
                line.title or line.sku if line is not None else TITLES[one.line_id],
                quantity,
                *sum_,
                one.tax_rate_ppm,
                one.kind,
            )
        )
    return made
