"""Availability to commercetools: the inventory entries of one supply channel, or of none.

Source: commercetools HTTP API, "Query InventoryEntries", "Update InventoryEntry" (changeQuantity),
"Optimistic concurrency control". What it reserves for its own orders it takes off by itself.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import UNKNOWN_SKU, Found, Gate, Level
from connectors.credentials import commercetools_api
from connectors.json_api import ApiFailed

CONFLICT = 409


class CommercetoolsAccount:
    """One project. See Account. A SKU's id is that of its inventory entry."""

    channel = "commercetools"
    batch = 20

    def __init__(
        self,
        name: str,
        url: str,
        secrets: list[str],
        project_and_supply: str,
        gate: Gate,
        token_url: str,
    ) -> None:
        """`secrets`: id and secret of an API client with manage_products; then the project's key,
        and behind a slash the id of a supply channel, where the entries are of one."""
        self.name = name
        project, _, self._supply = project_and_supply.partition("/")
        self._api = commercetools_api(url, secrets, token_url, project, gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account."""
        return Found({sku: entry["id"] for sku, entry in self._entries(skus).items()})

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account. An entry that changes in the same moment is a failure, and tried again."""
        entries = self._entries([one.sku for one in levels])
        refused: dict[str, str] = {}
        for one in levels:
            entry = entries.get(one.sku)
            if entry is None:
                refused[one.sku] = UNKNOWN_SKU
                continue
            action = {"action": "changeQuantity", "quantity": one.pieces}
            content = {"version": entry["version"], "actions": [action]}
            try:
                self._api.ask("POST", f"/inventory/{entry['id']}", content)
            except ApiFailed as failed:
                if failed.status == CONFLICT:
                    raise ApiFailed(0, "has an entry that has changed meanwhile") from failed
                raise
        return refused

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        entries = self._entries([one.sku for one in levels])
        return {sku: int(entry["quantityOnStock"]) for sku, entry in entries.items()}

    def close(self) -> None:
        """See Account."""
        self._api.close()

    def _entries(self, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
        quoted = ", ".join(json.dumps(sku, ensure_ascii=False) for sku in skus)
        place = f'supplyChannel(id="{self._supply}")' if self._supply else (
            "supplyChannel is not defined"
        )  # fmt: skip
        asked = {"where": f"sku in ({quoted}) and {place}", "limit": "500"}
        told = self._api.ask("GET", f"/inventory?{urllib.parse.urlencode(asked)}")
        return {entry["sku"]: entry for entry in told["results"] if entry["sku"] in skus}
