"""The policies of what is there and on its way: movements, transfers, supply, how SKUs are handled.

The worked numbers stand beside the tests that hold them.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.inventory import Refusal, ReserveStock, StockRefused, StockState
from schemas.messages import Send
from schemas.purchasing import RecordGoodsReceipt
from schemas.stock import (
    AdjustStock,
    ChangeDisposition,
    ChannelThreshold,
    Component,
    CountStock,
    ExpectSupply,
    MovementState,
    PositionAt,
    Quota,
    ReceiveStock,
    ReceiveTransfer,
    ReorderRule,
    SetSku,
    SetStock,
    ShipTransfer,
    SkuSet,
    StockMoved,
    StockSet,
    Supply,
    SupplyExpected,
    TransferState,
    UnitOfMeasure,
)
from schemas.topics import PURCHASING_COMMANDS
from streams.inventory.agent import InventoryRoom
from streams.inventory.movements import REMEMBERED_MS
from streams.inventory.supply import MAXIMUM_SUPPLIES
from tests.unit.streams.memory import NOW, Desk, names, only
from tests.unit.streams.stockroom import Stockroom

LATER = NOW + 86_400_000
SKU = SetSku("MUG", [], [], [], [], "", 0, [], "ann")


def desk(on_hand: int = 10, reserved: int = 0) -> Desk:
    made = Desk(InventoryRoom())
    made.ask("MUG", SetStock("MUG", "BER", on_hand, 0, "count"))
    if reserved:
        made.ask("MUG", ReserveStock("o", "1", "MUG", reserved, 1, ["BER"], LATER))
    return made


def adjust(quantity: int, movement_id: str = "m1") -> AdjustStock:
    return AdjustStock(movement_id, "MUG", "BER", quantity, "broken", "ann")


def receive(quantity: int = 5, **also: Any) -> ReceiveStock:
    base = ReceiveStock(
        "r1", "MUG", "BER", quantity, "", "", "sellable", False, "po-7", "delivery", "ann"
    )
    return replace(base, **also)


def dispose(quantity: int, before: str, after: str, movement_id: str = "d1") -> ChangeDisposition:
    return ChangeDisposition(
        movement_id, "MUG", "BER", quantity, before, after, "inspection", "ann"
    )


def ship(quantity: int = 4, to: str = "HAM") -> ShipTransfer:
    return ShipTransfer("t1", "MUG", "BER", to, quantity, LATER, "rebalancing", "ann")


def arrive(quantity: int, lost: int = 0, movement_id: str = "a1") -> ReceiveTransfer:
    return ReceiveTransfer(movement_id, "t1", "MUG", quantity, lost, "arrived", "bob")


def expect(quantity: int, at_ms: int = LATER, supply_id: str = "po-7/1") -> ExpectSupply:
    return ExpectSupply(supply_id, "MUG", "BER", quantity, at_ms, "purchase")


def at(made: Desk, location_id: str = "BER") -> PositionAt:
    positions = made.state("MUG", StockState).positions
    return next(position for position in positions if position.location_id == location_id)


def refused(sends: list[Send]) -> str:
    assert names(sends) == ["StockRefused"]
    return only(sends, StockRefused).reason


def moves(sends: list[Send]) -> list[StockMoved]:
    return [send.record for send in sends if isinstance(send.record, StockMoved)]


def test_a_count_by_set_stock_tells_what_was_there_before_and_who_counted() -> None:
    made = desk(10, reserved=3)
    told = only(made.ask("MUG", SetStock("MUG", "BER", 8, 2, "count", "ann")), StockSet)
    assert (told.previously, told.on_hand, told.reserved, told.allocated) == (10, 8, 3, 0)
    assert told.actor == "ann"


def test_a_count_by_set_stock_leaves_what_is_in_transit_and_quarantined() -> None:
    made = desk()
    made.ask("MUG", dispose(2, "sellable", "damaged"))
    made.ask("MUG", SetStock("MUG", "BER", 7, 0, "count"))
    assert at(made) == PositionAt("BER", 7, 0, 0, 0, 0, 2)


@pytest.mark.parametrize(
    "command", [SetStock("MUG", "BER", -1, 0, "c"), SetStock("MUG", "BER", 1, -1, "c")]
)
def test_no_count_is_below_zero(command: SetStock) -> None:
    assert refused(desk().ask("MUG", command)) == Refusal.INVALID_QUANTITY


def test_an_adjustment_is_a_line_of_the_ledger_with_the_position_afterwards() -> None:
    told = only(desk(10, reserved=3).ask("MUG", adjust(-2)), StockMoved)
    assert (told.movement, told.quantity, told.on_hand, told.reserved) == ("adjustment", -2, 8, 3)
    assert (told.reason, told.actor, told.movement_id) == ("broken", "ann", "m1")


def test_the_same_movement_again_changes_nothing_and_another_under_its_id_is_refused() -> None:
    made = desk()
    made.ask("MUG", adjust(-2))
    assert made.ask("MUG", adjust(-2)) == []
    assert at(made).on_hand == 8
    event = only(made.ask("MUG", adjust(-3)), StockRefused)
    assert (event.reason, event.movement_id) == (Refusal.MOVEMENT_CONFLICT, "m1")
    assert (event.location_id, event.actor, event.quantity) == ("BER", "ann", -3)
    assert at(made).on_hand == 8


def test_a_movement_of_another_kind_under_the_same_id_is_a_conflict() -> None:
    made = desk()
    made.ask("MUG", adjust(1))
    assert refused(made.ask("MUG", receive(movement_id="m1"))) == Refusal.MOVEMENT_CONFLICT


def test_a_movement_without_an_id_is_refused() -> None:
    assert refused(desk().ask("MUG", adjust(1, ""))) == Refusal.MOVEMENT_CONFLICT


def test_a_refused_movement_may_come_again_when_its_cause_is_gone() -> None:
    made = desk(10)
    assert refused(made.ask("MUG", adjust(-11))) == Refusal.OUT_OF_STOCK
    made.ask("MUG", SetStock("MUG", "BER", 12, 0, "count"))
    assert only(made.ask("MUG", adjust(-11)), StockMoved).on_hand == 1


def test_a_movement_is_forgotten_after_thirty_days() -> None:
    made = desk()
    made.ask("MUG", adjust(1))
    key = "MUG|@movement|m1"
    assert made.state(key, MovementState).wake_at_ms == NOW + REMEMBERED_MS
    assert made.wake(key, REMEMBERED_MS) == []
    assert key not in made.states.kept


def test_nothing_takes_pieces_that_are_held_for_orders() -> None:
    made = desk(10, reserved=7)
    assert refused(made.ask("MUG", adjust(-4))) == Refusal.BELOW_RESERVED
    count = CountStock("c", "MUG", "BER", 6, "cycle", "ann")
    assert refused(made.ask("MUG", count)) == Refusal.BELOW_RESERVED
    assert refused(made.ask("MUG", dispose(4, "sellable", "damaged"))) == Refusal.BELOW_RESERVED
    assert refused(made.ask("MUG", ship(4))) == Refusal.BELOW_RESERVED
    assert names(made.ask("MUG", adjust(-3))) == ["StockMoved"]


def test_an_adjustment_needs_a_position_and_a_difference() -> None:
    made = Desk(InventoryRoom())
    assert refused(made.ask("MUG", adjust(1))) == Refusal.UNKNOWN_SKU
    made.ask("MUG", SetStock("MUG", "HAM", 1, 0, "count"))
    assert refused(made.ask("MUG", adjust(1))) == Refusal.UNKNOWN_POSITION
    assert refused(desk().ask("MUG", adjust(0))) == Refusal.INVALID_QUANTITY


def test_a_cycle_count_is_told_as_a_difference_even_where_there_is_none() -> None:
    made = desk(10)
    told = only(made.ask("MUG", CountStock("c", "MUG", "BER", 7, "cycle", "ann")), StockMoved)
    assert (told.movement, told.quantity, told.on_hand) == ("count", -3, 7)
    told = only(made.ask("MUG", CountStock("d", "MUG", "BER", 7, "cycle", "ann")), StockMoved)
    assert (told.quantity, told.on_hand) == (0, 7)
    told = only(made.ask("MUG", CountStock("e", "MUG", "HAM", 2, "cycle", "ann")), StockMoved)
    assert (told.location_id, told.quantity, told.on_hand) == ("HAM", 2, 2)


def test_a_receipt_counts_in_the_unit_that_it_came_in() -> None:
    """3 cases of 12 are 36 pieces, on 10 that are there."""
    made = desk(10)
    made.ask("MUG", replace(SKU, units=[UnitOfMeasure("CS", 12)]))
    told = only(made.ask("MUG", receive(3, unit="CS")), StockMoved)
    assert (told.movement, told.quantity, told.on_hand, told.reference) == (
        "receipt", 36, 46, "po-7",
    )  # fmt: skip
    other = receive(1, unit="PAL", movement_id="r2")
    assert refused(made.ask("MUG", other)) == Refusal.UNKNOWN_UNIT
    none = receive(0, movement_id="r3")
    assert refused(made.ask("MUG", none)) == Refusal.INVALID_QUANTITY


def test_a_receipt_opens_the_sku_and_its_position() -> None:
    made = Desk(InventoryRoom())
    made.ask("MUG", receive(5))
    assert at(made) == PositionAt("BER", 5, 0, 0)


@pytest.mark.parametrize("disposition", ["refurbish", "damaged"])
def test_a_return_that_is_not_sellable_is_quarantined(disposition: str) -> None:
    told = only(
        desk(10).ask("MUG", receive(2, disposition=disposition, is_return=True)), StockMoved
    )
    assert (told.movement, told.quantity, told.quarantined_change) == ("return", 0, 2)
    assert (told.on_hand, told.quarantined) == (10, 2)


def test_scrap_that_comes_in_is_told_as_come_and_as_thrown_away() -> None:
    came, gone = moves(desk(10).ask("MUG", receive(2, disposition="scrap", is_return=True)))
    assert (came.movement, came.quarantined_change, came.quarantined) == ("return", 2, 2)
    assert (gone.movement, gone.quarantined_change, gone.quarantined) == ("disposition", -2, 0)
    assert came.on_hand == gone.on_hand == 10


def test_goods_leave_sale_come_back_and_are_scrapped() -> None:
    """10 on sale; 4 damaged leaves 6 and 4; 3 of them back, 9 and 1; 1 scrapped, 9 and 0."""
    made = desk(10)
    seen = []
    for number, (quantity, before, after) in enumerate(
        [(4, "sellable", "damaged"), (3, "refurbish", "sellable"), (1, "damaged", "scrap")]
    ):
        told = only(made.ask("MUG", dispose(quantity, before, after, str(number))), StockMoved)
        seen.append((told.quantity, told.quarantined_change, told.on_hand, told.quarantined))
    assert seen == [(-4, 4, 6, 4), (3, -3, 9, 1), (0, -1, 9, 0)]
    told = only(made.ask("MUG", dispose(2, "sellable", "scrap", "x")), StockMoved)
    assert (told.quantity, told.quarantined_change, told.on_hand) == (-2, 0, 7)


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (dispose(0, "sellable", "damaged"), Refusal.INVALID_QUANTITY),
        (dispose(1, "scrap", "sellable"), Refusal.INVALID_QUANTITY),
        (dispose(1, "sellable", "sellable"), Refusal.INVALID_QUANTITY),
        (dispose(1, "damaged", "sellable"), Refusal.OUT_OF_STOCK),
        (dispose(11, "sellable", "damaged"), Refusal.OUT_OF_STOCK),
    ],
)
def test_pieces_that_are_not_there_do_not_change(
    command: ChangeDisposition, reason: Refusal
) -> None:
    assert refused(desk(10).ask("MUG", command)) == reason


def test_a_word_that_is_no_disposition_is_no_command() -> None:
    with pytest.raises(ValueError, match="mouldy"):
        desk().ask("MUG", receive(1, disposition="mouldy"))


def test_a_transfer_is_under_way_until_it_is_received_or_lost() -> None:
    """10 at BER, 4 leave for HAM: 6 and 4 in transit. 2 come, then 1 comes and 1 is lost."""
    made = desk(10)
    left, coming = moves(made.ask("MUG", ship(4)))
    assert (left.location_id, left.quantity, left.on_hand) == ("BER", -4, 6)
    assert (coming.location_id, coming.quantity, coming.in_transit_change) == ("HAM", 0, 4)
    assert (coming.on_hand, coming.in_transit, coming.reference) == (0, 4, "t1")
    (part,) = moves(made.ask("MUG", arrive(2)))
    assert (part.movement, part.quantity, part.in_transit_change) == ("transfer_in", 2, -2)
    assert (part.on_hand, part.in_transit) == (2, 2)
    assert made.state("MUG|@transfer|t1", TransferState).quantity == 2
    came, lost = moves(made.ask("MUG", arrive(1, 1, "a2")))
    assert (came.on_hand, came.in_transit) == (3, 1)
    assert (lost.movement, lost.quantity, lost.in_transit_change) == ("transfer_loss", 0, -1)
    assert (lost.on_hand, lost.in_transit) == (3, 0)
    assert "MUG|@transfer|t1" not in made.states.kept
    again = made.ask("MUG", arrive(1, 0, "a3"))
    assert refused(again) == Refusal.UNKNOWN_TRANSFER


def test_no_more_of_a_transfer_comes_than_is_under_way() -> None:
    made = desk(10)
    made.ask("MUG", ship(4))
    event = only(made.ask("MUG", arrive(3, 2)), StockRefused)
    assert (event.reason, event.location_id) == (Refusal.INVALID_QUANTITY, "HAM")
    for quantity, lost in ((0, 0), (-1, 2), (2, -1)):
        assert refused(made.ask("MUG", arrive(quantity, lost))) == Refusal.INVALID_QUANTITY
    assert at(made, "HAM").in_transit == 4


def test_a_transfer_goes_somewhere_else_with_pieces_that_are_there() -> None:
    made = desk(10)
    assert refused(made.ask("MUG", ship(1, "BER"))) == Refusal.INVALID_QUANTITY
    assert refused(made.ask("MUG", ship(0))) == Refusal.INVALID_QUANTITY
    assert refused(made.ask("MUG", ship(11))) == Refusal.OUT_OF_STOCK


def test_a_transfer_that_is_under_way_for_months_does_not_leave_twice() -> None:
    made = desk(10)
    made.ask("MUG", ship(4))
    made.wake("MUG|@movement|t1", REMEMBERED_MS)
    assert refused(made.ask("MUG", ship(4))) == Refusal.MOVEMENT_CONFLICT
    assert at(made).on_hand == 6


def test_supply_is_set_slips_and_is_withdrawn_and_stands_earliest_first() -> None:
    made = desk()
    told = only(made.ask("MUG", expect(20)), SupplyExpected)
    assert (told.quantity, told.previously, told.expected_at_ms) == (20, 0, LATER)
    made.ask("MUG", expect(5, LATER + 1, "po-8/1"))
    made.ask("MUG", expect(6, 0, "po-9/1"))
    assert made.ask("MUG", expect(20)) == []
    slipped = only(made.ask("MUG", expect(20, LATER + 2)), SupplyExpected)
    assert (slipped.quantity, slipped.previously, slipped.expected_at_ms) == (20, 20, LATER + 2)
    supplies = made.state("MUG", StockState).supplies
    assert [one.supply_id for one in supplies] == ["po-8/1", "po-7/1", "po-9/1"]
    gone = only(made.ask("MUG", expect(0)), SupplyExpected)
    assert (gone.quantity, gone.previously) == (0, 20)
    assert made.ask("MUG", expect(0)) == []
    assert refused(made.ask("MUG", expect(-1))) == Refusal.INVALID_QUANTITY


def test_the_supplies_of_a_sku_are_bounded() -> None:
    made = desk()
    stock = made.state("MUG", StockState)
    supplies = [Supply(f"s{number}", "BER", 1, LATER) for number in range(MAXIMUM_SUPPLIES)]
    made.states.put("MUG", replace(stock, supplies=supplies))
    event = only(made.ask("MUG", expect(1)), StockRefused)
    assert (event.reason, event.movement_id) == (Refusal.QUEUE_FULL, "po-7/1")
    assert names(made.ask("MUG", expect(2, supply_id="s0"))) == ["SupplyExpected"]


def test_what_has_come_of_a_supply_is_expected_no_more() -> None:
    """Of 20, 15 come: 5 are still to come. Then 8 come: 0, not less."""
    made = desk(0)
    made.ask("MUG", expect(20))
    told = only(made.ask("MUG", receive(15, supply_id="po-7/1")), SupplyExpected)
    assert (told.quantity, told.previously) == (5, 20)
    told = only(made.ask("MUG", receive(8, supply_id="po-7/1", movement_id="r2")), SupplyExpected)
    assert (told.quantity, told.previously) == (0, 5)
    assert made.state("MUG", StockState).supplies == []
    assert at(made).on_hand == 23
    late = made.ask("MUG", receive(1, supply_id="po-7/1", movement_id="r3"))
    assert names(late) == ["StockMoved"]


def test_how_a_sku_is_handled_is_told_once_and_quotas_keep_what_is_consumed() -> None:
    made = desk()
    quota = Quota("vip", "", "vip", 5, 0)
    command = replace(SKU, thresholds=[ChannelThreshold("shop", 2)], quotas=[quota], low_at=3)
    told = only(made.ask("MUG", command), SkuSet)
    assert (told.low_at, told.quotas, told.actor) == (3, [quota], "ann")
    assert made.ask("MUG", command) == []
    stock = made.state("MUG", StockState)
    made.states.put("MUG", replace(stock, quotas=[replace(quota, consumed=4)]))
    more = replace(command, quotas=[replace(quota, quantity=9), Quota("web", "web", "", 1, 7)])
    told = only(made.ask("MUG", more), SkuSet)
    assert [(one.quota_id, one.quantity, one.consumed) for one in told.quotas] == [
        ("vip", 9, 4), ("web", 1, 0),
    ]  # fmt: skip
    assert at(made).on_hand == 10


RULE = ReorderRule("BER", 5, 0.95, 0, 7, 0, 0)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"low_at": -1},
        {"tracking": "batch"},
        {"thresholds": [ChannelThreshold("shop", -1)]},
        {"thresholds": [ChannelThreshold("shop", 1), ChannelThreshold("shop", 2)]},
        {"quotas": [Quota("q", "", "", 1, 0)]},
        {"quotas": [Quota("q", "shop", "vip", 1, 0)]},
        {"quotas": [Quota("q", "shop", "", -1, 0)]},
        {"units": [UnitOfMeasure("CS", 0)]},
        {"components": [Component("TEE", 0)]},
        {"components": [Component("MUG", 1)]},
        {"components": [Component("TEE", 1)], "tracking": "lot"},
        {"reorder": [replace(RULE, service_level=1.0)]},
        {"reorder": [replace(RULE, service_level=float("nan"))]},
        {"reorder": [replace(RULE, lead_time_days=-1)]},
        {"reorder": [RULE, RULE]},
    ],
)
def test_nonsense_about_a_sku_is_refused(nonsense: dict[str, Any]) -> None:
    made = desk()
    assert refused(made.ask("MUG", replace(SKU, **nonsense))) == Refusal.INVALID_QUANTITY
    assert made.state("MUG", StockState).positions


def test_only_a_sku_without_stock_becomes_a_kit_and_a_kit_gets_none() -> None:
    kit = replace(SKU, components=[Component("TEE", 2)])
    assert refused(desk().ask("MUG", kit)) == Refusal.KIT_HAS_NO_STOCK
    made = desk(0)
    assert names(made.ask("MUG", kit)) == ["SkuSet"]
    for command in (
        SetStock("MUG", "BER", 1, 0, "count"),
        receive(1),
        CountStock("c", "MUG", "BER", 1, "cycle", "ann"),
        expect(1),
    ):
        assert refused(made.ask("MUG", command)) == Refusal.KIT_HAS_NO_STOCK


@pytest.mark.parametrize("sku", ["A|B", "@locations"])
def test_a_name_that_would_run_into_other_keys_never_gets_stock(sku: str) -> None:
    made = Desk(InventoryRoom())
    assert refused(made.ask(sku, SetStock(sku, "BER", 1, 0, "count"))) == Refusal.UNKNOWN_SKU
    assert made.states.kept == {}


def test_a_command_under_a_foreign_key_is_none() -> None:
    with pytest.raises(ValueError, match="TEE"):
        Desk(InventoryRoom()).ask("TEE", SetStock("MUG", "BER", 1, 0, "count"))


QUANTITY = st.integers(-2, 6)
DISPOSITION = st.sampled_from(["sellable", "refurbish", "damaged", "scrap"])
PLACE = st.sampled_from(["BER", "HAM"])
COMMANDS = st.one_of(
    st.builds(AdjustStock, st.just(""), st.just("MUG"), PLACE, QUANTITY, st.just(""), st.just("")),
    st.builds(CountStock, st.just(""), st.just("MUG"), PLACE, QUANTITY, st.just(""), st.just("")),
    st.builds(
        lambda place, quantity, kind: receive(quantity, location_id=place, disposition=kind),
        PLACE, QUANTITY, DISPOSITION,
    ),
    st.builds(
        lambda place, quantity, before, after: replace(
            dispose(quantity, before, after), location_id=place
        ),
        PLACE, QUANTITY, DISPOSITION, DISPOSITION,
    ),
    st.builds(
        lambda source, target, quantity: replace(
            ship(quantity, target), from_location_id=source
        ),
        PLACE, PLACE, QUANTITY,
    ),
    st.builds(lambda quantity, lost: arrive(quantity, lost), QUANTITY, QUANTITY),
    st.builds(
        lambda name, quantity, place: ReserveStock(name, "1", "MUG", quantity, 1, [place], LATER),
        st.sampled_from(["o", "p"]), st.integers(1, 4), PLACE,
    ),
)  # fmt: skip


@given(st.lists(COMMANDS, max_size=25))
def test_the_ledger_adds_up_to_the_positions_whatever_is_asked(commands: list[Any]) -> None:
    made = desk(6)
    sums = {"BER": [6, 0, 0], "HAM": [0, 0, 0]}
    for number, command in enumerate(commands):
        if hasattr(command, "movement_id") and not isinstance(command, ShipTransfer):
            command = replace(command, movement_id=f"m{number}")
        for line in moves(made.ask("MUG", command)):
            of = sums[line.location_id]
            of[0] += line.quantity
            of[1] += line.in_transit_change
            of[2] += line.quarantined_change
            assert [line.on_hand, line.in_transit, line.quarantined] == of
        for position in made.state("MUG", StockState).positions:
            held = position.reserved + position.allocated
            assert 0 <= held <= position.on_hand
            assert min(position.in_transit, position.quarantined) >= 0


def test_purchasing_is_told_whether_its_goods_are_in_stock_and_told_again() -> None:
    made = Stockroom()
    made.stock(BER=1)
    goods = ReceiveStock(
        "po-1/d/1", "MUG", "BER", 4, "", "po-1/1", "sellable", False, "po-1", "", "dock",
        purchase_order_id="po-1",
    )  # fmt: skip
    taken_in = RecordGoodsReceipt("po-1", "po-1/d/1", "MUG", True, "")
    for _ in range(2):
        sends = made.ask("MUG", goods)
        assert only(sends, RecordGoodsReceipt) == taken_in
        assert [(send.topic, send.key) for send in sends if send.record == taken_in] == [
            (PURCHASING_COMMANDS, "po-1")
        ]
    assert made.at("BER").on_hand == 5
    other = replace(goods, quantity=5)
    assert only(made.ask("MUG", other), RecordGoodsReceipt).reason == Refusal.MOVEMENT_CONFLICT
    kit = replace(goods, sku="SET")
    made.stock("SET", components={"MUG": 1})
    assert only(made.ask("SET", kit), RecordGoodsReceipt) == RecordGoodsReceipt(
        "po-1", "po-1/d/1", "SET", False, Refusal.KIT_HAS_NO_STOCK
    )
    assert "RecordGoodsReceipt" not in names(
        made.ask("MUG", replace(goods, movement_id="m", purchase_order_id=""))
    )
