"""What becomes of lines that a location gives back: another location, or the queue.

A location that gave something of the order back is never asked again, and each line tries each
location once, so there is no going round in circles. Without rules the locations that inventory
named are tried first. Where rules hold, or none of those is left, orders is asked where the lines
go, and the locations for that are ranked anew. A kit of inventory's is one line, which inventory
does not move: it waits. The parts of a bundle that the rules keep together go to one location, or
wait together.
What the customer fetches goes nowhere else by itself: nothing else was agreed with them. Lines
without a location wait for a person, who may name one. Inventory is asked for one location after
the other, and what it has moved is released when every line that is under way has its answer, so
that lines which go together stay together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from schemas.fulfillment import Allocation, RecordMove
from schemas.fulfillment_moves import RecordWhereTo
from schemas.fulfillment_work import (
    FulfillmentOrder,
    FulfillmentOrderRejected,
    FulfillmentOrderRerouted,
    FulfillmentOrderShort,
    LinesUnroutable,
    LineWithoutPlace,
    PackedLine,
    RejectFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    Unroutable,
    WorkLine,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.inventory import MoveReservation, Refusal
from schemas.messages import Send
from schemas.purchasing import CancelPurchaseOrder
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS
from streams.fulfillment import work_places
from streams.fulfillment.rules import drop_ship
from streams.fulfillment.work_model import (
    MAXIMUM_TRIES,
    PICKUP,
    START,
    LastLineShort,
    after,
    allows,
)
from streams.fulfillment.work_places import (
    Around,
    shared_places,
    under_way,
    waits_for_orders,
)
from streams.fulfillment.work_told import (
    Changed,
    changed,
    event,
    refused,
    refused_or_not,
)


def reject(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: RejectFulfillmentOrder,
    now_ms: int,
) -> Changed:
    """The location does not do it: all of its lines go elsewhere."""
    if one.status == WorkStatus.REJECTED:
        return state, []
    if not allows(one.status, FulfillmentOrderRejected):
        return state, [refused(one, command, now_ms)]
    if not command.reason:
        return state, [refused(one, command, now_ms, WorkRefusal.NO_REASON)]
    told = FulfillmentOrderRejected(
        state.order_id, one.fulfillment_order_id, one.location_id,
        [line.line_id for line in one.lines], command.reason, command.actor, now_ms,
    )  # fmt: skip
    ended = replace(one, reason=command.reason, lines=[])
    state = changed(state, ended, FulfillmentOrderRejected, now_ms)
    withdrawn = supplier_withdrawn(around, one, command.reason)
    state, sends = _given_back(around, state, one, one.lines, now_ms)
    return state, [event(state, told), *withdrawn, *sends]


def short(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    command: ReportShort,
    now_ms: int,
) -> Changed:
    """Pieces of a line are not there: the line goes elsewhere, the others stay."""
    said = PackedLine(command.line_id, command.quantity)
    if said in one.missing:
        return state, []
    if any(missing.line_id == command.line_id for missing in one.missing):
        detail = f"line {command.line_id} was short before by another quantity"
        return state, [refused(one, command, now_ms, WorkRefusal.CONFLICT, detail)]
    if not allows(one.status, FulfillmentOrderShort):
        return state, [refused(one, command, now_ms)]
    line = next((line for line in one.lines if line.line_id == command.line_id), None)
    if line is None:
        detail = f"line {command.line_id} is not in it"
        return state, [refused(one, command, now_ms, WorkRefusal.UNKNOWN_LINE, detail)]
    if not 1 <= command.quantity <= line.quantity:
        detail = f"{command.quantity} of {line.quantity} pieces"
        return state, [refused(one, command, now_ms, WorkRefusal.INVALID_QUANTITY, detail)]
    rest = [other for other in one.lines if other is not line]
    step = FulfillmentOrderShort if rest else LastLineShort
    told = FulfillmentOrderShort(
        state.order_id, one.fulfillment_order_id, one.location_id, line.line_id, line.sku,
        command.quantity, after(one.status, step), command.actor, now_ms,
    )  # fmt: skip
    fewer = replace(one, lines=rest, missing=[*one.missing, said])
    state = changed(state, fewer, step, now_ms)
    withdrawn = [] if rest else supplier_withdrawn(around, one, WorkStatus.SHORT)
    state, sends = _given_back(around, state, one, [line], now_ms)
    return state, [event(state, told), *withdrawn, *sends]


def route_to(around: Around, state: WorkState, command: RouteLinesTo, now_ms: int) -> Changed:
    """A person names a location for lines that have none."""
    there = {
        line.line_id
        for one in state.orders
        if one.location_id == command.location_id
        for line in one.lines
    }
    queued = {line.line_id: line for line in state.without_place}
    wanted = [name for name in command.line_ids or queued if name not in there]
    for line_id in wanted:
        if line_id not in queued:
            detail = f"line {line_id} does not wait for a location"
            return state, refused_or_not(command, WorkRefusal.UNKNOWN_LINE, detail, now_ms)
    lines = [queued[line_id] for line_id in wanted if queued[line_id].reason]
    if not lines:
        return state, []
    if command.location_id in state.rejected:
        detail = f"{command.location_id} gave the order back"
        return state, refused_or_not(command, WorkRefusal.REJECTED_BEFORE, detail, now_ms)
    if any(line.destination == PICKUP for line in lines):
        detail = "the customer fetches it"
        return state, refused_or_not(command, WorkRefusal.PICKUP_STAYS, detail, now_ms)
    if command.location_id not in around.working():
        detail = f"{command.location_id} does not work, or is not known"
        return state, refused_or_not(command, WorkRefusal.UNKNOWN_LOCATION, detail, now_ms)
    return _asked(state, {line.line_id: command.location_id for line in lines})


def moved(around: Around, state: WorkState, reply: RecordMove, now_ms: int) -> Changed:
    """Inventory has moved a line's reservation, or not."""
    line = next((one for one in state.without_place if one.line_id == reply.line_id), None)
    if line is None or not line.trying:
        return state, []
    if reply.moved and reply.location_id == line.trying:
        state = _with_line(state, replace(line, trying="", found=reply.location_id))
        return settled(around, state, now_ms)
    tried = [*line.tried, line.trying]
    is_final = not reply.location_id or reply.reason == Refusal.KIT_HAS_NO_STOCK
    if line.kit:
        # It still tries what it has tried: the other parts may not have their answer yet.
        left = [] if is_final else line.also_at
        return settled(around, _with_line(state, replace(line, tried=tried, also_at=left)), now_ms)
    line = replace(line, trying="", tried=tried)
    if not reply.location_id:
        state, sends = _queued(state, [line], Unroutable.NO_RESERVATION, now_ms)
    elif reply.reason == Refusal.KIT_HAS_NO_STOCK:
        state, sends = _queued(state, [line], Unroutable.KIT_STAYS, now_ms)
    else:
        state, sends = sought(around, state, [line], now_ms)
    state, more = settled(around, state, now_ms)
    return state, sends + more


