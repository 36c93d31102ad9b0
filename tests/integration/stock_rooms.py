"""The rooms about stock and purchases, and no other.

`python -m tests.integration.stock_rooms BOOTSTRAP STATE_DIRECTORY PORT` runs them in the engine.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streams.app import run
from streams.engine.settings import Settings
from streams.inventory.agent import InventoryRoom
from streams.purchasing.agent import PurchasingRoom


def main() -> None:
    """One worker."""
    bootstrap, directory, port = sys.argv[1:]
    settings = Settings(bootstrap, "w", Path(directory), web_port=int(port))
    run([InventoryRoom(), PurchasingRoom()], settings)


if __name__ == "__main__":
    main()
