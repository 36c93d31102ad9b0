"""Locations that accept, reject, lack, pack and ship in any order, most of it twice, in all rooms.

Orders come, are held, changed and cancelled at any moment, as in the saga; instead of shipping by
hand people say something of a fulfillment order, whether it fits or not, and move, split, merge and
redirect it. At every step a line stands in one fulfillment order, or in the queue. At rest every
piece that left was let go by orders once, no location was tried again after it had given an order
back, and stock, captures and invoices are what they are in the saga.
Every run is made from one seed; `SAGA_SEED=<seed>` replays it alone.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from zlib import crc32

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from schemas.fulfillment import CapacityState, FulfillmentOrderReleased, FulfillmentState
from schemas.fulfillment_moves import (
    FulfillmentOrderRedirected,
    FulfillmentOrderSplit,
    MergeFulfillmentOrders,
    MoveFulfillmentOrder,
    RedirectShipment,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    AcceptFulfillmentOrder,
    FulfillmentOrder,
    FulfillmentOrderRejected,
    FulfillmentOrderRerouted,
    FulfillmentOrderShipped,
    FulfillmentOrderShort,
    HoldFulfillmentOrder,
    PackedLine,
    PackedParcel,
    RecordCarrierEvent,
    RecordPacked,
    RejectFulfillmentOrder,
    ReleaseFulfillmentOrder,
    ReportShort,
    RouteLinesTo,
    ShipFulfillmentOrder,
    StartPicking,
    WorkState,
    WorkStatus,
)
from schemas.inventory import ReservationState, StockShipped
from schemas.locations import RegisterLocation
from schemas.orders import Address, CancelOrder, OrderShipped, OrderState, Status
from schemas.payments import PaymentCaptured, PaymentCaptureFailed
from schemas.promises import PromiseState
from schemas.records import Record
from schemas.stock import SetStock
from schemas.topics import (
    DAY_MS,
    FULFILLMENT_COMMANDS,
    FULFILLMENT_EVENTS,
    INVENTORY_COMMANDS,
    ORDERS_COMMANDS,
)
from streams.fulfillment.work_capacity import GIVEN_BACK
from streams.fulfillment.work_model import OVER, PICKUP, begun
from tests.chaos.work import Work
from tests.properties.saga_outside import SKUS, from_outside, stocked
from tests.properties.saga_promises import check_promises
from tests.properties.saga_rules import rules_set
from tests.properties.saga_truths import (
    check_books,
    check_changes,
    check_money,
    check_outcomes,
    check_stock,
)
from tests.properties.saga_world import MAXIMUM_DEEDS, PARTITIONS, World

REPLAYED = os.environ.get("SAGA_SEED")
EARLY = (WorkStatus.RELEASED, WorkStatus.ACCEPTED, WorkStatus.PICKING, WorkStatus.HELD)
BOUND = 1_000
"""a day's capacity in Hamburg, which is never reached"""
ROUNDS_MAXIMUM = 60
"""of work, after which everything must be over"""
NEXT = {
    WorkStatus.RELEASED: "accept",
    WorkStatus.ACCEPTED: "pick",
    WorkStatus.PICKING: "pack",
    WorkStatus.PACKED: "ship",
    WorkStatus.HELD: "free",
    WorkStatus.SHIPPED: "delivered",
    WorkStatus.DAMAGED: "returned_to_sender",
    WorkStatus.LOST: "returned_to_sender",
}
ANYTHING = (*NEXT.values(), "reject", "reject", "short", "hold", "lost", "damaged", "in_transit")


