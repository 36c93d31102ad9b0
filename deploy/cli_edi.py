"""`millrace edi`: what is answered to a file of X12 interchanges."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deploy.options import SOME_REJECTED, Unreadable, existing_file, own

if TYPE_CHECKING:
    from collections.abc import Callable

    from connectors.channels.edi.answer import LineAnswer
    from connectors.channels.edi.envelope import Interchange
    from connectors.channels.edi.writing import Controls

_CONTROL = click.IntRange(1, 999_999_999)


@click.group()
def edi() -> None:
    """Write the acknowledgements of EDI files (X12).

    \b
    Examples:
      millrace edi 997 orders.edi > answer.edi
      millrace edi 855 orders.edi --line 2=IB:4 > answer.edi
    """


def _numbered(command: Callable[..., None]) -> Callable[..., None]:
    """The file to answer, and what numbers the answer."""
    command = own(
        "--group-control",
        type=_CONTROL,
        help="Number of the answer's first group (GS06); --control when not given.",
    )(command)
    command = own(
        "--control",
        type=_CONTROL,
        help="Number of the answer (ISA13), greater than the one before; the last nine digits of "
        "the time in seconds when not given.",
    )(command)
    return click.argument("file", type=existing_file)(command)


@edi.command("997")
@_numbered
def functional(file: Path, control: int | None, group_control: int | None) -> None:
    """Say what of FILE can be read: a 997 for each group, with the segment and element at fault.

    An interchange whose envelope is broken, or whose sender asks for it, gets a TA1. The exit
    status is 1 when something is rejected.

    \b
    Example:
      millrace edi 997 orders.edi --control 1204
    """
    from connectors.channels.edi.acknowledgement import accepts, acknowledgements

    interchanges = _read(file)
    try:
        answers = acknowledgements(interchanges, _controls(control, group_control))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo("".join(answers), nl=False)
    sys.exit(0 if accepts(interchanges) else SOME_REJECTED)


@edi.command("855")
@_numbered
@own(
    "--line",
    "lines",
    multiple=True,
    metavar="LINE=CODE[:PIECES]",
    help="What becomes of a line: IA accepted, IB back-ordered, IR rejected, IQ other quantity, "
    "IP other price, DR other date, ID deleted, BP a part of it now. Several times.",
)
def purchase_order(
    file: Path, control: int | None, group_control: int | None, lines: tuple[str, ...]
) -> None:
    """Answer the purchase orders of FILE, line by line; what is not told otherwise is accepted.

    --line needs a FILE with one order. An order that cannot be taken is rejected as a whole, and
    the exit status is 1.

    \b
    Example:
      millrace edi 855 order.edi --control 1205 --line item-2=IB:1 --line item-2=IA:3
    """
    from connectors.channels.edi.answer import purchase_order_acknowledgements, takes
    from connectors.channels.edi.order import founds

    interchanges = _read(file)
    answers = _answers(lines)
    if answers and len(founds(interchanges)) != 1:
        raise click.UsageError("--line needs a file with one order")
    controls = _controls(control, group_control)
    try:
        written = purchase_order_acknowledgements(interchanges, answers, controls)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo("".join(written), nl=False)
    sys.exit(0 if takes(interchanges) else SOME_REJECTED)


def _read(file: Path) -> list[Interchange]:
    from connectors.channels.edi.envelope import read
    from connectors.channels.mapping import MAXIMUM_PAYLOAD_BYTES, Rejected

    with file.open("rb") as source:
        payload = source.read(MAXIMUM_PAYLOAD_BYTES + 1)
    try:
        return read(payload)
    except Rejected as error:
        raise Unreadable(f"{file}: {error.detail}") from error


def _controls(control: int | None, group_control: int | None) -> Controls:
    from connectors.channels.edi.writing import MAXIMUM_CONTROL, Controls

    now = time.time()
    number = control or int(now) % MAXIMUM_CONTROL or 1
    return Controls(number, group_control or number, datetime.fromtimestamp(now, UTC))


def _answers(lines: tuple[str, ...]) -> dict[str, list[LineAnswer]]:
    from connectors.channels.edi.answer import LineAnswer, LineStatus

    answers: dict[str, list[LineAnswer]] = {}
    for words in lines:
        line, _, told = words.rpartition("=")
        code, colon, pieces = told.partition(":")
        known = code in frozenset(LineStatus)
        if not line or not known or (colon and not (pieces.isascii() and pieces.isdigit())):
            raise click.UsageError(f"--line is {words!r}, and must be like 2=IB:4")
        quantity = int(pieces) if colon else None
        answers.setdefault(line, []).append(LineAnswer(LineStatus(code), quantity))
    return answers
