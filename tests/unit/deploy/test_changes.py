"""The commands that change orders by hand, where no broker is needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deploy import holds
from deploy.cli import cli
from schemas.messages import Send
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    Hold,
    HoldOrder,
    LineQuantity,
    OrderLine,
    OrderState,
    ReleaseHold,
)
from tests.unit.streams.memory import NOW
from tests.unit.streams.order_desk import OrderDesk, hold


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), catch_exceptions=False)


def command(sent: list[Send]) -> Any:
    [send] = sent
    return send.record


def test_lines_are_cancelled_by_whoever_asks(sent: list[Send]) -> None:
    result = run("cancel", "json-1", "--line", "2", "--line", "3", "--reason", "x", "--actor", "jo")
    assert (result.exit_code, result.output) == (0, "asked to cancel json-1\n")
    asked = command(sent)
    assert isinstance(asked, CancelOrder)
    assert (asked.line_ids, asked.actor) == (["2", "3"], "jo")


def test_an_amendment_says_all_that_is_to_be_changed(sent: list[Send]) -> None:
    result = run(
        "amend", "json-1", "--reason", "called", "--add", "A=B=2@9.90", "--remove", "1",
        "--quantity", "2=5", "--shipping", "0", "--currency", "EUR",
        "--revision", "3", "--id", "amend-77", "--json",
    )  # fmt: skip
    assert json.loads(result.output) == {"order_id": "json-1", "asked": "amend"}
    asked = command(sent)
    assert isinstance(asked, AmendOrder)
    assert asked.add == [OrderLine("amend-77-1", "A=B", 2, 990)]
    assert (asked.remove, asked.quantities) == (["1"], [LineQuantity("2", 5)])
    assert (asked.shipping_minor, asked.base_revision, asked.amendment_id) == (0, 3, "amend-77")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--add"),
        (("--add", "MUG=2"), "like MUG=2@9.90"),
        (("--add", "MUG=0@1", "--currency", "EUR"), "1 or more"),
        (("--add", "MUG=1@1.999", "--currency", "EUR"), "--add"),
        (("--add", "MUG=1@-1", "--currency", "EUR"), "--add"),
        (("--add", "MUG=1@1"), "needs --currency"),
        (("--quantity", "3"), "like 1=3"),
        (("--quantity", "1=x"), "1 or more"),
    ],
)
def test_an_amendment_that_says_nothing_sensible_is_not_sent(
    sent: list[Send], arguments: tuple[str, ...], word: str
) -> None:
    result = run("amend", "json-1", "--reason", "x", *arguments)
    assert result.exit_code != 0
    assert word in result.output
    assert sent == []


def test_a_hold_has_an_end_and_what_follows_it(sent: list[Send]) -> None:
    run("hold", "json-1", "--kind", "address", "--reason", "x", "--until", "2030-01-31T12:00:00Z",
        "--then", "cancel", "--actor", "jo")  # fmt: skip
    asked = command(sent)
    assert isinstance(asked, HoldOrder)
    assert (asked.kind, asked.then, asked.until_ms) == ("address", "cancel", 1_896_091_200_000)
    assert asked.hold_id


def test_one_hold_or_all_of_an_order_are_released(sent: list[Send]) -> None:
    run("release", "json-1", "--reason", "fine", "--hold", "h")
    asked = command(sent)
    assert isinstance(asked, ReleaseHold)
    assert asked.hold_id == "h"


def test_an_order_id_that_none_can_have_is_not_sent(sent: list[Send]) -> None:
    assert run("release", "a|b", "--reason", "x").exit_code == 2
    assert sent == []


def held(order_id: str, since_ms: int, kind: str = "fraud", rule: str = "big") -> holds.Held:
    one = Hold(f"policy/{rule}", kind, rule, 0, "release", "", "policy", since_ms, 0)
    return holds.Held(order_id, "held", "json", "EUR", 990, one)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> list[holds.Held]:
    found = [held("json-1", NOW), held("json-2", NOW + 1), held("json-3", NOW + 2)]
    monkeypatch.setattr(holds, "standing", lambda *_: found)
    return found


def test_the_queue_is_shown_for_people_and_for_scripts(queue: list[holds.Held]) -> None:
    said = run("holds", "list", "--limit", "2").output
    assert "json-1" in said
    assert "rule big" in said
    assert "json-3" not in said
    told = [json.loads(line) for line in run("holds", "list", "--json").output.splitlines()]
    assert [one["order_id"] for one in told] == ["json-1", "json-2", "json-3"]
    assert (told[0]["until"], told[0]["then"], told[0]["rule"]) == (None, None, "big")


def test_holds_are_resolved_in_bulk_or_for_some_orders(
    queue: list[holds.Held], sent: list[Send]
) -> None:
    run("holds", "release", "json-2", "--reason", "fine")
    assert command(sent).hold_id == "policy/big"
    sent.clear()
    run("holds", "cancel", "--reason", "fraud")
    assert [type(send.record) for send in sent] == [CancelOrder] * 3
    assert run("holds", "release", "json-9", "--reason", "x").exit_code == 1


def test_holds_are_chosen_by_what_they_are_and_sorted_by_age() -> None:
    states: list[OrderState] = []
    for at in (2, 1):
        made = OrderDesk().until("reserving")
        made.now = NOW + at
        made.tell(hold(f"h{at}"))
        states.append(made.now_is)
    assert [one.hold.hold_id for one in holds.chosen(states, "", "", "")] == ["h1", "h2"]
    assert holds.chosen(states, "fraud", "", "") == []
    assert holds.chosen(states, "manual", "big", "") == []
    assert len(holds.chosen(states, "manual", "", "shop")) == 2
