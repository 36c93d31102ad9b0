"""`millrace up`: everything on one machine, started in order, kept alive, and stopped whole."""

from __future__ import annotations

import ctypes
import fcntl
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException

from deploy.broker import BrokerError, EmbeddedBroker
from deploy.topics import create

READY_SECONDS = 90.0
STOP_SECONDS = 15.0
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 0.5, 10.0
STEADY_SECONDS = 30.0
"""After so long a life the next end is a first one again."""
UNAVAILABLE = 69
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What `millrace up` was told."""

    data: Path
    host: str
    clickhouse_url: str
    workers: int
    brokers: str
    broker_port: int
    dashboard_port: int
    intake_port: int
    probe_port: int


class Child:
    """One process of the pipeline, started again whenever it ends."""

    def __init__(self, name: str, arguments: list[str], host: str, port: int, log: Path) -> None:
        self.name = name
        self.address = f"http://{host}:{port}"
        self._arguments = [*arguments, "--host", host, "--port", str(port)]
        self._log = log
        self._backoff = FIRST_BACKOFF_SECONDS
        self._began = 0.0
        self._not_before = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with its output in its log."""
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deploy.cli", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self._began = time.monotonic()

    def keep(self) -> None:
        """Start it again when it has ended and its pause is over."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            if now - self._began > STEADY_SECONDS:
                self._backoff = FIRST_BACKOFF_SECONDS
            say(f"{self.name} ended with {self.process.returncode}; starting it again")
            self._not_before = now + self._backoff
            self._backoff = min(self._backoff * 2, LAST_BACKOFF_SECONDS)
            self.process = None
        if self.process is None and now >= self._not_before:
            self.start()

    def ready(self) -> bool:
        """It says that it is."""
        try:
            with urllib.request.urlopen(f"{self.address}/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def ask_to_stop(self) -> None:
        """SIGTERM."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, until: float) -> None:
        """Wait for its end; past `until` it is killed."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _die_with_parent() -> None:
    """The kernel ends the child when `millrace up` itself was killed (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def say(text: str) -> None:
    """One line to whoever started it."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def up(options: Options) -> int:
    """Run until Ctrl-C or SIGTERM; the exit status."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: stopping.append(got))
    logs = options.data / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (options.data / "lock").open("w") as lock, ExitStack() as stack:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"millrace already runs on {options.data}")
            return UNAVAILABLE
        taken = _taken_port(options)
        if taken:
            say(f"port {taken} is in use; choose another (millrace up --help)")
            return UNAVAILABLE
        brokers = options.brokers
        try:
            if not brokers:
                say("starting Kafka …")
                own = EmbeddedBroker(options.data / "kafka", options.broker_port)
                stack.enter_context(own)
                brokers = own.bootstrap
            create(brokers)
        except (BrokerError, KafkaException) as error:
            say(f"Kafka: {error}")
            return UNAVAILABLE
        children = _children(options, brokers, logs)
        stack.callback(_stop, children)
        for child in children:
            child.start()
        if not _wait_ready(children, stopping):
            return 0 if stopping else UNAVAILABLE
        say(
            f"\n  dashboard  http://{options.host}:{options.dashboard_port}"
            f"\n  webhooks   http://{options.host}:{options.intake_port}/channels/shopify/orders"
            f"\n  Kafka      {brokers}"
            f"\n  logs       {logs}\n\nCtrl-C stops everything."
        )
        while not stopping:
            for child in children:
                child.keep()
            time.sleep(0.2)
        say("stopping …")
    return 0


def _children(options: Options, brokers: str, logs: Path) -> list[Child]:
    data = ["--data", str(options.data)]
    kafka = ["--brokers", brokers]
    clickhouse = ["--clickhouse-url", options.clickhouse_url] if options.clickhouse_url else []
    host, probe = options.host, options.probe_port
    rooms = ["worker", *kafka, *data]
    if not options.brokers:
        rooms += ["--compression", "none"]
    children = [
        Child(name, [*rooms, "--instance", name], host, port, logs / f"{name}.log")
        for name, port in ((f"worker-{n}", probe + n) for n in range(options.workers))
    ]
    gateway = probe + options.workers
    children += [
        Child("gateway", ["gateway", *kafka], host, gateway, logs / "gateway.log"),
        Child(
            "analytics",
            ["analytics", *kafka, *data, *clickhouse],
            host,
            options.dashboard_port,
            logs / "analytics.log",
        ),
        Child("intake", ["intake", *kafka], host, options.intake_port, logs / "intake.log"),
    ]
    return children


def _taken_port(options: Options) -> int:
    """A port that somebody else listens on; 0 when all are free."""
    probes = range(options.probe_port, options.probe_port + options.workers + 1)
    for port in (options.dashboard_port, options.intake_port, *probes):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((options.host, port))
            except OSError:
                return int(port)
    return 0


def _wait_ready(children: list[Child], stopping: list[int]) -> bool:
    deadline = time.monotonic() + READY_SECONDS
    waiting = list(children)
    while waiting and not stopping:
        waiting = [child for child in waiting if not child.ready()]
        for child in children:
            child.keep()
        if time.monotonic() > deadline:
            say(f"not ready in {READY_SECONDS:.0f} s: {', '.join(c.name for c in waiting)}")
            return False
        time.sleep(0.2)
    return not stopping


def _stop(children: list[Child]) -> None:
    """What feeds the pipeline first, then all the rest at once."""
    until = time.monotonic() + STOP_SECONDS
    for child in reversed(children):
        child.ask_to_stop()
    for child in children:
        child.wait(until)
