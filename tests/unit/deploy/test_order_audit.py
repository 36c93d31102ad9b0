"""A chain that was tampered with is found, whatever was done to it."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest

from deploy import order_audit
from deploy.order_audit import Chains, Report, Sealed, exported
from deploy.records import Place
from schemas import codec
from schemas.orders import OrderState, Status
from schemas.topics import ORDERS_EVENTS
from tests.unit.streams.order_desk import ID, OrderDesk, cancel, resize


def written() -> tuple[list[Sealed], OrderState]:
    """The events of an order as they lie on Kafka, and its state."""
    made = OrderDesk()
    made.tell(resize("9", 1))
    made.until(Status.RELEASED)
    made.tell(cancel("2"))
    reader = order_audit._Reader()
    events: list[Sealed] = []
    for send in made.written:
        if send.topic is ORDERS_EVENTS:
            place = Place(ORDERS_EVENTS.name, 0, len(events))
            event = reader.read(place, codec.encode(send.record))
            assert event is not None
            events.append(event)
    return events, made.now_is


def judged(events: list[Sealed], state: OrderState | None = None) -> Report:
    chains = Chains()
    for event in events:
        chains.feed(event)
    return chains.finish([state] if state is not None else [])


def changed(event: Sealed, **fields: Any) -> Sealed:
    return event._replace(fields={**event.fields, **fields})


def test_what_was_written_is_proved() -> None:
    events, state = written()
    report = judged(events, state)
    assert (report.proved, report.orders, report.before) == (True, 1, 1)
    assert report.events == len(events) - 1 == state.sequence


def test_an_event_that_was_changed_is_found_where_it_lies() -> None:
    events, state = written()
    events[3] = changed(events[3], at_ms=events[3].fields["at_ms"] + 1)
    report = judged(events, state)
    assert not report.proved
    assert report.first is not None
    assert report.first.place == events[3].place
    assert "not what was written" in report.first.what


@pytest.mark.parametrize("at", [1, 3])
def test_an_event_that_was_dropped_is_found(at: int) -> None:
    events, state = written()
    report = judged(events[:at] + events[at + 1 :], state)
    assert report.first is not None
    assert "was to follow" in report.first.what


def test_an_end_that_was_cut_off_is_found_by_the_state() -> None:
    events, state = written()
    report = judged(events[:-1], state)
    assert report.first is not None
    assert report.first.place is None
    assert "events were written" in report.first.what


def test_an_event_that_was_sealed_anew_breaks_the_next_one_or_the_state() -> None:
    events, state = written()
    for at in (3, len(events) - 1):
        forged = list(events)
        one = changed(events[at], at_ms=0)
        before = events[at - 1].fields["digest"]
        digest = order_audit.digest(before, one.name, one.fields)
        forged[at] = changed(one, digest=digest)
        assert judged(forged, state).breaks == 1


def test_events_from_before_the_chain_are_counted_and_not_judged() -> None:
    events, _ = written()
    old = [changed(event, sequence=0, digest=b"") for event in events]
    report = judged(old)
    assert (report.proved, report.before, report.events) == (True, len(events), 0)
    assert not judged([*events, old[1]]).proved


def test_an_export_is_enough_to_verify_the_chain() -> None:
    events, state = written()
    digest = b""
    for event in events:
        line = json.loads(exported(event))
        if line["fields"]["sequence"]:
            sealed = f"{line['event']}\n{line['sealed']}".encode()
            digest = sha256(digest + sealed).digest()
            assert line["digest"] == digest.hex()
    assert digest == state.digest
    assert json.loads(exported(events[1]))["fields"]["order_id"] == ID
