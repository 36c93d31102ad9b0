"""The engine's Kafka clients, as far as they can be seen without a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.messages import Room
from streams.engine.kafka import Carrier, Crash
from streams.engine.settings import Settings
from tests.integration.toy import ToyRoom

NOBODY = "127.0.0.1:1"


def test_an_error_in_a_rebalance_ends_the_worker_and_is_not_swallowed(tmp_path: Path) -> None:
    def fails(_consumer: Any, _partitions: Any) -> None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    settings = Settings(NOBODY, "w0", tmp_path, kafka={"log_level": 0})
    carrier = Carrier([cast(Room, ToyRoom("toy"))], settings)
    carrier._guarded(fails)(cast(Any, None), [])
    with pytest.raises(Crash, match="TIMED_OUT"):
        carrier.poll()
    carrier.close()
