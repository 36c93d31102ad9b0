"""What stands on a document in figures: the sums of each tax rate, and unit prices. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from schemas.accounting import DocumentLine, DocumentLineKind, percent
from schemas.money import EXPONENTS

MORE_DECIMALS = 4
"""of a unit price than the currency has, where the sum of the line cannot be divided evenly"""


class TaxSum(NamedTuple):
    """What lines of one tax rate come to, in minor units."""

    words: str
    net_minor: int
    tax_minor: int


def by_rate(lines: Iterable[DocumentLine]) -> list[TaxSum]:
    """The sums of each rate, the highest first.

    Source: Council Directive 2006/112/EC, Article 226 (8) to (10): the taxable amount per rate, the
    rate, and the amount of tax.
    """
    sums: dict[tuple[int, str], list[int]] = {}
    for line in lines:
        found = sums.setdefault((-line.tax_rate_ppm, _words(line)), [0, 0])
        found[0] += line.net_minor
        found[1] += line.tax_minor
    return [TaxSum(words, net, tax) for (_, words), (net, tax) in sorted(sums.items())]


def _words(line: DocumentLine) -> str:
    if line.tax_rate_ppm:
        return f"{percent(line.tax_rate_ppm)} %"
    if line.tax_minor:
        return "rate not told"
    if line.kind == DocumentLineKind.GIFT_CARD:
        return "gift cards, taxed when used"
    return "0 %"


def amount(minor: int, currency: str) -> str:
    """`123456, "EUR"` as `1234.56`."""
    return f"{Decimal(minor).scaleb(-EXPONENTS[currency]):f}"


def unit_price(line: DocumentLine, currency: str) -> str:
    """The net price of a piece; empty where there are no pieces.

    Rounded half to even where the line's sum, which is what counts, has no such price.
    """
    if line.quantity < 1:
        return ""
    exponent = EXPONENTS[currency]
    price = Decimal(line.net_minor) / line.quantity
    rounded = price.quantize(Decimal(1).scaleb(-MORE_DECIMALS))
    if rounded == rounded.to_integral_value():
        return amount(int(rounded), currency)
    return f"{rounded.scaleb(-exponent):f}".rstrip("0")
