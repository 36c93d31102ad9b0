"""Why something happened to an order, in words."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas import orders
from schemas.money import text as money
from schemas.records import Record


def of_order(record: Record) -> str:
    """One sentence for an event of the orders room; empty for another one."""
    return _of_progress(record) or _of_change(record) or _of_hold(record)


def _of_progress(record: Record) -> str:
    match record:
        case orders.OrderPlaced():
            lines = _lines(record.lines)
            total = money(record.total_minor, record.currency)
            words = f"{lines}; {total} by {record.channel}"
            if record.total_difference_minor:
                difference = money(record.total_difference_minor, record.currency)
                words += f"; the lines come to {difference} more than the channel says"
            return words
        case orders.OrderReserved():
            return "every line has stock"
        case orders.OrderAuthorized():
            return f"{money(record.amount_minor, record.currency)} covers the total"
        case orders.OrderReleased():
            if not record.shipments:
                return "released, with nothing to ship"
            plural = "" if record.shipments == 1 else "s"
            return f"released to fulfillment in {record.shipments} shipment{plural}"
        case orders.OrderBackordered():
            line = f"line {record.line_id}: {plain(record.reason)}"
            if record.promised_at_ms:
                line += f"; every line is promised for {_clock(record.promised_at_ms)}"
            return f"{line}; tried again at {_clock(record.retry_at_ms)}"
        case orders.OrderRefused():
            line = f"line {record.line_id}: " if record.line_id else ""
            rule = f", rule {record.rule}" if record.rule else ""
            return f"{line}{plain(record.reason)}{rule}"
        case orders.OrderShipped():
            pieces = ", ".join(f"{one.quantity} of line {one.line_id}" for one in record.lines)
            where = f" from {record.location_id}" if record.location_id else ""
            track = f", {record.carrier} {record.tracking_number}".rstrip(" ,")
            taken = money(record.amount_minor, record.currency)
            return f"{pieces}{where}{track}; {taken} is taken; {plain(record.fulfillment_status)}"
        case orders.OrderRefunded():
            given = money(record.amount_minor, record.currency)
            pieces = ", ".join(f"{one.quantity} of line {one.line_id}" for one in record.lines)
            what = f" for {pieces}" if pieces else ""
            return f"{given} back{what}{_by(record.actor)}{_because(record.reason)}"
    return ""


def _of_change(record: Record) -> str:
    match record:
        case orders.OrderAmended():
            parts = [
                f"{words} {', '.join(ids)}"
                for words, ids in (
                    ("new line", record.added),
                    ("without line", record.removed),
                    ("changed line", record.changed),
                    ("changed", record.also),
                )
                if ids
            ]
            total = money(record.total_minor, record.currency)
            moved = f"; {total} now" if record.difference_minor else ""
            what = "; ".join(parts) or "nothing that shows"
            return f"{what}{moved}{_by(record.actor)}{_because(record.reason)}"
        case orders.AmendmentRefused():
            line = f"line {record.line_id}: " if record.line_id else ""
            detail = f" ({record.detail})" if record.detail else ""
            return f"{record.amendment_id}: {line}{plain(record.reason)}{detail}"
        case orders.OrderCancelled():
            return f"{plain(record.reason)}{_by(record.actor)}"
        case orders.OrderCommandRefused():
            detail = f" ({record.detail})" if record.detail else ""
            return f"{record.command}: {plain(record.reason)}{detail}"
    return ""


def _of_hold(record: Record) -> str:
    match record:
        case orders.OrderHeld():
            rule = f" by rule {record.rule}" if record.rule else _by(record.actor)
            until = f", until {_clock(record.until_ms)}, then {record.then}" * bool(record.until_ms)
            return f"{plain(record.kind)}{rule}{until}{_because(record.reason)}"
        case orders.HoldEnded():
            return f"{record.hold_id}: {plain(record.reason)}{_by(record.actor)}"
    return ""


def _lines(lines: list[orders.OrderLine]) -> str:
    return ", ".join(f"{line.quantity} × {line.sku or line.title or line.kind}" for line in lines)


def _by(actor: str) -> str:
    return f" by {actor}" if actor else ""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def plain(reason: str) -> str:
    """`out_of_stock` as words."""
    return reason.replace("_", " ")


def _clock(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
