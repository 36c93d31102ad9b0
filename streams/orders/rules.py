"""What the orders room decides, in the order in which an order lives.

Every function is pure. It takes the state as it is and gives the state as it is to be with the
records to write; the same state object again means that nothing changes.
"""

from __future__ import annotations

from msgspec.structs import astuple, replace

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    LineToSource,
    RankLocations,
    RouteOrder,
)
from schemas.inventory import ReleaseStock
from schemas.messages import Send
from schemas.orders import (
    CancelOrder,
    LineState,
    OrderAuthorized,
    OrderBackordered,
    OrderCancelled,
    OrderCommandRefused,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    OrderState,
    PlaceOrder,
    RecordAvailability,
    RecordPayment,
    RecordReservation,
    RecordRouting,
    RecordSourcingFailure,
    Refusal,
    Status,
)
from schemas.payments import AuthorizePayment, VoidPayment
from schemas.records import Record
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    INVENTORY_COMMANDS,
    ORDERS_EVENTS,
    PAYMENTS_COMMANDS,
)
from streams.content import hash_of
from streams.orders.model import (
    BACKORDER_LIMIT_MS,
    BACKORDER_RETRY_MS,
    LINE_REFUSALS,
    REPLY_PATIENCE_MS,
    RESERVATION_EXPIRED,
    RESERVATION_HOLD_MS,
    START,
    TOLD_RETRY_MS,
    after,
    pause_ms,
)

Decision = tuple[OrderState | None, list[Send]]


def decide(state: OrderState | None, command: Record, now_ms: int) -> Decision:
    """The order after `command`, and what to write. Raises TypeError for a foreign record."""
    match command:
        case RecordReservation():
            return _record_reservation(state, command, now_ms)
        case PlaceOrder():
            return _place(state, command, now_ms)
        case RecordPayment():
            return _record_payment(state, command, now_ms)
        case RecordRouting():
            return _record_routing(state, command, now_ms)
        case CancelOrder():
            return _cancel(state, command, now_ms)
        case RecordSourcingFailure():
            return _record_sourcing_failure(state, command, now_ms)
        case RecordAvailability():
            return _record_availability(state, command, now_ms)
    raise TypeError(f"the orders room takes no {type(command).__name__}")


def wake(state: OrderState, now_ms: int) -> Decision:
    """The order after its `wake_at_ms` has come, and what to write."""
    if state.wake_at_ms > now_ms:
        return state, []
    if state.status == Status.BACKORDERED:
        return _retry(state, now_ms)
    if state.status == Status.RESERVING:
        if not state.cancel_reason:
            return _cancel_when_answered(state, RESERVATION_EXPIRED, now_ms)
        return _cancelled(state, state.cancel_reason, now_ms)
    if state.status in (Status.AUTHORIZING, Status.ROUTING):
        return _cancelled(state, RESERVATION_EXPIRED, now_ms)
    return replace(state, wake_at_ms=0), []


def content_hash(order: PlaceOrder) -> int:
    """63 bits of the order's content, without raw_id and version: tells a repeat from a conflict.

    It is kept in the state, so it names its fields: one that the record gains later counts only
    where it is used, and does not turn a repeat of an older order into a conflict.
    """
    content: tuple[object, ...] = (
        order.order_id, order.channel, order.external_id, order.placed_at_ms, order.currency,
        [
            (line.line_id, line.sku, line.quantity, line.unit_price_minor)
            for line in order.lines
        ],
        order.discount_minor, order.shipping_minor, order.tax_minor, order.total_minor,
        order.payment_method, order.payment_token, order.paid_minor, order.paid_currency,
        astuple(order.ship_to), order.backorder,
    )  # fmt: skip
    if order.customer_group or order.priority:
        content += (order.customer_group, order.priority)
    return hash_of(content)


def _place(state: OrderState | None, command: PlaceOrder, now_ms: int) -> Decision:
    digest = content_hash(command)
    if state is None:
        return _accept(command, digest, now_ms)
    if state.content_hash == digest:
        return state, []
    if command.version < state.version:
        detail = f"version {command.version} is older than {state.version}, which is in work"
    elif command.version == state.version:
        detail = f"version {command.version} came before with other content"
    else:
        detail = f"version {command.version} is newer than {state.version}; not amended yet"
    refused = OrderCommandRefused(
        state.order_id, "PlaceOrder", Refusal.ORDER_CONFLICT, detail, now_ms
    )
    return state, [Send(ORDERS_EVENTS, state.order_id, refused)]


