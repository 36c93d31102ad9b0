"""Column mappings kept by name: `[import.NAME]` tables of a TOML file, or NAME.toml in a folder.

What a mapping says stands in connectors/channels/columns.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.toml_file import NotToml, opened, text_of

if TYPE_CHECKING:
    from connectors.channels.columns import Columns

MAXIMUM_BYTES = 256 * 1024
"""of a file of mappings"""
MAXIMUM_MAPPINGS = 1_000


class BadMapping(ValueError):
    """There is no such mapping, or its file is not what it should be; one line that says where."""


def tables(path: Path) -> dict[str, dict[str, Any]]:
    """Each mapping as it is written, by name. Raises BadMapping."""
    if path.is_dir():
        found = {one.stem: _content(one) for one in sorted(path.glob("*.toml"))}
    else:
        content = _content(path)
        found = content.get("import", {})
        if content.keys() - {"import"} or not isinstance(found, dict):
            raise BadMapping(f"{path}: has other things than tables [import.NAME]")
        for name, table in found.items():
            if not isinstance(table, dict):
                raise BadMapping(f"{path}: import.{name} is not a table")
    if len(found) > MAXIMUM_MAPPINGS:
        raise BadMapping(f"{path}: has more than {MAXIMUM_MAPPINGS} mappings")
    return found


def columns(path: Path, name: str) -> Columns:
    """The mapping of that name. Raises BadMapping."""
    from connectors.channels.columns import BadTable, columns_of_table

    found = tables(path)
    if name not in found:
        raise BadMapping(f"{path}: has no mapping {name!r}; it has {', '.join(found) or 'none'}")
    try:
        return columns_of_table(found[name])
    except BadTable as error:
        raise BadMapping(f"{path}: {name}: {error}") from error


def _content(path: Path) -> dict[str, Any]:
    text = text_of(path, MAXIMUM_BYTES, BadMapping)
    try:
        return opened(text)[0]
    except NotToml as error:
        raise BadMapping(f"{path}:{error.problem.line}: {error.problem.message}") from error
