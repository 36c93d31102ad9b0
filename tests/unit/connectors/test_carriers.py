"""What carriers tell is late, doubled and out of order, and the room still ends right."""

from __future__ import annotations

from itertools import permutations

import pytest

from connectors.carriers.carrier import Notice, Shipment, command, commands, event_id
from connectors.carriers.sandbox import (
    DAMAGED,
    FOUND,
    LATE,
    LOST,
    MEANINGS,
    RETURNED,
    SILENT,
    STRAIGHT,
    WORDS,
    Sandbox,
)
from schemas.fulfillment import Allocation, RouteOrder
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    CarrierKind,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RecordShipmentAnswer,
    ShipFulfillmentOrder,
    StartPicking,
    WorkState,
)
from schemas.records import Record
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import NOW, Desk

SANDBOX = Sandbox()


def shipment(tracking_number: str = "T1") -> Shipment:
    return Shipment("o", "o/1", tracking_number, NOW)


def shipped(tracking_number: str) -> Desk:
    """The room with a fulfillment order that has left."""
    made = Desk(FulfillmentRoom())
    box = PackedParcel("p", 1, 0, 0, 0, [PackedLine("1", 1)])
    steps: tuple[Record, ...] = (
        RouteOrder("o", [Allocation("1", "MUG", 1, "BER", [])]),
        AcceptFulfillmentOrder("o", "o/1", ""),
        StartPicking("o", "o/1", ""),
        RecordPacked("o", "o/1", [box], ""),
        ShipFulfillmentOrder("o", "o/1", "sandbox", "", tracking_number, NOW, ""),
        RecordShipmentAnswer("o", "o/1", True, ""),
    )
    for step in steps:
        made.ask("o", step)
    return made


def ends_as(tracking_number: str, told: list[RecordCarrierEvent]) -> str:
    made = shipped(tracking_number)
    for one in told:
        made.ask("o", one)
    [order] = made.state("o|work", WorkState).orders
    return order.status


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        (LATE, "delivered"),
        (LOST, "lost"),
        (DAMAGED, "damaged"),
        (RETURNED, "returned_to_sender"),
        (FOUND, "delivered"),
        (SILENT, "shipped"),
        (STRAIGHT, "delivered"),
        ("", "delivered"),
    ],
)
@pytest.mark.parametrize("number", range(12))
def test_whatever_the_order_of_the_notices_the_end_is_the_same(
    ending: str, status: str, number: int
) -> None:
    tracking = f"T{number}{ending}"
    told = commands(SANDBOX, shipment(tracking))
    assert ends_as(tracking, told) == status
    assert ends_as(tracking, told + told) == status


def test_every_order_of_a_late_delivery_ends_delivered() -> None:
    told = list(dict.fromkeys(commands(SANDBOX, shipment("T-FOUND"))))
    assert len(told) == 5
    for order in permutations(told):
        assert ends_as("T-FOUND", list(order)) == "delivered"


def test_the_sandbox_mixes_and_doubles_by_tracking_number_and_always_the_same_way() -> None:
    mixed = doubled = 0
    for number in range(50):
        notices = SANDBOX.notices(shipment(f"T{number}"))
        assert notices == SANDBOX.notices(shipment(f"T{number}"))
        mixed += list(notices) != sorted(notices, key=lambda one: one.occurred_at_ms)
        doubled += len(set(notices)) < len(notices)
    assert mixed > 40
    assert doubled > 30


def test_a_label_says_nothing_of_where_the_parcel_is() -> None:
    assert command(SANDBOX, shipment(), Notice("1", "T1", "LB", NOW, "")) is None
    assert WORDS.keys() - MEANINGS.keys() == {"LB"}
    assert set(MEANINGS.values()) == set(CarrierKind)


def test_a_notice_about_another_parcel_is_left_out() -> None:
    assert command(SANDBOX, shipment("T1"), Notice("1", "T2", "DL", NOW, "")) is None


def test_a_notice_without_an_id_is_known_by_what_it_says() -> None:
    notice = Notice("", "T1", "DL", NOW, "x")
    assert event_id("ups", notice) == event_id("ups", notice._replace(words="y"))
    assert event_id("ups", notice) != event_id("ups", notice._replace(code="PU"))
    assert event_id("ups", notice) != event_id("ups", notice._replace(occurred_at_ms=NOW + 1))
    assert len(event_id("ups", notice._replace(notice_id="9" * 5_000))) < 200


def test_what_a_carrier_says_is_kept_to_a_bound() -> None:
    told = command(SANDBOX, shipment(), Notice("1", "T1", "DL", NOW, "x" * 10_000))
    assert told is not None
    assert len(told.carrier_words) == 500
