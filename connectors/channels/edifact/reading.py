"""What stands in groups of segments: dates, parties, allowances and charges.

Source: UN/EDIFACT directories D.96A to D.01B, message ORDERS, segments DTM, NAD, CTA, COM, ALC,
MOA, PCD; code lists 2379 (formats of dates), 3035 (parties), 5025 (amounts), 7161 (services).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from connectors.channels import countries, mapping
from connectors.channels.edi.charges import Sums
from connectors.channels.edi.elements import amount, decimal, moment, text
from connectors.channels.edifact.syntax import Segment, fault
from schemas.orders import Address, Discount
from schemas.totals import rounded

_FORMATS = {"101": 6, "102": 8, "201": 6, "203": 8, "204": 8, "303": 8, "304": 8}
"""2379: how many digits of a value are its date; what follows is a time."""
_OF_A_PARTY = frozenset({"LOC", "FII", "RFF", "DTM", "DOC", "CTA", "COM"})
_OF_A_CHARGE = frozenset({"ALI", "DTM", "QTY", "RNG", "PCD", "MOA", "RTE", "TAX", "CUX"})
_CHARGED = frozenset({"8", "23", "204"})
"""5025: amount of an allowance or charge, of a charge, of an allowance."""
_FREIGHT = frozenset({"FC", "DL", "FI"})
"""7161 of what bringing the goods costs: freight, delivery."""
_HUNDRED = 100


@dataclass(slots=True)
class Party:
    """One NAD group."""

    head: Segment
    rest: list[Segment] = field(default_factory=list)

    @property
    def role(self) -> str:
        """3035, e.g. BY."""
        return self.head.get(1)

    @property
    def name(self) -> str:
        """C080, or else the first line of C058, or else the code by which partners know it."""
        names = [self.head.get(4, at) for at in range(1, 6)]
        whole = " ".join(filter(None, names)) or self.head.get(3) or self.head.get(2)
        return whole[: mapping.MAXIMUM_TEXT]

    def address(self) -> Address:
        """The address; a place that only has a code is named by it. Raises Fault."""
        streets = [self.head.get(5, at) for at in range(1, 5)]
        streets = [street for street in streets if street]
        if not streets:
            streets = [line for at in range(2, 6) if (line := self.head.get(3, at))]
        country = text(self.head.at(9), 9)
        return Address(
            name=self.name,
            line1="".join(streets[:1])[: mapping.MAXIMUM_TEXT],
            line2=", ".join(streets[1:])[: mapping.MAXIMUM_TEXT],
            city=text(self.head.at(6), 6),
            region=text(self.head.at(7), 7),
            postal_code=text(self.head.at(8), 8),
            country=countries.code(country.upper()) or countries.code(country),
            latitude=0.0,
            longitude=0.0,
        )


def parties(segments: Iterable[Segment]) -> list[Party]:
    """The NAD groups in a part of a message."""
    found: list[Party] = []
    inside = False
    for segment in segments:
        if segment.tag == "NAD":
            found.append(Party(segment))
            inside = True
        elif segment.tag not in _OF_A_PARTY:
            inside = False
        elif inside:
            found[-1].rest.append(segment)
    return found


def first(named: Sequence[Party], *roles: str) -> Party | None:
    """The first party in the first of some roles that there is; None where there is none."""
    return next((one for role in roles for one in named if one.role == role), None)


def instant(dtm: Segment) -> int:
    """The moment that a DTM tells, in epoch milliseconds. Raises Fault.

    EDIFACT names no time zone here; UTC is taken.
    """
    written = dtm.get(1, 2)
    length = _FORMATS.get(dtm.get(1, 3) or "102")
    if length is None:
        raise fault("invalid_time", dtm, 1, "is in a format of date that is not read", 3)
    clock = written[length : length + 6]
    found = moment(written[:length], clock if len(clock) >= len("HHMM") else "")
    if found is None:
        raise fault("invalid_time", dtm, 1, "is not a date between 1970 and 2200", 2)
    return found


def charges(
    segments: Sequence[Segment], currency: str, base_minor: int | None, line_id: str = ""
) -> Sums:
    """What the allowances and charges (ALC groups) among the segments come to. Raises Fault.

    A percentage is of `base_minor`; where that is None, as on top of a whole order, a percentage
    alone is refused, because of what is not said. One without any figure adds nothing.
    """
    found = Sums()
    for at, alc in enumerate(segments):
        if alc.tag != "ALC":
            continue
        minor = _figure(segments[at + 1 :], currency, base_minor)
        if alc.get(1) == "A":
            found.discount += minor
            name = alc.get(5, 4) or alc.get(5) or "allowance"
            found.discounts.append(Discount(name[: mapping.MAXIMUM_TEXT], minor, line_id))
        elif alc.get(1) != "C":
            raise fault("wrong_type", alc, 1, "is neither A nor C")
        elif alc.get(5) in _FREIGHT:
            found.shipping += minor
        else:
            found.added += minor
    return found


def _figure(behind: Sequence[Segment], currency: str, base_minor: int | None) -> int:
    percent: Segment | None = None
    for segment in behind:
        if segment.tag not in _OF_A_CHARGE:
            break
        if segment.tag == "MOA" and segment.get(1) in _CHARGED:
            return amount(segment.at(1, 2), 1, currency)
        if segment.tag == "PCD":
            percent = segment
    if percent is None:
        return 0
    if base_minor is None:
        what = "is a percentage alone, which does not tell the amount"
        raise fault("missing_field", percent, 1, what)
    numerator, denominator = decimal(percent.at(1, 2), 1).as_integer_ratio()
    return rounded(base_minor * numerator, denominator * _HUNDRED)
