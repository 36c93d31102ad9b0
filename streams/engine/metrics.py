"""What a worker tells Prometheus. Labels are names of rooms, never of orders or people."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RECORDS_READ = Counter("millrace_engine_records_read_total", "Records decided", ["room"])
HANDED_OVER = Counter(
    "millrace_engine_handed_over_total",
    "Records decided in the transaction that wrote them",
    ["room"],
)
RECORDS_WRITTEN = Counter("millrace_engine_records_written_total", "Records written", ["room"])
WAKES = Counter("millrace_engine_wakes_total", "Timers that fired", ["room"])
DEAD_LETTERS = Counter("millrace_engine_dead_letters_total", "Records set aside", ["room"])
TRANSACTIONS = Counter("millrace_engine_transactions_total", "Transactions committed")
PARTITIONS = Gauge("millrace_engine_partitions", "Partitions held", ["room"])
DECIDE_SECONDS = Histogram(
    "millrace_engine_decide_seconds",
    "Deciding one batch",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3),
)
COMMIT_SECONDS = Histogram(
    "millrace_engine_commit_seconds",
    "Committing one transaction",
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RESTORE_SECONDS = Histogram(
    "millrace_engine_restore_seconds",
    "Restoring one partition",
    buckets=(0.1, 0.3, 1, 3, 10, 30, 100),
)
