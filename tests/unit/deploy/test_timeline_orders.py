"""What the timeline says of changes, holds and shipments of an order."""

from __future__ import annotations

from deploy.timeline_orders import of_order
from schemas.orders import (
    AmendmentRefused,
    HoldEnded,
    OrderAmended,
    OrderCancelled,
    OrderHeld,
    OrderRefused,
    OrderReleased,
    OrderShipped,
    ShippedLine,
)

NOW = 1_700_000_000_000


def amended(**changes: object) -> OrderAmended:
    plain: dict[str, object] = {
        "order_id": "o", "amendment_id": "a", "revision": 1, "lines": [], "added": [],
        "removed": [], "changed": [], "also": [], "currency": "EUR", "total_minor": 900,
        "difference_minor": 0, "reason": "", "actor": "", "at_ms": NOW,
    }  # fmt: skip
    return OrderAmended(**{**plain, **changes})  # type: ignore[arg-type]


def test_a_change_says_what_and_by_whom_and_what_it_costs_now() -> None:
    event = amended(
        added=["3"], removed=["1", "2"], difference_minor=-100, actor="jo", reason="called"
    )
    assert of_order(event) == "new line 3; without line 1, 2; 9.00 EUR now by jo: called"
    assert of_order(amended(also=["address"])) == "changed address"


def test_a_change_that_is_refused_says_why() -> None:
    event = AmendmentRefused("o", "a", "4", "out_of_stock", "", "jo", NOW)
    assert of_order(event) == "a: line 4: out of stock"


def test_a_hold_says_who_holds_it_and_until_when() -> None:
    by_hand = OrderHeld("o", "h", "fraud", "", NOW, "cancel", "odd", "jo", NOW)
    assert of_order(by_hand) == "fraud by jo, until 2023-11-14 22:13:20, then cancel: odd"
    by_rule = OrderHeld("o", "policy/big", "total_mismatch", "big", 0, "release", "", "policy", NOW)
    assert of_order(by_rule) == "total mismatch by rule big"
    assert of_order(HoldEnded("o", "h", "fraud", "hold_expired", "", NOW)) == "h: hold expired"


def test_an_end_names_the_rule_or_the_person() -> None:
    assert of_order(OrderRefused("o", "", "policy", NOW, rule="huge")) == "policy, rule huge"
    assert of_order(OrderCancelled("o", "too late", NOW, actor="jo")) == "too late by jo"
    assert of_order(OrderReleased("o", 0, NOW)) == "released, with nothing to ship"


def test_a_shipment_says_what_left_and_what_is_taken() -> None:
    event = OrderShipped(
        "o", "s", [ShippedLine("1", 2)], "BER", "dhl", "JD1", "partly_shipped", "EUR", 500, "", NOW
    )
    assert of_order(event) == "2 of line 1 from BER, dhl JD1; 5.00 EUR is taken; partly shipped"
