"""The wiring of the inventory room: which topics, which state, and nothing else."""

from __future__ import annotations

from schemas.inventory import (
    MoveReservation,
    ReleaseStock,
    ReservationState,
    ReserveStock,
    StockState,
)
from schemas.messages import Inbound, Send, States
from schemas.topics import INVENTORY_COMMANDS, INVENTORY_DEAD_LETTER, INVENTORY_STATE, Topic
from streams.inventory import rules
from streams.inventory.model import reservation_key


class InventoryRoom:
    """Decides about stock. State keys: sku, and sku|order_id|line_id."""

    name: str = "inventory"
    commands: Topic = INVENTORY_COMMANDS
    state: Topic | None = INVENTORY_STATE
    dead_letter: Topic = INVENTORY_DEAD_LETTER

    def decide(self, inbound: Inbound, states: States, now_ms: int) -> list[Send]:
        """The records that follow from a command. Raises TypeError for a foreign record."""
        command = inbound.record
        stock = states.get(inbound.key)
        assert stock is None or isinstance(stock, StockState)
        key = ""
        reservation: ReservationState | None = None
        if isinstance(command, (ReserveStock, ReleaseStock, MoveReservation)):
            key = reservation_key(command.sku, command.order_id, command.line_id)
            found = states.get(key)
            assert found is None or isinstance(found, ReservationState)
            reservation = found
        next_stock, next_reservation, sends = rules.decide(stock, reservation, command, now_ms)
        if next_stock is not stock:
            states.put(inbound.key, next_stock)
        if next_reservation is not reservation:
            states.put(key, next_reservation)
        return sends

    def wake(self, key: str, states: States, now_ms: int) -> list[Send]:
        """Never asked for: no state here has a time. Raises TypeError."""
        raise TypeError("the inventory room keeps no timers")
