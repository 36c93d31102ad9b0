"""Who waits for a SKU, who gets what comes, and what is promised to the others meanwhile.

A line gets stock as soon as one of its ranked locations has it whole. Lines are asked in the order
of the queue, but nothing is set aside for a line that must still wait: a smaller one behind it may
be served first, and what it was promised is then told anew.
"""

from __future__ import annotations

from bisect import bisect_right

from msgspec.structs import replace

from schemas.inventory import (
    BackorderEnded,
    BackorderPromised,
    ReleaseStock,
    ReservationState,
    ReserveStock,
    StockBackordered,
    StockState,
    Waiting,
)
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.orders import RecordAvailability
from schemas.topics import ORDERS_COMMANDS
from streams.inventory import holds
from streams.inventory.account import Account
from streams.inventory.model import MAXIMUM_WAITING, QUEUE_HOLD_MS, SERVED, spare, turn
from streams.inventory.promises import promises

_MAXIMUM_INDEXES = 64
_Index = dict[tuple[str, str], Waiting]
_indexes: dict[str, tuple[list[Waiting], _Index]] = {}
"""of the latest queues, by SKU: a refusal in a rush must not walk a thousand lines"""


def place(stock: StockState, line: ReserveStock | ReleaseStock) -> Waiting | None:
    """The line's place in the queue; None where it does not wait."""
    waiting = stock.waiting
    if not waiting:
        return None
    known = _indexes.get(stock.sku)
    if known is None or known[0] is not waiting:
        known = waiting, {(one.order_id, one.line_id): one for one in waiting}
        _remember(stock.sku, known)
    return known[1].get((line.order_id, line.line_id))


def _remember(sku: str, known: tuple[list[Waiting], _Index]) -> None:
    if len(_indexes) >= _MAXIMUM_INDEXES:
        _indexes.clear()
    _indexes[sku] = known


def is_full(stock: StockState) -> bool:
    """Whether no further line may wait."""
    return len(stock.waiting) >= MAXIMUM_WAITING


def join(account: Account, command: ReserveStock) -> Waiting:
    """The line waits from now on; its place."""
    stock = account.known
    line = _line(command, account.now_ms, 0)
    waiting, index = _with(stock.waiting, line)
    dates = _dates(account, waiting)
    if dates:
        line = waiting[index] = replace(line, promised_at_ms=dates[index])
    elif (known := _indexes.get(stock.sku)) is not None and known[0] is stock.waiting:
        known[1][line.order_id, line.line_id] = line
        _remember(stock.sku, (waiting, known[1]))
    account.stock = replace(stock, waiting=waiting)
    account.tell(
        StockBackordered(
            account.sku, line.order_id, line.line_id, line.quantity, line.priority,
            line.promised_at_ms, account.now_ms,
        )
    )  # fmt: skip
    if dates:
        _promise(account, dates)
    return line


def stay(account: Account, before: Waiting, command: ReserveStock) -> Waiting:
    """The line waits on as a later attempt wants it, since when it has waited; its place."""
    stock = account.known
    line = _line(command, before.since_ms, before.promised_at_ms)
    others = [one for one in stock.waiting if one is not before]
    waiting, index = _with(others, line)
    account.stock = replace(stock, waiting=waiting)
    if stock.supplies:
        _promise(account, _dates(account, waiting))
    return account.known.waiting[index]


def leave(account: Account, line: Waiting, reason: str) -> None:
    """The line waits no longer. What that means for the others, `serve` tells."""
    stock = account.known
    account.stock = replace(stock, waiting=[one for one in stock.waiting if one is not line])
    _tell_ended(account, line, reason)


def serve(account: Account) -> None:
    """Give waiting lines what a change has set free, and tell the others what they can expect.

    Costs little where the change set nothing free and touches no promise.
    """
    before, stock = account.before, account.known
    if before is None:
        return
    other_rules = stock.thresholds is not before.thresholds or stock.quotas is not before.quotas
    freed = differs = other_rules
    if stock.positions is not before.positions:
        old = {position.location_id: spare(position) for position in before.positions}
        for position in stock.positions:
            pieces, earlier = spare(position), old.get(position.location_id, 0)
            freed = freed or pieces > earlier
            differs = differs or pieces != earlier
    if freed:
        _give(account)
    stock = account.known
    if (stock.supplies or before.supplies) and (
        differs or stock.supplies is not before.supplies or len(stock.waiting) < len(before.waiting)
    ):
        _promise(account, _dates(account, stock.waiting) or [0] * len(stock.waiting))


