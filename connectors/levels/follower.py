"""inventory.levels into memory, from its first record on and then as it goes on.

Guarantee, and what happens with errors: as connectors/following.py has it. Idempotency key: the
SKU; the later record wins, so that a duplicate changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from connectors.following import Figures, TopicFollower
from connectors.levels.store import Store
from schemas.topics import INVENTORY_LEVELS

FIGURES = Figures(
    "millrace-levels",
    "SKUs",
    Counter("millrace_levels_records_total", "Records read from inventory.levels"),
    Gauge("millrace_levels_skus", "SKUs in memory"),
    Gauge("millrace_levels_caught_up_ratio", "1 once what was there at the start is read"),
)


class Follower(TopicFollower):
    """Keeps a store. `run` is the whole life of it."""

    def __init__(
        self,
        bootstrap: str,
        store: Store,
        *,
        kafka: Mapping[str, str | int] | None = None,
        topic: str = INVENTORY_LEVELS.name,
    ) -> None:
        """Take a broker's address; `kafka` are further librdkafka settings.

        Raises KafkaException where librdkafka does not take them.
        """
        super().__init__(bootstrap, store, topic, FIGURES, kafka=kafka)
