"""Downstream teams are told of every event, through failures, kills and switches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy import records
from deploy.broker import EmbeddedBroker, free_port
from deploy.cli import cli
from deploy.cluster import Cluster
from deploy.topics import create
from schemas.messages import Send
from schemas.orders import OrderReleased
from schemas.topics import ORDERS_EVENTS
from tests.fakes.receiver import Receiver
from tests.integration.waiting import HOST, is_ready, until
from tests.unit.connectors.test_webhooks import KEY, SECRET

pytestmark = pytest.mark.integration
FIRST, SECOND = 20, 10
GONE_AT = FIRST + 3


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "kafka") as started:
        create(started.bootstrap)
        yield started


def run(broker: EmbeddedBroker, *arguments: str) -> Result:
    environment = {"MILLRACE_BROKERS": broker.bootstrap, "SECRET": SECRET}
    return CliRunner().invoke(cli, ["webhooks", *arguments], env=environment)


def release(broker: EmbeddedBroker, first: int, count: int) -> None:
    sends = [
        Send(ORDERS_EVENTS, f"json-{number}", OrderReleased(f"json-{number}", 1, 1))
        for number in range(first, first + count)
    ]
    assert records.send(Cluster(broker.bootstrap, {}), sends) == count


def told(receiver: Receiver) -> set[str]:
    """Orders of which the receiver has taken the event."""
    return {said["data"]["order_id"] for _, said, status in receiver.seen if status == 200}


def serving(broker: EmbeddedBroker, file: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "webhooks", "run", str(file), "--port", str(port)],
            env={**os.environ, "MILLRACE_BROKERS": broker.bootstrap, "SECRET": SECRET},
            stdout=output,
            stderr=output,
        )
    until(lambda: is_ready(port), log)
    return process


def test_every_event_is_delivered_through_a_kill_and_a_switch(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    answers = {3: 500, GONE_AT: 410}
    file, log, port = tmp_path / "webhooks.toml", tmp_path / "log", free_port(HOST)
    with Receiver(KEY, lambda number: answers.get(number, 200)) as receiver:
        file.write_text(
            f'[[subscription]]\nname = "erp"\nurl = "{receiver.url}"\nfrom = "beginning"\n'
            'secret_variable = "SECRET"\nevents = ["OrderReleased"]\n'
        )
        release(broker, 0, FIRST)
        process = serving(broker, file, port, log)
        try:
            # One attempt fails and is repeated after a pause of seconds, under the same id.
            until(lambda: len(told(receiver)) == FIRST, log)
            assert receiver.seen[3][0] == receiver.seen[4][0]
            process.kill()
            process.wait()
            answers.pop(GONE_AT)
            answers[len(receiver.seen) + 3] = 410
            release(broker, FIRST, SECOND)
            process = serving(broker, file, port, log)
            until(lambda: any(status == 410 for _, _, status in receiver.seen), log)
            until(
                lambda: '"enabled":false' in run(broker, "list", "--json").output.replace(" ", "")
            )
            assert len(told(receiver)) < FIRST + SECOND
            assert run(broker, "enable", "erp", "--actor", "ada").exit_code == 0
            until(lambda: len(told(receiver)) == FIRST + SECOND, log)
            process.terminate()
            assert process.wait(30) == 0
        finally:
            process.kill()
            process.wait()
        assert receiver.forged == 0
        failed = [json.loads(line) for line in run(broker, "attempts", "--failed", "--json").output
                  .splitlines()]  # fmt: skip
        assert [one["status"] for one in failed] == [500, 410]
        again = run(broker, "redeliver", str(file), "erp", receiver.seen[0][0], "--actor", "ada")
        assert again.exit_code == 0
        assert receiver.seen[-1][:2] == receiver.seen[0][:2]
