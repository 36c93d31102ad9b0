"""Money for deliveries and invoices that has come in."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.payments import (
    PaymentReceived,
    ReceiptState,
    RecordReceipt,
    Refusal,
    TenderState,
)
from streams.payments import posting
from streams.payments.account import Account
from streams.payments.model import MAXIMUM_REQUESTS, PROMISES


def record(account: Account, command: RecordReceipt) -> None:
    """Count money that has come in; the same again changes nothing."""
    known = account.receipts.get(command.receipt_id)
    if known is not None:
        if (known.tender_id, known.amount_minor) != (command.tender_id, command.amount_minor):
            account.refuse(command, Refusal.PAYMENT_CONFLICT, command.receipt_id)
        return
    tender = _tender(account, command.tender_id)
    refusal = _refusal(account, command, tender)
    if refusal is not None or tender is None:
        account.refuse(command, refusal or Refusal.UNKNOWN_TENDER, command.receipt_id)
        return
    account.receipts[command.receipt_id] = ReceiptState(
        command.receipt_id, command.tender_id, command.amount_minor
    )
    received_minor = tender.received_minor + command.amount_minor
    account.tenders[tender.tender_id] = replace(tender, received_minor=received_minor)
    event = PaymentReceived(
        account.order_id, tender.tender_id, command.receipt_id, tender.method,
        command.amount_minor, command.currency, command.reference, command.actor, account.now_ms,
    )  # fmt: skip
    account.tell(event)
    posting.received(account, event)


def _tender(account: Account, tender_id: str) -> TenderState | None:
    """The tender that money is for: the one that is named, or the first that lacks some."""
    promised = [one for one in account.tenders.values() if one.method in PROMISES]
    if tender_id:
        return next((one for one in promised if one.tender_id == tender_id), None)
    lacking = (one for one in promised if account.outstanding(one) > 0)
    return next(lacking, promised[0] if promised else None)


def _refusal(
    account: Account, command: RecordReceipt, tender: TenderState | None
) -> Refusal | None:
    if tender is None:
        return Refusal.UNKNOWN_TENDER
    if not command.receipt_id:
        return Refusal.PAYMENT_CONFLICT
    if len(account.receipts) >= MAXIMUM_REQUESTS:
        return Refusal.TOO_MANY
    if command.amount_minor < 0:
        return Refusal.AMOUNT_NEGATIVE
    if command.amount_minor == 0:
        return Refusal.AMOUNT_ZERO
    if command.currency != account.currency:
        return Refusal.CURRENCY_DIFFERS
    too_large = command.amount_minor > account.outstanding(tender)
    return Refusal.AMOUNT_TOO_LARGE if too_large else None
