"""The records of one SKU while one command is decided: read once, written back once.

Rules read and change positions through it, and it holds what must be true after every change:
nothing is below zero, and what is reserved and allocated is on hand.
"""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from schemas.inventory import KitState, ReservationState, StockState
from schemas.messages import Send, States
from schemas.records import Record
from schemas.stock import PositionAt
from schemas.topics import INVENTORY_EVENTS, Topic
from streams.inventory.model import reservation_key

R = TypeVar("R", bound=Record)


class BrokenLedger(ValueError):
    """A rule would have made a position impossible; nothing of its record is kept."""


class Account:
    """One SKU's records. What is put here reaches the states only by `close`."""

    __slots__ = ("_states", "before", "now_ms", "sends", "sku", "stock")

    def __init__(self, sku: str, states: States, now_ms: int) -> None:
        found = states.get(sku)
        assert found is None or isinstance(found, StockState)
        self.sku = sku
        self.now_ms = now_ms
        self.sends: list[Send] = []
        self.stock: StockState | None = found
        """rules set it to what is to be; None where nobody knows the SKU"""
        self.before = found
        """as it was when the command came"""
        self._states = states

    @property
    def known(self) -> StockState:
        """The stock, empty where nobody has known the SKU so far."""
        return self.stock if self.stock is not None else StockState(self.sku, [])

    @property
    def changed(self) -> bool:
        """Whether a rule has set the stock."""
        return self.stock is not self.before

    def tell(self, event: Record) -> None:
        """Write an event of this SKU."""
        self.sends.append(Send(INVENTORY_EVENTS, self.sku, event))

    def send(self, topic: Topic, key: str, record: Record) -> None:
        """Write a reply or a command to another room."""
        self.sends.append(Send(topic, key, record))

    def get(self, key: str, kind: type[R]) -> R | None:
        """A further state of this SKU by its whole key; None where there is none."""
        found = self._states.get(key)
        assert found is None or isinstance(found, kind), f"{key} is a {type(found).__name__}"
        return found

    def put(self, key: str, record: Record | None) -> None:
        """Set a further state of this SKU; None deletes it."""
        self._states.put(key, record)

    def line(self, order_id: str, line_id: str) -> ReservationState | KitState | None:
        """What a line holds of this SKU: a reservation, or that of a kit; None for nothing."""
        found = self._states.get(reservation_key(self.sku, order_id, line_id))
        assert found is None or isinstance(found, (ReservationState, KitState))
        return found

    def keep(self, reservation: ReservationState | KitState) -> None:
        """Set a reservation, or that of a kit."""
        key = reservation_key(self.sku, reservation.order_id, reservation.line_id)
        self._states.put(key, reservation)

    def forget(self, order_id: str, line_id: str) -> None:
        """Delete a reservation."""
        self._states.put(reservation_key(self.sku, order_id, line_id), None)

    def position(self, location_id: str) -> PositionAt | None:
        """The stock at a location; None where it has never been counted."""
        if self.stock is not None:
            for position in self.stock.positions:
                if position.location_id == location_id:
                    return position
        return None

    def change(
        self,
        location_id: str,
        *,
        on_hand: int = 0,
        reserved: int = 0,
        allocated: int = 0,
        in_transit: int = 0,
        quarantined: int = 0,
    ) -> PositionAt:
        """Add to a location's figures, opening the position where there is none; what it is then.

        Raises BrokenLedger where that is impossible: rules have to check before.
        """
        before = self.position(location_id)
        old = before if before is not None else PositionAt(location_id, 0, 0, 0)
        new = PositionAt(
            location_id,
            old.on_hand + on_hand,
            old.reserved + reserved,
            old.safety_stock,
            old.allocated + allocated,
            old.in_transit + in_transit,
            old.quarantined + quarantined,
        )
        if (
            min(new.on_hand, new.reserved, new.allocated, new.in_transit, new.quarantined) < 0
            or new.reserved + new.allocated > new.on_hand
        ):
            raise BrokenLedger(f"{self.sku} at {location_id}: {old} would become {new}")
        self.set_position(new)
        return new

    def set_position(self, new: PositionAt) -> None:
        """Replace the position of its location, or add it."""
        stock = self.known
        positions = [
            new if position.location_id == new.location_id else position
            for position in stock.positions
        ]
        if new not in positions:
            positions.append(new)
        self.stock = replace(stock, positions=positions)

    def close(self) -> list[Send]:
        """Put what has changed into the states; what is to be written."""
        if self.stock is not self.before:
            self._states.put(self.sku, self.stock)
        return self.sends
