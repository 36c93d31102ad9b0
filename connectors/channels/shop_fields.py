"""Amounts and times in the way of web shops: decimals beyond the currency's, times without a zone.

Such shops compute with more decimals than their currency has and round sums, not parts. Amounts are
read in millionths of the currency's unit: WooCommerce keeps 6 decimals (its constant
WC_ROUNDING_PRECISION), Adobe Commerce 4 (its columns are decimal(20,4)). Digits behind those are
what binary fractions leave, e.g. 4.6200000000000001, and are rounded off.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from connectors.channels.mapping import Fields, Rejected
from schemas.money import EXPONENTS, MAXIMUM_MINOR
from schemas.totals import MILLION, rounded

_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(\.[0-9]{1,40})?", re.ASCII)
_WITHOUT_ZONE = re.compile(r"[0-9]{4}(-[0-9]{2}){2}[T ][0-9]{2}(:[0-9]{2}){2}(\.[0-9]+)?", re.ASCII)
_MOST_PERCENT = 1000
_PPM_OF_PERCENT = 10_000


class Sums:
    """Millionths as minor units of a currency, so that all of them sum to the rounded sum.

    Each is the difference of two rounded sums. Amounts that are whole minor units stay what they
    are.
    """

    def __init__(self, currency: str) -> None:
        """Begin at 0."""
        self._scale: int = 10 ** EXPONENTS[currency]
        self._sum = 0
        self._told = 0

    def minor(self, millionths: int) -> int:
        """The next amount; of the same sign as its millionths, or 0."""
        self._sum += millionths
        upto = rounded(self._sum * self._scale, MILLION)
        part = upto - self._told
        self._told = upto
        return part


def millionths(fields: Fields, name: str) -> int:
    """A required amount, which may be below 0: text, a whole number or a Decimal."""
    value = fields.required(name)
    path = fields.path(name)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Rejected("invalid_amount", path, f"{path} is not an amount")
    written = f"{value:f}" if isinstance(value, Decimal) else str(value).strip()
    if len(written) > 60 or not _AMOUNT.fullmatch(written):
        raise Rejected("invalid_amount", path, f"{path} is not an amount, such as 19.99")
    amount = Decimal(written)
    if abs(amount) > MAXIMUM_MINOR:
        raise Rejected("invalid_amount", path, f"{path} is larger than any amount may be")
    return int((amount * MILLION).to_integral_value(ROUND_HALF_UP))


def optional_millionths(fields: Fields, name: str) -> int:
    """The same; 0 where it is missing, null or blank."""
    value = fields.raw(name)
    if value is None or (isinstance(value, str) and not value.strip()):
        return 0
    return millionths(fields, name)


def positive(fields: Fields, name: str) -> int:
    """A required amount of 0 or more, in millionths."""
    amount = millionths(fields, name)
    if amount < 0:
        path = fields.path(name)
        raise Rejected("invalid_amount", path, f"{path} is negative")
    return amount


def optional_positive(fields: Fields, name: str) -> int:
    """The same; 0 where it is missing, null or blank."""
    amount = optional_millionths(fields, name)
    if amount < 0:
        path = fields.path(name)
        raise Rejected("invalid_amount", path, f"{path} is negative")
    return amount


def whole_minor(amount: int, currency: str, path: str) -> int:
    """Millionths of 0 or more as minor units. Raises Rejected where they are not whole ones."""
    scale: int = 10 ** EXPONENTS[currency]
    minor, rest = divmod(amount * scale, MILLION)
    if rest:
        detail = f"{path} has more decimals than its currency"
        raise Rejected("invalid_amount", path, detail)
    if not 0 <= minor <= MAXIMUM_MINOR:
        raise Rejected("invalid_amount", path, f"{path} is out of bounds")
    return minor


def unit_price(total_minor: int, quantity: int) -> tuple[int, int]:
    """Price, and how many pieces it buys: exact also where the total is not so many times it."""
    if total_minor % quantity:
        return total_minor, quantity
    return total_minor // quantity, 1


def utc(fields: Fields, name: str) -> int:
    """A required instant in epoch milliseconds; without a zone it is UTC, as documented."""
    value = fields.raw(name)
    if not isinstance(value, str) or not _WITHOUT_ZONE.fullmatch(value.strip()):
        return fields.instant(name)
    above = fields.path(name)[: -len(name) - 1]
    return Fields({name: f"{value.strip()}+00:00"}, above).instant(name)


def rate_ppm(percent: object) -> int:
    """A tax rate in percent, as text or a number, in millionths; 0 for what is none."""
    if isinstance(percent, bool) or not isinstance(percent, str | int | Decimal):
        return 0
    written = f"{percent:f}" if isinstance(percent, Decimal) else str(percent).strip().rstrip("%")
    if len(written) > 30 or not _AMOUNT.fullmatch(written):
        return 0
    rate = Decimal(written)
    return round(rate * _PPM_OF_PERCENT) if 0 <= rate <= _MOST_PERCENT else 0
