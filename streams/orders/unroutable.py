"""What becomes of an order for which the rules of routing know no location, no stock or no way.

Fulfillment knows the rules and is asked only when something is missing, so that an order that is
served costs nothing more. What the rules have wait for a person waits with a hold of kind routing:
backordered while stock or a location is missing, so that both still find it; ready, with its stock
and its money, while they do not allow its shipments. A person who ends the first one has it tried
again, and who ends the second one lets it go as it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas.fulfillment import DecideShortage, LineTerms, RankLocations
from schemas.messages import Send
from schemas.orders import Hold, OrderState, RecordSourcingFailure, Refusal, Status
from schemas.policies import HoldKind, Then
from schemas.routing import Otherwise, RecordUnrouted
from schemas.topics import FULFILLMENT_COMMANDS
from streams.orders import ending, holds, shipment, sourcing, terms
from streams.orders.ending import Changed
from streams.orders.model import RESERVATION_HOLD_MS, after

ACTOR = "routing"
RESERVED = "reserved"
"""reason of the end of a hold whose order has found its stock"""


def ask(state: OrderState) -> Changed:
    """Have the rules decide about an order of which some lines have no stock."""
    wanted = sourcing.rank(state).record
    assert isinstance(wanted, RankLocations)
    missing = [line.line_id for line in state.lines if not line.location_id]
    question = DecideShortage(state.order_id, wanted, missing)
    return replace(state, ruled=False), [Send(FULFILLMENT_COMMANDS, state.order_id, question)]


def waits(state: OrderState, reply: RecordSourcingFailure, now_ms: int) -> Changed:
    """The order as it begins to wait, or goes on waiting, with its hold where a person is to look
    at it. A rule that speaks of a time counts from the first wait."""
    until_ms = state.waits_until_ms
    if not until_ms and reply.cancel_after_ms:
        until_ms = now_ms + reply.cancel_after_ms
    state = replace(state, backorder=True, waits_until_ms=until_ms)
    if reply.otherwise != Otherwise.QUEUE or any(map(_is_of_stock, state.holds)):
        return state, []
    hold_id = f"{HoldKind.ROUTING}/{state.attempt}"
    return holds.held(state, _hold(hold_id, reply, until_ms, now_ms))


def served(state: OrderState, now_ms: int) -> Changed:
    """The order has its stock: it waits for nobody any more."""
    over = [one for one in state.holds if _is_of_stock(one)]
    return holds.ended(replace(state, waits_until_ms=0), over, RESERVED, ACTOR, now_ms)


def record(state: OrderState, reply: RecordUnrouted, now_ms: int) -> Changed:
    """The rules do not allow the shipments of a reserved and paid order, or ask more of it."""
    if state.status != Status.ROUTING:
        return state, []
    if reply.terms_wanted:
        asked = replace(state, wake_at_ms=now_ms + RESERVATION_HOLD_MS)
        return asked, [shipment.route_order(state, _terms(state))]
    ready = replace(state, status=after(state.status, RecordUnrouted), wake_at_ms=0)
    if reply.otherwise == Otherwise.CANCEL:
        by = f", {reply.rule}" if reply.rule else ""
        reason = f"{HoldKind.ROUTING}{by}: {reply.detail}"
        return ending.cancelled(ready, reason, now_ms, ACTOR)
    until_ms = now_ms + reply.cancel_after_ms if reply.cancel_after_ms else 0
    hold_id = f"{shipment.SHIPMENTS_HOLD}{state.sequence}"
    return holds.held(ready, _hold(hold_id, reply, until_ms, now_ms))


def refused(state: OrderState, rule: str, now_ms: int) -> Changed:
    """The rules say that it is not to wait."""
    return ending.refused(state, state.refused_line, Refusal.ROUTING, now_ms, rule)


def _hold(
    hold_id: str, reply: RecordSourcingFailure | RecordUnrouted, until_ms: int, now_ms: int
) -> Hold:
    return Hold(
        hold_id, HoldKind.ROUTING, reply.rule, until_ms, Then.CANCEL if until_ms else "",
        reply.detail, ACTOR, now_ms, 0,
    )  # fmt: skip


def _is_of_stock(hold: Hold) -> bool:
    """Whether routing made it, for want of stock or of a location."""
    mine = hold.kind == HoldKind.ROUTING and hold.actor == ACTOR
    return mine and not hold.hold_id.startswith(shipment.SHIPMENTS_HOLD)


def _terms(state: OrderState) -> list[LineTerms]:
    """What rules about shipments ask of the lines."""
    order = terms.of(state)
    values, kits = terms.values(order), terms.kits(order)
    return [
        LineTerms(line.line_id, values.get(line.line_id, 0), kits.get(line.line_id, ""))
        for line in state.lines
    ]
