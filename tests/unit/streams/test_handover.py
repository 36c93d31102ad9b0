"""Records that are decided in the transaction that writes them: which, and in what order."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest
from confluent_kafka import Message

from schemas.messages import Inbound, Room, Send, States
from schemas.stock import SetStock
from schemas.topics import Topic
from streams.engine import handover
from streams.engine.handover import Inbox, Place, hand_over, place_of
from streams.engine.partition import HANDED_OVER, PartitionBatch, PartitionState, Raw

NOW = 1_790_000_000_000


class At:
    """A delivery report."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def offset(self) -> int:
        return self._offset


def reported(inbox: Inbox, offset: int) -> None:
    inbox.written(None, cast(Message, At(offset)))


class Passing:
    """Notes what it decides, and writes a record with one less of `on_hand` to the other room."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.commands = Topic(f"{name}.commands", "sku", (SetStock,), "test", name, "")
        self.state = None
        self.dead_letter = Topic(f"{name}.dead-letter", "key", (), name, "test", "")
        self.other: Passing | None = None
        self.decided: list[tuple[str, int, int]] = []
        self.fails_at: int | None = None

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        record = inbound.record
        assert isinstance(record, SetStock) and self.other is not None
        if record.on_hand == self.fails_at:
            raise ValueError("cannot")
        self.decided.append((record.sku, record.on_hand, inbound.offset))
        if not record.on_hand:
            return []
        following = SetStock(record.sku, "x", record.on_hand - 1, 0, "test")
        return [Send(self.other.commands, record.sku, following)]

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        raise NotImplementedError


class Bench:
    """Two rooms that write to each other, and the batches of one transaction."""

    def __init__(self) -> None:
        self.one, self.two = Passing("one"), Passing("two")
        self.one.other, self.two.other = self.two, self.one
        self.batches: dict[Place, PartitionBatch] = {}
        self.inboxes = {
            (room.commands.name, number): Inbox(0)
            for room in (self.one, self.two)
            for number in range(room.commands.partitions)
        }

    def batch(self, place: Place) -> PartitionBatch:
        room = self.one if place[0] == "one.commands" else self.two
        return PartitionBatch(cast(Room, room), place[1], PartitionState(None), [], NOW)

    def begin(self, *sends: Send) -> PartitionBatch:
        """A batch of room one that has led to these."""
        batch = self.batch(("one.commands", 0))
        batch.sends.extend(sends)
        self.batches["one.commands", 0] = batch
        return batch

    def run(self, so_far: int = 0) -> int:
        rounds = 0
        while following := hand_over(self.batches, self.inboxes, self.batch, so_far):
            so_far += sum(len(batch.arrivals) for batch in following)
            for batch in following:
                batch.follow()
            rounds += 1
        return rounds

    def send(self, sku: str, number: int) -> Send:
        return Send(self.two.commands, sku, SetStock(sku, "x", number, 0, "test"))


def test_a_record_is_followed_until_nothing_comes_of_it() -> None:
    bench = Bench()
    first = bench.begin(bench.send("a", 3))
    assert bench.run() == 4
    assert bench.two.decided == [("a", 3, HANDED_OVER), ("a", 1, HANDED_OVER)]
    assert bench.one.decided == [("a", 2, HANDED_OVER), ("a", 0, HANDED_OVER)]
    assert 0 in first.handed_over
    assert sum(batch.followed for batch in bench.batches.values()) == 4


def test_what_another_worker_holds_is_left_to_it() -> None:
    bench = Bench()
    del bench.inboxes[place_of(bench.send("a", 3))]
    first = bench.begin(bench.send("a", 3))
    assert bench.run() == 0
    assert first.handed_over == set()


def test_nothing_overtakes_what_is_still_to_be_read() -> None:
    bench = Bench()
    place = place_of(bench.send("a", 1))
    bench.inboxes[place] = Inbox(5)
    first = bench.begin(bench.send("a", 1))
    bench.run()
    assert first.handed_over == set()
    bench.inboxes[place].read_to(5)
    first = bench.begin(bench.send("a", 1))
    bench.run()
    assert first.handed_over == {0}


def test_an_inbox_is_closed_until_what_was_left_has_been_read() -> None:
    inbox = Inbox(0)
    inbox.leave()
    inbox.leave()
    inbox.read_to(9)
    assert not inbox.is_open
    reported(inbox, 10)
    reported(inbox, 11)
    assert not inbox.is_open
    inbox.read_to(11)
    assert not inbox.is_open
    inbox.read_to(12)
    assert inbox.is_open


def test_a_record_that_was_not_written_never_opens_its_inbox() -> None:
    inbox = Inbox(0)
    inbox.leave()
    inbox.written(cast(Any, "failed"), cast(Message, At(-1)))
    inbox.read_to(1_000_000)
    assert not inbox.is_open


def test_what_cannot_be_decided_is_left_and_nothing_of_it_is_kept() -> None:
    bench = Bench()
    bench.two.fails_at = 7
    first = bench.begin(bench.send("a", 7), bench.send("a", 0))
    bench.run()
    assert first.handed_over == {1}
    assert bench.two.decided == [("a", 0, HANDED_OVER)]
    assert not bench.inboxes[place_of(bench.send("a", 7))].is_open


def test_a_transaction_decides_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "MAXIMUM_HANDED_OVER", 3)
    bench = Bench()
    first = bench.begin(*(bench.send("a", 0) for _ in range(5)))
    bench.run()
    assert first.handed_over == {0, 1, 2}
    assert not bench.inboxes[place_of(bench.send("a", 0))].is_open


def test_records_of_one_source_are_decided_in_the_order_in_which_they_are_written() -> None:
    """Whatever is handed over and whatever is left and read later."""
    for seed in range(300):
        chance = random.Random(seed)
        bench = Bench()
        bench.one.other = bench.two
        log: list[tuple[SetStock, bool]] = []
        place = place_of(bench.send("a", 0))
        inbox = bench.inboxes[place]
        read = number = 0
        for _ in range(40):
            bench.batches = {}
            if chance.random() < 0.5 and read < len(log):
                upto = chance.randint(read, len(log))
                unread = [record for record, decided in log[read:upto] if not decided]
                bench.two.decided += [("a", record.on_hand, 0) for record in unread]
                read = upto
                inbox.read_to(read)
            sends = []
            for _ in range(chance.randrange(4)):
                number += 1
                sends.append(bench.send("a", number))
            first = bench.begin(*sends)
            if chance.random() < 0.2:
                inbox.shut()
            following = hand_over(bench.batches, {place: inbox}, bench.batch, 0)
            for batch in following:
                batch.follow()
            for index, send in enumerate(sends):
                decided = index in first.handed_over
                log.append((cast(SetStock, send.record), decided))
                if not decided:
                    inbox.leave()
                    reported(inbox, len(log) - 1)
        bench.two.decided += [("a", r.on_hand, 0) for r, decided in log[read:] if not decided]
        assert [count for _, count, _ in bench.two.decided] == list(range(1, number + 1))


def test_a_record_that_was_read_has_its_offset() -> None:
    bench = Bench()
    batch = PartitionBatch(
        cast(Room, bench.one), 0, PartitionState(None), [Raw(b"a", b"rubbish", 4)], NOW
    )
    batch.decide([])
    assert batch.dead_letters == 1
