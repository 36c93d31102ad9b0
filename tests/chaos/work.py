"""What locations did to fulfillment orders, as the auditor checks it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Broken = Callable[[str, str, str], None]
NOWHERE = ""
"""the fulfillment order of a line that has none, and its place"""


class Work:
    """Where lines are worked on, who gave them back, and what has left."""

    def __init__(self, broken: Broken) -> None:
        """`broken` notes a violation: rule, subject, detail."""
        self._broken = broken
        self._places: dict[tuple[str, str], str] = {}
        self._within: dict[tuple[str, str], str] = {}
        """fulfillment order of each line"""
        self._goes_to: dict[tuple[str, str], str] = {}
        """destination of each line"""
        self._gave_back: dict[str, set[str]] = defaultdict(set)
        self._left: dict[str, Counter[str]] = defaultdict(Counter)
        self._let_go: dict[str, Counter[str]] = defaultdict(Counter)
        self._delivered: set[str] = set()

    def feed(self, name: str, told: Mapping[str, Any]) -> None:
        """Take an event of the fulfillment room."""
        order_id = told.get("order_id", "")
        match name:
            case "FulfillmentOrderReleased":
                for line_id in told["line_ids"]:
                    self._goes_to[order_id, line_id] = told.get("destination", "")
                    self._within[order_id, line_id] = told["fulfillment_order_id"]
            case "FulfillmentOrderRejected" | "FulfillmentOrderShort":
                self._gave_back[order_id].add(told["location_id"])
                lines = told.get("line_ids") or [told["line_id"]]
                self._taken_out(order_id, told["fulfillment_order_id"], lines)
            case "FulfillmentMoveEnded":
                self._taken_out(order_id, told["fulfillment_order_id"], told["line_ids"])
            case "FulfillmentOrderRerouted":
                self._rerouted(order_id, told)
            case "FulfillmentOrderSplit":
                self._put(order_id, told["line_ids"], told["from_id"], told["fulfillment_order_id"])
            case "FulfillmentOrdersMerged":
                self._merged(order_id, told)
            case "FulfillmentOrderRedirected":
                self._redirected(order_id, told)
            case "FulfillmentOrderShipped":
                self._shipped(order_id, told)
            case "CarrierEventRecorded":
                self._carried(told)

    def _rerouted(self, order_id: str, told: Mapping[str, Any]) -> None:
        if told["location_id"] in self._gave_back[order_id]:
            detail = f"{told['location_id']} had given something of it back"
            self._broken("no_location_twice", order_id, detail)
        self._put(order_id, told["line_ids"], NOWHERE, told["fulfillment_order_id"])
        for line_id in told["line_ids"]:
            self._places[order_id, line_id] = told["location_id"]
            before = self._goes_to.setdefault((order_id, line_id), told["destination"])
            if before != told["destination"]:
                detail = f"{line_id} was to go to {before!r}, not to {told['destination']!r}"
                self._broken("sent_where_it_goes", order_id, detail)

    def _taken_out(self, order_id: str, of: str, line_ids: Iterable[str]) -> None:
        """The lines have no location from now on."""
        line_ids = list(line_ids)
        self._put(order_id, line_ids, of, NOWHERE)
        for line_id in line_ids:
            self._places[order_id, line_id] = NOWHERE

    def _put(self, order_id: str, line_ids: Iterable[str], of: str, to: str) -> None:
        """The lines go from one fulfillment order to another one; they must be in the first."""
        for line_id in line_ids:
            within = self._within.get((order_id, line_id), of)
            if within != of:
                detail = f"{line_id} is in {within!r}, and goes from {of!r} to {to!r}"
                self._broken("line_in_one_place", order_id, detail)
            self._within[order_id, line_id] = to

    def _merged(self, order_id: str, told: Mapping[str, Any]) -> None:
        """What is put together is at one location and goes to one address."""
        into = told["fulfillment_order_id"]
        self._put(order_id, told["line_ids"], told["merged_id"], into)
        together = [
            line for (of, line), within in self._within.items() if (of, within) == (order_id, into)
        ]
        ways = {self._goes_to.get((order_id, line_id)) for line_id in together}
        if len(ways) > 1:
            self._broken("merged_at_one_place", order_id, f"{into} goes to {ways}")
        places = {
            self.place(order_id, line_id, told["location_id"]) for line_id in told["line_ids"]
        }
        if places - {told["location_id"]}:
            self._broken("merged_at_one_place", order_id, f"{into} has lines at {places}")

    def _redirected(self, order_id: str, told: Mapping[str, Any]) -> None:
        """What is fetched is sent only where it is said what was agreed with the customer."""
        for line_id in told["line_ids"]:
            before = self._goes_to.get((order_id, line_id), told["before"])
            if before != told["before"]:
                detail = f"{line_id} was to go to {before!r}, not to {told['before']!r}"
                self._broken("sent_where_it_goes", order_id, detail)
            self._goes_to[order_id, line_id] = told["destination"]
        if told["before"] == "pickup" and not (told["reason"] and told["actor"]):
            self._broken("pickup_stays", order_id, "it is sent, and nothing is said to be agreed")

    def _shipped(self, order_id: str, told: Mapping[str, Any]) -> None:
        name = told["fulfillment_order_id"]
        for line in told["lines"]:
            self._left[order_id][line["line_id"]] += line["quantity"]
            within = self._within.get((order_id, line["line_id"]), name)
            if within != name:
                detail = f"{line['line_id']} leaves with {name}, and is in {within!r}"
                self._broken("line_in_one_place", order_id, detail)

    def _carried(self, told: Mapping[str, Any]) -> None:
        name = told["fulfillment_order_id"]
        if told["status"] == "delivered":
            self._delivered.add(name)
        elif name in self._delivered and told["status"] in ("shipped", "lost"):
            self._broken("delivered_stays", name, f"is {told['status']}")

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
