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
    CHANNEL,
    FREE,
    GATEWAY_PATIENCE_MS,
    MAXIMUM_ATTEMPTS,
    MAXIMUM_BACKOFF_MS,
    MAXIMUM_INQUIRIES,
    START,
    after,
    backoff_ms,
)

Decision = tuple[PaymentState | None, list[Send]]
Changed = tuple[PaymentState, list[Send]]


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


def wake(state: PaymentState, now_ms: int) -> Changed:
    """Ask a gateway that has not answered, or whose answer was that it does not know."""
    state = _with_its_voids(state)
    if state.voiding:
        return _request_voids(state, state.voiding, now_ms)
    if state.status == Status.REQUESTED:
        if state.attempt >= MAXIMUM_ATTEMPTS:
            return _give_up(state, now_ms)
        return _ask(state, inquiry=True, now_ms=now_ms)
    if state.status in (Status.DECLINED, Status.VOIDED) and state.attempt < MAXIMUM_INQUIRIES:
        return _ask(state, inquiry=True, now_ms=now_ms)
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
    if command.amount_minor < 0:
        return _declined(state, Refusal.AMOUNT_NEGATIVE, now_ms)
    if command.amount_minor == 0:
        return _authorized(state, FREE, now_ms)
    if command.method != CHANNEL:
        return _ask(state, inquiry=False, now_ms=now_ms)
    refusal = _channel_refusal(command)
    if refusal is not None:
        return _declined(state, refusal, now_ms)
    return _authorized(state, CHANNEL, now_ms)


def _authorize_again(state: PaymentState, command: AuthorizePayment, now_ms: int) -> Decision:
    """The same wish again has the same answer; another sum is a conflict."""
    if state.amount_minor != command.amount_minor or state.currency != command.currency:
        return state, [_refused(state.order_id, command, Refusal.PAYMENT_CONFLICT, now_ms)]
    if state.status == Status.REQUESTED:
        return state, []
    if state.status == Status.AUTHORIZED:
        return state, [_reply(state, True, "")]
    reason = state.refusal or state.void_reason or Refusal.CARD_DECLINED
    return state, [_reply(state, False, reason)]


def _channel_refusal(command: AuthorizePayment) -> Refusal | None:
    if command.paid_minor <= 0:
        return Refusal.NOT_PAID
    if command.paid_currency != command.currency:
        return Refusal.CURRENCY_DIFFERS
    if command.paid_minor < command.amount_minor:
        return Refusal.AMOUNT_TOO_SMALL
    return None


def _ask(state: PaymentState, *, inquiry: bool, now_ms: int) -> Changed:
    """Give the gateway the payment to authorize or, for an inquiry, to look up."""
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
        wake_at_ms=now_ms + max(GATEWAY_PATIENCE_MS, backoff_ms(attempt)),
    )
    return asked, [Send(PAYMENTS_EVENTS, state.order_id, request)]


def _record_authorization(
    state: PaymentState | None, answer: RecordAuthorization, now_ms: int
) -> Decision:
    if state is None:
        return None, [_refused(answer.order_id, answer, Refusal.UNKNOWN_PAYMENT, now_ms)]
    # What is held has to be dealt with, whichever question this answers.
    if answer.outcome == "approved" and answer.authorization_id:
        return _approved(_with_its_voids(state), answer, now_ms)
    if answer.attempt not in (0, state.attempt):
        return state, []
    if state.status in (Status.DECLINED, Status.VOIDED):
        return _looked_up(state, answer)
    if state.status != Status.REQUESTED:
        return state, []
    if answer.outcome == "declined":
        reasons = {reason.value: reason for reason in Refusal}
        return _declined(state, reasons.get(answer.reason, Refusal.CARD_DECLINED), now_ms)
    if answer.outcome == "not_found" and state.void_reason:
        return _withdrawn(state, now_ms)
    if state.attempt >= MAXIMUM_ATTEMPTS:
        return _give_up(state, now_ms)
    if answer.outcome == "not_found":
        return _ask(state, inquiry=False, now_ms=now_ms)
    # Unknown, or an outcome that the contract does not have: never a guess.
    return replace(state, wake_at_ms=now_ms + backoff_ms(state.attempt)), []


