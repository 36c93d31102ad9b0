"""Giving taken money back: the latest capture first, and never more than was taken."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    CapturePart,
    PaymentRefunded,
    PaymentRefundFailed,
    Progress,
    RecordRefund,
    RefundPart,
    RefundPayment,
    RefundRequested,
    RefundState,
    Refusal,
)
from streams.payments import posting, sums
from streams.payments.account import Account
from streams.payments.model import (
    GATEWAY_METHODS,
    GATEWAY_PATIENCE_MS,
    MAXIMUM_PENDING_INQUIRIES,
    MAXIMUM_REQUESTS,
    PENDING_PATIENCE_MS,
    PROMISES,
    VOID_REFUND,
    backoff_ms,
)

_REASONS = {reason.value: reason for reason in Refusal}
_OPEN = (Progress.UNDER_WAY, Progress.PENDING)


def refund(account: Account, command: RefundPayment) -> None:
    """Give money back that was taken; the same again changes nothing."""
    known = account.refunds.get(command.refund_id)
    if known is not None:
        if known.amount_minor != command.amount_minor:
            account.refuse(command, Refusal.PAYMENT_CONFLICT, command.refund_id)
        return
    refusal = _refusal(account, command)
    if refusal is not None:
        account.refuse(command, refusal, command.refund_id)
        return
    account.refunds[command.refund_id] = RefundState(
        command.refund_id, command.amount_minor, command.reason, Progress.UNDER_WAY
    )
    left = command.amount_minor
    for part in reversed(list(account.parts.values())):
        amount = min(left, _refundable(part))
        if amount > 0:
            _begin(account, command.refund_id, part, amount)
            left -= amount


def _refusal(account: Account, command: RefundPayment) -> Refusal | None:
    if not command.refund_id or command.refund_id == VOID_REFUND:
        return Refusal.PAYMENT_CONFLICT
    if len(account.refunds) >= MAXIMUM_REQUESTS:
        return Refusal.TOO_MANY
    if command.amount_minor < 0:
        return Refusal.AMOUNT_NEGATIVE
    if command.amount_minor == 0:
        return Refusal.AMOUNT_ZERO
    refundable = sum(map(_refundable, account.parts.values()))
    if not refundable:
        return Refusal.NOT_CAPTURED
    return Refusal.AMOUNT_TOO_LARGE if command.amount_minor > refundable else None


def _refundable(part: CapturePart) -> int:
    """What can still be given back of it, and is in the payment's currency."""
    if part.status != Progress.DONE or part.currency or part.unwanted:
        return 0
    return part.amount_minor - part.refunded_minor


def go_on(account: Account) -> None:
    """Give back what an ended payment has taken, and what nobody wanted taken; end what is
    done."""
    for part in list(account.parts.values()):
        wanted = not account.void_reason and not part.unwanted
        if wanted or part.status != Progress.DONE or _was_refused(account, part):
            continue
        left = part.amount_minor - part.refunded_minor
        if left > 0:
            _begin_by_itself(account, part, left)
    for refund_id, one in list(account.refunds.items()):
        _end(account, refund_id, one)


def _was_refused(account: Account, part: CapturePart) -> bool:
    """Whether the gateway has declined to give it back; then it is for people."""
    return any(
        (one.refund_id, one.capture_id, one.capture_number, one.status)
        == (VOID_REFUND, part.capture_id, part.number, Progress.FAILED)
        for one in account.refund_parts.values()
    )


def _begin_by_itself(account: Account, part: CapturePart, amount: int) -> None:
    known = account.refunds.get(VOID_REFUND)
    reason = account.void_reason or Refusal.ALREADY_CAPTURED
    account.refunds[VOID_REFUND] = RefundState(
        VOID_REFUND,
        amount + (known.amount_minor if known else 0),
        known.reason if known else reason,
        Progress.UNDER_WAY,
    )
    _begin(account, VOID_REFUND, part, amount)


def _begin(account: Account, refund_id: str, part: CapturePart, amount: int) -> None:
    number = 1 + max((each for one, each in account.refund_parts if one == refund_id), default=0)
    account.keep_part(replace(part, refunded_minor=part.refunded_minor + amount))
    back = RefundPart(
        refund_id, number, part.capture_id, part.number, part.tender_id, part.authorization_id,
        amount, Progress.UNDER_WAY, currency=part.currency,
    )  # fmt: skip
    if account.method(part.tender_id) in GATEWAY_METHODS:
        _request(account, back, inquiry=False)
    else:
        _done(account, back)


