"""Accounting: invoices, credit notes and the journal. Key of every record: legal_entity.

A legal entity is who sells, and who numbers its documents without a gap. All of one stands in one
partition, so that its numbers and its journal have one order.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import field

from schemas.records import Millis, Record

DEFAULT_ENTITY = "default"
"""The legal entity that is there without SetLegalEntity."""


class Kind(StrEnum):
    """What a document is."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class DocumentLineKind(StrEnum):
    """What a line of a document is of; says to which account its net sum goes."""

    GOODS = "goods"
    CUSTOM = "custom"
    BUNDLE = "bundle"
    FEE = "fee"
    SHIPPING = "shipping"
    GIFT_CARD = "gift_card"
    """sold: a debt until it is redeemed, and no revenue"""
    ROUNDING = "rounding"
    """without tax; the only one whose net sum may be below 0"""


class PaymentKind(StrEnum):
    """What happened to money."""

    CAPTURED = "captured"
    """taken at a gateway, a channel or from a gift card"""
    RECEIVED = "received"
    """came in by itself: an invoice that is paid, cash that a carrier has collected"""
    REFUNDED = "refunded"
    """given back by the same way"""


class Purpose(StrEnum):
    """What an account is for. Which side it is on stands in streams/accounting/accounts.py."""

    RECEIVABLES = "receivables"
    REVENUE = "revenue"
    SHIPPING_REVENUE = "shipping_revenue"
    REFUNDS = "refunds"
    """revenue that credit notes take back"""
    TAX_PAYABLE = "tax_payable"
    CLEARING = "clearing"
    """money on its way from a gateway, a channel, a carrier or a bank, by method"""
    GIFT_CARD_LIABILITY = "gift_card_liability"
    ROUNDING = "rounding"


class Refusal(StrEnum):
    """Why a document or an entry is refused; the order of checks."""

    DOCUMENT_CONFLICT = "document_conflict"
    INVALID_ENTITY = "invalid_entity"
    UNKNOWN_ENTITY = "unknown_entity"
    INVALID_LINES = "invalid_lines"
    INVALID_PAYMENT = "invalid_payment"
    SUM_DIFFERS = "sum_differs"
    UNKNOWN_INVOICE = "unknown_invoice"
    CURRENCY_DIFFERS = "currency_differs"
    LINE_DIFFERS = "line_differs"
    MORE_THAN_INVOICED = "more_than_invoiced"


class DocumentLine(Record, frozen=True):
    """A line of an invoice or a credit note. Sums are 0 or more on both."""

    line_id: str
    """unique within the document; a credit note names the invoice's"""
    sku: str
    """empty where it has none"""
    title: str
    """for people"""
    quantity: int
    """pieces; 0 where a credit note gives money back and no pieces"""
    net_minor: int
    """of the whole line, after its discounts and its share of the order's, without tax"""
    tax_minor: int
    """of the whole line"""
    tax_rate_ppm: int
    """millionths of the net sum: 190000 is 19 %; 0 for none"""
    kind: str = "goods"
    """one of DocumentLineKind"""


class IssueInvoice(Record, frozen=True):
    """Give an invoice its number. The same again has the same number, other content is refused."""

    legal_entity: str
    document_key: str
    """unique among the documents of the entity, e.g. order_id/shipment_id"""
    order_id: str
    currency: str
    lines: list[DocumentLine]
    total_minor: int
    """what the buyer owes: net and tax of all lines"""
    issued_at_ms: Millis
    """of the supply; dates the invoice where no later one has its number already"""
    customer_id: str = ""
    key_id: str = ""
    personal: bytes = b""
    """encrypted schemas.customers.Personal of the buyer; empty where nobody is named"""
    due_at_ms: Millis = 0
    """0: at once, or paid already"""
    purchase_order_number: str = ""
    """the buyer's own"""
    reason: str = ""
    """words for the buyer; may be empty"""


