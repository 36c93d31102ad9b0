"""A whole pipeline on this machine, for chaos runs and measurements.

A broker and the `millrace` commands as processes of their own, each with its log in the run's
directory. What ends by itself or is killed is started again by one supervising thread, as
`millrace up` or an orchestrator would. Only processes that were started here are ever signalled.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.broker import BrokerError, EmbeddedBroker, free_port

HOST = "127.0.0.1"
BACKOFF_SECONDS = 0.5
POLL_SECONDS = 0.1
STOP_TIMEOUT_SECONDS = 30.0
TOPICS_TIMEOUT_SECONDS = 60.0
LOG_TAIL_LINES = 20
BROKER = "broker"
INTAKE_TOKEN = "of-a-test"
VAULT_KEY = base64.b64encode(b"a vault key that only tests know").decode()
COMMAND = (sys.executable, "-m", "deploy.cli")


class PipelineError(Exception):
    """A process could not be started; the message has the end of its log."""


def peak_rss_mb(pid: int) -> float:
    """The most memory that a process ever had resident, in MiB; 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


@dataclass
class Part:
    """A process of the pipeline, over all its starts."""

    name: str
    arguments: list[str]
    wanted: bool = False
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    exits: list[int] = field(default_factory=list)
    peak_mb: float = 0.0

    @property
    def pid(self) -> int | None:
        """The running process, None when there is none."""
        if self.process is None or self.process.poll() is not None:
            return None
        return self.process.pid