def _accept(command: PlaceOrder, digest: int, now_ms: int) -> Decision:
    order_id = command.order_id
    ship_to = command.ship_to
    reserved_until = now_ms + RESERVATION_HOLD_MS
    state = OrderState(
        order_id=order_id,
        status=after(START, OrderPlaced),
        content_hash=digest,
        version=command.version,
        attempt=1,
        currency=command.currency,
        total_minor=command.total_minor,
        payment_method=command.payment_method,
        payment_token=command.payment_token,
        paid_minor=command.paid_minor,
        paid_currency=command.paid_currency,
        country=ship_to.country,
        postal_code=ship_to.postal_code,
        latitude=ship_to.latitude,
        longitude=ship_to.longitude,
        backorder=command.backorder,
        lines=[
            LineState(line.line_id, line.sku, line.quantity, False, "", [])
            for line in command.lines
        ],
        cancel_reason="",
        refused_line="",
        refused_reason="",
        accepted_at_ms=now_ms,
        reserved_until_ms=reserved_until,
        wake_at_ms=reserved_until,
        channel=command.channel,
        customer_group=command.customer_group,
        priority=command.priority,
    )
    placed = OrderPlaced(
        order_id=order_id,
        channel=command.channel,
        external_id=command.external_id,
        currency=command.currency,
        total_minor=command.total_minor,
        total_difference_minor=_total_minor(command) - command.total_minor,
        lines=command.lines,
        country=ship_to.country,
        placed_at_ms=command.placed_at_ms,
        raw_id=command.raw_id,
        at_ms=now_ms,
    )
    return state, [Send(ORDERS_EVENTS, order_id, placed), _rank(state)]


def _total_minor(command: PlaceOrder) -> int:
    """The total as the lines give it."""
    total = command.shipping_minor + command.tax_minor - command.discount_minor
    for line in command.lines:
        total += line.quantity * line.unit_price_minor
    return total


def _rank(state: OrderState) -> Send:
    command = RankLocations(
        state.order_id,
        state.attempt,
        state.country,
        state.postal_code,
        state.latitude,
        state.longitude,
        [LineToSource(line.line_id, line.sku, line.quantity) for line in state.lines],
        state.reserved_until_ms,
        state.channel,
        state.customer_group,
        state.backorder,
        state.priority,
    )
    return Send(FULFILLMENT_COMMANDS, state.order_id, command)


def _record_reservation(
    state: OrderState | None, reply: RecordReservation, now_ms: int
) -> Decision:
    if state is None or reply.attempt != state.attempt:
        return state, []
    lines = _answered(state.lines, reply)
    if lines is None:
        return state, []
    if state.status != Status.RESERVING:
        return _late_reservation(state, lines, reply)
    # A reason that waiting cannot mend outweighs missing stock; else the first one stands.
    if not reply.reserved and (
        not state.refused_reason or state.refused_reason == Refusal.OUT_OF_STOCK
    ):
        state = replace(
            state,
            lines=lines,
            refused_line=reply.line_id,
            refused_reason=LINE_REFUSALS[reply.reason],
        )
    else:
        state = replace(state, lines=lines)
    for line in lines:
        if not line.answered:
            return state, []
    if state.cancel_reason:
        return _cancelled(state, state.cancel_reason, now_ms)
    if not state.refused_reason:
        return _reserved(state, now_ms)
    if state.backorder and state.refused_reason == Refusal.OUT_OF_STOCK:
        return _backordered(state, now_ms)
    return _refused(state, state.refused_line, state.refused_reason, now_ms)


def _answered(lines: list[LineState], reply: RecordReservation) -> list[LineState] | None:
    """The lines with the reply in; None when that line is not waiting for one."""
    for index, line in enumerate(lines):
        if line.line_id == reply.line_id:
            if line.answered:
                return None
            location_id = reply.location_id if reply.reserved else ""
            changed = lines.copy()
            changed[index] = LineState(
                line.line_id, line.sku, line.quantity, True, location_id, reply.also_at,
                reply.waiting, reply.promised_at_ms,
            )  # fmt: skip
            return changed
    return None


def _late_reservation(
    state: OrderState, lines: list[LineState], reply: RecordReservation
) -> Decision:
    """The order ended without waiting for this reply: what it reserved or queued goes back."""
    sends = [
        _release(state.order_id, line, state.cancel_reason)
        for line in lines
        if line.line_id == reply.line_id and (line.location_id or line.waiting)
    ]
    return replace(state, lines=lines), sends


