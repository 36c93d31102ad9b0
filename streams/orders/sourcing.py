"""How an order asks for its stock, and asks again."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import Destination, LineToSource, RankLocations
from schemas.messages import Send
from schemas.orders import LineState, OrderState, Refusal
from schemas.topics import FULFILLMENT_COMMANDS
from streams.orders import ending, paying, terms
from streams.orders.ending import Changed
from streams.orders.model import BACKORDER_LIMIT_MS, RESERVATION_HOLD_MS, after


def begin(state: OrderState, now_ms: int) -> Changed:
    """Ask for the stock of an order that has asked for none; one without goods goes on to pay."""
    if not state.lines:
        return paying.begin(state, now_ms)
    reserved_until = now_ms + RESERVATION_HOLD_MS
    asked = replace(
        state,
        status=after(state.status, RankLocations),
        attempt=state.attempt + 1,
        reserved_until_ms=reserved_until,
        wake_at_ms=reserved_until,
        ruled=False,
    )
    return asked, [rank(asked)]


def rank(state: OrderState) -> Send:
    """Have locations ranked, and the lines reserved there."""
    command = RankLocations(
        state.order_id,
        state.attempt,
        state.country,
        state.postal_code,
        state.latitude,
        state.longitude,
        [to_source(line) for line in state.lines],
        state.reserved_until_ms,
        state.channel,
        state.customer_group,
        state.backorder,
        state.priority,
        destinations(state, state.lines),
        state.currency,
        state.total_minor,
    )
    return Send(FULFILLMENT_COMMANDS, state.order_id, command)


def to_source(line: LineState) -> LineToSource:
    """The line as one that wants stock."""
    if line.address or line.pickup_location_id:
        return LineToSource(
            line.line_id, line.sku, line.quantity, line.address, line.pickup_location_id
        )
    return LineToSource(line.line_id, line.sku, line.quantity)


def destinations(state: OrderState, lines: list[LineState]) -> list[Destination]:
    """The further addresses that the lines go to."""
    wanted = {line.address for line in lines if line.address}
    if not wanted:
        return []
    return [
        Destination(
            number, address.country, address.postal_code, address.latitude, address.longitude
        )
        for number, address in enumerate(terms.of(state).more_addresses, start=1)
        if number in wanted
    ]


def retry(state: OrderState, now_ms: int) -> Changed:
    """Try again, unless the order has waited too long."""
    if state.waits_until_ms and now_ms >= state.waits_until_ms:
        return ending.cancelled(state, Refusal.BACKORDER_EXPIRED, now_ms)
    if not state.waits_until_ms and now_ms > state.accepted_at_ms + BACKORDER_LIMIT_MS:
        return ending.refused(state, state.refused_line, Refusal.BACKORDER_EXPIRED, now_ms)
    again = replace(
        state,
        # A place in the queue outlives the attempt: it has to be given up if this one fails.
        lines=[
            ending.unreserved(line, answered=False, waiting=line.waiting) for line in state.lines
        ],
        refused_line="",
        refused_reason="",
    )
    return begin(again, now_ms)
