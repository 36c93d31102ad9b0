"""What the commands ask of the customers room: profiles, merges, and rules for segments."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
import msgspec

from connectors.channels.publisher import new_raw_id
from connectors.channels.registry import CHANNELS
from connectors.vault.sealing import PROFILE, Vault, normal_email, normal_phone
from deploy import records
from deploy.cluster import Cluster
from schemas.customers import (
    SEGMENTS_KEY,
    Contact,
    MergeCustomers,
    Personal,
    Preference,
    SegmentRule,
    SetCustomer,
    SetSegmentRules,
)
from schemas.messages import Send
from schemas.topics import CUSTOMERS_COMMANDS, CUSTOMERS_KEYS


def meant(vault: Vault, named: str) -> str:
    """The id of a customer who is named by it, or by a verified address or phone.

    Raises click.UsageError.
    """
    if named.startswith("c-"):
        return named
    ids = vault.named_by(named, list(CHANNELS))
    if not ids:
        raise click.UsageError(f"{named} is no customer id, e-mail address or phone with country")
    return ids[0]


def set_profile(
    cluster: Cluster,
    vault: Vault,
    customer_id: str,
    contact: Contact,
    preferences: Sequence[Preference],
    actor: str,
) -> None:
    """Encrypt what is personal, and send it. Raises Unavailable."""
    now_ms = time.time_ns() // 1_000_000
    key_id, sealed, hashed = "", b"", 0
    if contact != Contact():
        personal = msgspec.json.encode(Personal(contact))
        key = vault.new_key(new_raw_id())
        key_id, sealed = key.key_id, key.seal(PROFILE, key.key_id, personal)
        hashed = vault.personal_hash(customer_id, personal)
        # Durable before what it encrypts.
        issued = vault.issued(key, [customer_id], now_ms)
        records.send(cluster, [Send(CUSTOMERS_KEYS, key_id, issued)])
    command = SetCustomer(
        customer_id=customer_id,
        key_id=key_id,
        personal=sealed,
        personal_hash=hashed,
        preferences=list(preferences),
        verified=_verified(vault, contact),
        actor=actor,
        at_ms=now_ms,
    )
    records.send(cluster, [Send(CUSTOMERS_COMMANDS, customer_id, command)])


def merge(cluster: Cluster, customer_id: str, into: str, actor: str) -> None:
    """Ask to merge two ids. Raises Unavailable."""
    command = MergeCustomers(customer_id, into, actor, time.time_ns() // 1_000_000)
    records.send(cluster, [Send(CUSTOMERS_COMMANDS, customer_id, command)])


def set_rules(cluster: Cluster, rules: Sequence[SegmentRule], actor: str) -> None:
    """Set the rules for segments on every partition. Raises Unavailable."""
    command = SetSegmentRules(list(rules), actor, time.time_ns() // 1_000_000)
    records.send(
        cluster,
        [
            Send(CUSTOMERS_COMMANDS, SEGMENTS_KEY, command, partition)
            for partition in range(records.partitions(cluster, CUSTOMERS_COMMANDS))
        ],
    )


def _verified(vault: Vault, contact: Contact) -> list[str]:
    """The customer ids that the verified contacts stand for."""
    email, phone = normal_email(contact.email), normal_phone(contact.phone)
    return [
        *([vault.pseudonym("email", email)] if email and contact.email_verified else []),
        *([vault.pseudonym("phone", phone)] if phone and contact.phone_verified else []),
    ]
