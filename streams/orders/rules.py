"""What the orders room decides: which rule for which command, and what holds after each of them.

Every function is pure. It takes the state as it is and gives the state as it is to be with the
records to write; the same state object again means that nothing changes. The rules stand in one
file for each part of an order's life: intake, sourcing and reservation, unroutable, paying and
payment, amending and amendment, holds, shipment, invoicing, refunding, cancellation, ending.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment_moves import AskWhereTo, RedirectShipment
from schemas.messages import Send
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    EarlyState,
    HoldOrder,
    OrderState,
    PlaceOrder,
    RecordAssessment,
    RecordAvailability,
    RecordPayment,
    RecordReservation,
    RecordRouting,
    RecordShipment,
    RecordSourcingFailure,
    RefundOrder,
    Refusal,
    ReleaseHold,
    Status,
)
from schemas.policies import PolicyState
from schemas.records import Record
from schemas.routing import RecordUnrouted
from streams.orders import (
    amending,
    amendment,
    early,
    ending,
    holds,
    intake,
    payment,
    redirection,
    refunding,
    reservation,
    shipment,
    sourcing,
    unroutable,
)
from streams.orders.chain import sealed
from streams.orders.ending import Changed
from streams.orders.intake import content_hash
from streams.orders.model import RESERVATION_EXPIRED

__all__ = ["content_hash", "decide", "wake"]

Decision = tuple[OrderState | EarlyState | None, list[Send]]
JUDGED = (
    Status.HELD, Status.RESERVING, Status.BACKORDERED, Status.AUTHORIZING, Status.READY,
    Status.AMENDING,
)  # fmt: skip
"""Statuses in which a change makes the policy look at the order again."""


def decide(
    state: OrderState | EarlyState | None,
    command: Record,
    now_ms: int,
    rules: PolicyState | None = None,
) -> Decision:
    """The order after `command`, and what to write. Raises TypeError for a foreign record."""
    if not isinstance(state, OrderState):
        return _of_no_order(state, command, now_ms, rules)
    plain = holds.without_timer(state) if state.holds else state
    return _closed(state, *_ruled(plain, command, rules, now_ms), rules, now_ms)


def wake(state: OrderState | EarlyState, now_ms: int, rules: PolicyState | None = None) -> Decision:
    """The order after its `wake_at_ms` has come, and what to write."""
    if state.wake_at_ms > now_ms:
        return state, []
    if isinstance(state, EarlyState):
        return None, []
    plain = state
    sends: list[Send] = []
    if state.holds:
        plain, sends = holds.expire(holds.without_timer(state), now_ms)
    if not sends and 0 < plain.wake_at_ms <= now_ms:
        plain, sends = _woken(plain, now_ms, rules)
    return _closed(state, plain, sends, rules, now_ms)


def _ruled(state: OrderState, command: Record, rules: PolicyState | None, now_ms: int) -> Changed:
    match command:
        case RecordReservation():
            return reservation.record(state, command, now_ms)
        case PlaceOrder():
            return amending.place_again(state, command, rules, now_ms)
        case RecordPayment():
            return payment.record(state, command, now_ms)
        case RecordRouting():
            return shipment.record_routing(state, command, now_ms)
        case CancelOrder():
            return amending.cancel(state, command, rules, now_ms)
        case RecordSourcingFailure():
            return reservation.record_failure(state, command, now_ms)
        case RecordUnrouted():
            return unroutable.record(state, command, now_ms)
        case RecordAvailability():
            return reservation.record_availability(state, command, now_ms)
        case RecordAssessment():
            if state.status != Status.ASSESSING:
                return state, []
            return intake.assessed(state, command, rules, now_ms)
        case RecordShipment():
            return shipment.record(state, command, now_ms)
        case AmendOrder():
            return amending.amend(state, command, rules, now_ms)
        case HoldOrder():
            return holds.hold(state, command, now_ms)
        case ReleaseHold():
            return holds.release(state, command, now_ms)
        case RefundOrder():
            return refunding.refund(state, command, now_ms)
        case AskWhereTo():
            return state, [redirection.where_to(state)]
        case RedirectShipment():
            return redirection.redirect(state, command, now_ms)
    raise TypeError(f"the orders room takes no {type(command).__name__}")


def _woken(state: OrderState, now_ms: int, rules: PolicyState | None) -> Changed:
    """The moment of the order's step has come."""
    if state.status == Status.BACKORDERED:
        return sourcing.retry(state, now_ms)
    if state.status == Status.ASSESSING:
        return intake.assessed(state, None, rules, now_ms)
    answers_out = any(not line.answered for line in state.lines)
    if state.status == Status.RESERVING or (state.status == Status.AMENDING and answers_out):
        if not state.cancel_reason:
            return ending.cancelled_when_answered(state, RESERVATION_EXPIRED, now_ms)
        return ending.cancelled(state, state.cancel_reason, now_ms, state.actor)
    if state.status in (Status.AUTHORIZING, Status.AMENDING, Status.ROUTING):
        return ending.cancelled(state, RESERVATION_EXPIRED, now_ms)
    return replace(state, wake_at_ms=0), []


