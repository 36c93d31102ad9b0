"""How the columns of somebody's table are called and written: a mapping to those of `csv`.

    [columns]                     our column = "their column"
    external_id = "Order"
    [constants]                   our column = "what every row has"
    currency = "EUR"

and above these, each of which may be left out: `time_format` as strptime takes it, `time_zone`
(an IANA name) of times that name none, `decimal` ("." or ","), `separator` and `encoding` of a
CSV file, `sheet` of a workbook. A column that is neither ours nor mapped is not read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REQUIRED = (
    "external_id", "placed_at", "currency", "sku", "quantity", "unit_price", "total",
    "payment_token",
)  # fmt: skip
OPTIONAL = (
    "updated_at", "discount", "shipping", "tax", "name", "company", "line1", "line2", "city",
    "region", "postal_code", "country", "latitude", "longitude", "billing_country", "email",
    "email_verified", "phone", "phone_verified", "customer_id", "note",
)  # fmt: skip
FIELDS = frozenset(REQUIRED + OPTIONAL)
"""The columns that the `csv` channel reads."""
TIMES = frozenset({"placed_at", "updated_at"})
AMOUNTS = frozenset({"unit_price", "discount", "shipping", "tax", "total"})
NUMBERS = AMOUNTS | {"quantity", "latitude", "longitude"}
ENCODINGS = ("utf-8", "utf-16", "windows-1252", "iso-8859-1", "iso-8859-15")
_KEYS = frozenset({"columns", "constants", "time_format", "time_zone", "decimal", "separator",
                   "encoding", "sheet"})  # fmt: skip


class BadTable(ValueError):
    """The file, or the column mapping, is not what it should be; the message says where."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How a table's columns are called and written."""

    names: dict[str, str] = field(default_factory=dict)
    """ours by theirs"""
    constants: dict[str, str] = field(default_factory=dict)
    """what every row has, e.g. currency"""
    time_format: str = ""
    """as strptime takes it; empty for ISO 8601"""
    time_zone: tzinfo | None = None
    """of times that name none; without it those of `time_format` are UTC, others are refused"""
    decimal: str = "."
    separator: str = ","
    encoding: str = "utf-8"
    sheet: str = ""
    """of a workbook that has several"""

    def ours(self, theirs: str) -> str:
        """The field that a column of theirs is; empty for one that is not read."""
        found = self.names.get(theirs, theirs)
        return found if found in FIELDS and found not in self.constants else ""

    def missing(self, header: Iterable[str]) -> list[str]:
        """Columns of theirs that the mapping names and the header lacks."""
        return sorted(self.names.keys() - set(header))

    def cell(self, name: str, text: str) -> str:
        """A cell as the channel wants it; what cannot be read stays, for the channel to refuse."""
        text = text.strip()
        if name in TIMES and text:
            return self._time(text)
        if name in AMOUNTS and self.decimal == ",":
            # A point then groups thousands; what it groups is refused rather than guessed.
            return text.replace(".", " ").replace(",", ".")
        return text

    def _time(self, text: str) -> str:
        try:
            if self.time_format:
                when = datetime.strptime(text, self.time_format)
                return self.zoned(
                    when if when.tzinfo or self.time_zone else when.replace(tzinfo=UTC)
                )
            return self.zoned(datetime.fromisoformat(text)) if self.time_zone else text
        except ValueError:
            return text

    def zoned(self, when: datetime) -> str:
        """ISO 8601, in the mapping's zone where `when` has none; the first of two such hours."""
        return (when if when.tzinfo else when.replace(tzinfo=self.time_zone)).isoformat()


def columns_of(text: str) -> Columns:
    """A column mapping written as TOML. Raises BadTable."""
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadTable(f"not TOML: {error}") from error
    return columns_of_table(read)


def columns_of_table(read: dict[str, object]) -> Columns:
    """A column mapping as a table of TOML. Raises BadTable."""
    unknown = sorted(read.keys() - _KEYS)
    if unknown:
        raise BadTable(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(_KEYS))}")
    decimal, separator = _text(read, "decimal", "."), _text(read, "separator", ",")
    if decimal not in (".", ",") or len(separator) != 1:
        raise BadTable("decimal is . or , and separator one character")
    encoding = _text(read, "encoding", ENCODINGS[0]).lower()
    if encoding not in ENCODINGS:
        raise BadTable(f"encoding is none of {', '.join(ENCODINGS)}")
    named, constants = _texts(read, "columns"), _texts(read, "constants")
    twice = sorted(named.keys() & constants.keys())
    if twice:
        raise BadTable(f"{twice[0]} is a column and a constant as well")
    names = {theirs: ours for ours, theirs in named.items()}
    if len(names) < len(named):
        raise BadTable("columns: one of their columns is named twice")
    return Columns(
        names, constants, _text(read, "time_format", ""), _zone(_text(read, "time_zone", "")),
        decimal, separator, encoding, _text(read, "sheet", ""),
    )  # fmt: skip


def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadTable(f"time_zone: there is no zone {name[:60]!r}") from error


def _text(read: dict[str, object], name: str, default: str) -> str:
    value = read.get(name, default)
    if not isinstance(value, str):
        raise BadTable(f"{name} is not text")
    return value


def _texts(read: dict[str, object], name: str) -> dict[str, str]:
    value = read.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise BadTable(f"{name} is not a table of texts")
    unknown = sorted(value.keys() - FIELDS)
    if unknown:
        raise BadTable(f"{name}: there is no column {unknown[0]}; there are "
                       f"{', '.join(REQUIRED + OPTIONAL)}")  # fmt: skip
    return value
