"""Shops are told of shipments and cancellations once, however often the event is delivered."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.webhooks.posting import Receiver
from connectors.webhooks.shops import receiver_of
from connectors.webhooks.subscriptions import Subscription
from deploy.webhooks import check
from schemas.orders import OrderCancelled, OrderReleased, OrderShipped, ShippedLine

HOST = "127.0.0.1"


@dataclass
class Books:
    """What a shop knows of its one order, 7, with two lines, and what it was asked."""

    left: dict[str, int] = field(default_factory=lambda: {"1": 2, "2": 1})
    notes: list[str] = field(default_factory=list)
    status: str = "processing"
    cancelled: bool = False
    written: list[tuple[str, Any]] = field(default_factory=list)
    odd: bytes | None = None
    """what every request is answered with instead"""
    fails: int = 0
    """the status of every answer, where it is not 0"""

    def answer(self, method: str, path: str, content: Any) -> Any:
        if method != "GET":
            self.written.append((path, content))
        if path.endswith("/fulfillment_orders.json"):
            items = [
                {"id": int(line) * 10, "line_item_id": int(line), "fulfillable_quantity": left}
                for line, left in self.left.items()
            ]
            return {"fulfillment_orders": [{"id": 5, "line_items": items}]}
        if path.endswith("/fulfillments.json"):
            for part in content["fulfillment"]["line_items_by_fulfillment_order"]:
                for item in part["fulfillment_order_line_items"]:
                    self.left[str(item["id"] // 10)] -= item["quantity"]
            return {"fulfillment": {}}
        if path.endswith("/cancel.json"):
            self.cancelled = True
            return {"order": {}}
        if path.endswith("/notes"):
            if method == "POST":
                self.notes.append(content["note"])
            return [{"note": note} for note in self.notes]
        if method == "PUT":
            self.status = content["status"]
        return {"order": {"id": 7, "cancelled_at": "now" if self.cancelled else None}}


@contextmanager
def open_shop(books: Books) -> Iterator[str]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length)) if length else None
            told = books.answer(self.command, self.path.partition("?")[0], content)
            body = books.odd if books.odd is not None else json.dumps(told).encode()
            self.send_response(books.fails or 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = _take

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer((HOST, 0), Requests)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shop(url: str, kind: str) -> Receiver:
    secret = "token" if kind == "shopify" else "key\nsecret"
    found = receiver_of(
        Subscription("s", url, (), frozenset(), False, channel=kind, kind=kind, secret=secret)
    )
    assert found is not None
    return found


def shipped(kind: str, *lines: tuple[str, int], status: str = "partly_shipped") -> OrderShipped:
    pieces = [ShippedLine(*line) for line in lines]
    return OrderShipped(f"{kind}-7", "s1", pieces, "berlin", "DHL", "T1", status, "EUR", 1, "", 1)


def test_shopify_is_told_of_a_shipment_once() -> None:
    books = Books()
    with open_shop(books) as url:
        there = shop(url, "shopify")
        event = shipped("shopify", ("1", 2))
        assert all(there.deliver("m", event, 0).delivered for _ in range(3))
        there.close()
    [(path, content)] = books.written
    assert path.endswith("/fulfillments.json")
    told = content["fulfillment"]
    assert told["tracking_info"] == {"number": "T1", "company": "DHL"}
    [part] = told["line_items_by_fulfillment_order"]
    assert part["fulfillment_order_line_items"] == [{"id": 10, "quantity": 2}]
    assert books.left == {"1": 0, "2": 1}


def test_shopify_is_told_of_a_cancellation_once() -> None:
    books = Books()
    with open_shop(books) as url:
        there = shop(url, "shopify")
        event = OrderCancelled("shopify-7", "why", 1)
        assert all(there.deliver("m", event, 0).delivered for _ in range(2))
        there.close()
    assert len(books.written) == 1


def test_woocommerce_is_told_by_a_note_and_completed_with_the_last_piece() -> None:
    books = Books()
    with open_shop(books) as url:
        there = shop(url, "woocommerce")
        for status in ("partly_shipped", "partly_shipped", "shipped"):
            event = shipped("woocommerce", ("1", 1), status=status)
            assert there.deliver("m", event, 0).delivered
        there.close()
    assert books.notes == ["Shipped with DHL T1 [s1]"]
    assert books.status == "completed"


def test_woocommerce_is_told_of_a_cancellation() -> None:
    books = Books()
    with open_shop(books) as url:
        there = shop(url, "woocommerce")
        assert there.deliver("m", OrderCancelled("woocommerce-7", "why", 1), 0).delivered
        there.close()
    assert books.status == "cancelled"


@pytest.mark.parametrize("kind", ["shopify", "woocommerce"])
@pytest.mark.parametrize("odd", [b"", b"{", b"7", b'{"fulfillment_orders": [7]}', b"[[]]"])
def test_an_odd_answer_is_a_failure_and_no_traceback(kind: str, odd: bytes) -> None:
    books = Books(odd=odd)
    with open_shop(books) as url:
        there = shop(url, kind)
        answer = there.deliver("m", shipped(kind, ("1", 1)), 0)
        there.close()
    assert not answer.delivered
    assert books.written == []


@pytest.mark.parametrize("kind", ["shopify", "woocommerce"])
def test_a_refusal_is_a_failure_with_its_status(kind: str) -> None:
    books = Books(fails=422)
    with open_shop(books) as url:
        there = shop(url, kind)
        answer = there.deliver("m", shipped("shopify", ("1", 1)), 0)
        there.close()
    assert (answer.status, answer.delivered) == (422, False)


def test_a_shop_takes_only_its_own_orders_and_what_it_can_be_told() -> None:
    text = (
        '[[subscription]]\nname = "de"\nkind = "shopify"\nurl = "https://shop.example"\n'
        'secret_variable = "TOKEN"\n'
    )
    [one] = check(text, Path("."), {"TOKEN": "secret"}).subscriptions
    assert one.wants(shipped("shopify", ("1", 1)))
    assert not one.wants(shipped("woocommerce", ("1", 1)))
    assert not one.wants(OrderReleased("shopify-7", 1, 1))
    assert "secret" not in repr(one).replace("secret_", "")
    wrong = check(text, Path("."), {"TOKEN": "a\nb"})
    assert "has 2 lines; it needs 1" in wrong.problems[0].message
