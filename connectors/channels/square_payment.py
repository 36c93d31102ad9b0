"""What Square has been paid for an order, and by which means.

Source: Square API, objects Tender (`amount_money` includes the tip), Refund, OrderReturn and Order
(`net_amount_due_money`).
"""

from __future__ import annotations

from connectors.channels import mapping
from connectors.channels.mapping import Fields, Rejected
from connectors.channels.square_money import optional_money
from schemas.orders import Tender
from schemas.payments import Method

MAXIMUM_TENDERS = 20
_FAILED = frozenset({"VOIDED", "FAILED", "DECLINED"})
_DETAILS = (
    "card_details",
    "bank_account_details",
    "buy_now_pay_later_details",
    "square_account_details",
)
"""Where a tender says how its payment stands; cash and the rest are paid when they are written."""
_GIVEN_BACK = frozenset({"APPROVED", "PENDING"})


def paid(order: Fields, currency: str, total: int) -> int:
    """What is authorized or paid. Raises Rejected, not_ready, where that is not the total.

    What was given back is taken off. In an exchange, what the customer brings back pays as well.
    """
    tenders = order.objects("tenders")
    held = sum(_held(tender, currency) for tender in tenders)
    if not tenders and order.has("net_amount_due_money"):
        held = max(0, total - optional_money(order, "net_amount_due_money", currency))
    elif (returned := order.optional_object("return_amounts")) is not None:
        held += optional_money(returned, "total_money", currency)
    held = max(0, mapping.check_sum((held,), "tenders") - _given_back(order, currency))
    if held < total:
        what = "only a part" if held else "nothing"
        raise Rejected("not_ready", "tenders", f"the order is open, and {what} of it is paid")
    return held


def tenders(order: Fields, currency: str, paid_minor: int) -> list[Tender]:
    """The tenders where there are several, e.g. a gift card and cash, and they are what is paid."""
    found = [
        Tender(str(number), Method.CHANNEL, minor, "", minor, currency)
        for number, tender in enumerate(order.objects("tenders"), 1)
        if (minor := _held(tender, currency))
    ]
    if (
        not 2 <= len(found) <= MAXIMUM_TENDERS
        or sum(tender.paid_minor for tender in found) != paid_minor
    ):
        return []
    return found


def _held(tender: Fields, currency: str) -> int:
    """What a tender holds: nothing where its payment was voided or failed."""
    for name in _DETAILS:
        details = tender.raw(name)
        status = details.get("status") if isinstance(details, dict) else None
        if isinstance(status, str) and status.upper() in _FAILED:
            return 0
    return optional_money(tender, "amount_money", currency)


def _given_back(order: Fields, currency: str) -> int:
    return sum(
        optional_money(refund, "amount_money", currency)
        for refund in order.objects("refunds")
        if refund.optional_text("status").upper() in _GIVEN_BACK
    )
