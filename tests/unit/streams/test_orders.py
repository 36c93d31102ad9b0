"""The policies of the orders room."""

from __future__ import annotations

import pytest

from schemas import inventory
from schemas.fulfillment import CancelFulfillment, RankLocations, RouteOrder
from schemas.inventory import ReleaseStock
from schemas.messages import Send
from schemas.orders import (
    CancelOrder,
    OrderBackordered,
    OrderCancelled,
    OrderCommandRefused,
    OrderPlaced,
    OrderRefused,
    OrderReleased,
    OrderReserved,
    OrderState,
    RecordAvailability,
    RecordPayment,
    RecordReservation,
    RecordRouting,
    RecordSourcingFailure,
    Refusal,
    Status,
)
from schemas.payments import AuthorizePayment, VoidPayment
from schemas.stock import SetStock
from streams.orders.agent import OrdersRoom
from streams.orders.model import (
    AT_ONCE_ATTEMPTS,
    BACKORDER_LIMIT_MS,
    BACKORDER_RETRY_MS,
    EARLY_MS,
    REPLY_PATIENCE_MS,
    RESERVATION_HOLD_MS,
    TOLD_RETRY_MS,
    TRANSITIONS,
    after,
    pause_ms,
)
from streams.orders.rules import content_hash
from streams.transitions import IllegalTransition
from tests.unit.streams.memory import NOW, Desk, names, only, place

ID = "shop-1"
CANCEL = CancelOrder(ID, "changed my mind", NOW)


def reserved(line: str, attempt: int = 1) -> RecordReservation:
    return RecordReservation(ID, line, attempt, True, "BER", "", ["HAM"])


def refused(
    line: str, reason: str = inventory.Refusal.OUT_OF_STOCK, attempt: int = 1
) -> RecordReservation:
    return RecordReservation(ID, line, attempt, False, "", reason, [])


def waits(line: str, attempt: int = 1, promised: int = 0) -> RecordReservation:
    reason = inventory.Refusal.OUT_OF_STOCK
    return RecordReservation(ID, line, attempt, False, "", reason, [], True, promised)


def available(line: str, attempt: int = 1) -> RecordAvailability:
    return RecordAvailability(ID, line, attempt)


def paid(amount: int = 3000, currency: str = "EUR", authorized: bool = True) -> RecordPayment:
    return RecordPayment(ID, authorized, amount, currency, "" if authorized else "card_declined")


def desk(status: str = "", *, backorder: bool = False) -> Desk:
    """A room with one order that has come as far as `status`."""
    made = Desk(OrdersRoom())
    steps: dict[str, list[object]] = {
        "": [],
        Status.RESERVING: [place(backorder=backorder)],
        Status.AUTHORIZING: [place(), reserved("1"), reserved("2")],
        Status.ROUTING: [place(), reserved("1"), reserved("2"), paid()],
        Status.RELEASED: [place(), reserved("1"), reserved("2"), paid(), RecordRouting(ID, 1)],
        Status.BACKORDERED: [place(backorder=True), reserved("1"), refused("2")],
        Status.REFUSED: [place(), RecordSourcingFailure(ID, 1, "no_location")],
        Status.CANCELLED: [place(), CANCEL, reserved("1"), reserved("2")],
    }
    for step in steps[status]:
        made.ask(ID, step)  # type: ignore[arg-type]
    if status:
        assert status_of(made) == status
    return made


def status_of(made: Desk) -> str:
    return made.state(ID, OrderState).status


def released_lines(sends: list[Send]) -> list[str]:
    return [send.record.line_id for send in sends if isinstance(send.record, ReleaseStock)]


def test_an_order_that_is_placed_has_its_locations_ranked() -> None:
    made = desk()
    sends = made.ask(ID, place(total=2900))
    assert names(sends) == ["OrderPlaced", "RankLocations"]
    assert only(sends, OrderPlaced).total_difference_minor == 100
    assert only(sends, RankLocations).reserved_until_ms == NOW + RESERVATION_HOLD_MS
    assert made.state(ID, OrderState).wake_at_ms == NOW + RESERVATION_HOLD_MS


def test_the_same_order_again_has_no_effect_even_as_a_new_payload() -> None:
    made = desk(Status.AUTHORIZING)
    assert made.ask(ID, place(version=7, raw_id="raw-2")) == []
    assert status_of(made) == Status.AUTHORIZING