def _closed(
    before: OrderState,
    state: OrderState,
    sends: list[Send],
    rules: PolicyState | None,
    now_ms: int,
) -> Changed:
    """What holds after every rule: a changed order is judged again, a ready one goes on, the timer
    is the earliest moment, and the events are chained."""
    revision = before.revision
    if state.status == Status.AUTHORIZING and not state.lines and before.lines:
        # The last line that lacked stock was taken out: nothing waits for stock any more.
        state, more = unroutable.served(state, now_ms)
        sends = sends + more
    if rules is not None and state.revision > revision and state.status in JUDGED:
        state, more = holds.judge_again(state, rules, now_ms)
        sends, revision = sends + more, state.revision
    while state.status == Status.READY and (state.amendments or not state.holds):
        if not state.amendments:
            state, more = shipment.route(state, now_ms)
            sends = sends + more
            break
        state, more = amendment.begin(state, now_ms)
        sends = sends + more
        if rules is not None and state.revision > revision:
            state, more = holds.judge_again(state, rules, now_ms)
            sends, revision = sends + more, state.revision
    if state.status == Status.READY and state.wake_at_ms:
        state = replace(state, wake_at_ms=0)
    if state.holds:
        state = holds.with_timer(state)
        if not sends and state == before:
            return before, sends
    return sealed(state, sends)


def _of_no_order(
    state: EarlyState | None, command: Record, now_ms: int, rules: PolicyState | None
) -> Decision:
    """What a command means while the order that it is about has not come."""
    match command:
        case PlaceOrder():
            commands = early.kept(state) if state is not None else []
            return _taken(command, commands, rules, now_ms)
        case CancelOrder() | AmendOrder() | HoldOrder():
            return early.keep(state, command, now_ms)
        case ReleaseHold() if early.holds(state, command.hold_id):
            return early.keep(state, command, now_ms)
        case RecordShipment() | ReleaseHold() | RefundOrder() | RedirectShipment():
            reason = Refusal.UNKNOWN_ORDER
            return state, [early.unknown(command, reason, "no such order", now_ms)]
        case (
            RecordReservation()
            | RecordPayment()
            | RecordRouting()
            | RecordSourcingFailure()
            | RecordUnrouted()
            | RecordAvailability()
            | RecordAssessment()
            | AskWhereTo()
        ):
            return state, []
    raise TypeError(f"the orders room takes no {type(command).__name__}")


def _taken(
    order: PlaceOrder, commands: list[early.Early], rules: PolicyState | None, now_ms: int
) -> Decision:
    """A new order, with the commands that came before it."""
    for one in commands:
        if isinstance(one, CancelOrder) and not one.line_ids:
            reason = one.reason or "cancelled"
            return sealed(*intake.accept_cancelled(order, reason, one.actor, now_ms))
    taken, sends = intake.accept(order, rules, now_ms)
    state, sends = _closed(taken, taken, sends, rules, now_ms)
    for command in commands:
        following, more = decide(state, command, now_ms, rules)
        assert isinstance(following, OrderState)
        state, sends = following, sends + more
    return state, sends
