"""What an invoice, a credit note and a payment are in double entry. Debits are above 0 here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from schemas.accounting import (
    AccountNumber,
    DocumentLine,
    DocumentLineKind,
    PaymentKind,
    Posting,
    PostPayment,
    Purpose,
)
from schemas.payments import Method
from streams.accounting.accounts import BY_RATE, NO_RATE, account


class UnbalancedEntry(ValueError):
    """A rule would have made an entry whose debits are not its credits; nothing of it is kept."""


class Side(NamedTuple):
    """Where a sum goes: what postings of one entry are added up by."""

    purpose: Purpose
    rate_ppm: int = NO_RATE
    method: str = ""


Sums = dict[Side, int]
RECEIVABLES = Side(Purpose.RECEIVABLES)
DUE_LATER = frozenset({Method.INVOICE, Method.CASH_ON_DELIVERY})


def of_invoice(lines: Iterable[DocumentLine]) -> Sums:
    """The buyer owes; revenue, tax and gift cards are the other side."""
    return _of_lines(lines, -1, Purpose.REVENUE, Purpose.SHIPPING_REVENUE)


def of_credit_note(lines: Iterable[DocumentLine]) -> Sums:
    """The buyer owes no longer, or gets it back; what was revenue is a refund."""
    return _of_lines(lines, 1, Purpose.REFUNDS, Purpose.REFUNDS)


def of_payment(payment: PostPayment) -> Sums:
    """Money against what the buyer owes. Money that comes before its invoice is owed by us, as a
    credit balance of the receivables, until the invoice is there. What is captured of an invoice
    or a delivery is due and is no money yet: it stays with the receivables."""
    if payment.kind == PaymentKind.CAPTURED and payment.method in DUE_LATER:
        return {}
    if payment.method == Method.GIFT_CARD:
        money = Side(Purpose.GIFT_CARD_LIABILITY)
    else:
        money = Side(Purpose.CLEARING, method=payment.method)
    amount = payment.amount_minor
    if payment.kind == PaymentKind.REFUNDED:
        amount = -amount
    return {money: amount, RECEIVABLES: -amount}


def _of_lines(
    lines: Iterable[DocumentLine], sign: int, revenue: Purpose, shipping: Purpose
) -> Sums:
    """The sums of net and tax with `sign`, and what they come to on the receivables."""
    sums: Sums = {RECEIVABLES: 0}
    total = 0
    for line in lines:
        match line.kind:
            case DocumentLineKind.GIFT_CARD:
                purpose = Purpose.GIFT_CARD_LIABILITY
            case DocumentLineKind.ROUNDING:
                purpose = Purpose.ROUNDING
            case DocumentLineKind.SHIPPING:
                purpose = shipping
            case _:
                purpose = revenue
        side = Side(purpose, line.tax_rate_ppm if purpose in BY_RATE else NO_RATE)
        sums[side] = sums.get(side, 0) + sign * line.net_minor
        if line.tax_minor:
            tax = Side(Purpose.TAX_PAYABLE, line.tax_rate_ppm)
            sums[tax] = sums.get(tax, 0) + sign * line.tax_minor
        total += line.net_minor + line.tax_minor
    sums[RECEIVABLES] = -sign * total
    return sums


def postings(accounts: Iterable[AccountNumber], sums: Sums) -> list[Posting]:
    """The postings of an entry, debits first; none for sums of 0. Raises UnbalancedEntry."""
    if sum(sums.values()):
        raise UnbalancedEntry(f"the debits are {sum(sums.values())} more than the credits")
    accounts = list(accounts)
    debits: list[Posting] = []
    credits: list[Posting] = []
    for side, amount in sums.items():
        if not amount:
            continue
        number = account(accounts, *side)
        posting = Posting(number, max(amount, 0), max(-amount, 0), *side)
        (debits if amount > 0 else credits).append(posting)
    return debits + credits