@pytest.mark.parametrize(("version", "words"), [(0, "older"), (1, "came before")])
def test_other_content_under_the_same_id_is_a_conflict(version: int, words: str) -> None:
    sends = desk(Status.RESERVING).ask(ID, place(total=1, version=version))
    event = only(sends, OrderCommandRefused)
    assert event.reason == Refusal.ORDER_CONFLICT
    assert words in event.detail


def test_payment_is_asked_for_once_every_line_is_reserved() -> None:
    made = desk(Status.RESERVING)
    assert made.ask(ID, reserved("2")) == []
    sends = made.ask(ID, reserved("1"))
    assert only(sends, OrderReserved).order_id == ID
    assert only(sends, AuthorizePayment).amount_minor == 3000


def test_a_reply_to_another_attempt_or_a_second_reply_has_no_effect() -> None:
    made = desk(Status.RESERVING)
    made.ask(ID, reserved("1"))
    assert made.ask(ID, reserved("1")) == []
    assert made.ask(ID, reserved("2", attempt=2)) == []
    assert status_of(made) == Status.RESERVING


def test_an_order_is_refused_when_a_line_is_and_the_reserved_lines_go_back() -> None:
    made = desk(Status.RESERVING)
    made.ask(ID, refused("2"))
    sends = made.ask(ID, reserved("1"))
    assert released_lines(sends) == ["1"]
    event = only(sends, OrderRefused)
    assert (event.line_id, event.reason) == ("2", Refusal.OUT_OF_STOCK)


def test_an_order_that_may_wait_is_backordered_and_tried_again() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, reserved("1"))
    sends = made.ask(ID, refused("2"))
    assert released_lines(sends) == ["1"]
    assert only(sends, OrderBackordered).retry_at_ms == NOW + BACKORDER_RETRY_MS
    again = made.wake(ID, BACKORDER_RETRY_MS)
    assert only(again, RankLocations).attempt == 2
    made.ask(ID, reserved("1", attempt=2))
    assert only(made.ask(ID, reserved("2", attempt=2)), OrderReserved).order_id == ID


def test_an_order_does_not_wait_for_a_sku_that_nobody_knows() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, refused("1"))
    sends = made.ask(ID, refused("2", inventory.Refusal.UNKNOWN_SKU))
    assert only(sends, OrderRefused).reason == Refusal.UNKNOWN_SKU


def test_a_backorder_is_given_up_after_its_limit() -> None:
    sends = desk(Status.BACKORDERED).wake(ID, BACKORDER_LIMIT_MS + 1)
    assert only(sends, OrderRefused).reason == Refusal.BACKORDER_EXPIRED


def waiting(attempts: int = 1) -> Desk:
    """An order whose second line waits in its `attempts`th attempt, each of which came at once."""
    made = desk(Status.RESERVING, backorder=True)
    for attempt in range(1, attempts + 1):
        made.ask(ID, reserved("1", attempt))
        made.ask(ID, waits("2", attempt))
        if attempt < attempts:
            assert names(made.ask(ID, available("2", attempt))) == ["RankLocations"]
    assert status_of(made) == Status.BACKORDERED
    return made


def test_the_queue_is_told_whose_order_it_is() -> None:
    made = desk()
    asked = only(
        made.ask(ID, place(backorder=True, customer_group="vip", priority=7)), RankLocations
    )
    assert (asked.channel, asked.customer_group, asked.backorder, asked.priority) == (
        "shop", "vip", True, 7,
    )  # fmt: skip


def test_a_repeat_is_known_by_its_group_and_priority_where_it_has_them() -> None:
    # Kept in states since before orders had groups and priorities.
    assert content_hash(place()) == 3_681_084_052_606_516_444
    different = {content_hash(place(customer_group=group, priority=priority))
                 for group in ("", "vip") for priority in (0, 1)}  # fmt: skip
    assert len(different) == 4


def test_a_line_that_waits_keeps_its_place_and_the_others_are_given_back() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, reserved("1"))
    sends = made.ask(ID, waits("2"))
    assert released_lines(sends) == ["1"]
    assert only(sends, OrderBackordered).retry_at_ms == NOW + TOLD_RETRY_MS
    line = made.state(ID, OrderState).lines[1]
    assert (line.waiting, line.location_id) == (True, "")


