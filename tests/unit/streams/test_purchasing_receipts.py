"""The policies of goods that inventory takes in, or does not, for a purchase order."""

from __future__ import annotations

import pytest

from schemas.purchasing import (
    DeliveryRecorded,
    PurchaseOrderState,
    ReceiptRefused,
    RecordGoodsReceipt,
    Refusal,
    Status,
    open_pieces,
)
from schemas.records import Record
from tests.unit.streams.dock import (
    CANCEL,
    CLOSE,
    DUE,
    PO,
    Dock,
    confirm,
    delivery,
    desk,
    reason,
    receipts,
    status_of,
    supplies,
)
from tests.unit.streams.memory import NOW, Desk, names, only

BOTH = delivery(("1", 10), ("2", 4))


def silent(status: str = Status.SENT) -> Dock:
    """A room whose inventory has yet to answer."""
    made = desk(status)
    made.answers = False
    return made


def known(made: Desk) -> PurchaseOrderState:
    return made.state(PO, PurchaseOrderState)


def test_nothing_is_received_before_inventory_has_taken_all_of_it_in() -> None:
    made = silent()
    first, second = receipts(made.ask(PO, BOTH))
    assert [line.received for line in known(made).lines] == [0, 0]
    assert open_pieces(known(made)) == {"1": 0, "2": 0}
    assert made.ask(PO, BOTH) == []
    assert made.answer(second) == []
    sends = made.answer(first)
    assert names(sends) == ["DeliveryRecorded", "RecordPerformance", "RecordPerformance"]
    assert (status_of(made), known(made).under_way) == (Status.RECEIVED, [])
    assert made.answer(first) == []
    assert made.ask(PO, BOTH) == []


def test_what_inventory_refuses_is_told_with_its_reason_and_stays_open() -> None:
    made = desk(Status.SENT)
    made.refusing["TEE"] = "lot_required"
    sends = made.ask(PO, BOTH)
    recorded = only(sends, DeliveryRecorded)
    assert [line.line_id for line in recorded.lines] == ["1"]
    assert recorded.complete is False
    assert only(sends, ReceiptRefused) == ReceiptRefused(
        PO, "d-1", "2", "TEE", 4, "lot_required", "dock", NOW
    )
    assert supplies(sends) == [(f"{PO}/2", 4, DUE)]
    assert status_of(made) == Status.PARTLY_RECEIVED
    del made.refusing["TEE"]
    assert made.ask(PO, BOTH) == []
    assert reason(made.ask(PO, delivery(("2", 4)))) == Refusal.DELIVERY_CONFLICT
    assert only(made.ask(PO, delivery(("2", 4), of="d-2")), DeliveryRecorded).complete is True


def test_a_delivery_of_which_nothing_was_taken_in_can_be_sent_again_corrected() -> None:
    made = desk(Status.SENT)
    made.refusing = {"MUG": "unknown_lot", "TEE": "lot_required"}
    sends = made.ask(PO, BOTH)
    assert names(sends)[2:4] == ["ReceiptRefused", "ReceiptRefused"]
    assert (status_of(made), known(made).deliveries) == (Status.SENT, [])
    made.refusing.clear()
    assert only(made.ask(PO, delivery(("1", 3))), DeliveryRecorded).delivery_id == "d-1"
    assert status_of(made) == Status.PARTLY_RECEIVED


def test_a_delivery_that_is_being_taken_in_is_not_another_one_under_its_id() -> None:
    made = silent()
    made.ask(PO, delivery(("1", 3)))
    assert reason(made.ask(PO, delivery(("1", 4)))) == Refusal.DELIVERY_CONFLICT
    assert reason(made.ask(PO, delivery(("1", 8), of="d-2"))) == Refusal.INVALID_QUANTITY


@pytest.mark.parametrize("command", [CLOSE, CANCEL])
def test_an_order_does_not_end_while_its_goods_are_being_taken_in(command: Record) -> None:
    made = silent()
    [asked] = receipts(made.ask(PO, delivery(("1", 3))))
    assert reason(made.ask(PO, command)) == Refusal.WRONG_STATUS
    made.refusing["MUG"] = "lot_required"
    made.answer(asked)
    assert status_of(made) == Status.SENT
    made.ask(PO, command)
    assert status_of(made) in (Status.CLOSED, Status.CANCELLED)


def test_a_slip_meanwhile_is_told_without_what_is_being_taken_in_and_corrected_after() -> None:
    made = silent()
    [asked] = receipts(made.ask(PO, delivery(("1", 3))))
    assert supplies(made.ask(PO, confirm(DUE + 9))) == [
        (f"{PO}/1", 7, DUE + 9), (f"{PO}/2", 4, DUE + 9),
    ]  # fmt: skip
    made.refusing["MUG"] = "lot_required"
    assert supplies(made.answer(asked)) == [(f"{PO}/1", 10, DUE + 9)]


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    stray = RecordGoodsReceipt(PO, f"{PO}/d-1/1", "MUG", True, "")
    assert desk().ask(PO, stray) == []
    made = desk(Status.SENT)
    before = known(made)
    assert made.ask(PO, stray) == []
    assert known(made) is before
