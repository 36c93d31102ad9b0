"""Levels over HTTP: one SKU, or all of them page by page. It reads and never writes.

    GET /stock/{sku}?channel=&at=    one SKU; with either parameter, every step of the sum
    GET /stock?after=&limit=         SKUs in order, at most LIMIT_MAX of them; `next` goes on
    GET /health, /ready, /metrics

Errors are application/problem+json (RFC 9457). Until everything that was there at the start has
been read, /stock answers 503: what it would tell is older than what is known.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from connectors.levels import answers
from connectors.levels.store import Store
from schemas.codec import UnreadableRecord

LIMIT, LIMIT_MAX = 100, 1_000
SKU_LENGTH_MAX = 200
RETRY_AFTER_SECONDS = 1

REQUESTS = Counter("millrace_levels_requests_total", "Requests by answer", ["path", "status"])
ANSWER_SECONDS = Histogram(
    "millrace_levels_answer_seconds",
    "Making one answer",
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0),
)

log = logging.getLogger("millrace.levels")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Source(Protocol):
    """What the server needs of connectors.levels.follower."""

    def waiting_for(self) -> str:
        """What has to happen before answers are right; empty when they are. Does not block."""


STORE = web.AppKey("store", Store)
SOURCE = web.AppKey("source", Source)


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, title: str, detail: str) -> None:
        super().__init__(status, title, detail)
        self.status, self.title, self.detail = status, title, detail


def _json(value: Any, status: int = 200, content_type: str = "application/json") -> web.Response:
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type=content_type,
        headers={"Cache-Control": "no-store"},
    )


def _problem(status: int, title: str, detail: str) -> web.Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    response = _json(body, status, "application/problem+json")
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


@web.middleware
async def _problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every failure as application/problem+json, with nothing of the inside in it."""
    try:
        return await handler(request)
    except Refused as error:
        return _problem(error.status, error.title, error.detail)
    except web.HTTPException as error:
        response = _problem(error.status, error.reason, f"{request.method} {request.path}")
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except UnreadableRecord as error:
        log.error("%s: %s", request.path, error)
        return _problem(500, "Internal Server Error", "the record on Kafka cannot be read")
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return _problem(500, "Internal Server Error", "the look-up failed")


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    if not request.path.startswith("/stock"):
        return await handler(request)
    started = time.perf_counter()
    response = await handler(request)
    ANSWER_SECONDS.observe(time.perf_counter() - started)
    path = "/stock/{sku}" if "sku" in request.match_info else "/stock"
    REQUESTS.labels(path, str(response.status)).inc()
    return response


def _believed(request: web.Request) -> Store:
    """The store, once it is right. Raises Refused."""
    why = request.app[SOURCE].waiting_for()
    if why:
        raise Refused(503, "Service Unavailable", why)
    return request.app[STORE]


async def one(request: web.Request) -> web.Response:
    """One SKU."""
    store, sku = _believed(request), request.match_info["sku"]
    if len(sku) > SKU_LENGTH_MAX:
        raise Refused(400, "Bad Request", f"sku: longer than {SKU_LENGTH_MAX} characters")
    channel, at = request.query.get("channel"), request.query.get("at")
    try:
        at_ms = answers.moment(at) if at else 0
    except ValueError as error:
        raise Refused(400, "Bad Request", f"at: {error}") from error
    levels = store.get(sku)
    if levels is None:
        raise Refused(404, "Not Found", f"nothing is known of {sku}")
    explained = channel is not None or at is not None
    return _json(answers.told(levels, store.get, explained, channel or "", at_ms))


async def page(request: web.Request) -> web.Response:
    """SKUs behind `after`, by code point."""
    store = _believed(request)
    text = request.query.get("limit", str(LIMIT))
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0
    if not 1 <= limit <= LIMIT_MAX:
        raise Refused(400, "Bad Request", f"limit: is not a whole number from 1 to {LIMIT_MAX}")
    found, last = store.page(request.query.get("after", ""), limit)
    return _json({"stock": [answers.told(each, store.get) for each in found], "next": last or None})


async def health(_request: web.Request) -> web.Response:
    """The process answers."""
    return _json({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """What it answers is right."""
    why = request.app[SOURCE].waiting_for()
    if why:
        return _problem(503, "Service Unavailable", why)
    return _json({"status": "ready"})


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def application(store: Store, source: Source) -> web.Application:
    """The look-up in a store that somebody else fills."""
    app = web.Application(middlewares=[_counted, _problems], client_max_size=1024)
    app[STORE] = store
    app[SOURCE] = source
    app.router.add_get("/stock", page)
    app.router.add_get("/stock/{sku:.+}", one)
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app
