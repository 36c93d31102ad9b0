"""What a source of orders is to the poller, and the errors that it may have.

SourceError                the page could not be fetched; it is tried again
├── Throttled              the source has asked for a pause
└── Refused                the source does not let us in; somebody must mend the settings
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import urllib3

TIMEOUT_SECONDS = 30.0
MAXIMUM_ANSWER_BYTES = 10 * 1024 * 1024
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*rel="?next"?')


class SourceError(Exception):
    """A page could not be fetched. The message has no secret and nothing personal."""


class Throttled(SourceError):
    """Too many requests; `seconds` until the next one may be made."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"throttled for {seconds:g} s")
        self.seconds = seconds


class Refused(SourceError):
    """401 or 403, or an answer that this source never gives."""


class Page(NamedTuple):
    """What one request gave."""

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
        """Fetch what comes after the cursor. Raises SourceError."""


class Answer(NamedTuple):
    """An answer of 200."""

    body: bytes
    headers: Mapping[str, str]


class Fetcher:
    """HTTP over connections that stay open; of one thread."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """`headers` go with every request."""
        self._headers = dict(headers)
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=TIMEOUT_SECONDS)
        )

    def get(self, url: str) -> Answer:
        """Raises SourceError."""
        try:
            response = self._pool.request(
                "GET", url, headers=self._headers, redirect=False, preload_content=False
            )
            body = response.read(MAXIMUM_ANSWER_BYTES + 1)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SourceError(f"no answer: {type(error).__name__}") from error
        if response.status in (429, 503):
            raise Throttled(_seconds(response.headers.get("Retry-After", "")))
        if response.status in (401, 403):
            raise Refused(f"answered {response.status}: the credentials are not taken")
        if response.status != 200:
            raise SourceError(f"answered {response.status}")
        if len(body) > MAXIMUM_ANSWER_BYTES:
            raise SourceError(f"answered with more than {MAXIMUM_ANSWER_BYTES} bytes")
        return Answer(body, response.headers)


def next_link(headers: Mapping[str, str]) -> str:
    """The address of the next page; empty on the last. Source: RFC 8288."""
    found = _NEXT.search(headers.get("Link", ""))
    return found[1] if found else ""


def listed(body: bytes, name: str = "") -> list[Any]:
    """The list in an answer, under `name` or bare. Raises SourceError."""
    try:
        value = json.loads(body)
    except ValueError:
        raise SourceError("answered with something that is not JSON") from None
    found = value.get(name) if name and isinstance(value, dict) else value
    if not isinstance(found, list):
        raise SourceError("answered without a list of orders")
    return found


def _seconds(text: str) -> float:
    """Retry-After in seconds; 0 where it says nothing that we understand."""
    try:
        return min(3600.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
