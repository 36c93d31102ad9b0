"""Customers by e-mail address, phone or id: what the customers room says of them.

customers.state is followed into memory; what is personal is decrypted with the vault's key when
somebody asks, kept nowhere, and never logged. A customer whose key is erased has no name any more.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from confluent_kafka import KafkaException
from msgspec import Struct
from prometheus_client import Counter, Gauge

from connectors.call_centre.forms import text
from connectors.channels import people
from connectors.channels.registry import CHANNELS
from connectors.following import Figures, TopicFollower
from connectors.http_api import Problem
from connectors.vault.master import Unreadable
from connectors.vault.ring import Keys, KeysUnavailable
from connectors.vault.sealing import PROFILE, Vault
from schemas import codec
from schemas.customers import CustomerState, Personal
from schemas.partitions import partition_of
from schemas.topics import CUSTOMERS_KEYS, CUSTOMERS_STATE

MAXIMUM_CUSTOMERS = 500_000
"""In memory, about half a kilobyte each; who has not changed for longest gives way."""
MAXIMUM_WORDS = 320
"""Characters of what is looked for: the longest e-mail address (RFC 3696, errata 1690)."""
MAXIMUM_MERGES = 100
RECENT = 10

FIGURES = Figures(
    "millrace-desk",
    "customers",
    Counter("millrace_desk_customer_records_total", "Records read from customers.state"),
    Gauge("millrace_desk_customers", "Customers in memory"),
    Gauge("millrace_desk_caught_up_ratio", "1 once what was there at the start is read"),
)
log = logging.getLogger("millrace.desk")


class Spent(Struct, frozen=True):
    """What orders of one currency came to."""

    orders: int
    total: str
    currency: str


class Recent(Struct, frozen=True):
    """One of the latest orders."""

    order_id: str
    total: str
    currency: str
    placed_at_ms: int


class Told(Struct, frozen=True):
    """A customer as the page shows them."""

    customer_id: str
    segment: str
    orders: list[Spent]
    recent: list[Recent]
    preferences: dict[str, str]
    name: str = ""
    company: str = ""
    email: str = ""
    phone: str = ""
    addresses: list[dict[str, str]] = []
    erased: bool = False


class Customers(Protocol):
    """What the desk needs of this module."""

    async def find(self, words: str) -> list[Told]:
        """Who is meant; nobody for words that name nobody who is known. Raises Problem: 503."""


class Standing:
    """The latest state of each customer, as bytes; see connectors.following.Keeper."""

    def __init__(self, maximum: int = MAXIMUM_CUSTOMERS) -> None:
        """Nobody is known."""
        self._maximum = maximum
        self._values: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._values)

    def put(self, key: str, value: bytes | None) -> None:
        """Keep a customer; orders of customers and rules for segments are passed over."""
        if "|" in key or key.startswith("@"):
            return
        with self._lock:
            self._values.pop(key, None)
            if value is not None:
                self._values[key] = value
            if len(self._values) > self._maximum:
                self._values.popitem(last=False)

    def sort(self) -> None:
        """Nothing is in order here."""

    def get(self, customer_id: str) -> CustomerState | None:
        """Who stands for the id; None where nobody is known."""
        for _ in range(MAXIMUM_MERGES):
            with self._lock:
                value = self._values.get(customer_id)
            record = None if value is None else _decoded(value)
            if record is None or not record.merged_into:
                return record
            customer_id = record.merged_into
        return None


def _decoded(value: bytes) -> CustomerState | None:
    try:
        record = codec.decode(value)
    except codec.UnreadableRecord:
        return None
    return record if isinstance(record, CustomerState) else None


def follower(
    bootstrap: str, standing: Standing, kafka: Mapping[str, str | int] | None = None
) -> TopicFollower:
    """What keeps `standing`. Raises KafkaException for settings that librdkafka does not take."""
    return TopicFollower(bootstrap, standing, CUSTOMERS_STATE.name, FIGURES, kafka=kafka)


class Directory:
    """See Customers. The key ring is used by one thread at a time."""

    def __init__(
        self,
        standing: Standing,
        vault: Vault,
        ring: Keys,
        waiting_for: Callable[[], str] = lambda: "",
    ) -> None:
        """`standing` is kept by somebody else; `waiting_for` says why it is not right yet."""
        self._standing, self._vault, self._ring = standing, vault, ring
        self._waiting_for = waiting_for
        self._lock = threading.Lock()

    async def find(self, words: str) -> list[Told]:
        """See Customers."""
        why = self._waiting_for()
        if why:
            raise Problem(503, why)
        return await asyncio.to_thread(self._find, words)

    def erased_at_ms(self, form: dict[str, Any]) -> int:
        """When whom a form of the desk names was erased; 0 for never."""
        contact = people.of_json(form)
        words = [contact.email, contact.phone]
        named = [one for each in words for one in self._vault.named_by(each, list(CHANNELS))]
        states = [self._standing.get(one) for one in named]
        return max((state.erased_at_ms for state in states if state is not None), default=0)

    def _find(self, words: str) -> list[Told]:
        words = words.strip()[:MAXIMUM_WORDS]
        named = [words] if words.startswith("c-") else self._vault.named_by(words, list(CHANNELS))
        found: dict[str, CustomerState] = {}
        for one in named:
            state = self._standing.get(one)
            if state is not None:
                found[state.customer_id] = state
        return [told(state, self._profile(state)) for state in found.values()]

    def _profile(self, state: CustomerState) -> Personal | None:
        """What is personal; None where there is nothing, or its key is erased or cannot be had."""
        if not state.personal:
            return None
        partition = partition_of(state.key_id.encode(), CUSTOMERS_KEYS.partitions)
        try:
            with self._lock:
                key = self._ring.find(state.key_id, partition, 0)
                if key is None or not self._ring.stands(state.key_id, partition):
                    return None
            content = key.open(PROFILE, key.key_id, state.personal)
            return msgspec.json.decode(content, type=Personal)
        except (Unreadable, KeysUnavailable, KafkaException, msgspec.DecodeError) as error:
            log.warning("a profile cannot be read: %s", type(error).__name__)
            return None


def told(state: CustomerState, profile: Personal | None) -> Told:
    """A customer as the page shows them. Pure."""
    known = profile or Personal()
    contact = known.contact
    return Told(
        customer_id=state.customer_id,
        segment=state.segment,
        orders=[
            Spent(one.orders, text(one.total_minor, one.currency), one.currency)
            for one in state.figures
        ],
        recent=[
            Recent(
                one.order_id, text(one.total_minor, one.currency), one.currency, one.placed_at_ms
            )
            for one in reversed(state.recent[-RECENT:])
        ],
        preferences={one.name: one.value for one in state.preferences},
        name=contact.name,
        company=contact.company,
        email=contact.email,
        phone=contact.phone,
        addresses=[
            {
                name: str(getattr(one, name))
                for name in ("name", "line1", "line2", "city", "region", "postal_code", "country")
            }
            for one in known.addresses
        ],
        erased=bool(state.erased_at_ms),
    )
