"""The contract files say what the types say, and old and new readers understand each other."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, get_args, get_origin

import fastavro
import msgspec
import pytest
from fastavro.schema import fingerprint
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, contract
from schemas.fulfillment import Allocation, Destination, LocationsRanked, RouteOrder
from schemas.orders import OrderRefused
from schemas.records import Record
from schemas.topics import ALL, RECORDS

HISTORY = contract.AVRO / "history"
EXAMPLES = 40
"""of each record; there are some 200 of them, each also in its earlier forms"""
WAYS = [False, True] if codec.COMPILED else [False]
"""in Python, and compiled where this machine could"""
LONGS = st.integers(-(2**63), 2**63 - 1)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Any value of a field's type."""
    if get_origin(annotation) is list:
        return st.lists(values(get_args(annotation)[0]), max_size=3)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return records(annotation)
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text(max_size=80),
        int: LONGS,
        bool: st.booleans(),
        float: st.floats(allow_nan=False),
        bytes: st.binary(max_size=200),
    }
    return simple[annotation]


def records(record: type[Record]) -> st.SearchStrategy[Record]:
    """Any record of a type."""
    hints = contract.get_type_hints(record)
    return st.builds(record, **{name: values(hint) for name, hint in hints.items()})


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_each_schema_file_says_what_the_type_says(record: type[Record]) -> None:
    path = contract.AVRO / f"{record.__name__}.avsc"
    assert path.read_text(encoding="utf-8") == contract.rendered(contract.schema(record))


def _undocumented(declared: dict[str, Any]) -> list[str]:
    found = []
    for field in declared["fields"]:
        if not field.get("doc"):
            found.append(f"{declared['name']}.{field['name']}")
        kind = field["type"]
        inner = kind.get("items", kind) if isinstance(kind, dict) else None
        if isinstance(inner, dict) and "fields" in inner:
            found += _undocumented(inner)
    return found


@pytest.mark.parametrize("record", RECORDS)
def test_every_field_of_the_contract_says_what_it_means(record: type[Record]) -> None:
    assert _undocumented(contract.schema(record)) == []


def test_no_schema_file_is_left_over() -> None:
    assert {path.stem for path in contract.AVRO.glob("*.avsc")} == {r.__name__ for r in RECORDS}


def test_the_asyncapi_document_is_current() -> None:
    assert contract.ASYNCAPI.read_text(encoding="utf-8") == contract.rendered(contract.asyncapi())


def test_every_topic_stands_in_the_asyncapi_document() -> None:
    document = json.loads(contract.ASYNCAPI.read_text(encoding="utf-8"))
    assert set(document["channels"]) == {topic.name for topic in ALL}


def test_fingerprints_are_those_of_the_avro_specification() -> None:
    # Avro's own test vector for the schema "int": 0x7275d51a3f395c8f, little-endian here.
    assert fingerprint('"int"', "CRC-64-AVRO") == "8f5c393f1ad57572"


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_what_is_encoded_is_what_fastavro_writes_and_reads(record: type[Record]) -> None:
    declared = contract.schema(record)
    schema = fastavro.parse_schema(codec.without_logical_types(declared))
    ways = [codec.coders(record, declared, codec.mark(record), compiled) for compiled in WAYS]

    @settings(max_examples=EXAMPLES)
    @given(records(record))
    def holds(made: Record) -> None:
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, msgspec.to_builtins(made, builtin_types=(bytes,)))
        for encode, decode in ways:
            message = encode(made)
            assert message == codec.mark(record) + body.getvalue()
            assert decode(message) == made

    holds()


def _order() -> RouteOrder:
    lines = [Allocation(str(n), f"SKU-{n}", n, "köln", ["a", "b"], "") for n in range(3)]
    return RouteOrder("o-1", lines, "shop", "", [Destination(0, "DE", "50667", 50.9, 6.9)])


@pytest.mark.parametrize("compiled", WAYS)
@given(place=st.integers(0, 200), byte=st.integers(0, 255), kept=st.integers(0, 200))
def test_damaged_bytes_are_another_record_or_unreadable(
    compiled: bool, place: int, byte: int, kept: int
) -> None:
    mark = codec.mark(RouteOrder)
    encode, decode = codec.coders(RouteOrder, contract.schema(RouteOrder), mark, compiled)
    whole = encode(_order())
    damaged = bytearray(whole[: len(mark) + kept])
    if len(mark) + place < len(damaged):
        damaged[len(mark) + place] = byte
    try:
        found = decode(bytes(damaged))
    except (EOFError, ValueError, IndexError, OverflowError, MemoryError):
        return
    assert isinstance(found, RouteOrder)


