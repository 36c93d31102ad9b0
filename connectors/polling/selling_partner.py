"""Calls of Amazon's Selling Partner API: access tokens, and limits as its usage plans have them.

Source: "Connect to the Selling Partner API", "Usage Plans and Rate Limits", "Tokens API Use Case
Guide", models of the Orders and Tokens APIs.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from connectors.polling.fetching import JSON, Answer, Fetcher, read_as
from connectors.polling.pace import Bucket
from connectors.polling.tokens import Granted, Tokens, granted

TOKEN_URL = "https://api.amazon.com/auth/o2/token"
BUYER, ADDRESS = "buyerInfo", "shippingAddress"
ELEMENTS = (BUYER, ADDRESS)
"""What is personal and needs an approved role; without the address nothing can be sent."""
RATES = {
    "getOrders": (0.0167, 20),
    "getOrderItems": (0.5, 30),
    "searchOrders": (0.0056, 20),
    "getOrder": (0.5, 30),
    "createRestrictedDataToken": (1.0, 10),
}
"""Requests a second and burst, as each operation's usage plan says by default."""
_AGENT = "millrace (Language=Python)"
_LIMIT = "x-amzn-RateLimit-Limit"


class Credentials(NamedTuple):
    """Of an application that the seller has authorized."""

    client_id: str
    client_secret: str
    refresh_token: str


class Account(NamedTuple):
    """A seller's account in one region."""

    url: str
    """the region's endpoint, e.g. https://sellingpartnerapi-eu.amazon.com"""
    credentials: Credentials
    marketplaces: Sequence[str]
    """Amazon's ids of them, at most 50"""
    elements: Sequence[str] = ELEMENTS
    """those of ELEMENTS that the application has the roles for"""
    token_url: str = TOKEN_URL


class _Restricted(msgspec.Struct):
    restrictedDataToken: str
    expiresIn: float


class SellingPartner:
    """One account; of one thread."""

    def __init__(self, account: Account, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds."""
        self._url = account.url.rstrip("/")
        self._elements = list(account.elements)
        self._fetcher = Fetcher({"User-Agent": _AGENT})
        self._buckets = {each: Bucket(*plan, clock) for each, plan in RATES.items()}
        form = {"grant_type": "refresh_token", **account.credentials._asdict()}
        self._plain = Tokens(lambda: granted(self._fetcher, account.token_url, form), clock)
        self._restricted = Tokens(self._restricted_token, clock)

    def get(
        self, operation: str, path: str, query: Mapping[str, str], *, restricted: bool = False
    ) -> Answer:
        """One request within the operation's limit; `restricted` for personal fields of version 0.
        Raises NotYet and SourceError."""
        address = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        tokens = self._restricted if restricted else self._plain
        return self._call(operation, tokens, lambda headers: self._fetcher.get(address, headers))

    def _call(
        self, operation: str, tokens: Tokens, ask: Callable[[dict[str, str]], Answer]
    ) -> Answer:
        bucket = self._buckets[operation]
        with bucket.asking():
            answer = tokens.asked_with(lambda token: ask({"x-amz-access-token": token}))
        bucket.rate_is(answer.headers.get(_LIMIT, ""))
        return answer

    def _restricted_token(self) -> Granted:
        """A token for the orders and for the items of any order."""
        wanted = [{"method": "GET", "path": "/orders/v0/orders", "dataElements": self._elements}]
        if BUYER in self._elements:
            path = "/orders/v0/orders/{orderId}/orderItems"
            wanted.append({"method": "GET", "path": path, "dataElements": [BUYER]})
        body = msgspec.json.encode({"restrictedResources": wanted})
        address = f"{self._url}/tokens/2021-03-01/restrictedDataToken"
        answer = self._call(
            "createRestrictedDataToken",
            self._plain,
            lambda headers: self._fetcher.post(address, body, {"Content-Type": JSON, **headers}),
        )
        told = read_as(answer.body, _Restricted)
        return Granted(told.restrictedDataToken, told.expiresIn)
