"""Sixty orders cost, are captured and given back to the minor unit as orders.toml has worked out.

What is written there was computed by by_fractions.py, in exact fractions and apart from the code
under test; each order's working is told in words beside it.
"""

from __future__ import annotations

from typing import Any

import pytest

from schemas import money
from schemas.totals import Share, by_rate, part, recomputed_total, shares
from tests.money.by_fractions import Working, in_turn, pieces_in_words, sums
from tests.money.written import NAMES, WRITTEN, minors, placed

EACH = pytest.mark.parametrize("order", WRITTEN, ids=NAMES)
CURRENCIES = {"EUR": 2, "USD": 2, "GBP": 2, "JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "CLF": 4}


def test_there_are_sixty_orders_in_currencies_of_none_two_three_and_four_decimals() -> None:
    assert len(WRITTEN) == 60
    assert {order["given"]["currency"] for order in WRITTEN} == set(CURRENCIES)
    assert {code: money.EXPONENTS[code] for code in CURRENCIES} == CURRENCIES


@EACH
def test_what_is_written_is_what_exact_fractions_give(order: dict[str, Any]) -> None:
    given = order["given"]
    assert {"tenders": {}, **order["sums"]} == sums(given)
    turns = {"shipments": "captured", "refunds": "given_back"}
    for name, word in turns.items():
        written = order[name]
        assert [turn[word] for turn in written] == in_turn(
            given, [turn["lines"] for turn in written]
        )
    words = Working(given).words + pieces_in_words(given, [t["lines"] for t in order["refunds"]])
    assert order["working"].split() == " ".join(words).split()


@EACH
def test_an_order_costs_what_is_written(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    (total,) = minors([order["sums"]["total"]], command.currency)
    (claimed,) = minors([order["given"]["total"]], command.currency)
    assert recomputed_total(command) == total
    assert command.total_minor == claimed


@EACH
def test_each_line_bears_what_is_written(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    found = shares(command)
    columns = {
        "goods": [share.goods_minor for share in found],
        "discount": [share.discount_minor for share in found],
        "shipping": [share.shipping_minor for share in found],
        "on_top": [share.tax_minor for share in found],
        "each": [share.total_minor for share in found],
    }
    assert columns == {name: minors(order["sums"][name], command.currency) for name in columns}


@EACH
def test_net_and_tax_by_rate_are_what_is_written(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    written = [
        (row["rate"], *minors([row["net"], row["tax"]], command.currency))
        for row in order["sums"]["rates"]
    ]
    assert [
        (f"{row.tax_rate_ppm / 10_000:g}", row.net_minor, row.tax_minor) for row in by_rate(command)
    ] == written


def in_parts(order: dict[str, Any], turns: list[dict[str, Any]]) -> list[list[Share]]:
    """The parts of lines that each of the turns is about, as the rooms cut them."""
    command = placed(order["given"])
    of_line = dict(zip([line.line_id for line in command.lines], shares(command), strict=True))
    quantities = {line.line_id: line.quantity for line in command.lines}
    gone = dict.fromkeys(of_line, 0)
    found = []
    for turn in turns:
        parts = []
        for line_id, pieces in turn["lines"].items():
            parts.append(part(of_line[line_id], pieces, quantities[line_id], gone[line_id]))
            gone[line_id] += pieces
        found.append(parts)
    assert gone == quantities, "the turns leave nothing over"
    return found


@EACH
@pytest.mark.parametrize(("name", "word"), [("shipments", "captured"), ("refunds", "given_back")])
def test_each_shipment_and_each_refund_is_worth_what_is_written(
    order: dict[str, Any], name: str, word: str
) -> None:
    currency = order["given"]["currency"]
    worth = [sum(each.total_minor for each in parts) for parts in in_parts(order, order[name])]
    assert worth == minors([turn[word] for turn in order[name]], currency)
    assert [sum(worth)] == minors([order["sums"]["total"]], currency)


@EACH
def test_what_the_tenders_pay_is_the_total(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    written = minors(list(order["sums"].get("tenders", {}).values()), command.currency)
    assert len(written) == len(command.tenders)
    if written:
        assert sum(written) == recomputed_total(command)
