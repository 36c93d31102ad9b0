"""The policies of the fulfillment room."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    CapacityState,
    FulfillmentCommandRefused,
    FulfillmentOrderReleased,
    FulfillmentState,
    LineToSource,
    LocationsRanked,
    OrderRouted,
    RankLocations,
    RecordMove,
    RouteOrder,
    Status,
)
from schemas.inventory import MoveReservation, ReserveStock
from schemas.locations import (
    LOCATIONS_KEY,
    ChannelSourcingSet,
    LocationRegistered,
    LocationsState,
    LocationState,
    RegisterLocation,
    SetChannelSourcing,
    SwitchLocation,
)
from schemas.messages import Send
from schemas.orders import CancelOrder, RecordRouting, RecordSourcingFailure
from schemas.purchasing import CancelPurchaseOrder, CreatePurchaseOrder, PurchaseLine
from schemas.topics import DAY_MS, PARTITIONS, PURCHASING_COMMANDS
from streams.fulfillment.agent import FulfillmentRoom
from streams.fulfillment.model import CAPACITY_KEY, RANKED_MAXIMUM, share
from tests.unit.streams.memory import NOW, Desk, names, only

BERLIN = RegisterLocation("BER", "Berlin", "DE", 52.52, 13.40, True)
HAMBURG = RegisterLocation("HAM", "Hamburg", "DE", 53.55, 9.99, True)
POZNAN = RegisterLocation("POZ", "Poznan", "PL", 52.41, 16.93, True)
CLOSED = RegisterLocation("CLO", "Closed", "DE", 52.5, 13.4, False)
MAKER = RegisterLocation("MAK", "Maker", "DE", 50, 8, True, "supplier")
CANCEL = CancelFulfillment("o", "cancelled")


def desk(*locations: RegisterLocation, partition: int = 0) -> Desk:
    made = Desk(FulfillmentRoom(), partition)
    for location in locations:
        made.ask(location.location_id, location)
    return made


def rank(country: str = "DE", latitude: float = 52.5, longitude: float = 13.3) -> RankLocations:
    lines = [LineToSource("1", "MUG", 2), LineToSource("2", "TEE", 1)]
    return RankLocations(
        "o", 1, country, "10115", latitude, longitude, lines, NOW, "shop", "vip", True, 7
    )


def ranking(made: Desk, command: RankLocations) -> list[str]:
    return only(made.ask("o", command), LocationsRanked).locations


def route(*where: tuple[str, list[str]], order_id: str = "o") -> RouteOrder:
    return RouteOrder(
        order_id,
        [
            Allocation(str(number), f"SKU{number}", 1, location_id, also_at)
            for number, (location_id, also_at) in enumerate(where, start=1)
        ],
    )


def test_one_partition_announces_a_location_and_all_know_it() -> None:
    assert names(desk().ask("BER", BERLIN)) == ["LocationRegistered"]
    made = desk(partition=3)
    assert made.ask("BER", BERLIN) == []
    assert len(made.state(LOCATIONS_KEY, LocationsState).locations) == 1


def test_a_location_that_is_registered_again_keeps_what_the_command_leaves_empty() -> None:
    made = desk(BERLIN)
    made.ask("BER", RegisterLocation("BER", "", "", 0, 0, True))
    made.ask("BER", RegisterLocation("BER", "Berlin Mitte", "", 0, 0, True))
    made.ask("BER", RegisterLocation("BER", "", "AT", 0, 0, True))
    [location] = made.state(LOCATIONS_KEY, LocationsState).locations
    assert location == LocationState("BER", "Berlin Mitte", "AT", 52.52, 13.40, True, "warehouse")
    made.ask("BER", RegisterLocation("BER", "", "", 48.2, 0, True))
    [location] = made.state(LOCATIONS_KEY, LocationsState).locations
    assert (location.latitude, location.longitude) == (48.2, 0)


def test_what_is_announced_is_the_location_as_it_is_known_from_now_on() -> None:
    made = desk(BERLIN)
    said = made.ask("BER", RegisterLocation("BER", "Berlin Mitte", "", 0, 0, False))
    assert only(said, LocationRegistered) == LocationRegistered(
        "BER", "Berlin Mitte", "DE", 52.52, 13.40, False, NOW, "warehouse"
    )
    said = made.ask("BER", RegisterLocation("BER", "", "", 0, 0, True))
    assert only(said, LocationRegistered).active is False
    said = made.ask("NEW", RegisterLocation("NEW", "", "", 0, 0, True))
    assert only(said, LocationRegistered).name == "NEW"


def test_a_command_that_only_names_a_location_makes_it_known_and_opens_none() -> None:
    made = desk(CLOSED)
    made.ask("CLO", RegisterLocation("CLO", "", "", 0, 0, True))
    made.ask("NEW", RegisterLocation("NEW", "", "", 0, 0, True))
    assert made.state(LOCATIONS_KEY, LocationsState).locations == [
        LocationState("CLO", "Closed", "DE", 52.5, 13.4, False, "warehouse"),
        LocationState("NEW", "NEW", "", 0.0, 0.0, True, "warehouse"),
    ]
    assert ranking(made, rank()) == ["NEW"]


def test_the_same_country_comes_first_and_then_the_shorter_way() -> None:
    made = desk(HAMBURG, POZNAN, BERLIN, CLOSED)
    assert ranking(made, rank()) == ["BER", "HAM", "POZ"]
    assert ranking(made, rank("PL")) == ["POZ", "BER", "HAM"]


def test_without_coordinates_the_country_decides() -> None:
    made = desk(HAMBURG, POZNAN, BERLIN)
    assert ranking(made, rank("PL", 0, 0)) == ["POZ", "BER", "HAM"]
    assert ranking(made, rank("", 0, 0)) == ["BER", "HAM", "POZ"]


def test_a_location_that_closes_is_no_longer_tried() -> None:
    made = desk(HAMBURG, BERLIN)
    assert ranking(made, rank()) == ["BER", "HAM"]
    made.ask("BER", RegisterLocation("BER", "Berlin", "DE", 52.52, 13.40, False))
    assert ranking(made, rank()) == ["HAM"]


def test_a_bounded_number_of_locations_is_tried() -> None:
    many = [RegisterLocation(f"L{n:02}", "", "DE", 50, n, True) for n in range(20)]
    assert len(ranking(desk(*many), rank())) == RANKED_MAXIMUM


def switch(location_id: str, *, selling: bool = True, fulfilling: bool = True) -> SwitchLocation:
    return SwitchLocation(location_id, selling, fulfilling, "flood", "ann")


def test_a_location_that_does_not_sell_or_fulfill_is_not_tried_until_it_is_switched_on() -> None:
    made = desk(HAMBURG, BERLIN)
    told = only(made.ask("BER", switch("BER", selling=False)), LocationRegistered)
    assert (told.name, told.selling, told.fulfilling) == ("Berlin", False, True)
    assert ranking(made, rank()) == ["HAM"]
    made.ask("BER", switch("BER", fulfilling=False))
    assert ranking(made, rank()) == ["HAM"]
    made.ask("BER", BERLIN)
    assert ranking(made, rank()) == ["HAM"]
    made.ask("BER", switch("BER"))
    assert ranking(made, rank()) == ["BER", "HAM"]


def test_a_channel_sells_from_its_groups_and_without_any_from_everywhere() -> None:
    store = RegisterLocation("STO", "", "DE", 52.5, 13.4, True, "store", ["stores", "berlin"])
    made = desk(HAMBURG, store)
    sends = made.ask("shop", SetChannelSourcing("shop", ["stores", "outlets"], "ann"))
    assert sends == [
        Send(
            sends[0].topic,
            "shop",
            ChannelSourcingSet("shop", ["outlets", "stores"], "ann", NOW),
        )
    ]
    assert ranking(made, rank()) == ["STO"]
    made.ask("other", SetChannelSourcing("other", ["outlets"], "ann"))
    assert ranking(made, rank()) == ["STO"]
    assert only(made.ask("shop", SetChannelSourcing("shop", [], "")), ChannelSourcingSet) == (
        ChannelSourcingSet("shop", [], "", NOW)
    )
    assert ranking(made, rank()) == ["STO", "HAM"]


def test_one_partition_announces_switches_and_sourcing_and_all_know_them() -> None:
    made = desk(HAMBURG, BERLIN, partition=1)
    assert made.ask("BER", switch("BER", selling=False)) == []
    assert made.ask("shop", SetChannelSourcing("shop", [], "")) == []
    assert ranking(made, rank()) == ["HAM"]


def test_a_location_that_has_used_up_its_part_of_the_days_capacity_is_not_tried() -> None:
    bounded = RegisterLocation("BER", "", "DE", 52.52, 13.40, True, daily_capacity=2 * PARTITIONS)
    made = desk(HAMBURG, bounded)
    assert share(2 * PARTITIONS) == 2
    assert share(2 * PARTITIONS - 1) == 2
    assert share(1) == 1
    for number in range(2):
        assert ranking(made, rank()) == ["BER", "HAM"]
        order_id = f"o-{number}"
        made.ask(order_id, route(("BER", []), ("HAM", []), order_id=order_id))
    assert ranking(made, rank()) == ["HAM"]
    assert [use.location_id for use in made.state(CAPACITY_KEY, CapacityState).used] == ["BER"]
    made.now += DAY_MS
    assert ranking(made, rank()) == ["BER", "HAM"]
    made.ask("o-9", route(("BER", []), order_id="o-9"))
    [use] = made.state(CAPACITY_KEY, CapacityState).used
    assert use.fulfillment_orders == 1


def test_what_is_withdrawn_on_the_day_of_its_release_gives_its_capacity_back() -> None:
    bounded = RegisterLocation("BER", "", "DE", 52.52, 13.40, True, daily_capacity=PARTITIONS)
    made = desk(HAMBURG, bounded)

    def used() -> int:
        return sum(one.fulfillment_orders for one in made.state(CAPACITY_KEY, CapacityState).used)

    made.ask("o", route(("BER", []), ("HAM", [])))
    assert (used(), ranking(made, rank())) == (1, ["HAM"])
    made.ask("o", CANCEL)
    assert (used(), ranking(made, rank())) == (0, ["BER", "HAM"])
    made.ask("o", CANCEL)
    assert used() == 0
    made.ask("o-1", route(("BER", []), order_id="o-1"))
    made.now += DAY_MS
    made.ask("o-2", route(("BER", []), order_id="o-2"))
    made.ask("o-1", replace(CANCEL, order_id="o-1"))
    assert (used(), ranking(made, rank())) == (1, ["HAM"])


def test_where_no_location_has_a_capacity_nothing_is_counted() -> None:
    made = desk(BERLIN)
    made.ask("o", route(("BER", [])))
    assert CAPACITY_KEY not in made.states.kept


def test_what_a_supplier_sends_to_the_customer_is_ordered_there() -> None:
    made = desk(BERLIN, MAKER)
    sends = made.ask("o", route(("BER", []), ("MAK", []), ("MAK", [])))
    create = only(sends, CreatePurchaseOrder)
    assert create == CreatePurchaseOrder(
        "o/2", "MAK", "", [PurchaseLine("2", "SKU2", 1, 0), PurchaseLine("3", "SKU3", 1, 0)],
        "", 0, "o", "drop-ship", "fulfillment",
    )  # fmt: skip
    assert Send(PURCHASING_COMMANDS, "o/2", create) in sends
    assert only(sends, RecordRouting).shipments == 2
    withdrawn = made.ask("o", CANCEL)
    assert only(withdrawn, CancelPurchaseOrder) == CancelPurchaseOrder(
        "o/2", "cancelled", "fulfillment"
    )


def test_an_order_that_was_never_routed_has_nothing_to_withdraw_at_a_supplier() -> None:
    made = desk(BERLIN, MAKER)
    made.ask("o", route(("MAK", ["BER"]), ("BER", [])))
    assert names(made.ask("o", CANCEL)) == ["FulfillmentCancelled"]


def test_whose_thresholds_and_which_place_in_the_queue_is_told_to_inventory() -> None:
    sends = desk(BERLIN).ask("o", rank())
    asked = next(send.record for send in sends if isinstance(send.record, ReserveStock))
    assert (asked.channel, asked.customer_group, asked.backorder, asked.priority) == (
        "shop", "vip", True, 7,
    )  # fmt: skip
    assert asked.expires is False


def test_each_line_is_reserved_in_the_order_of_the_ranking() -> None:
    sends = desk(HAMBURG, BERLIN).ask("o", rank())
    asked = [send.record for send in sends if isinstance(send.record, ReserveStock)]
    assert [(line.sku, line.locations) for line in asked] == [
        ("MUG", ["BER", "HAM"]),
        ("TEE", ["BER", "HAM"]),
    ]


def test_without_an_open_location_sourcing_fails() -> None:
    assert only(desk().ask("o", rank()), RecordSourcingFailure).reason == "no_location"
    assert names(desk(CLOSED).ask("o", rank())) == ["RecordSourcingFailure"]


def test_an_order_at_one_location_is_routed_at_once_and_only_once() -> None:
    made = desk()
    sends = made.ask("o", route(("BER", []), ("BER", ["HAM"])))
    assert names(sends) == ["OrderRouted", "FulfillmentOrderReleased", "RecordRouting"]
    assert only(sends, FulfillmentOrderReleased).line_ids == ["1", "2"]
    assert made.ask("o", route(("BER", []), ("BER", ["HAM"]))) == []


def test_an_order_that_no_location_can_serve_alone_is_split() -> None:
    sends = desk().ask("o", route(("BER", []), ("HAM", []), ("BER", [])))
    released = [s.record for s in sends if isinstance(s.record, FulfillmentOrderReleased)]
    assert [(part.fulfillment_order_id, part.line_ids) for part in released] == [
        ("o/1", ["1", "3"]),
        ("o/2", ["2"]),
    ]
    assert only(sends, RecordRouting).shipments == 2


def test_lines_are_moved_to_the_location_that_needs_the_fewest_moves() -> None:
    made = desk()
    where = (("BER", ["MUC", "HAM"]), ("HAM", ["MUC"]), ("HAM", ["MUC"]))
    sends = made.ask("o", route(*where))
    assert only(sends, MoveReservation) == MoveReservation("o", "1", "SKU1", "HAM")
    routed = made.ask("o", RecordMove("o", "1", True, "HAM"))
    assert only(routed, OrderRouted) == OrderRouted("o", 1, 1, NOW)
    assert made.ask("o", RecordMove("o", "1", True, "HAM")) == []


def test_an_order_whose_move_was_refused_is_shipped_from_where_its_lines_are() -> None:
    made = desk()
    made.ask("o", route(("BER", ["HAM"]), ("HAM", [])))
    assert only(made.ask("o", RecordMove("o", "1", False, "BER")), RecordRouting).shipments == 2


def test_a_cancelled_order_is_not_routed_when_its_moves_come_in() -> None:
    made = desk()
    made.ask("o", route(("BER", ["HAM"]), ("HAM", [])))
    assert names(made.ask("o", CANCEL)) == ["FulfillmentCancelled"]
    assert made.ask("o", RecordMove("o", "1", True, "HAM")) == []
    assert made.ask("o", CANCEL) == []


def test_a_routed_order_can_be_withdrawn() -> None:
    made = desk()
    made.ask("o", route(("BER", [])))
    assert names(made.ask("o", CANCEL)) == ["FulfillmentCancelled"]
    assert made.state("o", FulfillmentState).status == Status.CANCELLED


def test_withdrawing_an_unknown_order_is_refused() -> None:
    assert only(desk().ask("o", CANCEL), FulfillmentCommandRefused).reason == "unknown_order"


def test_a_foreign_record_is_no_command() -> None:
    with pytest.raises(TypeError):
        desk().ask("o", CancelOrder("o", "", NOW))
