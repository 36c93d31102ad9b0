"""The policies of routing rules in the room: they hold on every partition, and decide there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    DecideShortage,
    Destination,
    FulfillmentOrderReleased,
    LineTerms,
    LineToSource,
    LocationsRanked,
    OrderRouted,
    RankLocations,
    RecordMove,
    RouteOrder,
)
from schemas.inventory import ChosenByStock, MoveReservation, ReserveStock
from schemas.locations import LocationsState, RegisterLocation
from schemas.messages import Send
from schemas.orders import RecordSourcingFailure
from schemas.routing import (
    ROUTING_KEY,
    Exclusion,
    Goods,
    OrderIs,
    Places,
    RecordUnrouted,
    RoutingRules,
    RoutingRulesSet,
    RoutingState,
    SetRoutingRules,
)
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.ranking import rank
from streams.fulfillment.routing import Router
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


def test_an_order_that_no_rule_speaks_of_waits_in_the_queue_with_the_reason() -> None:
    sends = desk(rules(rule("edi", when=OrderIs(channels=["edi"])))).ask("o", RANK)
    told = only(sends, RecordSourcingFailure)
    assert (told.attempt, told.reason, told.otherwise) == (1, "no_location", "queue")
    assert told.detail.startswith("line 1: no location serves it: no rule for this order names it")
    assert len(sends) == 1


def test_without_rules_the_policy_decides_about_an_order_without_location() -> None:
    sends = Desk(FulfillmentRoom()).ask("o", RANK)
    assert only(sends, RecordSourcingFailure) == RecordSourcingFailure("o", 1, "no_location")


def test_inventory_is_told_where_rules_say_what_follows() -> None:
    def ruled(made: Desk) -> set[bool]:
        return {one.record.ruled for one in made.ask("o", RANK)
                if isinstance(one.record, ReserveStock)}  # fmt: skip

    assert ruled(desk()) == {False}
    assert ruled(desk(rules(ALL))) == {False}
    assert ruled(desk(rules(rule("last", otherwise="queue")))) == {True}


def test_inventory_is_told_among_which_locations_stock_decides() -> None:
    first = rule("first", Places(kinds=["warehouse"]), sort=("distance",))
    made = desk(rules(first, rule("stores", Places(kinds=["store"]), sort=("distance", "age"))))
    asked = [one.record for one in made.ask("o", RANK) if isinstance(one.record, ReserveStock)]
    assert asked[0].locations == ["berlin", "lyon", "hamburg", "munich"]
    assert [one.choices for one in asked] == [[ChosenByStock(2, 3, "age")]] * 2
    plain = [one.record for one in desk(rules(ALL)).ask("o", RANK)]
    assert all(not one.choices for one in plain if isinstance(one, ReserveStock))


def test_what_stock_has_decided_does_not_move_for_cost_alone() -> None:
    cheap = zone("cheap", 100, places=Places(locations=["berlin"]))
    command = route(Allocation("1", "MUG", 1, "hamburg", ["berlin"]))
    for sort, moves in ((("distance", "overstock"), 0), (("distance",), 1)):
        sends = desk(rules(rule(sort=sort), zones=(cheap, zone()))).ask("o", command)
        assert sum(isinstance(one.record, MoveReservation) for one in sends) == moves


def short(made: Desk, *line_ids: str, wanted: RankLocations = RANK) -> RecordSourcingFailure:
    """What orders is told of lines without stock."""
    sends = made.ask("o", DecideShortage("o", wanted, list(line_ids)))
    return only(sends, RecordSourcingFailure)


@pytest.mark.parametrize(
    ("otherwise", "said"),
    [("queue", "queue"), ("backorder", "backorder"), ("cancel", "cancel"), ("drop_ship", "queue"),
     ("next", "")],
)  # fmt: skip
def test_the_rule_that_ends_the_list_decides_about_an_order_without_stock(
    otherwise: str, said: str
) -> None:
    made = desk(rules(rule("last", otherwise=otherwise, cancel_after_ms=9)))
    told = short(made, "1")
    assert (told.otherwise, told.reason) == (said, "out_of_stock")
    assert told.rule == ("last" if said else "")
    assert told.cancel_after_ms == (0 if said == "cancel" else 9)
    assert told.detail == "line 1: no location that is tried has enough"


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("cancel", "queue", "cancel"), ("queue", "backorder", "queue"), ("next", "backorder", ""),
        ("queue", "next", "queue"),
    ],
)  # fmt: skip
def test_the_weightier_of_two_rules_decides_about_an_order_of_two_kinds_of_goods(
    first: str, second: str, said: str
) -> None:
    made = desk(
        rules(
            rule("hazardous", when=OrderIs(goods=["hazardous"]), otherwise=first),
            rule("mugs", when=OrderIs(goods=["mugs"]), otherwise=second),
            goods=(Goods("hazardous", 1, ["BATTERY-*"]), Goods("mugs", 1, ["MUG"])),
        )
    )
    assert short(made, "1", "2").otherwise == said


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


APART = (Allocation("1", "MUG", 1, "berlin", []), Allocation("2", "TEE", 1, "munich", []))


def unrouted(sends: list[Send]) -> RecordUnrouted:
    """What orders is told instead of fulfillment orders; nothing else is written."""
    assert len(sends) == 1
    return only(sends, RecordUnrouted)


@pytest.mark.parametrize(
    ("otherwise", "said"),
    [("queue", "queue"), ("backorder", "queue"), ("next", "queue"), ("cancel", "cancel")],
)
def test_an_order_that_takes_more_shipments_than_allowed_is_not_routed(
    otherwise: str, said: str
) -> None:
    made = desk(rules(rule("one", split=1, otherwise=otherwise, cancel_after_ms=9)))
    told = unrouted(made.ask("o", route(*APART)))
    assert (told.otherwise, told.rule) == (said, "one")
    assert told.detail == "it takes more than 1 shipment"
    assert told.cancel_after_ms == (0 if said == "cancel" else 9)
    assert made.states.get("o") is None


def test_a_person_can_let_it_go_as_it_is() -> None:
    made = desk(rules(rule(split=1, minimum_minor=9_999), zones=(zone(),)))
    assert only(made.ask("o", route(*APART, overruled=True)), OrderRouted).shipments == 2


def test_nothing_is_asked_about_lines_where_one_shipment_is_enough() -> None:
    made = desk(rules(rule(minimum_minor=2_000, kits_together=True), zones=(zone(),)))
    command = route(Allocation("1", "MUG", 1, "berlin", []), currency="EUR")
    assert only(made.ask("o", command), OrderRouted).shipments == 1


@pytest.mark.parametrize(("value", "shipments"), [(1_999, 0), (2_000, 2)])
def test_several_shipments_are_worth_the_minimum_or_the_order_is_not_routed(
    value: int, shipments: int
) -> None:
    made = desk(rules(rule("worth", minimum_minor=2_000), zones=(zone(),)))
    assert unrouted(made.ask("o", route(*APART, currency="EUR"))).terms_wanted
    terms = [LineTerms("1", 2_000, ""), LineTerms("2", value, "")]
    sends = made.ask("o", route(*APART, currency="EUR", terms=terms))
    if shipments:
        assert only(sends, OrderRouted).shipments == shipments
    else:
        told = unrouted(sends)
        assert (told.rule, told.terms_wanted) == ("worth", False)
        assert told.detail == "a shipment would be worth less than the minimum"


def test_a_minimum_does_not_count_in_another_currency() -> None:
    made = desk(rules(rule(minimum_minor=2_000), zones=(zone(),)))
    terms = [LineTerms("1", 1, ""), LineTerms("2", 1, "")]
    sends = made.ask("o", route(*APART, currency="USD", terms=terms))
    assert only(sends, OrderRouted).shipments == 2


def test_the_parts_of_a_bundle_are_brought_together_where_a_rule_says_so() -> None:
    dear = zone("dear", 5_000, places=Places(locations=["hamburg"]))
    lines = [replace(one, also_at=["hamburg"]) for one in APART]
    made = desk(rules(rule(kits_together=True), zones=(dear, zone())))
    assert unrouted(made.ask("o", route(*lines))).terms_wanted
    terms = [LineTerms("1", 1, "b"), LineTerms("2", 1, "b")]
    moves = [
        one.record
        for one in made.ask("o", route(*lines, terms=terms))
        if isinstance(one.record, MoveReservation)
    ]
    assert {one.location_id for one in moves} == {"hamburg"}


def test_an_order_is_not_routed_from_where_no_carrier_goes_any_more() -> None:
    made = desk(rules(rule(otherwise="backorder"), zones=(zone(to=("FR",)),)))
    told = unrouted(made.ask("o", route(APART[0])))
    assert (told.otherwise, told.rule) == ("queue", "")
    assert told.detail == "line 1: no carrier goes there from berlin"


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
