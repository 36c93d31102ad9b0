"""What suppliers offer of a SKU, how they have done, and which of them is asked. Key: sku.

Every function is pure. The same state object again means that nothing changes.

The best offer is the one with the lowest score. Its score is what it costs to be served by it:

    price × quantity × (1 + 0.01 × lead time in days) ÷ (on-time share × fill share)

The quantity is the wanted one raised to the supplier's minimum and to its next multiple, so an
offer pays for what it makes us buy too much. The lead time is the measured one from three lines on,
and the stated one before. The shares are exponentially weighted, the latest line with a fifth; a
supplier that nobody knows has 1.0, and none counts less than 0.1. Ties go to the lower supplier_id.
Offers in several currencies cannot be compared: those in the one that most of them have are.
"""

from __future__ import annotations

from collections import Counter

from msgspec.structs import replace

from schemas.messages import Send
from schemas.purchasing import (
    CreatePurchaseOrder,
    Offer,
    OfferSet,
    OffersState,
    PerformanceMeasured,
    ProposePurchase,
    PurchaseLine,
    PurchaseRefused,
    RecordPerformance,
    Refusal,
    SetOffer,
    Suggestion,
)
from schemas.topics import DAY_MS, PURCHASING_COMMANDS, PURCHASING_EVENTS
from streams.purchasing.model import (
    DAY_PREMIUM,
    LATEST_WEIGHT,
    LOWEST_RELIABILITY,
    MAXIMUM_OFFERS,
    MEASURED_LINES,
)

AboutOffers = SetOffer | ProposePurchase | RecordPerformance
Decision = tuple[OffersState | None, list[Send]]
ACTOR = "purchasing"


def decide(state: OffersState | None, command: AboutOffers, now_ms: int) -> Decision:
    """The SKU's offers after `command`, and what to write."""
    match command:
        case SetOffer():
            return _set(state, command, now_ms)
        case ProposePurchase():
            return _propose(state, command, now_ms)
        case RecordPerformance():
            return _measure(state, command, now_ms)


def _set(state: OffersState | None, command: SetOffer, now_ms: int) -> Decision:
    """Keep the offer; how the supplier has done so far stays as it was measured."""
    known = _offer(state, command.supplier_id)
    if min(command.price_minor, command.lead_time_days, command.minimum, command.multiple) < 0:
        return state, [_refused(command, Refusal.INVALID_QUANTITY, "a figure is below 0", now_ms)]
    if known is None and state is not None and len(state.offers) >= MAXIMUM_OFFERS:
        detail = f"more than {MAXIMUM_OFFERS} suppliers"
        return state, [_refused(command, Refusal.INVALID_QUANTITY, detail, now_ms)]
    offer = replace(
        known if known is not None else _unknown(command.supplier_id),
        supplier_sku=command.supplier_sku,
        price_minor=command.price_minor,
        currency=command.currency,
        lead_time_days=command.lead_time_days,
        minimum=command.minimum,
        multiple=command.multiple,
        active=command.active,
    )
    if offer == known:
        return state, []
    event = OfferSet(
        sku=command.sku,
        supplier_id=command.supplier_id,
        supplier_sku=command.supplier_sku,
        price_minor=command.price_minor,
        currency=command.currency,
        lead_time_days=command.lead_time_days,
        minimum=command.minimum,
        multiple=command.multiple,
        active=command.active,
        actor=command.actor,
        at_ms=now_ms,
    )
    sends = [Send(PURCHASING_EVENTS, command.sku, event)]
    return _with(state, command.sku, offer), sends


def _propose(state: OffersState | None, command: ProposePurchase, now_ms: int) -> Decision:
    """Have a purchase order made with the best supplier. One suggestion makes one."""
    location_id, suggested_at_ms = command.location_id, command.suggested_at_ms
    for one in state.suggestions if state is not None else []:
        if one.location_id == location_id and suggested_at_ms <= one.suggested_at_ms:
            return state, []
    offer = best(state.offers, command.quantity) if state is not None else None
    if state is None or offer is None:
        return state, [_refused(command, Refusal.NO_OFFER, "no supplier offers it", now_ms)]
    if command.quantity < 1:
        return state, [_refused(command, Refusal.INVALID_QUANTITY, "not a piece", now_ms)]
    number = state.proposed + 1
    purchase_order_id = f"po-{command.sku}-{number}"
    quantity = ordered(offer, command.quantity)
    create = CreatePurchaseOrder(
        purchase_order_id=purchase_order_id,
        supplier_id=offer.supplier_id,
        location_id=location_id,
        lines=[PurchaseLine("1", command.sku, quantity, offer.price_minor)],
        currency=offer.currency,
        expected_at_ms=now_ms + round(lead_time_days(offer) * DAY_MS),
        order_id="",
        reason=command.reason,
        actor=ACTOR,
    )
    others = [one for one in state.suggestions if one.location_id != location_id]
    suggestions = [*others, Suggestion(location_id, suggested_at_ms)]
    following = replace(state, proposed=number, suggestions=suggestions)
    return following, [Send(PURCHASING_COMMANDS, purchase_order_id, create)]


