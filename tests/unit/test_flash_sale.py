"""The judgement of a flash sale finds what it is there to find."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.ledger import Event
from tests.chaos.rules import Report
from tests.flash_sale import Tally


def sale() -> list[Event]:
    """Three orders for two pieces."""
    return [
        *(event("orders", "OrderPlaced", order_id) for order_id in "abc"),
        *(event("inventory", "StockReserved", order_id, quantity=1) for order_id in "ab"),
        event("inventory", "StockRefused", "c", reason="out_of_stock"),
        event("orders", "OrderRefused", "c", reason="out_of_stock"),
        *(event("payments", "AuthorizationRequested", order_id) for order_id in "ab"),
        *(event("payments", "PaymentAuthorized", order_id) for order_id in "ab"),
        *(event("orders", "OrderReleased", order_id) for order_id in "ab"),
    ]


def event(topic: str, name: str, order_id: str, **fields: object) -> Event:
    return Event(f"{topic}.events", 0, 0, "k", name, {"order_id": order_id, "at_ms": 1, **fields})


def judged(events: list[Event], orders: int = 3, units: int = 2) -> set[str]:
    tally = Tally()
    for one in events:
        tally.feed(one)
    report = Report({}, {}, {}, 0, [])
    tally.judge(report, orders, units)
    return {violation.rule for violation in report.broken}


def test_a_sale_as_it_should_be_is_found_good() -> None:
    assert judged(sale()) == set()


@pytest.mark.parametrize(
    ("breach", "rule"),
    [
        (lambda sold: sold[1:], "no_order_lost"),
        (
            lambda sold: [*sold, event("inventory", "StockReserved", "c", quantity=1)],
            "every_unit_reserved",
        ),
        (
            lambda sold: [*sold, event("inventory", "StockReserved", "c", quantity=1)],
            "one_unit_an_order",
        ),
        (
            lambda sold: [*sold, event("payments", "AuthorizationRequested", "c")],
            "asked_for_money_as_reserved",
        ),
        (
            lambda sold: [*sold, event("payments", "PaymentAuthorized", "c")],
            "paid_as_reserved",
        ),
        (lambda sold: sold[:-1], "reserved_is_released"),
        (
            lambda sold: [one for one in sold if one.name != "OrderRefused"],
            "others_refused",
        ),
        (
            lambda sold: [one for one in sold if one.name != "StockRefused"],
            "stock_refused_as_orders",
        ),
        (
            lambda sold: [*sold, event("orders", "OrderRefused", "c", reason="no_location")],
            "refused_with_its_reason",
        ),
    ],
)
def test_a_breach_is_found(breach: Callable[[list[Event]], list[Event]], rule: str) -> None:
    assert rule in judged(breach(sale()))
