"""What was promised to the customer, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from schemas import promises
from schemas.records import Record

_SAY_THE_DAY = ("FulfillmentOrderReleased", "FulfillmentOrderRerouted", "PromiseChanged")


def of_promise(record: Record) -> str:
    """One sentence; empty for another event."""
    match record:
        case promises.PromiseChanged():
            day, before = record.promised_day, record.previous_day
            return (
                f"{_lines(record)} promised for {day}, no longer {before}: {_plain(record.reason)}"
            )
        case promises.FulfillmentOrderAtRisk():
            at = f" at {record.location_id}" if record.location_id else ""
            return f"{_lines(record)}{at}: {_plain(record.reason)}{promised(record)}"
        case promises.PromiseMissed():
            day = record.promised_day
            return f"{_lines(record)} was promised for {day}: {_plain(record.status)}"
    return ""


def promised(record: Record) -> str:
    """Until when it leaves and when it is there, to stand behind what is told of it; empty where
    nothing is promised."""
    ship_by: int = getattr(record, "ship_by_ms", 0)
    day: str = getattr(record, "promised_day", "")
    leaves = f"; leaves by {_clock(ship_by)}" if ship_by else ""
    return leaves + (f"; promised for {day}" if day else "")


def days(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """The lines that are promised for each day, by the names and fields of an order's events in
    their order. A line that is wanted no longer is promised for none."""
    promised: dict[str, str] = {}
    for name, fields in events:
        if name in _SAY_THE_DAY:
            promised |= dict.fromkeys(fields.get("line_ids", []), fields.get("promised_day", ""))
        elif name == "FulfillmentLinesCancelled":
            promised |= dict.fromkeys(fields.get("line_ids", []), "")
        elif name in ("FulfillmentCancelled", "OrderCancelled"):
            promised.clear()
    found: dict[str, list[str]] = {}
    for line_id, day in promised.items():
        if day:
            found.setdefault(day, []).append(line_id)
    return dict(sorted(found.items()))


def _lines(
    record: promises.PromiseChanged | promises.FulfillmentOrderAtRisk | promises.PromiseMissed,
) -> str:
    return f"{record.fulfillment_order_id}: line {', '.join(record.line_ids)}"


def _plain(reason: str) -> str:
    return reason.replace("_", " ")


def _clock(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M}"
