"""A purchase order from its proposal to its goods in stock, by command, with rooms that decide."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.cli import cli
from tests.integration.waiting import until, working

pytestmark = pytest.mark.integration
NOWHERE = "http://127.0.0.1:9"
"""no look-up: levels are read from Kafka"""


@dataclass(frozen=True)
class Warehouse:
    """A broker with the real topics, and one worker with the rooms about stock."""

    bootstrap: str

    def told(self, line: str) -> dict[str, Any]:
        """What a command says as JSON; empty where it has nothing to say of it yet."""
        environment = {"MILLRACE_BROKERS": self.bootstrap, "MILLRACE_ACTOR": "ada"}
        result = CliRunner().invoke(cli, [*line.split(), "--json"], env=environment)
        assert result.exit_code in (0, 1), result.output
        found: dict[str, Any] = json.loads(result.stdout) if result.exit_code == 0 else {}
        return found

    def purchase(self) -> dict[str, Any]:
        return self.told("purchase show po-1")

    def stock(self, sku: str) -> dict[str, Any]:
        return self.told(f"stock show {sku} --levels-url {NOWHERE}")

    def events(self) -> list[str]:
        return [event["event"] for event in self.purchase()["events"]]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with working("stock", tmp_path) as bootstrap:
        yield Warehouse(bootstrap)


def test_goods_are_received_when_inventory_has_them_and_can_be_sent_again_corrected(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    told = warehouse.told
    skus = tmp_path / "skus.csv"
    skus.write_text("sku,tracking\nTEA,lot\nPOT,\n")
    told(f"stock import skus {skus}")
    lines = "--line TEA=40@3.20 --line POT=5@18 --currency EUR"
    told(f"purchase create --id po-1 --supplier acme --location berlin {lines}")
    told("purchase approve po-1")
    told("purchase send po-1")
    until(lambda: warehouse.purchase().get("status") == "sent")
    until(lambda: warehouse.stock("TEA").get("positions"))
    assert warehouse.stock("TEA")["positions"][0]["expected"] == 40

    told("purchase deliver po-1 --delivery d-1")
    until(lambda: warehouse.purchase()["status"] == "partly_received")
    assert warehouse.events()[-2:] == ["DeliveryRecorded", "ReceiptRefused"]
    assert (
        warehouse.purchase()["events"][-1]["why"] == "delivery d-1, line 1: 40 × TEA: lot required"
    )
    assert [line["received"] for line in warehouse.purchase()["lines"]] == [0, 5]

    told("purchase deliver po-1 --delivery d-2 --lot L1")
    until(lambda: warehouse.purchase()["status"] == "received")
    until(lambda: warehouse.stock("TEA")["available"] == 40)
    assert warehouse.stock("TEA")["positions"][0]["expected"] == 0
    assert warehouse.stock("POT")["available"] == 5


def test_a_switched_location_is_told_of_skus_that_nothing_else_happens_to(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    counts = tmp_path / "counts.csv"
    rows = [f"S{number},{place},3\n" for number in range(50) for place in ("berlin", "lyon")]
    counts.write_text("sku,location,on_hand\n" + "".join(rows))
    warehouse.told(f"stock load {counts}")
    until(lambda: warehouse.stock("S49").get("available") == 6)
    off = "--not-selling --fulfilling --reason fire"
    warehouse.told(f"stock switch-location berlin {off}")
    until(lambda: warehouse.stock("S0")["available"] == 3)
    assert [warehouse.stock(f"S{number}")["available"] for number in (7, 23, 49)] == [3, 3, 3]
