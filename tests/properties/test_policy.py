"""A policy, compiled, decides as one that is read word for word; what is said of reach is true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from deploy.policy_conditions import KEYS, Joint, Leaf, Node, steps
from deploy.policy_lines import Lines
from deploy.policy_reach import contradictions, follows
from deploy.policy_tables import File
from schemas.orders import Address, Discount, OrderLine, PlaceOrder, RecordAssessment, Tender
from schemas.policies import (
    Condition,
    Field,
    HoldRule,
    HoldTerms,
    IntakeRule,
    Number,
    Operator,
    Policy,
    PolicyState,
    PriorityRule,
    RiskRule,
)
from streams.orders.conditions import FLAGS, MONEY, TEXT, TEXTS
from streams.orders.policy import intake

NOW = 1_772_000_000_000
ZONE = "Europe/Berlin"
WORDS = ["", "a", "b", "ab", "abc", "c-1", "DE", "AT", "card", "channel", "goods", "mon", "sun"]
CODES = ["EUR", "USD", "JPY"]


def read(field: Field, order: PlaceOrder, known: RecordAssessment) -> Any:
    """The field, by the words of schemas.policies.Field."""
    placed = min(order.placed_at_ms, NOW)
    local = datetime.fromtimestamp(placed // 1000, UTC).astimezone(ZoneInfo(ZONE))
    discount = order.discount_minor + sum(line.discount_minor for line in order.lines)
    gross = sum(line.quantity * line.unit_price_minor for line in order.lines)
    tenders = order.tenders or [
        Tender("", order.payment_method, 0, "", order.paid_minor, order.paid_currency)
    ]
    rest = order.total_minor - sum(tender.amount_minor for tender in tenders)
    goes_to = [order.ship_to, *order.more_addresses]
    fetched = [line.pickup_location_id for line in order.lines if line.pickup_location_id]
    match field:
        case Field.CHANNEL | Field.CURRENCY | Field.CUSTOMER_GROUP | Field.SHIPPING_METHOD:
            return getattr(order, field)
        case Field.COUNTRY | Field.REGION:
            return getattr(order.ship_to, field)
        case Field.POSTAL_CODE:
            return order.ship_to.postal_code.replace(" ", "").upper()
        case Field.CUSTOMER:
            return [order.customer_id, known.customer_id]
        case Field.PAYMENT_METHOD:
            return [tender.method for tender in tenders]
        case Field.SKU | Field.LINE_KIND:
            return [line.sku if field == Field.SKU else line.kind for line in order.lines]
        case Field.DISCOUNT_CODE:
            return [one.code.upper() for one in order.discounts]
        case Field.PICKUP_LOCATION:
            return fetched
        case Field.WEEKDAY:
            return f"{local:%a}".lower()
        case Field.TOTAL:
            return order.currency, order.total_minor
        case Field.SHIPPING:
            return order.currency, order.shipping_minor
        case Field.DISCOUNT:
            return order.currency, discount
        case Field.LIFETIME:
            return known.lifetime_currency, known.lifetime_minor
        case Field.DISCOUNT_PERCENT:
            return discount * 1_000_000 // gross if gross else 1_000_000 * (discount > 0)
        case Field.QUANTITY:
            return sum(line.quantity for line in order.lines)
        case Field.LINE_QUANTITY:
            return max([line.quantity for line in order.lines] + [0])
        case Field.LINES:
            return len(order.lines)
        case Field.ADDRESSES:
            return len(goes_to)
        case Field.HOUR:
            return local.hour
        case Field.AGE_HOURS:
            return (NOW - placed) // 3_600_000
        case Field.SEGMENT | Field.ORDERS_LAST_HOUR | Field.ORDERS_LAST_DAY | Field.LIFETIME_ORDERS:
            return getattr(known, field)
        case Field.FIRST_ORDER:
            return known.lifetime_orders == 0
        case Field.GUEST:
            return order.customer_id == ""
        case Field.DUPLICATE:
            return known.duplicate_of != ""
        case Field.PREPAID_SHORT:
            return any(
                tender.method == "channel"
                and (
                    tender.paid_currency != order.currency
                    or tender.paid_minor < (tender.amount_minor or rest)
                )
                for tender in tenders
            )
        case Field.COUNTRY_MISMATCH:
            return len({address.country for address in goes_to}) > 1
        case Field.PICKUP:
            return fetched != []
        case Field.BUSINESS:
            return order.purchase_order_number != ""
        case Field.SUBSCRIPTION:
            return order.subscription_id != ""


def glob(text: str, pattern: str) -> bool:
    """Sign by sign."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(glob(text[at:], pattern[1:]) for at in range(len(text) + 1))
    return text[:1] == pattern[0] and glob(text[1:], pattern[1:])


