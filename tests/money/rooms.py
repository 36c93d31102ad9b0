"""The rooms in one process with plenty of stock and a gateway that is always at its best."""

from __future__ import annotations

from collections import Counter, deque

from schemas.locations import RegisterLocation
from schemas.messages import Room, Send
from schemas.orders import LineKind, OrderState, PlaceOrder
from schemas.payments import PaymentCaptured, PaymentRefunded
from schemas.records import Record
from schemas.stock import SetStock
from schemas.topics import (
    FULFILLMENT_COMMANDS,
    INVENTORY_COMMANDS,
    ORDERS_COMMANDS,
    PAYMENTS_COMMANDS,
)
from streams.accounting.agent import AccountingRoom
from streams.fulfillment.agent import FulfillmentRoom
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom
from tests.money.gateway import answer
from tests.unit.streams.memory import Desk

STORE = "STORE-1"
PLENTY = 1_000_000


class House:
    """Every room, and what has been taken and given back of each order."""

    def __init__(self) -> None:
        rooms: tuple[Room, ...] = (
            OrdersRoom(),
            InventoryRoom(),
            FulfillmentRoom(),
            PaymentsRoom(),
            AccountingRoom(),
        )
        self.desks = {room.commands.name: Desk(room) for room in rooms}
        self.events: list[Record] = []
        self.captured: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()
        location = RegisterLocation(STORE, "Store", "DE", 52.5, 13.4, True)
        self.write(FULFILLMENT_COMMANDS.name, STORE, location)

    def write(self, topic: str, key: str, record: Record) -> None:
        """Bring a record in, and let the rooms work until nothing is under way."""
        under_way = deque([(topic, key, record)])
        while under_way:
            topic, key, record = under_way.popleft()
            desk = self.desks.get(topic)
            if desk is None:
                self._note(record)
                if (said := answer(record)) is not None:
                    under_way.append((PAYMENTS_COMMANDS.name, key, said))
                continue
            under_way += [_seat(send) for send in desk.ask(key, record)]

    def _note(self, record: Record) -> None:
        self.events.append(record)
        match record:
            case PaymentCaptured(tender_id=tender_id, amount_minor=amount_minor):
                self.captured[tender_id] += amount_minor
            case PaymentRefunded(tender_id=tender_id, amount_minor=amount_minor):
                self.refunded[tender_id] += amount_minor

    def place(self, order: PlaceOrder) -> None:
        """Take an order in, and its stock before it."""
        for line in order.lines:
            if line.kind == LineKind.GOODS:
                stock = SetStock(line.sku, STORE, PLENTY, 0, "count")
                self.write(INVENTORY_COMMANDS.name, line.sku, stock)
        self.tell(order.order_id, order)

    def tell(self, order_id: str, command: Record) -> None:
        """Write a command to the orders room."""
        self.write(ORDERS_COMMANDS.name, order_id, command)

    def order(self, order_id: str) -> OrderState:
        """The state of an order."""
        return self.desks[ORDERS_COMMANDS.name].states.kept[order_id]  # type: ignore[return-value]


def _seat(send: Send) -> tuple[str, str, Record]:
    return send.topic.name, send.key, send.record
