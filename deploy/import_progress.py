"""How far an import is, kept on this machine, so that one that was killed goes on.

What is kept is never ahead of Kafka: it is written after Kafka has taken a payload, and after what
failed of it is on disk. A payload that was taken just before a kill is sent once more, which is
harmless, because orders keep their ids.
"""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from connectors.channels.mapping import Rejected

FOLDER = "imports"
"""within --data"""


class CannotResume(ValueError):
    """What is kept is of something else than what is imported now; one line that says what."""


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one import of one file is."""

    file: str
    file_hash: str
    how_hash: str
    """of the channel and the column mapping"""
    failed_file: str
    last_row: int = 0
    """the file's last row or line that is dealt with"""
    good: int = 0
    failed: int = 0
    failed_bytes: int = 0
    """of the list of what failed that belong to these rows"""


class Kept:
    """The place where the progress of one file is kept."""

    def __init__(self, data: Path, start: Progress) -> None:
        name = hashlib.sha256(start.file.encode()).hexdigest()
        self._path = data / FOLDER / f"{name}.json"
        self._start = start

    def found(self) -> Progress:
        """Where to go on; the beginning where nothing is kept. Raises CannotResume."""
        start = self._start
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return start
        except (msgspec.DecodeError, OSError) as error:
            raise CannotResume(f"{self._path}: cannot be read: {error}") from error
        if kept.file_hash != start.file_hash:
            raise CannotResume(f"{start.file}: has changed since its import was stopped; "
                               "without --resume it starts anew")  # fmt: skip
        if kept.how_hash != start.how_hash:
            raise CannotResume("the channel or the column mapping is another one than before; "
                               "without --resume it starts anew")  # fmt: skip
        if kept.failed_file != start.failed_file:
            raise CannotResume(f"what failed before is in {kept.failed_file}; name it by --failed")
        return kept

    def keep(self, progress: Progress) -> None:
        """Whole or not at all, and on disk before it returns. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        with new.open("wb") as target:
            target.write(msgspec.json.encode(progress))
            target.flush()
            os.fsync(target.fileno())
        new.replace(self._path)

    def end(self) -> None:
        """The import is through, or starts anew."""
        self._path.unlink(missing_ok=True)


class FailedList:
    """The file of what failed: a row each. It is there only once something has failed."""

    HEADER = ("order", "field", "reason", "detail")

    def __init__(self, path: Path, kept_bytes: int) -> None:
        """Go on behind what belongs to the progress. Raises CannotResume and OSError."""
        self._path = path
        self._file: IO[str] | None = None
        if kept_bytes:
            if not path.is_file() or path.stat().st_size < kept_bytes:
                raise CannotResume(f"{path}: the list of what failed is not whole any more")
            os.truncate(path, kept_bytes)

    def add(self, faults: Sequence[Rejected], new: bool) -> int:
        """Write them to disk; how long the list is then, in bytes. `new`: it is the first."""
        if self._file is None:
            if not faults:
                return 0 if new else self._path.stat().st_size
            self._file = self._path.open("w" if new else "a", newline="", encoding="utf-8")
            if new:
                csv.writer(self._file).writerow(self.HEADER)
        csv.writer(self._file).writerows(
            [fault.external_id, fault.field, fault.reason, fault.detail] for fault in faults
        )
        self._file.flush()
        os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> FailedList:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()


def hash_of_file(path: Path) -> str:
    """SHA-256 of the file's content."""
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
