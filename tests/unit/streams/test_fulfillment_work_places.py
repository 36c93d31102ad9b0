"""What was given back goes where the rules in force say, and counts in the capacity there."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    CapacityState,
    Destination,
    RecordMove,
    RouteOrder,
)
from schemas.fulfillment_moves import (
    AskWhereTo,
    KitPart,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrderRerouted,
    LinesUnroutable,
    RejectFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    Unroutable,
    WorkRefusal,
    WorkState,
)
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.records import Record
from schemas.routing import ROUTING_KEY, Exclusion, Goods, OrderIs, Places, SetRoutingRules
from schemas.topics import DAY_MS
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.model import CAPACITY_KEY, RANKED_MAXIMUM
from streams.fulfillment.work_model import MAXIMUM_TRIES
from tests.unit.streams.memory import NOW, Desk, names, only
from tests.unit.streams.routing_world import EVERY, rule, rules, zone
from tests.unit.streams.test_fulfillment_work import refusal
from tests.unit.streams.test_fulfillment_work_rerouting import moves

HOME = Destination(0, "DE", "10115", 52.5, 13.4)
LYON = Destination(1, "FR", "69001", 45.7, 4.8)
ANSWER = RecordWhereTo("o", "shop", "", [HOME, LYON], "EUR", 4_000)
WAREHOUSES = rule("warehouses", Places(kinds=["warehouse"]))
STORES = rule("stores", Places(kinds=["store"]))
REJECT = RejectFulfillmentOrder("o", "o/1", "full", "jo")


def desk(*made: object, bound: int = 0, **settings: object) -> Desk:
    """Two lines in Berlin, known to be nowhere else; every location with that capacity."""
    room = Desk(FulfillmentRoom())
    for one in EVERY:
        room.ask(
            one.location_id,
            RegisterLocation(
                one.location_id, one.name, one.country, one.latitude, one.longitude, True,
                one.kind, one.groups, bound,
            ),
        )  # fmt: skip
    if made:
        in_force = replace(rules(*made, **settings), version=1)  # type: ignore[arg-type]
        room.ask(ROUTING_KEY, SetRoutingRules(in_force, "anna", NOW))
    lines = [Allocation("1", "MUG", 2, "berlin", []), Allocation("2", "BATTERY-9", 1, "berlin", [])]
    room.ask("o", RouteOrder("o", lines))
    return room


def after(room: Desk, *commands: Record) -> list[Send]:
    """What the last of them leads to."""
    sends: list[Send] = []
    for command in commands:
        sends = room.ask("o", command)
    return sends


def used(room: Desk) -> dict[str, int]:
    """Fulfillment orders of today, by location."""
    state = room.states.get(CAPACITY_KEY)
    if state is None:
        return {}
    assert isinstance(state, CapacityState)
    return {one.location_id: one.fulfillment_orders for one in state.used}


def moved(line_id: str, to: str) -> RecordMove:
    return RecordMove("o", line_id, True, to)


def test_with_rules_orders_is_asked_where_the_lines_go_before_any_location_is() -> None:
    sends = after(desk(STORES), REJECT)
    assert names(sends) == ["FulfillmentOrderRejected", "AskWhereTo"]
    assert only(sends, AskWhereTo).order_id == "o"


def test_the_rules_in_force_say_where_it_goes_in_their_order() -> None:
    room = desk(STORES)
    assert moves(after(room, REJECT, ANSWER)) == [("1", "hamburg"), ("2", "hamburg")]
    stays = RecordMove("o", "1", False, "berlin", "out_of_stock")
    assert moves(after(room, stays)) == [("1", "munich")]
    assert only(after(room, stays), LinesUnroutable).line_ids == ["1"]


def test_a_location_that_gave_it_back_is_not_ranked_again() -> None:
    room = desk(WAREHOUSES)
    assert moves(after(room, REJECT, ANSWER)) == [("1", "lyon"), ("2", "lyon")]
    after(room, moved("1", "lyon"), moved("2", "lyon"))
    sends = after(room, RejectFulfillmentOrder("o", "o/2", "full", "jo"), ANSWER)
    assert only(sends, LinesUnroutable).tried == ["berlin", "lyon"]


def test_exclusions_and_carriers_hold_for_what_is_routed_again() -> None:
    off = Exclusion("no-fire", 1, OrderIs(goods=["hazardous"]), Places(locations=["hamburg"]))
    goods = (Goods("hazardous", 1, ["BATTERY-*"]),)
    room = desk(STORES, exclusions=(off,), goods=goods)
    assert moves(after(room, REJECT, ANSWER)) == [("1", "munich"), ("2", "munich")]
    by_air = zone(to=("US",))
    nowhere = desk(STORES, zones=(by_air,))
    assert only(after(nowhere, REJECT, ANSWER), LinesUnroutable).line_ids == ["1", "2"]


def test_a_supplier_gets_it_only_where_a_rule_says_so() -> None:
    sends = after(desk(WAREHOUSES), REJECT, replace(ANSWER, destinations=[HOME]))
    assert [to for _, to in moves(sends)] == ["lyon", "lyon"]
    maker = desk(rule("maker", Places(kinds=["supplier"])))
    assert [to for _, to in moves(after(maker, REJECT, ANSWER))] == ["maker", "maker"]


def test_what_goes_to_another_address_is_ranked_for_that() -> None:
    room = desk(rule("home", Places(same_country=True)))
    room.ask("p", RouteOrder("p", [Allocation("1", "MUG", 1, "berlin", [], "1")]))
    room.ask("p", RejectFulfillmentOrder("p", "p/1", "full", "jo"))
    sends = room.ask("p", replace(ANSWER, order_id="p"))
    assert [send.record.location_id for send in sends] == ["lyon"]  # type: ignore[attr-defined]


def test_without_rules_the_nearest_ones_of_the_country_are_tried() -> None:
    room = desk()
    sends = after(room, REJECT)
    assert names(sends) == ["FulfillmentOrderRejected", "AskWhereTo"]
    assert moves(after(room, ANSWER)) == [("1", "hamburg"), ("2", "hamburg")]


def test_only_so_many_locations_are_tried_for_a_line() -> None:
    room = desk(WAREHOUSES)
    for number in range(MAXIMUM_TRIES + 9):
        name = f"w{number:03d}"
        room.ask(name, RegisterLocation(name, name, "DE", 52, 13, True))
    after(room, REJECT)
    tries, sends = 0, after(room, ANSWER)
    while "1" in dict(moves(sends)):
        tries += 1
        sends = after(room, RecordMove("o", "1", False, "berlin", "out_of_stock"))
    assert tries == RANKED_MAXIMUM
    assert only(sends, LinesUnroutable).line_ids == ["1"]


def test_a_location_without_capacity_is_not_tried_and_a_new_one_uses_its_own() -> None:
    room = desk(STORES, bound=2)  # one on each of two partitions
    assert used(room) == {"berlin": 1}
    after(room, REJECT)
    assert used(room) == {}
    after(room, ANSWER, moved("1", "hamburg"), moved("2", "hamburg"))
    assert used(room) == {"hamburg": 1}
    room.ask("p", RouteOrder("p", [Allocation("1", "MUG", 1, "berlin", [])]))
    room.ask("p", RejectFulfillmentOrder("p", "p/1", "full", "jo"))
    sends = room.ask("p", replace(ANSWER, order_id="p"))
    assert moves(sends) == [("1", "munich")]


def test_what_is_given_back_on_a_later_day_gives_no_capacity_back() -> None:
    room = desk(STORES, bound=10)
    room.now += DAY_MS
    room.ask("p", RouteOrder("p", [Allocation("1", "MUG", 1, "berlin", [])]))
    after(room, REJECT)
    assert used(room) == {"berlin": 1}


def test_a_cancelled_order_gives_back_what_it_uses_where_it_is_by_then() -> None:
    room = desk(STORES, bound=10)
    after(room, REJECT, ANSWER, moved("1", "hamburg"), moved("2", "hamburg"))
    after(room, CancelFulfillment("o", "changed my mind"))
    assert used(room) == {}


def test_a_part_uses_capacity_of_its_own() -> None:
    room = desk(bound=10)
    after(room, SplitFulfillmentOrder("o", "o/1", ["2"], "jo"))
    assert used(room) == {"berlin": 2}


def test_the_answer_of_orders_alone_makes_nothing() -> None:
    room = desk()
    assert after(room, ANSWER) == []
    assert room.states.get("o|work") is None


def test_a_rerouted_one_says_its_address() -> None:
    room = desk(WAREHOUSES)
    after(room, REJECT, ANSWER, moved("1", "lyon"))
    told = only(after(room, moved("2", "lyon")), FulfillmentOrderRerouted)
    assert (told.destination, told.line_ids) == ("", ["1", "2"])
    assert room.state("o|work", WorkState).without_place == []


def test_nothing_is_redirected_to_where_no_carrier_goes_from_its_location() -> None:
    room = desk(WAREHOUSES, zones=(zone(to=("DE",)),))
    command = RedirectFulfillmentOrder("o", "o/1", 1, False, "moved", "jo", [LYON])
    assert refusal(after(room, command)) == WorkRefusal.NO_CARRIER
    near = RedirectFulfillmentOrder("o", "o/1", 2, False, "moved", "jo", [replace(HOME, address=2)])
    assert names(after(room, near)) == ["FulfillmentOrderRedirected"]


TOGETHER = rule("all", kits_together=True)
BUNDLE = replace(ANSWER, kits=[KitPart("1", "b"), KitPart("2", "b")])
NO_STOCK = [RecordMove("o", name, False, "berlin", "out_of_stock") for name in ("1", "2")]


def test_a_bundle_that_is_kept_together_goes_to_the_next_location_as_a_whole() -> None:
    room = desk(TOGETHER)
    assert moves(after(room, REJECT, BUNDLE)) == [("1", "hamburg"), ("2", "hamburg")]
    assert after(room, moved("1", "hamburg")) == []
    sends = after(room, NO_STOCK[1])
    assert moves(sends) == [("1", "maker"), ("2", "maker")]
    assert after(room, NO_STOCK[0]) == []
    assert moves(after(room, NO_STOCK[1])) == [("1", "munich"), ("2", "munich")]
    after(room, moved("2", "munich"))
    told = only(after(room, moved("1", "munich")), FulfillmentOrderRerouted)
    assert (told.location_id, told.line_ids) == ("munich", ["1", "2"])


def test_a_bundle_that_no_location_has_waits_as_a_whole_with_that_reason() -> None:
    room = desk(rule("stores", Places(kinds=["store"]), kits_together=True))
    after(room, REJECT, BUNDLE, moved("1", "hamburg"), NO_STOCK[1], NO_STOCK[1])
    sends = after(room, moved("1", "munich"))
    told = only(sends, LinesUnroutable)
    assert (told.line_ids, told.reason) == (["1", "2"], Unroutable.KIT_APART)
    again = after(room, RouteLinesTo("o", "munich", [], "jo"))
    assert moves(again) == [("1", "munich"), ("2", "munich")]
    after(room, moved("1", "munich"))
    assert only(after(room, moved("2", "munich")), FulfillmentOrderRerouted).line_ids == ["1", "2"]


def test_a_part_whose_bundle_is_elsewhere_waits_for_a_person() -> None:
    room = desk(TOGETHER)
    after(room, AcceptFulfillmentOrder("o", "o/1", ""), ReportShort("o", "o/1", "1", 1, "jo"))
    told = only(after(room, BUNDLE), LinesUnroutable)
    assert (told.line_ids, told.reason) == (["1"], Unroutable.KIT_APART)


def test_the_rest_of_a_bundle_goes_on_without_a_cancelled_part() -> None:
    room = desk(TOGETHER)
    after(room, REJECT, BUNDLE, moved("1", "hamburg"))
    sends = after(room, CancelFulfillment("o", "one less", ["2"]))
    assert only(sends, FulfillmentOrderRerouted).line_ids == ["1"]
    room = desk(TOGETHER)
    after(room, REJECT, BUNDLE, NO_STOCK[0])
    sends = after(room, CancelFulfillment("o", "one less", ["2"]))
    assert moves(sends) == [("1", "maker")]


def test_without_such_a_rule_the_parts_of_a_bundle_go_where_their_stock_is() -> None:
    room = desk(rule("all"))
    after(room, REJECT, BUNDLE, moved("1", "hamburg"))
    assert moves(after(room, NO_STOCK[1])) == [("2", "maker")]
