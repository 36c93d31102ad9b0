"""X12 files for tests, with counts and control numbers put in."""

from __future__ import annotations

from collections.abc import Sequence

HEAD = ["BEG*00*SA*PO-77**20240229", "CUR*BY*USD"]
SHIP = ["N1*ST*ANNA BERG*92*0158", "N3*1 MAIN ST*DOCK 4", "N4*DENVER*CO*80202*US"]
LINES = [
    "PO1*1*4*EA*2.50**UP*012345678905*VN*MUG-1",
    "PID*F****Mug, blue",
    "PO1*2*10*EA*.75*PE*SK*PEN-2*BP*991",
]
ORDER = [*HEAD, "PER*OC*Anna Berg*TE*303-555-0100*EM*anna@example.com", *SHIP, *LINES, "CTT*2*14",
         "AMT*TT*17.5"]  # fmt: skip


def transaction(body: Sequence[str], control: str = "0001", kind: str = "850") -> list[str]:
    """ST to SE, counted."""
    return [f"ST*{kind}*{control}", *body, f"SE*{len(body) + 2}*{control}"]


def group(sets: Sequence[Sequence[str]], control: str = "7", kind: str = "PO") -> list[str]:
    """GS to GE, counted."""
    inside = [segment for one in sets for segment in one]
    return [
        f"GS*{kind}*BUYERGS*SELLERGS*20240229*120105*{control}*X*004010",
        *inside,
        f"GE*{len(sets)}*{control}",
    ]


def interchange(groups: Sequence[Sequence[str]], control: str = "000000042") -> list[str]:
    """ISA to IEA, counted."""
    inside = [segment for one in groups for segment in one]
    isa = (
        "ISA*00*          *00*          *ZZ*BUYER          *01*SELLER         *240229*1201*U"
        f"*00401*{control}*0*P*>"
    )
    return [isa, *inside, f"IEA*{len(groups)}*{control}"]


def written(segments: Sequence[str], end: str = "~\n") -> bytes:
    """The file."""
    return "".join(segment + end for segment in segments).encode()


def file(body: Sequence[str] = ORDER) -> bytes:
    """A file with one order."""
    return written(interchange([group([transaction(body)])]))


def changed(old: str, new: str, body: Sequence[str] = ORDER) -> list[str]:
    """The order with one segment changed, or taken out where `new` is empty."""
    assert sum(segment.startswith(old) for segment in body) == 1
    after = [new if segment.startswith(old) else segment for segment in body]
    return [segment for segment in after if segment]
