"""What happened to a fulfillment order, in words."""

from __future__ import annotations

from collections.abc import Sequence

from deploy.timeline_promises import promised
from schemas import fulfillment_moves as moves
from schemas import fulfillment_work as work
from schemas.records import Record


def of_fulfillment(record: Record) -> str:
    """One sentence; empty for another event."""
    name = getattr(record, "fulfillment_order_id", "")
    found = (
        _at_the_location(record) or _on_its_way(record) or _elsewhere(record) or _changed(record)
    )
    return f"{name}: {found}" if found and name else found


def _at_the_location(record: Record) -> str:
    match record:
        case work.FulfillmentOrderAccepted():
            return f"accepted at {record.location_id}{_by(record.actor)}"
        case work.PickingStarted():
            return f"picking at {record.location_id}{_by(record.actor)}"
        case work.FulfillmentOrderPacked():
            grams = sum(parcel.weight_grams for parcel in record.parcels)
            plural = "" if len(record.parcels) == 1 else "s"
            return f"{len(record.parcels)} parcel{plural}, {grams} g{_by(record.actor)}"
        case work.FulfillmentOrderHeld():
            return f"held{_by(record.actor)}: {record.reason}"
        case work.FulfillmentHoldEnded():
            return f"{_plain(record.status)} again{_by(record.actor)}"
        case work.FulfillmentOrderCancelled():
            return f"no longer wanted: {_plain(record.reason)}"
    return ""


def _on_its_way(record: Record) -> str:
    match record:
        case work.ShipmentRequested():
            way = _way(record.carrier, record.service, record.tracking_number)
            return f"ready to leave {record.location_id}{way}{_by(record.actor)}"
        case work.FulfillmentOrderShipped():
            pieces = _pieces(record.lines)
            way = _way(record.carrier, record.service, record.tracking_number)
            return f"{pieces} left {record.location_id}{way}"
        case work.ShipmentRefused():
            return f"it may not leave: {_plain(record.reason)}"
        case work.CarrierEventRecorded():
            said = f": {record.carrier_words}" if record.carrier_words else ""
            return f"{_plain(record.kind)}{said}, {_plain(record.status)} now"
    return ""


def _elsewhere(record: Record) -> str:
    match record:
        case work.FulfillmentOrderRejected():
            lines = ", ".join(record.line_ids)
            by = _by(record.actor)
            return f"{record.location_id} gives line {lines} back{by}: {record.reason}"
        case work.FulfillmentOrderShort():
            what = f"{record.quantity} × {record.sku} of line {record.line_id}"
            return f"{what} not there at {record.location_id}{_by(record.actor)}"
        case work.FulfillmentOrderRerouted():
            lines = ", ".join(record.line_ids)
            return f"line {lines} goes from {record.location_id}{promised(record)}"
        case work.LinesUnroutable():
            lines, tried = ", ".join(record.line_ids), ", ".join(record.tried)
            return f"line {lines}: {_plain(record.reason)}; tried {tried}"
    return ""


def _changed(record: Record) -> str:
    match record:
        case moves.FulfillmentOrderMoving():
            why = f": {record.reason}" if record.reason else ""
            lines, to = ", ".join(record.line_ids), record.to_location_id
            return f"line {lines} is to go to {to}{_by(record.actor)}{why}"
        case moves.FulfillmentMoveEnded():
            gone = f"line {', '.join(record.line_ids)} went to {record.to_location_id}"
            stays = f"line {', '.join(record.stayed)} stays: {_plain(record.reason)}"
            parts = [gone] * bool(record.line_ids) + [stays] * bool(record.stayed)
            return "; ".join([*parts, f"{_plain(record.status)} now"])
        case moves.FulfillmentOrderSplit():
            return (
                f"line {', '.join(record.line_ids)} split off {record.from_id}{_by(record.actor)}"
            )
        case moves.FulfillmentOrdersMerged():
            lines = ", ".join(record.line_ids)
            return f"line {lines} of {record.merged_id} goes with it{_by(record.actor)}"
        case moves.FulfillmentOrderRedirected():
            lines, by = ", ".join(record.line_ids), _by(record.actor)
            now, before = _address(record.destination), _address(record.before)
            return f"line {lines} goes to {now} instead of {before}{by}: {record.reason}"
    return ""


def _address(destination: str) -> str:
    if destination == "pickup":
        return "being fetched"
    return f"address {destination or 0}"


def _way(carrier: str, service: str, tracking_number: str) -> str:
    told = " ".join(word for word in (carrier, service, tracking_number) if word)
    return f" by {told}" if told else ""


def _pieces(lines: Sequence[work.PackedLine]) -> str:
    return ", ".join(f"{line.quantity} of line {line.line_id}" for line in lines)


def _by(actor: str) -> str:
    return f" by {actor}" if actor else ""


def _plain(reason: str) -> str:
    return reason.replace("_", " ")
