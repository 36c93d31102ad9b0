"""What is there of a SKU: asked of `millrace levels`, or read out of its partition."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from connectors.levels import answers
from deploy import records
from deploy.cluster import Cluster
from schemas import codec
from schemas.stock import StockLevels
from schemas.topics import INVENTORY_LEVELS

ASK_SECONDS = 5.0


class Away(Exception):
    """`millrace levels` does not answer, or not yet."""


class UnknownSku(LookupError):
    """Nothing is known of it."""


def ask(address: str, sku: str, explained: bool, channel: str, until_ms: int) -> dict[str, Any]:
    """The answer of `millrace levels`. Raises Away and UnknownSku."""
    query = {"channel": channel} if explained else {}
    if until_ms:
        query["at"] = answers.iso(until_ms) or ""
    url = f"{address.rstrip('/')}/stock/{urllib.parse.quote(sku, safe='')}"
    if query:
        url += f"?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except urllib.error.HTTPError as error:
        # A 404 that is not a problem document is some other program's.
        kind = error.headers.get("Content-Type", "")
        with error:
            if error.code == 404 and kind.startswith("application/problem+json"):
                raise UnknownSku(sku) from None
        raise Away(f"answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise Away("does not answer") from error


def scan(
    cluster: Cluster, sku: str, explained: bool, channel: str, until_ms: int
) -> dict[str, Any]:
    """The same answer, out of Kafka. Raises UnknownSku, Unavailable and KafkaException."""
    found = latest(cluster, [sku])
    if sku not in found:
        raise UnknownSku(sku)
    parts = [one.sku for one in found[sku].components if one.sku not in found]
    if parts:
        found.update(latest(cluster, parts))
    return answers.told(found[sku], found.get, explained, channel, until_ms)


def latest(cluster: Cluster, skus: list[str]) -> dict[str, StockLevels]:
    """The latest levels of each SKU that has any; reads their partitions from the beginning."""
    wanted = {sku.encode(): sku for sku in skus}
    places = records.beginnings(cluster, INVENTORY_LEVELS, wanted)
    values: dict[str, bytes | None] = {}
    for message in records.messages(cluster, places):
        key = message.key()
        if key in wanted:
            values[wanted[key]] = message.value()
    found = {sku: codec.decode(value) for sku, value in values.items() if value is not None}
    return {sku: one for sku, one in found.items() if isinstance(one, StockLevels)}
