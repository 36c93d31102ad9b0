"""Source: eBay's Fulfillment API.

`getOrders` finds what was last modified within a window, in pages by offset, in an order that is
documented nowhere. The pages are read from the last one to the first: an order that changes
meanwhile leaves the window, which moves those behind it towards the front, where they are still to
be read or are read once more. Read from the front, the first of the next page would be skipped.

Source: eBay, Fulfillment API v1, "getOrders", "OrderSearchPagedCollection"; "Using a refresh token
to update a User access token"; "API call limits".
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import Fetcher, read_as
from connectors.polling.pace import Bucket
from connectors.polling.seam import Answered, Place, Told, Windows
from connectors.polling.tokens import Tokens, basic, granted

SCOPE = "https://api.ebay.com/oauth/api_scope/sell.fulfillment.readonly"
PAGE = 200
"""The most that one page may have; an offset is a multiple of it."""
RATE = (1.0, 50)
"""An application may make 100,000 calls a day, which is little more than one a second."""


class Credentials(NamedTuple):
    """Of an application that the seller has let in."""

    client_id: str
    client_secret: str
    refresh_token: str


class _Found(msgspec.Struct):
    total: int
    orders: list[msgspec.Raw] | None = None


class EbayOrders(Windows):
    """Every order that was created or changed."""

    channel = "ebay"

    def __init__(
        self,
        name: str,
        url: str,
        credentials: Credentials,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`url` is https://api.ebay.com, or that of the sandbox."""
        super().__init__(clock_ms)
        self.name = name
        self._url = url.rstrip("/")
        self._fetcher = Fetcher({})
        self._bucket = Bucket(*RATE, clock)
        address = f"{self._url}/identity/v1/oauth2/token"
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials.refresh_token,
            "scope": SCOPE,
        }
        own = {"Authorization": basic(credentials.client_id, credentials.client_secret)}
        self._tokens = Tokens(lambda: granted(self._fetcher, address, form, own), clock)

    def _ask(self, place: Place) -> Answered:
        found = self._page(place, int(place.next or "0"))
        if not place.next and found.total > PAGE:
            # Now that we know how many there are, the last page is the first.
            return Answered([], str((found.total - 1) // PAGE * PAGE), total=found.total)
        orders = [
            seam.told(raw, "orderId", lambda order: order.get("lastModifiedDate"))
            for raw in found.orders or ()
        ]
        offset = int(place.next or "0")
        return Answered(orders, str(offset - PAGE) if offset else "", total=found.total)

    def _page(self, place: Place, offset: int) -> _Found:
        began, ended = seam.earlier(place.since), place.until
        query = urllib.parse.urlencode(
            {
                # To the millisecond, as the documentation writes it.
                "filter": f"lastmodifieddate:[{began[:-1]}.000Z..{ended[:-1]}.000Z]",
                "limit": PAGE,
                "offset": offset,
            }
        )
        address = f"{self._url}/sell/fulfillment/v1/order?{query}"
        with self._bucket.asking():
            answer = self._tokens.asked_with(
                lambda token: self._fetcher.get(address, {"Authorization": f"Bearer {token}"})
            )
        return read_as(answer.body, _Found)

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"orders":[', orders, b"]}")
