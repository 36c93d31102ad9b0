"""Who is told of what, and an event as it is told."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from schemas.records import Record
from schemas.topics import EVENT_TOPICS, Topic

MAXIMUM_SUBSCRIPTIONS = 100
"""Each has a thread and a consumer of its own."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One receiver."""

    name: str
    """also of its consumer group: another name starts anew"""
    url: str
    keys: tuple[bytes, ...]
    """every secret that is good now; the first is the newest"""
    events: frozenset[str]
    """types of records, e.g. OrderReleased"""
    from_beginning: bool
    """at its first start: everything that the topics still have, or only what comes from now on"""
    channel: str = ""
    """only of orders of this channel; empty for all"""
    kind: str = "webhook"
    """webhook, or the shop that is told by its own API, e.g. shopify"""
    secret: str = field(default="", repr=False)
    """of a shop: what it is asked with"""
    account: str = ""
    """of a shop: what else names the account, e.g. seller and marketplace of Amazon"""
    token_url: str = ""
    """of a shop: where its access tokens are fetched; empty for the usual place"""

    def wants(self, event: Record) -> bool:
        """Whether it asks for this event."""
        if type(event).__name__ not in self.events:
            return False
        order_id: str = getattr(event, "order_id", "")
        return not self.channel or order_id.startswith(f"{self.channel}-")

    @property
    def topics(self) -> list[Topic]:
        """The topics on which its events stand."""
        return [
            topic
            for topic in EVENT_TOPICS
            if self.events.intersection(record.__name__ for record in topic.values)
        ]


def events_of(topic: Topic) -> list[str]:
    """The types of events on a topic."""
    return [record.__name__ for record in topic.values]


def topic_names() -> Mapping[str, Topic]:
    """Topics of events by name."""
    return {topic.name: topic for topic in EVENT_TOPICS}


def body(record: Record, timestamp_ms: int) -> bytes:
    """An event as JSON: its type, when it was written, and its fields as the contract names them.

    Bytes are base64. Source: Standard Webhooks specification 1.0.0, "Payload structure".
    """
    when = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    told: dict[str, Any] = {
        "type": type(record).__name__,
        "timestamp": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": msgspec.to_builtins(record, enc_hook=_encoded),
    }
    return orjson.dumps(told)


def message_id(topic: str, partition: int, offset: int) -> str:
    """What names an event for ever."""
    return f"{topic}-{partition}-{offset}"


def place_in(name: str) -> tuple[str, int, int]:
    """Topic, partition and offset of a message id. Raises ValueError."""
    topic, partition, offset = name.rsplit("-", 2)
    if topic not in topic_names():
        raise ValueError(f"{topic[:100]!r} is no topic of events")
    return topic, int(partition), int(offset)


def _encoded(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value).__name__)
