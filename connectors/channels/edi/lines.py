"""The lines of an order: PO1 loops.

Source: ASC X12 850, loop PO1 (PO1, CTP, PID, SDQ, SLN, N1) and data elements 235 (product
qualifiers), 355 (units) and 639 (basis of unit price).

A quantity counts units of PO103, whatever that is, of the product that PO1 names: five cases of a
case's SKU are five. Nothing is converted, because only the catalogue knows what is in a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.channels import mapping
from connectors.channels.edi import parties
from connectors.channels.edi.charges import Sums, sums
from connectors.channels.edi.elements import MISSING, pieces, price, required, text
from connectors.channels.edi.envelope import Fault, Segment
from connectors.channels.edi.parties import Party
from schemas import identifiers
from schemas.customers import Personalisation
from schemas.orders import Address, LineKind, OrderLine
from schemas.totals import allocate

SKU_QUALIFIERS = ("VP", "VN", "VC", "VA", "SK", "MG", "MF", "UP", "EN", "UK", "UA", "UI", "IN",
                  "BP", "CB", "PI")  # fmt: skip
"""Which of a line's numbers is the SKU, the first that is there: the seller's own (vendor's part,
item and catalogue number, style), the stock keeping unit, the maker's part number, a GTIN (U.P.C.,
EAN, 14 digits, case), and only then what the buyer calls it."""
_TITLES = ("PD", "GE")
_FIRST_PAIR, _LAST_PAIR = 6, 24

_PER = {
    10: "PN", 12: "PD LD RD TD WD", 100: "HP LC QH RC TC WC", 1000: "TP LM QS RM TM WM",
    10_000: "TT", 100_000: "HT",
}  # fmt: skip
_UNITS = {code: units for units, codes in _PER.items() for code in codes.split()}
_MEASURED = frozenset({"HF", "TF", "PS", "PA", "PF", "PG", "PK", "PL", "PO", "PP", "PT", "PY", "ML",
                       "P1", "P2", "P3", "P4", "P5", "P6", "P7"})  # fmt: skip
"""Bases that are weights, lengths and the like; fine where the quantity is in the same."""
_SAME_MEASURE = {("PP", "LB"), ("PK", "KG"), ("PG", "GR"), ("PL", "LT"), ("PO", "OZ"),
                 ("PF", "FT"), ("PY", "YD"), ("PT", "TN"), ("ML", "ML")}  # fmt: skip
_OPEN = frozenset({"TB", "NQ"})
_RETAIL = frozenset({"MSR", "RTL", "RES", "SRP", "MAP"})
"""CTP02 of prices that the consumer pays and not the buyer."""
_STORES = range(3, 23, 2)
_SPLIT = frozenset({"A", "S"})
"""SLN03: a part that is added to, or taken from, its line, with a price of its own."""


@dataclass(slots=True)
class Loop:
    """One PO1 loop."""

    head: Segment
    rest: list[Segment] = field(default_factory=list)

    def of(self, segment_id: str) -> Iterator[Segment]:
        """The segments with an id."""
        return (segment for segment in self.rest if segment.id == segment_id)


@dataclass(slots=True)
class Lines:
    """What the lines come to together."""

    lines: list[OrderLine] = field(default_factory=list)
    sums: Sums = field(default_factory=Sums)
    """their charges and discounts; the discounts are in the lines too"""
    more_addresses: list[Address] = field(default_factory=list)
    wishes: list[Personalisation] = field(default_factory=list)


def read(loops: Sequence[Loop], currency: str, heading: Sequence[Party]) -> Lines:
    """All lines, checked against each other. Raises Rejected."""
    found = Lines()
    places = _places(heading)
    for number, loop in enumerate(loops, 1):
        _add(found, loop, str(number), currency, places)
    mapping.check_lines(found.lines, "PO1")
    return found


def line_id(loop: Loop, number: str) -> str:
    """PO101, or the place of a line that has none. Raises Fault."""
    return _identifier(loop.head, 1) if loop.head.get(1) else number


def _add(found: Lines, loop: Loop, number: str, currency: str, places: Mapping[str, Party]) -> None:
    po1 = loop.head
    name = line_id(loop, number)
    for sln in loop.of("SLN"):
        if sln.get(3) in _SPLIT:
            what = "is a part with a price of its own, and such lines cannot be taken"
            raise Fault("wrong_type", sln, 3, what)
    quantity = pieces(po1, 2)
    minor, per = _price(loop, currency)
    costs = sums(loop.rest, currency, name)
    sku, title = _product(loop)
    found.wishes += [
        Personalisation(name, "text", parties.words(one))
        for one in loop.rest
        if parties.is_text(one)
    ]
    found.sums.shipping += costs.shipping
    found.sums.added += costs.added
    found.sums.discounts += costs.discounts
    destinations = _destinations(found, loop, quantity, places)
    discounts = allocate(costs.discount, [pieces_there for _, pieces_there in destinations])
    for place, (address, pieces_there) in enumerate(destinations):
        found.lines.append(
            OrderLine(
                line_id=name if not place else f"{name}.{place + 1}",
                sku=sku,
                quantity=pieces_there,
                unit_price_minor=minor,
                per=per,
                kind=LineKind.GOODS if sku else LineKind.CUSTOM,
                title=title,
                discount_minor=discounts[place],
                address=address,
            )
        )
        if len(found.lines) > mapping.MAXIMUM_LINES:
            what = f"is beyond the {mapping.MAXIMUM_LINES} lines that an order may have"
            raise Fault("too_large", po1, 0, what)


def _price(loop: Loop, currency: str) -> tuple[int, int]:
    """Minor units, and for how many units: PO104, or else the one price in CTP."""
    po1 = loop.head
    basis, unit = po1.get(5), po1.get(3)
    if basis in _OPEN or (basis in _MEASURED and (basis, unit) not in _SAME_MEASURE):
        what = "names a basis by which the price of one unit is not known"
        raise Fault("invalid_amount", po1, 5, what)
    if po1.get(4):
        return price(po1, 4, currency, _UNITS.get(basis, 1))
    if basis == "NC":
        return 0, 1
    told = {
        price(ctp, 3, currency, _UNITS.get(ctp.get(9), 1))
        for ctp in loop.of("CTP")
        if ctp.get(3) and ctp.get(2) not in _RETAIL and ctp.get(9) not in _MEASURED
    }
    if len(told) != 1:
        raise Fault("missing_field", po1, 4, "is missing or empty", MISSING)
    return told.pop()


def _product(loop: Loop) -> tuple[str, str]:
    """SKU and title. Raises Fault where there is neither."""
    po1 = loop.head
    pairs: dict[str, int] = {}
    for at in range(_FIRST_PAIR, _LAST_PAIR + 1, 2):
        if po1.get(at) and po1.get(at + 1):
            pairs.setdefault(po1.get(at), at + 1)
    title = " ".join(text(pid, 5) for pid in loop.of("PID") if pid.get(5))
    title = title or next((text(po1, pairs[one]) for one in _TITLES if one in pairs), "")
    title = title[: mapping.MAXIMUM_TEXT]
    for qualifier in SKU_QUALIFIERS:
        if qualifier in pairs:
            return _identifier(po1, pairs[qualifier]), title
    if not title:
        what = f"names no product: there is none of {', '.join(SKU_QUALIFIERS)}, and no PID"
        raise Fault("missing_field", po1, _FIRST_PAIR, what, "2")
    return "", title


def _destinations(
    found: Lines, loop: Loop, quantity: int, places: Mapping[str, Party]
) -> list[tuple[int, int]]:
    """Addresses of the order and how many pieces go there: as SDQ says, or one."""
    own = parties.loops(loop.rest)
    stores = [
        (sdq, at) for sdq in loop.of("SDQ") for at in _STORES if sdq.get(at) or sdq.get(at + 1)
    ]
    if not stores:
        there = parties.first(own, parties.SHIP_TO)
        return [(_address(found, there) if there is not None else 0, quantity)]
    if len(stores) > mapping.MAXIMUM_LINES:
        what = f"is beyond the {mapping.MAXIMUM_LINES} lines that an order may have"
        raise Fault("too_large", stores[-1][0], 0, what)
    known = {**places, **_places(own)}
    split = []
    for sdq, at in stores:
        party = known.get(required(sdq, at))
        if party is None:
            what = "is a store whose address is in no N1 loop of the order"
            raise Fault("incomplete", sdq, at, what)
        split.append((_address(found, party), pieces(sdq, at + 1)))
    total = sum(there for _, there in split)
    if total != quantity:
        what = f"is not what goes to the stores of SDQ, which are {total} pieces"
        raise Fault("invalid_quantity", loop.head, 2, what)
    return split


def _places(named: Sequence[Party]) -> dict[str, Party]:
    """The parties that have an address, by what the partners call them."""
    return {party.code: party for party in named if party.code and party.located()}


def _address(found: Lines, party: Party) -> int:
    """The number of a party's address among the order's, where it is added if it is new."""
    address = party.address()
    if address not in found.more_addresses:
        found.more_addresses.append(address)
    return found.more_addresses.index(address) + 1


def _identifier(segment: Segment, position: int) -> str:
    try:
        return identifiers.checked(required(segment, position), "")
    except identifiers.InvalidIdentifier as error:
        what = str(error).removeprefix(": ")
        raise Fault("invalid_identifier", segment, position, what, "5") from None
