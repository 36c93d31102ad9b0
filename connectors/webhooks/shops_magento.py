"""Tells Magento and Adobe Commerce of shipments, cancellations and refunds.

A shipment and a credit memo are known by their mark in a comment. A refund pays what the invoices
still have, and no more; by the gateway where the invoice has a transaction, else it is noted and
somebody pays it. An order with invoices cannot be cancelled there: it is refunded in full instead,
unless it has been closed there.

Source: Adobe Commerce REST API, "POST /V1/order/{orderId}/ship", "POST /V1/orders/{id}/cancel",
"POST /V1/invoice/{invoiceId}/refund", "Search using REST endpoints".
"""

from __future__ import annotations

import urllib.parse
from decimal import Decimal
from typing import Any

from connectors.json_api import ApiRefused, JsonApi, fixed
from connectors.webhooks.shop import MONEY, SHIPMENTS, Back, Shop, left_to_tell, major
from connectors.webhooks.subscriptions import Subscription
from schemas.money import EXPONENTS
from schemas.orders import OrderCancelled, OrderShipped

PATH = "/rest/V1"
ENDED = frozenset({"canceled", "closed"})
CANCELLED = "cancelled"
"""The mark of what a cancellation gives back."""
OTHER_CARRIER = "custom"


class MagentoShop(Shop):
    """One shop."""

    channel = "magento"
    events = SHIPMENTS | MONEY

    def __init__(self, subscription: Subscription) -> None:
        """The secret is the access token of an integration that may write sales."""
        headers = {"Authorization": f"Bearer {subscription.secret.strip()}"}
        self._api = JsonApi(subscription.url, fixed(headers))

    def shipped(self, event: OrderShipped) -> None:
        """See Shop."""
        mark = f"[{event.shipment_id}]"
        if any(_has(mark, one) for one in self._of_order("shipments", event.order_id)):
            return
        order = self._order(event.order_id)
        left = left_to_tell(event, _open(order))
        if not left:
            return
        items = [{"order_item_id": int(one), "qty": pieces} for one, pieces in left.items()]
        track = {
            "track_number": event.tracking_number,
            "title": event.carrier or "Carrier",
            "carrier_code": OTHER_CARRIER,
        }
        content = {
            "items": items,
            "notify": True,
            "tracks": [track] if event.tracking_number else [],
            **_comment(mark),
        }
        self._api.ask("POST", f"{PATH}/order/{self.order(event.order_id)}/ship", content)

    def cancelled(self, event: OrderCancelled) -> None:
        """See Shop."""
        order = self._order(event.order_id)
        if order["state"] in ENDED:
            return
        path = f"{PATH}/orders/{self.order(event.order_id)}/cancel"
        if not self._of_order("invoices", event.order_id):
            if self._api.ask("POST", path, {}).get("list") is not True:
                raise ApiRefused("does not cancel the order")
            return
        currency = order["order_currency_code"]
        total = _minor(order["grand_total"], currency)
        self._pay(order, Back(event.order_id, CANCELLED, total, currency, event.reason))

    def gives_back(self, back: Back) -> None:
        """See Shop."""
        self._pay(self._order(back.order_id), back)

    def _pay(self, order: dict[str, Any], back: Back) -> None:
        if {order["order_currency_code"], order["base_currency_code"]} != {back.currency}:
            raise ApiRefused("has the order in another currency")
        mark, left = f"[{back.mark}]", back.amount_minor
        memos = self._of_order("creditmemos", back.order_id)
        for invoice in self._of_order("invoices", back.order_id):
            of_it = [one for one in memos if one.get("invoice_id") == invoice["entity_id"]]
            gone = sum(_minor(one["grand_total"], back.currency) for one in of_it)
            known = [one for one in of_it if _has(mark, one)]
            if known:
                left -= sum(_minor(one["grand_total"], back.currency) for one in known)
                continue
            amount = min(left, _minor(invoice["grand_total"], back.currency) - gone)
            if amount > 0:
                self._refund(order, invoice, amount, back, mark)
                left -= amount

    def _refund(
        self,
        order: dict[str, Any],
        invoice: dict[str, Any],
        amount: int,
        back: Back,
        mark: str,
    ) -> None:
        """A sum without pieces. Without `items` Magento would refund all of them."""
        content = {
            "items": [
                {"order_item_id": item["item_id"], "qty": 0}
                for item in order["items"]
                if not item.get("parent_item_id")
            ],
            "isOnline": bool(invoice.get("transaction_id")),
            "notify": True,
            "appendComment": False,
            **_comment(f"{back.reason[:100]} {mark}"),
            "arguments": {
                "shipping_amount": 0,
                "adjustment_positive": major(amount, back.currency),
                "adjustment_negative": 0,
            },
        }
        self._api.ask("POST", f"{PATH}/invoice/{invoice['entity_id']}/refund", content)

    def _order(self, order_id: str) -> dict[str, Any]:
        return self._api.ask("GET", f"{PATH}/orders/{self.order(order_id)}")

    def _of_order(self, what: str, order_id: str) -> list[dict[str, Any]]:
        """Shipments, invoices or credit memos of an order."""
        where = "searchCriteria[filterGroups][0][filters][0]"
        query = urllib.parse.urlencode(
            {
                f"{where}[field]": "order_id",
                f"{where}[value]": self.own(order_id),
                f"{where}[conditionType]": "eq",
            }
        )
        return self._api.ask("GET", f"{PATH}/{what}?{query}")["items"] or []


def _open(order: dict[str, Any]) -> dict[str, int]:
    """Pieces by item that have not been shipped there."""
    return {
        str(item["item_id"]): int(
            Decimal(item["qty_ordered"])
            - Decimal(item.get("qty_shipped") or 0)
            - Decimal(item.get("qty_canceled") or 0)
        )
        for item in order["items"]
    }


def _has(mark: str, one: dict[str, Any]) -> bool:
    return any(mark in (each.get("comment") or "") for each in one.get("comments") or [])


def _comment(text: str) -> dict[str, Any]:
    return {"comment": {"comment": text, "is_visible_on_front": 0}}


def _minor(amount: Any, currency: str) -> int:
    """Magento writes four decimals; those beyond the currency's are rounding, half up."""
    scaled = Decimal(str(amount)).scaleb(EXPONENTS[currency])
    return int(scaled.quantize(Decimal(1), rounding="ROUND_HALF_UP"))
