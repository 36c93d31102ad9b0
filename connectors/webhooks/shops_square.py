"""Tells Square of shipments, cancellations and refunds.

A fulfillment of the order gets the tracking number, and is completed with the last piece of its
lines; what stands there already is not set again. A refund is known by its mark in the refund's
reason and by Square's idempotency key; it pays what the payments still have, and no more. A
cancellation gives everything back, unless Square has cancelled the order itself.

Source: Square API, "RetrieveOrder", "UpdateOrder", "Manage order fulfillments", "RefundPayment".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.json_api import ApiRefused, JsonApi, fixed
from connectors.webhooks.shop import MONEY, SHIPMENTS, Back, Shop, key_of, moment
from connectors.webhooks.subscriptions import Subscription
from schemas.orders import FulfillmentStatus, OrderCancelled, OrderShipped

VERSION = "2025-01-23"
ENDED = frozenset({"COMPLETED", "CANCELED", "FAILED"})
CANCELLED = "cancelled"
"""The mark of what a cancellation gives back."""
EVERYTHING = 10**15
DETAILS = {"SHIPMENT": "shipment_details"}
"""Where carrier and tracking number stand, by type of fulfillment; others have no place."""


class SquareShop(Shop):
    """One seller."""

    channel = "square"
    events = SHIPMENTS | MONEY

    def __init__(self, subscription: Subscription) -> None:
        """The secret is an access token that may write orders and payments."""
        token = subscription.secret.strip()
        headers = {"Authorization": f"Bearer {token}", "Square-Version": VERSION}
        self._api = JsonApi(subscription.url, fixed(headers))

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        changes = [
            change
            for one in order.get("fulfillments") or []
            if one["state"] not in ENDED and (change := _change(one, event)) is not None
        ]
        self._update(order, {"fulfillments": changes} if changes else {}, event.shipment_id)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop. The money first: an order that is cancelled is taken for Square's own."""
        order = self._order(event.order_id)
        fulfillments = order.get("fulfillments") or []
        gone = fulfillments and all(one["state"] == "CANCELED" for one in fulfillments)
        if order["state"] == "CANCELED" or gone:
            return
        currency = order["total_money"]["currency"]
        back = Back(event.order_id, CANCELLED, EVERYTHING, currency, event.reason)
        self._pay(order, back)
        changes: dict[str, Any] = {}
        still = [one["uid"] for one in fulfillments if one["state"] not in ENDED]
        if still:
            changes["fulfillments"] = [{"uid": uid, "state": "CANCELED"} for uid in still]
        if not order.get("tenders"):
            # Square lets an order with payments stay open, and the payments refunded.
            changes["state"] = "CANCELED"
        self._update(order, changes, CANCELLED)

    def gives_back(self, back: Back) -> None:
        """See Shop."""
        self._pay(self._order(back.order_id), back)

    def _pay(self, order: dict[str, Any], back: Back) -> None:
        left, mark = back.amount_minor, f"[{back.mark}]"
        for payment in self._payments(order):
            known = [one for one in self._refunds(payment) if mark in (one.get("reason") or "")]
            if known:
                left -= sum(int(one["amount_money"]["amount"]) for one in known)
                continue
            money = payment["total_money"]
            if money["currency"] != back.currency:
                raise ApiRefused("has the order in another currency")
            gone = int((payment.get("refunded_money") or {}).get("amount", 0))
            amount = min(left, int(money["amount"]) - gone)
            if amount <= 0:
                continue
            content = {
                "idempotency_key": key_of(back.order_id, back.mark, payment["id"]),
                "payment_id": payment["id"],
                "amount_money": {"amount": amount, "currency": back.currency},
                "reason": f"{back.reason[:80]} {mark}"[-190:],
            }
            self._api.ask("POST", "/v2/refunds", content)
            left -= amount

    def _payments(self, order: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for tender in order.get("tenders") or []:
            name = tender.get("payment_id") or tender["id"]
            payment: dict[str, Any] = self._api.ask("GET", f"/v2/payments/{name}")["payment"]
            if payment["status"] == "COMPLETED":
                yield payment

    def _refunds(self, payment: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for name in payment.get("refund_ids") or []:
            refund: dict[str, Any] = self._api.ask("GET", f"/v2/refunds/{name}")["refund"]
            if refund["status"] not in ("REJECTED", "FAILED"):
                yield refund

    def _order(self, order_id: str) -> dict[str, Any]:
        order: dict[str, Any] = self._api.ask("GET", f"/v2/orders/{self.order(order_id)}")["order"]
        return order

    def _update(self, order: dict[str, Any], changes: dict[str, Any], what: str) -> None:
        """Change an order as it was read; one that has changed since is refused, and told again."""
        if not changes:
            return
        version, order_id = order["version"], order["id"]
        content = {
            "idempotency_key": key_of(order_id, what, str(version)),
            "order": {"location_id": order["location_id"], "version": version, **changes},
        }
        self._api.ask("PUT", f"/v2/orders/{order_id}", content)


def _change(fulfillment: dict[str, Any], event: OrderShipped) -> dict[str, Any] | None:
    """What becomes of a fulfillment by a shipment; None where it is as it should be."""
    pieces = {line.line_id: line.quantity for line in event.lines}
    entries = {one["line_item_uid"]: one for one in fulfillment.get("entries") or []}
    if entries and not entries.keys() & pieces.keys():
        return None
    change: dict[str, Any] = {"uid": fulfillment["uid"]}
    everything = event.fulfillment_status == FulfillmentStatus.SHIPPED
    if everything or (
        entries and all(pieces.get(uid, 0) >= int(one["quantity"]) for uid, one in entries.items())
    ):
        change["state"] = "COMPLETED"
    place = DETAILS.get(fulfillment["type"])
    there = fulfillment.get(place or "") or {}
    if place and event.tracking_number and there.get("tracking_number") != event.tracking_number:
        change[place] = {
            "carrier": event.carrier[:50],
            "tracking_number": event.tracking_number[:100],
            "shipped_at": moment(event.at_ms),
        }
    return change if len(change) > 1 else None
