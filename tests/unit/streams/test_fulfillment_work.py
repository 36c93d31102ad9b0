"""The life of a fulfillment order, from its release to the customer's door."""

from __future__ import annotations

import pytest

from schemas.fulfillment import (
    Allocation,
    CancelFulfillment,
    FulfillmentCommandRefused,
    RecordMove,
    RouteOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    CarrierEventRecorded,
    FulfillmentHoldEnded,
    FulfillmentOrder,
    FulfillmentOrderShipped,
    HoldFulfillmentOrder,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordGoodsLeft,
    RecordPacked,
    RecordShipmentAnswer,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    ShipFulfillmentOrder,
    ShipmentRefused,
    StartPicking,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.inventory import AllocateStock
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.orders import RecordShipment, ShippedLine
from schemas.records import Record
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import NOW, Desk, names, only

ONE = "o/1"
ACCEPT = AcceptFulfillmentOrder("o", ONE, "jo")
REJECT = RejectFulfillmentOrder("o", ONE, "flooded", "jo")
PICK = StartPicking("o", ONE, "jo")
BOX = PackedParcel("p1", 1200, 300, 200, 100, [PackedLine("1", 2), PackedLine("2", 1)])
PACK = RecordPacked("o", ONE, [BOX], "jo")
SHIP = ShipFulfillmentOrder("o", ONE, "dhl", "express", "T1", NOW, "jo")
TAKEN = RecordShipmentAnswer("o", ONE, True, "")
HOLD = HoldFulfillmentOrder("o", ONE, "label printer", "jo")
FREE = ReleaseFulfillmentOrder("o", ONE, "jo")
WAY = (ACCEPT, PICK, PACK, SHIP, TAKEN)


def desk(*, destination: str = "", second: str = "BER") -> Desk:
    """An order of two lines; both are worked on in Berlin unless told otherwise."""
    made = Desk(FulfillmentRoom())
    for name in ("BER", "HAM", "MUC"):
        made.ask(name, RegisterLocation(name, name, "DE", 50, 10, True))
    made.ask(
        "o",
        RouteOrder(
            "o",
            [
                Allocation("1", "MUG", 2, "BER", ["HAM", "MUC"], destination),
                Allocation("2", "TEE", 1, second, ["MUC"], destination),
            ],
        ),
    )
    if second != "BER":
        made.ask("o", RecordMove("o", "1", False, "BER"))
    return made


def asked(made: Desk, *commands: Record) -> list[Send]:
    """What the last of them leads to."""
    sends: list[Send] = []
    for command in commands:
        sends = made.ask("o", command)
    return sends


def work(made: Desk) -> WorkState:
    return made.state("o|work", WorkState)


def one(made: Desk, name: str = ONE) -> FulfillmentOrder:
    return next(order for order in work(made).orders if order.fulfillment_order_id == name)


def refusal(sends: list[Send]) -> str:
    assert names(sends) == ["FulfillmentCommandRefused"]
    return only(sends, FulfillmentCommandRefused).reason


def told(event_id: str, kind: str, at: int = 0) -> RecordCarrierEvent:
    return RecordCarrierEvent("o", ONE, event_id, kind, "T1", NOW + at, "", "dhl")


def test_a_fulfillment_order_goes_from_release_to_the_door() -> None:
    made = desk()
    assert names(asked(made, ACCEPT)) == ["FulfillmentOrderAccepted"]
    assert names(asked(made, PICK)) == ["PickingStarted"]
    assert names(asked(made, PACK)) == ["FulfillmentOrderPacked", "AllocateStock", "AllocateStock"]
    assert names(asked(made, SHIP)) == ["ShipmentRequested", "RecordShipment"]
    assert one(made).status == WorkStatus.SHIPPING
    shipped = only(asked(made, TAKEN), FulfillmentOrderShipped)
    assert shipped.lines == [PackedLine("1", 2), PackedLine("2", 1)]
    assert names(asked(made, told("e1", "delivered"))) == ["CarrierEventRecorded"]
    assert one(made).status == WorkStatus.DELIVERED


def test_packing_binds_the_stock_of_every_line_once() -> None:
    made = desk()
    sends = asked(made, ACCEPT, PICK, PACK)
    bound = [one.record for one in sends if isinstance(one.record, AllocateStock)]
    assert bound == [AllocateStock("o", "1", "MUG"), AllocateStock("o", "2", "TEE")]
    heavier = RecordPacked("o", ONE, [PackedParcel("p1", 9, 0, 0, 0, BOX.lines)], "jo")
    assert names(asked(made, heavier)) == ["FulfillmentOrderPacked"]
    assert one(made).parcels[0].weight_grams == 9


def test_orders_is_asked_for_what_leaves_under_the_name_of_the_fulfillment_order() -> None:
    made = desk()
    ship = only(asked(made, ACCEPT, PICK, PACK, SHIP), RecordShipment)
    assert ship == RecordShipment(
        "o", ONE, [ShippedLine("1", 2), ShippedLine("2", 1)], NOW, "BER", "dhl", "T1", "jo", ONE
    )


def test_what_orders_does_not_let_leave_stays_packed_and_can_be_shipped_again() -> None:
    made = desk()
    refused = asked(made, *WAY[:4], RecordShipmentAnswer("o", ONE, False, "already_ended"))
    assert only(refused, ShipmentRefused).reason == "already_ended"
    assert one(made).status == WorkStatus.PACKED
    assert names(asked(made, SHIP)) == ["ShipmentRequested", "RecordShipment"]


@pytest.mark.parametrize("number", range(len(WAY)))
def test_the_same_command_again_changes_nothing_whenever_it_comes(number: int) -> None:
    made = desk()
    for command in WAY:
        asked(made, command)
    for after in (WAY[number], WAY[number]):
        before = work(made)
        assert asked(made, after) == []
        assert work(made) is before


@pytest.mark.parametrize(
    ("before", "command"),
    [
        ((), PICK),
        ((), PACK),
        ((), SHIP),
        ((ACCEPT,), PACK),
        ((ACCEPT,), SHIP),
        ((ACCEPT, PICK), SHIP),
        ((ACCEPT, PICK, PACK), REJECT),
        (WAY, REJECT),
        (WAY, HOLD),
        ((REJECT,), ACCEPT),
        ((HOLD,), ACCEPT),
        ((ACCEPT, HOLD), PICK),
        ((), told("e", "delivered")),
        ((), ReportShort("o", ONE, "1", 1, "jo")),
    ],
)
def test_a_command_that_its_status_does_not_allow_is_refused(
    before: tuple[Record, ...], command: Record
) -> None:
    made = desk()
    asked(made, *before)
    kept = dict(made.states.kept)
    sends = asked(made, command)
    if isinstance(command, RecordCarrierEvent):
        assert refusal(sends) == WorkRefusal.CONFLICT  # it has no tracking number yet
    else:
        assert refusal(sends) == WorkRefusal.WRONG_STATUS
    assert made.states.kept == kept


def test_what_is_not_known_is_refused_by_name() -> None:
    empty = Desk(FulfillmentRoom())
    assert refusal(empty.ask("o", ACCEPT)) == WorkRefusal.NOT_ROUTED
    made = desk()
    other = AcceptFulfillmentOrder("o", "o/7", "jo")
    assert refusal(asked(made, other)) == WorkRefusal.UNKNOWN_FULFILLMENT_ORDER
    assert asked(made, RecordShipmentAnswer("o", "o/7", True, "")) == []


@pytest.mark.parametrize(
    ("parcels", "reason"),
    [
        ([], WorkRefusal.NOT_ALL_PACKED),
        ([PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 2)])], WorkRefusal.NOT_ALL_PACKED),
        ([PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 3)])], WorkRefusal.NOT_ALL_PACKED),
        ([PackedParcel("p", 1, 0, 0, 0, [PackedLine("9", 1)])], WorkRefusal.UNKNOWN_LINE),
        ([PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 0)])], WorkRefusal.INVALID_QUANTITY),
        ([PackedParcel("p", 0, 0, 0, 0, BOX.lines)], WorkRefusal.INVALID_PARCEL),
        ([PackedParcel("p", 1, 10, 0, 0, BOX.lines)], WorkRefusal.INVALID_PARCEL),
        ([PackedParcel("p", 1, 10, -1, 5, BOX.lines)], WorkRefusal.INVALID_PARCEL),
        ([BOX, PackedParcel("q", 5, 0, 0, 0, [])], WorkRefusal.INVALID_PARCEL),
    ],
)
def test_parcels_hold_all_of_it_and_nothing_else(
    parcels: list[PackedParcel], reason: WorkRefusal
) -> None:
    made = desk()
    assert refusal(asked(made, ACCEPT, PICK, RecordPacked("o", ONE, parcels, "jo"))) == reason
    assert one(made).status == WorkStatus.PICKING


