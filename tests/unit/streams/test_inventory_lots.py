"""The policies of lots and serial numbers."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.inventory import (
    AllocateStock,
    LotPick,
    Refusal,
    ReleaseStock,
    ReserveStock,
    ShipStock,
    StockAllocated,
    StockRefused,
    StockShipped,
    StockState,
)
from schemas.messages import Send
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    CountStock,
    Lot,
    LotsState,
    PositionAt,
    ReceiveStock,
    ReceiveTransfer,
    SetSku,
    SetStock,
    ShipTransfer,
    StockMoved,
)
from streams.inventory import lots
from streams.inventory.account import Account, BrokenLedger
from streams.inventory.agent import InventoryRoom
from tests.unit.streams.memory import NOW, Desk, names, only
from tests.unit.streams.stockroom import all_of

DAY = 86_400_000
BER = "YOG|@lots|BER"


def desk(tracking: str = "lot") -> Desk:
    made = Desk(InventoryRoom())
    made.ask("YOG", SetSku("YOG", [], [], [], [], tracking, 0, [], "ann"))
    return made


def receive(quantity: int, lot_id: str, days: int = 0, **also: Any) -> ReceiveStock:
    """`days`: until the lot expires; 0 for never."""
    base = ReceiveStock(
        f"r-{lot_id}-{quantity}", "YOG", "BER", quantity, "", "", "sellable", False, "", "", "ann",
        lot_id, NOW + days * DAY if days else 0,
    )  # fmt: skip
    return replace(base, **also)


def serials(*numbers: str, **also: Any) -> ReceiveStock:
    given = {"movement_id": "/".join(numbers), **also}
    return receive(len(numbers), "", serials=[*numbers], **given)


def stocked() -> Desk:
    """3 pieces of A for ten days, 5 of B for five, 4 of C for ever."""
    made = desk()
    for command in (receive(3, "A", 10), receive(5, "B", 5), receive(4, "C")):
        made.ask("YOG", command)
    return made


def reserve(made: Desk, quantity: int, order_id: str = "o") -> None:
    made.ask("YOG", ReserveStock(order_id, "1", "YOG", quantity, 1, ["BER"], NOW + DAY))


def allocate(made: Desk, order_id: str = "o") -> list[Send]:
    return made.ask("YOG", AllocateStock(order_id, "1", "YOG"))


def refused(sends: list[Send]) -> str:
    assert names(sends) == ["StockRefused"]
    return only(sends, StockRefused).reason


def at(made: Desk, location_id: str = "BER") -> PositionAt:
    positions = made.state("YOG", StockState).positions
    return next(position for position in positions if position.location_id == location_id)


def pieces(made: Desk, key: str = BER) -> dict[str, tuple[int, int]]:
    """Quantity and allocated of each lot, in the order in which they leave."""
    return {one.lot_id: (one.quantity, one.allocated) for one in made.state(key, LotsState).lots}


def test_received_lots_stand_in_the_order_in_which_they_expire() -> None:
    made = stocked()
    assert list(pieces(made)) == ["B", "A", "C"]
    assert at(made).on_hand == 12
    assert made.state(BER, LotsState).wake_at_ms == NOW + 5 * DAY


def test_pieces_of_a_tracked_sku_come_with_their_lot() -> None:
    assert refused(desk().ask("YOG", receive(1, ""))) == Refusal.LOT_REQUIRED
    assert refused(desk("serial").ask("YOG", receive(1, "A"))) == Refusal.LOT_REQUIRED


def test_a_lot_that_comes_again_with_another_expiry_has_the_earlier_one() -> None:
    made = desk()
    for quantity, days in ((1, 10), (2, 0), (3, 7), (4, 20)):
        made.ask("YOG", receive(quantity, "A", days))
    assert made.state(BER, LotsState).lots == [Lot("A", 10, 0, NOW + 7 * DAY)]


def test_what_expires_first_is_picked_first() -> None:
    """7 pieces: all 5 of B, then 2 of the 3 of A."""
    made = stocked()
    reserve(made, 7)
    told = only(allocate(made), StockAllocated)
    assert told.lots == [LotPick("B", 5), LotPick("A", 2)]
    assert pieces(made) == {"B": (5, 5), "A": (3, 2), "C": (4, 0)}
    reserve(made, 3, "p")
    assert only(allocate(made, "p"), StockAllocated).lots == [LotPick("A", 1), LotPick("C", 2)]


def test_a_lot_of_which_nothing_is_left_is_forgotten() -> None:
    made = stocked()
    reserve(made, 7)
    allocate(made)
    told = only(made.ask("YOG", ShipStock("o", "1", "YOG", "bob")), StockShipped)
    assert told.lots == [LotPick("B", 5), LotPick("A", 2)]
    assert pieces(made) == {"A": (1, 0), "C": (4, 0)}
    assert at(made).on_hand == 5


def test_what_is_released_can_be_picked_again() -> None:
    made = stocked()
    reserve(made, 7)
    allocate(made)
    made.ask("YOG", ReleaseStock("o", "1", "YOG", "cancelled"))
    assert pieces(made) == {"B": (5, 0), "A": (3, 0), "C": (4, 0)}


def test_what_has_expired_leaves_sale_for_quarantine() -> None:
    made = stocked()
    told = only(made.wake(BER, 5 * DAY), StockMoved)
    assert (told.movement, told.lot_id, told.quantity, told.quarantined_change) == (
        "expiry", "B", -5, 5,
    )  # fmt: skip
    assert (told.on_hand, told.quarantined) == (7, 5)
    assert pieces(made) == {"B": (0, 0), "A": (3, 0), "C": (4, 0)}
    assert made.state(BER, LotsState).wake_at_ms == NOW + 10 * DAY


def test_expired_pieces_stay_as_far_as_orders_hold_them_until_these_are_released() -> None:
    """12 on hand, 9 reserved: 3 of the 5 expired pieces can go, the other 2 with the release."""
    made = stocked()
    reserve(made, 9)
    told = only(made.wake(BER, 5 * DAY), StockMoved)
    assert (told.quantity, told.on_hand, told.reserved) == (-3, 9, 9)
    assert made.state(BER, LotsState).wake_at_ms == NOW + 6 * DAY
    assert made.wake(BER, DAY) == []
    assert made.state(BER, LotsState).wake_at_ms == NOW + 7 * DAY
    sends = made.ask("YOG", ReleaseStock("o", "1", "YOG", "cancelled"))
    assert names(sends) == ["StockReleased", "StockMoved"]
    told = only(sends, StockMoved)
    assert (told.quantity, told.on_hand, told.quarantined) == (-2, 7, 5)
    assert made.state(BER, LotsState).wake_at_ms == NOW + 10 * DAY


def test_parts_of_a_lot_that_expire_at_one_moment_are_movements_of_their_own() -> None:
    made = stocked()
    reserve(made, 9)
    first = only(made.wake(BER, 5 * DAY), StockMoved)
    second = only(made.ask("YOG", ReleaseStock("o", "1", "YOG", "cancelled")), StockMoved)
    assert first.at_ms == second.at_ms
    assert first.movement_id != second.movement_id


def test_expired_pieces_that_were_allocated_leave_sale_when_they_are_released() -> None:
    made = stocked()
    reserve(made, 4)
    allocate(made)
    made.wake(BER, 5 * DAY)
    assert pieces(made)["B"] == (4, 4)
    sends = made.ask("YOG", ReleaseStock("o", "1", "YOG", "cancelled"))
    assert only(sends, StockMoved).quantity == -4
    assert at(made).quarantined == 5


def test_what_has_expired_is_never_picked() -> None:
    """9 reserved, of which 2 can only be served by expired pieces: nothing is allocated."""
    made = stocked()
    reserve(made, 9)
    made.wake(BER, 5 * DAY)
    account = Account("YOG", made.states, made.now)
    assert not lots.short(account, "BER", 7)
    assert lots.short(account, "BER", 8)
    with pytest.raises(BrokenLedger):
        lots.pick(account, "BER", 9)
    assert refused(allocate(made)) == Refusal.OUT_OF_STOCK
    assert at(made).reserved == 9


def test_a_lot_that_comes_expired_is_quarantined() -> None:
    made = desk()
    told = only(made.ask("YOG", receive(2, "A", -1)), StockMoved)
    assert (told.quantity, told.quarantined_change) == (0, 2)
    assert pieces(made) == {"A": (0, 0)}


def test_pieces_on_sale_leave_it_when_their_lot_turns_out_to_have_expired() -> None:
    """Nobody is served with them meanwhile."""
    made = stocked()
    made.now += DAY
    known = made.state(BER, LotsState).lots[0]
    late = receive(1, known.lot_id, disposition="damaged", expires_at_ms=made.now)
    arrival, expiry = (send.record for send in made.ask("YOG", late))
    assert isinstance(arrival, StockMoved) and isinstance(expiry, StockMoved)
    assert (arrival.movement, arrival.quarantined_change) == ("receipt", 1)
    assert (expiry.movement, expiry.quantity) == ("expiry", -known.quantity)


def test_a_change_of_lots_does_not_put_off_an_expiry_that_is_due() -> None:
    made = stocked()
    reserve(made, 1)
    due_ms = made.now = made.state(BER, LotsState).wake_at_ms
    allocate(made)
    assert made.state(BER, LotsState).wake_at_ms == due_ms
    assert only(made.wake(BER), StockMoved).lot_id == "B"
    assert made.state(BER, LotsState).wake_at_ms == NOW + 10 * DAY


def test_a_count_or_adjustment_names_a_lot_that_is_there() -> None:
    made = stocked()
    adjust = AdjustStock("m", "YOG", "BER", -2, "broken", "ann")
    assert refused(made.ask("YOG", adjust)) == Refusal.LOT_REQUIRED
    assert refused(made.ask("YOG", replace(adjust, lot_id="X"))) == Refusal.UNKNOWN_LOT
    told = only(made.ask("YOG", replace(adjust, lot_id="A")), StockMoved)
    assert (told.lot_id, told.quantity, told.on_hand) == ("A", -2, 10)
    told = only(made.ask("YOG", CountStock("n", "YOG", "BER", 6, "cycle", "ann", "B")), StockMoved)
    assert (told.quantity, told.on_hand) == (1, 11)
    assert pieces(made) == {"B": (6, 0), "A": (1, 0), "C": (4, 0)}
    over = AdjustStock("k", "YOG", "BER", -7, "broken", "ann", "B")
    assert refused(made.ask("YOG", over)) == Refusal.OUT_OF_STOCK


def test_pieces_of_a_lot_that_are_being_worked_on_stay() -> None:
    made = stocked()
    reserve(made, 4)
    allocate(made)
    command = AdjustStock("m", "YOG", "BER", -2, "broken", "ann", "B")
    assert refused(made.ask("YOG", command)) == Refusal.BELOW_RESERVED


def test_a_count_of_all_lots_together_says_too_little_of_a_tracked_sku() -> None:
    made = stocked()
    assert refused(made.ask("YOG", SetStock("YOG", "BER", 9, 0, "c"))) == Refusal.LOT_REQUIRED
    assert names(made.ask("YOG", SetStock("YOG", "BER", 12, 2, "c"))) == ["StockSet"]


def test_a_lot_of_a_sku_that_is_not_tracked_is_unknown() -> None:
    made = desk("")
    made.ask("YOG", SetStock("YOG", "BER", 5, 0, "count"))
    count = CountStock("n", "YOG", "BER", 6, "cycle", "ann", "B")
    assert refused(made.ask("YOG", count)) == Refusal.UNKNOWN_LOT
    assert only(made.ask("YOG", receive(2, "B")), StockMoved).lot_id == ""
    assert BER not in made.states.kept


def test_quarantined_pieces_of_a_lot_come_back_with_its_expiry_unless_that_is_past() -> None:
    made = desk()
    made.ask("YOG", receive(3, "A", 10))
    out = ChangeDisposition("d", "YOG", "BER", 3, "sellable", "damaged", "", "ann", "A")
    made.ask("YOG", out)
    assert pieces(made) == {"A": (0, 0)}
    back = ChangeDisposition("e", "YOG", "BER", 1, "damaged", "sellable", "", "ann", "A")
    made.ask("YOG", back)
    assert made.state(BER, LotsState).lots == [Lot("A", 1, 0, NOW + 10 * DAY)]
    made.wake(BER, 10 * DAY)
    again = made.ask("YOG", replace(back, movement_id="f"))
    assert refused(again) == Refusal.UNKNOWN_LOT
    scrap = ChangeDisposition("g", "YOG", "BER", 3, "damaged", "scrap", "", "ann", "A")
    assert only(made.ask("YOG", scrap), StockMoved).quarantined == 0
    assert BER not in made.states.kept


def test_a_transfer_carries_a_lot_and_its_expiry() -> None:
    made = stocked()
    ship = ShipTransfer("t", "YOG", "BER", "HAM", 4, 0, "", "ann")
    assert refused(made.ask("YOG", ship)) == Refusal.LOT_REQUIRED
    made.ask("YOG", replace(ship, lot_id="B"))
    assert pieces(made)["B"] == (1, 0)
    arrive = ReceiveTransfer("a", "t", "YOG", 3, 0, "", "bob")
    assert only(made.ask("YOG", arrive), StockMoved).lot_id == "B"
    assert made.state("YOG|@lots|HAM", LotsState).lots == [Lot("B", 3, 0, NOW + 5 * DAY)]
    made.now += 5 * DAY
    sends = made.ask("YOG", ReceiveTransfer("b", "t", "YOG", 1, 0, "", "bob"))
    late = all_of(sends, StockMoved)[0]
    assert (late.quantity, late.in_transit_change, late.quarantined_change) == (0, -1, 1)


def test_a_serial_number_is_one_piece_at_one_place() -> None:
    made = desk("serial")
    assert at_most_once(made, serials("S1", "S2")) == "StockMoved"
    assert at_most_once(made, serials("S2", "S3")) == Refusal.SERIAL_CONFLICT
    assert at_most_once(made, serials("S1", location_id="HAM")) == Refusal.SERIAL_CONFLICT
    assert at_most_once(made, serials("S4", "S4")) == Refusal.SERIAL_CONFLICT
    assert at_most_once(made, replace(serials("S5"), quantity=2)) == Refusal.SERIAL_CONFLICT
    assert at(made).on_hand == 2
    found = AdjustStock("m", "YOG", "BER", 1, "found", "ann", "S1")
    assert refused(made.ask("YOG", found)) == Refusal.SERIAL_CONFLICT


def test_a_serial_number_that_was_received_elsewhere_cannot_come_by_a_transfer_as_well() -> None:
    made = desk("serial")
    made.ask("YOG", serials("S1"))
    made.ask("YOG", ShipTransfer("t", "YOG", "BER", "HAM", 1, 0, "", "ann", "S1"))
    made.ask("YOG", serials("S1", location_id="MUC", movement_id="scanned"))
    arrive = ReceiveTransfer("a", "t", "YOG", 1, 0, "", "bob")
    assert refused(made.ask("YOG", arrive)) == Refusal.SERIAL_CONFLICT
    lost = ReceiveTransfer("b", "t", "YOG", 0, 1, "was in MUC", "bob")
    assert only(made.ask("YOG", lost), StockMoved).in_transit_change == -1


def at_most_once(made: Desk, command: ReceiveStock) -> str:
    (send,) = made.ask("YOG", command)
    return send.record.reason if isinstance(send.record, StockRefused) else "StockMoved"


def test_a_serial_number_that_was_shipped_can_come_back_but_not_one_in_quarantine() -> None:
    made = desk("serial")
    made.ask("YOG", serials("S1", "S2"))
    reserve(made, 1)
    allocate(made)
    made.ask("YOG", ShipStock("o", "1", "YOG", "bob"))
    assert pieces(made) == {"S2": (1, 0)}
    assert at_most_once(made, serials("S1", is_return=True, disposition="damaged")) == "StockMoved"
    again = serials("S1", reference="again")
    assert at_most_once(made, replace(again, movement_id="x")) == Refusal.SERIAL_CONFLICT
    scrap = ChangeDisposition("g", "YOG", "BER", 1, "damaged", "scrap", "", "ann", "S1")
    made.ask("YOG", scrap)
    assert pieces(made) == {"S2": (1, 0)}


def test_lots_begin_to_be_tracked_while_nothing_is_on_hand() -> None:
    made = desk("")
    made.ask("YOG", SetStock("YOG", "BER", 5, 0, "count"))
    tracked = SetSku("YOG", [], [], [], [], "lot", 0, [], "ann")
    assert refused(made.ask("YOG", tracked)) == Refusal.LOT_REQUIRED
    made.ask("YOG", SetStock("YOG", "BER", 0, 0, "count"))
    assert names(made.ask("YOG", tracked)) == ["SkuSet"]


def test_lots_do_not_begin_to_be_tracked_while_pieces_are_under_way_or_quarantined() -> None:
    made = desk("")
    made.ask("YOG", SetStock("YOG", "BER", 2, 0, "count"))
    made.ask("YOG", ShipTransfer("t", "YOG", "BER", "HAM", 2, 0, "", "ann"))
    tracked = SetSku("YOG", [], [], [], [], "serial", 0, [], "ann")
    assert refused(made.ask("YOG", tracked)) == Refusal.LOT_REQUIRED
    made.ask("YOG", ReceiveTransfer("a", "t", "YOG", 2, 0, "", "bob"))
    for before, after in (("sellable", "damaged"), ("damaged", "scrap")):
        assert refused(made.ask("YOG", tracked)) == Refusal.LOT_REQUIRED
        made.ask("YOG", ChangeDisposition(after, "YOG", "HAM", 2, before, after, "", "ann"))
    assert names(made.ask("YOG", tracked)) == ["SkuSet"]


def test_lots_that_are_tracked_no_more_are_forgotten_and_the_pieces_stay() -> None:
    made = stocked()
    made.ask("YOG", SetSku("YOG", [], [], [], [], "", 0, [], "ann"))
    assert BER not in made.states.kept
    assert at(made).on_hand == 12


def test_scrap_that_comes_in_needs_no_lot() -> None:
    made = desk()
    sends = made.ask("YOG", receive(2, "", disposition="scrap"))
    assert names(sends) == ["StockMoved", "StockMoved"]
    assert BER not in made.states.kept


def test_the_lots_at_a_location_are_bounded() -> None:
    made = desk("serial")
    many = [f"S{number}" for number in range(lots.MAXIMUM_LOTS)]
    made.ask("YOG", serials(*many, movement_id="many"))
    assert refused(made.ask("YOG", serials("one more"))) == Refusal.INVALID_QUANTITY
    assert at(made).on_hand == lots.MAXIMUM_LOTS
