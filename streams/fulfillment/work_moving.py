"""How a person moves a fulfillment order, or some of its lines, to another location.

Inventory is asked for each line; until it has answered for all of them the fulfillment order keeps
its lines and nobody works on it. What has moved is released at the new location like anything that
is routed again; what could not be moved stays, and the fulfillment order is where it was.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import RecordMove
from schemas.fulfillment_moves import (
    FulfillmentMoveEnded,
    FulfillmentOrderMoving,
    MoveFulfillmentOrder,
)
from schemas.fulfillment_work import (
    FulfillmentOrder,
    LineWithoutPlace,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.inventory import MoveReservation
from schemas.messages import Send
from schemas.topics import INVENTORY_COMMANDS
from streams.fulfillment import work_rerouting
from streams.fulfillment.work_model import (
    MAXIMUM_FULFILLMENT_ORDERS,
    PICKUP,
    STILL,
    LastLineMoved,
    after,
    allows,
)
from streams.fulfillment.work_places import Around
from streams.fulfillment.work_told import (
    Changed,
    changed,
    event,
    refused,
    unknown_line,
    with_order,
)


def move(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: MoveFulfillmentOrder,
    now_ms: int,
) -> Changed:
    """Have inventory move its lines to the location that a person names."""
    wanted = list(dict.fromkeys(command.line_ids)) or [line.line_id for line in one.lines]
    if _is_there(state, one, command, wanted):
        return state, []
    fault = _fault(around, state, one, command, wanted)
    if fault is not None:
        return state, [refused(one, command, now_ms, *fault)]
    told = FulfillmentOrderMoving(
        state.order_id, one.fulfillment_order_id, one.location_id, command.location_id, wanted,
        command.reason, command.actor, now_ms,
    )  # fmt: skip
    moves = [
        Send(
            INVENTORY_COMMANDS,
            line.sku,
            MoveReservation(state.order_id, line.line_id, line.sku, command.location_id),
        )
        for line in one.lines
        if line.line_id in wanted
    ]
    moving = replace(
        one, held_from=one.status, moving_to=command.location_id, moving=wanted, reason=""
    )
    return changed(state, moving, FulfillmentOrderMoving, now_ms), [event(state, told), *moves]


def _is_there(
    state: WorkState, one: FulfillmentOrder, command: MoveFulfillmentOrder, wanted: list[str]
) -> bool:
    """Whether the lines are at that location, or on their way to it."""
    to = command.location_id
    if one.location_id == to:
        return True
    if one.moving_to == to and one.status == WorkStatus.MOVED:
        return True
    coming = {*one.moving, *one.moved} if one.moving_to == to else set()
    there = {
        line.line_id for other in state.orders if other.location_id == to for line in other.lines
    }
    waiting = {line.line_id for line in state.without_place if line.found == to}
    return bool(wanted) and set(wanted) <= coming | there | waiting


def _fault(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: MoveFulfillmentOrder,
    wanted: list[str],
) -> tuple[WorkRefusal, str] | None:
    """Why it stays where it is, in the order of checks; None where inventory is asked."""
    to = command.location_id
    if not allows(one.status, FulfillmentOrderMoving):
        return WorkRefusal.WRONG_STATUS, f"it is {one.status}"
    unknown = unknown_line(one, wanted)
    if unknown:
        return WorkRefusal.UNKNOWN_LINE, f"line {unknown} is not in it"
    if to in state.rejected:
        return WorkRefusal.REJECTED_BEFORE, f"{to} gave the order back"
    if to not in around.working():
        return WorkRefusal.UNKNOWN_LOCATION, f"{to} does not work, or is not known"
    if one.destination == PICKUP:
        return WorkRefusal.PICKUP_STAYS, "the customer fetches it"
    if one.location_id in around.suppliers() and len(wanted) < len(one.lines):
        return WorkRefusal.WITH_SUPPLIER, f"{one.location_id} has its purchase order"
    if len(state.orders) >= MAXIMUM_FULFILLMENT_ORDERS:
        return WorkRefusal.TOO_MANY, f"the order has had {len(state.orders)}"
    return None


def answered(around: Around, state: WorkState, reply: RecordMove, now_ms: int) -> Changed:
    """Inventory has moved a line's reservation, or not: a line that is moved by hand, or one that
    a location gave back."""
    line_id = reply.line_id
    one = next(
        (
            order
            for order in state.orders
            if order.status == WorkStatus.MOVING and line_id in order.moving
        ),
        None,
    )
    if one is None:
        return work_rerouting.moved(around, state, reply, now_ms)
    one = replace(one, moving=[name for name in one.moving if name != line_id])
    if reply.moved and reply.location_id == one.moving_to:
        one = replace(one, moved=[*one.moved, line_id])
    else:
        one = replace(one, stayed=[*one.stayed, line_id], reason=reply.reason)
    return settled(around, with_order(state, one), now_ms)


def settled(around: Around, state: WorkState, now_ms: int) -> Changed:
    """End what inventory has answered for, and release what has come to its location."""
    sends: list[Send] = []
    for one in state.orders:
        if one.status == WorkStatus.MOVING and not _asked(one):
            state, more = _ended(around, state, one, now_ms)
            sends += more
    state, more = work_rerouting.settled(around, state, now_ms)
    return state, sends + more


def _asked(one: FulfillmentOrder) -> bool:
    """Whether inventory is still to answer for a line that is wanted."""
    return any(line.line_id in one.moving for line in one.lines)


def _ended(around: Around, state: WorkState, one: FulfillmentOrder, now_ms: int) -> Changed:
    gone = [line for line in one.lines if line.line_id in one.moved]
    rest = [line for line in one.lines if line.line_id not in one.moved]
    step = STILL[one.held_from] if rest else LastLineMoved
    told = FulfillmentMoveEnded(
        state.order_id, one.fulfillment_order_id, one.location_id, one.moving_to,
        [line.line_id for line in gone],
        [line.line_id for line in rest if line.line_id in one.stayed],
        one.reason, after(one.status, step), now_ms,
    )  # fmt: skip
    ended = replace(one, lines=rest, held_from="", moving=[], moved=[], stayed=[], reason="")
    state = changed(state, ended, step, now_ms)
    found = [
        LineWithoutPlace(
            line.line_id, line.sku, line.quantity, one.destination,
            [name for name in line.also_at if name != one.moving_to], "", one.moving_to, "",
            line.tried,
        )
        for line in gone
    ]  # fmt: skip
    state = replace(state, without_place=[*state.without_place, *found])
    withdrawn = [] if rest else work_rerouting.supplier_withdrawn(around, one, ended.status)
    return state, [event(state, told), *withdrawn]
