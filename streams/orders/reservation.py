"""What inventory and fulfillment answer, and what follows: payment, a wait, or the end."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import Send
from schemas.orders import (
    LineState,
    OrderBackordered,
    OrderReserved,
    OrderState,
    RecordAvailability,
    RecordReservation,
    RecordSourcingFailure,
    Refusal,
    Status,
)
from schemas.routing import Otherwise
from schemas.topics import ORDERS_EVENTS
from streams.orders import amendment, ending, paying, sourcing, unroutable
from streams.orders.ending import Changed
from streams.orders.model import (
    BACKORDER_RETRY_MS,
    LINE_REFUSALS,
    RESERVATION_HOLD_MS,
    TOLD_RETRY_MS,
    after,
    pause_ms,
)


def record(state: OrderState, reply: RecordReservation, now_ms: int) -> Changed:
    """Inventory has answered for a line."""
    if reply.attempt != state.attempt:
        return state, []
    lines = _answered(state.lines, reply)
    if lines is None:
        return state, []
    if state.status == Status.AMENDING:
        return amendment.answered(state, lines, reply, now_ms)
    if state.status != Status.RESERVING:
        return _late(state, lines, reply)
    # A reason that waiting cannot mend outweighs missing stock; else the first one stands.
    if not reply.reserved and (
        not state.refused_reason or state.refused_reason == Refusal.OUT_OF_STOCK
    ):
        state = replace(
            state,
            lines=lines,
            refused_line=reply.line_id,
            refused_reason=LINE_REFUSALS[reply.reason],
            ruled=state.ruled or reply.ruled,
        )
    else:
        state = replace(state, lines=lines)
    for line in lines:
        if not line.answered:
            return state, []
    if state.cancel_reason:
        return ending.cancelled(state, state.cancel_reason, now_ms, state.actor)
    if not state.refused_reason:
        return _reserved(state, now_ms)
    return _not_reserved(state, now_ms)


def _answered(lines: list[LineState], reply: RecordReservation) -> list[LineState] | None:
    """The lines with the reply in; None when that line is not waiting for one."""
    for index, line in enumerate(lines):
        if line.line_id == reply.line_id and not line.answered:
            changed = lines.copy()
            if line.wanted:
                changed[index] = amendment.resized(line, reply)
                return changed
            location_id = reply.location_id if reply.reserved else ""
            changed[index] = LineState(
                line.line_id, line.sku, line.quantity, True, location_id, reply.also_at,
                reply.waiting, reply.promised_at_ms,
                address=line.address, pickup_location_id=line.pickup_location_id,
            )  # fmt: skip
            return changed
    return None


def _late(state: OrderState, lines: list[LineState], reply: RecordReservation) -> Changed:
    """The order ended without waiting for this reply: what it reserved or queued goes back."""
    sends = [
        ending.release(state.order_id, line, state.cancel_reason)
        for line in lines
        if line.line_id == reply.line_id and (line.location_id or line.waiting)
    ]
    return replace(state, lines=lines), sends


def _reserved(state: OrderState, now_ms: int) -> Changed:
    order_id = state.order_id
    state, ask = paying.asked(state, after(state.status, OrderReserved))
    sends = [Send(ORDERS_EVENTS, order_id, OrderReserved(order_id, now_ms)), ask]
    if state.holds or state.waits_until_ms:
        state, more = unroutable.served(state, now_ms)
        sends += more
    return state, sends


def _not_reserved(
    state: OrderState, now_ms: int, decided: RecordSourcingFailure | None = None
) -> Changed:
    """Not every line has stock: change the order if that is wanted, wait, or give it up, as the
    rules of routing say, where they do, or else its policy."""
    if state.amendments:
        state, sends = amendment.possible(state, now_ms)
        if state.amendments:
            following, more = amendment.instead(state, now_ms)
        else:
            following, more = _not_reserved(state, now_ms, decided)
        return following, sends + more
    if decided is not None and decided.otherwise == Otherwise.CANCEL:
        return unroutable.refused(state, decided.rule, now_ms)
    can_wait = state.refused_reason in (Refusal.OUT_OF_STOCK, Refusal.NO_LOCATION)
    if decided is not None and (decided.otherwise or (state.backorder and can_wait)):
        return _waits(state, decided, now_ms)
    if decided is None and state.ruled and state.refused_reason == Refusal.OUT_OF_STOCK:
        return unroutable.ask(state)
    if state.backorder and can_wait:
        return _backordered(state, now_ms)
    return ending.refused(state, state.refused_line, state.refused_reason, now_ms)


def _waits(state: OrderState, decided: RecordSourcingFailure, now_ms: int) -> Changed:
    """A rule of routing has it wait. One whose lines stand in no queue, for its policy would not
    have it wait, tries again at once to get them there."""
    at_once = not state.backorder and state.refused_reason == Refusal.OUT_OF_STOCK
    waiting, sends = unroutable.waits(state, decided, now_ms)
    following, more = _backordered(waiting, now_ms, at_once=at_once)
    return following, sends + more


def _backordered(state: OrderState, now_ms: int, *, at_once: bool = False) -> Changed:
    """Give back what is reserved and wait for the rest; lines in a queue stay there."""
    order_id = state.order_id
    missing = [line for line in state.lines if not line.location_id]
    # A line that waits from an earlier attempt is not told of by this one's number.
    told = all(line.waiting and line.answered for line in missing)
    retry_at = now_ms + (TOLD_RETRY_MS if told else BACKORDER_RETRY_MS)
    if any(line.available for line in missing):
        retry_at = min(retry_at, _next_attempt_ms(state, now_ms))
    if at_once:
        retry_at = now_ms
    elif state.waits_until_ms:
        retry_at = min(retry_at, max(now_ms, state.waits_until_ms))
    promised = told and all(line.promised_at_ms for line in missing)
    event = OrderBackordered(
        order_id,
        state.refused_line,
        state.refused_reason,
        state.attempt,
        retry_at,
        now_ms,
        max(line.promised_at_ms for line in missing) if promised else 0,
    )
    sends = [
        ending.release(order_id, line, state.refused_reason)
        for line in state.lines
        if line.location_id
    ]
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    waiting = replace(
        state,
        status=after(state.status, OrderBackordered),
        lines=[
            line if line.waiting else ending.unreserved(line, answered=True) for line in state.lines
        ],
        wake_at_ms=retry_at,
    )
    return waiting, sends


def record_availability(state: OrderState, notice: RecordAvailability, now_ms: int) -> Changed:
    """The queue holds stock for a line. Whatever the order does about it, it is held for a day."""
    line = next((each for each in state.lines if each.line_id == notice.line_id), None)
    if line is None:
        return state, []
    if state.status in (Status.REFUSED, Status.CANCELLED):
        reason = state.cancel_reason or state.refused_reason
        return state, [ending.release(state.order_id, line, reason)]
    # An attempt that has not asked for the line yet will find what is held; one that has, will not.
    if notice.attempt != state.attempt or not line.waiting or not line.answered:
        return state, []
    state = replace(
        state,
        lines=[replace(each, available=True) if each is line else each for each in state.lines],
    )
    if state.status != Status.BACKORDERED:
        return state, []
    next_ms = _next_attempt_ms(state, now_ms)
    if next_ms > now_ms:
        return replace(state, wake_at_ms=min(state.wake_at_ms, next_ms)), []
    return sourcing.retry(state, now_ms)


def _next_attempt_ms(state: OrderState, now_ms: int) -> int:
    """When an order that has word of stock tries again, now or later."""
    started_ms = state.reserved_until_ms - RESERVATION_HOLD_MS
    return max(now_ms, started_ms + pause_ms(state.order_id, state.attempt))


def record_failure(state: OrderState, reply: RecordSourcingFailure, now_ms: int) -> Changed:
    """No location may serve the order, or what is asked for in a change of it; or the rules of
    routing have decided about one without stock."""
    if reply.attempt != state.attempt:
        return state, []
    if state.status == Status.AMENDING:
        return amendment.not_sourced(state, now_ms)
    if state.status != Status.RESERVING:
        return state, []
    if state.cancel_reason:
        return ending.cancelled(state, state.cancel_reason, now_ms, state.actor)
    if not state.refused_reason:
        # A stop ends, and a day's capacity is there again on the next one.
        state = replace(state, refused_reason=Refusal.NO_LOCATION)
    return _not_reserved(state, now_ms, reply)
