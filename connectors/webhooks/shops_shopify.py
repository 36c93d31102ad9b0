"""Tells Shopify of shipments, cancellations and refunds.

A cancellation that Shopify has not made itself gives everything back that Shopify took; one that
it has made is its own, with its own money. A refund pays what Shopify took and has not given back
yet, and no more, the latest payment first; it is known by its mark in the refund's note, and by
Shopify's idempotency key.

Source: Shopify Admin REST API 2024-07, "FulfillmentOrder", "Fulfillment"; GraphQL Admin API
2026-04, "orderCancel", "refundCreate", "OrderTransaction".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from connectors import shopify_graphql
from connectors.json_api import ApiRefused, JsonApi, fixed
from connectors.webhooks.shop import (
    LINES,
    MONEY,
    SHIPMENTS,
    Back,
    Shop,
    key_of,
    left_to_tell,
    major,
)
from connectors.webhooks.subscriptions import Subscription
from schemas import money
from schemas.orders import OrderCancelled, OrderShipped

REST = "/admin/api/2024-07"
MAXIMUM_TRANSACTIONS = 100
ORDER = """query Order($id: ID!) {
  order(id: $id) {
    id
    cancelledAt
    refunds(first: 250) { note }
    transactions(first: 100) {
      id kind status gateway
      parentTransaction { id }
      amountSet { shopMoney { amount currencyCode } presentmentMoney { amount currencyCode } }
    }
  }
}"""
CANCEL = """mutation Cancel($id: ID!, $note: String!) {
  orderCancel(
    orderId: $id, reason: OTHER, notifyCustomer: true, restock: false, staffNote: $note,
    refundMethod: {originalPaymentMethodsRefund: true}
  ) { job { id } orderCancelUserErrors { code field message } }
}"""
REFUND = """mutation Refund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund { id }
    userErrors { field message }
  }
}"""
TAKEN = ("SALE", "CAPTURE")
ON_ITS_WAY = ("SUCCESS", "PENDING")


class _Payment(NamedTuple):
    """A payment that was taken, and what of it has not been given back."""

    id: str
    gateway: str
    left_minor: int
    """in the shop's currency"""
    left_presented: int
    """in the customer's currency, which Shopify wants"""
    presented_in: str


class ShopifyShop(Shop):
    """One Shopify shop."""

    channel = "shopify"
    events = SHIPMENTS | LINES | MONEY

    def __init__(self, subscription: Subscription) -> None:
        """The subscription's secret is the access token of a custom app."""
        token = subscription.secret.strip()
        self._api = JsonApi(subscription.url, fixed({"X-Shopify-Access-Token": token}))

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        order = self.order(event.order_id)
        if event.tracking_number and self._is_known(order, event):
            return
        told = self._api.ask("GET", f"{REST}/orders/{order}/fulfillment_orders.json")
        parts = _parts(event, told["fulfillment_orders"])
        if not parts:
            # Nothing of it is left to be fulfilled there: it has been told of before.
            return
        fulfillment: dict[str, Any] = {
            "line_items_by_fulfillment_order": parts,
            "notify_customer": True,
        }
        if event.tracking_number:
            company = event.carrier
            fulfillment["tracking_info"] = {"number": event.tracking_number, "company": company}
        self._api.ask("POST", f"{REST}/fulfillments.json", {"fulfillment": fulfillment})

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if order["cancelledAt"]:
            return
        asked = {"id": order["id"], "note": "cancelled by the order management"}
        told = shopify_graphql.ask(self._api, CANCEL, asked)["orderCancel"]
        _refuse(told["orderCancelUserErrors"])

    def lines_cancelled(self, order_id: str, amendment_id: str, line_ids: list[str]) -> None:
        """See Shop. A refund of pieces without money, which is told by the payment."""
        order = self._order(order_id)
        mark = f"[{amendment_id}]"
        if any(mark in (one["note"] or "") for one in order["refunds"]):
            return
        path = f"{REST}/orders/{self.order(order_id)}/fulfillment_orders.json"
        items = [
            {
                "lineItemId": f"gid://shopify/LineItem/{item['line_item_id']}",
                "quantity": int(item["fulfillable_quantity"]),
                "restockType": "CANCEL",
                "locationId": f"gid://shopify/Location/{each['assigned_location_id']}",
            }
            for each in self._api.ask("GET", path)["fulfillment_orders"]
            for item in each["line_items"]
            if str(item["line_item_id"]) in line_ids and int(item["fulfillable_quantity"] or 0)
        ]
        if items:
            note = f"lines cancelled {mark}"
            content = {"orderId": order["id"], "note": note, "refundLineItems": items}
            self._refund({**content, "transactions": []}, key_of(order_id, amendment_id))

    def gives_back(self, back: Back) -> None:
        """See Shop."""
        order = self._order(back.order_id)
        mark = f"[{back.mark}]"
        if any(mark in (one["note"] or "") for one in order["refunds"]):
            return
        parts = _shares(back, _payments(order["transactions"], back.currency))
        if not parts:
            # Everything that Shopify took has been given back, by us or at Shopify.
            return
        transactions = [
            {
                "orderId": order["id"],
                "parentId": payment.id,
                "gateway": payment.gateway,
                "kind": "REFUND",
                "amount": major(presented, payment.presented_in),
            }
            for payment, presented in parts
        ]
        content = {
            "orderId": order["id"],
            "note": f"{back.reason[:100]} {mark}",
            "notify": True,
            "currency": parts[0][0].presented_in,
            "transactions": transactions,
        }
        self._refund(content, key_of(back.order_id, back.mark))

    def _refund(self, content: dict[str, Any], key: str) -> None:
        asked = {"input": content, "key": key}
        _refuse(shopify_graphql.ask(self._api, REFUND, asked)["refundCreate"]["userErrors"])

    def _order(self, order_id: str) -> dict[str, Any]:
        named = {"id": f"gid://shopify/Order/{self.own(order_id)}"}
        order: dict[str, Any] | None = shopify_graphql.ask(self._api, ORDER, named)["order"]
        if order is None:
            raise ApiRefused("does not know the order")
        if len(order["transactions"]) >= MAXIMUM_TRANSACTIONS:
            raise ApiRefused(f"has {MAXIMUM_TRANSACTIONS} transactions of the order or more")
        return order

    def _is_known(self, order: str, event: OrderShipped) -> bool:
        """A fulfillment with the tracking number and these pieces is there."""
        pieces = {line.line_id: line.quantity for line in event.lines}
        told = self._api.ask("GET", f"{REST}/orders/{order}/fulfillments.json")
        for one in told["fulfillments"]:
            if event.tracking_number not in (one.get("tracking_numbers") or []):
                continue
            if one.get("status") not in ("cancelled", "error", "failure"):
                there = {str(item["id"]): int(item["quantity"]) for item in one["line_items"]}
                if there.items() <= pieces.items():
                    return True
        return False


