"""Amazon's Selling Partner API on loopback: tokens, usage plans, and both versions of orders.

Sources: models ordersV0.json, orders_2026-01-01.json and tokens_2021-03-01.json; "Usage Plans and
Rate Limits". What the documentation refuses is refused here, and counted in `throttled`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.fakes.loopback import Asked, Loopback, Reply, told

SECRETS = ("amzn1.application", "amazon-secret", "Atzr|refresh")
MARKETPLACE = "ATVPDKIKX0DER"
PLANS = {
    "getOrders": (0.0167, 20),
    "getOrderItems": (0.5, 30),
    "searchOrders": (0.0056, 20),
    "getOrder": (0.5, 30),
    "restrictedDataToken": (1.0, 10),
}
PAGE = 4
ITEMS_PAGE = 2
TOKEN_SECONDS = 3600.0
_RESTRICTED = ("BuyerInfo", "ShippingAddress")


@dataclass
class Amazon(Loopback):
    """A seller's account."""

    clock: Callable[[], float] = time.time
    plans: dict[str, tuple[float, int]] = field(default_factory=lambda: dict(PLANS))
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    throttled: int = 0
    """requests that came without a token in the bucket"""
    on_page: Callable[[], None] = lambda: None
    """what happens behind each page of orders"""
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    _granted: dict[str, tuple[float, list[dict[str, Any]]]] = field(default_factory=dict)

    def put(self, order: dict[str, Any], items: list[dict[str, Any]]) -> None:
        """An order of version 0 is new, or changed."""
        self.orders[order["AmazonOrderId"]] = order
        self.items[order["AmazonOrderId"]] = items

    def put_2026(self, order: dict[str, Any]) -> None:
        """An order of version 2026-01-01 is new, or changed."""
        self.orders[order["orderId"]] = order

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.place == "/auth/o2/token":
            return self._login(asked)
        operation = self._operation(asked.place)
        rate, _ = self.plans[operation]
        granted = self._granted.get(asked.headers["x-amz-access-token"] or "")
        if granted is None or self.clock() >= granted[0]:
            return _error(403, "Unauthorized")
        if not self._has_token(operation):
            self.throttled += 1
            return _error(429, "QuotaExceeded")
        limit = {"x-amzn-RateLimit-Limit": str(rate)}
        if operation == "restrictedDataToken":
            return self._restrict(json.loads(asked.body)["restrictedResources"], limit)
        if operation == "getOrderItems":
            return self._items_of(asked, granted[1], limit)
        if operation == "getOrder":
            order = self.orders.get(asked.place.split("/")[-1])
            return _error(404, "NotFound") if order is None else told({"order": order}, limit)
        if operation == "getOrders":
            return self._page_v0(asked, granted[1], limit)
        return self._page_2026(asked, limit)

    def forget_tokens(self) -> None:
        """As when an authorization is renewed."""
        self._granted.clear()

    def _operation(self, place: str) -> str:
        if place.endswith("/restrictedDataToken"):
            return "restrictedDataToken"
        if place.endswith("/orderItems"):
            return "getOrderItems"
        if place.startswith("/orders/2026-01-01/orders/"):
            return "getOrder"
        return "searchOrders" if "2026" in place else "getOrders"

    def _has_token(self, operation: str) -> bool:
        rate, burst = self.plans[operation]
        left, at = self._left.get(operation, (float(burst), self.clock()))
        left = min(burst, left + (self.clock() - at) * rate)
        has = left >= 1 - 1e-6
        self._left[operation] = (left - 1 if has else left, self.clock())
        return has

    def _login(self, asked: Asked) -> Reply:
        form = asked.form
        given = (form.get("client_id"), form.get("client_secret"), form.get("refresh_token"))
        if form.get("grant_type") != "refresh_token" or given != SECRETS:
            return Reply(400, b'{"error":"invalid_grant"}')
        token = f"Atza|{len(self._granted)}"
        self._granted[token] = (self.clock() + TOKEN_SECONDS, [])
        return told({"access_token": token, "token_type": "bearer", "expires_in": TOKEN_SECONDS})

    def _restrict(self, resources: list[dict[str, Any]], limit: dict[str, str]) -> Reply:
        token = f"Atz.sprdt|{len(self._granted)}"
        self._granted[token] = (self.clock() + TOKEN_SECONDS, resources)
        return told({"restrictedDataToken": token, "expiresIn": int(TOKEN_SECONDS)}, limit)

    def _changed(self, after: str, before: str, name: str) -> list[dict[str, Any]]:
        ends = datetime.fromisoformat(before).timestamp()
        if ends > self.clock() - 120:
            return []
        found = [one for one in self.orders.values() if after <= one[name] <= before]
        return sorted(found, key=_position)

    def _page_v0(
        self, asked: Asked, resources: list[dict[str, Any]], limit: dict[str, str]
    ) -> Reply:
        query = asked.query
        if query.get("MarketplaceIds") != MARKETPLACE or query.get("FulfillmentChannels") != "MFN":
            return _error(400, "InvalidInput")
        after, before = query["LastUpdatedAfter"], query["LastUpdatedBefore"]
        page, following = self._cut(
            self._changed(after, before, "LastUpdateDate"), query.get("NextToken", "")
        )
        if page is None:
            return _error(400, "InvalidInput")
        shown = {
            element
            for each in resources
            if each["path"] == "/orders/v0/orders"
            for element in each.get("dataElements", ())
        }
        hidden = [name for name in _RESTRICTED if name[0].lower() + name[1:] not in shown]
        orders = [{k: v for k, v in one.items() if k not in hidden} for one in page]
        body = {"Orders": orders, "LastUpdatedBefore": before}
        reply = told(
            {"payload": {**body, **({"NextToken": following} if following else {})}}, limit
        )
        self.on_page()
        return reply

    def _page_2026(self, asked: Asked, limit: dict[str, str]) -> Reply:
        query = asked.query
        if query.get("marketplaceIds") != MARKETPLACE or "PROCEEDS" not in query["includedData"]:
            return _error(400, "InvalidInput")
        page, following = self._cut(
            self._changed(query["lastUpdatedAfter"], query["lastUpdatedBefore"], "lastUpdatedTime"),
            query.get("paginationToken", ""),
        )
        if page is None:
            return _error(400, "InvalidInput")
        body: dict[str, Any] = {"orders": page}
        if following:
            body["pagination"] = {"nextToken": following}
        self.on_page()
        return told(body, limit)

    def _cut(
        self, found: list[dict[str, Any]], token: str
    ) -> tuple[list[dict[str, Any]] | None, str]:
        """A page behind the order that the token names, and the next token; None for one that
        nobody gave."""
        if token and not token.startswith("after "):
            return None, ""
        behind = [one for one in found if _position(one) > token.removeprefix("after ")]
        page = behind[:PAGE]
        return page, f"after {_position(page[-1])}" if len(behind) > PAGE else ""

    def _items_of(
        self, asked: Asked, resources: list[dict[str, Any]], limit: dict[str, str]
    ) -> Reply:
        number = asked.place.split("/")[-2]
        if number not in self.items:
            return _error(404, "NotFound")
        began = int(asked.query.get("NextToken", "0"))
        items = self.items[number][began : began + ITEMS_PAGE]
        if not any(each["path"].endswith("/orderItems") for each in resources):
            items = [{k: v for k, v in one.items() if k != "BuyerInfo"} for one in items]
        body: dict[str, Any] = {"AmazonOrderId": number, "OrderItems": items}
        if len(self.items[number]) > began + ITEMS_PAGE:
            body["NextToken"] = str(began + ITEMS_PAGE)
        return told({"payload": body}, limit)


def _position(order: dict[str, Any]) -> str:
    """Where an order stands in a list, which is by change."""
    moment = order.get("LastUpdateDate") or order["lastUpdatedTime"]
    return f"{moment} {order.get('AmazonOrderId') or order.get('orderId')}"


def _error(status: int, code: str) -> Reply:
    return Reply(status, json.dumps({"errors": [{"code": code, "message": code}]}).encode())
