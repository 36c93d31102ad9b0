"""What changes that which is physically there, or on its way, and the ledger of it.

Every accepted movement is a StockMoved with the position afterwards, at each location that it
touches; a refusal is a StockRefused, with a reason in the order of `inventory.Refusal`. A movement
is known by its id for 30 days: the same again changes nothing, another one is refused. SetStock,
ExpectSupply and SetSku have no id, for they say how things are.
"""

from __future__ import annotations

from functools import cache

import msgspec
from msgspec.structs import fields, replace

from schemas.inventory import Refusal, StockRefused, StockState
from schemas.records import Record
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    Disposition,
    ExpectSupply,
    Movement,
    MovementState,
    PositionAt,
    ReceiveStock,
    ReceiveTransfer,
    SetSku,
    SetStock,
    ShipTransfer,
    StockMoved,
    StockSet,
    TransferState,
)
from streams.content import hash_of
from streams.inventory import answers, handling, lots, supply
from streams.inventory.account import Account
from streams.inventory.model import HOUR_MS

REMEMBERED_MS = 30 * 24 * HOUR_MS
"""how long a movement's id is known"""

TIMERS = ("@movement", "@lots")
"""second parts of the keys that `wake` takes"""

Identified = (
    AdjustStock | CountStock | ReceiveStock | ChangeDisposition | ShipTransfer | ReceiveTransfer
)
Moving = SetStock | ExpectSupply | SetSku | Identified


def decide(account: Account, command: Moving) -> None:
    """Carry out a command about stock, or tell why not. Raises ValueError for a foreign SKU."""
    if command.sku != account.sku:
        raise ValueError(f"{type(command).__name__} of {command.sku} came under {account.sku}")
    if account.stock is None and ("|" in account.sku or account.sku.startswith("@")):
        # Such a name would run into the keys of reservations and of locations.
        _refuse(account, command, Refusal.UNKNOWN_SKU)
        return
    match command:
        case SetStock():
            _set(account, command)
        case ExpectSupply():
            _refuse_if(account, command, supply.expect(account, command))
        case SetSku():
            _refuse_if(account, command, handling.set_sku(account, command))
        case _:
            _move_once(account, command)


def wake(account: Account, key: str) -> None:
    """A movement is old enough to be forgotten, or a lot has expired."""
    kind, _, name = key.removeprefix(f"{account.sku}|@").partition("|")
    match kind:
        case "movement":
            account.put(key, None)
        case "lots":
            lots.expire(account, name)
        case _:
            raise ValueError(f"{key} has no timer")


def movement_key(sku: str, movement_id: str) -> str:
    """The key under which a movement is remembered."""
    return f"{sku}|@movement|{movement_id}"


def transfer_key(sku: str, transfer_id: str) -> str:
    """The key of a transfer that is under way."""
    return f"{sku}|@transfer|{transfer_id}"


def content_hash(command: Record) -> int:
    """63 bits of what a command says: tells a repeat from a conflict.

    It is kept in the state, so fields with their default value are left out: one that a command
    gains later must not turn a repeat of an older one into a conflict.
    """
    kind = type(command)
    content = [
        (name, value)
        for name, default in _fields(kind)
        if (value := getattr(command, name)) != default
    ]
    return hash_of((kind.__name__, content))


@cache
def _fields(kind: type[Record]) -> list[tuple[str, object]]:
    """Names and default values; a field without one has a value that nothing equals."""
    return [
        (
            field.name,
            field.default
            if field.default_factory is msgspec.NODEFAULT
            else field.default_factory(),
        )
        for field in fields(kind)
    ]


def _move_once(account: Account, command: Identified) -> None:
    """Carry out a movement, unless its id has been used."""
    key = movement_key(account.sku, command.movement_id)
    known = account.get(key, MovementState)
    digest = content_hash(command)
    if known is not None and known.content_hash == digest:
        answers.taken_in(account, command)
        return
    if known is not None or not command.movement_id:
        _refuse(account, command, Refusal.MOVEMENT_CONFLICT)
        return
    match command:
        case AdjustStock():
            reason = _adjust(account, command)
        case CountStock():
            reason = _count(account, command)
        case ReceiveStock():
            reason = _receive(account, command)
        case ChangeDisposition():
            reason = _change_disposition(account, command)
        case ShipTransfer():
            reason = _ship_transfer(account, command)
        case ReceiveTransfer():
            reason = _receive_transfer(account, command)
    if reason is not None:
        _refuse(account, command, reason)
        return
    wake_at_ms = account.now_ms + REMEMBERED_MS
    account.put(key, MovementState(command.movement_id, digest, wake_at_ms))
    answers.taken_in(account, command)


