"""Kills and stops processes of a pipeline, at moments and in an order that one seed decides."""

from __future__ import annotations

import random
import sys
import threading
from dataclasses import dataclass, field

from tests.pipeline import BROKER, Pipeline

INTERVAL_SECONDS = (1.0, 4.0)
MEAN_INTERVAL_SECONDS = sum(INTERVAL_SECONDS) / 2
BROKER_SHARE = 0.15
PAUSE_SHARE = 0.15
PAUSE_SECONDS = (7.0, 10.0)
"""past the session timeout of the workers, 6 s: who wakes up has been replaced"""


@dataclass
class Faults:
    """Strikes until it has struck `wanted` times; `join` waits for that."""

    pipeline: Pipeline
    seed: int
    wanted: int
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare the thread; nothing happens before `start`."""
        self._chance = random.Random(self.seed)
        self._ending = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._strike_all, name="faults", daemon=True)
        self._pauses: list[threading.Thread] = []

    @property
    def done(self) -> int:
        """How often it has struck so far."""
        return sum(self.counts.values())

    @property
    def finished(self) -> bool:
        """Whether it has struck as often as wanted, or gave up."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_seconds: float) -> None:
        """Wait until every fault has struck and who was stopped goes on; raise what went wrong."""
        self._thread.join(timeout_seconds)
        self.end()
        if self._error is not None:
            raise self._error

    def end(self) -> None:
        """Strike no more, and let who was stopped go on."""
        self._ending.set()
        if self._thread.ident is not None:
            self._thread.join()
        for pause in self._pauses:
            pause.join()

    def _strike_all(self) -> None:
        try:
            while self.done < self.wanted:
                if self._ending.wait(self._chance.uniform(*INTERVAL_SECONDS)):
                    return
                self._strike()
        except Exception as error:
            self._error = error

    def _strike(self) -> None:
        # Every draw is made whatever runs, so that one seed gives one plan.
        at_broker, pauses = self._chance.random() < BROKER_SHARE, self._chance.random()
        seconds = self._chance.uniform(*PAUSE_SECONDS)
        name = self._chance.choice(sorted(self.pipeline.parts))
        if at_broker:
            name, kind = BROKER, "kill"
        else:
            kind = "pause" if pauses < PAUSE_SHARE else "kill"
        if kind == "kill":
            struck = self.pipeline.kill(name)
        else:
            pid = self.pipeline.pause(name)
            struck = pid is not None
            if pid is not None:
                pause = threading.Thread(target=self._resume, args=(name, pid, seconds))
                pause.start()
                self._pauses.append(pause)
        if struck:
            label = f"{kind} {name}"
            self.counts[label] = self.counts.get(label, 0) + 1
            print(f"fault {self.done}/{self.wanted}: {label}", file=sys.stderr, flush=True)

    def _resume(self, name: str, pid: int, seconds: float) -> None:
        self._ending.wait(seconds)
        self.pipeline.resume(name, pid)
