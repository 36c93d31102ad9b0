"""A channel has every latest quantity after kills in the middle; a restart tells only changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import KafkaException

from connectors.availability.book import KafkaBook
from deploy import records
from deploy.broker import EmbeddedBroker, free_port
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.topics import create
from schemas.messages import Send
from schemas.topics import INVENTORY_LEVELS
from tests.conftest import unique
from tests.fakes.stock_channels import StockChannels
from tests.integration.waiting import HOST, until
from tests.unit.connectors.channel_accounts import record

pytestmark = pytest.mark.integration
SKUS = 80


@contextmanager
def serving(broker: EmbeddedBroker, file: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "deploy.cli", "availability", "run", str(file)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--port", str(free_port(HOST))],
            env={**os.environ, "MILLRACE_BROKERS": broker.bootstrap, "KEYS": "client\nsecret"},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def put(broker: EmbeddedBroker, pieces: dict[str, int]) -> None:
    sends = [Send(INVENTORY_LEVELS, sku, record(sku, number)) for sku, number in pieces.items()]
    assert records.send(Cluster(broker.bootstrap, {}), sends) == len(sends)


def shown(broker: EmbeddedBroker, *arguments: str) -> list[dict[str, object]]:
    environment = {"MILLRACE_BROKERS": broker.bootstrap}
    result = CliRunner().invoke(cli, ["availability", *arguments, "--json"], env=environment)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_kills_lose_no_quantity_and_a_restart_tells_only_what_changed(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    create(broker.bootstrap)
    name, mark = unique("de").replace(".", "-"), unique("SKU")
    truth = {f"{mark}-{number:03d}": number % 7 for number in range(SKUS)}
    file, log = tmp_path / "availability.toml", tmp_path / "log"
    with StockChannels(pieces=dict.fromkeys(truth, -1)) as there:
        file.write_text(
            f'[[account]]\nname = "{name}"\nchannel = "walmart"\nurl = "{there.url}"\n'
            'secret_variable = "KEYS"\nper_minute = 60000\n'
        )
        put(broker, {**truth, f"{mark}-unknown": 0})
        with serving(broker, file, log):
            until(lambda: len(there.told) >= SKUS // 2, log)
        before = len(there.told)
        changed = there.told[0][0]
        truth[changed] += 1
        put(broker, {changed: truth[changed]})
        with serving(broker, file, log) as process:
            until(lambda: there.pieces == truth, log)
            process.terminate()
            assert process.wait(20) == 0
        # What was told and not yet noted when the kill came is told once more: one batch, of one.
        assert len(there.told) - SKUS in (1, 2)
        assert (changed, truth[changed]) in there.told[before:]
    [status] = shown(broker, "status", name)
    assert (status["told"], status["reason"]) == (SKUS, "")
    [unknown] = shown(broker, "not-taken", name)
    assert (unknown["sku"], unknown["reason"]) == (f"{mark}-unknown", "unknown_sku")
    attempts = shown(broker, "attempts", name, "--last", "200")
    assert sum(one["skus"] == [changed] for one in attempts) == 2
    first, second = (KafkaBook(broker.bootstrap, name) for _ in range(2))
    assert len(first.open()) == SKUS + 1
    known = list(second.open().values())
    assert len(known) == SKUS + 1
    # Who had the account before can note nothing more.
    with pytest.raises(KafkaException):
        first.write(known[:1], [])
