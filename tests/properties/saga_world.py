"""All rooms in one process, in every order in which Kafka may carry their records.

Each partition of an inbox is a queue; which queue goes next is random. Time passes only when
something is woken.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from zlib import crc32

import msgspec

from schemas.inventory import AllocateStock, ReservationState, ShipStock, StockState
from schemas.messages import Inbound, Room, Send, Summarises
from schemas.orders import (
    CancelOrder,
    OrderReleased,
    OrderShipped,
    OrderState,
    RecordShipment,
    RefundOrder,
    ReleaseHold,
    ShippedLine,
    Status,
)
from schemas.payments import (
    AuthorizationRequested,
    CaptureRequested,
    RefundPayment,
    RefundRequested,
    VoidRequested,
)
from schemas.records import Record
from schemas.stock import PositionAt
from schemas.topics import INVENTORY_COMMANDS, ORDERS_COMMANDS, PAYMENTS_COMMANDS
from streams.accounting.agent import AccountingRoom
from streams.customers.agent import CustomersRoom
from streams.fulfillment.agent import FulfillmentRoom
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom
from streams.purchasing.agent import PurchasingRoom
from tests.chaos.ledger import Event
from tests.properties.saga_gateway import Asked, Gateway
from tests.unit.streams.memory import NOW, DictStates

PARTITIONS = 2
STEPS_MAXIMUM = 40_000
MAXIMUM_DEEDS = 25
Seat = tuple[str, int]
Outside = tuple[str, str, Record] | tuple[str, str, Record, int]
"""topic, key, record and, where it stands in all of them, partition"""


class World:
    """The rooms, their queues, a gateway, and the people at the locations."""

    def __init__(self, chance: random.Random) -> None:
        rooms: tuple[Room, ...] = (
            OrdersRoom(),
            InventoryRoom(),
            PaymentsRoom(),
            FulfillmentRoom(),
            PurchasingRoom(),
            CustomersRoom(),
            AccountingRoom(),
        )
        self.chance = chance
        self.now = NOW
        self.haste = chance.choice([0.0, 0.005, 0.03])
        """how often time passes while records are under way"""
        self.rooms = {room.commands.name: room for room in rooms}
        seats = [(name, number) for name in self.rooms for number in range(PARTITIONS)]
        self.queues: dict[Seat, deque[tuple[str, Record]]] = {seat: deque() for seat in seats}
        self.states = {seat: DictStates() for seat in seats}
        self.gateway = Gateway(chance)
        self.asked: list[Asked] = []
        self.events: list[Record] = []
        self.log: list[Event] = []
        """the events as the audit reads them"""
        self.deeds = 0
        """of people, so far"""

    def write(self, topic: str, key: str, record: Record, partition: int | None = None) -> None:
        """Put a record at the end of its queue, or among the events."""
        if topic not in self.rooms:
            self.events.append(record)
            self._log(topic, key, record)
            if isinstance(
                record,
                AuthorizationRequested | VoidRequested | CaptureRequested | RefundRequested,
            ):
                self.asked.append(record)
            return
        seat = partition if partition is not None else crc32(key.encode()) % PARTITIONS
        self.queues[topic, seat].append((key, record))

    def _log(self, topic: str, key: str, record: Record) -> None:
        """Keep an event as the audit reads it, and have some released orders worked on."""
        partition = crc32(key.encode()) % PARTITIONS
        name, fields = type(record).__name__, msgspec.to_builtins(record, builtin_types=(bytes,))
        self.log.append(Event(topic, partition, len(self.log), key, name, fields))
        if isinstance(record, OrderShipped):
            self._left(record)
        elif isinstance(record, OrderReleased) and self.chance.random() < 0.3:
            for line in self.order(record.order_id).lines:
                allocate = AllocateStock(record.order_id, line.line_id, line.sku)
                self.write(INVENTORY_COMMANDS.name, line.sku, allocate)

    def order(self, order_id: str) -> OrderState:
        """An order as it is."""
        seat = (ORDERS_COMMANDS.name, crc32(order_id.encode()) % PARTITIONS)
        state = self.states[seat].get(order_id)
        assert isinstance(state, OrderState)
        return state

    def _left(self, event: OrderShipped) -> None:
        """What has left as a whole is no longer on hand."""
        pieces: Counter[str] = Counter()
        for one in self.events:
            if isinstance(one, OrderShipped) and one.order_id == event.order_id:
                pieces.update({line.line_id: line.quantity for line in one.lines})
        for line in self.order(event.order_id).lines:
            named = any(one.line_id == line.line_id for one in event.lines)
            if named and pieces[line.line_id] == line.quantity:
                ship = ShipStock(event.order_id, line.line_id, line.sku, "packer")
                self.write(INVENTORY_COMMANDS.name, line.sku, ship)

    def people(self) -> None:
        """Somebody ships, takes a line out of, or pays back for an order that is released."""
        released = [
            one
            for one in self.found(OrderState)
            if isinstance(one, OrderState) and one.status == Status.RELEASED and one.lines
        ]
        if not released:
            return
        order = self.chance.choice(released)
        self.deeds += 1
        match self.chance.randrange(7):
            case 0:
                amount = self.chance.randint(1, 900)
                refund = RefundPayment(order.order_id, f"by hand {self.deeds}", amount, "sorry")
                self.write(PAYMENTS_COMMANDS.name, order.order_id, refund)
            case 1:
                line_ids = [self.chance.choice(order.lines).line_id]
                cancel = CancelOrder(order.order_id, "one less", self.now, line_ids, "jo")
                self.write(ORDERS_COMMANDS.name, order.order_id, cancel)
            case 2:
                self._give_back(order)
            case _:
                self._ship(order)

    def _give_back(self, order: OrderState) -> None:
        """Pieces come back, or only a sum, sometimes more than there was."""
        lines = self.chance.sample(order.lines, self.chance.randint(0, min(2, len(order.lines))))
        pieces = [
            ShippedLine(line.line_id, self.chance.randint(0, line.quantity)) for line in lines
        ]
        shipping = self.chance.choice([-1, -1, 0, 50])
        amount = self.chance.choice([0, 0, 300, 2_000])
        refund = RefundOrder(
            order.order_id, f"back-{self.deeds}", pieces, shipping, amount, "came back", "jo",
            self.now,
        )  # fmt: skip
        for _ in range(self.chance.choice([1, 1, 2])):
            self.write(ORDERS_COMMANDS.name, order.order_id, refund)

    def _ship(self, order: OrderState) -> None:
        """Some pieces leave, sometimes more than the line has."""
        line = self.chance.choice(order.lines)
        quantity = self.chance.randint(1, line.quantity + (self.chance.random() < 0.1))
        shipment = RecordShipment(
            order.order_id, f"s-{self.deeds}", [ShippedLine(line.line_id, quantity)], self.now,
            line.location_id, "", "", "packer",
        )  # fmt: skip
        for _ in range(self.chance.choice([1, 1, 2])):
            self.write(ORDERS_COMMANDS.name, order.order_id, shipment)

    def release_holds(self) -> bool:
        """Somebody looks at every order that is held for good; False where none is."""
        held = [
            one
            for one in self.found(OrderState)
            if isinstance(one, OrderState) and one.holds
            and not any(hold.until_ms for hold in one.holds)
        ]  # fmt: skip
        for one in held:
            command = ReleaseHold(one.order_id, "", "is fine", "jo", self.now)
            self.write(ORDERS_COMMANDS.name, one.order_id, command)
        return bool(held)

    def _summarise(self, seat: Seat, before: dict[str, Record]) -> None:
        """Have the room tell what the record has changed, as the engine does after each batch."""
        room, states = self.rooms[seat[0]], self.states[seat]
        if isinstance(room, Summarises):
            changed = [key for key, state in states.kept.items() if before.get(key) is not state]
            self._carry(room.summarise(changed, states, self.now))

    def _carry(self, sends: list[Send]) -> None:
        for send in sends:
            self.write(send.topic.name, send.key, send.record, send.partition)

    def step(self) -> bool:
        """Decide the next record of any queue, or let the gateway answer; False at rest."""
        ready = [seat for seat, queue in self.queues.items() if queue]
        if self.asked and (not ready or self.chance.random() < 0.3):
            self._gateway_answers()
            return True
        if not ready:
            return False
        seat = self.chance.choice(ready)
        key, record = self.queues[seat].popleft()
        room, before = self.rooms[seat[0]], dict(self.states[seat].kept)
        self._carry(room.decide(Inbound(key, record, seat[1], 0), self.states[seat], self.now))
        self._summarise(seat, before)
        self.check_stock()
        return True

    def _gateway_answers(self) -> None:
        request = self.asked.pop(self.chance.randrange(len(self.asked)))
        for answer in self.gateway.answers(request):
            self.write(PAYMENTS_COMMANDS.name, request.order_id, answer)

    def timers(self) -> list[tuple[int, Seat, str]]:
        """What asks to be woken, and when."""
        return sorted(
            (at, seat, key)
            for seat, states in self.states.items()
            for key, state in states.kept.items()
            if (at := getattr(state, "wake_at_ms", 0))
        )

    def wake(self) -> bool:
        """Let the earliest timer's moment come, or a later one; False when there is none."""
        timers = self.timers()
        if not timers:
            return False
        at, _, _ = timers[0]
        self.now = max(self.now, at) + self.chance.choice([0, 0, 1_000, 3_600_000, 86_400_000])
        for due, seat, key in timers:
            if due <= self.now:
                before = self.states[seat].get(key)
                self._carry(self.rooms[seat[0]].wake(key, self.states[seat], self.now))
                assert self.states[seat].get(key) is not before, f"{key} would be woken forever"
        self.check_stock()
        return True

    def run(self, later: list[Outside]) -> None:
        """Bring in what comes from outside at random moments, and go on until nothing is left."""
        for _ in range(STEPS_MAXIMUM):
            if later and self.chance.random() < 0.2:
                self.write(*later.pop(0))
            elif self.chance.random() < self.haste:
                self.wake()
            elif self.deeds < MAXIMUM_DEEDS and self.chance.random() < 0.05:
                self.people()
            elif not (self.step() or later or self.wake()) and not (
                self.late_answers() or self.release_holds()
            ):
                return
        raise AssertionError("the orders do not come to rest")

    def late_answers(self) -> bool:
        """What the gateway has kept to itself comes at last; False when there is none."""
        late, self.gateway.late = self.gateway.late, []
        for answer in late:
            self.write(PAYMENTS_COMMANDS.name, answer.order_id, answer)
        return bool(late)

    def found(self, kind: type[Record]) -> list[Record]:
        """Every state of that kind."""
        return [
            state
            for states in self.states.values()
            for state in states.kept.values()
            if isinstance(state, kind)
        ]

    def positions(self) -> dict[tuple[str, str], PositionAt]:
        """Stock by SKU and location."""
        return {
            (stock.sku, position.location_id): position
            for stock in self.found(StockState)
            if isinstance(stock, StockState)
            for position in stock.positions
        }

    def check_stock(self) -> None:
        """Nothing is oversold; what is reserved and allocated is the sum of the reservations."""
        held: Counter[tuple[str, str, bool]] = Counter()
        for one in self.found(ReservationState):
            assert isinstance(one, ReservationState)
            held[one.sku, one.location_id, one.allocated] += one.quantity
        for where, position in self.positions().items():
            assert min(position.reserved, position.allocated) >= 0
            assert position.reserved + position.allocated <= position.on_hand
            assert position.reserved == held.pop((*where, False), 0)
            assert position.allocated == held.pop((*where, True), 0)
        assert not held
