"""`millrace routing explain` of an order as it stands on Kafka, without a broker."""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from deploy import holds, routing_standing
from deploy.cli import cli
from deploy.cluster import Cluster
from schemas.fulfillment import CapacityState, LocationUse
from schemas.inventory import StockState
from schemas.locations import LOCATIONS_KEY, LocationsState
from schemas.orders import Hold, OrderState
from schemas.records import Record
from schemas.routing import ROUTING_KEY, RoutingState
from schemas.stock import Component, PositionAt
from schemas.topics import DAY_MS, FULFILLMENT_STATE, INVENTORY_STATE, ORDERS_STATE, Topic
from streams.fulfillment.model import CAPACITY_KEY
from tests.unit.streams.memory import NOW, place
from tests.unit.streams.order_desk import ID, OrderDesk
from tests.unit.streams.routing_world import EVERY, rule, rules, zone

Kept = dict[str, dict[str, Record]]


def position(sku: str, **pieces: int) -> StockState:
    return StockState(sku, [PositionAt(name, number, 0, 0) for name, number in pieces.items()])


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """What stands on each topic: an order of two mugs and a tee that has just been placed."""
    desk = OrderDesk(place(lines=(("1", "MUG", 2), ("2", "TEE", 1))))
    desk.tell(desk.order)
    found: Kept = {
        ORDERS_STATE.name: {ID: desk.now_is},
        FULFILLMENT_STATE.name: {
            LOCATIONS_KEY: LocationsState(list(EVERY)),
            ROUTING_KEY: RoutingState(rules(rule("all"), zones=(zone(),)), "anna", NOW),
        },
        INVENTORY_STATE.name: {
            "MUG": position("MUG", hamburg=5),
            "TEE": position("TEE", berlin=1, hamburg=1),
        },
    }

    def latest(
        _cluster: Cluster, topic: Topic, keys: Collection[str], _beside: str = ""
    ) -> dict[str, Record]:
        return {key: one for key, one in found[topic.name].items() if key in keys}

    monkeypatch.setattr(routing_standing, "latest", latest)
    return found


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["routing", "explain", *arguments])


def lines(result: Result) -> list[dict[str, object]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def order_of(kept: Kept) -> OrderState:
    found = kept[ORDERS_STATE.name][ID]
    assert isinstance(found, OrderState)
    return found


def test_an_order_is_explained_by_what_stands_now(kept: Kept) -> None:
    *verdicts, plan, stands = lines(explain(ID, "--json"))
    assert {one["location_id"] for one in verdicts} == {one.location_id for one in EVERY}
    why = {one["location_id"]: one["why"] for one in verdicts}
    assert why["berlin"] == "has too little of line 1"
    assert why["hamburg"] == "serves line 1, 2"
    assert plan["outcome"] == "routed"
    assert stands == {"order_id": ID, "status": "reserving", "reserved": {}, "held": []}


def test_what_the_order_has_reserved_counts_as_stock_for_it(kept: Kept) -> None:
    kept[INVENTORY_STATE.name]["MUG"] = position("MUG", hamburg=0, berlin=0)
    assert "not routed" in explain(ID).output
    state = order_of(kept)
    first = replace(state.lines[0], location_id="berlin")
    kept[ORDERS_STATE.name][ID] = replace(state, lines=[first, state.lines[1]])
    said = explain(ID).output
    assert "berlin sends line 1, 2" in said
    assert "shop-1 is reserving; reserved: line 1 at berlin" in said


def test_a_kit_is_there_where_all_its_components_are(kept: Kept) -> None:
    kit = StockState("MUG", [], components=[Component("CUP", 1), Component("LID", 2)])
    kept[INVENTORY_STATE.name] |= {
        "MUG": kit, "CUP": position("CUP", berlin=9, munich=2), "LID": position("LID", munich=4),
    }  # fmt: skip
    why = {one.get("location_id"): one.get("why") for one in lines(explain(ID, "--json"))}
    assert why["munich"] == "serves line 1"
    assert why["berlin"] == "serves line 2"


def test_the_reasons_of_an_order_that_waits_for_a_person_are_told(kept: Kept) -> None:
    hold = Hold("routing/1", "routing", "all", 0, "", "line 1: no location", "routing", NOW, 0)
    kept[ORDERS_STATE.name][ID] = replace(order_of(kept), holds=[hold])
    said = explain(ID).output
    assert "held by rule all since 2023-11-14" in said
    assert "line 1: no location" in said


def test_capacity_of_today_counts_and_that_of_another_day_does_not(kept: Kept) -> None:
    today = time.time_ns() // 1_000_000 // DAY_MS
    for day, why in ((today, "its capacity of today is used up"), (today - 1, "has too little")):
        kept[FULFILLMENT_STATE.name][CAPACITY_KEY] = CapacityState(day, [LocationUse("munich", 99)])
        found = {one.get("location_id"): one.get("why") for one in lines(explain(ID, "--json"))}
        assert str(found["munich"]).startswith(why)


def test_without_rules_the_country_counts_and_then_the_distance(kept: Kept) -> None:
    del kept[FULFILLMENT_STATE.name][ROUTING_KEY]
    found = explain(ID)
    assert "no rules are set" in found.stderr
    assert "hamburg sends line 1, 2 for 0.00 EUR" in found.output


def test_other_rules_can_be_tried_on_it(kept: Kept, tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(
        'currency = "EUR"\n[[rule]]\nname = "one"\nfrom = { kinds = ["warehouse"] }\n'
        'otherwise = "cancel"\n'
    )
    assert "shop-1 is not routed: cancel; line 1" in explain(ID, "--file", str(path)).output


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("shop-9",), 1, "there is no order 'shop-9'"),
        ((), 2, "name ORDER, or give --orders"),
        ((ID, "--locations", __file__), 2, "--locations and --stock go with --orders"),
        ((ID, "--orders", __file__), 2, "--orders needs --file and --locations"),
    ],
)
def test_what_cannot_be_explained_is_said(
    kept: Kept, arguments: tuple[str, ...], status: int, message: str
) -> None:
    found = explain(*arguments)
    assert found.exit_code == status
    assert message in found.output


def test_the_queue_shows_the_rule_and_what_it_lacks() -> None:
    lacks = Hold("routing/1", "routing", "all", 0, "", "line 1: no stock", "routing", NOW, 0)
    by_policy = replace(lacks, kind="fraud", rule="big", reason="", actor="policy")
    by_hand = replace(by_policy, rule="", reason="odd", actor="anna")
    shown = [
        holds.row(holds.Held(ID, "", "shop", "EUR", 100, one))[-1]
        for one in (lacks, by_policy, by_hand)
    ]
    assert shown == ["rule all: line 1: no stock", "rule big", "anna: odd"]
