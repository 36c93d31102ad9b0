"""What the policy decides about an order when it comes in. Pure: no I/O and no clock.

The order of checks: intake rules, points for risk, discounts, duplicates. The first that refuses
the order does so, and its name is told. Otherwise the order is held by every rule that fits it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schemas.messages import Send
from schemas.orders import PlaceOrder, RecordAssessment
from schemas.policies import (
    POLICY_KEY,
    Action,
    DiscountRule,
    HoldKind,
    HoldTerms,
    Measure,
    Policy,
    PolicySet,
    PolicyState,
    SetPolicy,
    Then,
    Waiting,
)
from schemas.topics import ORDERS_EVENTS, ORDERS_POLICIES
from schemas.totals import MILLION
from streams.orders.conditions import (
    NOBODY,
    Facts,
    Reader,
    Test,
    discounted,
    gross,
    pattern,
    placed_minute,
)
from streams.orders.cutoff import Dispatch, dispatches

ANNOUNCING_PARTITION = 0
"""The policy stands in every partition; the event is written by one of them."""
MAXIMUM_COMPILED = 8
"""Policies that are kept ready; a process has one or, with `policy simulate`, two."""
RISK, DISCOUNTS, DUPLICATES, TOTALS = "risk", "discounts", "duplicates", "totals"
"""Tables of the file that are rules without a name of their own."""


class Hold(NamedTuple):
    """Why an order is held, and for how long."""

    kind: str
    """one of schemas.policies.HoldKind"""
    rule: str
    """name of the rule in the policy's file"""
    limit_ms: int = 0
    """how long, in milliseconds; 0 for until somebody decides"""
    then: str = Then.RELEASE
    """release or cancel, when the time is over"""


class Intake(NamedTuple):
    """What is decided about an order. Where it is refused, the other fields say nothing."""

    refused_by: str = ""
    """name of the rule in the policy's file; empty where it is taken"""
    holds: tuple[Hold, ...] = ()
    backorder: bool = False
    """it waits for stock where a line has none"""
    priority: int = 0
    """in the queue for stock"""
    total_mismatch: str = Action.TRUST
    """one of schemas.policies.Action, where the channel's total differs from that of the lines"""
    tolerance_minor: int = 0
    """a difference of so many minor units is none"""
    mismatch_hold: Hold = Hold(HoldKind.TOTAL_MISMATCH, TOTALS)
    """how it is held, where total_mismatch is hold and the total differs"""
    asks_customers: bool = False
    """a rule looks at RecordAssessment: without one, nothing here counts but this"""
    cut_off: str = ""
    """name of the cut-off rule that counts; empty for none"""
    cut_off_passed: bool = False
    """it is dispatched on a later day than the one on which it was placed"""
    dispatch_by_ms: int = 0
    """until when it is to leave; 0 where no rule says"""
    points: int = 0
    """for risk"""
    pointed_by: tuple[str, ...] = ()
    """names of the rules that gave points"""


def intake(
    policy: PolicyState | None,
    order: PlaceOrder,
    assessment: RecordAssessment | None,
    now_ms: int,
) -> Intake:
    """What the policy decides about `order`, which came in at `now_ms`.

    Without a policy it is taken as its channel says. Without an assessment nothing is known of the
    customer: no segment, no orders before, no duplicate.
    """
    if policy is None:
        return Intake(backorder=order.backorder, priority=order.priority)
    return compiled(policy.policy).decide(order, assessment or NOBODY, now_ms)


def asks_customers(policy: PolicyState | None) -> bool:
    """Whether a rule looks at RecordAssessment, so that it is to be asked for."""
    return policy is not None and compiled(policy.policy).asks_customers


def learn(
    state: PolicyState | None, command: SetPolicy, partition: int, now_ms: int
) -> tuple[PolicyState, list[Send]]:
    """The policy of one partition after SetPolicy, and what is written of it.

    The same again, or an older one, changes nothing. Raises what `compiled` raises, so that a
    policy which cannot be asked never holds.
    """
    policy = command.policy
    if state is not None and _mark(policy) <= _mark(state.policy):
        return state, []
    compiled(policy)
    following = PolicyState(policy, command.actor, now_ms)
    sends = [Send(ORDERS_POLICIES, f"{POLICY_KEY}/{partition}", following)]
    if partition == ANNOUNCING_PARTITION:
        before = state.policy.version if state is not None else 0
        event = PolicySet(
            policy.version,
            before,
            policy.text_hash,
            policy.name,
            rules_of(policy),
            command.actor,
            now_ms,
        )
        sends.append(Send(ORDERS_EVENTS, POLICY_KEY, event))
    return following, sends


