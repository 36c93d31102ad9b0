"""The policies for shipped orders and for cancelling what is not shipped: money to the cent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.fulfillment import CancelFulfillment, RouteOrder
from schemas.inventory import ReleaseStock, ShipStock
from schemas.orders import (
    AmendmentRefused,
    FulfillmentStatus,
    LineKind,
    OrderAmended,
    OrderCancelled,
    OrderCommandRefused,
    OrderLine,
    OrderReleased,
    OrderShipped,
    PlaceOrder,
    Refusal,
    Status,
)
from schemas.payments import CapturePayment, ChangePayment, RefundPayment, VoidPayment
from schemas.totals import shares
from streams.orders import changes, terms
from tests.unit.streams.memory import names, only, place
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


def captures(made: OrderDesk) -> list[tuple[str, int, bool]]:
    return [
        (one.capture_id, one.amount_minor, one.final)
        for send in made.written
        if isinstance(one := send.record, CapturePayment)
    ]


def test_what_leaves_is_paid_for_and_the_last_shipment_takes_the_rest() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    event = only(made.tell(shipment("a", l1=1, l2=1)), OrderShipped)
    assert event.fulfillment_status == FulfillmentStatus.PARTLY_SHIPPED
    assert (event.carrier, event.location_id, event.actor) == ("dhl", "BER", "packer")
    made.tell(shipment("b", l1=2))
    event = only(made.tell(shipment("c", l3=2)), OrderShipped)
    assert event.fulfillment_status == FulfillmentStatus.SHIPPED
    assert [final for _, _, final in captures(made)] == [False, False, True]
    assert sum(amount for _, amount, _ in captures(made)) == THREE.total_minor
    each = {share.line_id: share.total_minor for share in shares(THREE)}
    assert captures(made)[2][1] == each["3"]


def test_the_same_shipment_again_changes_nothing_and_other_content_is_a_conflict() -> None:
    made = released()
    made.tell(shipment("a", l1=1))
    assert made.tell(shipment("a", l1=1)) == []
    event = only(made.tell(shipment("a", l1=2)), OrderCommandRefused)
    assert (event.reason, event.request_id) == (Refusal.ORDER_CONFLICT, "a")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ({"l1": 3}, Refusal.INVALID_QUANTITY),
        ({"l1": 0}, Refusal.INVALID_QUANTITY),
        ({"l9": 1}, Refusal.UNKNOWN_LINE),
    ],
)
def test_no_more_leaves_than_was_ordered(lines: dict[str, Any], reason: Refusal) -> None:
    made = released()
    assert only(made.tell(shipment(**lines)), OrderCommandRefused).reason == reason
    assert captures(made) == []


def test_an_order_that_is_not_released_does_not_ship() -> None:
    made = OrderDesk().until(Status.AUTHORIZING)
    assert only(made.tell(shipment(l1=1)), OrderCommandRefused).reason == Refusal.NOT_RELEASED
    made.tell(cancel())
    assert only(made.tell(shipment(l1=1)), OrderCommandRefused).reason == Refusal.ALREADY_ENDED
    assert only(OrderDesk().tell(shipment(l1=1)), OrderCommandRefused).reason == (
        Refusal.UNKNOWN_ORDER
    )


def test_a_line_of_a_released_order_is_cancelled_with_its_share_of_everything() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    worth = next(share.total_minor for share in shares(THREE) if share.line_id == "2")
    sends = made.tell(cancel("2"))
    assert only(sends, ReleaseStock).line_id == "2"
    assert only(sends, CancelFulfillment).line_ids == ["2"]
    assert only(sends, ChangePayment).amount_minor == THREE.total_minor - worth
    event = only(sends, OrderAmended)
    assert (event.removed, event.difference_minor, event.revision) == (["2"], -worth, 1)
    assert [line.line_id for line in event.lines] == ["1", "3"]
    assert made.tell(cancel("2")) == []
    assert only(made.tell(shipment(l2=1)), OrderCommandRefused).reason == Refusal.ALREADY_ENDED


def test_what_is_left_of_a_part_shipped_order_is_cancelled_and_the_rest_is_shipped() -> None:
    made = OrderDesk(THREE).until(Status.RELEASED)
    made.tell(shipment("a", l1=3))
    sends = made.tell(cancel())
    assert "OrderCancelled" not in names(sends)
    assert only(sends, OrderAmended).removed == ["2", "3"]
    assert made.now_is.fulfillment_status == FulfillmentStatus.SHIPPED
    assert sum(amount for _, amount, _ in captures(made)) == made.now_is.total_minor
    assert only(made.tell(cancel()), OrderCommandRefused).reason == Refusal.TOO_LATE


def test_a_line_that_has_left_in_part_is_not_cancelled() -> None:
    made = released()
    made.tell(shipment(l1=1))
    event = only(made.tell(cancel("1")), AmendmentRefused)
    assert (event.reason, event.line_id) == (Refusal.TOO_LATE, "1")
    assert only(made.tell(cancel("9")), AmendmentRefused).reason == Refusal.UNKNOWN_LINE


def test_cancelling_every_line_cancels_the_order() -> None:
    sends = released().tell(cancel("1", "2"))
    assert only(sends, OrderCancelled).actor == "jo"
    assert only(sends, VoidPayment).order_id == ID
    assert only(sends, CancelFulfillment).line_ids == []


def test_a_line_is_cancelled_before_the_release_as_a_change() -> None:
    made = OrderDesk().until(Status.AUTHORIZING)
    assert made.tell(cancel("2")) == []
    sends = made.answered(made.tell(paid()))
    event = only(sends, OrderAmended)
    assert (event.removed, event.reason, event.actor) == (["2"], "not needed", "jo")
    assert only(sends, ReleaseStock).line_id == "2"
    assert made.tell(cancel("2")) == []


def test_a_channel_that_took_everything_gives_back_what_a_cancelled_line_was_worth() -> None:
    made = released()
    made.tell(paid(3000, captured=3000))
    made.tell(cancel("2"))
    sends = made.tell(paid(2000, 1, captured=3000))
    assert only(sends, RefundPayment).amount_minor == 1000
    assert made.tell(paid(2000, 1, captured=3000, refunded=1000)) == []


def test_an_order_without_goods_is_released_with_nothing_to_ship_and_paid_at_once() -> None:
    made = OrderDesk(
        order(
            OrderLine("1", "", 1, 5000, kind=LineKind.GIFT_CARD),
            OrderLine("2", "", 1, 700, kind=LineKind.CUSTOM, title="engraving"),
        )
    )
    assert names(made.tell(made.order)) == ["OrderPlaced", "AuthorizePayment"]
    sends = made.tell(paid(5700))
    assert names(sends) == ["OrderAuthorized", "OrderReleased", "CapturePayment", "IssueInvoice"]
    assert only(sends, OrderReleased).shipments == 0
    assert captures(made) == [("release", 5700, True)]
    assert only(made.tell(cancel("1")), AmendmentRefused).reason == Refusal.TOO_LATE
    assert only(made.tell(cancel()), OrderCommandRefused).reason == Refusal.TOO_LATE


BUNDLE = order(
    OrderLine("b", "", 1, 3001, kind=LineKind.BUNDLE),
    OrderLine("1", "MUG", 1, 0, parent_line_id="b"),
    OrderLine("2", "TEE", 2, 0, parent_line_id="b"),
    OrderLine("3", "CAP", 1, 1000),
)


def test_a_bundle_is_reserved_and_shipped_by_its_parts_which_bear_its_price() -> None:
    made = OrderDesk(BUNDLE).until(Status.RELEASED)
    assert [line.line_id for line in made.now_is.lines] == ["1", "2", "3"]
    made.tell(shipment("a", l1=1))
    made.tell(shipment("c", l3=1))
    made.tell(shipment("d", l2=2))
    assert [amount for _, amount, _ in captures(made)] == [1000, 1000, 2001]


def test_a_bundle_is_cancelled_as_a_whole() -> None:
    made = OrderDesk(BUNDLE).until(Status.RELEASED)
    assert only(made.tell(cancel("1")), AmendmentRefused).reason == Refusal.PART_OF_BUNDLE
    event = only(made.tell(cancel("b")), OrderAmended)
    assert (event.removed, event.difference_minor) == (["b", "1", "2"], -3001)


def test_what_is_fetched_and_what_goes_elsewhere_is_worked_on_apart() -> None:
    two = replace(
        order(
            OrderLine("1", "MUG", 1, 100),
            OrderLine("2", "TEE", 1, 100, address=1),
            OrderLine("3", "CAP", 1, 100, pickup_location_id="HAM"),
        ),
        more_addresses=[place().ship_to],
    )
    made = OrderDesk(two)
    sends = made.tell(two)
    asked = sends[1].record
    assert [(one.address, one.only_location_id) for one in asked.lines] == [  # type: ignore[attr-defined]
        (0, ""), (1, ""), (0, "HAM"),
    ]  # fmt: skip
    assert [one.address for one in asked.more_destinations] == [1]  # type: ignore[attr-defined]
    sends = made.answered(made.answered(sends))
    route = only(sends, RouteOrder)
    assert [one.destination for one in route.allocations] == ["", "1", "pickup"]


def test_a_free_order_is_shipped_without_a_capture() -> None:
    made = OrderDesk(order(OrderLine("1", "MUG", 1, 0))).until(Status.RELEASED)
    assert names(made.tell(shipment(l1=1))) == ["OrderShipped", "ShipStock", "RecordGoodsLeft"]


def test_a_line_leaves_the_stock_with_its_last_piece() -> None:
    made = released()
    assert "ShipStock" not in names(made.tell(shipment("a", l1=1)))
    assert only(made.tell(shipment("b", l1=1)), ShipStock).line_id == "1"
    assert made.tell(shipment("b", l1=1)) == []


def test_a_shipment_of_no_lines_is_all_that_has_not_left() -> None:
    made = released()
    made.tell(shipment("a", l1=1))
    event = only(made.tell(shipment("b")), OrderShipped)
    assert event.fulfillment_status == "shipped"
    assert made.tell(shipment("b")) == []
    refused = only(made.tell(shipment("c")), OrderCommandRefused)
    assert refused.reason == Refusal.INVALID_QUANTITY


priced_lines = st.lists(
    st.builds(
        OrderLine,
        line_id=st.just(""),
        sku=st.just("MUG"),
        quantity=st.integers(1, 9),
        unit_price_minor=st.integers(0, 10_000),
        discount_minor=st.integers(0, 500),
        tax_rate_ppm=st.sampled_from([0, 70_000, 190_000]),
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def orders(draw: st.DrawFn) -> PlaceOrder:
    lines = [
        replace(line, line_id=str(number), discount_minor=min(line.discount_minor, 5))
        for number, line in enumerate(draw(priced_lines), start=1)
    ]
    made = order(
        *lines,
        discount=draw(st.integers(0, 300)),
        shipping=draw(st.integers(0, 999)),
        tax=draw(st.integers(0, 2_000)),
    )
    claimed = max(0, made.total_minor + draw(st.sampled_from([0, 0, 0, -1, 2])))
    return replace(made, total_minor=claimed, paid_minor=claimed)


@given(orders(), st.randoms(use_true_random=False))
def test_however_an_order_is_cut_its_parts_are_its_total(made: PlaceOrder, chance: object) -> None:
    shuffled = [line.line_id for line in made.lines]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert sum(terms.worths(made).values()) == made.total_minor
    desk = OrderDesk(made).until(Status.RELEASED) if made.total_minor else None
    left, gone = made, 0
    for line_id in shuffled[:-1]:
        before = left.total_minor
        left = changes.without(left, [line_id])
        gone += before - left.total_minor
        assert before >= left.total_minor >= 0
        assert terms.difference(left) == terms.difference(made)
    assert gone + sum(terms.worths(left).values()) == made.total_minor
    if desk is None:
        return
    for number, line_id in enumerate(shuffled):
        if number % 3 == 1 and number < len(shuffled) - 1:
            desk.tell(cancel(line_id))
        else:
            pieces = desk.line(line_id).quantity
            for piece in range(pieces):
                desk.tell(shipment(f"{line_id}/{piece}", **{f"l{line_id}": 1}))
    state = desk.now_is
    assert state.fulfillment_status == FulfillmentStatus.SHIPPED
    assert state.capture_asked_minor == state.total_minor
