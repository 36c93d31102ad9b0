"""Who an order names: N1 loops with their addresses, and PER contacts.

Source: ASC X12 850, loop N1 (N1, N2, N3, N4, PER) in the heading and in the PO1 loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from connectors.channels import countries, mapping, people
from connectors.channels.edi.elements import text
from connectors.channels.edi.envelope import Segment
from schemas.customers import Contact, Personal, Personalisation
from schemas.orders import Address

SHIP_TO, BILL_TO, BUYER = "ST", "BT", "BY"
"""N101, entity identifier codes."""
_PAIRS = (3, 5, 7)
"""Where PER has the kind of a number, which follows it."""
_TEXT_OF = {"MSG": 1, "NTE": 2, "MTX": 2}
_OF_A_LOOP = frozenset({"N2", "N3", "N4", "PER", "REF", "SI", "FOB", "TD1", "TD5", "TD3", "TD4"})


@dataclass(slots=True)
class Party:
    """One N1 loop."""

    head: Segment
    rest: list[Segment] = field(default_factory=list)

    @property
    def role(self) -> str:
        """N101, e.g. ST."""
        return self.head.get(1)

    @property
    def code(self) -> str:
        """N104: what the partners call the place; empty where they spell it out."""
        return self.head.get(4)

    def located(self) -> bool:
        """There is a street or a town, not only a code."""
        return any(one.id in {"N3", "N4"} for one in self.rest)

    def address(self) -> Address:
        """The address; a place that only has a code is named by it. Raises Fault."""
        names = [text(self.head, 2)]
        lines = []
        place = Segment("N4", (), 0)
        for one in self.rest:
            if one.id == "N2":
                names += [text(one, 1), text(one, 2)]
            elif one.id == "N3":
                lines += [text(one, 1), text(one, 2)]
            elif one.id == "N4":
                place = one
        names = [name for name in names if name]
        lines = [line for line in lines if line]
        return Address(
            name=names[0] if names else text(self.head, 4),
            line1=lines[0] if lines else "",
            line2=", ".join([*lines[1:], *names[1:]])[: mapping.MAXIMUM_TEXT],
            city=text(place, 1),
            region=text(place, 2),
            postal_code=text(place, 3),
            country=countries.code(text(place, 4).upper()) or countries.code(text(place, 4)),
            latitude=0.0,
            longitude=0.0,
        )


def loops(segments: Sequence[Segment]) -> list[Party]:
    """The N1 loops in a part of a set."""
    found: list[Party] = []
    inside = False
    for segment in segments:
        if segment.id == "N1":
            found.append(Party(segment))
            inside = True
        elif segment.id not in _OF_A_LOOP:
            inside = False
        elif inside:
            found[-1].rest.append(segment)
    return found


def first(parties: Sequence[Party], role: str) -> Party | None:
    """The first party in a role; None where there is none."""
    return next((party for party in parties if party.role == role), None)


def contact(heading: Sequence[Segment], customer_id: str) -> Contact:
    """Whom the heading names, read leniently: the first PER with a telephone or mail address, the
    company of who buys, the name of who receives."""
    parties = loops(heading)
    receiver, buyer = first(parties, SHIP_TO), first(parties, BUYER) or first(parties, BILL_TO)
    name = phone = email = ""
    for per in (segment for segment in heading if segment.id == "PER"):
        numbers = {per.get(at): per.get(at + 1) for at in _PAIRS if per.get(at)}
        phone = phone or numbers.get("TE", "")
        email = email or numbers.get("EM", "")
        name = name or (per.get(2) if numbers else "")
    if not name and receiver is not None:
        name = receiver.head.get(2)
    longest = mapping.MAXIMUM_TEXT
    return Contact(
        name=name[:longest],
        company=buyer.head.get(2)[:longest] if buyer is not None else "",
        email=email[:longest],
        phone=phone[:longest],
        channel_customer_id=customer_id,
    )


def personal(
    heading: Sequence[Segment],
    addresses: list[Address],
    wishes: list[Personalisation],
    customer_id: str,
) -> bytes:
    """PlaceOrder.personal in clear. Free text (MSG, MTX, NTE) of the heading is its note."""
    payer = first(loops(heading), BILL_TO)
    note = "\n".join(segment.get(_TEXT_OF[segment.id]) for segment in heading if is_text(segment))
    return people.written(
        Personal(
            contact=contact(heading, customer_id),
            addresses=addresses,
            billing=payer.address() if payer is not None else None,
            note=note[: people.MAXIMUM_NOTE],
            personalisation=wishes,
        )
    )


def is_text(segment: Segment) -> bool:
    """The segment is free text."""
    return segment.id in _TEXT_OF and bool(segment.get(_TEXT_OF[segment.id]))


def words(segment: Segment) -> str:
    """What a segment of free text says."""
    return segment.get(_TEXT_OF[segment.id])[: mapping.MAXIMUM_TEXT]
