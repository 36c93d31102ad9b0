"""Amounts as Stripe writes them, and back, exactly or not at all.

Source of the rules: Stripe, "Supported currencies", sections "Minor units in API amounts",
"Zero-decimal currencies", "Three-decimal currencies" and "Special cases". They differ from
ISO 4217, after which amounts are counted everywhere else here.
"""

from __future__ import annotations

from schemas.money import EXPONENTS

_ZERO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
ZERO_DECIMALS = frozenset(_ZERO_DECIMALS.split())
"""The unit itself. ISO 4217 gives the ariary (MGA) two decimals. The króna (ISK) and the Ugandan
shilling (UGX) have none by ISO 4217 and are written with two, which are 00, for compatibility."""
THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""The last digit must be 0."""
_NOT_TAKEN = frozenset({"CLF", "IQD", "LYD", "UYI", "UYW"})
"""Whose minor unit Stripe does not tell."""


class Unpayable(ValueError):
    """Stripe cannot take this sum in this currency, to the minor unit."""


class MalformedAmount(ValueError):
    """An amount of Stripe's is no whole number of minor units."""


def to_stripe(amount_minor: int, currency: str) -> int:
    """Minor units after ISO 4217 as Stripe wants them. Raises Unpayable."""
    if currency not in EXPONENTS or currency in _NOT_TAKEN:
        raise Unpayable(f"{currency} is not taken")
    if amount_minor <= 0:
        raise Unpayable("only more than nothing can be paid")
    if currency in THREE_DECIMALS and amount_minor % 10:
        raise Unpayable(f"the last digit of {currency} must be 0")
    scaled, rest = divmod(amount_minor * _units(_decimals(currency)), _units(EXPONENTS[currency]))
    if rest:
        raise Unpayable(f"{currency} is taken in whole units only")
    return scaled


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's amount in minor units after ISO 4217. Raises MalformedAmount."""
    if currency not in EXPONENTS:
        raise MalformedAmount(f"{currency!r} is no currency")
    scaled, rest = divmod(amount * _units(EXPONENTS[currency]), _units(_decimals(currency)))
    if rest or amount < 0:
        raise MalformedAmount(f"{amount} is no amount in {currency}")
    return scaled


def _decimals(currency: str) -> int:
    """How many decimals of the currency Stripe counts in."""
    if currency in ZERO_DECIMALS:
        return 0
    return 3 if currency in THREE_DECIMALS else 2


def _units(decimals: int) -> int:
    """How many units of so many decimals make a whole one."""
    return int("1" + "0" * decimals)
