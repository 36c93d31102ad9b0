"""A customer is erased: nobody finds them again, byte by byte, and the figures still add up.

Everything runs as it does in production: the door for webhooks, a worker with all rooms, the sink
with embedded ClickHouse. Their data lies in one directory, with every log; it is searched whole.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from rocksdict import AccessType, Options, Rdict

from connectors.vault.master import MasterKeys
from connectors.vault.sealing import Vault
from deploy import customers, records
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.rejected import unsettled
from deploy.stock import Location, Position, commands
from schemas.orders import OrderPlaced
from schemas.topics import ALL, CUSTOMERS_KEYS, FULFILLMENT_COMMANDS, ORDERS_EVENTS
from streams.customers.model import figures_of
from tests.pipeline import VAULT_KEY, Pipeline

pytestmark = pytest.mark.integration
PATIENCE_SECONDS = 60.0
SECRET = "of-a-shop"
EMAIL = "Adalgisa.Quillfeather@example.org"
OF_HER = (
    EMAIL, "Adalgisa", "Quillfeather", "Quillfeather & Daughters", "+4930555017342",
    "Zwiebelfischgasse 77", "Hinterhaus bei Oblomow", "Obergurgelbach", "84172",
    "Ring the bell twice, the dog is friendly", "Für Euphrosyne, in Liebe", "cust-of-ada-55017",
)  # fmt: skip
OF_HIM = "benvolio@example.org"


def order(
    number: str, who: dict[str, Any], price: str, street: str = "Long Street 1"
) -> dict[str, Any]:
    """An order of the json channel."""
    return {
        "external_id": number, "placed_at": "2026-03-01T11:00:00Z", "currency": "EUR",
        "lines": [{"line_id": "1", "sku": "MUG", "quantity": 1, "unit_price": price}],
        "total": price, "payment": {"method": "channel", "paid": price}, "customer": who,
        "ship_to": {"name": who["name"], "line1": street, "country": "DE", "postal_code": "10115"},
    }  # fmt: skip


ADA = {
    "id": "cust-of-ada-55017", "name": "Adalgisa Quillfeather", "email": EMAIL,
    "email_verified": True, "phone": "+49 30 555017342", "company": "Quillfeather & Daughters",
}  # fmt: skip
BEN = {"id": "7", "name": "Benvolio", "email": OF_HIM, "email_verified": True}
HERS_AT_SHOPIFY = {
    "id": 9001, "created_at": "2026-03-01T12:00:00Z", "currency": "EUR", "total_price": "30.00",
    "financial_status": "paid", "email": EMAIL.lower(), "phone": "+4930555017342",
    "note": "Ring the bell twice, the dog is friendly",
    "customer": {"id": 55, "email": EMAIL.lower(), "verified_email": True,
                 "first_name": "Adalgisa", "last_name": "Quillfeather"},
    "line_items": [{"id": 1, "sku": "MUG", "quantity": 1, "price": "30.00",
                    "properties": [{"name": "Engraving", "value": "Für Euphrosyne, in Liebe"}]}],
    "shipping_address": {"name": "Adalgisa Quillfeather", "address1": "Zwiebelfischgasse 77",
                         "address2": "Hinterhaus bei Oblomow", "city": "Obergurgelbach",
                         "zip": "84172", "country_code": "DE", "latitude": 48.61718,
                         "longitude": 12.19337},
    "billing_address": {"name": "Adalgisa Quillfeather", "address1": "Zwiebelfischgasse 77"},
}  # fmt: skip


def spellings(text: str) -> set[bytes]:
    """The bytes as which a text may lie somewhere."""
    plain = {text, text.lower(), text.upper(), text.casefold()}
    found: set[bytes] = set()
    for one in plain:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"):
            raw = one.encode(encoding)
            found |= {raw, raw.hex().encode(), raw.hex().upper().encode()}
        found.add(json.dumps(one)[1:-1].encode())
        raw = one.encode()
        for shift in range(3):
            # Of base64 at any alignment, the signs that do not depend on the neighbours.
            whole = slice((8 * shift + 5) // 6, 8 * (shift + len(raw)) // 6)
            found.add(base64.b64encode(b"\0" * shift + raw)[whole])
            found.add(base64.urlsafe_b64encode(b"\0" * shift + raw)[whole])
    return {one for one in found if len(one) >= 5}


NEEDLES = {spelling: text for text in OF_HER for spelling in spellings(text)}


def named_in(content: bytes) -> set[str]:
    """What of hers stands in the bytes."""
    return {text for spelling, text in NEEDLES.items() if spelling in content}


def until(holds: Callable[[], object], patience: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def run(pipeline: Pipeline, *arguments: str) -> Result:
    environment = {"MILLRACE_BROKERS": pipeline.bootstrap, "MILLRACE_VAULT_KEY": VAULT_KEY}
    return CliRunner().invoke(cli, list(arguments), env=environment)


def post(pipeline: Pipeline, body: bytes) -> None:
    signature = base64.b64encode(hmac.digest(SECRET.encode(), body, hashlib.sha256)).decode()
    request = urllib.request.Request(
        pipeline.intake.replace("/json/", "/shopify/"),
        body,
        {"X-Shopify-Hmac-Sha256": signature, "X-Shopify-Topic": "orders/create"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def submit(pipeline: Pipeline, file: Path, channel: str, content: str) -> None:
    file.write_text(content, encoding="utf-8")
    run(pipeline, "submit", str(file), "--channel", channel)
    file.unlink()


def table() -> str:
    """A file of the csv channel: an order of hers, and one whose columns have slipped."""
    columns = (
        "external_id", "placed_at", "currency", "sku", "quantity", "unit_price", "total",
        "payment_token", "country", "name", "email", "email_verified", "line1",
    )  # fmt: skip
    her = ("DE", "Adalgisa Quillfeather", EMAIL, "true", "Zwiebelfischgasse 77")
    rows = [
        ("C-1", "2026-03-01T11:00:00Z", "EUR", "MUG", "1", "5.00", "5.00", "tok", *her),
        ("C-2", "Zwiebelfischgasse 77", "Adalgisa", "MUG", "1", EMAIL, "5.00", "tok", *her),
    ]
    written = io.StringIO()
    csv.writer(written).writerows([columns, *rows])
    return written.getvalue()


def send_in(pipeline: Pipeline, scratch: Path) -> None:
    """Three orders of hers, two of his, and payloads of hers that nobody can read."""
    post(pipeline, json.dumps(HERS_AT_SHOPIFY, ensure_ascii=False).encode())
    post(pipeline, b'{"id": 9002, "email": "' + EMAIL.encode() + b'", "note": "torn')
    both = [order("B-1", BEN, "12.50"), order("A-1", ADA, "20.00", "Zwiebelfischgasse 77")]
    submit(pipeline, scratch / "both.json", "json", json.dumps(both))
    submit(pipeline, scratch / "ben.json", "json", json.dumps(order("B-2", BEN, "7.50")))
    submit(pipeline, scratch / "hers.csv", "csv", table())


def settle_topics(bootstrap: str) -> None:
    """Let Kafka compact at once what it compacts within hours."""
    quick = {
        "segment.ms": "200", "max.compaction.lag.ms": "200", "delete.retention.ms": "200",
        "file.delete.delay.ms": "100", "min.cleanable.dirty.ratio": "0.001",
    }  # fmt: skip
    admin = AdminClient({"bootstrap.servers": bootstrap})
    resources = [
        _setting(ResourceType.TOPIC, CUSTOMERS_KEYS.name, quick),
        _setting(ResourceType.BROKER, "1", {"log.cleaner.backoff.ms": "200"}),
    ]
    for answer in admin.incremental_alter_configs(resources).values():
        answer.result(30)


def _setting(kind: ResourceType, name: str, values: dict[str, str]) -> ConfigResource:
    entries = [
        ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
        for key, value in values.items()
    ]
    return ConfigResource(kind, name, incremental_configs=entries)


def fill(cluster: Cluster) -> None:
    """Write behind what is deleted, so that its segment is closed: as the next payloads would."""
    producer = cluster.producer()
    for partition in range(CUSTOMERS_KEYS.partitions):
        producer.produce(CUSTOMERS_KEYS.name, None, b"of-nobody", partition)
    assert producer.flush(10) == 0


def everything(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every file as it lies there."""
    for path in sorted(directory.rglob("*")):
        try:
            if path.is_file():
                yield str(path.relative_to(directory)), written(path)
        except FileNotFoundError:  # Kafka removes files meanwhile
            continue


