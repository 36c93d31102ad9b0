"""What an order is about: its lines and prices as they are now, and what each line is worth.

The state keeps PlaceOrder in the contract's encoding, so that the steps in which nobody looks into
it carry it on as it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.orders import (
    Address,
    LineKind,
    LineState,
    OrderLine,
    OrderState,
    PlaceOrder,
    Tender,
)
from schemas.totals import allocate, line_total, recomputed_total, shares

_NOWHERE = Address("", "", "", "", "", "", "", 0.0, 0.0)


def of(state: OrderState) -> PlaceOrder:
    """The order as it is now.

    One from before orders kept it has its lines without prices, and all of its total as shipping,
    so that every line bears the same share.
    """
    if not state.content:
        return _older(state)
    found = codec.decode(state.content)
    assert isinstance(found, PlaceOrder)
    return found


def of_channel(state: OrderState) -> PlaceOrder:
    """The order as the channel last gave it."""
    if not state.channel_content:
        return of(state)
    found = codec.decode(state.channel_content)
    assert isinstance(found, PlaceOrder)
    return found


def _older(state: OrderState) -> PlaceOrder:
    return PlaceOrder(
        order_id=state.order_id,
        channel=state.channel,
        external_id="",
        version=state.version,
        placed_at_ms=state.accepted_at_ms,
        currency=state.currency,
        lines=[OrderLine(line.line_id, line.sku, line.quantity, 0) for line in state.lines],
        discount_minor=0,
        shipping_minor=state.total_minor,
        tax_minor=0,
        total_minor=state.total_minor,
        payment_method=state.payment_method,
        payment_token=state.payment_token,
        paid_minor=state.paid_minor,
        paid_currency=state.paid_currency,
        ship_to=replace(
            _NOWHERE,
            postal_code=state.postal_code,
            country=state.country,
            latitude=state.latitude,
            longitude=state.longitude,
        ),
        backorder=state.backorder,
        raw_id="",
    )


def tenders(order: PlaceOrder) -> list[Tender]:
    """How it is paid; the one tender that PlaceOrder stands for where it names none."""
    if order.tenders:
        return order.tenders
    return [
        Tender(
            "1", order.payment_method, 0, order.payment_token,
            order.paid_minor, order.paid_currency,
        )
    ]  # fmt: skip


def line_states(order: PlaceOrder) -> list[LineState]:
    """The lines that want stock: goods, and nothing else."""
    return [fresh(line) for line in order.lines if line.kind == LineKind.GOODS]


def fresh(line: OrderLine) -> LineState:
    """A line for which nothing has been asked yet."""
    return LineState(
        line.line_id, line.sku, line.quantity, False, "", [], False, 0, False,
        line.address, line.pickup_location_id,
    )  # fmt: skip


def with_parts(order: PlaceOrder, line_ids: list[str]) -> list[str]:
    """The lines and, of bundles among them, the parts; in the order of the order."""
    wanted = set(line_ids)
    return [
        line.line_id
        for line in order.lines
        if line.line_id in wanted or (line.parent_line_id and line.parent_line_id in wanted)
    ]


def torn_bundle(order: PlaceOrder, line_ids: list[str]) -> str:
    """A line of these that is a part of a bundle which is not among them; empty for none."""
    wanted = set(line_ids)
    heads = {line.line_id for line in order.lines if line.kind == LineKind.BUNDLE}
    for line in order.lines:
        if line.line_id in wanted and line.parent_line_id in heads - wanted:
            return line.line_id
    return ""


def worths(order: PlaceOrder) -> dict[str, int]:
    """What each line bears of the order's total, to the minor unit; together they are the total.

    Where the channel's total is not that of the lines, what they bear is in proportion to it.
    """
    try:
        amounts = [share.total_minor for share in shares(order)]
    except ValueError:  # amounts below 0, which no channel should send
        amounts = [1] * len(order.lines)
    total = max(0, order.total_minor)
    if sum(amounts) != total or min(amounts, default=0) < 0:
        amounts = allocate(total, [max(0, amount) for amount in amounts])
    return {line.line_id: amount for line, amount in zip(order.lines, amounts, strict=True)}


def shipped_worths(order: PlaceOrder) -> dict[str, int]:
    """The same, where what a bundle's head bears is spread over the parts that are shipped."""
    return _spread(order, worths(order))


def values(order: PlaceOrder) -> dict[str, int]:
    """The price of each line less its own discount; a bundle's is spread over its parts."""
    amounts = {line.line_id: max(0, line_total(line) - line.discount_minor) for line in order.lines}
    return _spread(order, amounts)


def kits(order: PlaceOrder) -> dict[str, str]:
    """The bundle of each line that is a part of one."""
    return {line.line_id: line.parent_line_id for line in order.lines if line.parent_line_id}


def _spread(order: PlaceOrder, amounts: dict[str, int]) -> dict[str, int]:
    for head in order.lines:
        if head.kind != LineKind.BUNDLE or not amounts[head.line_id]:
            continue
        parts = [
            line
            for line in order.lines
            if line.parent_line_id == head.line_id and line.kind == LineKind.GOODS
        ]
        if parts:
            spread = allocate(amounts[head.line_id], [line.quantity for line in parts])
            for line, amount in zip(parts, spread, strict=True):
                amounts[line.line_id] += amount
            amounts[head.line_id] = 0
    return amounts


def difference(order: PlaceOrder) -> int:
    """The total recomputed from the lines less the channel's claim, in minor units."""
    return recomputed_total(order) - order.total_minor
