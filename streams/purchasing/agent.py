"""The wiring of the purchasing room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.messages import Inbound, Send, States
from schemas.purchasing import OffersState, PurchaseOrderState
from schemas.topics import (
    PURCHASING_COMMANDS,
    PURCHASING_DEAD_LETTER,
    PURCHASING_STATE,
    Topic,
)
from streams.purchasing import offers, rules


class PurchasingRoom:
    """Decides about suppliers and purchase orders. State keys: sku, and purchase_order_id."""

    name: str = "purchasing"
    commands: Topic = PURCHASING_COMMANDS
    state: Topic | None = PURCHASING_STATE
    dead_letter: Topic = PURCHASING_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        key, command = inbound.key, inbound.record
        if isinstance(command, offers.AboutOffers):
            known = _offers(states, key)
            following_offers, sends = offers.decide(known, command, now_ms)
            if following_offers is not known:
                states.put(key, following_offers)
            return sends
        state = _purchase_order(states, key)
        following, sends = rules.decide(state, command, now_ms)
        if following is not state:
            states.put(key, following)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the purchasing room keeps no timers")


def _offers(states: States, key: str) -> OffersState | None:
    state = states.get(key)
    if state is None or isinstance(state, OffersState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")


def _purchase_order(states: States, key: str) -> PurchaseOrderState | None:
    state = states.get(key)
    if state is None or isinstance(state, PurchaseOrderState):
        return state
    raise TypeError(f"state of {key} is a {type(state).__name__}")
