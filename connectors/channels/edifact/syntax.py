"""The envelope of an EDIFACT file: interchanges (UNB/UNZ), groups (UNG/UNE), messages (UNH/UNT).

Source: ISO 9735, syntax versions 1 to 4. Delimiters are those of the standard, or what UNA says.
What is broken has a `fault`, which names the segment by its tag and its place in the file, UNB
being segment 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from connectors.channels import mapping
from connectors.channels.edi import envelope
from connectors.channels.edi.envelope import Fault
from connectors.channels.mapping import Rejected

MAXIMUM_SEGMENTS = envelope.MAXIMUM_SEGMENTS
_UNA_LENGTH = 9
_BLANKS = "\r\n\t \x00\x1a"
_TAG = re.compile(r"[A-Z]{3}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_SYNTAX = re.compile(rb"UNB.UNO([A-Z])")
_UNB_BEGINS = 200
_ALPHABETS = {
    b"D": "iso8859-2", b"E": "iso8859-5", b"F": "iso8859-7", b"G": "iso8859-3", b"H": "iso8859-4",
    b"I": "iso8859-6", b"J": "iso8859-8", b"K": "iso8859-9",
}  # fmt: skip
"""What syntax identifiers (UNOE) mean; UNOC, which most partners write, is Latin 1."""
_NO_DELIMITER = re.compile(r"[A-Za-z0-9]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What separates the parts of an interchange; those of syntax UNOA unless UNA says others."""

    component: str = ":"
    element: str = "+"
    decimal: str = "."
    release: str = "?"
    terminator: str = "'"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment."""

    tag: str
    elements: tuple[tuple[str, ...], ...]
    """without the tag; each has one component or more"""
    number: int
    """place in the file, from 1"""
    decimal: str = "."

    def get(self, element: int, component: int = 1) -> str:
        """A component, both counted from 1, without outer blanks; empty where there is none."""
        parts = self.elements[element - 1] if element <= len(self.elements) else ()
        return parts[component - 1].strip() if component <= len(parts) else ""

    def at(self, element: int = 0, component: int = 1) -> envelope.Segment:
        """The segment as the readers of X12 take it, with one component in the element's place.

        A decimal mark is a point there: `DTM (segment 5)`, or `DTM01 of DTM (segment 5)`.
        """
        if not element:
            return envelope.Segment(self.tag, (), self.number)
        value = self.get(element, component).replace(self.decimal, ".")
        return envelope.Segment(self.tag, ("",) * (element - 1) + (value,), self.number)


@dataclass(slots=True)
class Message:
    """From UNH to UNT."""

    segments: list[Segment]
    """with UNH, and with UNT where there is one"""
    fault: Fault | None = None

    @property
    def head(self) -> Segment:
        """UNH."""
        return self.segments[0]


@dataclass(slots=True)
class Interchange:
    """From UNB to UNZ."""

    head: Segment
    messages: list[Message] = field(default_factory=list)
    groups: int = 0
    fault: Fault | None = None

    def sender(self) -> tuple[str, str]:
        """Qualifier and id: the second and the first component of S002."""
        return self.head.get(2, 2), self.head.get(2)


def fault(reason: str, segment: Segment, element: int, what: str, component: int = 1) -> Fault:
    """A Rejected that names the segment and the element at fault."""
    return Fault(reason, segment.at(element, component), element, what)


def read(payload: bytes) -> list[Interchange]:
    """The interchanges of a file, one or more. Raises Rejected: too_large, or unreadable where no
    interchange begins."""
    mapping.check_size(payload)
    text = _decoded(payload).lstrip(_BLANKS)
    if not text.startswith(("UNA", "UNB")):
        why = "does not begin with UNA or UNB" if text else "is empty"
        raise Rejected("unreadable", "", f"not EDIFACT: the file {why}")
    found: list[Interchange] = []
    number = 0
    while text:
        delimiters, text = _advice(text)
        segments, text = _interchange(text, delimiters, number)
        number += len(segments)
        found.append(_filled(segments))
    return found


def _decoded(payload: bytes) -> str:
    try:
        return (mapping.utf_16(payload) or mapping.without_bom(payload).decode()).lstrip("\ufeff")
    except UnicodeDecodeError:
        named = _SYNTAX.search(payload[:_UNB_BEGINS])
        return payload.decode(
            _ALPHABETS.get(named.group(1) if named else b"", "latin-1"), "replace"
        )


def _advice(text: str) -> tuple[Delimiters, str]:
    """The delimiters, and what is behind UNA. Raises Rejected."""
    if not text.startswith("UNA"):
        return Delimiters(), text
    said = text[3:_UNA_LENGTH]
    used = said[:2] + said[3:4].strip() + said[5:]
    if len(said) < _UNA_LENGTH - 3 or _NO_DELIMITER.search(said) or len(set(used)) < len(used):
        why = "UNA is not followed by six delimiters, each of them another character"
        raise Rejected("unreadable", "UNA", why)
    delimiters = Delimiters(said[0], said[1], said[2], said[3].strip(), said[5])
    return delimiters, text[_UNA_LENGTH:].lstrip(_BLANKS)


def _interchange(
    text: str, delimiters: Delimiters, before: int
) -> tuple[list[tuple[Segment, bool]], str]:
    """The segments up to UNZ, each with whether it was terminated, and what is behind them."""
    segments: list[tuple[Segment, bool]] = []
    at = 0
    while at < len(text):
        if segments and text.startswith(("UNA", "UNB"), at):
            break
        elements, end, terminated = _segment(text, at, delimiters)
        if before + len(segments) >= MAXIMUM_SEGMENTS:
            what = f"the file has more than {MAXIMUM_SEGMENTS} segments; split it"
            raise Rejected("too_large", "", what)
        tag = elements[0][0] if _TAG.fullmatch(elements[0][0]) else "?"
        number = before + len(segments) + 1
        segment = Segment(tag, tuple(elements[1:]), number, delimiters.decimal)
        segments.append((segment, terminated))
        at = end
        while at < len(text) and text[at] in _BLANKS:
            at += 1
        if tag == "UNZ":
            break
    return segments, text[at:]


def _segment(text: str, at: int, delimiters: Delimiters) -> tuple[list[tuple[str, ...]], int, bool]:
    """The elements of the segment that begins at `at`, its tag first; where it ends, and whether
    by a terminator. A release character takes from what follows it what it means."""
    special = {delimiters.component, delimiters.element, delimiters.terminator}
    elements: list[tuple[str, ...]] = []
    components: list[str] = []
    written: list[str] = []
    while at < len(text):
        character = text[at]
        at += 1
        if character == delimiters.release and at < len(text):
            written.append(text[at])
            at += 1
        elif character not in special:
            written.append(character)
        else:
            components.append("".join(written).strip(_BLANKS))
            written.clear()
            if character != delimiters.component:
                elements.append(tuple(components))
                components.clear()
            if character == delimiters.terminator:
                return elements, at, True
    components.append("".join(written).strip(_BLANKS))
    return [*elements, tuple(components)], at, False


def _filled(segments: list[tuple[Segment, bool]]) -> Interchange:
    """The segments as messages, with what is wrong with each."""
    head = segments[0][0]
    found = Interchange(head)
    inside: Message | None = None
    for segment, terminated in segments:
        if not terminated:
            found.fault = fault("missing_field", segment, 0, "has no segment terminator")
        if segment.tag == "UNH":
            _unclosed(inside, segment)
            inside = Message([segment])
            found.messages.append(inside)
        elif segment.tag in ("UNE", "UNZ"):
            _unclosed(inside, segment)
            inside = None
        elif inside is not None:
            inside.segments.append(segment)
            if segment.tag == "UNT":
                inside.fault = _of_message(inside)
                inside = None
        elif segment.tag == "UNG":
            found.groups += 1
        elif segment is not head:
            what = "stands outside of a message: UNH is missing"
            found.fault = found.fault or fault("wrong_type", segment, 0, what)
    last = segments[-1][0]
    _unclosed(inside, last)
    found.fault = found.fault or _of_interchange(found, last)
    return found


def _unclosed(inside: Message | None, at: Segment) -> None:
    if inside is not None:
        what = "stands where the UNT of the message before must be"
        inside.fault = fault("missing_field", at, 0, what)


def _of_message(message: Message) -> Fault | None:
    head, trailer = message.head, message.segments[-1]
    if not _same(trailer.get(2), head.get(1)):
        what = f"differs from UNH01 of UNH (segment {head.number})"
        return fault("wrong_type", trailer, 2, what)
    return _counted(trailer, len(message.segments), "segments")


def _of_interchange(found: Interchange, last: Segment) -> Fault | None:
    if found.head.tag != "UNB":
        return fault("wrong_type", found.head, 0, "stands where UNB must be")
    if last.tag != "UNZ":
        return fault("missing_field", last, 0, "is the last segment: UNZ is missing")
    if not _same(last.get(2), found.head.get(5)):
        what = f"differs from UNB05 of UNB (segment {found.head.number})"
        return fault("wrong_type", last, 2, what)
    what = "groups" if found.groups else "messages"
    return _counted(last, found.groups or len(found.messages), what)


def _same(one: str, other: str) -> bool:
    """Two references, of which zeros in front of a number say nothing."""
    if _DIGITS.fullmatch(one) and _DIGITS.fullmatch(other):
        return int(one) == int(other)
    return bool(one) and one == other


def _counted(segment: Segment, count: int, what: str) -> Fault | None:
    """A fault where the first element of a trailer is not `count`."""
    written = segment.get(1)
    if not _DIGITS.fullmatch(written):
        return fault("wrong_type", segment, 1, "is not a number")
    if int(written) != count:
        return fault("wrong_type", segment, 1, f"says {int(written)} {what}, not {count}")
    return None
