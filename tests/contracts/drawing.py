"""The pictures and the table of streams/README.md, drawn from the contract and the rooms.

`python -m tests.contracts.drawing` rewrites them between their marks; a test fails while they
differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas import topics
from schemas.records import Record
from schemas.topics import Topic
from streams.fulfillment.work_model import WORK
from streams.orders.model import FULFILLMENT, START, TRANSITIONS
from streams.payments.model import STATUSES
from streams.purchasing.model import TRANSITIONS as PURCHASING

README = Path(__file__).parents[2] / "streams" / "README.md"
ROOMS = (
    "orders", "inventory", "payments", "fulfillment", "purchasing", "accounting", "customers",
)  # fmt: skip


def _topic(name: str) -> Topic:
    return next(topic for topic in topics.ALL if topic.name == name)


def _parties(words: str) -> list[str]:
    return [word.strip() for word in words.split(",")]


def _node(name: str) -> str:
    return re.sub(r"\W", "_", name)


def topology() -> str:
    """Who writes to whose inbox and who reads whose events, as a mermaid flowchart."""
    edges: list[str] = []
    for room in ROOMS:
        inbox, events = _topic(f"{room}.commands"), _topic(f"{room}.events")
        for writer in _parties(inbox.written_by):
            edges.append(f"    {_node(writer)} -->|{inbox.name}| {room}")
        for reader in _parties(events.read_by):
            edges.append(f"    {room} -->|{events.name}| {_node(reader)}")
    parties = dict.fromkeys(
        party
        for room in ROOMS
        for party in (
            *_parties(_topic(f"{room}.commands").written_by),
            *_parties(_topic(f"{room}.events").read_by),
        )
        if party not in ROOMS
    )
    nodes = [f"    {room}[{room}]" for room in ROOMS]
    nodes += [f"    {_node(party)}([{party}])" for party in parties]
    return "\n".join(["```mermaid", "flowchart LR", *nodes, *edges, "```"])


def rooms() -> str:
    """A table of the rooms: what each takes, writes and keeps."""
    rows = ["| Room | Key | Takes | Writes | Keeps |", "|---|---|---|---|---|"]
    for room in ROOMS:
        inbox = _topic(f"{room}.commands")
        cells = [
            _records(inbox),
            _records(_topic(f"{room}.events")),
            _records(_topic(f"{room}.state")),
        ]
        # Where the rules are more than one file, the folder's docstring says which.
        rules = f"{room}/rules.py" if (README.parent / room / "rules.py").exists() else f"{room}/"
        rows.append(f"| [{room}]({rules}) | {inbox.key} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _records(topic: Topic) -> str:
    return f"`{topic.name}`: " + ", ".join(record.__name__ for record in topic.values)


def transitions(table: Mapping[str, Mapping[type[Record], str]]) -> str:
    """A transition table as a mermaid state diagram."""
    lines = ["```mermaid", "stateDiagram-v2"]
    for status, steps in table.items():
        start = "[*]" if status == START else str(status)
        lines += [
            f"    {start} --> {following}: {step.__name__}" for step, following in steps.items()
        ]
        if not steps:
            lines.append(f"    {start} --> [*]")
    return "\n".join([*lines, "```"])


def choices(table: Mapping[str, Mapping[type[Record], Sequence[str]]]) -> str:
    """A table in which a step can lead to several statuses: what may follow what, and by what."""
    rows = ["| Status | may become | by |", "|---|---|---|"]
    for status, steps in table.items():
        by: dict[tuple[str, ...], list[str]] = {}
        for step, following in steps.items():
            by.setdefault(tuple(map(str, following)), []).append(step.__name__)
        rows += [
            f"| {status} | {', '.join(following)} | {', '.join(names)} |"
            for following, names in by.items()
        ]
    return "\n".join(rows)


def drawn(text: str) -> str:
    """`text` with everything between its marks drawn anew. Raises ValueError without a mark."""
    parts = {
        "topology": topology(),
        "rooms": rooms(),
        "orders": transitions(TRANSITIONS),
        "goods": transitions(FULFILLMENT),
        "payments": choices(STATUSES),
        "work": transitions(WORK),
        "purchasing": transitions(PURCHASING),
    }
    for name, part in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        found = text.count(start)
        if found != 1:
            raise ValueError(f"streams/README.md has {found} places for {name}")
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}{part}\n{end}{after}"
    return text


if __name__ == "__main__":
    README.write_text(drawn(README.read_text(encoding="utf-8")), encoding="utf-8")
