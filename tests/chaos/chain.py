"""The chain of an order's events, recomputed from the contract's text alone."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any


def digest(before: bytes, name: str, fields: dict[str, Any]) -> bytes:
    """The digest of an event, from that of the order's event before."""
    told = json.dumps({**fields, "digest": ""}, separators=(",", ":"), ensure_ascii=False)
    return sha256(before + name.encode() + b"\n" + told.encode()).digest()
