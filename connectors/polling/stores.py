"""Sources: online stores that list their orders by when they were changed.

Both are read in the order of change (`Ascending` in seam.py): an order that changes while pages are
read goes to the end and is read there again, and the moment of the last order, not a page number,
is where the next page begins.

Source: Shopify Admin REST API 2024-07, "Orders" and "REST API rate limits", "Paginated requests";
WooCommerce REST API v3, "List all orders" and "Pagination".
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from datetime import timedelta

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import Fetcher, next_link, read_as
from connectors.polling.seam import Answered, Ascending, Told
from connectors.polling.source import SourceError
from connectors.polling.tokens import basic

SHOPIFY_VERSION = "2024-07"
SHOPIFY_PAGE = 250
WOOCOMMERCE_PAGE = 100
NEARLY_FULL = 0.8
LEAK_SECONDS = 1.0
"""Of Shopify's bucket, from which 2 requests a second leak."""
SECOND = timedelta(seconds=1)


class _ShopifyPage(msgspec.Struct):
    orders: list[msgspec.Raw]


class ShopifyOrders(Ascending):
    """Every order that was created or changed, oldest change first."""

    channel = "shopify"

    def __init__(self, name: str, url: str, token: str) -> None:
        """`url` is the shop's, e.g. https://example.myshopify.com; `token` of a custom app."""
        self.name = name
        self._url = url.rstrip("/")
        self._fetcher = Fetcher({"X-Shopify-Access-Token": token})

    def _ask(self, since: str, following: str) -> Answered:
        answer = self._fetcher.get(following or self._address(since))
        raws = read_as(answer.body, _ShopifyPage).orders
        link = next_link(answer.headers)
        if link and not link.startswith(f"{self._url}/"):
            raise SourceError("named a next page at another address")
        orders = [seam.told(raw, "id", lambda order: order.get("updated_at")) for raw in raws]
        return Answered(orders, link, self._pause(answer.headers))

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"orders":[', orders, b"]}")

    def _address(self, since: str) -> str:
        query = urllib.parse.urlencode(
            {
                "status": "any",
                "limit": SHOPIFY_PAGE,
                "order": "updated_at asc",
                "updated_at_min": since,
            }
        )
        return f"{self._url}/admin/api/{SHOPIFY_VERSION}/orders.json?{query}"

    def _pause(self, headers: Mapping[str, str]) -> float:
        """Wait for a leak while the bucket is nearly full, e.g. 39/40."""
        used, _, size = headers.get("X-Shopify-Shop-Api-Call-Limit", "").partition("/")
        if not (used.isdigit() and size.isdigit() and int(size)):
            return 0.0
        return LEAK_SECONDS if int(used) / int(size) > NEARLY_FULL else 0.0


class WooCommerceOrders(Ascending):
    """Every order that was created or changed, oldest change first.

    `modified_after` is exclusive and WooCommerce keeps whole seconds, so that it is asked for a
    second less. Within one moment the next page is a number.
    """

    channel = "woocommerce"

    def __init__(self, name: str, url: str, key: str, secret: str) -> None:
        """`url` is the shop's; `key` and `secret` are of its REST API."""
        self.name = name
        self._url = url.rstrip("/")
        self._fetcher = Fetcher({"Authorization": basic(key, secret)})

    def _ask(self, since: str, following: str) -> Answered:
        number = int(following or "1")
        answer = self._fetcher.get(self._address(since, number))
        raws = read_as(answer.body, list[msgspec.Raw])
        orders = [
            seam.told(raw, "id", lambda order: order.get("date_modified_gmt")) for raw in raws
        ]
        return Answered(orders, str(number + 1) if len(raws) >= WOOCOMMERCE_PAGE else "")

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b"[", orders, b"]")

    def _address(self, since: str, number: int) -> str:
        query = urllib.parse.urlencode(
            {
                "modified_after": seam.earlier(since, SECOND),
                "dates_are_gmt": "true",
                "orderby": "modified",
                "order": "asc",
                "per_page": WOOCOMMERCE_PAGE,
                "page": number,
            }
        )
        return f"{self._url}/wp-json/wc/v3/orders?{query}"
