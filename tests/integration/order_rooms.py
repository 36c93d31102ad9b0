"""The orders and payments rooms, and no other.

`python -m tests.integration.order_rooms BOOTSTRAP STATE_DIRECTORY PORT` runs them in the engine.
"""

from __future__ import annotations

import sys
from pathlib import Path

from streams.app import run
from streams.engine.settings import Settings
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom


def main() -> None:
    """One worker."""
    bootstrap, directory, port = sys.argv[1:]
    run(
        [OrdersRoom(), PaymentsRoom()],
        Settings(bootstrap, "w", Path(directory), web_port=int(port)),
    )


if __name__ == "__main__":
    main()
