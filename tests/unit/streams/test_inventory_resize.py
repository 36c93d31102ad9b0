"""The policies for a reservation of another quantity: all of it, or as it was."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from schemas.inventory import (
    AllocateStock,
    Refusal,
    ReservationState,
    ReserveStock,
    StockReleased,
    StockReserved,
    StockState,
)
from schemas.messages import Send
from schemas.orders import RecordReservation
from schemas.stock import Quota
from tests.unit.streams.memory import names, only
from tests.unit.streams.stockroom import Stockroom, release, reserve

KEY = "MUG|o|1"


def room(**on_hand: Any) -> Stockroom:
    """Two pieces are held at the first of the locations that have them."""
    made = Stockroom()
    made.stock(**on_hand)
    made.tell(reserve("o", 2))
    return made


def resized(made: Stockroom, quantity: int, attempt: int = 2, sku: str = "MUG") -> list[Send]:
    command: ReserveStock = reserve("o", quantity, attempt=attempt)
    return made.tell(replace(command, held=True, sku=sku), sku=sku)


def held(made: Stockroom) -> tuple[str, int]:
    one = made.state(KEY, ReservationState)
    return one.location_id, one.quantity


def test_more_pieces_are_taken_where_the_line_is_held() -> None:
    made = room(BER=5, HAM=9)
    sends = resized(made, 5)
    assert names(sends) == ["StockReleased", "StockReserved", "RecordReservation"]
    assert only(sends, StockReleased).reason == "resized"
    assert only(sends, RecordReservation).attempt == 2
    assert (held(made), made.at("BER").reserved) == (("BER", 5), 5)


def test_all_pieces_move_where_there_are_enough_of_them() -> None:
    made = room(BER=3, HAM=4)
    assert only(resized(made, 4), RecordReservation).location_id == "HAM"
    assert (made.at("BER").reserved, made.at("HAM").reserved) == (0, 4)


def test_where_no_location_has_more_the_line_keeps_what_it_has() -> None:
    made = room(BER=3, HAM=3)
    sends = resized(made, 4)
    assert names(sends) == ["StockRefused", "RecordReservation"]
    assert only(sends, RecordReservation).reason == Refusal.OUT_OF_STOCK
    assert held(made) == ("BER", 2)


def test_fewer_pieces_are_always_possible() -> None:
    made = room(BER=2)
    stock = made.state("MUG", StockState)
    made.states.put("MUG", replace(stock, positions=[replace(made.at("BER"), safety_stock=9)]))
    assert only(resized(made, 1), StockReserved).quantity == 1
    assert (held(made), made.at("BER").reserved) == (("BER", 1), 1)


def test_the_same_quantity_again_has_the_same_answer() -> None:
    made = room(BER=9)
    resized(made, 4)
    sends = resized(made, 4)
    assert names(sends) == ["RecordReservation"]
    assert names(resized(made, 4, 3)) == ["RecordReservation"]
    assert held(made) == ("BER", 4)


def test_what_is_not_held_is_not_reserved_by_changing_it() -> None:
    made = room(BER=9)
    made.tell(release("o"))
    sends = resized(made, 3)
    assert only(sends, RecordReservation).reason == Refusal.UNKNOWN_RESERVATION
    assert made.at("BER").reserved == 0


def test_what_is_worked_on_is_not_changed_any_more() -> None:
    made = room(BER=9)
    made.tell(AllocateStock("o", "1", "MUG"))
    assert only(resized(made, 3), RecordReservation).reason == Refusal.ALREADY_ALLOCATED
    assert only(resized(made, 0), RecordReservation).reason == Refusal.INVALID_QUANTITY


def test_a_quota_bounds_what_is_more_and_gets_back_what_is_less() -> None:
    made = Stockroom()
    made.stock(quotas=(Quota("shop", "shop", "", 3, 0),), BER=3)
    made.tell(replace(reserve("o", 2), channel="shop"))

    def consumed() -> int:
        return made.state("MUG", StockState).quotas[0].consumed

    assert consumed() == 2
    one = replace(reserve("o", 3, attempt=2), channel="shop", held=True)
    made.tell(one)
    assert consumed() == 3
    made.tell(replace(one, quantity=1, attempt=3))
    assert consumed() == 1


def kit() -> Stockroom:
    made = Stockroom()
    made.stock("SET", components={"MUG": 1, "CAP": 2})
    made.stock("MUG", BER=9)
    made.stock("CAP", BER=9)
    made.deliver(made.tell(replace(reserve("o", 2), sku="SET"), sku="SET"))
    return made


def test_a_kit_becomes_less_with_all_its_components() -> None:
    made = kit()
    sends = made.deliver(resized(made, 1, sku="SET"))
    assert only(sends, RecordReservation).reserved
    assert (made.at("BER", "MUG").reserved, made.at("BER", "CAP").reserved) == (1, 2)
    one = made.kit("SET")
    assert one is not None
    assert [line.quantity for line in one.lines] == [1, 2]
    assert names(made.deliver(resized(made, 1, sku="SET"))) == ["RecordReservation"]
    made.deliver(made.tell(replace(release("o"), sku="SET"), sku="SET"))
    assert (made.at("BER", "MUG").reserved, made.at("BER", "CAP").reserved) == (0, 0)


def test_a_kit_does_not_become_more() -> None:
    made = kit()
    sends = made.deliver(resized(made, 3, sku="SET"))
    assert only(sends, RecordReservation).reason == Refusal.RESERVATION_CONFLICT
    assert made.at("BER", "MUG").reserved == 2
