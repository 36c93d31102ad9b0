"""The policies of consolidation: the cheapest locations, and no more of them than is allowed."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.fulfillment.routing_consolidation import Choice, consolidated
from tests.benchmarks.routing import cost_over_optimum

NAMES = ("A", "B", "C", "D", "E")
Lines = list[dict[str, int]]


def cost_of(opening: dict[str, int], lines: Lines, chosen: tuple[str, ...]) -> int:
    served = sum(costs[name] for costs, name in zip(lines, chosen, strict=True))
    return served + sum(opening[name] for name in set(chosen))


def cheapest(opening: dict[str, int], lines: Lines, at_most: int) -> int | None:
    """By trying everything."""
    every = product(*lines)
    costs = [
        cost_of(opening, lines, chosen)
        for chosen in every
        if not at_most or len(set(chosen)) <= at_most
    ]
    return min(costs, default=None)


openings = st.fixed_dictionaries({name: st.integers(0, 50) for name in NAMES})
orders = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 20), min_size=1), min_size=1, max_size=5
)


@given(openings, orders, st.integers(0, 3))
@settings(max_examples=150)
def test_no_choice_is_cheaper_than_the_one_that_is_made(
    opening: dict[str, int], lines: Lines, at_most: int
) -> None:
    found = consolidated(opening, lines, at_most)
    least = cheapest(opening, lines, at_most)
    assert (found.cost if found else None) == least
    if found is not None:
        assert found.is_exact
        assert cost_of(opening, lines, found.locations) == found.cost
        assert all(name in costs for name, costs in zip(found.locations, lines, strict=True))
        assert consolidated(opening, lines, at_most) == found


def test_two_lines_go_together_where_that_costs_less_than_apart() -> None:
    lines = [{"A": 0, "C": 0}, {"B": 0, "C": 0}]
    assert consolidated({"A": 5, "B": 5, "C": 9}, lines) == Choice(("C", "C"), 9, True)
    assert consolidated({"A": 5, "B": 5, "C": 11}, lines) == Choice(("A", "B"), 10, True)


def test_lines_stay_together_where_a_split_is_not_allowed_even_if_it_costs_more() -> None:
    lines = [{"A": 0, "C": 0}, {"B": 0, "C": 0}]
    assert consolidated({"A": 5, "B": 5, "C": 90}, lines, 1) == Choice(("C", "C"), 90, True)


def test_nothing_is_chosen_where_the_lines_need_more_shipments_than_are_allowed() -> None:
    assert consolidated({"A": 1, "B": 1}, [{"A": 0}, {"B": 0}], 1) is None
    assert consolidated({"A": 1}, [{"A": 0}, {}]) is None


def test_what_is_not_valid_is_not_chosen() -> None:
    lines = [{"A": 0, "C": 0}, {"B": 0, "C": 0}]
    found = consolidated(
        {"A": 5, "B": 5, "C": 90}, lines, valid=lambda chosen: len(set(chosen)) == 1
    )
    assert found is not None
    assert found.locations == ("C", "C")


def test_an_order_of_forty_lines_is_answered_though_not_every_choice_can_be_tried() -> None:
    names = [f"L{number}" for number in range(60)]
    opening = {name: 500 + number * 37 % 100 for number, name in enumerate(names)}
    lines = [
        {name: 1 for n, name in enumerate(names) if (n * 7 + line * 13) % 11 == line % 5}
        for line in range(40)
    ]
    found = consolidated(opening, lines)
    assert found is not None
    assert found == consolidated(opening, lines)


def test_orders_cost_within_five_percent_of_the_optimum_that_a_solver_finds() -> None:
    assert 1 <= cost_over_optimum(7, 20, 50) <= 1.05
