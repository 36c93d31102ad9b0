"""The dashboard's server: static page, one stream of snapshots for all viewers, a small API.

It reads and never writes. Queries run one at a time in a thread of their own, and the stream
makes no query while nobody looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest

from dashboards import snapshot as views
from dashboards.snapshot import Lag, Query, Row

WEB = Path(__file__).parent / "web"
INTERVAL_SECONDS = 1.0
REST_FACTOR = 2.0
"""Rest at least this many times as long as a snapshot took, so that the sink comes first."""
VIEWERS_MAX = 50
WRITE_SECONDS_MAX = 5.0
READY_SECONDS_MAX = 5.0
IDENTIFIER_LENGTH_MAX = 500
ORDERS, ORDERS_MAX = 50, 500
"""Of a page of orders."""
MILLISECONDS_MAX = 7_258_118_400_000
"""2200; no order is later."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
VIEWERS = Gauge("millrace_dashboard_viewers", "Viewers of the live page")
SNAPSHOT_SECONDS = Histogram("millrace_dashboard_snapshot_seconds", "Making one snapshot")
LAG = Gauge("millrace_pipeline_lag_records", "Records that the rooms have not decided")

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Live:
    """The latest snapshot, made once for everybody who looks."""

    def __init__(self, query: Query, lag: Lag) -> None:
        """Take what to ask; nothing is asked yet."""
        self.query = query
        self.viewers = 0
        self._lag = lag
        self._thread = ThreadPoolExecutor(1, "dashboard-query")
        self._looked_at = asyncio.Event()
        self._changed = asyncio.Condition()
        self._latest: bytes | None = None
        self._error = False
        self._version = 0
        self._made_at = 0.0

    async def ask(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Run a blocking call in the query thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(call, *arguments))

    def _make(self) -> bytes:
        waiting: int | None = None
        try:
            waiting = self._lag()
            LAG.set(waiting)
        except Exception as error:
            log.warning("lag: %s", error)
        with SNAPSHOT_SECONDS.time():
            return orjson.dumps(views.snapshot(self.query, waiting))

    async def make(self) -> bytes:
        """A snapshot that is at most as old as the interval."""
        if self._latest is None or time.monotonic() - self._made_at >= INTERVAL_SECONDS:
            self._latest = await self.ask(self._make)
            self._made_at = time.monotonic()
        return self._latest

    async def run(self) -> None:
        """Make snapshots as long as somebody looks."""
        while True:
            await self._looked_at.wait()
            started = time.monotonic()
            try:
                await self.make()
                self._error = False
            except Exception:
                log.exception("the database does not answer")
                self._error = True
            async with self._changed:
                self._version += 1
                self._changed.notify_all()
            took = time.monotonic() - started
            await asyncio.sleep(max(INTERVAL_SECONDS - took, REST_FACTOR * took))

    async def follow(self) -> AsyncGenerator[bytes, None]:
        """Server-sent events, from now on."""
        self.viewers += 1
        VIEWERS.set(self.viewers)
        self._looked_at.set()
        seen = -1
        try:
            while True:
                async with self._changed:
                    while self._version == seen or (self._latest is None and not self._error):
                        await self._changed.wait()
                    seen = self._version
                if self._error:
                    yield b"event: unavailable\ndata: {}\n\n"
                elif self._latest is not None:
                    yield b"data: " + self._latest + b"\n\n"
        finally:
            self.viewers -= 1
            VIEWERS.set(self.viewers)
            if self.viewers == 0:
                self._looked_at.clear()

    def close(self) -> None:
        """End the query thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


LIVE = web.AppKey("live", Live)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(value),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


@web.middleware
async def _with_headers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            raise web.HTTPNotFound(headers=HEADERS) from error  # no file of /static
        log.exception("%s %s", request.method, request.path)
        response = _json({"error": "the database does not answer"}, 503)
    if not response.prepared:
        response.headers.update(HEADERS)
    return response


async def page(_request: web.Request) -> web.StreamResponse:
    """The page itself."""
    return web.FileResponse(WEB / "index.html", headers={"Cache-Control": "no-cache"})


async def events(request: web.Request) -> web.StreamResponse:
    """Snapshots as server-sent events, until the viewer leaves."""
    live = request.app[LIVE]
    if live.viewers >= VIEWERS_MAX:
        return _json({"error": "too many viewers"}, 503)
    response = web.StreamResponse(
        headers={**HEADERS, "Content-Type": "text/event-stream", "Cache-Control": "no-store"}
    )
    await response.prepare(request)
    async with contextlib.aclosing(live.follow()) as stream:
        with contextlib.suppress(ConnectionError, TimeoutError):
            async for message in stream:
                async with asyncio.timeout(WRITE_SECONDS_MAX):
                    await response.write(message)
    return response


async def api_snapshot(request: web.Request) -> web.Response:
    """What the page shows, as JSON."""
    return web.Response(
        body=await request.app[LIVE].make(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def _identifier(request: web.Request, name: str) -> str:
    value = request.match_info[name].strip()
    if not value or len(value) > IDENTIFIER_LENGTH_MAX:
        raise web.HTTPBadRequest(text="not an identifier")
    return value


def _found(rows: list[Row], **answer: Any) -> web.Response:
    return _json({**answer, "error": "not found"}, 404) if not rows else _json(answer)


async def api_order(request: web.Request) -> web.Response:
    """The timeline of an order; 404 with an empty one when it is not known."""
    live, order_id = request.app[LIVE], _identifier(request, "order_id")
    rows = await live.ask(views.timeline, live.query, order_id)
    return _found(rows, order_id=order_id, events=rows)


async def api_orders(request: web.Request) -> web.Response:
    """A page of orders, the latest first: `limit` of them behind `before_ms` and `before_id`."""
    live, asked = request.app[LIVE], request.query
    wanted: dict[str, Any] = {
        name: asked.get(name, "")[:IDENTIFIER_LENGTH_MAX]
        for name in ("channel", "customer", "status", "before_id")
    }
    wanted["before_ms"] = _number(request, "before_ms", MILLISECONDS_MAX, MILLISECONDS_MAX)
    wanted["limit"] = _number(request, "limit", ORDERS, ORDERS_MAX)
    return _json({"orders": await live.ask(views.orders, live.query, wanted)})


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 16 and int(text) <= most):
        raise web.HTTPBadRequest(text=f"{name} is not a whole number up to {most}")
    return int(text)


async def api_stock(request: web.Request) -> web.Response:
    """The positions of a SKU; 404 with none when it is not known."""
    live, sku = request.app[LIVE], _identifier(request, "sku")
    rows = await live.ask(views.stock, live.query, sku)
    return _found(rows, sku=sku, positions=rows)


async def api_rejected(request: web.Request) -> web.Response:
    """Payloads that could not be mapped and have not been replayed."""
    live = request.app[LIVE]
    return _json({"rejected": await live.ask(views.rejected, live.query)})


async def api_counts(request: web.Request) -> web.Response:
    """Rows, and distinct positions on Kafka, of each topic; the two differ by the duplicates."""
    live = request.app[LIVE]
    return _json(await live.ask(views.counts, live.query))


async def health(_request: web.Request) -> web.Response:
    """The process answers."""
    return _json({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """The database answers too."""
    live = request.app[LIVE]
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            await live.ask(live.query, "SELECT 1", None)
    except Exception as error:
        return _json({"status": "unavailable", "error": type(error).__name__}, 503)
    return _json({"status": "ready"})


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def application(query: Query, lag: Lag) -> web.Application:
    """The dashboard. `query` and `lag` block and are called from one thread, one at a time."""
    app = web.Application(middlewares=[_with_headers], client_max_size=1024)

    async def live(app: web.Application) -> AsyncIterator[None]:
        app[LIVE] = Live(query, lag)
        maker = asyncio.create_task(app[LIVE].run())
        yield
        maker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await maker
        app[LIVE].close()

    app.cleanup_ctx.append(live)
    app.router.add_get("/", page)
    app.router.add_static("/static", WEB)
    app.router.add_get("/events", events)
    app.router.add_get("/api/snapshot", api_snapshot)
    app.router.add_get("/api/counts", api_counts)
    app.router.add_get("/api/orders", api_orders)
    app.router.add_get("/api/orders/{order_id:.+}", api_order)
    app.router.add_get("/api/stock/{sku:.+}", api_stock)
    app.router.add_get("/api/rejected", api_rejected)
    app.router.add_get("/health", health)
    app.router.add_get("/ready", ready)
    app.router.add_get("/metrics", metrics)
    return app
