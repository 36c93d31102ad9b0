"""Through all rooms, an order takes what orders.toml has worked out, and not a minor unit more."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.orders import CancelOrder, LineKind, PlaceOrder, RecordShipment, ShippedLine, Status
from schemas.payments import Method, PaymentStatus, RecordReceipt, RefundPayment
from schemas.topics import PAYMENTS_COMMANDS
from schemas.totals import recomputed_total
from tests.money.rooms import STORE, House
from tests.money.written import NAMES, WRITTEN, minors, placed
from tests.unit.streams.memory import NOW

EACH = pytest.mark.parametrize("order", WRITTEN, ids=NAMES)
PROMISES = (Method.INVOICE, Method.CASH_ON_DELIVERY)
GOODS_ONLY = [
    order
    for order in WRITTEN
    if all(line.get("kind", "goods") == "goods" for line in order["given"]["lines"])
    and order["given"]["total"] == order["sums"]["total"]
]


def released(order: dict[str, Any]) -> tuple[House, PlaceOrder]:
    command = placed(order["given"])
    house = House()
    house.place(command)
    state = house.order(command.order_id)
    assert state.status == Status.RELEASED, state
    return house, command


def ship(house: House, command: PlaceOrder, number: int, lines: dict[str, int]) -> None:
    goods = {line.line_id for line in command.lines if line.kind == LineKind.GOODS}
    pieces = [ShippedLine(line, quantity) for line, quantity in lines.items() if line in goods]
    if pieces:
        shipment = RecordShipment(command.order_id, f"s{number}", pieces, NOW, STORE)
        house.tell(command.order_id, shipment)


@pytest.mark.parametrize(
    "order", GOODS_ONLY, ids=[f"{order['number']}: {order['title']}" for order in GOODS_ONLY]
)
def test_each_shipment_takes_what_its_pieces_are_worth(order: dict[str, Any]) -> None:
    house, command = released(order)
    for number, turn in enumerate(order["shipments"]):
        before = house.captured.total()
        ship(house, command, number, turn["lines"])
        assert [house.captured.total() - before] == minors([turn["captured"]], command.currency)


@EACH
def test_all_shipments_take_the_total_from_the_tenders_as_written(order: dict[str, Any]) -> None:
    house, command = released(order)
    for number, turn in enumerate(order["shipments"]):
        ship(house, command, number, turn["lines"])
    tenders = order["sums"].get("tenders", {})
    written = dict(zip(tenders, minors(list(tenders.values()), command.currency), strict=True))
    total = command.total_minor
    assert dict(house.captured) == {k: v for k, v in (written or {"1": total}).items() if v}


@pytest.mark.parametrize(
    "order", GOODS_ONLY, ids=[f"{order['number']}: {order['title']}" for order in GOODS_ONLY]
)
def test_a_cancelled_line_takes_its_share_of_everything_with_it(order: dict[str, Any]) -> None:
    command = placed(order["given"])
    if len(command.lines) < 2:
        return
    house, command = released(order)
    each = minors(order["sums"]["each"], command.currency)
    left = recomputed_total(command)
    for line, worth in zip(command.lines[:-1], each[:-1], strict=True):
        house.tell(command.order_id, CancelOrder(command.order_id, "no more", NOW, [line.line_id]))
        left -= worth
        assert house.order(command.order_id).total_minor == left
    ship(house, command, 0, {command.lines[-1].line_id: command.lines[-1].quantity})
    assert house.captured.total() - house.refunded.total() == left == each[-1]


@EACH
def test_what_is_given_back_reaches_the_order_to_the_last_minor_unit(
    order: dict[str, Any],
) -> None:
    house, command = released(order)
    for number, turn in enumerate(order["shipments"]):
        ship(house, command, number, turn["lines"])
    for tender in command.tenders:
        if tender.method in PROMISES:
            due = house.captured[tender.tender_id]
            receipt = RecordReceipt(command.order_id, "r1", due, command.currency)
            house.write(PAYMENTS_COMMANDS.name, command.order_id, receipt)
    if order["given"]["total"] == order["sums"]["total"] and command.total_minor:
        assert house.order(command.order_id).payment_status == PaymentStatus.PAID
        for number, turn in enumerate(order["refunds"], 1):
            (amount,) = minors([turn["given_back"]], command.currency)
            if amount:
                refund = RefundPayment(command.order_id, f"b{number}", amount, "returned")
                house.write(PAYMENTS_COMMANDS.name, command.order_id, refund)
        state = house.order(command.order_id)
        assert state.payment_status == PaymentStatus.REFUNDED
        assert state.captured_minor == state.refunded_minor == command.total_minor
        assert house.refunded == house.captured
