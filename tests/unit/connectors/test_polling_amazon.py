"""The poller's sources at Amazon, against a fake that keeps to the documented limits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from connectors.channels.amazon import Amazon as Mapping
from connectors.polling.amazon import AmazonOrders, AmazonOrdersV0
from connectors.polling.pace import NotYet
from connectors.polling.seam import Windows
from connectors.polling.selling_partner import Account, Credentials
from connectors.polling.source import Refused, SourceError, Throttled
from schemas.orders import PlaceOrder
from tests.fakes.amazon import MARKETPLACE, PLANS, SECRETS, Amazon
from tests.fakes.clock import Clock, rounds
from tests.unit.connectors.amazon_order import header, item, money, order_2026

Make = Callable[..., Windows]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def amazon(clock: Clock) -> Iterator[Amazon]:
    with Amazon(clock=clock.seconds) as running:
        yield running


def source(amazon: Amazon, clock: Clock, kind: type[Windows] = AmazonOrdersV0) -> Windows:
    account = Account(
        amazon.url, Credentials(*SECRETS), [MARKETPLACE], token_url=f"{amazon.url}/auth/o2/token"
    )
    make: Make = kind
    return make("us", account, clock_ms=clock.now_ms, clock=clock.seconds)


def number(index: int) -> str:
    return f"902-0000000-{index:07d}"


def put(amazon: Amazon, index: int, moment: str, items: int = 1, **fields: object) -> None:
    order = header(AmazonOrderId=number(index), LastUpdateDate=moment, **fields)
    amazon.put(order, [item(each) for each in range(items)])


def versions(payloads: list[bytes]) -> Counter[tuple[str, str]]:
    """How often each version of an order was told."""
    found: Counter[tuple[str, str]] = Counter()
    for payload in payloads:
        told = json.loads(payload)
        orders = (
            told["documents"][0]["payload"]["Orders"] if "documents" in told else told["orders"]
        )
        for one in orders:
            name = one.get("AmazonOrderId") or one["orderId"]
            found[name, one.get("LastUpdateDate") or one["lastUpdatedTime"]] += 1
    return found


def test_orders_come_with_all_their_items_and_what_is_personal(
    amazon: Amazon, clock: Clock
) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    put(amazon, 1, clock.moment(-10), items=5, OrderTotal=money("135.00"))
    put(amazon, 2, clock.moment(-20), OrderStatus="Pending")
    clock.go(600)
    [payload], _ = rounds(there, cursor, clock)
    documents = json.loads(payload)["documents"]
    assert [len(each["payload"].get("OrderItems", ())) for each in documents] == [0, 2, 2, 1]
    first = documents[0]["payload"]["Orders"][0]
    assert first["ShippingAddress"]["City"] == "Canton"
    assert not amazon.asked_for(f"{number(2)}/orderItems")
    placed, pending = Mapping().orders(payload, "", "raw", clock.ms)
    assert isinstance(placed, PlaceOrder) and len(placed.lines) == 5
    assert getattr(pending, "reason", "") == "not_ready"


@pytest.mark.parametrize("kind", [AmazonOrders, AmazonOrdersV0])
def test_no_limit_is_ever_exceeded_and_each_order_comes_once(
    amazon: Amazon, clock: Clock, kind: type[Windows]
) -> None:
    there = source(amazon, clock, kind)
    cursor = there.first_cursor(clock.ms)
    for index in range(100):
        if kind is AmazonOrders:
            moment = clock.moment(-index)
            amazon.put_2026(order_2026(orderId=number(index), lastUpdatedTime=moment))
        else:
            put(amazon, index, clock.moment(-index))
    clock.go(600)
    began = clock.seconds()
    payloads, _ = rounds(there, cursor, clock)
    assert len(versions(payloads)) == 100 and set(versions(payloads).values()) == {1}
    assert amazon.throttled == 0
    assert clock.seconds() - began > 100, "25 pages are more than the burst of 20"


def test_a_higher_limit_of_the_account_is_used(amazon: Amazon, clock: Clock) -> None:
    amazon.plans = {name: (50.0, burst) for name, (_, burst) in PLANS.items()}
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    for index in range(100):
        put(amazon, index, clock.moment(-index))
    clock.go(600)
    began = clock.seconds()
    payloads, _ = rounds(there, cursor, clock)
    assert len(versions(payloads)) == 100 and clock.seconds() - began < 10


@pytest.mark.parametrize("kill", [False, True])
def test_faults_and_kills_neither_lose_nor_repeat(amazon: Amazon, clock: Clock, kill: bool) -> None:
    amazon.troubles = {0: 500, 2: None, 5: 503, 9: 429, 13: 500, 14: None, 21: 500, 30: 503}
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    for index in range(12):
        put(amazon, index, clock.moment(-index), items=3)
    clock.go(600)
    payloads, cursor = rounds(
        there, cursor, clock, (lambda: source(amazon, clock)) if kill else None
    )
    assert len(versions(payloads)) == 12 and set(versions(payloads).values()) == {1}
    clock.go(600)
    assert rounds(source(amazon, clock), cursor, clock)[0] == []


def test_a_fault_amid_the_items_of_a_page_does_not_begin_the_page_anew(
    amazon: Amazon, clock: Clock
) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    for index in range(4):
        put(amazon, index, clock.moment(-index), items=3)
    clock.go(600)
    amazon.troubles = {6: 500}
    rounds(there, cursor, clock)
    assert len(amazon.asked_for("orders?")) == 1
    assert len(amazon.asked_for("orderItems")) == 4 * 2 + 1


def test_an_order_that_changes_between_two_pages_comes_again_and_none_is_lost(
    amazon: Amazon, clock: Clock
) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    for index in range(9):
        put(amazon, index, clock.moment(-index))
    clock.go(600)
    changed = clock.moment()

    def change() -> None:
        amazon.on_page = lambda: None
        put(amazon, 0, changed)
        put(amazon, 8, changed)

    amazon.on_page = change
    payloads, cursor = rounds(there, cursor, clock)
    clock.go(600)
    more, _ = rounds(there, cursor, clock)
    assert {name for name, _ in versions(payloads + more)} == {number(i) for i in range(9)}
    assert versions(more) == {(number(0), changed): 1, (number(8), changed): 1}


def test_a_token_that_ends_is_fetched_again(amazon: Amazon, clock: Clock) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    clock.go(600)
    _, cursor = rounds(there, cursor, clock)
    amazon.forget_tokens()
    put(amazon, 1, clock.moment())
    clock.go(600)
    payloads, cursor = rounds(there, cursor, clock)
    assert len(versions(payloads)) == 1
    clock.go(3600)
    put(amazon, 2, clock.moment())
    clock.go(600)
    assert len(versions(rounds(there, cursor, clock)[0])) == 1


def test_wrong_credentials_are_refused_and_never_told(amazon: Amazon, clock: Clock) -> None:
    account = Account(
        amazon.url,
        Credentials("a", "b-secret", "c"),
        [MARKETPLACE],
        token_url=f"{amazon.url}/auth/o2/token",
    )
    there = AmazonOrders("us", account, clock_ms=clock.now_ms, clock=clock.seconds)
    cursor = there.first_cursor(clock.ms)
    clock.go(600)
    with pytest.raises(Refused) as caught:
        there.page(cursor)
    assert "b-secret" not in str(caught.value)


def test_an_order_without_items_at_amazon_stops_no_other(amazon: Amazon, clock: Clock) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    put(amazon, 1, clock.moment(-1))
    put(amazon, 2, clock.moment(-2))
    del amazon.items[number(1)]
    clock.go(600)
    [payload], _ = rounds(there, cursor, clock)
    lost, placed = Mapping().orders(payload, "", "raw", clock.ms)
    assert getattr(lost, "reason", "") == "incomplete"
    assert isinstance(placed, PlaceOrder)


def test_a_page_that_amazon_has_forgotten_begins_the_window_anew(
    amazon: Amazon, clock: Clock
) -> None:
    there = source(amazon, clock, AmazonOrders)
    cursor = there.first_cursor(clock.ms)
    for index in range(6):
        amazon.put_2026(order_2026(orderId=number(index), lastUpdatedTime=clock.moment(-index)))
    clock.go(600)
    page = there.page(cursor)
    old = page.cursor.replace("after ", "gone ")
    payloads, _ = rounds(there, old, clock)
    told = versions(page.payloads + payloads)
    assert len(told) == 6 and set(told.values()) == {1}


def test_an_empty_bucket_waits_and_asks_nothing(amazon: Amazon, clock: Clock) -> None:
    amazon.plans["getOrders"] = (0.0167, 0)
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    clock.go(600)
    with pytest.raises(Throttled):
        there.page(cursor)
    asked = len(amazon.requests)
    with pytest.raises(NotYet) as early:
        there.page(cursor)
    assert 59 < early.value.seconds < 61 and len(amazon.requests) == asked


def test_an_answer_of_another_shape_is_a_fault(amazon: Amazon, clock: Clock) -> None:
    there = source(amazon, clock)
    cursor = there.first_cursor(clock.ms)
    amazon.orders = {"x": {"LastUpdateDate": clock.moment(-1)}}
    clock.go(600)
    assert rounds(there, cursor, clock)[0], "an order without an id is rejected by its mapping"
    with pytest.raises(SourceError, match="not one of this source"):
        there.page('{"since":1}')
