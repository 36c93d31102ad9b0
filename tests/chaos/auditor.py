"""Reads a pipeline's topics from the first record to the last and says what does not add up.

It shares no code with the project: it knows the contract (`schemas/avro/*.avsc`,
`schemas/asyncapi.json`) and nothing else, so that a mistake in the project's own reading cannot
hide itself. What is checked stands in `tests/chaos/rules.py` and `ledger.py`, without I/O.

    python -m tests.chaos.auditor --bootstrap 127.0.0.1:9092 [--sent FILE]
        [--dashboard URL | --clickhouse DIRECTORY]

prints one JSON object and ends with 1 when a rule is broken.
Sources: Apache Avro 1.12 specification, "Parsing Canonical Form for Schemas", "Schema
Fingerprints" and "Single-object encoding".
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import fastavro
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from tests.chaos.ledger import Event
from tests.chaos.rules import Audit, Report

SCHEMAS = Path(__file__).parents[2] / "schemas"
MARKER = b"\xc3\x01"
HEADER_BYTES = 10
BATCH_RECORDS = 2_000
METADATA_TIMEOUT_SECONDS = 30.0
STALLED_TIMEOUT_SECONDS = 90.0
"""longer than a killed worker's transaction may stay open and hold readers back"""
CLICKHOUSE_TIMEOUT_SECONDS = 120.0

_CRC_EMPTY = 0xC15D213AA4D7A795
_PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}
_CHDB_PROGRAM = """
import json, sys
import clickhouse_connect
client = clickhouse_connect.get_client(interface="chdb", path=sys.argv[1])
query = "SELECT _topic, count(), uniqExact(_partition, _offset) FROM events GROUP BY _topic"
rows = client.query(query).result_rows
print(json.dumps({topic: [int(count), int(unique)] for topic, count, unique in rows}))
"""


class AuditStopped(Exception):
    """The topics cannot be read to their end; the message says which."""


def _crc_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (_CRC_EMPTY if value & 1 else 0)
        table.append(value)
    return table


_CRC_TABLE = _crc_table()


def fingerprint(schema: Any) -> bytes:
    """The CRC-64-AVRO fingerprint of a schema as it stands on the wire: 8 bytes, little-endian."""
    value = _CRC_EMPTY
    for byte in canonical(schema, "").encode():
        value = (value >> 8) ^ _CRC_TABLE[(value ^ byte) & 0xFF]
    return value.to_bytes(8, "little")


def canonical(schema: Any, namespace: str) -> str:
    """The Parsing Canonical Form of a schema, of the kinds that the contract uses."""
    if isinstance(schema, list):
        return "[" + ",".join(canonical(branch, namespace) for branch in schema) + "]"
    if isinstance(schema, str):
        full = schema in _PRIMITIVES or "." in schema or not namespace
        return json.dumps(schema if full else f"{namespace}.{schema}", ensure_ascii=False)
    kind = schema["type"]
    if kind == "array":
        return f'{{"type":"array","items":{canonical(schema["items"], namespace)}}}'
    if kind == "map":
        return f'{{"type":"map","values":{canonical(schema["values"], namespace)}}}'
    if kind not in ("record", "enum", "fixed"):
        return canonical(kind, namespace)
    name = schema["name"]
    if "." in name:
        namespace = name.rpartition(".")[0]
    else:
        namespace = schema.get("namespace", namespace)
        name = f"{namespace}.{name}" if namespace else name
    head = f'{{"name":{json.dumps(name, ensure_ascii=False)},"type":"{kind}"'
    if kind == "enum":
        symbols = ",".join(json.dumps(symbol) for symbol in schema["symbols"])
        return f'{head},"symbols":[{symbols}]}}'
    if kind == "fixed":
        return f'{head},"size":{schema["size"]}}}'
    fields = ",".join(
        f'{{"name":{json.dumps(field["name"])},"type":{canonical(field["type"], namespace)}}}'
        for field in schema["fields"]
    )
    return f'{head},"fields":[{fields}]}}'


def _plain(schema: Any) -> Any:
    """The schema with times as longs: an audit compares numbers, not calendars."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if isinstance(schema, dict):
        if "logicalType" in schema:
            return schema["type"]
        return {name: _plain(part) for name, part in schema.items()}
    return schema


class Contract:
    """What the `.avsc` files and the AsyncAPI document say, and the decoding that follows."""

    def __init__(self, folder: Path = SCHEMAS) -> None:
        """Read the contract; raises AuditStopped when document and schemas do not fit."""
        document = json.loads((folder / "asyncapi.json").read_text(encoding="utf-8"))
        self.messages: dict[str, frozenset[str]] = {
            channel["address"]: frozenset(channel.get("messages", {}))
            for channel in document["channels"].values()
        }
        self._known: dict[bytes, tuple[str, Any]] = {}
        for path in sorted(folder.glob("avro/**/*.avsc")):
            schema = json.loads(path.read_text(encoding="utf-8"))
            parsed = fastavro.parse_schema(_plain(schema), named_schemas={})
            mark = fingerprint(schema)
            self._known[MARKER + mark] = (schema["name"], parsed)
            message = document["components"]["messages"].get(schema["name"])
            if path.parent.name == "avro" and message is not None:
                told = message["x-avro-fingerprint"]
                if told != mark.hex():
                    raise AuditStopped(f"{path.name}: fingerprint {mark.hex()}, told {told}")

    def decode(self, value: bytes | None) -> tuple[str, dict[str, Any]]:
        """The record's name and fields; the name is empty for a deletion, `?` for what is none."""
        if value is None:
            return "", {}
        known = self._known.get(value[:HEADER_BYTES])
        if known is None:
            return "?", {"why": f"unknown header {value[:HEADER_BYTES].hex()}"}
        stream = io.BytesIO(value)
        stream.seek(HEADER_BYTES)
        try:
            fields: Any = fastavro.schemaless_reader(stream, known[1], None)
        except Exception as error:
            return "?", {"why": f"{known[0]} cannot be read: {error!r}"}
        if stream.tell() != len(value):
            return "?", {"why": f"{known[0]} with {len(value) - stream.tell()} bytes behind it"}
        return known[0], fields


