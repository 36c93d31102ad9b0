"""How an order is changed: accepted, asked of stock, then of money, done as a whole or not at all.

Nothing that is held is let go before both have said yes: what is new is reserved beside it, a
greater quantity is reserved in its place, and only when the money is there as well, what is no
longer wanted goes back. An order that holds nothing yet is changed at once.
"""

from __future__ import annotations

from msgspec.structs import replace

from schemas import codec
from schemas.customers import Outcome
from schemas.fulfillment import Destination, LineToSource, RankLocations
from schemas.inventory import ReserveStock
from schemas.messages import Send
from schemas.orders import (
    AmendmentRefused,
    AmendOrder,
    LineKind,
    LineState,
    OrderAmended,
    OrderState,
    PlaceOrder,
    RecordPayment,
    RecordReservation,
    Refusal,
    Status,
)
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS, ORDERS_EVENTS
from streams.orders import changes, ending, paying, sourcing, terms, waiting
from streams.orders.changes import NotPossible
from streams.orders.ending import Changed
from streams.orders.model import (
    AMENDMENT_PATIENCE_MS,
    LINE_REFUSALS,
    RESERVATION_HOLD_MS,
    after,
)
from streams.orders.waiting import Change

GONE = -1
"""`wanted` of a line that is not to be any more"""
AMENDED = "amended"
"""reason of what an amendment gives back"""


def target(state: OrderState, change: Change) -> PlaceOrder:
    """The order as it is to be. Raises NotPossible."""
    now = terms.of(state)
    if isinstance(change, AmendOrder):
        return changes.applied(now, change)
    return changes.merged(now, terms.of_channel(state), change)


def refused(state: OrderState, change: Change, why: NotPossible, now_ms: int) -> Send:
    """Tell that the order stands as before."""
    event = AmendmentRefused(
        state.order_id,
        waiting.name_of(change),
        why.line_id,
        why.reason,
        why.detail,
        waiting.actor_of(change),
        now_ms,
    )
    return Send(ORDERS_EVENTS, state.order_id, event)


def at_once(state: OrderState, change: Change, now_ms: int) -> Changed:
    """Change an order that holds neither stock nor money. One that waits for stock tries again."""
    try:
        wanted = target(state, change)
    except NotPossible as why:
        return state, [refused(state, change, why, now_ms)]
    return _at_once(state, change, wanted, now_ms)


def _at_once(state: OrderState, change: Change, wanted: PlaceOrder, now_ms: int) -> Changed:
    known = {(line.line_id, line.sku): line for line in state.lines}
    lines = []
    for fresh in terms.line_states(wanted):
        old = known.get((fresh.line_id, fresh.sku))
        # A place in the queue stays the line's own only while it is about as many pieces.
        same = old is not None and old.quantity == fresh.quantity
        if old is not None and same and old.pickup_location_id == fresh.pickup_location_id:
            lines.append(replace(known.pop((old.line_id, old.sku)), address=fresh.address))
        else:
            lines.append(fresh)
    sends = [
        ending.release(state.order_id, line, AMENDED)
        for line in known.values()
        if line.location_id or line.waiting
    ]
    amended, more = _amended(replace(state, lines=lines), change, wanted, now_ms)
    if state.status == Status.BACKORDERED:
        amended, again = sourcing.retry(amended, now_ms)
        more += again
    return amended, sends + more


def possible(state: OrderState, now_ms: int) -> Changed:
    """Leave out what cannot be of the changes that are next."""
    sends: list[Send] = []
    while state.amendments:
        change = waiting.first(state)
        try:
            target(state, change)
            break
        except NotPossible as why:
            sends.append(refused(state, change, why, now_ms))
            state = waiting.without_first(state)
    return state, sends


def instead(state: OrderState, now_ms: int) -> Changed:
    """An order that cannot be reserved as it is is changed and tries again, all of it."""
    change = waiting.first(state)
    sends = [
        ending.release(state.order_id, line, AMENDED) for line in state.lines if line.location_id
    ]
    lines = [
        line if line.waiting else ending.unreserved(line, answered=True) for line in state.lines
    ]
    freed = replace(waiting.without_first(state), lines=lines)
    amended, more = _at_once(freed, change, target(state, change), now_ms)
    again, asked = sourcing.retry(amended, now_ms)
    return again, sends + more + asked


