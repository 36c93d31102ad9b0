"""One authorization at a gateway: asked for, answered, looked into. Never guessed."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationRequested,
    AuthorizationState,
    Method,
    PaymentAuthorized,
    PaymentDeclined,
    PaymentVoided,
    RecordAuthorization,
    Refusal,
    Status,
)
from streams.payments import voids
from streams.payments.account import Account, Setback
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

_REASONS = {reason.value: reason for reason in Refusal}


def begin(account: Account, tender_id: str, wanted_minor: int) -> None:
    """Ask a gateway for a further authorization of a tender."""
    number = _next_number(account, tender_id)
    hold = AuthorizationState(tender_id, number, account.round, START, wanted_minor)
    _ask(account, hold, inquiry=False)


def promise(account: Account, tender_id: str, wanted_minor: int) -> None:
    """Hold a sum for which no gateway is asked."""
    method = account.method(tender_id)
    number = _next_number(account, tender_id)
    name = FREE if not wanted_minor else CHANNEL if method == Method.CHANNEL else method
    hold = AuthorizationState(tender_id, number, account.round, START, wanted_minor)
    _authorized(account, hold, name, wanted_minor, account.currency, 0)


def _next_number(account: Account, tender_id: str) -> int:
    return 1 + max((number for one, number in account.holds if one == tender_id), default=0)


def _ask(account: Account, hold: AuthorizationState, *, inquiry: bool) -> None:
    """Give the gateway the sum to authorize or, for an inquiry, to look up."""
    tender = account.tenders[hold.tender_id]
    account.attempt += 1
    tries = hold.tries + 1
    request = AuthorizationRequested(
        account.order_id, _key(account.order_id, hold), hold.wanted_minor, account.currency,
        tender.token, inquiry, account.attempt, account.now_ms, hold.tender_id, tender.method,
        tender.method == Method.GIFT_CARD, hold.number,
    )  # fmt: skip
    account.tell(request)
    account.keep(
        replace(
            hold,
            status=after(hold.status, AuthorizationRequested),
            attempt=account.attempt,
            tries=tries,
            wake_at_ms=account.now_ms + max(GATEWAY_PATIENCE_MS, backoff_ms(tries)),
        )
    )


def _key(order_id: str, hold: AuthorizationState) -> str:
    """The idempotency key. An order's first one is as it was before there were tenders."""
    if hold.tender_id == "1" and hold.number == 1:
        return f"{order_id}/1"
    return f"{order_id}|{hold.tender_id}|{hold.number}"


def wake(account: Account, hold: AuthorizationState) -> None:
    """Ask a gateway that has not answered, or whose answer was that it does not know."""
    if hold.status == Status.REQUESTED:
        if hold.tries >= MAXIMUM_ATTEMPTS:
            _give_up(account, hold)
        else:
            _ask(account, hold, inquiry=True)
    elif hold.status in (Status.DECLINED, Status.VOIDED) and hold.tries < MAXIMUM_INQUIRIES:
        _ask(account, hold, inquiry=True)
    else:
        account.keep(replace(hold, wake_at_ms=0))


def record(account: Account, answer: RecordAuthorization) -> None:
    """What a gateway says of an authorization."""
    named = answer.authorization_id != "" and answer.amount_minor >= 0
    approved = answer.outcome == "approved" and named
    if approved and _is_known(account, answer.authorization_id):
        return
    hold = _asked(account, answer)
    # What is held has to be dealt with, whichever question this answers.
    if approved:
        if hold is None or hold.authorization_id:
            _approved_unasked(account, answer)
        else:
            _approved(account, hold, answer)
    elif hold is not None and answer.attempt in (0, hold.attempt):
        _not_approved(account, hold, answer)


def _is_known(account: Account, authorization_id: str) -> bool:
    return any(hold.authorization_id == authorization_id for hold in account.holds.values())


def _asked(account: Account, answer: RecordAuthorization) -> AuthorizationState | None:
    """The authorization that an answer is about; where it does not say, the likeliest."""
    if answer.number:
        return account.holds.get((answer.tender_id, answer.number))
    holds = [
        hold
        for hold in account.holds.values()
        if hold.tender_id == answer.tender_id and hold.number > 0
    ]
    for hold in holds:
        if answer.attempt and hold.attempt == answer.attempt:
            return hold
    for hold in reversed(holds):
        if hold.status == Status.REQUESTED:
            return hold
    for hold in reversed(holds):
        if not hold.authorization_id:
            return hold
    return holds[-1] if holds else None


def _approved(account: Account, hold: AuthorizationState, answer: RecordAuthorization) -> None:
    """The gateway holds money: what the order needs, or something to give back."""
    refusal = _difference(account, hold, answer)
    waited_for = is_waited_for(account, hold)
    authorized = _authorized(
        account, hold, answer.authorization_id, answer.amount_minor, answer.currency,
        answer.expires_at_ms,
    )  # fmt: skip
    if waited_for and refusal is None:
        if answer.amount_minor < hold.wanted_minor:
            _exhaust(account, hold.tender_id)
        return
    if waited_for and refusal is not None:
        account.setback = Setback(refusal, hold.tender_id, hold.wanted_minor)
        # What was approved is told, and so no PaymentDeclined is.
        account.setback.told = True
    reason = account.void_reason or refusal or account.refusal or Refusal.GATEWAY_SILENT
    voids.mark(account, authorized, reason)


