"""Which of several locations a line is reserved at, where routing leaves that to the stock."""

from __future__ import annotations

import math

from schemas.inventory import ReserveStock, StockChoice
from schemas.stock import LotsState, PositionAt
from streams.inventory.account import Account
from streams.inventory.holds import Choice
from streams.inventory.lots import first_expiry, lots_key


def chosen(account: Account, command: ReserveStock, choice: Choice) -> Choice:
    """The choice with the location that stock speaks for, where the first that can serve the line
    is one of several among which it decides."""
    index, serving, quota_id = choice
    locations = command.locations
    for among in command.choices:
        if among.first <= index <= among.last:
            able = [
                number
                for number in range(index, min(among.last + 1, len(locations)))
                if locations[number] in serving
            ]
            best = min(able, key=lambda at: _weight(account, among.by, serving[locations[at]]))
            return best, serving, quota_id
    return choice


def _weight(account: Account, by: str, at: PositionAt) -> float:
    """What a location is compared by; the less, the better."""
    if by == StockChoice.OVERSTOCK:
        return at.reserved + at.allocated + at.safety_stock - at.on_hand
    if not account.known.tracking:
        return math.inf
    found = account.get(lots_key(account.sku, at.location_id), LotsState)
    return first_expiry(found, account.now_ms)
