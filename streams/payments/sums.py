"""What the sums of a payment come to: pure arithmetic, in minor units of the payment's currency."""

from __future__ import annotations

from typing import NamedTuple

from schemas.payments import PaymentStatus


class Sums(NamedTuple):
    """What a payment's status is computed from."""

    total: int
    """what it is for"""
    covered: int
    """held, promised or taken"""
    held: int
    """of that, what is neither taken nor being given back"""
    captured: int
    """taken, or due"""
    refunded: int
    paid: int
    """money that is there, or was"""
    repaid: int
    """of what was there, what has been given back"""
    ended: bool
    """everything that is not taken is to be given back"""
    declined: bool
    """the order was told no, and never yes"""
    sought: bool
    """the order has no answer yet"""


def status(sums: Sums) -> PaymentStatus:
    """The status. A part is never the whole: paid is what is paid to the minor unit."""
    if sums.captured and sums.refunded >= sums.captured:
        return PaymentStatus.REFUNDED
    if sums.repaid:
        return PaymentStatus.PARTLY_REFUNDED
    if sums.paid:
        credited = sums.refunded - sums.repaid
        whole = sums.paid >= sums.total - credited
        return PaymentStatus.PAID if whole else PaymentStatus.PARTLY_PAID
    if sums.declined and not sums.held:
        return PaymentStatus.DECLINED
    if sums.ended and not sums.captured and not sums.held:
        return PaymentStatus.VOIDED
    if sums.covered >= sums.total and not sums.sought:
        return PaymentStatus.AUTHORIZED
    if sums.covered > 0:
        return PaymentStatus.PARTLY_AUTHORIZED
    return PaymentStatus.PENDING


def paid_back(amount: int, outstanding: int) -> int:
    """Of a promise, what of a refund of `amount` is money that goes back.

    `outstanding` is what is due and has not come, after the refund. A refund lessens that first,
    and only then gives money back.
    """
    return min(amount, max(0, -outstanding))


def returned(before: int, captured: int, refunded: int, total: int) -> int:
    """Of what is refunded, what had been taken beyond the total.

    The rest is goodwill: the order stays paid, and it is not collected again.
    """
    return max(before, min(refunded, max(0, captured - total)))
