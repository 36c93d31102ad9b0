"""A clock that moves when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from connectors.polling.pace import NotYet
from connectors.polling.source import Page, Source, SourceError

BEGAN_MS = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""


@dataclass
class Clock:
    """Both clocks of a source, and the one of its fake."""

    ms: int = BEGAN_MS

    def now_ms(self) -> int:
        """The time of day."""
        return self.ms

    def seconds(self) -> float:
        """The same in seconds."""
        return self.ms / 1000

    def go(self, seconds: float) -> None:
        """Time passes."""
        self.ms += int(seconds * 1000) + 1

    def moment(self, seconds_ago: float = 0.0) -> str:
        """As APIs write it."""
        when = datetime.fromtimestamp(self.seconds() - seconds_ago, UTC)
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def rounds(
    source: Source,
    cursor: str,
    clock: Clock,
    again: Callable[[], Source] | None = None,
) -> tuple[list[bytes], str]:
    """All payloads until the source has nothing more, and the cursor behind them.

    Its faults and its limits make time pass, as in the poller. With `again` a new source, which
    knows nothing but the cursor, goes on after each page, as after a kill.
    """
    found: list[bytes] = []
    for _ in range(2_000):
        page = _tried(source, cursor, clock)
        if page is None:
            continue
        found += page.payloads
        cursor = page.cursor
        if not page.more:
            return found, cursor
        if again is not None:
            source = again()
    raise AssertionError("it does not come to an end")


def _tried(source: Source, cursor: str, clock: Clock) -> Page | None:
    try:
        return source.page(cursor)
    except NotYet as early:
        clock.go(early.seconds)
    except SourceError:
        clock.go(1.0)
    return None
