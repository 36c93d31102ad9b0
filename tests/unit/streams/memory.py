"""State in a dict, and short ways to ask a room, for the tests of the rooms."""

from __future__ import annotations

from typing import TypeVar

from schemas.messages import Inbound, Room, Send
from schemas.orders import Address, OrderLine, PlaceOrder
from schemas.records import Record

NOW = 1_700_000_000_000
R = TypeVar("R", bound=Record)


class DictStates:
    """schemas.messages.States without a broker."""

    def __init__(self) -> None:
        self.kept: dict[str, Record] = {}

    def get(self, key: str) -> Record | None:
        """See schemas.messages.States."""
        return self.kept.get(key)

    def put(self, key: str, record: Record | None) -> None:
        """See schemas.messages.States."""
        if record is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = record


class Desk:
    """A room with its state, one partition and a clock that a test sets."""

    def __init__(self, room: Room, partition: int = 0) -> None:
        self.room = room
        self.partition = partition
        self.states = DictStates()
        self.now = NOW

    def ask(self, key: str, command: Record) -> list[Send]:
        """What the room writes after `command`."""
        return self.room.decide(Inbound(key, command, self.partition, 0), self.states, self.now)

    def wake(self, key: str, after_ms: int = 0) -> list[Send]:
        """What the room writes when the key's time has come, `after_ms` from now."""
        self.now += after_ms
        return self.room.wake(key, self.states, self.now)

    def state(self, key: str, kind: type[R]) -> R:
        """The state of `key`, which must be a `kind`."""
        found = self.states.get(key)
        assert isinstance(found, kind)
        return found


def names(sends: list[Send]) -> list[str]:
    """The names of what was written, in order."""
    return [type(send.record).__name__ for send in sends]


def only(sends: list[Send], kind: type[R]) -> R:
    """The one record of that kind."""
    (found,) = (send.record for send in sends if isinstance(send.record, kind))
    assert isinstance(found, kind)
    return found


def place(
    order_id: str = "shop-1",
    *,
    lines: tuple[tuple[str, str, int], ...] = (("1", "MUG", 2), ("2", "TEE", 1)),
    method: str = "channel",
    total: int = 3000,
    paid: int = 3000,
    backorder: bool = False,
    version: int = 1,
    raw_id: str = "raw-1",
    customer_group: str = "",
    priority: int = 0,
) -> PlaceOrder:
    """An order of lines at 10.00 euros a piece."""
    return PlaceOrder(
        order_id=order_id,
        channel="shop",
        external_id=order_id.removeprefix("shop-"),
        version=version,
        placed_at_ms=NOW,
        currency="EUR",
        lines=[OrderLine(line_id, sku, quantity, 1000) for line_id, sku, quantity in lines],
        discount_minor=0,
        shipping_minor=0,
        tax_minor=0,
        total_minor=total,
        payment_method=method,
        payment_token="tok" if method == "card" else "",
        paid_minor=paid if method == "channel" else 0,
        paid_currency="EUR",
        ship_to=Address("A", "Street 1", "", "Berlin", "BE", "10115", "DE", 52.5, 13.4),
        backorder=backorder,
        raw_id=raw_id,
        customer_group=customer_group,
        priority=priority,
    )
