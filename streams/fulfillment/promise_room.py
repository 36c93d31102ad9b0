"""Promises in the room: their state, beside what the room itself keeps of an order. Without rules
nothing is looked up, kept or written."""

from __future__ import annotations

from schemas.fulfillment import FulfillmentState
from schemas.fulfillment_work import WorkState
from schemas.messages import Inbound, Send, States
from schemas.promises import PromiseState
from streams.fulfillment import promise_keeping
from streams.fulfillment.promise_terms import dates
from streams.fulfillment.routing import Router
from streams.fulfillment.work_model import WORK_SUFFIX

PROMISE_SUFFIX = "|promise"
"""of the state key, behind the order_id, which has no | in it"""


def promised(
    router: Router | None, states: States, inbound: Inbound, told: list[Send], now_ms: int
) -> list[Send]:
    """What the room writes of an order, with what is promised of it. `states` has what it has
    decided."""
    if router is None:
        return told
    key = inbound.key + PROMISE_SUFFIX
    before = states.get(key)
    assert before is None or isinstance(before, PromiseState)
    routed, worked_on = _of(states, inbound.key)
    following, sends = promise_keeping.followed(
        dates(router), before, routed, worked_on, inbound.record, told, now_ms
    )
    if following is not before:
        states.put(key, following)
    return sends


def wake(router: Router | None, states: States, key: str, now_ms: int) -> list[Send]:
    """The records that follow from a promise being at risk or missed. Raises TypeError for the key
    of another state: those have no time."""
    state = states.get(key)
    if not isinstance(state, PromiseState) or router is None:
        raise TypeError(f"nothing of {key} has a time")
    routed, worked_on = _of(states, state.order_id)
    following, sends = promise_keeping.woken(dates(router), state, routed, worked_on, now_ms)
    states.put(key, following)
    return sends


def _of(states: States, order_id: str) -> tuple[FulfillmentState | None, WorkState | None]:
    """What the room keeps of an order."""
    routed, worked_on = states.get(order_id), states.get(order_id + WORK_SUFFIX)
    assert routed is None or isinstance(routed, FulfillmentState)
    assert worked_on is None or isinstance(worked_on, WorkState)
    return routed, worked_on
