"""What the accounting room is told: each sum that was taken, given back or has come in, once."""

from __future__ import annotations

from schemas.accounting import DEFAULT_ENTITY, PaymentKind, PostPayment
from schemas.messages import Send
from schemas.payments import PaymentCaptured, PaymentReceived, PaymentRefunded
from schemas.topics import ACCOUNTING_COMMANDS
from streams.payments.account import Account


def captured(account: Account, event: PaymentCaptured) -> None:
    """Money that is taken; of a promise, that is due."""
    key = f"captured|{event.capture_id}/{event.part}"
    _post(account, event, PaymentKind.CAPTURED, key, event.amount_minor)


def refunded(account: Account, event: PaymentRefunded) -> None:
    """Money that goes back; nothing does where a promise is only lessened."""
    key = f"refunded|{event.refund_id}/{event.part}"
    _post(account, event, PaymentKind.REFUNDED, key, event.paid_back_minor)


def received(account: Account, event: PaymentReceived) -> None:
    """Money that has come in."""
    _post(account, event, PaymentKind.RECEIVED, f"received|{event.receipt_id}", event.amount_minor)


def _post(
    account: Account,
    event: PaymentCaptured | PaymentRefunded | PaymentReceived,
    kind: PaymentKind,
    key: str,
    amount_minor: int,
) -> None:
    if not amount_minor:
        return
    command = PostPayment(
        DEFAULT_ENTITY, f"{account.order_id}|{key}", account.order_id, event.tender_id, kind,
        event.method, amount_minor, event.currency, event.at_ms,
    )  # fmt: skip
    account.sends.append(Send(ACCOUNTING_COMMANDS, DEFAULT_ENTITY, command))
