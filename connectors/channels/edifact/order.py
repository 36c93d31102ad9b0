"""EDIFACT ORDERS messages as orders.

Source: UN/EDIFACT directories D.96A to D.01B, message ORDERS, and EANCOM's guide to it. What is
read: BGM, DTM, FTX, NAD groups, CUX, PAT, ALC groups, LIN groups, MOA, CNT.

- **Id.** A purchase order's number is unique only with who sends it: an order is known by sender
  (qualifier, id and internal address of UNB) and the number in BGM, joined by colons.
- **Version.** The minute at which the interchange was made (UNB, UTC, as it names no zone), and
  within it the interchange's control reference.
- **Currency.** CUX, which partners must send: none is taken for granted.
- **Total.** MOA+86, or else 128, 39 or 9, is the buyer's claim. Without it the claim is what the
  order itself adds up to: lines, ALC amounts and tax (MOA+176, or else 124, behind UNS).
- **Payment.** EDI orders are bought on account: one tender, an invoice, due as PAT says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from connectors.channels import mapping, people
from connectors.channels.edi.elements import amount, decimal, moment, text
from connectors.channels.edi.envelope import Fault
from connectors.channels.edi.order import joined
from connectors.channels.edifact import lines, reading
from connectors.channels.edifact.lines import DELIVERY, Group
from connectors.channels.edifact.reading import Party
from connectors.channels.edifact.syntax import Interchange, Message, Segment, fault
from connectors.channels.mapping import Rejected
from schemas import identifiers, money
from schemas.customers import Contact, Personal
from schemas.orders import CancelOrder, PlaceOrder, Tender
from schemas.payments import Method
from schemas.totals import recomputed_total

NAME = "edifact"
ORDER = "ORDERS"
_PLACES = frozenset({"", "5", "6", "7", "9", "31"})
"""1225: replacement, confirmation, duplicate, original and copy, which all tell it in full."""
_CANCELS = frozenset({"1", "3"})
_PROPOSED = "16"
_BLANKET = "221"
"""1001 of a blanket order, whose call-offs are orders of their own."""
_CLAIMS = ("86", "128", "39", "9")
_TAXES = ("176", "124")
_LINES, _PIECES = "2", "1"
_PLACED_AT = ("137", "4")
_LONGEST_TERMS_DAYS = 3650
_MINUTE_MS = 60_000
_MAXIMUM_ADDRESSES = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One message, and where it stands."""

    interchange: Interchange
    message: Message


@dataclass(slots=True)
class Parts:
    """A message by its sections."""

    heading: list[Segment] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    summary: list[Segment] = field(default_factory=list)

    def first(self, tag: str) -> Segment | None:
        """The first segment of the heading with a tag."""
        return next((one for one in self.heading if one.tag == tag), None)


def parts(message: Message) -> Parts:
    """The message between UNH and UNT, by its sections."""
    split = Parts()
    for segment in message.segments[1:]:
        if segment.tag == "UNS" or split.summary:
            split.summary.append(segment)
        elif segment.tag == "LIN":
            split.groups.append(Group(segment))
        elif segment.tag != "UNT":
            (split.groups[-1].rest if split.groups else split.heading).append(segment)
    return split


def number(found: Found) -> str:
    """The buyer's number of the order. Empty where the message has none."""
    beginning = next((one for one in found.message.segments if one.tag == "BGM"), None)
    return beginning.get(2) if beginning is not None else ""


def read(found: Found, raw_id: str) -> PlaceOrder | CancelOrder:
    """The order, or its cancellation. Raises Rejected."""
    head = found.message.head
    if head.get(2) != ORDER:
        raise fault("not_an_order", head, 2, f"names another message, and an order is {ORDER}")
    for broken in (found.message.fault, found.interchange.fault):
        if broken is not None:
            raise broken
    split = parts(found.message)
    beginning = split.heading[0] if split.heading else found.message.segments[-1]
    if beginning.tag != "BGM":
        raise fault("missing_field", beginning, 0, "stands where BGM must follow UNH")
    if not beginning.get(2):
        raise fault("missing_field", beginning, 2, "is missing or empty")
    try:
        names = [*found.interchange.sender(), found.interchange.head.get(2, 3), number(found)]
        order_id = identifiers.order_id(NAME, joined(names))
    except identifiers.InvalidIdentifier:
        what = "with the sender's name makes no identifier"
        raise fault("invalid_identifier", beginning, 2, what) from None
    if beginning.get(3) in _CANCELS:
        return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, _made_at(found))
    _check_kind(beginning)
    order = _placed(found, split, order_id, raw_id)
    _check_counts(split)
    return order


