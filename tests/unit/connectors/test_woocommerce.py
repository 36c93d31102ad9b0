"""WooCommerce's orders: what becomes of each, and that its total is what its amounts come to."""

from __future__ import annotations

import codecs
import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.mapping import NOTHING_TO_DELIVER, Rejected
from connectors.channels.woocommerce import WooCommerce
from schemas.orders import CancelOrder, LineKind, PlaceOrder
from schemas.payments import Method
from schemas.totals import line_total, recomputed_total
from tests.unit.connectors.woocommerce_order import item, woo_order

NOW = 1_709_300_000_000


def results(payload: object, topic: str = "") -> list[Any]:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return list(WooCommerce().orders(body, topic, "raw-1", NOW))


def placed(payload: object, topic: str = "") -> PlaceOrder:
    (order,) = results(payload, topic)
    assert isinstance(order, PlaceOrder), order
    assert recomputed_total(order) == order.total_minor
    return order


def rejected(payload: object, topic: str = "") -> Rejected:
    (error,) = results(payload, topic)
    assert isinstance(error, Rejected), error
    return error


def plain(**more: Any) -> Any:
    """An order of one line over 10.00 and nothing else."""
    base = {
        "line_items": [item(1, "10.00")],
        "fee_lines": [],
        "coupon_lines": [],
        "shipping_lines": [],
        "shipping_total": "0.00",
        "shipping_tax": "0.00",
        "total_tax": "0.00",
        "total": "10.00",
    }
    return woo_order(**{**base, **more})


def test_tax_on_top_a_coupon_shipping_and_a_fee_come_to_the_total() -> None:
    order = placed(woo_order())
    assert (order.order_id, order.external_id) == ("woocommerce-727", "727")
    assert (order.total_minor, order.paid_minor, order.currency) == (7170, 7170, "EUR")
    assert (order.shipping_minor, order.tax_minor, order.discount_minor) == (500, 1345, 0)
    first, second = order.lines
    assert (first.sku, first.quantity, first.unit_price_minor) == ("SKU-1", 2, 2000)
    assert (first.discount_minor, first.tax_minor, first.tax_rate_ppm) == (500, 665, 190_000)
    assert (second.kind, second.title) == (LineKind.CUSTOM, "Engraving")
    assert order.shipping_tax_rate_ppm == 190_000
    assert [(each.code, each.amount_minor) for each in order.discounts] == [("spring", 500)]
    assert order.ship_to.region == "HB"
    assert order.billing_country == "DE"
    assert b"jana@example.org" in order.personal


def test_times_without_a_zone_are_utc_and_the_version_is_the_last_change() -> None:
    order = placed(woo_order())
    assert order.placed_at_ms == 1_709_287_200_000
    assert order.version == order.placed_at_ms + 5_000


def test_times_in_the_shops_own_zone_alone_are_read_as_utc() -> None:
    order = placed(woo_order(date_created_gmt=None, date_modified_gmt=None))
    assert order.placed_at_ms == 1_709_290_800_000
    assert order.version == order.placed_at_ms + 5_000
    unchanged = placed(woo_order(date_modified=None, date_modified_gmt=None))
    assert unchanged.version == 1_709_287_200_000


@pytest.mark.parametrize("when", ["2024-03-01T11:00:00+25:00", "2024-02-30T11:00:00", "noon", 7])
def test_a_time_that_cannot_be_is_refused(when: object) -> None:
    error = rejected(woo_order(date_modified=when, date_modified_gmt=None))
    assert (error.reason, error.field, error.external_id) == (
        "invalid_time", "date_modified", "727",
    )  # fmt: skip


def test_prices_that_include_tax_are_read_with_it() -> None:
    order = placed(
        woo_order(
            prices_include_tax=True,
            line_items=[item(1, "25.17", tax="4.79", quantity=3)],
            fee_lines=[{"id": 1, "name": "Loyal", "total": "-0.84", "total_tax": "-0.16"}],
            coupon_lines=[],
            shipping_total="4.20",
            shipping_tax="0.80",
            total_tax="5.43",
            total="33.96",
        )
    )
    assert order.prices_include_tax
    assert [line_total(line) for line in order.lines] == [2996]
    assert (order.tax_minor, order.shipping_minor, order.discount_minor) == (0, 500, 100)


