"""Orders as a channel would send them: stock, locations and raw payloads, all from one seed."""

from __future__ import annotations

import http.client
import json
import random
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from connectors.channels.sealing import sealed
from connectors.vault.master import MasterKeys
from connectors.vault.sealing import Vault
from schemas import codec
from schemas.channels import RawPayload
from schemas.fulfillment_moves import (
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RedirectShipment,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    RecordCarrierEvent,
    RecordPacked,
    RejectFulfillmentOrder,
    ReportShort,
    ShipFulfillmentOrder,
    StartPicking,
)
from schemas.identifiers import order_id
from schemas.locations import LocationsState, RegisterLocation
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    HoldOrder,
    RecordShipment,
    RefundOrder,
    ReleaseHold,
)
from schemas.payments import RefundPayment
from schemas.records import Record
from schemas.stock import SetStock, StockSet
from schemas.topics import (
    CHANNELS_RAW,
    CUSTOMERS_KEYS,
    FULFILLMENT_COMMANDS,
    FULFILLMENT_STATE,
    INVENTORY_COMMANDS,
    INVENTORY_EVENTS,
    ORDERS_COMMANDS,
    PAYMENTS_COMMANDS,
    Topic,
)
from tests.pipeline import VAULT_KEY

OrderCommand = (
    AmendOrder
    | CancelOrder
    | HoldOrder
    | ReleaseHold
    | RecordShipment
    | RefundOrder
    | RefundPayment
    | RedirectShipment
)
WorkCommand = (
    AcceptFulfillmentOrder
    | RejectFulfillmentOrder
    | StartPicking
    | ReportShort
    | RecordPacked
    | ShipFulfillmentOrder
    | RecordCarrierEvent
    | MoveFulfillmentOrder
    | SplitFulfillmentOrder
    | MergeFulfillmentOrders
)
CHANNEL = "json"
LOCATIONS = (
    ("berlin", "DE", 52.52, 13.41),
    ("lyon", "FR", 45.76, 4.84),
    ("rotterdam", "NL", 51.92, 4.48),
    ("vienna", "AT", 48.21, 16.37),
)
CITIES = (
    ("Hamburg", "DE", "20095", 53.55, 9.99),
    ("Munich", "DE", "80331", 48.14, 11.58),
    ("Paris", "FR", "75001", 48.86, 2.35),
    ("Antwerp", "BE", "2000", 51.22, 4.40),
    ("Graz", "AT", "8010", 47.07, 15.44),
)
SKUS = 1_000
SCARCE_EVERY = 10
PLENTY = 1_000_000
SAFETY = 2

APPROVED = "4242424242424242"
TOKENS = (
    (APPROVED, 0.90),
    ("4000000000000002", 0.05),  # declined
    ("4000000000000119", 0.02),  # times out
    ("4000000000000259", 0.03),  # answers twice
)
BACKORDER_SHARE = 0.2
LINES_WEIGHTS = (30, 45, 20, 5)  # one to four lines; two on average
EPOCH = datetime(2025, 1, 6, 8, 0, tzinfo=UTC)

DELIVERY_TIMEOUT_SECONDS = 300.0
POST_TIMEOUT_SECONDS = 10.0
POST_PAUSE_SECONDS = 0.3
SETUP_TIMEOUT_SECONDS = 120.0


