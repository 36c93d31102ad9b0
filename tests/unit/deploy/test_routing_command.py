"""`millrace routing` as a user meets it, without a broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import stock
from deploy.cli import cli

EXAMPLES = Path(stock.__file__).parent / "examples"
RULES, ORDER = str(EXAMPLES / "routing.toml"), str(EXAMPLES / "order.json")
LOCATIONS = str(EXAMPLES / "routing-locations.csv")
SNAPSHOT = ("--locations", LOCATIONS, "--orders")
STORES_FIRST = 'currency = "EUR"\n[[rule]]\nname = "stores"\nfrom = { kinds = ["store"] }\n'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["routing", *arguments])


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def orders(path: Path, number: int, **more: object) -> str:
    """A file of orders, each placed a minute after the one before."""
    document = json.loads(Path(ORDER).read_text())
    made = [
        {**document, "external_id": str(n), "placed_at": f"2026-01-05T09:{n:02}:00Z", **more}
        for n in range(number)
    ]
    path.write_text("\n".join(map(json.dumps, made)))
    return str(path)


def test_check_says_how_many_rules_a_good_file_has() -> None:
    found = run("check", RULES, "--locations", LOCATIONS)
    assert found.exit_code == 0
    assert "30 rules, no error" in found.output


def test_check_names_the_lines_of_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(STORES_FIRST + "split = 0\n")
    found = run("check", str(path), "--json")
    assert found.exit_code == 1
    assert lines(found)[0]["line"] == 5
    assert lines(found)[1] == {"file": str(path), "rules": 0, "errors": 1, "warnings": 0}


def test_warnings_are_errors_where_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(STORES_FIRST.replace("kinds", "groups"))
    assert run("check", str(path), "--locations", LOCATIONS).exit_code == 0
    assert run("check", str(path), "--locations", LOCATIONS, "--strict").exit_code == 1


def test_explain_tells_of_every_location_why_it_won_or_lost() -> None:
    found = run("explain", "json-1001", "--file", RULES, *SNAPSHOT, ORDER, "--json")
    assert found.exit_code == 0, found.output
    *locations, order = lines(found)
    assert len(locations) == 40
    assert all(one["why"] for one in locations)
    assert locations[0]["serves"] == ["1", "2"]
    assert order["outcome"] == "routed"


def test_explain_shows_a_table_for_people() -> None:
    found = run("explain", "--file", RULES, *SNAPSHOT, ORDER)
    assert "orleans sends line 1, 2 for 6.28 EUR, delivered on 2025-03-05" in found.output
    assert "an exclusion names it" in found.output


def test_explain_names_the_lines_that_a_location_has_too_little_of(tmp_path: Path) -> None:
    counts = tmp_path / "stock.csv"
    counts.write_text(
        "sku,location,on_hand\nTEA-GREEN-100,orleans,1\nTEA-GREEN-100,marseille,9\n"
        "TEAPOT-CAST-IRON,marseille,1\n"
    )
    args = ("explain", "--file", RULES, *SNAPSHOT, ORDER, "--stock", str(counts))
    found = run(*args)
    assert "has too little of line 1" in found.output
    assert "marseille sends line 1, 2" in found.output
    counts.write_text("sku,location,on_hand\nTEA-GREEN-100,orleans,1\n")
    assert "json-1001 is not routed: backorder, until 2025-03-15" in run(*args).output


def test_simulate_compares_two_files_on_the_same_orders(tmp_path: Path) -> None:
    stores = tmp_path / "stores.toml"
    stores.write_text(STORES_FIRST)
    found = run("simulate", RULES, str(stores), *SNAPSHOT, orders(tmp_path / "o.json", 5), "--json")
    assert found.exit_code == 0, found.output
    first, second, both = lines(found)
    assert (first["routed"], second["routed"]) == (5, 5)
    assert (first["shipments_per_order"], first["split_rate"]) == (1.0, 0.0)
    assert first["cost_minor"] == 5 * 628
    assert both == {"orders": 5, "different": 5}


def test_simulate_takes_from_stock_what_earlier_orders_took(tmp_path: Path) -> None:
    counts = tmp_path / "stock.csv"
    counts.write_text("sku,location,on_hand\nTEA-GREEN-100,orleans,4\nTEAPOT-CAST-IRON,orleans,9\n")
    placed = orders(tmp_path / "o.json", 3)
    found = run("simulate", RULES, RULES, *SNAPSHOT, placed, "--stock", str(counts))
    assert "orders routed\t2 of 3\t2 of 3" in found.output
    assert "unroutable\t1\t1" in found.output
    assert "3 orders, 0 routed differently" in found.output


def test_simulate_uses_up_a_days_capacity(tmp_path: Path) -> None:
    place = tmp_path / "l.csv"
    place.write_text(
        "location,country,latitude,longitude,daily_capacity\nnear,FR,50.6,3.0,2\nfar,FR,43,1,\n"
    )
    rules = tmp_path / "r.toml"
    rules.write_text('currency = "EUR"\n[[rule]]\nname = "a"\nsort = ["distance"]\n')
    placed = orders(tmp_path / "o.json", 3)
    found = run(
        "simulate", str(rules), str(rules), "--locations", str(place), "--orders", placed, "--json"
    )
    assert lines(found)[0]["km_per_shipment"] == pytest.approx((2 * 6.1 + 863) / 3, abs=10)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("explain", "json-9", "--file", RULES, *SNAPSHOT, ORDER), 1, "have no order 'json-9'"),
        (("explain", "--file", RULES, *SNAPSHOT, LOCATIONS), 2, "routing-locations.csv: "),
        (
            ("explain", "--file", RULES, "--locations", ORDER, "--orders", ORDER),
            2,
            "has no header",
        ),
        (
            ("explain", "--file", RULES, *SNAPSHOT, ORDER, "--channel", "nope"),
            2,
            "there is no channel 'nope'",
        ),
        (("simulate", ORDER, RULES, *SNAPSHOT, ORDER), 1, "is not TOML"),
    ],
)
def test_what_cannot_be_used_is_named(
    arguments: tuple[str, ...], status: int, message: str
) -> None:
    found = run(*arguments)
    assert found.exit_code == status, found.output
    assert message in found.output


def test_an_order_is_named_where_the_files_have_several(tmp_path: Path) -> None:
    placed = orders(tmp_path / "o.json", 2)
    assert "name ORDER" in run("explain", "--file", RULES, *SNAPSHOT, placed).output
