"""Who gets stock: what is decided about one line of an order. No I/O, no clock.

A reservation with an end of its own (`wake_at_ms`) is nobody's yet: a basket's, or one that the
queue made for a line that waited. It has the attempt that asked or waited, and a later attempt of
the same order takes it over, with which that end is gone.
"""

from __future__ import annotations

from collections.abc import Container

from msgspec.structs import replace

from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    KitState,
    MoveReservation,
    Refusal,
    ReleaseStock,
    ReservationExtended,
    ReservationMoved,
    ReservationState,
    ReserveStock,
    ShipStock,
    StockAllocated,
    StockShipped,
    StockState,
    Waiting,
)
from streams.inventory import answers, choosing, holds, kits, lots, queue, quotas, replenishment
from streams.inventory.account import Account
from streams.inventory.model import ALSO_AT_MAXIMUM, EXPIRED, RESIZED, SERVED, available

Reservation = (
    ReserveStock | ReleaseStock | MoveReservation | ExtendReservation | AllocateStock | ShipStock
)


def decide(account: Account, command: Reservation) -> None:
    """Carry out a command about a line, or tell why not."""
    line = account.line(command.order_id, command.line_id)
    match command:
        case ReserveStock():
            if command.held:
                _resize(account, line, command)
            elif line is not None:
                _reserve_again(account, line, command)
            else:
                _reserve(account, command)
        case ReleaseStock():
            _release(account, line, command)
        case MoveReservation():
            _move(account, line, command)
        case ExtendReservation():
            _extend(account, line, command)
        case AllocateStock():
            _allocate(account, line, command)
        case ShipStock():
            _ship(account, line, command)


def expire(account: Account, key: str) -> None:
    """The time of a reservation, or of a kit's, has come."""
    _, order_id, line_id = key.split("|", 2)
    line = account.line(order_id, line_id)
    if line is None:
        return
    if not line.wake_at_ms or line.wake_at_ms > account.now_ms:
        account.keep(line)
    elif isinstance(line, KitState):
        kits.release(account, line, EXPIRED)
    else:
        holds.give_back(account, line, EXPIRED)


def _reserve(account: Account, command: ReserveStock) -> None:
    """Reserve at the first ranked location that has the whole quantity."""
    stock = account.stock
    if stock is None:
        answers.refused(account, command, Refusal.UNKNOWN_SKU)
    elif command.quantity < 1:
        answers.refused(account, command, Refusal.INVALID_QUANTITY)
    elif stock.components:
        kits.reserve(account, stock.components, command)
    elif stock.waiting and (place := queue.place(stock, command)) is not None:
        _reserve_waiting(account, stock, place, command)
    elif (choice := holds.choose(stock, command, command.leave)) is not None:
        _grant(account, stock, command, choice)
    elif not command.backorder:
        answers.refused(account, command, Refusal.OUT_OF_STOCK)
    elif queue.is_full(stock):
        answers.refused(account, command, Refusal.QUEUE_FULL)
    else:
        answers.waits(account, queue.join(account, command), command)


def _grant(
    account: Account, stock: StockState, command: ReserveStock, choice: holds.Choice
) -> None:
    """Reserve the line where it was chosen to be, and answer."""
    if command.choices:
        choice = choosing.chosen(account, command, choice)
    index, serving, quota_id = choice
    locations, until_ms = command.locations, command.reserved_until_ms
    location_id = locations[index]
    others = locations[index + 1 :]
    if command.choices:
        others = [*locations[:index], *others]
    made = ReservationState(
        command.order_id, command.line_id, account.sku, location_id, command.quantity,
        command.attempt, until_ms, False, quota_id, command.kit_sku, [],
        until_ms if command.expires else 0,
    )  # fmt: skip
    holds.make(account, stock, serving[location_id], made)
    answers.reserved(account, made, _further(others, serving))


def _further(locations: list[str], serving: Container[str]) -> list[str]:
    """The locations that could serve the line at this moment, not too many."""
    return [name for name in locations if name in serving][:ALSO_AT_MAXIMUM]


def _reserve_again(
    account: Account, line: ReservationState | KitState, command: ReserveStock
) -> None:
    """The same wish again has the same answer; another quantity or attempt is a conflict."""
    if line.quantity != command.quantity or not (
        line.attempt == command.attempt or _is_for(line, command)
    ):
        answers.refused(account, command, Refusal.RESERVATION_CONFLICT)
        return
    if line.attempt != command.attempt:
        until_ms = command.reserved_until_ms
        line = replace(
            line,
            attempt=command.attempt,
            reserved_until_ms=until_ms,
            wake_at_ms=until_ms if command.expires else 0,
        )
        account.keep(line)
    if isinstance(line, KitState):
        kits.answer_again(account, line)
        return
    serving = holds.serving_positions(account.known, command.quantity, command.channel)
    others = [name for name in command.locations if name != line.location_id]
    answers.reserved(account, line, _further(others, serving))


