"""A vault and a ring in memory, for tests of what reads and writes payloads."""

from __future__ import annotations

import base64

from connectors.vault.master import MasterKeys
from connectors.vault.sealing import DataKey, Vault
from schemas.customers import KeyIssued
from schemas.messages import Send
from schemas.topics import CUSTOMERS_KEYS

KEY = base64.b64encode(b"a master key that is only for us").decode()
OTHER_KEY = base64.b64encode(b"and another one that came later!").decode()


def vault(*lines: str) -> Vault:
    """With the given master keys, or with KEY."""
    return Vault(MasterKeys(lines or (KEY,)))


class MemoryKeys:
    """connectors.vault.ring.Keys without a broker."""

    def __init__(self, of: Vault | None = None) -> None:
        self.vault = of or vault()
        self.issued: dict[str, KeyIssued] = {}

    def take(self, *issued: KeyIssued) -> None:
        """Keep keys, as customers.keys does."""
        self.issued.update({one.key_id: one for one in issued})

    def take_sends(self, sends: list[Send]) -> None:
        """Keep the keys among what a room wrote."""
        self.take(*(one.record for one in sends if one.topic is CUSTOMERS_KEYS))  # type: ignore[arg-type]

    def erase(self, customer_id: str) -> None:
        """Delete every key of the customer."""
        self.issued = {
            name: one for name, one in self.issued.items() if customer_id not in one.subjects
        }

    def find(self, key_id: str, partition: int, since_ms: int) -> DataKey | None:
        """See Keys."""
        issued = self.issued.get(key_id)
        return None if issued is None else self.vault.key(issued)

    def stands(self, key_id: str, partition: int) -> bool:
        """See Keys."""
        return key_id in self.issued
