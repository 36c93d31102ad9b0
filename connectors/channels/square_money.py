"""Money as Square writes it: whole minor units in `amount`, with a `currency`.

Software between Square and us may write the number as text, as JavaScript must with 64 bits.
Source: Square API, object Money.
"""

from __future__ import annotations

import re

from connectors.channels.mapping import Fields, Rejected
from schemas.money import MAXIMUM_MINOR

_WHOLE = re.compile(r"-?[0-9]{1,16}", re.ASCII)


def money(fields: Fields, name: str, currency: str) -> int:
    """A required amount of 0 or more. Raises Rejected."""
    minor = balance(fields, name, currency)
    if minor < 0:
        path = f"{fields.path(name)}.amount"
        raise Rejected("invalid_amount", path, f"{path} is negative")
    return minor


def optional_money(fields: Fields, name: str, currency: str) -> int:
    """The same; 0 where it is missing or null, or has no amount."""
    found = fields.optional_object(name)
    return money(fields, name, currency) if found is not None and found.has("amount") else 0


def balance(fields: Fields, name: str, currency: str) -> int:
    """A required amount, which may be below 0. Raises Rejected."""
    found = fields.object(name)
    if found.has("currency") and found.currency("currency") != currency:
        path = found.path("currency")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    value = found.required("amount")
    path = found.path("amount")
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        detail = f"{path} is not a whole number of the currency's smallest unit"
        raise Rejected("invalid_amount", path, detail)
    if abs(value) > MAXIMUM_MINOR:
        raise Rejected("invalid_amount", path, f"{path} is larger than any amount may be")
    return value
