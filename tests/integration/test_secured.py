"""A cluster that wants passwords, TLS or certificates: the processes join it and do their work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy import records, stock
from deploy.broker import free_port
from deploy.cluster import Cluster
from schemas.messages import Send
from schemas.stock import StockSet
from schemas.topics import INVENTORY_EVENTS, PARTITIONS
from tests.integration.secured import PROTOCOLS, SecuredBroker
from tests.integration.waiting import HOST, PATIENCE_SECONDS, is_ready, until
from tests.pipeline import VAULT_KEY

pytestmark = pytest.mark.integration
STOCK = Path(stock.__file__).parent / "examples" / "stock.csv"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredBroker]:
    with SecuredBroker(tmp_path_factory.mktemp("secured") / "kafka") as broker:
        broker.let_the_user_in()
        yield broker


def environment(broker: SecuredBroker, listener: str) -> dict[str, str]:
    """What the command reads, and nothing that could lead it past the listener."""
    inherited = {n: value for n, value in os.environ.items() if not n.startswith("MILLRACE_")}
    kafka = {
        f"MILLRACE_KAFKA_{name.replace('.', '_').upper()}": value
        for name, value in broker.settings(listener).items()
    }
    own = {"MILLRACE_BROKERS": broker.address(listener), "MILLRACE_VAULT_KEY": VAULT_KEY}
    return {**inherited, **kafka, **own}


def millrace(broker: SecuredBroker, listener: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", *arguments],
        env=environment(broker, listener),
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def running(broker: SecuredBroker, listener: str, *arguments: str, log: Path) -> Iterator[int]:
    """A process of the pipeline, from when it is ready; the port of its pages."""
    port = free_port(HOST)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", *arguments, "--port", str(port)],
            env=environment(broker, listener),
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: process.poll() is not None or is_ready(port), log)
        assert process.poll() is None, log.read_text()
        yield port
    finally:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def asked(port: int, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5) as answer:
        told: dict[str, Any] = json.load(answer)
        return told


def counted(broker: SecuredBroker) -> int:
    found = records.read(Cluster(broker.bootstrap), [INVENTORY_EVENTS])
    return sum(isinstance(one.record, StockSet) for one in found)


@pytest.mark.parametrize("listener", list(PROTOCOLS))
def test_a_worker_joins_and_decides(secured: SecuredBroker, listener: str, tmp_path: Path) -> None:
    millrace(secured, listener, "topics")
    before, log = counted(secured), tmp_path / "worker.log"
    arguments = ["worker", "--instance", "w", "--data", str(tmp_path)]
    with running(secured, listener, *arguments, log=log):
        millrace(secured, listener, "stock", "load", str(STOCK))
        until(lambda: counted(secured) > before, log)


def test_analytics_is_ready_when_it_has_written(secured: SecuredBroker, tmp_path: Path) -> None:
    millrace(secured, "SCRAM", "topics")
    event = StockSet("TEA", "north", 1, 0, 0, "count", 1_700_000_000_000)
    sends = [Send(INVENTORY_EVENTS, "TEA", event, number) for number in range(PARTITIONS)]
    records.send(Cluster(secured.bootstrap), sends)
    arguments = ["analytics", "--instance", "a", "--data", str(tmp_path)]
    with running(secured, "SCRAM", *arguments, log=tmp_path / "analytics.log") as port:
        rows, positions = asked(port, "/api/counts")[INVENTORY_EVENTS.name]
        assert rows == positions >= PARTITIONS
        assert isinstance(asked(port, "/api/snapshot")["lag"], int)
