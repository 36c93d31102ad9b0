"""The policies of the purchasing room."""

from __future__ import annotations

import pytest

from schemas.messages import Send
from schemas.orders import CancelOrder
from schemas.purchasing import (
    CreatePurchaseOrder,
    DeliveredLine,
    DeliveryRecorded,
    Offer,
    OfferSet,
    OffersState,
    PerformanceMeasured,
    ProposePurchase,
    PurchaseLine,
    PurchaseOrderConfirmed,
    PurchaseOrderProposed,
    PurchaseOrderSent,
    PurchaseOrderState,
    PurchaseRefused,
    RecordDelivery,
    RecordPerformance,
    Refusal,
    SetOffer,
    Status,
)
from schemas.records import Record
from schemas.stock import ReceiveStock
from schemas.topics import DAY_MS, PURCHASING_COMMANDS
from streams.purchasing import model, offers
from streams.purchasing.agent import PurchasingRoom
from streams.purchasing.model import TRANSITIONS, LastDelivery, after
from streams.transitions import IllegalTransition
from tests.unit.streams.dock import (
    APPROVE,
    CANCEL,
    CLOSE,
    CREATE,
    DROP_SHIP,
    DUE,
    PO,
    SEND,
    confirm,
    delivery,
    desk,
    reason,
    receipts,
    status_of,
    supplies,
)
from tests.unit.streams.memory import NOW, Desk, names, only

# Offers


def offer(
    supplier_id: str = "acme",
    price: int = 100,
    *,
    days: int = 10,
    minimum: int = 0,
    multiple: int = 0,
    currency: str = "EUR",
    active: bool = True,
) -> SetOffer:
    return SetOffer(
        "MUG", supplier_id, f"{supplier_id}-7", price, currency, days, minimum, multiple, active, ""
    )


def suggestion(quantity: int = 10, at_ms: int = NOW, location_id: str = "BER") -> ProposePurchase:
    return ProposePurchase("MUG", location_id, quantity, "reorder point", at_ms)


def performance(
    received: int = 10, late_ms: int = 0, supplier_id: str = "acme", came: bool = True
) -> RecordPerformance:
    """Of ten pieces that were sent for at NOW and promised in ten days."""
    return RecordPerformance(
        "MUG", supplier_id, PO, "1", 10, received, NOW, DUE, DUE + late_ms if came else 0
    )


def market(*given: SetOffer) -> Desk:
    made = Desk(PurchasingRoom())
    for one in given:
        made.ask("MUG", one)
    return made


def chosen(made: Desk, command: ProposePurchase) -> CreatePurchaseOrder:
    sends = made.ask("MUG", command)
    create = only(sends, CreatePurchaseOrder)
    assert sends == [Send(PURCHASING_COMMANDS, create.purchase_order_id, create)]
    return create


def known(made: Desk, supplier_id: str = "acme") -> Offer:
    every = made.state("MUG", OffersState).offers
    return next(one for one in every if one.supplier_id == supplier_id)


def test_an_offer_is_kept_and_the_same_again_has_no_effect() -> None:
    made = market()
    assert only(made.ask("MUG", offer()), OfferSet).price_minor == 100
    assert made.ask("MUG", offer()) == []
    assert only(made.ask("MUG", offer(price=90)), OfferSet).price_minor == 90


def test_a_new_offer_keeps_how_the_supplier_has_done() -> None:
    made = market(offer())
    made.ask("MUG", performance(5, late_ms=2 * DAY_MS))
    before = known(made)
    made.ask("MUG", offer(price=80))
    after_it = known(made)
    assert after_it.price_minor == 80
    assert (after_it.lines, after_it.fill_share) == (1, before.fill_share)


def test_an_offer_with_a_figure_below_zero_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = market(offer())
    assert reason(made.ask("MUG", offer(price=-1))) == Refusal.INVALID_QUANTITY
    monkeypatch.setattr(offers, "MAXIMUM_OFFERS", 1)
    assert reason(made.ask("MUG", offer("other"))) == Refusal.INVALID_QUANTITY
    assert names(made.ask("MUG", offer(price=1))) == ["OfferSet"]


