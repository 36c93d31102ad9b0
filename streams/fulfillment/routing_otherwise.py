"""What the rules say becomes of an order that they cannot serve, and why they cannot. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.orders import RecordSourcingFailure, Refusal
from schemas.routing import Otherwise, RoutingRule
from streams.fulfillment.routing import Ranked, Router
from streams.fulfillment.routing_sites import Asked

POLICY = ""
"""no rule says: the order's own policy does"""
PRECEDENCE = (Otherwise.CANCEL, Otherwise.QUEUE, POLICY, Otherwise.BACKORDER)
"""an order waits, or ends, as a whole: which of its lines decides, where rules differ"""
TOLD_LINES = 8
"""whose lack is told one by one"""
TOLD_REASONS = 3
"""why locations are left out, the most frequent first"""


class Unserved(NamedTuple):
    """What becomes of an order, or of a line of it."""

    otherwise: str
    """queue, backorder or cancel; POLICY where no rule says"""
    rule: str
    """that says so, or that is broken; empty where none is"""
    why: str
    cancel_after_ms: int = 0
    """what waits longer is cancelled; 0 for never"""


class Lacking(NamedTuple):
    """A line without stock, or without a location."""

    line_id: str
    ranked: Ranked
    nowhere: str = ""
    """why no location is tried, where that is known"""


def outcome(ranked: Ranked) -> str:
    """What the rules have done with a line that its locations do not have; POLICY where none of
    them ends the list. Where there is no location at all there is nothing to wait for."""
    found = ranked.plan.otherwise
    if found == Otherwise.CANCEL:
        return found
    if not ranked.locations:
        return Otherwise.QUEUE
    if found == Otherwise.NEXT:
        return POLICY
    # Suppliers stand at the end of the list: they have been tried.
    return Otherwise.QUEUE if found == Otherwise.DROP_SHIP else found


def unserved(lacking: Sequence[Lacking]) -> Unserved:
    """What becomes of an order that lacks these lines, at least one."""
    by_outcome = {outcome(one.ranked): one for one in reversed(lacking)}
    found = next(one for one in PRECEDENCE if one in by_outcome)
    plan = by_outcome[found].ranked.plan
    rule = plan.rules[-1].name if plan.otherwise != Otherwise.NEXT else ""
    told = [f"line {one.line_id}: {_lack(one)}" for one in lacking[:TOLD_LINES]]
    if len(lacking) > TOLD_LINES:
        told.append(f"{len(lacking) - TOLD_LINES} more")
    after = soonest(one.ranked for one in lacking)
    return Unserved(found, rule, "; ".join(told), 0 if found == Otherwise.CANCEL else after)


def failure(
    order_id: str, attempt: int, reason: Refusal, lacking: Sequence[Lacking]
) -> RecordSourcingFailure:
    """The same as what orders is told; without lines that rules speak of its policy decides."""
    if not lacking:
        return RecordSourcingFailure(order_id, attempt, reason)
    found = unserved(lacking)
    return RecordSourcingFailure(
        order_id, attempt, reason, found.otherwise, found.rule, found.why, found.cancel_after_ms
    )


def soonest(every: Iterable[Ranked]) -> int:
    """The shortest time, in milliseconds, after which a rule cancels what waits; 0 for never."""
    times = [one.first_of("cancel_after_ms") for one in every]
    return min((one for one in times if one), default=0)


def not_allowed(every: Sequence[Ranked], broken: str, why: str) -> Unserved:
    """What becomes of an order that is reserved, of whose shipments the rules allow no way;
    `broken` is the field of a rule, or empty where no carrier goes.

    It has its stock: to wait for other stock it would have to give that back, so it waits for a
    person where a rule does not cancel it.
    """
    rule = next((name for one in every if (name := _giving(one.plan.rules, broken))), "")
    if any(one.plan.otherwise == Otherwise.CANCEL for one in every):
        return Unserved(Otherwise.CANCEL, rule, why)
    return Unserved(Otherwise.QUEUE, rule, why, soonest(every))


def _giving(rules: Iterable[RoutingRule], field: str) -> str:
    """The name of the first rule that has this field."""
    return next((rule.name for rule in rules if field and getattr(rule, field)), "")


def why_nowhere(router: Router, asked: Asked, used: Mapping[str, int], now_ms: int) -> str:
    """Why no location is tried for such lines, with how many locations that is true of."""
    whys = Counter(str(one.why) for one in router.explained(asked, used, now_ms))
    told = [f"{why} ({number})" for why, number in whys.most_common(TOLD_REASONS)]
    return ", ".join(told)


def _lack(one: Lacking) -> str:
    if one.ranked.locations:
        return "no location that is tried has enough"
    return f"no location serves it: {one.nowhere}" if one.nowhere else "no location serves it"
