"""Each event of an order has a sentence, whatever the record holds."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from connectors.clickhouse.rows import detail
from deploy.timeline import EVENTS, why
from deploy.timeline_promises import days
from schemas.fulfillment import FulfillmentOrderReleased
from schemas.inventory import (
    BackorderPromised,
    LotPick,
    StockAllocated,
    StockBackordered,
    StockReserved,
    StockShipped,
)
from schemas.orders import OrderLine, OrderPlaced, OrderRefused
from schemas.payments import AuthorizationRequested, PaymentDeclined
from schemas.promises import FulfillmentOrderAtRisk, PromiseChanged, PromiseMissed
from schemas.purchasing import PurchaseLine, PurchaseOrderProposed, PurchaseOrderSent
from schemas.records import Record
from schemas.stock import StockSet

NOW = 1_700_000_000_000
NOT_OF_AN_ORDER = {
    "ChannelSourcingSet",
    "LegalEntitySet",
    "LocationRegistered",
    "OfferSet",
    "PerformanceMeasured",
    "PolicySet",
    "ReplenishmentSuggested",
    "RoutingRulesSet",
    "SkuSet",
    "StockLevelChanged",
    "StockMoved",
    "StockSet",
    "SupplyExpected",
}


def told(record: Record, reason: str = "") -> str:
    """What the command says of an event that went through ClickHouse and the dashboard."""
    return why(type(record).__name__, msgspec.json.decode(detail(record)), reason)


def example(kind: type[Record]) -> Record:
    values: dict[type, object] = {str: "USD", int: 1, bool: True, float: 1.0, bytes: b""}
    return kind(
        **{
            item.name: values.get(item.type, [] if item.name in ("lines", "locations") else NOW)
            if not str(item.type).startswith("list")
            else []
            for item in msgspec.structs.fields(kind)
        }
    )


@pytest.mark.parametrize("name", sorted(EVENTS.keys() - NOT_OF_AN_ORDER))
def test_every_event_of_an_order_is_explained(name: str) -> None:
    assert told(example(EVENTS[name]), "bare_reason") not in ("", "bare reason")


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "1234 JPY"), ("EUR", "12.34 EUR"), ("KWD", "1.234 KWD")]
)
def test_amounts_are_written_by_the_currencys_exponent(currency: str, amount: str) -> None:
    assert told(PaymentDeclined("o", "card_declined", 1234, currency, NOW)) == (
        f"{amount}: card declined"
    )


def test_quantities_and_places_are_named() -> None:
    reserved = StockReserved("MUG", "o", "1", "berlin", 2, 9, 2, NOW, NOW)
    assert told(reserved) == "line 1: 2 × MUG at berlin, held until 2023-11-14 22:13:20"
    lines = [OrderLine("1", "MUG", 2, 500), OrderLine("2", "TEE", 1, 900)]
    placed = OrderPlaced("o", "json", "1", "EUR", 1900, 0, lines, "DE", NOW, "raw", NOW)
    assert told(placed) == "2 × MUG, 1 × TEE; 19.00 EUR by json"
    assert told(OrderRefused("o", "2", "out_of_stock", NOW)) == "line 2: out of stock"


def test_no_event_that_names_an_order_is_left_out() -> None:
    assert not {name for name in NOT_OF_AN_ORDER if "order_id" in EVENTS[name].__struct_fields__}


def test_what_is_worked_on_and_what_has_left_names_its_lots() -> None:
    lots = [LotPick("L1", 1), LotPick("L2", 2)]
    allocated = StockAllocated("MUG", "o", "1", "berlin", 3, 9, 0, 3, lots, NOW)
    assert told(allocated) == "line 1: 3 × MUG at berlin are worked on, lot L1 (1), L2 (2)"
    shipped = StockShipped("MUG", "o", "1", "berlin", 3, 6, 0, 0, [], "ada", NOW)
    assert told(shipped) == "line 1: 3 × MUG have left berlin"


def test_a_promise_that_slips_says_what_it_was() -> None:
    waits = StockBackordered("MUG", "o", "1", 2, 0, 0, NOW)
    assert told(waits) == "line 1: 2 × MUG waits in the queue, without a date"
    slipped = BackorderPromised("MUG", "o", "1", 2, NOW + 86_400_000, NOW, NOW)
    assert told(slipped) == (
        "line 1: 2 × MUG promised for 2023-11-15 22:13:20; before: promised for 2023-11-14 22:13:20"
    )


def test_a_purchase_order_tells_what_when_and_by_whom() -> None:
    lines = [PurchaseLine("1", "MUG", 40, 250)]
    proposed = PurchaseOrderProposed("po-1", "acme", "", lines, "EUR", NOW, "o", "", "rooms", NOW)
    assert told(proposed) == "po-1: 40 × MUG from acme to the customer"
    sent = PurchaseOrderSent("po-1", NOW, "ada", NOW)
    assert told(sent) == "po-1 is with the supplier, due 2023-11-14 22:13:20, by ada"


def test_what_stays_on_kafka_is_not_missed() -> None:
    asked = AuthorizationRequested("o", "key", 1900, "EUR", "4242", False, 2, NOW)
    assert told(asked) == "19.00 EUR asked for at the gateway, try 2"


def test_an_event_that_is_not_known_here_keeps_its_bare_reason() -> None:
    assert why("OrderPainted", {}, "too_blue") == "too blue"
    assert why("OrderRefused", {"order_id": 1}, "out_of_stock") == "out of stock"
    assert told(StockSet("MUG", "berlin", 1, 0, 0, "count", NOW)) == ""


def test_a_customer_can_be_told_when_it_comes_and_why_that_has_changed() -> None:
    released = FulfillmentOrderReleased("o", "o/1", "berlin", ["1"], NOW)
    assert told(released) == "o/1 at berlin: line 1"
    promised = replace(released, ship_by_ms=NOW, promised_by_ms=NOW, promised_day="2023-11-16")
    assert told(promised) == (
        "o/1 at berlin: line 1; leaves by 2023-11-14 22:13; promised for 2023-11-16"
    )
    changed = PromiseChanged(
        "o", "o/1", ["1", "2"], NOW, NOW, "left_late", NOW, "2023-11-17", "2023-11-16"
    )
    assert told(changed) == (
        "o/1: line 1, 2 promised for 2023-11-17, no longer 2023-11-16: left late"
    )
    risk = FulfillmentOrderAtRisk(
        "o", "o/1", "berlin", ["1"], "not_packed", NOW, NOW, NOW, "2023-11-16"
    )
    assert told(risk) == (
        "o/1: line 1 at berlin: not packed; leaves by 2023-11-14 22:13; promised for 2023-11-16"
    )
    missed = PromiseMissed("o", "o/1", "berlin", ["1"], "shipped", NOW, NOW, "2023-11-16")
    assert told(missed) == "o/1: line 1 was promised for 2023-11-16: shipped"


def test_the_day_that_was_promised_last_counts_for_each_line() -> None:
    events = [
        ("FulfillmentOrderReleased", {"line_ids": ["1", "2", "3"], "promised_day": "2023-11-16"}),
        ("OrderReleased", {}),
        ("PromiseChanged", {"line_ids": ["2"], "promised_day": "2023-11-15"}),
        ("FulfillmentLinesCancelled", {"line_ids": ["3"]}),
        ("FulfillmentOrderReleased", {"line_ids": ["4"]}),
    ]
    assert days(events) == {"2023-11-15": ["2"], "2023-11-16": ["1"]}
    assert days([*events, ("OrderCancelled", {})]) == {}
