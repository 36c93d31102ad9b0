"""Customers as they stand, what is kept of them in clear, and how they are erased. Reads Kafka."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from confluent_kafka import Message

from connectors.channels.people import read as personal_of
from connectors.channels.registry import CHANNELS
from connectors.channels.sealing import NOBODY, opened_with
from connectors.vault.master import Unreadable
from connectors.vault.sealing import ORDER, PROFILE, DataKey, Vault
from deploy import records
from deploy.cluster import Cluster
from deploy.options import NotFound, Unavailable
from schemas import codec
from schemas.channels import RawPayload
from schemas.customers import (
    SEGMENTS_KEY,
    CustomerOrderState,
    CustomerState,
    EraseCustomer,
    KeyIssued,
    Personal,
    SegmentRule,
    SegmentRulesState,
)
from schemas.messages import Send
from schemas.orders import PlaceOrder
from schemas.records import Record
from schemas.topics import (
    ALL,
    CHANNELS_RAW,
    CUSTOMERS_COMMANDS,
    CUSTOMERS_EVENTS,
    CUSTOMERS_KEYS,
    CUSTOMERS_STATE,
    Topic,
)

MAXIMUM_MERGES = 1_000
"""of one id into the next; more is a fault"""
SETTLE_SECONDS = 2.0
"""between two looks for keys: what was being written at the first one is there at the second"""
WITH_PERSONAL = tuple(
    topic for topic in ALL if any("personal" in record.__struct_fields__ for record in topic.values)
)


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer, under every id that leads to them."""

    state: CustomerState
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Erased:
    """What `erase` has done."""

    customer_ids: list[str]
    keys: int
    payloads: int
    """that named nobody in a readable way, but held an address or a phone of theirs"""


class KeyBook:
    """Every key that is not erased, as customers.keys has it now."""

    def __init__(self, cluster: Cluster, vault: Vault) -> None:
        """Read the topic."""
        self.vault = vault
        self._issued: dict[str, tuple[KeyIssued, int]] = {}
        for message in messages(cluster, CUSTOMERS_KEYS):
            name, value = (message.key() or b"").decode(errors="replace"), message.value()
            if value is None:
                self._issued.pop(name, None)
                continue
            record = codec.decode(value)
            if isinstance(record, KeyIssued):
                self._issued[name] = (record, message.partition() or 0)

    def of(self, ids: Collection[str]) -> list[tuple[str, int]]:
        """Every key of any of the customers, and its partition."""
        wanted = set(ids)
        return [
            (name, partition)
            for name, (issued, partition) in self._issued.items()
            if not wanted.isdisjoint(issued.subjects)
        ]

    def key(self, key_id: str) -> DataKey | None:
        """None where it is erased, or was issued with another vault key."""
        found = self._issued.get(key_id)
        try:
            return None if found is None else self.vault.key(found[0])
        except Unreadable:
            return None

    def partition(self, key_id: str) -> int:
        """Where the key stands."""
        return self._issued[key_id][1]

    def wrapped(self, key_id: str) -> bytes:
        """The key as it lies on Kafka."""
        return self._issued[key_id][0].wrapped

    def only_of(self, key_id: str, ids: Collection[str]) -> bool:
        """Nobody else is named by what the key encrypts."""
        found = self._issued.get(key_id)
        return found is not None and bool(found[0].subjects) and set(found[0].subjects) <= set(ids)


def found(cluster: Cluster, keys: KeyBook, named: str) -> list[Customer]:
    """Who is meant by a customer id, an e-mail address or a phone. Raises NotFound.

    An address that was verified on one channel and not on another leads to two customers, until
    they are merged. Whoever has only been rejected so far is known by keys alone.
    """
    vault = keys.vault
    ids = [named] if named.startswith("c-") else vault.named_by(named, list(CHANNELS))
    if not ids:
        raise NotFound(f"{named} is no customer id, e-mail address or phone with its country")
    customers = {}
    for one in ids:
        state = standing(cluster, one)
        if state is None and keys.of([one]):
            state = CustomerState(one)
        if state is not None:
            members = (member.customer_id for member in state.members)
            customers[state.customer_id] = Customer(
                state, frozenset([one, state.customer_id, *members])
            )
    if not customers:
        raise NotFound(f"nothing is known of {named}")
    return list(customers.values())


