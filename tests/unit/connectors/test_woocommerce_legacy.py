"""Orders of WooCommerce's legacy API, whose form old webhooks still send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.channels import people
from connectors.channels.mapping import Rejected
from connectors.channels.woocommerce import WooCommerce
from schemas.orders import PlaceOrder
from schemas.totals import recomputed_total


def legacy_order(**changes: Any) -> dict[str, Any]:
    """Two lamps at 20.00 less a coupon, a bulb, a fee, shipping and tax."""
    return {
        "id": 811,
        "order_number": 811,
        "created_at": "2024-03-01T10:00:00Z",
        "updated_at": "2024-03-01T10:05:00Z",
        "status": "processing",
        "currency": "EUR",
        "total": "56.72",
        "subtotal": "47.50",
        "total_tax": "9.22",
        "total_shipping": "4.00",
        "cart_tax": "8.46",
        "shipping_tax": "0.76",
        "total_discount": "6.00",
        "payment_details": {"method_id": "paypal", "method_title": "PayPal", "paid": True},
        "billing_address": {"first_name": "Ida", "last_name": "Holm", "country": "DE",
                            "email": "ida@example.org"},
        "shipping_address": {"address_1": "Kai 4", "city": "Bremen", "country": "DE"},
        "note": "Ring twice",
        "line_items": [
            {"id": 1, "sku": "LAMP", "name": "Lamp", "quantity": 2, "price": "17.00",
             "subtotal": "40.00", "total": "34.00", "total_tax": "6.46", "subtotal_tax": "7.60",
             "meta": [{"key": "colour", "label": "Colour", "value": "red"}]},
            {"id": 2, "sku": "BULB", "name": "Bulb", "quantity": 1, "price": "7.50",
             "subtotal": "7.50", "total": "7.50", "total_tax": "1.43", "subtotal_tax": "1.43"},
        ],
        "shipping_lines": [
            {"id": 3, "method_id": "flat_rate", "method_title": "Parcel", "total": "4.00"}
        ],
        "tax_lines": [{"id": 4, "rate_id": "1", "title": "VAT", "total": "8.46"}],
        "fee_lines": [{"id": 5, "title": "Wrapping", "total": "2.00", "total_tax": "0.57"}],
        "coupon_lines": [{"id": 6, "code": "spring", "amount": "6.00"}],
        **changes,
    }  # fmt: skip


def placed(value: object) -> PlaceOrder:
    (order,) = WooCommerce().orders(json.dumps(value).encode(), "", "raw-1", 1)
    assert isinstance(order, PlaceOrder), order
    return order


def test_an_order_of_the_legacy_api_is_read_to_the_cent() -> None:
    order = placed({"order": legacy_order()})
    assert (order.external_id, order.currency) == ("811", "EUR")
    assert (order.total_minor, recomputed_total(order)) == (5672, 5672)
    assert [(one.sku, one.quantity, one.discount_minor) for one in order.lines] == [
        ("LAMP", 2, 600),
        ("BULB", 1, 0),
    ]
    assert (order.shipping_minor, order.shipping_method) == (400, "Parcel")
    assert [(one.code, one.amount_minor) for one in order.discounts] == [("spring", 600)]
    assert order.version == order.placed_at_ms + 300_000


def test_whom_it_names_and_what_they_wrote_is_kept() -> None:
    order = placed(legacy_order())
    assert (order.ship_to.line1, order.ship_to.country) == ("Kai 4", "DE")
    assert people.read(order).note == "Ring twice"
    (contact,) = WooCommerce().contacts(json.dumps(legacy_order()).encode(), "")
    assert contact.email == "ida@example.org"


def test_only_what_it_calls_paid_is_paid() -> None:
    assert placed(legacy_order()).paid_minor == 5672
    later = placed(legacy_order(payment_details={"method_id": "bacs", "paid": False}))
    assert (later.paid_minor, later.tenders[0].method) == (0, "invoice")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"status": "on-hold"}, "not_ready", "status"),
        ({"status": "completed"}, "nothing_to_deliver", "status"),
        ({"total": "much"}, "invalid_amount", "total"),
        ({"created_at": None}, "missing_field", "created_at"),
        ({"line_items": {}}, "wrong_type", "line_items"),
        ({"fee_lines": [3]}, "wrong_type", "fee_lines[0]"),
        ({"billing_address": "Bremen"}, "wrong_type", "billing_address"),
        ({"payment_details": 3, "line_items": []}, "missing_field", "line_items"),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], reason: str, field: str) -> None:
    payload = json.dumps(legacy_order(**changes)).encode()
    (error,) = WooCommerce().orders(payload, "", "raw-1", 1)
    assert isinstance(error, Rejected)
    assert (error.reason, error.field, error.external_id) == (reason, field, "811")
