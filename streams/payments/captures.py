"""Taking money: in parts, of authorizations in the order in which they were made."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    AuthorizationState,
    CapturePart,
    CapturePayment,
    CaptureRequested,
    CaptureState,
    Method,
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCaptureFailed,
    PaymentOverdue,
    Progress,
    RecordCapture,
    Refusal,
    Status,
)
from streams.payments import posting, search, voids
from streams.payments.account import Account
from streams.payments.model import (
    DAY_MS,
    GATEWAY_PATIENCE_MS,
    MAXIMUM_INQUIRIES,
    MAXIMUM_RENEWALS,
    MAXIMUM_REQUESTS,
    PROMISES,
    LastCapture,
    after,
    backoff_ms,
)

_REASONS = {reason.value: reason for reason in Refusal}


def capture(account: Account, command: CapturePayment) -> None:
    """Take money that is authorized; the same again changes nothing."""
    known = account.captures.get(command.capture_id)
    if known is not None:
        if (known.amount_minor, known.final) != (command.amount_minor, command.final):
            account.refuse(command, Refusal.PAYMENT_CONFLICT, command.capture_id)
        return
    refusal = _refusal(account, command)
    if refusal is not None:
        account.refuse(command, refusal, command.capture_id)
        return
    account.captures[command.capture_id] = CaptureState(
        command.capture_id, command.amount_minor, command.final, Progress.UNDER_WAY
    )


def _refusal(account: Account, command: CapturePayment) -> Refusal | None:
    if account.void_reason or account.agreed_minor < 0:
        return Refusal.NOT_AUTHORIZED
    if not command.capture_id or len(account.captures) >= MAXIMUM_REQUESTS:
        return Refusal.TOO_MANY if command.capture_id else Refusal.PAYMENT_CONFLICT
    if command.amount_minor < 0:
        return Refusal.AMOUNT_NEGATIVE
    if command.amount_minor == 0 and not command.final:
        return Refusal.AMOUNT_ZERO
    left = account.agreed_minor - account.taken - _under_way(account)
    return Refusal.AMOUNT_TOO_LARGE if command.amount_minor > left else None


def _under_way(account: Account) -> int:
    """What is asked for and not taken yet."""
    return sum(
        one.amount_minor - one.failed_minor - _amount(account, one, Progress.DONE)
        for one in account.captures.values()
        if one.status == Progress.UNDER_WAY
    )


def _amount(account: Account, one: CaptureState, *progress: str) -> int:
    return sum(
        part.amount_minor
        for part in account.parts.values()
        if part.capture_id == one.capture_id and part.status in progress
    )


def go_on(account: Account) -> None:
    """Take what is still to be taken, and end what is done."""
    for capture_id, one in list(account.captures.items()):
        if one.status == Progress.UNDER_WAY:
            _allocate(account, capture_id)
            _end(account, account.captures[capture_id])


def _missing(account: Account, one: CaptureState) -> int:
    """What no authorization has been asked for yet."""
    asked = _amount(account, one, Progress.UNDER_WAY, Progress.DONE)
    return one.amount_minor - one.failed_minor - asked


def _allocate(account: Account, capture_id: str) -> None:
    while True:
        one = account.captures[capture_id]
        missing = _missing(account, one)
        if missing <= 0:
            return
        if account.void_reason:
            return _fail(account, one, "", missing, Refusal.CANCELLED)
        missing = _take(account, one, missing)
        if not missing or account.seeking or voids.is_expiring(account):
            return
        if account.unrenewed or one.renewals >= MAXIMUM_RENEWALS:
            reason = account.unrenewed or Refusal.AUTHORIZATION_EXPIRED
            return _fail(account, one, "", missing, reason)
        if account.covered >= account.agreed_minor:
            return _fail(account, one, "", missing, Refusal.ALREADY_CAPTURED)
        account.captures[capture_id] = replace(one, renewals=one.renewals + 1)
        search.begin(account, search.RENEWAL)
        search.go_on(account)
        if account.seeking:
            return


def _take(account: Account, one: CaptureState, missing: int) -> int:
    """Ask for captures of what is held. Gives what is still missing."""
    for hold in list(account.usable()):
        if 0 < hold.expires_at_ms <= account.now_ms:
            # Voided first: the gateway may hold it all the same, and holds nothing twice.
            voids.mark(account, hold, voids.EXPIRED)
            continue
        amount = min(missing, hold.held_minor - account.under_capture(hold))
        if amount > 0:
            _begin(account, one, hold, amount)
            missing -= amount
    return missing


def _begin(account: Account, one: CaptureState, hold: AuthorizationState, amount: int) -> None:
    number = 1 + max(
        (each for capture_id, each in account.parts if capture_id == one.capture_id), default=0
    )
    left = hold.held_minor - amount
    # One that is final must be the last in the gateway's eyes too.
    final = not account.under_capture(hold) and (one.final or not left)
    part = CapturePart(
        one.capture_id, number, hold.tender_id, hold.authorization_id, amount, final,
        Progress.UNDER_WAY,
    )  # fmt: skip
    if account.at_gateway(hold):
        _request(account, part, inquiry=False)
    else:
        _done(account, part, hold)


def _request(account: Account, part: CapturePart, *, inquiry: bool) -> None:
    account.capture_attempt += 1
    tries = part.tries + 1
    request = CaptureRequested(
        account.order_id, part.tender_id, part.authorization_id,
        f"{part.capture_id}/{part.number}",
        f"{account.order_id}|capture|{part.capture_id}/{part.number}",
        part.amount_minor, account.currency, part.final, inquiry, account.capture_attempt,
        account.now_ms,
    )  # fmt: skip
    account.tell(request)
    account.keep_part(
        replace(
            part,
            attempt=account.capture_attempt,
            tries=tries,
            wake_at_ms=account.now_ms + max(GATEWAY_PATIENCE_MS, backoff_ms(tries)),
        )
    )


def wake(account: Account, part: CapturePart) -> None:
    """Look a capture up that is not answered; tell of an invoice that is not paid."""
    if part.status == Progress.DONE:
        _overdue(account, part)
    elif part.tries >= MAXIMUM_INQUIRIES:
        _part_failed(account, part, Refusal.GATEWAY_SILENT)
    else:
        _request(account, part, inquiry=True)


def record(account: Account, answer: RecordCapture) -> None:
    """What a gateway says of a part of a capture."""
    capture_id, _, number = answer.capture_id.rpartition("/")
    part = account.parts.get((capture_id, int(number) if number.isdecimal() else 0))
    if part is None or part.status == Progress.DONE or not capture_id:
        return
    exact = (answer.amount_minor, answer.currency) == (part.amount_minor, account.currency)
    # Money that is taken has to be dealt with, whichever question this answers.
    if answer.outcome == "captured" and exact:
        _captured(account, part)
    elif part.status == Progress.UNDER_WAY and answer.attempt in (0, part.attempt):
        _not_captured(account, part, answer)


def _captured(account: Account, part: CapturePart) -> None:
    hold = _hold(account, part)
    if hold.held_minor < part.amount_minor:
        hold = _found_again(account, hold, part)
    _done(account, part, hold)
    one = account.captures[part.capture_id]
    if one.failed_minor + _amount(account, one, Progress.DONE) > one.amount_minor:
        # It was said to have failed, or other money was taken in its place.
        taken = account.parts[part.capture_id, part.number]
        account.keep_part(replace(taken, unwanted=True))


def _hold(account: Account, part: CapturePart) -> AuthorizationState:
    return next(
        hold
        for hold in account.holds.values()
        if (hold.tender_id, hold.authorization_id) == (part.tender_id, part.authorization_id)
    )


def _found_again(
    account: Account, hold: AuthorizationState, part: CapturePart
) -> AuthorizationState:
    """The gateway said that it held nothing any more, and has taken of it all the same."""
    lacking = part.amount_minor - hold.held_minor
    event = PaymentAuthorized(
        account.order_id, hold.authorization_id, lacking, account.currency,
        account.method(hold.tender_id), account.now_ms, hold.tender_id, hold.expires_at_ms,
    )  # fmt: skip
    account.tell(event)
    return replace(hold, held_minor=part.amount_minor)


def _done(account: Account, part: CapturePart, hold: AuthorizationState) -> None:
    """The money is taken; of a promise: is due."""
    tender = account.tenders[part.tender_id]
    due_at_ms = wake_at_ms = 0
    if tender.method in PROMISES:
        due_at_ms = account.now_ms + tender.terms_days * DAY_MS
        wake_at_ms = due_at_ms if tender.method == Method.INVOICE and tender.terms_days else 0
    event = PaymentCaptured(
        account.order_id, part.tender_id, part.capture_id, part.number, part.authorization_id,
        tender.method, part.amount_minor, account.currency, account.now_ms, due_at_ms,
    )  # fmt: skip
    account.tell(event)
    posting.captured(account, event)
    account.keep_part(
        replace(part, status=Progress.DONE, due_at_ms=due_at_ms, wake_at_ms=wake_at_ms)
    )
    left = hold.held_minor - part.amount_minor
    # What was found again had ended before: it stays so.
    open_still = hold.status in (Status.AUTHORIZED, Status.VOIDING)
    status = after(hold.status, PaymentCaptured if left else LastCapture) if open_still else None
    hold = account.keep(
        replace(
            hold,
            status=status or hold.status,
            held_minor=left,
            captured_minor=hold.captured_minor + part.amount_minor,
            wake_at_ms=hold.wake_at_ms if left else 0,
        )
    )
    if left and part.final and account.at_gateway(hold):
        voids.let_go(account, hold)


def _not_captured(account: Account, part: CapturePart, answer: RecordCapture) -> None:
    if answer.outcome == "declined":
        _part_failed(account, part, _REASONS.get(answer.reason, Refusal.CARD_DECLINED))
    elif answer.outcome == "expired":
        # What it holds, if anything, goes back; then the capture looks for other money.
        account.keep_part(replace(part, status=Progress.FAILED, wake_at_ms=0))
        hold = _hold(account, part)
        if hold.status == Status.AUTHORIZED:
            voids.mark(account, hold, voids.EXPIRED)
    elif answer.outcome == "not_found":
        _request(account, part, inquiry=False)
    else:
        # Unknown, or an outcome that the contract does not have: never a guess.
        account.keep_part(replace(part, wake_at_ms=account.now_ms + backoff_ms(part.tries)))


def _part_failed(account: Account, part: CapturePart, reason: Refusal) -> None:
    account.keep_part(replace(part, status=Progress.FAILED, wake_at_ms=0))
    one = account.captures[part.capture_id]
    _fail(account, one, part.tender_id, part.amount_minor, reason)


def _fail(
    account: Account, one: CaptureState, tender_id: str, amount_minor: int, reason: str
) -> None:
    event = PaymentCaptureFailed(
        account.order_id, tender_id, one.capture_id, amount_minor, account.currency, reason,
        account.now_ms,
    )  # fmt: skip
    account.tell(event)
    failed_minor = one.failed_minor + amount_minor
    account.captures[one.capture_id] = replace(one, failed_minor=failed_minor)


def _end(account: Account, one: CaptureState) -> None:
    if _missing(account, one) > 0 or _amount(account, one, Progress.UNDER_WAY):
        return
    status = Progress.FAILED if one.failed_minor else Progress.DONE
    account.captures[one.capture_id] = replace(one, status=status)
    if one.final and status == Progress.DONE:
        account.closing = True


def _overdue(account: Account, part: CapturePart) -> None:
    """What has not come of all that the tender owes by now."""
    account.keep_part(replace(part, wake_at_ms=0))
    _, refunded = account.of_tender(part.tender_id)
    due = sum(
        one.amount_minor
        for one in account.parts.values()
        if one.tender_id == part.tender_id
        and one.status == Progress.DONE
        and one.due_at_ms <= account.now_ms
    )
    there = account.tenders[part.tender_id].received_minor - account.paid_back(part.tender_id)
    lacking = due - refunded - there
    if lacking > 0:
        event = PaymentOverdue(
            account.order_id, part.tender_id, part.capture_id, lacking, account.currency,
            part.due_at_ms, account.now_ms,
        )  # fmt: skip
        account.tell(event)