def test_it_leaves_once_and_not_by_two_carriers() -> None:
    made = desk()
    other = ShipFulfillmentOrder("o", ONE, "ups", "", "T2", NOW, "jo")
    assert refusal(asked(made, *WAY, other)) == WorkRefusal.CONFLICT


@pytest.mark.parametrize(
    ("before", "status"),
    [((), "released"), ((ACCEPT,), "accepted"), ((ACCEPT, PICK), "picking"), (WAY[:3], "packed")],
)
def test_after_a_hold_it_is_where_it_was(before: tuple[Record, ...], status: str) -> None:
    made = desk()
    assert names(asked(made, *before, HOLD)) == ["FulfillmentOrderHeld"]
    assert asked(made, HOLD) == []
    assert one(made).status == WorkStatus.HELD
    assert only(asked(made, FREE), FulfillmentHoldEnded).status == status
    assert asked(made, FREE) == []
    assert one(made).status == status


def test_a_hold_and_a_rejection_need_a_reason() -> None:
    made = desk()
    hold = HoldFulfillmentOrder("o", ONE, "", "jo")
    assert refusal(asked(made, hold)) == WorkRefusal.NO_REASON
    reject = RejectFulfillmentOrder("o", ONE, "", "jo")
    assert refusal(asked(made, reject)) == WorkRefusal.NO_REASON