def test_a_suggestion_makes_one_purchase_order_with_the_offers_price_and_date() -> None:
    made = market(offer())
    create = chosen(made, suggestion())
    assert create == CreatePurchaseOrder(
        "po-MUG-1", "acme", "BER", [PurchaseLine("1", "MUG", 10, 100)], "EUR", DUE, "",
        "reorder point", "purchasing",
    )  # fmt: skip
    assert made.ask("MUG", suggestion()) == []
    assert chosen(made, suggestion(at_ms=NOW + 1)).purchase_order_id == "po-MUG-2"


def test_two_locations_may_need_the_same_at_the_same_moment() -> None:
    made = market(offer())
    assert chosen(made, suggestion()).location_id == "BER"
    assert chosen(made, suggestion(location_id="HAM")).purchase_order_id == "po-MUG-2"
    assert made.ask("MUG", suggestion()) == []


def test_a_suggestion_without_an_active_offer_is_refused_and_may_come_again() -> None:
    assert reason(market().ask("MUG", suggestion())) == Refusal.NO_OFFER
    made = market(offer(active=False))
    assert reason(made.ask("MUG", suggestion())) == Refusal.NO_OFFER
    made.ask("MUG", offer())
    assert reason(made.ask("MUG", suggestion(0))) == Refusal.INVALID_QUANTITY
    assert chosen(made, suggestion()).supplier_id == "acme"


@pytest.mark.parametrize(
    ("quantity", "minimum", "multiple", "pieces"),
    [(10, 0, 0, 10), (10, 25, 0, 25), (10, 0, 12, 12), (25, 20, 12, 36), (24, 20, 12, 24)],
)
def test_a_purchase_keeps_to_minimum_and_multiple(
    quantity: int, minimum: int, multiple: int, pieces: int
) -> None:
    made = market(offer(minimum=minimum, multiple=multiple))
    assert chosen(made, suggestion(quantity)).lines[0].quantity == pieces


def test_the_cheaper_supplier_is_asked_unless_it_makes_us_buy_too_much() -> None:
    made = market(offer("bulk", 90, minimum=100), offer("corner", 100))
    assert chosen(made, suggestion(10)).supplier_id == "corner"
    assert chosen(made, suggestion(100, NOW + 1)).supplier_id == "bulk"


def test_a_day_of_waiting_weighs_as_much_as_a_hundredth_of_the_price() -> None:
    made = market(offer("fast", 104, days=5), offer("slow", 100, days=10))
    assert chosen(made, suggestion()).supplier_id == "fast"
    made.ask("MUG", offer("fast", 106, days=5))
    assert chosen(made, suggestion(at_ms=NOW + 1)).supplier_id == "slow"


def test_equal_offers_are_told_apart_by_the_suppliers_name() -> None:
    assert chosen(market(offer("b"), offer("a")), suggestion()).supplier_id == "a"


def test_a_supplier_that_is_late_or_short_loses_against_a_dearer_one() -> None:
    made = market(offer("acme", 100), offer("sound", 115))
    assert chosen(made, suggestion()).supplier_id == "acme"
    made.ask("MUG", performance(5, late_ms=3 * DAY_MS))
    assert known(made).on_time_share == pytest.approx(0.8)
    assert known(made).fill_share == pytest.approx(0.9)
    assert chosen(made, suggestion(at_ms=NOW + 1)).supplier_id == "sound"


def test_offers_in_the_currency_that_most_have_are_compared() -> None:
    made = market(offer("a", 1, currency="JPY"), offer("b", 100), offer("c", 90))
    assert chosen(made, suggestion()).supplier_id == "c"
    made.ask("MUG", offer("c", active=False))
    assert chosen(made, suggestion(at_ms=NOW + 1)).currency == "EUR"


def test_the_lead_time_is_the_measured_one_from_three_lines_on() -> None:
    made = market(offer(days=30))
    for lines in (1, 2, 3):
        assert offers.lead_time_days(known(made)) == 30
        measured = only(made.ask("MUG", performance()), PerformanceMeasured)
        assert (measured.lines, measured.lead_time_days) == (lines, 10)
    assert offers.lead_time_days(known(made)) == 10
    assert chosen(made, suggestion()).expected_at_ms == DUE


def test_nothing_that_came_is_neither_in_time_nor_a_lead_time() -> None:
    made = market(offer())
    measured = only(made.ask("MUG", performance(0, came=False)), PerformanceMeasured)
    assert measured.on_time_share == pytest.approx(0.8)
    assert measured.fill_share == pytest.approx(0.8)
    assert measured.lead_time_days == 0


