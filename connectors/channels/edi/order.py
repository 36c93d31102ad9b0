"""X12 850 purchase orders as orders.

Source: ASC X12 850, releases 003040 to 008020, and the implementation guides that retailers
publish. What is read: BEG, CUR, CSH, SAC, TXI, ITD, TD5, N1 loops, PER, PO1 loops, CTT, AMT*TT.

- **Id.** A purchase order's number is unique only with who sends it, and a blanket order's releases
  share it. So an order is known by ISA05, ISA06, GS02, BEG03 and BEG04, joined by colons: what
  partners agree on once. N1*BY is not in it, because corrections change it.
- **Version.** The minute at which the group was made (GS04, GS05, or else ISA09, ISA10; UTC, as X12
  names no zone), and within it the interchange's control number.
- **Currency.** CUR02, or US dollars where there is no CUR: what partners in the US leave out.
- **Total.** AMT*TT is the buyer's claim. Without it the claim is what the order itself adds up to:
  lines, SAC and TXI amounts; then a mistake in them has nothing to be found by.
- **Payment.** EDI orders are bought on account: one tender, an invoice, due as ITD says.
- ISA15 (test or production) is not looked at: whoever feeds test files into a pipeline tests it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import unquote

from msgspec.structs import replace

from connectors.channels import mapping
from connectors.channels.edi import charges, lines, parties
from connectors.channels.edi.elements import (
    BAD_CODE,
    amount,
    day,
    decimal,
    moment,
    required,
    text,
)
from connectors.channels.edi.envelope import Fault, Group, Interchange, Segment, TransactionSet
from connectors.channels.edi.lines import Loop
from connectors.channels.mapping import Rejected
from schemas import identifiers, money
from schemas.orders import CancelOrder, PlaceOrder, Tender
from schemas.payments import Method
from schemas.totals import recomputed_total

NAME = "edi-x12"
DEFAULT_CURRENCY = "USD"
ORDER_SET, ORDER_GROUP = "850", "PO"

_PLACES = frozenset({"00", "05", "06", "07", "18"})
"""BEG01: original, replacement, confirmation, duplicate and reissue, which all tell it in full."""
_REPLACES = "05"
_CANCELS = frozenset({"01", "03"})
_DRAFTS = frozenset({"24", "34"})
_KINDS_WITHOUT_GOODS = {"BE": "an estimate of a blanket order", "CP": "a change, which is an 860"}
"""BEG02."""
_DROP_SHIP = "DS"
_BACK_ORDERS = "Y"
"""CSH01: back order what is out of stock."""
_LONGEST_TERMS_DAYS = 3650
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_MAXIMUM_ADDRESSES = 100
_HASH = 10**10
"""A hash total has ten digits; what is beyond is cut off on the left (X12, element 347)."""
_SET = re.compile(r"[0-9]{3}", re.ASCII)
_RESERVED = str.maketrans({"%": "%25", ":": "%3A", "|": "%7C"})
_NUMBER_AT = 3
"""Where BEG03 stands in what an order is known by: after ISA05, ISA06 and GS02."""


@dataclass(frozen=True, slots=True)
class Found:
    """One set, and where it stands."""

    interchange: Interchange
    group: Group
    set: TransactionSet


@dataclass(slots=True)
class Parts:
    """A set by its areas."""

    heading: list[Segment] = field(default_factory=list)
    loops: list[Loop] = field(default_factory=list)
    summary: list[Segment] = field(default_factory=list)

    def first(self, segment_id: str) -> Segment | None:
        """The first segment of the heading with an id."""
        return next((one for one in self.heading if one.id == segment_id), None)


def parts(found: TransactionSet) -> Parts:
    """The set between ST and SE, by its areas."""
    split = Parts()
    for segment in found.segments[1:]:
        if segment.id == "CTT" or split.summary:
            split.summary.append(segment)
        elif segment.id == "PO1":
            split.loops.append(Loop(segment))
        else:
            (split.loops[-1].rest if split.loops else split.heading).append(segment)
    return split


def number(found: Found) -> str:
    """The buyer's number of the order. Empty where the set has none."""
    beg = next((segment for segment in found.set.segments if segment.id == "BEG"), None)
    return beg.get(3) if beg is not None else ""


def qualified(found: Found) -> str:
    """The number with who sends it and its release, for buyers do not know of each other's
    numbers. Empty where the set has no number."""
    beg = next((segment for segment in found.set.segments if segment.id == "BEG"), None)
    if beg is None or not beg.get(3):
        return ""
    names = [*found.interchange.sender(), found.group.head.get(2), beg.get(3)]
    names += [beg.get(4)] if beg.get(4) else []
    return joined(names)


def joined(names: Sequence[str]) -> str:
    """Names that together name something, so that none of them can pass for two."""
    return ":".join(name.translate(_RESERVED) for name in names)