class Docks(World):
    """The world in which locations say what they do."""

    def work(self, order_id: str) -> WorkState | None:
        """The fulfillment orders of an order; None of one that is not routed."""
        seat = (FULFILLMENT_COMMANDS.name, crc32(order_id.encode()) % PARTITIONS)
        worked_on = self.states[seat].get(f"{order_id}|work")
        routed = self.states[seat].get(order_id)
        assert worked_on is None or isinstance(worked_on, WorkState)
        assert routed is None or isinstance(routed, FulfillmentState)
        return worked_on or begun(routed)

    def _ship(self, order: OrderState) -> None:
        """Something is said of a fulfillment order; half of it is what comes next. Now and then
        somebody ships by hand."""
        if self.chance.random() < 0.1:
            super()._ship(order)
            return
        for _ in range(self.chance.randint(1, 4)):
            state = self.work(order.order_id)
            if state is None or not state.orders:
                return
            one = self.chance.choice(state.orders)
            what = self.chance.choice(ANYTHING)
            if self.chance.random() < 0.5:
                what = NEXT.get(WorkStatus(one.status), what)
            for _ in range(self.chance.choice([1, 1, 2])):
                self.tell(order.order_id, said(one, order.order_id, what, self.now))
            if self.chance.random() < 0.1:
                anywhere = self.chance.choice(["BER", "HAM", "MOON"])
                self.tell(order.order_id, RouteLinesTo(order.order_id, anywhere, [], "jo"))

            if self.chance.random() < 0.4:
                self._rearrange(order.order_id, state, one)

    def _rearrange(self, order_id: str, state: WorkState, one: FulfillmentOrder) -> None:
        """Somebody moves, splits, merges or redirects it, whether that can be or not."""
        name, ids = one.fulfillment_order_id, [line.line_id for line in one.lines]
        some = self.chance.sample(ids, self.chance.randint(0, len(ids)))
        near = [
            other.fulfillment_order_id
            for other in state.orders
            if (other.location_id, other.status) == (one.location_id, one.status) and other != one
        ]
        other = self.chance.choice(near or [name, f"{order_id}/9"])
        to = self.chance.choice(["BER", "HAM", "POZ"])
        command: Record
        what = self.chance.randrange(4)
        match 2 if near and what else what:
            case 0:
                command = MoveFulfillmentOrder(order_id, name, to, some, "", "jo")
            case 1:
                command = SplitFulfillmentOrder(order_id, name, some[:1] or ids[:1], "jo")
            case 2:
                command = MergeFulfillmentOrders(order_id, name, other, "jo")
            case _:
                self._redirect(order_id, self.chance.choice([name, ""]))
                return
        for _ in range(self.chance.choice([1, 1, 2])):
            self.tell(order_id, command)

    def rearrange_all(self) -> None:
        """Somebody looks at every order that is not over, and changes something of it."""
        for order_id, state in self.of_orders().items():
            early = [one for one in state.orders if one.status in EARLY]
            for one in self.chance.sample(early, self.chance.randint(0, len(early))):
                self._rearrange(order_id, state, one)
                if self.chance.random() < 0.2:
                    self.tell(order_id, said(one, order_id, "reject", self.now))
                if one.lines and self.chance.random() < 0.2:
                    line_ids = [self.chance.choice(one.lines).line_id]
                    cancel = CancelOrder(order_id, "one less", self.now, line_ids, "jo")
                    self.write(ORDERS_COMMANDS.name, order_id, cancel)

    def _redirect(self, order_id: str, name: str) -> None:
        """To one of the order's addresses, or to a new one."""
        new = [Address("", "", "", "Lyon", "", "69001", "FR", 45.7, 4.8)]
        address, added = self.chance.choice([(0, []), (1, new), (1, new), (1, []), (2, new)])
        self.deeds += 1
        command = RedirectShipment(
            order_id, f"r-{self.deeds}", name, address,
            added, "", b"", 0, self.chance.random() < 0.5,
            self.chance.choice(["", "by phone"]), "jo", self.now,
        )  # fmt: skip
        for _ in range(self.chance.choice([1, 1, 2])):
            self.write(ORDERS_COMMANDS.name, order_id, command)

    def step(self) -> bool:
        """After each record a line stands in one place."""
        stepped = super().step()
        for state in self.found(WorkState):
            assert isinstance(state, WorkState)
            ids = [line.line_id for one in state.orders for line in one.lines]
            ids += [line.line_id for line in state.without_place]
            assert len(ids) == len(set(ids)), state
        return stepped

    def tell(self, order_id: str, record: Record) -> None:
        """A command to the fulfillment room."""
        self.write(FULFILLMENT_COMMANDS.name, order_id, record)

    def finish(self) -> None:
        """Everything that is not over is taken on until it is."""
        self.deeds = MAXIMUM_DEEDS
        for _ in range(ROUNDS_MAXIMUM):
            busy = False
            for order_id, state in self.of_orders().items():
                for one in state.orders:
                    if one.status not in OVER:
                        busy = True
                        what = NEXT[WorkStatus(one.status)]
                        self.tell(order_id, said(one, order_id, what, self.now))
            if not busy:
                return
            self.run([])
        raise AssertionError("the fulfillment orders do not come to rest")

    def of_orders(self) -> dict[str, WorkState]:
        """The fulfillment orders of every order that has some."""
        ids = [one.order_id for one in self.found(OrderState) if isinstance(one, OrderState)]
        found = {order_id: self.work(order_id) for order_id in ids}
        return {order_id: state for order_id, state in found.items() if state is not None}


