"""Shipments are followed to their end: across kills every event is told once, and none is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.carriers import tracker as following
from connectors.carriers.carrier import CarrierAway, Shipment, Told, commands
from connectors.carriers.sandbox import LATE, SILENT, STRAIGHT, Sandbox
from connectors.carriers.tracker import Round, Tracker
from schemas.carriers import ShipmentFollowed
from schemas.fulfillment_work import (
    FulfillmentOrderAccepted,
    FulfillmentOrderShipped,
    RecordCarrierEvent,
)
from schemas.records import Record
from schemas.topics import DAY_MS
from tests.unit.streams.memory import NOW

FASTER = 3_600
"""of the sandbox: an hour in a second"""


class Killed(Exception):
    """The process has ended."""


class Log:
    """What Kafka keeps, and a place where the process is killed."""

    def __init__(self, events: Sequence[Record] = ()) -> None:
        self.events = list(events)
        self.position = 0
        self.kept: dict[str, ShipmentFollowed] = {}
        self.commands: list[RecordCarrierEvent] = []
        self.writes = 0
        self.kill_at = -1
        self.kill_before = True

    def journal(self) -> FakeJournal:
        return FakeJournal(self)


class FakeJournal:
    """See connectors.carriers.tracker.Journal: of one life."""

    def __init__(self, log: Log, at_once: int = 3) -> None:
        self.log = log
        self.at_once = at_once
        self.position = log.position

    def followed(self) -> Sequence[ShipmentFollowed]:
        return list(self.log.kept.values())

    def read(self, seconds: float) -> Sequence[Record]:
        found = self.log.events[self.position : self.position + self.at_once]
        self.position += len(found)
        return found

    def write(self, changed: Round) -> None:
        log = self.log
        log.writes += 1
        if log.writes == log.kill_at and log.kill_before:
            raise Killed
        log.commands += changed.commands
        for name, one in changed.followed.items():
            if one is None:
                log.kept.pop(name, None)
            else:
                log.kept[name] = one
        log.position = self.position
        if log.writes == log.kill_at:
            raise Killed


def left(number: int, tracking: str, carrier: str = "sandbox", at_ms: int = NOW) -> Record:
    order_id = f"o-{number}"
    return FulfillmentOrderShipped(order_id, f"{order_id}/1", "b", [], carrier, "", tracking, at_ms)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def follow(log: Log, clock: Clock, rounds: int = 400, step_ms: int = 700) -> Tracker:
    """One life, until everything is told or the process is killed."""
    made = Tracker(log.journal(), [Sandbox(FASTER)], clock)
    made.start()
    for _ in range(rounds):
        made.step(0.0)
        clock.now += step_ms
        if log.position == len(log.events) and not log.kept:
            break
    return made


def wanted(log: Log) -> Counter[str]:
    """Each event of each shipment, once."""
    found: set[str] = set()
    for one in log.events:
        if isinstance(one, FulfillmentOrderShipped) and one.carrier == "sandbox":
            name = one.fulfillment_order_id
            shipment = Shipment(one.order_id, name, one.tracking_number, one.at_ms)
            found |= {f"{name} {told.event_id}" for told in commands(Sandbox(FASTER), shipment)}
    return Counter(found)


def told(log: Log) -> Counter[str]:
    return Counter(f"{one.fulfillment_order_id} {one.event_id}" for one in log.commands)


SEVEN = [left(n, f"T{n}{LATE if n % 2 else ''}") for n in range(7)]


def test_every_event_is_told_once_and_then_the_shipment_is_let_go() -> None:
    log = Log(SEVEN)
    follow(log, Clock())
    assert told(log) == wanted(log)
    assert log.kept == {}


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=12))
@settings(max_examples=60)
def test_kills_neither_skip_nor_repeat(kills: list[tuple[int, bool]]) -> None:
    log, clock = Log(SEVEN), Clock()
    for after, before in kills:
        log.writes, log.kill_at, log.kill_before = 0, after, before
        try:
            follow(log, clock)
        except Killed:
            clock.now += 5_000
    log.kill_at = -1
    follow(log, clock)
    assert told(log) == wanted(log)
    assert log.kept == {}


def test_what_the_sandbox_tells_twice_is_told_to_the_room_once() -> None:
    doubled = next(
        f"T{n}" for n in range(100)
        if len(Sandbox().notices(Shipment("o", "o/1", f"T{n}", NOW))) > 6
    )  # fmt: skip
    log = Log([left(1, doubled)])
    follow(log, Clock())
    assert max(told(log).values()) == 1


def test_the_sandbox_tells_nothing_before_it_has_happened() -> None:
    carrier, shipment = Sandbox(), Shipment("o", "o/1", "T7", NOW)
    cursor, now, found = "", NOW, []
    while True:
        said = carrier.since(shipment, cursor, now)
        assert carrier.since(shipment, cursor, now) == said
        assert all(notice.occurred_at_ms <= now for notice in said.notices)
        found += said.notices
        if not said.ask_at_ms:
            break
        assert said.ask_at_ms > now
        cursor, now = said.cursor, said.ask_at_ms
    assert found == carrier.notices(shipment)


def test_a_faster_sandbox_delivers_earlier() -> None:
    shipment = Shipment("o", "o/1", f"T1{STRAIGHT}", NOW)
    last = Sandbox(3_600).notices(shipment)[-1]
    assert last.occurred_at_ms == NOW + 29_000
    assert Sandbox().notices(shipment)[-1].occurred_at_ms == NOW + 29 * 3_600_000


def test_other_carriers_and_other_events_are_nobodys_business_here() -> None:
    log = Log(
        [
            FulfillmentOrderAccepted("o", "o/1", "b", "anna", NOW),
            left(1, "T1", carrier="dhl"),
            left(2, ""),
            left(3, "T3", at_ms=NOW - 91 * DAY_MS),
        ]
    )
    follow(log, Clock(), rounds=3)
    assert (log.position, log.kept, log.commands) == (4, {}, [])


def test_what_has_left_long_ago_is_not_asked_about_for_ever() -> None:
    log, clock = Log([left(1, f"T1{SILENT}")]), Clock()

    class Never(Sandbox):
        def since(self, shipment: Shipment, cursor: str, now_ms: int) -> Told:
            return Told([], cursor, now_ms + DAY_MS)

    made = Tracker(log.journal(), [Never()], clock)
    made.start()
    for _ in range(100):
        made.step(0.0)
        clock.now += DAY_MS
    assert log.kept == {}


class Flaky(Sandbox):
    """Is away when it is told to be."""

    def __init__(self) -> None:
        super().__init__(FASTER)
        self.away = True
        self.asked = 0

    def since(self, shipment: Shipment, cursor: str, now_ms: int) -> Told:
        self.asked += 1
        if self.away:
            raise CarrierAway("answered 503", 2.0)
        return super().since(shipment, cursor, now_ms)


def test_a_carrier_that_is_away_is_asked_ever_more_slowly_and_loses_nothing() -> None:
    log, clock, carrier = Log(SEVEN), Clock(), Flaky()
    made = Tracker(log.journal(), [carrier], clock)
    made.start()
    for _ in range(600):
        made.step(0.0)
        clock.now += 100
    # Seven shipments, but the carrier as a whole is asked again after 2, 2, 4, 8, 16 and 32 s.
    assert carrier.asked <= 8
    carrier.away = False
    for _ in range(3_000):
        made.step(0.0)
        clock.now += 200
    assert told(log) == wanted(log)


def test_a_carrier_that_is_away_holds_up_no_other() -> None:
    class Other(Flaky):
        name = "other"

    log, clock = Log([left(1, "T1"), left(2, "T2", carrier="other")]), Clock()
    made = Tracker(log.journal(), [Other(), Sandbox(FASTER)], clock)
    made.start()
    for _ in range(100):
        made.step(0.0)
        clock.now += 1_000
    assert {one.fulfillment_order_id for one in log.commands} == {"o-1/1"}
    assert set(log.kept) == {"o-2/1"}


def test_a_shipment_whose_carrier_is_not_served_here_is_kept() -> None:
    log, clock = Log([left(1, "T1")]), Clock()
    follow(log, clock, rounds=1)
    assert set(log.kept) == {"o-1/1"}
    made = Tracker(log.journal(), [], clock)
    made.start()
    for _ in range(20):
        made.step(0.0)
        clock.now += 60_000
    assert set(log.kept) == {"o-1/1"}


def test_no_more_is_followed_than_there_is_memory_for() -> None:
    log, clock = Log(SEVEN), Clock()
    made = Tracker(FakeJournal(log, at_once=1), [Sandbox(FASTER)], clock, maximum_followed=2)
    made.start()
    for _ in range(600):
        made.step(0.0)
        assert len(log.kept) <= 2
        clock.now += 1_000
    assert told(log) == wanted(log)


def test_a_round_is_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "ASKED_AT_ONCE", 2)
    log, clock = Log(SEVEN), Clock()
    made = Tracker(FakeJournal(log, at_once=10), [Sandbox(FASTER)], clock)
    made.start()
    made.step(0.0)
    clock.now += 60_000
    before = len(log.commands)
    made.step(0.0)
    assert len({one.fulfillment_order_id for one in log.commands[before:]}) == 2


def test_it_runs_until_it_is_stopped() -> None:
    log, stop = Log(SEVEN), threading.Event()

    class Stopping(FakeJournal):
        def write(self, changed: Round) -> None:
            super().write(changed)
            if log.writes == 3:
                stop.set()

    made = Tracker(Stopping(log), [Sandbox(FASTER)], Clock())
    made.run(stop)
    assert made.ready.is_set()
    assert log.writes == 3
