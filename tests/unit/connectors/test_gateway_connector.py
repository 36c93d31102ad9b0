"""The gateway connector answers each request, in order, and commits only behind durable answers."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from msgspec.structs import replace
from prometheus_client import REGISTRY

from connectors.payment_gateways import connector, sandbox
from connectors.payment_gateways.connector import Carrier, Route, Status
from connectors.payment_gateways.desk import (
    STUCK_REQUESTS,
    ConcurrentDesk,
    Finished,
    GatewayStuck,
    InstantDesk,
    Limits,
)
from connectors.payment_gateways.gateway import Answer, Request
from connectors.payment_gateways.sandbox import Sandbox
from connectors.payment_gateways.window import Window, Work
from schemas import codec
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    PaymentDeclined,
    RecordAuthorization,
    RecordCapture,
    RecordRefund,
    RecordVoid,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record

PATIENCE_SECONDS = 10.0
NOW = 1_700_000_000.0


class Fault:
    """A consumer's error."""

    def __init__(self, fatal: bool) -> None:
        self._fatal = fatal

    def fatal(self) -> bool:
        return self._fatal


class Read:
    """A message that was read."""

    def __init__(
        self,
        content: Record | bytes | None,
        offset: int = 0,
        partition: int = 0,
        fault: Fault | None = None,
    ) -> None:
        self._value = codec.encode(content) if isinstance(content, Record) else content
        self._offset, self._partition, self._fault = offset, partition, fault

    def error(self) -> Fault | None:
        return self._fault

    def value(self) -> bytes | None:
        return self._value

    def topic(self) -> str:
        return "payments.events"

    def offset(self) -> int:
        return self._offset

    def partition(self) -> int:
        return self._partition


class Broker:
    """Producer and consumer in one, with a log of what happened in which order."""

    def __init__(self, failure: str | None = None, left: int = 0, refusal: object = None) -> None:
        self.failure, self.left, self.refusal = failure, left, refusal
        self.written: list[tuple[str, bytes, Record]] = []
        self.committed: dict[int, int] = {}
        self.log: list[str] = []
        self.paused: set[int] = set()
        self.waiting: list[Read] = []
        self._reports: list[Any] = []

    def produce(self, topic: str, value: bytes, key: bytes, on_delivery: Any) -> None:
        self.written.append((topic, key, codec.decode(value)))
        self._reports.append(on_delivery)

    def flush(self, _seconds: float) -> int:
        self.log.append("flush")
        for report in self._reports:
            if self.failure is not None:
                report(self.failure, None)
        self._reports.clear()
        return self.left

    def commit(self, offsets: list[TopicPartition], asynchronous: bool) -> list[Any]:
        assert not asynchronous
        self.log.append("commit")
        if self.refusal is not None:
            refused = TopicPartition("payments.events", 0)
            return [type("Refused", (), {"error": self.refusal, "partition": refused.partition})]
        self.committed |= {place.partition: place.offset for place in offsets}
        return offsets

    def pause(self, places: list[TopicPartition]) -> None:
        self.paused |= {place.partition for place in places}

    def resume(self, places: list[TopicPartition]) -> None:
        self.paused -= {place.partition for place in places}

    def poll(self, _seconds: float) -> Read | None:
        return next(iter(self.consume(1, _seconds)), None)

    def consume(self, number: int, _seconds: float) -> list[Read]:
        ready = [each for each in self.waiting if each.partition() not in self.paused][:number]
        self.waiting = [each for each in self.waiting if each not in ready]
        return ready


class Patient:
    """A desk whose requests finish when the test says so."""

    busy = False

    def __init__(self, capacity: int = 1000) -> None:
        self.capacity = capacity
        self.works: list[Work] = []
        self.done: list[Finished] = []
        self.abandoned = 0

    def take(self, works: Sequence[Work]) -> None:
        self.works += works

    def finished(self) -> list[Finished]:
        done, self.done = self.done, []
        return done

    def abandon(self) -> None:
        self.abandoned += 1

    def close(self) -> None:
        pass

    def finish(self, *offsets: int) -> None:
        for work in self.works:
            if work.offset in offsets:
                self.done.append((work, [codec.encode(RecordVoid("o", "voided", "a"))]))


