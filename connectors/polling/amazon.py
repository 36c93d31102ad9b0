"""Sources: Amazon's Selling Partner API, in both versions of its Orders API.

Rate limits are its token buckets, one for each operation, with the rates that are documented until
an answer's `x-amzn-RateLimit-Limit` tells another. Where a bucket is empty the page is left as it
is and goes on later, so that one of a hundred calls never begins anew; after a crash it does.

An order that changes while a page is put together: the window ends in the past, so that its change
lies behind it and is in the next one. Its items may then be newer than the order itself; with its
newer version it is told again. Pages follow the token that Amazon gives, which is tied to the
filters of the first one; that it goes on behind the last order of a page, and does not count, is
assumed and nowhere documented. It is good for a day; after that the window is read from its
beginning.

Source: Selling Partner API models, ordersV0.json, orders_2026-01-01.json, tokens_2021-03-01.json;
"Usage Plans and Rate Limits", "Connect to the Selling Partner API", "Get orders with filtering
criteria", "Tokens API Use Case Guide".
"""

from __future__ import annotations

import logging
import time
import urllib.parse
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import read_as
from connectors.polling.seam import Answered, Place, Told, Windows
from connectors.polling.selling_partner import ADDRESS, BUYER, Account, SellingPartner
from connectors.polling.source import SourceError, Unwanted

log = logging.getLogger("millrace.poller")
V0, V2026 = "v0", "2026-01-01"
VERSIONS = (V2026, V0)
PAGE_V0 = 50
"""As many as the limit on items lets us fetch in the minute until the next page may be asked."""
PAGE_2026 = 100
LARGEST_PAYLOAD_BYTES = 8 * 1024 * 1024
_WITHOUT_ITEMS = frozenset({"Pending", "PendingAvailability", "Canceled", "Shipped"})
"""Of these orders nobody needs the items: they are not to be sent, or not yet."""
_SETS = {BUYER: "BUYER", ADDRESS: "RECIPIENT"}


class _Orders(msgspec.Struct):
    Orders: list[msgspec.Raw]
    NextToken: str | None = None


class _OrdersAnswer(msgspec.Struct):
    payload: _Orders


class _ItemsPage(msgspec.Struct):
    OrderItems: list[msgspec.Raw]
    NextToken: str | None = None


class _ItemsAnswer(msgspec.Struct):
    payload: _ItemsPage


class _Pagination(msgspec.Struct):
    nextToken: str | None = None


class _Found(msgspec.Struct):
    orders: list[msgspec.Raw]
    pagination: _Pagination | None = None


