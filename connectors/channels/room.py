"""The channels room: raw payloads in, commands to the orders room and rejections out."""

from __future__ import annotations

from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.registry import CHANNELS
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.messages import Inbound, Send, States
from schemas.topics import (
    CHANNELS_DEAD_LETTER,
    CHANNELS_RAW,
    CHANNELS_REJECTED,
    ORDERS_COMMANDS,
    Topic,
)


class ChannelsRoom:
    """Maps each payload by its channel; keeps no state, so the same payload maps the same way."""

    name: str = "channels"
    commands: Topic = CHANNELS_RAW
    state: Topic | None = None
    dead_letter: Topic = CHANNELS_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """One record per order of the payload, and one that settles what a replay replaces.

        Also where the replay is rejected again: the new rejection stands in the old one's place,
        and nothing is on the list twice.
        """
        raw = inbound.record
        if not isinstance(raw, RawPayload):
            raise TypeError(f"{type(raw).__name__} is not a RawPayload")
        sends = [
            Send(CHANNELS_REJECTED, raw.raw_id, _rejection(raw, result, inbound, now_ms))
            if isinstance(result, Rejected)
            else Send(ORDERS_COMMANDS, result.order_id, result)
            for result in _mapped(raw, now_ms)
        ]
        if raw.replay_of:
            settled = PayloadReplayed(raw_id=raw.replay_of, replayed_as=raw.raw_id, at_ms=now_ms)
            sends.append(Send(CHANNELS_REJECTED, raw.replay_of, settled))
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never called: the room has no state that could wake it."""
        raise NotImplementedError


def _mapped(raw: RawPayload, now_ms: int) -> list[Mapped]:
    channel = CHANNELS.get(raw.channel)
    if channel is None:
        known = ", ".join(sorted(CHANNELS))
        detail = f"no channel {raw.channel[:100]!r}; there are {known}"
        return [Rejected("unknown_channel", "channel", detail)]
    return channel.orders(raw.payload, raw.topic, raw.raw_id, now_ms)


def _rejection(
    raw: RawPayload, rejected: Rejected, inbound: Inbound, now_ms: int
) -> PayloadRejected:
    order = f"order {rejected.external_id}: " if rejected.external_id else ""
    return PayloadRejected(
        raw_id=raw.raw_id,
        channel=raw.channel,
        reason=rejected.reason,
        field=rejected.field,
        detail=order + rejected.detail,
        raw_partition=inbound.partition,
        raw_offset=inbound.offset,
        at_ms=now_ms,
    )
