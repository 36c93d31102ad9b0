"""Giving authorizations back: tried until the gateway says that they hold nothing."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationState,
    CapturePart,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentVoided,
    Progress,
    RecordVoid,
    Refusal,
    Status,
    VoidRequested,
)
from streams.payments import posting
from streams.payments.account import Account
from streams.payments.model import GATEWAY_PATIENCE_MS, LastCapture, after, backoff_ms

SECOND = "second_authorization"
SURPLUS = "surplus"
CLOSED = "final_capture"
EXPIRED = Refusal.AUTHORIZATION_EXPIRED


def mark(account: Account, hold: AuthorizationState, reason: str) -> None:
    """Have an authorization given back, as soon as nothing is being taken of it."""
    account.keep(replace(hold, void_reason=reason))


def is_expiring(account: Account) -> bool:
    """Whether an expired authorization is on its way back, to be renewed then."""
    return any(
        hold.void_reason == EXPIRED and hold.status in (Status.AUTHORIZED, Status.VOIDING)
        for hold in account.holds.values()
    )


def go_on(account: Account) -> None:
    """Ask for the voids of what is marked, of a payment that has ended, and of what is surplus."""
    if account.void_reason:
        for hold in list(account.usable()):
            mark(account, hold, account.void_reason)
    elif not account.seeking:
        _mark_surplus(account)
    for hold in list(account.holds.values()):
        marked = hold.void_reason and hold.status == Status.AUTHORIZED
        if marked and not account.under_capture(hold):
            _begin(account, hold)


def _mark_surplus(account: Account) -> None:
    """What is held beyond the total, the latest first. A gateway gives back only the whole of an
    authorization; of one that is larger than the surplus, less is captured."""
    surplus = account.covered - (account.taken if account.closing else account.total)
    if surplus <= 0 or account.agreed_minor < 0:
        return
    for hold in reversed(list(account.usable())):
        if not hold.held_minor or account.under_capture(hold):
            continue
        if account.closing or hold.held_minor <= surplus:
            mark(account, hold, CLOSED if account.closing else SURPLUS)
            surplus -= hold.held_minor
        elif surplus > 0 and not account.at_gateway(hold):
            _tell(account, hold, surplus, SURPLUS)
            account.keep(replace(hold, held_minor=hold.held_minor - surplus))
            surplus = 0


def _begin(account: Account, hold: AuthorizationState) -> None:
    if account.at_gateway(hold):
        _request(account, hold)
    else:
        _voided(account, hold)


def _request(account: Account, hold: AuthorizationState) -> None:
    account.void_attempt += 1
    tries = hold.void_tries + 1
    key = f"{account.order_id}/void/{hold.authorization_id}"
    request = VoidRequested(
        account.order_id, hold.authorization_id, key, account.void_attempt, account.now_ms,
        hold.tender_id,
    )  # fmt: skip
    account.tell(request)
    account.keep(
        replace(
            hold,
            status=after(hold.status, VoidRequested),
            void_tries=tries,
            wake_at_ms=account.now_ms + GATEWAY_PATIENCE_MS + backoff_ms(tries),
        )
    )


def wake(account: Account, hold: AuthorizationState) -> None:
    """Ask again for a void that is not yet said to be done."""
    _request(account, hold)


def record(account: Account, answer: RecordVoid) -> None:
    """What a gateway says of a void. Only what it says of the authorization counts."""
    for hold in list(account.holds.values()):
        if hold.authorization_id == answer.authorization_id and hold.status == Status.VOIDING:
            _answered(account, hold, answer.outcome)


def _answered(account: Account, hold: AuthorizationState, outcome: str) -> None:
    # What a gateway has let go of after a part was captured, it may call captured.
    if outcome in ("voided", "expired") or (outcome == "captured" and hold.captured_minor):
        _voided(account, hold)
    elif outcome == "captured":
        _taken(account, hold)
    else:
        wake_at_ms = account.now_ms + backoff_ms(hold.void_tries)
        account.keep(replace(hold, wake_at_ms=wake_at_ms))


def _voided(account: Account, hold: AuthorizationState) -> None:
    if hold.number < 0:
        del account.holds[hold.tender_id, hold.number]
        return
    _tell(account, hold, hold.held_minor, hold.void_reason)
    account.keep(
        replace(hold, status=after(hold.status, PaymentVoided), held_minor=0, wake_at_ms=0)
    )


def let_go(account: Account, hold: AuthorizationState) -> None:
    """The gateway has given back what a final capture left."""
    _tell(account, hold, hold.held_minor, CLOSED)
    account.keep(
        replace(hold, status=after(hold.status, PaymentVoided), held_minor=0, wake_at_ms=0)
    )


def _tell(account: Account, hold: AuthorizationState, amount_minor: int, reason: str) -> None:
    event = PaymentVoided(
        account.order_id, hold.authorization_id, amount_minor, hold.currency or account.currency,
        reason, account.now_ms, hold.tender_id,
    )  # fmt: skip
    account.tell(event)


def _taken(account: Account, hold: AuthorizationState) -> None:
    """Somebody else has captured it: it is in the books as taken, and goes back as a refund."""
    method, currency = account.method(hold.tender_id), hold.currency or account.currency
    if hold.number < 0:
        event = PaymentAuthorized(
            account.order_id, hold.authorization_id, hold.held_minor, currency, method,
            account.now_ms, hold.tender_id,
        )  # fmt: skip
        account.tell(event)
    number = 1 + max((each for capture_id, each in account.parts if not capture_id), default=0)
    taken = PaymentCaptured(
        account.order_id, hold.tender_id, "", number, hold.authorization_id, method,
        hold.held_minor, currency, account.now_ms,
    )  # fmt: skip
    account.tell(taken)
    posting.captured(account, taken)
    part = CapturePart(
        "", number, hold.tender_id, hold.authorization_id, hold.held_minor, True, Progress.DONE,
        unwanted=_is_unwanted(account, hold), currency=hold.currency,
    )  # fmt: skip
    account.keep_part(part)
    account.keep(
        replace(
            hold,
            status=after(hold.status, LastCapture),
            captured_minor=hold.held_minor,
            held_minor=0,
            wake_at_ms=0,
        )
    )


def _is_unwanted(account: Account, hold: AuthorizationState) -> bool:
    """Whether it was taken for nothing that is of the order, and so goes back by itself.

    What an ended payment has taken goes back in any case. An authorization that was to be renewed
    serves as well when it is taken, if nothing has replaced it.
    """
    if hold.currency:
        return True
    if account.void_reason and hold.void_reason == account.void_reason:
        return False
    under_way = sum(
        part.amount_minor for part in account.parts.values() if part.status == Progress.UNDER_WAY
    )
    replaced = account.taken + under_way + hold.held_minor > account.total
    return hold.void_reason != EXPIRED or replaced