def standing(cluster: Cluster, customer_id: str) -> CustomerState | None:
    """Who stands for the id; None where nobody does."""
    for _ in range(MAXIMUM_MERGES):
        state: Record | None = None
        for record in _of_key(cluster, CUSTOMERS_STATE, customer_id):
            state = record
        if not isinstance(state, CustomerState):
            return None
        if not state.merged_into:
            return state
        customer_id = state.merged_into
    raise Unavailable(f"{customer_id} leads in a circle")


def orders(cluster: Cluster, customer: Customer) -> list[CustomerOrderState]:
    """Every order of the customer, the earliest first."""
    found: dict[str, CustomerOrderState] = {}
    for message in messages(cluster, CUSTOMERS_STATE):
        owner, _, order_id = (message.key() or b"").decode(errors="replace").partition("|")
        value = message.value()
        if owner in customer.ids and order_id and value is not None:
            record = codec.decode(value)
            if isinstance(record, CustomerOrderState):
                found[f"{owner}|{order_id}"] = record
    return sorted(found.values(), key=lambda one: (one.placed_at_ms, one.order_id))


def history(cluster: Cluster, customer: Customer) -> list[Record]:
    """Every event about the customer, under any of their ids."""
    events = [
        record
        for one in sorted(customer.ids)
        for record in _of_key(cluster, CUSTOMERS_EVENTS, one)
        if record is not None
    ]
    return sorted(events, key=lambda event: getattr(event, "at_ms", 0))


def profile(state: CustomerState, keys: KeyBook) -> Personal | None:
    """The profile in clear; None where there is none."""
    return _personal(state, keys)


def segment_rules(cluster: Cluster) -> Sequence[SegmentRule] | None:
    """The rules that were set; None where the room's own are in force."""
    rules = None
    for record in _of_key(cluster, CUSTOMERS_STATE, SEGMENTS_KEY, everywhere=True):
        if isinstance(record, SegmentRulesState):
            rules = record.rules
    return rules


def exported(cluster: Cluster, customer: Customer, keys: KeyBook) -> dict[str, Any]:
    """All that is kept of a customer, in clear, as JSON can have it.

    Of a file that names others too, only the customer's own orders.
    """
    own = {key_id for key_id, _ in keys.of(customer.ids)}
    pieces: dict[str, Any] = {}
    for topic in WITH_PERSONAL:
        for each in records.read(cluster, (topic,)):
            personal = _personal(each.record, keys) if _key_id(each.record) in own else None
            if personal is not None:
                at = f"{each.place.topic}/{each.place.partition}/{each.place.offset}"
                pieces[at] = {"record": type(each.record).__name__} | _plain(personal)
    payloads = [
        _payload(each.record, customer, keys)
        for each in records.read(cluster, (CHANNELS_RAW,))
        if isinstance(each.record, RawPayload) and each.record.key_id in own
    ]
    known = profile(customer.state, keys)
    return {
        "customer": _plain(_without_secrets(customer.state)),
        "ids": sorted(customer.ids),
        "profile": _plain(known) if known is not None else None,
        "orders": [_plain(one) for one in orders(cluster, customer)],
        "events": [
            {"event": type(event).__name__} | _plain(event) for event in history(cluster, customer)
        ],
        "payloads": payloads,
        "personal": pieces,
    }


def erase(
    cluster: Cluster, keys: KeyBook, customers: Sequence[Customer], named: str, actor: str
) -> Erased:
    """Erase every key of the customers, and tell the customers room. Raises Unavailable.

    Looks again until no key is left: one may be issued while the first look is under way.
    """
    ids = frozenset(one for customer in customers for one in customer.ids)
    words = _contacts(cluster, ids, keys) | ({named} if not named.startswith("c-") else set())
    gone = keys.of(ids)
    unattributed = _holding(cluster, keys, words) - {key_id for key_id, _ in gone}
    _delete(cluster, [*gone, *((key_id, keys.partition(key_id)) for key_id in unattributed)])
    now_ms = time.time_ns() // 1_000_000
    commands = [
        Send(CUSTOMERS_COMMANDS, one, EraseCustomer(one, actor, now_ms))
        for one in sorted(customer.state.customer_id for customer in customers)
    ]
    records.send(cluster, commands)
    erased = len(gone)
    while True:
        time.sleep(SETTLE_SECONDS)
        more = KeyBook(cluster, keys.vault).of(ids)
        if not more:
            return Erased(sorted(ids), erased, len(unattributed))
        _delete(cluster, more)
        erased += len(more)


