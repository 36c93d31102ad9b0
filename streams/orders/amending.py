"""A wish for a change comes in: a repeat, too late, against the policy, or to be carried out."""

from __future__ import annotations

from schemas.orders import (
    AmendOrder,
    CancelOrder,
    OrderState,
    PlaceOrder,
    Refusal,
    Status,
)
from schemas.policies import Action, PolicyState
from streams.content import hash_of
from streams.orders import amendment, cancellation, holds, policy, waiting
from streams.orders.changes import NotPossible
from streams.orders.ending import Changed, command_refused
from streams.orders.intake import content_hash
from streams.orders.model import MAXIMUM_AMENDMENTS, MAXIMUM_REQUESTS
from streams.orders.waiting import Change

AT_ONCE = (Status.ASSESSING, Status.HELD, Status.BACKORDERED)
"""Nothing is reserved or paid, and no answer is out."""


def place_again(
    state: OrderState, order: PlaceOrder, rules: PolicyState | None, now_ms: int
) -> Changed:
    """The order comes from its channel again: a repeat, a conflict, or a newer version."""
    digest = content_hash(order)
    latest = waiting.latest_version(state)
    if digest == state.content_hash and latest == state.version:
        return state, []
    name = waiting.name_of(order)
    known = waiting.known(state, waiting.AMENDMENT, name)
    if known is not None and known.content_hash == digest:
        return state, []
    if order.version > latest and known is None:
        return _wanted(state, order, digest, rules, now_ms)
    if order.version < latest:
        detail = f"version {order.version} is older than {latest}, which is in work"
    else:
        detail = f"version {order.version} came before with other content"
    return state, [
        command_refused("PlaceOrder", state.order_id, Refusal.ORDER_CONFLICT, detail, now_ms)
    ]


def amend(
    state: OrderState, command: AmendOrder, rules: PolicyState | None, now_ms: int
) -> Changed:
    """A change by hand."""
    digest = hash_of(
        [
            getattr(command, name)
            for name in command.__struct_fields__
            if name not in ("key_id", "personal", "requested_at_ms")
        ]
    )
    known = waiting.known(state, waiting.AMENDMENT, command.amendment_id)
    if known is not None and known.content_hash == digest:
        return state, []
    if known is not None:
        detail = "the amendment came before with other content"
        return state, [
            command_refused(
                "AmendOrder", state.order_id, Refusal.ORDER_CONFLICT, detail, now_ms,
                command.actor, command.amendment_id,
            )
        ]  # fmt: skip
    return _wanted(state, command, digest, rules, now_ms)


def cancel(
    state: OrderState, command: CancelOrder, rules: PolicyState | None, now_ms: int
) -> Changed:
    """Cancel some lines, which is a change, or the whole order."""
    if not command.line_ids or state.status in (Status.CANCELLED, Status.REFUSED):
        return cancellation.cancel(state, command, now_ms)
    change = cancellation.change_of(state, command)
    if change is None:
        return cancellation.cancel(state, command, now_ms)
    return amend(state, change, rules, now_ms)


def _wanted(
    state: OrderState, change: Change, digest: int, rules: PolicyState | None, now_ms: int
) -> Changed:
    """A change that is new. Whatever becomes of it, its id is known from now on."""
    if len(state.requests) >= MAXIMUM_REQUESTS:
        return state, [amendment.refused(state, change, NotPossible(Refusal.TOO_MANY), now_ms)]
    name = waiting.name_of(change)
    known = waiting.remembered(state, waiting.AMENDMENT, name, digest)
    why = _refusal(state, change)
    if why is None and state.status == Status.RELEASED:
        assert isinstance(change, AmendOrder)
        return cancellation.released_lines(known, change, now_ms)
    if why is None and rules is not None:
        why = _against_policy(state, change, rules, now_ms)
    if why is not None:
        return known, [amendment.refused(state, change, why, now_ms)]
    if state.status in AT_ONCE:
        return amendment.at_once(known, change, now_ms)
    return waiting.with_change(known, change), []


def _refusal(state: OrderState, change: Change) -> NotPossible | None:
    """Why the change comes to nothing, in the order of checks; None where it may be carried out."""
    if state.status in (Status.CANCELLED, Status.REFUSED) or state.cancel_reason:
        return NotPossible(Refusal.ALREADY_ENDED)
    if not state.content:
        detail = "it was placed before orders kept their prices"
        return NotPossible(Refusal.NOT_AMENDABLE, "", detail)
    if isinstance(change, AmendOrder):
        if change.currency not in ("", state.currency):
            return NotPossible(Refusal.CURRENCY_DIFFERS, "", f"the order is in {state.currency}")
        stale = state.amendments or change.base_revision != state.revision
        if change.base_revision >= 0 and stale:
            detail = f"the order's revision is {state.revision + len(state.amendments)}"
            return NotPossible(Refusal.REVISION_CONFLICT, "", detail)
    takes_out = isinstance(change, AmendOrder) and _only_takes_out(change)
    if state.status == Status.ROUTING or (state.status == Status.RELEASED and not takes_out):
        return NotPossible(Refusal.TOO_LATE, "", f"the order is {state.status}")
    if len(state.amendments) >= MAXIMUM_AMENDMENTS:
        return NotPossible(Refusal.TOO_MANY)
    return None


def _only_takes_out(change: AmendOrder) -> bool:
    """Whether nothing but the removal of lines is wanted."""
    return bool(change.remove) and not (
        change.add
        or change.quantities
        or change.ship_to
        or change.shipping_method
        or change.shipping_minor >= 0
        or change.tenders
        or change.personal
    )


def _against_policy(
    state: OrderState, change: Change, rules: PolicyState, now_ms: int
) -> NotPossible | None:
    """Why the policy would not take the order as it is to be."""
    try:
        wanted = amendment.target(state, change)
    except NotPossible as why:
        # Of several changes, an earlier one may yet make this one possible.
        return None if state.amendments else why
    decided = policy.intake(rules, wanted, holds.assessment(state), now_ms)
    if decided.refused_by:
        return NotPossible(Refusal.POLICY, "", f"rule {decided.refused_by}")
    if decided.total_mismatch == Action.REFUSE and holds.mismatches(wanted, decided):
        return NotPossible(Refusal.TOTAL_MISMATCH, "", f"rule {decided.mismatch_hold.rule}")
    return None
