"""The policies of what is told before a promise is missed, and when it is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from schemas import codec
from schemas.fulfillment_work import PackedLine, RecordGoodsLeft
from schemas.promises import FulfillmentOrderAtRisk, PromiseMissed, PromiseState
from streams.fulfillment.agent import FulfillmentRoom
from tests.unit.streams.memory import only
from tests.unit.streams.promise_world import HOUR_MS, KEY, MUG, TEE, Dock, at, told
from tests.unit.streams.routing_world import calendar, rule, rules, zone


def dock() -> Dock:
    """Released on Monday at ten, to leave by four: three hours of warning, half of what is left."""
    made = Dock()
    made.route()
    return made


def test_what_is_not_accepted_is_told_once_before_it_is_to_leave() -> None:
    made = dock()
    assert made.due() == at(5, 13)
    sends = made.until(at(5, 13))
    event = only(sends, FulfillmentOrderAtRisk)
    assert (event.reason, event.location_id, event.line_ids) == ("not_accepted", "berlin", ["1"])
    assert (event.ship_by_ms, event.promised_day) == (at(5, 16), "2026-01-06")
    assert event.at_ms == at(5, 13)
    assert told(made.until(at(6, 23))) == []


def test_each_step_has_its_own_time() -> None:
    made = dock()
    made.say("accept")
    assert made.due() == at(5, 14, 30)
    assert told(made.until(at(5, 14, 30))) == [("risk", "o/1", "not_packed")]
    assert told(made.say("pick") + made.say("pack")) == []
    assert told(made.until(at(5, 15, 15))) == [("risk", "o/1", "not_shipped")]
    assert told(made.say("ship") + made.say("let go")) == []
    assert made.due() == at(7, 0)


def test_a_step_that_comes_after_its_time_is_told_at_once() -> None:
    made = dock()
    made.until(at(5, 15))
    assert told(made.say("accept")) == [("risk", "o/1", "not_packed")]
    assert told(made.say("accept")) == []


def test_what_is_in_time_is_never_told() -> None:
    made = dock()
    assert told(made.send_off() + made.until(at(6, 12))) == []
    assert told(made.tells("delivered")) == []
    assert KEY not in made.states.kept
    assert told(made.tells("delivered")) == []


def test_the_calendar_says_how_long_before() -> None:
    short = replace(calendar(16 * 60), warn_before_ms=HOUR_MS)
    made = Dock(rules(rule(), calendars=(short,), zones=(zone(),)))
    made.route()
    assert made.due() == at(5, 15)
    made.say("accept")
    assert made.due() == at(5, 15, 30)


def test_what_is_held_is_at_risk_as_long_as_it_is() -> None:
    made = dock()
    made.say("hold")
    assert told(made.until(at(5, 14))) == [("risk", "o/1", "held")]
    assert told(made.say("free")) == [("risk", "o/1", "not_accepted")]
    assert told(made.until(at(6, 14))) == []


def test_a_supplier_is_asked_for_nothing_but_to_send() -> None:
    made = Dock()
    made.route(replace(MUG, location_id="maker"))
    assert made.due() == at(5, 15, 15)
    assert told(made.until(at(5, 16))) == [("risk", "o/1", "not_shipped")]


def test_a_promise_is_missed_once_when_its_day_is_over() -> None:
    made = dock()
    made.send_off()
    event = only(made.until(at(9, 9)), PromiseMissed)
    assert (event.status, event.promised_day, event.at_ms) == ("shipped", "2026-01-06", at(7, 0))
    assert told(made.tells("delivered")) == []
    assert KEY not in made.states.kept


def test_what_is_delivered_late_is_missed_though_its_timer_has_not_come() -> None:
    made = dock()
    made.send_off()
    made.now = at(7, 8)
    assert told(made.tells("delivered")) == [("missed", "o/1", "delivered")]
    in_time = dock()
    in_time.send_off()
    in_time.now = at(7, 8)
    assert told(in_time.tells("delivered", at(6, 18))) == []


def test_nothing_is_at_risk_any_more_when_it_is_missed() -> None:
    made = dock()
    made.now = at(8, 9)
    assert told(made.wake(KEY)) == [("missed", "o/1", "released")]
    assert (made.due(), told(made.say("accept"))) == (0, [])


def test_a_new_day_can_be_missed_as_well() -> None:
    made = dock()
    made.until(at(8, 9))
    assert ("changed", "o/1", "2026-01-09", "left_late") in told(made.send_off())
    assert told(made.until(at(20, 9))) == [("missed", "o/1", "shipped")]


def test_what_is_fetched_has_to_be_packed_and_no_more() -> None:
    made = Dock()
    made.route(replace(MUG, destination="pickup"))
    assert told(made.until(at(5, 13))) == [("risk", "o/1", "not_accepted")]
    made.say("accept")
    made.say("pick")
    assert told(made.say("pack") + made.until(at(20, 9))) == []
    late = Dock()
    late.route(replace(MUG, destination="pickup"))
    late.say("accept")
    late.say("pick")
    late.now = at(6, 9)
    assert told(late.say("pack")) == [("missed", "o/1", "packed")]


def test_nobody_waits_for_news_of_what_left_without_a_carrier() -> None:
    made = dock()
    for what in ("accept", "pick", "pack", "ship bare", "let go"):
        assert told(made.say(what)) == []
    assert KEY not in made.states.kept


def test_what_was_sent_by_hand_is_not_at_risk() -> None:
    made = dock()
    made.ask("o", RecordGoodsLeft("o", "s-1", [], "dhl", "T9"))
    assert made.due() == at(5, 13)
    gone = dock()
    gone.ask("o", RecordGoodsLeft("o", "s-1", [PackedLine("1", 2)], "dhl", "T9"))
    assert gone.due() == at(7, 0)


def test_each_part_of_an_order_has_its_own_promise_and_they_share_a_timer() -> None:
    made = Dock()
    made.route(replace(MUG, also_at=[]), replace(TEE, location_id="lyon", also_at=[]))
    made.say("accept")
    assert made.due() == at(5, 13)
    assert told(made.until(at(5, 15))) == [
        ("risk", "o/2", "not_accepted"),
        ("risk", "o/1", "not_packed"),
    ]
    missed = told(made.until(at(12, 9)))
    assert missed == [("missed", "o/1", "accepted"), ("missed", "o/2", "released")]


def test_a_restart_and_a_repeat_tell_nothing_again() -> None:
    made = dock()
    made.until(at(5, 13))
    made.room = FulfillmentRoom()
    made.states.put(KEY, codec.decode(codec.encode(made.state(KEY, PromiseState))))
    assert told(made.route() + made.wake(KEY) + made.until(at(6, 22))) == []
    made.say("accept")
    made.send_off()
    made.tells("exception")
    assert told(made.tells("exception")) == []


def test_no_other_state_has_a_time() -> None:
    with pytest.raises(TypeError, match="nothing of o has a time"):
        dock().wake("o")


def test_warnings_are_never_after_the_moment_that_they_warn_of() -> None:
    late = Dock()
    late.now = at(5, 15, 59)
    late.route()
    assert at(5, 15, 59) < late.due() < at(5, 16)
