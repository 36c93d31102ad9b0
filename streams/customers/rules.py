"""What the customers room decides, in the order in which a customer lives. Every function is pure.

Each takes what is known and gives what is to be known, and the records to write; the same object
again means that nothing changes. An id that was merged sends what comes for it on to whoever stands
for it, except what an order of its own has become: the order's state stays where it is.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from schemas.customers import (
    AbsorbCustomer,
    AssessOrder,
    CustomerChanged,
    CustomerCommandRefused,
    CustomerErased,
    CustomerOrderRecorded,
    CustomerOrderState,
    CustomerState,
    EraseCustomer,
    Figure,
    MergeCustomers,
    Outcome,
    Preference,
    RecentOrder,
    RecordOrder,
    Refusal,
    SegmentChanged,
    SegmentRulesState,
    SetCustomer,
)
from schemas.messages import Send
from schemas.orders import RecordAssessment
from schemas.records import Record
from schemas.topics import CUSTOMERS_COMMANDS, CUSTOMERS_EVENTS, ORDERS_COMMANDS
from streams.content import hash_of
from streams.customers import merging
from streams.customers.model import (
    COUNTS,
    DAY_MS,
    DUPLICATE_WITHIN_MS,
    HOUR_MS,
    figures_of,
    leaves_segment_at_ms,
    main_figure,
    segment_of,
    with_recent,
)

AboutOrder = AssessOrder | RecordOrder


class Known(NamedTuple):
    """What the room knows when a command comes, and after it."""

    customer: CustomerState
    order: CustomerOrderState | None
    """the one that the command is about; None where it is new, or the command is about none"""
    segments: SegmentRulesState | None


Decision = tuple[Known, list[Send]]


def decide(known: Known, command: Record, now_ms: int) -> Decision:
    """What is known after `command`, and what to write. Raises TypeError for a foreign record."""
    match command:
        case AssessOrder():
            return _assess(known, command, now_ms)
        case RecordOrder():
            return _record(known, command, now_ms)
        case SetCustomer():
            return _set(known, command, now_ms)
        case MergeCustomers():
            return _with_customer(known, *merging.merge(known.customer, command, now_ms))
        case AbsorbCustomer():
            return _absorb(known, command, now_ms)
        case EraseCustomer():
            return _erase(known, command, now_ms)
    raise TypeError(f"the customers room takes no {type(command).__name__}")


def wake(known: Known, now_ms: int) -> Decision:
    """A recency bound of a segment is passed."""
    return _settled(known, [], now_ms)


def _assess(known: Known, command: AssessOrder, now_ms: int) -> Decision:
    customer, order = known.customer, known.order
    if customer.merged_into:
        if order is not None and not command.counts_for:
            command = replace(command, counts_for=customer.customer_id)
        return known, [merging.forwarded(command, customer.merged_into)]
    content = hash_of(
        (command.channel, command.currency, command.total_minor, command.lines_hash,
         command.placed_at_ms, command.counts_for)
    )  # fmt: skip
    if order is not None and order.assessed_hash == content:
        return known, [_answer(order)]
    spent = main_figure(_without(figures_of(customer), order))
    others = [one for one in customer.recent if one.order_id != command.order_id]
    assessed = replace(
        order or CustomerOrderState(customer.customer_id, command.order_id),
        currency=command.currency,
        placed_at_ms=command.placed_at_ms,
        assessed_hash=content,
        segment=segment_of(customer, known.segments, now_ms),
        orders_last_hour=_since(others, command.placed_at_ms, HOUR_MS),
        orders_last_day=_since(others, command.placed_at_ms, DAY_MS),
        lifetime_orders=sum(one.orders for one in _without(figures_of(customer), order)),
        lifetime_minor=spent.total_minor if spent is not None else 0,
        lifetime_currency=spent.currency if spent is not None else "",
        duplicate_of=_duplicate(others, command),
        assessed_for=command.counts_for or customer.customer_id,
    )
    recent = RecentOrder(
        command.order_id, command.channel, command.currency, command.total_minor,
        command.lines_hash, command.placed_at_ms,
    )  # fmt: skip
    following = replace(customer, recent=with_recent(customer.recent, [recent]))
    known = known._replace(customer=following, order=assessed)
    return _settled(known, [_answer(assessed)], now_ms)


def _without(figures: list[Figure], order: CustomerOrderState | None) -> list[Figure]:
    """The figures without an order that is assessed again, in the order in which they stand."""
    if order is None or not order.counted:
        return [one for one in figures if one.orders]
    less = [
        replace(one, orders=one.orders - 1, total_minor=one.total_minor - order.counted_minor)
        if one.currency == order.currency
        else one
        for one in figures
    ]
    return [one for one in less if one.orders]


def _since(orders: list[RecentOrder], placed_at_ms: int, span_ms: int) -> int:
    return sum(1 for one in orders if placed_at_ms - span_ms < one.placed_at_ms <= placed_at_ms)


def _duplicate(orders: list[RecentOrder], command: AssessOrder) -> str:
    """The earliest order of another channel that looks like the same purchase; empty for none."""
    for one in orders:
        if (
            one.channel != command.channel
            and one.lines_hash == command.lines_hash
            and one.total_minor == command.total_minor
            and one.currency == command.currency
            and abs(one.placed_at_ms - command.placed_at_ms) <= DUPLICATE_WITHIN_MS
        ):
            return one.order_id
    return ""


def _answer(order: CustomerOrderState) -> Send:
    answer = RecordAssessment(
        order_id=order.order_id,
        customer_id=order.assessed_for,
        segment=order.segment,
        orders_last_hour=order.orders_last_hour,
        orders_last_day=order.orders_last_day,
        lifetime_orders=order.lifetime_orders,
        lifetime_minor=order.lifetime_minor,
        lifetime_currency=order.lifetime_currency,
        duplicate_of=order.duplicate_of,
    )
    return Send(ORDERS_COMMANDS, order.order_id, answer)


def _record(known: Known, command: RecordOrder, now_ms: int) -> Decision:
    customer = known.customer
    if customer.merged_into and known.order is None:
        return known, [merging.forwarded(command, customer.merged_into)]
    before = known.order or CustomerOrderState(customer.customer_id, command.order_id)
    order = _after(before, command)
    if order is before:
        return known, []
    following = _counted(customer, before, order)
    known = known._replace(order=order, customer=following)
    if following is customer:
        return known, []
    spent = next(one for one in figures_of(following) if one.currency == order.currency)
    event = CustomerOrderRecorded(
        customer_id=customer.customer_id,
        order_id=order.order_id,
        outcome=order.outcome,
        currency=order.currency,
        total_minor=order.counted_minor,
        previously_minor=before.counted_minor,
        lifetime_orders=spent.orders,
        lifetime_minor=spent.total_minor,
        at_ms=now_ms,
    )
    sends = [Send(CUSTOMERS_EVENTS, customer.customer_id, event)]
    if following.merged_into:
        return known, [*sends, merging.told(following)]
    return _settled(known, sends, now_ms)


def _after(order: CustomerOrderState, command: RecordOrder) -> CustomerOrderState:
    """The order with what it has become; the same where that is known, or older than what is."""
    outcome = Outcome(command.outcome)
    if command.at_ms < order.recorded_at_ms:
        return order
    if order.outcome and order.outcome not in COUNTS and outcome in COUNTS:
        return order
    refund = outcome == Outcome.REFUNDED
    total = order.total_minor if refund else command.total_minor
    refunded = max(order.refunded_minor, command.total_minor) if refund else order.refunded_minor
    counts = outcome in COUNTS
    following = replace(
        order,
        outcome=str(outcome),
        currency=command.currency,
        total_minor=total,
        refunded_minor=refunded,
        counted=counts,
        counted_minor=max(0, total - refunded) if counts else 0,
        placed_at_ms=order.placed_at_ms or command.at_ms,
        recorded_at_ms=command.at_ms,
    )
    return order if following == order else following


def _counted(
    customer: CustomerState, before: CustomerOrderState, after: CustomerOrderState
) -> CustomerState:
    """The customer's own figures with what an order counts for; the same where nothing differs."""
    orders = int(after.counted) - int(before.counted)
    amount = after.counted_minor - before.counted_minor
    if not orders and not amount:
        return customer
    by_currency = {one.currency: one for one in customer.figures}
    known = by_currency.get(after.currency, Figure(after.currency, 0, 0))
    by_currency[after.currency] = Figure(
        after.currency, known.orders + orders, known.total_minor + amount
    )
    first = customer.first_order_at_ms or after.placed_at_ms
    return replace(
        customer,
        revision=customer.revision + 1,
        figures=[by_currency[currency] for currency in sorted(by_currency)],
        first_order_at_ms=min(first, after.placed_at_ms),
        last_order_at_ms=max(customer.last_order_at_ms, after.placed_at_ms),
    )


