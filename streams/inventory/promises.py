"""When a waiting line can expect to be served: a pure function of what is there and what comes."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.inventory import Waiting
from schemas.stock import ChannelThreshold, PositionAt, Quota, Supply
from streams.inventory import quotas as rules
from streams.inventory.model import spare


class _Coming:
    """Pieces at a location that nobody has been promised yet, by the date when they come.

    What is there already has the date 0. A location that is short of its safety stock or of what
    is reserved fills that first.
    """

    __slots__ = ("date", "first", "later", "left")

    def __init__(self, there: int) -> None:
        self.left = there
        self.date, self.first = 0, max(0, there)
        """the earliest pieces: when, and how many"""
        self.later: list[tuple[int, int]] = []
        """further dates and pieces"""

    def add(self, date: int, quantity: int) -> None:
        """Further pieces; dates must come in order."""
        surplus = quantity if self.left >= 0 else min(quantity, self.left + quantity)
        self.left += quantity
        if surplus <= 0:
            return
        if self.first:
            self.later.append((date, surplus))
        else:
            self.date, self.first = date, surplus

    def until(self, date: int) -> int:
        """Pieces that are there by then."""
        pieces = self.first if self.date <= date else 0
        return pieces + sum(pieces for at, pieces in self.later if at <= date)

    def date_of(self, quantity: int) -> int:
        """From when so many pieces are there; they must be `left`."""
        quantity -= self.first
        if quantity <= 0:
            return self.date
        for date, pieces in self.later:
            quantity -= pieces
            if quantity <= 0:
                return date
        raise AssertionError("more was asked for than is left")

    def take(self, quantity: int) -> None:
        """Promise the earliest pieces to someone."""
        self.left -= quantity
        while quantity >= self.first and self.later:
            quantity -= self.first
            self.date, self.first = self.later.pop(0)
        self.first -= quantity


def promises(
    positions: Sequence[PositionAt],
    supplies: Sequence[Supply],
    waiting: Sequence[Waiting],
    thresholds: Sequence[ChannelThreshold] = (),
    quotas: Sequence[Quota] = (),
) -> list[int]:
    """The earliest date for each line of the queue, milliseconds UTC; 0 where nothing covers it.

    Lines choose in the order of the queue. A line is covered where one of its ranked locations has
    all of it, less what its channel may not sell there, and what quotas keep for others is left
    over all locations. Each piece is promised once. A supply that is overdue keeps its date; one
    without a date promises nothing.
    """
    coming = {position.location_id: _Coming(spare(position)) for position in positions}
    dated = [supply for supply in supplies if supply.expected_at_ms]
    for supply in sorted(dated, key=lambda one: one.expected_at_ms):
        at = coming.get(supply.location_id)
        if at is None:
            at = coming[supply.location_id] = _Coming(0)
        at.add(supply.expected_at_ms, supply.quantity)
    coming = {location_id: at for location_id, at in coming.items() if at.left > 0}
    dates: list[int] = []
    for line in waiting:
        if not coming:
            break
        at_each = rules.threshold(thresholds, line.channel) if thresholds else 0
        wanted = line.quantity + at_each
        found: tuple[int, str] | None = None
        for location_id in line.locations:
            at = coming.get(location_id)
            if at is not None and at.left >= wanted:
                date = at.date if at.first >= wanted else at.date_of(wanted)
                if found is None or date < found[0]:
                    found = date, location_id
        if found is not None and quotas:
            found = _with_quotas(coming, quotas, line, at_each, found)
            quota_id = rules.own(quotas, line.channel, line.customer_group, line.quantity)
            if found is not None and quota_id:
                quotas = rules.consume(quotas, quota_id, line.quantity)
        if found is None:
            dates.append(0)
            continue
        date, location_id = found
        dates.append(date)
        at = coming[location_id]
        at.take(line.quantity)
        if not at.left:
            del coming[location_id]
    return dates + [0] * (len(waiting) - len(dates))


def _with_quotas(
    coming: dict[str, _Coming],
    quotas: Sequence[Quota],
    line: Waiting,
    at_each: int,
    found: tuple[int, str],
) -> tuple[int, str] | None:
    """The first date from which on what is kept for others is there besides the line."""
    kept = rules.kept_for_others(quotas, line.channel, line.customer_group)
    if not kept:
        return found
    dates = {date for at in coming.values() for date in (at.date, *(day for day, _ in at.later))}
    for date in (found[0], *sorted(one for one in dates if one > found[0])):
        there = sum(max(0, at.until(date) - at_each) for at in coming.values())
        if there - kept >= line.quantity:
            return date, found[1]
    return None
