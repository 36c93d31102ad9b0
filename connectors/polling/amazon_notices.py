"""Source: Amazon's notifications of changed orders, out of the queue that it puts them into.

A notification ORDER_CHANGE names an order and tells neither prices nor address, so that the order
is fetched, in version 2026-01-01. This makes orders known within seconds, where searching them may
be done once in some minutes; it runs beside the search (amazon.py), which is the net below it: what
a queue loses or Amazon shows late is found there, and an order that both tell is one.

Nothing is lost or told twice: a message is deleted from the queue once the order is durable. Which
are due stands in the cursor that is written with the orders, as at Walmart. After a crash before
that they are visible again, after a crash behind it they are deleted. What the queue delivers once
more is known by the order's moment.

Source: Selling Partner API, "Set up notifications using the Amazon Simple Queue Service workflow",
ORDER_CHANGE; Amazon SQS API Reference, ReceiveMessage, DeleteMessageBatch, AWS JSON protocol.
"""

from __future__ import annotations

import logging
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from connectors.polling import seam
from connectors.polling.amazon import V2026, included
from connectors.polling.fetching import Fetcher, read_as
from connectors.polling.seam import Place, Reader, Told
from connectors.polling.selling_partner import Account, SellingPartner
from connectors.polling.sigv4 import Keys, Scope, signed
from connectors.polling.source import Page, SourceError, Unwanted

log = logging.getLogger("millrace.poller")
BATCH = 10
"""The most that SQS gives or deletes at once."""
WAIT_SECONDS = 10
"""How long SQS holds a request until there is a message; it allows 20."""
PAUSE_SECONDS = 1.0
"""Where it does not hold it."""
HIDDEN_SECONDS = 300
"""For which what we have received is hidden from others: ten orders take twenty."""
TYPES = "application/x-amz-json-1.0"


class Queue(NamedTuple):
    """Where Amazon's notifications arrive."""

    url: str
    """e.g. https://sqs.eu-west-1.amazonaws.com/123456789012/orders"""
    region: str
    keys: Keys


class _Message(msgspec.Struct):
    ReceiptHandle: str
    Body: str


class _Received(msgspec.Struct):
    Messages: list[_Message] | None = None


class _Deleted(msgspec.Struct):
    Failed: list[Any] | None = None


class _Fetched(msgspec.Struct):
    order: msgspec.Raw


@dataclass
class _Batch:
    """What was received and is being fetched, for one cursor."""

    cursor: str = ""
    receipts: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)
    """of the orders, each once"""
    orders: dict[str, Told | None] = field(default_factory=dict)
    """None where Amazon knows no such order"""


class AmazonNotices(Reader):
    """Every order that Amazon notifies of."""

    channel = "amazon"

    def __init__(
        self,
        name: str,
        account: Account,
        queue: Queue,
        *,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of the account, the marketplaces do not count: the subscription has them."""
        self.name = name
        self._queue = queue
        self._clock_ms = clock_ms
        self._included = {"includedData": included(account.elements)}
        self._partner = SellingPartner(account, clock)
        # SQS holds a request longer than other answers take.
        self._fetcher = Fetcher({}, timeout_seconds=WAIT_SECONDS + 20.0)
        self._batch = _Batch()

    def page(self, cursor: str) -> Page:
        """See Source."""
        place = seam.read(cursor)
        if place.due:
            self._delete(place.due)
            return Page([], seam.written(replace(place, due=())), True)
        if self._batch.cursor != cursor:
            self._batch = self._received(cursor)
        batch = self._batch
        for number in batch.numbers:
            if number not in batch.orders:
                batch.orders[number] = self._order(number)
        self._batch = _Batch()
        if not batch.receipts:
            return Page([], cursor, True, PAUSE_SECONDS)
        return self._turned(place, batch)

    def _turned(self, place: Place, batch: _Batch) -> Page:
        orders = [order for order in batch.orders.values() if order is not None]
        moments = [order.changed for order in orders if order.changed is not None]
        latest = max([datetime.fromisoformat(place.latest or place.since), *moments])
        # Not by time: the queue may deliver a message again days later, within these bounds.
        seen = dict.fromkeys([*place.seen, *(order.mark for order in orders)])
        after = replace(
            place,
            latest=seam.moment(latest),
            seen=tuple(seen)[-seam.MAXIMUM_SEEN :],
            due=tuple(batch.receipts),
        )
        return Page(self._written(seam.fresh(place, orders)), seam.written(after), True)

    def _payloads(self, orders: list[Told]) -> list[bytes]:
        return seam.listed(b'{"orders":[', orders, b"]}")

    def _order(self, number: str) -> Told | None:
        path = f"/orders/{V2026}/orders/{urllib.parse.quote(number, safe='')}"
        try:
            answer = self._partner.get("getOrder", path, self._included)
        except Unwanted as error:
            # One order must not stop the channel, and the search finds it where it can be found.
            log.warning("%s: answered %d to an order it told of", self.name, error.status)
            return None
        raw = read_as(answer.body, _Fetched).order
        return seam.told(raw, "orderId", lambda order: order.get("lastUpdatedTime"))

    def _received(self, cursor: str) -> _Batch:
        """Up to ten messages. What is no notification of an order's change is deleted with them."""
        asked = {
            "QueueUrl": self._queue.url,
            "MaxNumberOfMessages": BATCH,
            "WaitTimeSeconds": WAIT_SECONDS,
            "VisibilityTimeout": HIDDEN_SECONDS,
        }
        received = read_as(self._ask("ReceiveMessage", asked), _Received)
        batch = _Batch(cursor)
        for message in received.Messages or ():
            batch.receipts.append(message.ReceiptHandle)
            number = _number(message.Body)
            if number and number not in batch.numbers:
                batch.numbers.append(number)
        return batch

    def _delete(self, receipts: tuple[str, ...]) -> None:
        entries = [
            {"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(receipts)
        ]
        try:
            content = {"QueueUrl": self._queue.url, "Entries": entries}
            body = self._ask("DeleteMessageBatch", content)
            failed = len(read_as(body, _Deleted).Failed or ())
        except Unwanted:
            failed = len(receipts)
        if failed:
            # They come again, are known, and are deleted then.
            log.warning("%s: %d messages could not be deleted", self.name, failed)

    def _ask(self, operation: str, content: dict[str, Any]) -> bytes:
        """Raises SourceError."""
        parts = urllib.parse.urlsplit(self._queue.url)
        address = f"{parts.scheme}://{parts.netloc}/"
        body = msgspec.json.encode(content)
        headers = signed(
            "POST",
            address,
            {"Content-Type": TYPES, "X-Amz-Target": f"AmazonSQS.{operation}"},
            body,
            self._queue.keys,
            Scope(self._queue.region, "sqs"),
            datetime.fromtimestamp(self._clock_ms() / 1000, UTC),
        )
        return self._fetcher.post(address, body, headers).body


def _number(body: str) -> str:
    """The order that a notification tells of; empty where it tells of none."""
    try:
        told = read_as(body.encode(errors="replace"), dict[str, Any])
    except SourceError:
        return ""
    # EventBridge puts the notification in its own envelope.
    inner = told.get("detail")
    notice = inner if isinstance(inner, dict) else told
    payload = notice.get("Payload") or notice.get("payload")
    change = payload.get("OrderChangeNotification") if isinstance(payload, dict) else None
    number = change.get("AmazonOrderId") if isinstance(change, dict) else None
    return number.strip() if isinstance(number, str) else ""
