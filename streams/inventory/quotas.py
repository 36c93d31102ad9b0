"""What a channel or a customer group may sell: thresholds at each location, quotas over all.

A quota keeps pieces for its channel or group. To everyone else the SKU has so much less as of it
has not been consumed yet, over all locations together: which pieces they are stays open.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.inventory import StockState
from schemas.stock import ChannelThreshold, Quota
from streams.inventory.model import available


def threshold(thresholds: Iterable[ChannelThreshold], channel: str) -> int:
    """Pieces at each location that the channel may not sell."""
    for one in thresholds:
        if one.channel == channel:
            return one.quantity
    return 0


def belongs(quota: Quota, channel: str, customer_group: str) -> bool:
    """Whether a line of that channel and group may use the quota."""
    return (quota.channel != "" and quota.channel == channel) or (
        quota.customer_group != "" and quota.customer_group == customer_group
    )


def rest(quota: Quota) -> int:
    """Pieces of the quota that are still kept."""
    return max(0, quota.quantity - quota.consumed)


def kept_for_others(quotas: Iterable[Quota], channel: str, customer_group: str) -> int:
    """Pieces over all locations that a line of that channel and group must leave."""
    return sum(rest(quota) for quota in quotas if not belongs(quota, channel, customer_group))


def own(quotas: Iterable[Quota], channel: str, customer_group: str, quantity: int) -> str:
    """The first quota of that channel or group that covers the quantity whole; "" for none."""
    for quota in quotas:
        if rest(quota) >= quantity and belongs(quota, channel, customer_group):
            return quota.quota_id
    return ""


def consume(quotas: Iterable[Quota], quota_id: str, quantity: int) -> list[Quota]:
    """The quotas with so much more of one consumed, and held, by a reservation."""
    return [
        replace(quota, consumed=quota.consumed + quantity, held=quota.held + quantity)
        if quota.quota_id == quota_id
        else quota
        for quota in quotas
    ]


def give_back(stock: StockState, quota_id: str, quantity: int) -> StockState:
    """A reservation has ended whose pieces stay: its quota has them again, or forgets them."""
    return _ended(stock, quota_id, quantity, shipped=False)


def ship(stock: StockState, quota_id: str, quantity: int) -> StockState:
    """A reservation has ended whose pieces have left: they stay consumed."""
    return _ended(stock, quota_id, quantity, shipped=True)


def _ended(stock: StockState, quota_id: str, quantity: int, *, shipped: bool) -> StockState:
    """The stock with the reservation taken off its quota, which may have been dropped since."""
    given = 0 if shipped else quantity
    dropped = [
        replace(quota, held=quota.held - quantity) if quota.quota_id == quota_id else quota
        for quota in stock.dropped
    ]
    return replace(
        stock,
        quotas=[
            replace(
                quota,
                consumed=max(0, quota.consumed - given),
                held=max(0, quota.held - quantity),
            )
            if quota.quota_id == quota_id
            else quota
            for quota in stock.quotas
        ],
        dropped=[quota for quota in dropped if quota.held > 0],
    )


def said(stock: StockState, quotas: Iterable[Quota]) -> tuple[list[Quota], list[Quota]]:
    """The quotas as they are when these are said, and those that are dropped by it.

    One that goes on keeps what is consumed. One that comes back has consumed what reservations
    still hold that were made of it before; what was shipped of it then is over.
    """
    known = {one.quota_id: replace(one, consumed=one.held) for one in stock.dropped}
    known |= {one.quota_id: one for one in stock.quotas}
    now = []
    for quota in quotas:
        before = known.pop(quota.quota_id, None)
        consumed, held = (before.consumed, before.held) if before is not None else (0, 0)
        now.append(replace(quota, consumed=consumed, held=held))
    return now, [one for one in known.values() if one.held > 0]


def sellable(stock: StockState, channel: str, customer_group: str) -> int:
    """Pieces that a line of that channel and group may have, over all locations together."""
    at_each = threshold(stock.thresholds, channel)
    kept = kept_for_others(stock.quotas, channel, customer_group)
    return max(0, sum(available(position, at_each) for position in stock.positions) - kept)
