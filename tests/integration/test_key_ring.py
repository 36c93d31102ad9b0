"""Keys are on Kafka before their payloads, are found from wherever it is read, and stay erased."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from connectors.channels.publisher import RawPublisher, new_raw_id
from connectors.channels.sealing import opened
from connectors.vault import ring
from connectors.vault.ring import KeyRing
from deploy import records
from deploy.broker import EmbeddedBroker
from deploy.cluster import Cluster
from deploy.topics import create
from schemas import codec
from schemas.channels import RawPayload
from schemas.customers import KeyIssued
from schemas.topics import ALL, CHANNELS_RAW, CUSTOMERS_KEYS
from tests.unit.connectors.vault import vault

pytestmark = pytest.mark.integration
PAYLOAD = b'{"external_id": "1", "customer": {"email": "ada@example.org", "email_verified": true}}'


@pytest.fixture(name="kafka", scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("keys")) as broker:
        assert create(broker.bootstrap) == len(ALL)
        yield broker


@pytest.fixture(name="keys")
def connected(kafka: EmbeddedBroker) -> Iterator[KeyRing]:
    found = KeyRing(kafka.bootstrap, vault())
    yield found
    found.close()


def publish(kafka: EmbeddedBroker, number: int = 1) -> list[RawPayload]:
    now_ms = time.time_ns() // 1_000_000
    raws = [RawPayload(new_raw_id(), "json", "api", "", now_ms, PAYLOAD) for _ in range(number)]
    publisher = RawPublisher(kafka.bootstrap, None, vault())
    publisher.publish_all(raws)
    assert publisher.close() == 0
    return raws


def written(kafka: EmbeddedBroker, raws: list[RawPayload]) -> list[tuple[RawPayload, int]]:
    """The payloads as they stand on Kafka, with their partitions."""
    wanted = {raw.raw_id for raw in raws}
    return [
        (found.record, found.place.partition)
        for found in records.read(Cluster(kafka.bootstrap), [CHANNELS_RAW])
        if isinstance(found.record, RawPayload) and found.record.raw_id in wanted
    ]


def delete(kafka: EmbeddedBroker, key_id: str, partition: int) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap})
    producer.produce(CUSTOMERS_KEYS.name, None, key_id.encode(), partition)
    assert producer.flush(20) == 0


def test_a_payload_and_its_key_stand_in_partitions_of_one_number(kafka: EmbeddedBroker) -> None:
    raws = publish(kafka, 20)
    places = {
        found.record.key_id: found.place.partition
        for found in records.read(Cluster(kafka.bootstrap), [CUSTOMERS_KEYS])
        if isinstance(found.record, KeyIssued)
    }
    payloads = written(kafka, raws)
    assert len(payloads) == 20
    for raw, partition in payloads:
        assert PAYLOAD not in raw.payload
        assert places[raw.key_id] == partition


def test_every_payload_is_opened_whoever_wrote_it(kafka: EmbeddedBroker, keys: KeyRing) -> None:
    for raw, partition in written(kafka, publish(kafka, 50)):
        found = opened(raw, partition, keys)
        assert found is not None
        assert found.payload == PAYLOAD
    # What comes later is found by the same ring.
    for raw, partition in written(kafka, publish(kafka, 5)):
        assert opened(raw, partition, keys) is not None


def test_an_erased_key_is_not_found(kafka: EmbeddedBroker, keys: KeyRing) -> None:
    (raw, partition), (other, at) = written(kafka, publish(kafka, 2))
    delete(kafka, raw.key_id, partition)
    assert opened(raw, partition, keys) is None
    assert opened(other, at, keys) is not None


def test_a_key_that_is_erased_after_it_was_found_does_not_stand(
    kafka: EmbeddedBroker, keys: KeyRing
) -> None:
    [(raw, partition)] = written(kafka, publish(kafka))
    assert opened(raw, partition, keys) is not None
    assert keys.stands(raw.key_id, partition)
    delete(kafka, raw.key_id, partition)
    assert not keys.stands(raw.key_id, partition)


def test_keys_that_were_forgotten_are_read_again(
    kafka: EmbeddedBroker, keys: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ring, "MAXIMUM_KEYS", 3)
    monkeypatch.setattr(ring, "READ_RECORDS", 1)
    payloads = written(kafka, publish(kafka, 30))
    for raw, partition in [*payloads, *reversed(payloads)]:
        assert opened(raw, partition, keys) is not None


def test_what_a_transaction_has_not_committed_is_found_and_holds_nothing_back(
    kafka: EmbeddedBroker, keys: KeyRing
) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "a-worker"})
    producer.init_transactions(20)
    producer.begin_transaction()
    issued = vault().issued(vault().new_key("derived"), [], 0)
    for partition in range(CUSTOMERS_KEYS.partitions):
        producer.produce(CUSTOMERS_KEYS.name, codec.encode(issued), b"derived", partition)
    assert producer.flush(20) == 0
    now_ms = time.time_ns() // 1_000_000
    assert keys.find("derived", 0, now_ms) is not None
    for raw, partition in written(kafka, publish(kafka, 2)):
        assert opened(raw, partition, keys) is not None
    producer.abort_transaction(20)
    assert keys.find("never issued", 0, now_ms) is None, "the marks of transactions are passed"


def test_while_kafka_is_away_nothing_is_taken_for_erased(tmp_path: Path) -> None:
    nowhere = KeyRing("127.0.0.1:1", vault(), {"socket.timeout.ms": 500})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ring, "PATIENCE_SECONDS", 1.0)
        with pytest.raises(ring.KeysUnavailable):
            nowhere.find("k", 0, 0)
    nowhere.close()
