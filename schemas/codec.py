"""Avro single-object encoding: C3 01, the schema's CRC-64-AVRO fingerprint, the body.

The `.avsc` files are the contract; `encode` and `decode` are the whole interface. A record that
was written with an older schema is resolved to the newest one by Avro's rules, as long as the
older `.avsc` stands in `schemas/avro/history`.
Source: Apache Avro 1.12 specification, "Single-object encoding" and "Schema Resolution".
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import msgspec
from fastavro.schema import fingerprint, to_parsing_canonical_form

from schemas.records import Record
from schemas.topics import RECORDS
from schemas.writers import Writer, check, writer

try:
    from schemas.binary import Coder
except ImportError:  # it was not compiled, which takes a C compiler: the slower way does the same
    COMPILED = False
else:
    COMPILED = True

AVRO = Path(__file__).parent / "avro"
MARKER = b"\xc3\x01"
HEADER_BYTES = 10


class UnreadableRecord(ValueError):
    """The bytes are no record of the contract; the message says why."""


def header(schema: dict[str, Any]) -> bytes:
    """The ten bytes in front of every record of `schema`."""
    canonical = to_parsing_canonical_form(schema)
    return MARKER + bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO"))


def without_logical_types(schema: Any) -> Any:
    """The schema with times as plain longs, which is how the records hold them."""
    if isinstance(schema, dict):
        if "logicalType" in schema:
            return schema["type"]
        return {name: without_logical_types(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [without_logical_types(value) for value in schema]
    return schema


def load(path: Path) -> dict[str, Any]:
    """One `.avsc` file."""
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def _parsed(schema: dict[str, Any]) -> Any:
    return fastavro.parse_schema(without_logical_types(schema), named_schemas={})


Decoder = Callable[[bytes], Record]
_writers: dict[type[Record], Writer] = {}
_decoders: dict[bytes, Decoder] = {}
_marks: dict[type[Record], bytes] = {}


def decoder(writer: dict[str, Any], reader: dict[str, Any] | None, record: type[Record]) -> Decoder:
    """A function from a whole message to a `record`, written with `writer`, read as `reader`."""
    parsed = _parsed(writer)
    resolved = _parsed(reader) if reader is not None else None
    read, convert, source = fastavro.schemaless_reader, msgspec.convert, io.BytesIO

    def decode_body(message: bytes) -> Record:
        stream = source(message)
        stream.seek(HEADER_BYTES)
        return convert(read(stream, parsed, resolved), record)

    return decode_body


def coders(
    record: type[Record], schema: dict[str, Any], mark: bytes, compiled: bool = COMPILED
) -> tuple[Writer, Decoder]:
    """What writes and what reads messages of a record type by its newest schema; DECISIONS.md 1."""
    if compiled:
        coder = Coder(record, schema, mark, {})
        return coder.encode, coder.decode
    return writer(schema, mark), decoder(schema, None, record)


def _build() -> None:
    by_name = {record.__name__: record for record in RECORDS}
    for name, record in by_name.items():
        schema = load(AVRO / f"{name}.avsc")
        mark = header(schema)
        check(record, schema)
        _writers[record], _decoders[mark] = coders(record, schema, mark)
        _marks[record] = mark
    for path in sorted((AVRO / "history").glob("*.avsc")):
        old = load(path)
        current = by_name.get(old["name"])
        if current is not None:
            newest = load(AVRO / f"{old['name']}.avsc")
            _decoders.setdefault(header(old), decoder(old, newest, current))


def mark(record: type[Record]) -> bytes:
    """The ten bytes that every newly written message of a record type begins with."""
    return _marks[record]


def encode(record: Record) -> bytes:
    """The record as one Kafka value. Raises KeyError for a type that is not in the contract."""
    return _writers[type(record)](record)


def decode(message: bytes) -> Record:
    """The record in a Kafka value. Raises UnreadableRecord."""
    known = _decoders.get(message[:HEADER_BYTES])
    if known is None:
        raise UnreadableRecord(
            "not Avro single-object encoding"
            if message[:2] != MARKER
            else f"unknown schema fingerprint {message[2:HEADER_BYTES].hex()}"
        )
    try:
        return known(message)
    except Exception as error:
        raise UnreadableRecord(f"truncated or damaged: {type(error).__name__}") from error


_build()
