"""The policies for lines that are fetched, go to further addresses, or are withdrawn alone."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    Destination,
    FulfillmentLinesCancelled,
    FulfillmentOrderReleased,
    LineToSource,
    LocationsRanked,
    RankLocations,
    RouteOrder,
)
from schemas.inventory import ReserveStock
from schemas.locations import RegisterLocation, SwitchLocation
from schemas.messages import Send
from schemas.orders import RecordSourcingFailure
from schemas.purchasing import CancelPurchaseOrder
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import NOW, Desk, names, only

BERLIN = RegisterLocation("BER", "Berlin", "DE", 52.52, 13.40, True)
POZNAN = RegisterLocation("POZ", "Poznan", "PL", 52.41, 16.93, True)
MAKER = RegisterLocation("MAK", "Maker", "DE", 50, 8, True, "supplier")
TO_POLAND = Destination(1, "PL", "60-001", 52.4, 16.9)
RANK = RankLocations(
    "o", 1, "DE", "10115", 52.5, 13.3,
    [
        LineToSource("1", "MUG", 1),
        LineToSource("2", "TEE", 1, 1),
        LineToSource("3", "CAP", 1, 0, "POZ"),
        LineToSource("4", "PEN", 3, held=True),
    ],
    NOW, "shop", more_destinations=[TO_POLAND],
)  # fmt: skip


def desk(*locations: RegisterLocation) -> Desk:
    made = Desk(FulfillmentRoom())
    for location in locations:
        made.ask(location.location_id, location)
    return made


def asked(sends: list[Send]) -> dict[str, list[str]]:
    return {
        send.record.line_id: send.record.locations
        for send in sends
        if isinstance(send.record, ReserveStock)
    }


def test_each_line_is_reserved_for_where_it_goes() -> None:
    sends = desk(BERLIN, POZNAN).ask("o", RANK)
    assert asked(sends) == {
        "1": ["BER", "POZ"], "2": ["POZ", "BER"], "3": ["POZ"], "4": ["BER", "POZ"],
    }  # fmt: skip
    told = [send.record for send in sends if isinstance(send.record, LocationsRanked)]
    assert [(one.address, one.locations[0]) for one in told] == [(0, "BER"), (1, "POZ")]
    held = [send.record.held for send in sends if isinstance(send.record, ReserveStock)]
    assert held == [False, False, False, True]


def test_where_one_line_has_no_location_nothing_is_asked_for() -> None:
    made = desk(BERLIN, POZNAN)
    made.ask("POZ", SwitchLocation("POZ", True, False, "", ""))
    assert only(made.ask("o", RANK), RecordSourcingFailure).attempt == 1
    unknown = replace(RANK, lines=[LineToSource("1", "MUG", 1, 0, "XXX")])
    assert names(desk(BERLIN).ask("o", unknown)) == ["RecordSourcingFailure"]


def routed() -> Desk:
    made = desk(BERLIN, MAKER)
    made.ask(
        "o",
        RouteOrder(
            "o",
            [
                Allocation("1", "MUG", 1, "BER", []),
                Allocation("2", "TEE", 1, "BER", [], "1"),
                Allocation("3", "CAP", 1, "BER", [], "pickup"),
                Allocation("4", "PEN", 1, "MAK", []),
                Allocation("5", "INK", 1, "MAK", []),
            ],
        ),
    )
    return made


def test_what_goes_to_another_place_is_worked_on_apart() -> None:
    made = desk(BERLIN)
    sends = made.ask(
        "o",
        RouteOrder(
            "o",
            [
                Allocation("1", "MUG", 1, "BER", []),
                Allocation("2", "TEE", 1, "BER", [], "pickup"),
                Allocation("3", "CAP", 1, "BER", []),
            ],
        ),
    )
    parts = [
        (one.line_ids, one.destination)
        for send in sends
        if isinstance(one := send.record, FulfillmentOrderReleased)
    ]
    assert parts == [(["1", "3"], ""), (["2"], "pickup")]


def test_lines_are_withdrawn_once_and_the_others_stay() -> None:
    made = routed()
    command = CancelFulfillment("o", "one less", ["1", "9"])
    sends = made.ask("o", command)
    assert names(sends) == ["FulfillmentLinesCancelled"]
    assert only(sends, FulfillmentLinesCancelled).line_ids == ["1"]
    assert made.ask("o", command) == []


def test_a_suppliers_part_is_withdrawn_with_its_last_line() -> None:
    made = routed()
    assert names(made.ask("o", CancelFulfillment("o", "x", ["4"]))) == ["FulfillmentLinesCancelled"]
    sends = made.ask("o", CancelFulfillment("o", "x", ["5"]))
    assert only(sends, CancelPurchaseOrder).purchase_order_id == "o/4"
