"""What every JSON API of ours shares: who may ask, how much, what a fault looks like, and repeats.

Errors are application/problem+json (RFC 9457) and never tell anything of the inside; a fault in a
body is named by its JSON Pointer (RFC 6901). Who asks is known by a bearer token (RFC 6750).
A request that changes something has a key under which a repeat is known
(draft-ietf-httpapi-idempotency-key-header).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

import msgspec
import orjson
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.typedefs import Middleware

MAXIMUM_BODY_BYTES = 1024 * 1024
"""Of a request, unless a server says otherwise."""
BODY_SECONDS = 30.0
MAXIMUM_KEYS = 100_000
"""Idempotency keys in memory; the oldest gives way."""
KEY_SECONDS = 86_400.0
"""How long a key is remembered at least, unless MAXIMUM_KEYS others come."""
MAXIMUM_KEY_LENGTH = 255
REQUESTS_PER_SECOND = 200.0
BURST = 400.0
"""Of one caller, unless a server says otherwise."""
MAXIMUM_FAULTS = 20
RETRY_AFTER_SECONDS = 1
ANYONE = "api"
"""Who has a token without a name."""

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_CALLER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", re.ASCII)
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")
_MSGSPEC = re.compile(r"(?P<why>.*?) - at `(?P<path>\$.*)`", re.DOTALL)
_IN_AN_OBJECT = re.compile(r"required field `(?P<name>[^`]*)`|unknown field `(?P<other>[^`]*)`")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request."""

    detail: str
    pointer: str = ""
    """of the field in the body, e.g. /lines/0/sku; empty for the whole of it"""
    parameter: str = ""
    """name of the parameter or header; empty where it is in the body"""
    reason: str = ""
    """one word for programs; empty where there is none"""

    def told(self) -> dict[str, str]:
        """As the answer has it."""
        where = {"parameter": self.parameter} if self.parameter else {"pointer": self.pointer}
        return {**where, "detail": self.detail, **({"reason": self.reason} if self.reason else {})}


class Problem(Exception):
    """An answer that is no success. `kind` is a word for programs, such as key_reused."""

    def __init__(
        self,
        status: int,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        kind: str = "",
        retry_after: int = 0,
    ) -> None:
        super().__init__(status, detail)
        self.status, self.detail, self.kind = status, detail, kind
        self.faults = list(faults[:MAXIMUM_FAULTS])
        self.retry_after = retry_after or (RETRY_AFTER_SECONDS if status in (429, 503) else 0)


def wrong_parameter(name: str, why: str) -> Problem:
    """400 for a parameter of the query or the path."""
    return Problem(400, f"{name} {why}", [Fault(why, parameter=name)])


def only_parameters(request: web.Request, known: Collection[str], longest: int) -> None:
    """Raises Problem for a parameter of the query that nobody knows; `longest` of it is told."""
    for name in request.query:
        if name not in known:
            raise wrong_parameter(name[:longest], "is not known here")


def word(request: web.Request, name: str, longest: int) -> str:
    """A parameter of the query, empty where it is not there. Raises Problem."""
    found = request.query.get(name, "")
    if len(found) > longest or not found.isprintable():
        raise wrong_parameter(name, "is longer than any, or not printable")
    return found


def limit_of(request: web.Request, usual: int, most: int) -> int:
    """How many a page may have at most. Raises Problem."""
    text = request.query.get("limit", str(usual))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    if not 1 <= limit <= most:
        raise wrong_parameter("limit", f"is not a whole number from 1 to {most}")
    return limit


def pointer(path: str) -> str:
    """`lines[0].sku`, as mappings name a field, or msgspec's `$.lines[0].sku`, as RFC 6901 has it.

    Of anything else, such as a row of a file, the whole.
    """
    steps = _STEP.findall(path.removeprefix("$"))
    return "".join(f"/{step.strip('[]').replace('~', '~0').replace('/', '~1')}" for step in steps)


