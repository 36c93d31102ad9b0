"""Acknowledgements of what came: TA1 for an interchange, 997 for its groups and sets.

Source: ASC X12 TA1 and 997 (AK1, AK2, AK3, AK4, AK5, AK9) with data elements 618 (TA105), 716
(AK905), 718 (AK502), 720 (AK304) and 723 (AK403). A 997 tells of syntax: an order whose quantity
is no whole number of pieces is syntactically accepted; the 855 says that it is not taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from connectors.channels.edi import order
from connectors.channels.edi.envelope import Fault, Group, Interchange, TransactionSet
from connectors.channels.edi.order import Found
from connectors.channels.edi.writing import Answer, Controls, Elements, written
from connectors.channels.mapping import Rejected

ACKNOWLEDGEMENTS = "FA"
"""GS01 of groups of 997, which are never acknowledged themselves."""
_ACCEPTED, _PARTLY, _REJECTED = "A", "P", "R"
_NOT_SUPPORTED, _SEGMENTS_IN_ERROR, _ELEMENT_ERRORS = "1", "5", "8"
_WANTED = "1"
"""ISA14: the sender wants a TA1."""
_LONGEST_COPY = 99
_REFERENCES = {
    ("BEG", 1): "353", ("BEG", 3): "324", ("BEG", 5): "373", ("BEG", 6): "373",
    ("CUR", 2): "100", ("SAC", 1): "248", ("SAC", 5): "610", ("TXI", 2): "782",
    ("ITD", 6): "446", ("ITD", 7): "386", ("PO1", 1): "350", ("PO1", 2): "330",
    ("PO1", 4): "212", ("PO1", 6): "235", ("CTP", 3): "212", ("SDQ", 4): "380",
    ("AMT", 2): "782", ("CTT", 1): "354", ("CTT", 2): "347",
}  # fmt: skip
"""AK402: how the dictionary of data elements calls what is at fault."""


def acknowledgements(interchanges: Sequence[Interchange], controls: Controls) -> list[str]:
    """The answer to each interchange that needs one; control numbers count on from `controls`.

    An interchange with a broken envelope gets a TA1 that rejects it and nothing else; one whose ISA
    cannot be read gets nothing, as it does not say whose it is. Raises ValueError, see `written`.
    """
    answers = []
    for interchange in interchanges:
        groups = [] if interchange.fault is not None else _groups(interchange)
        reports: list[Elements] = []
        if interchange.fault is not None or interchange.head.get(14) == _WANTED:
            reports = [_report(interchange)]
        if interchange.head.elements and (groups or reports):
            answers.append(written(interchange, groups, controls, reports))
            controls = replace(
                controls,
                interchange=controls.interchange + 1,
                group=controls.group + len(groups),
            )
    return answers


def accepts(interchanges: Sequence[Interchange]) -> bool:
    """Whether nothing of a file is rejected."""
    return all(
        interchange.fault is None
        and all(
            group.fault is None
            and all(_of_set(Found(interchange, group, each))[1] for each in group.sets)
            for group in interchange.groups
            if group.head.get(1) != ACKNOWLEDGEMENTS
        )
        for interchange in interchanges
    )


def _report(interchange: Interchange) -> Elements:
    isa, fault = interchange.head, interchange.fault
    code = "000" if fault is None else fault.code or "022"
    verdict = _ACCEPTED if fault is None else _REJECTED
    return ("TA1", isa.get(13), isa.get(9), isa.get(10), verdict, code)


def _groups(interchange: Interchange) -> list[Answer]:
    return [
        Answer(ACKNOWLEDGEMENTS, "997", group, [_of_group(interchange, group)])
        for group in interchange.groups
        if group.head.get(1) != ACKNOWLEDGEMENTS
    ]


def _of_group(interchange: Interchange, group: Group) -> list[Elements]:
    """The body of the 997 about one group."""
    gs = group.head
    body: list[Elements] = [("AK1", gs.get(1), gs.get(6), gs.get(8))]
    accepted = 0
    for each in group.sets:
        report, good = _of_set(Found(interchange, group, each))
        body += report
        accepted += good
    verdict = _ACCEPTED if accepted == len(group.sets) else _PARTLY if accepted else _REJECTED
    code = ""
    if group.fault is not None:
        verdict, code, accepted = _REJECTED, group.fault.code, 0
    told = group.trailer.get(1) if group.trailer is not None else ""
    included = told if told.isdigit() else str(len(group.sets))
    body.append(("AK9", verdict, included, str(len(group.sets)), str(accepted), code))
    return body


def _of_set(found: Found) -> tuple[list[Elements], bool]:
    """AK2 to AK5 about a set, and whether it is accepted."""
    each = found.set
    body: list[Elements] = [("AK2", each.head.get(1), each.head.get(2))]
    if each.fault is not None:
        return [*body, ("AK5", _REJECTED, each.fault.code)], False
    kinds = (found.group.head.get(1), each.head.get(1))
    if kinds != (order.ORDER_GROUP, order.ORDER_SET):
        return [*body, ("AK5", _REJECTED, _NOT_SUPPORTED)], False
    fault = _syntax(found)
    if fault is None:
        return [*body, ("AK5", _ACCEPTED)], True
    return [*body, *_notes(each, fault), ("AK5", _REJECTED, _SEGMENTS_IN_ERROR)], False


def _syntax(found: Found) -> Fault | None:
    """What is wrong with the set's segments; None where nothing is, or only we cannot take it."""
    try:
        order.read(replace(found, group=replace(found.group, fault=None)), "")
    except Fault as fault:
        return fault if fault.code and fault.segment in found.set.segments else None
    except Rejected:
        return None
    return None


def _notes(each: TransactionSet, fault: Fault) -> list[Elements]:
    segment = fault.segment
    place = str(segment.number - each.head.number + 1)
    if not fault.position:
        return [("AK3", segment.id, place, "", fault.code)]
    copy = segment.get(fault.position)[:_LONGEST_COPY]
    reference = _REFERENCES.get((segment.id, fault.position), "")
    return [
        ("AK3", segment.id, place, "", _ELEMENT_ERRORS),
        ("AK4", str(fault.position), reference, fault.code, copy),
    ]
