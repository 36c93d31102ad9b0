"""What is true of a world at rest: stock and money balance, and every order has its outcome."""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import sha256

import msgspec

from schemas import orders
from schemas.accounting import CreditNoteIssued, DocumentRefused, InvoiceIssued
from schemas.fulfillment import FulfillmentState
from schemas.fulfillment import Status as Routing
from schemas.inventory import KitState, ReservationState, StockState
from schemas.orders import (
    AmendmentRefused,
    FulfillmentStatus,
    OrderAmended,
    OrderCancelled,
    OrderPlaced,
    OrderRefunded,
    OrderRefused,
    OrderReleased,
    OrderState,
    Status,
)
from schemas.payments import (
    PaymentAuthorized,
    PaymentCaptured,
    PaymentCommandRefused,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentState,
    PaymentVoided,
)
from schemas.promises import PromiseState
from schemas.topics import INVENTORY_COMMANDS
from streams.orders import terms
from tests.chaos.ledger import Event
from tests.chaos.rules import audit
from tests.chaos.tables import EVENT_TOPICS
from tests.properties.saga_outside import KIT, PARTS
from tests.properties.saga_promises import check_promises
from tests.properties.saga_world import World

ALLOWED = {
    Status.RELEASED: (["OrderReleased"],),
    Status.REFUSED: (["OrderRefused"],),
    Status.CANCELLED: (["OrderCancelled"], ["OrderReleased", "OrderCancelled"]),
}


def check_rest(world: World) -> None:
    """Every order has one outcome, and nothing is held for one that has ended badly."""
    check_outcomes(world)
    check_stock(world)
    check_money(world)
    check_books(world)
    check_changes(world)
    check_chains(world)
    check_log(world)
    check_promises(world.events, world.found(PromiseState), at_rest=True)


def orders_of(world: World) -> list[OrderState]:
    """Every order."""
    return [state for state in world.found(OrderState) if isinstance(state, OrderState)]


def check_outcomes(world: World) -> None:
    """One outcome each; what is released is routed and what is not is withdrawn."""
    outcomes: dict[str, list[str]] = defaultdict(list)
    for event in world.events:
        if isinstance(event, OrderReleased | OrderRefused | OrderCancelled):
            outcomes[event.order_id].append(type(event).__name__)
    for order in orders_of(world):
        assert outcomes[order.order_id] in ALLOWED[Status(order.status)]
        assert not order.holds and not order.amendments and not order.wake_at_ms
        if order.status == Status.RELEASED:
            assert all(line.answered and not line.wanted for line in order.lines)
    for routing in world.found(FulfillmentState):
        assert isinstance(routing, FulfillmentState)
        released = world.order(routing.order_id).status == Status.RELEASED
        assert routing.status == (Routing.ROUTED if released else Routing.CANCELLED)


