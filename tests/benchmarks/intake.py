"""Webhooks a second that one core of the intake takes, beside a handler that only produces.

    python -m tests.benchmarks --only intake [--requests 1000000]

Both servers are held to the same one core, one after the other in turns; the broker and the sender
have the others. `intake_growth_mb` is what the intake's memory grew by from a tenth of the requests
to their end.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import orjson

from deploy.broker import free_port
from tests.benchmarks.bare_intake import PATH
from tests.load import APPROVED, order
from tests.pipeline import HOST, INTAKE_TOKEN, Pipeline, cpu_seconds

REQUESTS = 40_000
CONNECTIONS = 256
TURNS = 4
"""of each server, in which the requests are sent"""
WARM_UP = 2_000
STARTED_SECONDS = 30.0
BODIES = 512
"""different orders, which are sent again and again"""
Results = dict[str, Any]


class Failed(Exception):
    """A server did not answer 200."""


class Sender(asyncio.Protocol):
    """A connection that sends one request after the other, and how long each took."""

    def __init__(self, requests: Iterator[bytes], waits: list[float]) -> None:
        self._requests, self._waits = requests, waits
        self._answer = b""
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        """Part of an answer; the next request goes once all of it is there."""
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(Failed(self._answer[:300].decode("latin-1")))
            return
        self._answer = b""
        self._waits.append(time.perf_counter() - self._sent_at)
        self._next()

    def connection_lost(self, error: Exception | None) -> None:
        """The server has hung up."""
        self._end(Failed("the connection was lost"))

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._end(None)
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def _end(self, failure: Failed | None) -> None:
        if not self.done.done():
            if failure is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(failure)
            self._transport.close()


def requests_to(path: str) -> list[bytes]:
    """Whole requests, each with another order."""
    chance = random.Random(7)
    made = []
    for number in range(BODIES):
        body = orjson.dumps(order(chance, number, APPROVED))
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {INTAKE_TOKEN}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def _sent(port: int, requests: list[bytes], count: int) -> list[float]:
    waits: list[float] = []
    loop = asyncio.get_running_loop()
    left = (requests[number % len(requests)] for number in range(count))
    senders = [
        (await loop.create_connection(lambda: Sender(left, waits), HOST, port))[1]
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(sender.done for sender in senders))
    return waits


class Server:
    """One of the two, held to one core, and what was measured of it."""

    def __init__(self, name: str, pid: int, port: int, path: str, core: int) -> None:
        self.name, self._pid, self._port = name, pid, port
        self._requests = requests_to(path)
        self._waits: list[float] = []
        self._seconds = self._cpu = 0.0
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {core})
        asyncio.run(_sent(port, self._requests, WARM_UP))

    def send(self, count: int) -> None:
        """One turn. Raises Failed."""
        began, before = time.perf_counter(), cpu_seconds(self._pid)
        self._waits += asyncio.run(_sent(self._port, self._requests, count))
        self._seconds += time.perf_counter() - began
        self._cpu += cpu_seconds(self._pid) - before

    def resident_mb(self) -> float:
        """Memory in use now."""
        with open(f"/proc/{self._pid}/statm", encoding="ascii") as stat:
            return int(stat.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024

    def results(self) -> Results:
        """Requests a second, what they took, and CPU of the server."""
        waits, count = sorted(self._waits), len(self._waits)
        return {
            f"{self.name}_per_second": count / self._seconds,
            f"{self.name}_cpu_us": self._cpu / count * 1e6,
            f"{self.name}_p50_ms": waits[count // 2] * 1000,
            f"{self.name}_p99_ms": waits[count * 99 // 100] * 1000,
        }


def measure(requests: int) -> Results:
    """Send so many to the intake and as many to the bare handler. Raises Failed."""
    cores = sorted(os.sched_getaffinity(0))
    with Pipeline(workers=0, gateway=False, analytics=False, intake=True) as pipeline:
        pipeline.start()
        own = urlsplit(pipeline.intake)
        _wait_for(f"http://{own.netloc}/ready")
        os.sched_setaffinity(0, cores[:-1] or cores)
        try:
            with _bare(pipeline.bootstrap) as (bare_pid, bare_port):
                pid = pipeline.parts["intake"].pid
                assert pid is not None and own.port is not None
                intake = Server("intake", pid, own.port, own.path, cores[-1])
                bare = Server("bare_intake", bare_pid, bare_port, PATH, cores[-1])
                early = 0.0
                for turn in range(TURNS):
                    for part in range(5):
                        intake.send(requests // TURNS // 5)
                        if turn == 0 and part == 1:
                            early = intake.resident_mb()
                    bare.send(requests // TURNS)
                grown = intake.resident_mb() - early
                return {**intake.results(), **bare.results(), "intake_growth_mb": grown}
        finally:
            os.sched_setaffinity(0, cores)


@contextmanager
def _bare(bootstrap: str) -> Iterator[tuple[int, int]]:
    port = free_port(HOST)
    command = [sys.executable, "-m", "tests.benchmarks.bare_intake", bootstrap, str(port)]
    process = subprocess.Popen(command)
    try:
        _wait_for(f"http://{HOST}:{port}{PATH}")
        yield process.pid, port
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    """Until something answers there, whatever it says. Raises Failed."""
    deadline = time.monotonic() + STARTED_SECONDS
    while time.monotonic() < deadline:
        try:
            urlopen(url, timeout=1).close()
        except OSError as error:
            if getattr(error, "code", 0) == 405:
                return
            time.sleep(0.1)
        else:
            return
    raise Failed(f"{url} does not answer")
