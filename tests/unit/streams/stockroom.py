"""An inventory room with stock in it, and short ways to ask it, for the tests of its policies."""

from __future__ import annotations

from collections import deque

from schemas.inventory import KitState, ReleaseStock, ReserveStock, StockState
from schemas.messages import Send
from schemas.records import Record
from schemas.stock import ChannelThreshold, Component, PositionAt, Quota, ReorderRule, Supply
from schemas.topics import INVENTORY_COMMANDS
from streams.inventory.agent import InventoryRoom
from streams.inventory.model import reservation_key
from tests.unit.streams.memory import NOW, Desk, R

RANKED = ["BER", "HAM", "MUC"]
HELD_UNTIL = NOW + 60_000


class Stockroom(Desk):
    """One partition that has every SKU; a kit's commands to its components come to it as well."""

    def __init__(self) -> None:
        super().__init__(InventoryRoom())

    def stock(
        self,
        sku: str = "MUG",
        *,
        thresholds: dict[str, int] | None = None,
        quotas: tuple[Quota, ...] = (),
        components: dict[str, int] | None = None,
        supplies: tuple[Supply, ...] = (),
        reorder: tuple[ReorderRule, ...] = (),
        **on_hand: int,
    ) -> None:
        """Set what there is of a SKU."""
        self.states.put(
            sku,
            StockState(
                sku,
                [PositionAt(name, pieces, 0, 0) for name, pieces in on_hand.items()],
                thresholds=[ChannelThreshold(*one) for one in (thresholds or {}).items()],
                quotas=list(quotas),
                components=[Component(*one) for one in (components or {}).items()],
                supplies=list(supplies),
                reorder=list(reorder),
            ),
        )

    def tell(self, *commands: Record, sku: str = "MUG") -> list[Send]:
        """What the room writes after commands to one SKU, in order."""
        return [send for command in commands for send in self.ask(sku, command)]

    def deliver(self, sends: list[Send]) -> list[Send]:
        """All that is written until no component and no kit has anything to say any more."""
        written = list(sends)
        under_way = deque(sends)
        while under_way:
            send = under_way.popleft()
            if send.topic is INVENTORY_COMMANDS:
                following = self.ask(send.key, send.record)
                written += following
                under_way += following
        return written

    def at(self, location_id: str, sku: str = "MUG") -> PositionAt:
        """The position of a SKU at a location."""
        positions = self.state(sku, StockState).positions
        return next(one for one in positions if one.location_id == location_id)

    def waiting(self, sku: str = "MUG") -> list[str]:
        """The orders that wait, in the order of the queue."""
        return [line.order_id for line in self.state(sku, StockState).waiting]

    def kit(self, sku: str, order_id: str = "o") -> KitState | None:
        """The reservation of a kit; None where there is none."""
        found = self.states.get(reservation_key(sku, order_id, "1"))
        assert found is None or isinstance(found, KitState)
        return found


def reserve(
    order_id: str = "o",
    quantity: int = 2,
    *,
    sku: str = "MUG",
    attempt: int = 1,
    locations: list[str] = RANKED,
    until_ms: int = HELD_UNTIL,
    channel: str = "",
    group: str = "",
    backorder: bool = False,
    priority: int = 0,
    expires: bool = False,
) -> ReserveStock:
    """A line that wants stock."""
    return ReserveStock(
        order_id=order_id,
        line_id="1",
        sku=sku,
        quantity=quantity,
        attempt=attempt,
        locations=locations,
        reserved_until_ms=until_ms,
        channel=channel,
        customer_group=group,
        backorder=backorder,
        priority=priority,
        expires=expires,
    )


def release(order_id: str = "o", sku: str = "MUG") -> ReleaseStock:
    """Give a line's stock back, or its place in the queue."""
    return ReleaseStock(order_id, "1", sku, "cancelled")


def all_of(sends: list[Send], kind: type[R]) -> list[R]:
    """The records of that kind, in order."""
    return [send.record for send in sends if isinstance(send.record, kind)]
