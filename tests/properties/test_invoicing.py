"""Properties of what orders bill and give back: accounting refuses none of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.accounting import DEFAULT_ENTITY, DocumentRefused, IssueCreditNote, IssueInvoice
from schemas.messages import Send
from schemas.orders import (
    LineKind,
    OrderCommandRefused,
    OrderLine,
    OrderRefunded,
    OrderState,
    PlaceOrder,
    RefundOrder,
    ShippedLine,
    Status,
)
from schemas.payments import CapturePayment, RefundPayment
from schemas.topics import ACCOUNTING_COMMANDS
from schemas.totals import PricedOrder, recomputed_total
from streams.accounting.agent import AccountingRoom
from streams.orders import invoicing, terms
from tests.money.rooms import House
from tests.money.test_money_in_the_rooms import EACH, GOODS_ONLY, released, ship
from tests.money.written import minors
from tests.properties.test_totals import priced_orders
from tests.unit.streams.memory import NOW, Desk, place
from tests.unit.streams.order_desk import ID, OrderDesk, cancel, paid, shipment


class Shop:
    """An orders room with one order, payments that always say yes, and accounting."""

    def __init__(self, order: PlaceOrder) -> None:
        self.desk = OrderDesk(order).until(Status.RELEASED)
        self.books = Desk(AccountingRoom())
        self.captured = self.refunded = 0
        self.invoiced: dict[str, IssueInvoice] = {}
        self.refused: list[OrderCommandRefused] = []
        self._follow(self.desk.written)

    @property
    def state(self) -> OrderState:
        return self.desk.now_is

    def tell(self, command: Any) -> None:
        self._follow(self.desk.tell(command))

    def _follow(self, sends: list[Send]) -> None:
        for send in sends:
            match send.record:
                case CapturePayment(capture_id=capture_id, amount_minor=amount):
                    self.captured += amount
                    bills = [one.record for one in sends if isinstance(one.record, IssueInvoice)]
                    assert [one.total_minor for one in bills] == [amount], capture_id
                case RefundPayment(amount_minor=amount):
                    self.refunded += amount
                    notes = [one.record for one in sends if isinstance(one.record, IssueCreditNote)]
                    assert sum(one.total_minor for one in notes) == amount
                case OrderCommandRefused():
                    self.refused.append(send.record)
            if send.topic is ACCOUNTING_COMMANDS:
                written = self.books.ask(DEFAULT_ENTITY, send.record)
                assert not [one for one in written if isinstance(one.record, DocumentRefused)], (
                    written
                )
                assert written, "each document is a new one"
        if self.state.captured_minor != self.captured:
            told = paid(self.state.total_minor, captured=self.captured)
            self.desk.tell(told)

    def give_back(
        self, refund_id: str, *, shipping: int = -1, amount: int = 0, **lines: int
    ) -> None:
        pieces = [ShippedLine(name.removeprefix("l"), number) for name, number in lines.items()]
        self.tell(RefundOrder(ID, refund_id, pieces, shipping, amount, "came back", "jo", NOW))


@st.composite
def placed_orders(draw: st.DrawFn) -> PlaceOrder:
    """Orders with bundles, and with totals that the channel has got wrong."""
    priced = draw(priced_orders())
    lines = []
    heads = [line.line_id for line in priced.lines if line.kind == LineKind.BUNDLE]
    for line in priced.lines:
        parent = ""
        if line.kind != LineKind.BUNDLE and heads:
            parent = draw(st.sampled_from(["", *heads]))
        lines.append(
            OrderLine(
                line.line_id, "MUG", line.quantity, line.unit_price_minor, line.per, line.kind,
                parent, "", line.discount_minor, line.tax_minor, line.tax_rate_ppm,
            )
        )  # fmt: skip
    return ordered(priced, lines, draw(st.sampled_from([0, 0, 0, 1, -7, 100])))


def ordered(priced: PricedOrder, lines: list[OrderLine], claimed_more: int) -> PlaceOrder:
    total = max(0, recomputed_total(priced) + claimed_more)
    return replace(
        place(), lines=lines, discount_minor=priced.discount_minor,
        shipping_minor=priced.shipping_minor, tax_minor=priced.tax_minor,
        prices_include_tax=priced.prices_include_tax,
        shipping_tax_rate_ppm=priced.shipping_tax_rate_ppm, total_minor=total, paid_minor=total,
    )  # fmt: skip


def ship_all(shop: Shop, data: st.DataObject) -> None:
    """Everything leaves, in up to five shipments; a line may be cancelled between."""
    for number in range(5):
        still = {line.line_id: line.quantity - line.shipped for line in shop.state.lines}
        pieces = {
            f"l{name}": quantity if number == 4 else data.draw(st.integers(0, quantity))
            for name, quantity in still.items()
        }
        left = {name: quantity for name, quantity in pieces.items() if quantity}
        if left:
            shop.tell(shipment(f"s{number}", **left))
        if number == 1 and data.draw(st.booleans()):
            shop.tell(cancel(data.draw(st.sampled_from(shop.desk.order.lines)).line_id))
            # With its only line the order ends, and there is nothing to bill.
            assume(shop.state.status == Status.RELEASED)


def check_all_is_billed(shop: Shop) -> None:
    state = shop.state
    assert shop.captured == state.total_minor
    left = [one for parcel in state.parcels for one in parcel.lines]
    assert sum(one.net_minor + one.tax_minor for one in left) == state.total_minor
    assert min((min(one.net_minor, one.tax_minor) for one in left), default=0) >= 0


@given(placed_orders(), st.data())
def test_every_shipment_has_its_invoice_and_every_piece_its_credit(
    order: PlaceOrder, data: st.DataObject
) -> None:
    shop = Shop(order)
    ship_all(shop, data)
    check_all_is_billed(shop)
    bears = invoicing.bearers(terms.of(shop.state))
    lines = [one for name, one in bears.items() if name not in shop.state.cancelled_lines]
    for one in lines:
        name, whole = one.line.line_id, one.line.quantity
        first = data.draw(st.integers(0, whole))
        worth, before = one.own_minor + one.head_minor, shop.refunded
        for number, pieces in enumerate((first, whole - first)):
            if pieces:
                shop.give_back(f"r{name}-{number}", **{f"l{name}": pieces})
        assert shop.refunded - before == worth
    assert shop.refunded == shop.captured == shop.state.returned_minor
    for parcel in shop.state.parcels:
        assert all(invoicing.left(one) == (0, 0) for one in parcel.lines)
    assert {one.reason for one in shop.refused} <= {"nothing_left", "too_late"}


@given(placed_orders(), st.data())
def test_sums_pieces_and_shipping_given_back_in_any_mixture_are_never_more_than_was_billed(
    order: PlaceOrder, data: st.DataObject
) -> None:
    shop = Shop(order)
    ship_all(shop, data)
    names = list(invoicing.bearers(terms.of(shop.state)))
    for number in range(data.draw(st.integers(1, 6))):
        wanted = data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
        amounts = st.one_of(st.just(0), st.integers(1, 2 * shop.captured + 1))
        shop.give_back(
            f"r{number}",
            shipping=data.draw(st.sampled_from([-1, -1, 0, 1, 250])),
            amount=data.draw(amounts),
            **{f"l{name}": data.draw(st.integers(1, 50)) for name in wanted},
        )
        assert shop.refunded == shop.state.returned_minor <= shop.captured
        assert shop.state.refund_asked_minor == shop.refunded
    rest = shop.captured - shop.refunded
    if rest:
        shop.give_back("rest", amount=rest)
        assert shop.refunded == shop.captured
    shop.give_back("more", amount=1)
    assert shop.refused[-1].reason == "more_than_left"


def refund(command: PlaceOrder, number: int, lines: dict[str, int]) -> RefundOrder:
    """The pieces come back, bundles by their parts."""
    kinds = {line.line_id: line.kind for line in command.lines}
    pieces = [ShippedLine(*one) for one in lines.items() if kinds[one[0]] != LineKind.BUNDLE]
    return RefundOrder(command.order_id, f"r{number}", pieces, -1, 0, "came back", "jo", NOW)


def given_back(house: House) -> int:
    """What the order has told, which must be what payments has given back."""
    told = [one for one in house.events if isinstance(one, OrderRefunded)]
    assert sum(one.amount_minor for one in told) == house.refunded.total()
    return house.refunded.total()


@EACH
def test_the_sixty_orders_are_billed_and_given_back_line_by_line(order: dict[str, Any]) -> None:
    house, command = released(order)
    for number, turn in enumerate(order["shipments"]):
        ship(house, command, number, turn["lines"])
    for number, turn in enumerate(order["refunds"]):
        house.tell(command.order_id, refund(command, number, turn["lines"]))
    assert given_back(house) == house.captured.total() == command.total_minor
    assert not [one for one in house.events if isinstance(one, DocumentRefused)]


@pytest.mark.parametrize("order", GOODS_ONLY, ids=[one["title"] for one in GOODS_ONLY])
def test_each_refund_of_the_sixty_orders_is_what_was_worked_out(order: dict[str, Any]) -> None:
    house, command = released(order)
    for number, turn in enumerate(order["shipments"]):
        ship(house, command, number, turn["lines"])
    for number, turn in enumerate(order["refunds"]):
        before = house.refunded.total()
        house.tell(command.order_id, refund(command, number, turn["lines"]))
        assert [given_back(house) - before] == minors([turn["given_back"]], command.currency)
