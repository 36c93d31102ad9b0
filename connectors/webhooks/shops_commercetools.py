"""Tells commercetools of shipments and cancellations.

A shipment is a delivery, known by its key; an order that has changed in the same moment is refused,
and told again. Money is the payment service's, which commercetools does not ask: refunds are not
told.

Source: commercetools HTTP API, "Update Order": addDelivery, changeShipmentState, changeOrderState;
"Optimistic concurrency control".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.credentials import commercetools_api
from connectors.webhooks.shop import Shop, key_of
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import FulfillmentStatus, OrderCancelled, OrderShipped

CANCELLED = "Cancelled"
MULTIPLE = "Multiple"


class CommercetoolsShop(Shop):
    """One project."""

    channel = "commercetools"

    def __init__(self, subscription: Subscription) -> None:
        """The secret has id and secret of an API client with manage_orders, one a line; the
        account is the project's key."""
        self._api = commercetools_api(
            subscription.url,
            subscription.secret.split(),
            subscription.token_url,
            subscription.account,
        )

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        key = key_of(event.order_id, event.shipment_id)
        if any(one.get("key") == key for one in _deliveries(order)):
            return
        delivery: dict[str, Any] = {
            "action": "addDelivery",
            "deliveryKey": key,
            "items": [{"id": line.line_id, "quantity": line.quantity} for line in event.lines],
        }
        if event.tracking_number:
            tracking = {"trackingId": event.tracking_number, "carrier": event.carrier}
            delivery["parcels"] = [{"trackingData": tracking}]
        if order.get("shippingMode") == MULTIPLE:
            delivery["shippingKey"] = order["shipping"][0]["shippingKey"]
        everything = event.fulfillment_status == FulfillmentStatus.SHIPPED
        state = "Shipped" if everything else "Partial"
        actions = [delivery]
        if order.get("shipmentState") != state:
            actions.append({"action": "changeShipmentState", "shipmentState": state})
        self._update(order, actions)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if order["orderState"] != CANCELLED:
            self._update(order, [{"action": "changeOrderState", "orderState": CANCELLED}])

    def _order(self, order_id: str) -> dict[str, Any]:
        return self._api.ask("GET", f"/orders/{self.order(order_id)}")

    def _update(self, order: Mapping[str, Any], actions: list[dict[str, Any]]) -> None:
        content = {"version": order["version"], "actions": actions}
        self._api.ask("POST", f"/orders/{order['id']}", content)


def _deliveries(order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for shipping in [order, *(order.get("shipping") or [])]:
        yield from (shipping.get("shippingInfo") or {}).get("deliveries") or []
