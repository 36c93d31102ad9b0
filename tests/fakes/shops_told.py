"""Shops on loopback that are told of their one order, and refuse what their documentation says.

The order is 7, of lines 1 (two pieces) and 2 (one piece), paid 30.00 EUR. `late` are requests that
are carried out and whose answer does not come.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.fakes.loopback import LOST, Asked, Loopback, Reply, told

TOTAL = Decimal("30.00")
ORDERED = {"1": 2, "2": 1}
Content = dict[str, Any]


@dataclass
class ToldShop(Loopback):
    """What every shop knows of the order."""

    shipped: list[tuple[dict[str, int], str]] = field(default_factory=list)
    """pieces by line, and the tracking number"""
    refunds: list[tuple[Decimal, str]] = field(default_factory=list)
    """the amount, and what is noted with it"""
    cancelled: int = 0
    paid: bool = True
    late: frozenset[int] = frozenset()

    @property
    def left(self) -> dict[str, int]:
        """Pieces by line that are not shipped."""
        pieces = dict(ORDERED)
        for lines, _ in self.shipped:
            for line, number in lines.items():
                pieces[line] -= number
        assert min(pieces.values()) >= 0, "shipped more than was ordered"
        return pieces

    @property
    def back(self) -> Decimal:
        """All that was given back."""
        amount = sum((amount for amount, _ in self.refunds), Decimal(0))
        assert amount <= TOTAL, "paid back more than was paid"
        return amount

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        number = len(self.requests) - 1
        answer = self.answer(asked)
        if number in self.late:
            return LOST
        return answer if isinstance(answer, Reply) else told(answer)

    def answer(self, asked: Asked) -> Any:
        """JSON, or a Reply."""
        raise NotImplementedError


def content_of(asked: Asked) -> Content:
    """The JSON of a body."""
    return json.loads(asked.body) if asked.body else {}


@dataclass
class Shopify(ToldShop):
    """REST for fulfillments, GraphQL for the rest. Two payments: a gift card and a card."""

    keys: dict[str, str] = field(default_factory=dict)
    shown_in: str = "EUR"
    rate: Decimal = Decimal(1)
    """of the customer's currency to the shop's"""
    payments: dict[str, Decimal] = field(
        default_factory=lambda: {"T1": Decimal("10.00"), "T2": Decimal("20.00")}
    )
    removed: dict[str, int] = field(default_factory=dict)
    """pieces by line that were cancelled"""
    notes: list[str] = field(default_factory=list)
    given: list[tuple[str, Decimal]] = field(default_factory=list)
    """by payment, in the shop's currency"""

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        if asked.headers["X-Shopify-Access-Token"] != "token":
            return Reply(401)
        content = content_of(asked)
        if asked.place.endswith("/graphql.json"):
            return {"data": self._graphql(content["query"], content["variables"])}
        if asked.place.endswith("/fulfillment_orders.json"):
            items = [
                {
                    "id": int(line) * 10,
                    "line_item_id": int(line),
                    "fulfillable_quantity": left - self.removed.get(line, 0),
                }
                for line, left in self.left.items()
            ]
            order = {"id": 5, "assigned_location_id": 4, "line_items": items}
            return {"fulfillment_orders": [order]}
        if asked.method == "GET":
            return {
                "fulfillments": [
                    {
                        "status": "success",
                        "tracking_numbers": [number],
                        "line_items": [{"id": int(k), "quantity": v} for k, v in lines.items()],
                    }
                    for lines, number in self.shipped
                ]
            }
        fulfillment = content["fulfillment"]
        [part] = fulfillment["line_items_by_fulfillment_order"]
        lines = {
            str(item["id"] // 10): item["quantity"] for item in part["fulfillment_order_line_items"]
        }
        self.shipped.append((lines, fulfillment.get("tracking_info", {}).get("number", "")))
        return {"fulfillment": {}}

    def _graphql(self, query: str, variables: Content) -> Content:
        if query.startswith("query Order"):
            return {"order": self._order(variables["id"])}
        if query.startswith("mutation Cancel"):
            assert "originalPaymentMethodsRefund: true" in query
            self.cancelled += 1
            rest = TOTAL - self.back
            if self.paid and rest:
                self.refunds.append((rest, "cancelled"))
            return {"orderCancel": {"job": {"id": "j"}, "orderCancelUserErrors": []}}
        key = variables["key"]
        assert "@idempotent(key: $key)" in query
        if key not in self.keys:
            error = self._refund(variables["input"])
            if error:
                return {"refundCreate": {"userErrors": [{"field": ["transactions"]}]}}
            self.keys[key] = "done"
        return {"refundCreate": {"refund": {"id": "r"}, "userErrors": []}}

    def _refund(self, content: Content) -> bool:
        for item in content.get("refundLineItems", []):
            assert item["locationId"] == "gid://shopify/Location/4"
            line = item["lineItemId"].rpartition("/")[2]
            self.removed[line] = item["quantity"]
            self.notes.append(content["note"])
            return self.left[line] < 0
        assert content["currency"] == self.shown_in
        amounts = []
        for one in content["transactions"]:
            assert one["kind"] == "REFUND"
            amount = Decimal(one["amount"]) / self.rate
            gone = sum(each for name, each in self.given if name == one["parentId"])
            if amount + gone > self.payments[one["parentId"]]:
                return True
            amounts.append((one["parentId"], amount))
        self.given += amounts
        self.refunds.append((sum((each for _, each in amounts), Decimal(0)), content["note"]))
        return False

    def _order(self, name: str) -> Content | None:
        if name != "gid://shopify/Order/7":
            return None
        taken = [self._transaction(one, "SALE", amount) for one, amount in self.payments.items()]
        given = [self._transaction("R", "REFUND", amount, one) for one, amount in self.given]
        return {
            "id": name,
            "cancelledAt": "2026-01-01T00:00:00Z" if self.cancelled else None,
            "refunds": [
                {"note": note} for note in [*(note for _, note in self.refunds), *self.notes]
            ],
            "transactions": [*(taken if self.paid else []), *given],
        }

    def _transaction(self, name: str, kind: str, amount: Decimal, parent: str = "") -> Content:
        return {
            "id": name,
            "kind": kind,
            "status": "SUCCESS",
            "gateway": "g",
            "parentTransaction": {"id": parent} if parent else None,
            "amountSet": {
                "shopMoney": {"amount": str(amount), "currencyCode": "EUR"},
                "presentmentMoney": {
                    "amount": f"{amount * self.rate:.2f}",
                    "currencyCode": self.shown_in,
                },
            },
        }


@dataclass
class WooCommerce(ToldShop):
    """REST API v3."""

    notes: list[str] = field(default_factory=list)
    status: str = "processing"
    supports: tuple[str, ...] = ("products", "refunds")
    by_gateway: list[bool] = field(default_factory=list)

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        content = content_of(asked)
        if asked.place.endswith("/notes"):
            if asked.method == "POST":
                self.notes.append(content["note"])
            return [{"note": note} for note in self.notes]
        if "/payment_gateways/" in asked.place:
            return {"id": "stripe", "method_supports": list(self.supports)}
        if asked.place.endswith("/refunds"):
            if asked.method == "POST":
                amount = Decimal(content["amount"])
                if amount > TOTAL - self.back:
                    return Reply(400, b'{"code":"woocommerce_rest_invalid_order_refund"}')
                self.refunds.append((amount, content["reason"]))
                self.by_gateway.append(content["api_refund"])
                if self.back == TOTAL:
                    self.status = "refunded"
                return Reply(201)
            return [{"amount": str(amount), "reason": why} for amount, why in self.refunds]
        if asked.method == "PUT":
            self.status = content["status"]
            self.cancelled += self.status == "cancelled"
        if not asked.place.endswith("/orders/7"):
            return Reply(404)
        paid = "2026-01-01T00:00:00" if self.paid else None
        money = {"total": str(TOTAL), "currency": "EUR", "payment_method": "stripe"}
        return {"id": 7, "status": self.status, "date_paid": paid, **money}


@dataclass
class Square(ToldShop):
    """Orders, payments and refunds; amounts in cents."""

    version: int = 3
    state: str = "PROPOSED"
    tracking: dict[str, str] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        content = content_of(asked)
        if asked.place == "/v2/refunds":
            key, amount = content["idempotency_key"], content["amount_money"]["amount"]
            assert len(key) <= 45
            if key not in self.keys:
                if Decimal(amount) / 100 > TOTAL - self.back:
                    return Reply(400)
                self.keys.add(key)
                self.refunds.append((Decimal(amount) / 100, content["reason"]))
            return {"refund": {}}
        if asked.place.startswith("/v2/refunds/"):
            amount, reason = self.refunds[int(asked.place.rpartition("/")[2])]
            told_amount = {"amount": int(amount * 100), "currency": "EUR"}
            return {"refund": {"status": "PENDING", "reason": reason, "amount_money": told_amount}}
        if asked.place == "/v2/payments/P":
            return {
                "payment": {
                    "id": "P",
                    "status": "COMPLETED",
                    "total_money": {"amount": 3000, "currency": "EUR"},
                    "refunded_money": {"amount": int(self.back * 100), "currency": "EUR"},
                    "refund_ids": [str(number) for number in range(len(self.refunds))],
                }
            }
        if asked.method == "PUT":
            refused = self._change(content["order"])
            if refused:
                return Reply(409)
        fulfillment = {"uid": "F", "type": "SHIPMENT", "state": self.state}
        return {
            "order": {
                "id": "7",
                "location_id": "L",
                "version": self.version,
                "state": "OPEN",
                "total_money": {"amount": 3000, "currency": "EUR"},
                "tenders": [{"id": "t", "payment_id": "P"}] if self.paid else [],
                "fulfillments": [{**fulfillment, "shipment_details": self.tracking}],
            }
        }

    def _change(self, order: Content) -> bool:
        if order["version"] != self.version:
            return True
        self.version += 1
        for one in order.get("fulfillments", []):
            self.state = one.get("state", self.state)
            self.tracking |= one.get("shipment_details", {})
            if "shipment_details" in one:
                self.shipped.append(({}, one["shipment_details"]["tracking_number"]))
        self.cancelled += self.state == "CANCELED"
        return False


@dataclass
class Magento(ToldShop):
    """REST API; one invoice of everything, where it is paid."""

    state: str = "processing"
    comments: list[str] = field(default_factory=list)
    online: list[bool] = field(default_factory=list)

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        content = content_of(asked)
        what = asked.place.rpartition("/")[2]
        if what == "shipments":
            return {"items": [{"comments": [{"comment": one}]} for one in self.comments]}
        if what == "invoices":
            invoice = {"entity_id": 3, "grand_total": 30.0000, "transaction_id": "tx"}
            return {"items": [invoice] if self.paid else []}
        if what == "creditmemos":
            return {
                "items": [
                    {
                        "invoice_id": 3,
                        "grand_total": float(amount),
                        "comments": [{"comment": note}],
                    }
                    for amount, note in self.refunds
                ]
            }
        if what == "ship":
            lines = {str(one["order_item_id"]): one["qty"] for one in content["items"]}
            number = content["tracks"][0]["track_number"] if content["tracks"] else ""
            self.shipped.append((lines, number))
            self.comments.append(content["comment"]["comment"])
            return Reply(200, b"1")
        if what == "cancel":
            self.cancelled += 1
            self.state = "canceled"
            return Reply(200, b"true")
        if what == "refund":
            return self._refund(content)
        items = [
            {"item_id": int(line), "qty_ordered": pieces, "qty_shipped": pieces - self.left[line]}
            for line, pieces in ORDERED.items()
        ]
        money = {"grand_total": 30.0, "order_currency_code": "EUR", "base_currency_code": "EUR"}
        return {"entity_id": 7, "state": self.state, "items": items, **money}

    def _refund(self, content: Content) -> Reply:
        assert content["items"], "without items all of them are refunded"
        assert not any(one["qty"] for one in content["items"])
        amount = Decimal(content["arguments"]["adjustment_positive"])
        if amount > TOTAL - self.back:
            return Reply(400)
        self.refunds.append((amount, content["comment"]["comment"]))
        self.online.append(content["isOnline"])
        if self.back == TOTAL:
            self.state = "closed"
        return Reply(200, b"9")


@dataclass
class Commercetools(ToldShop):
    """Orders of the HTTP API."""

    version: int = 1
    deliveries: list[Content] = field(default_factory=list)
    state: str = "Pending"

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        if asked.place == "/auth/o2/token":
            return {"access_token": "t", "expires_in": 172800}
        if asked.headers["Authorization"] != "Bearer t" or asked.place != "/SHOP/orders/7":
            return Reply(404)
        if asked.method == "POST":
            content = content_of(asked)
            if content["version"] != self.version:
                return Reply(409)
            self.version += 1
            for action in content["actions"]:
                self._change(action)
        return {
            "id": "7",
            "version": self.version,
            "orderState": "Cancelled" if self.cancelled else "Open",
            "shipmentState": self.state,
            "shippingInfo": {"deliveries": self.deliveries},
        }

    def _change(self, action: Content) -> None:
        if action["action"] == "addDelivery":
            self.deliveries.append({"key": action["deliveryKey"]})
            lines = {one["id"]: one["quantity"] for one in action["items"]}
            [parcel] = action.get("parcels") or [{"trackingData": {"trackingId": ""}}]
            self.shipped.append((lines, parcel["trackingData"]["trackingId"]))
        elif action["action"] == "changeShipmentState":
            self.state = action["shipmentState"]
        else:
            assert action == {"action": "changeOrderState", "orderState": "Cancelled"}
            self.cancelled += 1


@dataclass
class Saleor(ToldShop):
    """GraphQL API."""

    def answer(self, asked: Asked) -> Any:
        """See ToldShop."""
        content = content_of(asked)
        if content["query"].startswith("query Order"):
            return {"data": {"order": self._order()}}
        if content["query"].startswith("mutation Cancelled"):
            self.cancelled += 1
            return {"data": {"orderCancel": {"errors": []}}}
        fulfilled = content["variables"]["input"]
        lines = {one["orderLineId"]: one["stocks"][0]["quantity"] for one in fulfilled["lines"]}
        self.shipped.append((lines, fulfilled["trackingNumber"]))
        return {"data": {"orderFulfill": {"errors": []}}}

    def _order(self) -> Content:
        fulfillments = [
            {
                "status": "FULFILLED",
                "trackingNumber": number,
                "lines": [{"quantity": v, "orderLine": {"id": k}} for k, v in lines.items()],
            }
            for lines, number in self.shipped
        ]
        return {
            "id": "7",
            "status": "CANCELED" if self.cancelled else "UNFULFILLED",
            "lines": [{"id": k, "quantityToFulfill": v} for k, v in self.left.items()],
            "fulfillments": fulfillments,
        }
