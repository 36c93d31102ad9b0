"""What locations are to send, over HTTP, and what they and carriers say of it.

    GET  /v1/fulfillment-orders?location=&status=&cursor=&limit=
    GET  /v1/fulfillment-orders/{id}            and /cartons, /commands/{key}
    POST /v1/fulfillment-orders/{id}/accept     and reject, pick, short, pack, ship, hold, release
    POST /v1/carrier-events
    GET  /openapi.json, /health, /ready, /metrics

Guarantee: 202 means that the command is durable; what came of it is told under /commands, or waited
for with `Prefer: wait=5`. After anything else the same request may be sent again. Fulfillment
orders are told out of memory, and not before everything that was there at the start has been read.
"""

from __future__ import annotations

import asyncio
import logging
import time
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

from connectors import openapi
from connectors.carriers.cartons import Proposal, TooManyPieces
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
    expect,
    key_of,
    limit_of,
    only_parameters,
    problems,
    word,
    wrong_parameter,
)
from connectors.locations.answers import parcel, shown
from connectors.locations.callers import Caller
from connectors.locations.outcomes import DONE, REFUSED, Command, Key, Outcome, Outcomes, is_so
from connectors.locations.requests import (
    Action,
    Asked,
    CarrierEventForm,
    CartonTold,
    EventTold,
    Form,
    FulfillmentOrdersPage,
    NotFittingTold,
    ProposalTold,
    carrier_event,
)
from connectors.locations.store import WORKED_ON, Found, Store
from connectors.openapi import Operation
from connectors.sending import Sender, Unsent
from schemas.fulfillment_work import WorkLine, WorkStatus
from schemas.messages import Send
from schemas.records import Record
from schemas.topics import FULFILLMENT_COMMANDS

LIMIT, LIMIT_MAX = 100, 500
WORD_LENGTH_MAX = 250
MAXIMUM_WAIT_SECONDS = 10
MAXIMUM_WAITING = 1_000
"""Requests that wait for an outcome at once; further ones are answered 202 at once."""
MAXIMUM_PROPOSALS = 8
"""that are worked out or wait for it; cartons are searched for one after the other"""
MAXIMUM_BYTES_IN_FLIGHT = 64 * 1024 * 1024
ID = "{fulfillment_order_id}"
ID_AS_IT_IS = "{order_id}/{number:[0-9]+}"
"""The same with its slash written as it is, and not as %2F."""
OPEN_PATHS = frozenset({"/health", "/ready", "/metrics", "/openapi.json"})
CALLER = web.RequestKey("caller", Caller)

REQUESTS = Counter(
    "millrace_locations_requests_total", "Requests by answer", ["operation", "status"]
)
log = logging.getLogger("millrace.locations")
Proposes = Callable[[Sequence[WorkLine]], Proposal]
"""Cartons for lines. Raises TooManyPieces, and LookupError with a sentence where a size is not
known."""


@dataclass(slots=True)
class Bound:
    """So many at once; of one event loop."""

    free: int

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Whether there is room for one more, which is kept meanwhile."""
        has_room = self.free > 0
        self.free -= has_room
        try:
            yield has_room
        finally:
            self.free += has_room


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that the server works with."""

    store: Store
    outcomes: Outcomes
    sender: Sender
    waiting_for: Callable[[], str]
    """what has still to be read before answers are right; empty when they are"""
    proposes: Proposes | None = None
    """None where no sizes are known"""
    waiting: Bound = field(default_factory=lambda: Bound(MAXIMUM_WAITING))
    proposing: Bound = field(default_factory=lambda: Bound(MAXIMUM_PROPOSALS))
    one_proposal: asyncio.Lock = field(default_factory=asyncio.Lock)


DESK = web.AppKey("desk", Desk)
TOKENS = web.AppKey("tokens", Tokens)
PACE = web.AppKey("pace", Pace)
ROOM = web.AppKey("room", Room)
REPEATS = web.AppKey("repeats", Repeats)
DOCUMENT = web.AppKey("document", bytes)


@web.middleware
async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in who has a token, at their pace. Raises Problem: 401 and 429."""
    resource = request.match_info.route.resource
    if resource is not None and resource.canonical not in OPEN_PATHS:
        name = request.app[TOKENS].caller(request)
        request.app[PACE].admit(name)
        request[CALLER] = Caller(name)
    return await handler(request)


@web.middleware
async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count each answer by its route, never by its path."""
    response = await handler(request)
    resource = request.match_info.route.resource
    path = resource.canonical.replace("{order_id}/{number}", ID) if resource is not None else ""
    route = f"{request.method} {path}" if path else "none"
    REQUESTS.labels(route, str(response.status)).inc()
    return response