def _check_kind(beginning: Segment) -> None:
    if beginning.get(3) == _PROPOSED:
        raise fault("not_ready", beginning, 3, "says that the order is only proposed")
    if beginning.get(3) not in _PLACES:
        raise fault("not_an_order", beginning, 3, "is no function that places or cancels an order")
    if beginning.get(1) == _BLANKET:
        raise fault("not_an_order", beginning, 1, "is a blanket order, which is called off later")


def _placed(found: Found, split: Parts, order_id: str, raw_id: str) -> PlaceOrder:
    currency = _currency(split)
    if not split.groups:
        raise fault("missing_field", found.message.segments[-1], 0, "comes before any LIN")
    read_lines = lines.read(split.groups, currency)
    if len(read_lines.more_addresses) > _MAXIMUM_ADDRESSES:
        raise Rejected("too_large", "NAD", f"the order has over {_MAXIMUM_ADDRESSES} addresses")
    heading = reading.parties(split.heading)
    receiver = reading.first(heading, *DELIVERY) or reading.first(heading, "BY")
    ship_to = receiver.address() if receiver is not None else mapping.NOWHERE
    payer = reading.first(heading, "IV", "BY")
    billing = payer.address() if payer is not None else None
    costs = reading.charges(split.heading, currency, None)
    order = PlaceOrder(
        order_id=order_id,
        channel=NAME,
        external_id=number(found),
        version=_made_at(found) // _MINUTE_MS * _MINUTE_MS + _control(found),
        placed_at_ms=_placed_at(split),
        currency=currency,
        lines=read_lines.lines,
        discount_minor=costs.discount,
        shipping_minor=costs.shipping + read_lines.sums.shipping,
        tax_minor=costs.added + read_lines.sums.added + _tax(split, currency),
        total_minor=0,
        payment_method=Method.INVOICE,
        payment_token="",
        paid_minor=0,
        paid_currency=currency,
        ship_to=ship_to,
        backorder=False,
        raw_id=raw_id,
        tenders=[Tender("1", Method.INVOICE, 0, terms_days=_terms(split))],
        discounts=[*costs.discounts, *read_lines.sums.discounts][: mapping.MAXIMUM_LINES],
        more_addresses=read_lines.more_addresses,
        purchase_order_number=text(split.heading[0].at(2), 2),
        personal=people.written(
            Personal(
                contact(heading),
                [ship_to, *read_lines.more_addresses],
                billing,
                _note(split),
            )
        ),
        billing_country=billing.country if billing is not None else "",
    )
    return _with_total(order, split)


def contact(heading: list[Party]) -> Contact:
    """Whom the heading names, read leniently: the first contact with a telephone or an address."""
    name = phone = email = ""
    for segment in (one for party in heading for one in party.rest):
        if segment.tag == "CTA":
            name = name or segment.get(2, 2)
        elif segment.tag == "COM" and segment.get(1, 2) == "TE":
            phone = phone or segment.get(1)
        elif segment.tag == "COM" and segment.get(1, 2) == "EM":
            email = email or segment.get(1)
    buyer = reading.first(heading, "BY", "IV")
    longest = mapping.MAXIMUM_TEXT
    return Contact(
        name=name[:longest],
        company=buyer.name if buyer is not None else "",
        email=email[:longest],
        phone=phone[:longest],
        channel_customer_id=buyer.head.get(2)[:longest] if buyer is not None else "",
    )


