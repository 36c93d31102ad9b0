"""Takes payloads over HTTP: checks who sends them, and answers once Kafka has them.

Guarantee: 200 means that the payload is durable on channels.raw. Anything else may be sent again;
a payload that arrives twice maps to the same order.

A request is refused as early as it can be: what its headers tell, before its body is asked for
(Expect: 100-continue) or read. Bodies in memory have a common bound, so that no number of senders
can exhaust it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import orjson
from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import BadHttpMessage
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES
from connectors.channels.publisher import Full, OnDone, Undelivered, new_raw_id
from connectors.channels.registry import CHANNELS
from connectors.channels.signatures import SCHEMES, any_same, is_signed
from schemas.channels import RawPayload

log = logging.getLogger("millrace.intake")
MAXIMUM_BYTES_IN_FLIGHT = 64 * 1024 * 1024
"""Bodies that are being read or wait for Kafka, all together; each is there up to four times:
as it comes, whole, as a record, and in librdkafka."""
MAXIMUM_BYTES_AT_ONCE = 64 * 1024
"""A larger body is encrypted in another thread than the one that serves."""
BODY_SECONDS = 30.0
RETRY_AFTER_SECONDS = 1
TOPIC_LENGTH_MAX = 100
ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
"""Content-Encoding that the server undoes before anything here sees a body. Sizes and signatures
are of the payload itself."""

REQUESTS = Counter("millrace_intake_requests_total", "Payloads by answer", ["channel", "status"])
IN_FLIGHT = Gauge("millrace_intake_in_flight_bytes", "Bodies that are read or wait for Kafka")


class Publisher(Protocol):
    """What the intake needs of connectors.channels.publisher."""

    def publish(self, raw: RawPayload, on_done: OnDone) -> None:
        """Send; `on_done` may be called in any thread. Raises Full or Undelivered."""

    def ready(self) -> bool:
        """Kafka answers. May block."""


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(status, title, detail)
        self.status, self.title, self.detail = status, title, detail


class Share:
    """One request's part of the memory for bodies."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.taken = 0

    def take(self, size: int) -> None:
        """So many bytes more. Raises Refused when that is more than there is."""
        if self._memory.free < size:
            raise _full()
        self._memory.free -= size
        self.taken += size
        IN_FLIGHT.inc(size)


class Memory:
    """The memory for bodies; of one event loop, so that nothing happens in between."""

    def __init__(self, size: int) -> None:
        """Take how much there is."""
        self.free = size

    @contextmanager
    def share(self) -> Iterator[Share]:
        """A request's part, given back however the request ends."""
        share = Share(self)
        try:
            yield share
        finally:
            self.free += share.taken
            IN_FLIGHT.dec(share.taken)


def _full() -> Refused:
    return Refused(503, "Service Unavailable", "too much is in flight; send it again")


Secrets = Mapping[str, Sequence[str]]
"""By channel: every secret that is good now, several while one gives way to another."""

PUBLISHER = web.AppKey("publisher", Publisher)
NotificationUrls = Mapping[str, str]
"""By channel that signs it: the URL that its webhooks are sent to, as the channel knows it."""

SECRETS = web.AppKey("secrets", Secrets)
NOTIFICATION_URLS = web.AppKey("notification_urls", NotificationUrls)
MEMORY = web.AppKey("memory", Memory)


def _json(value: object, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type=content_type)


def _problem(status: int, title: str, detail: str) -> web.Response:
    """RFC 9457."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    response = _json(body, status, "application/problem+json")
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every failure as application/problem+json, with nothing of the inside in it."""
    try:
        return await handler(request)
    except Refused as error:
        return _refusal(request, error)
    except web.HTTPException as error:
        response = _problem(error.status, error.reason, f"{request.method} {request.path}")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except Exception:
        log.exception("%s %s", request.method, request.path)
        response = _problem(500, "Internal Server Error", "the intake failed")
    response.force_close()
    return response


def _admit(request: web.Request) -> str:
    """Check all that the headers tell; return the channel. Raises Refused."""
    channel = request.match_info["channel"]
    if channel not in CHANNELS:
        raise Refused(404, "Not Found", f"there are the channels {', '.join(sorted(CHANNELS))}")
    if channel not in SCHEMES:
        _check_token(request, request.app[SECRETS].get(channel, ()))
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ENCODINGS:
        raise Refused(415, "Unsupported Media Type", "Content-Encoding: gzip, deflate or none")
    length = request.content_length or 0
    if length > MAXIMUM_PAYLOAD_BYTES:
        raise _too_large()
    if length > request.app[MEMORY].free:
        raise _full()
    return channel


def _too_large() -> Refused:
    return Refused(413, "Content Too Large", f"at most {MAXIMUM_PAYLOAD_BYTES} bytes")


