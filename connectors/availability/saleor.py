"""Availability to Saleor, at one of its warehouses.

Saleor takes what its own orders have allocated off the quantity of a stock; that is added to what
it is told, so that what may be sold there is what is told.

Source: Saleor API reference 3.20, query productVariants (filter sku), mutation stockBulkUpdate
(IGNORE_FAILED), object Stock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import Found, Gate, Level
from connectors.saleor_graphql import ask, saleor_api

FIND = """query Found($skus: [String!]!) {
  productVariants(first: 100, filter: {sku: $skus}) {
    edges { node {
      id sku trackInventory stocks { warehouse { id } quantity quantityAllocated }
    } }
  }
}"""
SET = """mutation Told($stocks: [StockBulkUpdateInput!]!) {
  stockBulkUpdate(stocks: $stocks, errorPolicy: IGNORE_FAILED) {
    results { errors { code } }
  }
}"""


class SaleorAccount:
    """One warehouse. See Account. A SKU's id is its variant's."""

    channel = "saleor"
    batch = 50

    def __init__(self, name: str, url: str, secrets: list[str], warehouse: str, gate: Gate) -> None:
        """`secrets`: the token of an app with MANAGE_PRODUCTS; `warehouse`: its id at Saleor."""
        self.name = name
        self._warehouse = warehouse
        self._api = saleor_api(url, secrets[0], gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account."""
        found: dict[str, str] = {}
        refused: dict[str, str] = {}
        for sku, variant in self._variants(skus).items():
            if not variant["trackInventory"]:
                refused[sku] = "not_tracked"
            elif self._stock(variant) is None:
                refused[sku] = "not_stocked"
            else:
                found[sku] = variant["id"]
        return Found(found, refused)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account."""
        variants = self._variants([one.sku for one in levels])
        stocks = []
        for one in levels:
            there = self._stock(variants[one.sku]) if one.sku in variants else None
            allocated = int(there["quantityAllocated"]) if there else 0
            stocks.append(
                {
                    "variantId": one.item_id,
                    "warehouseId": self._warehouse,
                    "quantity": one.pieces + allocated,
                }
            )
        results = ask(self._api, SET, {"stocks": stocks})["stockBulkUpdate"]["results"]
        return {
            one.sku: str(result["errors"][0]["code"]).lower()[:60]
            for one, result in zip(levels, results, strict=True)
            if result["errors"]
        }

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        there: dict[str, int] = {}
        for sku, variant in self._variants([one.sku for one in levels]).items():
            stock = self._stock(variant)
            if stock is not None:
                there[sku] = int(stock["quantity"]) - int(stock["quantityAllocated"])
        return there

    def close(self) -> None:
        """See Account."""
        self._api.close()

    def _variants(self, skus: Sequence[str]) -> dict[str, dict[str, Any]]:
        edges = ask(self._api, FIND, {"skus": list(skus)})["productVariants"]["edges"]
        return {one["node"]["sku"]: one["node"] for one in edges if one["node"]["sku"] in skus}

    def _stock(self, variant: Mapping[str, Any]) -> dict[str, Any] | None:
        stocks: list[dict[str, Any]] = variant["stocks"]
        return next((one for one in stocks if one["warehouse"]["id"] == self._warehouse), None)
