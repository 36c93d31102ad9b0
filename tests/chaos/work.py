"""What locations did to fulfillment orders, as the auditor checks it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

Broken = Callable[[str, str, str], None]


class Work:
    """Where lines are worked on, who gave them back, and what has left."""

    def __init__(self, broken: Broken) -> None:
        """`broken` notes a violation: rule, subject, detail."""
        self._broken = broken
        self._places: dict[tuple[str, str], str] = {}
        self._gave_back: dict[str, set[str]] = defaultdict(set)
        self._left: dict[str, Counter[str]] = defaultdict(Counter)
        self._let_go: dict[str, Counter[str]] = defaultdict(Counter)
        self._delivered: set[str] = set()

    def feed(self, name: str, told: Mapping[str, Any]) -> None:
        """Take an event of the fulfillment room."""
        order_id = told.get("order_id", "")
        match name:
            case "FulfillmentOrderRejected" | "FulfillmentOrderShort":
                self._gave_back[order_id].add(told["location_id"])
                for line_id in told.get("line_ids") or [told["line_id"]]:
                    self._places[order_id, line_id] = ""
            case "FulfillmentOrderRerouted":
                if told["location_id"] in self._gave_back[order_id]:
                    detail = f"{told['location_id']} had given something of it back"
                    self._broken("no_location_twice", order_id, detail)
                for line_id in told["line_ids"]:
                    self._places[order_id, line_id] = told["location_id"]
            case "FulfillmentOrderShipped":
                for line in told["lines"]:
                    self._left[order_id][line["line_id"]] += line["quantity"]
            case "CarrierEventRecorded":
                fulfillment_order_id = told["fulfillment_order_id"]
                if told["status"] == "delivered":
                    self._delivered.add(fulfillment_order_id)
                elif fulfillment_order_id in self._delivered and told["status"] in (
                    "shipped",
                    "lost",
                ):
                    self._broken("delivered_stays", fulfillment_order_id, f"is {told['status']}")

    def let_go(self, told: Mapping[str, Any]) -> None:
        """Take an OrderShipped."""
        for line in told["lines"]:
            self._let_go[told["order_id"]][line["line_id"]] += line["quantity"]

    def place(self, order_id: str, line_id: str, released_at: str) -> str:
        """Where a line is worked on now; empty where it has no location."""
        return self._places.get((order_id, line_id), released_at)

    def judge(self, order_id: str) -> None:
        """Locations have sent nothing that orders had not let go."""
        for line_id, pieces in sorted(self._left[order_id].items()):
            allowed = self._let_go[order_id][line_id]
            if pieces > allowed:
                detail = f"{line_id}: {pieces} have left, {allowed} were let go"
                self._broken("shipped_as_let_go", order_id, detail)
