"""What Saleor knows to be paid or authorized for an order.

Source: Saleor API reference 3.20, object Order (`isPaid`, `chargeStatus`, `authorizeStatus`,
`totalCharged`, `totalAuthorized`, `paymentStatus`) and Payment.
"""

from __future__ import annotations

from connectors.channels.mapping import Fields, Rejected
from connectors.channels.saleor_fields import money, own
from schemas.money import MAXIMUM_MINOR

_FULL = frozenset({"FULL", "OVERCHARGED", "FULLY_CHARGED"})
_NONE = frozenset({"NONE", "NOT_CHARGED", "PENDING", "REFUSED", "CANCELLED"})
_PARTIAL = frozenset({"PARTIAL", "PARTIALLY_CHARGED", "PARTIALLY_REFUNDED", "FULLY_REFUNDED"})
_STATUSES = ("chargeStatus", "authorizeStatus", "paymentStatus")


def paid(order: Fields, currency: str, total: int, in_full: bool) -> int:
    """What is charged or authorized, in minor units; `in_full` where the event says that all is.

    Raises Rejected: not_ready where Saleor says that nothing is yet.
    """
    statuses = {name: _status(order, name) for name in _STATUSES}
    if in_full or order.raw(own(order, "isPaid")) is True or _FULL & set(statuses.values()):
        return total
    held = _held(order, currency)
    if held > MAXIMUM_MINOR:
        raise Rejected("invalid_amount", "payments", "the payments are out of bounds")
    if held or not total:
        return held
    field = next((name for name, status in statuses.items() if status in _NONE), "")
    if not field and isinstance(order.raw("payments"), list):
        field = "payments"
    if not field and order.raw(own(order, "isPaid")) is False:
        field = "isPaid"
    if field:
        detail = "nothing is charged or known to be authorized for the order at Saleor yet"
        raise Rejected("not_ready", own(order, field), detail)
    return 0


def _status(order: Fields, name: str) -> str:
    """A status as GraphQL writes it; the older webhooks have `fully-charged` for FULLY_CHARGED."""
    status = order.optional_text(own(order, name)).upper().replace("-", "_")
    if status and status not in _FULL | _NONE | _PARTIAL:
        path = own(order, name)
        raise Rejected("wrong_type", path, f"{path} is none of Saleor's")
    return status


def _held(order: Fields, currency: str) -> int:
    """What is charged, and what is authorized and not charged yet."""
    held = money(order, "totalCharged", "total_charged_amount", currency)
    held += money(order, "totalAuthorized", "total_authorized_amount", currency)
    return held or max(
        money(order, "totalCaptured", "total_captured_amount", currency),
        _payments(order, currency),
    )


def _payments(order: Fields, currency: str) -> int:
    """What the payments of the older webhooks have taken."""
    return sum(
        money(each, "capturedAmount", "captured_amount", currency)
        for each in order.objects("payments")
        if each.raw(own(each, "isActive")) is not False
    )