def _resize(
    account: Account, line: ReservationState | KitState | None, command: ReserveStock
) -> None:
    """Give a line that is held another quantity, and let go of nothing where that cannot be.

    More pieces are taken where the line is held, or else all of them at the first ranked location
    that can serve them. A kit can only become less, for its components stand in other partitions.
    """
    quantity = command.quantity
    if line is None:
        answers.refused(account, command, Refusal.UNKNOWN_RESERVATION)
    elif quantity < 1:
        answers.refused(account, command, Refusal.INVALID_QUANTITY)
    elif line.quantity == quantity:
        if line.attempt < command.attempt:
            line = replace(line, attempt=command.attempt)
            account.keep(line)
        _reserve_again(account, line, replace(command, attempt=line.attempt))
    elif isinstance(line, KitState):
        if quantity > line.quantity or not kits.stands(line):
            answers.refused(account, command, Refusal.RESERVATION_CONFLICT)
        else:
            answers.kit_reserved(account, kits.shrink(account, line, command))
    elif line.allocated:
        answers.refused(account, command, Refusal.ALREADY_ALLOCATED)
    elif quantity > line.quantity:
        _enlarge(account, line, command)
    else:
        _shrink(account, line, command)


def _enlarge(account: Account, line: ReservationState, command: ReserveStock) -> None:
    """More pieces, where the line is held if that can be."""
    others = [name for name in command.locations if name != line.location_id]
    wanted = replace(command, locations=[line.location_id, *others], choices=[])
    if holds.choose(holds.without(account.known, line), wanted) is None:
        answers.refused(account, command, Refusal.OUT_OF_STOCK)
        return
    holds.give_back(account, line, RESIZED)
    choice = holds.choose(account.known, wanted)
    assert choice is not None
    _grant(account, account.known, wanted, choice)


def _shrink(account: Account, line: ReservationState, command: ReserveStock) -> None:
    """Fewer pieces, of the same quota, whatever is available."""
    holds.give_back(account, line, RESIZED)
    stock = account.known
    at = account.position(line.location_id)
    assert at is not None
    its_own = any(quota.quota_id == line.quota_id for quota in stock.quotas)
    made = replace(
        line,
        quantity=command.quantity,
        attempt=command.attempt,
        quota_id=line.quota_id if its_own else "",
    )
    holds.make(account, stock, at, made)
    answers.reserved(account, made, [])


def _is_for(line: ReservationState | KitState, command: ReserveStock) -> bool:
    """Whether the attempt may take over what was set aside for its order; see the module."""
    if isinstance(line, KitState) and not kits.stands(line):
        return False
    return line.wake_at_ms != 0 and command.attempt > line.attempt


def _reserve_waiting(
    account: Account, stock: StockState, place: Waiting, command: ReserveStock
) -> None:
    """A line that waits is asked for again; a later attempt may have other locations."""
    if place.quantity != command.quantity:
        answers.refused(account, command, Refusal.RESERVATION_CONFLICT)
    elif command.attempt <= place.attempt:
        answers.waits(account, place, command)
    elif (choice := holds.choose(stock, command, command.leave)) is not None:
        queue.leave(account, place, SERVED)
        _grant(account, account.known, command, choice)
    elif command.backorder:
        answers.waits(account, queue.stay(account, place, command), command)
    else:
        queue.leave(account, place, Refusal.OUT_OF_STOCK)
        answers.refused(account, command, Refusal.OUT_OF_STOCK)


def _release(
    account: Account, line: ReservationState | KitState | None, command: ReleaseStock
) -> None:
    """Give back what the line holds, or its place in the queue."""
    if isinstance(line, ReservationState):
        holds.give_back(account, line, command.reason)
    elif line is not None:
        kits.release(account, line, command.reason)
    elif (place := queue.place(account.known, command)) is not None:
        queue.leave(account, place, command.reason)
    else:
        answers.not_done(account, command, Refusal.UNKNOWN_RESERVATION)


