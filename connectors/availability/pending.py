"""What is still to be told to one account: each SKU once, most urgent first. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import IntEnum

MAXIMUM_PENDING = 200_000
"""SKUs that wait for one account. Beyond them the least urgent are left out, and found again by
going through all stock once the rest is told."""


class Urgency(IntEnum):
    """The lesser goes first; within one the oldest."""

    OUT = 0
    """nothing is left, and the channel may still sell it"""
    BACK = 1
    """there is some again"""
    LOW = 2
    """few are left"""
    OTHER = 3


def urgency(pieces: int, told: int | None, low: bool) -> Urgency:
    """How urgent it is to tell `pieces`, where `told` was told last, None or less for nothing."""
    if pieces <= 0:
        return Urgency.OUT
    if told == 0:
        return Urgency.BACK
    return Urgency.LOW if low else Urgency.OTHER


class Pending:
    """SKUs by urgency, each in the order of its coming."""

    def __init__(self, maximum: int = MAXIMUM_PENDING) -> None:
        """Nothing waits."""
        self._maximum = maximum
        self._by_urgency: tuple[OrderedDict[str, None], ...] = tuple(OrderedDict() for _ in Urgency)
        self.left_out = False
        """some SKU was left out, and all have to be gone through"""

    def __len__(self) -> int:
        return sum(map(len, self._by_urgency))

    @property
    def urgent(self) -> bool:
        """Something waits that channels may still sell and that is not there."""
        return bool(self._by_urgency[Urgency.OUT])

    def put(self, sku: str, how: Urgency) -> None:
        """Have it told. One that waits keeps its place, unless its urgency changes."""
        if sku in self._by_urgency[how]:
            return
        self.drop(sku)
        if len(self) >= self._maximum and not self._make_room(how):
            self.left_out = True
            return
        self._by_urgency[how][sku] = None

    def drop(self, sku: str) -> None:
        """It need not be told any more."""
        for waiting in self._by_urgency:
            waiting.pop(sku, None)

    def take(self, most: int) -> list[str]:
        """The most urgent ones, which wait no longer."""
        taken: list[str] = []
        for waiting in self._by_urgency:
            while waiting and len(taken) < most:
                taken.append(waiting.popitem(last=False)[0])
        return taken

    def put_back(self, skus: list[str], how: Callable[[str], Urgency]) -> None:
        """What was taken and could not be told goes before all others of its urgency."""
        for sku in reversed(skus):
            waiting = self._by_urgency[how(sku)]
            waiting[sku] = None
            waiting.move_to_end(sku, last=False)

    def _make_room(self, how: Urgency) -> bool:
        """Leave out the newest of the least urgent ones, if those are less urgent than `how`."""
        for number in range(len(self._by_urgency) - 1, how, -1):
            if self._by_urgency[number]:
                self._by_urgency[number].popitem()
                self.left_out = True
                return True
        return False
