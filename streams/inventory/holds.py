"""Making a reservation and giving it back: the position, the quota and the demand that it moves."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.inventory import (
    ReservationState,
    ReserveStock,
    StockReleased,
    StockReserved,
    StockState,
    Waiting,
)
from schemas.stock import PositionAt
from streams.inventory import lots, quotas, replenishment
from streams.inventory.account import Account

Choice = tuple[int, dict[str, PositionAt], str]
"""index of the location among the ranked ones, what serves the line, and the quota that it uses"""


def choose(stock: StockState, line: ReserveStock | Waiting, leave: int = 0) -> Choice | None:
    """The first ranked location that can serve the whole line; None where none can.

    `leave`: pieces that must be left there, besides the channel's threshold.
    """
    quantity = line.quantity
    serving = serving_positions(stock, quantity + leave, line.channel)
    if not serving:
        return None
    quota_id = ""
    if stock.quotas:
        if quotas.sellable(stock, line.channel, line.customer_group) < quantity:
            return None
        quota_id = quotas.own(stock.quotas, line.channel, line.customer_group, quantity)
    for index, location_id in enumerate(line.locations):
        if location_id in serving:
            return index, serving, quota_id
    return None


def serving_positions(stock: StockState, quantity: int, channel: str) -> dict[str, PositionAt]:
    """The positions from which the channel may have the quantity, by location."""
    if stock.thresholds:
        quantity += quotas.threshold(stock.thresholds, channel)
    return {
        position.location_id: position
        for position in stock.positions
        if position.on_hand - position.reserved - position.allocated - position.safety_stock
        >= quantity
    }


def make(account: Account, stock: StockState, at: PositionAt, wanted: ReservationState) -> None:
    """Reserve what is `wanted` at a position of the stock, which has it available."""
    location_id, quantity = at.location_id, wanted.quantity
    after = PositionAt(
        location_id, at.on_hand, at.reserved + quantity, at.safety_stock, at.allocated,
        at.in_transit, at.quarantined,
    )  # fmt: skip
    positions = [after if position is at else position for position in stock.positions]
    if wanted.quota_id:
        consumed = quotas.consume(stock.quotas, wanted.quota_id, quantity)
        account.stock = replace(stock, positions=positions, quotas=consumed)
    else:
        account.stock = replace(stock, positions=positions)
    account.keep(wanted)
    account.tell(
        StockReserved(
            account.sku, wanted.order_id, wanted.line_id, location_id, quantity,
            after.on_hand, after.reserved, wanted.reserved_until_ms, account.now_ms,
            wanted.quota_id,
        )
    )  # fmt: skip
    if stock.reorder:
        replenishment.demanded(account, location_id, quantity)


def without(stock: StockState, reservation: ReservationState) -> StockState:
    """The stock as it would be if the reservation, which nobody works on, were given back."""
    positions = [
        replace(at, reserved=at.reserved - reservation.quantity)
        if at.location_id == reservation.location_id
        else at
        for at in stock.positions
    ]
    freed = replace(stock, positions=positions)
    if not reservation.quota_id:
        return freed
    return quotas.give_back(freed, reservation.quota_id, reservation.quantity)


def give_back(account: Account, reservation: ReservationState, reason: str) -> None:
    """End a reservation whose pieces have not left."""
    quantity, location_id = reservation.quantity, reservation.location_id
    if reservation.allocated:
        after = account.change(location_id, allocated=-quantity)
        if reservation.lots:
            lots.unpick(account, location_id, reservation.lots)
    else:
        after = account.change(location_id, reserved=-quantity)
    if reservation.quota_id:
        account.stock = quotas.give_back(account.known, reservation.quota_id, quantity)
    account.forget(reservation.order_id, reservation.line_id)
    account.tell(
        StockReleased(
            account.sku, reservation.order_id, reservation.line_id, location_id, quantity,
            after.on_hand, after.reserved, reason, account.now_ms,
            after.allocated, reservation.allocated,
        )
    )  # fmt: skip
    if account.known.reorder:
        replenishment.demanded(account, location_id, -quantity)
