"""Stripe's API over HTTP: keys, forms, repeats, errors.

    StripeError
    ├── Refused      an answer 4xx: the request was understood, and not done
    ├── Failed       an answer 5xx: nobody knows what was done
    └── NoAnswer     no connection, no answer in time, or one that makes no sense

Sources: Stripe, "API reference: Authentication, Idempotent requests, Versioning", "Advanced error
handling", "Rate limits". No message holds the key, a card's token or a sentence of Stripe's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec
from prometheus_client import Counter

from connectors.payment_gateways.stripe_objects import Failure, Fault

log = logging.getLogger("millrace.stripe")
URL = "https://api.stripe.com"
VERSION = "2024-06-20"
"""of the API; Stripe keeps to it whatever the account's own is (Stripe, "Versioning")."""
TRIES = 3
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 2.0
REPEAT_SECONDS = 6.0
"""After so long nothing is repeated: the connector waits ten for all."""
CONNECT_SECONDS = 3.0
TRY_SECONDS = 9.0
CONNECTIONS = 64
ANSWER_BYTES_MAX = 4 * 1024 * 1024
REQUESTS = Counter(
    "millrace_stripe_requests_total", "Requests to Stripe by answer", ["operation", "status"]
)

_KEY = re.compile(r"(?:sk|rk)_(test|live)_[A-Za-z0-9]{4,250}")
_WORD = re.compile(r"[A-Za-z0-9_.\[\]-]{1,80}")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

Form = Mapping[str, "str | int | bool | Form"]
Answer = TypeVar("Answer")


class BadStripeSettings(ValueError):
    """These settings cannot be used; the message holds no secret."""


class StripeError(Exception):
    """A request did not come to a good end."""


class Refused(StripeError):
    """An answer 4xx."""

    def __init__(self, status: int, fault: Fault) -> None:
        super().__init__(f"{status} {_word(fault.type)} {_word(fault.code)}")
        self.status, self.fault = status, fault


class Failed(StripeError):
    """An answer 5xx. `replayed`: it is what Stripe has saved of the first request."""

    def __init__(self, status: int, replayed: bool) -> None:
        super().__init__(f"{status}{' replayed' if replayed else ''}")
        self.replayed = replayed


class NoAnswer(StripeError):
    """No answer, or one that makes no sense."""


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """How to reach an account. Raises BadStripeSettings."""

    secret_key: str = field(repr=False)
    live: bool = False
    """real money may be moved"""
    url: str = URL

    def __post_init__(self) -> None:
        match = _KEY.fullmatch(self.secret_key)
        if match is None:
            raise BadStripeSettings("the secret key does not begin with sk_ or rk_, test_ or live_")
        if (match[1] == "live") != self.live:
            wanted = "live = true" if match[1] == "live" else "a live key, or no live = true"
            raise BadStripeSettings(f"the secret key is a {match[1]} key; that wants {wanted}")
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            raise BadStripeSettings("the address must begin with https://")


class StripeApi:
    """An account's API. Belongs to the event loop of its first request."""

    def __init__(self, settings: StripeSettings) -> None:
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, operation: str, path: str, kind: type[Answer], query: Form | None = None
    ) -> Answer:
        """Read. Raises StripeError."""
        target = f"{path}?{encoded(query)}" if query else path
        return await self._ask(operation, "GET", target, None, {}, kind)

    async def post(
        self, operation: str, path: str, kind: type[Answer], form: Form, key: str
    ) -> Answer:
        """Do, once for each `key`, whatever `form` says. Raises StripeError."""
        body = encoded(form).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Idempotency-Key": key,
        }
        return await self._ask(operation, "POST", path, body, headers, kind)

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self,
        operation: str,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        kind: type[Answer],
    ) -> Answer:
        """Ask, and repeat what may be repeated, for a short time."""
        clock = asyncio.get_running_loop().time
        until = clock() + REPEAT_SECONDS
        number = 0
        while True:
            number += 1
            told: float | None = None
            try:
                status, content, told, replayed = await self._try(method, target, body, headers)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                REQUESTS.labels(operation, "none").inc()
                failure: StripeError = NoAnswer(f"{operation}: {type(error).__name__}")
                failure.__cause__ = error
                repeats = True
            else:
                REQUESTS.labels(operation, str(status)).inc()
                if status < 300:
                    return _decoded(operation, content, kind)
                repeats = told is not None
                failure = _failure(operation, status, content, replayed)
            pause = max(told or 0.0, _pause(number))
            if not repeats or number >= TRIES or clock() + pause > until:
                raise failure
            await asyncio.sleep(pause)

    async def _try(
        self, method: str, target: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, float | None, bool]:
        """Status, body, how long to wait at least before a repeat or None for none, replayed."""
        async with self._opened().request(
            method, self._settings.url + target, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = b""
            async for chunk in response.content.iter_chunked(65_536):
                content += chunk
                if len(content) > ANSWER_BYTES_MAX:
                    raise aiohttp.ClientPayloadError("the answer is too large")
            status, told = response.status, response.headers
        replayed = told.get("Idempotent-Replayed", "").lower() == "true"
        should = told.get("Stripe-Should-Retry", "").lower()
        repeats = should == "true" or (
            should != "false" and (status in (409, 429) or (status >= 500 and not replayed))
        )
        return status, content, _seconds(told.get("Retry-After")) if repeats else None, replayed

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=TRY_SECONDS, sock_connect=CONNECT_SECONDS),
                headers={
                    "Authorization": f"Bearer {self._settings.secret_key}",
                    "Stripe-Version": VERSION,
                    "User-Agent": "millrace",
                },
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def encoded(form: Form) -> str:
    """As a form: nested names in brackets, true and false in words."""
    return urlencode(list(_pairs(form)))


def _pairs(form: Form, outer: str = "") -> Iterator[tuple[str, str]]:
    for name, value in form.items():
        named = f"{outer}[{name}]" if outer else name
        if isinstance(value, Mapping):
            yield from _pairs(value, named)
        elif isinstance(value, bool):
            yield named, "true" if value else "false"
        else:
            yield named, str(value)


def _pause(number: int) -> float:
    """Twice as long each time; not all at the same moment (Stripe, "Rate limits")."""
    longest: float = min(FIRST_PAUSE_SECONDS * 2 ** (number - 1), LONGEST_PAUSE_SECONDS)
    return longest * random.uniform(0.5, 1)


def _seconds(text: str | None) -> float:
    """Of a Retry-After header."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else 0.0


def _decoded(operation: str, content: bytes, kind: type[Answer]) -> Answer:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError as error:
        raise NoAnswer(f"{operation}: the answer is no {kind.__name__}") from error


def _failure(operation: str, status: int, content: bytes, replayed: bool) -> StripeError:
    """What an answer that is none of the 2xx comes to."""
    try:
        fault = msgspec.json.decode(content, type=Failure).error
    except msgspec.MsgspecError:
        fault = Fault()
    if status != 402:
        log.warning(
            "%s: %s %s %s %s",
            operation, status, _word(fault.type), _word(fault.code), _word(fault.param),
        )  # fmt: skip
    if status >= 500 or status < 400 or not fault.type:
        return Failed(status, replayed)
    return Refused(status, fault)


def _word(text: str | None) -> str:
    """A word of Stripe's, and nothing that only looks like one."""
    return text if text and _WORD.fullmatch(text) else "-"
