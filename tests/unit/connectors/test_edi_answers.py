"""TA1, 997 and 855: what is answered, read again by the reader of envelopes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from connectors.channels.edi.acknowledgement import acknowledgements
from connectors.channels.edi.answer import (
    LineAnswer,
    LineStatus,
    purchase_order_acknowledgements,
)
from connectors.channels.edi.envelope import Interchange, read
from connectors.channels.edi.writing import Controls
from deploy.cli import cli
from tests.unit.connectors.edi_files import (
    ORDER,
    changed,
    file,
    group,
    interchange,
    transaction,
    written,
)

CONTROLS = Controls(100, 55, datetime(2024, 3, 1, 8, 30, tzinfo=UTC))


def answered(payload: bytes) -> list[Interchange]:
    """The answers of one file; each has the counts and numbers that it should have."""
    texts = acknowledgements(read(payload), CONTROLS)
    found = [one for text in texts for one in read(text.encode())]
    check(found)
    return found


def check(found: list[Interchange]) -> None:
    assert len(found) >= 1
    numbers = []
    for number, one in enumerate(found, 100):
        assert one.fault is None
        assert int(one.head.get(13)) == number
        assert one.sender() == ("01", "SELLER")
        assert one.head.get(8) == "BUYER"
        for inside in one.groups:
            assert inside.fault is None
            assert (inside.head.get(2), inside.head.get(3)) == ("SELLERGS", "BUYERGS")
            assert all(each.fault is None for each in inside.sets)
            numbers.append(int(inside.head.get(6)))
    assert numbers == list(range(55, 55 + len(numbers)))


def body(found: Interchange, place: int = 0) -> list[str]:
    [one] = found.groups[place].sets
    return ["*".join((each.id, *each.elements)) for each in one.segments[1:-1]]


def test_a_file_without_a_fault_is_accepted() -> None:
    [answer] = answered(file())
    assert answer.groups[0].head.get(1) == "FA"
    assert body(answer) == ["AK1*PO*7*004010", "AK2*850*0001", "AK5*A", "AK9*A*1*1*1"]


@pytest.mark.parametrize(
    ("old", "new", "notes"),
    [
        ("BEG*", "BEG*00*SA***20240229", ["AK3*BEG*2**8", "AK4*3*324*1"]),
        ("BEG*", "BEG*00*SA*1**20240230", ["AK3*BEG*2**8", "AK4*5*373*8*20240230"]),
        ("CUR*", "CUR*BY*DOL", ["AK3*CUR*3**8", "AK4*2*100*7*DOL"]),
        ("PO1*2", "PO1*2*ten*EA*1**VN*A", ["AK3*PO1*10**8", "AK4*2*330*6*ten"]),
        ("PO1*2", "PO1*2*10*EA***VN*A", ["AK3*PO1*10**8", "AK4*4*212*1"]),
        ("BEG*", "REF*ZZ*1", ["AK3*REF*2**3"]),
    ],
)
def test_the_segment_and_element_at_fault_are_named(old: str, new: str, notes: list[str]) -> None:
    [answer] = answered(file(changed(old, new)))
    assert body(answer)[1:] == ["AK2*850*0001", *notes, "AK5*R*5", "AK9*R*1*1*0"]


def test_what_only_we_cannot_take_is_no_syntax_error() -> None:
    [answer] = answered(file(changed("PO1*2", "PO1*2*1.5*EA*1**VN*A")))
    assert body(answer)[-1] == "AK9*A*1*1*1"


def test_each_set_has_its_own_verdict() -> None:
    wrong_count = transaction(ORDER, "0002")
    wrong_count[-1] = "SE*9*0002"
    wrong_number = transaction(ORDER, "0003")
    wrong_number[-1] = wrong_number[-1].replace("0003", "0030")
    sets = [transaction(ORDER), wrong_count, wrong_number, transaction(ORDER, "0004")[:-1]]
    other = transaction(["BGN*00"], "0005", "856")
    [answer] = answered(written(interchange([group([*sets, other, transaction(ORDER, "0001")])])))
    verdicts = [one for one in body(answer) if one.startswith(("AK5", "AK9"))]
    assert verdicts == ["AK5*A", "AK5*R*4", "AK5*R*3", "AK5*R*2", "AK5*R*1", "AK5*R*23",
                        "AK9*P*6*6*1"]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "last"),
    [("GE*1*7", "GE*2*7", "AK9*R*2*1*0*5"), ("GE*1*7", "GE*1*8", "AK9*R*1*1*0*4"),
     ("GE*1*7~\n", "", "AK9*R*1*1*0*3")],
)  # fmt: skip
def test_a_broken_group_is_rejected_as_a_whole(old: str, new: str, last: str) -> None:
    [answer] = answered(file().decode().replace(old, new).encode())
    assert body(answer)[-1] == last


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("IEA*1*000000042", "IEA*1*000000043", "001"), ("IEA*1*", "IEA*3*", "021"),
     ("IEA*1*000000042~\n", "", "023")],
)  # fmt: skip
def test_a_broken_interchange_gets_a_ta1_alone(old: str, new: str, code: str) -> None:
    [text] = acknowledgements(read(file().decode().replace(old, new).encode()), CONTROLS)
    assert text.split("\n")[1] == f"TA1*000000042*240229*1201*R*{code}~"
    check(read(text.encode()))
    assert "GS*" not in text


def test_an_order_in_a_group_of_another_kind_is_not_supported() -> None:
    [answer] = answered(file().replace(b"GS*PO", b"GS*IN"))
    assert body(answer)[1:] == ["AK2*850*0001", "AK5*R*1", "AK9*R*1*1*0"]


def test_a_sender_who_asks_for_a_ta1_gets_one() -> None:
    [text] = acknowledgements(read(file().replace(b"*0*P*>", b"*1*P*>")), CONTROLS)
    assert text.split("\n")[1] == "TA1*000000042*240229*1201*A*000~"


def test_an_acknowledgement_is_not_acknowledged() -> None:
    payload = written(interchange([group([transaction(["AK1*PO*7"], kind="997")], kind="FA")]))
    assert acknowledgements(read(payload), CONTROLS) == []


def test_control_numbers_count_on_from_interchange_to_interchange() -> None:
    two = written(interchange([group([transaction(ORDER)]), group([], "8")]))
    assert len(answered(two + file().replace(b"000000042", b"000000043"))) == 2


def test_control_numbers_have_nine_digits_at_most() -> None:
    for number in (0, 10**9):
        with pytest.raises(ValueError, match="control number"):
            acknowledgements(read(file()), Controls(number, 1, CONTROLS.at))


def confirmed(payload: bytes, answers: dict[str, list[LineAnswer]]) -> list[str]:
    [text] = purchase_order_acknowledgements(read(payload), answers, CONTROLS)
    [found] = read(text.encode())
    check([found])
    assert found.groups[0].head.get(1) == "PR"
    return body(found)


def test_an_order_is_confirmed_as_ordered() -> None:
    assert confirmed(file(), {}) == [
        "BAK*00*AD*PO-77*20240229",
        "PO1*1*4*EA*2.50**UP*012345678905*VN*MUG-1",
        "ACK*IA*4*EA",
        "PO1*2*10*EA*.75*PE*SK*PEN-2*BP*991",
        "ACK*IA*10*EA",
        "CTT*2",
    ]


def test_a_line_may_have_several_answers() -> None:
    told = [
        LineAnswer(LineStatus.ACCEPTED, 6),
        LineAnswer(LineStatus.BACKORDERED, 4, date(2024, 4, 1)),
    ]
    lines = confirmed(file(), {"2": told})
    assert lines[0] == "BAK*00*AC*PO-77*20240229"
    assert lines[4:6] == ["ACK*IA*6*EA", "ACK*IB*4*EA*068*20240401"]


def test_a_smaller_quantity_is_a_change_and_all_rejected_a_rejection() -> None:
    fewer = {"1": [LineAnswer(LineStatus.QUANTITY_CHANGED, 3)]}
    assert confirmed(file(), fewer)[0].startswith("BAK*00*AC*")
    none = [LineAnswer(LineStatus.REJECTED)]
    assert confirmed(file(), {"1": none, "2": none})[0].startswith("BAK*00*RD*")


def test_an_order_that_cannot_be_taken_is_rejected_without_detail() -> None:
    broken = file(changed("PO1*2", "PO1*2*1.5*EA*1**VN*A"))
    assert confirmed(broken, {}) == ["BAK*00*RJ*PO-77*20240229"]
    assert confirmed(file(["BEG*01*SA*PO-77*R1*20240229"]), {}) == ["BAK*01*AK*PO-77*20240229*R1"]


def test_an_answer_to_no_line_or_to_too_many_pieces_is_an_error() -> None:
    with pytest.raises(ValueError, match="no line 3"):
        confirmed(file(), {"3": [LineAnswer(LineStatus.ACCEPTED)]})
    with pytest.raises(ValueError, match="4 pieces"):
        confirmed(file(), {"1": [LineAnswer(LineStatus.ACCEPTED, 5)]})


def run(payload: bytes, directory: Path, *arguments: str) -> Result:
    written_to = directory / "order.edi"
    written_to.write_bytes(payload)
    kind, *options = arguments
    return CliRunner().invoke(cli, ["edi", kind, str(written_to), *options])


def test_the_command_writes_the_acknowledgement(tmp_path: Path) -> None:
    result = run(file(), tmp_path, "997", "--control", "100", "--group-control", "55")
    assert result.exit_code == 0
    check(read(result.output.encode()))
    result = run(file(), tmp_path, "855", "--control", "9", "--line", "2=IB:4", "--line", "2=IA:6")
    assert result.exit_code == 0
    assert "ACK*IB*4*EA~" in result.output
    assert run(file(), tmp_path, "997").exit_code == 0


def test_the_command_says_when_something_is_rejected(tmp_path: Path) -> None:
    broken = file(changed("PO1*2", "PO1*2*x*EA*1**VN*A"))
    assert run(broken, tmp_path, "997").exit_code == 1
    assert run(broken, tmp_path, "855").exit_code == 1
    assert run(b"{}", tmp_path, "997").exit_code == 2
    assert run(file(), tmp_path, "855", "--line", "2=XX").exit_code == 2
    assert run(file(), tmp_path, "855", "--line", "9=IA").exit_code == 2


def test_submit_names_a_cancelled_order_by_its_own_id(tmp_path: Path) -> None:
    path = tmp_path / "cancel.edi"
    path.write_bytes(file(["BEG*01*SA*PO-77**20240229"]))
    arguments = ["submit", str(path), "--channel", "edi-x12", "--dry-run", "--json"]
    said = json.loads(CliRunner().invoke(cli, arguments).output)
    assert said["external_id"] == "PO-77"
    assert said["order_id"] == "edi-x12-ZZ:BUYER:BUYERGS:PO-77"
