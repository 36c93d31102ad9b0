"""Source: Square's Orders API.

`SearchOrders` finds what was updated at a moment or later, sorted by it, so that it is read as
`Ascending` in seam.py says; Square's own cursor, which ends after minutes, is used only where a
whole page was updated within one second. One source has up to 10 locations, as a search has.

Source: Square, Orders API, "Search Orders", "SearchOrders"; "Pagination".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import JSON, Fetcher, read_as
from connectors.polling.seam import Answered, Ascending, Told

VERSION = "2024-07-17"
PAGE = 500
"""Square's own default, and half of what it allows."""
MAXIMUM_LOCATIONS = 10


class _Found(msgspec.Struct):
    orders: list[msgspec.Raw] = msgspec.field(default_factory=list)
    cursor: str = ""


class SquareOrders(Ascending):
    """Every order of some locations that was created or changed, oldest change first."""

    channel = "square"

    def __init__(self, name: str, url: str, token: str, locations: Sequence[str]) -> None:
        """`url` is https://connect.squareup.com, or that of the sandbox; `token` is a personal
        access token, or one with ORDERS_READ that somebody else renews."""
        self.name = name
        self._address = f"{url.rstrip('/')}/v2/orders/search"
        self._locations = list(locations)
        own = {"Square-Version": VERSION, "Authorization": f"Bearer {token}"}
        self._fetcher = Fetcher({**own, "Content-Type": JSON})

    def _ask(self, since: str, following: str) -> Answered:
        body: dict[str, Any] = {
            "location_ids": self._locations,
            "limit": PAGE,
            "query": {
                "filter": {"date_time_filter": {"updated_at": {"start_at": since}}},
                # A filter by a moment needs the sort by the same one.
                "sort": {"sort_field": "UPDATED_AT", "sort_order": "ASC"},
            },
        }
        if following:
            body["cursor"] = following
        answer = self._fetcher.post(self._address, msgspec.json.encode(body), {})
        found = read_as(answer.body, _Found)
        orders = [
            seam.told(raw, "id", lambda order: order.get("updated_at")) for raw in found.orders
        ]
        return Answered(orders, found.cursor)

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"orders":[', orders, b"]}")