def _request(account: Account, back: RefundPart, *, inquiry: bool) -> None:
    account.refund_attempt += 1
    tries = back.tries + 1
    named = f"{back.refund_id}/{back.number}"
    request = RefundRequested(
        account.order_id, back.tender_id, back.authorization_id,
        f"{back.capture_id}/{back.capture_number}" if back.capture_id else "",
        named, f"{account.order_id}|refund|{named}", back.amount_minor,
        back.currency or account.currency, inquiry, account.refund_attempt, account.now_ms,
    )  # fmt: skip
    account.tell(request)
    patience = PENDING_PATIENCE_MS if back.status == Progress.PENDING else backoff_ms(tries)
    account.keep_refund_part(
        replace(
            back,
            attempt=account.refund_attempt,
            tries=tries,
            wake_at_ms=account.now_ms + max(GATEWAY_PATIENCE_MS, patience),
        )
    )


def wake(account: Account, back: RefundPart) -> None:
    """Look a refund up until it is answered. One that was accepted and of whose end the gateway
    does not tell stays open: it may have been made."""
    if back.status == Progress.PENDING and back.tries >= MAXIMUM_PENDING_INQUIRIES:
        account.keep_refund_part(replace(back, wake_at_ms=0))
    else:
        _request(account, back, inquiry=True)


def record(account: Account, answer: RecordRefund) -> None:
    """What a gateway says of a part of a refund, asked or by itself."""
    refund_id, _, number = answer.refund_id.rpartition("/")
    back = account.refund_parts.get((refund_id, int(number) if number.isdecimal() else 0))
    if back is None or back.status == Progress.DONE:
        return
    currency = back.currency or account.currency
    exact = (answer.amount_minor, answer.currency) == (back.amount_minor, currency)
    if answer.outcome == "refunded" and exact:
        _refunded(account, back)
    elif back.status in _OPEN and answer.attempt in (0, back.attempt):
        _not_refunded(account, back, answer)


def _refunded(account: Account, back: RefundPart) -> None:
    if back.status == Progress.FAILED:
        # Declined, and done after all: it is given back once more than was thought.
        _give(account, back, back.amount_minor)
    _done(account, back)


def _not_refunded(account: Account, back: RefundPart, answer: RecordRefund) -> None:
    if answer.outcome == "declined":
        _failed(account, back, _REASONS.get(answer.reason, Refusal.CARD_DECLINED))
    elif answer.outcome == "not_found" and back.status == Progress.UNDER_WAY:
        _request(account, back, inquiry=False)
    elif answer.outcome == "pending":
        if back.status == Progress.UNDER_WAY:
            back = replace(back, status=Progress.PENDING, tries=0)
        wake_at_ms = account.now_ms + PENDING_PATIENCE_MS
        account.keep_refund_part(replace(back, wake_at_ms=wake_at_ms))
    elif back.status == Progress.UNDER_WAY:
        wake_at_ms = account.now_ms + backoff_ms(back.tries)
        account.keep_refund_part(replace(back, wake_at_ms=wake_at_ms))


def _give(account: Account, back: RefundPart, amount: int) -> None:
    part = account.parts[back.capture_id, back.capture_number]
    account.keep_part(replace(part, refunded_minor=part.refunded_minor + amount))


def _done(account: Account, back: RefundPart) -> None:
    method = account.method(back.tender_id)
    paid_back = back.amount_minor
    if method in PROMISES:
        lacking = account.outstanding(account.tenders[back.tender_id]) - back.amount_minor
        paid_back = sums.paid_back(back.amount_minor, lacking)
    account.keep_refund_part(
        replace(back, status=Progress.DONE, paid_back_minor=paid_back, wake_at_ms=0)
    )
    event = PaymentRefunded(
        account.order_id, back.tender_id, back.refund_id, back.number, back.capture_id,
        back.authorization_id, method, back.amount_minor, back.currency or account.currency,
        account.refunds[back.refund_id].reason, account.now_ms, paid_back,
    )  # fmt: skip
    account.tell(event)
    posting.refunded(account, event)


def _failed(account: Account, back: RefundPart, reason: Refusal) -> None:
    account.keep_refund_part(replace(back, status=Progress.FAILED, wake_at_ms=0))
    _give(account, back, -back.amount_minor)
    event = PaymentRefundFailed(
        account.order_id, back.tender_id, back.refund_id, back.number, back.capture_id,
        account.method(back.tender_id), back.amount_minor, back.currency or account.currency,
        reason, account.now_ms,
    )  # fmt: skip
    account.tell(event)


def _end(account: Account, refund_id: str, one: RefundState) -> None:
    parts = [each for each in account.refund_parts.values() if each.refund_id == refund_id]
    if any(each.status in _OPEN for each in parts):
        return
    failed = any(each.status == Progress.FAILED for each in parts)
    status = Progress.FAILED if failed else Progress.DONE
    if one.status != status:
        account.refunds[refund_id] = replace(one, status=status)
