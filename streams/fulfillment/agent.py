"""The wiring of the fulfillment room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.fulfillment import CapacityState, FulfillmentState, RankLocations
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.messages import Inbound, Send, States
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    FULFILLMENT_DEAD_LETTER,
    FULFILLMENT_STATE,
    Topic,
)
from streams.fulfillment import rules
from streams.fulfillment.model import CAPACITY_KEY

ANNOUNCING_PARTITION = 0
"""What is said of locations stands in every partition; the event is written by one of them."""


class FulfillmentRoom:
    """Decides where orders are served from. State keys: order_id, @locations, @capacity."""

    name: str = "fulfillment"
    commands: Topic = FULFILLMENT_COMMANDS
    state: Topic | None = FULFILLMENT_STATE
    dead_letter: Topic = FULFILLMENT_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        if isinstance(command, RankLocations):
            return rules.rank(_locations(states), _capacity(states), command, now_ms)
        if isinstance(command, rules.Sourcing):
            following_locations = rules.learn(_locations(states), command)
            states.put(LOCATIONS_KEY, following_locations)
            if inbound.partition == ANNOUNCING_PARTITION:
                return [rules.announced(following_locations, command, now_ms)]
            return []
        known = _locations(states)
        state = states.get(inbound.key)
        assert state is None or isinstance(state, FulfillmentState)
        following, sends = rules.decide(known, state, command, now_ms)
        if following is not state:
            states.put(inbound.key, following)
        before = _capacity(states)
        used = rules.counted(known, before, state, following, now_ms)
        if used is not before:
            states.put(CAPACITY_KEY, used)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the fulfillment room keeps no timers")


def _locations(states: States) -> LocationsState | None:
    known = states.get(LOCATIONS_KEY)
    assert known is None or isinstance(known, LocationsState)
    return known


def _capacity(states: States) -> CapacityState | None:
    used = states.get(CAPACITY_KEY)
    assert used is None or isinstance(used, CapacityState)
    return used
