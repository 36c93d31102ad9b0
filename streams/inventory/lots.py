"""Lots and serial numbers: which pieces are there, and which of them leave first.

Of a SKU that is tracked, the pieces of the lots at a location are the pieces on hand there, so
whatever changes one changes the other. A serial number is a lot of one piece. A lot of which all
pieces are quarantined stays known with a quantity of 0, so that they can go back on sale with its
expiry. Pieces leave by first expired, first out; what has expired is never picked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from schemas.inventory import LotPick, Refusal
from schemas.stock import (
    Disposition,
    Lot,
    LotsState,
    Movement,
    PositionAt,
    ReceiveStock,
    StockMoved,
)
from streams.inventory.account import Account, BrokenLedger
from streams.inventory.model import HOUR_MS

BY_LOT = "lot"
BY_SERIAL = "serial"
MAXIMUM_LOTS = 5_000
"""lots, or serial numbers, of a SKU at a location; they are one record"""
EXPIRY_AGAIN_MS = 24 * HOUR_MS
"""when expired pieces that are held for orders are looked at again"""


def lots_key(sku: str, location_id: str) -> str:
    """The key of the lots at a location."""
    return f"{sku}|@lots|{location_id}"


def find(account: Account, location_id: str, lot_id: str) -> Lot | None:
    """A lot at a location; None where it is not known there."""
    for lot in _lots(account, location_id):
        if lot.lot_id == lot_id:
            return lot
    return None


def refusal(account: Account, location_id: str, lot_id: str, change: int) -> Refusal | None:
    """Why the sellable pieces of a lot cannot change by so much; None where they can."""
    tracking = account.known.tracking
    if not tracking:
        return Refusal.UNKNOWN_LOT if lot_id else None
    if not lot_id:
        return Refusal.LOT_REQUIRED
    lot = find(account, location_id, lot_id)
    if lot is None:
        return Refusal.UNKNOWN_LOT
    if lot.quantity + change < 0:
        return Refusal.OUT_OF_STOCK
    if lot.quantity + change < lot.allocated:
        return Refusal.BELOW_RESERVED
    if change > 0 and _expired(lot, account.now_ms):
        return Refusal.UNKNOWN_LOT
    if change > 0 and tracking == BY_SERIAL and lot.quantity + change > 1:
        return Refusal.SERIAL_CONFLICT
    return None


def put(
    account: Account, location_id: str, lot_id: str, change: int, *, to_quarantine: bool = False
) -> None:
    """Change the sellable pieces of a lot, which `refusal` has allowed."""
    if not account.known.tracking:
        return
    known = to_quarantine or _stays_known(account, location_id)

    def changed(lot: Lot) -> Lot | None:
        if lot.lot_id != lot_id:
            return lot
        return _left(replace(lot, quantity=lot.quantity + change), known)

    _each(account, location_id, changed)


def add(account: Account, location_id: str, lot_id: str, quantity: int, expires_at_ms: int) -> None:
    """Put pieces of a lot down at a location; where its expiry differs, the earlier one counts."""
    if account.known.tracking:
        _add(account, location_id, [lot_id], quantity, expires_at_ms)


def prune(account: Account, location_id: str, lot_id: str) -> None:
    """Quarantined pieces of a lot were scrapped: forget lots of which nothing is left."""
    tracking = account.known.tracking
    if not tracking:
        return
    known = _stays_known(account, location_id)

    def kept(lot: Lot) -> Lot | None:
        return _left(lot, known or (tracking == BY_SERIAL and lot.lot_id != lot_id))

    _each(account, location_id, kept)


def receive(account: Account, command: ReceiveStock, pieces: int) -> Refusal | None:
    """Put the pieces into their lots; why not, where that cannot be. Scrap needs no lot.

    Pieces that are not sellable only make their lot known, as do those that come expired.
    """
    tracking = account.known.tracking
    if not tracking or command.disposition == Disposition.SCRAP:
        return None
    if tracking == BY_LOT:
        if not command.lot_id:
            return Refusal.LOT_REQUIRED
        ids, each = [command.lot_id], pieces
    else:
        ids, each = command.serials, 1
        if not ids:
            return Refusal.LOT_REQUIRED
        if len(ids) != pieces or len(set(ids)) != pieces or "" in ids:
            return Refusal.SERIAL_CONFLICT
        if _anywhere(account, ids):
            return Refusal.SERIAL_CONFLICT
    known = [lot.lot_id for lot in _lots(account, command.location_id)]
    if len({*known, *ids}) > MAXIMUM_LOTS:
        return Refusal.INVALID_QUANTITY
    if not sellable(account, command.disposition, command.expires_at_ms, command.location_id, ids):
        each = 0
    _add(account, command.location_id, ids, each, command.expires_at_ms)
    return None


def is_there(account: Account, lot_id: str) -> bool:
    """Whether a serial number is at a location, on sale or not, so that it cannot come again."""
    return account.known.tracking == BY_SERIAL and _anywhere(account, [lot_id])


def sellable(
    account: Account, disposition: str, expires_at_ms: int, location_id: str, ids: Iterable[str]
) -> bool:
    """Whether received pieces go on sale: they are fit for it, and their lot has not expired."""
    if disposition != Disposition.SELLABLE:
        return False
    if not account.known.tracking:
        return True
    if 0 < expires_at_ms <= account.now_ms:
        return False
    return not any(
        lot.lot_id in ids and _expired(lot, account.now_ms) for lot in _lots(account, location_id)
    )


def short(account: Account, location_id: str, quantity: int) -> bool:
    """Whether lots are tracked and too few pieces of them are free and have not expired."""
    if not account.known.tracking:
        return False
    now_ms = account.now_ms
    free = sum(
        lot.quantity - lot.allocated
        for lot in _lots(account, location_id)
        if not _expired(lot, now_ms)
    )
    return free < quantity


def pick(account: Account, location_id: str, quantity: int) -> list[LotPick]:
    """Allocate pieces of the lots that expire first; empty where lots are not tracked.

    Raises BrokenLedger where lots are `short`: rules have to ask before.
    """
    if not account.known.tracking:
        return []
    if short(account, location_id, quantity):
        raise BrokenLedger(f"{account.sku} at {location_id}: lots have not {quantity} to pick")
    picks: list[LotPick] = []
    now_ms, rest = account.now_ms, quantity

    def picked(lot: Lot) -> Lot | None:
        nonlocal rest
        taken = min(rest, lot.quantity - lot.allocated)
        if taken <= 0 or _expired(lot, now_ms):
            return lot
        rest -= taken
        picks.append(LotPick(lot.lot_id, taken))
        return replace(lot, allocated=lot.allocated + taken)

    _each(account, location_id, picked)
    return picks


def unpick(account: Account, location_id: str, picks: list[LotPick]) -> None:
    """The picked pieces are free again."""
    of = {picked.lot_id: picked.quantity for picked in picks}

    def freed(lot: Lot) -> Lot | None:
        return replace(lot, allocated=lot.allocated - of.get(lot.lot_id, 0))

    _each(account, location_id, freed)


def ship(account: Account, location_id: str, picks: list[LotPick]) -> None:
    """The picked pieces have left. Their lots stay known while any of them are quarantined."""
    of = {picked.lot_id: picked.quantity for picked in picks}
    known = _stays_known(account, location_id)

    def shipped(lot: Lot) -> Lot | None:
        left = of.get(lot.lot_id, 0)
        if not left:
            return lot
        return _left(
            replace(lot, quantity=lot.quantity - left, allocated=lot.allocated - left), known
        )

    _each(account, location_id, shipped)


def expire(account: Account, location_id: str) -> None:
    """Take free pieces of lots that have expired out of sale, as far as no order holds them."""
    now_ms = account.now_ms
    expired = [
        lot
        for lot in _lots(account, location_id)
        if _expired(lot, now_ms) and lot.quantity > lot.allocated
    ]
    position = account.position(location_id)
    spare = 0 if position is None else position.on_hand - position.reserved - position.allocated
    moved: dict[str, int] = {}
    for lot in expired:
        pieces = min(spare, lot.quantity - lot.allocated)
        if pieces <= 0:
            break
        spare -= pieces
        moved[lot.lot_id] = pieces
        after = account.change(location_id, on_hand=-pieces, quarantined=pieces)
        account.tell(_expiry(account, after, lot, pieces))
    left = [
        replace(lot, quantity=lot.quantity - moved.get(lot.lot_id, 0))
        for lot in _lots(account, location_id)
    ]
    _keep(account, location_id, left, looked_at=True)


def outdate(account: Account, location_id: str, expires_at_ms: int) -> None:
    """Pieces came of a lot that is past its time: those of it that are there do not sell either."""
    if account.known.tracking and 0 < expires_at_ms <= account.now_ms:
        expire(account, location_id)


def settle(account: Account) -> None:
    """Where a command has freed pieces, take the expired ones out before anyone gets them."""
    before = account.before
    spare = {
        position.location_id: position.on_hand - position.reserved - position.allocated
        for position in (before.positions if before is not None else [])
    }
    now_ms = account.now_ms
    for position in account.known.positions:
        location_id = position.location_id
        now_spare = position.on_hand - position.reserved - position.allocated
        if now_spare > spare.get(location_id, 0) and any(
            _expired(lot, now_ms) and lot.quantity > lot.allocated
            for lot in _lots(account, location_id)
        ):
            expire(account, location_id)


def forget(account: Account) -> None:
    """Lots are no longer tracked."""
    for position in account.known.positions:
        account.put(lots_key(account.sku, position.location_id), None)


def _lots(account: Account, location_id: str) -> list[Lot]:
    found = account.get(lots_key(account.sku, location_id), LotsState)
    return found.lots if found is not None else []


def _each(account: Account, location_id: str, rule: Callable[[Lot], Lot | None]) -> None:
    """Put the lots at a location as a rule makes them of what they are; None drops one."""
    made = [rule(lot) for lot in _lots(account, location_id)]
    _keep(account, location_id, [lot for lot in made if lot is not None])


def _keep(account: Account, location_id: str, lots: list[Lot], *, looked_at: bool = False) -> None:
    """Put the lots at a location. What is due stays so until expired pieces are `looked_at`."""
    key = lots_key(account.sku, location_id)
    known = account.get(key, LotsState)
    now_ms = account.now_ms
    moments = [
        lot.expires_at_ms if lot.expires_at_ms > now_ms else now_ms + EXPIRY_AGAIN_MS
        for lot in lots
        if lot.expires_at_ms and lot.quantity > lot.allocated
    ]
    if any(not 0 <= lot.allocated <= lot.quantity for lot in lots):
        raise BrokenLedger(f"{key}: a lot would have more allocated than there is, or less than 0")
    wake_at_ms = min(moments, default=0)
    if known is not None and 0 < known.wake_at_ms <= now_ms and wake_at_ms and not looked_at:
        wake_at_ms = known.wake_at_ms
    if lots:
        account.put(key, LotsState(location_id, lots, wake_at_ms))
    elif known is not None:
        account.put(key, None)


def _add(account: Account, location_id: str, ids: list[str], each: int, expires_at_ms: int) -> None:
    known = {lot.lot_id: lot for lot in _lots(account, location_id)}
    for lot_id in ids:
        lot = known.get(lot_id)
        if lot is None:
            known[lot_id] = Lot(lot_id, each, 0, expires_at_ms)
            continue
        earlier = min(lot.expires_at_ms or math.inf, expires_at_ms or math.inf)
        known[lot_id] = Lot(
            lot_id, lot.quantity + each, lot.allocated, 0 if earlier == math.inf else int(earlier)
        )
    _keep(account, location_id, sorted(known.values(), key=_turn))


def _turn(lot: Lot) -> tuple[float, str]:
    """First expired, first out; what never expires goes last."""
    return (lot.expires_at_ms or math.inf, lot.lot_id)


def first_expiry(found: LotsState | None, now_ms: int) -> float:
    """When the first of the pieces that nobody works on expires; infinity where none does."""
    free = [
        lot.expires_at_ms or math.inf
        for lot in (found.lots if found is not None else [])
        if lot.quantity > lot.allocated and not _expired(lot, now_ms)
    ]
    return min(free, default=math.inf)


def _expired(lot: Lot, now_ms: int) -> bool:
    return 0 < lot.expires_at_ms <= now_ms


def _stays_known(account: Account, location_id: str) -> bool:
    """Whether a lot without sellable pieces may have quarantined ones; serial numbers do not."""
    position = account.position(location_id)
    return account.known.tracking == BY_LOT and position is not None and position.quarantined > 0


def _left(lot: Lot, known: bool) -> Lot | None:
    return lot if lot.quantity or known else None


def _anywhere(account: Account, serials: Iterable[str]) -> bool:
    """Whether one of the serial numbers is at any location, on sale or not."""
    asked = set(serials)
    return any(
        lot.lot_id in asked
        for position in account.known.positions
        for lot in _lots(account, position.location_id)
    )


def _expiry(account: Account, after: PositionAt, lot: Lot, pieces: int) -> StockMoved:
    return StockMoved(
        sku=account.sku,
        location_id=after.location_id,
        movement=Movement.EXPIRY,
        # With what is left: a lot may leave in parts that orders set free at one moment.
        movement_id=f"expiry/{lot.lot_id}/{account.now_ms}/{lot.quantity - pieces}",
        quantity=-pieces,
        in_transit_change=0,
        quarantined_change=pieces,
        on_hand=after.on_hand,
        reserved=after.reserved,
        allocated=after.allocated,
        in_transit=after.in_transit,
        quarantined=after.quarantined,
        lot_id=lot.lot_id,
        reference="",
        reason="lot has expired",
        actor="",
        at_ms=account.now_ms,
    )
