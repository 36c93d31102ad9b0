"""The wiring of the accounting room: which topics, which states, which rule for which command."""

from __future__ import annotations

from schemas.accounting import IssueCreditNote, IssueInvoice, PostPayment, SetLegalEntity
from schemas.messages import Inbound, Send, States
from schemas.topics import ACCOUNTING_COMMANDS, ACCOUNTING_DEAD_LETTER, ACCOUNTING_STATE, Topic
from streams.accounting import entity, rules
from streams.accounting.books import Books


class AccountingRoom:
    """Decides about documents and the journal. State keys: see schemas/topics.py."""

    name: str = "accounting"
    commands: Topic = ACCOUNTING_COMMANDS
    state: Topic | None = ACCOUNTING_STATE
    dead_letter: Topic = ACCOUNTING_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command.

        Raises TypeError for a foreign record, and ValueError for one under another entity's key:
        elsewhere its numbers would be given twice.
        """
        command = inbound.record
        if not isinstance(command, IssueInvoice | IssueCreditNote | PostPayment | SetLegalEntity):
            raise TypeError(f"the accounting room takes no {type(command).__name__}")
        if command.legal_entity != inbound.key:
            raise ValueError("the record's key is not its legal entity")
        books = Books(inbound.key, states, now_ms)
        match command:
            case IssueInvoice():
                rules.invoice(books, command)
            case IssueCreditNote():
                rules.credit_note(books, command)
            case PostPayment():
                rules.payment(books, command)
            case SetLegalEntity():
                entity.decide(books, command)
        return books.close()

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the accounting room keeps no timers")
