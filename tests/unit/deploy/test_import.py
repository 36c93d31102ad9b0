"""A file of any size goes in by bounded payloads, and what fails is told by its row in the file."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.channels import columns, publisher, tables
from connectors.channels.registry import CHANNELS
from deploy import vault
from deploy.cli import cli
from schemas.channels import RawPayload
from schemas.orders import PlaceOrder
from tests.unit.connectors.test_generic import FIRST, HEADER, OTHER, SECOND, plain

COLUMNS = """
time_format = "%d.%m.%Y %H:%M"
decimal = ","
separator = ";"

[columns]
external_id = "Order"
placed_at = "Date"
sku = "Item"
quantity = "Pieces"
unit_price = "Price"
total = "Sum"
payment_token = "Token"

[constants]
currency = "EUR"
"""
SENT: list[RawPayload] = []


class FakePublisher:
    def __init__(self, *_: Any) -> None:
        SENT.clear()

    def publish_all(self, payloads: list[RawPayload]) -> None:
        SENT.extend(payloads)

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def no_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "RawPublisher", FakePublisher)
    monkeypatch.setattr(vault, "opened", lambda *_: None)


def run(*arguments: str) -> Result:
    kept = ["--data", str(Path(arguments[0]).parent)]
    return CliRunner().invoke(cli, ["import", *arguments, *kept, "--json"])


def written(directory: Path, name: str, *lines: str) -> Path:
    file = directory / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_the_rows_of_an_order_stay_in_one_payload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    file = written(tmp_path, "o.csv", HEADER, FIRST, SECOND, "", OTHER)
    result = run(str(file), "--channel", "csv")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["imported"] == len(SENT) == 2


def test_what_fails_is_listed_with_its_row_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    file = written(tmp_path, "o.csv", HEADER, FIRST, SECOND, "", OTHER.replace("MUG,1", "MUG,x"))
    result = run(str(file), "--channel", "csv", "--dry-run")
    assert result.exit_code == 1
    with (tmp_path / "o.failed.csv").open(encoding="utf-8") as listed:
        [fault] = csv.DictReader(listed)
    assert (fault["order"], fault["field"]) == ("A-2", "row 5.quantity")


def test_columns_are_renamed_and_rewritten(tmp_path: Path) -> None:
    header = "Order;Date;Item;Pieces;Price;Sum;Token"
    file = written(tmp_path, "o.csv", header, "A-1;01.03.2024 11:00;MUG;2;10,50;21,00;tok_1")
    named = written(tmp_path, "shop-a.toml", COLUMNS)
    assert run(str(file), "--channel", "csv", "--columns", str(named)).exit_code == 0
    [order] = CHANNELS["csv"].orders(SENT[0].payload, "", "", 0)
    assert isinstance(order, PlaceOrder)
    assert (order.total_minor, order.placed_at_ms) == (2100, 1_709_290_800_000)


def test_json_lines_are_cut_between_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 2)
    lines = [json.dumps(plain(external_id=f"A-{number}")) for number in range(5)]
    result = run(str(written(tmp_path, "o.jsonl", *lines)), "--channel", "json")
    assert (result.exit_code, len(SENT)) == (0, 3)


@pytest.mark.parametrize("content", ["hello", ""])
def test_a_file_that_is_no_table_is_unreadable(tmp_path: Path, content: str) -> None:
    assert run(str(written(tmp_path, "o.csv", content)), "--channel", "csv").exit_code == 2


@pytest.mark.parametrize("text", ["columns = 1", "x = 1", "decimal = ';'", "a b"])
def test_a_wrong_column_mapping_is_refused(text: str) -> None:
    with pytest.raises(columns.BadTable):
        columns.columns_of(text)


def test_an_order_that_is_torn_apart_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    file = written(tmp_path, "o.csv", HEADER, FIRST, OTHER, SECOND)
    result = run(str(file), "--channel", "csv")
    assert result.exit_code == 2
    assert "row 4 belongs to an order" in result.output


def test_a_point_among_decimal_commas_is_not_guessed() -> None:
    german = columns.columns_of("decimal = ','")
    assert german.cell("total", "12,50") == "12.50"
    assert german.cell("total", "1.230") == "1 230"


def test_a_mapping_is_found_by_its_name(tmp_path: Path) -> None:
    header = "Order;Date;Item;Pieces;Price;Sum;Token"
    file = written(tmp_path, "o.csv", header, "A-1;01.03.2024 11:00;MUG;2;10,50;21,00;tok_1")
    folder = tmp_path / "mappings"
    folder.mkdir()
    written(folder, "shop-a.toml", COLUMNS)
    nested = COLUMNS.replace("[columns]", "[import.shop-a.columns]")
    nested = "[import.shop-a]" + nested.replace("[constants]", "[import.shop-a.constants]")
    for where in (folder, written(tmp_path, "import.toml", nested)):
        how = ["--channel", "csv", "--mappings", str(where), "--mapping"]
        assert run(str(file), *how, "shop-a").exit_code == 0
        refused = run(str(file), *how, "shop-b")
        assert (refused.exit_code, "it has shop-a" in refused.output) == (2, True)


class Killed(Exception):
    """The process is gone."""


def stopped_after(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def publish_all(self: FakePublisher, payloads: list[RawPayload]) -> None:
        if len(SENT) == number:
            raise Killed
        SENT.extend(payloads)

    monkeypatch.setattr(FakePublisher, "publish_all", publish_all)


BAD = OTHER.replace("MUG,1", "MUG,x")


def test_a_stopped_import_goes_on_behind_what_kafka_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    rows = [BAD, FIRST, SECOND, OTHER.replace("A-2", "A-3")]
    file = written(tmp_path, "o.csv", HEADER, *rows)
    with monkeypatch.context() as stopped:
        stopped_after(2, stopped)
        assert isinstance(run(str(file), "--channel", "csv").exception, Killed)
    result = run(str(file), "--channel", "csv", "--resume")
    assert (result.exit_code, len(SENT)) == (1, 1)
    assert json.loads(result.stdout.splitlines()[0])["imported"] == 2
    with (tmp_path / "o.failed.csv").open(encoding="utf-8") as listed:
        assert [fault["order"] for fault in csv.DictReader(listed)] == ["A-2"]
    assert list((tmp_path / "imports").iterdir()) == []


def test_a_file_that_has_changed_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "PART_ROWS", 1)
    file = written(tmp_path, "o.csv", HEADER, FIRST, OTHER)
    with monkeypatch.context() as stopped:
        stopped_after(1, stopped)
        run(str(file), "--channel", "csv")
    written(tmp_path, "o.csv", HEADER, FIRST, OTHER.replace("A-2", "A-9"))
    result = run(str(file), "--channel", "csv", "--resume")
    assert (result.exit_code, "has changed" in result.output) == (2, True)


def test_the_same_file_twice_is_the_same_orders(tmp_path: Path) -> None:
    file = written(tmp_path, "o.csv", HEADER, FIRST, SECOND, OTHER)
    sent = []
    for _ in range(2):
        assert run(str(file), "--channel", "csv").exit_code == 0
        sent.append(CHANNELS["csv"].orders(SENT[0].payload, "", "", 0))
    assert sent[0] == sent[1]
