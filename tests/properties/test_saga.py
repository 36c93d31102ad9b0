"""All rooms in one process, in every order in which Kafka may carry their records.

Each partition of an inbox is a queue; which queue goes next is random. The gateway is a fake that
approves, declines, times out, answers twice and answers late; its books are checked as well. Stock
comes while orders wait for it, locations are switched off and on, and released orders are worked
on. At rest the whole log is audited with the rules by which real pipelines are.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator
from zlib import crc32

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.fulfillment import FulfillmentState
from schemas.fulfillment import Status as Routing
from schemas.inventory import AllocateStock, KitState, ReservationState, StockState
from schemas.locations import RegisterLocation, SwitchLocation
from schemas.messages import Inbound, Room, Send, Summarises
from schemas.orders import (
    CancelOrder,
    OrderCancelled,
    OrderCommandRefused,
    OrderRefused,
    OrderReleased,
    OrderState,
    Status,
)
from schemas.payments import (
    AuthorizationRequested,
    PaymentAuthorized,
    PaymentState,
    PaymentVoided,
    RecordAuthorization,
    RecordVoid,
    VoidRequested,
)
from schemas.records import Record
from schemas.stock import Component, ExpectSupply, PositionAt, ReceiveStock, SetSku, SetStock
from schemas.topics import INVENTORY_COMMANDS, PAYMENTS_COMMANDS
from streams.fulfillment.agent import FulfillmentRoom
from streams.inventory.agent import InventoryRoom
from streams.orders.agent import OrdersRoom
from streams.payments.agent import PaymentsRoom
from streams.purchasing.agent import PurchasingRoom
from tests.chaos.ledger import Event
from tests.chaos.rules import EVENT_TOPICS, audit
from tests.unit.streams.memory import NOW, DictStates, place

PARTITIONS = 2
STEPS_MAXIMUM = 20_000
SKUS = ("MUG", "TEE", "CAP")
KIT, PARTS = "SET", (Component("MUG", 1), Component("CAP", 2))
LOCATIONS = (("BER", "DE", 52.5, 13.4), ("HAM", "DE", 53.6, 10.0), ("POZ", "PL", 52.4, 16.9))
Seat = tuple[str, int]
Outside = tuple[str, str, Record] | tuple[str, str, Record, int]
"""topic, key, record and, where it stands in all of them, partition"""


class Gateway:
    """A payment gateway that is rarely at its best, and what it holds of whose money."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.truth: dict[str, str] = {}
        """outcome by idempotency key"""
        self.held: dict[str, tuple[str, int]] = {}
        """order and amount by authorization id"""
        self.void: set[str] = set()
        self.silent: dict[str, int] = {}
        """how many more questions about an order have no answer"""
        self.under_way: dict[str, bool] = {}
        """keys of wishes that are lost, and whether they may arrive behind the first inquiry"""
        self.late: list[RecordAuthorization] = []

    def authorize(self, request: AuthorizationRequested) -> list[Record]:
        """Answers, none to two; an approval whose answer is lost is answered late."""
        order_id, key = request.order_id, request.idempotency_key
        patience = self.chance.choice([0, 0, 0, 0, 0, 0, 3, 20])
        if self.silent.setdefault(order_id, patience) > 0:
            self.silent[order_id] -= 1
            return self._keep_silent(request)
        if key not in self.truth:
            if request.inquiry:
                if self.under_way.get(key) and self.chance.random() < 0.5:
                    self._decide(request)
                self.under_way[key] = False
                return [self._answer(request, "not_found")] * self.chance.choice([1, 2])
            if key not in self.under_way and self.chance.random() < 0.15:
                self.under_way[key] = True
                return [self._answer(request, "unknown")]
            self._decide(request)
        told = self._answer(request, self.truth[key])
        if told.outcome == "approved" and self.chance.random() < 0.05:
            return [told, self._hold(request, "again")]
        return self.chance.choice(
            [[told], [told, told], [self._answer(request, "unknown"), told], [told]]
        )

    def _decide(self, request: AuthorizationRequested) -> None:
        self.truth[request.idempotency_key] = self.chance.choice(
            ["approved", "approved", "declined"]
        )
        if self.truth[request.idempotency_key] == "approved":
            self._hold(request)

    def _hold(self, request: AuthorizationRequested, which: str = "auth") -> RecordAuthorization:
        """Mostly what was asked for."""
        amount = request.amount_minor + self.chance.choice([0] * 18 + [-1, 1])
        self.held.setdefault(f"{which}-{request.order_id}", (request.order_id, amount))
        return self._answer(request, "approved", which)

    def _keep_silent(self, request: AuthorizationRequested) -> list[Record]:
        """Approve, and say so only when nobody waits for it any more."""
        if request.idempotency_key not in self.truth:
            self.truth[request.idempotency_key] = "approved"
            self.late.append(self._hold(request))
        return []

    def _answer(
        self, request: AuthorizationRequested, outcome: str, which: str = "auth"
    ) -> RecordAuthorization:
        authorization_id = f"{which}-{request.order_id}" if outcome == "approved" else ""
        return RecordAuthorization(
            request.order_id,
            outcome,
            authorization_id,
            self.held[authorization_id][1] if authorization_id else 0,
            request.currency,
            "card_declined" if outcome == "declined" else "",
            request.attempt,
        )

    def give_back(self, request: VoidRequested) -> list[Record]:
        """Voids, and says so, says so twice, or does not know; or names something else."""
        order_id, authorization_id = request.order_id, request.authorization_id
        voided = RecordVoid(order_id, "voided", authorization_id)
        unknown = RecordVoid(order_id, "unknown", authorization_id)
        other = RecordVoid(order_id, "voided", f"{authorization_id}-other")
        expired = RecordVoid(order_id, "expired", authorization_id)
        answers = self.chance.choice(
            [[voided], [voided, voided], [expired], [unknown], [other], []]
        )
        if voided in answers or expired in answers or self.chance.random() < 0.5:
            self.void.add(authorization_id)
        return list(answers)


