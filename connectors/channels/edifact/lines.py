"""The lines of an order: LIN groups.

Source: UN/EDIFACT directories D.96A to D.01B, message ORDERS, segments LIN, PIA, IMD, QTY, PRI,
MOA; code lists 5125 (prices), 6063 (quantities), 7143 (kinds of article number).

A net price has the line's allowances in it, a gross price has not. A quantity counts what the
article's number names; nothing is converted, because only the catalogue knows what is in a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connectors.channels import mapping, shop_fields
from connectors.channels.edi.charges import Sums
from connectors.channels.edi.elements import amount, pieces, price
from connectors.channels.edifact.reading import charges, first, parties
from connectors.channels.edifact.syntax import Segment, fault
from schemas import identifiers
from schemas.orders import Address, LineKind, OrderLine
from schemas.totals import rounded

DELIVERY = ("DP", "ST", "UC", "CN")
"""3035: delivery party, ship to, ultimate consignee, consignee."""
_KINDS = ("SA", "MF", "SRV", "EN", "UP", "GU", "IB", "BP", "IN")
"""7143: which of a line's numbers is the SKU, the first that is there: the seller's own, the
maker's, a GTIN or ISBN, and only then what the buyer calls it."""
_NET = ("AAA", "NTP")
_GROSS = ("AAB", "GRP")
_ORDERED, _SPLIT = "21", "11"
_LINE_AMOUNT = "203"
_PER_PIECE = 1


@dataclass(slots=True)
class Group:
    """One LIN group."""

    head: Segment
    rest: list[Segment] = field(default_factory=list)

    def of(self, tag: str, *qualifiers: str) -> Iterator[Segment]:
        """The segments with a tag, and with one of some qualifiers if any are given."""
        return (
            one
            for one in self.rest
            if one.tag == tag and (not qualifiers or one.get(1) in qualifiers)
        )


@dataclass(slots=True)
class Lines:
    """What the lines come to together."""

    lines: list[OrderLine] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    """their charges and discounts; the discounts are in the lines too"""
    more_addresses: list[Address] = field(default_factory=list)


def read(groups: Sequence[Group], currency: str) -> Lines:
    """All lines. Raises Rejected."""
    found = Lines()
    for number, group in enumerate(groups, 1):
        _add(found, group, str(number), currency)
        if len(found.lines) > mapping.MAXIMUM_LINES:
            what = f"is beyond the {mapping.MAXIMUM_LINES} lines that an order may have"
            raise fault("too_large", group.head, 0, what)
    mapping.check_lines(found.lines, "LIN")
    return found


def ordered(group: Group) -> Segment:
    """The quantity that is ordered, QTY+21. Raises Fault where there is none, or several."""
    told = list(group.of("QTY", _ORDERED))
    if not told:
        raise fault("missing_field", group.head, 0, "has no quantity that is ordered (QTY+21)")
    if len(told) > 1:
        raise fault("invalid_quantity", told[1], 1, "is a second quantity of one line", 2)
    return told[0]


def _add(found: Lines, group: Group, number: str, currency: str) -> None:
    lin = group.head
    if lin.get(4):
        raise fault("wrong_type", lin, 4, "makes it a part of another line, which is not read")
    for split in group.of("QTY", _SPLIT):
        raise fault("wrong_type", split, 1, "divides its line among places, which is not read")
    name = _identifier(lin, 1, 1) if lin.get(1) else number
    quantity = pieces(ordered(group).at(1, 2), 1)
    unit, per, discount = _priced(found, group, quantity, currency, name)
    sku, title = _product(group)
    there = first(parties(group.rest), *DELIVERY)
    found.lines.append(
        OrderLine(
            line_id=name,
            sku=sku,
            quantity=quantity,
            unit_price_minor=unit,
            per=per,
            kind=LineKind.GOODS if sku else LineKind.CUSTOM,
            title=title,
            discount_minor=discount,
            address=_place(found, there.address()) if there is not None else 0,
        )
    )


def _priced(
    found: Lines, group: Group, quantity: int, currency: str, name: str
) -> tuple[int, int, int]:
    """Price in minor units, for how many units it is, and what is off the line."""
    whole = next(group.of("MOA", _LINE_AMOUNT), None)
    whole_minor = amount(whole.at(1, 2), 1, currency) if whole is not None else None
    net = next((pri for code in _NET for pri in group.of("PRI", code)), None)
    told = net or next((pri for code in _GROSS for pri in group.of("PRI", code)), None)
    if told is None:
        if whole_minor is None:
            what = "has neither a price (PRI+AAA, PRI+AAB) nor an amount (MOA+203)"
            raise fault("missing_field", group.head, 0, what)
        return *shop_fields.unit_price(whole_minor, quantity), 0
    basis = pieces(told.at(1, 5), 1) if told.get(1, 5) else _PER_PIECE
    unit, per = price(told.at(1, 2), 1, currency, basis)
    if net is not None:
        return unit, per, 0
    gross = rounded(quantity * unit, per)
    costs = charges(group.rest, currency, gross, name)
    found.sums.shipping += costs.shipping
    found.sums.added += costs.added
    found.sums.discounts += costs.discounts
    return unit, per, costs.discount


def _product(group: Group) -> tuple[str, str]:
    """SKU and title. Raises Fault where there is neither."""
    numbers: dict[str, tuple[Segment, int]] = {}
    if group.head.get(3):
        numbers[group.head.get(3, 2) or "EN"] = (group.head, 3)
    for pia in group.of("PIA"):
        for at in range(2, 7):
            if pia.get(at) and pia.get(at, 2):
                numbers.setdefault(pia.get(at, 2), (pia, at))
    described = [imd.get(3, at) for imd in group.of("IMD") for at in (4, 5) if imd.get(3, at)]
    title = " ".join(described)[: mapping.MAXIMUM_TEXT]
    for kind in _KINDS:
        if kind in numbers:
            segment, element = numbers[kind]
            return _identifier(segment, element, 1), title
    if not title:
        what = f"names no product: there is none of {', '.join(_KINDS)}, and no description"
        raise fault("missing_field", group.head, 3, what)
    return "", title


def _place(found: Lines, address: Address) -> int:
    """The number of an address among the order's, where it is added if it is new."""
    if address not in found.more_addresses:
        found.more_addresses.append(address)
    return found.more_addresses.index(address) + 1


def _identifier(segment: Segment, element: int, component: int) -> str:
    try:
        return identifiers.checked(segment.get(element, component), "")
    except identifiers.InvalidIdentifier as error:
        what = str(error).removeprefix(": ")
        raise fault("invalid_identifier", segment, element, what, component) from None
