"""The processes of the pipeline. Each runs until SIGTERM and then exits with 0.

Crash-only: whatever goes wrong for good ends the process with START_AGAIN, also when it goes wrong
in a thread, and a supervisor starts it again.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from aiohttp import web
from confluent_kafka import KafkaError, KafkaException

from connectors.api.reading import Analytics
from connectors.api.server import Outside
from connectors.api.server import application as api_application
from connectors.availability.account import Account
from connectors.availability.process import Availability
from connectors.availability.pusher import Settings as AccountSettings
from connectors.call_centre.customers import Directory, Standing
from connectors.call_centre.customers import follower as customer_follower
from connectors.call_centre.drafts import Drafts
from connectors.call_centre.links import PaymentLinks
from connectors.call_centre.products import Product, Shelf
from connectors.call_centre.selling import Desk
from connectors.call_centre.server import Service as DeskService
from connectors.call_centre.server import application as desk_application
from connectors.carriers.carrier import TrackingCarrier
from connectors.carriers.journal import KafkaJournal
from connectors.carriers.tracker import Tracker
from connectors.channels.intake import application as intake_application
from connectors.channels.publisher import RawPublisher
from connectors.channels.room import ChannelsRoom
from connectors.clickhouse.database import Database
from connectors.clickhouse.lag import PipelineLag
from connectors.clickhouse.sink import Sink
from connectors.http_api import Pace, Tokens
from connectors.levels.follower import Follower
from connectors.levels.server import application as levels_application
from connectors.levels.store import Store
from connectors.locations import documented
from connectors.locations import follower as location_followers
from connectors.locations.outcomes import Outcomes
from connectors.locations.server import Desk as LocationDesk
from connectors.locations.server import Proposes
from connectors.locations.server import application as locations_application
from connectors.locations.store import Store as LocationStore
from connectors.payment_gateways import connector
from connectors.payment_gateways.webhooks_delivery import KafkaDelivery
from connectors.polling.poller import Poller
from connectors.polling.source import Source
from connectors.sending import KafkaSender
from connectors.vault.ring import KeyRing
from connectors.vault.sealing import Vault
from connectors.webhooks.process import Webhooks
from connectors.webhooks.subscriptions import Subscription
from dashboards.server import application as dashboard_application
from deploy.cluster import BadSettings, Cluster, answers
from deploy.gateways import Choice, listen
from deploy.options import START_AGAIN
from deploy.probes import Check, Remembered, also, claim, serve_probes
from schemas.topics import (
    AVAILABILITY_PUSHED,
    CARRIERS_SHIPMENTS,
    CHANNELS_CURSORS,
    ORDERS_EVENTS,
    PAYMENTS_EVENTS,
    WEBHOOKS_SWITCHES,
    Topic,
)
from streams.accounting.agent import AccountingRoom
from streams.app import log_to_stderr, run
from streams.customers.agent import CustomersRoom
from streams.engine.credentials import UnusableSecurity
from streams.engine.settings import Settings
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.work_model import begun
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom
from streams.purchasing.agent import PurchasingRoom

log = logging.getLogger("millrace.deploy")
STOP_SECONDS = 20.0


def worker(
    cluster: Cluster,
    vault: Vault,
    instance: str,
    data: Path,
    host: str,
    port: int,
    compression: str,
) -> None:
    """All rooms, on the partitions that the group gives this worker. Raises BadSettings."""
    claim(host, port)
    settings = Settings(
        cluster.brokers,
        instance,
        data / "state",
        web_host=host,
        web_port=port,
        compression=compression,
        kafka=dict(cluster.kafka),
    )
    rooms = (
        ChannelsRoom(KeyRing(cluster.brokers, vault, cluster.kafka)),
        OrdersRoom(),
        InventoryRoom(),
        PaymentsRoom(),
        FulfillmentRoom(),
        PurchasingRoom(),
        CustomersRoom(),
        AccountingRoom(),
    )
    with _checking_settings():
        run(rooms, settings)


def gateway(cluster: Cluster, choice: Choice, instance: str, host: str, port: int) -> None:
    """A payment gateway, and the door for what it tells by itself. Raises BadSettings."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    status = connector.Status()
    if choice.teller is not None:
        claim(host, choice.webhook_port)
        with _checking_settings():
            delivery = KafkaDelivery(cluster.brokers, cluster.kafka)
        door = partial(listen, choice.teller(), delivery, host, choice.webhook_port, stop)
        _in_thread("notices", door, stop)

    def joined() -> str:
        return "" if status.ready else "joining the group"

    serve_probes(host, port, kafka_answers(cluster, PAYMENTS_EVENTS, joined))
    _or_start_again(
        lambda: connector.run(
            cluster.brokers,
            stop,
            choice.gateway(),
            instance=instance,
            kafka=cluster.kafka,
            status=status,
        )
    )


