"""Reading what has changed, round by round, so that nothing is skipped at the seams.

A round reads all that changed since the one before it. It begins OVERLAP early, because clocks
differ and a change may become visible after a later one; what the seam shows again is known by its
mark and left out. An order is told by its id and the moment of its change: the same order in two
versions is told twice, and the versions say which counts.

There are two ways to go through a round of several pages while orders change:

Ascending   of sources that sort by change. The next page is asked for by the moment of the last
            order that was seen, not by its number: an order that changes meanwhile goes to the
            end, and moves no other one over the edge of a page. Only where a whole page has one
            moment is the source's own page number or cursor used.
Windows     of the others. A round asks for what changed between two moments of the past. An order
            that changes meanwhile leaves the window, and is in the next one. How the others do not
            move over the edge of a page, each source says for itself.
"""

from __future__ import annotations

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from connectors.polling.fetching import fields
from connectors.polling.source import Page, SourceError, Unwanted

OVERLAP = timedelta(seconds=60)
SETTLED = timedelta(minutes=2, seconds=30)
"""A window ends so long ago: by then a source shows what changed within it. Two minutes are what
Amazon asks for, and the rest is for clocks that differ."""
MAXIMUM_SEEN = 1_000
"""Orders at the seam that a cursor remembers; others are sent again, which changes nothing."""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a cursor says."""

    since: str
    """where the present round began: all changes before it have been told"""
    latest: str = ""
    """the last change that was seen in it"""
    next: str = ""
    """its next page; empty where it has not begun"""
    seen: tuple[str, ...] = ()
    """marks of the orders that the seam will show again"""
    until: str = ""
    """where the window ends; empty between two windows"""
    again: int = 0
    """how often the round was begun anew, its next page having been forgotten"""
    total: int = 0
    """how many orders the source said the window has"""
    due: tuple[str, ...] = ()
    """orders that are durable and still to be acknowledged to the source"""


def read(cursor: str) -> Place:
    """What a cursor says. Raises SourceError for one that none of us has written."""
    try:
        return msgspec.json.decode(cursor, type=Place)
    except ValueError:
        raise SourceError("the cursor on Kafka is not one of this source") from None


def written(place: Place) -> str:
    """The cursor."""
    return msgspec.json.encode(place).decode()


class Told(NamedTuple):
    """One order on a page."""

    content: bytes
    """as it came"""
    order: dict[str, Any]
    changed: datetime | None
    """None where it does not say so in a way that can be read"""
    mark: str
    """tells the order as it is now from the same one after a change"""


def told(raw: msgspec.Raw, name: str, moment: Callable[[dict[str, Any]], object]) -> Told:
    """An order that is known by the field `name`, and changed at `moment`, a text with ISO 8601 or
    seconds since 1970. What can be read by neither is known by all that it says."""
    order = fields(raw)
    at = moment(order)
    changed = instant(at)
    number = order.get(name)
    known = bytes(raw) if number is None or at is None else f"{number!r} {at!r}".encode()
    digest = hashlib.blake2b(known, digest_size=8).hexdigest()
    seconds = int(changed.timestamp()) if changed is not None else 0
    return Told(bytes(raw), order, changed, f"{seconds:x}-{digest}")


def told_whole(raw: msgspec.Raw, until: str) -> Told:
    """An order of a source that tells no moment of its change: as long as it comes byte for byte as
    before it is the same. Its mark is as old as the window, which ends at `until`."""
    digest = hashlib.blake2b(raw, digest_size=8).hexdigest()
    seconds = int(datetime.fromisoformat(until).timestamp())
    return Told(bytes(raw), fields(raw), None, f"{seconds:x}-{digest}")


def instant(at: object) -> datetime | None:
    """A moment as sources write it; without a zone it is UTC. None for anything else, and for what
    is not between 1970 and 2200: no cursor may follow it there."""
    try:
        if isinstance(at, str):
            when = datetime.fromisoformat(at)
            when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        elif isinstance(at, int) and not isinstance(at, bool):
            when = datetime.fromtimestamp(at, UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return when if 1970 <= when.year < 2200 else None


def moment(when: datetime) -> str:
    """To the second, rounded down, so that nothing of that second is left out."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def at_ms(now_ms: int) -> str:
    """The moment of a clock."""
    return moment(datetime.fromtimestamp(now_ms / 1000, UTC))


def earlier(at: str, by: timedelta = OVERLAP) -> str:
    """A moment before."""
    return moment(datetime.fromisoformat(at) - by)


def fresh(place: Place, orders: Sequence[Told]) -> list[Told]:
    """Those that no page before had, or not so; one that stands twice on this page, once."""
    seen = {_digest(mark) for mark in place.seen}
    found: list[Told] = []
    for order in orders:
        if _digest(order.mark) not in seen:
            seen.add(_digest(order.mark))
            found.append(order)
    return found


def near(place: Place, orders: Sequence[Told], latest: datetime) -> tuple[str, ...]:
    """The marks that a seam at `latest` will show again, and those whose moment nobody knows."""
    edge = int((latest - 2 * OVERLAP).timestamp())
    marks = {_digest(mark): mark for mark in (*place.seen, *(order.mark for order in orders))}
    kept = [mark for mark in marks.values() if _seconds(mark) >= edge or not _seconds(mark)]
    return tuple(kept[-MAXIMUM_SEEN:])


def _digest(mark: str) -> str:
    return mark.partition("-")[2]


def _seconds(mark: str) -> int:
    """Of the order's change; 1 of a mark as they were written before, which has none."""
    text, dash, _ = mark.partition("-")
    return int(text, 16) if dash else 1