def where_to(around: Around, state: WorkState, reply: RecordWhereTo, now_ms: int) -> Changed:
    """Orders has said where its lines go: the locations for that are tried."""
    waiting = [line for line in state.without_place if waits_for_orders(line)]
    if not waiting:
        return state, []
    lines = work_places.ranked(around, reply, waiting, state.rejected, now_ms)
    state, sends = sought(around, state, lines, now_ms)
    state, more = settled(around, state, now_ms)
    return state, sends + more


def settled(around: Around, state: WorkState, now_ms: int) -> Changed:
    """Release what has been moved, once no line is under way any more."""
    state, sends = _bundles(around, state, now_ms)
    given_back = [
        line
        for line in state.without_place
        if line.found in state.rejected and _is_answered(state, line.kit)
    ]
    if given_back:  # the location gave another part of the order back while this one came to it
        again = [replace(one, found="") for one in given_back]
        state, more = sought(around, state, again, now_ms)
        sends += more
    if any(under_way(line) for line in state.without_place):
        return state, sends
    together: dict[tuple[str, str], list[LineWithoutPlace]] = {}
    for line in state.without_place:
        if line.found:
            together.setdefault((line.found, line.destination), []).append(line)
    state = replace(state, without_place=[one for one in state.without_place if not one.found])
    for (location_id, destination), lines in together.items():
        state, more = _released(around, state, location_id, destination, lines, now_ms)
        sends += more
    return state, sends


def _bundles(around: Around, state: WorkState, now_ms: int) -> Changed:
    """Parts that go on together go to the next location once one of them has not come to the last,
    and all have their answer."""
    units: dict[str, list[LineWithoutPlace]] = {}
    for line in state.without_place:
        if line.kit and not line.reason:
            units.setdefault(line.kit, []).append(line)
    again: list[LineWithoutPlace] = []
    for kit, unit in units.items():
        if not _is_answered(state, kit) or all(line.found for line in unit):
            continue
        left, tried = shared_places(unit), {name for line in unit for name in line.tried}
        again += [
            replace(line, trying="", found="", also_at=left, tried=sorted(tried)) for line in unit
        ]
    return sought(around, state, again, now_ms) if again else (state, [])


def _is_answered(state: WorkState, kit: str) -> bool:
    """Whether inventory has answered for every part of a bundle that is under way; for no bundle:
    yes."""
    return not kit or all(
        line.found or line.reason or line.trying in line.tried
        for line in state.without_place
        if line.kit == kit
    )


def supplier_withdrawn(around: Around, one: FulfillmentOrder, reason: str) -> list[Send]:
    """Withdraw the purchase order of what a supplier was to send; nothing for another location."""
    if one.location_id not in around.suppliers():
        return []
    name = one.fulfillment_order_id
    return [Send(PURCHASING_COMMANDS, name, CancelPurchaseOrder(name, reason, "fulfillment"))]


