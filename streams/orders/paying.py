"""What orders asks payments for."""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.messages import Send
from schemas.orders import OrderState, RecordAssessment, Status, Tender
from schemas.payments import AuthorizePayment, CapturePayment, ChangePayment
from schemas.topics import PAYMENTS_COMMANDS
from streams.orders.ending import Changed
from streams.orders.model import RESERVATION_HOLD_MS, after


def begin(state: OrderState, now_ms: int) -> Changed:
    """Ask for the money of an order that needs no stock."""
    until = now_ms + RESERVATION_HOLD_MS
    state, ask = asked(state, after(state.status, AuthorizePayment))
    return replace(state, reserved_until_ms=until, wake_at_ms=until), [ask]


def asked(state: OrderState, status: Status) -> tuple[OrderState, Send]:
    """Ask for the order's total."""
    hour, day = _orders_before(state)
    command = AuthorizePayment(
        state.order_id,
        state.total_minor,
        state.currency,
        state.payment_method,
        state.payment_token,
        state.paid_minor,
        state.paid_currency,
        state.tenders,
        state.channel,
        state.customer_id,
        state.country,
        state.payment_revision,
        hour,
        day,
        state.billing_country,
    )
    return replace(state, status=status), Send(PAYMENTS_COMMANDS, state.order_id, command)


def _orders_before(state: OrderState) -> tuple[int, int]:
    """How often the customer has ordered in the last hour and day."""
    if not state.assessment:
        return 0, 0
    known = codec.decode(state.assessment)
    assert isinstance(known, RecordAssessment)
    return known.orders_last_hour, known.orders_last_day


def changed(state: OrderState, total_minor: int, tenders: list[Tender]) -> tuple[OrderState, Send]:
    """Ask for another total."""
    revision = state.payment_revision + 1
    command = ChangePayment(state.order_id, revision, total_minor, tenders)
    return replace(state, payment_revision=revision), Send(
        PAYMENTS_COMMANDS, state.order_id, command
    )


def captured(state: OrderState, capture_id: str, amount_minor: int, *, final: bool) -> Changed:
    """Ask for a part of the money to be taken; for none where there is nothing to take."""
    if amount_minor <= 0:
        return state, []
    command = CapturePayment(state.order_id, capture_id, amount_minor, final)
    asked = replace(state, capture_asked_minor=state.capture_asked_minor + amount_minor)
    return asked, [Send(PAYMENTS_COMMANDS, state.order_id, command)]