def _set(known: Known, command: SetCustomer, now_ms: int) -> Decision:
    customer = known.customer
    if customer.merged_into:
        return known, [merging.forwarded(command, customer.merged_into)]
    if customer.erased_at_ms and command.at_ms <= customer.erased_at_ms:
        return known, [_refused(command, Refusal.ERASED, now_ms)]
    following = replace(
        customer,
        erased_at_ms=0,
        preferences=_preferring(customer.preferences, command.preferences),
    )
    if command.personal and command.personal_hash != customer.personal_hash:
        following = replace(
            following,
            key_id=command.key_id,
            personal=command.personal,
            personal_hash=command.personal_hash,
        )
    merges = [
        Send(
            CUSTOMERS_COMMANDS,
            customer.customer_id,
            MergeCustomers(customer.customer_id, other, command.actor, command.at_ms),
        )
        for other in dict.fromkeys(command.verified)
        if other != customer.customer_id
    ]
    if following == customer:
        return known, merges
    event = CustomerChanged(customer.customer_id, following.preferences, command.actor, now_ms)
    sends = [Send(CUSTOMERS_EVENTS, customer.customer_id, event), *merges]
    return known._replace(customer=following), sends


def _preferring(known: list[Preference], wanted: list[Preference]) -> list[Preference]:
    values = {one.name: one.value for one in (*known, *wanted)}
    return [Preference(name, values[name]) for name in sorted(values) if values[name]]


