"""What the inventory room decides. Every function is pure.

Each takes the SKU's positions and the reservation in question and gives both as they are to be,
with the records to write; the same objects again mean that nothing changes.
"""

from __future__ import annotations

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    MoveReservation,
    Refusal,
    ReleaseStock,
    ReservationMoved,
    ReservationState,
    ReserveStock,
    StockRefused,
    StockReleased,
    StockReserved,
    StockState,
)
from schemas.messages import Send
from schemas.orders import RecordReservation
from schemas.records import Record
from schemas.stock import PositionAt, SetStock, StockSet
from schemas.topics import FULFILLMENT_COMMANDS, INVENTORY_EVENTS, ORDERS_COMMANDS
from streams.inventory.model import ALSO_AT_MAXIMUM, available

Decision = tuple[StockState | None, ReservationState | None, list[Send]]


def decide(
    stock: StockState | None,
    reservation: ReservationState | None,
    command: Record,
    now_ms: int,
) -> Decision:
    """Stock and reservation after `command`, and what to write. Raises TypeError if foreign."""
    match command:
        case ReserveStock():
            return _reserve(stock, reservation, command, now_ms)
        case ReleaseStock():
            return _release(stock, reservation, command, now_ms)
        case MoveReservation():
            return _move(stock, reservation, command, now_ms)
        case SetStock():
            return _set(stock, command, now_ms)
    raise TypeError(f"the inventory room takes no {type(command).__name__}")


def _set(stock: StockState | None, command: SetStock, now_ms: int) -> Decision:
    """Take a count as the truth, unless more than that is already promised."""
    sku, location_id = command.sku, command.location_id
    positions = stock.positions if stock is not None else []
    before = _position(positions, location_id)
    reserved = before.reserved if before is not None else 0
    if command.on_hand < reserved:
        refused = _refused(sku, "", "", command.on_hand, Refusal.BELOW_RESERVED, now_ms)
        return stock, None, [refused]
    counted = PositionAt(location_id, command.on_hand, reserved, command.safety_stock)
    event = StockSet(
        sku, location_id, command.on_hand, reserved, command.safety_stock, command.cause, now_ms
    )
    sends = [Send(INVENTORY_EVENTS, sku, event)]
    if before is None:
        return StockState(sku, [*positions, counted]), None, sends
    return StockState(sku, _with(positions, before, counted)), None, sends


def _reserve(
    stock: StockState | None,
    reservation: ReservationState | None,
    command: ReserveStock,
    now_ms: int,
) -> Decision:
    """Reserve at the first ranked location that has the whole quantity."""
    if reservation is not None:
        return _reserve_again(stock, reservation, command, now_ms)
    if stock is None:
        return None, None, _refuse_line(command, Refusal.UNKNOWN_SKU, now_ms)
    quantity = command.quantity
    at = {position.location_id: position for position in stock.positions}
    for index, location_id in enumerate(command.locations):
        before = at.get(location_id)
        if before is None or available(before) < quantity:
            continue
        after = PositionAt(
            location_id, before.on_hand, before.reserved + quantity, before.safety_stock
        )
        made = ReservationState(
            command.order_id, command.line_id, command.sku, location_id, quantity,
            command.attempt, command.reserved_until_ms,
        )  # fmt: skip
        event = StockReserved(
            command.sku, command.order_id, command.line_id, location_id, quantity,
            after.on_hand, after.reserved, command.reserved_until_ms, now_ms,
        )  # fmt: skip
        also_at = _serving(at, command.locations, index + 1, quantity)
        return (
            StockState(command.sku, _with(stock.positions, before, after)),
            made,
            [Send(INVENTORY_EVENTS, command.sku, event), _reply(made, also_at)],
        )
    return stock, None, _refuse_line(command, Refusal.OUT_OF_STOCK, now_ms)


def _reserve_again(
    stock: StockState | None,
    reservation: ReservationState,
    command: ReserveStock,
    now_ms: int,
) -> Decision:
    """The same wish again has the same answer; another quantity or attempt is a conflict."""
    if reservation.quantity != command.quantity or reservation.attempt != command.attempt:
        refused = _refuse_line(command, Refusal.RESERVATION_CONFLICT, now_ms)
        return stock, reservation, refused
    at = {position.location_id: position for position in stock.positions} if stock else {}
    further = [name for name in command.locations if name != reservation.location_id]
    also_at = _serving(at, further, 0, command.quantity)
    return stock, reservation, [_reply(reservation, also_at)]


def _serving(
    at: dict[str, PositionAt], locations: list[str], start: int, quantity: int
) -> list[str]:
    """The locations from `start` on that could serve `quantity` at this moment."""
    found: list[str] = []
    for index in range(start, len(locations)):
        position = at.get(locations[index])
        if position is not None and available(position) >= quantity:
            found.append(position.location_id)
            if len(found) == ALSO_AT_MAXIMUM:
                break
    return found


