"""How many partitions a keyed topic has, as the environment says."""

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
