"""Availability to WooCommerce: the stock of products and of their variations.

Source: WooCommerce REST API v3, "List all products" (sku), "Batch update products", "Batch update
product variations", each of at most 100.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence

from connectors.availability.account import UNKNOWN_SKU, Found, Gate, Level
from connectors.json_api import JsonApi, fixed
from connectors.polling.tokens import basic

PATH = "/wp-json/wc/v3/products"
UNKNOWN = frozenset({"woocommerce_rest_product_invalid_id", "woocommerce_rest_invalid_product_id"})


class WooCommerceAccount:
    """One shop. See Account. An item's id is a product's, or product/variation."""

    channel = "woocommerce"
    batch = 100

    def __init__(self, name: str, url: str, secrets: list[str], gate: Gate) -> None:
        """`secrets`: consumer key and consumer secret that may read and write."""
        self.name = name
        headers = {"Authorization": basic(secrets[0], secrets[1])}
        self._api = JsonApi(url, fixed(headers), gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account. `sku` is a list between commas: one with a comma in it cannot be asked."""
        asked = [sku for sku in skus if "," not in sku]
        found: dict[str, str] = {}
        query = urllib.parse.urlencode({"sku": ",".join(asked), "per_page": 100})
        for product in self._api.ask("GET", f"{PATH}?{query}")["list"] if asked else []:
            parent = product.get("parent_id") or 0
            name = str(product["id"])
            if product["sku"] in asked:
                found.setdefault(product["sku"], f"{parent}/{name}" if parent else name)
        return Found(found, {sku: "comma_in_sku" for sku in skus if "," in sku})

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account. Products are one request, the variations of each product one more."""
        refused: dict[str, str] = {}
        for parent, some in _by_parent(levels).items():
            by_id = {_id(one): one for one in some}
            changes = [
                {"id": number, "manage_stock": True, "stock_quantity": one.pieces}
                for number, one in by_id.items()
            ]
            where = f"{PATH}/{parent}/variations/batch" if parent else f"{PATH}/batch"
            for told in self._api.ask("POST", where, {"update": changes})["update"]:
                code = told.get("error", {}).get("code", "")
                if code:
                    unknown = code in UNKNOWN or "invalid_id" in code
                    sku = by_id[int(told["id"])].sku
                    refused[sku] = UNKNOWN_SKU if unknown else str(code)[:60]
        return refused

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        there: dict[str, int] = {}
        for parent, some in _by_parent(levels).items():
            by_id = {_id(one): one for one in some}
            query = urllib.parse.urlencode({"include": ",".join(map(str, by_id)), "per_page": 100})
            where = f"{PATH}/{parent}/variations" if parent else PATH
            for product in self._api.ask("GET", f"{where}?{query}")["list"]:
                if product.get("stock_quantity") is not None and product["id"] in by_id:
                    there[by_id[product["id"]].sku] = int(product["stock_quantity"])
        return there

    def close(self) -> None:
        """See Account."""
        self._api.close()


def _by_parent(levels: Sequence[Level]) -> dict[str, list[Level]]:
    """Those that go to one address together; products themselves under ""."""
    groups: dict[str, list[Level]] = {}
    for one in levels:
        groups.setdefault(one.item_id.rpartition("/")[0], []).append(one)
    return groups


def _id(level: Level) -> int:
    return int(level.item_id.rpartition("/")[2])
