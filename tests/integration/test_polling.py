"""A poller that is killed in the middle neither skips an order nor repeats a page.

One process polls four sources: one that links its pages, one that takes many calls for a page, one
that is told what has arrived, and one that is down and must stop no other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

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
from tests.fakes import amazon, service, shop
from tests.fakes.amazon import Amazon
from tests.fakes.marketplaces import Walmart
from tests.fakes.service import written
from tests.fakes.shop import Shop
from tests.integration.waiting import HOST, until
from tests.pipeline import VAULT_KEY
from tests.unit.connectors.amazon_order import header, item

pytestmark = pytest.mark.integration
ORDERS = 24
KILLS = 3
SECRETS = {
    "SHOP": shop.TOKEN,
    "AMAZON": "\n".join(amazon.SECRETS),
    "WALMART": f"{service.CLIENT}\n{service.SECRET}",
}


class Fakes:
    """The services, each with the same number of orders of the last hour."""

    def __init__(self, stack: ExitStack) -> None:
        began = time.time() - 3_000
        self.shop = stack.enter_context(Shop(troubles={2: 500, 5: 429, 9: None, 14: 503}))
        self.amazon = stack.enter_context(Amazon(troubles={3: 500, 11: None, 20: 429, 31: 503}))
        self.amazon.plans = {name: (500.0, burst) for name, (_, burst) in amazon.PLANS.items()}
        self.walmart = stack.enter_context(Walmart(troubles={2: 500, 4: None, 9: 500}, most=5))
        for number in range(ORDERS):
            at = began + number * 60
            self.shop.change(number, written(at))
            self.walmart.put(number, at)
            order = header(AmazonOrderId=f"902-{number}", LastUpdateDate=written(at))
            self.amazon.put(order, [item(1), item(2), item(3)])

    def file(self, path: Path) -> Path:
        """The file of sources. Nobody listens where the last one is."""
        begin = f'begin = "{written(time.time() - 3_600)}"'
        amazon_keys = (
            f'version = "v0"\nmarketplaces = ["{amazon.MARKETPLACE}"]\n'
            f'token_url = "{self.amazon.url}/auth/o2/token"\n'
        )
        tables = (
            ("shopify", self.shop.url, "SHOP", ""),
            ("amazon", self.amazon.url, "AMAZON", amazon_keys),
            ("walmart", self.walmart.url, "WALMART", ""),
            ("square", f"http://{HOST}:{free_port(HOST)}", "SHOP", 'locations = ["L"]\n'),
        )
        path.write_text(
            "".join(
                f'[[source]]\nname = "{channel}"\nchannel = "{channel}"\nurl = "{url}"\n'
                f'secret_variable = "{secret}"\n{more}{begin}\n'
                for channel, url, secret, more in tables
            )
        )
        return path


def names(channel: str, told: Any) -> Iterator[str]:
    """The orders of a payload."""
    if channel == "shopify":
        yield from (str(one["id"]) for one in told["orders"])
    elif channel == "walmart":
        yield from (one["purchaseOrderId"] for one in told["list"]["elements"]["order"])
    else:
        first, *items = (one["payload"] for one in told["documents"])
        pieces = Counter(one["AmazonOrderId"] for one in items for _ in one["OrderItems"])
        assert set(pieces.values()) == {3}
        yield from (one["AmazonOrderId"].partition("-")[2] for one in first["Orders"])


def fetched(bootstrap: str) -> Counter[tuple[str, str]]:
    """How often each order of each channel is on channels.raw."""
    cluster = Cluster(bootstrap, {})
    ring = KeyRing(bootstrap, Vault(MasterKeys([VAULT_KEY])))
    found: Counter[tuple[str, str]] = Counter()
    for one in records.read(cluster, [CHANNELS_RAW]):
        raw = one.record
        assert isinstance(raw, RawPayload)
        partition = partition_of(raw.raw_id.encode(), CHANNELS_RAW.partitions)
        key = ring.find(raw.key_id, partition, raw.received_at_ms)
        assert key is not None
        told = json.loads(key.open(PAYLOAD, raw.raw_id, raw.payload))
        found.update((raw.channel, name) for name in names(raw.channel, told))
    ring.close()
    return found


def isolated(port: int) -> bool:
    """One source is told to be down, and the others to have fetched."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health", timeout=5) as answer:
            told = {one["name"]: one for one in json.load(answer)["sources"]}
    except OSError:
        return False
    down = told.pop("square")
    return down["state"] == "failing" and all(one["payloads"] > 0 for one in told.values())


def test_nothing_is_skipped_or_repeated_by_kills_and_faults(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path / "kafka") as broker, ExitStack() as stack:
        create(broker.bootstrap)
        fakes = Fakes(stack)
        port = free_port(HOST)
        command = [sys.executable, "-m", "deploy.cli", "poll", str(fakes.file(tmp_path / "file"))]
        command += ["--seconds", "1", "--port", str(port)]
        own = {"MILLRACE_BROKERS": broker.bootstrap, "MILLRACE_VAULT_KEY": VAULT_KEY, **SECRETS}
        for kill in range(KILLS):
            with (tmp_path / "log").open("ab") as output:
                process = subprocess.Popen(
                    command, env={**os.environ, **own}, stdout=output, stderr=output
                )
            wanted = (kill + 1) * ORDERS if kill + 1 < KILLS else 3 * ORDERS
            try:
                until(lambda: len(fetched(broker.bootstrap)) >= wanted, tmp_path / "log")  # noqa: B023
                if wanted == 3 * ORDERS:
                    until(lambda: set(fakes.walmart.acknowledged) == {*range(ORDERS)})
                    until(lambda: isolated(port), tmp_path / "log")
            finally:
                process.kill()
                process.wait()
        counted = fetched(broker.bootstrap)
        everything = {
            (channel, str(number))
            for channel in ("shopify", "amazon", "walmart")
            for number in range(ORDERS)
        }
        assert set(counted) == everything
        assert set(counted.values()) == {1}