def test_an_order_tries_again_sooner_when_a_line_has_no_place_in_a_queue() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, waits("1"))
    sends = made.ask(ID, refused("2", inventory.Refusal.QUEUE_FULL))
    assert only(sends, OrderBackordered).retry_at_ms == NOW + BACKORDER_RETRY_MS


def test_an_order_that_cannot_wait_is_out_of_stock_where_the_queue_is_full() -> None:
    made = desk(Status.RESERVING)
    made.ask(ID, reserved("1"))
    sends = made.ask(ID, refused("2", inventory.Refusal.QUEUE_FULL))
    assert only(sends, OrderRefused).reason == Refusal.OUT_OF_STOCK


@pytest.mark.parametrize(
    ("first", "second", "promised"),
    [
        (waits("1", promised=50), waits("2", promised=70), 70),
        (waits("1", promised=50), waits("2"), 0),
        (waits("1", promised=50), refused("2"), 0),
        (reserved("1"), waits("2", promised=70), 70),
    ],
)
def test_an_order_is_promised_when_its_last_line_is(
    first: RecordReservation, second: RecordReservation, promised: int
) -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, first)
    assert only(made.ask(ID, second), OrderBackordered).promised_at_ms == promised


def test_word_of_stock_makes_the_order_try_again_at_once() -> None:
    made = waiting()
    made.now += 1
    assert only(made.ask(ID, available("2")), RankLocations).attempt == 2
    assert made.ask(ID, available("2")) == []
    made.ask(ID, reserved("1", 2))
    assert only(made.ask(ID, reserved("2", 2)), OrderReserved).order_id == ID
    assert made.ask(ID, available("2")) == []
    assert released_lines(made.ask(ID, CANCEL)) == ["1", "2"]


def test_word_to_an_attempt_that_was_followed_by_another_has_no_effect() -> None:
    made = waiting()
    made.wake(ID, TOLD_RETRY_MS)
    assert made.ask(ID, available("2")) == []
    made.ask(ID, reserved("1", 2))
    made.ask(ID, waits("2", 2))
    assert made.ask(ID, available("2")) == []


def test_word_that_comes_while_another_line_is_asked_for_is_not_lost() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, waits("2"))
    assert made.ask(ID, available("2")) == []
    sends = made.ask(ID, reserved("1"))
    assert only(sends, OrderBackordered).retry_at_ms == NOW
    assert only(made.wake(ID), RankLocations).attempt == 2


def test_orders_that_hold_what_the_other_lacks_keep_their_distance_after_some_attempts() -> None:
    made = waiting(AT_ONCE_ATTEMPTS + 1)
    attempt = AT_ONCE_ATTEMPTS + 1
    assert made.ask(ID, available("2", attempt)) == []
    state = made.state(ID, OrderState)
    assert (state.status, state.wake_at_ms) == (Status.BACKORDERED, NOW + pause_ms(ID, attempt))
    assert only(made.wake(ID, pause_ms(ID, attempt)), RankLocations).attempt == attempt + 1
    assert pause_ms(ID, attempt) != pause_ms("shop-2", attempt)
    assert all(0 < pause_ms(ID, late) <= BACKORDER_RETRY_MS for late in range(attempt, 3_000, 7))


def test_an_order_that_has_not_tried_for_long_tries_at_once_however_often_it_has() -> None:
    made = waiting(AT_ONCE_ATTEMPTS + 1)
    made.now += BACKORDER_RETRY_MS
    assert names(made.ask(ID, available("2", AT_ONCE_ATTEMPTS + 1))) == ["RankLocations"]


def test_an_order_that_ends_gives_up_its_places_in_queues() -> None:
    assert released_lines(waiting().ask(ID, CANCEL)) == ["2"]
    expired = waiting().wake(ID, BACKORDER_LIMIT_MS + 1)
    assert only(expired, OrderRefused).reason == Refusal.BACKORDER_EXPIRED
    assert released_lines(expired) == ["2"]
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, waits("1"))
    assert released_lines(made.ask(ID, refused("2", inventory.Refusal.UNKNOWN_SKU))) == ["1"]


