"""How a SKU is handled: thresholds, quotas, units, components, tracking, reorder rules."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from schemas.inventory import Refusal, StockState
from schemas.stock import PositionAt, SetSku, SkuSet
from streams.inventory import lots, quotas
from streams.inventory.account import Account

TRACKING = ("", lots.BY_LOT, lots.BY_SERIAL)


def set_sku(account: Account, command: SetSku) -> Refusal | None:
    """Replace what was said of the SKU before; why not, where it is nonsense. Says nothing twice.

    Quotas keep what is consumed of them. Lots begin to be tracked while nothing is there or on its
    way, for nobody knows the lots of such pieces, and become a kit only SKUs without stock. A kit
    has no quotas: what is kept for someone are pieces, and those are its components'.
    """
    stock = account.known
    if not _makes_sense(command):
        return Refusal.INVALID_QUANTITY
    if (
        command.tracking
        and command.tracking != stock.tracking
        and any(map(_has_stock, stock.positions))
    ):
        return Refusal.LOT_REQUIRED
    kit = bool(command.components) and not stock.components
    if kit and (stock.waiting or stock.supplies or any(map(_has_stock, stock.positions))):
        return Refusal.KIT_HAS_NO_STOCK
    said, dropped = quotas.said(stock, command.quotas)
    after = replace(
        stock,
        positions=[] if kit else stock.positions,
        thresholds=command.thresholds,
        quotas=said,
        dropped=dropped,
        units=command.units,
        components=command.components,
        tracking=command.tracking,
        low_at=command.low_at,
        reorder=command.reorder,
    )
    if after == account.stock:
        return None
    if stock.tracking and command.tracking != stock.tracking:
        lots.forget(account)
    account.stock = after
    account.tell(_told(after, command.actor, account.now_ms))
    return None


def _told(after: StockState, actor: str, now_ms: int) -> SkuSet:
    return SkuSet(
        sku=after.sku,
        thresholds=after.thresholds,
        quotas=after.quotas,
        units=after.units,
        components=after.components,
        tracking=after.tracking,
        low_at=after.low_at,
        reorder=after.reorder,
        actor=actor,
        at_ms=now_ms,
    )


def _has_stock(position: PositionAt) -> bool:
    return bool(position.on_hand or position.in_transit or position.quarantined)


def _makes_sense(command: SetSku) -> bool:
    """Whether every figure can be meant, and every name is said once."""
    return (
        command.low_at >= 0
        and command.tracking in TRACKING
        and not (command.components and (command.tracking or command.quotas))
        and all(one.channel and one.quantity >= 0 for one in command.thresholds)
        and _once(one.channel for one in command.thresholds)
        and all(
            quota.quota_id
            and quota.quantity >= 0
            # For a channel or for a group, and not for both.
            and bool(quota.channel) != bool(quota.customer_group)
            for quota in command.quotas
        )
        and _once(quota.quota_id for quota in command.quotas)
        and all(unit.code and unit.pieces >= 1 for unit in command.units)
        and _once(unit.code for unit in command.units)
        and all(
            part.quantity >= 1 and part.sku not in ("", command.sku) for part in command.components
        )
        and _once(part.sku for part in command.components)
        and all(
            rule.location_id
            and 0 < rule.service_level < 1
            and min(
                rule.lead_time_days,
                rule.reorder_point,
                rule.review_days,
                rule.minimum,
                rule.multiple,
            )
            >= 0
            for rule in command.reorder
        )
        and _once(rule.location_id for rule in command.reorder)
    )


def _once(names: Iterable[str]) -> bool:
    seen = list(names)
    return len(seen) == len(set(seen))
