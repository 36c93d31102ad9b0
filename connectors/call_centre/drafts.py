"""Drafts and quotes of staff: encrypted, in one file of this machine, for a bounded time.

Guarantee: what `put` returned for is on the disk. Idempotency key: the draft's id and revision; an
older revision is refused, so that two windows do not overwrite each other.

A draft is encrypted with a key that follows from the vault's master key and its id: without that
key the file tells when a draft was changed, and nothing else. See DECISIONS.md.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from connectors.vault.master import Unreadable
from connectors.vault.sealing import PAYLOAD, DataKey, Vault

MAXIMUM_DRAFTS = 2_000
"""In all; who wants another one has to delete one."""
MAXIMUM_FORM_BYTES = 128 * 1024
KEPT_MS = 14 * 86_400_000
"""After its last change; then a draft is deleted."""
BUSY_SECONDS = 5.0
_SEED = b"call-centre draft"

_TABLE = """
CREATE TABLE IF NOT EXISTS drafts (
    draft_id   TEXT PRIMARY KEY,
    revision   INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    link       BLOB NOT NULL,
    sealed     BLOB NOT NULL
)
"""


class State(StrEnum):
    """Where a draft is: each state may follow the ones before it."""

    DRAFT = "draft"
    QUOTED = "quoted"
    """told to the customer, and good until quoted_until_ms"""
    AWAITING_PAYMENT = "awaiting_payment"
    """a payment link is out"""
    PLACING = "placing"
    """the order is made, and may be on Kafka"""
    PLACED = "placed"


OPEN = frozenset({State.DRAFT, State.QUOTED})
"""The form can be changed."""


class Draft(Struct, frozen=True):
    """One draft, with all that is personal in its form."""

    draft_id: str
    revision: int
    agent_id: str
    changed_ms: int
    state: State
    form: dict[str, Any] = field(default_factory=dict)
    total: str = ""
    """of a quote or an order, in major units"""
    currency: str = ""
    quoted_at_ms: int = 0
    quoted_until_ms: int = 0
    link: str = ""
    """what its payment link is known by, a secret; empty where there is none"""
    link_url: str = ""
    """empty where it is the desk's own page"""
    order: dict[str, Any] = field(default_factory=dict)
    """the form as it was placed: the same for every try"""
    order_id: str = ""


class Outdated(Exception):
    """The draft has been changed since it was read."""


class Full(Exception):
    """There are MAXIMUM_DRAFTS drafts."""


class TooLarge(ValueError):
    """The form has more than MAXIMUM_FORM_BYTES bytes."""


def new_id() -> str:
    """An id that can be read out on the phone, and that nobody guesses."""
    alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
    return "d" + "".join(secrets.choice(alphabet) for _ in range(11))


class Drafts:
    """Any thread may call anything; calls take turns. Errors of the file are sqlite3's."""

    def __init__(self, path: Path, vault: Vault, clock: Callable[[], float] = time.time) -> None:
        """Open the file, or make it."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Before sqlite3 makes it: what it keeps beside the file has the file's permissions.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._vault, self._clock = vault, clock
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA secure_delete = ON",
            _TABLE,
            "CREATE INDEX IF NOT EXISTS by_link ON drafts (link) WHERE link <> x''",
        ):
            self._database.execute(statement)

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self._clock() * 1000)

    def make(self, agent_id: str, form: dict[str, Any]) -> Draft:
        """A new draft. Raises Full and TooLarge."""
        draft = Draft(new_id(), 1, agent_id, self.now_ms(), State.DRAFT, form)
        sealed = self._sealed(draft)
        with self._lock:
            self._expire()
            if self._count() >= MAXIMUM_DRAFTS:
                raise Full
            self._database.execute(
                "INSERT INTO drafts VALUES (?, ?, ?, ?, ?)",
                (draft.draft_id, draft.revision, draft.changed_ms, b"", sealed),
            )
        return draft

    def get(self, draft_id: str) -> Draft | None:
        """A draft; None where there is none, or it is of another master key."""
        return self._one("draft_id = ?", draft_id)

    def of_link(self, link: str) -> Draft | None:
        """The draft of a payment link."""
        return self._one("link = ?", _hashed(link))

    def latest(self, limit: int) -> list[Draft]:
        """Drafts that are not placed yet, the latest change first."""
        with self._lock:
            self._expire()
            rows = self._database.execute(
                "SELECT draft_id, sealed FROM drafts ORDER BY changed_ms DESC, draft_id"
            ).fetchall()
        found: list[Draft] = []
        for draft_id, sealed in rows:
            draft = self._opened(draft_id, sealed)
            if draft is not None and draft.state != State.PLACED:
                found.append(draft)
            if len(found) == limit:
                break
        return found

    def put(self, draft: Draft) -> Draft:
        """Keep a change of the revision that was read; with its new revision and time.

        Raises Outdated and TooLarge.
        """
        changed = msgspec.structs.replace(
            draft, revision=draft.revision + 1, changed_ms=self.now_ms()
        )
        link = _hashed(changed.link) if changed.link else b""
        with self._lock:
            done = self._database.execute(
                "UPDATE drafts SET revision = ?, changed_ms = ?, link = ?, sealed = ?"
                " WHERE draft_id = ? AND revision = ?",
                (
                    changed.revision, changed.changed_ms, link, self._sealed(changed),
                    draft.draft_id, draft.revision,
                ),
            )  # fmt: skip
            if done.rowcount != 1:
                raise Outdated
        return changed

    def delete(self, draft_id: str) -> None:
        """Forget it; one that is not there is forgotten already."""
        with self._lock:
            self._database.execute("DELETE FROM drafts WHERE draft_id = ?", (draft_id,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _count(self) -> int:
        (count,) = self._database.execute("SELECT count(*) FROM drafts").fetchone()
        return int(count)

    def _expire(self) -> None:
        until = self.now_ms() - KEPT_MS
        self._database.execute("DELETE FROM drafts WHERE changed_ms < ?", (until,))

    def _one(self, where: str, value: str | bytes) -> Draft | None:
        with self._lock:
            self._expire()
            row = self._database.execute(
                f"SELECT draft_id, sealed FROM drafts WHERE {where}", (value,)
            ).fetchone()
        return None if row is None else self._opened(row[0], row[1])

    def _key(self, draft_id: str) -> DataKey:
        return self._vault.key_of_plain(draft_id, _SEED)

    def _sealed(self, draft: Draft) -> bytes:
        content = msgspec.json.encode(draft)
        if len(content) > MAXIMUM_FORM_BYTES:
            raise TooLarge(f"the form has more than {MAXIMUM_FORM_BYTES} bytes")
        return self._key(draft.draft_id).seal(PAYLOAD, draft.draft_id, content)

    def _opened(self, draft_id: str, sealed: bytes) -> Draft | None:
        try:
            content = self._key(draft_id).open(PAYLOAD, draft_id, sealed)
        except Unreadable:
            return None
        return msgspec.json.decode(content, type=Draft)


def _hashed(link: str) -> bytes:
    """A file that is read by others does not give away how to pay."""
    return hashlib.sha256(link.encode(errors="replace")).digest()
