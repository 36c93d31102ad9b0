"""The policies of what is promised when a fulfillment order is released, and when that changes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from schemas.fulfillment import (
    CancelFulfillment,
    Destination,
    FulfillmentOrderReleased,
    RecordMove,
    RouteOrder,
)
from schemas.fulfillment_moves import (
    MergeFulfillmentOrders,
    RecordWhereTo,
    RedirectFulfillmentOrder,
    SplitFulfillmentOrder,
)
from schemas.fulfillment_work import (
    FulfillmentOrderRerouted,
    RecordShipmentAnswer,
    ShipFulfillmentOrder,
)
from schemas.inventory import MoveReservation
from schemas.orders import Status
from schemas.policies import POLICY_KEY, CutOffRule, Policy, SetPolicy
from schemas.promises import PromiseChanged, PromiseState
from schemas.routing import Places, RoutingRules, Zone
from schemas.topics import DAY_MS
from streams.fulfillment.promise import local_day, moment
from streams.fulfillment.promise_terms import WARN_BEFORE_MS, Dates, Due, Way
from tests.unit.streams.memory import NOW, only
from tests.unit.streams.order_desk import OrderDesk
from tests.unit.streams.promise_world import (
    HOME,
    HOUR_MS,
    KEY,
    MUG,
    RULES,
    TEE,
    Dock,
    at,
    told,
)
from tests.unit.streams.routing_world import ALL_DAYS, calendar, ms, router, rule, rules, zone


def released(dock: Dock, dispatch_by_ms: int = 0) -> FulfillmentOrderReleased:
    return only(dock.route(dispatch_by_ms=dispatch_by_ms), FulfillmentOrderReleased)


def promise(made: RoutingRules, ordered: datetime, location: str = "berlin") -> Due:
    way = Way(location, HOME, False, ("MUG",), "shop", "")
    return Dates(router(made)).due(way, ms(ordered), 0, ms(ordered))


def day_and_leaving(
    ordered: datetime, zone_name: str, cut_off: int, transit: int = 1, **more: object
) -> tuple[str, datetime]:
    made = rules(
        rule(),
        calendars=(calendar(cut_off, zone_name=zone_name, **more),),  # type: ignore[arg-type]
        zones=(zone(transit=transit),),
    )
    due = promise(made, ordered)
    leaves = datetime.fromtimestamp(due.ship_by_ms / 1000, UTC)
    return due.day.name, leaves.astimezone(ZoneInfo(zone_name)).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("ordered", "zone_name", "cut_off", "day", "leaves"),
    [
        # Monday, a minute before and at the cut-off
        ((2026, 1, 5, 14, 59), "Europe/Berlin", 960, "2026-01-06", (2026, 1, 5, 16)),
        ((2026, 1, 5, 15, 0), "Europe/Berlin", 960, "2026-01-07", (2026, 1, 6, 16)),
        # the same moment is Monday evening in Los Angeles, and Tuesday morning in Tokyo
        ((2026, 1, 6, 1, 0), "America/Los_Angeles", 1200, "2026-01-06", (2026, 1, 5, 20)),
        ((2026, 1, 6, 1, 0), "Asia/Tokyo", 1200, "2026-01-07", (2026, 1, 6, 20)),
        # half an hour and quarters of one off UTC
        ((2026, 1, 5, 8, 29), "Asia/Kolkata", 840, "2026-01-06", (2026, 1, 5, 14)),
        ((2026, 1, 5, 8, 30), "Asia/Kolkata", 840, "2026-01-07", (2026, 1, 6, 14)),
        # the Friday before and the Monday after clocks go forward: 29 March 2026
        ((2026, 3, 27, 12, 59), "Europe/Berlin", 840, "2026-03-30", (2026, 3, 27, 14)),
        ((2026, 3, 27, 13, 0), "Europe/Berlin", 840, "2026-03-31", (2026, 3, 30, 14)),
        ((2026, 3, 30, 11, 59), "Europe/Berlin", 840, "2026-03-31", (2026, 3, 30, 14)),
        ((2026, 3, 30, 12, 0), "Europe/Berlin", 840, "2026-04-01", (2026, 3, 31, 14)),
        # and back: 25 October 2026
        ((2026, 10, 26, 12, 59), "Europe/Berlin", 840, "2026-10-27", (2026, 10, 26, 14)),
        ((2026, 10, 26, 13, 0), "Europe/Berlin", 840, "2026-10-28", (2026, 10, 27, 14)),
    ],
)
def test_the_cut_off_counts_to_the_minute_in_the_time_of_the_location(
    ordered: tuple[int, ...], zone_name: str, cut_off: int, day: str, leaves: tuple[int, ...]
) -> None:
    when = datetime(*ordered, tzinfo=UTC)  # type: ignore[misc, arg-type]
    assert day_and_leaving(when, zone_name, cut_off) == (day, datetime(*leaves))  # type: ignore[arg-type]


def test_holidays_and_handling_move_the_day_on_which_it_leaves() -> None:
    day, leaves = day_and_leaving(
        datetime(2026, 12, 23, 9, tzinfo=UTC), "Europe/Berlin", 960, handling=1,
        holidays=("2026-12-24", "2026-12-25"),
    )  # fmt: skip
    assert (day, leaves) == ("2026-12-29", datetime(2026, 12, 28, 16))


def test_holidays_of_the_carrier_move_the_day_of_delivery() -> None:
    shut = replace(zone(), delivery_holidays=["2026-01-06", "2026-01-07"])
    due = promise(
        rules(rule(), calendars=(calendar(960),), zones=(shut,)),
        datetime(2026, 1, 5, 9, tzinfo=UTC),
    )
    assert due.day.name == "2026-01-08"


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 1, 5), 24)]
)
def test_a_promised_day_is_as_long_as_the_clock_makes_it(
    day: tuple[int, int, int], hours: int
) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, end = (moment(date(*day), minute, berlin) for minute in (0, 1_440))
    assert end - start == hours * HOUR_MS
    assert local_day(start, berlin) == local_day(end - 1, berlin) == date(*day)


def test_what_leaves_later_than_the_cut_off_has_until_then() -> None:
    late = replace(calendar(960), leave_minute=18 * 60 + 30, warn_before_ms=HOUR_MS)
    due = promise(
        rules(rule(), calendars=(late,), zones=(zone(),)), datetime(2026, 1, 5, 9, tzinfo=UTC)
    )
    assert (due.ship_by_ms, due.day.name, due.warn_ms) == (at(5, 18, 30), "2026-01-06", HOUR_MS)


def test_a_release_says_until_when_it_leaves_and_which_day_is_promised() -> None:
    event = released(Dock())
    assert (event.ship_by_ms, event.promised_day) == (at(5, 16), "2026-01-06")
    assert event.promised_by_ms == at(7, 0)


def test_without_rules_or_without_calendars_nothing_is_promised_and_nothing_kept() -> None:
    for made in (None, rules(rule(), zones=(zone(),))):
        dock = Dock(made)
        event = released(dock)
        assert (event.ship_by_ms, event.promised_by_ms, event.promised_day) == (0, 0, "")
        assert KEY not in dock.states.kept
        dock.send_off()
        assert KEY not in dock.states.kept


def test_a_location_without_a_calendar_or_a_carrier_promises_nothing() -> None:
    stores = calendar(960, places=Places(kinds=["store"]))
    assert released(Dock(rules(rule(), calendars=(stores,), zones=(zone(),)))).ship_by_ms == 0
    event = released(Dock(rules(rule(), calendars=(calendar(960),))))
    assert (event.ship_by_ms, event.promised_day) == (at(5, 16), "")


@pytest.mark.parametrize(
    ("dispatch_by", "ship_by"),
    [(at(5, 12), at(5, 12)), (at(5, 18), at(5, 16)), (at(5, 9), at(5, 16)), (0, at(5, 16))],
)
def test_the_earlier_of_calendar_and_policy_counts_unless_it_is_over(
    dispatch_by: int, ship_by: int
) -> None:
    event = released(Dock(), dispatch_by)
    assert (event.ship_by_ms, event.promised_day) == (ship_by, "2026-01-06")


def test_the_policy_alone_says_until_when_it_leaves_but_promises_no_day() -> None:
    event = released(Dock(rules(rule())), at(5, 12))
    assert (event.ship_by_ms, event.promised_day) == (at(5, 12), "")


def test_what_the_customer_fetches_is_promised_for_the_day_on_which_it_is_ready() -> None:
    dock = Dock()
    event = only(dock.route(replace(MUG, destination="pickup")), FulfillmentOrderReleased)
    assert (event.ship_by_ms, event.promised_day) == (at(5, 16), "2026-01-05")


def test_goods_and_distance_choose_the_carrier_whose_days_count() -> None:
    near = replace(zone("bike", transit=0, places=Places(within_km=50)), line=1)
    made = rules(rule(), calendars=(calendar(960),), zones=(near, zone(transit=2)))
    assert released(Dock(made)).promised_day == "2026-01-05"
    far = Dock(made)
    event = only(far.route(replace(MUG, location_id="munich")), FulfillmentOrderReleased)
    assert event.promised_day == "2026-01-07"


def test_a_further_address_is_promised_by_its_own_country() -> None:
    abroad: Zone = zone("abroad", transit=4, to=("FR",))
    dock = Dock(rules(rule(), calendars=(calendar(960),), zones=(abroad, zone())))
    dock.route(MUG, replace(TEE, destination="1"))
    there = [HOME, Destination(1, "FR", "69001", 45.7, 4.8)]
    days = [one.promised_day for one in dock.promises()]
    assert days == ["2026-01-06", ""]  # nobody has said where the further one is
    again = Dock(rules(rule(), calendars=(calendar(960),), zones=(abroad, zone())))
    again.states = dock.states
    again.ask("o", RecordWhereTo("o", "shop", "", there, "EUR", 0))
    assert all(not one.postal_code for one in again.state(KEY, PromiseState).destinations)


def test_what_is_put_together_first_is_promised_when_it_is_released() -> None:
    dock = Dock()
    [asked] = dock.route(MUG, replace(TEE, location_id="lyon"))
    assert isinstance(asked.record, MoveReservation)
    assert dock.promises() == []
    sends = dock.ask("o", RecordMove("o", asked.record.line_id, True, asked.record.location_id))
    assert only(sends, FulfillmentOrderReleased).promised_day in ("2026-01-06", "2026-01-08")


def test_the_same_order_again_changes_nothing() -> None:
    dock = Dock()
    dock.route()
    before = dock.states.kept[KEY]
    assert dock.route() == []
    assert dock.states.kept[KEY] is before


def test_lines_that_go_elsewhere_are_promised_anew() -> None:
    dock = Dock()
    dock.route()
    sends = dock.given_back(lyon=True)
    event = only(sends, FulfillmentOrderRerouted)
    assert (event.ship_by_ms, event.promised_day) == (at(5, 16), "2026-01-08")
    changed = only(sends, PromiseChanged)
    assert (changed.line_ids, changed.previous_day, changed.reason) == (
        ["1"], "2026-01-06", "rerouted",
    )  # fmt: skip
    assert (changed.previous_ms, changed.promised_by_ms) == (at(7, 0), at(9, 0))


def test_the_same_day_from_elsewhere_is_no_change() -> None:
    dock = Dock()
    dock.route()
    sends = dock.given_back(hamburg=True)
    assert only(sends, FulfillmentOrderRerouted).promised_day == "2026-01-06"
    assert told(sends) == []


def test_where_nobody_knows_better_the_promise_stands() -> None:
    only_berlin = calendar(960, places=Places(locations=["berlin"]))
    dock = Dock(rules(rule(), calendars=(only_berlin,), zones=(zone(),)))
    dock.route()
    sends = dock.given_back()
    event = only(sends, FulfillmentOrderRerouted)
    assert (event.ship_by_ms, event.promised_day) == (0, "2026-01-06")
    assert told(sends) == []


def test_time_for_which_it_was_held_does_not_count() -> None:
    dock = Dock()
    dock.route()
    dock.say("hold")
    dock.now = at(5, 11)
    assert told(dock.say("free")) == []
    dock.say("hold")
    dock.until(at(6, 18))
    assert told(dock.say("free")) == [("changed", "o/1", "2026-01-08", "hold_ended")]
    assert dock.promises()[0].ship_by_ms == at(7, 16)


def test_a_short_hold_after_the_cut_off_moves_nothing() -> None:
    dock = Dock(rules(rule(), calendars=(calendar(960, handling=1),), zones=(zone(),)))
    dock.route()
    dock.now = at(5, 17)
    dock.say("hold")
    dock.now = at(5, 17, 10)
    assert told(dock.say("free")) == []
    assert dock.promises()[0].ship_by_ms == at(6, 16)


def test_a_hold_over_the_cut_off_moves_it_to_the_next_day() -> None:
    dock = Dock()
    dock.route()
    dock.now = at(5, 15)
    dock.say("hold")
    dock.now = at(5, 16, 1)
    assert ("changed", "o/1", "2026-01-07", "hold_ended") in told(dock.say("free"))


def test_what_leaves_late_is_promised_from_the_day_on_which_it_left() -> None:
    in_time = Dock()
    in_time.route()
    assert told(in_time.send_off()) == []
    same_day = Dock()
    same_day.route()
    same_day.now = at(5, 17)
    sends = same_day.send_off()
    assert [one for one in told(sends) if one[0] == "changed"] == []
    next_day = Dock()
    next_day.route()
    next_day.now = at(6, 9)
    sends = next_day.send_off()
    assert ("changed", "o/1", "2026-01-07", "left_late") in told(sends)


def test_what_is_told_to_have_left_in_time_did_so_whenever_it_is_told() -> None:
    dock = Dock()
    dock.route()
    for what in ("accept", "pick", "pack"):
        dock.say(what)
    dock.until(at(6, 9))
    early = ShipFulfillmentOrder("o", "o/1", "dhl", "", "T1", at(5, 15), "jo")
    dock.ask("o", early)
    dock.ask("o", RecordShipmentAnswer("o", "o/1", False, "later"))
    dock.ask("o", replace(early, tracking_number="T2"))
    assert told(dock.say("let go")) == []
    assert dock.promises()[0].left_at_ms == at(5, 15)


def test_an_exception_is_a_risk_and_means_another_day_if_there_is_no_other() -> None:
    early = Dock()
    early.route()
    early.send_off()
    assert told(early.tells("exception")) == [("risk", "o/1", "carrier_exception")]
    early.now = at(6, 15)
    assert told(early.tells("exception")) == [("changed", "o/1", "2026-01-07", "carrier_exception")]
    early.now = at(7, 15)
    assert told(early.tells("exception")) == [("changed", "o/1", "2026-01-08", "carrier_exception")]


def test_an_exception_that_comes_with_the_delivery_is_no_risk_any_more() -> None:
    dock = Dock()
    dock.route()
    for what in ("accept", "pick", "pack", "ship"):
        dock.say(what)
    dock.tells("exception", at(5, 12))
    dock.tells("delivered", at(5, 18))
    dock.now = at(5, 19)
    assert told(dock.say("let go")) == []


def test_what_is_told_late_counts_from_when_it_happened() -> None:
    dock = Dock()
    dock.route()
    dock.send_off()
    dock.now = at(6, 20)
    assert told(dock.tells("exception", at(5, 18))) == [("risk", "o/1", "carrier_exception")]
    ahead = Dock()
    ahead.route()
    ahead.send_off()
    ahead.now = at(5, 20)
    assert told(ahead.tells("exception", at(30, 9))) == [("risk", "o/1", "carrier_exception")]


def test_what_is_on_its_way_after_the_promised_day_is_promised_for_the_next() -> None:
    dock = Dock()
    dock.route()
    dock.send_off()
    dock.now = at(6, 8)
    assert told(dock.tells("in_transit")) == []
    dock.until(at(7, 8))
    assert told(dock.tells("in_transit")) == [("changed", "o/1", "2026-01-08", "carrier_late")]


def test_what_was_lost_is_a_risk_and_what_comes_back_is_missed() -> None:
    dock = Dock()
    dock.route()
    dock.send_off()
    assert told(dock.tells("lost")) == [("risk", "o/1", "lost")]
    dock.now += 1
    assert told(dock.tells("returned_to_sender")) == [("missed", "o/1", "returned_to_sender")]
    assert KEY not in dock.states.kept


def test_a_promise_ends_with_the_order() -> None:
    dock = Dock()
    dock.route(MUG, TEE)
    dock.ask("o", CancelFulfillment("o", "no more", ["1"]))
    assert [one.line_ids for one in dock.promises()] == [["2"]]
    dock.ask("o", CancelFulfillment("o", "no more"))
    assert KEY not in dock.states.kept


def test_lines_that_wait_for_a_location_keep_their_promise() -> None:
    dock = Dock()
    dock.route()
    sends = dock.given_back(nowhere=True)
    assert told(sends) == [("risk", "o/1", "no_location")]
    [waiting] = dock.promises()
    assert (waiting.waiting, waiting.promised_day) == (True, "2026-01-06")
    assert told(dock.until(at(7, 9))) == [("missed", "o/1", "no_location")]


def test_rules_that_hold_have_a_default_for_warnings() -> None:
    due = promise(RULES, datetime(2026, 1, 5, 0, tzinfo=UTC))
    assert due.warn_ms == WARN_BEFORE_MS
    shortly = promise(RULES, datetime(2026, 1, 5, 14, tzinfo=UTC))
    assert shortly.warn_ms == HOUR_MS // 2


def test_the_policys_cut_off_goes_with_the_order_to_its_routing() -> None:
    desk = OrderDesk()
    rule_of = CutOffRule("all", 1, [], "UTC", 1_439, 1_440, ALL_DAYS, [], False)
    policy = Policy(1, 1, "p", "", "UTC", cut_offs=[rule_of])
    desk.ask(POLICY_KEY, SetPolicy(policy, "jo", NOW))
    desk.until(Status.ROUTING)
    midnight = (NOW // DAY_MS + 1) * DAY_MS
    assert only(desk.written, RouteOrder).dispatch_by_ms == midnight
    without = OrderDesk().until(Status.ROUTING)
    assert only(without.written, RouteOrder).dispatch_by_ms == 0


def test_what_is_redirected_is_promised_for_when_it_is_there() -> None:
    abroad: Zone = zone("abroad", transit=4, to=("FR",))
    dock = Dock(rules(rule(), calendars=(calendar(960),), zones=(abroad, zone())))
    dock.route()
    dock.now = at(5, 20)
    there = Destination(1, "FR", "69001", 45.7, 4.8)
    to = RedirectFulfillmentOrder("o", "o/1", 1, False, "moved house", "jo", [there])
    assert told(dock.ask("o", to)) == [("changed", "o/1", "2026-01-12", "rerouted")]
    assert dock.promises()[0].ship_by_ms == at(6, 16)
    assert told(dock.ask("o", to)) == []


def test_a_part_that_leaves_by_itself_keeps_its_promise() -> None:
    dock = Dock()
    dock.route(MUG, TEE)
    dock.until(at(5, 14))
    dock.ask("o", SplitFulfillmentOrder("o", "o/1", ["2"], "jo"))
    first, second = dock.promises()
    assert (first.line_ids, second.line_ids) == (["1"], ["2"])
    assert second == replace(first, fulfillment_order_id="o/2", line_ids=["2"])
    assert told(dock.ask("o", MergeFulfillmentOrders("o", "o/1", "o/2", "jo"))) == []
    assert [one.line_ids for one in dock.promises()] == [["1", "2"]]
