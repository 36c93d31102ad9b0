"""Orders of Amazon's Selling Partner API, told in one call or in several."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import mapping, people
from connectors.channels.amazon import Amazon
from connectors.channels.mapping import Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.amazon_order import amazon_order, header, item, money, order_2026

NOW = 1_709_300_000_000


def results(payload: object) -> list[mapping.Mapped]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Amazon().orders(body, "", "raw-1", NOW)


def placed(payload: object) -> PlaceOrder:
    (order,) = results(payload)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(payload: object) -> Rejected:
    (order,) = results(payload)
    assert isinstance(order, Rejected), order
    return order


def test_an_order_and_its_items_become_one_order() -> None:
    order = placed(amazon_order())
    assert order.order_id == "amazon-902-1845936-5435065"
    assert (order.total_minor, order.tax_minor, order.shipping_minor) == (2700, 200, 500)
    assert (order.lines[0].unit_price_minor, order.lines[0].quantity) == (1000, 2)
    assert order.version == order.placed_at_ms + 3_600_000
    assert (order.paid_minor, order.purchase_order_number) == (2700, "PO-7")
    assert order.ship_to.postal_code == "48817"


def test_the_parts_are_joined_by_order_and_item_in_any_sequence() -> None:
    number = header()["AmazonOrderId"]
    address = {"Name": "Ada", "AddressLine1": "1 Cross St.", "CountryCode": "US"}
    wishes = {"OrderItemId": item(1)["OrderItemId"], "GiftWrapPrice": money("3.00")}
    parts = [
        {"payload": {"AmazonOrderId": number, "OrderItems": [wishes]}},
        {"payload": {"AmazonOrderId": number, "BuyerName": "Ada"}},
        {"payload": {"AmazonOrderId": number, "ShippingAddress": address}},
        *amazon_order()["documents"],
    ]
    parts[-2]["payload"] = header(
        OrderTotal=money("30.00"), ShippingAddress=None, BuyerInfo={"BuyerEmail": "a@example.com"}
    )
    order = placed({"documents": parts})
    assert order.tax_minor == 200 + 300
    assert order.ship_to.line1 == "1 Cross St."
    assert people.read(order).contact.name == "Ada"
    assert placed({"documents": parts[::-1]}).total_minor == 3000


@pytest.mark.parametrize("number", [0, 1])
def test_a_part_alone_is_incomplete(number: int) -> None:
    error = rejected(amazon_order()["documents"][number])
    assert (error.reason, error.external_id) == ("incomplete", "902-1845936-5435065")


def test_items_are_incomplete_while_pages_of_them_are_missing() -> None:
    documents = amazon_order(NumberOfItemsUnshipped=4, OrderTotal=money("54.00"))["documents"]
    documents[1]["payload"]["NextToken"] = "more"
    assert rejected({"documents": documents}).field == "OrderItems"
    second = {"payload": {**documents[1]["payload"], "OrderItems": [item(2)], "NextToken": None}}
    assert len(placed({"documents": [*documents, second, second]}).lines) == 2


def test_items_with_one_id_and_other_content_are_not_merged() -> None:
    fields: dict[str, Any] = {"NumberOfItemsUnshipped": 4, "OrderTotal": money("54.00")}
    error = rejected(amazon_order(item(1), item(1, SellerSKU="OTHER"), **fields))
    assert (error.reason, error.field) == ("invalid_identifier", "OrderItems")


def test_a_price_that_does_not_divide_evenly_keeps_its_total() -> None:
    one = item(1, QuantityOrdered=3)
    line = placed(amazon_order(one, NumberOfItemsUnshipped=3)).lines[0]
    assert (line.unit_price_minor, line.per) == (2000, 3)


def test_discounts_are_taken_off_with_their_tax() -> None:
    one = item(
        1,
        PromotionDiscount=money("2.00"),
        PromotionDiscountTax=money("0.16"),
        ShippingDiscount=money("5.00"),
        ShippingDiscountTax=money("0.40"),
    )
    order = placed(amazon_order(one, OrderTotal=money("19.44")))
    assert (order.lines[0].discount_minor, order.shipping_minor, order.tax_minor) == (200, 0, 144)


def test_tax_is_within_the_prices_where_the_prices_are_the_total() -> None:
    order = placed(amazon_order(MarketplaceId="A1PA6795UKMFR9", OrderTotal=money("25.00")))
    assert (order.prices_include_tax, order.tax_minor) == (True, 0)
    assert order.lines[0].tax_minor == 160


def test_tax_that_amazon_withholds_is_not_ours_where_the_total_leaves_it_out() -> None:
    order = placed(amazon_order(OrderTotal=money("25.00")))
    assert (order.prices_include_tax, order.tax_minor) == (False, 0)
    assert order.lines[0].tax_minor == 0


def test_a_total_that_differs_stays_what_the_source_says() -> None:
    (order,) = results(amazon_order(OrderTotal=money("26.00")))
    assert isinstance(order, PlaceOrder)
    assert (order.total_minor, recomputed_total(order)) == (2600, 2700)


def test_yen_have_no_decimals() -> None:
    yen = {name: money("100", "JPY") for name in ("ItemPrice", "ItemTax")}
    one = item(1, **yen, ShippingPrice=None, ShippingTax=None)
    fields: dict[str, Any] = {"MarketplaceId": "A1VC38T7YXB528"}
    assert placed(amazon_order(one, OrderTotal=money("100", "JPY"), **fields)).total_minor == 100
    assert rejected(amazon_order(one, OrderTotal=money("9.99", "JPY"))).reason == "invalid_amount"


def test_a_replacement_is_free() -> None:
    one = item(1, ItemPrice=None, ItemTax=None, ShippingPrice=None, ShippingTax=None)
    order = placed(amazon_order(one, IsReplacementOrder="true", OrderTotal=None))
    assert (order.total_minor, order.currency) == (0, "USD")
    assert rejected(amazon_order(OrderTotal=None)).field == "OrderTotal"


def test_what_is_paid_on_delivery_is_not_paid_yet() -> None:
    detail = [
        {"PaymentMethod": "COD", "Payment": money("20.00")},
        {"PaymentMethod": "GC", "Payment": money("7.00")},
    ]
    order = placed(amazon_order(PaymentMethod="COD", PaymentExecutionDetail=detail))
    assert [tender.method for tender in order.tenders] == ["channel", "cash_on_delivery"]
    assert order.paid_minor == 700


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"OrderStatus": "Pending"}, "not_ready"),
        ({"OrderStatus": "PendingAvailability"}, "not_ready"),
        ({"OrderStatus": "PartiallyShipped"}, "nothing_to_deliver"),
        ({"OrderStatus": "Shipped"}, "nothing_to_deliver"),
        ({"OrderStatus": "Unfulfillable"}, "nothing_to_deliver"),
        ({"FulfillmentChannel": "AFN"}, "nothing_to_deliver"),
        ({"OrderStatus": "Lost"}, "wrong_type"),
        ({"PurchaseDate": "2024-03-01T10:00:00"}, "invalid_time"),
        ({"OrderTotal": money("27.00", "XXQ")}, "unknown_currency"),
    ],
)
def test_what_is_not_to_be_sent_is_rejected(fields: dict[str, Any], reason: str) -> None:
    error = rejected(amazon_order(**fields))
    assert (error.reason, error.external_id) == (reason, "902-1845936-5435065")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"QuantityOrdered": "1.5"}, "invalid_quantity"),
        ({"QuantityOrdered": True}, "invalid_quantity"),
        ({"QuantityOrdered": -1}, "invalid_quantity"),
        ({"QuantityOrdered": 2, "QuantityShipped": 1}, "nothing_to_deliver"),
        ({"ItemPrice": money("-1.00")}, "invalid_amount"),
        ({"ItemPrice": money("20.00", "GBP")}, "invalid_amount"),
        ({"ItemPrice": "20.00"}, "wrong_type"),
        ({"OrderItemId": None}, "missing_field"),
    ],
)
def test_an_item_that_cannot_be_read_is_named(fields: dict[str, Any], reason: str) -> None:
    assert rejected(amazon_order(item(1, **fields))).reason == reason


def test_a_cancelled_item_is_left_out_and_one_without_a_sku_is_custom() -> None:
    gone = item(2, QuantityOrdered=0, ItemPrice=None)
    order = placed(amazon_order(gone, item(1, SellerSKU=None)))
    assert [line.kind for line in order.lines] == [LineKind.CUSTOM]


def test_a_store_pickup_names_the_store() -> None:
    order = placed(amazon_order(item(1, StoreChainStoreId="ISPU-1"), IsISPU="true"))
    assert order.lines[0].pickup_location_id == "ISPU-1"


def test_a_cancelled_order_is_cancelled_with_or_without_its_items() -> None:
    (cancelled,) = results(header(OrderStatus="Canceled"))
    assert isinstance(cancelled, CancelOrder)
    assert cancelled.requested_at_ms == 1_709_290_800_000


def notification(status: str) -> dict[str, Any]:
    change = {"AmazonOrderId": "1-2-3", "Summary": {"OrderStatus": status}}
    return {
        "NotificationType": "ORDER_CHANGE",
        "EventTime": "2024-03-01T10:00:00Z",
        "Payload": {"OrderChangeNotification": change},
    }


def test_a_notification_cancels_but_is_no_order() -> None:
    (cancelled,) = results(notification("Canceled"))
    assert isinstance(cancelled, CancelOrder)
    assert cancelled.order_id == "amazon-1-2-3"
    assert rejected(notification("Unshipped")).reason == "incomplete"
    assert rejected({"detail": notification("Unshipped")}).external_id == "1-2-3"
    other = {"NotificationType": "FEED_PROCESSING_FINISHED", "Payload": {}}
    assert rejected(other).reason == "not_an_order"


def test_an_order_of_the_later_version_is_read_from_its_proceeds() -> None:
    order = placed({"order": order_2026()})
    assert (order.total_minor, order.shipping_minor) == (9397, 900)
    assert (order.lines[0].discount_minor, order.lines[0].tax_minor) == (500, 1400)
    assert (order.prices_include_tax, order.purchase_order_number) == (True, "PO-9")
    assert len(results({"orders": [order_2026(), order_2026(orderId="2")]})) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"fulfillment": None}, "incomplete"),
        ({"proceeds": None}, "incomplete"),
        ({"orderItems": None}, "incomplete"),
        ({"fulfillment": {"fulfillmentStatus": "PENDING"}}, "not_ready"),
        (
            {"fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "AMAZON"}},
            "nothing_to_deliver",
        ),
    ],
)
def test_the_later_version_is_told_truthfully(fields: dict[str, Any], reason: str) -> None:
    assert rejected({"order": order_2026(**fields)}).reason == reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "unreadable"),
        (b'{"payload": {"Orders": [', "unreadable"),
        (b"[]", "missing_field"),
        (b'{"payload": {"Orders": []}}', "missing_field"),
        (b'{"errors": [{"code": "InvalidInput"}]}', "not_an_order"),
        (b'{"payload": {"FinancialEvents": {}}}', "not_an_order"),
        (b'{"x": 1}', "unreadable"),
        (b"7", "unreadable"),
    ],
)
def test_what_is_no_order_is_told_so(payload: bytes, reason: str) -> None:
    assert rejected(payload).reason == reason


def test_a_byte_order_mark_and_json_lines_are_read() -> None:
    documents = amazon_order()["documents"]
    lines = b"\xef\xbb\xbf" + b"\n".join(json.dumps(each).encode() for each in documents)
    assert placed(lines).total_minor == 2700
    assert Amazon().contacts(lines, "")[0].email == "relay@example.com"
