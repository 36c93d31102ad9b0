"""What is told before a promise is missed, and when it is. Pure.

Before something is to leave it has to be accepted, packed and handed over. What is not accepted is
told the whole of the calendar's `warn_before` before, what is not packed half of it, what is not
handed over a quarter; what comes shortly before its cut-off is given half of the time that is left.
What is held is told like what is not accepted, lines without a location at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from schemas.fulfillment_work import WorkState, WorkStatus
from schemas.messages import Send
from schemas.promises import (
    FulfillmentOrderAtRisk,
    Promise,
    PromiseMissed,
    PromiseState,
    RiskReason,
)
from schemas.topics import FULFILLMENT_EVENTS
from streams.fulfillment.promise_terms import Dates

RISKS: Mapping[str, tuple[RiskReason, int]] = {
    WorkStatus.RELEASED: (RiskReason.NOT_ACCEPTED, 1),
    WorkStatus.HELD: (RiskReason.HELD, 1),
    WorkStatus.ACCEPTED: (RiskReason.NOT_PACKED, 2),
    WorkStatus.PICKING: (RiskReason.NOT_PACKED, 2),
    WorkStatus.PACKED: (RiskReason.NOT_SHIPPED, 4),
    WorkStatus.SHIPPING: (RiskReason.NOT_SHIPPED, 4),
}
"""By status: why it may be late, and which part of `warn_ms` before it is to leave that is told"""
AT_SUPPLIER = (RiskReason.NOT_SHIPPED, 4)
"""of what a supplier sends, who tells of nothing before"""
NO_LOCATION = "no_location"
"""status of lines without one"""


def due(
    dates: Dates, state: PromiseState, work: WorkState, now_ms: int, sends: list[Send]
) -> PromiseState:
    """Tell what is to be told by now, once; the promises, with the moment of what comes next."""
    statuses = {one.fulfillment_order_id: one.status for one in work.orders}
    queued = {line.line_id for line in work.without_place if line.reason}
    promises, moments = [], []
    for one in state.promises:
        status = NO_LOCATION if one.waiting else statuses.get(one.fulfillment_order_id, "")
        if not one.ended and 0 < one.promised_by_ms <= now_ms:
            one = missed(state, one, status, now_ms, sends)
        risk = _risk(dates, one, status, queued)
        if risk is not None and risk[1] <= now_ms:
            one = risk_told(state, one, risk[0], now_ms, sends)
        elif risk is not None:
            moments.append(risk[1])
        if not one.ended and one.promised_by_ms > now_ms:
            moments.append(one.promised_by_ms)
        promises.append(one)
    wake_at_ms = min(moments, default=0)
    if promises == state.promises and wake_at_ms == state.wake_at_ms:
        return state
    return replace(state, promises=promises, wake_at_ms=wake_at_ms)


def _risk(
    dates: Dates, one: Promise, status: str, queued: set[str]
) -> tuple[RiskReason, int] | None:
    """Why it may be late as it stands, and from which moment on; None where nothing is to be
    told."""
    if one.ended or one.missed:
        return None
    if one.waiting:
        reason, moment = RiskReason.NO_LOCATION, 0
        if queued.isdisjoint(one.line_ids):
            return None
    else:
        known = RISKS.get(status)
        if known is None or not one.ship_by_ms:
            return None
        reason, part = AT_SUPPLIER if one.location_id in dates.suppliers else known
        moment = one.ship_by_ms - one.warn_ms // part
    return None if reason in one.told else (reason, moment)


def risk_told(
    state: PromiseState, one: Promise, reason: RiskReason, now_ms: int, sends: list[Send]
) -> Promise:
    """Tell of a risk, unless that was done before."""
    if reason in one.told:
        return one
    event = FulfillmentOrderAtRisk(
        state.order_id, one.fulfillment_order_id, one.location_id, one.line_ids, reason,
        one.ship_by_ms, one.promised_by_ms, now_ms, one.promised_day,
    )  # fmt: skip
    sends.append(Send(FULFILLMENT_EVENTS, state.order_id, event))
    return replace(one, told=[*one.told, reason.value])


def missed(
    state: PromiseState, one: Promise, status: str, now_ms: int, sends: list[Send]
) -> Promise:
    """Tell that the promised day is over, unless that was done before."""
    if one.missed:
        return one
    event = PromiseMissed(
        state.order_id, one.fulfillment_order_id, one.location_id, one.line_ids, status,
        one.promised_by_ms, now_ms, one.promised_day,
    )  # fmt: skip
    sends.append(Send(FULFILLMENT_EVENTS, state.order_id, event))
    return replace(one, missed=True)
