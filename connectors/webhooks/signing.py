"""Signatures of webhooks.

Source: Standard Webhooks specification 1.0.0, "Signature scheme", symmetric (v1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

PREFIX = "whsec_"
SECRET_BYTES = 32
LEAST_BYTES = 24
MOST_BYTES = 64
"""Bounds of a secret. Source: the same."""


class BadSecret(ValueError):
    """Not a secret of this scheme. The message never quotes it."""


def secret(text: str) -> bytes:
    """The key in a secret such as `whsec_…`. Raises BadSecret."""
    try:
        key = base64.b64decode(text.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret("is not base64") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise BadSecret(f"does not have {LEAST_BYTES} to {MOST_BYTES} bytes")
    return key


def generated() -> str:
    """A new secret as text."""
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def headers(message_id: str, at_seconds: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one attempt, signed with each key, so that secrets can be exchanged."""
    signed = f"{message_id}.{at_seconds}.".encode() + body
    signatures = [
        "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode() for key in keys
    ]
    return {
        "content-type": "application/json",
        "user-agent": "millrace-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(signatures),
    }
