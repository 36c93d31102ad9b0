"""The channels room: raw payloads in, commands to the orders room and rejections out.

What comes in is encrypted, and what is personal leaves encrypted. Keys are asked of the ring that
the room is given. A room without one is for payloads that are in clear; it encrypts nothing.
"""

from __future__ import annotations

import traceback

from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.registry import CHANNELS
from connectors.channels.sealing import OrderSealing, opened_with
from connectors.vault.ring import Keys
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.messages import Inbound, Send, States
from schemas.orders import PlaceOrder
from schemas.topics import (
    CHANNELS_DEAD_LETTER,
    CHANNELS_RAW,
    CHANNELS_REJECTED,
    CUSTOMERS_KEYS,
    ORDERS_COMMANDS,
    Topic,
)

ERASED = Rejected("erased", "", "the data of a customer whom the payload names has been erased")


class MappingFailed(RuntimeError):
    """A mapping has a fault. Told without the words of the error, which may quote a person."""


class ChannelsRoom:
    """Maps each payload by its channel; keeps no state, so the same payload maps the same way."""

    name: str = "channels"
    commands: Topic = CHANNELS_RAW
    state: Topic | None = None
    dead_letter: Topic = CHANNELS_DEAD_LETTER

    def __init__(self, keys: Keys | None = None) -> None:
        """Take the ring that finds the payloads' keys."""
        self._keys = keys

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """One record per order of the payload, and one that settles what a replay replaces.

        Also where the replay is rejected again: the new rejection stands in the old one's place,
        and nothing is on the list twice. Raises TypeError, Unreadable and MappingFailed, and
        KeysUnavailable, which ends the worker.
        """
        raw = inbound.record
        if not isinstance(raw, RawPayload):
            raise TypeError(f"{type(raw).__name__} is not a RawPayload")
        results, sends = self._results(raw, inbound.partition, now_ms)
        sends += [
            Send(CHANNELS_REJECTED, raw.raw_id, _rejection(raw, result, inbound, now_ms))
            if isinstance(result, Rejected)
            else Send(ORDERS_COMMANDS, result.order_id, result)
            for result in results
        ]
        if raw.replay_of:
            settled = PayloadReplayed(raw_id=raw.replay_of, replayed_as=raw.raw_id, at_ms=now_ms)
            sends.append(Send(CHANNELS_REJECTED, raw.replay_of, settled))
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never called: the room has no state that could wake it."""
        raise NotImplementedError

    def _results(
        self, raw: RawPayload, partition: int, now_ms: int
    ) -> tuple[list[Mapped], list[Send]]:
        """What the payload maps to, encrypted, and the keys that were issued for it."""
        if self._keys is None:
            if raw.key_id:
                raise TypeError("the payload is encrypted, and this room has no keys")
            return _mapped(raw, now_ms), []
        key = None
        if raw.key_id:
            key = self._keys.find(raw.key_id, partition, raw.received_at_ms)
            if key is None:
                return [ERASED], []
            raw = opened_with(raw, key)
        sealing = OrderSealing(raw, key, self._keys.vault)
        results = [
            sealing.seal(result) if isinstance(result, PlaceOrder) else result
            for result in _mapped(raw, now_ms)
        ]
        # A key that is derived after its source was erased would outlive the erasure.
        if sealing.issued and raw.key_id and not self._keys.stands(raw.key_id, partition):
            return [ERASED], []
        keys = [Send(CUSTOMERS_KEYS, issued.key_id, issued, partition) for issued in sealing.issued]
        return results, keys


def _mapped(raw: RawPayload, now_ms: int) -> list[Mapped]:
    channel = CHANNELS.get(raw.channel)
    if channel is None:
        known = ", ".join(sorted(CHANNELS))
        detail = f"no channel {raw.channel[:100]!r}; there are {known}"
        return [Rejected("unknown_channel", "channel", detail)]
    try:
        return channel.orders(raw.payload, raw.topic, raw.raw_id, now_ms)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise MappingFailed(f"{type(error).__name__} in {at.name}, line {at.lineno}") from None


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
