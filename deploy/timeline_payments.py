"""What captures, refunds and receipts say to people."""

from __future__ import annotations

from schemas import payments
from schemas.money import text as money
from schemas.records import Record


def of_money(record: Record) -> str:
    """The words of an event about money that moves; empty for another."""
    match record:
        case payments.CaptureRequested():
            asked = "capture looked up" if record.inquiry else "to be captured"
            return f"{money(record.amount_minor, record.currency)} {asked}, {record.capture_id}"
        case payments.RefundRequested():
            asked = "refund looked up" if record.inquiry else "to be refunded"
            return f"{money(record.amount_minor, record.currency)} {asked}, {record.refund_id}"
        case payments.PaymentCaptured():
            amount = money(record.amount_minor, record.currency)
            due = "due" if record.due_at_ms else "taken"
            return f"{amount} {due} by {record.method}, {record.capture_id or 'by the gateway'}"
        case payments.PaymentCaptureFailed():
            amount = money(record.amount_minor, record.currency)
            return f"{amount} not taken, {record.capture_id}: {_plain(record.reason)}"
        case payments.PaymentRefunded():
            amount = money(record.amount_minor, record.currency)
            return f"{amount} refunded by {record.method}: {_plain(record.reason)}"
        case payments.PaymentRefundFailed():
            amount = money(record.amount_minor, record.currency)
            return f"{amount} not refunded, {record.refund_id}: {_plain(record.reason)}"
        case payments.PaymentReceived():
            amount = money(record.amount_minor, record.currency)
            return f"{amount} received, {record.method}, {record.receipt_id}"
        case payments.PaymentOverdue():
            return f"{money(record.amount_minor, record.currency)} not paid in time"
        case payments.PaymentTotalChanged():
            before = money(record.previously_minor, record.currency)
            return f"{before} is now {money(record.amount_minor, record.currency)}"
        case payments.PaymentRulesSet():
            return f"{len(record.rules)} rules, refused at {record.refuse_at_points} points"
    return ""


def _plain(reason: str) -> str:
    return reason.replace("_", " ")
