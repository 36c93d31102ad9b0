"""A real single-node Kafka on this machine, for `millrace up` and for the tests.

KRaft combined mode: one JVM is broker and controller. What it runs is named in `kafka/pom.xml` and
fetched once per user by Maven. Everything a broker leaves lies in its data directory:

    broker.json         the cluster's id and the ports, chosen at the first start
    broker.lock         held while an `EmbeddedBroker` of some process owns the directory
    broker.pid          the JVM, so that an orphan of a killed owner can be found
    broker.log          what Kafka says, from a start on or since the file before it was full;
                        older ones are broker.log.1 and broker.log.2
    server.properties   written anew at each start
    log/                Kafka's own data

Errors: `BrokerError`, and nothing else on purpose.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from xml.etree import ElementTree

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.bound import bound
from deploy.children import LOG_BYTES_MAX, LOGS_KEPT

POM = Path(__file__).parent / "kafka" / "pom.xml"
JARS_VARIABLE = "MILLRACE_KAFKA_JARS"

START_TIMEOUT_SECONDS = 60.0
STOP_TIMEOUT_SECONDS = 20.0
KILL_TIMEOUT_SECONDS = 10.0
FORMAT_TIMEOUT_SECONDS = 60.0
DOWNLOAD_TIMEOUT_SECONDS = 600.0
POLL_SECONDS = 0.1
LOG_TAIL_LINES = 20
COMPLAINT = re.compile(r" (WARN|ERROR|FATAL) |Exception|Caused by")

MESSAGE_BYTES_MAX = 25 * 1024 * 1024

# Below the range that systems hand out to outgoing connections. A client that retries against a
# killed broker's port inside that range can connect to itself, and then the port is taken.
PORT_RANGE = range(20_000, 32_000)
PORT_TRIES_MAX = 200

JVM_OPTIONS = (
    "-Xms256m",
    "-Xmx768m",
    "-XX:+UseG1GC",
    # DECISIONS.md 2: the optimising compiler costs more than its code saves, for minutes.
    "-XX:TieredStopAtLevel=1",
    "-Djava.awt.headless=true",
)
SHORT_JVM_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Of a JVM that lives for less than a second, and would compile for longer than it gains."""


class BrokerError(Exception):
    """The broker could not be fetched, started or stopped; the text says which, with its log."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What stays the same over all starts on one data directory."""

    cluster_id: str
    port: int
    controller_port: int