def test_more_decimals_than_the_currency_has_are_rounded_as_a_sum() -> None:
    """As with dp=6: three lines of 9.99 with 19 % in them."""
    lines = [item(n, "8.394958", tax="1.595042") for n in range(3)]
    order = placed(plain(prices_include_tax=True, line_items=lines, total="29.97"))
    assert [line_total(line) for line in order.lines] == [999, 999, 999]
    order = placed(plain(line_items=lines, total_tax="4.785126", total="29.97"))
    assert sum(line_total(line) for line in order.lines) == 2518


def test_a_total_with_more_decimals_than_its_currency_is_refused() -> None:
    assert rejected(plain(total="10.005")).reason == "invalid_amount"
    assert placed(plain(total="10.000000")).total_minor == 1000


def test_currencies_without_decimals_keep_them() -> None:
    order = placed(plain(currency="JPY", line_items=[item(1, "1000")], total="1000"))
    assert order.total_minor == 1000


def test_a_price_that_does_not_divide_by_the_pieces_stays_exact() -> None:
    order = placed(plain(line_items=[item(1, "10.00", quantity=3)]))
    assert (order.lines[0].unit_price_minor, order.lines[0].per) == (1000, 3)


def test_a_total_above_the_subtotal_is_the_price() -> None:
    order = placed(plain(line_items=[item(1, "8.00", "10.00")]))
    assert (order.lines[0].unit_price_minor, order.lines[0].discount_minor) == (1000, 0)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("pending", "not_ready"),
        ("on-hold", "not_ready"),
        ("failed", "not_ready"),
        ("checkout-draft", "not_ready"),
        ("wc-awaiting-shipment", "not_ready"),
        ("completed", NOTHING_TO_DELIVER),
        ("refunded", NOTHING_TO_DELIVER),
        ("", "missing_field"),
    ],
)
def test_only_an_order_in_processing_is_let_go(status: str, reason: str) -> None:
    error = rejected(woo_order(status=status))
    assert (error.reason, error.field, error.external_id) == (reason, "status", "727")


@pytest.mark.parametrize(
    ("payload", "topic"),
    [
        (woo_order(status="cancelled"), ""),
        (woo_order(status="trash"), "order.updated"),
        ({"id": 727}, "order.deleted"),
        ({"delete": [woo_order()]}, ""),
    ],
)
def test_an_order_that_is_gone_at_the_shop_is_cancelled(payload: object, topic: str) -> None:
    (order,) = results(payload, topic)
    assert isinstance(order, CancelOrder)
    assert order.order_id == "woocommerce-727"


@pytest.mark.parametrize(
    ("method", "tender"),
    [
        ("cod", Method.CASH_ON_DELIVERY),
        ("bacs", Method.INVOICE),
        ("cheque", Method.INVOICE),
        ("paypal", Method.CHANNEL),
    ],
)
def test_an_order_let_go_unpaid_says_how_the_money_comes(method: str, tender: str) -> None:
    order = placed(woo_order(payment_method=method, date_paid=None, date_paid_gmt=None))
    assert order.paid_minor == 0
    assert [each.method for each in order.tenders] == [tender]
    assert placed(woo_order(payment_method=method)).paid_minor == 7170


BUNDLE = [
    item(1, "30.00", bundled_items=[302, 303]),
    item(2, "0.00", bundled_by=301),
    item(3, "5.00", bundled_by="301"),
]
BUNDLE_BY_META = [
    item(1, "30.00", meta_data=[{"id": 1, "key": "_bundle_cart_key", "value": "c1"}]),
    item(2, "0.00", meta_data=[{"id": 2, "key": "_bundled_by", "value": "c1"}]),
    item(3, "5.00", meta_data=[{"id": 3, "key": "_bundled_by", "value": "c1"}]),
]


@pytest.mark.parametrize("lines", [BUNDLE, BUNDLE_BY_META])
def test_a_bundle_is_the_head_of_its_parts(lines: Any) -> None:
    order = placed(plain(line_items=lines, total="35.00"))
    assert [line.kind for line in order.lines] == [LineKind.BUNDLE, LineKind.GOODS, LineKind.GOODS]
    assert [line.parent_line_id for line in order.lines] == ["", "301", "301"]


