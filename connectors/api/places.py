"""What of a request reaches Kafka: orders as payloads of the `json` channel, changes as commands.

Guarantee: what returns is on every in-sync replica; anything else may be sent again. Idempotency
key: of an order its id, external_id and version, of an amendment its id: the orders room answers
the same content as before, and refuses other content as a conflict.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from connectors.api.forms import AmendForm, CancelForm
from connectors.channels.generic import GenericJson
from connectors.channels.mapping import Mapping, Rejected
from connectors.channels.publisher import Full, OnDone, Undelivered, new_raw_id
from connectors.http_api import Fault, Problem, pointer
from connectors.sending import Sender, Unsent
from schemas import identifiers, money
from schemas.channels import RawPayload
from schemas.messages import Send
from schemas.orders import AmendOrder, CancelOrder, LineQuantity, OrderLine, PlaceOrder
from schemas.topics import ORDERS_COMMANDS

MAXIMUM_AT_ONCE = 64 * 1024
"""A larger body is encrypted in another thread than the one that serves."""
JSON = GenericJson()


class Publisher(Protocol):
    """What this module needs of connectors.channels.publisher."""

    def publish(self, raw: RawPayload, on_done: OnDone) -> None:
        """Send; `on_done` may be called in any thread. Raises Full or Undelivered."""

    def ready(self) -> bool:
        """Kafka answers. May block."""


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def read(body: bytes, channel: Mapping = JSON) -> PlaceOrder:
    """The one order of a body. Raises Problem: 400 for no JSON, 422 for what is no order."""
    results = channel.orders(body, "", "", now_ms())
    if len(results) != 1:
        raise Problem(422, "the body must be one order", [Fault("holds several orders")])
    result = results[0]
    if isinstance(result, Rejected):
        if result.reason == "unreadable":
            raise Problem(400, result.detail, [fault(result)])
        raise Problem(422, result.detail, [fault(result)], kind="not_taken")
    if not isinstance(result, PlaceOrder):
        why = "cancels; POST /v1/orders/{order_id}/cancel does that"
        raise Problem(422, f"the body {why}", [Fault(why, "/cancelled")], kind="not_taken")
    return result


def fault(rejected: Rejected) -> Fault:
    """What a mapping says, with the field by its pointer."""
    return Fault(rejected.detail, pointer(rejected.field), reason=rejected.reason)


async def publish(publisher: Publisher, channel: str, body: bytes, source: str = "api") -> str:
    """Put a payload on channels.raw; the raw_id that it got. Raises Problem: 503."""
    raw = RawPayload(new_raw_id(), channel, source, "", now_ms(), body)
    loop = asyncio.get_running_loop()
    delivered: asyncio.Future[Exception | None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if not delivered.done():
            delivered.set_result(error)

    try:
        call = partial(publisher.publish, raw, partial(_in_loop, loop, settle))
        await (asyncio.to_thread(call) if len(body) > MAXIMUM_AT_ONCE else _called(call))
        failure = await delivered
    except (Full, Undelivered) as error:
        failure = error
    if failure is not None:
        raise Problem(503, "Kafka does not take it now; send it again")
    return raw.raw_id


async def _called(call: Callable[[], None]) -> None:
    call()


def _in_loop(
    loop: asyncio.AbstractEventLoop,
    settle: Callable[[Exception | None], None],
    error: Exception | None,
) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(settle, error)


async def send(sender: Sender, order_id: str, command: CancelOrder | AmendOrder) -> None:
    """Put a command on the inbox of the orders room. Raises Problem: 503."""
    try:
        await sender.send([Send(ORDERS_COMMANDS, order_id, command)])
    except Unsent:
        raise Problem(503, "Kafka does not take it now; send it again") from None


def order_id(text: str) -> str:
    """An order's id out of a path. Raises Problem: 400."""
    try:
        if identifiers.checked(text, "order_id") == text and text.encode():
            return text
        why = "has blanks around it"
    except identifiers.InvalidIdentifier as error:
        why = str(error).partition(": ")[2]
    except UnicodeEncodeError:
        why = "has half of a character in it"
    raise Problem(400, f"order_id {why}", [Fault(why, parameter="order_id")])


def cancellation(order: str, form: CancelForm, actor: str) -> CancelOrder:
    """The command that a form asks for."""
    return CancelOrder(order, form.reason, now_ms(), list(form.line_ids), actor)


def amendment(order: str, form: AmendForm, amendment_id: str, actor: str) -> AmendOrder:
    """The command that a form asks for. Raises Problem: 422."""
    if not (form.add or form.remove or form.quantities or form.shipping_method or form.shipping):
        raise Problem(422, "the body changes nothing", [Fault("changes nothing")])
    if form.currency and form.currency not in money.EXPONENTS:
        raise _no_currency()
    return AmendOrder(
        order_id=order,
        amendment_id=amendment_id,
        base_revision=form.revision,
        add=[
            OrderLine(
                line_id=f"{amendment_id[:8]}-{number + 1}",
                sku=_identifier(line.sku, f"/add/{number}/sku"),
                quantity=line.quantity,
                unit_price_minor=_amount(
                    line.unit_price, form.currency, f"/add/{number}/unit_price"
                ),
                title=line.title,
            )
            for number, line in enumerate(form.add)
        ],
        remove=list(form.remove),
        quantities=[LineQuantity(each.line_id, each.quantity) for each in form.quantities],
        ship_to=[],
        shipping_method=form.shipping_method,
        shipping_minor=_amount(form.shipping, form.currency, "/shipping") if form.shipping else -1,
        tenders=[],
        reason=form.reason,
        actor=actor,
        requested_at_ms=now_ms(),
        currency=form.currency,
    )


def _identifier(text: str, at: str) -> str:
    try:
        return identifiers.checked(text, at.rpartition("/")[2])
    except identifiers.InvalidIdentifier as error:
        raise Problem(422, "the body cannot be taken", [Fault(str(error), at)]) from None


def _amount(text: str, currency: str, at: str) -> int:
    """Minor units, 0 or more."""
    if currency not in money.EXPONENTS:
        raise _no_currency()
    name = at.rpartition("/")[2]
    try:
        if not text.isascii() or len(text) > 30:
            raise money.InvalidMoney(f"{name}: is no amount, such as 19.99")
        minor = money.minor(text, currency, name)
    except money.InvalidMoney as error:
        raise Problem(422, "the body cannot be taken", [Fault(str(error), at)]) from None
    if minor < 0:
        raise Problem(422, "the body cannot be taken", [Fault(f"{name}: is below 0", at)])
    return minor


def _no_currency() -> Problem:
    why = "is not an ISO 4217 currency, which amounts need"
    return Problem(422, f"currency {why}", [Fault(why, "/currency")])
