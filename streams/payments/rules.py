"""What the payments room decides, in the order in which a payment lives. Every function is pure.

Each gives the state as it is to be and the records to write; the same state object again means
that nothing changes.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import Send
from schemas.orders import RecordPayment
from schemas.payments import (
    AuthorizationRequested,
    AuthorizePayment,
    PaymentAuthorized,
    PaymentCommandRefused,
    PaymentDeclined,
    PaymentState,
    PaymentVoided,
    RecordAuthorization,
    RecordVoid,
    Refusal,
    Status,
    VoidPayment,
    VoidRequested,
)
from schemas.records import Record
from schemas.topics import ORDERS_COMMANDS, PAYMENTS_EVENTS
from streams.payments.model import (
    GATEWAY_PATIENCE_MS,
    INQUIRY_DELAY_MS,
    MAXIMUM_ATTEMPTS,
    START,
    after,
    backoff_ms,
)

Decision = tuple[PaymentState | None, list[Send]]
CHANNEL = "channel"


def decide(state: PaymentState | None, command: Record, now_ms: int) -> Decision:
    """The payment after `command`, and what to write. Raises TypeError for a foreign record."""
    match command:
        case AuthorizePayment():
            return _authorize(state, command, now_ms)
        case RecordAuthorization():
            return _record_authorization(state, command, now_ms)
        case VoidPayment():
            return _void(state, command, now_ms)
        case RecordVoid():
            return _record_void(state, command, now_ms)
    raise TypeError(f"the payments room takes no {type(command).__name__}")


def wake(state: PaymentState, now_ms: int) -> Decision:
    """Ask a gateway that has not answered, or whose answer was that it does not know."""
    if state.status == Status.REQUESTED:
        return _ask_again(state, inquiry=True, now_ms=now_ms)
    if state.status == Status.VOIDING:
        return _request_void(state, now_ms)
    return replace(state, wake_at_ms=0), []


def _authorize(state: PaymentState | None, command: AuthorizePayment, now_ms: int) -> Decision:
    if state is not None:
        return _authorize_again(state, command, now_ms)
    state = PaymentState(
        order_id=command.order_id,
        status=START,
        amount_minor=command.amount_minor,
        currency=command.currency,
        method=command.method,
        token=command.token,
        authorization_id="",
        attempt=0,
        void_reason="",
    )
    if command.method != CHANNEL:
        return _ask_again(state, inquiry=False, now_ms=now_ms)
    refusal = _channel_refusal(command)
    if refusal is not None:
        return _declined(state, refusal, now_ms)
    return _authorized(state, CHANNEL, now_ms)


def _authorize_again(state: PaymentState, command: AuthorizePayment, now_ms: int) -> Decision:
    """The same wish again has the same answer; another sum is a conflict."""
    if state.amount_minor != command.amount_minor or state.currency != command.currency:
        return state, [_refused(state.order_id, command, Refusal.PAYMENT_CONFLICT, now_ms)]
    if state.status == Status.AUTHORIZED:
        return state, [_reply(state, True, "")]
    if state.status == Status.DECLINED:
        return state, [_reply(state, False, Refusal.CARD_DECLINED)]
    return state, []


def _channel_refusal(command: AuthorizePayment) -> Refusal | None:
    if command.amount_minor <= 0:
        return None
    if command.paid_minor <= 0:
        return Refusal.NOT_PAID
    if command.paid_currency != command.currency:
        return Refusal.CURRENCY_DIFFERS
    if command.paid_minor < command.amount_minor:
        return Refusal.AMOUNT_TOO_SMALL
    return None


def _ask_again(state: PaymentState, *, inquiry: bool, now_ms: int) -> Decision:
    """Give the gateway the payment to authorize or, for an inquiry, to look up."""
    if state.attempt >= MAXIMUM_ATTEMPTS:
        return _declined(state, Refusal.GATEWAY_SILENT, now_ms)
    attempt = state.attempt + 1
    request = AuthorizationRequested(
        order_id=state.order_id,
        idempotency_key=f"{state.order_id}/1",
        amount_minor=state.amount_minor,
        currency=state.currency,
        token=state.token,
        inquiry=inquiry,
        attempt=attempt,
        at_ms=now_ms,
    )
    asked = replace(
        state,
        status=after(state.status, AuthorizationRequested),
        attempt=attempt,
        wake_at_ms=now_ms + GATEWAY_PATIENCE_MS,
    )
    return asked, [Send(PAYMENTS_EVENTS, state.order_id, request)]


def _record_authorization(
    state: PaymentState | None, answer: RecordAuthorization, now_ms: int
) -> Decision:
    if state is None:
        return None, [_refused(answer.order_id, answer, Refusal.UNKNOWN_PAYMENT, now_ms)]
    if state.status == Status.DECLINED and answer.outcome == "approved":
        return _late_approval(state, answer, now_ms)
    if state.status != Status.REQUESTED:
        return state, []
    if answer.outcome == "approved":
        return _approved(state, answer, now_ms)
    if answer.outcome == "unknown":
        return replace(state, wake_at_ms=now_ms + INQUIRY_DELAY_MS), []
    if answer.outcome == "not_found":
        return _ask_again(state, inquiry=False, now_ms=now_ms)
    reasons = {reason.value: reason for reason in Refusal}
    return _declined(state, reasons.get(answer.reason, Refusal.CARD_DECLINED), now_ms)


def _approved(state: PaymentState, answer: RecordAuthorization, now_ms: int) -> Decision:
    refusal: Refusal | None = None
    if answer.currency != state.currency:
        refusal = Refusal.CURRENCY_DIFFERS
    elif answer.amount_minor < state.amount_minor:
        refusal = Refusal.AMOUNT_TOO_SMALL
    if refusal is None and not state.void_reason:
        return _authorized(state, answer.authorization_id, now_ms)
    # What the gateway holds is recorded as it is, and given back.
    held = replace(
        state,
        amount_minor=answer.amount_minor,
        currency=answer.currency,
        void_reason=state.void_reason or (refusal or Refusal.CANCELLED),
    )
    following, sends = _authorized(held, answer.authorization_id, now_ms, reply=False)
    if refusal is not None and not state.void_reason:
        sends.append(_reply(held, False, refusal))
    following, more = _request_void(following, now_ms)
    return following, sends + more


def _late_approval(state: PaymentState, answer: RecordAuthorization, now_ms: int) -> Decision:
    """A gateway that was given up had approved after all: give the authorization back."""
    held = replace(
        state,
        amount_minor=answer.amount_minor,
        currency=answer.currency,
        void_reason=state.void_reason or Refusal.GATEWAY_SILENT,
    )
    following, sends = _authorized(held, answer.authorization_id, now_ms, reply=False)
    following, more = _request_void(following, now_ms)
    return following, sends + more


def _authorized(
    state: PaymentState, authorization_id: str, now_ms: int, *, reply: bool = True
) -> tuple[PaymentState, list[Send]]:
    event = PaymentAuthorized(
        order_id=state.order_id,
        authorization_id=authorization_id,
        amount_minor=state.amount_minor,
        currency=state.currency,
        method=state.method,
        at_ms=now_ms,
    )
    following = replace(
        state,
        status=after(state.status, PaymentAuthorized),
        authorization_id=authorization_id,
        wake_at_ms=0,
    )
    sends = [Send(PAYMENTS_EVENTS, state.order_id, event)]
    if reply:
        sends.append(_reply(following, True, ""))
    return following, sends


def _declined(state: PaymentState, reason: Refusal, now_ms: int) -> Decision:
    event = PaymentDeclined(state.order_id, reason, state.amount_minor, state.currency, now_ms)
    sends = [Send(PAYMENTS_EVENTS, state.order_id, event)]
    if not state.void_reason:
        sends.append(_reply(state, False, reason))
    following = replace(state, status=after(state.status, PaymentDeclined), wake_at_ms=0)
    return following, sends


def _void(state: PaymentState | None, command: VoidPayment, now_ms: int) -> Decision:
    if state is None:
        return None, [_refused(command.order_id, command, Refusal.UNKNOWN_PAYMENT, now_ms)]
    if state.status == Status.REQUESTED and not state.void_reason:
        return replace(state, void_reason=command.reason or Refusal.CANCELLED), []
    if state.status != Status.AUTHORIZED:
        return state, []
    asked = replace(state, void_reason=command.reason or Refusal.CANCELLED)
    if state.method == CHANNEL:
        return _voided(asked, now_ms)
    return _request_void(replace(asked, attempt=0), now_ms)


def _request_void(state: PaymentState, now_ms: int) -> tuple[PaymentState, list[Send]]:
    attempt = state.attempt + 1
    request = VoidRequested(
        order_id=state.order_id,
        authorization_id=state.authorization_id,
        idempotency_key=f"{state.order_id}/void",
        attempt=attempt,
        at_ms=now_ms,
    )
    following = replace(
        state,
        status=after(state.status, VoidRequested),
        attempt=attempt,
        wake_at_ms=now_ms + GATEWAY_PATIENCE_MS + backoff_ms(attempt),
    )
    return following, [Send(PAYMENTS_EVENTS, state.order_id, request)]


def _record_void(state: PaymentState | None, answer: RecordVoid, now_ms: int) -> Decision:
    if state is None:
        return None, [_refused(answer.order_id, answer, Refusal.UNKNOWN_PAYMENT, now_ms)]
    if state.status != Status.VOIDING:
        return state, []
    if answer.outcome == "voided":
        return _voided(state, now_ms)
    return replace(state, wake_at_ms=now_ms + backoff_ms(state.attempt)), []


def _voided(state: PaymentState, now_ms: int) -> Decision:
    event = PaymentVoided(
        order_id=state.order_id,
        authorization_id=state.authorization_id,
        amount_minor=state.amount_minor,
        currency=state.currency,
        reason=state.void_reason,
        at_ms=now_ms,
    )
    following = replace(state, status=after(state.status, PaymentVoided), wake_at_ms=0)
    return following, [Send(PAYMENTS_EVENTS, state.order_id, event)]


def _reply(state: PaymentState, authorized: bool, reason: str) -> Send:
    reply = RecordPayment(state.order_id, authorized, state.amount_minor, state.currency, reason)
    return Send(ORDERS_COMMANDS, state.order_id, reply)


def _refused(order_id: str, command: Record, reason: Refusal, now_ms: int) -> Send:
    event = PaymentCommandRefused(order_id, type(command).__name__, reason, now_ms)
    return Send(PAYMENTS_EVENTS, order_id, event)
