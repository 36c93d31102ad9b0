"""What becomes of a paid order: routed, released, shipped, and its money taken as it leaves."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.customers import Outcome
from schemas.fulfillment import Allocation, Destination, LineTerms, RouteOrder
from schemas.fulfillment_work import PackedLine, RecordGoodsLeft, RecordShipmentAnswer
from schemas.inventory import ShipStock
from schemas.messages import Send
from schemas.orders import (
    LineState,
    OrderCommandRefused,
    OrderReleased,
    OrderShipped,
    OrderState,
    RecordRouting,
    RecordShipment,
    Refusal,
    ShippedLine,
    Status,
)
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_COMMANDS, ORDERS_EVENTS
from schemas.totals import part_of
from streams.content import hash_of
from streams.orders import ending, invoicing, paying, sourcing, terms, waiting
from streams.orders.ending import Changed
from streams.orders.model import (
    MAXIMUM_REQUESTS,
    RESERVATION_HOLD_MS,
    LastShipped,
    after,
    goods_after,
)

AT_RELEASE = "release"
"""capture_id of an order of which nothing is shipped"""
PICKUP = "pickup"
"""destination of what the customer fetches"""
SHIPMENTS_HOLD = "routing/shipments/"
"""beginning of the hold_id of an order whose shipments the rules of routing do not allow"""


def route(state: OrderState, now_ms: int) -> Changed:
    """Have a reserved and paid order worked on; one without goods has nothing to be worked on."""
    if state.covered_minor < state.total_minor:
        return ending.refused_payment(state, Refusal.PAYMENT_TOO_SMALL, now_ms)
    if not state.lines:
        released, sends = _released(state, 0, now_ms)
        total = state.total_minor
        captured, more = paying.captured(released, AT_RELEASE, total, final=True)
        billed, bills = invoicing.billed(captured, AT_RELEASE, {}, total, now_ms, final=True)
        return billed, sends + more + bills
    return replace(
        state, status=after(state.status, RouteOrder), wake_at_ms=now_ms + RESERVATION_HOLD_MS
    ), [route_order(state, [])]


def route_order(state: OrderState, line_terms: list[LineTerms]) -> Send:
    """With what the costs of ways depend on: where the lines go to, and whose order it is."""
    allocations = [
        Allocation(
            line.line_id, line.sku, line.quantity, line.location_id, line.also_at,
            _destination(line),
        )
        for line in state.lines
    ]  # fmt: skip
    own = Destination(0, state.country, state.postal_code, state.latitude, state.longitude)
    let_go = f"{waiting.HOLD}/{SHIPMENTS_HOLD}"
    overruled = any([one.request_id.startswith(let_go) for one in state.requests])
    command = RouteOrder(
        state.order_id,
        allocations,
        state.channel,
        state.customer_group,
        [own, *sourcing.destinations(state, state.lines)],
        state.currency,
        state.total_minor,
        line_terms,
        overruled,
        state.dispatch_by_ms,
    )
    return Send(FULFILLMENT_COMMANDS, state.order_id, command)


def _destination(line: LineState) -> str:
    if line.pickup_location_id:
        return PICKUP
    return str(line.address) if line.address else ""


def record_routing(state: OrderState, reply: RecordRouting, now_ms: int) -> Changed:
    """The order has its locations."""
    if state.status != Status.ROUTING:
        return state, []
    return _released(state, reply.shipments, now_ms)


def _released(state: OrderState, shipments: int, now_ms: int) -> Changed:
    released = OrderReleased(state.order_id, shipments, now_ms)
    return replace(state, status=after(state.status, OrderReleased), wake_at_ms=0), [
        Send(ORDERS_EVENTS, state.order_id, released),
        *ending.told(state, Outcome.RELEASED, now_ms),
    ]


def is_open(state: OrderState) -> bool:
    """Whether something is still to be shipped."""
    return any(line.shipped < line.quantity for line in state.lines)


def untouched(state: OrderState) -> bool:
    """Whether there are goods, and none of them has left."""
    return bool(state.lines) and not any(line.shipped for line in state.lines)


def record(state: OrderState, command: RecordShipment, now_ms: int) -> Changed:
    """Goods have left; whose fulfillment order they are is answered."""
    following, sends = _recorded(state, command, now_ms)
    if command.fulfillment_order_id:
        sends = [*sends, answer(command, sends)]
    else:
        sends = [*sends, *_told_by_hand(command, sends)]
    return following, sends


def _told_by_hand(command: RecordShipment, sends: list[Send]) -> list[Send]:
    """Fulfillment is told what has left without it, so that nobody sends it again."""
    return [
        Send(
            FULFILLMENT_COMMANDS,
            command.order_id,
            RecordGoodsLeft(
                command.order_id, command.shipment_id, _together(one.record.lines),
                command.carrier, command.tracking_number,
            ),
        )
        for one in sends
        if isinstance(one.record, OrderShipped)
    ]  # fmt: skip


def _together(lines: list[ShippedLine]) -> list[PackedLine]:
    """A line that is named twice has left with both."""
    pieces: dict[str, int] = {}
    for one in lines:
        pieces[one.line_id] = pieces.get(one.line_id, 0) + one.quantity
    return [PackedLine(*one) for one in pieces.items()]


def answer(command: RecordShipment, sends: list[Send]) -> Send:
    """What fulfillment is told after a shipment that `sends` follow from."""
    reason = next(
        (one.record.reason for one in sends if isinstance(one.record, OrderCommandRefused)), ""
    )
    reply = RecordShipmentAnswer(command.order_id, command.fulfillment_order_id, not reason, reason)
    return Send(FULFILLMENT_COMMANDS, command.order_id, reply)


def _recorded(state: OrderState, command: RecordShipment, now_ms: int) -> Changed:
    """Take what the goods cost, and with the last of them all that is left."""
    content = hash_of(
        ([(one.line_id, one.quantity) for one in command.lines], command.location_id,
         command.carrier, command.tracking_number)
    )  # fmt: skip
    before = waiting.known(state, waiting.SHIPMENT, command.shipment_id)
    if before is not None and before.content_hash == content:
        return state, []
    if not command.lines:
        command = replace(command, lines=_still_open(state))
    reason, detail = _refusal(state, command, before is not None)
    if reason is not None:
        return state, [_refused(command, reason, detail, now_ms)]
    amount = _amount(state, command)
    state = waiting.remembered(state, waiting.SHIPMENT, command.shipment_id, content)
    gone = {line.line_id: line.shipped for line in state.lines}
    state = replace(state, lines=_shipped(state.lines, command))
    last = not is_open(state)
    if last:
        amount = state.total_minor - state.capture_asked_minor
    status = goods_after(state.fulfillment_status, LastShipped if last else OrderShipped)
    state, sends = paying.captured(
        replace(state, fulfillment_status=status), command.shipment_id, amount, final=last
    )
    event = OrderShipped(
        state.order_id, command.shipment_id, command.lines, command.location_id,
        command.carrier, command.tracking_number, status, state.currency, max(0, amount),
        command.actor, now_ms,
    )  # fmt: skip
    pieces = {line.line_id: line.shipped - gone[line.line_id] for line in state.lines}
    state, bills = invoicing.billed(
        state, command.shipment_id, {name: one for name, one in pieces.items() if one}, amount,
        command.at_ms, final=last,
    )  # fmt: skip
    left = _left(state, pieces, command.actor)
    return state, [Send(ORDERS_EVENTS, state.order_id, event), *left, *sends, *bills]


def _still_open(state: OrderState) -> list[ShippedLine]:
    """All that has not left yet."""
    return [
        ShippedLine(line.line_id, line.quantity - line.shipped)
        for line in state.lines
        if line.shipped < line.quantity
    ]


def _left(state: OrderState, pieces: dict[str, int], actor: str) -> list[Send]:
    """Take the lines of which the last piece has left out of the stock.

    A reservation is shipped whole: what of a line has left before stays reserved until then, so
    that what can be promised is right all the while.
    """
    return [
        Send(INVENTORY_COMMANDS, line.sku, ShipStock(state.order_id, line.line_id, line.sku, actor))
        for line in state.lines
        if pieces[line.line_id] and line.shipped == line.quantity
    ]


def _refusal(
    state: OrderState, command: RecordShipment, is_known: bool
) -> tuple[Refusal | None, str]:
    """Why the shipment cannot be, in the order of checks; None where it can."""
    if is_known:
        return Refusal.ORDER_CONFLICT, "the shipment was told with other content"
    if state.status in (Status.CANCELLED, Status.REFUSED):
        return Refusal.ALREADY_ENDED, f"the order is {state.status}"
    if state.status != Status.RELEASED:
        return Refusal.NOT_RELEASED, f"the order is {state.status}"
    if len(state.requests) >= MAXIMUM_REQUESTS:
        return Refusal.TOO_MANY, ""
    still_open = {line.line_id: line.quantity - line.shipped for line in state.lines}
    for one in command.lines:
        if one.line_id in state.cancelled_lines:
            return Refusal.ALREADY_ENDED, f"line {one.line_id} is cancelled"
        if one.line_id not in still_open:
            return Refusal.UNKNOWN_LINE, f"line {one.line_id}"
        still_open[one.line_id] -= one.quantity
        if one.quantity < 1 or still_open[one.line_id] < 0:
            return Refusal.INVALID_QUANTITY, f"{one.quantity} of line {one.line_id}"
    if not command.lines:
        return Refusal.INVALID_QUANTITY, "nothing has left"
    return None, ""


def _amount(state: OrderState, command: RecordShipment) -> int:
    """What the pieces bear of the order's total."""
    amounts = terms.shipped_worths(terms.of(state))
    gone = {line.line_id: line.shipped for line in state.lines}
    whole = {line.line_id: line.quantity for line in state.lines}
    total = 0
    for one in command.lines:
        name = one.line_id
        total += part_of(amounts[name], one.quantity, whole[name], gone[name])
        gone[name] += one.quantity
    return total


def _shipped(lines: list[LineState], command: RecordShipment) -> list[LineState]:
    pieces: dict[str, int] = {}
    for one in command.lines:
        pieces[one.line_id] = pieces.get(one.line_id, 0) + one.quantity
    return [
        replace(line, shipped=line.shipped + pieces[line.line_id])
        if line.line_id in pieces
        else line
        for line in lines
    ]


def _refused(command: RecordShipment, reason: Refusal, detail: str, now_ms: int) -> Send:
    return ending.command_refused(
        "RecordShipment", command.order_id, reason, detail, now_ms, command.actor,
        command.shipment_id,
    )  # fmt: skip
