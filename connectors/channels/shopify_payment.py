"""What Shopify holds for an order, by which means, and what is still to come.

Source: Shopify's Admin API, REST Order (`financial_status`, `total_outstanding`,
`payment_gateway_names`, `payment_terms`) and Transaction (`kind`, `status`, `gateway`).
"""

from __future__ import annotations

from connectors.channels.mapping import Fields, Rejected
from connectors.channels.shopify_fields import amount, told
from schemas.orders import Tender
from schemas.payments import Method

_STATUSES = frozenset(
    {
        "pending",
        "authorized",
        "partially_paid",
        "paid",
        "partially_refunded",
        "refunded",
        "voided",
        "expired",
    }
)
_IN_FULL = frozenset({"authorized", "paid"})
_IN_PART = frozenset({"partially_paid", "partially_refunded"})
_TO_COME = frozenset({"pending", "partially_paid"})
_TAKES = frozenset({"authorization", "sale"})
"""Kinds of transaction that bring money; a capture only takes what one of these holds."""
_CASH_ON_DELIVERY = "cash on delivery"
"""How the manual payment method is called: Cash on Delivery (COD)."""
_LONGEST_TERMS_DAYS = 3650


def paid(order: Fields, currency: str, total: int) -> int:
    """What the channel has authorized or captured for the order.

    What was given back later for removed pieces is not taken off, as it is still in `total_price`.
    A payment that was voided, refunded in full or has expired covers nothing.
    """
    status = _status(order)
    if status in _IN_FULL:
        return total
    if status and status not in _STATUSES:
        detail = "financial_status is none of Shopify's"
        raise Rejected("wrong_type", "financial_status", detail)
    if status not in _IN_PART:
        return 0
    if not order.has("total_outstanding"):
        return total if status == "partially_refunded" else 0
    outstanding = max(0, order.balance("total_outstanding", currency))
    if outstanding > total:
        raise Rejected(
            "invalid_amount", "total_outstanding", "total_outstanding is more than total_price"
        )
    return total - outstanding


def tenders(order: Fields, currency: str, paid_minor: int) -> list[Tender]:
    """The tenders of an order that has more than the one that Shopify has paid or authorized.

    That is one per gateway, e.g. a gift card beside a card, where the transactions say how much
    each holds; and an invoice, or cash on delivery, for what is still to come.
    """
    nothing: list[Tender] = []
    found = told(lambda: _by_gateway(order, currency, paid_minor), nothing)
    still = told(lambda: _to_come(order), None)
    if still is None:
        return found if len(found) > 1 else []
    if paid_minor and not found:
        found = [Tender("1", Method.CHANNEL, paid_minor, "", paid_minor, currency)]
    return [*found, still]


def _status(order: Fields) -> str:
    return order.optional_text("financial_status").lower()


def _by_gateway(order: Fields, currency: str, paid_minor: int) -> list[Tender]:
    """A tender for each gateway; empty where the transactions are not what is paid."""
    held: dict[str, int] = {}
    for each in order.objects("transactions"):
        kind = each.optional_text("kind").lower()
        success = each.optional_text("status").lower() == "success"
        if kind in _TAKES and success and each.optional_text("currency") in ("", currency):
            gateway = each.identifier("gateway")
            held[gateway] = held.get(gateway, 0) + amount(each, "amount", currency)
    held = {gateway: minor for gateway, minor in held.items() if minor}
    if sum(held.values()) != paid_minor:
        return []
    return [
        Tender(gateway, Method.CHANNEL, minor, "", minor, currency)
        for gateway, minor in held.items()
    ]


def _to_come(order: Fields) -> Tender | None:
    """How the rest will be paid, where Shopify has agreed with the customer on it."""
    if _status(order) not in _TO_COME:
        return None
    terms = order.optional_object("payment_terms")
    if terms is not None:
        days = terms.quantity("due_in_days", least=0) if terms.has("due_in_days") else 0
        return Tender("terms", Method.INVOICE, 0, terms_days=min(days, _LONGEST_TERMS_DAYS))
    names = order.raw("payment_gateway_names")
    if isinstance(names, list) and any(
        isinstance(name, str) and name.lower().startswith(_CASH_ON_DELIVERY) for name in names
    ):
        return Tender("cash", Method.CASH_ON_DELIVERY, 0)
    return None
