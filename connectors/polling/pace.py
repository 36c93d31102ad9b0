"""How fast a source may be asked: a token bucket for its limits, and pauses after failures."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.polling.source import Throttled

LONGEST_WAIT_SECONDS = 3600.0
"""No limit that a source tells makes us wait longer than this for one request."""


class NotYet(Exception):
    """Our own bucket is empty: nothing was asked. `seconds` until the next request may be made."""

    def __init__(self, seconds: float) -> None:
        """Take the wait."""
        super().__init__(f"its rate limit wants {seconds:.1f} s between requests")
        self.seconds = seconds


class Bucket:
    """Tokens, of which each request takes one; `rate` a second come back, up to `burst`.

    Source: Selling Partner API, "Usage Plans and Rate Limits": it fills at the rate up to the
    burst, and a request without a token is throttled.
    """

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """It begins full; `clock` gives seconds."""
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._at = clock()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """One request. Raises NotYet, and makes none, where there is no token; a source that says
        that it is throttled counts fewer tokens than we do."""
        self.take()
        try:
            yield
        except Throttled:
            self._fill()
            self._tokens = 0.0
            raise

    def take(self) -> None:
        """Take a token. Raises NotYet, and takes nothing, where there is none."""
        self._fill()
        # Rounding must not make anybody wait for a billionth of a token.
        if self._tokens < 1 - 1e-9:
            raise NotYet(min(LONGEST_WAIT_SECONDS, (1 - self._tokens) / self._rate))
        self._tokens -= 1

    def rate_is(self, told: str) -> None:
        """Take over the rate that the source tells; what is no such number changes nothing."""
        try:
            rate = float(told)
        except ValueError:
            return
        if math.isfinite(rate) and rate > 1 / LONGEST_WAIT_SECONDS:
            self._fill()
            self._rate = rate

    def _fill(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Backoff:
    """Pauses with full jitter: anything up to a bound that doubles with each failure.

    Full, so that sources that failed together do not come back together.
    """

    def __init__(self, first_seconds: float, longest_seconds: float, chance: random.Random) -> None:
        """The first bound and the last one."""
        self._first = first_seconds
        self._longest = longest_seconds
        self._chance = chance

    def seconds(self, failures: int, asked_for: float = 0.0) -> float:
        """The pause after so many failures in a row, no shorter than the source asks for."""
        bound = min(self._longest, self._first * 2.0 ** min(failures - 1, 20))
        return max(self._chance.uniform(0.0, bound), asked_for)

    def longest(self) -> float:
        """The pause for what trying again will not mend: within the upper half of the bound."""
        return self._longest * (0.5 + self._chance.random() / 2)
