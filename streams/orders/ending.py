"""How an order ends without having been served, and what is undone then."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.customers import Outcome, RecordOrder
from schemas.fulfillment import CancelFulfillment
from schemas.inventory import ReleaseStock
from schemas.messages import Send
from schemas.orders import (
    AmendmentRefused,
    LineState,
    OrderCancelled,
    OrderCommandRefused,
    OrderRefused,
    OrderState,
    Refusal,
    Status,
)
from schemas.payments import VoidPayment
from schemas.topics import (
    CUSTOMERS_COMMANDS,
    FULFILLMENT_COMMANDS,
    INVENTORY_COMMANDS,
    ORDERS_EVENTS,
    PAYMENTS_COMMANDS,
)
from streams.orders.model import REPLY_PATIENCE_MS, after, goods_after
from streams.orders.waiting import names_of

Changed = tuple[OrderState, list[Send]]

AUTHORIZED = (
    Status.AUTHORIZING, Status.READY, Status.AMENDING, Status.ROUTING, Status.RELEASED,
)  # fmt: skip
"""Statuses in which payments has been asked for money."""


def cancelled_when_answered(
    state: OrderState, reason: str, now_ms: int, actor: str = ""
) -> Changed:
    """Remember the wish. A ReserveStock may be under way, and a release must not overtake it."""
    return replace(
        state, cancel_reason=reason, actor=actor, wake_at_ms=now_ms + REPLY_PATIENCE_MS
    ), []


def cancelled(state: OrderState, reason: str, now_ms: int, actor: str = "") -> Changed:
    """End the order and undo what it has come to; the later the status, the more there is."""
    order_id = state.order_id
    status = state.status
    sends = release_all(state, reason)
    if status in AUTHORIZED:
        sends.append(Send(PAYMENTS_COMMANDS, order_id, VoidPayment(order_id, reason)))
    if status in (Status.ROUTING, Status.RELEASED) and state.lines:
        sends.append(Send(FULFILLMENT_COMMANDS, order_id, CancelFulfillment(order_id, reason)))
    sends += _amendments_refused(state, now_ms)
    event = OrderCancelled(order_id, reason, now_ms, actor=actor)
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    sends += told(state, Outcome.CANCELLED, now_ms)
    ended = replace(
        state,
        status=after(status, OrderCancelled),
        fulfillment_status=goods_after(state.fulfillment_status, OrderCancelled),
        lines=_given_back(state.lines),
        cancel_reason=reason,
        holds=[],
        amendments=[],
        wake_at_ms=0,
    )
    return ended, sends


def refused(state: OrderState, line_id: str, reason: str, now_ms: int, rule: str = "") -> Changed:
    """End the order and give back whatever had been reserved."""
    order_id = state.order_id
    sends = release_all(state, reason)
    sends += _amendments_refused(state, now_ms)
    event = OrderRefused(order_id, line_id, reason, now_ms, rule=rule)
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    sends += told(state, Outcome.REFUSED, now_ms)
    ended = replace(
        state,
        status=after(state.status, OrderRefused),
        fulfillment_status=goods_after(state.fulfillment_status, OrderRefused),
        lines=_given_back(state.lines),
        refused_line=line_id,
        refused_reason=reason,
        holds=[],
        amendments=[],
        wake_at_ms=0,
    )
    return ended, sends


def refused_payment(state: OrderState, reason: Refusal, now_ms: int) -> Changed:
    """Refuse for an authorization that does not cover the order, and give it back."""
    ended, sends = refused(state, "", reason, now_ms)
    sends.append(Send(PAYMENTS_COMMANDS, state.order_id, VoidPayment(state.order_id, reason)))
    return ended, sends


def _amendments_refused(state: OrderState, now_ms: int) -> list[Send]:
    """What waited for a better moment does not happen any more."""
    return [
        Send(
            ORDERS_EVENTS,
            state.order_id,
            AmendmentRefused(
                state.order_id, amendment_id, "", Refusal.ALREADY_ENDED, "", actor, now_ms
            ),
        )
        for amendment_id, actor in names_of(state)
    ]


def release_all(state: OrderState, reason: str) -> list[Send]:
    """Give back every reservation and every place in a queue."""
    return [
        release(state.order_id, line, reason)
        for line in state.lines
        if line.location_id or line.waiting
    ]


def release(order_id: str, line: LineState, reason: str) -> Send:
    """Give back what a line holds, or its place in the queue."""
    command = ReleaseStock(order_id, line.line_id, line.sku, reason)
    return Send(INVENTORY_COMMANDS, line.sku, command)


def _given_back(lines: list[LineState]) -> list[LineState]:
    """The lines with nothing reserved. One without a reply still awaits it, to go back then."""
    return [unreserved(line, answered=line.answered) for line in lines]


def unreserved(line: LineState, *, answered: bool, waiting: bool = False) -> LineState:
    """The line with nothing reserved."""
    return LineState(
        line.line_id, line.sku, line.quantity, answered, "", [], waiting,
        address=line.address, pickup_location_id=line.pickup_location_id,
    )  # fmt: skip


def told(state: OrderState, outcome: Outcome, now_ms: int, amount_minor: int = -1) -> list[Send]:
    """Tell the customers room what has become of the order; nobody where it names no customer."""
    if not state.customer_id:
        return []
    record = RecordOrder(
        state.customer_id,
        state.order_id,
        outcome,
        state.currency,
        state.total_minor if amount_minor < 0 else amount_minor,
        now_ms,
    )
    return [Send(CUSTOMERS_COMMANDS, state.customer_id, record)]


def command_refused(
    command_name: str,
    order_id: str,
    reason: Refusal,
    detail: str,
    now_ms: int,
    actor: str = "",
    request_id: str = "",
) -> Send:
    """Tell that a command changed nothing."""
    event = OrderCommandRefused(
        order_id, command_name, reason, detail, now_ms, actor=actor, request_id=request_id
    )
    return Send(ORDERS_EVENTS, order_id, event)
