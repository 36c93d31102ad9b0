"""Sources: online stores that list their orders by when they were changed.

Source: Shopify Admin REST API 2024-07, "Orders" and "REST API rate limits", "Paginated requests";
WooCommerce REST API v3, "List all orders" and "Pagination".
"""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.parse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.polling.source import Fetcher, Page, SourceError, listed, next_link

SHOPIFY_VERSION = "2024-07"
SHOPIFY_PAGE = 250
WOOCOMMERCE_PAGE = 100
OVERLAP = timedelta(seconds=60)
"""Read again at the seam: clocks differ, and a change may become visible after a later one."""
MAXIMUM_SEEN = 1_000
"""Orders at the seam that a cursor remembers; others are sent again, which changes nothing."""
NEARLY_FULL = 0.8
LEAK_SECONDS = 1.0
"""Of Shopify's bucket, from which 2 requests a second leak."""


class ShopifyOrders:
    """Every order that was created or changed, oldest change first.

    The cursor is the moment of the last change that was seen, and the address of the next page
    while there is one.
    """

    channel = "shopify"

    def __init__(self, name: str, url: str, token: str) -> None:
        """`url` is the shop's, e.g. https://example.myshopify.com; `token` of a custom app."""
        self.name = name
        self._url = url.rstrip("/")
        self._fetcher = Fetcher({"X-Shopify-Access-Token": token, "Accept": "application/json"})

    def first_cursor(self, now_ms: int) -> str:
        """From now on."""
        return _cursor(_moment(now_ms))

    def page(self, cursor: str) -> Page:
        """See Source."""
        told = _told(cursor)
        address = told["next"] or self._address(told["since"])
        answer = self._fetcher.get(address)
        orders = listed(answer.body, "orders")
        since, seen = _seen(told, orders, "updated_at")
        following = next_link(answer.headers)
        if following and not following.startswith(f"{self._url}/"):
            raise SourceError("named a next page at another address")
        begun = told["since"] if following else since
        after = _cursor(begun, since, following, seen)
        payloads = [answer.body] if _is_new(told, orders, "updated_at") else []
        return Page(payloads, after, bool(following), self._pause(answer.headers))

    def _address(self, since: str) -> str:
        query = urllib.parse.urlencode(
            {
                "status": "any",
                "limit": SHOPIFY_PAGE,
                "order": "updated_at asc",
                "updated_at_min": _earlier(since),
            }
        )
        return f"{self._url}/admin/api/{SHOPIFY_VERSION}/orders.json?{query}"

    def _pause(self, headers: Any) -> float:
        """Wait for a leak while the bucket is nearly full, e.g. 39/40."""
        used, _, size = headers.get("X-Shopify-Shop-Api-Call-Limit", "").partition("/")
        if not (used.isdigit() and size.isdigit() and int(size)):
            return 0.0
        return LEAK_SECONDS if int(used) / int(size) > NEARLY_FULL else 0.0


class WooCommerceOrders:
    """Every order that was created or changed, oldest change first.

    The cursor is the moment of the last change that was seen, and the number of the next page
    while there is one.
    """

    channel = "woocommerce"

    def __init__(self, name: str, url: str, key: str, secret: str) -> None:
        """`url` is the shop's; `key` and `secret` are of its REST API."""
        self.name = name
        self._url = url.rstrip("/")
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
        self._fetcher = Fetcher({"Authorization": f"Basic {basic}", "Accept": "application/json"})

    def first_cursor(self, now_ms: int) -> str:
        """From now on."""
        return _cursor(_moment(now_ms))

    def page(self, cursor: str) -> Page:
        """See Source."""
        told = _told(cursor)
        number = int(told["next"] or "1")
        answer = self._fetcher.get(self._address(told["since"], number))
        orders = listed(answer.body)
        since, seen = _seen(told, orders, "date_modified_gmt")
        more = len(orders) >= WOOCOMMERCE_PAGE
        begun = told["since"] if more else since
        after = _cursor(begun, since, str(number + 1) if more else "", seen)
        payloads = [answer.body] if _is_new(told, orders, "date_modified_gmt") else []
        return Page(payloads, after, more)

    def _address(self, since: str, number: int) -> str:
        query = urllib.parse.urlencode(
            {
                "modified_after": _earlier(since),
                "dates_are_gmt": "true",
                "orderby": "modified",
                "order": "asc",
                "per_page": WOOCOMMERCE_PAGE,
                "page": number,
            }
        )
        return f"{self._url}/wp-json/wc/v3/orders?{query}"


def _cursor(since: str, latest: str = "", following: str = "", seen: Sequence[str] = ()) -> str:
    """`since`: where the present round of pages began; `latest`: the last change seen in it;
    `seen`: the orders that the seam will show again."""
    told = {"since": since, "latest": latest or since, "next": following, "seen": list(seen)}
    return json.dumps(told)


def _told(cursor: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(cursor)
    return told


def _moment(now_ms: int) -> str:
    return _written(datetime.fromtimestamp(now_ms / 1000, UTC))


def _written(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _earlier(moment: str) -> str:
    return _written(datetime.fromisoformat(moment) - OVERLAP)


def _changed(order: Any, field: str) -> datetime | None:
    """When an order was changed; None where it does not say so in a way that can be read."""
    told = order.get(field) if isinstance(order, dict) else None
    try:
        when = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    # WooCommerce writes UTC without saying so.
    return when if when is None or when.tzinfo else when.replace(tzinfo=UTC)


def _mark(order: Any, field: str) -> str:
    """What tells an order as it is now from the same one after a change."""
    known = (order.get("id"), order.get(field)) if isinstance(order, dict) else order
    return hashlib.blake2b(repr(known).encode(), digest_size=8).hexdigest()


def _is_new(told: dict[str, Any], orders: list[Any], field: str) -> bool:
    """The page has an order that the one before it had not, or not so."""
    seen = set(told["seen"])
    return any(_mark(order, field) not in seen for order in orders)


def _seen(told: dict[str, Any], orders: list[Any], field: str) -> tuple[str, list[str]]:
    """The latest change, of these and of those before, and what the seam will show again.

    An order whose moment cannot be read moves nothing: it is on its page all the same.
    """
    latest = datetime.fromisoformat(told["latest"])
    moments = [(order, _changed(order, field)) for order in orders]
    latest = max([latest, *(when for _, when in moments if when is not None)])
    near = [
        _mark(order, field)
        for order, when in moments
        if when is None or when >= latest - 2 * OVERLAP
    ]
    return _written(latest), list(dict.fromkeys([*told["seen"], *near]))[-MAXIMUM_SEEN:]
