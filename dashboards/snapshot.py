"""What the page shows, out of the queries. No network."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from schemas.money import EXPONENTS

_FILES = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted((Path(__file__).parent / "queries").glob("*.sql"))
}
QUERIES = {name: text.replace("@steps", f"\n{_FILES['steps']}") for name, text in _FILES.items()}
"""By name; `@steps` in a file stands for steps.sql, so that all queries mean the same by a step."""
Row = dict[str, Any]
Query = Callable[[str, Mapping[str, Any] | None], list[Row]]
Lag = Callable[[], int]

MINUTES = 60
LOW_STOCK_THRESHOLD = 5
STEPS = (
    "reserving", "authorizing", "ready", "held", "backordered",
    "released", "partly_shipped", "shipped", "refused", "cancelled",
)  # fmt: skip
OPEN_STEPS = frozenset({"reserving", "authorizing", "ready", "held", "backordered"})
"""Before the release."""


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
    held = _held(query(QUERIES["held"], None), now_ms)
    return {
        "at": now_ms,
        "lag": lag,
        "totals": query(QUERIES["totals"], None)[0],
        "approval": _approval(query(QUERIES["approval"], None)[0]),
        "funnel": _funnel(query(QUERIES["funnel"], None), held, now_ms),
        "held": held,
        "money": [_with_exponent(row) for row in query(QUERIES["money"], None)],
        "amendments": _amendments(query(QUERIES["amendments"], None)),
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


def _funnel(found: list[Row], held: list[Row], now_ms: int) -> list[Row]:
    """Each step with its orders. The longest that one is held is from its hold, not its step."""
    by_step = {row["step"]: row for row in found}
    waits = {step: _seconds(row["oldest"], now_ms) for step, row in by_step.items()}
    if held and "held" in by_step:
        waits["held"] = held[0]["oldest_seconds"]
    return [
        {
            "step": step,
            "orders": by_step[step]["orders"] if step in by_step else 0,
            "open": step in OPEN_STEPS,
            "oldest_seconds": waits.get(step) if step in OPEN_STEPS else None,
        }
        for step in STEPS
    ]


def _seconds(since: datetime, now_ms: int) -> float:
    return max(0, now_ms - milliseconds(since)) / 1000


def _held(found: list[Row], now_ms: int) -> list[Row]:
    """Kinds of holds, the one with the longest wait first."""
    return [
        {
            "kind": row["kind"],
            "orders": row["orders"],
            "oldest_seconds": _seconds(row["oldest"], now_ms),
            "oldest_order_id": row["oldest_order_id"],
        }
        for row in found
    ]


def _amendments(found: list[Row]) -> Row:
    """How many changes there were, and what they add to the totals in each currency."""
    return {
        "amended": sum(row["amended"] for row in found),
        "refused": sum(row["refused"] for row in found),
        "differences": [
            _with_exponent({name: row[name] for name in ("currency", "difference_minor")})
            for row in found
            if row["difference_minor"]
        ],
    }


def _with_exponent(row: Row) -> Row:
    """A row of money, with the decimals of its currency (ISO 4217)."""
    return {**row, "exponent": EXPONENTS.get(row["currency"], 2)}


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


def orders(query: Query, wanted: Row) -> list[Row]:
    """A page of orders, the latest first; `wanted` are the parameters of orders.sql."""
    found = query(QUERIES["orders"], wanted)
    if not found:
        return []
    named = {"order_ids": [row["order_id"] for row in found]}
    statuses = {row["order_id"]: row["status"] for row in query(QUERIES["statuses"], named)}
    return [
        {
            **row,
            "status": statuses.get(row["order_id"], ""),
            "at": iso(row["at"]),
            "at_ms": milliseconds(row["at"]),
        }
        for row in found
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
