"""Availability to Square, at one of its locations.

Source: Square API, "BatchChangeInventory" (at most 100 changes, physical counts),
"SearchCatalogObjects" (set_query), "BatchRetrieveInventoryCounts".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from connectors.availability.account import Found, Gate, Level
from connectors.json_api import JsonApi, fixed

VERSION = "2025-01-23"


class SquareAccount:
    """One location of a seller. See Account."""

    channel = "square"
    batch = 100

    def __init__(self, name: str, url: str, secrets: list[str], location: str, gate: Gate) -> None:
        """`secrets`: an access token with ITEMS_READ, INVENTORY_READ and INVENTORY_WRITE."""
        self.name = name
        headers = {"Authorization": f"Bearer {secrets[0]}", "Square-Version": VERSION}
        self._api = JsonApi(url, fixed(headers), gate.wait)
        self._location = location

    def find(self, skus: Sequence[str]) -> Found:
        """See Account."""
        wanted = {"attribute_name": "sku", "attribute_values": list(skus)}
        content = {"object_types": ["ITEM_VARIATION"], "query": {"set_query": wanted}}
        found: dict[str, str] = {}
        told = self._api.ask("POST", "/v2/catalog/search", {**content, "limit": 1000})
        for one in told.get("objects", []):
            sku = one["item_variation_data"].get("sku")
            if sku in skus and not one.get("is_deleted"):
                found.setdefault(sku, one["id"])
        return Found(found)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account. Square takes all or none of a batch."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        changes = [
            {
                "type": "PHYSICAL_COUNT",
                "physical_count": {
                    "catalog_object_id": one.item_id,
                    "location_id": self._location,
                    "state": "IN_STOCK",
                    "quantity": str(one.pieces),
                    "occurred_at": now,
                },
            }
            for one in levels
        ]
        # Unchanged is meant against the last count: one after a sale there would not be taken.
        content = {"idempotency_key": key, "changes": changes, "ignore_unchanged_counts": False}
        self._api.ask("POST", "/v2/inventory/changes/batch-create", content)
        return {}

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        by_item = {one.item_id: one.sku for one in levels}
        content = {
            "catalog_object_ids": list(by_item),
            "location_ids": [self._location],
            "states": ["IN_STOCK"],
        }
        told = self._api.ask("POST", "/v2/inventory/counts/batch-retrieve", content)
        return {
            by_item[one["catalog_object_id"]]: int(one["quantity"].partition(".")[0])
            for one in told.get("counts", [])
            if one["catalog_object_id"] in by_item
        }

    def close(self) -> None:
        """See Account."""
        self._api.close()
