"""Takes payloads over HTTP: checks who sends them, and answers once Kafka has them.

Guarantee: 200 means that the payload is durable on channels.raw. Anything else may be sent again;
a payload that arrives twice maps to the same order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES
from connectors.channels.publisher import Full, OnDone, Undelivered, new_raw_id
from connectors.channels.registry import CHANNELS
from schemas.channels import RawPayload

log = logging.getLogger("millrace.intake")
BODY_SECONDS = 30.0
RETRY_AFTER_SECONDS = 1
TOPIC_LENGTH_MAX = 100
SIGNED = frozenset({"shopify"})
"""Channels that sign the body; all others send a bearer token."""

REQUESTS = Counter("millrace_intake_requests_total", "Payloads by answer", ["channel", "status"])


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


PUBLISHER = web.AppKey("publisher", Publisher)
SECRETS = web.AppKey("secrets", Mapping[str, str])


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
        response = _problem(error.status, error.title, error.detail)
    except web.HTTPException as error:
        response = _problem(error.status, error.reason, f"{request.method} {request.path}")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
    except Exception:
        log.exception("%s %s", request.method, request.path)
        response = _problem(500, "Internal Server Error", "the intake failed")
    # The rest of a refused body is not read; the connection cannot carry another request.
    response.force_close()
    return response


async def _body(request: web.Request) -> bytes:
    """The body, never more of it than is allowed. Raises Refused."""
    too_large = Refused(413, "Content Too Large", f"at most {MAXIMUM_PAYLOAD_BYTES} bytes")
    if (request.content_length or 0) > MAXIMUM_PAYLOAD_BYTES:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAXIMUM_PAYLOAD_BYTES:
                    raise too_large
    except TimeoutError:
        raise Refused(408, "Request Timeout", f"no body within {BODY_SECONDS:.0f} s") from None
    return bytes(body)


def _same(given: str, expected: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


def _check_token(request: web.Request, secret: str) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not secret or scheme.lower() != "bearer" or not _same(token.strip(), secret):
        raise Refused(401, "Unauthorized", "no valid bearer token")


def _check_signature(request: web.Request, secret: str, body: bytes) -> None:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    given = request.headers.get("X-Shopify-Hmac-Sha256", "")
    if not secret or not _same(given, base64.b64encode(digest).decode()):
        raise Refused(401, "Unauthorized", "no valid signature")


async def take(request: web.Request) -> web.Response:
    """One payload of a channel."""
    channel = request.match_info["channel"]
    if channel not in CHANNELS:
        raise Refused(404, "Not Found", f"there are the channels {', '.join(sorted(CHANNELS))}")
    try:
        raw_id = await _take(request, channel)
    except Refused as error:
        REQUESTS.labels(channel, str(error.status)).inc()
        raise
    REQUESTS.labels(channel, "200").inc()
    return _json({"raw_id": raw_id})


async def _take(request: web.Request, channel: str) -> str:
    secret = request.app[SECRETS].get(channel, "")
    if channel in SIGNED:
        body = await _body(request)
        _check_signature(request, secret, body)
    else:
        _check_token(request, secret)
        body = await _body(request)
    raw = RawPayload(
        raw_id=new_raw_id(),
        channel=channel,
        source="webhook" if channel in SIGNED else "api",
        topic=request.headers.get("X-Shopify-Topic", "")[:TOPIC_LENGTH_MAX],
        received_at_ms=time.time_ns() // 1_000_000,
        payload=body,
    )
    loop = asyncio.get_running_loop()
    delivered: asyncio.Future[Exception | None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not delivered.done():
            delivered.set_result(error)

    try:
        request.app[PUBLISHER].publish(raw, lambda error: _call(loop, settle, error))
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


def application(publisher: Publisher, secrets: Mapping[str, str]) -> web.Application:
    """The intake. `secrets` are by channel; a channel without one takes nothing."""
    app = web.Application(middlewares=[_problems], client_max_size=MAXIMUM_PAYLOAD_BYTES)
    app[PUBLISHER] = publisher
    app[SECRETS] = secrets
    app.router.add_post("/channels/{channel}/orders", take)
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app
