"""A document as a PDF: A4, as many pages as it takes, every page with its number and the seller.

Sizes are points (1/72 inch) from the lower left corner, as PDF has them. The bytes are a function
of the document and the buyer: reportlab's `invariant` leaves time and chance out of the file.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from connectors.documents import figures, lettering, wording
from connectors.documents.lettering import BOLD, REGULAR, drawable
from connectors.documents.wording import Document
from schemas.accounting import DocumentLine
from schemas.customers import Personal

WIDTH, HEIGHT = A4
MARGIN = 56.0
RIGHT = WIDTH - MARGIN
TOP = HEIGHT - MARGIN
BOTTOM = 84.0
"""the foot of a page is below"""
SIZE, SMALL, LARGE = 9.0, 7.5, 18.0
LEADING = 12.5
FACTS_LEFT = 330.0
GREY = 0.45
RULE = 0.5

COLUMNS: tuple[tuple[str, float], ...] = (
    ("Pieces", 300.0),
    ("Unit price", 362.0),
    ("Tax", 402.0),
    ("Net", 470.0),
    ("Total", RIGHT),
)
"""right edge of each; what is sold stands left of them"""
WIDTHS = (44.0, 58.0, 36.0, 64.0, 65.0)
ITEM_WIDTH = 196.0
TAXES_LEFT = 210.0
"""of the sums below the lines"""


class Sheet:
    """A canvas with a pen that moves down, and on to the next page where there is no room."""

    def __init__(self, document: Document, pages: int) -> None:
        """`pages` is how many there will be."""
        lettering.load()
        self.bytes = io.BytesIO()
        self.document = document
        self.pages = pages
        self.page = 1
        self.canvas = Canvas(self.bytes, pagesize=A4, invariant=1, pageCompression=1)
        self.canvas.setTitle(drawable(f"{wording.title(document)} {document.number}"))
        self.canvas.setAuthor(drawable(document.seller_name))
        self.canvas.setLineWidth(RULE)
        self.y = TOP

    def left(self, x: float, text: str, font: str = REGULAR, size: float = SIZE) -> None:
        """Write from `x` on."""
        self.canvas.setFont(font, size)
        self.canvas.drawString(x, self.y, text)

    def right(
        self, x: float, text: str, font: str = REGULAR, size: float = SIZE, width: float = WIDTH
    ) -> None:
        """Write up to `x`, and smaller where it is wider than `width`: no figure is ever cut."""
        self.canvas.setFont(font, lettering.fitting(text, width, font, size))
        self.canvas.drawRightString(x, self.y, text)

    def rule(self) -> None:
        """A line across the page, under what was written."""
        self.canvas.line(MARGIN, self.y - 4, RIGHT, self.y - 4)

    def down(self, by: float = LEADING) -> None:
        """Go to the next line."""
        self.y -= by

    def room(self, lines: float) -> bool:
        """Go to the next page where so many lines do not fit; whether that was so."""
        if self.y - lines * LEADING >= BOTTOM:
            return False
        self._foot()
        self.canvas.showPage()
        self.canvas.setLineWidth(RULE)
        self.page += 1
        self.y = TOP
        named = drawable(f"{wording.title(self.document)} {self.document.number}")
        self.left(MARGIN, lettering.shortened(named, RIGHT - MARGIN, BOLD, SIZE), BOLD)
        self.down(2 * LEADING)
        return True

    def end(self) -> bytes:
        """The last page is full."""
        self._foot()
        self.canvas.showPage()
        self.canvas.save()
        return self.bytes.getvalue()

    def _foot(self) -> None:
        self.y = BOTTOM - 2 * LEADING
        self.canvas.line(MARGIN, self.y + LEADING, RIGHT, self.y + LEADING)
        page = f"Page {self.page} of {self.pages}"
        self.canvas.setFillGray(GREY)
        self.right(RIGHT, page, size=SMALL)
        seller = drawable(", ".join(line for line in wording.seller(self.document) if line))
        width = RIGHT - MARGIN - 80
        self.left(MARGIN, lettering.shortened(seller, width, REGULAR, SMALL), size=SMALL)
        self.canvas.setFillGray(0)


def drawn(document: Document, personal: Personal | None) -> bytes:
    """The document as a PDF; without `personal` the buyer's pseudonym stands for the buyer."""
    pages = _drawn(document, personal, 1).page
    sheet = _drawn(document, personal, pages)
    return sheet.end()


def _drawn(document: Document, personal: Personal | None, pages: int) -> Sheet:
    sheet = Sheet(document, pages)
    _head(sheet, personal)
    _lines(sheet)
    _taxes(sheet)
    _words(sheet)
    return sheet


