"""Finds the key of a payload on customers.keys, where it stands before the payload is written.

Guarantee: a key that stands there is found; None means that it is erased. Keys are read as they are
asked for, in step with the payloads, from the partition of the payload's own number; memory is
bounded whatever was issued. What a transaction has not committed is read too: to know a key whose
payload never came does no harm, and nothing has to wait for a transaction of our own.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from connectors.vault.sealing import DataKey, Vault
from schemas import codec
from schemas.customers import KeyIssued
from schemas.topics import CUSTOMERS_KEYS

MAXIMUM_KEYS = 200_000
"""In memory, as they stand on the topic, and far more than READ_RECORDS; the oldest gives way and
is read again where it is asked for."""
MAXIMUM_PREFETCH_KBYTES = 8_192
MARGIN_MS = 3_600_000
"""A key is looked for from so long before its payload was received on."""
IDLE_SECONDS = 60.0
"""A partition that was not asked for so long is let go when another one comes."""
PATIENCE_SECONDS = 30.0
READ_RECORDS = 1_000
WAIT_SECONDS = 0.05


class KeysUnavailable(BaseException):
    """Kafka does not tell the keys. No Exception, because the payload is not at fault: it must not
    become a dead letter, but wait until the process has started again."""


class Keys(Protocol):
    """What reads payloads needs of a ring."""

    vault: Vault

    def find(self, key_id: str, partition: int, since_ms: int) -> DataKey | None:
        """The key; None where it is erased. Raises KeysUnavailable and vault.master.Unreadable."""

    def stands(self, key_id: str, partition: int) -> bool:
        """The key that was found is still not erased, as of now. Raises KeysUnavailable."""


class KeyRing:
    """One consumer; for one thread at a time. It connects when it is first asked."""

    def __init__(
        self, bootstrap: str, vault: Vault, kafka: Mapping[str, str | int] | None = None
    ) -> None:
        """Take a broker's address; `kafka` are further librdkafka settings."""
        self.vault = vault
        self._settings = {"log_level": 0, **(kafka or {}), "bootstrap.servers": bootstrap}
        self._consumer: Consumer | None = None
        self._known: dict[str, bytes | None] = {}
        self._since: dict[int, int] = {}
        self._at: dict[int, int] = {}
        self._asked: dict[int, float] = {}

    def find(self, key_id: str, partition: int, since_ms: int) -> DataKey | None:
        """See Keys. `since_ms` is when the payload came, `partition` that of the payload."""
        if key_id not in self._known:
            try:
                self._look_for(key_id, partition, since_ms - MARGIN_MS)
            except KafkaException as error:
                raise KeysUnavailable(f"keys: {error}") from error
        value = self._known.get(key_id)
        if value is None:
            return None
        issued = codec.decode(value)
        if not isinstance(issued, KeyIssued):
            raise TypeError(f"{key_id} is a {type(issued).__name__}")
        return self.vault.key(issued)

    def stands(self, key_id: str, partition: int) -> bool:
        """See Keys."""
        try:
            self._read("", partition)
        except KafkaException as error:
            raise KeysUnavailable(f"keys: {error}") from error
        return self._known.get(key_id) is not None

    def close(self) -> None:
        """Let go of the connection."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def _look_for(self, key_id: str, partition: int, since_ms: int) -> None:
        fresh = since_ms < self._since.get(partition, since_ms + 1)
        if fresh:
            self._follow(partition, since_ms)
        self._asked[partition] = time.monotonic()
        self._read(key_id, partition)
        if key_id not in self._known and not fresh:
            # It may have been read and forgotten since.
            self._follow(partition, since_ms)
            self._read(key_id, partition)

    def _follow(self, partition: int, since_ms: int) -> None:
        """Read the partition from that moment on."""
        consumer = self._connected()
        idle = time.monotonic() - IDLE_SECONDS
        gone = {number for number, asked in self._asked.items() if asked < idle} | {partition}
        gone &= self._since.keys()
        if gone:
            consumer.incremental_unassign(
                [TopicPartition(CUSTOMERS_KEYS.name, number) for number in gone]
            )
        for number in gone:
            del self._since[number], self._at[number]
        place = TopicPartition(CUSTOMERS_KEYS.name, partition, max(since_ms, 0))
        [found] = consumer.offsets_for_times([place], timeout=PATIENCE_SECONDS)
        if found.error is not None:
            raise KafkaException(found.error)
        start = found.offset if found.offset >= 0 else self._end(partition)
        consumer.incremental_assign([TopicPartition(CUSTOMERS_KEYS.name, partition, start)])
        self._since[partition], self._at[partition] = since_ms, start

    def _read(self, key_id: str, partition: int) -> None:
        """Read until the key is known, or the partition is read to where it ends now."""
        self._take(0)
        if key_id in self._known:
            return
        end, deadline = self._end(partition), time.monotonic() + PATIENCE_SECONDS
        while key_id not in self._known and self._at[partition] < end:
            if self._take(WAIT_SECONDS):
                deadline = time.monotonic() + PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise KeysUnavailable(f"keys: no answer in {PATIENCE_SECONDS:.0f} s")

    def _take(self, wait_seconds: float) -> int:
        consumer = self._connected()
        # `consume` waits for the whole of its time unless it is filled; `poll` does not.
        first = consumer.poll(wait_seconds)
        if first is None:
            return 0
        messages = [first, *consumer.consume(READ_RECORDS, 0)]
        for message in messages:
            self._keep(message)
        while len(self._known) > MAXIMUM_KEYS:
            del self._known[next(iter(self._known))]
        return len(messages)

    def _keep(self, message: Message) -> None:
        error, number, offset = message.error(), message.partition(), message.offset()
        if number not in self._at or offset is None:
            if error is not None and error.fatal():
                raise KafkaException(error)
            return
        if error is None:
            self._known[(message.key() or b"").decode(errors="replace")] = message.value()
            self._at[number] = offset + 1
        elif error.code() == KafkaError._PARTITION_EOF:
            # Past the marks of transactions, which are no messages.
            self._at[number] = max(self._at[number], offset)
        elif error.fatal() or not error.retriable():
            raise KafkaException(error)

    def _end(self, partition: int) -> int:
        place = TopicPartition(CUSTOMERS_KEYS.name, partition)
        end: int = self._connected().get_watermark_offsets(place, timeout=PATIENCE_SECONDS)[1]
        return end

    def _connected(self) -> Consumer:
        if self._consumer is None:
            self._consumer = Consumer(
                {
                    **self._settings,
                    "group.id": "millrace-keys",
                    "isolation.level": "read_uncommitted",
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "earliest",
                    "queued.max.messages.kbytes": MAXIMUM_PREFETCH_KBYTES,
                    "fetch.wait.max.ms": 100,
                }
            )
        return self._consumer
