"""How goods that have not left go to another address of the order. Pure.

Orders has the addresses and passes on what is asked for. What the customer was to fetch is sent
only where they have agreed, and whoever asks says so and why. Lines that wait for a location are
tried again with their new address.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment_moves import FulfillmentOrderRedirected, RedirectFulfillmentOrder
from schemas.fulfillment_work import (
    FulfillmentOrder,
    LineWithoutPlace,
    WorkRefusal,
    WorkState,
    WorkStatus,
)
from schemas.messages import Send
from streams.fulfillment import work_places, work_rerouting
from streams.fulfillment.work_model import PICKUP, allows
from streams.fulfillment.work_places import Around
from streams.fulfillment.work_told import (
    Changed,
    changed,
    event,
    refused,
    refused_or_not,
)

Fault = tuple[WorkRefusal, str]


def redirect(
    around: Around, state: WorkState, command: RedirectFulfillmentOrder, now_ms: int
) -> Changed:
    """Send a fulfillment order, or what waits for a location, to another address."""
    destination = str(command.address) if command.address else ""
    name = command.fulfillment_order_id
    if not name:
        return _waiting(around, state, command, destination, now_ms)
    one = next((order for order in state.orders if order.fulfillment_order_id == name), None)
    if one is None:
        detail = f"the order has no {name}"
        reason = WorkRefusal.UNKNOWN_FULFILLMENT_ORDER
        return state, refused_or_not(command, reason, detail, now_ms)
    fault = _fault(around, one, command, destination)
    if fault is not None:
        return state, [refused(one, command, now_ms, *fault)]
    if one.destination == destination:
        return state, []
    line_ids = [line.line_id for line in one.lines]
    told = _told(state, command, line_ids, destination, one.destination, now_ms)
    # The locations that inventory named were those for the address before.
    lines = [replace(line, also_at=[], tried=[]) for line in one.lines]
    there = replace(one, destination=destination, lines=lines)
    return changed(state, there, FulfillmentOrderRedirected, now_ms), [told]


def _fault(
    around: Around, one: FulfillmentOrder, command: RedirectFulfillmentOrder, destination: str
) -> Fault | None:
    """Why it goes where it went, in the order of checks; None where it is redirected."""
    if not allows(one.status, FulfillmentOrderRedirected):
        return WorkRefusal.WRONG_STATUS, f"it is {one.status}"
    if one.held_from == WorkStatus.PACKED:
        return WorkRefusal.WRONG_STATUS, f"it is {one.status}, and packed"
    fault = _pickup_fault(one.destination, command)
    if fault is not None:
        return fault
    if one.destination != destination and one.location_id in around.suppliers():
        return WorkRefusal.WITH_SUPPLIER, f"{one.location_id} has its purchase order"
    skus = [line.sku for line in one.lines]
    if any(not work_places.reaches(around, to, one.location_id, skus) for to in command.to):
        return WorkRefusal.NO_CARRIER, f"no carrier goes there from {one.location_id}"
    return None


def _pickup_fault(destination: str, command: RedirectFulfillmentOrder) -> Fault | None:
    """Why what is fetched is not sent; None of what is not fetched, or was agreed."""
    if destination != PICKUP:
        return None
    if command.ship_instead and not command.reason:
        return WorkRefusal.NO_REASON, "it is not said what was agreed with the customer"
    if not command.ship_instead:
        return WorkRefusal.PICKUP_STAYS, "the customer fetches it"
    return None


def _waiting(
    around: Around,
    state: WorkState,
    command: RedirectFulfillmentOrder,
    destination: str,
    now_ms: int,
) -> Changed:
    """Lines of the queue go to the address, and on."""
    queued = [line for line in state.without_place if line.reason]
    if not queued:
        detail = "no line of the order waits for a location"
        return state, refused_or_not(command, WorkRefusal.UNKNOWN_LINE, detail, now_ms)
    groups: dict[str, list[LineWithoutPlace]] = {}
    for line in queued:
        fault = _pickup_fault(line.destination, command)
        if fault is not None:
            return state, refused_or_not(command, *fault, now_ms)
        if line.destination != destination:
            groups.setdefault(line.destination, []).append(line)
    sends: list[Send] = [
        _told(state, command, [line.line_id for line in lines], destination, before, now_ms)
        for before, lines in groups.items()
    ]
    going = [
        replace(
            line, destination=destination, also_at=[], tried=[], reason="", ranked=False
        )
        for lines in groups.values()
        for line in lines
    ]  # fmt: skip
    if not going:
        return state, []
    state, more = work_rerouting.sought(around, state, going, now_ms)
    return state, sends + more


def _told(
    state: WorkState,
    command: RedirectFulfillmentOrder,
    line_ids: list[str],
    destination: str,
    before: str,
    now_ms: int,
) -> Send:
    told = FulfillmentOrderRedirected(
        state.order_id, command.fulfillment_order_id, line_ids, destination, before,
        command.reason, command.actor, now_ms,
    )  # fmt: skip
    return event(state, told)