def _approved(state: PaymentState, answer: RecordAuthorization, now_ms: int) -> Decision:
    """The gateway holds money: exactly what the order needs, or something to give back."""
    if state.authorization_id:
        return _approved_again(state, answer, now_ms)
    refusal = _difference(state, answer)
    state = replace(state, held_minor=answer.amount_minor, held_currency=answer.currency)
    waited_for = state.status == Status.REQUESTED and not state.void_reason
    if waited_for and refusal is None:
        return _authorized(state, answer.authorization_id, now_ms)
    following, sends = _authorized(state, answer.authorization_id, now_ms, reply=False)
    if waited_for and refusal is not None:
        following = replace(following, refusal=refusal)
        sends.append(_reply(following, False, refusal))
    reason = following.void_reason or following.refusal or Refusal.GATEWAY_SILENT
    following, more = _give_back(replace(following, void_reason=reason), now_ms)
    return following, sends + more


def _difference(state: PaymentState, answer: RecordAuthorization) -> Refusal | None:
    """What is held must be what was asked for: nobody has agreed to more."""
    if answer.currency != state.currency:
        return Refusal.CURRENCY_DIFFERS
    if answer.amount_minor < state.amount_minor:
        return Refusal.AMOUNT_TOO_SMALL
    if answer.amount_minor > state.amount_minor:
        return Refusal.AMOUNT_TOO_LARGE
    return None


def _approved_again(state: PaymentState, answer: RecordAuthorization, now_ms: int) -> Decision:
    """The same authorization again changes nothing. Another one is nobody's: it goes back."""
    authorization_id = answer.authorization_id
    if authorization_id in (state.authorization_id, *state.voiding):
        return state, []
    following = replace(state, voiding=[*state.voiding, authorization_id])
    return _request_voids(following, [authorization_id], now_ms)


