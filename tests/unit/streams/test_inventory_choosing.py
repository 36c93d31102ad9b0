"""The policies of reserving where routing leaves the choice to the stock."""

from __future__ import annotations

from msgspec.structs import replace

from schemas.inventory import ChosenByStock, ReserveStock, StockState
from schemas.orders import RecordReservation
from schemas.stock import Lot, LotsState, PositionAt
from streams.inventory.lots import lots_key
from tests.unit.streams.memory import NOW, only
from tests.unit.streams.stockroom import RANKED, Stockroom

ASK = ReserveStock("o", "1", "MUG", 2, 1, RANKED, NOW + 60_000)
ALL_BY_MOST = [ChosenByStock(0, 2, "overstock")]
ALL_BY_AGE = [ChosenByStock(0, 2, "age")]


def answer(room: Stockroom, command: ReserveStock) -> RecordReservation:
    return only(room.tell(command), RecordReservation)


def test_the_location_with_the_most_pieces_is_taken_and_the_others_are_named() -> None:
    room = Stockroom()
    room.stock(BER=3, HAM=9, MUC=9)
    told = answer(room, replace(ASK, choices=ALL_BY_MOST))
    assert (told.location_id, told.also_at) == ("HAM", ["BER", "MUC"])


def test_pieces_that_others_have_or_that_must_stay_do_not_count() -> None:
    room = Stockroom()
    positions = [PositionAt("BER", 4, 0, 0), PositionAt("HAM", 9, 3, 3), PositionAt("MUC", 9, 3, 0)]
    room.states.put("MUG", StockState("MUG", positions))
    assert answer(room, replace(ASK, choices=ALL_BY_MOST)).location_id == "MUC"


def test_stock_decides_only_among_the_locations_that_are_left_to_it() -> None:
    room = Stockroom()
    room.stock(BER=3, HAM=4, MUC=9)
    first_two = replace(ASK, choices=[ChosenByStock(0, 1, "overstock")])
    assert answer(room, first_two).location_id == "HAM"
    last_two = replace(ASK, order_id="p", choices=[ChosenByStock(1, 2, "overstock")])
    assert answer(room, last_two).location_id == "BER"


def test_a_location_that_cannot_serve_the_line_is_not_taken() -> None:
    room = Stockroom()
    room.stock(BER=1, HAM=3, MUC=2)
    told = answer(room, replace(ASK, choices=ALL_BY_MOST))
    assert (told.location_id, told.also_at) == ("HAM", ["MUC"])


def test_of_equals_the_better_ranked_is_taken() -> None:
    room = Stockroom()
    room.stock(BER=4, HAM=4, MUC=4)
    assert answer(room, replace(ASK, choices=ALL_BY_MOST)).location_id == "BER"
    assert answer(room, replace(ASK, order_id="p", choices=ALL_BY_AGE)).location_id == "BER"


def test_what_expires_first_is_taken_first_and_what_has_expired_or_is_in_work_does_not_count() -> (
    None
):
    room = Stockroom()
    positions = [PositionAt(name, 5, 0, 0) for name in RANKED]
    room.states.put("MUG", StockState("MUG", positions, tracking="lot"))
    days = {
        "BER": [Lot("a", 5, 0, NOW + 9_000)],
        "HAM": [Lot("b", 2, 2, NOW + 1), Lot("c", 1, 0, NOW - 1), Lot("d", 3, 0, NOW + 5_000)],
        "MUC": [Lot("e", 5, 0, 0)],
    }
    for name, lots in days.items():
        room.states.put(lots_key("MUG", name), LotsState(name, lots, 0))
    told = answer(room, replace(ASK, choices=ALL_BY_AGE))
    assert (told.location_id, told.also_at) == ("HAM", ["BER", "MUC"])


def test_the_same_wish_again_has_the_same_answer() -> None:
    room = Stockroom()
    room.stock(BER=3, HAM=9)
    first = answer(room, replace(ASK, choices=ALL_BY_MOST))
    assert answer(room, replace(ASK, choices=ALL_BY_MOST)) == first


def test_more_pieces_are_taken_where_the_line_is_held() -> None:
    room = Stockroom()
    room.stock(BER=9, HAM=3)
    answer(room, replace(ASK, locations=["HAM"]))
    more = replace(ASK, quantity=3, attempt=2, held=True, choices=ALL_BY_MOST)
    assert answer(room, more).location_id == "HAM"