def _mark(policy: Policy) -> tuple[int, int]:
    """Of two policies of one version the same one wins on every partition."""
    return policy.version, policy.text_hash


def rules_of(policy: Policy) -> int:
    """How many rules a policy has."""
    lists = (
        policy.intake, policy.holds, policy.backorders, policy.priorities, policy.discounts,
        policy.unlisted_discounts, policy.totals, policy.cut_offs, policy.duplicates, policy.risks,
    )  # fmt: skip
    return sum(len(rules) for rules in lists)


class Compiled:
    """A policy, ready to be asked."""

    def __init__(self, policy: Policy) -> None:
        """Raises ZoneInfoNotFoundError, and ValueError where a condition is none."""
        self.policy = policy
        self._reader = reader = Reader(policy.time_zone)
        self._intake = [(reader.test(rule.when), rule.name) for rule in policy.intake]
        self._holds = [
            (reader.test(rule.when), _hold(rule.terms, rule.name)) for rule in policy.holds
        ]
        self._priorities = [(reader.test(rule.when), rule.add) for rule in policy.priorities]
        self._risks = [(reader.test(rule.when), rule.points, rule.name) for rule in policy.risks]
        self._waiting = {rule.channel: rule.waiting for rule in policy.backorders}
        self._totals = {
            rule.channel: (
                rule.mismatch.action,
                rule.tolerance_minor,
                _hold(rule.mismatch.terms, f"{TOTALS}.{rule.channel or 'default'}"),
            )
            for rule in policy.totals
        }
        self._discounts = [Limit(rule, reader.test(rule.when)) for rule in policy.discounts]
        self._cut_offs = [
            (reader.test(rule.when), dispatches(rule), rule) for rule in policy.cut_offs
        ]
        self._unlisted = _action(policy.unlisted_discounts, DISCOUNTS)
        self._duplicate = _action(policy.duplicates, DUPLICATES)
        self._risk_hold = _hold(policy.risk_terms[0], RISK) if policy.risk_terms else None
        self._trusts_discounts = not policy.discounts and self._unlisted[0] == Action.TRUST
        self.asks_customers = (
            reader.asks_customers
            or self._duplicate[0] != Action.TRUST
            or policy.counts_for_payments
        )

    def decide(self, order: PlaceOrder, known: RecordAssessment, now_ms: int) -> Intake:
        """See `intake`."""
        facts = self._reader.facts(order, known, now_ms)
        for test, name in self._intake:
            if test is None or test(facts):
                return Intake(refused_by=name, asks_customers=self.asks_customers)
        holds = [hold for test, hold in self._holds if test is None or test(facts)]
        points, pointed_by = self._points(facts)
        refused_by = self._measure(order, facts, known, points, holds)
        if refused_by:
            return Intake(
                refused_by=refused_by,
                asks_customers=self.asks_customers,
                points=points,
                pointed_by=pointed_by,
            )
        cut_off, dispatch = self._dispatch(order, facts, now_ms, holds)
        mismatch, tolerance, mismatch_hold = self._total(order.channel)
        return Intake(
            "",
            tuple(holds),
            self._backorder(order),
            order.priority + self._priority(facts),
            mismatch,
            tolerance,
            mismatch_hold,
            self.asks_customers,
            cut_off,
            dispatch.passed,
            dispatch.by_ms,
            points,
            pointed_by,
        )

    def _points(self, facts: Facts) -> tuple[int, tuple[str, ...]]:
        points = 0
        names: tuple[str, ...] = ()
        for test, given, name in self._risks:
            if test is None or test(facts):
                points += given
                names = (*names, name)
        return points, names

    def _measure(
        self,
        order: PlaceOrder,
        facts: Facts,
        known: RecordAssessment,
        points: int,
        holds: list[Hold],
    ) -> str:
        """Which of the rules without a condition of their own refuses; adds those that hold."""
        policy = self.policy
        if policy.refuse_at and points >= policy.refuse_at:
            return RISK
        if self._risk_hold is not None and policy.hold_at and points >= policy.hold_at:
            holds.append(self._risk_hold)
        if not self._trusts_discounts:
            refused_by = self._claims(order, facts, holds)
            if refused_by:
                return refused_by
        action, hold = self._duplicate
        if action != Action.TRUST and known.duplicate_of:
            if action == Action.REFUSE:
                return DUPLICATES
            holds.append(hold)
        return ""

    def _claims(self, order: PlaceOrder, facts: Facts, holds: list[Hold]) -> str:
        """Hold the order's discounts against the rules; the name of one that refuses it."""
        claims = _claimed(order)
        if not claims:
            return ""
        sums: dict[int, int] = {}
        for code, amount in claims:
            number = next(
                (at for at, rule in enumerate(self._discounts) if rule.fits(code, facts)), -1
            )
            sums[number] = sums.get(number, 0) + amount
        whole = gross(order)
        for number, amount in sorted(sums.items()):
            action, hold = self._unlisted
            if number >= 0:
                rule = self._discounts[number]
                if rule.covers(amount, whole, order.currency):
                    continue
                action, hold = rule.over, rule.hold
            if action == Action.REFUSE:
                return hold.rule
            if action == Action.HOLD:
                holds.append(hold)
        return ""

    def _priority(self, facts: Facts) -> int:
        return sum(add for test, add in self._priorities if test is None or test(facts))

    def _backorder(self, order: PlaceOrder) -> bool:
        waiting = self._waiting.get(order.channel) or self._waiting.get("", Waiting.AS_ASKED)
        if waiting == Waiting.AS_ASKED:
            return order.backorder
        return waiting == Waiting.ALWAYS

    def _total(self, channel: str) -> tuple[str, int, Hold]:
        return self._totals.get(channel) or self._totals.get("", _TRUSTED_TOTAL)

    def _dispatch(
        self, order: PlaceOrder, facts: Facts, now_ms: int, holds: list[Hold]
    ) -> tuple[str, Dispatch]:
        for test, dispatch, rule in self._cut_offs:
            if test is None or test(facts):
                found = dispatch(placed_minute(order, now_ms))
                if rule.holds and found.passed and found.day_starts_ms > now_ms:
                    left_ms = found.day_starts_ms - now_ms
                    holds.append(Hold(HoldKind.CUT_OFF, rule.name, left_ms, Then.RELEASE))
                return rule.name, found
        return "", _NO_DISPATCH


