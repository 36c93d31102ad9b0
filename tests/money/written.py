"""Reads orders.toml, and maps its orders as they would come in."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from connectors.channels.generic import GenericJson
from schemas import money
from schemas.orders import PlaceOrder

WRITTEN: list[dict[str, Any]] = tomllib.loads(
    (Path(__file__).parent / "orders.toml").read_text(encoding="utf-8")
)["order"]
NAMES = [f"{order['number']}: {order['title']}" for order in WRITTEN]


def placed(given: dict[str, Any]) -> PlaceOrder:
    """The command that the JSON channel makes of it."""
    payload = json.dumps(given).encode()
    (order,) = GenericJson().orders(payload, "", "raw-1", 1)
    assert isinstance(order, PlaceOrder), order
    return order


def minors(amounts: list[str], currency: str) -> list[int]:
    """Amounts as they are written, in minor units."""
    return [money.minor(amount, currency, "written") for amount in amounts]
