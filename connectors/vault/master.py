"""Master keys: what wraps data keys, and what pseudonyms are computed with.

As text, each is 32 bytes in base64 on a line of its own. The first wraps; all unwrap, so that a new
one is put on top of the file and the old ones stay below it. Pseudonyms come of the last line: it
never changes, or everybody would get another one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

KEY_BYTES = 32
MARK_BYTES = 4
"""In front of a wrapped key: which master key wrapped it."""
NEW_FILE_MODE = 0o600


class BadMasterKey(ValueError):
    """The text is no master key; the message says what is wrong, and never what it holds."""


class Unreadable(ValueError):
    """Not encrypted with this key, bound to something else, or damaged."""


class MasterKeys:
    """Every master key that is good now."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Take keys as text, the one that wraps first. Raises BadMasterKey."""
        secrets = [_secret(number, line) for number, line in enumerate(lines, 1)]
        if not secrets:
            raise BadMasterKey("there is no key")
        self._by_mark = {_mark(secret): _wrapper(secret) for secret in secrets}
        self._first = _mark(secrets[0])
        self._pepper = hmac.digest(secrets[-1], b"millrace pseudonyms", "sha256")

    def wrap(self, secret: bytes, key_id: str) -> bytes:
        """A data key for customers.keys; the same for the same key and id."""
        sealed = self._by_mark[self._first].encrypt(secret, [b"key", key_id.encode()])
        return self._first + sealed

    def unwrap(self, wrapped: bytes, key_id: str) -> bytes:
        """The data key. Raises Unreadable."""
        wrapper = self._by_mark.get(wrapped[:MARK_BYTES])
        if wrapper is None:
            raise Unreadable(f"key {key_id} is wrapped with a master key that is not given")
        try:
            return wrapper.decrypt(wrapped[MARK_BYTES:], [b"key", key_id.encode()])
        except InvalidTag:
            raise Unreadable(f"key {key_id} is damaged") from None

    def keyed_hash(self, content: bytes, size: int = 32) -> bytes:
        """What nobody without the master key can compute or try out.

        Source: RFC 7693, keyed BLAKE2b.
        """
        return hashlib.blake2b(content, key=self._pepper, digest_size=size).digest()


def generated() -> str:
    """A new master key as text."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def create(path: Path) -> None:
    """Write a new master key where there is no file yet; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, NEW_FILE_MODE)
    except FileExistsError:
        return
    with os.fdopen(place, "w", encoding="ascii") as file:
        file.write(f"{generated()}\n")
        file.flush()
        os.fsync(file.fileno())


def _secret(number: int, line: str) -> bytes:
    try:
        secret = base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise BadMasterKey(f"line {number} is not base64") from None
    if len(secret) != KEY_BYTES:
        raise BadMasterKey(f"line {number} is not {KEY_BYTES} bytes in base64")
    return secret


def _mark(secret: bytes) -> bytes:
    return hmac.digest(secret, b"millrace mark", "sha256")[:MARK_BYTES]


def _wrapper(secret: bytes) -> AESSIV:
    return AESSIV(hmac.digest(secret, b"millrace wrapping", "sha512"))
