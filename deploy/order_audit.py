"""Verifies the chains of orders' events, and exports them. Reads Kafka; knows no rule.

An event was sealed as the JSON of the fields that its schema had then, so it is read by the schema
that it was written with, and not by the newest one.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple

import fastavro
import msgspec

from deploy import records
from deploy.cluster import Cluster
from deploy.records import Place
from schemas import codec
from schemas.orders import OrderState
from schemas.topics import ORDERS_EVENTS, ORDERS_STATE, Topic

NOT_CHAINED = 0
"""sequence of events from before the chain, and of those about orders that nobody knows"""


class Sealed(NamedTuple):
    """An event as it was written."""

    place: Place
    name: str
    fields: dict[str, Any]
    """in the order of its schema"""


class Break(NamedTuple):
    """Where a chain does not hold."""

    order_id: str
    place: Place | None
    """None where it is the end that is missing"""
    what: str


class Link(NamedTuple):
    """The end of a chain so far."""

    sequence: int
    digest: bytes


@dataclass(slots=True)
class Report:
    """What was found."""

    events: int = 0
    """in chains"""
    orders: int = 0
    before: int = 0
    """events from before the chain, and about orders that nobody knows"""
    breaks: int = 0
    first: Break | None = None

    @property
    def proved(self) -> bool:
        """Every chain holds."""
        return not self.breaks

    def note(self, found: Break) -> None:
        """Count one; the first is kept."""
        self.breaks += 1
        self.first = self.first or found


@dataclass(slots=True)
class Chains:
    """Takes events in the order of each order, and tells where a chain breaks."""

    report: Report = field(default_factory=Report)
    ends: dict[str, Link] = field(default_factory=dict)

    def feed(self, event: Sealed) -> None:
        """Take the next event."""
        order_id, sequence = event.fields.get("order_id"), event.fields.get("sequence", NOT_CHAINED)
        known = self.ends.get(str(order_id))
        if order_id is None:
            return
        if sequence == NOT_CHAINED and (known is None or event.name == "OrderCommandRefused"):
            self.report.before += 1
            return
        end = known if known is not None else Link(0, b"")
        self.report.events += 1
        self.report.orders += known is None
        self.ends[order_id] = Link(sequence, event.fields.get("digest", b""))
        if sequence != end.sequence + 1:
            what = f"{event.name} is number {sequence}, and {end.sequence + 1} was to follow"
            self.report.note(Break(order_id, event.place, what))
        elif event.fields["digest"] != digest(end.digest, event.name, event.fields):
            what = f"{event.name}, number {sequence}, is not what was written"
            self.report.note(Break(order_id, event.place, what))

    def finish(self, states: Iterable[OrderState]) -> Report:
        """Hold the ends against what the room says that they are; a state may be the older one."""
        for state in states:
            end = self.ends.get(state.order_id, Link(0, b""))
            if state.sequence > end.sequence:
                what = f"{state.sequence} events were written, and {end.sequence} are there"
                self.report.note(Break(state.order_id, None, what))
            elif state.sequence == end.sequence and state.digest != end.digest:
                self.report.note(Break(state.order_id, None, "the state has another digest"))
        return self.report


def digest(before: bytes, name: str, fields: dict[str, Any]) -> bytes:
    """What ties an event to the one before; see the contract's text."""
    text = msgspec.json.encode({**fields, "digest": b""})
    return sha256(before + name.encode() + b"\n" + text).digest()


class _Reader:
    """Reads records by the schema that they were written with."""

    def __init__(self) -> None:
        self._schemas: dict[bytes, tuple[str, Any]] = {}
        for path in sorted(codec.AVRO.rglob("*.avsc")):
            schema = codec.load(path)
            plain = codec.without_logical_types(schema)
            parsed = fastavro.parse_schema(plain, named_schemas={})
            self._schemas[codec.header(schema)] = (schema["name"], parsed)

    def read(self, place: Place, value: bytes) -> Sealed | None:
        """The event; None where it is no record of the contract."""
        found = self._schemas.get(value[: codec.HEADER_BYTES])
        if found is None:
            return None
        name, schema = found
        fields = fastavro.schemaless_reader(io.BytesIO(value[codec.HEADER_BYTES :]), schema, None)
        return Sealed(place, name, fields)  # type: ignore[arg-type]


def events(cluster: Cluster, order_id: str = "") -> Iterator[Sealed]:
    """The events of one order, or of all, in the order of each partition."""
    reader = _Reader()
    for place, value in _values(cluster, ORDERS_EVENTS, order_id):
        event = reader.read(place, value)
        if event is not None:
            yield event


def states(cluster: Cluster, order_id: str = "") -> list[OrderState]:
    """One order's latest state, or that of all."""
    found: dict[str, OrderState] = {}
    for _, value in _values(cluster, ORDERS_STATE, order_id):
        try:
            record = codec.decode(value)
        except codec.UnreadableRecord:
            continue
        if isinstance(record, OrderState):
            found[record.order_id] = record
    return list(found.values())


def _values(cluster: Cluster, topic: Topic, order_id: str) -> Iterator[tuple[Place, bytes]]:
    for message in records.messages_of(cluster, topic, order_id or None):
        value = message.value()
        if value is not None:
            yield records.place_of(message), value


def exported(event: Sealed) -> str:
    """The event as one line of JSON, with what a third party needs to verify it."""
    sealed = msgspec.json.encode({**event.fields, "digest": b""}).decode()
    told = event.fields.get("digest", b"")
    return json.dumps(
        {
            **event.place._asdict(),
            "event": event.name,
            "sealed": sealed,
            "digest": told.hex(),
            "fields": {**event.fields, "digest": told.hex()},
        },
        ensure_ascii=False,
    )