def _authorized(
    state: PaymentState, authorization_id: str, now_ms: int, *, reply: bool = True
) -> Changed:
    amount_minor, currency = _held(state)
    event = PaymentAuthorized(
        order_id=state.order_id,
        authorization_id=authorization_id,
        amount_minor=amount_minor,
        currency=currency,
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


def _declined(state: PaymentState, reason: Refusal, now_ms: int) -> Changed:
    event = PaymentDeclined(state.order_id, reason, state.amount_minor, state.currency, now_ms)
    sends = [Send(PAYMENTS_EVENTS, state.order_id, event)]
    if not state.void_reason:
        sends.append(_reply(state, False, reason))
    following = replace(
        state, status=after(state.status, PaymentDeclined), refusal=reason, wake_at_ms=0
    )
    return following, sends


def _give_up(state: PaymentState, now_ms: int) -> Changed:
    """Orders waits no longer. The gateway may hold money all the same, so it is asked on."""
    following, sends = _declined(state, Refusal.GATEWAY_SILENT, now_ms)
    return _look_later(following, now_ms), sends


def _withdrawn(state: PaymentState, now_ms: int) -> Changed:
    """Nothing is held for an order that has been cancelled. See DECISIONS.md, 3."""
    nothing = replace(state, held_minor=0, held_currency=state.currency)
    following, sends = _voided(nothing, now_ms)
    return _look_later(following, now_ms), sends


def _look_later(state: PaymentState, now_ms: int) -> PaymentState:
    """Ask once more when whatever was sent must have arrived."""
    # One number is left out: a repeat of the last answer must not pass for the one to come.
    return replace(state, attempt=state.attempt + 1, wake_at_ms=now_ms + MAXIMUM_BACKOFF_MS)


def _looked_up(state: PaymentState, answer: RecordAuthorization) -> Decision:
    """What the gateway has to say of a payment that has ended; orders has its answer."""
    if answer.outcome in ("declined", "not_found") and state.wake_at_ms and not state.voiding:
        return replace(state, wake_at_ms=0), []
    return state, []


def _void(state: PaymentState | None, command: VoidPayment, now_ms: int) -> Decision:
    if state is None:
        return None, [_refused(command.order_id, command, Refusal.UNKNOWN_PAYMENT, now_ms)]
    if state.status == Status.CAPTURED:
        return state, [_refused(state.order_id, command, Refusal.ALREADY_CAPTURED, now_ms)]
    reason = command.reason or Refusal.CANCELLED
    if state.status == Status.REQUESTED and not state.void_reason:
        return replace(state, void_reason=reason), []
    if state.status != Status.AUTHORIZED:
        return state, []
    asked = replace(state, void_reason=reason)
    if state.authorization_id in (CHANNEL, FREE):
        return _voided(asked, now_ms)
    return _give_back(asked, now_ms)


def _give_back(state: PaymentState, now_ms: int) -> Changed:
    """Have the order's own authorization voided."""
    following = replace(
        state,
        status=after(state.status, VoidRequested),
        voiding=[*state.voiding, state.authorization_id],
    )
    return _request_voids(following, [state.authorization_id], now_ms)


def _request_voids(state: PaymentState, authorization_ids: list[str], now_ms: int) -> Changed:
    sends = []
    attempt = state.void_attempt
    for authorization_id in authorization_ids:
        attempt += 1
        request = VoidRequested(
            order_id=state.order_id,
            authorization_id=authorization_id,
            idempotency_key=f"{state.order_id}/void/{authorization_id}",
            attempt=attempt,
            at_ms=now_ms,
        )
        sends.append(Send(PAYMENTS_EVENTS, state.order_id, request))
    wake_at_ms = now_ms + GATEWAY_PATIENCE_MS + backoff_ms(attempt)
    return replace(state, void_attempt=attempt, wake_at_ms=wake_at_ms), sends


def _record_void(state: PaymentState | None, answer: RecordVoid, now_ms: int) -> Decision:
    if state is None:
        return None, [_refused(answer.order_id, answer, Refusal.UNKNOWN_PAYMENT, now_ms)]
    state = _with_its_voids(state)
    if answer.authorization_id not in state.voiding:
        return state, []
    if answer.outcome not in ("voided", "expired", "captured"):
        return replace(state, wake_at_ms=now_ms + backoff_ms(state.void_attempt)), []
    left = [each for each in state.voiding if each != answer.authorization_id]
    state = replace(state, voiding=left, wake_at_ms=state.wake_at_ms if left else 0)
    its_own = answer.authorization_id == state.authorization_id
    if answer.outcome == "captured":
        return _captured(state, its_own, now_ms)
    return _voided(state, now_ms) if its_own else (state, [])


def _voided(state: PaymentState, now_ms: int) -> Changed:
    amount_minor, currency = _held(state)
    event = PaymentVoided(
        order_id=state.order_id,
        authorization_id=state.authorization_id,
        amount_minor=amount_minor,
        currency=currency,
        reason=state.void_reason,
        at_ms=now_ms,
    )
    following = replace(state, status=after(state.status, PaymentVoided))
    return following, [Send(PAYMENTS_EVENTS, state.order_id, event)]


def _captured(state: PaymentState, its_own: bool, now_ms: int) -> Changed:
    """The money has been taken: it stays in the books until someone refunds it."""
    if its_own:
        state = replace(state, status=after(state.status, PaymentCommandRefused))
    command = VoidPayment(state.order_id, state.void_reason)
    return state, [_refused(state.order_id, command, Refusal.ALREADY_CAPTURED, now_ms)]


def _held(state: PaymentState) -> tuple[int, str]:
    """What is authorized, and its currency."""
    if state.held_currency:
        return state.held_minor, state.held_currency
    return state.amount_minor, state.currency


def _with_its_voids(state: PaymentState) -> PaymentState:
    """A state that was written before voids had a list and numbers of their own, with both."""
    if state.status == Status.VOIDING and not state.voiding:
        return replace(state, voiding=[state.authorization_id], void_attempt=state.attempt)
    return state


def _reply(state: PaymentState, authorized: bool, reason: str) -> Send:
    amount_minor, currency = _held(state)
    reply = RecordPayment(state.order_id, authorized, amount_minor, currency, reason)
    return Send(ORDERS_COMMANDS, state.order_id, reply)


def _refused(order_id: str, command: Record, reason: Refusal, now_ms: int) -> Send:
    event = PaymentCommandRefused(order_id, type(command).__name__, reason, now_ms)
    return Send(PAYMENTS_EVENTS, order_id, event)
