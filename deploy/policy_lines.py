"""On which line of a TOML file each key stands, which `tomllib` does not tell.

For a text that `tomllib` has read: what it refuses is not checked here again. A path is made of the
names of keys and of numbers in arrays, from 0: `("hold", 1, "when", "total_over")`.
Source of the syntax: TOML 1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
MAXIMUM_DEPTH = 64
"""Values within values; deeper ones have the line of what they are in."""

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}'
    r"|'''(?:[^']|'(?!''))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]*")


class Lines(NamedTuple):
    """Where the keys of a file stand."""

    known: dict[KeyPath, int]

    def of(self, path: KeyPath) -> int:
        """The line of a path, or of the nearest one that it is in; 1 for the file."""
        while path and path not in self.known:
            path = path[:-1]
        return self.known.get(path, 1)


def lines(text: str) -> Lines:
    """The lines of every table, key and element of an array."""
    scan = _Scan(text)
    scan.file()
    return Lines(scan.known)


class _Scan:
    """Goes over the text once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._arrays: dict[KeyPath, int] = {}
        self.known: dict[KeyPath, int] = {}

    def file(self) -> None:
        """Headers and the keys below them."""
        table: KeyPath = ()
        while self._skip():
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table, 0)

    def _skip(self) -> bool:
        """Go past blanks and comments; False at the end."""
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._at < len(self._text)

    def _here(self, path: KeyPath) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.known.setdefault(path, self._line)

    def _header(self) -> KeyPath:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        names = self._key()
        self._at += 2 if many else 1
        end, self._at = self._at, start
        path: KeyPath = ()
        for number, name in enumerate(names):
            path = (*path, name)
            if many and number == len(names) - 1:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            self._here(path)
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self._here(path)
        self._at = end
        return path

    def _key(self) -> list[str]:
        """The parts of a dotted key; stands behind it and its blanks afterwards."""
        names: list[str] = []
        while True:
            self._skip()
            found = _BARE.match(self._text, self._at)
            quoted = _STRING.match(self._text, self._at) if found is None else None
            match = found or quoted
            assert match is not None, "a key, for tomllib has read one"
            names.append(match[0] if quoted is None else str(tomllib.loads(f"k={match[0]}")["k"]))
            self._at = match.end()
            self._skip()
            if not self._text.startswith(".", self._at):
                return names
            self._at += 1

    def _pair(self, table: KeyPath, depth: int) -> None:
        start = self._at
        names = self._key()
        end, self._at = self._at, start
        path = table
        for name in names:
            path = (*path, name)
            self._here(path)
        self._at = end + 1
        self._value(path, depth)

    def _value(self, path: KeyPath, depth: int) -> None:
        self._skip()
        sign = self._text[self._at]
        if sign == "[":
            self._array(path, depth + 1)
        elif sign == "{":
            self._inline(path, depth + 1)
        else:
            found = _STRING.match(self._text, self._at) or _PLAIN.match(self._text, self._at)
            assert found is not None
            self._at = found.end()

    def _array(self, path: KeyPath, depth: int) -> None:
        self._at += 1
        number = 0
        while self._skip() and self._text[self._at] != "]":
            inside = (*path, number) if depth <= MAXIMUM_DEPTH else path
            self._here(inside)
            self._value(inside, depth)
            self._comma()
            number += 1
        self._at += 1

    def _inline(self, path: KeyPath, depth: int) -> None:
        self._at += 1
        while self._skip() and self._text[self._at] != "}":
            self._pair(path, depth)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        self._skip()
        if self._text.startswith(",", self._at):
            self._at += 1
