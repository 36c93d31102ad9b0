"""Accounts at the fake channels, and a pusher whose book is in memory."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.availability.account import Account, Gate
from connectors.availability.amazon import AmazonAccount
from connectors.availability.commercetools import CommercetoolsAccount
from connectors.availability.ebay import EbayAccount
from connectors.availability.magento import MagentoAccount
from connectors.availability.pending import Pending
from connectors.availability.pusher import Pusher, Settings
from connectors.availability.saleor import SaleorAccount
from connectors.availability.shopify import ShopifyAccount
from connectors.availability.square import SquareAccount
from connectors.availability.stock import WatchedStore
from connectors.availability.walmart import WalmartAccount
from connectors.availability.woocommerce import WooCommerceAccount
from schemas.channel_stock import AvailabilityAttempted, AvailabilityPushed
from schemas.codec import encode
from schemas.stock import StockLevels
from tests.fakes.stock_channels import TOKEN

KEYS = ["client", "secret", "refresh"]
CHANNELS = ("shopify", "woocommerce", "square", "ebay", "walmart", "amazon", "magento",
            "commercetools", "saleor")  # fmt: skip


def account(channel: str, url: str, gate: Gate | None = None) -> Account:
    gate = gate or Gate(1_000.0, 1_000)
    if channel == "shopify":
        return ShopifyAccount("a", url, [TOKEN], "1", gate)
    if channel == "woocommerce":
        return WooCommerceAccount("a", url, ["key", "secret"], gate)
    if channel == "square":
        return SquareAccount("a", url, [TOKEN], "L", gate)
    if channel == "ebay":
        return EbayAccount("a", url, KEYS, gate)
    if channel == "walmart":
        return WalmartAccount("a", url, KEYS[:2], "", gate)
    if channel == "amazon":
        return AmazonAccount("a", url, KEYS, "SELLER/MARKET", gate, f"{url}/auth/o2/token")
    if channel == "commercetools":
        return CommercetoolsAccount("a", url, KEYS[:2], "shop", gate, f"{url}/oauth/token")
    if channel == "saleor":
        return SaleorAccount("a", f"{url}/graphql/", [TOKEN], "W", gate)
    return MagentoAccount("a", url, [TOKEN], "default", gate)


def record(sku: str, available: int, **words: Any) -> StockLevels:
    values: dict[str, Any] = {
        "locations": [], "channels": [], "next_supply_at_ms": 0, "backordered": 0, "level": "ok",
        "components": [], "at_ms": 1,
    }  # fmt: skip
    return StockLevels(sku=sku, available=available, **{**values, **words})


@dataclass
class MemoryBook:
    """See Book; `dies` is raised in place of the next note, as by a crash before it."""

    told: dict[str, AvailabilityPushed] = field(default_factory=dict)
    attempts: list[AvailabilityAttempted] = field(default_factory=list)
    dies: bool = False

    def open(self) -> dict[str, AvailabilityPushed]:
        return dict(self.told)

    def write(
        self, told: Sequence[AvailabilityPushed], attempts: Sequence[AvailabilityAttempted]
    ) -> None:
        if self.dies and told:
            raise Killed
        self.told.update({one.sku: one for one in told})
        self.attempts += attempts


class Killed(Exception):
    """The process ends here."""


class Served:
    """One account with its stock, driven step by step."""

    def __init__(
        self,
        there: Account,
        book: MemoryBook | None = None,
        settings: Settings = Settings(share=0.0, first_pause_seconds=0.001),  # noqa: B008
        maximum: int = 1_000,
    ) -> None:
        self.store = WatchedStore()
        self.book = book or MemoryBook()
        self.now = 0.0
        self.pauses: list[float] = []
        self.pusher = Pusher(
            there,
            self.store,
            self.book,
            settings,
            pending=Pending(maximum),
            chance=random.Random(7),
            clock=lambda: self.now,
        )
        self.pusher.begin()

    def put(self, *records: StockLevels) -> None:
        for one in records:
            self.store.put(one.sku, encode(one))

    def settle(self, steps: int = 200) -> None:
        """Until nothing is left to be told or read back that is due."""
        for _ in range(steps):
            if self.pusher.idle():
                return
            pause = self.pusher.step()
            if pause:
                self.pauses.append(pause)
        raise AssertionError("it does not come to an end")
