"""Availability to Amazon: listings that the seller fulfils, SKU by SKU.

Source: Selling Partner API, Listings Items API 2021-08-01, "patchListingsItem" and
"getListingsItem", 5 requests a second each. A listing that Amazon fulfils is left alone: its pieces
are Amazon's to count, and a quantity of ours would make the seller fulfil it.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.availability.account import Found, Gate, Level
from connectors.credentials import amazon_api
from connectors.json_api import ApiFailed

OWN = "DEFAULT"
"""The code of what the seller fulfils."""


class AmazonAccount:
    """One seller in one marketplace. See Account. A SKU's id is its product type."""

    channel = "amazon"
    batch = 1

    def __init__(
        self,
        name: str,
        url: str,
        secrets: list[str],
        seller_and_marketplace: str,
        gate: Gate,
        token_url: str = "",
    ) -> None:
        """`secrets`: client id, client secret, refresh token; then the seller's id, a slash and
        the marketplace's, e.g. A1B2/A1PA6795UKMFR9."""
        self.name = name
        self._seller, _, self._marketplace = seller_and_marketplace.partition("/")
        self._api = amazon_api(url, secrets, gate.wait, token_url)

    def find(self, skus: Sequence[str]) -> Found:
        """See Account."""
        found: dict[str, str] = {}
        refused: dict[str, str] = {}
        for sku in skus:
            try:
                told = self._listing(sku, "summaries,fulfillmentAvailability")
            except ApiFailed as failed:
                if failed.status == 404:
                    continue
                raise
            codes = {one["fulfillmentChannelCode"] for one in _availability(told)}
            if codes - {OWN}:
                refused[sku] = "fulfilled_by_amazon"
            else:
                summaries = told.get("summaries") or [{}]
                found[sku] = summaries[0].get("productType") or "PRODUCT"
        return Found(found, refused)

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """See Account. Amazon takes it and applies it a little later."""
        refused: dict[str, str] = {}
        for one in levels:
            value = {"fulfillment_channel_code": OWN, "quantity": one.pieces}
            patch = {"op": "replace", "path": "/attributes/fulfillment_availability"}
            content = {"productType": one.item_id, "patches": [{**patch, "value": [value]}]}
            told = self._api.ask("PATCH", self._path(one.sku, {}), content)
            if told["status"] != "ACCEPTED":
                refused[one.sku] = str(told["status"]).lower()[:60]
        return refused

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """See Account."""
        there: dict[str, int] = {}
        for one in levels:
            for entry in _availability(self._listing(one.sku, "fulfillmentAvailability")):
                if entry["fulfillmentChannelCode"] == OWN and "quantity" in entry:
                    there[one.sku] = int(entry["quantity"])
        return there

    def close(self) -> None:
        """See Account."""
        self._api.close()

    def _listing(self, sku: str, included: str) -> dict[str, Any]:
        return self._api.ask("GET", self._path(sku, {"includedData": included}))

    def _path(self, sku: str, further: Mapping[str, str]) -> str:
        query = urllib.parse.urlencode({"marketplaceIds": self._marketplace, **further})
        where = f"{urllib.parse.quote(self._seller, safe='')}/{urllib.parse.quote(sku, safe='')}"
        return f"/listings/2021-08-01/items/{where}?{query}"


def _availability(listing: Mapping[str, Any]) -> list[dict[str, Any]]:
    return listing.get("fulfillmentAvailability") or []