def written(path: Path) -> bytes:
    """What of a file was ever written: Kafka's indexes are holes of 10 MiB each, else."""
    parts = []
    with path.open("rb") as file:
        at, size = 0, path.stat().st_size
        while at < size:
            try:
                begin = os.lseek(file.fileno(), at, os.SEEK_DATA)
            except OSError:  # ENXIO: nothing but a hole up to the end
                break
            at = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            parts.append(os.pread(file.fileno(), at - begin, begin))
    return b"".join(parts)


def values(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Every record of every topic, unpacked."""
    for topic in ALL:
        for message in customers.messages(cluster, topic):
            yield topic.name, (message.key() or b"") + b" " + (message.value() or b"")


def checkpoints(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Every entry of every checkpoint, unpacked."""
    for path in directory.rglob("CURRENT"):
        opened = Rdict(str(path.parent), Options(raw_mode=True), access_type=AccessType.read_only())
        for key, value in opened.items():
            assert isinstance(key, bytes)
            yield str(path), key + b" " + value
        opened.close()


def rows(clickhouse: Path) -> bytes:
    """Every row of every table, as JSON Lines. In a process of its own: chDB is one a process."""
    program = (
        "import json, sys; from pathlib import Path;"
        "from connectors.clickhouse.database import Database\n"
        "database = Database(path=Path(sys.argv[1]))\n"
        "for table in database.query('SHOW TABLES'):\n"
        "    for row in database.query(f\"SELECT * FROM {table['name']}\"):\n"
        "        print(json.dumps(row, default=str))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(clickhouse)], capture_output=True, check=True
    ).stdout


def sums(cluster: Cluster) -> dict[str, int]:
    """What each order that was accepted comes to."""
    return {
        found.record.order_id: found.record.total_minor
        for found in records.read(cluster, [ORDERS_EVENTS])
        if isinstance(found.record, OrderPlaced)
    }


def lifetime(cluster: Cluster, keys: customers.KeyBook, named: str) -> list[tuple[str, int, int]]:
    [one] = customers.found(cluster, keys, named)
    return [(each.currency, each.orders, each.total_minor) for each in figures_of(one.state)]


@pytest.fixture(name="pipeline")
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    monkeypatch.setenv("MILLRACE_SHOPIFY_SECRET", SECRET)
    with Pipeline(workers=1, gateway=False, analytics=True, intake=True) as pipeline:
        pipeline.start()
        for port in pipeline.ports.values():
            until(lambda port=port: _ready(port))
        yield pipeline


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_search_finds_every_spelling() -> None:
    for text in OF_HER:
        assert text in named_in(b"x" + text.encode() + b"y")
        assert text in named_in(json.dumps({"a": text}).encode())
        assert text in named_in(("pad" + text + "pad").encode("utf-16-le"))
        for shift in range(3):
            assert text in named_in(base64.b64encode(b"\0" * shift + text.encode() + b"rest"))


def test_of_an_erased_customer_no_byte_is_left_and_the_figures_add_up(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    cluster = Cluster(pipeline.bootstrap)
    vault = Vault(MasterKeys([VAULT_KEY]))
    settle_topics(pipeline.bootstrap)
    place = Location("Berlin", "DE", 52.52, 13.40)
    shelf = Position("MUG", "berlin", 100, 0, place)
    records.send(cluster, commands([shelf], "test", FULFILLMENT_COMMANDS.partitions))
    send_in(pipeline, tmp_path)
    until(lambda: len(sums(cluster)) == 5 and len(unsettled(cluster)) == 2)
    keys = customers.KeyBook(cluster, vault)
    until(lambda: sum(one for _, one, _ in lifetime(cluster, keys, EMAIL)) == 3)
    until(lambda: sum(one for _, one, _ in lifetime(cluster, keys, OF_HIM)) == 2)

    before, his = sums(cluster), lifetime(cluster, keys, OF_HIM)
    assert his == [("EUR", 2, 2000)]
    assert lifetime(cluster, keys, EMAIL) == [("EUR", 3, 5500)]
    exported = run(pipeline, "customer", "export", EMAIL).stdout
    assert named_in(exported.encode()) == set(OF_HER), "what is kept of her can be told"
    assert OF_HIM not in exported
    [ada] = customers.found(cluster, keys, EMAIL)
    [her_key, *_] = [keys.wrapped(name) for name, _ in keys.of(ada.ids)]
    assert any(her_key in content for _, content in everything(pipeline.broker.data_dir))

    erased = run(pipeline, "customer", "erase", EMAIL, "--yes", "--json")
    assert erased.exit_code == 0, erased.output
    told = json.loads(erased.stdout)
    # The webhook, both files that name her, her order of the file with his, and the torn payload.
    assert (told["keys"], told["payloads"]) == (4, 1)

    def gone() -> bool:
        fill(cluster)
        return not any(her_key in content for _, content in everything(pipeline.broker.data_dir))

    until(gone)
    assert sums(cluster) == before
    assert lifetime(cluster, keys, OF_HIM) == his
    assert lifetime(cluster, keys, ada.state.customer_id) == [("EUR", 3, 5500)]
    assert "Benvolio" in run(pipeline, "customer", "export", OF_HIM).stdout
    after = run(pipeline, "customer", "export", ada.state.customer_id).stdout
    assert not named_in(after.encode())
    [torn, slipped] = sorted(unsettled(cluster), key=lambda one: one.reason != "unreadable")
    for one in (torn, slipped):
        shown = run(pipeline, "rejected", "show", one.id)
        assert shown.exit_code == 1 and "is erased" in shown.output

    for where, content in values(cluster):
        assert not named_in(content), where
    pipeline.stop()
    assert sum(json.loads(row)["amount_minor"] for row in rows(pipeline.clickhouse).splitlines()
               if b'"OrderPlaced"' in row) == sum(before.values())  # fmt: skip
    assert not named_in(rows(pipeline.clickhouse))
    searched = [*everything(pipeline.directory), *checkpoints(pipeline.directory / "workers")]
    assert len(searched) > 50
    for where, content in searched:
        assert not named_in(content), where
