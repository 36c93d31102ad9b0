"""Conditions of a policy, made ready to be asked of many orders.

Of each order the fields that a policy looks at are read once, into a list of facts; a condition is
a function of that list. What a condition means stands in schemas/policies.py.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from schemas.orders import PlaceOrder, RecordAssessment, Tender
from schemas.payments import Method
from schemas.policies import Condition, Field, Operator
from schemas.totals import MILLION, line_total

Facts = list[Any]
"""What an order says, by the number that `Reader` gave to each field."""
Test = Callable[[Facts], bool]
Read = Callable[[PlaceOrder, RecordAssessment, int], Any]
"""Reads one field of an order, of what is known of its customer, and of the moment it came in."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
KNOWN_MINUTES = 256
"""so many minutes of the clock are remembered in local time"""
_CHANNEL: str = Method.CHANNEL.value
NOBODY = RecordAssessment("", "", "", 0, 0, 0, 0, "", "")
"""What is known where nobody was asked."""
ASSESSED = frozenset(
    {
        Field.CUSTOMER,
        Field.SEGMENT,
        Field.LIFETIME,
        Field.ORDERS_LAST_HOUR,
        Field.ORDERS_LAST_DAY,
        Field.LIFETIME_ORDERS,
        Field.FIRST_ORDER,
        Field.DUPLICATE,
    }
)
"""What only the customers room knows."""
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    Operator.EQUALS: operator.eq,
    Operator.IS: operator.eq,
    Operator.OVER: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.UNDER: operator.lt,
    Operator.AT_MOST: operator.le,
}


def folded(field: str, text: str) -> str:
    """The text as it is compared: postal codes in capitals without blanks, codes in capitals."""
    if field == Field.POSTAL_CODE:
        return text if text.isdecimal() else "".join(text.split()).upper()
    return text.upper() if field == Field.DISCOUNT_CODE else text


def local_clock(time_zone: str) -> Callable[[int], datetime]:
    """The local time of a minute, counted from 1970. Raises ZoneInfoNotFoundError."""
    zone: tzinfo = UTC if time_zone == "UTC" else ZoneInfo(time_zone)

    @lru_cache(maxsize=KNOWN_MINUTES)
    def at(minute: int) -> datetime:
        return datetime.fromtimestamp(minute * 60, zone)

    return at


def discounted(order: PlaceOrder) -> int:
    """All discounts of the order and of its lines, in minor units."""
    return order.discount_minor + sum([line.discount_minor for line in order.lines])


def gross(order: PlaceOrder) -> int:
    """The lines before discounts, in minor units."""
    return sum(map(line_total, order.lines))


class Reader:
    """Makes the conditions of one policy, and reads the fields that they look at."""

    def __init__(self, time_zone: str) -> None:
        """`time_zone` is that of weekdays and hours. Raises ZoneInfoNotFoundError."""
        self._clock = local_clock(time_zone)
        self._numbers: dict[str, int] = {}
        self._reads: list[Read] = []

    @property
    def asks_customers(self) -> bool:
        """A condition looks at what only the customers room knows."""
        return not ASSESSED.isdisjoint(self._numbers)

    def facts(self, order: PlaceOrder, known: RecordAssessment, now_ms: int) -> Facts:
        """The fields that the conditions look at."""
        return [read(order, known, now_ms) for read in self._reads]

    def test(self, steps: Sequence[Condition]) -> Test | None:
        """The condition of these steps; None where there is none, which every order fits.

        Raises ValueError where the steps are no condition.
        """
        if not steps:
            return None
        made: list[Test] = []
        for step in steps:
            if step.operator in (Operator.ALL, Operator.ANY, Operator.NOT):
                if not 1 <= step.parts <= len(made):
                    raise ValueError(f"{step.operator} of {step.parts} conditions")
                parts = made[-step.parts :]
                del made[-step.parts :]
                made.append(_joined(step.operator, tuple(parts)))
            else:
                made.append(self._comparison(step))
        if len(made) != 1:
            raise ValueError(f"{len(made)} conditions that nothing joins")
        return made[0]

    def _comparison(self, step: Condition) -> Test:
        number = self._number(step.field)
        if step.field in TEXTS:
            return _of_texts(step, number)
        if step.field in TEXT:
            return _of_text(step, number)
        if step.field in MONEY:
            return _of_money(step, number)
        return _of_number(step, number)

    def _number(self, field: str) -> int:
        if field not in self._numbers:
            self._numbers[field] = len(self._reads)
            self._reads.append(self._read(field))
        return self._numbers[field]

    def _read(self, field: str) -> Read:
        clock = self._clock
        if field == Field.WEEKDAY:
            return lambda order, _, now: WEEKDAYS[clock(placed_minute(order, now)).weekday()]
        if field == Field.HOUR:
            return lambda order, _, now: clock(placed_minute(order, now)).hour
        for kind in (TEXT, TEXTS, MONEY, NUMBERS, FLAGS):
            if field in kind:
                return kind[field]
        raise ValueError(f"{field} is no field")


