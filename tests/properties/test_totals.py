"""Properties of money that is divided: nothing is lost, whoever asks first."""

from __future__ import annotations

import itertools
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.orders import LineKind
from schemas.totals import (
    PricedLine,
    PricedOrder,
    RateSum,
    Share,
    allocate,
    by_rate,
    line_total,
    part,
    rate_sums,
    recomputed_total,
    rounded,
    shares,
)
from tests.unit.streams.memory import place

AMOUNTS = st.integers(0, 10**6)
RATES = st.sampled_from([0, 70_000, 190_000, 200_000, 81_500])


@st.composite
def priced_orders(draw: st.DrawFn, most_lines: int = 6) -> PricedOrder:
    lines = [
        PricedLine(
            line_id=str(number),
            quantity=draw(st.integers(1, 2_000)),
            unit_price_minor=draw(st.one_of(st.just(0), st.integers(0, 20_000))),
            per=draw(st.sampled_from([1, 1, 1, 3, 1000])),
            kind=draw(st.sampled_from(list(LineKind))),
            discount_minor=draw(st.one_of(st.just(0), AMOUNTS)),
            tax_minor=draw(st.one_of(st.just(0), st.integers(0, 5_000))),
            tax_rate_ppm=draw(RATES),
        )
        for number in range(draw(st.integers(1, most_lines)))
    ]
    return PricedOrder(
        lines=lines,
        discount_minor=draw(st.one_of(st.just(0), AMOUNTS)),
        shipping_minor=draw(st.one_of(st.just(0), st.integers(0, 5_000))),
        tax_minor=draw(st.one_of(st.just(0), AMOUNTS)),
        prices_include_tax=draw(st.booleans()),
        shipping_tax_rate_ppm=draw(RATES),
    )


