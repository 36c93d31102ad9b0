"""What commercetools knows to be paid for an order, and what is still to come.

Source: commercetools Composable Commerce HTTP API, types PaymentState, PaymentInfo, Payment and
Transaction (2025).
"""

from __future__ import annotations

from connectors.channels import commercetools_money as money
from connectors.channels.commercetools_lines import told
from connectors.channels.mapping import Fields, Rejected
from schemas.money import MAXIMUM_MINOR
from schemas.orders import Tender
from schemas.payments import Method

_IN_FULL = frozenset({"Paid", "CreditOwed"})
_NOT_YET = {
    "Failed": "its payment has failed",
    "Pending": "its payment is pending",
    "BalanceDue": "nothing is paid yet",
}
_STATES = _IN_FULL | frozenset(_NOT_YET)
_TAKES = {"Authorization": 1, "CancelAuthorization": -1}
_MOVES = {"Charge": 1, "Refund": -1, "Chargeback": -1}
_INVOICE = ("invoice", "purchaseorder", "onaccount", "paylater")
_CASH = ("cashondelivery", "cod", "payondelivery")


def tenders(order: Fields, currency: str, total: int) -> tuple[int, list[Tender]]:
    """What is authorized or paid, and the tenders where the rest comes in another way.

    Raises Rejected: not_ready where nothing is paid and nobody agreed on paying later; incomplete
    where payments are named without what became of them.
    """
    state = order.optional_text("paymentState")
    if state and state not in _STATES:
        raise Rejected("wrong_type", "paymentState", "paymentState is none of commercetools'")
    payments = _payments(order)
    if state in _IN_FULL:
        return total, []
    known = [each for each in payments if _is_expanded(each)]
    paid = sum(_held(each, currency) for each in known)
    later = next(filter(None, map(_later, known)), None)
    if later is None and state == "BalanceDue" and order.optional_text("purchaseOrderNumber"):
        later = Tender("invoice", Method.INVOICE, 0)
    if paid > MAXIMUM_MINOR:
        raise Rejected("invalid_amount", "paymentInfo.payments", "the payments are out of bounds")
    if later is not None and paid < total:
        before = [Tender("1", Method.CHANNEL, paid, "", paid, currency)] if paid else []
        return paid, [*before, later]
    if state == "Failed" or (state in _NOT_YET and total and not paid):
        if len(known) < len(payments) and state != "Failed":
            raise _not_expanded()
        detail = f"commercetools has not let the order go: {_NOT_YET[state]}"
        raise Rejected("not_ready", "paymentState", detail)
    if not state and len(known) < len(payments) and paid < total:
        raise _not_expanded()
    return paid, []


def _not_expanded() -> Rejected:
    path = "paymentInfo.payments"
    detail = f"{path} are references: send the payments as well, or expand {path}[*]"
    return Rejected("incomplete", path, detail)


def _payments(order: Fields) -> list[Fields]:
    info = order.optional_object("paymentInfo")
    if info is None:
        return []
    # REST has references, which may be expanded; GraphQL has the payments themselves.
    found = info.objects("payments" if info.has("payments") else "paymentRefs")
    return [each.optional_object("obj") or each for each in found]


def _is_expanded(payment: Fields) -> bool:
    return payment.has("amountPlanned") or payment.has("transactions")


def _held(payment: Fields, currency: str) -> int:
    """What a payment has authorized or charged, whichever is more."""
    authorized = charged = 0
    for each in payment.objects("transactions"):
        if each.optional_text("state") != "Success":
            continue
        kind = each.optional_text("type")
        if kind in _TAKES:
            authorized += _TAKES[kind] * money.positive(each, "amount", currency)
        elif kind in _MOVES:
            charged += _MOVES[kind] * money.positive(each, "amount", currency)
    return max(authorized, charged, 0)


def _later(payment: Fields) -> Tender | None:
    """The tender of a payment that comes with, or after, the goods."""
    method = told(lambda: _method(payment), "")
    if method.startswith(_INVOICE):
        return Tender("invoice", Method.INVOICE, 0)
    if method.startswith(_CASH):
        return Tender("cash", Method.CASH_ON_DELIVERY, 0)
    return None


def _method(payment: Fields) -> str:
    info = payment.optional_object("paymentMethodInfo")
    text = info.optional_text("method") if info is not None else ""
    return "".join(filter(str.isalpha, text)).lower()