def analytics(
    cluster: Cluster, instance: str, data: Path, clickhouse_url: str, host: str, port: int
) -> None:
    """The ClickHouse sink and the dashboard. One process, for embedded ClickHouse allows one.

    Raises BadSettings.
    """
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        lag = PipelineLag(cluster.brokers, kafka=cluster.kafka)
    database = _database(data, clickhouse_url)
    sink = Sink(cluster.brokers, database, instance, kafka=cluster.kafka)
    stop = threading.Event()
    thread = _in_thread("sink", lambda: sink.run(stop), stop)
    app = dashboard_application(database.query, lag)
    app.middlewares.append(also(kafka_answers(cluster, ORDERS_EVENTS, sink.waiting_for)))
    serve(app, host, port)
    stop.set()
    thread.join(STOP_SECONDS)
    database.close()


def intake(
    cluster: Cluster,
    vault: Vault,
    secrets: Mapping[str, Sequence[str]],
    notification_urls: Mapping[str, str],
    host: str,
    port: int,
) -> None:
    """The HTTP door for webhooks. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        publisher = RawPublisher(cluster.brokers, cluster.kafka, vault)
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if publisher.failed.wait(1):
                raise RuntimeError("the publisher can deliver no more")

    _in_thread("publisher watch", watch, stop)
    app = intake_application(publisher, secrets, notification_urls=notification_urls)
    serve(app, host, port)
    stop.set()
    publisher.close()


def levels(cluster: Cluster, host: str, port: int) -> None:
    """The look-up of stock levels. Raises BadSettings.

    Ready once it has caught up, whatever Kafka does afterwards: what is in memory can be told.
    """
    log_to_stderr()
    claim(host, port)
    store = Store()
    with _checking_settings():
        follower = Follower(cluster.brokers, store, kafka=cluster.kafka)
    stop = threading.Event()
    thread = _in_thread("follower", lambda: follower.run(stop), stop)
    serve(levels_application(store, follower), host, port)
    stop.set()
    thread.join(STOP_SECONDS)


def pollers(
    cluster: Cluster,
    vault: Vault,
    sources: Sequence[Source],
    poll_seconds: float,
    host: str,
    port: int,
) -> None:
    """What fetches orders from shops, a thread for each. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        all_of_them = [
            Poller(cluster.brokers, source, vault, cluster.kafka, poll_seconds=poll_seconds)
            for source in sources
        ]
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    def waiting_for() -> str:
        left = sum(not poller.ready.is_set() for poller in all_of_them)
        return f"{left} sources do not know their place yet" if left else ""

    threads = [
        _in_thread(f"poller {source.name}", partial(poller.run, stop), stop)
        for source, poller in zip(sources, all_of_them, strict=True)
    ]
    serve_probes(
        host,
        port,
        kafka_answers(cluster, CHANNELS_CURSORS, waiting_for),
        lambda: {"sources": [poller.told() for poller in all_of_them]},
    )
    stop.wait()
    for thread in threads:
        thread.join(STOP_SECONDS)


def webhooks(cluster: Cluster, subscriptions: Sequence[Subscription], host: str, port: int) -> None:
    """What tells downstream teams of events. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        service = Webhooks(cluster.brokers, subscriptions, cluster.kafka)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = service.start(lambda name, work: _in_thread(name, work, stop), stop)
    serve_probes(host, port, kafka_answers(cluster, WEBHOOKS_SWITCHES, service.waiting_for))
    stop.wait()
    for thread in threads:
        thread.join(STOP_SECONDS)
    service.journal.close()


def availability(
    cluster: Cluster,
    accounts: Sequence[tuple[Account, AccountSettings]],
    host: str,
    port: int,
) -> None:
    """What tells channels of stock, a thread for each account. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        service = Availability(cluster.brokers, accounts, cluster.kafka)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threads = service.start(lambda name, work: _in_thread(name, work, stop), stop)
    serve_probes(host, port, kafka_answers(cluster, AVAILABILITY_PUSHED, service.waiting_for))
    stop.wait()
    for thread in threads:
        thread.join(STOP_SECONDS)


