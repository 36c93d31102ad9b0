"""Availability to Walmart Marketplace, SKU by SKU.

Source: Walmart Marketplace API, "Update inventory" and "Inventory" (PUT, GET /v3/inventory). A
SKU's id is the SKU itself.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence

from connectors.availability.account import Found, Gate, Level
from connectors.credentials import walmart_api


class WalmartAccount:
    """One seller. See Account."""

    channel = "walmart"
    batch = 1

    def __init__(self, name: str, url: str, secrets: list[str], ship_node: str, gate: Gate) -> None:
        """`secrets`: client id and client secret; `ship_node` "" is the default one."""
        self.name = name
        self._ship_node = ship_node
        self._api = walmart_api(url, secrets, gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account. Whether it is there, the update says."""
        return Found({sku: sku for sku in skus})

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account."""
        for one in levels:
            content = {"sku": one.sku, "quantity": {"unit": "EACH", "amount": one.pieces}}
            self._api.ask("PUT", self._path(one.sku), content)
        return {}

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        return {
            one.sku: int(self._api.ask("GET", self._path(one.sku))["quantity"]["amount"])
            for one in levels
        }

    def close(self) -> None:
        """See Account."""
        self._api.close()

    def _path(self, sku: str) -> str:
        asked = {"sku": sku}
        if self._ship_node:
            asked["shipNode"] = self._ship_node
        return f"/v3/inventory?{urllib.parse.urlencode(asked, quote_via=urllib.parse.quote)}"