def scarce_for(orders: int) -> int:
    """So few pieces at each location that about half of what is asked of a scarce SKU is there."""
    asked = orders * 4 // SKUS
    return SAFETY + max(2, asked // 2 // len(LOCATIONS))


class LoadError(Exception):
    """What was sent did not arrive in time; the message says what."""


@dataclass
class Sent:
    """What the broker acknowledged."""

    raws: dict[str, str] = field(default_factory=dict)
    """order_id by raw_id"""
    cancellations: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    """what else was asked of orders and payments, by name of the command"""
    failures: Counter[str] = field(default_factory=Counter)


def money(minor: int) -> str:
    """`1999` as `19.99`."""
    return f"{minor // 100}.{minor % 100:02d}"


def order(chance: random.Random, number: int, token: str | None = None) -> dict[str, Any]:
    """One order in the generic JSON format; `token` None: cards of every kind."""
    lines = []
    subtotal = 0
    count = chance.choices((1, 2, 3, 4), LINES_WEIGHTS)[0]
    for index, sku in enumerate(chance.sample(range(SKUS), count), start=1):
        quantity, price = chance.randint(1, 3), chance.randint(199, 19_999)
        subtotal += quantity * price
        lines.append(
            {
                "line_id": str(index),
                "sku": f"SKU-{sku:04d}",
                "quantity": quantity,
                "unit_price": money(price),
            }
        )
    discount = subtotal // 10 if chance.random() < 0.2 else 0
    tax, shipping = (subtotal - discount) * 19 // 100, 499
    if token is None:
        token = chance.choices([name for name, _ in TOKENS], [share for _, share in TOKENS])[0]
    placed_at = (EPOCH + timedelta(seconds=number)).isoformat().replace("+00:00", "Z")
    city, country, postal_code, latitude, longitude = chance.choice(CITIES)
    return {
        "external_id": f"{number:08d}",
        "placed_at": placed_at,
        "updated_at": placed_at,
        "currency": "EUR",
        "lines": lines,
        "discount": money(discount),
        "shipping": money(shipping),
        "tax": money(tax),
        "total": money(subtotal - discount + tax + shipping),
        "payment": {"method": "card", "token": token},
        "ship_to": {
            "name": f"Customer {number}",
            "line1": "Main Street 1",
            "city": city,
            "postal_code": postal_code,
            "country": country,
            "latitude": latitude,
            "longitude": longitude,
        },
        "backorder": chance.random() < BACKORDER_SHARE,
    }


class Sender:
    """An idempotent producer that remembers what was acknowledged."""

    def __init__(self, bootstrap: str) -> None:
        """Nothing is connected before the first record."""
        self.sent = Sent()
        self._vault = Vault(MasterKeys([VAULT_KEY]))
        self._later: deque[Callable[[], None]] = deque()
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "compression.type": "lz4",
                "queue.buffering.max.messages": 1_000_000,
                "message.timeout.ms": int(DELIVERY_TIMEOUT_SECONDS * 1000),
                # The broker is killed on purpose; what is lost for good is counted below.
                "log_level": 0,
            }
        )

    def send(
        self,
        topic: Topic,
        key: str,
        record: Record,
        partition: int | None = None,
        then: Callable[[], None] | None = None,
    ) -> None:
        """Write one record; what fails is counted in `sent.failures`. `then`: once it is there."""

        def delivered(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                self.sent.failures[str(error)] += 1
                return
            if then is not None:
                # Later: within a report the producer must not be asked for others.
                self._later.append(then)
            if isinstance(record, CancelOrder):
                self.sent.cancellations += 1
            elif topic in (ORDERS_COMMANDS, PAYMENTS_COMMANDS) or isinstance(record, WorkCommand):
                self.sent.changes[type(record).__name__] += 1

        options: dict[str, Any] = {} if partition is None else {"partition": partition}
        while True:
            try:
                self._producer.produce(
                    topic.name, codec.encode(record), key, on_delivery=delivered, **options
                )
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)

    def _follow(self) -> None:
        """Do what waited for something to be there."""
        while self._later:
            self._later.popleft()()

    def raw(self, document: dict[str, Any], raw_id: str) -> None:
        """Send an order as a payload, encrypted and behind its key, as the intake does."""
        now_ms = int(time.time() * 1000)
        payload = json.dumps(document).encode()
        clear = RawPayload(raw_id, CHANNEL, "webhook", "", now_ms, payload)
        closed, key = sealed(clear, self._vault)

        def written() -> None:
            self.sent.raws[raw_id] = order_id(CHANNEL, document["external_id"])

        def payload_next() -> None:
            self.send(CHANNELS_RAW, raw_id, closed, then=written)

        self.send(CUSTOMERS_KEYS, key.key_id, key, then=payload_next)
        self._follow()

    def post(self, url: str, token: str, document: dict[str, Any]) -> None:
        """Send an order to the intake, as a webhook sender does: again until it has a 200."""
        body = json.dumps(document).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        deadline = time.monotonic() + DELIVERY_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            request = urllib.request.Request(url, body, headers)
            try:
                with urllib.request.urlopen(request, timeout=POST_TIMEOUT_SECONDS) as answer:
                    raw_id = json.load(answer)["raw_id"]
            except (OSError, http.client.HTTPException, ValueError):
                time.sleep(POST_PAUSE_SECONDS)
                continue
            self.sent.raws[raw_id] = order_id(CHANNEL, document["external_id"])
            return
        self.sent.failures["the intake did not take an order"] += 1

    def cancel(self, order: str) -> None:
        """Ask for an order to be cancelled."""
        command = CancelOrder(order, "customer changed their mind", int(time.time() * 1000))
        self.send(ORDERS_COMMANDS, order, command)

    def command(self, record: OrderCommand | WorkCommand) -> None:
        """Ask something of an order, of its payment, or of its fulfillment orders."""
        topic = ORDERS_COMMANDS
        if isinstance(record, RefundPayment):
            topic = PAYMENTS_COMMANDS
        elif isinstance(record, WorkCommand):
            topic = FULFILLMENT_COMMANDS
        self.send(topic, record.order_id, record)

    def stock(self, scarce: int) -> None:
        """Count every SKU at every location; `scarce`: pieces of each tenth SKU."""
        for sku in range(SKUS):
            on_hand = scarce if sku % SCARCE_EVERY == 0 else PLENTY
            name = f"SKU-{sku:04d}"
            for location, *_ in LOCATIONS:
                record = SetStock(name, location, on_hand, SAFETY, "count")
                self.send(INVENTORY_COMMANDS, name, record)

    def locations(self) -> None:
        """Register every location on every partition of the rooms that know locations."""
        for name, country, latitude, longitude in LOCATIONS:
            record = RegisterLocation(name, name.title(), country, latitude, longitude, True)
            for room in (FULFILLMENT_COMMANDS, INVENTORY_COMMANDS):
                for partition in range(room.partitions):
                    self.send(room, name, record, partition)

    def flush(self) -> None:
        """Wait until everything is acknowledged. Raises LoadError."""
        left = self._producer.flush(DELIVERY_TIMEOUT_SECONDS)
        while self._later:
            self._follow()
            left = self._producer.flush(DELIVERY_TIMEOUT_SECONDS)
        if left or self.sent.failures:
            raise LoadError(f"{left} records without an answer, failed: {self.sent.failures}")


