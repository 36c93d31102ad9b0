"""What tells a repeat from a conflict: a hash of what a command says, as states keep it."""

from __future__ import annotations

from hashlib import blake2b

import msgspec

_pack = msgspec.msgpack.Encoder().encode


def hash_of(content: object) -> int:
    """63 bits of `content`, which a long of the contract holds.

    It is kept in states, so whoever calls chooses the fields: one that a command gains later must
    not turn a repeat of an older one into a conflict.
    """
    return int.from_bytes(blake2b(_pack(content), digest_size=8).digest(), "big") >> 1
