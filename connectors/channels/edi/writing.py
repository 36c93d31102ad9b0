"""X12 interchanges to send, as answers to ones that came.

Source: ASC X12.5 and X12.6. The answer goes from the receiver to the sender, in the version of what
came. Control numbers are the caller's, because they must grow from one interchange to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from connectors.channels.edi.envelope import Group, Interchange

MAXIMUM_CONTROL = 999_999_999
_ELEMENT, _COMPONENT, _REPETITION, _TERMINATOR = "*", ">", "^", "~"
_REPETITION_FROM = "00402"
_SPECIAL = str.maketrans(dict.fromkeys("*>^~\r\n", " "))

Elements = Sequence[str]
"""A segment: its id and its elements."""


@dataclass(frozen=True, slots=True)
class Controls:
    """What numbers an answer."""

    interchange: int
    """ISA13, 1 to 999999999"""
    group: int
    """GS06 of the first group; later ones count on"""
    at: datetime
    """when it is made, UTC"""


@dataclass(slots=True)
class Answer:
    """One group to send."""

    kind: str
    """GS01, e.g. FA"""
    set_id: str
    """ST01, e.g. 997"""
    to: Group
    sets: list[list[Elements]] = field(default_factory=list)
    """without ST and SE"""


def written(
    to: Interchange, answers: Sequence[Answer], controls: Controls, before: Sequence[Elements] = ()
) -> str:
    """The interchange that answers `to`. `before` stands between ISA and the groups (TA1).

    Raises ValueError for a control number beyond nine digits, and where ISA could not be read.
    """
    numbers = [controls.interchange]
    if answers:
        numbers += [controls.group, controls.group + len(answers) - 1]
    if not all(0 < number <= MAXIMUM_CONTROL for number in numbers):
        raise ValueError(f"a control number is outside of 1 to {MAXIMUM_CONTROL}")
    if not to.head.elements:
        raise ValueError("an interchange whose ISA cannot be read has no sender to answer")
    segments: list[Elements] = [_isa(to, controls), *before]
    for number, answer in enumerate(answers, controls.group):
        segments += _group(answer, number, controls.at)
    segments.append(("IEA", str(len(answers)), f"{controls.interchange:09d}"))
    return "".join(f"{_line(segment)}{_TERMINATOR}\n" for segment in segments)


def plain(value: str) -> str:
    """A text that came in under other delimiters, without what are delimiters here."""
    return value.translate(_SPECIAL)


def _line(segment: Elements) -> str:
    if segment[0] == "ISA":
        return _ELEMENT.join(segment)
    return _ELEMENT.join(plain(element) for element in segment).rstrip(_ELEMENT)


def _isa(to: Interchange, controls: Controls) -> Elements:
    isa = to.head.elements
    version = isa[11]
    return (
        "ISA", "00", " " * 10, "00", " " * 10,
        plain(isa[6]), plain(isa[7]), plain(isa[4]), plain(isa[5]),
        f"{controls.at:%y%m%d}", f"{controls.at:%H%M}",
        _REPETITION if version >= _REPETITION_FROM else "U", plain(version),
        f"{controls.interchange:09d}", "0", plain(isa[14]), _COMPONENT,
    )  # fmt: skip


def _group(answer: Answer, number: int, at: datetime) -> list[Elements]:
    gs = answer.to.head
    segments: list[Elements] = [
        (
            "GS",
            answer.kind,
            gs.get(3),
            gs.get(2),
            f"{at:%Y%m%d}",
            f"{at:%H%M}",
            str(number),
            gs.get(7) or "X",
            gs.get(8),
        )
    ]
    for place, body in enumerate(answer.sets, 1):
        control = f"{place:04d}"
        segments += [("ST", answer.set_id, control), *body]
        segments.append(("SE", str(len(body) + 2), control))
    segments.append(("GE", str(len(answer.sets)), str(number)))
    return segments