def _with_total(order: PlaceOrder, split: Parts) -> PlaceOrder:
    """The order with its claim. Raises Rejected where there are two, or sums out of bounds."""
    sums = (order.discount_minor, order.shipping_minor, order.tax_minor)
    mapping.check_sum(sums, "ALC and TAX")
    mapping.check_sum((line.discount_minor for line in order.lines), "ALC")
    claims = _amounts(split, *_CLAIMS)
    if len({amount(one.at(1, 2), 1, order.currency) for one in claims}) > 1:
        raise fault("invalid_amount", claims[-1], 1, "differs from an earlier total", 2)
    total = amount(claims[0].at(1, 2), 1, order.currency) if claims else recomputed_total(order)
    if total < 0:
        last = split.groups[-1].head
        raise fault("invalid_amount", last, 0, "and what is before it is less than its discounts")
    mapping.check_sum((total,), "the order")
    return replace(order, total_minor=total)


def _amounts(split: Parts, *codes: str) -> list[Segment]:
    """The amounts behind UNS of the first kind that there is."""
    for code in codes:
        told = [one for one in split.summary if one.tag == "MOA" and one.get(1) == code]
        if told:
            return told
    return []


def _tax(split: Parts, currency: str) -> int:
    return sum(amount(one.at(1, 2), 1, currency) for one in _amounts(split, *_TAXES))


def _currency(split: Parts) -> str:
    """The currency in CUX. Raises Fault."""
    told = split.first("CUX")
    if told is None:
        beginning = split.heading[0]
        raise fault("missing_field", beginning, 0, "is followed by no CUX: no currency is named")
    currency = told.get(1, 2)
    if currency not in money.EXPONENTS:
        raise fault("unknown_currency", told, 1, "is not an ISO 4217 currency", 2)
    return currency


def _placed_at(split: Parts) -> int:
    for qualifier in _PLACED_AT:
        for one in split.heading:
            if one.tag == "DTM" and one.get(1) == qualifier:
                return reading.instant(one)
    what = "is followed by no DTM+137: nothing says when the order was made"
    raise fault("missing_field", split.heading[0], 0, what)


def _terms(split: Parts) -> int:
    """Days until the invoice is due, of PAT; 0 where it says none."""
    pat = split.first("PAT")
    if pat is None or pat.get(3, 3) != "D" or not pat.get(3, 4).isdigit():
        return 0
    return min(int(pat.get(3, 4)[:6]), _LONGEST_TERMS_DAYS)


def _note(split: Parts) -> str:
    told = (one.get(4, at) for one in split.heading if one.tag == "FTX" for at in range(1, 6))
    return "\n".join(filter(None, told))[: people.MAXIMUM_NOTE]


def _made_at(found: Found) -> int:
    """When the interchange was made, in epoch milliseconds. Raises Fault."""
    head = found.interchange.head
    made = moment(head.get(4), head.get(4, 2))
    if made is None:
        raise fault("invalid_time", head, 4, "is not when the interchange was made")
    return made


def _control(found: Found) -> int:
    reference = found.interchange.head.get(5)
    return int(reference) % _MINUTE_MS if reference.isascii() and reference.isdigit() else 0


def _check_counts(split: Parts) -> None:
    """Raises Fault where CNT does not count the lines, or is not the sum of their quantities."""
    for cnt in (one for one in split.summary if one.tag == "CNT"):
        if cnt.get(1) == _LINES and decimal(cnt.at(1, 2), 1) != len(split.groups):
            what = f"does not say {len(split.groups)}, which is how many LIN there are"
            raise fault("wrong_type", cnt, 1, what, 2)
        if cnt.get(1) == _PIECES:
            told = (lines.ordered(group).at(1, 2).get(1) for group in split.groups)
            if decimal(cnt.at(1, 2), 1) != sum(map(Decimal, told), Decimal(0)):
                raise fault("wrong_type", cnt, 1, "is not the sum of the quantities in QTY+21", 2)


def founds(interchanges: list[Interchange]) -> list[Found]:
    """Every message of a file."""
    return [Found(one, message) for one in interchanges for message in one.messages]


def none_in(interchange: Interchange) -> Fault:
    """What is said of an interchange without a message."""
    what = "begins an interchange without a message"
    return interchange.fault or fault("not_an_order", interchange.head, 0, what)
