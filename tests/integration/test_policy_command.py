"""A policy by command, with the orders and payments rooms that decide by it and a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.records import partitions, read, send
from schemas.messages import Send
from schemas.orders import LineKind, OrderRefused
from schemas.payments import (
    AuthorizationRequested,
    PaymentDeclined,
    PaymentRulesSet,
    SetPaymentRules,
)
from schemas.policies import PolicySet
from schemas.records import Record
from schemas.topics import (
    ORDERS_COMMANDS,
    ORDERS_EVENTS,
    PAYMENTS_COMMANDS,
    PAYMENTS_EVENTS,
    Topic,
)
from tests.integration.waiting import until, working
from tests.unit.streams.memory import place

pytestmark = pytest.mark.integration
R = TypeVar("R", bound=Record)
STRICT = '[[intake]]\nname = "large"\nwhen = { total_over = "20.00 EUR" }\n'
LIMITED = '[[payment_rule]]\nname = "limit"\nchannel = "json"\nmost_amount = "20.00 EUR"\n'
MILD = '[[hold]]\nname = "large"\nkind = "fraud"\nwhen = { total_over = "20.00 EUR" }\n'


@pytest.fixture
def bootstrap(tmp_path: Path) -> Iterator[str]:
    """A broker with the real topics, and one worker with the orders and payments rooms."""
    with working("orders", tmp_path) as bootstrap:
        yield bootstrap


def run(bootstrap: str, *arguments: str) -> Result:
    environment = {"MILLRACE_BROKERS": bootstrap, "MILLRACE_ACTOR": "ada"}
    return CliRunner().invoke(cli, ["policy", *arguments], env=environment)


def events(bootstrap: str, topic: Topic = ORDERS_EVENTS) -> list[Record]:
    return [found.record for found in read(Cluster(bootstrap, {}), [topic])]


def test_a_policy_is_set_decides_is_shown_and_is_compared_with_another(
    bootstrap: str, tmp_path: Path
) -> None:
    strict, mild = tmp_path / "strict.toml", tmp_path / "mild.toml"
    strict.write_text(STRICT)
    mild.write_text(MILD)
    assert run(bootstrap, "show").exit_code == 1

    first = run(bootstrap, "set", str(strict), "--json")
    assert json.loads(first.stdout)["changed"] is True
    assert run(bootstrap, "set", str(strict)).stdout == "strict.toml is in force already\n"
    assert run(bootstrap, "show").stdout == STRICT
    [told] = [one for one in events(bootstrap) if isinstance(one, PolicySet)]
    assert (told.name, told.rules, told.actor) == ("strict.toml", 1, "ada")

    now_ms = time.time_ns() // 1_000_000
    for number, total in enumerate((3000, 1000, 3000)):
        order = replace(place(f"shop-{number}", total=total), placed_at_ms=now_ms)
        sends = [Send(ORDERS_COMMANDS, order.order_id, order)]
        assert send(Cluster(bootstrap, {}), sends) == 1

    def refused() -> list[str]:
        return sorted(one.order_id for one in events(bootstrap) if isinstance(one, OrderRefused))

    until(lambda: len(refused()) == 2)
    assert refused() == ["shop-0", "shop-2"]

    result = run(bootstrap, "simulate", str(mild), "--since", "1h", "--json")
    *orders, summary = map(json.loads, result.stdout.splitlines())
    assert sorted(one["order_id"] for one in orders) == ["shop-0", "shop-2"]
    assert (summary["orders"], summary["different"]) == (3, 2)
    assert summary["changes"] == [{"change": "taken", "rule": "large", "orders": 2}]
    assert run(bootstrap, "simulate", str(mild), "--since", "2035-01-01").stdout.startswith(
        "0 orders, 0 decided differently"
    )


def test_a_card_above_the_limit_of_its_channel_is_declined_by_name_until_the_rule_ends(
    bootstrap: str, tmp_path: Path
) -> None:
    limited, free = tmp_path / "limited.toml", tmp_path / "free.toml"
    limited.write_text(LIMITED)
    free.write_text(MILD)
    cluster = Cluster(bootstrap, {})

    def pay(order_id: str, channel: str, total: int) -> None:
        """By card, for something that needs no stock."""
        asked = place(order_id, lines=(("1", "", 1),), method="card", total=total)
        line = replace(asked.lines[0], unit_price_minor=total, kind=LineKind.CUSTOM)
        now_ms = time.time_ns() // 1_000_000
        order = replace(asked, channel=channel, lines=[line], placed_at_ms=now_ms)
        assert send(cluster, [Send(ORDERS_COMMANDS, order_id, order)]) == 1

    def told(kind: type[R]) -> list[R]:
        return [one for one in events(bootstrap, PAYMENTS_EVENTS) if isinstance(one, kind)]

    first = run(bootstrap, "set", str(limited), "--json")
    assert json.loads(first.stdout.splitlines()[-1])["payment_rules_changed"] is True
    assert run(bootstrap, "set", str(limited)).stdout == "limited.toml is in force already\n"
    assert run(bootstrap, "show").stdout == LIMITED
    assert [(one.rules[0].rule_id, one.actor) for one in told(PaymentRulesSet)] == [
        ("limit", "ada")
    ]
    sent = [one for one in events(bootstrap, PAYMENTS_COMMANDS) if isinstance(one, SetPaymentRules)]
    assert len(sent) == partitions(cluster, PAYMENTS_COMMANDS)

    pay("json-1", "json", 3000)
    pay("json-2", "json", 1000)
    pay("csv-1", "csv", 3000)
    until(lambda: len(told(AuthorizationRequested)) == 2 and told(PaymentDeclined))
    assert {one.order_id for one in told(AuthorizationRequested)} == {"json-2", "csv-1"}
    [declined] = told(PaymentDeclined)
    assert (declined.order_id, declined.rule_id) == ("json-1", "limit")
    assert declined.reason == "limit_exceeded"

    assert run(bootstrap, "set", str(free)).exit_code == 0
    assert [one.rules for one in told(PaymentRulesSet)][1:] == [[]]
    pay("json-3", "json", 3000)
    until(lambda: len(told(AuthorizationRequested)) == 3)
    assert len(told(PaymentDeclined)) == 1