def buyers_number(qualified_number: str) -> str:
    """BEG03 out of what `qualified` gives; what has another form as it is."""
    names = qualified_number.split(":")
    return unquote(names[_NUMBER_AT]) if len(names) > _NUMBER_AT else qualified_number


def customer_id(found: Found) -> str:
    """Who buys, as the channel knows them: the sender, but nobody where it ships to consumers,
    each of whom is a customer of their own."""
    beg = next((segment for segment in found.set.segments if segment.id == "BEG"), None)
    if beg is None or beg.get(2) == _DROP_SHIP:
        return ""
    return ":".join(part.translate(_RESERVED) for part in found.interchange.sender())


def check(found: Found) -> None:
    """Raises Fault where the set, or an envelope around it, is broken, or it is no order."""
    # The innermost first: it is the cause where a lost terminator swallows the trailers around it.
    for fault in (found.set.fault, found.group.fault, found.interchange.fault):
        if fault is not None:
            raise fault
    head = found.set.head
    if head.get(1) != ORDER_SET:
        what = f"a set {head.get(1)}" if _SET.fullmatch(head.get(1)) else "another set"
        raise Fault("not_an_order", head, 1, f"names {what}, and an order is an {ORDER_SET}", "1")
    if found.group.head.get(1) != ORDER_GROUP:
        what = f"is not {ORDER_GROUP}, although the group has a set {ORDER_SET}"
        raise Fault("wrong_type", found.group.head, 1, what)


def read(found: Found, raw_id: str) -> PlaceOrder | CancelOrder:
    """The order, or its cancellation. Raises Rejected."""
    check(found)
    split = parts(found.set)
    beg = split.heading[0] if split.heading else found.set.segments[-1]
    if beg.id != "BEG":
        raise Fault("missing_field", beg, 0, "stands where BEG must follow ST", "3")
    required(beg, 3)
    try:
        order_id = identifiers.order_id(NAME, qualified(found))
    except identifiers.InvalidIdentifier:
        what = "with the sender's name makes no identifier"
        raise Fault("invalid_identifier", beg, 3, what) from None
    purpose = required(beg, 1)
    if purpose in _CANCELS:
        return CancelOrder(order_id, mapping.CANCELLED_AT_CHANNEL, _made_at(found))
    _check_kind(beg, purpose)
    order = _placed(found, split, order_id, raw_id)
    _check_counts(split)
    return order


def _check_kind(beg: Segment, purpose: str) -> None:
    if purpose in _DRAFTS:
        raise Fault("not_ready", beg, 1, "says that the order is a draft")
    if purpose not in _PLACES:
        raise Fault("not_an_order", beg, 1, "is no purpose that places or cancels an order")
    if purpose != _REPLACES and beg.get(2) in _KINDS_WITHOUT_GOODS:
        raise Fault("not_an_order", beg, 2, f"is {_KINDS_WITHOUT_GOODS[beg.get(2)]}")


def _placed(found: Found, split: Parts, order_id: str, raw_id: str) -> PlaceOrder:
    beg = split.heading[0]
    currency = _currency(split)
    heading = parties.loops(split.heading)
    if not split.loops:
        raise Fault("missing_field", found.set.segments[-1], 0, "comes before any PO1", "3")
    read = lines.read(split.loops, currency, heading)
    if len(read.more_addresses) > _MAXIMUM_ADDRESSES:
        raise Rejected("too_large", "N1", f"the order has over {_MAXIMUM_ADDRESSES} addresses")
    costs = charges.sums([*split.heading, *split.summary], currency)
    receiver = parties.first(heading, parties.SHIP_TO)
    ship_to = receiver.address() if receiver is not None else mapping.NOWHERE
    payer = parties.first(heading, parties.BILL_TO) or parties.first(heading, parties.BUYER)
    placed_at_ms = day(beg, 6 if _old_beg(beg) else 5)
    csh = split.first("CSH")
    order = PlaceOrder(
        order_id=order_id,
        channel=NAME,
        external_id=number(found),
        version=_made_at(found) // _MINUTE_MS * _MINUTE_MS + _control(found),
        placed_at_ms=placed_at_ms,
        currency=currency,
        lines=read.lines,
        discount_minor=costs.discount,
        shipping_minor=costs.shipping + read.sums.shipping,
        tax_minor=costs.added + read.sums.added,
        total_minor=0,
        payment_method=Method.INVOICE,
        payment_token="",
        paid_minor=0,
        paid_currency=currency,
        ship_to=ship_to,
        backorder=csh is not None and csh.get(1) == _BACK_ORDERS,
        raw_id=raw_id,
        tenders=[Tender("1", Method.INVOICE, 0, terms_days=_terms(split, placed_at_ms))],
        discounts=[*costs.discounts, *read.sums.discounts][: mapping.MAXIMUM_LINES],
        shipping_method=_carrier(split),
        more_addresses=read.more_addresses,
        purchase_order_number=text(beg, 3),
        personal=parties.personal(
            split.heading, [ship_to, *read.more_addresses], read.wishes, customer_id(found)
        ),
        billing_country=payer.address().country if payer is not None else "",
    )
    return _with_total(order, split)


