"""The channels room sends each order on or rejects it, and settles what was replayed."""

from __future__ import annotations

import json

import pytest

from connectors.channels.registry import CHANNELS
from connectors.channels.room import ChannelsRoom
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.messages import Inbound, Room, Send
from schemas.orders import CancelOrder, PlaceOrder
from schemas.records import Record
from schemas.topics import CHANNELS_REJECTED, ORDERS_COMMANDS
from tests.unit.connectors.shopify_order import shopify_order

NOW = 1_709_300_000_000


class NoStates:
    """The room has no state, so that nobody may ask for any."""

    def get(self, key: str) -> Record | None:
        raise AssertionError(key)

    def put(self, key: str, record: Record | None) -> None:
        raise AssertionError(key)


def decide(value: object, *, channel: str = "shopify", replay_of: str = "") -> list[Send]:
    room: Room = ChannelsRoom()
    payload = json.dumps(value).encode()
    raw = RawPayload("raw-2", channel, "webhook", "", NOW, payload, replay_of)
    return room.decide(Inbound("raw-2", raw, 3, 41), NoStates(), NOW)


def test_an_order_goes_to_its_room_under_its_id() -> None:
    (send,) = decide(shopify_order())
    assert (send.topic, send.key, send.partition) == (ORDERS_COMMANDS, "shopify-5001", None)
    assert isinstance(send.record, PlaceOrder)


def test_the_same_payload_maps_to_the_same_command() -> None:
    assert decide(shopify_order()) == decide(shopify_order())


def test_a_cancellation_goes_to_the_same_key() -> None:
    (send,) = decide(shopify_order(cancelled_at="2024-03-02T00:00:00Z"))
    assert (send.topic, send.key) == (ORDERS_COMMANDS, "shopify-5001")
    assert isinstance(send.record, CancelOrder)


def test_a_rejection_says_where_the_payload_lies() -> None:
    (send,) = decide(shopify_order(currency="XXX"))
    assert (send.topic, send.key) == (CHANNELS_REJECTED, "raw-2")
    rejected = send.record
    assert isinstance(rejected, PayloadRejected)
    assert (rejected.reason, rejected.field) == ("unknown_currency", "currency")
    assert (rejected.raw_partition, rejected.raw_offset, rejected.at_ms) == (3, 41, NOW)
    assert rejected.detail.startswith("order 5001: ")


def test_an_unknown_channel_is_rejected() -> None:
    (send,) = decide(shopify_order(), channel="fax")
    assert isinstance(send.record, PayloadRejected)
    assert (send.record.reason, send.record.field) == ("unknown_channel", "channel")


def test_a_replay_without_rejection_settles_the_first_payload() -> None:
    order, settled = decide(shopify_order(), replay_of="raw-1")
    assert order.topic == ORDERS_COMMANDS
    assert settled == Send(CHANNELS_REJECTED, "raw-1", PayloadReplayed("raw-1", "raw-2", NOW))


@pytest.mark.parametrize("orders", [[{}], [shopify_order(), {}]], ids=["whole", "in part"])
def test_a_replay_that_is_rejected_again_stands_in_the_place_of_the_first_payload(
    orders: list[object],
) -> None:
    *_, rejected, settled = decide({"orders": orders}, replay_of="raw-1")
    assert isinstance(rejected.record, PayloadRejected)
    assert rejected.record.raw_id == "raw-2"
    assert settled == Send(CHANNELS_REJECTED, "raw-1", PayloadReplayed("raw-1", "raw-2", NOW))


def test_another_record_is_poison_for_the_dead_letter_topic() -> None:
    with pytest.raises(TypeError):
        ChannelsRoom().decide(Inbound("k", CancelOrder("k", "r", NOW), 0, 0), NoStates(), NOW)


def test_nothing_ever_wakes_the_room() -> None:
    with pytest.raises(NotImplementedError):
        ChannelsRoom().wake("k", NoStates(), NOW)


def test_every_channel_is_registered_under_its_own_name() -> None:
    assert {name: channel.name for name, channel in CHANNELS.items()} == {
        "shopify": "shopify",
        "json": "json",
        "csv": "csv",
    }
