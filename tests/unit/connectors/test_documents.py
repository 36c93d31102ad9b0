"""Invoices and credit notes as PDF: what can be read out of them again is what was issued."""

from __future__ import annotations

import io
import random
import re
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from pypdf import PdfReader
from reportlab.pdfbase import pdfmetrics

from connectors.documents import figures, lettering, paper, wording
from schemas.accounting import CreditNoteIssued, DocumentLine, InvoiceIssued
from schemas.customers import Contact, Personal
from schemas.money import EXPONENTS
from schemas.orders import Address

AT = 1_795_520_000_000
DAY = 86_400_000
ADA = Personal(
    Contact("Ada Lovelace", "Analytical Engines Ltd"),
    [Address("Ada Lovelace", "12 St James's Square", "", "London", "", "SW1Y 4LE", "GB", 0, 0)],
)
LINES = [
    DocumentLine("1", "MUG", "Große Tasse", 3, 2997, 569, 190000),
    DocumentLine("2", "TEA", "Green tea", 7, 1000, 70, 70000),
    DocumentLine("3", "", "Gift card", 1, 5000, 0, 0, "gift_card"),
    DocumentLine("4", "", "Shipping", 1, 495, 94, 190000, "shipping"),
    DocumentLine("5", "", "Rounding", 0, -2, 0, 0, "rounding"),
]


def invoice(lines: list[DocumentLine] | None = None, **changes: Any) -> InvoiceIssued:
    lines = lines or LINES
    made = InvoiceIssued(
        legal_entity="default", document_key="o-1/s-1", number="INV-000001", order_id="shop-1",
        currency="EUR", lines=lines,
        total_minor=sum(line.net_minor + line.tax_minor for line in lines), date="2026-11-24",
        issued_at_ms=AT, supplied_at_ms=AT, due_at_ms=0, customer_id="c-abc", key_id="k",
        personal=b"sealed", purchase_order_number="", seller_name="Mühle & Söhne GmbH",
        seller_address=["Mühlweg 1", "10115 Berlin", "Germany"], seller_tax_id="VAT DE1",
        notes=["IBAN DE89 3704"], time_zone="", reason="", at_ms=AT,
    )  # fmt: skip
    return replace(made, **changes)


def credit_note() -> CreditNoteIssued:
    shared = {
        name: getattr(invoice(LINES[:1]), name)
        for name in CreditNoteIssued.__struct_fields__
        if name in InvoiceIssued.__struct_fields__
    }
    return CreditNoteIssued(
        **shared | {"number": "CN-000001", "reason": "a crack"},
        invoice_key="o-1/s-1", invoice_number="INV-000001",
    )  # fmt: skip


def pages(document: wording.Document, personal: Personal | None = ADA) -> list[str]:
    reader = PdfReader(io.BytesIO(paper.drawn(document, personal)))
    return [page.extract_text() for page in reader.pages]


def text(document: wording.Document, personal: Personal | None = ADA) -> str:
    return "\n".join(pages(document, personal))


def test_an_invoice_names_seller_buyer_number_date_order_and_terms() -> None:
    read = text(invoice(due_at_ms=AT + 30 * DAY, purchase_order_number="PO-7"))
    for words in (
        "Invoice", "Mühle & Söhne GmbH", "10115 Berlin", "VAT DE1", "Analytical Engines Ltd",
        "Ada Lovelace", "12 St James's Square", "SW1Y 4LE London", "INV-000001", "2026-11-24",
        "shop-1", "PO-7", "Payable until 2026-12-24", "IBAN DE89 3704", "Page 1 of 1",
    ):  # fmt: skip
        assert words in read
    assert "Supplied" not in read
    assert "Supplied\n2026-11-20" in text(invoice(supplied_at_ms=AT - 4 * DAY))


