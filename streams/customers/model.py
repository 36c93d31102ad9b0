"""The customers room's bounds, its default rules for segments, and what figures come to."""

from __future__ import annotations

from collections.abc import Iterable

from schemas.customers import (
    CustomerState,
    Figure,
    Outcome,
    RecentOrder,
    SegmentRule,
    SegmentRulesState,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DUPLICATE_WITHIN_MS = 30 * 60_000
"""Between the same purchase on two channels: whoever is not sure that an order went through tries
again soon, and not the week after."""
MAXIMUM_RECENT = 100
"""Latest orders in a customer's state, for velocity and duplicates; every order has a state of its
own besides."""
COUNTS = frozenset({Outcome.PLACED, Outcome.RELEASED, Outcome.REFUNDED})

USUAL_RULES = (
    SegmentRule("vip", recency_days=365, frequency=10, value_minor=100_000),
    SegmentRule("loyal", recency_days=365, frequency=3),
    SegmentRule("active", recency_days=180, frequency=1),
    SegmentRule("lapsed", frequency=1),
    SegmentRule("new"),
)
"""In force until SetSegmentRules says otherwise."""


def figures_of(state: CustomerState) -> list[Figure]:
    """What the customer's orders came to, those of merged ids among them, by currency."""
    sums: dict[str, tuple[int, int]] = {}
    own = [state.figures, *(member.figures for member in state.members)]
    for figure in (figure for figures in own for figure in figures):
        orders, total = sums.get(figure.currency, (0, 0))
        sums[figure.currency] = (orders + figure.orders, total + figure.total_minor)
    return [Figure(currency, *sums[currency]) for currency in sorted(sums)]


def main_figure(figures: Iterable[Figure]) -> Figure | None:
    """That of the currency in which the customer has spent most: most orders, then most money.

    Amounts of two currencies cannot be compared, so that orders decide.
    """
    return max(figures, key=lambda one: (one.orders, one.total_minor, one.currency), default=None)


def last_order_at_ms(state: CustomerState) -> int:
    """When the latest order was placed, those of merged ids among them."""
    return max([state.last_order_at_ms, *(one.last_order_at_ms for one in state.members)])


def segment_of(state: CustomerState, rules: SegmentRulesState | None, now_ms: int) -> str:
    """The segment of the first rule that fits; empty where none does."""
    figures = figures_of(state)
    latest = last_order_at_ms(state)
    for rule in rules.rules if rules is not None else USUAL_RULES:
        if _fits(rule, figures, latest, now_ms):
            return rule.segment
    return ""


def leaves_segment_at_ms(state: CustomerState, rules: SegmentRulesState | None, now_ms: int) -> int:
    """When the first of the recency bounds that hold now is passed; 0 where none will be."""
    latest = last_order_at_ms(state)
    if not latest:
        return 0
    bounds = [
        latest + rule.recency_days * DAY_MS + 1
        for rule in (rules.rules if rules is not None else USUAL_RULES)
        if rule.recency_days
    ]
    return min((bound for bound in bounds if bound > now_ms), default=0)


def with_recent(recent: Iterable[RecentOrder], more: Iterable[RecentOrder]) -> list[RecentOrder]:
    """Both, each order once, as the later one has it; the latest MAXIMUM_RECENT of them."""
    by_id = {order.order_id: order for order in (*recent, *more)}
    ordered = sorted(by_id.values(), key=lambda one: (one.placed_at_ms, one.order_id))
    return ordered[-MAXIMUM_RECENT:]


def _fits(rule: SegmentRule, figures: list[Figure], latest: int, now_ms: int) -> bool:
    if rule.recency_days and now_ms - latest > rule.recency_days * DAY_MS:
        return False
    if sum(figure.orders for figure in figures) < rule.frequency:
        return False
    if not rule.value_minor:
        return True
    if rule.currency:
        spent = next((one for one in figures if one.currency == rule.currency), None)
    else:
        spent = main_figure(figures)
    return spent is not None and spent.total_minor >= rule.value_minor
