"""Invoices, credit notes and the journal. No I/O, nothing of the project.

Numbers have no gap and stand once, documents add up, every entry balances, and what is invoiced
for an order less what is credited is what was captured for its shipments less what was refunded for
their lines.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

Broken = Callable[[str, str, str], None]
_NUMBER = re.compile(r"(.*?)([0-9]+)\Z", re.DOTALL)


class Books:
    """Takes what the accounting room writes."""

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._entries: dict[str, list[int]] = defaultdict(list)
        self.billed: Counter[tuple[str, str]] = Counter()
        """order and currency, to what is invoiced less what is credited"""

    def feed(self, name: str, told: dict[str, Any]) -> None:
        """Take the next record."""
        match name:
            case "InvoiceIssued" | "CreditNoteIssued":
                self._document(name, told)
            case "DocumentRefused":
                self._broken("documents_add_up", told["document_key"], told["reason"])
            case "JournalEntry":
                self._entry(told)

    def _document(self, name: str, told: dict[str, Any]) -> None:
        split = _NUMBER.match(told["number"])
        if split is None:
            self._broken("numbers_without_gap", told["number"], "has no number at its end")
            return
        self._numbers[told["legal_entity"], split[1]].append(int(split[2]))
        lines = sum(line["net_minor"] + line["tax_minor"] for line in told["lines"])
        if lines != told["total_minor"]:
            detail = f"lines come to {lines}, told {told['total_minor']}"
            self._broken("documents_add_up", told["number"], detail)
        sign = 1 if name == "InvoiceIssued" else -1
        self.billed[told["order_id"], told["currency"]] += sign * told["total_minor"]

    def _entry(self, told: dict[str, Any]) -> None:
        self._entries[told["legal_entity"]].append(told["number"])
        debit = sum(one["debit_minor"] for one in told["postings"])
        credit = sum(one["credit_minor"] for one in told["postings"])
        if debit != credit:
            self._broken("journal_balances", told["entry_id"], f"{debit} against {credit}")

    def judge(self) -> None:
        """What can be judged only at the end."""
        series = [(" ".join(name), found) for name, found in self._numbers.items()]
        for name, found in (*series, *self._entries.items()):
            if sorted(found) != list(range(1, len(found) + 1)):
                lacking = sorted(set(range(1, len(found) + 1)) - set(found))[:5]
                detail = f"{len(found)} of them, without {lacking}"
                self._broken("numbers_without_gap", name, detail)
