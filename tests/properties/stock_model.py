"""What stock does, as simply as it can be said; the inventory room is held against it.

Nothing is counted twice: what is reserved, allocated or consumed is summed from the lines each
time. It knows the commands and nothing of the room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from schemas.inventory import ReserveStock
from schemas.stock import Quota

Key = tuple[str, str, str]
"""SKU, order and line"""
Place = tuple[str, str]
"""SKU and location"""


@dataclass(slots=True)
class Line:
    """What a line of an order holds, or waits for: then `place` is empty."""

    wish: ReserveStock
    attempt: int
    until: int
    ends: bool
    """whether it is given back by itself at `until`"""
    place: str = ""
    quota: str = ""
    allocated: bool = False
    since: int = 0


class StockModel:
    """Every SKU at every location, and the lines that hold stock or wait for it."""

    def __init__(self) -> None:
        self.on_hand: Counter[Place] = Counter()
        self.safety: Counter[Place] = Counter()
        self.in_transit: Counter[Place] = Counter()
        self.quarantined: Counter[Place] = Counter()
        self.left: Counter[tuple[str, str]] = Counter()
        """pieces that were shipped, by SKU and quota"""
        self.lines: dict[Key, Line] = {}
        self.thresholds: dict[tuple[str, str], int] = {}
        self.quotas: dict[str, list[Quota]] = {}

    def held(self, sku: str, place: str) -> int:
        """Pieces at a location that lines hold."""
        lines = self.lines.items()
        return sum(one.wish.quantity for key, one in lines if (key[0], one.place) == (sku, place))

    def free(self, sku: str, place: str, channel: str = "") -> int:
        """Available to promise to a channel at a location."""
        pieces = self.on_hand[sku, place] - self.held(sku, place) - self.safety[sku, place]
        return max(0, pieces - self.thresholds.get((sku, channel), 0))

    def held_of(self, sku: str, quota: str) -> int:
        """Pieces of a quota in lines that hold stock."""
        lines = self.lines.items()
        return sum(one.wish.quantity for key, one in lines if (key[0], one.quota) == (sku, quota))

    def consumed(self, sku: str, quota: str) -> int:
        """The same with those that were shipped."""
        return self.held_of(sku, quota) + self.left[sku, quota]

    def say(self, sku: str, quotas: list[Quota]) -> None:
        """These are the quotas from now on; of those that are not, what was shipped is over."""
        kept = {one.quota_id for one in quotas}
        for mark in [mark for mark in self.left if mark[0] == sku and mark[1] not in kept]:
            del self.left[mark]
        self.quotas[sku] = quotas

    def rests(self, sku: str, channel: str, group: str, own: bool) -> dict[str, int]:
        """What is left of the quotas that are for a channel or group, or of all others."""
        return {
            quota.quota_id: max(0, quota.quantity - self.consumed(sku, quota.quota_id))
            for quota in self.quotas.get(sku, ())
            if ((quota.channel or None, quota.customer_group or None) in
                ((channel, None), (None, group))) == own
        }  # fmt: skip

    def sellable(self, sku: str, places: Collection[str], channel: str, group: str = "") -> int:
        """Available to promise to a channel and group over locations."""
        there = sum(self.free(sku, place, channel) for place in places)
        return there - sum(self.rests(sku, channel, group, own=False).values())

    def places(self, sku: str) -> list[str]:
        """The locations that have a position."""
        return [place for of, place in self.on_hand if of == sku]

    def choose(self, wish: ReserveStock, closed: Collection[str] = ()) -> tuple[str, str] | None:
        """The first ranked location that has all of a wish, and the quota that it is taken from."""
        sku, channel, group, pieces = wish.sku, wish.channel, wish.customer_group, wish.quantity
        if self.sellable(sku, self.places(sku), channel, group) < pieces:
            return None
        rests = self.rests(sku, channel, group, own=True)
        quota = next((name for name, rest in rests.items() if rest >= pieces), "")
        for place in wish.locations:
            if self.free(sku, place, channel) >= pieces + wish.leave and place not in closed:
                return place, quota
        return None

    def reserve(self, wish: ReserveStock, now: int) -> str:
        """`reserved`, `waits`, or why not."""
        key = wish.sku, wish.order_id, wish.line_id
        line, until = self.lines.get(key), wish.reserved_until_ms
        if line is not None and line.place:
            later = line.ends and wish.attempt > line.attempt
            if wish.quantity != line.wish.quantity or not (line.attempt == wish.attempt or later):
                return "reservation_conflict"
            if later:
                line.attempt, line.until, line.ends = wish.attempt, until, wish.expires
            return "reserved"
        if wish.quantity < 1:
            return "invalid_quantity"
        if line is not None and line.wish.quantity != wish.quantity:
            return "reservation_conflict"
        if line is not None and wish.attempt <= line.attempt:
            return "waits"
        if (found := self.choose(wish)) is not None:
            self.lines[key] = Line(wish, wish.attempt, until, wish.expires, *found)
            return "reserved"
        if wish.backorder:
            since = line.since if line is not None else now
            self.lines[key] = Line(wish, wish.attempt, 0, False, since=since)
            return "waits"
        self.lines.pop(key, None)
        return "out_of_stock"

    def waiting(self, sku: str) -> list[Key]:
        """The queue of a SKU: the greater priority first, then who has waited longest."""
        queue = [key for key, line in self.lines.items() if key[0] == sku and not line.place]
        return sorted(
            queue, key=lambda key: (-self.lines[key].wish.priority, self.lines[key].since, key)
        )

    def serve(self, sku: str, closed: Collection[str], until: int) -> list[Key]:
        """Give what is there to those who wait; who got it."""
        served = []
        for key in self.waiting(sku):
            line = self.lines[key]
            if (found := self.choose(line.wish, closed)) is not None:
                line.place, line.quota = found
                line.until, line.ends = until, True
                served.append(key)
        return served

    def move(self, key: Key, place: str) -> bool:
        """Hold a line at another location; whether that can be."""
        line = self.lines.get(key)
        if line is None or not line.place:
            return False
        if line.place != place:
            if line.allocated or self.free(key[0], place) < line.wish.quantity:
                return False
            line.place = place
        return True

    def ship(self, key: Key) -> None:
        """The pieces of a line have left."""
        line = self.lines.pop(key)
        self.on_hand[key[0], line.place] -= line.wish.quantity
        if any(one.quota_id == line.quota for one in self.quotas.get(key[0], ())):
            self.left[key[0], line.quota] += line.wish.quantity
