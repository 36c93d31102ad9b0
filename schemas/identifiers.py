"""Identifiers: what they are made of and which text is refused.

An order id is a function of its channel and the id that the channel gave it, so that the same
order always finds the same partition and the same state, however often it is delivered.
"""

from __future__ import annotations

import re
from typing import NewType

OrderId = NewType("OrderId", str)
LineId = NewType("LineId", str)
Sku = NewType("Sku", str)
LocationId = NewType("LocationId", str)

MAXIMUM_LENGTH = 200
_REFUSED = re.compile(r"[\x00-\x1f\x7f|]")


class InvalidIdentifier(ValueError):
    """The text cannot identify anything; the message names the field and the reason."""


def checked(value: str, field: str) -> str:
    """`value` without outer blanks: 1 to 200 characters, no control character, no `|`.

    Raises InvalidIdentifier.
    """
    text = value.strip()
    if not text:
        raise InvalidIdentifier(f"{field}: is empty")
    if len(text) > MAXIMUM_LENGTH:
        raise InvalidIdentifier(f"{field}: longer than {MAXIMUM_LENGTH} characters")
    if _REFUSED.search(text):
        raise InvalidIdentifier(f"{field}: contains a control character or '|'")
    return text


def order_id(channel: str, external_id: str) -> OrderId:
    """The order's id: `<channel>-<external id>`. Raises InvalidIdentifier."""
    return OrderId(f"{checked(channel, 'channel')}-{checked(external_id, 'external_id')}")
