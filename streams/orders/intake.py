"""How an order comes in: taken once, judged by the policy, and from there to its stock."""

from __future__ import annotations

from msgspec.structs import astuple, replace

from schemas import codec
from schemas.customers import AssessOrder, Outcome
from schemas.messages import Send
from schemas.orders import (
    LineKind,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderState,
    PlaceOrder,
    RecordAssessment,
    Refusal,
)
from schemas.policies import Action, PolicyState
from schemas.topics import CUSTOMERS_COMMANDS, ORDERS_EVENTS
from streams.content import hash_of
from streams.orders import ending, holds, policy, sourcing, terms
from streams.orders.ending import Changed
from streams.orders.model import (
    ASSESSMENT_PATIENCE_MS,
    RESERVATION_HOLD_MS,
    START,
    after,
    goods_after,
)


def content_hash(order: PlaceOrder) -> int:
    """63 bits of the order's content, without raw_id and version: tells a repeat from a conflict.

    It is kept in the state, so it names its fields: one that the record gains later counts only
    where it is used, and does not turn a repeat of an older order into a conflict. What is personal
    counts by its hash, for it is encrypted anew each time.
    """
    content: tuple[object, ...] = (
        order.order_id, order.channel, order.external_id, order.placed_at_ms, order.currency,
        [
            (line.line_id, line.sku, line.quantity, line.unit_price_minor)
            for line in order.lines
        ],
        order.discount_minor, order.shipping_minor, order.tax_minor, order.total_minor,
        order.payment_method, order.payment_token, order.paid_minor, order.paid_currency,
        astuple(order.ship_to), order.backorder,
    )  # fmt: skip
    if order.customer_group or order.priority:
        content += (order.customer_group, order.priority)
    if _has_more(order):
        content += ("further", *_further_content(order))
    return hash_of(content)


def _has_more(order: PlaceOrder) -> bool:
    """Whether an order has anything that orders have not had from the beginning."""
    return (
        any(map(_is_more, order.lines))
        or bool(order.tenders or order.discounts or order.more_addresses)
        or order.prices_include_tax
        or order.personal_hash != 0
        or order.shipping_tax_rate_ppm != 0
        or order.customer_id != ""
        or order.shipping_method != ""
        or order.purchase_order_number != ""
        or order.subscription_id != ""
    )


def _is_more(line: OrderLine) -> bool:
    return not (
        line.kind == LineKind.GOODS
        and line.per == 1
        and line.title == ""
        and line.discount_minor == line.tax_minor == line.tax_rate_ppm == line.address == 0
        and line.parent_line_id == line.pickup_location_id == ""
    )


def _further_content(order: PlaceOrder) -> tuple[object, ...]:
    return (
        [
            (
                at, line.per, line.kind, line.parent_line_id, line.title, line.discount_minor,
                line.tax_minor, line.tax_rate_ppm, line.address, line.pickup_location_id,
            )
            for at, line in enumerate(order.lines)
            if _is_more(line)
        ],
        [astuple(tender) for tender in order.tenders],
        order.prices_include_tax,
        [astuple(discount) for discount in order.discounts],
        order.shipping_method, order.shipping_tax_rate_ppm,
        [astuple(address) for address in order.more_addresses],
        order.purchase_order_number, order.subscription_id, order.customer_id,
        order.personal_hash,
    )  # fmt: skip


def accept(order: PlaceOrder, rules: PolicyState | None, now_ms: int) -> Changed:
    """Take a new order in."""
    state = _fresh(order, now_ms)
    sends = [
        Send(ORDERS_EVENTS, order.order_id, _placed(order, now_ms)),
        *ending.told(state, Outcome.PLACED, now_ms),
    ]
    if rules is None:
        if state.lines:
            return state, [*sends, sourcing.rank(state)]
        following, more = sourcing.begin(_unasked(state), now_ms)
    elif order.customer_id and policy.asks_customers(rules):
        following, more = _assess(_unasked(state), order, now_ms)
    else:
        following, more = judge(_unasked(state), order, rules, None, now_ms)
    return following, sends + more


def accept_cancelled(order: PlaceOrder, reason: str, actor: str, now_ms: int) -> Changed:
    """Take in an order whose cancellation came before it."""
    state = _fresh(order, now_ms)
    lines = [ending.unreserved(line, answered=True) for line in state.lines]
    ended, sends = ending.cancelled(replace(state, lines=lines), reason, now_ms, actor)
    return ended, [
        Send(ORDERS_EVENTS, order.order_id, _placed(order, now_ms)),
        *ending.told(state, Outcome.PLACED, now_ms),
        *sends,
    ]


