"""The wiring of the payments room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.messages import Inbound, Send, States
from schemas.payments import PaymentState
from schemas.topics import PAYMENTS_COMMANDS, PAYMENTS_DEAD_LETTER, PAYMENTS_STATE, Topic
from streams.payments import rules


class PaymentsRoom:
    """Decides about payments. State key: order_id."""

    name: str = "payments"
    commands: Topic = PAYMENTS_COMMANDS
    state: Topic | None = PAYMENTS_STATE
    dead_letter: Topic = PAYMENTS_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        state = _payment(states, inbound.key)
        following, sends = rules.decide(state, inbound.record, now_ms)
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


def _payment(states: States, key: str) -> PaymentState | None:
    state = states.get(key)
    if state is None or isinstance(state, PaymentState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")
