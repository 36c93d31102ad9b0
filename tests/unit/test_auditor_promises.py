"""The auditor knows what a promise must not do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.promises import Promises

Told = tuple[str, dict[str, Any]]
ORDER: dict[str, Any] = {"order_id": "o", "fulfillment_order_id": "o/1", "line_ids": ["1", "2"]}
RELEASED: Told = ("FulfillmentOrderReleased", {**ORDER, "promised_day": "2026-01-06"})


def changed(before: str, after: str) -> Told:
    return "PromiseChanged", {**ORDER, "previous_day": before, "promised_day": after}


def missed(at_ms: int, status: str = "shipped") -> Told:
    return "PromiseMissed", {
        **ORDER, "promised_day": "2026-01-06", "promised_by_ms": 5, "at_ms": at_ms,
        "status": status,
    }  # fmt: skip


RISK: Told = ("FulfillmentOrderAtRisk", {**ORDER, "reason": "held"})


def broken(*events: Told) -> set[str]:
    found: set[str] = set()
    promises = Promises(lambda rule, _subject, _detail: found.add(rule))
    for name, fields in events:
        promises.feed(name, fields)
    return found


def test_a_promise_that_is_made_changed_and_missed_breaks_nothing() -> None:
    later = changed("2026-01-06", "2026-01-07")
    elsewhere: Told = ("FulfillmentOrderRerouted", {**ORDER, "promised_day": "2026-01-08"})
    again = changed("2026-01-07", "2026-01-08")
    assert broken(RELEASED, RISK, missed(5), later, elsewhere, again) == set()
    assert broken(RELEASED, missed(1, "returned_to_sender")) == set()


@pytest.mark.parametrize(
    ("events", "rule"),
    [
        ((RELEASED, changed("2026-01-05", "2026-01-07")), "promise_changes_from_the_last"),
        ((RELEASED, changed("2026-01-06", "2026-01-06")), "promise_changes_from_the_last"),
        ((RELEASED, RISK, RISK), "promise_told_once"),
        ((RELEASED, missed(5), missed(6)), "promise_told_once"),
        ((RELEASED, missed(4)), "missed_when_it_is_over"),
    ],
)
def test_what_is_wrong_with_a_promise_is_found(events: tuple[Told, ...], rule: str) -> None:
    assert broken(*events) == {rule}


def test_what_is_delivered_is_at_no_risk_any_more() -> None:
    delivered: Told = ("CarrierEventRecorded", {**ORDER, "status": "delivered"})
    assert broken(RELEASED, delivered, RISK) == {"nothing_at_risk_once_delivered"}