def authorization(
    card: str = sandbox.APPROVED,
    order_id: str = "o-1",
    *,
    inquiry: bool = False,
    attempt: int = 1,
    at_seconds: float = NOW,
) -> AuthorizationRequested:
    return AuthorizationRequested(
        order_id, f"{order_id}/1", 1999, "EUR", card, inquiry, attempt, int(at_seconds * 1000)
    )


def wish(order_id: str = "o-1") -> VoidRequested:
    return VoidRequested(order_id, "sbx_1", f"{order_id}/void", 1, int(NOW * 1000))


def taking(
    order_id: str = "o-1", *, inquiry: bool = False, at_seconds: float = NOW
) -> CaptureRequested:
    return CaptureRequested(
        order_id, "c", "sbx_1", "s1/1", f"{order_id}|capture|s1/1", 700, "EUR", False, inquiry, 4,
        int(at_seconds * 1000),
    )  # fmt: skip


def giving_back(
    order_id: str = "o-1", *, inquiry: bool = False, at_seconds: float = NOW
) -> RefundRequested:
    return RefundRequested(
        order_id, "c", "sbx_1", "s1/1", "r1/1", f"{order_id}|refund|r1/1", 300, "EUR", inquiry, 5,
        int(at_seconds * 1000),
    )  # fmt: skip


def captured(request: CaptureRequested) -> RecordCapture:
    named = (request.order_id, request.tender_id, request.capture_id)
    return RecordCapture(*named, "captured", request.amount_minor, request.currency, "", 0)


def refunded(request: RefundRequested) -> RecordRefund:
    named = (request.order_id, request.tender_id, request.refund_id)
    return RecordRefund(*named, "refunded", request.amount_minor, request.currency, "", 0)


def at(broker: Broker, desk: Patient | InstantDesk | None = None, partitions: int = 2) -> Carrier:
    carrier = Carrier(
        cast(Consumer, broker),
        cast(Producer, broker),
        desk or InstantDesk(Sandbox(), 2_000),
        Route(),
        Status(),
    )
    carrier.assigned(cast(Consumer, broker), places(*range(partitions)))
    return carrier


def places(*partitions: int) -> list[TopicPartition]:
    return [TopicPartition("payments.events", partition) for partition in partitions]


def carry(broker: Broker, *messages: Read, carrier: Carrier | None = None) -> None:
    carrier = carrier or at(broker)
    carrier.take(cast("list[Message]", list(messages)))
    carrier.settle()