def _move(
    account: Account, line: ReservationState | KitState | None, command: MoveReservation
) -> None:
    """Move a reservation that nobody works on to a location that has the quantity."""
    if line is None:
        answers.not_moved(account, command, None, Refusal.UNKNOWN_RESERVATION)
        return
    if isinstance(line, KitState):
        answers.not_moved(account, command, line, Refusal.KIT_HAS_NO_STOCK)
        return
    quantity, from_id, to_id = line.quantity, line.location_id, command.location_id
    if from_id == to_id:
        answers.moved(account, command)
        return
    target = account.position(to_id)
    if target is None or available(target) < quantity:
        answers.not_moved(account, command, line, Refusal.OUT_OF_STOCK)
        return
    if line.allocated:
        answers.not_moved(account, command, line, Refusal.ALREADY_ALLOCATED)
        return
    source = account.change(from_id, reserved=-quantity)
    target = account.change(to_id, reserved=quantity)
    account.keep(replace(line, location_id=to_id))
    account.tell(
        ReservationMoved(
            account.sku, line.order_id, line.line_id, quantity,
            from_id, source.on_hand, source.reserved,
            to_id, target.on_hand, target.reserved, account.now_ms,
        )
    )  # fmt: skip
    answers.moved(account, command)
    if account.known.reorder:
        replenishment.demanded(account, from_id, -quantity)
        replenishment.demanded(account, to_id, quantity)


def _extend(
    account: Account, line: ReservationState | KitState | None, command: ExtendReservation
) -> None:
    """Hold a reservation longer; an earlier end would break what was said."""
    until_ms = command.reserved_until_ms
    if line is None:
        answers.not_done(account, command, Refusal.UNKNOWN_RESERVATION)
        return
    if until_ms < line.reserved_until_ms:
        answers.not_done(account, command, Refusal.RESERVATION_CONFLICT, line.quantity)
        return
    if isinstance(line, KitState) and not kits.stands(line):
        answers.not_done(account, command, Refusal.UNKNOWN_RESERVATION)
        return
    if until_ms == line.reserved_until_ms:
        return
    wake_at_ms = until_ms if line.wake_at_ms else 0
    account.keep(replace(line, reserved_until_ms=until_ms, wake_at_ms=wake_at_ms))
    account.tell(
        ReservationExtended(account.sku, line.order_id, line.line_id, until_ms, account.now_ms)
    )
    if isinstance(line, KitState):
        kits.pass_on(account, line, command)


def _allocate(
    account: Account, line: ReservationState | KitState | None, command: AllocateStock
) -> None:
    """Bind a reservation to be worked on; it no longer expires."""
    if line is None or (isinstance(line, KitState) and not kits.stands(line)):
        answers.not_done(account, command, Refusal.UNKNOWN_RESERVATION)
        return
    if isinstance(line, KitState):
        if line.wake_at_ms:
            account.keep(replace(line, wake_at_ms=0))
        kits.pass_on(account, line, command)
        return
    if line.allocated:
        return
    quantity, location_id = line.quantity, line.location_id
    if lots.short(account, location_id, quantity):
        answers.not_done(account, command, Refusal.OUT_OF_STOCK, quantity)
        return
    after = account.change(location_id, reserved=-quantity, allocated=quantity)
    picks = lots.pick(account, location_id, quantity)
    account.keep(replace(line, allocated=True, lots=picks, wake_at_ms=0))
    account.tell(
        StockAllocated(
            account.sku, line.order_id, line.line_id, location_id, quantity,
            after.on_hand, after.reserved, after.allocated, picks, account.now_ms,
        )
    )  # fmt: skip


def _ship(account: Account, line: ReservationState | KitState | None, command: ShipStock) -> None:
    """The pieces have left: they are no longer on hand, and the reservation ends."""
    if line is None or (isinstance(line, KitState) and not kits.stands(line)):
        answers.not_done(account, command, Refusal.UNKNOWN_RESERVATION)
        return
    if isinstance(line, KitState):
        kits.pass_on(account, line, command)
        account.forget(line.order_id, line.line_id)
        return
    quantity, location_id = line.quantity, line.location_id
    if line.allocated:
        picks = line.lots
        after = account.change(location_id, on_hand=-quantity, allocated=-quantity)
    elif lots.short(account, location_id, quantity):
        answers.not_done(account, command, Refusal.OUT_OF_STOCK, quantity)
        if line.kit_sku:
            # Its kit has been shipped and is forgotten: nobody else would give it back.
            holds.give_back(account, line, Refusal.OUT_OF_STOCK)
        return
    else:
        picks = lots.pick(account, location_id, quantity)
        after = account.change(location_id, on_hand=-quantity, reserved=-quantity)
    if picks:
        lots.ship(account, location_id, picks)
    if line.quota_id:
        account.stock = quotas.ship(account.known, line.quota_id, quantity)
    account.forget(line.order_id, line.line_id)
    account.tell(
        StockShipped(
            account.sku, line.order_id, line.line_id, location_id, quantity,
            after.on_hand, after.reserved, after.allocated, picks, command.actor,
            account.now_ms, line.allocated,
        )
    )  # fmt: skip
