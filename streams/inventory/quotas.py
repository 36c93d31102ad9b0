"""What a channel or a customer group may sell: thresholds at each location, quotas over all.

A quota keeps pieces for its channel or group. To everyone else the SKU has so much less as of it
has not been consumed yet, over all locations together: which pieces they are stays open.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    """The quotas with so much more of one consumed; a quantity below 0 gives back."""
    return [
        Quota(
            quota.quota_id,
            quota.channel,
            quota.customer_group,
            quota.quantity,
            max(0, quota.consumed + quantity),
        )
        if quota.quota_id == quota_id
        else quota
        for quota in quotas
    ]


def sellable(stock: StockState, channel: str, customer_group: str) -> int:
    """Pieces that a line of that channel and group may have, over all locations together."""
    at_each = threshold(stock.thresholds, channel)
    kept = kept_for_others(stock.quotas, channel, customer_group)
    return max(0, sum(available(position, at_each) for position in stock.positions) - kept)
