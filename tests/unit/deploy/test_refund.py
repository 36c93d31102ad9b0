"""`millrace refund`, where no broker is needed."""

from __future__ import annotations

import json

import pytest

from schemas.messages import Send
from schemas.orders import RefundOrder, ShippedLine
from tests.unit.deploy.test_changes import command, run


def test_a_refund_says_which_pieces_and_how_much_of_shipping(sent: list[Send]) -> None:
    result = run(
        "refund", "json-1", "--line", "1:2", "--line", "a:b:3", "--line", "2", "--shipping", "0",
        "--amount", "5.00", "--currency", "EUR", "--reason", "came broken",
        "--actor", "jo", "--id", "r-7", "--json",
    )  # fmt: skip
    assert json.loads(result.output) == {"order_id": "json-1", "asked": "refund"}
    asked = command(sent)
    assert isinstance(asked, RefundOrder)
    assert asked.lines == [ShippedLine("1", 2), ShippedLine("a:b", 3), ShippedLine("2", 0)]
    assert (asked.shipping_minor, asked.amount_minor) == (0, 500)
    assert (asked.refund_id, asked.reason, asked.actor) == ("r-7", "came broken", "jo")


def test_lines_alone_come_to_their_own_share(sent: list[Send]) -> None:
    assert run("refund", "json-1", "--line", "1", "--reason", "x").exit_code == 0
    asked = command(sent)
    assert (asked.shipping_minor, asked.amount_minor) == (-1, 0)
    assert asked.refund_id


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((), "--line, --shipping or --amount"),
        (("--shipping", "0", "--currency", "EUR"), "--line, --shipping or --amount"),
        (("--line", "1:x"), "like 1 or 1:2"),
        (("--line", ":1"), "like 1 or 1:2"),
        (("--line", "1:0"), "no pieces"),
        (("--line", "1", "--amount", "0", "--currency", "EUR"), "not above 0"),
        (("--line", "1", "--amount", "-1", "--currency", "EUR"), "below 0"),
        (("--line", "1", "--shipping", "1.999", "--currency", "EUR"), "--shipping"),
        (("--line", "1", "--amount", "5"), "needs --currency"),
        (("--line", "1", "--amount", "5.5", "--currency", "JPY"), "more decimals"),
        (("--line", "1", "--id", "a|b"), "--id"),
    ],
)
def test_a_refund_that_says_nothing_sensible_is_not_sent(
    sent: list[Send], arguments: tuple[str, ...], word: str
) -> None:
    result = run("refund", "json-1", "--reason", "x", *arguments)
    assert result.exit_code == 2
    assert word in result.output
    assert sent == []