def said(one: FulfillmentOrder, order_id: str, what: str, now: int) -> Record:
    """What somebody says of a fulfillment order."""
    name = one.fulfillment_order_id
    pieces = [PackedLine(line.line_id, line.quantity) for line in one.lines]
    plain: dict[str, Record] = {
        "accept": AcceptFulfillmentOrder(order_id, name, "jo"),
        "pick": StartPicking(order_id, name, "jo"),
        "pack": RecordPacked(order_id, name, [PackedParcel("p", 1, 0, 0, 0, pieces)], "jo"),
        "ship": ShipFulfillmentOrder(order_id, name, "dhl", "", name, now, "jo"),
        "reject": RejectFulfillmentOrder(order_id, name, "full", "jo"),
        "short": ReportShort(order_id, name, pieces[0].line_id if pieces else "1", 1, "jo"),
        "hold": HoldFulfillmentOrder(order_id, name, "wait", "jo"),
        "free": ReleaseFulfillmentOrder(order_id, name, "jo"),
    }
    found = plain.get(what)
    if found is not None:
        return found
    return RecordCarrierEvent(order_id, name, f"{what} {now}", what, "", now, "", "dhl")


def lived(seed: int) -> Docks:
    """A world of some orders, from its beginning to the last door."""
    chance = random.Random(seed)
    plain = stocked(chance)
    world = Docks(chance)
    world.__dict__.update(plain.__dict__)
    bounded = RegisterLocation("HAM", "", "DE", 53.6, 10.0, True, daily_capacity=BOUND)
    for partition in range(PARTITIONS):
        world.write(FULFILLMENT_COMMANDS.name, "HAM", bounded, partition)
    if chance.random() < 0.7:
        plenty(world)
        world.haste = 0.0
    if chance.random() < 0.3:
        for one in rules_set(chance, 1):
            world.write(*one)
    world.run(from_outside(chance, chance.randint(1, 6)))
    for _ in range(3):
        world.rearrange_all()
        world.run([])
    world.finish()
    return world


def plenty(world: Docks) -> None:
    """Stock for every order, so that most are released, at one place or at several."""
    places = world.chance.sample(["BER", "HAM", "POZ"], world.chance.randint(1, 3))
    for sku in SKUS:
        for place in places:
            count = SetStock(sku, place, world.chance.choice([0, 30, 30]), 0, "plenty")
            world.write(INVENTORY_COMMANDS.name, sku, count)


def check(world: Docks) -> None:
    """What holds at rest."""
    for order_id, state in world.of_orders().items():
        assert all(one.status in OVER for one in state.orders)
        assert not any(line.trying or line.found for line in state.without_place)
        check_lines(world, order_id, state)
    check_shipped(world)
    check_places(world)
    check_names(world)
    check_capacity(world)
    check_audit(world)
    for truth in (check_outcomes, check_stock, check_money, check_books, check_changes):
        truth(world)
    check_promises(world.events, world.found(PromiseState), at_rest=True)


def check_lines(world: Docks, order_id: str, state: WorkState) -> None:
    """Every line of a released order has left whole, or waits for a person with its reason."""
    order = world.order(order_id)
    left = Counter(
        line.line_id
        for one in state.orders
        if one.status in (WorkStatus.DELIVERED, WorkStatus.RETURNED_TO_SENDER)
        for line in one.lines
    )
    waiting = Counter(line.line_id for line in state.without_place if line.reason)
    if order.status == Status.RELEASED:
        gone = Counter(line.line_id for line in order.lines if line.shipped == line.quantity)
        assert gone + waiting == Counter(line.line_id for line in order.lines)
        assert left <= gone
    else:
        assert not left
        assert not waiting


def check_shipped(world: Docks) -> None:
    """What left, what orders let leave, what was paid for and what left the stock are the same."""
    by_docks = Counter(
        (one.fulfillment_order_id, line.line_id, line.quantity)
        for one in world.events
        if isinstance(one, FulfillmentOrderShipped) and one.carrier
        for line in one.lines
    )
    by_orders = Counter(
        (one.shipment_id, line.line_id, line.quantity)
        for one in world.events
        if isinstance(one, OrderShipped) and one.carrier
        for line in one.lines
    )
    assert by_docks == by_orders
    assert all(times == 1 for times in by_docks.values())
    stock = Counter(
        (one.order_id, one.line_id) for one in world.events if isinstance(one, StockShipped)
    )
    assert all(times == 1 for times in stock.values())
    paid = {one.capture_id for one in world.events if isinstance(one, PaymentCaptured)}
    free = {
        one.shipment_id
        for one in world.events
        if isinstance(one, OrderShipped) and not one.amount_minor
    }
    failed = {one.capture_id for one in world.events if isinstance(one, PaymentCaptureFailed)}
    assert {name for name, _, _ in by_docks} <= paid | free | failed


