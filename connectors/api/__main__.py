"""Writes openapi.json beside this file: `python -m connectors.api`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from connectors.api.server import described_as

KEPT = Path(__file__).with_name("openapi.json")


def main() -> None:
    """Write it anew."""
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(described_as()), indent=1) + b"\n")


if __name__ == "__main__":
    main()