def check_stock(world: World) -> None:
    """What is reserved is exactly what released orders still have to ship."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    kits: Counter[tuple[str, str]] = Counter()
    for order in orders_of(world):
        if order.status != Status.RELEASED:
            continue
        for line in order.lines:
            if line.shipped == line.quantity:
                continue
            if line.sku == KIT:
                kits[order.order_id, line.line_id] = line.quantity
                for part in PARTS:
                    name = f"{line.line_id}/{part.sku}"
                    wanted[order.order_id, name, part.sku] = part.quantity * line.quantity
            else:
                wanted[order.order_id, line.line_id, line.sku] = line.quantity
    held: Counter[tuple[str, str, str]] = Counter()
    for one in world.found(ReservationState):
        assert isinstance(one, ReservationState)
        held[one.order_id, one.line_id, one.sku] = one.quantity
    assert held == wanted
    assert kits == Counter(
        {
            (kit.order_id, kit.line_id): kit.quantity
            for kit in world.found(KitState)
            if isinstance(kit, KitState)
        }
    )
    for stock in world.found(StockState):
        assert isinstance(stock, StockState)
        assert not stock.waiting


def check_money(world: World) -> None:
    """Released orders are covered to the minor unit, shipped ones paid, ended ones free of it."""
    held: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    back: Counter[str] = Counter()
    for event in world.events:
        match event:
            case PaymentAuthorized():
                held[event.order_id] += event.amount_minor
            case PaymentVoided():
                held[event.order_id] -= event.amount_minor
            case PaymentCaptured():
                held[event.order_id] -= event.amount_minor
                taken[event.order_id] += event.amount_minor
            case PaymentRefunded():
                back[event.order_id] += event.amount_minor
    for order in orders_of(world):
        name, total = order.order_id, order.total_minor
        if order.status != Status.RELEASED:
            assert (held[name], taken[name] - back[name]) == (0, 0)
        elif order.fulfillment_status == FulfillmentStatus.SHIPPED or not order.lines:
            assert (held[name], taken[name]) == (0, total)
            assert order.capture_asked_minor == total
        else:
            # A gateway gives back a part of an authorization only with the last capture.
            assert held[name] + taken[name] >= total
            assert taken[name] == order.capture_asked_minor <= total
    for state in world.found(PaymentState):
        assert isinstance(state, PaymentState)
        name = state.order_id
        if all(one.method in ("card", "gift_card") for one in state.tenders):
            assert world.gateway.holds(name) == held[name]
            assert world.gateway.has(name) == taken[name] - back[name]
        assert not state.wake_at_ms


def check_books(world: World) -> None:
    """What is taken is billed, what orders give back is credited and refunded, and no more."""
    billed: Counter[str] = Counter()
    credited: Counter[str] = Counter()
    told: Counter[tuple[str, str]] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    failed: set[tuple[str, str]] = set()
    for event in world.events:
        match event:
            case DocumentRefused():
                raise AssertionError(event)
            case InvoiceIssued():
                billed[event.order_id] += event.total_minor
            case CreditNoteIssued():
                credited[event.order_id] += event.total_minor
            case OrderRefunded():
                told[event.order_id, event.refund_id] += event.amount_minor
            case PaymentRefunded():
                given[event.order_id, event.refund_id] += event.amount_minor
            case PaymentRefundFailed():
                failed.add((event.order_id, event.refund_id))
            case PaymentCommandRefused():
                failed.add((event.order_id, event.request_id))
    for order in orders_of(world):
        name = order.order_id
        assert billed[name] == order.capture_asked_minor
        assert credited[name] == order.returned_minor <= billed[name]
        assert order.returned_minor == sum(one for (of, _), one in told.items() if of == name)
    for refund, amount in told.items():
        assert given[refund] == amount or refund in failed


def check_changes(world: World) -> None:
    """The total is what was placed and all differences since; each change is told of once."""
    totals: dict[str, int] = {}
    told: Counter[tuple[str, str]] = Counter()
    for event in world.events:
        if isinstance(event, OrderPlaced):
            totals[event.order_id] = event.total_minor
        elif isinstance(event, OrderAmended):
            totals[event.order_id] += event.difference_minor
            assert totals[event.order_id] == event.total_minor
        if isinstance(event, OrderAmended | AmendmentRefused):
            told[event.order_id, event.amendment_id] += 1
    assert max(told.values(), default=1) == 1
    for order in orders_of(world):
        assert order.total_minor == totals[order.order_id]
        content = terms.of(order)
        left = [line for line in content.lines if line.line_id not in order.cancelled_lines]
        amounts = terms.shipped_worths(content)
        assert order.total_minor == sum(amounts[line.line_id] for line in left)
        if order.status == Status.RELEASED:
            goods = {line.line_id: line.quantity for line in left if line.kind == "goods"}
            assert {line.line_id: line.quantity for line in order.lines} == goods


def check_chains(world: World) -> None:
    """Every order's events are numbered without a gap and tied to each other."""
    digests: dict[str, bytes] = {}
    numbers: Counter[str] = Counter()
    for event in world.events:
        if getattr(orders, type(event).__name__, None) is not type(event):
            continue
        fields = msgspec.to_builtins(event, builtin_types=(bytes,))
        if not fields["sequence"]:
            continue
        name = fields["order_id"]
        numbers[name] += 1
        assert fields["sequence"] == numbers[name]
        text = msgspec.json.encode({**fields, "digest": b""})
        start = digests.get(name, b"") + type(event).__name__.encode()
        digests[name] = sha256(start + b"\n" + text).digest()
        assert fields["digest"] == digests[name]
    assert digests == {order.order_id: order.digest for order in orders_of(world)}


def check_log(world: World) -> None:
    """The log of the orders that nobody touched breaks no rule of the audit, and that of stock
    none at all."""
    states = [
        Event("inventory.state", seat[1], 0, key, type(state).__name__, msgspec.to_builtins(state))
        for seat, states in world.states.items()
        if seat[0] == INVENTORY_COMMANDS.name
        for key, state in states.kept.items()
    ]
    events = [event for event in world.log if event.topic in EVENT_TOPICS]
    report = audit([*events, *states])
    touched = {
        event.key
        for event in events
        if event.name
        in (
            "OrderAmended",
            "OrderShipped",
            "OrderRefunded",
            "OrderHeld",
            "HoldEnded",
            "AmendmentRefused",
        )
    } | {
        order.order_id
        for order in orders_of(world)
        if len(terms.of(order).lines) != len(order.lines)
    }
    assert [one for one in report.broken if one.subject not in touched] == []
