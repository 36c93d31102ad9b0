"""What an account at a channel is to the rest, and its rate limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from connectors.polling.pace import Bucket, NotYet

UNKNOWN_SKU = "unknown_sku"
"""The account has nothing of that SKU."""


class Level(NamedTuple):
    """What is told of a SKU."""

    sku: str
    item_id: str
    """the channel's own"""
    pieces: int


class Found(NamedTuple):
    """What an account says of SKUs that it was asked for."""

    items: Mapping[str, str]
    """the channel's own id by SKU; a SKU that is in neither is unknown there"""
    refused: Mapping[str, str] = {}
    """SKUs that are there and cannot be told of, and why in a word"""


class Account(Protocol):
    """One account at one channel; of one thread. All methods raise ApiFailed."""

    name: str
    channel: str
    """whose thresholds, quotas and sourcing count"""
    batch: int
    """SKUs that are told in one go, as the service takes them"""

    def find(self, skus: Sequence[str]) -> Found:
        """The channel's own ids of at most `batch` SKUs."""

    def tell(self, levels: Sequence[Level], key: str) -> Mapping[str, str]:
        """Set at most `batch` quantities; returns the SKUs that were not taken, and why in a word.

        `key` is new at each call: a repeat is another call, which sets the same absolute quantity.
        """

    def read(self, levels: Sequence[Level]) -> Mapping[str, int]:
        """The quantities that stand there, by SKU; without those that it does not tell."""

    def close(self) -> None:
        """Let go of the connection."""


class Gate:
    """Lets requests through as the service takes them: `burst` at once, then `per_second`."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Both are above 0."""
        self._bucket = Bucket(per_second, burst, clock)
        self._sleep = sleep

    def wait(self) -> None:
        """Until the next request may be made."""
        while True:
            try:
                self._bucket.take()
            except NotYet as error:
                self._sleep(error.seconds)
            else:
                return
