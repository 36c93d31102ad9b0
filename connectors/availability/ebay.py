"""Availability to eBay: the pieces of an inventory item and of each published offer of it.

Source: eBay Inventory API, "bulkUpdatePriceQuantity" and "Updating price and quantity in bulk" (at
most 25), "getOffers", "bulkGetInventoryItem". A listing takes the lesser of the two quantities.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import UNKNOWN_SKU, Found, Gate, Level
from connectors.credentials import ebay_api
from connectors.json_api import ApiFailed

PATH = "/sell/inventory/v1"
NO_OFFERS = "-"
NOT_THERE = frozenset({25702, 25710, 25713})
"""No such inventory item; no such entity; no such offer."""


class EbayAccount:
    """One seller. See Account. An item's id is its published offers, between commas."""

    channel = "ebay"
    batch = 25

    def __init__(self, name: str, url: str, secrets: list[str], gate: Gate) -> None:
        """`secrets`: client id, client secret, refresh token with the scope sell.inventory."""
        self.name = name
        self._api = ebay_api(url, secrets, gate.wait)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account. eBay tells the offers of one SKU at a time."""
        found: dict[str, str] = {}
        for sku in skus:
            try:
                told = self._api.ask("GET", f"{PATH}/offer?{urllib.parse.urlencode({'sku': sku})}")
            except ApiFailed as failed:
                if failed.status == 404 or _errors(failed.problem) & NOT_THERE:
                    continue
                raise
            offers = [one["offerId"] for one in told["offers"] if one["status"] == "PUBLISHED"]
            found[sku] = ",".join(offers) or NO_OFFERS
        return Found(found)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account."""
        told = self._api.ask(
            "POST", f"{PATH}/bulk_update_price_quantity", {"requests": [_change(x) for x in levels]}
        )
        refused: dict[str, str] = {}
        for one in told["responses"]:
            status = int(one["statusCode"])
            if status in (429, 500, 503):
                raise ApiFailed(status, f"answered {status} for an item")
            if status >= 300:
                unknown = status == 404 or _errors(one) & NOT_THERE
                refused[one["sku"]] = UNKNOWN_SKU if unknown else f"status_{status}"
        return refused

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        content = {"requests": [{"sku": one.sku} for one in levels]}
        told = self._api.ask("POST", f"{PATH}/bulk_get_inventory_item", content)
        there: dict[str, int] = {}
        for one in told["responses"]:
            item = one.get("inventoryItem") or {}
            quantity = item.get("availability", {}).get("shipToLocationAvailability", {})
            if "quantity" in quantity:
                there[one["sku"]] = int(quantity["quantity"])
        return there

    def close(self) -> None:
        """See Account."""
        self._api.close()


def _change(level: Level) -> dict[str, Any]:
    change: dict[str, Any] = {
        "sku": level.sku,
        "shipToLocationAvailability": {"quantity": level.pieces},
    }
    if level.item_id != NO_OFFERS:
        change["offers"] = [
            {"offerId": offer, "availableQuantity": level.pieces}
            for offer in level.item_id.split(",")
        ]
    return change


def _errors(problem: Mapping[str, Any]) -> set[int]:
    """The error ids of an answer."""
    listed = problem.get("errors")
    return {one["errorId"] for one in listed if "errorId" in one} if listed else set()
