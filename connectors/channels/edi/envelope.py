"""The envelope of an X12 file: interchanges (ISA/IEA), groups (GS/GE), sets (ST/SE), all checked.

Source: ASC X12.5 (interchange control structures) and X12.6 (application control structures),
releases 003040 to 008020, in which these segments are the same. Delimiters are what ISA, the only
segment of fixed length, has at fixed places. Reading never raises: what is broken has a `fault`,
which names the segment by its id and its place in the file, ISA being segment 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NoReturn

from connectors.channels import mapping
from connectors.channels.mapping import Rejected

ISA_LENGTH = 106
MAXIMUM_SEGMENTS = 500_000
"""Of a file; the largest that is read has no more, unless its segments are empty."""
_WIDTHS = (2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1, 1)
_REPETITION_FROM = "00402"
"""Up to 00401 ISA11 names a standard (U); from here on it is the repetition separator."""
_NO_DELIMITER = re.compile(r"[A-Za-z0-9 ]")
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_ID = re.compile(r"[A-Z][A-Z0-9]{1,2}", re.ASCII)
_RUN_ON = re.compile(r"(?:BEG|CUR|REF|PER|SAC|ITD|DTM|TD5|N1|N2|N3|N4|PO1|PID|CTT|AMT|SE|GE|IEA)\Z")
_NEXT_LINE = re.compile(r"[\r\n][ \t]*[A-Z][A-Z0-9]{1,2}\Z", re.ASCII)
_LONGEST_END = 20
"""How much of an element is looked at for the id of a segment that runs on from it."""
_BLANKS = "\r\n\t \x00\x1a"
"""What may stand between segments and behind the last; 1A ended files in DOS."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment."""

    id: str
    elements: tuple[str, ...]
    """without the id: BEG01 is elements[0]"""
    number: int
    """place in the file, from 1"""

    def get(self, position: int) -> str:
        """The element at a position from 1, without outer blanks; empty where there is none."""
        return self.elements[position - 1].strip() if position <= len(self.elements) else ""

    def named(self, position: int = 0) -> str:
        """For people: `SE (segment 14)`, or `PO102 of PO1 (segment 9)`."""
        told = f"{self.id} (segment {self.number})"
        return f"{self.id}{position:02d} of {told}" if position else told


class Fault(Rejected):
    """A Rejected that knows the segment and the element, and how X12 calls the error.

    `code` is of the level at which the fault lies: TA105 in an interchange, AK905 in a group,
    AK502 in a set, AK403 where an element is named and AK304 where a segment of a set is; empty
    where the syntax is right and only we cannot take it.
    """

    def __init__(
        self, reason: str, segment: Segment, position: int, what: str, code: str = ""
    ) -> None:
        name = segment.named(position)
        super().__init__(reason, name, f"{name} {what}")
        self.segment = segment
        self.position = position
        self.code = code


@dataclass(frozen=True, slots=True)
class Delimiters:
    """What separates an interchange's parts."""

    element: str = "*"
    component: str = ">"
    repetition: str = ""
    """empty before version 00402"""
    terminator: str = "~"


@dataclass(slots=True)
class TransactionSet:
    """From ST to SE."""

    segments: list[Segment]
    """with ST, and with SE where there is one"""
    fault: Fault | None = None

    @property
    def head(self) -> Segment:
        """ST."""
        return self.segments[0]


@dataclass(slots=True)
class Group:
    """From GS to GE."""

    head: Segment
    sets: list[TransactionSet] = field(default_factory=list)
    trailer: Segment | None = None
    fault: Fault | None = None


@dataclass(slots=True)
class Interchange:
    """From ISA to IEA."""

    head: Segment
    delimiters: Delimiters
    groups: list[Group] = field(default_factory=list)
    fault: Fault | None = None

    def sender(self) -> tuple[str, str]:
        """Qualifier and id: ISA05 and ISA06."""
        return self.head.get(5), self.head.get(6)


