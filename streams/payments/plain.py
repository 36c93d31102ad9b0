"""The common way of a payment: one card, approved as it was asked for.

It is most of what the room does, so it is decided without an account. What it decides is what
`rules.considered` would decide, to the last field; a test holds the two together.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import Send
from schemas.orders import RecordPayment
from schemas.payments import (
    AuthorizationRequested,
    AuthorizationState,
    AuthorizePayment,
    Method,
    PaymentAuthorized,
    PaymentState,
    PaymentStatus,
    RecordAuthorization,
    Status,
    TenderState,
)
from schemas.topics import ORDERS_COMMANDS, PAYMENTS_EVENTS
from streams.payments.model import GATEWAY_PATIENCE_MS
from streams.payments.search import TOTAL

Changed = tuple[PaymentState, list[Send]]


def authorize(command: AuthorizePayment, now_ms: int) -> Changed | None:
    """A new payment by one card; None for any other."""
    tender_id, token = "1", command.token
    paid = (command.paid_minor, command.paid_currency, 0)
    if command.tenders:
        if len(command.tenders) > 1:
            return None
        tender = command.tenders[0]
        if tender.method != Method.CARD or tender.amount_minor:
            return None
        tender_id, token = tender.tender_id, tender.token
        paid = (tender.paid_minor, tender.paid_currency, tender.terms_days)
    elif command.method != Method.CARD:
        return None
    if command.amount_minor <= 0:
        return None
    order_id, amount_minor, currency = command.order_id, command.amount_minor, command.currency
    wake_at_ms = now_ms + GATEWAY_PATIENCE_MS
    state = PaymentState(
        order_id, PaymentStatus.PENDING, amount_minor, currency, Method.CARD, "", "", 1, "",
        wake_at_ms,
        tenders=[TenderState(tender_id, Method.CARD, 0, token, *paid)],
        authorizations=[
            AuthorizationState(
                tender_id, 1, 1, Status.REQUESTED, amount_minor, attempt=1, tries=1,
                wake_at_ms=wake_at_ms,
            )
        ],
        revision=command.revision,
        seeking=TOTAL,
        round=1,
        channel=command.channel,
    )  # fmt: skip
    key = f"{order_id}/1" if tender_id == "1" else f"{order_id}|{tender_id}|1"
    request = AuthorizationRequested(
        order_id, key, amount_minor, currency, token, False, 1, now_ms, tender_id, Method.CARD
    )
    return state, [Send(PAYMENTS_EVENTS, order_id, request)]


def approve(state: PaymentState, answer: RecordAuthorization, now_ms: int) -> Changed | None:
    """The first approval of a payment by one card; None for any other answer."""
    if state.agreed_minor >= 0 or state.void_reason or not state.seeking:
        return None
    if len(state.authorizations) != 1 or len(state.tenders) != 1:
        return None
    hold = state.authorizations[0]
    if (
        answer.outcome != "approved"
        or not answer.authorization_id
        or hold.status != Status.REQUESTED
        or state.tenders[0].method != Method.CARD
        or not answer.amount_minor == hold.wanted_minor == state.amount_minor
        or answer.currency != state.currency
        or answer.tender_id != hold.tender_id
        or answer.number not in (0, hold.number)
    ):
        return None
    order_id, amount_minor, currency = state.order_id, state.amount_minor, state.currency
    held = AuthorizationState(
        hold.tender_id, hold.number, hold.round, Status.AUTHORIZED, amount_minor,
        answer.authorization_id, "", amount_minor, 0, hold.attempt, hold.tries,
        expires_at_ms=answer.expires_at_ms,
    )  # fmt: skip
    following = replace(
        state,
        status=PaymentStatus.AUTHORIZED,
        wake_at_ms=0,
        authorizations=[held],
        agreed_minor=amount_minor,
        seeking="",
        told=PaymentStatus.AUTHORIZED,
        answered=state.revision,
    )
    event = PaymentAuthorized(
        order_id, answer.authorization_id, amount_minor, currency, Method.CARD, now_ms,
        hold.tender_id, answer.expires_at_ms,
    )  # fmt: skip
    reply = RecordPayment(
        order_id, True, amount_minor, currency, "", state.revision, PaymentStatus.AUTHORIZED
    )
    return following, [
        Send(PAYMENTS_EVENTS, order_id, event),
        Send(ORDERS_COMMANDS, order_id, reply),
    ]
