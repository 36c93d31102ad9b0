"""What a document says besides its figures, as lines of text. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from schemas.accounting import CreditNoteIssued, InvoiceIssued
from schemas.customers import Personal
from schemas.orders import Address

Document = InvoiceIssued | CreditNoteIssued
UNNAMED = "not named"


def title(document: Document) -> str:
    """What it is."""
    return "Invoice" if isinstance(document, InvoiceIssued) else "Credit note"


def day(at_ms: int, time_zone: str) -> str:
    """The day of a moment, ISO 8601."""
    zone = ZoneInfo(time_zone) if time_zone else UTC
    return datetime.fromtimestamp(at_ms // 1000, zone).date().isoformat()


def facts(document: Document) -> list[tuple[str, str]]:
    """What is told beside the addresses: a name, and what it is."""
    supplied = day(document.supplied_at_ms, document.time_zone)
    told = [("Number", document.number), ("Date", document.date)]
    if isinstance(document, CreditNoteIssued):
        told.append(("For invoice", document.invoice_number))
    elif supplied != document.date:
        told.append(("Supplied", supplied))
    told.append(("Order", document.order_id))
    if document.purchase_order_number:
        told.append(("Your order number", document.purchase_order_number))
    if document.seller_tax_id:
        told.append(("Our tax number", document.seller_tax_id))
    return told


def terms(document: Document) -> str:
    """When it is to be paid; empty where nothing is said of that."""
    if isinstance(document, InvoiceIssued) and document.due_at_ms:
        return f"Payable until {day(document.due_at_ms, document.time_zone)}, without deduction."
    return ""


def seller(document: Document) -> list[str]:
    """Name and address of who sells."""
    return [document.seller_name, *document.seller_address]


def buyer(document: Document, personal: Personal | None) -> list[str]:
    """Name and address of who buys: where bills go, or the goods. A pseudonym where nothing
    personal is known or can be read any more."""
    if personal is None:
        return [document.customer_id or UNNAMED]
    to = personal.billing or (personal.addresses[0] if personal.addresses else None)
    contact = personal.contact
    lines = [contact.company, (to.name if to is not None else "") or contact.name]
    if to is not None:
        lines += address(to)
    return list(dict.fromkeys(line for line in lines if line.strip())) or [UNNAMED]


def address(to: Address) -> list[str]:
    """A postal address without its name, line by line."""
    town = " ".join(part for part in (to.postal_code, to.city, to.region) if part)
    return [line for line in (to.line1, to.line2, town, to.country) if line.strip()]
