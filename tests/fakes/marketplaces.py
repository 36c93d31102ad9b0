"""eBay's Fulfillment API and Walmart's Marketplace API on loopback, as they are documented.

Sources: eBay, "getOrders", "Using a refresh token"; Walmart, "All orders", "Acknowledge orders",
"Token API". Both page by positions in a list that changes while it is read.
"""

from __future__ import annotations

import re
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Asked, Reply, told
from tests.fakes.service import BASIC, LIFE_SECONDS, REFRESH, Order, Service, seconds, written

_FILTER = re.compile(r"lastmodifieddate:\[(.+)\.\.(.+)\]")


@dataclass
class Ebay(Service):
    """A seller's account; the newest order is shown first, whenever it changed."""

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.place == "/identity/v1/oauth2/token":
            form = asked.form
            known = asked.headers["Authorization"] == BASIC
            if not known or form.get("refresh_token") != REFRESH or "scope" not in form:
                return Reply(400 if known else 401, b'{"error":"invalid_grant"}')
            return told({"access_token": self.grant(), "expires_in": LIFE_SECONDS})
        if not self.knows(asked.headers["Authorization"]):
            return Reply(401)
        query = asked.query
        window = _FILTER.fullmatch(query.get("filter", ""))
        limit, offset = int(query["limit"]), int(query["offset"])
        if window is None or limit > 200 or offset % limit:
            return Reply(400)
        began, ended = seconds(window[1]), seconds(window[2])
        found = sorted(
            (one for one in self.orders.values() if began <= int(one.at) <= ended), reverse=True
        )
        page = [self.show(one, _ebay_order(one)) for one in found[offset : offset + limit]]
        body: dict[str, Any] = {"total": len(found), "limit": limit, "offset": offset}
        reply = told({**body, "orders": page})
        self.on_page()
        return reply


def _ebay_order(order: Order) -> dict[str, Any]:
    changed = written(order.at, "%Y-%m-%dT%H:%M:%S.000Z")
    return {"orderId": f"10-{order.number}", "lastModifiedDate": changed}


@dataclass
class Walmart(Service):
    """A seller's account. What is not acknowledged is Created."""

    most: int = 200
    """orders on a page"""
    acknowledged: list[int] = field(default_factory=list)
    """each time, in turn"""
    shipped: set[int] = field(default_factory=set)

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if not (asked.headers["WM_SVC.NAME"] and asked.headers["WM_QOS.CORRELATION_ID"]):
            return Reply(400)
        if asked.headers["Authorization"] != BASIC:
            return Reply(401)
        if asked.place == "/v3/token":
            if asked.form.get("grant_type") != "client_credentials":
                return Reply(400)
            return told({"access_token": self.grant(), "expires_in": LIFE_SECONDS})
        if not self.knows(asked.headers["WM_SEC.ACCESS_TOKEN"]):
            return Reply(401)
        if asked.place.endswith("/acknowledge") and asked.method == "POST":
            return self._acknowledge(int(asked.place.split("/")[-2]))
        return self._page(asked)

    def _acknowledge(self, number: int) -> Reply:
        if number in self.shipped:
            return Reply(400, b'{"errors":{"error":[{"code":"INVALID_REQUEST_CONTENT"}]}}')
        if number not in self.acknowledged:
            self.put(number, self.clock())
        self.acknowledged.append(number)
        return told({"order": {"purchaseOrderId": str(number)}})

    def _page(self, asked: Asked) -> Reply:
        query = asked.query
        began, ended = query["lastModifiedStartDate"], query["lastModifiedEndDate"]
        # Left out it would be 7 days.
        if "createdStartDate" not in query or "." in began + ended or int(query["limit"]) > 200:
            return Reply(400)
        found = sorted(
            one for one in self.orders.values() if seconds(began) <= int(one.at) <= seconds(ended)
        )
        if not found:
            code = "CONTENT_NOT_FOUND.GMP_ORDER_API"
            return Reply(404, f'{{"errors":{{"error":[{{"code":"{code}"}}]}}}}'.encode())
        first, limit = int(query.get("soIndex", "0")), min(self.most, int(query["limit"]))
        orders = [self.show(one, self._order(one)) for one in found[first : first + limit]]
        meta: dict[str, Any] = {"totalCount": len(found), "limit": limit}
        if len(found) > first + limit:
            following = {**query, "hasMoreElements": "true", "soIndex": str(first + limit)}
            meta["nextCursor"] = f"?{urllib.parse.urlencode(following)}"
        reply = told({"list": {"meta": meta, "elements": {"order": orders}}})
        self.on_page()
        return reply

    def _order(self, order: Order) -> dict[str, Any]:
        state = "Acknowledged" if order.number in self.acknowledged else "Created"
        state = "Shipped" if order.number in self.shipped else state
        piece = {"statusQuantity": {"unitOfMeasurement": "EACH", "amount": "1"}}
        line = {
            "lineNumber": "1",
            "item": {"productName": "Lamp", "sku": "LAMP"},
            "charges": {
                "charge": [
                    {
                        "chargeType": "PRODUCT",
                        "chargeName": "ItemPrice",
                        "chargeAmount": {"currency": "USD", "amount": 12.5},
                    }
                ]
            },
            "orderLineQuantity": {"unitOfMeasurement": "EACH", "amount": "1"},
            "statusDate": int(order.at) * 1000,
            "orderLineStatuses": {"orderLineStatus": [{"status": state, **piece}]},
        }
        number = str(order.number)
        return {"purchaseOrderId": number, "orderLines": {"orderLine": [line]}}
