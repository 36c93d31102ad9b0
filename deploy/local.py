"""`millrace up`: everything on one machine, started in order, kept alive, and stopped whole.

Exit status: 0 stopped by Ctrl-C or SIGTERM, also while it was starting; 2 a process does not
take its configuration; 69 Kafka, a port or the data directory cannot be had, or a process does
not become ready.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import IO

from confluent_kafka import KafkaException

from connectors.vault import master
from deploy import tokens, vault
from deploy.broker import BrokerError, EmbeddedBroker, is_free
from deploy.children import (
    FIRST_BACKOFF_SECONDS,
    LAST_BACKOFF_SECONDS,
    Child,
    Log,
)
from deploy.configuration import KafkaSettings
from deploy.options import UNAVAILABLE, UNREADABLE
from deploy.topics import create

READY_SECONDS = 90.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.2
ANY_HOST = frozenset({"0.0.0.0", ""})


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
    levels_port: int
    probe_port: int
    config: str = ""
    """the file that the processes read too; empty for none"""
    kafka: KafkaSettings = field(default_factory=dict, repr=False)
    vault_key_file: Path | None = None
    """master keys of what is personal; None for the usual place"""
    webhooks: Path | None = None
    """who is told of events; None for nobody"""
    webhooks_port: int = 8479
    availability: Path | None = None
    """which channels are told of stock; None for none"""
    availability_port: int = 8474
    locations_port: int = 8468
    sandbox_carrier: bool = False
    """the carrier that moves nothing is there too"""
    carriers_port: int = 8469
    api_port: int = 8475
    products: Path | None = None
    """names and prices for the desk; None for SKUs alone"""

    def ports(self) -> dict[int, str]:
        """Every port that is listened on here, but the broker's, and the flag that moves it."""
        probes = range(self.probe_port, self.probe_port + self.workers + 1)
        return {
            **dict.fromkeys(probes, "--probe-port"),
            **({self.webhooks_port: "--webhooks-port"} if self.webhooks is not None else {}),
            **({self.availability_port: "--availability-port"} if self.availability else {}),
            self.dashboard_port: "--dashboard-port",
            self.intake_port: "--intake-port",
            self.levels_port: "--levels-port",
            self.locations_port: "--locations-port",
            self.api_port: "--api-port",
            **({self.carriers_port: "--carriers-port"} if self.sandbox_carrier else {}),
        }


class Failed(Exception):
    """`up` cannot go on; the message is for the user."""

    def __init__(self, text: str, status: int = UNAVAILABLE) -> None:
        super().__init__(text)
        self.status = status


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM came while something was waited for that cannot be asked."""


class Stopping:
    """Whether Ctrl-C or SIGTERM has come, and a way out of calls that wait."""

    def __init__(self) -> None:
        """Nothing has come."""
        self.signals = 0
        self._raise = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within this block signals are noted; a terminal that is closed is one of them."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def __bool__(self) -> bool:
        return self.signals > 0

    @property
    def at_once(self) -> bool:
        """It has come a second time."""
        return self.signals > 1

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Within this block the next signal raises Interrupted."""
        self._raise = True
        try:
            yield
        finally:
            self._raise = False

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if self._raise:
            self._raise = False
            raise Interrupted


class Voice:
    """Tells whoever started it, and keeps what was told in a log."""

    def __init__(self, log: Log) -> None:
        """Take the log."""
        self._log = log

    def __call__(self, text: str) -> None:
        """One message."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        self._log.write(f"{at} {text.strip()}\n".encode())
        tell(text)


def tell(text: str) -> None:
    """One message to whoever started it; a terminal that has gone away does not matter."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        pass


def up(options: Options) -> int:
    """Run until Ctrl-C or SIGTERM; the exit status."""
    stopping = Stopping()
    try:
        with stopping.listening(), ExitStack() as stack:
            _claim(options, stack)
            say = Voice(Log(options.data / "logs" / "up.log"))
            _run(options, stopping, say, stack)
            say("stopping …")
        tell("stopped")
    except Interrupted:
        tell("stopped while starting")
    except Failed as error:
        tell(f"millrace up: {error}")
        return error.status
    return 0


def _claim(options: Options, stack: ExitStack) -> None:
    """The data directory and the ports, or a line that says which and what to do."""
    try:
        (options.data / "logs").mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context((options.data / "lock").open("a+"))
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}; choose another --data") from error
    _lock(lock, options.data)
    wanted = options.ports()
    if len(wanted) < options.workers + 6 or (not options.brokers and options.broker_port in wanted):
        raise Failed("two of its own ports are the same; see `millrace up --help`", UNREADABLE)
    for port, flag in wanted.items():
        if not is_free(options.host, port):
            raise Failed(
                f"port {port} on {options.host} is taken by another program;"
                f" choose another with {flag}"
            )


