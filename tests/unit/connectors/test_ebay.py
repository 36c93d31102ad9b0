"""Orders of eBay's Fulfillment API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import mapping, people
from connectors.channels.ebay import Ebay
from connectors.channels.mapping import Rejected
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.ebay_order import ebay_order, line, summary, usd

NOW = 1_709_300_000_000


def results(payload: object) -> list[mapping.Mapped]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Ebay().orders(body, "", "raw-1", NOW)


def placed(payload: object) -> PlaceOrder:
    (order,) = results(payload)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(payload: object) -> Rejected:
    (order,) = results(payload)
    assert isinstance(order, Rejected), order
    return order


def test_an_order_is_read_with_its_sums_and_its_address() -> None:
    order = placed(ebay_order())
    assert order.order_id == "ebay-12-34567-89012"
    assert (order.total_minor, order.shipping_minor, order.paid_minor) == (2500, 500, 2500)
    assert (order.lines[0].unit_price_minor, order.lines[0].quantity) == (1000, 2)
    assert order.version == order.placed_at_ms + 3_600_000
    assert (order.ship_to.region, order.shipping_method) == ("MI", "USPSPriority")
    assert people.read(order).contact.channel_customer_id == "ada99"


def test_the_fee_that_ebay_keeps_of_the_payment_leaves_the_order_paid() -> None:
    paid = {"totalDueSeller": usd("22.0"), "payments": [{"amount": usd("22.0")}]}
    prices = summary("25.0", priceSubtotal="20.0", deliveryCost="5.0")
    order = placed(ebay_order(line(1, lineItemCost=usd("20.0")), pricingSummary=prices))
    assert order.paid_minor == 2500
    assert placed(ebay_order(paymentSummary=paid)).paid_minor == 2500


def test_every_order_of_a_page_is_read() -> None:
    page = {
        "href": "https://api.ebay.com/sell/fulfillment/v1/order?limit=2",
        "total": 3,
        "limit": 2,
        "offset": 0,
        "next": "https://api.ebay.com/sell/fulfillment/v1/order?limit=2&offset=2",
        "orders": [ebay_order(), ebay_order(orderId="2")],
    }
    assert len(results(page)) == 2
    assert len(results([ebay_order(), ebay_order(orderId="2")])) == 2
    lines = b"\n".join(json.dumps(each).encode() for each in page["orders"])  # type: ignore[attr-defined]
    assert len(results(lines)) == 2
    assert len(Ebay().contacts(lines, "")) == 2


def test_discounts_of_a_line_and_of_its_delivery_are_taken_off() -> None:
    promotion = {"promotionId": "P-1", "discountAmount": usd("-3.00")}
    one = line(1, discountedLineItemCost=usd("17.00"), appliedPromotions=[promotion])
    prices = summary(
        "20.00",
        priceSubtotal="20.00",
        priceDiscount="-3.00",
        deliveryCost="5.00",
        deliveryDiscount="-2.00",
    )
    order = placed(ebay_order(one, pricingSummary=prices))
    assert (order.lines[0].discount_minor, order.discount_minor, order.shipping_minor) == (
        300,
        0,
        300,
    )
    assert order.discounts[0].code == "P-1"


def test_a_discount_beyond_the_lines_is_the_whole_orders() -> None:
    prices = summary("23.00", priceSubtotal="20.00", priceDiscount="-2.00", deliveryCost="5.00")
    assert placed(ebay_order(pricingSummary=prices)).discount_minor == 200


def test_tax_fee_and_adjustment_are_added() -> None:
    one = line(1, taxes=[{"taxType": "STATE_SALES_TAX", "amount": usd("1.60")}])
    prices = summary("28.10", deliveryCost="5.00", tax="1.60", fee="2.00", adjustment="-0.50")
    order = placed(ebay_order(one, pricingSummary=prices))
    assert (order.tax_minor, order.lines[0].tax_minor, order.discount_minor) == (360, 160, 50)


def test_tax_that_ebay_collects_and_remits_is_not_in_the_total() -> None:
    remitted = [{"taxType": "STATE_SALES_TAX", "amount": usd("1.60"), "collectionMethod": "NET"}]
    order = placed(ebay_order(line(1, ebayCollectAndRemitTaxes=remitted)))
    assert (order.tax_minor, order.total_minor) == (0, 2500)


def test_a_price_that_does_not_divide_evenly_keeps_its_total() -> None:
    item = placed(ebay_order(line(1, quantity=3))).lines[0]
    assert (item.unit_price_minor, item.per) == (2000, 3)


def test_a_total_that_differs_stays_what_the_source_says() -> None:
    (order,) = results(ebay_order(pricingSummary=summary("24.00", deliveryCost="5.00")))
    assert isinstance(order, PlaceOrder)
    assert (order.total_minor, recomputed_total(order)) == (2400, 2500)


def test_an_amount_that_ebay_converted_is_read_in_the_orders_currency() -> None:
    pounds = {
        "value": "16.00",
        "currency": "GBP",
        "convertedFromValue": "20.00",
        "convertedFromCurrency": "USD",
    }
    assert placed(ebay_order(line(1, lineItemCost=pounds))).currency == "USD"
    del pounds["convertedFromCurrency"]
    error = rejected(ebay_order(line(1, lineItemCost=pounds)))
    assert error.field == "lineItems[0].lineItemCost.currency"


@pytest.mark.parametrize(
    ("fields", "sku"),
    [
        ({"legacyVariationId": "555"}, "555"),
        ({"legacyVariationId": "0"}, "110000000001"),
        ({}, "110000000001"),
    ],
)
def test_an_item_without_a_sku_is_known_by_its_variation_or_listing(
    fields: dict[str, Any], sku: str
) -> None:
    assert placed(ebay_order(line(1, sku=None, **fields))).lines[0].sku == sku


def test_an_item_that_only_has_a_title_is_custom() -> None:
    order = placed(ebay_order(line(1, sku=None, legacyItemId=None)))
    assert order.lines[0].kind == LineKind.CUSTOM


def test_an_order_that_is_fetched_names_the_store() -> None:
    step = {"pickupStep": {"merchantLocationKey": "STORE-1"}}
    payment = {"payments": [{"paymentMethod": "CASH_ON_PICKUP", "amount": usd("25.00")}]}
    order = placed(
        ebay_order(
            fulfillmentStartInstructions=[step],
            orderPaymentStatus="PENDING",
            paymentSummary=payment,
        )
    )
    assert order.lines[0].pickup_location_id == "STORE-1"
    assert (order.paid_minor, order.tenders[0].method) == (0, "cash_on_delivery")


def test_an_order_abroad_goes_to_the_hub_and_not_to_the_buyer() -> None:
    start = ebay_order()["fulfillmentStartInstructions"][0]
    start |= {"ebaySupportedFulfillment": True, "finalDestinationAddress": {"countryCode": "FR"}}
    assert placed(ebay_order(fulfillmentStartInstructions=[start])).ship_to.country == "US"


def test_a_refund_in_part_leaves_all_to_be_sent() -> None:
    one = line(1, refunds=[{"amount": usd("3.00"), "refundId": "R-1"}])
    order = placed(ebay_order(one, orderPaymentStatus="PARTIALLY_REFUNDED"))
    assert (order.lines[0].quantity, order.paid_minor) == (2, 2500)


def test_a_cancelled_order_is_cancelled() -> None:
    (cancelled,) = results(ebay_order(cancelStatus={"cancelState": "CANCELED"}))
    assert isinstance(cancelled, CancelOrder)
    assert cancelled.requested_at_ms == 1_709_290_800_000


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"orderPaymentStatus": "PENDING"}, "not_ready"),
        ({"orderPaymentStatus": "FAILED"}, "not_ready"),
        ({"cancelStatus": {"cancelState": "IN_PROGRESS"}}, "not_ready"),
        ({"orderFulfillmentStatus": "FULFILLED"}, "nothing_to_deliver"),
        ({"orderFulfillmentStatus": "IN_PROGRESS"}, "nothing_to_deliver"),
        ({"orderPaymentStatus": "FULLY_REFUNDED"}, "nothing_to_deliver"),
        (
            {"fulfillmentStartInstructions": [{"fulfillmentInstructionsType": "DIGITAL"}]},
            "nothing_to_deliver",
        ),
        ({"orderPaymentStatus": "GONE"}, "wrong_type"),
        ({"orderPaymentStatus": None}, "missing_field"),
        ({"lineItems": None}, "incomplete"),
        ({"pricingSummary": None}, "incomplete"),
        ({"pricingSummary": {}}, "missing_field"),
        ({"creationDate": "2024-03-01T10:00:00"}, "invalid_time"),
        ({"lineItems": {}}, "wrong_type"),
        ({"lineItems": [line(1, quantity="1.5")]}, "invalid_quantity"),
        ({"lineItems": [line(1, quantity=0)]}, "invalid_quantity"),
        ({"lineItems": [line(1, lineItemCost=usd("-1.00"))]}, "invalid_amount"),
        ({"lineItems": [line(1, lineItemFulfillmentStatus="FULFILLED")]}, "nothing_to_deliver"),
    ],
)
def test_what_is_not_to_be_sent_or_cannot_be_read_is_rejected(
    fields: dict[str, Any], reason: str
) -> None:
    error = rejected(ebay_order(**fields))
    assert (error.reason, error.external_id) == (reason, "12-34567-89012")


def test_an_address_that_is_null_is_nowhere() -> None:
    start = [{"shippingStep": {"shipTo": None}}]
    assert placed(ebay_order(fulfillmentStartInstructions=start)).ship_to == mapping.NOWHERE


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "unreadable"),
        (b'{"orders": [', "unreadable"),
        (b"<GetOrdersResponse/>", "unreadable"),
        (b"[]", "missing_field"),
        (b'{"orders": [], "total": 0}', "missing_field"),
        (b'{"errors": [{"errorId": 32100}]}', "not_an_order"),
        (b'{"fulfillments": []}', "not_an_order"),
        (b'{"orderId": "12-1-2"}', "incomplete"),
        (b'{"notification": {"data": {"orderId": "12-1-2"}}, "metadata": {}}', "incomplete"),
        (b'{"notification": {"data": {"username": "ada"}}, "metadata": {}}', "not_an_order"),
        (b'{"x": 1}', "unreadable"),
        (b"7", "unreadable"),
    ],
)
def test_what_is_no_order_is_told_so(payload: bytes, reason: str) -> None:
    assert rejected(payload).reason == reason
