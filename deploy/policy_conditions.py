"""Conditions of a policy's file: `when = { channel = "shopify", total_over = "250.00 EUR" }`.

A key is a field alone (it is that), or a field and how it compares. All keys of a table hold
together; `all`, `any` and `not` hold further tables. What the fields and operators mean stands in
schemas/policies.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from deploy.policy_lines import KeyPath
from deploy.policy_tables import (
    MAXIMUM_NUMBER,
    File,
    checked_text,
    checked_texts,
    checked_whole,
    display,
    suggestion,
    unknown,
)
from schemas.money import EXPONENTS, InvalidMoney, minor
from schemas.orders import LineKind
from schemas.payments import Method
from schemas.policies import Condition, Field, Number, Operator
from streams.orders.conditions import FLAGS, MONEY, TEXT, TEXTS, WEEKDAYS, folded

MAXIMUM_DEPTH = 4
"""all, any and not within each other"""
MAXIMUM_CONDITIONS = 64
"""of one rule"""
MAXIMUM_STARS = 8
"""in one pattern"""
PPM_OF_PERCENT = 10_000
JOINTS = ("all", "any", "not")

# ISO 3166-1 alpha-2 (2024), officially assigned.
_ASSIGNED = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ "
    "BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM "
    "DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS "
    "GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN "
    "KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ "
    "MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM "
    "PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV "
    "SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI "
    "VN VU WF WS YE YT ZA ZM ZW"
)
COUNTRIES = frozenset(_ASSIGNED.split())
WORDS: dict[str, frozenset[str]] = {
    Field.COUNTRY: COUNTRIES,
    Field.CURRENCY: frozenset(EXPONENTS),
    Field.PAYMENT_METHOD: frozenset(map(str, Method)),
    Field.LINE_KIND: frozenset(map(str, LineKind)),
    Field.WEEKDAY: frozenset(WEEKDAYS),
}
"""Fields of which all possible texts are known."""
SOURCES: dict[str, str] = {
    Field.COUNTRY: "an ISO 3166-1 alpha-2 code",
    Field.CURRENCY: "an ISO 4217 currency",
}
"""Where those texts come from, if they are many."""
OF_TEXT = (Operator.IN, Operator.NOT_IN, Operator.STARTS_WITH, Operator.MATCHES)
OF_NUMBER = (Operator.OVER, Operator.AT_LEAST, Operator.UNDER, Operator.AT_MOST)


class Leaf(NamedTuple):
    """One comparison, and where it stands."""

    condition: Condition
    path: KeyPath


class Joint(NamedTuple):
    """Conditions that are joined: all, any or not."""

    operator: Operator
    parts: tuple[Node, ...]


Node = Leaf | Joint


def operators(field: str) -> tuple[Operator, ...]:
    """How a field can be compared, besides being something."""
    if field in TEXT or field in TEXTS:
        return OF_TEXT[:2] if field in WORDS else OF_TEXT
    return () if field in FLAGS else OF_NUMBER


def _keys() -> dict[str, tuple[Field, Operator]]:
    keys: dict[str, tuple[Field, Operator]] = {}
    for field in Field:
        alone = Operator.EQUALS
        if field in TEXT or field in TEXTS:
            alone = Operator.IN
        elif field in FLAGS:
            alone = Operator.IS
        keys[str(field)] = (field, alone)
        for operator in operators(field):
            keys[f"{field}_{operator}"] = (field, operator)
    return keys


KEYS = _keys()
"""Every key that a condition can have, but for `all`, `any` and `not`."""


def steps(node: Node | None) -> list[Condition]:
    """The condition in postfix order; nothing for none."""
    return list(_steps(node)) if node is not None else []


def _steps(node: Node) -> Iterator[Condition]:
    if isinstance(node, Leaf):
        yield node.condition
        return
    for part in node.parts:
        yield from _steps(part)
    yield Condition(node.operator, parts=len(node.parts))


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Every comparison."""
    if isinstance(node, Leaf):
        yield node
    elif node is not None:
        for part in node.parts:
            yield from leaves(part)


def condition(file: File, path: KeyPath, value: object) -> Node | None:
    """The condition at a path; None, and errors, where it is none."""
    node = _table(file, path, value, 1)
    if sum(1 for _ in leaves(node)) > MAXIMUM_CONDITIONS:
        file.wrong(path, f"has more than {MAXIMUM_CONDITIONS} conditions")
        return None
    return node


def _table(file: File, path: KeyPath, value: object, depth: int) -> Node | None:
    if not isinstance(value, dict):
        file.wrong(path, f'{display(value)} is no table of conditions, e.g. {{ channel = "json" }}')
        return None
    if not value:
        file.wrong(path, "has no condition")
        return None
    if depth > MAXIMUM_DEPTH:
        file.wrong(path, f"lies deeper than {MAXIMUM_DEPTH} tables")
        return None
    parts = [
        _joint(file, (*path, key), key, inner, depth)
        if key in JOINTS
        else _leaf(file, (*path, key), key, inner)
        for key, inner in value.items()
    ]
    return _join(Operator.ALL, [part for part in parts if part is not None])


def _join(operator: Operator, parts: list[Node]) -> Node | None:
    if len(parts) == 1 and operator != Operator.NOT:
        return parts[0]
    return Joint(operator, tuple(parts)) if parts else None