def _absorb(known: Known, command: AbsorbCustomer, now_ms: int) -> Decision:
    customer, sends = merging.absorb(known.customer, command, now_ms)
    if customer is known.customer or customer.merged_into:
        return known, sends
    return _settled(known._replace(customer=customer), sends, now_ms)


def _erase(known: Known, command: EraseCustomer, now_ms: int) -> Decision:
    customer = known.customer
    if customer.merged_into:
        return known, [merging.forwarded(command, customer.merged_into)]
    if customer.erased_at_ms >= command.at_ms:
        return known, []
    following = replace(
        customer,
        erased_at_ms=command.at_ms,
        key_id="",
        personal=b"",
        personal_hash=0,
        preferences=[],
    )
    event = CustomerErased(customer.customer_id, command.actor, now_ms)
    return known._replace(customer=following), [Send(CUSTOMERS_EVENTS, customer.customer_id, event)]


def _settled(known: Known, sends: list[Send], now_ms: int) -> Decision:
    """With the segment as it is now, and the moment at which it may change by itself."""
    customer = known.customer
    segment = segment_of(customer, known.segments, now_ms)
    following = replace(
        customer,
        segment=segment,
        wake_at_ms=leaves_segment_at_ms(customer, known.segments, now_ms),
    )
    if segment != customer.segment:
        event = SegmentChanged(customer.customer_id, segment, customer.segment, now_ms)
        sends = [*sends, Send(CUSTOMERS_EVENTS, customer.customer_id, event)]
    return known._replace(customer=following), sends


def _with_customer(known: Known, customer: CustomerState, sends: list[Send]) -> Decision:
    return known._replace(customer=customer), sends


def _refused(command: SetCustomer, reason: Refusal, now_ms: int) -> Send:
    event = CustomerCommandRefused(
        customer_id=command.customer_id,
        command=type(command).__name__,
        reason=str(reason),
        at_ms=now_ms,
    )
    return Send(CUSTOMERS_EVENTS, command.customer_id, event)
