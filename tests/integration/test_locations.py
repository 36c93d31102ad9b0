"""Locations and carriers on a real broker: what is answered is durable, and told once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from confluent_kafka import KafkaException

from connectors.carriers.carrier import Shipment, commands
from connectors.carriers.journal import KafkaJournal
from connectors.carriers.sandbox import Sandbox
from connectors.carriers.tracker import Round, Tracker
from connectors.following import TopicFollower
from connectors.http_api import Tokens
from connectors.locations import follower
from connectors.locations.documented import document, operations
from connectors.locations.outcomes import Outcomes
from connectors.locations.server import Desk, application
from connectors.locations.store import Store
from connectors.sending import KafkaSender
from deploy import records
from deploy.broker import EmbeddedBroker
from deploy.cluster import Cluster
from deploy.topics import create
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrder,
    FulfillmentOrderAccepted,
    FulfillmentOrderShipped,
    RecordCarrierEvent,
    WorkLine,
    WorkState,
)
from schemas.messages import Send
from schemas.topics import FULFILLMENT_COMMANDS, FULFILLMENT_EVENTS, FULFILLMENT_STATE
from streams.fulfillment.work_model import begun
from tests.integration.waiting import until
from tests.unit.connectors.locations_bench import ask

pytestmark = pytest.mark.integration
SHIPMENTS = 20
WEEK_MS = 7 * 86_400_000


def asked(cluster: Cluster, prefix: str) -> list[RecordCarrierEvent]:
    """What the room is told of orders whose ids begin so."""
    return [
        one.record
        for one in records.read(cluster, [FULFILLMENT_COMMANDS])
        if isinstance(one.record, RecordCarrierEvent) and one.record.order_id.startswith(prefix)
    ]


class Torn(KafkaJournal):
    """Is killed within its third transaction that has commands."""

    def __init__(self, bootstrap: str, name: str) -> None:
        super().__init__(bootstrap, transactional_id=name)
        self.written = 0

    def write(self, changed: Round) -> None:
        self.written += bool(changed.commands)
        if self.written == 3:
            self._producer.begin_transaction()
            for record in changed.commands:
                self._produce(FULFILLMENT_COMMANDS.name, record.order_id, record)
            self._producer.flush()
            raise KeyboardInterrupt
        super().write(changed)


def test_a_carrier_tells_once_whatever_is_killed_in_between(
    broker: EmbeddedBroker, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.carriers.tracker.ASKED_AT_ONCE", 4)
    create(broker.bootstrap)
    cluster, prefix, name = Cluster(broker.bootstrap), unique("carried"), unique("carriers")
    now_ms = time.time_ns() // 1_000_000
    shipments = [
        Shipment(f"{prefix}-{n}", f"{prefix}-{n}/1", f"{prefix}-{n}", now_ms - WEEK_MS)
        for n in range(SHIPMENTS)
    ]
    events = [
        FulfillmentOrderShipped(
            one.order_id, one.fulfillment_order_id, "b", [], "sandbox", "", one.tracking_number,
            one.shipped_at_ms,
        )
        for one in shipments
    ]  # fmt: skip
    records.send(cluster, [Send(FULFILLMENT_EVENTS, one.order_id, one) for one in events])
    torn = Torn(broker.bootstrap, name)
    with pytest.raises(KeyboardInterrupt):
        Tracker(torn, [Sandbox()]).run(threading.Event())
    stop = threading.Event()
    tracker = Tracker(KafkaJournal(broker.bootstrap, transactional_id=name), [Sandbox()])
    thread = threading.Thread(target=tracker.run, args=(stop,), daemon=True)
    thread.start()
    wanted = {
        f"{one.fulfillment_order_id} {told.event_id}"
        for one in shipments
        for told in commands(Sandbox(), one)
    }
    until(lambda: len(asked(cluster, prefix)) >= len(wanted))
    stop.set()
    thread.join()
    told = asked(cluster, prefix)
    assert Counter(f"{one.fulfillment_order_id} {one.event_id}" for one in told) == Counter(wanted)
    # The first one still believes that it is alone.
    torn.written = 3
    with pytest.raises(KafkaException):
        torn._producer.commit_transaction(10)
    torn.close()
    # A third life finds nothing left to do.
    third = KafkaJournal(broker.bootstrap, transactional_id=name)
    assert not [one for one in third.followed() if one.order_id.startswith(prefix)]
    third.close()


@contextmanager
def followed(*followers: TopicFollower) -> Iterator[None]:
    """Their threads, until the block ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=one.run, args=(stop,), daemon=True) for one in followers]
    for thread in threads:
        thread.start()
    try:
        until(lambda: not any(one.waiting_for() for one in followers))
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_command_is_durable_and_its_answer_comes_back(
    broker: EmbeddedBroker, unique: Callable[[str], str]
) -> None:
    create(broker.bootstrap)
    cluster, order_id = Cluster(broker.bootstrap), unique("worked")
    name, now_ms = f"{order_id}/1", time.time_ns() // 1_000_000
    one = FulfillmentOrder(name, "berlin", "", "released", [WorkLine("1", "MUG", 1, [])], now_ms)
    state = WorkState(order_id, [one], [], [])
    records.send(cluster, [Send(FULFILLMENT_STATE, f"{order_id}|work", state)])
    store, outcomes = Store(begun), Outcomes()
    states = follower.states(broker.bootstrap, store)
    events = follower.events(broker.bootstrap, outcomes)
    sender = KafkaSender(broker.bootstrap)
    desk = Desk(store, outcomes, sender, lambda: states.waiting_for() or events.waiting_for())
    app = application(desk, Tokens(["berlin:secret"]), operations(), document())

    def decide() -> None:
        """What the room does, once the command is there."""
        wanted = AcceptFulfillmentOrder(order_id, name, "berlin: anna")
        until(lambda: wanted in [f.record for f in records.read(cluster, [FULFILLMENT_COMMANDS])])
        told = FulfillmentOrderAccepted(order_id, name, "berlin", "berlin: anna", now_ms)
        records.send(cluster, [Send(FULFILLMENT_EVENTS, order_id, told)])

    async def main() -> None:
        async with TestClient(TestServer(app)) as client:
            path = f"/v1/fulfillment-orders/{name}"
            shown = await ask(client, "GET", path, "secret")
            assert (shown.status, shown.body["status"]) == (200, "released")
            deciding = asyncio.create_task(asyncio.to_thread(decide))
            body: dict[str, Any] = {"actor": "anna"}
            headers = {"Prefer": "wait=10", "Idempotency-Key": "k"}
            answer = await ask(client, "POST", f"{path}/accept", "secret", body, headers)
            await deciding
            while answer.body["status"] == "pending":  # on a machine that has much else to do
                answer = await ask(client, "GET", f"{path}/commands/k", "secret")
            assert (answer.status, answer.body["status"]) == (200, "done")

    with followed(states, events):
        asyncio.run(main())
    sender.close()
