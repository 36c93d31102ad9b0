"""The policies of routing rules: which locations are tried, and in which order."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.locations import ChannelSourcing, LocationsState
from schemas.routing import Exclusion, Goods, OrderIs, Places
from streams.fulfillment.model import RANKED_MAXIMUM, distance_km
from streams.fulfillment.routing import Router
from streams.fulfillment.routing_planning import ROUTED, Order, planned
from streams.fulfillment.routing_ranking import Why
from tests.unit.streams.routing_world import (
    BERLIN,
    EVERY,
    HAMBURG,
    LYON,
    MAKER,
    MONDAY,
    MUNICH,
    calendar,
    location,
    ms,
    order,
    router,
    rule,
    rules,
    zone,
)

NOW = ms(MONDAY)
STORES = Places(kinds=["store"])
WAREHOUSES = Places(kinds=["warehouse"])


def tried(there: Router, made: Order, **used: int) -> list[str]:
    return there.ranked(made.asked(made.lines), used, NOW).locations


def why(there: Router, made: Order, name: str, **used: int) -> tuple[str, str]:
    verdicts = there.explained(made.asked(made.lines), used, NOW)
    return next((one.rule, one.why) for one in verdicts if one.location_id == name)


def test_locations_of_a_rule_stand_by_country_then_by_distance() -> None:
    assert tried(router(rules(rule())), order()) == ["berlin", "hamburg", "maker", "munich", "lyon"]


def test_the_locations_of_a_later_rule_stand_behind_those_of_the_rules_before_it() -> None:
    there = router(rules(rule("stores", STORES), rule("warehouses", WAREHOUSES)))
    ranked = there.ranked(order().asked(order().lines), {}, NOW)
    assert ranked.locations == ["hamburg", "munich", "berlin", "lyon"]
    assert ranked.rules == ["stores", "stores", "warehouses", "warehouses"]


def test_no_rule_is_asked_behind_one_that_says_what_is_done_otherwise() -> None:
    there = router(rules(rule("a", STORES, otherwise="backorder"), rule("b", WAREHOUSES)))
    assert tried(there, order()) == ["hamburg", "munich"]


def test_suppliers_are_tried_last_where_a_rule_says_drop_ship() -> None:
    there = router(rules(rule("a", WAREHOUSES, otherwise="drop_ship"), rule("b", STORES)))
    assert tried(there, order()) == ["berlin", "lyon", "maker"]


def test_a_location_that_an_exclusion_names_is_in_no_list() -> None:
    hazardous = Goods("hazardous", 1, ["BATTERY-*"])
    off = Exclusion("no-fire", 1, OrderIs(goods=["hazardous"]), STORES)
    there = router(rules(rule(), exclusions=(off,), goods=(hazardous,)))
    assert tried(there, order("BATTERY-9")) == ["berlin", "maker", "lyon"]
    assert "hamburg" in tried(there, order("MUG"))
    assert why(there, order("BATTERY-9"), "hamburg") == ("no-fire", Why.EXCLUDED)


@pytest.mark.parametrize(
    ("when", "fitting", "other"),
    [
        (OrderIs(channels=["shop"]), order(), order(channel="edi")),
        (OrderIs(customer_groups=["club"]), order(group="club"), order()),
        (OrderIs(countries=["DE"]), order(), order(country="FR")),
        (OrderIs(not_countries=["FR"]), order(), order(country="FR")),
        (OrderIs(postal_codes=["101"]), order(postal="101 15"), order(postal="20095")),
        (OrderIs(pieces_at_least=4), order("A", "B", pieces=2), order(pieces=3)),
        (OrderIs(pieces_at_most=3), order(pieces=3), order("A", "B", pieces=2)),
        (OrderIs(value_at_least_minor=2_000), order("A", "B"), order("A")),
        (OrderIs(value_below_minor=2_000), order("A"), order("A", "B")),
    ],
)
def test_a_rule_counts_only_for_orders_that_it_speaks_of(
    when: OrderIs, fitting: Order, other: Order
) -> None:
    there = router(rules(rule("stores", STORES, when)))
    assert set(tried(there, fitting)) == {"hamburg", "munich"}
    assert tried(there, other) == []


@pytest.mark.parametrize(
    ("places", "left"),
    [
        (Places(kinds=["supplier"]), {"maker"}),
        (Places(groups=["stores"]), {"hamburg", "munich"}),
        (Places(countries=["FR"]), {"lyon"}),
        (Places(locations=["lyon", "berlin"]), {"lyon", "berlin"}),
        (Places(same_country=True, kinds=["warehouse"]), {"berlin"}),
        (Places(within_km=300), {"berlin", "hamburg"}),
        (Places(cost_at_most_minor=600), {"berlin", "hamburg", "maker"}),
    ],
)
def test_a_rule_tries_only_the_places_that_it_names(places: Places, left: set[str]) -> None:
    there = router(rules(rule("some", places), zones=(zone(per_100_km=25),)))
    assert set(tried(there, order())) == left


def test_a_location_whose_capacity_is_used_up_is_not_tried() -> None:
    there = router(rules(rule()))
    assert "munich" in tried(there, order(), munich=9)
    assert "munich" not in tried(there, order(), munich=10)
    assert why(there, order(), "munich", munich=10) == ("all", Why.NO_CAPACITY)


def test_a_rule_can_ask_for_capacity_that_is_left() -> None:
    there = router(rules(rule("idle", Places(capacity_left_percent=50))))
    assert "munich" in tried(there, order(), munich=5)
    assert why(there, order(), "munich", munich=6) == ("idle", Why.LITTLE_CAPACITY)
    assert "berlin" in tried(there, order(), berlin=99)


def test_a_location_after_its_cut_off_is_not_tried_where_it_must_leave_today() -> None:
    made = rules(rule("today", Places(before_cut_off=True)), calendars=(calendar(14 * 60),))
    asked = order().asked(order().lines)
    there = router(made)
    before = there.ranked(asked, {}, ms(MONDAY.replace(hour=12, minute=59)))
    after = there.ranked(asked, {}, ms(MONDAY.replace(hour=13)))
    assert len(before.locations) == 5
    assert after.locations == []


def test_a_promise_that_is_too_late_leaves_a_location_out() -> None:
    slow = zone("abroad", transit=3, places=Places(countries=["FR"]))
    there = router(rules(rule("fast", Places(promise_within_days=2)), zones=(slow, zone())))
    assert "lyon" not in tried(there, order())
    assert why(there, order(), "lyon") == ("fast", Why.TOO_LATE)


def test_no_location_is_tried_from_which_no_carrier_goes() -> None:
    home = zone(places=Places(same_country=True))
    there = router(rules(rule(), zones=(home,)))
    assert "lyon" not in tried(there, order())
    assert why(there, order(), "lyon") == ("", Why.NO_CARRIER)
    near = zone(places=Places(within_km=300))
    assert tried(router(rules(rule(), zones=(near,))), order()) == ["berlin", "hamburg"]


def test_goods_go_only_by_carriers_that_take_them() -> None:
    cold = Goods("cold", 1, ["COLD-*"])
    chain = zone("chain", places=Places(locations=["munich"]), goods=("cold",))
    parcel = zone(not_goods=("cold",))
    there = router(rules(rule(), goods=(cold,), zones=(chain, parcel)))
    assert tried(there, order("COLD-1")) == ["munich"]
    assert len(tried(there, order("MUG"))) == 5


def test_cost_capacity_promise_and_sequence_can_decide() -> None:
    zones = (zone("cheap", 100, places=Places(countries=["FR"]), transit=4), zone(cost=900))
    cases = {
        ("cost", "distance"): "lyon",
        ("promise", "distance"): "berlin",
        ("sequence",): "munich",
    }
    for sort, first in cases.items():
        there = router(rules(rule(sort=sort), zones=zones, sequence=("munich",)))
        assert tried(there, order())[0] == first
    there = router(rules(rule("stores", STORES, sort=("capacity",))))
    assert tried(there, order(), munich=1) == ["hamburg", "munich"]


def test_a_channel_is_served_only_by_the_groups_that_it_sells_from() -> None:
    known = LocationsState(list(EVERY), [ChannelSourcing("shop", ["stores"])])
    there = Router(rules(rule()), known)
    assert tried(there, order()) == ["hamburg", "munich"]
    assert why(there, order(), "berlin") == ("", Why.OTHER_CHANNEL)


def test_a_location_that_does_not_sell_or_fulfill_is_unknown_to_rules() -> None:
    there = router(rules(rule()), replace(BERLIN, selling=False), replace(LYON, fulfilling=False))
    assert tried(there, order()) == []


def test_without_coordinates_a_location_is_the_farthest() -> None:
    nowhere = location("nowhere", "DE", 0.0, 0.0)
    assert tried(router(rules(rule()), nowhere, MUNICH), order()) == ["munich", "nowhere"]
    there = router(rules(rule("near", Places(within_km=900))), nowhere, MUNICH)
    assert tried(there, order()) == ["munich"]


coordinates = st.tuples(st.floats(40, 56), st.floats(-5, 15))


@given(
    st.lists(coordinates, min_size=1, max_size=40, unique=True),
    coordinates,
    st.sampled_from([("distance",), ("cost", "distance"), ("distance", "capacity")]),
    st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
@settings(max_examples=80)
def test_going_outwards_finds_the_same_locations_as_weighing_all(
    points: list[tuple[float, float]],
    to: tuple[float, float],
    sort: tuple[str, ...],
    used: list[int],
) -> None:
    locations = [
        location(f"l{number:02}", "DE", *point, daily_capacity=3 * (number % 2))
        for number, point in enumerate(points)
    ]
    there = router(rules(rule(sort=sort), zones=(zone(per_100_km=30),)), *locations)
    made = order(latitude=to[0], longitude=to[1])
    busy = {one.location_id: used[number] for number, one in enumerate(locations)}

    def far(number: int) -> float:
        return distance_km(*points[number], *to)

    free = [
        n for n, one in enumerate(locations)
        if not one.daily_capacity or busy[one.location_id] < one.daily_capacity
    ]  # fmt: skip
    expected = sorted(free, key=far)[:RANKED_MAXIMUM]
    found = tried(there, made, **busy)
    assert [round(far(int(name[1:])), 3) for name in found] == [round(far(n), 3) for n in expected]


def test_every_location_is_explained_and_the_tried_ones_come_first() -> None:
    there = router(rules(rule("stores", STORES), rule("berlin", Places(locations=["berlin"]))))
    verdicts = there.explained(order().asked(order().lines), {}, NOW)
    assert [(one.location_id, one.position) for one in verdicts] == [
        ("hamburg", 1), ("munich", 2), ("berlin", 3), ("lyon", 0), ("maker", 0),
    ]  # fmt: skip
    assert all(one.why for one in verdicts if not one.position)


STOCK = {
    "A": {"berlin": 1, "hamburg": 5},
    "B": {"hamburg": 5, "munich": 5},
    "C": {"munich": 5, "lyon": 5},
}


def plan(there: Router, made: Order) -> tuple[str, dict[str, list[str]]]:
    found = planned(there, made, STOCK.get, {}, NOW)
    return found.outcome, {one.location_id: one.line_ids for one in found.shipments}


def test_lines_go_together_where_that_is_cheaper_than_the_first_location_of_each() -> None:
    there = router(rules(rule(), zones=(zone(),)))
    assert plan(there, order("A")) == (ROUTED, {"berlin": ["1"]})
    assert plan(there, order("A", "B")) == (ROUTED, {"hamburg": ["1", "2"]})


def test_an_order_that_needs_more_shipments_than_its_rule_allows_waits_for_a_person() -> None:
    there = router(rules(rule(split=1), zones=(zone(),)))
    assert plan(there, order("A", "B"))[0] == ROUTED
    assert plan(there, order("A", "C")) == ("queue", {})


def test_no_shipment_of_several_is_worth_less_than_the_minimum() -> None:
    dear = zone("dear", 5_000, places=Places(locations=["hamburg"]))
    split = router(rules(rule(), zones=(dear, zone())))
    assert plan(split, order("A", "B"))[1] == {"berlin": ["1"], "munich": ["2"]}
    kept = router(rules(rule(minimum_minor=1_500), zones=(dear, zone())))
    assert plan(kept, order("A", "B"))[1] == {"hamburg": ["1", "2"]}
    assert plan(kept, order("A", "C")) == ("queue", {})


def test_nothing_moves_that_saves_no_shipment_where_shipments_count() -> None:
    cheap = zone("cheap", 100, places=Places(locations=["hamburg"]))
    for consolidate, first in (("cost", "hamburg"), ("shipments", "berlin")):
        there = router(rules(rule(), zones=(cheap, zone()), consolidate=consolidate))
        assert plan(there, order("A"))[1] == {first: ["1"]}


@pytest.mark.parametrize("otherwise", ["queue", "backorder", "cancel"])
def test_what_nobody_has_is_dealt_with_as_the_rule_says(otherwise: str) -> None:
    there = router(rules(rule(otherwise=otherwise, cancel_after_ms=1_000)))
    found = planned(there, order("A", pieces=6), STOCK.get, {}, NOW)
    assert found.outcome == otherwise
    assert "line 1" in found.why
    assert found.cancel_at_ms == (0 if otherwise == "cancel" else NOW + 1_000)


def test_a_surcharge_of_a_rule_makes_its_locations_the_dearer_ones() -> None:
    made = rules(rule("stores", STORES, surcharge_minor=300), rule("all"), zones=(zone(),))
    there = router(made)
    assert plan(there, order("A"))[1] == {"berlin": ["1"]}


def test_an_order_is_promised_for_the_day_on_which_its_last_line_comes() -> None:
    made = rules(rule(), calendars=(calendar(handling=1),), zones=(zone(transit=2),))
    found = planned(router(made), order("A"), STOCK.get, {}, NOW)
    assert found.shipments[0].delivery == (date(2026, 1, 5) + timedelta(3)).isoformat()


def test_explained_agrees_with_what_is_tried() -> None:
    there = router(rules(rule("near", Places(within_km=400))), HAMBURG, BERLIN, MAKER, LYON)
    verdicts = there.explained(order().asked(order().lines), {}, NOW)
    assert [one.location_id for one in verdicts if one.position] == tried(there, order())