def _release(
    stock: StockState | None,
    reservation: ReservationState | None,
    command: ReleaseStock,
    now_ms: int,
) -> Decision:
    if reservation is None or stock is None:
        refused = _refused(
            command.sku, command.order_id, command.line_id, 0, Refusal.UNKNOWN_RESERVATION, now_ms
        )
        return stock, reservation, [refused]
    before = _known(stock.positions, reservation.location_id)
    after = _less(before, reservation.quantity)
    event = StockReleased(
        command.sku, command.order_id, command.line_id, reservation.location_id,
        reservation.quantity, after.on_hand, after.reserved, command.reason, now_ms,
    )  # fmt: skip
    released = StockState(stock.sku, _with(stock.positions, before, after))
    return released, None, [Send(INVENTORY_EVENTS, command.sku, event)]


def _move(
    stock: StockState | None,
    reservation: ReservationState | None,
    command: MoveReservation,
    now_ms: int,
) -> Decision:
    if reservation is None or stock is None:
        return stock, reservation, _refuse_move(command, None, Refusal.UNKNOWN_RESERVATION, now_ms)
    quantity = reservation.quantity
    if reservation.location_id == command.location_id:
        return stock, reservation, [_moved(command, True, command.location_id)]
    target = _position(stock.positions, command.location_id)
    if target is None or available(target) < quantity:
        return stock, reservation, _refuse_move(command, reservation, Refusal.OUT_OF_STOCK, now_ms)
    source = _known(stock.positions, reservation.location_id)
    source_after = _less(source, quantity)
    target_after = PositionAt(
        target.location_id, target.on_hand, target.reserved + quantity, target.safety_stock
    )
    positions = _with(stock.positions, source, source_after)
    event = ReservationMoved(
        command.sku, command.order_id, command.line_id, quantity,
        source.location_id, source_after.on_hand, source_after.reserved,
        target.location_id, target_after.on_hand, target_after.reserved, now_ms,
    )  # fmt: skip
    return (
        StockState(stock.sku, _with(positions, target, target_after)),
        ReservationState(
            command.order_id, command.line_id, command.sku, target.location_id, quantity,
            reservation.attempt, reservation.reserved_until_ms,
        ),
        [
            Send(INVENTORY_EVENTS, command.sku, event),
            _moved(command, True, target.location_id),
        ],
    )  # fmt: skip


def _position(positions: list[PositionAt], location_id: str) -> PositionAt | None:
    for position in positions:
        if position.location_id == location_id:
            return position
    return None


def _known(positions: list[PositionAt], location_id: str) -> PositionAt:
    """The position that a reservation stands at. Raises LookupError, for it must be there."""
    position = _position(positions, location_id)
    if position is None:
        raise LookupError(f"a reservation stands at {location_id}, which has no stock record")
    return position


def _less(position: PositionAt, quantity: int) -> PositionAt:
    """The position with `quantity` no longer reserved. Raises ValueError below zero."""
    reserved = position.reserved - quantity
    if reserved < 0:
        raise ValueError(f"{position.location_id}: {quantity} given back of {position.reserved}")
    return PositionAt(position.location_id, position.on_hand, reserved, position.safety_stock)


def _with(positions: list[PositionAt], old: PositionAt, new: PositionAt) -> list[PositionAt]:
    return [new if position is old else position for position in positions]


def _reply(made: ReservationState, also_at: list[str]) -> Send:
    record = RecordReservation(
        made.order_id, made.line_id, made.attempt, True, made.location_id, "", also_at
    )
    return Send(ORDERS_COMMANDS, made.order_id, record)


def _refuse_line(command: ReserveStock, reason: Refusal, now_ms: int) -> list[Send]:
    order_id, line_id = command.order_id, command.line_id
    reply = RecordReservation(order_id, line_id, command.attempt, False, "", reason, [])
    return [
        _refused(command.sku, order_id, line_id, command.quantity, reason, now_ms),
        Send(ORDERS_COMMANDS, order_id, reply),
    ]


def _refuse_move(
    command: MoveReservation, reservation: ReservationState | None, reason: Refusal, now_ms: int
) -> list[Send]:
    quantity, stays_at = 0, ""
    if reservation is not None:
        quantity, stays_at = reservation.quantity, reservation.location_id
    return [
        _refused(command.sku, command.order_id, command.line_id, quantity, reason, now_ms),
        _moved(command, False, stays_at),
    ]


def _moved(command: MoveReservation, moved: bool, location_id: str) -> Send:
    reply = RecordMove(command.order_id, command.line_id, moved, location_id)
    return Send(FULFILLMENT_COMMANDS, command.order_id, reply)


def _refused(
    sku: str, order_id: str, line_id: str, quantity: int, reason: Refusal, now_ms: int
) -> Send:
    event = StockRefused(sku, order_id, line_id, quantity, reason, now_ms)
    return Send(INVENTORY_EVENTS, sku, event)