def placed_minute(order: PlaceOrder, now_ms: int) -> int:
    """The minute, counted from 1970, in which it was placed. A channel's clock may be ahead."""
    placed_ms = order.placed_at_ms
    return (placed_ms if placed_ms < now_ms else now_ms) // MINUTE_MS


def _joined(joint: str, parts: tuple[Test, ...]) -> Test:
    if joint == Operator.NOT:
        [part] = parts
        return lambda facts: not part(facts)
    if len(parts) == 1:
        return parts[0]
    first, *others = parts
    rest = _joined(joint, tuple(others))
    if joint == Operator.ALL:
        return lambda facts: first(facts) and rest(facts)
    return lambda facts: first(facts) or rest(facts)


def _of_text(step: Condition, number: int) -> Test:
    match step.operator:
        case Operator.IN:
            if len(step.texts) == 1:
                [only] = step.texts
                return lambda facts: bool(facts[number] == only)
            wanted = frozenset(step.texts)
            return lambda facts: facts[number] in wanted
        case Operator.NOT_IN:
            unwanted = frozenset(step.texts)
            return lambda facts: facts[number] not in unwanted
        case Operator.STARTS_WITH:
            prefixes = tuple(step.texts)
            return lambda facts: bool(facts[number].startswith(prefixes))
        case Operator.MATCHES:
            fits = pattern(step.texts)
            return lambda facts: fits(facts[number])
    raise ValueError(f"{step.operator} of a text")


def _of_texts(step: Condition, number: int) -> Test:
    match step.operator:
        case Operator.IN:
            wanted = frozenset(step.texts)
            return lambda facts: not wanted.isdisjoint(facts[number])
        case Operator.NOT_IN:
            unwanted = frozenset(step.texts)
            return lambda facts: unwanted.isdisjoint(facts[number])
        case Operator.STARTS_WITH:
            prefixes = tuple(step.texts)
            return lambda facts: any(text.startswith(prefixes) for text in facts[number])
        case Operator.MATCHES:
            fits = pattern(step.texts)
            return lambda facts: any(map(fits, facts[number]))
    raise ValueError(f"{step.operator} of texts")


def _of_money(step: Condition, number: int) -> Test:
    """An amount in a currency that the condition does not name does not fit."""
    compares = COMPARISONS[step.operator]
    bounds = {bound.currency: bound.number for bound in step.numbers}

    def test(facts: Facts) -> bool:
        currency, amount = facts[number]
        bound = bounds.get(currency)
        return bound is not None and compares(amount, bound)

    return test


def _of_number(step: Condition, number: int) -> Test:
    compares = COMPARISONS[step.operator]
    [bound] = step.numbers
    value = bound.number
    return lambda facts: compares(facts[number], value)


def pattern(patterns: Collection[str]) -> Callable[[str], bool]:
    """Whether a text is one of the patterns, in which * stands for any characters, or for none."""
    exact = frozenset(text for text in patterns if "*" not in text)
    cut = tuple(tuple(text.split("*")) for text in patterns if "*" in text)
    if not cut:
        return exact.__contains__
    return lambda text: text in exact or any(_fits(text, parts) for parts in cut)


def _fits(text: str, parts: tuple[str, ...]) -> bool:
    """The first part stands at the start, the last at the end, the others between, in order.

    The earliest place for each is as good as any, so nothing is tried twice.
    """
    head, *middle, tail = parts
    end = len(text) - len(tail)
    at = len(head)
    if end < at or not (text.startswith(head) and text.endswith(tail)):
        return False
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _tenders(order: PlaceOrder) -> list[Tender]:
    if order.tenders:
        return order.tenders
    paid, currency = order.paid_minor, order.paid_currency
    return [Tender("1", order.payment_method, 0, order.payment_token, paid, currency)]


def _methods(order: PlaceOrder) -> list[str]:
    if order.tenders:
        return [tender.method for tender in order.tenders]
    return [order.payment_method]


