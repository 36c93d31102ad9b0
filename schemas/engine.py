"""Records that the engine itself writes, for every room."""

from __future__ import annotations

from schemas.records import Millis, Record


class DeadLetter(Record, frozen=True):
    """A record that no rule could decide, kept whole. Key: the record's own key."""

    room: str
    topic: str
    partition: int
    offset: int
    cause: str
    """the exception's type and words, at most 2,000 characters"""
    key: bytes
    value: bytes
    at_ms: Millis
