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
from tests.chaos.ledger import Event
from tests.chaos.rules import Report, audit

TOPICS = {
    "Raw": "channels.raw",
    "Orde": "orders.events",
    "Stoc": "inventory.events",
    "Rese": "inventory.events",
    "Back": "inventory.events",
    "Supp": "inventory.events",
    "SkuS": "inventory.events",
    "Purc": "purchasing.events",
    "Deli": "purchasing.events",
    "Offe": "purchasing.events",
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
    if topic == "purchasing.events":
        key = fields["purchase_order_id"] or fields["sku"]
    return Event(topic, 0, 0, key, name, fields)


def placed(order_id: str = "o1", lines: Sequence[str] = ("1", "2"), sku: str = "a") -> Event:
    """An order of three pieces of a SKU on each line, for 30.00 EUR."""
    return event(
        "OrderPlaced",
        order_id=order_id,
        raw_id=f"raw-{order_id}",
        currency="EUR",
        total_minor=3000,
        lines=[{"line_id": line, "sku": sku, "quantity": 3} for line in lines],
    )


def reserved(
    line_id: str, after: int, on_hand: int = 10, order_id: str = "o1", quantity: int = 3
) -> Event:
    """Pieces at `north`, and how many are reserved then."""
    return event(
        "StockReserved", sku="a", order_id=order_id, line_id=line_id, location_id="north",
        quantity=quantity, on_hand=on_hand, reserved=after,
    )  # fmt: skip


def released(
    line_id: str, after: int, order_id: str = "o1", *, allocated: int = 0, was: bool = False
) -> Event:
    """The three pieces given back; `was`: they were being worked on."""
    return event(
        "StockReleased", sku="a", order_id=order_id, line_id=line_id, location_id="north",
        quantity=3, on_hand=10, reserved=after, allocated=allocated, was_allocated=was,
    )  # fmt: skip


def allocated(line_id: str, left: int, after: int) -> Event:
    """The three pieces are being worked on."""
    return event(
        "StockAllocated", sku="a", order_id="o1", line_id=line_id, location_id="north",
        quantity=3, on_hand=10, reserved=left, allocated=after, lots=[],
    )  # fmt: skip


def shipped(
    line_id: str, on_hand: int, left: int, after: int = 0, *, was: bool = True, quantity: int = 3
) -> Event:
    """Pieces have left `north`."""
    return event(
        "StockShipped", sku="a", order_id="o1", line_id=line_id, location_id="north",
        quantity=quantity, on_hand=on_hand, reserved=left, allocated=after, lots=[], actor="",
        was_allocated=was,
    )  # fmt: skip


def stocked(
    movement: str = "receipt",
    change: int = 5,
    on_hand: int = 15,
    *,
    name: str = "m1",
    in_transit: tuple[int, int] = (0, 0),
    quarantined: tuple[int, int] = (0, 0),
    is_reserved: int = 0,
    is_allocated: int = 0,
    at_ms: int = 0,
) -> Event:
    """A line of the ledger at `north`; changes with what is there after them."""
    return event(
        "StockMoved", sku="a", location_id="north", movement=movement, movement_id=name,
        quantity=change, in_transit_change=in_transit[0], quarantined_change=quarantined[0],
        on_hand=on_hand, reserved=is_reserved, allocated=is_allocated, in_transit=in_transit[1],
        quarantined=quarantined[1], at_ms=at_ms,
    )  # fmt: skip


def queued(line_id: str = "2", promised: int = 0, order_id: str = "o1") -> Event:
    """Three pieces are waited for."""
    return event(
        "StockBackordered", sku="a", order_id=order_id, line_id=line_id, quantity=3, priority=0,
        promised_at_ms=promised,
    )  # fmt: skip


def promised(at_ms: int, previously_ms: int, line_id: str = "2") -> Event:
    """Another promise to who waits."""
    return event(
        "BackorderPromised", sku="a", order_id="o1", line_id=line_id, quantity=3,
        promised_at_ms=at_ms, previously_ms=previously_ms,
    )  # fmt: skip


def unqueued(line_id: str = "2") -> Event:
    """Nobody waits any more."""
    return event(
        "BackorderEnded", sku="a", order_id="o1", line_id=line_id, quantity=3, reason="served"
    )


def supply(quantity: int, previously: int, at_ms: int = 500) -> Event:
    """What is to come."""
    return event(
        "SupplyExpected", sku="a", supply_id="po-1/1", location_id="north", quantity=quantity,
        previously=previously, expected_at_ms=at_ms,
    )  # fmt: skip


def kit(sku: str, **parts: int) -> Event:
    """What a kit is made of from now on."""
    components = [{"sku": part, "quantity": pieces} for part, pieces in parts.items()]
    return event("SkuSet", sku=sku, components=components)


def purchase(name: str, **fields: Any) -> Event:
    """An event of a purchase order of four pieces."""
    return event(name, purchase_order_id="po-1", **fields)


def proposed() -> Event:
    """A purchase order of four pieces."""
    return purchase("PurchaseOrderProposed", lines=[{"line_id": "1", "quantity": 4}])


def delivered(quantity: int, complete: bool, name: str = "d-1") -> Event:
    """Pieces of it have come."""
    lines = [{"line_id": "1", "quantity": quantity}]
    return purchase("DeliveryRecorded", delivery_id=name, lines=lines, complete=complete)


def state(key: str, name: str, **fields: Any) -> Event:
    """A record of inventory.state."""
    return Event("inventory.state", 0, 0, key, name, fields)


def position(**fields: int) -> dict[str, Any]:
    """Stock at `north` as a state tells it."""
    return {"location_id": "north", "on_hand": 10, "reserved": 0, "safety_stock": 2, **fields}


def stock_state(**fields: Any) -> Event:
    """The state of `a`, with nothing but ten pieces at `north`."""
    return state("a", "StockState", **{"sku": "a", "positions": [position()], **fields})


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


def waited() -> Log:
    """An order whose second line waited, was promised supply, got it and was shipped."""
    return [
        counted(on_hand=5),
        placed(),
        supply(4, 0),
        reserved("1", 3, 5),
        queued(promised=500),
        event("OrderBackordered", order_id="o1", attempt=1),
        released("1", 0)._replace(fields={**released("1", 0).fields, "on_hand": 5, "allocated": 0}),
        supply(4, 4, 900),
        promised(900, 500),
        stocked(change=4, on_hand=9),
        supply(0, 4, 900),
        unqueued(),
        reserved("2", 3, 9),
        reserved("1", 6, 9),
        event("OrderReserved", order_id="o1"),
        money("PaymentAuthorized"),
        event("OrderAuthorized", order_id="o1"),
        shipment(1, "1", "2"),
        event("OrderRouted", order_id="o1", shipments=1),
        event("OrderReleased", order_id="o1", shipments=1),
        allocated("1", 3, 3)._replace(fields={**allocated("1", 3, 3).fields, "on_hand": 9}),
        shipped("1", 6, 3),
        shipped("2", 3, 0, was=False),
    ]


def with_kit() -> Log:
    """A released order of three kits, each of one `a` and two `b`."""
    part = {"order_id": "o1", "location_id": "north", "on_hand": 10}
    return [
        kit("k", a=1, b=2),
        counted(),
        event("StockSet", sku="b", location_id="north", on_hand=10, reserved=0, safety_stock=0),
        placed(lines=["1"], sku="k"),
        event("StockReserved", sku="a", line_id="1/a", quantity=3, reserved=3, **part),
        event("StockReserved", sku="b", line_id="1/b", quantity=6, reserved=6, **part),
        event("OrderReserved", order_id="o1"),
        money("PaymentAuthorized"),
        event("OrderAuthorized", order_id="o1"),
        shipment(1, "1"),
        event("OrderRouted", order_id="o1", shipments=1),
        event("OrderReleased", order_id="o1", shipments=1),
    ]


def bought() -> Log:
    """A purchase order that came in two deliveries."""
    return [
        event("OfferSet", sku="a", purchase_order_id=""),
        proposed(),
        purchase("PurchaseOrderApproved"),
        purchase("PurchaseOrderSent"),
        delivered(1, False),
        delivered(3, True, "d-2"),
        purchase("PurchaseOrderClosed"),
        purchase("PurchaseRefused", sku="", reason="wrong_status"),
    ]


def without(events: Log, name: str) -> Log:
    """The log with every event of that name left out."""
    return [one for one in events if one.name != name]


def rules(report: Report) -> set[str]:
    """The rules that are broken."""
    return {violation.rule for violation in report.broken}


@pytest.mark.parametrize("whole", [log, cancelled, refused, waited, with_kit, bought])
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
        lambda: [*log(), money("PaymentAuthorized")],
    ),
    "authorized beyond the total": (
        "money_nets",
        lambda: [*log(), money("PaymentAuthorized", 1, authorization_id="auth-2")],
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
    "a state without a position": (
        "state_follows_events",
        lambda: [counted(), stock_state(positions=[])],
    ),
    "a state with pieces allocated": (
        "state_follows_events",
        lambda: [counted(), stock_state(positions=[position(allocated=1)])],
    ),
    "a state that queues nobody": (
        "state_follows_events",
        lambda: [counted(), placed(), queued(), stock_state()],
    ),
    "a state that promises something else": (
        "state_follows_events",
        lambda: [counted(), placed(), queued(), stock_state(waiting=[
            {"order_id": "o1", "line_id": "2", "quantity": 3, "promised_at_ms": 7}])],
    ),
    "a state that expects nothing": (
        "state_follows_events",
        lambda: [counted(), supply(4, 0), stock_state()],
    ),
    "a state that holds a line elsewhere": (
        "state_follows_events",
        lambda: [
            counted(), placed(), reserved("1", 3),
            stock_state(positions=[position(reserved=3)]),
            state("a|o1|1", "ReservationState", sku="a", location_id="south", quantity=3),
        ],
    ),
    "a state that holds a line for good": (
        "state_follows_events",
        lambda: [
            counted(), placed(), stock_state(),
            state("a|o1|1", "ReservationState", sku="a", location_id="north", quantity=3),
        ],
    ),
    "a kit held for a cancelled order": (
        "nothing_held_after_the_end",
        lambda: [*cancelled(), state("k|o1|1", "KitState", order_id="o1", sku="k")],
    ),
    "a count from something else": (
        "on_hand_adds_up",
        lambda: [counted(), counted()._replace(
            fields={**counted().fields, "previously": 9, "allocated": 0})],
    ),
    "a receipt that does not add up": ("on_hand_adds_up", lambda: [counted(), stocked(on_hand=14)]),
    "a movement twice": (
        "moved_once",
        lambda: [counted(), stocked(), stocked(on_hand=20)],
    ),
    "a transfer that does not add up": (
        "in_transit_adds_up",
        lambda: [counted(), stocked("transfer_out", 0, 10, in_transit=(3, 2))],
    ),
    "damaged goods that do not add up": (
        "quarantined_adds_up",
        lambda: [counted(), stocked("disposition", -3, 7, quarantined=(3, 4))],
    ),
    "pieces that arrive and never left": (
        "never_below_zero",
        lambda: [counted(), stocked("transfer_in", 3, 13, in_transit=(-3, -3))],
    ),
    "an allocation that does not add up": (
        "allocated_adds_up",
        lambda: [*log(), allocated("1", 3, 4)],
    ),
    "a movement that forgets what is allocated": (
        "allocated_adds_up",
        lambda: [*log(), allocated("1", 3, 3), stocked(is_reserved=3)],
    ),
    "a line allocated twice": (
        "allocated_as_held",
        lambda: [*log(), allocated("1", 3, 3), allocated("1", 0, 6)],
    ),
    "a line allocated for nobody": (
        "allocated_as_held",
        lambda: [*log(), allocated("7", 3, 3)],
    ),
    "stock taken from under an allocation": (
        "never_oversold",
        lambda: [*log(), allocated("1", 3, 3),
                 stocked("adjustment", -5, 5, is_reserved=3, is_allocated=3)],
    ),
    "safety stock promised beside an allocation": (
        "safety_stock_kept",
        lambda: [*log(), allocated("1", 3, 3), placed("o2", ["1"]),
                 reserved("1", 6, order_id="o2")],
    ),
    "an allocation given back as a reservation": (
        "released_as_held",
        lambda: [*log(), allocated("1", 3, 3), released("1", 0, allocated=3)],
    ),
    "a line shipped twice": (
        "shipped_as_held",
        lambda: [*waited(), shipped("2", 0, -3, was=False)],
    ),
    "a line shipped in part": (
        "shipped_as_held",
        lambda: [*log(), shipped("1", 8, 4, was=False, quantity=2)],
    ),
    "a line shipped that adds up to something else": (
        "on_hand_adds_up",
        lambda: [*log(), shipped("1", 10, 3, was=False)],
    ),
    "a line queued twice": ("queued_once", lambda: [counted(), placed(), queued(), queued()]),
    "a line queued that is held": (
        "queued_once",
        lambda: [counted(), placed(), reserved("1", 3), queued("1")],
    ),
    "a line reserved that still waits": (
        "queued_once",
        lambda: [counted(), placed(), queued("1"), reserved("1", 3)],
    ),
    "a wait that ends twice": (
        "waits_as_queued",
        lambda: [counted(), placed(), queued(), unqueued(), unqueued()],
    ),
    "a promise to nobody": ("waits_as_queued", lambda: [counted(), placed(), promised(5, 0)]),
    "a promise that was never made": (
        "promise_follows",
        lambda: [counted(), placed(), queued(promised=5), promised(9, 6)],
    ),
    "an order that ended and waits": (
        "nothing_queued_after_the_end",
        lambda: [counted(), placed(), queued(), event("OrderRefused", order_id="o1")],
    ),
    "a released order that waits": (
        "nothing_queued_after_the_end",
        lambda: [*log(), queued("3")],
    ),
    "a place in a queue for nobody": (
        "queued_for_an_order",
        lambda: [counted(), queued(order_id="o7")],
    ),
    "a supply that was more before": ("supply_adds_up", lambda: [supply(4, 0), supply(2, 5)]),
    "a supply that comes again": (
        "supply_adds_up",
        lambda: [supply(4, 0), supply(0, 4), supply(4, 4)],
    ),
    "a part of a kit missing": (
        "released_is_reserved",
        lambda: [one for one in with_kit() if one.fields.get("line_id") != "1/b"],
    ),
    "a part of a kit too many": (
        "reserved_as_ordered",
        lambda: [kit("k", a=2, b=2), *[one for one in with_kit() if one.name != "SkuSet"]],
    ),
    "a kit that is shipped from elsewhere": (
        "shipped_from_where_held",
        lambda: [shipment(1, "1", location_id="south") if "line_ids" in one.fields else one
                 for one in with_kit()],
    ),
    "more delivered than ordered": (
        "received_as_ordered",
        lambda: [proposed(), delivered(5, True)],
    ),
    "complete with pieces open": (
        "complete_when_all_came",
        lambda: [proposed(), delivered(3, True)],
    ),
    "a delivery twice": ("once", lambda: [proposed(), delivered(1, False), delivered(1, False)]),
    "a delivery after the end": (
        "purchase_ends_once",
        lambda: [*bought(), delivered(1, True, "d-3")],
    ),
    "a delivery of nothing ordered": ("proposed_first", lambda: [delivered(1, True)]),
    "a purchase order under another's key": (
        "keyed",
        lambda: [proposed()._replace(key="po-2")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_found(breach: str) -> None:
    rule, make = BREACHES[breach]
    assert rule in rules(audit(make()))


def test_a_state_that_the_events_give_breaks_no_rule() -> None:
    events = [
        counted(), placed(), placed("o2"), reserved("1", 3), queued(promised=500), supply(4, 0),
        event("OrderBackordered", order_id="o1", attempt=1),
        event("OrderBackordered", order_id="o2", attempt=1),
        stock_state(
            positions=[position(reserved=3)],
            waiting=[{"order_id": "o1", "line_id": "2", "quantity": 3, "promised_at_ms": 500}],
            supplies=[{"supply_id": "po-1/1", "location_id": "north", "quantity": 4,
                       "expected_at_ms": 500}],
        ),
        state("a|o1|1", "ReservationState", sku="a", location_id="north", quantity=3),
        state("k|o2|1", "KitState", order_id="o2", sku="k"),
    ]  # fmt: skip
    assert audit(events).broken == []


def test_a_movements_id_may_be_used_again_when_it_is_forgotten() -> None:
    again = stocked(on_hand=20, at_ms=30 * 86_400_000)
    assert audit([counted(), stocked(), again]).broken == []


def test_other_keys_of_the_state_are_no_reservations() -> None:
    events = [
        counted(),
        stock_state(),
        state("@locations", "LocationsState", locations=[]),
        state("a|@movement|m1", "MovementState", movement_id="m1"),
        state("a|@lots|north", "LotsState", lots=[]),
        state("a|@movement|m1", ""),
    ]
    assert audit(events).broken == []


def test_a_kit_has_no_positions_and_may_be_made_of_other_parts_later() -> None:
    events = [*with_kit(), kit("k", a=5)]
    assert audit(events).broken == []
    events = [
        event("StockSet", sku="k", location_id="north", on_hand=0, reserved=0, safety_stock=2),
        *with_kit(),
        state("k", "StockState", sku="k", positions=[]),
    ]
    assert "k at north" not in {one.subject for one in audit(events).broken}


def test_a_log_of_before_pieces_were_allocated_can_be_audited() -> None:
    older = [
        one._replace(
            fields={
                name: value
                for name, value in one.fields.items()
                if name not in ("allocated", "was_allocated")
            }
        )
        for one in cancelled()
    ]
    assert audit(older).broken == []


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
        "sequence": 0,
        "digest": b"",
        "rule": "",
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