def test_its_sums_by_rate_are_those_of_its_lines() -> None:
    read = text(invoice())
    assert re.findall(r"-?[0-9]+\.[0-9]+", read.split("Tax rate")[1]) == [
        "34.92", "6.63", "41.55",
        "10.00", "0.70", "10.70",
        "-0.02", "0.00", "-0.02",
        "50.00", "0.00", "50.00",
        "94.90", "7.33", "102.23",
        "102.23",
    ]  # fmt: skip
    assert "gift cards, taxed when used" in read
    assert "102.23 EUR" in read


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD"])
def test_many_lines_are_all_there_and_come_to_the_total(currency: str) -> None:
    chance = random.Random(currency)
    lines = []
    for number in range(120):
        net = chance.randrange(1, 10**6)
        lines.append(
            DocumentLine(str(number), f"SKU-{number}x", "", 1, net, net * 19 // 100, 190000)
        )
    document = invoice(lines, currency=currency)
    read = pages(document)
    assert len(read) > 3
    whole = "\n".join(read)
    assert [f"Page {number} of {len(read)}" in page for number, page in enumerate(read, 1)] == [
        True
    ] * len(read)
    for line in lines:
        assert whole.count(f"{line.sku}\n") == 1
    gross = [figures.amount(line.net_minor + line.tax_minor, currency) for line in lines]
    printed = whole.split()
    assert all(each in printed for each in gross)
    exponent = EXPONENTS[currency]
    assert sum(map(Decimal, gross)) == Decimal(document.total_minor).scaleb(-exponent)
    assert f"{figures.amount(document.total_minor, currency)} {currency}" in whole


def test_every_page_but_the_first_names_the_document() -> None:
    lines = [replace(LINES[0], line_id=str(number)) for number in range(70)]
    read = pages(invoice(lines))
    assert all(page.startswith("Invoice INV-000001") for page in read[1:])


def test_a_credit_note_names_its_invoice_and_reason() -> None:
    read = text(credit_note())
    for words in ("Credit note", "CN-000001", "For invoice", "INV-000001", "Reason: a crack"):
        assert words in read
    assert "Total credited" in read
    assert "35.66 EUR" in read


def test_a_buyer_who_is_erased_is_a_pseudonym() -> None:
    read = text(invoice(), None)
    assert "c-abc" in read
    assert "Ada" not in read
    assert wording.UNNAMED in text(invoice(customer_id=""), None)


def test_bills_go_where_the_buyer_wants_them() -> None:
    there = Address("Charles", "1 Dorset St", "", "London", "", "W1", "GB", 0, 0)
    read = text(invoice(), Personal(ADA.contact, ADA.addresses, there))
    assert "1 Dorset St" in read
    assert "St James" not in read


def test_the_same_document_is_the_same_bytes() -> None:
    assert paper.drawn(invoice(), ADA) == paper.drawn(invoice(), ADA)
    assert paper.drawn(invoice(), ADA) != paper.drawn(invoice(number="INV-000002"), ADA)


def test_latin_greek_and_cyrillic_can_be_read_out_again() -> None:
    words = "Łódź Çeşme Ørsted Ψυχή Съешь Ґанок"
    read = text(invoice([replace(LINES[0], title=words, sku="")]))
    assert words in " ".join(read.split())


def test_what_the_font_lacks_or_would_turn_round_is_a_box() -> None:
    box = lettering.BOX
    assert lettering.drawable("绿茶 tea") == f"{box}{box} tea"
    assert lettering.drawable("שלום") == box * 4
    assert lettering.drawable("a\tb\u200b") == "a b"
    assert lettering.drawable("e\u0301") == "é"


def test_words_are_never_lost_however_long() -> None:
    read = text(invoice([replace(LINES[0], title="ж" * 400, sku="")]))
    assert read.count("ж") == 400
    title = " ".join(f"word{number}" for number in range(600))
    read = text(invoice([replace(LINES[0], title=title, sku="")]))
    assert all(f"word{number}" in read for number in range(600))


def test_a_unit_price_is_the_net_sum_of_a_piece() -> None:
    def price(net: int, quantity: int, currency: str = "EUR") -> str:
        return figures.unit_price(DocumentLine("1", "", "", quantity, net, 0, 0), currency)

    assert price(2997, 3) == "9.99"
    assert price(1000, 7) == "1.428571"
    assert price(1001, 2) == "5.005"
    assert price(100, 3, "JPY") == "33.3333"
    assert price(5, 2, "KWD") == "0.0025"
    assert price(2_999_999, 3_000_000) == "0.01"
    assert price(10, 0) == ""


def test_a_tax_without_a_rate_says_so() -> None:
    [told] = figures.by_rate([DocumentLine("1", "", "", 1, 100, 8, 0)])
    assert told == ("rate not told", 100, 8)


def test_no_figure_runs_into_the_next_however_large() -> None:
    lettering.load()
    for figure in ("1.00", "-9999999999999.99"):
        size = lettering.fitting(figure, 64, lettering.BOLD, 9)
        assert pdfmetrics.stringWidth(figure, lettering.BOLD, size) <= 64.001
    largest = replace(LINES[0], quantity=1, net_minor=10**15, tax_minor=0)
    assert text(invoice([largest])).count("10000000000000.00") == 8
