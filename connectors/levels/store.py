"""The latest record of each SKU, as its bytes; decoded when somebody asks.

One thread writes and any may read. A SKU takes its record and about 225 bytes beside it; measured
by tests/benchmarks/stock.py.
"""

from __future__ import annotations

import threading
from bisect import bisect_right

from schemas import codec
from schemas.stock import StockLevels


class Store:
    """By SKU; in the order of SKUs for whoever reads all of it."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._values: dict[str, bytes] = {}
        self._sorted: list[str] = []
        self._unsorted: list[str] = []
        """seen since the last sort"""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def put(self, sku: str, value: bytes | None) -> None:
        """Keep a SKU's record; None: there is none any more."""
        if value is None:
            self._values.pop(sku, None)
            return
        if sku not in self._values:
            # One that was deleted may stand there twice; `page` tells it once.
            with self._lock:
                self._unsorted.append(sku)
        self._values[sku] = value

    def get(self, sku: str) -> StockLevels | None:
        """A SKU's levels; None for one that is not known. Raises UnreadableRecord."""
        value = self._values.get(sku)
        return None if value is None else _levels(value)

    def page(self, after: str, limit: int) -> tuple[list[StockLevels], str]:
        """Up to `limit` SKUs behind `after` by code point, and the last of them if more follow."""
        names = self._names()
        found: list[StockLevels] = []
        last = after
        for at in range(bisect_right(names, after), len(names)):
            sku = names[at]
            value = self._values.get(sku)
            if value is None or sku == last:
                continue
            if len(found) == limit:
                return found, last
            found.append(_levels(value))
            last = sku
        return found, ""

    def sort(self) -> None:
        """Do now what the next page would have to do first."""
        self._names()

    def _names(self) -> list[str]:
        """SKUs in order; what has come since is merged in, which sorts only that."""
        with self._lock:
            if self._unsorted:
                # A new list: a page that is being read keeps its own.
                self._sorted = sorted(self._sorted + sorted(self._unsorted))
                self._unsorted = []
            return self._sorted


def _levels(value: bytes) -> StockLevels:
    record = codec.decode(value)
    if not isinstance(record, StockLevels):
        raise codec.UnreadableRecord(f"{type(record).__name__}, and not StockLevels")
    return record
