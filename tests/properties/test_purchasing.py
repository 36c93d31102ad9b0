"""The purchasing room under random commands, most of them twice, against what inventory sees."""

from __future__ import annotations

from collections import Counter, deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from schemas.messages import Send
from schemas.purchasing import (
    ApprovePurchaseOrder,
    CancelPurchaseOrder,
    ClosePurchaseOrder,
    ConfirmPurchaseOrder,
    CreatePurchaseOrder,
    DeliveredLine,
    OffersState,
    ProposePurchase,
    PurchaseLine,
    PurchaseOrderState,
    PurchaseRefused,
    ReceiptRefused,
    RecordDelivery,
    RecordGoodsReceipt,
    RecordPerformance,
    SendPurchaseOrder,
    SetOffer,
    Status,
)
from schemas.records import Record
from schemas.stock import ExpectSupply, ReceiveStock
from schemas.topics import INVENTORY_COMMANDS, PURCHASING_COMMANDS
from streams.purchasing.agent import PurchasingRoom
from tests.unit.streams.memory import NOW, Desk

SKUS = st.sampled_from(["MUG", "TEE"])
ORDERS = st.sampled_from(["po-1", "po-2", "po-MUG-1", "po-TEE-1"])
LINES = st.sampled_from(["1", "2", "3"])
DISPOSITIONS = st.sampled_from(["sellable", "sellable", "damaged", "scrap", "lost"])


