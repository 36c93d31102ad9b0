"""A payment gateway that is always at its best."""

from __future__ import annotations

from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record


def answer(request: Record) -> Record | None:
    """What it says to a request; None to what nobody asks of one."""
    match request:
        case AuthorizationRequested():
            return RecordAuthorization(
                request.order_id, "approved", f"auth-{request.tender_id}", request.amount_minor,
                request.currency, "", request.attempt, request.tender_id,
            )  # fmt: skip
        case CaptureRequested():
            return RecordCapture(
                request.order_id, request.tender_id, request.capture_id, "captured",
                request.amount_minor, request.currency, "", request.attempt,
            )  # fmt: skip
        case RefundRequested():
            return RecordRefund(
                request.order_id, request.tender_id, request.refund_id, "refunded",
                request.amount_minor, request.currency, "", request.attempt,
            )  # fmt: skip
        case VoidRequested():
            return RecordVoid(request.order_id, "voided", request.authorization_id)
    return None
