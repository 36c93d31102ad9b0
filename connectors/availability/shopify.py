"""Availability to Shopify, at one of its locations.

Source: Shopify Admin GraphQL API 2026-04, "inventorySetQuantities", "inventoryItems", "Making
idempotency mandatory for inventory adjustments and refund mutations", "Rate limits".
changeFromQuantity is null: quantities are ours, and Shopify's own are not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import UNKNOWN_SKU, Found, Gate, Level
from connectors.json_api import ApiFailed, JsonApi, fixed
from connectors.shopify_graphql import ask

SET = """mutation Told($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    userErrors { code field message }
  }
}"""
FIND = """query Found($query: String!, $first: Int!) {
  inventoryItems(first: $first, query: $query) { nodes { id sku tracked } }
}"""
READ = """query There($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id
      inventoryLevel(locationId: $location) { quantities(names: ["available"]) { quantity } }
    }
  }
}"""
MAXIMUM_PIECES = 1_000_000_000
FIRST = 250
"""Inventory items of one look-up."""
UNKNOWN = frozenset({"INVALID_INVENTORY_ITEM"})


class ShopifyAccount:
    """One shop. See Account."""

    channel = "shopify"
    batch = 50
    """so that a look-up by SKU of as many stays cheap"""

    def __init__(self, name: str, url: str, secrets: list[str], location: str, gate: Gate) -> None:
        """`secrets`: the access token of a custom app with read_products, read_inventory and
        write_inventory; `location`: the number or GraphQL id of the location that sells online."""
        self.name = name
        headers = {"X-Shopify-Access-Token": secrets[0]}
        self._api = JsonApi(url, fixed(headers), gate.wait)
        self._location = location if "/" in location else f"gid://shopify/Location/{location}"

    def find(self, skus: Sequence[str]) -> Found:
        """See Account. Several variants may have one SKU: all of them are told."""
        found: dict[str, list[str]] = {}
        refused: dict[str, str] = {}
        for node in self._nodes(list(skus)):
            if node["tracked"]:
                found.setdefault(node["sku"], []).append(node["id"])
            else:
                refused[node["sku"]] = "not_tracked"
        return Found({sku: ",".join(sorted(set(ids))) for sku, ids in found.items()}, refused)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account. Shopify sets all or none: what it names is left out, and the rest told."""
        left, refused = list(levels), dict[str, str]()
        number = 0
        while left:
            number += 1
            named = self._set(left, f"{key}-{number}")
            if not named:
                break
            refused |= named
            left = [one for one in left if one.sku not in named]
        return refused

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        by_item = {one.item_id.partition(",")[0]: one.sku for one in levels}
        asked = {"ids": list(by_item), "location": self._location}
        told: dict[str, int] = {}
        for node in ask(self._api, READ, asked)["nodes"]:
            level = node["inventoryLevel"] if node else None
            if level:
                told[by_item[node["id"]]] = int(level["quantities"][0]["quantity"])
        return told

    def close(self) -> None:
        """See Account."""
        self._api.close()

    def _nodes(self, skus: list[str]) -> list[dict[str, Any]]:
        """Inventory items of these SKUs; the search also finds others, which are left out."""
        query = " OR ".join(f"sku:{json.dumps(sku, ensure_ascii=False)}" for sku in skus)
        asked = {"query": query, "first": FIRST}
        nodes: list[dict[str, Any]] = ask(self._api, FIND, asked)["inventoryItems"]["nodes"]
        if len(nodes) >= FIRST and len(skus) > 1:
            half = len(skus) // 2
            return self._nodes(skus[:half]) + self._nodes(skus[half:])
        return [node for node in nodes if node["sku"] in skus]

    def _set(self, levels: Sequence[Level], key: str) -> dict[str, str]:
        """The SKUs for which nothing was set; {} where all were."""
        each = [(one, item) for one in levels for item in one.item_id.split(",")]
        quantities = [
            {
                "inventoryItemId": item,
                "locationId": self._location,
                "quantity": min(one.pieces, MAXIMUM_PIECES),
                "changeFromQuantity": None,
            }
            for one, item in each
        ]
        content = {"name": "available", "reason": "correction", "quantities": quantities}
        told = ask(self._api, SET, {"input": content, "key": key})["inventorySetQuantities"]
        named: dict[str, str] = {}
        for error in told["userErrors"]:
            code = error["code"] or "refused"
            if code == "IDEMPOTENCY_CONCURRENT_REQUEST":
                raise ApiFailed(429, "is still at work on the same request")
            at = _place(error["field"])
            # An error that names no quantity is of all of them.
            for one, _ in each if at is None else each[at : at + 1]:
                named[one.sku] = UNKNOWN_SKU if code in UNKNOWN else code.lower()
        return named


def _place(field: Sequence[Any] | None) -> int | None:
    """Which quantity an error means: ["input", "quantities", "3", "inventoryItemId"]."""
    number = field[2] if field and len(field) > 2 and field[1] == "quantities" else ""
    return int(number) if str(number).isdecimal() else None
