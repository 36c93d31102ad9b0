"""Availability to Magento and Adobe Commerce, at one source of its inventory.

Source: Adobe Commerce REST API, "Inventory Management: manage source items"
(POST /V1/inventory/source-items), "Search using REST endpoints"; "Input limiting": 20 in an array.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import Found, Gate, Level
from connectors.json_api import JsonApi, fixed

HAVE_NO_STOCK = frozenset({"configurable", "bundle", "grouped"})
IN_STOCK, OUT_OF_STOCK = 1, 0


class MagentoAccount:
    """One source. See Account. A SKU's id is the SKU itself."""

    channel = "magento"
    batch = 20

    def __init__(self, name: str, url: str, secrets: list[str], source: str, gate: Gate) -> None:
        """`secrets`: the access token of an integration; `source`: the code of the source."""
        self.name = name
        self._source = source
        self._api = JsonApi(url, fixed({"Authorization": f"Bearer {secrets[0]}"}), gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account. A SKU with a comma is asked for alone."""
        found: dict[str, str] = {}
        refused: dict[str, str] = {}
        for group in _lists(skus):
            query = _search([("sku", ",".join(group), "in" if len(group) > 1 else "eq")])
            path = f"/rest/V1/products?{query}&fields=items%5Bsku,type_id%5D"
            for item in self._api.ask("GET", path)["items"] or []:
                # Magento compares SKUs without regard to case.
                sku = next((one for one in group if one.lower() == item["sku"].lower()), "")
                if sku and item["type_id"] in HAVE_NO_STOCK:
                    refused[sku] = "has_no_stock"
                elif sku:
                    found[sku] = item["sku"]
        return Found(found, refused)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account."""
        items = [
            {
                "sku": one.item_id,
                "source_code": self._source,
                "quantity": one.pieces,
                "status": IN_STOCK if one.pieces else OUT_OF_STOCK,
            }
            for one in levels
        ]
        self._api.ask("POST", "/rest/V1/inventory/source-items", {"sourceItems": items})
        return {}

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        there: dict[str, int] = {}
        by_item = {one.item_id: one.sku for one in levels}
        for group in _lists(list(by_item)):
            query = _search(
                [
                    ("sku", ",".join(group), "in" if len(group) > 1 else "eq"),
                    ("source_code", self._source, "eq"),
                ]
            )
            told = self._api.ask("GET", f"/rest/V1/inventory/source-items?{query}")
            for item in told["items"] or []:
                if item["sku"] in by_item:
                    there[by_item[item["sku"]]] = int(item["quantity"])
        return there

    def close(self) -> None:
        """See Account."""
        self._api.close()


def _lists(skus: Sequence[str]) -> list[list[str]]:
    plain = [sku for sku in skus if "," not in sku]
    return [*([plain] if plain else []), *([sku] for sku in skus if "," in sku)]


def _search(filters: list[tuple[str, str, str]]) -> str:
    """Search criteria; all filters hold."""
    asked: dict[str, Any] = {"searchCriteria[pageSize]": 100}
    for number, (name, value, condition) in enumerate(filters):
        where = f"searchCriteria[filterGroups][{number}][filters][0]"
        asked |= {
            f"{where}[field]": name,
            f"{where}[value]": value,
            f"{where}[conditionType]": condition,
        }
    return urllib.parse.urlencode(asked)
