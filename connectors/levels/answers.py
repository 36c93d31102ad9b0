"""What is told of a SKU: positions, what channels may sell, and every step of the sum. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from msgspec.structs import replace

from schemas.availability import AVAILABLE, BELOW_ZERO, LIMITED, THRESHOLD, Step, explain
from schemas.stock import LocationLevel, StockLevels

Look = Callable[[str], StockLevels | None]
"""A SKU's levels; None for one that is not known."""
Answer = dict[str, Any]

POSITION = (
    "location_id",
    "on_hand",
    "reserved",
    "allocated",
    "safety_stock",
    "in_transit",
    "expected",
    "quarantined",
    "available",
    "selling",
)
KITS_HERE = "kits of which every component is there"
"""the first step of a kit's sum at a location"""


def moment(text: str) -> int:
    """Milliseconds since 1970: of a time with its zone, or of the end of a day, UTC.

    Raises ValueError.
    """
    cleaned = text.strip()
    try:
        if len(cleaned) == len("2025-03-01"):
            at = datetime.combine(date.fromisoformat(cleaned), time.max, UTC)
        else:
            at = datetime.fromisoformat(cleaned)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is neither 2025-03-01 nor 2025-03-01T12:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError(f"{text[:40]!r} has no time zone, such as the Z of 2025-03-01T12:00:00Z")
    milliseconds = (at - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)
    if milliseconds <= 0:
        raise ValueError(f"{text[:40]!r} is not after 1970")
    return milliseconds


def iso(milliseconds: int) -> str | None:
    """ISO 8601 to the millisecond, UTC; None for 0, which is no moment."""
    if not milliseconds:
        return None
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return f"{at.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def told(
    levels: StockLevels, look: Look, explained: bool = False, channel: str = "", until_ms: int = 0
) -> Answer:
    """A SKU as JSON has it; `explained` adds the sum for a channel and a moment.

    `look` finds the components of a kit, whose own record has no availability.
    """
    kit = _kit(levels, look, "", 0) if levels.components else None
    answer: Answer = {
        "sku": levels.sku,
        "available": levels.available if kit is None else kit["available"],
        "level": levels.level,
        "backordered": levels.backordered,
        "next_supply_at": iso(levels.next_supply_at_ms),
        "at": iso(levels.at_ms),
        "positions": [{name: getattr(one, name) for name in POSITION} for one in levels.locations],
        "channels": _channels(levels, look),
        "components": [{"sku": one.sku, "quantity": one.quantity} for one in levels.components],
    }
    if explained:
        sums = (
            _kit(levels, look, channel, until_ms)
            if levels.components
            else _plain(levels, channel, until_ms)
        )
        answer["explained"] = {"channel": channel, "until": iso(until_ms), **sums}
    return answer


def _channels(levels: StockLevels, look: Look) -> list[Answer]:
    """What each channel may sell that has words of its own; of a kit, or of a component of it."""
    if not levels.components:
        return [{"channel": one.channel, "available": one.available} for one in levels.channels]
    known = [levels, *(look(one.sku) for one in levels.components)]
    names = {one.channel for each in known if each is not None for one in each.channels}
    return [
        {"channel": name, "available": _kit(levels, look, name, 0)["available"]}
        for name in sorted(names)
    ]


def _plain(levels: StockLevels, channel: str, until_ms: int) -> Answer:
    """The steps at each location, and then those over all of them."""
    overall = explain(levels, "", channel, until_ms)
    return {
        "available": overall[-1].pieces,
        "locations": [
            {"location_id": one.location_id, "steps": _steps(_here(levels, one, channel, until_ms))}
            for one in levels.locations
        ],
        "steps": _steps(overall),
    }


def _here(levels: StockLevels, one: LocationLevel, channel: str, until_ms: int) -> list[Step]:
    """The steps at one location, before what is taken off over all of them."""
    alone = replace(levels, locations=[one], quotas=[], backordered=0)
    return explain(alone, one.location_id, channel, until_ms)


def _kit(levels: StockLevels, look: Look, channel: str, until_ms: int) -> Answer:
    """How many kits there are: whole ones at one location, and no more than components allow.

    A threshold of the kit holds at each location, on top of those of its components.
    """
    kits: dict[str, int] | None = None
    most: int | None = None
    parts = []
    for component in levels.components:
        found, per_kit = look(component.sku), max(1, component.quantity)
        here: dict[str, int] = {}
        available = 0
        if found is not None and not found.components:
            available = explain(found, "", channel, until_ms)[-1].pieces
            for one in found.locations:
                pieces = _here(found, one, channel, until_ms)[-1].pieces // per_kit
                here[one.location_id] = pieces
        parts.append({"sku": component.sku, "quantity": component.quantity, "available": available})
        most = available // per_kit if most is None else min(most, available // per_kit)
        kits = here if kits is None else {
            name: min(kits[name], pieces) for name, pieces in here.items() if name in kits
        }  # fmt: skip
    most = most or 0
    less = sum(one.quantity for one in levels.thresholds if one.channel == channel)
    here_of_each = {name: _kits_at(pieces, less) for name, pieces in sorted((kits or {}).items())}
    steps = [Step(name, sum(step.pieces for step in each)) for name, each in here_of_each.items()]
    beyond = sum(step.pieces for step in steps) - most
    if beyond > 0:
        steps.append(Step(LIMITED, -beyond))
    steps.append(Step(AVAILABLE, sum(step.pieces for step in steps)))
    return {
        "available": steps[-1].pieces,
        "locations": [
            {"location_id": name, "steps": _steps(each)} for name, each in here_of_each.items()
        ],
        "steps": _steps(steps),
        "components": parts,
    }


def _kits_at(pieces: int, less: int) -> list[Step]:
    """The steps of a kit at one location; their sum is 0 or more."""
    steps = [Step(KITS_HERE, pieces), Step(THRESHOLD, -less)]
    if less > pieces:
        steps.append(Step(BELOW_ZERO, less - pieces))
    return [step for step in steps if step.pieces or step.label == KITS_HERE]


def _steps(steps: list[Step]) -> list[Answer]:
    return [{"label": step.label, "pieces": step.pieces} for step in steps]
