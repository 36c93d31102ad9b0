"""The wiring of the inventory room: which topics, which state, which rule for which command."""

from __future__ import annotations

from collections.abc import Collection

from schemas.inventory import (
    AllocateStock,
    ExtendReservation,
    MoveReservation,
    RecordComponent,
    ReleaseStock,
    ReserveStock,
    ShipStock,
)
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.messages import Inbound, Send, States
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    ExpectSupply,
    ReceiveStock,
    ReceiveTransfer,
    SetSku,
    SetStock,
    ShipTransfer,
)
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_DEAD_LETTER, INVENTORY_STATE, Topic
from streams.inventory import (
    kits,
    levels,
    lots,
    movements,
    queue,
    replenishment,
    reservations,
    sweep,
)
from streams.inventory.account import Account

Reservation = (
    ReserveStock | ReleaseStock | MoveReservation | ExtendReservation | AllocateStock | ShipStock
)
Moving = (
    SetStock
    | AdjustStock
    | CountStock
    | ReceiveStock
    | ChangeDisposition
    | ShipTransfer
    | ReceiveTransfer
    | ExpectSupply
    | SetSku
)
Sourcing = RegisterLocation | SwitchLocation | SetChannelSourcing


class InventoryRoom:
    """Decides about stock. State keys: see schemas/topics.py."""

    name: str = "inventory"
    commands: Topic = INVENTORY_COMMANDS
    state: Topic | None = INVENTORY_STATE
    dead_letter: Topic = INVENTORY_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        account = Account(inbound.key, states, now_ms)
        if isinstance(command, Reservation):
            reservations.decide(account, command)
        elif isinstance(command, RecordComponent):
            kits.record(account, command)
        elif isinstance(command, Moving):
            movements.decide(account, command)
        elif isinstance(command, Sourcing):
            place = levels.learn(states, command)
            if place is not None:
                sweep.begin(states, place, now_ms)
        else:
            raise TypeError(f"the inventory room takes no {type(command).__name__}")
        return _follow_up(account)

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a reservation, a lot or a movement having run out.

        Or from it being time to tell further SKUs of a change of locations.
        """
        if key == sweep.KEY:
            return sweep.wake(states, now_ms)
        sku, kind, _ = key.split("|", 2)
        account = Account(sku, states, now_ms)
        if kind in movements.TIMERS:
            movements.wake(account, key)
        else:
            reservations.expire(account, key)
        return _follow_up(account)

    def summarise(self, changed: Collection[str], states: States, now_ms: int) -> list[Send]:
        """What is there and may be sold of every SKU that the batch has changed."""
        sends = levels.summarise(changed, states, now_ms)
        sweep.enlist(changed, states)
        return sends


def _follow_up(account: Account) -> list[Send]:
    """What a change of stock means for those who wait for it and for what is ordered again."""
    if account.changed:
        if account.known.tracking:
            lots.settle(account)
        stock = account.known
        if stock.waiting:
            queue.serve(account)
        if stock.reorder:
            replenishment.review(account)
    return account.close()
