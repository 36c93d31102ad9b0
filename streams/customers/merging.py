"""Two ids are one customer: which one stays, and how what the other has come to counts there.

The id that sorts first stays. Each id therefore leads to a smaller one, so that there is no circle,
whatever is merged in whatever order; and a wish that is sent on to them comes to an end.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from schemas.customers import (
    AbsorbCustomer,
    AssessOrder,
    CustomerAbsorbed,
    CustomerMerged,
    CustomerState,
    EraseCustomer,
    Member,
    MergeCustomers,
    RecordOrder,
    SetCustomer,
)
from schemas.messages import Send
from schemas.topics import CUSTOMERS_COMMANDS, CUSTOMERS_EVENTS
from streams.customers.model import with_recent

Forwarded = TypeVar(
    "Forwarded", AssessOrder, RecordOrder, SetCustomer, AbsorbCustomer, EraseCustomer
)
Changed = tuple[CustomerState, list[Send]]


def forwarded(command: Forwarded, to: str) -> Send:
    """The command, sent on to whoever stands for the id."""
    return Send(CUSTOMERS_COMMANDS, to, replace(command, customer_id=to))


def merge(state: CustomerState, command: MergeCustomers, now_ms: int) -> Changed:
    """The id leads to another from now on, or the wish is sent on to whom it concerns."""
    own, other = state.customer_id, command.into
    if own == other or state.merged_into == other:
        return state, []
    if state.merged_into:
        wish = replace(command, customer_id=state.merged_into)
        return state, [Send(CUSTOMERS_COMMANDS, state.merged_into, wish)]
    if other > own:
        wish = replace(command, customer_id=other, into=own)
        return state, [Send(CUSTOMERS_COMMANDS, other, wish)]
    event = CustomerMerged(own, other, command.actor, now_ms)
    following = CustomerState(
        customer_id=own,
        merged_into=other,
        merged_at_ms=now_ms,
        revision=state.revision,
        first_order_at_ms=state.first_order_at_ms,
        last_order_at_ms=state.last_order_at_ms,
        figures=state.figures,
    )
    whole = replace(
        _of(following),
        recent=state.recent,
        preferences=state.preferences,
        key_id=state.key_id,
        personal=state.personal,
        personal_hash=state.personal_hash,
    )
    return following, [
        Send(CUSTOMERS_EVENTS, own, event),
        Send(CUSTOMERS_COMMANDS, other, whole),
        *(
            Send(CUSTOMERS_COMMANDS, other, replace(_of(following), member=member))
            for member in state.members
        ),
    ]


def told(state: CustomerState) -> Send:
    """What a merged id has come to, told to whoever stands for it."""
    return Send(CUSTOMERS_COMMANDS, state.merged_into, _of(state))


def absorb(state: CustomerState, command: AbsorbCustomer, now_ms: int) -> Changed:
    """Take in what a merged id has come to, unless as much is known already."""
    if state.merged_into:
        return state, [forwarded(command, state.merged_into)]
    member = command.member
    known = next((one for one in state.members if one.customer_id == member.customer_id), None)
    if known is not None and known.revision >= member.revision:
        return state, []
    others = [one for one in state.members if one.customer_id != member.customer_id]
    following = replace(
        state,
        members=sorted([*others, member], key=lambda one: one.customer_id),
        recent=with_recent(command.recent, state.recent),
    )
    if not state.erased_at_ms:
        following = _with_profile(following, command)
    event = CustomerAbsorbed(state.customer_id, member.customer_id, member.figures, now_ms)
    return following, [Send(CUSTOMERS_EVENTS, state.customer_id, event)]


def _with_profile(state: CustomerState, command: AbsorbCustomer) -> CustomerState:
    """The profile of whoever stays counts; what it does not say, the other's does."""
    said = {one.name for one in state.preferences}
    more = [one for one in command.preferences if one.name not in said]
    state = replace(
        state, preferences=sorted([*state.preferences, *more], key=lambda one: one.name)
    )
    if state.personal or not command.personal:
        return state
    return replace(
        state,
        key_id=command.key_id,
        personal=command.personal,
        personal_hash=command.personal_hash,
    )


def _of(state: CustomerState) -> AbsorbCustomer:
    member = Member(
        customer_id=state.customer_id,
        revision=state.revision,
        first_order_at_ms=state.first_order_at_ms,
        last_order_at_ms=state.last_order_at_ms,
        figures=state.figures,
    )
    return AbsorbCustomer(state.merged_into, member, [], [], "", b"", 0)