def _fresh(order: PlaceOrder, now_ms: int) -> OrderState:
    """The order as it asks for its stock for the first time."""
    ship_to = order.ship_to
    reserved_until = now_ms + RESERVATION_HOLD_MS
    return OrderState(
        order_id=order.order_id,
        status=after(START, OrderPlaced),
        content_hash=content_hash(order),
        version=order.version,
        attempt=1,
        currency=order.currency,
        total_minor=order.total_minor,
        payment_method=order.payment_method,
        payment_token=order.payment_token,
        paid_minor=order.paid_minor,
        paid_currency=order.paid_currency,
        country=ship_to.country,
        postal_code=ship_to.postal_code,
        latitude=ship_to.latitude,
        longitude=ship_to.longitude,
        backorder=order.backorder,
        lines=terms.line_states(order),
        cancel_reason="",
        refused_line="",
        refused_reason="",
        accepted_at_ms=now_ms,
        reserved_until_ms=reserved_until,
        wake_at_ms=reserved_until,
        channel=order.channel,
        customer_group=order.customer_group,
        priority=order.priority,
        fulfillment_status=goods_after(START, OrderPlaced),
        tenders=order.tenders,
        customer_id=order.customer_id,
        content=codec.encode(order),
        billing_country=order.billing_country,
    )


def _unasked(state: OrderState) -> OrderState:
    """The same before anything is asked for it."""
    return replace(state, status=START, attempt=0, reserved_until_ms=0, wake_at_ms=0)


def _placed(order: PlaceOrder, now_ms: int) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.order_id,
        channel=order.channel,
        external_id=order.external_id,
        currency=order.currency,
        total_minor=order.total_minor,
        total_difference_minor=terms.difference(order),
        lines=order.lines,
        country=order.ship_to.country,
        placed_at_ms=order.placed_at_ms,
        raw_id=order.raw_id,
        at_ms=now_ms,
        customer_id=order.customer_id,
        discount_minor=order.discount_minor,
        shipping_minor=order.shipping_minor,
        tax_minor=order.tax_minor,
        prices_include_tax=order.prices_include_tax,
        shipping_tax_rate_ppm=order.shipping_tax_rate_ppm,
        purchase_order_number=order.purchase_order_number,
        terms_days=max([tender.terms_days for tender in order.tenders], default=0),
        subscription_id=order.subscription_id,
    )


def _assess(state: OrderState, order: PlaceOrder, now_ms: int) -> Changed:
    """Ask what is known of who ordered."""
    command = AssessOrder(
        order.customer_id,
        order.order_id,
        order.channel,
        order.currency,
        order.total_minor,
        hash_of(sorted((line.sku or line.title, line.quantity) for line in order.lines)),
        order.placed_at_ms,
    )
    waiting = replace(
        state, status=after(state.status, AssessOrder), wake_at_ms=now_ms + ASSESSMENT_PATIENCE_MS
    )
    return waiting, [Send(CUSTOMERS_COMMANDS, order.customer_id, command)]


def assessed(
    state: OrderState, reply: RecordAssessment | None, rules: PolicyState | None, now_ms: int
) -> Changed:
    """Go on with what is known of the customer, or without where nobody has answered in time."""
    if reply is not None:
        state = replace(state, assessment=codec.encode(reply))
    return judge(state, terms.of(state), rules, reply, now_ms)


def judge(
    state: OrderState,
    order: PlaceOrder,
    rules: PolicyState | None,
    known: RecordAssessment | None,
    now_ms: int,
) -> Changed:
    """Let the policy refuse the order, hold it, or let it go on."""
    decided = policy.intake(rules, order, known, now_ms)
    if decided.refused_by:
        return ending.refused(state, "", Refusal.POLICY, now_ms, decided.refused_by)
    if holds.mismatches(order, decided) and decided.total_mismatch == Action.REFUSE:
        rule = decided.mismatch_hold.rule
        return ending.refused(state, "", Refusal.TOTAL_MISMATCH, now_ms, rule)
    state = replace(
        state, backorder=decided.backorder, priority=decided.priority,
        dispatch_by_ms=decided.dispatch_by_ms,
    )  # fmt: skip
    state, sends = holds.of_policy(state, order, decided, now_ms)
    if state.holds:
        return replace(state, status=after(state.status, OrderHeld), wake_at_ms=0), sends
    following, more = _begin(state, now_ms)
    return following, sends + more


def _begin(state: OrderState, now_ms: int) -> Changed:
    if state.status == START and state.lines:
        state = replace(state, status=after(START, OrderPlaced))
    return sourcing.begin(state, now_ms)