def begin(state: OrderState, now_ms: int) -> Changed:
    """Carry out the change that is next on an order that is reserved and paid."""
    change = waiting.first(state)
    try:
        wanted = target(state, change)
        lines = _planned(state, wanted)
    except NotPossible as why:
        return waiting.without_first(state), [refused(state, change, why, now_ms)]
    asked = [line for line in lines if not line.answered]
    state = replace(
        state,
        status=after(state.status, AmendOrder),
        lines=lines,
        refused_line="",
        refused_reason="",
        wake_at_ms=now_ms + AMENDMENT_PATIENCE_MS,
    )
    if not asked:
        return _stocked(state, change, wanted, now_ms)
    state = replace(
        state, attempt=state.attempt + 1, reserved_until_ms=now_ms + RESERVATION_HOLD_MS
    )
    return state, [_rank(state, wanted, asked)]


def _planned(state: OrderState, wanted: PlaceOrder) -> list[LineState]:
    """The lines that there are and those that there are to be. Raises NotPossible."""
    known = {(line.line_id, line.sku): line for line in state.lines}
    lines = []
    for fresh in terms.line_states(wanted):
        old = known.pop((fresh.line_id, fresh.sku), None)
        if old is None:
            lines.append(fresh)
            continue
        if old.pickup_location_id != fresh.pickup_location_id:
            detail = "remove the line and add another one at the other location"
            raise NotPossible(Refusal.NOT_AMENDABLE, old.line_id, detail)
        if old.quantity == fresh.quantity:
            lines.append(replace(old, address=fresh.address))
        else:
            enough = fresh.quantity < old.quantity
            lines.append(
                replace(old, wanted=fresh.quantity, answered=enough, address=fresh.address)
            )
    return lines + [replace(line, wanted=GONE) for line in known.values()]


def _rank(state: OrderState, wanted: PlaceOrder, asked: list[LineState]) -> Send:
    """Have what is new or more reserved; a line that cannot be is not to wait for stock."""
    ship_to = wanted.ship_to
    addresses = {line.address for line in asked}
    command = RankLocations(
        state.order_id,
        state.attempt,
        ship_to.country,
        ship_to.postal_code,
        ship_to.latitude,
        ship_to.longitude,
        [
            LineToSource(
                line.line_id, line.sku, line.wanted or line.quantity, line.address,
                line.pickup_location_id, line.wanted > 0,
            )
            for line in asked
        ],
        state.reserved_until_ms,
        state.channel,
        state.customer_group,
        False,
        state.priority,
        [
            Destination(at, one.country, one.postal_code, one.latitude, one.longitude)
            for at, one in enumerate(wanted.more_addresses, start=1)
            if at in addresses
        ],
        wanted.currency,
        wanted.total_minor,
    )  # fmt: skip
    return Send(FULFILLMENT_COMMANDS, state.order_id, command)


def resized(line: LineState, reply: RecordReservation) -> LineState:
    """The line with the answer to its greater quantity; a refused one stays as it is."""
    if not reply.reserved:
        return replace(line, answered=True, wanted=0)
    return replace(line, answered=True, location_id=reply.location_id, also_at=reply.also_at)


def answered(
    state: OrderState, lines: list[LineState], reply: RecordReservation, now_ms: int
) -> Changed:
    """Inventory has answered for a line of the change."""
    state = replace(state, lines=lines)
    if not reply.reserved and not state.refused_reason:
        reason = LINE_REFUSALS[reply.reason]
        state = replace(state, refused_line=reply.line_id, refused_reason=reason)
    if any(not line.answered for line in lines):
        return state, []
    if state.cancel_reason:
        return ending.cancelled(state, state.cancel_reason, now_ms, state.actor)
    if state.refused_reason:
        why = NotPossible(Refusal(state.refused_reason), state.refused_line)
        return _undone(state, why, now_ms)
    change = waiting.first(state)
    return _stocked(state, change, target(state, change), now_ms)


def not_sourced(state: OrderState, now_ms: int) -> Changed:
    """No location may serve what is new."""
    if state.cancel_reason:
        return ending.cancelled(state, state.cancel_reason, now_ms, state.actor)
    return _undone(state, NotPossible(Refusal.NO_LOCATION), now_ms)


def _stocked(state: OrderState, change: Change, wanted: PlaceOrder, now_ms: int) -> Changed:
    """The stock is there; now the money, where that is another sum or comes another way."""
    before = terms.tenders(terms.of(state))
    tenders = [one for one in terms.tenders(wanted) if one not in before]
    if wanted.total_minor == state.total_minor and not tenders:
        return _done(state, change, wanted, now_ms)
    state, ask = paying.changed(state, wanted.total_minor, tenders)
    return replace(state, wake_at_ms=now_ms + AMENDMENT_PATIENCE_MS), [ask]


def paid(state: OrderState, reply: RecordPayment, now_ms: int) -> Changed:
    """Payments has answered for the new total; while it covers less, it has not answered yet."""
    if any(not line.answered for line in state.lines):
        return state, []
    if not reply.authorized:
        why = NotPossible(Refusal.PAYMENT_DECLINED, "", reply.reason)
        return _undone(state, why, now_ms)
    change = waiting.first(state)
    wanted = target(state, change)
    if reply.amount_minor < wanted.total_minor:
        return state, []
    return _done(state, change, wanted, now_ms)


