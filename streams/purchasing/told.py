"""What is written of a purchase order: events, refusals, and what inventory is to know of it."""

from __future__ import annotations

from collections.abc import Collection

from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    PurchaseLineState,
    PurchaseOrderState,
    PurchaseRefused,
    ReceiptState,
    RecordDelivery,
    RecordPerformance,
    Refusal,
    SendPurchaseOrder,
    open_pieces,
)
from schemas.records import Record
from schemas.stock import ExpectSupply, ReceiveStock
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS, PURCHASING_EVENTS

Asked = (
    CreatePurchaseOrder
    | ApprovePurchaseOrder
    | SendPurchaseOrder
    | ConfirmPurchaseOrder
    | RecordDelivery
    | ClosePurchaseOrder
    | CancelPurchaseOrder
)
"""commands that somebody gives, and that are refused by name"""


def event(state: PurchaseOrderState, record: Record) -> Send:
    """An event of a purchase order."""
    return Send(PURCHASING_EVENTS, state.purchase_order_id, record)


def refused(command: Asked, reason: Refusal, detail: str, now_ms: int) -> Send:
    """The command has changed nothing, and why."""
    purchase_order_id = command.purchase_order_id
    told = PurchaseRefused(
        type(command).__name__, "", purchase_order_id, reason, detail, command.actor, now_ms
    )
    return Send(PURCHASING_EVENTS, purchase_order_id, told)


def wrong_status(state: PurchaseOrderState, command: Asked, now_ms: int) -> Send:
    """The command does not fit where the purchase order is."""
    return refused(command, Refusal.WRONG_STATUS, f"it is {state.status}", now_ms)


def expected(
    state: PurchaseOrderState, reason: str, line_ids: Collection[str] | None = None
) -> list[Send]:
    """Tell inventory what is open of lines, by default of all, and when it comes.

    What inventory is taking in is not open: it will count those pieces as arrived by itself.
    """
    rest = open_pieces(state)
    return [
        _supply(state, line, rest[line.line_id], state.expected_at_ms, reason)
        for line in _awaited(state)
        if line_ids is None or line.line_id in line_ids
    ]


def expected_no_more(state: PurchaseOrderState, reason: str) -> list[Send]:
    """Tell inventory that what was open does not come."""
    return [_supply(state, line, 0, 0, reason) for line in _awaited(state)]


def _awaited(state: PurchaseOrderState) -> list[PurchaseLineState]:
    """The lines that inventory waits for: open ones, where the goods come to us."""
    if state.order_id:
        return []
    return [line for line in state.lines if line.received < line.quantity]


def _supply(
    state: PurchaseOrderState,
    line: PurchaseLineState,
    quantity: int,
    expected_at_ms: int,
    reason: str,
) -> Send:
    command = ExpectSupply(
        supply_id=_supply_id(state, line.line_id),
        sku=line.sku,
        location_id=state.location_id,
        quantity=quantity,
        expected_at_ms=expected_at_ms,
        reason=reason,
    )
    return Send(INVENTORY_COMMANDS, line.sku, command)


def _supply_id(state: PurchaseOrderState, line_id: str) -> str:
    return f"{state.purchase_order_id}/{line_id}"


def receive(
    state: PurchaseOrderState, command: RecordDelivery, receipts: list[ReceiptState]
) -> list[Send]:
    """Have inventory take in what came; it answers, and then expects so much less by itself."""
    skus = {line.line_id: line.sku for line in state.lines}
    sends = []
    for receipt in receipts:
        delivered = receipt.delivered
        sku = skus[delivered.line_id]
        asked = ReceiveStock(
            movement_id=receipt.movement_id,
            sku=sku,
            location_id=state.location_id,
            quantity=delivered.quantity,
            unit="",
            supply_id=_supply_id(state, delivered.line_id),
            disposition=delivered.disposition,
            is_return=False,
            reference=state.purchase_order_id,
            reason=f"delivery {command.delivery_id}",
            actor=command.actor,
            lot_id=delivered.lot_id,
            expires_at_ms=delivered.expires_at_ms,
            serials=delivered.serials,
            purchase_order_id=state.purchase_order_id,
        )
        sends.append(Send(INVENTORY_COMMANDS, sku, asked))
    return sends


def measure(state: PurchaseOrderState, line: PurchaseLineState) -> Send:
    """A line is over: have it taken into the supplier's figures."""
    command = RecordPerformance(
        sku=line.sku,
        supplier_id=state.supplier_id,
        purchase_order_id=state.purchase_order_id,
        line_id=line.line_id,
        ordered=line.quantity,
        received=line.sellable,
        sent_at_ms=state.sent_at_ms,
        expected_at_ms=state.first_expected_at_ms,
        received_at_ms=line.received_at_ms,
    )
    return Send(PURCHASING_COMMANDS, line.sku, command)