def locations(
    cluster: Cluster, tokens: Tokens, proposes: Proposes | None, host: str, port: int
) -> None:
    """The API that locations work with. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    store, outcomes = LocationStore(begun), Outcomes()
    with _checking_settings():
        sender = KafkaSender(cluster.brokers, cluster.kafka, "locations")
        states = location_followers.states(cluster.brokers, store, cluster.kafka)
        events = location_followers.events(cluster.brokers, outcomes, cluster.kafka)
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if sender.failed.wait(1):
                raise RuntimeError("commands can be delivered no more")

    threads = [
        _in_thread("states", lambda: states.run(stop), stop),
        _in_thread("events", lambda: events.run(stop), stop),
        _in_thread("sender watch", watch, stop),
    ]
    desk = LocationDesk(
        store, outcomes, sender, lambda: states.waiting_for() or events.waiting_for(), proposes
    )
    table = documented.operations()
    serve(locations_application(desk, tokens, table, documented.document()), host, port)
    stop.set()
    for thread in threads:
        thread.join(STOP_SECONDS)
    sender.close()


@dataclass(frozen=True, slots=True)
class Served:
    """What the API and the desk are told of this machine."""

    data: Path
    api_tokens: Tokens
    desk_tokens: Tokens
    products: Mapping[str, Product]
    links: PaymentLinks
    address: str
    """where customers reach the desk"""
    analytics: str
    """where orders are read"""
    rate: int
    """requests a second of each caller of the API"""


def api(cluster: Cluster, vault: Vault, served: Served, host: str, port: int) -> None:
    """The API for apps and shops, and the desk. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    store, standing = Store(), Standing()
    with _checking_settings():
        publisher = RawPublisher(cluster.brokers, cluster.kafka, vault)
        sender = KafkaSender(cluster.brokers, cluster.kafka, "api")
        levels_follower = Follower(cluster.brokers, store, kafka=cluster.kafka)
        customers = customer_follower(cluster.brokers, standing, cluster.kafka)
    drafts = Drafts(served.data / "desk.sqlite", vault)
    ring = KeyRing(cluster.brokers, vault, cluster.kafka)
    reader = Analytics(served.analytics)
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if publisher.failed.wait(1) or sender.failed.is_set():
                raise RuntimeError("nothing can be delivered any more")

    threads = [
        _in_thread("levels", lambda: levels_follower.run(stop), stop),
        _in_thread("customers", lambda: customers.run(stop), stop),
        _in_thread("delivery watch", watch, stop),
    ]
    directory = Directory(standing, vault, ring, customers.waiting_for)
    desk = desk_application(
        DeskService(
            Desk(drafts, served.links, publisher, directory.erased_at_ms),
            Shelf(store, served.products),
            directory,
        ),
        served.desk_tokens,
        served.address,
    )
    outside = Outside(publisher, sender, reader, store, levels_follower)
    pace = Pace(served.rate, 2 * served.rate)
    app = api_application(outside, served.api_tokens, pace=pace, mounted={"/desk": desk})
    serve(app, host, port)
    stop.set()
    for thread in threads:
        thread.join(STOP_SECONDS)
    publisher.close()
    sender.close()
    drafts.close()
    ring.close()


def carriers(cluster: Cluster, served: Sequence[TrackingCarrier], host: str, port: int) -> None:
    """What asks carriers about shipments. Raises BadSettings."""
    log_to_stderr()
    claim(host, port)
    with _checking_settings():
        journal = KafkaJournal(cluster.brokers, cluster.kafka)
    tracker = Tracker(journal, served)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = _in_thread("tracker", lambda: tracker.run(stop), stop)

    def waiting_for() -> str:
        return "" if tracker.ready.is_set() else "shipments are not known yet"

    serve_probes(host, port, kafka_answers(cluster, CARRIERS_SHIPMENTS, waiting_for))
    stop.wait()
    thread.join(STOP_SECONDS)
    journal.close()


def serve(app: web.Application, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    web.run_app(app, host=host, port=port, print=None, access_log=None, shutdown_timeout=3)


def kafka_answers(cluster: Cluster, topic: Topic, also_wanted: Check = lambda: "") -> Check:
    """Ready once Kafka answers and has the topic, and what else is wanted is there.

    By a request for metadata: librdkafka's admin requests, such as the group's description, abort
    the process when the broker goes away at the wrong moment (rd_kafka_enq_once_del_source_return,
    seen with 2.16).
    """
    admin = cluster.admin()

    def check() -> str:
        return also_wanted() if answers(admin, topic.name) else "Kafka does not answer"

    return Remembered(check)


@contextmanager
def _checking_settings() -> Iterator[None]:
    """Raises BadSettings for what the clients that are made in the block do not take."""
    try:
        yield
    except UnusableSecurity as error:
        raise BadSettings(str(error)) from error
    except KafkaException as error:
        if error.args[0].code() == KafkaError._INVALID_ARG:
            raise BadSettings(error.args[0].str()) from error
        raise


def _database(data: Path, clickhouse_url: str) -> Database:
    """Embedded, unless there is a server."""
    made: list[Database] = []

    def open_it() -> None:
        if clickhouse_url:
            made.append(Database(url=clickhouse_url))
        else:
            data.mkdir(parents=True, exist_ok=True)
            made.append(Database(path=data / "clickhouse"))

    _or_start_again(open_it)
    return made[0]


def _in_thread(name: str, work: Callable[[], None], stop: threading.Event) -> threading.Thread:
    """A thread whose end, for any reason but `stop`, is the end of the process."""

    def until_stopped() -> None:
        work()
        if not stop.is_set():
            raise RuntimeError(f"{name} ended by itself")

    thread = threading.Thread(target=_or_start_again, args=(until_stopped,), name=name, daemon=True)
    thread.start()
    return thread


def _or_start_again(work: Callable[[], None]) -> None:
    try:
        work()
    except BaseException as error:
        log.critical("gives up and must be started again: %s", error, exc_info=error)
        logging.shutdown()
        os._exit(START_AGAIN)