def _prepaid_short(order: PlaceOrder) -> bool:
    if _CHANNEL not in _methods(order):
        return False
    tenders = _tenders(order)
    rest = order.total_minor - sum(tender.amount_minor for tender in tenders)
    return any(
        tender.method == _CHANNEL
        and (
            tender.paid_currency != order.currency
            or tender.paid_minor < (tender.amount_minor or rest)
        )
        for tender in tenders
    )


def _discount_ppm(order: PlaceOrder) -> int:
    discount, whole = discounted(order), gross(order)
    if whole <= 0:
        return MILLION if discount else 0
    return discount * MILLION // whole


def _several_countries(order: PlaceOrder) -> bool:
    country = order.ship_to.country
    if order.billing_country and country and order.billing_country != country:
        return True
    if not order.more_addresses:
        return False
    return any(address.country != country for address in order.more_addresses)


def _largest(order: PlaceOrder) -> int:
    largest = 0
    for line in order.lines:
        if line.quantity > largest:
            largest = line.quantity
    return largest


TEXT: dict[str, Read] = {
    Field.CHANNEL: lambda order, _, now: order.channel,
    Field.COUNTRY: lambda order, _, now: order.ship_to.country,
    Field.REGION: lambda order, _, now: order.ship_to.region,
    Field.POSTAL_CODE: lambda order, _, now: folded(Field.POSTAL_CODE, order.ship_to.postal_code),
    Field.CURRENCY: lambda order, _, now: order.currency,
    Field.CUSTOMER_GROUP: lambda order, _, now: order.customer_group,
    Field.SEGMENT: lambda _, known, now: known.segment,
    Field.SHIPPING_METHOD: lambda order, _, now: order.shipping_method,
    Field.WEEKDAY: lambda order, _, now: "",
}
TEXTS: dict[str, Read] = {
    Field.CUSTOMER: lambda order, known, now: (order.customer_id, known.customer_id),
    Field.PAYMENT_METHOD: lambda order, _, now: _methods(order),
    Field.SKU: lambda order, _, now: [line.sku for line in order.lines],
    Field.LINE_KIND: lambda order, _, now: [line.kind for line in order.lines],
    Field.DISCOUNT_CODE: lambda order, _, now: [one.code.upper() for one in order.discounts],
    Field.PICKUP_LOCATION: lambda order, _, now: [
        line.pickup_location_id for line in order.lines if line.pickup_location_id
    ],
}
MONEY: dict[str, Read] = {
    Field.TOTAL: lambda order, _, now: (order.currency, order.total_minor),
    Field.SHIPPING: lambda order, _, now: (order.currency, order.shipping_minor),
    Field.DISCOUNT: lambda order, _, now: (order.currency, discounted(order)),
    Field.LIFETIME: lambda _, known, now: (known.lifetime_currency, known.lifetime_minor),
}
NUMBERS: dict[str, Read] = {
    Field.DISCOUNT_PERCENT: lambda order, _, now: _discount_ppm(order),
    Field.QUANTITY: lambda order, _, now: sum([line.quantity for line in order.lines]),
    Field.LINE_QUANTITY: lambda order, _, now: _largest(order),
    Field.LINES: lambda order, _, now: len(order.lines),
    Field.ADDRESSES: lambda order, _, now: 1 + len(order.more_addresses),
    Field.HOUR: lambda order, _, now: 0,
    Field.AGE_HOURS: lambda order, _, now: (
        (now - order.placed_at_ms) // HOUR_MS if now > order.placed_at_ms else 0
    ),
    Field.ORDERS_LAST_HOUR: lambda _, known, now: known.orders_last_hour,
    Field.ORDERS_LAST_DAY: lambda _, known, now: known.orders_last_day,
    Field.LIFETIME_ORDERS: lambda _, known, now: known.lifetime_orders,
}
FLAGS: dict[str, Read] = {
    Field.FIRST_ORDER: lambda _, known, now: known.lifetime_orders == 0,
    Field.GUEST: lambda order, _, now: not order.customer_id,
    Field.DUPLICATE: lambda _, known, now: bool(known.duplicate_of),
    Field.PREPAID_SHORT: lambda order, _, now: _prepaid_short(order),
    Field.COUNTRY_MISMATCH: lambda order, _, now: _several_countries(order),
    Field.PICKUP: lambda order, _, now: any([line.pickup_location_id for line in order.lines]),
    Field.BUSINESS: lambda order, _, now: bool(order.purchase_order_number),
    Field.SUBSCRIPTION: lambda order, _, now: bool(order.subscription_id),
}
"""Readings by field. Of `WEEKDAY` and `HOUR` a Reader knows the time zone."""