def _give(account: Account) -> None:
    """Reserve for every waiting line that can be served whole, in the order of the queue."""
    stock = account.known
    most = max(map(spare, stock.positions), default=0)
    remaining: list[Waiting] = []
    for line, at_open in zip(stock.waiting, _at_open(account, stock.waiting), strict=True):
        choice = None
        if line.quantity <= most:
            choice = holds.choose(account.known, at_open)
        if choice is None:
            remaining.append(line)
            continue
        _give_to(account, at_open, choice)
        most = max(map(spare, account.known.positions))
    if len(remaining) < len(stock.waiting):
        account.stock = replace(account.known, waiting=remaining)


def _at_open(account: Account, waiting: list[Waiting]) -> list[Waiting]:
    """The lines with only those of their locations that sell and fulfil now.

    Where a location opens again, the line is served there when something of its SKU changes, or by
    its order's next attempt.
    """
    known = account.get(LOCATIONS_KEY, LocationsState)
    closed = {
        one.location_id
        for one in (known.locations if known is not None else [])
        if not (one.active and one.selling and one.fulfilling)
    }
    if not closed:
        return waiting
    return [
        line
        if closed.isdisjoint(line.locations)
        else replace(line, locations=[one for one in line.locations if one not in closed])
        for line in waiting
    ]


def _give_to(account: Account, line: Waiting, choice: holds.Choice) -> None:
    """Reserve for a line that waited, until its order has had time to take it."""
    index, serving, quota_id = choice
    location_id = line.locations[index]
    until_ms = account.now_ms + QUEUE_HOLD_MS
    made = ReservationState(
        line.order_id, line.line_id, account.sku, location_id, line.quantity, line.attempt,
        until_ms, False, quota_id, "", [], until_ms,
    )  # fmt: skip
    _tell_ended(account, line, SERVED)
    holds.make(account, account.known, serving[location_id], made)
    there = RecordAvailability(line.order_id, line.line_id, line.attempt)
    account.send(ORDERS_COMMANDS, line.order_id, there)


def _dates(account: Account, waiting: list[Waiting]) -> list[int]:
    """When each line can expect its stock; empty where nothing is expected at all."""
    stock = account.known
    if not stock.supplies:
        return []
    return promises(
        stock.positions,
        stock.supplies,
        _at_open(account, waiting),
        stock.thresholds,
        stock.quotas,
    )


def _promise(account: Account, dates: list[int]) -> None:
    """Keep the dates of the waiting lines, in their order, and tell what has changed."""
    stock = account.known
    waiting = stock.waiting
    changed = [
        index
        for index, (line, date) in enumerate(zip(waiting, dates, strict=True))
        if line.promised_at_ms != date
    ]
    if not changed:
        return
    waiting = waiting.copy()
    for index in changed:
        line, date = waiting[index], dates[index]
        account.tell(
            BackorderPromised(
                account.sku, line.order_id, line.line_id, line.quantity,
                date, line.promised_at_ms, account.now_ms,
            )
        )  # fmt: skip
        waiting[index] = replace(line, promised_at_ms=date)
    account.stock = replace(stock, waiting=waiting)


def _line(command: ReserveStock, since_ms: int, promised_at_ms: int) -> Waiting:
    return Waiting(
        command.order_id, command.line_id, command.quantity, command.attempt, command.locations,
        command.channel, command.customer_group, command.priority, since_ms, promised_at_ms,
    )  # fmt: skip


def _with(waiting: list[Waiting], line: Waiting) -> tuple[list[Waiting], int]:
    """The queue with the line at its place, and the index of it."""
    index = bisect_right(waiting, turn(line), key=turn)
    return [*waiting[:index], line, *waiting[index:]], index


def _tell_ended(account: Account, line: Waiting, reason: str) -> None:
    account.tell(
        BackorderEnded(
            account.sku, line.order_id, line.line_id, line.quantity, reason, account.now_ms
        )
    )