def _given_back(
    around: Around,
    state: WorkState,
    one: FulfillmentOrder,
    lines: Sequence[WorkLine],
    now_ms: int,
) -> Changed:
    """Lines that the location of `one` does not serve go on."""
    waiting = [
        LineWithoutPlace(
            line.line_id,
            line.sku,
            line.quantity,
            one.destination,
            line.also_at,
            "",
            "",
            "",
            line.tried,
        )
        for line in lines
    ]
    rejected = state.rejected
    if one.location_id not in rejected:
        rejected = [*rejected, one.location_id]
    state = replace(state, rejected=rejected, without_place=[*state.without_place, *waiting])
    if one.destination == PICKUP:
        return _queued(state, waiting, Unroutable.PICKUP_REJECTED, now_ms)
    state, sends = sought(around, state, waiting, now_ms)
    state, more = settled(around, state, now_ms)
    return state, sends + more


def sought(around: Around, state: WorkState, lines: list[LineWithoutPlace], now_ms: int) -> Changed:
    """Ask for the next location of each line; a location that could serve more of them is better,
    then the better ranked one. Where rules hold, and where no location is left that inventory has
    named, orders is asked where the line goes, once; after that it goes to the queue."""
    working = around.working().difference(state.rejected)
    by_rules = around.router is not None
    left = {
        line.line_id: [name for name in line.also_at if name in working]
        for line in lines
        if len(line.tried) < MAXIMUM_TRIES and (line.ranked or not by_rules)
    }
    serving = Counter(name for names in left.values() for name in names)
    chosen = {
        line_id: max(names, key=lambda name: serving[name])
        for line_id, names in left.items()
        if names
    }
    ids = {line.line_id for line in lines}
    is_asked = any(
        waits_for_orders(line) and line.line_id not in ids for line in state.without_place
    )
    for line in lines:
        state = _with_line(state, line)
    state, sends = _asked(state, chosen)
    stranded = [line for line in lines if line.line_id not in chosen]
    unknown = [line for line in stranded if not line.ranked and len(line.tried) < MAXIMUM_TRIES]
    for line in unknown:
        state = _with_line(state, replace(line, trying="", found="", reason=""))
    if unknown and not is_asked:
        sends.append(work_places.ask(state.order_id))
    tried = [line for line in stranded if line not in unknown]
    if not tried:
        return state, sends
    for reason in (Unroutable.NO_OTHER_LOCATION, Unroutable.KIT_APART):
        of_it = [line for line in tried if bool(line.kit) == (reason == Unroutable.KIT_APART)]
        if of_it:
            state, more = _queued(state, of_it, reason, now_ms)
            sends += more
    return state, sends


def _asked(state: WorkState, chosen: dict[str, str]) -> Changed:
    """Ask inventory to move each line to its location, which is not tried again after that."""
    sends = []
    for line in state.without_place:
        to = chosen.get(line.line_id)
        if to is None:
            continue
        asked = replace(
            line, trying=to, found="", reason="",
            also_at=[name for name in line.also_at if name != to],
            # A person may name one that had no stock before.
            tried=[name for name in line.tried if name != to],
        )  # fmt: skip
        state = _with_line(state, asked)
        move = MoveReservation(state.order_id, line.line_id, line.sku, to)
        sends.append(Send(INVENTORY_COMMANDS, line.sku, move))
    return state, sends


def _queued(
    state: WorkState, lines: Sequence[LineWithoutPlace], reason: Unroutable, now_ms: int
) -> Changed:
    """Lines wait for a person."""
    for line in lines:
        state = _with_line(state, replace(line, trying="", found="", reason=reason))
    told = LinesUnroutable(
        state.order_id, [line.line_id for line in lines], reason, state.rejected, now_ms
    )
    return state, [event(state, told)]


def _released(
    around: Around,
    state: WorkState,
    location_id: str,
    destination: str,
    lines: list[LineWithoutPlace],
    now_ms: int,
) -> Changed:
    """A further fulfillment order, of lines that are reserved at its location now."""
    order_id, name = state.order_id, f"{state.order_id}/{len(state.orders) + 1}"
    made = FulfillmentOrder(
        name, location_id, destination, after(START, FulfillmentOrderRerouted),
        [
            WorkLine(line.line_id, line.sku, line.quantity, line.also_at, line.tried)
            for line in lines
        ],
        now_ms,
        released_at_ms=now_ms,
    )  # fmt: skip
    told = FulfillmentOrderRerouted(
        order_id, name, location_id, [line.line_id for line in lines], destination, now_ms
    )
    sends = [event(state, told)]
    if location_id in around.suppliers():
        allocations = [
            Allocation(line.line_id, line.sku, line.quantity, location_id, []) for line in lines
        ]
        sends.append(drop_ship(order_id, name, allocations))
    return replace(state, orders=[*state.orders, made]), sends


def _with_line(state: WorkState, line: LineWithoutPlace) -> WorkState:
    return replace(
        state,
        without_place=[line if one.line_id == line.line_id else one for one in state.without_place],
    )
