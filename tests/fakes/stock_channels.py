"""Channels on loopback that keep stock, as their documentation says that they do.

One server is all of them; each SKU has a number, which gives its ids.
"""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import LOST, Asked, Loopback, Reply, told

TOKEN = "shop-token"
LOCATION = "gid://shopify/Location/1"
THROTTLED = {
    "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
    "extensions": {
        "cost": {
            "requestedQueryCost": 10,
            "throttleStatus": {"currentlyAvailable": 9, "restoreRate": 100.0},
        }
    },
}

Content = dict[str, Any]


class Answered(Exception):
    """The request is answered with a status and a body that is not the usual one."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass
class StockChannels(Loopback):
    """What stands there by SKU, and everything that was set."""

    pieces: dict[str, int] = field(default_factory=dict)
    """a SKU that is not here is unknown"""
    variations: frozenset[str] = frozenset()
    """at WooCommerce: variations of the product 9"""
    untracked: frozenset[str] = frozenset()
    """at Shopify not tracked; at Magento without stock; at Amazon fulfilled by it"""
    gone: frozenset[str] = frozenset()
    """are found, and refused when they are told"""
    late: frozenset[int] = frozenset()
    """requests that are done, and whose answer does not come"""
    throttled: frozenset[int] = frozenset()
    """requests that Shopify's GraphQL answers as throttled"""
    allocated: int = 0
    """at Saleor, of each SKU by its own orders"""
    conflicts: int = 0
    """at commercetools, how many changes come in between"""
    told: list[tuple[str, int]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """when each request came"""
    keys: set[str] = field(default_factory=set)
    tokens: int = 0

    def number(self, sku: str) -> int:
        """Of its ids."""
        return 100 + sorted(self.pieces).index(sku)

    def sku(self, number: str | int) -> str:
        """The other way round."""
        return sorted(self.pieces)[int(number) - 100]

    def set(self, sku: str, pieces: int) -> None:
        """Absolute."""
        self.pieces[sku] = pieces
        self.told.append((sku, pieces))

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        self.at.append(time.monotonic())
        number = len(self.requests) - 1
        try:
            answer = told(self._answer(asked, number))
        except Answered as other:
            return Reply(other.status, json.dumps(other.body).encode())
        return LOST if number in self.late else answer

    def _answer(self, asked: Asked, number: int) -> Any:
        """What the service says; raises Answered for anything but 200."""
        if asked.place.endswith("/token"):
            return self._token(asked.form, asked.headers)
        content = json.loads(asked.body) if asked.body else {}
        if asked.place.endswith("/graphql.json"):
            if asked.headers["X-Shopify-Access-Token"] != TOKEN:
                raise Answered(401, {})
            return THROTTLED if number in self.throttled else self._shopify(content)
        services: list[tuple[str, Callable[..., Any]]] = [
            ("/wp-json/", self._woocommerce),
            ("/v2/", self._square),
            ("/sell/inventory/", self._ebay),
            ("/v3/inventory", self._walmart),
            ("/listings/", self._amazon),
            ("/rest/V1/", self._magento),
            ("/shop/inventory", self._commercetools),
            ("/graphql/", self._saleor),
        ]
        for prefix, service in services:
            if asked.place.startswith(prefix):
                self._admit(prefix, asked.headers)
                return service(asked.method, asked.place, asked.query, content)
        raise Answered(404, {})

    def _admit(self, prefix: str, headers: Any) -> None:
        basic = f"Basic {base64.b64encode(b'key:secret').decode()}"
        wanted = {
            "/wp-json/": ("Authorization", basic),
            "/v3/inventory": ("WM_SEC.ACCESS_TOKEN", f"token-{self.tokens}"),
            "/listings/": ("x-amz-access-token", f"token-{self.tokens}"),
            "/sell/inventory/": ("Authorization", f"Bearer token-{self.tokens}"),
            "/shop/inventory": ("Authorization", f"Bearer token-{self.tokens}"),
        }
        name, value = wanted.get(prefix, ("Authorization", f"Bearer {TOKEN}"))
        if headers[name] != value:
            raise Answered(401, {})

    def _token(self, form: dict[str, str], headers: Any) -> Content:
        basic = f"Basic {base64.b64encode(b'client:secret').decode()}"
        if headers["Authorization"] != basic and form.get("client_secret") != "secret":
            raise Answered(400, {"error": "invalid_client"})
        self.tokens += 1
        return {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": 900}

    def _shopify(self, content: Content) -> Content:
        asked, variables = content["query"], content["variables"]
        if asked.startswith("query Found"):
            skus = [json.loads(one[4:]) for one in variables["query"].split(" OR ")]
            nodes = [
                {
                    "id": f"gid://shopify/InventoryItem/{self.number(sku)}",
                    "sku": sku,
                    "tracked": sku not in self.untracked,
                }
                for sku in skus
                if sku in self.pieces
            ]
            return {"data": {"inventoryItems": {"nodes": nodes[: variables["first"]]}}}
        if asked.startswith("query There"):
            assert variables["location"] == LOCATION
            nodes = [
                {
                    "id": one,
                    "inventoryLevel": {
                        "quantities": [{"quantity": self.pieces[self.sku(one.rpartition("/")[2])]}]
                    },
                }
                for one in variables["ids"]
            ]
            return {"data": {"nodes": nodes}}
        assert "@idempotent(key: $key)" in asked
        key, quantities = variables["key"], variables["input"]["quantities"]
        if key not in self.keys:
            errors = self._shopify_errors(quantities)
            if errors:
                return {"data": {"inventorySetQuantities": {"userErrors": errors}}}
            self.keys.add(key)
            for one in quantities:
                self.set(self.sku(one["inventoryItemId"].rpartition("/")[2]), one["quantity"])
        return {"data": {"inventorySetQuantities": {"userErrors": []}}}

    def _shopify_errors(self, quantities: list[Content]) -> list[Content]:
        errors = []
        for at, one in enumerate(quantities):
            assert "changeFromQuantity" in one
            assert one["locationId"] == LOCATION
            if self.sku(one["inventoryItemId"].rpartition("/")[2]) in self.gone:
                where = ["input", "quantities", str(at), "inventoryItemId"]
                said = {"code": "ITEM_NOT_STOCKED_AT_LOCATION", "message": ""}
                errors.append({**said, "field": where})
        return errors

    def _woocommerce(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        if method == "GET" and "sku" in query:
            return [self._product(sku) for sku in query["sku"].split(",") if sku in self.pieces]
        if method == "GET":
            return [self._product(self.sku(one)) for one in query["include"].split(",")]
        variations = path.endswith("/9/variations/batch")
        assert len(content["update"]) <= 100
        answers: list[Content] = []
        for one in content["update"]:
            sku = self.sku(one["id"])
            if sku in self.gone or (sku in self.variations) != variations:
                code = "woocommerce_rest_product_invalid_id"
                answers.append({"id": one["id"], "error": {"code": code, "message": ""}})
                continue
            assert one["manage_stock"] is True
            self.set(sku, one["stock_quantity"])
            answers.append(self._product(sku))
        return {"update": answers}

    def _product(self, sku: str) -> Content:
        parent = 9 if sku in self.variations else 0
        stock = {"sku": sku, "stock_quantity": self.pieces[sku]}
        return {"id": self.number(sku), "parent_id": parent, **stock}

    def _square(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        if path == "/v2/catalog/search":
            skus = content["query"]["set_query"]["attribute_values"]
            found = [
                {"id": f"V{self.number(sku)}", "item_variation_data": {"sku": sku}}
                for sku in skus
                if sku in self.pieces
            ]
            return {"objects": found} if found else {}
        if path == "/v2/inventory/counts/batch-retrieve":
            return {
                "counts": [
                    {"catalog_object_id": one, "quantity": str(self.pieces[self.sku(one[1:])])}
                    for one in content["catalog_object_ids"]
                ]
            }
        counts = [one["physical_count"] for one in content["changes"]]
        assert path == "/v2/inventory/changes/batch-create"
        assert len(counts) <= 100
        assert content["idempotency_key"] not in self.keys
        if any(self.sku(one["catalog_object_id"][1:]) in self.gone for one in counts):
            error = {"category": "INVALID_REQUEST_ERROR", "code": "NOT_FOUND"}
            raise Answered(404, {"errors": [error]})
        self.keys.add(content["idempotency_key"])
        for one in counts:
            assert one["state"] == "IN_STOCK"
            self.set(self.sku(one["catalog_object_id"][1:]), int(one["quantity"]))
        return {"counts": []}

    def _ebay(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        if path.endswith("/offer"):
            if query["sku"] not in self.pieces:
                raise Answered(404, {"errors": [{"errorId": 25713}]})
            offers = [{"offerId": "1", "status": "PUBLISHED"}, {"offerId": "2", "status": "DRAFT"}]
            return {"offers": offers}
        if path.endswith("/bulk_get_inventory_item"):
            return {
                "responses": [
                    {
                        "sku": one["sku"],
                        "statusCode": 200,
                        "inventoryItem": {
                            "availability": {
                                "shipToLocationAvailability": {"quantity": self.pieces[one["sku"]]}
                            }
                        },
                    }
                    for one in content["requests"]
                ]
            }
        assert len(content["requests"]) <= 25
        answers = []
        for one in content["requests"]:
            sku, pieces = one["sku"], one["shipToLocationAvailability"]["quantity"]
            if sku in self.gone:
                answers.append({"sku": sku, "statusCode": 404, "errors": [{"errorId": 25702}]})
                continue
            assert one["offers"] == [{"offerId": "1", "availableQuantity": pieces}]
            self.set(sku, pieces)
            answers.append({"sku": sku, "statusCode": 200})
        return {"responses": answers}

    def _walmart(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        sku = query["sku"]
        if sku not in self.pieces or sku in self.gone:
            raise Answered(404, {"errors": []})
        if method == "PUT":
            assert content["sku"] == sku
            self.set(sku, content["quantity"]["amount"])
        return {"sku": sku, "quantity": {"unit": "EACH", "amount": self.pieces[sku]}}

    def _amazon(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        found = re.fullmatch(r"/listings/2021-08-01/items/SELLER/(.+)", path)
        assert found is not None
        assert query["marketplaceIds"] == "MARKET"
        sku = urllib.parse.unquote(found[1])
        if sku not in self.pieces:
            raise Answered(404, {"errors": []})
        if method == "GET":
            code = "AMAZON_EU" if sku in self.untracked else "DEFAULT"
            entry = {"fulfillmentChannelCode": code, "quantity": self.pieces[sku]}
            said = {"sku": sku, "fulfillmentAvailability": [entry]}
            return {**said, "summaries": [{"productType": "MUG"}]}
        [patch] = content["patches"]
        assert content["productType"] == "MUG"
        assert patch["path"] == "/attributes/fulfillment_availability"
        if sku in self.gone:
            return {"sku": sku, "status": "INVALID", "issues": []}
        self.set(sku, patch["value"][0]["quantity"])
        return {"sku": sku, "status": "ACCEPTED", "submissionId": "s"}

    def _magento(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        if method == "GET":
            where = "searchCriteria[filterGroups][0][filters][0]"
            text = query[f"{where}[value]"]
            skus = text.split(",") if query[f"{where}[conditionType]"] == "in" else [text]
            known = [sku for sku in skus if sku in self.pieces]
            if path.endswith("/products"):
                kinds = {True: "configurable", False: "simple"}
                return {
                    "items": [
                        {"sku": sku, "type_id": kinds[sku in self.untracked]} for sku in known
                    ]
                }
            return {"items": [{"sku": sku, "quantity": self.pieces[sku]} for sku in known]}
        items = content["sourceItems"]
        assert len(items) <= 20
        if any(one["sku"] in self.gone for one in items):
            raise Answered(400, {"message": "Validation Failed"})
        for one in items:
            assert one["source_code"] == "default"
            assert one["status"] == (1 if one["quantity"] else 0)
            self.set(one["sku"], one["quantity"])
        return []

    def _commercetools(
        self, method: str, path: str, query: dict[str, str], content: Content
    ) -> Any:
        if method == "GET":
            found = re.fullmatch(
                r"sku in \((.*)\) and supplyChannel is not defined", query["where"]
            )
            assert found is not None
            skus = json.loads(f"[{found[1]}]")
            entries = [self._entry(sku) for sku in skus if sku in self.pieces]
            return {"results": entries}
        sku = self.sku(path.rpartition("/")[2])
        if sku in self.gone:
            raise Answered(400, {"message": ""})
        if content["version"] != self._version(sku) or self.conflicts:
            self.conflicts -= 1
            raise Answered(409, {"errors": [{"code": "ConcurrentModification"}]})
        [action] = content["actions"]
        assert action["action"] == "changeQuantity"
        self.set(sku, action["quantity"])
        return self._entry(sku)

    def _entry(self, sku: str) -> Content:
        known = {"id": str(self.number(sku)), "version": self._version(sku), "sku": sku}
        return {**known, "quantityOnStock": self.pieces[sku]}

    def _version(self, sku: str) -> int:
        return sum(one == sku for one, _ in self.told)

    def _saleor(self, method: str, path: str, query: dict[str, str], content: Content) -> Any:
        variables = content["variables"]
        if content["query"].startswith("query Found"):
            nodes = [self._variant(sku) for sku in variables["skus"] if sku in self.pieces]
            return {"data": {"productVariants": {"edges": [{"node": one} for one in nodes]}}}
        results: list[Content] = []
        for one in variables["stocks"]:
            sku = self.sku(one["variantId"][1:])
            assert one["warehouseId"] == "W"
            if sku in self.gone:
                results.append({"errors": [{"code": "NOT_FOUND"}]})
                continue
            self.set(sku, one["quantity"])
            results.append({"errors": []})
        return {"data": {"stockBulkUpdate": {"results": results}}}

    def _variant(self, sku: str) -> Content:
        stock = {"quantity": self.pieces[sku], "quantityAllocated": self.allocated}
        return {
            "id": f"V{self.number(sku)}",
            "sku": sku,
            "trackInventory": sku not in self.untracked,
            "stocks": [{"warehouse": {"id": "W"}, **stock}],
        }
