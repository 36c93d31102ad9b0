"""Commands that come before their order: kept for a day, a few of them, until it comes.

Channels promise no order of what they tell (shopify-app-js 603): a cancellation can overtake the
order that it is about.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.messages import Send
from schemas.orders import (
    AmendOrder,
    CancelOrder,
    EarlyState,
    HoldOrder,
    KeptCommand,
    Refusal,
    ReleaseHold,
)
from schemas.records import Record
from streams.orders.ending import command_refused
from streams.orders.model import EARLY_MS, MAXIMUM_EARLY

Early = CancelOrder | AmendOrder | HoldOrder | ReleaseHold


def keep(
    state: EarlyState | None, command: Early, now_ms: int
) -> tuple[EarlyState | None, list[Send]]:
    """Tell that there is no such order, and keep the command in case it comes."""
    kept = KeptCommand(codec.encode(command))
    if state is not None and kept in state.commands:
        return state, []
    if state is not None and len(state.commands) >= MAXIMUM_EARLY:
        return state, [unknown(command, Refusal.TOO_MANY, "no such order, and enough kept", now_ms)]
    if state is None:
        state = EarlyState(command.order_id, [kept], now_ms + EARLY_MS)
    else:
        state = replace(state, commands=[*state.commands, kept])
    detail = "no such order; kept for a day in case it comes"
    return state, [unknown(command, Refusal.UNKNOWN_ORDER, detail, now_ms)]


def unknown(command: Record, reason: Refusal, detail: str, now_ms: int) -> Send:
    """Tell that a command changed nothing, for there is no such order."""
    name = type(command).__name__
    order_id: str = command.order_id  # type: ignore[attr-defined]
    return command_refused(name, order_id, reason, detail, now_ms, getattr(command, "actor", ""))


def holds(state: EarlyState | None, hold_id: str) -> bool:
    """Whether the order will be held by this one, or without an id by any, when it comes: then its
    release counts too."""
    return state is not None and any(
        isinstance(one, HoldOrder) and hold_id in ("", one.hold_id) for one in kept(state)
    )


def kept(state: EarlyState) -> list[Early]:
    """The commands, in the order in which they came."""
    commands: list[Early] = []
    for one in state.commands:
        command = codec.decode(one.record)
        assert isinstance(command, Early)
        commands.append(command)
    return commands
