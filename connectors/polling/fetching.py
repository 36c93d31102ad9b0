"""HTTP requests to sources, bounded in time and size, with their faults as errors of a source."""

from __future__ import annotations

import codecs
import email.utils
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
import urllib3

from connectors.polling.source import Refused, SourceError, Throttled, Unwanted

TIMEOUT_SECONDS = 30.0
LONGEST_ANSWER_SECONDS = 120.0
_READ_BYTES = 64 * 1024
MAXIMUM_ANSWER_BYTES = 10 * 1024 * 1024
MAXIMUM_RETRY_AFTER_SECONDS = 3600.0
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*rel="?next"?')
_UNWANTED = frozenset({400, 404, 405, 406, 409, 410, 414, 415, 422})
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
_HALF = re.compile(
    rb"(?P<before>(?<!\\)(?:\\\\)*)"
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"
)
"""A surrogate in JSON that is not half of a pair. Source: RFC 8259, 7 and 8.2."""
T = TypeVar("T")


class Answer(NamedTuple):
    """An answer of 2xx."""

    body: bytes
    headers: Mapping[str, str]


class Fetcher:
    """HTTP over connections that stay open; of one thread."""

    def __init__(
        self, headers: Mapping[str, str], *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        """`headers` go with every request; the timeout is for connecting and for each read."""
        self._headers = {"Accept": JSON, **headers}
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(total=timeout_seconds)
        )

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Raises SourceError."""
        return self._ask("GET", url, None, headers or {})

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The body's type stands in `headers`. Raises SourceError."""
        return self._ask("POST", url, body, headers)

    def _ask(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        try:
            response = self._pool.request(
                method,
                url,
                body=body,
                headers={**self._headers, **headers},
                redirect=False,
                preload_content=False,
            )
            content = _content(response)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise SourceError(f"no answer: {type(error).__name__}") from error
        status = response.status
        if status in (429, 503):
            raise Throttled(retry_after(response.headers.get("Retry-After", "")))
        if status in (401, 403):
            raise Refused(f"answered {status}: the credentials are not taken")
        if status in _UNWANTED:
            raise Unwanted(status, content)
        if not 200 <= status < 300:
            raise SourceError(f"answered {status}")
        if len(content) > MAXIMUM_ANSWER_BYTES:
            raise SourceError(f"answered with more than {MAXIMUM_ANSWER_BYTES} bytes")
        return Answer(content, response.headers)


def _content(response: urllib3.BaseHTTPResponse) -> bytes:
    """The body, up to a byte more than there may be. Raises SourceError where it takes too long:
    the timeout of the connection is for each read, and there may be one for each byte."""
    deadline = time.monotonic() + LONGEST_ANSWER_SECONDS
    parts = bytearray()
    while len(parts) <= MAXIMUM_ANSWER_BYTES:
        part = response.read1(_READ_BYTES)
        if not part:
            break
        parts += part
        if time.monotonic() > deadline:
            response.close()
            raise SourceError(f"no answer in {LONGEST_ANSWER_SECONDS:.0f} s")
    return bytes(parts)


def next_link(headers: Mapping[str, str]) -> str:
    """The address of the next page; empty on the last. Source: RFC 8288."""
    found = _NEXT.search(headers.get("Link", ""))
    return found[1] if found else ""


def read_as(body: bytes, form: type[T]) -> T:
    """What is documented to stand in an answer. Raises SourceError.

    What is no Unicode in it, such as half a character at the end of a note that was cut, becomes
    the replacement character: one order's note must not stop a channel.
    """
    for text in (body, _mended(body)):
        try:
            return msgspec.json.decode(text, type=form)
        except (ValueError, RecursionError):
            continue
    # What does not fit may be personal: it is not quoted.
    raise SourceError("answered with something else than is documented")


def _mended(body: bytes) -> bytes:
    text = body.removeprefix(codecs.BOM_UTF8).decode(errors="replace").encode()
    return _HALF.sub(rb"\g<before>\\ufffd", text)


def fields(raw: msgspec.Raw) -> dict[str, Any]:
    """The fields of one order; none where it is no object that can be read. It is for its mapping
    to say what is wrong with it."""
    try:
        return read_as(bytes(raw), dict[str, Any])
    except SourceError:
        return {}


def retry_after(text: str) -> float:
    """Retry-After in seconds, a number or a date; 0 where it says nothing that we understand.

    Source: RFC 9110, 10.2.3.
    """
    try:
        seconds = float(text)
    except ValueError:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    # Written so that what is no number counts as nothing.
    return min(MAXIMUM_RETRY_AFTER_SECONDS, seconds) if seconds > 0 else 0.0
