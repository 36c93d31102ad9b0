"""Tables of a policy's file, read key by key: every value checked, every error with its line.

Errors are collected, so that one run tells all of them; what could not be read has its default.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from difflib import get_close_matches
from typing import Any, NamedTuple

from deploy.policy_lines import KeyPath, Lines

MAXIMUM_TEXT = 200
MAXIMUM_LIST = 1_000
MAXIMUM_NUMBER = 1_000_000_000
MAXIMUM_DAYS = 365
"""of a duration"""
MINUTES = {"m": 1, "h": 60, "d": 1_440}
MINUTE_MS = 60_000
_DURATION = re.compile(r"([0-9]{1,6})([mhd])")
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Problem(NamedTuple):
    """Something wrong in the file, or something that cannot be meant."""

    line: int
    path: str
    message: str
    is_error: bool

    def text(self, file: str) -> str:
        """As it is told, e.g. `policy.toml:17: hold[2].when.total_over: …`."""
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}: {'' if self.is_error else 'warning: '}{where}{self.message}"


def shown(path: KeyPath) -> str:
    """A path as people read it; elements are counted from 1."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if _BARE.fullmatch(part) else repr(part[:40])
            text += f".{name}" if text else name
    return text


def closest(word: str, known: Iterable[str]) -> str:
    """What was meant; empty where nothing is like it."""
    return next(iter(get_close_matches(word, sorted(known), 1)), "")


def suggestion(word: str, known: Iterable[str]) -> str:
    """What was meant, or what there is."""
    words = sorted(known)
    close = closest(word, words)
    if close:
        return f"did you mean {close}?"
    return f"there {'are' if len(words) > 1 else 'is'} {', '.join(words)}"


def unknown(word: str, known: Iterable[str], source: str) -> str:
    """That a word is not known; of many that are, the `source` is named instead."""
    if not source:
        return f"{word!r} is not known; {suggestion(word, known)}"
    close = closest(word, known)
    return f"{word!r} is not {source}{f'; did you mean {close}?' if close else ''}"


class File:
    """A file that is being checked."""

    def __init__(self, lines: Lines, channels: Collection[str]) -> None:
        """`channels` are those that there are."""
        self._lines = lines
        self.channels = channels
        self.problems: list[Problem] = []

    def line(self, path: KeyPath) -> int:
        """The line that a path stands on."""
        return self._lines.of(path)

    def wrong(self, path: KeyPath, message: str) -> None:
        """An error."""
        self._note(path, message, True)

    def warn(self, path: KeyPath, message: str) -> None:
        """What cannot be meant."""
        self._note(path, message, False)

    def _note(self, path: KeyPath, message: str, is_error: bool) -> None:
        problem = Problem(self.line(path), shown(path), message, is_error)
        if problem not in self.problems:
            self.problems.append(problem)


