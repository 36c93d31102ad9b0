"""Each event of an order has a sentence, whatever the record holds."""

from __future__ import annotations

import msgspec
import pytest

from connectors.clickhouse.rows import detail
from deploy.timeline import EVENTS, why
from schemas.inventory import StockReserved
from schemas.orders import OrderLine, OrderPlaced, OrderRefused
from schemas.payments import AuthorizationRequested, PaymentDeclined
from schemas.records import Record
from schemas.stock import StockSet

NOW = 1_700_000_000_000
NOT_OF_AN_ORDER = {"StockSet", "LocationRegistered"}


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


def test_what_stays_on_kafka_is_not_missed() -> None:
    asked = AuthorizationRequested("o", "key", 1900, "EUR", "4242", False, 2, NOW)
    assert told(asked) == "19.00 EUR asked for at the gateway, try 2"


def test_an_event_that_is_not_known_here_keeps_its_bare_reason() -> None:
    assert why("OrderPainted", {}, "too_blue") == "too blue"
    assert why("OrderRefused", {"order_id": 1}, "out_of_stock") == "out of stock"
    assert told(StockSet("MUG", "berlin", 1, 0, 0, "count", NOW)) == ""
