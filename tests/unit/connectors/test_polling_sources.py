"""What holds for every source: nothing is lost and nothing is told twice, whatever happens.

Each runs against a fake of its service that pages by positions in a list that changes while it is
read, which is the worst that its documentation leaves open.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.channels.mapping import Rejected
from connectors.polling.seam import Reader
from connectors.polling.source import Refused, SourceError, Throttled
from tests.fakes.clock import Clock, rounds
from tests.fakes.loopback import Reply
from tests.fakes.service import Service
from tests.unit.connectors.polled import CASES, Case, Place

SIZE = 3
SETTLED_SECONDS = 600.0


class Polled:
    """A source and its fake, with pages of three orders."""

    def __init__(self, case: Case, fake: Service, clock: Clock, directory: Path) -> None:
        self.case = case
        self.fake = fake
        self.clock = clock
        self.directory = directory
        self.cursor = self.source().first_cursor(clock.ms)
        self.told: Counter[tuple[int, int]] = Counter()

    def source(self, secret: str = "") -> Reader:
        return self.case.source(Place(self.fake.url, self.clock, self.directory, secret))

    def poll(self, again: Callable[[], Reader] | None = None) -> int:
        """A round, some minutes later; how many orders it told."""
        self.clock.go(SETTLED_SECONDS)
        payloads, self.cursor = rounds(self.source(), self.cursor, self.clock, again)
        versions = self.case.versions(payloads)
        self.told.update(versions)
        return len(versions)

    def put(self, *numbers: int) -> None:
        """Orders are new or change, a second apart."""
        for number in numbers:
            self.clock.go(1.0)
            self.fake.put(number, self.clock.seconds())

    def check(self) -> None:
        """All is told as it is now, and nothing twice."""
        now = {(one.number, int(one.at)) for one in self.fake.orders.values()}
        assert now <= set(self.told), f"lost: {sorted(now - set(self.told))}"
        assert set(self.told.values()) == {1}


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def polled(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Polled]:
    case: Case = request.param
    clock = Clock()
    monkeypatch.setattr(case.module, case.size, SIZE)
    with case.fake(clock=clock.seconds) as fake:
        yield Polled(case, fake, clock, tmp_path)


def test_all_pages_come_and_later_only_what_changed(polled: Polled) -> None:
    polled.put(*range(10))
    assert polled.poll() == 10
    first = polled.told.total()
    polled.poll()
    # Walmart's orders change once more, as they are acknowledged.
    extra = polled.told.total() - first
    assert extra == (10 if polled.case.name == "walmart" else 0)
    assert polled.poll() == 0
    polled.put(4)
    assert polled.poll() == 1
    polled.check()


@pytest.mark.parametrize("kill", [False, True], ids=["", "killed"])
def test_faults_and_kills_neither_lose_nor_repeat(polled: Polled, kill: bool) -> None:
    for turn in range(3):
        polled.put(*range(turn * 5, turn * 5 + 10))
        began = len(polled.fake.requests)
        polled.fake.troubles = {
            began + number: trouble
            for number, trouble in ((0, 500), (2, None), (4, 429), (5, 503), (8, 500), (11, None))
        }
        polled.poll(polled.source if kill else None)
    polled.poll()
    polled.check()


@pytest.mark.parametrize("seed", range(3))
def test_orders_that_change_while_pages_are_read_push_none_out(polled: Polled, seed: int) -> None:
    chance = random.Random(seed)

    def change() -> None:
        if chance.random() < 0.7:
            polled.put(*chance.sample(range(30), chance.randrange(1, 3)))
        polled.clock.go(chance.random() * 3)

    for turn in range(3):
        polled.put(*range(turn * 10, turn * 10 + 10))
        changed = 0

        def some() -> None:
            nonlocal changed
            changed += 1
            if changed < 12:
                change()

        polled.fake.on_page = some
        polled.poll(polled.source if seed % 2 else None)
    polled.fake.on_page = lambda: None
    polled.poll()
    polled.poll()
    polled.check()


def test_more_than_a_page_may_change_within_one_second(polled: Polled) -> None:
    polled.clock.go(100.0)
    for number in range(11):
        polled.fake.put(number, polled.clock.seconds())
    assert polled.poll() == 11
    polled.poll()
    polled.check()


def test_a_change_that_shows_late_at_the_seam_is_not_missed(polled: Polled) -> None:
    polled.put(1)
    polled.poll()
    place = polled.fake.orders[1].at if polled.case.name not in ("ebay", "walmart") else None
    late = (place or polled.clock.seconds() - 150) - 20
    polled.fake.put(2, late)
    polled.poll()
    polled.poll()
    polled.check()


def test_wrong_credentials_are_refused_and_not_told(polled: Polled) -> None:
    polled.clock.go(SETTLED_SECONDS)
    with pytest.raises(Refused) as caught:
        polled.source("wrong-secret").page(polled.cursor)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_the_source_asks_for_is_told(polled: Polled, status: int) -> None:
    polled.clock.go(SETTLED_SECONDS)
    polled.fake.troubles = dict.fromkeys(range(9), status)
    with pytest.raises(Throttled) as caught:
        polled.source().page(polled.cursor)
    assert caught.value.seconds == 0.05


@pytest.mark.parametrize("body", [b"", b"{", b"7", b"null"])
def test_an_answer_of_another_shape_is_a_fault_of_the_source(polled: Polled, body: bytes) -> None:
    polled.put(1)
    polled.clock.go(SETTLED_SECONDS)
    right = polled.fake.reply

    def reply(asked):  # type: ignore[no-untyped-def]
        answer = right(asked)
        return answer if b"access_token" in answer.body else Reply(200, body)

    polled.fake.reply = reply  # type: ignore[method-assign]
    with pytest.raises(SourceError) as caught:
        polled.source().page(polled.cursor)
    assert "documented" in str(caught.value)


def test_the_mapping_of_the_channel_reads_what_is_fetched(polled: Polled) -> None:
    polled.fake.shown = polled.case.full
    polled.put(1, 2)
    polled.clock.go(SETTLED_SECONDS)
    payloads, _ = rounds(polled.source(), polled.cursor, polled.clock)
    found = [
        one
        for payload in payloads
        for one in polled.case.mapping().orders(payload, "", "raw", polled.clock.ms)
    ]
    assert len(found) == 2
    assert not [one for one in found if isinstance(one, Rejected)]


def test_nothing_before_the_first_start_is_fetched(polled: Polled) -> None:
    polled.fake.put(1, polled.clock.seconds() - 86_400)
    assert polled.poll() == 0


def test_a_source_begins_where_it_is_told_to(polled: Polled) -> None:
    polled.fake.put(1, polled.clock.seconds() - 86_400 * 5)
    source = polled.source()
    source.begin = polled.clock.moment(86_400 * 6)
    polled.cursor = source.first_cursor(polled.clock.ms)
    polled.poll()
    polled.poll()
    polled.check()
