"""A new address for goods that have not left: encrypted like those that the order has.

The address stands in full only in what is encrypted with the order's own key, so that erasing its
customer erases the address too. Beside it stands what any address on a plain topic has: country,
region, the head of the postal code and a rough place. Reads Kafka and writes nothing.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from connectors.channels import people
from connectors.vault.sealing import ORDER, Vault
from deploy.cluster import Cluster
from deploy.customers import KeyBook
from deploy.options import NotFound
from deploy.routing_standing import latest
from schemas.customers import KeyIssued, Personal
from schemas.fulfillment_moves import RedirectShipment
from schemas.orders import Address, OrderState, PlaceOrder
from schemas.topics import ORDERS_STATE
from streams.orders import terms

COUNTRY = re.compile("[A-Z]{2}")
"""ISO 3166-1 alpha-2"""


class NotPossible(Exception):
    """The order cannot get the address; the words say why and quote nothing personal."""


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address as a person writes it into a JSON file."""

    name: str
    line1: str
    city: str
    postal_code: str
    country: str
    line2: str = ""
    region: str = ""
    latitude: float = 0.0
    longitude: float = 0.0


class Redirection(NamedTuple):
    """What orders is asked for, and the key that has to stand before it; None for one it has."""

    command: RedirectShipment
    issued: KeyIssued | None


def written(text: bytes) -> Address:
    """The address of a JSON file. Raises NotPossible, which names the field, not what it says."""
    try:
        found = msgspec.json.decode(text, type=Written)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotPossible(f"the address is not readable: {_words(error)}") from None
    for field in ("name", "line1", "city", "country"):
        if not getattr(found, field).strip():
            raise NotPossible(f"the address has no {field}")
    if not COUNTRY.fullmatch(found.country):
        raise NotPossible("country must be two capital letters, as ISO 3166-1 has them")
    if not (-90 <= found.latitude <= 90 and -180 <= found.longitude <= 180):
        raise NotPossible("latitude or longitude is no place on earth")
    return Address(
        found.name, found.line1, found.line2, found.city, found.region, found.postal_code,
        found.country, found.latitude, found.longitude,
    )  # fmt: skip


def _words(error: Exception) -> str:
    """Why, without what was read: msgspec quotes a field's path and types, json a position."""
    return str(error) if isinstance(error, msgspec.DecodeError) else "it is not UTF-8"


def with_address(
    cluster: Cluster, vault: Vault, command: RedirectShipment, address: Address
) -> Redirection:
    """The command with a new address, the next one of the order. Raises NotPossible,
    NotFound and KafkaException."""
    order = _order(cluster, command.order_id)
    wanted = replace(
        command, address=1 + len(order.more_addresses), new_address=[people.coarse(address)]
    )
    keys = KeyBook(cluster, vault)
    key, issued = keys.key(order.key_id) if order.key_id else None, None
    personal = Personal()
    if order.personal:
        if key is None:
            raise NotPossible("what is personal of the order is erased, or under another vault key")
        clear = key.open(ORDER, order.order_id, order.personal)
        personal = msgspec.json.decode(clear, type=Personal)
    if key is None:
        key = vault.new_key(f"redirection.{command.redirect_id}")
        subjects = [order.customer_id] if order.customer_id else []
        issued = vault.issued(key, subjects, command.requested_at_ms)
    known = [order.ship_to, *order.more_addresses]
    full = [*personal.addresses[: len(known)], *known[len(personal.addresses) :], address]
    text = people.written(msgspec.structs.replace(personal, addresses=full))
    if not text:
        return Redirection(wanted, None)
    sealed = replace(
        wanted,
        key_id=key.key_id,
        personal=key.seal(ORDER, order.order_id, text),
        personal_hash=vault.personal_hash(order.order_id, text),
    )
    return Redirection(sealed, issued)


def _order(cluster: Cluster, order_id: str) -> PlaceOrder:
    state = latest(cluster, ORDERS_STATE, [order_id]).get(order_id)
    if not isinstance(state, OrderState):
        raise NotFound(f"no order {order_id}")
    return terms.of(state)