class World:
    """The rooms, their queues, and a clock that only moves when something is woken."""

    def __init__(self, chance: random.Random) -> None:
        rooms: tuple[Room, ...] = (
            OrdersRoom(),
            InventoryRoom(),
            PaymentsRoom(),
            FulfillmentRoom(),
            PurchasingRoom(),
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
        self.asked: list[AuthorizationRequested | VoidRequested] = []
        self.events: list[Record] = []
        self.log: list[Event] = []
        """the events as the audit reads them"""

    def write(self, topic: str, key: str, record: Record, partition: int | None = None) -> None:
        """Put a record at the end of its queue, or among the events."""
        if topic not in self.rooms:
            self.events.append(record)
            self._log(topic, key, record)
            if isinstance(record, (AuthorizationRequested, VoidRequested)):
                self.asked.append(record)
            return
        seat = partition if partition is not None else crc32(key.encode()) % PARTITIONS
        self.queues[topic, seat].append((key, record))

    def _log(self, topic: str, key: str, record: Record) -> None:
        """Keep an event as the audit reads it, and have some released orders worked on."""
        partition = crc32(key.encode()) % PARTITIONS
        name, fields = type(record).__name__, msgspec.to_builtins(record)
        self.log.append(Event(topic, partition, len(self.log), key, name, fields))
        if isinstance(record, OrderReleased) and self.chance.random() < 0.3:
            [placed] = [
                event.fields
                for event in self.log
                if (event.name, event.key) == ("OrderPlaced", record.order_id)
            ]
            for line in placed["lines"]:
                allocate = AllocateStock(record.order_id, line["line_id"], line["sku"])
                self.write(INVENTORY_COMMANDS.name, line["sku"], allocate)

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
        if isinstance(request, AuthorizationRequested):
            answers = self.gateway.authorize(request)
        else:
            answers = self.gateway.give_back(request)
        for answer in answers:
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
            elif not self.step() and not later and not self.wake() and not self.late_answers():
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


def check_rest(world: World) -> None:
    """Every order has one outcome, and nothing is held for one that has ended badly."""
    outcomes: dict[str, list[str]] = {}
    for event in world.events:
        if isinstance(event, (OrderReleased, OrderRefused, OrderCancelled)):
            outcomes.setdefault(event.order_id, []).append(type(event).__name__)
    allowed = {
        Status.RELEASED: (["OrderReleased"],),
        Status.REFUSED: (["OrderRefused"],),
        Status.CANCELLED: (["OrderCancelled"], ["OrderReleased", "OrderCancelled"]),
    }
    owed: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    kits: Counter[str] = Counter()
    for order in world.found(OrderState):
        assert isinstance(order, OrderState)
        assert outcomes[order.order_id] in allowed[Status(order.status)]
        if order.status == Status.RELEASED:
            owed[order.order_id] = order.total_minor
            kits[order.order_id] = sum(line.sku == KIT for line in order.lines)
            lines[order.order_id] = len(order.lines) + kits[order.order_id] * (len(PARTS) - 1)
    reserved: Counter[str] = Counter()
    for one in world.found(ReservationState):
        assert isinstance(one, ReservationState)
        reserved[one.order_id] += 1
    assert reserved == lines
    for stock in world.found(StockState):
        assert isinstance(stock, StockState)
        assert not stock.waiting
    held = Counter(kit.order_id for kit in world.found(KitState) if isinstance(kit, KitState))
    assert held == +kits
    for routing in world.found(FulfillmentState):
        assert isinstance(routing, FulfillmentState)
        released = routing.order_id in lines
        assert routing.status == (Routing.ROUTED if released else Routing.CANCELLED)
    check_money(world, owed)
    check_log(world)


def check_log(world: World) -> None:
    """The log breaks no rule of the audit, and the states say the same."""
    states = [
        Event("inventory.state", seat[1], 0, key, type(state).__name__, msgspec.to_builtins(state))
        for seat, states in world.states.items()
        if seat[0] == INVENTORY_COMMANDS.name
        for key, state in states.kept.items()
    ]
    events = [event for event in world.log if event.topic in EVENT_TOPICS]
    report = audit([*events, *states])
    assert report.broken == []


def check_money(world: World, owed: Counter[str]) -> None:
    """What is authorized and not voided is what released orders cost; the gateway agrees."""
    held: Counter[str] = Counter()
    for event in world.events:
        if isinstance(event, PaymentAuthorized):
            assert not held[event.order_id]
            held[event.order_id] += event.amount_minor
        elif isinstance(event, PaymentVoided):
            assert held[event.order_id] == event.amount_minor
            held[event.order_id] -= event.amount_minor
    assert +held == +owed
    at_the_gateway: Counter[str] = Counter()
    for authorization_id, (order_id, amount) in world.gateway.held.items():
        if authorization_id not in world.gateway.void:
            at_the_gateway[order_id] += amount
    by_card = {state.order_id for state in payments(world) if state.method == "card"}
    assert +at_the_gateway == Counter({each: owed[each] for each in by_card if owed[each]})
    for state in payments(world):
        assert not state.voiding and not state.wake_at_ms
    for asked, number in Counter(tries(world)).items():
        assert number == 1, asked


def payments(world: World) -> list[PaymentState]:
    """Every payment."""
    return [state for state in world.found(PaymentState) if isinstance(state, PaymentState)]


def tries(world: World) -> Iterator[tuple[object, ...]]:
    """What the gateway was asked, as the audit counts it."""
    for event in world.events:
        if isinstance(event, AuthorizationRequested):
            yield "authorize", event.order_id, event.attempt, event.inquiry
        elif isinstance(event, VoidRequested):
            yield "void", event.order_id, event.attempt


def from_outside(chance: random.Random, orders: int) -> list[Outside]:
    """Orders of scarce stock, some of them twice, some cancelled, and stock, in any order."""
    commands: list[Outside] = []
    for number in range(orders):
        order_id = f"shop-{number}"
        lines = tuple(
            (str(index), chance.choice([*SKUS, *SKUS, KIT]), chance.randint(1, 2))
            for index in range(chance.randint(1, 3))
        )
        order = place(
            order_id,
            lines=lines,
            method=chance.choice(["card", "card", "channel"]),
            paid=chance.choice([3000, 3000, 2000]),
            backorder=chance.random() < 0.5,
            priority=chance.choice([0, 0, 0, 5]),
        )
        commands.extend([("orders.commands", order_id, order)] * chance.choice([1, 1, 2]))
        for _ in range(chance.choice([0, 0, 1, 2])):
            cancel = CancelOrder(order_id, chance.choice(["", "no"]), NOW)
            commands.insert(chance.randint(0, len(commands)), ("orders.commands", order_id, cancel))
    for command in arrivals(chance):
        commands.insert(
            chance.randint(0, len(commands)), (INVENTORY_COMMANDS.name, command.sku, command)
        )
    if chance.random() < 0.3:
        at = 0
        for switch in switches(chance):
            at = min(len(commands), at + chance.randint(0, 2))
            commands.insert(at, switch)
    return commands


def arrivals(chance: random.Random) -> list[SetStock | ReceiveStock | ExpectSupply]:
    """Stock that is promised and comes, or just comes, or is counted anew."""
    commands: list[SetStock | ReceiveStock | ExpectSupply] = []
    for number in range(chance.randint(0, 10)):
        sku, (location_id, *_) = chance.choice(SKUS), chance.choice(LOCATIONS)
        quantity, supply_id = chance.randint(1, 3), f"po-{number}/1"
        if chance.random() < 0.5:
            due = NOW + chance.choice([0, 3_600_000, 5 * 86_400_000])
            commands.append(ExpectSupply(supply_id, sku, location_id, quantity, due, ""))
        if chance.random() < 0.3:
            count = chance.randint(0, 6)
            commands.append(SetStock(sku, location_id, count, chance.randint(0, 1), "count"))
        receipt = ReceiveStock(
            f"m-{number}", sku, location_id, quantity, "", supply_id, "sellable", False, "", "", ""
        )
        commands.extend([receipt] * chance.choice([0, 1, 1, 2]))
    return commands


def switches(chance: random.Random) -> list[tuple[str, str, Record, int]]:
    """Locations that are switched off for a while, at every partition at another moment."""
    several = chance.choice([LOCATIONS, [chance.choice(LOCATIONS)]])
    return [
        (room, location_id, SwitchLocation(location_id, on, on, "", ""), partition)
        for on in (False, True)
        for location_id, *_ in several
        for room in ("fulfillment.commands", "inventory.commands")
        for partition in range(PARTITIONS)
    ]


def stocked(chance: random.Random) -> World:
    """A world that knows its locations and has little stock."""
    world = World(chance)
    kit = SetSku(KIT, [], [], [], list(PARTS), "", 0, [], "")
    world.write(INVENTORY_COMMANDS.name, KIT, kit)
    for location_id, country, latitude, longitude in LOCATIONS:
        location = RegisterLocation(location_id, "", country, latitude, longitude, True)
        for partition in range(PARTITIONS):
            world.write("fulfillment.commands", location_id, location, partition)
            world.write("inventory.commands", location_id, location, partition)
        for sku in SKUS:
            count = SetStock(sku, location_id, chance.randint(0, 4), chance.randint(0, 1), "count")
            world.write("inventory.commands", sku, count)
    while world.step():
        pass
    return world


@given(seed=st.integers(0, 2**32), orders=st.integers(1, 8))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_order_comes_to_rest_with_nothing_oversold_lost_or_kept(
    seed: int, orders: int
) -> None:
    chance = random.Random(seed)
    world = stocked(chance)
    world.run(from_outside(chance, orders))
    check_rest(world)


def test_the_world_reaches_every_outcome() -> None:
    """The property above would hold of a world where nothing happens."""
    seen: Counter[str] = Counter()
    reasons: set[str] = set()
    for seed in range(60):
        chance = random.Random(seed)
        world = stocked(chance)
        world.run(from_outside(chance, 6))
        seen.update(type(event).__name__ for event in world.events)
        reasons.update(getattr(event, "reason", "") for event in world.events)
    wanted = {OrderReleased, OrderRefused, OrderCancelled, OrderCommandRefused, PaymentVoided}
    assert {kind.__name__ for kind in wanted} <= set(seen)
    assert {"OrderBackordered", "ReservationMoved", "PaymentDeclined", "StockRefused"} <= set(seen)
    assert {"FulfillmentCancelled", "StockReleased", "VoidRequested"} <= set(seen)
    assert {"StockBackordered", "BackorderPromised", "BackorderEnded"} <= set(seen)
    assert {"StockMoved", "SupplyExpected", "StockAllocated", "StockLevels"} <= set(seen)
    assert {"served", "no_location"} <= reasons
    assert {"gateway_silent", "backorder_expired", "reservation_expired"} <= reasons
    assert {"amount_too_small", "amount_too_large"} <= reasons