@pytest.mark.parametrize("compiled", WAYS)
def test_arrays_in_blocks_with_their_size_are_read(compiled: bool) -> None:
    mark = codec.mark(LocationsRanked)
    encode, decode = codec.coders(LocationsRanked, contract.schema(LocationsRanked), mark, compiled)
    ranked = LocationsRanked("o", 1, ["a", "b"], 5)
    # As Avro allows: the two items in two blocks, each with its size in bytes.
    blocks = b"\x01\x04\x02a" + b"\x01\x04\x02b" + b"\x00"
    message = encode(ranked).replace(b"\x04\x02a\x02b\x00", blocks)
    assert decode(message) == ranked


@pytest.mark.parametrize("compiled", WAYS)
@pytest.mark.parametrize("wrong", [2**63, -(2**63) - 1])
def test_a_number_that_is_no_long_is_not_written(compiled: bool, wrong: int) -> None:
    mark = codec.mark(OrderRefused)
    encode, _ = codec.coders(OrderRefused, contract.schema(OrderRefused), mark, compiled)
    with pytest.raises(OverflowError):
        encode(OrderRefused("o", "l", "why", wrong))


def _with_extra_field(record: type[Record]) -> dict[str, Any]:
    newer = contract.schema(record)
    newer["fields"].append({"name": "note", "type": "string", "default": "none given"})
    return newer


def _written(schema: dict[str, Any], value: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    stream.write(codec.header(schema))
    fastavro.schemaless_writer(
        stream, fastavro.parse_schema(codec.without_logical_types(schema)), value
    )
    return stream.getvalue()


def test_an_old_reader_reads_a_newer_record() -> None:
    old = OrderRefused("o-1", "l-1", "out_of_stock", 5)
    newer = _with_extra_field(OrderRefused)
    message = _written(newer, {**msgspec.to_builtins(old, builtin_types=(bytes,)), "note": "new"})
    read = codec.decoder(newer, contract.schema(OrderRefused), OrderRefused)
    assert read(message) == old


def test_a_new_reader_reads_an_older_record() -> None:
    class Newer(Record, frozen=True):
        order_id: str
        line_id: str
        reason: str
        at_ms: int
        note: str = "none given"

    message = codec.encode(OrderRefused("o-1", "l-1", "out_of_stock", 5))
    read = codec.decoder(contract.schema(OrderRefused), _with_extra_field(OrderRefused), Newer)
    assert read(message) == Newer("o-1", "l-1", "out_of_stock", 5, "none given")


def _known_to(schema: Any, value: Any) -> Any:
    """The value without the fields that `schema` does not have, down to the last record."""
    if isinstance(schema, dict) and schema["type"] == "record":
        return {
            field["name"]: _known_to(field["type"], value[field["name"]])
            for field in schema["fields"]
        }
    if isinstance(schema, dict) and schema["type"] == "array":
        return [_known_to(schema["items"], each) for each in value]
    return value


@pytest.mark.parametrize("path", sorted(HISTORY.glob("*.avsc")), ids=lambda path: path.stem)
def test_records_of_an_earlier_schema_are_read_and_its_readers_read_todays(path: Path) -> None:
    earlier = codec.load(path)
    record = next(each for each in RECORDS if each.__name__ == earlier["name"])
    assert path.stem == f"{earlier['name']}-{codec.header(earlier)[2:].hex()}"
    plain = [
        fastavro.parse_schema(codec.without_logical_types(each), named_schemas={})
        for each in (contract.schema(record), earlier)
    ]

    @settings(max_examples=EXAMPLES)
    @given(records(record))
    def holds(made: Record) -> None:
        known = _known_to(earlier, msgspec.to_builtins(made, builtin_types=(bytes,)))
        assert codec.decode(_written(earlier, known)) == msgspec.convert(
            known, record, builtin_types=(bytes,)
        )
        body = io.BytesIO(codec.encode(made)[codec.HEADER_BYTES :])
        assert fastavro.schemaless_reader(body, *plain) == known

    holds()


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (b"", "not Avro single-object"),
        (b"{}", "not Avro single-object"),
        (b"\xc3\x01" + b"\0" * 8, "unknown schema fingerprint"),
        (codec.encode(OrderRefused("order", "line", "why", 5))[:-4], "truncated"),
    ],
)
def test_bytes_that_are_no_record_say_why(message: bytes, words: str) -> None:
    with pytest.raises(codec.UnreadableRecord, match=words):
        codec.decode(message)
