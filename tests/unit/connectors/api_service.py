"""The API with everything outside it faked: Kafka takes what it is given, or does not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from connectors.api.forms import OrdersPage, OrderTold
from connectors.api.reading import Place, Wanted
from connectors.api.server import Outside, application
from connectors.channels.publisher import Full, OnDone
from connectors.http_api import Pace, Tokens
from connectors.levels.store import Store
from connectors.sending import Unsent
from schemas.channels import RawPayload
from schemas.messages import Send

TOKEN = "a-token-of-the-app"
APP = {"Authorization": f"Bearer {TOKEN}"}
Client = TestClient[web.Request, web.Application]


class Kafka:
    """What was published and sent; `away` refuses everything."""

    def __init__(self) -> None:
        self.raw: list[RawPayload] = []
        self.sent: list[Send] = []
        self.away = False

    def publish(self, raw: RawPayload, on_done: OnDone) -> None:
        if self.away:
            raise Full("too much waits")
        self.raw.append(raw)
        on_done(None)

    async def send(self, sends: Sequence[Send]) -> None:
        if self.away:
            raise Unsent("away")
        self.sent += sends

    def ready(self) -> bool:
        return not self.away


class Orders:
    """What analytics tells."""

    def __init__(self) -> None:
        self.known: dict[str, OrderTold] = {}
        self.asked: list[tuple[Wanted, Place, int]] = []
        self.answer = OrdersPage([], None)

    async def order(self, order_id: str) -> OrderTold | None:
        return self.known.get(order_id)

    async def page(self, wanted: Wanted, behind: Place, limit: int) -> OrdersPage:
        self.asked.append((wanted, behind, limit))
        return self.answer

    async def close(self) -> None:
        pass


class CaughtUp:
    """Levels that are right, or wait for something."""

    def __init__(self, why: str = "") -> None:
        self.why = why

    def waiting_for(self) -> str:
        return self.why


class Service:
    """One API and what it was given."""

    def __init__(self, store: Store | None = None, pace: Pace | None = None, why: str = "") -> None:
        self.kafka, self.orders = Kafka(), Orders()
        self.outside = Outside(self.kafka, self.kafka, self.orders, store or Store(), CaughtUp(why))
        self.pace = pace

    def app(self) -> web.Application:
        """For one event loop."""
        return application(self.outside, Tokens([f"shop-app:{TOKEN}", "other"]), pace=self.pace)


def run(service: Service, work: Callable[[Client], Awaitable[Any]]) -> Any:
    """What `work` returns, with the service listening."""

    async def main() -> Any:
        async with TestClient(TestServer(service.app())) as client:
            return await work(client)

    return asyncio.run(main())


def ask(
    service: Service,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] = APP,
) -> tuple[int, Any]:
    """Status and JSON of one request."""

    async def work(client: Client) -> tuple[int, Any]:
        return await asked(client, method, path, body, headers)

    found: tuple[int, Any] = run(service, work)
    return found


async def asked(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    headers: Mapping[str, str] = APP,
) -> tuple[int, Any]:
    """The same of a service that listens already."""
    content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if content is not None else {}
    async with client.request(method, path, data=content, headers={**kind, **headers}) as answer:
        return answer.status, await answer.json(content_type=None)
