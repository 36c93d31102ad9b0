"""The accounting journal as rows that an ERP imports: per day and account, or entry by entry.

Every day of every legal entity and currency balances, or nothing is written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple, TextIO

from schemas.accounting import JournalEntry
from schemas.money import EXPONENTS

PER_DAY = (
    "legal_entity", "date", "account", "purpose", "tax_rate", "method", "currency", "debit",
    "credit", "balance", "entries",
)  # fmt: skip
PER_ENTRY = (
    "legal_entity", "number", "entry_id", "date", "account", "purpose", "tax_rate", "method",
    "currency", "debit", "credit", "document", "order_id",
)  # fmt: skip


class Unbalanced(ValueError):
    """The journal does not balance; the message says where."""


class Side(NamedTuple):
    """What is added up: one account on one day."""

    legal_entity: str
    date: str
    currency: str
    account: str
    purpose: str
    tax_rate_ppm: int
    method: str


class DayOfAccount(NamedTuple):
    """What an account came to on a day, in minor units."""

    side: Side
    debit_minor: int
    credit_minor: int
    entries: int


def within(entries: Iterable[JournalEntry], since: str, until: str) -> Iterator[JournalEntry]:
    """Entries of the days from `since` to `until`, both included; an empty one is no bound."""
    for entry in entries:
        if since <= entry.date and (not until or entry.date <= until):
            yield entry


def per_day(entries: Iterable[JournalEntry]) -> list[DayOfAccount]:
    """The sums of each account on each day, by day and account. Raises Unbalanced."""
    sums: dict[Side, list[int]] = {}
    for entry in entries:
        balanced(entry)
        seen: set[Side] = set()
        for each in entry.postings:
            side = Side(
                entry.legal_entity, entry.date, entry.currency, each.account, each.purpose,
                each.tax_rate_ppm, each.method,
            )  # fmt: skip
            found = sums.setdefault(side, [0, 0, 0])
            found[0] += each.debit_minor
            found[1] += each.credit_minor
            found[2] += side not in seen
            seen.add(side)
    return [DayOfAccount(side, *found) for side, found in sorted(sums.items())]


def balanced(entry: JournalEntry) -> None:
    """Raises Unbalanced where the debits of an entry are not its credits."""
    debit = sum(each.debit_minor for each in entry.postings)
    credit = sum(each.credit_minor for each in entry.postings)
    if debit != credit:
        raise Unbalanced(
            f"entry {entry.number} of {entry.legal_entity}: {debit} on the debit side,"
            f" {credit} on the credit side"
        )


def complete(entries: Iterable[JournalEntry]) -> Iterator[JournalEntry]:
    """The same entries. Raises Unbalanced where one is missing or stands twice."""
    last: dict[str, int] = {}
    for entry in entries:
        expected = last.get(entry.legal_entity, 0) + 1
        if entry.number != expected:
            raise Unbalanced(
                f"entry {expected} of {entry.legal_entity} is missing: {entry.number} follows"
            )
        last[entry.legal_entity] = expected
        yield entry


def write_per_day(days: Iterable[DayOfAccount], out: TextIO) -> None:
    """CSV with the header PER_DAY, in major units, as ERPs import it."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(PER_DAY)
    for (entity, date, currency, account, purpose, rate, method), debit, credit, count in days:
        rows.writerow(
            (
                _text(entity), date, _text(account), purpose, _rate(rate), method, currency,
                _major(debit, currency), _major(credit, currency),
                _major(debit - credit, currency), count,
            )
        )  # fmt: skip


def write_entries(entries: Iterable[JournalEntry], out: TextIO) -> None:
    """CSV with the header PER_ENTRY, a row for each posting. Raises Unbalanced."""
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(PER_ENTRY)
    for entry in entries:
        balanced(entry)
        for each in entry.postings:
            rows.writerow(
                (
                    _text(entry.legal_entity), entry.number, _text(entry.entry_id), entry.date,
                    _text(each.account), each.purpose, _rate(each.tax_rate_ppm), each.method,
                    entry.currency, _major(each.debit_minor, entry.currency),
                    _major(each.credit_minor, entry.currency), _text(entry.document),
                    _text(entry.order_id),
                )
            )  # fmt: skip


def _major(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-EXPONENTS.get(currency, 2)):f}"


def _rate(rate_ppm: int) -> str:
    """In percent; empty where the account is of no rate."""
    if rate_ppm < 0:
        return ""
    return f"{Decimal(rate_ppm).scaleb(-4).normalize():f}"


def _text(words: str) -> str:
    """Words that a spreadsheet does not take for a formula.

    Source: OWASP, "CSV Injection": a cell that begins with one of these is preceded by a quote.
    """
    return f"'{words}" if words[:1] in "=+-@\t\r" and words else words
