"""inventory.levels in memory, what a channel may sell by it, and which SKUs have changed.

The follower writes in its thread; each account has its own `Changes` and reads in its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import NamedTuple

from connectors.levels.answers import told
from connectors.levels.store import Store
from schemas import codec
from schemas.stock import StockLevels

MAXIMUM_CHANGES = 200_000
"""SKUs that one account has not looked at; beyond them it goes through all of them."""


class Sellable(NamedTuple):
    """What a channel may sell of a SKU."""

    pieces: int
    low: bool
    """few are left, by the SKU's own rule"""


class Changes:
    """SKUs that have changed since one account looked."""

    def __init__(self, maximum: int = MAXIMUM_CHANGES) -> None:
        """None have."""
        self._maximum = maximum
        self._lock = threading.Lock()
        self._skus: dict[str, None] = {}
        self._all = False
        self._some = threading.Event()

    def add(self, sku: str) -> None:
        """Note one; what is noted already stays where it is."""
        with self._lock:
            if len(self._skus) < self._maximum:
                self._skus[sku] = None
            elif sku not in self._skus:
                self._all = True
        self._some.set()

    def __bool__(self) -> bool:
        return self._some.is_set()

    def take(self) -> tuple[list[str], bool]:
        """Those noted, oldest first, and whether all have to be gone through."""
        with self._lock:
            self._some.clear()
            skus, everything = list(self._skus), self._all
            self._skus, self._all = {}, False
            return skus, everything

    def wait(self, seconds: float) -> None:
        """Until one is noted, and no longer than that."""
        self._some.wait(seconds)


class WatchedStore(Store):
    """A store that tells accounts of changes; of a kit also when a component of it changes."""

    def __init__(self) -> None:
        """Nothing is known, and nobody listens."""
        super().__init__()
        self._listeners: list[Changes] = []
        self._components: dict[str, tuple[str, ...]] = {}
        """by kit"""
        self._kits: dict[str, set[str]] = {}
        """by component"""

    def listen(self) -> Changes:
        """What tells one more account. Called before the store is filled."""
        changes = Changes()
        self._listeners.append(changes)
        return changes

    def put(self, sku: str, value: bytes | None) -> None:
        """See Store. What is no record of levels is left out."""
        try:
            record = codec.decode(value) if value is not None else None
        except codec.UnreadableRecord:
            return
        if record is not None and not isinstance(record, StockLevels):
            return
        super().put(sku, value)
        self._note_components(sku, tuple(one.sku for one in record.components) if record else ())
        for name in (sku, *self._kits.get(sku, ())):
            for changes in self._listeners:
                changes.add(name)

    def knows(self, sku: str) -> bool:
        """There is a record of it."""
        return sku in self._values

    def sellable(self, sku: str, channel: str) -> Sellable:
        """What the channel may sell of it now; nothing of what is not known any more."""
        levels = self.get(sku)
        if levels is None:
            return Sellable(0, False)
        if levels.components:
            answer = told(levels, self.get, explained=True, channel=channel)
            return Sellable(max(0, answer["explained"]["available"]), False)
        of_channel = (one.available for one in levels.channels if one.channel == channel)
        return Sellable(max(0, next(of_channel, levels.available)), levels.level == "low")

    def skus(self) -> Iterator[str]:
        """Every SKU that is known; one that is deleted may still be among them, or be twice."""
        return iter(self._names())

    def _note_components(self, kit: str, components: tuple[str, ...]) -> None:
        before = self._components.get(kit, ())
        if before == components:
            return
        for sku in before:
            self._kits[sku].discard(kit)
        for sku in components:
            self._kits.setdefault(sku, set()).add(kit)
        if components:
            self._components[kit] = components
        else:
            self._components.pop(kit, None)
