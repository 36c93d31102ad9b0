"""The channels room sends each order on or rejects it, and settles what was replayed."""

from __future__ import annotations

import json

import msgspec
import pytest

from connectors.channels.registry import CHANNELS
from connectors.channels.room import ChannelsRoom, MappingFailed
from connectors.channels.sealing import sealed
from connectors.vault.sealing import ORDER
from schemas import codec
from schemas.channels import PayloadRejected, PayloadReplayed, RawPayload
from schemas.customers import Contact, Personal
from schemas.messages import Inbound, Room, Send
from schemas.orders import Address, CancelOrder, PlaceOrder
from schemas.records import Record
from schemas.topics import CHANNELS_REJECTED, CUSTOMERS_KEYS, ORDERS_COMMANDS
from tests.unit.connectors.shopify_order import shopify_order
from tests.unit.connectors.vault import MemoryKeys

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
    assert [channel.name for channel in CHANNELS.values()] == list(CHANNELS)
    assert CHANNELS.keys() >= {"shopify", "woocommerce", "magento", "json", "csv"}


# What is personal.

ADA = {"email": "ada@example.org", "verified_email": True, "first_name": "Ada"}
BEN = {"email": "ben@example.org", "verified_email": True, "first_name": "Ben"}
STREET = "Zwiebelfischgasse 77"
HERS = shopify_order(
    id=1,
    customer=ADA,
    note="Ring twice",
    shipping_address={
        "name": "Ada", "address1": STREET, "city": "Berlin", "zip": "SW1A 1AA",
        "country_code": "GB", "latitude": 51.501364, "longitude": -0.14189,
    },
)  # fmt: skip
HIS = shopify_order(id=2, customer=BEN)


def sealed_raw(value: object, keys: MemoryKeys, raw_id: str = "raw-2") -> RawPayload:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    raw, key = sealed(RawPayload(raw_id, "shopify", "webhook", "", NOW, payload), keys.vault)
    keys.take(key)
    return raw


def decide_sealed(raw: RawPayload, keys: MemoryKeys) -> list[Send]:
    return ChannelsRoom(keys).decide(Inbound(raw.raw_id, raw, 3, 41), NoStates(), NOW)


def orders_of(sends: list[Send]) -> list[PlaceOrder]:
    return [send.record for send in sends if isinstance(send.record, PlaceOrder)]


def personal_of(order: PlaceOrder, keys: MemoryKeys) -> Personal:
    key = keys.find(order.key_id, 3, NOW)
    assert key is not None
    return msgspec.json.decode(key.open(ORDER, order.order_id, order.personal), type=Personal)


def test_a_payload_is_written_encrypted_for_the_one_whom_it_names() -> None:
    keys = MemoryKeys()
    raw = sealed_raw(HERS, keys)
    ada = keys.vault.customer_id("shopify", Contact(email="ada@example.org", email_verified=True))
    assert raw.subject == ada
    assert keys.issued["raw-2"].subjects == [ada]
    assert not any(word in raw.payload for word in (b"Ada", b"ada@", STREET.encode()))


def test_an_order_leaves_with_what_is_personal_encrypted_under_the_payloads_key() -> None:
    keys = MemoryKeys()
    raw = sealed_raw(HERS, keys)
    (send,) = decide_sealed(raw, keys)
    (order,) = orders_of([send])
    assert (order.customer_id, order.key_id) == (raw.subject, "raw-2")
    personal = personal_of(order, keys)
    assert personal.contact.email == "ada@example.org"
    assert personal.addresses[0].line1 == STREET
    assert personal.note == "Ring twice"
    written = codec.encode(order)
    assert not any(word in written for word in (b"Ada", b"ada@", STREET.encode(), b"Ring"))


def test_the_address_in_clear_tells_where_to_send_from_and_not_where_to() -> None:
    keys = MemoryKeys()
    (order,) = orders_of(decide_sealed(sealed_raw(HERS, keys), keys))
    assert order.ship_to == Address("", "", "", "", "", "SW1", "GB", 51.5, -0.14)


def test_the_same_payload_gives_the_same_bytes() -> None:
    keys = MemoryKeys()
    raw = sealed_raw([HERS, HIS], keys)
    assert decide_sealed(raw, keys) == decide_sealed(raw, keys)


