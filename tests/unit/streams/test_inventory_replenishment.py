"""The policies of ordering again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.inventory import ReleaseStock, ReserveStock
from schemas.messages import Send
from schemas.purchasing import ProposePurchase
from schemas.stock import (
    DayDemand,
    DemandState,
    ExpectSupply,
    ReorderRule,
    ReplenishmentSuggested,
    SetSku,
    SetStock,
)
from streams.inventory.agent import InventoryRoom
from streams.inventory.replenishment import WINDOW_DAYS, Demand, demand, plan, rounded
from tests.unit.streams.memory import NOW, Desk, only

DAY = 86_400_000
TODAY = NOW // DAY
RULE = ReorderRule("BER", 4, 0.95, 0, 7, 0, 0)
KEY = "MUG|@demand|BER"


def desk(on_hand: int, rule: ReorderRule = RULE) -> Desk:
    made = Desk(InventoryRoom())
    made.ask("MUG", SetStock("MUG", "BER", on_hand, 0, "count"))
    made.ask("MUG", SetSku("MUG", [], [], [], [], "", 0, [rule], "ann"))
    return made


def reserve(made: Desk, quantity: int, order_id: str = "o", location_id: str = "BER") -> list[Send]:
    return made.ask("MUG", ReserveStock(order_id, "1", "MUG", quantity, 1, [location_id], NOW))


def suggested(sends: list[Send]) -> list[ReplenishmentSuggested]:
    return [send.record for send in sends if isinstance(send.record, ReplenishmentSuggested)]


def days(*quantities: int, first: int | None = None) -> DemandState:
    """Demand of the days before today, the last one yesterday."""
    start = TODAY - len(quantities)
    kept = [DayDemand(start + n, quantity) for n, quantity in enumerate(quantities) if quantity]
    return DemandState("BER", kept, start if first is None else first, 0)


def test_demand_is_the_mean_and_deviation_of_whole_days_and_a_day_without_counts_as_none() -> None:
    """6, 0, 2 and 4 pieces: mean 3; squares 9 + 9 + 1 + 1 = 20, over 3 days: root of 6.667."""
    known = days(6, 0, 2, 4)
    known = replace(known, days=[*known.days, DayDemand(TODAY, 100)])
    found = demand(known, NOW)
    assert found.mean == 3.0
    assert found.deviation == pytest.approx((20 / 3) ** 0.5)


def test_demand_is_taken_from_four_weeks() -> None:
    """Of 30 days with 7 pieces each, the last 28; then 28 days of which 2 had some: 14 of 28."""
    assert demand(days(*[7] * 30), NOW) == Demand(7.0, 0.0)
    assert demand(days(7, 7, first=TODAY - 100), NOW).mean == 14 / WINDOW_DAYS


def test_the_first_day_is_taken_as_it_is() -> None:
    assert demand(DemandState("BER", [DayDemand(TODAY, 5)], TODAY, 0), NOW) == Demand(5.0, 0.0)
    assert demand(None, NOW) == Demand(0.0, 0.0)


def test_more_given_back_than_taken_is_no_demand() -> None:
    assert demand(days(-5, 2), NOW) == Demand(0.0, 0.0)


def test_the_reorder_point_covers_the_lead_time_and_the_safety_of_the_service_level() -> None:
    """Mean 10, deviation 3, 4 days, 95 %: 40 + 1.645 x 3 x 2 = 49.87, so 50; 7 days more: 120."""
    assert plan(RULE, Demand(10.0, 3.0)) == (50, 120)


def test_a_fixed_reorder_point_is_taken_as_it_is() -> None:
    """At 60, 20 of it beyond the 40 of the lead time: up to 40 + 70 + 20."""
    assert plan(replace(RULE, reorder_point=60), Demand(10.0, 3.0)) == (60, 130)


def test_a_service_level_below_one_half_orders_no_later_than_the_mean_says() -> None:
    assert plan(replace(RULE, service_level=0.3), Demand(10.0, 3.0)).reorder_point == 40


@pytest.mark.parametrize(
    ("minimum", "multiple", "pieces", "quantity"),
    [(0, 0, 71, 71), (100, 0, 71, 100), (0, 12, 71, 72), (100, 12, 71, 108), (0, 1, 0, 1)],
)
def test_an_order_has_its_minimum_and_is_a_multiple(
    minimum: int, multiple: int, pieces: int, quantity: int
) -> None:
    assert rounded(replace(RULE, minimum=minimum, multiple=multiple), pieces) == quantity


def demanding(on_hand: int, **also: Any) -> Desk:
    """Mean 10 and deviation 3.0 exactly: 7 and 13 pieces on 9 and 9 of 19 days, 10 on one.

    18 squares of 9 over 18 days. Reorder point 50, order up to 120.
    """
    made = desk(on_hand, replace(RULE, **also))
    made.states.put(KEY, days(*([7, 13] * 9), 10))
    return made


def test_a_location_that_falls_to_its_reorder_point_is_ordered_for() -> None:
    made = demanding(60)
    assert suggested(reserve(made, 9)) == []
    sends = reserve(made, 1, "p")
    told = only(sends, ReplenishmentSuggested)
    assert (told.available, told.on_order, told.reorder_point, told.quantity) == (50, 0, 50, 70)
    assert told.daily_mean == 10.0
    assert told.daily_deviation == pytest.approx(3.0)
    assert (told.lead_time_days, told.service_level) == (4, 0.95)
    (sent,) = (send for send in sends if isinstance(send.record, ProposePurchase))
    assert (sent.topic.name, sent.key) == ("purchasing.commands", "MUG")
    assert isinstance(sent.record, ProposePurchase)
    assert (sent.record.quantity, sent.record.suggested_at_ms) == (70, NOW)
    assert sent.record.reason == "50 available, 0 on order, 0 waited for; reorder point 50"


def test_the_order_is_raised_to_minimum_and_multiple() -> None:
    made = demanding(60, minimum=80, multiple=24)
    assert only(reserve(made, 10), ReplenishmentSuggested).quantity == 96


def test_it_is_not_suggested_again_for_a_day() -> None:
    made = demanding(60)
    reserve(made, 10)
    assert suggested(reserve(made, 1, "p")) == []
    made.now += DAY - 1
    assert suggested(reserve(made, 1, "q")) == []
    made.now += 1
    assert len(suggested(reserve(made, 1, "r"))) == 1


def test_what_is_on_order_counts_as_there() -> None:
    """45 there and 20 coming: 65, no order. The supply is cut to 4: 49, and 71 are missing."""
    made = demanding(46)
    made.ask("MUG", ExpectSupply("s", "MUG", "BER", 20, NOW + DAY, "po"))
    assert suggested(reserve(made, 1)) == []
    sends = made.ask("MUG", ExpectSupply("s", "MUG", "BER", 4, NOW + DAY, "po"))
    told = only(sends, ReplenishmentSuggested)
    assert (told.available, told.on_order, told.quantity) == (45, 4, 71)


def test_a_change_of_supply_lets_the_next_dip_be_told_on_the_same_day() -> None:
    made = demanding(60)
    reserve(made, 10)
    assert suggested(made.ask("MUG", ExpectSupply("s", "MUG", "BER", 70, 0, "po"))) == []
    assert suggested(reserve(made, 20, "p")) == []
    sends = made.ask("MUG", ExpectSupply("s", "MUG", "BER", 0, 0, "cancelled"))
    assert only(sends, ReplenishmentSuggested).quantity == 90


def test_lines_that_wait_are_missing_too() -> None:
    made = demanding(60)
    wait = ReserveStock("o", "1", "MUG", 61, 1, ["BER"], NOW, "", "", True)
    told = only(made.ask("MUG", wait), ReplenishmentSuggested)
    assert (told.available, told.backordered, told.quantity) == (60, 61, 121)


def test_a_location_without_demand_and_without_a_fixed_point_is_not_ordered_for() -> None:
    made = desk(5)
    assert suggested(made.ask("MUG", SetStock("MUG", "BER", 0, 0, "count"))) == []


def test_a_fixed_point_needs_no_demand() -> None:
    made = desk(6, replace(RULE, reorder_point=5))
    told = only(made.ask("MUG", SetStock("MUG", "BER", 2, 0, "count")), ReplenishmentSuggested)
    assert (told.quantity, told.daily_mean) == (3, 0.0)


def test_a_rule_is_looked_at_when_it_is_made() -> None:
    made = Desk(InventoryRoom())
    made.ask("MUG", SetStock("MUG", "BER", 2, 0, "count"))
    rule = replace(RULE, reorder_point=5)
    sends = made.ask("MUG", SetSku("MUG", [], [], [], [], "", 0, [rule], "ann"))
    assert only(sends, ReplenishmentSuggested).quantity == 3
    quiet = made.ask("MUG", SetSku("MUG", [], [], [], [], "", 1, [rule], "ann"))
    assert suggested(quiet) == []


def test_only_a_location_that_has_changed_is_looked_at() -> None:
    made = demanding(60)
    made.ask("MUG", SetStock("MUG", "HAM", 5, 0, "count"))
    made.states.put(KEY, days(*[100] * 10))
    assert suggested(reserve(made, 1, "p", "HAM")) == []


def test_demand_is_counted_by_day_where_a_rule_asks_for_it() -> None:
    made = desk(100)
    made.ask("MUG", SetStock("MUG", "HAM", 9, 0, "count"))
    reserve(made, 5)
    reserve(made, 2, "p")
    reserve(made, 2, "h", "HAM")
    made.ask("MUG", ReleaseStock("p", "1", "MUG", "cancelled"))
    made.now += 2 * DAY
    reserve(made, 1, "q")
    assert made.state(KEY, DemandState).days == [DayDemand(TODAY, 5), DayDemand(TODAY + 2, 1)]
    assert made.state(KEY, DemandState).first_day == TODAY
    assert "MUG|@demand|HAM" not in made.states.kept


def test_days_beyond_four_weeks_are_forgotten() -> None:
    made = desk(100)
    made.states.put(KEY, days(*[1] * 40))
    reserve(made, 1)
    assert len(made.state(KEY, DemandState).days) == WINDOW_DAYS + 1
