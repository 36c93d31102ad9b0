"""Shops are told of shipments, cancellations and refunds once, however often an event comes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest
from confluent_kafka import Message

from connectors.channels.mapping import DELETED_AT_CHANNEL
from connectors.webhooks.posting import SET_ASIDE_ATTEMPTS, Answer, Receiver
from connectors.webhooks.sender import Sender
from connectors.webhooks.shop import AT_CHANNEL, NOT_NEEDED, money_back
from connectors.webhooks.shops import SHOPS, receiver_of
from connectors.webhooks.shops_amazon import package_reference
from connectors.webhooks.subscriptions import Subscription
from deploy.webhooks import check
from schemas.orders import (
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderShipped,
    ShippedLine,
)
from schemas.payments import PaymentRefunded, PaymentVoided
from schemas.records import Record
from schemas.webhooks import WebhookAttempted, WebhookSwitched
from streams.payments import model, voids
from tests.fakes.loopback import Asked, Loopback, Reply
from tests.fakes.marketplaces_told import Amazon, Ebay, Walmart
from tests.fakes.shops_told import (
    Commercetools,
    Magento,
    Saleor,
    Shopify,
    Square,
    ToldShop,
    WooCommerce,
)

FAKES: dict[str, Callable[..., ToldShop]] = {
    "shopify": Shopify,
    "woocommerce": WooCommerce,
    "amazon": Amazon,
    "ebay": Ebay,
    "walmart": Walmart,
    "square": Square,
    "magento": Magento,
    "commercetools": Commercetools,
    "saleor": Saleor,
}
PAYING = ["shopify", "woocommerce", "square", "magento"]
"""Those that are told of refunds."""
SECRETS = {"woocommerce": "key\nsecret", "walmart": "a\nb", "amazon": "a\nb\nc", "ebay": "a\nb\nc",
           "commercetools": "a\nb"}  # fmt: skip


def shop(url: str, kind: str) -> Receiver:
    subscription = Subscription(
        "s",
        url,
        (),
        frozenset(),
        False,
        channel=kind,
        kind=kind,
        secret=SECRETS.get(kind, "token"),
        account="SHOP" if kind == "commercetools" else "SELLER/MARKET",
        token_url=f"{url}/auth/o2/token",
    )
    found = receiver_of(subscription)
    assert found is not None
    return found


def shipped(
    kind: str, *lines: tuple[str, int], status: str = "partly_shipped", number: str = "T1"
) -> OrderShipped:
    pieces = [ShippedLine(*line) for line in lines]
    return OrderShipped(
        f"{kind}-7", f"s{number}", pieces, "berlin", "DHL", number, status, "EUR", 1, "", 1_000
    )


def cancelled(kind: str, reason: str = "why") -> OrderCancelled:
    return OrderCancelled(f"{kind}-7", reason, 1)


def refunded(kind: str, amount: int, refund: str = "r1", method: str = "channel") -> Record:
    return PaymentRefunded(
        f"{kind}-7", "1", refund, 1, "c", "channel", method, amount, "EUR", "broken", 1, amount
    )


def tell(there: ToldShop | Loopback, kind: str, event: Record, times: int = 1) -> Answer:
    """The last of several answers; after each of them the process is another one."""
    answer = Answer(0, "never")
    for _ in range(times):
        receiver = shop(there.url, kind)
        answer = receiver.deliver("m", event, 0)
        receiver.close()
    return answer


@pytest.mark.parametrize(
    "kind", ["shopify", "amazon", "ebay", "walmart", "magento", "commercetools", "saleor"]
)
def test_a_shop_is_told_of_each_shipment_once_with_its_tracking_number(kind: str) -> None:
    with FAKES[kind]() as there:
        first = shipped(kind, ("1", 1))
        assert tell(there, kind, first, 3).delivered
        assert there.shipped == [({"1": 1}, "T1")]
        rest = shipped(kind, ("1", 1), ("2", 1), status="shipped", number="T2")
        assert tell(there, kind, rest, 2).delivered
        assert tell(there, kind, first, 2).delivered
        assert there.shipped[1:] == [({"1": 1, "2": 1}, "T2")]


@pytest.mark.parametrize(
    "kind", ["shopify", "amazon", "ebay", "magento", "commercetools", "saleor"]
)
def test_a_shipment_without_a_tracking_number_is_told_too(kind: str) -> None:
    with FAKES[kind]() as there:
        assert tell(there, kind, shipped(kind, ("2", 1), number=""), 2).delivered
        assert there.shipped == [({"2": 1}, "")]


def test_walmart_takes_no_shipment_without_a_tracking_number() -> None:
    with Walmart() as there:
        answer = tell(there, "walmart", shipped("walmart", ("2", 1), number=""))
        assert (answer.delivered, there.shipped) == (False, [])


def test_ebay_is_told_the_letters_and_digits_of_a_tracking_number() -> None:
    with Ebay() as there:
        assert tell(there, "ebay", shipped("ebay", ("2", 1), number="JJD 01-23"), 2).delivered
        assert there.shipped == [({"2": 1}, "JJD0123")]


def test_amazon_knows_a_shipment_by_a_number_of_ours() -> None:
    assert package_reference("s1") == package_reference("s1") != package_reference("s2")
    assert all(1 <= int(package_reference(str(one))) <= 2**56 for one in range(100))


def test_woocommerce_is_told_by_a_note_and_completed_with_the_last_piece() -> None:
    with WooCommerce() as there:
        for status in ("partly_shipped", "partly_shipped", "shipped"):
            event = shipped("woocommerce", ("1", 1), status=status)
            assert tell(there, "woocommerce", event).delivered
        assert there.notes == ["Shipped with DHL T1 [sT1]"]
        assert there.status == "completed"


def test_square_gets_the_tracking_number_and_is_completed_with_the_last_piece() -> None:
    with Square() as there:
        assert tell(there, "square", shipped("square", ("1", 1)), 2).delivered
        assert (there.tracking["tracking_number"], there.state) == ("T1", "PROPOSED")
        last = shipped("square", ("1", 1), ("2", 1), status="shipped", number="T2")
        assert tell(there, "square", last, 2).delivered
        assert (there.tracking["tracking_number"], there.state) == ("T2", "COMPLETED")
        assert there.version == 5


def test_walmart_is_told_once_that_an_order_has_been_taken() -> None:
    with Walmart() as there:
        placed = OrderPlaced("walmart-7", "walmart", "7", "EUR", 3000, 0, [], "US", 1, "raw", 1)
        assert tell(there, "walmart", placed, 3).delivered
        assert there.acknowledged == 1


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_a_shop_is_told_of_a_cancellation_once(kind: str) -> None:
    with FAKES[kind](paid=False) as there:
        assert tell(there, kind, cancelled(kind), 3).delivered
        assert there.cancelled == 1
        assert there.back == 0


def amended(kind: str, *removed: str) -> OrderAmended:
    return OrderAmended(
        f"{kind}-7", "cancel/1", 1, [], [], list(removed), [], [], "EUR", 1, 0, "why", "", 1
    )


def test_walmart_is_told_of_cancelled_lines() -> None:
    with Walmart() as there:
        assert tell(there, "walmart", amended("walmart"), 2).delivered
        assert there.cancelled == 0
        assert tell(there, "walmart", amended("walmart", "1"), 2).delivered
        assert (there.gone, there.cancelled) == ({"1": 2}, 1)
        assert tell(there, "walmart", cancelled("walmart"), 2).delivered
        assert there.gone == {"1": 2, "2": 1}


def test_shopify_is_told_of_cancelled_lines_once_and_of_their_money_by_the_payment() -> None:
    for number in range(4):
        with Shopify(late=frozenset({number})) as there:
            assert tell(there, "shopify", amended("shopify", "1"), 3).delivered
            assert (there.removed, len(there.notes), there.back) == ({"1": 2}, 1, 0)
            assert tell(there, "shopify", shipped("shopify", ("2", 1))).delivered


@pytest.mark.parametrize("kind", PAYING)
def test_a_cancellation_gives_everything_back_that_the_shop_took(kind: str) -> None:
    with FAKES[kind]() as there:
        assert tell(there, kind, refunded(kind, 500)).delivered
        assert tell(there, kind, cancelled(kind), 3).delivered
        assert there.back == Decimal("30.00")


@pytest.mark.parametrize("kind", PAYING)
def test_what_the_shop_has_cancelled_itself_is_paid_back_by_nobody_here(kind: str) -> None:
    with FAKES[kind]() as there:
        if isinstance(there, WooCommerce):
            there.status = "cancelled"
        elif isinstance(there, Square):
            there.state = "CANCELED"
        elif isinstance(there, Magento):
            there.state = "canceled"
        there.cancelled = 1
        assert tell(there, kind, cancelled(kind)).delivered
        assert (there.cancelled, there.back) == (1, 0)


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_an_order_that_was_deleted_at_the_shop_is_not_asked_for(kind: str) -> None:
    with FAKES[kind]() as there:
        assert tell(there, kind, cancelled(kind, DELETED_AT_CHANNEL)).delivered
        assert there.requests == []


@pytest.mark.parametrize("kind", PAYING)
def test_a_refund_is_paid_once_however_often_it_is_told(kind: str) -> None:
    with FAKES[kind]() as there:
        assert tell(there, kind, refunded(kind, 1250), 3).delivered
        assert tell(there, kind, refunded(kind, 500, "r2"), 2).delivered
        assert tell(there, kind, refunded(kind, 1250)).delivered
        assert [amount for amount, _ in there.refunds] == [Decimal("12.50"), Decimal("5.00")]
        assert "broken [r1/1]" in there.refunds[0][1]


@pytest.mark.parametrize("kind", PAYING)
def test_no_more_is_paid_back_than_the_shop_still_has(kind: str) -> None:
    with FAKES[kind]() as there:
        for number, amount in enumerate((2000, 1500, 700)):
            assert tell(there, kind, refunded(kind, amount, f"r{number}"), 2).delivered
        assert [amount for amount, _ in there.refunds] == [20, 10]


@pytest.mark.parametrize("kind", PAYING)
@pytest.mark.parametrize("event", ["refund", "cancellation", "shipment"])
def test_faults_and_lost_answers_at_any_request_pay_ship_and_cancel_once(
    kind: str, event: str
) -> None:
    events = {
        "refund": refunded(kind, 1250),
        "cancellation": cancelled(kind),
        "shipment": shipped(kind, ("1", 2), ("2", 1), status="shipped"),
    }
    with FAKES[kind]() as there:
        assert tell(there, kind, events[event]).delivered
        requests = len(there.requests)
        wanted = there.back, there.left, there.cancelled
    for number in range(requests):
        for trouble in (500, 429, None, "late"):
            with FAKES[kind]() as there:
                if trouble == "late":
                    there.late = frozenset({number})
                else:
                    there.troubles = {number: trouble}  # type: ignore[dict-item]
                answers = [tell(there, kind, events[event]) for _ in range(3)]
                assert answers[-1].delivered
                if trouble == 429:
                    assert answers[0].retry_after_seconds == pytest.approx(0.05)
                assert (there.back, there.left, min(1, there.cancelled)) == (
                    wanted[0],
                    wanted[1],
                    min(1, wanted[2]),
                )


@pytest.mark.parametrize("kind", ["amazon", "ebay", "walmart", "commercetools", "saleor"])
def test_faults_and_lost_answers_at_a_marketplace_ship_and_cancel_once(kind: str) -> None:
    for event in (shipped(kind, ("1", 1)), cancelled(kind)):
        for number in range(6):
            for late in (True, False):
                with FAKES[kind]() as there:
                    there.late = frozenset({number} if late else ())
                    there.troubles = {} if late else {number: 503}
                    assert [tell(there, kind, event) for _ in range(7)][-1].delivered
                    told = len(there.shipped), there.cancelled
                    assert told == ((1, 0) if isinstance(event, OrderShipped) else (0, 1))


def test_an_order_that_was_refused_here_is_cancelled_there_where_that_is_wanted() -> None:
    text = (
        '[[subscription]]\nname = "de"\nkind = "square"\nurl = "https://shop.example"\n'
        'secret_variable = "TOKEN"\n'
    )
    refused = OrderRefused("square-7", "", "no_stock", 1)
    [without] = check(text, Path("."), {"TOKEN": "a"}).subscriptions
    [wanted] = check(text + "cancel_refused = true\n", Path("."), {"TOKEN": "a"}).subscriptions
    assert (without.wants(refused), wanted.wants(refused)) == (False, True)
    with Square() as there:
        assert tell(there, "square", refused, 2).delivered
        assert (there.cancelled, there.back) == (1, Decimal("30.00"))


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_money_that_our_gateway_took_is_our_gateways_to_give_back(kind: str) -> None:
    with FAKES[kind]() as there:
        assert tell(there, kind, refunded(kind, 500, method="card")).delivered
        assert there.requests == []


def test_what_a_payment_lets_go_beyond_a_lower_total_goes_back_and_no_other_void_does() -> None:
    def voided(reason: str, amount: int = 500, by: str = "channel") -> Record:
        return PaymentVoided("shopify-7", by, amount, "EUR", reason, 5, "1")

    back = money_back(voided("surplus"))
    assert back is not None
    assert (back.mark, back.amount_minor) == ("surplus/1/5", 500)
    assert money_back(voided("final_capture")) is not None
    for other in (voided("cancelled"), voided("surplus", 0), voided("surplus", 5, "auth-1")):
        assert money_back(other) is None
    with Shopify() as there:
        assert tell(there, "shopify", voided("surplus"), 2).delivered
        assert there.back == Decimal("5.00")


def test_the_payments_room_lets_go_for_the_reasons_that_are_known_here() -> None:
    assert {voids.SURPLUS, voids.CLOSED} == NOT_NEEDED
    assert model.CHANNEL == AT_CHANNEL


def test_shopify_pays_back_the_latest_payment_first_and_in_the_customers_currency() -> None:
    with Shopify(shown_in="USD", rate=Decimal("1.25")) as there:
        assert tell(there, "shopify", refunded("shopify", 2200), 2).delivered
        assert there.given == [("T2", Decimal("20.00")), ("T1", Decimal("2.00"))]


def test_shopify_pays_nothing_back_that_it_did_not_take() -> None:
    with Shopify(paid=False) as there:
        assert tell(there, "shopify", refunded("shopify", 2200)).delivered
        assert there.refunds == []


def test_woocommerce_notes_what_its_gateway_cannot_pay_back() -> None:
    with WooCommerce(supports=("products",)) as there:
        assert tell(there, "woocommerce", refunded("woocommerce", 2200), 2).delivered
        assert there.by_gateway == [False]
        assert "by hand" in there.refunds[0][1]


def test_magento_pays_back_by_the_gateway_of_the_invoice() -> None:
    with Magento() as there:
        assert tell(there, "magento", refunded("magento", 2200)).delivered
        assert there.online == [True]


class _Message:
    """As Kafka gives it."""

    def topic(self) -> str:
        return "orders.events"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 4

    def timestamp(self) -> tuple[int, int]:
        return 1, 1


@pytest.mark.parametrize(("status", "attempts"), [(422, SET_ASIDE_ATTEMPTS), (500, 100)])
def test_what_a_shop_refuses_is_set_aside_and_what_fails_is_not(status: int, attempts: int) -> None:
    written: list[WebhookAttempted | WebhookSwitched] = []
    stop = threading.Event()

    def write(record: WebhookAttempted | WebhookSwitched) -> None:
        written.append(record)
        if isinstance(record, WebhookSwitched):
            stop.set()

    with _Odd() as there:
        there.status, there.body = status, b"{}"
        subscription = Subscription("s", there.url, (), frozenset(), False, kind="shopify")
        sender = Sender(
            "127.0.0.1:1",
            subscription,
            write,
            lambda _: True,
            receiver=shop(there.url, "shopify"),
            pause=lambda _attempt, _answer: 0.0,
        )
        event = shipped("shopify", ("1", 1))
        taken = sender._deliver(cast("Message", _Message()), event, stop)
    tried = [one for one in written if isinstance(one, WebhookAttempted)]
    assert (taken, len(tried)) == (status == 422, attempts)
    assert stop.is_set() is (status == 500)


class _Odd(Loopback):
    """Answers everything with the same."""

    body = b""
    status = 200

    def reply(self, asked: Asked) -> Reply:
        """See Loopback."""
        if "token" in asked.place:
            return Reply(200, b'{"access_token": "t", "expires_in": 900}')
        return Reply(self.status, self.body)


@pytest.mark.parametrize("kind", sorted(FAKES))
@pytest.mark.parametrize(
    "odd", [b"{", b"7", b'{"fulfillment_orders": [7]}', b"[[]]", b'{"order": 7, "data": 7}']
)
def test_an_odd_answer_is_a_failure_and_no_traceback(kind: str, odd: bytes) -> None:
    with _Odd() as there:
        there.body = odd
        for event in (shipped(kind, ("1", 1), number=""), shipped(kind, ("1", 1))):
            assert not tell(there, kind, event).delivered
        assert not tell(there, kind, cancelled(kind)).delivered
        if kind in PAYING:
            assert not tell(there, kind, refunded(kind, 5)).delivered


@pytest.mark.parametrize("kind", sorted(FAKES))
def test_a_refusal_is_a_failure_with_its_status(kind: str) -> None:
    with _Odd() as there:
        there.status, there.body = 422, b'{"message": "Ada Lovelace, Berlin"}'
        answer = tell(there, kind, shipped(kind, ("1", 1)))
        assert (answer.status, answer.delivered) == (422, False)
        assert "Ada" not in answer.reason


def test_a_shop_takes_only_its_own_orders_and_what_it_can_be_told() -> None:
    text = (
        '[[subscription]]\nname = "de"\nkind = "shopify"\nurl = "https://shop.example"\n'
        'secret_variable = "TOKEN"\n'
    )
    [one] = check(text, Path("."), {"TOKEN": "secret"}).subscriptions
    assert one.wants(shipped("shopify", ("1", 1)))
    assert one.wants(refunded("shopify", 1))
    assert not one.wants(shipped("woocommerce", ("1", 1)))
    assert not one.wants(OrderReleased("shopify-7", 1, 1))
    assert "secret" not in repr(one).replace("secret_", "")
    wrong = check(text, Path("."), {"TOKEN": "a\nb"})
    assert "has 2 lines; it needs 1" in wrong.problems[0].message


@pytest.mark.parametrize("kind", sorted(SHOPS))
def test_every_kind_of_shop_is_read_from_a_file(kind: str) -> None:
    lines = "\n".join("abc"[: SHOPS[kind].secret_lines])
    text = (
        f'[[subscription]]\nname = "de"\nkind = "{kind}"\nurl = "https://shop.example"\n'
        'secret_variable = "TOKEN"\n'
    )
    account = 'account = "A1/B2"\n' if SHOPS[kind].account else ""
    if SHOPS[kind].needs_token_url:
        text += 'token_url = "https://auth.example/token"\n'
    [one] = check(text + account, Path("."), {"TOKEN": lines}).subscriptions
    assert (one.kind, one.account) == (kind, "A1/B2" if account else "")
    if account:
        missing = check(text, Path("."), {"TOKEN": lines})
        assert "account is missing" in missing.problems[0].message
    if SHOPS[kind].two_parts:
        half = check(text + 'account = "A1"\n', Path("."), {"TOKEN": lines})
        assert "is not the seller's id" in half.problems[0].message
