"""The wiring of the orders room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.messages import Inbound, Send, States
from schemas.orders import EarlyState, OrderState
from schemas.policies import POLICY_KEY, PolicyState, SetPolicy
from schemas.topics import ORDERS_COMMANDS, ORDERS_DEAD_LETTER, ORDERS_STATE, Topic
from streams.orders import policy, rules


class OrdersRoom:
    """Decides about orders. State keys: order_id, @policy."""

    name: str = "orders"
    commands: Topic = ORDERS_COMMANDS
    state: Topic | None = ORDERS_STATE
    dead_letter: Topic = ORDERS_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        if isinstance(command, SetPolicy):
            known = _policy(states)
            learned, sends = policy.learn(known, command, inbound.partition, now_ms)
            if learned is not known:
                states.put(POLICY_KEY, learned)
            return sends
        state = _order(states, inbound.key)
        following, sends = rules.decide(state, command, now_ms, _policy(states))
        if following is not state:
            states.put(inbound.key, following)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from the order's `wake_at_ms` having come."""
        state = _order(states, key)
        if state is None:
            return []
        following, sends = rules.wake(state, now_ms, _policy(states))
        if following is not state:
            states.put(key, following)
        return sends


def _policy(states: States) -> PolicyState | None:
    known = states.get(POLICY_KEY)
    assert known is None or isinstance(known, PolicyState)
    return known


def _order(states: States, key: str) -> OrderState | EarlyState | None:
    state = states.get(key)
    if state is None or isinstance(state, OrderState | EarlyState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")
