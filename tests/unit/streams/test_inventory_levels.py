"""The policies of what is told about each SKU, and of the sum that says why."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from schemas import availability
from schemas.availability import Step, explain
from schemas.inventory import ReserveStock, StockState
from schemas.locations import (
    ChannelSourcing,
    LocationsState,
    RegisterLocation,
    SetChannelSourcing,
    SwitchLocation,
    registered,
    sourced,
    switched,
)
from schemas.messages import Send
from schemas.records import Record
from schemas.stock import (
    ChannelLevel,
    ChannelThreshold,
    Component,
    ExpectSupply,
    LocationLevel,
    PositionAt,
    Quota,
    SetSku,
    SetStock,
    StockLevelChanged,
    StockLevels,
)
from streams.inventory.agent import InventoryRoom
from tests.unit.streams.memory import NOW, Desk, names, only

SKU = SetSku("MUG", [], [], [], [], "", 0, [], "ann")
DAY = 86_400_000


class Batch(Desk):
    """A room that also tells about the batch."""

    def told(self, *keys: str) -> list[Send]:
        """What is written at the end of a batch that has changed the keys."""
        room = self.room
        assert isinstance(room, InventoryRoom)
        return room.summarise(keys or tuple(self.states.kept), self.states, self.now)

    def levels(self) -> StockLevels:
        """What is told of MUG."""
        return only(self.told("MUG"), StockLevels)


def batch(**on_hand: int) -> Batch:
    made = Batch(InventoryRoom())
    for location_id, count in on_hand.items():
        made.ask("MUG", SetStock("MUG", location_id, count, 0, "count"))
    return made


def locate(made: Batch, location_id: str, *groups: str, active: bool = True) -> None:
    command = RegisterLocation(location_id, location_id, "DE", 0, 0, active, "", [*groups])
    made.ask(location_id, command)


def reserve(made: Batch, quantity: int, location_id: str = "BER") -> None:
    made.ask("MUG", ReserveStock("o", "1", "MUG", quantity, 1, [location_id], NOW + 1))


def channels(told: StockLevels) -> dict[str, int]:
    return {one.channel: one.available for one in told.channels}


def test_each_location_is_told_with_what_may_be_sold_of_it() -> None:
    made = batch(HAM=3, BER=10)
    made.ask("MUG", SetStock("MUG", "BER", 10, 2, "count"))
    reserve(made, 3)
    told = made.levels()
    assert told.available == 8
    assert told.locations == [
        LocationLevel("BER", 10, 3, 0, 2, 0, 0, 0, 5, True),
        LocationLevel("HAM", 3, 0, 0, 0, 0, 0, 0, 3, True),
    ]
    assert (told.channels, told.level, told.at_ms) == ([], "ok", NOW)


def test_a_batch_tells_once_of_each_sku_and_of_nothing_else() -> None:
    made = batch(BER=10)
    locate(made, "BER")
    reserve(made, 1)
    made.ask("TEE", SetStock("TEE", "BER", 1, 0, "count"))
    sends = made.told()
    assert sorted(send.key for send in sends) == ["MUG", "TEE"]
    assert {send.topic.name for send in sends} == {"inventory.levels"}


def test_channels_do_not_sell_from_a_location_that_is_switched_off_or_not_active() -> None:
    made = batch(BER=10, HAM=4, MUC=1)
    locate(made, "HAM", active=False)
    made.ask("BER", SwitchLocation("BER", False, True, "fire", "ann"))
    told = made.levels()
    assert told.available == 1
    assert [(one.location_id, one.available, one.selling) for one in told.locations] == [
        ("BER", 10, False), ("HAM", 4, False), ("MUC", 1, True),
    ]  # fmt: skip
    made.ask("BER", SwitchLocation("BER", True, True, "over", "ann"))
    assert made.levels().available == 11


def test_a_channel_sells_from_the_groups_of_locations_that_it_was_given() -> None:
    made = batch(BER=10, HAM=4, MUC=1)
    locate(made, "BER", "warehouses")
    locate(made, "HAM", "stores", "stores-de")
    made.ask("shop", SetChannelSourcing("shop", ["stores", "warehouses"], "ann"))
    made.ask("pos", SetChannelSourcing("pos", ["stores-de"], "ann"))
    told = made.levels()
    assert told.channels == [
        ChannelLevel("pos", 4, ["BER", "MUC"]),
        ChannelLevel("shop", 14, ["MUC"]),
    ]
    made.ask("pos", SetChannelSourcing("pos", [], "ann"))
    assert channels(made.levels()) == {"shop": 14}


def test_a_threshold_is_left_at_each_location() -> None:
    """10, 4 and 1 pieces less 3 at each: 7, 1 and none."""
    made = batch(BER=10, HAM=4, MUC=1)
    made.ask("MUG", replace(SKU, thresholds=[ChannelThreshold("shop", 3)]))
    told = made.levels()
    assert (told.available, channels(told)) == (15, {"shop": 8})


def test_a_threshold_comes_on_top_of_safety_stock() -> None:
    """5 on hand, 4 reserved, 2 safety stock: already 1 too few, and nothing is left for anyone."""
    made = batch(BER=5)
    reserve(made, 4)
    made.ask("MUG", SetStock("MUG", "BER", 5, 2, "count"))
    made.ask("MUG", replace(SKU, thresholds=[ChannelThreshold("shop", 1)]))
    told = made.levels()
    assert (told.available, channels(told)) == (0, {"shop": 0})


def test_what_quotas_keep_is_sold_by_nobody_else() -> None:
    """15 pieces; 6 kept for shop, of which 2 are used, and 5 for a group: 4 and 5 are left kept."""
    made = batch(BER=10, HAM=5)
    quotas = [Quota("s", "shop", "", 6, 0), Quota("v", "", "vip", 5, 0)]
    made.ask("MUG", replace(SKU, quotas=quotas))
    stock = made.state("MUG", StockState)
    made.states.put("MUG", replace(stock, quotas=[replace(quotas[0], consumed=2), quotas[1]]))
    told = made.levels()
    assert (told.available, channels(told)) == (15 - 4 - 5, {"shop": 15 - 5})


def test_expected_supply_is_told_also_where_nothing_has_been_so_far() -> None:
    made = batch(BER=1)
    for number, (location_id, quantity) in enumerate([("BER", 5), ("BER", 6), ("HAM", 7)]):
        made.ask(
            "MUG",
            ExpectSupply(f"s{number}", "MUG", location_id, quantity, NOW + 9 - number, "po"),
        )
    told = made.levels()
    assert [(one.location_id, one.expected) for one in told.locations] == [("BER", 11), ("HAM", 7)]
    assert (told.available, told.next_supply_at_ms) == (1, NOW + 7)


def test_lines_that_wait_are_told_with_their_pieces() -> None:
    made = batch(BER=1)
    made.ask("MUG", ReserveStock("o", "1", "MUG", 3, 1, ["BER"], NOW, "", "", True))
    assert made.levels().backordered == 3


def test_a_sku_runs_low_runs_out_and_is_well_stocked_again_and_each_is_told_once() -> None:
    """Low at 4: 10 is ok, 4 is low, 3 is still low, 0 is out, 9 is ok."""
    made = batch(BER=10)
    made.ask("MUG", replace(SKU, low_at=4))
    seen: list[tuple[str, str, int]] = []
    for count in (10, 4, 3, 0, 9, 9):
        made.ask("MUG", SetStock("MUG", "BER", count, 0, "count"))
        for send in made.told("MUG"):
            if isinstance(send.record, StockLevelChanged):
                event = send.record
                seen.append((event.previously, event.level, event.available))
    assert seen == [("ok", "low", 4), ("low", "out", 0), ("out", "ok", 9)]
    assert made.state("MUG", StockState).level == "ok"


def test_a_sku_that_is_only_announced_has_not_run_out() -> None:
    made = batch()
    made.ask("MUG", replace(SKU, low_at=4))
    sends = made.told("MUG")
    assert names(sends) == ["StockLevels"]
    assert only(sends, StockLevels).level == "out"
    made.ask("MUG", SetStock("MUG", "BER", 0, 0, "count"))
    assert only(made.told("MUG"), StockLevelChanged).level == "out"


def test_pieces_that_a_quota_keeps_are_no_reason_to_call_a_sku_out() -> None:
    made = batch(BER=5)
    made.ask("MUG", replace(SKU, quotas=[Quota("s", "shop", "", 5, 0)]))
    told = made.levels()
    assert (told.available, told.level, channels(told)) == (0, "ok", {"shop": 5})


def test_a_kit_is_told_by_its_components() -> None:
    made = batch()
    made.ask("MUG", replace(SKU, components=[Component("TEE", 2)]))
    sends = made.told("MUG")
    assert names(sends) == ["StockLevels"]
    told = only(sends, StockLevels)
    assert (told.available, told.level, told.components) == (0, "", [Component("TEE", 2)])


def test_a_switch_alone_rewrites_no_sku() -> None:
    made = batch(BER=10)
    made.ask("BER", SwitchLocation("BER", False, True, "fire", "ann"))
    assert made.told("@locations") == []


def test_what_a_location_is_stays_where_a_command_leaves_it_empty() -> None:
    full = RegisterLocation("BER", "Berlin", "DE", 52.5, 13.4, True, "store", ["stores"], 40)
    known = registered(None, full)
    assert registered(known, RegisterLocation("BER", "", "", 0, 0, False)) == known
    (after,) = registered(known, RegisterLocation("BER", "Mitte", "", 0, 0, False)).locations
    assert (after.name, after.country, after.latitude, after.active) == ("Mitte", "DE", 52.5, False)
    assert (after.kind, after.groups, after.daily_capacity) == ("store", ["stores"], 40)


def test_a_location_that_nobody_described_is_a_warehouse_of_its_own_name() -> None:
    (known,) = registered(None, RegisterLocation("BER", "", "", 0, 0, True)).locations
    assert (known.name, known.kind, known.active, known.selling) == ("BER", "warehouse", True, True)


def test_a_stop_holds_before_and_after_the_location_is_registered() -> None:
    stopped = switched(None, SwitchLocation("BER", False, False, "fire", "ann"))
    known = registered(stopped, RegisterLocation("BER", "Berlin", "DE", 0, 0, True))
    (location,) = known.locations
    assert (location.name, location.selling, location.fulfilling) == ("Berlin", False, False)


def test_locations_and_channels_stand_in_order_and_say_everything_once() -> None:
    known: LocationsState | None = None
    for name in ("MUC", "BER", "MUC"):
        known = registered(known, RegisterLocation(name, "", "", 0, 0, True))
    for channel, groups in (("shop", ["b", "a", "b"]), ("pos", ["c"]), ("shop", ["b", "a"])):
        known = sourced(known, SetChannelSourcing(channel, groups, "ann"))
    assert known is not None
    assert [one.location_id for one in known.locations] == ["BER", "MUC"]
    assert known.channels == [ChannelSourcing("pos", ["c"]), ChannelSourcing("shop", ["a", "b"])]


@pytest.fixture
def rich() -> Batch:
    """BER 10, 2 of it reserved, 1 safety stock, 20 coming; HAM 4; MUC 3, not selling.

    shop leaves 2 at each and sells not from HAM; 3 are kept for pos; 5 wait.
    """
    made = batch(HAM=4, MUC=3)
    made.ask("MUG", SetStock("MUG", "BER", 10, 1, "count"))
    reserve(made, 2)
    for name, group in (("BER", "east"), ("HAM", "north"), ("MUC", "east")):
        locate(made, name, group)
    commands: list[Record] = [
        SwitchLocation("MUC", False, True, "", ""),
        SetChannelSourcing("shop", ["east"], ""),
        replace(
            SKU,
            thresholds=[ChannelThreshold("shop", 2)],
            quotas=[Quota("p", "pos", "", 3, 0)],
        ),
        ExpectSupply("s", "MUG", "BER", 20, NOW + DAY, "po"),
        ExpectSupply("u", "MUG", "BER", 9, 0, "po"),
        ReserveStock("w", "1", "MUG", 50, 1, ["BER"], NOW, "", "", True),
    ]
    for command in commands:
        made.ask("MUG", command)
    return made


def total(steps: list[Step]) -> int:
    assert steps[-1].label == availability.AVAILABLE
    assert sum(step.pieces for step in steps[:-1]) == steps[-1].pieces
    return steps[-1].pieces


def test_the_sum_of_a_location_says_each_step(rich: Batch) -> None:
    """10 less 2, 1 and 2 are 5; shop may sell 5 at BER less the 3 of pos over all: 2."""
    assert explain(rich.levels(), "BER", "shop") == [
        ("on hand", 10),
        ("reserved", -2),
        ("safety stock", -1),
        ("threshold of the channel", -2),
        ("more than the channel may sell over all locations", -3),
        ("available to promise", 2),
    ]


def test_the_sum_over_all_locations_has_one_step_for_each(rich: Batch) -> None:
    told = rich.levels()
    assert explain(told, "", "shop") == [
        ("BER", 5), ("HAM", 0), ("MUC", 0), ("kept by quotas for others", -3),
        ("available to promise", 2),
    ]  # fmt: skip
    assert explain(told, "", "pos") == [
        ("BER", 7), ("HAM", 4), ("MUC", 0), ("available to promise", 11),
    ]  # fmt: skip
    assert total(explain(told)) == told.available == 8


def test_the_sum_agrees_with_what_is_told_of_each_channel(rich: Batch) -> None:
    told = rich.levels()
    for one in told.channels:
        assert total(explain(told, "", one.channel)) == one.available


def test_supply_counts_from_its_date_on_after_the_lines_that_wait(rich: Batch) -> None:
    """5 and 20 at BER are 25; 3 kept and, of the 50 that wait, the 22 that are left: nothing."""
    told = rich.levels()
    steps = explain(told, "", "shop", NOW + DAY)
    assert steps == [
        ("BER", 25), ("HAM", 0), ("MUC", 0),
        ("kept by quotas for others", -3), ("waiting lines come first", -22),
        ("available to promise", 0),
    ]  # fmt: skip
    assert total(explain(replace(told, backordered=4), "", "shop", NOW + DAY)) == 18
    assert total(explain(told, "", "shop", NOW + DAY - 1)) == 0
    assert ("expected until then", 20) in explain(told, "BER", "", NOW + DAY)


@pytest.mark.parametrize(
    ("location_id", "steps"),
    [
        ("MUC", [("on hand", 3), ("threshold of the channel", -2),
                 ("channels do not sell from here", -1), ("available to promise", 0)]),
        ("HAM", [("on hand", 4), ("threshold of the channel", -2),
                 ("the channel does not sell from here", -2), ("available to promise", 0)]),
        ("XXX", [("available to promise", 0)]),
    ],
)  # fmt: skip
def test_the_sum_says_why_nothing_is_sold_from_a_location(
    rich: Batch, location_id: str, steps: list[Any]
) -> None:
    assert explain(rich.levels(), location_id, "shop") == steps


def test_less_than_nothing_at_one_location_takes_nothing_from_another() -> None:
    made = batch(BER=5, HAM=5)
    reserve(made, 4)
    made.ask("MUG", SetStock("MUG", "BER", 5, 3, "count"))
    told = made.levels()
    assert explain(told, "BER")[-2:] == [
        ("less than nothing is nothing", 2),
        ("available to promise", 0),
    ]
    assert total(explain(told)) == told.available == 5


def test_a_position_of_which_nothing_is_left_is_still_told() -> None:
    made = batch(BER=0)
    assert made.state("MUG", StockState).positions == [PositionAt("BER", 0, 0, 0)]
    assert made.levels().locations == [LocationLevel("BER", 0, 0, 0, 0, 0, 0, 0, 0, True)]
