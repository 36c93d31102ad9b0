"""The seam between a room and whatever carries its records: plain data, no Kafka."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.records import Record
from schemas.topics import Topic


class Send(NamedTuple):
    """A record that a decision wants written, in the transaction of the decision."""

    topic: Topic
    key: str
    record: Record
    partition: int | None = None
    """None: murmur2 of the key"""


class Inbound(NamedTuple):
    """A record that asks for a decision, and where it stood."""

    key: str
    record: Record
    partition: int
    offset: int


class States(Protocol):
    """The state of one partition of a room, by key; what is put is committed with the batch."""

    def get(self, key: str) -> Record | None:
        """The state of `key`, with what this batch has put; None when there is none."""

    def put(self, key: str, record: Record | None) -> None:
        """Set the state of `key`; None deletes it."""


class Room(Protocol):
    """What the engine runs: an inbox, a state topic, and two functions without I/O or clock.

    An exception out of either is a bug or poison: nothing of that record is kept, it goes to the
    dead-letter topic, and the next one is decided.
    """

    name: str
    commands: Topic
    state: Topic | None
    dead_letter: Topic

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command."""

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from the state's `wake_at_ms` having come.

        Must put a state with a later or no `wake_at_ms`, or delete it.
        """


@runtime_checkable
class Summarises(Protocol):
    """A room that also writes about the batch as a whole."""

    def summarise(self, changed: Collection[str], states: States, now_ms: int) -> list[Send]:
        """Records about all that a batch has changed, once a batch: fewer than one a decision.

        `changed` are the keys whose state the batch has put. May put states itself. Of an exception
        a dead letter tells; the batch stands without a summary.
        """