class Pipeline:
    """Broker and processes, from `with` to the end of its block."""

    def __init__(
        self,
        workers: int = 2,
        gateway: bool = True,
        analytics: bool = True,
        intake: bool = False,
    ) -> None:
        """Say which processes there are; none runs before the block and `start`."""
        self.directory = Path(tempfile.mkdtemp(prefix="millrace-"))
        self.broker = EmbeddedBroker(self.directory / "broker")
        self.parts: dict[str, Part] = {}
        self.broker_starts = 0
        self.broker_peak_mb = 0.0
        self.keep_directory = False
        self._names = [f"worker-{number}" for number in range(workers)]
        self._names += ["gateway"] if gateway else []
        self._names += ["analytics"] if analytics else []
        self._names += ["intake"] if intake else []
        self._lock = threading.RLock()
        self._broker_wanted = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    @property
    def bootstrap(self) -> str:
        """`host:port` of the broker."""
        return self.broker.bootstrap

    @property
    def clickhouse(self) -> Path:
        """Where analytics keeps its embedded ClickHouse."""
        return self.directory / "analytics" / "clickhouse"

    @property
    def intake(self) -> str:
        """URL that takes orders of the channel `json`, with INTAKE_TOKEN."""
        return f"http://{HOST}:{self.ports['intake']}/channels/json/orders"

    @property
    def dashboard(self) -> str:
        """URL of the dashboard."""
        return f"http://{HOST}:{self.ports['analytics']}"

    def __enter__(self) -> Self:
        """Start the broker and make the topics."""
        try:
            self.broker.start()
            self.broker_starts, self._broker_wanted = 1, True
            self.ports = self._choose_ports()
            self.parts = {name: Part(name, self._arguments(name)) for name in self._names}
            self._make_topics()
            self._thread.start()
        except BaseException:
            self.keep_directory = True
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End everything that was started; the directory stays when something went wrong."""
        if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
            self.keep_directory = True
        self._close()

    def start(self, *names: str) -> None:
        """Run the named processes, all of them when none is named, and keep them running."""
        with self._lock:
            for name in names or self._names:
                self.parts[name].wanted = True
                self._launch(self.parts[name])

    def stop(self, *names: str) -> list[str]:
        """Ask the named processes, or all, to end; return those that had to be killed."""
        parts = [self.parts[name] for name in names or self._names if name in self.parts]
        with self._lock:
            for part in parts:
                part.wanted = False
                self._signal(part, signal.SIGCONT)
                self._signal(part, signal.SIGTERM)
        forced = []
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for part in parts:
            if part.process is None:
                continue
            try:
                part.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                forced.append(part.name)
                self._signal(part, signal.SIGKILL)
                part.process.wait()
        return forced

    def running(self) -> list[str]:
        """The names of what runs now, the broker included."""
        with self._lock:
            names = [part.name for part in self.parts.values() if part.wanted and part.pid]
            return [*names, BROKER] if self.broker.pid else names

    def kill(self, name: str) -> bool:
        """SIGKILL a process or the broker; False when it did not run."""
        with self._lock:
            if name == BROKER:
                was_up = self.broker.pid is not None
                self._note_peaks()
                self.broker.kill()
                return was_up
            return self._signal(self.parts[name], signal.SIGKILL)

    def pause(self, name: str) -> int | None:
        """SIGSTOP a process; return the id to `resume`, None when it did not run."""
        with self._lock:
            pid = self.parts[name].pid
            return pid if self._signal(self.parts[name], signal.SIGSTOP) else None

    def resume(self, name: str, pid: int) -> None:
        """SIGCONT the process that was paused, unless another has taken its place."""
        with self._lock:
            if self.parts[name].pid == pid:
                self._signal(self.parts[name], signal.SIGCONT)

    def peaks_mb(self) -> dict[str, float]:
        """Peak resident memory by process, in MiB, over all its starts."""
        with self._lock:
            self._note_peaks()
            peaks = {part.name: part.peak_mb for part in self.parts.values() if part.starts}
            return {**peaks, BROKER: self.broker_peak_mb}

    def cpu_seconds(self) -> dict[str, float]:
        """What each running process has used since its start."""
        with self._lock:
            used = {part.name: part.pid for part in self.parts.values()}
            used[BROKER] = self.broker.pid
            return {name: cpu_seconds(pid) for name, pid in used.items() if pid is not None}

    def restarts(self) -> dict[str, int]:
        """How often each process was started again."""
        told = {part.name: part.starts - 1 for part in self.parts.values() if part.starts}
        return {**told, BROKER: self.broker_starts - 1}

    def log_tail(self, name: str) -> str:
        """The end of a process's log."""
        lines = self._log(name).read_text(errors="replace").splitlines()
        return "\n".join(lines[-LOG_TAIL_LINES:])

    def _log(self, name: str) -> Path:
        return self.directory / f"{name}.log"

    def _choose_ports(self) -> dict[str, int]:
        ports: dict[str, int] = {}
        for name in self._names:
            port = free_port(HOST)
            while port in ports.values():
                port = free_port(HOST)
            ports[name] = port
        return ports

    def _arguments(self, name: str) -> list[str]:
        arguments = ["--brokers", self.bootstrap, "--port", str(self.ports[name])]
        if name.startswith("worker-"):
            data = str(self.directory / "workers")
            arguments += ["--compression", "none"]  # as `millrace up` does with its own broker
            return ["worker", "--instance", name, *arguments, "--data", data]
        if name == "analytics":
            return ["analytics", *arguments, "--data", str(self.clickhouse.parent)]
        return [name, *arguments]

    def _make_topics(self) -> None:
        """Make the topics. Raises PipelineError with what the command said."""
        with self._log("topics").open("ab") as log:
            code = subprocess.run(
                [*COMMAND, "topics", "--brokers", self.bootstrap],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=TOPICS_TIMEOUT_SECONDS,
                check=False,
            ).returncode
        if code != 0:
            raise PipelineError(f"topics were not made ({code}):\n{self.log_tail('topics')}")

    def _launch(self, part: Part) -> None:
        if part.pid is not None:
            return
        with self._log(part.name).open("ab") as log:
            # A session of its own: Ctrl-C reaches the run, and the run ends its processes.
            part.process = subprocess.Popen(
                [*COMMAND, *part.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    **os.environ,
                    "MILLRACE_INTAKE_TOKEN": INTAKE_TOKEN,
                    "MILLRACE_VAULT_KEY": VAULT_KEY,
                },
                start_new_session=True,
            )
        part.starts += 1

    def _signal(self, part: Part, number: signal.Signals) -> bool:
        if part.pid is None or part.process is None:
            return False
        part.peak_mb = max(part.peak_mb, peak_rss_mb(part.process.pid))
        part.process.send_signal(number)
        return True

    def _note_peaks(self) -> None:
        for part in self.parts.values():
            if part.pid is not None:
                part.peak_mb = max(part.peak_mb, peak_rss_mb(part.pid))
        if self.broker.pid is not None:
            self.broker_peak_mb = max(self.broker_peak_mb, peak_rss_mb(self.broker.pid))

    def _supervise(self) -> None:
        ended: dict[str, float] = {}
        while not self._closing.wait(POLL_SECONDS):
            with self._lock:
                self._note_peaks()
                now = time.monotonic()
                for part in self.parts.values():
                    if not part.wanted or part.pid is not None or part.process is None:
                        continue
                    if part.name not in ended:
                        ended[part.name] = now
                        part.exits.append(part.process.returncode)
                    elif now - ended[part.name] >= BACKOFF_SECONDS:
                        del ended[part.name]
                        self._launch(part)
                if self._broker_wanted and self.broker.pid is None:
                    # A start that fails is tried again; the broker's log tells why.
                    with contextlib.suppress(BrokerError):
                        self.broker.start()
                        self.broker_starts += 1

    def _close(self) -> None:
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._broker_wanted = False
        try:
            self.stop()
        finally:
            self.broker.stop()
        if self.keep_directory:
            print(f"logs: {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """User and system time of a running process, in seconds; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
