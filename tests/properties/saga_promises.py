"""What is true of promises, whatever happens to an order: the events tell one story, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from schemas.fulfillment import FulfillmentOrderReleased
from schemas.fulfillment_work import FulfillmentOrderRerouted
from schemas.promises import (
    FulfillmentOrderAtRisk,
    PromiseChanged,
    PromiseMissed,
    PromiseState,
)
from schemas.records import Record

Line = tuple[str, str]
"""order and line"""


def check_promises(events: Iterable[Record], states: Iterable[Record], at_rest: bool) -> None:
    """Every change starts from the day that was promised last, what is told is told once, and what
    stands is what was told last. `at_rest`: no timer is left."""
    promised: dict[Line, str] = {}
    said: dict[Line, str] = {}
    told: Counter[tuple[str, ...]] = Counter()
    for event in events:
        match event:
            case FulfillmentOrderReleased() | FulfillmentOrderRerouted():
                for name in event.line_ids:
                    said[event.order_id, name] = event.promised_day
                    if not promised.get((event.order_id, name)):
                        promised[event.order_id, name] = event.promised_day
            case PromiseChanged():
                assert event.promised_day != event.previous_day
                for name in event.line_ids:
                    assert promised[event.order_id, name] == event.previous_day
                    promised[event.order_id, name] = event.promised_day
                    said[event.order_id, name] = event.promised_day
            case FulfillmentOrderAtRisk():
                told.update((event.fulfillment_order_id, event.reason, i) for i in event.line_ids)
            case PromiseMissed():
                assert event.status == "returned_to_sender" or event.promised_by_ms <= event.at_ms
                told.update(
                    (event.fulfillment_order_id, "missed " + event.promised_day, i)
                    for i in event.line_ids
                )
    assert max(told.values(), default=1) == 1
    assert said == promised
    for state in states:
        assert isinstance(state, PromiseState)
        check_state(state, promised, at_rest)


def check_state(state: PromiseState, promised: dict[Line, str], at_rest: bool) -> None:
    """Each line stands once, with the day that was told, and every day that is over was missed."""
    lines = [name for one in state.promises for name in one.line_ids]
    assert len(lines) == len(set(lines))
    for one in state.promises:
        for name in one.line_ids:
            assert promised[state.order_id, name] == one.promised_day
    if at_rest:
        assert not state.wake_at_ms
        assert all(one.ended or one.missed or not one.promised_by_ms for one in state.promises)
