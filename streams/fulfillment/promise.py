"""When goods leave a location, and when they are delivered. Pure.

An order counts as of the working day on which it comes before the cut-off, else as of the next
one; it leaves `handling_days` working days later, until `leave_minute`, which is the cut-off unless
the calendar says otherwise. The carrier delivers `transit_days` of its days of delivery after that.
Days are those of the location's time zone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.routing import Calendar, Zone

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE_MS = 60_000
DAY_MINUTES = 1_440
KNOWN_MINUTES = 4_096
"""minutes, and days, whose answer is kept"""
MAXIMUM_DAYS = 400
"""How far a working day is looked for; a calendar whose days are all holidays has none."""
NEVER = date.max
"""the day of what has no day"""


class Leaving(NamedTuple):
    """When an order leaves a location."""

    day: date
    """local; NEVER where the calendar has no such day"""
    at_ms: int
    """until when on that day; 0 where there is none"""
    today: bool
    """on the day on which it was ordered"""
    ordered: date
    """local day on which it was ordered"""


Leaves = Callable[[int], Leaving]
Delivered = Callable[[date], date]


def _day_after(day: date, number: int, works: Callable[[date], bool]) -> date:
    """The `number`th working day from `day` on, which counts as the 0th if it is one."""
    for ahead in range(MAXIMUM_DAYS):
        candidate = day + timedelta(ahead)
        if not works(candidate):
            continue
        if number == 0:
            return candidate
        number -= 1
    return NEVER


def _working(weekdays: list[str], holidays: list[str]) -> Callable[[date], bool]:
    days = frozenset(WEEKDAYS.index(day) for day in weekdays)
    off = frozenset(map(date.fromisoformat, holidays))
    return lambda day: day.weekday() in days and day not in off


def leaves(calendar: Calendar) -> Leaves:
    """The calendar, as a function of the minute, counted from 1970, in which is ordered.

    Raises ZoneInfoNotFoundError for a time zone that this machine does not have.
    """
    zone = ZoneInfo(calendar.time_zone)
    works = _working(calendar.weekdays, calendar.holidays)

    @lru_cache(maxsize=KNOWN_MINUTES)
    def leaving(minute: int) -> Leaving:
        local = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone)
        ordered = local.date()
        late = local.hour * 60 + local.minute >= calendar.cut_off_minute
        first = ordered + timedelta(1) if late and works(ordered) else ordered
        day = _day_after(first, calendar.handling_days, works)
        if day == NEVER:
            return Leaving(NEVER, 0, False, ordered)
        at_ms = moment(day, calendar.leave_minute or calendar.cut_off_minute, zone)
        return Leaving(day, at_ms, day == ordered, ordered)

    return leaving


def moment(day: date, minute: int, zone: ZoneInfo) -> int:
    """A minute of a local day in milliseconds since 1970; 1440 is its end. What the clock skips in
    spring is counted as before the skip, and what it repeats in autumn is the first time."""
    if minute >= DAY_MINUTES:
        day, minute = day + timedelta(1), 0
    hour, rest = divmod(minute, 60)
    local = datetime(day.year, day.month, day.day, hour, rest, tzinfo=zone)
    return int(local.timestamp()) * 1000


def local_day(at_ms: int, zone: ZoneInfo) -> date:
    """The local day of a moment."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).date()


def delivered(zone: Zone) -> Delivered:
    """The zone, as a function of the day on which goods leave: the day of their delivery."""
    works = _working(zone.delivery_weekdays, zone.delivery_holidays)

    @lru_cache(maxsize=KNOWN_MINUTES)
    def delivery(day: date) -> date:
        if day == NEVER:
            return NEVER
        start = day if zone.transit_days == 0 else day + timedelta(1)
        return _day_after(start, max(0, zone.transit_days - 1), works)

    return delivery
