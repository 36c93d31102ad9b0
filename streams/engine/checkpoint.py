"""A partition's state on the local disk, as of an offset of its state topic.

Written only with what a transaction has committed, one atomic RocksDB write batch at a time, so
it is never ahead of the log and can be deleted at any moment. RocksDB's own log survives a
SIGKILL; a checkpoint that cannot be opened is thrown away.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from rocksdict import BlockBasedOptions, Options, Rdict, WriteBatch, WriteOptions

from streams.engine.settings import CHECKPOINT_AGE_SECONDS

_META = b"m"
_STATE = b"s"
_TIMER = b"t"


class Meta(msgspec.Struct, frozen=True):
    """What a checkpoint is a copy of."""

    log: str
    """cluster and topic, so that a checkpoint of another log is never used"""
    offset: int
    """every record of the state topic's partition below it is contained"""
    saved_at: float
    """seconds since the epoch"""


def _options() -> Options:
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_write_buffer_size(8 * 1024 * 1024)
    options.set_max_write_buffer_number(2)
    options.set_keep_log_file_num(2)
    options.set_max_background_jobs(2)
    table = BlockBasedOptions()
    table.set_bloom_filter(10, False)
    options.set_block_based_table_factory(table)
    return options


class Checkpoint:
    """One partition's folder. Raises whatever RocksDB raises; the caller crashes on it."""

    def __init__(self, path: Path, log: str, end_offset: int) -> None:
        self._path = path
        self._log = log
        self.meta = Meta(log, 0, time.time())
        self._db = self._open()
        raw = self._db.get(_META)
        if raw is None:
            return
        meta = msgspec.json.decode(raw, type=Meta)
        usable = (
            meta.log == log
            and meta.offset <= end_offset
            and time.time() - meta.saved_at < CHECKPOINT_AGE_SECONDS
        )
        if usable:
            self.meta = meta
        else:
            self._db.close()
            shutil.rmtree(path)
            self._db = self._open()

    def _open(self) -> Rdict:
        self._path.mkdir(parents=True, exist_ok=True)
        try:
            return Rdict(str(self._path), options=_options())
        except Exception:
            shutil.rmtree(self._path)
            self._path.mkdir(parents=True)
            return Rdict(str(self._path), options=_options())

    def get(self, key: str) -> bytes | None:
        """The encoded state of `key`."""
        value: bytes | None = self._db.get(_STATE + key.encode())
        return value

    def timers(self) -> Iterator[tuple[str, int]]:
        """Every timer that stands: key and moment in milliseconds."""
        for raw in self._db.keys(from_key=_TIMER):
            if not (isinstance(raw, bytes) and raw.startswith(_TIMER)):
                break
            yield raw[9:].decode(), int.from_bytes(raw[1:9], "big")

    def write(
        self,
        states: Mapping[str, bytes | None],
        timers_gone: Mapping[str, int],
        timers_new: Mapping[str, int],
        offset: int,
    ) -> None:
        """Take in what changed up to `offset` of the state topic, all or nothing."""
        batch = WriteBatch(raw_mode=True)
        for key, value in states.items():
            if value is None:
                batch.delete(_STATE + key.encode())
            else:
                batch.put(_STATE + key.encode(), value)
        for key, at in timers_gone.items():
            batch.delete(_TIMER + at.to_bytes(8, "big") + key.encode())
        for key, at in timers_new.items():
            batch.put(_TIMER + at.to_bytes(8, "big") + key.encode(), b"")
        self.meta = Meta(self._log, offset, time.time())
        batch.put(_META, msgspec.json.encode(self.meta))
        self._db.write(batch, WriteOptions())

    def close(self) -> None:
        """Let another process open the folder."""
        self._db.close()
