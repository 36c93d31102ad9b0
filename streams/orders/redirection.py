"""Where the goods of a released order go: told to fulfillment, and changed while they are there.

A new address stands behind those that the order has, so that what is on its way to the others
keeps its own. Whether a fulfillment order can still be redirected is fulfillment's to decide.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.fulfillment import Destination
from schemas.fulfillment_moves import (
    KitPart,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    RedirectShipment,
)
from schemas.messages import Send
from schemas.orders import OrderAmended, OrderState, PlaceOrder, Refusal, Status
from schemas.topics import FULFILLMENT_COMMANDS, ORDERS_EVENTS
from streams.content import hash_of
from streams.orders import ending, shipment, terms, waiting
from streams.orders.ending import Changed
from streams.orders.model import MAXIMUM_REQUESTS

ADDRESS = "address"
"""what OrderAmended says has changed"""
_UNSEEN = ("key_id", "personal", "requested_at_ms")
"""fields that differ between two sendings of the same wish"""


def where_to(state: OrderState) -> Send:
    """What locations are ranked by; no address once nothing is to leave any more."""
    destinations: list[Destination] = []
    kits: list[KitPart] = []
    if state.status == Status.RELEASED:
        own = Destination(0, state.country, state.postal_code, state.latitude, state.longitude)
        order = terms.of(state)
        further = [_place(order, number) for number in range(1, len(order.more_addresses) + 1)]
        destinations = [own, *further]
        parts = terms.kits(order)
        kits = [
            KitPart(line.line_id, parts[line.line_id])
            for line in state.lines
            if line.line_id in parts
        ]
    reply = RecordWhereTo(
        state.order_id, state.channel, state.customer_group, destinations, state.currency,
        state.total_minor, kits,
    )  # fmt: skip
    return Send(FULFILLMENT_COMMANDS, state.order_id, reply)


def redirect(state: OrderState, command: RedirectShipment, now_ms: int) -> Changed:
    """Have fulfillment send goods to another address, which the order has from now on."""
    content = hash_of(
        [getattr(command, name) for name in command.__struct_fields__ if name not in _UNSEEN]
    )
    known = waiting.known(state, waiting.REDIRECTION, command.redirect_id)
    if known is not None and known.content_hash == content:
        return state, []
    reason, detail = _refusal(state, command, is_known=known is not None)
    if reason is not None:
        refused = ending.command_refused(
            "RedirectShipment", state.order_id, reason, detail, now_ms, command.actor,
            command.redirect_id,
        )  # fmt: skip
        return state, [refused]
    state = waiting.remembered(state, waiting.REDIRECTION, command.redirect_id, content)
    sends: list[Send] = []
    if command.new_address:
        state, sends = _with_address(state, command, now_ms)
    passed_on = RedirectFulfillmentOrder(
        state.order_id, command.fulfillment_order_id, command.address, command.ship_instead,
        command.reason, command.actor, [_place(terms.of(state), command.address)],
    )  # fmt: skip
    return state, [*sends, Send(FULFILLMENT_COMMANDS, state.order_id, passed_on)]


def _place(order: PlaceOrder, number: int) -> Destination:
    """One of the order's addresses, as far as carriers are chosen by it."""
    one = order.more_addresses[number - 1] if number else order.ship_to
    return Destination(number, one.country, one.postal_code, one.latitude, one.longitude)


def _refusal(
    state: OrderState, command: RedirectShipment, *, is_known: bool
) -> tuple[Refusal | None, str]:
    """Why nothing is redirected, in the order of checks; None where fulfillment is asked."""
    if is_known:
        return Refusal.ORDER_CONFLICT, "the redirection was told with other content"
    if state.status in (Status.CANCELLED, Status.REFUSED):
        return Refusal.ALREADY_ENDED, f"the order is {state.status}"
    if state.status != Status.RELEASED:
        return Refusal.NOT_RELEASED, f"the order is {state.status}"
    if not shipment.is_open(state):
        return Refusal.TOO_LATE, "all of it has left"
    if len(state.requests) >= MAXIMUM_REQUESTS:
        return Refusal.TOO_MANY, ""
    if not state.content:
        detail = "it was placed before orders kept their addresses"
        return Refusal.NOT_AMENDABLE, detail
    order = terms.of(state)
    addresses = [order.ship_to, *order.more_addresses]
    if command.new_address:
        if command.address != len(addresses):
            return Refusal.REVISION_CONFLICT, f"the next address has the number {len(addresses)}"
        addresses.append(command.new_address[0])
    if not 0 <= command.address < len(addresses):
        return Refusal.NOT_AMENDABLE, "there is no such address"
    if not addresses[command.address].country:
        return Refusal.NOT_AMENDABLE, "the address has no country"
    return None, ""


def _with_address(state: OrderState, command: RedirectShipment, now_ms: int) -> Changed:
    """The order with one address more, which the world is told of as of any other change of it."""
    before = terms.of(state)
    wanted: PlaceOrder = replace(
        before, more_addresses=[*before.more_addresses, command.new_address[0]]
    )
    if command.personal:
        wanted = replace(
            wanted, key_id=command.key_id, personal=command.personal,
            personal_hash=command.personal_hash,
        )  # fmt: skip
    state = replace(
        state,
        content=codec.encode(wanted),
        channel_content=state.channel_content or codec.encode(before),
        revision=state.revision + 1,
    )
    event = OrderAmended(
        order_id=state.order_id,
        amendment_id=f"{waiting.REDIRECTION}/{command.redirect_id}",
        revision=state.revision,
        lines=[line for line in before.lines if line.line_id not in state.cancelled_lines],
        added=[],
        removed=[],
        changed=[],
        also=[ADDRESS],
        currency=state.currency,
        total_minor=state.total_minor,
        difference_minor=0,
        reason=command.reason,
        actor=command.actor,
        at_ms=now_ms,
        discount_minor=before.discount_minor,
        shipping_minor=before.shipping_minor,
        tax_minor=before.tax_minor,
    )
    return state, [Send(ORDERS_EVENTS, state.order_id, event)]