def _with_total(order: PlaceOrder, split: Parts) -> PlaceOrder:
    """The order with its claim. Raises Rejected where there are two, or sums out of bounds."""
    sums = (order.discount_minor, order.shipping_minor, order.tax_minor)
    mapping.check_sum(sums, "SAC and TXI")
    mapping.check_sum((line.discount_minor for line in order.lines), "SAC")
    claims = [
        (segment, amount(segment, 2, order.currency))
        for segment in _everything(split)
        if segment.id == "AMT" and segment.get(1) == "TT"
    ]
    if len({minor for _, minor in claims}) > 1:
        raise Fault("invalid_amount", claims[-1][0], 2, "differs from an earlier total")
    total = claims[0][1] if claims else recomputed_total(order)
    if total < 0:
        last = split.loops[-1].head
        raise Fault("invalid_amount", last, 0, "and what is before it is less than its discounts")
    mapping.check_sum((total,), "the order")
    return replace(order, total_minor=total)


def _everything(split: Parts) -> list[Segment]:
    within = [segment for loop in split.loops for segment in loop.rest]
    return [*split.heading, *within, *split.summary]


def _currency(split: Parts) -> str:
    """CUR02 of the heading, with which a line's own must agree. Raises Fault."""
    told = split.first("CUR")
    currency = required(told, 2) if told is not None else DEFAULT_CURRENCY
    if told is not None and currency not in money.EXPONENTS:
        raise Fault("unknown_currency", told, 2, "is not an ISO 4217 currency", BAD_CODE)
    for segment in _everything(split):
        if segment.id == "CUR" and segment.get(2) != currency:
            raise Fault("wrong_type", segment, 2, "is another currency than the order's")
    return currency


def _terms(split: Parts, placed_at_ms: int) -> int:
    """Days until the invoice is due: ITD07, or until ITD06; 0 where ITD does not say."""
    longest = 0
    for itd in (segment for segment in split.heading if segment.id == "ITD"):
        if itd.get(7):
            days = decimal(itd, 7)
        elif itd.get(6):
            days = Decimal(max(0, (day(itd, 6) - placed_at_ms) // _DAY_MS))
        else:
            continue
        if days != int(days) or days > _LONGEST_TERMS_DAYS:
            at = 7 if itd.get(7) else 6
            raise Fault("invalid_quantity", itd, at, f"is not 0 to {_LONGEST_TERMS_DAYS} days")
        longest = max(longest, int(days))
    return longest


def _carrier(split: Parts) -> str:
    """How the buyer wants it sent: TD505, else the service level, else the carrier's code."""
    td5 = split.first("TD5")
    return "" if td5 is None else text(td5, 5) or text(td5, 12) or text(td5, 3)


def _old_beg(beg: Segment) -> bool:
    """Before BEG was made anew in 003040, a change's number stood where the date is now."""
    return moment(beg.get(5)) is None and moment(beg.get(6)) is not None


def _made_at(found: Found) -> int:
    """When the group was made, in epoch milliseconds. Raises Fault."""
    gs, isa = found.group.head, found.interchange.head
    made = moment(gs.get(4), gs.get(5)) or moment(isa.get(9), isa.get(10))
    if made is None:
        raise Fault("invalid_time", gs, 4, "with GS05 is not when the group was made")
    return made


def _control(found: Found) -> int:
    number = found.interchange.head.get(13)
    return int(number) % _MINUTE_MS if number.isascii() and number.isdigit() else 0


def _check_counts(split: Parts) -> None:
    """Raises Fault where CTT does not count the lines, or its hash total is not their sum."""
    for ctt in (segment for segment in split.summary if segment.id == "CTT"):
        if ctt.get(1) and decimal(ctt, 1) != len(split.loops):
            what = f"does not say {len(split.loops)}, which is how many PO1 there are"
            raise Fault("wrong_type", ctt, 1, what)
        if not ctt.get(2):
            continue
        total = sum((Decimal(loop.head.get(2)) for loop in split.loops), Decimal(0))
        if decimal(ctt, 2) % _HASH != total % _HASH:
            what = "is not the sum of the quantities in PO102"
            raise Fault("wrong_type", ctt, 2, what)


def founds(interchanges: Sequence[Interchange]) -> list[Found]:
    """Every set of a file."""
    return [
        Found(interchange, group, each)
        for interchange in interchanges
        for group in interchange.groups
        for each in group.sets
    ]
