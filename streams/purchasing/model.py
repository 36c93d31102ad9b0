"""The purchasing room's states as a table, its bounds, and the weights of the score of an offer."""

from __future__ import annotations

from schemas.purchasing import (
    DeliveryRecorded,
    PurchaseOrderApproved,
    PurchaseOrderCancelled,
    PurchaseOrderClosed,
    PurchaseOrderConfirmed,
    PurchaseOrderProposed,
    PurchaseOrderSent,
    Status,
)
from streams.transitions import Step, following

MAXIMUM_OFFERS = 200
"""suppliers of one SKU"""
MAXIMUM_DELIVERIES = 1_000
"""of one purchase order"""

MEASURED_LINES = 3
"""from so many lines on, the lead time is the measured one and no longer the stated one"""
LATEST_WEIGHT = 0.2
"""of the latest line in a supplier's exponentially weighted figures; they start at 1.0"""
DAY_PREMIUM = 0.01
"""a day of waiting weighs as much as so great a share of the price"""
LOWEST_RELIABILITY = 0.1
"""a supplier that never delivers counts as ten times as dear, not as infinitely so"""


class LastDelivery(DeliveryRecorded, frozen=True):
    """A step of the table and no record: the DeliveryRecorded after which nothing is open."""


START = ""
"""The status of a purchase order that is not known."""

TRANSITIONS: dict[str, dict[Step, Status]] = {
    START: {PurchaseOrderProposed: Status.PROPOSED},
    Status.PROPOSED: {
        PurchaseOrderApproved: Status.APPROVED,
        PurchaseOrderSent: Status.SENT,
        PurchaseOrderCancelled: Status.CANCELLED,
    },
    Status.APPROVED: {
        PurchaseOrderSent: Status.SENT,
        PurchaseOrderCancelled: Status.CANCELLED,
    },
    Status.SENT: {
        PurchaseOrderConfirmed: Status.SENT,
        DeliveryRecorded: Status.PARTLY_RECEIVED,
        LastDelivery: Status.RECEIVED,
        PurchaseOrderClosed: Status.CLOSED,
        PurchaseOrderCancelled: Status.CANCELLED,
    },
    Status.PARTLY_RECEIVED: {
        PurchaseOrderConfirmed: Status.PARTLY_RECEIVED,
        DeliveryRecorded: Status.PARTLY_RECEIVED,
        LastDelivery: Status.RECEIVED,
        PurchaseOrderClosed: Status.CLOSED,
    },
    Status.RECEIVED: {PurchaseOrderClosed: Status.CLOSED},
    Status.CLOSED: {},
    Status.CANCELLED: {},
}
"""Status, and what is written, to the next status. Only a drop-shipped order is sent without an
approval, by the decision that proposes it."""


def after(status: str, step: Step) -> Status:
    """The status that `step` leads to from `status`. Raises IllegalTransition."""
    return following(TRANSITIONS, status, step)


def allows(status: str, step: Step) -> bool:
    """Whether the table has the step."""
    return step in TRANSITIONS[status]
