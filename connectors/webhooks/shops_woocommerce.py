"""Tells WooCommerce of shipments, cancellations and refunds.

A shipment is a note to the customer; all sent completes the order. A refund is known by its mark
in the refund's reason; it pays what was paid and has not been given back yet, and no more. Where
the gateway cannot pay back by itself, the refund is noted, and somebody at the shop pays it. A
cancellation gives back what was paid, unless the shop has cancelled or refunded the order itself.

Source: WooCommerce REST API v3, "Update an order", "Create an order note", "Create a refund",
"Retrieve a payment gateway".
"""

from __future__ import annotations

import urllib.parse
from typing import Any

from connectors.json_api import ApiFailed, ApiRefused, JsonApi, fixed
from connectors.polling.tokens import basic
from connectors.webhooks.shop import MONEY, SHIPMENTS, Back, Shop, major
from connectors.webhooks.subscriptions import Subscription
from schemas import money
from schemas.orders import FulfillmentStatus, OrderCancelled, OrderShipped

PATH = "/wp-json/wc/v3"
ENDED = frozenset({"cancelled", "refunded", "failed", "trash"})
CANCELLED = "cancelled"
"""The mark of what a cancellation gives back."""
BY_HAND = "pay it back by hand: the gateway cannot"


class WooCommerceShop(Shop):
    """One WooCommerce shop."""

    channel = "woocommerce"
    events = SHIPMENTS | MONEY

    def __init__(self, subscription: Subscription) -> None:
        """The subscription's secret has the consumer key and the consumer secret, one a line."""
        lines = subscription.secret.split()
        headers = {"Authorization": basic(lines[0], lines[-1])}
        self._api = JsonApi(subscription.url, fixed(headers))

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        order = self.order(event.order_id)
        mark = f"[{event.shipment_id}]"
        path = f"{PATH}/orders/{order}/notes"
        notes: list[dict[str, Any]] = self._api.ask("GET", path)["list"]
        if not any(mark in note["note"] for note in notes):
            sent = " ".join(filter(None, (event.carrier, event.tracking_number)))
            text = f"Shipped{f' with {sent}' if sent else ''} {mark}"
            self._api.ask("POST", path, {"note": text, "customer_note": True})
        if event.fulfillment_status == FulfillmentStatus.SHIPPED:
            self._becomes(event.order_id, "completed")

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if order["status"] in ENDED:
            return
        if order["date_paid"]:
            currency = money.currency(order["currency"])
            total = money.minor(order["total"], currency, "total")
            self._pay(order, Back(event.order_id, CANCELLED, total, currency, event.reason))
            # A refund of everything has the shop call the order refunded.
            if self._order(event.order_id)["status"] in ENDED:
                return
        self._becomes(event.order_id, "cancelled")

    def gives_back(self, back: Back) -> None:
        """See Shop."""
        order = self._order(back.order_id)
        if order["date_paid"]:
            self._pay(order, back)

    def _pay(self, order: dict[str, Any], back: Back) -> None:
        if order["currency"] != back.currency:
            raise ApiRefused("has the order in another currency")
        mark = f"[{back.mark}]"
        path = f"{PATH}/orders/{self.order(back.order_id)}/refunds"
        known = self._api.ask("GET", f"{path}?per_page=100")["list"]
        if any(mark in (one["reason"] or "") for one in known):
            return
        total = money.minor(order["total"], back.currency, "total")
        gone = sum(abs(money.minor(one["amount"], back.currency, "amount")) for one in known)
        amount = min(back.amount_minor, total - gone)
        if amount <= 0:
            # Everything has been given back, by us or at the shop.
            return
        itself = self._pays_back(str(order.get("payment_method") or ""))
        reason = back.reason[:100] if itself else f"{back.reason[:100]} ({BY_HAND})"
        content = {
            "amount": major(amount, back.currency),
            "reason": f"{reason} {mark}",
            "api_refund": itself,
        }
        self._api.ask("POST", path, content)

    def _pays_back(self, gateway: str) -> bool:
        """Whether the gateway of the order can give money back by itself."""
        if not gateway:
            return False
        name = urllib.parse.quote(gateway, safe="")
        try:
            told = self._api.ask("GET", f"{PATH}/payment_gateways/{name}")
        except ApiFailed as failed:
            if failed.status == 404:
                return False
            raise
        return "refunds" in (told.get("method_supports") or [])

    def _order(self, order_id: str) -> dict[str, Any]:
        return self._api.ask("GET", f"{PATH}/orders/{self.order(order_id)}")

    def _becomes(self, order_id: str, status: str) -> None:
        """Setting the same status again changes nothing there."""
        self._api.ask("PUT", f"{PATH}/orders/{self.order(order_id)}", {"status": status})