def test_bundles_that_contain_each_other_are_refused() -> None:
    lines = [item(1, "5.00", bundled_by=302), item(2, "5.00", bundled_by=301)]
    assert rejected(plain(line_items=lines)).reason == "invalid_identifier"


def test_a_gift_card_is_taken_off_as_the_total_is_without_it() -> None:
    cards = [{"id": 4, "code": "ABCD", "amount": 4}]
    assert placed(plain(gift_cards=cards, total="6.00")).discount_minor == 400


def refund(**more: Any) -> Any:
    lines = [
        {
            "id": 1,
            "quantity": -1,
            "total": "-17.50",
            "total_tax": "-3.33",
            "meta_data": [{"id": 5, "key": "_refunded_item_id", "value": "301"}],
        }
    ]
    return {
        "id": 726,
        "amount": "20.83",
        "refunded_by": 1,
        "line_items": lines,
        "shipping_lines": [],
        "fee_lines": [],
        **more,
    }


REFUNDED = woo_order(refunds=[{"id": 726, "reason": "", "total": "-20.83"}])


def test_a_refund_whose_lines_are_missing_makes_an_order_incomplete() -> None:
    assert rejected(REFUNDED).reason == "incomplete"


@pytest.mark.parametrize("refunds", [refund(), [refund()]])
def test_pieces_that_were_refunded_are_not_delivered(refunds: object) -> None:
    order = placed({"documents": [REFUNDED, refunds]})
    assert order.total_minor == 7170 - 2083
    assert [line.quantity for line in order.lines] == [1, 1]
    assert order.lines[0].discount_minor == 250


def test_a_refund_that_was_deleted_again_counts_for_nothing() -> None:
    gone = [{"id": 0, "reason": "", "total": "-0.00"}]
    assert placed(woo_order(refunds=gone)).total_minor == 7170


def test_a_field_that_is_given_twice_is_told() -> None:
    body = json.dumps({"data": woo_order()}).replace('"id": 727', '"id": 728, "id": 727', 1)
    error = rejected(body.encode())
    assert (error.reason, error.field) == ("wrong_type", "id")


def test_a_field_that_says_the_same_twice_leaves_nothing_open() -> None:
    body = json.dumps({"data": woo_order()}).replace('"id": 727', '"id": 727, "id": 727', 1)
    (order,) = results(body.encode())
    assert isinstance(order, PlaceOrder)
    typed = json.dumps(woo_order()).replace('"parent_id": 0', '"parent_id": 0, "parent_id": false')
    assert rejected(typed.encode()).field == "parent_id"


def test_what_a_customer_wants_written_on_a_line_is_personal() -> None:
    meta = [
        {"id": 1, "key": "Engraving", "value": "For Ada"},
        {"id": 2, "key": "_reduced_stock", "value": "1"},
        {"id": 3, "key": "pa_color", "value": "red"},
    ]
    order = placed(plain(line_items=[item(1, "10.00", meta_data=meta)]))
    (wish,) = people.read(order).personalisation
    assert (wish.line_id, wish.name, wish.value) == ("301", "Engraving", "For Ada")


def test_a_refund_of_all_pieces_leaves_nothing_to_deliver() -> None:
    lines = refund()["line_items"]
    lines[0]["quantity"] = -1
    order = plain(refunds=[{"id": 726, "total": "-10.00"}])
    assert rejected([order, refund(line_items=lines)]).reason == NOTHING_TO_DELIVER


def test_a_refund_of_money_alone_lowers_the_total() -> None:
    order = placed([REFUNDED, refund(amount="5.00", line_items=[])])
    assert (order.total_minor, order.discount_minor) == (6670, 500)


