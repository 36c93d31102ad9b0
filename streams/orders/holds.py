"""What keeps an order from going on: rules of the policy, and people.

Holds are a set beside the status, for an order can have several, each with its own end, and they
can come at any step. They stop an order at two points: before anything is reserved (status held)
and, when it has its stock and its money, before it is released (ready). An order that is held
later than its intake keeps what it has. A hold ends by being released, at its limit, or with its
order; nothing else touches it, but for the holds of routing, which end when the order is served
(unroutable.py).
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.messages import Send
from schemas.orders import (
    Hold,
    HoldEnded,
    HoldOrder,
    OrderHeld,
    OrderState,
    PlaceOrder,
    RecordAssessment,
    Refusal,
    ReleaseHold,
    Status,
)
from schemas.policies import Action, HoldKind, PolicyState, Then
from schemas.topics import ORDERS_EVENTS
from streams.content import hash_of
from streams.orders import cancellation, policy, sourcing, terms, waiting
from streams.orders.ending import Changed, command_refused
from streams.orders.model import MAXIMUM_HOLDS, MAXIMUM_REQUESTS

HOLDABLE = (
    Status.ASSESSING, Status.HELD, Status.RESERVING, Status.BACKORDERED, Status.AUTHORIZING,
    Status.READY, Status.AMENDING,
)  # fmt: skip


def mismatches(order: PlaceOrder, decided: policy.Intake) -> bool:
    """Whether the channel's total is another one than the lines come to."""
    return abs(terms.difference(order)) > decided.tolerance_minor


def of_policy(state: OrderState, order: PlaceOrder, decided: policy.Intake, now_ms: int) -> Changed:
    """Hold the order by every rule that fits it, unless it was released from that one before."""
    wanted = list(decided.holds)
    if decided.total_mismatch == Action.HOLD and mismatches(order, decided):
        wanted.append(decided.mismatch_hold)
    sends: list[Send] = []
    for one in wanted:
        hold_id = f"policy/{one.rule}"
        if waiting.known(state, waiting.HOLD, hold_id) is not None or _open(state, hold_id):
            continue
        until_ms = now_ms + one.limit_ms if one.limit_ms else 0
        made = Hold(hold_id, one.kind, one.rule, until_ms, one.then, "", "policy", now_ms, 0)
        state, more = held(state, made)
        sends += more
    return state, sends


def judge_again(state: OrderState, rules: PolicyState, now_ms: int) -> Changed:
    """Hold an order that was changed where the policy would hold it as it is now."""
    order = terms.of(state)
    return of_policy(state, order, policy.intake(rules, order, assessment(state), now_ms), now_ms)


def assessment(state: OrderState) -> RecordAssessment | None:
    """What is known of the order's customer."""
    if not state.assessment:
        return None
    found = codec.decode(state.assessment)
    assert isinstance(found, RecordAssessment)
    return found


def hold(state: OrderState, command: HoldOrder, now_ms: int) -> Changed:
    """Keep the order by hand."""
    content = hash_of((command.kind, command.reason, command.until_ms, command.then, command.actor))
    before = _open(state, command.hold_id)
    past = waiting.known(state, waiting.HOLD, command.hold_id)
    if before is not None or past is not None:
        known = before.content_hash if before is not None else past.content_hash  # type: ignore[union-attr]
        if known == content:
            return state, []
        return state, [_refused(command, Refusal.ORDER_CONFLICT, command.hold_id, now_ms)]
    if state.status in (Status.REFUSED, Status.CANCELLED):
        return state, [_refused(command, Refusal.ALREADY_ENDED, command.hold_id, now_ms)]
    if state.status not in HOLDABLE:
        return state, [_refused(command, Refusal.TOO_LATE, command.hold_id, now_ms)]
    if len(state.holds) >= MAXIMUM_HOLDS or len(state.requests) >= MAXIMUM_REQUESTS:
        return state, [_refused(command, Refusal.TOO_MANY, command.hold_id, now_ms)]
    return held(
        state,
        Hold(
            command.hold_id, command.kind, "", command.until_ms, command.then, command.reason,
            command.actor, now_ms, content,
        ),
    )  # fmt: skip