def answer(
    value: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON that nobody keeps."""
    return web.Response(
        body=orjson.dumps(msgspec.to_builtins(value)),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def problem(error: Problem) -> web.Response:
    """The answer of a problem (RFC 9457)."""
    body: dict[str, object] = {
        "type": f"urn:millrace:problem:{error.kind}" if error.kind else "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
    }
    if error.faults:
        body["errors"] = [fault.told() for fault in error.faults]
    response = web.Response(
        body=orjson.dumps(body),
        status=error.status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def problems(log: logging.Logger) -> Middleware:
    """A middleware: every failure is a problem, with nothing of the inside in it."""

    @web.middleware
    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as error:
            response = problem(error)
        except web.HTTPException as error:
            response = problem(Problem(error.status, f"{request.method} {error.reason}"))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception:
            # The path of the route, for the one that was asked may name a person.
            route = request.match_info.route.resource
            log.exception("%s %s", request.method, route.canonical if route else "")
            response = problem(Problem(500, "the server failed"))
        if request.can_read_body:
            # The rest of a refused body is not read: the connection can carry no other request.
            response.force_close()
        return response

    return answered


class Tokens:
    """Who may ask: a token a line, `NAME:TOKEN`, or one without a name, which is ANYONE's.

    A name may have several, while one gives way to another. Without any, nobody may ask.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """Raises ValueError for a line that is neither."""
        self._known: list[tuple[str, bytes]] = []
        for number, line in enumerate(filter(None, map(str.strip, lines)), 1):
            name, colon, token = line.rpartition(":")
            if colon and not _CALLER.fullmatch(name):
                raise ValueError(f"line {number}: what stands before the colon is no name")
            if not token.strip():
                raise ValueError(f"line {number}: there is no token")
            self._known.append((name or ANYONE, _digest(token.strip())))

    def names(self) -> set[str]:
        """Everybody who has one."""
        return {name for name, _ in self._known}

    def caller(self, request: web.Request) -> str:
        """Whose token the request has. Raises Problem: 401."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        digest, found = _digest(given.strip()), ""
        for name, known in self._known:  # all of them, so that the time tells nothing
            if hmac.compare_digest(known, digest):
                found = name
        if scheme.lower() != "bearer" or not found:
            raise Problem(401, "no valid bearer token")
        return found


def _digest(token: str) -> bytes:
    """Of one length, whatever is compared."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


class Pace:
    """How often one caller may ask: a bucket of `burst` requests that fills by `per_second`."""

    def __init__(
        self,
        per_second: float = REQUESTS_PER_SECOND,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """All buckets are full."""
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def admit(self, caller: str) -> None:
        """Count a request. Raises Problem: 429, with when to come back.

        `caller` is a name out of the tokens, so that there are no more buckets than those.
        """
        now = self._clock()
        left, at = self._left.get(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        if left < 1:
            self._left[caller] = (left, now)
            wait = max(1, round((1 - left) / self._per_second + 0.5))
            raise Problem(429, "too many requests; slow down", retry_after=wait)
        self._left[caller] = (left - 1, now)


class Room:
    """Memory for the bodies of all requests together; of one event loop."""

    def __init__(self, size: int) -> None:
        """Take how many bytes there are."""
        self.free = size

    async def read(self, request: web.Request, maximum: int = MAXIMUM_BODY_BYTES) -> bytes:
        """A JSON body within its bound. Raises Problem: 400, 408, 413, 415 and 503."""
        if request.content_type not in ("application/json", "application/merge-patch+json"):
            raise Problem(415, "the body must be application/json")
        if request.headers.get("Content-Encoding", "identity").strip().lower() not in (
            "", "identity", "gzip", "deflate",
        ):  # fmt: skip
            raise Problem(415, "Content-Encoding: gzip, deflate or none")
        if (request.content_length or 0) > maximum:
            raise Problem(413, f"at most {maximum} bytes")
        chunks: list[bytes] = []
        taken = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_any():
                    if taken + len(chunk) > maximum:
                        raise Problem(413, f"at most {maximum} bytes")
                    if self.free < len(chunk):
                        raise Problem(503, "too much is in flight; send it again")
                    self.free -= len(chunk)
                    taken += len(chunk)
                    chunks.append(chunk)
        except TimeoutError:
            raise Problem(408, f"no body within {BODY_SECONDS:.0f} s") from None
        except (web.RequestPayloadError, BadHttpMessage):
            raise Problem(400, "the body is not what its headers say") from None
        finally:
            self.free += taken
        return b"".join(chunks)


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Only 100-continue can be expected; for aiohttp's `expect_handler`."""
    if request.version < HttpVersion11:  # cannot wait, and means nothing (RFC 9110, 10.1.1)
        return None
    if request.headers.get("Expect", "").strip().lower() != "100-continue":
        refused = problem(Problem(417, "only 100-continue can be expected"))
        refused.force_close()
        return refused
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # Or the answer's own headers would be taken for sent (aiohttp's own handler does the same).
    request.writer.output_size = 0
    return None


def decoded(body: bytes, kind: type[Body]) -> Body:
    """The body as a struct. Raises Problem: 400 where it is no JSON, 422 where a field is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise Problem(422, "the body cannot be taken", [_fault(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "the body is not JSON") from None


def _fault(text: str) -> Fault:
    """What msgspec says, with the field that it means."""
    found = _MSGSPEC.fullmatch(text)
    why, path = (found["why"], pointer(found["path"])) if found else (text, "")
    inside = _IN_AN_OBJECT.search(why)
    if inside:
        name = inside["name"] or inside["other"] or ""
        path += f"/{name.replace('~', '~0').replace('/', '~1')}"
    return Fault(why, path)


def key_of(request: web.Request) -> str:
    """The Idempotency-Key; empty where there is none. Raises Problem: 400."""
    text = request.headers.get("Idempotency-Key", "").strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = text[1:-1]  # as the draft writes it, a string of RFC 8941
    if text and (len(text) > MAXIMUM_KEY_LENGTH or not _KEY.fullmatch(text)):
        why = f"is not 1 to {MAXIMUM_KEY_LENGTH} printable ASCII characters"
        fault = Fault(why, parameter="Idempotency-Key")
        raise Problem(400, f"Idempotency-Key {why}", [fault])
    return text


@dataclass(frozen=True, slots=True)
class _Answered:
    """What of an answer has to be told again; a response itself is ten times as large."""

    status: int
    body: bytes
    location: str


@dataclass(slots=True)
class _Asked:
    digest: bytes
    at: float
    answered: _Answered | None = None
    """None while it is under way"""


class Repeats:
    """What was asked under each key, and how it was answered; of one event loop.

    In memory: a process that has started again knows no keys, so that what a request does must be
    safe to repeat by itself too.
    """

    def __init__(
        self, maximum: int = MAXIMUM_KEYS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Nothing has been asked."""
        self._maximum, self._clock = maximum, clock
        self._asked: OrderedDict[tuple[str, str], _Asked] = OrderedDict()

    async def once(
        self, caller: str, key: str, content: bytes, work: Callable[[], Awaitable[web.Response]]
    ) -> web.Response:
        """The answer of `work`, which is done once for the same key and content.

        What raised, or answered that the server failed, is done again. Raises Problem: 409 while
        the first is under way, 422 where the key stands for other content.
        """
        self._forget()
        digest = hashlib.sha256(content).digest()
        known = self._asked.get((caller, key))
        if known is not None:
            if not hmac.compare_digest(known.digest, digest):
                raise _reused()
            if known.answered is None:
                raise Problem(409, "the same request is under way", kind="under_way", retry_after=1)
            return _again(known.answered)
        asked = _Asked(digest, self._clock())
        self._asked[(caller, key)] = asked
        try:
            made = await work()
        except BaseException:
            if self._asked.get((caller, key)) is asked:
                del self._asked[(caller, key)]
            raise
        body = made.body if isinstance(made.body, bytes) else b""
        asked.answered = _Answered(made.status, body, made.headers.get("Location", ""))
        return made

    def _forget(self) -> None:
        """Keys that are too old or too many, so that one more has room."""
        until = self._clock() - KEY_SECONDS
        while self._asked:
            first = next(iter(self._asked.values()))
            if len(self._asked) < self._maximum and first.at > until:
                return
            self._asked.popitem(last=False)


def _reused() -> Problem:
    fault = Fault("was used for another request", parameter="Idempotency-Key")
    return Problem(422, "the key stands for another request", [fault], kind="key_reused")


def _again(first: _Answered) -> web.Response:
    """The same answer, for another request."""
    headers = {"Cache-Control": "no-store", "Idempotency-Replayed": "true"}
    if first.location:
        headers["Location"] = first.location
    return web.Response(
        body=first.body,
        status=first.status,
        content_type="application/json",
        headers=headers,
    )
