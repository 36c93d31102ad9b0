"""One partition of one room: its state, its timers, and the batch that is being decided.

State is looked for in this order: what the batch has put, the decoded states in memory (two
generations, so that the bound costs no bookkeeping per access), what is committed but not yet in
the checkpoint, the checkpoint. A restart therefore reads only what came after the checkpoint.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable

from schemas import codec
from schemas.engine import DeadLetter
from schemas.messages import Inbound, Room, Send, Summarises
from schemas.records import Record
from streams.engine.checkpoint import Checkpoint
from streams.engine.settings import (
    MAXIMUM_CACHED_STATES,
    MAXIMUM_CAUSE_CHARACTERS,
    MAXIMUM_WAKES,
    SPARE_MOMENTS,
)

_ABSENT = object()
HANDED_OVER = -1
"""Offset of a record that is decided in the transaction that writes it: it has none yet."""


class PartitionState:
    """The committed state of a partition. A room without a state topic has no checkpoint."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        self.checkpoint = checkpoint
        self._recent: dict[str, Record | None] = {}
        self._older: dict[str, Record | None] = {}
        self.dirty: dict[str, bytes | None] = {}
        self._timers: dict[str, int] = {}
        self._saved_timers: dict[str, int] = {}
        self._queue: list[tuple[int, str]] = []
        if checkpoint is not None:
            for key, at in checkpoint.timers():
                self._saved_timers[key] = at
                self._set_timer(key, at)

    def get(self, key: str) -> Record | None:
        """The state of `key`."""
        found = self._recent.get(key, _ABSENT)
        if found is not _ABSENT:
            return found  # type: ignore[return-value]
        found = self._older.get(key, _ABSENT)
        if found is _ABSENT:
            raw = self.dirty.get(key, _ABSENT)
            if raw is _ABSENT:
                raw = self.checkpoint.get(key) if self.checkpoint is not None else None
            found = codec.decode(raw) if raw is not None else None  # type: ignore[arg-type]
        self._remember(key, found)  # type: ignore[arg-type]
        return found  # type: ignore[return-value]

    def _remember(self, key: str, record: Record | None) -> None:
        if len(self._recent) >= MAXIMUM_CACHED_STATES:
            self._older, self._recent = self._recent, {}
        self._recent[key] = record

    def committed(self, key: str, record: Record | None, encoded: bytes | None) -> None:
        """A transaction has committed this state."""
        self._remember(key, record)
        self.dirty[key] = encoded
        at = getattr(record, "wake_at_ms", 0)
        if at or key in self._timers:
            self._set_timer(key, at)

    def restored(self, key: str, encoded: bytes | None) -> None:
        """The state topic holds this state."""
        self.committed(key, codec.decode(encoded) if encoded is not None else None, encoded)

    def _set_timer(self, key: str, at: int) -> None:
        if not at:
            self._timers.pop(key, None)
        elif self._timers.get(key) != at:
            self._timers[key] = at
            heapq.heappush(self._queue, (at, key))
            # Moments that no longer hold stay in the heap until they come up; not too many.
            if len(self._queue) > 2 * len(self._timers) + SPARE_MOMENTS:
                self._queue = [(moment, name) for name, moment in self._timers.items()]
                heapq.heapify(self._queue)

    def due(self, now_ms: int) -> list[str]:
        """Keys whose moment has come, at most MAXIMUM_WAKES; they stay due until they change."""
        keys: list[str] = []
        while self._queue and self._queue[0][0] <= now_ms and len(keys) < MAXIMUM_WAKES:
            at, key = heapq.heappop(self._queue)
            if self._timers.get(key) == at:
                del self._timers[key]
                keys.append(key)
        return keys

    def next_due_ms(self) -> float:
        """When the next timer may be due; infinity when there is none."""
        return self._queue[0][0] if self._queue else math.inf

    def save(self, offset: int) -> None:
        """Write what is committed into the checkpoint; `offset` is where the state topic ends."""
        if self.checkpoint is None:
            return
        gone: dict[str, int] = {}
        new: dict[str, int] = {}
        for key in self.dirty:
            at, saved = self._timers.get(key), self._saved_timers.get(key)
            if at == saved:
                continue
            if saved is not None:
                gone[key] = saved
                del self._saved_timers[key]
            if at is not None:
                new[key] = self._saved_timers[key] = at
        self.checkpoint.write(self.dirty, gone, new, offset)
        self.dirty = {}

    def close(self) -> None:
        """Let go of the checkpoint's folder."""
        if self.checkpoint is not None:
            self.checkpoint.close()


