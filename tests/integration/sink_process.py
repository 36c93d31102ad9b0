"""One sink in a process of its own, to be killed, and a count in another.

python -m tests.integration.sink_process run BOOTSTRAP PATH GROUP BLOCK_ROWS TOPIC...
python -m tests.integration.sink_process count PATH
python -m tests.integration.sink_process parts PATH
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from connectors.clickhouse.database import Database
from connectors.clickhouse.rows import Block, Entry, rows
from connectors.clickhouse.sink import Sink


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
    sys.stdout.write(json.dumps({"topics": found, "orders": orders, "stock": stock}) + "\n")


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


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(*sys.argv[2:])
    elif sys.argv[1] == "parts":
        parts(*sys.argv[2:])
    else:
        count(*sys.argv[2:])
