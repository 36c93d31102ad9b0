"""What suppliers have promised, as it stands: the supplies of a SKU."""

from __future__ import annotations

import math

from msgspec.structs import replace

from schemas.inventory import Refusal
from schemas.stock import ExpectSupply, Supply, SupplyExpected
from streams.inventory.account import Account

MAXIMUM_SUPPLIES = 500
"""expected supplies of a SKU"""


def expect(account: Account, command: ExpectSupply) -> Refusal | None:
    """What is promised of a supply, as it stands from now on; why not, where that cannot be.

    It is new, it slips or changes, or it is withdrawn. What is known already is not told again.
    """
    stock = account.known
    known = next((one for one in stock.supplies if one.supply_id == command.supply_id), None)
    others = [one for one in stock.supplies if one is not known]
    if command.quantity < 0 or not command.supply_id:
        return Refusal.INVALID_QUANTITY
    if command.quantity and known is None and len(others) >= MAXIMUM_SUPPLIES:
        return Refusal.QUEUE_FULL
    if command.quantity and stock.components:
        return Refusal.KIT_HAS_NO_STOCK
    supply = Supply(
        command.supply_id, command.location_id, command.quantity, command.expected_at_ms
    )
    if supply == known or (known is None and not supply.quantity):
        return None
    if supply.quantity:
        others = sorted([*others, supply], key=_due)
    account.stock = replace(stock, supplies=others)
    _expected(account, supply, known.quantity if known is not None else 0, command.reason)
    return None


def arrived(account: Account, supply_id: str, pieces: int, reason: str) -> None:
    """Less is to come of a supply, never less than nothing. One that is unknown changes nothing."""
    stock = account.known
    for supply in stock.supplies:
        if supply.supply_id == supply_id:
            rest = replace(supply, quantity=max(0, supply.quantity - pieces))
            supplies = [rest if one is supply else one for one in stock.supplies]
            account.stock = replace(stock, supplies=[one for one in supplies if one.quantity])
            _expected(account, rest, supply.quantity, reason)


def _due(supply: Supply) -> tuple[float, str]:
    """Earliest first; what has no date goes last."""
    return (supply.expected_at_ms or math.inf, supply.supply_id)


def _expected(account: Account, supply: Supply, previously: int, reason: str) -> None:
    account.tell(
        SupplyExpected(
            account.sku, supply.supply_id, supply.location_id, supply.quantity, previously,
            supply.expected_at_ms, reason, account.now_ms,
        )
    )  # fmt: skip
