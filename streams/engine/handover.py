"""Which records a worker decides in the very transaction that writes them. DECISIONS.md 9.

A record for a room's inbox whose partition the same worker holds need not be read back first. It is
written with the header `decided`, and whoever reads the inbox passes over it. The rest of the
contract is untouched: the record stands on its topic, in its place, in the same transaction as what
it led to.

Two records of one partition for the same inbox are never decided in another order than they were
written in. So a partition of an inbox is open for this only while the worker has read everything
there that it could have written itself and did not decide; `Inbox` keeps count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

from confluent_kafka import KafkaError, Message

from schemas.messages import Send
from schemas.partitions import partition_of
from streams.engine.partition import Arrival, PartitionBatch
from streams.engine.settings import MAXIMUM_CACHED_STATES, MAXIMUM_HANDED_OVER

DECIDED = "decided"
"""The header of a record that the transaction which wrote it has decided."""
HEADERS: list[tuple[str, str | bytes | None]] = [(DECIDED, b"")]
Place = tuple[str, int]
"""Topic and partition."""

_partition_of = lru_cache(MAXIMUM_CACHED_STATES)(partition_of)


def is_decided(message: Message) -> bool:
    """Whether the transaction that wrote the message has decided it."""
    headers = message.headers()
    return headers is not None and DECIDED in dict(headers)


def place_of(send: Send) -> Place:
    """Where the record will stand."""
    if send.partition is not None:
        return send.topic.name, send.partition
    return send.topic.name, _partition_of(send.key.encode(), send.topic.partitions)


class Inbox:
    """How far one partition of an inbox has been read, and whether records may overtake it."""

    __slots__ = ("_barrier", "_read_to", "_shut", "_unwritten")

    def __init__(self, end: int) -> None:
        """`end` is where the partition ends, open transactions included, when it is taken over."""
        self._barrier: float = end
        self._read_to = 0
        self._unwritten = 0
        self._shut = False

    @property
    def is_open(self) -> bool:
        """Everything that was left to be read has been read."""
        return not (self._unwritten or self._shut) and self._read_to >= self._barrier

    def shut(self) -> None:
        """Let nothing further through in this transaction."""
        self._shut = True

    def read_to(self, offset: int) -> None:
        """Everything before `offset` was read, or is nothing to be read."""
        self._read_to = max(self._read_to, offset)

    def leave(self) -> None:
        """A record is written that is left to be read; `written` is its delivery report."""
        self._unwritten += 1
        self._shut = False

    def written(self, error: KafkaError | None, message: Message) -> None:
        """Where a record that is left to be read stands. One that failed keeps the inbox closed:
        the transaction fails with it."""
        if error is not None:
            self._barrier = math.inf
        self._unwritten -= 1
        self._barrier = max(self._barrier, (message.offset() or 0) + 1)


def hand_over(
    batches: dict[Place, PartitionBatch],
    inboxes: Mapping[Place, Inbox],
    opened: Callable[[Place], PartitionBatch],
    so_far: int,
) -> list[PartitionBatch]:
    """Give every send that the worker may decide at once to the batch of its inbox.

    `opened` makes the batch of a place that has none. What is beyond MAXIMUM_HANDED_OVER, `so_far`
    included, is left to be read, and so is what comes after a record that could not be decided.
    Gives the batches that have something to follow.
    """
    targets: dict[Place, PartitionBatch] = {}
    topics = {topic for topic, _ in inboxes}
    for place, batch in batches.items():
        if batch.left_one:
            inboxes[place].shut()
    for batch in list(batches.values()):
        sends = batch.sends
        for index in range(batch.seen, len(sends)):
            send = sends[index]
            if send.topic.name not in topics:
                continue
            place = place_of(send)
            inbox = inboxes.get(place)
            if inbox is None or not inbox.is_open:
                continue
            if so_far >= MAXIMUM_HANDED_OVER:
                inbox.shut()
                continue
            so_far += 1
            target = targets.get(place)
            if target is None:
                target = targets[place] = batches.get(place) or opened(place)
                batches[place] = target
            batch.handed_over.add(index)
            target.arrivals.append(Arrival(send.key, send.record, batch, index))
        batch.seen = len(sends)
    return list(targets.values())
