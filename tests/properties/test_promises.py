"""Anything said of an order's fulfillment orders, at any moment, and what is promised of them.

Time passes at random and timers come late; the room is started again at any moment; most of what is
said is said twice. Whatever happens, the events of promises tell one story, once.
"""

from __future__ import annotations

import random

from hypothesis import given, note, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas import codec
from schemas.fulfillment import CancelFulfillment
from schemas.fulfillment_work import PackedLine, RecordGoodsLeft, ReportShort, WorkState
from schemas.messages import Send
from schemas.promises import PromiseState
from schemas.records import Record
from schemas.routing import Places
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.work_model import OVER
from tests.properties.saga_promises import check_promises
from tests.unit.streams.promise_world import HOUR_MS, KEY, MUG, TEE, Dock, in_words
from tests.unit.streams.routing_world import calendar, rule, rules, zone

STEPS = ("accept", "pick", "pack", "ship", "let go")
TELLS = ("in_transit", "exception", "lost", "damaged", "returned_to_sender", "delivered")
ANYTHING = (*STEPS, *STEPS, "hold", "free", "reject", "ship bare")


def a_dock(chance: random.Random) -> Dock:
    """A room whose rules promise something from some locations."""
    places = chance.choice([Places(), Places(locations=["berlin", "lyon"])])
    calendars = (
        calendar(chance.choice([0, 720, 960]), chance.choice([0, 1]), "Europe/Berlin", places),
        calendar(840, 0, "America/New_York", Places(locations=["hamburg"])),
    )
    slow = zone("slow", transit=4, places=Places(countries=["FR"]))
    dock = Dock(
        rules(rule(), calendars=calendars, zones=(slow, zone(transit=chance.choice([0, 1]))))
    )
    dock.now += chance.randrange(7 * 24) * HOUR_MS
    return dock


def something(chance: random.Random, dock: Dock) -> list[Send]:
    """One thing that happens, said once or twice."""
    names = _names(dock)
    name = chance.choice(names)
    deed = chance.randrange(14)
    if deed == 0:
        _restart(dock)
        return []
    if deed == 1:
        return dock.route()
    if deed == 2:
        lines = chance.choice([["1"], ["2"], []]) if chance.random() < 0.3 else ["9"]
        return dock.ask("o", CancelFulfillment("o", "no more", lines))
    if deed == 3:
        pieces = [PackedLine(chance.choice("12"), 1)]
        return dock.ask("o", RecordGoodsLeft("o", "by hand", pieces, "dhl", "T"))
    if deed == 4:
        return dock.answered(dock.ask("o", ReportShort("o", name, "2", 1, "jo")), lyon=True)
    if deed <= 6:
        when = dock.now - chance.choice([0, 0, 1, 30, 90]) * HOUR_MS
        return dock.tells(chance.choice(TELLS), when, name)
    what = chance.choice(ANYTHING)
    if what == "reject":
        has = chance.choice([{}, {"lyon": True}, {"hamburg": True}, {"nowhere": True}])
        return dock.given_back(name, **has)
    return dock.say(what, name)


def _restart(dock: Dock) -> None:
    """Another process, which has nothing but the states as Kafka keeps them."""
    dock.room = FulfillmentRoom()
    for key, state in dock.states.kept.items():
        dock.states.kept[key] = codec.decode(codec.encode(state))


def _names(dock: Dock) -> list[str]:
    state = dock.states.get("o|work")
    if not isinstance(state, WorkState):
        return ["o/1", "o/2"]
    return [one.fulfillment_order_id for one in state.orders]


def lived(seed: int) -> tuple[Dock, list[Record]]:
    """An order from its release, for a while, and what was written."""
    chance = random.Random(seed)
    dock = a_dock(chance)
    there = chance.choice(["berlin", "lyon"])
    dispatch_by_ms = dock.now + chance.choice([0, 0, 3, 30]) * HOUR_MS
    sends = dock.route(
        replace(MUG, also_at=["lyon", "hamburg"][: chance.randint(0, 2)]),
        replace(TEE, location_id=there, also_at=["hamburg"]),
        dispatch_by_ms=dispatch_by_ms,
    )
    sends = dock.answered(sends)
    for _ in range(chance.randint(1, 40)):
        if chance.random() < 0.3:
            pause = chance.choice([1, 4, 12, 30, 80]) * HOUR_MS
            if chance.random() < 0.5:
                sends += dock.until(dock.now + pause)
            dock.now += pause // 3
        before = dock.states.get(KEY)
        sends += something(chance, dock)
        check_now(dock, before)
    sends += dock.until(dock.now + 100 * 24 * HOUR_MS)
    return dock, [send.record for send in sends]


def check_now(dock: Dock, before: Record | None) -> None:
    """A timer is ahead, and what nobody waits for any more is not kept."""
    state = dock.states.get(KEY)
    if not isinstance(state, PromiseState):
        return
    if state != before:
        assert not state.wake_at_ms or state.wake_at_ms > dock.now
        assert not state.promises or not all(one.ended for one in state.promises)
    work = dock.states.get("o|work")
    if isinstance(work, WorkState):
        over = {one.fulfillment_order_id for one in work.orders if one.status in OVER}
        assert not any(
            one.fulfillment_order_id in over for one in state.promises if not one.waiting
        )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_promises_tell_one_story_once(seed: int) -> None:
    note(f"seed {seed}")
    dock, events = lived(seed)
    state = dock.states.get(KEY)
    check_promises(events, [state] if state is not None else [], at_rest=True)


def test_everything_that_can_be_told_is() -> None:
    """The property above would hold of an order of which nothing is told."""
    seen: set[str] = set()
    for seed in range(300):
        _, events = lived(seed)
        seen |= {one[-1] for one in in_words(events)}
    assert {
        "rerouted", "hold_ended", "left_late", "carrier_exception", "carrier_late", "not_accepted",
        "not_packed", "not_shipped", "held", "no_location", "lost", "damaged", "released",
        "shipped", "returned_to_sender",
    } <= seen  # fmt: skip
