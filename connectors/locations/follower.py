"""fulfillment.state into memory from its first record on, and fulfillment.events from now on.

Guarantee, and what happens with errors: as connectors/following.py has it. Idempotency key: the
order; its later state wins, so that a duplicate changes nothing. Events only answer commands that
this process has sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Counter, Gauge

from connectors.following import Figures, TopicFollower
from connectors.locations.outcomes import Outcomes
from connectors.locations.store import Store
from schemas.topics import FULFILLMENT_EVENTS, FULFILLMENT_STATE

RECORDS = Counter("millrace_locations_records_total", "Records read from Kafka", ["topic"])
CAUGHT_UP = Gauge(
    "millrace_locations_caught_up_ratio", "1 once what was there at the start is read", ["topic"]
)
STATES = Figures(
    "millrace-locations",
    "orders",
    RECORDS.labels(FULFILLMENT_STATE.name),
    Gauge("millrace_locations_orders", "Orders in memory"),
    CAUGHT_UP.labels(FULFILLMENT_STATE.name),
)
ANSWERS = Figures(
    "millrace-locations-answers",
    "commands",
    RECORDS.labels(FULFILLMENT_EVENTS.name),
    Gauge("millrace_locations_commands", "Commands in memory"),
    CAUGHT_UP.labels(FULFILLMENT_EVENTS.name),
)


def states(
    bootstrap: str, store: Store, kafka: Mapping[str, str | int] | None = None
) -> TopicFollower:
    """Keeps a store. Raises KafkaException where librdkafka does not take the settings."""
    return TopicFollower(bootstrap, store, FULFILLMENT_STATE.name, STATES, kafka=kafka)


def events(
    bootstrap: str, outcomes: Outcomes, kafka: Mapping[str, str | int] | None = None
) -> TopicFollower:
    """Hears what came of commands. Raises KafkaException like `states`."""
    return TopicFollower(
        bootstrap, outcomes, FULFILLMENT_EVENTS.name, ANSWERS, kafka=kafka, from_beginning=False
    )