def _head(sheet: Sheet, personal: Personal | None) -> None:
    document = sheet.document
    sheet.down(LARGE / 2)
    sheet.left(MARGIN, wording.title(document), BOLD, LARGE)
    sheet.down(2.5 * LEADING)
    top = sheet.y
    column = FACTS_LEFT - MARGIN - 20
    blocks = (("From", wording.seller(document)), ("To", wording.buyer(document, personal)))
    for name, texts in blocks:
        sheet.canvas.setFillGray(GREY)
        sheet.left(MARGIN, name, size=SMALL)
        sheet.canvas.setFillGray(0)
        sheet.down()
        for line in _lines_of(texts, column):
            sheet.left(MARGIN, line)
            sheet.down()
        sheet.down(LEADING / 2)
    lowest, sheet.y = sheet.y, top
    for name, text in wording.facts(document):
        sheet.canvas.setFillGray(GREY)
        sheet.left(FACTS_LEFT, name)
        sheet.canvas.setFillGray(0)
        for line in lettering.wrapped(drawable(text), RIGHT - FACTS_LEFT - 100, REGULAR, SIZE):
            sheet.left(FACTS_LEFT + 100, line)
            sheet.down()
    sheet.y = min(sheet.y, lowest) - LEADING


def _lines_of(texts: Sequence[str], width: float) -> list[str]:
    return [
        line for text in texts for line in lettering.wrapped(drawable(text), width, REGULAR, SIZE)
    ]


def _table_head(sheet: Sheet) -> None:
    sheet.left(MARGIN, f"Item, sums in {sheet.document.currency}", BOLD)
    for name, x in COLUMNS:
        sheet.right(x, name, BOLD)
    sheet.rule()
    sheet.down(1.5 * LEADING)


def _lines(sheet: Sheet) -> None:
    _table_head(sheet)
    for line in sheet.document.lines:
        words = lettering.wrapped(drawable(_named(line)), ITEM_WIDTH, REGULAR, SIZE)
        if sheet.room(min(len(words), 10)):
            _table_head(sheet)
        cells = _cells(line, sheet.document.currency)
        for (_, x), width, text in zip(COLUMNS, WIDTHS, cells, strict=True):
            sheet.right(x, text, width=width)
        for number, text in enumerate(words):
            if number and sheet.room(1):
                _table_head(sheet)
            sheet.left(MARGIN, text)
            sheet.down()
        sheet.down(LEADING / 4)


def _named(line: DocumentLine) -> str:
    if line.title and line.sku and line.title != line.sku:
        return f"{line.title} ({line.sku})"
    return line.title or line.sku or line.line_id


def _cells(line: DocumentLine, currency: str) -> tuple[str, ...]:
    [tax] = figures.by_rate([line])
    return (
        str(line.quantity) if line.quantity else "",
        figures.unit_price(line, currency),
        tax.words if tax.words.endswith("%") else "–",
        figures.amount(line.net_minor, currency),
        figures.amount(line.net_minor + line.tax_minor, currency),
    )


def _taxes(sheet: Sheet) -> None:
    """The sums of each tax rate, and what they come to."""
    document = sheet.document
    sums = figures.by_rate(document.lines)
    sheet.room(len(sums) + 5)
    sheet.down(LEADING / 2)
    sheet.left(TAXES_LEFT, "Tax rate", BOLD)
    for x, name in ((402.0, "Net"), (470.0, "Tax"), (RIGHT, "Total")):
        sheet.right(x, name, BOLD)
    sheet.canvas.line(TAXES_LEFT, sheet.y - 4, RIGHT, sheet.y - 4)
    sheet.down(1.4 * LEADING)
    for each in sums:
        for number, text in enumerate(lettering.wrapped(each.words, 140, REGULAR, SIZE)):
            if number:
                sheet.down()
            sheet.left(TAXES_LEFT, text)
        _sums(sheet, each.net_minor, each.tax_minor, REGULAR)
        sheet.down()
    net, tax = (sum(column) for column in zip(*(each[1:] for each in sums), strict=True))
    sheet.canvas.line(TAXES_LEFT, sheet.y + 9, RIGHT, sheet.y + 9)
    sheet.down(LEADING / 4)
    credited = wording.title(document) == "Credit note"
    sheet.left(TAXES_LEFT, "Credited" if credited else "Sum", BOLD)
    _sums(sheet, net, tax, BOLD)
    sheet.down(2 * LEADING)
    sheet.room(2)
    total = f"{figures.amount(document.total_minor, document.currency)} {document.currency}"
    sheet.left(TAXES_LEFT, "Total credited" if credited else "Total", BOLD, SIZE + 2)
    sheet.right(RIGHT, total, BOLD, SIZE + 2)
    sheet.down(2.5 * LEADING)


def _sums(sheet: Sheet, net_minor: int, tax_minor: int, font: str) -> None:
    currency = sheet.document.currency
    for x, minor in ((402.0, net_minor), (470.0, tax_minor), (RIGHT, net_minor + tax_minor)):
        sheet.right(x, figures.amount(minor, currency), font, width=WIDTHS[-2])


def _words(sheet: Sheet) -> None:
    """Terms, the reason, and what the seller wants to stand on every document."""
    document = sheet.document
    reason = f"Reason: {document.reason}" if document.reason else ""
    for texts in ([wording.terms(document)], [reason], document.notes):
        for line in _lines_of([text for text in texts if text], RIGHT - MARGIN):
            sheet.room(1)
            sheet.left(MARGIN, line)
            sheet.down()
        if any(texts):
            sheet.down(LEADING / 2)
