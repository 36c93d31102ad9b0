"""Rate limits by a fake clock, pauses, access tokens and Retry-After."""

from __future__ import annotations

import email.utils
import random
import time

import pytest

from connectors.polling.fetching import Answer, retry_after
from connectors.polling.pace import LONGEST_WAIT_SECONDS, Backoff, Bucket, NotYet
from connectors.polling.source import Refused, Throttled
from connectors.polling.tokens import Granted, Tokens
from tests.fakes.clock import Clock


def taken(bucket: Bucket) -> int:
    """How many requests may be made now."""
    count = 0
    while True:
        try:
            bucket.take()
        except NotYet:
            return count
        count += 1


def throttle(bucket: Bucket) -> None:
    with pytest.raises(Throttled), bucket.asking():
        raise Throttled(0.0)


def test_a_full_bucket_gives_its_burst_and_then_its_rate() -> None:
    clock = Clock()
    bucket = Bucket(0.5, 30, clock.seconds)
    assert taken(bucket) == 30
    clock.go(2.0)
    assert taken(bucket) == 1
    clock.go(20.0)
    assert taken(bucket) == 10
    clock.go(86_400.0)
    assert taken(bucket) == 30


def test_who_waits_as_long_as_the_bucket_says_has_a_token() -> None:
    clock = Clock()
    bucket = Bucket(0.0167, 1, clock.seconds)
    bucket.take()
    with pytest.raises(NotYet) as early:
        bucket.take()
    assert 59 < early.value.seconds < 61
    clock.go(early.value.seconds)
    bucket.take()


def test_a_wait_costs_no_token() -> None:
    clock = Clock()
    bucket = Bucket(1.0, 1, clock.seconds)
    bucket.take()
    for _ in range(100):
        assert taken(bucket) == 0
    clock.go(1.0)
    assert taken(bucket) == 1


def test_a_throttled_bucket_is_empty() -> None:
    clock = Clock()
    bucket = Bucket(1.0, 10, clock.seconds)
    throttle(bucket)
    assert taken(bucket) == 0


@pytest.mark.parametrize(
    ("told", "after_ten_seconds"),
    [("2.0", 20), ("0.5", 5), ("", 10), ("nan", 10), ("-1", 10), ("0", 10), ("inf", 10)],
)
def test_the_rate_is_what_the_source_tells_if_it_is_one(told: str, after_ten_seconds: int) -> None:
    clock = Clock()
    bucket = Bucket(1.0, 100, clock.seconds)
    throttle(bucket)
    bucket.rate_is(told)
    clock.go(10.0)
    assert taken(bucket) == after_ten_seconds


def test_pauses_are_spread_from_nothing_to_a_bound_that_doubles() -> None:
    backoff = Backoff(1.0, 300.0, random.Random(1))
    for failures in (1, 2, 5, 9, 50):
        bound = min(300.0, 2.0 ** (failures - 1))
        pauses = [backoff.seconds(failures) for _ in range(500)]
        assert max(pauses) <= bound
        assert min(pauses) < 0.05 * bound and max(pauses) > 0.95 * bound


def test_a_pause_is_no_shorter_than_asked_for() -> None:
    backoff = Backoff(1.0, 300.0, random.Random(1))
    assert all(backoff.seconds(1, 7.0) == 7.0 for _ in range(50))
    assert all(150.0 <= backoff.longest() <= 300.0 for _ in range(50))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("", 0.0),
        ("-3", 0.0),
        ("soon", 0.0),
        ("nan", 0.0),
        ("1e9", 3600.0),
    ],
)
def test_retry_after_is_read_as_seconds_within_bounds(text: str, seconds: float) -> None:
    assert retry_after(text) == seconds


def test_retry_after_is_read_as_a_date() -> None:
    assert 25 < retry_after(email.utils.formatdate(time.time() + 30, usegmt=True)) <= 30
    assert retry_after(email.utils.formatdate(time.time() - 30, usegmt=True)) == 0.0


def test_a_token_is_fetched_before_it_ends_and_not_earlier() -> None:
    clock = Clock()
    given: list[str] = []

    def fetch() -> Granted:
        given.append(f"t{len(given)}")
        return Granted(given[-1], 900.0)

    tokens = Tokens(fetch, clock.seconds)
    assert [tokens.value() for _ in range(3)] == ["t0"] * 3
    clock.go(830.0)
    assert tokens.value() == "t0"
    clock.go(15.0)
    assert tokens.value() == "t1"


def test_a_refused_token_is_renewed_once() -> None:
    given: list[str] = []

    def fetch() -> Granted:
        given.append(f"t{len(given)}")
        return Granted(given[-1], 900.0)

    def ask(token: str) -> Answer:
        if token == "t0" and len(given) == 1 and asked:
            raise Refused("answered 401")
        asked.append(token)
        return Answer(b"", {})

    asked: list[str] = []
    tokens = Tokens(fetch)
    tokens.asked_with(ask)
    tokens.asked_with(ask)
    assert asked == ["t0", "t1"]

    def never(_: str) -> Answer:
        raise Refused("answered 403")

    with pytest.raises(Refused):
        tokens.asked_with(never)
    assert len(given) == 3


def test_no_limit_makes_a_source_wait_for_ever() -> None:
    bucket = Bucket(1e-9, 0)
    with pytest.raises(NotYet) as early:
        bucket.take()
    assert early.value.seconds == LONGEST_WAIT_SECONDS
