"""Readers for the two ways in which Saleor names things: `unitPrice.gross.amount` of GraphQL, and
`unit_price_gross_amount` of the older webhooks.

Source: Saleor API reference 3.20, objects Order, OrderLine, TaxedMoney and Money; payloads of
webhooks without a subscription.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TypeVar

from connectors.channels import shop_fields
from connectors.channels.mapping import Fields, Rejected
from schemas.money import EXPONENTS
from schemas.totals import MILLION

GROSS = "gross"
NET = "net"
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])|(?<=[a-z])([0-9])", re.ASCII)
_LONGEST_NUMBER = 30
T = TypeVar("T")


def told(read: Callable[[], T], otherwise: T) -> T:
    """What `read` gives, or `otherwise` where it cannot: for what no sum of the order hangs on."""
    try:
        return read()
    except Rejected:
        return otherwise


def snake(name: str) -> str:
    """`streetAddress1` as `street_address_1`."""
    return _CAPITAL.sub(lambda found: f"_{found.group()}", name).lower()


def own(fields: Fields, name: str) -> str:
    """The name that the source has for it: as GraphQL calls it, or in snake case."""
    other = snake(name)
    return other if fields.names(other) else name


def text(fields: Fields, name: str) -> str:
    """Text by either name; empty where there is none."""
    return fields.optional_text(own(fields, name))


def amount(fields: Fields, name: str, side: str, currency: str) -> int | None:
    """One side of a TaxedMoney in minor units; None where it is not told.

    GraphQL may tell the other side and the tax. Raises Rejected.
    """
    found = _side(fields, name, side, currency)
    if found is not None:
        return found[0].amount(found[1], currency)
    other = _side(fields, name, GROSS if side == NET else NET, currency)
    tax = _side(fields, name, "tax", currency)
    if other is None or tax is None:
        return None
    tax_minor = tax[0].amount(tax[1], currency)
    minor = other[0].amount(other[1], currency) + (tax_minor if side == GROSS else -tax_minor)
    return minor if minor >= 0 else None


def required(fields: Fields, name: str, side: str, currency: str) -> int:
    """The same; missing_field where it is not told."""
    minor = amount(fields, name, side, currency)
    if minor is None:
        path = fields.path(f"{name}.{side}.amount")
        if fields.names(f"{snake(name)}_{side}_amount"):
            path = fields.path(f"{snake(name)}_{side}_amount")
        raise Rejected("missing_field", path, f"{path} is missing")
    return minor


def price(fields: Fields, name: str, side: str, currency: str) -> tuple[int, int] | None:
    """A price and how many pieces it buys: one, unless it has more decimals than its currency.

    None where it is not told.
    """
    found = _side(fields, name, side, currency)
    if found is None:
        minor = amount(fields, name, side, currency)
        return None if minor is None else (minor, 1)
    millionths = shop_fields.positive(*found)
    scale = 10 ** EXPONENTS[currency]
    if millionths * scale % MILLION == 0:
        return millionths * scale // MILLION, 1
    return millionths, MILLION // scale


def tax(fields: Fields, name: str, currency: str) -> int:
    """Tax in a TaxedMoney, in minor units; 0 where it is not told."""
    gross = amount(fields, name, GROSS, currency)
    net = amount(fields, name, NET, currency)
    if gross is not None and net is not None:
        return max(0, gross - net)
    found = _side(fields, name, "tax", currency)
    return found[0].amount(found[1], currency) if found is not None else 0


def money(fields: Fields, name: str, flat: str, currency: str) -> int:
    """A Money, or the older webhooks' `flat` amount, in minor units; 0 where there is none."""
    if fields.names(flat):
        return fields.optional_amount(flat, currency)
    held = fields.optional_object(name)
    return _checked(held, currency).optional_amount("amount", currency) if held is not None else 0


def rate_ppm(fields: Fields, name: str) -> int:
    """A tax rate such as 0.23 in millionths; 0 for what is none."""
    value = fields.raw(own(fields, name))
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return 0
    try:
        rate = Decimal(value) if len(str(value)) <= _LONGEST_NUMBER else Decimal(0)
    except InvalidOperation:
        return 0
    return round(rate * MILLION) if rate.is_finite() and 0 <= rate <= 10 else 0


def _side(fields: Fields, name: str, side: str, currency: str) -> tuple[Fields, str] | None:
    flat = f"{snake(name)}_{side}_amount"
    if fields.names(flat):
        return (fields, flat) if fields.has(flat) else None
    held = fields.optional_object(name)
    inner = held.optional_object(side) if held is not None else None
    if held is None or inner is None or not inner.has("amount"):
        return None
    _checked(held, currency)
    return _checked(inner, currency), "amount"


def _checked(held: Fields, currency: str) -> Fields:
    if held.has("currency") and held.currency("currency") != currency:
        path = held.path("currency")
        raise Rejected("invalid_amount", path, f"{path} is not the order's {currency}")
    return held
