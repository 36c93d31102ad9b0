"""The policies of what rules ask of shipments, and of what they do where that cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.routing import Goods, OrderIs, Places
from streams.fulfillment.routing import Bounds, Router
from streams.fulfillment.routing_planning import (
    Line,
    Order,
    bounds_of,
    consolidated_lines,
    grouped,
    planned,
)
from tests.unit.streams.routing_world import MONDAY, ms, order, router, rule, rules, zone

NOW = ms(MONDAY)
STOCK = {
    "A": {"berlin": 1, "hamburg": 5},
    "B": {"hamburg": 5, "munich": 5},
    "C": {"munich": 5, "lyon": 5},
}


def plan(there: Router, made: Order) -> tuple[str, dict[str, list[str]]]:
    found = planned(there, made, STOCK.get, {}, NOW)
    return found.outcome, {one.location_id: one.line_ids for one in found.shipments}


def test_another_way_from_the_same_locations_is_found_where_the_cheapest_is_worth_too_little() -> (
    None
):
    far = {"A": {"berlin": 9}, "B": {"munich": 9}, "BOTH": {"berlin": 9, "munich": 9}}
    made = order("A", "B", "BOTH")._replace(
        lines=tuple(Line(sku, sku, 1, value) for sku, value in
                    (("A", 2_000), ("B", 500), ("BOTH", 2_000)))
    )  # fmt: skip
    there = router(rules(rule(minimum_minor=1_500), zones=(zone(),)))
    found = planned(there, made, far.get, {}, NOW)
    assert {one.location_id: one.line_ids for one in found.shipments} == {
        "berlin": ["A"], "munich": ["B", "BOTH"],
    }  # fmt: skip


def bundled(*skus: str, value: int = 1_000) -> Order:
    """An order of which every line is a part of one bundle."""
    lines = tuple(Line(str(number), sku, 1, value, "b") for number, sku in enumerate(skus, 1))
    return order(*skus)._replace(lines=lines)


def test_the_parts_of_a_bundle_go_from_one_location_where_a_rule_says_so() -> None:
    dear = zone("dear", 5_000, places=Places(locations=["hamburg"]))
    apart = router(rules(rule(), zones=(dear, zone())))
    assert plan(apart, bundled("A", "B"))[1] == {"berlin": ["1"], "munich": ["2"]}
    together = router(rules(rule(kits_together=True), zones=(dear, zone())))
    assert plan(together, bundled("A", "B"))[1] == {"hamburg": ["1", "2"]}
    assert plan(together, order("A", "B"))[1] == {"berlin": ["1"], "munich": ["2"]}
    by_shipments = rules(rule(kits_together=True), zones=(zone(),), consolidate="shipments")
    assert plan(router(by_shipments), bundled("A", "B"))[1] == {"hamburg": ["1", "2"]}


def test_a_bundle_whose_parts_are_nowhere_together_waits_for_a_person() -> None:
    there = router(rules(rule(kits_together=True), zones=(zone(),)))
    found = planned(there, bundled("A", "C"), STOCK.get, {}, NOW)
    assert (found.outcome, found.why) == ("queue", "no location has all parts of a bundle")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"split": 1}, "it takes more than 1 shipment"),
        ({"minimum_minor": 1_500}, "a shipment would be worth less than the minimum"),
    ],
)
def test_a_rule_that_cancels_does_so_where_its_shipments_cannot_be(
    settings: dict[str, int], why: str
) -> None:
    cancels = rule(otherwise="cancel", **settings)
    found = planned(router(rules(cancels, zones=(zone(),))), order("A", "C"), STOCK.get, {}, NOW)
    assert (found.outcome, found.why) == ("cancel", why)


def test_the_stricter_bound_counts_where_rules_differ_by_goods() -> None:
    loose = rule("loose", split=3, when=OrderIs(goods=["b"]), otherwise="queue")
    strict = rule("strict", split=1, minimum_minor=700)
    made = rules(loose, strict, goods=(Goods("b", 1, ["C"]),), zones=(zone(),))
    groups = grouped(router(made), order("C", "A"), {}, NOW)
    assert [one.ranked.plan.bounds.split for one in groups] == [3, 1]
    assert bounds_of(groups) == (1, 700, False)


able_of_each = st.lists(
    st.lists(
        st.sampled_from(["berlin", "hamburg", "munich", "lyon"]), min_size=1, max_size=4,
        unique=True,
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(
    able_of_each,
    st.lists(st.tuples(st.integers(100, 900), st.sampled_from(["", "k", "l"])), min_size=4),
    st.integers(0, 3),
    st.sampled_from([0, 500, 900]),
    st.booleans(),
)
@settings(max_examples=150)
def test_no_way_that_keeps_to_the_bounds_is_missed_and_none_that_does_not_is_taken(
    ables: list[list[str]],
    terms: list[tuple[int, str]],
    split: int,
    minimum: int,
    kits: bool,
) -> None:
    lines = [
        Line(str(number), "MUG", 1, *one)
        for number, one in enumerate(terms[: len(ables)])
    ]  # fmt: skip
    bounds = Bounds(split, minimum, kits)

    def keeps(chosen: Sequence[str]) -> bool:
        worth: dict[str, int] = {}
        homes: dict[str, set[str]] = {}
        for line, name in zip(lines, chosen, strict=True):
            worth[name] = worth.get(name, 0) + line.value_minor
            homes.setdefault(line.kit or line.line_id, set()).add(name)
        return (
            (not split or len(worth) <= split)
            and (len(worth) == 1 or min(worth.values()) >= minimum)
            and (not kits or all(len(one) == 1 for one in homes.values()))
        )

    there = router(rules(rule(), zones=(zone(per_100_km=30),)))
    groups = grouped(there, order()._replace(lines=tuple(lines)), {}, NOW)
    able = {line.line_id: one for line, one in zip(lines, ables, strict=True)}
    found = consolidated_lines(there, groups, able, bounds)
    assert (found is not None) == any(map(keeps, product(*ables)))
    if found is not None:
        assert keeps(found.locations)
        assert all(name in one for name, one in zip(found.locations, ables, strict=True))


def test_the_policy_decides_about_stock_where_no_rule_ends_the_list() -> None:
    found = planned(router(rules(rule())), order("A", pieces=6), STOCK.get, {}, NOW)
    assert found.outcome == "as_policy"


def test_an_order_without_a_location_waits_for_a_person_who_is_told_why() -> None:
    home = zone(places=Places(same_country=True))
    made = rules(rule("french", Places(countries=["FR"]), otherwise="backorder"), zones=(home,))
    found = planned(router(made), order("A"), STOCK.get, {}, NOW)
    assert found.outcome == "queue"
    assert found.why.startswith("line 1: no location serves it: no rule for this order names it (4")
    assert "no carrier goes from there with these goods (1)" in found.why


def test_where_stock_decides_the_location_with_the_most_is_first_and_nothing_moves_for_cost() -> (
    None
):
    cheap = zone("cheap", 100, places=Places(locations=["berlin"]))
    stock = {"A": {"berlin": 1, "hamburg": 5}, "B": {"berlin": 1, "munich": 5}}
    made = rules(rule(sort=("distance", "overstock")), zones=(cheap, zone()))
    found = planned(router(made), order("A"), stock.get, {}, NOW)
    assert [one.location_id for one in found.shipments] == ["hamburg"]
    both = planned(router(made), order("A", "B"), stock.get, {}, NOW)
    assert [one.location_id for one in both.shipments] == ["berlin"]


def test_cost_decides_about_lines_that_stock_does_not_speak_for() -> None:
    cheap = zone("cheap", 100, places=Places(locations=["munich"]))
    stores = rule("stores", Places(kinds=["store"]), sort=("distance", "overstock"))
    warehouses = rule("first", Places(kinds=["warehouse"]), sort=("distance",))
    there = router(rules(warehouses, stores, zones=(cheap, zone())))
    stock = {"A": {"berlin": 1, "munich": 5}, "B": {"hamburg": 2, "munich": 1}}
    assert plan_of(there, order("A"), stock) == ["munich"]
    assert plan_of(there, order("B"), stock) == ["hamburg"]


def plan_of(there: Router, made: Order, stock: dict[str, dict[str, int]]) -> list[str]:
    return [one.location_id for one in planned(there, made, stock.get, {}, NOW).shipments]
