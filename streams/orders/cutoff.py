"""Cut-off times: on which day an order is dispatched, in the calendar of the rule. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple

from schemas.policies import CutOffRule
from streams.orders.conditions import KNOWN_MINUTES, WEEKDAYS, local_clock

DAY_MINUTES = 1_440
MAXIMUM_DAYS = 400
"""How far a day of dispatch is looked for; a rule whose days are all holidays has none."""


class Dispatch(NamedTuple):
    """When an order is dispatched by a rule."""

    passed: bool
    """it missed the day on which it was placed"""
    day_starts_ms: int
    """start of the day of dispatch; 0 where the rule has no such day"""
    by_ms: int
    """until when it is dispatched; 0 where the rule has no such day"""


def dispatches(rule: CutOffRule) -> Callable[[int], Dispatch]:
    """The rule, as a function of the minute, counted from 1970, in which an order is placed.

    Raises ZoneInfoNotFoundError for a time zone that this machine does not have.
    """
    clock = local_clock(rule.time_zone)
    days = frozenset(WEEKDAYS.index(day) for day in rule.weekdays)
    holidays = frozenset(map(date.fromisoformat, rule.holidays))

    def works(day: date) -> bool:
        return day.weekday() in days and day not in holidays

    @lru_cache(maxsize=KNOWN_MINUTES)
    def dispatch(minute: int) -> Dispatch:
        placed = clock(minute)
        day = placed.date()
        passed = not works(day) or placed.hour * 60 + placed.minute >= rule.minute
        if passed:
            later = (day + timedelta(ahead) for ahead in range(1, MAXIMUM_DAYS))
            found = next(filter(works, later), None)
            if found is None:
                return Dispatch(True, 0, 0)
            day = found
        return Dispatch(passed, _ms(placed, day, 0), _ms(placed, day, rule.dispatch_minute))

    return dispatch


def _ms(placed: datetime, day: date, minute: int) -> int:
    """The moment at a minute of a local day; what the clock skips is counted as before the skip."""
    if minute >= DAY_MINUTES:
        day, minute = day + timedelta(1), 0
    local = datetime.combine(day, time(minute // 60, minute % 60), placed.tzinfo)
    return int(local.timestamp()) * 1000
