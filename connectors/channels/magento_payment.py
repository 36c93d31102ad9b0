"""What Magento holds for an order, and how the rest is paid.

Source: Adobe Commerce REST reference 2.4, sales-data-order-interface (`total_paid`) and
sales-data-order-payment-interface (`method`, `amount_authorized`, `amount_paid`, `po_number`);
payment methods by the codes of its own modules.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shop_fields import Sums, optional_positive
from connectors.channels.shopify_fields import told
from schemas.orders import Tender
from schemas.payments import Method

_ON_TERMS = frozenset({"purchaseorder", "companycredit"})
"""Purchase order, and payment on account of Adobe Commerce B2B."""
_TRANSFERS = frozenset({"checkmo", "banktransfer"})
"""Cheque or money order, and bank transfer: the money comes before the goods go."""


@dataclass(frozen=True, slots=True)
class Payment:
    """How an order is paid."""

    paid_minor: int
    tenders: list[Tender]
    purchase_order_number: str


def read(order: Fields, currency: str, total: int, state: str) -> Payment:
    """Raises Rejected, not_ready, for a new order whose money has yet to come first."""
    payment = order.optional_object("payment")
    method = told(lambda: payment.optional_text("method").lower() if payment else "", "")
    number = told(lambda: payment.optional_text("po_number") if payment else "", "")
    held = Sums(currency).minor(_held(order, payment))
    paid = min(held, total)
    if paid == total:
        return Payment(paid, [], number)
    rest = _to_come(method, state)
    if rest is None:
        return Payment(paid, [], number)
    if not paid:
        return Payment(0, [rest], number)
    first = Tender("1", Method.CHANNEL, paid, "", paid, currency)
    return Payment(paid, [first, rest], number)


def _held(order: Fields, payment: Fields | None) -> int:
    """What is paid or authorized and not given back, in millionths."""
    paid = optional_positive(order, "total_paid")
    if not paid and payment is not None:
        paid = optional_positive(payment, "amount_paid") or optional_positive(
            payment, "amount_authorized"
        )
    return max(0, paid - optional_positive(order, "total_refunded"))


def _to_come(method: str, state: str) -> Tender | None:
    """How the rest will be paid; None where nothing says that it will be."""
    if method == "cashondelivery":
        return Tender("cash", Method.CASH_ON_DELIVERY, 0)
    if method in _ON_TERMS or (method in _TRANSFERS and state == "processing"):
        return Tender("terms", Method.INVOICE, 0)
    if state == "new":
        raise Rejected("not_ready", "state", "the order is new and waits for its payment")
    return None
