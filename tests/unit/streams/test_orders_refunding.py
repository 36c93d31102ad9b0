"""The policies for money that is given back for what has been shipped."""

from __future__ import annotations

import pytest

from schemas.accounting import IssueCreditNote
from schemas.orders import (
    LineKind,
    OrderCommandRefused,
    OrderLine,
    OrderRefunded,
    PlaceOrder,
    RefundOrder,
    Refusal,
    ShippedLine,
    Status,
)
from schemas.payments import CapturePayment, RefundPayment
from schemas.totals import shares
from tests.unit.streams.memory import NOW, names, only
from tests.unit.streams.order_desk import (
    ID,
    THREE,
    OrderDesk,
    cancel,
    order,
    paid,
    released,
    shipment,
)

BUNDLE = order(
    OrderLine("set", "", 2, 1001, kind=LineKind.BUNDLE),
    OrderLine("1", "MUG", 4, 0, parent_line_id="set"),
    OrderLine("2", "TEE", 2, 0, parent_line_id="set"),
    OrderLine("3", "", 1, 500, kind=LineKind.CUSTOM, title="engraving"),
)


def back(refund_id: str = "r", *, shipping: int = -1, amount: int = 0, **lines: int) -> RefundOrder:
    """Pieces come back; lines are named l1, l2 and so on."""
    pieces = [ShippedLine(name.removeprefix("l"), quantity) for name, quantity in lines.items()]
    return RefundOrder(ID, refund_id, pieces, shipping, amount, "came back", "jo", NOW)


def shipped(what: PlaceOrder = THREE, *parcels: dict[str, int]) -> OrderDesk:
    """All of the order has left, or what of it is named, and its money is taken."""
    made = OrderDesk(what).until(Status.RELEASED)
    whole = {f"l{line.line_id}": line.quantity for line in made.now_is.lines}
    for number, lines in enumerate(parcels or (whole,), start=1):
        made.tell(shipment(f"s{number}", **lines))
    taken = sum(
        one.amount_minor for send in made.written if isinstance(one := send.record, CapturePayment)
    )
    made.tell(paid(what.total_minor, captured=taken))
    return made


def refusal(made: OrderDesk, command: RefundOrder) -> str:
    before = made.now_is
    event = only(made.tell(command), OrderCommandRefused)
    assert (event.command, event.request_id, event.actor) == ("RefundOrder", "r", "jo")
    assert made.now_is.refund_asked_minor == before.refund_asked_minor
    assert made.now_is.parcels == before.parcels
    return event.reason


def test_a_line_is_given_back_with_its_share_of_discount_tax_and_shipping() -> None:
    made = shipped()
    each = {share.line_id: share for share in shares(THREE)}
    sends = made.tell(back(l2=1))
    assert names(sends) == ["OrderRefunded", "RefundPayment", "IssueCreditNote"]
    event, asked = only(sends, OrderRefunded), only(sends, RefundPayment)
    assert event.amount_minor == asked.amount_minor == each["2"].total_minor
    assert event.shipping_minor == each["2"].shipping_minor
    assert (asked.refund_id, asked.reason) == ("r", "came back")
    assert made.now_is.refund_asked_minor == made.now_is.returned_minor == event.amount_minor
    assert made.now_is.total_minor == THREE.total_minor


def test_pieces_given_back_one_by_one_are_the_lines_share_to_the_minor_unit() -> None:
    made = shipped()
    given = [
        only(made.tell(back(f"r{number}", l1=1)), OrderRefunded).amount_minor for number in range(3)
    ]
    assert sum(given) == next(one.total_minor for one in shares(THREE) if one.line_id == "1")


def test_all_that_is_left_of_a_line_is_given_back_where_no_pieces_are_named() -> None:
    made = shipped()
    made.tell(back("r1", l1=1))
    assert only(made.tell(back("r2", l1=0)), OrderRefunded).lines == [ShippedLine("1", 2)]
    assert refusal(made, back(l1=0)) == Refusal.NOTHING_LEFT


def test_the_same_refund_again_changes_nothing_and_other_content_is_a_conflict() -> None:
    made = shipped()
    made.tell(back(l1=1))
    assert made.tell(back(l1=1)) == []
    assert refusal(made, back(l1=2)) == Refusal.ORDER_CONFLICT


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (back(l9=1), Refusal.UNKNOWN_LINE),
        (back(l1=-1), Refusal.INVALID_QUANTITY),
        (back(l1=4), Refusal.MORE_THAN_SHIPPED),
        (back(l1=2, amount=-1), Refusal.INVALID_AMOUNT),
        (back(l1=2, shipping=-2), Refusal.INVALID_AMOUNT),
        (back(l1=2, shipping=5, amount=4), Refusal.INVALID_AMOUNT),
        (back(shipping=500), Refusal.MORE_THAN_LEFT),
        (back(amount=THREE.total_minor + 1), Refusal.MORE_THAN_LEFT),
        (back(), Refusal.NOTHING_LEFT),
    ],
)
def test_no_more_is_given_back_than_was_shipped_and_billed(
    command: RefundOrder, reason: Refusal
) -> None:
    assert refusal(shipped(), command) == reason


@pytest.mark.parametrize("refund_id", ["", "@void", "change/1/2"])
def test_an_id_that_others_give_is_refused(refund_id: str) -> None:
    event = only(shipped().tell(back(refund_id, l1=1)), OrderCommandRefused)
    assert event.reason == Refusal.ORDER_CONFLICT


