"""The holds that stand, oldest first. Reads Kafka."""

from __future__ import annotations

from typing import Any, NamedTuple

from connectors.levels.answers import iso
from deploy import output, records
from deploy.cluster import Cluster
from schemas import codec
from schemas.money import text as money
from schemas.orders import Hold, OrderState
from schemas.topics import ORDERS_STATE


class Held(NamedTuple):
    """An order, and one of the holds that keep it."""

    order_id: str
    status: str
    channel: str
    currency: str
    total_minor: int
    hold: Hold


def standing(cluster: Cluster, kind: str = "", rule: str = "", channel: str = "") -> list[Held]:
    """Every hold of that kind, by that rule, of that channel; empty for any."""
    found: dict[bytes, OrderState] = {}
    for message in records.messages_of(cluster, ORDERS_STATE):
        key, value = message.key() or b"", message.value()
        state = _state(value) if value is not None else None
        if state is not None and state.holds:
            found[key] = state
        else:
            found.pop(key, None)
    return chosen(list(found.values()), kind, rule, channel)


def _state(value: bytes) -> OrderState | None:
    try:
        record = codec.decode(value)
    except codec.UnreadableRecord:
        return None
    return record if isinstance(record, OrderState) else None


def chosen(states: list[OrderState], kind: str, rule: str, channel: str) -> list[Held]:
    """The holds of those orders that are meant, oldest first."""
    held = [
        Held(one.order_id, one.status, one.channel, one.currency, one.total_minor, hold)
        for one in states
        for hold in one.holds
        if (not kind or hold.kind == kind)
        and (not rule or hold.rule == rule)
        and (not channel or one.channel == channel)
    ]
    return sorted(held, key=lambda one: (one.hold.since_ms, one.order_id, one.hold.hold_id))


def as_json(one: Held) -> dict[str, Any]:
    """A hold for scripts."""
    hold = one.hold
    return {
        "order_id": one.order_id,
        "status": one.status,
        "channel": one.channel,
        "currency": one.currency,
        "total_minor": one.total_minor,
        "hold_id": hold.hold_id,
        "kind": hold.kind,
        "rule": hold.rule,
        "since": iso(hold.since_ms),
        "until": iso(hold.until_ms) if hold.until_ms else None,
        "then": hold.then if hold.until_ms else None,
        "actor": hold.actor,
        "reason": hold.reason,
    }


def row(one: Held) -> tuple[str, ...]:
    """A hold for people."""
    hold = one.hold
    return (
        one.order_id,
        hold.hold_id,
        hold.kind,
        output.moment(hold.since_ms),
        output.moment(hold.until_ms) if hold.until_ms else "",
        hold.then if hold.until_ms else "",
        money(one.total_minor, one.currency),
        _why(hold),
    )


def _why(hold: Hold) -> str:
    """The rule with what it lacks, where that is told, or who asked and why."""
    if not hold.rule:
        return f"{hold.actor}: {hold.reason}"
    return f"rule {hold.rule}: {hold.reason}" if hold.reason else f"rule {hold.rule}"
