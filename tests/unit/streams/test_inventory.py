"""The policies of the inventory room."""

from __future__ import annotations

import pytest

from schemas.fulfillment import RecordMove
from schemas.inventory import (
    MoveReservation,
    Refusal,
    ReleaseStock,
    ReservationMoved,
    ReserveStock,
    StockRefused,
    StockReleased,
    StockReserved,
    StockState,
)
from schemas.orders import CancelOrder, RecordReservation
from schemas.stock import PositionAt, SetStock, StockSet
from streams.inventory.agent import InventoryRoom
from streams.inventory.model import ALSO_AT_MAXIMUM
from tests.unit.streams.memory import NOW, Desk, names, only

RANKED = ["BER", "HAM", "MUC"]
RELEASE = ReleaseStock("o", "1", "MUG", "cancelled")


def desk(**on_hand: int) -> Desk:
    made = Desk(InventoryRoom())
    for location_id, count in on_hand.items():
        made.ask("MUG", SetStock("MUG", location_id, count, 0, "count"))
    return made


def reserve(quantity: int = 2, attempt: int = 1, order_id: str = "o") -> ReserveStock:
    return ReserveStock(order_id, "1", "MUG", quantity, attempt, RANKED, NOW + 1)


def at(made: Desk, location_id: str) -> PositionAt:
    positions = made.state("MUG", StockState).positions
    return next(position for position in positions if position.location_id == location_id)


def test_a_line_is_reserved_at_the_first_ranked_location_that_has_it_whole() -> None:
    made = desk(BER=1, HAM=5, MUC=5)
    sends = made.ask("MUG", reserve())
    event = only(sends, StockReserved)
    assert (event.location_id, event.on_hand, event.reserved) == ("HAM", 5, 2)
    reply = only(sends, RecordReservation)
    assert (reply.reserved, reply.location_id, reply.also_at) == (True, "HAM", ["MUC"])


def test_a_reply_names_a_bounded_number_of_further_locations() -> None:
    ranked = [f"L{number:02}" for number in range(12)]
    made = desk(**dict.fromkeys(ranked, 5))
    sends = made.ask("MUG", ReserveStock("o", "1", "MUG", 1, 1, ranked, 0))
    assert only(sends, RecordReservation).also_at == ranked[1 : 1 + ALSO_AT_MAXIMUM]


def test_a_line_is_refused_when_every_location_is_below_safety_stock() -> None:
    made = desk()
    made.ask("MUG", SetStock("MUG", "BER", 5, 4, "count"))
    sends = made.ask("MUG", reserve())
    assert only(sends, StockRefused).reason == Refusal.OUT_OF_STOCK
    assert only(sends, RecordReservation).reason == Refusal.OUT_OF_STOCK


def test_a_sku_that_was_never_counted_is_unknown() -> None:
    assert only(desk().ask("MUG", reserve()), RecordReservation).reason == Refusal.UNKNOWN_SKU


def test_the_same_reservation_again_has_the_same_reply_and_no_event() -> None:
    made = desk(BER=2, HAM=9)
    first = only(made.ask("MUG", reserve()), RecordReservation)
    again = made.ask("MUG", reserve())
    assert names(again) == ["RecordReservation"]
    assert only(again, RecordReservation) == first
    assert at(made, "BER").reserved == 2


@pytest.mark.parametrize("other", [reserve(quantity=1), reserve(attempt=2)])
def test_another_wish_for_a_line_that_is_reserved_is_a_conflict(other: ReserveStock) -> None:
    made = desk(BER=9)
    made.ask("MUG", reserve())
    sends = made.ask("MUG", other)
    assert only(sends, StockRefused).reason == Refusal.RESERVATION_CONFLICT
    assert not only(sends, RecordReservation).reserved
    assert at(made, "BER").reserved == 2


def test_a_release_gives_the_stock_back_and_forgets_the_reservation() -> None:
    made = desk(BER=2)
    made.ask("MUG", reserve())
    assert only(made.ask("MUG", RELEASE), StockReleased).reserved == 0
    assert list(made.states.kept) == ["MUG"]
    assert only(made.ask("MUG", RELEASE), StockRefused).reason == Refusal.UNKNOWN_RESERVATION


def test_a_count_is_taken_as_the_truth_but_not_below_what_is_reserved() -> None:
    made = desk(BER=5)
    made.ask("MUG", reserve())
    refused = only(made.ask("MUG", SetStock("MUG", "BER", 1, 0, "count")), StockRefused)
    assert refused.reason == Refusal.BELOW_RESERVED
    counted = only(made.ask("MUG", SetStock("MUG", "BER", 2, 9, "count")), StockSet)
    assert (counted.on_hand, counted.reserved) == (2, 2)
    sends = made.ask("MUG", reserve(quantity=1, order_id="p"))
    assert only(sends, RecordReservation).reason == Refusal.OUT_OF_STOCK


def test_a_reservation_moves_where_there_is_stock() -> None:
    made = desk(BER=2, HAM=2)
    made.ask("MUG", reserve())
    sends = made.ask("MUG", MoveReservation("o", "1", "MUG", "HAM"))
    event = only(sends, ReservationMoved)
    assert (event.from_location_id, event.from_reserved, event.reserved) == ("BER", 0, 2)
    assert only(sends, RecordMove) == RecordMove("o", "1", True, "HAM")
    again = made.ask("MUG", MoveReservation("o", "1", "MUG", "HAM"))
    assert [send.record for send in again] == [RecordMove("o", "1", True, "HAM")]
    assert only(made.ask("MUG", RELEASE), StockReleased).location_id == "HAM"


def test_a_reservation_stays_where_it_is_when_the_other_location_cannot_serve() -> None:
    made = desk(BER=2, HAM=1)
    made.ask("MUG", reserve())
    sends = made.ask("MUG", MoveReservation("o", "1", "MUG", "HAM"))
    assert only(sends, StockRefused).reason == Refusal.OUT_OF_STOCK
    assert only(sends, RecordMove) == RecordMove("o", "1", False, "BER", Refusal.OUT_OF_STOCK)


def test_a_reservation_that_is_not_there_cannot_move() -> None:
    sends = desk(BER=2).ask("MUG", MoveReservation("o", "1", "MUG", "BER"))
    assert only(sends, StockRefused).reason == Refusal.UNKNOWN_RESERVATION
    assert not only(sends, RecordMove).moved


def test_a_foreign_record_is_no_command() -> None:
    with pytest.raises(TypeError):
        desk().ask("MUG", CancelOrder("o", "", NOW))
