"""The auditor on locations that give back, ship and deliver: every rule finds its breach."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.work import Work

LINE = [{"line_id": "1", "quantity": 2}]


def judged(*events: tuple[str, dict[str, Any]], let_go: int = 0) -> list[str]:
    """The rules that are broken."""
    found: list[str] = []
    work = Work(lambda rule, _subject, _detail: found.append(rule))
    if let_go:
        work.let_go({"order_id": "o", "lines": [{"line_id": "1", "quantity": let_go}]})
    for name, told in events:
        work.feed(name, {"order_id": "o", **told})
    work.judge("o")
    return found


def rerouted(place: str) -> tuple[str, dict[str, Any]]:
    return "FulfillmentOrderRerouted", {"location_id": place, "line_ids": ["1"]}


REJECTED = ("FulfillmentOrderRejected", {"location_id": "a", "line_ids": ["1"]})
SHORT = ("FulfillmentOrderShort", {"location_id": "a", "line_id": "1"})
SHIPPED = ("FulfillmentOrderShipped", {"lines": LINE})


def carried(status: str) -> tuple[str, dict[str, Any]]:
    return "CarrierEventRecorded", {"fulfillment_order_id": "o/1", "status": status}


def test_what_goes_elsewhere_and_leaves_as_it_was_let_go_is_good() -> None:
    assert judged(REJECTED, rerouted("b"), SHIPPED, carried("delivered"), let_go=2) == []


@pytest.mark.parametrize("given_back", [REJECTED, SHORT])
def test_a_location_that_gave_back_is_not_tried_again(
    given_back: tuple[str, dict[str, Any]],
) -> None:
    assert judged(given_back, rerouted("a")) == ["no_location_twice"]


def test_nothing_leaves_that_was_not_let_go() -> None:
    assert judged(SHIPPED, let_go=1) == ["shipped_as_let_go"]


def test_what_was_delivered_is_not_on_its_way_again() -> None:
    assert judged(carried("delivered"), carried("lost")) == ["delivered_stays"]
    assert judged(carried("lost"), carried("delivered")) == []


def test_a_line_is_where_it_went_last_and_nowhere_once_it_was_given_back() -> None:
    work = Work(lambda *_: None)
    assert work.place("o", "1", "a") == "a"
    work.feed(*REJECTED[:1], {"order_id": "o", **REJECTED[1]})
    assert work.place("o", "1", "a") == ""
    name, told = rerouted("b")
    work.feed(name, {"order_id": "o", **told})
    assert work.place("o", "1", "a") == "b"
