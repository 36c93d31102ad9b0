"""How many partitions a keyed topic has, as the environment says, and which one a key is in."""

from __future__ import annotations

from collections.abc import Mapping

VARIABLE = "MILLRACE_PARTITIONS"
USUAL = 2
MAXIMUM = 10_000


class InvalidPartitions(ValueError):
    """The variable holds something else; the message says what it may be."""


def partitions(environment: Mapping[str, str]) -> int:
    """The number, USUAL where none is given. Raises InvalidPartitions."""
    given = environment.get(VARIABLE, "").strip()
    if not given:
        return USUAL
    number = int(given) if given.isascii() and given.isdecimal() and len(given) < 10 else 0
    if not 1 <= number <= MAXIMUM:
        raise InvalidPartitions(
            f"{VARIABLE} is {given[:50]!r}, and must be a whole number from 1 to {MAXIMUM}"
        )
    return number


def partition_of(key: bytes, number: int) -> int:
    """The partition of a key among so many: murmur2, as Kafka's Java client computes it.

    Source: Apache Kafka, clients/src/main/java/org/apache/kafka/common/utils/Utils.java.
    """
    multiplier, mask, length = 0x5BD1E995, 0xFFFFFFFF, len(key)
    hashed = 0x9747B28C ^ length
    whole = length & ~3
    for at in range(0, whole, 4):
        part = int.from_bytes(key[at : at + 4], "little") * multiplier & mask
        part = (part ^ part >> 24) * multiplier & mask
        hashed = hashed * multiplier & mask ^ part
    if whole < length:
        hashed = (hashed ^ int.from_bytes(key[whole:], "little")) * multiplier & mask
    hashed = (hashed ^ hashed >> 13) * multiplier & mask
    hashed ^= hashed >> 15
    return (hashed & 0x7FFFFFFF) % number
