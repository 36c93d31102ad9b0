"""What a location gives back goes elsewhere, never back, and to a person when nothing is left."""

from __future__ import annotations

import pytest

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    Destination,
    RecordMove,
    RouteOrder,
)
from schemas.fulfillment_moves import AskWhereTo, RecordWhereTo
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrderRerouted,
    FulfillmentOrderShort,
    LinesUnroutable,
    RejectFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    StartPicking,
    Unroutable,
    WorkRefusal,
    WorkStatus,
)
from schemas.inventory import MoveReservation
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.purchasing import CancelPurchaseOrder, CreatePurchaseOrder
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import Desk, names, only
from tests.unit.streams.test_fulfillment_work import (
    ACCEPT,
    PICK,
    REJECT,
    asked,
    desk,
    one,
    refusal,
    work,
)


def moves(sends: list[Send]) -> list[tuple[str, str]]:
    """Lines that inventory is asked to move, and where to."""
    return [
        (send.record.line_id, send.record.location_id)
        for send in sends
        if isinstance(send.record, MoveReservation)
    ]


def moved(line_id: str, location_id: str) -> RecordMove:
    return RecordMove("o", line_id, True, location_id)


def stays(line_id: str, location_id: str = "BER") -> RecordMove:
    return RecordMove("o", line_id, False, location_id)


def home(*further: Destination) -> RecordWhereTo:
    """What orders answers."""
    own = Destination(0, "DE", "10115", 52.5, 13.4)
    return RecordWhereTo("o", "shop", "", [own, *further], "EUR", 4_000)


def reject(number: int) -> RejectFulfillmentOrder:
    return RejectFulfillmentOrder("o", f"o/{number}", "full", "jo")


def test_rejected_lines_go_together_to_a_location_that_could_serve_them_all() -> None:
    made = desk()
    sends = asked(made, REJECT)
    assert names(sends)[0] == "FulfillmentOrderRejected"
    assert moves(sends) == [("1", "MUC"), ("2", "MUC")]
    assert asked(made, moved("1", "MUC")) == []
    again = only(asked(made, moved("2", "MUC")), FulfillmentOrderRerouted)
    assert (again.fulfillment_order_id, again.location_id) == ("o/2", "MUC")
    assert again.line_ids == ["1", "2"]
    assert one(made).status == WorkStatus.REJECTED
    assert names(asked(made, AcceptFulfillmentOrder("o", "o/2", ""))) == [
        "FulfillmentOrderAccepted"
    ]


def test_a_location_without_the_stock_is_followed_by_the_next_one() -> None:
    made = desk()
    asked(made, REJECT)
    assert moves(asked(made, stays("1"))) == [("1", "HAM")]
    assert names(asked(made, moved("2", "MUC"))) == []
    sends = asked(made, moved("1", "HAM"))
    assert names(sends) == ["FulfillmentOrderRerouted", "FulfillmentOrderRerouted"]
    assert [order.location_id for order in work(made).orders] == ["BER", "HAM", "MUC"]


def test_a_location_that_gave_the_order_back_is_never_tried_again() -> None:
    made = desk()
    asked(made, REJECT, moved("1", "MUC"), moved("2", "MUC"))
    sends = asked(made, reject(2))
    assert moves(sends) == [("1", "HAM")]
    assert only(sends, AskWhereTo).order_id == "o"
    assert moves(asked(made, home())) == [("2", "HAM")]
    asked(made, moved("1", "HAM"), moved("2", "HAM"))
    assert names(asked(made, reject(3))) == ["FulfillmentOrderRejected", "AskWhereTo"]
    sends = asked(made, home())
    assert moves(sends) == []
    unroutable = only(sends, LinesUnroutable)
    assert (unroutable.line_ids, unroutable.reason) == (["1", "2"], Unroutable.NO_OTHER_LOCATION)
    assert unroutable.tried == ["BER", "MUC", "HAM"]
    for name in ("BER", "MUC", "HAM"):
        assert refusal(asked(made, RouteLinesTo("o", name, [], "jo"))) == (
            WorkRefusal.REJECTED_BEFORE
        )


def test_a_location_that_gives_back_while_lines_come_to_it_does_not_get_them() -> None:
    made = desk(second="MUC")
    sends = asked(made, REJECT)
    assert moves(sends) == [("1", "HAM")]
    made = desk(second="MUC")
    asked(made, REJECT, stays("1"))
    asked(made, reject(2))
    sends = asked(made, moved("1", "MUC"))
    assert "FulfillmentOrderRerouted" not in names(sends)
    assert {line.line_id for line in work(made).without_place} == {"1", "2"}


def test_a_closed_location_is_not_tried() -> None:
    made = desk()
    made.ask("MUC", RegisterLocation("MUC", "MUC", "DE", 50, 10, False))
    sends = asked(made, REJECT)
    assert moves(sends) == [("1", "HAM")]
    assert moves(asked(made, home())) == [("2", "HAM")]


def test_a_short_line_goes_elsewhere_and_the_rest_stays() -> None:
    made = desk()
    short = ReportShort("o", "o/1", "1", 1, "jo")
    sends = asked(made, ACCEPT, PICK, short)
    told = only(sends, FulfillmentOrderShort)
    assert (told.sku, told.quantity, told.status) == ("MUG", 1, WorkStatus.PICKING)
    assert moves(sends) == [("1", "HAM")]
    assert asked(made, short) == []
    other = ReportShort("o", "o/1", "1", 2, "jo")
    assert refusal(asked(made, other)) == WorkRefusal.CONFLICT
    last = only(asked(made, ReportShort("o", "o/1", "2", 1, "jo")), FulfillmentOrderShort)
    assert last.status == one(made).status == WorkStatus.SHORT


