"""Writes the contract from the types: `.avsc` files and the AsyncAPI document.

`python -m schemas.contract` rewrites both; a test fails while they are behind the types. A schema
that changes must first be copied to `schemas/avro/history` under `<Record>-<fingerprint>.avsc`.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from schemas.records import Record
from schemas.topics import ALL, RECORDS

AVRO = Path(__file__).parent / "avro"
ASYNCAPI = Path(__file__).parent / "asyncapi.json"
NAMESPACE = "millrace"
_PRIMITIVE: dict[type, str] = {
    str: "string",
    int: "long",
    bool: "boolean",
    float: "double",
    bytes: "bytes",
}


def _field_docs(record: type[Record]) -> dict[str, str]:
    """The strings that stand under the fields of a record."""
    tree = ast.parse(inspect.getsource(record))
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            docs[field.target.id] = str(text.value.value)
    return docs


def _avro_type(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        base, meta = get_args(annotation)
        return {"type": _PRIMITIVE[base], "logicalType": meta.extra["logicalType"]}
    if get_origin(annotation) is list:
        return {"type": "array", "items": _avro_type(get_args(annotation)[0])}
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return schema(annotation)
    return _PRIMITIVE[annotation]


def schema(record: type[Record]) -> dict[str, Any]:
    """The Avro schema of a record type."""
    hints = get_type_hints(record, include_extras=True)
    docs = _field_docs(record)
    fields = []
    for item in msgspec.structs.fields(record):
        field: dict[str, Any] = {"name": item.name, "type": _avro_type(hints[item.name])}
        if item.name in docs:
            field["doc"] = " ".join(docs[item.name].split())
        if item.default is not msgspec.NODEFAULT:
            field["default"] = item.default
        fields.append(field)
    return {
        "type": "record",
        "name": record.__name__,
        "namespace": NAMESPACE,
        "doc": " ".join((record.__doc__ or "").split()),
        "fields": fields,
    }


def asyncapi() -> dict[str, Any]:
    """All topics as an AsyncAPI 3.0 document. Source: asyncapi.com, specification 3.0.0."""
    from schemas import codec  # reads the files that `write` has just written

    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "millrace",
            "version": "1.0.0",
            "description": (
                "Every value is Avro single-object encoding: the bytes C3 01, the 8-byte "
                "little-endian CRC-64-AVRO fingerprint of the writer's schema, then the Avro "
                "binary body. The fingerprint tells which of a channel's messages it is. Keys "
                "are UTF-8 text. Read with isolation.level=read_committed. A null value on a "
                "compacted topic "
                "deletes the key. Times are milliseconds since the epoch, UTC, and 0 where there "
                "is none. Amounts are minor units by ISO 4217."
            ),
        },
        "defaultContentType": "application/vnd.apache.avro",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": (
                    f"{topic.purpose} Key: {topic.key}. Written by: {topic.written_by}. "
                    f"Read by: {topic.read_by}."
                ),
                "messages": {
                    record.__name__: {"$ref": f"#/components/messages/{record.__name__}"}
                    for record in topic.values
                },
                "bindings": {
                    "kafka": {
                        "topic": topic.name,
                        "partitions": topic.partitions,
                        "topicConfiguration": {
                            key: [value] if key == "cleanup.policy" else int(value)
                            for key, value in topic.configuration.items()
                        },
                        "bindingVersion": "0.5.0",
                    }
                },
            }
            for topic in ALL
        },
        "components": {
            "messages": {
                record.__name__: {
                    "name": record.__name__,
                    "summary": " ".join((record.__doc__ or "").split()),
                    "x-avro-fingerprint": codec.header(schema(record))[2:].hex(),
                    "payload": {
                        "schemaFormat": "application/vnd.apache.avro+json;version=1.12.0",
                        "schema": {"$ref": f"./avro/{record.__name__}.avsc"},
                    },
                }
                for record in RECORDS
            }
        },
    }


def rendered(document: dict[str, Any]) -> str:
    """The text of a contract file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Rewrite every contract file."""
    AVRO.mkdir(exist_ok=True)
    for record in RECORDS:
        (AVRO / f"{record.__name__}.avsc").write_text(rendered(schema(record)), encoding="utf-8")
    ASYNCAPI.write_text(rendered(asyncapi()), encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{len(RECORDS)} schemas, {len(ALL)} topics\n")
