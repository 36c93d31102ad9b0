"""The policies of promises: when goods leave, and when they are delivered."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from schemas.routing import Calendar
from streams.fulfillment.promise import NEVER, delivered, leaves
from tests.unit.streams.routing_world import calendar, ms, zone


def left(made: Calendar, moment: datetime) -> date:
    return leaves(made)(ms(moment) // 60_000).day


@pytest.mark.parametrize(
    ("ordered", "day"),
    [
        (datetime(2026, 1, 5, 12, 59, tzinfo=UTC), date(2026, 1, 5)),
        (datetime(2026, 1, 5, 13, 0, tzinfo=UTC), date(2026, 1, 6)),  # 14:00 in Berlin
        (datetime(2026, 1, 9, 15, 0, tzinfo=UTC), date(2026, 1, 12)),  # Friday afternoon
        (datetime(2026, 1, 10, 8, 0, tzinfo=UTC), date(2026, 1, 12)),  # Saturday
        (datetime(2026, 1, 11, 23, 30, tzinfo=UTC), date(2026, 1, 12)),  # Monday in Berlin
        (datetime(2026, 7, 6, 12, 30, tzinfo=UTC), date(2026, 7, 7)),  # summer: 14:30
    ],
)
def test_goods_leave_on_the_working_day_whose_cut_off_is_not_over(
    ordered: datetime, day: date
) -> None:
    assert left(calendar(14 * 60), ordered) == day


def test_handling_takes_working_days() -> None:
    friday = datetime(2026, 1, 9, 8, tzinfo=UTC)
    assert left(calendar(handling=2), friday) == date(2026, 1, 13)


def test_nothing_leaves_on_a_holiday() -> None:
    made = calendar(holidays=("2026-01-05", "2026-01-06"))
    assert left(made, datetime(2026, 1, 5, 8, tzinfo=UTC)) == date(2026, 1, 7)


def test_the_cut_off_is_told_in_the_time_of_the_location() -> None:
    found = leaves(calendar(14 * 60, zone_name="America/New_York"))(
        ms(datetime(2026, 1, 5, 18, 59, tzinfo=UTC)) // 60_000
    )
    assert found.today
    assert found.at_ms == ms(datetime(2026, 1, 5, 19, tzinfo=UTC))


def test_a_calendar_without_a_working_day_never_sends() -> None:
    assert (
        left(Calendar("c", 1, calendar().places, "UTC", [], [], 0, 0), datetime.now(UTC)) == NEVER
    )
    assert delivered(zone())(NEVER) == NEVER


@pytest.mark.parametrize(
    ("transit", "leaving", "day"),
    [
        (0, date(2026, 1, 5), date(2026, 1, 5)),
        (1, date(2026, 1, 5), date(2026, 1, 6)),
        (1, date(2026, 1, 9), date(2026, 1, 12)),
        (3, date(2026, 1, 8), date(2026, 1, 13)),
        (0, date(2026, 1, 10), date(2026, 1, 12)),
    ],
)
def test_carriers_count_only_days_on_which_they_deliver(
    transit: int, leaving: date, day: date
) -> None:
    assert delivered(zone(transit=transit))(leaving) == day