def read(payload: bytes) -> list[Interchange]:
    """The interchanges of a file, one or more. Raises Rejected: too_large, or unreadable where no
    interchange begins, because nothing is known of the delimiters then."""
    mapping.check_size(payload)
    text = _decoded(payload)
    at = _beginning(text, 0)
    if not text.startswith("ISA", at):
        why = "does not begin with ISA" if text[at:] else "is empty"
        raise Rejected("unreadable", "", f"not X12: the file {why}")
    found: list[Interchange] = []
    number = 1
    while at < len(text):
        if not text.startswith("ISA", at):
            stray = Segment(_id_at(text[at : at + 3]), (), number)
            fault = Fault("wrong_type", stray, 0, "stands behind IEA and is no ISA", "022")
            found.append(Interchange(stray, Delimiters(), [], fault))
            break
        try:
            interchange, at, number = _interchange(text, at, number)
        except Fault as fault:
            if not found:
                raise
            found.append(Interchange(fault.segment, Delimiters(), [], fault))
            break
        found.append(interchange)
        at = _beginning(text, at)
    return found


def _decoded(payload: bytes) -> str:
    try:
        text = mapping.utf_16(payload)
        if text is not None:
            return text.removeprefix("\ufeff")
        return mapping.without_bom(payload).decode()
    except UnicodeDecodeError:
        # X12.5 leaves the character set to the partners; before UTF-8 that was Latin 1.
        return payload.decode("latin-1")


def _beginning(text: str, at: int) -> int:
    """Where the next segment begins."""
    while at < len(text) and text[at] in _BLANKS:
        at += 1
    return at


def _id_at(text: str) -> str:
    """The segment id that a text begins with; `?` where it begins with none."""
    match = _ID.match(text)
    return match.group() if match else "?"


def _header(text: str, at: int, number: int) -> tuple[Interchange, int]:
    """An interchange with its ISA and the delimiters that it defines, and where ISA ends.

    Where its elements have lost or gained blanks, as they do on web pages, what is in the
    interchange can still be named, and refused for that. Raises Fault.
    """
    isa = Segment("ISA", (), number)

    def fail(what: str) -> NoReturn:
        raise Fault("unreadable", isa, 0, what, "022")

    written = text[at : at + ISA_LENGTH]
    if len(written) < ISA_LENGTH - 1:
        fail(f"has fewer than {ISA_LENGTH} characters")
    element = written[3]
    if _NO_DELIMITER.match(element):
        fail("has a letter, digit or blank where the element separator stands")
    elements: list[str] = []
    skewed: Fault | None = None
    place = 4
    for position, width in enumerate(_WIDTHS, 1):
        value = written[place : place + width]
        after = written[place + width : place + width + 1]
        if element in value or (position < len(_WIDTHS) and after != element):
            elements, place = _unpadded(text[at : at + 2 * ISA_LENGTH], element)
            what = f"is not {ISA_LENGTH} characters long: ISA{position:02d} must have {width}"
            if not elements:
                fail(what)
            skewed = Fault("wrong_type", isa, 0, what, "022")
            break
        elements.append(value)
        place += width + 1
    terminator = text[at + place - 1 : at + place]
    if not terminator or _NO_DELIMITER.match(terminator):
        fail("has no segment terminator")
    later = elements[11] >= _REPETITION_FROM
    repetition = elements[10] if later and not _NO_DELIMITER.match(elements[10]) else ""
    delimiters = Delimiters(element, elements[15], repetition, terminator)
    used = [element, elements[15], terminator, *repetition]
    if len(set(used)) < len(used) or _NO_DELIMITER.match(elements[15]):
        fail("uses the same character, or a letter or digit, for two kinds of delimiter")
    return Interchange(Segment("ISA", tuple(elements), number), delimiters, [], skewed), at + place


