"""The example of a real retailer's kind: each of its thirty rules does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import routing, stock
from deploy.routing_snapshot import read_locations, whole
from schemas.locations import LocationsState
from schemas.routing import RoutingRules
from streams.fulfillment.routing import Router, Verdict
from streams.fulfillment.routing_planning import Order, planned
from streams.fulfillment.routing_ranking import Why
from tests.unit.streams.routing_world import MONDAY, ms, order

EXAMPLES = Path(stock.__file__).parent / "examples"
NOW = ms(MONDAY)
BERLIN, PARIS, AMSTERDAM = (52.52, 13.40), (48.86, 2.35), (52.37, 4.90)
MADRID, AJACCIO = (40.42, -3.70), (41.93, 8.74)


@pytest.fixture(scope="module")
def known() -> LocationsState:
    return read_locations(EXAMPLES / "routing-locations.csv")


@pytest.fixture(scope="module")
def rules(known: LocationsState) -> RoutingRules:
    checked = routing.load(EXAMPLES / "routing.toml", known)
    assert checked.problems == []
    assert checked.rules is not None
    return checked.rules


@pytest.fixture(scope="module")
def router(rules: RoutingRules, known: LocationsState) -> Router:
    return Router(rules, known, whole)


def to(place: tuple[float, float], country: str, *skus: str, **more: object) -> Order:
    return order(*skus, country=country, latitude=place[0], longitude=place[1], **more)  # type: ignore[arg-type]


def verdicts(router: Router, made: Order, **used: int) -> dict[str, Verdict]:
    found = router.explained(made.asked(made.lines), used, NOW)
    return {one.location_id: one for one in found}


def first(router: Router, made: Order, **used: int) -> tuple[str, str]:
    """The location that is tried first, and by which rule."""
    ranked = router.ranked(made.asked(made.lines), used, NOW)
    return ranked.locations[0], ranked.rules[0]


def test_it_has_thirty_rules_forty_locations_and_three_countries(
    rules: RoutingRules, known: LocationsState
) -> None:
    assert len(rules.rules) + len(rules.exclusions) == 30
    assert len(known.locations) == 40
    assert {one.country for one in known.locations} == {"DE", "FR", "NL"}


@pytest.mark.parametrize(
    ("made", "location_id", "exclusion"),
    [
        (to(BERLIN, "DE", "BATTERY-AA"), "berlin-neukoelln", "no-hazardous-in-stores"),
        (to(BERLIN, "DE", "BATTERY-AA"), "hamburg-3pl", "no-hazardous-at-third-parties"),
        (to(BERLIN, "DE", "CHEESE-1"), "moebel-bauer", "no-cold-from-suppliers"),
        (to(BERLIN, "DE", "GOLD-1"), "hamburg-3pl", "no-jewellery-at-third-parties"),
        (to(BERLIN, "DE", "WATCH-1"), "leipzig", "no-jewellery-in-warehouses"),
        (to(BERLIN, "DE", "SOFA-1"), "berlin-neukoelln", "no-bulky-in-stores"),
        (to(BERLIN, "DE", "MUG", pieces=13), "berlin-neukoelln", "no-large-orders-in-stores"),
        (to(BERLIN, "DE", "MUG", channel="edi"), "berlin-neukoelln", "no-wholesale-in-stores"),
        (to(BERLIN, "DE", "MUG"), "berlin-mitte", "flagships-show"),
        (to(BERLIN, "DE", channel="amazon"), "metzingen", "no-outlets-for-marketplaces"),
        (to(AJACCIO, "FR", postal="20000"), "orleans", "corsica-from-the-south"),
        (to(MADRID, "ES", "MUG"), "bordeaux", "no-exports-from-stores"),
    ],
)
def test_each_exclusion_leaves_out_what_it_names(
    router: Router, made: Order, location_id: str, exclusion: str
) -> None:
    found = verdicts(router, made)[location_id]
    assert (found.rule, found.why, found.position) == (exclusion, Why.EXCLUDED, 0)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (to(PARIS, "FR", "CHEESE-1"), ("lyon-nord", "cold-chain-only")),
        (to(BERLIN, "DE", "SOFA-1"), ("leipzig", "bulky-by-lorry")),
        (to(PARIS, "FR", "GOLD-1"), ("paris-nation", "jewellery-from-safes")),
        (to(BERLIN, "DE", "BATTERY-AA"), ("leipzig", "hazardous-at-home")),
        (to(PARIS, "FR", channel="edi"), ("leipzig", "wholesale")),
        (to(BERLIN, "DE", group="club"), ("berlin-neukoelln", "club-same-day")),
        (to(AMSTERDAM, "NL", channel="amazon"), ("tilburg", "marketplace-promise")),
        (to(BERLIN, "DE", "MUG"), ("berlin-neukoelln", "small-orders-from-idle-stores")),
        (to(BERLIN, "DE", "MUG", pieces=3), ("leipzig", "germany-warehouses")),
        (to(PARIS, "FR", "MUG", pieces=3), ("orleans", "france-warehouses")),
        (to(AMSTERDAM, "NL", "MUG", pieces=3), ("tilburg", "netherlands-warehouses")),
        (to(MADRID, "ES", "MUG"), ("marseille", "exports")),
    ],
)
def test_each_kind_of_order_is_tried_first_where_its_rule_says(
    router: Router, made: Order, expected: tuple[str, str]
) -> None:
    assert first(router, made) == expected


@pytest.mark.parametrize(
    ("made", "location_id", "rule"),
    [
        (to(AMSTERDAM, "NL", pieces=3), "rotterdam-3pl", "third-parties-at-home"),
        (to(AMSTERDAM, "NL", pieces=3), "roermond", "outlets"),
        (to(AMSTERDAM, "NL", pieces=3), "utrecht", "stores-nearby"),
        (to(AMSTERDAM, "NL", pieces=3), "dortmund", "neighbours"),
        (to(PARIS, "FR", pieces=3, value=9_000), "nantes", "any-store"),
    ],
)
def test_later_rules_add_their_locations(
    router: Router, made: Order, location_id: str, rule: str
) -> None:
    assert verdicts(router, made)[location_id].rule == rule
    assert verdicts(router, made)[location_id].position


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (to(PARIS, "FR", "CHEESE-1"), "cancel"),
        (to(PARIS, "FR", "GOLD-1"), "queue"),
        (to(BERLIN, "DE", "BATTERY-AA"), "queue"),
        (to(PARIS, "FR", channel="edi"), "backorder"),
        (to(PARIS, "FR", "MUG"), "backorder"),
        (to(MADRID, "ES", "MUG"), "queue"),
        (to(MADRID, "ES", "BATTERY-AA"), "queue"),
    ],
)
def test_what_nobody_has_is_cancelled_waits_or_is_looked_at(
    router: Router, made: Order, outcome: str
) -> None:
    found = planned(router, made, lambda _: {}, {}, NOW)
    assert found.outcome == outcome
    waits = {"edi": 21, "shop": 14}[made.channel] if outcome == "backorder" else 0
    assert found.cancel_at_ms == (NOW + waits * 86_400_000 if waits else 0)


def test_suppliers_send_what_is_bulky_and_in_no_warehouse(router: Router) -> None:
    made = to(BERLIN, "DE", "SOFA-1")
    found = planned(router, made, lambda _: {"moebel-bauer": 5}, {}, NOW)
    assert [one.location_id for one in found.shipments] == ["moebel-bauer"]


def test_a_store_that_is_half_used_up_serves_no_small_order(router: Router) -> None:
    busy = {"berlin-neukoelln": 21}
    assert first(router, to(BERLIN, "DE", "MUG"), **busy)[1] == "germany-warehouses"


def test_an_order_of_cold_and_other_goods_goes_in_two_shipments(router: Router) -> None:
    made = to(PARIS, "FR", "CHEESE-1", "MUG")
    found = planned(router, made, lambda _: None, {}, NOW)
    assert found.outcome == "routed"
    assert {one.location_id: one.line_ids for one in found.shipments}["lyon-nord"][0] == "1"


def test_the_parts_of_a_bulky_bundle_come_together(router: Router) -> None:
    made = to(BERLIN, "DE", "SOFA-1", "SOFA-CORNER")
    parts = made._replace(lines=tuple(line._replace(kit="set") for line in made.lines))
    stock = {"SOFA-1": {"leipzig": 1}, "SOFA-CORNER": {"dortmund": 1}}
    assert planned(router, made, stock.get, {}, NOW).outcome == "routed"
    found = planned(router, parts, stock.get, {}, NOW)
    assert (found.outcome, found.why) == ("queue", "no location has all parts of a bundle")
