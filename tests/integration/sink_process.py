"""One sink in a process of its own, to be killed, and a count in another.

python -m tests.integration.sink_process run BOOTSTRAP PATH GROUP BLOCK_ROWS TOPIC...
python -m tests.integration.sink_process count PATH
python -m tests.integration.sink_process parts PATH
python -m tests.integration.sink_process upgrade PATH
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import clickhouse_connect

from connectors.clickhouse.database import Database
from connectors.clickhouse.rows import Block, Entry, rows
from connectors.clickhouse.sink import Sink
from schemas.codec import encode
from schemas.orders import OrderHeld

FIRST_EVENTS = """
CREATE TABLE events
(
    room LowCardinality(String), event LowCardinality(String), order_id String, sku String,
    line_id String, location_id String, channel LowCardinality(String), reason String,
    quantity Int64, on_hand Int64, reserved Int64, safety_stock Int64, amount_minor Int64,
    currency LowCardinality(String), at DateTime64(3, 'UTC'), detail String CODEC(ZSTD(1)),
    _topic LowCardinality(String), _partition Int32, _offset Int64
)
ENGINE = MergeTree
ORDER BY (event, at, _offset)
SETTINGS non_replicated_deduplication_window = 10000
"""
"""The table as it was first."""


def run(bootstrap: str, path: str, group: str, block_rows: str, *topics: str) -> None:
    """Until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Database(path=Path(path)) as database:
        Sink(
            bootstrap, database, "sink-0",
            group=group, topics=topics, block_rows_max=int(block_rows),
        ).run(stop)  # fmt: skip


def count(path: str) -> None:
    """Print rows and distinct positions of each topic, and the current tables."""
    with Database(path=Path(path)) as database:
        found = database.query(
            "SELECT _topic AS topic, count() AS rows, uniqExact(_partition, _offset) AS positions,"
            " sum(quantity) AS quantity FROM events GROUP BY topic"
        )
        orders = database.query(
            "SELECT status, count() AS orders FROM orders_current FINAL GROUP BY status"
        )
        stock = database.query(
            "SELECT sku, location_id, on_hand, reserved FROM stock_current FINAL ORDER BY sku"
        )
        holds = database.query(
            "SELECT kind, is_open, count() AS holds FROM holds_current FINAL"
            " GROUP BY kind, is_open ORDER BY is_open"
        )
    answer = {"topics": found, "orders": orders, "stock": stock, "holds": holds}
    sys.stdout.write(json.dumps(answer) + "\n")


def parts(path: str) -> None:
    """Insert 300 MB as one block and print of how many parts it is."""
    entries = [Entry(offset, 0, None) for offset in range(20_000)]
    columns = rows(Block("orders.events", 0, entries)).events
    columns["detail"] = ["x" * 15_000] * len(entries)
    with Database(path=Path(path)) as database:
        database.insert("events", columns, "token")
        found = database.query(
            "SELECT count() AS parts, sum(rows) AS rows FROM system.parts"
            " WHERE table = 'events' AND level = 0"
        )
    sys.stdout.write(json.dumps(found) + "\n")


def upgrade(path: str) -> None:
    """Open tables of the first version, insert, and print what they have of old and new."""
    client = clickhouse_connect.get_client(interface="chdb", path=path)
    client.command(FIRST_EVENTS)
    client.command("INSERT INTO events (event, order_id, _offset) VALUES ('OrderPlaced', 'a', 1)")
    client.close()
    held = OrderHeld("b", "h", "fraud", "", 0, "", "", "ada", 1_700_000_000_000)
    made = rows(Block("orders.events", 0, [Entry(2, 0, encode(held))]))
    for _ in range(2):
        with Database(path=Path(path)) as database:
            database.insert("events", made.events, "token")
            database.insert("holds_current", made.holds)
            found = database.query("SELECT order_id, kind, revision FROM events ORDER BY _offset")
            holds = database.query("SELECT order_id, kind, is_open FROM holds_current FINAL")
    sys.stdout.write(json.dumps({"events": found, "holds": holds}) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(*sys.argv[2:])
    elif sys.argv[1] == "parts":
        parts(*sys.argv[2:])
    elif sys.argv[1] == "upgrade":
        upgrade(*sys.argv[2:])
    else:
        count(*sys.argv[2:])
