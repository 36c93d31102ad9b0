"""What every shop shares that is told of its own orders by its own API.

Guarantee: at least once, as the sender delivers. Idempotency: before anything is written the shop
is asked whether it is there already, so that an event that is delivered twice changes nothing; and
where the service has idempotency keys, one that is the event's own goes along. What a shop will
never take, such as an order that it does not know, is tried for an hour or so, and then set aside,
so that it holds up no other; `millrace webhooks attempts --failed` shows it, and `redeliver` sends
it again.
"""

from __future__ import annotations

import hashlib
import urllib.parse
import uuid
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar, NamedTuple

from connectors.channels.mapping import DELETED_AT_CHANNEL
from connectors.json_api import ApiFailed, JsonApi
from connectors.webhooks.posting import Answer
from schemas.money import EXPONENTS
from schemas.orders import (
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderRefused,
    OrderShipped,
)
from schemas.payments import Method, PaymentRefunded, PaymentVoided
from schemas.records import Record

DONE = Answer(200, "")
ODD = Answer(200, "answered with something else than is documented")
NOT_AS_DOCUMENTED = (AttributeError, IndexError, KeyError, TypeError, ValueError, ArithmeticError)
"""What reading an answer of another shape raises."""
SHIPMENTS = frozenset({"OrderShipped", "OrderCancelled"})
LINES = frozenset({"OrderAmended"})
MONEY = frozenset({"PaymentRefunded", "PaymentVoided"})
NOT_NEEDED = frozenset({"surplus", "final_capture"})
"""Why a payment lets go of what it holds beyond a total; when an order is cancelled as a whole, its
cancellation gives everything back."""
AT_CHANNEL = Method.CHANNEL.value


class Back(NamedTuple):
    """Money that the channel took and has to give back."""

    order_id: str
    mark: str
    """unique among all that is given back of the order"""
    amount_minor: int
    currency: str
    reason: str


class Shop(ABC):
    """A shop. See Receiver. Methods raise ApiFailed, and return once the shop has it."""

    channel: ClassVar[str]
    events: ClassVar[frozenset[str]] = SHIPMENTS
    """what it can be told of; and of OrderRefused, which is a cancellation there"""
    _api: JsonApi

    def deliver(self, message_id: str, event: Record, timestamp_ms: int) -> Answer:
        """See Receiver."""
        try:
            self._told(event)
        except ApiFailed as failed:
            wait = failed.retry_after_seconds
            return Answer(failed.status, failed.reason, wait, failed.of_content)
        except NOT_AS_DOCUMENTED:
            return ODD
        return DONE

    def close(self) -> None:
        """See Receiver."""
        self._api.close()

    @abstractmethod
    def shipped(self, event: OrderShipped) -> None:
        """Pieces have left, with their carrier and tracking number."""

    @abstractmethod
    def cancelled(self, event: OrderCancelled) -> None:
        """Nothing of the order will come."""

    def lines_cancelled(self, order_id: str, amendment_id: str, line_ids: list[str]) -> None:
        """These lines will not come. Of shops whose `events` have OrderAmended."""
        raise NotImplementedError(self.channel)

    def placed(self, event: OrderPlaced) -> None:
        """The order is here. Of shops whose `events` have it."""
        raise NotImplementedError(self.channel)

    def gives_back(self, back: Back) -> None:
        """The shop has to pay it back. Of shops whose `events` have MONEY."""
        raise NotImplementedError(self.channel)

    def order(self, order_id: str) -> str:
        """The channel's own id, as a part of a path."""
        return urllib.parse.quote(self.own(order_id), safe="")

    def own(self, order_id: str) -> str:
        """The channel's own id."""
        return order_id.removeprefix(f"{self.channel}-")

    def _told(self, event: Record) -> None:
        if isinstance(event, OrderRefused):
            event = OrderCancelled(event.order_id, event.reason, event.at_ms)
        if type(event).__name__ not in self.events:
            return
        if isinstance(event, OrderShipped):
            self.shipped(event)
        elif isinstance(event, OrderCancelled):
            # What was deleted there is not there any more.
            if event.reason != DELETED_AT_CHANNEL:
                self.cancelled(event)
        elif isinstance(event, OrderAmended):
            if event.removed:
                self.lines_cancelled(event.order_id, event.amendment_id, event.removed)
        elif isinstance(event, OrderPlaced):
            self.placed(event)
        elif (back := money_back(event)) is not None:
            self.gives_back(back)


def money_back(event: Record) -> Back | None:
    """What the channel has to pay back by an event; None for nothing, or for another to pay."""
    if isinstance(event, PaymentRefunded) and event.method == AT_CHANNEL:
        mark = f"{event.refund_id}/{event.part}"
    elif (
        isinstance(event, PaymentVoided)
        and event.authorization_id == AT_CHANNEL
        and event.reason in NOT_NEEDED
    ):
        mark = f"{event.reason}/{event.tender_id}/{event.at_ms}"
    else:
        return None
    if event.amount_minor <= 0:
        return None
    return Back(event.order_id, mark, event.amount_minor, event.currency, event.reason)


def left_to_tell(event: OrderShipped, told: dict[str, int]) -> dict[str, int]:
    """Pieces of the shipment by line, no more than `told` says are still open there."""
    pieces = {line.line_id: line.quantity for line in event.lines}
    capped = {line_id: min(number, told.get(line_id, 0)) for line_id, number in pieces.items()}
    return {line_id: number for line_id, number in capped.items() if number > 0}


def major(amount_minor: int, currency: str) -> str:
    """An amount as APIs write it: 10.50, with the decimals of its currency."""
    exponent = EXPONENTS.get(currency, 2)
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"


def key_of(*words: str) -> str:
    """An idempotency key, the same for the same words: a UUID."""
    digest = hashlib.blake2b("\x1f".join(words).encode(), digest_size=16).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def moment(at_ms: int) -> str:
    """2026-01-31T12:00:00.000Z"""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
