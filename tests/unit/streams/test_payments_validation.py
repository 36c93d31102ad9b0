"""Rules that refuse a payment before anybody is charged."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.messages import Inbound
from schemas.orders import Tender
from schemas.payments import (
    RULES_KEY,
    AuthorizePayment,
    ChangePayment,
    PaymentDeclined,
    PaymentRule,
    PaymentRuleKind,
    PaymentRulesSet,
    PaymentRulesState,
    Refusal,
    SetPaymentRules,
)
from streams.payments.agent import PaymentsRoom
from tests.unit.streams.memory import NOW, Desk, DictStates, names
from tests.unit.streams.till import CARD, GIFT, Till, authorize

ASKED = replace(authorize(), billing_country="DE")


def rule(kind: PaymentRuleKind, channel: str = "", points: int = 0, **more: object) -> PaymentRule:
    return PaymentRule(f"the {kind} rule", channel, kind, points=points, **more)  # type: ignore[arg-type]


def asked(command: AuthorizePayment, *rules: PaymentRule, refuse_at: int = 0) -> Till:
    till = Till()
    till.desk.states.put(RULES_KEY, PaymentRulesState(list(rules), refuse_at))
    till.ask(command)
    return till


@pytest.mark.parametrize(
    ("broken", "command", "reason"),
    [
        (rule(PaymentRuleKind.METHODS, words=["invoice"]), ASKED, Refusal.METHOD_NOT_ALLOWED),
        (rule(PaymentRuleKind.CURRENCIES, words=["USD"]), ASKED, Refusal.CURRENCY_NOT_ALLOWED),
        (rule(PaymentRuleKind.COUNTRIES, words=["FR"]), ASKED, Refusal.RISK_TOO_HIGH),
        (rule(PaymentRuleKind.MAXIMUM_AMOUNT, limit=2999), ASKED, Refusal.LIMIT_EXCEEDED),
        (
            rule(PaymentRuleKind.MAXIMUM_TENDERS, limit=1),
            authorize(GIFT, CARD),
            Refusal.TOO_MANY_TENDERS,
        ),
        (
            rule(PaymentRuleKind.BILLING_COUNTRY),
            replace(ASKED, billing_country="FR"),
            Refusal.RISK_TOO_HIGH,
        ),
        (
            rule(PaymentRuleKind.ORDERS_LAST_HOUR, limit=3),
            replace(ASKED, orders_last_hour=4),
            Refusal.RISK_TOO_HIGH,
        ),
        (
            rule(PaymentRuleKind.ORDERS_LAST_DAY, limit=3),
            replace(ASKED, orders_last_day=4),
            Refusal.RISK_TOO_HIGH,
        ),
    ],
)
def test_a_payment_that_breaks_a_rule_is_refused_and_told_which(
    broken: PaymentRule, command: AuthorizePayment, reason: Refusal
) -> None:
    till = asked(command, broken)
    told = till.last(PaymentDeclined)
    assert (told.reason, told.rule_id) == (reason, broken.rule_id)
    assert (till.reply.authorized, till.reply.reason) == (False, reason)


@pytest.mark.parametrize(
    "kept",
    [
        rule(PaymentRuleKind.METHODS, words=["card"]),
        rule(PaymentRuleKind.CURRENCIES, words=["EUR"]),
        rule(PaymentRuleKind.COUNTRIES, words=["DE"]),
        rule(PaymentRuleKind.MAXIMUM_AMOUNT, limit=3000),
        rule(PaymentRuleKind.MAXIMUM_AMOUNT, limit=1, currency="USD"),
        rule(PaymentRuleKind.MAXIMUM_TENDERS, limit=1),
        rule(PaymentRuleKind.BILLING_COUNTRY),
        rule(PaymentRuleKind.ORDERS_LAST_HOUR),
        rule(PaymentRuleKind.CURRENCIES, "other", words=[]),
    ],
)
def test_a_payment_that_keeps_the_rules_is_tried(kept: PaymentRule) -> None:
    assert not asked(ASKED, kept).every(PaymentDeclined)


def test_points_refuse_together_and_the_heaviest_rule_is_named() -> None:
    rules = (
        rule(PaymentRuleKind.BILLING_COUNTRY, points=40),
        rule(PaymentRuleKind.ORDERS_LAST_HOUR, points=60, limit=3),
    )
    risky = replace(ASKED, billing_country="FR", orders_last_hour=9)
    told = asked(risky, *rules, refuse_at=100).last(PaymentDeclined)
    assert (told.reason, told.points) == (Refusal.RISK_TOO_HIGH, 100)
    assert told.rule_id == rules[1].rule_id
    assert not asked(risky, *rules, refuse_at=101).every(PaymentDeclined)
    assert not asked(risky, *rules).every(PaymentDeclined)


def test_the_word_of_a_channel_counts_only_where_the_rules_let_it() -> None:
    paid = Tender("p", "channel", 0, "", 3000, "EUR")
    cards = rule(PaymentRuleKind.METHODS, "csv", words=["card"])
    told = asked(authorize(paid, channel="csv"), cards).last(PaymentDeclined)
    assert told.reason == Refusal.METHOD_NOT_ALLOWED
    assert not asked(authorize(paid, channel="shop"), cards).every(PaymentDeclined)


def test_a_larger_total_has_to_keep_the_limit_too() -> None:
    till = asked(ASKED, rule(PaymentRuleKind.MAXIMUM_AMOUNT, "shop", limit=3500))
    till.approve()
    assert till.ask(ChangePayment("o", 1, 3501)) == ["PaymentDeclined", "RecordPayment"]
    assert till.reply.amount_minor == 3000


def test_rules_stand_in_every_partition_and_one_tells_of_them() -> None:
    command = SetPaymentRules([rule(PaymentRuleKind.COUNTRIES, words=["DE"])], 100, "ann")
    sends = [Desk(PaymentsRoom(), partition).ask(RULES_KEY, command) for partition in range(3)]
    assert [names(each) for each in sends] == [["PaymentRulesSet"], [], []]
    event = sends[0][0].record
    assert isinstance(event, PaymentRulesSet) and event.actor == "ann"


def test_the_same_rules_again_change_nothing_and_unknown_ones_are_not_taken() -> None:
    desk = Desk(PaymentsRoom())
    command = SetPaymentRules([rule(PaymentRuleKind.COUNTRIES, words=["DE"])], 100)
    desk.ask(RULES_KEY, command)
    assert desk.ask(RULES_KEY, command) == []
    with pytest.raises(ValueError, match="no kind"):
        desk.ask(RULES_KEY, SetPaymentRules([PaymentRule("x", "", "luck")], 0))


def test_the_rules_are_in_the_state_of_the_room() -> None:
    states = DictStates()
    command = SetPaymentRules([rule(PaymentRuleKind.MAXIMUM_AMOUNT, limit=5)], 0)
    PaymentsRoom().decide(Inbound(RULES_KEY, command, 1, 0), states, NOW)
    assert isinstance(states.get(RULES_KEY), PaymentRulesState)
