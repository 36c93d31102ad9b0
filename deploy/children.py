"""Processes that are started again whenever they end, and their logs, which have a bound."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.bound import bound

FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.5, 10.0
STEADY_SECONDS = 30.0
"""After so long a life the next end is a first one again."""
READY_ASK_SECONDS = 2.0
KILL_SECONDS = 10.0
LOG_BYTES_MAX = 10 * 1024 * 1024
LOGS_KEPT = 3
"""the current one and two before it"""
READ_BYTES = 65_536
TAIL_BYTES, TAIL_LINES = 8_192, 8

Say = Callable[[str], None]


class Log:
    """One process's log over all its starts: never more than LOGS_KEPT files of LOG_BYTES_MAX."""

    def __init__(self, path: Path) -> None:
        """Append to `path`."""
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("ab")
        self._size = path.stat().st_size

    def write(self, data: bytes) -> None:
        """Append, in a new file when this one is full. A full disk loses lines, and no process."""
        with self._lock, contextlib.suppress(OSError):
            if self._file.closed:
                return
            if self._size and self._size + len(data) > LOG_BYTES_MAX:
                self._rotate()
            self._file.write(data)
            self._file.flush()
            self._size += len(data)

    def follow(self, source: int) -> None:
        """Write what comes out of a pipe, in a thread of its own, until it is closed."""

        def copy() -> None:
            with os.fdopen(source, "rb", buffering=0) as pipe:
                while data := pipe.read(READ_BYTES):
                    self.write(data)

        threading.Thread(target=copy, name=f"log of {self.path.stem}", daemon=True).start()

    def close(self) -> None:
        """Let go of the file; what still comes out of a pipe is dropped."""
        with self._lock:
            self._file.close()

    def tail(self) -> list[str]:
        """The last lines."""
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - TAIL_BYTES))
            return file.read().decode(errors="replace").splitlines()[-TAIL_LINES:]

    def _rotate(self) -> None:
        self._file.close()
        for number in range(LOGS_KEPT - 1, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else None
            with contextlib.suppress(FileNotFoundError):
                (newer or self.path).replace(older)
        self._file = self.path.open("ab")
        self._size = 0


class Child:
    """One process of the pipeline."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        address: str,
        log: Log,
        say: Say,
        environment: Mapping[str, str],
    ) -> None:
        """Take what `millrace` is to be told, and where the process then answers."""
        self.name = name
        self.restarts = 0
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.ended_with: int | None = None
        """of its last end"""
        self._arguments = list(arguments)
        self._address = address
        self._say = say
        self._environment = dict(environment)
        self._backoff = FIRST_BACKOFF_SECONDS
        self._began = 0.0
        self._not_before = 0.0

    def start(self) -> None:
        """Start it, with its output in its log."""
        # -P: a folder `deploy` where the user happens to be is not ours.
        command = [sys.executable, "-P", "-m", "deploy.cli", *self._arguments]
        # SIGKILL is good enough: every process is made to be killed.
        self.process = subprocess.Popen(
            bound(command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=self._environment,
        )
        assert self.process.stdout is not None
        self.log.follow(os.dup(self.process.stdout.fileno()))
        self.process.stdout.close()
        self._began = time.monotonic()

    def keep(self) -> None:
        """Start it again when it has ended and its pause is over; says both."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            if now - self._began > STEADY_SECONDS:
                self._backoff = FIRST_BACKOFF_SECONDS
            self.ended_with = self.process.returncode
            self.restarts += 1
            self._say(
                f"{self.name} {how_it_ended(self.process.returncode)}; restart {self.restarts}"
                f" in {self._backoff:g} s ({self.log.path})"
            )
            self._not_before = now + self._backoff
            self._backoff = min(self._backoff * 2, LAST_BACKOFF_SECONDS)
            self.process = None
        if self.process is None and now >= self._not_before:
            self.start()

    @property
    def runs(self) -> bool:
        """There is a process."""
        return self.process is not None and self.process.poll() is None

    def ready(self) -> bool:
        """It says that it is."""
        if not self.runs:
            return False
        try:
            with urllib.request.urlopen(
                f"{self._address}/ready", timeout=READY_ASK_SECONDS
            ) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self.process is not None and self.runs:
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(KILL_SECONDS)


def how_it_ended(code: int) -> str:
    """`was ended by SIGKILL`, `ended with status 70`."""
    if code >= 0:
        return f"ended with status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