class EmbeddedBroker:
    """One Kafka broker as a child process, in its own session.

    A Ctrl-C in the terminal does not reach it: whoever started it stops it, after its clients.
    After `kill` or a crash, `start` finds the same data at the same address.
    Not for several threads at once, except that `kill` may come from any.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        ends_with_us: bool = False,
    ) -> None:
        """Take `data_dir` (made if missing); port 0 is the last start's port, or a free one.

        With `ends_with_us` the kernel ends the broker when this process has been killed (Linux).
        It must then be started in the main thread, since the end of a thread counts as well.
        """
        self.data_dir = data_dir.resolve()
        self.host = host
        self._wanted_port = port
        self._ends_with_us = ends_with_us
        self._identity: Identity | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ownership: IO[str] | None = None

    @property
    def bootstrap(self) -> str:
        """Return `host:port` for clients; known from the first start on."""
        if self._identity is None:
            raise BrokerError("the broker has no address before its first start")
        return f"{self.host}:{self._identity.port}"

    @property
    def pid(self) -> int | None:
        """Return the JVM's process id, None when it does not run."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    @property
    def log(self) -> Path:
        """Return the file that holds what Kafka says."""
        return self.data_dir / "broker.log"

    def start(self) -> Self:
        """Run the broker and return when it answers; nothing to do when it runs already."""
        if self.pid is not None:
            return self
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._own()
        try:
            self._end_orphan()
            self._identity = self._settle_identity()
            # log4j.properties is found where pom.xml is; log4j 2, which Kafka has along, would
            # complain about the option that names it.
            classpath = os.pathsep.join([str(POM.parent), str(fetch_jars() / "*")])
            self._write_properties()
            self._rotate_log()
            self._format_once(classpath)
            self._launch(classpath)
            self._await_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self) -> None:
        """End the broker with a controlled shutdown, by SIGKILL when that takes too long."""
        if self._process is not None and self._process.poll() is None:
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
        self._reap()

    def kill(self) -> None:
        """End the broker as a crash would."""
        self._signal(signal.SIGKILL)
        self._reap()

    def restart(self) -> None:
        """Stop it, unless it is down already, and start it again at the same address."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _own(self) -> None:
        """Hold the data directory: two brokers on one log would destroy it."""
        if self._ownership is not None:
            return
        lock = (self.data_dir / "broker.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise BrokerError(f"{self.data_dir} is in use by another broker") from None
        self._ownership = lock

    def _settle_identity(self) -> Identity:
        """Read broker.json, or choose; a port that the caller named wins over the stored one.

        Clients know the broker's port, so that one must be free. Nobody knows the controller's.
        """
        file = self.data_dir / "broker.json"
        stored = Identity(**json.loads(file.read_text())) if file.exists() else None
        port = self._wanted_port or (stored.port if stored else free_port(self.host))
        if not is_free(self.host, port):
            raise BrokerError(f"port {port} on {self.host} is taken by another program")
        controller_port = stored.controller_port if stored else port
        if controller_port == port or not is_free(self.host, controller_port):
            controller_port = free_port(self.host, taken=port)
        cluster_id = stored.cluster_id if stored else new_cluster_id()
        identity = Identity(cluster_id, port, controller_port)
        if identity != stored:
            fresh = file.with_suffix(".json.new")
            fresh.write_text(json.dumps(asdict(identity)) + "\n")
            fresh.replace(file)
        return identity

    @property
    def _properties(self) -> Path:
        return self.data_dir / "server.properties"

    @property
    def _kafka_data(self) -> Path:
        return self.data_dir / "log"

    def _write_properties(self) -> None:
        assert self._identity is not None
        broker = f"{self.host}:{self._identity.port}"
        controller = f"{self.host}:{self._identity.controller_port}"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"BROKER://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"BROKER://{broker}",
            "inter.broker.listener.name": "BROKER",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._kafka_data,
            # Topics are declared in schemas/topics.py; a mistyped name must fail.
            "auto.create.topics.enable": "false",
            "default.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            # After a kill, the new broker may register once the old one's session has ended:
            # 9 s by default, which is most of a restart.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            # A killed worker's open transaction holds back every read_committed reader.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "message.max.bytes": MESSAGE_BYTES_MAX,
            "replica.fetch.max.bytes": MESSAGE_BYTES_MAX,
            "controlled.shutdown.enable": "true",
        }
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        self._properties.write_text("".join(lines))

    def _rotate_log(self) -> None:
        """A start has a log of its own, which is what a failure is read from."""
        for number in range(LOGS_KEPT - 1, 0, -1):
            newer = f"broker.log.{number - 1}" if number > 1 else "broker.log"
            with contextlib.suppress(FileNotFoundError):
                (self.data_dir / newer).replace(self.data_dir / f"broker.log.{number}")

    @property
    def _logging(self) -> list[str]:
        """What kafka/log4j.properties wants to know to log to broker.log, and to roll it.

        What the JVM itself says goes to the same file, and stays with it when that is renamed.
        """
        return [
            f"-Dmillrace.log={self.log}",
            f"-Dmillrace.log.bytes={LOG_BYTES_MAX}",
            f"-Dmillrace.log.older={LOGS_KEPT - 1}",
        ]

    def _format_once(self, classpath: str) -> None:
        """Write the cluster's id into the storage; Kafka does not start on unformatted storage."""
        assert self._identity is not None
        if (self._kafka_data / "meta.properties").exists():
            return
        # Without meta.properties no broker ever ran here: what lies there is a torn format.
        shutil.rmtree(self._kafka_data, ignore_errors=True)
        command = ["java", *SHORT_JVM_OPTIONS, *self._logging, "-cp", classpath]
        command += ["kafka.tools.StorageTool", "format"]
        command += ["-t", self._identity.cluster_id, "-c", str(self._properties)]
        with self.log.open("ab") as log:
            try:
                subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=FORMAT_TIMEOUT_SECONDS,
                    check=True,
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise self._failure(f"formatting the storage failed: {error}") from error

    def _launch(self, classpath: str) -> None:
        command = ["java", *JVM_OPTIONS, *self._logging]
        command += ["-cp", classpath, "kafka.Kafka", str(self._properties)]
        if self._ends_with_us:
            command = bound(command, signal.SIGTERM)
        with self.log.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.data_dir,
                    start_new_session=True,
                )
            except OSError as error:
                raise BrokerError(f"java cannot be run: {error}") from error
        self._pid_file.write_text(f"{self._process.pid}\n")

    def _await_ready(self) -> None:
        """Wait until this broker answers and is, by its cluster's id, the one we mean."""
        assert self._identity is not None and self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        client = AdminClient(
            {
                "bootstrap.servers": self.bootstrap,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 200,
                # Refused connections are expected here and would be printed to stderr.
                "log_level": 0,
            }
        )
        while time.monotonic() < deadline:
            code = self._process.poll()
            if code is not None:
                raise self._failure(f"the broker ended with code {code} while starting")
            with contextlib.suppress(KafkaException):
                cluster = client.list_topics(timeout=1.0)
                if cluster.cluster_id not in (None, self._identity.cluster_id):
                    raise self._failure(
                        f"{self.bootstrap} is cluster {cluster.cluster_id}, not ours"
                    )
                if cluster.brokers:
                    return
            time.sleep(POLL_SECONDS)
        raise self._failure(f"the broker did not answer within {START_TIMEOUT_SECONDS:.0f} s")

    def _failure(self, what: str) -> BrokerError:
        """Add what the log complains of; after a failed start its end is only the shutdown."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        complaints = [line for line in lines if COMPLAINT.search(line)]
        tail = (complaints or lines)[-LOG_TAIL_LINES:]
        return BrokerError("\n  ".join([f"{what} ({self.log})", *tail]))

    def _signal(self, number: signal.Signals) -> None:
        """Signal the JVM; its session leader's group is its own, so nothing else is meant."""
        process = self._process
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def _reap(self) -> None:
        """Collect the ended process and let go of the data directory."""
        process = self._process
        if process is not None:
            try:
                process.wait(KILL_TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                raise BrokerError(f"process {process.pid} does not end") from None
            self._process = None
            self._pid_file.unlink(missing_ok=True)
        if self._ownership is not None:
            self._ownership.close()
            self._ownership = None

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / "broker.pid"

    def _end_orphan(self) -> None:
        """End the broker that a killed owner left behind: we hold the lock, so it has no owner."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        number = signal.SIGTERM
        while self._runs_our_broker(pid):
            if time.monotonic() >= deadline:
                if number is signal.SIGKILL:
                    raise BrokerError(f"process {pid}, a broker left behind, does not end")
                number = signal.SIGKILL
                deadline = time.monotonic() + KILL_TIMEOUT_SECONDS
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            time.sleep(POLL_SECONDS)
        self._pid_file.unlink(missing_ok=True)

    def _runs_our_broker(self, pid: int) -> bool:
        """Tell by its command line, since ids are used again; without /proc, never."""
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(self._properties) in arguments


def fetch_jars() -> Path:
    """Return the folder with Kafka's jars; download it by Maven when it is not there yet.

    The folder appears only when it is complete, so a download that was cut off is never used.
    """
    named = os.environ.get(JARS_VARIABLE)
    if named:
        jars = Path(named).expanduser().resolve()
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        # Another pom.xml is another folder: what an older one fetched is never used with it.
        edition = hashlib.sha256(POM.read_bytes()).hexdigest()[:8]
        jars = cache / "millrace" / f"kafka-{kafka_version()}-{edition}"
    if jars.is_dir():
        return jars
    with _download_lock(jars):
        if not jars.is_dir():
            _download_jars(jars)
    return jars


@contextlib.contextmanager
def _download_lock(jars: Path) -> Iterator[None]:
    """Let one process download while the others wait; the end of a process frees the lock."""
    try:
        jars.parent.mkdir(parents=True, exist_ok=True)
        lock = jars.with_name(f"{jars.name}.lock").open("w")
    except OSError as error:
        raise BrokerError(f"no place for Kafka's jars at {jars}: {error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download_jars(jars: Path) -> None:
    """Download beside the final place, on the same file system, then move into place."""
    with tempfile.TemporaryDirectory(prefix=f"{jars.name}.", dir=jars.parent) as scratch:
        fresh = Path(scratch) / "jars"
        command = ["mvn", "--batch-mode", "--quiet", "-f", str(POM)]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={fresh}"]
        try:
            answer = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise BrokerError(f"Maven cannot download Kafka: {error}") from error
        if answer.returncode != 0 or not any(fresh.glob("kafka_*.jar")):
            raise BrokerError(f"Maven did not download Kafka:\n{answer.stdout}")
        fresh.rename(jars)


def kafka_version() -> str:
    """Return the version that kafka/pom.xml names."""
    spaces = {"m": "http://maven.apache.org/POM/4.0.0"}
    version = ElementTree.parse(POM).findtext("m:properties/m:kafka.version", namespaces=spaces)
    if not version:
        raise BrokerError(f"{POM} names no kafka.version")
    return version


def new_cluster_id() -> str:
    """Return a random id as Kafka writes it: 16 bytes, base64url, no padding, no leading dash."""
    while True:
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not cluster_id.startswith("-"):
            return cluster_id


def free_port(host: str, taken: int = 0) -> int:
    """Return a port of PORT_RANGE that nothing listens on and that is not `taken`."""
    # Seeded apart: tests seed the shared generator, and parallel runs would collide.
    chance = random.Random(secrets.randbits(64))
    for port in chance.sample(PORT_RANGE, PORT_TRIES_MAX):
        if port != taken and is_free(host, port):
            return port
    raise BrokerError(f"no free port between {PORT_RANGE.start} and {PORT_RANGE.stop - 1}")


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now."""
    with socket.socket() as probe:
        # As Kafka itself: connections of an ended broker may linger on the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