def test_goods_are_in_time_until_the_end_of_the_day_after_the_promised_moment() -> None:
    made = market(offer())
    in_time = only(made.ask("MUG", performance(late_ms=DAY_MS - 1)), PerformanceMeasured)
    assert in_time.on_time_share == 1.0
    late = only(made.ask("MUG", performance(late_ms=DAY_MS)), PerformanceMeasured)
    assert late.on_time_share == pytest.approx(0.8)


def test_a_supplier_without_an_offer_is_measured_and_not_asked() -> None:
    made = market()
    made.ask("MUG", performance(5))
    assert known(made).active is False
    assert reason(made.ask("MUG", suggestion())) == Refusal.NO_OFFER
    made.ask("MUG", offer())
    assert known(made).fill_share == pytest.approx(0.9)


# Purchase orders


def test_a_proposed_purchase_order_waits_for_approval_and_promises_nothing() -> None:
    made = desk()
    sends = made.ask(PO, CREATE)
    assert names(sends) == ["PurchaseOrderProposed"]
    assert only(sends, PurchaseOrderProposed).lines == CREATE.lines
    assert reason(made.ask(PO, SEND)) == Refusal.WRONG_STATUS


def test_the_same_purchase_order_again_has_no_effect_and_another_is_a_conflict() -> None:
    made = desk(Status.SENT)
    assert made.ask(PO, CREATE) == []
    other = CreatePurchaseOrder(PO, "other", "BER", CREATE.lines, "EUR", DUE, "", "low", "ann")
    assert reason(made.ask(PO, other)) == Refusal.PURCHASE_CONFLICT
    assert status_of(made) == Status.SENT


@pytest.mark.parametrize(
    "create",
    [
        CreatePurchaseOrder(PO, "acme", "BER", [], "EUR", DUE, "", "", ""),
        CreatePurchaseOrder(PO, "acme", "BER", [CREATE.lines[0]] * 2, "EUR", DUE, "", "", ""),
        CreatePurchaseOrder(
            PO, "acme", "BER", [PurchaseLine("1", "MUG", 0, 1)], "EUR", DUE, "", "", ""
        ),
        CreatePurchaseOrder(PO, "acme", "", CREATE.lines, "EUR", DUE, "", "", ""),
    ],
)
def test_what_is_no_purchase_order_is_refused_and_leaves_no_trace(
    create: CreatePurchaseOrder,
) -> None:
    made = desk()
    assert reason(made.ask(PO, create)) == Refusal.INVALID_QUANTITY
    assert made.states.kept == {}


def test_goods_are_expected_once_the_supplier_has_the_order() -> None:
    made = desk(Status.APPROVED)
    sends = made.ask(PO, SEND)
    assert only(sends, PurchaseOrderSent).expected_at_ms == DUE
    assert supplies(sends) == [(f"{PO}/1", 10, DUE), (f"{PO}/2", 4, DUE)]
    assert made.ask(PO, SEND) == []


def test_a_date_that_is_over_when_the_order_is_sent_is_no_promise() -> None:
    made = desk(Status.APPROVED)
    made.now = DUE
    assert supplies(made.ask(PO, SEND))[0] == (f"{PO}/1", 10, 0)
    made.ask(PO, confirm(DUE + DAY_MS))
    assert made.state(PO, PurchaseOrderState).first_expected_at_ms == DUE + DAY_MS


def test_a_slip_is_passed_on_for_what_is_open_and_lateness_counts_from_the_first_promise() -> None:
    made = desk(Status.PARTLY_RECEIVED)
    made.ask(PO, delivery(("2", 4), of="d-2"))
    sends = made.ask(PO, confirm(DUE + DAY_MS))
    assert only(sends, PurchaseOrderConfirmed).previously_ms == DUE
    assert supplies(sends) == [(f"{PO}/1", 7, DUE + DAY_MS)]
    assert made.ask(PO, confirm(DUE + DAY_MS)) == []
    assert made.state(PO, PurchaseOrderState).first_expected_at_ms == DUE


