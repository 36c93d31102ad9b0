"""Records that could not be decided: what the engine writes of them, for every room."""

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


class DeadLetterReplayed(Record, frozen=True):
    """A dead letter's record was sent again and the letter is settled. Key: the letter's own."""

    room: str
    partition: int
    """partition of the dead letter, on the topic of this record"""
    offset: int
    """offset of the dead letter in that partition"""
    at_ms: Millis
