"""What the accounting room decides about documents and payments, in the order of its checks.

A key that is known is answered first: the same content changes nothing, other content is refused.
What is refused takes no number, so a number is only ever missing where none was given.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from schemas.accounting import (
    CreditNoteIssued,
    DocumentLine,
    DocumentLineKind,
    DocumentState,
    EntryState,
    InvoicedLine,
    InvoiceIssued,
    IssueCreditNote,
    IssueInvoice,
    Kind,
    LegalEntityState,
    PaymentKind,
    PostPayment,
    Refusal,
)
from schemas.money import EXPONENTS, MAXIMUM_MINOR
from schemas.payments import Method
from streams.accounting import journal
from streams.accounting.books import Books
from streams.accounting.model import (
    MAXIMUM_LINES,
    MAXIMUM_RATE_PPM,
    document_state,
    payment_state,
)
from streams.content import hash_of

Refused = tuple[Refusal, str]
_LINE_KINDS = frozenset(one.value for one in DocumentLineKind)
_PAYMENT_KINDS = frozenset(one.value for one in PaymentKind)
_METHODS = frozenset(one.value for one in Method)


def invoice(books: Books, command: IssueInvoice) -> None:
    """Give the invoice its number and enter it, or refuse it."""
    key = document_state(books.legal_entity, command.document_key)
    digest = _hash(Kind.INVOICE, command, "")
    known = books.get(key, DocumentState)
    if known is not None and known.content_hash == digest:
        return
    entity = books.entity
    refused = _known_otherwise(known) or _unknown_entity(entity) or _faulty(command)
    if refused is not None or entity is None:
        _refuse(books, command, refused)
        return
    supplied_at_ms = books.not_later(command.issued_at_ms)
    number, issued_at_ms = books.number(Kind.INVOICE, supplied_at_ms)
    books.tell(_issued(books, entity, command, number, issued_at_ms, supplied_at_ms))
    sums = journal.of_invoice(command.lines)
    entry_id = f"{Kind.INVOICE}/{command.document_key}"
    books.enter(entry_id, issued_at_ms, command.currency, sums, number, command.order_id)
    lines = [
        InvoicedLine(
            line.line_id, line.kind, line.tax_rate_ppm, line.quantity, line.net_minor,
            line.tax_minor, 0, 0, 0,
        )
        for line in command.lines
    ]  # fmt: skip
    books.put(
        key,
        DocumentState(
            command.document_key, Kind.INVOICE, number, command.order_id, digest, command.currency,
            lines,
        ),
    )  # fmt: skip


def credit_note(books: Books, command: IssueCreditNote) -> None:
    """Give the credit note its number and enter it, or refuse it."""
    key = document_state(books.legal_entity, command.document_key)
    digest = _hash(Kind.CREDIT_NOTE, command, command.invoice_key)
    known = books.get(key, DocumentState)
    if known is not None and known.content_hash == digest:
        return
    entity = books.entity
    refused = _known_otherwise(known) or _unknown_entity(entity) or _faulty(command)
    if refused is not None or entity is None:
        _refuse(books, command, refused)
        return
    invoice_state = document_state(books.legal_entity, command.invoice_key)
    invoiced = books.get(invoice_state, DocumentState)
    refused = _not_of(invoiced, command)
    if refused is not None or invoiced is None:
        _refuse(books, command, refused)
        return
    supplied_at_ms = books.not_later(command.issued_at_ms)
    number, issued_at_ms = books.number(Kind.CREDIT_NOTE, supplied_at_ms)
    books.tell(
        _credited(books, entity, command, invoiced.number, number, issued_at_ms, supplied_at_ms)
    )
    sums = journal.of_credit_note(command.lines)
    entry_id = f"{Kind.CREDIT_NOTE}/{command.document_key}"
    books.enter(entry_id, issued_at_ms, command.currency, sums, number, command.order_id)
    books.put(invoice_state, replace(invoiced, lines=_less(invoiced.lines, command.lines)))
    books.put(
        key,
        DocumentState(
            command.document_key, Kind.CREDIT_NOTE, number, command.order_id, digest,
            command.currency, [],
        ),
    )  # fmt: skip


def payment(books: Books, command: PostPayment) -> None:
    """Enter money into the journal, or refuse it."""
    key = payment_state(books.legal_entity, command.entry_key)
    digest = hash_of(
        (
            command.order_id, command.tender_id, command.kind, command.method,
            command.amount_minor, command.currency,
        )
    )  # fmt: skip
    known = books.get(key, EntryState)
    if known is not None and known.content_hash == digest:
        return
    refused = _entered_otherwise(known) or _unknown_entity(books.entity) or _faulty_payment(command)
    if refused is not None:
        books.refuse(command, command.entry_key, command.order_id, *refused)
        return
    entry_id = f"{command.kind}/{command.entry_key}"
    sums = journal.of_payment(command)
    at_ms = books.not_later(command.at_ms)
    number = books.enter(entry_id, at_ms, command.currency, sums, "", command.order_id)
    books.put(key, EntryState(digest, number))


def _hash(kind: Kind, command: IssueInvoice | IssueCreditNote, invoice_key: str) -> int:
    """Of what is owed by whom; the same sealed anew, or dated anew, is the same document."""
    lines = [
        (
            line.line_id, line.kind, line.sku, line.quantity, line.net_minor, line.tax_minor,
            line.tax_rate_ppm,
        )
        for line in command.lines
    ]  # fmt: skip
    return hash_of(
        (kind, command.order_id, command.currency, command.total_minor, invoice_key, lines)
    )


def _known_otherwise(known: DocumentState | None) -> Refused | None:
    if known is None:
        return None
    return Refusal.DOCUMENT_CONFLICT, f"{known.number} has this key and other content"


def _entered_otherwise(known: EntryState | None) -> Refused | None:
    if known is None:
        return None
    return Refusal.DOCUMENT_CONFLICT, f"entry {known.number} has this key and other content"


def _unknown_entity(entity: LegalEntityState | None) -> Refused | None:
    if entity is None:
        return Refusal.UNKNOWN_ENTITY, "no such legal entity was set"
    return None


def _faulty(command: IssueInvoice | IssueCreditNote) -> Refused | None:
    fault = _lines_fault(command.lines) or _document_fault(command)
    if fault:
        return Refusal.INVALID_LINES, fault
    total = sum(line.net_minor + line.tax_minor for line in command.lines)
    if total != command.total_minor:
        return Refusal.SUM_DIFFERS, f"the lines come to {total}, not to {command.total_minor}"
    return None


def _faulty_payment(command: PostPayment) -> Refused | None:
    fault = ""
    if not command.entry_key:
        fault = "it has no key"
    elif command.kind not in _PAYMENT_KINDS:
        fault = f"its kind is none of {', '.join(PaymentKind)}"
    elif command.method not in _METHODS:
        fault = f"its method is none of {', '.join(Method)}"
    elif command.currency not in EXPONENTS:
        fault = "its currency is none of ISO 4217"
    elif not 1 <= command.amount_minor <= MAXIMUM_MINOR:
        fault = "its amount is below 1, or too large"
    return (Refusal.INVALID_PAYMENT, fault) if fault else None


def _document_fault(command: IssueInvoice | IssueCreditNote) -> str:
    if not command.document_key:
        return "it has no key"
    if command.currency not in EXPONENTS:
        return "its currency is none of ISO 4217"
    if not 0 <= command.total_minor <= MAXIMUM_MINOR:
        return "its total is below 0, or too large"
    return ""


def _lines_fault(lines: Sequence[DocumentLine]) -> str:
    """Why they are no lines of a document; empty when they are."""
    if not 1 <= len(lines) <= MAXIMUM_LINES:
        return f"it has {len(lines)} lines, and must have 1 to {MAXIMUM_LINES}"
    if len({line.line_id for line in lines}) < len(lines):
        return "two of its lines have the same id"
    for line in lines:
        fault = _line_fault(line)
        if fault:
            return f"line {line.line_id[:40]}: {fault}"
    return ""


def _line_fault(line: DocumentLine) -> str:
    if line.kind not in _LINE_KINDS:
        return f"its kind is none of {', '.join(DocumentLineKind)}"
    if line.kind == DocumentLineKind.ROUNDING:
        if line.tax_minor or line.tax_rate_ppm:
            return "a rounding has no tax"
    elif line.net_minor < 0:
        return "its net sum is below 0"
    if line.quantity < 0 or line.tax_minor < 0:
        return "its pieces or its tax are below 0"
    if not 0 <= line.tax_rate_ppm <= MAXIMUM_RATE_PPM:
        return "its tax rate is below 0, or too large"
    if max(abs(line.net_minor), line.tax_minor) > MAXIMUM_MINOR:
        return "a sum of it is too large"
    return ""


def _not_of(invoiced: DocumentState | None, command: IssueCreditNote) -> Refused | None:
    """Why it is no credit note of the invoice; None where it is."""
    if invoiced is None or invoiced.kind != Kind.INVOICE or invoiced.order_id != command.order_id:
        return Refusal.UNKNOWN_INVOICE, "no invoice of this order has that key"
    if invoiced.currency != command.currency:
        return Refusal.CURRENCY_DIFFERS, f"{invoiced.number} is in {invoiced.currency}"
    by_id = {line.line_id: line for line in invoiced.lines}
    for line in command.lines:
        of = by_id.get(line.line_id)
        if of is None or (of.kind, of.tax_rate_ppm) != (line.kind, line.tax_rate_ppm):
            detail = f"{invoiced.number} has no such line {line.line_id[:40]}"
            return Refusal.LINE_DIFFERS, detail
    for line in command.lines:
        if _exceeds(by_id[line.line_id], line):
            detail = f"of line {line.line_id[:40]} less is left of {invoiced.number}"
            return Refusal.MORE_THAN_INVOICED, detail
    left = sum(
        line.net_minor + line.tax_minor - line.credited_net_minor - line.credited_tax_minor
        for line in invoiced.lines
    )
    if command.total_minor > left:
        return Refusal.MORE_THAN_INVOICED, f"of {invoiced.number} {left} are left"
    return None


def _exceeds(invoiced: InvoicedLine, line: DocumentLine) -> bool:
    """Whether more is credited than is left; a rounding down is credited below 0."""
    left = invoiced.net_minor - invoiced.credited_net_minor
    net = line.net_minor
    if invoiced.net_minor < 0:
        left, net = -left, -net
    return (
        not 0 <= net <= left
        or line.tax_minor > invoiced.tax_minor - invoiced.credited_tax_minor
        or line.quantity > invoiced.quantity - invoiced.credited_quantity
    )


def _less(lines: Sequence[InvoicedLine], credited: Sequence[DocumentLine]) -> list[InvoicedLine]:
    by_id = {line.line_id: line for line in credited}
    following = []
    for line in lines:
        taken = by_id.get(line.line_id)
        if taken is not None:
            line = replace(
                line,
                credited_quantity=line.credited_quantity + taken.quantity,
                credited_net_minor=line.credited_net_minor + taken.net_minor,
                credited_tax_minor=line.credited_tax_minor + taken.tax_minor,
            )
        following.append(line)
    return following


def _refuse(books: Books, command: IssueInvoice | IssueCreditNote, refused: Refused | None) -> None:
    assert refused is not None
    books.refuse(command, command.document_key, command.order_id, *refused)


def _issued(
    books: Books, entity: LegalEntityState, command: IssueInvoice, number: str, issued_at_ms: int,
    supplied_at_ms: int,
) -> InvoiceIssued:  # fmt: skip
    return InvoiceIssued(
        legal_entity=books.legal_entity,
        document_key=command.document_key,
        number=number,
        order_id=command.order_id,
        currency=command.currency,
        lines=command.lines,
        total_minor=command.total_minor,
        date=books.date(issued_at_ms),
        issued_at_ms=issued_at_ms,
        supplied_at_ms=supplied_at_ms,
        due_at_ms=command.due_at_ms,
        customer_id=command.customer_id,
        key_id=command.key_id,
        personal=command.personal,
        purchase_order_number=command.purchase_order_number,
        seller_name=entity.name,
        seller_address=entity.address,
        seller_tax_id=entity.tax_id,
        notes=entity.notes,
        time_zone=entity.time_zone,
        reason=command.reason,
        at_ms=books.now_ms,
    )


def _credited(
    books: Books, entity: LegalEntityState, command: IssueCreditNote, invoice_number: str,
    number: str, issued_at_ms: int, supplied_at_ms: int,
) -> CreditNoteIssued:  # fmt: skip
    return CreditNoteIssued(
        legal_entity=books.legal_entity,
        document_key=command.document_key,
        number=number,
        invoice_key=command.invoice_key,
        invoice_number=invoice_number,
        order_id=command.order_id,
        currency=command.currency,
        lines=command.lines,
        total_minor=command.total_minor,
        date=books.date(issued_at_ms),
        issued_at_ms=issued_at_ms,
        supplied_at_ms=supplied_at_ms,
        customer_id=command.customer_id,
        key_id=command.key_id,
        personal=command.personal,
        purchase_order_number=command.purchase_order_number,
        seller_name=entity.name,
        seller_address=entity.address,
        seller_tax_id=entity.tax_id,
        notes=entity.notes,
        time_zone=entity.time_zone,
        reason=command.reason,
        at_ms=books.now_ms,
    )
