"""What a source of orders is to the poller, and the errors that it may have.

SourceError                the page could not be fetched; it is tried again
├── Throttled              the source has asked for a pause
├── Unwanted               the source does not take this request, e.g. a page that it has forgotten
└── Refused                the source does not let us in; somebody must mend the settings

NotYet (pace.py) is none of them: nothing was asked, and nothing failed.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class SourceError(Exception):
    """A page could not be fetched. The message has no secret and nothing personal."""


class Throttled(SourceError):
    """Too many requests; `seconds` until the next one may be made."""

    def __init__(self, seconds: float) -> None:
        """Take what the source asked for; 0 where it asked for nothing."""
        super().__init__(f"throttled for {seconds:g} s")
        self.seconds = seconds


class Unwanted(SourceError):
    """400, 404 or another status that the same request will have again."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        """Take the status and the body, which is never told to anybody."""
        super().__init__(f"answered {status}")
        self.status = status
        self.body = body


class Refused(SourceError):
    """401 or 403: the credentials are not taken."""


class Page(NamedTuple):
    """What one call gave."""

    payloads: list[bytes]
    """each as it goes on channels.raw"""
    cursor: str
    """where to go on"""
    more: bool
    """there is more now; else the source is asked again later"""
    pause_seconds: float = 0.0
    """how long the source's rate limit wants us to wait before the next request"""


class Source(Protocol):
    """One account at one channel."""

    name: str
    """key of its cursor, e.g. shopify or shopify-de"""
    channel: str

    def first_cursor(self, now_ms: int) -> str:
        """Where a source begins that was never asked."""

    def page(self, cursor: str) -> Page:
        """Fetch what comes after the cursor. Raises SourceError, and NotYet where the source's
        limit wants a pause first: then the call is made again, and goes on where it was.

        What a cursor says is durable: it is only given once the pages before it are on Kafka.
        """