def test_a_place_of_an_earlier_attempt_is_given_up_when_the_next_one_fails() -> None:
    made = waiting()
    made.wake(ID, TOLD_RETRY_MS)
    made.ask(ID, CANCEL)
    sends = made.ask(ID, RecordSourcingFailure(ID, 2, "no_location"))
    assert released_lines(sends) == ["2"]


def test_a_place_in_a_queue_that_is_told_after_the_end_is_given_up() -> None:
    made = desk(Status.RESERVING, backorder=True)
    made.ask(ID, reserved("1"))
    made.wake(ID, RESERVATION_HOLD_MS)
    made.wake(ID, REPLY_PATIENCE_MS)
    assert released_lines(made.ask(ID, waits("2"))) == ["2"]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.REFUSED])
def test_stock_that_is_held_for_an_order_that_has_ended_goes_back(status: Status) -> None:
    sends = desk(status).ask(ID, available("2"))
    assert released_lines(sends) == ["2"]


@pytest.mark.parametrize("status", [Status.AUTHORIZING, Status.ROUTING, Status.RELEASED])
def test_word_of_stock_to_an_order_that_has_it_has_no_effect(status: Status) -> None:
    made = desk(status)
    assert made.ask(ID, available("2")) == []
    assert made.ask(ID, available("9")) == []
    assert desk().ask(ID, available("1")) == []
    assert status_of(made) == status


def test_an_order_that_may_wait_waits_for_a_location_too() -> None:
    made = desk(Status.RESERVING, backorder=True)
    sends = made.ask(ID, RecordSourcingFailure(ID, 1, "no_location"))
    event = only(sends, OrderBackordered)
    assert (event.reason, event.retry_at_ms) == (Refusal.NO_LOCATION, NOW + BACKORDER_RETRY_MS)
    assert only(made.wake(ID, BACKORDER_RETRY_MS), RankLocations).attempt == 2


def test_an_order_that_no_location_may_serve_is_refused() -> None:
    sends = desk(Status.RESERVING).ask(ID, RecordSourcingFailure(ID, 1, "no_location"))
    assert only(sends, OrderRefused).reason == Refusal.NO_LOCATION


def test_a_paid_order_is_routed_with_where_its_lines_are() -> None:
    sends = desk(Status.AUTHORIZING).ask(ID, paid())
    assert [line.location_id for line in only(sends, RouteOrder).allocations] == ["BER", "BER"]


def test_a_declined_order_is_refused_and_its_stock_goes_back() -> None:
    sends = desk(Status.AUTHORIZING).ask(ID, paid(authorized=False))
    assert only(sends, OrderRefused).reason == Refusal.PAYMENT_DECLINED
    assert released_lines(sends) == ["1", "2"]
    assert "VoidPayment" not in names(sends)


@pytest.mark.parametrize(
    ("payment", "reason"),
    [
        (paid(2999), Refusal.PAYMENT_TOO_SMALL),
        (paid(currency="USD"), Refusal.PAYMENT_CURRENCY_DIFFERS),
    ],
)
def test_a_payment_that_does_not_cover_the_order_is_voided(
    payment: RecordPayment, reason: Refusal
) -> None:
    sends = desk(Status.AUTHORIZING).ask(ID, payment)
    assert only(sends, OrderRefused).reason == reason
    assert only(sends, VoidPayment).reason == reason
    assert released_lines(sends) == ["1", "2"]


def test_a_routed_order_is_released_and_needs_no_further_look() -> None:
    made = desk(Status.ROUTING)
    assert only(made.ask(ID, RecordRouting(ID, 2)), OrderReleased).shipments == 2
    assert made.state(ID, OrderState).wake_at_ms == 0


def test_cancelling_an_unknown_order_is_refused_and_kept_in_case_the_order_comes() -> None:
    made = desk()
    event = only(made.ask(ID, CANCEL), OrderCommandRefused)
    assert (event.reason, event.sequence) == (Refusal.UNKNOWN_ORDER, 0)
    assert made.ask(ID, CANCEL) == []
    assert made.wake(ID, EARLY_MS) == []
    assert made.states.kept == {}


