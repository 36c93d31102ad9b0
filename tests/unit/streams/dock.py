"""A purchasing room with one purchase order, and an inventory that answers it, for its tests."""

from __future__ import annotations

from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    DeliveredLine,
    PurchaseLine,
    PurchaseOrderState,
    PurchaseRefused,
    RecordDelivery,
    RecordGoodsReceipt,
    SendPurchaseOrder,
    Status,
)
from schemas.records import Record
from schemas.stock import ExpectSupply, ReceiveStock
from schemas.topics import DAY_MS, INVENTORY_COMMANDS
from streams.purchasing.agent import PurchasingRoom
from tests.unit.streams.memory import NOW, Desk, only

PO = "po-1"
DUE = NOW + 10 * DAY_MS
CREATE = CreatePurchaseOrder(
    PO, "acme", "BER", [PurchaseLine("1", "MUG", 10, 250), PurchaseLine("2", "TEE", 4, 900)],
    "EUR", DUE, "", "low", "ann",
)  # fmt: skip
DROP_SHIP = CreatePurchaseOrder(
    PO, "acme", "", [PurchaseLine("1", "MUG", 2, 0)], "", 0, "shop-1", "drop-ship", "fulfillment"
)
APPROVE = ApprovePurchaseOrder(PO, "bob")
SEND = SendPurchaseOrder(PO, "bob")
CLOSE = ClosePurchaseOrder(PO, "no more", "bob")
CANCEL = CancelPurchaseOrder(PO, "a mistake", "bob")


def delivery(
    *lines: tuple[str, int], of: str = "d-1", disposition: str = "sellable"
) -> RecordDelivery:
    delivered = [DeliveredLine(line, quantity, disposition, "", 0, []) for line, quantity in lines]
    return RecordDelivery(PO, of, delivered, "dock")


def confirm(expected_at_ms: int) -> ConfirmPurchaseOrder:
    return ConfirmPurchaseOrder(PO, expected_at_ms, "strike", "acme")


STEPS: dict[str, list[Record]] = {
    Status.PROPOSED: [CREATE],
    Status.APPROVED: [CREATE, APPROVE],
    Status.SENT: [CREATE, APPROVE, SEND],
    Status.PARTLY_RECEIVED: [CREATE, APPROVE, SEND, delivery(("1", 3))],
    Status.RECEIVED: [CREATE, APPROVE, SEND, delivery(("1", 10), ("2", 4))],
    Status.CLOSED: [CREATE, APPROVE, SEND, CLOSE],
    Status.CANCELLED: [CREATE, CANCEL],
}


class Dock(Desk):
    """A room, and an inventory that answers at once: it takes in all but what it is told not to."""

    def __init__(self) -> None:
        super().__init__(PurchasingRoom())
        self.refusing: dict[str, str] = {}
        """why, by SKU"""
        self.answers = True

    def ask(self, key: str, command: Record) -> list[Send]:
        """What the room writes, also after inventory's answers."""
        sends = super().ask(key, command)
        if not self.answers:
            return sends
        return sends + [send for asked in receipts(sends) for send in self.answer(asked)]

    def answer(self, asked: ReceiveStock) -> list[Send]:
        """What the room writes after one answer of inventory."""
        why, po = self.refusing.get(asked.sku, ""), asked.purchase_order_id
        return super().ask(po, RecordGoodsReceipt(po, asked.movement_id, asked.sku, not why, why))


def desk(status: str = "") -> Dock:
    """A room with one purchase order that has come as far as `status`."""
    made = Dock()
    for step in STEPS.get(status, []):
        made.ask(PO, step)
    if status:
        assert made.state(PO, PurchaseOrderState).status == status
    return made


def status_of(made: Desk) -> str:
    return made.state(PO, PurchaseOrderState).status


def supplies(sends: list[Send]) -> list[tuple[str, int, int]]:
    found = []
    for topic, key, record, _ in sends:
        if isinstance(record, ExpectSupply):
            assert (topic, key) == (INVENTORY_COMMANDS, record.sku)
            found.append((record.supply_id, record.quantity, record.expected_at_ms))
    return found


def receipts(sends: list[Send]) -> list[ReceiveStock]:
    return [send.record for send in sends if isinstance(send.record, ReceiveStock)]


def reason(sends: list[Send]) -> str:
    return only(sends, PurchaseRefused).reason
