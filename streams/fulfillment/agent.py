"""The wiring of the fulfillment room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.fulfillment import FulfillmentState, RankLocations
from schemas.locations import LocationsState, RegisterLocation
from schemas.messages import Inbound, Send, States
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    FULFILLMENT_DEAD_LETTER,
    FULFILLMENT_STATE,
    Topic,
)
from streams.fulfillment import rules
from streams.fulfillment.model import LOCATIONS_KEY

ANNOUNCING_PARTITION = 0
"""RegisterLocation stands in every partition; the event is written by one of them."""


class FulfillmentRoom:
    """Decides where orders are served from. State keys: order_id, and @locations."""

    name: str = "fulfillment"
    commands: Topic = FULFILLMENT_COMMANDS
    state: Topic | None = FULFILLMENT_STATE
    dead_letter: Topic = FULFILLMENT_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        if isinstance(command, RankLocations):
            return rules.rank(_locations(states), command, now_ms)
        if isinstance(command, RegisterLocation):
            known = rules.register(_locations(states), command)
            states.put(LOCATIONS_KEY, known)
            if inbound.partition == ANNOUNCING_PARTITION:
                return [rules.registered(known, command.location_id, now_ms)]
            return []
        state = states.get(inbound.key)
        assert state is None or isinstance(state, FulfillmentState)
        following, sends = rules.decide(state, command, now_ms)
        if following is not state:
            states.put(inbound.key, following)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the fulfillment room keeps no timers")


def _locations(states: States) -> LocationsState | None:
    known = states.get(LOCATIONS_KEY)
    assert known is None or isinstance(known, LocationsState)
    return known