def _unpadded(written: str, element: str) -> tuple[list[str], int]:
    """The sixteen elements of an ISA whose blanks are too many or too few, as wide as they must be,
    and the length of it; none where that is not what is wrong with it."""
    parts = written.split(element, len(_WIDTHS))[1:]
    ends = parts[-1][:2] if len(parts) == len(_WIDTHS) else ""
    elements = parts[:-1]
    if len(ends) < len(">~") or any(
        len(part.rstrip()) > width or set(part) & set(ends) or min(part, default=" ") < " "
        for part, width in zip(elements, _WIDTHS, strict=False)
    ):
        return [], 0
    length = len("ISA") + sum(len(part) + 1 for part in elements) + len("*>~")
    filled = [part.rstrip().ljust(width) for part, width in zip(elements, _WIDTHS, strict=False)]
    return [*filled, ends[0]], length


def _interchange(text: str, at: int, number: int) -> tuple[Interchange, int, int]:
    """The interchange that begins at `at`, where it ends, and the number of what follows."""
    found, at = _header(text, at, number)
    delimiters = found.delimiters
    segments: list[Segment] = []
    at = _beginning(text, at)
    terminator = delimiters.terminator
    while at < len(text):
        end = text.find(terminator, at)
        written = text[at : end if end >= 0 else len(text)].rstrip("\r\n")
        if written.startswith("ISA" + delimiters.element):
            break
        number += 1
        if number > MAXIMUM_SEGMENTS:
            what = f"the file has more than {MAXIMUM_SEGMENTS} segments; split it"
            raise Rejected("too_large", "", what)
        segment_id, *elements = written.split(delimiters.element)
        known = segment_id if _ID.fullmatch(segment_id) else "?"
        segment = Segment(known, tuple(elements), number)
        # A line break is stripped by editors at the end of a file; any other terminator is not.
        if end < 0 and not (terminator in "\r\n" and segment.id == "IEA"):
            found.fault = Fault(
                "missing_field", segment, 0, "has no segment terminator; the file ends", "023"
            )
        segments.append(segment)
        at = len(text) if end < 0 else _beginning(text, end + 1)
        if segment.id == "IEA":
            break
    _fill(found, segments)
    return found, at, number + 1


def _fill(found: Interchange, segments: list[Segment]) -> None:
    """Sort the segments into groups and sets, and note what is wrong with each."""
    group: Group | None = None
    inside: TransactionSet | None = None
    for segment in segments:
        if inside is not None and segment.id not in {"SE", "ST", "GE", "GS", "IEA"}:
            inside.segments.append(segment)
        elif segment.id == "SE" and inside is not None:
            inside.segments.append(segment)
            inside.fault = _of_set(inside)
            inside = None
        elif segment.id == "ST" and group is not None:
            _unclosed(inside, segment)
            inside = TransactionSet([segment])
            group.sets.append(inside)
        elif segment.id == "GE" and group is not None:
            _unclosed(inside, segment)
            group.trailer, group.fault = segment, group.fault or _of_group(group, segment)
            inside = group = None
        elif segment.id == "GS":
            _unclosed(inside, segment)
            _unclosed_group(group, segment)
            inside, group = None, Group(segment, fault=_too_long(segment, 8, ""))
            found.groups.append(group)
        elif segment.id == "IEA":
            _unclosed(inside, segment)
            _unclosed_group(group, segment)
            found.fault = found.fault or _of_interchange(found, segment)
            return
        elif segment.id != "TA1" or group is not None:
            _astray(found, group, segment)
    last = segments[-1] if segments else found.head
    if found.fault is None:
        _unclosed(inside, last, "is the last segment: the SE of its set is missing")
    missing = Fault("missing_field", last, 0, "is the last segment: IEA is missing", "023")
    found.fault = found.fault or missing


def _astray(found: Interchange, group: Group | None, segment: Segment) -> None:
    if group is None:
        what = "stands outside of a group: GS is missing"
        found.fault = found.fault or Fault("wrong_type", segment, 0, what, "022")
    else:
        what = "stands outside of a set: ST is missing"
        group.fault = group.fault or Fault("wrong_type", segment, 0, what, "")


def _unclosed(inside: TransactionSet | None, at: Segment, what: str = "") -> None:
    if inside is not None:
        told = what or f"comes before the SE that set {_told(inside.head.get(2))} must end with"
        inside.fault = Fault("missing_field", at, 0, told, "2")