def test_a_cancellation_waits_for_the_reservations_that_are_under_way() -> None:
    made = desk(Status.RESERVING)
    assert made.ask(ID, CANCEL) == []
    assert made.ask(ID, CANCEL) == []
    made.ask(ID, refused("1"))
    sends = made.ask(ID, reserved("2"))
    assert released_lines(sends) == ["2"]
    assert only(sends, OrderCancelled).reason == "changed my mind"


def test_a_cancellation_without_words_cancels_too() -> None:
    made = desk(Status.RESERVING)
    made.ask(ID, CancelOrder(ID, "", NOW))
    made.ask(ID, reserved("1"))
    assert only(made.ask(ID, reserved("2")), OrderCancelled).order_id == ID


@pytest.mark.parametrize(
    ("status", "undone"),
    [
        (Status.BACKORDERED, []),
        (Status.AUTHORIZING, ["ReleaseStock", "ReleaseStock", "VoidPayment"]),
        (Status.ROUTING, ["ReleaseStock", "ReleaseStock", "VoidPayment", "CancelFulfillment"]),
        (Status.RELEASED, ["ReleaseStock", "ReleaseStock", "VoidPayment", "CancelFulfillment"]),
    ],
)
def test_a_cancellation_undoes_what_the_order_has_come_to(
    status: Status, undone: list[str]
) -> None:
    made = desk(status)
    assert names(made.ask(ID, CANCEL)) == [*undone, "OrderCancelled"]
    assert made.ask(ID, CANCEL) == []


def test_a_refused_order_cannot_be_cancelled() -> None:
    sends = desk(Status.REFUSED).ask(ID, CANCEL)
    assert only(sends, OrderCommandRefused).reason == Refusal.ALREADY_ENDED


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.REFUSED, Status.RELEASED])
def test_replies_after_the_end_have_no_effect(status: Status) -> None:
    made = desk(status)
    before = status_of(made)
    assert made.ask(ID, paid()) == []
    assert made.ask(ID, RecordRouting(ID, 1)) == []
    assert made.ask(ID, RecordSourcingFailure(ID, 1, "")) == []
    assert status_of(made) == before


def test_an_order_that_takes_too_long_to_reserve_is_cancelled_with_the_last_reply() -> None:
    made = desk(Status.RESERVING)
    assert made.wake(ID, RESERVATION_HOLD_MS) == []
    made.ask(ID, reserved("1"))
    sends = made.ask(ID, reserved("2"))
    assert only(sends, OrderCancelled).reason == Refusal.RESERVATION_EXPIRED
    assert released_lines(sends) == ["1", "2"]


def test_a_reply_that_never_comes_does_not_hold_an_order_and_a_late_one_is_given_back() -> None:
    made = desk(Status.RESERVING)
    made.ask(ID, reserved("1"))
    made.wake(ID, RESERVATION_HOLD_MS)
    sends = made.wake(ID, REPLY_PATIENCE_MS)
    assert only(sends, OrderCancelled).order_id == ID
    assert released_lines(sends) == ["1"]
    assert released_lines(made.ask(ID, reserved("2"))) == ["2"]
    assert made.ask(ID, reserved("2")) == []


@pytest.mark.parametrize("status", [Status.AUTHORIZING, Status.ROUTING])
def test_an_order_that_outlives_its_reservation_is_cancelled(status: Status) -> None:
    made = desk(status)
    sends = made.wake(ID, RESERVATION_HOLD_MS)
    assert only(sends, OrderCancelled).reason == Refusal.RESERVATION_EXPIRED
    assert only(sends, VoidPayment).order_id == ID
    withdrawn = [send for send in sends if isinstance(send.record, CancelFulfillment)]
    assert len(withdrawn) == (status == Status.ROUTING)
    assert made.state(ID, OrderState).wake_at_ms == 0


def test_a_wake_before_its_time_has_no_effect() -> None:
    assert desk(Status.RESERVING).wake(ID) == []
    assert desk().wake(ID) == []


@pytest.mark.parametrize("status", list(Status))
def test_the_table_names_every_status_and_an_illegal_step_raises(status: Status) -> None:
    assert status in TRANSITIONS
    with pytest.raises(IllegalTransition):
        after(status, OrderPlaced)


def test_a_foreign_record_is_no_command() -> None:
    with pytest.raises(TypeError):
        desk().ask(ID, SetStock("MUG", "BER", 1, 0, ""))
