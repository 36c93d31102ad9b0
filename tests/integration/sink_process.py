"""One sink in a process of its own, to be killed, and a count in another.

python -m tests.integration.sink_process run BOOTSTRAP PATH GROUP BLOCK_ROWS TOPIC...
python -m tests.integration.sink_process count PATH
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from connectors.clickhouse.database import Database
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


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(*sys.argv[2:])
    else:
        count(*sys.argv[2:])
