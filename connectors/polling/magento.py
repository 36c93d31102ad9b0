"""Source: REST API of Magento Open Source and Adobe Commerce.

Orders are found by `updated_at`, sorted by it and by their number, so that they are read as
`Ascending` in seam.py says; a page number is used only within one second. Magento answers a page
behind the last one with the last one again, so that `total_count` says whether there is more.

Authentication is by an integration's access token as a bearer token, which stores from 2.4.4 on
take only where "Allow OAuth Access Tokens to be used as standalone Bearer tokens" is set; or by
OAuth 1.0a with HMAC-SHA256, which every store takes, with the four secrets of an integration.

Source: Adobe Commerce, Web APIs, "Search using REST endpoints", "Token-based authentication",
"OAuth-based authentication"; RFC 5849.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
import urllib.parse
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from connectors.polling import seam
from connectors.polling.fetching import Fetcher, read_as
from connectors.polling.seam import Answered, Ascending, Told

PAGE = 100


class OAuth(NamedTuple):
    """The four secrets of an integration."""

    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


class _Found(msgspec.Struct):
    items: list[msgspec.Raw] | None = None
    total_count: int = 0


class MagentoOrders(Ascending):
    """Every order that was created or changed, oldest change first."""

    channel = "magento"

    def __init__(self, name: str, url: str, access: str | OAuth) -> None:
        """`url` is the store's, before /rest; `access` is a bearer token, or OAuth 1.0a."""
        self.name = name
        self._address = f"{url.rstrip('/')}/rest/V1/orders"
        self._fetcher = Fetcher({})
        self._access = access

    def _ask(self, since: str, following: str) -> Answered:
        number = int(following or "1")
        query = _query(since, number)
        if isinstance(self._access, OAuth):
            authorization = signed("GET", self._address, query, self._access)
        else:
            authorization = f"Bearer {self._access}"
        address = f"{self._address}?{urllib.parse.urlencode(query)}"
        answer = self._fetcher.get(address, {"Authorization": authorization})
        found = read_as(answer.body, _Found)
        orders = [
            seam.told(raw, "entity_id", lambda order: order.get("updated_at"))
            for raw in found.items or ()
        ]
        more = bool(orders) and number * PAGE < found.total_count
        return Answered(orders, str(number + 1) if more else "")

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"items":[', orders, b"]}")


def _query(since: str, number: int) -> list[tuple[str, str]]:
    criteria = "searchCriteria"
    updated = f"{criteria}[filter_groups][0][filters][0]"
    return [
        (f"{updated}[field]", "updated_at"),
        # As its database writes times, in UTC.
        (f"{updated}[value]", since[:-1].replace("T", " ")),
        (f"{updated}[condition_type]", "gteq"),
        (f"{criteria}[sortOrders][0][field]", "updated_at"),
        (f"{criteria}[sortOrders][0][direction]", "ASC"),
        (f"{criteria}[sortOrders][1][field]", "entity_id"),
        (f"{criteria}[sortOrders][1][direction]", "ASC"),
        (f"{criteria}[pageSize]", str(PAGE)),
        (f"{criteria}[currentPage]", str(number)),
    ]


def signed(
    method: str,
    url: str,
    query: list[tuple[str, str]],
    access: OAuth,
    *,
    now: Callable[[], float] = time.time,
    nonce: Callable[[], str] = lambda: secrets.token_hex(16),
) -> str:
    """The value of an Authorization header. Source: RFC 5849, 3.4 and 3.5.1, with HMAC-SHA256 in
    the place of HMAC-SHA1 as Adobe Commerce asks for."""
    own = {
        "oauth_consumer_key": access.consumer_key,
        "oauth_nonce": nonce(),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(now())),
        "oauth_token": access.token,
        "oauth_version": "1.0",
    }
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in [*query, *own.items()])
    text = "&".join(f"{name}={value}" for name, value in pairs)
    base = "&".join(_quoted(part) for part in (method, url, text))
    key = f"{_quoted(access.consumer_secret)}&{_quoted(access.token_secret)}"
    digest = hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()
    own["oauth_signature"] = base64.b64encode(digest).decode()
    return "OAuth " + ", ".join(f'{name}="{_quoted(value)}"' for name, value in own.items())


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="~")
