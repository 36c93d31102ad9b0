"""Why something was billed or credited, or was not, in words."""

from __future__ import annotations

from schemas.accounting import CreditNoteIssued, DocumentRefused, InvoiceIssued
from schemas.money import text as money
from schemas.records import Record


def of_accounting(record: Record) -> str:
    """One sentence for an event of accounting; empty for any other."""
    match record:
        case InvoiceIssued():
            total = money(record.total_minor, record.currency)
            return f"invoice {record.number} of {record.date} over {total}"
        case CreditNoteIssued():
            total = money(record.total_minor, record.currency)
            reason = f": {record.reason}" if record.reason else ""
            return (
                f"credit note {record.number} of {record.date} over {total}"
                f" for invoice {record.invoice_number}{reason}"
            )
        case DocumentRefused():
            why = record.reason.replace("_", " ")
            return f"{record.command}: {why}" + (f" ({record.detail})" if record.detail else "")
    return ""
