"""What a policy decides about an order, kind of rule by kind of rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from deploy.policies import check
from schemas.orders import Address, Discount, OrderLine, PlaceOrder, RecordAssessment, Tender
from schemas.policies import (
    POLICY_KEY,
    Condition,
    IntakeRule,
    Policy,
    PolicySet,
    PolicyState,
    SetPolicy,
)
from schemas.topics import ORDERS_EVENTS, ORDERS_POLICIES
from streams.orders.conditions import pattern
from streams.orders.policy import Hold, Intake, asks_customers, compiled, intake, learn
from tests.unit.streams.memory import place

HOUR_MS = 3_600_000
MONDAY = datetime(2026, 3, 2, 11, tzinfo=UTC)
"""noon in Berlin"""
NOW = int(MONDAY.timestamp()) * 1000
KNOWN = RecordAssessment("shop-1", "c-1", "gold", 1, 3, 5, 50_000, "EUR", "")
ORDER = replace(
    place(total=3000),
    placed_at_ms=NOW,
    customer_id="c-1",
    customer_group="retail",
    shipping_method="express",
    payment_method="card",
    discounts=[Discount("Spring-24", 300)],
    discount_minor=300,
    shipping_minor=490,
)


def state(text: str) -> PolicyState:
    checked = check(text, "p.toml")
    assert checked.policy is not None, checked.problems
    return PolicyState(replace(checked.policy, version=1), "anna", NOW)


def decide(
    text: str,
    order: PlaceOrder = ORDER,
    known: RecordAssessment | None = KNOWN,
    now_ms: int = NOW,
) -> Intake:
    return intake(state(text), order, known, now_ms)


def fits(
    when: str, order: PlaceOrder = ORDER, known: RecordAssessment | None = KNOWN, zone: str = "UTC"
) -> bool:
    text = f'time_zone = "{zone}"\n[[intake]]\nname = "a"\nwhen = {{ {when} }}\n'
    return decide(text, order, known).refused_by == "a"


def held(decided: Intake) -> list[str]:
    return [hold.rule for hold in decided.holds]


def test_without_a_policy_an_order_is_taken_as_its_channel_says() -> None:
    order = replace(ORDER, backorder=True, priority=7)
    assert intake(None, order, None, NOW) == Intake(backorder=True, priority=7)
    assert decide("", order) == Intake(backorder=True, priority=7)
    assert not asks_customers(None)


CONDITIONS = [
    ('channel = "shop"', True),
    ('channel_in = ["shop", "json"]', True),
    ('channel_not_in = ["shop"]', False),
    ('channel_matches = "s*p"', True),
    ('channel_starts_with = "op"', False),
    ('country = "DE"', True),
    ('region = "BE"', True),
    ('postal_code_starts_with = ["10", "2"]', True),
    ('postal_code_starts_with = ["20"]', False),
    ('currency_in = ["USD", "CHF"]', False),
    ('payment_method = "card"', True),
    ('customer_group = "retail"', True),
    ('customer = "c-1"', True),
    ('segment = "gold"', True),
    ('shipping_method_in = ["express"]', True),
    ('sku = "TEE"', True),
    ('sku_in = ["CUP", "MUG"]', True),
    ('sku_not_in = ["CUP", "MUG"]', False),
    ('sku_matches = ["*U*"]', True),
    ('line_kind = "gift_card"', False),
    ('discount_code = "SPRING-24"', True),
    ('discount_code_starts_with = "spring"', True),
    ('weekday = "mon"', True),
    ("hour = 11", True),
    ('total_over = "29.99 EUR"', True),
    ('total_over = "30.00 EUR"', False),
    ('total_at_least = "30.00 EUR"', True),
    ('total_over = "1.00 USD"', False),
    ('not = { total_over = "1.00 USD" }', True),
    ('total_over = ["1.00 USD", "20.00 EUR"]', True),
    ('shipping = "4.90 EUR"', True),
    ('discount_at_most = "3.00 EUR"', True),
    ('lifetime_under = "500.01 EUR"', True),
    ("discount_percent = 10", True),
    ('discount_percent_over = "9.99 %"', True),
    ("quantity = 3", True),
    ("line_quantity_at_least = 3", False),
    ("lines_under = 3", True),
    ("addresses = 1", True),
    ("age_hours = 0", True),
    ("orders_last_hour_at_least = 1", True),
    ("orders_last_day_over = 3", False),
    ("lifetime_orders = 5", True),
    ("first_order = true", False),
    ("guest = false", True),
    ("duplicate = true", False),
    ("prepaid_short = true", False),
    ("country_mismatch = true", False),
    ("pickup = true", False),
    ("business = true", False),
    ("subscription = false", True),
    ('channel = "shop", country = "AT"', False),
    ('any = [{ country = "AT" }, { channel = "shop" }]', True),
    ('all = [{ country = "AT" }, { channel = "shop" }]', False),
    ('not = { any = [{ country = "AT" }, { channel = "json" }] }', True),
]


@pytest.mark.parametrize(("when", "expected"), CONDITIONS)
def test_a_condition_looks_at_the_order_and_at_what_is_known_of_its_customer(
    when: str, expected: bool
) -> None:
    assert fits(when) is expected


@dataclass(frozen=True)
class Case:
    when: str
    order: PlaceOrder


ABROAD = Address("", "", "", "", "", "", "AT", 0, 0)
LONDON = replace(ABROAD, country="GB", postal_code="sw1a1aa")
FETCHED = [OrderLine("1", "A", 1, 1, pickup_location_id="S")]
BY_CHANNEL = replace(ORDER, payment_method="channel", paid_minor=3000, paid_currency="EUR")
SPLIT = [Tender("1", "gift_card", 1000), Tender("2", "channel", 0, "", 1999, "EUR")]
CHANGED = [
    Case("guest = true", replace(ORDER, customer_id="")),
    Case("country_mismatch = true", replace(ORDER, more_addresses=[ABROAD])),
    Case("country_mismatch = true", replace(ORDER, billing_country=ABROAD.country)),
    Case("addresses = 2", replace(ORDER, more_addresses=[ABROAD])),
    Case("pickup = true", replace(ORDER, lines=FETCHED)),
    Case('pickup_location = "S"', replace(ORDER, lines=FETCHED)),
    Case("business = true", replace(ORDER, purchase_order_number="PO-1")),
    Case("subscription = true", replace(ORDER, subscription_id="s-1")),
    Case("prepaid_short = true", replace(BY_CHANNEL, paid_minor=2999)),
    Case("prepaid_short = true", replace(BY_CHANNEL, paid_currency="USD")),
    Case("prepaid_short = false", BY_CHANNEL),
    Case("prepaid_short = true", replace(ORDER, tenders=SPLIT)),
    Case('payment_method = "gift_card"', replace(ORDER, tenders=SPLIT)),
    Case("age_hours = 3", replace(ORDER, placed_at_ms=NOW - 4 * HOUR_MS + 1)),
    Case("age_hours = 0", replace(ORDER, placed_at_ms=NOW + HOUR_MS)),
    Case("hour = 11", replace(ORDER, placed_at_ms=NOW + HOUR_MS)),
    Case("discount_percent = 100", replace(ORDER, lines=[])),
    Case('postal_code = "SW1A 1AA"', replace(ORDER, ship_to=LONDON)),
]  # fmt: skip


@pytest.mark.parametrize("case", CHANGED, ids=lambda case: case.when)
def test_a_condition_sees_what_is_special_about_an_order(case: Case) -> None:
    assert fits(case.when, case.order)


def test_hours_and_weekdays_are_those_of_the_zone_of_the_file() -> None:
    late = replace(
        ORDER, placed_at_ms=int(datetime(2026, 3, 1, 23, 30, tzinfo=UTC).timestamp() * 1000)
    )
    assert fits('weekday = "sun", hour = 23', late)
    assert fits('weekday = "mon", hour = 0', late, zone="Europe/Berlin")
    assert fits('weekday = "mon", hour_at_least = 5', late, zone="Asia/Kolkata")


def test_of_a_customer_of_whom_nothing_is_known_there_was_no_order_before() -> None:
    assert fits("first_order = true, orders_last_hour = 0", known=None)
    assert not fits('segment_in = ["gold"]', known=None)
    assert not fits('lifetime_at_least = "0.00 EUR"', known=None)


def test_a_customer_who_was_merged_is_known_by_both_ids() -> None:
    merged = replace(KNOWN, customer_id="c-2")
    assert fits('customer = "c-1"', known=merged)
    assert fits('customer = "c-2"', known=merged)
    assert not fits('customer_not_in = ["c-2"]', known=merged)


@pytest.mark.parametrize(
    ("patterns", "text", "expected"),
    [
        (["*"], "", True),
        (["a*"], "a", True),
        (["a*a"], "a", False),
        (["a*a"], "aa", True),
        (["*ab*ab*"], "xabab", True),
        (["*ab*ab*"], "xab", False),
        (["a*b*c"], "abbc", True),
        (["a*b*c"], "acb", False),
        (["a", "b*"], "a", True),
        (["a.c"], "abc", False),
    ],
)
def test_a_star_stands_for_any_characters(patterns: list[str], text: str, expected: bool) -> None:
    assert pattern(patterns)(text) is expected


def test_a_pattern_of_stars_does_not_take_long() -> None:
    assert not pattern(["*a*a*a*a*a*a*a*b"])("a" * 200_000)


def test_the_first_intake_rule_that_fits_refuses() -> None:
    text = "".join(
        f'[[intake]]\nname = "{name}"\nwhen = {{ {when} }}\n'
        for name, when in (("a", "guest = true"), ("b", "lines = 2"), ("c", "quantity = 3"))
    )
    assert decide(text).refused_by == "b"


HOLDS = """
[[hold]]
name = "large"
kind = "fraud"
limit = "48h"
then = "cancel"
when = { total_over = "20.00 EUR" }
[[hold]]
name = "never"
when = { guest = true }
[[hold]]
name = "express"
kind = "address"
when = { shipping_method = "express" }
"""


def test_every_hold_rule_that_fits_holds() -> None:
    assert decide(HOLDS).holds == (
        Hold("fraud", "large", 48 * HOUR_MS, "cancel"),
        Hold("address", "express", 0, "release"),
    )


def test_a_channel_without_a_rule_for_stock_has_that_of_default() -> None:
    text = '[backorder.json]\nwaits = "always"\n[backorder.default]\nwaits = "never"\n'
    waiting = replace(ORDER, backorder=True)
    assert decide(text, replace(ORDER, channel="json")).backorder
    assert not decide(text, waiting).backorder
    assert decide('[backorder.json]\nwaits = "never"\n', waiting).backorder
    assert decide('[backorder.shop]\nwaits = "as_asked"\n', waiting).backorder


def test_priorities_add_to_that_of_the_channel() -> None:
    text = (
        '[[priority]]\nname = "all"\nadd = 1\n'
        '[[priority]]\nname = "gold"\nadd = 40\nwhen = { segment = "gold" }\n'
        '[[priority]]\nname = "express"\nadd = -5\nwhen = { shipping_method = "express" }\n'
        '[[priority]]\nname = "guests"\nadd = 9\nwhen = { guest = true }\n'
    )
    assert decide(text, replace(ORDER, priority=3)).priority == 39


DISCOUNTS = """
[[discount]]
name = "season"
codes = ["SPRING*"]
most_percent = 10
most_amount = "5.00 EUR"
over = "hold"
when = { channel = "shop" }
[[discount]]
name = "welcome"
codes = ["WELCOME"]
most_amount = ["2.00 EUR", "2.00 CHF"]
over = "refuse"
[discounts]
unlisted = "hold"
"""


def claiming(*claims: tuple[str, int], rest: int = 0, currency: str = "EUR") -> PlaceOrder:
    """3 pieces at 10.00 a piece, less discounts."""
    discounts = [Discount(code, amount) for code, amount in claims]
    whole = sum(amount for _, amount in claims) + rest
    return replace(ORDER, discounts=discounts, discount_minor=whole, currency=currency)


@pytest.mark.parametrize(
    ("order", "refused_by", "holds"),
    [
        (claiming(), "", []),
        (claiming(("spring-1", 300)), "", []),
        (claiming(("SPRING-1", 301)), "", ["season"]),
        (claiming(("SPRING-1", 200), ("SPRING-2", 101)), "", ["season"]),
        (claiming(("WELCOME", 200)), "", []),
        (claiming(("WELCOME", 201)), "welcome", []),
        (claiming(("WELCOME", 1), currency="USD"), "welcome", []),
        (claiming(("AUTUMN", 1)), "", ["discounts"]),
        (claiming(("SPRING-1", 300), rest=1), "", ["discounts"]),
        (claiming(("SPRING-1", 400), ("AUTUMN", 1)), "", ["discounts", "season"]),
    ],
)
def test_a_discount_is_held_against_the_first_rule_for_its_code(
    order: PlaceOrder, refused_by: str, holds: list[str]
) -> None:
    decided = decide(DISCOUNTS, order)
    assert (decided.refused_by, held(decided)) == (refused_by, holds)


def test_discounts_of_lines_are_claimed_as_well() -> None:
    order = replace(claiming(), lines=[OrderLine("1", "MUG", 3, 1000, discount_minor=500)])
    assert held(decide(DISCOUNTS, order)) == ["discounts"]


TOTALS = """
[totals.shop]
mismatch = "refuse"
[totals.default]
mismatch = "hold"
tolerance_minor = 2
limit = "2d"
then = "cancel"
"""


def test_totals_go_by_channel() -> None:
    decided = decide(TOTALS)
    assert (decided.total_mismatch, decided.tolerance_minor) == ("refuse", 0)
    assert decided.mismatch_hold.rule == "totals.shop"
    other = decide(TOTALS, replace(ORDER, channel="json"))
    assert (other.total_mismatch, other.tolerance_minor) == ("hold", 2)
    assert other.mismatch_hold == Hold("total_mismatch", "totals.default", 48 * HOUR_MS, "cancel")
    assert decide("").total_mismatch == "trust"


@pytest.mark.parametrize(
    ("found", "refused_by", "holds"),
    [("trust", "", []), ("hold", "", ["duplicates"]), ("refuse", "duplicates", [])],
)
def test_the_same_purchase_again(found: str, refused_by: str, holds: list[str]) -> None:
    text = f'[duplicates]\nfound = "{found}"\n'
    again = replace(KNOWN, duplicate_of="json-7")
    decided = decide(text, known=again)
    assert (decided.refused_by, held(decided)) == (refused_by, holds)
    assert decide(text).refused_by == ""
    assert decide(text).holds == ()
    assert decided.asks_customers is (found != "trust")


RISK = """
[risk]
hold_at = 50
refuse_at = 90
limit = "4h"
then = "cancel"
[[risk.rule]]
name = "velocity"
points = 60
when = { orders_last_hour_over = 2 }
[[risk.rule]]
name = "much"
points = 40
when = { total_over = "20.00 EUR" }
[[risk.rule]]
name = "old-friend"
points = -20
when = { lifetime_orders_over = 9 }
"""


@pytest.mark.parametrize(
    ("known", "points", "pointed_by", "refused_by", "holds"),
    [
        (KNOWN, 40, ("much",), "", ()),
        (replace(KNOWN, orders_last_hour=3), 100, ("velocity", "much"), "risk", ()),
        (
            replace(KNOWN, orders_last_hour=3, lifetime_orders=10),
            80,
            ("velocity", "much", "old-friend"),
            "",
            (Hold("fraud", "risk", 4 * HOUR_MS, "cancel"),),
        ),
    ],
)
def test_points_hold_and_refuse_and_are_told_with_their_rules(
    known: RecordAssessment,
    points: int,
    pointed_by: tuple[str, ...],
    refused_by: str,
    holds: tuple[Hold, ...],
) -> None:
    decided = decide(RISK, known=known)
    assert (decided.points, decided.pointed_by) == (points, pointed_by)
    assert (decided.refused_by, decided.holds) == (refused_by, holds)


def test_customers_are_asked_only_where_a_rule_looks_at_them() -> None:
    assert asks_customers(state(RISK))
    assert decide(RISK).asks_customers
    assert not asks_customers(state(HOLDS))
    assert not decide(HOLDS).asks_customers


CUT_OFF = """
time_zone = "Europe/Berlin"
[cutoff.express]
when = { shipping_method = "express" }
time = "14:00"
dispatch_by = "18:00"
holidays = [2026-03-03]
hold = true
[cutoff.standard]
time = "10:00"
days = ["mon", "thu"]
"""


def berlin(day: int, hour: int, minute: int = 0) -> int:
    """In March 2026, before the clocks change on the 29th."""
    return int(datetime(2026, 3, day, hour - 1, minute, tzinfo=UTC).timestamp()) * 1000


@pytest.mark.parametrize(
    ("placed_ms", "passed", "by_ms"),
    [
        (berlin(2, 13, 59), False, berlin(2, 18)),
        (berlin(2, 14, 0), True, berlin(4, 18)),  # the 3rd is a holiday
        (berlin(6, 14, 1), True, berlin(9, 18)),  # over the weekend
        (berlin(7, 9), True, berlin(9, 18)),
        (berlin(27, 15), True, berlin(30, 18) - HOUR_MS),  # summer time from the 29th
    ],
)
def test_an_order_after_the_cut_off_is_dispatched_on_the_next_working_day(
    placed_ms: int, passed: bool, by_ms: int
) -> None:
    decided = decide(CUT_OFF, replace(ORDER, placed_at_ms=placed_ms), now_ms=placed_ms + 5_000)
    assert (decided.cut_off, decided.cut_off_passed) == ("express", passed)
    assert decided.dispatch_by_ms == by_ms


def test_an_order_after_a_cut_off_that_holds_waits_until_its_day_begins() -> None:
    placed = berlin(6, 15)
    decided = decide(CUT_OFF, replace(ORDER, placed_at_ms=placed), now_ms=placed)
    assert decided.holds == (Hold("cut_off", "express", berlin(8, 24) - placed, "release"),)
    late = decide(CUT_OFF, replace(ORDER, placed_at_ms=placed), now_ms=berlin(9, 12))
    assert late.holds == ()


def test_the_first_cut_off_that_fits_counts_and_one_without_a_time_ends_with_the_day() -> None:
    order = replace(ORDER, shipping_method="", placed_at_ms=berlin(2, 11))
    decided = decide(CUT_OFF, order, now_ms=berlin(2, 11))
    assert (decided.cut_off, decided.cut_off_passed, decided.holds) == ("standard", True, ())
    assert decided.dispatch_by_ms == berlin(5, 24)


def test_a_channel_whose_clock_is_ahead_gains_no_day() -> None:
    order = replace(ORDER, placed_at_ms=berlin(6, 9))
    assert decide(CUT_OFF, order, now_ms=berlin(2, 12)).dispatch_by_ms == berlin(2, 18)


def test_the_same_question_has_the_same_answer_and_changes_nothing() -> None:
    policy = state(CUT_OFF + HOLDS.replace('"express"', '"by-express"') + DISCOUNTS + RISK)
    first = intake(policy, ORDER, KNOWN, NOW)
    intake(policy, replace(ORDER, customer_id=""), None, NOW + HOUR_MS)
    assert intake(policy, ORDER, KNOWN, NOW) == first
    copy = replace(policy, policy=replace(policy.policy))
    assert intake(copy, ORDER, KNOWN, NOW) == first


def test_two_policies_of_one_version_and_hash_are_not_mixed_up() -> None:
    first = Policy(1, 1, "a", "", "UTC", intake=[IntakeRule("a", 1, [])])
    other = Policy(1, 1, "a", "", "UTC", intake=[IntakeRule("b", 1, [])])
    for policy, name in ((first, "a"), (other, "b"), (first, "a")):
        assert intake(PolicyState(policy, "", 0), ORDER, None, NOW).refused_by == name


def test_a_policy_is_compiled_once() -> None:
    policy = state(RISK).policy
    assert compiled(policy) is compiled(policy) is compiled(replace(policy))


@pytest.mark.parametrize(
    "steps",
    [
        [Condition("all", parts=1)],
        [Condition("in", "channel", ["a"]), Condition("in", "channel", ["b"])],
        [Condition("in", "colour", ["a"])],
        [Condition("over", "channel", ["a"])],
    ],
)
def test_what_is_no_condition_is_not_compiled(steps: list[Condition]) -> None:
    policy = Policy(1, 2, "a", "", "UTC", intake=[IntakeRule("a", 1, steps)])
    with pytest.raises(ValueError):
        compiled(policy)


def command(version: int, text: str = "") -> SetPolicy:
    return SetPolicy(replace(state(text).policy, version=version), "anna", NOW)


def test_a_policy_holds_from_its_command_on_and_is_told_by_each_partition() -> None:
    following, sends = learn(None, command(5), 1, NOW + 1)
    assert following == PolicyState(command(5).policy, "anna", NOW + 1)
    [send] = sends
    assert (send.topic, send.key, send.record) == (ORDERS_POLICIES, f"{POLICY_KEY}/1", following)


def test_the_first_partition_writes_the_event() -> None:
    before, _ = learn(None, command(5), 0, NOW)
    _, sends = learn(before, command(6, HOLDS), 0, NOW + 1)
    assert [send.topic for send in sends] == [ORDERS_POLICIES, ORDERS_EVENTS]
    event = sends[1].record
    assert isinstance(event, PolicySet)
    assert (event.version, event.previous_version, event.rules) == (6, 5, 3)
    assert sends[1].key == POLICY_KEY


def test_the_same_policy_again_and_an_older_one_change_nothing() -> None:
    before, _ = learn(None, command(5), 0, NOW)
    for repeated in (command(5), command(4, HOLDS)):
        following, sends = learn(before, repeated, 0, NOW + 1)
        assert following is before
        assert sends == []


def test_partitions_agree_in_whatever_order_two_policies_of_one_version_come() -> None:
    first, second = command(5), command(5, HOLDS)
    one, _ = learn(learn(None, first, 0, NOW)[0], second, 0, NOW)
    other, _ = learn(learn(None, second, 1, NOW)[0], first, 1, NOW)
    assert one.policy == other.policy


def test_a_policy_that_cannot_be_asked_never_holds() -> None:
    bad = replace(command(9), policy=replace(command(9).policy, time_zone="Mars/Olympus"))
    with pytest.raises(KeyError):
        learn(None, bad, 0, NOW)
