"""Whether a payment may be tried at all, by the rules that were set. Pure; without rules, yes.

Each rule refuses by itself, or gives points where it is not kept; so many points refuse together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.orders import Tender
from schemas.payments import PaymentRule, PaymentRuleKind, PaymentRulesState, Refusal

_ORDER = {kind.value: place for place, kind in enumerate(PaymentRuleKind)}
_REFUSALS = {
    PaymentRuleKind.METHODS: Refusal.METHOD_NOT_ALLOWED,
    PaymentRuleKind.CURRENCIES: Refusal.CURRENCY_NOT_ALLOWED,
    PaymentRuleKind.MAXIMUM_TENDERS: Refusal.TOO_MANY_TENDERS,
    PaymentRuleKind.MAXIMUM_AMOUNT: Refusal.LIMIT_EXCEEDED,
}
"""Of the kinds that a payment breaks by what it is; the others only make it suspicious."""


class Asked(NamedTuple):
    """What a payment is judged by."""

    channel: str
    amount_minor: int
    currency: str
    tenders: Sequence[Tender]
    country: str = ""
    billing_country: str = ""
    orders_last_hour: int = 0
    orders_last_day: int = 0


class Verdict(NamedTuple):
    """Why a payment is refused."""

    reason: Refusal
    rule_id: str
    """the rule that refuses it, or that gave the most points"""
    points: int


def verdict(rules: PaymentRulesState | None, asked: Asked) -> Verdict | None:
    """Why the payment is refused; None where it may be tried."""
    if rules is None:
        return None
    points, heaviest = 0, 0
    rule_id = ""
    for rule in sorted(rules.rules, key=_place):
        if rule.channel not in ("", asked.channel) or _is_kept(rule, asked):
            continue
        points += rule.points
        if not rule.points:
            reason = _REFUSALS.get(PaymentRuleKind(rule.kind), Refusal.RISK_TOO_HIGH)
            return Verdict(reason, rule.rule_id, points)
        if rule.points > heaviest:
            rule_id, heaviest = rule.rule_id, rule.points
    if rules.refuse_at_points and points >= rules.refuse_at_points:
        return Verdict(Refusal.RISK_TOO_HIGH, rule_id, points)
    return None


def _place(rule: PaymentRule) -> int:
    return _ORDER[rule.kind]


def known(rules: Sequence[PaymentRule]) -> bool:
    """Whether every rule is of a kind that there is."""
    return all(rule.kind in _ORDER for rule in rules)


def _is_kept(rule: PaymentRule, asked: Asked) -> bool:
    match rule.kind:
        case PaymentRuleKind.METHODS:
            return all(tender.method in rule.words for tender in asked.tenders)
        case PaymentRuleKind.CURRENCIES:
            return asked.currency in rule.words
        case PaymentRuleKind.COUNTRIES:
            return not asked.country or asked.country in rule.words
        case PaymentRuleKind.MAXIMUM_TENDERS:
            return len(asked.tenders) <= rule.limit
        case PaymentRuleKind.MAXIMUM_AMOUNT:
            return rule.currency not in ("", asked.currency) or asked.amount_minor <= rule.limit
        case PaymentRuleKind.BILLING_COUNTRY:
            told = asked.country and asked.billing_country
            return not told or asked.country == asked.billing_country
        case PaymentRuleKind.ORDERS_LAST_HOUR:
            return asked.orders_last_hour <= rule.limit
        case _:
            return asked.orders_last_day <= rule.limit