class Table:
    """One table, and which of its keys have been read."""

    def __init__(self, file: File, path: KeyPath, content: dict[str, Any]) -> None:
        """`content` is what tomllib read at the path."""
        self.file = file
        self.path = path
        self._content = content
        self._read: list[str] = []

    @property
    def line(self) -> int:
        """The line that it begins on."""
        return self.file.line(self.path)

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def wrong(self, key: str, message: str) -> None:
        """An error at a key."""
        self.file.wrong((*self.path, key), message)

    def value(self, key: str) -> Any:
        """What stands there; None for nothing."""
        self._read.append(key)
        return self._content.get(key)

    def needed(self, key: str, example: str) -> None:
        """An error where the key is not there."""
        if key not in self._content:
            self.file.wrong(self.path, f"{key} is missing, e.g. {key} = {example}")

    def end(self) -> None:
        """An error at each key that nobody has read."""
        for key in self._content:
            if key not in self._read:
                left = [name for name in self._read if name not in self._content]
                self.wrong(key, f"there is no such key; {suggestion(key, left or self._read)}")

    def text(self, key: str, default: str = "") -> str:
        """A text that is not empty."""
        value = self.value(key)
        return default if value is None else (checked_text(self.file, (*self.path, key), value))

    def word(self, key: str, words: Collection[str], default: str = "") -> str:
        """One of these words."""
        value = self.value(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in words:
            self.wrong(key, f"{display(value)} is not one of {', '.join(words)}")
            return default
        return value

    def whole(self, key: str, least: int, most: int, default: int = 0) -> int:
        """A whole number."""
        value = self.value(key)
        if value is None:
            return default
        return checked_whole(self.file, (*self.path, key), value, least, most)

    def flag(self, key: str) -> bool:
        """true or false; false where it is not there."""
        value = self.value(key)
        if value is not None and not isinstance(value, bool):
            self.wrong(key, f"{display(value)} is not true or false")
        return value is True

    def duration(self, key: str) -> int:
        """A duration in milliseconds; 0 where there is none."""
        value = self.value(key)
        if value is None:
            return 0
        milliseconds = duration_ms(value) if isinstance(value, str) else 0
        if not milliseconds:
            self.wrong(
                key,
                f"{display(value)} is no duration up to {MAXIMUM_DAYS}d;"
                ' write it as "30m", "48h" or "3d"',
            )
        return milliseconds

    def minute(self, key: str, default: int) -> int:
        """A time of day in minutes from midnight."""
        value = self.value(key)
        if value is None:
            return default
        if isinstance(value, time) and not value.second and not value.microsecond:
            return value.hour * 60 + value.minute
        found = _TIME.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            self.wrong(key, f'{display(value)} is no time of day; write it as "14:00"')
            return default
        return int(found[1]) * 60 + int(found[2])

    def texts(self, key: str, words: Collection[str] = ()) -> list[str]:
        """A list of texts, each once; of these words where there are some."""
        value = self.value(key)
        if value is None:
            return []
        return checked_texts(self.file, (*self.path, key), value, words)

    def dates(self, key: str) -> list[str]:
        """A list of days as ISO 8601 has them."""
        value = self.value(key)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > MAXIMUM_LIST:
            self.wrong(key, f"{display(value)} is no list of days, e.g. [2025-12-25]")
            return []
        days: list[str] = []
        for number, day in enumerate(value):
            path = (*self.path, key, number)
            if not isinstance(day, date) or isinstance(day, datetime):
                self.file.wrong(path, f"{display(day)} is no day; write it as 2025-12-25")
            elif day.isoformat() in days:
                self.file.wrong(path, f"{day} is named twice")
            else:
                days.append(day.isoformat())
        return sorted(days)

    def table(self, key: str) -> Table | None:
        """A table within; None where there is none."""
        value = self.value(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, f"{display(value)} is no table; write [{shown((*self.path, key))}]")
            return None
        return Table(self.file, (*self.path, key), value)

    def tables(self, key: str) -> list[Table]:
        """An array of tables within."""
        value = self.value(key)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.wrong(key, f"is a list of rules; write [[{shown((*self.path, key))}]]")
            return []
        return [
            Table(self.file, (*self.path, key, number), one) for number, one in enumerate(value)
        ]

    def named(self, key: str) -> list[tuple[str, Table]]:
        """Tables within a table, by their names."""
        outer = self.table(key)
        if outer is None:
            return []
        names = [str(name) for name in outer._content]
        found = [(name, outer.table(name)) for name in names]
        return [(name, table) for name, table in found if table is not None]


def duration_ms(text: str) -> int:
    """`30m`, `48h` or `3d`, up to a year, in milliseconds; 0 for any other text."""
    found = _DURATION.fullmatch(text)
    minutes = int(found[1]) * MINUTES[found[2]] if found else 0
    return minutes * MINUTE_MS if minutes <= MAXIMUM_DAYS * MINUTES["d"] else 0


def display(value: object) -> str:
    """A value as the file has it, cut."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def checked_text(file: File, path: KeyPath, value: object) -> str:
    """The value, where it is a text that is neither empty nor too long."""
    if not isinstance(value, str):
        file.wrong(path, f"{display(value)} is no text; write it in quotation marks")
    elif not value.strip() or value != value.strip() or not value.isprintable():
        file.wrong(path, f"{display(value)} is empty, has blanks around it or control characters")
    elif len(value) > MAXIMUM_TEXT:
        file.wrong(path, f"is longer than {MAXIMUM_TEXT} characters")
    else:
        return value
    return ""


def checked_texts(
    file: File, path: KeyPath, value: object, words: Collection[str] = (), source: str = ""
) -> list[str]:
    """The value, where it is a list of texts, each once; of these words where there are some."""
    if not isinstance(value, list):
        file.wrong(path, f"{display(value)} is no list; write it in brackets, e.g. [{_as(value)}]")
        return []
    if not value or len(value) > MAXIMUM_LIST:
        file.wrong(path, f"has {len(value)} elements, and may have 1 to {MAXIMUM_LIST}")
        return []
    texts: list[str] = []
    for number, one in enumerate(value):
        text = checked_text(file, (*path, number), one)
        if text in texts and text:
            file.wrong((*path, number), f"{text!r} is named twice")
        elif text and words and text not in words:
            file.wrong((*path, number), unknown(text, words, source))
        elif text:
            texts.append(text)
    return texts


def _as(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else display(value)


def checked_whole(file: File, path: KeyPath, value: object, least: int, most: int) -> int:
    """The value, where it is a whole number within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        file.wrong(path, f"{display(value)} is no whole number")
        return least
    if not least <= value <= most:
        file.wrong(path, f"{value} is not within {least} and {most}")
        return least
    return value
