"""Orders as analytics has them: asked over HTTP, since embedded ClickHouse is one process's own.

Guarantee: what is told has happened; what has happened is told once the sink has it, about a
second later. Reads only, so that a repeat changes nothing.
"""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from typing import Protocol, TypeVar

import aiohttp
import msgspec
from msgspec import Struct
from yarl import URL

from connectors.api import told
from connectors.api.forms import OrdersPage, OrderSummary, OrderTold
from connectors.http_api import Fault, Problem

ANSWER_SECONDS = 15.0
MAXIMUM_ANSWER_BYTES = 16 * 1024 * 1024
MAXIMUM_CONNECTIONS = 20
LIMIT, LIMIT_MAX = 50, 200
MAXIMUM_CURSOR = 600
END_OF_TIME_MS = 7_258_118_400_000
"""2200; no order is later."""
Kind = TypeVar("Kind")


class Place(Struct, frozen=True, array_like=True):
    """Behind which order a page begins."""

    at_ms: int = END_OF_TIME_MS
    order_id: str = ""


class Wanted(Struct, frozen=True):
    """Which orders; an empty word is any."""

    customer: str = ""
    channel: str = ""
    status: str = ""


class Reader(Protocol):
    """What the server needs of this module."""

    async def order(self, order_id: str) -> OrderTold | None:
        """One order; None where it is not known. Raises Problem: 503."""

    async def page(self, wanted: Wanted, behind: Place, limit: int) -> OrdersPage:
        """Up to `limit` orders, the latest first. Raises Problem: 503."""

    async def close(self) -> None:
        """Let go of connections."""


class _Row(Struct, frozen=True):
    order_id: str
    channel: str
    customer_id: str
    status: str
    currency: str
    total_minor: int
    at: str
    at_ms: int


class _Rows(Struct, frozen=True):
    orders: list[_Row]


class _Events(Struct, frozen=True):
    events: list[told.Event]


class Analytics:
    """See Reader. Of one event loop; it connects when it is first asked."""

    def __init__(self, address: str) -> None:
        """Take the address of `millrace analytics`, http://host:port."""
        self._address = address.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def order(self, order_id: str) -> OrderTold | None:
        """See Reader."""
        body = await self._ask(f"/api/orders/{urllib.parse.quote(order_id, safe='')}", {})
        if body is None:
            return None
        return told.order(order_id, _read(body, _Events).events)

    async def page(self, wanted: Wanted, behind: Place, limit: int) -> OrdersPage:
        """See Reader."""
        query = {
            "customer": wanted.customer,
            "channel": wanted.channel,
            "status": wanted.status,
            "before_ms": str(behind.at_ms),
            "before_id": behind.order_id,
            "limit": str(limit + 1),
        }
        body = await self._ask("/api/orders", query)
        rows = _read(body, _Rows).orders if body is not None else []
        last = rows[limit - 1] if len(rows) > limit else None
        return OrdersPage(
            [
                OrderSummary(
                    row.order_id,
                    row.channel,
                    row.customer_id,
                    row.status,
                    row.currency,
                    told.amount(row.total_minor, row.currency),
                    row.at,
                )
                for row in rows[:limit]
            ],
            cursor(Place(last.at_ms, last.order_id)) if last is not None else None,
        )

    async def close(self) -> None:
        """See Reader."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(self, path: str, query: dict[str, str]) -> bytes | None:
        """The body; None for 404. Raises Problem: 503."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                connector=aiohttp.TCPConnector(limit=MAXIMUM_CONNECTIONS),
            )
        url = f"{self._address}{path}"
        if query:
            url += f"?{urllib.parse.urlencode(query)}"
        try:
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as found:
                body = await found.content.read(MAXIMUM_ANSWER_BYTES)
                if found.status == 404:
                    return None
                if found.status == 200 and found.content.at_eof():
                    return body
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass
        raise _away()


def _away() -> Problem:
    return Problem(503, "analytics does not answer", kind="analytics_away", retry_after=2)


def _read(body: bytes, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        raise _away() from None


def cursor(place: Place) -> str:
    """A place as callers keep it; they need not understand it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place(text: str) -> Place:
    """The place of a cursor. Raises Problem: 400."""
    try:
        if len(text) > MAXIMUM_CURSOR:
            raise ValueError
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = msgspec.json.decode(raw, type=Place)
        if not 0 <= found.at_ms <= END_OF_TIME_MS:
            raise ValueError
    except (ValueError, binascii.Error, msgspec.DecodeError):
        fault = Fault("is no cursor of a page", parameter="cursor")
        raise Problem(400, "cursor is no cursor of a page", [fault]) from None
    return found