def said(node: Node, order: PlaceOrder, known: RecordAssessment) -> bool:
    """Whether the order fits, by the words of schemas.policies.Operator."""
    if isinstance(node, Joint):
        parts = [said(part, order, known) for part in node.parts]
        return {Operator.ALL: all(parts), Operator.ANY: any(parts)}.get(node.operator, not parts[0])
    one = node.condition
    value = read(Field(one.field), order, known)
    if one.field in TEXT or one.field in TEXTS:
        values = value if one.field in TEXTS else [value]
        match one.operator:
            case Operator.IN:
                return any(text in one.texts for text in values)
            case Operator.NOT_IN:
                return all(text not in one.texts for text in values)
            case Operator.STARTS_WITH:
                return any(text.startswith(start) for text in values for start in one.texts)
        return any(glob(text, each) for text in values for each in one.texts)
    bounds = {bound.currency: bound.number for bound in one.numbers}
    currency, number = value if one.field in MONEY else ("", value)
    if currency not in bounds:
        return False
    bound = bounds[currency]
    return {
        Operator.OVER: number > bound,
        Operator.AT_LEAST: number >= bound,
        Operator.UNDER: number < bound,
        Operator.AT_MOST: number <= bound,
    }.get(Operator(one.operator), number == bound)


words = st.sampled_from(WORDS)
numbers = st.sampled_from([0, 1, 2, 3, 10, 100, 1000, 300_000])


@st.composite
def conditions(draw: st.DrawFn, fields: Sequence[Field] = tuple(Field)) -> Leaf:
    """A comparison of one of the fields."""
    known = sorted(key for key in KEYS.values() if key[0] in fields)
    field, operator = draw(st.sampled_from(known))
    texts: list[str] = []
    bounds: list[Number] = []
    if field in TEXT or field in TEXTS:
        texts = draw(st.lists(words.filter(bool), min_size=1, max_size=3, unique=True))
        if field in (Field.POSTAL_CODE, Field.DISCOUNT_CODE):
            texts = [text.upper() for text in texts]
        if operator == Operator.MATCHES:
            texts = [text.replace("b", "*") for text in texts]
    elif field in MONEY:
        codes = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=2, unique=True))
        bounds = [Number(draw(numbers), code) for code in codes]
    else:
        bounds = [Number(draw(st.integers(0, 1)) if field in FLAGS else draw(numbers))]
    return Leaf(Condition(operator, field, texts, bounds), ("when", field))


def joined(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Joint, st.sampled_from([Operator.ALL, Operator.ANY]), several),
        st.builds(Joint, st.just(Operator.NOT), st.tuples(inner)),
    )


leaf: st.SearchStrategy[Node] = conditions()
nodes = st.recursive(leaf, joined, max_leaves=6)


def of_few_fields(count: int, leaves: int) -> st.SearchStrategy[list[Node]]:
    """Conditions that have to do with each other, each of so many comparisons."""
    fields = st.lists(st.sampled_from(sorted(Field)), min_size=1, max_size=2)

    def of(chosen: list[Field]) -> st.SearchStrategy[list[Node]]:
        one: st.SearchStrategy[Node] = conditions(chosen)
        if leaves > 1:
            one = st.recursive(one, joined, max_leaves=leaves)
        return st.lists(one, min_size=2, max_size=count)

    return fields.flatmap(of)


