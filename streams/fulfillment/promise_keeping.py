"""What is promised of an order's fulfillment orders, and told before it is missed. Pure.

The room decides first; what it has decided is read here: the events, and the fulfillment orders as
they stand after them. So whatever moves lines, a promise goes with them.

A promise is made when a fulfillment order is released, and kept until it is delivered. Time for
which it was held does not count. What leaves late is promised anew from the day on which it left,
and what its carrier could not deliver for the next day on which it delivers. Another day is told of
in PromiseChanged; one that would be earlier counts only where the lines leave from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from schemas.fulfillment import (
    FulfillmentOrderReleased,
    FulfillmentState,
    RouteOrder,
    Status,
)
from schemas.fulfillment_moves import RecordWhereTo, RedirectFulfillmentOrder
from schemas.fulfillment_work import (
    CarrierEventRecorded,
    CarrierKind,
    FulfillmentHoldEnded,
    FulfillmentOrder,
    FulfillmentOrderHeld,
    FulfillmentOrderPacked,
    FulfillmentOrderRerouted,
    FulfillmentOrderShipped,
    ShipFulfillmentOrder,
    ShipmentRefused,
    ShipmentRequested,
    WorkState,
    WorkStatus,
)
from schemas.messages import Send
from schemas.promises import (
    FulfillmentOrderAtRisk,
    Promise,
    PromiseChanged,
    PromiseReason,
    PromiseState,
    RiskReason,
)
from schemas.records import Record
from schemas.topics import FULFILLMENT_EVENTS
from streams.fulfillment.promise_risks import due, missed, risk_told
from streams.fulfillment.promise_terms import NO_DAY, Dates, Day, Way
from streams.fulfillment.work_model import OVER, PICKUP, begun

Kept = tuple[PromiseState | None, list[Send]]
_TOLD_ON: dict[str, RiskReason] = {
    CarrierKind.EXCEPTION: RiskReason.CARRIER_EXCEPTION,
    CarrierKind.DAMAGED: RiskReason.DAMAGED,
    CarrierKind.LOST: RiskReason.LOST,
}
"""what a carrier tells that puts a promise at risk"""


class Order(NamedTuple):
    """An order at a moment, and what the rules promise of it."""

    dates: Dates
    state: PromiseState
    skus: Mapping[str, str]
    """by line id"""
    now_ms: int

    def way(self, location_id: str, destination: str, line_ids: Iterable[str]) -> Way:
        """From a location to where these lines go."""
        number = int(destination) if destination.isdecimal() else 0
        to = next((one for one in self.state.destinations if one.address == number), None)
        skus = tuple(self.skus[name] for name in line_ids if name in self.skus)
        fetched = destination == PICKUP
        return Way(location_id, to, fetched, skus, self.state.channel, self.state.customer_group)

    def way_of(self, one: Promise) -> Way:
        """The way that something promised goes."""
        return self.way(one.location_id, one.destination, one.line_ids)


def followed(
    dates: Dates,
    before: PromiseState | None,
    routing: FulfillmentState | None,
    work: WorkState | None,
    command: Record,
    told: list[Send],
    now_ms: int,
) -> Kept:
    """The order's promises after `command`, and `told`, what the room writes of it, with what is
    promised. `routing` and `work` are as they are after it; `work` is None while nobody has said
    anything of a fulfillment order."""
    state = _known(dates, before, routing, command, bool(told))
    if state is None or routing is None:
        return None, told
    work = work if work is not None else begun(routing)
    if work is None:  # not routed yet, or never
        return (None if routing.status == Status.CANCELLED else state), told
    skus = {line.line_id: line.sku for line in routing.allocations}
    sends: list[Send] = []
    state = _heard(Order(dates, state, skus, now_ms), command, told, sends)
    state = _placed(Order(dates, state, skus, now_ms), work, sends)
    state = due(dates, state, work, now_ms, sends)
    told = [_with_promise(send, state) for send in told]
    if all(one.ended for one in state.promises):
        return None, told + sends
    return (before if state == before else state), told + sends


def woken(
    dates: Dates,
    state: PromiseState,
    routing: FulfillmentState | None,
    work: WorkState | None,
    now_ms: int,
) -> Kept:
    """The promises after `wake_at_ms` has come."""
    work = work if work is not None else begun(routing)
    assert work is not None, "what is promised is routed"
    sends: list[Send] = []
    return due(dates, state, work, now_ms, sends), sends


def _known(
    dates: Dates,
    before: PromiseState | None,
    routing: FulfillmentState | None,
    command: Record,
    is_new: bool,
) -> PromiseState | None:
    """The promises with where the order goes; None of an order to which nothing is promised."""
    if isinstance(command, RouteOrder | RecordWhereTo):
        named = command.destinations
    elif isinstance(command, RedirectFulfillmentOrder):
        named = command.to
    else:
        return before
    there = [replace(one, postal_code="") for one in named]
    if before is not None:
        known = {one.address: one for one in (*before.destinations, *there)}
        every = list(known.values())
        return before if every == before.destinations else replace(before, destinations=every)
    if not isinstance(command, RouteOrder) or routing is None or not is_new:
        return None
    if not (dates.known or command.dispatch_by_ms):
        return None
    return PromiseState(
        command.order_id, command.channel, command.customer_group, there,
        command.dispatch_by_ms, [],
    )  # fmt: skip


def _with_promise(send: Send, state: PromiseState) -> Send:
    """A release with what is promised of it."""
    record = send.record
    if not isinstance(record, FulfillmentOrderReleased | FulfillmentOrderRerouted):
        return send
    one = _of(state, record.fulfillment_order_id)
    if one is None:
        return send
    promised = replace(
        record, ship_by_ms=one.ship_by_ms, promised_by_ms=one.promised_by_ms,
        promised_day=one.promised_day,
    )  # fmt: skip
    return send._replace(record=promised)


def _of(state: PromiseState, fulfillment_order_id: str) -> Promise | None:
    """What is promised of a fulfillment order, if anything is still waited for."""
    name = fulfillment_order_id
    return next(
        (
            one
            for one in state.promises
            if one.fulfillment_order_id == name and not one.waiting and not one.ended
        ),
        None,
    )


def _heard(order: Order, command: Record, told: Iterable[Send], sends: list[Send]) -> PromiseState:
    """The promises after what the room tells of fulfillment orders."""
    if not order.state.promises:
        return order.state
    for send in told:
        one = _of(order.state, getattr(send.record, "fulfillment_order_id", ""))
        if one is None:
            continue
        match send.record:
            case FulfillmentOrderHeld():
                after = replace(one, held_at_ms=order.now_ms)
            case FulfillmentHoldEnded():
                after = _free_again(order, one, sends)
            case FulfillmentOrderPacked() if one.destination == PICKUP:
                after = _ended(order, one, order.now_ms, WorkStatus.PACKED, sends)
            case ShipmentRequested() if isinstance(command, ShipFulfillmentOrder):
                after = replace(one, left_at_ms=min(max(command.at_ms, 0), order.now_ms))
            case ShipmentRefused():
                after = replace(one, left_at_ms=0)
            case FulfillmentOrderShipped():
                after = _left(order, one, send.record, sends)
            case CarrierEventRecorded():
                after = _carried(order, one, send.record, sends)
            case _:
                continue
        promises = [after if other is one else other for other in order.state.promises]
        order = order._replace(state=replace(order.state, promises=promises))
    _drop_what_is_over(order.state, sends)
    return order.state


def _drop_what_is_over(state: PromiseState, sends: list[Send]) -> None:
    """What a carrier told before a shipment was let go is taken in all at once: an exception is no
    risk any more where the delivery came with it."""
    over = {one.fulfillment_order_id for one in state.promises if one.ended}
    sends[:] = [
        send
        for send in sends
        if not isinstance(send.record, FulfillmentOrderAtRisk)
        or send.record.fulfillment_order_id not in over
    ]


def _free_again(order: Order, one: Promise, sends: list[Send]) -> Promise:
    """The time for which it was held does not count."""
    held = order.now_ms - one.held_at_ms if one.held_at_ms else 0
    counted = one.counted_from_ms + held
    dispatch = order.state.dispatch_by_ms
    found = order.dates.due(order.way_of(one), counted, dispatch, order.now_ms)
    if found.ship_by_ms > one.ship_by_ms:
        one = replace(one, ship_by_ms=found.ship_by_ms, warn_ms=found.warn_ms)
    one = replace(one, counted_from_ms=counted, held_at_ms=0)
    return _later(order, one, found.day, PromiseReason.HOLD_ENDED, sends)


def _left(order: Order, one: Promise, event: FulfillmentOrderShipped, sends: list[Send]) -> Promise:
    """What leaves late is there later. Nobody will tell of the delivery of what the customer has
    fetched, or what has left without a carrier."""
    if one.destination == PICKUP or not (event.carrier or event.tracking_number):
        return _ended(order, one, order.now_ms, WorkStatus.SHIPPED, sends)
    left_ms = one.left_at_ms or event.at_ms
    one = replace(one, held_at_ms=0, left_at_ms=left_ms)
    if left_ms <= one.ship_by_ms:
        return one
    day = order.dates.of_leaving(order.way_of(one), left_ms)
    return _later(order, one, day, PromiseReason.LEFT_LATE, sends)


def _carried(order: Order, one: Promise, event: CarrierEventRecorded, sends: list[Send]) -> Promise:
    """What a carrier tells. Its clock may be ahead of ours; a promise is not."""
    at_ms = min(max(event.occurred_at_ms, 0), order.now_ms)
    if event.kind == CarrierKind.DELIVERED:
        return _ended(order, one, at_ms, event.status, sends)
    if event.kind == CarrierKind.RETURNED_TO_SENDER:
        return _ended(order, one, max(at_ms, one.promised_by_ms), event.status, sends)
    risk = _TOLD_ON.get(event.kind)
    if risk is not None:
        one = risk_told(order.state, one, risk, order.now_ms, sends)
    if event.kind == CarrierKind.EXCEPTION:
        reason = PromiseReason.CARRIER_EXCEPTION
    elif event.kind == CarrierKind.IN_TRANSIT and at_ms >= one.promised_by_ms:
        reason = PromiseReason.CARRIER_LATE
    else:
        return one
    day = order.dates.of_next_try(order.way_of(one), at_ms)
    return _later(order, one, day, reason, sends)


def _ended(order: Order, one: Promise, at_ms: int, status: str, sends: list[Send]) -> Promise:
    """Nothing more is waited for; whether it was in time shows now at the latest."""
    if one.promised_by_ms and at_ms >= one.promised_by_ms:
        one = missed(order.state, one, status, order.now_ms, sends)
    return replace(one, ended=True)


def _later(
    order: Order, one: Promise, day: Day, reason: PromiseReason, sends: list[Send]
) -> Promise:
    """Promise a later day; an earlier one changes nothing, and neither does one where none was
    promised."""
    if not one.promised_by_ms or day.ends_ms <= one.promised_by_ms or day.name == one.promised_day:
        return one
    after = replace(one, promised_by_ms=day.ends_ms, promised_day=day.name, missed=False)
    sends.append(_changed(order, after, one, one.line_ids, reason))
    return after


def _changed(
    order: Order, one: Promise, before: Promise, line_ids: list[str], reason: PromiseReason
) -> Send:
    order_id = order.state.order_id
    event = PromiseChanged(
        order_id, one.fulfillment_order_id, line_ids, one.promised_by_ms, before.promised_by_ms,
        reason, order.now_ms, one.promised_day, before.promised_day, one.ship_by_ms,
    )  # fmt: skip
    return Send(FULFILLMENT_EVENTS, order_id, event)


def _placed(order: Order, work: WorkState, sends: list[Send]) -> PromiseState:
    """The promises of the fulfillment orders that there are now, and of the lines in none."""
    lines = {name: one for one in order.state.promises for name in one.line_ids}
    found = [
        _standing(order, one, lines) for one in work.orders if one.lines and one.status not in OVER
    ]
    for one in found if lines else ():
        groups: dict[tuple[int, str], list[str]] = {}
        for name in one.line_ids:
            before = lines.get(name)
            if before is not None and before.promised_day not in ("", one.promised_day):
                key = before.promised_by_ms, before.promised_day
                groups.setdefault(key, []).append(name)
        for names in groups.values():
            before = lines[names[0]]
            sends.append(_changed(order, one, before, names, PromiseReason.REROUTED))
    found += _waiting(order, work, lines)
    if found == order.state.promises:
        return order.state
    return replace(order.state, promises=found)


def _standing(order: Order, one: FulfillmentOrder, lines: Mapping[str, Promise]) -> Promise:
    """What is promised of a fulfillment order: what was, where it leaves as it was to leave."""
    name, ids = one.fulfillment_order_id, [line.line_id for line in one.lines]
    known = next(
        (
            old
            for old in order.state.promises
            if old.fulfillment_order_id == name and not old.waiting
        ),
        None,
    )
    before = [lines[line_id] for line_id in ids if line_id in lines]
    place = (one.location_id, one.destination, False)
    for old in (known, *before[:1]):
        if old is not None and (old.location_id, old.destination, old.waiting) == place:
            if old.fulfillment_order_id == name and old.line_ids == ids:
                return old
            return replace(old, fulfillment_order_id=name, line_ids=ids)
    stays = known is not None and known.location_id == one.location_id
    counted = known.counted_from_ms if known is not None and stays else order.now_ms
    way = order.way(one.location_id, one.destination, ids)
    found = order.dates.due(way, counted, order.state.dispatch_by_ms, order.now_ms)
    made = Promise(
        name, one.location_id, one.destination, ids, found.ship_by_ms, found.day.ends_ms,
        found.day.name, counted, found.warn_ms, known.held_at_ms if known is not None else 0,
        known.told if known is not None else [],
    )  # fmt: skip
    if found.day != NO_DAY or not before:
        return made
    # Where nobody knows a better day, what was said last stands.
    last = max(before, key=lambda old: old.promised_by_ms)
    return replace(
        made, promised_by_ms=last.promised_by_ms, promised_day=last.promised_day,
        missed=last.missed,
    )  # fmt: skip


def _waiting(order: Order, work: WorkState, lines: Mapping[str, Promise]) -> list[Promise]:
    """What is promised of lines without a location: what was promised when they had one, by the
    fulfillment order that they were in and the day."""
    given_back: dict[tuple[str, int], list[str]] = {}
    for line in work.without_place:
        before = lines.get(line.line_id)
        if before is not None:
            key = before.fulfillment_order_id, before.promised_by_ms
            given_back.setdefault(key, []).append(line.line_id)
    return [_stranded(order.state.promises, ids, lines) for ids in given_back.values()]


def _stranded(
    promises: Sequence[Promise], line_ids: list[str], lines: Mapping[str, Promise]
) -> Promise:
    """Of those that stood in one fulfillment order and have one day."""
    before = lines[line_ids[0]]
    key = before.fulfillment_order_id, before.promised_by_ms
    known = next(
        (
            old
            for old in promises
            if old.waiting and (old.fulfillment_order_id, old.promised_by_ms) == key
        ),
        None,
    )
    if known is None:
        known = replace(before, waiting=True, told=[], held_at_ms=0, ended=False)
    return known if known.line_ids == line_ids else replace(known, line_ids=line_ids)