def _lock(lock: IO[str], data: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        raise Failed(
            f"millrace already runs on {data} (process {lock.read().strip() or 'unknown'});"
            " stop it, or choose another --data"
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _run(options: Options, stopping: Stopping, say: Voice, stack: ExitStack) -> None:
    """Start everything and keep it until a signal comes. Raises Failed and Interrupted."""
    broker = None
    if not options.brokers:
        say("starting Kafka …")
        broker = Broker(options, stopping, say)
        stack.callback(broker.stop)
        broker.start()
    brokers = broker.bootstrap if broker is not None else options.brokers
    try:
        with stopping.interrupting():
            create(brokers, options.kafka)
    except (KafkaException, ValueError) as error:
        raise Failed(f"Kafka at {brokers}: {error}") from error
    _provide_key(options)
    _provide_tokens(options)
    children = processes(options, brokers, say)
    stack.callback(_stop, children, stopping)
    for child in children:
        child.start()
    if not _wait_ready(children, stopping):
        return
    say(
        f"\n  dashboard  http://{options.host}:{options.dashboard_port}"
        f"\n  webhooks   http://{options.host}:{options.intake_port}/channels/shopify/orders"
        f"\n  stock      http://{options.host}:{options.levels_port}/stock"
        f"\n  desk       http://{options.host}:{options.api_port}/desk/"
        f" (token: {options.data / tokens.DESK_FILE})"
        f"\n  API        http://{options.host}:{options.api_port}/openapi.json"
        f" (token: {options.data / tokens.API_FILE})"
        f"\n  locations  http://{options.host}:{options.locations_port}/v1/fulfillment-orders"
        f" (token: {options.data / tokens.LOCATIONS_FILE})"
        f"\n  Kafka      {brokers}"
        f"\n  logs       {options.data / 'logs'}\n\nCtrl-C stops everything."
    )
    again: dict[str, int] = {child.name: 0 for child in children}
    while not stopping:
        if broker is not None:
            broker.keep()
        for child in children:
            child.keep()
            if child.restarts > again[child.name] and child.ready():
                again[child.name] = child.restarts
                say(f"{child.name} is ready again")
        time.sleep(POLL_SECONDS)


def _provide_key(options: Options) -> None:
    """Make a master key for a broker of our own. Raises Failed where a cluster's is missing."""
    file = vault.key_file(options.vault_key_file, options.data)
    if file is None or file.exists():
        return
    if options.brokers:
        # What others have encrypted, a new key could not read.
        raise Failed(f"there is no vault key {file}; {vault.ADVICE}", UNREADABLE)
    try:
        master.create(file)
    except OSError as error:
        raise Failed(f"{file}: {error.strerror}") from error


def _provide_tokens(options: Options) -> None:
    """Make a token each for the API, the desk and locations, where there is none. Raises Failed."""
    try:
        tokens.provide(options.data / tokens.API_FILE, "app")
        tokens.provide(options.data / tokens.DESK_FILE, "agent")
        tokens.provide(options.data / tokens.LOCATIONS_FILE, "")
    except OSError as error:
        raise Failed(f"{error.filename}: {error.strerror}") from error


class Broker:
    """The broker of `millrace up`, started again when it ends."""

    def __init__(self, options: Options, stopping: Stopping, say: Voice) -> None:
        self._options = options
        self._stopping = stopping
        self._say = say
        self._backoff = FIRST_BACKOFF_SECONDS
        self._not_before = 0.0
        self._broker = EmbeddedBroker(
            options.data / "kafka", options.broker_port, ends_with_us=True
        )

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return self._broker.bootstrap

    def start(self) -> None:
        """Raises Failed."""
        try:
            with self._stopping.interrupting():
                self._broker.start()
        except BrokerError as error:
            advice = ""
            if not is_free("127.0.0.1", self._options.broker_port):
                advice = "; choose another with --broker-port"
            raise Failed(f"Kafka: {error}{advice}") from error

    def keep(self) -> None:
        """Start it again when it has ended; raises Interrupted."""
        if self._broker.pid is not None:
            self._backoff = FIRST_BACKOFF_SECONDS
            return
        if time.monotonic() < self._not_before:
            return
        self._say(f"Kafka has ended; starting it again ({self._broker.log})")
        try:
            self.start()
            self._say("Kafka is ready again")
        except Failed as error:
            self._say(f"{error}; trying again in {self._backoff:g} s")
            self._not_before = time.monotonic() + self._backoff
            self._backoff = min(self._backoff * 2, LAST_BACKOFF_SECONDS)

    def stop(self) -> None:
        """With a controlled shutdown, unless Ctrl-C comes twice."""
        try:
            with self._stopping.interrupting():
                if not self._stopping.at_once:
                    self._broker.stop()
                    return
        except Interrupted:
            pass
        self._broker.kill()


def processes(options: Options, brokers: str, say: Voice) -> list[Child]:
    """Every process of the pipeline, none of them started."""
    # The URL may hold a password, and everybody on the machine can read arguments.
    environment = {**os.environ, "MILLRACE_CLICKHOUSE_URL": options.clickhouse_url}
    if key_file := vault.key_file(options.vault_key_file, options.data):
        environment[vault.FILE_VARIABLE] = str(key_file)
    data, kafka = ["--data", str(options.data)], ["--brokers", brokers]

    def child(name: str, port: int, *arguments: str) -> Child:
        host = "127.0.0.1" if options.host in ANY_HOST else options.host
        config = ["--config", options.config] if options.config else []
        listen = ["--host", options.host, "--port", str(port)]
        return Child(
            name,
            [*config, *arguments, *kafka, *listen],
            f"http://{host}:{port}",
            Log(options.data / "logs" / f"{name}.log"),
            say,
            environment,
        )

    here = "127.0.0.1" if options.host in ANY_HOST else options.host
    analytics = f"http://{here}:{options.dashboard_port}"
    products = ["--products", str(options.products.resolve())] if options.products else []
    # To a broker on this machine, packing costs more than it saves.
    rooms = ["worker", *data, *([] if options.brokers else ["--compression", "none"])]
    workers = [
        child(f"worker-{n}", options.probe_port + n, *rooms, "--instance", f"worker-{n}")
        for n in range(options.workers)
    ]
    told = [
        child("webhooks", options.webhooks_port, "webhooks", "run", str(file.resolve()))
        for file in filter(None, [options.webhooks])
    ] + [
        child("availability", options.availability_port, "availability", "run", str(file.resolve()))
        for file in filter(None, [options.availability])
    ]
    return [
        *workers,
        *told,
        child("gateway", options.probe_port + options.workers, "gateway", "--instance", "gateway"),
        child("analytics", options.dashboard_port, "analytics", *data),
        child("intake", options.intake_port, "intake"),
        child("levels", options.levels_port, "levels"),
        child("api", options.api_port, "api", *data, "--dashboard-url", analytics, *products),
        child("locations", options.locations_port, "locations", *data),
        *(
            [child("carriers", options.carriers_port, "carriers", "run")]
            if options.sandbox_carrier
            else []
        ),
    ]


def _wait_ready(children: list[Child], stopping: Stopping) -> bool:
    """True once all are; False when a signal comes first. Raises Failed."""
    deadline = time.monotonic() + READY_SECONDS
    waiting = list(children)
    while waiting and not stopping:
        for child in children:
            child.keep()
            if child.ended_with == UNREADABLE:
                raise _hopeless(child, "does not take its configuration", UNREADABLE)
        waiting = [child for child in waiting if not stopping and not child.ready()]
        if time.monotonic() > deadline:
            for child in waiting[1:]:
                tell(f"{child.name} is not ready either")
            raise _hopeless(waiting[0], f"is not ready in {READY_SECONDS:.0f} s", UNAVAILABLE)
        time.sleep(POLL_SECONDS)
    return not stopping


def _hopeless(child: Child, what: str, status: int) -> Failed:
    return Failed(
        "\n  ".join([f"{child.name} {what} ({child.log.path})", *child.log.tail()]), status
    )


def _stop(children: list[Child], stopping: Stopping) -> None:
    """What feeds the pipeline first, then all the rest at once; who takes too long is killed."""
    until = time.monotonic() + STOP_SECONDS
    for child in reversed(children):
        child.ask_to_stop()
    while any(child.runs for child in children) and time.monotonic() < until:
        if stopping.at_once:
            break
        time.sleep(POLL_SECONDS / 4)
    for child in children:
        if child.runs and not stopping.at_once:
            tell(f"{child.name} does not stop in {STOP_SECONDS:.0f} s and is killed")
        child.end()
