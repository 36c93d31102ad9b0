"""Purchase order acknowledgements: what becomes of each line of an order, as an 855.

Source: ASC X12 855 (BAK, PO1, ACK, CTT) with data elements 353 (BAK01), 587 (BAK02) and 668
(ACK01).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from connectors.channels.edi import lines, order
from connectors.channels.edi.elements import day, pieces
from connectors.channels.edi.envelope import Fault, Interchange
from connectors.channels.edi.lines import Loop
from connectors.channels.edi.order import Found
from connectors.channels.edi.writing import Answer, Controls, Elements, written
from connectors.channels.mapping import Rejected
from schemas.orders import CancelOrder, PlaceOrder

_SHIPS_ON = "068"
"""ACK04: currently scheduled to ship."""
_NO_CHANGE, _CHANGED, _ALL_REJECTED = "AD", "AC", "RD"
_PLAIN, _REFUSED = "AK", "RJ"
"""BAK02 without detail."""


class LineStatus(StrEnum):
    """ACK01: what becomes of a line, or a part of one."""

    ACCEPTED = "IA"
    BACKORDERED = "IB"
    REJECTED = "IR"
    QUANTITY_CHANGED = "IQ"
    PRICE_CHANGED = "IP"
    DATE_RESCHEDULED = "DR"
    DELETED = "ID"
    SHIP_PARTLY = "BP"
    """a part is shipped, the rest is back-ordered"""


@dataclass(frozen=True, slots=True)
class LineAnswer:
    """What becomes of some pieces of a line."""

    status: LineStatus
    quantity: int | None = None
    """pieces; None for all that were ordered"""
    ships_on: date | None = None


_ALL = (LineAnswer(LineStatus.ACCEPTED),)
_NOT_COMING = frozenset({LineStatus.REJECTED, LineStatus.DELETED})


def purchase_order_acknowledgements(
    interchanges: Sequence[Interchange],
    answers: Mapping[str, Sequence[LineAnswer]],
    controls: Controls,
) -> list[str]:
    """The 855 that answer the orders of each interchange; control numbers count on.

    `answers` are by PO101 (or the line's place where it has none); what is not in there is accepted
    as ordered. An order that cannot be taken is rejected without detail; a cancellation is
    acknowledged. Sets that are no orders, or whose envelope is broken, are the 997's. Raises
    ValueError where `answers` names a line that no order has, or more pieces than it has.
    """
    unused = set(answers)
    replies = []
    for interchange in interchanges:
        groups = _groups(interchange, answers, unused, controls.at)
        if groups:
            replies.append(written(interchange, groups, controls))
            controls = replace(
                controls,
                interchange=controls.interchange + 1,
                group=controls.group + len(groups),
            )
    if unused:
        raise ValueError(f"there is no line {', '.join(sorted(unused))}")
    return replies


def takes(interchanges: Sequence[Interchange]) -> bool:
    """Whether each set of a file is an order that is taken, or a cancellation."""
    founds = order.founds(interchanges)
    return bool(founds) and all(_read(found) is not None for found in founds)


def _groups(
    interchange: Interchange,
    answers: Mapping[str, Sequence[LineAnswer]],
    unused: set[str],
    at: datetime,
) -> list[Answer]:
    groups: list[Answer] = []
    for found in order.founds([interchange]):
        try:
            order.check(found)
        except Rejected:
            continue
        body = _body(found, answers, unused, at)
        if body is None:
            continue
        if not groups or groups[-1].to is not found.group:
            groups.append(Answer("PR", "855", found.group))
        groups[-1].sets.append(body)
    return groups


def _read(found: Found) -> PlaceOrder | CancelOrder | None:
    try:
        return order.read(found, "")
    except Rejected:
        return None


def _body(
    found: Found, answers: Mapping[str, Sequence[LineAnswer]], unused: set[str], at: datetime
) -> list[Elements] | None:
    """An 855 without ST and SE; None for an order without a number."""
    split = order.parts(found.set)
    beg = split.first("BEG")
    if beg is None or not beg.get(3):
        return None
    placed = _read(found)
    if placed is None:
        return [_head(found, "00", _REFUSED, at)]
    if isinstance(placed, CancelOrder):
        return [_head(found, "01", _PLAIN, at)]
    body: list[Elements] = []
    told: list[LineAnswer] = []
    changed = False
    for number, loop in enumerate(split.loops, 1):
        name = lines.line_id(loop, str(number))
        unused.discard(name)
        of_line = answers.get(name, _ALL)
        told += of_line
        acknowledged, differs = _line(loop, name, of_line)
        changed = changed or differs
        body += acknowledged
    verdict = _CHANGED if changed else _NO_CHANGE
    if all(one.status in _NOT_COMING for one in told):
        verdict = _ALL_REJECTED
    return [_head(found, "00", verdict, at), *body, ("CTT", str(len(split.loops)))]


def _head(found: Found, purpose: str, verdict: str, at: datetime) -> Elements:
    """BAK. A purchase order whose date cannot be read is given that of the answer."""
    beg = next(segment for segment in found.set.segments if segment.id == "BEG")
    ordered = f"{at:%Y%m%d}"
    for position in (5, 6):
        try:
            day(beg, position)
        except Fault:
            continue
        ordered = beg.get(position)
        break
    return ("BAK", purpose, verdict, beg.get(3), ordered, beg.get(4))


def _line(loop: Loop, name: str, told: Sequence[LineAnswer]) -> tuple[list[Elements], bool]:
    """PO1 as it came with an ACK for each answer, and whether it is not all as ordered."""
    po1 = loop.head
    ordered = pieces(po1, 2)
    segments: list[Elements] = [("PO1", *(element.strip() for element in po1.elements))]
    total = 0
    for one in told:
        quantity = ordered if one.quantity is None else one.quantity
        total += quantity
        when = (_SHIPS_ON, f"{one.ships_on:%Y%m%d}") if one.ships_on is not None else ()
        segments.append(("ACK", one.status, str(quantity), po1.get(3) or "EA", *when))
        if quantity < 0:
            raise ValueError(f"line {name} is answered with less than no piece")
    if total > ordered:
        raise ValueError(f"line {name} has {ordered} pieces and is answered with {total}")
    accepted = all(one.status == LineStatus.ACCEPTED for one in told)
    return segments, not accepted or total != ordered
