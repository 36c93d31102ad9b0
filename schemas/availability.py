"""Why so many pieces of a SKU may be sold: the sum, step by step. Pure; it reads StockLevels.

The same sum that the inventory room reserves by: what is on hand less what is spoken for, less
the channel's threshold at each location, less what quotas keep for others over all locations.
"""

from __future__ import annotations

from typing import NamedTuple

from schemas.stock import ChannelLevel, LocationLevel, StockLevels

ON_HAND = "on hand"
RESERVED = "reserved"
ALLOCATED = "allocated"
SAFETY_STOCK = "safety stock"
EXPECTED = "expected until then"
THRESHOLD = "threshold of the channel"
NOT_SELLING = "channels do not sell from here"
NOT_SOURCED = "the channel does not sell from here"
BELOW_ZERO = "less than nothing is nothing"
KEPT = "kept by quotas for others"
WAITING = "waiting lines come first"
LIMITED = "more than the channel may sell over all locations"
AVAILABLE = "available to promise"


class Step(NamedTuple):
    """One step of the sum. The last one, `AVAILABLE`, is the sum of those before it."""

    label: str
    pieces: int


def explain(
    levels: StockLevels, location_id: str = "", channel: str = "", until_ms: int = 0
) -> list[Step]:
    """The steps from what is on hand to what may be promised.

    `location_id` "" sums over all locations, one step each; `channel` "" is one without words of
    its own; `until_ms` 0 leaves expected supply out, later counts what is due until then (supply
    without a date never is) after the lines that wait. A location or channel that the record does
    not name has nothing, or no words of its own. A kit has no stock: its components' records say.
    """
    words = next((one for one in levels.channels if one.channel == channel), None)
    steps: list[Step] = []
    over_all = 0
    for location in levels.locations:
        here = _at(levels, location, channel, words, until_ms)
        pieces = sum(step.pieces for step in here)
        over_all += pieces
        if location_id == location.location_id:
            steps = here
        elif not location_id:
            steps.append(Step(location.location_id, pieces))
    claims = _claims(levels, channel, over_all, until_ms)
    if not location_id:
        steps += claims
    else:
        most = over_all + sum(claim.pieces for claim in claims)
        beyond = sum(step.pieces for step in steps) - most
        if beyond > 0:
            steps.append(Step(LIMITED, -beyond))
    return [*steps, Step(AVAILABLE, sum(step.pieces for step in steps))]


def _at(
    levels: StockLevels,
    location: LocationLevel,
    channel: str,
    words: ChannelLevel | None,
    until_ms: int,
) -> list[Step]:
    """The steps at one location; their sum is 0 or more. Steps of 0 pieces are left out."""
    name = location.location_id
    due = sum(
        supply.quantity
        for supply in levels.supplies
        if supply.location_id == name and 0 < supply.expected_at_ms <= until_ms
    )
    kept = sum(one.quantity for one in levels.thresholds if one.channel == channel)
    steps = [
        Step(ON_HAND, location.on_hand),
        Step(RESERVED, -location.reserved),
        Step(ALLOCATED, -location.allocated),
        Step(SAFETY_STOCK, -location.safety_stock),
        Step(EXPECTED, due),
        Step(THRESHOLD, -kept),
    ]
    rest = sum(step.pieces for step in steps)
    if rest < 0:
        steps.append(Step(BELOW_ZERO, -rest))
    elif not location.selling:
        steps.append(Step(NOT_SELLING, -rest))
    elif words is not None and name in words.excluded:
        steps.append(Step(NOT_SOURCED, -rest))
    return [step for step in steps if step.pieces or step.label == ON_HAND]


def _claims(levels: StockLevels, channel: str, over_all: int, until_ms: int) -> list[Step]:
    """What others may claim of the pieces over all locations; never more than those."""
    kept = sum(
        max(0, quota.quantity - quota.consumed)
        for quota in levels.quotas
        if not channel or quota.channel != channel
    )
    kept = min(kept, over_all)
    waiting = min(levels.backordered, over_all - kept) if until_ms else 0
    return [step for step in (Step(KEPT, -kept), Step(WAITING, -waiting)) if step.pieces]
