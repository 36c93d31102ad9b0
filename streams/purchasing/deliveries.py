"""What comes of a purchase order: asked of inventory line by line, recorded once it has answered.

A delivery of goods to us is under way until inventory has answered each of its lines. What it has
accepted is received then, in one event; what it has refused, for instance because the lot is
missing, is an event with the reason and stays open. Goods for a customer move no stock of ours and
are received at once. Every function is pure.
"""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from schemas.messages import Send
from schemas.purchasing import (
    DeliveredLine,
    DeliveryRecorded,
    DeliveryState,
    PurchaseOrderState,
    ReceiptRefused,
    ReceiptState,
    ReceiptStatus,
    RecordDelivery,
    RecordGoodsReceipt,
    Refusal,
    open_pieces,
)
from schemas.stock import Disposition
from streams.content import hash_of
from streams.purchasing import told
from streams.purchasing.model import MAXIMUM_DELIVERIES, LastDelivery, after, allows

Changed = tuple[PurchaseOrderState, list[Send]]
_DISPOSITIONS = frozenset(one.value for one in Disposition)


def record(state: PurchaseOrderState, command: RecordDelivery, now_ms: int) -> Changed:
    """Goods have come: have inventory take them in. The same delivery again changes nothing."""
    delivery_id, digest = command.delivery_id, hash_of((list(map(_content, command.lines)),))
    if _mark(delivery_id, digest) in state.deliveries:
        return state, []
    for known in state.under_way:
        if (known.delivery_id, known.content_hash) == (delivery_id, digest):
            return state, []
    refused = _refusal(state, command)
    if refused is not None:
        return state, [told.refused(command, *refused, now_ms)]
    status = ReceiptStatus.ACCEPTED if state.order_id else ReceiptStatus.ASKED
    # Known by purchase order, delivery and place in it: one delivery may name a line twice, for
    # two lots or for what is damaged of it, and one delivery note several orders.
    receipts = [
        ReceiptState(f"{state.purchase_order_id}/{delivery_id}/{number}", line, status, "")
        for number, line in enumerate(command.lines, start=1)
    ]
    delivery = DeliveryState(delivery_id, digest, command.actor, receipts)
    if state.order_id:
        return _settled(state, delivery, now_ms)
    following = replace(state, under_way=[*state.under_way, delivery])
    return following, told.receive(state, command, receipts)


def answered(state: PurchaseOrderState, reply: RecordGoodsReceipt, now_ms: int) -> Changed:
    """Inventory has taken in a line, or not. An answer that is not waited for changes nothing."""
    for delivery in state.under_way:
        for receipt in delivery.receipts:
            asked = receipt.status == ReceiptStatus.ASKED
            if asked and receipt.movement_id == reply.movement_id:
                return _take(state, delivery, receipt, reply, now_ms)
    return state, []


def _take(
    state: PurchaseOrderState,
    delivery: DeliveryState,
    receipt: ReceiptState,
    reply: RecordGoodsReceipt,
    now_ms: int,
) -> Changed:
    """Keep the answer; with the last one the delivery is settled."""
    status = ReceiptStatus.ACCEPTED if reply.accepted else ReceiptStatus.REFUSED
    answer = replace(receipt, status=status, reason=reply.reason)
    receipts = [answer if one is receipt else one for one in delivery.receipts]
    known = replace(delivery, receipts=receipts)
    others = [one for one in state.under_way if one is not delivery]
    if any(one.status == ReceiptStatus.ASKED for one in receipts):
        return replace(state, under_way=[*others, known]), []
    return _settled(replace(state, under_way=others), known, now_ms)


