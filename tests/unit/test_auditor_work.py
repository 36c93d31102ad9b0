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


Told = tuple[str, dict[str, Any]]


def at(number: int, **fields: Any) -> dict[str, Any]:
    """Fields of an event of a fulfillment order."""
    return {"fulfillment_order_id": f"o/{number}", "line_ids": ["1"], **fields}


def rerouted(place: str, destination: str = "") -> Told:
    fields = at(2, location_id=place, destination=destination)
    return "FulfillmentOrderRerouted", fields


def released(number: int, line_id: str, destination: str = "", place: str = "a") -> Told:
    fields = at(number, line_ids=[line_id], location_id=place, destination=destination)
    return "FulfillmentOrderReleased", fields


def redirected(before: str, reason: str = "by phone") -> Told:
    fields = at(1, destination="", before=before, reason=reason, actor="jo")
    return "FulfillmentOrderRedirected", fields


def merged(line_id: str = "2") -> Told:
    fields = at(1, merged_id="o/2", location_id="a", line_ids=[line_id])
    return "FulfillmentOrdersMerged", fields


REJECTED = ("FulfillmentOrderRejected", at(1, location_id="a"))
SHORT = ("FulfillmentOrderShort", {"fulfillment_order_id": "o/1", "location_id": "a",
                                   "line_id": "1"})  # fmt: skip
SHIPPED = ("FulfillmentOrderShipped", {"fulfillment_order_id": "o/2", "lines": LINE})
MOVED = ("FulfillmentMoveEnded", at(1, location_id="a"))
SPLIT = ("FulfillmentOrderSplit", at(2, from_id="o/1", location_id="a"))


def carried(status: str) -> Told:
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


def test_what_is_moved_by_hand_goes_on_from_its_new_location() -> None:
    assert judged(released(1, "1"), MOVED, rerouted("b"), SHIPPED, let_go=2) == []


def test_a_part_leaves_by_itself() -> None:
    assert judged(released(1, "1"), SPLIT, SHIPPED, let_go=2) == []


@pytest.mark.parametrize(
    "events",
    [
        (released(1, "1"), rerouted("b")),
        (released(1, "1"), MOVED, MOVED),
        (released(3, "1"), SPLIT),
        (released(1, "1"), SHIPPED),
        (released(1, "1"), released(3, "2"), merged()),
    ],
    ids=["rerouted and not given back", "moved twice", "split", "left with another", "merged"],
)
def test_a_line_stands_in_one_fulfillment_order(events: tuple[Told, ...]) -> None:
    assert judged(*events, let_go=2) == ["line_in_one_place"]


def test_only_what_goes_to_one_address_is_put_together() -> None:
    assert judged(released(1, "1"), released(2, "2"), merged()) == []
    assert judged(released(1, "1"), released(2, "2", "1"), merged()) == ["merged_at_one_place"]


def test_only_what_is_at_one_location_is_put_together() -> None:
    given_back = ("FulfillmentOrderRejected", at(3, location_id="c", line_ids=["2"]))
    elsewhere = ("FulfillmentOrderRerouted", at(2, location_id="b", destination="",
                                                line_ids=["2"]))  # fmt: skip
    events = (released(1, "1"), released(3, "2"), given_back, elsewhere, merged())
    assert judged(*events) == ["merged_at_one_place"]


def test_what_is_fetched_is_sent_only_as_agreed() -> None:
    fetched = released(1, "1", "pickup")
    assert judged(fetched, redirected("pickup")) == []
    assert judged(fetched, redirected("pickup", reason="")) == ["pickup_stays"]
    assert judged(fetched, REJECTED, rerouted("b")) == ["sent_where_it_goes"]
    assert judged(fetched, redirected("2")) == ["sent_where_it_goes"]
