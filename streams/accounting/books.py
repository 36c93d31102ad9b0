"""The books of one legal entity while one command is decided: read once, written back once."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from schemas.accounting import (
    DEFAULT_ENTITY,
    DocumentRefused,
    JournalEntry,
    Kind,
    LegalEntityState,
    Refusal,
    Series,
)
from schemas.messages import Send, States
from schemas.records import Record
from schemas.topics import ACCOUNTING_EVENTS, ACCOUNTING_JOURNAL
from streams.accounting import journal
from streams.accounting.model import fiscal_year, local, unset

R = TypeVar("R", bound=Record)


class Books:
    """One legal entity's records. A change of the entity reaches the states only by `close`."""

    __slots__ = ("_before", "_states", "entity", "legal_entity", "now_ms", "sends")

    def __init__(self, legal_entity: str, states: States, now_ms: int) -> None:
        found = states.get(legal_entity)
        assert found is None or isinstance(found, LegalEntityState)
        if found is None and legal_entity == DEFAULT_ENTITY:
            found = unset(legal_entity)
        self.legal_entity = legal_entity
        self.now_ms = now_ms
        self.sends: list[Send] = []
        self.entity: LegalEntityState | None = found
        """rules set it to what is to be; None where nobody has set it"""
        self._before = found
        self._states = states

    def get(self, key: str, kind: type[R]) -> R | None:
        """A further state by its whole key; None where there is none."""
        found = self._states.get(key)
        assert found is None or isinstance(found, kind), f"{key} is a {type(found).__name__}"
        return found

    def put(self, key: str, record: Record) -> None:
        """Set a further state."""
        self._states.put(key, record)

    def tell(self, event: Record) -> None:
        """Write an event."""
        self.sends.append(Send(ACCOUNTING_EVENTS, self.legal_entity, event))

    def refuse(
        self, command: Record, key: str, order_id: str, reason: Refusal, detail: str
    ) -> None:
        """Say that a command changes nothing, and why."""
        name = type(command).__name__
        self.tell(
            DocumentRefused(self.legal_entity, key, order_id, name, reason, detail, self.now_ms)
        )

    def not_later(self, at_ms: int) -> int:
        """The moment, but not one that has not come; now where none is given."""
        return min(at_ms, self.now_ms) if at_ms > 0 else self.now_ms

    def number(self, kind: Kind, issued_at_ms: int) -> tuple[str, int]:
        """The next number of a kind, which is then taken, and the moment that dates it.

        Numbers of a kind have the order of their dates: a document that comes after a later one
        has that one's date.
        """
        entity = self._known()
        invoice = kind == Kind.INVOICE
        at_ms = max(issued_at_ms, entity.invoiced_at_ms if invoice else entity.credited_at_ms)
        template = entity.invoice_prefix if invoice else entity.credit_note_prefix
        year = fiscal_year(local(at_ms, entity.time_zone), entity.fiscal_year_start_month)
        prefix = template.replace("{year}", str(year))
        last = next((each.last for each in entity.series if each.prefix == prefix), 0)
        following = Series(kind, prefix, last + 1)
        self.entity = replace(
            entity,
            series=[*(each for each in entity.series if each.prefix != prefix), following],
            invoiced_at_ms=at_ms if invoice else entity.invoiced_at_ms,
            credited_at_ms=entity.credited_at_ms if invoice else at_ms,
        )
        return f"{prefix}{following.last:0{entity.digits}d}", at_ms

    def date(self, at_ms: int) -> str:
        """The day of a moment in the entity's time zone, ISO 8601."""
        return local(at_ms, self._known().time_zone).date().isoformat()

    def enter(
        self, entry_id: str, at_ms: int, currency: str, sums: journal.Sums, document: str,
        order_id: str,
    ) -> int:  # fmt: skip
        """Write an entry to the journal and return its number; 0 where there is nothing to enter.

        Raises UnbalancedEntry.
        """
        entity = self._known()
        postings = journal.postings(entity.accounts, sums)
        if not postings:
            return 0
        number = entity.entries + 1
        entry = JournalEntry(
            self.legal_entity, number, entry_id, self.date(at_ms), currency, postings, document,
            order_id, self.now_ms,
        )  # fmt: skip
        self.sends.append(Send(ACCOUNTING_JOURNAL, self.legal_entity, entry))
        self.entity = replace(entity, entries=number)
        return number

    def close(self) -> list[Send]:
        """Put what has changed into the states; what is to be written."""
        if self.entity is not None and self.entity is not self._before:
            self._states.put(self.legal_entity, self.entity)
        return self.sends

    def _known(self) -> LegalEntityState:
        assert self.entity is not None
        return self.entity