def _reserved(state: OrderState, now_ms: int) -> Decision:
    order_id = state.order_id
    authorize = AuthorizePayment(
        order_id,
        state.total_minor,
        state.currency,
        state.payment_method,
        state.payment_token,
        state.paid_minor,
        state.paid_currency,
    )
    return replace(state, status=after(state.status, OrderReserved)), [
        Send(ORDERS_EVENTS, order_id, OrderReserved(order_id, now_ms)),
        Send(PAYMENTS_COMMANDS, order_id, authorize),
    ]


def _backordered(state: OrderState, now_ms: int) -> Decision:
    """Give back what is reserved and wait for the rest; lines in a queue stay there."""
    order_id = state.order_id
    missing = [line for line in state.lines if not line.location_id]
    # A line that waits from an earlier attempt is not told of by this one's number.
    told = all(line.waiting and line.answered for line in missing)
    retry_at = now_ms + (TOLD_RETRY_MS if told else BACKORDER_RETRY_MS)
    if any(line.available for line in missing):
        retry_at = min(retry_at, _next_attempt_ms(state, now_ms))
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
        _release(order_id, line, state.refused_reason) for line in state.lines if line.location_id
    ]
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    waiting = replace(
        state,
        status=after(state.status, OrderBackordered),
        lines=[
            line if line.waiting else LineState(line.line_id, line.sku, line.quantity, True, "", [])
            for line in state.lines
        ],
        wake_at_ms=retry_at,
    )
    return waiting, sends


def _record_availability(
    state: OrderState | None, notice: RecordAvailability, now_ms: int
) -> Decision:
    """The queue holds stock for a line. Whatever the order does about it, it is held for a day."""
    line = next(
        (each for each in (state.lines if state else []) if each.line_id == notice.line_id), None
    )
    if state is None or line is None:
        return state, []
    if state.status in (Status.REFUSED, Status.CANCELLED):
        return state, [_release(state.order_id, line, state.cancel_reason or state.refused_reason)]
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
    return _retry(state, now_ms)


def _next_attempt_ms(state: OrderState, now_ms: int) -> int:
    """When an order that has word of stock tries again, now or later."""
    started_ms = state.reserved_until_ms - RESERVATION_HOLD_MS
    return max(now_ms, started_ms + pause_ms(state.order_id, state.attempt))


def _retry(state: OrderState, now_ms: int) -> Decision:
    if now_ms > state.accepted_at_ms + BACKORDER_LIMIT_MS:
        return _refused(state, state.refused_line, Refusal.BACKORDER_EXPIRED, now_ms)
    reserved_until = now_ms + RESERVATION_HOLD_MS
    again = replace(
        state,
        status=after(state.status, RankLocations),
        attempt=state.attempt + 1,
        # A place in the queue outlives the attempt: it has to be given up if this one fails.
        lines=[
            LineState(line.line_id, line.sku, line.quantity, False, "", [], line.waiting)
            for line in state.lines
        ],
        refused_line="",
        refused_reason="",
        reserved_until_ms=reserved_until,
        wake_at_ms=reserved_until,
    )
    return again, [_rank(again)]


def _record_sourcing_failure(
    state: OrderState | None, reply: RecordSourcingFailure, now_ms: int
) -> Decision:
    if state is None or state.status != Status.RESERVING or reply.attempt != state.attempt:
        return state, []
    if state.cancel_reason:
        return _cancelled(state, state.cancel_reason, now_ms)
    if state.backorder:
        # A stop ends, and a day's capacity is there again on the next one.
        return _backordered(replace(state, refused_reason=Refusal.NO_LOCATION), now_ms)
    return _refused(state, "", Refusal.NO_LOCATION, now_ms)


def _record_payment(state: OrderState | None, reply: RecordPayment, now_ms: int) -> Decision:
    if state is None or state.status != Status.AUTHORIZING:
        return state, []
    if not reply.authorized:
        return _refused(state, "", Refusal.PAYMENT_DECLINED, now_ms)
    if reply.currency != state.currency:
        return _refused_payment(state, Refusal.PAYMENT_CURRENCY_DIFFERS, now_ms)
    if reply.amount_minor < state.total_minor:
        return _refused_payment(state, Refusal.PAYMENT_TOO_SMALL, now_ms)
    order_id = state.order_id
    authorized = OrderAuthorized(order_id, reply.amount_minor, reply.currency, now_ms)
    allocations = [
        Allocation(line.line_id, line.sku, line.quantity, line.location_id, line.also_at)
        for line in state.lines
    ]
    return replace(state, status=after(state.status, OrderAuthorized)), [
        Send(ORDERS_EVENTS, order_id, authorized),
        Send(FULFILLMENT_COMMANDS, order_id, RouteOrder(order_id, allocations)),
    ]


