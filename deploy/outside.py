"""Files that say who is outside, a table for each: the name, the address and the secrets."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from deploy.policy_tables import Table
from deploy.toml_file import NotToml, opened, text_of

Found = TypeVar("Found")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def name(table: Table, what: str, others: set[str]) -> str:
    """A name that no other has; `what` is what they are called."""
    found = table.text("name")
    if found and not _NAME.fullmatch(found):
        table.wrong("name", "is no name: small letters, digits and hyphens, at most 64")
    elif found in others:
        table.wrong("name", f"there are two {what} called {found}")
    return found


def url(table: Table, is_here: Callable[[str], bool], key: str = "url", default: str = "") -> str:
    """https, or http to a host that is this machine, where nobody listens in between."""
    found = table.text(key, default)
    if not found:
        return found
    try:
        parts = urllib.parse.urlsplit(found)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        table.wrong(key, "is no URL")
        return found
    if parts.scheme not in ("https", "http") or not host:
        table.wrong(key, "is no URL that begins with https://")
    elif parts.scheme == "http" and not is_here(host):
        table.wrong(key, "is not encrypted; write https://")
    elif parts.username or parts.password:
        table.wrong(key, "has a password in it, which would stand in logs")
    return found


def secret_key(table: Table) -> str:
    """The key of the table under which its secret is found."""
    return "secret_file" if "secret_file" in table else "secret_variable"


def secret_lines(table: Table, directory: Path, environment: Mapping[str, str]) -> list[str] | None:
    """The lines of the file, which is named from `directory`, or of the variable; None, and told,
    where there is no such thing."""
    file, variable = table.text("secret_file"), table.text("secret_variable")
    if bool(file) == bool(variable):
        table.file.wrong(table.path, "needs either secret_file or secret_variable")
        return None
    key = secret_key(table)
    if variable and not _VARIABLE.fullmatch(variable):
        table.wrong(key, "is not the name of a variable")
        return None
    try:
        text = (directory / file).read_text() if file else environment.get(variable, "")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "is not text"
        table.wrong(key, f"cannot be read: {why}")
        return None
    return [line.strip() for line in text.splitlines() if line.strip()]


def each(
    path: Path,
    called: str,
    most: int,
    maximum_bytes: int,
    bad: type[ValueError],
    read: Callable[[Table, list[Found]], Found | None],
) -> list[Found]:
    """What the tables [[called]] of a file say, of which there are one to `most`.

    `read` has those that came before, gives None where the table has faults, and notes them.
    Raises `bad` with a line for each fault.
    """
    text = text_of(path, maximum_bytes, bad)
    try:
        content, file = opened(text)
    except NotToml as error:
        raise bad(error.problem.text(str(path))) from error
    top = Table(file, (), content)
    tables = top.tables(called)
    top.end()
    if not 0 < len(tables) <= most:
        file.wrong((), f"has {len(tables)} [[{called}]]; it needs 1 to {most}")
    found: list[Found] = []
    for table in tables[:most]:
        one = read(table, found)
        if one is not None:
            found.append(one)
    if file.problems:
        ordered = sorted(file.problems, key=lambda problem: problem.line)
        raise bad("\n".join(problem.text(str(path)) for problem in ordered))
    return found
