"""Tells the shop that an order came from of its shipments and its cancellation.

Idempotency: before anything is written the shop is asked whether it is there already, so that an
event that is delivered twice changes nothing. What a shop will never take, such as an order that
it does not know, counts as failed and is tried again like anything else, until somebody looks.

Source: Shopify Admin REST API 2024-07, "FulfillmentOrder", "Fulfillment", "Order: cancel";
WooCommerce REST API v3, "Update an order", "Create an order note".
"""

from __future__ import annotations

import base64
import json
import urllib.parse
from abc import ABC, abstractmethod
from typing import Any

import urllib3

from connectors.webhooks.posting import (
    ANSWER_BYTES,
    TIMEOUT_SECONDS,
    Answer,
    Receiver,
    retry_after,
)
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import FulfillmentStatus, OrderCancelled, OrderShipped
from schemas.records import Record

EVENTS = frozenset({"OrderShipped", "OrderCancelled"})
"""What shops are told."""
SHOPIFY_VERSION = "2024-07"
DONE = Answer(200, "")
NOT_AS_DOCUMENTED = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an answer of another shape raises."""
ODD = Answer(200, "answered with something else than is documented")
MAXIMUM_NOTES_BYTES = 2 * 1024 * 1024


class _Failed(Exception):
    """A request of several went wrong."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


class _Api:
    """JSON requests to one shop."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Accept": "application/json", **headers}
        self._pool = urllib3.PoolManager(
            num_pools=1, maxsize=1, retries=False, timeout=urllib3.Timeout(total=TIMEOUT_SECONDS)
        )

    def ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        """The object of an answer; a list stands under `list`. Raises _Failed."""
        headers = {**self._headers, "Content-Type": "application/json"}
        body = json.dumps(content).encode() if content is not None else None
        try:
            response = self._pool.request(
                method,
                f"{self._url}{path}",
                body=body,
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            text = response.read(MAXIMUM_NOTES_BYTES if method == "GET" else ANSWER_BYTES)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _Failed(Answer(0, f"no answer: {type(error).__name__}")) from error
        if not 200 <= response.status < 300:
            wait = retry_after(response.headers.get("Retry-After", ""))
            raise _Failed(Answer(response.status, f"answered {response.status}", wait))
        try:
            value = json.loads(text)
        except ValueError:
            raise _Failed(Answer(response.status, "answered with no JSON")) from None
        return value if isinstance(value, dict) else {"list": value}

    def close(self) -> None:
        """Let go of the connection."""
        self._pool.clear()


class _Shop(ABC):
    """A shop that is told of shipments and cancellations. See Receiver."""

    _api: _Api

    def deliver(self, message_id: str, event: Record, timestamp_ms: int) -> Answer:
        """See Receiver."""
        try:
            if isinstance(event, OrderShipped):
                return self._shipped(event)
            return self._cancelled(event) if isinstance(event, OrderCancelled) else DONE
        except _Failed as failed:
            return failed.answer
        except NOT_AS_DOCUMENTED:
            return ODD

    def close(self) -> None:
        """See Receiver."""
        self._api.close()

    @abstractmethod
    def _shipped(self, event: OrderShipped) -> Answer: ...

    @abstractmethod
    def _cancelled(self, event: OrderCancelled) -> Answer: ...


class ShopifyShop(_Shop):
    """One Shopify shop."""

    def __init__(self, subscription: Subscription) -> None:
        """The subscription's secret is the access token of a custom app."""
        token = subscription.secret.strip()
        self._api = _Api(subscription.url, {"X-Shopify-Access-Token": token})

    def _shipped(self, event: OrderShipped) -> Answer:
        order = _quoted(event.order_id, "shopify")
        path = f"/admin/api/{SHOPIFY_VERSION}"
        told = self._api.ask("GET", f"{path}/orders/{order}/fulfillment_orders.json")
        parts = _parts(event, told["fulfillment_orders"])
        if not parts:
            # Nothing of it is left to be fulfilled there: it has been told of before.
            return DONE
        fulfillment: dict[str, Any] = {
            "line_items_by_fulfillment_order": parts,
            "notify_customer": True,
        }
        if event.tracking_number:
            company = event.carrier
            fulfillment["tracking_info"] = {"number": event.tracking_number, "company": company}
        self._api.ask("POST", f"{path}/fulfillments.json", {"fulfillment": fulfillment})
        return DONE

    def _cancelled(self, event: OrderCancelled) -> Answer:
        order = _quoted(event.order_id, "shopify")
        path = f"/admin/api/{SHOPIFY_VERSION}/orders/{order}"
        known = self._api.ask("GET", f"{path}.json?fields=id,cancelled_at")["order"]
        if known["cancelled_at"]:
            return DONE
        self._api.ask("POST", f"{path}/cancel.json", {"reason": "other", "email": True})
        return DONE


def _parts(event: OrderShipped, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of the shipment the shop still counts as to be fulfilled, by its fulfillment orders."""
    left = {line.line_id: line.quantity for line in event.lines}
    parts = []
    for order in orders:
        items = []
        for item in order["line_items"]:
            line = str(item.get("line_item_id"))
            pieces = min(left.get(line, 0), int(item.get("fulfillable_quantity") or 0))
            if pieces > 0:
                left[line] -= pieces
                items.append({"id": item["id"], "quantity": pieces})
        if items:
            parts.append(
                {"fulfillment_order_id": order["id"], "fulfillment_order_line_items": items}
            )
    return parts


class WooCommerceShop(_Shop):
    """One WooCommerce shop."""

    def __init__(self, subscription: Subscription) -> None:
        """The subscription's secret has the consumer key and the consumer secret, one a line."""
        pair = ":".join(line.strip() for line in subscription.secret.split())
        basic = base64.b64encode(pair.encode()).decode()
        self._api = _Api(subscription.url, {"Authorization": f"Basic {basic}"})

    def _shipped(self, event: OrderShipped) -> Answer:
        """A note to the customer with the tracking number; all sent completes the order."""
        order = _quoted(event.order_id, "woocommerce")
        mark = f"[{event.shipment_id}]"
        path = f"/wp-json/wc/v3/orders/{order}/notes"
        notes: list[dict[str, Any]] = self._api.ask("GET", path)["list"]
        if not any(mark in note["note"] for note in notes):
            sent = " ".join(filter(None, (event.carrier, event.tracking_number)))
            text = f"Shipped{f' with {sent}' if sent else ''} {mark}"
            self._api.ask("POST", path, {"note": text, "customer_note": True})
        if event.fulfillment_status == FulfillmentStatus.SHIPPED:
            return self._becomes(event.order_id, "completed")
        return DONE

    def _cancelled(self, event: OrderCancelled) -> Answer:
        return self._becomes(event.order_id, "cancelled")

    def _becomes(self, order_id: str, status: str) -> Answer:
        """Setting the same status again changes nothing there."""
        order = _quoted(order_id, "woocommerce")
        self._api.ask("PUT", f"/wp-json/wc/v3/orders/{order}", {"status": status})
        return DONE


def receiver_of(subscription: Subscription) -> Receiver | None:
    """The shop that a subscription means; None for webhooks."""
    if subscription.kind == "shopify":
        return ShopifyShop(subscription)
    return WooCommerceShop(subscription) if subscription.kind == "woocommerce" else None


def _quoted(order_id: str, channel: str) -> str:
    """The channel's own id, as a part of a path."""
    return urllib.parse.quote(order_id.removeprefix(f"{channel}-"), safe="")