class Purchasing(RuleBasedStateMachine):
    """Commands come in any order; what the room asks of itself is carried out at once."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(PurchasingRoom())
        self.expected: Counter[str] = Counter()
        """what inventory expects, by supply id"""
        self.received: Counter[str] = Counter()
        """what inventory has taken in, by supply id"""
        self.taken_in: set[str] = set()
        """ids of movements that inventory has made"""
        self.asked: deque[tuple[ReceiveStock, bool]] = deque()
        """what inventory has yet to answer, and whether it has taken it in"""
        self.refuses = False
        self.measured: Counter[tuple[str, str]] = Counter()

    def ask(self, key: str, command: Record) -> None:
        """Carry a command out, and see that the same again has no effect."""
        following = self.desk.ask(key, command)
        self.carry(following)
        if any(isinstance(send.record, ReceiptRefused) for send in following):
            return
        before = dict(self.desk.states.kept)
        again = self.desk.ask(key, command)
        assert all(isinstance(send.record, PurchaseRefused) for send in again)
        assert self.desk.states.kept == before

    def carry(self, sends: list[Send]) -> None:
        """Take in what inventory would, and give the room what it asks of itself."""
        for topic, key, record, _ in sends:
            if topic is INVENTORY_COMMANDS:
                self.inventory(key, record)
            elif isinstance(record, RecordPerformance):
                self.measured[record.purchase_order_id, record.line_id] += 1
                self.carry(self.desk.ask(key, record))
            elif topic is PURCHASING_COMMANDS:
                self.ask(key, record)

    def inventory(self, key: str, record: Record) -> None:
        if isinstance(record, ExpectSupply):
            assert key == record.sku
            self.expected[record.supply_id] = record.quantity
        else:
            assert isinstance(record, ReceiveStock) and key == record.sku
            assert record.movement_id not in self.taken_in
            if not self.refuses:
                self.taken_in.add(record.movement_id)
                self.expected[record.supply_id] -= record.quantity
                self.received[record.supply_id] += record.quantity
            self.asked.append((record, not self.refuses))

    @rule(
        sku=SKUS, supplier=st.sampled_from(["a", "b"]), price=st.integers(0, 50), on=st.booleans()
    )
    def set_offer(self, sku: str, supplier: str, price: int, on: bool) -> None:
        self.ask(sku, SetOffer(sku, supplier, "", price, "EUR", 3, price % 7, price % 5, on, ""))

    @rule(sku=SKUS, location=st.sampled_from(["BER", "HAM"]), quantity=st.integers(0, 9))
    def propose(self, sku: str, location: str, quantity: int) -> None:
        self.ask(sku, ProposePurchase(sku, location, quantity, "low", self.desk.now))

    @rule(
        order=ORDERS,
        skus=st.lists(SKUS, max_size=3),
        quantity=st.integers(0, 6),
        customer=st.sampled_from(["", "", "shop-1"]),
    )
    def create(self, order: str, skus: list[str], quantity: int, customer: str) -> None:
        lines = [
            PurchaseLine(str(number), sku, quantity, 100) for number, sku in enumerate(skus, 1)
        ]
        location = "" if customer else "BER"
        self.ask(
            order,
            CreatePurchaseOrder(order, "a", location, lines, "EUR", NOW + 9, customer, "", ""),
        )

    @rule(order=ORDERS)
    def approve(self, order: str) -> None:
        self.ask(order, ApprovePurchaseOrder(order, "ann"))

    @rule(order=ORDERS)
    def send(self, order: str) -> None:
        self.ask(order, SendPurchaseOrder(order, "ann"))

    @rule(order=ORDERS, later=st.integers(0, 3))
    def confirm(self, order: str, later: int) -> None:
        self.ask(order, ConfirmPurchaseOrder(order, NOW + 9 + later, "", "a"))

    @rule(
        order=ORDERS,
        delivery=st.sampled_from(["d-1", "d-2", "d-3"]),
        lines=st.lists(st.tuples(LINES, st.integers(0, 4), DISPOSITIONS), max_size=3),
    )
    def deliver(self, order: str, delivery: str, lines: list[tuple[str, int, str]]) -> None:
        came = [DeliveredLine(line, pieces, what, "", 0, []) for line, pieces, what in lines]
        self.ask(order, RecordDelivery(order, delivery, came, "dock"))

    @rule(refuses=st.sampled_from([False, False, True]))
    def handle_otherwise(self, refuses: bool) -> None:
        """Inventory takes in nothing any more, or everything."""
        self.refuses = refuses

    @rule(some=st.integers(1, 3))
    def answer(self, some: int) -> None:
        """Some of inventory's answers come."""
        for _ in range(min(some, len(self.asked))):
            record, taken = self.asked.popleft()
            reason = "" if taken else "lot_required"
            reply = RecordGoodsReceipt(
                record.purchase_order_id, record.movement_id, record.sku, taken, reason
            )
            self.ask(record.purchase_order_id, reply)

    @rule(order=ORDERS)
    def close(self, order: str) -> None:
        self.ask(order, ClosePurchaseOrder(order, "", "ann"))

    @rule(order=ORDERS)
    def cancel(self, order: str) -> None:
        self.ask(order, CancelPurchaseOrder(order, "", "ann"))

    @rule(later=st.integers(1, 10))
    def time_passes(self, later: int) -> None:
        self.desk.now += later

    @invariant()
    def inventory_expects_what_is_open_of_orders_that_are_sent(self) -> None:
        open_pieces: Counter[str] = Counter()
        received: Counter[str] = Counter()
        for state in self.orders():
            for line in state.lines:
                assert 0 <= line.sellable <= line.received <= line.quantity
                supply_id = f"{state.purchase_order_id}/{line.line_id}"
                if state.order_id:
                    continue
                received[supply_id] = line.received
                if state.status in (Status.SENT, Status.PARTLY_RECEIVED):
                    open_pieces[supply_id] = line.quantity - line.received
            assert not (state.under_way and state.status in (Status.CLOSED, Status.CANCELLED))
        for record, taken in self.asked:
            if taken:
                received[record.supply_id] += record.quantity
                open_pieces[record.supply_id] -= record.quantity
        assert +self.received == +received
        if not any(not taken for _, taken in self.asked):
            assert +self.expected == +open_pieces
        assert min(self.expected.values(), default=0) >= 0

    @invariant()
    def a_line_is_measured_once_when_it_is_over(self) -> None:
        for state in self.orders():
            for line in state.lines:
                over = state.status == Status.CLOSED or line.received == line.quantity
                found = self.measured[state.purchase_order_id, line.line_id]
                assert found == over, (state, line)

    @invariant()
    def shares_are_shares(self) -> None:
        for state in self.desk.states.kept.values():
            for offer in state.offers if isinstance(state, OffersState) else []:
                assert 0 <= offer.on_time_share <= 1
                assert 0 <= offer.fill_share <= 1

    def orders(self) -> list[PurchaseOrderState]:
        """Every purchase order."""
        kept = self.desk.states.kept.values()
        return [state for state in kept if isinstance(state, PurchaseOrderState)]


TestPurchasing = Purchasing.TestCase
TestPurchasing.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