def test_an_order_that_comes_again_under_another_key_tells_the_same_by_its_hash() -> None:
    keys = MemoryKeys()
    (one,) = orders_of(decide_sealed(sealed_raw(HERS, keys, "raw-1"), keys))
    (again,) = orders_of(decide_sealed(sealed_raw(HERS, keys, "raw-2"), keys))
    (moved,) = orders_of(decide_sealed(sealed_raw(HERS | {"note": ""}, keys, "raw-3"), keys))
    assert one.personal != again.personal
    assert one.personal_hash == again.personal_hash != moved.personal_hash


def test_of_a_file_that_names_two_each_order_has_a_key_of_its_own_customer() -> None:
    keys = MemoryKeys()
    raw = sealed_raw([HERS, HIS], keys)
    assert raw.subject == "raw:raw-2"
    sends = decide_sealed(raw, keys)
    hers, his = orders_of(sends)
    assert set(keys.issued["raw-2"].subjects) == {hers.customer_id, his.customer_id}
    issued = [send for send in sends if send.topic is CUSTOMERS_KEYS]
    assert [send.partition for send in issued] == [3, 3], "beside the payload's own"
    keys.take_sends(sends)
    keys.erase(hers.customer_id)
    assert hers.key_id not in keys.issued
    assert "raw-2" not in keys.issued, "the file holds her orders too"
    assert personal_of(his, keys).contact.name == "Ben"


def test_a_payload_whose_key_is_erased_is_settled_as_erased() -> None:
    keys = MemoryKeys()
    raw = sealed_raw(HERS, keys)
    keys.erase(raw.subject)
    (send,) = decide_sealed(raw, keys)
    assert isinstance(send.record, PayloadRejected)
    assert (send.record.reason, send.record.field) == ("erased", "")


def test_a_file_that_is_erased_while_it_is_read_issues_no_further_keys() -> None:
    class ErasedMeanwhile(MemoryKeys):
        def stands(self, key_id: str, partition: int) -> bool:
            return False

    keys = ErasedMeanwhile()
    (send,) = decide_sealed(sealed_raw([HERS, HIS], keys), keys)
    assert isinstance(send.record, PayloadRejected)
    assert send.record.reason == "erased"


def test_a_payload_that_nobody_can_read_has_a_key_and_names_nobody() -> None:
    keys = MemoryKeys()
    raw = sealed_raw(b'{"email": "ada@example.org', keys)
    assert raw.subject == "raw:raw-2"
    assert keys.issued["raw-2"].subjects == []
    (send,) = decide_sealed(raw, keys)
    assert isinstance(send.record, PayloadRejected)
    assert send.record.reason == "unreadable"


def test_what_an_older_payload_in_clear_says_leaves_encrypted_too() -> None:
    keys = MemoryKeys()
    raw = RawPayload("raw-9", "shopify", "webhook", "", NOW, json.dumps(HERS).encode())
    sends = decide_sealed(raw, keys)
    keys.take_sends(sends)
    (order,) = orders_of(sends)
    assert keys.issued[order.key_id].subjects == [order.customer_id]
    assert personal_of(order, keys).contact.name == "Ada"


def test_a_room_without_keys_reads_nothing_encrypted() -> None:
    raw = sealed_raw(HERS, MemoryKeys())
    with pytest.raises(TypeError, match="no keys"):
        ChannelsRoom().decide(Inbound("raw-2", raw, 3, 41), NoStates(), NOW)


def test_the_fault_of_a_mapping_is_told_without_what_it_choked_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def choke(*_: object) -> list[object]:
        raise KeyError(STREET)

    monkeypatch.setattr(CHANNELS["shopify"], "orders", choke)
    keys = MemoryKeys()
    with pytest.raises(MappingFailed, match="KeyError in choke") as failed:
        decide_sealed(sealed_raw(HERS, keys), keys)
    assert STREET not in str(failed.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"currency": STREET}, {"total_price": STREET}, {"processed_at": STREET},
        {"financial_status": STREET}, {"total_discounts": f"-{STREET}"},
    ],
)  # fmt: skip
def test_a_rejection_quotes_no_value(changed: dict[str, object]) -> None:
    (send,) = decide(shopify_order(**changed))
    assert isinstance(send.record, PayloadRejected)
    assert STREET not in send.record.detail
