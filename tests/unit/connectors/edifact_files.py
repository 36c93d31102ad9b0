"""EDIFACT files for tests, with counts and references put in."""

from __future__ import annotations

from collections.abc import Sequence

HEAD = ["BGM+220+PO-88+9", "DTM+137:20240229:102"]
PARTIES = [
    "NAD+BY+4012345000009::9++HANSE KONTOR GMBH",
    "CTA+PD+:Ida Holm",
    "COM+?+49 421 555:TE",
    "NAD+DP+++LAGER NORD+KAI 4+BREMEN++28195+DE",
    "CUX+2:EUR:9",
    "PAT+1++5:3:D:30",
]
LINES = [
    "LIN+1++4006381333931:EN",
    "PIA+1+MUG-1:SA",
    "IMD+F++:::Mug, blue",
    "QTY+21:4",
    "PRI+AAA:2.50",
    "LIN+2++4006381333948:EN",
    "QTY+21:10:PCE",
    "PRI+AAA:12.5:::10",
]
TAIL = ["UNS+S", "MOA+86:22.5", "CNT+2:2"]
ORDER = [*HEAD, *PARTIES, *LINES, *TAIL]


def message(body: Sequence[str], reference: str = "1", kind: str = "ORDERS") -> list[str]:
    """UNH to UNT, counted."""
    head = f"UNH+{reference}+{kind}:D:96A:UN:EAN008"
    return [head, *body, f"UNT+{len(body) + 2}+{reference}"]


def interchange(messages: Sequence[Sequence[str]], reference: str = "77") -> list[str]:
    """UNB to UNZ, counted."""
    inside = [segment for one in messages for segment in one]
    unb = f"UNB+UNOC:3+BUYER:14+SELLER:14+240229:1201+{reference}"
    return [unb, *inside, f"UNZ+{len(messages)}+{reference}"]


def written(segments: Sequence[str], end: str = "'\r\n") -> bytes:
    """The file."""
    return "".join(segment + end for segment in segments).encode()
