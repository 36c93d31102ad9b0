"""From records to columns. Pure: the same records make the same columns.

What could identify or charge a person never gets here: a dead letter's key, value and cause (the
words of an exception may quote the value), a payment's token, and the encrypted name and address on
an invoice stay on Kafka.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from schemas import codec
from schemas.accounting import CreditNoteIssued, InvoiceIssued
from schemas.channels import PayloadReplayed
from schemas.engine import DeadLetter
from schemas.inventory import (
    ReservationMoved,
    StockAllocated,
    StockReleased,
    StockReserved,
    StockShipped,
)
from schemas.orders import (
    HoldEnded,
    LineKind,
    OrderAmended,
    OrderAuthorized,
    OrderBackordered,
    OrderCancelled,
    OrderHeld,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    OrderShipped,
    Status,
)
from schemas.payments import Method, PaymentCaptured, PaymentReceived
from schemas.records import Record
from schemas.stock import StockMoved, StockSet

Columns = dict[str, list[Any]]

# Column: default, and the fields that fill it; a record has at most one of them.
FIELDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "order_id": ("", ("order_id",)),
    "sku": ("", ("sku",)),
    "line_id": ("", ("line_id",)),
    "location_id": ("", ("location_id",)),
    "channel": ("", ("channel",)),
    "reason": ("", ("reason", "cause")),
    "quantity": (0, ("quantity",)),
    "on_hand": (0, ("on_hand",)),
    "reserved": (0, ("reserved",)),
    "allocated": (0, ("allocated",)),
    "safety_stock": (0, ("safety_stock",)),
    "amount_minor": (0, ("amount_minor", "total_minor")),
    "currency": ("", ("currency",)),
    "purchase_order_id": ("", ("purchase_order_id",)),
    "actor": ("", ("actor",)),
    "kind": ("", ("kind",)),
    "hold_id": ("", ("hold_id",)),
    "rule": ("", ("rule", "rule_id")),
    "status": ("", ("fulfillment_status", "outcome")),
    "revision": (0, ("revision",)),
    "method": ("", ("method",)),
    "tender_id": ("", ("tender_id",)),
    "difference_minor": (0, ("difference_minor",)),
    "taken_minor": (0, ()),
    "given_back_minor": (0, ("paid_back_minor",)),
    "invoiced_minor": (0, ()),
    "customer_id": ("", ("customer_id",)),
    "legal_entity": ("", ("legal_entity",)),
    "at": (0, ("at_ms",)),
}
EVENTS = ("room", "event", *FIELDS, "detail", "_topic", "_partition", "_offset")
CONFIDENTIAL = frozenset({"token", "key", "value", "cause", "personal"})

ENTERED: dict[type[Record], Status] = {
    OrderPlaced: Status.RESERVING,
    OrderReserved: Status.AUTHORIZING,
    OrderAuthorized: Status.READY,
    OrderReleased: Status.RELEASED,
    OrderBackordered: Status.BACKORDERED,
    OrderRefused: Status.REFUSED,
    OrderCancelled: Status.CANCELLED,
}
"""The step that an order is in after an event; after OrderShipped it is the one that the event
says. What else happens to an order is beside its step."""
PROMISES = frozenset({Method.CASH_ON_DELIVERY, Method.INVOICE})
"""Methods whose capture makes money due and does not bring it."""

Position = (
    StockSet
    | StockMoved
    | StockReserved
    | StockReleased
    | ReservationMoved
    | StockAllocated
    | StockShipped
)
"""What says the position of a SKU at a location, or at two."""

Unreadable = "Unreadable"
"""The event's name where the value is no record of the contract; a row stands for it as well."""


class Entry(NamedTuple):
    """A record as the topic holds it."""

    offset: int
    timestamp_ms: int
    value: bytes | None


class Block(NamedTuple):
    """Consecutive records of one partition: what one insert writes, whole or not at all."""

    topic: str
    partition: int
    entries: list[Entry]

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.entries[0].offset

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return self.entries[-1].offset

    @property
    def token(self) -> str:
        """What ClickHouse knows the insert by."""
        return f"{self.topic}:{self.partition}:{self.first}:{self.last}"


class Shape(NamedTuple):
    """How records of one type become rows."""

    fields: tuple[tuple[str, Any], ...]
    """for each of FIELDS: the record's field, or none and the default"""
    confidential: bool


class Rows(NamedTuple):
    """Everything that follows from a block, column by column."""

    events: Columns
    orders: Columns
    holds: Columns
    stock: Columns
    allocated: Columns
    safety_stock: Columns


_shapes: dict[type[Record], Shape] = {}


def _shape(kind: type[Record]) -> Shape:
    names = {item.name for item in msgspec.structs.fields(kind)}
    fields = tuple(
        (next((name for name in candidates if name in names), ""), default)
        for default, candidates in FIELDS.values()
    )
    return _shapes.setdefault(kind, Shape(fields, bool(names & CONFIDENTIAL)))


def detail(record: Record) -> bytes:
    """The record as JSON, without what is confidential."""
    shape = _shapes.get(type(record)) or _shape(type(record))
    if not shape.confidential:
        return msgspec.json.encode(record)
    items: dict[str, Any] = {
        item.name: getattr(record, item.name)
        for item in msgspec.structs.fields(record)
        if item.name not in CONFIDENTIAL
    }
    return msgspec.json.encode(items)