def is_waited_for(account: Account, hold: AuthorizationState) -> bool:
    """Whether the search for money goes on with its answer."""
    return (
        hold.status == Status.REQUESTED
        and bool(account.seeking)
        and hold.round == account.round
        and not account.void_reason
    )


def _difference(
    account: Account, hold: AuthorizationState, answer: RecordAuthorization
) -> Refusal | None:
    """What is held must be what was asked for: nobody has agreed to more."""
    if answer.currency != account.currency:
        return Refusal.CURRENCY_DIFFERS
    partial = account.method(hold.tender_id) == Method.GIFT_CARD and answer.amount_minor > 0
    if answer.amount_minor < hold.wanted_minor and not partial:
        return Refusal.AMOUNT_TOO_SMALL
    if answer.amount_minor > hold.wanted_minor:
        return Refusal.AMOUNT_TOO_LARGE
    return None


def _exhaust(account: Account, tender_id: str) -> None:
    account.tenders[tender_id] = replace(account.tenders[tender_id], exhausted=True)


def _authorized(
    account: Account, hold: AuthorizationState, authorization_id: str, amount_minor: int,
    currency: str, expires_at_ms: int,
) -> AuthorizationState:  # fmt: skip
    event = PaymentAuthorized(
        account.order_id, authorization_id, amount_minor, currency,
        account.method(hold.tender_id), account.now_ms, hold.tender_id, expires_at_ms,
    )  # fmt: skip
    account.tell(event)
    return account.keep(
        replace(
            hold,
            status=after(hold.status, PaymentAuthorized),
            authorization_id=authorization_id,
            currency=currency if currency != account.currency else "",
            held_minor=amount_minor,
            expires_at_ms=expires_at_ms,
            wake_at_ms=0,
        )
    )


def _approved_unasked(account: Account, answer: RecordAuthorization) -> None:
    """A second authorization is nobody's: it goes back, and is not in the books."""
    number = min((number for _, number in account.holds), default=0)
    hold = AuthorizationState(
        answer.tender_id, min(number, 0) - 1, account.round, Status.AUTHORIZED, 0,
        answer.authorization_id, answer.currency if answer.currency != account.currency else "",
        max(answer.amount_minor, 0),
    )  # fmt: skip
    account.keep(hold)
    voids.mark(account, hold, voids.SECOND)


def _not_approved(account: Account, hold: AuthorizationState, answer: RecordAuthorization) -> None:
    if hold.status in (Status.DECLINED, Status.VOIDED):
        if answer.outcome in ("declined", "not_found") and hold.wake_at_ms:
            account.keep(replace(hold, wake_at_ms=0))
        return
    if hold.status != Status.REQUESTED:
        return
    if answer.outcome == "declined":
        _declined(account, hold, _REASONS.get(answer.reason, Refusal.CARD_DECLINED))
    elif answer.outcome == "not_found" and account.void_reason:
        _withdrawn(account, hold)
    elif hold.tries >= MAXIMUM_ATTEMPTS:
        _give_up(account, hold)
    elif answer.outcome == "not_found":
        _ask(account, hold, inquiry=False)
    else:
        # Unknown, or an outcome that the contract does not have: never a guess.
        wake_at_ms = account.now_ms + backoff_ms(hold.tries)
        account.keep(replace(hold, wake_at_ms=wake_at_ms))


def _declined(
    account: Account, hold: AuthorizationState, reason: Refusal, *, final: bool = True
) -> AuthorizationState:
    """The sum is not authorized. What a gift card lacks another tender pays."""
    waited_for = is_waited_for(account, hold)
    setback = Setback(reason, hold.tender_id, hold.wanted_minor)
    account.declined(setback)
    setback.told = True
    if waited_for and final and account.method(hold.tender_id) == Method.GIFT_CARD:
        _exhaust(account, hold.tender_id)
    elif waited_for:
        account.setback = setback
    return account.keep(replace(hold, status=after(hold.status, PaymentDeclined), wake_at_ms=0))


def _give_up(account: Account, hold: AuthorizationState) -> None:
    """Orders waits no longer. The gateway may hold money all the same, so it is asked on."""
    _look_later(account, _declined(account, hold, Refusal.GATEWAY_SILENT, final=False))


def _withdrawn(account: Account, hold: AuthorizationState) -> None:
    """Nothing is held for an order that has been cancelled. See DECISIONS.md, 3."""
    event = PaymentVoided(
        account.order_id, "", 0, account.currency, account.void_reason, account.now_ms,
        hold.tender_id,
    )  # fmt: skip
    account.tell(event)
    _look_later(account, replace(hold, status=after(hold.status, PaymentVoided)))


def _look_later(account: Account, hold: AuthorizationState) -> None:
    """Ask once more when whatever was sent must have arrived."""
    # One number is left out: a repeat of the last answer must not pass for the one to come.
    account.attempt += 1
    account.keep(
        replace(
            hold,
            attempt=account.attempt,
            tries=hold.tries + 1,
            wake_at_ms=account.now_ms + MAXIMUM_BACKOFF_MS,
        )
    )