@pytest.mark.parametrize("before", [(), (ACCEPT,), WAY[:2], WAY[:3], WAY[:4], (HOLD,)])
def test_what_is_cancelled_before_it_left_is_not_shipped(before: tuple[Record, ...]) -> None:
    made = desk()
    asked(made, ACCEPT, *before[1:] if before[:1] == (ACCEPT,) else before)
    sends = asked(made, CancelFulfillment("o", "changed my mind"))
    assert names(sends) == ["FulfillmentCancelled", "FulfillmentOrderCancelled"]
    assert one(made).status == WorkStatus.CANCELLED
    assert asked(made, TAKEN) == []
    assert refusal(asked(made, SHIP)) == WorkRefusal.WRONG_STATUS


def test_a_cancelled_line_leaves_the_parcels_and_the_rest_is_shipped() -> None:
    made = desk()
    asked(made, ACCEPT, PICK, PACK, CancelFulfillment("o", "one less", ["1"]))
    ship = only(asked(made, SHIP), RecordShipment)
    assert ship.lines == [ShippedLine("2", 1)]
    assert one(made).parcels[0].lines == [PackedLine("2", 1)]


def test_what_was_cancelled_before_anybody_worked_on_it_cannot_be_accepted() -> None:
    made = desk()
    asked(made, CancelFulfillment("o", "changed my mind"))
    assert refusal(asked(made, ACCEPT)) == WorkRefusal.WRONG_STATUS
    half = desk(second="HAM")
    asked(half, CancelFulfillment("o", "one less", ["1"]))
    assert refusal(asked(half, ACCEPT)) == WorkRefusal.WRONG_STATUS
    assert names(asked(half, AcceptFulfillmentOrder("o", "o/2", ""))) == [
        "FulfillmentOrderAccepted"
    ]