class _Amazon(Windows):
    """What both versions have in common."""

    channel = "amazon"
    longest = timedelta(days=30)
    """A search has no bound here, but there are only so many an hour."""

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock_ms` is the time of day, `clock` that of the limits, in seconds."""
        super().__init__(clock_ms)
        self.name = name
        self._marketplaces = ",".join(account.marketplaces)
        self._elements = list(account.elements)
        self._partner = SellingPartner(account, clock)

    @abstractmethod
    def _ask(self, place: Place) -> Answered: ...


def included(elements: Sequence[str]) -> str:
    """The data sets of version 2026-01-01 that an order is read from."""
    sets = ["PROCEEDS", "PROMOTION", "CANCELLATION", "FULFILLMENT", "TAX", "PAYMENT"]
    return ",".join([*sets, *(_SETS[element] for element in elements)])


class AmazonOrders(_Amazon):
    """Version 2026-01-01: orders with everything that belongs to them, in one call a page.

    Personal fields come without a restricted token, to those who have the roles.
    """

    def _ask(self, place: Place) -> Answered:
        query = {
            "lastUpdatedAfter": seam.earlier(place.since),
            "lastUpdatedBefore": place.until,
            "marketplaceIds": self._marketplaces,
            "fulfilledBy": "MERCHANT",
            "maxResultsPerPage": str(PAGE_2026),
            "includedData": included(self._elements),
        }
        if place.next:
            query["paginationToken"] = place.next
        answer = self._partner.get("searchOrders", f"/orders/{V2026}/orders", query)
        found = read_as(answer.body, _Found)
        orders = [
            seam.told(raw, "orderId", lambda order: order.get("lastUpdatedTime"))
            for raw in found.orders
        ]
        following = found.pagination.nextToken if found.pagination is not None else None
        return Answered(orders, following or "")

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"orders":[', orders, b"]}")


@dataclass
class _Items:
    """The items of one order, as far as they have been fetched."""

    pages: list[bytes] = field(default_factory=list)
    following: str = ""
    done: bool = False


@dataclass
class _Listed:
    """A page of orders whose items are being fetched."""

    place: Place
    orders: list[Told]
    following: str
    items: dict[str, _Items] = field(default_factory=dict)


class AmazonOrdersV0(_Amazon):
    """Version 0: getOrders, and getOrderItems for each order that may be sent.

    With `elements`, requests carry a restricted data token, for the fields named there come only
    with one; it is fetched again before its hour ends.
    """

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """See the other version."""
        super().__init__(name, account, clock_ms=clock_ms, clock=clock)
        self._listed = _Listed(Place(""), [], "")

    def _ask(self, place: Place) -> Answered:
        if self._listed.place != place:
            self._listed = self._page_of_orders(place)
        listed = self._listed
        for order in seam.fresh(place, listed.orders):
            number = order.order.get("AmazonOrderId")
            if isinstance(number, str) and order.order.get("OrderStatus") not in _WITHOUT_ITEMS:
                self._fetch_items(number, listed.items.setdefault(number, _Items()))
        return Answered(listed.orders, listed.following)

    def _page_of_orders(self, place: Place) -> _Listed:
        query = {
            "LastUpdatedAfter": seam.earlier(place.since),
            "LastUpdatedBefore": place.until,
            "MarketplaceIds": self._marketplaces,
            "FulfillmentChannels": "MFN",
            "MaxResultsPerPage": str(PAGE_V0),
        }
        if place.next:
            query["NextToken"] = place.next
        personal = bool(self._elements)
        answer = self._partner.get("getOrders", "/orders/v0/orders", query, restricted=personal)
        page = read_as(answer.body, _OrdersAnswer).payload
        orders = [
            seam.told(raw, "AmazonOrderId", lambda order: order.get("LastUpdateDate"))
            for raw in page.Orders
        ]
        return _Listed(place, orders, page.NextToken or "")

    def _fetch_items(self, number: str, items: _Items) -> None:
        """All pages of the items of an order; what was fetched before a fault is kept."""
        path = f"/orders/v0/orders/{urllib.parse.quote(number, safe='')}/orderItems"
        personal = BUYER in self._elements
        while not items.done:
            query = {"NextToken": items.following} if items.following else {}
            try:
                answer = self._partner.get("getOrderItems", path, query, restricted=personal)
            except Unwanted as error:
                if items.following:
                    items.pages, items.following = [], ""
                    raise SourceError(f"answered {error.status} to a page of items") from error
                # One order must not stop the channel: without items it is told to be incomplete.
                log.warning("%s: answered %d to the items of an order", self.name, error.status)
                items.done = True
                return
            items.following = read_as(answer.body, _ItemsAnswer).payload.NextToken or ""
            items.pages.append(answer.body)
            items.done = not items.following

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        """As many as it takes for none to be larger than a channel reads."""
        payloads: list[bytes] = []
        page: list[Told] = []
        items: list[bytes] = []
        size = 0
        for order in orders:
            known = self._listed.items.get(str(order.order.get("AmazonOrderId")), _Items())
            more = len(order.content) + sum(map(len, known.pages))
            if page and size + more > LARGEST_PAYLOAD_BYTES:
                payloads.append(_joined(page, items))
                page, items, size = [], [], 0
            page.append(order)
            items += known.pages
            size += more
        return [*payloads, _joined(page, items)]


def _joined(orders: list[Told], items: list[bytes]) -> bytes:
    [page] = seam.listed(b'{"payload":{"Orders":[', orders, b"]}}")
    return b'{"documents":[' + b",".join([page, *items]) + b"]}"