async def _body(request: web.Request, share: Share) -> bytes:
    """The body, never more of it than is allowed. Raises Refused.

    What counts is what has arrived, not what was announced: a sender that announces much and sends
    nothing holds no memory that others need.
    """
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                if share.taken + len(chunk) > MAXIMUM_PAYLOAD_BYTES:
                    raise _too_large()
                share.take(len(chunk))
                chunks.append(chunk)
    except TimeoutError:
        raise Refused(408, "Request Timeout", f"no body within {BODY_SECONDS:.0f} s") from None
    except (web.RequestPayloadError, BadHttpMessage) as error:
        raise Refused(400, "Bad Request", "the body is not what its headers say") from error
    return b"".join(chunks)


def _check_token(request: web.Request, secrets: Sequence[str]) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not any_same(token.strip(), secrets):
        raise Refused(401, "Unauthorized", "no valid bearer token")


def _check_signature(request: web.Request, channel: str, body: bytes) -> None:
    secrets = request.app[SECRETS].get(channel, ())
    url = request.app[NOTIFICATION_URLS].get(channel, "")
    if not is_signed(SCHEMES[channel], request.headers, body, secrets, url):
        raise Refused(401, "Unauthorized", "no valid signature")


async def expect(request: web.Request) -> web.StreamResponse | None:
    """Ask for the body of a request that waits to be asked, or answer without it."""
    if request.version < HttpVersion11:  # cannot wait, and means nothing (RFC 9110, 10.1.1)
        return None
    try:
        if request.headers.get("Expect", "").strip().lower() != "100-continue":
            raise Refused(417, "Expectation Failed", "only 100-continue can be expected")
        _admit(request)
    except Refused as error:
        return _refusal(request, error)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # Or the answer's own headers would be taken for sent (aiohttp's own handler does the same).
    request.writer.output_size = 0
    return None


def _refusal(request: web.Request, error: Refused) -> web.Response:
    channel = request.match_info.get("channel", "")
    if channel in CHANNELS:
        REQUESTS.labels(channel, str(error.status)).inc()
    response = _problem(error.status, error.title, error.detail)
    # The rest of a refused body is not read; the connection cannot carry another request.
    response.force_close()
    return response


async def take(request: web.Request) -> web.Response:
    """One payload of a channel."""
    channel = _admit(request)
    with request.app[MEMORY].share() as share:
        body = await _body(request, share)
        if channel in SCHEMES:
            if request.app[SECRETS].get(channel) and SCHEMES[channel].is_ping(body):
                REQUESTS.labels(channel, "200").inc()
                return _json({"ping": True})
            _check_signature(request, channel, body)
        raw_id = await _deliver(request, channel, body)
    REQUESTS.labels(channel, "200").inc()
    return _json({"raw_id": raw_id})


async def _deliver(request: web.Request, channel: str, body: bytes) -> str:
    """Wait until Kafka has it; the raw_id that it got. Raises Refused."""
    scheme = SCHEMES.get(channel)
    topic = request.headers.get(scheme.topic_header, "") if scheme else ""
    raw = RawPayload(
        raw_id=new_raw_id(),
        channel=channel,
        source="webhook" if scheme else "api",
        topic=topic[:TOPIC_LENGTH_MAX],
        received_at_ms=time.time_ns() // 1_000_000,
        payload=body,
    )
    loop = asyncio.get_running_loop()
    delivered: asyncio.Future[Exception | None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not delivered.done():
            delivered.set_result(error)

    try:
        publish = partial(request.app[PUBLISHER].publish, raw, partial(_call, loop, settle))
        # To find out whom a large file names, and to encrypt it, takes too long in between.
        if len(body) > MAXIMUM_BYTES_AT_ONCE:
            await asyncio.to_thread(publish)
        else:
            publish()
        failure = await delivered
    except (Full, Undelivered) as error:
        failure = error
    if failure is not None:
        log.warning("not delivered: %s", failure)
        raise Refused(503, "Service Unavailable", "Kafka does not take it now; send it again")
    return raw.raw_id


def _call(
    loop: asyncio.AbstractEventLoop,
    settle: Callable[[Exception | None], None],
    error: Exception | None,
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, error)


async def health(_request: web.Request) -> web.Response:
    """The process answers."""
    return _json({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Kafka answers too."""
    if await asyncio.to_thread(request.app[PUBLISHER].ready):
        return _json({"status": "ready"})
    return _problem(503, "Service Unavailable", "Kafka does not answer")


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def application(
    publisher: Publisher,
    secrets: Secrets,
    memory_bytes: int = MAXIMUM_BYTES_IN_FLIGHT,
    notification_urls: NotificationUrls | None = None,
) -> web.Application:
    """The intake. A channel without a secret takes nothing."""
    app = web.Application(middlewares=[_problems], client_max_size=MAXIMUM_PAYLOAD_BYTES)
    app[PUBLISHER] = publisher
    app[SECRETS] = secrets
    app[NOTIFICATION_URLS] = notification_urls or {}
    app[MEMORY] = Memory(memory_bytes)
    app.router.add_post("/channels/{channel}/orders", take, expect_handler=expect)
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app