class BatchStates:
    """What a room sees while a batch is decided. One record's changes are kept or dropped whole."""

    __slots__ = ("_committed", "_record", "changes")

    def __init__(self, committed: PartitionState) -> None:
        self._committed = committed
        self._record: dict[str, Record | None] = {}
        self.changes: dict[str, Record | None] = {}

    def get(self, key: str) -> Record | None:
        """See schemas.messages.States."""
        if key in self._record:
            return self._record[key]
        if key in self.changes:
            return self.changes[key]
        return self._committed.get(key)

    def put(self, key: str, record: Record | None) -> None:
        """See schemas.messages.States."""
        self._record[key] = record

    def keep(self) -> None:
        """The record was decided."""
        if self._record:
            self.changes.update(self._record)
            self._record.clear()

    def drop(self) -> None:
        """The record could not be decided."""
        self._record.clear()


class Arrival:
    """A record that is decided in the transaction that writes it, and which send it is."""

    __slots__ = ("index", "key", "record", "source")

    def __init__(self, key: str, record: Record, source: PartitionBatch, index: int) -> None:
        self.key = key
        self.record = record
        self.source = source
        self.index = index


class Raw:
    """A record as Kafka gave it."""

    __slots__ = ("key", "offset", "value")

    def __init__(self, key: bytes | None, value: bytes | None, offset: int) -> None:
        self.key = key
        self.value = value
        self.offset = offset


class PartitionBatch:
    """Up to N records of one partition and the timers that are due, with what they lead to."""

    def __init__(
        self, room: Room, partition: int, state: PartitionState, records: list[Raw], now_ms: int
    ) -> None:
        self.room = room
        self.partition = partition
        self.records = records
        self.now_ms = now_ms
        self.sends: list[Send] = []
        self.handed_over: set[int] = set()
        """those of the sends, by number, that are decided in this transaction"""
        self.seen = 0
        """sends of which it is settled whether they are"""
        self.arrivals: list[Arrival] = []
        """what other batches of the transaction hand over"""
        self.followed = 0
        """arrivals that were decided"""
        self.left_one = False
        """an arrival could not be decided"""
        self.wakes = 0
        self.dead_letters = 0
        self._state = state
        self._states = BatchStates(state)

    @property
    def changes(self) -> dict[str, Record | None]:
        """The new state of every key that the batch touched."""
        return self._states.changes

    def decide(self, due: Iterable[str]) -> None:
        """Run the room over the timers that are due and over the records."""
        states, sends, room, now_ms = self._states, self.sends, self.room, self.now_ms
        for key in due:
            self.wakes += 1
            try:
                sends.extend(room.wake(key, states, now_ms))
                states.keep()
            except Exception as error:
                states.drop()
                self._bury(key.encode(), b"", -1, error)
        decide, decode, partition = room.decide, codec.decode, self.partition
        for raw in self.records:
            try:
                key = raw.key.decode() if raw.key is not None else ""
                record = decode(raw.value or b"")
                sends.extend(decide(Inbound(key, record, partition, raw.offset), states, now_ms))
                states.keep()
            except Exception as error:
                states.drop()
                self._bury(raw.key or b"", raw.value or b"", raw.offset, error)

    def follow(self) -> None:
        """Run the room over what was handed over since the last call.

        What cannot be decided is written like any other record, and fails again, as a dead letter
        with its position, when it is read.
        """
        arrivals, self.arrivals = self.arrivals, []
        states, sends, decide = self._states, self.sends, self.room.decide
        for arrival in arrivals:
            inbound = Inbound(arrival.key, arrival.record, self.partition, HANDED_OVER)
            try:
                sends.extend(decide(inbound, states, self.now_ms))
                states.keep()
                self.followed += 1
            except Exception:
                states.drop()
                arrival.source.handed_over.discard(arrival.index)
                self.left_one = True

    def summarise(self) -> None:
        """Let the room write about the batch as a whole, if it does; the last step."""
        states, room = self._states, self.room
        if states.changes and isinstance(room, Summarises):
            try:
                self.sends.extend(room.summarise(tuple(states.changes), states, self.now_ms))
                states.keep()
            except Exception as error:
                states.drop()
                self._bury(b"", b"", -1, error)

    def _bury(self, key: bytes, value: bytes, offset: int, error: Exception) -> None:
        self.dead_letters += 1
        cause = f"{type(error).__name__}: {error}"[:MAXIMUM_CAUSE_CHARACTERS]
        letter = DeadLetter(
            room=self.room.name,
            topic=self.room.commands.name,
            partition=self.partition,
            offset=offset,
            cause=cause,
            key=key,
            value=value,
            at_ms=self.now_ms,
        )
        self.sends.append(Send(self.room.dead_letter, key.decode("utf-8", "replace"), letter, None))