class Answered(NamedTuple):
    """One page, as a source gives it."""

    orders: list[Told]
    following: str = ""
    """what the source calls the next page; empty on the last"""
    pause_seconds: float = 0.0
    total: int = 0
    """how many orders the round has, where the source says so"""


class Reader(ABC):
    """What both ways have in common. See Source."""

    name: str
    channel: str
    begin: str = ""
    """the moment where it begins that was never asked; empty: now"""

    def first_cursor(self, now_ms: int) -> str:
        """From now on, or from where it was told to begin."""
        return written(Place(since=self.begin or at_ms(now_ms)))

    @abstractmethod
    def page(self, cursor: str) -> Page:
        """See Source."""

    @abstractmethod
    def _payloads(self, orders: list[Told]) -> list[bytes]:
        """What goes on channels.raw of the orders of a page, which has at least one."""

    def _written(self, orders: list[Told]) -> list[bytes]:
        return self._payloads(orders) if orders else []

    _lapsed = ""
    """the cursor that was last told to be a fault, its next page being unknown"""

    def _begun_anew(self, cursor: str, following: str, error: Unwanted) -> Page:
        """Go on from `following`, where the source may have forgotten the next page, as after a
        long time or a restart. Each further time in one round it is a fault first, so that it is
        told and paused for. Raises the error then."""
        place = read(cursor)
        if place.again and self._lapsed != cursor:
            self._lapsed = cursor
            raise error
        return Page([], written(replace(place, next=following, again=place.again + 1)), True)


class Ascending(Reader):
    """Orders sorted by change, oldest first.

    The next page is `<moment>|<what the source calls it>`, the latter only within one moment.
    """

    @abstractmethod
    def _ask(self, since: str, following: str) -> Answered:
        """A page of what changed at `since` or later: the first, or the one that is called so."""

    def page(self, cursor: str) -> Page:
        """See Source."""
        place = read(cursor)
        began, bar, following = place.next.partition("|")
        # Without a bar it is of an earlier version of this program, and the round begins anew.
        since = began if bar else earlier(place.since)
        try:
            answered = self._ask(since, following if bar else "")
        except Unwanted as error:
            if not following:
                raise
            return self._begun_anew(cursor, f"{since}|", error)
        orders = answered.orders
        moments = [order.changed for order in orders if order.changed is not None]
        latest = max([datetime.fromisoformat(place.latest or place.since), *moments])
        after = replace(
            place, latest=moment(latest), next="", seen=near(place, orders, latest), again=0
        )
        if answered.following:
            # What is not in order, against the documentation, is followed by the source's own way.
            in_order = bool(moments) and moments == sorted(moments)
            last = moment(moments[-1]) if in_order else since
            step = f"{last}|" if last > since else f"{since}|{answered.following}"
            after = replace(after, next=step, again=place.again)
        else:
            after = replace(after, since=after.latest)
        payloads = self._written(fresh(place, orders))
        return Page(payloads, written(after), bool(answered.following), answered.pause_seconds)


class Windows(Reader):
    """Orders that changed between two moments of the past."""

    longest = timedelta(days=1)
    """After a long outage several windows are read, since sources bound what one search finds."""

    def __init__(self, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        """`clock_ms` is the time now."""
        self._clock_ms = clock_ms
        self._opened: tuple[str, Place] = ("", Place(""))
        """the cursor that was asked for last, and the window that was opened for it"""

    @abstractmethod
    def _ask(self, place: Place) -> Answered:
        """The page `place.next` of the orders that changed from OVERLAP before `place.since` up to
        `place.until`, or the first one."""

    def page(self, cursor: str) -> Page:
        """See Source."""
        place = self._window(cursor)
        if place.until <= place.since:
            return Page([], cursor, False)
        try:
            answered = self._ask(place)
        except Unwanted as error:
            if not place.next:
                raise
            return self._begun_anew(cursor, "", error)
        return self._turned(place, answered)

    def _window(self, cursor: str) -> Place:
        """The window that is open; the same for the same cursor, however often it is asked for,
        since a page of several calls goes on where it was."""
        if self._opened[0] != cursor:
            place = read(cursor)
            if not place.until:
                end = datetime.fromisoformat(place.since) + self.longest
                place = replace(place, until=min(moment(end), self._settled()))
            self._opened = (cursor, place)
        place = self._opened[1]
        if place.until <= place.since:
            # Too early; the next call opens it with a later end.
            self._opened = ("", place)
        return place

    def _settled(self) -> str:
        """Up to where a source shows all that has changed."""
        return earlier(at_ms(self._clock_ms()), SETTLED)

    def _turned(self, place: Place, answered: Answered) -> Page:
        """The page, and the cursor behind it."""
        orders = answered.orders
        if answered.following:
            # Within a window any order may stand on the next page again.
            seen = near(place, orders, datetime.fromisoformat(place.since) - self.longest)
            after = replace(place, next=answered.following, seen=seen, total=answered.total)
        else:
            seen = near(place, orders, datetime.fromisoformat(place.until))
            after = Place(since=place.until, seen=seen)
        after = self._noted(place, after, orders)
        # Only what was cut short goes on at once; else it would run after the clock.
        cut = datetime.fromisoformat(place.since) + self.longest
        more = bool(after.next) or bool(after.due) or place.until == moment(cut)
        payloads = self._written(fresh(place, orders))
        return Page(payloads, written(after), more, answered.pause_seconds)

    def _noted(self, place: Place, after: Place, orders: list[Told]) -> Place:
        """The place behind a page, with what a source has to note besides."""
        return after


def listed(before: bytes, orders: Sequence[Told], after: bytes) -> list[bytes]:
    """One payload with the orders byte for byte as they came, in the source's own envelope."""
    return [before + b",".join(order.content for order in orders) + after]
