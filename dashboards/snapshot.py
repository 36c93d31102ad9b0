"""What the page shows, out of the queries. No network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

QUERIES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "queries").glob("*.sql"))
}
Row = dict[str, Any]
Query = Callable[[str, Mapping[str, Any] | None], list[Row]]
Lag = Callable[[], int]

MINUTES = 60
LOW_STOCK_THRESHOLD = 5
STEPS = ("reserving", "authorizing", "routing", "backordered", "released", "refused", "cancelled")
OPEN_STEPS = frozenset({"reserving", "authorizing", "routing", "backordered"})


def milliseconds(moment: datetime) -> int:
    """Since 1970, UTC; what the database gives without a zone is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1000)


def iso(moment: datetime) -> str:
    """ISO 8601 to the millisecond, UTC."""
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def snapshot(query: Query, lag: int | None) -> Row:
    """Everything on the page at one moment; `lag` None where Kafka does not say."""
    now_ms = time.time_ns() // 1_000_000
    return {
        "at": now_ms,
        "lag": lag,
        "totals": query(QUERIES["totals"], None)[0],
        "approval": _approval(query(QUERIES["approval"], None)[0]),
        "funnel": _funnel(query(QUERIES["funnel"], None), now_ms),
        "orders_per_minute": _series(query(QUERIES["orders_per_minute"], None), now_ms),
        "refusals": [
            {**row, "latest": milliseconds(row["latest"])}
            for row in query(QUERIES["refusals"], None)
        ],
        "low_stock": query(QUERIES["low_stock"], {"threshold": LOW_STOCK_THRESHOLD}),
        "low_stock_threshold": LOW_STOCK_THRESHOLD,
    }


def _approval(row: Row) -> Row:
    def rate(authorized: int, declined: int) -> float | None:
        return authorized / (authorized + declined) if authorized + declined else None

    return {
        **row,
        "rate": rate(row["authorized"], row["declined"]),
        "rate_last_hour": rate(row["authorized_last_hour"], row["declined_last_hour"]),
    }


def _funnel(found: list[Row], now_ms: int) -> list[Row]:
    by_status = {row["status"]: row for row in found}
    steps = []
    for step in STEPS:
        row = by_status.get(step)
        oldest = None
        if row is not None and step in OPEN_STEPS:
            oldest = max(0, now_ms - milliseconds(row["oldest"])) / 1000
        steps.append(
            {
                "step": step,
                "orders": row["orders"] if row else 0,
                "open": step in OPEN_STEPS,
                "oldest_seconds": oldest,
            }
        )
    return steps


def _series(found: list[Row], now_ms: int) -> Row:
    """One number a minute for each channel, also where there was no order."""
    latest = now_ms // 60_000 * 60
    minutes = [latest - 60 * back for back in range(MINUTES - 1, -1, -1)]
    place = {minute: index for index, minute in enumerate(minutes)}
    channels = {row["channel"]: [0] * MINUTES for row in found}
    for row in found:
        index = place.get(milliseconds(row["minute"]) // 1000)
        if index is not None:
            channels[row["channel"]][index] = row["orders"]
    return {"minutes": minutes, "channels": dict(sorted(channels.items()))}


def timeline(query: Query, order_id: str) -> list[Row]:
    """What happened to an order; empty for one that is not known."""
    return [
        {
            "at": iso(row["at"]),
            "room": row["room"],
            "event": row["event"],
            "why": row["reason"],
            "detail": orjson.loads(row["detail"] or "{}"),
        }
        for row in query(QUERIES["timeline"], {"order_id": order_id})
    ]


def stock(query: Query, sku: str) -> list[Row]:
    """The positions of a SKU; empty for one that is not known."""
    found = query(QUERIES["stock"], {"sku": sku})
    return [{**row, "at": milliseconds(row["at"])} for row in found]


def rejected(query: Query) -> list[Row]:
    """Payloads that wait for a person, latest first."""
    return [{**row, "at": milliseconds(row["at"])} for row in query(QUERIES["rejected"], None)]


def counts(query: Query) -> dict[str, tuple[int, int]]:
    """Rows and distinct positions of each topic."""
    return {row["topic"]: (row["rows"], row["positions"]) for row in query(QUERIES["counts"], None)}