def _parts(event: OrderShipped, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What of the shipment the shop still counts as to be fulfilled, by its fulfillment orders."""
    open_there: dict[str, int] = {}
    for order in orders:
        for item in order["line_items"]:
            line = str(item.get("line_item_id"))
            pieces = int(item.get("fulfillable_quantity") or 0)
            open_there[line] = open_there.get(line, 0) + pieces
    left = left_to_tell(event, open_there)
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


def _payments(transactions: list[dict[str, Any]], currency: str) -> list[_Payment]:
    """What was taken and is not given back, the latest first."""
    gone: dict[str, tuple[int, int]] = {}
    for one in transactions:
        parent = (one["parentTransaction"] or {}).get("id")
        if one["kind"] == "REFUND" and one["status"] in ON_ITS_WAY and parent:
            shop, presented, _ = _amounts(one, currency)
            before = gone.get(parent, (0, 0))
            gone[parent] = before[0] + shop, before[1] + presented
    found = []
    for one in reversed(transactions):
        if one["kind"] in TAKEN and one["status"] == "SUCCESS":
            shop, presented, presented_in = _amounts(one, currency)
            back, back_presented = gone.get(one["id"], (0, 0))
            left = shop - back, presented - back_presented
            if min(left) > 0:
                found.append(_Payment(one["id"], one["gateway"], *left, presented_in))
    return found


def _amounts(transaction: Mapping[str, Any], currency: str) -> tuple[int, int, str]:
    """In the shop's currency, which is the order's here, and in the customer's."""
    shop, shown = (transaction["amountSet"][name] for name in ("shopMoney", "presentmentMoney"))
    if shop["currencyCode"] != currency:
        raise ApiRefused("has the order in another currency")
    code = money.currency(shown["currencyCode"])
    in_shop = money.minor(shop["amount"], currency, "amount")
    return in_shop, money.minor(shown["amount"], code, "amount"), code


def _shares(back: Back, payments: list[_Payment]) -> list[tuple[_Payment, int]]:
    """How much of each payment goes back, in the customer's currency: all that is left of it, or
    its share, rounded half up."""
    left, shares = back.amount_minor, []
    for payment in payments:
        amount = min(left, payment.left_minor)
        if amount <= 0:
            break
        left -= amount
        doubled = 2 * amount * payment.left_presented
        presented = (doubled + payment.left_minor) // (2 * payment.left_minor)
        if presented > 0:
            shares.append((payment, presented))
    return shares


def _refuse(errors: list[Any]) -> None:
    """Raise what Shopify says is wrong, without its words: they may name somebody."""
    if errors:
        fields = sorted({".".join(map(str, one.get("field") or ["?"])) for one in errors})
        raise ApiRefused(f"refused {', '.join(fields)[:200]}")