def held(state: OrderState, made: Hold) -> Changed:
    """The order with a hold that nothing speaks against."""
    event = OrderHeld(
        state.order_id, made.hold_id, made.kind, made.rule, made.until_ms, made.then,
        made.reason, made.actor, made.since_ms,
    )  # fmt: skip
    return replace(state, holds=[*state.holds, made]), [Send(ORDERS_EVENTS, state.order_id, event)]


def release(state: OrderState, command: ReleaseHold, now_ms: int) -> Changed:
    """End a hold, or all of them. One that has ended before changes nothing."""
    name = command.hold_id
    over = [one for one in state.holds if not name or one.hold_id == name]
    if not over:
        if not name or waiting.known(state, waiting.HOLD, name) is not None:
            return state, []
        return state, [_refused(command, Refusal.UNKNOWN_HOLD, name, now_ms)]
    without, told = ended(state, over, command.reason, command.actor, now_ms)
    if command.ask_again:
        without = _not_overruled(without, over)
    following, sends = _go_on(without, told, now_ms)
    tried_again = any(one.kind == HoldKind.ROUTING for one in over)
    if not tried_again or following.status != Status.BACKORDERED:
        return following, sends
    again, more = sourcing.retry(following, now_ms)
    return again, sends + more


def _not_overruled(state: OrderState, over: list[Hold]) -> OrderState:
    """The order without a memory of those of the holds that were routing's: nobody has let it go
    against its rules."""
    names = {f"{waiting.HOLD}/{one.hold_id}" for one in over if one.kind == HoldKind.ROUTING}
    kept = [one for one in state.requests if one.request_id not in names]
    return replace(state, requests=kept)


def expire(state: OrderState, now_ms: int) -> Changed:
    """End the holds whose time has come: the order goes on, or is cancelled."""
    over = [one for one in state.holds if one.until_ms and one.until_ms <= now_ms]
    if not over:
        return state, []
    if any(one.then == Then.CANCEL for one in over):
        state, sends = ended(state, over, Refusal.HOLD_EXPIRED, "", now_ms)
        following, more = cancellation.whole(state, Refusal.HOLD_EXPIRED, "", now_ms)
        return following, sends + more
    return _go_on(*ended(state, over, Refusal.HOLD_EXPIRED, "", now_ms), now_ms)


def ended(state: OrderState, over: list[Hold], reason: str, actor: str, now_ms: int) -> Changed:
    """The order without these of its holds."""
    sends = []
    for one in over:
        event = HoldEnded(state.order_id, one.hold_id, one.kind, reason, actor, now_ms)
        sends.append(Send(ORDERS_EVENTS, state.order_id, event))
        state = waiting.remembered(state, waiting.HOLD, one.hold_id, one.content_hash)
    left = [one for one in state.holds if one not in over]
    return replace(state, holds=left), sends


def _go_on(state: OrderState, sends: list[Send], now_ms: int) -> Changed:
    """With its last hold, an order that has not asked for anything yet does so."""
    if state.holds or state.status != Status.HELD:
        return state, sends
    following, more = sourcing.begin(state, now_ms)
    return following, sends + more


def _open(state: OrderState, hold_id: str) -> Hold | None:
    return next((one for one in state.holds if one.hold_id == hold_id), None)


def _refused(command: HoldOrder | ReleaseHold, reason: Refusal, hold_id: str, now_ms: int) -> Send:
    return command_refused(
        type(command).__name__, command.order_id, reason, "", now_ms, command.actor, hold_id
    )


def without_timer(state: OrderState) -> OrderState:
    """The order with the moment of its step alone, for the rules that know of no holds."""
    return replace(state, wake_at_ms=state.stage_until_ms, stage_until_ms=0)


def with_timer(state: OrderState) -> OrderState:
    """The order with the earlier one of its step's moment and of its holds' ends."""
    moments = [one.until_ms for one in state.holds if one.until_ms]
    if state.wake_at_ms:
        moments.append(state.wake_at_ms)
    return replace(state, stage_until_ms=state.wake_at_ms, wake_at_ms=min(moments, default=0))
