"""What the payments room decides, in the order in which a payment lives. Every function is pure.

Each gives the state as it is to be and the records to write; the same state object again means
that nothing changes. Here is what orders asks; the rest has a file for each subject:

search.py          which tender pays what, until the sums cover the total
authorizations.py  one authorization at a gateway
captures.py, refunds.py, voids.py, receipts.py
sums.py            the status, computed from the sums
validation.py      rules for which nobody needs to be asked
account.py         the payment while one command is decided
plain.py           the common way, without one
older.py           payments from before there were tenders
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.messages import Send
from schemas.orders import RecordPayment, Tender
from schemas.payments import (
    AuthorizePayment,
    CapturePayment,
    ChangePayment,
    Method,
    PaymentCommandRefused,
    PaymentRulesState,
    PaymentState,
    PaymentStatus,
    RecordAuthorization,
    RecordCapture,
    RecordReceipt,
    RecordRefund,
    RecordVoid,
    RefundPayment,
    Refusal,
    Status,
    TenderState,
    VoidPayment,
)
from schemas.records import Record
from schemas.topics import ORDERS_COMMANDS, PAYMENTS_EVENTS
from streams.payments import (
    authorizations,
    captures,
    plain,
    receipts,
    refunds,
    search,
    validation,
    voids,
)
from streams.payments.account import Account, Setback
from streams.payments.model import MAXIMUM_TENDERS
from streams.payments.older import converted

_COMMANDS = (
    ChangePayment, VoidPayment, CapturePayment, RefundPayment, RecordReceipt,
    RecordAuthorization, RecordVoid, RecordCapture, RecordRefund,
)  # fmt: skip
"""What is about a payment that there is."""
Decision = tuple[PaymentState | None, list[Send]]
Changed = tuple[PaymentState, list[Send]]


def decide(
    state: PaymentState | None,
    command: Record,
    now_ms: int,
    rules: PaymentRulesState | None = None,
) -> Decision:
    """The payment after `command`, and what to write. Raises TypeError for a foreign record."""
    if state is None:
        if rules is None and isinstance(command, AuthorizePayment):
            common = plain.authorize(command, now_ms)
            if common is not None:
                return common
    elif isinstance(command, RecordAuthorization) and state.tenders:
        common = plain.approve(state, command, now_ms)
        if common is not None:
            return common
    return considered(state, command, now_ms, rules)


def considered(
    state: PaymentState | None,
    command: Record,
    now_ms: int,
    rules: PaymentRulesState | None = None,
) -> Decision:
    """What `decide` decides, for whatever case."""
    if state is None:
        if not isinstance(command, AuthorizePayment):
            return None, _unknown(command, now_ms)
        account = Account(_new(command), now_ms)
        _authorize(account, command, rules)
        return _closed(account)
    account = Account(state if state.tenders else converted(state), now_ms)
    account.steps.add(type(command))
    match command:
        case RecordAuthorization():
            authorizations.record(account, command)
        case AuthorizePayment():
            _authorize_again(account, command, rules)
        case ChangePayment():
            _change(account, command, rules)
        case CapturePayment():
            captures.capture(account, command)
        case RecordCapture():
            captures.record(account, command)
        case RefundPayment():
            refunds.refund(account, command)
        case RecordRefund():
            refunds.record(account, command)
        case VoidPayment():
            _void(account, command)
        case RecordVoid():
            voids.record(account, command)
        case RecordReceipt():
            receipts.record(account, command)
        case _:
            raise TypeError(f"the payments room takes no {type(command).__name__}")
    following, sends = _closed(account)
    # One from before there were tenders is written anew only where something changes.
    return (state if following is account.before else following), sends


def wake(state: PaymentState, now_ms: int) -> Changed:
    """Ask the gateways that have not answered, or whose answer was that they do not know."""
    account = Account(state if state.tenders else converted(state), now_ms)
    for hold in list(account.holds.values()):
        if 0 < hold.wake_at_ms <= now_ms:
            if hold.status == Status.VOIDING:
                voids.wake(account, hold)
            else:
                authorizations.wake(account, hold)
    for part in list(account.parts.values()):
        if 0 < part.wake_at_ms <= now_ms:
            captures.wake(account, part)
    for back in list(account.refund_parts.values()):
        if 0 < back.wake_at_ms <= now_ms:
            refunds.wake(account, back)
    return _closed(account)


def _closed(account: Account) -> Changed:
    """Go on with whatever can go on now, and close the account."""
    search.go_on(account)
    if account.captures:
        captures.go_on(account)
    voids.go_on(account)
    if account.parts:
        refunds.go_on(account)
    return account.close(), account.sends


def _unknown(command: Record, now_ms: int) -> list[Send]:
    """Nothing is known of the payment. Orders waits for the answer to a change of it."""
    if not isinstance(command, _COMMANDS):
        raise TypeError(f"the payments room takes no {type(command).__name__}")
    order_id, reason = command.order_id, Refusal.UNKNOWN_PAYMENT
    event = PaymentCommandRefused(order_id, type(command).__name__, reason, now_ms)
    sends = [Send(PAYMENTS_EVENTS, order_id, event)]
    if isinstance(command, ChangePayment):
        reply = RecordPayment(order_id, False, 0, "", reason, command.revision)
        sends.append(Send(ORDERS_COMMANDS, order_id, reply))
    return sends


def _new(command: AuthorizePayment) -> PaymentState:
    return PaymentState(
        order_id=command.order_id,
        status=PaymentStatus.PENDING,
        amount_minor=command.amount_minor,
        currency=command.currency,
        method=command.method,
        token="",
        authorization_id="",
        attempt=0,
        void_reason="",
        revision=command.revision,
        channel=command.channel,
    )


def _tenders(command: AuthorizePayment) -> list[Tender]:
    """The tenders of an order; one where it names none."""
    return command.tenders or [
        Tender("1", command.method, 0, command.token, command.paid_minor, command.paid_currency)
    ]


def _authorize(
    account: Account, command: AuthorizePayment, rules: PaymentRulesState | None
) -> None:
    tenders = _tenders(command)
    _use(account, tenders)
    asked = validation.Asked(
        command.channel, command.amount_minor, command.currency, tenders, command.country,
        command.billing_country, command.orders_last_hour, command.orders_last_day,
    )  # fmt: skip
    _seek(account, asked, rules)


def _use(account: Account, tenders: Sequence[Tender]) -> None:
    """Add tenders in front of those that are known; what is said of a known one replaces that."""
    known = account.tenders
    account.tenders = {}
    for tender in tenders:
        before = known.pop(tender.tender_id, None)
        account.tenders[tender.tender_id] = TenderState(
            tender.tender_id, tender.method, tender.amount_minor, tender.token, tender.paid_minor,
            tender.paid_currency, tender.terms_days,
            received_minor=before.received_minor if before else 0,
        )  # fmt: skip
    account.tenders |= known


def _seek(account: Account, asked: validation.Asked, rules: PaymentRulesState | None) -> None:
    """Look for the total, if what was asked for makes sense and the rules allow it."""
    search.begin(account, search.TOTAL)
    account.refusal = ""
    refusal = _nonsense(account)
    if refusal is not None:
        account.setback = Setback(refusal, _only(account), account.amount_minor)
        return
    verdict = validation.verdict(rules, asked)
    if verdict is not None:
        account.setback = Setback(
            verdict.reason, "", account.amount_minor, verdict.rule_id, verdict.points
        )


def _nonsense(account: Account) -> Refusal | None:
    """What no gateway needs to be asked about."""
    tenders = account.tenders.values()
    if account.amount_minor < 0 or any(one.amount_minor < 0 for one in tenders):
        return Refusal.AMOUNT_NEGATIVE
    if len(tenders) > MAXIMUM_TENDERS:
        return Refusal.TOO_MANY_TENDERS
    if any(one.method not in _METHODS for one in tenders):
        return Refusal.METHOD_NOT_ALLOWED
    named = sum(one.amount_minor for one in tenders)
    if all(one.amount_minor for one in tenders) and named < account.amount_minor:
        return Refusal.AMOUNT_TOO_SMALL
    return None


_METHODS = frozenset(Method)


def _only(account: Account) -> str:
    """The tender at fault where there is but one."""
    return next(iter(account.tenders)) if len(account.tenders) == 1 else ""


def _authorize_again(
    account: Account, command: AuthorizePayment, rules: PaymentRulesState | None
) -> None:
    """The same wish again has the same answer; another sum is a conflict."""
    if command.currency != account.currency:
        account.refuse(command, Refusal.PAYMENT_CONFLICT)
    elif _is_new(account, command):
        account.revision = command.revision
        account.amount_minor = command.amount_minor
        _authorize(account, command, rules)


def _change(account: Account, command: ChangePayment, rules: PaymentRulesState | None) -> None:
    """Another total: what is missing is looked for, what is too much goes back."""
    if not _is_new(account, command):
        return
    account.revision = command.revision
    account.amount_minor = command.amount_minor
    if command.tenders:
        _use(account, command.tenders)
    asked = validation.Asked(
        account.channel, command.amount_minor, account.currency,
        [Tender(one.tender_id, one.method, 0) for one in account.tenders.values()],
    )  # fmt: skip
    _seek(account, asked, rules)


def _is_new(account: Account, command: AuthorizePayment | ChangePayment) -> bool:
    """Whether it is the next revision; if it is the latest again, it has its answer again."""
    if command.revision < account.revision:
        return False
    if command.revision > account.revision and not account.void_reason:
        return True
    same = command.amount_minor == account.amount_minor
    if command.revision == account.revision and not same:
        account.refuse(command, Refusal.PAYMENT_CONFLICT)
    elif account.void_reason or account.refusal:
        if not account.seeking and not _is_open(account):
            account.revision = command.revision
            account.reply(False, account.refusal or account.void_reason)
    elif not account.seeking:
        account.reply(True, "")
    return False


def _is_open(account: Account) -> bool:
    """Whether orders, which has withdrawn the payment, has been spared its answer so far."""
    return any(hold.status == Status.REQUESTED for hold in account.holds.values())


def _void(account: Account, command: VoidPayment) -> None:
    if not account.void_reason:
        account.void_reason = command.reason or Refusal.CANCELLED