def test_a_part_delivery_goes_into_stock_and_the_rest_stays_open() -> None:
    made = desk(Status.SENT)
    sends = made.ask(PO, delivery(("1", 3)))
    assert only(sends, DeliveryRecorded).complete is False
    assert receipts(sends) == [
        ReceiveStock(
            f"{PO}/d-1/1", "MUG", "BER", 3, "", f"{PO}/1", "sellable", False, PO,
            "delivery d-1", "dock", purchase_order_id=PO,
        )
    ]  # fmt: skip
    assert status_of(made) == Status.PARTLY_RECEIVED
    assert supplies(sends) == []


def test_a_line_that_is_complete_is_measured_once() -> None:
    made = desk(Status.SENT)
    made.now += DAY_MS
    sends = made.ask(PO, delivery(("1", 10)))
    assert only(sends, RecordPerformance) == RecordPerformance(
        "MUG", "acme", PO, "1", 10, 10, NOW, DUE, NOW + DAY_MS
    )
    last = made.ask(PO, delivery(("2", 4), of="d-2"))
    assert only(last, RecordPerformance).line_id == "2"
    assert only(last, DeliveryRecorded).complete is True
    assert status_of(made) == Status.RECEIVED
    assert names(made.ask(PO, CLOSE)) == ["PurchaseOrderClosed"]


def test_a_delivery_may_name_a_line_twice_and_damaged_pieces_have_come_too() -> None:
    made = desk(Status.SENT)
    lines = [
        DeliveredLine("1", 8, "sellable", "L1", DUE, []),
        DeliveredLine("1", 2, "damaged", "L2", 0, []),
    ]
    sends = made.ask(PO, RecordDelivery(PO, "d-1", lines, "dock"))
    assert [(one.movement_id, one.lot_id, one.disposition) for one in receipts(sends)] == [
        (f"{PO}/d-1/1", "L1", "sellable"),
        (f"{PO}/d-1/2", "L2", "damaged"),
    ]
    measured = only(sends, RecordPerformance)
    assert (measured.ordered, measured.received) == (10, 8)


def test_the_same_delivery_again_has_no_effect_and_another_is_a_conflict() -> None:
    made = desk(Status.PARTLY_RECEIVED)
    assert made.ask(PO, delivery(("1", 3))) == []
    assert reason(made.ask(PO, delivery(("1", 4)))) == Refusal.DELIVERY_CONFLICT
    made.ask(PO, CLOSE)
    assert made.ask(PO, delivery(("1", 3))) == []


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (delivery(("3", 1), of="d-2"), Refusal.UNKNOWN_LINE),
        (delivery(("1", 8), of="d-2"), Refusal.INVALID_QUANTITY),
        (delivery(("1", 5), ("1", 3), of="d-2"), Refusal.INVALID_QUANTITY),
        (delivery(("1", 0), of="d-2"), Refusal.INVALID_QUANTITY),
        (delivery(("1", 1), of="d-2", disposition="lost"), Refusal.INVALID_QUANTITY),
        (delivery(of="d-2"), Refusal.INVALID_QUANTITY),
    ],
)
def test_a_delivery_of_more_or_other_than_is_open_is_refused_as_a_whole(
    command: RecordDelivery, why: Refusal
) -> None:
    made = desk(Status.PARTLY_RECEIVED)
    before = made.state(PO, PurchaseOrderState)
    assert reason(made.ask(PO, command)) == why
    assert made.state(PO, PurchaseOrderState) is before


def test_a_purchase_order_takes_a_bounded_number_of_deliveries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.purchasing.deliveries.MAXIMUM_DELIVERIES", 1)
    made = desk(Status.PARTLY_RECEIVED)
    assert reason(made.ask(PO, delivery(("1", 1), of="d-2"))) == Refusal.WRONG_STATUS


def test_what_is_open_when_an_order_is_closed_is_expected_no_more_and_measured() -> None:
    made = desk(Status.PARTLY_RECEIVED)
    sends = made.ask(PO, CLOSE)
    assert supplies(sends) == [(f"{PO}/1", 0, 0), (f"{PO}/2", 0, 0)]
    measured = [send.record for send in sends if isinstance(send.record, RecordPerformance)]
    assert [(one.line_id, one.received, one.received_at_ms) for one in measured] == [
        ("1", 3, NOW),
        ("2", 0, 0),
    ]
    assert made.ask(PO, CLOSE) == []