def _joint(file: File, path: KeyPath, key: str, value: object, depth: int) -> Node | None:
    if key == "not":
        part = _table(file, path, value, depth + 1)
        return _join(Operator.NOT, [part] if part is not None else [])
    if not isinstance(value, list) or not value or len(value) > MAXIMUM_CONDITIONS:
        file.wrong(
            path, f"{display(value)} is no list of 1 to {MAXIMUM_CONDITIONS} tables of conditions"
        )
        return None
    parts = [_table(file, (*path, number), inner, depth + 1) for number, inner in enumerate(value)]
    return _join(Operator(key), [part for part in parts if part is not None])


def _leaf(file: File, path: KeyPath, key: str, value: object) -> Node | None:
    if key not in KEYS:
        file.wrong(path, _unknown(key))
        return None
    field, operator = KEYS[key]
    before = len(file.problems)
    texts: list[str] = []
    numbers: list[Number] = []
    if field in TEXT or field in TEXTS:
        texts = _texts(file, path, field, operator, value)
    elif field in FLAGS:
        if not isinstance(value, bool):
            file.wrong(path, f"{display(value)} is not true or false")
        numbers = [Number(int(value is True))]
    elif field in MONEY:
        numbers = amounts(file, path, value)
    elif field == Field.DISCOUNT_PERCENT:
        numbers = [Number(percent(file, path, value))]
    else:
        most = 23 if field == Field.HOUR else MAXIMUM_NUMBER
        numbers = [Number(checked_whole(file, path, value, 0, most))]
    if any(problem.is_error for problem in file.problems[before:]):
        return None
    if field == Field.CHANNEL and file.channels:
        _known_channels(file, path, texts, operator)
    return Leaf(Condition(operator, field, texts, numbers), path)


def _unknown(key: str) -> str:
    field = next((name for name in sorted(Field, reverse=True) if key.startswith(f"{name}_")), None)
    if field is None:
        return f"there is no such condition; {suggestion(key, [*KEYS, *JOINTS])}"
    known = [str(field), *(f"{field}_{operator}" for operator in operators(field))]
    return f"{field} cannot be compared like this; there are {', '.join(known)}"


def _texts(file: File, path: KeyPath, field: Field, operator: Operator, value: Any) -> list[str]:
    """What a text is compared with: one where the key is the field alone, else a list."""
    words = WORDS.get(field, frozenset())
    alone = path[-1] == field
    if alone or (isinstance(value, str) and operator in OF_TEXT[2:]):
        text = checked_text(file, path, value)
        if text and words and text not in words:
            file.wrong(path, unknown(text, words, SOURCES.get(field, "")))
        texts = [text]
    else:
        texts = checked_texts(file, path, value, words, SOURCES.get(field, ""))
    if operator == Operator.MATCHES and any(text.count("*") > MAXIMUM_STARS for text in texts):
        file.wrong(path, f"has a pattern with more than {MAXIMUM_STARS} stars")
    if operator != Operator.MATCHES and any("*" in text for text in texts):
        file.warn(path, f"a star stands for itself here; for a pattern write {field}_matches")
    return [folded(field, text) for text in texts]


def _known_channels(file: File, path: KeyPath, texts: list[str], operator: Operator) -> None:
    if operator not in (Operator.IN, Operator.NOT_IN):
        return
    for number, text in enumerate(texts):
        if text not in file.channels:
            at = path if path[-1] == Field.CHANNEL else (*path, number)
            file.warn(at, f"no channel is called {text!r}; {suggestion(text, file.channels)}")


def amounts(file: File, path: KeyPath, value: object) -> list[Number]:
    """An amount, or a list of amounts in different currencies."""
    if not isinstance(value, list):
        return _amount(file, path, value)
    if not value or len(value) > len(EXPONENTS):
        file.wrong(path, f"has {len(value)} amounts, and may have one a currency")
        return []
    found: list[Number] = []
    for number, one in enumerate(value):
        for amount in _amount(file, (*path, number), one):
            if any(other.currency == amount.currency for other in found):
                file.wrong((*path, number), f"there is another amount in {amount.currency}")
            found.append(amount)
    return found


def _amount(file: File, path: KeyPath, value: object) -> list[Number]:
    parts = value.split() if isinstance(value, str) else []
    if len(parts) != 2:
        file.wrong(path, f'{display(value)} is no amount; write it as "250.00 EUR"')
        return []
    number, code = parts
    if code not in EXPONENTS:
        file.wrong(path, unknown(code[:40], EXPONENTS, SOURCES[Field.CURRENCY]))
        return []
    return _checked(file, path, code, lambda: minor(number, code, ""))


def _checked(file: File, path: KeyPath, code: str, read: Callable[[], int]) -> list[Number]:
    try:
        amount = read()
    except InvalidMoney as error:
        file.wrong(path, str(error).removeprefix(": "))
        return []
    if amount < 0:
        file.wrong(path, "is below 0")
        return []
    return [Number(amount, code)]


def percent(file: File, path: KeyPath, value: object) -> int:
    """A percentage, in millionths."""
    try:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise InvalidOperation
        number = Decimal(value.strip().removesuffix("%") if isinstance(value, str) else value)
        ppm = number * PPM_OF_PERCENT
        if not number.is_finite() or ppm != ppm.to_integral_value() or not 0 <= number <= 100:
            raise InvalidOperation
    except InvalidOperation:
        file.wrong(
            path,
            f'{display(value)} is no percentage within 0 and 100; write it as 30 or "12.5 %"',
        )
        return 0
    return int(ppm)
