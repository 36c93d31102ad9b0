"""A policy's file: what is wrong in it, on which line, and what is made of a sound one."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.channels.registry import CHANNELS
from deploy import policies
from deploy.policies import BadPolicy, check, load
from deploy.policy_conditions import COUNTRIES, KEYS
from schemas import codec
from schemas.payments import PaymentRule, PaymentRuleKind, PaymentRulesState, SetPaymentRules
from schemas.policies import (
    Condition,
    CutOffRule,
    Field,
    HoldRule,
    HoldTerms,
    Measure,
    Number,
    Policy,
    SetPolicy,
    TotalsRule,
)
from streams.orders.policy import compiled, rules_of
from tests.unit.deploy.bad_policies import BAD

EXAMPLE = Path(policies.__file__).parent / "examples" / "policy.toml"
NAMES = ("csv", "json", "shopify")
DAY_MS = 86_400_000


def told(text: str) -> list[str]:
    return [problem.text("p.toml") for problem in check(text, "p.toml", NAMES).problems]


def sound(text: str) -> Policy:
    checked = check(text, "p.toml", NAMES)
    assert checked.policy is not None, checked.problems
    return checked.policy


def rule(name: str, when: str, kind: str = "intake", more: str = "") -> str:
    return f'[[{kind}]]\nname = "{name}"\nwhen = {{ {when} }}\n{more}'


@pytest.mark.parametrize(("text", "said"), BAD, ids=range(len(BAD)))
def test_an_error_names_the_line_and_says_what_is_wrong(text: str, said: list[str]) -> None:
    checked = check(text, "policy.toml", NAMES)
    assert [problem.text("policy.toml") for problem in checked.problems] == said
    assert checked.policy is None
    assert checked.errors


def test_all_errors_of_a_file_are_told_at_once_and_in_its_order() -> None:
    text = '[[hold]]\nname = "A"\nkind = "x"\n[risk]\n[[intake]]\nname = "a"\nwhen.channel = 1\n'
    assert [line.split(":")[1] for line in told(text)] == ["1", "2", "3", "4", "7"]


WARNINGS = [
    (
        rule("a", 'country_in = ["KP", "IR"]') + rule("b", 'country = "KP", guest = true'),
        "p.toml:4: warning: intake[2]: b is never reached: a (line 1) fits first, whatever this"
        " one fits",
    ),
    (
        rule("a", 'total_over = "5.00 EUR"') + rule("b", 'total_at_least = "5.01 EUR"'),
        "p.toml:4: warning: intake[2]: b is never reached: a (line 1) fits first, whatever this"
        " one fits",
    ),
    (
        rule("a", 'sku_starts_with = ["X-", "Y-"]')
        + rule("b", 'any = [{ sku_starts_with = "X-1" }, { sku = "Y-2" }]'),
        "p.toml:4: warning: intake[2]: b is never reached: a (line 1) fits first, whatever this"
        " one fits",
    ),
    (
        rule("a", "guest = true") + rule("b", "guest = true, lines_over = 3", "hold"),
        "p.toml:4: warning: hold[1]: b is never reached: a (line 1) refuses every order that it"
        " fits",
    ),
    (
        '[cutoff.all]\ntime = "12:00"\n[cutoff.express]\ntime = "15:00"\nwhen = { guest = true }\n',
        "p.toml:3: warning: cutoff.express: express is never reached: all (line 1) fits first,"
        " whatever this one fits",
    ),
    (
        '[[discount]]\nname = "a"\nmost_percent = 5\nover = "hold"\ncodes = ["SPRING*"]\n'
        '[[discount]]\nname = "b"\nmost_percent = 9\nover = "hold"\ncodes = ["spring-24*"]\n',
        "p.toml:6: warning: discount[2]: b is never reached: a (line 1) fits first, whatever this"
        " one fits",
    ),
    (
        rule("a", 'channel = "jsn"'),
        "p.toml:3: warning: intake[1].when.channel: no channel is called 'jsn'; did you mean json?",
    ),
    (
        '[backorder.amazon]\nwaits = "never"\n',
        "p.toml:1: warning: backorder.amazon: no channel is called 'amazon'; there are csv,"
        " default, json, shopify",
    ),
    (
        rule("a", 'sku = "GIFT-*"'),
        "p.toml:3: warning: intake[1].when.sku: a star stands for itself here; for a pattern write"
        " sku_matches",
    ),
    (
        rule("a", 'total_over = "5.00 EUR"')
        + rule("b", 'total_over = ["5.00 EUR", "6.00 USD"]', "hold"),
        "p.toml:3: warning: intake[1].when.total_over: orders in USD never fit: it has no amount"
        " in USD",
    ),
    (
        "[risk]\nrefuse_at = 50\n" + rule("a", "guest = true", "risk.rule", "points = 20\n"),
        "p.toml:2: warning: risk.refuse_at: is never reached: all rules together give 20 points",
    ),
    (
        '[payment]\nrefuse_at = 50\n[[payment_rule]]\nname = "a"\npoints = 20\n'
        'most_amount = ["5.00 EUR", "6.00 USD"]\n',
        "p.toml:2: warning: payment.refuse_at: is never reached: all rules together give 20 points",
    ),
    (
        '[[payment_rule]]\nname = "a"\nchannel = "jsn"\nmost_tenders = 2\n',
        "p.toml:3: warning: payment_rule[1].channel: no channel is called 'jsn'; did you mean"
        " json?",
    ),
]


@pytest.mark.parametrize(("text", "said"), WARNINGS, ids=range(len(WARNINGS)))
def test_what_cannot_be_meant_is_a_warning_and_no_error(text: str, said: str) -> None:
    assert said in told(text)
    sound(text)


@pytest.mark.parametrize(
    "text",
    [
        rule("a", 'country = "KP", guest = true') + rule("b", 'country_in = ["KP", "IR"]'),
        rule("a", 'total_over = "5.00 EUR"') + rule("b", 'total_over = "4.99 EUR"'),
        rule("a", 'sku_not_in = ["A"]') + rule("b", 'sku = "B"'),
        rule("a", 'sku = "A", sku_in = ["B", "C"]'),
        rule("a", 'channel = "json", not = { channel = "csv" }'),
        rule("a", 'total_over = "5.00 EUR", currency = "EUR"')
        + rule("b", 'total_over = ["5.00 USD", "6.00 EUR"]', "hold"),
        '[duplicates]\nfound = "hold"\n[[payment_rule]]\nname = "a"\nmost_orders_last_day = 9\n',
        rule("a", "lifetime_orders_under = 1") + rule("b", "orders_last_day_over = 3"),
    ],
)
def test_what_can_be_meant_is_not_warned_of(text: str) -> None:
    assert told(text) == []


def test_the_example_is_sound_compiles_and_travels() -> None:
    checked = load(EXAMPLE, CHANNELS)
    assert checked.problems == []
    assert checked.policy is not None
    assert rules_of(checked.policy) >= 30
    assert checked.policy.text == EXAMPLE.read_text()
    assert compiled(checked.policy).asks_customers
    command = SetPolicy(checked.policy, "anna", 1)
    assert codec.decode(codec.encode(command)) == command
    assert len(codec.encode(command)) < 100_000
    paid = SetPaymentRules(checked.payments.rules, checked.payments.refuse_at_points, "anna")
    assert codec.decode(codec.encode(paid)) == paid
    assert {one.kind for one in paid.rules} >= {"methods", "maximum_amount", "orders_last_hour"}


def test_the_example_names_every_field() -> None:
    [head] = EXAMPLE.read_text().split("time_zone =")[:1]
    words = set(head.replace("#", " ").split())
    assert set(map(str, Field)) <= words


def test_an_empty_file_is_a_policy_without_rules() -> None:
    assert rules_of(sound("")) == 0


def test_a_hold_is_read_with_its_condition_in_postfix_order() -> None:
    policy = sound(
        '\n[[hold]]\nname = "a"\nkind = "fraud"\nlimit = "48h"\nthen = "cancel"\n'
        'when.channel_in = ["json", "csv"]\nwhen.not.total_under = ["9.50 EUR", "1000 JPY"]\n'
    )
    assert policy.holds == [
        HoldRule(
            "a",
            2,
            [
                Condition("in", "channel", ["json", "csv"]),
                Condition("under", "total", [], [Number(950, "EUR"), Number(1000, "JPY")]),
                Condition("not", parts=1),
                Condition("all", parts=2),
            ],
            HoldTerms("fraud", 2 * DAY_MS, "cancel"),
        )
    ]


def test_texts_are_compared_as_they_are_folded() -> None:
    policy = sound(
        rule("a", 'postal_code_starts_with = "sw1a 1"') + rule("b", 'discount_code = "spring"')
    )
    assert [one.when[0].texts for one in policy.intake] == [["SW1A1"], ["SPRING"]]


def test_a_percentage_is_millionths() -> None:
    policy = sound(rule("a", 'discount_percent_over = "12.5 %"'))
    assert policy.intake[0].when[0].numbers == [Number(125_000)]


def test_a_cut_off_has_the_zone_of_the_file_and_workdays_unless_it_says_otherwise() -> None:
    policy = sound(
        'time_zone = "Europe/Berlin"\n[cutoff.standard]\ntime = 14:00:00\n[cutoff.late]\n'
        'when = { guest = true }\ntime = "15:30"\ndispatch_by = "18:00"\ntime_zone = "UTC"\n'
        'days = ["sat"]\nholidays = [2026-12-26, 2026-01-03]\nhold = true\n'
    )
    assert policy.cut_offs == [
        CutOffRule(
            "standard",
            2,
            [],
            "Europe/Berlin",
            840,
            1440,
            ["mon", "tue", "wed", "thu", "fri"],
            [],
            False,
        ),
        CutOffRule(
            "late",
            4,
            [Condition("is", "guest", [], [Number(1)])],
            "UTC",
            930,
            1080,
            ["sat"],
            ["2026-01-03", "2026-12-26"],
            True,
        ),
    ]


def test_a_rule_for_payments_asks_for_one_thing_of_one_channel_or_of_all() -> None:
    checked = check(
        "[payment]\nrefuse_at = 90\n"
        '[[payment_rule]]\nname = "m"\nchannel = "csv"\nmethods = ["card", "invoice"]\n'
        '[[payment_rule]]\nname = "c"\ncurrencies = ["EUR"]\n'
        '[[payment_rule]]\nname = "d"\ncountries = ["DE", "AT"]\npoints = 30\n'
        '[[payment_rule]]\nname = "t"\nmost_tenders = 3\n'
        '[[payment_rule]]\nname = "h"\nmost_orders_last_hour = 0\npoints = 60\n'
        '[[payment_rule]]\nname = "y"\nmost_orders_last_day = 9\n'
        '[[payment_rule]]\nname = "b"\nsame_billing_country = true\n',
        "p.toml",
    )
    kind = PaymentRuleKind
    assert checked.payments == PaymentRulesState(
        [
            PaymentRule("m", "csv", kind.METHODS, ["card", "invoice"]),
            PaymentRule("c", "", kind.CURRENCIES, ["EUR"]),
            PaymentRule("d", "", kind.COUNTRIES, ["DE", "AT"], points=30),
            PaymentRule("t", "", kind.MAXIMUM_TENDERS, limit=3),
            PaymentRule("h", "", kind.ORDERS_LAST_HOUR, limit=0, points=60),
            PaymentRule("y", "", kind.ORDERS_LAST_DAY, limit=9),
            PaymentRule("b", "", kind.BILLING_COUNTRY),
        ],
        90,
    )


def test_an_amount_in_each_currency_is_a_rule_of_the_same_name() -> None:
    text = '[[payment_rule]]\nname = "a"\nmost_amount = ["5.00 EUR", "600 JPY"]\n'
    kind = PaymentRuleKind.MAXIMUM_AMOUNT
    assert check(text, "p.toml").payments.rules == [
        PaymentRule("a", "", kind, [], 500, "EUR"),
        PaymentRule("a", "", kind, [], 600, "JPY"),
    ]


def test_a_file_with_an_error_says_nothing_of_payments() -> None:
    text = '[risk]\n[[payment_rule]]\nname = "a"\nmost_tenders = 2\n'
    assert check(text, "p.toml").payments == PaymentRulesState([], 0)


def test_the_table_default_is_for_channels_without_one_of_their_own() -> None:
    policy = sound('[totals.default]\nmismatch = "hold"\ntolerance_minor = 2\n')
    terms = HoldTerms("total_mismatch", 0, "release")
    assert policy.totals == [TotalsRule("", 2, Measure(1, "hold", terms))]


def test_the_same_text_has_the_same_hash_and_another_text_has_not() -> None:
    assert sound("").text_hash == sound("").text_hash != sound("# \n").text_hash


def test_every_condition_can_be_asked() -> None:
    values = {"texts": '["X"]', "amount": '"1.00 EUR"', "number": "1", "flag": "true"}
    texts = {"country": '["DE"]', "currency": '["EUR"]', "weekday": '["mon"]'}
    texts |= {"payment_method": '["card"]', "line_kind": '["goods"]', "channel": '["json"]'}
    for key, (field, _) in KEYS.items():
        for value in (texts.get(field, values["texts"]), *values.values()):
            text = value.strip("[]") if key == field else value
            checked = check(rule("a", f"{key} = {text}"), "p.toml", NAMES)
            if checked.policy is not None:
                compiled(checked.policy)
                break
        else:
            raise AssertionError(key)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"# \xff\n", ":1: is not UTF-8"),
        (b"# a\n" + b"#" * 200_000, ": is larger than 128 KiB"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(content)
    with pytest.raises(BadPolicy) as raised:
        load(path)
    assert str(raised.value) == f"{path}{why}"


def test_lines_that_end_as_on_windows_are_counted_alike(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b'[[intake]]\r\nname = "a"\r\nwhen.channel = 1\r\n')
    assert [problem.line for problem in load(path).problems] == [3]


def test_a_file_has_bounds() -> None:
    many = "".join(rule(f"r-{number}", f"lines_over = {number}", "hold") for number in range(501))
    assert told(many) == ["p.toml:1: has more than 500 rules"]
    paid = (f'[[payment_rule]]\nname = "r-{one}"\nmost_tenders = 2\n' for one in range(501))
    assert told("".join(paid)) == ["p.toml:1: has more than 500 rules"]
    part = ", ".join(f"{{ lines = {number} }}" for number in range(64))
    long = "".join(rule(f"r-{number}", f"any = [{part}]", "hold") for number in range(32))
    assert told(long) == ["p.toml:1: has more than 2000 conditions"]
    deep = f"x = {'[' * 5_000}{']' * 5_000}\n"
    assert told(deep) == ["p.toml:1: has values too deep in each other"]
    wide = rule("a", "any = [{ guest = true, lines = 1 }, " + "{ lines = 2 }, " * 63 + "]")
    assert told(wide) == ["p.toml:3: intake[1].when: has more than 64 conditions"]


def test_the_countries_are_those_of_iso_3166() -> None:
    assert len(COUNTRIES) == 249
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize("key", ["most_orders_last_hour", "most_orders_last_day"])
def test_a_payment_rule_about_how_often_a_customer_orders_has_it_counted(key: str) -> None:
    checked = check(f'[[payment_rule]]\nname = "a"\n{key} = 2\n', "p.toml")
    assert checked.policy is not None
    assert compiled(checked.policy).asks_customers


def test_other_payment_rules_ask_nothing_of_customers() -> None:
    checked = check('[[payment_rule]]\nname = "a"\nmost_tenders = 2\n', "p.toml")
    assert checked.policy is not None
    assert not compiled(checked.policy).asks_customers