def test_nothing_is_given_back_of_what_is_not_shipped_not_released_or_ended() -> None:
    assert only(OrderDesk().tell(back(l1=1)), OrderCommandRefused).reason == Refusal.UNKNOWN_ORDER
    made = OrderDesk().until(Status.AUTHORIZING)
    assert refusal(made, back(l1=1)) == Refusal.NOT_RELEASED
    made = released()
    assert refusal(made, back(l1=1)) == Refusal.MORE_THAN_SHIPPED
    assert refusal(made, back(amount=1)) == Refusal.MORE_THAN_LEFT
    made.tell(cancel())
    assert refusal(made, back(l1=1)) == Refusal.ALREADY_ENDED


def test_money_that_is_not_taken_yet_is_not_given_back_and_can_be_asked_for_again() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    made.tell(shipment(l1=3, l2=1, l3=2))
    assert refusal(made, back(l1=1)) == Refusal.NOT_CAPTURED
    made.tell(paid(THREE.total_minor, captured=THREE.total_minor))
    assert names(made.tell(back(l1=1)))[0] == "OrderRefunded"


def test_what_was_given_back_by_hand_is_not_given_back_again() -> None:
    made = shipped()
    total = THREE.total_minor
    made.tell(paid(total, captured=total, refunded=total - 10))
    assert refusal(made, back(l1=1)) == Refusal.NOT_CAPTURED
    assert only(made.tell(back(amount=10)), OrderRefunded).amount_minor == 10


def test_so_much_of_shipping_is_given_back_as_is_asked() -> None:
    made = shipped()
    none = only(made.tell(back("r1", l1=3, shipping=0)), OrderRefunded)
    each = {share.line_id: share for share in shares(THREE)}
    assert none.shipping_minor == 0
    assert none.amount_minor == each["1"].total_minor - each["1"].shipping_minor
    all_of_it = only(made.tell(back("r2", shipping=499)), OrderRefunded)
    assert (all_of_it.amount_minor, all_of_it.shipping_minor) == (499, 499)
    last = only(made.tell(back("r3", l2=1)), OrderRefunded)
    assert last.shipping_minor == 0
    assert last.amount_minor == each["2"].total_minor - each["2"].shipping_minor


def test_a_sum_is_less_or_more_than_the_pieces_and_the_pieces_count() -> None:
    made = shipped()
    less = only(made.tell(back("r1", l2=1, amount=500)), OrderRefunded)
    assert (less.amount_minor, less.lines) == (500, [ShippedLine("2", 1)])
    assert refusal(made, back(l2=1)) == Refusal.MORE_THAN_SHIPPED
    more = only(made.tell(back("r2", l3=1, amount=900)), OrderRefunded)
    assert more.amount_minor == 900
    rest = THREE.total_minor - 1400
    assert refusal(made, back(amount=rest + 1)) == Refusal.MORE_THAN_LEFT
    assert only(made.tell(back("r3", amount=rest)), OrderRefunded).amount_minor == rest
    assert refusal(made, back(l1=3)) == Refusal.NOTHING_LEFT


def test_pieces_of_several_shipments_are_credited_with_each_of_these() -> None:
    made = shipped(THREE, {"l1": 1, "l2": 1}, {"l1": 2, "l3": 2})
    sends = made.tell(back(l1=2))
    notes = [one for send in sends if isinstance(one := send.record, IssueCreditNote)]
    assert [(one.document_key, one.invoice_key) for one in notes] == [
        (f"{ID}|r|s1", f"{ID}/s1"),
        (f"{ID}|r|s2", f"{ID}/s2"),
    ]
    assert [[(line.line_id, line.quantity) for line in one.lines] for one in notes] == [
        [("1", 1), ("|shipping", 0)],
        [("1", 1), ("|shipping", 0)],
    ]
    amount = only(sends, OrderRefunded).amount_minor
    assert sum(one.total_minor for one in notes) == amount
    assert {(one.reason, one.currency) for one in notes} == {("came back", "EUR")}


def test_a_bundle_is_given_back_by_its_parts_in_whole_pieces() -> None:
    made = shipped(BUNDLE)
    event = only(made.tell(back("r1", lset=1)), OrderRefunded)
    assert event.lines == [ShippedLine("1", 2), ShippedLine("2", 1)]
    rest = only(made.tell(back("r2", lset=0)), OrderRefunded)
    assert (event.amount_minor, rest.amount_minor) == (1002, 1000), "each part is rounded"
    assert only(made.tell(back("r3", l3=1)), OrderRefunded).amount_minor == 500
    odd = order(
        OrderLine("set", "", 2, 1001, kind=LineKind.BUNDLE),
        OrderLine("1", "MUG", 3, 0, parent_line_id="set"),
    )
    assert refusal(shipped(odd), back(lset=1)) == Refusal.INVALID_QUANTITY


def test_a_refund_does_not_count_for_what_a_later_change_has_to_give_back() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    made.tell(shipment("s1", l1=3))
    total = THREE.total_minor
    made.tell(paid(total, captured=total))  # the channel has taken everything at once
    given = only(made.tell(back(l1=1)), OrderRefunded).amount_minor
    made.tell(cancel("2"))
    worth = total - made.now_is.total_minor
    sends = made.tell(paid(total, revision=1, captured=total, refunded=given))
    assert only(sends, RefundPayment).amount_minor == worth
