"""The command as a user meets it, where no broker is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import demo, stock
from deploy.cli import cli, secret
from schemas.fulfillment import RegisterLocation
from schemas.inventory import SetStock
from schemas.topics import FULFILLMENT_COMMANDS

EXAMPLES = Path(stock.__file__).parent / "examples"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_help_names_every_command() -> None:
    said = run("--help").output
    for command in ("up", "submit", "order", "stock", "rejected", "demo", "cancel", "channels"):
        assert command in said


def test_a_dry_run_says_what_would_be_understood() -> None:
    result = run("submit", str(EXAMPLES / "order.json"), "--channel", "json", "--dry-run", "--json")
    told = json.loads(result.output)
    assert result.exit_code == 0
    assert told["outcome"] == "accepted"
    assert told["total_minor"] > 0


def test_a_dry_run_of_a_bad_order_names_field_and_reason(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"external_id": "1", "currency": "XXX"}')
    result = run("submit", str(bad), "--channel", "json", "--dry-run", "--json")
    assert result.exit_code == 1
    assert json.loads(result.output)["outcome"] == "rejected"


def test_a_file_that_is_not_of_the_format_is_unreadable(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"order": {"id": 1')
    result = run("submit", str(bad), "--channel", "shopify", "--dry-run", "--json")
    assert result.exit_code == 2


def test_an_unknown_channel_is_a_usage_error() -> None:
    result = run("submit", str(EXAMPLES / "order.json"), "--channel", "fax", "--dry-run")
    assert result.exit_code == 2
    assert "fax" in result.output


def test_a_dashboard_that_is_away_is_one_line_and_69() -> None:
    result = run("order", "o-1", "--dashboard", "http://127.0.0.1:1")
    assert result.exit_code == 69
    assert "does not answer" in result.output


def test_secrets_come_from_a_file_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_TEST", "from the environment")
    assert secret("MILLRACE_TEST") == "from the environment"
    path = tmp_path / "secret"
    path.write_text("from a file\n")
    monkeypatch.setenv("MILLRACE_TEST_FILE", str(path))
    assert secret("MILLRACE_TEST") == "from a file"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"sku": "", "location": "a", "on_hand": "1"}, "sku"),
        ({"sku": "a", "location": "", "on_hand": "1"}, "location"),
        ({"sku": "a", "location": "b", "on_hand": "-1"}, "on_hand"),
        ({"sku": "a", "location": "b", "on_hand": "1.5"}, "on_hand"),
        ({"sku": "a", "location": "b", "on_hand": "1", "safety_stock": "x"}, "safety_stock"),
        ({"sku": "a", "location": "b", "on_hand": "1", "country": "DEU"}, "country"),
        ({"sku": "a", "location": "b", "on_hand": "1", "latitude": "91"}, "latitude"),
        ({"sku": "a", "location": "b", "on_hand": "1", "longitude": "nan"}, "longitude"),
    ],
)
def test_a_bad_stock_row_is_refused_by_field(row: dict[str, str], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        stock.parsed(row)


def test_a_file_without_the_columns_is_no_stock_file(tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,quantity\na,1\n")
    with pytest.raises(stock.BadFile, match="location, on_hand"):
        stock.read(path)


def test_locations_reach_every_partition_before_their_stock() -> None:
    rows, _ = stock.read(EXAMPLES / "stock.csv")
    commands = list(stock.commands([stock.parsed(row) for _, row in rows], "test"))
    kinds = [type(record) for _, _, record, _ in commands]
    assert kinds == sorted(kinds, key=lambda kind: kind is SetStock)
    partitions: dict[str, set[int]] = {}
    for _, key, record, partition in commands:
        if isinstance(record, RegisterLocation):
            partitions.setdefault(key, set()).add(partition)
    assert partitions
    assert all(
        found == set(range(FULFILLMENT_COMMANDS.partitions)) for found in partitions.values()
    )


def test_demo_orders_are_understood_by_their_channels() -> None:
    from connectors.channels.registry import CHANNELS
    from schemas.orders import PlaceOrder

    for raw in demo.payloads(200, 3):
        for order in CHANNELS[raw.channel].orders(raw.payload, "", raw.raw_id, 1):
            assert isinstance(order, PlaceOrder)