def _set(account: Account, command: SetStock) -> None:
    """Take a count as the truth, unless more than that is already promised.

    A million of these come with an import, so this is written out: nothing is made twice.
    """
    stock, location_id, on_hand = account.stock, command.location_id, command.on_hand
    before = account.position(location_id)
    if on_hand < 0 or command.safety_stock < 0:
        _refuse(account, command, Refusal.INVALID_QUANTITY)
        return
    if before is None:
        after = PositionAt(location_id, on_hand, 0, command.safety_stock)
    else:
        if on_hand < before.reserved + before.allocated:
            _refuse(account, command, Refusal.BELOW_RESERVED)
            return
        after = PositionAt(
            location_id, on_hand, before.reserved, command.safety_stock,
            before.allocated, before.in_transit, before.quarantined,
        )  # fmt: skip
    previously = before.on_hand if before is not None else 0
    if stock is None:
        account.stock = StockState(account.sku, [after])
    else:
        if stock.tracking and on_hand != previously:
            _refuse(account, command, Refusal.LOT_REQUIRED)
            return
        if stock.components:
            _refuse(account, command, Refusal.KIT_HAS_NO_STOCK)
            return
        if before is None:
            positions = [*stock.positions, after]
        else:
            positions = [after if one is before else one for one in stock.positions]
        account.stock = replace(stock, positions=positions)
    account.tell(
        StockSet(
            account.sku, location_id, on_hand, after.reserved, after.safety_stock, command.cause,
            account.now_ms, after.allocated, previously, command.actor,
        )
    )  # fmt: skip


def _adjust(account: Account, command: AdjustStock) -> Refusal | None:
    """Correct what is on hand by a difference. Pieces that are held for orders stay."""
    location_id, quantity, lot_id = command.location_id, command.quantity, command.lot_id
    reason = (
        _unknown(account, location_id)
        or (Refusal.INVALID_QUANTITY if not quantity else None)
        or _too_few(account, location_id, -quantity)
        or lots.refusal(account, location_id, lot_id, quantity)
    )
    if reason is not None:
        return reason
    lots.put(account, location_id, lot_id, quantity)
    after = account.change(location_id, on_hand=quantity)
    _tell(account, command, after, Movement.ADJUSTMENT, quantity=quantity, lot_id=lot_id)
    return None


def _count(account: Account, command: CountStock) -> Refusal | None:
    """Take a count as the truth: of the location, or of a lot there. It opens the position."""
    location_id, lot_id = command.location_id, command.lot_id
    if command.counted < 0:
        return Refusal.INVALID_QUANTITY
    before = account.position(location_id)
    known = before.on_hand if before is not None else 0
    if account.known.tracking:
        lot = lots.find(account, location_id, lot_id)
        known = lot.quantity if lot is not None else 0
    difference = command.counted - known
    reason = (
        _too_few(account, location_id, -difference)
        or lots.refusal(account, location_id, lot_id, difference)
        or _kit(account)
    )
    if reason is not None:
        return reason
    lots.put(account, location_id, lot_id, difference)
    after = account.change(location_id, on_hand=difference)
    _tell(account, command, after, Movement.COUNT, quantity=difference, lot_id=lot_id)
    return None


def _receive(account: Account, command: ReceiveStock) -> Refusal | None:
    """Goods have come. They open the position, and what they were expected as is no longer to come.

    Sellable pieces go on hand, unless their lot has expired; others are quarantined. Scrap is told
    in two lines, as what happened: so many pieces came, and the same were thrown away.
    """
    disposition = Disposition(command.disposition)
    location_id = command.location_id
    factor = _pieces_of(account, command.unit)
    if factor is None:
        return Refusal.UNKNOWN_UNIT
    if command.quantity < 1:
        return Refusal.INVALID_QUANTITY
    pieces = command.quantity * factor
    kit = _kit(account)
    if kit is not None:
        return kit
    ids = [command.lot_id, *command.serials]
    on_sale = lots.sellable(account, disposition, command.expires_at_ms, location_id, ids)
    reason = lots.receive(account, command, pieces)
    if reason is not None:
        return reason
    movement = Movement.RETURN if command.is_return else Movement.RECEIPT
    lot_id = _lot_of(account, command)
    if on_sale:
        after = account.change(location_id, on_hand=pieces)
        _tell(account, command, after, movement, quantity=pieces, lot_id=lot_id)
    else:
        after = account.change(location_id, quarantined=pieces)
        _tell(account, command, after, movement, quarantined=pieces, lot_id=lot_id)
    if disposition == Disposition.SCRAP:
        after = account.change(location_id, quarantined=-pieces)
        _tell(account, command, after, Movement.DISPOSITION, quarantined=-pieces, lot_id=lot_id)
    lots.outdate(account, location_id, command.expires_at_ms)
    if command.supply_id:
        supply.arrived(account, command.supply_id, pieces, command.reason)
    return None


