"""The wiring of the fulfillment room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.fulfillment import (
    CancelFulfillment,
    CapacityState,
    FulfillmentState,
    RankLocations,
    RecordMove,
)
from schemas.fulfillment_work import WorkState
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.messages import Inbound, Send, States
from schemas.records import Record
from schemas.routing import ROUTING_KEY, RoutingState, SetRoutingRules
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    FULFILLMENT_DEAD_LETTER,
    FULFILLMENT_STATE,
    Topic,
)
from streams.fulfillment import routing_room, rules, work
from streams.fulfillment.model import CAPACITY_KEY
from streams.fulfillment.work_model import WORK_SUFFIX

ANNOUNCING_PARTITION = 0
"""What is said of locations stands in every partition; the event is written by one of them."""


class FulfillmentRoom:
    """Decides where orders are served from. State keys: order_id, order_id|work, @locations,
    @capacity, @routing."""

    name: str = "fulfillment"
    commands: Topic = FULFILLMENT_COMMANDS
    state: Topic | None = FULFILLMENT_STATE
    dead_letter: Topic = FULFILLMENT_DEAD_LETTER

    def __init__(self) -> None:
        """With no rules made ready yet."""
        self._routers = routing_room.Routers()

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        if isinstance(command, SetRoutingRules):
            before_rules = _routing(states)
            learned, told = routing_room.learn(before_rules, command, inbound.partition, now_ms)
            if learned is not before_rules:
                states.put(ROUTING_KEY, learned)
            return told
        if isinstance(command, RankLocations):
            known = _locations(states)
            router = self._routers.of(_routing(states), known)
            return rules.rank(known, _capacity(states), command, now_ms, router)
        if isinstance(command, rules.Sourcing):
            following_locations = rules.learn(_locations(states), command)
            states.put(LOCATIONS_KEY, following_locations)
            if inbound.partition == ANNOUNCING_PARTITION:
                return [rules.announced(following_locations, command, now_ms)]
            return []
        known = _locations(states)
        state = states.get(inbound.key)
        assert state is None or isinstance(state, FulfillmentState)
        if isinstance(command, work.AboutWork):
            worked_on = _work(states, inbound.key)
            decided, told = work.decide(known, state, worked_on, command, now_ms)
            if decided is not worked_on:
                states.put(inbound.key + WORK_SUFFIX, decided)
            return told
        router = self._routers.of(_routing(states), known)
        following, sends = rules.decide(known, state, command, now_ms, router)
        if following is not state:
            states.put(inbound.key, following)
        before = _capacity(states)
        used = rules.counted(known, before, state, following, now_ms)
        if used is not before:
            states.put(CAPACITY_KEY, used)
        if isinstance(command, RecordMove | CancelFulfillment):
            return sends + _followed(known, states, inbound.key, command, now_ms)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the fulfillment room keeps no timers")


def _followed(
    known: LocationsState | None, states: States, key: str, command: Record, now_ms: int
) -> list[Send]:
    """What the command means for fulfillment orders that somebody has said something of."""
    before = _work(states, key)
    if before is None:
        return []
    following, sends = work.follow(known, before, command, now_ms)
    if following is not before:
        states.put(key + WORK_SUFFIX, following)
    return sends


def _work(states: States, key: str) -> WorkState | None:
    state = states.get(key + WORK_SUFFIX)
    assert state is None or isinstance(state, WorkState)
    return state


def _routing(states: States) -> RoutingState | None:
    state = states.get(ROUTING_KEY)
    assert state is None or isinstance(state, RoutingState)
    return state


def _locations(states: States) -> LocationsState | None:
    known = states.get(LOCATIONS_KEY)
    assert known is None or isinstance(known, LocationsState)
    return known


def _capacity(states: States) -> CapacityState | None:
    used = states.get(CAPACITY_KEY)
    assert used is None or isinstance(used, CapacityState)
    return used