@pytest.mark.parametrize(
    ("status", "withdrawn"),
    [(Status.PROPOSED, 0), (Status.APPROVED, 0), (Status.SENT, 2)],
)
def test_an_order_of_which_nothing_has_come_can_be_cancelled(status: str, withdrawn: int) -> None:
    made = desk(status)
    sends = made.ask(PO, CANCEL)
    assert [quantity for _, quantity, _ in supplies(sends)] == [0] * withdrawn
    assert status_of(made) == Status.CANCELLED
    assert made.ask(PO, CANCEL) == []
    assert "RecordPerformance" not in names(sends)


def test_goods_for_a_customer_are_sent_at_once_and_move_no_stock_of_ours() -> None:
    made = desk()
    sends = made.ask(PO, DROP_SHIP)
    assert names(sends) == ["PurchaseOrderProposed", "PurchaseOrderSent"]
    assert made.ask(PO, DROP_SHIP) == []
    assert names(made.ask(PO, confirm(DUE))) == ["PurchaseOrderConfirmed"]
    last = made.ask(PO, delivery(("1", 2)))
    assert names(last) == ["DeliveryRecorded", "RecordPerformance"]
    made = desk()
    made.ask(PO, DROP_SHIP)
    assert names(made.ask(PO, CANCEL)) == ["PurchaseOrderCancelled"]


COMMANDS: tuple[Record, ...] = (APPROVE, SEND, confirm(DUE + 1), CLOSE, CANCEL)


@pytest.mark.parametrize("command", [*COMMANDS, delivery(("1", 1))])
def test_a_command_to_an_unknown_purchase_order_is_refused(command: Record) -> None:
    made = desk()
    assert reason(made.ask(PO, command)) == Refusal.UNKNOWN_PURCHASE_ORDER
    assert made.states.kept == {}


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        (Status.PROPOSED, [SEND, confirm(DUE + 1), CLOSE, delivery(("1", 1))]),
        (Status.APPROVED, [confirm(DUE + 1), CLOSE, delivery(("1", 1))]),
        (Status.SENT, []),
        (Status.PARTLY_RECEIVED, [CANCEL]),
        (Status.RECEIVED, [confirm(DUE + 1), CANCEL, delivery(("1", 1), of="d-9")]),
        (Status.CLOSED, [confirm(DUE + 1), CANCEL, delivery(("1", 1), of="d-9")]),
        (Status.CANCELLED, [APPROVE, SEND, confirm(DUE + 1), CLOSE, delivery(("1", 1))]),
    ],
)
def test_what_does_not_fit_the_status_is_refused(status: str, refused: list[Record]) -> None:
    for command in (*COMMANDS, delivery(("1", 1), of="d-9")):
        made = desk(status)
        if any(type(one) is type(command) for one in refused):
            assert reason(made.ask(PO, command)) == Refusal.WRONG_STATUS
            assert status_of(made) == status
        else:
            assert "PurchaseRefused" not in names(made.ask(PO, command))


def test_every_refusal_names_the_command_and_who_gave_it() -> None:
    refused = only(desk().ask(PO, CLOSE), PurchaseRefused)
    assert (refused.command, refused.purchase_order_id, refused.actor) == (
        "ClosePurchaseOrder", PO, "bob",
    )  # fmt: skip


@pytest.mark.parametrize("status", list(Status))
def test_the_table_names_every_status_and_an_illegal_step_raises(status: Status) -> None:
    assert status in TRANSITIONS
    with pytest.raises(IllegalTransition):
        after(status, PurchaseOrderProposed)


def test_the_last_delivery_is_a_step_and_no_record() -> None:
    assert LastDelivery not in PURCHASING_COMMANDS.values
    assert model.TRANSITIONS[Status.SENT][LastDelivery] == Status.RECEIVED


def test_a_foreign_record_is_no_command_and_there_are_no_timers() -> None:
    with pytest.raises(TypeError):
        desk().ask(PO, CancelOrder("o", "", NOW))
    with pytest.raises(TypeError):
        desk().wake(PO)


def test_offers_and_purchase_orders_do_not_take_each_others_place() -> None:
    made = market(offer())
    with pytest.raises(TypeError):
        made.ask("MUG", APPROVE)
    made = desk(Status.SENT)
    with pytest.raises(TypeError):
        made.ask(PO, suggestion())