def best(offers: list[Offer], quantity: int) -> Offer | None:
    """The active offer with the lowest score for so many pieces; None where there is none."""
    active = [offer for offer in offers if offer.active]
    if not active:
        return None
    currencies = Counter(offer.currency for offer in active)
    currency = min(currencies, key=lambda code: (-currencies[code], code))
    return min(
        (offer for offer in active if offer.currency == currency),
        key=lambda offer: (score(offer, quantity), offer.supplier_id),
    )


def score(offer: Offer, quantity: int) -> float:
    """What so many pieces cost with this supplier, in minor units; see the module."""
    price = offer.price_minor * ordered(offer, quantity)
    reliability = max(offer.on_time_share * offer.fill_share, LOWEST_RELIABILITY)
    return price * (1 + DAY_PREMIUM * lead_time_days(offer)) / reliability


def ordered(offer: Offer, quantity: int) -> int:
    """Pieces that must be ordered to have `quantity`: at least the minimum, a whole multiple."""
    multiple = max(offer.multiple, 1)
    wanted = max(quantity, offer.minimum)
    return -(-wanted // multiple) * multiple


def lead_time_days(offer: Offer) -> float:
    """From sending an order to receipt, as it was where that is known well enough."""
    if offer.lines >= MEASURED_LINES and offer.measured_lead_time_days > 0:
        return offer.measured_lead_time_days
    return offer.lead_time_days


def _measure(state: OffersState | None, command: RecordPerformance, now_ms: int) -> Decision:
    """Take a line that is over into the supplier's figures.

    A supplier that delivers without an offer is measured too, under one that is not active. The
    room asks itself for this once a line, so a repeat is not looked for.
    """
    known = _offer(state, command.supplier_id)
    before = known if known is not None else _unknown(command.supplier_id)
    came = command.received_at_ms > 0
    on_time = before.on_time_share
    if command.expected_at_ms:
        in_time = came and command.received_at_ms < command.expected_at_ms + DAY_MS
        whole = command.received >= command.ordered
        on_time = _weighted(on_time, 1.0 if in_time and whole else 0.0)
    days = before.measured_lead_time_days
    if came:
        took = max(0, command.received_at_ms - command.sent_at_ms) / DAY_MS
        days = _weighted(days, took) if days else took
    offer = replace(
        before,
        lines=before.lines + 1,
        on_time_share=on_time,
        fill_share=_weighted(before.fill_share, min(1.0, command.received / command.ordered)),
        measured_lead_time_days=days,
    )
    event = PerformanceMeasured(
        sku=command.sku,
        supplier_id=command.supplier_id,
        lines=offer.lines,
        on_time_share=offer.on_time_share,
        fill_share=offer.fill_share,
        lead_time_days=offer.measured_lead_time_days,
        at_ms=now_ms,
    )
    sends = [Send(PURCHASING_EVENTS, command.sku, event)]
    return _with(state, command.sku, offer), sends


def _weighted(before: float, latest: float) -> float:
    return before + LATEST_WEIGHT * (latest - before)


def _unknown(supplier_id: str) -> Offer:
    """What is assumed of a supplier that has not delivered yet."""
    return Offer(supplier_id, "", 0, "", 0, 0, 0, False, 0, 1.0, 1.0, 0.0)


def _offer(state: OffersState | None, supplier_id: str) -> Offer | None:
    for offer in state.offers if state is not None else []:
        if offer.supplier_id == supplier_id:
            return offer
    return None


def _with(state: OffersState | None, sku: str, offer: Offer) -> OffersState:
    before = state if state is not None else OffersState(sku, [], 0, [])
    others = [one for one in before.offers if one.supplier_id != offer.supplier_id]
    offers = sorted([*others, offer], key=lambda one: one.supplier_id)
    return replace(before, offers=offers)


def _refused(
    command: SetOffer | ProposePurchase, reason: Refusal, detail: str, now_ms: int
) -> Send:
    actor = command.actor if isinstance(command, SetOffer) else ""
    event = PurchaseRefused(type(command).__name__, command.sku, "", reason, detail, actor, now_ms)
    return Send(PURCHASING_EVENTS, command.sku, event)
