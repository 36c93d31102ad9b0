"""Believable traffic: a small shop in five places that sells through three channels."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from confluent_kafka import KafkaException

from connectors.channels.publisher import Full, RawPublisher, Undelivered, new_raw_id
from connectors.payment_gateways import sandbox
from connectors.vault.sealing import Vault
from deploy.cluster import Cluster
from deploy.stock import Location, Position, commands
from schemas.channels import RawPayload
from schemas.messages import Send

FULL_SECONDS_MAX = 20.0
"""so long may Kafka take nothing before the demonstration gives up"""
FULL_PAUSE_SECONDS = 0.05
LOCATIONS = (
    ("berlin", "DE", 52.52, 13.40),
    ("hamburg", "DE", 53.55, 9.99),
    ("paris", "FR", 48.86, 2.35),
    ("vienna", "AT", 48.21, 16.37),
    ("milan", "IT", 45.46, 9.19),
)
SKUS = 200
SCARCE_EVERY = 10
CUSTOMERS = 2_000
CARDS = (
    *(sandbox.APPROVED,) * 90, *(sandbox.DECLINED,) * 4, *(sandbox.INSUFFICIENT_FUNDS,) * 2,
    *(sandbox.TIMES_OUT_APPROVED,) * 2, *(sandbox.ANSWERS_TWICE,) * 2,
)  # fmt: skip


class Traffic:
    """Orders on their way at a rate, with a count of what Kafka took and what it did not."""

    def __init__(self, cluster: Cluster, vault: Vault, rate: float, total: int, seed: int) -> None:
        """Take what to send; nothing is sent before `run`."""
        self.total = total
        self.sent = 0
        self.failed = 0
        self.failure = ""
        """the first reason"""
        self.stopped = False
        """by Ctrl-C, before all was sent"""
        self._rate = rate
        self._seed = seed
        # Delivery reports come in the publisher's own thread, one at a time.
        self._publisher = RawPublisher(cluster.brokers, cluster.kafka, vault)

    def run(self, advance: Callable[[int], None]) -> None:
        """Send until all is sent, Ctrl-C comes, or Kafka takes nothing any more."""
        began = time.monotonic()
        try:
            for number, raw in enumerate(payloads(self.total, self._seed)):
                if self.failed or not self._publish(raw):
                    break
                advance(number + 1)
                ahead = number / self._rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
        except KeyboardInterrupt:
            self.stopped = True
        left = self._publisher.close()
        if left:
            self._fail(f"{left} were without an answer", left)

    def _publish(self, raw: RawPayload) -> bool:
        deadline = time.monotonic() + FULL_SECONDS_MAX
        while True:
            try:
                self._publisher.publish(raw, self._done)
                return True
            except Full as error:
                if time.monotonic() > deadline:
                    self._fail(str(error))
                    return False
                time.sleep(FULL_PAUSE_SECONDS)
            except (Undelivered, KafkaException) as error:
                self._fail(str(error))
                return False

    def _done(self, error: Exception | None) -> None:
        if error is None:
            self.sent += 1
        else:
            self._fail(str(error))

    def _fail(self, why: str, orders: int = 1) -> None:
        self.failed += orders
        self.failure = self.failure or why


def stock(partitions: int) -> Iterator[Send]:
    """Locations and counts; `partitions` of the fulfillment room's inbox."""
    positions = [
        Position(f"DEMO-{number:03}", name, 40 if number % SCARCE_EVERY == 0 else 5_000, 2,
                 Location(name.title(), country, latitude, longitude))
        for number in range(SKUS)
        for name, country, latitude, longitude in LOCATIONS
    ]  # fmt: skip
    return commands(positions, "demo", partitions)


