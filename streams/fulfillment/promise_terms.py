"""What the rules that hold promise of a fulfillment order: until when it leaves, and on which day
it is delivered. Pure but for a memory, which changes no answer."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from schemas.fulfillment import Destination
from schemas.locations import Kind
from schemas.routing import Calendar
from streams.fulfillment.promise import (
    DAY_MINUTES,
    MINUTE_MS,
    NEVER,
    Delivered,
    delivered,
    leaves,
    local_day,
    moment,
)
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_sites import (
    UNKNOWN_VALUE,
    Asked,
    Transport,
    cosine,
    kilometres,
    reaching,
    stands_in,
    vector,
)

WARN_BEFORE_MS = 4 * 60 * MINUTE_MS
"""How long before it is to leave is told of what is not accepted, where the calendar does not say;
of what is not packed half as long before, of what is not shipped a quarter."""
KNOWN_DATES = 64
"""rules with locations, of partitions that one process works for, whose dates are kept"""

KNOWN_DAYS = 512
"""of one calendar, as they are promised"""


class Way(NamedTuple):
    """What goes from a location to an address."""

    location_id: str
    to: Destination | None
    """None where the address is not known"""
    is_fetched: bool
    """the customer fetches it: there is no carrier"""
    skus: tuple[str, ...]
    channel: str
    customer_group: str


class Day(NamedTuple):
    """A promised day."""

    name: str
    """ISO 8601; empty for none"""
    ends_ms: int
    """0 for none"""


class Due(NamedTuple):
    """Until when it leaves, and when it is there."""

    ship_by_ms: int
    """0 where neither calendar nor policy says"""
    day: Day
    warn_ms: int
    """how long before ship_by_ms is told of a risk"""


NO_DAY = Day("", 0)


class Clock:
    """A calendar of locations."""

    def __init__(self, calendar: Calendar) -> None:
        """Raises ZoneInfoNotFoundError for a time zone that this machine does not have."""
        self.zone = ZoneInfo(calendar.time_zone)
        self.leaves = leaves(calendar)
        self.soonest = leaves(replace(calendar, handling_days=0))
        self.warn_before_ms = calendar.warn_before_ms or WARN_BEFORE_MS
        self.day = lru_cache(maxsize=KNOWN_DAYS)(self._day)

    def _day(self, found: date) -> Day:
        """A local day as it is promised."""
        if found == NEVER:
            return NO_DAY
        return Day(found.isoformat(), moment(found, DAY_MINUTES, self.zone))


class Dates:
    """Calendars and zones of rules, with the locations that there are."""

    def __init__(self, router: Router) -> None:
        """Raises ZoneInfoNotFoundError."""
        self._router = router
        clocks = [(one.places, Clock(one)) for one in router.rules.calendars]
        self._clocks: dict[str, Clock] = {}
        for site in router.sites:
            fitting = next((clock for places, clock in clocks if stands_in(site, places)), None)
            if fitting is not None:
                self._clocks[site.location_id] = fitting
        self.suppliers = frozenset(
            site.location_id for site in router.sites if site.kind == Kind.SUPPLIER
        )
        """who tell of nothing before it has left"""
        self._next: dict[str, Delivered] = {
            zone.name: delivered(replace(zone, transit_days=1)) for zone in router.rules.zones
        }

    @property
    def known(self) -> bool:
        """Whether some location has a calendar."""
        return bool(self._clocks)

    def due(self, way: Way, counted_from_ms: int, dispatch_by_ms: int, now_ms: int) -> Due:
        """What is promised now of what counts as ordered at `counted_from_ms`.

        Where the calendar's moment is over, the next day on which goods leave counts. The policy's
        cut-off may bring the moment forward, but not the promised day, which is what the calendar
        says; one that is over already counts for nothing.
        """
        clock = self._clocks.get(way.location_id)
        ship_by, day, warn_before = 0, NO_DAY, WARN_BEFORE_MS
        if clock is not None:
            leaving = clock.leaves(counted_from_ms // MINUTE_MS)
            if leaving.at_ms <= now_ms:
                leaving = clock.soonest(now_ms // MINUTE_MS)
            ship_by, day = leaving.at_ms, self._arrival(clock, way, leaving.day)
            warn_before = clock.warn_before_ms
        if dispatch_by_ms > now_ms:
            ship_by = min(ship_by or dispatch_by_ms, dispatch_by_ms)
        return Due(ship_by, day, max(0, min(warn_before, (ship_by - now_ms) // 2)))

    def of_leaving(self, way: Way, left_ms: int) -> Day:
        """When what left then is delivered."""
        clock = self._clocks.get(way.location_id)
        return (
            NO_DAY if clock is None else self._arrival(clock, way, local_day(left_ms, clock.zone))
        )

    def of_next_try(self, way: Way, at_ms: int) -> Day:
        """The first day after that one on which its carrier delivers."""
        clock, transport = self._clocks.get(way.location_id), self._transport(way)
        if clock is None or transport is None:
            return NO_DAY
        return clock.day(self._next[transport.zone.name](local_day(at_ms, clock.zone)))

    def _arrival(self, clock: Clock, way: Way, leaving: date) -> Day:
        """What is fetched is there on the day on which it would leave."""
        if way.is_fetched:
            return clock.day(leaving)
        transport = self._transport(way)
        return NO_DAY if transport is None else clock.day(transport.delivered(leaving))

    def _transport(self, way: Way) -> Transport | None:
        """The zone that fits; None where none does, or the address is not known."""
        to = way.to
        if way.is_fetched or to is None:
            return None
        asked = Asked(
            way.channel, way.customer_group, to.country, "", to.latitude, to.longitude, way.skus,
            0, UNKNOWN_VALUE,
        )  # fmt: skip
        found = self._router.plan(asked).ways.get(way.location_id)
        if found is None:
            return None
        here = vector(to.latitude, to.longitude)
        return reaching(found, kilometres(cosine(here, found.site.at)))


@lru_cache(maxsize=KNOWN_DATES)
def dates(router: Router) -> Dates:
    """The dates of rules, made once."""
    return Dates(router)
