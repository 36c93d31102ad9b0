"""What fulfillment orders use of the day's capacity of locations, once they are worked on. Pure."""

from __future__ import annotations

from collections import Counter

from schemas.fulfillment import CapacityState
from schemas.fulfillment_work import WorkState, WorkStatus
from schemas.topics import DAY_MS
from streams.fulfillment import rules
from streams.fulfillment.work_places import Around

GIVEN_BACK = frozenset(
    {
        WorkStatus.REJECTED, WorkStatus.SHORT, WorkStatus.CANCELLED, WorkStatus.MOVED,
        WorkStatus.MERGED,
    }
)  # fmt: skip
"""Statuses in which a location has nothing to do any more, and has sent nothing."""


def counted(
    around: Around, before: WorkState | None, after: WorkState | None, now_ms: int
) -> CapacityState | None:
    """What is used of today's capacity after an order's fulfillment orders have changed.

    A fulfillment order counts for its location on the day of its release. One that is given back,
    moved or merged on that day gives back what it has used; later, that day's work is over.
    """
    change = _at_each(after, now_ms)
    change.subtract(_at_each(before, now_ms))
    return rules.used_with(around.known, around.capacity, change, now_ms)


def _at_each(state: WorkState | None, now_ms: int) -> Counter[str]:
    """Fulfillment orders of today that a location works on or has sent, by location."""
    return Counter(
        one.location_id
        for one in (state.orders if state is not None else [])
        if one.status not in GIVEN_BACK and one.released_at_ms // DAY_MS == now_ms // DAY_MS
    )
