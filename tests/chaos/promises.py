"""What was promised of orders, as the auditor checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Broken = Callable[[str, str, str], None]
RETURNED = "returned_to_sender"


class Promises:
    """Which day each line is promised for, and what was told of it."""

    def __init__(self, broken: Broken) -> None:
        """`broken` notes a violation: rule, subject, detail."""
        self._broken = broken
        self._days: dict[tuple[str, str], str] = {}
        self._told: set[tuple[str, ...]] = set()
        self._delivered: set[str] = set()
        """fulfillment orders"""

    def feed(self, name: str, told: Mapping[str, Any]) -> None:
        """Take an event of the fulfillment room."""
        match name:
            case "FulfillmentOrderReleased" | "FulfillmentOrderRerouted":
                for line in _lines(told):
                    # What goes elsewhere keeps its day until PromiseChanged says another one.
                    self._days[line] = self._days.get(line) or told.get("promised_day", "")
            case "PromiseChanged":
                self._changed(told)
            case "CarrierEventRecorded":
                if told["status"] == "delivered":
                    self._delivered.add(told["fulfillment_order_id"])
            case "FulfillmentOrderAtRisk":
                self._once(told, told["reason"])
                if told["fulfillment_order_id"] in self._delivered:
                    subject = told["fulfillment_order_id"]
                    self._broken("nothing_at_risk_once_delivered", subject, told["reason"])
            case "PromiseMissed":
                self._once(told, f"missed {told['promised_day']}")
                if told["at_ms"] < told["promised_by_ms"] and told["status"] != RETURNED:
                    detail = f"{told['promised_by_ms'] - told['at_ms']} ms before its end"
                    self._broken("missed_when_it_is_over", told["fulfillment_order_id"], detail)

    def _changed(self, told: Mapping[str, Any]) -> None:
        for line in _lines(told):
            before = self._days.get(line, "")
            if told["previous_day"] != before or told["promised_day"] == before:
                detail = f"{told['previous_day']} to {told['promised_day']}, was {before}"
                self._broken("promise_changes_from_the_last", "/".join(line), detail)
            self._days[line] = told["promised_day"]

    def _once(self, told: Mapping[str, Any], what: str) -> None:
        name = told["fulfillment_order_id"]
        for line_id in told["line_ids"]:
            mark = (name, line_id, what)
            if mark in self._told:
                self._broken("promise_told_once", name, f"line {line_id}: {what} again")
            self._told.add(mark)


def _lines(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(told["order_id"], line_id) for line_id in told["line_ids"]]
