"""Products by SKU and by name, with what there is of them at each location.

Names and listed prices come from a file, since no topic has them; stock from inventory.levels. A
SKU that the file does not have is found by its beginning.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from connectors.levels import answers
from connectors.levels.store import Store
from schemas import identifiers, money
from schemas.availability import AVAILABLE
from schemas.codec import UnreadableRecord
from schemas.stock import StockLevels

CHANNEL = "call-centre"
MAXIMUM_PRODUCTS = 200_000
MAXIMUM_FOUND = 12
MAXIMUM_WORDS = 100
"""Characters of what is looked for."""
COLUMNS = ("sku", "name", "unit_price", "currency")


class Product(Struct, frozen=True):
    """What the file says of a SKU."""

    sku: str
    name: str
    unit_price: str = ""
    """listed, in major units; empty for none"""
    currency: str = ""


class Place(Struct, frozen=True):
    """What there is at one location."""

    location_id: str
    available: int


class Found(Struct, frozen=True):
    """A product as the page shows it."""

    sku: str
    name: str
    unit_price: str
    currency: str
    available: int | None
    """what the call centre may sell; None where no stock is known"""
    next_supply_at: str | None
    places: list[Place]


class BadProducts(ValueError):
    """The file cannot be taken; the message names the row and the reason."""


def load(path: Path) -> dict[str, Product]:
    """The products of a CSV file with the columns of COLUMNS, prices left out or not.

    Raises BadProducts.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {product.sku: product for product in _rows(csv.DictReader(file))}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadProducts(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _rows(reader: csv.DictReader[str]) -> Iterator[Product]:
    missing = {"sku", "name"}.difference(reader.fieldnames or ())
    if missing:
        raise BadProducts(f"there is no column {', '.join(sorted(missing))}")
    for number, row in enumerate(reader, 2):
        if number > MAXIMUM_PRODUCTS + 1:
            raise BadProducts(f"there are more than {MAXIMUM_PRODUCTS} products")
        sku, name, price, currency = ((row.get(column) or "").strip() for column in COLUMNS)
        try:
            identifiers.checked(sku, "sku")
            if price:
                money.minor(price, money.currency(currency), "unit_price")
        except (identifiers.InvalidIdentifier, money.InvalidMoney) as error:
            raise BadProducts(f"row {number}: {error}") from None
        yield Product(sku, name, price, currency if price else "")


class Shelf:
    """Looks products up; any thread may ask."""

    def __init__(self, store: Store, products: Mapping[str, Product]) -> None:
        """`store` is kept by somebody else."""
        self._store = store
        self._products = products
        self._names = [(f"{one.sku} {one.name}".casefold(), one.sku) for one in products.values()]

    def find(self, words: str) -> list[Found]:
        """Up to MAXIMUM_FOUND products: of the very SKU, then of its beginning, then of words."""
        words = words.strip()[:MAXIMUM_WORDS]
        if not words:
            return []
        skus: dict[str, None] = {}
        for each in self._of_sku(words):
            skus[each] = None
        wanted = words.casefold().split()
        for text, sku in self._names:
            if len(skus) >= MAXIMUM_FOUND:
                break
            if all(word in text for word in wanted):
                skus[sku] = None
        return [self._found(sku) for sku in list(skus)[:MAXIMUM_FOUND]]

    def locations(self) -> list[str]:
        """Every location at which any of the first SKUs is; to choose from, not to rely on."""
        seen: set[str] = set()
        for levels in self._page("", 200):
            seen.update(one.location_id for one in levels.locations)
        return sorted(seen)

    def _of_sku(self, words: str) -> Iterator[str]:
        for beginning in dict.fromkeys((words, words.upper())):
            if beginning in self._products or self._levels(beginning) is not None:
                yield beginning
            for levels in self._page(beginning, MAXIMUM_FOUND):
                if levels.sku.startswith(beginning):
                    yield levels.sku

    def _page(self, after: str, limit: int) -> list[StockLevels]:
        try:
            return self._store.page(after, limit)[0]
        except UnreadableRecord:
            return []

    def _levels(self, sku: str) -> StockLevels | None:
        try:
            return self._store.get(sku)
        except UnreadableRecord:
            return None

    def _found(self, sku: str) -> Found:
        product = self._products.get(sku, Product(sku, ""))
        levels = self._levels(sku)
        if levels is None:
            return Found(sku, product.name, product.unit_price, product.currency, None, None, [])
        told = answers.told(levels, self._levels, explained=True, channel=CHANNEL)
        explained = told["explained"]
        return Found(
            sku,
            product.name,
            product.unit_price,
            product.currency,
            explained["available"],
            told["next_supply_at"],
            [Place(one["location_id"], _pieces(one["steps"])) for one in explained["locations"]],
        )


def _pieces(steps: list[dict[str, Any]]) -> int:
    """What the steps come to; a last one that says so itself is no step."""
    return sum(step["pieces"] for step in steps if step["label"] != AVAILABLE)