class Limit:
    """A rule for discounts, ready to be asked."""

    def __init__(self, rule: DiscountRule, test: Test | None) -> None:
        """`test` is the rule's condition."""
        self._test = test
        self._codes: Callable[[str], bool] | None = pattern(rule.codes) if rule.codes else None
        self._most_ppm = rule.most_ppm
        self._most = {bound.currency: bound.number for bound in rule.most}
        self.over = rule.over
        self.hold = _hold(rule.terms, rule.name)

    def fits(self, code: str, facts: Facts) -> bool:
        """Whether this rule is about that code of that order."""
        if self._codes is not None and not self._codes(code):
            return False
        return self._test is None or self._test(facts)

    def covers(self, amount_minor: int, gross_minor: int, currency: str) -> bool:
        """Whether so much may be taken off lines of `gross_minor`."""
        if self._most_ppm >= 0 and amount_minor * MILLION > self._most_ppm * gross_minor:
            return False
        return not self._most or amount_minor <= self._most.get(currency, -1)


def _claimed(order: PlaceOrder) -> list[tuple[str, int]]:
    """Codes, in capitals, and what each takes off; what no code accounts for has an empty one."""
    claims = [(one.code.upper(), one.amount_minor) for one in order.discounts if one.amount_minor]
    rest = discounted(order) - sum(amount for _, amount in claims)
    if rest > 0:
        claims.append(("", rest))
    return claims


def _hold(terms: HoldTerms, rule: str) -> Hold:
    return Hold(terms.kind, rule, terms.limit_ms, terms.then)


def _action(measures: list[Measure], rule: str) -> tuple[str, Hold]:
    """What is done, and how it is held; the file may say nothing of it."""
    for measure in measures:
        return measure.action, _hold(measure.terms, rule)
    return Action.TRUST, Hold(HoldKind.MANUAL, rule)


_NO_DISPATCH = Dispatch(False, 0, 0)
_TRUSTED_TOTAL = (Action.TRUST, 0, Hold(HoldKind.TOTAL_MISMATCH, TOTALS))
_ready: dict[tuple[int, int], Compiled] = {}


def compiled(policy: Policy) -> Compiled:
    """The policy, ready to be asked; made once. Raises what Compiled raises."""
    mark = _mark(policy)
    found = _ready.get(mark)
    if found is not None and (found.policy is policy or found.policy == policy):
        found.policy = policy  # read anew from the state, it is compared but once
        return found
    made = Compiled(policy)
    if len(_ready) >= MAXIMUM_COMPILED:
        _ready.clear()
    _ready[mark] = made
    return made
