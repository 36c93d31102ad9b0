"""Acknowledges orders at Walmart, and tells it of shipments and cancellations.

Walmart keeps the state of each line: what is acknowledged, shipped or cancelled there is not told
again. A shipment is known by its tracking number on the line. Refunds are not told: Walmart wants
them by line and charge, which a payment's refund does not name.

Source: Walmart Marketplace API, "Acknowledge orders", "Ship order lines", "Cancel order lines",
"An order".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.credentials import walmart_api
from connectors.json_api import ApiRefused
from connectors.webhooks.shop import LINES, SHIPMENTS, Shop
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import OrderCancelled, OrderPlaced, OrderShipped

CARRIERS = {name.lower(): name for name in ("UPS", "USPS", "FedEx", "Airborne", "OnTrac", "DHL")}
"""Those that Walmart knows by name; others are named as other."""
CREATED, ACKNOWLEDGED = "Created", "Acknowledged"
OPEN = frozenset({CREATED, ACKNOWLEDGED})


class WalmartShop(Shop):
    """One seller."""

    channel = "walmart"
    events = SHIPMENTS | LINES | {"OrderPlaced"}

    def __init__(self, subscription: Subscription) -> None:
        """The secret has client id and client secret, one a line."""
        self._api = walmart_api(subscription.url, subscription.secret.split())

    def placed(self, event: OrderPlaced) -> None:
        """See Shop."""
        states = list(_states(self._order(event.order_id)))
        if any(state["status"] == CREATED for _, state in states):
            self._api.ask("POST", f"/v3/orders/{self.order(event.order_id)}/acknowledge", {})

    def shipped(self, event: OrderShipped) -> None:
        """See Shop. Without a tracking number Walmart takes no shipment."""
        if not event.tracking_number:
            raise ApiRefused("takes no shipment without a tracking number")
        order = self._order(event.order_id)
        left = _open(order)
        there = _shipped(order, event.tracking_number)
        lines = []
        for line in event.lines:
            pieces = min(line.quantity - there.get(line.line_id, 0), left.get(line.line_id, 0))
            if pieces > 0:
                status = {"status": "Shipped", "trackingInfo": _tracking(event)}
                lines.append(_line(line.line_id, status, pieces))
        if lines:
            content = {"orderShipment": {"orderLines": {"orderLine": lines}}}
            self._api.ask("POST", f"/v3/orders/{self.order(event.order_id)}/shipping", content)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        self._cancel(event.order_id, None)

    def lines_cancelled(self, order_id: str, amendment_id: str, line_ids: list[str]) -> None:
        """See Shop."""
        self._cancel(order_id, frozenset(line_ids))

    def _cancel(self, order_id: str, line_ids: frozenset[str] | None) -> None:
        """What is still open of these lines, or of all."""
        reason = {"status": "Cancelled", "cancellationReason": "CANCEL_BY_SELLER"}
        lines = [
            _line(number, reason, pieces)
            for number, pieces in _open(self._order(order_id)).items()
            if line_ids is None or number in line_ids
        ]
        if lines:
            content = {"orderCancellation": {"orderLines": {"orderLine": lines}}}
            self._api.ask("POST", f"/v3/orders/{self.order(order_id)}/cancel", content)

    def _order(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self._api.ask("GET", f"/v3/orders/{self.order(order_id)}")["order"]
        return order


def _states(order: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each state of each line, with the line's number."""
    for line in order["orderLines"]["orderLine"]:
        for state in line["orderLineStatuses"]["orderLineStatus"]:
            yield str(line["lineNumber"]), state


def _open(order: Mapping[str, Any]) -> dict[str, int]:
    """Pieces by line that are neither shipped nor cancelled."""
    pieces: dict[str, int] = {}
    for number, state in _states(order):
        if state["status"] in OPEN:
            pieces[number] = pieces.get(number, 0) + _pieces(state)
    return pieces


def _shipped(order: Mapping[str, Any], tracking_number: str) -> dict[str, int]:
    """Pieces by line that are told of under a tracking number."""
    pieces: dict[str, int] = {}
    for number, state in _states(order):
        if (state.get("trackingInfo") or {}).get("trackingNumber") == tracking_number:
            pieces[number] = pieces.get(number, 0) + _pieces(state)
    return pieces


def _pieces(state: Mapping[str, Any]) -> int:
    return int(state["statusQuantity"]["amount"])


def _line(number: str, status: Mapping[str, Any], pieces: int) -> dict[str, Any]:
    quantity = {"unitOfMeasurement": "EACH", "amount": str(pieces)}
    told = {**status, "statusQuantity": quantity}
    return {"lineNumber": number, "orderLineStatuses": {"orderLineStatus": [told]}}


def _tracking(event: OrderShipped) -> dict[str, Any]:
    carrier = CARRIERS.get(event.carrier.lower())
    named = {"carrier": carrier} if carrier else {"otherCarrier": event.carrier or "Other"}
    return {
        "shipDateTime": event.at_ms,
        "carrierName": named,
        "methodCode": "Standard",
        "trackingNumber": event.tracking_number,
    }