lines = st.builds(
    OrderLine,
    words, words, st.integers(1, 4), st.sampled_from([0, 1, 100]),
    kind=words, discount_minor=numbers, pickup_location_id=words,
)  # fmt: skip
addresses = st.builds(
    Address,
    st.just(""), st.just(""), st.just(""), st.just(""),
    words, words, words, st.just(0.0), st.just(0.0),
)  # fmt: skip
tenders = st.builds(Tender, words, words, numbers, words, numbers, st.sampled_from(CODES))
orders = st.builds(
    PlaceOrder,
    order_id=words, channel=words, external_id=words, version=st.just(1),
    placed_at_ms=st.integers(NOW - 10 * 86_400_000, NOW + 10_000),
    currency=st.sampled_from(CODES), lines=st.lists(lines, max_size=3), discount_minor=numbers,
    shipping_minor=numbers, tax_minor=numbers, total_minor=numbers, payment_method=words,
    payment_token=words, paid_minor=numbers, paid_currency=st.sampled_from(CODES),
    ship_to=addresses, backorder=st.booleans(), raw_id=words, customer_group=words,
    priority=st.integers(-3, 3), tenders=st.lists(tenders, max_size=2),
    discounts=st.lists(st.builds(Discount, words, numbers), max_size=2), shipping_method=words,
    more_addresses=st.lists(addresses, max_size=1), purchase_order_number=words,
    subscription_id=words, customer_id=words,
)  # fmt: skip
assessments = st.builds(
    RecordAssessment, words, words, words, numbers, numbers, numbers, numbers,
    st.sampled_from([*CODES, ""]), words,
)  # fmt: skip


@given(st.lists(nodes, min_size=4, max_size=12), orders, assessments)
def test_a_compiled_policy_decides_as_its_words_say(
    whens: Sequence[Node], order: PlaceOrder, known: RecordAssessment
) -> None:
    terms = HoldTerms("manual", 5, "cancel")
    named = [(f"r-{number}", number, steps(when)) for number, when in enumerate(whens)]
    policy = Policy(
        1, 1, "p", "", ZONE,
        intake=[IntakeRule(*rule) for rule in named[0::4]],
        holds=[HoldRule(*rule, terms) for rule in named[1::4]],
        priorities=[PriorityRule(*rule, 2 ** rule[1]) for rule in named[2::4]],
        risks=[RiskRule(*rule, 7) for rule in named[3::4]],
    )  # fmt: skip
    decided = intake(PolicyState(policy, "", 0), order, known, NOW)
    fits = [said(when, order, known) for when in whens]
    refusing = [number for number in range(0, len(whens), 4) if fits[number]]
    assert decided.refused_by == (f"r-{refusing[0]}" if refusing else "")
    if not refusing:
        holds = [f"r-{number}" for number in range(1, len(whens), 4) if fits[number]]
        assert [hold.rule for hold in decided.holds] == holds
        added = sum(2**number for number in range(2, len(whens), 4) if fits[number])
        assert decided.priority == order.priority + added
        assert decided.points == 7 * sum(fits[3::4])
        assert decided.backorder == order.backorder


@given(of_few_fields(6, 3), st.lists(orders, min_size=1, max_size=5), assessments)
def test_a_rule_that_is_called_unreachable_is_so(
    whens: list[Node], some: list[PlaceOrder], known: RecordAssessment
) -> None:
    for narrow, wide in permutations(whens, 2):
        if follows(narrow, wide):
            for order in some:
                assert said(wide, order, known) or not said(narrow, order, known)


@given(of_few_fields(4, 1), st.lists(orders, max_size=5), assessments)
def test_a_condition_that_is_called_impossible_is_so(
    parts: list[Node], some: list[PlaceOrder], known: RecordAssessment
) -> None:
    node = Joint(Operator.ALL, tuple(parts))
    file = File(Lines({}), ())
    contradictions(file, node)
    if file.problems:
        assert not any(said(node, order, known) for order in some)
