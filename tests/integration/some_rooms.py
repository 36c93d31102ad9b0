"""A worker with some of the rooms, and no other.

`python -m tests.integration.some_rooms ROOMS BOOTSTRAP STATE_DIRECTORY PORT` runs in the engine the
rooms about `orders` and their payments, or about `stock` and purchases.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from schemas.messages import Room
from streams.app import run
from streams.engine.settings import Settings
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom
from streams.purchasing.agent import PurchasingRoom

ROOMS: dict[str, tuple[Callable[[], Room], ...]] = {
    "orders": (OrdersRoom, PaymentsRoom),
    "stock": (InventoryRoom, PurchasingRoom),
}


def main() -> None:
    """One worker."""
    rooms, bootstrap, directory, port = sys.argv[1:]
    settings = Settings(bootstrap, "w", Path(directory), web_port=int(port))
    run([room() for room in ROOMS[rooms]], settings)


if __name__ == "__main__":
    main()
