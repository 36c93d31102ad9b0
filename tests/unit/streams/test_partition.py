"""One partition of the engine: its timers."""

from __future__ import annotations

from schemas.payments import PaymentState
from streams.engine.partition import PartitionState
from streams.engine.settings import SPARE_MOMENTS


def payment(order_id: str, wake_at_ms: int) -> PaymentState:
    return PaymentState(order_id, "requested", 1, "EUR", "card", "", "", 1, "", wake_at_ms)


def test_a_timer_that_moved_fires_once_and_at_its_last_moment() -> None:
    state = PartitionState(None)
    for moment in (50, 10, 30):
        state.committed("a", payment("a", moment), b"")
    assert state.due(29) == []
    assert state.due(30) == ["a"]
    assert state.due(1_000) == []


def test_a_timer_that_was_cleared_does_not_fire() -> None:
    state = PartitionState(None)
    state.committed("a", payment("a", 10), b"")
    state.committed("a", payment("a", 0), b"")
    assert state.due(1_000) == []


def test_timers_that_no_longer_hold_do_not_fill_the_memory() -> None:
    state = PartitionState(None)
    for number in range(5 * SPARE_MOMENTS):
        state.committed(str(number), payment(str(number), number + 1), b"")
        state.committed(str(number), payment(str(number), 0), b"")
    state.committed("last", payment("last", 7), b"")
    assert len(state._queue) <= SPARE_MOMENTS + 2
    assert state.due(7) == ["last"]
