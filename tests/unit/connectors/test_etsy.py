"""What comes from Etsy becomes commands, or a reason that is true."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.etsy import Etsy
from connectors.channels.mapping import Mapped, Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.etsy_receipt import eur, receipt, transaction

NOW = 1_709_400_000_000


def results(value: Any) -> list[Mapped]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Etsy().orders(payload, "", "raw-1", NOW)


def placed(value: Any) -> PlaceOrder:
    (order,) = results(value)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(value: Any) -> Rejected:
    (error,) = results(value)
    assert isinstance(error, Rejected), error
    return error


def test_a_receipt_that_is_paid_is_an_order() -> None:
    order = placed(receipt())
    assert order.order_id == "etsy-3001"
    assert (order.total_minor, order.paid_minor, order.currency) == (1930, 1930, "EUR")
    assert (order.discount_minor, order.shipping_minor, order.tax_minor) == (170, 400, 0)
    assert (order.version, order.placed_at_ms) == (1_709_300_000_000, 1_709_290_000_000)
    (only,) = order.lines
    assert (only.line_id, only.sku, only.quantity, only.unit_price_minor) == (
        "701",
        "CANDLE-1",
        2,
        850,
    )
    assert order.ship_to.country == "SE"


def test_a_page_a_list_and_lines_hold_a_receipt_each() -> None:
    two = [receipt(), receipt(receipt_id=3002)]
    by_line = "\n".join(json.dumps(each) for each in two).encode()
    for payload in ({"count": 2, "results": two}, two, by_line):
        found = [order for order in results(payload) if isinstance(order, PlaceOrder)]
        assert [order.external_id for order in found] == ["3001", "3002"]


def test_transactions_of_another_call_are_joined_to_their_receipt() -> None:
    bare = receipt(transactions=None)
    assert rejected(bare).reason == "incomplete"
    lines = {"count": 1, "results": [transaction(1)]}
    placed({"documents": [bare, lines]})
    placed({"documents": [lines, {"results": [bare]}]})
    error = rejected(lines)
    assert (error.reason, error.external_id) == ("incomplete", "3001")


def test_taxes_and_gift_wrap_are_added() -> None:
    more = {"total_tax_cost": eur(100), "gift_wrap_price": eur(250), "grandtotal": eur(2280)}
    assert placed(receipt(**more)).tax_minor == 350


def test_vat_is_in_the_prices_where_the_sum_comes_out_without_it() -> None:
    within = placed(receipt(total_vat_cost=eur(320)))
    assert (within.prices_include_tax, within.tax_minor) == (True, 0)
    on_top = placed(receipt(total_vat_cost=eur(320), grandtotal=eur(2250)))
    assert (on_top.prices_include_tax, on_top.tax_minor) == (False, 320)


def test_a_total_that_differs_is_told_as_it_is() -> None:
    (order,) = results(receipt(grandtotal=eur(1)))
    assert isinstance(order, PlaceOrder)
    assert (order.total_minor, recomputed_total(order)) == (1, 1930)


def test_an_amount_is_what_its_divisor_makes_of_it() -> None:
    assert placed(receipt(grandtotal=eur(193, 10))).total_minor == 1930
    yen = {"amount": 500, "divisor": 1, "currency_code": "JPY"}
    none = {"amount": 0, "divisor": 1, "currency_code": "JPY"}
    names = ("total_shipping_cost", "total_tax_cost", "total_vat_cost", "discount_amt")
    japan = receipt(transaction(1, price=yen, quantity=1), grandtotal=yen, gift_wrap_price=none)
    assert placed({**japan, **dict.fromkeys(names, none)}).total_minor == 500


def test_what_has_no_sku_or_is_a_file_is_not_taken_from_stock() -> None:
    for changes in ({"sku": ""}, {"sku": None}, {"is_digital": True}):
        assert placed(receipt(transaction(1, **changes))).lines[0].kind == LineKind.CUSTOM


def test_whom_a_receipt_names_stands_in_what_is_encrypted() -> None:
    wish = [{"formatted_name": "Personalization", "formatted_value": "For Mia"}]
    order = receipt(transaction(1, variations=wish))
    (contact,) = Etsy().contacts(json.dumps(order).encode(), "")
    assert (contact.name, contact.channel_customer_id) == ("Ola Lind", "42")
    personal = people.read(placed(order))
    assert (personal.contact, personal.note) == (contact, "No hurry")
    assert personal.personalisation[0].value == "For Mia"


def test_a_canceled_order_is_canceled() -> None:
    cancelled = CancelOrder("etsy-3001", "cancelled at the channel", 1_709_300_000_000)
    assert results(receipt(status="Canceled")) == [cancelled]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"is_shipped": True}, "nothing_to_deliver"),
        ({"status": "Completed"}, "nothing_to_deliver"),
        ({"status": "Fully Refunded"}, "nothing_to_deliver"),
        ({"is_paid": False, "status": "Open"}, "not_ready"),
        ({"status": "Payment Processing"}, "not_ready"),
        ({"status": "Lost"}, "wrong_type"),
    ],
)
def test_what_is_not_to_leave_says_why(changes: dict[str, Any], reason: str) -> None:
    error = rejected(receipt(**changes))
    assert (error.reason, error.external_id) == (reason, "3001")


def test_an_order_that_is_refunded_in_part_is_delivered() -> None:
    refunds = [{"status": "SUCCESS", "amount": eur(100)}]
    assert placed(receipt(status="Partially Refunded", refunds=refunds)).paid_minor == 1930


def test_an_event_names_a_receipt_that_is_to_be_fetched() -> None:
    url = "https://api.etsy.com/v3/application/shops/9/receipts/3001"
    error = rejected({"event_type": "order.paid", "resource_url": url, "shop_id": "9"})
    assert (error.reason, error.external_id) == ("incomplete", "3001")
    (command,) = results({"event_type": "order.canceled", "resource_url": url})
    assert command == CancelOrder("etsy-3001", "cancelled at the channel", NOW)
    assert rejected({"event_type": "order.shipped", "resource_url": url}).reason == "not_an_order"
    assert rejected({"event_type": "x", "resource_url": None}).reason == "not_an_order"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"receipt_id": None}, "missing_field", "receipt_id"),
        ({"grandtotal": None}, "missing_field", "grandtotal"),
        ({"grandtotal": eur(19.3)}, "invalid_amount", "grandtotal.amount"),
        ({"grandtotal": eur("1930")}, "invalid_amount", "grandtotal.amount"),
        ({"grandtotal": eur(-1)}, "invalid_amount", "grandtotal.amount"),
        ({"grandtotal": eur(1, 1000)}, "invalid_amount", "grandtotal.amount"),
        ({"grandtotal": eur(1, 0)}, "invalid_amount", "grandtotal.divisor"),
        (
            {"discount_amt": {**eur(1), "currency_code": "USD"}},
            "invalid_amount",
            "discount_amt.currency_code",
        ),
        ({"created_timestamp": "now"}, "invalid_time", "created_timestamp"),
        ({"transactions": []}, "missing_field", "transactions"),
        (
            {"transactions": [transaction(1, quantity=1.5)]},
            "invalid_quantity",
            "transactions[0].quantity",
        ),
        (
            {"transactions": [transaction(1, quantity=0)]},
            "invalid_quantity",
            "transactions[0].quantity",
        ),
        ({"transactions": [transaction(1, price=None)]}, "missing_field", "transactions[0].price"),
        ({"city": ["Lund"]}, "wrong_type", "city"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = rejected(receipt(**changes))
    assert (error.reason, error.field) == (reason, field)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"error": "Resource not found"}, "not_an_order"),
        ({"listing_id": 55, "title": "Candle"}, "not_an_order"),
        ({"count": 0, "results": []}, "missing_field"),
        ({"results": {}}, "wrong_type"),
        ({"documents": []}, "missing_field"),
        ({"a": 1}, "unreadable"),
        (b"", "unreadable"),
        (b'{"receipt_id": 3001', "unreadable"),
        (b'{"receipt_id": 1, "receipt_id": 2}', "wrong_type"),
        (3, "unreadable"),
    ],
)
def test_what_is_no_receipt_is_said_to_be_none(value: Any, reason: str) -> None:
    assert rejected(value).reason == reason
