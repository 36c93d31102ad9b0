"""How a worker runs, and the named bound of everything in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MAXIMUM_BATCH_RECORDS = 6_000
"""Records of all partitions that one transaction takes in."""
MAXIMUM_HANDED_OVER = 30_000
"""Records that one transaction decides besides those that it has read."""
MAXIMUM_WAKES = 1_000
"""Timers of one partition that one transaction takes in."""
SPARE_MOMENTS = 10_000
"""Moments in a partition's timer heap that may be out of date, beyond as many as are in force."""
MAXIMUM_CACHED_STATES = 100_000
"""Decoded states of one partition in one of the two generations of its cache."""
MAXIMUM_DIRTY_STATES = 20_000
"""Committed states of one partition that are not yet in its checkpoint."""
MAXIMUM_CAUSE_CHARACTERS = 2_000
CHECKPOINT_SECONDS = 5.0
POLL_SECONDS = 0.1
"""How long a worker waits for a first record; also the resolution of timers."""
LINGER_SECONDS = 0.003
"""How long a batch waits for more, once it has its first record."""
OFFSETS_SECONDS = 1.0
"""How long an idle worker waits before it commits that it has passed records it had decided."""
SESSION_TIMEOUT_MS = 6_000
TRANSACTION_TIMEOUT_MS = 15_000
COMMIT_PATIENCE_SECONDS = TRANSACTION_TIMEOUT_MS / 1000 + 2.0
"""For one commit, however it waits; past it the worker gives up and starts again."""
KAFKA_PATIENCE_SECONDS = 30.0
"""For one call to Kafka; past it the worker gives up and starts again."""
RESTORE_PATIENCE_SECONDS = 240.0
"""For one partition; under max.poll.interval.ms, which is 300 s."""
CHECKPOINT_AGE_SECONDS = 20 * 3600
"""An older checkpoint is not used: the log may have forgotten deletions (delete.retention.ms)."""
CHANNEL_BATCHES = 64
"""Partition batches that wait in one room's channel."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One worker."""

    bootstrap: str
    instance: str
    """static member id; the same after a restart, another for each worker of a group"""
    state_directory: Path
    group: str = "millrace-workers"
    web_host: str = "127.0.0.1"
    web_port: int = 6066
    session_timeout_ms: int = SESSION_TIMEOUT_MS
    checkpoint_seconds: float = CHECKPOINT_SECONDS
    compression: str = "lz4"
    """of what is written; none costs broker and workers less where both are on one machine"""
    kafka: dict[str, str | int] = field(default_factory=dict)
    """further librdkafka settings for every client, such as security.protocol"""
