"""What orders makes of the answers of payments."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.customers import Outcome
from schemas.messages import Send
from schemas.orders import OrderAuthorized, OrderState, RecordPayment, Refusal, Status
from schemas.payments import RefundPayment
from schemas.topics import ORDERS_EVENTS, PAYMENTS_COMMANDS
from streams.orders import amendment, ending
from streams.orders.ending import Changed
from streams.orders.model import after


def record(state: OrderState, reply: RecordPayment, now_ms: int) -> Changed:
    """Payments has answered, or tells that its sums have changed."""
    if state.status == Status.AUTHORIZING:
        return _answered(_with_sums(state, reply), reply, now_ms)
    if not reply.status:  # of no use to an order that does not wait for an answer
        return state, []
    before, state = state, _with_sums(state, reply)
    sends = _told(before, state, now_ms)
    if state.status == Status.AMENDING and reply.revision == state.payment_revision:
        following, more = amendment.paid(state, reply, now_ms)
    else:
        following, more = refunded(state)
    return following, sends + more


def _with_sums(state: OrderState, reply: RecordPayment) -> OrderState:
    """The order with what payments says of its money."""
    if reply.currency and reply.currency != state.currency:
        return state
    if (
        state.payment_status == reply.status
        and state.covered_minor == reply.amount_minor
        and state.captured_minor == reply.captured_minor
        and state.refunded_minor == reply.refunded_minor
    ):
        return state
    return replace(
        state,
        payment_status=reply.status,
        covered_minor=reply.amount_minor,
        captured_minor=reply.captured_minor,
        refunded_minor=reply.refunded_minor,
    )


def _told(before: OrderState, state: OrderState, now_ms: int) -> list[Send]:
    """The customers room hears of money that went back."""
    if state.refunded_minor <= before.refunded_minor:
        return []
    return ending.told(state, Outcome.REFUNDED, now_ms, state.refunded_minor)


def refunded(state: OrderState) -> Changed:
    """Give back what was taken for something that the order has no more.

    Capturing goes by what is shipped, so only a channel that took everything at once has taken too
    much. A cancelled order's money goes back with its VoidPayment.
    """
    if state.status != Status.RELEASED:
        return state, []
    asked_before = state.refund_asked_minor - state.returned_minor
    excess = state.captured_minor - state.total_minor - asked_before
    if excess <= 0:
        return state, []
    asked = state.refund_asked_minor + excess
    command = RefundPayment(
        state.order_id, f"change/{state.payment_revision}/{asked}", excess, "order changed"
    )
    return replace(state, refund_asked_minor=asked), [
        Send(PAYMENTS_COMMANDS, state.order_id, command)
    ]


def _answered(state: OrderState, reply: RecordPayment, now_ms: int) -> Changed:
    if not reply.authorized:
        return ending.refused(state, "", Refusal.PAYMENT_DECLINED, now_ms)
    if reply.currency != state.currency:
        return ending.refused_payment(state, Refusal.PAYMENT_CURRENCY_DIFFERS, now_ms)
    if reply.amount_minor < state.total_minor:
        return ending.refused_payment(state, Refusal.PAYMENT_TOO_SMALL, now_ms)
    authorized = OrderAuthorized(state.order_id, reply.amount_minor, reply.currency, now_ms)
    return replace(state, status=after(state.status, OrderAuthorized)), [
        Send(ORDERS_EVENTS, state.order_id, authorized)
    ]
