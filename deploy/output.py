"""What the commands print: tables and progress for people, JSON Lines for scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click

Advance = Callable[[int], None]
GAP = 3
LAST_COLUMN_MIN = 24
"""characters; on a narrower terminal the lines run over"""


def line(value: Mapping[str, object]) -> None:
    """One JSON object on a line of its own."""
    click.echo(json.dumps(value, ensure_ascii=False))


def say(text: str) -> None:
    """One line for a person, beside the output."""
    click.echo(printable(text), err=True)


def told(text: str) -> None:
    """One line that is the output."""
    click.echo(printable(text))


def printable(text: str) -> str:
    """The text without control characters: what came from outside must not steer a terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], right: int = 0) -> None:
    """A table on a terminal, tab-separated lines elsewhere; the last `right` are numbers."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for row in [list(columns), *cells]:
            click.echo("\t".join(row))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(columns):
        last, numeric = number == len(columns) - 1, number >= len(columns) - right
        # Ids must stay whole, to be copied: only the last column gives way.
        made.add_column(
            name, justify="right" if numeric else "left", no_wrap=not last, overflow="fold"
        )
    for row in cells:
        made.add_row(*map(Text, row))
    console = Console()
    whole = sum(
        max(len(row[number]) for row in [list(columns), *cells]) + GAP
        for number in range(len(columns) - 1)
    )
    console.print(made, width=max(console.width, whole + LAST_COLUMN_MIN), crop=False)


@contextmanager
def progress(what: str, total: int | None, unit: str = "") -> Iterator[Advance]:
    """A bar on a terminal, nothing elsewhere; the bar's counts are bytes when `unit` is "B".

    A `total` of None is one that is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    count = DownloadColumn() if unit == "B" else MofNCompleteColumn()
    parts = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda done: shown.update(task, completed=done)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on a terminal, one for each thing that is worked on: its name, how far, of how much."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )

    parts = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, TaskID] = {}
    with Progress(*parts, console=Console(stderr=True), transient=True) as shown:

        def advance(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=total)
            shown.update(tasks[what], completed=done, total=total)

        yield advance


def moment(milliseconds: int) -> str:
    """ISO 8601 to the second, UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
