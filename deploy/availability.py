"""Reads the file that says which accounts are told of stock."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from connectors.availability.account import Account, Gate
from connectors.availability.amazon import AmazonAccount
from connectors.availability.commercetools import CommercetoolsAccount
from connectors.availability.ebay import EbayAccount
from connectors.availability.magento import MagentoAccount
from connectors.availability.pusher import Settings
from connectors.availability.saleor import SaleorAccount
from connectors.availability.shopify import ShopifyAccount
from connectors.availability.square import SquareAccount
from connectors.availability.walmart import WalmartAccount
from connectors.availability.woocommerce import WooCommerceAccount
from deploy import outside
from deploy.policy_tables import Table

MAXIMUM_BYTES = 256 * 1024
MAXIMUM_ACCOUNTS = 50
"""Each has a thread, a producer, and what it was told in memory."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LEAST_PER_MINUTE, _MOST_PER_MINUTE, _MOST_BURST = 1, 60_000, 1_000


class BadAvailability(ValueError):
    """The file cannot be used; the message has a line for each fault."""


class Served(NamedTuple):
    """An account, how it is served, and its rate, for people."""

    account: Account
    settings: Settings
    per_minute: int


class _Place(NamedTuple):
    """What an account is made of."""

    name: str
    url: str
    secrets: list[str]
    location: str
    token_url: str


class _Kind(NamedTuple):
    """What is known of a channel."""

    make: Callable[[_Place, Gate], Account]
    secrets: str
    """what its lines are"""
    lines: int
    location: str
    """what `location` is, where it is needed; empty where there is none"""
    per_minute: int
    burst: int
    """the rate that the service documents, or less"""


_KINDS: dict[str, _Kind] = {
    "shopify": _Kind(
        lambda at, gate: ShopifyAccount(at.name, at.url, at.secrets, at.location, gate),
        "the access token", 1, "the number of the location", 120, 20,
    ),
    "woocommerce": _Kind(
        lambda at, gate: WooCommerceAccount(at.name, at.url, at.secrets, gate),
        "the consumer key and the consumer secret, one a line", 2, "", 120, 5,
    ),
    "square": _Kind(
        lambda at, gate: SquareAccount(at.name, at.url, at.secrets, at.location, gate),
        "the access token", 1, "the id of the location", 300, 10,
    ),
    "ebay": _Kind(
        lambda at, gate: EbayAccount(at.name, at.url, at.secrets, gate),
        "client id, client secret and refresh token, one a line", 3, "", 300, 10,
    ),
    "walmart": _Kind(
        lambda at, gate: WalmartAccount(at.name, at.url, at.secrets, at.location, gate),
        "client id and client secret, one a line", 2, "", 200, 10,
    ),
    "amazon": _Kind(
        lambda at, gate: AmazonAccount(
            at.name, at.url, at.secrets, at.location, gate, at.token_url
        ),
        "client id, client secret and refresh token, one a line", 3,
        "the seller's id, a slash and the marketplace's", 300, 5,
    ),
    "magento": _Kind(
        lambda at, gate: MagentoAccount(at.name, at.url, at.secrets, at.location, gate),
        "the access token of an integration", 1, "the code of the source", 300, 5,
    ),
    "commercetools": _Kind(
        lambda at, gate: CommercetoolsAccount(
            at.name, at.url, at.secrets, at.location, gate, at.token_url
        ),
        "id and secret of the API client, one a line", 2,
        "the project's key, and behind a slash the id of a supply channel if there is one", 600, 20,
    ),
    "saleor": _Kind(
        lambda at, gate: SaleorAccount(at.name, at.url, at.secrets, at.location, gate),
        "the token of the app", 1, "the id of the warehouse", 120, 5,
    ),
}  # fmt: skip


def load(path: Path, environment: Mapping[str, str] = os.environ) -> list[Served]:
    """The accounts of a file. Raises BadAvailability."""

    def read(table: Table, before: list[Served]) -> Served | None:
        return _served(table, {one.account.name for one in before}, path.parent, environment)

    return outside.each(path, "account", MAXIMUM_ACCOUNTS, MAXIMUM_BYTES, BadAvailability, read)


def _served(
    table: Table, others: set[str], directory: Path, environment: Mapping[str, str]
) -> Served | None:
    for key, example in (("name", '"shop-de"'), ("channel", '"shopify"'), ("url", '"https://…"')):
        table.needed(key, example)
    name = outside.name(table, "accounts", others)
    channel = table.word("channel", tuple(_KINDS))
    url = outside.url(table, _LOOPBACK.__contains__)
    if not channel:
        return None
    kind = _KINDS[channel]
    token_url = _token_url(table, channel)
    per_minute = table.whole("per_minute", _LEAST_PER_MINUTE, _MOST_PER_MINUTE, kind.per_minute)
    burst = table.whole("burst", 1, _MOST_BURST, kind.burst)
    settings = Settings(
        share=table.whole("read_back_percent", 0, 100, 5) / 100,
        read_back_seconds=(table.duration("read_back_after") or 60_000) / 1000,
        low_at=table.whole("low_at", 0, 1_000_000, 0),
    )
    location = _location(table, kind, channel)
    secrets = outside.secret_lines(table, directory, environment)
    table.end()
    if secrets is None:
        return None
    if len(secrets) != kind.lines:
        found = f"has {len(secrets)} lines; it needs {kind.secrets}"
        table.wrong(outside.secret_key(table), found)
        return None
    gate = Gate(max(1, per_minute) / 60, max(1, burst))
    account = kind.make(_Place(name, url, secrets, location, token_url), gate)
    return Served(account, settings, per_minute)


def _token_url(table: Table, channel: str) -> str:
    if channel not in ("amazon", "commercetools"):
        return ""
    if channel == "commercetools":
        table.needed("token_url", '"https://auth.…/oauth/token"')
    return outside.url(table, _LOOPBACK.__contains__, "token_url")


def _location(table: Table, kind: _Kind, channel: str) -> str:
    if channel == "walmart":
        return table.text("location")
    if not kind.location:
        return ""
    location = table.text("location")
    if not location:
        table.file.wrong(table.path, f"location is missing: {kind.location}")
    elif channel == "amazon" and not all(location.partition("/")):
        table.wrong("location", f"is not {kind.location}")
    return location
