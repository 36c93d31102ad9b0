"""Orders and stock over HTTP, for mobile apps and headless shops.

    POST /v1/orders                      an order in the form of the `json` channel
    POST /v1/orders/{order_id}/cancel    and /amend
    GET  /v1/orders/{order_id}           with its lines, shipments and timeline
    GET  /v1/orders?customer=&channel=&status=&cursor=&limit=
    GET  /v1/stock/{sku}
    GET  /openapi.json, /docs, /health, /ready, /metrics

Guarantee: 202 means that what was asked is durable; how it is decided is told by the order. After
anything else the same request may be sent again, with the same Idempotency-Key.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from connectors import openapi, openapi_page
from connectors.api import forms, places, reading
from connectors.channels.registry import CHANNELS
from connectors.http_api import (
    Fault,
    Handler,
    Pace,
    Problem,
    Repeats,
    Room,
    Tokens,
    answer,
    decoded,
    key_of,
    limit_of,
    only_parameters,
    problems,
    word,
    wrong_parameter,
)
from connectors.levels import answers
from connectors.levels.store import Store
from connectors.openapi import Operation, Parameter
from connectors.sending import Sender
from schemas.codec import UnreadableRecord

VERSION = "1.0.0"
MAXIMUM_BYTES_IN_FLIGHT = 64 * 1024 * 1024
SKU_LENGTH_MAX = 200
WORD_LENGTH_MAX = 200
STATUSES = (
    "assessing", "reserving", "authorizing", "ready", "held", "backordered", "released",
    "partly_shipped", "shipped", "refused", "cancelled",
)  # fmt: skip
OPEN_PATHS = frozenset({"/health", "/ready", "/metrics", "/openapi.json", "/docs"})
DESCRIPTION = (
    "Orders and stock. Requests that change something take an Idempotency-Key: the same key with"
    " the same body has the same answer, with another body 422. After 429, 503 and lost answers"
    " send the same request again. Orders are read a moment after they are accepted."
)

REQUESTS = Counter("millrace_api_requests_total", "Requests by answer", ["operation", "status"])
log = logging.getLogger("millrace.api")


class Source(Protocol):
    """What the server needs of connectors.levels.follower."""

    def waiting_for(self) -> str:
        """What has to happen before answers are right; empty when they are. Does not block."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the server talks to."""

    publisher: places.Publisher
    sender: Sender
    reader: reading.Reader
    store: Store
    levels: Source


OUTSIDE = web.AppKey("outside", Outside)
TOKENS = web.AppKey("tokens", Tokens)
PACE = web.AppKey("pace", Pace)
ROOM = web.AppKey("room", Room)
REPEATS = web.AppKey("repeats", Repeats)
DOCUMENT = web.AppKey("document", bytes)
SHOWN = web.AppKey("shown", str)
MOUNTED: web.AppKey[tuple[str, ...]] = web.AppKey("mounted", tuple)
CALLER = web.RequestKey("caller", str)
"""Under which a request has the name of its caller."""


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who has a token, at their pace. Raises Problem: 401 and 429."""
    resource = request.match_info.route.resource
    if (
        resource is not None
        and resource.canonical not in OPEN_PATHS
        and not resource.canonical.startswith(request.app[MOUNTED])
    ):
        caller = request.app[TOKENS].caller(request)
        request.app[PACE].admit(caller)
        request[CALLER] = caller
    return await handler(request)


@web.middleware
async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count each answer by its route, never by its path."""
    response = await handler(request)
    resource = request.match_info.route.resource
    route = f"{request.method} {resource.canonical}" if resource is not None else "none"
    REQUESTS.labels(route, str(response.status)).inc()
    return response


async def place_order(request: web.Request) -> web.Response:
    """Take one order in the form of the `json` channel."""
    body, key = await request.app[ROOM].read(request), key_of(request)
    order = places.read(body)
    # A later version of an order is another request; the same version is this one.
    key = key or f"order {order.order_id} {order.version}"

    async def work() -> web.Response:
        await places.publish(request.app[OUTSIDE].publisher, places.JSON.name, body)
        return _accepted(order.order_id, "place")

    return await request.app[REPEATS].once(request[CALLER], key, _named(request, body), work)


