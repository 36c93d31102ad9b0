"""The days of a chaos run end when they are wanted to, and its rules can be asked."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from schemas.locations import LocationsState
from streams.fulfillment.routing import Router
from tests.chaos import routing


@pytest.mark.parametrize("second", [0, 30_000, 43_199, 43_201, 86_399])
def test_a_day_ends_at_the_full_minute_after_the_time_that_is_named(
    tmp_path: Path, second: int
) -> None:
    at = 1_800_000_000 // 86_400 * 86_400 + second
    clocks = routing.Clocks(tmp_path)
    try:
        clocks.midnight(routing.EARLY, at)
    finally:
        clocks.close()
    with (tmp_path / routing.EARLY).open("rb") as file:
        zone = ZoneInfo.from_file(file)
    minute = datetime.fromtimestamp((at // 60 + 1) * 60, UTC).astimezone(zone)
    assert (minute.hour, minute.minute, minute.second) == (0, 0, 0)


def test_two_of_three_seeds_have_rules_and_all_of_them_can_be_asked(tmp_path: Path) -> None:
    assert [routing.wanted(seed) for seed in (9, 10, 11)] == [False, True, True]
    usual = zoneinfo.TZPATH
    routing.Clocks(tmp_path).close()
    zoneinfo.reset_tzpath((str(tmp_path), *usual))
    try:
        for seed in range(20):
            rules = routing.rules_of(seed)
        known = [replace(one, time_zone="UTC") for one in rules.calendars]
        Router(replace(rules, calendars=known), LocationsState([]))
    finally:
        zoneinfo.reset_tzpath(usual)
