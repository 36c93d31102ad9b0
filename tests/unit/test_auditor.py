"""The auditor finds what it is there to find: one hand-made log, and one breach of each rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import fastavro
import pytest

from schemas import codec
from schemas.contract import AVRO
from schemas.orders import OrderRefused
from tests.chaos.auditor import Contract, canonical, fingerprint
from tests.chaos.rules import Event, Report, audit

TOPICS = {
    "Raw": "channels.raw",
    "Orde": "orders.events",
    "Stoc": "inventory.events",
    "Rese": "inventory.events",
    "Paym": "payments.events",
    "Auth": "payments.events",
    "Void": "payments.events",
    "Fulf": "fulfillment.events",
    "Loca": "fulfillment.events",
    "Dead": "orders.dead-letter",
}
Log = list[Event]


def event(name: str, **fields: Any) -> Event:
    """An event at a place that only a message needs."""
    topic = "fulfillment.events" if name == "OrderRouted" else ""
    topic = topic or next(to for start, to in TOPICS.items() if name.startswith(start))
    key = fields["sku"] if topic == "inventory.events" else fields.get("order_id", "")
    return Event(topic, 0, 0, key, name, fields)


def placed(order_id: str = "o1", lines: Sequence[str] = ("1", "2")) -> Event:
    """An order of three pieces of SKU `a` on each line, for 30.00 EUR."""
    return event(
        "OrderPlaced",
        order_id=order_id,
        raw_id=f"raw-{order_id}",
        currency="EUR",
        total_minor=3000,
        lines=[{"line_id": line, "sku": "a", "quantity": 3} for line in lines],
    )


def reserved(line_id: str, after: int, on_hand: int = 10, order_id: str = "o1") -> Event:
    """Three pieces at `north`, and how many are reserved then."""
    return event(
        "StockReserved", sku="a", order_id=order_id, line_id=line_id, location_id="north",
        quantity=3, on_hand=on_hand, reserved=after,
    )  # fmt: skip


def released(line_id: str, after: int, order_id: str = "o1") -> Event:
    """The three pieces given back."""
    return event(
        "StockReleased", sku="a", order_id=order_id, line_id=line_id, location_id="north",
        quantity=3, on_hand=10, reserved=after,
    )  # fmt: skip


def moved(line_id: str, left: int, after: int) -> Event:
    """The three pieces moved to `south`."""
    return event(
        "ReservationMoved", sku="a", order_id="o1", line_id=line_id, quantity=3,
        from_location_id="north", from_on_hand=10, from_reserved=left,
        location_id="south", on_hand=10, reserved=after,
    )  # fmt: skip


def counted(location_id: str = "north", on_hand: int = 10, is_reserved: int = 0) -> Event:
    """A count with two pieces of safety stock."""
    return event(
        "StockSet", sku="a", location_id=location_id, on_hand=on_hand, reserved=is_reserved,
        safety_stock=2,
    )  # fmt: skip


def money(name: str, amount_minor: int = 3000, authorization_id: str = "auth-1") -> Event:
    """PaymentAuthorized or PaymentVoided."""
    return event(
        name,
        order_id="o1",
        authorization_id=authorization_id,
        amount_minor=amount_minor,
        currency="EUR",
    )


def shipment(number: int, *lines: str, location_id: str = "north") -> Event:
    """A fulfillment order."""
    return event(
        "FulfillmentOrderReleased",
        order_id="o1",
        fulfillment_order_id=f"o1-{number}",
        location_id=location_id,
        line_ids=list(lines),
    )


def log() -> Log:
    """An order that went well, from the payload to the release."""
    return [
        event("RawPayload", raw_id="raw-o1"),
        counted(),
        counted("south"),
        placed(),
        reserved("1", 3),
        reserved("2", 6),
        event("OrderReserved", order_id="o1"),
        money("PaymentAuthorized"),
        event("OrderAuthorized", order_id="o1"),
        shipment(1, "1", "2"),
        event("OrderRouted", order_id="o1", shipments=1),
        event("OrderReleased", order_id="o1", shipments=1),
    ]


def cancelled() -> Log:
    """The same order, cancelled after its release, everything undone."""
    return [
        *log(),
        event("OrderCancelled", order_id="o1"),
        released("1", 3),
        released("2", 0),
        money("PaymentVoided"),
        event("FulfillmentCancelled", order_id="o1"),
    ]


def refused() -> Log:
    """An order that was refused for its second line."""
    events = [counted(), placed(), reserved("1", 3)]
    return [*events, event("OrderRefused", order_id="o1"), released("1", 0)]


def without(events: Log, name: str) -> Log:
    """The log with every event of that name left out."""
    return [one for one in events if one.name != name]


def rules(report: Report) -> set[str]:
    """The rules that are broken."""
    return {violation.rule for violation in report.broken}


@pytest.mark.parametrize("whole", [log, cancelled, refused])
def test_a_log_that_adds_up_breaks_no_rule(whole: Callable[[], Log]) -> None:
    report = audit(whole())
    assert report.broken == []
    assert report.violations == 0


def test_an_order_that_waits_for_stock_breaks_no_rule() -> None:
    waiting = event("OrderBackordered", order_id="o1", attempt=1)
    assert rules(audit([counted(), placed(), waiting])) == set()


def test_a_reservation_that_was_moved_is_shipped_from_its_new_place() -> None:
    events = log()
    at = next(index for index, one in enumerate(events) if one.name == "FulfillmentOrderReleased")
    events[at] = shipment(1, "1", "2", location_id="south")
    assert "shipped_from_where_held" in rules(audit(events))
    events[at:at] = [moved("1", 3, 3), moved("2", 0, 6)]
    assert rules(audit(events)) == set()


BREACHES: dict[str, tuple[str, Callable[[], Log]]] = {
    "an order is placed twice": ("placed_once", lambda: [*log(), placed()]),
    "an event before its order": (
        "placed_first",
        lambda: [event("OrderReserved", order_id="o2"), *log()],
    ),
    "no outcome": ("one_outcome", lambda: without(log(), "OrderReleased")),
    "two releases": (
        "one_outcome",
        lambda: [*log(), event("OrderReleased", order_id="o1", shipments=1)],
    ),
    "refused after the release": (
        "one_outcome",
        lambda: [*log(), event("OrderRefused", order_id="o1")],
    ),
    "released after the cancellation": (
        "one_outcome",
        lambda: [*cancelled(), event("OrderReleased", order_id="o1", shipments=1)],
    ),
    "cancelled twice": (
        "one_outcome",
        lambda: [*cancelled(), event("OrderCancelled", order_id="o1")],
    ),
    "refused with stock in hand": (
        "nothing_held_after_the_end",
        lambda: without(refused(), "StockReleased"),
    ),
    "cancelled with stock in hand": (
        "nothing_held_after_the_end",
        lambda: without(cancelled(), "StockReleased"),
    ),
    "cancelled and paid": ("money_nets", lambda: without(cancelled(), "PaymentVoided")),
    "released and not paid": ("money_nets", lambda: without(log(), "PaymentAuthorized")),
    "released and paid too little": (
        "money_nets",
        lambda: [*without(log(), "PaymentAuthorized"), money("PaymentAuthorized", 2999)],
    ),
    "authorized twice": (
        "authorized_once",
        lambda: [*log(), money("PaymentAuthorized", authorization_id="auth-2")],
    ),
    "another authorization voided": (
        "voided_as_authorized",
        lambda: [*log(), money("PaymentVoided", authorization_id="auth-9")],
    ),
    "a line reserved twice": ("reserved_once", lambda: [*log(), reserved("1", 9, 20)]),
    "a reservation released twice": (
        "released_as_held",
        lambda: [*cancelled(), released("1", -3)],
    ),
    "a wrong sum of reservations": (
        "reserved_adds_up",
        lambda: [counted(), placed(lines=["1"]), reserved("1", 4)],
    ),
    "stock that came from nowhere": (
        "on_hand_adds_up",
        lambda: [counted(), placed(lines=["1"]), reserved("1", 3, on_hand=11)],
    ),
    "more reserved than there is": (
        "never_oversold",
        lambda: [counted(on_hand=2), placed(lines=["1"]), reserved("1", 3, on_hand=2)],
    ),
    "safety stock promised": (
        "safety_stock_kept",
        lambda: [counted(on_hand=4), placed(lines=["1"]), reserved("1", 3, on_hand=4)],
    ),
    "a reservation for nobody": (
        "reserved_for_an_order",
        lambda: [*log(), reserved("1", 9, order_id="o7")],
    ),
    "released with a line missing": (
        "released_is_reserved",
        lambda: [one for one in log() if one.fields.get("line_id") != "2"],
    ),
    "a line that was not ordered": (
        "reserved_as_ordered",
        lambda: [*log(), reserved("3", 9, on_hand=10)],
    ),
    "a line in two fulfillment orders": ("lines_covered_once", lambda: [*log(), shipment(2, "1")]),
    "a line in no fulfillment order": (
        "lines_covered_once",
        lambda: [shipment(1, "1") if "line_ids" in one.fields else one for one in log()],
    ),
    "a fulfillment order twice": ("once", lambda: [*log(), shipment(1, "1", "2")]),
    "routed twice": ("once", lambda: [*log(), event("OrderRouted", order_id="o1", shipments=1)]),
    "reserved twice in an attempt": (
        "once",
        lambda: [counted(), placed(), *[event("OrderReserved", order_id="o1")] * 2],
    ),
    "cancelled and worked on": (
        "nothing_shipped_after_the_end",
        lambda: without(cancelled(), "FulfillmentCancelled"),
    ),
    "a shipment too few": (
        "shipments_add_up",
        lambda: [*without(log(), "OrderReleased"),
                 event("OrderReleased", order_id="o1", shipments=2)],
    ),
    "a dead letter": ("dead_letters_empty", lambda: [*log(), event("DeadLetter", cause="oops")]),
    "an unreadable record": (
        "readable",
        lambda: [*log(), Event("orders.events", 0, 9, "o1", "?", {"why": "truncated"})],
    ),
    "a key on two partitions": (
        "one_partition_a_key",
        lambda: [*log(), event("OrderCommandRefused", order_id="o1")._replace(partition=3)],
    ),
    "a key of another order": (
        "keyed",
        lambda: [*log(), event("OrderCommandRefused", order_id="o1")._replace(key="o2")],
    ),
    "an order from no payload": (
        "placed_from_raw",
        lambda: [*log(), placed("o2"), event("OrderRefused", order_id="o2")],
    ),
    "a state that the events do not give": (
        "state_follows_events",
        lambda: [
            *log(),
            Event("inventory.state", 0, 0, "a", "StockState", {
                "sku": "a",
                "positions": [{"location_id": "north", "on_hand": 10, "reserved": 5,
                               "safety_stock": 2}],
            }),
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found(breach: str) -> None:
    rule, make = BREACHES[breach]
    assert rule in rules(audit(make()))


def test_an_acknowledged_payload_must_be_there_and_be_placed() -> None:
    sent = {"raw-o1": "o1", "raw-o1-again": "o1", "raw-o2": "o2"}
    report = audit([*log(), event("RawPayload", raw_id="raw-o1-again")], sent)
    assert {(one.rule, one.subject) for one in report.broken} == {
        ("acknowledged_is_kept", "raw-o2"),
        ("acknowledged_is_placed", "o2"),
    }


def test_clickhouse_must_hold_every_record_once() -> None:
    events = log()
    counts = audit(events).records
    exact = {topic: (count, count) for topic, count in counts.items()}
    assert rules(audit(events, rows=exact)) == set()
    doubled = {**exact, "orders.events": (counts["orders.events"] + 1, counts["orders.events"])}
    assert rules(audit(events, rows=doubled)) == {"rows_exactly_once"}
    lacking = {topic: count for topic, count in exact.items() if topic != "payments.events"}
    assert rules(audit(events, rows=lacking)) == {"rows_exactly_once"}


def test_a_record_on_a_topic_that_does_not_carry_it_is_found() -> None:
    contract = {"orders.events": frozenset({"OrderPlaced"})}
    assert "of_the_contract" in rules(audit(log(), contract=contract))


def test_the_auditors_own_decoding_agrees_with_the_contract() -> None:
    contract = Contract()
    record = OrderRefused("json-1", "2", "out_of_stock", 1_736_150_400_000)
    name, fields = contract.decode(codec.encode(record))
    assert name == "OrderRefused"
    assert fields == {
        "order_id": "json-1",
        "line_id": "2",
        "reason": "out_of_stock",
        "at_ms": 1_736_150_400_000,
    }
    assert contract.decode(codec.encode(record)[:-1])[0] == "?"
    assert contract.decode(codec.encode(record) + b"\0")[0] == "?"
    assert contract.decode(b'{"json": true}')[0] == "?"
    assert contract.decode(None) == ("", {})


def test_the_auditors_own_fingerprints_are_those_of_avro() -> None:
    for path in AVRO.glob("*.avsc"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        own = canonical(schema, "")
        assert own == fastavro.schema.to_parsing_canonical_form(schema)
        assert fingerprint(schema).hex() == fastavro.schema.fingerprint(own, "CRC-64-AVRO")
    # From the Avro project, share/test/data/schema-tests.txt.
    assert fingerprint("int") == (0x7275D51A3F395C8F).to_bytes(8, "little")