def _refused_payment(state: OrderState, reason: Refusal, now_ms: int) -> Decision:
    """Refuse for an authorization that does not cover the order, and give it back."""
    ended, sends = _refused(state, "", reason, now_ms)
    sends.append(Send(PAYMENTS_COMMANDS, state.order_id, VoidPayment(state.order_id, reason)))
    return ended, sends


def _record_routing(state: OrderState | None, reply: RecordRouting, now_ms: int) -> Decision:
    if state is None or state.status != Status.ROUTING:
        return state, []
    released = OrderReleased(state.order_id, reply.shipments, now_ms)
    return replace(state, status=after(state.status, OrderReleased), wake_at_ms=0), [
        Send(ORDERS_EVENTS, state.order_id, released)
    ]


def _cancel(state: OrderState | None, command: CancelOrder, now_ms: int) -> Decision:
    if state is None:
        return None, [_cancel_refused(command, Refusal.UNKNOWN_ORDER, "no such order", now_ms)]
    if state.status == Status.CANCELLED:
        return state, []
    if state.status == Status.REFUSED:
        return state, [_cancel_refused(command, Refusal.ALREADY_ENDED, "it was refused", now_ms)]
    reason = command.reason or "cancelled"
    if state.status == Status.RESERVING:
        if state.cancel_reason:
            return state, []
        return _cancel_when_answered(state, reason, now_ms)
    return _cancelled(state, reason, now_ms)


def _cancel_refused(command: CancelOrder, reason: Refusal, detail: str, now_ms: int) -> Send:
    refused = OrderCommandRefused(command.order_id, "CancelOrder", reason, detail, now_ms)
    return Send(ORDERS_EVENTS, command.order_id, refused)


def _cancel_when_answered(state: OrderState, reason: str, now_ms: int) -> Decision:
    """Remember the wish. A ReserveStock may be under way, and a release must not overtake it."""
    return replace(state, cancel_reason=reason, wake_at_ms=now_ms + REPLY_PATIENCE_MS), []


def _cancelled(state: OrderState, reason: str, now_ms: int) -> Decision:
    """End the order and undo what it has come to; the later the status, the more there is."""
    order_id = state.order_id
    status = state.status
    sends = _release_all(state, reason)
    if status in (Status.AUTHORIZING, Status.ROUTING, Status.RELEASED):
        sends.append(Send(PAYMENTS_COMMANDS, order_id, VoidPayment(order_id, reason)))
    if status in (Status.ROUTING, Status.RELEASED):
        sends.append(Send(FULFILLMENT_COMMANDS, order_id, CancelFulfillment(order_id, reason)))
    sends.append(Send(ORDERS_EVENTS, order_id, OrderCancelled(order_id, reason, now_ms)))
    ended = replace(
        state,
        status=after(status, OrderCancelled),
        lines=_given_back(state.lines),
        cancel_reason=reason,
        wake_at_ms=0,
    )
    return ended, sends


def _refused(state: OrderState, line_id: str, reason: str, now_ms: int) -> Decision:
    """End the order and give back whatever had been reserved."""
    order_id = state.order_id
    sends = _release_all(state, reason)
    event = OrderRefused(order_id, line_id, reason, now_ms)
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    ended = replace(
        state,
        status=after(state.status, OrderRefused),
        lines=_given_back(state.lines),
        refused_line=line_id,
        refused_reason=reason,
        wake_at_ms=0,
    )
    return ended, sends


def _release_all(state: OrderState, reason: str) -> list[Send]:
    """Give back every reservation and every place in a queue."""
    return [
        _release(state.order_id, line, reason)
        for line in state.lines
        if line.location_id or line.waiting
    ]


def _release(order_id: str, line: LineState, reason: str) -> Send:
    command = ReleaseStock(order_id, line.line_id, line.sku, reason)
    return Send(INVENTORY_COMMANDS, line.sku, command)


def _given_back(lines: list[LineState]) -> list[LineState]:
    """The lines with nothing reserved. One without a reply still awaits it, to go back then."""
    return [
        LineState(line.line_id, line.sku, line.quantity, line.answered, "", []) for line in lines
    ]