def payloads(count: int, seed: int) -> Iterator[RawPayload]:
    """Orders; the same ones for the same seed, but for their numbers and times."""
    chance = random.Random(seed)
    run = time.time_ns() // 1_000_000
    for number in range(count):
        make = chance.choices((_shopify, _json, _csv), (5, 4, 1))[0]
        channel, payload = make(chance, f"{run}{number:06}")
        yield RawPayload(new_raw_id(), channel, "demo", "", time.time_ns() // 1_000_000, payload)


def _lines(chance: random.Random) -> list[tuple[str, int, int]]:
    return [
        (f"DEMO-{chance.randrange(SKUS):03}", chance.choice((1, 1, 1, 2, 3)),
         chance.randrange(500, 20_000))
        for _ in range(chance.choice((1, 2, 2, 3)))
    ]  # fmt: skip


def _text(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def _customer(chance: random.Random) -> tuple[str, str]:
    """Name and address of somebody who does not exist (RFC 2606)."""
    number = chance.randrange(CUSTOMERS)
    return f"Customer {number}", f"customer-{number}@example.com"


def _place(chance: random.Random) -> tuple[str, float, float]:
    _, country, latitude, longitude = chance.choice(LOCATIONS)
    return country, latitude + chance.uniform(-1, 1), longitude + chance.uniform(-1, 1)


def _shopify(chance: random.Random, number: str) -> tuple[str, bytes]:
    lines, now = _lines(chance), datetime.now(UTC).isoformat(timespec="seconds")
    total = _text(sum(quantity * price for _, quantity, price in lines))
    country, latitude, longitude = _place(chance)
    name, email = _customer(chance)
    order = {
        "id": int(number), "created_at": now, "updated_at": now, "currency": "EUR",
        "total_price": total, "subtotal_price": total, "total_discounts": "0.00",
        "total_tax": "0.00", "taxes_included": True, "financial_status": "paid",
        "line_items": [
            {"id": at + 1, "sku": sku, "quantity": quantity, "price": _text(price)}
            for at, (sku, quantity, price) in enumerate(lines)
        ],
        "shipping_lines": [],
        "customer": {"email": email, "verified_email": True, "first_name": name},
        "shipping_address": {
            "name": name, "address1": "Street 1", "city": "Town", "zip": "1000",
            "country_code": country, "latitude": latitude, "longitude": longitude,
        },
    }  # fmt: skip
    return "shopify", json.dumps(order).encode()


def _json(chance: random.Random, number: str) -> tuple[str, bytes]:
    lines = _lines(chance)
    country, latitude, longitude = _place(chance)
    name, email = _customer(chance)
    order = {
        "external_id": number, "placed_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "currency": "EUR",
        "lines": [
            {"sku": sku, "quantity": quantity, "unit_price": _text(price)}
            for sku, quantity, price in lines
        ],
        "shipping": "4.90",
        "total": _text(490 + sum(quantity * price for _, quantity, price in lines)),
        "payment": {"method": "card", "token": chance.choice(CARDS)},
        "customer": {"name": name, "email": email, "email_verified": True},
        "ship_to": {"name": name, "country": country, "latitude": latitude, "longitude": longitude},
        "backorder": chance.random() < 0.2,
    }  # fmt: skip
    return "json", json.dumps(order).encode()


def _csv(chance: random.Random, number: str) -> tuple[str, bytes]:
    lines, now = _lines(chance), datetime.now(UTC).isoformat(timespec="seconds")
    total = _text(sum(quantity * price for _, quantity, price in lines))
    card = chance.choice(CARDS)
    country, latitude, longitude = _place(chance)
    rows = ["external_id,placed_at,currency,sku,quantity,unit_price,shipping,tax,discount,total,"
            "payment_token,country,latitude,longitude"]  # fmt: skip
    rows += [
        f"{number},{now},EUR,{sku},{quantity},{_text(price)},0,0,0,{total},{card},"
        f"{country},{latitude:.4f},{longitude:.4f}"
        for sku, quantity, price in lines
    ]
    return "csv", "\n".join(rows).encode()