def _unclosed_group(group: Group | None, at: Segment) -> None:
    if group is not None:
        told = f"comes before the GE that group {_told(group.head.get(6))} must end with"
        group.fault = group.fault or Fault("missing_field", at, 0, told, "3")


def _told(control: str) -> str:
    """A control number for people; it identifies nobody unless it is no number."""
    return control if _DIGITS.fullmatch(control) else "without a number"


def _same(one: str, other: str) -> bool:
    """Two control numbers of type N0, of which zeros in front say nothing."""
    if _DIGITS.fullmatch(one) and _DIGITS.fullmatch(other):
        return int(one) == int(other)
    return bool(one) and one == other


def _counted(segment: Segment, count: int, what: str, code: str) -> Fault | None:
    """A fault where the first element of a trailer is not `count`."""
    written = segment.get(1)
    if not _DIGITS.fullmatch(written):
        return Fault("wrong_type", segment, 1, "is not a number", code)
    if int(written) != count:
        return Fault("wrong_type", segment, 1, f"says {int(written)} {what}, not {count}", code)
    return None


def _unterminated(segment: Segment, code: str) -> Fault | None:
    """A fault where another segment begins on the next line, although this one has not ended."""
    if any(_NEXT_LINE.search(element[-_LONGEST_END:]) for element in segment.elements[:-1]):
        return Fault("missing_field", segment, 0, "has no segment terminator", code)
    return None


def _too_long(segment: Segment, most: int, code: str) -> Fault | None:
    if fault := _unterminated(segment, code):
        return fault
    if len(segment.elements) > most:
        what = f"has more than {most} elements; its terminator may be missing"
        return Fault("wrong_type", segment, 0, what, code)
    return None


def _of_set(found: TransactionSet) -> Fault | None:
    head, trailer = found.segments[0], found.segments[-1]
    if not head.get(2):
        return Fault("missing_field", head, 2, "is missing", "7")
    for segment in found.segments:
        if fault := _unterminated(segment, "5"):
            return fault
    if fault := _too_long(head, 3, "5") or _too_long(trailer, 2, "5"):
        return fault
    if trailer.get(2) != head.get(2):
        return Fault("wrong_type", trailer, 2, f"differs from {head.named(2)}", "3")
    fault = _counted(trailer, len(found.segments), "segments", "4")
    run_on = _run_on(found.segments) if fault is not None else None
    if fault is not None and run_on is not None:
        what = f"{fault.detail.removeprefix(fault.field + ' ')}; {run_on.named()} may have lost"
        fault = Fault("wrong_type", trailer, 1, f"{what} its terminator", "4")
    return fault


def _run_on(segments: list[Segment]) -> Segment | None:
    """The first segment that seems to go on into the next one."""
    for segment in segments:
        if any(_RUN_ON.search(element[-_LONGEST_END:], 1) for element in segment.elements[:-1]):
            return segment
    return None


def _of_group(group: Group, trailer: Segment) -> Fault | None:
    if fault := _too_long(trailer, 2, ""):
        return fault
    if not _same(group.head.get(6), trailer.get(2)):
        return Fault("wrong_type", trailer, 2, f"differs from {group.head.named(6)}", "4")
    seen: set[str] = set()
    for each in group.sets:
        control = each.head.get(2)
        if control in seen and each.fault is None:
            what = "is the number of an earlier set of the group"
            each.fault = Fault("wrong_type", each.head, 2, what, "23")
        seen.add(control)
    return _counted(trailer, len(group.sets), "sets", "5")


def _of_interchange(found: Interchange, trailer: Segment) -> Fault | None:
    if fault := _too_long(trailer, 2, "022"):
        return fault
    if not _same(found.head.get(13), trailer.get(2)):
        return Fault("wrong_type", trailer, 2, f"differs from {found.head.named(13)}", "001")
    return _counted(trailer, len(found.groups), "groups", "021")
