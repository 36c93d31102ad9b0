"""What can never be so in a policy, and rules that no order reaches.

By the words of the conditions alone: what is told is true, but not all that is true is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from deploy.policy_conditions import Joint, Leaf, Node
from deploy.policy_lines import KeyPath
from deploy.policy_tables import MAXIMUM_NUMBER, File, shown
from schemas.money import MAXIMUM_MINOR
from schemas.policies import Condition, Field, Number, Operator
from schemas.totals import MILLION
from streams.orders.conditions import FLAGS, TEXTS, pattern

Interval = tuple[int, int]
"""From and to, both among them."""
_HIGHEST: dict[str, int] = {Field.HOUR: 23, Field.DISCOUNT_PERCENT: MILLION}
_WITHOUT_CURRENCY = ""


class Rule(NamedTuple):
    """A rule of the file, as far as this page is concerned."""

    name: str
    path: KeyPath
    when: Node | None


def with_codes(node: Node | None, codes: list[str]) -> Node | None:
    """The condition of a rule for discounts that is about some codes; none for all of them."""
    if not codes:
        return node
    coded = Leaf(Condition(Operator.MATCHES, Field.DISCOUNT_CODE, codes), ())
    return Joint(Operator.ALL, (coded, node)) if node is not None else coded


def unreachable(file: File, first_matches: Sequence[Rule]) -> None:
    """Warn of rules behind one that fits every order that they fit."""
    for number, rule in enumerate(first_matches):
        before = next((one for one in first_matches[:number] if follows(rule.when, one.when)), None)
        if before is not None:
            _warn(file, rule, before, "fits first, whatever this one fits")


def never_taken(file: File, refusing: Sequence[Rule], rules: Sequence[Rule]) -> None:
    """Warn of rules about orders that are all refused before."""
    for rule in rules:
        before = next(
            (one for one in refusing if rule.when is not None and follows(rule.when, one.when)),
            None,
        )
        if before is not None:
            _warn(file, rule, before, "refuses every order that it fits")


def _warn(file: File, rule: Rule, before: Rule, why: str) -> None:
    line = file.line(before.path)
    file.warn(rule.path, f"{rule.name} is never reached: {before.name} (line {line}) {why}")


def contradictions(file: File, node: Node | None) -> None:
    """An error at each condition that no order fits."""
    if isinstance(node, Leaf):
        if _empty(node.condition):
            file.wrong(node.path, "can never be so")
    elif node is not None:
        for part in node.parts:
            contradictions(file, part)
        if node.operator == Operator.ALL:
            for first, second in combinations(_together(node), 2):
                if _excludes(first.condition, second.condition):
                    file.wrong(second.path, f"can never be so together with {shown(first.path)}")


def _together(node: Node) -> Iterator[Leaf]:
    """Comparisons that must all hold."""
    if isinstance(node, Leaf):
        yield node
    elif node.operator == Operator.ALL:
        for part in node.parts:
            yield from _together(part)


def follows(narrow: Node | None, wide: Node | None) -> bool:
    """Every order that fits `narrow` fits `wide`; None fits all. False also where unknown."""
    if wide is None:
        return True
    if narrow is None:
        return False
    if isinstance(wide, Joint) and wide.operator == Operator.ALL:
        return all(follows(narrow, part) for part in wide.parts)
    if isinstance(narrow, Joint) and narrow.operator == Operator.ANY:
        return all(follows(part, wide) for part in narrow.parts)
    if isinstance(narrow, Joint) and narrow.operator == Operator.ALL:
        return any(follows(part, wide) for part in narrow.parts)
    if isinstance(wide, Joint) and wide.operator == Operator.ANY:
        return any(follows(narrow, part) for part in wide.parts)
    if isinstance(narrow, Joint) and isinstance(wide, Joint):
        return follows(wide.parts[0], narrow.parts[0])  # not … and not …
    if isinstance(narrow, Leaf) and isinstance(wide, Leaf):
        return _leaf_follows(narrow.condition, wide.condition)
    return False


def _leaf_follows(narrow: Condition, wide: Condition) -> bool:
    if narrow.field != wide.field:
        return False
    if narrow.numbers:
        return _within(_intervals(narrow), _intervals(wide))
    if narrow.operator == Operator.IN:
        # Of several texts one is known, which says nothing of the others.
        if wide.operator == Operator.NOT_IN and narrow.field in TEXTS:
            return False
        return all(map(_texts_fit(wide), narrow.texts))
    if narrow.operator == Operator.NOT_IN:
        return wide.operator == Operator.NOT_IN and set(wide.texts) <= set(narrow.texts)
    if narrow.operator == Operator.STARTS_WITH and wide.operator == Operator.STARTS_WITH:
        return all(text.startswith(tuple(wide.texts)) for text in narrow.texts)
    if narrow.operator == Operator.MATCHES and wide.operator == Operator.MATCHES:
        # Only a star covers a star.
        return all(map(pattern(wide.texts), narrow.texts))
    return False


def _texts_fit(condition: Condition) -> Callable[[str], bool]:
    """Whether one text fits."""
    texts = condition.texts
    if condition.operator == Operator.IN:
        return texts.__contains__
    if condition.operator == Operator.NOT_IN:
        return lambda text: text not in texts
    if condition.operator == Operator.STARTS_WITH:
        return lambda text: text.startswith(tuple(texts))
    return pattern(texts)


def _intervals(condition: Condition) -> dict[str, Interval]:
    """What a number may be, by currency."""
    return {
        bound.currency or _WITHOUT_CURRENCY: _interval(condition, bound)
        for bound in condition.numbers
    }


def _interval(condition: Condition, bound: Number) -> Interval:
    usual = MAXIMUM_MINOR if bound.currency else MAXIMUM_NUMBER
    most = 1 if condition.field in FLAGS else _HIGHEST.get(condition.field, usual)
    value = bound.number
    match condition.operator:
        case Operator.OVER:
            return value + 1, most
        case Operator.AT_LEAST:
            return value, most
        case Operator.UNDER:
            return 0, value - 1
        case Operator.AT_MOST:
            return 0, value
    return value, value


def _within(narrow: dict[str, Interval], wide: dict[str, Interval]) -> bool:
    return all(
        currency in wide and wide[currency][0] <= low and high <= wide[currency][1]
        for currency, (low, high) in narrow.items()
    )


def _empty(condition: Condition) -> bool:
    intervals = _intervals(condition).values()
    return bool(intervals) and all(low > high for low, high in intervals)


def _excludes(first: Condition, second: Condition) -> bool:
    """No order fits both."""
    if first.field != second.field:
        return False
    if first.numbers:
        one, other = _intervals(first), _intervals(second)
        return not any(
            max(one[currency][0], other[currency][0]) <= min(one[currency][1], other[currency][1])
            for currency in one.keys() & other.keys()
        )
    if first.field in TEXTS:
        named = {first.operator: set(first.texts), second.operator: set(second.texts)}
        return (
            named.keys() == {Operator.IN, Operator.NOT_IN}
            and named[Operator.IN] <= named[Operator.NOT_IN]
        )
    for one_of, other_of in ((first, second), (second, first)):
        if one_of.operator == Operator.IN:
            return not any(map(_texts_fit(other_of), one_of.texts))
    return False
