"""Channels are told what they may sell: only changes, what has run out first, through faults."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.availability.account import Gate, Level
from connectors.availability.pending import Pending, Urgency, urgency
from connectors.availability.pusher import UNTOLD_MS, Settings
from connectors.availability.stock import Changes, WatchedStore
from connectors.json_api import ApiFailed
from schemas.codec import encode
from schemas.stock import ChannelLevel, Component, LocationLevel
from tests.fakes.stock_channels import StockChannels
from tests.unit.connectors.channel_accounts import (
    CHANNELS,
    Killed,
    MemoryBook,
    Served,
    account,
    record,
)

SKUS = {"CUP": 1, "MUG": 1, "PLATE": 1, "POT": 1, "TEA": 1}
ALL_AT_ONCE = Settings(share=1.0, read_back_seconds=60.0, first_pause_seconds=0.001)


@pytest.mark.parametrize("channel", CHANNELS)
def test_each_channel_is_told_of_every_sku_and_then_of_changes_alone(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS), variations=frozenset({"MUG", "POT"})) as there:
        served = Served(account(channel, there.url))
        served.put(*(record(sku, number) for number, sku in enumerate(SKUS)))
        served.settle()
        assert there.pieces == {"CUP": 0, "MUG": 1, "PLATE": 2, "POT": 3, "TEA": 4}
        there.told.clear()
        served.put(record("CUP", 0), record("MUG", 9), record("MUG", 8))
        served.settle()
        assert there.told == [("MUG", 8)]
    assert {sku: one.quantity for sku, one in served.book.told.items()} == there.pieces


@pytest.mark.parametrize("channel", CHANNELS)
def test_an_unknown_sku_is_told_of_once_and_holds_up_no_other(channel: str) -> None:
    with StockChannels(pieces={"MUG": 1, "TEA": 1}) as there:
        served = Served(account(channel, there.url))
        served.put(record("MUG", 5), record("NOWHERE", 7), record("TEA", 6))
        served.settle()
        assert there.pieces == {"MUG": 5, "TEA": 6}
        unknown = served.book.told["NOWHERE"]
        assert (unknown.quantity, unknown.reason) == (-1, "unknown_sku")
        asked = len(there.requests)
        served.put(record("NOWHERE", 8))
        served.settle()
        assert len(there.requests) == asked
        old = unknown.__class__("a", "NOWHERE", -1, "", "unknown_sku", unknown.at_ms - UNTOLD_MS)
        again = Served(account(channel, there.url), MemoryBook({"NOWHERE": old}))
        again.put(record("NOWHERE", 9))
        again.settle()
        assert len(there.requests) > asked


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_a_channel_refuses_holds_up_no_other_of_its_batch(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS), gone=frozenset({"PLATE"})) as there:
        served = Served(account(channel, there.url))
        served.put(*(record(sku, 7) for sku in SKUS))
        served.settle()
        assert there.pieces == {**dict.fromkeys(SKUS, 7), "PLATE": 1}
    assert served.book.told["PLATE"].quantity == -1
    assert served.book.told["PLATE"].reason


@pytest.mark.parametrize("channel", CHANNELS)
def test_faults_throttles_and_lost_answers_leave_the_latest_quantity(channel: str) -> None:
    troubles: dict[int, int | None] = {2: 500, 3: 429, 4: None, 6: 503, 9: 500}
    late = frozenset({1, 5, 7, 8})
    with StockChannels(
        pieces=dict(SKUS), troubles=troubles, late=late, throttled=frozenset({10})
    ) as there:
        served = Served(account(channel, there.url))
        served.put(*(record(sku, 5) for sku in SKUS))
        for _ in range(6):
            served.pauses.append(served.pusher.step())
        served.put(*(record(sku, 6) for sku in SKUS))
        served.settle()
        assert there.pieces == dict.fromkeys(SKUS, 6)
    assert max(served.pauses) >= 0.05
    failed = [one for one in served.book.attempts if one.reason]
    assert failed
    assert all(one.next_at_ms >= one.at_ms and one.count for one in failed)


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_kill_between_telling_and_noting_tells_the_same_again(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        book = MemoryBook(dies=True)
        served = Served(account(channel, there.url), book)
        served.put(record("MUG", 5), record("TEA", 6))
        with pytest.raises(Killed):
            served.settle()
        assert there.told
        book.dies = False
        again = Served(account(channel, there.url), book)
        again.put(record("MUG", 5), record("TEA", 6))
        again.settle()
        assert (there.pieces["MUG"], there.pieces["TEA"]) == (5, 6)
        told = len(there.told)
        restarted = Served(account(channel, there.url), book)
        restarted.put(record("MUG", 5), record("TEA", 7))
        restarted.settle()
        assert there.told[told:] == [("TEA", 7)]


@pytest.mark.parametrize("channel", CHANNELS)
def test_what_reads_back_as_something_else_is_told_again(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS), variations=frozenset({"POT"})) as there:
        served = Served(account(channel, there.url), settings=ALL_AT_ONCE)
        served.put(*(record(sku, 5) for sku in SKUS))
        served.settle()
        there.pieces |= {"POT": 99, "TEA": 3}
        there.troubles = {len(there.requests): 500}
        served.now = 61.0
        served.settle()
        assert there.pieces == dict.fromkeys(SKUS, 5)
        drifted = [
            sku
            for one in served.book.attempts
            if one.action == "read_back" and not one.reason
            for sku in one.failed
        ]
        assert sorted(drifted) == ["POT", "TEA"]


@pytest.mark.parametrize("channel", ["shopify", "magento", "amazon", "saleor"])
def test_what_a_channel_does_not_count_is_left_alone(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS), untracked=frozenset({"MUG"})) as there:
        served = Served(account(channel, there.url))
        served.put(record("MUG", 5), record("TEA", 5))
        served.settle()
        assert there.told == [("TEA", 5)]
    assert served.book.told["MUG"].reason in (
        "not_tracked",
        "has_no_stock",
        "fulfilled_by_amazon",
    )


@pytest.mark.parametrize("channel", ["ebay", "walmart", "amazon", "commercetools"])
def test_an_access_token_that_is_not_taken_any_more_is_fetched_anew(channel: str) -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account(channel, there.url))
        served.put(record("MUG", 5))
        served.settle()
        there.tokens += 1
        served.put(record("MUG", 4))
        served.settle()
        assert there.pieces["MUG"] == 4
        assert there.tokens == 3


def test_credentials_that_are_refused_are_not_tried_often() -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account("woocommerce", there.url))
        there.troubles = {0: 401}
        served.put(record("MUG", 5))
        assert served.pusher.step() >= 150
        assert served.book.attempts[-1].status == 401


def test_what_has_run_out_goes_before_what_is_back_what_is_low_and_the_rest() -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account("walmart", there.url))
        served.put(*(record(sku, 0 if sku == "POT" else 20) for sku in SKUS))
        served.settle()
        there.told.clear()
        served.put(
            record("CUP", 19),
            record("MUG", 3, level="low"),
            record("POT", 1),
            record("PLATE", 18),
            record("TEA", 0, level="out"),
        )
        served.settle()
        order = ["TEA", "POT", "MUG", "CUP", "PLATE"]
        assert [sku for sku, _ in there.told] == order


def test_a_sku_that_changes_and_changes_back_is_not_told() -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account("walmart", there.url))
        served.put(record("CUP", 4))
        served.settle()
        served.put(record("CUP", 3), record("CUP", 4))
        served.settle()
        assert there.told == [("CUP", 4)]


def test_a_sku_that_is_gone_is_told_as_nothing() -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account("walmart", there.url))
        served.put(record("CUP", 4))
        served.settle()
        served.store.put("CUP", None)
        served.settle()
        assert there.pieces["CUP"] == 0


def test_an_account_asks_no_faster_than_its_rate() -> None:
    now, slept = [0.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    gate = Gate(2.0, 3, lambda: now[0], sleep)
    for _ in range(7):
        gate.wait()
    assert sum(slept) == pytest.approx(2.0)


def test_one_failing_account_stops_only_itself() -> None:
    with StockChannels(pieces=dict(SKUS)) as good, StockChannels() as bad:
        bad.troubles = dict.fromkeys(range(1_000), 500)
        stop = threading.Event()
        served = [Served(account("shopify", one.url)) for one in (good, bad)]
        for one in served:
            one.put(record("MUG", 5))
        threads = [
            threading.Thread(target=one.pusher.run, args=(stop, lambda: True)) for one in served
        ]
        for thread in threads:
            thread.start()
        for _ in range(500):
            if good.told and len(bad.requests) > 2:
                break
            stop.wait(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        assert good.told == [("MUG", 5)]
        assert len(bad.requests) > 2


def test_a_full_map_leaves_out_the_least_urgent_and_finds_it_again() -> None:
    with StockChannels(pieces=dict(SKUS)) as there:
        served = Served(account("walmart", there.url), maximum=2)
        served.put(*(record(sku, 5) for sku in sorted(SKUS)), record("TEA", 0))
        served.settle()
        assert there.pieces == {**dict.fromkeys(SKUS, 5), "TEA": 0}
        assert there.told[0] == ("TEA", 0)


def test_a_channel_is_told_what_it_may_sell_and_a_kit_follows_its_components() -> None:
    def at(pieces: int) -> list[LocationLevel]:
        return [LocationLevel("berlin", pieces, 0, 0, 0, 0, 0, 0, pieces, True)]

    with StockChannels(pieces={"SET": 0, "TEA": 0}) as there:
        served = Served(account("shopify", there.url))
        words = [ChannelLevel("shopify", 4), ChannelLevel("ebay", 1)]
        served.put(
            record("TEA", 6, channels=words, locations=at(6)),
            record("SET", 0, components=[Component("TEA", 2)], level=""),
        )
        served.settle()
        assert there.pieces == {"SET": 3, "TEA": 4}
        served.put(record("TEA", 2, locations=at(2)))
        served.settle()
        assert there.pieces == {"SET": 1, "TEA": 2}


def test_shopify_is_told_of_every_variant_that_has_the_sku() -> None:
    with StockChannels(pieces={"MUG": 1}) as there:
        one = account("shopify", there.url)
        found = one.find(["MUG"])
        [item] = found.items.values()
        assert one.tell([Level("MUG", f"{item},{item}", 3)], "k") == {}
        assert there.told == [("MUG", 3)] * 2
        one.close()


def test_saleor_is_told_more_by_what_its_own_orders_have_allocated() -> None:
    with StockChannels(pieces={"MUG": 1}, allocated=3) as there:
        served = Served(account("saleor", there.url), settings=ALL_AT_ONCE)
        served.put(record("MUG", 5))
        served.settle()
        assert there.pieces == {"MUG": 8}
        served.now = 61.0
        served.settle()
        assert there.told == [("MUG", 8)]


def test_an_entry_of_commercetools_that_changes_in_the_same_moment_is_tried_again() -> None:
    with StockChannels(pieces={"MUG": 1}, conflicts=1) as there:
        served = Served(account("commercetools", there.url))
        served.put(record("MUG", 5))
        served.settle()
        assert there.told == [("MUG", 5)]
        assert "meanwhile" in served.book.attempts[0].reason


def test_woocommerce_is_not_asked_for_a_sku_with_a_comma() -> None:
    with StockChannels(pieces={"A": 1, "B": 1}) as there:
        one = account("woocommerce", there.url)
        found = one.find(["A,B", "A"])
        assert (dict(found.items), dict(found.refused)) == ({"A": "100"}, {"A,B": "comma_in_sku"})
        one.close()


def test_an_answer_of_another_shape_is_a_fault_and_is_tried_again() -> None:
    class Odd(StockChannels):
        def _shopify(self, content: dict[str, object]) -> dict[str, object]:
            return {"data": {"inventoryItems": None}}

    with Odd(pieces=dict(SKUS)) as there:
        served = Served(account("shopify", there.url))
        served.put(record("MUG", 5))
        served.pusher.step()
        assert "documented" in served.book.attempts[-1].reason
        assert not served.pusher.idle()


def test_an_error_of_the_service_names_no_secret_and_no_words_of_its_own() -> None:
    with StockChannels() as there:
        there.troubles = {0: 500}
        with pytest.raises(ApiFailed) as caught:
            account("woocommerce", there.url).find(["A"])
    assert str(caught.value) == "answered 500"


def test_changes_beyond_the_bound_mean_going_through_everything() -> None:
    changes = Changes(maximum=2)
    for sku in ("a", "b", "a", "c"):
        changes.add(sku)
    assert changes.take() == (["a", "b"], True)
    assert changes.take() == ([], False)


def test_a_store_leaves_out_what_is_no_record_of_levels() -> None:
    store = WatchedStore()
    changes = store.listen()
    store.put("A", b"nonsense")
    store.put("B", encode(record("B", 1)))
    assert changes.take() == (["B"], False)


def test_urgency_by_what_was_told() -> None:
    assert urgency(0, 5, False) is Urgency.OUT
    assert urgency(0, None, False) is Urgency.OUT
    assert urgency(3, 0, True) is Urgency.BACK
    assert urgency(3, 9, True) is Urgency.LOW
    assert urgency(3, None, False) is Urgency.OTHER


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(list(Urgency))), max_size=30),
    st.integers(1, 10),
    st.integers(1, 4),
)
def test_what_waits_is_each_once_by_urgency_and_within_its_bound(
    puts: list[tuple[str, Urgency]], maximum: int, most: int
) -> None:
    pending = Pending(maximum)
    latest: dict[str, Urgency] = {}
    for sku, how in puts:
        pending.put(sku, how)
        latest[sku] = how
        assert len(pending) <= maximum
    first = pending.take(most)
    pending.put_back(first, lambda sku: latest[sku])
    taken: list[str] = []
    while part := pending.take(most):
        taken += part
    assert taken[: len(first)] == first
    assert len(set(taken)) == len(taken)
    urgencies = [latest[sku] for sku in taken]
    assert urgencies == sorted(urgencies)
    assert pending.left_out == (set(taken) != set(latest))


def test_a_random_day_ends_with_what_is_true() -> None:
    chance = random.Random(11)
    troubles: dict[int, int | None] = {
        number: chance.choice([None, 500, 429, 503]) for number in range(0, 300, 3)
    }
    late = frozenset(range(1, 300, 7))
    with StockChannels(pieces=dict(SKUS), troubles=troubles, late=late) as there:
        book = MemoryBook()
        served = Served(account("square", there.url), book, ALL_AT_ONCE)
        truth: dict[str, int] = {}
        for _ in range(60):
            sku = chance.choice(list(SKUS))
            truth[sku] = chance.randrange(3)
            served.put(record(sku, truth[sku]))
            served.now += chance.choice([0.0, 30.0])
            if chance.random() < 0.2:
                served = Served(account("square", there.url), book, ALL_AT_ONCE)
                served.put(*(record(one, pieces) for one, pieces in truth.items()))
            served.pusher.step()
        served.settle()
        assert {sku: there.pieces[sku] for sku in truth} == truth