def _store(request: web.Request) -> Store:
    """The store, once it is right. Raises Problem: 503."""
    why = request.app[DESK].waiting_for()
    if why:
        raise Problem(503, why)
    return request.app[DESK].store


def _found(request: web.Request) -> Found:
    """The fulfillment order of the path, if the caller may see it. Raises Problem: 404."""
    asked = request.match_info
    name = asked.get("fulfillment_order_id") or f"{asked['order_id']}/{asked['number']}"
    caller = request[CALLER]
    return caller.sees(_store(request).get(name))


async def list_orders(request: web.Request) -> web.Response:
    """Fulfillment orders, in order of their ids."""
    caller = request[CALLER]
    asked = request.query
    only_parameters(request, ("location", "status", "cursor", "limit"), WORD_LENGTH_MAX)
    location = caller.location(word(request, "location", WORD_LENGTH_MAX))
    statuses = asked.getall("status", [])
    for status in statuses:
        if status not in list(WorkStatus):
            raise wrong_parameter("status", f"is none of {', '.join(WorkStatus)}")
    limit = limit_of(request, LIMIT, LIMIT_MAX)
    after = word(request, "cursor", WORD_LENGTH_MAX)
    found, last = _store(request).page(location, statuses or WORKED_ON, after, limit)
    orders = [shown(*one) for one in found]
    return answer(FulfillmentOrdersPage(fulfillment_orders=orders, next=last or None))


async def get_order(request: web.Request) -> web.Response:
    """One fulfillment order."""
    return answer(shown(*_found(request)))


async def get_cartons(request: web.Request) -> web.Response:
    """Cartons for a fulfillment order."""
    found, desk = _found(request), request.app[DESK]
    if desk.proposes is None:
        raise Problem(404, "the sizes of cartons and goods are not known here", kind="no_sizes")
    with desk.proposing.one() as has_room:
        if not has_room:
            raise Problem(503, "too many proposals are asked for; ask again")
        async with desk.one_proposal:
            try:
                proposal = await asyncio.to_thread(desk.proposes, found.one.lines)
            except (TooManyPieces, LookupError) as error:
                text = str(error.args[0])
                raise Problem(409, text, kind="cannot_be_proposed") from None
    cartons = []
    for carton, packed in zip(proposal.cartons, proposal.parcels, strict=True):
        box = parcel(packed)
        cartons.append(
            CartonTold(
                carton=carton, weight_grams=box.weight_grams, length_mm=box.length_mm,
                width_mm=box.width_mm, height_mm=box.height_mm, lines=box.lines,
            )
        )  # fmt: skip
    left = [
        NotFittingTold(line_id=one.line_id, quantity=one.quantity, reason=str(one.reason))
        for one in proposal.left
    ]
    return answer(ProposalTold(cartons=cartons, left=left))


async def work_on(action: Action, request: web.Request) -> web.Response:
    """Ask something of a fulfillment order."""
    found, key = _found(request), key_of(request) or uuid.uuid4().hex
    body = await request.app[ROOM].read(request) if request.body_exists else b"{}"
    form = _read(body, action.form)
    caller = request[CALLER]
    assert isinstance(form, Form)
    actor = f"{caller.name}: {form.actor}" if form.actor else caller.name
    record = action.command(Asked(found, actor, _now_ms()), form)

    async def work() -> web.Response:
        command = await _sent(request, found, key, record, actor)
        return await _outcome(request, found, command)

    content = f"{request.method} {request.rel_url.raw_path}\n".encode() + body
    return await request.app[REPEATS].once(caller.name, key, content, work)


def _read(body: bytes, kind: type[Any]) -> Any:
    """The body, with faults in words for people. Raises Problem."""
    try:
        return decoded(body, kind)
    except Problem as error:
        why = "has a control character, or is no identifier"
        error.faults = [
            Fault(why, one.pointer) if "matching regex" in one.detail else one
            for one in error.faults
        ]
        raise


async def _sent(
    request: web.Request, found: Found, key: str, record: Record, actor: str
) -> Command:
    """The command, once it is durable. Raises Problem: 503."""
    outcomes, name = request.app[DESK].outcomes, found.one.fulfillment_order_id
    place = Key(request[CALLER].name, name, key)
    # Listened for before it is sent, for the answer may be quicker than the broker's receipt.
    command = outcomes.add(place, found.order_id, record, actor)
    try:
        await _send(request, found, record)
    except BaseException:
        outcomes.drop(place)
        raise
    return command


async def _send(request: web.Request, found: Found, record: Record) -> None:
    try:
        sends = [Send(FULFILLMENT_COMMANDS, found.order_id, record)]
        await request.app[DESK].sender.send(sends)
    except Unsent as error:
        log.warning("not sent: %s", error)
        raise Problem(503, "Kafka does not take it now; send it again") from None


