"""Orders that Amazon notifies of, out of its queue: nothing lost, nothing told twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.channels.amazon import Amazon as Mapping
from connectors.polling.amazon_notices import AmazonNotices
from connectors.polling.amazon_notices import Queue as Where
from connectors.polling.pace import NotYet
from connectors.polling.selling_partner import Account, Credentials
from connectors.polling.sigv4 import Keys, Scope, signed
from connectors.polling.source import Refused, SourceError
from schemas.orders import PlaceOrder
from tests.fakes.amazon import SECRETS, Amazon
from tests.fakes.clock import Clock
from tests.fakes.queue import KEY_ID, REGION, SECRET_KEY, Queue
from tests.unit.connectors.amazon_order import order_2026


class Notified:
    """The two services, and a source that may be killed."""

    def __init__(self, amazon: Amazon, queue: Queue, clock: Clock) -> None:
        self.amazon = amazon
        self.queue = queue
        self.clock = clock
        self.cursor = self.source().first_cursor(clock.ms)
        self.told: Counter[tuple[str, str]] = Counter()
        self.payloads: list[bytes] = []

    def source(self, secret: str = SECRET_KEY) -> AmazonNotices:
        url = f"{self.amazon.url}/auth/o2/token"
        account = Account(self.amazon.url, Credentials(*SECRETS), [], token_url=url)
        where = Where(self.queue.queue_url, REGION, Keys(KEY_ID, secret))
        clock = self.clock
        return AmazonNotices("n", account, where, clock_ms=clock.now_ms, clock=clock.seconds)

    def change(self, *numbers: int) -> None:
        for number in numbers:
            self.clock.go(1.0)
            moment = self.clock.moment()
            self.amazon.put_2026(order_2026(orderId=f"902-{number}", lastUpdatedTime=moment))
            self.queue.notify(f"902-{number}")

    def poll(self, kill: bool = False, calls: int = 60) -> None:
        """Until the queue is empty."""
        source = self.source()
        for _ in range(calls):
            try:
                page = source.page(self.cursor)
            except NotYet as early:
                self.clock.go(early.seconds)
                continue
            except SourceError:
                self.clock.go(1.0)
                continue
            self.payloads += page.payloads
            self.told.update(
                (one["orderId"], one["lastUpdatedTime"])
                for payload in page.payloads
                for one in json.loads(payload)["orders"]
            )
            self.cursor = page.cursor
            if kill:
                source = self.source()
            if not self.queue.messages:
                break

    def check(self) -> None:
        now = {(n, one["lastUpdatedTime"]) for n, one in self.amazon.orders.items()}
        assert now <= set(self.told) and set(self.told.values()) == {1}
        assert self.queue.messages == []


@pytest.fixture
def notified() -> Iterator[Notified]:
    clock = Clock()
    with Amazon(clock=clock.seconds) as amazon, Queue(clock=clock.seconds) as queue:
        yield Notified(amazon, queue, clock)


@pytest.mark.parametrize("kill", [False, True])
def test_notices_become_orders_and_are_deleted_once_these_are_durable(
    notified: Notified, kill: bool
) -> None:
    notified.change(*range(25))
    page = notified.source().page(notified.cursor)
    assert page.payloads and notified.queue.deleted == 0
    # That page was never committed: after some minutes its messages are there again.
    notified.clock.go(301.0)
    notified.poll(kill)
    notified.check()
    assert notified.queue.deleted == 25 and notified.amazon.throttled == 0
    found = Mapping().orders(notified.payloads[0], "", "raw", notified.clock.ms)
    assert len(found) == 10 and all(isinstance(one, PlaceOrder) for one in found)


@pytest.mark.parametrize("kill", [False, True])
def test_faults_of_either_service_lose_and_repeat_nothing(notified: Notified, kill: bool) -> None:
    notified.change(*range(12))
    notified.amazon.troubles = {0: 500, 3: None, 6: 429, 9: 503}
    notified.queue.troubles = {1: 500, 2: None, 4: 503}
    for _ in range(4):
        notified.poll(kill)
        notified.clock.go(301.0)
    notified.check()


def test_a_message_that_is_delivered_again_is_not_told_again(notified: Notified) -> None:
    notified.change(1, 2)
    notified.queue.deaf = True
    for _ in range(3):
        notified.poll(calls=4)
        notified.clock.go(301.0)
    notified.queue.deaf = False
    notified.poll()
    notified.check()


def test_an_order_that_is_notified_of_twice_is_fetched_once(notified: Notified) -> None:
    notified.change(1, 2)
    notified.queue.notify("902-1")
    notified.poll()
    assert len(notified.amazon.asked_for("/orders/2026")) == 2
    notified.check()


def test_a_fault_amid_a_batch_does_not_begin_it_anew(notified: Notified) -> None:
    notified.change(*range(5))
    notified.amazon.troubles = {3: 500}
    notified.poll()
    assert len(notified.amazon.asked_for("/orders/2026")) == 6
    notified.check()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"NotificationType":"ANY_OFFER_CHANGED","Payload":{}}',
        '{"Payload":{"OrderChangeNotification":{"AmazonOrderId":7}}}',
        '{"Payload":[]}',
        "\ud800",
    ],
)
def test_a_message_about_something_else_stops_nothing(notified: Notified, body: str) -> None:
    notified.queue.put(body)
    notified.change(1)
    notified.queue.notify("902-unknown")
    notified.poll()
    notified.check()


def test_a_notice_in_the_envelope_of_an_event_is_read(notified: Notified) -> None:
    notified.change(1)
    [message] = notified.queue.messages
    message.body = json.dumps({"detail-type": "ORDER_CHANGE", "detail": json.loads(message.body)})
    notified.poll()
    notified.check()


def test_wrong_keys_of_the_queue_are_refused_and_not_told(notified: Notified) -> None:
    with pytest.raises(Refused) as caught:
        notified.source("wrong-secret").page(notified.cursor)
    assert "secret" not in str(caught.value)


def test_a_signature_is_that_of_the_documented_example() -> None:
    """Signature Version 4 test suite, get-vanilla."""
    told = signed(
        "GET",
        "https://example.amazonaws.com/",
        {},
        b"",
        Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        Scope("us-east-1", "service"),
        datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    assert told["Authorization"].endswith(f"Signature={signature}")


def test_temporary_keys_sign_their_session_along() -> None:
    keys = Keys("id", "secret", "session")
    told = signed("POST", "https://a.b/", {}, b"", keys, Scope("r", "s"), datetime.now(UTC))
    assert told["X-Amz-Security-Token"] == "session"
    assert "x-amz-security-token" in told["Authorization"]
