"""Tells eBay of shipments and of cancellations.

A shipment is known by its tracking number, or else by its lines and its moment, which we set. A
cancellation gives the buyer's money back, at eBay and by eBay. Other refunds are not told: eBay
keeps nothing with them by which a repeat could be known.

Source: eBay Fulfillment API v1, "createShippingFulfillment", "getShippingFulfillments",
"getOrder"; Post-Order API v2, "Create Cancellation" (Authorization: IAF).
"""

from __future__ import annotations

import re
from typing import Any

from connectors.credentials import ebay_api
from connectors.json_api import ApiRefused, JsonApi
from connectors.webhooks.shop import Shop, moment
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import OrderCancelled, OrderShipped

ORDERS = "/sell/fulfillment/v1/order"
CANCELLATIONS = "/post-order/v2/cancellation"
NOT_ASKED = "NONE_REQUESTED"
REASON = "OUT_OF_STOCK_OR_CANNOT_FULFILL"
_NOT_IN_A_NUMBER = re.compile(r"[^0-9A-Za-z]")


class EbayShop(Shop):
    """One seller."""

    channel = "ebay"

    def __init__(self, subscription: Subscription) -> None:
        """The secret has client id, client secret and refresh token, one a line."""
        secrets = subscription.secret.split()
        self._api = ebay_api(subscription.url, secrets)
        self._post_order: JsonApi = ebay_api(subscription.url, secrets, scheme="IAF")

    def close(self) -> None:
        """See Receiver."""
        super().close()
        self._post_order.close()

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        path = f"{ORDERS}/{self.order(event.order_id)}/shipping_fulfillment"
        number = _NOT_IN_A_NUMBER.sub("", event.tracking_number)
        shipped_at = moment(event.at_ms)
        pieces = {line.line_id: line.quantity for line in event.lines}
        for one in self._api.ask("GET", path)["fulfillments"]:
            if number and one.get("shipmentTrackingNumber") == number:
                return
            there = {item["lineItemId"]: item["quantity"] for item in one["lineItems"]}
            if not number and one.get("shippedDate") == shipped_at and there == pieces:
                return
        content: dict[str, Any] = {
            "lineItems": [
                {"lineItemId": line_id, "quantity": count} for line_id, count in pieces.items()
            ],
            "shippedDate": shipped_at,
        }
        if number:
            # eBay takes both or none of them, and of the number letters and digits.
            content |= {"trackingNumber": number, "shippingCarrierCode": event.carrier or "Other"}
        self._api.ask("POST", path, content)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._api.ask("GET", f"{ORDERS}/{self.order(event.order_id)}")
        if order["cancelStatus"]["cancelState"] != NOT_ASKED:
            return
        legacy = order.get("legacyOrderId")
        if not legacy:
            raise ApiRefused("names no legacyOrderId")
        asked = {"legacyOrderId": legacy, "cancelReason": REASON}
        self._post_order.ask("POST", f"{CANCELLATIONS}/", asked)
