"""A shop on loopback that lists its orders as Shopify's REST API does.

Pages, rate limits and failures are those that the documentation describes.
"""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Asked, Loopback, Reply, told

PAGE = 3
TOKEN = "shop-token"


@dataclass
class Shop(Loopback):
    """Orders by id; a later change replaces the order."""

    orders: dict[int, dict[str, Any]] = field(default_factory=dict)

    def change(self, number: int, moment: str) -> None:
        """An order is new, or changed."""
        self.orders[number] = {"id": number, "updated_at": moment, "line_items": []}

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if asked.headers["X-Shopify-Access-Token"] != TOKEN:
            return Reply(401)
        return self.page(asked.query)

    def page(self, asked: dict[str, str]) -> Reply:
        """A page of orders and its headers: by page_info, or by updated_at_min."""
        since, at = asked.get("updated_at_min", ""), 0
        if "page_info" in asked:
            since, _, place = asked["page_info"].partition("~")
            at = int(place)
        found = sorted(
            (one for one in self.orders.values() if one["updated_at"] >= since),
            key=lambda one: (one["updated_at"], one["id"]),
        )
        headers = {"X-Shopify-Shop-Api-Call-Limit": "1/40"}
        if len(found) > at + PAGE:
            info = urllib.parse.quote(f"{since}~{at + PAGE}")
            address = f"{self.url}/admin/api/2024-07/orders.json?limit=3&page_info={info}"
            headers["Link"] = f'<{address}>; rel="next"'
        return told({"orders": found[at : at + PAGE]}, headers)
