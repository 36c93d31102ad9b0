"""What the purchasing room decides about a purchase order, in the order in which it lives.

Every function is pure. It takes the state as it is and gives the state as it is to be with the
records to write; the same state object again means that nothing changes. A command that asks for
what is the case already changes nothing and is not refused.

A purchase order for stock keeps inventory informed: when it is sent, when its date slips, when
goods come and when nothing more will. One whose goods go to a customer (`order_id`) moves no stock
of ours. Up to the ordered quantity is accepted of a line; a delivery that brings more is refused as
a whole, so that the surplus is sent back or ordered, and not found in the books by chance. What
comes of a delivery stands in deliveries.py; while inventory is taking one in, the order is neither
closed nor cancelled.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    PurchaseLineState,
    PurchaseOrderApproved,
    PurchaseOrderCancelled,
    PurchaseOrderClosed,
    PurchaseOrderConfirmed,
    PurchaseOrderProposed,
    PurchaseOrderSent,
    PurchaseOrderState,
    RecordDelivery,
    RecordGoodsReceipt,
    Refusal,
    SendPurchaseOrder,
    Status,
)
from schemas.records import Record
from streams.content import hash_of
from streams.purchasing import deliveries, told
from streams.purchasing.model import START, after, allows

Decision = tuple[PurchaseOrderState | None, list[Send]]
Changed = tuple[PurchaseOrderState, list[Send]]
_BEYOND_APPROVAL = (
    Status.APPROVED,
    Status.SENT,
    Status.PARTLY_RECEIVED,
    Status.RECEIVED,
    Status.CLOSED,
)
_BEYOND_SENDING = _BEYOND_APPROVAL[1:]


def decide(state: PurchaseOrderState | None, command: Record, now_ms: int) -> Decision:
    """The purchase order after `command`, and what to write. Raises TypeError if foreign."""
    if not isinstance(command, told.Asked | RecordGoodsReceipt):
        raise TypeError(f"the purchasing room takes no {type(command).__name__}")
    if isinstance(command, CreatePurchaseOrder):
        return _create(state, command, now_ms)
    if isinstance(command, RecordGoodsReceipt):
        return deliveries.answered(state, command, now_ms) if state is not None else (None, [])
    if state is None:
        detail = "no such purchase order"
        return None, [told.refused(command, Refusal.UNKNOWN_PURCHASE_ORDER, detail, now_ms)]
    match command:
        case ApprovePurchaseOrder():
            return _approve(state, command, now_ms)
        case SendPurchaseOrder():
            return _send(state, command, now_ms)
        case ConfirmPurchaseOrder():
            return _confirm(state, command, now_ms)
        case RecordDelivery():
            return deliveries.record(state, command, now_ms)
        case ClosePurchaseOrder():
            return _close(state, command, now_ms)
        case CancelPurchaseOrder():
            return _cancel(state, command, now_ms)


def _create(
    state: PurchaseOrderState | None, command: CreatePurchaseOrder, now_ms: int
) -> Decision:
    content = (
        command.supplier_id, command.location_id, command.currency, command.expected_at_ms,
        command.order_id,
        [(line.line_id, line.sku, line.quantity, line.price_minor) for line in command.lines],
    )  # fmt: skip
    digest = hash_of(content)
    if state is not None:
        if state.content_hash == digest:
            return state, []
        detail = "it exists with other content"
        return state, [told.refused(command, Refusal.PURCHASE_CONFLICT, detail, now_ms)]
    fault = _fault(command)
    if fault:
        return None, [told.refused(command, Refusal.INVALID_QUANTITY, fault, now_ms)]
    purchase_order_id = command.purchase_order_id
    proposed = PurchaseOrderState(
        purchase_order_id=purchase_order_id,
        status=after(START, PurchaseOrderProposed),
        content_hash=digest,
        supplier_id=command.supplier_id,
        location_id=command.location_id,
        lines=[
            PurchaseLineState(line.line_id, line.sku, line.quantity, line.price_minor, 0, 0, 0)
            for line in command.lines
        ],
        currency=command.currency,
        expected_at_ms=command.expected_at_ms,
        first_expected_at_ms=0,
        order_id=command.order_id,
        sent_at_ms=0,
        deliveries=[],
    )
    event = PurchaseOrderProposed(
        purchase_order_id=purchase_order_id,
        supplier_id=command.supplier_id,
        location_id=command.location_id,
        lines=command.lines,
        currency=command.currency,
        expected_at_ms=command.expected_at_ms,
        order_id=command.order_id,
        reason=command.reason,
        actor=command.actor,
        at_ms=now_ms,
    )
    sends = [told.event(proposed, event)]
    if not command.order_id:
        return proposed, sends
    sent, more = _sent(proposed, command.actor, now_ms)
    return sent, sends + more


def _fault(command: CreatePurchaseOrder) -> str:
    """Why it is no purchase order; empty when it is one."""
    if not command.lines:
        return "it has no line"
    if len({line.line_id for line in command.lines}) < len(command.lines):
        return "two of its lines have the same id"
    if any(line.quantity < 1 or line.price_minor < 0 for line in command.lines):
        return "a line has no piece, or a price below 0"
    if not (command.location_id or command.order_id):
        return "it goes to no location and no customer"
    return ""


def _approve(state: PurchaseOrderState, command: ApprovePurchaseOrder, now_ms: int) -> Decision:
    if state.status in _BEYOND_APPROVAL:
        return state, []
    if not allows(state.status, PurchaseOrderApproved):
        return state, [told.wrong_status(state, command, now_ms)]
    approved = replace(state, status=after(state.status, PurchaseOrderApproved))
    event = PurchaseOrderApproved(state.purchase_order_id, command.actor, now_ms)
    return approved, [told.event(state, event)]


def _send(state: PurchaseOrderState, command: SendPurchaseOrder, now_ms: int) -> Decision:
    if state.status in _BEYOND_SENDING:
        return state, []
    if state.status != Status.APPROVED:
        return state, [told.wrong_status(state, command, now_ms)]
    return _sent(state, command.actor, now_ms)


def _sent(state: PurchaseOrderState, actor: str, now_ms: int) -> Changed:
    """The supplier has it. A date that is over by then was never promised: it is unknown."""
    expected_at_ms = state.expected_at_ms if state.expected_at_ms > now_ms else 0
    sent = replace(
        state,
        status=after(state.status, PurchaseOrderSent),
        expected_at_ms=expected_at_ms,
        first_expected_at_ms=expected_at_ms,
        sent_at_ms=now_ms,
    )
    event = PurchaseOrderSent(state.purchase_order_id, expected_at_ms, actor, now_ms)
    return sent, [told.event(state, event), *told.expected(sent, "sent")]


def _confirm(state: PurchaseOrderState, command: ConfirmPurchaseOrder, now_ms: int) -> Decision:
    expected_at_ms = command.expected_at_ms
    if state.status in _BEYOND_SENDING and state.expected_at_ms == expected_at_ms:
        return state, []
    if not allows(state.status, PurchaseOrderConfirmed):
        return state, [told.wrong_status(state, command, now_ms)]
    confirmed = replace(
        state,
        status=after(state.status, PurchaseOrderConfirmed),
        expected_at_ms=expected_at_ms,
        first_expected_at_ms=state.first_expected_at_ms or expected_at_ms,
    )
    event = PurchaseOrderConfirmed(
        state.purchase_order_id, expected_at_ms, state.expected_at_ms, command.reason,
        command.actor, now_ms,
    )  # fmt: skip
    return confirmed, [
        told.event(state, event),
        *told.expected(confirmed, command.reason or "confirmed"),
    ]


def _close(state: PurchaseOrderState, command: ClosePurchaseOrder, now_ms: int) -> Decision:
    if state.status == Status.CLOSED:
        return state, []
    if not allows(state.status, PurchaseOrderClosed):
        return state, [told.wrong_status(state, command, now_ms)]
    if state.under_way:
        return state, [_being_taken_in(state, command, now_ms)]
    event = PurchaseOrderClosed(state.purchase_order_id, command.reason, command.actor, now_ms)
    sends = [told.event(state, event), *told.expected_no_more(state, command.reason or "closed")]
    sends += [told.measure(state, line) for line in state.lines if line.received < line.quantity]
    return replace(state, status=after(state.status, PurchaseOrderClosed)), sends


def _cancel(state: PurchaseOrderState, command: CancelPurchaseOrder, now_ms: int) -> Decision:
    if state.status == Status.CANCELLED:
        return state, []
    if not allows(state.status, PurchaseOrderCancelled):
        return state, [told.wrong_status(state, command, now_ms)]
    if state.under_way:
        return state, [_being_taken_in(state, command, now_ms)]
    event = PurchaseOrderCancelled(state.purchase_order_id, command.reason, command.actor, now_ms)
    sends = [told.event(state, event)]
    if state.status == Status.SENT:
        sends += told.expected_no_more(state, command.reason or "cancelled")
    return replace(state, status=after(state.status, PurchaseOrderCancelled)), sends


def _being_taken_in(
    state: PurchaseOrderState, command: ClosePurchaseOrder | CancelPurchaseOrder, now_ms: int
) -> Send:
    """What has come, and so what is open, is known when inventory has answered."""
    detail = f"delivery {state.under_way[0].delivery_id} is being taken in"
    return told.refused(command, Refusal.WRONG_STATUS, detail, now_ms)