def _contacts(cluster: Cluster, ids: Collection[str], keys: KeyBook) -> set[str]:
    """Every e-mail address and phone by which the customers' payloads call them."""
    own = {key_id for key_id, _ in keys.of(ids)}
    words: set[str] = set()
    for raw in _payloads(cluster, keys, own):
        for contact in CHANNELS[raw.channel].contacts(raw.payload, raw.topic):
            if keys.vault.customer_id(raw.channel, contact) in ids:
                words |= {contact.email, contact.phone}
    return words


def _holding(cluster: Cluster, keys: KeyBook, words: Collection[str]) -> set[str]:
    """Keys of payloads that name nobody, or several, and hold any of the words."""
    wanted = [word.strip().casefold().encode() for word in words if len(word.strip()) > 4]
    return {
        raw.key_id
        for raw in _payloads(cluster, keys, None)
        if any(word in raw.payload.lower() for word in wanted)
    }


def _payloads(
    cluster: Cluster, keys: KeyBook, key_ids: Collection[str] | None
) -> Iterator[RawPayload]:
    """Payloads in clear: those of the keys, or where None those that name nobody or several."""
    for each in records.read(cluster, (CHANNELS_RAW,)):
        raw = each.record
        if not isinstance(raw, RawPayload) or not raw.key_id or raw.channel not in CHANNELS:
            continue
        wanted = raw.key_id in key_ids if key_ids is not None else raw.subject.startswith(NOBODY)
        key = keys.key(raw.key_id) if wanted else None
        if key is not None:
            yield opened_with(raw, key)


def _delete(cluster: Cluster, gone: Sequence[tuple[str, int]]) -> None:
    """A null value for each key, where it stands. Raises Unavailable."""
    if not gone:
        return
    failures: list[str] = []
    producer = cluster.producer()
    for key_id, partition in gone:
        producer.produce(
            CUSTOMERS_KEYS.name,
            None,
            key_id.encode(),
            partition,
            on_delivery=lambda error, _: failures.append(error.str()) if error else None,
        )
        producer.poll(0)
    if records.flush(producer) or failures:
        why = failures[0] if failures else "no answer in time"
        raise Unavailable(f"Kafka did not erase every key ({why}); run it again")


def _payload(raw: RawPayload, customer: Customer, keys: KeyBook) -> dict[str, Any]:
    told: dict[str, Any] = {
        "raw_id": raw.raw_id,
        "channel": raw.channel,
        "received_at_ms": raw.received_at_ms,
    }
    key = keys.key(raw.key_id)
    if key is None:
        return told
    clear = opened_with(raw, key)
    if keys.only_of(raw.key_id, customer.ids):
        return told | {"payload": clear.payload.decode(errors="replace")}
    mapped = CHANNELS[raw.channel].orders(clear.payload, raw.topic, raw.raw_id, raw.received_at_ms)
    return told | {
        "orders": [
            _plain(order) | {"personal": _plain(personal_of(order))}
            for order in mapped
            if isinstance(order, PlaceOrder)
            and order.personal
            and keys.vault.customer_id(raw.channel, personal_of(order).contact) in customer.ids
        ]
    }


def _personal(record: Record, keys: KeyBook) -> Personal | None:
    """What is personal of a record, in clear; None where it is erased, or there is nothing."""
    sealed: bytes = getattr(record, "personal", b"")
    key = keys.key(_key_id(record)) if sealed else None
    if key is None:
        return None
    order_id: str = getattr(record, "order_id", "")
    kind, name = (ORDER, order_id) if order_id else (PROFILE, key.key_id)
    return msgspec.json.decode(key.open(kind, name, sealed), type=Personal)


def _key_id(record: Record) -> str:
    found: str = getattr(record, "key_id", "")
    return found


def _without_secrets(state: CustomerState) -> CustomerState:
    return msgspec.structs.replace(state, personal=b"")


def _plain(value: object) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(value)
    return found


def _of_key(
    cluster: Cluster, topic: Topic, key: str, everywhere: bool = False
) -> Iterator[Record | None]:
    """The records of a key in its partition, or in all of them; None where it was deleted."""
    places = records.beginnings(cluster, topic, [] if everywhere else [key.encode()])
    for message in records.messages(cluster, places):
        value = message.value()
        if message.key() == key.encode():
            yield None if value is None else codec.decode(value)


def messages(cluster: Cluster, topic: Topic) -> Iterator[Message]:
    """Every record of a topic, deletions included."""
    yield from records.messages_of(cluster, topic)
