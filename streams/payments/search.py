"""The search for money: which tender pays what, until the sums cover the total.

Tenders are asked one after the other, gift cards first, then those that name a sum, then those
that take what the others leave; within each in the order that the order has them in. So a tender is
asked for what is really missing, and never for more.
"""

from __future__ import annotations

from schemas.payments import Method, PaymentTotalChanged, Refusal, Status, TenderState
from streams.payments import authorizations
from streams.payments.account import Account, Setback
from streams.payments.model import GATEWAY_METHODS
from streams.payments.voids import is_expiring, mark

TOTAL = "total"
RENEWAL = "renewal"


def begin(account: Account, kind: str) -> None:
    """Look for what is missing, for a new total or in place of what has expired.

    A search that is under way goes on for the new aim.
    """
    if not account.seeking:
        account.round += 1
    if account.seeking != TOTAL:
        account.seeking = kind


def go_on(account: Account) -> None:
    """Ask the next tender, unless one is being asked, until nothing is missing."""
    if not account.seeking:
        return
    if account.void_reason:
        account.seeking = ""
        return
    while account.setback is None:
        if _asks(account) or is_expiring(account):
            return
        goal = account.amount_minor if account.seeking == TOTAL else account.agreed_minor
        missing = goal - account.covered
        if missing <= 0:
            return _found(account)
        _ask_next(account, missing)
    _failed(account, account.setback)


def _asks(account: Account) -> bool:
    return any(
        hold.status == Status.REQUESTED and hold.round == account.round
        for hold in account.holds.values()
    )


def _ask_next(account: Account, missing: int) -> None:
    for tender in sorted(account.tenders.values(), key=_turn):
        room = missing if not tender.amount_minor else min(missing, _room(account, tender))
        if room <= 0 or tender.exhausted:
            continue
        if tender.method in GATEWAY_METHODS:
            return authorizations.begin(account, tender.tender_id, room)
        refusal = _channel_refusal(account, tender, room)
        if refusal is None:
            return authorizations.promise(account, tender.tender_id, room)
        account.setback = Setback(refusal, tender.tender_id, room)
        return None
    account.setback = Setback(Refusal.AMOUNT_TOO_SMALL, "", missing)
    return None


def _turn(tender: TenderState) -> int:
    if tender.method == Method.GIFT_CARD:
        return 0
    return 1 if tender.amount_minor else 2


def _room(account: Account, tender: TenderState) -> int:
    """How much more it may pay."""
    captured, refunded = account.of_tender(tender.tender_id)
    return tender.amount_minor - captured + refunded - _held(account, tender.tender_id)


def _held(account: Account, tender_id: str) -> int:
    return sum(hold.held_minor for hold in account.usable() if hold.tender_id == tender_id)


def _channel_refusal(account: Account, tender: TenderState, wanted_minor: int) -> Refusal | None:
    """What a channel says is paid must be paid in the order's currency, and be enough."""
    if tender.method != Method.CHANNEL:
        return None
    if tender.paid_minor <= 0:
        return Refusal.NOT_PAID
    if tender.paid_currency != account.currency:
        return Refusal.CURRENCY_DIFFERS
    captured, refunded = account.of_tender(tender.tender_id)
    used = captured - refunded + _held(account, tender.tender_id)
    return Refusal.AMOUNT_TOO_SMALL if tender.paid_minor < used + wanted_minor else None


def _found(account: Account) -> None:
    """The sums cover the total, to the minor unit."""
    kind, account.seeking = account.seeking, ""
    if kind != TOTAL:
        return
    before, account.agreed_minor = account.agreed_minor, account.amount_minor
    account.refusal = ""
    account.closing = False
    if before < 0 and not account.covered and not any(account.usable()):
        authorizations.promise(account, next(iter(account.tenders)), 0)
    if before not in (-1, account.agreed_minor):
        event = PaymentTotalChanged(
            account.order_id, account.revision, before, account.agreed_minor, account.currency,
            account.now_ms,
        )  # fmt: skip
        account.tell(event)
    account.reply(True, "")


def _failed(account: Account, setback: Setback) -> None:
    """What this search has found goes back, and everything is as it was before it."""
    kind, account.seeking = account.seeking, ""
    account.setback = None
    if not setback.told:
        account.declined(setback)
    for hold in list(account.usable()):
        if hold.round == account.round:
            mark(account, hold, setback.reason)
    if kind == TOTAL:
        account.refusal = setback.reason
        account.reply(False, setback.reason)
    else:
        account.unrenewed = setback.reason
