"""The wiring of the fulfillment room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.fulfillment import (
    CancelFulfillment,
    CapacityState,
    DecideShortage,
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
from streams.fulfillment import (
    promise_room,
    ranking,
    routing_room,
    rules,
    work,
    work_capacity,
)
from streams.fulfillment.model import CAPACITY_KEY
from streams.fulfillment.work_model import WORK_SUFFIX, begun
from streams.fulfillment.work_places import Around
from streams.fulfillment.work_told import AboutWork

ANNOUNCING_PARTITION = 0
"""What is said of locations stands in every partition; the event is written by one of them."""


class FulfillmentRoom:
    """Decides where orders are served from. State keys: order_id, order_id|work,
    order_id|promise, @locations, @capacity, @routing."""

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
            return ranking.rank(known, _capacity(states), command, now_ms, router)
        if isinstance(command, DecideShortage):
            known = _locations(states)
            router = self._routers.of(_routing(states), known)
            return ranking.decide_shortage(known, _capacity(states), command, now_ms, router)
        if isinstance(command, rules.Sourcing):
            following_locations = rules.learn(_locations(states), command)
            states.put(LOCATIONS_KEY, following_locations)
            if inbound.partition == ANNOUNCING_PARTITION:
                return [rules.announced(following_locations, command, now_ms)]
            return []
        known = _locations(states)
        router = self._routers.of(_routing(states), known)
        around = Around(known, router, _capacity(states))
        state = states.get(inbound.key)
        assert state is None or isinstance(state, FulfillmentState)
        if isinstance(command, AboutWork):
            worked_on = _work(states, inbound.key)
            decided, told = work.decide(around, state, worked_on, command, now_ms)
            if decided is not worked_on:
                states.put(inbound.key + WORK_SUFFIX, decided)
                _count(states, around, worked_on or begun(state), decided, now_ms)
            return promise_room.promised(router, states, inbound, told, now_ms)
        following, sends = rules.decide(known, state, command, now_ms, router)
        if following is not state:
            states.put(inbound.key, following)
        is_followed = isinstance(command, RecordMove | CancelFulfillment)
        worked_on = _work(states, inbound.key) if is_followed else None
        if worked_on is not None:
            sends = sends + _followed(around, states, worked_on, command, now_ms)
            return promise_room.promised(router, states, inbound, sends, now_ms)
        used = rules.counted(known, around.capacity, state, following, now_ms)
        if used is not around.capacity:
            states.put(CAPACITY_KEY, used)
        return promise_room.promised(router, states, inbound, sends, now_ms)

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a promise's `wake_at_ms` having come."""
        router = self._routers.of(_routing(states), _locations(states))
        return promise_room.wake(router, states, key, now_ms)


def _followed(
    around: Around, states: States, before: WorkState, command: Record, now_ms: int
) -> list[Send]:
    """What the command means for fulfillment orders that somebody has said something of."""
    following, sends = work.follow(around, before, command, now_ms)
    if following is not before:
        states.put(before.order_id + WORK_SUFFIX, following)
        _count(states, around, before, following, now_ms)
    return sends


def _count(
    states: States,
    around: Around,
    before: WorkState | None,
    after: WorkState | None,
    now_ms: int,
) -> None:
    """Keep what is used of capacities, once fulfillment orders have changed."""
    used = work_capacity.counted(around, before, after, now_ms)
    if used is not around.capacity:
        states.put(CAPACITY_KEY, used)


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
