"""A workbook's numbers are read as Excel keeps them, or refused; none is guessed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from connectors.channels import tables
from connectors.channels.columns import BadTable, columns_of
from connectors.channels.registry import CHANNELS
from connectors.channels.sheets import BadCell, number_text
from schemas.orders import PlaceOrder

HEADER = ["external_id", "placed_at", "currency", "sku", "quantity", "unit_price", "total",
          "payment_token", "internal"]  # fmt: skip
WHEN = datetime(2024, 3, 1, 12, 0)
BERLIN = columns_of('time_zone = "Europe/Berlin"')


def row(**other: Any) -> list[Any]:
    cells = dict(zip(HEADER, [1001, WHEN, "EUR", "MUG", 2, 9.995, 19.99, "tok", 3.5], strict=True))
    return list({**cells, "unit_price": 9.99, "total": 19.98, **other}.values())


def saved(directory: Path, *rows: list[Any], sku_format: str = "General") -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for cells in [HEADER, *rows]:
        book.active.append(cells)
    for line in range(2, len(rows) + 2):
        book.active.cell(line, 4).number_format = sku_format
    book.save(directory / "o.xlsx")
    return directory / "o.xlsx"


def part(path: Path) -> tables.Part:
    [found] = tables.table_parts(path, BERLIN)
    return found


def test_an_order_is_read_to_the_cent_with_its_own_zone(tmp_path: Path) -> None:
    [order] = CHANNELS["csv"].orders(part(saved(tmp_path, row(total=6.66 * 3))).payload, "", "", 0)
    assert isinstance(order, PlaceOrder)
    assert (order.external_id, order.total_minor) == ("1001", 1998)
    assert order.placed_at_ms == 1_709_290_800_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(19.99, "19.99"), (19.990000000000002, "19.99"), (0.1 + 0.2, "0.3"), (20.0, "20"),
     (1e14, "100000000000000"), (1e-7, "0.0000001"), (-0.5, "-0.5")],
)  # fmt: skip
def test_a_number_has_the_15_digits_that_excel_shows(value: float, text: str) -> None:
    assert number_text(value) == text


def test_a_number_whose_last_digits_excel_has_lost_is_refused() -> None:
    with pytest.raises(BadCell):
        number_text(1_234_567_890_123_456)


def test_an_amount_that_is_only_shown_rounded_is_refused(tmp_path: Path) -> None:
    [refused] = CHANNELS["csv"].orders(part(saved(tmp_path, row(total=19.984))).payload, "", "", 0)
    assert getattr(refused, "reason", "") == "invalid_amount"


@pytest.mark.parametrize(
    ("cells", "why"),
    [({"total": "=F2*2"}, "formula"), ({"sku": "#N/A"}, "error"), ({"total": WHEN}, "date"),
     ({"external_id": 1234567890123456}, "15 digits")],
)  # fmt: skip
def test_a_cell_that_is_not_certain_refuses_its_order_alone(
    tmp_path: Path, cells: dict[str, Any], why: str
) -> None:
    found = part(saved(tmp_path, row(**cells), row(external_id="B-2")))
    [refused] = found.refused
    assert why in refused.detail and refused.field.startswith("row 2.")
    assert found.rows == (3,)


def test_leading_zeros_are_read_as_they_are_shown(tmp_path: Path) -> None:
    [order] = CHANNELS["csv"].orders(
        part(saved(tmp_path, row(sku=42), sku_format="00000")).payload, "", "", 0
    )
    assert isinstance(order, PlaceOrder)
    assert order.lines[0].sku == "00042"
    [refused] = part(saved(tmp_path, row(sku=42), sku_format="#,##0.0")).refused
    assert refused.field == "row 2.sku"


def test_a_date_without_a_zone_is_refused(tmp_path: Path) -> None:
    [found] = tables.table_parts(saved(tmp_path, row()), columns_of(""))
    [refused] = CHANNELS["csv"].orders(found.payload, "", "", 0)
    assert getattr(refused, "field", "") == "row 2.placed_at"


@pytest.mark.parametrize("content", [b"PK\x03\x04 broken", b"\xd0\xcf\x11\xe0 old"])
def test_a_file_that_is_no_workbook_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "o.xlsx").write_bytes(content)
    with pytest.raises(BadTable):
        list(tables.table_parts(tmp_path / "o.xlsx", BERLIN))
