"""The wiring of the payments room: which topics, which states, and nothing else."""

from __future__ import annotations

from schemas.messages import Inbound, Send, States
from schemas.payments import (
    RULES_KEY,
    PaymentRulesSet,
    PaymentRulesState,
    PaymentState,
    SetPaymentRules,
)
from schemas.topics import (
    PAYMENTS_COMMANDS,
    PAYMENTS_DEAD_LETTER,
    PAYMENTS_EVENTS,
    PAYMENTS_STATE,
    Topic,
)
from streams.payments import rules, validation

ANNOUNCING_PARTITION = 0
"""Rules stand in every partition; the event is written by one of them."""


class PaymentsRoom:
    """Decides about payments. State keys: order_id, @rules."""

    name: str = "payments"
    commands: Topic = PAYMENTS_COMMANDS
    state: Topic | None = PAYMENTS_STATE
    dead_letter: Topic = PAYMENTS_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        if isinstance(inbound.record, SetPaymentRules):
            return _set_rules(inbound.record, inbound.partition, states, now_ms)
        state = _payment(states, inbound.key)
        following, sends = rules.decide(state, inbound.record, now_ms, _rules(states))
        if following is not state:
            states.put(inbound.key, following)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from the payment's `wake_at_ms` having come."""
        state = _payment(states, key)
        if state is None:
            return []
        following, sends = rules.wake(state, now_ms)
        if following is not state:
            states.put(key, following)
        return sends


def _set_rules(command: SetPaymentRules, partition: int, states: States, now_ms: int) -> list[Send]:
    """Keep the rules. Raises ValueError for a kind that there is not."""
    if not validation.known(command.rules):
        raise ValueError("a rule for payments is of no kind that there is")
    following = PaymentRulesState(command.rules, command.refuse_at_points)
    if following == _rules(states):
        return []
    states.put(RULES_KEY, following)
    if partition != ANNOUNCING_PARTITION:
        return []
    event = PaymentRulesSet(command.rules, command.refuse_at_points, command.actor, now_ms)
    return [Send(PAYMENTS_EVENTS, RULES_KEY, event)]


def _rules(states: States) -> PaymentRulesState | None:
    known = states.get(RULES_KEY)
    assert known is None or isinstance(known, PaymentRulesState)
    return known


def _payment(states: States, key: str) -> PaymentState | None:
    state = states.get(key)
    if state is None or isinstance(state, PaymentState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")
