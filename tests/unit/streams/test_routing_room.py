"""The policies of routing rules in the room: they hold on every partition, and decide there."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    Destination,
    FulfillmentOrderReleased,
    LineToSource,
    LocationsRanked,
    OrderRouted,
    RankLocations,
    RecordMove,
    RouteOrder,
)
from schemas.inventory import MoveReservation, ReserveStock
from schemas.locations import LocationsState, RegisterLocation
from schemas.messages import Send
from schemas.orders import RecordSourcingFailure
from schemas.routing import (
    ROUTING_KEY,
    Exclusion,
    Goods,
    OrderIs,
    Places,
    RoutingRules,
    RoutingRulesSet,
    RoutingState,
    SetRoutingRules,
)
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.routing import Router
from streams.fulfillment.rules import rank
from tests.unit.streams.memory import NOW, Desk, only
from tests.unit.streams.routing_world import EVERY, location, rule, rules, zone

STORES = rule("stores", Places(kinds=["store"]))
ALL = rule("all")
RANK = RankLocations(
    "o", 1, "DE", "10115", 52.5, 13.3,
    [LineToSource("1", "MUG", 2), LineToSource("2", "BATTERY-9", 1)], NOW, "shop",
    currency="EUR", total_minor=5_000,
)  # fmt: skip
HOME = Destination(0, "DE", "10115", 52.5, 13.3)


def set_rules(made: RoutingRules, version: int = 1) -> SetRoutingRules:
    return SetRoutingRules(replace(made, version=version), "anna", NOW)


def desk(made: RoutingRules | None = None, partition: int = 0) -> Desk:
    room = Desk(FulfillmentRoom(), partition)
    for one in EVERY:
        room.ask(
            one.location_id,
            RegisterLocation(
                one.location_id, one.name, one.country, one.latitude, one.longitude, True,
                one.kind, one.groups,
            ),
        )  # fmt: skip
    if made is not None:
        room.ask(ROUTING_KEY, set_rules(made))
    return room


def ranked(sends: list[Send]) -> dict[str, list[str]]:
    """The locations that each line is reserved at, by SKU."""
    return {one.record.sku: one.record.locations for one in sends
            if isinstance(one.record, ReserveStock)}  # fmt: skip


def test_without_rules_the_nearest_location_of_the_country_is_the_first() -> None:
    found = ranked(desk().ask("o", RANK))
    assert found["MUG"] == ["berlin", "hamburg", "maker", "munich", "lyon"]


def test_stock_is_asked_for_at_the_locations_that_the_rules_say() -> None:
    found = ranked(desk(rules(STORES)).ask("o", RANK))
    assert found == {"MUG": ["hamburg", "munich"], "BATTERY-9": ["hamburg", "munich"]}


def test_goods_that_rules_tell_apart_are_asked_for_at_other_locations() -> None:
    off = Exclusion("no-fire", 1, OrderIs(goods=["hazardous"]), Places(kinds=["store"]))
    made = rules(ALL, exclusions=(off,), goods=(Goods("hazardous", 1, ["BATTERY-*"]),))
    sends = desk(made).ask("o", RANK)
    found = ranked(sends)
    assert found["BATTERY-9"] == ["berlin", "maker", "lyon"]
    assert "hamburg" in found["MUG"]
    told = [one.record for one in sends if isinstance(one.record, LocationsRanked)]
    assert [one.locations for one in told] == [found["MUG"], found["BATTERY-9"]]


def test_an_order_that_no_rule_speaks_of_has_no_location() -> None:
    sends = desk(rules(rule("edi", when=OrderIs(channels=["edi"])))).ask("o", RANK)
    assert only(sends, RecordSourcingFailure).attempt == 1
    assert len(sends) == 1


def test_a_rule_about_value_counts_only_in_its_own_currency() -> None:
    dear = rule("dear", Places(kinds=["store"]), OrderIs(value_at_least_minor=5_000))
    made = desk(rules(dear, ALL))
    assert ranked(made.ask("o", RANK))["MUG"][0] == "hamburg"
    assert ranked(made.ask("o", replace(RANK, total_minor=4_999)))["MUG"][0] == "berlin"
    assert ranked(made.ask("o", replace(RANK, currency="USD")))["MUG"][0] == "berlin"


def test_each_further_address_is_ranked_for_by_itself() -> None:
    lines = [LineToSource("1", "MUG", 1), LineToSource("2", "TEE", 1, 1)]
    command = replace(
        RANK, lines=lines, more_destinations=[Destination(1, "FR", "69001", 45.7, 4.8)]
    )
    found = ranked(desk(rules(rule("home", Places(same_country=True)))).ask("o", command))
    assert (found["MUG"][0], found["TEE"]) == ("berlin", ["lyon"])


def test_newer_rules_hold_and_older_ones_change_nothing() -> None:
    made = desk(rules(STORES))
    told = made.ask(ROUTING_KEY, set_rules(rules(ALL), 2))
    event = only(told, RoutingRulesSet)
    assert (event.version, event.previous_version, event.rules) == (2, 1, 1)
    assert made.ask(ROUTING_KEY, set_rules(rules(STORES), 1)) == []
    assert made.ask(ROUTING_KEY, set_rules(rules(ALL), 2)) == []
    assert ranked(made.ask("o", RANK))["MUG"][0] == "berlin"


def test_rules_hold_on_every_partition_and_one_of_them_tells() -> None:
    made = desk(partition=3)
    assert made.ask(ROUTING_KEY, set_rules(rules(STORES))) == []
    assert isinstance(made.states.get(ROUTING_KEY), RoutingState)
    assert ranked(made.ask("o", RANK))["MUG"] == ["hamburg", "munich"]


def route(*allocations: Allocation, **more: object) -> RouteOrder:
    return RouteOrder("o", list(allocations), "shop", destinations=[HOME], **more)  # type: ignore[arg-type]


def test_a_reservation_moves_where_that_costs_less() -> None:
    made = desk(rules(ALL, zones=(zone(),)))
    command = route(
        Allocation("1", "MUG", 1, "berlin", ["hamburg"]),
        Allocation("2", "TEE", 1, "hamburg", ["munich"]),
    )
    move = only(made.ask("o", command), MoveReservation)
    assert move == MoveReservation("o", "1", "MUG", "hamburg")
    sends = made.ask("o", RecordMove("o", "1", True, "hamburg"))
    assert only(sends, OrderRouted).shipments == 1


def test_lines_stay_apart_where_one_shipment_costs_more_than_two() -> None:
    dear = zone("dear", 5_000, places=Places(locations=["hamburg"]))
    made = desk(rules(ALL, zones=(dear, zone())))
    command = route(
        Allocation("1", "MUG", 1, "berlin", ["hamburg"]),
        Allocation("2", "TEE", 1, "munich", ["hamburg"]),
    )
    sends = made.ask("o", command)
    parts = [one.record for one in sends if isinstance(one.record, FulfillmentOrderReleased)]
    assert [one.location_id for one in parts] == ["berlin", "munich"]


def test_what_is_fetched_never_moves() -> None:
    made = desk(rules(ALL, zones=(zone(),)))
    command = route(
        Allocation("1", "MUG", 1, "berlin", ["hamburg"]),
        Allocation("2", "TEE", 1, "hamburg", [], "pickup"),
    )
    parts = [
        one.record
        for one in made.ask("o", command)
        if isinstance(one.record, FulfillmentOrderReleased)
    ]
    assert [one.location_id for one in parts] == ["berlin", "hamburg"]


def test_lines_stay_where_they_are_held_if_the_rules_allow_no_way() -> None:
    made = desk(rules(rule(split=1), zones=(zone(),)))
    command = route(
        Allocation("1", "MUG", 1, "berlin", []), Allocation("2", "TEE", 1, "munich", [])
    )
    assert only(made.ask("o", command), OrderRouted).shipments == 2


@given(
    st.lists(
        st.tuples(
            st.floats(40, 56), st.floats(-5, 15), st.sampled_from(["DE", "FR"]), st.booleans()
        ),
        min_size=1,
        max_size=25,
        unique_by=lambda one: (round(one[0], 2), round(one[1], 2)),
    ),
    st.sampled_from([(52.5, 13.3), (0.0, 0.0)]),
)
@settings(max_examples=60)
def test_one_rule_without_conditions_ranks_as_no_rules_do(
    places: list[tuple[float, float, str, bool]], to: tuple[float, float]
) -> None:
    known = LocationsState(
        [
            replace(location(f"l{number:02}", country, north, east), fulfilling=works)
            for number, (north, east, country, works) in enumerate(places)
        ]
    )
    command = replace(RANK, latitude=to[0], longitude=to[1])
    expected = rank(known, None, command, NOW)
    found = rank(known, None, command, NOW, Router(rules(ALL), known))
    assert ranked(found) == ranked(expected)