def _values(record: Record) -> list[Any]:
    """The values of FIELDS."""
    shape = _shapes.get(type(record)) or _shape(type(record))
    values = [getattr(record, name) if name else default for name, default in shape.fields]
    computed = _COMPUTED.get(type(record))
    if computed is not None:
        column, value = computed
        values[_PLACE[column]] = value(record)
    return values


def _goods(record: OrderPlaced | OrderAmended) -> int:
    return sum(line.quantity for line in record.lines if line.kind == LineKind.GOODS)


def _money(record: PaymentCaptured) -> int:
    return 0 if record.method in PROMISES else record.amount_minor


_COMPUTED: dict[type[Record], tuple[str, Callable[[Any], Any]]] = {
    DeadLetter: ("reason", lambda letter: letter.cause.split(":", 1)[0][:200]),
    PayloadReplayed: ("reason", lambda _replayed: "replayed"),
    OrderPlaced: ("quantity", _goods),
    OrderAmended: ("quantity", _goods),
    OrderShipped: ("quantity", lambda shipped: sum(line.quantity for line in shipped.lines)),
    PaymentCaptured: ("taken_minor", _money),
    PaymentReceived: ("taken_minor", lambda received: received.amount_minor),
    InvoiceIssued: ("invoiced_minor", lambda invoice: invoice.total_minor),
    CreditNoteIssued: ("invoiced_minor", lambda note: -note.total_minor),
}
"""The column whose value no field has by itself, and the value."""
_PLACE = {name: place for place, name in enumerate(FIELDS)}
_REASON, _AT = _PLACE["reason"], _PLACE["at"]
_DEFAULTS = [default for default, _ in FIELDS.values()]


def rows(block: Block) -> Rows:
    """The rows of a block, for each table; of the current ones only the last of each key."""
    room = block.topic.split(".", 1)[0]
    table: list[tuple[Any, ...]] = []
    orders: dict[str, tuple[Any, ...]] = {}
    holds: dict[tuple[str, str], tuple[Any, ...]] = {}
    stock: dict[tuple[str, str], tuple[Any, ...]] = {}
    allocated: dict[tuple[str, str], tuple[Any, ...]] = {}
    safety: dict[tuple[str, str], tuple[Any, ...]] = {}
    append, where = table.append, (block.topic, block.partition)
    for offset, timestamp_ms, value in block.entries:
        try:
            record = codec.decode(value or b"")
        except codec.UnreadableRecord as error:
            values = _DEFAULTS.copy()
            values[_REASON], values[_AT] = str(error), timestamp_ms
            append((room, Unreadable, *values, "{}", *where, offset))
            continue
        kind = type(record)
        append((room, kind.__name__, *_values(record), detail(record).decode(), *where, offset))
        status = ENTERED.get(kind)
        if kind is OrderShipped:
            status = record.fulfillment_status  # type: ignore[attr-defined]
        if status is not None:
            order_id: str = record.order_id  # type: ignore[attr-defined]
            orders[order_id] = (order_id, str(status), record.at_ms, offset)  # type: ignore[attr-defined]
        elif isinstance(record, OrderHeld | HoldEnded):
            hold = (record.order_id, record.hold_id)
            is_open = isinstance(record, OrderHeld)
            holds[hold] = (*hold, record.kind, is_open, record.at_ms, offset)
        elif isinstance(record, Position):
            for key, position in _positions(record):
                stock[key] = (*key, *position, record.at_ms, offset)
            # What a reservation does not touch, its record does not say.
            at = (record.sku, record.location_id)
            if not isinstance(record, StockReserved | ReservationMoved):
                allocated[at] = (*at, record.allocated, offset)
            if isinstance(record, StockSet):
                safety[at] = (*at, record.safety_stock, offset)
    return Rows(
        _columns(EVENTS, table),
        _columns(("order_id", "status", "since", "_offset"), orders.values()),
        _columns(("order_id", "hold_id", "kind", "is_open", "since", "_offset"), holds.values()),
        _columns(("sku", "location_id", "on_hand", "reserved", "at", "_offset"), stock.values()),
        _columns(("sku", "location_id", "allocated", "_offset"), allocated.values()),
        _columns(("sku", "location_id", "safety_stock", "_offset"), safety.values()),
    )


def _positions(record: Position) -> Iterable[tuple[tuple[str, str], tuple[int, int]]]:
    """What is on hand and reserved, after the record, at each location that it touches."""
    if isinstance(record, ReservationMoved):
        yield (
            (record.sku, record.from_location_id),
            (record.from_on_hand, record.from_reserved),
        )
    yield (record.sku, record.location_id), (record.on_hand, record.reserved)


def _columns(names: tuple[str, ...], table: Iterable[tuple[Any, ...]]) -> Columns:
    columns = [list(column) for column in zip(*table, strict=True)] or [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def merged(parts: Iterable[Columns]) -> Columns:
    """Columns of the same names, one after the other."""
    whole: Columns = {}
    for part in parts:
        for name, column in part.items():
            whole.setdefault(name, []).extend(column)
    return whole
