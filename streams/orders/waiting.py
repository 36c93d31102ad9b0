"""Changes of an order that wait for a moment at which nothing of it is under way."""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.orders import AmendOrder, KeptCommand, OrderState, PlaceOrder, Request

Change = AmendOrder | PlaceOrder
"""By hand, or a newer version of the order by its channel."""


AMENDMENT, SHIPMENT, HOLD, REFUND = "amendment", "shipment", "hold", "refund"
REDIRECTION = "redirection"
"""What has ids of its own within an order."""


def first(state: OrderState) -> Change:
    """The change that is next, or in work."""
    return _read(state.amendments[0])


def with_change(state: OrderState, change: Change) -> OrderState:
    """The change waits from now on."""
    return replace(state, amendments=[*state.amendments, KeptCommand(codec.encode(change))])


def latest_version(state: OrderState) -> int:
    """Version of the order by its channel that is the newest here, done or waiting."""
    waiting = [
        change.version for change in map(_read, state.amendments) if isinstance(change, PlaceOrder)
    ]
    return max(waiting, default=state.version)


def without_first(state: OrderState) -> OrderState:
    """The change is dealt with."""
    return replace(state, amendments=state.amendments[1:])


def names_of(state: OrderState) -> list[tuple[str, str]]:
    """Id and actor of the changes that wait."""
    return [(name_of(change), actor_of(change)) for change in map(_read, state.amendments)]


def name_of(change: Change) -> str:
    """The id under which the change is told of."""
    if isinstance(change, AmendOrder):
        return change.amendment_id
    return f"version/{change.version}"


def actor_of(change: Change) -> str:
    """Who asked for it."""
    return change.actor if isinstance(change, AmendOrder) else change.channel


def _read(kept: KeptCommand) -> Change:
    change = codec.decode(kept.record)
    assert isinstance(change, AmendOrder | PlaceOrder)
    return change


def known(state: OrderState, kind: str, request_id: str) -> Request | None:
    """A command with that id that the order has had; None where it has not."""
    name = f"{kind}/{request_id}"
    return next((one for one in state.requests if one.request_id == name), None)


def remembered(state: OrderState, kind: str, request_id: str, content_hash: int) -> OrderState:
    """The command with that id is known from now on."""
    return replace(state, requests=[*state.requests, Request(f"{kind}/{request_id}", content_hash)])