async def cancel_order(request: web.Request) -> web.Response:
    """Ask to cancel an order, or some lines."""
    order_id = places.order_id(request.match_info["order_id"])
    body, key = await request.app[ROOM].read(request), key_of(request)
    form = decoded(body, forms.CancelForm)
    content = _named(request, body)
    key = key or f"cancel {hashlib.sha256(content).hexdigest()}"

    async def work() -> web.Response:
        command = places.cancellation(order_id, form, request[CALLER])
        await places.send(request.app[OUTSIDE].sender, order_id, command)
        return _accepted(order_id, "cancel")

    return await request.app[REPEATS].once(request[CALLER], key, content, work)


async def amend_order(request: web.Request) -> web.Response:
    """Ask to change an order; the key becomes the amendment's id, so that the order knows it."""
    order_id = places.order_id(request.match_info["order_id"])
    body, key = await request.app[ROOM].read(request), key_of(request)
    if not key:
        fault = Fault("is needed: it tells a second change from a repeat", "", "Idempotency-Key")
        raise Problem(400, "there is no Idempotency-Key", [fault], kind="key_missing")
    form = decoded(body, forms.AmendForm)
    amendment_id = hashlib.sha256(f"{request[CALLER]}\0{key}".encode()).hexdigest()[:32]
    command = places.amendment(order_id, form, amendment_id, request[CALLER])

    async def work() -> web.Response:
        await places.send(request.app[OUTSIDE].sender, order_id, command)
        return _accepted(order_id, "amend")

    return await request.app[REPEATS].once(request[CALLER], key, _named(request, body), work)


def _named(request: web.Request, body: bytes) -> bytes:
    """What the key stands for: the body, and what it was sent to."""
    return f"{request.method} {request.rel_url.raw_path}\n".encode() + body


def _accepted(order_id: str, asked: str) -> web.Response:
    where = f"/v1/orders/{urllib.parse.quote(order_id, safe='')}"
    return answer(forms.Accepted(order_id, asked), 202, {"Location": where})


async def get_order(request: web.Request) -> web.Response:
    """One order and everything that happened to it."""
    order_id = places.order_id(request.match_info["order_id"])
    found = await request.app[OUTSIDE].reader.order(order_id)
    if found is None:
        raise Problem(404, "no such order is known, or not yet", kind="unknown_order")
    return answer(found)


async def list_orders(request: web.Request) -> web.Response:
    """Orders, the latest first, page by page."""
    asked = request.query
    only_parameters(request, ("customer", "channel", "status", "cursor", "limit"), WORD_LENGTH_MAX)
    wanted = reading.Wanted(
        *(word(request, name, WORD_LENGTH_MAX) for name in ("customer", "channel", "status"))
    )
    if wanted.channel and wanted.channel not in CHANNELS:
        raise wrong_parameter("channel", f"is none of {', '.join(sorted(CHANNELS))}")
    if wanted.status and wanted.status not in STATUSES:
        raise wrong_parameter("status", f"is none of {', '.join(STATUSES)}")
    limit = limit_of(request, reading.LIMIT, reading.LIMIT_MAX)
    behind = reading.place(asked["cursor"]) if asked.get("cursor") else reading.Place()
    return answer(await request.app[OUTSIDE].reader.page(wanted, behind, limit))


async def get_stock(request: web.Request) -> web.Response:
    """What there is of a SKU, out of memory."""
    sku, outside = request.match_info["sku"], request.app[OUTSIDE]
    if len(sku) > SKU_LENGTH_MAX:
        raise wrong_parameter("sku", f"is longer than {SKU_LENGTH_MAX} characters")
    why = outside.levels.waiting_for()
    if why:
        raise Problem(503, why)
    try:
        levels = outside.store.get(sku)
        if levels is None:
            raise Problem(404, "nothing is known of this SKU", kind="unknown_sku")
        return answer(msgspec.convert(answers.told(levels, outside.store.get), forms.StockTold))
    except UnreadableRecord:
        log.error("a record of inventory.levels cannot be read")
        raise Problem(503, "the record on Kafka cannot be read") from None