class IssueCreditNote(Record, frozen=True):
    """Take back an invoice or a part of it. The same again has the same number, other content is
    refused; so is more than was invoiced, less what was credited before, in total or of a line."""

    legal_entity: str
    document_key: str
    """unique among the documents of the entity, e.g. order_id/refund_id"""
    invoice_key: str
    """document_key of the invoice"""
    order_id: str
    currency: str
    lines: list[DocumentLine]
    total_minor: int
    """what the buyer no longer owes, or gets back: net and tax of all lines"""
    issued_at_ms: Millis
    customer_id: str = ""
    key_id: str = ""
    personal: bytes = b""
    """encrypted schemas.customers.Personal of the buyer; empty where nobody is named"""
    purchase_order_number: str = ""
    """the buyer's own"""
    reason: str = ""
    """words for the buyer; may be empty"""


class PostPayment(Record, frozen=True):
    """Enter money into the journal. The same entry_key again changes nothing; other content under
    it is refused. Of an invoice or a delivery only what is received, and what is given back of it,
    moves money: what is captured of it makes no entry."""

    legal_entity: str
    entry_key: str
    """unique among the payments of the entity, e.g. order_id/capture_id/part"""
    order_id: str
    tender_id: str
    kind: str
    """one of PaymentKind"""
    method: str
    """one of schemas.payments.Method"""
    amount_minor: int
    """1 or more, in minor units of the currency"""
    currency: str
    at_ms: Millis
    """when it happened"""


class AccountNumber(Record, frozen=True):
    """The account for a purpose, or for one tax rate or one method of it."""

    purpose: str
    """one of Purpose"""
    account: str
    """as the ERP numbers it"""
    tax_rate_ppm: int = -1
    """-1 for every rate that has no account of its own"""
    method: str = ""
    """one of schemas.payments.Method; empty for every one that has no account of its own"""


class SetLegalEntity(Record, frozen=True):
    """Say who sells, how its documents are numbered, and which accounts it keeps. From the next
    document on; what is issued stays as it is."""

    legal_entity: str
    name: str
    address: list[str]
    """lines of the postal address, the country last"""
    tax_id: str
    """as it stands on invoices, e.g. VAT DE123456789"""
    invoice_prefix: str = "INV-"
    """before the number; {year} is the fiscal year, and numbers then start anew with each"""
    credit_note_prefix: str = "CN-"
    """as invoice_prefix, and another one"""
    digits: int = 6
    """of a number, at least; zeros fill it up"""
    fiscal_year_start_month: int = 1
    """1 to 12; a fiscal year is called after the calendar year in which it starts"""
    time_zone: str = ""
    """IANA name of the zone whose days date documents and entries; empty for UTC"""
    accounts: list[AccountNumber] = field(default_factory=list)
    """what they do not have, the defaults of streams/accounting/accounts.py have"""
    notes: list[str] = field(default_factory=list)
    """lines at the foot of documents: bank, register, words that the law asks for"""
    actor: str = ""


class LegalEntitySet(Record, frozen=True):
    """The legal entity is as the fields say."""

    legal_entity: str
    name: str
    address: list[str]
    tax_id: str
    invoice_prefix: str
    credit_note_prefix: str
    digits: int
    fiscal_year_start_month: int
    time_zone: str
    accounts: list[AccountNumber]
    notes: list[str]
    actor: str
    at_ms: Millis


class InvoiceIssued(Record, frozen=True):
    """An invoice has its number. All that stands on it is here, so that it can always be drawn."""

    legal_entity: str
    document_key: str
    number: str
    order_id: str
    currency: str
    lines: list[DocumentLine]
    total_minor: int
    date: str
    """of issue, in the entity's time zone"""
    issued_at_ms: Millis
    supplied_at_ms: Millis
    """as the command said; on the document where it is another day"""
    due_at_ms: Millis
    customer_id: str
    key_id: str
    personal: bytes
    purchase_order_number: str
    seller_name: str
    """empty where the legal entity was not set"""
    seller_address: list[str]
    seller_tax_id: str
    notes: list[str]
    time_zone: str
    reason: str
    """words for the buyer; may be empty"""
    at_ms: Millis


