"""Makes the topics of schemas.topics."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from deploy.cluster import Cluster, await_answer
from deploy.configuration import KafkaSettings
from schemas.topics import ALL

TIMEOUT_SECONDS = 30.0


def create(
    bootstrap: str,
    kafka: KafkaSettings | None = None,
    patience_seconds: float = TIMEOUT_SECONDS,
) -> int:
    """Make those that are missing; return how many. Raises KafkaException."""
    # The client must outlive its futures, or they never resolve.
    admin = Cluster(bootstrap, kafka or {}).admin()
    await_answer(admin, patience_seconds)
    wanted = [
        NewTopic(topic.name, topic.partitions, replication_factor=-1, config=topic.configuration)
        for topic in ALL
    ]
    made = 0
    futures = admin.create_topics(wanted, operation_timeout=TIMEOUT_SECONDS)
    for future in futures.values():
        try:
            future.result(TIMEOUT_SECONDS)
            made += 1
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    del admin
    return made