async def described(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


async def shown(request: web.Request) -> web.Response:
    """The same for people."""
    return web.Response(
        text=request.app[SHOWN],
        content_type="text/html",
        headers={"Content-Security-Policy": openapi_page.POLICY},
    )


async def health(_request: web.Request) -> web.Response:
    """The process answers."""
    return answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Kafka answers, and levels are right."""
    outside = request.app[OUTSIDE]
    why = outside.levels.waiting_for()
    if not why and not await asyncio.to_thread(outside.publisher.ready):
        why = "Kafka does not answer"
    if why:
        raise Problem(503, why)
    return answer({"status": "ready"})


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


_ORDER = Parameter("order_id", "path", "the order's id, as POST /v1/orders answers it")
_KEY = Parameter(
    "Idempotency-Key",
    "header",
    "the same for every try of one request; made of the order and its version when not given",
    {"type": "string", "minLength": 1, "maxLength": 255},
)
_CHANGING = (400, 401, 408, 409, 413, 415, 422, 429, 503)
_ASKED = ((202, "durable, and decided next", forms.Accepted),)


def operations() -> list[Operation]:
    """Every route of the API; the document is made of the same table."""
    return [
        Operation(
            "POST", "/v1/orders", place_order, "placeOrder", "Place an order",
            "The form of the `json` channel. A later `updated_at` is a later version of the order.",
            (_KEY,), forms.OrderForm, forms.ORDER_EXAMPLE, _ASKED, _CHANGING,
        ),
        Operation(
            "POST", "/v1/orders/{order_id}/cancel", cancel_order, "cancelOrder",
            "Cancel an order or some lines", "", (_ORDER, _KEY), forms.CancelForm,
            forms.CANCEL_EXAMPLE, _ASKED, _CHANGING,
        ),
        Operation(
            "POST", "/v1/orders/{order_id}/amend", amend_order, "amendOrder",
            "Change an order before its release", "All that is asked, or none of it.",
            (_ORDER, Parameter(_KEY.name, "header", "needed here", _KEY.schema, True)),
            forms.AmendForm, forms.AMEND_EXAMPLE, _ASKED, _CHANGING,
        ),
        Operation(
            "GET", "/v1/orders/{order_id}", get_order, "getOrder", "One order", "", (_ORDER,),
            answers=((200, "as it stands", forms.OrderTold),), problems=(400, 401, 404, 429, 503),
        ),
        Operation(
            "GET", "/v1/orders", list_orders, "listOrders", "Orders, the latest first", "",
            (
                Parameter("customer", "query", "a customer's id"),
                Parameter("channel", "query", "where they came from, e.g. json or shopify"),
                Parameter("status", "query", "where they are",
                          {"type": "string", "enum": list(STATUSES)}),
                Parameter("cursor", "query", "`next` of the page before"),
                Parameter("limit", "query", "how many", {
                    "type": "integer", "minimum": 1, "maximum": reading.LIMIT_MAX,
                    "default": reading.LIMIT,
                }),
            ),
            answers=((200, "a page", forms.OrdersPage),), problems=(400, 401, 429, 503),
        ),
        Operation(
            "GET", "/v1/stock/{sku}", get_stock, "getStock", "What there is of a SKU", "",
            (Parameter("sku", "path", "the SKU"),),
            answers=((200, "as it stands", forms.StockTold),), problems=(400, 401, 404, 429, 503),
        ),
        Operation(
            "GET", "/openapi.json", described, "describe", "This document",
            answers=((200, "OpenAPI 3.1", None),), is_open=True,
        ),
        Operation(
            "GET", "/docs", shown, "show", "This document, for people",
            answers=((200, "a page", None),), is_open=True,
        ),
    ]  # fmt: skip


def described_as() -> dict[str, Any]:
    """The OpenAPI document."""
    return openapi.document("millrace", VERSION, DESCRIPTION, operations())


def application(
    outside: Outside,
    tokens: Tokens,
    *,
    pace: Pace | None = None,
    memory_bytes: int = MAXIMUM_BYTES_IN_FLIGHT,
    mounted: Mapping[str, web.Application] | None = None,
) -> web.Application:
    """The API. `mounted` are servers by path that let in whom they want, by themselves."""
    app = web.Application(middlewares=[counted, problems(log), admitted])
    app[OUTSIDE], app[TOKENS], app[PACE] = outside, tokens, pace or Pace()
    app[ROOM], app[REPEATS] = Room(memory_bytes), Repeats()
    document = described_as()
    app[DOCUMENT], app[SHOWN] = msgspec.json.encode(document), openapi_page.page(document)

    async def closing(_app: web.Application) -> None:
        await outside.reader.close()

    app.on_cleanup.append(closing)
    openapi.add(app, operations())
    app[MOUNTED] = tuple(f"{path}/" for path in mounted or {})
    for path, other in (mounted or {}).items():
        app.add_subapp(path, other)
    for path, probe in (("/health", health), ("/ready", ready), ("/metrics", metrics)):
        app.router.add_get(path, probe)
    return app
