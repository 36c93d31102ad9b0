"""When and how much is ordered again: from the demand of the last weeks, or a fixed point.

A location is ordered for when what it has, and what is on its way to it, less what lines wait for,
has fallen to its reorder point: the demand of the lead time and, for a service level, z standard
deviations of it. The order covers lead time and review days. Demand of a day is taken as normal
and independent of other days', lead times as certain.
Source: Silver, Pyke, Thomas, Inventory and Production Management in Supply Chains, 4th ed., 2017,
chapter 6 (reorder point from cycle service, P1) and order-up-to levels of periodic review.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

from msgspec.structs import replace

from schemas.inventory import StockState
from schemas.purchasing import ProposePurchase
from schemas.stock import DayDemand, DemandState, ReorderRule, ReplenishmentSuggested
from schemas.topics import DAY_MS, PURCHASING_COMMANDS
from streams.inventory.account import Account

WINDOW_DAYS = 28
"""whole days that demand is taken from; four weeks, so that each weekday counts alike"""
AGAIN_MS = DAY_MS
"""after a suggestion that changed no supply, the next one is made so much later at the earliest"""


class Demand(NamedTuple):
    """Pieces a day."""

    mean: float
    deviation: float


class Plan(NamedTuple):
    """What a rule says of a location at a demand."""

    reorder_point: int
    order_up_to: int


def demand_key(sku: str, location_id: str) -> str:
    """The key of the demand at a location."""
    return f"{sku}|@demand|{location_id}"


def demanded(account: Account, location_id: str, quantity: int) -> None:
    """Count pieces that were reserved at a location today; less than 0 for pieces given back.

    Only where a rule asks for it.
    """
    if not any(rule.location_id == location_id for rule in account.known.reorder):
        return
    key, today = demand_key(account.sku, location_id), account.now_ms // DAY_MS
    known = account.get(key, DemandState)
    if known is None:
        known = DemandState(location_id, [], today, 0)
    days = known.days
    if days and days[-1].day == today:
        days = [*days[:-1], DayDemand(today, days[-1].quantity + quantity)]
    else:
        days = [one for one in days if one.day >= today - WINDOW_DAYS]
        days.append(DayDemand(today, quantity))
    account.put(key, replace(known, days=days))


def review(account: Account) -> None:
    """Suggest an order for each location that has run down to its reorder point.

    Only locations that the command has changed are looked at, and of those that were ordered for
    within a day only where supply has changed since.
    """
    stock, before = account.known, account.before
    same_rules = before is not None and before.reorder == stock.reorder
    for rule in stock.reorder:
        location_id = rule.location_id
        was, now = _figures(before, location_id), _figures(stock, location_id)
        if was == now and same_rules:
            continue
        key = demand_key(account.sku, location_id)
        known = account.get(key, DemandState)
        suggested_at_ms = known.suggested_at_ms if known is not None else 0
        if suggested_at_ms and was.on_order != now.on_order:
            suggested_at_ms = 0
        suggested = (not suggested_at_ms or account.now_ms - suggested_at_ms >= AGAIN_MS) and (
            _suggest(account, rule, known, now)
        )
        if suggested:
            suggested_at_ms = account.now_ms
        if known is None and suggested:
            known = DemandState(location_id, [], account.now_ms // DAY_MS, 0)
        if known is not None and known.suggested_at_ms != suggested_at_ms:
            account.put(key, replace(known, suggested_at_ms=suggested_at_ms))


def demand(known: DemandState | None, now_ms: int) -> Demand:
    """Mean and standard deviation over the whole days counted, at most 28; the first day as it is.

    A day without demand counts as 0. The deviation is that of a sample; 0 for a single day.
    """
    if known is None:
        return Demand(0.0, 0.0)
    today = now_ms // DAY_MS
    first = max(known.first_day, today - WINDOW_DAYS)
    counted = today - first
    if counted < 1:
        first, counted = today, 1
    end = first + counted
    pieces = [one.quantity for one in known.days if first <= one.day < end]
    mean = sum(pieces) / counted
    if counted == 1 or mean <= 0:
        return Demand(max(0.0, mean), 0.0)
    squares = sum((quantity - mean) ** 2 for quantity in pieces)
    squares += (counted - len(pieces)) * mean**2
    return Demand(mean, math.sqrt(squares / (counted - 1)))


def plan(rule: ReorderRule, pieces: Demand) -> Plan:
    """The reorder point and what an order fills up to, in whole pieces."""
    during = pieces.mean * rule.lead_time_days
    if rule.reorder_point:
        point = rule.reorder_point
        safety = max(0.0, point - during)
    else:
        safety = max(0.0, _z(rule.service_level) * pieces.deviation) * math.sqrt(
            rule.lead_time_days
        )
        point = _whole(during + safety)
    return Plan(point, _whole(during + pieces.mean * rule.review_days + safety))


def rounded(rule: ReorderRule, pieces: int) -> int:
    """The quantity of an order: at least the minimum, and a multiple."""
    wanted = max(pieces, rule.minimum, 1)
    return -(-wanted // rule.multiple) * rule.multiple if rule.multiple > 1 else wanted


class _Figures(NamedTuple):
    available: int
    on_order: int
    backordered: int


def _figures(stock: StockState | None, location_id: str) -> _Figures:
    """What a location has, what comes, and what lines wait for that ask for it first."""
    if stock is None:
        return _Figures(0, 0, 0)
    available = on_order = 0
    for position in stock.positions:
        if position.location_id == location_id:
            available = position.on_hand - position.reserved - position.allocated
            on_order = position.in_transit
    for supply in stock.supplies:
        if supply.location_id == location_id:
            on_order += supply.quantity
    backordered = sum(
        line.quantity for line in stock.waiting if line.locations[:1] == [location_id]
    )
    return _Figures(available, on_order, backordered)


def _suggest(
    account: Account, rule: ReorderRule, known: DemandState | None, figures: _Figures
) -> bool:
    """Suggest an order where the rule says so; whether it did."""
    pieces = demand(known, account.now_ms)
    point, up_to = plan(rule, pieces)
    there = figures.available + figures.on_order - figures.backordered
    if there > point or (not point and up_to <= there):
        return False
    quantity = rounded(rule, up_to - there)
    account.tell(
        ReplenishmentSuggested(
            sku=account.sku,
            location_id=rule.location_id,
            quantity=quantity,
            available=figures.available,
            on_order=figures.on_order,
            reorder_point=point,
            daily_mean=pieces.mean,
            daily_deviation=pieces.deviation,
            lead_time_days=rule.lead_time_days,
            service_level=rule.service_level,
            at_ms=account.now_ms,
            backordered=figures.backordered,
        )
    )
    reason = (
        f"{figures.available} available, {figures.on_order} on order, "
        f"{figures.backordered} waited for; reorder point {point}"
    )
    account.send(
        PURCHASING_COMMANDS,
        account.sku,
        ProposePurchase(account.sku, rule.location_id, quantity, reason, account.now_ms),
    )
    return True


@lru_cache(maxsize=256)
def _z(service_level: float) -> float:
    """Standard deviations that a share of the demand stays within."""
    return NormalDist().inv_cdf(service_level)


def _whole(pieces: float) -> int:
    """Rounded up, without what floating point adds."""
    return math.ceil(round(pieces, 6))
