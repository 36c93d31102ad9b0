"""The parts of a Shopify order add up to the total that Shopify claims."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels.mapping import Rejected
from connectors.channels.shopify import Shopify
from schemas.orders import PlaceOrder
from schemas.totals import recomputed_total
from tests.unit.connectors.shopify_order import line, shopify_order


def price_set(amount: str, currency: str = "EUR") -> dict[str, Any]:
    """The same money for the shop, and other money for the customer."""
    return {
        "shop_money": {"amount": amount, "currency_code": currency},
        "presentment_money": {"amount": "1.00", "currency_code": "USD"},
    }


def placed(**changes: Any) -> PlaceOrder:
    payload = json.dumps(shopify_order(**changes)).encode()
    (result,) = Shopify().orders(payload, "orders/create", "raw-1", 1)
    assert isinstance(result, PlaceOrder), result
    return result


def difference(order: PlaceOrder) -> int:
    """The total from the parts less the claim, as the orders room computes it."""
    return recomputed_total(order) - order.total_minor


CONSISTENT: dict[str, dict[str, Any]] = {
    "plain": {},
    "tax is in the prices": {"taxes_included": True, "total_price": "24.50"},
    "no tax": {"total_tax": None, "total_price": "24.50"},
    "a code over all lines": {
        "total_discounts": "2.00",
        "discount_codes": [{"code": "TWO", "amount": "2.00", "type": "fixed_amount"}],
        "total_price": "24.60",
    },
    "a discount allocated to a line": {
        "total_discounts": "1.50",
        "line_items": [
            line(1, discount_allocations=[{"amount": "1.50", "discount_application_index": 0}]),
            line(2),
        ],
        "total_price": "25.10",
    },
    "free shipping is a discount": {
        "total_discounts": "4.50",
        "shipping_lines": [{"price": "4.50", "discounted_price": "0.00"}],
        "total_price": "22.10",
    },
    "two parcels": {
        "shipping_lines": [{"price": "4.50"}, {"price": "1.00"}],
        "total_price": "27.60",
    },
    "shipping as a set only": {
        "shipping_lines": [],
        "total_shipping_price_set": price_set("3.00"),
        "total_price": "25.10",
    },
    "digital goods": {
        "line_items": [line(1, requires_shipping=False)],
        "shipping_lines": [],
        "shipping_address": None,
        "total_price": "12.10",
    },
    "a tip": {"total_tip_received": "3.00", "total_price": "29.60"},
    "a tip that is a line as well": {
        "total_tip_received": "3.00",
        "line_items": [
            line(1),
            line(2),
            line(3, sku=None, price="3.00", tip_payment_gateway=None, tip_payment_method=None),
        ],
        "total_price": "29.60",
    },
    "a tip that is a line only": {
        "total_tip_received": "0.0",
        "line_items": [line(1), line(2), line(3, sku="", price="3.00", tip_payment_gateway="x")],
        "total_price": "29.60",
    },
    "duties": {"original_total_duties_set": price_set("5.00"), "total_price": "31.60"},
    "duties in a set of their own name": {
        "original_total_duties_set": {"original_total_duties_set": price_set("5.00")},
        "total_price": "31.60",
    },
    "duties are in the prices": {
        "original_total_duties_set": price_set("5.00"),
        "duties_included": True,
    },
    "a fee": {"original_total_additional_fees_set": price_set("0.40"), "total_price": "27.00"},
    "prices as sets only": {
        "total_price": None,
        "total_price_set": price_set("26.60"),
        "line_items": [line(1, price=None, price_set=price_set("10.00")), line(2)],
    },
    "more decimals, all of them 0": {"total_price": "26.6000", "total_tip_received": "0.0"},
    "whole numbers": {"total_price": 25, "total_tax": 0, "shipping_lines": [{"price": 5}]},
    "free": {
        "total_price": "0.00",
        "total_discounts": "26.60",
        "financial_status": "paid",
    },
    "yen": {
        "currency": "JPY",
        "line_items": [line(1, price="1200"), line(2, price="800.00")],
        "shipping_lines": [{"price": "500"}],
        "total_tax": "0",
        "total_price": "2500",
    },
    "dinars": {
        "currency": "KWD",
        "line_items": [line(1, price="1.250")],
        "shipping_lines": [],
        "total_tax": "0.005",
        "total_price": "1.255",
    },
}


@pytest.mark.parametrize("changes", CONSISTENT.values(), ids=CONSISTENT)
def test_the_parts_of_a_consistent_order_add_up_to_the_claim(changes: dict[str, Any]) -> None:
    assert difference(placed(**changes)) == 0


def test_a_tip_is_no_line_to_deliver() -> None:
    order = placed(**CONSISTENT["a tip that is a line as well"])
    assert [item.sku for item in order.lines] == ["MUG-1", "MUG-2"]
    assert order.tax_minor == 210 + 300


def test_goods_with_a_sku_are_delivered_whatever_else_their_line_says() -> None:
    order = placed(line_items=[line(1, tip_payment_gateway="cash"), line(2)])
    assert [item.sku for item in order.lines] == ["MUG-1", "MUG-2"]


def test_what_was_removed_stays_in_the_claim_and_makes_the_difference() -> None:
    lines = [line(1, quantity=2, current_quantity=1), line(2, current_quantity=0)]
    order = placed(line_items=lines, total_price="36.60", current_total_price="16.60")
    assert (order.total_minor, difference(order)) == (3660, -2000)


REMOVED: dict[str, Any] = {
    "line_items": [
        line(
            1,
            quantity=3,
            price="12.00",
            discount_allocations=[{"amount": "1.00"}],
            tax_lines=[{"price": "3.50", "rate": 0.1}],
        ),
        line(2, discount_allocations=[{"amount": "0.50"}]),
    ],
    "refunds": [
        {"refund_line_items": [{"line_item_id": 9001, "quantity": 1}]},
        {"refund_line_items": [{"line_item_id": 9002, "quantity": 1}]},
    ],
    "total_discounts": "1.50",
    "total_tax": "4.45",
    "total_price": "53.45",
    "current_total_discounts": "0.67",
    "current_total_tax": "2.33",
    "current_total_price": "30.16",
    "financial_status": "partially_refunded",
}


def test_after_a_removal_the_claim_is_what_the_order_costs_now() -> None:
    order = placed(**REMOVED)
    assert (order.total_minor, order.paid_minor, difference(order)) == (3016, 3016, 0)
    assert [(item.quantity, item.discount_minor) for item in order.lines] == [(2, 67)]
    assert (order.tax_minor, order.discount_minor) == (233, 0)


def test_after_a_removal_rounding_of_discounts_is_the_orders() -> None:
    order = placed(**{**REMOVED, "current_total_discounts": "0.68", "current_total_price": "30.15"})
    assert (order.discount_minor, difference(order)) == (1, 0)


def test_duties_and_fees_are_the_current_ones_after_a_removal() -> None:
    duties = {
        "original_total_duties_set": price_set("9.00"),
        "current_total_duties_set": price_set("6.00"),
        "current_total_price": "36.16",
    }
    assert difference(placed(**{**REMOVED, **duties})) == 0


def test_money_given_back_for_no_piece_leaves_the_claim() -> None:
    order = placed(current_total_price="21.60", current_total_tax="2.10", current_total_discounts=0)
    assert (order.total_minor, difference(order)) == (2660, 0)


def test_a_way_of_shipping_that_an_edit_removed_costs_nothing() -> None:
    ways = [{"price": "9.00", "title": "Express", "is_removed": True}, {"price": "4.50"}]
    order = placed(shipping_lines=ways)
    assert (order.shipping_minor, order.shipping_method, difference(order)) == (450, "", 0)


def test_older_versions_tell_what_was_removed_by_the_refunds() -> None:
    refunds = [
        {"refund_line_items": [{"line_item_id": 9001, "quantity": 1, "subtotal": 10.0}]},
        {"refund_line_items": [{"line_item_id": 9002, "quantity": 1}], "transactions": []},
    ]
    order = placed(line_items=[line(1, quantity=3), line(2)], refunds=refunds)
    assert [(item.line_id, item.quantity) for item in order.lines] == [("9001", 2)]


@pytest.mark.parametrize(
    ("quantity", "field"),
    [
        (2, "line_items[0].quantity"),
        (-1, "refunds[0].refund_line_items[0].quantity"),
        (0.5, "refunds[0].refund_line_items[0].quantity"),
    ],
)
def test_a_refund_of_impossible_pieces_is_refused(quantity: float, field: str) -> None:
    refunds = [{"refund_line_items": [{"line_item_id": 9001, "quantity": quantity}]}]
    payload = json.dumps(shopify_order(refunds=refunds)).encode()
    (result,) = Shopify().orders(payload, "", "raw-1", 1)
    assert isinstance(result, Rejected)
    assert (result.reason, result.field) == ("invalid_quantity", field)


def test_the_shops_currency_counts_where_the_customer_paid_in_another() -> None:
    order = placed(presentment_currency="USD", total_price_set=price_set("26.60"))
    assert (order.currency, order.total_minor, order.paid_currency) == ("EUR", 2660, "EUR")


def test_a_set_in_another_currency_than_the_orders_is_not_added() -> None:
    order = placed(original_total_duties_set=price_set("164.86", "CAD"))
    assert (order.total_minor, difference(order)) == (2660, 0)


def test_a_total_in_another_currency_than_the_orders_is_refused() -> None:
    changes = {"total_price": None, "total_price_set": price_set("26.60", "CAD")}
    (result,) = Shopify().orders(json.dumps(shopify_order(**changes)).encode(), "", "raw-1", 1)
    assert isinstance(result, Rejected)
    assert result.reason == "invalid_amount"
    assert result.field == "total_price_set.shop_money.currency_code"


def test_a_test_order_is_an_order() -> None:
    assert placed(test=True).total_minor == 2660
