"""What the purchasing room decides about a purchase order, in the order in which it lives.

Every function is pure. It takes the state as it is and gives the state as it is to be with the
records to write; the same state object again means that nothing changes. A command that asks for
what is the case already changes nothing and is not refused.

A purchase order for stock keeps inventory informed: when it is sent, when its date slips, when
goods come and when nothing more will. One whose goods go to a customer (`order_id`) moves no stock
of ours. Up to the ordered quantity is accepted of a line; a delivery that brings more is refused as
a whole, so that the surplus is sent back or ordered, and not found in the books by chance.
"""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    DeliveredLine,
    DeliveryRecorded,
    PurchaseLineState,
    PurchaseOrderApproved,
    PurchaseOrderCancelled,
    PurchaseOrderClosed,
    PurchaseOrderConfirmed,
    PurchaseOrderProposed,
    PurchaseOrderSent,
    PurchaseOrderState,
    PurchaseRefused,
    RecordDelivery,
    RecordPerformance,
    Refusal,
    SendPurchaseOrder,
    Status,
)
from schemas.records import Record
from schemas.stock import Disposition, ExpectSupply, ReceiveStock
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS, PURCHASING_EVENTS
from streams.content import hash_of
from streams.purchasing.model import (
    MAXIMUM_DELIVERIES,
    START,
    LastDelivery,
    after,
    allows,
)

AboutAnOrder = (
    CreatePurchaseOrder
    | ApprovePurchaseOrder
    | SendPurchaseOrder
    | ConfirmPurchaseOrder
    | RecordDelivery
    | ClosePurchaseOrder
    | CancelPurchaseOrder
)
Decision = tuple[PurchaseOrderState | None, list[Send]]
Changed = tuple[PurchaseOrderState, list[Send]]
_DISPOSITIONS = frozenset(one.value for one in Disposition)
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
    if not isinstance(command, AboutAnOrder):
        raise TypeError(f"the purchasing room takes no {type(command).__name__}")
    if isinstance(command, CreatePurchaseOrder):
        return _create(state, command, now_ms)
    if state is None:
        detail = "no such purchase order"
        return None, [_refused(command, Refusal.UNKNOWN_PURCHASE_ORDER, detail, now_ms)]
    match command:
        case ApprovePurchaseOrder():
            return _approve(state, command, now_ms)
        case SendPurchaseOrder():
            return _send(state, command, now_ms)
        case ConfirmPurchaseOrder():
            return _confirm(state, command, now_ms)
        case RecordDelivery():
            return _record_delivery(state, command, now_ms)
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
        return state, [_refused(command, Refusal.PURCHASE_CONFLICT, detail, now_ms)]
    fault = _fault(command)
    if fault:
        return None, [_refused(command, Refusal.INVALID_QUANTITY, fault, now_ms)]
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
    told = [_tell(proposed, event)]
    if not command.order_id:
        return proposed, told
    sent, more = _sent(proposed, command.actor, now_ms)
    return sent, told + more


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
        return state, [_wrong_status(state, command, now_ms)]
    approved = replace(state, status=after(state.status, PurchaseOrderApproved))
    event = PurchaseOrderApproved(state.purchase_order_id, command.actor, now_ms)
    return approved, [_tell(state, event)]


def _send(state: PurchaseOrderState, command: SendPurchaseOrder, now_ms: int) -> Decision:
    if state.status in _BEYOND_SENDING:
        return state, []
    if state.status != Status.APPROVED:
        return state, [_wrong_status(state, command, now_ms)]
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
    return sent, [_tell(state, event), *_expect(sent, "sent")]


def _confirm(state: PurchaseOrderState, command: ConfirmPurchaseOrder, now_ms: int) -> Decision:
    expected_at_ms = command.expected_at_ms
    if state.status in _BEYOND_SENDING and state.expected_at_ms == expected_at_ms:
        return state, []
    if not allows(state.status, PurchaseOrderConfirmed):
        return state, [_wrong_status(state, command, now_ms)]
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
    return confirmed, [_tell(state, event), *_expect(confirmed, command.reason or "confirmed")]


def _record_delivery(state: PurchaseOrderState, command: RecordDelivery, now_ms: int) -> Decision:
    digest = hash_of(([_content(line) for line in command.lines],))
    mark = f"{command.delivery_id}|{digest:x}"
    if mark in state.deliveries:
        return state, []
    refused = _delivery_refusal(state, command)
    if refused is not None:
        return state, [_refused(command, *refused, now_ms)]
    came = Counter[str]()
    sellable = Counter[str]()
    for delivered in command.lines:
        came[delivered.line_id] += delivered.quantity
        if delivered.disposition == Disposition.SELLABLE:
            sellable[delivered.line_id] += delivered.quantity
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
        deliveries=[*state.deliveries, mark],
    )
    event = DeliveryRecorded(
        state.purchase_order_id, command.delivery_id, command.lines, complete, command.actor,
        now_ms,
    )  # fmt: skip
    sends = [_tell(state, event), *_receive(following, command)]
    for line in lines:
        if line.line_id in came and line.received == line.quantity:
            sends.append(_measure(following, line))
    return following, sends


