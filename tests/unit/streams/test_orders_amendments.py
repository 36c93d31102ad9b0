"""The policies for changes of an order: by the difference, as a whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.fulfillment import RankLocations, RouteOrder
from schemas.inventory import Refusal as StockRefusal
from schemas.inventory import ReleaseStock, ReserveStock
from schemas.orders import (
    Address,
    AmendmentRefused,
    AmendOrder,
    OrderAmended,
    OrderCommandRefused,
    OrderLine,
    OrderRefused,
    RecordPayment,
    RecordReservation,
    RecordSourcingFailure,
    Refusal,
    Status,
    Tender,
)
from schemas.payments import AuthorizePayment, ChangePayment
from streams.orders import terms
from streams.orders.model import AMENDMENT_PATIENCE_MS, MAXIMUM_AMENDMENTS, REPLY_PATIENCE_MS
from tests.unit.streams.memory import names, only, place
from tests.unit.streams.order_desk import (
    ID,
    OrderDesk,
    add,
    amend,
    cancel,
    declined,
    free,
    hold,
    out_of_stock,
    paid,
    resize,
)


def ready(**order: Any) -> OrderDesk:
    """An order that is reserved and paid, and held so that it stays there."""
    made = OrderDesk(place(**order))
    made.answered(made.tell(made.order))
    made.tell(hold())
    made.tell(paid(made.order.total_minor))
    assert made.now_is.status == Status.READY
    return made


def test_a_new_line_is_reserved_and_then_paid_before_the_order_has_it() -> None:
    made = ready()
    sends = made.tell(add())
    asked = only(sends, RankLocations)
    assert [(line.line_id, line.held) for line in asked.lines] == [("3", False)]
    assert not asked.backorder
    sends = made.answered(sends)
    assert (only(sends, ChangePayment).amount_minor, made.now_is.total_minor) == (4000, 3000)
    event = only(made.answered(sends), OrderAmended)
    assert (event.added, event.difference_minor, event.total_minor) == (["3"], 1000, 4000)
    assert (event.revision, event.actor) == (1, "jo")
    state = made.now_is
    assert (state.status, state.total_minor, len(state.lines)) == (Status.READY, 4000, 3)


def test_where_stock_says_no_the_order_stands_as_before() -> None:
    made = ready()
    before = made.now_is
    made.tell(amend(add=[OrderLine("3", "CAP", 1, 1), OrderLine("4", "PEN", 1, 1)]))
    made.tell(RecordReservation(ID, "3", 2, True, "BER", "", []))
    sends = made.tell(out_of_stock("4", 2))
    assert [send.record.line_id for send in sends if isinstance(send.record, ReleaseStock)] == ["3"]
    event = only(sends, AmendmentRefused)
    assert (event.reason, event.line_id, event.amendment_id) == (Refusal.OUT_OF_STOCK, "4", "a")
    state = made.now_is
    assert (state.lines, state.total_minor, state.status) == (before.lines, 3000, Status.READY)
    assert state.content == before.content


def test_where_no_location_serves_what_is_new_the_order_stands_as_before() -> None:
    made = ready()
    made.tell(add())
    event = only(made.tell(RecordSourcingFailure(ID, 2, "")), AmendmentRefused)
    assert event.reason == Refusal.NO_LOCATION
    assert len(made.now_is.lines) == 2


def test_where_money_says_no_the_stock_goes_back_and_the_order_stands_as_before() -> None:
    made = ready()
    sends = made.answered(made.tell(amend(add=[OrderLine("3", "CAP", 1, 500)],
                                          quantities=resize("1", 5).quantities)))  # fmt: skip
    change = only(sends, ChangePayment)
    assert change.amount_minor == 3000 + 500 + 3000
    sends = made.tell(declined(change.revision))
    assert only(sends, ReleaseStock).line_id == "3"
    back = only(sends, ReserveStock)
    assert (back.line_id, back.quantity, back.held, back.locations) == ("1", 2, True, ["BER"])
    assert only(sends, AmendmentRefused).reason == Refusal.PAYMENT_DECLINED
    state = made.now_is
    assert [(line.line_id, line.quantity) for line in state.lines] == [("1", 2), ("2", 1)]
    assert state.total_minor == 3000


def test_a_greater_quantity_is_asked_of_the_stock_that_is_held() -> None:
    made = ready()
    sends = made.tell(resize("1", 5))
    assert [(line.line_id, line.quantity, line.held) for line in only(sends, RankLocations).lines] \
        == [("1", 5, True)]  # fmt: skip
    sends = made.tell(RecordReservation(ID, "1", 2, True, "HAM", "", []))
    made.answered(sends)
    assert (made.line("1").quantity, made.line("1").location_id) == (5, "HAM")


def test_a_greater_quantity_that_is_not_there_lets_go_of_nothing() -> None:
    made = ready()
    made.tell(resize("1", 5))
    sends = made.tell(out_of_stock("1", 2))
    assert names(sends) == ["AmendmentRefused"]
    assert (made.line("1").quantity, made.line("1").location_id) == (2, "BER")


@pytest.mark.parametrize(
    ("said", "means"),
    [
        (StockRefusal.UNKNOWN_RESERVATION, Refusal.RESERVATION_EXPIRED),
        (StockRefusal.ALREADY_ALLOCATED, Refusal.TOO_LATE),
        (StockRefusal.KIT_HAS_NO_STOCK, Refusal.UNKNOWN_SKU),
    ],
)
def test_why_a_line_cannot_have_another_quantity_is_told(
    said: StockRefusal, means: Refusal
) -> None:
    made = ready()
    made.tell(resize("1", 5))
    sends = made.tell(RecordReservation(ID, "1", 2, False, "", said, []))
    assert only(sends, AmendmentRefused).reason == means


def test_pieces_that_are_no_longer_wanted_go_back_when_the_money_is_settled() -> None:
    made = ready()
    sends = made.tell(amend(remove=["2"], quantities=resize("1", 1).quantities))
    assert names(sends) == ["ChangePayment"]
    assert only(sends, ChangePayment).amount_minor == 1000
    sends = made.answered(sends)
    assert only(sends, ReleaseStock).line_id == "2"
    less = only(sends, ReserveStock)
    assert (less.line_id, less.quantity, less.held) == ("1", 1, True)
    assert only(sends, OrderAmended).difference_minor == -2000
    assert made.tell(RecordReservation(ID, "1", less.attempt, True, "BER", "", [])) == []


def test_what_moves_neither_stock_nor_money_is_done_at_once() -> None:
    made = ready()
    there = Address("B", "Street 2", "", "Bonn", "NW", "53111", "DE", 50.7, 7.1)
    event = only(made.tell(amend(ship_to=[there], shipping_method="express")), OrderAmended)
    assert (event.also, event.difference_minor) == (["address", "shipping"], 0)
    assert made.now_is.postal_code == "53111"


def test_a_further_tender_is_told_to_payments_though_the_total_stays() -> None:
    made = ready()
    card = Tender("gift", "gift_card", 1000, "tok")
    sends = made.tell(amend(tenders=[card]))
    change = only(sends, ChangePayment)
    assert (change.amount_minor, change.tenders) == (3000, [card])
    assert only(made.answered(sends), OrderAmended).also == ["payment"]


def test_the_same_change_again_changes_nothing_and_other_content_is_a_conflict() -> None:
    made = ready()
    made.answered(made.answered(made.tell(add())))
    assert made.tell(add()) == []
    event = only(made.tell(add(sku="PEN")), OrderCommandRefused)
    assert (event.reason, event.request_id) == (Refusal.ORDER_CONFLICT, "a")


def test_a_refused_change_is_known_when_it_comes_again() -> None:
    made = ready()
    assert names(made.tell(resize("9", 1))) == ["AmendmentRefused"]
    assert made.tell(resize("9", 1)) == []


def test_changes_wait_for_the_order_to_be_paid_and_are_done_one_after_the_other() -> None:
    made = OrderDesk()
    sends = made.tell(made.order)
    assert made.tell(add()) == []
    assert made.tell(resize("1", 1, "b")) == []
    sends = made.answered(made.answered(sends))
    assert names(sends) == ["OrderAuthorized", "RankLocations"]
    sends = made.answered(made.answered(sends))
    assert names(sends) == ["OrderAmended", "ChangePayment"]
    sends = made.answered(sends)
    assert names(sends) == ["ReserveStock", "OrderAmended", "RouteOrder"]
    assert [(one.line_id, one.quantity) for one in only(sends, RouteOrder).allocations] == [
        ("1", 1), ("2", 1), ("3", 1),
    ]  # fmt: skip
    assert (made.now_is.revision, made.now_is.total_minor) == (2, 3000)


def test_a_change_must_be_made_for_the_revision_that_the_order_has() -> None:
    made = ready()
    made.tell(amend(shipping_method="express", base_revision=0))
    late = amend("b", shipping_method="slow", base_revision=0)
    assert only(made.tell(late), AmendmentRefused).reason == Refusal.REVISION_CONFLICT
    made.tell(amend("c", shipping_method="slow", base_revision=1))
    assert made.now_is.revision == 2


def test_no_more_changes_wait_than_there_is_room_for() -> None:
    made = OrderDesk().until(Status.RESERVING)
    for number in range(MAXIMUM_AMENDMENTS):
        assert made.tell(resize("1", 5, f"a{number}")) == []
    event = only(made.tell(resize("1", 7, "more")), AmendmentRefused)
    assert event.reason == Refusal.TOO_MANY


@pytest.mark.parametrize("status", [Status.ROUTING, Status.RELEASED])
def test_a_released_order_is_not_changed_any_more(status: str) -> None:
    made = OrderDesk().until(status)
    assert only(made.tell(add()), AmendmentRefused).reason == Refusal.TOO_LATE
    newer = place(version=2, total=2000, lines=(("1", "MUG", 2),))
    assert only(made.tell(newer), AmendmentRefused).amendment_id == "version/2"


def test_a_change_of_an_order_that_is_being_cancelled_is_refused() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(cancel())
    assert only(made.tell(add()), AmendmentRefused).reason == Refusal.ALREADY_ENDED


def test_changes_that_wait_end_with_the_order() -> None:
    made = OrderDesk().until(Status.AUTHORIZING)
    made.tell(add())
    sends = made.tell(cancel())
    assert only(sends, AmendmentRefused).reason == Refusal.ALREADY_ENDED
    assert made.now_is.amendments == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (resize("9", 1), Refusal.UNKNOWN_LINE),
        (resize("1", 0), Refusal.INVALID_QUANTITY),
        (amend(remove=["9"]), Refusal.UNKNOWN_LINE),
        (amend(remove=["1", "2"]), Refusal.NOTHING_LEFT),
        (add(line_id="1"), Refusal.LINE_EXISTS),
        (add(quantity=0), Refusal.INVALID_QUANTITY),
        (add(discount_minor=-1), Refusal.INVALID_AMOUNT),
        (add(sku=""), Refusal.UNKNOWN_SKU),
        (add(address=1), Refusal.NOT_AMENDABLE),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_reason(
    change: AmendOrder, reason: Refusal
) -> None:
    made = ready()
    assert only(made.tell(change), AmendmentRefused).reason == reason
    assert made.now_is.total_minor == 3000


def test_an_order_from_before_prices_were_kept_is_not_changed() -> None:
    made = ready()
    made.states.put(ID, replace(made.now_is, content=b""))
    assert only(made.tell(add()), AmendmentRefused).reason == Refusal.NOT_AMENDABLE


def test_a_newer_version_by_the_channel_is_a_change_by_the_difference() -> None:
    made = ready()
    newer = place(version=2, total=5000, lines=(("1", "MUG", 4), ("2", "TEE", 1)), paid=5000)
    sends = made.tell(newer)
    assert [line.line_id for line in only(sends, RankLocations).lines] == ["1"]
    sends = made.answered(sends)
    assert only(sends, ChangePayment).tenders == [
        Tender("1", "channel", 0, "", 5000, "EUR")
    ]  # fmt: skip
    event = only(made.answered(sends), OrderAmended)
    assert (event.amendment_id, event.actor, event.changed) == ("version/2", "shop", ["1"])
    assert made.tell(newer) == []
    older = only(made.tell(place(total=1)), OrderCommandRefused)
    assert "older" in older.detail


def test_a_newer_version_while_the_older_one_is_being_reserved_is_not_lost() -> None:
    made = OrderDesk()
    sends = made.tell(made.order)
    newer = place(version=3, total=1000, lines=(("2", "TEE", 1),))
    assert made.tell(newer) == []
    assert made.tell(newer) == []
    assert "older" in only(made.tell(place(version=2, total=7)), OrderCommandRefused).detail
    sends = made.answered(made.answered(made.answered(sends)))
    assert only(sends, OrderAmended).removed == ["1"]
    assert made.now_is.version == 3


def test_going_back_to_what_the_order_was_is_a_change_too() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(place(version=2, total=1000, lines=(("2", "TEE", 1),)))
    made.tell(place(version=3))
    assert len(made.now_is.amendments) == 2


def test_what_was_changed_by_hand_outlives_a_newer_version() -> None:
    made = ready()
    made.answered(made.answered(made.tell(add())))
    newer = place(version=2, total=2000, lines=(("1", "MUG", 1), ("2", "TEE", 1)))
    made.answered(made.tell(newer))
    order = terms.of(made.now_is)
    assert [(line.line_id, line.quantity) for line in order.lines] == [("1", 1), ("2", 1), ("3", 1)]
    assert made.now_is.total_minor == 3000
    made.answered(made.tell(place(version=3, total=1000, lines=(("1", "MUG", 1),))))
    assert [line.line_id for line in terms.of(made.now_is).lines] == ["1", "3"]
    assert made.now_is.total_minor == 2000


def test_a_line_with_another_sku_is_another_line() -> None:
    made = ready()
    sends = made.tell(place(version=2, lines=(("1", "MUG", 2), ("2", "CAP", 1))))
    assert [line.sku for line in only(sends, RankLocations).lines] == ["CAP"]
    sends = made.answered(sends)
    assert only(sends, ReleaseStock).sku == "TEE"
    assert [line.sku for line in made.now_is.lines] == ["MUG", "CAP"]


def test_an_order_that_cannot_be_reserved_is_changed_first_where_that_is_wanted() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(amend(remove=["2"]))
    made.tell(RecordReservation(ID, "1", 1, True, "BER", "", []))
    sends = made.tell(out_of_stock("2", 1))
    assert names(sends) == ["ReleaseStock", "OrderAmended", "RankLocations"]
    assert only(sends, RankLocations).attempt == 2
    assert only(made.answered(sends), AuthorizePayment).amount_minor == 2000


def test_a_change_that_cannot_be_does_not_save_an_order_without_stock() -> None:
    made = OrderDesk().until(Status.RESERVING)
    made.tell(amend(remove=["9"]))
    made.tell(RecordReservation(ID, "1", 1, True, "BER", "", []))
    sends = made.tell(out_of_stock("2", 1))
    assert names(sends) == ["AmendmentRefused", "ReleaseStock", "OrderRefused"]
    assert only(sends, OrderRefused).line_id == "2"


def test_an_order_that_waits_for_stock_is_changed_at_once_and_tries_again() -> None:
    made = OrderDesk(place(backorder=True))
    made.tell(made.order)
    made.tell(RecordReservation(ID, "1", 1, True, "BER", "", []))
    reason = StockRefusal.OUT_OF_STOCK
    made.tell(RecordReservation(ID, "2", 1, False, "", reason, [], True))
    sends = made.tell(amend(remove=["2"]))
    assert names(sends) == ["ReleaseStock", "OrderAmended", "RankLocations"]
    assert only(sends, ReleaseStock).line_id == "2"
    assert made.now_is.status == Status.RESERVING


def test_a_total_that_payments_does_not_cover_yet_is_no_answer() -> None:
    made = ready()
    change = only(made.answered(made.tell(add())), ChangePayment)
    assert made.tell(paid(3000, change.revision)) == []
    assert made.tell(paid(4000, change.revision - 1)) == []
    assert made.now_is.status == Status.AMENDING
    assert "OrderAmended" in names(made.tell(paid(4000, change.revision)))


def test_an_order_is_never_released_for_more_than_payments_covers() -> None:
    made = ready()
    made.answered(made.answered(made.tell(add())))
    made.tell(paid(3999, made.now_is.payment_revision))
    event = only(made.tell(free()), OrderRefused)
    assert event.reason == Refusal.PAYMENT_TOO_SMALL


def test_a_cancellation_of_an_order_that_is_being_changed_waits_for_its_stock() -> None:
    made = ready()
    made.tell(amend(add=[OrderLine("3", "CAP", 1, 1)], remove=["2"]))
    assert made.tell(cancel()) == []
    sends = made.tell(RecordReservation(ID, "3", 2, True, "BER", "", []))
    gone = [send.record.line_id for send in sends if isinstance(send.record, ReleaseStock)]
    assert sorted(gone) == ["1", "2", "3"]
    assert {"VoidPayment", "AmendmentRefused", "OrderCancelled"} <= set(names(sends))


def test_a_cancellation_of_an_order_whose_money_is_being_changed_is_done_at_once() -> None:
    made = ready()
    made.answered(made.tell(add()))
    sends = made.tell(cancel())
    assert names(sends).count("ReleaseStock") == 3
    assert made.tell(paid(4000, 1)) == []
    assert made.now_is.status == Status.CANCELLED


@pytest.mark.parametrize("stocked", [False, True])
def test_a_change_that_nobody_answers_does_not_keep_the_order_for_ever(stocked: bool) -> None:
    made = ready()
    sends = made.tell(add())
    if stocked:
        made.answered(sends)
    made.wake(ID, AMENDMENT_PATIENCE_MS)
    if not stocked:
        assert made.now_is.status == Status.AMENDING
        made.wake(ID, REPLY_PATIENCE_MS)
    assert made.now_is.status == Status.CANCELLED


def test_a_reply_for_a_change_that_comes_after_the_end_is_given_back() -> None:
    made = ready()
    made.tell(add(), cancel())
    made.wake(ID, AMENDMENT_PATIENCE_MS)
    assert made.now_is.status == Status.CANCELLED
    late = made.tell(RecordReservation(ID, "3", 2, True, "BER", "", []))
    assert only(late, ReleaseStock).line_id == "3"


def test_payments_word_of_other_sums_is_kept_and_does_nothing_else() -> None:
    made = ready()
    told = RecordPayment(ID, True, 3000, "EUR", "", 0, "paid", 3000, 0)
    assert made.tell(told) == []
    assert (made.now_is.payment_status, made.now_is.captured_minor) == ("paid", 3000)
