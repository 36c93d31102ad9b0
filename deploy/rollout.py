"""What each partition of a room goes by, where a command puts it into force in all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from deploy.audit import Tail
from deploy.cluster import Cluster
from schemas import codec
from schemas.records import Record
from schemas.topics import Topic

State = TypeVar("State", bound=Record)


@contextmanager
def states_of(
    cluster: Cluster, topic: Topic, key: str, kind: type[State]
) -> Iterator[Callable[[], dict[int, State]]]:
    """Each call tells the state that stands under `key` in each partition that has one; the first
    reads all of the topic, and each later one what has come since. Raises KafkaException and
    Unavailable."""
    states: dict[int, State] = {}
    tail = Tail(cluster, topic)

    def look() -> dict[int, State]:
        for message in tail.to(tail.ends()):
            value = message.value()
            if message.key() == key.encode() and value is not None:
                record = codec.decode(value)
                assert isinstance(record, kind)
                states[message.partition() or 0] = record
        return dict(states)

    try:
        yield look
    finally:
        tail.close()
