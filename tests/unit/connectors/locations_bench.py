"""The API for locations with the real fulfillment room behind it, and no broker in between."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from aiohttp.test_utils import TestClient, TestServer

from connectors.http_api import Pace, Tokens
from connectors.locations.documented import document, operations
from connectors.locations.outcomes import Outcomes
from connectors.locations.server import MAXIMUM_BYTES_IN_FLIGHT, Desk, Proposes, application
from connectors.locations.store import Store
from connectors.sending import Unsent
from schemas.codec import encode
from schemas.fulfillment import Allocation, RouteOrder
from schemas.fulfillment_work import RecordShipmentAnswer
from schemas.messages import Send
from schemas.orders import RecordShipment
from schemas.records import Record
from schemas.topics import FULFILLMENT_COMMANDS, FULFILLMENT_EVENTS
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.work_model import begun
from tests.unit.streams import memory

TOKENS = ("berlin:b-secret", "lyon:l-secret", "carrier@dhl:c-secret", "m-secret")
BERLIN, LYON, DHL, ALL = "b-secret", "l-secret", "c-secret", "m-secret"


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]


class Bench:
    """A sender whose records the room decides at once, unless it is told to wait."""

    def __init__(self, *, proposes: Proposes | None = None, pace: Pace | None = None) -> None:
        """With the order json-1: two mugs in Berlin, a tee in Lyon."""
        self.room = memory.Desk(FulfillmentRoom())
        self.store = Store(begun)
        self.outcomes = Outcomes()
        self.sent: list[Record] = []
        self.away = False
        self.waits = False
        self.why = ""
        self.proposes = proposes
        self.pace = pace
        self.memory_bytes = MAXIMUM_BYTES_IN_FLIGHT
        self.decide("json-1", _route("json-1"))

    def decide(self, order_id: str, command: Record) -> None:
        """The room decides, and what it writes is read."""
        answers: list[Record] = []
        for send in self.room.ask(order_id, command):
            if send.topic is FULFILLMENT_EVENTS:
                self.outcomes.put(send.key, encode(send.record))
            if isinstance(send.record, RecordShipment):
                name = send.record.fulfillment_order_id
                answers.append(RecordShipmentAnswer(order_id, name, True, ""))
        for key, state in self.room.states.kept.items():
            self.store.put(key, encode(state))
        for each in answers:
            self.decide(order_id, each)

    async def send(self, sends: Sequence[Send]) -> None:
        """See connectors.sending.Sender."""
        if self.away:
            raise Unsent("away")
        for each in sends:
            assert each.topic is FULFILLMENT_COMMANDS
            self.sent.append(each.record)
            if not self.waits:
                self.decide(each.key, each.record)

    def catch_up(self) -> None:
        """Decide what has been sent meanwhile."""
        for record in self.sent:
            self.decide("json-1", record)

    def ready(self) -> bool:
        """See connectors.sending.Sender."""
        return not self.away

    def run(self, work: Callable[[TestClient[Any, Any]], Awaitable[None]]) -> None:
        """Do something with a client of the server."""

        async def main() -> None:
            desk = Desk(self.store, self.outcomes, self, lambda: self.why, self.proposes)
            app = application(
                desk, Tokens(TOKENS), operations(), document(),
                pace=self.pace, memory_bytes=self.memory_bytes,
            )  # fmt: skip
            async with TestClient(TestServer(app)) as client:
                await work(client)

        asyncio.run(main())

    def ask(
        self, method: str, path: str, token: str = ALL, body: object = None, **headers: str
    ) -> Answer:
        """One request; what the headers are called has _ for -."""
        [only] = self.ask_all([(method, path, token, body, headers)])
        return only

    def ask_all(
        self, requests: Sequence[tuple[str, str, str, object, dict[str, str]]]
    ) -> list[Answer]:
        """Several, one after the other, of the same process."""
        answers: list[Answer] = []

        async def work(client: TestClient[Any, Any]) -> None:
            answers.extend([await ask(client, *request) for request in requests])

        self.run(work)
        return answers


async def ask(
    client: TestClient[Any, Any],
    method: str,
    path: str,
    token: str = ALL,
    body: object = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """One request of a client."""
    sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
    if token:
        sent["Authorization"] = f"Bearer {token}"
    how: dict[str, Any] = {"data": io.BytesIO(body)} if isinstance(body, bytes) else {}
    if body is not None and not isinstance(body, bytes):
        how = {"json": body}
    async with client.request(method, path, headers=sent, **how) as answer:
        told = await answer.json(content_type=None) if answer.status != 204 else None
        return Answer(answer.status, told, dict(answer.headers))


def _route(order_id: str) -> RouteOrder:
    return RouteOrder(
        order_id,
        [Allocation("1", "MUG", 2, "berlin", []), Allocation("2", "TEE", 1, "lyon", [])],
    )