def _settled(state: PurchaseOrderState, delivery: DeliveryState, now_ms: int) -> Changed:
    """Every line of a delivery is answered: what is accepted has come, the rest is open again."""
    accepted = [one.delivered for one in delivery.receipts if one.status == ReceiptStatus.ACCEPTED]
    refused = [one for one in delivery.receipts if one.status == ReceiptStatus.REFUSED]
    sends: list[Send] = []
    if accepted:
        state, sends = _received(state, delivery, accepted, now_ms)
    skus = {line.line_id: line.sku for line in state.lines}
    for one in refused:
        line_id = one.delivered.line_id
        event = ReceiptRefused(
            state.purchase_order_id, delivery.delivery_id, line_id, skus[line_id],
            one.delivered.quantity, one.reason, delivery.actor, now_ms,
        )  # fmt: skip
        sends.append(told.event(state, event))
    # Said again, because the date may have been told anew without these pieces.
    still_open = {one.delivered.line_id for one in refused}
    return state, sends + told.expected(state, f"delivery {delivery.delivery_id}", still_open)


def _received(
    state: PurchaseOrderState,
    delivery: DeliveryState,
    accepted: list[DeliveredLine],
    now_ms: int,
) -> Changed:
    """Count what has come."""
    came, sellable = Counter[str](), Counter[str]()
    for one in accepted:
        came[one.line_id] += one.quantity
        if one.disposition == Disposition.SELLABLE:
            sellable[one.line_id] += one.quantity
    lines = [
        replace(
            line,
            received=line.received + came[line.line_id],
            sellable=line.sellable + sellable[line.line_id],
            received_at_ms=now_ms,
        )
        if line.line_id in came
        else line
        for line in state.lines
    ]
    complete = all(line.received == line.quantity for line in lines)
    following = replace(
        state,
        status=after(state.status, LastDelivery if complete else DeliveryRecorded),
        lines=lines,
        deliveries=[*state.deliveries, _mark(delivery.delivery_id, delivery.content_hash)],
    )
    event = DeliveryRecorded(
        state.purchase_order_id, delivery.delivery_id, accepted, complete, delivery.actor, now_ms
    )
    over = [line for line in lines if line.line_id in came and line.received == line.quantity]
    return following, [
        told.event(state, event),
        *(told.measure(following, line) for line in over),
    ]


def _refusal(state: PurchaseOrderState, command: RecordDelivery) -> tuple[Refusal, str] | None:
    """Why a delivery is refused as a whole, in the order of Refusal; None when it is not."""
    delivery_id = command.delivery_id
    if any(mark.rpartition("|")[0] == delivery_id for mark in state.deliveries):
        return Refusal.DELIVERY_CONFLICT, "it was recorded with other content"
    if any(known.delivery_id == delivery_id for known in state.under_way):
        return Refusal.DELIVERY_CONFLICT, "it is being taken in with other content"
    if not allows(state.status, DeliveryRecorded):
        return Refusal.WRONG_STATUS, f"it is {state.status}"
    if len(state.deliveries) + len(state.under_way) >= MAXIMUM_DELIVERIES:
        return Refusal.WRONG_STATUS, f"{MAXIMUM_DELIVERIES} deliveries are recorded: close it"
    rest = open_pieces(state)
    for line in command.lines:
        if line.line_id not in rest:
            return Refusal.UNKNOWN_LINE, f"it has no line {line.line_id}"
    if not command.lines:
        return Refusal.INVALID_QUANTITY, "nothing has come"
    for line in command.lines:
        if line.disposition not in _DISPOSITIONS:
            return Refusal.INVALID_QUANTITY, f"{line.disposition!r} is no disposition"
        if line.quantity < 1:
            return Refusal.INVALID_QUANTITY, f"line {line.line_id}: not a piece"
        rest[line.line_id] -= line.quantity
        if rest[line.line_id] < 0:
            more = -rest[line.line_id]
            return Refusal.INVALID_QUANTITY, f"line {line.line_id}: {more} more than is open"
    return None


def _mark(delivery_id: str, digest: int) -> str:
    return f"{delivery_id}|{digest:x}"


def _content(line: DeliveredLine) -> tuple[object, ...]:
    return (
        line.line_id, line.quantity, line.disposition, line.lot_id, line.expires_at_ms,
        line.serials,
    )  # fmt: skip
