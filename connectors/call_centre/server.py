"""The desk over HTTP: the page, what it asks, and the sandbox's page to pay on.

    GET    /desk/                            the page; everything else of it is below /desk/page
    GET    /desk/me                          who the token is, and what there is to choose from
    GET    /desk/products?q=                 by SKU and name
    POST   /desk/customers                   {"words": e-mail address, phone or id}
    GET    /desk/drafts, POST                the latest; a new one
    GET    /desk/drafts/{draft_id}, PUT, DELETE
    POST   /desk/drafts/{draft_id}/quote, /link, /withdraw, /place
    GET    /desk/pay/{link}, POST            the sandbox's page for the customer
    GET    /desk/thanks                      where another gateway sends who has paid

Everything but the page, its files and those for customers needs an agent's bearer token. What an
agent looks for stands in a body where it may be personal, never in an address that is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import logging
import urllib.parse
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from msgspec import UNSET, Meta, Struct, UnsetType
from prometheus_client import Counter

from connectors.call_centre import forms
from connectors.call_centre.customers import Customers
from connectors.call_centre.drafts import MAXIMUM_FORM_BYTES, Draft, State
from connectors.call_centre.products import MAXIMUM_WORDS, Shelf
from connectors.call_centre.selling import MAXIMUM_QUOTED_DAYS, QUOTED_MS, Desk, outdated
from connectors.http_api import (
    Fault,
    Handler,
    Pace,
    Problem,
    Room,
    Tokens,
    answer,
    decoded,
    problems,
)
from connectors.levels.answers import iso

PAGE = Path(__file__).parent / "page"
SHOWN_DRAFTS = 50
MAXIMUM_BYTES_IN_FLIGHT = 16 * 1024 * 1024
CUSTOMER = "customer"
"""Whose pace the pages for customers keep, all together."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FILES = {"desk.css": "text/css", "desk.js": "text/javascript", "form.js": "text/javascript",
          "lookup.js": "text/javascript"}  # fmt: skip
REQUESTS = Counter("millrace_desk_requests_total", "Requests by answer", ["route", "status"])
log = logging.getLogger("millrace.desk")