async def _outcome(request: web.Request, found: Found, command: Command) -> web.Response:
    """What came of a command, if that is waited for. Raises Problem: 409."""
    desk, seconds = request.app[DESK], _wait_of(request)
    _look(desk, command)
    with desk.waiting.one() as has_room:
        if seconds and has_room and not command.settled.done():
            await asyncio.wait([command.settled], timeout=seconds)
            _look(desk, command)
    told = command.told()
    if seconds and told.status == REFUSED:
        fault = Fault(told.detail or told.reason, reason=told.reason)
        raise Problem(409, "the command is refused", [fault], kind="refused")
    quoted = urllib.parse.quote(command.key.fulfillment_order_id, safe="")
    where = f"/v1/fulfillment-orders/{quoted}/commands/{urllib.parse.quote(told.key, safe='')}"
    headers = {"Location": where}
    if seconds:
        headers["Preference-Applied"] = f"wait={seconds}"
    return answer(told, 200 if told.status == DONE else 202, headers)


def _look(desk: Desk, command: Command) -> None:
    """Settle a command that asks for what is so, of which the room says nothing."""
    if command.settled.done() or not desk.outcomes.is_next(command):
        return
    found = desk.store.get(command.key.fulfillment_order_id)
    if found is not None and is_so(command.record, found.one):
        desk.outcomes.settle(command, Outcome(DONE))


def _wait_of(request: web.Request) -> int:
    """Seconds that an outcome is waited for; 0 for not at all. Source: RFC 7240, 4.3."""
    for part in request.headers.get("Prefer", "").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        value = value.strip().strip('"')
        if name.strip().lower() == "wait" and value.isascii() and value.isdecimal():
            return min(MAXIMUM_WAIT_SECONDS, int(value[:4]))
    return 0


async def get_command(request: web.Request) -> web.Response:
    """What came of a command."""
    found, desk = _found(request), request.app[DESK]
    name, key = found.one.fulfillment_order_id, request.match_info["key"]
    command = desk.outcomes.find(Key(request[CALLER].name, name, key))
    if command is None:
        detail = "no such command is known since the start; the same one may be sent again"
        raise Problem(404, detail, kind="unknown_command")
    _look(desk, command)
    return answer(command.told())


async def record_carrier_event(request: web.Request) -> web.Response:
    """Take what a carrier tells of a shipment."""
    caller = request[CALLER]
    caller.tells_of("")
    form = _read(await request.app[ROOM].read(request), CarrierEventForm)
    carrier = caller.tells_of(form.carrier)
    if not carrier:
        fault = Fault("is needed: the token is not a carrier's", "/carrier")
        raise Problem(422, "the body cannot be taken", [fault])
    found = _store(request).shipment(carrier, form.tracking_number)
    if found is None:
        raise Problem(404, "no shipment goes by that number", kind="unknown_shipment")
    record = carrier_event(found, carrier, form, _now_ms())
    await _send(request, found, record)
    shown = EventTold(event_id=record.event_id, fulfillment_order_id=found.one.fulfillment_order_id)
    return answer(shown, 202)


async def described(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(body=request.app[DOCUMENT], content_type="application/json")


async def health(_request: web.Request) -> web.Response:
    """The process answers."""
    return answer({"status": "ok"})


async def ready(request: web.Request) -> web.Response:
    """Kafka answers, and what is told is right."""
    desk = request.app[DESK]
    why = desk.waiting_for()
    if not why and not await asyncio.to_thread(desk.sender.ready):
        why = "Kafka does not answer"
    if why:
        raise Problem(503, why)
    return answer({"status": "ready"})


async def metrics(_request: web.Request) -> web.Response:
    """What Prometheus scrapes."""
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def handler_of(action: Action) -> Handler:
    """The handler of an action's route."""
    return partial(work_on, action)


def application(
    desk: Desk,
    tokens: Tokens,
    table: Sequence[Operation],
    document: bytes,
    *,
    pace: Pace | None = None,
    memory_bytes: int = MAXIMUM_BYTES_IN_FLIGHT,
) -> web.Application:
    """The API; `table` and `document` are those of documented.py."""
    app = web.Application(middlewares=[counted, problems(log), admitted])
    app[DESK], app[TOKENS], app[PACE] = desk, tokens, pace or Pace()
    app[ROOM], app[REPEATS], app[DOCUMENT] = Room(memory_bytes), Repeats(), document
    openapi.add(app, table)
    for one in table:
        if ID in one.path:
            path = one.path.replace(ID, ID_AS_IT_IS)
            app.router.add_route(one.method, path, one.handler, expect_handler=expect)
    for path, probe in (("/health", health), ("/ready", ready), ("/metrics", metrics)):
        app.router.add_get(path, probe)
    return app


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