@pytest.mark.parametrize(
    ("payload", "topic", "reason"),
    [
        (b"webhook_id=42", "", "not_an_order"),
        ({"code": "woocommerce_rest_cannot_view", "message": "No", "data": {}}, "", "not_an_order"),
        (refund(), "", "not_an_order"),
        ({"id": 1, "regular_price": "5"}, "", "not_an_order"),
        ({"id": 1, "billing_period": "month", "status": "active"}, "", "not_an_order"),
        (woo_order(), "product.updated", "not_an_order"),
        (woo_order(), "action.woocommerce_add_to_cart", "not_an_order"),
        ({"id": 727}, "", "incomplete"),
        ({"foo": 1}, "", "unreadable"),
        ([], "", "missing_field"),
        ({"orders": {}}, "", "wrong_type"),
        (b"", "", "unreadable"),
        (b"<html>", "", "unreadable"),
        (json.dumps(woo_order()).encode()[:-20], "", "unreadable"),
        (b"7", "", "unreadable"),
        (b'{"id": 1, "total": NaN}', "", "unreadable"),
    ],
)
def test_what_is_no_order_is_told_as_what_it_is(payload: object, topic: str, reason: str) -> None:
    assert rejected(payload, topic).reason == reason


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"line_items": [item(1, "5.00", quantity=1.5)]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "5.00", quantity="1.5")]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "5.00", quantity=0)]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "5.00", quantity=-1)]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "5.00", quantity=True)]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "5.00", quantity="two")]}, "invalid_quantity", "quantity"),
        ({"line_items": [item(1, "-5.00")]}, "invalid_amount", "total"),
        ({"line_items": {}}, "wrong_type", "line_items"),
        ({"line_items": []}, "missing_field", "line_items"),
        ({"line_items": [item(1, "1"), item(1, "1")]}, "invalid_identifier", "line_items"),
        ({"total": None}, "missing_field", "total"),
        ({"total": "1e3"}, "invalid_amount", "total"),
        ({"total": "-10.00"}, "invalid_amount", "total"),
        ({"currency": "XBT"}, "unknown_currency", "currency"),
        ({"billing": []}, "wrong_type", "billing"),
        ({"date_created_gmt": "0000-00-00T00:00:00"}, "invalid_time", "date_created_gmt"),
        ({"id": None}, "missing_field", "id"),
        ({"id": [1]}, "wrong_type", "id"),
        ({"prices_include_tax": "yes"}, "wrong_type", "prices_include_tax"),
    ],
)
def test_a_field_that_cannot_be_read_is_named(changes: Any, reason: str, field: str) -> None:
    error = rejected(plain(**changes))
    assert error.reason == reason
    assert error.field.rpartition(".")[2] == field


def test_a_renewal_names_its_subscription() -> None:
    meta = [{"id": 1, "key": "_subscription_renewal", "value": "282"}]
    assert placed(woo_order(meta_data=meta)).subscription_id == "282"


def test_addresses_may_be_null() -> None:
    assert placed(woo_order(billing=None, shipping=None)).ship_to.country == ""
    assert placed(woo_order(shipping={"first_name": "", "country": ""})).ship_to.city == "Bremen"


def test_each_document_stands_for_itself() -> None:
    error = {"code": "woocommerce_rest_cannot_view", "message": "No", "data": {"status": 401}}
    first, second = results({"documents": [woo_order(), [], error]})
    assert isinstance(first, PlaceOrder)
    assert (second.reason, second.field) == ("not_an_order", "code")
    assert rejected({"documents": [[]]}).reason == "missing_field"


def test_lists_batches_and_lines_give_one_result_each() -> None:
    second = woo_order(id=728)
    lines = b"\n".join(json.dumps(order).encode() for order in (woo_order(), second))
    failed = {"id": 9, "error": {"code": "x", "message": "y"}}
    for payload in (
        [woo_order(), second],
        {"data": [woo_order(), second]},
        {"orders": [woo_order(), second]},
        lines,
    ):
        assert [order.external_id for order in results(payload)] == ["727", "728"]
    batch = results({"create": [woo_order()], "update": [failed]})
    assert [getattr(one, "external_id", "") for one in batch] == ["727", "9"]
    assert isinstance(batch[1], Rejected)


def test_a_byte_order_mark_and_utf_16_are_read() -> None:
    text = json.dumps(woo_order())
    placed(codecs.BOM_UTF8 + text.encode())
    placed(text.encode("utf-16"))


def test_contacts_are_whom_the_orders_name() -> None:
    (contact,) = WooCommerce().contacts(json.dumps(woo_order()).encode(), "")
    assert (contact.name, contact.channel_customer_id) == ("Jana Meer", "26")
    assert not contact.email_verified
    assert WooCommerce().contacts(b"webhook_id=1", "") == []