class DraftForm(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft as the page sends it."""

    form: dict[str, Any]
    revision: int = 0
    """the one that the change was made on; 0 for a new draft"""


class ChangeForm(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done with a draft."""

    revision: int
    days: Annotated[int, Meta(ge=1, le=MAXIMUM_QUOTED_DAYS)] = QUOTED_MS // 86_400_000
    """of a quote: how long it is good"""


class WordsForm(Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to look for."""

    words: Annotated[str, Meta(min_length=1, max_length=400)]


class DraftTold(Struct, frozen=True):
    """A draft as the page shows it."""

    draft_id: str
    revision: int
    state: str
    agent_id: str
    changed_at: str | None
    form: dict[str, Any]
    sum: forms.Sum | None
    fault: dict[str, str] | None
    """what is missing or wrong first"""
    total: str
    currency: str
    quoted_at: str | None
    quoted_until: str | None
    in_time: bool
    order_id: str
    link: str | UnsetType = UNSET
    """where the customer pays"""


class DraftLine(Struct, frozen=True):
    """A draft in the list: nothing personal."""

    draft_id: str
    state: str
    agent_id: str
    changed_at: str | None
    lines: int
    total: str
    currency: str


@dataclass(frozen=True, slots=True)
class Service:
    """Everything that an agent needs."""

    desk: Desk
    shelf: Shelf
    customers: Customers


SERVICE = web.AppKey("service", Service)
TOKENS = web.AppKey("tokens", Tokens)
PACE = web.AppKey("pace", Pace)
ROOM = web.AppKey("room", Room)
ADDRESS = web.AppKey("address", str)
AGENT = web.RequestKey("agent", str)
_OPEN = frozenset({"/", "/page/{file}", "/pay/{link}", "/thanks"})


@web.middleware
async def _admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let in agents, and customers to what is theirs. Raises Problem: 401 and 429."""
    resource = request.match_info.route.resource
    path = resource.canonical.removeprefix("/desk") if resource is not None else ""
    if path in _OPEN:
        request.app[PACE].admit(CUSTOMER)
    elif resource is not None:
        agent_id = request.app[TOKENS].caller(request)
        request.app[PACE].admit(agent_id)
        request[AGENT] = agent_id
    return await handler(request)


@web.middleware
async def _with_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers.update(HEADERS)
    resource = request.match_info.route.resource
    route = f"{request.method} {resource.canonical}" if resource is not None else "none"
    REQUESTS.labels(route, str(response.status)).inc()
    return response


async def page(_request: web.Request) -> web.StreamResponse:
    """The page."""
    return web.FileResponse(PAGE / "desk.html", headers={"Cache-Control": "no-cache"})


async def file(request: web.Request) -> web.StreamResponse:
    """A file of the page."""
    name = request.match_info["file"]
    if name not in _FILES:
        raise Problem(404, "there is no such file")
    kind = f"{_FILES[name]}; charset=utf-8"
    return web.FileResponse(
        PAGE / name, headers={"Cache-Control": "no-cache", "Content-Type": kind}
    )


async def me(request: web.Request) -> web.Response:
    """Who asks, and what there is to choose from."""
    agent_id = request[AGENT]
    locations = await asyncio.to_thread(request.app[SERVICE].shelf.locations)
    return answer({"agent_id": agent_id, "locations": locations})


async def products(request: web.Request) -> web.Response:
    """Products by SKU and name."""
    words = request.query.get("q", "")
    if len(words) > MAXIMUM_WORDS:
        why = f"is longer than {MAXIMUM_WORDS} characters"
        raise Problem(400, f"q {why}", [Fault(why, parameter="q")])
    shelf = request.app[SERVICE].shelf
    return answer({"products": await asyncio.to_thread(shelf.find, words)})


async def customers(request: web.Request) -> web.Response:
    """Customers by e-mail address, phone or id."""
    form = decoded(await request.app[ROOM].read(request, 4096), WordsForm)
    return answer({"customers": await request.app[SERVICE].customers.find(form.words)})


async def drafts(request: web.Request) -> web.Response:
    """The latest drafts that are not placed."""
    desk = request.app[SERVICE].desk
    found = await asyncio.to_thread(desk.drafts.latest, SHOWN_DRAFTS)
    return answer({"drafts": [_line(draft) for draft in found]})


def _line(draft: Draft) -> DraftLine:
    lines = draft.form.get("lines")
    return DraftLine(
        draft.draft_id, draft.state, draft.agent_id, iso(draft.changed_ms),
        len(lines) if isinstance(lines, list) else 0, draft.total, draft.currency,
    )  # fmt: skip


async def make(request: web.Request) -> web.Response:
    """A new draft."""
    form = decoded(await request.app[ROOM].read(request, MAXIMUM_FORM_BYTES), DraftForm)
    draft = await request.app[SERVICE].desk.make(request[AGENT], form.form)
    return answer(_told(request, draft), 201)


async def read(request: web.Request) -> web.Response:
    """One draft."""
    return answer(_told(request, await _draft(request)))


async def change(request: web.Request) -> web.Response:
    """Another form of a draft."""
    form = decoded(await request.app[ROOM].read(request, MAXIMUM_FORM_BYTES), DraftForm)
    draft = _of_revision(await _draft(request), form.revision)
    changed = await request.app[SERVICE].desk.change(draft, request[AGENT], form.form)
    return answer(_told(request, changed))


async def forget(request: web.Request) -> web.Response:
    """Delete a draft."""
    await request.app[SERVICE].desk.forget(await _draft(request))
    return answer({})


async def quote(request: web.Request) -> web.Response:
    """Hold the total for some days."""
    form, draft = await _asked(request)
    quoted = await request.app[SERVICE].desk.quote(draft, request[AGENT], form.days)
    return answer(_told(request, quoted))


async def link(request: web.Request) -> web.Response:
    """Make a payment link."""
    _, draft = await _asked(request)
    waiting = await request.app[SERVICE].desk.ask_payment(draft, request[AGENT])
    return answer(_told(request, waiting))


async def withdraw(request: web.Request) -> web.Response:
    """Take a payment link back."""
    _, draft = await _asked(request)
    return answer(_told(request, await request.app[SERVICE].desk.withdraw(draft)))


async def place(request: web.Request) -> web.Response:
    """Place the order; once, however often it is asked."""
    form = decoded(await request.app[ROOM].read(request, 4096), ChangeForm)
    draft = await _draft(request)
    if draft.state not in (State.PLACING, State.PLACED):
        _of_revision(draft, form.revision)
    placed = await request.app[SERVICE].desk.place(draft, request[AGENT])
    return answer(_told(request, placed), 202)


async def _draft(request: web.Request) -> Draft:
    return await request.app[SERVICE].desk.find(request.match_info["draft_id"])


async def _asked(request: web.Request) -> tuple[ChangeForm, Draft]:
    form = decoded(await request.app[ROOM].read(request, 4096), ChangeForm)
    return form, _of_revision(await _draft(request), form.revision)


def _of_revision(draft: Draft, revision: int) -> Draft:
    if draft.revision != revision:
        raise outdated()
    return draft


def _told(request: web.Request, draft: Draft) -> DraftTold:
    found = forms.read(draft.form, draft.draft_id, draft.agent_id)
    own = f"{request.app[ADDRESS]}/desk/pay/{urllib.parse.quote(draft.link, safe='')}"
    return DraftTold(
        draft_id=draft.draft_id,
        revision=draft.revision,
        state=draft.state,
        agent_id=draft.agent_id,
        changed_at=iso(draft.changed_ms),
        form=draft.form,
        sum=found if isinstance(found, forms.Sum) else None,
        fault=found.told() if isinstance(found, Fault) else None,
        total=draft.total,
        currency=draft.currency,
        quoted_at=iso(draft.quoted_at_ms),
        quoted_until=iso(draft.quoted_until_ms),
        in_time=request.app[SERVICE].desk.in_time(draft),
        order_id=draft.order_id,
        link=(draft.link_url or own) if draft.link else UNSET,
    )


async def payment_page(request: web.Request) -> web.Response:
    """What the customer sees who follows a link of the sandbox."""
    draft = await request.app[SERVICE].desk.sandbox_link(request.match_info["link"])
    return _payment(request, draft)


async def pay(request: web.Request) -> web.Response:
    """The customer pays in the sandbox; the order is placed."""
    desk = request.app[SERVICE].desk
    draft = await desk.sandbox_link(request.match_info["link"])
    if draft is not None and desk.in_time(draft):
        draft = await desk.pay(draft)
    return _payment(request, draft)


async def thanks(_request: web.Request) -> web.Response:
    """Where another gateway sends who has paid."""
    return _simple("Thank you", "Your payment is on its way. You can close this page.")


def _payment(request: web.Request, draft: Draft | None) -> web.Response:
    if draft is None:
        return _simple("No such payment", "This link is not known, or was withdrawn.", 404)
    amount = f"{draft.total} {draft.currency}"
    if draft.state in (State.PLACING, State.PLACED):
        return _simple("Thank you", f"{amount} are paid. Your order is {draft.order_id}.")
    if draft.state != State.AWAITING_PAYMENT or not request.app[SERVICE].desk.in_time(draft):
        return _simple("Too late", "This link is no longer good. Please call us again.", 410)
    button = f'<button type="submit" autofocus>Pay {html.escape(amount)}</button>'
    form = f'<form method="post">{button}</form>'
    return _simple(f"Pay {amount}", "This is the sandbox: nobody is charged.", further=form)


def _simple(title: str, text: str, status: int = 200, further: str = "") -> web.Response:
    body = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title>"
        '<link rel="stylesheet" href="/desk/page/desk.css"></head>'
        f'<body><main class="simple"><section class="card"><h1>{html.escape(title)}</h1>'
        f"<p>{html.escape(text)}</p>{further}</section></main></body></html>"
    )
    return web.Response(
        text=body, status=status, content_type="text/html", headers={"Cache-Control": "no-store"}
    )


def application(
    service: Service, tokens: Tokens, address: str, pace: Pace | None = None
) -> web.Application:
    """The desk, to be mounted at /desk. `address` is where customers reach it, as in links."""
    app = web.Application(middlewares=[_with_headers, problems(log), _admitted])
    app[SERVICE], app[TOKENS], app[PACE] = service, tokens, pace or Pace()
    app[ROOM], app[ADDRESS] = Room(MAXIMUM_BYTES_IN_FLIGHT), address.rstrip("/")

    async def sweeping(_app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(service.desk.sweep())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await service.desk.links.close()

    app.cleanup_ctx.append(sweeping)
    for method, path, handler in (
        ("GET", "/", page), ("GET", "/page/{file}", file), ("GET", "/me", me),
        ("GET", "/products", products), ("POST", "/customers", customers),
        ("GET", "/drafts", drafts), ("POST", "/drafts", make),
        ("GET", "/drafts/{draft_id}", read), ("PUT", "/drafts/{draft_id}", change),
        ("DELETE", "/drafts/{draft_id}", forget), ("POST", "/drafts/{draft_id}/quote", quote),
        ("POST", "/drafts/{draft_id}/link", link),
        ("POST", "/drafts/{draft_id}/withdraw", withdraw),
        ("POST", "/drafts/{draft_id}/place", place),
        ("GET", "/pay/{link}", payment_page), ("POST", "/pay/{link}", pay),
        ("GET", "/thanks", thanks),
    ):  # fmt: skip
        app.router.add_route(method, path, handler)
    return app
