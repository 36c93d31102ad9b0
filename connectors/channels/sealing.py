"""Encrypts payloads before they are written and orders before they leave the channels room.

A payload has a key of its own, issued for the customers that it names. Where it names one, that key
encrypts the order as well. Where it names several, each order is encrypted for its own customer,
with a key that is derived from the payload's and issued for that one alone: to erase one of them
takes the file with it, and leaves the others' orders readable.
"""

from __future__ import annotations

from msgspec.structs import replace

from connectors.channels import people
from connectors.channels.registry import CHANNELS
from connectors.vault.ring import Keys
from connectors.vault.sealing import ORDER, PAYLOAD, DataKey, Vault
from schemas.channels import RawPayload
from schemas.customers import KeyIssued
from schemas.orders import PlaceOrder

NOBODY = "raw:"
"""In front of raw_id, the subject of a payload that names nobody, or several."""


def sealed(raw: RawPayload, vault: Vault) -> tuple[RawPayload, KeyIssued]:
    """The payload as it may be written, and the key, which must be durable before it."""
    named = _named(raw, vault)
    key = vault.new_key(raw.raw_id)
    closed = replace(
        raw,
        payload=key.seal(PAYLOAD, raw.raw_id, raw.payload),
        key_id=key.key_id,
        subject=named[0] if len(named) == 1 else f"{NOBODY}{raw.raw_id}",
    )
    return closed, vault.issued(key, named, raw.received_at_ms)


def opened(raw: RawPayload, partition: int, keys: Keys) -> RawPayload | None:
    """The payload in clear, with its key and subject still named; None where it is erased.

    Raises KeysUnavailable, and Unreadable where it is damaged or of another master key.
    """
    if not raw.key_id:
        return raw
    key = keys.find(raw.key_id, partition, raw.received_at_ms)
    return None if key is None else opened_with(raw, key)


def opened_with(raw: RawPayload, key: DataKey) -> RawPayload:
    """The same with a key that is known. Raises Unreadable."""
    return replace(raw, payload=key.open(PAYLOAD, raw.raw_id, raw.payload))


class OrderSealing:
    """Encrypts the orders of one payload."""

    def __init__(self, raw: RawPayload, key: DataKey | None, vault: Vault) -> None:
        """Take the payload in clear, and its key; None where it was written in clear."""
        self._vault = vault
        self._subject = raw.subject
        self._key = key or vault.key_of_plain(raw.raw_id, raw.payload)
        self._received_at_ms = raw.received_at_ms
        self._standing = {raw.key_id} if key is not None else set()
        self._keys: dict[str, DataKey] = {}
        self.issued: list[KeyIssued] = []
        """keys that must be written with the orders"""

    def seal(self, order: PlaceOrder) -> PlaceOrder:
        """The order as plain topics may have it."""
        shown = replace(
            order,
            ship_to=people.coarse(order.ship_to),
            more_addresses=[people.coarse(address) for address in order.more_addresses],
        )
        if not order.personal:
            return shown
        customer_id = self._vault.customer_id(order.channel, people.read(order).contact)
        key = self._key_of(customer_id)
        return replace(
            shown,
            customer_id=customer_id,
            key_id=key.key_id,
            personal=key.seal(ORDER, order.order_id, order.personal),
            personal_hash=self._vault.personal_hash(order.order_id, order.personal),
        )

    def _key_of(self, customer_id: str) -> DataKey:
        known = self._keys.get(customer_id)
        if known is not None:
            return known
        key = self._key
        if customer_id not in ("", self._subject):
            key = key.derived(f"{self._key.key_id}.{customer_id}")
        if key.key_id not in self._standing:
            named = [customer_id] if customer_id else []
            self.issued.append(self._vault.issued(key, named, self._received_at_ms))
        self._keys[customer_id] = key
        return key


def _named(raw: RawPayload, vault: Vault) -> list[str]:
    """Every customer that the payload names, once, in the order in which it does."""
    channel = CHANNELS.get(raw.channel)
    if channel is None:
        return []
    contacts = channel.contacts(raw.payload, raw.topic)
    named = dict.fromkeys(vault.customer_id(raw.channel, contact) for contact in contacts)
    named.pop("", None)
    return list(named)
