"""Fulfillment orders are moved, split, merged and redirected by hand until they are packed."""

from __future__ import annotations

import pytest

from schemas.fulfillment import CancelFulfillment, RecordMove
from schemas.fulfillment_moves import (
    FulfillmentMoveEnded,
    FulfillmentOrderMoving,
    FulfillmentOrderRedirected,
    FulfillmentOrdersMerged,
    FulfillmentOrderSplit,
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RedirectFulfillmentOrder,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrderRerouted,
    HoldFulfillmentOrder,
    PackedLine,
    PackedParcel,
    RecordGoodsLeft,
    RecordPacked,
    ShipFulfillmentOrder,
    WorkRefusal,
    WorkStatus,
)
from schemas.locations import RegisterLocation
from schemas.orders import RecordShipment, ShippedLine
from schemas.purchasing import CancelPurchaseOrder, CreatePurchaseOrder
from schemas.records import Record
from streams.fulfillment.work_model import MAXIMUM_FULFILLMENT_ORDERS
from tests.unit.streams.memory import NOW, names, only
from tests.unit.streams.test_fulfillment_work import (
    ACCEPT,
    HOLD,
    ONE,
    PACK,
    PICK,
    REJECT,
    WAY,
    asked,
    desk,
    one,
    refusal,
    work,
)
from tests.unit.streams.test_fulfillment_work_rerouting import home, moved, moves, reject, stays

SPLIT = SplitFulfillmentOrder("o", ONE, ["2"], "jo")
MERGE = MergeFulfillmentOrders("o", ONE, "o/2", "jo")


def move(to: str, *line_ids: str, of: str = ONE) -> MoveFulfillmentOrder:
    return MoveFulfillmentOrder("o", of, to, list(line_ids), "nearer", "jo")


def redirect(
    address: int, *, of: str = ONE, instead: bool = False, reason: str = "by phone"
) -> RedirectFulfillmentOrder:
    return RedirectFulfillmentOrder("o", of, address, instead, reason, "jo")


# Moving


def test_a_fulfillment_order_is_released_anew_where_it_was_moved_to() -> None:
    made = desk()
    sends = asked(made, ACCEPT, move("MUC"))
    assert only(sends, FulfillmentOrderMoving).line_ids == ["1", "2"]
    assert moves(sends) == [("1", "MUC"), ("2", "MUC")]
    assert one(made).status == WorkStatus.MOVING
    assert asked(made, move("MUC")) == asked(made, moved("1", "MUC")) == []
    sends = asked(made, moved("2", "MUC"))
    ended = only(sends, FulfillmentMoveEnded)
    assert (ended.line_ids, ended.stayed, ended.status) == (["1", "2"], [], WorkStatus.MOVED)
    again = only(sends, FulfillmentOrderRerouted)
    assert (again.fulfillment_order_id, again.location_id) == ("o/2", "MUC")
    assert one(made, "o/2").status == WorkStatus.RELEASED
    assert asked(made, move("MUC")) == []
    assert work(made).rejected == []  # Berlin gave nothing back


def test_one_line_is_moved_and_the_rest_stays_where_it_was() -> None:
    made = desk()
    sends = asked(made, ACCEPT, PICK, move("HAM", "1"), moved("1", "HAM"))
    assert only(sends, FulfillmentMoveEnded).status == WorkStatus.PICKING
    assert [line.line_id for line in one(made).lines] == ["2"]
    assert [line.line_id for line in one(made, "o/2").lines] == ["1"]
    assert asked(made, move("HAM", "1")) == []


def test_what_inventory_cannot_move_stays_and_the_rest_goes() -> None:
    made = desk()
    no_stock = RecordMove("o", "1", False, "BER", "out_of_stock")
    sends = asked(made, move("HAM"), no_stock, moved("2", "HAM"))
    ended = only(sends, FulfillmentMoveEnded)
    assert (ended.line_ids, ended.stayed, ended.reason) == (["2"], ["1"], "out_of_stock")
    assert (one(made).status, one(made).lines[0].line_id) == (WorkStatus.RELEASED, "1")
    sends = asked(made, move("MUC"), RecordMove("o", "1", False, "BER", "kit_has_no_stock"))
    assert names(sends) == ["FulfillmentMoveEnded"]
    assert names(asked(made, ACCEPT)) == ["FulfillmentOrderAccepted"]


