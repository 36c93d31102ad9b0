"""Payments in a policy's file: `[payment]` and `[[payment_rule]]`.

A rule has a name and one thing that payments have to keep; `streams/payments/validation.py` decides
by them. What the kinds mean stands in schemas/payments.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from deploy.policy_conditions import SOURCES, WORDS, amounts
from deploy.policy_tables import MAXIMUM_NUMBER, Table, checked_texts, suggestion
from schemas.payments import PaymentRule, PaymentRuleKind, PaymentRulesState
from schemas.policies import Field
from streams.payments.model import MAXIMUM_TENDERS

MAXIMUM_POINTS = 1_000
NO_RULES = PaymentRulesState([], 0)
"""Every payment may be tried."""
_WORDS: dict[str, tuple[PaymentRuleKind, Field]] = {
    "methods": (PaymentRuleKind.METHODS, Field.PAYMENT_METHOD),
    "currencies": (PaymentRuleKind.CURRENCIES, Field.CURRENCY),
    "countries": (PaymentRuleKind.COUNTRIES, Field.COUNTRY),
}
_NUMBERS: dict[str, tuple[PaymentRuleKind, int, int]] = {
    "most_tenders": (PaymentRuleKind.MAXIMUM_TENDERS, 1, MAXIMUM_TENDERS),
    "most_orders_last_hour": (PaymentRuleKind.ORDERS_LAST_HOUR, 0, MAXIMUM_NUMBER),
    "most_orders_last_day": (PaymentRuleKind.ORDERS_LAST_DAY, 0, MAXIMUM_NUMBER),
}
_AMOUNT = "most_amount"
_BILLING = "same_billing_country"
KEPT = (*_WORDS, *_NUMBERS, _AMOUNT, _BILLING)
"""What a rule may ask for; each asks for one of them."""
_COUNTED = ("most_orders_last_hour", "most_orders_last_day")


class Payments(NamedTuple):
    """What a file says of payments."""

    state: PaymentRulesState
    """as each partition of the payments room keeps it"""
    is_counted: bool
    """a rule looks at how often a customer has ordered"""


def rules_in(state: PaymentRulesState) -> list[str]:
    """The names of the rules, in the order of the file."""
    return list(dict.fromkeys(rule.rule_id for rule in state.rules))


def payments(top: Table, name: Callable[[Table], str]) -> Payments:
    """Read both tables of a file; `name` reads that of a rule."""
    table = top.table("payment")
    refuse_at = 0
    if table is not None:
        table.needed("refuse_at", "100")
        refuse_at = table.whole("refuse_at", 1, MAXIMUM_POINTS)
        table.end()
    rules: list[PaymentRule] = []
    is_counted = False
    most = 0
    for one in top.tables("payment_rule"):
        read = _rule(one, name(one), table is not None)
        rules += read
        most += read[0].points if read else 0
        is_counted |= any(key in one for key in _COUNTED)
    sound = not any(problem.is_error for problem in top.file.problems)
    if table is not None and sound and refuse_at > most:
        top.file.warn(
            (*table.path, "refuse_at"), f"is never reached: all rules together give {most} points"
        )
    return Payments(PaymentRulesState(rules, refuse_at), is_counted)


def _rule(table: Table, name: str, is_pointed: bool) -> list[PaymentRule]:
    """The rule; of amounts in several currencies one for each, under the same name."""
    points = table.whole("points", 1, MAXIMUM_POINTS)
    if points and not is_pointed:
        table.wrong("points", "goes with refuse_at of [payment], which is missing")
    rule = PaymentRule(name, _channel(table), "", points=points)
    found = [kept for key in KEPT for kept in _kept(table, key, rule)]
    asked = [key for key in KEPT if key in table]
    if not asked:
        table.file.wrong(table.path, f"asks for nothing; write one of {', '.join(KEPT)}")
    for key in asked[1:]:
        table.wrong(key, f"a rule asks for one thing, and this one has {asked[0]}")
    table.end()
    return found


def _kept(table: Table, key: str, rule: PaymentRule) -> list[PaymentRule]:
    """What a key asks for; nothing where it is not there."""
    path = (*table.path, key)
    value = table.value(key)
    if value is None:
        return []
    if key in _WORDS:
        kind, field = _WORDS[key]
        words = checked_texts(table.file, path, value, WORDS[field], SOURCES.get(field, ""))
        return [replace(rule, kind=kind, words=words)]
    if key in _NUMBERS:
        kind, least, most = _NUMBERS[key]
        return [replace(rule, kind=kind, limit=table.whole(key, least, most))]
    if key == _AMOUNT:
        kind = PaymentRuleKind.MAXIMUM_AMOUNT
        return [
            replace(rule, kind=kind, limit=one.number, currency=one.currency)
            for one in amounts(table.file, path, value)
        ]
    if table.flag(key):
        return [replace(rule, kind=PaymentRuleKind.BILLING_COUNTRY)]
    if value is False:
        table.wrong(key, "is written only where it is true")
    return []


def _channel(table: Table) -> str:
    name, known = table.text("channel"), table.file.channels
    if name and known and name not in known:
        table.file.warn(
            (*table.path, "channel"), f"no channel is called {name!r}; {suggestion(name, known)}"
        )
    return name
