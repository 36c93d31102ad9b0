"""Stock files: what is read, what is refused, and what is sent."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import records, stock
from deploy.cli import cli
from deploy.stock import BadFile, Location, Position, StockFile
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.stock import SetStock
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS

EXAMPLES = Path(stock.__file__).parent / "examples"
PLAIN = {"sku": "a", "location": "b", "on_hand": "1"}


@pytest.mark.parametrize(
    ("row", "field", "why"),
    [
        ({"sku": ""}, "sku", "is empty"),
        ({"location": ""}, "location", "is empty"),
        ({"sku": "a|b"}, "sku", "contains"),
        ({"on_hand": ""}, "on_hand", "is empty"),
        ({"on_hand": "-1"}, "on_hand", "'-1' is below 0"),
        ({"on_hand": "1.5"}, "on_hand", "'1.5' is not a whole number"),
        ({"on_hand": "1e3"}, "on_hand", "'1e3' is not a whole number"),
        ({"on_hand": "٣"}, "on_hand", "is not a whole number"),
        ({"on_hand": "9" * 14}, "on_hand", "is more than"),
        ({"safety_stock": "x"}, "safety_stock", "'x' is not a whole number"),
        ({"country": "DEU"}, "country", "is not an ISO 3166-1"),
        ({"latitude": "91", "longitude": "1"}, "latitude", "is not between -90 and 90"),
        ({"latitude": "1", "longitude": "nan"}, "longitude", "is not between"),
        ({"latitude": "1"}, "longitude", "is missing"),
        ({"longitude": "1"}, "latitude", "is missing"),
    ],
)
def test_a_bad_row_is_refused_by_field(row: dict[str, str], field: str, why: str) -> None:
    with pytest.raises(stock.BadField) as caught:
        stock.parsed({**PLAIN, **row})
    assert caught.value.field == field
    assert why in caught.value.why


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"a,b,1\nc,d,2\n", "has no header"),
        (b"sku,quantity\na,1\n", "has no column location, on_hand"),
        (b"sku;location;on_hand\na;b;1\n", "separated by ';'"),
        (b"sku\tlocation\ton_hand\na\tb\t1\n", "separated by tabs"),
        (b"sku,location,on_hand,sku\na,b,1,c\n", "has column sku more than once"),
        ("sku,location,on_hand\n".encode("utf-16"), "is UTF-16 text"),
        (b"sku,location,on_hand,\xe9\n", "is not UTF-8 text"),
    ],
)
def test_what_is_no_stock_file_is_said_in_a_line(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "stock.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile) as caught:
        StockFile(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def positions(path: Path) -> list[Position]:
    source = StockFile(path)
    found = [source.position(row) for row in source if not row.fault]
    source.close()
    return found


def test_a_byte_order_mark_capitals_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_bytes(b'\xef\xbb\xbfSKU, Location ,ON_HAND\r\n\r\na,b,1\r\n,,\r\n"c",d,2\r\n')
    assert positions(path) == [
        Position("a", "b", 1, 0, Location()),
        Position("c", "d", 2, 0, Location()),
    ]


def test_rows_that_are_none_are_named_by_line_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text('sku,location,on_hand\na,b,1\na,b,1,9\n"a"x,b,1\n"two\nlines",b,3\nd,e\n')
    source = StockFile(path)
    rows = list(source)
    source.close()
    assert [(row.line, bool(row.fault)) for row in rows] == [
        (2, False), (3, True), (4, True), (5, False), (7, False),
    ]  # fmt: skip
    assert "has 4 cells, but there are 3 columns" in rows[1].fault
    with pytest.raises(stock.BadField, match="on_hand: is empty"):
        source.position(rows[4])


def test_a_location_reaches_every_partition_before_its_first_stock() -> None:
    seen: dict[str, set[tuple[str, int]]] = {}
    everywhere = {(topic.name, n) for topic in (FULFILLMENT_COMMANDS, INVENTORY_COMMANDS)
                  for n in range(12)}  # fmt: skip
    for topic, key, record, partition in stock.commands(
        positions(EXAMPLES / "stock.csv"), "test", 12
    ):
        if isinstance(record, RegisterLocation):
            assert partition is not None
            seen.setdefault(key, set()).add((topic.name, partition))
        else:
            assert isinstance(record, SetStock)
            assert seen[record.location_id] == everywhere


def told(*locations: Location) -> list[Location]:
    rows = [Position(f"sku-{number}", "b", 1, 0, one) for number, one in enumerate(locations)]
    return [
        Location(record.name, record.country, record.latitude, record.longitude)
        for topic, _, record, partition in stock.commands(rows, "test", 12)
        if isinstance(record, RegisterLocation) and (topic, partition) == (FULFILLMENT_COMMANDS, 0)
    ]


def test_counts_go_by_sku_within_a_window_and_rows_of_a_position_in_their_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stock, "WINDOW_ROWS", 4)
    rows = [
        stock.Position(sku, place, pieces, 0, stock.NOTHING)
        for sku, place, pieces in (
            ("B", "x", 1), ("A", "x", 2), ("B", "y", 3), ("A", "x", 4), ("B", "z", 5), ("A", "z", 6)
        )
    ]  # fmt: skip
    sends = list(stock.commands(rows, "test", 1))
    counts = [(one.sku, one.on_hand) for _, _, one, _ in sends if isinstance(one, SetStock)]
    assert counts == [("A", 2), ("A", 4), ("B", 1), ("B", 3), ("A", 6), ("B", 5)]
    known = set[str]()
    for _, key, record, _ in sends:
        known |= {key} if isinstance(record, RegisterLocation) else set()
        assert not isinstance(record, SetStock) or record.location_id in known


def test_a_file_that_breaks_off_is_loaded_as_far_as_it_goes() -> None:
    def rows() -> Iterator[stock.Position]:
        yield stock.Position("A", "x", 1, 0, stock.NOTHING)
        raise stock.BadFile("is no text from here on")

    sent = []
    with pytest.raises(stock.BadFile):
        for send in stock.commands(rows(), "test", 1):
            sent.append(send.record)
    assert isinstance(sent[-1], SetStock)


def test_a_file_without_location_columns_only_makes_its_locations_known() -> None:
    assert told(Location(), Location()) == [Location()]


def test_a_location_is_sent_again_only_when_a_row_says_something_else() -> None:
    berlin, moved = Location("Berlin", "DE", 52.5, 13.4), Location("Berlin", "DE", 52.6, 13.4)
    assert told(Location(), berlin, berlin, Location(), moved) == [Location(), berlin, moved]


def test_a_file_with_too_many_locations_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock, "MAXIMUM_LOCATIONS", 2)
    rows = [Position("a", str(number), 1, 0, Location()) for number in range(3)]
    with pytest.raises(BadFile, match="more than 2 locations"):
        list(stock.commands(rows, "test", 12))


@pytest.fixture
def sent(sent: list[Send], monkeypatch: pytest.MonkeyPatch) -> list[Send]:
    """What `stock load` sends, without a broker."""
    monkeypatch.setattr(records, "partitions", lambda *_: 1)
    return sent


def load(path: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["stock", "load", str(path), *options])


def test_bad_rows_are_set_aside_with_the_reason_and_the_rest_is_loaded(
    tmp_path: Path, sent: list[Send]
) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,location,on_hand\na,b,-1\nc,d,2\ne,f,1,9\n")
    result = load(path)
    assert result.exit_code == 1
    assert "stock.csv, line 2: on_hand: '-1' is below 0" in result.stderr
    assert [send.key for send in sent if isinstance(send.record, SetStock)] == ["c"]
    with (tmp_path / "stock.rejected.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["sku", "location", "on_hand", "reason"],
            ["a", "b", "-1", "line 2: on_hand: '-1' is below 0"],
            ["e", "f", "1", "line 4: has 4 cells, but there are 3 columns", "9"],
        ]


def test_what_was_set_aside_can_be_mended_and_loaded(tmp_path: Path, sent: list[Send]) -> None:
    path = tmp_path / "stock.rejected.csv"
    path.write_text("sku,location,on_hand,reason\na,b,1,line 2: was bad\nc,d,x,line 3: is bad\n")
    result = load(path)
    assert result.exit_code == 1
    assert "1 positions loaded, 1 rows set aside" in result.stdout
    again = (tmp_path / "stock.rejected.rejected.csv").read_text().splitlines()
    assert again[0] == "sku,location,on_hand,reason"
    assert again[1].startswith("c,d,x,")
    assert "line 3: on_hand" in again[1]
    assert "is bad" not in again[1]


def test_columns_that_mean_nothing_are_named(tmp_path: Path, sent: list[Send]) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,location,on_hand,safty_stock\na,b,1,2\n")
    result = load(path)
    assert (result.exit_code, "ignored: safty_stock" in result.stderr) == (0, True)


def test_scripts_get_json_lines(tmp_path: Path, sent: list[Send]) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,location,on_hand\na,b,x\nc,d,2\n")
    aside = tmp_path / "aside.csv"
    result = load(path, "--json", "--rejected", str(aside))
    assert result.stdout.splitlines() == [
        '{"line": 2, "field": "on_hand", "reason": "\'x\' is not a whole number of pieces"}',
        f'{{"loaded": 1, "rejected": 1, "rejected_file": "{aside}"}}',
    ]


def test_a_file_that_cannot_be_read_is_one_line_and_2(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku;location;on_hand\n")
    result = load(path)
    assert (result.exit_code, "Traceback" in result.output) == (2, False)
    assert load(tmp_path / "absent.csv").exit_code == 2
    assert load(path, "--rejected", str(path)).exit_code == 2
