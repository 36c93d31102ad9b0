"""The policies of telling levels anew after a change of locations or sourcing."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from schemas.inventory import StockState
from schemas.locations import RegisterLocation, SetChannelSourcing, SwitchLocation
from schemas.messages import Send
from schemas.records import Record
from schemas.stock import ExpectSupply, SetStock, SkusState, StockLevelChanged, StockLevels
from streams.inventory import sweep
from streams.inventory.agent import InventoryRoom
from tests.unit.streams.memory import Desk

OFF = SwitchLocation("BER", False, True, "fire", "ann")
ON = SwitchLocation("BER", True, True, "over", "ann")


class Shop(Desk):
    """A room whose batches are summed up, and what it has told last of each SKU."""

    def __init__(self) -> None:
        super().__init__(InventoryRoom())
        self.told: dict[str, StockLevels] = {}
        self.crossed: list[StockLevelChanged] = []

    def batch(self, *commands: tuple[str, Record]) -> list[str]:
        """The SKUs that one batch tells of."""
        sends = [send for key, command in commands for send in self.ask(key, command)]
        return self._sum_up(sends, [key for key, _ in commands])

    def turn(self) -> list[str]:
        """The SKUs that one turn of the round tells of."""
        before = dict(self.states.kept)
        sends = self.wake(sweep.KEY)
        kept = self.states.kept
        return self._sum_up(sends, [key for key in kept if kept[key] is not before.get(key)])

    def round(self) -> list[str]:
        """The SKUs that are told until the round is over."""
        found = []
        while self.state(sweep.KEY, SkusState).next:
            self.now = max(self.now, self.state(sweep.KEY, SkusState).wake_at_ms)
            found += self.turn()
        return sorted(found)

    def _sum_up(self, sends: list[Send], changed: list[str]) -> list[str]:
        assert isinstance(self.room, InventoryRoom)
        told = []
        for send in [*sends, *self.room.summarise(changed, self.states, self.now)]:
            record = send.record
            if isinstance(record, StockLevels):
                self.told[record.sku] = record
                told.append(record.sku)
            elif isinstance(record, StockLevelChanged):
                self.crossed.append(record)
        return sorted(told)


def shop(**places: str) -> Shop:
    """Ten pieces of each SKU at its places."""
    made = Shop()
    for sku, names in places.items():
        made.batch(*((sku, SetStock(sku, name, 10, 0, "count")) for name in names.split()))
    return made


def test_a_switch_is_told_of_each_sku_that_stands_there_and_of_no_other() -> None:
    made = shop(MUG="BER HAM", TEE="HAM", POT="BER")
    made.batch(("POT", ExpectSupply("s", "POT", "MUC", 5, 0, "")))
    made.batch(("LID", ExpectSupply("t", "LID", "BER", 5, 0, "")))
    assert made.batch(("BER", OFF)) == []
    assert made.told["MUG"].available == 20
    assert made.round() == ["LID", "MUG", "POT"]
    assert [made.told[sku].available for sku in ("MUG", "TEE", "POT")] == [10, 10, 0]
    assert [one.sku for one in made.crossed] == ["POT"]
    made.batch(("BER", ON))
    assert made.round() == ["LID", "MUG", "POT"]
    assert [made.told[sku].available for sku in ("MUG", "TEE", "POT")] == [20, 10, 10]


def test_other_sourcing_is_told_of_every_sku() -> None:
    made = shop(MUG="BER", TEE="HAM")
    made.batch(("web", SetChannelSourcing("web", ["north"], "ann")))
    assert made.round() == ["MUG", "TEE"]
    assert [made.told["MUG"].channels[0].available, made.told["TEE"].channels[0].available] == [
        0,
        0,
    ]
    made.batch(("HAM", RegisterLocation("HAM", "", "", 0, 0, True, groups=["north"])))
    assert made.round() == ["TEE"]
    assert made.told["TEE"].channels[0].available == 10


@pytest.mark.parametrize(
    "command",
    [
        RegisterLocation("BER", "Berlin", "DE", 52.5, 13.4, True, "store", ["north"], 40),
        SwitchLocation("BER", True, False, "packers are ill", "ann"),
        SetChannelSourcing("web", [], "ann"),
    ],
)
def test_what_changes_no_level_begins_no_round(command: Record) -> None:
    made = shop(MUG="BER")
    made.batch(("BER", command))
    assert made.round() == []
    assert made.state(sweep.KEY, SkusState) == SkusState("MUG")


def test_nothing_is_looked_at_where_there_is_no_sku() -> None:
    made = Shop()
    made.batch(("BER", OFF))
    assert sweep.KEY not in made.states.kept


def test_a_turn_is_bounded_by_what_it_looks_at_and_by_what_it_writes() -> None:
    made = shop(**{f"S{number}": "BER" if number % 2 else "HAM" for number in range(10)})
    made.batch(("BER", OFF))
    with patch.object(sweep, "SKUS_A_WAKE", 4):
        assert made.turn() == ["S7", "S9"]
    assert made.state(sweep.KEY, SkusState).wake_at_ms == made.now + sweep.PAUSE_MS
    with patch.object(sweep, "WORK_A_WAKE", 11):
        assert made.turn() == ["S5"]
    assert made.turn() == ["S1", "S3"]
    assert made.state(sweep.KEY, SkusState) == SkusState("S9")


def test_a_change_meanwhile_makes_the_round_go_on_to_where_it_was() -> None:
    made = shop(A="BER HAM", B="BER HAM", C="BER HAM", D="BER HAM")
    made.batch(("BER", OFF))
    with patch.object(sweep, "SKUS_A_WAKE", 2):
        assert made.turn() == ["C", "D"]
        made.batch(("HAM", SwitchLocation("HAM", False, True, "storm", "ann")))
        made.batch(("E", SetStock("E", "HAM", 1, 0, "count")))
        assert made.turn() == ["A", "B"]
        assert made.turn() == ["D", "E"]
        assert made.turn() == ["C"]
    assert {one.available for one in made.told.values()} == {0}
    assert made.state(sweep.KEY, SkusState) == SkusState("E")


def test_a_sku_that_comes_before_the_first_look_is_told_of_the_next_change() -> None:
    made = shop(A="BER")
    made.batch(("web", SetChannelSourcing("web", ["north"], "ann")))
    made.batch(("B", SetStock("B", "BER", 1, 0, "count")))
    made.batch(("BER", OFF))
    assert made.round() == ["A", "B"]


def test_a_sku_from_before_there_was_a_chain_is_in_it_after_its_next_change() -> None:
    made = shop(MUG="BER")
    made.states.put("OLD", StockState("OLD", []))
    made.batch(("OLD", SetStock("OLD", "BER", 1, 0, "count")))
    made.batch(("BER", OFF))
    assert made.round() == ["MUG", "OLD"]
