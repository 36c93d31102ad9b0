"""The policies for what is billed, when, and to whom."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.accounting import DEFAULT_ENTITY, DocumentLine, IssueInvoice
from schemas.orders import LineKind, OrderLine, OrderRefunded, PlaceOrder, Status, Tender
from schemas.payments import CapturePayment, Method
from schemas.topics import ACCOUNTING_COMMANDS
from streams.orders.invoicing import FEES, SHIPPING, Sum
from streams.orders.model import DAY_MS
from tests.unit.streams.memory import NOW, names, only, place
from tests.unit.streams.order_desk import ID, OrderDesk, cancel, paid, released, shipment
from tests.unit.streams.test_orders_refunding import BUNDLE, back, order

TAXED = replace(
    place(),
    lines=[
        OrderLine("1", "MUG", 3, 1190, tax_rate_ppm=190_000, title="Mug"),
        OrderLine("2", "TEA", 1, 535, tax_rate_ppm=70_000),
    ],
    shipping_minor=476,
    shipping_tax_rate_ppm=190_000,
    tax_minor=30,
    prices_include_tax=True,
    total_minor=4611,
    paid_minor=4611,
)
"""with 30 of fees"""


def bills(made: OrderDesk) -> list[IssueInvoice]:
    return [one for send in made.written if isinstance(one := send.record, IssueInvoice)]


def takings(made: OrderDesk) -> list[tuple[str, int]]:
    return [
        (f"{ID}/{one.capture_id}", one.amount_minor)
        for send in made.written
        if isinstance(one := send.record, CapturePayment)
    ]


def test_each_shipment_is_billed_for_what_is_taken_for_it() -> None:
    made = OrderDesk(TAXED).until(Status.RELEASED)
    sends = made.tell(shipment("a", l1=2))
    (send,) = (one for one in sends if one.topic is ACCOUNTING_COMMANDS)
    assert send.key == DEFAULT_ENTITY
    made.tell(shipment("b", l1=1, l2=1))
    assert [(one.document_key, one.total_minor) for one in bills(made)] == takings(made)
    assert sum(one.total_minor for one in bills(made)) == TAXED.total_minor
    first, second = bills(made)
    assert first.lines == [
        DocumentLine("1", "MUG", "Mug", 2, 2000, 380, 190_000, "goods"),
        DocumentLine(SHIPPING, "", "Shipping", 1, 232, 44, 190_000, "shipping"),
        DocumentLine(FEES, "", "Fees", 1, 17, 0, 0, "fee"),
    ]
    assert [line.title for line in second.lines] == ["Mug", "TEA", "Shipping", "Fees"]
    assert sum(line.tax_minor for one in (first, second) for line in one.lines) == 3 * 190 + 35 + 76


def test_an_invoice_names_the_buyer_and_when_it_is_due() -> None:
    made = replace(
        place(),
        tenders=[Tender("1", Method.INVOICE, 0, terms_days=14)],
        purchase_order_number="PO-7",
        customer_id="c-1",
        key_id="k-1",
        personal=b"sealed",
    )
    desk = OrderDesk(made).until(Status.RELEASED)
    bill = only(desk.tell(shipment(l1=1)), IssueInvoice)
    assert (bill.customer_id, bill.key_id, bill.personal) == ("c-1", "k-1", b"sealed")
    assert (bill.purchase_order_number, bill.issued_at_ms) == ("PO-7", NOW)
    assert bill.due_at_ms == NOW + 14 * DAY_MS


def test_what_is_not_shipped_is_billed_with_the_last_shipment() -> None:
    made = OrderDesk(BUNDLE).until(Status.RELEASED)
    first = only(made.tell(shipment("a", l1=4)), IssueInvoice)
    assert [(line.line_id, line.quantity) for line in first.lines] == [("set", 0), ("1", 4)]
    second = only(made.tell(shipment("b", l2=2)), IssueInvoice)
    assert [(line.line_id, line.quantity) for line in second.lines] == [
        ("set", 0), ("2", 2), ("3", 1),
    ]  # fmt: skip
    assert second.lines[-1].title == "engraving"


def test_a_bundle_that_is_shipped_as_a_whole_is_billed_as_one() -> None:
    made = OrderDesk(BUNDLE).until(Status.RELEASED)
    bill = only(made.tell(shipment(l1=4, l2=2)), IssueInvoice)
    assert bill.lines[0] == DocumentLine("set", "", "", 2, 2002, 0, 0, "bundle")
    assert [line.net_minor for line in bill.lines] == [2002, 0, 0, 500]


def test_an_order_without_goods_is_billed_at_its_release() -> None:
    made = OrderDesk(order(OrderLine("1", "", 1, 5000, kind=LineKind.GIFT_CARD)))
    made.tell(made.order)
    bill = only(made.tell(paid(5000)), IssueInvoice)
    assert (bill.document_key, bill.total_minor) == (f"{ID}/release", 5000)
    assert bill.lines[0].kind == "gift_card"


def test_what_remains_when_all_goods_are_cancelled_is_billed_then() -> None:
    made = OrderDesk(BUNDLE).until(Status.RELEASED)
    made.tell(cancel("set"))
    assert [(one.document_key, one.total_minor) for one in bills(made)] == takings(made)
    assert [line.line_id for line in bills(made)[0].lines] == ["3"]


def test_what_costs_nothing_and_what_never_left_has_no_invoice() -> None:
    free = OrderDesk(order(OrderLine("1", "MUG", 1, 0))).until(Status.RELEASED)
    assert names(free.tell(shipment(l1=1))) == ["OrderShipped", "ShipStock", "RecordGoodsLeft"]
    made = released()
    made.tell(cancel())
    assert bills(made) == []


def test_a_total_that_the_channel_has_got_wrong_is_billed_as_it_is_taken() -> None:
    claimed: PlaceOrder = replace(TAXED, total_minor=4000, paid_minor=4000)
    made = OrderDesk(claimed).until(Status.RELEASED)
    made.tell(shipment("a", l1=1))
    made.tell(shipment("b", l1=2, l2=1))
    assert [(one.document_key, one.total_minor) for one in bills(made)] == takings(made)
    for one in bills(made):
        assert sum(line.net_minor + line.tax_minor for line in one.lines) == one.total_minor


def test_an_order_of_which_no_shares_can_be_made_is_billed_without_tax() -> None:
    odd = replace(place(), shipping_minor=-100, total_minor=2900, paid_minor=2900)
    made = OrderDesk(odd).until(Status.RELEASED)
    bill = only(made.tell(shipment(l1=2, l2=1)), IssueInvoice)
    assert bill.total_minor == sum(line.net_minor for line in bill.lines) == 2900


def test_an_order_from_before_prices_were_kept_is_billed_in_equal_shares() -> None:
    made = released()
    made.states.put(ID, replace(made.now_is, content=b""))
    made.tell(shipment("a", l1=1))
    made.tell(shipment("b", l1=1, l2=1))
    assert [(one.document_key, one.total_minor) for one in bills(made)] == takings(made)
    assert [one.total_minor for one in bills(made)] == [750, 2250]
    made.tell(paid(3000, captured=3000))
    assert only(made.tell(back(l1=0)), OrderRefunded).amount_minor == 1500


def test_a_part_of_a_sum_has_its_tax_in_proportion() -> None:
    assert Sum(100, 19).part(119) == Sum(100, 19)
    assert Sum(100, 19).part(60) == Sum(50, 10)
    assert Sum(0, 0).part(0) == Sum(0, 0)