def test_carriers_tell_late_twice_and_in_any_order_and_delivered_stays_delivered() -> None:
    made = desk()
    asked(made, *WAY)
    moving = only(asked(made, told("e2", "in_transit", 20)), CarrierEventRecorded)
    assert moving.status == WorkStatus.SHIPPED
    assert asked(made, told("e2", "in_transit", 20)) == []
    assert asked(made, told("e1", "exception", 10)) == []  # older than what is known
    late = only(asked(made, told("e3", "delivered", 15)), CarrierEventRecorded)
    assert late.status == WorkStatus.DELIVERED
    for kind in ("in_transit", "exception", "lost", "damaged", "returned_to_sender", "delivered"):
        assert asked(made, told(f"late {kind}", kind, 99)) == []
    assert one(made).status == WorkStatus.DELIVERED


def test_what_was_lost_may_be_found_and_delivered() -> None:
    made = desk()
    asked(made, *WAY, told("e1", "lost", 1))
    assert one(made).status == WorkStatus.LOST
    asked(made, told("e2", "in_transit", 2))
    assert one(made).status == WorkStatus.SHIPPED
    asked(made, told("e3", "damaged", 3), told("e4", "returned_to_sender", 4))
    assert one(made).status == WorkStatus.RETURNED_TO_SENDER


def test_what_a_carrier_tells_before_orders_has_answered_waits_for_the_answer() -> None:
    made = desk()
    early = told("e1", "in_transit", 1)
    assert asked(made, *WAY[:4], early) == []
    assert asked(made, early) == []
    assert len(one(made).early) == 1
    assert names(asked(made, TAKEN)) == ["FulfillmentOrderShipped", "CarrierEventRecorded"]
    assert one(made).early == []


def test_another_tracking_number_is_another_parcel() -> None:
    made = desk()
    other = RecordCarrierEvent("o", ONE, "e", "delivered", "T9", NOW, "", "dhl")
    assert refusal(asked(made, *WAY, other)) == WorkRefusal.CONFLICT
    unknown = RecordCarrierEvent("o", ONE, "e", "eaten", "T1", NOW, "", "dhl")
    assert refusal(asked(made, unknown)) == WorkRefusal.CONFLICT


@pytest.mark.parametrize("before", [(), (ACCEPT,), WAY[:2], WAY[:3], WAY[:4], (HOLD,)])
def test_what_has_left_by_hand_is_not_sent_again(before: tuple[Record, ...]) -> None:
    made = desk()
    asked(made, *before)
    some = RecordGoodsLeft("o", "s-1", [PackedLine("1", 1)], "", "")
    assert asked(made, some) == []
    rest = RecordGoodsLeft("o", "s-2", [PackedLine("1", 1), PackedLine("2", 1)], "ups", "T7")
    shipped = only(asked(made, rest), FulfillmentOrderShipped)
    assert (shipped.lines, shipped.tracking_number) == (rest.pieces, "T7")
    assert one(made).status == WorkStatus.SHIPPED
    assert asked(made, rest) == []
    assert asked(made, RecordShipmentAnswer("o", ONE, False, "invalid_quantity")) == []


def test_pieces_that_left_by_hand_are_not_shipped_with_the_rest() -> None:
    made = desk()
    asked(made, RecordGoodsLeft("o", "s-1", [PackedLine("1", 1)], "", ""), ACCEPT, PICK)
    box = PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 1), PackedLine("2", 1)])
    ship = only(asked(made, RecordPacked("o", ONE, [box], "jo"), SHIP), RecordShipment)
    assert ship.lines == [ShippedLine("1", 1), ShippedLine("2", 1)]


def test_what_left_by_hand_waits_for_no_location() -> None:
    made = desk()
    asked(made, REJECT)
    asked(made, RecordGoodsLeft("o", "s-1", [PackedLine("1", 2), PackedLine("2", 1)], "", ""))
    assert work(made).without_place == []
