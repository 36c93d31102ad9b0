"""What orders answers to a fulfillment order that is to leave."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment_work import RecordShipmentAnswer
from schemas.orders import OrderShipped, Status
from schemas.payments import CapturePayment
from tests.unit.streams.memory import names, only
from tests.unit.streams.order_desk import ID, THREE, OrderDesk, cancel, released, shipment

PART = f"{ID}/1"


def test_what_leaves_is_paid_for_and_fulfillment_is_told() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    sends = made.tell(replace(shipment(PART, l1=1), fulfillment_order_id=PART))
    assert only(sends, OrderShipped).shipment_id == PART
    assert only(sends, CapturePayment).capture_id == PART
    assert only(sends, RecordShipmentAnswer) == RecordShipmentAnswer(ID, PART, True, "")


def test_the_same_again_is_answered_again_and_takes_nothing() -> None:
    made = released()
    ship = replace(shipment(PART, l1=1), fulfillment_order_id=PART)
    made.tell(ship)
    assert names(made.tell(ship)) == ["RecordShipmentAnswer"]


def test_what_was_cancelled_does_not_leave_and_fulfillment_is_told_why() -> None:
    made = released()
    made.tell(cancel())
    sends = made.tell(replace(shipment(PART, l1=1), fulfillment_order_id=PART))
    assert names(sends) == ["OrderCommandRefused", "RecordShipmentAnswer"]
    assert only(sends, RecordShipmentAnswer) == RecordShipmentAnswer(
        ID, PART, False, "already_ended"
    )


def test_a_shipment_that_is_told_by_hand_is_not_answered() -> None:
    assert "RecordShipmentAnswer" not in names(released().tell(shipment("a", l1=1)))