def _ends(bootstrap: str, topics: list[str]) -> dict[tuple[str, int], int]:
    """The high watermark of every partition of `topics` that exists, open transactions included."""
    # By default librdkafka reads committed, and tells where the first open transaction begins.
    probe = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"audit-{uuid.uuid4().hex}",
            "isolation.level": "read_uncommitted",
        }
    )
    try:
        present = probe.list_topics(timeout=METADATA_TIMEOUT_SECONDS).topics
        missing = sorted(set(topics) - set(present))
        if missing:
            raise AuditStopped(f"missing topics: {', '.join(missing)}")
        return {
            (topic, partition): probe.get_watermark_offsets(
                TopicPartition(topic, partition), timeout=METADATA_TIMEOUT_SECONDS
            )[1]
            for topic in topics
            for partition in present[topic].partitions
        }
    finally:
        probe.close()


def read(bootstrap: str, contract: Contract) -> Iterator[Event]:
    """Every committed record up to the high watermarks of now, in offset order per partition.

    Raises AuditStopped when a partition's end is out of reach: a transaction was left open.
    """
    ends = _ends(bootstrap, sorted(contract.messages))
    waiting = {place for place, end in ends.items() if end > 0}
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"audit-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
    )
    try:
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in sorted(waiting)])
        progress = time.monotonic()
        while waiting:
            for message in consumer.consume(BATCH_RECORDS, timeout=1.0):
                place = (message.topic() or "", message.partition() or 0)
                offset = message.offset() or 0
                error = message.error()
                if error is None:
                    progress = time.monotonic()
                    name, fields = contract.decode(message.value())
                    key = (message.key() or b"").decode("utf-8", "replace")
                    yield Event(*place, offset, key, name, fields)
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise KafkaException(error)
                elif offset >= ends[place]:
                    waiting.discard(place)
            if time.monotonic() - progress > STALLED_TIMEOUT_SECONDS:
                stuck = ", ".join(f"{topic}[{number}]" for topic, number in sorted(waiting))
                raise AuditStopped(f"an open transaction holds readers back: {stuck}")
    finally:
        consumer.close()


def dashboard_counts(url: str) -> dict[str, tuple[int, int]]:
    """Rows and distinct positions per topic, as the dashboard counts them."""
    with urllib.request.urlopen(
        f"{url.rstrip('/')}/api/counts", timeout=CLICKHOUSE_TIMEOUT_SECONDS
    ) as answer:
        told: dict[str, Any] = json.load(answer)
    return {
        topic: (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
        for topic, value in told.items()
    }


def clickhouse_counts(directory: Path) -> dict[str, tuple[int, int]]:
    """Rows and distinct positions per topic in an embedded ClickHouse that nobody else has open."""
    answer = subprocess.run(
        [sys.executable, "-c", _CHDB_PROGRAM, str(directory)],
        capture_output=True,
        text=True,
        timeout=CLICKHOUSE_TIMEOUT_SECONDS,
        check=False,
    )
    if answer.returncode != 0:
        raise AuditStopped(f"ClickHouse cannot be read: {answer.stderr.strip()[-500:]}")
    told = json.loads(answer.stdout.splitlines()[-1])
    return {topic: (count, unique) for topic, (count, unique) in told.items()}


def audit_topics(
    bootstrap: str,
    sent: Mapping[str, str] | None = None,
    rows: Mapping[str, tuple[int, int]] | None = None,
) -> Report:
    """Audit a pipeline that is quiet.

    `sent` tells for each acknowledged raw_id its order id, `rows` the rows and distinct positions
    that ClickHouse has per topic.
    """
    contract = Contract()
    audit = Audit(sent or {}, contract.messages)
    try:
        for event in read(bootstrap, contract):
            audit.feed(event)
    except AuditStopped as error:
        audit.broken("readable_to_the_end", bootstrap, str(error))
    return audit.finish(rows)


def main() -> int:
    """Audit by the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.auditor")
    parser.add_argument("--bootstrap", required=True, help="host:port of the brokers")
    parser.add_argument("--sent", type=Path, help="JSON object: acknowledged raw_id to order_id")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--dashboard", help="URL of the dashboard, for ClickHouse's counts")
    place.add_argument("--clickhouse", type=Path, help="directory of an embedded ClickHouse")
    options = parser.parse_args()
    sent = json.loads(options.sent.read_text(encoding="utf-8")) if options.sent else {}
    rows = None
    if options.dashboard:
        rows = dashboard_counts(options.dashboard)
    elif options.clickhouse:
        rows = clickhouse_counts(options.clickhouse)
    report = audit_topics(options.bootstrap, sent, rows)
    print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