def total(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


# -- from Kafka and back ----------------------------------------------------------------------


def test_answers_go_to_the_payments_room_under_the_orders_key() -> None:
    broker = Broker()
    carry(broker, Read(authorization()), Read(wish("o-2"), 1))
    assert [(topic, key) for topic, key, _ in broker.written] == [
        ("payments.commands", b"o-1"),
        ("payments.commands", b"o-2"),
    ]
    assert [type(record) for _, _, record in broker.written] == [RecordAuthorization, RecordVoid]


def test_work_is_committed_behind_the_last_record_of_each_partition_after_the_flush() -> None:
    broker = Broker()
    carry(broker, Read(authorization(), 7), Read(authorization(), 8), Read(authorization(), 3, 1))
    assert (broker.log, broker.committed) == (["flush", "commit"], {0: 9, 1: 4})


def test_what_is_committed_is_not_committed_again() -> None:
    broker = Broker()
    carrier = at(broker)
    carry(broker, Read(authorization(), 7), carrier=carrier)
    carry(broker, carrier=carrier)
    assert broker.log == ["flush", "commit"]


def test_events_that_ask_nothing_of_the_gateway_are_passed_over() -> None:
    broker = Broker()
    carrier = at(broker)
    for offset in (4, 5):
        declined = PaymentDeclined("o-1", "card_declined", 1, "EUR", 5)
        carry(broker, Read(declined, offset), carrier=carrier)
    assert (broker.written, broker.committed) == ([], {0: 6})


@pytest.mark.parametrize(
    "content",
    [
        b"secret",
        b"",
        None,
        codec.mark(AuthorizationRequested) + b"\x02",
        codec.encode(authorization())[:-9],
        codec.MARKER + b"12345678secret",
    ],
)
def test_a_record_that_cannot_be_read_is_set_aside_and_work_goes_on(
    content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker()
    before = total("millrace_gateway_unreadable_records_total")
    carry(broker, Read(authorization(), 1), Read(content, 2), Read(authorization(), 3))
    assert (len(broker.written), broker.committed) == (2, {0: 4})
    assert total("millrace_gateway_unreadable_records_total") == before + 1
    assert "payments.events/0@2 is set aside" in caplog.text
    assert "secret" not in caplog.text and sandbox.APPROVED not in caplog.text


@pytest.mark.parametrize("broker", [Broker(failure="timed out"), Broker(left=1)])
def test_work_whose_answer_is_not_durable_is_not_committed(broker: Broker) -> None:
    carrier = at(broker)
    with pytest.raises(connector.Undelivered):
        carry(broker, Read(authorization()), carrier=carrier)
    carrier.let_go()
    carrier.revoked(cast(Consumer, broker), places(0, 1))
    assert broker.log == ["flush"]


def test_a_commit_that_kafka_refuses_ends_the_connector() -> None:
    with pytest.raises(KafkaException):
        carry(Broker(refusal=KafkaError(KafkaError.ILLEGAL_GENERATION)), Read(authorization()))


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


# -- the window -------------------------------------------------------------------------------


def test_a_partition_is_done_up_to_its_lowest_unfinished_request() -> None:
    window = Window()
    for offset in (3, 5, 8):
        window.begin(offset)
    window.next_offset = 12
    positions = []
    for offset in (5, 3, 8):
        window.finish(offset)
        positions.append(window.position)
    assert positions == [3, 8, 12]
    assert len(window) == 0


def test_nothing_is_committed_past_a_request_that_is_under_way() -> None:
    broker, desk = Broker(), Patient()
    carrier = at(broker, desk)
    carry(broker, *[Read(authorization(), offset) for offset in (0, 1, 2)], carrier=carrier)
    desk.finish(1, 2)
    carrier.settle()
    assert len(broker.written) == 2 and broker.committed == {0: 0}
    desk.finish(0)
    carrier.settle()
    assert broker.committed == {0: 3}


def test_a_full_window_stops_its_partition_until_half_of_it_is_done() -> None:
    broker, desk = Broker(), Patient(capacity=4)
    carrier = at(broker, desk)
    broker.waiting = [Read(authorization(), offset) for offset in range(10)]
    for _ in range(3):
        carrier.turn()
    assert (len(desk.works), broker.paused) == (4, {0})
    desk.finish(0)
    carrier.turn()
    assert (len(desk.works), broker.paused) == (4, {0})
    desk.finish(1)
    carrier.turn()
    assert broker.paused == set()
    carrier.turn()
    assert (len(desk.works), broker.paused) == (6, {0})


def test_a_full_window_does_not_stop_the_other_partitions() -> None:
    broker, desk = Broker(), Patient(capacity=2)
    carrier = at(broker, desk)
    broker.waiting = [Read(authorization(), offset) for offset in range(4)]
    broker.waiting.append(Read(authorization(), 7, partition=1))
    for _ in range(3):
        carrier.turn()
    assert [(work.offset) for work in desk.works] == [0, 1, 7]


# -- the group --------------------------------------------------------------------------------


def test_what_is_under_way_when_partitions_go_is_left_to_the_next_member() -> None:
    broker, desk = Broker(), Patient(capacity=3)
    carrier = at(broker, desk)
    broker.waiting = [Read(authorization(), offset) for offset in range(3)]
    carrier.turn()
    assert broker.paused == {0}
    desk.finish(0, 2)
    carrier.revoked(cast(Consumer, broker), places(0, 1))
    assert (len(broker.written), broker.committed, desk.abandoned) == (2, {0: 1}, 1)
    assert broker.paused == set()


def test_partitions_that_are_lost_are_not_committed() -> None:
    broker, desk = Broker(), Patient()
    carrier = at(broker, desk)
    carry(broker, Read(authorization(), 0), carrier=carrier)
    desk.finish(0)
    carrier.lost(cast(Consumer, broker), places(0, 1))
    carrier.settle()
    assert (broker.committed, desk.abandoned) == ({0: 0}, 1)


def test_a_record_of_a_partition_that_went_is_not_taken() -> None:
    broker, desk = Broker(), Patient()
    carry(broker, Read(authorization(), 0, partition=3), carrier=at(broker, desk))
    assert (desk.works, broker.committed) == ([], {})


def test_the_connector_is_ready_while_it_has_an_assignment_and_turns() -> None:
    now = [100.0]
    status = Status(lambda: now[0])
    status.turned()
    assert not status.ready
    status.joined(True)
    assert status.ready
    now[0] += connector.READY_SECONDS
    assert not status.ready
    status.turned()
    assert status.ready
    status.joined(False)
    assert not status.ready


def test_further_settings_cannot_take_the_guarantee_away() -> None:
    further: dict[str, str | int] = {
        "security.protocol": "ssl", "enable.auto.commit": "true", "acks": "0",
        "session.timeout.ms": 9_000,
    }  # fmt: skip
    reading = connector._consumer_settings(further, "group", "gateway-0", [])
    writing = connector._producer_settings(further)
    assert reading["security.protocol"] == writing["security.protocol"] == "ssl"
    assert (reading["enable.auto.commit"], writing["acks"]) == (False, "all")
    assert (reading["group.instance.id"], reading["session.timeout.ms"]) == ("gateway-0", 9_000)
    assert "group.instance.id" not in connector._consumer_settings({}, "group", "", [])


# -- gateways ---------------------------------------------------------------------------------


class Slow:
    """A gateway whose answers wait, and which notes what it was asked."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.calls: list[str] = []
        self.under_way = self.most_under_way = 0
        self.closed = False

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        await self._work(f"authorize {request.order_id}")
        return RecordAuthorization(
            request.order_id, "approved", "auth", request.amount_minor, request.currency, ""
        )

    async def inquire(self, request: AuthorizationRequested) -> RecordAuthorization:
        await self._work(f"inquire {request.order_id}")
        return RecordAuthorization(request.order_id, "not_found", "", 0, request.currency, "")

    async def void(self, request: VoidRequested) -> RecordVoid:
        await self._work(f"void {request.order_id}")
        return RecordVoid(request.order_id, "voided", request.authorization_id)

    async def capture(self, request: CaptureRequested) -> RecordCapture:
        await self._work(f"capture {request.order_id}")
        return captured(request)

    async def inquire_capture(self, request: CaptureRequested) -> RecordCapture:
        await self._work(f"inquire capture {request.order_id}")
        return replace(captured(request), outcome="not_found", amount_minor=0)

    async def refund(self, request: RefundRequested) -> RecordRefund:
        await self._work(f"refund {request.order_id}")
        return refunded(request)

    async def inquire_refund(self, request: RefundRequested) -> RecordRefund:
        await self._work(f"inquire refund {request.order_id}")
        return replace(refunded(request), outcome="pending", amount_minor=0)

    async def close(self) -> None:
        self.closed = True

    async def _work(self, call: str) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await asyncio.sleep(self.seconds)
            self.calls.append(call)
        finally:
            self.under_way -= 1


class Broken(Slow):
    """A gateway that answers with whatever it is given, by order id."""

    def __init__(self, **answers: object) -> None:
        super().__init__()
        self.answers = answers

    async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
        answer = self.answers[request.order_id]
        if isinstance(answer, BaseException):
            raise answer
        return cast(RecordAuthorization, answer)


@contextmanager
def open_desk(gateway: Slow, **limits: Any) -> Iterator[ConcurrentDesk]:
    desk = ConcurrentDesk(gateway, Limits(**limits), clock=lambda: NOW)
    try:
        yield desk
    finally:
        desk.close()
        assert gateway.closed


def ask(desk: ConcurrentDesk, *requests: Request) -> list[Answer]:
    """The answers, in the order in which they came."""
    desk.take([Work(Window(), offset, request) for offset, request in enumerate(requests)])
    return [answer for _, answer in collect(desk, len(requests))]


def collect(desk: ConcurrentDesk, number: int) -> list[tuple[int, Answer]]:
    answers: list[tuple[int, Answer]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(answers) < number and time.monotonic() < deadline:
        for work, values in desk.finished():
            answers += [(work.offset, cast(Answer, codec.decode(value))) for value in values]
        time.sleep(0.001)
    assert len(answers) == number
    return answers


def test_a_gateway_is_asked_what_the_request_says() -> None:
    gateway = Slow()
    with open_desk(gateway) as desk:
        assert not desk.busy
        answers = ask(
            desk, authorization(order_id="a"), authorization(order_id="b", inquiry=True), wish("c")
        )
        assert not desk.busy
    assert sorted(gateway.calls) == ["authorize a", "inquire b", "void c"]
    assert sorted(answer.outcome for answer in answers) == ["approved", "not_found", "voided"]


def test_a_gateway_that_does_not_answer_in_time_is_not_guessed_at() -> None:
    gateway = Slow(seconds=60)
    before = total("millrace_gateway_unknown_answers_total", cause="timed_out")
    with open_desk(gateway, request_seconds=0.05) as desk:
        answers = ask(
            desk, authorization(order_id="a"), authorization(order_id="b", inquiry=True), wish("c")
        )
    assert {answer.order_id: answer for answer in answers} == {
        "a": RecordAuthorization("a", "unknown", "", 0, "EUR", "", 1, number=1),
        "b": RecordAuthorization("b", "unknown", "", 0, "EUR", "", 1, number=1),
        "c": RecordVoid("c", "unknown", "sbx_1"),
    }
    assert gateway.calls == []
    assert total("millrace_gateway_unknown_answers_total", cause="timed_out") == before + 3


def test_a_void_waits_for_the_authorization_of_its_order_and_not_for_others() -> None:
    class SlowToAuthorize(Slow):
        async def authorize(self, request: AuthorizationRequested) -> RecordAuthorization:
            await asyncio.sleep(0.1)
            return await super().authorize(request)

    gateway = SlowToAuthorize()
    with open_desk(gateway) as desk:
        ask(desk, authorization(order_id="a"), wish("a"), wish("b"))
    assert gateway.calls == ["void b", "authorize a", "void a"]


def test_no_more_requests_are_under_way_than_the_limit() -> None:
    gateway = Slow(seconds=0.01)
    with open_desk(gateway, concurrent_requests=3) as desk:
        ask(desk, *[authorization(order_id=str(number)) for number in range(12)])
    assert gateway.most_under_way == 3


def test_a_wait_for_a_free_place_is_not_the_gateways_time() -> None:
    with open_desk(Slow(seconds=0.05), concurrent_requests=1, request_seconds=0.15) as desk:
        answers = ask(desk, *[authorization(order_id=str(number)) for number in range(6)])
    assert {answer.outcome for answer in answers} == {"approved"}


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("4242424242424242 refused"),
        asyncio.CancelledError(),
        None,
        RecordVoid("o-1", "voided", "auth"),
        RecordAuthorization("o-2", "approved", "auth", 1999, "EUR", ""),
        RecordAuthorization("o-1", "pending", "auth", 1999, "EUR", ""),
        RecordAuthorization("o-1", "approved", "auth", -1, "EUR", ""),
        RecordAuthorization("o-1", "approved", cast(str, None), 1999, "EUR", ""),
        RecordAuthorization("o-1", "approved", "", 1999, "EUR", ""),
        RecordAuthorization("o-1", "not_found", "", 0, "EUR", ""),
    ],
)
def test_whatever_else_a_gateway_says_is_answered_unknown(
    answer: object, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with open_desk(Broken(**{"o-1": answer})) as desk:
        assert ask(desk, authorization()) == [
            RecordAuthorization("o-1", "unknown", "", 0, "EUR", "", 1, number=1)
        ]
    assert "o-1" in caplog.text and "4242" not in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        RecordVoid("o-1", "voided", "sbx_2"),
        RecordVoid("o-1", "pending", "sbx_1"),
        RecordVoid("o-2", "voided", "sbx_1"),
    ],
)
def test_a_void_of_something_else_is_answered_unknown(answer: RecordVoid) -> None:
    class Confused(Slow):
        async def void(self, request: VoidRequested) -> RecordVoid:
            return answer

    with open_desk(Confused()) as desk:
        assert ask(desk, wish()) == [RecordVoid("o-1", "unknown", "sbx_1")]


@pytest.mark.parametrize("outcome", ["voided", "expired", "captured"])
def test_a_gateway_may_say_what_has_become_of_the_authorization(outcome: str) -> None:
    class Telling(Slow):
        async def void(self, request: VoidRequested) -> RecordVoid:
            return RecordVoid(request.order_id, outcome, request.authorization_id)

    with open_desk(Telling()) as desk:
        assert ask(desk, wish()) == [RecordVoid("o-1", outcome, "sbx_1")]


def test_an_answer_has_the_number_of_its_request_whatever_the_gateway_says() -> None:
    third = authorization(attempt=3)
    mistaken = RecordAuthorization("o-1", "approved", "auth", 1999, "EUR", "", 7)
    with open_desk(Broken(**{"o-1": mistaken})) as desk:
        (answer,) = ask(desk, third)
    assert isinstance(answer, RecordAuthorization) and answer.attempt == 3
    broker = Broker()
    carry(broker, Read(authorization(sandbox.ANSWERS_TWICE, attempt=3)))
    assert [getattr(record, "attempt", None) for _, _, record in broker.written] == [3, 3]


def test_an_instant_gateway_that_raises_is_answered_unknown() -> None:
    class Faulty:
        def answer(self, request: Request) -> Sequence[Answer]:
            raise ZeroDivisionError

    broker = Broker()
    carry(broker, Read(authorization(), 4), carrier=at(broker, InstantDesk(Faulty(), 10)))
    answer = broker.written[0][2]
    assert isinstance(answer, RecordAuthorization) and answer.outcome == "unknown"
    assert broker.committed == {0: 5}


def test_an_old_wish_to_authorize_is_not_carried_out_but_may_be_inquired_and_voided() -> None:
    gateway = Slow()
    old = NOW - 61
    with open_desk(gateway, age_seconds=60) as desk:
        answers = ask(
            desk,
            authorization(at_seconds=old),
            authorization(at_seconds=old, inquiry=True),
            wish(),
            authorization(at_seconds=NOW - 59),
        )
    assert [answer.outcome for answer in answers] == ["unknown", "not_found", "voided", "approved"]
    assert gateway.calls == ["inquire o-1", "void o-1", "authorize o-1"]


def test_abandoned_requests_are_cancelled_and_answer_no_more() -> None:
    gateway = Slow(seconds=60)
    with open_desk(gateway) as desk:
        desk.take([Work(Window(), number, wish(str(number))) for number in range(5)])
        assert desk.busy
        desk.abandon()
        assert not desk.busy
        gateway.seconds = 0
        desk.take([Work(Window(), 7, wish("3"))])
        assert [offset for offset, _ in collect(desk, 1)] == [7]
        assert desk.finished() == []
    assert gateway.calls == ["void 3"]


def test_a_gateway_that_blocks_its_loop_ends_the_connector() -> None:
    release = threading.Event()

    class Blocking(Slow):
        async def void(self, request: VoidRequested) -> RecordVoid:
            release.wait(PATIENCE_SECONDS)
            return await super().void(request)

    with open_desk(Blocking(), request_seconds=0.02) as desk:
        desk.take([Work(Window(), 0, wish())])
        time.sleep(0.02 * (STUCK_REQUESTS + 1))
        with pytest.raises(GatewayStuck):
            desk.finished()
        release.set()


# -- captures and refunds ---------------------------------------------------------------------


def test_captures_and_refunds_go_to_the_gateway_and_their_answers_to_the_room() -> None:
    broker = Broker()
    before = total("millrace_gateway_requests_total", kind="capture")
    carry(broker, Read(taking()), Read(giving_back("o-2"), 1))
    assert [(key, type(record)) for _, key, record in broker.written] == [
        (b"o-1", RecordCapture), (b"o-2", RecordRefund),
    ]  # fmt: skip
    assert broker.committed == {0: 2}
    assert total("millrace_gateway_requests_total", kind="capture") == before + 1


def test_a_gateway_is_asked_for_captures_and_refunds_or_about_them() -> None:
    gateway = Slow()
    with open_desk(gateway) as desk:
        answers = ask(
            desk, taking("a"), taking("b", inquiry=True), giving_back("c"),
            giving_back("d", inquiry=True),
        )  # fmt: skip
    assert sorted(gateway.calls) == [
        "capture a", "inquire capture b", "inquire refund d", "refund c",
    ]  # fmt: skip
    outcomes = {answer.order_id: answer.outcome for answer in answers}
    assert outcomes == {"a": "captured", "b": "not_found", "c": "refunded", "d": "pending"}
    assert {getattr(answer, "attempt", None) for answer in answers} == {4, 5}


def test_captures_and_refunds_that_time_out_are_not_guessed_at() -> None:
    with open_desk(Slow(seconds=60), request_seconds=0.05) as desk:
        answers = ask(desk, taking("a"), giving_back("b"))
    assert {answer.order_id: answer for answer in answers} == {
        "a": RecordCapture("a", "c", "s1/1", "unknown", 0, "EUR", "", 4),
        "b": RecordRefund("b", "c", "r1/1", "unknown", 0, "EUR", "", 5),
    }


def test_an_old_wish_to_take_money_or_to_give_it_back_is_not_carried_out() -> None:
    gateway, old = Slow(), NOW - 61
    with open_desk(gateway, age_seconds=60) as desk:
        answers = ask(
            desk, taking("a", at_seconds=old), giving_back("b", at_seconds=old),
            taking("c", inquiry=True, at_seconds=old),
            giving_back("d", inquiry=True, at_seconds=old),
        )  # fmt: skip
    outcomes = {answer.order_id: answer.outcome for answer in answers}
    assert outcomes == {"a": "unknown", "b": "unknown", "c": "not_found", "d": "pending"}
    assert sorted(gateway.calls) == ["inquire capture c", "inquire refund d"]


@pytest.mark.parametrize(
    "answer",
    [
        replace(captured(taking()), amount_minor=699),
        replace(captured(taking()), currency="USD"),
        replace(captured(taking()), capture_id="s1/2"),
        replace(captured(taking()), tender_id="d"),
        replace(captured(taking()), outcome="not_found"),
        replace(captured(taking()), outcome="pending"),
        refunded(giving_back()),
    ],
)
def test_an_answer_that_is_none_to_a_capture_is_answered_unknown(answer: RecordCapture) -> None:
    class Confused(Slow):
        async def capture(self, request: CaptureRequested) -> RecordCapture:
            return answer

    with open_desk(Confused()) as desk:
        assert [each.outcome for each in ask(desk, taking())] == ["unknown"]


@pytest.mark.parametrize(
    "answer",
    [
        replace(refunded(giving_back()), amount_minor=301),
        replace(refunded(giving_back()), refund_id="r2/1"),
        replace(refunded(giving_back()), outcome="captured"),
        replace(refunded(giving_back()), outcome="not_found"),
        captured(taking()),
    ],
)
def test_an_answer_that_is_none_to_a_refund_is_answered_unknown(answer: RecordRefund) -> None:
    class Confused(Slow):
        async def refund(self, request: RefundRequested) -> RecordRefund:
            return answer

    with open_desk(Confused()) as desk:
        assert [each.outcome for each in ask(desk, giving_back())] == ["unknown"]


def test_an_answer_names_the_tender_and_the_authorization_of_its_request() -> None:
    second = replace(authorization(order_id="o-1"), tender_id="c", number=2)
    with open_desk(Slow()) as desk:
        (answer,) = ask(desk, second)
    assert isinstance(answer, RecordAuthorization)
    assert (answer.tender_id, answer.number) == ("c", 2)
