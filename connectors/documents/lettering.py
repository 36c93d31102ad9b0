"""Text as the embedded fonts can draw it.

DejaVu Sans has Latin, Greek and Cyrillic in full. A character that it lacks is drawn as a box, and
so is one that is written from right to left, because the letters would stand in the wrong order: a
box is seen to be missing, and a word backwards is not.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

FONTS = Path(__file__).parent / "fonts"
REGULAR = "DejaVuSans"
BOLD = "DejaVuSans-Bold"
BOX = "\u25a1"
_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"})


@cache
def load() -> tuple[TTFont, ...]:
    """The fonts, registered once for the process."""
    fonts = tuple(TTFont(name, FONTS / f"{name}.ttf") for name in (REGULAR, BOLD))
    for font in fonts:
        pdfmetrics.registerFont(font)
    return fonts


@cache
def _known() -> frozenset[int]:
    """Characters that both fonts have."""
    regular, bold = (frozenset(font.face.charToGlyph) for font in load())
    return regular & bold


def drawable(text: str) -> str:
    """The text, composed (NFC), with blanks for control characters and boxes for what is missing.

    Source of the composition: Unicode Standard Annex 15.
    """
    known = _known()
    return "".join(_character(each, known) for each in unicodedata.normalize("NFC", text))


def _character(character: str, known: frozenset[int]) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""
    if category == "Cc":
        return " "
    if ord(character) in known and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT:
        return character
    return BOX


def fitting(text: str, width: float, font: str, size: float) -> float:
    """`size`, or the smaller one at which the text is `width` points wide."""
    wide = pdfmetrics.stringWidth(text, font, size)
    return size if wide <= width else size * width / wide


def shortened(text: str, width: float, font: str, size: float) -> str:
    """The text, cut with an ellipsis where it is wider than `width` points."""
    if pdfmetrics.stringWidth(text, font, size) <= width:
        return text
    while text and pdfmetrics.stringWidth(f"{text}…", font, size) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, width: float, font: str, size: float) -> list[str]:
    """The text in lines of at most `width` points; a word that is wider is broken."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if pdfmetrics.stringWidth(longer, font, size) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        while pdfmetrics.stringWidth(word, font, size) > width:
            fits = next(
                count
                for count in range(len(word), 0, -1)
                if count == 1 or pdfmetrics.stringWidth(word[:count], font, size) <= width
            )
            lines.append(word[:fits])
            word = word[fits:]
        line = word
    if line:
        lines.append(line)
    return lines or [""]