def register(bootstrap: str, scarce: int) -> None:
    """Register locations and stock, and wait until the rooms know them. Raises LoadError."""
    sender = Sender(bootstrap)
    sender.locations()
    sender.stock(scarce)
    sender.flush()
    wait_for(bootstrap, INVENTORY_EVENTS, StockSet, len(LOCATIONS) * SKUS)
    wait_for_locations(bootstrap)


def wait_for_locations(bootstrap: str) -> None:
    """Wait until every partition of the fulfillment room knows all locations. Raises LoadError."""
    consumer = committed_consumer(bootstrap, [FULFILLMENT_STATE])
    known = dict.fromkeys(range(FULFILLMENT_STATE.partitions), 0)
    deadline = time.monotonic() + SETUP_TIMEOUT_SECONDS
    try:
        while min(known.values()) < len(LOCATIONS):
            if time.monotonic() > deadline:
                raise LoadError(f"after {SETUP_TIMEOUT_SECONDS:.0f} s locations known: {known}")
            for message in consumer.consume(1_000, timeout=0.5):
                value, partition = message.value(), message.partition()
                if message.error() is not None or value is None or partition is None:
                    continue
                record = codec.decode(value)
                if isinstance(record, LocationsState):
                    known[partition] = len(record.locations)
    finally:
        consumer.close()


def wait_for(bootstrap: str, topic: Topic, record: type[Record], count: int) -> None:
    """Wait until `topic` has so many committed records of a type. Raises LoadError."""
    consumer = committed_consumer(bootstrap, [topic])
    left, mark = count, fingerprint(record)
    deadline = time.monotonic() + SETUP_TIMEOUT_SECONDS
    try:
        while left > 0:
            if time.monotonic() > deadline:
                raise LoadError(f"{topic.name}: {left} {record.__name__} of {count} are missing")
            for message in consumer.consume(1_000, timeout=0.5):
                value = message.value()
                if message.error() is None and value is not None:
                    left -= value.startswith(mark)
    finally:
        consumer.close()


def fingerprint(record: type[Record]) -> bytes:
    """The first ten bytes of every value of a type."""
    return codec.header(codec.load(codec.AVRO / f"{record.__name__}.avsc"))


def committed_consumer(bootstrap: str, topics: list[Topic]) -> Consumer:
    """A consumer of everything committed on `topics`, from the beginning, without a group."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "tests",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "log_level": 0,
        }
    )
    consumer.assign(
        [
            TopicPartition(topic.name, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in range(topic.partitions)
        ]
    )
    return consumer