def _delivery_refusal(
    state: PurchaseOrderState, command: RecordDelivery
) -> tuple[Refusal, str] | None:
    """Why a delivery is refused as a whole, in the order of Refusal; None when it is not."""
    if any(mark.rpartition("|")[0] == command.delivery_id for mark in state.deliveries):
        return Refusal.DELIVERY_CONFLICT, "it was recorded with other content"
    if not allows(state.status, DeliveryRecorded):
        return Refusal.WRONG_STATUS, f"it is {state.status}"
    if len(state.deliveries) >= MAXIMUM_DELIVERIES:
        return Refusal.WRONG_STATUS, f"{MAXIMUM_DELIVERIES} deliveries are recorded: close it"
    open_pieces = {line.line_id: line.quantity - line.received for line in state.lines}
    for delivered in command.lines:
        if delivered.line_id not in open_pieces:
            return Refusal.UNKNOWN_LINE, f"it has no line {delivered.line_id}"
    if not command.lines:
        return Refusal.INVALID_QUANTITY, "nothing has come"
    for delivered in command.lines:
        if delivered.disposition not in _DISPOSITIONS:
            return Refusal.INVALID_QUANTITY, f"{delivered.disposition!r} is no disposition"
        if delivered.quantity < 1:
            return Refusal.INVALID_QUANTITY, f"line {delivered.line_id}: not a piece"
        open_pieces[delivered.line_id] -= delivered.quantity
        if open_pieces[delivered.line_id] < 0:
            more = -open_pieces[delivered.line_id]
            return Refusal.INVALID_QUANTITY, f"line {delivered.line_id}: {more} more than is open"
    return None


def _close(state: PurchaseOrderState, command: ClosePurchaseOrder, now_ms: int) -> Decision:
    if state.status == Status.CLOSED:
        return state, []
    if not allows(state.status, PurchaseOrderClosed):
        return state, [_wrong_status(state, command, now_ms)]
    event = PurchaseOrderClosed(state.purchase_order_id, command.reason, command.actor, now_ms)
    sends = [_tell(state, event), *_expect_nothing(state, command.reason or "closed")]
    sends += [_measure(state, line) for line in state.lines if line.received < line.quantity]
    return replace(state, status=after(state.status, PurchaseOrderClosed)), sends


def _cancel(state: PurchaseOrderState, command: CancelPurchaseOrder, now_ms: int) -> Decision:
    if state.status == Status.CANCELLED:
        return state, []
    if not allows(state.status, PurchaseOrderCancelled):
        return state, [_wrong_status(state, command, now_ms)]
    event = PurchaseOrderCancelled(state.purchase_order_id, command.reason, command.actor, now_ms)
    sends = [_tell(state, event)]
    if state.status == Status.SENT:
        sends += _expect_nothing(state, command.reason or "cancelled")
    return replace(state, status=after(state.status, PurchaseOrderCancelled)), sends


def _expect(state: PurchaseOrderState, reason: str) -> list[Send]:
    """Tell inventory what is open and when it comes."""
    return [
        _supply(state, line, line.quantity - line.received, state.expected_at_ms, reason)
        for line in _awaited(state)
    ]


def _expect_nothing(state: PurchaseOrderState, reason: str) -> list[Send]:
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


def _receive(state: PurchaseOrderState, command: RecordDelivery) -> list[Send]:
    """Have inventory take in what came; it then expects so much less by itself.

    A movement is known by purchase order, delivery and place in it: one delivery may name a line
    twice, for two lots or for what is damaged of it, and one delivery note several orders.
    """
    if state.order_id:
        return []
    skus = {line.line_id: line.sku for line in state.lines}
    sends = []
    for number, delivered in enumerate(command.lines, start=1):
        sku = skus[delivered.line_id]
        receive = ReceiveStock(
            movement_id=f"{state.purchase_order_id}/{command.delivery_id}/{number}",
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
        )
        sends.append(Send(INVENTORY_COMMANDS, sku, receive))
    return sends


def _measure(state: PurchaseOrderState, line: PurchaseLineState) -> Send:
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


def _content(line: DeliveredLine) -> tuple[object, ...]:
    return (
        line.line_id, line.quantity, line.disposition, line.lot_id, line.expires_at_ms,
        line.serials,
    )  # fmt: skip


def _tell(state: PurchaseOrderState, event: Record) -> Send:
    return Send(PURCHASING_EVENTS, state.purchase_order_id, event)


def _wrong_status(state: PurchaseOrderState, command: AboutAnOrder, now_ms: int) -> Send:
    return _refused(command, Refusal.WRONG_STATUS, f"it is {state.status}", now_ms)


def _refused(command: AboutAnOrder, reason: Refusal, detail: str, now_ms: int) -> Send:
    purchase_order_id = command.purchase_order_id
    event = PurchaseRefused(
        type(command).__name__, "", purchase_order_id, reason, detail, command.actor, now_ms
    )
    return Send(PURCHASING_EVENTS, purchase_order_id, event)
