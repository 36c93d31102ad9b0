"""Orders of Saleor, in the shapes of its older webhooks, its subscriptions and its answers."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.mapping import Mapped, Rejected
from connectors.channels.saleor import Saleor
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.totals import recomputed_total, shares
from tests.unit.connectors.saleor_order import (
    ORDER_ID,
    address,
    legacy_line,
    legacy_order,
    line,
    saleor_order,
    taxed,
)

NOW = 1_709_300_000_000


def read(value: object, topic: str = "") -> list[Mapped]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Saleor().orders(payload, topic, "raw-1", NOW)


def placed(value: object, topic: str = "") -> PlaceOrder:
    [result] = read(value, topic)
    assert isinstance(result, PlaceOrder), result
    assert recomputed_total(result) == result.total_minor
    assert sum(share.total_minor for share in shares(result)) == result.total_minor
    return result


def rejected(value: object, topic: str = "") -> Rejected:
    [result] = read(value, topic)
    assert isinstance(result, Rejected), result
    return result


@pytest.mark.parametrize("value", [saleor_order(), [legacy_order()], legacy_order()])
def test_an_order_reads_the_same_in_both_shapes(value: object) -> None:
    order = placed(value)
    assert order.external_id == ORDER_ID
    assert order.currency == "EUR"
    assert order.total_minor == order.paid_minor == 2_499
    assert order.version == 1_709_294_400_203
    assert order.placed_at_ms == 1_709_294_340_304
    assert order.prices_include_tax
    assert (order.shipping_minor, order.tax_minor, order.discount_minor) == (499, 0, 0)
    assert (order.shipping_method, order.shipping_tax_rate_ppm) == ("Parcel", 190_000)
    [item] = order.lines
    assert (item.sku, item.quantity, item.unit_price_minor) == ("MUG-1", 2, 1_000)
    assert (item.tax_minor, item.tax_rate_ppm, item.title) == (319, 190_000, "Mug, blue")
    assert (order.ship_to.line1, order.ship_to.country) == ("Quay 4", "DE")
    assert order.billing_country == "AT"
    assert people.read(order).contact.email == "ida@example.com"


def test_prices_that_are_shown_without_tax_have_it_on_top() -> None:
    order = placed(saleor_order(displayGrossPrices=False))
    assert not order.prices_include_tax
    assert (order.shipping_minor, order.tax_minor, order.total_minor) == (419, 399, 2_499)
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1_681, 2)


def test_a_query_that_asks_for_net_and_tax_alone_is_enough() -> None:
    value = saleor_order()
    for held in (value["total"], value["shippingPrice"]):
        del held["gross"]
    item = value["lines"][0]
    item["unitPrice"] = {"net": {"amount": 8.405}}
    item["totalPrice"] = {"tax": {"amount": 3.19}}
    del item["id"], item["undiscountedUnitPrice"]
    value["shippingPrice"] = {"net": {"amount": 4.19}}
    order = placed(value)
    assert (order.total_minor, order.tax_minor) == (2_499, 399)
    assert order.lines[0].line_id == "1"
    assert order.lines[0].tax_minor == 319


def test_shipping_that_is_not_asked_for_is_what_the_total_has_beyond_the_subtotal() -> None:
    value = saleor_order(subtotal=taxed(16.81, 20.0))
    del value["shippingPrice"]
    assert placed(value).shipping_minor == 499
    del value["subtotal"]
    refused = rejected(value)
    assert (refused.reason, refused.field) == ("incomplete", "shippingPrice")
    assert placed({**value, "total": taxed(16.81, 20.0)}).shipping_minor == 0


def test_discounts_in_the_lines_prices_are_the_lines() -> None:
    item = line(1, 3, 10.0, (22.69, 27.0))
    item["unitPrice"] = taxed(7.56, 9.0)
    order = placed(
        saleor_order(
            lines=[item],
            voucherCode="SPRING",
            discounts=[{"type": "VOUCHER", "name": "SPRING", "amount": {"amount": 3.0}}],
            shippingPrice=taxed(0, 0),
            total=taxed(22.69, 27.0),
        )
    )
    assert (order.lines[0].unit_price_minor, order.lines[0].discount_minor) == (1_000, 300)
    assert order.discount_minor == 0
    assert [(each.code, each.amount_minor) for each in order.discounts] == [("SPRING", 300)]


def test_a_discount_off_the_total_alone_is_the_orders() -> None:
    off = {"type": "OrderDiscount", "id": "T3JkZXI6MQ==", "amount_value": "5.000", "name": "five"}
    order = placed([legacy_order(discounts=[off], total_gross_amount="19.990")])
    assert order.discount_minor == 500
    assert order.discounts[0].code == "five"


def test_a_gift_card_is_off_the_total_by_what_its_events_say() -> None:
    def used(order_id: str) -> dict[str, Any]:
        return {
            "last4CodeChars": "1347",
            "events": [
                {"type": "ISSUED", "balance": None, "orderId": None},
                {
                    "type": "USED_IN_ORDER",
                    "orderId": order_id,
                    "balance": {
                        "oldCurrentBalance": {"amount": 50.0},
                        "currentBalance": {"amount": 40.01},
                    },
                },
            ],
        }

    change = {"total": taxed(11.01, 15.0)}
    order = placed(saleor_order(giftCards=[used(ORDER_ID)], **change))
    assert order.discount_minor == 999
    [unknown] = read(saleor_order(giftCards=[used("T3JkZXI6MQ==")], **change))
    assert isinstance(unknown, PlaceOrder)
    assert recomputed_total(unknown) - unknown.total_minor == 999


def test_a_difference_is_left_to_be_seen() -> None:
    [order] = read(saleor_order(total=taxed(21.0, 25.99)))
    assert isinstance(order, PlaceOrder)
    assert order.total_minor - recomputed_total(order) == 100


def test_totals_that_are_no_multiple_of_the_quantity_are_exact() -> None:
    item = line(1, 3, 3.33, (8.4, 10.0))
    order = placed(saleor_order(lines=[item], total=taxed(12.59, 14.99)))
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1_000, 3)


def test_kinds_of_lines() -> None:
    card = line(2, 1, 25.0, (25.0, 25.0))
    card["variant"] = {"product": {"productType": {"kind": "GIFT_CARD"}}}
    service = {**line(3, 1, 0.0, (0, 0)), "isShippingRequired": False}
    bare = {**line(4, 1, 0.0, (0, 0)), "productSku": None}
    gone = line(5, 0, 9.0, (0, 0))
    order = placed(
        saleor_order(
            lines=[line(1, 2, 10.0, (16.81, 20.0)), card, service, bare, gone],
            total=taxed(46.0, 49.99),
        )
    )
    kinds = [each.kind for each in order.lines]
    assert kinds == [LineKind.GOODS, LineKind.GIFT_CARD, LineKind.CUSTOM, LineKind.CUSTOM]


def test_orders_are_fetched_where_they_are_collected() -> None:
    warehouse = {"__typename": "Warehouse", "id": "V2FyZWhvdXNlOjE=", "name": "Harbour"}
    order = placed(saleor_order(deliveryMethod=warehouse))
    assert order.lines[0].pickup_location_id == "Harbour"
    order = placed([legacy_order(collection_point={"type": "Warehouse", "name": "Harbour"})])
    assert order.lines[0].pickup_location_id == "Harbour"


def test_events_answers_and_lists_hold_orders() -> None:
    one, two = saleor_order(), saleor_order(id="T3JkZXI6Mg==")
    event = {"__typename": "OrderCreated", "issuedAt": "2024-03-01T12:00:00Z", "order": one}
    for value in (
        {"order": one},
        event,
        {"event": event},
        {"data": {"event": event}},
        {"data": {"order": one}, "extensions": {}},
        {"data": {"orderConfirm": {"order": one, "errors": []}}},
    ):
        assert placed(value).external_id == ORDER_ID
    for several in (
        {"data": {"orders": {"edges": [{"node": one}, {"node": two}], "pageInfo": {}}}},
        {"data": {"a": one, "b": two}},
        [one, two],
        b"\n".join(json.dumps(each).encode() for each in (one, two)),
    ):
        assert [type(each) for each in read(several)] == [PlaceOrder, PlaceOrder]


def test_the_event_tells_the_version_where_the_order_does_not() -> None:
    value = saleor_order(updatedAt=None)
    assert placed({"issuedAt": "2024-03-01T12:00:01Z", "order": value}).version == (
        1_709_294_401_000
    )
    assert placed(value).version == 1_709_294_340_304


def test_orders_that_have_ended_are_cancelled() -> None:
    for value, topic in (
        (saleor_order(status="CANCELED"), ""),
        (saleor_order(status="EXPIRED"), ""),
        ([legacy_order(status="canceled")], "order_cancelled"),
        ({"__typename": "OrderCancelled", "order": {"id": ORDER_ID}}, ""),
    ):
        [ended] = read(value, topic)
        assert isinstance(ended, CancelOrder)
        assert ended.order_id == f"saleor-{ORDER_ID}"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("DRAFT", "not_ready"),
        ("UNCONFIRMED", "not_ready"),
        ("FULFILLED", "nothing_to_deliver"),
        ("PARTIALLY_FULFILLED", "nothing_to_deliver"),
        ("partially fulfilled", "nothing_to_deliver"),
        ("RETURNED", "nothing_to_deliver"),
        ("PARTIALLY_RETURNED", "nothing_to_deliver"),
        ("LOST", "wrong_type"),
        (None, "incomplete"),
    ],
)
def test_a_status_that_does_not_let_go_says_so(status: object, reason: str) -> None:
    refused = rejected(saleor_order(status=status))
    assert (refused.reason, refused.field) == (reason, "status")
    assert refused.external_id == ORDER_ID


def test_what_is_charged_and_authorized_is_paid() -> None:
    nothing = {"isPaid": False, "chargeStatus": "NONE", "authorizeStatus": "NONE"}
    assert rejected(saleor_order(**nothing, totalCharged=None)).reason == "not_ready"
    part = placed(
        saleor_order(
            isPaid=False,
            chargeStatus="PARTIAL",
            authorizeStatus="PARTIAL",
            totalCharged={"amount": 10.0},
            totalAuthorized={"amount": 4.99},
        )
    )
    assert part.paid_minor == 1_499
    held = saleor_order(isPaid=False, chargeStatus="NONE", totalCharged={"amount": 0.0})
    assert placed(held).paid_minor == 2_499
    older = saleor_order(paymentStatus="FULLY_CHARGED")
    for name in ("isPaid", "chargeStatus", "authorizeStatus", "totalCharged", "totalAuthorized"):
        del older[name]
    assert placed(older).paid_minor == 2_499
    refused = rejected([legacy_order(payments=[])])
    assert (refused.reason, refused.field) == ("not_ready", "payments")
    assert placed([legacy_order(payments=[])], "order_fully_paid").paid_minor == 2_499
    assert rejected(saleor_order(chargeStatus="SOME")).field == "chargeStatus"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"order": {"id": ORDER_ID, "status": "UNFULFILLED"}}, "incomplete"),
        ({"order": None}, "missing_field"),
        ({"data": {"order": None}}, "missing_field"),
        ({"data": {"orders": {"edges": []}}}, "missing_field"),
        ({"errors": [{"message": "no"}], "data": None}, "not_an_order"),
        ({"checkout": {"id": "Q2hlY2tvdXQ6MQ=="}}, "not_ready"),
        ([{"type": "Checkout", "token": "1", "id": "1"}], "not_ready"),
        ([{"type": "Product", "id": "1"}], "not_an_order"),
        ([{"type": "Fulfillment", "id": "1", "order": {}}], "not_an_order"),
        ({"fulfillment": {"id": "1"}, "order": saleor_order()}, "not_an_order"),
        ({"__typename": "CalculateTaxes", "taxBase": {}}, "not_an_order"),
        ([{"type": "Order", "id": "1", "included_taxes_in_prices": True}], "not_an_order"),
        ({"__typename": "ProductUpdated", "product": {"id": "1"}}, "not_an_order"),
        ({"notify_event": "order_confirmed", "payload": {"order": {}}}, "not_an_order"),
        ({"order": legacy_order(), "recipient_email": "a@example.com"}, "not_an_order"),
        ({"data": {"warehouse": {"id": "V2FyZWhvdXNlOjE="}}}, "not_an_order"),
        ({"id": "an.app", "name": "an app"}, "not_an_order"),
        ({}, "unreadable"),
        ([], "missing_field"),
        (7, "unreadable"),
    ],
)
def test_what_is_no_whole_order_says_what_it_is(value: object, reason: str) -> None:
    assert rejected(value).reason == reason


@pytest.mark.parametrize(
    ("path", "value", "reason", "field"),
    [
        (("id",), None, "missing_field", "id"),
        (("total",), None, "missing_field", "total.gross.amount"),
        (("total", "gross", "amount"), 24.991, "invalid_amount", "total.gross.amount"),
        (("total", "gross", "amount"), True, "invalid_amount", "total.gross.amount"),
        (("total", "gross", "amount"), -1, "invalid_amount", "total.gross.amount"),
        (("total", "currency"), "EURO", "unknown_currency", "total.currency"),
        (("lines", 0, "totalPrice", "gross", "currency"), "USD", "invalid_amount",
         "lines[0].totalPrice.gross.currency"),
        (("lines", 0, "quantity"), 1.5, "invalid_quantity", "lines[0].quantity"),
        (("lines", 0, "quantity"), "1.5", "invalid_quantity", "lines[0].quantity"),
        (("lines", 0, "quantity"), -1, "invalid_quantity", "lines[0].quantity"),
        (("lines", 0, "quantity"), True, "invalid_quantity", "lines[0].quantity"),
        (("lines", 0, "id"), None, "missing_field", "lines[0].id"),
        (("lines",), [], "missing_field", "lines"),
        (("lines",), {"edges": []}, "wrong_type", "lines"),
        (("created",), "yesterday", "invalid_time", "created"),
        (("updatedAt",), "2024-03-01T12:00:00", "invalid_time", "updatedAt"),
        (("shippingAddress",), [], "wrong_type", "shippingAddress"),
    ],
)  # fmt: skip
def test_a_fault_is_named_by_its_field(
    path: tuple[Any, ...], value: object, reason: str, field: str
) -> None:
    order = saleor_order()
    holder: Any = order
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    refused = rejected(order)
    assert (refused.reason, refused.field) == (reason, field)
    assert refused.external_id == ("" if path == ("id",) else ORDER_ID)


def test_a_fault_of_an_older_webhook_has_its_names() -> None:
    assert rejected([legacy_order(total_gross_amount=None)]).field == "total_gross_amount"
    refused = rejected([legacy_order(lines=[legacy_line(1, total_price_gross_amount="1,5")])])
    assert refused.field == "lines[0].total_price_gross_amount"


def test_what_does_not_matter_is_tolerated() -> None:
    order = placed(
        saleor_order(
            shippingAddress=None, billingAddress=None, userEmail=7, user=[], voucher=[],
            customerNote=None, shippingMethodName=7,
        )
    )  # fmt: skip
    assert order.ship_to.country == ""
    named = placed(saleor_order(shippingAddress=address(country="Germany")))
    assert named.ship_to.country == "DE"


def test_marks_encodings_and_broken_files() -> None:
    text = json.dumps(saleor_order())
    placed(codecs.BOM_UTF8 + text.encode())
    placed(text.encode("utf-16"))
    for broken in (b"", text.encode()[:-20], b"<html>", text.replace("24.99", "NaN").encode()):
        assert rejected(broken).reason == "unreadable"
    twice = text.replace('"number"', '"number": "1", "number"', 1).encode()
    assert rejected(twice).reason == "wrong_type"


def test_contacts_are_read_one_by_one() -> None:
    mapping = Saleor()
    payload = json.dumps([legacy_order(), saleor_order(), 7]).encode()
    first, second, third = mapping.contacts(payload, "")
    assert (first.name, first.phone) == ("Ida Holm", "+49421000")
    assert second.channel_customer_id == "VXNlcjox"
    assert third == people.NOBODY
    assert mapping.contacts(b"{", "") == []
