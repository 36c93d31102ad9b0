"""The wiring of the customers room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.customers import (
    SEGMENTS_KEY,
    AssessOrder,
    CustomerOrderState,
    CustomerState,
    RecordOrder,
    SegmentRulesSet,
    SegmentRulesState,
    SetSegmentRules,
)
from schemas.messages import Inbound, Send, States
from schemas.topics import (
    CUSTOMERS_COMMANDS,
    CUSTOMERS_DEAD_LETTER,
    CUSTOMERS_EVENTS,
    CUSTOMERS_STATE,
    Topic,
)
from streams.content import hash_of
from streams.customers import rules


class CustomersRoom:
    """Decides about customers. State key: customer_id, and customer_id|order_id for each order."""

    name: str = "customers"
    commands: Topic = CUSTOMERS_COMMANDS
    state: Topic | None = CUSTOMERS_STATE
    dead_letter: Topic = CUSTOMERS_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        if isinstance(command, SetSegmentRules):
            return _set_rules(command, inbound.partition, states, now_ms)
        about_order = isinstance(command, AssessOrder | RecordOrder)
        order_key = f"{inbound.key}|{command.order_id}" if about_order else ""  # type: ignore[attr-defined]
        known = rules.Known(
            _customer(states, inbound.key),
            _order(states, order_key) if about_order else None,
            _segments(states),
        )
        following, sends = rules.decide(known, command, now_ms)
        if following.order is not known.order:
            states.put(order_key, following.order)
        if following.customer is not known.customer:
            states.put(inbound.key, following.customer)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from the customer's `wake_at_ms` having come."""
        known = rules.Known(_customer(states, key), None, _segments(states))
        following, sends = rules.wake(known, now_ms)
        states.put(key, following.customer)
        return sends


def _set_rules(command: SetSegmentRules, partition: int, states: States, now_ms: int) -> list[Send]:
    """Set the rules of this partition; the same again changes nothing."""
    content = hash_of(command.rules)
    known = _segments(states)
    if known is not None and known.content_hash == content:
        return []
    states.put(SEGMENTS_KEY, SegmentRulesState(command.rules, content))
    event = SegmentRulesSet(command.rules, command.actor, now_ms)
    return [Send(CUSTOMERS_EVENTS, SEGMENTS_KEY, event, partition)]


def _customer(states: States, key: str) -> CustomerState:
    state = states.get(key)
    if state is None:
        return CustomerState(key)
    if isinstance(state, CustomerState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")


def _order(states: States, key: str) -> CustomerOrderState | None:
    state = states.get(key)
    if state is None or isinstance(state, CustomerOrderState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")


def _segments(states: States) -> SegmentRulesState | None:
    state = states.get(SEGMENTS_KEY)
    if state is None or isinstance(state, SegmentRulesState):
        return state
    raise TypeError(f"state of {SEGMENTS_KEY} is a {type(state).__name__}")
