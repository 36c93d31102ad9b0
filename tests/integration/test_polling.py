"""A poller that is killed in the middle neither skips an order nor repeats a page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connectors.vault.master import MasterKeys
from connectors.vault.ring import KeyRing
from connectors.vault.sealing import PAYLOAD, Vault
from deploy import records
from deploy.broker import EmbeddedBroker, free_port
from deploy.cluster import Cluster
from deploy.topics import create
from schemas.channels import RawPayload
from schemas.partitions import partition_of
from schemas.topics import CHANNELS_RAW
from tests.fakes.shop import TOKEN, Shop
from tests.integration.waiting import HOST, until
from tests.pipeline import VAULT_KEY

pytestmark = pytest.mark.integration
ORDERS = 60
KILLS = 3


def fetched(bootstrap: str) -> list[int]:
    """The ids of all orders on channels.raw."""
    cluster = Cluster(bootstrap, {})
    ring = KeyRing(bootstrap, Vault(MasterKeys([VAULT_KEY])))
    found: list[int] = []
    for one in records.read(cluster, [CHANNELS_RAW]):
        raw = one.record
        assert isinstance(raw, RawPayload)
        partition = partition_of(raw.raw_id.encode(), CHANNELS_RAW.partitions)
        key = ring.find(raw.key_id, partition, raw.received_at_ms)
        assert key is not None
        payload = key.open(PAYLOAD, raw.raw_id, raw.payload)
        found += [order["id"] for order in json.loads(payload)["orders"]]
    ring.close()
    return found


def test_nothing_is_skipped_or_repeated_by_kills_and_faults(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "kafka") as broker, Shop() as shop:
        create(broker.bootstrap)
        for number in range(ORDERS):
            shop.change(number, f"2100-01-01T10:{number % 60:02d}:00Z")
        shop.troubles = {2: 500, 5: 429, 9: None, 14: 503}
        file = tmp_path / "sources.toml"
        file.write_text(
            f'[[source]]\nname = "de"\nchannel = "shopify"\nurl = "{shop.url}"\n'
            'secret_variable = "TOKEN"\n'
        )
        command = [sys.executable, "-m", "deploy.cli", "poll", str(file), "--seconds", "1"]
        command += ["--port", str(free_port(HOST))]
        own = {"MILLRACE_BROKERS": broker.bootstrap, "MILLRACE_VAULT_KEY": VAULT_KEY}
        for kill in range(KILLS):
            with (tmp_path / "log").open("ab") as output:
                process = subprocess.Popen(
                    command,
                    env={**os.environ, **own, "TOKEN": TOKEN},
                    stdout=output,
                    stderr=output,
                )
            try:
                wanted = (kill + 1) * 6 if kill + 1 < KILLS else ORDERS
                until(lambda: len(set(fetched(broker.bootstrap))) >= wanted, tmp_path / "log")  # noqa: B023
            finally:
                process.kill()
                process.wait()
        counted = Counter(fetched(broker.bootstrap))
        assert sorted(counted) == list(range(ORDERS))
        assert set(counted.values()) == {1}
