"""The gateway connector commits work only when its answers are durable."""

from __future__ import annotations

from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from connectors.payment_gateways import connector, sandbox
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    PaymentDeclined,
    RecordAuthorization,
    RecordVoid,
    VoidRequested,
)
from schemas.records import Record


class Fault:
    """A consumer's error."""

    def __init__(self, fatal: bool) -> None:
        self._fatal = fatal

    def fatal(self) -> bool:
        return self._fatal


class Read:
    """A message that was read."""

    def __init__(
        self, record: Record | None, offset: int = 0, partition: int = 0, fault: Fault | None = None
    ) -> None:
        self._value = b"" if record is None else codec.encode(record)
        self._offset, self._partition, self._fault = offset, partition, fault

    def error(self) -> Fault | None:
        return self._fault

    def value(self) -> bytes:
        return self._value

    def offset(self) -> int:
        return self._offset

    def partition(self) -> int:
        return self._partition


class Broker:
    """Producer and consumer in one, with a log of what happened in which order."""

    def __init__(self, failure: str | None = None, left: int = 0) -> None:
        self.failure, self.left = failure, left
        self.written: list[tuple[str, bytes, Record]] = []
        self.committed: dict[int, int] = {}
        self.log: list[str] = []
        self._reports: list[Any] = []

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Any) -> None:
        self.written.append((topic, key, codec.decode(value)))
        self._reports.append(on_delivery)

    def flush(self, _seconds: float) -> int:
        self.log.append("flush")
        for report in self._reports:
            report(self.failure, None)
        return self.left

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> None:
        assert not asynchronous
        self.log.append("commit")
        self.committed = {place.partition: place.offset for place in offsets}


def authorization(card: str = sandbox.APPROVED) -> AuthorizationRequested:
    return AuthorizationRequested("o-1", "o-1/1", 1999, "EUR", card, False, 1, 5)


def carry(broker: Broker, *messages: Read) -> None:
    connector._carry(
        cast(Consumer, broker),
        cast(Producer, broker),
        cast("list[Message]", list(messages)),
        sandbox.authorize,
        sandbox.void,
    )


def test_answers_go_to_the_payments_room_under_the_orders_key() -> None:
    broker = Broker()
    carry(broker, Read(authorization()), Read(VoidRequested("o-2", "sbx_1", "o-2/void", 1, 5)))
    assert [(topic, key) for topic, key, _ in broker.written] == [
        ("payments.commands", b"o-1"),
        ("payments.commands", b"o-2"),
    ]
    assert [type(record) for _, _, record in broker.written] == [RecordAuthorization, RecordVoid]


def test_work_is_committed_behind_the_last_record_of_each_partition_after_the_flush() -> None:
    broker = Broker()
    carry(broker, Read(authorization(), 7), Read(authorization(), 8), Read(authorization(), 3, 1))
    assert (broker.log, broker.committed) == (["flush", "commit"], {0: 9, 1: 4})


def test_events_that_ask_nothing_of_the_gateway_are_passed_over() -> None:
    broker = Broker()
    carry(broker, Read(PaymentDeclined("o-1", "card_declined", 1, "EUR", 5), 4))
    assert (broker.written, broker.committed) == ([], {0: 5})


@pytest.mark.parametrize("broker", [Broker(failure="timed out"), Broker(left=1)])
def test_work_whose_answer_is_not_durable_is_not_committed(broker: Broker) -> None:
    with pytest.raises(connector.Undelivered):
        carry(broker, Read(authorization()))
    assert broker.log == ["flush"]


def test_a_fatal_error_ends_the_connector_and_another_does_not() -> None:
    broker = Broker()
    with pytest.raises(KafkaException):
        carry(broker, Read(None, fault=Fault(fatal=True)))
    carry(broker, Read(None, fault=Fault(fatal=False)), Read(authorization(), 2))
    assert broker.committed == {0: 3}


def test_work_that_is_done_again_has_the_same_answer() -> None:
    first, second = Broker(), Broker()
    carry(first, Read(authorization(sandbox.ANSWERS_TWICE)))
    carry(second, Read(authorization(sandbox.ANSWERS_TWICE)))
    assert first.written == second.written
    assert len(first.written) == 2