def _change_disposition(account: Account, command: ChangeDisposition) -> Refusal | None:
    """Take pieces out of sale, put them back, or scrap them. Scrap does not come back."""
    source = Disposition(command.from_disposition)
    target = Disposition(command.to_disposition)
    location_id, lot_id, quantity = command.location_id, command.lot_id, command.quantity
    on_hand = quantity * ((target == Disposition.SELLABLE) - (source == Disposition.SELLABLE))
    quarantined = quantity * (_is_quarantined(target) - _is_quarantined(source))
    reason = _unknown(account, location_id)
    if reason is not None:
        return reason
    if quantity < 1 or source in (target, Disposition.SCRAP):
        return Refusal.INVALID_QUANTITY
    position = account.position(location_id)
    assert position is not None
    if _is_quarantined(source) and position.quarantined < quantity:
        return Refusal.OUT_OF_STOCK
    reason = _too_few(account, location_id, -on_hand) or (
        lots.refusal(account, location_id, lot_id, on_hand)
    )
    if reason is not None:
        return reason
    after = account.change(location_id, on_hand=on_hand, quarantined=quarantined)
    if on_hand:
        lots.put(account, location_id, lot_id, on_hand, to_quarantine=quarantined > 0)
    if target == Disposition.SCRAP and _is_quarantined(source):
        lots.prune(account, location_id, lot_id)
    _tell(
        account, command, after, Movement.DISPOSITION,
        quantity=on_hand, quarantined=quarantined, lot_id=lot_id,
    )  # fmt: skip
    return None


def _ship_transfer(account: Account, command: ShipTransfer) -> Refusal | None:
    """Pieces are under way: gone where they were, in transit where they go, in two lines."""
    source, target, quantity = command.from_location_id, command.location_id, command.quantity
    key = transfer_key(account.sku, command.movement_id)
    if account.get(key, TransferState) is not None:
        return Refusal.MOVEMENT_CONFLICT
    reason = (
        _unknown(account, source)
        or (Refusal.INVALID_QUANTITY if quantity < 1 or source == target else None)
        or _too_few(account, source, quantity)
        or lots.refusal(account, source, command.lot_id, -quantity)
    )
    if reason is not None:
        return reason
    lot = lots.find(account, source, command.lot_id)
    expires_at_ms = lot.expires_at_ms if lot is not None else 0
    lots.put(account, source, command.lot_id, -quantity)
    left = account.change(source, on_hand=-quantity)
    coming = account.change(target, in_transit=quantity)
    account.put(
        key,
        TransferState(
            command.movement_id, source, target, quantity, command.expected_at_ms,
            command.lot_id, expires_at_ms,
        ),
    )  # fmt: skip
    out, lot_id = Movement.TRANSFER_OUT, command.lot_id
    _tell(account, command, left, out, quantity=-quantity, lot_id=lot_id)
    _tell(account, command, coming, out, in_transit=quantity, lot_id=lot_id)
    return None


def _receive_transfer(account: Account, command: ReceiveTransfer) -> Refusal | None:
    """Part or all of a transfer has come, or will not come any more. Expired pieces do not sell."""
    if account.stock is None:
        return Refusal.UNKNOWN_SKU
    quantity, lost = command.quantity, command.lost
    if quantity < 0 or lost < 0 or quantity + lost < 1:
        return Refusal.INVALID_QUANTITY
    key = transfer_key(account.sku, command.transfer_id)
    transfer = account.get(key, TransferState)
    if transfer is None:
        return Refusal.UNKNOWN_TRANSFER
    if quantity + lost > transfer.quantity:
        return Refusal.INVALID_QUANTITY
    location_id, lot_id = transfer.location_id, transfer.lot_id
    if quantity and lots.is_there(account, lot_id):
        return Refusal.SERIAL_CONFLICT
    if quantity:
        expires_at_ms = transfer.expires_at_ms
        fit = lots.sellable(account, Disposition.SELLABLE, expires_at_ms, location_id, [lot_id])
        sold, kept = (quantity, 0) if fit else (0, quantity)
        lots.add(account, location_id, lot_id, sold, expires_at_ms)
        after = account.change(location_id, on_hand=sold, quarantined=kept, in_transit=-quantity)
        _tell(
            account, command, after, Movement.TRANSFER_IN,
            quantity=sold, quarantined=kept, in_transit=-quantity, lot_id=lot_id,
        )  # fmt: skip
        lots.outdate(account, location_id, expires_at_ms)
    if lost:
        after = account.change(location_id, in_transit=-lost)
        _tell(account, command, after, Movement.TRANSFER_LOSS, in_transit=-lost, lot_id=lot_id)
    rest = transfer.quantity - quantity - lost
    account.put(key, replace(transfer, quantity=rest) if rest else None)
    return None