class CreditNoteIssued(Record, frozen=True):
    """A credit note has its number. All that stands on it is here."""

    legal_entity: str
    document_key: str
    number: str
    invoice_key: str
    """document_key of the invoice"""
    invoice_number: str
    """of the invoice that it takes back, or a part of it"""
    order_id: str
    currency: str
    lines: list[DocumentLine]
    total_minor: int
    date: str
    """of issue, in the entity's time zone"""
    issued_at_ms: Millis
    supplied_at_ms: Millis
    """as the command said"""
    customer_id: str
    key_id: str
    personal: bytes
    purchase_order_number: str
    seller_name: str
    """empty where the legal entity was not set"""
    seller_address: list[str]
    seller_tax_id: str
    notes: list[str]
    time_zone: str
    reason: str
    """words for the buyer; may be empty"""
    at_ms: Millis


class DocumentRefused(Record, frozen=True):
    """A command to accounting was refused: it took no number and made no entry."""

    legal_entity: str
    document_key: str
    """or entry_key; empty of SetLegalEntity"""
    order_id: str
    command: str
    reason: str
    detail: str
    at_ms: Millis


class Posting(Record, frozen=True):
    """One side of an entry. Either debit_minor or credit_minor is 0, and neither is below."""

    account: str
    debit_minor: int
    credit_minor: int
    purpose: str
    """one of Purpose"""
    tax_rate_ppm: int = -1
    """whose revenue or tax it is; -1 where it is of no rate"""
    method: str = ""
    """whose money it is; empty where it is of no method"""


class JournalEntry(Record, frozen=True):
    """One fact in double entry: the debits of its postings are together what the credits are."""

    legal_entity: str
    number: int
    """from 1, without a gap within the legal entity"""
    entry_id: str
    """invoice, credit_note or the PaymentKind, a slash, and document_key or entry_key"""
    date: str
    """the day it counts for, in the entity's time zone"""
    currency: str
    postings: list[Posting]
    """debits first"""
    document: str
    """number of the invoice or credit note; empty for a payment"""
    order_id: str
    at_ms: Millis


class Series(Record, frozen=True):
    """Numbers with one prefix."""

    kind: str
    """one of Kind"""
    prefix: str
    last: int
    """number of the latest document"""


class LegalEntityState(Record, frozen=True):
    """A legal entity (accounting.state, key: legal_entity)."""

    legal_entity: str
    name: str
    address: list[str]
    tax_id: str
    invoice_prefix: str
    credit_note_prefix: str
    digits: int
    fiscal_year_start_month: int
    time_zone: str
    accounts: list[AccountNumber]
    notes: list[str]
    series: list[Series]
    invoiced_at_ms: Millis
    """date of issue of the latest invoice; no later number has an earlier one"""
    credited_at_ms: Millis
    """date of issue of the latest credit note"""
    entries: int
    """number of the latest journal entry"""


class InvoicedLine(Record, frozen=True):
    """A line of an invoice and how much of it is credited."""

    line_id: str
    kind: str
    tax_rate_ppm: int
    quantity: int
    net_minor: int
    tax_minor: int
    credited_quantity: int
    credited_net_minor: int
    credited_tax_minor: int


class DocumentState(Record, frozen=True):
    """A document that was issued (accounting.state, key: legal_entity|document|document_key)."""

    document_key: str
    kind: str
    """one of Kind"""
    number: str
    order_id: str
    content_hash: int
    currency: str
    lines: list[InvoicedLine]
    """of an invoice; empty of a credit note"""


class EntryState(Record, frozen=True):
    """A payment that was entered (accounting.state, key: legal_entity|payment|entry_key)."""

    content_hash: int
    number: int
    """of its journal entry"""


COMMANDS: tuple[type[Record], ...] = (IssueInvoice, IssueCreditNote, PostPayment, SetLegalEntity)
EVENTS: tuple[type[Record], ...] = (
    LegalEntitySet,
    InvoiceIssued,
    CreditNoteIssued,
    DocumentRefused,
)
STATES: tuple[type[Record], ...] = (LegalEntityState, DocumentState, EntryState)


def percent(rate_ppm: int) -> str:
    """`190000` as `19`, `88750` as `8.875`."""
    whole, rest = divmod(rate_ppm, 10_000)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")