@pytest.mark.parametrize(
    ("line_id", "quantity", "reason"),
    [
        ("9", 1, WorkRefusal.UNKNOWN_LINE),
        ("1", 0, WorkRefusal.INVALID_QUANTITY),
        ("1", 3, WorkRefusal.INVALID_QUANTITY),
    ],
)
def test_only_pieces_that_it_has_can_be_missing(
    line_id: str, quantity: int, reason: WorkRefusal
) -> None:
    made = desk()
    short = ReportShort("o", "o/1", line_id, quantity, "jo")
    assert refusal(asked(made, ACCEPT, PICK, short)) == reason


def test_a_rejected_pickup_is_never_turned_into_shipping() -> None:
    made = desk(destination="pickup")
    sends = asked(made, REJECT)
    assert names(sends) == ["FulfillmentOrderRejected", "LinesUnroutable"]
    assert only(sends, LinesUnroutable).reason == Unroutable.PICKUP_REJECTED
    assert refusal(asked(made, RouteLinesTo("o", "HAM", [], "jo"))) == WorkRefusal.PICKUP_STAYS
    assert asked(made, REJECT) == []


def test_a_person_can_name_a_location_for_what_waits() -> None:
    made = desk()
    made.ask("NEW", RegisterLocation("NEW", "New", "DE", 50, 10, True))
    asked(made, REJECT, stays("1"), stays("1"), stays("2"))
    sends = asked(made, home())
    assert moves(sends) == [("1", "NEW"), ("2", "NEW")]
    asked(made, stays("1"), stays("2"), stays("2"))
    assert [line.reason for line in work(made).without_place] == ["no_other_location"] * 2
    assert refusal(asked(made, RouteLinesTo("o", "MOON", [], "jo"))) == (
        WorkRefusal.UNKNOWN_LOCATION
    )
    assert refusal(asked(made, RouteLinesTo("o", "NEW", ["9"], "jo"))) == WorkRefusal.UNKNOWN_LINE
    # There may be stock by now: a person is asked nothing twice.
    to = RouteLinesTo("o", "NEW", [], "jo")
    assert moves(asked(made, to)) == [("1", "NEW"), ("2", "NEW")]
    assert asked(made, to) == []
    asked(made, moved("1", "NEW"))
    assert only(asked(made, moved("2", "NEW")), FulfillmentOrderRerouted).location_id == "NEW"
    assert asked(made, to) == []


def test_what_inventory_no_longer_holds_waits_for_a_person() -> None:
    made = desk()
    asked(made, REJECT)
    sends = asked(made, stays("2", ""))
    assert only(sends, LinesUnroutable).reason == Unroutable.NO_RESERVATION


def test_a_location_that_inventory_did_not_name_is_tried_behind_those_that_it_did() -> None:
    made = desk()
    made.ask("NEW", RegisterLocation("NEW", "New", "DE", 50, 10, True))
    sends = asked(made, REJECT, stays("1"), stays("1"), stays("2"))
    assert names(sends) == []  # orders has been asked for both
    sends = asked(made, home())
    assert moves(sends) == [("1", "NEW"), ("2", "NEW")]
    assert moves(asked(made, stays("2"))) == [("2", "HAM")]
    assert asked(made, home()) == []


def test_a_kit_that_inventory_does_not_move_waits_with_that_reason() -> None:
    made = desk()
    asked(made, REJECT, moved("1", "MUC"))
    kit = RecordMove("o", "2", False, "BER", "kit_has_no_stock")
    sends = asked(made, kit)
    assert only(sends, LinesUnroutable).reason == Unroutable.KIT_STAYS
    assert only(sends, FulfillmentOrderRerouted).line_ids == ["1"]


def test_what_orders_has_no_address_for_waits_for_a_person() -> None:
    made = desk()
    asked(made, REJECT, stays("1"), stays("1"), stays("2"))
    sends = asked(made, RecordWhereTo("o", "shop", "", [], "EUR", 0))
    assert only(sends, LinesUnroutable).reason == Unroutable.NO_OTHER_LOCATION


def test_what_is_cancelled_meanwhile_is_not_released_again() -> None:
    made = desk()
    asked(made, REJECT, moved("1", "MUC"))
    sends = asked(made, CancelFulfillment("o", "one less", ["2"]))
    assert only(sends, FulfillmentOrderRerouted).line_ids == ["1"]
    assert asked(made, moved("2", "MUC")) == []
    assert names(asked(made, CancelFulfillment("o", "all"))) == [
        "FulfillmentCancelled",
        "FulfillmentOrderCancelled",
    ]
    assert work(made).without_place == []


def test_a_supplier_that_rejects_loses_its_purchase_order_and_the_next_one_gets_one() -> None:
    made = Desk(FulfillmentRoom())
    for name in ("MAK", "FAB"):
        made.ask(name, RegisterLocation(name, name, "DE", 50, 8, True, "supplier"))
    made.ask("o", RouteOrder("o", [Allocation("1", "MUG", 2, "MAK", ["FAB"])]))
    withdrawn = only(asked(made, REJECT), CancelPurchaseOrder)
    assert withdrawn.purchase_order_id == "o/1"
    bought = only(asked(made, moved("1", "FAB")), CreatePurchaseOrder)
    assert (bought.purchase_order_id, bought.supplier_id) == ("o/2", "FAB")


def test_picking_can_be_given_up_as_a_whole() -> None:
    made = desk()
    assert names(asked(made, ACCEPT, StartPicking("o", "o/1", "jo"), REJECT))[0] == (
        "FulfillmentOrderRejected"
    )