def _unknown(account: Account, location_id: str) -> Refusal | None:
    """Why nothing can be taken from a location: nobody knows of it."""
    if account.stock is None:
        return Refusal.UNKNOWN_SKU
    return Refusal.UNKNOWN_POSITION if account.position(location_id) is None else None


def _too_few(account: Account, location_id: str, pieces: int) -> Refusal | None:
    """Why so many pieces on hand cannot leave a location; None for 0 or fewer."""
    position = account.position(location_id)
    if position is None or pieces <= 0:
        return None
    if pieces > position.on_hand:
        return Refusal.OUT_OF_STOCK
    held = position.reserved + position.allocated
    return Refusal.BELOW_RESERVED if position.on_hand - pieces < held else None


def _kit(account: Account) -> Refusal | None:
    return Refusal.KIT_HAS_NO_STOCK if account.known.components else None


def _is_quarantined(disposition: Disposition) -> bool:
    return disposition in (Disposition.REFURBISH, Disposition.DAMAGED)


def _pieces_of(account: Account, unit: str) -> int | None:
    """Pieces in a unit; None where the SKU has no such unit."""
    if not unit:
        return 1
    return next((one.pieces for one in account.known.units if one.code == unit), None)


def _lot_of(account: Account, command: ReceiveStock) -> str:
    """The lot of a line of the ledger; empty for more than one."""
    match account.known.tracking:
        case lots.BY_LOT:
            return command.lot_id
        case lots.BY_SERIAL if len(command.serials) == 1:
            return command.serials[0]
        case _:
            return ""


def _tell(
    account: Account,
    command: Identified,
    after: PositionAt,
    movement: Movement,
    *,
    quantity: int = 0,
    in_transit: int = 0,
    quarantined: int = 0,
    lot_id: str = "",
) -> None:
    """Write a line of the ledger: what has changed, and the position afterwards."""
    match command:
        case ReceiveStock():
            reference = command.reference
        case ReceiveTransfer():
            reference = command.transfer_id
        case ShipTransfer():
            reference = command.movement_id
        case _:
            reference = ""
    account.tell(
        StockMoved(
            sku=account.sku,
            location_id=after.location_id,
            movement=movement,
            movement_id=command.movement_id,
            quantity=quantity,
            in_transit_change=in_transit,
            quarantined_change=quarantined,
            on_hand=after.on_hand,
            reserved=after.reserved,
            allocated=after.allocated,
            in_transit=after.in_transit,
            quarantined=after.quarantined,
            lot_id=lot_id,
            reference=reference,
            reason=command.reason,
            actor=command.actor,
            at_ms=account.now_ms,
        )
    )


def _refuse_if(account: Account, command: Moving, reason: Refusal | None) -> None:
    if reason is not None:
        _refuse(account, command, reason)


def _refuse(account: Account, command: Moving, reason: Refusal) -> None:
    """Tell that nothing has changed, and why; of a supply under its id."""
    quantity, movement_id, location_id, actor = 0, "", "", ""
    match command:
        case SetStock():
            quantity, location_id, actor = command.on_hand, command.location_id, command.actor
        case ExpectSupply():
            quantity, movement_id = command.quantity, command.supply_id
            location_id = command.location_id
        case SetSku():
            actor = command.actor
        case _:
            movement_id, actor = command.movement_id, command.actor
            quantity = command.counted if isinstance(command, CountStock) else command.quantity
            location_id = _place(account, command)
    account.tell(
        StockRefused(
            account.sku, "", "", quantity, reason, account.now_ms, movement_id, location_id, actor
        )
    )
    answers.taken_in(account, command, reason)


def _place(account: Account, command: Identified) -> str:
    """Where a movement would have changed something; empty where that is not known."""
    match command:
        case ShipTransfer():
            return command.from_location_id
        case ReceiveTransfer():
            transfer = account.get(transfer_key(account.sku, command.transfer_id), TransferState)
            return transfer.location_id if transfer is not None else ""
        case _:
            return command.location_id
