"""Policies: the file that people write, checked, as what the orders and payments rooms decide by.

The format is shown rule by rule in `deploy/examples/policy.toml`. What is wrong is told all at
once, each with its line. An error keeps the file from being used; a warning does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deploy.policy_conditions import Node, amounts, condition, leaves, percent, steps
from deploy.policy_lines import KeyPath
from deploy.policy_payments import NO_RULES, Payments, payments, rules_in
from deploy.policy_reach import Rule, contradictions, never_taken, unreachable, with_codes
from deploy.policy_tables import File, Problem, Table, display, suggestion, unknown
from deploy.toml_file import NotToml, opened, text_of, time_zones
from schemas.payments import PaymentRulesState
from schemas.policies import (
    Action,
    BackorderRule,
    Condition,
    CutOffRule,
    DiscountRule,
    Field,
    HoldKind,
    HoldRule,
    HoldTerms,
    IntakeRule,
    Measure,
    Policy,
    PriorityRule,
    RiskRule,
    Then,
    TotalsRule,
    Waiting,
)
from streams.content import hash_of
from streams.orders.conditions import MONEY, WEEKDAYS
from streams.orders.cutoff import DAY_MINUTES
from streams.orders.policy import DISCOUNTS, DUPLICATES, RISK, TOTALS, rules_of

MAXIMUM_BYTES = 128 * 1024
MAXIMUM_RULES = 500
MAXIMUM_CONDITIONS = 2_000
MAXIMUM_PRIORITY = 1_000
MAXIMUM_POINTS = 1_000
DEFAULT = "default"
"""The table for channels that have none of their own."""
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
HELD_BY_RULE = (HoldKind.FRAUD, HoldKind.ADDRESS, HoldKind.MANUAL, HoldKind.PAYMENT)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class Checked(NamedTuple):
    """What became of a file."""

    file: str
    policy: Policy | None
    """None where there are errors"""
    problems: list[Problem]
    """by line"""
    payments: PaymentRulesState = NO_RULES
    """what it says of payments; where there are errors, nothing"""

    @property
    def errors(self) -> list[Problem]:
        """Those that keep it from being used."""
        return [problem for problem in self.problems if problem.is_error]


class BadPolicy(ValueError):
    """The file cannot be read at all; the message is one line that names it."""


def load(path: Path, channels: Collection[str] = ()) -> Checked:
    """Check a file; of other channels than these is warned. Raises BadPolicy."""
    checked = check(text_of(path, MAXIMUM_BYTES, BadPolicy), path.name, channels)
    return checked._replace(file=str(path))


def check(text: str, name: str, channels: Collection[str] = ()) -> Checked:
    """Check a text that is called `name`."""
    try:
        content, file = opened(text, channels)
    except NotToml as error:
        return Checked(name, None, [error.problem])
    policy, paid = _Reading(file, content).policy(text, name)
    sound = not any(problem.is_error for problem in file.problems)
    problems = sorted(file.problems, key=lambda problem: (problem.line, problem.path))
    if not sound:
        return Checked(name, None, problems)
    return Checked(name, policy, problems, paid.state)


class _Reading:
    """Reads the tables in the order of checks."""

    def __init__(self, file: File, content: dict[str, Any]) -> None:
        self._file = file
        self._top = Table(file, (), content)
        self._names: dict[str, KeyPath] = {}
        self._conditions: list[Node] = []

    def policy(self, text: str, name: str) -> tuple[Policy, Payments]:
        """The whole of it."""
        top = self._top
        time_zone = self._time_zone(top, "UTC")
        intake, refusing = self._rules(top.tables("intake"), _intake, True)
        holds, holding = self._rules(top.tables("hold"), _hold, True)
        backorders = [
            BackorderRule(self._channel(channel, table), table.line, _waits(table))
            for channel, table in top.named("backorder")
        ]
        priorities, prioritised = self._rules(top.tables("priority"), _priority)
        discounts, discounted = self._rules(top.tables("discount"), _discount)
        coded = [
            rule._replace(when=with_codes(rule.when, record.codes))
            for rule, record in zip(discounted, discounts, strict=True)
        ]
        unlisted = self._measure(top.table(DISCOUNTS), "unlisted", HoldKind.MANUAL)
        totals = [
            _total(table, self._channel(channel, table)) for channel, table in top.named(TOTALS)
        ]
        cut_offs, cut = self._cut_offs(top.named("cutoff"), time_zone)
        duplicates = self._measure(top.table(DUPLICATES), "found", HoldKind.DUPLICATE)
        risks, pointed, hold_at, refuse_at, terms = self._risk(top.table(RISK))
        paid = payments(top, self._name)
        top.end()
        self._reach(refusing, [*holding, *prioritised, *discounted, *cut, *pointed], cut, coded)
        policy = Policy(
            0, hash_of(text), name, text, time_zone, intake, holds, backorders, priorities,
            discounts, unlisted, totals, cut_offs, duplicates, risks, hold_at, refuse_at, terms,
            paid.is_counted,
        )  # fmt: skip
        self._bounds(policy, paid.state)
        return policy, paid

    def _rules(
        self, tables: Sequence[Table], read: Callable[..., Any], needs_when: bool = False
    ) -> tuple[list[Any], list[Rule]]:
        """The records that `read` makes of rules with a name and a condition."""
        records: list[Any] = []
        rules: list[Rule] = []
        for table in tables:
            name = self._name(table)
            when = self._when(table, needs_when)
            records.append(read(table, name, steps(when)))
            table.end()
            rules.append(Rule(name, table.path, when))
        return records, rules

    def _name(self, table: Table) -> str:
        table.needed("name", '"large-orders"')
        name = table.text("name")
        if name:
            self._unique(name, (*table.path, "name"))
        return name

    def _unique(self, name: str, path: KeyPath) -> None:
        if not _NAME.fullmatch(name):
            self._file.wrong(
                path,
                f"{display(name)} is no name: small letters, digits and hyphens, at most 64",
            )
        elif name in (RISK, DISCOUNTS, DUPLICATES, TOTALS):
            self._file.wrong(path, f"{name!r} is the name of a table")
        elif name in self._names:
            line = self._file.line(self._names[name])
            self._file.wrong(path, f"another rule is called {name!r}, on line {line}")
        else:
            self._names[name] = path

    def _when(self, table: Table, needed: bool) -> Node | None:
        if needed:
            table.needed("when", '{ channel = "json" }')
        value = table.value("when")
        if value is None:
            return None
        node = condition(self._file, (*table.path, "when"), value)
        if node is not None:
            contradictions(self._file, node)
            self._conditions.append(node)
        return node

    def _channel(self, name: str, table: Table) -> str:
        if name == DEFAULT:
            return ""
        known = self._file.channels
        if known and name not in known:
            self._file.warn(
                table.path, f"no channel is called {name!r}; {suggestion(name, [*known, DEFAULT])}"
            )
        return name

    def _time_zone(self, table: Table, default: str) -> str:
        zone = table.text("time_zone", default)
        if zone and zone not in time_zones():
            places = [name for name in time_zones() if "/" in name]
            table.wrong("time_zone", unknown(zone, places, "an IANA time zone"))
            return default
        return zone or default

    def _measure(self, table: Table | None, key: str, kind: HoldKind) -> list[Measure]:
        """A table that says what is done about something; its name is that of the rule."""
        if table is None:
            return []
        measure = _measured(table, key, kind)
        table.end()
        return [measure]

    def _cut_offs(
        self, named: Iterable[tuple[str, Table]], time_zone: str
    ) -> tuple[list[CutOffRule], list[Rule]]:
        records: list[CutOffRule] = []
        rules: list[Rule] = []
        for name, table in named:
            self._unique(name, table.path)
            when = self._when(table, False)
            table.needed("time", '"14:00"')
            minute = table.minute("time", 0)
            until = table.minute("dispatch_by", DAY_MINUTES)
            if until < minute:
                table.wrong("dispatch_by", "is before the cut-off on the same day")
            records.append(
                CutOffRule(
                    name, table.line, steps(when), self._time_zone(table, time_zone), minute,
                    until, table.texts("days", WEEKDAYS) or list(WORKDAYS),
                    table.dates("holidays"), table.flag("hold"),
                )
            )  # fmt: skip
            table.end()
            rules.append(Rule(name, table.path, when))
        return records, rules

    def _risk(
        self, table: Table | None
    ) -> tuple[list[RiskRule], list[Rule], int, int, list[HoldTerms]]:
        if table is None:
            return [], [], 0, 0, []
        hold_at = table.whole("hold_at", 1, MAXIMUM_POINTS)
        refuse_at = table.whole("refuse_at", 1, MAXIMUM_POINTS)
        terms = _terms(table, HoldKind.FRAUD, hold_at > 0, "hold_at")
        risks, rules = self._rules(table.tables("rule"), _risk_rule, True)
        table.end()
        most = sum(rule.points for rule in risks if rule.points > 0)
        if not hold_at and not refuse_at:
            self._file.wrong(table.path, "neither hold_at nor refuse_at says what points are for")
        if hold_at and refuse_at and refuse_at <= hold_at:
            table.wrong("refuse_at", f"is not over hold_at, which is {hold_at}")
        for key, points in (("hold_at", hold_at), ("refuse_at", refuse_at)):
            if points > most and all(rule.points for rule in risks):
                self._file.warn(
                    (*table.path, key), f"is never reached: all rules together give {most} points"
                )
        return risks, rules, hold_at, refuse_at, [terms] if hold_at else []

    def _reach(self, refusing: list[Rule], others: list[Rule], *first_matches: list[Rule]) -> None:
        if any(problem.is_error for problem in self._file.problems):
            return
        for rules in (refusing, *first_matches):
            unreachable(self._file, rules)
        never_taken(self._file, refusing, others)
        self._currencies()

    def _currencies(self) -> None:
        """Warn of amounts that leave out a currency in which others are given."""
        found = [leaf for node in self._conditions for leaf in leaves(node)]
        bounds = [
            (leaf.path, {bound.currency for bound in leaf.condition.numbers})
            for leaf in found
            if leaf.condition.field in MONEY
        ]
        every = set().union(*(currencies for _, currencies in bounds))
        limited = {leaf.path[:2] for leaf in found if leaf.condition.field == Field.CURRENCY}
        for path, currencies in bounds:
            if every - currencies and path[:2] not in limited:
                left = ", ".join(sorted(every - currencies))
                self._file.warn(path, f"orders in {left} never fit: it has no amount in {left}")

    def _bounds(self, policy: Policy, paid: PaymentRulesState) -> None:
        if rules_of(policy) + len(rules_in(paid)) > MAXIMUM_RULES:
            self._file.wrong((), f"has more than {MAXIMUM_RULES} rules")
        if sum(1 for node in self._conditions for _ in leaves(node)) > MAXIMUM_CONDITIONS:
            self._file.wrong((), f"has more than {MAXIMUM_CONDITIONS} conditions")


def _intake(table: Table, name: str, when: list[Condition]) -> IntakeRule:
    return IntakeRule(name, table.line, when)


def _hold(table: Table, name: str, when: list[Condition]) -> HoldRule:
    kind = HoldKind(table.word("kind", [str(kind) for kind in HELD_BY_RULE], HoldKind.MANUAL))
    return HoldRule(name, table.line, when, _terms(table, kind))


def _terms(table: Table, kind: HoldKind, holds: bool = True, held_by: str = "") -> HoldTerms:
    """`limit` and `then`, which belong together, and only to what holds: `held_by` tells how."""
    limit_ms = table.duration("limit")
    then = table.word("then", [str(word) for word in Then], Then.RELEASE)
    for one, other in (("limit", "then"), ("then", "limit")):
        if one in table and not holds:
            table.wrong(one, f"goes with {held_by}")
        elif one in table and other not in table:
            table.wrong(one, f"goes with {other}, which is missing")
    return HoldTerms(kind, limit_ms, then)


def _measured(table: Table, key: str, kind: HoldKind) -> Measure:
    table.needed(key, '"hold"')
    action = table.word(key, [str(action) for action in Action], Action.TRUST)
    return Measure(
        table.line, action, _terms(table, kind, action == Action.HOLD, f'{key} = "hold"')
    )


def _waits(table: Table) -> str:
    table.needed("waits", '"always"')
    waits = table.word("waits", [str(word) for word in Waiting], Waiting.AS_ASKED)
    table.end()
    return waits


def _priority(table: Table, name: str, when: list[Condition]) -> PriorityRule:
    table.needed("add", "10")
    add = table.whole("add", -MAXIMUM_PRIORITY, MAXIMUM_PRIORITY)
    return PriorityRule(name, table.line, when, add)


def _discount(table: Table, name: str, when: list[Condition]) -> DiscountRule:
    codes = [code.upper() for code in table.texts("codes")]
    share = table.value("most_percent")
    amount = table.value("most_amount")
    if share is None and amount is None:
        table.needed("most_percent", "30")
    table.needed("over", '"hold"')
    over = table.word("over", (Action.HOLD, Action.REFUSE), Action.HOLD)
    return DiscountRule(
        name,
        table.line,
        when,
        codes,
        -1 if share is None else percent(table.file, (*table.path, "most_percent"), share),
        [] if amount is None else amounts(table.file, (*table.path, "most_amount"), amount),
        over,
        _terms(table, HoldKind.MANUAL, over == Action.HOLD, 'over = "hold"'),
    )


def _total(table: Table, channel: str) -> TotalsRule:
    tolerance = table.whole("tolerance_minor", 0, MAXIMUM_POINTS)
    mismatch = _measured(table, "mismatch", HoldKind.TOTAL_MISMATCH)
    table.end()
    return TotalsRule(channel, tolerance, mismatch)


def _risk_rule(table: Table, name: str, when: list[Condition]) -> RiskRule:
    table.needed("points", "20")
    points = table.whole("points", -MAXIMUM_POINTS, MAXIMUM_POINTS)
    if points == 0 and "points" in table:
        table.wrong("points", "0 points change nothing")
    return RiskRule(name, table.line, when, points)
