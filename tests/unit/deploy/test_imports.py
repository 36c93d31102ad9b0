"""Files of SKUs, locations and offers: what is read, what is set aside, and what is sent."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import imports, records
from deploy.cli import cli
from deploy.csvfile import BadField
from schemas.locations import RegisterLocation
from schemas.messages import Send
from schemas.purchasing import SetOffer
from schemas.stock import (
    ChannelThreshold,
    Component,
    Quota,
    ReorderRule,
    SetSku,
    UnitOfMeasure,
)
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS, PURCHASING_COMMANDS

EXAMPLES = Path(imports.__file__).parent / "examples"


@pytest.fixture
def sent(sent: list[Send], monkeypatch: pytest.MonkeyPatch) -> list[Send]:
    """What is sent, without a broker."""
    monkeypatch.setattr(
        records, "partitions", lambda _, topic: 3 if topic is FULFILLMENT_COMMANDS else 2
    )
    return sent


def load(what: str, path: Path, *options: str) -> Result:
    group = "purchase" if what == "offers" else "stock"
    return CliRunner().invoke(cli, [group, "import", what, str(path), *options])


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_sku_has_all_that_its_rows_say(sent: list[Send]) -> None:
    result = load("skus", EXAMPLES / "skus.csv", "--actor", "ada")
    assert (result.exit_code, result.stdout) == (0, "3 SKUs loaded, 0 rows set aside\n")
    assert [(send.topic, send.key) for send in sent] == [
        (INVENTORY_COMMANDS, "TEA-GREEN-100"),
        (INVENTORY_COMMANDS, "TEAPOT-CAST-IRON"),
        (INVENTORY_COMMANDS, "TEA-SET"),
    ]
    assert sent[0].record == SetSku(
        sku="TEA-GREEN-100",
        thresholds=[ChannelThreshold("web", 5), ChannelThreshold("pos", 2)],
        quotas=[Quota("vip", "", "gold", 10, 0)],
        units=[UnitOfMeasure("CS", 12), UnitOfMeasure("PF", 480)],
        components=[],
        tracking="lot",
        low_at=20,
        reorder=[
            ReorderRule("berlin", 14, 0.95, 0, 7, 48, 12),
            ReorderRule("lyon", 21, 0.9, 0, 7, 48, 12),
        ],
        actor="ada",
    )
    kit = sent[2].record
    assert isinstance(kit, SetSku)
    assert kit.components == [Component("TEA-GREEN-100", 2), Component("TEAPOT-CAST-IRON", 1)]


@pytest.mark.parametrize(
    ("cells", "field", "words"),
    [
        ({"sku": ""}, "sku", "is empty"),
        ({"tracking": "colour"}, "tracking", "is neither empty nor lot nor serial"),
        ({"low_at": "-1"}, "low_at", "is below 0"),
        ({"units": "CS"}, "units", "is not written as NAME=PIECES"),
        ({"units": "CS=0"}, "units", "is less than 1"),
        ({"units": "CS=12;CS=6"}, "units", "stands there twice"),
        ({"thresholds": "web=x"}, "thresholds", "is not a whole number"),
        (
            {"components": "A=1", "quotas": "vip:group=gold:1"},
            "quotas",
            "are of a kit; pieces are kept of its components",
        ),
        ({"quotas": "vip:100"}, "quotas", "is not written as ID:channel=NAME:PIECES"),
        ({"quotas": "vip:shop=web:100"}, "quotas", "is not written as"),
        ({"quotas": "a:group=x:1;a:group=y:1"}, "quotas", "stands there twice"),
        ({"components": "a=1"}, "components", "is its own component"),
        ({"components": "b=1", "tracking": "lot"}, "tracking", "is of a kit"),
        ({"lead_time_days": "3"}, "reorder_location", "is empty, but lead_time_days is not"),
        ({"reorder_location": "x"}, "lead_time_days", "is empty"),
        ({"reorder_location": "x", "lead_time_days": "9999"}, "lead_time_days", "more than"),
        (
            {"reorder_location": "x", "lead_time_days": "3", "service_level": "95"},
            "service_level",
            "is not between 0 and 1",
        ),
    ],
)
def test_a_bad_sku_is_refused_by_field(cells: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(BadField) as caught:
        imports.skus("ada").read([{"sku": "a", **cells}])
    assert (caught.value.field, words in caught.value.why) == (field, True), caught.value.why


def test_a_sku_with_a_bad_row_is_set_aside_whole(tmp_path: Path, sent: list[Send]) -> None:
    path = written(
        tmp_path / "skus.csv",
        "sku,low_at,reorder_location,lead_time_days\n"
        "a,5,berlin,3\na,,lyon,soon\nb,1,,\nc,1,,,\nc,,x,3\nb,2,,\n",
    )
    result = load("skus", path, "--json")
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [(one["line"], one["field"]) for one in told[:-1]] == [
        (2, ""), (3, "lead_time_days"), (5, ""), (6, ""), (7, "sku"),
    ]  # fmt: skip
    assert told[0]["reason"] == "belongs to line 3, which is bad"
    assert told[4]["reason"] == "stands in line 4 already"
    assert (told[-1]["loaded"], told[-1]["rejected"]) == (1, 5)
    assert [send.key for send in sent] == ["b"]
    with (tmp_path / "skus.rejected.csv").open(newline="") as file:
        assert [row[0] for row in csv.reader(file)] == ["sku", "a", "a", "c", "c", "b"]


def test_a_further_row_only_adds_a_rule(tmp_path: Path, sent: list[Send]) -> None:
    path = written(
        tmp_path / "skus.csv",
        "sku,low_at,reorder_location,lead_time_days\na,5,x,3\na,6,y,3\nb,5,x,3\nb,5,x,4\n"
        "c,5,x,1\nc,5,,\n",
    )
    result = load("skus", path)
    assert "line 3: low_at: is not what the first row of the SKU says" in result.stderr
    assert "line 5: reorder_location: has a rule of this SKU already" in result.stderr
    assert "line 7: reorder_location: is empty in a further row" in result.stderr
    assert sent == []


def test_a_location_goes_to_every_partition_of_both_rooms(sent: list[Send]) -> None:
    result = load("locations", EXAMPLES / "locations.csv")
    assert (result.exit_code, result.stdout) == (0, "3 locations loaded, 0 rows set aside\n")
    lyon = [send for send in sent if send.key == "lyon"]
    assert sorted((send.topic.name, send.partition or 0) for send in lyon) == [
        ("fulfillment.commands", 0), ("fulfillment.commands", 1), ("fulfillment.commands", 2),
        ("inventory.commands", 0), ("inventory.commands", 1),
    ]  # fmt: skip
    assert lyon[0].record == RegisterLocation(
        "lyon", "Lyon", "FR", 45.764, 4.8357, True, "store", ["stores", "fr"], 40
    )


def test_a_bad_location_is_named_by_field(tmp_path: Path, sent: list[Send]) -> None:
    path = written(
        tmp_path / "locations.csv",
        "location,kind,daily_capacity,groups\na,shed,,\nb,,-1,\nc,,,x|y\nd,STORE,,\n",
    )
    result = load("locations", path)
    assert "line 2: kind: 'shed' is none of warehouse, store, supplier, 3pl" in result.stderr
    assert "line 3: daily_capacity: '-1' is below 0" in result.stderr
    assert "line 4: groups: contains" in result.stderr
    assert {send.key for send in sent} == {"d"}


def test_an_offer_has_its_price_in_minor_units(sent: list[Send]) -> None:
    result = load("offers", EXAMPLES / "offers.csv", "--actor", "ada")
    assert (result.exit_code, result.stdout) == (0, "3 offers loaded, 0 rows set aside\n")
    assert {send.topic for send in sent if send.topic is not PURCHASING_COMMANDS} == set()
    assert sent[0].record == SetOffer(
        "TEA-GREEN-100", "uji-tea", "U-100", 320, "EUR", 14, 48, 12, True, "ada"
    )
    yen = sent[2].record
    assert isinstance(yen, SetOffer)
    assert (yen.price_minor, yen.currency, yen.multiple) == (1800, "JPY", 0)


def test_a_bad_offer_is_named_by_field(tmp_path: Path, sent: list[Send]) -> None:
    rows = ["1.234,EUR,1,", "1,XXX,1,", "x,EUR,1,", "-1,EUR,1,", "1,EUR,,", "1,EUR,1,maybe"]
    path = written(
        tmp_path / "offers.csv",
        "sku,supplier,price,currency,lead_time_days,active\n"
        + "".join(f"a,s,{row}\n" for row in rows),
    )
    result = load("offers", path)
    assert (result.exit_code, sent) == (1, [])
    fields = [line.split(": ")[1] for line in result.stderr.splitlines()[:-1]]
    assert fields == ["price", "currency", "price", "price", "lead_time_days", "active"]


def test_a_file_of_another_kind_is_one_line_and_2(tmp_path: Path, sent: list[Send]) -> None:
    for what in ("skus", "locations", "offers", "counts"):
        result = (
            load(what, written(tmp_path / "x.csv", "colour\nred\n"))
            if what != "counts"
            else (CliRunner().invoke(cli, ["stock", "import", "counts", str(tmp_path / "x.csv")]))
        )
        assert (result.exit_code, "has no " in result.output) == (2, True), result.output