@given(AMOUNTS, st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_what_is_divided_is_all_given_out(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    assert sum(parts) == amount
    assert min(parts) >= 0
    whole = sum(weights)
    for got, weight in zip(parts, weights, strict=True):
        fair = Fraction(amount * weight, whole) if whole else Fraction(amount, len(weights))
        assert abs(got - fair) < 1


@given(AMOUNTS, st.lists(st.integers(0, 10**4), min_size=2, max_size=12))
def test_a_larger_weight_never_gets_less(amount: int, weights: list[int]) -> None:
    parts = allocate(amount, weights)
    for (one, got), (other, other_got) in itertools.combinations(
        list(zip(weights, parts, strict=True)), 2
    ):
        if one > other:
            assert got >= other_got
        if one == other:
            assert 0 <= got - other_got <= 1, "of equals the earlier one is served first"


def test_a_weight_of_nothing_gets_nothing_unless_all_are() -> None:
    assert allocate(100, [0, 1, 0, 2]) == [0, 33, 0, 67]
    assert allocate(5, [0, 0, 0]) == [2, 2, 1]
    assert allocate(0, []) == []


def test_an_amount_below_nothing_or_for_nobody_is_refused() -> None:
    for amount, weights in ((-1, [1]), (1, [1, -1]), (1, [])):
        with pytest.raises(ValueError):
            allocate(amount, weights)


def test_halves_are_rounded_away_from_nothing() -> None:
    assert [rounded(n, 2) for n in (-3, -1, 0, 1, 3)] == [-2, -1, 0, 1, 2]
    assert [rounded(n, 3) for n in (-2, -1, 1, 2, 4, 5)] == [-1, 0, 0, 1, 1, 2]


def test_a_price_for_a_thousand_pieces_is_rounded_once_for_the_line() -> None:
    assert line_total(PricedLine("1", 345, 1_299, per=1000)) == 448


@given(priced_orders())
def test_the_lines_shares_sum_to_the_total_of_the_order(order: PricedOrder) -> None:
    assert sum(share.total_minor for share in shares(order)) == recomputed_total(order)


@given(priced_orders())
def test_no_share_is_below_nothing_where_the_order_is_not(order: PricedOrder) -> None:
    if recomputed_total(order) < 0:
        return
    for share in shares(order):
        assert share.goods_minor >= share.discount_minor >= 0
        assert share.tax_minor >= 0
        assert share.shipping_minor >= 0
        assert share.goods_tax_minor >= 0
        assert share.shipping_tax_minor >= 0


@given(priced_orders(), st.data())
def test_the_parts_of_a_line_sum_to_it_however_it_is_cut(
    order: PricedOrder, data: st.DataObject
) -> None:
    for line, share in zip(order.lines, shares(order), strict=True):
        parts = []
        gone = 0
        while gone < line.quantity:
            pieces = data.draw(st.integers(1, line.quantity - gone))
            if len(parts) == 6:
                pieces = line.quantity - gone
            parts.append(part(share, pieces, line.quantity, gone))
            gone += pieces
        assert sum(each.total_minor for each in parts) == share.total_minor
        for name in Share.__struct_fields__[1:7]:
            assert sum(getattr(each, name) for each in parts) == getattr(share, name)
        if recomputed_total(order) >= 0:
            assert min(each.total_minor for each in parts) >= 0
        assert rate_sums(parts) == rate_sums([share])


@given(priced_orders(), st.randoms(use_true_random=False))
def test_giving_back_piece_by_piece_in_any_order_gives_back_the_total(
    order: PricedOrder, random: Random
) -> None:
    of_lines = dict(zip([line.line_id for line in order.lines], shares(order), strict=True))
    left = {line.line_id: line.quantity for line in order.lines}
    back = 0
    while open_lines := [line for line in order.lines if left[line.line_id]]:
        line = random.choice(open_lines)
        pieces = random.randint((left[line.line_id] + 2) // 3, left[line.line_id])
        already = line.quantity - left[line.line_id]
        back += part(of_lines[line.line_id], pieces, line.quantity, already).total_minor
        left[line.line_id] -= pieces
    assert back == recomputed_total(order)


def test_more_pieces_than_a_line_has_are_refused() -> None:
    share = shares(PricedOrder([PricedLine("1", 3, 100)]))[0]
    for quantity, of_quantity, already in ((2, 3, 2), (-1, 3, 1), (1, 0, 0), (1, 3, -1)):
        with pytest.raises(ValueError):
            part(share, quantity, of_quantity, already)


@given(priced_orders())
def test_net_and_tax_by_rate_are_together_the_total(order: PricedOrder) -> None:
    total = recomputed_total(order)
    if total >= 0:
        assert sum(each.net_minor + each.tax_minor for each in by_rate(order)) == total


@given(priced_orders(), st.integers(1, 5))
def test_a_line_that_costs_more_bears_no_less_of_the_discount(
    order: PricedOrder, more: int
) -> None:
    found = [
        each
        for each, line in zip(shares(order), order.lines, strict=True)
        if line.kind != LineKind.GIFT_CARD
    ]
    for one, other in itertools.combinations(found, 2):
        if one.goods_minor > other.goods_minor:
            assert one.discount_minor >= other.discount_minor
            assert one.shipping_minor >= other.shipping_minor


def test_an_orders_discount_passes_a_gift_card_by_while_goods_can_take_it() -> None:
    lines = [PricedLine("1", 1, 5_000, kind=LineKind.GIFT_CARD), PricedLine("2", 1, 1_000)]
    assert [s.discount_minor for s in shares(PricedOrder(lines, discount_minor=900))] == [0, 900]
    assert [s.discount_minor for s in shares(PricedOrder(lines, discount_minor=1_200))] == [
        200,
        1_000,
    ]
    assert [s.shipping_minor for s in shares(PricedOrder(lines, shipping_minor=490))] == [0, 490]


def test_a_discount_that_goods_cannot_take_comes_off_shipping_and_then_off_tax() -> None:
    lines = [PricedLine("1", 1, 1_000), PricedLine("2", 1, 3_000)]
    order = PricedOrder(lines, discount_minor=4_400, shipping_minor=300, tax_minor=800)
    assert [s.discount_minor for s in shares(order)] == [1_000, 3_000]
    assert [s.shipping_minor for s in shares(order)] == [0, 0]
    assert sum(s.tax_minor for s in shares(order)) == 700 == recomputed_total(order)


def test_a_lines_discount_beyond_the_line_is_borne_by_the_others() -> None:
    lines = [PricedLine("1", 1, 500, discount_minor=800), PricedLine("2", 1, 2_000)]
    assert [s.total_minor for s in shares(PricedOrder(lines))] == [0, 1_700]


def test_tax_within_prices_is_computed_on_the_sum_at_each_rate() -> None:
    lines = [
        PricedLine("1", 1, 1_999, tax_rate_ppm=190_000),
        PricedLine("2", 1, 1_001, tax_rate_ppm=190_000),
        PricedLine("3", 1, 1_070, tax_rate_ppm=70_000),
    ]
    order = PricedOrder(
        lines, shipping_minor=595, prices_include_tax=True, shipping_tax_rate_ppm=190_000
    )
    # 35.95 at 19 %: 35.95 x 19 / 119 = 5.7399; 10.70 at 7 %: 0.70.
    assert by_rate(order) == [RateSum(190_000, 3_021, 574), RateSum(70_000, 1_000, 70)]


def test_tax_by_line_as_the_channel_gives_it_goes_before_the_rate() -> None:
    lines = [
        PricedLine("1", 1, 1_000, tax_minor=81, tax_rate_ppm=81_500),
        PricedLine("2", 1, 1_000, tax_minor=82, tax_rate_ppm=81_500),
    ]
    order = PricedOrder(lines, tax_minor=163)
    assert [s.tax_minor for s in shares(order)] == [81, 82]
    assert by_rate(order) == [RateSum(81_500, 2_000, 163)]


def test_what_is_added_beyond_tax_is_told_without_a_rate() -> None:
    lines = [PricedLine("1", 1, 10_000, tax_minor=1_900, tax_rate_ppm=190_000)]
    order = PricedOrder(lines, tax_minor=2_400)
    assert by_rate(order) == [RateSum(190_000, 10_000, 1_900), RateSum(0, 500, 0)]


def test_an_order_as_it_comes_and_one_built_from_state_give_the_same() -> None:
    placed = place()
    priced = PricedOrder(
        [PricedLine(line.line_id, line.quantity, line.unit_price_minor) for line in placed.lines],
        placed.discount_minor,
        placed.shipping_minor,
        placed.tax_minor,
    )
    assert shares(placed) == shares(priced)


@given(st.lists(st.tuples(st.integers(1, 1000), AMOUNTS), min_size=1, max_size=5), AMOUNTS)
def test_without_the_newer_fields_the_total_is_what_the_lines_and_the_orders_sums_give(
    lines: list[tuple[int, int]], other: int
) -> None:
    order = PricedOrder(
        [PricedLine(str(at), *line) for at, line in enumerate(lines)],
        discount_minor=other // 3,
        shipping_minor=other // 2,
        tax_minor=other,
    )
    expected = sum(quantity * price for quantity, price in lines)
    assert recomputed_total(order) == expected + other // 2 + other - other // 3
