"""How an order, or a part of it, is cancelled at any point before its shipment."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.customers import Outcome
from schemas.fulfillment import CancelFulfillment
from schemas.messages import Send
from schemas.orders import (
    AmendmentRefused,
    AmendOrder,
    CancelOrder,
    LineKind,
    OrderAmended,
    OrderState,
    PlaceOrder,
    Refusal,
    Status,
)
from schemas.topics import FULFILLMENT_COMMANDS, ORDERS_EVENTS
from streams.content import hash_of
from streams.orders import ending, invoicing, paying, shipment, terms
from streams.orders.ending import Changed
from streams.orders.model import LastOpenCancelled, goods_after


def cancel(state: OrderState, command: CancelOrder, now_ms: int) -> Changed:
    """Cancel the order as a whole; what has left stays."""
    reason = command.reason or "cancelled"
    if state.status == Status.CANCELLED:
        return state, []
    if state.status == Status.REFUSED:
        return state, [_refused(command, Refusal.ALREADY_ENDED, "it was refused", now_ms)]
    if state.status == Status.RELEASED and not shipment.untouched(state):
        still_open = [line.line_id for line in state.lines if not line.shipped]
        if not still_open or not state.content:
            detail = "everything has been shipped" if state.lines else "it is delivered"
            return state, [_refused(command, Refusal.TOO_LATE, detail, now_ms)]
        return _open_lines(state, still_open, _as_change(command), now_ms)
    return whole(state, reason, command.actor, now_ms)


def whole(state: OrderState, reason: str, actor: str, now_ms: int) -> Changed:
    """Cancel an order of which nothing has left, now or when what was asked for is answered."""
    asked = any(not line.answered for line in state.lines)
    if state.status == Status.RESERVING or (state.status == Status.AMENDING and asked):
        if state.cancel_reason:
            return state, []
        return ending.cancelled_when_answered(state, reason, now_ms, actor)
    return ending.cancelled(state, reason, now_ms, actor)


def change_of(state: OrderState, command: CancelOrder) -> AmendOrder | None:
    """The change that cancelling some lines comes to; None where nothing would be left."""
    order = terms.of(state)
    gone = {*terms.with_parts(order, command.line_ids), *state.cancelled_lines}
    if gone.issuperset(line.line_id for line in order.lines):
        return None
    return _as_change(command)


def _as_change(command: CancelOrder) -> AmendOrder:
    content = hash_of((command.line_ids, command.reason, command.requested_at_ms, command.actor))
    return AmendOrder(
        order_id=command.order_id,
        amendment_id=f"cancel/{content:x}",
        base_revision=-1,
        add=[],
        remove=command.line_ids,
        quantities=[],
        ship_to=[],
        shipping_method="",
        shipping_minor=-1,
        tenders=[],
        reason=command.reason or "cancelled",
        actor=command.actor,
        requested_at_ms=command.requested_at_ms,
    )


def released_lines(state: OrderState, change: AmendOrder, now_ms: int) -> Changed:
    """Cancel lines of a released order, as far as nothing of them has left."""
    order = terms.of(state)
    known = {line.line_id for line in order.lines}
    for line_id in change.remove:
        if line_id not in known:
            return state, [_not_changed(state, change, line_id, Refusal.UNKNOWN_LINE, now_ms)]
    gone = [one for one in terms.with_parts(order, change.remove)
            if one not in state.cancelled_lines]  # fmt: skip
    torn = terms.torn_bundle(order, gone)
    if torn:
        return state, [_not_changed(state, change, torn, Refusal.PART_OF_BUNDLE, now_ms)]
    shipped = next((one.line_id for one in state.lines if one.shipped and one.line_id in gone), "")
    if shipped or not shipment.is_open(state):
        return state, [_not_changed(state, change, shipped, Refusal.TOO_LATE, now_ms)]
    if not gone:
        return state, []
    return _open_lines(state, gone, change, now_ms)


def _open_lines(state: OrderState, gone: list[str], change: AmendOrder, now_ms: int) -> Changed:
    """Take lines out of a released order: their stock, their part of the work, their money."""
    order_id, order = state.order_id, terms.of(state)
    gone = terms.with_parts(order, _with_heads(order, gone))
    amounts = terms.shipped_worths(order)
    worth = sum(amounts[line_id] for line_id in gone)
    taken = [line for line in state.lines if line.line_id in gone]
    sends = [ending.release(order_id, line, change.reason) for line in taken]
    if taken:
        withdraw = CancelFulfillment(order_id, change.reason, [line.line_id for line in taken])
        sends.append(Send(FULFILLMENT_COMMANDS, order_id, withdraw))
    state = replace(
        state,
        lines=[line for line in state.lines if line.line_id not in gone],
        cancelled_lines=[*state.cancelled_lines, *gone],
        total_minor=state.total_minor - worth,
        revision=state.revision + 1,
    )
    if worth:
        state, ask = paying.changed(state, state.total_minor, [])
        sends.append(ask)
    event = _event(state, order, gone, worth, change, now_ms)
    sends.append(Send(ORDERS_EVENTS, order_id, event))
    sends += ending.told(state, Outcome.RELEASED, now_ms)
    if not shipment.is_open(state):
        left = goods_after(state.fulfillment_status, LastOpenCancelled)
        rest = state.total_minor - state.capture_asked_minor
        name = f"rest/{state.revision}"
        state, more = paying.captured(
            replace(state, fulfillment_status=left), name, rest, final=True
        )
        state, bills = invoicing.billed(state, name, {}, rest, now_ms, final=True)
        sends += more + bills
    return state, sends


def _with_heads(order: PlaceOrder, gone: list[str]) -> list[str]:
    """The lines, and the heads of bundles of which every part is among them."""
    heads = [line.line_id for line in order.lines if line.kind == LineKind.BUNDLE]
    parts: dict[str, list[str]] = {head: [] for head in heads}
    for line in order.lines:
        if line.parent_line_id in parts:
            parts[line.parent_line_id].append(line.line_id)
    whole_ones = [head for head, ids in parts.items() if ids and set(ids) <= set(gone)]
    return [*gone, *(head for head in whole_ones if head not in gone)]


def _event(
    state: OrderState,
    order: PlaceOrder,
    gone: list[str],
    worth: int,
    change: AmendOrder,
    now_ms: int,
) -> OrderAmended:
    return OrderAmended(
        order_id=state.order_id,
        amendment_id=change.amendment_id,
        revision=state.revision,
        lines=[line for line in order.lines if line.line_id not in state.cancelled_lines],
        added=[],
        removed=gone,
        changed=[],
        also=[],
        currency=state.currency,
        total_minor=state.total_minor,
        difference_minor=-worth,
        reason=change.reason,
        actor=change.actor,
        at_ms=now_ms,
        discount_minor=order.discount_minor,
        shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor,
    )


def _not_changed(
    state: OrderState, change: AmendOrder, line_id: str, reason: Refusal, now_ms: int
) -> Send:
    event = AmendmentRefused(
        state.order_id, change.amendment_id, line_id, reason, "", change.actor, now_ms
    )
    return Send(ORDERS_EVENTS, state.order_id, event)


def _refused(command: CancelOrder, reason: Refusal, detail: str, now_ms: int) -> Send:
    return ending.command_refused(
        "CancelOrder", command.order_id, reason, detail, now_ms, command.actor
    )