@pytest.mark.parametrize(
    ("before", "command", "reason"),
    [
        (WAY[:3], move("HAM"), WorkRefusal.WRONG_STATUS),
        (WAY, move("HAM"), WorkRefusal.WRONG_STATUS),
        ((HOLD,), move("HAM"), WorkRefusal.WRONG_STATUS),
        ((), move("HAM", "9"), WorkRefusal.UNKNOWN_LINE),
        ((), move("MOON"), WorkRefusal.UNKNOWN_LOCATION),
        ((), move("HAM", of="o/9"), WorkRefusal.UNKNOWN_FULFILLMENT_ORDER),
        ((move("HAM"),), move("MUC"), WorkRefusal.WRONG_STATUS),
        ((move("HAM"),), ACCEPT, WorkRefusal.WRONG_STATUS),
        ((move("HAM"),), HOLD, WorkRefusal.WRONG_STATUS),
        ((move("HAM"),), REJECT, WorkRefusal.WRONG_STATUS),
        ((move("HAM"),), SPLIT, WorkRefusal.WRONG_STATUS),
        (WAY[:3], SPLIT, WorkRefusal.WRONG_STATUS),
        ((HOLD,), SPLIT, WorkRefusal.WRONG_STATUS),
        ((), SplitFulfillmentOrder("o", ONE, ["1", "2"], "jo"), WorkRefusal.NOTHING_LEFT),
        ((), SplitFulfillmentOrder("o", ONE, ["9"], "jo"), WorkRefusal.UNKNOWN_LINE),
        ((), SplitFulfillmentOrder("o", ONE, [], "jo"), WorkRefusal.UNKNOWN_LINE),
        ((), MERGE, WorkRefusal.UNKNOWN_FULFILLMENT_ORDER),
        ((), MergeFulfillmentOrders("o", ONE, ONE, "jo"), WorkRefusal.CONFLICT),
        ((SPLIT, ACCEPT), MERGE, WorkRefusal.WRONG_STATUS),
        ((SPLIT, redirect(1)), MERGE, WorkRefusal.OTHER_PLACE),
        ((move("HAM", "2"), moved("2", "HAM")), MERGE, WorkRefusal.OTHER_PLACE),
        (WAY[:3], redirect(1), WorkRefusal.WRONG_STATUS),
        ((*WAY[:3], HOLD), redirect(1), WorkRefusal.WRONG_STATUS),
        (WAY, redirect(1), WorkRefusal.WRONG_STATUS),
        ((), redirect(1, of="o/9"), WorkRefusal.UNKNOWN_FULFILLMENT_ORDER),
        ((), redirect(1, of=""), WorkRefusal.UNKNOWN_LINE),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_changes_nothing(
    before: tuple[Record, ...], command: Record, reason: WorkRefusal
) -> None:
    made = desk()
    asked(made, *before)
    kept = dict(made.states.kept)
    assert refusal(asked(made, command)) == reason
    left = {key: state for key, state in made.states.kept.items() if key in kept}
    assert left == kept


def test_nothing_is_moved_to_a_location_that_gave_the_order_back() -> None:
    made = desk(second="MUC")
    asked(made, REJECT)
    assert refusal(asked(made, move("BER", of="o/2"))) == WorkRefusal.REJECTED_BEFORE


def test_a_location_that_gives_back_while_lines_are_moved_to_it_does_not_get_them() -> None:
    made = desk(second="MUC")
    asked(made, move("MUC"))
    asked(made, reject(2))
    sends = asked(made, moved("1", "MUC"))
    assert only(sends, FulfillmentMoveEnded).line_ids == ["1"]
    assert "FulfillmentOrderRerouted" not in names(sends)
    assert {line.line_id for line in work(made).without_place} == {"1", "2"}


def test_what_is_cancelled_while_it_is_moved_is_not_released_again() -> None:
    made = desk()
    asked(made, move("MUC"), moved("1", "MUC"))
    sends = asked(made, CancelFulfillment("o", "one less", ["2"]))
    assert only(sends, FulfillmentOrderRerouted).line_ids == ["1"]
    assert asked(made, moved("2", "MUC")) == []
    made = desk()
    asked(made, move("MUC"), CancelFulfillment("o", "all"))
    assert one(made).status == WorkStatus.CANCELLED
    assert asked(made, moved("1", "MUC"), moved("2", "MUC")) == []


def test_what_left_by_hand_while_it_was_moved_is_not_sent_again() -> None:
    made = desk()
    gone = RecordGoodsLeft("o", "s-1", [PackedLine("1", 2)], "", "")
    asked(made, move("MUC"), gone)
    sends = asked(made, moved("1", "MUC"), moved("2", "MUC"))
    assert only(sends, FulfillmentOrderRerouted).line_ids == ["2"]


def test_a_supplier_is_left_as_a_whole_and_loses_its_purchase_order() -> None:
    made = desk(second="MUC")
    made.ask("BER", RegisterLocation("BER", "BER", "DE", 50, 10, True, "supplier"))
    made.ask("HAM", RegisterLocation("HAM", "HAM", "DE", 50, 10, True, "supplier"))
    assert refusal(asked(made, redirect(1))) == WorkRefusal.WITH_SUPPLIER
    sends = asked(made, move("HAM"), moved("1", "HAM"))
    assert only(sends, CancelPurchaseOrder).purchase_order_id == ONE
    assert only(sends, CreatePurchaseOrder).supplier_id == "HAM"
    whole = desk()
    whole.ask("BER", RegisterLocation("BER", "BER", "DE", 50, 10, True, "supplier"))
    assert refusal(asked(whole, move("HAM", "1"))) == WorkRefusal.WITH_SUPPLIER
    assert refusal(asked(whole, SPLIT)) == WorkRefusal.WITH_SUPPLIER


# Splitting and merging


@pytest.mark.parametrize("before", [(), (ACCEPT,), (ACCEPT, PICK)])
def test_a_part_is_where_the_whole_was_and_leaves_by_itself(before: tuple[Record, ...]) -> None:
    made = desk()
    asked(made, *before)
    status = one(made).status if before else WorkStatus.RELEASED
    told = only(asked(made, SPLIT), FulfillmentOrderSplit)
    assert (told.fulfillment_order_id, told.from_id, told.line_ids) == ("o/2", ONE, ["2"])
    assert one(made).status == one(made, "o/2").status == told.status == status
    assert asked(made, SPLIT) == []


def test_each_part_is_shipped_under_its_own_name() -> None:
    made = desk()
    asked(made, ACCEPT, PICK, SPLIT)
    box = PackedParcel("p", 1, 0, 0, 0, [PackedLine("2", 1)])
    asked(made, RecordPacked("o", "o/2", [box], "jo"))
    ship = only(
        asked(made, ShipFulfillmentOrder("o", "o/2", "dhl", "", "T2", NOW, "jo")), RecordShipment
    )
    assert (ship.shipment_id, ship.lines) == ("o/2", [ShippedLine("2", 1)])


def test_two_at_one_location_become_one_and_its_name_does_not_come_back() -> None:
    made = desk()
    asked(made, SPLIT)
    told = only(asked(made, MERGE), FulfillmentOrdersMerged)
    assert (told.fulfillment_order_id, told.merged_id, told.line_ids) == (ONE, "o/2", ["2"])
    assert one(made, "o/2").status == WorkStatus.MERGED
    assert asked(made, MERGE) == []
    assert only(asked(made, SPLIT), FulfillmentOrderSplit).fulfillment_order_id == "o/3"
    assert refusal(asked(made, AcceptFulfillmentOrder("o", "o/2", ""))) == WorkRefusal.WRONG_STATUS


def test_an_order_has_only_so_many_fulfillment_orders() -> None:
    made = desk()
    for number in range(2, MAXIMUM_FULFILLMENT_ORDERS + 1):
        asked(made, SPLIT, MergeFulfillmentOrders("o", ONE, f"o/{number}", "jo"))
    assert len(work(made).orders) == MAXIMUM_FULFILLMENT_ORDERS
    assert refusal(asked(made, SPLIT)) == WorkRefusal.TOO_MANY
    assert refusal(asked(made, move("HAM"))) == WorkRefusal.TOO_MANY


# Redirecting


@pytest.mark.parametrize("before", [(), (ACCEPT,), (ACCEPT, PICK), (HOLD,)])
def test_it_goes_to_another_address_of_the_order_until_it_is_packed(
    before: tuple[Record, ...],
) -> None:
    made = desk()
    told = only(asked(made, *before, redirect(2)), FulfillmentOrderRedirected)
    assert (told.destination, told.before, told.line_ids) == ("2", "", ["1", "2"])
    assert asked(made, redirect(2)) == []
    assert only(asked(made, redirect(0)), FulfillmentOrderRedirected).destination == ""


def test_what_is_redirected_and_given_back_is_ranked_for_its_new_address() -> None:
    made = desk()
    sends = asked(made, redirect(1), REJECT)
    assert names(sends) == ["FulfillmentOrderRejected", "AskWhereTo"]


def test_what_is_fetched_is_sent_only_where_that_was_agreed() -> None:
    made = desk(destination="pickup")
    assert refusal(asked(made, redirect(0))) == WorkRefusal.PICKUP_STAYS
    assert refusal(asked(made, move("HAM"))) == WorkRefusal.PICKUP_STAYS
    silent = redirect(0, instead=True, reason="")
    assert refusal(asked(made, silent)) == WorkRefusal.NO_REASON
    told = only(asked(made, redirect(0, instead=True)), FulfillmentOrderRedirected)
    assert (told.before, told.reason, told.actor) == ("pickup", "by phone", "jo")
    assert moves(asked(made, move("HAM"))) == [("1", "HAM"), ("2", "HAM")]


def test_a_rejected_pickup_is_sent_from_elsewhere_where_that_was_agreed() -> None:
    made = desk(destination="pickup")
    asked(made, REJECT)
    assert refusal(asked(made, redirect(0, of=""))) == WorkRefusal.PICKUP_STAYS
    sends = asked(made, redirect(0, of="", instead=True))
    assert names(sends) == ["FulfillmentOrderRedirected", "AskWhereTo"]
    assert moves(asked(made, home())) == [("1", "HAM"), ("2", "HAM")]
    asked(made, moved("1", "HAM"))
    again = only(asked(made, moved("2", "HAM")), FulfillmentOrderRerouted)
    assert (again.location_id, again.destination) == ("HAM", "")


def test_a_held_one_is_redirected_and_stays_held() -> None:
    made = desk()
    asked(made, HoldFulfillmentOrder("o", ONE, "odd address", "jo"), redirect(1))
    assert one(made).status == WorkStatus.HELD


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    made = desk()
    asked(made, ACCEPT, PACK)
    before = work(made)
    assert asked(made, moved("1", "HAM"), stays("2"), home()) == []
    assert work(made) is before