def check_places(world: Docks) -> None:
    """No location gets anything of an order that it has given something of back."""
    gave_back: set[tuple[str, str]] = set()
    for one in world.events:
        if isinstance(one, FulfillmentOrderRejected | FulfillmentOrderShort):
            gave_back.add((one.order_id, one.location_id))
        elif isinstance(one, FulfillmentOrderRerouted):
            assert (one.order_id, one.location_id) not in gave_back
    stands = {
        (one.order_id, one.line_id): one.location_id
        for one in world.found(ReservationState)
        if isinstance(one, ReservationState)
    }
    for order_id, state in world.of_orders().items():
        for order in state.orders:
            for line in order.lines:
                where = stands.get((order_id, line.line_id), order.location_id)
                assert where == order.location_id or order.status == WorkStatus.CANCELLED


def check_audit(world: Docks) -> None:
    """The auditor, which shares no code with the rooms, finds nothing either."""
    broken: list[tuple[str, str, str]] = []
    audit = Work(lambda *found: broken.append(found))
    for event in world.log:
        if event.topic == FULFILLMENT_EVENTS.name:
            audit.feed(event.name, event.fields)
        elif event.name == "OrderShipped":
            audit.let_go(event.fields)
    for order_id in world.of_orders():
        audit.judge(order_id)
    assert broken == []


def check_names(world: Docks) -> None:
    """No name of a fulfillment order comes twice, and what is fetched is sent only if agreed."""
    made = [
        one.fulfillment_order_id
        for one in world.events
        if isinstance(
            one, FulfillmentOrderReleased | FulfillmentOrderRerouted | FulfillmentOrderSplit
        )
    ]
    assert len(made) == len(set(made))
    for one in world.events:
        if isinstance(one, FulfillmentOrderRedirected) and one.before == PICKUP:
            assert one.reason


def check_capacity(world: Docks) -> None:
    """What is used of a day is no less than what stands of it, and no more than was released."""
    for (room, _), states in world.states.items():
        used = states.get("@capacity")
        if room != FULFILLMENT_COMMANDS.name or not isinstance(used, CapacityState):
            continue
        counted = {one.location_id: one.fulfillment_orders for one in used.used}
        orders = [
            one
            for key, state in states.kept.items()
            if isinstance(state, FulfillmentState) and (work := world.work(key)) is not None
            for one in work.orders
            if one.location_id == "HAM" and one.released_at_ms // DAY_MS == used.day
        ]
        standing = [one for one in orders if one.status not in GIVEN_BACK]
        assert len(standing) <= counted.get("HAM", 0) <= len(orders)
        assert counted.keys() <= {"HAM"}


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(seed=int(REPLAYED or 0))
def test_every_fulfillment_order_comes_to_rest_and_nothing_leaves_twice(seed: int) -> None:
    note(f"SAGA_SEED={seed}")
    check(lived(seed))


def test_the_docks_see_everything_that_can_happen() -> None:
    """The property above would hold of a world where nothing is rejected."""
    wanted = {
        "FulfillmentOrderAccepted", "FulfillmentOrderRejected", "PickingStarted",
        "FulfillmentOrderShort", "FulfillmentOrderPacked", "ShipmentRequested",
        "FulfillmentOrderShipped", "CarrierEventRecorded", "FulfillmentOrderHeld",
        "FulfillmentHoldEnded", "FulfillmentOrderCancelled", "FulfillmentOrderRerouted",
        "LinesUnroutable", "FulfillmentCommandRefused", "StockAllocated", "StockShipped",
        "FulfillmentOrderMoving", "FulfillmentMoveEnded", "FulfillmentOrderSplit",
        "FulfillmentOrdersMerged", "FulfillmentOrderRedirected", "OrderAmended",
    }  # fmt: skip
    for seed in range(200):
        wanted -= {type(event).__name__ for event in lived(seed).events}
        if not wanted:
            return
    raise AssertionError(f"never seen: {wanted}")