def _done(state: OrderState, change: Change, wanted: PlaceOrder, now_ms: int) -> Changed:
    """Both have said yes: what is no longer wanted goes back."""
    sends: list[Send] = []
    lines: list[LineState] = []
    attempt = state.attempt
    for line in state.lines:
        if line.wanted == GONE:
            sends.append(ending.release(state.order_id, line, AMENDED))
            continue
        if 0 < line.wanted < line.quantity:
            attempt = state.attempt + 1
            sends.append(_resize(state, line, line.wanted))
        lines.append(replace(line, quantity=line.wanted, wanted=0) if line.wanted else line)
    done = waiting.without_first(replace(state, lines=lines, attempt=attempt, wake_at_ms=0))
    done = replace(done, status=after(state.status, OrderAmended))
    amended, told = _amended(done, change, wanted, now_ms)
    return amended, sends + told


def _undone(state: OrderState, why: NotPossible, now_ms: int) -> Changed:
    """One has said no: what was reserved for the change goes back, and the order is as before."""
    change = waiting.first(state)
    had = {
        (line.line_id, line.sku) for line in terms.of(state).lines if line.kind == LineKind.GOODS
    }
    sends: list[Send] = []
    lines: list[LineState] = []
    attempt = state.attempt
    for line in state.lines:
        if (line.line_id, line.sku) not in had:
            if line.location_id:
                sends.append(ending.release(state.order_id, line, AMENDED))
            continue
        if line.wanted > line.quantity and line.answered:
            attempt = state.attempt + 1
            sends.append(_resize(state, line, line.quantity))
        lines.append(replace(line, wanted=0, answered=True))
    sends.append(refused(state, change, why, now_ms))
    undone = replace(
        state,
        status=after(state.status, AmendmentRefused),
        lines=lines,
        attempt=attempt,
        refused_line="",
        refused_reason="",
        wake_at_ms=0,
    )
    return waiting.without_first(undone), sends


def _resize(state: OrderState, line: LineState, quantity: int) -> Send:
    """Give back the pieces beyond `quantity`, where the line is held."""
    command = ReserveStock(
        state.order_id,
        line.line_id,
        line.sku,
        quantity,
        state.attempt + 1,
        [line.location_id],
        state.reserved_until_ms,
        state.channel,
        state.customer_group,
        held=True,
    )
    return Send(INVENTORY_COMMANDS, line.sku, command)


def _amended(state: OrderState, change: Change, wanted: PlaceOrder, now_ms: int) -> Changed:
    """The order is about what is wanted from now on, and everybody is told."""
    before = terms.of(state)
    state = with_content(state, wanted)
    if isinstance(change, PlaceOrder):
        accepted = waiting.known(state, waiting.AMENDMENT, waiting.name_of(change))
        state = replace(
            state,
            version=change.version,
            content_hash=accepted.content_hash if accepted is not None else state.content_hash,
            channel_content=b"" if wanted == change else codec.encode(change),
        )
    elif not state.channel_content:
        state = replace(state, channel_content=codec.encode(before))
    state = replace(state, revision=state.revision + 1)
    difference = changes.between(before, wanted)
    event = OrderAmended(
        order_id=state.order_id,
        amendment_id=waiting.name_of(change),
        revision=state.revision,
        lines=wanted.lines,
        added=difference.added,
        removed=difference.removed,
        changed=difference.changed,
        also=difference.also,
        currency=state.currency,
        total_minor=wanted.total_minor,
        difference_minor=wanted.total_minor - before.total_minor,
        reason=change.reason if isinstance(change, AmendOrder) else "",
        actor=waiting.actor_of(change),
        at_ms=now_ms,
        discount_minor=wanted.discount_minor,
        shipping_minor=wanted.shipping_minor,
        tax_minor=wanted.tax_minor,
    )
    sends = [Send(ORDERS_EVENTS, state.order_id, event)]
    return state, sends + ending.told(state, Outcome.PLACED, now_ms)


def with_content(state: OrderState, order: PlaceOrder) -> OrderState:
    """The order with what it is about, and what is kept of that for each step."""
    ship_to = order.ship_to
    return replace(
        state,
        content=codec.encode(order),
        total_minor=order.total_minor,
        payment_method=order.payment_method,
        payment_token=order.payment_token,
        paid_minor=order.paid_minor,
        paid_currency=order.paid_currency,
        tenders=order.tenders,
        country=ship_to.country,
        postal_code=ship_to.postal_code,
        latitude=ship_to.latitude,
        longitude=ship_to.longitude,
    )
