"""A Shopify order maps to a command, or is refused with the field at fault."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import mapping
from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.shopify import Shopify
from schemas.orders import CancelOrder, PlaceOrder
from tests.unit.connectors.shopify_order import line, shopify_order

NOW = 1_709_300_000_000


def read(payload: bytes, topic: str = "orders/create") -> list[Mapped]:
    return Shopify().orders(payload, topic, "raw-1", NOW)


def only(value: object, topic: str = "orders/create") -> Mapped:
    (result,) = read(json.dumps(value).encode(), topic)
    return result


def placed(value: object) -> PlaceOrder:
    result = only(value)
    assert isinstance(result, PlaceOrder), result
    return result


def fault(value: object, topic: str = "orders/create") -> tuple[str, str]:
    result = only(value, topic)
    assert isinstance(result, Rejected), result
    return result.reason, result.field


def test_every_amount_and_instant_of_an_order_is_taken_over() -> None:
    order = placed(shopify_order())
    assert (order.order_id, order.external_id) == ("shopify-5001", "5001")
    assert order.placed_at_ms == 1_709_290_740_000
    assert order.version == 1_709_291_100_000
    assert [(item.line_id, item.sku, item.quantity) for item in order.lines] == [
        ("9001", "MUG-1", 1),
        ("9002", "MUG-2", 1),
    ]
    assert [item.unit_price_minor for item in order.lines] == [1000, 1000]
    assert (order.discount_minor, order.shipping_minor, order.tax_minor) == (0, 450, 210)
    assert (order.total_minor, order.paid_minor, order.paid_currency) == (2660, 2660, "EUR")
    assert (order.ship_to.country, order.ship_to.region) == ("DE", "HB")
    assert (order.ship_to.latitude, order.ship_to.longitude) == (53.08, 8.8)
    assert order.raw_id == "raw-1"


def test_a_webhook_an_envelope_and_a_list_give_the_same_order() -> None:
    bare = placed(shopify_order())
    assert placed({"order": shopify_order()}) == bare
    assert placed({"orders": [shopify_order()]}) == bare
    assert placed([shopify_order()]) == bare
    through_eventbridge = {
        "detail-type": "shopifyWebhook",
        "detail": {"metadata": {"X-Shopify-Topic": "orders/create"}, "payload": shopify_order()},
    }
    assert placed(through_eventbridge) == bare


def test_a_byte_order_mark_is_tolerated() -> None:
    (result,) = read(b"\xef\xbb\xbf" + json.dumps(shopify_order()).encode())
    assert isinstance(result, PlaceOrder)


def test_the_total_is_the_channels_claim_even_where_the_lines_differ() -> None:
    assert placed(shopify_order(total_price="99.99")).total_minor == 9999


def test_tax_that_prices_include_is_not_added() -> None:
    assert placed(shopify_order(taxes_included=True)).tax_minor == 0


def test_the_currencys_own_exponent_counts() -> None:
    changes = {"currency": "JPY", "total_price": "2660", "total_tax": "0", "shipping_lines": []}
    order = placed(shopify_order(line_items=[line(1, price="2660")], **changes))
    assert order.total_minor == 2660


@pytest.mark.parametrize(
    ("changes", "paid"),
    [
        ({"financial_status": "authorized"}, 2660),
        ({"financial_status": "paid"}, 2660),
        ({"financial_status": "partially_paid", "total_outstanding": "6.60"}, 2000),
        ({"financial_status": "partially_paid"}, 0),
        ({"financial_status": "pending"}, 0),
        ({"financial_status": "partially_paid", "total_outstanding": "-1.00"}, 2660),
        ({"financial_status": "partially_refunded", "total_outstanding": "0.00"}, 2660),
        ({"financial_status": "partially_refunded"}, 2660),
        ({"financial_status": "expired"}, 0),
        ({"financial_status": "voided"}, 0),
        ({"financial_status": None}, 0),
    ],
)
def test_only_what_the_channel_holds_counts_as_paid(changes: dict[str, Any], paid: int) -> None:
    order = placed(shopify_order(**changes))
    assert (order.payment_method, order.paid_minor) == ("channel", paid)


def test_amounts_that_were_turned_into_numbers_are_read_digit_by_digit() -> None:
    lines = [line(1, price=10.1, quantity=2.0), line(2, price=1e1)]
    numbers = shopify_order(line_items=lines, total_price=36.80, total_tax=2.1, shipping_lines=[])
    order = placed(numbers)
    assert (order.total_minor, order.tax_minor) == (3680, 210)
    assert [(item.quantity, item.unit_price_minor) for item in order.lines] == [
        (2, 1010),
        (1, 1000),
    ]


@pytest.mark.parametrize("status", ["refunded", "REFUNDED"])
def test_an_order_whose_money_went_back_whole_is_not_delivered(status: str) -> None:
    given_back = shopify_order(financial_status=status)
    assert fault(given_back) == ("nothing_to_deliver", "financial_status")


def test_a_removed_line_is_skipped() -> None:
    order = placed(shopify_order(line_items=[line(1, quantity=0, sku=None), line(2)]))
    assert [item.sku for item in order.lines] == ["MUG-2"]


def test_pieces_that_were_removed_are_not_ordered_any_more() -> None:
    lines = [line(1, quantity=3, current_quantity=2), line(2, quantity=1, current_quantity=0)]
    order = placed(shopify_order(line_items=lines))
    assert [(item.sku, item.quantity) for item in order.lines] == [("MUG-1", 2)]


def test_no_more_pieces_are_left_than_were_ordered() -> None:
    odd = shopify_order(line_items=[line(1, current_quantity=2)])
    assert fault(odd) == ("invalid_quantity", "line_items[0].current_quantity")


def test_null_addresses_leave_the_order_without_a_place() -> None:
    assert placed(shopify_order(shipping_address=None)).ship_to == mapping.NOWHERE


def test_the_billing_address_stands_in_for_the_shipping_address() -> None:
    order = placed(shopify_order(shipping_address=None, billing_address={"country_code": "fr"}))
    assert (order.ship_to.country, order.ship_to.latitude) == ("FR", 0.0)


def test_one_coordinate_alone_is_no_position() -> None:
    order = placed(shopify_order(shipping_address={"latitude": "53.08", "longitude": None}))
    assert (order.ship_to.latitude, order.ship_to.longitude) == (0.0, 0.0)


def test_a_cancelled_order_asks_for_its_cancellation() -> None:
    cancelled = shopify_order(cancelled_at="2024-03-02T00:00:00Z", cancel_reason="customer")
    assert only(cancelled) == CancelOrder("shopify-5001", "customer", 1_709_337_600_000)
    assert only(shopify_order(), "orders/cancelled") == CancelOrder(
        "shopify-5001", mapping.CANCELLED_AT_CHANNEL, NOW
    )


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"id": None}, "missing_field", "id"),
        ({"id": 1.5}, "wrong_type", "id"),
        ({"id": "a|b"}, "invalid_identifier", "id"),
        ({"currency": "EURO"}, "unknown_currency", "currency"),
        ({"currency": 7}, "wrong_type", "currency"),
        ({"total_price": None}, "missing_field", "total_price"),
        ({"total_price": 26.605}, "invalid_amount", "total_price"),
        ({"total_price": "-1.00"}, "invalid_amount", "total_price"),
        ({"total_price": "1_0.00"}, "invalid_amount", "total_price"),
        ({"total_price": "NaN"}, "invalid_amount", "total_price"),
        ({"total_price": "1.000" + "0" * 40 + "1"}, "invalid_amount", "total_price"),
        ({"total_price": "1.005"}, "invalid_amount", "total_price"),
        ({"total_price": True}, "invalid_amount", "total_price"),
        ({"total_discounts": "-0.01"}, "invalid_amount", "total_discounts"),
        ({"shipping_lines": [{"price": 4.505}]}, "invalid_amount", "shipping_lines[0].price"),
        ({"processed_at": "2024-03-01T12:00:00"}, "invalid_time", "processed_at"),
        ({"updated_at": "yesterday"}, "invalid_time", "updated_at"),
        ({"taxes_included": "no"}, "wrong_type", "taxes_included"),
        ({"financial_status": "settled"}, "wrong_type", "financial_status"),
        (
            {"created_at": "0001-01-01T00:00:00Z", "processed_at": None},
            "invalid_time",
            "created_at",
        ),
        ({"id": 10**25}, "wrong_type", "id"),
        ({"id": "gid://shopify/Order/"}, "invalid_identifier", "id"),
        ({"line_items": None}, "incomplete", "line_items"),
        ({"line_items": []}, "missing_field", "line_items"),
        ({"line_items": "two"}, "wrong_type", "line_items"),
        ({"line_items": ["two"]}, "wrong_type", "line_items[0]"),
        ({"line_items": [line(1), line(2, sku="")]}, "missing_field", "line_items[1].sku"),
        ({"line_items": [line(1, sku=None)]}, "missing_field", "line_items[0].sku"),
        ({"line_items": [line(1, quantity=-1)]}, "invalid_quantity", "line_items[0].quantity"),
        ({"line_items": [line(1, quantity="1.5")]}, "invalid_quantity", "line_items[0].quantity"),
        ({"line_items": [line(1, quantity=1.5)]}, "invalid_quantity", "line_items[0].quantity"),
        ({"line_items": [line(1, quantity=True)]}, "invalid_quantity", "line_items[0].quantity"),
        ({"line_items": [line(1, price=19.995)]}, "invalid_amount", "line_items[0].price"),
        ({"line_items": [line(1), line(1)]}, "invalid_identifier", "line_items"),
        (
            {"line_items": [line(1, quantity=10**9, price="9999999.00")]},
            "invalid_amount",
            "line_items",
        ),
        ({"line_items": [line(n) for n in range(501)]}, "too_large", "line_items"),
        ({"shipping_address": "Quay 4"}, "wrong_type", "shipping_address"),
        ({"shipping_address": {"city": "x" * 501}}, "too_large", "shipping_address.city"),
        ({"shipping_address": {"latitude": "north"}}, "wrong_type", "shipping_address.latitude"),
        (
            {"financial_status": "partially_paid", "total_outstanding": "26.61"},
            "invalid_amount",
            "total_outstanding",
        ),
    ],
)
def test_a_field_at_fault_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    assert fault(shopify_order(**changes)) == (reason, field)


def test_an_order_that_has_left_is_not_delivered_again() -> None:
    for status in ("fulfilled", "partial", "restocked"):
        assert fault(shopify_order(fulfillment_status=status)) == (
            mapping.NOTHING_TO_DELIVER,
            "fulfillment_status",
        )
    assert placed(shopify_order(fulfillment_status="pending")).total_minor == 2660


def test_an_order_without_a_piece_left_has_nothing_to_deliver() -> None:
    gone = shopify_order(line_items=[line(1, current_quantity=0)])
    assert fault(gone) == (mapping.NOTHING_TO_DELIVER, "line_items")


def test_half_of_an_emoji_spoils_only_the_field_that_is_read() -> None:
    assert placed(shopify_order(note="cut off \ud83d")).total_minor == 2660
    spoilt = [line(1, sku="MUG-\ud83d")]
    assert fault(shopify_order(line_items=spoilt)) == ("wrong_type", "line_items[0].sku")
    assert fault(shopify_order(id="\ud83d")) == ("wrong_type", "id")


def test_a_country_is_known_by_its_name_where_the_code_is_left_out() -> None:
    for address in (
        {"country_code": None, "country": "Côte d’Ivoire"},
        {"country": "CI"},
        {"country_code": "ci", "country": "elsewhere"},
    ):
        assert placed(shopify_order(shipping_address=address)).ship_to.country == "CI"
    unknown = shopify_order(shipping_address={"country": "Atlantis"})
    assert placed(unknown).ship_to.country == ""


def test_an_order_on_each_line_is_read_line_by_line() -> None:
    lines = [json.dumps(shopify_order(id=number)) for number in (1, 2)]
    results = read("\n".join([*lines, "{"]).encode(), "")
    assert [type(result) for result in results] == [PlaceOrder, PlaceOrder, Rejected]


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(shopify_order()).encode()[:-20],
        b"",
        b"\xff\xfe",
        b"<order/>",
        b'{"id": NaN}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=["truncated", "empty", "not-utf8", "xml", "nan", "deep", "deep-cut"],
)
def test_what_is_not_json_is_unreadable(payload: bytes) -> None:
    (result,) = read(payload)
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == ("unreadable", "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, ("unreadable", "")),
        ("order", ("unreadable", "")),
        ([], ("missing_field", "")),
        ({"order": None}, ("wrong_type", "")),
        ({"orders": {}}, ("wrong_type", "orders")),
        ({"orders": []}, ("missing_field", "orders")),
    ],
)
def test_another_shape_is_refused_as_a_whole(value: object, expected: tuple[str, str]) -> None:
    assert fault(value) == expected


def test_a_payload_beyond_the_limit_is_not_even_parsed() -> None:
    (result,) = read(b" " * (mapping.MAXIMUM_PAYLOAD_BYTES + 1))
    assert isinstance(result, Rejected)
    assert result.reason == "too_large"


def test_more_orders_than_a_transaction_carries_are_refused_as_a_whole() -> None:
    assert fault({"orders": [1] * (mapping.MAXIMUM_ORDERS + 1)}) == ("too_large", "")
    assert len(read(json.dumps({"orders": [1] * mapping.MAXIMUM_ORDERS}).encode())) == 10_000


def test_one_bad_order_leaves_the_others_alone() -> None:
    bad = shopify_order(id=5002, currency="???")
    results = read(json.dumps({"orders": [shopify_order(), bad, "x"]}).encode())
    assert isinstance(results[0], PlaceOrder)
    assert [r.external_id for r in results[1:] if isinstance(r, Rejected)] == ["5002", "number 3"]


def test_the_detail_stays_short_however_long_the_field_is() -> None:
    result = only(shopify_order(currency="E" * 400))
    assert isinstance(result, Rejected)
    assert len(result.detail) <= mapping.MAXIMUM_TEXT
