"""What integration tests wait for: something that holds, a process that is ready, a worker."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.broker import EmbeddedBroker, free_port
from deploy.topics import create
from schemas.topics import ALL

HOST = "127.0.0.1"
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.1


def until(holds: Callable[[], object], log: Path | None = None) -> None:
    """Wait until it holds; fail with the log where that takes longer than PATIENCE_SECONDS."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, log.read_text() if log is not None else ""
        time.sleep(LOOK_SECONDS)


def is_ready(port: int) -> bool:
    """Whether the process says so."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def working(rooms: str, directory: Path) -> Iterator[str]:
    """The address of a broker with the real topics, and one worker with only these rooms: `orders`
    or `stock`, see tests/integration/some_rooms.py."""
    port = free_port(HOST)
    with EmbeddedBroker(directory / "kafka") as broker:
        assert create(broker.bootstrap) == len(ALL)
        arguments = [rooms, broker.bootstrap, str(directory / "state"), str(port)]
        log = directory / "worker.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.some_rooms", *arguments],
                stdout=output,
                stderr=output,
            )
            try:
                until(lambda: is_ready(port), log)
                yield broker.bootstrap
            finally:
                worker.kill()
                worker.wait(PATIENCE_SECONDS)
