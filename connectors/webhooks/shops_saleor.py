"""Tells Saleor of shipments and cancellations.

A shipment is known by its tracking number on a fulfillment; one without is told as far as pieces
are still open there. Money is with Saleor's payment apps, which have no key by which a repeat could
be known: refunds are not told.

Source: Saleor API reference 3.20, mutations orderFulfill and orderCancel, object Fulfillment.
"""

from __future__ import annotations

from typing import Any

from connectors.json_api import ApiRefused
from connectors.saleor_graphql import ask, saleor_api
from connectors.webhooks.shop import Shop, left_to_tell
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import OrderCancelled, OrderShipped

ORDER = """query Order($id: ID!) {
  order(id: $id) {
    id status
    lines { id quantityToFulfill }
    fulfillments { status trackingNumber lines { quantity orderLine { id } } }
  }
}"""
FULFILL = """mutation Shipped($id: ID!, $input: OrderFulfillInput!) {
  orderFulfill(order: $id, input: $input) { errors { code field } }
}"""
CANCEL = """mutation Cancelled($id: ID!) {
  orderCancel(id: $id) { errors { code field } }
}"""
CANCELED = "CANCELED"


class SaleorShop(Shop):
    """One shop."""

    channel = "saleor"

    def __init__(self, subscription: Subscription) -> None:
        """The secret is the token of an app with MANAGE_ORDERS; the account is the id of the
        warehouse that fulfillments are of."""
        self._warehouse = subscription.account
        self._api = saleor_api(subscription.url, subscription.secret.strip())

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if event.tracking_number and _is_known(order, event):
            return
        open_there = {line["id"]: int(line["quantityToFulfill"]) for line in order["lines"]}
        left = left_to_tell(event, open_there)
        if not left:
            return
        content = {
            "lines": [
                {
                    "orderLineId": line_id,
                    "stocks": [{"warehouse": self._warehouse, "quantity": pieces}],
                }
                for line_id, pieces in left.items()
            ],
            "notifyCustomer": True,
            "allowStockToBeExceeded": True,
            "trackingNumber": event.tracking_number,
        }
        asked = {"id": order["id"], "input": content}
        _refuse(ask(self._api, FULFILL, asked)["orderFulfill"]["errors"])

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if order["status"] != CANCELED:
            _refuse(ask(self._api, CANCEL, {"id": order["id"]})["orderCancel"]["errors"])

    def _order(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] | None = ask(self._api, ORDER, {"id": self.own(order_id)})["order"]
        if order is None:
            raise ApiRefused("does not know the order")
        return order


def _is_known(order: dict[str, Any], event: OrderShipped) -> bool:
    """A fulfillment with the tracking number and no other pieces is there."""
    pieces = {line.line_id: line.quantity for line in event.lines}
    for one in order["fulfillments"]:
        if one["trackingNumber"] == event.tracking_number and one["status"] != CANCELED:
            there = {each["orderLine"]["id"]: int(each["quantity"]) for each in one["lines"]}
            if there.items() <= pieces.items():
                return True
    return False


def _refuse(errors: list[dict[str, Any]]) -> None:
    """Raise what Saleor says is wrong, by its code."""
    if errors:
        raise ApiRefused(f"refused: {errors[0]['code']}"[:100])
