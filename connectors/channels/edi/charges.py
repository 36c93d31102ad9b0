"""Allowances, charges and taxes of an order or a line: SAC and TXI.

Source: ASC X12 850, segments SAC (SAC01 indicator, SAC02 code, SAC05 amount of type N2, SAC07
percent, SAC08 rate, SAC12 method of handling) and TXI (TXI02 amount, TXI07 relationship).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from connectors.channels.edi.elements import BAD_CODE, MISSING, amount, hundredths, text
from connectors.channels.edi.envelope import Fault, Segment
from schemas.orders import Discount

_ALLOWANCE, _CHARGE = "A", "C"
_INDICATORS = frozenset({_ALLOWANCE, _CHARGE, "N", "P", "Q", "R", "S"})
"""N is neither; promotions (P) and requests (Q, R, S) change no price either."""
_SETTLED_APART = frozenset({"01", "03", "04", "05", "15"})
"""SAC12: billed back, by the vendor's cheque, credited, paid by the vendor, for information."""
_FREIGHT = frozenset({"D240", "D500", "D980", "G821", "G830", "G840", "I170", "I530"})
"""SAC02 of what bringing the goods costs: freight, handling, insurance, shipping."""
_INFORMATION = "O"
"""TXI07: the tax is within the prices, or only told."""


@dataclass(slots=True)
class Sums:
    """What some SAC and TXI come to, in minor units."""

    discount: int = 0
    shipping: int = 0
    added: int = 0
    """tax, fees and every charge that is not shipping"""
    discounts: list[Discount] = field(default_factory=list)


def sums(segments: Iterable[Segment], currency: str, line_id: str = "") -> Sums:
    """What the SAC and TXI among the segments come to. Raises Fault.

    A charge without any figure (`SAC*C*H750`) is one that is yet to be told and adds nothing. One
    that is told as a percentage or a rate alone is refused, because of what is not said. A tax
    rate without an amount (TXI03) is for the invoice.
    """
    found = Sums()
    for segment in segments:
        if segment.id == "SAC":
            _add(found, segment, currency, line_id)
        elif segment.id == "TXI" and segment.get(2) and segment.get(7) != _INFORMATION:
            found.added += amount(segment, 2, currency)
    return found


def _add(found: Sums, sac: Segment, currency: str, line_id: str) -> None:
    indicator = sac.get(1)
    if indicator not in _INDICATORS:
        raise Fault("wrong_type", sac, 1, "is neither A nor C nor another indicator", BAD_CODE)
    if indicator not in {_ALLOWANCE, _CHARGE} or sac.get(12) in _SETTLED_APART:
        return
    if not sac.get(5):
        if sac.get(7) or sac.get(8):
            what = "is missing, and a percentage or rate alone does not tell the amount"
            raise Fault("missing_field", sac, 5, what, MISSING)
        return
    minor = hundredths(sac, 5, currency)
    if indicator == _ALLOWANCE:
        found.discount += minor
        found.discounts.append(Discount(text(sac, 15) or text(sac, 2), minor, line_id))
    elif sac.get(2) in _FREIGHT:
        found.shipping += minor
    else:
        found.added += minor
