"""TOML files that people write, opened so that each fault has its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from deploy.policy_lines import lines
from deploy.policy_tables import File, Problem

_PLACE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class NotToml(ValueError):
    """The text cannot be read as TOML; `problem` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def text_of(path: Path, maximum_bytes: int, bad: type[ValueError]) -> str:
    """The text of a file, with plain line ends. Raises `bad`, with one line that names the file."""
    try:
        with path.open("rb") as source:
            content = source.read(maximum_bytes + 1)
    except OSError as error:
        raise bad(f"{path}: {error.strerror}") from error
    if len(content) > maximum_bytes:
        raise bad(f"{path}: is larger than {maximum_bytes // 1024} KiB")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise bad(f"{path}:{line}: is not UTF-8") from error
    return text.replace("\r\n", "\n")


def opened(text: str, channels: Collection[str] = ()) -> tuple[dict[str, Any], File]:
    """What stands in a text, and the file as it is checked. Raises NotToml."""
    try:
        return tomllib.loads(text), File(lines(text), channels)
    except tomllib.TOMLDecodeError as error:
        raise NotToml(_not_toml(text, str(error))) from error
    except RecursionError as error:
        raise NotToml(Problem(1, "", "has values too deep in each other", True)) from error


def _not_toml(text: str, message: str) -> Problem:
    place = _PLACE.search(message)
    line = int(place[1]) if place and place[1] else text.count("\n") + 1
    why = message[: place.start()] if place else message
    return Problem(line, "", f"is not TOML: {why[:1].lower()}{why[1:]}", True)


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The IANA names that there are."""
    return frozenset(available_timezones())
