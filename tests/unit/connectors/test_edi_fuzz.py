"""Whatever is done to an X12 file, each set becomes a command or a reason; and can be answered.

`MILLRACE_FUZZ=100000 pytest tests/unit/connectors/test_edi_fuzz.py` tries so many.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.channels.edi.acknowledgement import acknowledgements
from connectors.channels.edi.answer import purchase_order_acknowledgements
from connectors.channels.edi.channel import EdiX12
from connectors.channels.edi.envelope import read
from connectors.channels.edi.writing import Controls
from connectors.channels.mapping import Rejected
from tests.unit.connectors.edi_files import (
    HEAD,
    SHIP,
    file,
    group,
    interchange,
    transaction,
    written,
)
from tests.unit.connectors.test_channels_fuzz import check
from tests.unit.connectors.test_channels_fuzz import thorough as any_number

FULL = [
    *HEAD, "CSH*Y", "SAC*A*C310***150", "TXI*ST*1.00", "ITD*01*3****20240310", "TD5*****UPS",
    "PER*BD*Anna*TE*1", *SHIP, "N1*BT*SHOP", "N4*OSLO***NO", "PO1*1*4*EA*2.50*HP*VN*A",
    "PID*F****Mug", "SDQ*EA*92*0158*4", "PO1**1*EA***BP*B", "CTP**UCP*1.239", "MSG*Hi",
    "N1*ST*ELSE", "N3*X", "SAC*C*D240***7", "CTT*2*5", "AMT*TT*5",
]  # fmt: skip
_PIECES = ["~", "*", "\n", ">", ":", "|", "\x00", "~PO1*", "~SE*", "ISA*", "9" * 30, "-1", "1e9",
           ".", "", " ", "é", "20240230", "JPY", "0", "~SDQ*EA*92*0158*1~", "\ud7ff"]  # fmt: skip
_edits = st.lists(
    st.tuples(
        st.integers(0, 900), st.integers(0, 12), st.sampled_from(_PIECES) | st.text(max_size=3)
    ),
    max_size=5,
)
thorough = settings(any_number, max_examples=int(os.environ.get("MILLRACE_FUZZ", "200")))
CONTROLS = Controls(1, 1, datetime(2024, 3, 1, tzinfo=UTC))
SAMPLES = [
    file(FULL),
    written(interchange([group([transaction(FULL), transaction(FULL, "0002")]), group([], "8")])),
]


@thorough
@given(st.sampled_from(SAMPLES), _edits, st.booleans())
def test_no_damage_raises_and_every_answer_can_be_read(
    sample: bytes, edits: list[tuple[int, int, str]], recount: bool
) -> None:
    text = sample.decode()
    for start, length, new in edits:
        start = 106 + start if recount else start
        text = text[:start] + new + text[start + length :]
    payload = text.encode()
    check("edi-x12", payload)
    EdiX12().contacts(payload, "")
    try:
        interchanges = read(payload)
    except Rejected:
        return
    answers = acknowledgements(interchanges, CONTROLS)
    answers += purchase_order_acknowledgements(interchanges, {}, CONTROLS)
    for answer in answers:
        for one in read(answer.encode()):
            assert one.fault is None
            assert all(inside.fault is None for inside in one.groups)
            assert all(each.fault is None for inside in one.groups for each in inside.sets)


@thorough
@given(st.integers(2, len(FULL) - 1), st.integers(1, 8), st.sampled_from(_PIECES) | st.text())
def test_no_element_of_a_sound_file_raises(at: int, position: int, new: str) -> None:
    elements = FULL[at].split("*")
    elements += [""] * (position + 1 - len(elements))
    elements[position] = new.encode(errors="replace").decode()
    check("edi-x12", file([*FULL[:at], "*".join(elements), *FULL[at + 1 :]]))


def test_the_sample_itself_is_accepted() -> None:
    [order] = EdiX12().orders(SAMPLES[0], "", "raw-1", 0)
    assert not isinstance(order, Rejected), order
